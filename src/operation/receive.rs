//! The buyer's side of a delivery: fetching and checking ciphertext before saying `ready`, opening
//! the envelope and the package, and disputing a segment that is not what was listed.

use std::fs;
use std::path::{Path, PathBuf};

use galen_api::{DealView, ListingView, Part};
use galen_dataset::dispute::{EvidenceError, evidence};
use galen_dataset::manifest::MAX_MANIFEST_BYTES;
use galen_dataset::open::{Opened, check as check_package, open as open_package};
use galen_dataset::opener::OpenError;
use galen_dataset::output::Output;
use galen_dataset::pack::Report;
use galen_dataset::package::{Listing, PackageError, PackageFolder, check_leaves, decode_leaves};
use galen_dataset::partial::Partial;
use galen_dataset::seal::MasterKey;
use galen_market::action::Action;
use galen_market::action::trade::Dispute;
use galen_market::codec::Bytes;
use galen_market::deal::{Deal, Stage, envelope_statement};
use galen_market::fee::FeePayer;
use galen_market::id::Digest;
use galen_market::listing::ListingId;
use galen_market::segment::{LEAF_BYTES, manifest_hash};
use galen_zk::circuit::key_envelope;
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::keys::Prover;
use rand::rngs::OsRng;

use super::purchase::DealRecord;
use crate::error::{Exit, Failure};
use crate::mirror::address::Mirror;
use crate::mirror::{Fetched, Mirrors, Patience, Watch};
use crate::session::{Done, Draft, Session};
use crate::wallet::Wallet;

/// Where a package is fetched from, besides its listing's node and locations.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Addresses that the user named; they are asked first.
    pub mirrors: Vec<Mirror>,
    /// Whether the listing's locations may be addresses of this machine or its network.
    pub inside: bool,
    /// How long to wait for each.
    pub patience: Patience,
}

/// Fetches the public package of a listing into a new folder and checks every byte of it against
/// the ledger's listing, from all mirrors at once. A fetch that was cut off, however it was, goes on
/// with the segments that are missing, as does one into a folder that was whole and is not any more.
/// What was fetched, unless all was there already.
///
/// # Errors
/// When no mirror serves what was listed, or the folder cannot be written.
pub fn fetch(
    session: &Session,
    listing: &ListingId,
    target: &Path,
    sources: &Sources,
    watch: &dyn Watch,
) -> Result<(PackageFolder, Fetched), Failure> {
    if target.exists() {
        let folder = PackageFolder::read(target)?;
        if folder.id() != listing.package {
            return Err(Failure::input(target, "holds another package")
                .remedy("give another folder with --out"));
        }
        // A buyer who says `ready` gives up the claim that bytes were missing: they are read again.
        let Err(damage) = folder.check_segments(&|_| {}) else {
            let kept = folder.layout().segments();
            return Ok((folder, Fetched { kept, ..Fetched::default() }));
        };
        reopen(target, &damage)?;
    }
    let view = session.client().listing(listing)?;
    let mirrors =
        Mirrors::new(listing.package, mirrors(session, &view, sources, watch)?, sources.patience)?;
    let listed = view.summary.listing;
    let known = |manifest: &[u8]| {
        let digest = Digest(manifest_hash(manifest));
        Listing::new(listed.root, listed.key, digest, view.layout.clone())
    };
    let partial_folder = partial_path(target);
    let runtime = super::node::runtime()?;
    runtime.block_on(async {
        let manifest = mirrors
            .part(Part::Manifest, MAX_MANIFEST_BYTES as u64, watch, |bytes| {
                let right = known(&bytes).id == listing.package;
                if right {
                    Ok(bytes)
                } else {
                    Err("its manifest is not the one that was listed".into())
                }
            })
            .await?;
        let known = known(&manifest);
        let limit = known.layout.segments().saturating_mul(LEAF_BYTES as u64);
        let leaves = mirrors
            .part(Part::Leaves, limit, watch, |bytes| {
                let wrong = |error: PackageError| error.to_string();
                let leaves = decode_leaves(&known.layout, &bytes).map_err(wrong)?;
                check_leaves(&known, &leaves).map_err(wrong)?;
                Ok(leaves)
            })
            .await?;
        let partial = Partial::begin(&partial_folder, known, manifest, leaves)?;
        let kept = partial.kept(&|_| {})?;
        let fetched = mirrors.segments(&partial, kept, watch).await?;
        Ok((partial.finish(target)?, fetched))
    })
}

