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
        "blocks of {block_rows} rows are too small for k = {k}: they need at least three times k"
    )]
    SmallBlock { block_rows: u64, k: u64 },
    #[error("a class of {size} rows is below k = {k}: de-identify the table first")]
    SmallClass { size: u64, k: u64 },
}
