//! Where a sorted table is cut into row blocks, so that every block alone is k-anonymous.

use super::DeidentifyError;

/// Rows of each block for classes of these sizes in this order.
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
    let total: u64 = class_sizes.iter().sum();
    let mut borders = Vec::with_capacity(class_sizes.len() + 1);
    let mut at = 0u64;
    borders.push(at);
    for size in class_sizes {
        at += size;
        borders.push(at);
    }
    let legal = |start: u64, end: u64| {
        let after = borders.partition_point(|b| *b < end);
        match borders.get(after) {
            Some(border) if *border == end => true,
            Some(border) if after > 0 => {
                let from = borders[after - 1].max(start);
                end - from >= k && border - end >= k
            }
            _ => false,
        }
    };
    let mut blocks = Vec::new();
    let mut start = 0u64;
    while start < total {
        let full = start + block_rows;
        let most = (full - k).min(total);
        let end = if full <= total && legal(start, full) {
            full
        } else {
            // With 3k rows a block this always finds one: a border of classes in the middle, or
            // the middle of one class that reaches past both ends.
            (start + k..=most)
                .rev()
                .find(|end| legal(start, *end))
                .ok_or(DeidentifyError::SmallBlock { block_rows, k })?
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

    proptest! {
        #[test]
        fn every_block_is_k_anonymous(extra in prop::collection::vec(0u64..60, 0..40), k in 1u64..12,
                                      slack in 0u64..50) {
            let sizes: Vec<u64> = extra.iter().map(|e| k + e).collect();
            let block_rows = 3 * k + slack;
            let blocks = block_partition(&sizes, block_rows, k).unwrap();
            let owner: Vec<usize> = sizes.iter().enumerate()
                .flat_map(|(i, s)| std::iter::repeat_n(i, usize::try_from(*s).unwrap())).collect();
            let mut at = 0usize;
            for block in blocks {
                prop_assert!(block > 0 && (block == block_rows || block + k <= block_rows));
                let end = at + usize::try_from(block).unwrap();
                for class in owner[at..end].chunk_by(|a, b| a == b) {
                    prop_assert!(class.len() as u64 >= k);
                }
                at = end;
            }
            prop_assert_eq!(at, owner.len());
        }
    }
}
