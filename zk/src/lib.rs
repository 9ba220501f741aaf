//! Statements and zero-knowledge proofs of Galen.
//!
//! A type lives here only if a circuit constrains it; its native form and its in-circuit form stand
//! side by side. This crate is synchronous and does no I/O, except for the optional cache of
//! development parameters in [`setup`]. It depends on arkworks and on nothing else of Galen.

pub mod batch;
pub mod bundle;
pub mod ceremony;
pub mod circuit;
pub mod commitment;
pub mod committed;
pub mod error;
pub mod fft;
pub mod field;
pub mod hash;
pub mod interop;
pub mod keys;
pub mod merkle;
pub mod msm;
pub mod point;
mod product;
pub mod proof;
mod prover;
pub mod setup;
pub mod statement;
pub mod summary;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
