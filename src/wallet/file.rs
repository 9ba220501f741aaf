//! Files that are replaced whole or not at all, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rand::RngCore;
use rand::rngs::OsRng;

/// Points at which a replacement can be cut short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The new file exists beside the old one, empty.
    Created,
    /// The new bytes are written, not yet synced.
    Written,
    /// The new bytes are on the disk under a temporary name.
    Synced,
    /// The new file has the name; the directory is not yet synced.
    Named,
}

/// Replaces a file: afterwards, also after a crash at any moment, it holds either the old bytes or
/// the new ones. The new file is readable and writable by its owner only.
///
/// # Errors
/// When the file system refuses; the old file is then unchanged.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, &mut |_| Ok(()))
}

/// [`replace`] with a hook at every step. An error from the hook stands for the process being
/// killed there, so nothing is tidied up.
pub(crate) fn replace_with(
    path: &Path,
    bytes: &[u8],
    at: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_beside(path)?;
    let mut file = private().open(&temporary)?;
    at(Step::Created)?;
    let written = (|| {
        file.write_all(bytes)?;
        Ok(())
    })();
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    at(Step::Written)?;
    file.sync_all()?;
    at(Step::Synced)?;
    if let Err(error) = fs::rename(&temporary, path) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    at(Step::Named)?;
    sync_parent(path)
}

/// Writes a new file, whole or not at all; one that exists is left alone.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one, else what the file system says.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_with(path, |file| file.write_all(bytes))
}

/// [`create`] for contents that are written bit by bit; nothing is left behind if `write` fails.
///
/// # Errors
/// What `write` returns, and as [`create`].
pub fn create_with<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let temporary = temporary_beside(path)?;
    let result = (|| -> Result<T, E> {
        let mut file = BufWriter::new(private().open(&temporary)?);
        let value = write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        // A hard link, unlike a rename, fails when the name is taken.
        fs::hard_link(&temporary, path)?;
        Ok(value)
    })();
    let _ = fs::remove_file(&temporary);
    let value = result?;
    sync_parent(path)?;
    Ok(value)
}

/// Waits until no other process or part of this one holds the file, and holds it until the result is
/// dropped. The file is made if it is missing, and stays.
///
/// # Errors
/// What the file system says.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = private().create_new(false).create(true).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] when it is longer, else what the file system says.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// Makes a directory, with its parents, that only the owner may enter.
///
/// # Errors
/// What the file system says.
pub fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a file name"))?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{:016x}.new", OsRng.next_u64()));
    Ok(path.with_file_name(temporary))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn replaces_creates_and_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, b"first").unwrap();
        assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, b"third").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"third");
        assert_eq!(read_bounded(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
