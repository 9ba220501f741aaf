//! A package folder changed by a mirror or by accident: each change has its own error, with file and
//! segment.

use galen_market::listing::TableClaims;
use galen_market::segment::LEAF_BYTES;

use super::*;
use crate::durable::FileError;
use crate::open::open;
use crate::opener::OpenError;
use crate::package::{PackageError, check_segment};
use crate::verify::{Claimed, VerifyError, verify};

fn refused(packed: &Packed) -> PackageError {
    PackageFolder::read(&packed.path()).unwrap_err()
}

/// What a buyer gets from a folder whose `segments` were changed.
fn opening(packed: &Packed) -> PackageError {
    match open(&packed.read(), packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet)
        .unwrap_err()
    {
        OpenError::Package(error) => {
            assert!(!packed.out().exists(), "no unchecked plaintext is released");
            error
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_twin_without_a_change_is_accepted() {
    let packed = Packed::ward(300, 200);
    let folder = packed.read();
    folder.check_segments(&|_| {}).unwrap();
    assert!(
        open(&folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet).is_ok()
    );
}

#[test]
fn adversary_31_swapped_segments_are_named() {
    let packed = Packed::ward(300, 200);
    let folder = packed.read();
    let (a, b) = (folder.offsets().range(0).unwrap(), folder.offsets().range(1).unwrap());
    let mut bytes = std::fs::read(packed.file("segments")).unwrap();
    let length = usize::try_from(a.end).unwrap();
    assert_eq!(a.end - a.start, b.end - b.start);
    let (left, right) = bytes.split_at_mut(length);
    left.swap_with_slice(&mut right[..length]);
    std::fs::write(packed.file("segments"), &bytes).unwrap();
    assert!(matches!(opening(&packed), PackageError::Ciphertext { segment: 0 }));
    let folder = packed.read();
    assert!(matches!(folder.check_segments(&|_| {}), Err(PackageError::Ciphertext { segment: 0 })));
}

#[test]
fn adversary_31_dropped_and_truncated_segments_are_found() {
    let packed = Packed::ward(300, 200);
    let bytes = std::fs::read(packed.file("segments")).unwrap();
    let first = usize::try_from(packed.read().offsets().range(0).unwrap().end).unwrap();
    let more = [&bytes[..], &[0]].concat();
    for changed in [&bytes[first..], &bytes[..bytes.len() - 1], &more] {
        std::fs::write(packed.file("segments"), changed).unwrap();
        let found = changed.len() as u64;
        assert!(
            matches!(opening(&packed), PackageError::SegmentsLength { found: f, .. } if f == found)
        );
    }
    // Leaves dropped with their segments do not fit the layout.
    let leaves = std::fs::read(packed.file("leaves")).unwrap();
    std::fs::write(packed.file("leaves"), &leaves[LEAF_BYTES..]).unwrap();
    assert!(matches!(refused(&packed), PackageError::LeavesLength { .. }));
    std::fs::write(packed.file("leaves"), [&leaves[..], &[0]].concat()).unwrap();
    assert!(matches!(refused(&packed), PackageError::LeavesLength { .. }));
}

#[test]
fn a_changed_segment_is_named() {
    let packed = Packed::ward(300, 200);
    let folder = packed.read();
    for segment in [0, 3, folder.layout().segments() - 1] {
        let range = folder.offsets().range(segment).unwrap();
        let at = usize::try_from(range.start).unwrap() + 20;
        flip(&packed.file("segments"), at);
        match opening(&packed) {
            PackageError::Ciphertext { segment: found } => assert_eq!(found, segment),
            other => panic!("{other}"),
        }
        flip(&packed.file("segments"), at);
    }
    // The same check serves a download, segment by segment.
    let bytes = folder.segments().unwrap().read(2).unwrap();
    assert!(check_segment(folder.leaves(), 2, &bytes).is_ok());
    assert!(matches!(
        check_segment(folder.leaves(), 1, &bytes),
        Err(PackageError::Ciphertext { segment: 1 })
    ));
    assert!(matches!(
        check_segment(folder.leaves(), 1_000, &bytes),
        Err(PackageError::NoSegment { segment: 1_000, .. })
    ));
}

#[test]
fn every_changed_public_part_has_its_error() {
    let packed = Packed::ward(300, 200);
    let with_flip = |name: &str, at: usize| {
        flip(&packed.file(name), at);
        let error = refused(&packed);
        flip(&packed.file(name), at);
        error
    };
    // A byte of a ciphertext hash in the leaf of segment 1.
    assert!(matches!(with_flip("leaves", LEAF_BYTES + 10), PackageError::Root));
    // The last byte of the layout is the number of files.
    let length = std::fs::read(packed.file("layout")).unwrap().len();
    assert!(matches!(with_flip("layout", length - 1), PackageError::Layout(_)));
    let replace = |name: &str, from: &str, to: &str| {
        let old = std::fs::read_to_string(packed.file(name)).unwrap();
        assert!(old.contains(from), "{old}");
        std::fs::write(packed.file(name), old.replacen(from, to, 1)).unwrap();
        let error = refused(&packed);
        std::fs::write(packed.file(name), old).unwrap();
        error
    };
    assert!(matches!(replace("manifest.json", "2020", "2021"), PackageError::Id));
    assert!(matches!(replace("manifest.json", "{", "{ "), PackageError::Manifest(_)));
    assert!(matches!(replace("package.json", "{", "{ "), PackageError::Summary(_)));
    assert!(matches!(replace("package.json", "package/2", "package/1"), PackageError::Summary(_)));
    let segments = format!("\"segments\":{}", packed.listing.layout.segments());
    assert!(matches!(replace("package.json", &segments, "\"segments\":1"), PackageError::Id));
    let root = packed.listing.root.to_string();
    assert!(matches!(replace("package.json", &root, &"0".repeat(64)), PackageError::Id));
    // The bytes of a layout with another bound still decode, but hash to another id.
    let mut layout = std::fs::read(packed.file("layout")).unwrap();
    let old = layout.clone();
    let high = 600i64.to_le_bytes();
    let at = layout.windows(8).position(|w| w == high).unwrap();
    layout[at..at + 8].copy_from_slice(&700i64.to_le_bytes());
    std::fs::write(packed.file("layout"), &layout).unwrap();
    assert!(matches!(refused(&packed), PackageError::Id));
    std::fs::write(packed.file("layout"), old).unwrap();
    for name in ["package.json", "manifest.json", "layout", "leaves"] {
        let aside = packed.file("aside");
        std::fs::rename(packed.file(name), &aside).unwrap();
        match refused(&packed) {
            PackageError::File(FileError { path, .. }) => assert_eq!(path, packed.file(name)),
            other => panic!("{other}"),
        }
        std::fs::rename(&aside, packed.file(name)).unwrap();
    }
    assert!(PackageFolder::read(&packed.path()).is_ok());
}

#[test]
fn a_manifest_of_another_table_is_refused() {
    let packed = Packed::ward(300, 200);
    let layout = packed.read().layout().clone();
    let manifest = packed.read().manifest().clone();
    assert_eq!(manifest.agrees_with(&layout), Ok(()));
    let mut other = manifest.clone();
    let field = &mut other.resources[0].schema.as_mut().unwrap().fields[0];
    field.role = galen_market::layout::Role::Insensitive;
    assert!(other.agrees_with(&layout).is_err());
    let mut other = manifest.clone();
    other.resources[0].schema.as_mut().unwrap().fields.swap(0, 1);
    assert!(other.agrees_with(&layout).is_err());
    let mut other = manifest;
    other.dictionary_bytes[0][0] += 1;
    let offsets = crate::package::Offsets::new(&layout, &other).unwrap();
    assert_eq!(offsets.total(), packed.read().offsets().total() + 1);
}

#[test]
fn another_package_than_the_listed_one_is_refused() {
    let (packed, other) = (Packed::ward(300, 200), Packed::ward(300, 200));
    let claimed = Claimed {
        package: other.listing.id,
        institution: galen_market::id::AccountId([1; 32]),
        claims: vec![TableClaims::of_k(5)],
    };
    let verifier = galen_zk::keys::Verifier::development().unwrap();
    let error = verify(&packed.read(), &claimed, &verifier, &quiet).unwrap_err();
    let VerifyError::Package(PackageError::OtherPackage { expected, found }) = error else {
        panic!("{error}");
    };
    assert_eq!((expected, found), (other.listing.id, packed.listing.id));
}
