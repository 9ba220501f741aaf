//! Charts of columns: which bins, in which form, and what stands in them.
//!
//! A listing publishes, for every charted column, the number of cells in each bin, of missing cells,
//! and the sums. Over the whole table every bin, that of missing cells included, must hold nothing or
//! at least k rows; so neighbouring bins are merged until they do. Edges lie on round values where the
//! data allow it. What a chart cannot show is refused with the reason and a way out.
//!
//! Works on cells, the whole numbers that are committed to: 0 is missing, 1 the declared lower bound.
//! Depends on the Layout, the listing's
//! claims and `schema`.

use std::collections::BTreeMap;

use galen_market::layout::{BlockRows, MAX_EDGES, Range};
use galen_market::listing::{Chart, ChartForm};
use galen_zk::field::Scalar;
use galen_zk::summary::{SUMMARY_BLINDERS, Summary};

use crate::encode::EncodedColumn;
use crate::schema::Kind;

/// Most bins of a chart, besides that of missing cells.
pub const MAX_BINS: usize = MAX_EDGES + 1;
/// Bins that are aimed at, so that merging leaves a readable number.
const WANTED_BINS: u64 = 20;

/// What the proofs about a column can hold, for a block size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The small form takes cells below this.
    pub small: u64,
    /// Widest step of the wide form's grid.
    pub step: u64,
    /// Most steps of the wide form's grid.
    pub steps: u64,
}

impl Limits {
    /// Of a block size.
    #[must_use]
    pub fn of(size: BlockRows) -> Self {
        match size {
            BlockRows::Full => Self { small: 6_528, step: 32_768, steps: 26_176 },
            BlockRows::Small => Self { small: 1_003, step: 1_024, steps: 809 },
        }
    }
}

/// A chart that can be shown and proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The form of the proof.
    pub form: ChartForm,
    /// The greatest allowed cell; in the wide form rounded up to the grid.
    pub high: u64,
    /// First cell of the second and of every later bin, ascending.
    pub edges: Vec<u64>,
    /// Rows in each bin over the whole table.
    pub counts: Vec<u64>,
    /// Missing cells over the whole table.
    pub missing: u64,
}

/// Why a column cannot be charted, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unchartable {
    /// Too few missing cells to be counted in public.
    #[error(
        "{missing} of its cells are missing, fewer than k = {k}: a count of them would point at few people; empty further cells with `galen dataset deidentify --blank`, or leave the chart out"
    )]
    FewMissing {
        /// Missing cells.
        missing: u64,
        /// The least count that may be shown.
        k: u64,
    },
    /// Too few cells at all.
    #[error("only {present} of its cells hold a value, fewer than k = {k}; leave the chart out")]
    FewPresent {
        /// Cells with a value.
        present: u64,
        /// The least count that may be shown.
        k: u64,
    },
    /// More values than a proof can hold.
    #[error(
        "its declared bounds span {values} units, more than the {most} that a chart can cover; declare narrower bounds, or round the column to fewer digits"
    )]
    TooWide {
        /// Values within the bounds.
        values: u64,
        /// The most.
        most: u64,
    },
    /// Rounded up to the grid, the upper bound is no value of the column any more.
    #[error("its upper bound cannot be rounded up to a grid; declare narrower bounds")]
    Bound,
}

/// The charts of a table's columns, with their totals. The sums of blinders are zero: they are known
/// when every block is proven.
#[must_use]
pub fn claims(columns: &[EncodedColumn]) -> Vec<Chart> {
    let planned = (0u32..).zip(columns).filter_map(|(at, column)| {
        let plan = column.chart.as_ref()?.as_ref().ok()?;
        Some((at, column, plan))
    });
    planned
        .filter_map(|(column, encoded, plan)| {
            Some(Chart {
                column,
                form: plan.form,
                totals: summary(&encoded.cells, &plan.edges)?,
                blinders: [Scalar::from(0u64); SUMMARY_BLINDERS],
            })
        })
        .collect()
}

/// What cells add up to, in bins with these first cells from the second on; nothing if a number does
/// not fit.
#[must_use]
pub fn summary(cells: &[u64], edges: &[u64]) -> Option<Summary> {
    cells.iter().try_fold(Summary::default(), |sum, cell| {
        sum.with_cell(*cell, edges.partition_point(|edge| edge <= cell) + 1)
    })
}

/// How often each cell stands in a column.
#[must_use]
pub fn histogram(cells: &[u64]) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for cell in cells {
        *counts.entry(*cell).or_insert(0u64) += 1;
    }
    counts
}

/// Plans the chart of a coded column with so many dictionary entries: a bin for each code while that
/// leaves at most [`MAX_BINS`] of at least `k` rows, neighbours together where not.
///
/// # Errors
/// See [`Unchartable`].
pub fn of_codes(
    cells: &BTreeMap<u64, u64>,
    entries: u64,
    k: u64,
    limits: Limits,
) -> Result<Plan, Unchartable> {
    let missing = check(cells, k)?;
    let (form, high) = form(entries, limits)?;
    let first: Vec<u64> = cells.keys().copied().filter(|cell| *cell > 1).collect();
    let bins = merged(cells, first, k);
    Ok(Plan { form, high, missing, edges: bins.edges, counts: bins.counts })
}

