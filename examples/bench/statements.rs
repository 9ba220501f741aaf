//! Statements about tables: each alone against arkworks' prover, a batch of proofs, and the claims of
//! a whole listing, block by block.

use std::time::{Duration, Instant};

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{
    BlockClaims, Bundle, BundleContext, Chart, ColumnClaim, DiversityClaim, Form, bundle_items,
};
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
use crate::report::{Report, median, ms, peak_memory, short, spend};

/// The argument that makes this program prove a listing of so many rows, and nothing else.
pub const LISTING: &str = "one-listing";

const K: u32 = 11;
const L: u32 = 5;
/// Rows of a class; full blocks hold whole classes.
const CLASS: u64 = 15;
const COLUMNS: u32 = 8;
/// Rows of the listing unless `BENCH_ROWS` says otherwise.
const ROWS: usize = 1_000_000;

/// Bundles verified together: what a block of the ledger holds.
const PIECE: usize = 8;

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

/// Five quasi-identifiers that tell classes of fifteen apart, two sensitive columns, a date.
fn cell(column: u32, row: u64) -> u64 {
    let class = row / CLASS;
    let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    match column {
        0 => 1 + class % 18,
        1 => 1 + class / 18 % 2,
        2 => 1 + class / 36 % 900,
        3 => 1 + class / 32_400 % 12,
        4 => 1 + class % 7,
        // Falls within a class, so that its rows are in tail order.
        5 => 1 + class % 4_000 + (CLASS - 1 - row % CLASS) * 3,
        // In any order.
        6 => 1 + mixed % 30_000,
        _ => 1 + mixed % 20_000,
    }
}

fn chart(greatest: u64, step: u64) -> Chart {
    let width = greatest.div_ceil(step).div_ceil(32) * step;
    Chart::new(step, (0..).map(|bin| 1 + bin * width).take(33).collect()).unwrap()
}

fn claims(rows: u32) -> BlockClaims {
    let greatest = [18, 2, 900, 12, 7, 6_000, 30_000, 20_000];
    let columns = (0..COLUMNS).zip(greatest).map(|(column, greatest)| {
        let form = if greatest > 6_400 { Form::Wide } else { Form::Small };
        let step = if form == Form::Wide { 2 } else { 1 };
        ColumnClaim { column, form, chart: chart(greatest, step) }
    });
    BlockClaims {
        commitments: Vec::new(),
        block_rows: u32::try_from(BLOCK_ROWS).unwrap(),
        rows,
        quasi_identifiers: (0..5).collect(),
        k: K,
        diversity: vec![
            DiversityClaim { column: 5, l: L, order: Order::Tail },
            DiversityClaim { column: 6, l: L, order: Order::Any },
        ],
        columns: columns.collect(),
    }
}

fn wanted_rows() -> usize {
    std::env::var("BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS)
}

/// Commits to, proves and verifies a listing, and prints what took how long: milliseconds for
/// commitments, k-anonymity alone, everything, and verification, by the clock and of the processor;
/// bytes; megabytes; blocks.
pub fn listing() {
    let prover = prover();
    let powers = prover.powers().unwrap();
    let (mut commit, mut plain, mut full) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut proven: Vec<(BundleContext, BlockClaims, Vec<u8>)> = Vec::new();
    let (total, mut done) = (wanted_rows(), 0);
    while done < total {
        let rows = (total - done).min(BLOCK_ROWS);
        // The rest of the last block is padding, or a class would be cut.
        let rows = rows - rows % CLASS as usize;
        if rows == 0 {
            break;
        }
        let begun = Instant::now();
        let block = proven.len() as u64;
        let cells: Vec<Vec<u64>> = (0..COLUMNS)
            .map(|column| {
                let start = block * BLOCK_ROWS as u64;
                (0..rows as u64).map(|row| cell(column, start + row)).collect()
            })
            .collect();
        let columns: Vec<Column<'_>> = cells
            .iter()
            .map(|cells| Column { cells, blinders: [(); BLINDERS].map(|()| Fr::rand(&mut OsRng)) })
            .collect();
        let commitments = columns.iter().map(|c| powers.commit(BLOCK_ROWS, c).unwrap()).collect();
        commit += begun.elapsed();
        let claims = BlockClaims { commitments, ..claims(u32::try_from(rows).unwrap()) };
        let block = u32::try_from(proven.len()).unwrap();
        let context = BundleContext { package: [1; 32], institution: [2; 32], table: 0, block };
        let alone = BlockClaims { diversity: Vec::new(), columns: Vec::new(), ..claims.clone() };
        // Keys are read once, whatever is listed.
        if block == 0 {
            prover.prove_bundle(&context, &claims, &columns, &mut OsRng, &|_| ()).unwrap();
        }
        let begun = Instant::now();
        prover.prove_bundle(&context, &alone, &columns[..5], &mut OsRng, &|_| ()).unwrap();
        plain += begun.elapsed();
        let begun = Instant::now();
        let made = prover.prove_bundle(&context, &claims, &columns, &mut OsRng, &|_| ()).unwrap();
        full += begun.elapsed();
        proven.push((context, claims, borsh::to_vec(&made.bundle).unwrap()));
        done += rows;
    }
    let memory = peak_memory().unwrap_or(0.0);
    let bytes: usize = proven.iter().map(|(.., bundle)| bundle.len()).sum();
    let verifier = prover.verifier();
    let ((), verify) = spend(|| {
        for piece in proven.chunks(PIECE) {
            let mut batch = verifier.batch();
            for (context, claims, bytes) in piece {
                let bundle = Bundle::decode(bytes).unwrap();
                let (items, _) = bundle_items(verifier, context, claims, &bundle).unwrap();
                items.into_iter().for_each(|item| batch.push(item));
            }
            batch.verify_all().unwrap();
        }
    });
    let [commit, plain, full] = [commit, plain, full].map(|time| time.as_secs_f64() * 1e3);
    let [elapsed, processor] = [verify.elapsed, verify.processor].map(|seconds| seconds * 1e3);
    println!("{commit} {plain} {full} {elapsed} {processor} {bytes} {memory} {}", proven.len());
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

    let rows = wanted_rows();
    report.part(&format!(
        "A listing of {rows} rows and 8 columns: 5 quasi-identifiers, 2 sensitive, charts of all"
    ));
    let numbers = crate::proofs::child(LISTING);
    let [commit, plain, full, elapsed, processor, bytes, memory, blocks] = numbers[..] else {
        panic!("the listing was not proven: {numbers:?}");
    };
    // Aims are for a million rows.
    let share = rows as f64 / 1e6;
    let time = |milliseconds: f64| Duration::from_secs_f64(milliseconds / 1e3);
    let aim = |seconds: f64| Duration::from_secs_f64(seconds * share);
    report.note("row blocks", &format!("{blocks}"));
    report.note("cells made and committed to", &ms(time(commit)));
    report.time("k-anonymity alone", aim(45.0), time(plain));
    report.time("every statement", aim(900.0), time(full));
    report.most("peak memory, keys included", 3_072.0, memory, "MB");
    report.note("bundles on the ledger", &format!("{:.0} kB", bytes / 1e3));
    report.note("verified, all cores", &ms(time(elapsed)));
    report.time("verified, a core", aim(0.6), time(processor));
}
