//! The rules of a Layout, and what follows from a Layout that keeps them.

use std::collections::BTreeSet;
use std::io;

use borsh::BorshDeserialize;
use serde::Deserialize;

use super::{
    BlockRows, Column, Dictionary, FIRST_DAY, File, LAST_DAY, Layout, LayoutError, MAX_BLOCKS,
    MAX_COLUMNS, MAX_DICTIONARIES, MAX_EDGES, MAX_FILES, MAX_K, MAX_LAYOUT_BYTES, MAX_NAME_BYTES,
    MAX_SCALE, MAX_SEGMENTS, MAX_TABLES, Place, Role, SEGMENT_BYTES, Table, Values,
};

impl Layout {
    /// A Layout of these parts.
    ///
    /// # Errors
    /// When a rule is broken: see [`LayoutError`].
    pub fn new(
        block_rows: BlockRows,
        tables: Vec<Table>,
        dictionaries: Vec<Dictionary>,
        files: Vec<File>,
    ) -> Result<Self, LayoutError> {
        let layout = Self { block_rows, tables, dictionaries, files };
        layout.check()?;
        Ok(layout)
    }

    /// Canonical bytes: what the package id is made of.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory does not fail")
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// When they are too many, not canonical, followed by others, or break a rule.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, io::Error> {
        if bytes.len() > MAX_LAYOUT_BYTES {
            return Err(invalid(LayoutError::Bounds("layout bytes")));
        }
        borsh::from_slice(bytes)
    }

    /// How many segments the package has.
    pub fn segments(&self) -> u64 {
        let tables = self.tables.iter().filter_map(Table::segments);
        let dictionaries = self.dictionaries.iter().map(|dictionary| match dictionary {
            Dictionary::Public { .. } => 0,
            Dictionary::Private { segments, .. } => segments.len() as u64,
        });
        let files = self.files.iter().map(File::segments);
        // Checked once by `new`, so that the sum stays below MAX_SEGMENTS.
        tables.chain(dictionaries).chain(files).fold(0, u64::saturating_add)
    }

    /// What a segment holds; `None` if the package has no such segment.
    pub fn place(&self, segment: u64) -> Option<Place> {
        for (t, table) in (0u32..).zip(&self.tables) {
            let columns = table.columns.len() as u64;
            let Some(within) = segment.checked_sub(table.first) else { continue };
            if within >= table.segments()? {
                continue;
            }
            let block = u32::try_from(within / columns).ok()?;
            let column = u32::try_from(within % columns).ok()?;
            return Some(Place::Column {
                table: t,
                block,
                column,
                width: table.columns.get(column as usize)?.width,
                rows: *table.active.get(block as usize)?,
            });
        }
        for (d, dictionary) in (0u32..).zip(&self.dictionaries) {
            let Dictionary::Private { first, segments } = dictionary else { continue };
            let part = segment.checked_sub(*first).and_then(|within| usize::try_from(within).ok());
            let Some((part, entries)) = part.and_then(|p| Some((p, segments.get(p)?))) else {
                continue;
            };
            let part = u32::try_from(part).ok()?;
            return Some(Place::Dictionary { dictionary: d, part, entries: *entries });
        }
        for (f, file) in (0u32..).zip(&self.files) {
            let Some(part) = segment.checked_sub(file.first) else { continue };
            if part >= file.segments() {
                continue;
            }
            let full = SEGMENT_BYTES as u64;
            let bytes = file.bytes.checked_sub(part.checked_mul(full)?)?.min(full);
            return Some(Place::File { file: f, part, bytes: u32::try_from(bytes).ok()? });
        }
        None
    }

    /// Row blocks of all tables, as (table, block), in order.
    pub fn blocks(&self) -> impl Iterator<Item = (u32, u32)> {
        (0u32..)
            .zip(&self.tables)
            .flat_map(|(t, table)| (0u32..).zip(&table.active).map(move |(block, _)| (t, block)))
    }

    /// Whether one k for every table fits the blocks: `k_min ≤ k ≤ n`, and the padding `N − n` is 0
    /// or at least k.
    ///
    /// # Errors
    /// [`LayoutError::K`] or [`LayoutError::KCount`].
    pub fn check_k(&self, k: &[u32], k_min: u32) -> Result<(), LayoutError> {
        if k.len() != self.tables.len() {
            return Err(LayoutError::KCount { tables: self.tables.len(), stated: k.len() });
        }
        let full = self.block_rows.rows();
        for ((t, table), k) in (0u32..).zip(&self.tables).zip(k) {
            for (block, rows) in (0u32..).zip(&table.active) {
                let padding = full.saturating_sub(*rows);
                let fits = (k_min.max(1)..=MAX_K.min(*rows)).contains(k)
                    && (padding == 0 || padding >= *k);
                if !fits {
                    return Err(LayoutError::K { k: *k, table: t, block, rows: *rows });
                }
            }
        }
        Ok(())
    }

    /// The greatest cell that the bounds of a column allow.
    pub fn max_cell(&self, column: &Column) -> Option<u64> {
        max_cell(column, |at| self.dictionaries.get(at).map(Dictionary::entries))
    }

    /// The row of the first cell that names no value within its column's bounds or dictionary;
    /// a missing cell names none and is never meant. `None` also if there is no such column.
    pub fn stray_cell(&self, table: u32, column: u32, cells: &[u64]) -> Option<usize> {
        let table = self.tables.get(table as usize)?;
        match &table.columns.get(column as usize)?.values {
            Values::Number { range, .. } | Values::Date { range } => {
                cells.iter().position(|cell| range.value(*cell) == Some(None))
            }
            Values::Code { dictionary } => {
                let entries = self.dictionaries.get(*dictionary as usize)?.entries();
                cells.iter().position(|cell| *cell > entries)
            }
        }
    }

    fn check(&self) -> Result<(), LayoutError> {
        bound("number of tables", self.tables.len(), MAX_TABLES)?;
        bound("number of dictionaries", self.dictionaries.len(), MAX_DICTIONARIES)?;
        bound("number of files", self.files.len(), MAX_FILES)?;
        // Before anything whose work grows with the parts: whoever sends this need not be known.
        bound("layout bytes", self.to_bytes().len(), MAX_LAYOUT_BYTES)?;
        // Counted once: many columns may name a dictionary of many parts.
        let entries: Vec<u64> = self.dictionaries.iter().map(Dictionary::entries).collect();
        let mut next = 0u64;
        let mut names = BTreeSet::new();
        for (t, table) in (0u32..).zip(&self.tables) {
            unique(&mut names, &table.name)?;
            contiguous(next, table.first)?;
            self.check_table(t, table, &entries)?;
            next = advance(next, table.segments())?;
        }
        for (d, dictionary) in (0u32..).zip(&self.dictionaries) {
            match dictionary {
                Dictionary::Public { entries } => {
                    if !entries.iter().zip(entries.iter().skip(1)).all(|(a, b)| a < b) {
                        return Err(LayoutError::Dictionary(d));
                    }
                }
                Dictionary::Private { first, segments } => {
                    contiguous(next, *first)?;
                    if segments.contains(&0) {
                        return Err(LayoutError::Dictionary(d));
                    }
                    next = advance(next, Some(segments.len() as u64))?;
                }
            }
        }
        let mut names = BTreeSet::new();
        for file in &self.files {
            unique(&mut names, &file.name)?;
            if !safe_path(&file.name) {
                return Err(LayoutError::Name(file.name.clone()));
            }
            contiguous(next, file.first)?;
            if file.bytes == 0 {
                return Err(LayoutError::Bounds("length of a file"));
            }
            next = advance(next, Some(file.segments()))?;
        }
        if next == 0 {
            return Err(LayoutError::Bounds("number of segments"));
        }
        Ok(())
    }

    fn check_table(&self, t: u32, table: &Table, entries: &[u64]) -> Result<(), LayoutError> {
        bound("number of columns", table.columns.len(), MAX_COLUMNS)?;
        bound("number of blocks", table.active.len(), MAX_BLOCKS)?;
        if table.active.is_empty() {
            return Err(LayoutError::Bounds("number of blocks"));
        }
        for (block, rows) in (0u32..).zip(&table.active) {
            if !(1..=self.block_rows.rows()).contains(rows) {
                return Err(LayoutError::Rows { table: t, block, rows: *rows });
            }
        }
        let mut names = BTreeSet::new();
        for column in &table.columns {
            unique(&mut names, &column.name)?;
            if !column_fits(column, entries) {
                return Err(LayoutError::Column(column.name.clone()));
            }
        }
        if !table.columns.iter().any(|column| column.role == Role::QuasiIdentifier) {
            return Err(LayoutError::NoQuasiIdentifier(t));
        }
        Ok(())
    }
}

