//! The encrypted file that keeps a seed.
//!
//! ```text
//! magic "GALENKEY" 8 | version 1 | kdf 1 | memory KiB u32 | passes u32 | lanes u32 | salt 16
//! | nonce 12 | length u32 | ciphertext of entropy, with its tag | SHA-256 of all before, 32
//! ```
//!
//! Integers are little-endian. The key is Argon2id (RFC 9106) of the password; the cipher is
//! ChaCha20-Poly1305 (RFC 8439) with everything before the ciphertext as associated data. The
//! checksum protects nothing: it tells a damaged file from a wrong password. Costs are read from
//! the file and bounded before any work is done, so that a forged file cannot exhaust the machine.

use std::io;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::derive::Wallet;
use super::file;
use super::password::Password;
use super::seed::Seed;

const MAGIC: &[u8; 8] = b"GALENKEY";
const VERSION: u8 = 1;
const ARGON2ID: u8 = 1;
const TAG_BYTES: usize = 16;
const HEAD_BYTES: usize = 8 + 1 + 1 + 12 + 16 + 12 + 4;
const CHECKSUM_BYTES: usize = 32;
/// Longest keystore file: a head, 32 bytes of entropy, a tag, a checksum.
const MAX_BYTES: usize = HEAD_BYTES + 32 + TAG_BYTES + CHECKSUM_BYTES;

/// What one guess at a password costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// For new files: RFC 9106's second recommendation, 64 MiB and three passes, in one lane.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that a file may ask for: one GiB, and four GiB of memory traffic.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    const MAX_TRAFFIC_KIB: u64 = 4 * 1024 * 1024;

    /// Whether a file may ask for this.
    pub fn acceptable(self) -> bool {
        (1..=4).contains(&self.lanes)
            && (8 * self.lanes..=Self::MAX_MEMORY_KIB).contains(&self.memory_kib)
            && self.passes >= 1
            && u64::from(self.memory_kib) * u64::from(self.passes) <= Self::MAX_TRAFFIC_KIB
            && self.passes <= 1024
    }
}

/// Why a keystore could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// There is no file.
    #[error("there is no keystore at {0}")]
    Missing(PathBuf),
    /// There is one already, and it is never overwritten.
    #[error("there is a keystore at {0} already")]
    Exists(PathBuf),
    /// The file system refused.
    #[error("the keystore {path} cannot be read or written: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("this is not a Galen keystore")]
    Foreign,
    /// A version that this program does not know.
    #[error("the keystore has version {0}; this program knows version {VERSION}")]
    Version(u8),
    /// Truncated, longer than it says, or changed.
    #[error("the keystore is damaged: it was truncated or changed")]
    Damaged,
    /// The file asks for more memory or time than any keystore of ours does.
    #[error("the keystore asks for an absurd cost ({} KiB, {} passes, {} lanes); nothing was computed", .0.memory_kib, .0.passes, .0.lanes)]
    Cost(Cost),
    /// The file is whole, the password is not its own.
    #[error("wrong password")]
    WrongPassword,
}

/// The bytes of a keystore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keystore(Vec<u8>);

impl Keystore {
    /// Encrypts a seed under a password, with fresh salt and nonce.
    ///
    /// # Errors
    /// [`KeystoreError::Cost`] when the cost is one that [`Self::open`] would refuse.
    pub fn seal(seed: &Seed, password: &Password, cost: Cost) -> Result<Self, KeystoreError> {
        let mut bytes = Vec::with_capacity(MAX_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, ARGON2ID]);
        for number in [cost.memory_kib, cost.passes, cost.lanes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let mut random = [0; 28];
        OsRng.fill_bytes(&mut random);
        bytes.extend_from_slice(&random);
        let length = seed.entropy().len() + TAG_BYTES;
        bytes.extend_from_slice(&u32::try_from(length).expect("at most 48").to_le_bytes());
        let key = stretch(password, &random[..16], cost)?;
        let ciphertext = ChaCha20Poly1305::new((&*key).into())
            .encrypt((&random[16..]).into(), Payload { msg: seed.entropy(), aad: &bytes })
            .expect("32 bytes are far below the cipher's limit");
        bytes.extend_from_slice(&ciphertext);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        Ok(Self(bytes))
    }

