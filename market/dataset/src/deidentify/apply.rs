//! Makes the table that the search chose.

use super::search::{Found, Problem};
use super::{Generalised, Prepared, Report, Settings};
use crate::csv_out::write_whole;
use crate::risk::{Risk, class_sizes};
use crate::roles::Role;
use crate::schema::{Column, Table};
use std::cmp::Ordering;
use std::io::{self, Write};
use std::path::Path;

/// A de-identified table.
#[derive(Clone, Debug)]
pub struct Deidentified {
    /// The table. Rows of a class are adjacent; within a class rows are ordered by what they hold,
    /// so that nothing of the order of the source is left.
    pub table: Table,
    /// Positions of the quasi-identifiers in `table`.
    pub quasi_identifiers: Vec<usize>,
    /// Rows of each class, in the order of the table.
    pub class_sizes: Vec<u64>,
    /// The row of the source that each row comes from, counted from 0. Private: with the source it
    /// names the persons again. It serves the institution's own checks.
    pub origins: Vec<usize>,
    /// What was done.
    pub report: Report,
}

pub(super) fn apply(
    table: &Table,
    settings: &Settings,
    prepared: &Prepared,
    problem: &Problem<'_>,
    found: &Found,
) -> Deidentified {
    let classes = problem.classes(&found.levels);
    let counted = |row: usize| classes.counted[classes.of_row[row] as usize];
    let kept: Vec<usize> = (0..problem.rows).filter(|r| counted(*r) >= settings.k).collect();
    let mut origins: Vec<usize> = kept.iter().map(|r| prepared.rows[*r]).collect();

    let (mut columns, mut quasi, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    let mut generalised = Vec::new();
    for (c, column) in table.columns.iter().enumerate() {
        match settings.roles.of(&column.name) {
            Role::Identifier | Role::Person | Role::Drop => dropped.push(column.name.clone()),
            Role::Sensitive | Role::Insensitive => columns.push(column.select(&origins)),
            Role::QuasiIdentifier => {
                let Some(q) = prepared.quasi.iter().position(|x| *x == c) else { continue };
                let hierarchy = &prepared.hierarchies[q];
                let level = &hierarchy.levels[found.levels[q]];
                let codes: Vec<u32> =
                    origins.iter().map(|r| level.group[column.codes[*r] as usize]).collect();
                let sum: f64 = codes.iter().map(|g| level.loss[*g as usize]).sum();
                let new = Column::new(column.name.clone(), level.labels.clone(), codes);
                generalised.push(Generalised {
                    column: column.name.clone(),
                    level: found.levels[q],
                    top: hierarchy.levels.len() - 1,
                    loss: sum / origins.len().max(1) as f64,
                    example: new.dictionary.last().cloned().unwrap_or_default(),
                });
                quasi.push(columns.len());
                columns.push(new);
            }
        }
    }

    // Quasi-identifiers first, then all other cells; dictionaries are sorted, so codes compare as
    // the texts do.
    let others: Vec<usize> = (0..columns.len()).filter(|c| !quasi.contains(c)).collect();
    let mut order: Vec<usize> = (0..origins.len()).collect();
    order.sort_by(|a, b| {
        let mut keys = quasi.iter().chain(&others);
        let differs = keys.find_map(|c| {
            let codes = &columns[*c].codes;
            Some(codes[*a].cmp(&codes[*b])).filter(|o| *o != Ordering::Equal)
        });
        differs.unwrap_or(Ordering::Equal)
    });
    for column in &mut columns {
        column.codes = order.iter().map(|r| column.codes[*r]).collect();
    }
    origins = order.iter().map(|r| origins[*r]).collect();
    let result = Table { columns };

    let sizes = class_sizes(&result, &quasi);
    let smallest = sizes.iter().min().copied().unwrap_or(0);
    let reached = classes.counted.iter().filter(|c| **c >= settings.k).min();
    let distinct_persons = prepared.person.map(|p| {
        let mut codes: Vec<u32> = origins.iter().map(|r| table.columns[p].codes[*r]).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.len() as u64
    });
    let report = Report {
        k: settings.k,
        k_reached: reached.copied().unwrap_or(smallest),
        persons: prepared.person.map(|_| settings.persons),
        distinct_persons,
        source_rows: table.rows() as u64,
        person_rows_dropped: (table.rows() - problem.rows) as u64,
        suppressed: found.suppressed as u64,
        rows: result.rows() as u64,
        dropped_columns: dropped,
        quasi_identifiers: generalised,
        loss: found.loss,
        least_loss: found.least,
        evaluated: found.evaluated as u64,
        before: Risk::of_table(table, &prepared.quasi),
        after: Risk::of_classes(sizes.iter().copied()),
    };
    Deidentified { table: result, quasi_identifiers: quasi, class_sizes: sizes, origins, report }
}

/// Writes the private side file: under the header `source_row`, for each row of the result the
/// number of the row of the source, from 0. The file can be read by its owner only.
///
/// # Errors
/// Those of the file system.
pub fn write_origins(origins: &[usize], path: &Path) -> io::Result<()> {
    write_whole(path, true, |out| {
        writeln!(out, "source_row")?;
        origins.iter().try_for_each(|row| writeln!(out, "{row}"))
    })
}
