//! Some rows of the synthetic sample, as the page of a dataset shows them: drawn from proven charts alone,
//! and marked as what they are.

use galen_market::id::PackageId;
use galen_market::layout::{Layout, Table, Values};
use galen_market::listing::TableClaims;
use serde_json::Value;

use crate::lang::{Lang, fill};
use crate::standards::synthetic;

/// Rows that are shown.
const SHOWN: u64 = 8;

/// The first rows of a sample.
pub(super) struct Sample {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The sample of a table; nothing if no column of it has a chart.
pub(super) fn of(
    lang: Lang,
    layout: &Layout,
    package: &PackageId,
    (at, table): (u32, &Table),
    claims: &TableClaims,
) -> Option<Sample> {
    let sources = synthetic::sources(layout, table, claims);
    if sources.is_empty() {
        return None;
    }
    let t = lang.words();
    let cell = |row: u64| {
        sources.iter().map(move |source| {
            let value = source.draw(layout, package, at, row);
            let coded = matches!(source.column.values, Values::Code { .. });
            match (&value, synthetic::entries(layout, source.column)) {
                // A code whose word only buyers read is shown by its number.
                (Value::String(text), None) if coded => {
                    let number = text.rsplit(' ').next().unwrap_or_default();
                    fill(t.code_n, &[&number])
                }
                (Value::String(text), _) => text.clone(),
                (Value::Null, _) => "–".to_owned(),
                (other, _) => other.to_string(),
            }
        })
    };
    Some(Sample {
        columns: sources.iter().map(|source| source.column.name.clone()).collect(),
        rows: (0..synthetic::rows(table).min(SHOWN)).map(|row| cell(row).collect()).collect(),
    })
}
