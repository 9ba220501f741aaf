//! Falsehoods by hand. The first ones get through if one rule is dropped: each breaks that rule and
//! nothing else.

use super::*;

/// The first of a row's constraints, in the order in which they are written.
fn l1(row: usize) -> usize {
    4 * (row - 1)
}

fn l2(row: usize) -> usize {
    l1(row) + 1
}

/// The last row has no L2.
fn l3(rows: usize, row: usize) -> usize {
    l1(row) + if row + 1 == rows { 1 } else { 2 }
}

fn l4(rows: usize, row: usize) -> usize {
    l3(rows, row) + 1
}

fn l5(rows: usize, item: usize) -> usize {
    l4(rows, rows - 1) + 1 + item
}

pub(super) fn l5_sum(rows: usize) -> usize {
    l5(rows, rows) + 3
}

fn l6_sum(rows: usize) -> usize {
    l5_sum(rows) + 1 + 2 * rows
}

/// What a table breaks with these counters and slacks, every row of the view as the cells have it.
fn forged(order: Order, l: u32, of: &[u64], cells: &[i64], c: &[i64], x: &[i64]) -> Vec<usize> {
    let (statement, public, witness) = forge(order, l, of, cells, cells, c, x);
    assert!(statement.check(&public, &witness).is_err());
    broken(&statement, &public, &witness)
}

fn forge(
    order: Order,
    l: u32,
    of: &[u64],
    cells: &[i64],
    view: &[i64],
    c: &[i64],
    x: &[i64],
) -> Parts {
    let (statement, _, mut witness) = table(order, l, &classes(of), cells, view);
    witness.counters = numbers(&c[1..c.len() - 1]);
    witness.slacks = numbers(x);
    let end = [view[view.len() - 1] - 1];
    let count = |entry: i64| x.iter().chain(&end).filter(|item| **item == entry).count() as u64;
    witness.multiplicities =
        (0..i64::from(statement.largest_code())).map(|entry| Fr::from(count(entry))).collect();
    opened(statement, l, witness)
}

#[test]
fn without_l1_a_class_of_two_values_counts_to_three() {
    for order in ORDERS {
        let rows = forged(order, 3, &[1, 1, 1], &[0, 2, 1], &[0, 0, 2], &[0, 0]);
        assert_eq!(rows, [l1(2)]);
    }
}

#[test]
fn without_l2_a_class_of_one_row_passes() {
    for order in ORDERS {
        let rows = forged(order, 2, &[1, 2, 2], &[1, 2, 1], &[0, 0, 1], &[0, 0]);
        assert_eq!(rows, [l2(1)]);
    }
}

#[test]
fn without_l3_equal_values_pass() {
    for order in ORDERS {
        let rows = forged(order, 2, &[1, 1, 1], &[0, 0, 1], &[0, 0, 1], &[0, 0]);
        assert_eq!(rows, [l3(3, 2)]);
    }
}

#[test]
fn without_l4_a_missing_value_counts() {
    for order in ORDERS {
        let rows = forged(order, 2, &[1, 1, 2, 2], &[1, 0, 2, 1], &[0, 1, 0, 1], &[0, 0, 0]);
        assert_eq!(rows, [l4(4, 2)]);
    }
}

#[test]
fn without_a_lookup_a_value_may_rise() {
    for order in ORDERS {
        let (cells, c) = ([0, 0, 0, 1], [0, 0, 0, 1]);
        let x = [0, 0, -2];
        assert_eq!(forged(order, 2, &[1; 4], &cells, &c, &x), [l5_sum(4)]);
        // The slack is looked up as if it were zero: nothing is wrong but the lookup's own row.
        let (statement, public, mut witness) = forge(order, 2, &[1; 4], &cells, &cells, &c, &x);
        witness.lookups[2] = witness.lookups[1];
        witness.multiplicities[0] += Fr::ONE;
        let table = witness.multiplicities[0] * public.zeta.inverse().unwrap();
        witness.table[0] = table;
        assert_eq!(broken(&statement, &public, &witness), [l5(4, 2)]);
    }
}

#[test]
fn without_the_last_lookup_the_last_cell_may_be_missing() {
    for order in ORDERS {
        let (cells, c, x) = ([0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0]);
        assert_eq!(forged(order, 2, &[1; 4], &cells, &c, &x), [l5_sum(4)]);
        let (statement, public, mut witness) = forge(order, 2, &[1; 4], &cells, &cells, &c, &x);
        witness.lookups[3] = witness.lookups[1];
        witness.multiplicities[0] += Fr::ONE;
        witness.table[0] = witness.multiplicities[0] * public.zeta.inverse().unwrap();
        assert_eq!(broken(&statement, &public, &witness), [l5(4, 3)]);
    }
}

