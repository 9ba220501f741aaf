#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::setup::shape;
use crate::testing::{Assignment, broken};

const ZETA: u64 = 0x1234_5678_9abc_def1;

fn blinders() -> [Fr; BLINDERS] {
    std::array::from_fn(|j| Fr::from(900_001 + 17 * j as u64))
}

fn values(cells: &[u64]) -> Vec<Fr> {
    cells.iter().map(|cell| Fr::from(*cell)).collect()
}

/// An honest assignment for these combined cells, true or not.
fn assignment(cells: &[u64], k: u32) -> (KAnonymity, KAnonymityPublic, KAnonymityWitness) {
    let zeta = Fr::from(ZETA);
    let witness = KAnonymityWitness::new(&values(cells), &blinders(), Fr::from(5u64), k).at(zeta);
    let y = witness.evaluation(zeta);
    (KAnonymity { rows: cells.len() }, KAnonymityPublic { k, zeta, y }, witness)
}

/// Rows of the constraint system, in the order in which they are written.
fn k1(row: usize) -> usize {
    2 * (row - 1)
}

fn k2(row: usize) -> usize {
    2 * (row - 1) + 1
}

fn horner(rows: usize, row: usize) -> usize {
    2 * (rows - 1) + row
}

fn with_counters(cells: &[u64], k: u32, c: &[i64]) -> Vec<usize> {
    let (statement, public, mut witness) = assignment(cells, k);
    let inner = &c[1..c.len() - 1];
    witness.counters = inner
        .iter()
        .map(|c| if *c < 0 { -Fr::from(c.unsigned_abs()) } else { Fr::from(c.unsigned_abs()) })
        .collect();
    broken(&statement, &public, &witness)
}

#[test]
fn rows_just_fit_the_domain() {
    for (rows, domain) in [(SMALL_BLOCK_ROWS, 1 << 12), (BLOCK_ROWS, 1 << 17)] {
        let shape = shape(&KAnonymity { rows }).unwrap();
        assert_eq!(shape.inputs, 3);
        assert_eq!(shape.committed, rows + BLINDERS + 1);
        assert_eq!(shape.rows(), 4 * rows + 19);
        assert_eq!(shape.domain, domain);
        assert_eq!(shape.witness, 2 * rows + 5);
    }
}

#[test]
fn the_challenge_alone_multiplies_full_size_values() {
    // The second matrix is the expensive one: it may hold ζ, k, the constant and counters only.
    let statement = KAnonymity { rows: 12 };
    let (public, witness) = statement.example();
    let circuit = Assignment::new(&statement, &public, &witness);
    let instance = circuit.instance;
    let counters = instance..instance + statement.rows - 2;
    for index in circuit.second() {
        assert!(index < 3 || counters.contains(&index), "variable {index}");
    }
}

#[test]
fn honest_classes_satisfy() {
    for (cells, k) in [
        (vec![1, 1, 1, 2, 2, 3, 3], 2),
        (vec![5; 9], 9),
        (vec![5; 9], 1),
        (vec![1, 2, 3, 4], 1),
        (vec![1, 1, 2, 2, 1, 1], 2),
    ] {
        let (statement, public, witness) = assignment(&cells, k);
        statement.check(&public, &witness).unwrap();
        assert!(broken(&statement, &public, &witness).is_empty(), "{cells:?} {k}");
    }
    let example = KAnonymity { rows: SMALL_BLOCK_ROWS };
    let (public, witness) = example.example();
    example.check(&public, &witness).unwrap();
    assert!(broken(&example, &public, &witness).is_empty());
}

#[test]
fn adversary_18_class_of_k_minus_one_in_every_position() {
    let k = 3;
    for small in 0..5 {
        let mut cells = Vec::new();
        for class in 0..5u64 {
            let size = if class == small { 2 } else { 3 };
            cells.extend(std::iter::repeat_n(class, size));
        }
        let (statement, public, witness) = assignment(&cells, k);
        assert!(statement.check(&public, &witness).is_err());
        // Counters are small or nothing: from any other start K1 counts on for ever.
        assert!(!broken(&statement, &public, &witness).is_empty());
        // The twin: one row more in that class.
        let at = cells.iter().position(|cell| *cell == small).unwrap();
        cells.insert(at, small);
        let (statement, public, witness) = assignment(&cells, k);
        assert!(broken(&statement, &public, &witness).is_empty());
    }
}

