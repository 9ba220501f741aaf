//! The authenticated tree written down again from its description in `docs/protocol.md`, with nothing
//! of the crate: every subtree is hashed from all keys in it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

type Hash = [u8; 32];

fn sha(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

fn right(key: &Hash, depth: usize) -> bool {
    key[depth / 8] & (0x80 >> (depth % 8)) != 0
}

/// Hashes of keys with hashes of values, in the order of the former.
pub fn hashed<'a>(
    entries: impl IntoIterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>,
) -> BTreeMap<Hash, Hash> {
    entries.into_iter().map(|(key, value)| (sha(&[key]), sha(&[value]))).collect()
}

/// The root of a subtree whose keys agree in the first `depth` bits.
pub fn root(entries: &[(Hash, Hash)], depth: usize) -> Hash {
    match entries {
        [] => *b"SPARSE_MERKLE_PLACEHOLDER_HASH__",
        [(key, value)] => sha(&[b"JMT::LeafNode", key, value]),
        _ => {
            let half = entries.partition_point(|(key, _)| !right(key, depth));
            let (left, right) = entries.split_at(half);
            sha(&[b"JMT::IntrnalNode", &root(left, depth + 1), &root(right, depth + 1)])
        }
    }
}

/// The siblings on the way to a key, from the leaf up, and the entry that stands alone at its end.
#[allow(dead_code)]
pub fn path(entries: &[(Hash, Hash)], key: &Hash) -> (Vec<Hash>, Option<(Hash, Hash)>) {
    let (mut siblings, mut rest, mut depth) = (Vec::new(), entries, 0);
    while rest.len() > 1 {
        let half = rest.partition_point(|(other, _)| !right(other, depth));
        let (left, right_half) = rest.split_at(half);
        let (own, other) = if right(key, depth) { (right_half, left) } else { (left, right_half) };
        siblings.push(root(other, depth + 1));
        (rest, depth) = (own, depth + 1);
    }
    siblings.reverse();
    (siblings, rest.first().copied())
}
