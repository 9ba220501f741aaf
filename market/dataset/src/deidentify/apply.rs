//! Makes the table that the search chose.

use super::arrange::{Diverse, arrange};
use super::blank::blank;
use super::search::{Found, Problem};
use super::{DeidentifyError, Diversity, Generalised, Prepared, Report, Settings};
use crate::csv_out::write_whole;
use crate::risk::{Disclosure, Risk, class_sizes};
use crate::roles::Role;
use crate::schema::{Column, Table};
use std::cmp::Ordering;
use std::io::{self, Write};
use std::path::Path;

/// A de-identified table.
#[derive(Clone, Debug)]
pub struct Deidentified {
    /// The table. Rows of a class are adjacent; within a class rows are ordered by what they hold,
    /// so that nothing of the order of the source is left. If classes are diverse, each row block's
    /// part of a class ends with rows of strictly decreasing values of the first diverse column.
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
) -> Result<Deidentified, DeidentifyError> {
    let classes = problem.classes(&found.levels);
    let stands = problem.standing(&classes);
    let standing = |row: &usize| stands[classes.of_row[*row] as usize];
    let kept: Vec<usize> = (0..problem.rows).filter(standing).collect();
    let class_of: Vec<u32> = kept.iter().map(|r| classes.of_row[*r]).collect();
    let wanted = |name: &str| problem.diverse.iter().find(|d| d.name == name).map_or(0, |d| d.l);
    let mut blanked = Vec::new();
    let mut origins: Vec<usize> = kept.iter().map(|r| prepared.rows[*r]).collect();

    let (mut columns, mut quasi, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    let mut generalised = Vec::new();
    for (c, column) in table.columns.iter().enumerate() {
        match settings.roles.of(&column.name) {
            Role::Identifier | Role::Person | Role::Drop => dropped.push(column.name.clone()),
            Role::Sensitive | Role::Insensitive => {
                let mut new = column.select(&origins);
                if settings.blank {
                    blanked.extend(blank(&mut new, &class_of, settings.k, wanted(&column.name)));
                }
                columns.push(new);
            }
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
    let reorder = |columns: &mut Vec<Column>, origins: &mut Vec<usize>, order: &[usize]| {
        for column in columns {
            column.codes = order.iter().map(|r| column.codes[*r]).collect();
        }
        *origins = order.iter().map(|r| origins[*r]).collect();
    };
    reorder(&mut columns, &mut origins, &order);
    let mut result = Table { columns };
    let sizes = class_sizes(&result, &quasi);
    let diverse: Vec<Diverse> =
        problem.diverse.iter().map(|d| ranked(&result, &d.name, d.l)).collect();
    let arranged = arrange(&sizes, &diverse, settings.k, settings.block_rows)?;
    reorder(&mut result.columns, &mut origins, &arranged.order);

    let smallest = sizes.iter().min().copied().unwrap_or(0);
    let counted = classes.counted.iter().zip(&stands).filter(|(_, s)| **s).map(|(c, _)| *c);
    let reached = counted.min();
    let sensitive: Vec<usize> = (0..result.columns.len())
        .filter(|c| settings.roles.of(&result.columns[*c].name) == Role::Sensitive)
        .collect();
    let disclosure: Vec<Disclosure> =
        sensitive.iter().map(|c| Disclosure::of_table(&result, &sizes, *c)).collect();
    let diversity = diverse.iter().map(|d| Diversity {
        column: d.name.clone(),
        l: d.l,
        reached: disclosure.iter().find(|s| s.column == d.name).map_or(0, |s| s.least),
    });
    let diversity = diversity.collect();
    let distinct_persons = prepared.person.map(|p| {
        let mut codes: Vec<u32> = origins.iter().map(|r| table.columns[p].codes[*r]).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.len() as u64
    });
    let report = Report {
        k: settings.k,
        k_reached: reached.unwrap_or(smallest),
        persons: prepared.person.map(|_| settings.persons),
        distinct_persons,
        source_rows: table.rows() as u64,
        person_rows_dropped: (table.rows() - problem.rows) as u64,
        suppressed: found.suppressed as u64,
        rows: result.rows() as u64,
        block_rows: settings.block_rows,
        blocks: arranged.blocks,
        diversity,
        blanked,
        dropped_columns: dropped,
        quasi_identifiers: generalised,
        loss: found.loss,
        least_loss: found.least,
        evaluated: found.evaluated as u64,
        before: Risk::of_table(table, &prepared.quasi),
        after: Risk::of_classes(sizes.iter().copied()),
        disclosure,
    };
    Ok(Deidentified {
        table: result,
        quasi_identifiers: quasi,
        class_sizes: sizes,
        origins,
        report,
    })
}

/// A column as ranks of its values: as numbers where they are, else as texts.
fn ranked(table: &Table, name: &str, l: u64) -> Diverse {
    let Some(column) = table.position(name).map(|c| &table.columns[c]) else {
        return Diverse { name: name.to_owned(), l, ranks: vec![0; table.rows()] };
    };
    let numbers = column.numbers();
    let mut order: Vec<usize> = (0..column.dictionary.len()).collect();
    // The missing cell has no number and sorts first; texts are sorted already.
    if let Some(numbers) = &numbers {
        order.sort_by_key(|code| numbers[*code]);
    }
    let shift = u32::from(column.missing_code().is_none());
    let mut rank_of = vec![0u32; order.len()];
    for (rank, code) in (shift..).zip(order) {
        rank_of[code] = rank;
    }
    let ranks = column.codes.iter().map(|code| rank_of[*code as usize]).collect();
    Diverse { name: name.to_owned(), l, ranks }
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
