//! "This ciphertext holds the key to that package, for this buyer, in this deal": what an
//! institution proves to be paid.
//!
//! Statement: the prover knows `k` and `e` with `K = Poseidon(KEY, k)`, `E = e·G` and
//! `ct = k + Poseidon(ENVELOPE, S.x, S.y, deal)` where `S = e·B`. `B` and `E` are points of the prime
//! subgroup other than the identity: [`JubPoint`] refuses any other, so `e ≠ 0` and the holder of
//! `b` with `B = b·G` finds `S = b·E`. Hashed Diffie-Hellman; the pad is one field element, so the
//! plaintext is exact. Depends on [`crate::hash`] and [`super::edwards`].

use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use super::edwards::{
    JubScalar, PointWire, SCALAR_BITS, enforce_same_point, fits, scalar_bits, times_generator,
    times_point,
};
use super::wire::{Wire, enforce_equal};
use crate::field::Scalar;
use crate::hash::{domain, key_commitment, poseidon, poseidon_wire};
use crate::point::JubPoint;
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// The circuit. Every size but the full one is for tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyEnvelope {
    scalar_bits: u32,
}

impl Default for KeyEnvelope {
    fn default() -> Self {
        Self { scalar_bits: SCALAR_BITS }
    }
}

/// What both sides know.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct KeyEnvelopePublic {
    /// `K`, from the package.
    pub key_commitment: Scalar,
    /// `B`, the buyer's one-time delivery key.
    pub buyer: JubPoint,
    /// `E = e·G`.
    pub ephemeral: JubPoint,
    /// The master key under the pad.
    pub ciphertext: Scalar,
    /// The deal that the envelope is for.
    pub deal: Scalar,
}

/// What the institution knows.
#[derive(Clone, Copy)]
pub struct KeyEnvelopeWitness {
    /// The master key `k`.
    pub key: Scalar,
    /// `e`, drawn once for this envelope.
    pub ephemeral: JubScalar,
}

fn pad(shared: &JubPoint, deal: Scalar) -> Fr {
    let shared = shared.affine();
    poseidon(&[domain::ENVELOPE, shared.x, shared.y, deal.0])
}

fn times(point: &JubPoint, scalar: &JubScalar) -> Result<JubPoint, Unsatisfied> {
    point.times(scalar).map_err(|_| Unsatisfied("the ephemeral scalar is 0".into()))
}

/// Seals a master key to a buyer's delivery key, with what is needed to prove it.
pub fn seal(
    key: Scalar,
    buyer: &JubPoint,
    deal: Scalar,
    rng: &mut (impl RngCore + CryptoRng),
) -> (KeyEnvelopePublic, KeyEnvelopeWitness) {
    loop {
        let ephemeral = JubScalar::rand(rng);
        // Fails for 0 only, which nobody will see drawn.
        if let Ok(public) = seal_with(key, buyer, deal, &ephemeral) {
            return (public, KeyEnvelopeWitness { key, ephemeral });
        }
    }
}

fn seal_with(
    key: Scalar,
    buyer: &JubPoint,
    deal: Scalar,
    ephemeral: &JubScalar,
) -> Result<KeyEnvelopePublic, Unsatisfied> {
    Ok(KeyEnvelopePublic {
        key_commitment: Scalar(key_commitment(key.0)),
        buyer: *buyer,
        ephemeral: times(&JubPoint::generator(), ephemeral)?,
        ciphertext: Scalar(key.0 + pad(&times(buyer, ephemeral)?, deal)),
        deal,
    })
}

/// Opens an envelope with the secret `b` of the delivery key.
///
/// # Errors
/// When what comes out does not open the package's commitment: the envelope is for another key or
/// deal, or was never proven.
pub fn open(public: &KeyEnvelopePublic, buyer_secret: &JubScalar) -> Result<Scalar, Unsatisfied> {
    let shared = times(&public.ephemeral, buyer_secret)?;
    let key = public.ciphertext.0 - pad(&shared, public.deal);
    if key_commitment(key) != public.key_commitment.0 {
        return Err(Unsatisfied("the envelope does not hold the package's key for us".into()));
    }
    Ok(Scalar(key))
}

impl Statement for KeyEnvelope {
    type Public = KeyEnvelopePublic;
    type Witness = KeyEnvelopeWitness;

    fn circuit(&self) -> CircuitId {
        if *self == Self::default() {
            CircuitId("key-envelope-1")
        } else {
            CircuitId("key-envelope-1-small")
        }
    }

    fn inputs(&self, public: &KeyEnvelopePublic) -> Vec<Fr> {
        let (buyer, ephemeral) = (public.buyer.affine(), public.ephemeral.affine());
        vec![
            public.key_commitment.0,
            buyer.x,
            buyer.y,
            ephemeral.x,
            ephemeral.y,
            public.ciphertext.0,
            public.deal.0,
        ]
    }

    fn check(
        &self,
        public: &KeyEnvelopePublic,
        witness: &KeyEnvelopeWitness,
    ) -> Result<(), Unsatisfied> {
        if !fits(&witness.ephemeral, self.scalar_bits) {
            return Err(Unsatisfied("the ephemeral scalar is too long".into()));
        }
        let honest = seal_with(witness.key, &public.buyer, public.deal, &witness.ephemeral)?;
        if honest.key_commitment != public.key_commitment {
            return Err(Unsatisfied("the key does not open the package's commitment".into()));
        }
        if honest.ephemeral != public.ephemeral {
            return Err(Unsatisfied("E is not e·G".into()));
        }
        if honest.ciphertext != public.ciphertext {
            return Err(Unsatisfied("the ciphertext does not hold the key".into()));
        }
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &KeyEnvelopePublic,
        witness: &KeyEnvelopeWitness,
    ) -> Result<(), SynthesisError> {
        let commitment = Wire::input(&cs, public.key_commitment.0)?;
        let buyer = PointWire::input(&cs, public.buyer.affine())?;
        let ephemeral = PointWire::input(&cs, public.ephemeral.affine())?;
        let ciphertext = Wire::input(&cs, public.ciphertext.0)?;
        let deal = Wire::input(&cs, public.deal.0)?;

        let key = Wire::witness(&cs, witness.key.0)?;
        let found = poseidon_wire(&cs, &[Wire::constant(domain::KEY), key.clone()])?;
        enforce_equal(&cs, &found, &commitment)?;

        let bits = scalar_bits(&cs, &witness.ephemeral, self.scalar_bits)?;
        let found = times_generator(&cs, &bits)?;
        enforce_same_point(&cs, &found, &ephemeral)?;

        let shared = times_point(&cs, &bits, &buyer)?;
        let pad =
            poseidon_wire(&cs, &[Wire::constant(domain::ENVELOPE), shared.x, shared.y, deal])?;
        enforce_equal(&cs, &key.plus(&pad), &ciphertext)
    }

    fn example(&self) -> (KeyEnvelopePublic, KeyEnvelopeWitness) {
        let key = Scalar::from(987_654_321);
        let buyer = JubPoint::generator()
            .times(&JubScalar::from(5_555_555u64))
            .expect("a small scalar other than 0");
        let ephemeral = if self.scalar_bits == SCALAR_BITS {
            // Long and of mixed bits: the inverse of a small number.
            -JubScalar::from(1_234_567_891_011u64)
        } else {
            JubScalar::from((1u64 << self.scalar_bits.min(32)) - 3)
        };
        let public = seal_with(key, &buyer, Scalar::from(42), &ephemeral)
            .expect("the ephemeral scalar is not 0");
        (public, KeyEnvelopeWitness { key, ephemeral })
    }
}
