//! Packing: tables and files in, a sealed package folder and its secret out.
//!
//! One run draws one master key. Table segments are sealed and committed in parallel, a row block
//! at a time; files are streamed, so memory does not grow with them. The folder appears under its
//! name only when it is whole; a run that is killed leaves no package. Depends on `encode`, `seal`,
//! `commit` and `package`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use galen_market::layout::{
    self, BlockRows, Dictionary, Layout, LayoutError, Place, SEGMENT_BYTES, Values,
};
use galen_market::segment::{Leaf, SegmentError, cut_dictionary, encode_cells, encode_dictionary};
use galen_zk::commitment::{CommitError, Srs};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::commit::commit;
use crate::durable::{At, FileError};
use crate::encode::EncodedTable;
use crate::manifest::{Manifest, Resource};
use crate::package::{FolderWriter, Listing, PackageError, places};
use crate::seal::{MasterKey, PackageSecret};

/// Segments of a file that are read, sealed or written at once: 4 MiB.
const BATCH: usize = 16;

/// How far packing, opening or verifying is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Segments (for proofs: row blocks) done.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Hears how far a run is.
pub type Report<'a> = &'a (dyn Fn(Progress) + Sync);

/// A file to pack as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileInput {
    /// Resource name in the manifest.
    pub name: String,
    /// Path inside the package, with `/` between parts.
    pub path: String,
    /// Where it is now.
    pub source: PathBuf,
    /// Media type.
    pub mediatype: String,
    /// For a person.
    pub description: String,
}

/// What is to be packed.
#[derive(Clone, Debug)]
pub struct PackInput {
    /// Rows of a full block.
    pub block_rows: BlockRows,
    /// Tables in order.
    pub tables: Vec<EncodedTable>,
    /// Files in order.
    pub files: Vec<FileInput>,
    /// The description; `resources` and `dictionary_bytes` are filled in here.
    pub manifest: Manifest,
}

/// Why packing failed. No package is left behind.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The folder could not be written, or the manifest is not allowed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A rule of the Layout is broken.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A segment could not be made.
    #[error("segment {segment}: {source}")]
    Segment {
        /// Which segment.
        segment: u64,
        /// Why.
        #[source]
        source: SegmentError,
    },
    /// A dictionary is not canonical or holds a text that is too long.
    #[error("dictionary {0}: not strictly ascending, or a text of more than 65,535 bytes")]
    Dictionary(usize),
    /// A file has no bytes, of which there is nothing to seal.
    #[error("{}: is empty; leave it out", .0.display())]
    EmptyFile(PathBuf),
    /// A file became longer or shorter while it was packed.
    #[error("{}: changed while it was being packed; try again when nothing writes to it", .0.display())]
    Changed(PathBuf),
    /// A column could not be committed to.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Packs into a new folder at `target`. The secret is returned and written nowhere.
///
/// # Errors
/// See [`PackError`]. `target` exists afterwards only on success.
pub fn pack(
    input: PackInput,
    srs: &Srs,
    target: &Path,
    report: Report<'_>,
) -> Result<(Listing, PackageSecret), PackError> {
    let key = MasterKey::random();
    let dictionaries: Vec<&Vec<String>> =
        input.tables.iter().flat_map(|t| &t.dictionaries).collect();
    let layout = build_layout(&input, &dictionaries)?;
    let mut manifest = input.manifest;
    manifest.resources = input.tables.iter().map(|t| t.resource.clone()).collect();
    manifest.dictionary_bytes = Vec::with_capacity(dictionaries.len());
    let total = layout.segments();
    let size = input.block_rows;
    let mut run = Run { key, size, total, done: 0, report, writer: FolderWriter::new(target)? };

    let mut all = places(&layout);
    for table in &input.tables {
        let mut from = 0usize;
        for rows in &table.active {
            let to = from.saturating_add(*rows as usize);
            // Columns first: the other way round, `zip` would swallow the next block's place.
            let block: Vec<(Place, &[u64])> = table
                .columns
                .iter()
                .zip(all.by_ref())
                .map(|(column, place)| (place, &column.cells[from..to]))
                .collect();
            run.columns(srs, &block)?;
            from = to;
        }
    }
    for (entries, dictionary) in dictionaries.iter().zip(layout.dictionaries()) {
        let Dictionary::Private { segments, .. } = dictionary else { continue };
        let mut rest = entries.as_slice();
        let mut lengths = Vec::with_capacity(segments.len());
        for count in segments {
            let (part, after) = rest.split_at((*count as usize).min(rest.len()));
            rest = after;
            let segment = run.done;
            let plaintext =
                encode_dictionary(part).map_err(|source| PackError::Segment { segment, source })?;
            lengths.push(u32::try_from(plaintext.len()).unwrap_or(u32::MAX));
            run.plain(&[(all.next(), plaintext)])?;
        }
        manifest.dictionary_bytes.push(lengths);
    }
    for (input, file) in input.files.iter().zip(layout.files()) {
        manifest.resources.push(run.file(input, file, &mut all)?);
    }
    drop(all);
    let listing = run.writer.finish(layout, &manifest, key.commitment())?;
    Ok((listing.clone(), PackageSecret { package: listing.id, key }))
}

