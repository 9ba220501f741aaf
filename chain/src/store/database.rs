//! The file behind the store: tables of bytes by bytes, written in batches, read as they were at one
//! moment. The only module that knows redb.
//!
//! redb is a copy-on-write B-tree in one file. A batch is one transaction: all of it or nothing is
//! there after a crash. Batches commit in two phases, because a block's bytes are chosen by others:
//! with one phase a page that was torn in a crash is told apart by a checksum that can be forged.

use super::StoreError;
use redb::{Builder, Durability, ReadTransaction, ReadableDatabase, TableDefinition, TableError};
use std::ops::Bound;
use std::path::Path;

/// Memory for pages of the file, in bytes.
const CACHE_BYTES: usize = 128 << 20;

/// A table of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Table(pub(super) &'static str);

impl Table {
    const fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.0)
    }
}

/// When a batch is on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sync {
    /// When the write returns.
    Now,
    /// With the next batch that is synced; a crash before that loses it whole.
    Later,
}

/// Writes that are there together or not at all, in their order.
#[derive(Default)]
pub(super) struct Batch {
    writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    pub(super) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push((table, key.into(), Some(value.into())));
    }

    pub(super) fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.push((table, key.into(), None));
    }
}

/// The open file. One process at a time may have it open.
pub(super) struct Database {
    file: redb::Database,
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        Ok(Self { file: builder.create(path).map_err(failed)? })
    }

    pub(super) fn write(&self, batch: Batch, sync: Sync) -> Result<(), StoreError> {
        let mut transaction = self.file.begin_write().map_err(failed)?;
        transaction.set_two_phase_commit(true);
        let durability = match sync {
            Sync::Now => Durability::Immediate,
            Sync::Later => Durability::None,
        };
        transaction.set_durability(durability).map_err(failed)?;
        // Writes to one table mostly stand together, and a table is opened once for each run of them.
        for run in batch.writes.chunk_by(|a, b| a.0 == b.0) {
            let Some((table, ..)) = run.first() else { continue };
            let mut table = transaction.open_table(table.definition()).map_err(failed)?;
            for (_, key, value) in run {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()),
                    None => table.remove(key.as_slice()),
                }
                .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Everything as it is now, whatever is written later.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        Ok(View { transaction: self.file.begin_read().map_err(failed)? })
    }
}

/// Which way entries are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// The least key first.
    Ascending,
    /// The greatest key first. The start is then the greatest key that is wanted, and must be given.
    Descending,
}

type Opened = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;
type Entry<'a> = (redb::AccessGuard<'a, &'static [u8]>, redb::AccessGuard<'a, &'static [u8]>);

/// Entries of a table.
pub(super) type Entries = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), StoreError>>>;

/// The tables as they were at one moment. Holding it keeps the pages of that moment in the file.
pub(super) struct View {
    transaction: ReadTransaction,
}

impl View {
    /// A table that nothing was written to yet is not there, and empty.
    fn table(&self, table: Table) -> Result<Option<Opened>, StoreError> {
        match self.transaction.open_table(table.definition()) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.table(table)? else { return Ok(None) };
        Ok(table.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    pub(super) fn contains(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        let Some(table) = self.table(table)? else { return Ok(false) };
        Ok(table.get(key).map_err(failed)?.is_some())
    }

    /// All entries.
    pub(super) fn all(&self, table: Table) -> Result<Entries, StoreError> {
        self.prefixed(table, &[], Bound::Unbounded, Order::Ascending)
    }

    /// The entries whose keys begin so, in an order, from a key on if one is given.
    pub(super) fn prefixed(
        &self,
        table: Table,
        prefix: &[u8],
        start: Bound<&[u8]>,
        order: Order,
    ) -> Result<Entries, StoreError> {
        let Some(table) = self.table(table)? else { return Ok(Box::new(std::iter::empty())) };
        let prefix = prefix.to_vec();
        let entry = |entry: Result<Entry<'_>, redb::StorageError>| {
            let (key, value) = entry.map_err(failed)?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        };
        let within = move |key: &Result<(Vec<u8>, Vec<u8>), StoreError>, prefix: &[u8]| {
            key.as_ref().map_or(true, |(key, _)| key.starts_with(prefix))
        };
        match order {
            Order::Ascending => {
                let start = match start {
                    Bound::Included(key) | Bound::Excluded(key) if key >= prefix.as_slice() => {
                        start
                    }
                    _ => Bound::Included(prefix.as_slice()),
                };
                let range = table.range::<&[u8]>((start, Bound::Unbounded)).map_err(failed)?;
                Ok(Box::new(range.map(entry).take_while(move |entry| within(entry, &prefix))))
            }
            Order::Descending => {
                let range = table.range::<&[u8]>((Bound::Unbounded, start)).map_err(failed)?;
                Ok(Box::new(range.rev().map(entry).take_while(move |entry| within(entry, &prefix))))
            }
        }
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(error.into()))
}
