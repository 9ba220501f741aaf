//! Listing a package: drafted, its parts stored, its blocks proven, live. Every step that
//! is done already is skipped, so that a run that was cut short is simply repeated.

use std::collections::BTreeSet;
use std::fs::{self, File};

use galen_api::{ListingFilter, ListingSummary, ListingView, Part};
use galen_dataset::manifest::{MAX_MANIFEST_BYTES, Manifest};
use galen_dataset::package::{
    self, LEAVES_FILE, Listing, MANIFEST_FILE, Offsets, PackageFolder, SEGMENTS_FILE, check_leaves,
    check_segment, decode_leaves,
};
use galen_dataset::verify::{Claimed, verify_bundles, verify_proofs};
use galen_market::action::Action;
use galen_market::action::trade::{DraftListing, ProveBlock, ReviseListing, WithdrawListing};
use galen_market::codec::{Bounded, Bytes, Text, encode};
use galen_market::fee::MAX_TRANSACTION_UNITS;
use galen_market::genesis::Parameters;
use galen_market::id::{Digest, PackageId};
use galen_market::listing::{ListingId, Offer, Royalty, Standing};
use galen_market::segment::{LEAF_BYTES, manifest_hash};
use galen_market::transaction::{MAX_ACTIONS, MAX_TRANSACTION_BYTES};
use galen_web::store::Store;
use galen_zk::keys::Verifier;
use serde::Serialize;

use super::licence;
use super::pack::claimed;
use super::store::{PackageRecord, PackageStore};
use super::upload::upload;
use crate::error::{Exit, Failure};
use crate::session::{Done, Session, account_of};
use crate::wallet::derive::AccountKey;

mod plan;

pub use plan::Plan;

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
    /// The ledger verified some blocks.
    Proven {
        /// Which, as table and block.
        blocks: Vec<(u32, u32)>,
        /// The transaction.
        done: Done,
    },
    /// Royalties that are owed upstream were put into the shares.
    Owing(Vec<Royalty>),
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
    stores: (&PackageStore, Option<&Store>),
    verifier: &Verifier,
    report: &dyn Fn(PublishStep),
) -> Result<Published, Failure> {
    let plan = Plan::of(session, record)?;
    if plan.record.offer != record.offer {
        report(PublishStep::Owing(plan.owed.clone()));
    }
    carry_out(session, key, folder, plan, stores, verifier, report)
}

