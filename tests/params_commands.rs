//! `galen params`, by the binary itself: a chain of contributions, exports, and wrong files.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use ark_bn254::{Fr, G1Affine};
use ark_ff::UniformRand;
use galen_zk::ceremony::sigma::Transcript;
use galen_zk::keys::Index;
use rand::rngs::OsRng;

use support::Home;

fn bases() -> Vec<G1Affine> {
    let generator = *Index::embedded().unwrap().summary_powers[0].affine();
    (0..5).map(|_| (generator * Fr::rand(&mut OsRng)).into()).collect()
}

#[test]
fn contributions_follow_one_another() {
    let home = Home::empty();
    let start = Transcript::start("k-anonymity/1/1016", [7; 32], &bases()).unwrap();
    let first = home.write("0.sigma", start.to_bytes());
    // Nothing to verify yet.
    let (exit, code) = home.run(&["params", "verify", &first]).refused();
    assert_eq!((exit, code.as_str()), (8, "params.sigma"));

    let [one, two, last] = ["1.sigma", "2.sigma", "last.sigma"]
        .map(|name| home.path(name).to_str().unwrap().to_owned());
    let contribute = |from: &str, name: &str, to: &str| {
        home.run(&["params", "contribute", from, "--name", name, "--out", to])
    };
    let made = contribute(&first, "A hospital", &one).done();
    assert_eq!(made["circuit"], "k-anonymity/1/1016");
    let next = contribute(&one, "A university", &two).done();
    assert_ne!(made["hash"], next["hash"]);
    // What exists is left alone.
    let (_, code) = contribute(&one, "Another", &two).refused();
    assert_eq!(code, "params.exists");
    let beacon = ["params", "beacon", &two, "--value", "9f86d0", "--iterations", "10"];
    home.run(&support::with(&beacon, &["--name", "Randomness", "--out", &last])).done();
    let checked = home.run(&["params", "verify", &last]).done();
    let names: Vec<&str> =
        checked["steps"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["A hospital", "A university", "Randomness"]);
    // After the public value nobody contributes.
    let (_, code) = contribute(&last, "Late", home.path("late").to_str().unwrap()).refused();
    assert_eq!(code, "params.sigma");
    assert!(!home.path("late").exists());

    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = home.write("damaged.sigma", bytes);
    let (exit, code) = home.run(&["params", "verify", &damaged]).refused();
    assert_eq!((exit, code.as_str()), (8, "params.sigma"));
}

#[test]
fn circuits_and_keys_are_exported() {
    let home = Home::empty();
    let shown = home.run(&["params", "show"]).done();
    assert_eq!(shown["forgeable"], true);
    assert!(shown["circuits"].as_array().unwrap().iter().any(|c| c["circuit"] == "segment-key/1"));
    let key = home.run(&["params", "show", "segment-key/1"]).done();
    assert_eq!((&key["protocol"], &key["nPublic"]), (&"groth16".into(), &4.into()));
    let (exit, code) = home.run(&["params", "show", "k-anonymity/1/1016"]).refused();
    assert_eq!((exit, code.as_str()), (8, "params.committed"));

    let out = home.path("c.r1cs");
    let export = ["params", "export-r1cs", "segment-key/1", "--out", out.to_str().unwrap()];
    home.run(&export).done();
    assert_eq!(fs::read(&out).unwrap()[..4], *b"r1cs");
    let (_, code) = home.run(&export).refused();
    assert_eq!(code, "file.io");
    let (exit, _) = home.run(&["params", "export-r1cs", "nothing/1", "--out", "x.r1cs"]).refused();
    assert_eq!(exit, 2);
}

#[test]
fn files_of_another_kind_are_refused() {
    let home = Home::empty();
    let garbage = home.write("garbage", "not a file of a ceremony");
    let (exit, code) = home.run(&["params", "verify", &garbage]).refused();
    assert_eq!((exit, code.as_str()), (8, "params.sigma"));
    let import = ["params", "import-zkey", "segment-key/1", "--zkey", &garbage];
    let (exit, code) =
        home.run(&support::with(&import, &["--powers", &garbage, "--dir", "made"])).refused();
    assert_eq!((exit, code.as_str()), (8, "params.format"));
    let (exit, code) = home.run(&["params", "verify", "--dir", "nowhere"]).refused();
    assert_eq!((exit, code.as_str()), (8, "params.folder"));
}
