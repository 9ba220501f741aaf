//! The ledger against an independent, simple one: random actions of many parties, and after each the same
//! answer, the same money in every purse, the same deals at the same stages, the same deadlines, listings
//! that stand, owe and have sold the same, and subscriptions with the same months to come. The invariants
//! I1, I2 and I5 to I9 are checked after every block, I4 by a replay of every run; I3 is for those who agree
//! on blocks, and tested there.
//!
//! Signatures and proofs are taken on trust here, so that there is time for many steps; other tests are
//! about them. A run is named by its seed; the steps of a run that fails are cut down to those that
//! matter. `SOAK_STEPS` and `SOAK_SEED` choose more or other runs: see `make soak`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod acts;
mod deals;
mod goods;
mod invariants;
mod listings;
mod offers;
mod reference;
mod subscriptions;
mod translate;
mod wanted;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use goods::Goods;
use world::World;

/// Steps of one run: each begins with an empty ledger, so that what is looked through stays short.
const STEPS_A_RUN: u64 = 1_000;
/// Steps between two audits of everything that there is and was.
const STEPS_AN_AUDIT: u64 = 50;
/// What must come of the acts in so many steps, or the test shows nothing of it.
const HAPPENS: [(u64, &str); 13] = [
    (5_000, "a month is paid"),
    (5_000, "a subscription begins"),
    (5_000, "a version is superseded"),
    (5_000, "royalty"),
    (5_000, "royalty upstream"),
    (100_000, "a claim is delivered"),
    (100_000, "a deal ends with its listing"),
    (100_000, "a share goes no further up"),
    (100_000, "a subscription ends, a claim denied"),
    (100_000, "a subscription ends, a claim failed"),
    (100_000, "a subscription ends, all months over"),
    (100_000, "a subscription ends, not served"),
    (100_000, "no licence is left"),
];

/// What became of a run.
struct Failure {
    step: usize,
    what: String,
}

/// Plays steps, each from a number of its own; says how often which answer came.
fn run(goods: &Goods, steps: &[u64], seen: &mut Seen) -> Result<(), Failure> {
    let mut world = World::new(goods);
    for (at, number) in steps.iter().enumerate() {
        let mut rng = ChaCha20Rng::seed_from_u64(*number);
        let step = acts::choose(&world, &mut rng);
        let failed = |what| Failure { step: at, what: format!("{what}\n  at {step:?}") };
        let answer = world.play(&step).map_err(failed)?;
        *seen.entry((step.act.name(), answer)).or_default() += 1;
        if (at as u64 + 1).is_multiple_of(STEPS_AN_AUDIT) || at + 1 == steps.len() {
            world.audit().map_err(failed)?;
        }
    }
    let failed = |what| Failure { step: steps.len().saturating_sub(1), what };
    world.replay().map_err(failed)?;
    for (what, count) in world.model.happened {
        *seen.entry(("came of it", what)).or_default() += count;
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
            match run(goods, &fewer, &mut Seen::new()) {
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

/// How often which answer came to which act.
type Seen = BTreeMap<(&'static str, &'static str), u64>;

/// The steps of the run of a seed.
fn steps_of(seed: u64) -> Vec<u64> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..STEPS_A_RUN).map(|_| rng.r#gen()).collect()
}

/// Plays the runs of these seeds on every core; a failure is that of one of the seeds that fail.
fn play(goods: &Goods, seeds: Range<u64>) -> Result<Seen, (u64, Failure)> {
    let (start, first) = (Instant::now(), seeds.start);
    let (next, done) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let (seen, failed) = (Mutex::new(Seen::new()), Mutex::new(None));
    let work = || {
        let mut own = Seen::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            if let Err(failure) = run(goods, &steps_of(seed), &mut own) {
                next.store(seeds.end, Ordering::Relaxed);
                *failed.lock().unwrap() = Some((seed, failure));
                break;
            }
            let done = (done.fetch_add(1, Ordering::Relaxed) + 1) * STEPS_A_RUN;
            if done.is_multiple_of(100 * STEPS_A_RUN) || done == (seeds.end - first) * STEPS_A_RUN {
                let rate = done as f64 / start.elapsed().as_secs_f64();
                println!("soak: seeds from {first}, {done} steps agree, {rate:.0} a second");
            }
        }
        let mut seen = seen.lock().unwrap();
        for (what, count) in own {
            *seen.entry(what).or_default() += count;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    match failed.into_inner().unwrap() {
        Some(failed) => Err(failed),
        None => Ok(seen.into_inner().unwrap()),
    }
}

#[test]
fn the_ledger_does_what_the_reference_does() {
    let (steps, seed) = (number("SOAK_STEPS", 6_000), number("SOAK_SEED", 1));
    let goods = Goods::new();
    let runs = steps.div_ceil(STEPS_A_RUN);
    let seen = match play(&goods, seed..seed + runs) {
        Ok(seen) => seen,
        Err((seed, failure)) => {
            let length = failure.step + 1;
            let (steps, failure) = shrink(&goods, steps_of(seed), failure);
            panic!(
                "SOAK_SEED={seed}, step {length}, cut down to {} steps {steps:?}: {}",
                steps.len(),
                failure.what
            );
        }
    };
    for ((act, answer), count) in &seen {
        println!("{count:>9} {act:<14} {answer}");
    }
    let played = runs * STEPS_A_RUN;
    for (least, what) in HAPPENS {
        let came = seen.contains_key(&("came of it", what));
        assert!(came || played < least, "in {played} steps it never came to this: {what}");
    }
    // Every act comes to something, or the test shows nothing.
    for act in acts::NAMES {
        let accepted = seen.contains_key(&(act, "accepted"));
        assert!(accepted || played < 4_000, "in {played} steps no {act} was accepted");
    }
}
