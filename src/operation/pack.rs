//! Packing, proving and checking packages on this machine.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use galen_dataset::attempts::AttemptLog;
use galen_dataset::charts;
use galen_dataset::deidentify::{Deidentified, Report as DeidentificationReport};
use galen_dataset::encode::{ChartWish, ColumnNote, EncodedTable, encode_deidentified};
use galen_dataset::manifest::{Deidentification, RowCounts};
use galen_dataset::pack::{FileHash, FileInput, PackInput, Report, pack as seal};
use galen_dataset::package::{Listing, PackageFolder};
use galen_dataset::property::diversity_claims;
use galen_dataset::prove::{Place, ProofStep, ProvingError, Work, complete, prove as prove_blocks};
use galen_dataset::roles::Roles;
use galen_dataset::shard::{Joined, Shard, join as join_shards};
use galen_dataset::verify::{Claimed, VerifyError, verify as verify_folder};
use galen_market::codec::Bounded;
use galen_market::id::AccountId;
use galen_market::layout::BlockRows;
use galen_market::listing::{Lineage, TableClaims};
use galen_zk::bundle::MAX_PROOFS;
use galen_zk::keys::{Prover, Verifier};

use super::description::Description;
use super::prepare::{above, refuse_existing};
use super::store::{PackageRecord, PackageStore};
use crate::error::{Exit, Failure};
use crate::wallet::{Wallet, file};

/// Most bytes of a list of hashes.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// What is to be packed.
pub struct PackRequest<'a> {
    /// The institution's account.
    pub institution: AccountId,
    /// A de-identified table with the roles of its columns.
    pub table: Option<(&'a Deidentified, &'a Roles)>,
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

/// Which columns of a table are charted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Charts {
    /// None.
    #[default]
    None,
    /// Every one that can be.
    All,
    /// These.
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
        .prefix(".galen-packing-")
        .tempdir_in(&above)
        .map_err(|error| Failure::file(&above, &error))?;
    let sealed = draft.path().join("package");
    let powers = prover.powers()?;
    let (listing, secret) = seal(input, &powers, &sealed, report)?;
    let record = PackageRecord { package: listing.id, ..record };
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

/// Everything that packing needs but the key, checked: what a dry run does.
///
/// # Errors
/// As [`pack`].
pub fn check(request: &PackRequest<'_>) -> Result<(), Failure> {
    refuse_existing(request.out)?;
    let (input, ..) = input(request)?;
    let mut manifest = input.manifest;
    manifest.resources = input.tables.iter().map(|table| table.resource.clone()).collect();
    // Files get their hash while they are packed; without any resource there is nothing to check yet.
    if manifest.resources.is_empty() { Ok(()) } else { Ok(manifest.check()?) }
}

type Input = (PackInput, PackageRecord, Vec<(String, String)>);

fn input(request: &PackRequest<'_>) -> Result<Input, Failure> {
    let description = request.description;
    if request.table.is_none() && request.files.is_empty() {
        return Err(Failure::usage("there is nothing to pack")
            .remedy("give --data with a de-identified table, or --file"));
    }
    let offer = description.offer(request.institution)?;
    let mut tables = Vec::new();
    let mut claims = Vec::new();
    let mut uncharted = Vec::new();
    let deidentification = match request.table {
        Some((result, roles)) => {
            let mut notes = description.notes()?;
            wish(&mut notes, request.charts, result, request.block_rows);
            let table = encode_deidentified(
                &description.name,
                &description.description,
                result,
                roles,
                &notes,
                request.block_rows,
            )?;
            let declared = Deidentification::from(&result.report);
            uncharted.extend(table.columns.iter().filter_map(|column| {
                let why = column.chart.as_ref()?.as_ref().err()?;
                Some((column.spec.name.clone(), why.to_string()))
            }));
            claims.push(table_claims(declared.k, &table, &result.report)?);
            tables.push(table);
            declared
        }
        None => Deidentification {
            method: "files as they are; what was done to them is described in words".to_owned(),
            k: 0,
            diversity: BTreeMap::new(),
            cells_emptied: BTreeMap::new(),
            persons: "not stated".to_owned(),
            rows: RowCounts { source: 0, other_rows_of_persons: 0, suppressed: 0, packed: 0 },
            loss_per_million: 0,
            generalisation: BTreeMap::new(),
            dropped: Vec::new(),
        },
    };
    let manifest = description.manifest(&offer, deidentification);
    let files = request.files.clone();
    let record = PackageRecord {
        package: galen_market::id::PackageId([0; 32]),
        institution: request.institution,
        folder: request.out.to_owned(),
        claims,
        lineage: Lineage::default(),
        offer,
    };
    let input = PackInput { block_rows: request.block_rows, tables, files, manifest };
    Ok((input, record, uncharted))
}

