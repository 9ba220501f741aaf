//! Emptying further cells of a column of which only a few are missing.
//!
//! A chart with fewer than k missing cells would point at the few persons without a value. The steward
//! may have further cells emptied, evenly over the values that occur, until k are.

use super::Blanked;
use crate::schema::Column;
use std::collections::HashMap;

/// Empties cells until `k` are missing, if some but fewer than `k` are. `classes` is the class of
/// each row; a class keeps `l` different present values. Nothing is changed if there are not enough
/// cells to empty.
pub(super) fn blank(column: &mut Column, classes: &[u32], k: u64, l: u64) -> Option<Blanked> {
    let missing = column.missing() as u64;
    let missing_code = column.missing_code()?;
    if missing == 0 || missing >= k {
        return None;
    }
    let mut held: HashMap<(u32, u32), u64> = HashMap::new();
    let mut distinct: HashMap<u32, u64> = HashMap::new();
    let mut present = Vec::new();
    for (row, (code, class)) in column.codes.iter().zip(classes).enumerate() {
        if *code == missing_code {
            continue;
        }
        let count = held.entry((*class, *code)).or_insert(0);
        if *count == 0 {
            *distinct.entry(*class).or_insert(0) += 1;
        }
        *count += 1;
        present.push(row);
    }
    present.sort_by_key(|row| (column.codes[*row], *row));
    let wanted = usize::try_from(k - missing).ok().filter(|wanted| *wanted <= present.len())?;
    let mut emptied = vec![false; present.len()];
    for i in 0..wanted {
        // The middle of the i-th of equal shares, or the next one whose class can do without it.
        let from = (2 * i + 1) * present.len() / (2 * wanted);
        let order = (from..present.len()).chain(0..from);
        let mut free = order.filter(|at| {
            let (class, code) = (classes[present[*at]], column.codes[present[*at]]);
            !emptied[*at] && (held[&(class, code)] > 1 || distinct[&class] > l)
        });
        let at = free.next()?;
        let (class, code) = (classes[present[at]], column.codes[present[at]]);
        emptied[at] = true;
        let count = held.entry((class, code)).or_insert(1);
        *count -= 1;
        if *count == 0 {
            distinct.entry(class).and_modify(|d| *d -= 1);
        }
    }
    let mut codes = column.codes.clone();
    for (row, _) in present.iter().zip(&emptied).filter(|(_, emptied)| **emptied) {
        codes[*row] = missing_code;
    }
    *column = Column::new(column.name.clone(), column.dictionary.clone(), codes);
    Some(Blanked { column: column.name.clone(), missing, cells: wanted as u64 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cells_are_emptied_evenly_and_no_class_loses_its_diversity() {
        let cells = ["", "a", "a", "a", "b", "b", "b", "c", "d", "c", "d"];
        let classes = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2];
        let mut column = Column::from_cells("x", cells.into_iter());
        let done = blank(&mut column, &classes, 3, 2).unwrap();
        assert_eq!((done.missing, done.cells, column.missing()), (1, 2, 3));
        for class in 0..3 {
            let mut seen: Vec<&str> = (0..cells.len())
                .filter(|r| classes[*r] == class && !column.cell(*r).is_empty())
                .map(|r| column.cell(r))
                .collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(seen.len() >= 2, "{class}: {seen:?}");
        }
        // Nothing missing, enough missing, or not enough cells: unchanged.
        let mut whole = Column::from_cells("x", ["a", "b"].into_iter());
        assert_eq!(blank(&mut whole, &[0, 0], 3, 0), None);
        assert_eq!(blank(&mut column.clone(), &classes, 3, 2), None);
        assert_eq!(blank(&mut column, &classes, 9, 2), None);
        assert_eq!(column.missing(), 3);
    }
}