/// Takes its name from a folder in which a segment is not what was listed, so that what it lacks is
/// fetched again.
fn reopen(target: &Path, damage: &PackageError) -> Result<(), Failure> {
    let partial = partial_path(target);
    if partial.exists() {
        return Err(Failure::input(target, damage)
            .remedy(format!("{} is there too: remove one of the two folders", partial.display())));
    }
    fs::rename(target, &partial).map_err(|error| Failure::file(target, &error))
}

/// Where a package is kept until it is whole: beside its place.
pub fn partial_path(target: &Path) -> PathBuf {
    target.with_extension("partial")
}

/// The mirrors of a listing: those that the user named, the node, and the listing's locations.
fn mirrors(
    session: &Session,
    view: &ListingView,
    sources: &Sources,
    watch: &dyn Watch,
) -> Result<Vec<Mirror>, Failure> {
    let mut all = sources.mirrors.clone();
    let mut add = |mirror: Mirror| {
        if !all.iter().any(|known| known.is_same_place(&mirror)) {
            all.push(mirror);
        }
    };
    let node = session.client().node();
    let own = Mirror::named(node).map_err(|why| Failure::usage(format!("{node}: {why}")))?;
    add(if view.served.contains(&Part::Segments) { own } else { own.without_segments() });
    for location in &view.summary.offer.locations {
        match Mirror::listed(location.as_str(), sources.inside) {
            Ok(mirror) => add(mirror),
            Err(why) => watch.left(location.as_str(), &why),
        }
    }
    Ok(all)
}

/// The master key out of a deal's envelope.
///
/// # Errors
/// When the key was not delivered yet, or the deal is not of this wallet.
pub fn master_key(
    wallet: &Wallet,
    record: &DealRecord,
    view: &DealView,
    commitment: galen_zk::field::Scalar,
) -> Result<MasterKey, Failure> {
    let Some(envelope) = &view.deal.envelope else {
        return Err(Failure::new(
            Exit::Failure,
            "deal.not_delivered",
            format!("deal {} is {}: its key was not delivered", record.deal, view.deal.stage),
        )
        .remedy(match view.deal.stage {
            Stage::Agreed => "fetch the package and say that you are ready: `galen deal fetch`, `galen deal ready`",
            Stage::Terminated => "the price was paid back; nothing more will happen",
            _ => "wait for the institution; if it is late, the price comes back by itself",
        }));
    };
    let keys = wallet.deal(record.index);
    let public =
        envelope_statement(&view.deal, commitment, envelope.ephemeral, envelope.ciphertext);
    let key = key_envelope::open(&public, &keys.delivery).map_err(|error| {
        Failure::new(Exit::Key, "deal.other_wallet", error.to_string())
            .remedy("use the wallet that made the request")
    })?;
    Ok(MasterKey::from(key))
}

/// Opens a delivered package into a new folder: every table in the form that is asked for, and every
/// file, each equal to what was packed; every commitment is rebuilt before anything gets its name. The
/// warnings of what was opened are for the buyer to read.
///
/// # Errors
/// When the key is not there yet or a segment is not what was listed; the failure
/// `package.disputable` names a segment that can be disputed.
pub fn decrypt(
    session: &Session,
    wallet: &Wallet,
    record: &DealRecord,
    prover: &Prover,
    folder: &PackageFolder,
    (target, output): (&Path, &Output),
    report: Report<'_>,
) -> Result<Opened, Failure> {
    let view = session.client().deal(&record.deal)?;
    let key = master_key(wallet, record, &view, folder.listing().key_commitment)?;
    let powers = prover.powers()?;
    open_package(folder, key, &powers, target, output, report)
        .map_err(|error| not_opened(record, &error))
}

