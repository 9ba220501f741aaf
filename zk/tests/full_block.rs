//! One bundle of a whole block, one column of each kind and l-diversity in each order, timed. Needs the
//! largest keys, which take minutes to generate once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod columns;

use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{BlockClaims, BundleContext};
use galen_zk::circuit::column_small::ColumnSmall;
use galen_zk::circuit::column_wide::ColumnWide;
use galen_zk::circuit::k_anonymity::BLOCK_ROWS;
use galen_zk::circuit::l_diversity::{
    LDiversity, LDiversityOpenings, LDiversityPublic, LDiversityWitness, Order,
};
use galen_zk::commitment::{BLINDERS, Column, evaluate};
use galen_zk::committed;
use galen_zk::field::hash_to_scalar;
use galen_zk::proof::ProofError;
use galen_zk::setup::shape;
use galen_zk::statement::Statement;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

#[test]
fn a_whole_block_is_proven_in_seconds() {
    let prover = columns::prover();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let time = |what: &str, start: Instant| println!("{what}: {} ms", start.elapsed().as_millis());

    let start = Instant::now();
    let powers = prover.powers().unwrap();
    time("powers of tau", start);

    let rows = BLOCK_ROWS - 100;
    let class = |row: usize| (row / 12) as u64;
    let columns: Vec<Vec<u64>> = (0..6)
        .map(|column| {
            (0..rows)
                .map(|row| {
                    class(row) * (column + 1) % [2, 90, 400, 9_000, 2, 70_000][column as usize] + 1
                })
                .collect()
        })
        .collect();
    let blinders: Vec<[Fr; BLINDERS]> =
        columns.iter().map(|_| std::array::from_fn(|_| Fr::rand(&mut rng))).collect();
    let witness: Vec<Column<'_>> = columns
        .iter()
        .zip(&blinders)
        .map(|(cells, blinders)| Column { cells, blinders: *blinders })
        .collect();
    let start = Instant::now();
    let commitments =
        witness.iter().map(|column| powers.commit(BLOCK_ROWS, column).unwrap()).collect();
    time("six commitments", start);

    let context = BundleContext { package: [1; 32], institution: [2; 32], table: 0, block: 0 };
    let claims = BlockClaims {
        commitments,
        block_rows: BLOCK_ROWS as u32,
        rows: rows as u32,
        quasi_identifiers: (0..6).collect(),
        k: 8,
        diversity: Vec::new(),
        columns: Vec::new(),
    };
    let start = Instant::now();
    let proven = prover
        .prove_bundle(&context, &claims, &witness, &mut rng, &|step| {
            println!("{step:?} at {} ms", start.elapsed().as_millis());
        })
        .unwrap();
    time("bundle", start);
    let start = Instant::now();
    prover.verifier().verify_bundle(&context, &claims, &proven.bundle).unwrap();
    time("verification", start);
    println!("{} bytes", borsh::to_vec(&proven.bundle).unwrap().len());
}

