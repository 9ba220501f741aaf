//! Listing a package: drafted, its parts stored, its blocks proven, live. Every step that
//! is done already is skipped, so that a run that was cut short is simply repeated.

use std::fs::{self, File};

use galen_api::{ListingFilter, ListingSummary, ListingView, Part};
use galen_dataset::manifest::{MAX_MANIFEST_BYTES, Manifest};
use galen_dataset::package::{
    self, LEAVES_FILE, Listing, MANIFEST_FILE, Offsets, PackageFolder, SEGMENTS_FILE, check_leaves,
    check_segment, decode_leaves,
};
use galen_dataset::verify::{Claimed, verify_proofs};
use galen_market::action::Action;
use galen_market::action::trade::{DraftListing, ProveBlock, ReviseListing, WithdrawListing};
use galen_market::codec::{Bounded, Bytes};
use galen_market::id::{Digest, PackageId};
use galen_market::listing::{ListingId, Offer, Standing};
use galen_market::segment::{LEAF_BYTES, manifest_hash};
use galen_web::store::Store;
use galen_zk::keys::Verifier;
use serde::Serialize;

use super::pack::claimed;
use super::store::PackageRecord;
use super::upload::upload;
use crate::error::{Exit, Failure};
use crate::session::{Done, Session, account_of};
use crate::wallet::derive::AccountKey;

/// Bytes of segments that are fetched at once.
const FETCH_BYTES: u64 = 8 << 20;

/// How far publishing is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublishStep {
    /// The draft is on the ledger.
    Drafted(Done),
    /// The draft was there already, with so many of its blocks proven.
    Found {
        /// Blocks proven.
        proven: u64,
    },
    /// A part is being stored at the node.
    Storing {
        /// Which part.
        part: Part,
        /// Its length.
        bytes: u64,
    },
    /// Segments are being stored elsewhere.
    Uploaded {
        /// How many are given to the store.
        done: u64,
        /// Of how many.
        total: u64,
        /// Their length together.
        bytes: u64,
    },
    /// The ledger verified a block.
    Proven {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// The transaction.
        done: Done,
    },
    /// The offer has a new version.
    Revised(Done),
}

/// What publishing came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Published {
    /// The listing.
    pub listing: ListingId,
    /// Blocks that this run had proven on the ledger.
    pub blocks: u64,
    /// Where it stands.
    pub standing: Option<Standing>,
    /// Whether nothing was sent.
    pub dry_run: bool,
}

/// The package's public data as the draft of a listing.
///
/// # Errors
/// More tables than a listing may have.
pub fn draft(folder: &PackageFolder, record: &PackageRecord) -> Result<Action, Failure> {
    let Listing { root, key_commitment, manifest, layout, .. } = folder.listing().clone();
    let claims = Bounded::new(record.claims.clone())
        .map_err(|error| Failure::new(Exit::Input, "package.layout", error.to_string()))?;
    Ok(Action::DraftListing(DraftListing {
        institution: record.institution,
        root,
        segments: layout.segments(),
        key: key_commitment,
        layout,
        manifest,
        claims,
        lineage: record.lineage.clone(),
        offer: record.offer.clone(),
    }))
}

/// The proof of one row block as an action.
///
/// # Errors
/// When the bundle is missing, or larger than the ledger takes.
pub fn prove_block(
    folder: &PackageFolder,
    record: &PackageRecord,
    table: u32,
    block: u32,
) -> Result<Action, Failure> {
    let missing = || {
        Failure::new(
            Exit::Input,
            "package.layout",
            format!("there is no block {block} of table {table}"),
        )
    };
    let (leaves, path) = folder.block_leaves(table, block).ok_or_else(missing)?;
    let at = folder.proof_path(table, block);
    let bundle = fs::read(&at)
        .map_err(|error| Failure::file(&at, &error).remedy("make it with `galen dataset prove`"))?;
    let too_long = |error: galen_market::codec::CodecError| Failure::input(&at, error);
    Ok(Action::ProveBlock(ProveBlock {
        institution: record.institution,
        package: record.package,
        table,
        block,
        leaves: Bounded::new(leaves).map_err(too_long)?,
        path,
        bundle: Bytes::new(bundle).map_err(too_long)?,
    }))
}

