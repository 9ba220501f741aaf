//! Random tables and random lies: what the plain check says, what the circuit accepts, and what a
//! count over the table itself finds must agree.
//!
//! Runs for `FUZZ_SECONDS` (two unless told, `make fuzz` sixty). Every case has a seed of its own; a
//! failure names it, and `FUZZ_SEED` runs that case alone.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_relations::gr1cs::ConstraintSystem;
use galen_zk::ceremony::r1cs::Constraints;
use galen_zk::circuit::column::Chart;
use galen_zk::circuit::column_small::{ColumnSmall, ColumnSmallWitness};
use galen_zk::circuit::column_wide::{ColumnWide, ColumnWideWitness};
use galen_zk::circuit::k_anonymity::{KAnonymity, KAnonymityPublic, KAnonymityWitness};
use galen_zk::circuit::l_diversity::{LDiversity, LDiversityPublic, LDiversityWitness, Order};
use galen_zk::commitment::{BLINDERS, Column, evaluate};
use galen_zk::statement::Statement;
use galen_zk::summary::SUMMARY_BLINDERS;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// Whether a circuit accepts an assignment.
fn accepts<S: Statement>(statement: &S, public: &S::Public, witness: &S::Witness) -> bool {
    let cs = ConstraintSystem::<Fr>::new_ref();
    // A witness of another shape is not accepted either.
    if statement.synthesize(cs.clone(), public, witness).is_err() {
        return false;
    }
    cs.finalize();
    let mut values = cs.instance_assignment().unwrap();
    values.extend(cs.witness_assignment().unwrap());
    let constraints = Constraints::from_system(&cs).unwrap();
    let [a, b, c] = constraints.matrices();
    let sum = |terms: &[(Fr, usize)]| terms.iter().map(|(f, at)| *f * values[*at]).sum::<Fr>();
    a.iter().zip(b).zip(c).all(|((a, b), c)| sum(a) * sum(b) == sum(c))
}

/// Circuit and plain check agree on an honest assignment; and what the circuit accepts, the plain
/// check accepts. Returns whether the circuit did.
fn agree<S: Statement>(
    statement: &S,
    public: &S::Public,
    witness: &S::Witness,
    honest: bool,
) -> bool {
    let accepted = accepts(statement, public, witness);
    let checked = statement.check(public, witness);
    if honest {
        assert_eq!(accepted, checked.is_ok(), "the circuit and the check differ: {checked:?}");
    } else if accepted {
        assert_eq!(checked, Ok(()), "the circuit accepts what the check refuses");
    }
    accepted
}

/// How many cases ended how.
type Tally = BTreeMap<&'static str, u64>;

fn run(name: &str, case: impl Fn(&mut ChaCha20Rng) -> &'static str) -> Tally {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let mut tally = Tally::new();
    let mut attempt = |seed: u64| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            case(&mut ChaCha20Rng::seed_from_u64(seed))
        }));
        match outcome {
            Ok(outcome) => *tally.entry(outcome).or_default() += 1,
            Err(panic) => {
                println!("{name}: FUZZ_SEED={seed} fails");
                std::panic::resume_unwind(panic);
            }
        }
    };
    if let Some(seed) = number("FUZZ_SEED") {
        attempt(seed);
        return tally;
    }
    let time = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let first: u64 = rand::random();
    let start = Instant::now();
    let mut count = 0;
    while count < 200 || start.elapsed() < time {
        attempt(first.wrapping_add(count));
        count += 1;
    }
    println!("{name}: {count} cases from seed {first}: {tally:?}");
    tally
}

/// Both sides of every distinction must have been seen; a single given case shows one.
fn assert_seen(tally: &Tally, outcomes: &[&str]) {
    if std::env::var_os("FUZZ_SEED").is_none() {
        for outcome in outcomes {
            assert!(tally.contains_key(outcome), "{outcome}: {tally:?}");
        }
    }
}

fn scalars(rng: &mut ChaCha20Rng, count: usize) -> Vec<Fr> {
    (0..count).map(|_| Fr::rand(rng)).collect()
}

/// A small change of one number, as a liar would try it.
fn changed(rng: &mut ChaCha20Rng, values: &mut [Fr]) {
    let small = Fr::from(rng.gen_range(0..4u64));
    if let Some(value) = values.choose_mut(rng) {
        *value = match rng.gen_range(0..5) {
            0 => small,
            1 => *value + small,
            2 => *value - small,
            3 => -*value,
            _ => Fr::rand(rng),
        };
    }
}

