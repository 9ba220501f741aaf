//! Harness that shows every constraint of a circuit to be necessary. For tests only.
