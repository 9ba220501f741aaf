//! Poseidon trees of credentials, native and in circuit.
//!
//! A node is Poseidon of its two children. A leaf that opens anything is a Poseidon hash of ten
//! inputs that a circuit computes itself, another permutation than the nodes' (width 11 against 3),
//! so that no node passes as a leaf; an empty leaf is 0, to which no hash input is known; and the
//! depth is fixed by the circuit. Depends on [`crate::hash`] and [`crate::circuit::wire`].

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use crate::circuit::wire::Wire;
use crate::hash::{poseidon, poseidon_wire};

/// Levels between leaves and root of an issuer's tree.
pub const DEPTH: u32 = 20;

/// Leaves of an issuer's tree.
pub const CAPACITY: u64 = 1 << DEPTH;

/// The value of a leaf that was never set, or was revoked.
pub const EMPTY_LEAF: Fr = Fr::ZERO;

/// The parent of two nodes, or of two leaves.
#[must_use]
pub fn node(left: Fr, right: Fr) -> Fr {
    poseidon(&[left, right])
}

/// The root of an empty subtree of `level` levels; level 0 is a leaf.
///
/// # Panics
/// Above level [`DEPTH`].
#[must_use]
pub fn empty_node(level: u32) -> Fr {
    static EMPTY: OnceLock<Vec<Fr>> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let mut levels = vec![EMPTY_LEAF];
        for level in 0..DEPTH as usize {
            levels.push(node(levels[level], levels[level]));
        }
        levels
    })[level as usize]
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Fr {
    empty_node(DEPTH)
}

/// Where a leaf is and what stands beside its ancestors, from the leaf upwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// Position of the leaf.
    pub index: u64,
    /// One sibling a level.
    pub siblings: Vec<Fr>,
}

/// The root over `leaf` at the end of `path`. Bits of the index above the path's length are
/// ignored: compare them yourself where they matter.
#[must_use]
pub fn root_of(leaf: Fr, path: &Path) -> Fr {
    let mut index = path.index;
    path.siblings.iter().fold(leaf, |current, sibling| {
        let right = index & 1 == 1;
        index >>= 1;
        if right { node(*sibling, current) } else { node(current, *sibling) }
    })
}

/// The constraints of [`root_of`] for bits of the index, lowest first, and as many siblings: for
/// each level one for the choice of sides, and the hash.
///
/// # Errors
/// When the constraint system refuses an allocation.
pub fn root_of_wire(
    cs: &ConstraintSystemRef<Fr>,
    leaf: &Wire,
    index: &[Wire],
    siblings: &[Wire],
) -> Result<Wire, SynthesisError> {
    let mut current = leaf.clone();
    for (right, sibling) in index.iter().zip(siblings) {
        let moved = right.times(cs, &sibling.minus(&current))?;
        current = poseidon_wire(cs, &[current.plus(&moved), sibling.minus(&moved)])?;
    }
    Ok(current)
}

/// A whole tree in memory: what a holder builds from an issuer's published leaves.
#[derive(Clone, Debug)]
pub struct LeafTree {
    /// Level by level from the leaves; nodes beyond the end of a level are empty.
    levels: Vec<Vec<Fr>>,
}

impl LeafTree {
    /// Builds an issuer's tree. None with more than [`CAPACITY`] leaves.
    #[must_use]
    pub fn from_leaves(leaves: &[Fr]) -> Option<Self> {
        Self::with_depth(DEPTH, leaves)
    }

    /// Builds a tree of at most [`DEPTH`] levels. None if the leaves are too many for it.
    #[must_use]
    pub fn with_depth(depth: u32, leaves: &[Fr]) -> Option<Self> {
        if depth > DEPTH || leaves.len() as u64 > 1 << depth {
            return None;
        }
        let mut levels = vec![leaves.to_vec()];
        for level in 0..depth {
            let below = &levels[level as usize];
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(*left, *right),
                    [left, ..] => node(*left, empty_node(level)),
                    [] => empty_node(level + 1),
                })
                .collect();
            levels.push(above);
        }
        Some(Self { levels })
    }

    fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    fn at(&self, level: usize, index: u64) -> Fr {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.levels[level].get(index).copied())
            .unwrap_or_else(|| empty_node(u32::try_from(level).expect("at most DEPTH levels")))
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.at(self.depth(), 0)
    }

    /// The path of a leaf, set or empty. None beyond the tree's capacity.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<Path> {
        if index >= 1 << self.depth() {
            return None;
        }
        let siblings =
            (0..self.depth()).map(|level| self.at(level, (index >> level) ^ 1)).collect();
        Some(Path { index, siblings })
    }
}

