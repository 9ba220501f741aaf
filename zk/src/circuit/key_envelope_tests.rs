#![allow(clippy::unwrap_used)]

use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, MontFp};
use ark_relations::gr1cs::ConstraintSystem;
use ark_serialize::CanonicalSerialize;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::field::{DecodeError, modulus_bytes};
use crate::proof::{self, ProofError};
use crate::setup;

fn satisfied(public: &KeyEnvelopePublic, witness: &KeyEnvelopeWitness) -> bool {
    let circuit = KeyEnvelope::default();
    let cs = ConstraintSystem::<Fr>::new_ref();
    circuit.synthesize(cs.clone(), public, witness).unwrap();
    let satisfied = cs.is_satisfied().unwrap();
    let check = circuit.check(public, witness);
    assert_eq!(satisfied, check.is_ok(), "circuit and plain check disagree: {check:?}");
    satisfied
}

fn refusal(public: &KeyEnvelopePublic, witness: &KeyEnvelopeWitness) -> String {
    assert!(!satisfied(public, witness));
    KeyEnvelope::default().check(public, witness).unwrap_err().0
}

const WRONG_KEY: &str = "the key does not open the package's commitment";
const WRONG_TEXT: &str = "the ciphertext does not hold the key";

struct Deal {
    secret: JubScalar,
    public: KeyEnvelopePublic,
    witness: KeyEnvelopeWitness,
}

fn deal() -> Deal {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let secret = JubScalar::rand(rng);
    let buyer = JubPoint::generator().times(&secret).unwrap();
    let (public, witness) = seal(Scalar(Fr::rand(rng)), &buyer, Scalar::from(8), rng);
    Deal { secret, public, witness }
}

#[test]
fn an_envelope_holds_opens_and_has_the_stated_size() {
    let Deal { secret, public, witness } = deal();
    assert!(satisfied(&public, &witness));
    assert_eq!(open(&public, &secret), Ok(witness.key));
    let (public, witness) = KeyEnvelope::default().example();
    assert!(satisfied(&public, &witness));

    let cs = ConstraintSystem::<Fr>::new_ref();
    KeyEnvelope::default().synthesize(cs.clone(), &public, &witness).unwrap();
    assert_eq!(cs.num_constraints(), 4_316);
    assert_eq!(KeyEnvelope::default().inputs(&public).len(), 7);
}

#[test]
fn scalars_of_every_kind_multiply_as_the_native_curve_does() {
    let (public, mut witness) = KeyEnvelope::default().example();
    for ephemeral in [
        JubScalar::ONE,
        JubScalar::from(2u64),
        -JubScalar::ONE,
        -JubScalar::from(2u64),
        JubScalar::from(1u64 << 63),
        JubScalar::ONE / JubScalar::from(3u64),
    ] {
        witness.ephemeral = ephemeral;
        let public = seal_with(witness.key, &public.buyer, public.deal, &ephemeral).unwrap();
        assert!(satisfied(&public, &witness));
    }
    assert!(seal_with(witness.key, &public.buyer, public.deal, &JubScalar::ZERO).is_err());
}

#[test]
fn adversary_24_another_key_than_the_package_s() {
    let Deal { secret, public, witness } = deal();
    assert!(satisfied(&public, &witness));
    // −k, and the zero key, sealed as if they were the key.
    for key in [-witness.key.0, Fr::ZERO] {
        let wrong = KeyEnvelopeWitness { key: Scalar(key), ephemeral: witness.ephemeral };
        let mut forged =
            seal_with(wrong.key, &public.buyer, public.deal, &witness.ephemeral).unwrap();
        assert!(satisfied(&forged, &wrong), "an honest envelope of another package");
        forged.key_commitment = public.key_commitment;
        assert_eq!(refusal(&forged, &wrong), WRONG_KEY);
        assert_eq!(refusal(&forged, &witness), WRONG_TEXT);
        assert!(open(&forged, &secret).is_err());
    }
    // k + r is no scalar: the bytes are refused before any reduction.
    assert_eq!(Scalar::from_bytes(&modulus_bytes()), Err(DecodeError::NotReduced));
    // −E: the opened key would be another.
    let mut forged = public;
    forged.ephemeral = JubPoint::new(-*public.ephemeral.affine()).unwrap();
    assert_eq!(refusal(&forged, &witness), "E is not e·G");
}

#[test]
fn adversary_24_delivery_keys_outside_the_prime_subgroup() {
    let bytes = |point: EdwardsAffine| {
        let mut bytes = [0u8; 32];
        point.serialize_compressed(bytes.as_mut_slice()).unwrap();
        bytes
    };
    let good = JubPoint::generator();
    assert_eq!(JubPoint::from_bytes(&bytes(*good.affine())), Ok(good));
    // (0, −1) has order 2; added to a good key it makes one of a foreign subgroup.
    let order_two = EdwardsAffine::new_unchecked(Fr::ZERO, -Fr::ONE);
    assert!(order_two.is_on_curve());
    let foreign = (*good.affine() + order_two).into_affine();
    assert!(foreign.is_on_curve());
    for point in [order_two, foreign] {
        assert_eq!(JubPoint::from_bytes(&bytes(point)), Err(DecodeError::WrongSubgroup));
    }
    assert_eq!(JubPoint::from_bytes(&bytes(EdwardsAffine::zero())), Err(DecodeError::Identity));
    assert!(JubPoint::new(order_two).is_err());
}

#[test]
fn adversary_30_an_envelope_of_another_deal() {
    let Deal { secret, public, witness } = deal();
    assert!(satisfied(&public, &witness));
    let moved = KeyEnvelopePublic { deal: Scalar::from(9), ..public };
    assert_eq!(refusal(&moved, &witness), WRONG_TEXT);
    assert!(open(&moved, &secret).is_err());
    // The same envelope for another buyer.
    let other = JubPoint::generator().times(&JubScalar::from(3u64)).unwrap();
    let moved = KeyEnvelopePublic { buyer: other, ..public };
    assert_eq!(refusal(&moved, &witness), WRONG_TEXT);
}

#[test]
fn the_curve_is_baby_jubjub() {
    // The curve of circomlib, a·x² + y² = 1 + d·x²y² with a = 168700 and d = 168696, has its base
    // point at these coordinates; here the abscissa is scaled by √a so that a = 1.
    let x: Fr =
        MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553");
    let y: Fr =
        MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203");
    let scaled = x * Fr::from(168_700).sqrt().unwrap();
    let point = EdwardsAffine::new_unchecked(scaled, y);
    assert!(point.is_on_curve());
    assert!(point.is_in_correct_subgroup_assuming_on_curve());
}

#[test]
fn a_proof_verifies_for_its_deal_only() {
    let circuit = KeyEnvelope::small();
    let (public, witness) = circuit.example();
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let key = setup::generate(&circuit).unwrap();
    let verifying = key.verifying_key(circuit.circuit().0).unwrap();
    let made = proof::prove(&circuit, &key, &public, &witness, rng).unwrap();
    assert_eq!(proof::verify(&circuit, &verifying, &public, &made), Ok(()));
    let moved = KeyEnvelopePublic { deal: Scalar::from(9), ..public };
    let refused = proof::verify(&circuit, &verifying, &moved, &made);
    assert_eq!(refused, Err(ProofError::Invalid));
    assert!(proof::prove(&circuit, &key, &moved, &witness, rng).is_err());
}
