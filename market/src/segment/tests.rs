#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::codec::Bounded;
use crate::id::Digest;

fn leaf(i: u64) -> Leaf {
    let mut claim = [0; 32];
    claim[..8].copy_from_slice(&i.to_le_bytes());
    Leaf { tag: 1, width: 2, rows: 7, ciphertext: [9; 32], claim }
}

#[test]
fn a_segment_opens_at_its_place_only() {
    let key = [3; 32];
    let sealed = seal(&key, 4, 9, [1; 12], b"cells").unwrap();
    assert_eq!(sealed.len(), 5 + OVERHEAD_BYTES);
    assert_eq!(open(&key, 4, 9, &sealed).unwrap(), b"cells");
    assert_eq!(open(&key, 5, 9, &sealed), Err(SegmentError::Cipher));
    assert_eq!(open(&key, 4, 8, &sealed), Err(SegmentError::Cipher));
    assert_eq!(open(&[2; 32], 4, 9, &sealed), Err(SegmentError::Cipher));
    assert_eq!(open(&key, 4, 9, &sealed[..sealed.len() - 1]), Err(SegmentError::Cipher));
    assert_eq!(open(&key, 4, 9, &sealed[..27]), Err(SegmentError::Length));
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1;
        assert_eq!(open(&key, 4, 9, &bad), Err(SegmentError::Cipher), "byte {at}");
    }
}

#[test]
fn a_segment_is_bounded() {
    let full = vec![0; SEGMENT_BYTES];
    let sealed = seal(&[0; 32], 0, 1, [0; 12], &full).unwrap();
    assert_eq!(sealed.len(), MAX_CIPHERTEXT_BYTES);
    assert_eq!(open(&[0; 32], 0, 1, &sealed).unwrap(), full);
    let long = vec![0; SEGMENT_BYTES + 1];
    assert_eq!(seal(&[0; 32], 0, 1, [0; 12], &long), Err(SegmentError::Length));
    let long = vec![0; MAX_CIPHERTEXT_BYTES + 1];
    assert_eq!(open(&[0; 32], 0, 1, &long), Err(SegmentError::Length));
}

#[test]
fn cells_survive() {
    for (width, cells) in [
        (Width::W1, vec![0, 1, 255]),
        (Width::W2, vec![0, 258, 65_535]),
        (Width::W4, vec![0, 1 << 24, u64::from(u32::MAX)]),
        (Width::W8, vec![0, 1 << 56, u64::MAX]),
    ] {
        let bytes = encode_cells(width, &cells).unwrap();
        assert_eq!(bytes.len(), 3 * width.bytes());
        assert_eq!(decode_cells(width, 3, &bytes).unwrap(), cells);
        assert_eq!(decode_cells(width, 2, &bytes), Err(SegmentError::Length));
        assert_eq!(decode_cells(width, 4, &bytes), Err(SegmentError::Length));
    }
    assert_eq!(encode_cells(Width::W1, &[256]), Err(SegmentError::Cell));
}

#[test]
fn dictionaries_are_canonical() {
    let words = ["", "a", "ab", "b", "é"];
    let bytes = encode_dictionary(&words).unwrap();
    assert_eq!(decode_dictionary(5, &bytes).unwrap(), words);
    let refused = Err(SegmentError::Dictionary);
    assert_eq!(decode_dictionary(4, &bytes), refused);
    assert_eq!(decode_dictionary(6, &bytes), refused);
    assert_eq!(decode_dictionary(5, &bytes[..bytes.len() - 1]), refused);
    assert_eq!(decode_dictionary(2, &[1, 0, b'b', 1, 0, b'a']), refused);
    assert_eq!(decode_dictionary(2, &[1, 0, b'a', 1, 0, b'a']), refused);
    assert_eq!(decode_dictionary(1, &[1, 0, 0xff]), refused);
    assert_eq!(decode_dictionary(1, &[1, 0, b'a', 0]), refused);
    assert_eq!(encode_dictionary(&["b", "a"]), Err(SegmentError::Dictionary));
    assert_eq!(decode_dictionary(0, &[]).unwrap(), Vec::<String>::new());
}

