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

/// How a column gives a quasi-identifier away, with the cells concerned.
pub(super) fn gives_away(table: &Table, c: usize, quasi: &[usize]) -> Option<(String, u64)> {
    let column = &table.columns[c];
    let present = (column.codes.len() - column.missing()) as u64;
    quasi.iter().map(|q| &table.columns[*q]).find_map(|other| {
        if copies(column, other) {
            return Some((
                format!("each value of it goes with one value of `{}`", other.name),
                present,
            ));
        }
        if ranges(column, other) {
            return Some((
                format!("each value of it goes with one range of `{}`", other.name),
                present,
            ));
        }
        let cells = implies(column, other)?;
        Some((format!("one of its two values goes with one value of `{}`", other.name), cells))
    })
}

/// Each value goes with one value of the other, and most rows have a value that comes back, so
/// that this is no accident of values that differ anyway.
fn copies(column: &Column, other: &Column) -> bool {
    let (counts, _) = tally(column);
    let repeated: u64 = counts.iter().filter(|n| **n > 1).sum();
    repeated * 2 >= column.codes.len() as u64
        && other.dictionary.len() > 2
        // As many values as what it gives away: a code with far more of them would be a key.
        && column.dictionary.len() <= 2 * other.dictionary.len()
        && determines(column, other)
}

/// Few values, each with a range of the other's numbers that no other value touches: a number cut
/// into groups, as `child` from an age.
fn ranges(column: &Column, other: &Column) -> bool {
    let Some(numbers) = other.numbers() else { return false };
    let values = column.dictionary.len();
    if !(2..=16).contains(&values) || other.dictionary.len() < 3 * values {
        return false;
    }
    let mut spans: Vec<Option<(i64, i64)>> = vec![None; values];
    for (code, o) in column.codes.iter().zip(&other.codes) {
        let Some(number) = numbers[*o as usize] else { continue };
        let span = &mut spans[*code as usize];
        let (low, high) = span.unwrap_or((number, number));
        *span = Some((low.min(number), high.max(number)));
    }
    let mut spans: Vec<(i64, i64)> = spans.into_iter().flatten().collect();
    spans.sort_unstable();
    spans.len() == values && spans.windows(2).all(|w| w[0].1 < w[1].0)
}

/// Two values, one of which, in many rows, goes with a single value of the other that is not the
/// rule anyway: `girl` tells the sex of those for whom it is 1. Gives the rows of that value.
fn implies(column: &Column, other: &Column) -> Option<u64> {
    let rows = column.codes.len() as u64;
    if column.dictionary.len() != 2 || other.dictionary.len() < 2 {
        return None;
    }
    let (counts, _) = tally(column);
    let (usual, _) = tally(other);
    (0u32..2).zip(counts).find_map(|(code, count)| {
        if count < 20 || count * 50 < rows {
            return None;
        }
        let mut with = column.codes.iter().zip(&other.codes).filter(|(c, _)| **c == code);
        let first = *with.next()?.1;
        let alone = with.all(|(_, o)| *o == first) && usual[first as usize] * 10 < rows * 9;
        alone.then_some(count)
    })
}
