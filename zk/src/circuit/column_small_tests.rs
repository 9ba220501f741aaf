#![allow(clippy::unwrap_used)]

use super::*;
use crate::setup::shape;
use crate::summary::Summary;
use crate::testing::broken;

const ZETA: u64 = 0x1234_5678_9abc_def1;
const FILLER: u64 = 0x0dd0_1234_5678_9abc;

/// Codes 0..5, of which 1 and 2 share the first bin, 3 is the second, and 4 is not allowed.
fn tiny(rows: usize) -> (ColumnSmall, Chart) {
    (ColumnSmall { rows, codes: 5 }, Chart::new(1, vec![1, 3, 4]).unwrap())
}

fn scalar(value: i64) -> Fr {
    let size = Fr::from(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

/// What a prover would commit to for any rows at all: honest but for what no honest witness has.
fn witness(statement: &ColumnSmall, chart: &Chart, rows: &[Fr]) -> ColumnSmallWitness {
    let counts: Vec<Fr> = (0..statement.codes as u64)
        .map(|code| Fr::from(rows.iter().filter(|row| **row == Fr::from(code)).count() as u64))
        .collect();
    let mut bins = vec![Fr::ZERO; BINS];
    for (code, count) in (0u64..).zip(&counts) {
        if let Some(bin) = chart.bin(code) {
            bins[bin - 1] += count;
        }
    }
    let blinders = std::array::from_fn::<Fr, BLINDERS, _>(|j| Fr::from(900_001 + 17 * j as u64));
    ColumnSmallWitness {
        values: rows.iter().copied().chain(blinders).collect(),
        counts,
        labels: statement.labels(chart).unwrap().scalars(),
        bins,
        blinders: std::array::from_fn(|j| Fr::from(800_001 + 17 * j as u64)),
        mask: Fr::from(5u64),
    }
}

/// What a verifier would know of an opened column whose rows from `active` on are `tail`.
fn public(
    statement: &ColumnSmall,
    chart: &Chart,
    active: usize,
    witness: &ColumnSmallWitness,
    opened: &[Fr],
    filler: Fr,
) -> ColumnSmallPublic {
    let zeta = Fr::from(ZETA);
    let opened: Vec<Fr> = opened.iter().chain(&witness.values[statement.rows..]).copied().collect();
    let fitting = witness.fitting(&ColumnSmallPublic {
        padding: 0,
        filler,
        zeta,
        column: zeta,
        labels: zeta,
        summary: zeta,
    });
    let column = evaluate(&opened, zeta);
    statement.public(chart, active, filler, zeta, column, fitting.summary).unwrap()
}

/// Cells of an opened column, active or not, as a prover would have them proven.
fn assignment(
    statement: &ColumnSmall,
    chart: &Chart,
    opened: &[i64],
    active: usize,
) -> (ColumnSmallPublic, ColumnSmallWitness) {
    let filler = Fr::from(FILLER);
    let opened: Vec<Fr> = opened.iter().map(|cell| scalar(*cell)).collect();
    let held: Vec<Fr> = (0..)
        .zip(&opened)
        .map(|(row, cell)| if row < active { *cell } else { *cell + filler })
        .collect();
    let witness = witness(statement, chart, &held);
    (public(statement, chart, active, &witness, &opened, filler), witness)
}

/// Constraints in the order in which they are written.
struct Places {
    sum: usize,
    labels: usize,
    bin_sum: usize,
    summary: usize,
    column: usize,
    all: usize,
}

fn places(statement: &ColumnSmall) -> Places {
    let sum = statement.rows + statement.codes + 1;
    let labels = sum + 1;
    let bin_sum = labels + statement.codes - 2 + statement.codes - 1 + BINS;
    let summary = bin_sum + 1;
    let column = summary + 38;
    Places { sum, labels, bin_sum, summary, column, all: column + statement.rows + BLINDERS - 1 }
}

#[test]
fn rows_just_fit_the_domain() {
    for (rows, domain) in [(SMALL_BLOCK_ROWS, 1 << 13), (BLOCK_ROWS, 1 << 17)] {
        let statement = ColumnSmall::of_block(rows).unwrap();
        let shape = shape(&statement).unwrap();
        assert_eq!(shape.inputs, 6);
        assert_eq!(shape.rows(), 3 * rows + 5 * statement.codes + 127);
        assert_eq!(shape.domain, domain);
        assert_eq!(shape.constraints, places(&statement).all);
        // Not one code more would fit.
        assert!(shape.rows() + 5 > domain || rows == BLOCK_ROWS);
    }
    assert_eq!(ColumnSmall::of_block(7), None);
    assert_eq!(tiny(3).0.circuit().0, "column-small/1/unregistered");
    let other = ColumnSmall { rows: BLOCK_ROWS, codes: 5 };
    assert_eq!(other.circuit().0, "column-small/1/unregistered");
}

#[test]
fn full_size_values_stay_out_of_the_second_matrix() {
    // Of full size are partial sums and fractions, the column's blinders, and padding in the column.
    use ark_relations::gr1cs::{ConstraintSystem, R1CS_PREDICATE_LABEL};
    let (statement, _) = tiny(4);
    let (public, witness) = statement.example();
    let cs = ConstraintSystem::<Fr>::new_ref();
    statement.synthesize(cs.clone(), &public, &witness).unwrap();
    cs.finalize();
    let instance = cs.num_instance_variables();
    let matrices = cs.to_matrices().unwrap().remove(R1CS_PREDICATE_LABEL).unwrap();
    for (_, index) in matrices[1].iter().flatten() {
        assert!(*index < instance, "witness variable {index}");
        assert!(!(7 + 4..7 + 4 + BLINDERS).contains(index), "blinder {index}");
    }
}

#[test]
fn honest_columns_satisfy() {
    for (opened, active) in
        [(vec![1, 2, 3, 0], 4), (vec![3, 3, 0, 0], 2), (vec![0, 0, 0, 0], 3), (vec![2, 0, 0, 0], 1)]
    {
        let (statement, chart) = tiny(4);
        let (public, mut witness) = assignment(&statement, &chart, &opened, active);
        statement.check(&public, &witness).unwrap();
        assert!(broken(&statement, &public, &witness).is_empty(), "{opened:?}");
        // The public constructor makes the same of the cells.
        let cells: Vec<u64> = opened[..active].iter().map(|cell| *cell as u64).collect();
        let blinders = witness.values[4..].try_into().unwrap();
        let made = ColumnSmallWitness::new(
            &statement,
            &chart,
            &cells,
            &blinders,
            Fr::from(FILLER),
            witness.blinders,
            witness.mask,
        );
        assert_eq!(made.as_ref(), Ok(&witness));
        // And the summary that is opened is the chart's.
        let summary = chart.summary(&cells).unwrap();
        let opened = evaluate(&summary.coefficients(&witness.blinders), public.zeta);
        assert_eq!(opened, public.summary);
        // The mask alone is free.
        witness.mask += Fr::ONE;
        assert!(broken(&statement, &public, &witness).is_empty());
    }
    let statement = ColumnSmall::of_block(SMALL_BLOCK_ROWS).unwrap();
    let (public, witness) = statement.example();
    statement.check(&public, &witness).unwrap();
    assert!(broken(&statement, &public, &witness).is_empty());
}

#[test]
fn the_verifier_s_corrections_are_those_of_the_padded_column() {
    let (statement, chart) = tiny(6);
    for active in 0..=6 {
        let mut opened = vec![2; active];
        opened.resize(6, 0);
        let (public, witness) = assignment(&statement, &chart, &opened, active);
        assert_eq!(public, witness.fitting(&public), "{active}");
        assert_eq!(public.padding, 6 - active as u64);
        let claimed = statement.claimed(active, public.filler).unwrap();
        let inputs: Vec<Fr> = claimed.iter().map(|scalar| scalar.0).collect();
        assert_eq!(statement.inputs(&public)[..2], inputs);
    }
    let refused = Err(ProofError::Claim("more rows than the block holds"));
    assert_eq!(statement.claimed(7, Fr::ONE), refused);
}

#[test]
fn charts_that_do_not_fit_are_refused() {
    let (statement, _) = tiny(3);
    let reason = |step, edges: &[u64]| {
        let chart = Chart::new(step, edges.to_vec()).unwrap();
        let refused = statement.labels(&chart).unwrap_err();
        let known = statement.public(&chart, 1, Fr::ONE, Fr::ONE, Fr::ONE, Fr::ONE).unwrap_err();
        assert_eq!(refused, known);
        let witness = ColumnSmallWitness::new(
            &statement,
            &chart,
            &[1],
            &[Fr::ONE; BLINDERS],
            Fr::ONE,
            [Fr::ONE; 3],
            Fr::ONE,
        );
        assert_eq!(witness.unwrap_err().0, refused.to_string());
        refused.to_string()
    };
    assert!(reason(2, &[1, 3]).contains("step of one"));
    assert!(reason(1, &[1, 6]).contains("beyond the values"));
    statement.labels(&Chart::new(1, vec![1, 5]).unwrap()).unwrap();
}

#[test]
fn adversary_17_cell_out_of_range_in_a_small_column() {
    let (statement, chart) = tiny(3);
    let at = places(&statement);
    for row in 0..3 {
        for cell in [-1, 5, 6, 1 << 40] {
            let mut opened = vec![1, 2, 3];
            opened[row] = cell;
            let (public, witness) = assignment(&statement, &chart, &opened, 3);
            let refused = statement.check(&public, &witness).unwrap_err().0;
            assert_eq!(refused, format!("row {row}: the cell is no code"));
            // Only the comparison with the table notices; with other counts the table's would.
            assert_eq!(broken(&statement, &public, &witness), [at.sum]);
        }
        // A code, but not one that the chart allows.
        let mut opened = vec![1, 2, 3];
        opened[row] = 4;
        let (public, witness) = assignment(&statement, &chart, &opened, 3);
        let refused = statement.check(&public, &witness).unwrap_err().0;
        assert_eq!(refused, format!("row {row}: cell 4 is in no bin"));
        assert_eq!(broken(&statement, &public, &witness), [at.bin_sum]);
    }
    // One above and one below do not cancel.
    let (public, witness) = assignment(&statement, &chart, &[1, -1, 2], 3);
    assert_eq!(broken(&statement, &public, &witness), [at.sum]);
    // The twin.
    let (public, witness) = assignment(&statement, &chart, &[1, 2, 3], 3);
    statement.check(&public, &witness).unwrap();
    assert!(broken(&statement, &public, &witness).is_empty());
}

#[test]
fn adversary_18a_bins_moved_in_a_small_column() {
    let (statement, chart) = tiny(3);
    let at = places(&statement);
    let (honest, witness) = assignment(&statement, &chart, &[1, 2, 3], 3);
    // The bins themselves.
    let mut moved = witness.clone();
    moved.bins[0] -= Fr::ONE;
    moved.bins[1] += Fr::ONE;
    let public = moved.fitting(&honest);
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.bin_sum]);
    // By another label: two cells of the first bin reported in the second.
    let mut moved = witness.clone();
    moved.labels[0] = Fr::from(2u64);
    moved.bins[0] -= Fr::ONE;
    moved.bins[1] += Fr::ONE;
    let public = ColumnSmallPublic { labels: honest.labels, ..moved.fitting(&honest) };
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.labels]);
    // By another histogram.
    let mut moved = witness.clone();
    moved.counts[1] -= Fr::ONE;
    moved.counts[3] += Fr::ONE;
    moved.bins[0] -= Fr::ONE;
    moved.bins[1] += Fr::ONE;
    let public = moved.fitting(&honest);
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.sum]);
    // Another summary, or another column, than the opened one.
    let public = ColumnSmallPublic { summary: honest.summary + Fr::ONE, ..honest };
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [at.summary]);
    let public = ColumnSmallPublic { column: honest.column + Fr::ONE, ..honest };
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [at.column]);
    // The twin.
    assert!(broken(&statement, &honest, &witness).is_empty());
}

