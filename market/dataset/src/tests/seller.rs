//! A seller who lists a package that is consistent in public but not inside: the buyer finds the
//! segment, keeps nothing of the output, and holds the evidence.

use galen_market::segment::{Leaf, SegmentError, decode_cells, encode_cells};
use galen_zk::field::Scalar;

use super::*;
use crate::commit::commit;
use crate::dispute::{EvidenceError, Ground, evidence, leaf_evidence};
use crate::open::open;
use crate::opener::{OpenError, Opener};
use crate::package::{FolderWriter, PackageError, check_leaves, places};
use crate::seal::MasterKey;

/// One segment as the seller is about to seal it.
struct Draft {
    plaintext: Vec<u8>,
    key: MasterKey,
    position: u64,
    claim: [u8; 32],
}

/// Seals the packed ward again with changes, under the same `K`, as a package of its own.
fn resell(packed: &Packed, change: impl Fn(u64, &mut Draft)) -> PackageFolder {
    let folder = packed.read();
    let total = folder.layout().segments();
    let key = packed.secret.key;
    let plaintexts = Opener::new(&folder, key).unwrap().plaintexts(0, total).unwrap();
    let target = packed.home.path().join("resold");
    let mut writer = FolderWriter::new(&target).unwrap();
    let parts = plaintexts.into_iter().zip(places(folder.layout())).zip(folder.leaves());
    for (segment, ((plaintext, place), leaf)) in (0u64..).zip(parts) {
        let mut draft = Draft { plaintext, key, position: segment, claim: leaf.claim };
        change(segment, &mut draft);
        let key = draft.key.segment(draft.position);
        let bytes = key.seal(draft.position, total, &draft.plaintext).unwrap();
        writer.push(Leaf::new(&place, &bytes, draft.claim), &bytes).unwrap();
    }
    let commitment = packed.listing.key_commitment;
    writer.finish(folder.layout().clone(), folder.manifest(), commitment).unwrap();
    PackageFolder::read(&target).unwrap()
}

fn refusal(packed: &Packed, folder: &PackageFolder) -> OpenError {
    let refused = open(folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet)
        .unwrap_err();
    assert!(!packed.out().exists(), "no unchecked plaintext is released");
    let left = std::fs::read_dir(packed.home.path()).unwrap();
    let names: Vec<_> = left.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|n| n == "package" || n == "resold"), "{names:?}");
    refused
}

#[test]
fn an_honest_seller_who_seals_again_is_accepted() {
    let packed = Packed::ward(300, 200);
    let folder = resell(&packed, |_, _| {});
    assert_ne!(folder.id(), packed.listing.id, "fresh nonces make another package");
    let opened =
        open(&folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet).unwrap();
    assert_eq!(std::fs::read(&opened.files[0]).unwrap(), packed.csv);
    assert!(opened.warnings.is_empty());
    let none = evidence(&folder, packed.secret.key, &SRS, 2).unwrap_err();
    assert!(matches!(none, EvidenceError::Good(2)));
}

#[test]
fn adversary_31_segments_sealed_for_another_place_are_named() {
    let packed = Packed::ward(300, 200);
    // Columns 0 and 1 have equal widths; the seller swaps them before listing.
    let folder = resell(&packed, |segment, draft| {
        if segment < 2 {
            draft.position = 1 - segment;
        }
    });
    let refused = refusal(&packed, &folder);
    assert!(
        matches!(refused, OpenError::Segment { segment: 0, source: SegmentError::Cipher }),
        "{refused}"
    );
    assert_eq!(refused.disputable(), Some(0));
    let found = evidence(&folder, packed.secret.key, &SRS, 1).unwrap();
    assert_eq!(found.ground, Ground::Cipher);
}

