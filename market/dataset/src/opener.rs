//! A package together with its key: segments decrypted, dictionaries and claims checked.
//!
//! Serves both sides: the buyer opens, the institution proves of the very cells that it sealed.
//! Depends on `package`, `seal` and `commit`.

use galen_market::layout::{Dictionary, Place};
use galen_market::segment::{SegmentError, decode_cells, decode_dictionary};
use galen_zk::commitment::Srs;
use rayon::prelude::*;

use crate::commit::{Combination, OpenedColumn, claim_holds};
use crate::durable::FileError;
use crate::package::{PackageError, PackageFolder, Segments, check_segment};
use crate::seal::MasterKey;

/// Why a package does not open. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not the package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Output could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key does not open `K`.
    #[error("the key is not the one that the listing commits to")]
    WrongKey,
    /// A segment does not decrypt, or a dictionary segment is not canonical. Grounds for a dispute.
    #[error("segment {segment}: {source}; this can be disputed")]
    Segment {
        /// Which segment.
        segment: u64,
        /// What is wrong.
        #[source]
        source: SegmentError,
    },
    /// A dictionary segment is canonical by itself, but does not go on where the one before ended.
    #[error("segment {segment}: its dictionary does not continue in order from the segment before")]
    DictionaryOrder {
        /// Which segment.
        segment: u64,
    },
    /// A column is not the one that its leaf commits to. Grounds for a dispute.
    #[error(
        "segment {segment}: its cells are not those that its leaf commits to; this can be disputed"
    )]
    Claim {
        /// Which segment.
        segment: u64,
    },
    /// A cell names no value of its column. Grounds for a dispute.
    #[error(
        "segment {segment}: row {row} of its block holds a cell outside the column's bounds or dictionary; this can be disputed"
    )]
    Cell {
        /// Which segment.
        segment: u64,
        /// Row in the block, from zero.
        row: u64,
    },
    /// Everything authenticates, but the file is not the one that the manifest declares.
    #[error(
        "{path}: the opened file is not the one that the manifest declares (its SHA-256 or length differs)"
    )]
    HashDiffers {
        /// Its path in the package.
        path: String,
    },
    /// Parameters for another block size were given.
    #[error("the commitment parameters are for another block size")]
    Parameters,
}

impl OpenError {
    /// The segment that a dispute would name, if the failure is the seller's.
    #[must_use]
    pub fn disputable(&self) -> Option<u64> {
        match self {
            Self::Segment { segment, .. }
            | Self::Claim { segment }
            | Self::Cell { segment, .. } => Some(*segment),
            _ => None,
        }
    }
}

/// Segments of a file that are read, decrypted or written at once: 4 MiB.
const BATCH: usize = 16;

/// How many segments of a batch, at most [`BATCH`].
fn length(from: u64, to: u64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or(BATCH).min(BATCH)
}

fn decrypt(
    folder: &PackageFolder,
    key: MasterKey,
    segment: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), OpenError> {
    let total = folder.offsets().segments();
    let opened = key.segment(segment).open_in_place(segment, total, bytes);
    opened.map_err(|source| OpenError::Segment { segment, source })
}

/// A package with the key that opens it.
pub struct Opener<'a> {
    folder: &'a PackageFolder,
    key: MasterKey,
    segments: Segments<'a>,
    /// The first dictionary segment that does not go on where the one before ended.
    disorder: Option<u64>,
}

impl<'a> Opener<'a> {
    /// Takes a key, if it is the right one.
    ///
    /// # Errors
    /// [`OpenError::WrongKey`], or what [`PackageFolder::segments`] says.
    pub fn new(folder: &'a PackageFolder, key: MasterKey) -> Result<Self, OpenError> {
        if key.commitment() != folder.listing().key_commitment {
            return Err(OpenError::WrongKey);
        }
        Ok(Self { folder, key, segments: folder.segments()?, disorder: None })
    }

    /// How many segments the package has.
    #[must_use]
    pub fn segments_total(&self) -> u64 {
        self.folder.offsets().segments()
    }

