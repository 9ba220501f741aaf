#![allow(clippy::unwrap_used)]

use super::*;
use crate::setup::shape;
use crate::summary::Summary;
use crate::testing::broken;

const ZETA: u64 = 0x1234_5678_9abc_def1;
const FILLER: u64 = 0x0dd0_1234_5678_9abc;
const STEP: u64 = 3;

/// A step of three on a grid of four, of which the first two cells are bins and the third is not
/// allowed: cells up to 6 are, up to 12 have a place.
fn tiny(rows: usize) -> (ColumnWide, Chart) {
    (ColumnWide { rows, steps: 5, grid: 4 }, Chart::new(STEP, vec![1, 4, 7]).unwrap())
}

fn scalar(value: i64) -> Fr {
    let size = Fr::from(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

fn honest(statement: &ColumnWide, chart: &Chart, cells: &[u64]) -> ColumnWideWitness {
    ColumnWideWitness::new(
        statement,
        chart,
        cells,
        &std::array::from_fn(|j| Fr::from(900_001 + 17 * j as u64)),
        Fr::from(FILLER),
        std::array::from_fn(|j| Fr::from(800_001 + 17 * j as u64)),
        Fr::from(5u64),
    )
    .unwrap()
}

/// What a verifier would know of an opened column, the summary being whatever the circuit accepts.
fn known(
    statement: &ColumnWide,
    chart: &Chart,
    opened: &[i64],
    active: usize,
    witness: &ColumnWideWitness,
) -> ColumnWidePublic {
    let (zeta, filler) = (Fr::from(ZETA), Fr::from(FILLER));
    let cells: Vec<Fr> = opened.iter().map(|cell| scalar(*cell)).collect();
    let all: Vec<Fr> = cells.iter().chain(&witness.values[statement.rows..]).copied().collect();
    let column = evaluate(&all, zeta);
    let public = statement.public(chart, active, filler, zeta, column, Fr::ZERO).unwrap();
    ColumnWidePublic { summary: witness.fitting(&public).summary, ..public }
}

/// Any opened cells with any parts, as a prover would have them proven: padding rows get the filler
/// on top.
fn assignment(
    statement: &ColumnWide,
    chart: &Chart,
    opened: &[i64],
    parts: &[(i64, i64)],
    active: usize,
) -> (ColumnWidePublic, ColumnWideWitness) {
    let filler = Fr::from(FILLER);
    let mut witness = honest(statement, chart, &vec![0; active]);
    for row in 0..active {
        witness.replace(row, chart.step(), [opened[row], parts[row].0, parts[row].1]);
    }
    for (row, cell) in opened.iter().enumerate().skip(active) {
        witness.values[row] = scalar(*cell) + filler.double();
    }
    witness.count();
    (known(statement, chart, opened, active, &witness), witness)
}

/// The parts of a cell, or those of a missing one if it has none.
fn split(cell: i64) -> (i64, i64) {
    let step = STEP as i64;
    if (1..=4 * step).contains(&cell) {
        ((cell - 1) % step, (cell - 1) / step * step)
    } else {
        (0, 0)
    }
}

/// Constraints in the order in which they are written.
struct Places {
    low_sum: usize,
    high_sum: usize,
    labels: usize,
    bin_sum: usize,
    summary: usize,
    column: usize,
    all: usize,
}

fn places(statement: &ColumnWide) -> Places {
    let (rows, grid) = (statement.rows, statement.grid);
    let low_sum = 3 * rows + 2 * rows + statement.steps + 2;
    let high_sum = low_sum + 1 + rows + grid + 1;
    let labels = high_sum + 1;
    let bin_sum = labels + grid - 2 + grid - 1 + BINS;
    let summary = bin_sum + 1;
    let column = summary + 38;
    Places {
        low_sum,
        high_sum,
        labels,
        bin_sum,
        summary,
        column,
        all: column + rows + BLINDERS - 1,
    }
}

fn w1(row: usize) -> usize {
    3 * row
}

fn w2(row: usize) -> usize {
    3 * row + 1
}

#[test]
fn rows_just_fit_the_domain() {
    for (rows, domain) in [(SMALL_BLOCK_ROWS, 1 << 14), (BLOCK_ROWS, 1 << 19)] {
        let statement = ColumnWide::of_block(rows).unwrap();
        let shape = shape(&statement).unwrap();
        assert_eq!(shape.inputs, 7);
        assert_eq!(shape.rows(), 10 * rows + 2 * statement.steps + 5 * statement.grid + 131);
        assert_eq!(shape.domain, domain);
        assert_eq!(shape.constraints, places(&statement).all);
        assert!(shape.rows() + 5 > domain || rows == BLOCK_ROWS);
    }
    assert_eq!(ColumnWide::of_block(7), None);
    assert_eq!(tiny(3).0.circuit().0, "column-wide/1/unregistered");
}

#[test]
fn full_size_values_stay_out_of_the_second_matrix() {
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
        assert!(!(8 + 4..8 + 4 + BLINDERS).contains(index), "blinder {index}");
    }
}

#[test]
fn honest_columns_satisfy() {
    for cells in [vec![1, 2, 3, 4], vec![6, 0, 0], vec![5], vec![], vec![0, 0, 0, 0]] {
        let (statement, chart) = tiny(4);
        let mut witness = honest(&statement, &chart, &cells);
        let mut opened: Vec<i64> = cells.iter().map(|cell| *cell as i64).collect();
        opened.resize(4, 0);
        let public = known(&statement, &chart, &opened, cells.len(), &witness);
        statement.check(&public, &witness).unwrap();
        assert!(broken(&statement, &public, &witness).is_empty(), "{cells:?}");
        let parts: Vec<(i64, i64)> = opened.iter().map(|cell| split(*cell)).collect();
        let same = assignment(&statement, &chart, &opened, &parts, cells.len());
        assert_eq!(same, (public, witness.clone()));
        witness.mask += Fr::ONE;
        assert!(broken(&statement, &public, &witness).is_empty());
    }
    let statement = ColumnWide::of_block(SMALL_BLOCK_ROWS).unwrap();
    let (public, witness) = statement.example();
    statement.check(&public, &witness).unwrap();
    assert!(broken(&statement, &public, &witness).is_empty());
}

#[test]
fn the_verifier_s_corrections_are_those_of_the_padded_column() {
    let (statement, chart) = tiny(6);
    for active in 0..=6 {
        let cells = vec![5u64; active];
        let witness = honest(&statement, &chart, &cells);
        let mut opened = vec![5; active];
        opened.resize(6, 0);
        let circuit = known(&statement, &chart, &opened, active, &witness);
        assert_eq!(circuit, witness.fitting(&circuit), "{active}");
        // From the two values that a verifier sees opened.
        let summary = chart.summary(&cells).unwrap().coefficients(&witness.blinders);
        let values: Vec<Fr> = opened.iter().map(|cell| scalar(*cell)).collect();
        let all: Vec<Fr> = values.iter().chain(&witness.values[6..]).copied().collect();
        let zeta = circuit.zeta;
        let verifier = statement
            .public(
                &chart,
                active,
                circuit.filler,
                zeta,
                evaluate(&all, zeta),
                evaluate(&summary, zeta),
            )
            .unwrap();
        assert_eq!(verifier, circuit, "{active}");
        let claimed = statement.claimed(&chart, active, circuit.filler).unwrap();
        let inputs: Vec<Fr> = claimed.iter().map(|scalar| scalar.0).collect();
        assert_eq!(statement.inputs(&circuit)[..3], inputs);
    }
    let refused = Err(ProofError::Claim("more rows than the block holds"));
    assert_eq!(statement.claimed(&chart, 7, Fr::ONE), refused);
}

#[test]
fn charts_that_do_not_fit_are_refused() {
    let (statement, _) = tiny(3);
    let reason = |step, edges: &[u64]| {
        let chart = Chart::new(step, edges.to_vec()).unwrap();
        let refused = statement.labels(&chart).unwrap_err();
        let known = statement.public(&chart, 1, Fr::ONE, Fr::ONE, Fr::ONE, Fr::ONE).unwrap_err();
        assert_eq!(refused, known);
        refused.to_string()
    };
    assert!(reason(3, &[4, 7]).contains("begins at one"));
    assert!(reason(6, &[1, 7]).contains("step"));
    assert!(reason(3, &[1, 16]).contains("beyond the values"));
    statement.labels(&Chart::new(5, vec![1, 21]).unwrap()).unwrap();
    // The circuit's own check of the step, which a verifier has made before.
    let (public, witness) = statement.example();
    for step in [0, 6] {
        let public = ColumnWidePublic { step, ..public };
        assert!(statement.check(&public, &witness).unwrap_err().0.contains("no step"));
    }
}

#[test]
fn adversary_17_cell_out_of_range_in_a_wide_column() {
    let (statement, chart) = tiny(2);
    let at = places(&statement);
    let whole = Chart::new(STEP, vec![1, 4, 13]).unwrap();
    let broken_by = |chart: &Chart, opened: [i64; 2], parts: (i64, i64)| {
        let parts = [split(opened[0]), parts];
        let (public, witness) = assignment(&statement, chart, &opened, &parts, 2);
        assert!(statement.check(&public, &witness).is_err(), "{opened:?}");
        broken(&statement, &public, &witness)
    };
    // Whatever the parts, and with all of the grid allowed: each way breaks the rule that is there
    // for it.
    assert_eq!(broken_by(&whole, [1, 13], (0, 12)), [at.high_sum]);
    assert_eq!(broken_by(&whole, [1, 13], (3, 9)), [at.low_sum]);
    assert_eq!(broken_by(&whole, [1, 13], (2, 9)), [w1(1), w2(1)]);
    assert_eq!(broken_by(&whole, [1, -1], (-2, 0)), [at.low_sum]);
    assert_eq!(broken_by(&whole, [1, -1], (0, -2)), [at.high_sum]);
    assert_eq!(broken_by(&whole, [1, -1], (0, 0)), [w1(1)]);
    // In the grid, but not allowed.
    assert_eq!(broken_by(&chart, [1, 7], split(7)), [at.bin_sum]);
    // Refused in words before anything is committed.
    let named = ColumnWideWitness::new(
        &statement,
        &chart,
        &[1, 7],
        &[Fr::ONE; BLINDERS],
        Fr::from(FILLER),
        [Fr::ONE; 3],
        Fr::ONE,
    );
    let reason = "row 1: cell 7 is neither missing nor in 1..=6";
    assert_eq!(named.unwrap_err().0, reason);
    // The twin.
    let (public, witness) = assignment(&statement, &chart, &[1, 6], &[split(1), split(6)], 2);
    statement.check(&public, &witness).unwrap();
    assert!(broken(&statement, &public, &witness).is_empty());
}

#[test]
fn adversary_17_short_decomposition_in_a_wide_column() {
    let (statement, chart) = tiny(2);
    let at = places(&statement);
    let broken_by = |cell: i64, parts: (i64, i64)| {
        let (public, witness) = assignment(&statement, &chart, &[1, cell], &[(0, 0), parts], 2);
        assert!(statement.check(&public, &witness).is_err(), "{cell} {parts:?}");
        broken(&statement, &public, &witness)
    };
    // Each of these satisfies every rule but the one.
    assert_eq!(broken_by(2, (0, 0)), [w1(1)], "present twice");
    assert_eq!(broken_by(1, (1, 0)), [w2(1)], "missing with a value");
    assert_eq!(broken_by(0, (-1, 0)), [at.low_sum], "missing counted as present");
    assert_eq!(broken_by(4, (3, 0)), [at.low_sum], "in the wrong bin");
    assert_eq!(broken_by(0, (0, -1)), [at.high_sum], "missing counted as present");
    // The twins.
    for cell in [2, 1, 0, 4] {
        let (public, witness) =
            assignment(&statement, &chart, &[1, cell], &[(0, 0), split(cell)], 2);
        statement.check(&public, &witness).unwrap();
        assert!(broken(&statement, &public, &witness).is_empty());
    }
}

#[test]
fn adversary_17_no_other_parts_satisfy_a_wide_cell() {
    // One row: every cell about the range with every pair of parts. What is accepted is the one
    // decomposition of an allowed cell.
    let (statement, chart) = tiny(1);
    for cell in -2..=14 {
        for (low, high) in (-2..=6).flat_map(|low| (-4..=13).map(move |high| (low, high))) {
            let (public, witness) = assignment(&statement, &chart, &[cell], &[(low, high)], 1);
            let accepted = broken(&statement, &public, &witness).is_empty();
            let expected = (0..=6).contains(&cell) && (low, high) == split(cell);
            assert_eq!(accepted, expected, "{cell} = 1 + {low} + {high}");
        }
    }
}

#[test]
fn adversary_18a_bins_moved_in_a_wide_column() {
    let (statement, chart) = tiny(3);
    let at = places(&statement);
    let witness = honest(&statement, &chart, &[1, 4, 0]);
    let known = known(&statement, &chart, &[1, 4, 0], 3, &witness);
    let mut moved = witness.clone();
    moved.bins[0] -= Fr::ONE;
    moved.bins[1] += Fr::ONE;
    let public = moved.fitting(&known);
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.bin_sum]);
    // By another label, and with a missing cell counted in a bin.
    let mut moved = witness.clone();
    moved.labels[0] = Fr::ONE;
    moved.count();
    let public = ColumnWidePublic { labels: known.labels, ..moved.fitting(&known) };
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.labels]);
    let mut counted = witness.clone();
    counted.bins[0] += Fr::ONE;
    let public = counted.fitting(&known);
    assert!(statement.check(&public, &counted).is_err());
    assert_eq!(broken(&statement, &public, &counted), [at.bin_sum]);
    // By another histogram.
    let mut moved = witness.clone();
    moved.high_counts[1] -= Fr::ONE;
    moved.high_counts[0] += Fr::ONE;
    moved.count();
    let public = moved.fitting(&known);
    assert!(statement.check(&public, &moved).is_err());
    assert_eq!(broken(&statement, &public, &moved), [at.high_sum]);
    // Another summary, or another column, than the opened one.
    let public = ColumnWidePublic { summary: known.summary + Fr::ONE, ..known };
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [at.summary]);
    let public = ColumnWidePublic { column: known.column + Fr::ONE, ..known };
    assert!(statement.check(&public, &witness).is_err());
    assert_eq!(broken(&statement, &public, &witness), [at.column]);
    assert!(broken(&statement, &known, &witness).is_empty());
}

