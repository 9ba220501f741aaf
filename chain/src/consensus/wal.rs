//! A look at the write-ahead log before the engine opens it. The log holds this validator's own
//! votes of the height in progress: without them it could sign two votes for one step. The engine
//! cuts off whatever it cannot read at the end and waits forever when it cannot read something
//! before; here the two are told apart, and the second is an error with a remedy.
//!
//! Layout (all big-endian): version `u32`, height `u64`, then entries of a flag byte, length `u64`,
//! CRC-32 `u32` and data.

use super::codec::Borsh;
use super::types::GalenContext;
use arc_malachitebft_app_channel::app::engine::wal::decode_entry;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

const HEADER: usize = 12;
const ENTRY_HEADER: usize = 13;

/// The log cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// Bytes in it are not what was written.
    #[error(
        "the write-ahead log {path} is damaged at byte {offset}: this validator no longer knows what it signed at \
         height {height}. Keep the node stopped until the other validators have decided that height, then move the \
         file away and start again; a validator alone may move it away at once"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: usize,
        /// The height that the log is about.
        height: u64,
    },
    /// It cannot be read at all.
    #[error("the write-ahead log {path} cannot be read: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

fn crc32(data: &[u8], crc: u32) -> u32 {
    data.iter().fold(crc, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}

/// Whether some beginning of `data` is complete data with this checksum: then the length before it
/// is wrong, and this is no write that a crash cut short.
fn holds_complete_entry(data: &[u8], checksum: u32) -> bool {
    let mut crc = u32::MAX;
    data.iter().any(|byte| {
        crc = crc32(&[*byte], crc);
        !crc == checksum
    })
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Finds damage in the log's bytes: where, or that there is none but perhaps a torn end.
fn damage(bytes: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    while let (Some(length), Some(checksum)) = (number(bytes, at + 1), number(bytes, at + 9)) {
        let (length, checksum) = (u64::from_be_bytes(length), u32::from_be_bytes(checksum));
        let rest = &bytes[at + ENTRY_HEADER..];
        let data = match usize::try_from(length) {
            Ok(length) if length <= rest.len() => &rest[..length],
            _ if holds_complete_entry(rest, checksum) => return Some(at),
            _ => return None,
        };
        let readable = || decode_entry::<GalenContext, _, _>(&Borsh, Cursor::new(data)).is_ok();
        if bytes[at] != 0 || !crc32(data, u32::MAX) != checksum || !readable() {
            return Some(at);
        }
        at += ENTRY_HEADER + data.len();
    }
    None
}

/// Checks the log before the engine opens it for `height`. A log of the height before says nothing
/// and is begun anew by the engine; one that is shorter than its header never had an entry.
///
/// # Errors
/// When something before the end of the log is damaged.
pub fn inspect(path: &Path, height: u64) -> Result<(), WalError> {
    let failed = |error| WalError::Io { path: path.to_owned(), error };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let (Some(version), Some(of)) = (number(&bytes, 0), number(&bytes, 4)) else {
        return std::fs::remove_file(path).map_err(failed);
    };
    let damaged = |offset| Err(WalError::Damaged { path: path.to_owned(), offset, height });
    if u32::from_be_bytes(version) != 1 {
        return damaged(0);
    }
    match u64::from_be_bytes(of) {
        of if of == height => {}
        // Not begun yet, or the node stopped between a decision and the next height.
        of if of == 0 || of.checked_add(1) == Some(height) => return Ok(()),
        _ => return damaged(4),
    }
    damage(&bytes).map_or(Ok(()), damaged)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::block::BlockId;
    use crate::consensus::signing::Signature;
    use crate::consensus::types::{Address, Height, Vote};
    use arc_malachitebft_app_channel::app::consensus::Input;
    use arc_malachitebft_app_channel::app::engine::wal::encode_entry;
    use arc_malachitebft_app_channel::app::types::core::{
        NilOrVal, Round, SignedMessage, VoteType,
    };
    use arc_malachitebft_app_channel::app::wal::Log;

    /// A log of three votes at height 7; the offsets of its entries, and its end.
    fn log(path: &Path) -> Vec<usize> {
        let mut log = Log::open(path).unwrap();
        log.reset(7).unwrap();
        let mut offsets = vec![HEADER];
        for round in 0..3 {
            let vote = Vote {
                kind: VoteType::Prevote,
                height: Height(7),
                round: Round::new(round),
                value: NilOrVal::Val(BlockId([3; 32])),
                address: Address([4; 32]),
            };
            let mut bytes = Vec::new();
            let input = Input::<GalenContext>::Vote(SignedMessage::new(vote, Signature([5; 64])));
            encode_entry(input, &Borsh, &mut bytes).unwrap();
            log.append(&bytes).unwrap();
            offsets.push(offsets[offsets.len() - 1] + ENTRY_HEADER + bytes.len());
        }
        log.flush().unwrap();
        offsets
    }

    #[test]
    fn a_log_cut_at_any_byte_is_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wal");
        let offsets = log(&path);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(*offsets.last().unwrap(), bytes.len());
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            inspect(&path, 7).unwrap();
            // The engine reads exactly the entries that are complete.
            let whole =
                offsets.iter().filter(|offset| **offset > HEADER && **offset <= cut).count();
            assert_eq!(Log::open(&path).unwrap().len(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_in_the_body_stops_the_node() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wal");
        let offsets = log(&path);
        let bytes = std::fs::read(&path).unwrap();
        for at in HEADER..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            let entry = offsets.iter().rposition(|offset| *offset <= at).unwrap();
            let error = inspect(&path, 7).unwrap_err();
            assert!(
                matches!(error, WalError::Damaged { offset, height: 7, .. } if offset == offsets[entry]),
                "byte {at}: {error}"
            );
        }
        std::fs::write(&path, &bytes).unwrap();
        inspect(&path, 7).unwrap();
    }

    #[test]
    fn a_log_of_the_height_before_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wal");
        let offsets = log(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[offsets[1]] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        inspect(&path, 8).unwrap();
        assert!(inspect(&path, 7).is_err());
        for impossible in [6, 9] {
            assert!(matches!(inspect(&path, impossible), Err(WalError::Damaged { offset: 4, .. })));
        }
        inspect(&folder.path().join("none"), 7).unwrap();
    }
}