#[test]
fn adversary_18a_a_filler_known_beforehand_passes_for_a_cell() {
    // Active cell 9, padding cell 1 − 9: with a filler of 9 they trade places, and the circuit has
    // nothing against it. So the filler is drawn after the column was committed.
    let (statement, chart) = tiny(2);
    let opened = [scalar(9), scalar(-8)];
    let held = |filler: i64| [scalar(9), scalar(-8 + filler)];
    for (filler, accepted) in [(9, true), (10, false), (11, false), (FILLER as i64, false)] {
        let witness = witness(&statement, &chart, &held(filler));
        let public = public(&statement, &chart, 1, &witness, &opened, scalar(filler));
        assert_eq!(broken(&statement, &public, &witness).is_empty(), accepted, "{filler}");
    }
    // Padding that is not zero is seen under any filler that is no cell.
    for cell in [-2, -1, 1, 4] {
        let (public, witness) = assignment(&statement, &chart, &[1, cell], 1);
        assert!(statement.check(&public, &witness).is_err());
        assert!(!broken(&statement, &public, &witness).is_empty());
    }
}

#[test]
fn adversary_17_words_and_circuit_agree_on_every_small_table() {
    // Every table of up to three rows over the codes and beyond, with every number of active rows.
    for rows in 1..=3usize {
        let (statement, chart) = tiny(rows);
        let values = -1..=6i64;
        let tables = (0..rows).fold(vec![Vec::new()], |tables: Vec<Vec<i64>>, _| {
            let longer = |table: &Vec<i64>| {
                values.clone().map(|cell| [table.as_slice(), &[cell]].concat()).collect::<Vec<_>>()
            };
            tables.iter().flat_map(longer).collect()
        });
        for (opened, active) in
            tables.iter().flat_map(|table| (0..=rows).map(move |active| (table, active)))
        {
            let (public, witness) = assignment(&statement, &chart, opened, active);
            let truth = opened[..active].iter().all(|cell| (0..=3).contains(cell))
                && opened[active..].iter().all(|cell| *cell == 0);
            assert_eq!(statement.check(&public, &witness).is_ok(), truth, "{opened:?} {active}");
            let accepted = broken(&statement, &public, &witness).is_empty();
            assert_eq!(accepted, truth, "{opened:?} {active}");
            if truth {
                // By hand: bins {1, 2} and {3}.
                let cells: Vec<u64> = opened[..active].iter().map(|cell| *cell as u64).collect();
                let count =
                    |wanted: &[u64]| cells.iter().filter(|c| wanted.contains(c)).count() as u64;
                let mut by_hand = Summary {
                    count: count(&[1, 2, 3]),
                    missing: count(&[0]),
                    sum: u128::from(count(&[1]) + 2 * count(&[2]) + 3 * count(&[3])),
                    sum_squares: u128::from(count(&[1]) + 4 * count(&[2]) + 9 * count(&[3])),
                    bins: [0; BINS],
                };
                by_hand.bins[..2].copy_from_slice(&[count(&[1, 2]), count(&[3])]);
                assert_eq!(chart.summary(&cells).unwrap(), by_hand);
                let opened = by_hand.coefficients(&witness.blinders);
                assert_eq!(evaluate(&opened, public.zeta), public.summary);
            }
        }
    }
}

#[test]
fn every_committed_value_is_bound() {
    let (statement, chart) = tiny(3);
    let (public, witness) = assignment(&statement, &chart, &[1, 3, 0], 2);
    let bound = |change: &dyn Fn(&mut ColumnSmallWitness)| {
        let mut other = witness.clone();
        change(&mut other);
        assert!(!broken(&statement, &public, &other).is_empty());
    };
    for i in 0..witness.values.len() {
        bound(&|other| other.values[i] += Fr::ONE);
    }
    for i in 0..witness.counts.len() {
        bound(&|other| other.counts[i] += Fr::ONE);
    }
    for i in 0..witness.labels.len() {
        bound(&|other| other.labels[i] += Fr::ONE);
    }
    for i in 0..BINS {
        bound(&|other| other.bins[i] += Fr::ONE);
    }
    for i in 0..SUMMARY_BLINDERS {
        bound(&|other| other.blinders[i] += Fr::ONE);
    }
}
