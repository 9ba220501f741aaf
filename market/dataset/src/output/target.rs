//! Where bytes go: a file, a Crypt4GH file, or nowhere.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::crypt4gh::{PublicKey, Writer};
use crate::durable::{At, FileError, Hashing, create_private};

type Counted = Hashing<BufWriter<File>>;

enum Inner {
    /// Bytes whose length and hash are known anyway.
    Raw(File),
    Counted(Counted),
    Sealed(Box<Writer<Counted>>),
    Nowhere,
}

/// A file that is being written.
pub(crate) struct Target {
    path: PathBuf,
    inner: Inner,
}

/// The length and hash of a file as it stands on the disk, where they were counted.
pub(crate) type Written = Option<(u64, String)>;

impl Target {
    /// A new file, or none where only checks are wanted. `known` says that the bytes are those of the
    /// manifest, so that nobody needs to hash them again.
    pub fn new(
        path: Option<PathBuf>,
        known: bool,
        recipients: &[PublicKey],
    ) -> Result<Self, FileError> {
        let Some(path) = path else {
            return Ok(Self { path: PathBuf::new(), inner: Inner::Nowhere });
        };
        let file = create_private(&path)?;
        let inner = if !recipients.is_empty() {
            let counted = Hashing::new(BufWriter::new(file));
            Inner::Sealed(Box::new(Writer::new(counted, recipients).at(&path)?))
        } else if known {
            Inner::Raw(file)
        } else {
            Inner::Counted(Hashing::new(BufWriter::new(file)))
        };
        Ok(Self { path, inner })
    }

    /// The file, if bytes may be written to their places in any order.
    pub fn placed(&self) -> io::Result<Option<File>> {
        match &self.inner {
            Inner::Raw(file) => file.try_clone().map(Some),
            _ => Ok(None),
        }
    }

    /// Whether bytes must come in order.
    pub fn is_ordered(&self) -> bool {
        matches!(self.inner, Inner::Counted(_) | Inner::Sealed(_))
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left and syncs it.
    pub fn finish(self) -> Result<Written, FileError> {
        let path = self.path;
        let counted = match self.inner {
            Inner::Nowhere => return Ok(None),
            Inner::Raw(file) => {
                file.sync_all().at(&path)?;
                return Ok(None);
            }
            Inner::Counted(counted) => counted,
            Inner::Sealed(writer) => writer.finish().at(&path)?,
        };
        let (buffer, bytes, hash) = counted.into_parts();
        let file = buffer.into_inner().map_err(io::IntoInnerError::into_error).at(&path)?;
        file.sync_all().at(&path)?;
        Ok(Some((bytes, hash)))
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Raw(file) => file.write(bytes),
            Inner::Counted(counted) => counted.write(bytes),
            Inner::Sealed(writer) => writer.write(bytes),
            Inner::Nowhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Raw(file) => file.flush(),
            Inner::Counted(counted) => counted.flush(),
            Inner::Sealed(writer) => writer.flush(),
            Inner::Nowhere => Ok(()),
        }
    }
}
