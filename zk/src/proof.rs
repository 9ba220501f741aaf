//! Groth16 proofs as they travel.
