//! A ceremony: parameters whose trapdoors nobody knows if one contributor was honest.
//!
//! It has three parts. *Phase 1*, the powers of tau, is a public file ([`phase1`]); column commitments
//! use the same powers. *Phase 2*, one for each circuit, is run here ([`initial`], [`contribute`]) or by
//! the public tools on the exported constraints ([`r1cs`]), in one format, so that contributors may
//! choose; its result is checked against circuit, powers and history ([`zkey`], [`history`]). The
//! *σ chain* of circuits with committed inputs is run here ([`sigma`]). [`folder`] keeps all of it and
//! makes what a production network accepts.
//! Depends on the registry of circuits ([`crate::keys`]) and on the types of keys and points.

pub mod container;
pub mod contribute;
mod drawn;
pub mod entropy;
pub mod folder;
pub mod history;
pub mod initial;
pub mod phase1;
pub mod r1cs;
pub mod sigma;
pub mod zkey;

pub use container::FormatError;

/// Why a file of a ceremony is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The file cannot be read or written, or is not of its format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Powers of tau that are no powers of one secret, or of a trivial one.
    #[error("not powers of tau: {0}")]
    Powers(&'static str),
    /// The powers are too few for the circuit.
    #[error("the circuit needs powers of tau up to 2^{needed}, the file has 2^{power}")]
    TooFew {
        /// Logarithm of the domain.
        needed: u32,
        /// Logarithm of the file's.
        power: u32,
    },
    /// A key of another circuit, or one whose points are not those of the circuit.
    #[error("not a key of this circuit: {0}")]
    Key(&'static str),
    /// Contributions to a phase 2 that do not lead to its key.
    #[error(transparent)]
    History(#[from] history::HistoryError),
    /// A transcript of σ that does not hold.
    #[error(transparent)]
    Sigma(#[from] sigma::SigmaError),
    /// Keys cannot be read, or the registry has no such circuit.
    #[error(transparent)]
    Parameters(#[from] crate::proof::KeyError),
    /// A part of the ceremony is missing.
    #[error("the ceremony is not complete: {0}")]
    Incomplete(String),
}

impl From<std::io::Error> for CeremonyError {
    fn from(error: std::io::Error) -> Self {
        Self::Format(error.into())
    }
}
