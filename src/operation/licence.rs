//! Licence texts: kept by their hash where an offer is made, stored at the node, and shown before a
//! request is signed. A text from a node is shown only if it is the one of the hash in the terms.

use std::path::PathBuf;

use galen_api::MAX_LICENCE_BYTES;
use galen_market::id::Digest;
use galen_market::listing::ListingId;
use sha2::{Digest as _, Sha256};

use super::store::PackageStore;
use crate::error::{Exit, Failure};
use crate::session::Session;
use crate::wallet::file;

/// The text of a licence, from its bytes.
///
/// # Errors
/// When there are too few or too many, or they are no UTF-8.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.is_empty() || bytes.len() as u64 > MAX_LICENCE_BYTES {
        return Err(format!("a licence has 1 to {MAX_LICENCE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "a licence is a text in UTF-8".to_owned())
}

/// The hash by which terms name a text.
pub fn hash(text: &str) -> Digest {
    Digest(Sha256::digest(text.as_bytes()).into())
}

impl PackageStore {
    fn licence_path(&self, hash: &Digest) -> PathBuf {
        self.licences().join(hash.to_string())
    }

    /// Keeps the text of an offer, synced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_licence(&self, text: &str) -> Result<(), Failure> {
        let folder = self.licences();
        file::private_directory(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let path = self.licence_path(&hash(text));
        file::replace(&path, text.as_bytes()).map_err(|error| Failure::file(&path, &error))
    }

    /// The text of an offer that was made here.
    ///
    /// # Errors
    /// When it is not here, or was changed.
    pub fn licence(&self, of: &Digest) -> Result<String, Failure> {
        let path = self.licence_path(of);
        let bytes = file::read_bounded(&path, MAX_LICENCE_BYTES).map_err(|error| {
            Failure::file(&path, &error)
                .remedy("publish once with --description, which names the licence's file")
        })?;
        let text = text(bytes).map_err(|error| Failure::input(&path, error))?;
        if hash(&text) == *of {
            Ok(text)
        } else {
            Err(Failure::input(&path, "is not the licence of the offer")
                .remedy("bring the file back from a backup, or publish with --description"))
        }
    }
}

/// Has the node keep the text of an offer that was made here, unless it has it.
///
/// # Errors
/// When the text is not here, or the node refuses it.
pub fn store(
    session: &Session,
    store: &PackageStore,
    listing: &ListingId,
    of: &Digest,
) -> Result<(), Failure> {
    match session.client().text(of) {
        Ok(bytes) if Digest(Sha256::digest(&bytes).into()) == *of => return Ok(()),
        Err(error) if !error.is_not_found() => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    let text = store.licence(of)?;
    session.client().store_text(listing, of, text.as_bytes())?;
    Ok(())
}

/// The text of a hash from the node.
///
/// # Errors
/// When the node does not have it, or gives another.
pub fn fetch(session: &Session, of: &Digest) -> Result<String, Failure> {
    let bytes = session.client().text(of).map_err(|error| {
        if error.is_not_found() {
            Failure::new(
                Exit::Failure,
                "licence.missing",
                format!("{} does not keep the licence text {of}", session.client().node()),
            )
            .remedy("ask another node, or have the institution publish it: nobody should sign what cannot be read")
        } else {
            error.into()
        }
    })?;
    let other = |what: String| {
        Failure::new(Exit::Input, "licence.other", what)
            .remedy("use another node: this one does not give the text that the terms name")
    };
    let text = text(bytes).map_err(other)?;
    if hash(&text) == *of {
        Ok(text)
    } else {
        Err(other(format!("the node gives another text than the licence {of}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_text_is_kept_by_its_hash() {
        let home = tempfile::tempdir().unwrap();
        let store = PackageStore::of(home.path());
        let of = hash("Use it well.\n");
        assert_eq!(store.licence(&of).unwrap_err().code(), "file.io");
        store.keep_licence("Use it well.\n").unwrap();
        assert_eq!(store.licence(&of).unwrap(), "Use it well.\n");
        assert_eq!(store.all().unwrap(), [], "a licence is no package");
        std::fs::write(store.licence_path(&of), "Use it badly.\n").unwrap();
        assert_eq!(store.licence(&of).unwrap_err().exit(), Exit::Input);
        assert!(text(Vec::new()).is_err());
        assert!(text(vec![0xff]).is_err());
    }
}
