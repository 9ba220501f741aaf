//! "This is the key of that segment": what a buyer proves to dispute a segment without giving away
//! the master key.
//!
//! Statement: the prover knows `k` with `K = Poseidon(KEY, k)` and `k_i = Poseidon(SEGMENT, k, i)`.
//! The deal is a public input of its own, so that a proof made for one deal proves nothing in
//! another; no constraint speaks of it, the verifying key does. Depends on [`crate::hash`].

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::wire::{Wire, enforce_equal};
use crate::field::Scalar;
use crate::hash::{domain, key_commitment, poseidon_wire, segment_key};
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// The circuit; it has one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SegmentKey;

/// What both sides know.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct SegmentKeyPublic {
    /// `K`, from the package.
    pub key_commitment: Scalar,
    /// Number of the segment.
    pub index: u64,
    /// Its key `k_i`.
    pub segment_key: Scalar,
    /// The deal in which the proof is used.
    pub deal: Scalar,
}

/// What the prover knows.
#[derive(Clone, Copy)]
pub struct SegmentKeyWitness {
    /// The master key `k`.
    pub key: Scalar,
}

impl SegmentKeyPublic {
    /// The true public values for a master key.
    #[must_use]
    pub fn of(key: Scalar, index: u64, deal: Scalar) -> Self {
        Self {
            key_commitment: Scalar(key_commitment(key.0)),
            index,
            segment_key: Scalar(segment_key(key.0, index)),
            deal,
        }
    }
}

impl Statement for SegmentKey {
    type Public = SegmentKeyPublic;
    type Witness = SegmentKeyWitness;

    fn circuit(&self) -> CircuitId {
        CircuitId("segment-key/1")
    }

    fn inputs(&self, public: &SegmentKeyPublic) -> Vec<Fr> {
        vec![public.key_commitment.0, Fr::from(public.index), public.segment_key.0, public.deal.0]
    }

    fn check(
        &self,
        public: &SegmentKeyPublic,
        witness: &SegmentKeyWitness,
    ) -> Result<(), Unsatisfied> {
        if key_commitment(witness.key.0) != public.key_commitment.0 {
            return Err(Unsatisfied("the key does not open the package's commitment".into()));
        }
        if segment_key(witness.key.0, public.index) != public.segment_key.0 {
            return Err(Unsatisfied("this is not the key of that segment".into()));
        }
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &SegmentKeyPublic,
        witness: &SegmentKeyWitness,
    ) -> Result<(), SynthesisError> {
        let commitment = Wire::input(&cs, public.key_commitment.0)?;
        let index = Wire::input(&cs, Fr::from(public.index))?;
        let segment = Wire::input(&cs, public.segment_key.0)?;
        let _deal = Wire::input(&cs, public.deal.0)?;

        let key = Wire::witness(&cs, witness.key.0)?;
        let found = poseidon_wire(&cs, &[Wire::constant(domain::KEY), key.clone()])?;
        enforce_equal(&cs, &found, &commitment)?;
        let found = poseidon_wire(&cs, &[Wire::constant(domain::SEGMENT), key, index])?;
        enforce_equal(&cs, &found, &segment)
    }

    fn example(&self) -> (SegmentKeyPublic, SegmentKeyWitness) {
        let key = Scalar::from(123_456_789);
        (SegmentKeyPublic::of(key, 3, Scalar::from(17)), SegmentKeyWitness { key })
    }
}

#[cfg(any(test, feature = "testing"))]
mod exposed {
    use super::*;
    use crate::testing::{Attack, Exposed, Position, System};

    impl Exposed for SegmentKey {
        fn private(&self) -> usize {
            1
        }

        fn supplied(&self) -> Vec<Position> {
            // Number and deal.
            vec![2, 4]
        }

        fn claim(&self, instance: &[Fr], private: &[Fr]) -> Result<(), Unsatisfied> {
            let index = SegmentKey.example().0.index;
            let public = SegmentKeyPublic {
                key_commitment: Scalar(instance[0]),
                index,
                segment_key: Scalar(instance[2]),
                deal: Scalar(instance[3]),
            };
            self.check(&public, &SegmentKeyWitness { key: Scalar(private[0]) })
        }

        fn honest(&self) -> Vec<(SegmentKeyPublic, SegmentKeyWitness)> {
            vec![self.example()]
        }

        fn attacks(&self, _: &System) -> Vec<Attack> {
            Vec::new()
        }
    }
}

#[cfg(test)]
#[path = "segment_key_tests.rs"]
mod tests;
