//! What the commands do, apart from how they are asked for: functions of plain arguments, a wallet
//! and a session. The demonstration and the agent call the same ones. Depends on the wallet, the
//! typed client and the lower packages; prints nothing.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use galen_zk::keys::Prover;

use crate::error::Failure;

pub mod authority;
pub mod credential;
pub mod crypt4gh;
pub mod description;
pub mod eligibility;
pub mod genesis;
pub mod licence;
pub mod light;
pub mod listing;
pub mod money;
pub mod node;
pub mod pack;
pub mod params;
pub mod prepare;
pub(crate) mod presentation;
pub mod proving;
pub mod purchase;
pub mod receive;
pub mod recover;
mod refusal;
pub mod review;
pub mod royalty;
pub mod source;
pub mod standing;
pub mod statement;
pub mod store;
pub mod subscription;
pub mod tier;
pub mod upload;

pub(crate) use refusal::refused;

/// Said wherever a proof is made or accepted under development parameters.
pub const FORGEABLE_NOTICE: &str = "These proofs use development parameters, whose secret is public: they are forgeable, and \
     good for trying out only.";

/// Where generated proving keys are kept: `GALEN_PARAMS`, or `galen/params` in the user's cache.
/// Losing them costs time only.
pub fn parameters_directory() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("GALEN_PARAMS")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("galen/params")))
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache/galen/params")))
        .unwrap_or_else(|| std::env::temp_dir().join("galen-params"))
}

/// The folder of a ceremony whose parameters are used instead of those for development:
/// `GALEN_CEREMONY`, if it is set.
pub fn ceremony_directory() -> Option<PathBuf> {
    std::env::var_os("GALEN_CEREMONY").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The prover of this process: keys are read when first needed, and kept.
///
/// # Errors
/// When the parameters cannot be read.
pub fn prover() -> Result<Arc<Prover>, Failure> {
    static PROVER: OnceLock<Arc<Prover>> = OnceLock::new();
    if let Some(prover) = PROVER.get() {
        return Ok(Arc::clone(prover));
    }
    let prover = Arc::new(match ceremony_directory() {
        Some(folder) => Prover::ceremony(folder)?,
        None => Prover::development(parameters_directory())?,
    });
    Ok(Arc::clone(PROVER.get_or_init(|| prover)))
}