/// Nodes of one issuer's tree kept elsewhere, by level (0 = leaves) and index within it.
pub trait NodeStore {
    /// Why a node cannot be read or written.
    type Error;

    /// The stored node; none if it was never set, which means an empty subtree.
    ///
    /// # Errors
    /// When the store fails.
    fn node(&self, level: u32, index: u64) -> Result<Option<Fr>, Self::Error>;

    /// Stores a node.
    ///
    /// # Errors
    /// When the store fails.
    fn set_node(&mut self, level: u32, index: u64, value: Fr) -> Result<(), Self::Error>;
}

/// Why a leaf was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetLeafError<E> {
    /// The index is not below [`CAPACITY`].
    #[error("a credential tree has no leaf {0}: it holds 2^20 leaves")]
    OutOfRange(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] E),
}

/// Sets one leaf of a stored tree, rewrites its 20 ancestors, and returns the new root.
///
/// # Errors
/// For an index beyond the tree, before anything is written, and when the store fails.
pub fn set_leaf<S: NodeStore>(
    store: &mut S,
    index: u64,
    leaf: Fr,
) -> Result<Fr, SetLeafError<S::Error>> {
    if index >= CAPACITY {
        return Err(SetLeafError::OutOfRange(index));
    }
    store.set_node(0, index, leaf)?;
    let mut current = leaf;
    for level in 0..DEPTH {
        let at = index >> level;
        let sibling = store.node(level, at ^ 1)?.unwrap_or_else(|| empty_node(level));
        current = if at & 1 == 1 { node(sibling, current) } else { node(current, sibling) };
        store.set_node(level + 1, at >> 1, current)?;
    }
    Ok(current)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::circuit::wire::allocate_bits;
    use ark_relations::gr1cs::ConstraintSystem;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    #[derive(Default)]
    struct Memory(BTreeMap<(u32, u64), Fr>);

    impl NodeStore for Memory {
        type Error = Infallible;

        fn node(&self, level: u32, index: u64) -> Result<Option<Fr>, Infallible> {
            Ok(self.0.get(&(level, index)).copied())
        }

        fn set_node(&mut self, level: u32, index: u64, value: Fr) -> Result<(), Infallible> {
            self.0.insert((level, index), value);
            Ok(())
        }
    }

    #[test]
    fn every_leaf_opens_to_the_root_and_to_no_other_leaf() {
        let leaves: Vec<Fr> = (1..=5).map(Fr::from).collect();
        let tree = LeafTree::from_leaves(&leaves).unwrap();
        for index in 0..8 {
            let leaf = leaves.get(index as usize).copied().unwrap_or(EMPTY_LEAF);
            let path = tree.path(index).unwrap();
            assert_eq!(root_of(leaf, &path), tree.root());
            assert_ne!(root_of(leaf + Fr::from(1), &path), tree.root());
            let cs = ConstraintSystem::new_ref();
            let wire = Wire::witness(&cs, leaf).unwrap();
            let bits = allocate_bits(&cs, index, DEPTH).unwrap();
            let siblings: Vec<Wire> =
                path.siblings.iter().map(|s| Wire::witness(&cs, *s).unwrap()).collect();
            let root = root_of_wire(&cs, &wire, &bits, &siblings).unwrap();
            assert_eq!(root.value(), tree.root());
            assert!(cs.is_satisfied().unwrap());
        }
        assert_eq!(tree.path(CAPACITY), None);
        assert!(LeafTree::with_depth(2, &leaves).is_none());
        assert_eq!(LeafTree::from_leaves(&[]).unwrap().root(), empty_root());
    }

    #[test]
    fn a_stored_tree_follows_inserts_and_revocations() {
        let mut store = Memory::default();
        let mut leaves = Vec::new();
        for i in 0..6u64 {
            leaves.push(Fr::from(i + 10));
            let root = set_leaf(&mut store, i, Fr::from(i + 10)).unwrap();
            assert_eq!(root, LeafTree::from_leaves(&leaves).unwrap().root());
        }
        leaves[2] = EMPTY_LEAF;
        let root = set_leaf(&mut store, 2, EMPTY_LEAF).unwrap();
        assert_eq!(root, LeafTree::from_leaves(&leaves).unwrap().root());
        let before = store.0.clone();
        assert_eq!(
            set_leaf(&mut store, CAPACITY, Fr::from(1)),
            Err(SetLeafError::OutOfRange(CAPACITY))
        );
        assert_eq!(store.0, before);
    }
}
