//! Proving and verifying.

use std::process::Command;
use std::time::Duration;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{BlockClaims, BundleContext};
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::k_anonymity::BLOCK_ROWS;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::keys::Prover;
use galen_zk::proof;
use galen_zk::setup::generate;
use galen_zk::statement::Statement;
use rand::rngs::OsRng;

use crate::hashed::{COLUMNS, Hashed};
use crate::report::{Report, median, ms, peak_memory, short};

/// The argument that makes this program prove a block, and nothing else.
pub const BLOCK: &str = "one-block";
/// The argument that makes it prove the peer's block.
pub const HASHED_BLOCK: &str = "one-hashed-block";

const K: u32 = 11;
/// Rows that the peer proves: a domain of 2^15, as six columns hashed in circuit take 58 constraints
/// a row.
const HASHED_ROWS: usize = 500;

/// A prover that keeps keys where the program does.
pub fn prover() -> Prover {
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir);
    let directory = std::env::var_os("GALEN_PARAMS")
        .map_or_else(|| home().join(".cache/galen/params"), Into::into);
    Prover::development(directory).unwrap()
}

fn plain<S: Statement>(report: &mut Report, prover: &Prover, name: &str, statement: &S) {
    let (public, witness) = statement.example();
    let prove = || prover.prove(statement, &public, &witness, &mut OsRng).unwrap();
    let proof = prove();
    let time = median(5, || {
        prove();
    });
    report.time(&format!("{name}: proof"), Duration::from_millis(300), time);
    let verify = || prover.verifier().verify(statement, &public, &proof).unwrap();
    report.time(&format!("{name}: verification"), Duration::from_millis(5), median(9, verify));
}

/// The numbers that a child prints.
pub fn child(part: &str) -> Vec<f64> {
    let output = Command::new(std::env::current_exe().unwrap()).arg(part).output().unwrap();
    assert!(output.status.success(), "{part}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter_map(|n| n.parse().ok()).collect()
}

/// What a child says of its block: milliseconds to prove and to verify, and megabytes.
fn block_of(part: &str) -> (Duration, Duration, f64) {
    let numbers = child(part);
    let [prove, verify, memory] = numbers[..] else { panic!("{part}: {numbers:?}") };
    (Duration::from_secs_f64(prove / 1e3), Duration::from_secs_f64(verify / 1e3), memory)
}

fn say(prove: Duration, verify: Duration) {
    let [prove, verify] = [prove, verify].map(|time| time.as_secs_f64() * 1e3);
    println!("{prove} {verify} {}", peak_memory().unwrap_or(0.0));
}

/// Proves and verifies a full block of six quasi-identifiers in classes of a dozen rows.
pub fn block() {
    let prover = prover();
    let rows = u32::try_from(BLOCK_ROWS).unwrap();
    let cells: Vec<Vec<u64>> = (0..COLUMNS as u64)
        .map(|column| (0..u64::from(rows)).map(|row| 1 + (row / 12) % (7 + 10 * column)).collect())
        .collect();
    let columns: Vec<Column<'_>> = cells
        .iter()
        .map(|cells| Column { cells, blinders: [(); BLINDERS].map(|()| Fr::rand(&mut OsRng)) })
        .collect();
    let powers = prover.powers().unwrap();
    let commitments =
        columns.iter().map(|column| powers.commit(BLOCK_ROWS, column).unwrap()).collect();
    let context = BundleContext { package: [1; 32], institution: [2; 32], table: 0, block: 0 };
    let claims = BlockClaims {
        commitments,
        block_rows: rows,
        rows,
        quasi_identifiers: (0..COLUMNS as u32).collect(),
        k: K,
        diversity: Vec::new(),
        columns: Vec::new(),
    };
    let prove = || prover.prove_bundle(&context, &claims, &columns, &mut OsRng, &|_| ()).unwrap();
    let bundle = prove().bundle;
    let time = median(3, || drop(prove()));
    let verify = || {
        prover.verifier().verify_bundle(&context, &claims, &bundle).unwrap();
    };
    say(time, median(9, verify));
}

/// Proves and verifies the peer's statement.
pub fn hashed_block() {
    let statement = Hashed { rows: HASHED_ROWS };
    let key = generate(&statement).unwrap();
    let verifier = key.verifying_key(statement.circuit().0).unwrap();
    let (public, rows) = statement.statement(K);
    let prove = || proof::prove(&statement, &key, &public, &rows, &mut OsRng).unwrap();
    let made = prove();
    let time = median(3, || {
        prove();
    });
    let verify = || proof::verify(&statement, &verifier, &public, &made).unwrap();
    say(time, median(9, verify));
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part("k-anonymity, six quasi-identifiers, k = 11");
    let rate =
        |rows: usize, time: Duration| format!("{} rows/s", short(rows as f64 / time.as_secs_f64()));
    let (prove, verify, memory) = block_of(BLOCK);
    report.time("a block of 32,760 rows: proof bundle", Duration::from_secs(3), prove);
    report.note("", &rate(BLOCK_ROWS, prove));
    report.note("peak memory, key included", &format!("{memory:.0} MB"));
    report.time("its verification", Duration::from_millis(5), verify);
    let (prove, verify, memory) = block_of(HASHED_BLOCK);
    report.note("peer: cells hashed in circuit, 500 rows: proof", &ms(prove));
    report.note("", &rate(HASHED_ROWS, prove));
    report.note("peak memory, key and its making included", &format!("{memory:.0} MB"));
    report.note("its verification", &ms(verify));

    report.part("Other statements");
    let prover = prover();
    plain(report, &prover, "credential", &Credential::default());
    plain(report, &prover, "key envelope", &KeyEnvelope::default());
    plain(report, &prover, "segment key", &SegmentKey);
}
