//! The registry of typed identifiers, and the hash that most of them come from. Depends on SHA-256
//! only.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Text that does not name an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {0} lower-case hexadecimal digits")]
pub struct IdError(pub usize);

/// Reads exactly `N` bytes of lower-case hexadecimal digits.
fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let error = IdError(N * 2);
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(error);
    }
    let mut bytes = [0u8; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| error)?;
    Ok(bytes)
}

macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident, $size:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

fixed_bytes! {
    /// Names a ledger: the hash of its genesis.
    ChainId, 32;
    /// Names an account: the bytes of its Ed25519 verification key. Registered parties are named by
    /// their account.
    AccountId, 32;
    /// Names a transaction: a hash of everything but its signatures and proof bytes.
    TransactionId, 32;
    /// Names a package: a hash of its root, number of segments, key commitment, layout and manifest.
    PackageId, 32;
    /// Names a deal: a hash of the nullifier of its request, or of what else led to it.
    DealId, 32;
    /// Names a standing request: a hash of the nullifier with which it was posted.
    StandingId, 32;
    /// A SHA-256 hash of something that has no name of its own.
    Digest, 32;
    /// The verification key of a validator's votes (Ed25519).
    ConsensusKey, 32;
    /// An Ed25519 signature, verified by the rules of ZIP-215.
    Signature, 64;
}

/// SHA-256 over a tag and parts, each with its length in front, so that no two lists of parts hash
/// the same bytes.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a hash for one purpose.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        Self(Sha256::new()).part(tag.as_bytes())
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds the canonical bytes of a value as a part.
    #[must_use]
    pub fn value<T: BorshSerialize>(self, value: &T) -> Self {
        self.part(&crate::codec::encode(value))
    }

    /// The hash.
    #[must_use]
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_to_one() {
        let id = AccountId([0xab; 32]);
        assert_eq!(id.to_string().parse::<AccountId>().unwrap(), id);
        assert_eq!(id.to_string().to_uppercase().parse::<AccountId>(), Err(IdError(64)));
        assert_eq!("ab".parse::<AccountId>(), Err(IdError(64)));
    }

    #[test]
    fn parts_do_not_run_together() {
        let one = Hasher::new("t").part(b"ab").part(b"c").digest();
        let other = Hasher::new("t").part(b"a").part(b"bc").digest();
        assert_ne!(one, other);
    }
}
