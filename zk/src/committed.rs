//! Groth16 with committed inputs.
