//! What a standing request wants of a package, and whether a listing has it.
//!
//! Rows, k, diversity, and range and number of a column's values are decided from what the listing's
//! proofs showed; diseases, names and codes of columns from what the institution declares. Pure.

use super::*;
use crate::layout::{Column, Layout, MAX_K, Range, Table, Values};
use crate::listing::{CODE_BYTES, Declared, MAX_DECLARED_DISEASES, TableClaims};
use crate::terms::Mondo;

/// Most columns that a request wants.
pub const MAX_COLUMNS_WANTED: usize = 16;

/// What is wanted: all of it, in one package.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Declared: the package is about each of these diseases.
    pub diseases: Bounded<Mondo, MAX_DECLARED_DISEASES>,
    /// One table that has all of this; if not given, files alone do.
    pub table: Option<TableWanted>,
}

/// What one table must have.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct TableWanted {
    /// Proven: at least so many rows.
    pub rows: u64,
    /// Proven: every combination of quasi-identifiers occurs in at least so many rows.
    pub k: u32,
    /// Its columns.
    pub columns: Bounded<ColumnWanted, MAX_COLUMNS_WANTED>,
}

/// What one column must have.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnWanted {
    /// Declared: which column.
    pub column: ColumnRef,
    /// Proven: every combination of quasi-identifiers occurs with at least so many values of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l: Option<u32>,
    /// Proven by a chart: all its values lie in this range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// Proven by a chart: so many rows at least have a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<u64>,
}

/// How a wanted column is found.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRef {
    /// By its name in the layout.
    Name(Text<CODE_BYTES>),
    /// By the ontology code that the institution declares for it.
    Code(Text<CODE_BYTES>),
}

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "column {name}"),
            Self::Code(code) => write!(f, "column coded {code}"),
        }
    }
}

/// A range of values, both ends included.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Within {
    /// Numbers, scaled by `10^scale`.
    Numbers {
        /// Digits after the point.
        scale: u8,
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
    },
    /// Days since 1970-01-01.
    Days {
        /// The first.
        low: i64,
        /// The last.
        high: i64,
    },
}

impl Within {
    const fn ends(&self) -> (i64, i64) {
        match *self {
            Self::Numbers { low, high, .. } | Self::Days { low, high } => (low, high),
        }
    }

    /// Whether every value that a column can have lies in the range.
    fn holds(&self, values: &Values) -> bool {
        match (*self, values) {
            (Self::Numbers { scale, low, high }, Values::Number { scale: own, range }) => {
                // At most 2^63 · 10^18 < 2^127.
                let times = |value: i64, scale: u8| i128::from(value) * 10i128.pow(scale.into());
                times(low, *own) <= times(range.low, scale)
                    && times(range.high, scale) <= times(high, *own)
            }
            (
                Self::Days { low, high },
                Values::Date { range: Range { low: from, high: to, .. } },
            ) => low <= *from && *to <= high,
            _ => false,
        }
    }
}

impl Wanted {
    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::BadWanted`] for what no listing could have.
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadWanted { what: what.to_owned() });
        let Some(table) = &self.table else { return Ok(()) };
        if table.k > MAX_K {
            return bad("k is at most 65,535");
        }
        for column in &table.columns {
            if column.l.is_some_and(|l| !(2..=MAX_K).contains(&l)) {
                return bad("l must be between 2 and 65,535");
            }
            if column.within.is_some_and(|within| within.ends().0 > within.ends().1) {
                return bad("a range ends before it begins");
            }
            let scale = crate::layout::MAX_SCALE;
            if matches!(column.within, Some(Within::Numbers { scale: own, .. }) if own > scale) {
                return bad("a number has at most 18 digits after the point");
            }
        }
        Ok(())
    }

    /// Whether a package has all of it. The claims must be proven: those of a live listing.
    #[must_use]
    pub fn is_met(&self, layout: &Layout, claims: &[TableClaims], declared: &Declared) -> bool {
        let about = |disease: &Mondo| declared.diseases.contains(disease);
        let tables = || (0u32..).zip(layout.tables()).zip(claims);
        self.diseases.iter().all(about)
            && self.table.as_ref().is_none_or(|wanted| {
                tables().any(|((at, table), claims)| wanted.is_met(at, table, claims, declared))
            })
    }
}

impl TableWanted {
    fn is_met(&self, at: u32, table: &Table, claims: &TableClaims, declared: &Declared) -> bool {
        table.rows() >= self.rows
            && claims.k >= self.k
            && self.columns.iter().all(|wanted| {
                let columns = (0u32..).zip(&table.columns);
                let named = |(number, column): &(u32, &Column)| match &wanted.column {
                    ColumnRef::Name(name) => column.name == name.as_str(),
                    ColumnRef::Code(code) => declared.says(at, *number, code),
                };
                columns.filter(named).any(|(number, column)| wanted.is_met(number, column, claims))
            })
    }
}

impl ColumnWanted {
    fn is_met(&self, number: u32, column: &Column, claims: &TableClaims) -> bool {
        let chart = claims.charts.iter().find(|chart| chart.column == number);
        self.l.is_none_or(|l| {
            claims.diversity.iter().any(|claim| claim.column == number && claim.l >= l)
        }) && self.within.is_none_or(|within| chart.is_some() && within.holds(&column.values))
            && self.values.is_none_or(|least| chart.is_some_and(|c| c.totals.count >= least))
    }
}
