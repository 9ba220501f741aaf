//! Proofs that the state holds a value under a key, or holds nothing there, against the state root of
//! a header.
//!
//! The state is a sparse Merkle tree over the 256 bits of the SHA-256 of each key, the first bit at
//! the root, in the form of the Jellyfish Merkle tree (Gao, Hu, Wu, Diem 2021): an empty subtree is a
//! constant, a subtree with one key is that key's leaf, and any other is a node over its two halves.
//! So every state has one root, and a path is as long as the key needs to be alone.

use galen_market::codec::{Bounded, Bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hexadecimal::fixed;
use galen_market::id::Digest;

/// Stands for a subtree without keys.
pub const EMPTY_SUBTREE: [u8; 32] = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";
/// The longest path: a bit of the key's hash each.
pub const MAX_SIBLINGS: usize = 256;
/// The longest key of the state, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// The longest value of the state that is proven, in bytes.
pub const MAX_VALUE_BYTES: usize = 4 << 20;

/// The hash of a leaf: of `"JMT::LeafNode"`, the SHA-256 of the key and the SHA-256 of the value.
#[must_use]
pub fn leaf_hash(key_hash: &[u8; 32], value_hash: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"JMT::LeafNode")
        .chain_update(key_hash)
        .chain_update(value_hash)
        .finalize()
        .into()
}

/// The hash of a node: of `"JMT::IntrnalNode"` (so spelled) and its two halves.
#[must_use]
pub fn internal_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"JMT::IntrnalNode")
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The leaf of another key, which stands alone where the absent key would be.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherLeaf {
    /// SHA-256 of its key.
    #[serde(with = "fixed")]
    pub key_hash: [u8; 32],
    /// SHA-256 of its value.
    #[serde(with = "fixed")]
    pub value_hash: [u8; 32],
}

/// That a key has a value, or none, in the state with a given root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateProof {
    /// The key.
    pub key: Bytes<MAX_KEY_BYTES>,
    /// Its value, if it has one.
    pub value: Option<Bytes<MAX_VALUE_BYTES>>,
    /// If it has none: the one key that stands in its place; none if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherLeaf>,
    /// The other half at every node on the way, from the leaf up to the root.
    pub siblings: Bounded<Digest, MAX_SIBLINGS>,
}

/// Why a proof is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StateProofError {
    /// It leads elsewhere.
    #[error("the proof does not lead to this state root")]
    Root,
    /// It says that a key is absent and shows the leaf of this very key.
    #[error("the proof of absence shows the key itself")]
    Present,
    /// The other leaf is not where the absent key would be.
    #[error("the leaf that the proof of absence shows is not in the key's place")]
    OtherPlace,
    /// A proof of presence names another leaf.
    #[error("a proof of a value shows no other leaf")]
    TwoLeaves,
}

fn bit(hash: &[u8; 32], place: usize) -> bool {
    hash.get(place / 8).is_some_and(|byte| byte >> (7 - place % 8) & 1 == 1)
}

fn common_bits(a: &[u8; 32], b: &[u8; 32]) -> usize {
    (0..256).take_while(|place| bit(a, *place) == bit(b, *place)).count()
}

impl StateProof {
    /// Checks the proof against a state root, which a header vouches for.
    ///
    /// # Errors
    /// When the root does not contain the key with this value, or contains the key although the
    /// proof says that it does not.
    pub fn verify(&self, root: &[u8; 32]) -> Result<(), StateProofError> {
        let key_hash: [u8; 32] = Sha256::digest(&*self.key).into();
        let bottom = match (&self.value, &self.other) {
            (Some(_), Some(_)) => return Err(StateProofError::TwoLeaves),
            (Some(value), None) => leaf_hash(&key_hash, &Sha256::digest(&**value).into()),
            (None, None) => EMPTY_SUBTREE,
            (None, Some(other)) if other.key_hash == key_hash => {
                return Err(StateProofError::Present);
            }
            (None, Some(other)) => {
                if common_bits(&other.key_hash, &key_hash) < self.siblings.len() {
                    return Err(StateProofError::OtherPlace);
                }
                leaf_hash(&other.key_hash, &other.value_hash)
            }
        };
        let depths = (0..self.siblings.len()).rev();
        let top = self.siblings.iter().zip(depths).fold(bottom, |hash, (sibling, depth)| {
            if bit(&key_hash, depth) {
                internal_hash(&sibling.0, &hash)
            } else {
                internal_hash(&hash, &sibling.0)
            }
        });
        if top == *root { Ok(()) } else { Err(StateProofError::Root) }
    }
}