/// Whether bounds, scale, edges and width of a column fit each other, for dictionaries with so many
/// entries.
fn column_fits(column: &Column, entries: &[u64]) -> bool {
    let (low, high) = match &column.values {
        Values::Number { range, .. } | Values::Date { range } => {
            if range.offset > range.low || range.low > range.high {
                return false;
            }
            // A day that no text stands for could be sold and never be read.
            let dated = matches!(column.values, Values::Date { .. });
            if dated && (range.low < FIRST_DAY || range.high > LAST_DAY) {
                return false;
            }
            (range.low, range.high)
        }
        Values::Code { dictionary } => {
            let entries = entries.get(*dictionary as usize).copied();
            match entries.map(i64::try_from) {
                Some(Ok(entries)) => (0, entries.saturating_sub(1)),
                _ => return false,
            }
        }
    };
    let scale = match column.values {
        Values::Number { scale, .. } => scale,
        Values::Date { .. } | Values::Code { .. } => 0,
    };
    let edges = &column.edges;
    scale <= MAX_SCALE
        && max_cell(column, |at| entries.get(at).copied())
            .is_some_and(|max| max <= column.width.max_cell())
        && edges.len() <= MAX_EDGES
        && edges.iter().all(|edge| *edge > low && *edge <= high)
        && edges.iter().zip(edges.iter().skip(1)).all(|(a, b)| a < b)
}