/// Plans the chart of a column of numbers or days within `range`, whose offset is its lower bound.
/// Edges are round values; where most rows would fall into one bin they follow the quantiles.
///
/// # Errors
/// See [`Unchartable`].
pub fn of_numbers(
    cells: &BTreeMap<u64, u64>,
    range: &Range,
    kind: &Kind,
    k: u64,
    limits: Limits,
) -> Result<Plan, Unchartable> {
    let missing = check(cells, k)?;
    let values = range.cell(range.high).unwrap_or(u64::MAX);
    let (form, high) = form(values, limits)?;
    let upper = i128::from(range.offset) + i128::from(high) - 1;
    let last_day = i128::from(galen_market::layout::LAST_DAY);
    if upper > i128::from(crate::schema::MAX_MAGNITUDE)
        || (matches!(kind, Kind::Date) && upper > last_day)
    {
        return Err(Unchartable::Bound);
    }
    let step = match form {
        ChartForm::Small => 1,
        ChartForm::Wide { step } => step,
    };
    // An edge as a cell on the grid, if it is inside the bounds.
    let snap = |value: i64| -> Option<u64> {
        let from_low = u64::try_from(i128::from(value) - i128::from(range.offset)).ok()?;
        let on_grid = from_low.checked_add(step / 2)? / step * step;
        let cell = on_grid.checked_add(1)?;
        (cell > 1 && cell <= high).then_some(cell)
    };
    let edges = |values: Vec<i64>| -> Vec<u64> {
        let mut edges: Vec<u64> = values.into_iter().filter_map(snap).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    };
    let value_of = |cell: u64| {
        i64::try_from(i128::from(range.offset) + i128::from(cell) - 1).unwrap_or(range.high)
    };
    let quantiles = Quantiles::of(cells, value_of);
    let by_width = merged(cells, edges(even_edges(&quantiles, kind)), k);
    let by_share = merged(cells, edges(share_edges(&quantiles, kind)), k);
    // Even bins are easier to read; they are given up where they show much less.
    let bins = if by_share.entropy() > by_width.entropy() + 0.7 { by_share } else { by_width };
    Ok(Plan { form, high, missing, edges: bins.edges, counts: bins.counts })
}

/// Missing cells, if these and the others may be counted in public.
fn check(cells: &BTreeMap<u64, u64>, k: u64) -> Result<u64, Unchartable> {
    let missing = cells.get(&0).copied().unwrap_or(0);
    let present = cells.values().sum::<u64>() - missing;
    if present < k {
        return Err(Unchartable::FewPresent { present, k });
    }
    if missing > 0 && missing < k {
        return Err(Unchartable::FewMissing { missing, k });
    }
    Ok(missing)
}

/// The form for cells `1..=high`, with the bound rounded up to the grid.
fn form(high: u64, limits: Limits) -> Result<(ChartForm, u64), Unchartable> {
    if high < limits.small {
        return Ok((ChartForm::Small, high));
    }
    let needed = high.div_ceil(limits.steps);
    if needed > limits.step {
        let most = limits.steps.saturating_mul(limits.step);
        return Err(Unchartable::TooWide { values: high, most });
    }
    // The least round step that suffices, so that edges on the grid are round too.
    let step = round_steps().find(|s| *s >= needed).filter(|s| *s <= limits.step);
    let step = step.unwrap_or(needed);
    let rounded = high.div_ceil(step).checked_mul(step).ok_or(Unchartable::Bound)?;
    Ok((ChartForm::Wide { step }, rounded))
}

/// 1, 2, 5, 10, 20, 50, …
fn round_steps() -> impl Iterator<Item = u64> {
    (0..19u32).flat_map(|power| [1, 2, 5].map(|digit: u64| digit.saturating_mul(10u64.pow(power))))
}

/// Values at given shares of the present cells.
struct Quantiles {
    /// Ascending values with the rows up to and with each.
    upto: Vec<(i64, u64)>,
    total: u64,
}

impl Quantiles {
    fn of(cells: &BTreeMap<u64, u64>, value_of: impl Fn(u64) -> i64) -> Self {
        let mut total = 0u64;
        let upto = cells
            .iter()
            .filter(|(cell, _)| **cell != 0)
            .map(|(cell, count)| {
                total += count;
                (value_of(*cell), total)
            })
            .collect();
        Self { upto, total }
    }

    fn at(&self, numerator: u64, denominator: u64) -> i64 {
        let rank =
            (u128::from(self.total) * u128::from(numerator)).div_ceil(u128::from(denominator));
        let at = self.upto.partition_point(|(_, upto)| u128::from(*upto) < rank);
        self.upto.get(at).or(self.upto.last()).map_or(0, |(value, _)| *value)
    }
}

