//! The packages that this node serves: `<package id>/{layout,manifest,leaves,segments}` in a
//! [`Store`].
//!
//! A part is stored only after it was checked against what the ledger knows of the package, so that
//! nobody can fill the store with anything else, and a part that is there is whole. Names are made
//! from typed ids, never from a path that was sent; a symlink is not followed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use galen_api::{Description, Part, codes};
use galen_market::id::PackageId;
use galen_market::layout::{Dictionary, Layout, MAX_LAYOUT_BYTES, Place};
use galen_market::listing::Listing;
use galen_market::segment::{
    LEAF_BYTES, Leaf, MAX_CIPHERTEXT_BYTES, MAX_MANIFEST_BYTES, OVERHEAD_BYTES, RootBuilder,
    ciphertext_hash, manifest_hash,
};
use serde::Deserialize;
use warp::http::StatusCode;

use crate::reply::ApiError;
use crate::store::{self, Body, Store, StoreError};

/// Longest text of a manifest that a list shows, in characters.
const MAX_SHOWN: usize = 2000;

/// The store, and what is being stored. Clones are the same one. What answers at once asks the store
/// on a thread that may wait for it.
#[derive(Clone)]
pub(crate) struct Packages {
    store: Store,
    runtime: tokio::runtime::Handle,
    busy: Arc<Mutex<BTreeSet<(PackageId, Part)>>>,
}

/// What the server reads of a manifest. The rest is the institution's and the readers'.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Declared {
    title: String,
    description: String,
    keywords: Vec<String>,
    diseases: Vec<String>,
    countries: Vec<String>,
    resources: Vec<Resource>,
    citation: String,
    licence: Licence,
    lineage: Vec<Step>,
    #[serde(rename = "dictionaryBytes")]
    dictionary_bytes: Vec<Vec<u32>>,
}

/// A parent package and what was done to it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Step {
    package: String,
    step: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Resource {
    deidentification: Deidentification,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Deidentification {
    persons: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Licence {
    name: String,
}

/// Holds a part while it is stored: never while its bytes are waited for.
pub(crate) struct Upload {
    packages: Packages,
    of: (PackageId, Part),
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.packages.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.of);
    }
}

impl Packages {
    /// Must be called on the runtime that answers.
    pub fn new(store: Store) -> Self {
        Self { store, runtime: tokio::runtime::Handle::current(), busy: Arc::default() }
    }

    /// The length of a part, if it is stored.
    pub async fn length(&self, package: &PackageId, part: Part) -> Result<Option<u64>, StoreError> {
        self.store.length(package, part).await
    }

    /// Bytes of a stored part.
    pub async fn body(
        &self,
        package: &PackageId,
        part: Part,
        range: Range<u64>,
    ) -> Result<Body, StoreError> {
        self.store.body(package, part, range).await
    }

    /// The same length, for a thread that may wait.
    pub fn stored(&self, package: &PackageId, part: Part) -> Result<Option<u64>, StoreError> {
        self.wait(self.store.length(package, part))
    }

    /// The same bytes, for a thread that may wait.
    pub fn open(
        &self,
        package: &PackageId,
        part: Part,
        range: Range<u64>,
    ) -> Result<Body, StoreError> {
        self.wait(self.store.body(package, part, range))
    }

