//! Where the parts of packages lie: in a folder, or in any store that speaks S3. Both hold
//! `<package id>/<part>`, so that a bucket or folder that others may read is a mirror as it is.
//!
//! A part is there as a whole or not at all, and it is on the disk, or the store has acknowledged
//! it, before anybody is told. Depends on `object_store`, which signs, retries and cuts uploads.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use galen_api::Part;
use galen_market::id::PackageId;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart,
};

/// Parts of an upload that are under way at a time.
const AT_ONCE: usize = 4;
/// Least bytes of a part of an upload but the last; S3 asks for 5 MiB.
const LEAST_PART: u64 = 8 << 20;
/// Most parts of an upload; S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is that of no store.
    #[error("{0:?} is not a folder or an address such as s3://bucket/prefix")]
    Address(String),
    /// A folder cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of a folder cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// What is not a folder where a package's should be.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// The store says no, or cannot be reached.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// A part is longer than any.
    #[error("the {} of package {package} are longer than any", part.name())]
    TooLong {
        /// Of which package.
        package: PackageId,
        /// Which part.
        part: Part,
    },
}

/// A store of packages. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Key,
    /// The folder, if it is one.
    root: Option<PathBuf>,
}

/// Bytes of a part.
pub enum Body {
    /// An open file, from its start on.
    File(std::fs::File),
    /// Just the bytes of the range.
    Stream(futures_util::stream::BoxStream<'static, object_store::Result<Bytes>>),
}

impl Store {
    /// The store at an address: the path of a folder, which is made if missing, or `s3://BUCKET` with
    /// a prefix if wished. Keys, region and endpoint of S3 come from the environment
    /// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`;
    /// `AWS_ALLOW_HTTP=true` for one without TLS).
    ///
    /// # Errors
    /// When the address is of another kind, or the folder cannot be made.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        let Some((scheme, rest)) = address.split_once("://") else {
            return Self::folder(Path::new(address));
        };
        let wrong = || StoreError::Address(address.to_owned());
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if scheme != "s3" || bucket.is_empty() {
            return Err(wrong());
        }
        // Another part of the process may have done it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let objects = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
        let prefix = Key::parse(prefix.trim_end_matches('/')).map_err(|_| wrong())?;
        Ok(Self { objects: Arc::new(objects), prefix, root: None })
    }

    /// The store in a folder, which is made if missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Folder { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        let root = path.canonicalize().map_err(failed)?;
        let objects = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true);
        Ok(Self { objects: Arc::new(objects), prefix: Key::default(), root: Some(root) })
    }

    fn key(&self, package: &PackageId, part: Part) -> Key {
        self.prefix.clone().join(package.to_string()).join(part.name())
    }

    /// A symlink could lead out of the folder: neither a package's folder nor a part may be one.
    fn is_inside(&self, package: &PackageId, part: Option<Part>) -> Result<bool, StoreError> {
        let Some(root) = &self.root else { return Ok(true) };
        let folder = root.join(package.to_string());
        let part = part.map(|part| folder.join(part.name()));
        for (path, is_folder) in [(Some(folder), true), (part, false)] {
            let Some(path) = path else { continue };
            match std::fs::symlink_metadata(&path) {
                Ok(found) if is_folder && found.is_dir() => {}
                Ok(found) if !is_folder && found.is_file() => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(_) => return Ok(false),
                Err(source) => return Err(StoreError::Folder { path, source }),
            }
        }
        Ok(true)
    }

    /// The length of a part, if it is there.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn length(&self, package: &PackageId, part: Part) -> Result<Option<u64>, StoreError> {
        if let Some(root) = &self.root {
            return Ok(found(root, package, part)?.map(|(_, length)| length));
        }
        match self.objects.head(&self.key(package, part)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A whole part of at most `limit` bytes, if it is there.
    ///
    /// # Errors
    /// When the store cannot be asked, or the part is longer.
    pub async fn read(
        &self,
        package: &PackageId,
        part: Part,
        limit: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        let too_long = || StoreError::TooLong { package: *package, part };
        if let Some(root) = &self.root {
            let Some((path, length)) = found(root, package, part)? else { return Ok(None) };
            if length > limit {
                return Err(too_long());
            }
            return match std::fs::read(&path) {
                Ok(bytes) => Ok(Some(bytes.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(StoreError::Folder { path, source }),
            };
        }
        match self.objects.get(&self.key(package, part)).await {
            Ok(found) if found.meta.size > limit => Err(too_long()),
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes of a part that is there, as they come.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn body(
        &self,
        package: &PackageId,
        part: Part,
        range: Range<u64>,
    ) -> Result<Body, StoreError> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let found = self.objects.get_opts(&self.key(package, part), options).await?;
        Ok(match found.payload {
            GetResultPayload::File(file, _) => Body::File(file),
            GetResultPayload::Stream(stream) => Body::Stream(stream),
        })
    }

    /// Stores a short part.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put(
        &self,
        package: &PackageId,
        part: Part,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.prepare(package)?;
        self.objects.put(&self.key(package, part), PutPayload::from(bytes)).await?;
        Ok(())
    }

    /// Begins to store a part of `total` bytes piece by piece; the pieces that are held in memory grow
    /// with it from 8 MiB on, four at a time.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn upload(
        &self,
        package: &PackageId,
        part: Part,
        total: u64,
    ) -> Result<Upload, StoreError> {
        self.prepare(package)?;
        let upload = self.objects.put_multipart(&self.key(package, part)).await?;
        let piece = LEAST_PART.max(total.div_ceil(MOST_PARTS));
        let piece = usize::try_from(piece).unwrap_or(usize::MAX);
        Ok(Upload(Some(WriteMultipart::new_with_chunk_size(upload, piece))))
    }

    fn prepare(&self, package: &PackageId) -> Result<(), StoreError> {
        match &self.root {
            Some(root) if !self.is_inside(package, None)? => {
                Err(StoreError::NotAFolder(root.join(package.to_string())))
            }
            _ => Ok(()),
        }
    }

    /// Removes a part, if it is there.
    ///
    /// # Errors
    /// When the store does not remove it.
    pub async fn remove(&self, package: &PackageId, part: Part) -> Result<(), StoreError> {
        if !self.is_inside(package, Some(part))? {
            return Ok(());
        }
        match self.objects.delete(&self.key(package, part)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the folder of a package whose parts are removed, if there are folders. What else is in
    /// it is not ours to remove.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_folder(&self, package: &PackageId) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        match std::fs::remove_dir(root.join(package.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The file of a part in a folder with its length, if it is there; a symlink is none. Every page asks for
/// a few, so the folder is looked at here and now: a task of its own for each costs more than the look.
fn found(
    root: &Path,
    package: &PackageId,
    part: Part,
) -> Result<Option<(PathBuf, u64)>, StoreError> {
    let look = |path: &Path| match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Folder { path: path.to_owned(), source }),
    };
    let folder = root.join(package.to_string());
    if !look(&folder)?.is_some_and(|found| found.is_dir()) {
        return Ok(None);
    }
    let path = folder.join(part.name());
    let file = look(&path)?.filter(std::fs::Metadata::is_file);
    Ok(file.map(|file| (path, file.len())))
}

/// A part that is being stored. Dropped unfinished, nothing of it stays.
pub struct Upload(Option<WriteMultipart>);

impl Upload {
    /// The next bytes; waits while too many are under way.
    ///
    /// # Errors
    /// When the store does not take bytes given before.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(upload) = &mut self.0 {
            upload.wait_for_capacity(AT_ONCE).await?;
            upload.write(bytes);
        }
        Ok(())
    }

    /// Gives the part its name.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        if let Some(upload) = self.0.take() {
            upload.finish().await?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Pieces of an upload that was given up would be kept, and paid for.
        if let (Some(upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::debug!(%error, "pieces of an upload stay");
                }
            });
        }
    }
}