/// The greatest cell that the bounds of a column allow; `entries` counts those of a dictionary.
fn max_cell(column: &Column, entries: impl Fn(usize) -> Option<u64>) -> Option<u64> {
    match &column.values {
        Values::Number { range, .. } | Values::Date { range } => range.cell(range.high),
        Values::Code { dictionary } => entries(*dictionary as usize),
    }
}

fn bound(what: &'static str, found: usize, most: usize) -> Result<(), LayoutError> {
    if found > most { Err(LayoutError::Bounds(what)) } else { Ok(()) }
}

fn contiguous(expected: u64, found: u64) -> Result<(), LayoutError> {
    if expected == found { Ok(()) } else { Err(LayoutError::NotContiguous { expected, found }) }
}

fn advance(next: u64, segments: Option<u64>) -> Result<u64, LayoutError> {
    segments
        .and_then(|segments| next.checked_add(segments))
        .filter(|next| *next <= MAX_SEGMENTS)
        .ok_or(LayoutError::Bounds("number of segments"))
}

fn unique<'a>(names: &mut BTreeSet<&'a str>, name: &'a str) -> Result<(), LayoutError> {
    let printable =
        !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    if printable && names.insert(name) { Ok(()) } else { Err(LayoutError::Name(name.to_owned())) }
}

/// A relative path that stays inside the folder it is written to, on every system.
fn safe_path(name: &str) -> bool {
    !name.contains(['\\', ':']) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn invalid(error: LayoutError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The parts of a Layout before they are checked.
#[derive(BorshDeserialize, Deserialize)]
struct Unchecked {
    block_rows: BlockRows,
    tables: Vec<Table>,
    dictionaries: Vec<Dictionary>,
    files: Vec<File>,
}

impl BorshDeserialize for Layout {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let parts = Unchecked::deserialize_reader(reader)?;
        Self::new(parts.block_rows, parts.tables, parts.dictionaries, parts.files).map_err(invalid)
    }
}

impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = <Unchecked as Deserialize>::deserialize(deserializer)?;
        Self::new(parts.block_rows, parts.tables, parts.dictionaries, parts.files)
            .map_err(serde::de::Error::custom)
    }
}