fn build_layout(input: &PackInput, dictionaries: &[&Vec<String>]) -> Result<Layout, PackError> {
    let mut next = 0u64;
    let mut base = 0u32;
    let mut tables = Vec::with_capacity(input.tables.len());
    for table in &input.tables {
        let mut columns: Vec<layout::Column> =
            table.columns.iter().map(|c| c.spec.clone()).collect();
        for column in &mut columns {
            if let Values::Code { dictionary } = &mut column.values {
                *dictionary = dictionary.saturating_add(base);
            }
        }
        base = base.saturating_add(u32::try_from(table.dictionaries.len()).unwrap_or(u32::MAX));
        let segments = (columns.len() as u64).saturating_mul(table.active.len() as u64);
        let active = table.active.clone();
        let name = table.resource.name.clone();
        tables.push(layout::Table { name, first: next, columns, active });
        next = next.saturating_add(segments);
    }
    let mut private = Vec::with_capacity(dictionaries.len());
    for (d, entries) in dictionaries.iter().enumerate() {
        let segments = cut_dictionary(entries).map_err(|_| PackError::Dictionary(d))?;
        let count = segments.len() as u64;
        private.push(Dictionary::Private { first: next, segments });
        next = next.saturating_add(count);
    }
    let mut files = Vec::with_capacity(input.files.len());
    for input in &input.files {
        let bytes = std::fs::metadata(&input.source).at(&input.source)?.len();
        if bytes == 0 {
            return Err(PackError::EmptyFile(input.source.clone()));
        }
        let file = layout::File { name: input.path.clone(), first: next, bytes };
        next = next.saturating_add(file.segments());
        files.push(file);
    }
    Ok(Layout::new(input.block_rows, tables, private, files)?)
}

/// One packing run.
struct Run<'a> {
    key: MasterKey,
    size: BlockRows,
    total: u64,
    done: u64,
    report: Report<'a>,
    writer: FolderWriter,
}

