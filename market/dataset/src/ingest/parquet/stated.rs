//! What a Parquet file states of itself, checked before the Parquet library acts on it.
//!
//! The library takes memory as a file asks for it. So every length, count and depth that it would
//! believe is compared here with what the file can hold, and with the reader's limits. Depends on
//! `thrift`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::super::gzip::FREE;
use super::super::{IngestError, Limits};
use super::MAGIC;
use super::thrift::{BINARY, I32, Kind, LIST, STRUCT, Walk};

/// Most bytes of the metadata at the end of a file.
const MAX_FOOTER: u64 = 32 << 20;
/// Most bytes of a page, after decompression.
const MAX_PAGE: u64 = 128 << 20;
/// Most bytes of the head of a page.
const MAX_HEAD: usize = 1 << 20;
/// Bytes of the head of a page that are read at first.
const FIRST_HEAD: usize = 4 << 10;
/// In the place of the mark at the end, where the metadata are encrypted.
const ENCRYPTED: &[u8; 4] = b"PARE";

/// Parquet's number for a repeated field.
const REPEATED: i64 = 2;
const DATA: i64 = 0;
const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// Encodings of values: plain, by dictionary (old and new name), run length, packed differences of
/// numbers, split by bytes. Differences of texts are left out: their decoder takes room for as many
/// as the page states within its compressed part.
const ENCODINGS: [i64; 6] = [0, 2, 3, 5, 8, 9];

pub(super) fn damaged(what: impl Into<String>) -> IngestError {
    IngestError::Parquet { what: what.into() }
}

fn read(file: &File, from: u64, count: usize) -> Result<Vec<u8>, IngestError> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.take(count as u64).read_to_end(&mut bytes))
        .map_err(|e| damaged(e.to_string()))?;
    Ok(bytes)
}

/// Checks both ends of a file, that its metadata are well-formed, and that its schema is flat.
pub(super) fn footer(file: &File, length: u64) -> Result<(), IngestError> {
    let short = || damaged("it is cut short: its end is missing");
    let from = length.checked_sub(8).filter(|from| *from >= 4).ok_or_else(short)?;
    let end = read(file, from, 8)?;
    let (size, magic) = end.split_first_chunk::<4>().ok_or_else(short)?;
    if magic == ENCRYPTED {
        return Err(damaged("it is encrypted; write it without encryption"));
    }
    if magic != MAGIC {
        return Err(short());
    }
    let size = u64::from(u32::from_le_bytes(*size));
    if size > MAX_FOOTER {
        return Err(damaged(format!(
            "its metadata have {size} bytes, more than {MAX_FOOTER}; write it with larger row groups"
        )));
    }
    let from = from.checked_sub(size).filter(|from| *from >= 4).ok_or_else(short)?;
    // At most MAX_FOOTER.
    let bytes = read(file, from, size as usize)?;
    let mut nested = None;
    let mut walk = Walk::new(&bytes);
    let walked = walk.structure(&mut |walk, id, kind| {
        if (id, kind) != (2, LIST) {
            // The schema must not come in another guise.
            return (id != 2).then_some(false);
        }
        let (kind, count) = walk.list()?;
        for element in 0..count {
            if kind != STRUCT {
                return None;
            }
            let (mut name, mut deep) = (String::new(), false);
            walk.structure(&mut |walk, id, kind| match (id, kind) {
                (3, I32) => {
                    deep |= walk.number()? == REPEATED;
                    Some(true)
                }
                (4, BINARY) => {
                    name = String::from_utf8_lossy(walk.binary()?).into_owned();
                    Some(true)
                }
                (5, I32) => {
                    deep |= walk.number()? > 0;
                    Some(true)
                }
                (3..=5, _) => None,
                _ => Some(false),
            })?;
            if element > 0 && deep {
                nested.get_or_insert(name);
            }
        }
        Some(true)
    });
    if let Some(column) = nested {
        return Err(IngestError::Unsupported {
            column,
            kind: "a list, map or structure".to_owned(),
            remedy: "write its parts as columns of their own",
        });
    }
    walked.ok_or_else(|| damaged("its metadata make no sense"))
}

/// The head of a page.
struct Page {
    kind: i64,
    /// Bytes after decompression, and before.
    plain: u64,
    packed: u64,
    values: u64,
    encoding: i64,
    /// Bytes before the values, which are never compressed.
    levels: u64,
    compressed: bool,
    /// Bytes of the head itself.
    head: u64,
}

/// The whole numbers and truth values of a structure, by their ids below 9.
fn numbers(walk: &mut Walk<'_>, wanted: &[(i16, Kind)]) -> Option<[Option<i64>; 9]> {
    let mut found = [None; 9];
    walk.structure(&mut |walk, id, kind| {
        let Some((_, expected)) = wanted.iter().find(|(wanted, _)| *wanted == id) else {
            return Some(false);
        };
        let value = match (*expected, kind) {
            (I32, I32) => walk.number()?,
            // A truth value: its own kind, 1 or 2.
            (1, 1 | 2) => i64::from(kind == 1),
            _ => return None,
        };
        *found.get_mut(usize::try_from(id).ok()?)? = Some(value);
        Some(true)
    })?;
    Some(found)
}