fn k_anonymity(rng: &mut ChaCha20Rng) -> &'static str {
    let rows = rng.gen_range(2..14usize);
    let k = rng.gen_range(1..5u32);
    // Few values and long runs, so that many tables hold.
    let mut last = 0u64;
    let turn = rng.gen_range(0.1..0.9);
    let table: Vec<u64> = (0..rows)
        .map(|_| {
            if rng.gen_bool(turn) {
                last = rng.gen_range(0..3);
            }
            last
        })
        .collect();
    // Counted over the table: every run of equal rows has at least k.
    let truth = table.chunk_by(|a, b| a == b).all(|run| run.len() >= k as usize);

    let values: Vec<Fr> = table.iter().map(|value| Fr::from(*value)).collect();
    let blinders: [Fr; BLINDERS] = scalars(rng, BLINDERS).try_into().unwrap();
    let zeta = Fr::rand(rng);
    let statement = KAnonymity { rows };
    let honest = KAnonymityWitness::new(&values, &blinders, Fr::rand(rng), k).at(zeta);
    let public = KAnonymityPublic { k, zeta, y: honest.evaluation(zeta) };
    let accepted = agree(&statement, &public, &honest, true);
    assert_eq!(accepted, truth, "k = {k}, {table:?}");

    for _ in 0..8 {
        let (mut public, mut lie) = (public, honest.clone());
        for _ in 0..rng.gen_range(1..4) {
            match rng.gen_range(0..6) {
                0 => changed(rng, &mut lie.differences),
                1 => changed(rng, &mut lie.horner),
                2 => public.k = rng.gen_range(1..5),
                3 => public.y = lie.evaluation(zeta),
                _ => changed(rng, &mut lie.counters),
            }
        }
        // Sums carried on as an honest prover would.
        if rng.gen_bool(0.5) {
            lie = lie.at(zeta);
            public.y = lie.evaluation(zeta);
        }
        agree(&statement, &public, &lie, false);
    }
    if truth { "true" } else { "false" }
}

#[test]
fn k_anonymity_agrees() {
    assert_seen(&run("k-anonymity", k_anonymity), &["true", "false"]);
}

fn l_diversity(rng: &mut ChaCha20Rng) -> &'static str {
    let order = if rng.gen_bool(0.5) { Order::Tail } else { Order::Any };
    let l = rng.gen_range(1..4u32);
    // Values of classes are random, as after the combination of columns.
    let values: Vec<Fr> = scalars(rng, 3);
    let mut table: Vec<(usize, u64)> = Vec::new();
    for _ in 0..rng.gen_range(1..4) {
        let class = rng.gen_range(0..3);
        let mut cells: Vec<u64> = (0..rng.gen_range(1..5)).map(|_| rng.gen_range(0..4)).collect();
        if rng.gen_bool(0.6) {
            cells.extend((1..=u64::from(l)).rev());
        }
        table.extend(cells.into_iter().map(|cell| (class, cell)));
    }
    let padding = [0, l as usize + rng.gen_range(0..2)][rng.gen_range(0..2)];
    if table.len() + padding < 2 {
        return "small";
    }
    // Counted over the table: each run of a class ends as it must, or has enough values.
    let truth = table.chunk_by(|a, b| a.0 == b.0).all(|run| {
        let cells: Vec<u64> = run.iter().map(|row| row.1).collect();
        let distinct: std::collections::BTreeSet<u64> =
            cells.iter().copied().filter(|cell| *cell > 0).collect();
        let tail = &cells[cells.len().saturating_sub(l as usize)..];
        let falls = tail.len() == l as usize
            && tail.windows(2).all(|pair| pair[0] > pair[1])
            && tail.iter().all(|cell| *cell > 0);
        if order == Order::Tail { falls } else { distinct.len() >= l as usize }
    });
    let statement = LDiversity { rows: table.len() + padding, order };
    let combined: Vec<Fr> = table.iter().map(|row| values[row.0]).collect();
    let cells: Vec<u64> = table.iter().map(|row| row.1).collect();
    let [filler, zeta, mask] = [Fr::rand(rng), Fr::rand(rng), Fr::rand(rng)];
    let blinders: [Fr; BLINDERS] = scalars(rng, BLINDERS).try_into().unwrap();
    let column = Column { cells: &cells, blinders: scalars(rng, BLINDERS).try_into().unwrap() };
    let built = LDiversityWitness::new(&statement, l, &combined, &blinders, &column, filler, mask);
    assert_eq!(built.is_ok(), truth, "{order:?}, l = {l}, {table:?}: {built:?}");
    let Ok(honest) = built else { return "false" };
    let honest = honest.at(&statement, zeta);
    let public = |l: u32, witness: &LDiversityWitness| {
        let (y_q, y_s) = witness.evaluations(&statement, zeta);
        LDiversityPublic { l, zeta, y_q, y_s }
    };
    assert!(agree(&statement, &public(l, &honest), &honest, true), "{order:?}, l = {l}, {table:?}");

    for _ in 0..8 {
        let (mut lie, mut claimed) = (honest.clone(), l);
        for _ in 0..rng.gen_range(1..4) {
            match rng.gen_range(0..8) {
                // Classes are random combinations: a liar cannot make two differ by a small number.
                0 => {
                    let other = Fr::rand(rng);
                    if let Some(class) = lie.classes.choose_mut(rng) {
                        *class = other;
                    }
                }
                1 => changed(rng, &mut lie.cells),
                2 => changed(rng, &mut lie.view),
                3 => changed(rng, &mut lie.slacks),
                4 => changed(rng, &mut lie.multiplicities),
                5 => lie.view.shuffle(rng),
                6 => claimed = rng.gen_range(1..4),
                _ => changed(rng, &mut lie.counters),
            }
        }
        if rng.gen_bool(0.8) {
            lie = lie.at(&statement, zeta);
        }
        // The plain check compares cells and view run by run; a class may return in several runs, and
        // the circuit lets its cells trade places there. What is said of the class must hold.
        if accepts(&statement, &public(claimed, &lie), &lie) {
            assert!(is_diverse(&statement, &lie, claimed), "{order:?}, l = {claimed}, {lie:?}");
        }
    }
    "true"
}

