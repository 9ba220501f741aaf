//! Circuits and parts of them, exported, and decided by a finite-field solver over BN254's whole scalar
//! field, in three ways:
//!
//! - *Unique*: the inputs determine every other variable, and with any one constraint removed they do
//!   not.
//! - *Implied*: the constraints imply claims, and with any one of them removed they do not.
//! - *Step by step*, for whole circuits: in the order of the constraints, each either defines exactly one
//!   new variable, which the solver shows to be unique whatever the others are, or speaks of known
//!   variables only and is a check. By induction the inputs determine every variable. Leaving out a
//!   definition leaves its variable free, so each is needed; that each check is needed is shown by the
//!   attacks of `constraints.rs`.
//!
//! **Denominators.** Where a variable is a quotient, its denominator must not be zero, or it is free. Every
//! quotient is counted here, so none comes unseen. They are of three kinds: in lookups `ζ − item`, and
//! `ζ` in evaluations, which are zero with negligible probability for a challenge drawn after
//! everything that stands there was committed; and those of sums of points, which are shown not to be
//! zero on the curve (`curve.rs`), where every point is: constants are, inputs are decoded by the
//! verifier, and sums stay on it.

#![allow(clippy::unwrap_used)]

#[path = "../support/node.rs"]
#[allow(dead_code)]
mod node;

mod curve;
mod gadget;
mod hashes;
mod statements;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use gadget::Gadget;

#[test]
fn a_solver_finds_what_the_constraints_of_every_gadget_mean() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, extension: &str| folder.path().join(name).with_extension(extension);
    let gadgets: Vec<Gadget> = [curve::gadgets(), hashes::gadgets(), statements::gadgets()]
        .into_iter()
        .flatten()
        .collect();
    for gadget in &gadgets {
        let path = place(&gadget.name, "r1cs");
        assert!(!path.exists(), "two gadgets are called {}", gadget.name);
        gadget.constraints.write(&mut File::create(path).unwrap()).unwrap();
        fs::write(place(&gadget.name, "json"), gadget.wanted.to_string()).unwrap();
    }
    let python = std::env::var_os("PYTHON").map_or_else(
        || std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"),
        PathBuf::from,
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python/check_unique.py");
    let (ok, said) = node::run(Command::new(python).arg(script).arg(folder.path()));
    assert!(ok, "{said}");
    assert!(said.contains(&format!("gadgets: {}, 0 failed", gadgets.len())), "{said}");
    print_all(&said);
}

#[allow(clippy::print_stdout)]
fn print_all(text: &str) {
    println!("{text}");
}