#[test]
fn without_l6_a_view_shows_what_is_not_there() {
    let (statement, public, witness) =
        forge(Order::Any, 2, &[1; 3], &[0; 3], &[0, 2, 1], &[0, 0, 1], &[0, 0]);
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [l6_sum(3)]);
}

#[test]
fn a_view_proves_nothing_if_classes_are_small_codes() {
    // Rows (0,1) (0,2) (1,2) (1,2): the second class has one value. With codes for classes its
    // fingerprints 1, 2, 3, 3 are also those of the view 3, 1, 2, 1; with a random combination not.
    let view = [3, 1, 2, 1];
    let forge = |of: &[Fr]| {
        let parts = table(Order::Any, 2, of, &[1, 2, 2, 2], &view);
        assert!(parts.0.check(&parts.1, &parts.2).is_err());
        broken(&parts.0, &parts.1, &parts.2)
    };
    assert_eq!(forge(&numbers(&[0, 0, 1, 1])), [0usize; 0]);
    assert_eq!(forge(&classes(&[0, 0, 1, 1])), [l6_sum(4)]);
}

/// Neither an honest prover nor one that assembles the table as it is gets it accepted, whatever the
/// view; and the twin is.
fn refused(order: Order, l: u32, of: &[u64], cells: &[u64], twin: &[u64], word: &str) {
    let of = classes(of);
    let error = honest(order, l, &of, cells).unwrap_err();
    assert!(error.0.contains(word), "{error}");
    let signed: Vec<i64> = cells.iter().map(|cell| *cell as i64).collect();
    let twins: Vec<i64> = twin.iter().map(|cell| *cell as i64).collect();
    for view in [&signed, &twins] {
        assert!(!accepted(&table(order, l, &of, &signed, view)), "{cells:?}");
    }
    let parts = honest(order, l, &of, twin).unwrap();
    parts.0.check(&parts.1, &parts.2).unwrap();
    assert!(accepted(&parts), "{twin:?}");
}

/// Five classes of three rows; what `cells` has for one of them in each place in turn.
fn in_every_position(bad: [u64; 3], word: &str) {
    for order in ORDERS {
        for position in 0..5 {
            let of: Vec<u64> = (0..15).map(|row| row / 3).collect();
            let good = [3, 2, 1].repeat(5);
            let mut cells = good.clone();
            cells[3 * position..][..3].copy_from_slice(&bad);
            let at = format!("rows {} to {} have", 3 * position, 3 * position + 2);
            refused(order, 3, &of, &cells, &good, &at);
            refused(order, 3, &of, &cells, &good, word);
        }
    }
}

#[test]
fn adversary_18_class_of_l_minus_one_values_in_every_position() {
    in_every_position([2, 2, 1], "2 different values that are not missing, not 3");
}

#[test]
fn adversary_18_hidden_missing_value_in_every_position() {
    in_every_position([2, 1, 0], "2 different values that are not missing, not 3");
    in_every_position([0, 0, 0], "0 different values that are not missing, not 3");
}

#[test]
fn adversary_18_class_of_fewer_rows_than_values() {
    for order in ORDERS {
        for short in 0..4u64 {
            // The twin has its third row in that class.
            let of: Vec<u64> =
                (0..4).flat_map(|c| vec![c; if c == short { 2 } else { 3 }]).collect();
            let cells: Vec<u64> =
                (0..4).flat_map(|c| if c == short { vec![2, 1] } else { vec![3, 2, 1] }).collect();
            let of = classes(&of);
            assert!(honest(order, 3, &of, &cells).is_err());
            let signed: Vec<i64> = cells.iter().map(|cell| *cell as i64).collect();
            assert!(!accepted(&table(order, 3, &of, &signed, &signed)));
        }
        let of: Vec<u64> = (0..12).map(|row| row / 3).collect();
        assert!(accepted(&honest(order, 3, &classes(&of), &[3, 2, 1].repeat(4)).unwrap()));
    }
}

#[test]
fn adversary_18_class_split_by_another_is_two_classes() {
    // Three values, one of them beyond another class: as neighbours they would do.
    for order in ORDERS {
        let error = honest(order, 3, &classes(&[1, 1, 2, 2, 2, 1]), &[3, 2, 3, 2, 1, 1]);
        assert!(error.unwrap_err().0.contains("rows 0 to 1 have 2 different values"));
        assert!(accepted(
            &honest(order, 3, &classes(&[1, 1, 1, 2, 2, 2]), &[3, 2, 1, 3, 2, 1]).unwrap()
        ));
    }
}