/// Lists a package, or goes on where an earlier run stopped, and waits until it is live. The segments
/// are stored at the node, or in `elsewhere`.
///
/// # Errors
/// When a proof is missing or false, the node refuses a step, or cannot be reached. Steps that were
/// done stay done.
pub fn publish(
    session: &Session,
    key: &AccountKey,
    folder: &PackageFolder,
    record: &PackageRecord,
    verifier: &Verifier,
    elsewhere: Option<&Store>,
    report: &dyn Fn(PublishStep),
) -> Result<Published, Failure> {
    if account_of(key) != record.institution {
        return Err(Failure::new(
            Exit::Key,
            "key.other",
            "the package was packed for another account of the wallet",
        )
        .remedy("use the wallet and index with which it was packed"));
    }
    if folder.id() != record.package {
        let (expected, found) = (record.package, folder.id());
        return Err(galen_dataset::package::PackageError::OtherPackage { expected, found }.into());
    }
    // What the ledger would refuse is found before anything is sent.
    verify_proofs(folder, &claimed(record), verifier, &|_| ())?;
    let id = record.listing();
    let mut blocks = 0u64;
    let view = match find(session, &id)? {
        Some(view) => {
            // The ledger forgets which blocks were proven once all of them are.
            let proven = match view.summary.listing.standing {
                Standing::Draft { .. } => view.proven_blocks.len(),
                _ => folder.layout().blocks().count(),
            };
            report(PublishStep::Found { proven: proven as u64 });
            view
        }
        None => {
            let done = session.transact(vec![draft(folder, record)?], &[key])?;
            let tried = done.is_dry_run();
            report(PublishStep::Drafted(done));
            if tried {
                return Ok(Published { listing: id, blocks, standing: None, dry_run: true });
            }
            session.client().listing(&id)?
        }
    };
    if !session.is_dry_run() {
        store(session, folder, &view, elsewhere, report)?;
    }
    match view.summary.listing.standing {
        Standing::Draft { .. } => {
            for (table, block) in folder.layout().blocks() {
                if view.proven_blocks.contains(&(table, block)) {
                    continue;
                }
                let done =
                    session.transact(vec![prove_block(folder, record, table, block)?], &[key])?;
                blocks += 1;
                report(PublishStep::Proven { table, block, done });
            }
        }
        Standing::Live if view.summary.offer == record.offer => {}
        Standing::Live | Standing::Withdrawn => {
            let revised = revise(&id, record.offer.clone());
            report(PublishStep::Revised(session.transact(vec![revised], &[key])?));
        }
        Standing::Refunded { .. } => {
            return Err(Failure::new(
                Exit::RefusedByLedger,
                "ledger.package_refunded",
                "a dispute showed that this package is not what was listed",
            )
            .remedy("pack the data anew and list the new package"));
        }
    }
    let standing = if session.is_dry_run() {
        view.summary.listing.standing
    } else {
        session.client().listing(&id)?.summary.listing.standing
    };
    Ok(Published { listing: id, blocks, standing: Some(standing), dry_run: session.is_dry_run() })
}

/// A new version of an offer.
pub fn revise(id: &ListingId, offer: Offer) -> Action {
    Action::ReviseListing(ReviseListing { institution: id.institution, package: id.package, offer })
}

/// Takes a draft or listing back.
pub fn withdraw(id: &ListingId) -> Action {
    Action::WithdrawListing(WithdrawListing { institution: id.institution, package: id.package })
}

/// Stores the parts that the node does not serve yet.
fn store(
    session: &Session,
    folder: &PackageFolder,
    view: &ListingView,
    elsewhere: Option<&Store>,
    report: &dyn Fn(PublishStep),
) -> Result<(), Failure> {
    if let Some(elsewhere) = elsewhere {
        let bytes = folder.offsets().total();
        upload(folder, elsewhere, &|done, total| {
            report(PublishStep::Uploaded { done, total, bytes })
        })?;
    }
    for part in Part::ALL {
        let name = match part {
            // The ledger itself has the layout.
            Part::Layout => continue,
            Part::Segments if elsewhere.is_some() => continue,
            Part::Manifest => MANIFEST_FILE,
            Part::Leaves => LEAVES_FILE,
            Part::Segments => SEGMENTS_FILE,
        };
        if view.served.contains(&part) {
            continue;
        }
        let path = folder.path().join(name);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, mut file) = opened.map_err(|error| Failure::file(&path, &error))?;
        report(PublishStep::Storing { part, bytes });
        session.client().store(&view.summary.listing.id, part, bytes, &mut file)?;
    }
    Ok(())
}