#[test]
fn adversary_17_padding_of_a_wide_column_is_zero() {
    // Opened padding cells that are not zero, whatever small or special parts they are given.
    let (statement, chart) = tiny(2);
    let filler = Fr::from(FILLER);
    let step = Fr::from(STEP);
    let lows: Vec<Fr> = (0..5).map(scalar).chain([filler, step - Fr::ONE - filler]).collect();
    let highs: Vec<Fr> = (0..4).map(|i| scalar(3 * i)).chain([filler - Fr::ONE]).collect();
    for cell in -4..=13 {
        for (low, high) in lows.iter().flat_map(|low| highs.iter().map(move |high| (low, high))) {
            let (public, mut witness) =
                assignment(&statement, &chart, &[1, cell], &[(0, 0), (0, 0)], 1);
            [witness.low[1], witness.high[1]] = [*low, *high];
            // Counts that fit these parts as far as counts can.
            let old = witness.clone();
            for item in [*low, step - Fr::ONE - low] {
                if let Some(i) = (0..5).find(|i| scalar(*i) == item) {
                    witness.low_counts[i as usize] += Fr::ONE;
                }
            }
            if let Some(i) = (0..4).find(|i| scalar(3 * i) == *high) {
                witness.high_counts[i as usize] += Fr::ONE;
            }
            witness.count();
            let public = ColumnWidePublic { summary: witness.fitting(&public).summary, ..public };
            let honest = cell == 0 && old == witness && *low == filler;
            assert_eq!(broken(&statement, &public, &witness).is_empty(), honest, "{cell}");
        }
    }
}

