//! Packing, proving and checking packages on this machine.

use std::path::{Path, PathBuf};

use galen_dataset::deidentify::Deidentified;
use galen_dataset::encode::encode_deidentified;
use galen_dataset::manifest::{Deidentification, RowCounts};
use galen_dataset::pack::{FileInput, PackInput, Report, pack as seal};
use galen_dataset::package::{Listing, PackageFolder};
use galen_dataset::prove::{ProofStep, prove as prove_blocks};
use galen_dataset::roles::Roles;
use galen_dataset::verify::{Claimed, verify as verify_folder};
use galen_market::id::AccountId;
use galen_market::layout::BlockRows;
use galen_market::listing::{Lineage, TableClaims};
use galen_zk::keys::{Prover, Verifier};

use super::description::Description;
use super::prepare::{above, refuse_existing};
use super::store::{PackageRecord, PackageStore};
use crate::error::{Exit, Failure};
use crate::wallet::Wallet;

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
    /// Rows of a full block.
    pub block_rows: BlockRows,
    /// The new folder.
    pub out: &'a Path,
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
) -> Result<(Listing, PackageRecord), Failure> {
    refuse_existing(request.out)?;
    let (input, record) = input(request)?;
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
    Ok((listing, record))
}

/// Everything that packing needs but the key, checked: what a dry run does.
///
/// # Errors
/// As [`pack`].
pub fn check(request: &PackRequest<'_>) -> Result<(), Failure> {
    refuse_existing(request.out)?;
    let (input, _) = input(request)?;
    let mut manifest = input.manifest;
    manifest.resources = input.tables.iter().map(|table| table.resource.clone()).collect();
    // Files get their hash while they are packed; without any resource there is nothing to check yet.
    if manifest.resources.is_empty() { Ok(()) } else { Ok(manifest.check()?) }
}

fn input(request: &PackRequest<'_>) -> Result<(PackInput, PackageRecord), Failure> {
    let description = request.description;
    if request.table.is_none() && request.files.is_empty() {
        return Err(Failure::usage("there is nothing to pack")
            .remedy("give --data with a de-identified table, or --file"));
    }
    let offer = description.offer(request.institution)?;
    let mut tables = Vec::new();
    let mut claims = Vec::new();
    let deidentification = match request.table {
        Some((result, roles)) => {
            let table = encode_deidentified(
                &description.name,
                &description.description,
                result,
                roles,
                &description.notes()?,
                request.block_rows,
            )?;
            tables.push(table);
            let declared = Deidentification::from(&result.report);
            claims.push(TableClaims::of_k(declared.k));
            declared
        }
        None => Deidentification {
            method: "files as they are; what was done to them is described in words".to_owned(),
            k: 0,
            diversity: std::collections::BTreeMap::new(),
            cells_emptied: std::collections::BTreeMap::new(),
            persons: "not stated".to_owned(),
            rows: RowCounts { source: 0, other_rows_of_persons: 0, suppressed: 0, packed: 0 },
            loss_per_million: 0,
            generalisation: std::collections::BTreeMap::new(),
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
    Ok((PackInput { block_rows: request.block_rows, tables, files, manifest }, record))
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

/// Proves every row block that has no valid bundle yet, and returns the bundles' files.
///
/// # Errors
/// When the package is not what was packed, a class is below k, or no opening is left.
pub fn prove(
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    prover: &Prover,
    report: &dyn Fn(ProofStep),
) -> Result<Vec<PathBuf>, Failure> {
    let folder = PackageFolder::read(&record.folder)?;
    let secret = store.secret(wallet, &record.package)?;
    let mut openings = store.openings(&record.package)?;
    Ok(prove_blocks(&folder, &secret, &claimed(record), prover, &mut openings, report)?)
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