/// The segment that a dispute would name, if opening failed by the institution's fault.
///
/// # Errors
/// As [`decrypt`], for any failure that no dispute would answer.
pub fn find_fault(
    session: &Session,
    wallet: &Wallet,
    record: &DealRecord,
    prover: &Prover,
    folder: &PackageFolder,
    report: Report<'_>,
) -> Result<Option<u64>, Failure> {
    let view = session.client().deal(&record.deal)?;
    let key = master_key(wallet, record, &view, folder.listing().key_commitment)?;
    let powers = prover.powers()?;
    match check_package(folder, key, &powers, report) {
        Ok(_) => Ok(None),
        Err(error) => error.disputable().map(Some).ok_or_else(|| not_opened(record, &error)),
    }
}

fn not_opened(record: &DealRecord, error: &OpenError) -> Failure {
    match error.disputable() {
        Some(segment) => Failure::new(
            Exit::Input,
            "package.disputable",
            format!("segment {segment} is not what was listed: {error}"),
        )
        .remedy(format!(
            "`galen deal dispute {}` gets the price back, with a compensation",
            record.deal
        )),
        None if matches!(error, OpenError::Longer { .. }) => {
            Failure::new(Exit::Input, "package.longer", error.to_string()).remedy(
                "its own statement is false, and no dispute answers that: `galen deal decrypt --any-length` opens it all the same, if the disk has room",
            )
        }
        None => Failure::new(Exit::Input, "package.not_opened", error.to_string())
            .remedy("if the folder was changed after it was fetched, fetch it again"),
    }
}

/// Shows the ledger a segment that is not what was listed. One that is good is refused before
/// anything is sent, since a dispute publishes the segment's key.
///
/// # Errors
/// When there is nothing to dispute, or the ledger refuses.
pub fn dispute(
    session: &Session,
    wallet: &Wallet,
    record: &DealRecord,
    prover: &Prover,
    folder: &PackageFolder,
    segment: u64,
) -> Result<Done, Failure> {
    let view = session.client().deal(&record.deal)?;
    let key = master_key(wallet, record, &view, folder.listing().key_commitment)?;
    let powers = prover.powers()?;
    let found = evidence(folder, key, &powers, segment).map_err(|error| match error {
        EvidenceError::Good(_) => {
            Failure::new(Exit::RefusedByLedger, "dispute.unfounded", error.to_string())
                .remedy("nothing was sent")
        }
        other => Failure::new(Exit::Input, "dispute.evidence", other.to_string())
            .remedy("fetch the package again"),
    })?;
    let public = SegmentKeyPublic::of(key.scalar(), segment, Deal::scalar(&record.deal));
    let witness = SegmentKeyWitness { key: key.scalar() };
    let unproven = |what: String| Failure::new(Exit::RefusedProof, "dispute.unproven", what);
    let proof = prover
        .prove(&SegmentKey, &public, &witness, &mut OsRng)
        .map_err(|error| unproven(error.to_string()))?;
    let proof = borsh::to_vec(&proof).map_err(|error| unproven(error.to_string()))?;
    let action = Action::Dispute(Dispute {
        deal: record.deal,
        segment,
        leaf: found.leaf,
        path: found.path,
        ciphertext: Bytes::new(found.ciphertext)
            .map_err(|_| unproven("the segment is too long".to_owned()))?,
        segment_key: found.segment_key,
        proof: Bytes::new(proof).map_err(|_| unproven("the proof is too long".to_owned()))?,
    });
    let keys = wallet.deal(record.index);
    session.run(
        &Draft::new(vec![action], Vec::new())
            .paid_by(FeePayer::Deal(record.deal), record.price.currency.clone())
            .with_deal_key(&keys.authorisation),
    )
}
