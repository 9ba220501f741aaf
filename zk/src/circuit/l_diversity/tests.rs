#![allow(clippy::unwrap_used)]

mod adversary;
mod exhaustive;

use ark_ff::{AdditiveGroup, Field};
use proptest::prelude::*;

use super::*;
use crate::commitment::evaluate;
use crate::setup::shape;
use crate::testing::{Assignment, broken};

const ZETA: u64 = 0x1234_5678_9abc_def1;
const ORDERS: [Order; 2] = [Order::Tail, Order::Any];

fn blinders(seed: u64) -> [Fr; BLINDERS] {
    std::array::from_fn(|j| Fr::from(900_001 + seed + 17 * j as u64))
}

/// A class as a random combination of quasi-identifiers has it: far from every code.
fn class(number: u64) -> Fr {
    Fr::from(number + 1) * Fr::from(0xfeed_beef_0123_4567u64).square()
}

fn numbers(values: &[i64]) -> Vec<Fr> {
    let number = |value: &i64| match *value {
        value if value < 0 => -Fr::from(value.unsigned_abs()),
        value => Fr::from(value.unsigned_abs()),
    };
    values.iter().map(number).collect()
}

type Parts = (LDiversity, LDiversityPublic, LDiversityWitness);

/// A statement about a table of any kind, with the openings that fit it and a view if one is needed.
fn table(order: Order, l: u32, values: &[Fr], cells: &[i64], view: &[i64]) -> Parts {
    let statement = LDiversity { rows: values.len(), order };
    let values = [values, &blinders(0)].concat();
    let cells = [numbers(cells), blinders(5).to_vec()].concat();
    let view = if order == Order::Any { numbers(view) } else { Vec::new() };
    let mask = Fr::from(5u64);
    let witness = LDiversityWitness::assemble(&statement, l, &values, cells, view, mask);
    opened(statement, l, witness)
}

/// The openings and free values for a witness that may have been changed.
fn opened(statement: LDiversity, l: u32, witness: LDiversityWitness) -> Parts {
    let zeta = Fr::from(ZETA);
    let witness = witness.at(&statement, zeta);
    let (y_q, y_s) = witness.evaluations(&statement, zeta);
    (statement, LDiversityPublic { l, zeta, y_q, y_s }, witness)
}

/// Classes by number.
fn classes(numbers: &[u64]) -> Vec<Fr> {
    numbers.iter().map(|number| class(*number)).collect()
}

/// What an honest prover makes of a table.
fn honest(order: Order, l: u32, classes: &[Fr], cells: &[u64]) -> Result<Parts, Unsatisfied> {
    let statement = LDiversity { rows: classes.len(), order };
    let sensitive = Column { cells, blinders: blinders(5) };
    let witness = LDiversityWitness::new(
        &statement,
        l,
        classes,
        &blinders(0),
        &sensitive,
        class(1_000),
        Fr::from(5u64),
    )?;
    Ok(opened(statement, l, witness))
}

/// Whether the system accepts an assignment.
fn accepted((statement, public, witness): &Parts) -> bool {
    broken(statement, public, witness).is_empty()
}

#[test]
fn rows_just_fit_the_domain() {
    for (rows, order, codes, domain) in [
        (SMALL_BLOCK_ROWS, Order::Tail, 3_072, 1 << 14),
        (SMALL_BLOCK_ROWS, Order::Any, 1_536, 1 << 14),
        (BLOCK_ROWS, Order::Tail, 65_536, 1 << 19),
        (BLOCK_ROWS, Order::Any, 32_768, 1 << 19),
    ] {
        let statement = LDiversity { rows, order };
        assert_eq!(statement.largest_code(), codes);
        let shape = shape(&statement).unwrap();
        let codes = codes as usize;
        assert_eq!(shape.inputs, 4);
        let (committed, used) = match order {
            Order::Tail => (3 * rows + codes + 16, 10 * rows + 2 * codes + 32),
            Order::Any => (4 * rows + codes + 16, 13 * rows + 2 * codes + 32),
        };
        assert_eq!(shape.committed, committed);
        assert_eq!(shape.rows(), used);
        assert_eq!(shape.domain, domain);
        // More than half full, else the domain would be smaller; small blocks to the brim.
        assert!(rows == BLOCK_ROWS || used * 100 > domain * 99);
        // Every chain of l codes stays far below the field's order.
        assert!((codes as u64).checked_mul(1 << 16).is_some());
    }
}

