//! The light client against liars: every refusal names its rule and stands beside the case that is
//! accepted. Certificates and trees are made here, the trees by a reference of their own.
#![allow(clippy::unwrap_used, missing_docs)]

mod certificates;
mod chain;
mod independent;
mod licences;
#[path = "../../../../zk/tests/support/node.rs"]
mod node;
mod proofs;
mod reference;
