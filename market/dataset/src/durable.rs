//! Files that are either there in full or not there: synced before they get their name.
//!
//! Depends on the standard library, `tempfile` and SHA-256 only.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// An I/O failure with the file it happened on.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FileError {
    /// File or folder.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

/// Adds the path to an I/O result.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, FileError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError { path: path.to_owned(), source })
    }
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// Makes renames and new names in `folder` survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|f| f.sync_all()).at(folder)
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).at(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).at(path)?;
    if bytes.len() as u64 > limit {
        let message = format!("is longer than the {limit} bytes that it may have");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message)).at(path);
    }
    Ok(bytes)
}

/// Writes a new file and syncs it; its folder still has to be synced.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = File::create_new(path).at(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).at(path)
}

/// A new file that only its owner may read.
pub(crate) fn create_private(path: &Path) -> Result<File, FileError> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).at(path)
}

/// Passes bytes on and keeps their number and SHA-256.
pub(crate) struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The length, and the hash as manifests write it.
    pub(crate) fn finish(self) -> (u64, String) {
        let (_, bytes, hash) = self.into_parts();
        (bytes, hash)
    }

    /// As [`Hashing::finish`], with where the bytes went.
    pub(crate) fn into_parts(self) -> (W, u64, String) {
        let hash = format!("sha256:{}", hex::encode(self.hash.finalize()));
        (self.inner, self.bytes, hash)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file under construction next to its final place. Dropped unfinished, it is removed.
pub(crate) struct Pending {
    file: NamedTempFile,
    target: PathBuf,
}

impl Pending {
    /// Begins a file that will be called `target`.
    pub(crate) fn new(target: &Path) -> Result<Self, FileError> {
        let folder = parent(target);
        let file =
            tempfile::Builder::new().prefix(".galen-partial-").tempfile_in(folder).at(folder)?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Where to write.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Syncs the contents without giving the file its name yet.
    pub(crate) fn sync(&mut self) -> Result<(), FileError> {
        self.file.as_file().sync_all().at(&self.target)
    }

    /// Syncs the file, gives it its name (replacing an older one) and syncs the folder.
    pub(crate) fn finish(mut self) -> Result<(), FileError> {
        self.sync()?;
        self.file.persist(&self.target).map_err(|e| e.error).at(&self.target)?;
        sync_folder(parent(&self.target))
    }
}

/// A folder under construction next to its final place. Dropped unfinished, it is removed.
pub(crate) struct PendingFolder {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl PendingFolder {
    /// Begins a folder that will be called `target`, which must not exist.
    pub(crate) fn new(target: &Path) -> Result<Self, FileError> {
        Self::begun(target, &mut tempfile::Builder::new())
    }

    /// The same, for what only its owner may read, wherever it is put.
    pub(crate) fn private(target: &Path) -> Result<Self, FileError> {
        let owner = fs::Permissions::from_mode(0o700);
        Self::begun(target, tempfile::Builder::new().permissions(owner))
    }

    fn begun(target: &Path, builder: &mut tempfile::Builder<'_, '_>) -> Result<Self, FileError> {
        refuse_existing(target)?;
        let above = parent(target);
        let folder = builder.prefix(".galen-partial-").tempdir_in(above).at(above)?;
        Ok(Self { folder, target: target.to_owned() })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its name. Its files must have been synced.
    pub(crate) fn finish(self) -> Result<(), FileError> {
        sync_folder(self.folder.path())?;
        refuse_existing(&self.target)?;
        fs::rename(self.folder.path(), &self.target).at(&self.target)?;
        // The temporary name is gone: nothing is left to remove.
        drop(self.folder.keep());
        sync_folder(parent(&self.target))
    }
}

fn refuse_existing(target: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(target) {
        Ok(_) => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "exists already; nothing was changed"))
                .at(target)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).at(target),
    }
}