#[test]
fn adversary_31_a_changed_cell_of_any_column_and_block_is_named() {
    let packed = Packed::ward(2_500, 900);
    let table = &packed.listing.layout.tables()[0];
    let columns = table.columns.len() as u64;
    assert_eq!((table.active.len(), columns), (3, 6));
    let total = packed.listing.layout.segments();
    // Every column of the middle block, and the first and last column of the others.
    let bad = (columns..2 * columns).chain([0, columns - 1, 2 * columns, 3 * columns - 1]);
    for bad in bad {
        // One cell of the column is another one than was committed to.
        let folder = resell(&packed, |segment, draft| {
            if segment == bad {
                *draft.plaintext.last_mut().unwrap() ^= 1;
            }
        });
        let refused = refusal(&packed, &folder);
        assert!(matches!(refused, OpenError::Claim { segment } if segment == bad), "{refused}");
        let found = evidence(&folder, packed.secret.key, &SRS, bad).unwrap();
        assert_eq!(found.ground, Ground::Claim);
        assert_eq!(found.segment_key, packed.secret.key.segment(bad).scalar());
        assert!(found.leaf.holds(&found.ciphertext));
        assert!(found.path.holds(&folder.listing().root.0, total, bad, &[found.leaf]));
        let opener = Opener::new(&folder, packed.secret.key).unwrap();
        assert!(opener.claim_is_false(&SRS, bad).unwrap());
        assert!(!opener.claim_is_false(&SRS, bad ^ 1).unwrap());
        std::fs::remove_dir_all(packed.home.path().join("resold")).unwrap();
    }
    let folder = resell(&packed, |_, _| {});
    let twin = open(&folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet);
    assert!(twin.is_ok(), "the twin without a change");
}

#[test]
fn adversary_26_a_cell_outside_its_bounds_is_named() {
    let packed = Packed::ward(300, 200);
    let layout = packed.listing.layout.clone();
    let columns = &layout.tables()[0].columns;
    // A number, and a position in a dictionary; each committed to as it is sealed.
    for bad in [2u64, 1] {
        let greatest = layout.max_cell(&columns[bad as usize]).unwrap();
        let width = columns[bad as usize].width;
        let with = |cell: u64| {
            resell(&packed, |segment, draft| {
                if segment != bad {
                    return;
                }
                let rows = u32::try_from(draft.plaintext.len() / width.bytes()).unwrap();
                let mut cells = decode_cells(width, rows, &draft.plaintext).unwrap();
                cells[7] = cell;
                draft.plaintext = encode_cells(width, &cells).unwrap();
                let blinders = draft.key.segment(segment).blinders();
                let claim = commit(&SRS, layout.block_rows(), &cells, blinders).unwrap();
                draft.claim = claim.to_bytes();
            })
        };
        let folder = with(greatest + 1);
        let refused = refusal(&packed, &folder);
        assert!(
            matches!(refused, OpenError::Cell { segment, row: 7 } if segment == bad),
            "{refused}"
        );
        assert_eq!(refused.disputable(), Some(bad));
        let found = evidence(&folder, packed.secret.key, &SRS, bad).unwrap();
        assert_eq!(found.ground, Ground::Cell);
        // The twin: the greatest cell within the bounds is data like any other.
        std::fs::remove_dir_all(packed.home.path().join("resold")).unwrap();
        let good = evidence(&with(greatest), packed.secret.key, &SRS, bad).unwrap_err();
        assert!(matches!(good, EvidenceError::Good(segment) if segment == bad));
        std::fs::remove_dir_all(packed.home.path().join("resold")).unwrap();
    }
}

#[test]
fn adversary_31_a_claim_that_is_no_point_is_named() {
    let packed = Packed::ward(300, 200);
    let folder = resell(&packed, |segment, draft| {
        if segment == 4 {
            draft.claim = [0xff; 32];
        }
    });
    assert!(matches!(refusal(&packed, &folder), OpenError::Claim { segment: 4 }));
}

#[test]
fn adversary_31_a_dictionary_out_of_order_is_named() {
    let packed = Packed::ward(300, 200);
    let layout = &packed.listing.layout;
    // The dictionary of `sex` is `f`, `m`.
    let first = places(layout)
        .position(|p| matches!(p, galen_market::layout::Place::Dictionary { dictionary: 0, .. }));
    let first = first.unwrap() as u64;
    let folder = resell(&packed, |segment, draft| {
        if segment == first {
            draft.plaintext.swap(2, 5);
        }
    });
    let refused = refusal(&packed, &folder);
    assert!(
        matches!(refused, OpenError::Segment { segment, source: SegmentError::Dictionary } if segment == first),
        "{refused}"
    );
    let found = evidence(&folder, packed.secret.key, &SRS, first).unwrap();
    assert_eq!(found.ground, Ground::Dictionary);
}

