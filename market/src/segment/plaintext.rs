//! What is inside a segment before encryption.
//!
//! Column: the cells of the active rows alone, unsigned little-endian; padding cells are 0 by
//! definition and are not stored. Dictionary: each entry as its length (2 little-endian bytes) and
//! its UTF-8 bytes, strictly ascending bytewise. File: its bytes.

use super::SegmentError;
use crate::layout::{SEGMENT_BYTES, Width};

const LENGTH_BYTES: usize = 2;

/// Writes the cells of the active rows of a column.
///
/// # Errors
/// [`SegmentError::Cell`] if one does not fit the width.
// Inlined into the tools that pack and open in bulk, which are optimised further.
#[inline]
pub fn encode_cells(width: Width, cells: &[u64]) -> Result<Vec<u8>, SegmentError> {
    let max = width.max_cell();
    if cells.iter().any(|cell| *cell > max) {
        return Err(SegmentError::Cell);
    }
    let mut bytes = Vec::with_capacity(cells.len().saturating_mul(width.bytes()));
    match width {
        Width::W1 => bytes.extend(cells.iter().map(|cell| cell.to_le_bytes()[0])),
        _ => {
            for cell in cells {
                bytes.extend_from_slice(&cell.to_le_bytes()[..width.bytes()]);
            }
        }
    }
    Ok(bytes)
}

/// Reads the cells of a column with `rows` active rows.
///
/// # Errors
/// [`SegmentError::Length`] if the bytes are not exactly `rows · width`.
#[inline]
pub fn decode_cells(width: Width, rows: u32, bytes: &[u8]) -> Result<Vec<u64>, SegmentError> {
    if (rows as usize).checked_mul(width.bytes()) != Some(bytes.len()) {
        return Err(SegmentError::Length);
    }
    // The remainders are empty: the length is a multiple of the width.
    Ok(match width {
        Width::W1 => bytes.iter().map(|cell| u64::from(*cell)).collect(),
        Width::W2 => {
            bytes.as_chunks().0.iter().map(|c| u64::from(u16::from_le_bytes(*c))).collect()
        }
        Width::W4 => {
            bytes.as_chunks().0.iter().map(|c| u64::from(u32::from_le_bytes(*c))).collect()
        }
        Width::W8 => bytes.as_chunks().0.iter().map(|c| u64::from_le_bytes(*c)).collect(),
    })
}

/// Says how many entries go into each segment of a private dictionary: as many as fit, in order.
///
/// # Errors
/// [`SegmentError::Dictionary`] if the entries are not strictly ascending or one is longer than
/// 65,535 bytes.
pub fn cut_dictionary<S: AsRef<str>>(entries: &[S]) -> Result<Vec<u32>, SegmentError> {
    ascending(entries)?;
    let mut parts: Vec<u32> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let bytes = LENGTH_BYTES + entry_length(entry.as_ref())? as usize;
        match parts.last_mut() {
            Some(part) if bytes <= room => *part += 1,
            _ => {
                parts.push(1);
                room = SEGMENT_BYTES;
            }
        }
        room -= bytes;
    }
    Ok(parts)
}

/// Writes one segment of a private dictionary.
///
/// # Errors
/// [`SegmentError::Dictionary`] if the entries are not strictly ascending or one is longer than
/// 65,535 bytes; [`SegmentError::Length`] if they do not fit a segment.
pub fn encode_dictionary<S: AsRef<str>>(entries: &[S]) -> Result<Vec<u8>, SegmentError> {
    ascending(entries)?;
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&entry_length(entry.as_ref())?.to_le_bytes());
        bytes.extend_from_slice(entry.as_ref().as_bytes());
    }
    if bytes.len() > SEGMENT_BYTES { Err(SegmentError::Length) } else { Ok(bytes) }
}

/// Reads one segment of a private dictionary that holds exactly `entries` entries.
///
/// # Errors
/// [`SegmentError::Dictionary`] if it is not canonical, [`SegmentError::Length`] if it is too long.
pub fn decode_dictionary(entries: u32, bytes: &[u8]) -> Result<Vec<String>, SegmentError> {
    if bytes.len() > SEGMENT_BYTES {
        return Err(SegmentError::Length);
    }
    let mut found: Vec<String> = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let length = usize::from(u16::from_le_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(SegmentError::Dictionary)?;
        let entry = std::str::from_utf8(entry).map_err(|_| SegmentError::Dictionary)?;
        if found.last().is_some_and(|last| last.as_str() >= entry) {
            return Err(SegmentError::Dictionary);
        }
        found.push(entry.to_owned());
        rest = after;
    }
    if rest.is_empty() && found.len() == entries as usize {
        Ok(found)
    } else {
        Err(SegmentError::Dictionary)
    }
}

fn ascending<S: AsRef<str>>(entries: &[S]) -> Result<(), SegmentError> {
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    if pairs.all(|(a, b)| a.as_ref() < b.as_ref()) { Ok(()) } else { Err(SegmentError::Dictionary) }
}

fn entry_length(entry: &str) -> Result<u16, SegmentError> {
    u16::try_from(entry.len()).map_err(|_| SegmentError::Dictionary)
}
