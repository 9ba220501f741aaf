//! Where a sorted table is cut into row blocks, so that every block alone has the properties claimed.

use super::DeidentifyError;

/// What a class allows to be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Fewest rows of each of its parts.
    pub least: u64,
    /// Into how many parts it may be cut, at most; 1 if not at all.
    pub parts: u64,
}

/// Rows of each block for classes of these sizes in this order, when only k is claimed.
///
/// A block holds at most `block_rows` rows; what it leaves empty is nothing or at least k rows; a
/// class that goes over a border leaves at least k rows on each side of it. Blocks are as full as
/// that allows, and any of them may be partly filled.
///
/// # Errors
/// `SmallClass` if a class is below k, `SmallBlock` if a block has fewer than 3k rows: then a cut
/// may not exist.
pub fn block_partition(
    class_sizes: &[u64],
    block_rows: u64,
    k: u64,
) -> Result<Vec<u64>, DeidentifyError> {
    if k == 0 || block_rows < k.saturating_mul(3) {
        return Err(DeidentifyError::SmallBlock { block_rows, k });
    }
    if let Some(size) = class_sizes.iter().find(|s| **s < k) {
        return Err(DeidentifyError::SmallClass { size: *size, k });
    }
    // With 3k rows a block a cut is always found: a border of classes in the middle, or the middle
    // of one class that reaches past both ends.
    let anywhere = |_| Cuts { least: k, parts: u64::MAX };
    partition(class_sizes, block_rows, k, anywhere)
        .map_err(|_| DeidentifyError::SmallBlock { block_rows, k })
}

/// Rows of each block, when a class may be cut as `cuts` says of it. What a block leaves empty is
/// nothing or at least `padding` rows. `cuts` is asked only about classes that a border would fall
/// into.
///
/// # Errors
/// The first class that cannot be cut where it would have to be.
pub fn partition(
    class_sizes: &[u64],
    block_rows: u64,
    padding: u64,
    mut cuts: impl FnMut(usize) -> Cuts,
) -> Result<Vec<u64>, usize> {
    let mut borders = vec![0u64];
    let mut total = 0u64;
    for size in class_sizes {
        total = total.saturating_add(*size);
        borders.push(total);
    }
    let known: Vec<std::cell::OnceCell<Cuts>> = vec![Default::default(); class_sizes.len()];
    let mut cuts = |class: usize| -> Cuts {
        match known.get(class) {
            Some(cell) => *cell.get_or_init(|| cuts(class)),
            None => Cuts { least: u64::MAX, parts: 1 },
        }
    };
    // Where classes are hard to cut, one that fits into a block is left whole.
    let full = fill(&borders, block_rows, padding, &mut cuts, false);
    full.or_else(|_| fill(&borders, block_rows, padding, &mut cuts, true))
}

