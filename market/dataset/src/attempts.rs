//! Durable count of the openings spent on each row block.
//!
//! A bundle opens a block's columns at one more point. Eight blinders hide the cells as long as
//! at most seven openings are known, so every bundle is written down, synced, before it can leave
//! the machine. The log is private to the institution but holds no secret. Layout: a header of 40
//! bytes (`galen-op`, package id), then records of 16 bytes (table, block, check of 8 bytes).
//!
//! Several machines may prove one package, each with a log of its own. A log that comes back with a
//! machine's bundles is kept beside this one, and what it records counts as well: two machines that
//! prove the same block spend two openings. Depends on the standard library and SHA-256.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{At, FileError, Pending, parent, read_bounded, sync_folder};

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
    /// A log was to be adopted without a place to keep it.
    #[error("no folder for the logs of other machines was named")]
    NoFolder,
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
    spent: Counts,
    /// Where logs of other machines are kept, and what they record.
    elsewhere: Option<(PathBuf, Counts)>,
}

/// Openings by table and block.
type Counts = BTreeMap<(u32, u32), u32>;

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
            let spent = Counts::new();
            return Ok(Self { path: path.to_owned(), file, package, spent, elsewhere: None });
        }
        let (spent, end) = counted(&bytes, &package, path)?;
        file.set_len(end).at(path)?;
        file.seek(SeekFrom::Start(end)).at(path)?;
        Ok(Self { path: path.to_owned(), file, package, spent, elsewhere: None })
    }

    /// Counts the logs of other machines that are kept in a folder, now and when one is adopted.
    ///
    /// # Errors
    /// As [`AttemptLog::open`].
    pub fn with_elsewhere(mut self, folder: &Path) -> Result<Self, AttemptError> {
        let counts = count_folder(folder, &self.package)?;
        self.elsewhere = Some((folder.to_owned(), counts));
        Ok(self)
    }

    /// Keeps the log of another machine under a name, synced, and counts it. To adopt the same log
    /// again counts nothing twice; a later state of it replaces the earlier one.
    ///
    /// # Errors
    /// I/O, a log of another package or damaged; or no folder for logs was named.
    pub fn adopt(&mut self, name: &str, log: &Path) -> Result<(), AttemptError> {
        let Some((folder, counts)) = &mut self.elsewhere else {
            return Err(AttemptError::NoFolder);
        };
        std::fs::create_dir_all(&*folder).at(folder)?;
        let (_, theirs) = read_log(log, &self.package)?;
        for copy in 0u32.. {
            // Two logs that went apart under one name were both written: both count.
            let path =
                folder.join(if copy == 0 { name.to_owned() } else { format!("{name}-{copy}") });
            let ours = match path.exists() {
                true => read_log(&path, &self.package)?.1,
                false => Vec::new(),
            };
            if ours.starts_with(&theirs) {
                break;
            }
            if theirs.starts_with(&ours) {
                let mut pending = Pending::new(&path)?;
                pending.file().write_all(&theirs).at(&path)?;
                pending.finish()?;
                break;
            }
        }
        *counts = count_folder(folder, &self.package)?;
        Ok(())
    }

    /// Openings already spent on a block, here and elsewhere.
    #[must_use]
    pub fn spent(&self, table: u32, block: u32) -> u32 {
        let of = |counts: &Counts| counts.get(&(table, block)).copied().unwrap_or(0);
        let elsewhere = self.elsewhere.as_ref().map_or(0, |(_, counts)| of(counts));
        of(&self.spent).saturating_add(elsewhere)
    }

    /// Refuses if more openings were spent on a block, here and elsewhere, than it bears.
    ///
    /// # Errors
    /// [`AttemptError::Exhausted`].
    pub fn check_total(&self, table: u32, block: u32) -> Result<(), AttemptError> {
        if self.spent(table, block) > MAX_OPENINGS {
            return Err(AttemptError::Exhausted { table, block });
        }
        Ok(())
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

/// What a log of another machine records, and its whole records as bytes.
fn read_log(path: &Path, package: &[u8; 32]) -> Result<(Counts, Vec<u8>), AttemptError> {
    let mut bytes = read_bounded(path, MAX_LOG_BYTES)?;
    if bytes.len() < HEADER {
        return Err(AttemptError::OtherPackage(path.to_owned()));
    }
    let (counts, end) = counted(&bytes, package, path)?;
    bytes.truncate(usize::try_from(end).unwrap_or(HEADER));
    Ok((counts, bytes))
}

/// What the bytes of a log record, and where its last whole record ends.
fn counted(bytes: &[u8], package: &[u8; 32], path: &Path) -> Result<(Counts, u64), AttemptError> {
    let (header, records) = bytes.split_at(HEADER);
    if header[..8] != MAGIC[..] || header[8..] != package[..] {
        return Err(AttemptError::OtherPackage(path.to_owned()));
    }
    let whole = records.chunks_exact(RECORD);
    let torn = whole.remainder().len();
    let mut counts = Counts::new();
    for (index, bytes) in whole.enumerate() {
        let table = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let block = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if bytes != record(package, index, table, block) {
            return Err(AttemptError::Damaged { path: path.to_owned(), record: index });
        }
        *counts.entry((table, block)).or_insert(0u32) += 1;
    }
    Ok((counts, (bytes.len() - torn) as u64))
}

/// What all logs in a folder record.
fn count_folder(folder: &Path, package: &[u8; 32]) -> Result<Counts, AttemptError> {
    let mut counts = Counts::new();
    if !folder.exists() {
        return Ok(counts);
    }
    for entry in std::fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        // What a killed run left unfinished has no name yet.
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            add(&mut counts, &read_log(&path, package)?.0);
        }
    }
    Ok(counts)
}