    /// Waits, on a thread that may.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    fn read(
        &self,
        package: &PackageId,
        part: Part,
        limit: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        self.runtime.block_on(self.store.read(package, part, limit))
    }

    /// Which parts are stored.
    pub fn served(&self, package: &PackageId) -> Result<Vec<Part>, StoreError> {
        let mut served = Vec::new();
        for part in Part::ALL {
            if self.runtime.block_on(self.store.length(package, part))?.is_some() {
                served.push(part);
            }
        }
        Ok(served)
    }

    /// The manifest, if it is stored and is the one of the listing.
    pub fn manifest(&self, listing: &Listing) -> Result<Option<Bytes>, StoreError> {
        let bytes = self.read(&listing.id.package, Part::Manifest, MAX_MANIFEST_BYTES as u64)?;
        // Another institution may list the same package, whose id fixes the manifest; but the files
        // are checked each time, as they may have been changed on the disk.
        Ok(bytes.filter(|bytes| manifest_hash(bytes) == listing.manifest.0))
    }

    /// What the manifest says in words.
    pub fn declared(&self, listing: &Listing) -> Result<Option<Description>, StoreError> {
        let Some(bytes) = self.manifest(listing)? else { return Ok(None) };
        let declared: Declared = serde_json::from_slice(&bytes).unwrap_or_default();
        let short = |text: String| text.chars().take(MAX_SHOWN).collect::<String>();
        let list = |texts: Vec<String>| texts.into_iter().take(64).map(short).collect();
        Ok(Some(Description {
            title: short(declared.title),
            description: short(declared.description),
            keywords: list(declared.keywords),
            diseases: list(declared.diseases),
            countries: list(declared.countries),
            // Tables come first, and there are at most 64.
            persons: list(
                declared
                    .resources
                    .into_iter()
                    .map(|resource| resource.deidentification.persons)
                    .collect(),
            ),
            citation: short(declared.citation),
            licence: short(declared.licence.name),
        }))
    }

    /// What the manifest says that was done to a parent package.
    pub fn step(
        &self,
        listing: &Listing,
        parent: &PackageId,
    ) -> Result<Option<String>, StoreError> {
        let Some(bytes) = self.manifest(listing)? else { return Ok(None) };
        let declared: Declared = serde_json::from_slice(&bytes).unwrap_or_default();
        let parent = parent.to_string();
        let found = declared.lineage.into_iter().find(|step| step.package == parent);
        Ok(found.map(|step| step.step.chars().take(MAX_SHOWN).collect()))
    }

    /// Most bytes of a part.
    ///
    /// # Errors
    /// When a part that must come first is missing.
    pub fn bounds(
        &self,
        part: Part,
        listing: &Listing,
        layout: &Layout,
    ) -> Result<Length, ApiError> {
        Ok(match part {
            Part::Layout => Length::UpTo(MAX_LAYOUT_BYTES as u64),
            Part::Manifest => Length::UpTo(MAX_MANIFEST_BYTES as u64),
            Part::Leaves => Length::Exactly(listing.segments.saturating_mul(LEAF_BYTES as u64)),
            Part::Segments => Length::Exactly(self.plan(listing, layout)?.total),
        })
    }

    /// Segments that are about to come.
    ///
    /// # Errors
    /// When leaves or manifest are missing.
    pub fn segments(&self, listing: &Listing, layout: &Layout) -> Result<Segments, ApiError> {
        Ok(Segments { plan: self.plan(listing, layout)?, at: 0, part: Vec::new() })
    }

    /// Makes sure that nobody else stores the same part meanwhile. Only who has shown bytes of it may
    /// begin: else anybody could keep an institution from storing its package.
    pub fn begin(&self, package: PackageId, part: Part) -> Result<Upload, ApiError> {
        let of = (package, part);
        if self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(of) {
            Ok(Upload { packages: self.clone(), of })
        } else {
            let text = "the same part of the package is being uploaded";
            Err(ApiError::new(StatusCode::CONFLICT, codes::UPLOAD_BUSY, text)
                .remedy("wait until it is stored"))
        }
    }
}

impl Packages {
    /// Removes the files of a package that nothing names any more. False, and nothing is removed,
    /// while a part is uploaded; what is named stays.
    pub fn forget(
        &self,
        package: PackageId,
        named: impl FnOnce() -> Result<bool, ApiError>,
    ) -> Result<bool, ApiError> {
        let mut uploads = Vec::new();
        for part in Part::ALL {
            match self.begin(package, part) {
                Ok(upload) => uploads.push(upload),
                Err(_) => return Ok(false),
            }
        }
        if named()? {
            return Ok(true);
        }
        for part in Part::ALL {
            self.runtime.block_on(self.store.remove(&package, part))?;
        }
        if let Err(error) = self.store.remove_folder(&package) {
            tracing::warn!(%package, %error, "the folder of an expired draft stays");
        }
        Ok(true)
    }