/// Edges at equal distances over the middle 99 of 100 rows.
fn even_edges(quantiles: &Quantiles, kind: &Kind) -> Vec<i64> {
    let (low, high) = (quantiles.at(1, 200), quantiles.at(199, 200));
    let span = high.abs_diff(low).saturating_add(1);
    if *kind == Kind::Date {
        return calendar(low, high, span / WANTED_BINS);
    }
    let wanted = span.div_ceil(WANTED_BINS);
    let step = round_steps().find(|s| *s >= wanted).unwrap_or(wanted);
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let first = low.div_euclid(step);
    (first..)
        .map_while(|i| i.checked_mul(step))
        .take(MAX_EDGES)
        .take_while(|e| *e <= high)
        .collect()
}

/// Edges at equal shares of the rows, each moved to a round value before the next one.
fn share_edges(quantiles: &Quantiles, kind: &Kind) -> Vec<i64> {
    let mut cuts: Vec<i64> = (1..WANTED_BINS).map(|i| quantiles.at(i, WANTED_BINS)).collect();
    cuts.dedup();
    let first = quantiles.upto.first().map_or(0, |(value, _)| *value);
    let mut before = first;
    let mut edges = Vec::new();
    for cut in cuts {
        if cut <= before && cut != first {
            continue;
        }
        let gap = cut.abs_diff(before) / 2;
        let step = round_steps().take_while(|s| *s <= gap.max(1)).last().unwrap_or(1);
        let step = if *kind == Kind::Date { 1 } else { i64::try_from(step).unwrap_or(1) };
        // The first round value above the cut: what equals the cut stays below the edge.
        let edge = cut.div_euclid(step).checked_add(1).and_then(|i| i.checked_mul(step));
        let Some(edge) = edge else { break };
        edges.push(edge);
        before = edge;
    }
    edges
}

/// First days of months or years, at least about `step` days apart.
fn calendar(low: i64, high: i64, step: u64) -> Vec<i64> {
    let months: i64 = match step {
        0..=6 => 0,
        7..=40 => 1,
        41..=120 => 3,
        121..=250 => 6,
        251..=500 => 12,
        501..=1_100 => 24,
        1_101..=2_500 => 60,
        _ => 120,
    };
    if months == 0 {
        let step = i64::try_from(step).unwrap_or(1) + 1;
        return (0..).map(|i| low + i * step).take(MAX_EDGES).take_while(|e| *e <= high).collect();
    }
    let text = Kind::Date.render(low).unwrap_or_default();
    let number = |range: std::ops::Range<usize>| -> i64 {
        text.get(range).and_then(|digits| digits.parse().ok()).unwrap_or(1)
    };
    let start = (number(0..4) * 12 + number(5..7) - 1).div_euclid(months) * months;
    (0..)
        .map_while(|i| {
            let month = start + i * months;
            let text = format!("{:04}-{:02}-01", month.div_euclid(12), month.rem_euclid(12) + 1);
            Kind::Date.parse(&text)
        })
        .take(MAX_EDGES + 1)
        .take_while(|day| *day <= high)
        .collect()
}

/// Bins that hold nothing or at least k rows.
struct Bins {
    edges: Vec<u64>,
    counts: Vec<u64>,
}

impl Bins {
    fn entropy(&self) -> f64 {
        let total = self.counts.iter().sum::<u64>().max(1) as f64;
        let share = self.counts.iter().filter(|c| **c > 0).map(|c| *c as f64 / total);
        share.map(|p| -p * p.log2()).sum()
    }
}

/// Merges neighbouring bins until each holds nothing or at least `k` rows and there are at most
/// [`MAX_BINS`]. There are at least `k` present cells, so that this ends.
fn merged(cells: &BTreeMap<u64, u64>, mut edges: Vec<u64>, k: u64) -> Bins {
    let mut counts = vec![0u64; edges.len() + 1];
    for (cell, count) in cells.iter().filter(|(cell, _)| **cell != 0) {
        counts[edges.partition_point(|edge| edge <= cell)] += count;
    }
    loop {
        let small = (0..counts.len())
            .filter(|bin| (1..k).contains(&counts[*bin]))
            .min_by_key(|bin| (counts[*bin], *bin));
        let left = match small {
            // Towards the smaller neighbour; `left` is the left one of the two that become one.
            Some(bin) => match (bin.checked_sub(1), counts.get(bin + 1)) {
                (Some(before), Some(after)) if counts[before] > *after => bin,
                (Some(before), _) => before,
                (None, _) => bin,
            },
            None if counts.len() > MAX_BINS => {
                let pairs = counts.windows(2).enumerate();
                pairs.min_by_key(|(bin, pair)| (pair[0] + pair[1], *bin)).map_or(0, |(bin, _)| bin)
            }
            None => break,
        };
        if left + 1 >= counts.len() {
            break;
        }
        counts[left] += counts.remove(left + 1);
        edges.remove(left);
    }
    Bins { edges, counts }
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;
