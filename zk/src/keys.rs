//! The registry of circuits, their pinned keys, and the two ends that use them: [`Verifier`] and
//! [`Prover`].
//!
//! Every circuit is frozen in `zk/vectors`: its constraints, verifying key and proving key by hash, and
//! the verifying key's bytes, which are part of the program. A verifier never generates anything. To
//! freeze new or changed circuits, run this crate's tests with `GALEN_FREEZE=1`, then build again;
//! with `GALEN_FREEZE=all` every key is made anew, as a change of the generator needs.
//! Depends on every other module of the crate.

mod parameters;
mod prover;
mod registry;
mod verifier;

pub use parameters::{Network, Origin, Parameters, PublicKeys};
pub use prover::{Prover, Step};
pub use registry::{Entry, Frozen, Index, registry};
pub use verifier::Verifier;

pub(crate) use registry::{SRS, pinned};

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