    fn plan(&self, listing: &Listing, layout: &Layout) -> Result<Plan, ApiError> {
        let missing = |part: Part| {
            let text = format!("the {} of the package are not stored yet", part.name());
            ApiError::new(StatusCode::CONFLICT, codes::PART_MISSING, text)
                .remedy("store manifest and leaves first")
        };
        let manifest = self.manifest(listing)?.ok_or_else(|| missing(Part::Manifest))?;
        let limit = listing.segments.saturating_mul(LEAF_BYTES as u64);
        let stored = self
            .read(&listing.id.package, Part::Leaves, limit)?
            .ok_or_else(|| missing(Part::Leaves))?;
        let leaves = leaves(listing, &stored)?;
        let declared: Declared =
            serde_json::from_slice(&manifest).map_err(|_| not_the_package("manifest"))?;
        let lengths = lengths(layout, &declared.dictionary_bytes)
            .ok_or_else(|| not_the_package("manifest"))?;
        if lengths.len() != leaves.len() {
            return Err(not_the_package("layout"));
        }
        let total = lengths.iter().try_fold(0u64, |sum, length| sum.checked_add(*length));
        let total = total.ok_or_else(|| not_the_package("layout"))?;
        Ok(Plan {
            total,
            segments: lengths.into_iter().zip(leaves.iter().map(|leaf| leaf.ciphertext)).collect(),
        })
    }
}

/// A short part whose bytes are the package's.
pub(crate) struct Checked {
    part: Part,
    bytes: Vec<u8>,
    layout: Vec<u8>,
}

impl Checked {
    /// Checks a short part.
    ///
    /// # Errors
    /// When the bytes are not the package's.
    pub fn new(
        part: Part,
        listing: &Listing,
        layout: &Layout,
        bytes: Vec<u8>,
    ) -> Result<Self, ApiError> {
        let layout = layout.to_bytes();
        match part {
            Part::Layout if bytes != layout => return Err(not_the_package("layout")),
            Part::Manifest if manifest_hash(&bytes) != listing.manifest.0 => {
                return Err(not_the_package("manifest"));
            }
            Part::Leaves => {
                leaves(listing, &bytes)?;
            }
            Part::Layout | Part::Manifest => {}
            Part::Segments => return Err(ApiError::bad("segments are stored piece by piece")),
        }
        Ok(Self { part, bytes, layout })
    }
}

impl Upload {
    /// Stores a short part.
    ///
    /// # Errors
    /// When it is not the part that was begun, or the store fails.
    pub fn store(&self, checked: Checked) -> Result<u64, ApiError> {
        let Self { packages: Packages { store, runtime, .. }, of: (package, part) } = self;
        let Checked { part: of, bytes, layout } = checked;
        if of != *part {
            return Err(ApiError::bad("another part was begun"));
        }
        let length = bytes.len() as u64;
        runtime.block_on(store.put(package, Part::Layout, layout))?;
        if *part != Part::Layout {
            runtime.block_on(store.put(package, *part, bytes))?;
        }
        Ok(length)
    }

    /// Begins to store `total` bytes of segments.
    ///
    /// # Errors
    /// When the store fails.
    pub fn segments(self, total: u64) -> Result<Storing, ApiError> {
        let Packages { store, runtime, .. } = &self.packages;
        let upload = runtime.block_on(store.upload(&self.of.0, Part::Segments, total))?;
        Ok(Storing { upload, _held: self })
    }
}

/// Segments that are being stored.
pub(crate) struct Storing {
    upload: store::Upload,
    _held: Upload,
}

