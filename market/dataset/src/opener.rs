//! A package together with its key: segments decrypted, dictionaries and claims checked.
//!
//! Serves both sides: the buyer opens, the institution proves of the very cells that it sealed.
//! Depends on `package`, `seal`, `stream` and `commit`.

use galen_market::layout::{Dictionary, Place};
use galen_market::segment::{SegmentError, decode_cells, decode_dictionary};
use galen_zk::commitment::Srs;
use rayon::prelude::*;

use crate::commit::{Combination, OpenedColumn, claim_holds};
use crate::durable::FileError;
use crate::package::{PackageError, PackageFolder, Segments};
use crate::seal::MasterKey;
use crate::stream::{InOrder, each_in_order};

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
    /// A table's rows make far more than the manifest declares. Nothing is released: they would fill a
    /// disk of which nobody was told.
    #[error(
        "{path}: its rows make a file more than {} MiB longer than the {declared} bytes that the manifest declares",
        crate::output::SLACK_BYTES >> 20
    )]
    Longer {
        /// Its path in the package.
        path: String,
        /// The declared length.
        declared: u64,
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
    pub fn plaintexts(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, OpenError> {
        let all: Vec<Result<Vec<u8>, OpenError>> = (from..to)
            .into_par_iter()
            .map(|segment| self.decrypt(segment, &mut Vec::new(), |text| Ok(text.to_vec())))
            .collect();
        // In order, so that the first segment at fault is the one that is named.
        all.into_iter().collect()
    }

    /// Decrypts `count` segments from `first` on, and hands each to `sink` with its number from zero:
    /// on all cores, in no order, each once; `order` is what takes them in order. Memory is one
    /// segment a core.
    ///
    /// # Errors
    /// As [`Opener::plaintexts`], or those of `sink`: the first in the order of the segments.
    pub(crate) fn each<T: Send>(
        &self,
        first: u64,
        count: u64,
        order: Option<&InOrder<T>>,
        sink: impl Fn(u64, &[u8]) -> Result<(), OpenError> + Sync,
    ) -> Result<(), OpenError> {
        each_in_order(count, order, |number, bytes| {
            let segment = first.saturating_add(number);
            self.decrypt(segment, bytes, |text| sink(number, text))
        })
    }

    /// A segment that is the one of its leaf, decrypted in the buffer.
    fn decrypt<T>(
        &self,
        segment: u64,
        bytes: &mut Vec<u8>,
        then: impl FnOnce(&[u8]) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        self.segments.fetch(segment, bytes)?;
        let total = self.segments_total();
        let opened = self.key.segment(segment).open_in_place(segment, total, bytes);
        then(opened.map_err(|source| OpenError::Segment { segment, source })?)
    }

    /// The cells of every column of a row block, with what their commitments need.
    ///
    /// # Errors
    /// As [`Opener::plaintexts`], or a segment whose length is not rows · width.
    pub fn block(&self, table: u32, block: u32) -> Result<Vec<OpenedColumn>, OpenError> {
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
    pub(crate) fn false_claim(&self, srs: &Srs) -> Result<u64, OpenError> {
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
    pub fn claim_is_false(&self, srs: &Srs, segment: u64) -> Result<bool, OpenError> {
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
