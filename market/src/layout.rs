//! The Layout of a package: which segment holds which cells. Everything that the ledger knows about
//! the shape of a package (rows, columns, roles, widths) comes from here. Depends on nothing else of
//! this package; pure.
//!
//! Segments are numbered from 0: first those of the tables, then of the dictionaries, then of the
//! files. Within a table, segment `first + block · columns + column` holds one column of one row
//! block. A cell is 0 if missing, else `value − offset + 1`.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Most tables of a package.
pub const MAX_TABLES: usize = 64;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 256;
/// Most row blocks of a table.
pub const MAX_BLOCKS: usize = 16_384;
/// Most dictionaries of a package.
pub const MAX_DICTIONARIES: usize = 4_096;
/// Most files of a package.
pub const MAX_FILES: usize = 4_096;
/// Most segments of a package.
pub const MAX_SEGMENTS: u64 = 1 << 24;
/// Most bytes of a Layout.
pub const MAX_LAYOUT_BYTES: usize = 128 * 1024;
/// Most bytes of a name of a table, column or file.
pub const MAX_NAME_BYTES: usize = 256;
/// Most edges between the bins of a column's chart: 32 bins.
pub const MAX_EDGES: usize = 31;
/// Most decimal digits of a scaled number.
pub const MAX_SCALE: u8 = 18;
/// The first day that a date can be, 0001-01-01, in days since 1970-01-01.
pub const FIRST_DAY: i64 = -719_162;
/// The last day that a date can be, 9999-12-31, in days since 1970-01-01.
pub const LAST_DAY: i64 = 2_932_896;
/// Plaintext bytes of every segment of a file but its last; most bytes of a dictionary segment.
pub const SEGMENT_BYTES: usize = 256 * 1024;
/// `k` is a 16-bit number in the proofs.
pub const MAX_K: u32 = (1 << 16) - 1;

/// Rows of a full row block. The proofs exist for these two sizes only.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum BlockRows {
    /// 32,760 rows.
    Full,
    /// 1,016 rows, for tests: a development network alone accepts it.
    Small,
}

impl BlockRows {
    /// The number of rows, `N`.
    pub const fn rows(self) -> u32 {
        match self {
            Self::Full => 32_760,
            Self::Small => 1_016,
        }
    }
}

/// Bytes of one cell, an unsigned little-endian integer.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// One byte.
    W1,
    /// Two bytes.
    W2,
    /// Four bytes.
    W4,
    /// Eight bytes.
    W8,
}

impl Width {
    /// Bytes of one cell.
    pub const fn bytes(self) -> usize {
        match self {
            Self::W1 => 1,
            Self::W2 => 2,
            Self::W4 => 4,
            Self::W8 => 8,
        }
    }

    /// The greatest cell.
    pub const fn max_cell(self) -> u64 {
        match self {
            Self::W1 => 0xff,
            Self::W2 => 0xffff,
            Self::W4 => 0xffff_ffff,
            Self::W8 => u64::MAX,
        }
    }

    /// The narrowest width whose cells reach `max`.
    pub const fn for_cell(max: u64) -> Self {
        if max <= Self::W1.max_cell() {
            Self::W1
        } else if max <= Self::W2.max_cell() {
            Self::W2
        } else if max <= Self::W4.max_cell() {
            Self::W4
        } else {
            Self::W8
        }
    }
}

/// What a column is to a person's privacy. Identifying columns and the person column never enter a
/// package, so no role names them.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Together with the others of its kind it could point at a person: what k-anonymity speaks of.
    QuasiIdentifier,
    /// What an attacker wants to learn.
    Sensitive,
    /// Neither.
    Insensitive,
}

/// What the cells of a column mean.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Integers, or decimals with `scale` digits after the point, as integers scaled by `10^scale`.
    Number {
        /// Digits after the point.
        scale: u8,
        /// Which values occur.
        range: Range,
    },
    /// Days since 1970-01-01.
    Date {
        /// Which days occur.
        range: Range,
    },
    /// Positions in a dictionary, from 0.
    Code {
        /// Which dictionary, by its position in the Layout.
        dictionary: u32,
    },
}

/// Declared bounds: of the field of study, never the observed extremes.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Range {
    /// The value that is stored as cell 1; not above `low`.
    pub offset: i64,
    /// The least value.
    pub low: i64,
    /// The greatest value.
    pub high: i64,
}

impl Range {
    /// The cell of a value; `None` outside the bounds.
    pub fn cell(&self, value: i64) -> Option<u64> {
        if value < self.low || value > self.high {
            return None;
        }
        u64::try_from(i128::from(value) - i128::from(self.offset) + 1).ok()
    }

    /// The value of a cell; `None` if missing, `Some(None)` outside the bounds.
    pub fn value(&self, cell: u64) -> Option<Option<i64>> {
        let value = i128::from(cell).checked_sub(1)? + i128::from(self.offset);
        (cell != 0).then(|| {
            i64::try_from(value).ok().filter(|value| (self.low..=self.high).contains(value))
        })
    }
}

/// A column of a table.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Column {
    /// Its header.
    pub name: String,
    /// Bytes of a cell.
    pub width: Width,
    /// Its role.
    pub role: Role,
    /// What a cell means.
    pub values: Values,
    /// Where the second and later bins of its chart begin, ascending; values, or codes.
    pub edges: Vec<i64>,
}

/// A table, stored by column in row blocks.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its first segment.
    pub first: u64,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Active rows of every row block, `1..=N`.
    pub active: Vec<u32>,
}

