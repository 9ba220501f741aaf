//! Checking a package folder against its listing: what anybody can do without a key.
//!
//! Nothing in the folder is trusted. Leaves, layout and manifest must hash to the package id that
//! the listing names, every ciphertext to its leaf, and every row block must have a bundle that
//! proves what is listed of the commitments in its leaves. Depends on `package` and on `galen_zk`.

use std::io;
use std::path::Path;

use galen_market::id::{AccountId, PackageId};
use galen_market::layout::Layout;
use galen_market::listing::{ClaimError, TableClaims, check_claims};
use galen_market::segment::Leaf;
use galen_zk::bundle::{BlockClaims, Bundle, BundleContext, MAX_BUNDLE_BYTES, bundle_items};
use galen_zk::keys::Verifier;
use galen_zk::point::G1Point;
use galen_zk::proof::ProofError;

use crate::durable::{FileError, read_bounded};
use crate::pack::{Progress, Report};
use crate::package::{PackageError, PackageFolder};

/// Bundles that are verified together.
const TOGETHER: usize = 8;

/// Why a folder is not what was listed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A part of the folder is wrong.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// What is listed does not fit the Layout.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// There is no such row block.
    #[error("there is no block {block} of table {table}")]
    NoBlock {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
    },
    /// The claim in a leaf is no point of the curve.
    #[error("leaves: the claim of segment {segment} is no commitment")]
    Claim {
        /// Which segment.
        segment: u64,
    },
    /// The bundle of a block is missing or cannot be read.
    #[error("no proof of block {block} of table {table}: {source}")]
    NoProof {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// What the operating system said.
        #[source]
        source: FileError,
    },
    /// The bundle of a block is not the encoding of one.
    #[error("block {block} of table {table}: not its proof bundle: {source}")]
    Malformed {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The published totals of a chart are not the sum of what the blocks commit to.
    #[error("the published totals of column {column} of table {table} are not those of its blocks")]
    Totals {
        /// Which table.
        table: u32,
        /// Which column.
        column: u32,
    },
    /// The bundle of a block does not prove the claim.
    #[error("block {block} of table {table}: its proof bundle: {source}")]
    Proof {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// Why.
        #[source]
        source: ProofError,
    },
}

/// What is listed, and who listed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// The package that the listing names.
    pub package: PackageId,
    /// The institution that listed it.
    pub institution: AccountId,
    /// What is claimed of each table.
    pub claims: Vec<TableClaims>,
}

impl Claimed {
    /// The place that the bundle of a block is made for.
    #[must_use]
    pub fn context(&self, table: u32, block: u32) -> BundleContext {
        BundleContext { package: self.package.0, institution: self.institution.0, table, block }
    }

    /// The k of a table; zero if nothing is claimed of it.
    #[must_use]
    pub fn k(&self, table: u32) -> u32 {
        self.claims.get(table as usize).map_or(0, |claims| claims.k)
    }
}

/// The claims about one row block, from the Layout, the leaves and what is listed of the table.
///
/// # Errors
/// [`VerifyError::NoBlock`] or [`VerifyError::Claim`].
pub fn block_claims(
    layout: &Layout,
    leaves: &[Leaf],
    table: u32,
    block: u32,
    claims: &TableClaims,
) -> Result<BlockClaims, VerifyError> {
    let none = || VerifyError::NoBlock { table, block };
    let spec = layout.tables().get(table as usize).ok_or_else(none)?;
    let first = spec.segment(block, 0).ok_or_else(none)?;
    let from = usize::try_from(first).map_err(|_| none())?;
    let to = from.checked_add(spec.columns.len()).ok_or_else(none)?;
    let commitments = (first..)
        .zip(leaves.get(from..to).ok_or_else(none)?)
        .map(|(segment, leaf)| {
            G1Point::from_bytes(&leaf.claim).map_err(|_| VerifyError::Claim { segment })
        })
        .collect::<Result<_, _>>()?;
    claims.of_block(layout, table, block, commitments).ok_or_else(none)
}

/// Checks the bundle of one block in a file, and returns the commitments to the block's shares of the
/// charts.
///
/// # Errors
/// See [`VerifyError`].
pub(crate) fn verify_at(
    path: &Path,
    folder: &PackageFolder,
    claimed: &Claimed,
    verifier: &Verifier,
    (table, block): (u32, u32),
) -> Result<Vec<G1Point>, VerifyError> {
    let bytes = read_bounded(path, MAX_BUNDLE_BYTES as u64)
        .map_err(|source| VerifyError::NoProof { table, block, source })?;
    let bundle =
        Bundle::decode(&bytes).map_err(|source| VerifyError::Malformed { table, block, source })?;
    let listed = claimed.claims.get(table as usize).ok_or(VerifyError::NoBlock { table, block })?;
    let claims = block_claims(folder.layout(), folder.leaves(), table, block, listed)?;
    verifier
        .verify_bundle(&claimed.context(table, block), &claims, &bundle)
        .map_err(|source| VerifyError::Proof { table, block, source })
}

