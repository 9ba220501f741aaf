//! The proofs of one row block, sharing one challenge and one batch of openings.