    /// Decrypts segments `from..to`, in parallel. Each is the one of its leaf.
    ///
    /// # Errors
    /// The package's, or the first segment that does not decrypt.
    pub fn plaintexts(&mut self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, OpenError> {
        let mut buffers = Vec::new();
        for segment in from..to {
            let mut bytes = Vec::new();
            self.segments.fetch(segment, &mut bytes)?;
            buffers.push(bytes);
        }
        let (folder, key) = (self.folder, self.key);
        let wrong = buffers.par_iter_mut().enumerate().find_map_first(|(i, bytes)| {
            let segment = from.saturating_add(i as u64);
            match check_segment(folder.leaves(), segment, bytes) {
                Ok(()) => decrypt(folder, key, segment, bytes).err(),
                Err(error) => Some(error.into()),
            }
        });
        wrong.map_or(Ok(buffers), Err)
    }

    /// Decrypts segments `from..to` and hands their plaintexts to `sink` in order, a batch at a time:
    /// while one batch is decrypted, the next is read and the one before taken in.
    ///
    /// That a segment is the one of its leaf is looked at only if it does not decrypt: whoever calls
    /// this knows the SHA-256 of all plaintexts together, and asks
    /// [`PackageFolder::check_segments`] which segment is at fault if it is another.
    ///
    /// # Errors
    /// As [`Opener::plaintexts`], or those of `sink`.
    pub(crate) fn stream(
        &mut self,
        from: u64,
        to: u64,
        mut sink: impl FnMut(&[Vec<u8>]) -> Result<(), OpenError> + Send,
    ) -> Result<(), OpenError> {
        // Three batches: to be taken in, to be decrypted, to be read.
        let mut batches = [(); 3].map(|()| vec![Vec::new(); BATCH]);
        let (mut taken, mut opened, mut read) = (from, from, from);
        while taken < to {
            let [done, current, next] = &mut batches;
            let end = to.min(read.saturating_add(BATCH as u64));
            let (segments, folder, key) = (&mut self.segments, self.folder, self.key);
            let ((fetched, kept), wrong) = rayon::join(
                || {
                    rayon::join(
                        || {
                            (read..end)
                                .zip(next)
                                .try_for_each(|(s, bytes)| segments.fetch(s, bytes))
                        },
                        || sink(&done[..length(taken, opened)]),
                    )
                },
                || {
                    let current = &mut current[..length(opened, read)];
                    current.par_iter_mut().enumerate().find_map_first(|(i, bytes)| {
                        let segment = opened.saturating_add(i as u64);
                        decrypt(folder, key, segment, bytes).err().map(|error| (segment, error))
                    })
                },
            );
            kept?;
            if let Some((segment, error)) = wrong {
                // The download is at fault if the segment is not the one of its leaf.
                self.segments.read(segment)?;
                return Err(error);
            }
            fetched?;
            (taken, opened, read) = (opened, read, end);
            batches.rotate_left(1);
        }
        Ok(())
    }

    /// The cells of every column of a row block, with what their commitments need.
    ///
    /// # Errors
    /// As [`Opener::plaintexts`], or a segment whose length is not rows · width.
    pub fn block(&mut self, table: u32, block: u32) -> Result<Vec<OpenedColumn>, OpenError> {
        let layout = self.folder.layout();
        let total = layout.segments();
        let none = PackageError::NoSegment { segment: total, total };
        let spec = layout.tables().get(table as usize);
        let Some((spec, first)) = spec.and_then(|t| Some((t, t.segment(block, 0)?))) else {
            return Err(none.into());
        };
        let rows = spec.active.get(block as usize).copied().unwrap_or(0);
        let last = first.saturating_add(spec.columns.len() as u64);
        let plaintexts = self.plaintexts(first, last)?;
        let leaves = self.folder.leaves();
        plaintexts
            .into_par_iter()
            .zip(&spec.columns)
            .enumerate()
            .map(|(i, (bytes, column))| {
                let segment = first + i as u64;
                let cells = decode_cells(column.width, rows, &bytes)
                    .map_err(|source| OpenError::Segment { segment, source })?;
                let claim = usize::try_from(segment).ok().and_then(|s| leaves.get(s));
                let claim = claim.map(|leaf| leaf.claim).unwrap_or_default();
                let blinders = self.key.segment(segment).blinders();
                Ok(OpenedColumn { cells, blinders, claim })
            })
            .collect()
    }

    /// All dictionaries, each segment checked to be canonical. Whether they are in order as a whole
    /// is for [`Opener::in_order`] to say: no dispute answers that, so it comes after all that one
    /// would.
    ///
    /// # Errors
    /// As [`Opener::plaintexts`], or a dictionary segment that is not canonical.
    pub fn dictionaries(&mut self) -> Result<Vec<Vec<String>>, OpenError> {
        let mut all = Vec::new();
        for dictionary in self.folder.layout().dictionaries() {
            let (first, segments) = match dictionary {
                Dictionary::Public { entries } => {
                    all.push(entries.clone());
                    continue;
                }
                Dictionary::Private { first, segments } => (*first, segments),
            };
            let mut entries: Vec<String> = Vec::new();
            for (segment, count) in (first..).zip(segments) {
                let wrong = |source| OpenError::Segment { segment, source };
                let bytes = self.plaintexts(segment, segment.saturating_add(1))?;
                let part = decode_dictionary(*count, bytes.first().map_or(&[], Vec::as_slice))
                    .map_err(wrong)?;
                // Order must also hold from one part to the next.
                if entries.last().zip(part.first()).is_some_and(|(last, next)| last >= next) {
                    self.disorder = self.disorder.or(Some(segment));
                }
                entries.extend(part);
            }
            all.push(entries);
        }
        Ok(all)
    }

    /// Whether the dictionaries read so far go on in order from segment to segment.
    ///
    /// # Errors
    /// [`OpenError::DictionaryOrder`].
    pub fn in_order(&self) -> Result<(), OpenError> {
        self.disorder.map_or(Ok(()), |segment| Err(OpenError::DictionaryOrder { segment }))
    }

    /// Names the first segment among the columns of all blocks whose claim is false, by bisection.
    pub(crate) fn false_claim(&mut self, srs: &Srs) -> Result<u64, OpenError> {
        let size = self.folder.layout().block_rows();
        let mut blocks: Vec<(u32, u32)> = self.folder.layout().blocks().collect();
        while blocks.len() > 1 {
            let right = blocks.split_off(blocks.len() / 2);
            let mut left = Combination::new(srs, size);
            for (table, block) in &blocks {
                left.add(&self.block(*table, *block)?);
            }
            if left.holds() {
                blocks = right;
            }
        }
        let (table, block) = blocks.first().copied().unwrap_or((0, 0));
        let columns = self.block(table, block)?;
        let first = self.folder.layout().tables().get(table as usize);
        let first = first.and_then(|t| t.segment(block, 0)).unwrap_or(0);
        let (mut from, mut to) = (0, columns.len());
        while to - from > 1 {
            let middle = from + (to - from) / 2;
            let mut left = Combination::new(srs, size);
            left.add(&columns[from..middle]);
            if left.holds() {
                from = middle;
            } else {
                to = middle;
            }
        }
        Ok(first.saturating_add(from as u64))
    }

    /// Whether the claim of one column segment is false: what a dispute rests on.
    ///
    /// # Errors
    /// As [`Opener::block`]; a segment that is no column, or has none, is [`PackageError::NoSegment`].
    pub fn claim_is_false(&mut self, srs: &Srs, segment: u64) -> Result<bool, OpenError> {
        let layout = self.folder.layout();
        let total = layout.segments();
        let Some(Place::Column { width, rows, .. }) = layout.place(segment) else {
            return Err(PackageError::NoSegment { segment, total }.into());
        };
        let bytes = self.plaintexts(segment, segment.saturating_add(1))?;
        let cells = decode_cells(width, rows, bytes.first().map_or(&[], Vec::as_slice))
            .map_err(|source| OpenError::Segment { segment, source })?;
        let leaf = usize::try_from(segment).ok().and_then(|s| self.folder.leaves().get(s));
        let blinders = self.key.segment(segment).blinders();
        Ok(!leaf.is_some_and(|leaf| claim_holds(srs, layout.block_rows(), leaf, &cells, blinders)))
    }
}
