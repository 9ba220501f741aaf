//! Packing, proving and checking packages on this machine.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use galen_dataset::attempts::AttemptLog;
use galen_dataset::charts;
use galen_dataset::csv_out::is_formula;
use galen_dataset::deidentify::{Deidentified, Report as DeidentificationReport};
use galen_dataset::encode::{ChartWish, ColumnNote, EncodedTable, encode_deidentified};
use galen_dataset::pack::{FileInput, PackInput, Report, pack as seal};
use galen_dataset::package::{Listing, PackageFolder};
use galen_dataset::property::diversity_claims;
use galen_dataset::prove::{Place, ProofStep, ProvingError, Work, complete, prove as prove_blocks};
use galen_dataset::roles::Roles;
use galen_dataset::shard::{Joined, Shard, join as join_shards};
use galen_dataset::verify::{Claimed, VerifyError, verify as verify_folder};
use galen_market::codec::Bounded;
use galen_market::id::AccountId;
use galen_market::layout::BlockRows;
use galen_market::listing::TableClaims;
use galen_zk::bundle::MAX_PROOFS;
use galen_zk::keys::{Prover, Verifier};

use super::description::Description;
use super::prepare::{above, refuse_existing};
use super::store::{PackageRecord, PackageStore};
use crate::error::{Exit, Failure};
use crate::wallet::Wallet;

/// What the names of packages begin with while they are made.
const DRAFT: &str = ".galen-packing-";

/// What is to be packed.
pub struct PackRequest<'a> {
    /// The institution's account.
    pub institution: AccountId,
    /// De-identified tables in order.
    pub tables: Vec<TableInput<'a>>,
    /// Files that are packed as they are.
    pub files: Vec<FileInput>,
    /// What it is and what is offered.
    pub description: &'a Description,
    /// Which columns are charted.
    pub charts: &'a Charts,
    /// Rows of a full block.
    pub block_rows: BlockRows,
    /// The new folder.
    pub out: &'a Path,
}

/// A de-identified table.
pub struct TableInput<'a> {
    /// Its name in the package.
    pub name: String,
    /// Its rows, and what was done to them.
    pub result: &'a Deidentified,
    /// The roles of its columns.
    pub roles: &'a Roles,
}

/// Which columns of the tables are charted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Charts {
    /// None.
    #[default]
    None,
    /// Every one that can be.
    All,
    /// These, as `COLUMN` of the only table or `TABLE:COLUMN`.
    Named(Vec<String>),
}

/// A package that was made.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Its public data.
    pub listing: Listing,
    /// What is kept of it.
    pub record: PackageRecord,
    /// Charts that were wished for and cannot be shown: the column, why, and what to do.
    pub uncharted: Vec<(String, String)>,
}

/// Packs into a new folder. The key is on the disk, encrypted for the wallet, before the folder has
/// its name.
///
/// # Errors
/// When something is not as it must be; then neither a folder nor a key is left.
pub fn pack(
    wallet: &Wallet,
    store: &PackageStore,
    request: &PackRequest<'_>,
    prover: &Prover,
    report: Report<'_>,
) -> Result<Packed, Failure> {
    refuse_existing(request.out)?;
    let (input, record, uncharted) = input(request)?;
    let above = above(request.out);
    let draft = tempfile::Builder::new()
        .prefix(DRAFT)
        .tempdir_in(&above)
        .map_err(|error| Failure::file(&above, &error))?;
    let sealed = draft.path().join("package");
    let powers = prover.powers()?;
    let (listing, secret) = seal(input, &powers, &sealed, report)?;
    let record = PackageRecord { package: listing.id, ..record };
    store.keep_licence(&request.description.licence()?)?;
    let placed = store.add(wallet, &secret, &record).and_then(|()| {
        refuse_existing(request.out)?;
        std::fs::rename(&sealed, request.out)
            .and_then(|()| std::fs::File::open(&above)?.sync_all())
            .map_err(|error| Failure::file(request.out, &error))
    });
    if let Err(failure) = placed {
        store.forget(&listing.id);
        return Err(failure);
    }
    let folder =
        std::fs::canonicalize(request.out).map_err(|error| Failure::file(request.out, &error))?;
    let record = PackageRecord { folder, ..record };
    store.update(&record)?;
    Ok(Packed { listing, record, uncharted })
}

