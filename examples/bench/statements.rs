//! Statements about tables: each alone against arkworks' prover, a batch of proofs, k-anonymity of many
//! rows, and a whole listing.

use std::time::{Duration, Instant};

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{BlockClaims, BundleContext};
use galen_zk::circuit::column_small::ColumnSmall;
use galen_zk::circuit::column_wide::ColumnWide;
use galen_zk::circuit::k_anonymity::{BLOCK_ROWS, KAnonymity};
use galen_zk::circuit::l_diversity::{LDiversity, Order};
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::committed;
use galen_zk::keys::{Index, Prover};
use galen_zk::statement::Statement;
use rand::rngs::OsRng;

use crate::proofs::prover;
use crate::report::{Report, median, ms, peak_memory, short};

/// The argument that makes this program prove k-anonymity of so many rows, and nothing else.
pub const LISTING: &str = "many-rows";

const K: u32 = 11;
/// Rows of a class; full blocks hold whole classes.
const CLASS: u64 = 15;
const COLUMNS: u32 = 5;
/// Rows of the listing unless `BENCH_ROWS` says otherwise.
const ROWS: usize = 1_000_000;

fn rows_a_second(time: Duration) -> String {
    format!("{} rows/s", short(BLOCK_ROWS as f64 / time.as_secs_f64()))
}

/// One statement about a full block: domain, constraints a row, rows a second; then arkworks' prover
/// with the same key and witness.
fn statement<S: Statement>(
    report: &mut Report,
    prover: &Prover,
    name: &str,
    statement: &S,
    domain: usize,
) {
    let frozen = Index::embedded().unwrap();
    let frozen = frozen.circuit(statement.circuit().0).unwrap();
    let a_row = frozen.constraints as f64 / BLOCK_ROWS as f64;
    report.number(&format!("{name}: rows of the domain"), domain, frozen.domain);
    report.note("constraints a row", &format!("{a_row:.2}"));
    let key = prover.key(statement.circuit()).unwrap();
    let (public, witness) = statement.example();
    let ours = median(3, || {
        committed::commit(statement, &key, &witness).unwrap();
        committed::prove(statement, &key, &public, &witness, &mut OsRng).unwrap();
    });
    report.note("proof, commitment included", &ms(ours));
    report.note("", &rows_a_second(ours));
    let alone = median(3, || {
        committed::prove(statement, &key, &public, &witness, &mut OsRng).unwrap();
    });
    let stock = median(1, || {
        key.prove_stock(statement, &public, &witness, &mut OsRng).unwrap();
    });
    report.note("peer: ark-groth16, the same key and witness", &ms(stock));
    let times = stock.as_secs_f64() / alone.as_secs_f64();
    report.rate("times as fast", 1.5, times, "x");
}

/// A batch of proofs against the same proofs one by one.
fn batch(report: &mut Report, prover: &Prover) {
    const PROOFS: usize = 64;
    report.part("A batch of 64 proofs");
    let (public, witness) = SegmentKey.example();
    let proof = prover.prove(&SegmentKey, &public, &witness, &mut OsRng).unwrap();
    let verifier = prover.verifier();
    let key = verifier.key(SegmentKey.circuit()).unwrap();
    let proofs: Vec<_> = (0..PROOFS).map(|_| proof.rerandomised(key, &mut OsRng)).collect();
    let single = median(3, || {
        for proof in &proofs {
            verifier.verify(&SegmentKey, &public, proof).unwrap();
        }
    });
    report.note("one by one", &ms(single));
    let together = median(5, || {
        let mut batch = verifier.batch();
        for proof in &proofs {
            let (inputs, proof) = (SegmentKey.inputs(&public), *proof);
            batch.push(galen_zk::batch::Item::Plain { key, inputs, proof });
        }
        batch.verify_all().unwrap();
    });
    report.note("together", &ms(together));
    report.rate("times as fast", 3.0, single.as_secs_f64() / together.as_secs_f64(), "x");
}

