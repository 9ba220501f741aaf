//! A circuit and what is to be shown of it.

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef};
use galen_zk::ceremony::r1cs::Constraints;
use galen_zk::circuit::wire::Wire;
use galen_zk::statement::Statement;
use galen_zk::testing::Exposed;
use serde_json::{Value, json};

/// `Σ factor·variable`.
pub type Combination = Vec<(Fr, usize)>;

fn written(combinations: &[Combination]) -> Value {
    let term = |(factor, wire): &(Fr, usize)| json!([factor.to_string(), wire]);
    combinations.iter().map(|terms| terms.iter().map(term).collect::<Value>()).collect()
}

pub struct Gadget {
    pub name: String,
    pub constraints: Constraints,
    pub wanted: Value,
}

/// What is to be shown of a circuit built for it, in its wires.
#[derive(Default)]
pub struct Wanted {
    /// Assumed to be zero.
    pub zero: Vec<Wire>,
    /// Assumed not to be zero.
    pub nonzero: Vec<Wire>,
    /// Rows whose second sides, which are denominators, are assumed not to be zero.
    pub denominators: Vec<usize>,
    /// Shown to be zero.
    pub claims: Vec<Wire>,
    /// One of them shown to be zero.
    pub one_of: Vec<Wire>,
    /// Whether the constraints only state a lemma: nothing is said about whether each is needed.
    pub lemma: bool,
}

fn built<T>(
    name: &str,
    build: impl FnOnce(&ConstraintSystemRef<Fr>) -> T,
) -> (ConstraintSystemRef<Fr>, Constraints, T) {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let value = build(&cs);
    cs.finalize();
    assert!(cs.is_satisfied().unwrap(), "{name}");
    let constraints = Constraints::from_system(&cs).unwrap();
    (cs, constraints, value)
}

impl Gadget {
    /// The public inputs determine every other variable, if the second sides of some rows, which
    /// are denominators, are not zero.
    pub fn unique(
        name: &str,
        denominators: &[usize],
        build: impl FnOnce(&ConstraintSystemRef<Fr>),
    ) -> Self {
        let (_, constraints, ()) = built(name, build);
        let [_, second, _] = constraints.matrices();
        let nonzero: Vec<Combination> =
            denominators.iter().map(|row| second[*row].clone()).collect();
        let wanted = json!({ "inputs": constraints.instance() - 1, "nonzero": written(&nonzero) });
        Self { name: name.into(), constraints, wanted }
    }

    /// The constraints of a circuit built for it imply something.
    pub fn shown(name: &str, build: impl FnOnce(&ConstraintSystemRef<Fr>) -> Wanted) -> Self {
        let (cs, constraints, wanted) = built(name, build);
        let first = cs.num_instance_variables();
        let all = |wires: &[Wire]| -> Vec<Combination> {
            let place = |wire: &Wire| {
                let terms = wire.linear().iter();
                terms.map(|(f, v)| (*f, v.get_variable_index(first).unwrap())).collect()
            };
            wires.iter().map(place).collect()
        };
        let [_, second, _] = constraints.matrices();
        let mut nonzero = all(&wanted.nonzero);
        nonzero.extend(wanted.denominators.iter().map(|row| second[*row].clone()));
        let lemma = wanted.lemma;
        let mut wanted = json!({
            "lemma": lemma,
            "zero": written(&all(&wanted.zero)),
            "nonzero": written(&nonzero),
            "claims": written(&all(&wanted.claims)),
            "one_of": written(&all(&wanted.one_of)),
        });
        wanted.as_object_mut().unwrap().retain(|_, value| *value != json!([]));
        Self { name: name.into(), constraints, wanted }
    }

    /// No assignment satisfies the constraints: they imply that one is zero.
    pub fn unsatisfiable(name: &str, build: impl FnOnce(&ConstraintSystemRef<Fr>)) -> Self {
        let cs = ConstraintSystem::<Fr>::new_ref();
        build(&cs);
        cs.finalize();
        let constraints = Constraints::from_system(&cs).unwrap();
        let wanted = json!({ "claims": written(&[vec![(Fr::from(1), 0)]]) });
        Self { name: name.into(), constraints, wanted }
    }

    /// Some rows of a statement imply that claims are zero, if other combinations are not.
    pub fn implied<S: Statement>(
        name: &str,
        statement: &S,
        rows: &[usize],
        nonzero: &[Combination],
        claims: &[Combination],
    ) -> Self {
        let constraints = Constraints::of(statement).unwrap().retain(|row| rows.contains(&row));
        let wanted = json!({ "nonzero": written(nonzero), "claims": written(claims) });
        Self { name: name.into(), constraints, wanted }
    }

    /// Public inputs, committed ones, and the private values that a statement's prover chooses determine
    /// everything else, step by step. So many rows are checks, and so many variables quotients.
    pub fn steps<S: Exposed>(name: &str, statement: &S, checks: usize, quotients: usize) -> Self {
        let constraints = Constraints::of(statement).unwrap();
        let inputs = constraints.instance() - 1 + statement.private();
        Self::stepwise(name, constraints, inputs, checks, quotients)
    }

    /// The public inputs of a circuit built for it determine everything else, step by step.
    pub fn steps_of(
        name: &str,
        quotients: usize,
        build: impl FnOnce(&ConstraintSystemRef<Fr>),
    ) -> Self {
        let (_, constraints, ()) = built(name, build);
        let inputs = constraints.instance() - 1;
        Self::stepwise(name, constraints, inputs, 0, quotients)
    }

    fn stepwise(
        name: &str,
        constraints: Constraints,
        inputs: usize,
        checks: usize,
        quotients: usize,
    ) -> Self {
        let wanted = json!({ "steps": inputs, "checks": checks, "quotients": quotients });
        Self { name: name.into(), constraints, wanted }
    }
}
