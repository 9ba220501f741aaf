//! The buyer's side of a delivery: fetching and checking ciphertext before saying `ready`, opening
//! the envelope and the package, and disputing a segment that is not what was listed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use galen_api::{DealView, Part};
use galen_dataset::dispute::{EvidenceError, evidence};
use galen_dataset::manifest::{MAX_MANIFEST_BYTES, Manifest};
use galen_dataset::open::{Opened, check as check_package, open as open_package};
use galen_dataset::opener::OpenError;
use galen_dataset::output::Output;
use galen_dataset::pack::{Progress, Report};
use galen_dataset::package::{
    LAYOUT_FILE, LEAVES_FILE, Listing, MANIFEST_FILE, Offsets, PackageFolder, SEGMENTS_FILE,
    SUMMARY_FILE, check_leaves, check_segment, decode_leaves,
};
use galen_dataset::seal::MasterKey;
use galen_market::action::Action;
use galen_market::action::trade::Dispute;
use galen_market::codec::Bytes;
use galen_market::deal::{Deal, Stage, envelope_statement};
use galen_market::fee::FeePayer;
use galen_market::id::Digest;
use galen_market::listing::ListingId;
use galen_market::segment::{LEAF_BYTES, Leaf, manifest_hash};
use galen_zk::circuit::key_envelope;
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::keys::Prover;
use rand::rngs::OsRng;

use super::purchase::DealRecord;
use crate::error::{Exit, Failure};
use crate::session::{Done, Draft, Session};
use crate::wallet::Wallet;

/// Bytes fetched by one request.
const CHUNK_BYTES: u64 = 8 << 20;

fn damaged(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Input, "package.not_listed", what)
        .remedy("fetch from another node; nothing was kept")
}

/// Fetches the public package of a listing into a new folder and checks every byte of it against
/// the ledger's listing. A fetch that was cut off goes on with the first segment that is missing.
///
/// # Errors
/// When the node cannot be reached, or serves something else than what was listed.
pub fn fetch(
    session: &Session,
    listing: &ListingId,
    target: &Path,
    report: Report<'_>,
) -> Result<PackageFolder, Failure> {
    if target.exists() {
        let folder = PackageFolder::read(target)?;
        if folder.id() != listing.package {
            return Err(Failure::input(target, "holds another package")
                .remedy("give another folder with --out"));
        }
        return Ok(folder);
    }
    let client = session.client();
    let view = client.listing(listing)?;
    let manifest = client.part(&listing.package, Part::Manifest, MAX_MANIFEST_BYTES as u64)?;
    let known = Listing::new(
        view.summary.listing.root,
        view.summary.listing.key,
        Digest(manifest_hash(&manifest)),
        view.layout,
    );
    if known.id != listing.package {
        return Err(damaged(
            "the node's listing, layout and manifest are not those of the package",
        ));
    }
    let limit = known.layout.segments().saturating_mul(LEAF_BYTES as u64);
    let encoded = client.part(&listing.package, Part::Leaves, limit)?;
    let leaves = decode_leaves(&known.layout, &encoded)?;
    check_leaves(&known, &leaves)?;
    let offsets = Offsets::new(&known.layout, &Manifest::from_bytes(&manifest)?)?;

    let partial = target.with_extension("partial");
    fs::create_dir_all(&partial).map_err(|error| Failure::file(&partial, &error))?;
    let path = partial.join(SEGMENTS_FILE);
    let mut next = kept(&path, &leaves, &offsets)?;
    let mut out = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(|error| Failure::file(&path, &error))?;
    while next < offsets.segments() {
        report(Progress { done: next, total: offsets.segments() });
        next = fetch_some(session, listing, &leaves, &offsets, next, &mut out)
            .map_err(|failure| failure.at(path.display()))?;
    }
    out.sync_all().map_err(|error| Failure::file(&path, &error))?;
    report(Progress { done: next, total: next });
    let summary = known.summary()?;
    let layout = known.layout.to_bytes();
    for (name, bytes) in [
        (SUMMARY_FILE, &summary),
        (MANIFEST_FILE, &manifest),
        (LAYOUT_FILE, &layout),
        (LEAVES_FILE, &encoded),
    ] {
        let path = partial.join(name);
        File::create(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|error| Failure::file(&path, &error))?;
    }
    fs::rename(&partial, target)
        .and_then(|()| File::open(target.parent().unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| Failure::file(target, &error))?;
    Ok(PackageFolder::read(target)?)
}

/// How many segments an earlier fetch left whole; anything after them is cut off.
fn kept(path: &Path, leaves: &[Leaf], offsets: &Offsets) -> Result<u64, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let (mut next, mut end) = (0, 0);
    while let Some(range) = offsets.range(next) {
        let mut bytes = Vec::new();
        (&mut file)
            .take(range.end.saturating_sub(range.start))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if check_segment(leaves, next, &bytes).is_err() {
            break;
        }
        end = range.end;
        next += 1;
    }
    file.set_len(end).map_err(failed)?;
    Ok(next)
}

/// Fetches as many whole segments as one request takes, and keeps those that are right.
fn fetch_some(
    session: &Session,
    listing: &ListingId,
    leaves: &[Leaf],
    offsets: &Offsets,
    from: u64,
    out: &mut File,
) -> Result<u64, Failure> {
    let missing = || damaged("a segment has no place in the package");
    let first = offsets.range(from).ok_or_else(missing)?;
    let mut to = from + 1;
    let mut end = first.end;
    while let Some(range) =
        offsets.range(to).filter(|range| range.end.saturating_sub(first.start) <= CHUNK_BYTES)
    {
        end = range.end;
        to += 1;
    }
    let bytes = session.client().segments(&listing.package, first.start..end)?;
    for segment in from..to {
        let range = offsets.range(segment).ok_or_else(missing)?;
        let part = usize::try_from(range.start - first.start)
            .ok()
            .zip(usize::try_from(range.end - first.start).ok())
            .and_then(|(start, end)| bytes.get(start..end))
            .ok_or_else(missing)?;
        check_segment(leaves, segment, part).map_err(|error| {
            damaged(format!("{error}: the node serves other bytes than were listed"))
        })?;
        out.write_all(part)
            .map_err(|error| Failure::new(Exit::Failure, "file.io", error.to_string()))?;
    }
    Ok(to)
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
