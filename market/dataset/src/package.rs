//! The package folder: what a mirror serves and everybody may read.
//!
//! | file | content |
//! |---|---|
//! | `package.json` | format, package id, root, number of segments, key commitment `K` (canonical JSON) |
//! | `manifest.json` | the [`Manifest`] (canonical JSON) |
//! | `layout` | the [`Layout`] (canonical bytes) |
//! | `leaves` | one leaf of 70 bytes a segment, in order |
//! | `segments` | all encrypted segments, one after the other, in order |
//! | `proofs/block-T-B` | the proof bundle of row block B of table T |
//!
//! Where a segment stands in `segments` follows from public data, so that it can be fetched by an
//! HTTP range: each is 28 bytes longer than its plaintext; a table segment has rows · width bytes of
//! plaintext and a file segment the bytes that the Layout says; dictionary segments have the
//! lengths in the manifest's `dictionaryBytes`. See [`Offsets`].
//!
//! Nothing read from a folder is trusted: [`PackageFolder::read`] ties all parts to the package id.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use galen_market::id::{Digest, PackageId};
use galen_market::layout::{Layout, MAX_LAYOUT_BYTES};
use galen_market::segment::{
    LEAF_BYTES, Leaf, LeafTree, PackageParts, RangeProof, RootBuilder, manifest_hash,
};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};

mod offsets;
mod writer;

pub use offsets::{Offsets, places};
pub(crate) use writer::FolderWriter;

use crate::durable::{At, FileError, read_bounded};
use crate::manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError};
use crate::stream::each;

/// Names the folder format.
pub const FORMAT: &str = "galen-package/2";
/// File names in the folder.
pub const SUMMARY_FILE: &str = "package.json";
/// The manifest's file name.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The Layout's file name.
pub const LAYOUT_FILE: &str = "layout";
/// The leaves' file name.
pub const LEAVES_FILE: &str = "leaves";
/// The encrypted segments' file name.
pub const SEGMENTS_FILE: &str = "segments";
/// The folder of proof bundles.
pub const PROOFS_FOLDER: &str = "proofs";

const MAX_SUMMARY_BYTES: u64 = 4_096;

/// Why a package folder is refused. Every variant says which file, and which segment, is wrong.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `package.json` is not canonical JSON of this format.
    #[error("package.json: {0}")]
    Summary(String),
    /// `layout` breaks a rule.
    #[error("layout: {0}")]
    Layout(io::Error),
    /// `manifest.json` breaks a rule.
    #[error("manifest.json: {0}")]
    Manifest(#[from] ManifestError),
    /// `manifest.json` describes another package than `layout`.
    #[error("manifest.json does not agree with layout: {0}")]
    ManifestDisagrees(String),
    /// `leaves` has not one leaf a segment.
    #[error("leaves: expected {expected} bytes, found {found}")]
    LeavesLength {
        /// Bytes that the Layout asks for.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// `leaves` do not hash to the root.
    #[error("leaves: do not hash to the package's root; the list was changed")]
    Root,
    /// A leaf states another kind, width or number of rows than the Layout.
    #[error("leaves: the leaf of segment {segment} contradicts the layout")]
    LeafShape {
        /// Which segment.
        segment: u64,
    },
    /// The parts do not hash to the package id.
    #[error(
        "package.json: root, number of segments, key commitment, layout and manifest do not hash to the package id; one of package.json, layout and manifest.json was changed"
    )]
    Id,
    /// The folder holds another package than the one asked for.
    #[error("the folder holds package {found}, not {expected}")]
    OtherPackage {
        /// The package asked for.
        expected: PackageId,
        /// The package there.
        found: PackageId,
    },
    /// `segments` has not the length that follows from the Layout.
    #[error("segments: expected {expected} bytes, found {found}; it was cut or added to")]
    SegmentsLength {
        /// Bytes that the Layout and the manifest ask for.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// There is no such segment.
    #[error("segment {segment} of {total} does not exist")]
    NoSegment {
        /// Which segment.
        segment: u64,
        /// How many there are.
        total: u64,
    },
    /// The ciphertext of a segment is not the one of its leaf.
    #[error("segments: segment {segment} is not the one that its leaf names; fetch it again")]
    Ciphertext {
        /// Which segment.
        segment: u64,
    },
}

/// What a listing says about a package, and what the package id is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// The package id.
    pub id: PackageId,
    /// Root of the leaf tree.
    pub root: Digest,
    /// `K`.
    pub key_commitment: Scalar,
    /// Hash of the manifest.
    pub manifest: Digest,
    /// The Layout.
    pub layout: Layout,
}

impl Listing {
    /// Builds the listing of these parts, with the id that they hash to.
    #[must_use]
    pub fn new(root: Digest, key_commitment: Scalar, manifest: Digest, layout: Layout) -> Self {
        let parts = PackageParts {
            root: root.0,
            segments: layout.segments(),
            key_commitment: key_commitment.to_bytes(),
            layout: &layout,
            manifest: manifest.0,
        };
        Self { id: parts.id(), root, key_commitment, manifest, layout }
    }

