//! k about persons: one row each, or k distinct persons in every class.

use crate::schema::Column;
use serde::{Deserialize, Serialize};

/// What the person column is used for before it is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonRule {
    /// Keeps the first row of every person. Then k rows are k persons.
    #[default]
    OneRow,
    /// Keeps all rows, and lets a class stand only if it has k distinct persons.
    DistinctInClass,
}

/// The first row of every person, in order. Rows without a person number are left out, for it
/// cannot be told whose they are.
pub(super) fn first_rows(person: &Column) -> Vec<usize> {
    let mut seen = vec![false; person.dictionary.len()];
    let missing = person.missing_code();
    (0..person.codes.len())
        .filter(|row| {
            let code = person.codes[*row];
            Some(code) != missing && !std::mem::replace(&mut seen[code as usize], true)
        })
        .collect()
}

/// All rows with a person number.
pub(super) fn known_rows(person: &Column) -> Vec<usize> {
    let missing = person.missing_code();
    (0..person.codes.len()).filter(|row| Some(person.codes[*row]) != missing).collect()
}
