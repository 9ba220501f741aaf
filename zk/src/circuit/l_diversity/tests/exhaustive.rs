//! Every small table, against every assignment of free values that could matter.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Ways to put rows into classes, a class numbered when it first appears; classes may return.
fn patterns(rows: usize) -> Vec<Vec<u64>> {
    let mut all = vec![vec![]];
    for _ in 0..rows {
        all = all
            .into_iter()
            .flat_map(|start: Vec<u64>| {
                let fresh = start.iter().max().map_or(0, |highest| highest + 1);
                (0..=fresh.min(2)).map(move |next| [start.clone(), vec![next]].concat())
            })
            .collect();
    }
    all
}

/// Every sequence of `length` of these values.
fn sequences(values: &[i64], length: usize) -> Vec<Vec<i64>> {
    (0..length).fold(vec![vec![]], |all, _| {
        all.iter()
            .flat_map(|start| {
                values.iter().map(move |value| [start.as_slice(), &[*value]].concat())
            })
            .collect()
    })
}

/// The statement in words, of classes wherever their rows are.
fn diverse(of: &[u64], cells: &[i64], l: u32) -> bool {
    let mut classes: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    for (class, cell) in of.iter().zip(cells) {
        let values = classes.entry(*class).or_default();
        if *cell != 0 {
            values.insert(*cell);
        }
    }
    classes.values().all(|values| values.len() >= l as usize)
}

/// A circuit whose counters and slacks can be set, row by row.
struct Search {
    circuit: Assignment,
    rows: usize,
    slacks: usize,
    entries: u64,
    first_of: Vec<usize>,
}

impl Search {
    fn new((statement, public, witness): &Parts) -> Self {
        let rows = statement.rows;
        let circuit = Assignment::new(statement, public, witness);
        let view = 5 + 2 * (rows + BLINDERS);
        let slacks = view + if statement.order == Order::Any { rows } else { 0 };
        let mut first_of: Vec<usize> = (0..rows).map(|row| 4 * row.saturating_sub(1)).collect();
        first_of.push(4 * (rows - 1) - 1);
        Self { circuit, rows, slacks, entries: u64::from(statement.largest_code()), first_of }
    }

    /// Whether some counters and slacks satisfy every rule but L6 for cells in an order of which this
    /// is the last one.
    fn provable(&mut self, last: Fr) -> bool {
        (1..=self.entries).any(|cell| last == Fr::from(cell)) && self.satisfiable(1)
    }

    /// Whether the rows from `row` on can be satisfied: counters from −1 to `N + 1`, slacks that a
    /// lookup allows. The last counter is no variable.
    fn satisfiable(&mut self, row: usize) -> bool {
        if row == self.rows {
            return true;
        }
        let last = row + 1 == self.rows;
        let counters = if last { 0..1 } else { -1..self.rows as i64 + 2 };
        for counter in numbers(&counters.collect::<Vec<_>>()) {
            if !last {
                self.circuit.values[self.circuit.instance + row - 1] = counter;
            }
            if !self.circuit.holds(self.first_of[row]) {
                continue;
            }
            for slack in 0..self.entries {
                self.circuit.values[self.slacks + row - 1] = Fr::from(slack);
                let holds = (self.first_of[row]..self.first_of[row + 1])
                    .all(|constraint| self.circuit.holds(constraint));
                if holds && self.satisfiable(row + 1) {
                    return true;
                }
            }
        }
        false
    }
}

#[test]
fn adversary_18_tail_order_is_provable_exactly_if_it_is_there() {
    let mut counts = [0usize; 2];
    for (rows, values) in [(2, vec![0, 1, 2, 5, -1]), (3, vec![0, 1, 2, 5, -1]), (4, vec![0, 1, 2])]
    {
        for of in patterns(rows) {
            for cells in sequences(&values, rows) {
                for l in 1..=3 {
                    let parts = table(Order::Tail, l, &classes(&of), &cells, &[]);
                    let checked = parts.0.check(&parts.1, &parts.2).is_ok();
                    assert_eq!(accepted(&parts), checked, "{of:?} {cells:?} {l}");
                    // Whatever the free values are, nothing else is accepted; and that is diverse.
                    let last = parts.2.cells[rows - 1];
                    assert_eq!(Search::new(&parts).provable(last), checked, "{of:?} {cells:?} {l}");
                    assert!(!checked || diverse(&of, &cells, l), "{of:?} {cells:?} {l}");
                    counts[usize::from(checked)] += 1;
                }
            }
        }
    }
    assert!(counts[0] > 1_000 && counts[1] > 100, "{counts:?}");
}

#[test]
fn adversary_18_no_view_makes_a_class_diverse() {
    let mut counts = [0usize; 2];
    for (rows, values) in [(2, vec![0, 1, 2, -1]), (3, vec![0, 1, 2]), (4, vec![0, 1, 2])] {
        let orders = permutations(rows);
        for of in patterns(rows) {
            let values_of = classes(&of);
            for cells in sequences(&values, rows) {
                for l in 1..=3 {
                    let truth = diverse(&of, &cells, l);
                    // The honest prover and the plain check.
                    let codes: Option<Vec<u64>> =
                        cells.iter().map(|cell| u64::try_from(*cell).ok()).collect();
                    let made = codes.map(|codes| honest(Order::Any, l, &values_of, &codes));
                    let proven = matches!(&made, Some(Ok(parts)) if accepted(parts));
                    assert_eq!(matches!(made, Some(Ok(_))), proven);
                    counts[usize::from(proven)] += 1;
                    // With one run a class, that is the truth.
                    let runs = of.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
                    let of_one_run = of.iter().collect::<BTreeSet<_>>().len() == runs;
                    if of_one_run && !cells.contains(&-1) {
                        assert_eq!(proven, truth, "{of:?} {cells:?} {l}");
                    }
                    if truth {
                        continue;
                    }
                    // Of a falsehood, every view that has the rows' fingerprints.
                    let parts = table(Order::Any, l, &values_of, &cells, &cells);
                    let mut search = Search::new(&parts);
                    for order in &orders {
                        let of_row = |row: usize| {
                            let from = order[row];
                            values_of[from] + parts.2.cells[from] - values_of[row]
                        };
                        let view = search.slacks - rows;
                        for row in 0..rows {
                            search.circuit.values[view + row] = of_row(row);
                        }
                        let proven = search.provable(of_row(rows - 1));
                        assert!(!proven, "{of:?} {cells:?} {l} {order:?}");
                    }
                }
            }
        }
    }
    assert!(counts[0] > 1_000 && counts[1] > 100, "{counts:?}");
}

fn permutations(length: usize) -> Vec<Vec<usize>> {
    (0..length).fold(vec![vec![]], |all: Vec<Vec<usize>>, _| {
        all.iter()
            .flat_map(|start| {
                (0..length)
                    .filter(|next| !start.contains(next))
                    .map(|next| [start.as_slice(), &[next]].concat())
                    .collect::<Vec<_>>()
            })
            .collect()
    })
}