/// Notes the wish for charts. A name that is not there is refused with all other notes.
fn wish(
    notes: &mut BTreeMap<String, ColumnNote>,
    charts: &Charts,
    result: &Deidentified,
    size: BlockRows,
) {
    let names: Vec<String> = match charts {
        Charts::None => Vec::new(),
        Charts::All => result.table.names().map(str::to_owned).collect(),
        Charts::Named(names) => names.clone(),
    };
    for name in names {
        let least = result.report.k;
        notes.entry(name).or_default().chart = Some(ChartWish { least, size });
    }
}

/// What is claimed of a table: k, the diversity that its report states, and its charts.
fn table_claims(
    k: u32,
    table: &EncodedTable,
    report: &DeidentificationReport,
) -> Result<TableClaims, Failure> {
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

/// A file to pack, from `NAME=PATH` or a path.
///
/// # Errors
/// A path without a file name, or a name that is not text.
pub fn file_input(text: &str) -> Result<FileInput, Failure> {
    let (name, source) = match text.split_once('=') {
        Some((name, path)) => (Some(name.to_owned()), PathBuf::from(path)),
        None => (None, PathBuf::from(text)),
    };
    let own = source.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let path = name.clone().or(own).ok_or_else(|| {
        Failure::usage(format!("`{text}` has no file name")).remedy("write --file NAME=PATH")
    })?;
    if !source.is_file() {
        return Err(Failure::new(
            Exit::Input,
            "file.missing",
            format!("{} is not a file", source.display()),
        )
        .remedy("check the path"));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let name: String =
        path.to_ascii_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let mediatype = match path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref()
    {
        Some("csv") => "text/csv",
        Some("json") => "application/json",
        Some("txt" | "md") => "text/plain",
        Some("pdf") => "application/pdf",
        Some("gz") => "application/gzip",
        _ => "application/octet-stream",
    };
    Ok(FileInput {
        name: name.trim_start_matches('.').to_owned(),
        path,
        source,
        mediatype: mediatype.to_owned(),
        description: String::new(),
        sha256: FileHash::None,
    })
}

/// Gives files the hashes that a list of `sha256sum` states: 64 hexadecimal digits, two characters, and
/// the path as it was given, or the file's name alone.
///
/// # Errors
/// When the list cannot be read, holds another line, or names none of the files.
pub fn checksums(list: &Path, files: &mut [FileInput]) -> Result<(), Failure> {
    let bytes =
        file::read_bounded(list, MAX_LIST_BYTES).map_err(|error| Failure::file(list, &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::input(list, "is not UTF-8"))?;
    let mut named = 0;
    for (number, line) in (1u32..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let parsed = line.split_at_checked(64).and_then(|(digits, rest)| {
            let path = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash).ok()?;
            Some((hash, Path::new(path)))
        });
        let (hash, path) = parsed.ok_or_else(|| {
            Failure::input(list, format!("line {number} is not one of sha256sum"))
                .remedy("make the list with `sha256sum FILE... > LIST`")
        })?;
        for file in files.iter_mut() {
            if file.source == path || file.source.file_name() == Some(path.as_os_str()) {
                file.sha256 = FileHash::Known(hash);
                named += 1;
            }
        }
    }
    if named == 0 {
        return Err(Failure::input(list, "names none of the files")
            .remedy("make the list with `sha256sum FILE... > LIST`"));
    }
    Ok(())
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
