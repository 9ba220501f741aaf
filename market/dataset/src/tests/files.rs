//! Files longer than what is read at once: they come back, and a part that is not what was listed is
//! named, whether a mirror, a mirror with the key, or the seller is at fault.

use galen_market::layout::SEGMENT_BYTES;
use galen_market::segment::{Leaf, SegmentError};

use super::*;
use crate::open::open;
use crate::opener::{OpenError, Opener};
use crate::pack::{FileHash, FileInput};
use crate::package::{FolderWriter, PackageError, places};

/// Full segments; one byte more is in a segment of its own.
const FULL: usize = 35;

struct Scan {
    home: tempfile::TempDir,
    secret: PackageSecret,
    bytes: Vec<u8>,
}

impl Scan {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..=(FULL * SEGMENT_BYTES) as u64)
            .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8)
            .collect();
        let source = home.path().join("scan");
        std::fs::write(&source, &bytes).unwrap();
        let mut input = input(Vec::new());
        input.files.push(FileInput {
            name: "scan".to_owned(),
            path: "scan.bin".to_owned(),
            source,
            mediatype: "application/octet-stream".to_owned(),
            description: String::new(),
            sha256: FileHash::None,
        });
        let (_, secret) = pack(input, &SRS, &home.path().join("package"), &quiet).unwrap();
        Self { home, secret, bytes }
    }

    fn read(&self) -> PackageFolder {
        PackageFolder::read(&self.home.path().join("package")).unwrap()
    }

    fn opened(&self, folder: &PackageFolder) -> Result<Vec<u8>, OpenError> {
        let out = self.home.path().join("out");
        match open(folder, self.secret.key, &SRS, &out, &Output::default(), &quiet) {
            Ok(opened) => {
                assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
                let bytes = std::fs::read(&opened.files[0]).unwrap();
                std::fs::remove_dir_all(out).unwrap();
                Ok(bytes)
            }
            Err(error) => {
                assert!(!out.exists(), "no unchecked plaintext is released");
                Err(error)
            }
        }
    }

    /// Puts these bytes in the place of a sealed segment.
    fn replace(&self, segment: u64, sealed: &[u8]) {
        let range = self.read().offsets().range(segment).unwrap();
        assert_eq!(sealed.len() as u64, range.end - range.start);
        let path = self.home.path().join("package/segments");
        let mut all = std::fs::read(&path).unwrap();
        let at = usize::try_from(range.start).unwrap();
        all[at..at + sealed.len()].copy_from_slice(sealed);
        std::fs::write(path, all).unwrap();
    }
}

fn at_fault(error: &OpenError) -> Option<u64> {
    match error {
        OpenError::Package(PackageError::Ciphertext { segment }) => Some(*segment),
        _ => None,
    }
}

#[test]
fn adversary_31_a_changed_part_of_a_file_is_named() {
    let scan = Scan::new();
    let folder = scan.read();
    assert_eq!(folder.layout().segments(), FULL as u64 + 1);
    for segment in [0, 17, FULL as u64] {
        let good = folder.segments().unwrap().read(segment).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        scan.replace(segment, &bad);
        assert_eq!(at_fault(&scan.opened(&folder).unwrap_err()), Some(segment));
        scan.replace(segment, &good);
    }
    assert!(scan.opened(&folder).unwrap() == scan.bytes, "the twin without a change");
}

#[test]
fn adversary_31_a_part_sealed_anew_by_a_mirror_with_the_key_is_named() {
    let scan = Scan::new();
    let folder = scan.read();
    let (segment, total) = (20, folder.layout().segments());
    let opener = Opener::new(&folder, scan.secret.key).unwrap();
    let mut text = opener.plaintexts(segment, segment + 1).unwrap().remove(0);
    let listed = folder.segments().unwrap().read(segment).unwrap();
    let key = scan.secret.key.segment(segment);
    text[1_000] ^= 1;
    scan.replace(segment, &key.seal(segment, total, &text).unwrap());
    assert_eq!(at_fault(&scan.opened(&folder).unwrap_err()), Some(segment));
    assert!(matches!(
        folder.check_segments(&|_| {}),
        Err(PackageError::Ciphertext { segment: 20 })
    ));
    scan.replace(segment, &listed);
    assert!(scan.opened(&folder).unwrap() == scan.bytes, "the twin without a change");
}

#[test]
fn adversary_31_the_first_part_that_the_seller_sealed_for_another_place_is_named() {
    let scan = Scan::new();
    let folder = scan.read();
    let total = folder.layout().segments();
    let opener = Opener::new(&folder, scan.secret.key).unwrap();
    let texts = opener.plaintexts(0, total).unwrap();
    let resold = |name: &str, bad: &[u64]| {
        let target = scan.home.path().join(name);
        let mut writer = FolderWriter::new(&target).unwrap();
        for (segment, (text, place)) in (0u64..).zip(texts.iter().zip(places(folder.layout()))) {
            let position = if bad.contains(&segment) { segment + 1 } else { segment };
            let sealed = scan.secret.key.segment(position).seal(position, total, text).unwrap();
            writer.push(Leaf::new(&place, &sealed, [0; 32]), &sealed).unwrap();
        }
        let key = folder.listing().key_commitment;
        writer.finish(folder.layout().clone(), folder.manifest(), key).unwrap();
        PackageFolder::read(&target).unwrap()
    };
    let refused = scan.opened(&resold("bad", &[19, 18, 33])).unwrap_err();
    assert!(
        matches!(refused, OpenError::Segment { segment: 18, source: SegmentError::Cipher }),
        "{refused}"
    );
    assert_eq!(refused.disputable(), Some(18));
    assert!(scan.opened(&resold("good", &[])).unwrap() == scan.bytes, "the twin without a change");
}