fn fill(
    borders: &[u64],
    block_rows: u64,
    padding: u64,
    cuts: &mut dyn FnMut(usize) -> Cuts,
    whole: bool,
) -> Result<Vec<u64>, usize> {
    let total = borders.last().copied().unwrap_or(0);
    let mut blocks = Vec::new();
    let mut start = 0u64;
    // Parts that the class at `start` has in earlier blocks.
    let mut before = 0u64;
    while start < total {
        let full = start.saturating_add(block_rows);
        let most = full.saturating_sub(padding).min(total);
        // The class that row `row` belongs to.
        let class_of = |row: u64| borders.partition_point(|b| *b <= row).saturating_sub(1);
        let mut legal = |end: u64| -> bool {
            let class = class_of(end.saturating_sub(1));
            let (Some(from), Some(to)) = (borders.get(class), borders.get(class + 1)) else {
                return false;
            };
            if end == *to {
                return true;
            }
            let (left, right) = (end - start.max(*from), to - end);
            if whole && to - from <= block_rows.saturating_sub(padding) {
                return false;
            }
            let cut = cuts(class);
            let used = if *from < start { before } else { 0 } + 1;
            let needed = right.div_ceil(block_rows.max(1));
            left >= cut.least && right >= cut.least && used.saturating_add(needed) <= cut.parts
        };
        let end = if full <= total && legal(full) {
            full
        } else {
            match (start + 1..=most).rev().find(|end| legal(*end)) {
                Some(end) => end,
                None => return Err(class_of(most.max(start))),
            }
        };
        let class = class_of(end);
        let goes_on = borders.get(class).is_some_and(|from| *from < end) && end < total;
        before = match (goes_on, borders.get(class).is_some_and(|from| *from < start)) {
            (false, _) => 0,
            (true, true) => before + 1,
            (true, false) => 1,
        };
        blocks.push(end - start);
        start = end;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_class_is_cut_only_where_both_parts_are_large_enough() {
        assert_eq!(block_partition(&[10, 10, 10], 30, 5).unwrap(), [30]);
        assert_eq!(block_partition(&[28, 10], 30, 5).unwrap(), [23, 15]);
        assert_eq!(block_partition(&[20, 20], 30, 5).unwrap(), [30, 10]);
        assert_eq!(block_partition(&[100], 30, 5).unwrap(), [30, 30, 30, 10]);
        assert_eq!(block_partition(&[93], 30, 5).unwrap(), [30, 30, 25, 8]);
        assert_eq!(block_partition(&[], 30, 5).unwrap(), Vec::<u64>::new());
        assert!(matches!(block_partition(&[4], 30, 5), Err(DeidentifyError::SmallClass { .. })));
        assert!(matches!(block_partition(&[9], 14, 5), Err(DeidentifyError::SmallBlock { .. })));
    }

    #[test]
    fn a_class_that_may_not_be_cut_is_left_whole_or_named() {
        let whole = |_| Cuts { least: 5, parts: 1 };
        assert_eq!(partition(&[28, 10], 40, 5, whole).unwrap(), [28, 10]);
        assert_eq!(partition(&[28, 12], 40, 5, whole).unwrap(), [40]);
        assert_eq!(partition(&[10, 50, 10], 40, 5, whole), Err(1));
        // Two parts are enough only if the first begins with a block of its own.
        let twice = |_| Cuts { least: 5, parts: 2 };
        assert_eq!(partition(&[10, 70], 40, 5, twice).unwrap(), [40, 40]);
        assert_eq!(partition(&[10, 75], 40, 5, twice).unwrap(), [10, 40, 35]);
        assert_eq!(partition(&[10, 85], 40, 5, twice), Err(1));
    }

    proptest! {
        #[test]
        fn every_block_is_k_anonymous(extra in prop::collection::vec(0u64..60, 0..40), k in 1u64..12,
                                      slack in 0u64..50, parts in 1u64..6) {
            let sizes: Vec<u64> = extra.iter().map(|e| k + e).collect();
            let block_rows = 3 * k + slack;
            let blocks = block_partition(&sizes, block_rows, k).unwrap();
            check(&sizes, &blocks, block_rows, k, u64::MAX)?;
            if let Ok(blocks) = partition(&sizes, block_rows, k, |_| Cuts { least: k, parts }) {
                check(&sizes, &blocks, block_rows, k, parts)?;
            }
        }
    }

    fn check(
        sizes: &[u64],
        blocks: &[u64],
        block_rows: u64,
        k: u64,
        parts: u64,
    ) -> Result<(), TestCaseError> {
        let owner: Vec<usize> = sizes
            .iter()
            .enumerate()
            .flat_map(|(i, s)| std::iter::repeat_n(i, usize::try_from(*s).unwrap()))
            .collect();
        let mut at = 0usize;
        let mut pieces = vec![0u64; sizes.len()];
        for block in blocks {
            prop_assert!(*block > 0 && (*block == block_rows || block + k <= block_rows));
            let end = at + usize::try_from(*block).unwrap();
            for class in owner[at..end].chunk_by(|a, b| a == b) {
                prop_assert!(class.len() as u64 >= k);
                pieces[class[0]] += 1;
            }
            at = end;
        }
        prop_assert_eq!(at, owner.len());
        prop_assert!(pieces.iter().all(|p| *p <= parts));
        Ok(())
    }
}
