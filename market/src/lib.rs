//! Rules of the Galen marketplace and the state machine of its ledger.
//!
//! Synchronous and deterministic: no clock, no floats, no randomness, no hash maps, no I/O. The
//! crate verifies proofs and decides, but never awaits or opens anything, so that the same rules
//! run in a node, in a dry run, in simulation and under a fuzzer. It depends on `galen-zk` and on
//! nothing else of Galen; state is read and written through [`state`] alone.

pub mod action;
pub mod amount;
pub mod authority;
pub mod codec;
pub mod context;
pub mod date;
pub mod deadline;
pub mod deal;
pub mod error;
pub mod event;
pub mod fee;
pub mod genesis;
pub mod id;
pub mod identity;
pub mod invariant;
pub mod layout;
pub mod ledger;
pub mod listing;
pub mod payment;
pub mod role;
pub mod segment;
pub mod state;
pub mod state_key;
pub mod subject;
pub mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transaction;
pub mod wanted;
