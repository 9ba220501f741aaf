//! A package folder that is being fetched: segments come in any order, from anywhere, and each is
//! kept only if it is the one of its leaf.
//!
//! What is kept is in the file of segments itself and nowhere else, so that there is no journal that
//! could say more or less than is on the disk: whatever ended an earlier fetch, every segment is read
//! again and compared with its leaf, and a place where nothing was written begins with a nonce of
//! zeros. Depends on `package` and `stream`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use galen_market::segment::{Leaf, NONCE_BYTES};

use crate::durable::{At, FileError, parent, sync_folder};
use crate::manifest::Manifest;
use crate::package::{
    LAYOUT_FILE, LEAVES_FILE, Listing, MANIFEST_FILE, Offsets, PackageError, PackageFolder,
    SEGMENTS_FILE, SUMMARY_FILE, check_leaves, check_segment,
};
use crate::stream::each;

/// A folder under construction, locked for this process.
#[derive(Debug)]
pub struct Partial {
    folder: PathBuf,
    listing: Listing,
    manifest: Vec<u8>,
    leaves: Vec<Leaf>,
    offsets: Offsets,
    path: PathBuf,
    file: File,
}

impl Partial {
    /// Begins to fill a folder, or goes on with it. Manifest and leaves may come from anybody: they
    /// are tied to the listing here.
    ///
    /// # Errors
    /// When they are not the listing's, the folder cannot be written, or another process fills it.
    pub fn begin(
        folder: &Path,
        listing: Listing,
        manifest: Vec<u8>,
        leaves: Vec<Leaf>,
    ) -> Result<Self, PackageError> {
        let declared = Manifest::from_bytes(&manifest)?;
        declared.agrees_with(&listing.layout).map_err(PackageError::ManifestDisagrees)?;
        let offsets = Offsets::new(&listing.layout, &declared)?;
        check_leaves(&listing, &leaves)?;
        fs::create_dir_all(folder).at(folder)?;
        let path = folder.join(SEGMENTS_FILE);
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).open(&path).at(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "another process fetches the same package into this folder";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message)).at(&path)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).at(&path)?,
        }
        // Places that are not written yet take no room.
        file.set_len(offsets.total()).at(&path)?;
        Ok(Self { folder: folder.to_owned(), listing, manifest, leaves, offsets, path, file })
    }

    /// Where segments stand.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Which segments are there already, each read and compared with its leaf; `report` hears how
    /// many were looked at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn kept(&self, report: &(dyn Fn(u64) + Sync)) -> Result<Vec<bool>, PackageError> {
        let kept: Vec<AtomicBool> = self.leaves.iter().map(|_| AtomicBool::new(false)).collect();
        let looked = AtomicU64::new(0);
        each(kept.len() as u64, |segment, bytes| {
            let place = self.offsets.range(segment).unwrap_or_default();
            let mut nonce = [0; NONCE_BYTES];
            self.file.read_exact_at(&mut nonce, place.start).at(&self.path)?;
            if nonce != [0; NONCE_BYTES] {
                bytes.resize(usize::try_from(place.end - place.start).unwrap_or(0), 0);
                self.file.read_exact_at(bytes, place.start).at(&self.path)?;
                let right = check_segment(&self.leaves, segment, bytes).is_ok();
                if let Some(kept) = usize::try_from(segment).ok().and_then(|at| kept.get(at)) {
                    kept.store(right, Ordering::Relaxed);
                }
            }
            report(looked.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            Ok::<(), FileError>(())
        })?;
        Ok(kept.into_iter().map(AtomicBool::into_inner).collect())
    }

    /// Keeps a segment.
    ///
    /// # Errors
    /// [`PackageError::Ciphertext`] if it is not the one of its leaf, or the file cannot be written.
    pub fn put(&self, segment: u64, bytes: &[u8]) -> Result<(), PackageError> {
        check_segment(&self.leaves, segment, bytes)?;
        let total = self.offsets.segments();
        let place =
            self.offsets.range(segment).ok_or(PackageError::NoSegment { segment, total })?;
        Ok(self.file.write_all_at(bytes, place.start).at(&self.path)?)
    }

    /// Writes the public parts, syncs everything and gives the folder its name. Every segment must
    /// have been kept.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn finish(self, target: &Path) -> Result<PackageFolder, PackageError> {
        self.file.sync_data().at(&self.path)?;
        let create = |name: &str, write: &dyn Fn(&mut BufWriter<&File>) -> io::Result<()>| {
            let path = self.folder.join(name);
            let file = File::create(&path).at(&path)?;
            let mut out = BufWriter::new(&file);
            write(&mut out).and_then(|()| out.flush()).and_then(|()| file.sync_all()).at(&path)
        };
        for (name, bytes) in [
            (SUMMARY_FILE, &self.listing.summary()?),
            (MANIFEST_FILE, &self.manifest),
            (LAYOUT_FILE, &self.listing.layout.to_bytes()),
        ] {
            create(name, &|out| out.write_all(bytes))?;
        }
        create(LEAVES_FILE, &|out| {
            self.leaves.iter().try_for_each(|leaf| out.write_all(&leaf.to_bytes()))
        })?;
        sync_folder(&self.folder)?;
        fs::rename(&self.folder, target).at(target)?;
        sync_folder(parent(target))?;
        PackageFolder::read(target)
    }
}
