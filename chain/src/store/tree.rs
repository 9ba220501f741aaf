//! The Jellyfish Merkle tree over the hashes of the state's keys (Gao, Hu, Wu: "Jellyfish Merkle
//! Tree", Diem 2021), and proofs of presence and absence. The version of the tree is the height.

use super::{Snapshot, StoreError, TREE};
use borsh::BorshDeserialize;
use galen_light::{EMPTY_SUBTREE, OtherLeaf, StateProof, internal_hash, leaf_hash};
use galen_market::codec::{Bounded, Bytes};
use galen_market::id::Digest;
use galen_market::state::{Changes, StateRead};
use jmt::proof::SparseMerkleProof;
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash};
use sha2::Sha256;

/// The nodes that a block adds to the tree and those that nothing refers to any more.
#[derive(Clone, Debug)]
pub struct TreeUpdate {
    /// The root after the block.
    pub root: [u8; 32],
    pub(super) added: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) stale: Vec<Vec<u8>>,
}

/// A proof as the tree makes it, byte for byte; its parts are not accessible otherwise.
#[derive(BorshDeserialize)]
struct MadeProof {
    leaf: Option<([u8; 32], [u8; 32])>,
    siblings: Vec<MadeNode>,
}

#[derive(BorshDeserialize)]
enum MadeNode {
    Empty,
    Internal([u8; 32], [u8; 32]),
    Leaf([u8; 32], [u8; 32]),
}

impl MadeNode {
    fn hash(&self) -> Digest {
        Digest(match self {
            Self::Empty => EMPTY_SUBTREE,
            Self::Internal(left, right) => internal_hash(left, right),
            Self::Leaf(key, value) => leaf_hash(key, value),
        })
    }
}

fn light(
    key: &[u8],
    value: Option<Vec<u8>>,
    made: &SparseMerkleProof<Sha256>,
) -> anyhow::Result<StateProof> {
    let made: MadeProof = borsh::from_slice(&borsh::to_vec(made)?)?;
    let other = made.leaf.filter(|_| value.is_none());
    Ok(StateProof {
        key: Bytes::new(key.to_vec())?,
        value: value.map(Bytes::new).transpose()?,
        other: other.map(|(key_hash, value_hash)| OtherLeaf { key_hash, value_hash }),
        siblings: Bounded::new(made.siblings.iter().map(MadeNode::hash).collect())?,
    })
}

/// The tree as of a snapshot. The tree itself stores hashes of values only; the one value that a
/// proof is about is handed to it.
struct View<'a> {
    snapshot: &'a Snapshot,
    value: Option<(KeyHash, Vec<u8>)>,
}

impl TreeReader for View<'_> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let Some(bytes) = self.snapshot.raw(TREE, &borsh::to_vec(key)?)? else {
            return Ok(None);
        };
        Ok(Some(borsh::from_slice(&bytes)?))
    }

    fn get_value_option(&self, _: u64, key: KeyHash) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.value.as_ref().filter(|(of, _)| *of == key).map(|(_, value)| value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("only a restoration from chunks asks for the rightmost leaf")
    }
}

fn corrupt(error: anyhow::Error) -> StoreError {
    StoreError::Corrupt(format!("state tree: {error:#}"))
}

/// The tree at `height`, which follows the snapshot.
pub(super) fn update(
    snapshot: &Snapshot,
    height: u64,
    changes: &Changes,
) -> Result<TreeUpdate, StoreError> {
    let view = View { snapshot, value: None };
    let values = changes.iter().map(|(key, value)| (KeyHash::with::<Sha256>(key), value.clone()));
    let (root, batch) = JellyfishMerkleTree::<_, Sha256>::new(&view)
        .put_value_set(values, height)
        .map_err(corrupt)?;
    let bytes = |key: &NodeKey| borsh::to_vec(key).map_err(|error| corrupt(error.into()));
    let mut added = Vec::new();
    for (key, node) in batch.node_batch.nodes() {
        added.push((bytes(key)?, borsh::to_vec(node).map_err(|error| corrupt(error.into()))?));
    }
    let stale = batch
        .stale_node_index_batch
        .iter()
        .map(|index| bytes(&index.node_key))
        .collect::<Result<_, _>>()?;
    Ok(TreeUpdate { root: root.0, added, stale })
}

impl Snapshot {
    /// Proves the value of a key, or that it has none, against [`Snapshot::state_root`].
    ///
    /// # Errors
    /// When the store fails, or key or value are longer than a proof may be.
    pub fn prove(&self, key: &[u8]) -> Result<StateProof, StoreError> {
        let value = self.get(key).map_err(|error| StoreError::Corrupt(error.0))?;
        let hash = KeyHash::with::<Sha256>(key);
        let view = View { snapshot: self, value: value.clone().map(|value| (hash, value)) };
        let (_, path) = JellyfishMerkleTree::<_, Sha256>::new(&view)
            .get_with_proof(hash, self.height())
            .map_err(corrupt)?;
        light(key, value, &path).map_err(corrupt)
    }
}