/// Counted over a witness: the rows with any one value of `q` have `l` different cells, none missing.
fn is_diverse(statement: &LDiversity, witness: &LDiversityWitness, l: u32) -> bool {
    let mut sum = Fr::from(0u64);
    let rows = witness.classes.iter().map(|class| match statement.order {
        Order::Tail => {
            sum += class;
            sum
        }
        Order::Any => *class,
    });
    let mut classes: BTreeMap<Fr, std::collections::BTreeSet<Fr>> = BTreeMap::new();
    for (class, cell) in rows.zip(&witness.cells).take(statement.rows) {
        let cells = classes.entry(class).or_default();
        if *cell != Fr::from(0u64) {
            cells.insert(*cell);
        }
    }
    classes.values().all(|cells| cells.len() >= l as usize)
}

#[test]
fn l_diversity_agrees() {
    assert_seen(&run("l-diversity", l_diversity), &["true", "false"]);
}

/// A chart of one to four bins whose edges are one and multiples of the step, within the table.
fn chart(rng: &mut ChaCha20Rng, step: u64, from_one: bool, entries: u64) -> Chart {
    let mut edges: Vec<u64> = (0..=entries).map(|entry| 1 + entry * step).collect();
    let first = edges.remove(0);
    edges.shuffle(rng);
    edges.truncate(rng.gen_range(2..5));
    if from_one {
        edges.push(first);
    }
    edges.sort_unstable();
    Chart::new(step, edges).unwrap()
}

/// Counted over the cells: all are missing or in a bin.
fn allowed(chart: &Chart, cells: &[u64]) -> bool {
    let (low, high) = (chart.lowest(), chart.highest());
    cells.iter().all(|cell| *cell == 0 || (low..=high).contains(cell))
}

