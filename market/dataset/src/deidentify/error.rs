//! Why a table was not de-identified.

use crate::hierarchy::HierarchyError;
use crate::roles::RoleError;
use thiserror::Error;

/// Why a table was not de-identified, and what to do.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum DeidentifyError {
    #[error(transparent)]
    Role(#[from] RoleError),
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    #[error(
        "no column has the role quasi-identifier: name at least one that others may know, such as age or sex"
    )]
    NoQuasi,
    #[error("column `{column}` has a hierarchy, level or weight but not the role quasi-identifier")]
    NotQuasi { column: String },
    #[error("k = {k} is out of range: it must be from 2 to {most}")]
    K { k: u64, most: u64 },
    #[error("a suppression limit of {value} is out of range: it is a share from 0 to 1")]
    Suppression { value: f64 },
    #[error("column `{column}`: weight {weight} is not a number above zero")]
    Weight { column: String, weight: f64 },
    #[error(
        "column `{column}`: level {low} is not below the last one allowed; the hierarchy ends at level {top}"
    )]
    Levels { column: String, low: usize, top: usize },
    #[error(
        "k = {k} cannot be reached: with these hierarchies and at most {suppression} % of rows suppressed the largest k is {largest} {counted}; lower k, allow more suppression or higher levels, or drop a quasi-identifier"
    )]
    Unreachable { k: u64, largest: u64, counted: &'static str, suppression: f64 },
    #[error(
        "l = {l} of `{column}` cannot be reached with k = {k}: with these hierarchies and at most {suppression} % of rows suppressed its largest l is {largest}; lower its l, allow more suppression or higher levels, or drop a quasi-identifier"
    )]
    Diversity { column: String, l: u64, largest: u64, k: u64, suppression: f64 },
    #[error(
        "k = {k} and {wanted} can each be reached but not together, with at most {suppression} % of rows suppressed; lower one of them, allow more suppression or higher levels, or drop a quasi-identifier"
    )]
    Together { k: u64, wanted: String, suppression: f64 },
    #[error("column `{column}` is to be diverse but does not have the role sensitive")]
    NotSensitive { column: String },
    #[error("no column has the role sensitive, so there is none to be diverse")]
    NothingSensitive,
    #[error("l = {l} of `{column}` is out of range: it must be from 2 to {most}")]
    L { column: String, l: u64, most: u64 },
    #[error(
        "a group of {rows} rows does not fit into a row block of {block_rows} and cannot be cut so that each part has as many different values as asked ({columns}); lower l, or allow less generalisation"
    )]
    Uncuttable { rows: u64, block_rows: u64, columns: String },
    #[error(
        "blocks of {block_rows} rows are too small for k or l = {k}: they need at least three times that"
    )]
    SmallBlock { block_rows: u64, k: u64 },
    #[error("a class of {size} rows is below k = {k}: de-identify the table first")]
    SmallClass { size: u64, k: u64 },
}