#[test]
fn adversary_18a_special_parts_hide_no_active_cell() {
    // The cell step − 1 as step − 1 − t and t − 1: every rule of the row holds, and its bin does not
    // see it. What it takes is special parts more often than there is padding.
    let (statement, chart) = tiny(2);
    let at = places(&statement);
    let filler = Fr::from(FILLER);
    let mut witness = honest(&statement, &chart, &[2, 2]);
    witness.replace(1, STEP, [2, 0, 0]);
    witness.high_counts[0] -= Fr::ONE;
    witness.low_counts[0] -= Fr::ONE;
    witness.low_counts[2] -= Fr::ONE;
    witness.low[1] = Fr::from(STEP) - Fr::ONE - filler;
    witness.high[1] = filler - Fr::ONE;
    witness.count();
    let public = known(&statement, &chart, &[2, 2], 2, &witness);
    assert!(statement.check(&public, &witness).is_err(), "a cell is in no bin");
    assert_eq!(broken(&statement, &public, &witness), [at.low_sum, at.high_sum]);
    // With a row of padding in the multiplicities, but none in the column, it would pass: the number
    // is the verifier's.
    let public = ColumnWidePublic { padding: 1, ..public };
    assert!(broken(&statement, &public, &witness).is_empty());
    assert!(statement.check(&public, &witness).is_err());
}