    /// Takes bytes for a keystore, checking everything that needs no password.
    ///
    /// # Errors
    /// [`KeystoreError::Foreign`], [`KeystoreError::Version`], [`KeystoreError::Damaged`] or
    /// [`KeystoreError::Cost`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, KeystoreError> {
        if bytes.len() < MAGIC.len() {
            return Err(if MAGIC.starts_with(&bytes) && !bytes.is_empty() {
                KeystoreError::Damaged
            } else {
                KeystoreError::Foreign
            });
        }
        if !bytes.starts_with(MAGIC) {
            return Err(KeystoreError::Foreign);
        }
        let whole = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= HEAD_BYTES);
        let Some(end) = whole.filter(|_| bytes.len() <= MAX_BYTES) else {
            return Err(KeystoreError::Damaged);
        };
        if Sha256::digest(&bytes[..end]).as_slice() != &bytes[end..] {
            return Err(KeystoreError::Damaged);
        }
        if bytes[8] != VERSION {
            return Err(KeystoreError::Version(bytes[8]));
        }
        let store = Self(bytes);
        let length = store.number(HEAD_BYTES - 4) as usize;
        let entropy = length.checked_sub(TAG_BYTES);
        let known = matches!(entropy, Some(16 | 20 | 24 | 28 | 32));
        if store.0[9] != ARGON2ID || !known || HEAD_BYTES + length != end {
            return Err(KeystoreError::Damaged);
        }
        let cost = store.cost();
        if cost.acceptable() { Ok(store) } else { Err(KeystoreError::Cost(cost)) }
    }

    /// Decrypts the seed.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassword`].
    pub fn open(&self, password: &Password) -> Result<Seed, KeystoreError> {
        let end = self.0.len() - CHECKSUM_BYTES;
        let (salt, nonce) = (&self.0[22..38], &self.0[38..50]);
        let key = stretch(password, salt, self.cost())?;
        let entropy = ChaCha20Poly1305::new((&*key).into())
            .decrypt(
                nonce.into(),
                Payload { msg: &self.0[HEAD_BYTES..end], aad: &self.0[..HEAD_BYTES] },
            )
            .map_err(|_| KeystoreError::WrongPassword)?;
        let entropy = Zeroizing::new(entropy);
        Seed::from_entropy(&entropy).map_err(|_| KeystoreError::Damaged)
    }

    /// What a guess at this file's password costs.
    pub fn cost(&self) -> Cost {
        Cost { memory_kib: self.number(10), passes: self.number(14), lanes: self.number(18) }
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a keystore file.
    ///
    /// # Errors
    /// As [`Self::decode`], or when there is no file or it cannot be read.
    pub fn read(path: &Path) -> Result<Self, KeystoreError> {
        match file::read_bounded(path, MAX_BYTES as u64) {
            Ok(bytes) => Self::decode(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(KeystoreError::Missing(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(KeystoreError::Foreign)
            }
            Err(source) => Err(KeystoreError::Io { path: path.to_owned(), source }),
        }
    }

    /// Writes a new keystore file; one that exists is left alone.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] or what the file system says.
    pub fn create(&self, path: &Path) -> Result<(), KeystoreError> {
        let io = |source| KeystoreError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            file::private_directory(parent).map_err(io)?;
        }
        file::create(path, &self.0).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeystoreError::Exists(path.to_owned()),
            _ => io(error),
        })
    }

    /// Replaces a keystore file: whatever happens, it holds the old keystore or this one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn replace(&self, path: &Path) -> Result<(), KeystoreError> {
        file::replace(path, &self.0)
            .map_err(|source| KeystoreError::Io { path: path.to_owned(), source })
    }

    /// Opens a keystore file as a wallet.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::open`].
    pub fn unlock(path: &Path, password: &Password) -> Result<Wallet, KeystoreError> {
        Ok(Wallet::new(Self::read(path)?.open(password)?))
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

fn stretch(
    password: &Password,
    salt: &[u8],
    cost: Cost,
) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
    if !cost.acceptable() {
        return Err(KeystoreError::Cost(cost));
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| KeystoreError::Cost(cost))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.bytes(), salt, &mut *key)
        .map_err(|_| KeystoreError::Cost(cost))?;
    Ok(key)
}

#[cfg(test)]
#[path = "keystore_tests.rs"]
mod tests;