fn head(bytes: &[u8]) -> Option<Page> {
    let mut walk = Walk::new(bytes);
    let mut top = [None; 4];
    let mut inner: Option<(i16, [Option<i64>; 9])> = None;
    walk.structure(&mut |walk, id, kind| {
        match (id, kind) {
            (1..=3, I32) => top[id as usize] = Some(walk.number()?),
            (5 | 7, STRUCT) => inner = Some((id, numbers(walk, &[(1, I32), (2, I32)])?)),
            (8, STRUCT) => {
                let wanted = [(1, I32), (4, I32), (5, I32), (6, I32), (7, 1)];
                inner = Some((id, numbers(walk, &wanted)?));
            }
            (1..=3 | 5 | 7 | 8, _) => return None,
            _ => return Some(false),
        }
        Some(true)
    })?;
    let kind = top[1]?;
    let unsigned = |value: Option<i64>| u64::try_from(value?).ok();
    let (plain, packed) = (unsigned(top[2])?, unsigned(top[3])?);
    let (values, encoding, levels, compressed) = match (kind, inner) {
        (DATA, Some((5, f))) | (DICTIONARY, Some((7, f))) => (unsigned(f[1])?, f[2]?, 0, true),
        (DATA_V2, Some((8, f))) => {
            let levels = unsigned(f[5])?.checked_add(unsigned(f[6])?)?;
            (unsigned(f[1])?, f[4]?, levels, f[7] != Some(0))
        }
        (INDEX, _) => (0, 0, 0, false),
        _ => return None,
    };
    let head = walk.at() as u64;
    Some(Page { kind, plain, packed, values, encoding, levels, compressed, head })
}

fn head_at(file: &File, at: u64) -> Result<Page, IngestError> {
    for size in [FIRST_HEAD, MAX_HEAD] {
        if let Some(page) = head(&read(file, at, size)?) {
            return Ok(page);
        }
    }
    Err(damaged(format!("the page at byte {at} makes no sense")))
}

/// Checks the pages of every column: they lie within the file, are not too long, hold as many values
/// as there are rows, and come to no more than the limits all together.
pub(super) fn pages(
    file: &File,
    metadata: &ParquetMetaData,
    length: u64,
    limits: &Limits,
) -> Result<(), IngestError> {
    let mut reached = 0u64;
    for group in metadata.row_groups() {
        let rows =
            u64::try_from(group.num_rows()).map_err(|_| damaged("it states its rows wrongly"))?;
        for chunk in group.columns() {
            let mut values = 0u64;
            column(file, chunk, length, |page| {
                reached = reached.saturating_add(page.plain);
                if page.kind != DICTIONARY {
                    values = values.saturating_add(page.values);
                }
                let allowed = length.saturating_mul(limits.inflation);
                if reached > limits.bytes || (reached > FREE && reached > allowed) {
                    return Err(IngestError::Bomb { ratio: limits.inflation, reached });
                }
                Ok(())
            })?;
            if values != rows {
                return Err(damaged(format!(
                    "column `{}` has {values} values in a group of {rows} rows",
                    chunk.column_path().string()
                )));
            }
        }
    }
    Ok(())
}

fn column(
    file: &File,
    chunk: &ColumnChunkMetaData,
    length: u64,
    mut each: impl FnMut(&Page) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let name = chunk.column_path().string();
    let gzip = match chunk.compression() {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => false,
        Compression::GZIP(_) => true,
        other => {
            return Err(IngestError::Unsupported {
                column: name,
                kind: format!("compressed with {other}"),
                remedy: "write the file with zstd, snappy or gzip",
            });
        }
    };
    let outside = || damaged(format!("column `{name}` lies outside the file"));
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let start = u64::try_from(start).map_err(|_| outside())?;
    let size = u64::try_from(chunk.compressed_size()).map_err(|_| outside())?;
    let end = start.checked_add(size).filter(|end| *end <= length).ok_or_else(outside)?;
    let mut at = start;
    while at < end {
        let page = head_at(file, at)?;
        let body = at.saturating_add(page.head);
        at = body.checked_add(page.packed).filter(|at| *at <= end).ok_or_else(outside)?;
        if page.plain > MAX_PAGE {
            return Err(damaged(format!(
                "a page of column `{name}` has {} bytes, more than {MAX_PAGE}; write it with smaller pages",
                page.plain
            )));
        }
        // A dictionary's entries take a byte each at least.
        let room = page.kind != DICTIONARY || page.values <= page.plain;
        if !room || page.levels > page.packed.min(page.plain) {
            return Err(damaged(format!("a page of column `{name}` cannot hold what it states")));
        }
        if page.kind != INDEX && !ENCODINGS.contains(&page.encoding) {
            return Err(IngestError::Unsupported {
                column: name,
                kind: format!("in Parquet's encoding {}", page.encoding),
                remedy: "write it plain or with a dictionary, as most programs do unless told otherwise",
            });
        }
        each(&page)?;
        if gzip && page.compressed && page.kind != INDEX {
            gzip_keeps_its_word(file, body, &page)?;
        }
    }
    Ok(())
}

/// The library decompresses gzip to its end, whatever the page states. The other kinds stop there.
fn gzip_keeps_its_word(file: &File, body: u64, page: &Page) -> Result<(), IngestError> {
    let mut file = file;
    let (from, packed) =
        (body.saturating_add(page.levels), page.packed.saturating_sub(page.levels));
    let plain = page.plain.saturating_sub(page.levels);
    if packed == 0 {
        return Ok(());
    }
    let unpacked = file.seek(SeekFrom::Start(from)).and_then(|_| {
        let decoder = MultiGzDecoder::new(file.take(packed));
        std::io::copy(&mut decoder.take(plain.saturating_add(1)), &mut std::io::sink())
    });
    match unpacked {
        Ok(found) if found <= plain => Ok(()),
        Ok(_) => Err(damaged(format!(
            "the page at byte {body} decompresses to more than the {plain} bytes that it states"
        ))),
        Err(error) => Err(damaged(error.to_string())),
    }
}
