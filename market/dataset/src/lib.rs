//! From a raw table to a sealed package and back.
//!
//! Runs on the machine of an institution or a buyer; no validator uses it, so it may use floats,
//! hash maps and files. May depend on `galen-zk` and `galen-market`.

pub mod attempts;
mod bounds;
pub mod charts;
pub mod commit;
pub mod crypt4gh;
pub mod csv_out;
pub mod deidentify;
pub mod dispute;
pub mod durable;
pub mod encode;
pub mod hierarchy;
pub mod ingest;
pub mod inspect;
pub mod manifest;
pub mod open;
pub mod opener;
pub mod output;
pub mod pack;
pub mod package;
pub mod partial;
pub mod property;
pub mod prove;
pub mod risk;
pub mod roles;
pub mod schema;
pub mod seal;
pub mod shard;
pub mod shares;
mod stated;
mod stream;
pub mod verify;

#[cfg(test)]
mod tests;
