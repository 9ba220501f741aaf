//! The `galen` command: a library with a thin binary.
//!
//! [`command`] has one file for each noun, [`wallet`] keeps the keys, [`output`] decides what goes
//! to the screen, [`signer`] serves a wallet to the browser and [`console`] an institution's work, both
//! by way of [`loopback`]; [`config`] is what a command works with, [`error`] how it fails. Everything that
//! concerns the ledger goes through a node's HTTP interface; only the node's own command runs one.

pub mod agent;
pub mod command;
pub mod config;
pub mod console;
pub mod demo;
pub mod error;
pub mod loopback;
pub mod mirror;
pub mod operation;
pub mod output;
pub mod session;
pub mod signer;
pub mod wallet;