    /// The bytes of `package.json`.
    ///
    /// # Errors
    /// [`PackageError::Summary`] if they cannot be written as JSON.
    pub fn summary(&self) -> Result<Vec<u8>, PackageError> {
        let summary = Summary {
            format: FORMAT.to_owned(),
            id: self.id,
            root: self.root,
            segments: self.layout.segments(),
            key_commitment: self.key_commitment,
        };
        serde_jcs::to_vec(&summary).map_err(|e| PackageError::Summary(e.to_string()))
    }
}

/// `package.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Summary {
    format: String,
    id: PackageId,
    root: Digest,
    segments: u64,
    key_commitment: Scalar,
}

/// Whether these bytes are segment `segment`, by its leaf: what a download checks before it keeps
/// them. `leaves` must have been tied to the root.
///
/// # Errors
/// [`PackageError::NoSegment`] or [`PackageError::Ciphertext`].
pub fn check_segment(leaves: &[Leaf], segment: u64, bytes: &[u8]) -> Result<(), PackageError> {
    let leaf = usize::try_from(segment).ok().and_then(|i| leaves.get(i));
    let total = leaves.len() as u64;
    let leaf = leaf.ok_or(PackageError::NoSegment { segment, total })?;
    if leaf.holds(bytes) { Ok(()) } else { Err(PackageError::Ciphertext { segment }) }
}

/// Reads the bytes of `leaves`.
///
/// # Errors
/// [`PackageError::LeavesLength`] if they are not one leaf a segment.
pub fn decode_leaves(layout: &Layout, bytes: &[u8]) -> Result<Vec<Leaf>, PackageError> {
    let expected = layout.segments().saturating_mul(LEAF_BYTES as u64);
    let wrong = PackageError::LeavesLength { expected, found: bytes.len() as u64 };
    if bytes.len() as u64 != expected {
        return Err(wrong);
    }
    bytes.chunks_exact(LEAF_BYTES).map(Leaf::from_bytes).collect::<Option<_>>().ok_or(wrong)
}

/// Reads the file `leaves`, leaf by leaf.
fn read_leaves(path: &Path, layout: &Layout) -> Result<Vec<Leaf>, PackageError> {
    let file = File::open(path).at(path)?;
    let found = file.metadata().at(path)?.len();
    let expected = layout.segments().saturating_mul(LEAF_BYTES as u64);
    let wrong = || PackageError::LeavesLength { expected, found };
    if found != expected {
        return Err(wrong());
    }
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut bytes = [0; LEAF_BYTES];
    (0..layout.segments())
        .map(|_| {
            reader.read_exact(&mut bytes).at(path)?;
            Leaf::from_bytes(&bytes).ok_or_else(wrong)
        })
        .collect()
}

/// Checks leaves against a listing: they hash to its root, and each says what the Layout says.
///
/// # Errors
/// [`PackageError::Root`] or [`PackageError::LeafShape`].
pub fn check_leaves(listing: &Listing, leaves: &[Leaf]) -> Result<(), PackageError> {
    let mut root = RootBuilder::default();
    leaves.iter().for_each(|leaf| root.push(leaf));
    let total = leaves.len() as u64;
    if root.finish() != Some(listing.root.0) || total != listing.layout.segments() {
        return Err(PackageError::Root);
    }
    for (segment, (leaf, place)) in (0u64..).zip(leaves.iter().zip(places(&listing.layout))) {
        if !leaf.fits(&place) {
            return Err(PackageError::LeafShape { segment });
        }
    }
    Ok(())
}

/// A package folder whose public parts all belong together.
#[derive(Debug)]
pub struct PackageFolder {
    path: PathBuf,
    listing: Listing,
    manifest: Manifest,
    leaves: Vec<Leaf>,
    /// Made when the first leaf is to be proven: who only opens a package needs no tree.
    tree: OnceLock<Option<LeafTree>>,
    offsets: Offsets,
}

