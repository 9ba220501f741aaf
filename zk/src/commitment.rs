//! Hiding commitments to columns, and their openings.
