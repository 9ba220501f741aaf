//! The order of rows inside a class, and where classes are cut into row blocks.
//!
//! Every part of a class that a block holds must itself be k-anonymous and diverse, and end with l
//! rows of strictly decreasing, present values of the first diverse column: the order in which
//! diversity is cheapest to prove. So each part is built around a *kernel*: a few rows that alone
//! have enough different values in every diverse column. Nothing of the order of the source is kept.

use super::DeidentifyError;
use super::blocks::{Cuts, partition};
use std::collections::BTreeMap;

/// A column that every part of a class must be diverse in.
pub(super) struct Diverse {
    /// Its name.
    pub name: String,
    /// Different present values that are asked for.
    pub l: u64,
    /// Rank of each row's value, from 1 in ascending order; 0 if missing.
    pub ranks: Vec<u32>,
}

/// Rows in their new order, and the rows of each block.
pub(super) struct Arranged {
    pub order: Vec<usize>,
    pub blocks: Vec<u64>,
}

/// Arranges a table whose rows are sorted by class. The first of `diverse` is the one that parts end
/// with.
pub(super) fn arrange(
    class_sizes: &[u64],
    diverse: &[Diverse],
    k: u64,
    block_rows: u64,
) -> Result<Arranged, DeidentifyError> {
    let most = diverse.iter().map(|d| d.l).chain([k]).max().unwrap_or(k);
    if k == 0 || block_rows < most.saturating_mul(3) {
        return Err(DeidentifyError::SmallBlock { block_rows, k: most });
    }
    let mut starts = vec![0usize];
    for size in class_sizes {
        let last = starts.last().copied().unwrap_or(0);
        starts.push(last + usize::try_from(*size).unwrap_or(0));
    }
    let rows_of = |class: usize| starts[class]..starts[class + 1];
    let mut kernels: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    let blocks = partition(class_sizes, block_rows, most, |class| {
        if diverse.is_empty() {
            return Cuts { least: k, parts: u64::MAX };
        }
        let size = class_sizes.get(class).copied().unwrap_or(0);
        // No part is smaller than this, and a block is rarely left much emptier than it could be.
        let useful = (size / most).min(size / block_rows * 2 + 3);
        let found = kernels_of(rows_of(class), diverse, useful);
        let longest = found.iter().map(|kernel| kernel.len() as u64).max().unwrap_or(0);
        let cuts = Cuts { least: most.max(longest), parts: (found.len() as u64).max(1) };
        kernels.insert(class, found);
        cuts
    })
    .map_err(|class| DeidentifyError::Uncuttable {
        rows: class_sizes.get(class).copied().unwrap_or(0),
        block_rows,
        columns: named(diverse),
    })?;

    let mut order = Vec::with_capacity(starts.last().copied().unwrap_or(0));
    let mut block_ends = blocks.iter().scan(0usize, |at, rows| {
        *at += usize::try_from(*rows).unwrap_or(0);
        Some(*at)
    });
    let mut block_end = block_ends.next().unwrap_or(0);
    for class in 0..class_sizes.len() {
        let rows = rows_of(class);
        let mut parts = Vec::new();
        let mut from = rows.start;
        while from < rows.end {
            if block_end <= from {
                block_end = block_ends.next().unwrap_or(rows.end);
            }
            let end = block_end.min(rows.end);
            parts.push(end - from);
            from = end;
        }
        let found = match kernels.remove(&class) {
            Some(found) => found,
            None => kernels_of(rows.clone(), diverse, 1),
        };
        if !diverse.is_empty() && found.len() < parts.len() {
            return Err(DeidentifyError::Uncuttable {
                rows: rows.len() as u64,
                block_rows,
                columns: named(diverse),
            });
        }
        order_class(rows, &parts, &found, diverse.first(), &mut order);
    }
    Ok(Arranged { order, blocks })
}

fn named(diverse: &[Diverse]) -> String {
    let each = diverse.iter().map(|d| format!("{} of `{}`", d.l, d.name));
    each.collect::<Vec<_>>().join(", ")
}

/// Up to `most` kernels of a class without a common row, fewer if there are no more.
fn kernels_of(rows: std::ops::Range<usize>, diverse: &[Diverse], most: u64) -> Vec<Vec<usize>> {
    if diverse.is_empty() {
        return Vec::new();
    }
    // Rows of each value that are not in a kernel yet, in ascending order of the value.
    let mut left: Vec<BTreeMap<u32, Vec<usize>>> = diverse
        .iter()
        .map(|column| {
            let mut by_value: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for row in rows.clone().rev() {
                let rank = column.ranks[row];
                if rank != 0 {
                    by_value.entry(rank).or_default().push(row);
                }
            }
            by_value
        })
        .collect();
    let mut used = vec![false; rows.len()];
    let mut kernels = Vec::new();
    while (kernels.len() as u64) < most {
        let Some(kernel) = kernel(&mut left, &mut used, rows.start, diverse, most) else { break };
        kernels.push(kernel);
    }
    kernels
}