/// Five quasi-identifiers that tell classes of fifteen apart.
fn cell(column: u32, row: u64) -> u64 {
    let class = row / CLASS;
    match column {
        0 => 1 + class % 18,
        1 => 1 + class / 18 % 2,
        2 => 1 + class / 36 % 900,
        3 => 1 + class / 32_400 % 12,
        _ => 1 + class % 7,
    }
}

fn wanted_rows() -> usize {
    std::env::var("BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS)
}

/// Proves k-anonymity alone of a table, block by block, and prints milliseconds, megabytes and blocks.
pub fn listing() {
    let prover = prover();
    let powers = prover.powers().unwrap();
    let mut time = Duration::ZERO;
    let (total, mut done, mut blocks) = (wanted_rows(), 0, 0u32);
    while done < total {
        // The rest of the last block is padding, or a class would be cut.
        let rows = (total - done).min(BLOCK_ROWS);
        let rows = rows - rows % CLASS as usize;
        if rows == 0 {
            break;
        }
        let cells: Vec<Vec<u64>> = (0..COLUMNS)
            .map(|column| {
                let start = u64::from(blocks) * BLOCK_ROWS as u64;
                (0..rows as u64).map(|row| cell(column, start + row)).collect()
            })
            .collect();
        let columns: Vec<Column<'_>> = cells
            .iter()
            .map(|cells| Column { cells, blinders: [(); BLINDERS].map(|()| Fr::rand(&mut OsRng)) })
            .collect();
        let commitments = columns.iter().map(|c| powers.commit(BLOCK_ROWS, c).unwrap()).collect();
        let claims = BlockClaims {
            commitments,
            block_rows: u32::try_from(BLOCK_ROWS).unwrap(),
            rows: u32::try_from(rows).unwrap(),
            quasi_identifiers: (0..COLUMNS).collect(),
            k: K,
            diversity: Vec::new(),
            columns: Vec::new(),
        };
        let place =
            BundleContext { package: [1; 32], institution: [2; 32], table: 0, block: blocks };
        let prove =
            || drop(prover.prove_bundle(&place, &claims, &columns, &mut OsRng, &|_| ()).unwrap());
        // The key is read once, whatever is proven.
        if blocks == 0 {
            prove();
        }
        let begun = Instant::now();
        prove();
        time += begun.elapsed();
        blocks += 1;
        done += rows;
    }
    println!("{} {} {blocks}", time.as_secs_f64() * 1e3, peak_memory().unwrap_or(0.0));
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    let prover = prover();
    report.part("Statements about a block of 32,760 rows, and ark-groth16 beside them");
    statement(report, &prover, "k-anonymity", &KAnonymity { rows: BLOCK_ROWS }, 1 << 17);
    let diversity = |order| LDiversity { rows: BLOCK_ROWS, order };
    statement(report, &prover, "l-diversity, tail order", &diversity(Order::Tail), 1 << 19);
    statement(report, &prover, "l-diversity, any order", &diversity(Order::Any), 1 << 19);
    statement(report, &prover, "column, small", &ColumnSmall::FULL, 1 << 17);
    statement(report, &prover, "column, wide", &ColumnWide::FULL, 1 << 19);
    batch(report, &prover);
    drop(prover);
    crate::snarkjs::measure(report);
}

/// Prints the part that measures a whole table.
pub fn table(report: &mut Report) {
    let rows = wanted_rows();
    report.part(&format!("k-anonymity alone of {rows} rows, five quasi-identifiers"));
    let numbers = crate::proofs::child(LISTING);
    let [time, memory, blocks] = numbers[..] else { panic!("it was not proven: {numbers:?}") };
    // Aims are for a million rows.
    let aim = Duration::from_secs_f64(45.0 * rows as f64 / 1e6);
    report.note("row blocks", &format!("{blocks}"));
    report.time("proven", aim, Duration::from_secs_f64(time / 1e3));
    report.most("peak memory, key included", 3_072.0, memory, "MB");

    report.part(&format!(
        "A listing of {rows} rows and 8 columns: 5 quasi-identifiers, 2 sensitive, charts of all"
    ));
    crate::listing::measure(report, rows);
}
