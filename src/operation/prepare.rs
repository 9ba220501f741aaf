//! From a raw table to a de-identified one: read, inspected, compared over several k, written.
//!
//! A de-identified table is a folder that appears whole or not at all:
//!
//! | file | content |
//! |---|---|
//! | `table.csv` | the table, to be packed |
//! | `report.json` | what was done, roles of the columns, hash of the table |
//! | `origins.csv` | the source row of each row; private, readable by its owner only |

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use galen_dataset::deidentify::{
    self, Choice, Deidentified, PersonRule, Report, Settings, write_origins,
};
use galen_dataset::hierarchy::{Spec, read_rows};
use galen_dataset::ingest::{self, Ingested, Options};
use galen_dataset::inspect::{self, Inspection};
use galen_dataset::roles::{Role, Roles};
use galen_dataset::{csv_out, risk};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Exit, Failure};
use crate::wallet::file;

/// Name of the table in the folder.
pub const TABLE_FILE: &str = "table.csv";
/// Name of the report in the folder.
pub const REPORT_FILE: &str = "report.json";
/// Name of the private list of source rows in the folder.
pub const ORIGINS_FILE: &str = "origins.csv";

const MAX_REPORT_BYTES: u64 = 8 << 20;
const MAX_SETTINGS_BYTES: u64 = 64 << 20;

/// `report.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// What was done.
    pub report: Report,
    /// The role of every column of the table.
    pub roles: Roles,
    /// SHA-256 of `table.csv`.
    pub table_sha256: String,
}

/// Reads a table.
///
/// # Errors
/// What is wrong with the file, with line and column.
pub fn read_table(path: &Path, delimiter: u8) -> Result<Ingested, Failure> {
    let options = Options { delimiter, ..Options::default() };
    ingest::read_file(path, &options).map_err(|error| Failure::from(error).at(path.display()))
}

/// Roles that a person chose: from a file, then one by one.
///
/// # Errors
/// A file or an entry that is not understood.
pub fn roles(path: Option<&Path>, set: &[String]) -> Result<Roles, Failure> {
    let mut roles = match path {
        None => Roles::default(),
        Some(path) => {
            let bytes = file::read_bounded(path, MAX_SETTINGS_BYTES)
                .map_err(|error| Failure::file(path, &error))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::input(path, "is not a text in UTF-8"))?;
            Roles::from_json(&text).map_err(|error| Failure::from(error).at(path.display()))?
        }
    };
    for entry in set {
        roles.add(entry)?;
    }
    Ok(roles)
}

/// What a table holds, and what in it could name a person.
///
/// # Errors
/// A role for a column that is not there.
pub fn inspect(table: &Ingested, set: &Roles) -> Result<Inspection, Failure> {
    Ok(inspect::inspect(table, set)?)
}

/// The hierarchy of one column: `dates`, `suppress`, `intervals:WIDTH`, `ages:WIDTH`, or a file of
/// lines `value;level1;…;*`.
///
/// # Errors
/// A text that is none of these, or a file that is not understood.
pub fn hierarchy(text: &str) -> Result<(String, Spec), Failure> {
    let (column, how) = text.split_once('=').ok_or_else(|| {
        Failure::usage(format!("`{text}` is not of the form column=hierarchy")).remedy(
            "write for example age=intervals:5, born=dates, site=suppress or diagnosis=icd.csv",
        )
    })?;
    let interval = |width: &str, top: Option<&str>| Spec::Intervals {
        width: width.to_owned(),
        origin: None,
        bottom: None,
        top: top.map(str::to_owned),
    };
    let spec = match how.split_once(':') {
        _ if how == "dates" => Spec::Dates,
        _ if how == "suppress" => Spec::Suppress,
        Some(("intervals", width)) => interval(width, None),
        Some(("ages", width)) => interval(width, Some("90")),
        _ => {
            let path = Path::new(how);
            let opened = fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
            Spec::Rows(read_rows(opened).map_err(|error| Failure::from(error).at(path.display()))?)
        }
    };
    Ok((column.to_owned(), spec))
}

/// What several k would cost.
///
/// # Errors
/// Settings that do not fit the table.
pub fn compare(table: &Ingested, settings: &Settings, ks: &[u64]) -> Result<Vec<Choice>, Failure> {
    Ok(deidentify::compare(&table.table, settings, ks)?)
}

/// De-identifies a table.
///
/// # Errors
/// Settings that do not fit the table, or a k that cannot be reached, with the largest that can.
pub fn deidentify(table: &Ingested, settings: &Settings) -> Result<Deidentified, Failure> {
    Ok(deidentify::deidentify(&table.table, settings)?)
}

/// The roles of the columns that are left.
#[must_use]
pub fn kept_roles(result: &Deidentified, roles: &Roles) -> Roles {
    Roles(result.table.names().map(|name| (name.to_owned(), roles.of(name))).collect())
}