/// A listing, if there is one.
///
/// # Errors
/// When the node cannot be reached.
pub fn find(session: &Session, id: &ListingId) -> Result<Option<ListingView>, Failure> {
    match session.client().listing(id) {
        Ok(view) => Ok(Some(view)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// All listings that a filter wants, page after page, at most so many.
///
/// # Errors
/// When the node cannot be reached.
pub fn all(
    session: &Session,
    filter: &ListingFilter,
    most: usize,
) -> Result<Vec<ListingSummary>, Failure> {
    let mut filter = filter.clone();
    let mut found = Vec::new();
    loop {
        let page = session.client().listings(&filter)?;
        found.extend(page.items);
        if found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
        // A node that never ends its list would keep us here for ever.
        if page.next.is_none() || page.next == filter.after {
            return Ok(found);
        }
        filter.after = page.next;
    }
}

/// The listing that a person named: a package id or at least six of its first digits, listed by one
/// institution, or `institution/package`.
///
/// # Errors
/// When nothing or more than one fits.
pub fn named(session: &Session, text: &str) -> Result<ListingId, Failure> {
    let wrong = |what: &str| {
        Failure::new(Exit::Usage, "listing.name", format!("`{text}` {what}")).remedy(
            "look at `galen dataset list --all`; give the package's id, or institution/package",
        )
    };
    let (institution, package) = match text.split_once('/') {
        Some((institution, package)) => {
            let institution = institution
                .parse()
                .map_err(|_| wrong("does not begin with an institution's account"))?;
            (Some(institution), package)
        }
        None => (None, text),
    };
    if let (Some(institution), Ok(package)) = (institution, package.parse::<PackageId>()) {
        return Ok(ListingId { institution, package });
    }
    if package.len() < 6 {
        return Err(wrong("is too short for a package's id"));
    }
    let filter = ListingFilter { institution, all: true, ..ListingFilter::default() };
    let mut fitting: Vec<ListingId> = all(session, &filter, usize::MAX)?
        .into_iter()
        .map(|summary| summary.listing.id)
        .filter(|id| id.package.to_string().starts_with(package))
        .collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(id), true) => Ok(id),
        (Some(_), false) => Err(wrong("is listed more than once")),
        (None, _) => Err(Failure::new(
            Exit::Failure,
            "not_found",
            format!("`{text}` is not listed on this ledger"),
        )
        .remedy("look at `galen dataset list --all`")),
    }
}

/// What is claimed of a listing, as the ledger says it.
pub fn claims(view: &ListingView) -> Claimed {
    let listing = &view.summary.listing;
    Claimed {
        package: listing.id.package,
        institution: listing.id.institution,
        claims: view.claims.clone(),
    }
}

/// What was checked of a listing from afar.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Checked {
    /// The listing.
    pub listing: ListingId,
    /// Segments whose ciphertext is the one of its leaf.
    pub segments: u64,
    /// Row blocks whose proof the ledger accepted.
    pub blocks: u64,
    /// Whether every block is proven.
    pub proven: bool,
    /// Whether anybody could have forged the proofs.
    pub forgeable_parameters: bool,
}

/// Fetches the parts of a listed package and checks each: the parts hash to the package id, leaves to
/// the root, every ciphertext to its leaf. That the k holds was checked by the ledger.
///
/// # Errors
/// The first part that is not what was listed.
pub fn check_remote(
    session: &Session,
    view: &ListingView,
    report: &dyn Fn(u64, u64),
) -> Result<Checked, Failure> {
    let listed = &view.summary.listing;
    let listing = Listing::new(listed.root, listed.key, listed.manifest, view.layout.clone());
    if listing.id != listed.id.package {
        let (expected, found) = (listed.id.package, listing.id);
        return Err(package::PackageError::OtherPackage { expected, found }.into());
    }
    let client = session.client();
    let id = &listed.id.package;
    let bytes = client.part(id, Part::Manifest, MAX_MANIFEST_BYTES as u64)?;
    if Digest(manifest_hash(&bytes)) != listed.manifest {
        return Err(package::PackageError::Id.into());
    }
    let manifest = Manifest::from_bytes(&bytes)?;
    manifest.agrees_with(&listing.layout).map_err(package::PackageError::ManifestDisagrees)?;
    let expected = listing.layout.segments().saturating_mul(LEAF_BYTES as u64);
    let leaves = decode_leaves(
        &listing.layout,
        &client.part(id, Part::Leaves, expected.saturating_add(1))?,
    )?;
    check_leaves(&listing, &leaves)?;
    let offsets = Offsets::new(&listing.layout, &manifest)?;
    let total = offsets.segments();
    let mut next = 0u64;
    while next < total {
        let range = |segment| offsets.range(segment).unwrap_or(0..0);
        let start = range(next).start;
        let mut last = next;
        while last + 1 < total && range(last + 1).end.saturating_sub(start) <= FETCH_BYTES {
            last += 1;
        }
        let bytes = client.segments(id, start..range(last).end)?;
        for segment in next..=last {
            let range = range(segment);
            let from = usize::try_from(range.start - start).unwrap_or(usize::MAX);
            let to = usize::try_from(range.end - start).unwrap_or(usize::MAX);
            check_segment(&leaves, segment, bytes.get(from..to).unwrap_or_default())?;
        }
        next = last + 1;
        report(next, total);
    }
    let proven = !matches!(listed.standing, Standing::Draft { .. });
    let all_blocks = listing.layout.blocks().count() as u64;
    Ok(Checked {
        listing: listed.id,
        segments: total,
        blocks: if proven { all_blocks } else { view.proven_blocks.len() as u64 },
        proven,
        forgeable_parameters: view.summary.forgeable_parameters,
    })
}
