//! The key of a node: it signs the votes of a validator, and the identity that the node has on the
//! network derives from it.

use ed25519_consensus::SigningKey;
use libp2p::identity::Keypair;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// An Ed25519 key in a file of its own that only its owner can read: 64 hexadecimal digits.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeKeyError {
    /// It does not hold a key.
    #[error("{0} does not hold a node key: 64 hexadecimal digits are expected")]
    Format(PathBuf),
    /// It cannot be read or written.
    #[error("the node key {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", hex::encode(self.public()))
    }
}

impl NodeKey {
    /// The key with a given secret.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self(SigningKey::from(secret))
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// When it cannot be read or holds no key.
    pub fn load(path: &Path) -> Result<Self, NodeKeyError> {
        let text = fs::read_to_string(path)
            .map_err(|error| NodeKeyError::Io { path: path.to_owned(), error })?;
        let bytes =
            hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self::from_secret).ok_or_else(|| NodeKeyError::Format(path.to_owned()))
    }

    /// Reads the key file, or makes a new key and writes it.
    ///
    /// # Errors
    /// When it cannot be read or written, or holds no key.
    pub fn load_or_create(path: &Path) -> Result<Self, NodeKeyError> {
        if path.exists() {
            return Self::load(path);
        }
        let key = Self(SigningKey::new(rand::rngs::OsRng));
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(hex::encode(key.0.to_bytes()).as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write().map_err(|error| NodeKeyError::Io { path: path.to_owned(), error })?;
        Ok(key)
    }

    /// The consensus key, as a genesis names it.
    pub fn public(&self) -> [u8; 32] {
        self.0.verification_key().to_bytes()
    }

    pub(crate) fn signing(&self) -> SigningKey {
        self.0.clone()
    }

    /// The identity on the network, which is another key so that nothing signed there is a vote.
    pub(crate) fn network(&self) -> Keypair {
        let mut hasher = Sha256::new();
        hasher.update(b"galen network identity 1");
        hasher.update(self.0.to_bytes());
        let secret: [u8; 32] = hasher.finalize().into();
        Keypair::ed25519_from_bytes(secret).expect("any 32 bytes are an Ed25519 secret")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/node");
        let key = NodeKey::load_or_create(&path).unwrap();
        assert_eq!(NodeKey::load_or_create(&path).unwrap().public(), key.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{key:?}").contains(&hex::encode(key.0.to_bytes())));
        fs::write(&path, "12").unwrap();
        assert!(matches!(NodeKey::load_or_create(&path), Err(NodeKeyError::Format(_))));
    }
}
