#![allow(clippy::unwrap_used)]

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::circuit::k_anonymity::{KAnonymity, KAnonymityPublic};
use crate::circuit::segment_key::SegmentKey;
use crate::circuit::wire::{Wire, enforce_product};
use crate::committed;
use crate::proof::{ProvingKey, verify};
use crate::setup::generate;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Both provers' proofs of an example, for the same randomness.
fn same<S: Statement>(statement: &S, key: &ProvingKey) {
    let (public, witness) = statement.example();
    for seed in 0..2 {
        let assignment = key.assign(statement, &public, &witness).unwrap();
        let ours = key.prove(assignment, &mut rng(seed)).unwrap();
        let stock = key.prove_stock(statement, &public, &witness, &mut rng(seed)).unwrap();
        assert_eq!(ours.to_bytes(), stock.to_bytes());
    }
}

#[test]
fn proofs_are_those_of_arkworks() {
    same(&SegmentKey, &generate(&SegmentKey).unwrap());
    for rows in [3, 6, 40] {
        let statement = KAnonymity { rows };
        same(&statement, &generate(&statement).unwrap());
    }
    let sum = Sum;
    let key = generate(&sum).unwrap();
    same(&sum, &key);
    // Without blinding, where r and s are zero.
    for (r, s) in [(Fr::ZERO, Fr::ZERO), (Fr::ZERO, Fr::ONE), (Fr::rand(&mut rng(9)), Fr::ZERO)] {
        let (public, witness) = sum.example();
        let assignment = key.assign(&sum, &public, &witness).unwrap();
        assert_eq!(
            prove(key.stock(), Reduction::Libsnark, assignment, r, s).unwrap(),
            prove_stock(key.stock(), &sum, &public, &witness, r, s).unwrap()
        );
    }
}

/// `Σ coefficient·x^i`, with large, small and negative coefficients; `check` finds nothing wrong.
struct Sum;

impl Statement for Sum {
    type Public = Fr;
    /// `x`, and how many powers of it are written out.
    type Witness = (Fr, usize);

    fn circuit(&self) -> CircuitId {
        CircuitId("sum/1")
    }

    fn inputs(&self, public: &Fr) -> Vec<Fr> {
        vec![*public]
    }

    fn check(&self, _: &Fr, _: &(Fr, usize)) -> Result<(), Unsatisfied> {
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &Fr,
        (x, powers): &(Fr, usize),
    ) -> Result<(), SynthesisError> {
        let public = Wire::input(&cs, *public)?;
        let x = Wire::witness(&cs, *x)?;
        let factor = |power| match power {
            0 => -Fr::ONE,
            1 => Fr::from(u64::MAX) * Fr::from(u64::MAX),
            _ => Fr::from(5u64),
        };
        let mut power = x.clone();
        let mut sum = x.scaled(factor(0));
        for index in 1..*powers {
            power = power.times(&cs, &x)?;
            sum = sum.plus(&power.scaled(factor(index)));
        }
        enforce_product(&cs, &sum, &Wire::constant(Fr::ONE), &public)
    }

    fn example(&self) -> (Fr, (Fr, usize)) {
        let x = Fr::from(11u64);
        let large = Fr::from(u64::MAX) * Fr::from(u64::MAX);
        let sum = -x + large * x.square() + Fr::from(5u64) * x.square() * x;
        (sum, (x, 3))
    }
}

#[test]
fn a_broken_constraint_is_named() {
    let statement = Sum;
    let key = generate(&statement).unwrap();
    let (public, witness) = statement.example();
    let refused = |public, witness| key.assign(&statement, &public, &witness).unwrap_err();
    assert_eq!(
        refused(public + Fr::ONE, witness),
        ProveError::Unsatisfied(Unsatisfied("constraint 2 does not hold".into()))
    );
    assert_eq!(
        refused(public, (witness.0 + Fr::ONE, 3)),
        ProveError::Unsatisfied(Unsatisfied("constraint 2 does not hold".into()))
    );
    // One variable more than the key is for.
    assert!(matches!(refused(public, (witness.0, 4)), ProveError::Shape(_)));
    assert!(matches!(refused(public, (witness.0, 2)), ProveError::Shape(_)));
    let assignment = key.assign(&statement, &public, &witness).unwrap();
    let proof = key.prove(assignment, &mut rng(1)).unwrap();
    let verifying = key.verifying_key("sum").unwrap();
    assert_eq!(verify(&statement, &verifying, &public, &proof), Ok(()));
}

#[test]
fn a_key_is_used_for_its_own_circuit_only() {
    let statement = Sum;
    let key = generate(&statement).unwrap();
    let (public, witness) = statement.example();
    let other = generate(&SegmentKey).unwrap();
    // Before and after that key has written out a circuit of its own.
    for _ in 0..2 {
        let assignment = other.assign(&statement, &public, &witness).unwrap();
        assert!(matches!(other.prove(assignment, &mut rng(1)), Err(ProveError::Shape(_))));
        same(&SegmentKey, &other);
    }
    same(&statement, &key);
}

#[test]
fn committed_inputs_are_proven_as_before() {
    let statement = KAnonymity { rows: 6 };
    let key = generate(&statement).unwrap();
    let verifying = key.verifying_key("k-anonymity").unwrap();
    let (public, witness) = statement.example();
    let commitment = committed::commit(&statement, &key, &witness).unwrap();
    let proof = committed::prove(&statement, &key, &public, &witness, &mut rng(3)).unwrap();
    let verify = |public: &KAnonymityPublic| {
        committed::verify(&statement, &verifying, public, &commitment, &proof)
    };
    assert_eq!(verify(&public), Ok(()));
    assert!(verify(&KAnonymityPublic { k: 1, ..public }).is_err());
}
