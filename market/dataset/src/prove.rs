//! Proving what is claimed of every row block of a packed table: the institution's side.
//!
//! The cells come from the sealed package itself, each checked against its leaf, so that a source
//! file changed since packing cannot slip in. Several blocks are proven at a time, and no more than
//! that many are in memory. Every opening is spent in the log, synced, before the bundle gets its name
//! and can be sent; a killed run goes on where it stopped. Depends on `opener`, `attempts`, `shares`,
//! `property`, `verify` and `galen_zk`.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use galen_market::codec::Bounded;
use galen_market::listing::{ClaimError, TableClaims, check_claims};
use galen_zk::commitment::Column;
use galen_zk::field::{Fr, Scalar};
use galen_zk::keys::{Prover, Step};
use galen_zk::proof::{ProofError, ProveError};
use galen_zk::summary::{SUMMARY_BLINDERS, Summary};
use rand::rngs::OsRng;

use crate::attempts::{AttemptError, AttemptLog};
use crate::durable::{At, FileError, Pending};
use crate::opener::{OpenError, Opener};
use crate::package::{PROOFS_FOLDER, PackageError, PackageFolder};
use crate::property::{Offence, offence};
use crate::seal::PackageSecret;
use crate::shard::is_whole;
use crate::shares::{self, ShareError};
use crate::stated;
use crate::verify::{Claimed, VerifyError, block_claims, verify_at};

/// Why a package is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProvingError {
    /// The secret is of another package.
    #[error("the secret is not of this package")]
    OtherSecret,
    /// The package changed since it was sealed, or the key does not open it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is to be listed does not fit the Layout.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// A claim does not hold, so there is nothing to prove.
    #[error("{sentence}")]
    Property {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// What breaks which claim.
        offence: Offence,
        /// The same in words.
        sentence: String,
    },
    /// No opening is left, or the log cannot be used.
    #[error(transparent)]
    Attempts(#[from] AttemptError),
    /// The columns are not those of the leaves.
    #[error(
        "block {block} of table {table}: its cells are not those that were committed to; the package was changed after it was sealed"
    )]
    Changed {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
    },
    /// The proof could not be made.
    #[error("block {block} of table {table}: {source}")]
    Prove {
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// Why.
        #[source]
        source: ProveError,
    },
    /// A bundle is missing or false, or the claims in the leaves are malformed.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The private side of a bundle cannot be used.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The charts that were to be published are not those of the table.
    #[error(
        "the totals of column {column} of table {table} are not those of its cells; pack the data anew"
    )]
    Totals {
        /// Which table.
        table: u32,
        /// Which column.
        column: u32,
    },
    /// A shard that is none of this package, or of other blocks.
    #[error("{0}")]
    Shard(String),
    /// Some bundles of a table are older than totals that were stated, others newer.
    #[error(
        "table {table}: totals were stated, and since then some of its blocks were proven again and others not; stated again, they would tell something of single blocks"
    )]
    Mixed {
        /// Which table.
        table: u32,
    },
    /// A proof could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<PackageError> for ProvingError {
    fn from(error: PackageError) -> Self {
        Self::Open(error.into())
    }
}

/// How far proving is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofStep {
    /// Row blocks that are done.
    pub done: u64,
    /// Of how many.
    pub total: u64,
    /// Table of the block that is being proven.
    pub table: u32,
    /// The block.
    pub block: u32,
    /// What of it is being done.
    pub step: Step,
}

/// What is to be proven, and by what.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The package.
    pub folder: &'a PackageFolder,
    /// Its key.
    pub secret: &'a PackageSecret,
    /// What is to be listed. Sums of blinders are not known yet, and not looked at.
    pub claimed: &'a Claimed,
    /// Keys and parameters.
    pub prover: &'a Prover,
}

/// Where bundles and their private sides are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Folder of bundles: public once they are complete.
    pub bundles: PathBuf,
    /// Folder of shares: never public.
    pub shares: PathBuf,
}

impl Place {
    /// Bundles beside the package; their shares in a private folder.
    #[must_use]
    pub fn of_package(folder: &PackageFolder, shares: &Path) -> Self {
        Self { bundles: folder.path().join(PROOFS_FOLDER), shares: shares.to_owned() }
    }

    /// The bundle of a block.
    #[must_use]
    pub fn bundle(&self, table: u32, block: u32) -> PathBuf {
        self.bundles.join(format!("block-{table}-{block}"))
    }

    /// The share of a block.
    #[must_use]
    pub fn share(&self, table: u32, block: u32) -> PathBuf {
        self.shares.join(format!("block-{table}-{block}"))
    }
}