impl Table {
    /// Rows in all blocks.
    pub fn rows(&self) -> u64 {
        self.active.iter().map(|n| u64::from(*n)).sum()
    }

    /// The segment of a column of a block.
    pub fn segment(&self, block: u32, column: u32) -> Option<u64> {
        if block as usize >= self.active.len() || column as usize >= self.columns.len() {
            return None;
        }
        (self.columns.len() as u64)
            .checked_mul(u64::from(block))?
            .checked_add(u64::from(column))?
            .checked_add(self.first)
    }

    /// The positions of the quasi-identifiers, ascending.
    pub fn quasi_identifiers(&self) -> Vec<u32> {
        let columns = (0u32..).zip(&self.columns);
        columns.filter(|(_, c)| c.role == Role::QuasiIdentifier).map(|(at, _)| at).collect()
    }

    fn segments(&self) -> Option<u64> {
        (self.columns.len() as u64).checked_mul(self.active.len() as u64)
    }
}

/// The words of a coded column, strictly ascending by their bytes.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dictionary {
    /// Entries that anybody may read: a published code list, or words that at least k rows hold.
    Public {
        /// The entries.
        entries: Vec<String>,
    },
    /// Entries kept in encrypted segments, cut at entry boundaries.
    Private {
        /// Its first segment.
        first: u64,
        /// How many entries each segment holds.
        segments: Vec<u32>,
    },
}

impl Dictionary {
    /// How many entries it has.
    pub fn entries(&self) -> u64 {
        match self {
            Self::Public { entries } => entries.len() as u64,
            Self::Private { segments, .. } => segments.iter().map(|n| u64::from(*n)).sum(),
        }
    }
}

/// A file, cut in segments of [`SEGMENT_BYTES`].
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct File {
    /// Its path inside the package: parts of letters, with `/` between.
    pub name: String,
    /// Its first segment.
    pub first: u64,
    /// Its length in bytes, at least 1.
    pub bytes: u64,
}

impl File {
    /// How many segments it has.
    pub fn segments(&self) -> u64 {
        self.bytes.div_ceil(SEGMENT_BYTES as u64)
    }
}

/// What a segment holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Place {
    /// One column of one row block.
    Column {
        /// Position of the table.
        table: u32,
        /// Position of the block in the table.
        block: u32,
        /// Position of the column in the table.
        column: u32,
        /// Bytes of a cell.
        width: Width,
        /// Active rows of the block.
        rows: u32,
    },
    /// A part of a private dictionary.
    Dictionary {
        /// Position of the dictionary.
        dictionary: u32,
        /// Which part.
        part: u32,
        /// Entries in this part.
        entries: u32,
    },
    /// A part of a file.
    File {
        /// Position of the file.
        file: u32,
        /// Which part.
        part: u64,
        /// Bytes in this part.
        bytes: u32,
    },
}

/// Why a Layout is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no segment, or too many of something.
    #[error("layout: {0} is out of bounds")]
    Bounds(&'static str),
    /// A name is empty, too long, unprintable, or used twice.
    #[error("layout: name {0:?} is empty, too long, unprintable, or used twice")]
    Name(String),
    /// A table, dictionary or file does not begin where the one before it ends.
    #[error("layout: expected first segment {expected}, found {found}")]
    NotContiguous {
        /// Where it should begin.
        expected: u64,
        /// What was stated.
        found: u64,
    },
    /// A block has no rows, or more than the block size.
    #[error("layout: block {block} of table {table} states {rows} rows")]
    Rows {
        /// Position of the table.
        table: u32,
        /// Position of the block.
        block: u32,
        /// What was stated.
        rows: u32,
    },
    /// A table has no quasi-identifier, so nothing could be proven of it.
    #[error("layout: table {0} has no quasi-identifier")]
    NoQuasiIdentifier(u32),
    /// Bounds, scale, edges or dictionary of a column do not fit each other or its width.
    #[error("layout: column {0:?} has impossible bounds, scale, edges or dictionary")]
    Column(String),
    /// Entries of a dictionary are not strictly ascending, or a part is empty.
    #[error("layout: dictionary {0} is not strictly ascending, or has an empty part")]
    Dictionary(u32),
    /// The stated k does not fit a table.
    #[error("layout: k = {k} does not fit block {block} of table {table} with {rows} rows")]
    K {
        /// The stated k.
        k: u32,
        /// Position of the table.
        table: u32,
        /// Position of the block.
        block: u32,
        /// Its active rows.
        rows: u32,
    },
    /// There must be one k for every table.
    #[error("layout: {tables} tables, but k is stated for {stated}")]
    KCount {
        /// Tables.
        tables: usize,
        /// Stated.
        stated: usize,
    },
}

mod check;
#[cfg(test)]
mod tests;

/// The Layout of a package. A value of this type has passed every check that needs no `k`.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, Serialize)]
pub struct Layout {
    block_rows: BlockRows,
    tables: Vec<Table>,
    dictionaries: Vec<Dictionary>,
    files: Vec<File>,
}

impl Layout {
    /// Rows of a full block.
    pub fn block_rows(&self) -> BlockRows {
        self.block_rows
    }

    /// Tables in order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Dictionaries in order.
    pub fn dictionaries(&self) -> &[Dictionary] {
        &self.dictionaries
    }

    /// Files in order.
    pub fn files(&self) -> &[File] {
        &self.files
    }
}
