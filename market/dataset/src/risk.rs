//! How easily a row could be traced to a person, from the sizes of its classes, and what could be
//! learnt of a person without tracing any.
//!
//! A class is a set of rows with equal quasi-identifiers; a missing cell counts as a value of its
//! own. The terms are ARX's: the *prosecutor* knows that the person is in the table, the
//! *marketer* wants to trace as many rows as possible. May depend on `schema`.

use crate::schema::Table;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Risks and sizes of a table's classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Rows.
    pub rows: u64,
    /// Classes.
    pub classes: u64,
    /// Rows of the smallest class: the k that the table has. 0 for a table without rows.
    pub smallest: u64,
    /// Rows of the largest class.
    pub largest: u64,
    /// Rows a class, on average.
    pub average_class: f64,
    /// Chance of tracing the row at greatest risk: 1 / smallest class.
    pub prosecutor_highest: f64,
    /// Chance of tracing a row, averaged over rows, by one who knows that the person is there.
    pub prosecutor_average: f64,
    /// Share of all rows that one who tries them all would trace.
    pub marketer: f64,
    /// Share of rows that are alone in their class.
    pub unique_rows: f64,
    /// Share of rows in classes below 5.
    pub below_five: f64,
    /// Sum of squared class sizes (discernibility, Bayardo and Agrawal, ICDE 2005).
    pub discernibility: f64,
}

impl Risk {
    /// The risk of classes of these sizes. Classes of size 0 are not counted.
    pub fn of_classes(sizes: impl Iterator<Item = u64>) -> Risk {
        let mut risk = Risk {
            rows: 0,
            classes: 0,
            smallest: 0,
            largest: 0,
            average_class: 0.0,
            prosecutor_highest: 0.0,
            prosecutor_average: 0.0,
            marketer: 0.0,
            unique_rows: 0.0,
            below_five: 0.0,
            discernibility: 0.0,
        };
        for size in sizes.filter(|s| *s > 0) {
            risk.rows += size;
            risk.classes += 1;
            risk.smallest = if risk.classes == 1 { size } else { risk.smallest.min(size) };
            risk.largest = risk.largest.max(size);
            risk.unique_rows += f64::from(u8::from(size == 1));
            risk.below_five += if size < 5 { size as f64 } else { 0.0 };
            risk.discernibility += (size as f64) * (size as f64);
        }
        if risk.rows > 0 {
            let rows = risk.rows as f64;
            risk.average_class = rows / risk.classes as f64;
            risk.prosecutor_highest = 1.0 / risk.smallest as f64;
            // A row of a class of s is traced with chance 1/s: each class adds 1 in all.
            risk.prosecutor_average = risk.classes as f64 / rows;
            risk.marketer = risk.prosecutor_average;
            risk.unique_rows /= rows;
            risk.below_five /= rows;
        }
        risk
    }

    /// The risk of a table, by these columns. Without columns all rows are one class.
    pub fn of_table(table: &Table, columns: &[usize]) -> Risk {
        Risk::of_classes(class_sizes(table, columns).into_iter())
    }
}

/// What the classes tell of a sensitive column to one who knows only which class a person is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disclosure {
    /// The column.
    pub column: String,
    /// Fewest different present values of a class: the l that the table has.
    pub least: u64,
    /// Different present values of a class, on average.
    pub average: f64,
    /// Share of rows in classes with a single present value, or none: their value is known with the
    /// class.
    pub uniform_rows: f64,
    /// Greatest share of a class's rows that show one present value: the best guess at the row at
    /// greatest risk.
    pub highest_share: f64,
}

impl Disclosure {
    /// Of a column of a table whose rows of a class are adjacent.
    pub fn of_table(table: &Table, class_sizes: &[u64], column: usize) -> Disclosure {
        let column = &table.columns[column];
        let missing = column.missing_code();
        let mut disclosure = Disclosure {
            column: column.name.clone(),
            least: 0,
            average: 0.0,
            uniform_rows: 0.0,
            highest_share: 0.0,
        };
        let (mut from, mut values, mut uniform) = (0usize, 0u64, 0u64);
        for (class, size) in class_sizes.iter().enumerate() {
            let to = from.saturating_add(usize::try_from(*size).unwrap_or(0));
            let mut codes = column.codes.get(from..to).unwrap_or_default().to_vec();
            codes.retain(|code| Some(*code) != missing);
            codes.sort_unstable();
            let runs = || codes.chunk_by(|a, b| a == b);
            let (distinct, longest) = (runs().count() as u64, runs().map(<[u32]>::len).max());
            disclosure.least = if class == 0 { distinct } else { disclosure.least.min(distinct) };
            let share = longest.unwrap_or(0) as f64 / (*size).max(1) as f64;
            disclosure.highest_share = disclosure.highest_share.max(share);
            uniform += if distinct <= 1 { *size } else { 0 };
            values += distinct;
            from = to;
        }
        disclosure.average = values as f64 / class_sizes.len().max(1) as f64;
        disclosure.uniform_rows = uniform as f64 / from.max(1) as f64;
        disclosure
    }
}

/// The sizes of the classes of a table by these columns, in order of first appearance.
pub fn class_sizes(table: &Table, columns: &[usize]) -> Vec<u64> {
    let mut seen: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut sizes: Vec<u64> = Vec::new();
    for row in 0..table.rows() {
        let key: Vec<u32> = columns.iter().map(|c| table.columns[*c].codes[row]).collect();
        let class = *seen.entry(key).or_insert(sizes.len());
        match sizes.get_mut(class) {
            Some(size) => *size += 1,
            None => sizes.push(1),
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Column;

    #[test]
    fn risks_follow_class_sizes() {
        let cells = ["a", "a", "a", "", "", "b"];
        let column = Column::from_cells("x", cells.into_iter());
        let table = Table { columns: vec![column] };
        let risk = Risk::of_table(&table, &[0]);
        assert_eq!((risk.rows, risk.classes, risk.smallest, risk.largest), (6, 3, 1, 3));
        assert_eq!((risk.prosecutor_highest, risk.marketer), (1.0, 0.5));
        assert_eq!((risk.average_class, risk.discernibility), (2.0, 14.0));
        assert!((risk.unique_rows - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(Risk::of_table(&table, &[]).smallest, 6);
    }

    #[test]
    fn a_class_with_one_value_gives_it_away() {
        let cells = ["a", "a", "a", "b", "", "c", "", ""];
        let table = Table { columns: vec![Column::from_cells("x", cells.into_iter())] };
        let seen = Disclosure::of_table(&table, &[4, 2, 2], 0);
        assert_eq!((seen.least, seen.average), (0, 1.0));
        assert_eq!((seen.uniform_rows, seen.highest_share), (0.5, 0.75));
        assert_eq!(Disclosure::of_table(&table, &[4], 0).least, 2);
    }
}