impl Run<'_> {
    /// Seals and commits the columns of one row block.
    fn columns(&mut self, srs: &Srs, block: &[(Place, &[u64])]) -> Result<(), PackError> {
        let first = self.done;
        let sealed: Vec<(Leaf, Vec<u8>)> = block
            .par_iter()
            .enumerate()
            .map(|(i, (place, cells))| {
                let segment = first + i as u64;
                let wrong = |source| PackError::Segment { segment, source };
                let Place::Column { width, .. } = place else {
                    return Err(wrong(SegmentError::Length));
                };
                let key = self.key.segment(segment);
                let plaintext = encode_cells(*width, cells).map_err(wrong)?;
                let bytes = key.seal(segment, self.total, &plaintext).map_err(wrong)?;
                let claim = commit(srs, self.size, cells, key.blinders())?.to_bytes();
                Ok((Leaf::new(place, &bytes, claim), bytes))
            })
            .collect::<Result<_, PackError>>()?;
        self.push(sealed)
    }

    /// Seals segments without a claim.
    fn plain(&mut self, parts: &[(Option<Place>, Vec<u8>)]) -> Result<(), PackError> {
        let first = self.done;
        let sealed: Vec<(Leaf, Vec<u8>)> = parts
            .par_iter()
            .enumerate()
            .map(|(i, (place, plaintext))| {
                let segment = first + i as u64;
                let wrong = |source| PackError::Segment { segment, source };
                let place = place.ok_or(wrong(SegmentError::Length))?;
                let key = self.key.segment(segment);
                let bytes = key.seal(segment, self.total, plaintext).map_err(wrong)?;
                Ok((Leaf::new(&place, &bytes, [0; 32]), bytes))
            })
            .collect::<Result<_, PackError>>()?;
        self.push(sealed)
    }

    /// Streams a file: while one batch of segments is hashed and sealed, the next is read and the
    /// one before written. Its hash is taken of the very bytes that are sealed.
    fn file(
        &mut self,
        input: &FileInput,
        file: &layout::File,
        places: &mut impl Iterator<Item = Place>,
    ) -> Result<Resource, PackError> {
        let source = &input.source;
        let mut reader = Parts { file: File::open(source).at(source)?, left: file.bytes };
        let mut hash = Sha256::new();
        // Plaintexts and what they become; read, and to be written.
        let (mut plain, mut next) = ([(); 2].map(|()| vec![Vec::new(); BATCH])).into();
        let (mut sealed, mut before) = ([(); 2].map(|()| vec![Vec::new(); BATCH])).into();
        let mut leaves: Vec<Leaf> = Vec::new();
        let mut filled = reader.fill(&mut plain, source)?;
        while filled > 0 || !leaves.is_empty() {
            let first = self.done.saturating_add(leaves.len() as u64);
            let batch: Vec<Place> = places.by_ref().take(filled).collect();
            if batch.len() != filled {
                let (segment, source) = (first, SegmentError::Length);
                return Err(PackError::Segment { segment, source });
            }
            let (key, total) = (self.key, self.total);
            let ((read, ()), made) = rayon::join(
                || {
                    rayon::join(
                        || {
                            self.write(&leaves, &before)?;
                            reader.fill(&mut next, source)
                        },
                        || plain[..filled].iter().for_each(|part| hash.update(part)),
                    )
                },
                || seal_batch(key, total, first, &batch, &plain, &mut sealed),
            );
            filled = read?;
            leaves = made?;
            std::mem::swap(&mut plain, &mut next);
            std::mem::swap(&mut sealed, &mut before);
        }
        if reader.file.read(&mut [0]).at(source)? != 0 {
            return Err(PackError::Changed(source.clone()));
        }
        Ok(Resource {
            name: input.name.clone(),
            path: input.path.clone(),
            description: input.description.clone(),
            mediatype: input.mediatype.clone(),
            bytes: file.bytes,
            hash: format!("sha256:{}", hex::encode(hash.finalize())),
            schema: None,
            deidentification: None,
        })
    }

    fn push(&mut self, sealed: Vec<(Leaf, Vec<u8>)>) -> Result<(), PackError> {
        let (leaves, sealed): (Vec<_>, Vec<_>) = sealed.into_iter().unzip();
        self.write(&leaves, &sealed)
    }

    /// Writes the next segments.
    fn write(&mut self, leaves: &[Leaf], sealed: &[Vec<u8>]) -> Result<(), PackError> {
        for (leaf, bytes) in leaves.iter().zip(sealed) {
            self.writer.push(*leaf, bytes)?;
            self.done = self.done.saturating_add(1);
            (self.report)(Progress { done: self.done, total: self.total });
        }
        Ok(())
    }
}

/// Seals the segments of a file from position `first` on.
fn seal_batch(
    key: MasterKey,
    total: u64,
    first: u64,
    places: &[Place],
    plain: &[Vec<u8>],
    sealed: &mut [Vec<u8>],
) -> Result<Vec<Leaf>, PackError> {
    let parts = places.par_iter().zip(plain).zip(sealed);
    parts
        .enumerate()
        .map(|(i, ((place, plaintext), bytes))| {
            let segment = first.saturating_add(i as u64);
            let done = key.segment(segment).seal_into(segment, total, plaintext, bytes);
            done.map_err(|source| PackError::Segment { segment, source })?;
            Ok(Leaf::new(place, bytes, [0; 32]))
        })
        .collect()
}

/// The segments of a file that is being read.
struct Parts {
    file: File,
    left: u64,
}

impl Parts {
    /// Replaces the buffers' content by the next segments; says how many there are.
    fn fill(&mut self, buffers: &mut [Vec<u8>], source: &Path) -> Result<usize, PackError> {
        let mut filled = 0;
        for part in buffers {
            let length = self.left.min(SEGMENT_BYTES as u64);
            if length == 0 {
                break;
            }
            part.clear();
            let read = (&mut self.file).take(length).read_to_end(part).at(source)?;
            if read as u64 != length {
                return Err(PackError::Changed(source.to_owned()));
            }
            self.left = self.left.saturating_sub(length);
            filled += 1;
        }
        Ok(filled)
    }
}
