//! Whether a row block has what is claimed of it, told from its cells by plain counting.
//!
//! Asked before anything is proven: a property that does not hold is refused by naming the smallest
//! class, or the cell, that breaks it. Depends on the Layout, the claims and `encode`.

use galen_market::layout::{Column, Layout, Values};
use galen_market::listing::Diversity;
use galen_zk::bundle::{BlockClaims, Order};
use galen_zk::circuit::l_diversity::largest_code;

use crate::encode::decode_cell;
use crate::schema::{DecimalStyle, Kind};

/// The cells of a row block, column by column.
pub type Cells<'a> = [&'a [u64]];

/// What a block lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offence {
    /// What is wrong.
    pub what: Lack,
    /// First row in the block, from zero.
    pub from: usize,
    /// How many rows it concerns.
    pub rows: usize,
}

/// A claim that does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// A class has fewer rows than this k.
    Rows {
        /// What was claimed.
        k: u32,
    },
    /// A class has fewer different values of a column than l.
    Values {
        /// Position of the column.
        column: u32,
        /// What was claimed.
        l: u32,
        /// What it has.
        found: u32,
    },
    /// A class does not end with l rows of strictly decreasing values.
    Order {
        /// Position of the column.
        column: u32,
        /// What was claimed.
        l: u32,
    },
    /// The least l values of a class are further apart than a proof can show.
    Apart {
        /// Position of the column.
        column: u32,
        /// The greatest distance.
        most: u64,
    },
    /// A cell lies outside the bounds of its column's chart.
    Outside {
        /// Position of the column.
        column: u32,
    },
}

/// The smallest class that breaks a claim, or the first cell outside its chart; nothing if all holds.
#[must_use]
pub fn offence(claims: &BlockClaims, cells: &Cells<'_>) -> Option<Offence> {
    for claim in &claims.columns {
        let column = cells.get(claim.column as usize).copied().unwrap_or_default();
        let allowed = claim.chart.lowest()..=claim.chart.highest();
        if let Some(from) = column.iter().position(|cell| *cell != 0 && !allowed.contains(cell)) {
            return Some(Offence { what: Lack::Outside { column: claim.column }, from, rows: 1 });
        }
    }
    let classes = classes(claims, cells);
    let smallest = classes.iter().min_by_key(|(_, rows)| *rows);
    if let Some((from, rows)) = smallest.filter(|(_, rows)| *rows < claims.k as usize) {
        return Some(Offence { what: Lack::Rows { k: claims.k }, from: *from, rows: *rows });
    }
    for claim in &claims.diversity {
        let column = cells.get(claim.column as usize).copied().unwrap_or_default();
        let most = largest_code(claims.block_rows as usize, claim.order);
        let mut least: Option<(Offence, usize)> = None;
        for (from, rows) in &classes {
            let Some(part) = column.get(*from..from.saturating_add(*rows)) else { continue };
            let lack = lack(claim.column, claim.l, claim.order, u64::from(most), part);
            if let Some((what, weight)) = lack
                && least.as_ref().is_none_or(|(found, w)| (weight, *rows) < (*w, found.rows))
            {
                least = Some((Offence { what, from: *from, rows: *rows }, weight));
            }
        }
        if let Some((offence, _)) = least {
            return Some(offence);
        }
    }
    None
}

/// What a class lacks of diversity, and how many different values it has.
fn lack(column: u32, l: u32, order: Order, most: u64, cells: &[u64]) -> Option<(Lack, usize)> {
    let mut values: Vec<u64> = cells.iter().copied().filter(|cell| *cell != 0).collect();
    values.sort_unstable();
    values.dedup();
    let wanted = l as usize;
    if values.len() < wanted {
        let found = u32::try_from(values.len()).unwrap_or(u32::MAX);
        return Some((Lack::Values { column, l, found }, values.len()));
    }
    let shown: Vec<u64> = match order {
        Order::Any => values.iter().copied().take(wanted).collect(),
        Order::Tail => {
            let tail = &cells[cells.len() - wanted..];
            if tail.last() == Some(&0) || !tail.is_sorted_by(|a, b| a > b) {
                return Some((Lack::Order { column, l }, values.len()));
            }
            tail.iter().rev().copied().collect()
        }
    };
    let below = [0].into_iter().chain(shown.iter().copied());
    let apart = below.zip(&shown).any(|(below, cell)| cell - below > most);
    apart.then_some((Lack::Apart { column, most }, values.len()))
}

