//! Writing a package folder.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use galen_market::id::Digest;
use galen_market::layout::Layout;
use galen_market::segment::{LEAF_BYTES, Leaf, RootBuilder, manifest_hash};
use galen_zk::field::Scalar;

use super::{
    LAYOUT_FILE, LEAVES_FILE, Listing, MANIFEST_FILE, PROOFS_FOLDER, PackageError, SEGMENTS_FILE,
    SUMMARY_FILE,
};
use crate::durable::{At, PendingFolder, write_synced};
use crate::manifest::Manifest;

/// A package folder that is being written; it appears under its name only when it is whole. Segments
/// may be written in any order, by several threads; leaves go to the disk with them, so that memory
/// does not grow with the package.
pub(crate) struct FolderWriter {
    pending: PendingFolder,
    segments: File,
    leaves: File,
    /// How many segments are written or have their place.
    count: u64,
    /// Where the next one begins.
    end: u64,
}

impl FolderWriter {
    /// Begins a folder at `target`, which must not exist.
    pub(crate) fn new(target: &Path) -> Result<Self, PackageError> {
        let pending = PendingFolder::new(target)?;
        let create = |name: &str| {
            let path = pending.path().join(name);
            // Leaves are read again, for the root.
            OpenOptions::new().read(true).write(true).create_new(true).open(&path).at(&path)
        };
        let (segments, leaves) = (create(SEGMENTS_FILE)?, create(LEAVES_FILE)?);
        Ok(Self { pending, segments, leaves, count: 0, end: 0 })
    }

    /// Appends the next segment.
    pub(crate) fn push(&mut self, leaf: Leaf, ciphertext: &[u8]) -> Result<(), PackageError> {
        let at = self.reserve(1, ciphertext.len() as u64);
        self.put(at, leaf, ciphertext)
    }

    /// Keeps room for the next segments, which [`FolderWriter::put`] fills in any order: the place
    /// of the first.
    pub(crate) fn reserve(&mut self, segments: u64, bytes: u64) -> (u64, u64) {
        let at = (self.count, self.end);
        self.count = self.count.saturating_add(segments);
        self.end = self.end.saturating_add(bytes);
        at
    }

    /// Writes a segment at its place: its number and its first byte in `segments`.
    pub(crate) fn put(
        &self,
        (segment, at): (u64, u64),
        leaf: Leaf,
        ciphertext: &[u8],
    ) -> Result<(), PackageError> {
        let folder = self.pending.path();
        self.segments.write_all_at(ciphertext, at).at(&folder.join(SEGMENTS_FILE))?;
        let at = segment.saturating_mul(LEAF_BYTES as u64);
        self.leaves.write_all_at(&leaf.to_bytes(), at).at(&folder.join(LEAVES_FILE))?;
        Ok(())
    }

    /// Writes the public parts, syncs everything and gives the folder its name.
    pub(crate) fn finish(
        self,
        layout: Layout,
        manifest: &Manifest,
        key_commitment: Scalar,
    ) -> Result<Listing, PackageError> {
        let folder = self.pending.path();
        let root = self.root(&folder.join(LEAVES_FILE))?;
        self.segments.sync_data().at(&folder.join(SEGMENTS_FILE))?;
        self.leaves.sync_data().at(&folder.join(LEAVES_FILE))?;
        let manifest_bytes = manifest.to_bytes()?;
        manifest.agrees_with(&layout).map_err(PackageError::ManifestDisagrees)?;
        let digest = Digest(manifest_hash(&manifest_bytes));
        let listing = Listing::new(Digest(root), key_commitment, digest, layout);
        let summary = listing.summary()?;
        write_synced(&folder.join(LAYOUT_FILE), &listing.layout.to_bytes())?;
        write_synced(&folder.join(MANIFEST_FILE), &manifest_bytes)?;
        write_synced(&folder.join(SUMMARY_FILE), &summary)?;
        let proofs = folder.join(PROOFS_FOLDER);
        fs::create_dir(&proofs).at(&proofs)?;
        self.pending.finish()?;
        Ok(listing)
    }

    /// The root over the leaves as they were written.
    fn root(&self, path: &Path) -> Result<[u8; 32], PackageError> {
        let mut reader = BufReader::with_capacity(1 << 16, &self.leaves);
        reader.rewind().at(path)?;
        let mut root = RootBuilder::default();
        let mut bytes = [0; LEAF_BYTES];
        for _ in 0..self.count {
            reader.read_exact(&mut bytes).at(path)?;
            root.push(&Leaf::from_bytes(&bytes).ok_or(PackageError::Root)?);
        }
        root.finish().ok_or(PackageError::Root)
    }
}
