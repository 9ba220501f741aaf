#![allow(clippy::unwrap_used, missing_docs)]
use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::*;
use galen_zk::circuit::k_anonymity::SMALL_BLOCK_ROWS;
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::keys::Prover;
use rand::rngs::OsRng;
use std::time::Instant;

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, f) = stat.rsplit_once(')').unwrap();
    let t: Vec<f64> =
        f.split_whitespace().skip(11).take(2).filter_map(|x| x.parse().ok()).collect();
    (t[0] + t[1]) / 100.0
}

#[test]
fn scratch() {
    let dir = std::env::var_os("GALEN_PARAMS").unwrap();
    let prover = Prover::development(dir).unwrap();
    let rows = 1005usize;
    let class = |r: usize| r / 15;
    let cells: Vec<Vec<u64>> = (0..8)
        .map(|c| {
            (0..rows)
                .map(|r| match c {
                    0 => 1 + class(r) % 18,
                    1 => 1 + class(r) / 18 % 2,
                    2 => 1 + class(r) % 40,
                    3 => 1 + class(r) % 12,
                    4 => 1 + class(r) % 7,
                    5 => 1 + class(r) % 300 + (14 - r % 15) * 3,
                    6 => 1 + (r * 7919) % 1000,
                    _ => 1 + (r * 31) % 1500,
                } as u64)
                .collect()
        })
        .collect();
    let columns: Vec<Column<'_>> = cells
        .iter()
        .map(|cells| Column { cells, blinders: [(); BLINDERS].map(|()| Fr::rand(&mut OsRng)) })
        .collect();
    let powers = prover.powers().unwrap();
    let commitments = columns.iter().map(|c| powers.commit(SMALL_BLOCK_ROWS, c).unwrap()).collect();
    let greatest = [18u64, 2, 40, 12, 7, 400, 1000, 1500];
    let claims = BlockClaims {
        commitments,
        block_rows: 1016,
        rows: rows as u32,
        quasi_identifiers: (0..5).collect(),
        k: 11,
        diversity: vec![
            DiversityClaim { column: 5, l: 5, order: Order::Tail },
            DiversityClaim { column: 6, l: 5, order: Order::Any },
        ],
        columns: (0..8u32)
            .zip(greatest)
            .map(|(column, g)| {
                let form = if g > 400 { Form::Wide } else { Form::Small };
                let step = if form == Form::Wide { 2 } else { 1 };
                let width = g.div_ceil(step).div_ceil(32) * step;
                ColumnClaim {
                    column,
                    form,
                    chart: Chart::new(step, (0..).map(|b| 1 + b * width).take(33).collect())
                        .unwrap(),
                }
            })
            .collect(),
    };
    let context = BundleContext { package: [1; 32], institution: [2; 32], table: 0, block: 0 };
    let made = prover.prove_bundle(&context, &claims, &columns, &mut OsRng, &|_| ()).unwrap();
    let bytes = borsh::to_vec(&made.bundle).unwrap();
    println!("bytes {}", bytes.len());
    let verifier = prover.verifier();
    let n = 50;
    let time = |what: &str, n: usize, f: &mut dyn FnMut()| {
        f();
        let (t, c) = (Instant::now(), cpu());
        for _ in 0..n {
            f();
        }
        println!(
            "{what}: {:.3} ms wall, {:.3} ms cpu",
            t.elapsed().as_secs_f64() * 1e3 / n as f64,
            (cpu() - c) * 1e3 / n as f64
        );
    };
    time("decode", n, &mut || {
        Bundle::decode(&bytes).unwrap();
    });
    let bundle = Bundle::decode(&bytes).unwrap();
    time("items", n, &mut || {
        bundle_items(verifier, &context, &claims, &bundle).unwrap();
    });
    for count in [1usize, 3, 8, 16] {
        time(&format!("batch {count} a bundle"), n / count + 1, &mut || {
            let mut batch = verifier.batch();
            for _ in 0..count {
                let (items, _) = bundle_items(verifier, &context, &claims, &bundle).unwrap();
                items.into_iter().for_each(|i| batch.push(i));
            }
            batch.verify_all().unwrap();
        });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for count in [1usize, 3, 8, 16] {
            time(&format!("one thread: batch {count}"), n / count + 1, &mut || {
                let mut batch = verifier.batch();
                for _ in 0..count {
                    let (items, _) = bundle_items(verifier, &context, &claims, &bundle).unwrap();
                    items.into_iter().for_each(|i| batch.push(i));
                }
                batch.verify_all().unwrap();
            });
        }
    });
}