fn a_column_is_proven<S: Statement>(case: &columns::Case<S>, domain: usize) {
    let statement = &case.statement;
    let name = statement.circuit().0;
    let shape = shape(statement).unwrap();
    assert_eq!(shape.domain, domain, "{name}");
    let fill = shape.rows() as f64 / domain as f64;
    println!("{name}: {} rows of the domain, {fill:.5} of it", shape.rows());

    let prover = columns::prover();
    let start = Instant::now();
    let key = prover.key(statement.circuit()).unwrap();
    println!("key: {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    let commitment = committed::commit(statement, &key, &case.witness).unwrap();
    println!("commitment: {} ms", start.elapsed().as_millis());
    let zeta = columns::challenge(&commitment);
    let public = case.public(zeta, &case.summary.coefficients(&case.blinders));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let start = Instant::now();
    let proof = committed::prove(statement, &key, &public, &case.witness, &mut rng).unwrap();
    println!("proof: {} ms", start.elapsed().as_millis());
    let verifying = prover.verifier().key(statement.circuit()).unwrap();
    committed::verify(statement, verifying, &public, &commitment, &proof).unwrap();
    // Not of a summary with one cell more in some bin.
    let mut other = case.summary.coefficients(&case.blinders);
    other[7] += Fr::from(1u64);
    let other = case.public(zeta, &other);
    assert!(committed::verify(statement, verifying, &other, &commitment, &proof).is_err());
}

#[test]
fn a_whole_small_column_is_proven() {
    a_column_is_proven(&columns::small_case(ColumnSmall::FULL, BLOCK_ROWS - 100, 6_500), 1 << 17);
}

#[test]
fn a_whole_wide_column_is_proven() {
    a_column_is_proven(&columns::wide_case(ColumnWide::FULL, BLOCK_ROWS - 100, 26_000), 1 << 19);
}

/// Classes of eight rows with codes over the whole table: at least four values in each, in tail order
/// if asked to; the last rows are padding. Then one proof.
fn l_diversity(order: Order) {
    let prover = columns::prover();
    let time = |what: &str, start: Instant| println!("{what}: {} ms", start.elapsed().as_millis());
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let statement = LDiversity { rows: BLOCK_ROWS, order };
    let largest = u64::from(statement.largest_code());
    let (active, l) = (BLOCK_ROWS - 104, 4);
    let combined: Vec<Fr> = {
        let classes: Vec<Fr> = (0..active / 8).map(|_| Fr::rand(&mut rng)).collect();
        (0..active).map(|row| classes[row / 8]).collect()
    };
    let cells: Vec<u64> = (0..active as u64)
        .map(|row| {
            // The first class has the largest code.
            let base = (row / 8 * 7_919 + largest - 4) % (largest - 3);
            let tail = [0, base + 1, base + 1, 0, base + 4, base + 3, base + 2, base + 1];
            let any = [base + 1, 0, base + 4, base + 1, base + 3, 0, base + 2, base + 2];
            let row = (row % 8) as usize;
            if order == Order::Tail { tail[row] } else { any[row] }
        })
        .collect();
    assert!(cells.contains(&largest));
    let mut blinders = || -> [Fr; BLINDERS] { std::array::from_fn(|_| Fr::rand(&mut rng)) };
    let of_classes = blinders();
    let sensitive = Column { cells: &cells, blinders: blinders() };
    let (padding, mask) = (Fr::rand(&mut rng), Fr::rand(&mut rng));

    let start = Instant::now();
    let key = prover.key(statement.circuit()).unwrap();
    time("key", start);
    let start = Instant::now();
    let witness =
        LDiversityWitness::new(&statement, l, &combined, &of_classes, &sensitive, padding, mask)
            .unwrap();
    time("witness", start);
    let start = Instant::now();
    let commitment = committed::commit(&statement, &key, &witness).unwrap();
    time("commitment", start);
    let zeta = hash_to_scalar("test/challenge", &[&commitment.values.to_bytes()]);
    let mut column = combined.clone();
    column.resize(BLOCK_ROWS, Fr::from(0));
    column.extend(of_classes);
    let openings = LDiversityOpenings {
        active,
        padding,
        combined: evaluate(&column, zeta),
        sensitive: evaluate(&sensitive.coefficients(BLOCK_ROWS), zeta),
    };
    let public = LDiversityPublic::new(&statement, l, zeta, &openings);
    let start = Instant::now();
    let witness = witness.at(&statement, zeta);
    let proof = committed::prove(&statement, &key, &public, &witness, &mut rng).unwrap();
    time("proof", start);
    let start = Instant::now();
    let verifying = prover.verifier().key(statement.circuit()).unwrap();
    committed::verify(&statement, verifying, &public, &commitment, &proof).unwrap();
    time("verification", start);
    // The same proof says nothing of one value more.
    let more = LDiversityPublic { l: l + 1, ..public };
    let refused = committed::verify(&statement, verifying, &more, &commitment, &proof);
    assert_eq!(refused, Err(ProofError::Invalid));
}

#[test]
fn l_diversity_of_a_whole_block_in_tail_order() {
    l_diversity(Order::Tail);
}

#[test]
fn l_diversity_of_a_whole_block_in_any_order() {
    l_diversity(Order::Any);
}
