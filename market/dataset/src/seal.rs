//! Keys of a package: one master key, drawn for one packing run, and what follows from it.
//!
//! Segment keys and blinders are Poseidon hashes of the master key (see `galen_zk::hash`), so that
//! a proof can show that one of them derives from the key that was sold. Depends on `galen_zk` and
//! on the operating system's randomness.

use std::fmt;
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_market::id::PackageId;
use galen_market::segment::{self, NONCE_BYTES, SegmentError};
use galen_zk::field::{Fr, Scalar};
use galen_zk::{commitment, hash};
use rand::RngCore;
use rand::rngs::OsRng;

/// Longest accepted [`PackageSecret`], in bytes.
pub const MAX_SECRET_BYTES: usize = 256;

const SECRET_VERSION: u8 = 1;

/// The master key of a package. Shown by no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MasterKey(Scalar);

impl MasterKey {
    /// Draws a key from the operating system.
    #[must_use]
    pub fn random() -> Self {
        loop {
            let mut bytes = [0u8; 32];
            OsRng.fill_bytes(&mut bytes);
            // The modulus has 254 bits: about three of four draws are below it.
            bytes[31] &= 0x3f;
            if let Ok(key) = Scalar::from_bytes(&bytes) {
                return Self(key);
            }
        }
    }

    /// The key as a field element, for the proofs that speak of it.
    #[must_use]
    pub fn scalar(&self) -> Scalar {
        self.0
    }

    /// `K`: the public commitment to the key.
    #[must_use]
    pub fn commitment(&self) -> Scalar {
        Scalar(hash::key_commitment(self.0.0))
    }

    /// The key of a segment.
    #[must_use]
    pub fn segment(&self, index: u64) -> SegmentKey {
        SegmentKey(Scalar(hash::segment_key(self.0.0, index)))
    }
}

impl From<Scalar> for MasterKey {
    fn from(key: Scalar) -> Self {
        Self(key)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

/// The key of one segment. Shown by no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SegmentKey(Scalar);

impl SegmentKey {
    /// The key as a field element: what a dispute reveals.
    #[must_use]
    pub fn scalar(&self) -> Scalar {
        self.0
    }

    /// The blinders of the segment's commitment.
    #[must_use]
    pub fn blinders(&self) -> [Fr; commitment::BLINDERS] {
        let mut j = 0u64;
        [(); commitment::BLINDERS].map(|()| {
            let blinder = hash::blinder(self.0.0, j);
            j += 1;
            blinder
        })
    }

    /// Encrypts under a fresh nonce.
    ///
    /// # Errors
    /// [`SegmentError::Length`] if the plaintext is longer than a segment may be.
    pub fn seal(&self, index: u64, total: u64, plaintext: &[u8]) -> Result<Vec<u8>, SegmentError> {
        segment::seal(&self.0.to_bytes(), index, total, nonce(), plaintext)
    }

    /// As [`SegmentKey::seal`], in place: the plaintext lies between room for nonce and tag.
    ///
    /// # Errors
    /// As [`SegmentKey::seal`], or if there is no room.
    pub fn seal_in_place(
        &self,
        index: u64,
        total: u64,
        bytes: &mut [u8],
    ) -> Result<(), SegmentError> {
        segment::seal_in_place(&self.0.to_bytes(), index, total, nonce(), bytes)
    }

    /// Decrypts; no byte is released unless all authenticate.
    ///
    /// # Errors
    /// [`SegmentError::Length`] or [`SegmentError::Cipher`].
    pub fn open(&self, index: u64, total: u64, bytes: &[u8]) -> Result<Vec<u8>, SegmentError> {
        segment::open(&self.0.to_bytes(), index, total, bytes)
    }

    /// As [`SegmentKey::open`], in place: where the plaintext lies in the bytes.
    ///
    /// # Errors
    /// As [`SegmentKey::open`]; the bytes are zeros then.
    pub fn open_in_place<'a>(
        &self,
        index: u64,
        total: u64,
        bytes: &'a mut [u8],
    ) -> Result<&'a mut [u8], SegmentError> {
        segment::open_in_place(&self.0.to_bytes(), index, total, bytes)
    }
}

fn nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0u8; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    nonce
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegmentKey(hidden)")
    }
}

/// What the institution must keep to deliver a package, and nobody else may have. It is never
/// written to the package folder; the caller encrypts its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackageSecret {
    /// The package that the key belongs to.
    pub package: PackageId,
    /// Its master key.
    pub key: MasterKey,
}

impl PackageSecret {
    /// The bytes to encrypt: version, package id, key.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[SECRET_VERSION][..], &self.package.0, &self.key.0.to_bytes()].concat()
    }

    /// Reads decrypted bytes.
    ///
    /// # Errors
    /// Another version, another length, or a key that is no field element.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let (version, package, key) = borsh::from_slice::<(u8, PackageId, MasterKey)>(bytes)?;
        if version != SECRET_VERSION {
            let message = format!("package secret of version {version}, expected {SECRET_VERSION}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Self { package, key })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn secret_round_trip_is_canonical_and_hidden() {
        let secret = PackageSecret { package: PackageId([7; 32]), key: MasterKey::random() };
        let bytes = secret.to_bytes();
        assert!(bytes.len() <= MAX_SECRET_BYTES);
        assert_eq!(PackageSecret::from_bytes(&bytes).unwrap(), secret);
        assert!(PackageSecret::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(PackageSecret::from_bytes(&bytes[..64]).is_err());
        let mut high = bytes.clone();
        high[33..].fill(0xff);
        assert!(PackageSecret::from_bytes(&high).is_err());
        let digits = secret.key.scalar().to_string();
        assert!(!format!("{secret:?}").contains(&digits[2..]));
        assert_ne!(MasterKey::random(), MasterKey::random());
    }
}