/// Writes a de-identified table as a new folder.
///
/// # Errors
/// When the folder exists or cannot be written; then nothing of it is left.
pub fn write(result: &Deidentified, roles: &Roles, folder: &Path) -> Result<(), Failure> {
    let bytes = csv_out::to_bytes(&result.table);
    let report = ReportFile {
        report: result.report.clone(),
        roles: kept_roles(result, roles),
        table_sha256: hex::encode(Sha256::digest(&bytes)),
    };
    let report = serde_json::to_vec_pretty(&report)
        .map_err(|error| Failure::new(Exit::Failure, "deidentify.report", error.to_string()))?;
    whole_folder(folder, |draft| {
        let put = |name: &str, bytes: &[u8]| {
            let mut file = fs::File::create_new(draft.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        put(TABLE_FILE, &bytes)?;
        put(REPORT_FILE, &report)?;
        write_origins(&result.origins, &draft.join(ORIGINS_FILE))
    })
}

/// Reads a de-identified table back, and checks that it is the one that the report speaks of.
///
/// # Errors
/// When the folder is not one, or the table was changed since.
pub fn read(folder: &Path) -> Result<(Deidentified, Roles), Failure> {
    let path = folder.join(REPORT_FILE);
    let missing = "name the folder that `galen dataset deidentify --out` made";
    let bytes = file::read_bounded(&path, MAX_REPORT_BYTES)
        .map_err(|error| Failure::file(&path, &error).remedy(missing))?;
    let about: ReportFile = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::input(&path, error).remedy(missing))?;
    let path = folder.join(TABLE_FILE);
    let bytes = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
    let changed = |what: &str| {
        Failure::new(Exit::Input, "deidentify.changed", format!("{}: {what}", path.display()))
            .remedy("run `galen dataset deidentify` again; what was changed by hand is not covered by the report")
    };
    if hex::encode(Sha256::digest(&bytes)) != about.table_sha256 {
        return Err(changed("the table was changed since it was de-identified"));
    }
    let table = ingest::read(bytes.as_slice(), &Options::default())
        .map_err(|error| Failure::from(error).at(path.display()))?
        .table;
    about.roles.check(&table)?;
    let quasi: Vec<usize> = (0..table.columns.len())
        .filter(|c| about.roles.of(&table.columns[*c].name) == Role::QuasiIdentifier)
        .collect();
    let class_sizes = runs(&table, &quasi);
    // Equal classes that are apart would be counted as two: then a run is smaller than its class.
    if class_sizes.len() != risk::class_sizes(&table, &quasi).len() {
        return Err(changed("rows of one class are not adjacent"));
    }
    if table.rows() as u64 != about.report.rows {
        return Err(changed("the report speaks of another number of rows"));
    }
    let result = Deidentified {
        table,
        quasi_identifiers: quasi,
        class_sizes,
        origins: Vec::new(),
        report: about.report,
    };
    Ok((result, about.roles))
}

/// Rows of each run of equal quasi-identifiers.
fn runs(table: &galen_dataset::schema::Table, quasi: &[usize]) -> Vec<u64> {
    let mut sizes: Vec<u64> = Vec::new();
    for row in 0..table.rows() {
        let same = row > 0
            && quasi
                .iter()
                .all(|c| table.columns[*c].codes[row] == table.columns[*c].codes[row - 1]);
        match sizes.last_mut() {
            Some(size) if same => *size += 1,
            _ => sizes.push(1),
        }
    }
    sizes
}

/// How k counts persons, in words.
pub fn counted(report: &Report) -> &'static str {
    match report.persons {
        Some(PersonRule::OneRow) => "persons (one row a person)",
        Some(PersonRule::DistinctInClass) => "distinct persons in every class",
        None => "rows, not persons",
    }
}

/// Fills a folder beside its place, syncs it, and gives it its name; on failure nothing is left.
pub(crate) fn whole_folder(
    folder: &Path,
    fill: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), Failure> {
    refuse_existing(folder)?;
    let above = above(folder);
    let draft = tempfile::Builder::new()
        .prefix(".galen-partial-")
        .tempdir_in(&above)
        .map_err(|error| Failure::file(&above, &error))?;
    fill(draft.path()).map_err(|error| Failure::file(folder, &error))?;
    let place = || {
        fs::File::open(draft.path())?.sync_all()?;
        fs::rename(draft.path(), folder)?;
        fs::File::open(&above)?.sync_all()
    };
    place().map_err(|error| Failure::file(folder, &error))?;
    // The temporary name is gone: nothing is left to remove.
    drop(draft.keep());
    Ok(())
}

/// The directory in which a path stands.
pub(crate) fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Refuses a path at which something is already.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Failure::new(
            Exit::Input,
            "file.exists",
            format!("{} exists already; nothing was changed", path.display()),
        )
        .remedy("choose another name, or move the old one away")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(path, &error)),
    }
}
