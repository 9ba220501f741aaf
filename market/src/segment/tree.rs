//! The SHA-256 Merkle tree over leaves, with proofs for a contiguous range of them (one leaf is a
//! range of one). The shape is that of RFC 6962: an unpaired node moves up unchanged. Leaves, nodes
//! and the root are hashed under different prefixes, and the root binds the number of leaves. A
//! package has one over its segments, and a block one over its events.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Leaf;
use crate::codec::Bounded;
use crate::id::Digest;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;
/// Most nodes of a proof: two on every level.
pub const MAX_PROOF_NODES: usize = 2 * 24;

type Hash = [u8; 32];

fn leaf_hash(leaf: &Leaf) -> Hash {
    bytes_hash(&leaf.to_bytes())
}

/// The hash of a leaf's bytes.
pub fn bytes_hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([LEAF]).chain_update(bytes).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([NODE]).chain_update(left).chain_update(right).finalize().into()
}

fn root_hash(leaves: u64, top: &Hash) -> Hash {
    Sha256::new()
        .chain_update([ROOT])
        .chain_update(leaves.to_le_bytes())
        .chain_update(top)
        .finalize()
        .into()
}

/// All levels of the tree, for who publishes or holds every leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafTree {
    levels: Vec<Vec<Hash>>,
}

impl LeafTree {
    /// The tree over these leaves; `None` without any.
    pub fn new(leaves: &[Leaf]) -> Option<Self> {
        Self::over(leaves.iter().map(leaf_hash).collect())
    }

    /// The tree over leaves of any bytes, given by [`bytes_hash`]; `None` without any.
    pub fn over(hashes: Vec<[u8; 32]>) -> Option<Self> {
        if hashes.is_empty() {
            return None;
        }
        let mut level = hashes;
        let mut levels = Vec::new();
        while level.len() > 1 {
            let next = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    // A chunk has one or two.
                    _ => pair[0],
                })
                .collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels.push(level);
        Some(Self { levels })
    }

    /// The number of leaves.
    pub fn leaves(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.len() as u64)
    }

    /// The root.
    pub fn root(&self) -> [u8; 32] {
        let top = self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default();
        root_hash(self.leaves(), &top)
    }

    /// Proves the `count` leaves from `first`; `None` if they are not all there, or none.
    pub fn prove(&self, first: u64, count: u64) -> Option<RangeProof> {
        let end = first.checked_add(count)?;
        if count == 0 || end > self.leaves() {
            return None;
        }
        let (mut from, mut last) = (usize::try_from(first).ok()?, usize::try_from(end - 1).ok()?);
        let mut nodes = Vec::new();
        for level in self.levels.split_last()?.1 {
            if from % 2 == 1 {
                nodes.push(Digest(*level.get(from - 1)?));
            }
            if last.is_multiple_of(2) && last + 1 < level.len() {
                nodes.push(Digest(*level.get(last + 1)?));
            }
            from /= 2;
            last /= 2;
        }
        Bounded::new(nodes).ok().map(|nodes| RangeProof { nodes })
    }
}

/// The root of a tree whose leaves come one after the other: keeps one node a level.
#[derive(Clone, Debug, Default)]
pub struct RootBuilder {
    leaves: u64,
    /// The roots of whole subtrees from the left, each larger than the next: those of the bits that
    /// are set in the number of leaves.
    whole: Vec<Hash>,
}

impl RootBuilder {
    /// The next leaf.
    pub fn push(&mut self, leaf: &Leaf) {
        let mut hash = leaf_hash(leaf);
        let mut above = self.leaves;
        while above % 2 == 1 {
            if let Some(left) = self.whole.pop() {
                hash = node_hash(&left, &hash);
            }
            above /= 2;
        }
        self.whole.push(hash);
        self.leaves += 1;
    }

    /// The root, as [`LeafTree::root`]; `None` without any leaf.
    pub fn finish(mut self) -> Option<[u8; 32]> {
        let mut top = self.whole.pop()?;
        while let Some(left) = self.whole.pop() {
            top = node_hash(&left, &top);
        }
        Some(root_hash(self.leaves, &top))
    }
}

/// The nodes beside a range of leaves: on every level from the leaves upwards the left one, then the
/// right one, where they exist.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct RangeProof {
    /// The nodes.
    pub nodes: Bounded<Digest, MAX_PROOF_NODES>,
}

impl RangeProof {
    /// The root of a tree of `total` leaves that holds these ones from position `first` on; `None` if
    /// the range does not fit, or the proof has a node too many or too few.
    pub fn root(&self, total: u64, first: u64, leaves: &[Leaf]) -> Option<[u8; 32]> {
        self.root_over(total, first, leaves.iter().map(leaf_hash).collect())
    }

    /// The same of leaves of any bytes, given by [`bytes_hash`].
    pub fn root_over(&self, total: u64, first: u64, hashes: Vec<[u8; 32]>) -> Option<[u8; 32]> {
        let end = first.checked_add(hashes.len() as u64)?;
        if hashes.is_empty() || end > total {
            return None;
        }
        let mut level = hashes;
        let (mut from, mut size) = (first, total);
        let mut nodes = self.nodes.iter();
        while size > 1 {
            if from % 2 == 1 {
                level.insert(0, nodes.next()?.0);
                from -= 1;
            }
            let last = from + level.len() as u64 - 1;
            if last.is_multiple_of(2) && last + 1 < size {
                level.push(nodes.next()?.0);
            }
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    _ => pair[0],
                })
                .collect();
            from /= 2;
            size = size.div_ceil(2);
        }
        let top = level.first()?;
        nodes.next().is_none().then(|| root_hash(total, top))
    }

    /// Whether these leaves stand from position `first` in the tree of `total` leaves with this root.
    pub fn holds(&self, root: &[u8; 32], total: u64, first: u64, leaves: &[Leaf]) -> bool {
        self.root(total, first, leaves).as_ref() == Some(root)
    }
}
