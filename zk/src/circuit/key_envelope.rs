//! "This ciphertext holds the key to that package, for this buyer, in this deal": what an
//! institution proves to be paid.
//!
//! Statement: the prover knows `k` and `e` with `K = Poseidon(KEY, k)`, `E = e·G` and
//! `ct = k + Poseidon(ENVELOPE, S.x, S.y, deal)` where `S = e·B`. `B` and `E` are points of the prime
//! subgroup other than the identity: [`JubPoint`] refuses any other, so `e ≠ 0` and the holder of
//! `b` with `B = b·G` finds `S = b·E`. Hashed Diffie-Hellman; the pad is one field element, so the
//! plaintext is exact. Depends on [`crate::hash`] and [`super::edwards`].

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ed_on_bn254::EdwardsAffine;
use ark_ff::UniformRand;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use super::edwards::{
    JubScalar, PointWire, SCALAR_BITS, enforce_same_point, fits, scalar_bits, times_affine,
    times_generator, times_point,
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

fn pad(shared: (Fr, Fr), deal: Fr) -> Fr {
    poseidon(&[domain::ENVELOPE, shared.0, shared.1, deal])
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
        ephemeral: JubPoint::generator()
            .times(ephemeral)
            .map_err(|_| Unsatisfied("the ephemeral scalar is 0".into()))?,
        ciphertext: Scalar(key.0 + pad(times_affine(buyer.affine(), ephemeral), deal.0)),
        deal,
    })
}

/// Opens an envelope with the secret `b` of the delivery key.
///
/// # Errors
/// When what comes out does not open the package's commitment: the envelope is for another key or
/// deal, or was never proven.
pub fn open(public: &KeyEnvelopePublic, buyer_secret: &JubScalar) -> Result<Scalar, Unsatisfied> {
    let shared = times_affine(public.ephemeral.affine(), buyer_secret);
    let key = public.ciphertext.0 - pad(shared, public.deal.0);
    if key_commitment(key) != public.key_commitment.0 {
        return Err(Unsatisfied("the envelope does not hold the package's key for us".into()));
    }
    Ok(Scalar(key))
}

/// The meaning, over public inputs as the verifying key has them.
fn rules(inputs: &[Fr], witness: &KeyEnvelopeWitness) -> Result<(), Unsatisfied> {
    let [commitment, buyer_x, buyer_y, x, y, ciphertext, deal] = inputs else {
        return Err(Unsatisfied("not seven public inputs".into()));
    };
    if key_commitment(witness.key.0) != *commitment {
        return Err(Unsatisfied("the key does not open the package's commitment".into()));
    }
    if times_affine(&EdwardsAffine::generator(), &witness.ephemeral) != (*x, *y) {
        return Err(Unsatisfied("E is not e·G".into()));
    }
    let buyer = EdwardsAffine::new_unchecked(*buyer_x, *buyer_y);
    let shared = times_affine(&buyer, &witness.ephemeral);
    if *ciphertext != witness.key.0 + pad(shared, *deal) {
        return Err(Unsatisfied("the ciphertext does not hold the key".into()));
    }
    Ok(())
}

impl Statement for KeyEnvelope {
    type Public = KeyEnvelopePublic;
    type Witness = KeyEnvelopeWitness;

    fn circuit(&self) -> CircuitId {
        if *self == Self::default() {
            CircuitId("key-envelope/1")
        } else {
            CircuitId("key-envelope/1/unregistered")
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
        rules(&self.inputs(public), witness)
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
        let bits = scalar_bits(&cs, &witness.ephemeral, self.scalar_bits)?;

        let found = poseidon_wire(&cs, &[Wire::constant(domain::KEY), key.clone()])?;
        enforce_equal(&cs, &found, &commitment)?;

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

#[cfg(any(test, feature = "testing"))]
mod exposed {
    use super::*;
    use crate::circuit::edwards::scalar_of_bits;
    use crate::testing::{Attack, Exposed, Position, System};

    impl KeyEnvelope {
        /// A circuit of the same code that the harness gets through in seconds.
        #[must_use]
        pub fn small() -> Self {
            Self { scalar_bits: 8 }
        }
    }

    impl Exposed for KeyEnvelope {
        fn private(&self) -> usize {
            1 + self.scalar_bits as usize
        }

        fn supplied(&self) -> Vec<Position> {
            // B and the deal.
            vec![2, 3, 7]
        }

        fn claim(&self, instance: &[Fr], private: &[Fr]) -> Result<(), Unsatisfied> {
            let ephemeral = scalar_of_bits(&private[1..])
                .ok_or_else(|| Unsatisfied("the ephemeral scalar is not one".into()))?;
            rules(instance, &KeyEnvelopeWitness { key: Scalar(private[0]), ephemeral })
        }

        fn honest(&self) -> Vec<(KeyEnvelopePublic, KeyEnvelopeWitness)> {
            let (public, mut witness) = self.example();
            // Windows of bits of every kind between the two.
            witness.ephemeral = JubScalar::from(0b0101_0110u64);
            let other = seal_with(witness.key, &public.buyer, public.deal, &witness.ephemeral)
                .expect("not 0");
            vec![self.example(), (other, witness)]
        }

        fn attacks(&self, _: &System) -> Vec<Attack> {
            Vec::new()
        }
    }
}

#[cfg(test)]
#[path = "key_envelope_tests.rs"]
mod tests;
