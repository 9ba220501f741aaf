//! Small circuits, exported, and decided by a finite-field solver: the inputs determine every other
//! variable, or the constraints imply a claim, over the whole field; and with any one constraint
//! removed they do not.

#![allow(clippy::unwrap_used)]

#[path = "support/node.rs"]
#[allow(dead_code)]
mod node;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ed_on_bn254::EdwardsAffine;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef};
use galen_zk::ceremony::r1cs::Constraints;
use galen_zk::circuit::column_wide::ColumnWide;
use galen_zk::circuit::edwards::PointWire;
use galen_zk::circuit::k_anonymity::KAnonymity;
use galen_zk::circuit::logup::{fractions, horner, partial_sums, quotients, single};
use galen_zk::circuit::wire::{Wire, enforce_equal};
use galen_zk::statement::Statement;
use serde_json::{Value, json};

/// `Σ factor·variable`.
type Combination = Vec<(Fr, usize)>;

fn written(combinations: &[Combination]) -> Value {
    let term = |(factor, wire): &(Fr, usize)| json!([factor.to_string(), wire]);
    combinations.iter().map(|terms| terms.iter().map(term).collect::<Value>()).collect()
}

/// A circuit and what is to be shown of it.
struct Gadget {
    name: &'static str,
    constraints: Constraints,
    wanted: Value,
}

impl Gadget {
    /// The public inputs determine every other variable, if the second sides of some rows, which
    /// are denominators, are not zero.
    fn unique(
        name: &'static str,
        denominators: &[usize],
        build: impl FnOnce(&ConstraintSystemRef<Fr>),
    ) -> Self {
        let cs = ConstraintSystem::<Fr>::new_ref();
        build(&cs);
        cs.finalize();
        assert!(cs.is_satisfied().unwrap(), "{name}");
        let constraints = Constraints::from_system(&cs).unwrap();
        let [_, second, _] = constraints.matrices();
        let nonzero: Vec<Combination> =
            denominators.iter().map(|row| second[*row].clone()).collect();
        let wanted = json!({ "inputs": constraints.instance() - 1, "nonzero": written(&nonzero) });
        Self { name, constraints, wanted }
    }

    /// Some rows of a statement imply that claims are zero, if other combinations are not.
    fn implied<S: Statement>(
        name: &'static str,
        statement: &S,
        rows: &[usize],
        nonzero: &[Combination],
        claims: &[Combination],
    ) -> Self {
        let constraints = Constraints::of(statement).unwrap().retain(|row| rows.contains(&row));
        let wanted = json!({ "nonzero": written(nonzero), "claims": written(claims) });
        Self { name, constraints, wanted }
    }
}

fn point(cs: &ConstraintSystemRef<Fr>, factor: u64) -> PointWire {
    let point: EdwardsAffine =
        (EdwardsAffine::generator() * ark_ed_on_bn254::Fr::from(factor)).into();
    PointWire::input(cs, &point).unwrap()
}

fn gadgets() -> Vec<Gadget> {
    let one = Fr::ONE;
    vec![
        Gadget::unique("bits", &[], |cs| {
            let number = Wire::input(cs, Fr::from(5u64)).unwrap();
            let bits = [true, false, true].map(|bit| Wire::bit(cs, bit).unwrap());
            enforce_equal(cs, &Wire::from_bits(&bits), &number).unwrap();
        }),
        Gadget::unique("quotient", &[0], |cs| {
            let [a, b] = [6u64, 3].map(|value| Wire::input(cs, Fr::from(value)).unwrap());
            let _ = a.over(cs, &b).unwrap();
        }),
        Gadget::unique("edwards-sum", &[4, 5], |cs| {
            let (a, b) = (point(cs, 2), point(cs, 3));
            let _ = a.plus(cs, &b).unwrap();
        }),
        Gadget::unique("edwards-double", &[3, 4], |cs| {
            let _ = point(cs, 2).doubled(cs).unwrap();
        }),
        // The challenge is drawn later, and meets no item but with negligible probability.
        Gadget::unique("lookup-fraction", &[0], |cs| {
            let [zeta, item, count] =
                [9u64, 4, 2].map(|value| cs.new_input_variable(|| Ok(Fr::from(value))).unwrap());
            let values = quotients(Fr::from(9u64), [(Fr::from(2u64), Fr::from(4u64))]);
            fractions(cs, zeta, [(single(count), single(item))], &values).unwrap();
        }),
        Gadget::unique("horner", &[0], |cs| {
            let zeta = cs.new_input_variable(|| Ok(Fr::from(9u64))).unwrap();
            let terms: Vec<Fr> = [3u64, 1, 4, 1].map(Fr::from).to_vec();
            let wires: Vec<_> = terms
                .iter()
                .map(|term| single(cs.new_input_variable(|| Ok(*term)).unwrap()))
                .collect();
            let (value, partial) = partial_sums(Fr::from(9u64), &terms);
            let value = cs.new_witness_variable(|| Ok(value)).unwrap();
            horner(cs, zeta, value, &wires, &partial).unwrap();
        }),
        counters(),
        wide("wide-present", one),
        wide("wide-missing", Fr::ZERO),
    ]
}

/// K1 and K2 of one row: where the column changes, the counter was k − 1 and is zero, for every k but
/// zero.
fn counters() -> Gadget {
    const ROWS: usize = 5;
    let statement = KAnonymity { rows: ROWS };
    // Variables: the constant, k, ζ, Y, the differences and eight blinders, the mask, the counters.
    let (k, difference) = (1, |row: usize| 4 + row);
    let counter = |row: usize| 4 + ROWS + 8 + 1 + row - 1;
    let one = Fr::ONE;
    let row = 2;
    Gadget::implied(
        "k-anonymity-counter",
        &statement,
        // Two rows for each row of the table, from the second on.
        &[2 * (row - 1), 2 * (row - 1) + 1],
        &[vec![(one, k)], vec![(one, difference(row))]],
        &[vec![(one, counter(row))], vec![(one, counter(row - 1)), (-one, k), (one, 0)]],
    )
}

/// W1 and W2 of one row of a wide column: a cell that is not missing is `1 + w + W`, and one that is
/// not present is zero, without a value.
fn wide(name: &'static str, present: Fr) -> Gadget {
    const ROWS: usize = 3;
    let statement = ColumnWide { rows: ROWS, steps: 4, grid: 4 };
    // Variables: the constant, seven inputs, the values and eight blinders, w, W.
    let (value, low) = (8, 8 + ROWS + 8);
    let high = low + ROWS;
    let one = Fr::ONE;
    let sum = vec![(one, low), (one, high)];
    // p = v − w − W, and what it must not be.
    let other = vec![(one, value), (-one, low), (-one, high), (present - one, 0)];
    if present == one {
        let claim = vec![(one, value), (-one, low), (-one, high), (-one, 0)];
        return Gadget::implied(name, &statement, &[0], &[other], &[claim]);
    }
    Gadget::implied(name, &statement, &[0, 1], &[other], &[sum, vec![(one, value)]])
}

#[test]
fn inputs_determine_outputs_and_no_constraint_is_superfluous() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, extension: &str| folder.path().join(name).with_extension(extension);
    let gadgets = gadgets();
    for gadget in &gadgets {
        let mut file = File::create(place(gadget.name, "r1cs")).unwrap();
        gadget.constraints.write(&mut file).unwrap();
        fs::write(place(gadget.name, "json"), gadget.wanted.to_string()).unwrap();
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
