//! Checks what a Galen ledger says without running a node: headers, the certificates by which
//! validators decided them, changes of validators between two headers, proofs that the state holds a
//! key or does not, proofs that an event happened, and licence certificates as files.
//!
//! Depends on `galen-market` for the types of the ledger, on SHA-256 and on Ed25519; on no engine, no
//! database and no network. Whatever is given to it comes from strangers: it is bounded, and decides
//! nothing by a clock of its own.

mod certificate;
mod event;
mod header;
pub mod hexadecimal;
pub mod licence;
mod proof;
mod trust;
mod validators;

pub use certificate::{Certificate, CertificateError, CommitSignature, precommit_message};
pub use event::{EventProof, EventProofError, events_root};
pub use header::{BlockId, Header};
pub use proof::{
    EMPTY_SUBTREE, MAX_KEY_BYTES, MAX_SIBLINGS, OtherLeaf, StateProof, StateProofError,
    internal_hash, leaf_hash,
};
pub use trust::{Anchor, LightBlock, LightError, MAX_PATH, Path, Trust, extend};
pub use validators::{MAX_VALIDATORS, Validator, ValidatorSet, ValidatorSetError};