#[test]
fn adversary_17_words_and_circuit_agree_on_every_wide_table() {
    // Every table of up to three rows over cells about the range, with every number of active rows.
    for rows in 1..=3usize {
        let (statement, chart) = tiny(rows);
        let cells: &[i64] =
            if rows < 3 { &[-1, 0, 1, 2, 3, 4, 5, 6, 7, 13] } else { &[0, 1, 3, 4, 7] };
        let tables = (0..rows).fold(vec![Vec::new()], |tables: Vec<Vec<i64>>, _| {
            let longer = |table: &Vec<i64>| {
                cells.iter().map(|cell| [table.as_slice(), &[*cell]].concat()).collect::<Vec<_>>()
            };
            tables.iter().flat_map(longer).collect()
        });
        for (opened, active) in
            tables.iter().flat_map(|table| (0..=rows).map(move |active| (table, active)))
        {
            let parts: Vec<(i64, i64)> = opened.iter().map(|cell| split(*cell)).collect();
            let (public, witness) = assignment(&statement, &chart, opened, &parts, active);
            let truth = opened[..active].iter().all(|cell| (0..=6).contains(cell))
                && opened[active..].iter().all(|cell| *cell == 0);
            let accepted = broken(&statement, &public, &witness).is_empty();
            assert_eq!(accepted, truth, "{opened:?} {active}");
            assert_eq!(statement.check(&public, &witness).is_ok(), truth, "{opened:?} {active}");
            if truth {
                // By hand: bins 1..=3 and 4..=6.
                let mut by_hand = Summary::default();
                for cell in opened[..active].iter().map(|cell| *cell as u64) {
                    let (present, large) = (u64::from(cell > 0), u64::from(cell > 3));
                    by_hand.count += present;
                    by_hand.missing += 1 - present;
                    by_hand.sum += u128::from(cell);
                    by_hand.sum_squares += u128::from(cell * cell);
                    by_hand.bins[0] += present - large;
                    by_hand.bins[1] += large;
                }
                let cells: Vec<u64> = opened[..active].iter().map(|cell| *cell as u64).collect();
                assert_eq!(chart.summary(&cells).unwrap(), by_hand);
                let bins = by_hand.bins.map(Fr::from);
                assert_eq!(witness.bins, bins);
                let value = evaluate(&by_hand.coefficients(&witness.blinders), public.zeta);
                let verifier = statement
                    .public(&chart, active, public.filler, public.zeta, Fr::ZERO, value)
                    .unwrap();
                assert_eq!(verifier.summary, public.summary);
            }
        }
    }
}

#[test]
fn every_committed_value_is_bound() {
    let (statement, chart) = tiny(3);
    let witness = honest(&statement, &chart, &[2, 0]);
    let public = known(&statement, &chart, &[2, 0, 0], 2, &witness);
    assert!(broken(&statement, &public, &witness).is_empty());
    type List = fn(&mut ColumnWideWitness) -> &mut [Fr];
    let lists: [List; 8] = [
        |witness| &mut witness.values,
        |witness| &mut witness.low,
        |witness| &mut witness.high,
        |witness| &mut witness.low_counts,
        |witness| &mut witness.high_counts,
        |witness| &mut witness.labels,
        |witness| &mut witness.bins,
        |witness| &mut witness.blinders,
    ];
    for list in lists {
        for i in 0..list(&mut witness.clone()).len() {
            let mut other = witness.clone();
            list(&mut other)[i] += Fr::ONE;
            assert!(!broken(&statement, &public, &other).is_empty());
        }
    }
}
