#![allow(clippy::unwrap_used)]

use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::ConstraintSystem;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::proof::{self, ProofError};
use crate::setup;

fn refusal(public: &SegmentKeyPublic, witness: &SegmentKeyWitness) -> Option<String> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    SegmentKey.synthesize(cs.clone(), public, witness).unwrap();
    let check = SegmentKey.check(public, witness);
    assert_eq!(cs.is_satisfied().unwrap(), check.is_ok(), "circuit and plain check disagree");
    check.err().map(|error| error.0)
}

#[test]
fn holds_for_the_key_of_that_segment_only() {
    let (public, witness) = SegmentKey.example();
    assert_eq!(refusal(&public, &witness), None);
    let largest = SegmentKeyPublic::of(witness.key, u64::MAX, public.deal);
    assert_eq!(refusal(&largest, &witness), None);

    let wrong = Some("this is not the key of that segment".to_owned());
    let other = SegmentKeyPublic { index: public.index + 1, ..public };
    assert_eq!(refusal(&other, &witness), wrong);
    let other = SegmentKeyPublic { segment_key: Scalar(-public.segment_key.0), ..public };
    assert_eq!(refusal(&other, &witness), wrong);
    for key in [-witness.key.0, Fr::ZERO, witness.key.0 + Fr::ONE] {
        let other = SegmentKeyPublic {
            key_commitment: public.key_commitment,
            ..SegmentKeyPublic::of(Scalar(key), public.index, public.deal)
        };
        let refused = refusal(&other, &SegmentKeyWitness { key: Scalar(key) });
        assert_eq!(refused.unwrap(), "the key does not open the package's commitment");
    }
}

#[test]
fn has_the_stated_size() {
    let (public, witness) = SegmentKey.example();
    let cs = ConstraintSystem::<Fr>::new_ref();
    SegmentKey.synthesize(cs.clone(), &public, &witness).unwrap();
    assert_eq!(cs.num_constraints(), 512);
    assert_eq!(SegmentKey.inputs(&public).len(), 4);
}

#[test]
fn adversary_16_an_unused_public_input_changed() {
    // No constraint mentions the deal; the verifying key binds it all the same.
    let (public, witness) = SegmentKey.example();
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let key = setup::generate(&SegmentKey).unwrap();
    let verifying = key.verifying_key(SegmentKey.circuit().0).unwrap();
    let made = proof::prove(&SegmentKey, &key, &public, &witness, rng).unwrap();
    assert_eq!(proof::verify(&SegmentKey, &verifying, &public, &made), Ok(()));
    let lifted = SegmentKeyPublic { deal: Scalar::from(18), ..public };
    let refused = proof::verify(&SegmentKey, &verifying, &lifted, &made);
    assert_eq!(refused, Err(ProofError::Invalid));
    let other = SegmentKeyPublic { index: public.index + 1, ..public };
    let refused = proof::verify(&SegmentKey, &verifying, &other, &made);
    assert_eq!(refused, Err(ProofError::Invalid));
}