#[test]
fn the_challenge_alone_multiplies_full_size_values() {
    // The second matrix is the expensive one: in tail order it holds small numbers and public values;
    // in any order the combined column too, of which one of two factors has to be there.
    for order in ORDERS {
        let statement = LDiversity { rows: 12, order };
        let (public, witness) = statement.example();
        let circuit = Assignment::new(&statement, &public, &witness);
        let rows = statement.rows;
        let cells = 5 + rows + BLINDERS;
        let view = cells + rows + BLINDERS;
        let slacks = view + if order == Order::Any { rows } else { 0 };
        let allowed = |index: usize| {
            let of_class = (5..5 + rows).contains(&index) && order == Order::Any;
            let of_cell = (cells..cells + rows).contains(&index);
            let of_slack = (view..slacks + rows - 1).contains(&index);
            let counter = (circuit.instance..circuit.instance + rows - 2).contains(&index);
            index < 5 || of_class || of_cell || of_slack || counter
        };
        for index in circuit.second() {
            assert!(allowed(index), "{order:?}: variable {index}");
        }
    }
}

#[test]
fn honest_classes_satisfy() {
    for (order, l, of, cells) in [
        (Order::Tail, 2, vec![1, 1, 1, 2, 2, 3, 3], vec![0, 2, 1, 3, 2, 3, 1]),
        (Order::Tail, 3, vec![1, 1, 1, 1], vec![3, 9, 6, 3]),
        (Order::Tail, 1, vec![1, 2, 3], vec![1, 2, 3]),
        (Order::Any, 2, vec![1, 1, 1, 2, 2, 3, 3], vec![1, 0, 2, 2, 3, 1, 3]),
        (Order::Any, 3, vec![1, 1, 1, 1], vec![3, 3, 9, 6]),
        (Order::Any, 2, vec![1, 1, 2, 2, 1, 1], vec![1, 2, 1, 2, 2, 1]),
    ] {
        let (statement, public, witness) = honest(order, l, &classes(&of), &cells).unwrap();
        statement.check(&public, &witness).unwrap();
        assert_eq!(
            broken(&statement, &public, &witness),
            [0usize; 0],
            "{order:?} {l} {of:?} {cells:?}"
        );
    }
    for order in ORDERS {
        let example = LDiversity { rows: SMALL_BLOCK_ROWS, order };
        let (public, witness) = example.example();
        example.check(&public, &witness).unwrap();
        assert_eq!(broken(&example, &public, &witness), [0usize; 0]);
    }
}

#[test]
fn the_largest_code_is_provable_and_one_more_is_not() {
    for order in ORDERS {
        let largest = u64::from(largest_code(4, order));
        let rows = classes(&[1, 1, 2, 2]);
        assert!(accepted(&honest(order, 1, &rows, &[7, largest, 8, 1]).unwrap()));
        let refused = honest(order, 2, &rows, &[largest + 2, 1, 2, 1]).unwrap_err();
        assert!(refused.0.contains("rows 0 to 1 have codes further apart than 3"), "{refused}");
        // As assembled all the same, its slack is in no table: the sums of L5 differ.
        let forged =
            table(order, 2, &rows, &[largest as i64 + 2, 1, 2, 1], &[largest as i64 + 2, 1, 2, 1]);
        assert_eq!(broken(&forged.0, &forged.1, &forged.2), [adversary::l5_sum(4)]);
    }
}

#[test]
fn refusals_name_the_class() {
    let rows = classes(&[1, 1, 2, 2, 2, 3, 3]);
    let refused = |order, cells: &[u64]| honest(order, 2, &rows, cells).unwrap_err().0;
    for order in ORDERS {
        assert!(honest(order, 2, &rows, &[2, 1, 0, 3, 1, 9, 0]).is_err());
        let words = refused(order, &[2, 1, 0, 3, 3, 2, 1]);
        assert!(words.contains("rows 2 to 4 have 1 different values"), "{words}");
    }
    let words = refused(Order::Tail, &[2, 1, 3, 2, 3, 2, 1]);
    assert!(words.contains("rows 2 to 4 do not end with 2 different values"), "{words}");
    assert!(honest(Order::Any, 2, &rows, &[2, 1, 3, 2, 3, 2, 1]).is_ok());
    for order in ORDERS {
        let cells = [2, 1, 3, 2, 1, 2, 1];
        let refused = |statement: LDiversity, l, rows: &[Fr], cells: &[u64]| {
            let sensitive = Column { cells, blinders: blinders(5) };
            let (mask, padding) = (Fr::ONE, class(9));
            LDiversityWitness::new(&statement, l, rows, &blinders(0), &sensitive, padding, mask)
                .unwrap_err()
                .0
        };
        let block = |rows| LDiversity { rows, order };
        assert_eq!(refused(block(7), 0, &rows, &cells), "l is zero");
        assert!(refused(block(6), 2, &rows, &cells).contains("do not fit a block of 6 rows"));
        assert!(refused(block(7), 2, &rows, &cells[1..]).contains("do not fit"));
        assert!(refused(block(8), 2, &rows, &cells).contains("1 padding rows"));
        let (statement, mut public, witness) = honest(order, 2, &rows, &cells).unwrap();
        statement.check(&public, &witness).unwrap();
        public.l = 0;
        assert_eq!(statement.check(&public, &witness).unwrap_err().0, "l is zero");
        let other = LDiversity { rows: 6, order };
        assert!(other.check(&public, &witness).is_err());
    }
}