impl Storing {
    /// The next segment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&mut self, segment: &[u8]) -> Result<(), ApiError> {
        Ok(self.upload.write(segment).await?)
    }

    /// Gives the part its name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(self) -> Result<(), ApiError> {
        Ok(self.upload.finish().await?)
    }
}

/// How long a part may be.
pub(crate) enum Length {
    UpTo(u64),
    Exactly(u64),
}

struct Plan {
    total: u64,
    segments: Vec<(u64, [u8; 32])>,
}

/// Segments as they come: every one is compared with its leaf as soon as it is there.
pub(crate) struct Segments {
    plan: Plan,
    at: usize,
    /// What is there of the segment that is being sent.
    part: Vec<u8>,
}

impl Segments {
    /// Bytes of all of them.
    pub fn total(&self) -> u64 {
        self.plan.total
    }

    /// Takes bytes off the front, until a segment is whole.
    ///
    /// # Errors
    /// When a segment is not the one of its leaf, or there are too many bytes.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some((length, expected)) = self.plan.segments.get(self.at).copied() else {
            return Err(not_the_package("segments: there are too many bytes, so their list"));
        };
        // A segment's length is that of its shape, which is bounded.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (piece, rest) = bytes.split_at((length - self.part.len()).min(bytes.len()));
        self.part.extend_from_slice(piece);
        *bytes = rest;
        if self.part.len() < length {
            return Ok(None);
        }
        if ciphertext_hash(&self.part) != expected {
            return Err(not_the_package(&format!("segment {}", self.at)));
        }
        self.at = self.at.saturating_add(1);
        Ok(Some(std::mem::take(&mut self.part)))
    }

    /// # Errors
    /// When segments are missing.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.at != self.plan.segments.len() || !self.part.is_empty() {
            return Err(not_the_package("segments: bytes are missing, so their list"));
        }
        Ok(())
    }
}

fn not_the_package(what: &str) -> ApiError {
    let text = format!("{what} is not the one of the listed package");
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, codes::NOT_THE_PACKAGE, text)
        .remedy("upload the files of the package folder as they were packed")
}

fn leaves(listing: &Listing, bytes: &[u8]) -> Result<Vec<Leaf>, ApiError> {
    let wrong = || not_the_package("the list of leaves");
    if bytes.len() as u64 != listing.segments.saturating_mul(LEAF_BYTES as u64) {
        return Err(wrong());
    }
    let leaves: Vec<Leaf> = bytes
        .chunks_exact(LEAF_BYTES)
        .map(Leaf::from_bytes)
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let mut root = RootBuilder::default();
    leaves.iter().for_each(|leaf| root.push(leaf));
    if root.finish() == Some(listing.root.0) { Ok(leaves) } else { Err(wrong()) }
}

/// The length of every encrypted segment. The layout says all but those of dictionaries, which the
/// manifest says.
fn lengths(layout: &Layout, dictionary_bytes: &[Vec<u32>]) -> Option<Vec<u64>> {
    let private = layout.dictionaries().iter().filter_map(|dictionary| match dictionary {
        Dictionary::Private { segments, .. } => Some(segments.len()),
        Dictionary::Public { .. } => None,
    });
    if !private.eq(dictionary_bytes.iter().map(Vec::len)) {
        return None;
    }
    let mut dictionaries = dictionary_bytes.iter().flatten();
    (0..layout.segments())
        .map(|segment| {
            let plaintext = match layout.place(segment)? {
                Place::Column { width, rows, .. } => {
                    u64::from(rows).checked_mul(width.bytes() as u64)?
                }
                Place::Dictionary { .. } => u64::from(*dictionaries.next()?),
                Place::File { bytes, .. } => u64::from(bytes),
            };
            let length = plaintext.checked_add(OVERHEAD_BYTES as u64)?;
            (length <= MAX_CIPHERTEXT_BYTES as u64).then_some(length)
        })
        .collect()
}
