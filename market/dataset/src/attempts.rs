//! Durable count of the openings spent on each row block.
//!
//! A bundle opens a block's columns at one more point. Eight blinders hide the cells as long as
//! at most seven openings are known, so every bundle is written down, synced, before it can leave
//! the machine. The log is private to the institution but holds no secret. Layout: a header of 40
//! bytes (`galen-op`, package id), then records of 16 bytes (table, block, check of 8 bytes).
//! Depends on the standard library and SHA-256.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{At, FileError, parent, read_bounded, sync_folder};

/// Openings that eight blinders bear.
pub const MAX_OPENINGS: u32 = 7;

const MAGIC: &[u8; 8] = b"galen-op";
const HEADER: usize = 40;
const RECORD: usize = 16;
/// Longest accepted log.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// Why an opening may not be spent.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The log could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log belongs to another package.
    #[error("{}: is the opening log of another package", .0.display())]
    OtherPackage(PathBuf),
    /// A record in the middle does not check.
    #[error("{}: record {record} of the opening log is damaged; pack the data anew under a new key", path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Which record, from zero.
        record: usize,
    },
    /// Another process has it.
    #[error("{}: another process is proving this package", .0.display())]
    Busy(PathBuf),
    /// No opening is left for a block.
    #[error(
        "block {block} of table {table} has been opened {MAX_OPENINGS} times, and one more would \
         endanger its rows; pack the data anew under a new key"
    )]
    Exhausted {
        /// Table, from zero.
        table: u32,
        /// Row block, from zero.
        block: u32,
    },
}

/// The open log, locked against other processes while it lives.
#[derive(Debug)]
pub struct AttemptLog {
    path: PathBuf,
    file: File,
    package: [u8; 32],
    spent: BTreeMap<(u32, u32), u32>,
}

impl AttemptLog {
    /// Opens or creates the log of a package. A record torn by a power cut is dropped: it was not
    /// synced, so nothing was sent on its strength.
    ///
    /// # Errors
    /// I/O, a log of another package or in use, a damaged record.
    pub fn open(path: &Path, package: [u8; 32]) -> Result<Self, AttemptError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .at(path)?;
        if file.try_lock().is_err() {
            return Err(AttemptError::Busy(path.to_owned()));
        }
        let bytes = read_bounded(path, MAX_LOG_BYTES)?;
        let mut spent = BTreeMap::new();
        if bytes.len() < HEADER {
            // A header is synced before the first record, so a short file has no records.
            let header = [MAGIC.as_slice(), &package].concat();
            if !header.starts_with(&bytes) {
                return Err(AttemptError::OtherPackage(path.to_owned()));
            }
            file.set_len(0).at(path)?;
            file.rewind().at(path)?;
            file.write_all(&header).and_then(|()| file.sync_all()).at(path)?;
            sync_folder(parent(path))?;
            return Ok(Self { path: path.to_owned(), file, package, spent });
        }
        let (header, records) = bytes.split_at(HEADER);
        if header[..8] != MAGIC[..] || header[8..] != package {
            return Err(AttemptError::OtherPackage(path.to_owned()));
        }
        let whole = records.chunks_exact(RECORD);
        let torn = whole.remainder().len();
        for (index, bytes) in whole.enumerate() {
            let table = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let block = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            if bytes != record(&package, index, table, block) {
                return Err(AttemptError::Damaged { path: path.to_owned(), record: index });
            }
            *spent.entry((table, block)).or_insert(0u32) += 1;
        }
        let end = (bytes.len() - torn) as u64;
        file.set_len(end).at(path)?;
        file.seek(SeekFrom::Start(end)).at(path)?;
        Ok(Self { path: path.to_owned(), file, package, spent })
    }

    /// Openings already spent on a block.
    #[must_use]
    pub fn spent(&self, table: u32, block: u32) -> u32 {
        self.spent.get(&(table, block)).copied().unwrap_or(0)
    }

    /// Refuses if no opening is left, without spending one.
    ///
    /// # Errors
    /// [`AttemptError::Exhausted`].
    pub fn check(&self, table: u32, block: u32) -> Result<(), AttemptError> {
        if self.spent(table, block) >= MAX_OPENINGS {
            return Err(AttemptError::Exhausted { table, block });
        }
        Ok(())
    }

    /// Spends one opening. When this returns, it is on the disk.
    ///
    /// # Errors
    /// No opening left, or I/O; after an I/O error nothing may be sent.
    pub fn spend(&mut self, table: u32, block: u32) -> Result<(), AttemptError> {
        self.check(table, block)?;
        let total: u32 = self.spent.values().sum();
        let bytes = record(&self.package, total as usize, table, block);
        self.file.write_all(&bytes).and_then(|()| self.file.sync_all()).at(&self.path)?;
        *self.spent.entry((table, block)).or_insert(0) += 1;
        Ok(())
    }
}

fn record(package: &[u8; 32], index: usize, table: u32, block: u32) -> [u8; RECORD] {
    let mut out = [0; RECORD];
    out[..4].copy_from_slice(&table.to_le_bytes());
    out[4..8].copy_from_slice(&block.to_le_bytes());
    let check = Sha256::new()
        .chain_update(package)
        .chain_update((index as u64).to_le_bytes())
        .chain_update(&out[..8])
        .finalize();
    out[8..].copy_from_slice(&check[..8]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn seven_openings_and_no_eighth_even_after_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openings");
        for _ in 0..MAX_OPENINGS {
            AttemptLog::open(&path, [1; 32]).unwrap().spend(0, 3).unwrap();
        }
        let mut log = AttemptLog::open(&path, [1; 32]).unwrap();
        assert_eq!(log.spent(0, 3), 7);
        assert!(matches!(log.spend(0, 3), Err(AttemptError::Exhausted { table: 0, block: 3 })));
        log.spend(0, 2).unwrap();
    }

    #[test]
    fn torn_tail_is_dropped_damage_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openings");
        let mut log = AttemptLog::open(&path, [1; 32]).unwrap();
        log.spend(0, 0).unwrap();
        log.spend(0, 1).unwrap();
        drop(log);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let mut log = AttemptLog::open(&path, [1; 32]).unwrap();
            let kept = cut.saturating_sub(HEADER) / RECORD;
            assert_eq!(log.spent(0, 0) + log.spent(0, 1), kept as u32);
            log.spend(0, 5).unwrap();
            drop(log);
            assert_eq!(AttemptLog::open(&path, [1; 32]).unwrap().spent(0, 5), 1);
        }
        let mut bad = bytes.clone();
        bad[HEADER] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(
            AttemptLog::open(&path, [1; 32]),
            Err(AttemptError::Damaged { record: 0, .. })
        ));
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(AttemptLog::open(&path, [2; 32]), Err(AttemptError::OtherPackage(_))));
        let held = AttemptLog::open(&path, [1; 32]).unwrap();
        assert!(matches!(AttemptLog::open(&path, [1; 32]), Err(AttemptError::Busy(_))));
        drop(held);
    }
}
