//! Keys of one person or organisation: a seed that can be written down as words, every key
//! derived from it, and the encrypted file that keeps it.
//!
//! Secrets live here and nowhere else in the command line. Every type that holds one wipes it when
//! dropped and prints nothing of it. Depends on no other part of this package.

pub mod derive;
pub mod file;
pub mod keystore;
pub mod package_secret;
pub mod password;
pub mod seed;

pub use derive::{DealKeys, Role, Wallet};
pub use keystore::{Cost, Keystore, KeystoreError};
pub use package_secret::{PackageSecret, PackageSecretError};
pub use password::Password;
pub use seed::{Seed, SeedError};