/// Checks everything public: that the folder is the listed package, every ciphertext, every proof,
/// and that the totals of the charts are those of all blocks.
///
/// # Errors
/// See [`VerifyError`]; the first that is found.
pub fn verify(
    folder: &PackageFolder,
    claimed: &Claimed,
    verifier: &Verifier,
    report: Report<'_>,
) -> Result<(), VerifyError> {
    if folder.id() != claimed.package {
        let (expected, found) = (claimed.package, folder.id());
        return Err(PackageError::OtherPackage { expected, found }.into());
    }
    let segments = folder.offsets().segments();
    let total = segments.saturating_add(folder.layout().blocks().count() as u64);
    folder.check_segments(&|done| report(Progress { done, total }))?;
    verify_proofs(folder, claimed, verifier, &|progress| {
        report(Progress { done: segments.saturating_add(progress.done), total });
    })
}

/// Checks the bundle of every block, and that the totals of the charts are those of all blocks. Of
/// the ciphertext it says nothing.
///
/// # Errors
/// See [`VerifyError`]; the first that is found.
pub fn verify_proofs(
    folder: &PackageFolder,
    claimed: &Claimed,
    verifier: &Verifier,
    report: Report<'_>,
) -> Result<(), VerifyError> {
    let mut bundle = |table, block| {
        read_bounded(&folder.proof_path(table, block), MAX_BUNDLE_BYTES as u64)
            .map_err(|source| VerifyError::NoProof { table, block, source })
    };
    let package = (folder.layout(), folder.leaves());
    verify_bundles(package, claimed, verifier, &mut bundle, report)
}

/// The same for bundles from anywhere: `bundle` gives the bytes of that of a table's block, which it is
/// asked for in order. Layout and leaves are known to be those of the package. Bundles are verified
/// several together, and no more than that many are in memory.
///
/// # Errors
/// What `bundle` returns, and as [`verify_proofs`].
pub fn verify_bundles<E: From<VerifyError>>(
    (layout, leaves): (&Layout, &[Leaf]),
    claimed: &Claimed,
    verifier: &Verifier,
    bundle: &mut dyn FnMut(u32, u32) -> Result<Vec<u8>, E>,
    report: Report<'_>,
) -> Result<(), E> {
    check_claims(layout, &claimed.claims, 1).map_err(VerifyError::from)?;
    let blocks: Vec<(u32, u32)> = layout.blocks().collect();
    let total = blocks.len() as u64;
    let mut done = 0u64;
    let mut shares: Vec<Vec<Vec<G1Point>>> = vec![Vec::new(); claimed.claims.len()];
    for piece in blocks.chunks(TOGETHER) {
        let mut batch = verifier.batch();
        // The block of every item.
        let mut of_items: Vec<(u32, u32)> = Vec::new();
        for (table, block) in piece.iter().copied() {
            let none = VerifyError::NoBlock { table, block };
            let listed = claimed.claims.get(table as usize).ok_or(none)?;
            let claims = block_claims(layout, leaves, table, block, listed)?;
            let bundle = Bundle::decode(&bundle(table, block)?)
                .map_err(|source| VerifyError::Malformed { table, block, source })?;
            let context = claimed.context(table, block);
            let (items, commitments) = bundle_items(verifier, &context, &claims, &bundle)
                .map_err(|source| VerifyError::Proof { table, block, source })?;
            of_items.extend(items.iter().map(|_| (table, block)));
            items.into_iter().for_each(|item| batch.push(item));
            if let Some(blocks) = shares.get_mut(table as usize) {
                blocks.push(commitments);
            }
        }
        for (result, (table, block)) in batch.verify().into_iter().zip(of_items) {
            result.map_err(|source| VerifyError::Proof { table, block, source })?;
        }
        done = done.saturating_add(piece.len() as u64);
        report(Progress { done, total });
    }
    let powers = verifier.summary_powers();
    for ((table, claims), blocks) in (0u32..).zip(&claimed.claims).zip(&shares) {
        for (at, chart) in claims.charts.iter().enumerate() {
            let of_chart = blocks.iter().filter_map(|block| block.get(at));
            let blinders = chart.blinders.map(|blinder| blinder.0);
            if !powers.opens_to(of_chart, &chart.totals, &blinders) {
                return Err(VerifyError::Totals { table, column: chart.column }.into());
            }
        }
    }
    Ok(())
}
