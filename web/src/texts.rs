//! Licence texts, by their SHA-256: `<hash>` in a folder. A text is kept only if a listing offers under
//! it, and only if it is the text of its hash, so that nobody can fill the disk with anything else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use galen_api::{MAX_LICENCE_BYTES, codes};
use galen_market::id::Digest;
use sha2::{Digest as _, Sha256};
use warp::http::StatusCode;

use crate::reply::ApiError;

/// Most texts that are kept.
const MAX_TEXTS: usize = 10_000;

/// The folder.
pub(crate) struct Texts {
    root: PathBuf,
}

impl Texts {
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.canonicalize()? })
    }

    /// A text, if it is here and still the one of its hash.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn get(&self, hash: &Digest) -> io::Result<Option<Vec<u8>>> {
        let path = self.root.join(hash.to_string());
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() <= MAX_LICENCE_BYTES => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let bytes = fs::read(&path)?;
        Ok((digest(&bytes) == *hash).then_some(bytes))
    }

    /// Keeps a text that a listing offers under.
    ///
    /// # Errors
    /// When it is another text, or no plain text, or there is no room for it.
    pub fn put(&self, hash: &Digest, bytes: &[u8]) -> Result<(), ApiError> {
        let refuse = |text: &str| {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, codes::NOT_THE_PACKAGE, text)
                .remedy("send the licence's text as it was when the offer was made")
        };
        if digest(bytes) != *hash {
            return Err(refuse("the text is not the one of this hash"));
        }
        if std::str::from_utf8(bytes).is_err() {
            return Err(refuse("a licence is a text in UTF-8"));
        }
        if self.get(hash)?.is_some() {
            return Ok(());
        }
        if fs::read_dir(&self.root)?.take(MAX_TEXTS).count() >= MAX_TEXTS {
            return Err(ApiError::unavailable("this node keeps as many licence texts as it may"));
        }
        let path = self.root.join(hash.to_string());
        let temporary = self.root.join(format!("{hash}.new"));
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        fs::File::open(&self.root)?.sync_all()?;
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_one_of_its_hash_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let texts = Texts::open(folder.path()).unwrap();
        let text = b"For health research only.\n";
        let hash = digest(text);
        assert_eq!(texts.get(&hash).unwrap(), None);
        for wrong in [&b"For anything.\n"[..], &[0xff]] {
            assert_eq!(texts.put(&hash, wrong).unwrap_err().status().as_u16(), 422);
        }
        let not_text = digest(&[0xff]);
        assert_eq!(texts.put(&not_text, &[0xff]).unwrap_err().status().as_u16(), 422);
        texts.put(&hash, text).unwrap();
        texts.put(&hash, text).unwrap();
        assert_eq!(texts.get(&hash).unwrap().unwrap(), text);
        // Changed on the disk, it is no longer served.
        fs::write(folder.path().join(hash.to_string()), b"For anything.\n").unwrap();
        assert_eq!(texts.get(&hash).unwrap(), None);
        texts.put(&hash, text).unwrap();
        assert_eq!(texts.get(&hash).unwrap().unwrap(), text);
    }
}
