//! Columns with real proofs, at the block size of tests: what a false summary would take.

#![allow(clippy::unwrap_used)]

mod columns;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use galen_zk::circuit::column::Chart;
use galen_zk::circuit::column_small::{ColumnSmall, ColumnSmallPublic, ColumnSmallWitness};
use galen_zk::circuit::column_wide::{ColumnWide, ColumnWidePublic, ColumnWideWitness};
use galen_zk::committed;
use galen_zk::proof::ProofError;
use galen_zk::statement::Statement;
use galen_zk::summary::Summary;
use galen_zk::testing::broken;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use columns::{Case, challenge, prover, small_case, wide_case};

/// A summary with one cell moved from the first bin into the second, as published by a prover that
/// adjusts a blinder once it knows the challenge.
fn forged(summary: &Summary, blinders: &[Fr; 3], zeta: Fr) -> (Vec<Fr>, [Fr; 3]) {
    let mut moved = summary.clone();
    moved.bins[0] -= 1;
    moved.bins[1] += 1;
    // Published: the false summary under the old blinders. In the circuit: the true one under others.
    let difference = zeta - Fr::ONE;
    let mut adjusted = *blinders;
    adjusted[0] += difference * zeta.pow([4]) * zeta.pow([36]).inverse().unwrap();
    (moved.coefficients(blinders), adjusted)
}

/// Honest proof, then the same with blinders that are chosen after the challenge.
fn blinders_after_the_challenge<S: Statement>(
    case: &Case<S>,
    lie: impl Fn(&S::Witness, &[Fr; 3]) -> S::Witness,
) {
    let prover = prover();
    let statement = &case.statement;
    let key = prover.key(statement.circuit()).unwrap();
    let verifying = prover.verifier().key(statement.circuit()).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(4);

    let commitment = committed::commit(statement, &key, &case.witness).unwrap();
    let zeta = challenge(&commitment);
    let public = case.public(zeta, &case.summary.coefficients(&case.blinders));
    let proof = committed::prove(statement, &key, &public, &case.witness, &mut rng).unwrap();
    let verify = |public: &S::Public, commitment, proof| {
        committed::verify(statement, verifying, public, commitment, proof)
    };
    assert_eq!(verify(&public, &commitment, &proof), Ok(()));

    let (published, adjusted) = forged(&case.summary, &case.blinders, zeta);
    let false_public = case.public(zeta, &published);
    let witness = lie(&case.witness, &adjusted);
    // The circuit cannot know when the blinders were chosen: to it, nothing is wrong.
    assert!(broken(statement, &false_public, &witness).is_empty());
    let forgery = committed::prove(statement, &key, &false_public, &witness, &mut rng).unwrap();
    assert_eq!(verify(&false_public, &commitment, &forgery), Err(ProofError::Invalid));
    assert_eq!(verify(&false_public, &commitment, &proof), Err(ProofError::Invalid));
    // A commitment to the new blinders is another one, from which another challenge follows: there
    // the false summary has another value than this proof is for.
    let other = committed::commit(statement, &key, &witness).unwrap();
    assert_eq!(verify(&false_public, &other, &forgery), Ok(()));
    let later = challenge(&other);
    assert_ne!(later, zeta);
    let later = case.public(later, &published);
    assert_eq!(verify(&later, &other, &forgery), Err(ProofError::Invalid));
    assert!(!broken(statement, &later, &witness).is_empty());
}

#[test]
fn adversary_18a_blinders_chosen_after_the_challenge() {
    let case = small_case(ColumnSmall::SMALL, 1_000, 40);
    blinders_after_the_challenge(&case, |witness: &ColumnSmallWitness, blinders| {
        ColumnSmallWitness { blinders: *blinders, ..witness.clone() }
    });
    let case = wide_case(ColumnWide::SMALL, 1_000, 700);
    blinders_after_the_challenge(&case, |witness: &ColumnWideWitness, blinders| {
        ColumnWideWitness { blinders: *blinders, ..witness.clone() }
    });
}

