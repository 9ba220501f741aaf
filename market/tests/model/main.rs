//! The ledger against an independent, simple one: random actions of many parties, and after each the same
//! answer, the same money in every purse, the same deals at the same stages, and the same deadlines. The
//! invariants I1 to I9 are audited every few steps and at the end of every run.
//!
//! Signatures and proofs are taken on trust here, so that there is time for many steps; other tests are
//! about them. A run is named by its seed; the steps of a run that fails are cut down to those that
//! matter. `SOAK_STEPS` and `SOAK_SEED` choose more or other runs: see `make soak`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod acts;
mod deals;
mod goods;
mod reference;
mod translate;
mod wanted;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use galen_market::invariant::violations;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use goods::Goods;
use world::World;

/// Steps of one run: each begins with an empty ledger, so that what is looked through stays short.
const STEPS_A_RUN: u64 = 1_000;
/// Steps between two audits.
const STEPS_AN_AUDIT: u64 = 25;

/// What became of a run.
struct Failure {
    step: usize,
    what: String,
}

/// Plays steps, each from a number of its own; says how often which answer came.
fn run(
    goods: &Goods,
    steps: &[u64],
    seen: &mut BTreeMap<(&'static str, &'static str), u64>,
) -> Result<(), Failure> {
    let mut world = World::new(goods);
    for (at, number) in steps.iter().enumerate() {
        let mut rng = ChaCha20Rng::seed_from_u64(*number);
        let step = acts::choose(&world, &mut rng);
        let failed = |what| Failure { step: at, what: format!("{what}\n  at {step:?}") };
        let answer = world.play(&step).map_err(failed)?;
        *seen.entry((step.act.name(), answer)).or_default() += 1;
        let audited = (at as u64 + 1).is_multiple_of(STEPS_AN_AUDIT) || at + 1 == steps.len();
        if audited {
            let found = violations(&world.real.state).expect("memory does not fail");
            if !found.is_empty() {
                return Err(failed(format!("{found:#?}")));
            }
        }
    }
    Ok(())
}

/// Leaves out steps for as long as the run still fails.
fn shrink(goods: &Goods, mut steps: Vec<u64>, mut failure: Failure) -> (Vec<u64>, Failure) {
    steps.truncate(failure.step + 1);
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..steps.len().min(from + size));
            match run(goods, &fewer, &mut BTreeMap::new()) {
                Err(again) => {
                    fewer.truncate(again.step + 1);
                    (steps, failure) = (fewer, again);
                }
                Ok(()) => from += size,
            }
        }
        size /= 2;
    }
    (steps, failure)
}

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("SOAK_STEPS and SOAK_SEED are numbers"))
}

#[test]
fn the_ledger_does_what_the_reference_does() {
    let (steps, seed) = (number("SOAK_STEPS", 4_000), number("SOAK_SEED", 1));
    let goods = Goods::new();
    let mut seen = BTreeMap::new();
    let (start, runs) = (Instant::now(), steps.div_ceil(STEPS_A_RUN));
    for run_seed in seed..seed + runs {
        let mut rng = ChaCha20Rng::seed_from_u64(run_seed);
        let steps: Vec<u64> = (0..STEPS_A_RUN).map(|_| rng.r#gen()).collect();
        if let Err(failure) = run(&goods, &steps, &mut seen) {
            let length = failure.step + 1;
            let (steps, failure) = shrink(&goods, steps, failure);
            panic!(
                "SOAK_SEED={run_seed}, step {length}, cut down to {} steps {steps:?}: {}",
                steps.len(),
                failure.what
            );
        }
        let done = (run_seed + 1 - seed) * STEPS_A_RUN;
        if done.is_multiple_of(100 * STEPS_A_RUN) || done >= steps.len() as u64 * runs {
            let rate = done as f64 / start.elapsed().as_secs_f64();
            println!("soak: seeds {seed} to {run_seed}, {done} steps agree, {rate:.0} a second");
        }
    }
    for ((act, answer), count) in &seen {
        println!("{count:>9} {act:<14} {answer}");
    }
    // Every act comes to something, or the test shows nothing.
    for act in acts::NAMES {
        let accepted = seen.get(&(act, "accepted"));
        assert!(accepted.is_some(), "in {} steps no {act} was accepted", runs * STEPS_A_RUN);
    }
}
