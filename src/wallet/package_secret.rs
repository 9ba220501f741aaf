//! The file that keeps a package's master key.
//!
//! ```text
//! magic "GALENPKG" 8 | version 1 | K 32 | nonce 12 | ciphertext of k 32 | tag 16
//! ```
//!
//! The master key `k` is drawn for one packing run and derives from nothing, so it is encrypted
//! under a key of the wallet: whoever has the wallet's words and this file can deliver. `K`, the
//! commitment to `k` that the listing publishes, is in the clear and authenticated, so that the
//! right file can be found without the wallet.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use rand::RngCore;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::derive::Wallet;

const MAGIC: &[u8; 8] = b"GALENPKG";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 8 + 1 + 32;
/// Length of the file.
pub const FILE_BYTES: usize = HEAD_BYTES + 12 + 32 + 16;

/// Why a package's key file could not be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackageSecretError {
    /// Another kind of file, or a truncated one.
    #[error("this is not a Galen package key file, or it was truncated")]
    Foreign,
    /// A version that this program does not know.
    #[error("the package key file has version {0}; this program knows version {VERSION}")]
    Version(u8),
    /// Of another wallet, or changed.
    #[error("the package key file does not open: it is another wallet's, or it was changed")]
    Refused,
}

/// The master key of a package.
pub struct PackageSecret {
    /// `K`, 32 canonical little-endian bytes.
    pub commitment: [u8; 32],
    /// `k`, 32 canonical little-endian bytes.
    pub master_key: Zeroizing<[u8; 32]>,
}

impl PackageSecret {
    /// Encrypts the key for the owner of a wallet.
    pub fn seal(&self, wallet: &Wallet) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.commitment);
        let mut nonce = [0; 12];
        OsRng.fill_bytes(&mut nonce);
        let ciphertext = ChaCha20Poly1305::new((&*wallet.package_file()).into())
            .encrypt((&nonce).into(), Payload { msg: &*self.master_key, aad: &bytes })
            .expect("32 bytes are far below the cipher's limit");
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        bytes
    }

    /// Decrypts a key file.
    ///
    /// # Errors
    /// See [`PackageSecretError`]. That `k` opens `K` is for the caller to check.
    pub fn open(bytes: &[u8], wallet: &Wallet) -> Result<Self, PackageSecretError> {
        let commitment = Self::commitment(bytes)?;
        let (nonce, ciphertext) = bytes[HEAD_BYTES..].split_at(12);
        let key = ChaCha20Poly1305::new((&*wallet.package_file()).into())
            .decrypt(nonce.into(), Payload { msg: ciphertext, aad: &bytes[..HEAD_BYTES] })
            .map_err(|_| PackageSecretError::Refused)?;
        let key = Zeroizing::new(key);
        let mut master_key = Zeroizing::new([0; 32]);
        master_key.copy_from_slice(&key);
        Ok(Self { commitment, master_key })
    }

    /// `K` of a key file, read without a wallet and so not yet to be trusted.
    ///
    /// # Errors
    /// [`PackageSecretError::Foreign`] or [`PackageSecretError::Version`].
    pub fn commitment(bytes: &[u8]) -> Result<[u8; 32], PackageSecretError> {
        if bytes.len() != FILE_BYTES || !bytes.starts_with(MAGIC) {
            return Err(PackageSecretError::Foreign);
        }
        if bytes[8] != VERSION {
            return Err(PackageSecretError::Version(bytes[8]));
        }
        bytes[9..HEAD_BYTES].try_into().map_err(|_| PackageSecretError::Foreign)
    }
}

impl fmt::Debug for PackageSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackageSecret(K = {}, k ..)", hex::encode(self.commitment))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wallet::Seed;

    #[test]
    fn adversary_60_package_key_file_opens_whole_and_with_its_wallet_only() {
        let wallet = Wallet::new(Seed::generate());
        let secret = PackageSecret { commitment: [3; 32], master_key: Zeroizing::new([5; 32]) };
        let bytes = secret.seal(&wallet);
        assert_eq!(bytes.len(), FILE_BYTES);
        let opened = PackageSecret::open(&bytes, &wallet).unwrap();
        assert_eq!((opened.commitment, *opened.master_key), ([3; 32], [5; 32]));
        let stranger = Wallet::new(Seed::generate());
        assert_eq!(
            PackageSecret::open(&bytes, &stranger).unwrap_err(),
            PackageSecretError::Refused
        );
        for length in 0..bytes.len() {
            assert_eq!(
                PackageSecret::open(&bytes[..length], &wallet).unwrap_err(),
                PackageSecretError::Foreign
            );
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            let expected = match at {
                0..8 => PackageSecretError::Foreign,
                8 => PackageSecretError::Version(VERSION ^ 4),
                _ => PackageSecretError::Refused,
            };
            assert_eq!(PackageSecret::open(&changed, &wallet).unwrap_err(), expected);
        }
        assert!(!format!("{secret:?}").contains("0505"));
    }
}
