//! Agreement on the order of transactions by Malachite (Tendermint: Buchman, Kwon, Milosevic, "The
//! latest gossip on BFT consensus", 2018), and everything that it leaves to its application.

pub mod codec;
mod engine;
mod parts;
pub mod signing;
pub mod types;
pub mod validators;
mod wal;

pub use engine::EngineError;
pub(crate) use engine::{Engine, Signals};
pub use wal::WalError;
pub(crate) use wal::inspect;
