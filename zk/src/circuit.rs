//! The circuits, one file a statement. Each gives the statement in words, a plain-Rust check and
//! the constraints.

pub mod column;
pub mod column_small;
pub mod column_wide;
pub mod credential;
pub mod edwards;
pub mod k_anonymity;
pub mod key_envelope;
pub mod l_diversity;
pub mod logup;
pub mod runs;
pub mod segment_key;
pub mod wire;