/// First row and number of rows of each run of equal quasi-identifiers.
fn classes(claims: &BlockClaims, cells: &Cells<'_>) -> Vec<(usize, usize)> {
    let quasi: Vec<&[u64]> = claims
        .quasi_identifiers
        .iter()
        .filter_map(|column| cells.get(*column as usize).copied())
        .collect();
    let rows = claims.rows as usize;
    let equal = |a: usize, b: usize| quasi.iter().all(|column| column.get(a) == column.get(b));
    let mut classes = Vec::new();
    let mut from = 0;
    for row in 1..=rows {
        if row == rows || !equal(from, row) {
            classes.push((from, row - from));
            from = row;
        }
    }
    classes
}

/// The claims of a table's diversity that its report makes, in the order of its columns: the first
/// of the report in tail order.
#[must_use]
pub fn diversity_claims(
    columns: &[Column],
    report: &[crate::deidentify::Diversity],
) -> Vec<Diversity> {
    let mut claims: Vec<Diversity> = report
        .iter()
        .enumerate()
        .filter_map(|(i, diverse)| {
            let column = columns.iter().position(|column| column.name == diverse.column)?;
            Some(Diversity {
                column: u32::try_from(column).ok()?,
                l: u32::try_from(diverse.l).ok()?,
                order: if i == 0 { Order::Tail } else { Order::Any },
            })
        })
        .collect();
    claims.sort_by_key(|claim| claim.column);
    claims
}

impl Offence {
    /// Which rows and values break which claim, in a sentence.
    #[must_use]
    pub fn sentence(
        &self,
        layout: &Layout,
        dictionaries: &[Vec<String>],
        (table, block): (u32, u32),
        cells: &Cells<'_>,
    ) -> String {
        let Some(spec) = layout.tables().get(table as usize) else { return String::new() };
        let before: u64 = spec.active.iter().take(block as usize).map(|n| u64::from(*n)).sum();
        let first = before.saturating_add(self.from as u64).saturating_add(1);
        let last = first.saturating_add(self.rows as u64).saturating_sub(1);
        let value = |column: u32| {
            let at = column as usize;
            let cell = cells.get(at).and_then(|c| c.get(self.from)).copied().unwrap_or(0);
            spec.columns.get(at).map(|column| shown(column, dictionaries, cell)).unwrap_or_default()
        };
        let name = |column: u32| {
            spec.columns.get(column as usize).map_or("", |column| column.name.as_str()).to_owned()
        };
        let group: Vec<String> = spec
            .quasi_identifiers()
            .into_iter()
            .map(|column| format!("{} = {}", name(column), value(column)))
            .collect();
        let place = format!("in block {block} of table {}, rows {first} to {last}", spec.name);
        let group = group.join(", ");
        match self.what {
            Lack::Rows { k } => format!(
                "k = {k} does not hold: {place} are {} alone with {group}; de-identify for this k first",
                self.rows
            ),
            Lack::Values { column, l, found } => format!(
                "l = {l} does not hold for `{}`: {place}, all with {group}, show {found} different values of it; de-identify for this l first",
                name(column)
            ),
            Lack::Order { column, l } => format!(
                "l = {l} cannot be proven for `{}`: {place}, all with {group}, do not end with {l} strictly decreasing values of it; de-identify for this l first, which orders the rows",
                name(column)
            ),
            Lack::Apart { column, most } => format!(
                "diversity of `{}` cannot be proven: {place}, all with {group}, hold values more than {most} units apart; round the column, or do not claim its diversity",
                name(column)
            ),
            Lack::Outside { column } => format!(
                "the chart of `{}` does not hold: row {first} of table {} has {}, outside the declared bounds; declare wider bounds and pack again",
                name(column),
                spec.name,
                value(column)
            ),
        }
    }
}

/// A cell as a person reads it.
fn shown(spec: &Column, dictionaries: &[Vec<String>], cell: u64) -> String {
    let (kind, dictionary) = match &spec.values {
        Values::Number { scale: 0, .. } => (Kind::Integer, &[][..]),
        Values::Number { scale, .. } => {
            (Kind::Decimal { scale: *scale, style: DecimalStyle::Fixed }, &[][..])
        }
        Values::Date { .. } => (Kind::Date, &[][..]),
        Values::Code { dictionary } => {
            (Kind::Text, dictionaries.get(*dictionary as usize).map_or(&[][..], Vec::as_slice))
        }
    };
    match decode_cell(spec, &kind, dictionary, cell) {
        Ok(text) if text.is_empty() => "(missing)".to_owned(),
        Ok(text) => text,
        Err(_) => format!("cell {cell}"),
    }
}