#[test]
fn adversary_32_the_key_commitment_decides_between_two_keys() {
    let packed = Packed::ward(300, 200);
    let other = MasterKey::random();
    // Segment 3 is sealed under another key than the one that `K` commits to.
    let folder = resell(&packed, |segment, draft| {
        if segment == 3 {
            draft.key = other;
        }
    });
    // The other key does open that segment, and is refused all the same.
    let total = folder.layout().segments();
    let sealed = folder.segments().unwrap().read(3).unwrap();
    assert!(other.segment(3).open(3, total, &sealed).is_ok());
    assert!(matches!(
        open(&folder, other, &SRS, &packed.out(), &Output::default(), &quiet),
        Err(OpenError::WrongKey)
    ));
    assert!(matches!(evidence(&folder, other, &SRS, 3), Err(EvidenceError::WrongKey)));
    // The key that `K` commits to does not open it: the seller is at fault.
    let refused = refusal(&packed, &folder);
    assert!(
        matches!(refused, OpenError::Segment { segment: 3, source: SegmentError::Cipher }),
        "{refused}"
    );
    assert_eq!(evidence(&folder, packed.secret.key, &SRS, 3).unwrap().ground, Ground::Cipher);
    // A second key cannot have the same commitment, nor can the same key in another form.
    assert_ne!(other.commitment(), packed.secret.key.commitment());
    let negated = MasterKey::from(Scalar(-packed.secret.key.scalar().0));
    assert!(matches!(
        open(&folder, negated, &SRS, &packed.out(), &Output::default(), &quiet),
        Err(OpenError::WrongKey)
    ));
}

#[test]
fn a_leaf_that_contradicts_the_layout_is_named() {
    let packed = Packed::ward(300, 200);
    let folder = packed.read();
    let mut leaves = folder.leaves().to_vec();
    leaves[3].rows += 1;
    let tree = galen_market::segment::LeafTree::new(&leaves).unwrap();
    let old = folder.listing();
    let root = galen_market::id::Digest(tree.root());
    let listing = Listing::new(root, old.key_commitment, old.manifest, old.layout.clone());
    let refused = check_leaves(&listing, &leaves).unwrap_err();
    assert!(matches!(refused, PackageError::LeafShape { segment: 3 }));
    let key = packed.secret.key;
    let found = leaf_evidence(&listing, &leaves, key, 3).unwrap();
    assert_eq!((found.ground, found.ciphertext.len()), (Ground::Leaf, 0));
    let total = listing.layout.segments();
    assert!(found.path.holds(&listing.root.0, total, 3, &[found.leaf]));
    assert!(matches!(leaf_evidence(&listing, &leaves, key, 2), Err(EvidenceError::Good(2))));
    let other = leaf_evidence(old, &leaves, key, 3).unwrap_err();
    assert!(matches!(other, EvidenceError::Package(PackageError::Root)));
    assert!(check_leaves(old, folder.leaves()).is_ok());
}

#[test]
fn a_declared_hash_that_is_false_is_told_and_the_files_are_released() {
    let packed = Packed::ward(300, 200);
    let folder = packed.read();
    let mut manifest = folder.manifest().clone();
    manifest.resources[0].hash = format!("sha256:{}", "0".repeat(64)).into();
    let target = packed.home.path().join("resold");
    let mut writer = FolderWriter::new(&target).unwrap();
    let segments = folder.segments().unwrap();
    for (segment, leaf) in (0u64..).zip(folder.leaves()) {
        writer.push(*leaf, &segments.read(segment).unwrap()).unwrap();
    }
    let commitment = packed.listing.key_commitment;
    writer.finish(folder.layout().clone(), &manifest, commitment).unwrap();
    let resold = PackageFolder::read(&target).unwrap();
    let opened =
        open(&resold, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet).unwrap();
    assert!(
        matches!(&opened.warnings[..], [OpenError::HashDiffers { path }] if path == "ward.csv"),
        "{:?}",
        opened.warnings
    );
    assert_eq!(std::fs::read(&opened.files[0]).unwrap(), packed.csv, "the cells are those proven");
    let none = evidence(&resold, packed.secret.key, &SRS, 99_999).unwrap_err();
    assert!(matches!(none, EvidenceError::Package(PackageError::NoSegment { .. })));
}