/// Whether any counters at all satisfy K1 and K2 for this pattern of changes: K1 leaves two choices
/// in each row, so all can be tried.
fn satisfiable(cells: &[u64], k: i64) -> bool {
    let last = cells.len() - 1;
    let mut reachable = std::collections::BTreeSet::from([0i64]);
    for row in 1..=last {
        let changes = cells[row] != cells[row - 1];
        reachable = reachable
            .iter()
            .flat_map(|before| [(*before, 0), (*before, before + 1)])
            .filter(|(before, now)| !changes || before - now - k + 1 == 0)
            .map(|(_, now)| now)
            .collect();
    }
    reachable.contains(&(k - 1))
}

#[test]
fn adversary_18_no_counters_hide_a_small_class() {
    // Every pattern of changes up to nine rows: the circuit can be satisfied exactly if the plain
    // statement holds.
    for rows in 2..=9usize {
        for pattern in 0..1u32 << (rows - 1) {
            let mut cells = vec![0u64];
            for row in 1..rows {
                cells.push(cells[row - 1] + u64::from(pattern >> (row - 1) & 1));
            }
            for k in 1..=4 {
                let (statement, public, witness) = assignment(&cells, k);
                let truth = statement.check(&public, &witness).is_ok();
                assert_eq!(satisfiable(&cells, i64::from(k)), truth, "{cells:?} {k}");
                assert_eq!(broken(&statement, &public, &witness).is_empty(), truth);
            }
        }
    }
}

// Falsehoods that get through when one rule is dropped: each breaks that rule and nothing else.

#[test]
fn without_k1_a_short_last_class_passes() {
    assert_eq!(with_counters(&[1, 1, 1, 1, 2], 2, &[0, 0, 1, 2, 1]), [k1(4)]);
}

#[test]
fn without_k2_a_short_first_class_passes() {
    assert_eq!(with_counters(&[1, 2, 1, 1, 1], 2, &[0, 1, 0, 0, 1]), [k2(1)]);
}

#[test]
fn without_the_first_counter_fixed_a_short_first_class_passes() {
    // c_0 is the constant zero: a counter of one there exists in no assignment, so the row that would
    // have used it breaks.
    let cells = [1, 2, 2, 1, 1];
    assert_eq!(with_counters(&cells, 2, &[1, 0, 1, 0, 1]), [k2(1)]);
}

#[test]
fn without_the_last_counter_fixed_a_short_last_class_passes() {
    // c_{N−1} is k − 1 where this falsehood wants zero.
    let cells = [1, 1, 1, 1, 2];
    let rows = with_counters(&cells, 2, &[0, 0, 0, 1, 0]);
    assert_eq!(rows, [k1(4), k2(4)]);
}

#[test]
fn padding_is_a_class_of_its_own() {
    // With a padding value that could be chosen, one row and its padding would pass for a class; with
    // the value drawn later, they are different rows.
    let (statement, public, witness) = assignment(&[7, 7], 2);
    assert!(broken(&statement, &public, &witness).is_empty());
    let (statement, public, witness) = assignment(&[7, 123_456_789], 2);
    assert!(statement.check(&public, &witness).is_err());
    assert!(!broken(&statement, &public, &witness).is_empty());
    // Padding shorter than k, and a class whose rows are split by padding.
    for cells in [vec![1, 1, 1, 99, 99], vec![1, 1, 99, 99, 99, 1]] {
        let (statement, public, witness) = assignment(&cells, 3);
        assert!(statement.check(&public, &witness).is_err());
        assert!(!broken(&statement, &public, &witness).is_empty());
    }
}

#[test]
fn zero_k_is_refused_in_words() {
    let (statement, public, witness) = assignment(&[1, 2, 3], 0);
    assert_eq!(statement.check(&public, &witness), Err(Unsatisfied("k is zero".into())));
}

