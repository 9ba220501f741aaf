//! Proving that every row block of a packed table is k-anonymous: the institution's side.
//!
//! The cells come from the sealed package itself, each checked against its leaf, so that a source
//! file changed since packing cannot slip in. Every opening is spent in the log, synced, before the
//! bundle gets its name and can be sent; a killed run goes on where it stopped. Depends on `opener`,
//! `attempts`, `verify` and `galen_zk`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use galen_market::layout::{Layout, Values};
use galen_market::listing::{ClaimError, check_claims};
use galen_zk::commitment::Column;
use galen_zk::keys::{Prover, Step};
use galen_zk::proof::{ProofError, ProveError};
use rand::rngs::OsRng;

use crate::attempts::{AttemptError, AttemptLog};
use crate::commit::OpenedColumn;
use crate::durable::{At, FileError, Pending};
use crate::encode::decode_cell;
use crate::opener::{OpenError, Opener};
use crate::package::{PROOFS_FOLDER, PackageError, PackageFolder};
use crate::seal::PackageSecret;
use crate::verify::{Claimed, VerifyError, block_claims, verify_block};

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
    /// A class is smaller than k, so there is nothing to prove.
    #[error(
        "k = {k} does not hold: in block {block} of table {table}, rows {first} to {last} are {rows} alone with {values}; de-identify for this k first"
    )]
    SmallClass {
        /// The k that was to be proven.
        k: u32,
        /// Which table.
        table: u32,
        /// Which block.
        block: u32,
        /// Rows of the class in the block.
        rows: u32,
        /// Its first row in the table, from one.
        first: u64,
        /// Its last row in the table.
        last: u64,
        /// Its quasi-identifiers in words.
        values: String,
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
    /// The claims in the leaves are malformed.
    #[error(transparent)]
    Verify(#[from] VerifyError),
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

/// Proves every row block that has no valid bundle yet, and returns the files of all bundles in
/// order. Before the first proof is begun, every block is checked to have the property.
///
/// # Errors
/// See [`ProvingError`]. Bundles already made stay, and a later run keeps them.
pub fn prove(
    folder: &PackageFolder,
    secret: &PackageSecret,
    claimed: &Claimed,
    prover: &Prover,
    attempts: &mut AttemptLog,
    report: &dyn Fn(ProofStep),
) -> Result<Vec<PathBuf>, ProvingError> {
    if secret.package != folder.id() || claimed.package != folder.id() {
        return Err(ProvingError::OtherSecret);
    }
    let layout = folder.layout();
    check_claims(layout, &claimed.claims, 1)?;
    let mut opener = Opener::new(folder, secret.key)?;
    let dictionaries = opener.dictionaries()?;
    opener.in_order()?;
    for (table, block) in layout.blocks() {
        let k = claimed.k(table);
        let columns = opener.block(table, block)?;
        if let Some(class) = smallest_class(layout, table, &columns).filter(|c| c.rows < k as usize)
        {
            return Err(class.refuse(layout, &dictionaries, &columns, (table, block), k));
        }
    }
    let proofs = folder.path().join(PROOFS_FOLDER);
    fs::create_dir_all(&proofs).at(&proofs)?;
    let total = layout.blocks().count() as u64;
    let mut paths = Vec::new();
    for (done, (table, block)) in (0u64..).zip(layout.blocks()) {
        let path = folder.proof_path(table, block);
        let step = |step| report(ProofStep { done, total, table, block, step });
        if verify_block(folder, claimed, prover.verifier(), table, block).is_err() {
            attempts.check(table, block)?;
            let columns = opener.block(table, block)?;
            let listed =
                claimed.claims.get(table as usize).ok_or(VerifyError::NoBlock { table, block })?;
            let claims = block_claims(layout, folder.leaves(), table, block, listed)?;
            let opened: Vec<Column<'_>> = claims
                .opened()
                .iter()
                .filter_map(|c| columns.get(*c as usize))
                .map(|c| Column { cells: &c.cells, blinders: c.blinders })
                .collect();
            let context = claimed.context(table, block);
            let proven = prover
                .prove_bundle(&context, &claims, &opened, &mut OsRng, &step)
                .map_err(|source| match source {
                    ProveError::Refused(ProofError::Opening) => {
                        ProvingError::Changed { table, block }
                    }
                    source => ProvingError::Prove { table, block, source },
                })?;
            let bytes = borsh::to_vec(&proven.bundle).expect("writing to memory does not fail");
            let mut pending = Pending::new(&path)?;
            pending.file().write_all(&bytes).at(&path)?;
            pending.sync()?;
            // From here on the bundle may leave the machine, so the opening is spent first.
            attempts.spend(table, block)?;
            pending.finish()?;
        }
        // A bundle that is there was an opening, even if the log was lost.
        if attempts.spent(table, block) == 0 {
            attempts.spend(table, block)?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// A run of rows of one block with equal quasi-identifiers.
struct Class {
    /// First row in the block.
    from: usize,
    rows: usize,
}

fn quasi_columns<'a>(
    layout: &Layout,
    table: u32,
    columns: &'a [OpenedColumn],
) -> Vec<(usize, &'a OpenedColumn)> {
    let quasi = layout.tables().get(table as usize).map(|t| t.quasi_identifiers());
    let quasi = quasi.unwrap_or_default();
    columns.iter().enumerate().filter(|(c, _)| quasi.iter().any(|q| *q as usize == *c)).collect()
}

fn smallest_class(layout: &Layout, table: u32, columns: &[OpenedColumn]) -> Option<Class> {
    let quasi = quasi_columns(layout, table, columns);
    let rows = columns.first()?.cells.len();
    let equal = |a: usize, b: usize| quasi.iter().all(|(_, c)| c.cells.get(a) == c.cells.get(b));
    let mut smallest: Option<Class> = None;
    let mut from = 0;
    for row in 1..=rows {
        if row == rows || !equal(from, row) {
            if smallest.as_ref().is_none_or(|s| row - from < s.rows) {
                smallest = Some(Class { from, rows: row - from });
            }
            from = row;
        }
    }
    smallest
}

impl Class {
    fn refuse(
        &self,
        layout: &Layout,
        dictionaries: &[Vec<String>],
        columns: &[OpenedColumn],
        (table, block): (u32, u32),
        k: u32,
    ) -> ProvingError {
        let spec = layout.tables().get(table as usize);
        let before = spec.map_or(0, |t| {
            t.active.iter().take(block as usize).map(|n| u64::from(*n)).sum::<u64>()
        });
        let first = before.saturating_add(self.from as u64).saturating_add(1);
        let mut values = Vec::new();
        for (c, column) in quasi_columns(layout, table, columns) {
            let Some(spec) = spec.and_then(|t| t.columns.get(c)) else { continue };
            let cell = column.cells.get(self.from).copied().unwrap_or(0);
            let (kind, dictionary) = match &spec.values {
                Values::Number { scale: 0, .. } => (crate::schema::Kind::Integer, &[][..]),
                Values::Number { scale, .. } => {
                    let style = crate::schema::DecimalStyle::Fixed;
                    (crate::schema::Kind::Decimal { scale: *scale, style }, &[][..])
                }
                Values::Date { .. } => (crate::schema::Kind::Date, &[][..]),
                Values::Code { dictionary } => (
                    crate::schema::Kind::Text,
                    dictionaries.get(*dictionary as usize).map_or(&[][..], Vec::as_slice),
                ),
            };
            let text = match decode_cell(spec, &kind, dictionary, cell) {
                Ok(text) if text.is_empty() => "(missing)".to_owned(),
                Ok(text) => text,
                Err(_) => format!("cell {cell}"),
            };
            values.push(format!("{} = {text}", spec.name));
        }
        ProvingError::SmallClass {
            k,
            table,
            block,
            rows: u32::try_from(self.rows).unwrap_or(u32::MAX),
            first,
            last: first.saturating_add(self.rows as u64).saturating_sub(1),
            values: values.join(", "),
        }
    }
}
