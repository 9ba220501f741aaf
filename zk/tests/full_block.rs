//! One bundle of a whole block, timed. Needs the largest key, which takes a minute to generate once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{BlockClaims, BundleContext};
use galen_zk::circuit::k_anonymity::BLOCK_ROWS;
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::keys::Prover;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

#[test]
fn a_whole_block_is_proven_in_seconds() {
    let directory = std::env::var_os("GALEN_PARAMS")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/galen/params")));
    let prover = Prover::development(directory.unwrap()).unwrap();
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
    };
    let start = Instant::now();
    let bundle = prover
        .prove_bundle(&context, &claims, &witness, &mut rng, &|step| {
            println!("{step:?} at {} ms", start.elapsed().as_millis());
        })
        .unwrap();
    time("bundle", start);
    let start = Instant::now();
    prover.verifier().verify_bundle(&context, &claims, &bundle).unwrap();
    time("verification", start);
    println!("{} bytes", borsh::to_vec(&bundle).unwrap().len());
}
