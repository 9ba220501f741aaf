#![allow(clippy::unwrap_used)]

use super::*;
use crate::circuit::k_anonymity::KAnonymity;

const TINY: KAnonymity = KAnonymity { rows: 24 };

#[test]
fn generation_does_not_depend_on_the_number_of_threads() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let many = rayon::ThreadPoolBuilder::new().num_threads(7).build().unwrap();
    let first = alone.install(|| generate(&TINY)).unwrap();
    let second = many.install(|| generate(&TINY)).unwrap();
    assert_eq!(fingerprint(&first).unwrap(), fingerprint(&second).unwrap());
}

#[test]
fn every_purpose_and_circuit_has_a_seed_of_its_own() {
    let draw = |purpose, name| Fr::rand(&mut seeded(purpose, name));
    assert_ne!(draw("sigma", "a"), draw("sigma", "b"));
    assert_ne!(draw("sigma", "a"), draw("groth16", "a"));
    assert_eq!(draw("sigma", "a"), draw("sigma", "a"));
}

#[test]
fn damaged_caches_are_regenerated() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::new(directory.path().join("nested"));
    let key = generate(&TINY).unwrap();
    let hash = fingerprint(&key).unwrap();
    let count = std::cell::Cell::new(0);
    let load = || {
        cache.load_or("tiny/1/24", &hash, || {
            count.set(count.get() + 1);
            Ok(key.clone())
        })
    };
    assert_eq!(load().unwrap(), key);
    assert_eq!(count.get(), 1);
    assert_eq!(load().unwrap(), key);
    assert_eq!(count.get(), 1, "the cached file was not used");

    let path = cache.path("tiny/1/24");
    let good = fs::read(&path).unwrap();
    let mut calls = 1;
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for damaged in [
        Vec::new(),
        good[..good.len() / 2].to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        flipped(0),
        flipped(20),
        flipped(good.len() / 2),
        flipped(good.len() - 1),
    ] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(load().unwrap(), key);
        calls += 1;
        assert_eq!(count.get(), calls, "a damaged file was used");
        assert_eq!(fs::read(&path).unwrap(), good, "the file was not repaired");
    }
    // Nothing but the finished file stays behind.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_generated_key_that_is_not_the_pinned_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let cache = Cache::new(directory.path());
    let other = generate(&KAnonymity { rows: 25 }).unwrap();
    let hash = fingerprint(&generate(&TINY).unwrap()).unwrap();
    let refused = cache.load_or("tiny/1/24", &hash, || Ok(other)).unwrap_err();
    assert_eq!(refused, KeyError::NotPinned("tiny/1/24".into()));
    assert!(!cache.path("tiny/1/24").exists());
}
