//! What a forger of plain proofs tries, under the frozen development parameters.

#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::field::Scalar;
use galen_zk::keys::{Prover, Verifier};
use galen_zk::proof::{Proof, ProofError, ProveError, verify};
use galen_zk::statement::Statement;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let directory = std::env::var_os("GALEN_PARAMS").map_or_else(
            || std::env::temp_dir().join("galen-zk-test-params"),
            std::path::PathBuf::from,
        );
        Prover::development(directory).unwrap()
    })
}

fn verifier() -> &'static Verifier {
    prover().verifier()
}

/// A proven segment key, shared by the tests that only tamper with it.
fn sample() -> &'static (SegmentKeyPublic, Proof) {
    static SAMPLE: OnceLock<(SegmentKeyPublic, Proof)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let key = Scalar(Fr::rand(&mut rng(1)));
        let public = SegmentKeyPublic::of(key, 7, Scalar::from(1_234u64));
        let witness = SegmentKeyWitness { key };
        let proof = prover().prove(&SegmentKey, &public, &witness, &mut rng(2)).unwrap();
        (public, proof)
    })
}

#[test]
fn honest_proof_verifies_and_round_trips() {
    let (public, proof) = sample();
    assert_eq!(verifier().verify(&SegmentKey, public, proof), Ok(()));
    let bytes = borsh::to_vec(proof).unwrap();
    assert_eq!(bytes, proof.to_bytes());
    assert_eq!(borsh::from_slice::<Proof>(&bytes).unwrap(), *proof);
    let json = serde_json::to_string(proof).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&json).unwrap(), *proof);
}

#[test]
fn adversary_10_rerandomised_proof_is_the_same_statement() {
    let (public, proof) = sample();
    let key = verifier().key(SegmentKey.circuit()).unwrap();
    let other = proof.rerandomised(key, &mut rng(3));
    assert_ne!(other, *proof);
    assert_eq!(verifier().verify(&SegmentKey, public, &other), Ok(()));
}

#[test]
fn adversary_11_public_input_plus_modulus_is_refused() {
    let (public, _) = sample();
    let bytes = borsh::to_vec(public).unwrap();
    assert_eq!(borsh::from_slice::<SegmentKeyPublic>(&bytes).unwrap(), *public);
    // The deal's number, with the modulus added, is the last 32 bytes.
    let at = bytes.len() - 32;
    let mut larger = bytes.clone();
    let mut carry = 0u16;
    for (byte, modulus) in larger[at..].iter_mut().zip(galen_zk::field::modulus_bytes()) {
        carry += u16::from(*byte) + u16::from(modulus);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    let refused = borsh::from_slice::<SegmentKeyPublic>(&larger).unwrap_err();
    assert!(refused.to_string().contains("modulus"), "{refused}");
}

#[test]
fn adversary_12_malformed_proofs_are_refused_without_panic() {
    let (public, proof) = sample();
    let bytes = proof.to_bytes();
    for end in 0..bytes.len() {
        assert!(borsh::from_slice::<Proof>(&bytes[..end]).is_err());
    }
    assert!(borsh::from_slice::<Proof>(&[bytes.as_slice(), &[0]].concat()).is_err());
    // Infinity in each place: the flag in the last byte, everything else zero.
    for place in [0..32, 32..96, 96..128] {
        let mut infinite = bytes;
        infinite[place.clone()].fill(0);
        infinite[place.end - 1] = 0x40;
        let refused = borsh::from_slice::<Proof>(&infinite).unwrap_err();
        assert!(refused.to_string().contains("neutral element"), "{refused}");
    }
    // Signs and other points of the curve: well formed, and refused.
    for place in [31, 95, 127] {
        let mut negated = bytes;
        negated[place] ^= 0x80;
        let other: Proof = borsh::from_slice(&negated).unwrap();
        assert_eq!(
            verifier().verify(&SegmentKey, public, &other),
            Err(ProofError::Invalid),
            "{place}"
        );
    }
    assert_eq!(verifier().verify(&SegmentKey, public, proof), Ok(()));
}

#[test]
fn adversary_14_proof_of_another_circuit_is_refused() {
    let (public, proof) = sample();
    let envelope = KeyEnvelope::default();
    let (other_public, other_witness) = envelope.example();
    let other = prover().prove(&envelope, &other_public, &other_witness, &mut rng(5)).unwrap();
    assert_eq!(verifier().verify(&envelope, &other_public, &other), Ok(()));
    // Each proof for the other statement, and this statement under the other's key.
    assert_eq!(verifier().verify(&SegmentKey, public, &other), Err(ProofError::Invalid));
    assert_eq!(verifier().verify(&envelope, &other_public, proof), Err(ProofError::Invalid));
    let key = verifier().key(envelope.circuit()).unwrap();
    assert_eq!(verify(&SegmentKey, key, public, proof), Err(ProofError::Inputs));
    // A key made for committed inputs never verifies a plain proof.
    let committed = verifier().key(galen_zk::circuit::k_anonymity::K_ANONYMITY_SMALL).unwrap();
    assert_eq!(verify(&SegmentKey, committed, public, proof), Err(ProofError::Inputs));
    // And a proving key of another circuit proves nothing here.
    let wrong = prover().key(envelope.circuit()).unwrap();
    let witness = SegmentKeyWitness { key: Scalar(Fr::rand(&mut rng(1))) };
    assert_eq!(
        galen_zk::proof::prove(&SegmentKey, &wrong, public, &witness, &mut rng(6)).unwrap_err(),
        ProveError::Shape("another number of variables")
    );
    assert_eq!(verifier().verify(&SegmentKey, public, proof), Ok(()));
}

#[test]
fn adversary_16_changed_inputs_are_refused() {
    let (public, proof) = sample();
    let one = Fr::from(1u64);
    let changed = |change: &dyn Fn(&mut SegmentKeyPublic)| {
        let mut other = *public;
        change(&mut other);
        verifier().verify(&SegmentKey, &other, proof)
    };
    assert_eq!(changed(&|_| {}), Ok(()));
    assert_eq!(changed(&|p| p.key_commitment.0 += one), Err(ProofError::Invalid));
    assert_eq!(changed(&|p| p.index += 1), Err(ProofError::Invalid));
    assert_eq!(changed(&|p| p.segment_key.0 += one), Err(ProofError::Invalid));
    // Used by no constraint but its own, and bound all the same.
    assert_eq!(changed(&|p| p.deal.0 += one), Err(ProofError::Invalid));
}

#[test]
fn adversary_17_false_witness_is_not_proven() {
    let (public, _) = sample();
    let witness = SegmentKeyWitness { key: Scalar::from(3u64) };
    let refused = prover().prove(&SegmentKey, public, &witness, &mut rng(7)).unwrap_err();
    assert!(matches!(refused, ProveError::Unsatisfied(_)), "{refused}");
}