/// The table and block at a position among all blocks.
///
/// # Errors
/// [`ProvingError::Shard`] if there are not so many.
pub fn block_at(folder: &PackageFolder, index: u64) -> Result<(u32, u32), ProvingError> {
    let at = usize::try_from(index).ok().and_then(|index| folder.layout().blocks().nth(index));
    at.ok_or_else(|| ProvingError::Shard(format!("the package has no block {index}")))
}

/// Proves those of the blocks that have no valid bundle yet, `jobs` at a time, and returns the files
/// of their bundles in order. Before the first proof is begun, each of these blocks is checked to have
/// what is claimed. Where the totals of a table were stated and one of its bundles is lost, the others
/// are dropped too, and the whole table is proven again.
///
/// # Errors
/// See [`ProvingError`]. Bundles already made stay, and a later run keeps them.
pub fn prove(
    work: &Work<'_>,
    blocks: Range<u64>,
    place: &Place,
    attempts: &mut AttemptLog,
    jobs: usize,
    report: &(dyn Fn(ProofStep) + Sync),
) -> Result<Vec<PathBuf>, ProvingError> {
    let Work { folder, secret, claimed, .. } = *work;
    if secret.package != folder.id() || claimed.package != folder.id() {
        return Err(ProvingError::OtherSecret);
    }
    check_claims(folder.layout(), &claimed.claims, 1)?;
    let wanted = blocks.map(|index| block_at(folder, index)).collect::<Result<Vec<_>, _>>()?;
    let mut opener = Opener::new(folder, secret.key)?;
    check_properties(work, &mut opener, &wanted)?;
    for path in [&place.bundles, &place.shares] {
        fs::create_dir_all(path).at(path)?;
    }
    let mut tables: Vec<u32> = wanted.iter().map(|(table, _)| *table).collect();
    tables.dedup();
    for table in tables {
        stated::renew(work, place, table)?;
    }
    let run = Run {
        work,
        place,
        opener: Mutex::new(opener),
        attempts: Mutex::new(attempts),
        waiting: Mutex::new(wanted.iter()),
        failure: Mutex::new(None),
        done: AtomicU64::new(0),
        total: wanted.len() as u64,
        report,
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, wanted.len().max(1)) {
            scope.spawn(|| run.blocks());
        }
        run.blocks();
    });
    match run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(wanted.iter().map(|(table, block)| place.bundle(*table, *block)).collect()),
    }
}

/// Refuses a property that does not hold, before anything is proven.
fn check_properties(
    work: &Work<'_>,
    opener: &mut Opener<'_>,
    blocks: &[(u32, u32)],
) -> Result<(), ProvingError> {
    let dictionaries = opener.dictionaries()?;
    opener.in_order()?;
    let layout = work.folder.layout();
    for (table, block) in blocks.iter().copied() {
        let columns = opener.block(table, block)?;
        let claims = claims_of(work, table, block)?;
        let cells: Vec<&[u64]> = columns.iter().map(|column| column.cells.as_slice()).collect();
        if let Some(offence) = offence(&claims, &cells) {
            let sentence = offence.sentence(layout, &dictionaries, (table, block), &cells);
            return Err(ProvingError::Property { table, block, offence, sentence });
        }
    }
    Ok(())
}

fn claims_of(
    work: &Work<'_>,
    table: u32,
    block: u32,
) -> Result<galen_zk::bundle::BlockClaims, ProvingError> {
    let listed = work.claimed.claims.get(table as usize);
    let listed = listed.ok_or(VerifyError::NoBlock { table, block })?;
    Ok(block_claims(work.folder.layout(), work.folder.leaves(), table, block, listed)?)
}

/// Writes a bundle, synced, without giving it its name yet.
pub(crate) fn place_bundle(
    place: &Place,
    (table, block): (u32, u32),
    bytes: &[u8],
) -> Result<Pending, FileError> {
    fs::create_dir_all(&place.bundles).at(&place.bundles)?;
    let path = place.bundle(table, block);
    let mut pending = Pending::new(&path)?;
    pending.file().write_all(bytes).at(&path)?;
    pending.sync()?;
    Ok(pending)
}

