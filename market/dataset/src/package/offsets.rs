//! Where each segment stands in the file of segments, from public data. The places of a file's segments
//! are computed when they are asked for, so that a file of a terabyte takes no memory.

use std::ops::Range;

use galen_market::layout::{Dictionary, Layout, Place, SEGMENT_BYTES, Width};
use galen_market::segment::{MAX_CIPHERTEXT_BYTES, OVERHEAD_BYTES};

use super::PackageError;
use crate::manifest::Manifest;

/// Every segment of a Layout in order.
pub fn places(layout: &Layout) -> impl Iterator<Item = Place> + '_ {
    let tables = (0u32..).zip(layout.tables()).flat_map(|(t, table)| {
        (0u32..).zip(&table.active).flat_map(move |(block, rows)| {
            (0u32..).zip(&table.columns).map(move |(column, spec)| Place::Column {
                table: t,
                block,
                column,
                width: spec.width,
                rows: *rows,
            })
        })
    });
    let dictionaries = (0u32..).zip(layout.dictionaries()).flat_map(|(d, dictionary)| {
        let segments = match dictionary {
            Dictionary::Public { .. } => &[][..],
            Dictionary::Private { segments, .. } => segments,
        };
        (0u32..).zip(segments).map(move |(part, entries)| Place::Dictionary {
            dictionary: d,
            part,
            entries: *entries,
        })
    });
    let files = (0u32..).zip(layout.files()).flat_map(|(f, file)| {
        let full = SEGMENT_BYTES as u64;
        (0..file.segments()).map(move |part| {
            let left = file.bytes.saturating_sub(part.saturating_mul(full));
            // At most SEGMENT_BYTES.
            Place::File { file: f, part, bytes: left.min(full) as u32 }
        })
    });
    tables.chain(dictionaries).chain(files)
}

/// Where each encrypted segment stands in `segments`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offsets {
    /// Where each segment of tables and dictionaries begins, and where the last one ends.
    starts: Vec<u64>,
    /// Files whose segments follow, in order; all but a file's last segment are equally long.
    files: Vec<FilePlace>,
    segments: u64,
    total: u64,
}

/// The segments of a file, and its first byte in `segments`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FilePlace {
    first: u64,
    count: u64,
    start: u64,
    end: u64,
}

impl Offsets {
    /// Computes them from public data.
    ///
    /// # Errors
    /// [`PackageError::ManifestDisagrees`] if the manifest's dictionary lengths do not fit the
    /// Layout or a segment.
    pub fn new(layout: &Layout, manifest: &Manifest) -> Result<Self, PackageError> {
        let wrong = || {
            PackageError::ManifestDisagrees("dictionaryBytes does not fit the dictionaries".into())
        };
        let private = layout.dictionaries().iter().filter_map(|d| match d {
            Dictionary::Public { .. } => None,
            Dictionary::Private { segments, .. } => Some(segments.len()),
        });
        if !private.eq(manifest.dictionary_bytes.iter().map(Vec::len)) {
            return Err(wrong());
        }
        let mut dictionary_bytes = manifest.dictionary_bytes.iter().flatten();
        let mut starts = vec![0u64];
        let mut end = 0u64;
        for place in places(layout) {
            let plaintext = match place {
                Place::Column { width, rows, .. } => column_bytes(width, rows),
                Place::Dictionary { .. } => {
                    dictionary_bytes.next().map(|b| *b as usize).ok_or_else(wrong)?
                }
                // Files come last.
                Place::File { .. } => break,
            };
            let bytes = plaintext.saturating_add(OVERHEAD_BYTES);
            if bytes > MAX_CIPHERTEXT_BYTES {
                return Err(wrong());
            }
            end = end.checked_add(bytes as u64).ok_or_else(wrong)?;
            starts.push(end);
        }
        let mut files = Vec::with_capacity(layout.files().len());
        for file in layout.files() {
            let (start, count) = (end, file.segments());
            let sealed = count.checked_mul(OVERHEAD_BYTES as u64);
            let sealed = sealed.and_then(|more| more.checked_add(file.bytes)).ok_or_else(wrong)?;
            end = end.checked_add(sealed).ok_or_else(wrong)?;
            files.push(FilePlace { first: file.first, count, start, end });
        }
        Ok(Self { starts, files, segments: layout.segments(), total: end })
    }

    /// The bytes of a segment in `segments`.
    #[must_use]
    pub fn range(&self, segment: u64) -> Option<Range<u64>> {
        let index = usize::try_from(segment).ok()?;
        if let Some(end) = self.starts.get(index.checked_add(1)?) {
            return Some(*self.starts.get(index)?..*end);
        }
        let after = self.files.partition_point(|file| file.first <= segment);
        // A file without bytes has no segment and may begin where the next one does.
        let file = self.files[..after].iter().rev().find(|file| file.count > 0)?;
        let part = segment.checked_sub(file.first).filter(|part| *part < file.count)?;
        let full = MAX_CIPHERTEXT_BYTES as u64;
        let start = file.start.checked_add(part.checked_mul(full)?)?;
        Some(start..start.checked_add(full)?.min(file.end))
    }

    /// The end of the longest run from the first of these segments on that has at most `limit` bytes;
    /// at least one segment.
    #[must_use]
    pub fn within(&self, segments: Range<u64>, limit: u64) -> u64 {
        let start = self.range(segments.start).map_or(0, |place| place.start);
        let fits = |segment: u64| {
            self.range(segment).is_some_and(|place| place.end.saturating_sub(start) <= limit)
        };
        let mut end = segments.start.saturating_add(1);
        while end < segments.end && fits(end) {
            end += 1;
        }
        end
    }

    /// The length of `segments`.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments(&self) -> u64 {
        self.segments
    }
}

fn column_bytes(width: Width, rows: u32) -> usize {
    (rows as usize).saturating_mul(width.bytes())
}