impl PackageFolder {
    /// Reads a folder and ties manifest, layout and leaves to the package id. The ciphertext is
    /// checked when it is read, or by [`PackageFolder::check_segments`].
    ///
    /// # Errors
    /// See [`PackageError`].
    pub fn read(path: &Path) -> Result<Self, PackageError> {
        let file = |name: &str, limit: u64| read_bounded(&path.join(name), limit);
        let bytes = file(SUMMARY_FILE, MAX_SUMMARY_BYTES)?;
        let summary: Summary =
            serde_json::from_slice(&bytes).map_err(|e| PackageError::Summary(e.to_string()))?;
        let canonical =
            serde_jcs::to_vec(&summary).map_err(|e| PackageError::Summary(e.to_string()))?;
        if canonical != bytes || summary.format != FORMAT {
            return Err(PackageError::Summary(format!("is not canonical JSON of {FORMAT}")));
        }
        let layout = Layout::from_bytes(&file(LAYOUT_FILE, MAX_LAYOUT_BYTES as u64)?)
            .map_err(PackageError::Layout)?;
        let bytes = file(MANIFEST_FILE, MAX_MANIFEST_BYTES as u64)?;
        let manifest = Manifest::from_bytes(&bytes)?;
        let listing = Listing::new(
            summary.root,
            summary.key_commitment,
            Digest(manifest_hash(&bytes)),
            layout,
        );
        if listing.id != summary.id || listing.layout.segments() != summary.segments {
            return Err(PackageError::Id);
        }
        let leaves = read_leaves(&path.join(LEAVES_FILE), &listing.layout)?;
        check_leaves(&listing, &leaves)?;
        manifest.agrees_with(&listing.layout).map_err(PackageError::ManifestDisagrees)?;
        let offsets = Offsets::new(&listing.layout, &manifest)?;
        let tree = OnceLock::new();
        Ok(Self { path: path.to_owned(), listing, manifest, leaves, tree, offsets })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The package's public data.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The package id.
    #[must_use]
    pub fn id(&self) -> PackageId {
        self.listing.id
    }

    /// The Layout.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.listing.layout
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The leaves in order.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Where segments stand in `segments`.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    fn tree(&self) -> Option<&LeafTree> {
        self.tree.get_or_init(|| LeafTree::new(&self.leaves)).as_ref()
    }

    /// The leaf of a segment with the proof that it stands in the tree.
    #[must_use]
    pub fn leaf(&self, segment: u64) -> Option<(Leaf, RangeProof)> {
        let leaf = self.leaves.get(usize::try_from(segment).ok()?)?;
        Some((*leaf, self.tree()?.prove(segment, 1)?))
    }

    /// The leaves of all columns of a row block with the proof that they stand in the tree.
    #[must_use]
    pub fn block_leaves(&self, table: u32, block: u32) -> Option<(Vec<Leaf>, RangeProof)> {
        let spec = self.layout().tables().get(table as usize)?;
        let first = spec.segment(block, 0)?;
        let from = usize::try_from(first).ok()?;
        let leaves = self.leaves.get(from..from.checked_add(spec.columns.len())?)?;
        Some((leaves.to_vec(), self.tree()?.prove(first, leaves.len() as u64)?))
    }

    /// Where the bundle of a row block is kept.
    #[must_use]
    pub fn proof_path(&self, table: u32, block: u32) -> PathBuf {
        self.path.join(PROOFS_FOLDER).join(format!("block-{table}-{block}"))
    }

    /// Opens `segments` for reading, if it has the right length.
    ///
    /// # Errors
    /// I/O, or [`PackageError::SegmentsLength`].
    pub fn segments(&self) -> Result<Segments<'_>, PackageError> {
        let path = self.path.join(SEGMENTS_FILE);
        let file = File::open(&path).at(&path)?;
        let found = file.metadata().at(&path)?.len();
        let expected = self.offsets.total();
        if found != expected {
            return Err(PackageError::SegmentsLength { expected, found });
        }
        Ok(Segments { folder: self, path, file })
    }

    /// Checks the ciphertext of every segment against its leaf; `done` hears how many are.
    ///
    /// # Errors
    /// I/O, [`PackageError::SegmentsLength`], [`PackageError::Ciphertext`].
    pub fn check_segments(&self, done: &(dyn Fn(u64) + Sync)) -> Result<(), PackageError> {
        let segments = self.segments()?;
        let checked = AtomicU64::new(0);
        each(self.offsets.segments(), |segment, bytes| {
            segments.fetch(segment, bytes)?;
            done(checked.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            Ok(())
        })
    }
}

/// The open `segments` file. What it gives out has been checked against its leaf.
#[derive(Debug)]
pub struct Segments<'a> {
    folder: &'a PackageFolder,
    path: PathBuf,
    file: File,
}

impl Segments<'_> {
    /// The encrypted segment.
    ///
    /// # Errors
    /// I/O, [`PackageError::NoSegment`], [`PackageError::Ciphertext`].
    pub fn read(&self, segment: u64) -> Result<Vec<u8>, PackageError> {
        let mut bytes = Vec::new();
        self.fetch(segment, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`Segments::read`], into a buffer whose content is replaced.
    ///
    /// # Errors
    /// As [`Segments::read`].
    pub fn fetch(&self, segment: u64, bytes: &mut Vec<u8>) -> Result<(), PackageError> {
        let offsets = &self.folder.offsets;
        let total = offsets.segments();
        let range = offsets.range(segment).ok_or(PackageError::NoSegment { segment, total })?;
        // At most MAX_CIPHERTEXT_BYTES, by the way offsets are made.
        bytes.resize(usize::try_from(range.end - range.start).unwrap_or(0), 0);
        self.file.read_exact_at(bytes, range.start).at(&self.path)?;
        check_segment(&self.folder.leaves, segment, bytes)
    }
}