#[test]
fn adversary_18_padding_lends_no_values() {
    for order in ORDERS {
        let statement = LDiversity { rows: 6, order };
        let make = |cells: &[u64]| {
            LDiversityWitness::new(
                &statement,
                3,
                &classes(&vec![1; cells.len()]),
                &blinders(0),
                &Column { cells, blinders: blinders(5) },
                class(1_000),
                Fr::ONE,
            )
        };
        // Padding of less than l rows; two values and padding that has the third.
        assert!(make(&[4, 3, 2, 1]).unwrap_err().0.contains("2 padding rows"));
        assert!(make(&[2, 1]).unwrap_err().0.contains("rows 0 to 1 have 2 different values"));
        let (_, _, witness) = opened(statement, 3, make(&[3, 2, 1]).unwrap());
        assert_eq!(witness.cells[3..6], numbers(&[3, 2, 1]));
        // A padding value that could be chosen would join the two.
        let joined = table(order, 3, &classes(&[1; 6]), &[2, 1, 4, 3, 2, 1], &[2, 1, 4, 3, 2, 1]);
        assert!(accepted(&joined));
        let apart = classes(&[1, 1, 1_000, 1_000, 1_000, 1_000]);
        assert!(!accepted(&table(order, 3, &apart, &[2, 1, 4, 3, 2, 1], &[2, 1, 4, 3, 2, 1])));
    }
}

#[test]
fn adversary_18_view_takes_values_from_another_class() {
    // The first class has one value, the second one more than it needs; the view trades them.
    let of = classes(&[1, 1, 2, 2, 2]);
    let cells = [1, 1, 3, 2, 1];
    for view in [[2, 1, 3, 1, 1], [3, 1, 1, 2, 1], [2, 1, 3, 2, 1]] {
        let (statement, public, witness) = table(Order::Any, 2, &of, &cells, &view);
        assert!(
            statement.check(&public, &witness).unwrap_err().0.contains("not those of the view")
        );
        assert!(broken(&statement, &public, &witness).contains(&l6_sum(5)), "{view:?}");
    }
    // The twin trades rows within a class.
    let parts = table(Order::Any, 2, &of, &[1, 2, 3, 2, 1], &[2, 1, 3, 2, 1]);
    parts.0.check(&parts.1, &parts.2).unwrap();
    assert!(accepted(&parts));
}

#[test]
fn adversary_18_view_takes_a_value_twice() {
    let of = classes(&[1, 1, 1]);
    for (cells, view) in [([2, 2, 1], [3, 2, 1]), ([1, 2, 2], [2, 1, 1]), ([0, 0, 1], [0, 2, 1])] {
        assert!(!accepted(&table(Order::Any, 2, &of, &cells, &view)), "{cells:?} {view:?}");
    }
    assert!(accepted(&table(Order::Any, 2, &of, &[1, 2, 2], &[2, 2, 1])));
}

#[test]
fn adversary_17_value_minus_one_does_not_count() {
    // Cells are whatever was committed. Minus one is not missing, but it is no code either.
    for order in ORDERS {
        let of = classes(&[1, 1, 2, 2]);
        for cells in [[2, 1, 1, -1], [-1, 1, 2, 1], [2, 1, -1, 1], [1, -1, 2, 1], [0, -1, 2, 1]] {
            let mut sorted = cells;
            sorted[..2].sort_unstable_by_key(|cell| -cell);
            sorted[2..].sort_unstable_by_key(|cell| -cell);
            for view in [cells, sorted] {
                let (statement, public, witness) = table(order, 2, &of, &cells, &view);
                assert!(statement.check(&public, &witness).is_err());
                assert!(!broken(&statement, &public, &witness).is_empty(), "{cells:?}");
            }
        }
        let cells = [2, 1, 2, 1];
        assert!(accepted(&table(order, 2, &of, &cells, &cells)));
        // In front of the rows that count it does no harm.
        let cells = [-1, 2, 1];
        assert!(accepted(&table(order, 2, &classes(&[1, 1, 1]), &cells, &cells)));
    }
}

#[test]
fn adversary_17_multiplicities_hide_no_slack() {
    // A slack outside the table, whatever multiplicities are claimed.
    for order in ORDERS {
        let cells = [1, 2, 1, 1];
        let base = table(order, 2, &classes(&[1; 4]), &cells, &cells);
        for counts in [[4, 0, 0], [3, 1, 0], [3, 0, 1], [2, 1, 1]] {
            let (statement, _, mut witness) = base.clone();
            witness.multiplicities = numbers(&counts);
            let (statement, public, witness) = opened(statement, 2, witness);
            assert!(broken(&statement, &public, &witness).contains(&l5_sum(4)));
        }
        assert!(accepted(&table(order, 2, &classes(&[1; 4]), &[1, 1, 2, 1], &[1, 1, 2, 1])));
    }
}
