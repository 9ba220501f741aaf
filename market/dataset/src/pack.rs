//! Packing: tables and files in, a sealed package folder and its secret out.
//!
//! One run draws one master key. Table segments are sealed and committed in parallel, a row block
//! at a time; a file's segments are read, sealed and written where they belong by all cores, a buffer
//! each, so memory does not grow with it. The folder appears under its
//! name only when it is whole; a run that is killed leaves no package. Depends on `encode`, `seal`,
//! `commit`, `stream` and `package`.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use galen_market::layout::{
    self, BlockRows, Dictionary, Layout, LayoutError, Place, SEGMENT_BYTES, Values,
};
use galen_market::segment::{
    Leaf, MAX_CIPHERTEXT_BYTES, NONCE_BYTES, OVERHEAD_BYTES, SegmentError, cut_dictionary,
    encode_cells, encode_dictionary,
};
use galen_zk::commitment::{CommitError, Srs};
use rayon::prelude::*;
use ring::digest::{Context, SHA256};

use crate::commit::commit;
use crate::durable::{At, FileError};
use crate::encode::EncodedTable;
use crate::manifest::{Manifest, Resource};
use crate::package::{FolderWriter, Listing, PackageError, places};
use crate::seal::{MasterKey, PackageSecret};
use crate::stream::{InOrder, each_in_order};

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
    /// What the manifest says of its SHA-256.
    pub sha256: FileHash,
}

/// Whether the manifest states the SHA-256 of a file. Nothing depends on it: leaves and `K` fix every
/// byte. One core computes it, segment after segment, and where processors have no instructions for
/// it, it takes several times as long as sealing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FileHash {
    /// It states none.
    #[default]
    None,
    /// It is computed while the file is sealed.
    Computed,
    /// It is known; a file with another one is not packed.
    Known([u8; 32]),
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
    /// A file has another SHA-256 than was stated.
    #[error("{}: has the SHA-256 {found}, which is not the one that was stated; it was damaged or is another file", path.display())]
    OtherFile {
        /// Which file.
        path: PathBuf,
        /// Its SHA-256, in hexadecimal digits.
        found: String,
    },
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
    // What would be refused at the end is refused before terabytes are sealed.
    let (layout, mut manifest) = input.plan()?;
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
    for (entries, dictionary) in input.dictionaries().zip(layout.dictionaries()) {
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
    drop(all);
    for (f, (file, resource)) in
        input.files.iter().zip(&mut manifest.resources[input.tables.len()..]).enumerate()
    {
        resource.hash = run.file(file, &layout, f)?;
    }
    let listing = run.writer.finish(layout, &manifest, key.commitment())?;
    Ok((listing.clone(), PackageSecret { package: listing.id, key }))
}

impl PackInput {
    /// Checks everything that does not take reading the files: what a dry run does.
    ///
    /// # Errors
    /// See [`PackError`].
    pub fn check(&self) -> Result<(), PackError> {
        self.plan().map(drop)
    }

    /// The layout, and the manifest with every table and file, checked; lengths of dictionaries and hashes
    /// of files are known when they are sealed.
    fn plan(&self) -> Result<(Layout, Manifest), PackError> {
        let layout = build_layout(self)?;
        let tables = self.tables.iter().map(|table| table.resource.clone());
        let files = self.files.iter().zip(layout.files()).map(|(input, file)| Resource {
            name: input.name.clone(),
            path: input.path.clone(),
            description: input.description.clone(),
            mediatype: input.mediatype.clone(),
            bytes: file.bytes,
            hash: None,
            schema: None,
            deidentification: None,
        });
        let resources = tables.chain(files).collect();
        let manifest =
            Manifest { resources, dictionary_bytes: Vec::new(), ..self.manifest.clone() };
        manifest.check().map_err(PackageError::from)?;
        Ok((layout, manifest))
    }

    /// The dictionaries of all tables, in order.
    fn dictionaries(&self) -> impl Iterator<Item = &Vec<String>> {
        self.tables.iter().flat_map(|table| &table.dictionaries)
    }
}

fn build_layout(input: &PackInput) -> Result<Layout, PackError> {
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
    let mut private = Vec::new();
    for (d, entries) in input.dictionaries().enumerate() {
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

    /// Seals a file on all cores. Gives its hash, if one is wanted, of the very bytes that are sealed.
    fn file(
        &mut self,
        input: &FileInput,
        layout: &Layout,
        f: usize,
    ) -> Result<Option<String>, PackError> {
        let source = &input.source;
        let file = &layout.files()[f];
        let reader = File::open(source).at(source)?;
        let hash = (input.sha256 != FileHash::None).then(|| InOrder::new(Context::new(&SHA256)));
        let count = file.segments();
        let sealed_bytes = file.bytes.saturating_add(count.saturating_mul(OVERHEAD_BYTES as u64));
        let (first, start) = self.writer.reserve(count, sealed_bytes);
        let before = self.done;
        let done = AtomicU64::new(before);
        let (writer, key, total, report) = (&self.writer, self.key, self.total, self.report);
        each_in_order(count, hash.as_ref(), |number, bytes| {
            let segment = first.saturating_add(number);
            let wrong = |source| PackError::Segment { segment, source };
            let place = layout.place(segment).ok_or(wrong(SegmentError::Length))?;
            let Place::File { bytes: length, .. } = place else {
                return Err(wrong(SegmentError::Length));
            };
            bytes.resize(length as usize + OVERHEAD_BYTES, 0);
            let text = NONCE_BYTES..NONCE_BYTES + length as usize;
            let from = number.saturating_mul(SEGMENT_BYTES as u64);
            reader.read_exact_at(&mut bytes[text.clone()], from).map_err(|error| {
                match error.kind() {
                    ErrorKind::UnexpectedEof => PackError::Changed(source.clone()),
                    _ => FileError { path: source.clone(), source: error }.into(),
                }
            })?;
            if let Some(hash) = &hash {
                hash.take(number, |hash| hash.update(&bytes[text]));
            }
            key.segment(segment).seal_in_place(segment, total, bytes).map_err(wrong)?;
            let leaf = Leaf::new(&place, bytes, [0; 32]);
            let at = start.saturating_add(number.saturating_mul(MAX_CIPHERTEXT_BYTES as u64));
            writer.put((segment, at), leaf, bytes)?;
            report(Progress {
                done: done.fetch_add(1, Ordering::Relaxed).saturating_add(1),
                total,
            });
            Ok(())
        })?;
        self.done = before.saturating_add(count);
        if reader.read_at(&mut [0], file.bytes).at(source)? != 0 {
            return Err(PackError::Changed(source.clone()));
        }
        let hash = hash.map(|hash| hex::encode(hash.finish().finish()));
        if let (FileHash::Known(known), Some(found)) = (input.sha256, &hash)
            && *found != hex::encode(known)
        {
            return Err(PackError::OtherFile { path: source.clone(), found: found.clone() });
        }
        Ok(hash.map(|digits| format!("sha256:{digits}")))
    }

    fn push(&mut self, sealed: Vec<(Leaf, Vec<u8>)>) -> Result<(), PackError> {
        for (leaf, bytes) in sealed {
            self.writer.push(leaf, &bytes)?;
            self.done = self.done.saturating_add(1);
            (self.report)(Progress { done: self.done, total: self.total });
        }
        Ok(())
    }
}
