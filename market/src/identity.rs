//! Registered parties, the credential trees of issuers, and the credentials that are shown.

pub mod presentation;
pub mod registry;
pub mod tree;
pub mod validator;

pub use registry::{Party, Standing};
