//! What a manifest says of a table's de-identification: numbers of rows, levels and loss, and no name or cell
//! that was left out. Depends on the report of `deidentify`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ManifestError, integer, refuse, text, words};
use crate::deidentify::{PersonRule, Report};

/// What the institution did before packing. Nothing here is proven except `k` in rows, and what of
/// `diversity` the listing claims, by the listing's bundles.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deidentification {
    /// In a sentence.
    pub method: String,
    /// Rows that share every combination of quasi-identifiers, at least.
    pub k: u32,
    /// Different values that every combination of quasi-identifiers shows of a sensitive column, at
    /// least, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub diversity: BTreeMap<String, u32>,
    /// Cells that were emptied though they held a value, by column.
    #[serde(rename = "cellsEmptied", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells_emptied: BTreeMap<String, u64>,
    /// What is declared of persons: `one row a person`, `k distinct persons in every class`, or
    /// `rows, not persons`.
    pub persons: String,
    /// Rows read and rows kept.
    pub rows: RowCounts,
    /// Information lost by generalisation, in parts per million.
    #[serde(rename = "lossPerMillion")]
    pub loss_per_million: u32,
    /// Level of generalisation of each quasi-identifier.
    pub generalisation: BTreeMap<String, u32>,
    /// How many columns were removed before packing. Their names stay with the institution: those of
    /// a table without a line of names are the cells of its first row.
    #[serde(rename = "droppedColumns")]
    pub dropped_columns: u32,
}

/// Rows before and after.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowCounts {
    /// Rows of the source.
    pub source: u64,
    /// Rows left out because their person has another one, or no number.
    #[serde(rename = "otherRowsOfPersons")]
    pub other_rows_of_persons: u64,
    /// Rows left out because no class could hold them.
    pub suppressed: u64,
    /// Rows packed.
    pub packed: u64,
}

impl Deidentification {
    pub(super) fn check(&self, at: &str) -> Result<(), ManifestError> {
        words(&format!("{at}.method"), &self.method)?;
        words(&format!("{at}.persons"), &self.persons)?;
        let rows = &self.rows;
        for count in [rows.source, rows.other_rows_of_persons, rows.suppressed, rows.packed] {
            integer(&format!("{at}.rows"), count)?;
        }
        if self.loss_per_million > 1_000_000 {
            return refuse(&format!("{at}.lossPerMillion"), "is more than a million");
        }
        let named = self.generalisation.keys().chain(self.diversity.keys());
        for column in named.chain(self.cells_emptied.keys()) {
            text(at, column)?;
        }
        for cells in self.cells_emptied.values() {
            integer(&format!("{at}.cellsEmptied"), *cells)?;
        }
        Ok(())
    }
}

impl From<&Report> for Deidentification {
    fn from(report: &Report) -> Self {
        let persons = match report.persons {
            Some(PersonRule::OneRow) => "one row a person",
            Some(PersonRule::DistinctInClass) => "k distinct persons in every class",
            None => "rows, not persons",
        };
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let levels = report.quasi_identifiers.iter();
        Self {
            method: match report.diversity.is_empty() {
                true => "full-domain generalisation and suppression to k-anonymity",
                false => {
                    "full-domain generalisation and suppression to k-anonymity and l-diversity"
                }
            }
            .to_owned(),
            k: small(report.k),
            diversity: report.diversity.iter().map(|d| (d.column.clone(), small(d.l))).collect(),
            cells_emptied: report.blanked.iter().map(|b| (b.column.clone(), b.cells)).collect(),
            persons: persons.to_owned(),
            rows: RowCounts {
                source: report.source_rows,
                other_rows_of_persons: report.person_rows_dropped,
                suppressed: report.suppressed,
                packed: report.rows,
            },
            // A loss is between 0 and 1.
            loss_per_million: (report.loss.clamp(0.0, 1.0) * 1e6).round() as u32,
            generalisation: levels.map(|q| (q.column.clone(), small(q.level as u64))).collect(),
            dropped_columns: small(report.dropped_columns.len() as u64),
        }
    }
}