fn column_small(rng: &mut ChaCha20Rng) -> &'static str {
    let statement = ColumnSmall { rows: rng.gen_range(2..7), codes: rng.gen_range(8..12) };
    let chart = chart(rng, 1, false, statement.codes as u64 - 2);
    let active = rng.gen_range(1..=statement.rows);
    let beyond = if rng.gen_bool(0.5) { 1 } else { chart.highest() + 2 };
    let cells: Vec<u64> = (0..active)
        .map(|_| {
            let most = chart.highest().max(beyond);
            if rng.gen_bool(0.2) { 0 } else { rng.gen_range(chart.lowest()..=most) }
        })
        .collect();
    let truth = allowed(&chart, &cells);
    let [filler, zeta, mask] = [Fr::rand(rng), Fr::rand(rng), Fr::rand(rng)];
    let columns: [Fr; BLINDERS] = scalars(rng, BLINDERS).try_into().unwrap();
    let blinders: [Fr; SUMMARY_BLINDERS] = scalars(rng, SUMMARY_BLINDERS).try_into().unwrap();
    let built =
        ColumnSmallWitness::new(&statement, &chart, &cells, &columns, filler, blinders, mask);
    assert_eq!(built.is_ok(), truth, "{chart:?} {cells:?}");
    let Ok(honest) = built else { return "false" };
    let summary = chart.summary(&cells).unwrap();
    let opened = Column { cells: &cells, blinders: columns }.coefficients(statement.rows);
    let opened = evaluate(&opened, zeta);
    let opened_summary = evaluate(&summary.coefficients(&blinders), zeta);
    let public = statement.public(&chart, active, filler, zeta, opened, opened_summary).unwrap();
    assert!(agree(&statement, &public, &honest, true), "{chart:?} {cells:?}");

    for _ in 0..6 {
        let (mut public, mut lie) = (public, honest.clone());
        for _ in 0..rng.gen_range(1..3) {
            match rng.gen_range(0..6) {
                0 => changed(rng, &mut lie.values),
                1 => changed(rng, &mut lie.counts),
                2 => changed(rng, &mut lie.labels),
                3 => changed(rng, &mut lie.bins),
                4 => public.padding = rng.gen_range(0..4),
                _ => lie.bins.shuffle(rng),
            }
        }
        if rng.gen_bool(0.7) {
            public.column = evaluate(&lie.values, zeta);
        }
        agree(&statement, &public, &lie, false);
    }
    "true"
}

#[test]
fn column_small_agrees() {
    assert_seen(&run("column-small", column_small), &["true", "false"]);
}

fn column_wide(rng: &mut ChaCha20Rng) -> &'static str {
    let rows = rng.gen_range(2..6);
    let statement = ColumnWide { rows, steps: rng.gen_range(3..7), grid: rng.gen_range(6..9) };
    let step = rng.gen_range(1..=statement.steps as u64);
    let chart = chart(rng, step, true, statement.grid as u64 - 1);
    let active = rng.gen_range(1..=rows);
    let beyond = if rng.gen_bool(0.5) { 0 } else { step };
    let cells: Vec<u64> = (0..active)
        .map(|_| if rng.gen_bool(0.2) { 0 } else { rng.gen_range(1..=chart.highest() + beyond) })
        .collect();
    let truth = allowed(&chart, &cells);
    let [filler, zeta, mask] = [Fr::rand(rng), Fr::rand(rng), Fr::rand(rng)];
    let columns: [Fr; BLINDERS] = scalars(rng, BLINDERS).try_into().unwrap();
    let blinders: [Fr; SUMMARY_BLINDERS] = scalars(rng, SUMMARY_BLINDERS).try_into().unwrap();
    let built =
        ColumnWideWitness::new(&statement, &chart, &cells, &columns, filler, blinders, mask);
    assert_eq!(built.is_ok(), truth, "{chart:?} {cells:?}");
    let Ok(honest) = built else { return "false" };
    let summary = chart.summary(&cells).unwrap();
    let opened = Column { cells: &cells, blinders: columns }.coefficients(rows);
    let opened = evaluate(&opened, zeta);
    let opened_summary = evaluate(&summary.coefficients(&blinders), zeta);
    let public = statement.public(&chart, active, filler, zeta, opened, opened_summary).unwrap();
    assert!(agree(&statement, &public, &honest, true), "{chart:?} {cells:?}");

    for _ in 0..6 {
        let (mut public, mut lie) = (public, honest.clone());
        for _ in 0..rng.gen_range(1..3) {
            match rng.gen_range(0..8) {
                0 => changed(rng, &mut lie.values),
                1 => changed(rng, &mut lie.low),
                2 => changed(rng, &mut lie.high),
                3 => changed(rng, &mut lie.low_counts),
                4 => changed(rng, &mut lie.high_counts),
                5 => changed(rng, &mut lie.labels),
                6 => changed(rng, &mut lie.bins),
                _ => public.step = rng.gen_range(1..=statement.steps as u64),
            }
        }
        if rng.gen_bool(0.7) {
            public.column = evaluate(&lie.values, zeta);
        }
        agree(&statement, &public, &lie, false);
    }
    "true"
}

#[test]
fn column_wide_agrees() {
    assert_seen(&run("column-wide", column_wide), &["true", "false"]);
}