/// One run, shared by its threads.
struct Run<'a> {
    work: &'a Work<'a>,
    place: &'a Place,
    opener: Mutex<Opener<'a>>,
    attempts: Mutex<&'a mut AttemptLog>,
    waiting: Mutex<std::slice::Iter<'a, (u32, u32)>>,
    failure: Mutex<Option<ProvingError>>,
    done: AtomicU64,
    total: u64,
    report: &'a (dyn Fn(ProofStep) + Sync),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run<'_> {
    /// Proves blocks until none waits or one has failed.
    fn blocks(&self) {
        loop {
            if lock(&self.failure).is_some() {
                return;
            }
            let Some((table, block)) = lock(&self.waiting).next().copied() else { return };
            match self.block(table, block) {
                Ok(()) => {
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    lock(&self.failure).get_or_insert(error);
                }
            }
        }
    }

    fn block(&self, table: u32, block: u32) -> Result<(), ProvingError> {
        let Work { folder, secret, claimed, prover } = *self.work;
        let step = |step| {
            let done = self.done.load(Ordering::Relaxed);
            (self.report)(ProofStep { done, total: self.total, table, block, step });
        };
        if is_whole(self.work, prover.verifier(), self.place, (table, block)) {
            // A bundle that is there was an opening, even if the log was lost.
            let mut attempts = lock(&self.attempts);
            if attempts.spent(table, block) == 0 {
                attempts.spend(table, block)?;
            }
            return Ok(());
        }
        lock(&self.attempts).check(table, block)?;
        let columns = lock(&self.opener).block(table, block)?;
        let claims = claims_of(self.work, table, block)?;
        let opened: Vec<Column<'_>> = claims
            .opened()
            .iter()
            .filter_map(|c| columns.get(*c as usize))
            .map(|c| Column { cells: &c.cells, blinders: c.blinders })
            .collect();
        let context = claimed.context(table, block);
        let proven = prover.prove_bundle(&context, &claims, &opened, &mut OsRng, &step).map_err(
            |source| match source {
                ProveError::Refused(ProofError::Opening) => ProvingError::Changed { table, block },
                source => ProvingError::Prove { table, block, source },
            },
        )?;
        let bytes = borsh::to_vec(&proven.bundle).expect("writing to memory does not fail");
        let pending = place_bundle(self.place, (table, block), &bytes)?;
        if !proven.shares.is_empty() {
            let share = self.place.share(table, block);
            shares::write(&share, &secret.key, &folder.id(), (table, block), &proven.shares)?;
        }
        // From here on the bundle may leave the machine, so the opening is spent first.
        lock(&self.attempts).spend(table, block)?;
        Ok(pending.finish()?)
    }
}

/// Checks every bundle and share of a package, and returns its claims with the totals of the charts
/// and the sums of the blinders: what a draft publishes. What is returned may be told: it is remembered
/// of which bundles it speaks.
///
/// # Errors
/// A bundle or share that is missing or false; totals that are not those of the shares;
/// [`ProvingError::Mixed`].
pub fn complete(work: &Work<'_>, place: &Place) -> Result<Vec<TableClaims>, ProvingError> {
    let Work { folder, secret, claimed, prover } = *work;
    let verifier = prover.verifier();
    let powers = verifier.summary_powers();
    check_claims(folder.layout(), &claimed.claims, 1)?;
    let mut sums: Vec<Vec<(Summary, [Fr; SUMMARY_BLINDERS])>> = claimed
        .claims
        .iter()
        .map(|table| vec![(Summary::default(), Default::default()); table.charts.len()])
        .collect();
    for (table, block) in folder.layout().blocks() {
        let at = (table, block);
        let commitments = verify_at(&place.bundle(table, block), folder, claimed, verifier, at)?;
        if commitments.is_empty() {
            continue;
        }
        let path = place.share(table, block);
        let parts = shares::read(&path, &secret.key, &folder.id(), at, powers, &commitments)?;
        let Some(sums) = sums.get_mut(table as usize) else { continue };
        for ((column, (sum, blinders)), part) in (0u32..).zip(sums.iter_mut()).zip(&parts) {
            *sum = sum.checked_add(&part.summary).ok_or(ProvingError::Totals { table, column })?;
            for (total, blinder) in blinders.iter_mut().zip(&part.blinders) {
                *total += blinder.0;
            }
        }
    }
    let mut claims = claimed.claims.clone();
    for ((table, claims), sums) in (0u32..).zip(&mut claims).zip(sums) {
        let mut charts = claims.charts.to_vec();
        for (chart, (sum, blinders)) in charts.iter_mut().zip(sums) {
            if chart.totals != sum {
                return Err(ProvingError::Totals { table, column: chart.column });
            }
            chart.blinders = blinders.map(Scalar);
        }
        if !charts.is_empty() {
            stated::state(work, place, table)?;
        }
        claims.charts = Bounded::new(charts).unwrap_or_default();
    }
    Ok(claims)
}