#[test]
fn rows_other_than_the_opened_ones_are_refused() {
    let (statement, mut public, witness) = assignment(&[1, 1, 2, 2], 2);
    assert!(broken(&statement, &public, &witness).is_empty());
    public.y += Fr::ONE;
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [horner(4, 0)]);
}

#[test]
fn adversary_19_every_constraint_is_needed() {
    // For every constraint there is a false assignment that breaks only it, at a size where no row is
    // near both ends. Without it the falsehood would be proven.
    let rows = 12;
    let mut needed = std::collections::BTreeSet::new();
    // Horner: partial sums honest below the row, and worked back from a false Y above it.
    let (statement, public, honest) = assignment(&vec![4; rows], 2);
    for row in 0..rows + BLINDERS {
        let mut witness = honest.clone();
        let mut public = public;
        public.y += Fr::from(1u64);
        let inverse = public.zeta.inverse().unwrap();
        let mut sum = public.y;
        for r in 0..row {
            sum = (sum - witness.differences[r]) * inverse;
            witness.horner[r] = sum;
        }
        assert!(statement.check(&public, &witness).is_err());
        assert_eq!(broken(&statement, &public, &witness), [horner(rows, row)]);
        needed.insert(horner(rows, row));
    }
    // K1 and K2: in every pattern of classes that breaks the statement, drop one rule and look for
    // counters that satisfy the others. For a single k, one row of K1 near each end follows from the
    // rest; no row does for two values of k, and the circuit serves all of them.
    for (k, pattern) in
        [2u32, 3].into_iter().flat_map(|k| (0..1u32 << (rows - 1)).map(move |p| (k, p)))
    {
        let mut cells = vec![0u64];
        for row in 1..rows {
            cells.push(cells[row - 1] + u64::from(pattern >> (row - 1) & 1));
        }
        let (statement, public, witness) = assignment(&cells, k);
        if statement.check(&public, &witness).is_ok() {
            continue;
        }
        for rule in (1..rows).flat_map(|row| [k1(row), k2(row)]) {
            if needed.contains(&rule) {
                continue;
            }
            if let Some(counters) = satisfying_without(&cells, i64::from(k), rule) {
                assert_eq!(with_counters(&cells, k, &counters), [rule], "{cells:?}");
                needed.insert(rule);
            }
        }
    }
    let all = 0..horner(rows, rows + BLINDERS);
    let missing: Vec<usize> = all.filter(|rule| !needed.contains(rule)).collect();
    assert!(missing.is_empty(), "not shown to be needed: {missing:?}");
}

/// Counters that satisfy every rule but one. A free counter may take any value that later rules could
/// use: between −k and the number of rows.
fn satisfying_without(cells: &[u64], k: i64, dropped: usize) -> Option<Vec<i64>> {
    let last = cells.len() - 1;
    // For each row, the values it can have, each with one predecessor.
    let mut steps: Vec<std::collections::BTreeMap<i64, i64>> =
        vec![std::collections::BTreeMap::from([(0, 0)])];
    for row in 1..=last {
        let changes = cells[row] != cells[row - 1];
        let mut now = std::collections::BTreeMap::new();
        for before in steps[row - 1].keys() {
            let candidates: Vec<i64> =
                if dropped == k1(row) { (-k..=last as i64).collect() } else { vec![0, before + 1] };
            for c in candidates {
                let allowed = !changes || dropped == k2(row) || before - c - k + 1 == 0;
                if allowed && (row != last || c == k - 1) {
                    now.insert(c, *before);
                }
            }
        }
        steps.push(now);
    }
    let mut counters = vec![k - 1];
    for row in (1..=last).rev() {
        let before = *steps[row].get(counters.last()?)?;
        counters.push(before);
    }
    counters.reverse();
    Some(counters)
}

proptest! {
    #[test]
    fn circuit_and_words_agree(
        cells in proptest::collection::vec(0u64..3, 2..40),
        k in 1u32..5,
    ) {
        let (statement, public, witness) = assignment(&cells, k);
        let truth = statement.check(&public, &witness).is_ok();
        prop_assert_eq!(broken(&statement, &public, &witness).is_empty(), truth);
    }
}