#[test]
fn adversary_18a_a_proof_is_for_its_chart_and_its_rows() {
    let prover = prover();
    let case = small_case(ColumnSmall::SMALL, 1_000, 40);
    let statement = case.statement;
    let key = prover.key(statement.circuit()).unwrap();
    let verifying = prover.verifier().key(statement.circuit()).unwrap();
    let commitment = committed::commit(&statement, &key, &case.witness).unwrap();
    let zeta = challenge(&commitment);
    let summary = case.summary.coefficients(&case.blinders);
    let public = case.public(zeta, &summary);
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let proof = committed::prove(&statement, &key, &public, &case.witness, &mut rng).unwrap();
    let verify = |public: &ColumnSmallPublic| {
        committed::verify(&statement, verifying, public, &commitment, &proof)
    };
    assert_eq!(verify(&public), Ok(()));
    // Bins moved: another edge in the chart.
    let mut edges = case.chart.edges().to_vec();
    edges[1] += 1;
    let moved = Chart::new(1, edges).unwrap();
    let labels = statement.labels(&moved).unwrap().evaluate(zeta);
    assert_eq!(verify(&ColumnSmallPublic { labels, ..public }), Err(ProofError::Invalid));
    // A row more, a row less.
    for padding in [public.padding - 1, public.padding + 1] {
        assert_eq!(verify(&ColumnSmallPublic { padding, ..public }), Err(ProofError::Invalid));
    }
    let filler = public.filler + Fr::ONE;
    assert_eq!(verify(&ColumnSmallPublic { filler, ..public }), Err(ProofError::Invalid));

    let case = wide_case(ColumnWide::SMALL, 1_000, 700);
    let statement = case.statement;
    let key = prover.key(statement.circuit()).unwrap();
    let verifying = prover.verifier().key(statement.circuit()).unwrap();
    let commitment = committed::commit(&statement, &key, &case.witness).unwrap();
    let zeta = challenge(&commitment);
    let public = case.public(zeta, &case.summary.coefficients(&case.blinders));
    let proof = committed::prove(&statement, &key, &public, &case.witness, &mut rng).unwrap();
    let verify = |public: &ColumnWidePublic| {
        committed::verify(&statement, verifying, public, &commitment, &proof)
    };
    assert_eq!(verify(&public), Ok(()));
    for step in [public.step - 1, public.step + 1] {
        assert_eq!(verify(&ColumnWidePublic { step, ..public }), Err(ProofError::Invalid));
    }
    let padding = public.padding + 1;
    assert_eq!(verify(&ColumnWidePublic { padding, ..public }), Err(ProofError::Invalid));
    let labels = public.labels + Fr::ONE.double();
    assert_eq!(verify(&ColumnWidePublic { labels, ..public }), Err(ProofError::Invalid));
}

#[test]
fn adversary_17_no_proof_is_made_for_a_cell_that_the_chart_does_not_allow() {
    let prover = prover();
    let mut case = small_case(ColumnSmall::SMALL, 1_000, 40);
    let statement = case.statement;
    let key = prover.key(statement.circuit()).unwrap();
    let zeta = Fr::from(0x1234_5678_9abc_def1u64);
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let summary = case.summary.coefficients(&case.blinders);
    let public = case.public(zeta, &summary);
    committed::prove(&statement, &key, &public, &case.witness, &mut rng).unwrap();
    // In the table of codes, beyond the chart.
    let old = case.witness.values[3];
    case.witness.values[3] = Fr::from(1_000u64);
    let change = (case.witness.values[3] - old) * zeta.pow([3]);
    let public = ColumnSmallPublic { column: public.column + change, ..public };
    let refused = committed::prove(&statement, &key, &public, &case.witness, &mut rng).unwrap_err();
    assert_eq!(refused.to_string(), "nothing to prove: row 3: cell 1000 is in no bin");
    let mut cells = case.cells.clone();
    cells[3] = 1_000;
    let refused = case.chart.summary(&cells).unwrap_err();
    assert!(refused.to_string().contains("row 3: cell 1000 is neither missing nor in 1..=40"));
}