fn add(counts: &mut Counts, more: &Counts) {
    for (block, count) in more {
        let sum = counts.entry(*block).or_insert(0);
        *sum = sum.saturating_add(*count);
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
    fn what_other_machines_spent_counts_once_and_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let ours = || {
            let log = AttemptLog::open(&at("openings"), [1; 32]).unwrap();
            log.with_elsewhere(&at("elsewhere")).unwrap()
        };
        let mut theirs = AttemptLog::open(&at("theirs"), [1; 32]).unwrap();
        theirs.spend(0, 3).unwrap();
        let mut log = ours();
        log.spend(0, 3).unwrap();
        for _ in 0..2 {
            log.adopt("a", &at("theirs")).unwrap();
            assert_eq!((log.spent(0, 3), log.spent(0, 4)), (2, 0));
        }
        // A later state of the same log; then one that went another way under the same name.
        let fork = std::fs::read(at("theirs")).unwrap();
        theirs.spend(0, 3).unwrap();
        theirs.spend(0, 4).unwrap();
        log.adopt("a", &at("theirs")).unwrap();
        assert_eq!((log.spent(0, 3), log.spent(0, 4)), (3, 1));
        std::fs::write(at("fork"), fork).unwrap();
        let mut fork = AttemptLog::open(&at("fork"), [1; 32]).unwrap();
        log.adopt("a", &at("fork")).unwrap();
        assert_eq!(log.spent(0, 3), 3, "an older state adds nothing");
        for _ in 0..3 {
            fork.spend(0, 4).unwrap();
        }
        log.adopt("a", &at("fork")).unwrap();
        assert_eq!((log.spent(0, 3), log.spent(0, 4)), (4, 4));
        drop(log);
        // After a restart as well, and the eighth is refused whoever spent the seven.
        let mut log = ours();
        assert_eq!(log.spent(0, 3), 4);
        for _ in 0..3 {
            log.spend(0, 3).unwrap();
        }
        assert!(matches!(log.spend(0, 3), Err(AttemptError::Exhausted { .. })));
        log.check_total(0, 3).unwrap();
        fork.spend(0, 3).unwrap();
        log.adopt("b", &at("fork")).unwrap();
        assert!(matches!(log.check_total(0, 3), Err(AttemptError::Exhausted { .. })));
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