/// Does what was planned, as [`publish`] does. A listing that this drafts is not revised.
///
/// # Errors
/// As [`publish`].
pub fn carry_out(
    session: &Session,
    key: &AccountKey,
    folder: &PackageFolder,
    plan: Plan,
    (packages, elsewhere): (&PackageStore, Option<&Store>),
    verifier: &Verifier,
    report: &dyn Fn(PublishStep),
) -> Result<Published, Failure> {
    let Plan { record, view, .. } = plan;
    let record = &record;
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
    let drafts = view.is_none();
    let view = match view {
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
    let text = record.offer.terms.licence_text;
    if !session.is_dry_run() {
        store(session, folder, &view, elsewhere, report)?;
        if view.summary.offer.terms.licence_text == text {
            licence::store(session, packages, &id, &text)?;
        }
    }
    match view.summary.listing.standing {
        Standing::Draft { .. } => {
            let proven: BTreeSet<(u32, u32)> = view.proven_blocks.iter().copied().collect();
            let mut missing = folder.layout().blocks().filter(|at| !proven.contains(at)).peekable();
            let mut waiting: Option<((u32, u32), Action)> = None;
            while waiting.is_some() || missing.peek().is_some() {
                let mut load = Load::new(session.parameters());
                let (mut group, mut actions) = (Vec::new(), Vec::new());
                loop {
                    let next = match waiting.take() {
                        Some(next) => next,
                        None => match missing.next() {
                            Some(at) => (at, prove_block(folder, record, at.0, at.1)?),
                            None => break,
                        },
                    };
                    if !load.takes(&next.1) {
                        waiting = Some(next);
                        break;
                    }
                    group.push(next.0);
                    actions.push(next.1);
                }
                let done = session.transact(actions, &[key])?;
                blocks += group.len() as u64;
                report(PublishStep::Proven { blocks: group, done });
            }
        }
        Standing::Live if view.summary.offer == record.offer => {}
        // Somebody closed what was only just drafted: that is not undone.
        Standing::Live | Standing::Withdrawn if drafts => {}
        Standing::Live | Standing::Withdrawn => {
            let revised = revise(&id, record.offer.clone());
            report(PublishStep::Revised(session.transact(vec![revised], &[key])?));
            if !session.is_dry_run() {
                licence::store(session, packages, &id, &text)?;
            }
        }
        Standing::TakenDown => {
            return Err(Failure::new(
                Exit::RefusedByLedger,
                "ledger.listing_taken_down",
                "the registrars took this listing down",
            )
            .remedy("look at the reason that they gave: `galen dataset show`"));
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

/// What fits into one transaction: the ledger verifies its proofs together, which is cheaper than one
/// after the other.
struct Load {
    actions: usize,
    bytes: usize,
    units: u64,
}

/// Bytes of a transaction beside its actions.
const ENVELOPE_BYTES: usize = 4 << 10;

impl Load {
    fn new(parameters: &Parameters) -> Self {
        // The ledger keeps a quarter of each block for deliveries and disputes.
        let of_block = parameters.max_block_units / 4 * 3;
        Self {
            actions: MAX_ACTIONS,
            bytes: MAX_TRANSACTION_BYTES - ENVELOPE_BYTES,
            units: MAX_TRANSACTION_UNITS.min(of_block).saturating_sub(1),
        }
    }

    /// Takes an action in; false if there is no room beside the others. A first one always fits.
    fn takes(&mut self, action: &Action) -> bool {
        let (bytes, units) = (encode(action).len(), action.units());
        let first = self.actions == MAX_ACTIONS;
        let fits = self.actions > 0 && bytes <= self.bytes && units <= self.units;
        self.actions = self.actions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.units = self.units.saturating_sub(units);
        first || fits
    }
}

/// A new version of an offer.
pub fn revise(id: &ListingId, offer: Offer) -> Action {
    Action::ReviseListing(ReviseListing { institution: id.institution, package: id.package, offer })
}

/// Takes a draft or listing back.
///
/// # Errors
/// A reason that is too long or holds control characters.
pub fn withdraw(id: &ListingId, reason: &str) -> Result<Action, Failure> {
    let reason =
        Text::new(reason).map_err(|error| Failure::usage(format!("the reason: {error}")))?;
    let ListingId { institution, package } = *id;
    Ok(Action::WithdrawListing(WithdrawListing { institution, package, reason }))
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
    /// Row blocks whose proofs were verified here.
    pub blocks: u64,
    /// Whether these are all of them, so that totals of charts were verified too.
    pub proven: bool,
    /// Whether anybody could have forged the proofs.
    pub forgeable_parameters: bool,
}

/// Fetches the parts of a listed package and its proofs and checks each: the parts hash to the package
/// id, leaves to the root, every ciphertext to its leaf; every row block's bundle proves what the ledger
/// says is claimed, and charts show the totals of all blocks.
///
/// # Errors
/// The first part or proof that is not what was listed.
pub fn check_remote(
    session: &Session,
    view: &ListingView,
    verifier: &Verifier,
    report: &(dyn Fn(u64, u64) + Sync),
) -> Result<Checked, Failure> {
    if session.genesis().proving_parameters.0 != verifier.parameters_hash() {
        return Err(Failure::new(
            Exit::Input,
            "params.other",
            "the ledger's proofs are made under other parameters than those of this program",
        )
        .remedy("name the folder of the ledger's ceremony in GALEN_CEREMONY"));
    }
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
    let blocks = listing.layout.blocks().count() as u64;
    let all = total.saturating_add(blocks);
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
        report(next, all);
    }
    // Totals say nothing before the last block is proven.
    let proven = !matches!(listed.standing, Standing::Draft { .. });
    if proven {
        let mut bundle = |table, block| -> Result<Vec<u8>, Failure> {
            Ok(client.block_proof(&listed.id, table, block)?.proof.bundle.to_vec())
        };
        let package = (&listing.layout, leaves.as_slice());
        verify_bundles(package, &claims(view), verifier, &mut bundle, &|progress| {
            report(total.saturating_add(progress.done), all);
        })?;
    }
    Ok(Checked {
        listing: listed.id,
        segments: total,
        blocks: if proven { blocks } else { 0 },
        proven,
        forgeable_parameters: verifier.is_forgeable(),
    })
}
