//! The form in which an opened package is written out.
//!
//! | form | a table becomes |
//! |---|---|
//! | original | the very bytes that were packed, whose hash the manifest states |
//! | CSV | the same, but a text that a spreadsheet would take for a formula gets an apostrophe before it |
//! | Parquet | typed columns, zstd, row groups of at most 64 MiB |
//! | Arrow | typed columns, an Arrow IPC file |
//!
//! Files stay as they are. With recipients, everything but the description is a Crypt4GH file, and no
//! plaintext is written. `datapackage.json` beside them describes what is there, in Frictionless'
//! terms. Depends on `csv_out`, `crypt4gh`, Arrow and the Parquet library.

mod arrow;
mod describe;
mod packed;
mod rows;
mod table;
mod target;

use std::collections::BTreeSet;

use crate::crypt4gh::PublicKey;
use crate::manifest::Manifest;

pub(crate) use self::describe::describe;
pub(crate) use self::packed::{Packed, SLACK_BYTES};
pub(crate) use self::rows::{Fault, Meaning, pieces};
pub(crate) use self::table::Sink;
pub(crate) use self::target::{Target, Written};

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// As they were packed.
    #[default]
    Original,
    /// CSV that a spreadsheet can open.
    Csv,
    /// Parquet.
    Parquet,
    /// Arrow IPC.
    Arrow,
}

impl Format {
    /// What the names of such files end in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Original | Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Media type of such files.
    #[must_use]
    pub fn mediatype(self) -> &'static str {
        match self {
            Self::Original | Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.file",
        }
    }
}

/// What is written, and for whom.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Output {
    /// How tables are written.
    pub format: Format,
    /// Whose keys everything is encrypted for; nobody's if there are none.
    pub recipients: Vec<PublicKey>,
    /// Whether tables may be longer than the manifest declares by any amount, as far as the disk has room.
    pub any_length: bool,
}

/// Texts of a column that a spreadsheet would take for formulas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Formulas {
    /// The file.
    pub path: String,
    /// The column.
    pub column: String,
    /// How many cells.
    pub cells: u64,
}

/// The name of the description beside the files.
pub const DESCRIPTION: &str = "datapackage.json";

/// Where each resource is written, and the description: inside the folder, no two at one place, on
/// systems that do not tell letters' cases apart either.
pub(crate) fn places(manifest: &Manifest, output: &Output) -> (Vec<String>, String) {
    let mut taken = BTreeSet::new();
    let mut free = |wanted: &str, end: &str| {
        let mut path = format!("{wanted}{end}");
        let mut number = 1u32;
        while !taken.insert(path.to_lowercase()) {
            number = number.saturating_add(1);
            path = format!("{wanted}-{number}{end}");
        }
        path
    };
    let sealed = if output.recipients.is_empty() { "" } else { ".c4gh" };
    let paths = manifest.resources.iter().map(|resource| {
        let path = resource.path.as_str();
        match (&resource.schema, output.format) {
            (None, _) | (Some(_), Format::Original) => {
                let (stem, end) = split(path);
                free(stem, &format!("{end}{sealed}"))
            }
            (Some(_), format) => {
                let stem = path.strip_suffix(".csv").unwrap_or(path);
                free(stem, &format!(".{}{sealed}", format.extension()))
            }
        }
    });
    let paths: Vec<String> = paths.collect();
    let (stem, end) = split(DESCRIPTION);
    let description = free(stem, end);
    (paths, description)
}

/// A path without what its name ends in, and that end with its point.
fn split(path: &str) -> (&str, &str) {
    let name = path.rfind('/').map_or(0, |at| at + 1);
    match path[name..].rfind('.') {
        Some(at) if at > 0 => path.split_at(name + at),
        _ => (path, ""),
    }
}
