//! SHA-256 of stored parts. The bytes of a package never change, so a part is read once for as long as
//! the server runs; a large one in the background, one at a time, and its hash is there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use galen_api::Part;
use galen_market::id::{Digest, PackageId};
use sha2::{Digest as _, Sha256};

use crate::packages::Packages;
use crate::reply::ApiError;
use crate::store::{Body, StoreError};

/// Up to here a part is read while the answer waits.
const AT_ONCE_BYTES: u64 = 32 << 20;
/// Most hashes that are kept; beyond it all are read anew.
const MAX_KEPT: usize = 100_000;

type Of = (PackageId, Part);

/// What is known of a part.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub bytes: u64,
    /// None while it is being read.
    pub sha256: Option<Digest>,
}

#[derive(Default)]
struct State {
    kept: BTreeMap<Of, (u64, Digest)>,
    under_way: BTreeSet<Of>,
}

/// The hashes that are known. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Checksums {
    state: Arc<Mutex<State>>,
    /// Held while a part of each kind is read: short ones never wait for a long one.
    reading: Arc<[Mutex<()>; 2]>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checksums {
    /// Length and hash of a part, or nothing if it is not stored. Must be called on a thread that may
    /// wait.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of(
        &self,
        packages: &Packages,
        package: PackageId,
        part: Part,
    ) -> Result<Option<Known>, ApiError> {
        let of = (package, part);
        let Some(bytes) = packages.stored(&package, part)? else { return Ok(None) };
        if let Some(found) = self.find(of, bytes) {
            return Ok(Some(found));
        }
        if bytes <= AT_ONCE_BYTES {
            let _only = lock(&self.reading[0]);
            let found = match self.find(of, bytes) {
                Some(found) => found,
                None => self.keep(of, bytes, hash(packages, of, bytes)?),
            };
            return Ok(Some(found));
        }
        if lock(&self.state).under_way.insert(of) {
            let (all, packages) = (self.clone(), packages.clone());
            std::thread::spawn(move || {
                let _only = lock(&all.reading[1]);
                match hash(&packages, of, bytes) {
                    Ok(sha256) => {
                        all.keep(of, bytes, sha256);
                    }
                    Err(error) => tracing::warn!(%package, %error, "a part cannot be hashed"),
                }
                lock(&all.state).under_way.remove(&of);
            });
        }
        Ok(Some(Known { bytes, sha256: None }))
    }

    fn find(&self, of: Of, bytes: u64) -> Option<Known> {
        let (length, sha256) = lock(&self.state).kept.get(&of).copied()?;
        (length == bytes).then_some(Known { bytes, sha256: Some(sha256) })
    }

    fn keep(&self, of: Of, bytes: u64, sha256: Digest) -> Known {
        let mut state = lock(&self.state);
        if state.kept.len() >= MAX_KEPT {
            state.kept.clear();
        }
        state.kept.insert(of, (bytes, sha256));
        Known { bytes, sha256: Some(sha256) }
    }
}

fn hash(packages: &Packages, (package, part): Of, bytes: u64) -> Result<Digest, StoreError> {
    let mut sha256 = Sha256::new();
    match packages.open(&package, part, 0..bytes)? {
        Body::File(file) => {
            let mut file = std::io::BufReader::with_capacity(256 << 10, file.take(bytes));
            std::io::copy(&mut file, &mut sha256)?;
        }
        Body::Stream(mut stream) => {
            while let Some(chunk) = packages.wait(stream.next()) {
                sha256.update(&chunk?);
            }
        }
    }
    Ok(Digest(sha256.finalize().into()))
}