/// Most rows with one value that are looked at for one that serves other columns too.
const LOOKED_AT: usize = 64;

/// One kernel: for each column in turn, rows of the most frequent values that it has not yet. To
/// take the most frequent first leaves the most kernels to the parts that follow. A class that stays
/// whole takes the least values instead: they are the closest together, and a proof bounds how far
/// apart they may be.
fn kernel(
    left: &mut [BTreeMap<u32, Vec<usize>>],
    used: &mut [bool],
    start: usize,
    diverse: &[Diverse],
    kernels: u64,
) -> Option<Vec<usize>> {
    let mut kernel: Vec<usize> = Vec::new();
    for (c, column) in diverse.iter().enumerate() {
        // The first column's values are chosen among all, so that the rows of a kernel that show
        // them are exactly l; later columns count what is there.
        let has = |kernel: &[usize], d: &Diverse, rank: u32| {
            kernel.iter().any(|row| d.ranks[*row] == rank)
        };
        let mut distinct: Vec<u32> = kernel.iter().map(|row| column.ranks[*row]).collect();
        distinct.retain(|rank| *rank != 0);
        distinct.sort_unstable();
        distinct.dedup();
        let missing = usize::try_from(column.l).ok()?.saturating_sub(distinct.len());
        if missing == 0 {
            continue;
        }
        for rows in left[c].values_mut() {
            rows.retain(|row| !used[*row - start]);
        }
        let mut values: Vec<(usize, u32)> = left[c]
            .iter()
            .filter(|(rank, rows)| !rows.is_empty() && distinct.binary_search(rank).is_err())
            .map(|(rank, rows)| (rows.len(), *rank))
            .collect();
        if kernels > 1 {
            values.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        }
        if values.len() < missing {
            for row in &kernel {
                used[*row - start] = false;
            }
            return None;
        }
        for (_, rank) in values.into_iter().take(missing) {
            let rows = left[c].get(&rank)?;
            // Among the rows of the value, one that brings the most to the columns that follow.
            let gain = |row: usize| {
                diverse[c + 1..]
                    .iter()
                    .filter(|d| d.ranks[row] != 0 && !has(&kernel, d, d.ranks[row]))
                    .count()
            };
            let best = rows
                .iter()
                .rev()
                .take(LOOKED_AT)
                .copied()
                .max_by(|a, b| gain(*a).cmp(&gain(*b)).then(b.cmp(a)))?;
            used[best - start] = true;
            kernel.push(best);
        }
    }
    Some(kernel)
}

/// Appends the rows of a class: each part ends with the rows of its kernel that show the first
/// diverse column, in descending order.
fn order_class(
    rows: std::ops::Range<usize>,
    parts: &[usize],
    kernels: &[Vec<usize>],
    tail: Option<&Diverse>,
    order: &mut Vec<usize>,
) {
    let Some(tail) = tail else {
        order.extend(rows);
        return;
    };
    let kernels = &kernels[..parts.len()];
    let mut taken = vec![false; rows.len()];
    for row in kernels.iter().flatten() {
        taken[*row - rows.start] = true;
    }
    let mut rest = rows.clone().filter(|row| !taken[*row - rows.start]);
    for (part, kernel) in parts.iter().zip(kernels) {
        // A later column may have brought further rows; the tail is l rows of different values.
        let mut last: Vec<usize> = Vec::new();
        let mut inner: Vec<usize> = Vec::new();
        for row in kernel {
            let fresh = last.iter().all(|other| tail.ranks[*other] != tail.ranks[*row]);
            let wanted = (last.len() as u64) < tail.l && tail.ranks[*row] != 0 && fresh;
            if wanted { last.push(*row) } else { inner.push(*row) }
        }
        inner.extend(rest.by_ref().take(part.saturating_sub(kernel.len())));
        // Rows are sorted by what they hold, so their numbers order them.
        inner.sort_unstable();
        last.sort_unstable_by(|a, b| tail.ranks[*b].cmp(&tail.ranks[*a]));
        order.extend(inner);
        order.extend(last);
    }
}