#[test]
fn dictionaries_are_cut_between_entries() {
    let words: Vec<String> = (0..50_000).map(|i| format!("{i:08}")).collect();
    let parts = cut_dictionary(&words).unwrap();
    assert_eq!(parts.iter().sum::<u32>(), 50_000);
    assert_eq!(parts, [26_214, 23_786]);
    let mut at = 0;
    for part in parts {
        let slice = &words[at..at + part as usize];
        let bytes = encode_dictionary(slice).unwrap();
        assert_eq!(decode_dictionary(part, &bytes).unwrap(), slice);
        at += part as usize;
    }
}

#[test]
fn leaf_bytes_are_fixed() {
    let leaf = leaf(1);
    assert_eq!(leaf.to_bytes().to_vec(), borsh::to_vec(&leaf).unwrap());
    assert_eq!(Leaf::from_bytes(&leaf.to_bytes()), Some(leaf));
    assert_eq!(Leaf::from_bytes(&[0; LEAF_BYTES + 1]), None);
}

#[test]
fn leaves_that_contradict_their_place() {
    let place = Place::Column { table: 0, block: 0, column: 0, width: Width::W2, rows: 7 };
    let good = Leaf::new(&place, b"c", [5; 32]);
    assert!(good.fits(&place) && good.holds(b"c") && !good.holds(b"d"));
    assert!(!Leaf { tag: 3, ..good }.fits(&place));
    assert!(!Leaf { width: 4, ..good }.fits(&place));
    assert!(!Leaf { rows: 8, ..good }.fits(&place));
    let place = Place::File { file: 0, part: 0, bytes: 7 };
    assert!(Leaf::new(&place, b"c", [0; 32]).fits(&place));
    assert!(!Leaf::new(&place, b"c", [1; 32]).fits(&place));
}

#[test]
fn every_range_of_every_small_tree_is_proven() {
    for total in 1..=17u64 {
        let leaves: Vec<Leaf> = (0..total).map(leaf).collect();
        let tree = LeafTree::new(&leaves).unwrap();
        for first in 0..total {
            for count in 1..=total - first {
                let proof = tree.prove(first, count).unwrap();
                let range = &leaves[first as usize..(first + count) as usize];
                assert!(proof.holds(&tree.root(), total, first, range));
                if total > count {
                    assert!(!proof.holds(&tree.root(), total, (first + 1) % total, range));
                }
                assert!(!proof.holds(&tree.root(), total + 1, first, range));
                let mut bad = range.to_vec();
                bad[0].rows = 8;
                assert!(!proof.holds(&tree.root(), total, first, &bad));
                let mut nodes = proof.nodes.to_vec();
                nodes.push(Digest([0; 32]));
                let long = RangeProof { nodes: Bounded::new(nodes).unwrap() };
                assert!(!long.holds(&tree.root(), total, first, range));
            }
        }
        let mut built = RootBuilder::default();
        leaves.iter().for_each(|leaf| built.push(leaf));
        assert_eq!(built.finish(), Some(tree.root()));
        assert_eq!(tree.prove(0, total + 1), None);
        assert_eq!(tree.prove(0, 0), None);
    }
    assert_eq!(LeafTree::new(&[]), None);
}

#[test]
fn number_of_leaves_is_bound() {
    // Without it, two leaves would be a tree of one whose leaf is their node.
    let one = LeafTree::new(&[leaf(0)]).unwrap();
    let two = LeafTree::new(&[leaf(0), leaf(0)]).unwrap();
    assert_ne!(one.root(), two.root());
    assert!(!RangeProof::default().holds(&one.root(), 2, 0, &[leaf(0)]));
}

proptest! {
    #[test]
    fn foreign_proofs_never_panic(
        nodes in proptest::collection::vec(any::<[u8; 32]>(), 0..48),
        total in any::<u64>(), first in any::<u64>(), count in 0usize..5,
    ) {
        let leaves: Vec<Leaf> = (0..count as u64).map(leaf).collect();
        let nodes = nodes.into_iter().map(Digest).collect();
        let proof = RangeProof { nodes: Bounded::new(nodes).unwrap() };
        prop_assert!(!proof.holds(&[0; 32], total, first, &leaves));
    }

    #[test]
    fn foreign_dictionaries_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(words) = decode_dictionary(2, &bytes) {
            prop_assert_eq!(encode_dictionary(&words).unwrap(), bytes);
        }
    }
}