#[test]
fn public_values_are_those_of_the_opened_columns() {
    // The verifier knows evaluations of columns whose padding is missing, and adds what it is.
    let (rows, l) = (12, 2);
    for order in ORDERS {
        for active in [2u64, 5, 10, 12] {
            let statement = LDiversity { rows, order };
            // Classes of two, the last one of two or three.
            let of: Vec<Fr> = (0..active).map(|r| class(r.min(active - 2) / 2)).collect();
            let cells: Vec<u64> =
                (0..active).map(|r| if r + 1 == active || r % 2 == 1 { 1 } else { 2 }).collect();
            let cells: Vec<u64> = if active == 5 { vec![2, 1, 5, 3, 2] } else { cells };
            let sensitive = Column { cells: &cells, blinders: blinders(9) };
            let padding = class(77);
            let witness = LDiversityWitness::new(
                &statement,
                l,
                &of,
                &blinders(3),
                &sensitive,
                padding,
                Fr::from(5u64),
            )
            .unwrap();
            let mut combined = of.clone();
            combined.resize(rows, Fr::ZERO);
            combined.extend(blinders(3));
            for zeta in [Fr::from(ZETA), Fr::ONE, -Fr::from(7u64)] {
                let openings = LDiversityOpenings {
                    active: active as usize,
                    padding,
                    combined: evaluate(&combined, zeta),
                    sensitive: evaluate(&sensitive.coefficients(rows), zeta),
                };
                let public = LDiversityPublic::new(&statement, l, zeta, &openings);
                let witness = witness.clone().at(&statement, zeta);
                statement.check(&public, &witness).unwrap();
                assert_eq!(
                    (public.y_q, public.y_s),
                    witness.evaluations(&statement, zeta),
                    "{order:?} {active} {zeta}"
                );
                // A challenge that is a code makes a quotient impossible; others do not.
                if zeta != Fr::ONE {
                    assert_eq!(broken(&statement, &public, &witness), [0usize; 0]);
                }
                // Another number of active rows is another claim.
                let other = LDiversityOpenings { active: active as usize - 1, ..openings };
                let other = LDiversityPublic::new(&statement, l, zeta, &other);
                assert!(statement.check(&other, &witness).is_err());
            }
        }
    }
}

#[test]
fn rows_other_than_the_opened_ones_are_refused() {
    for order in ORDERS {
        let (statement, public, witness) =
            honest(order, 2, &classes(&[1, 1, 2, 2]), &[2, 1, 2, 1]).unwrap();
        statement.check(&public, &witness).unwrap();
        for change in [
            LDiversityPublic { y_q: public.y_q + Fr::ONE, ..public },
            LDiversityPublic { y_s: public.y_s + Fr::ONE, ..public },
        ] {
            assert!(statement.check(&change, &witness).is_err());
            assert_eq!(broken(&statement, &change, &witness).len(), 1);
        }
    }
}

#[test]
fn every_committed_value_is_bound() {
    // Another value for any committed one breaks something, were it committed; the mask alone is free.
    for order in ORDERS {
        let statement = LDiversity { rows: 6, order };
        let (public, witness) = statement.example();
        let mut circuit = Assignment::new(&statement, &public, &witness);
        assert_eq!(circuit.broken(), [0usize; 0]);
        for at in 1..circuit.instance {
            let honest = circuit.values[at];
            for value in [honest + Fr::ONE, honest - Fr::ONE, Fr::from(ZETA + 1)] {
                circuit.values[at] = value;
                assert_eq!(circuit.broken().is_empty(), at + 1 == circuit.instance, "{at}");
            }
            circuit.values[at] = honest;
        }
    }
}

proptest! {
    #[test]
    fn circuit_and_words_agree(
        rows in proptest::collection::vec((0u64..3, 0i64..5), 2..30),
        l in 1u32..4,
        any in any::<bool>(),
    ) {
        let order = if any { Order::Any } else { Order::Tail };
        let mut rows = rows;
        rows.sort_unstable_by_key(|(class, cell)| (*class, -*cell));
        let of: Vec<Fr> = rows.iter().map(|row| class(row.0)).collect();
        let cells: Vec<i64> = rows.iter().map(|row| row.1).collect();
        let codes: Vec<u64> = cells.iter().map(|cell| cell.unsigned_abs()).collect();
        let made = honest(order, l, &of, &codes);
        // In tail order with the rows as they stand as the view, whatever the order.
        let (statement, public, witness) = match &made {
            Ok(parts) => parts.clone(),
            Err(_) => table(order, l, &of, &cells, &cells),
        };
        let truth = statement.check(&public, &witness).is_ok();
        prop_assert_eq!(broken(&statement, &public, &witness).is_empty(), truth);
        prop_assert_eq!(made.is_ok(), truth);
    }
}
