//! What columns tell about each other.

use super::names::is_person_number;
use super::tally;
use crate::schema::{Column, Kind, Table};

/// The column that seems to number the persons, with the reason: a code that comes back in several
/// rows, and within whose rows many other columns never change.
pub(super) fn person_column(table: &Table) -> Option<(usize, String)> {
    let rows = table.rows();
    let mut best: Option<(bool, usize, usize, usize)> = None;
    for (c, column) in table.columns.iter().enumerate() {
        if !matches!(column.kind, Kind::Integer | Kind::Text) || rows < 20 {
            continue;
        }
        let distinct = column.distinct();
        let named = is_person_number(&column.name);
        // Codes have many values of about one length; counts and categories have few.
        let many = distinct >= 20 && distinct * 50 >= rows;
        if !many || distinct == rows && !named || !(named || alike(column)) {
            continue;
        }
        let others: Vec<usize> = (0..table.columns.len())
            .filter(|o| *o != c && (2..distinct).contains(&table.columns[*o].dictionary.len()))
            .collect();
        let constant = others.iter().filter(|o| determines(column, &table.columns[**o])).count();
        if !named && (constant < 3 || constant * 3 < others.len()) {
            continue;
        }
        let rank = (named, constant, distinct, c);
        if best.is_none_or(|b| (rank.0, rank.1, rank.2) > (b.0, b.1, b.2)) {
            best = Some(rank);
        }
    }
    best.map(|(_, constant, distinct, c)| {
        let each = rows as f64 / distinct.max(1) as f64;
        let text = format!(
            "{distinct} codes with {each:.1} rows each, within which {constant} other columns never change"
        );
        (c, text)
    })
}

/// Whether nearly all values have one length.
fn alike(column: &Column) -> bool {
    let lengths: Vec<usize> =
        column.dictionary.iter().filter(|t| !t.is_empty()).map(String::len).collect();
    let mut sorted = lengths.clone();
    sorted.sort_unstable();
    let Some(middle) = sorted.get(sorted.len() / 2).copied() else { return false };
    middle >= 3 && lengths.iter().filter(|l| **l == middle).count() * 10 >= lengths.len() * 9
}

/// Whether rows equal in `key` are equal in `other`.
fn determines(key: &Column, other: &Column) -> bool {
    let mut value = vec![u32::MAX; key.dictionary.len()];
    key.codes.iter().zip(&other.codes).all(|(k, o)| {
        let known = &mut value[*k as usize];
        if *known == u32::MAX {
            *known = *o;
        }
        *known == *o
    })
}

/// The quasi-identifier that a column gives away, with the cells concerned: each of its values goes
/// with one value of the other, and most rows have a value that comes back, so that this is no
/// accident of values that differ anyway.
pub(super) fn gives_away(table: &Table, c: usize, quasi: &[usize]) -> Option<(usize, u64)> {
    let column = &table.columns[c];
    let (counts, _) = tally(column);
    let repeated: u64 = counts.iter().filter(|n| **n > 1).sum();
    if repeated * 2 < table.rows() as u64 {
        return None;
    }
    quasi
        .iter()
        .copied()
        .filter(|q| table.columns[*q].dictionary.len() > 2)
        // As many values as what it gives away: a code with far more of them would be a key.
        .filter(|q| column.dictionary.len() <= 2 * table.columns[*q].dictionary.len())
        .find(|q| determines(column, &table.columns[*q]))
        .map(|q| (q, (column.codes.len() - column.missing()) as u64))
}