/// Clears a folder of packages whose making was cut off. Nobody else may be packing into it.
///
/// # Errors
/// When one cannot be removed.
pub fn clear_drafts(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(DRAFT) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Everything that packing needs but the key, checked: what a dry run does.
///
/// # Errors
/// As [`pack`].
pub fn check(request: &PackRequest<'_>) -> Result<(), Failure> {
    refuse_existing(request.out)?;
    let (input, ..) = input(request)?;
    Ok(input.check()?)
}

type Input = (PackInput, PackageRecord, Vec<(String, String)>);

fn input(request: &PackRequest<'_>) -> Result<Input, Failure> {
    let description = request.description;
    if request.tables.is_empty() && request.files.is_empty() {
        return Err(Failure::usage("there is nothing to pack")
            .remedy("give --data with a de-identified table, or --file"));
    }
    refuse_formulas(&request.tables)?;
    let mut offer = description.offer(request.institution)?;
    let mut tables = Vec::new();
    let mut claims = Vec::new();
    let mut uncharted = Vec::new();
    let names: Vec<&str> = request.tables.iter().map(|table| table.name.as_str()).collect();
    let mut notes = description.notes(&names)?;
    let mut charted = chart_names(request)?;
    for table in &request.tables {
        let (mut notes, about) = notes.remove(&table.name).unwrap_or_default();
        wish(
            &mut notes,
            charted.remove(&table.name).unwrap_or_default(),
            table,
            request.block_rows,
        );
        let encoded = encode_deidentified(
            &table.name,
            &about,
            table.result,
            table.roles,
            &notes,
            request.block_rows,
        )
        .map_err(|error| Failure::from(error).at(format!("table {}", table.name)))?;
        uncharted.extend(encoded.columns.iter().filter_map(|column| {
            let why = column.chart.as_ref()?.as_ref().err()?;
            let name = match names.len() {
                1 => column.spec.name.clone(),
                _ => format!("{}:{}", table.name, column.spec.name),
            };
            Some((name, why.to_string()))
        }));
        claims.push(table_claims(&encoded, &table.result.report)?);
        tables.push(encoded);
    }
    let columns = tables.iter().map(|table: &EncodedTable| {
        let names = table.columns.iter().map(|column| column.spec.name.as_str()).collect();
        (table.resource.name.as_str(), names)
    });
    description.declare_columns(&mut offer, columns)?;
    let manifest = description.manifest(&offer);
    let files = request.files.clone();
    let record = PackageRecord {
        package: galen_market::id::PackageId([0; 32]),
        institution: request.institution,
        folder: request.out.to_owned(),
        claims,
        lineage: description.lineage()?,
        offer,
    };
    let input = PackInput { block_rows: request.block_rows, tables, files, manifest };
    Ok((input, record, uncharted))
}

/// Refuses names of columns that a spreadsheet would compute: every buyer's copy would hold them.
fn refuse_formulas(tables: &[TableInput<'_>]) -> Result<(), Failure> {
    for table in tables {
        if let Some(name) = table.result.table.names().find(|name| is_formula(name)) {
            return Err(Failure::new(
                Exit::Input,
                "pack.formula",
                format!(
                    "table {}: the name of column `{name}` begins like a formula, which a spreadsheet would compute",
                    table.name
                ),
            )
            .remedy("rename the column in the source, and de-identify it again"));
        }
    }
    Ok(())
}

/// The charts that are wished for, by table.
fn chart_names(request: &PackRequest<'_>) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let all = |table: &TableInput<'_>| {
        let columns = table.result.table.names().map(str::to_owned).collect();
        (table.name.clone(), columns)
    };
    let Charts::Named(names) = request.charts else {
        let tables = request.tables.iter().filter(|_| *request.charts == Charts::All);
        return Ok(tables.map(all).collect());
    };
    let mut charted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names {
        let (table, column) = match (request.tables.as_slice(), name.split_once(':')) {
            ([only], _) => (only.name.as_str(), name.as_str()),
            (_, Some((table, column))) => (table, column),
            (_, None) => {
                return Err(Failure::usage(format!(
                    "there are several tables: which has `{name}`?"
                ))
                .remedy("write --chart TABLE:COLUMN"));
            }
        };
        if !request.tables.iter().any(|known| known.name == table) {
            return Err(Failure::usage(format!("no table is called `{table}`"))
                .remedy("write --chart TABLE:COLUMN with the name of a table of --data"));
        }
        charted.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    Ok(charted)
}

/// Notes the wish for charts. A name that is not there is refused with all other notes.
fn wish(
    notes: &mut BTreeMap<String, ColumnNote>,
    names: Vec<String>,
    table: &TableInput<'_>,
    size: BlockRows,
) {
    for name in names {
        let least = table.result.report.k;
        notes.entry(name).or_default().chart = Some(ChartWish { least, size });
    }
}

/// What is claimed of a table: k, the diversity that its report states, and its charts.
fn table_claims(
    table: &EncodedTable,
    report: &DeidentificationReport,
) -> Result<TableClaims, Failure> {
    let k = u32::try_from(report.k).unwrap_or(u32::MAX);
    let specs: Vec<_> = table.columns.iter().map(|column| column.spec.clone()).collect();
    let diversity = diversity_claims(&specs, &report.diversity);
    let charts = charts::claims(&table.columns);
    let statements = 1 + diversity.len() + charts.len();
    let too_many = || {
        Failure::usage(format!(
            "{statements} statements about each row block, of which a bundle holds {MAX_PROOFS}"
        ))
        .remedy("chart fewer columns: name them with --chart")
    };
    if statements > MAX_PROOFS {
        return Err(too_many());
    }
    Ok(TableClaims {
        k,
        diversity: Bounded::new(diversity).map_err(|_| too_many())?,
        charts: Bounded::new(charts).map_err(|_| too_many())?,
    })
}

/// The claims that a package is proven and listed with.
pub fn claimed(record: &PackageRecord) -> Claimed {
    Claimed {
        package: record.package,
        institution: record.institution,
        claims: record.claims.clone(),
    }
}

/// Proves every row block that has no valid bundle yet, `jobs` at a time, and returns the bundles'
/// files with the record, which then states the charts in full.
///
/// # Errors
/// When the package is not what was packed, a claim does not hold, or no opening is left.
pub fn prove(
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    prover: &Prover,
    jobs: usize,
    report: &(dyn Fn(ProofStep) + Sync),
) -> Result<(Vec<PathBuf>, PackageRecord), Failure> {
    let folder = PackageFolder::read(&record.folder)?;
    let secret = store.secret(wallet, &record.package)?;
    let mut openings = store.openings(&record.package)?;
    let claimed = claimed(record);
    let work = Work { folder: &folder, secret: &secret, claimed: &claimed, prover };
    let place = Place::of_package(&folder, &store.shares(&record.package));
    let blocks = folder.layout().blocks().count() as u64;
    let bundles = prove_blocks(&work, 0..blocks, &place, &mut openings, jobs, report)?;
    let record = PackageRecord { claims: complete(&work, &place)?, ..record.clone() };
    store.update(&record)?;
    Ok((bundles, record))
}

/// Proves some of the blocks into a shard of its own, which [`join`] brings back.
///
/// # Errors
/// As [`prove`], or a folder that is another shard's.
pub fn prove_shard(
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    prover: &Prover,
    (blocks, out): (Range<u64>, &Path),
    jobs: usize,
    report: &(dyn Fn(ProofStep) + Sync),
) -> Result<Vec<PathBuf>, Failure> {
    let folder = PackageFolder::read(&record.folder)?;
    let secret = store.secret(wallet, &record.package)?;
    let shard = Shard::begin(out, &folder, blocks)?;
    let mut openings = AttemptLog::open(&shard.log(), record.package.0)?;
    let claimed = claimed(record);
    let work = Work { folder: &folder, secret: &secret, claimed: &claimed, prover };
    Ok(prove_blocks(&work, shard.blocks(), &shard.place(), &mut openings, jobs, report)?)
}

/// Takes over the bundles of shards. When every block has one, the record states the charts in full;
/// else nothing is returned for it, and the blocks that are left can be proven or joined later.
///
/// # Errors
/// A shard that is not of this package or not sound, or a block that was opened too often.
pub fn join(
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    prover: &Prover,
    shards: &[PathBuf],
) -> Result<(Joined, Option<PackageRecord>), Failure> {
    let folder = PackageFolder::read(&record.folder)?;
    let secret = store.secret(wallet, &record.package)?;
    let mut openings = store.openings(&record.package)?;
    let claimed = claimed(record);
    let work = Work { folder: &folder, secret: &secret, claimed: &claimed, prover };
    let place = Place::of_package(&folder, &store.shares(&record.package));
    let shards =
        shards.iter().map(|path| Shard::read(path, &folder)).collect::<Result<Vec<_>, _>>()?;
    let joined = join_shards(&work, &shards, &place, &mut openings)?;
    match complete(&work, &place) {
        Ok(claims) => {
            let record = PackageRecord { claims, ..record.clone() };
            store.update(&record)?;
            Ok((joined, Some(record)))
        }
        Err(ProvingError::Verify(VerifyError::NoProof { .. })) => Ok((joined, None)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a proven statement needs proofs at all: files alone do not.
pub fn has_blocks(folder: &PackageFolder) -> bool {
    folder.layout().blocks().next().is_some()
}

/// Checks everything public of a folder against what is claimed of it.
///
/// # Errors
/// What is wrong first.
pub fn verify(
    folder: &PackageFolder,
    claimed: &Claimed,
    verifier: &Verifier,
    report: Report<'_>,
) -> Result<(), Failure> {
    Ok(verify_folder(folder, claimed, verifier, report)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_cut_off_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".galen-packing-a1", "package", ".other"] {
            std::fs::create_dir_all(folder.path().join(name).join("package")).unwrap();
        }
        std::fs::write(folder.path().join("lock"), "").unwrap();
        clear_drafts(folder.path()).unwrap();
        let left =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, [".other", "lock", "package"]);
    }
}
