//! Files into tables. Every reader here is bounded in bytes, rows, columns and length of a field,
//! and says line and column of what it refuses. May depend on `schema`.

mod csv;
mod error;
mod gzip;

pub use self::csv::{CsvReader, Record};
pub use self::error::IngestError;

use crate::schema::{Column, Table};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a reader will take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of text, after decompression.
    pub bytes: u64,
    /// Rows below the header.
    pub rows: u32,
    /// Columns.
    pub columns: usize,
    /// Bytes of one field.
    pub field: usize,
    /// Bytes of text a byte of a compressed file may become, once past the first 64 MiB.
    pub inflation: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 8 << 30, rows: 100_000_000, columns: 4_096, field: 1 << 20, inflation: 200 }
    }
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What stands between fields: one ASCII character, not a quote or line end.
    pub delimiter: u8,
    /// What is too much.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Options {
        Options { delimiter: b',', limits: Limits::default() }
    }
}

/// A table as read, with where its rows stand in the file.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// The table.
    pub table: Table,
    /// The line on which each row starts, counted from 1.
    pub lines: Vec<u32>,
}

/// The longest name of a column, in bytes.
pub const MAX_NAME: usize = 256;

/// Reads a CSV file, or a gzip of one if its name ends in `.gz`.
///
/// # Errors
/// Whatever is wrong with the file or its text, with line and column.
pub fn read_file(path: &Path, options: &Options) -> Result<Ingested, IngestError> {
    let file = File::open(path)
        .map_err(|source| IngestError::Open { path: path.display().to_string(), source })?;
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
        read(gzip::Bounded::new(file, options.limits), options)
    } else {
        read(file, options)
    }
}

/// Reads CSV text with a header line.
///
/// # Errors
/// Whatever is wrong with the text, with line and column.
pub fn read(input: impl Read, options: &Options) -> Result<Ingested, IngestError> {
    let mut reader = CsvReader::new(input, options)?;
    let mut record = Record::default();
    if !reader.next(&mut record)? {
        return Err(IngestError::Empty);
    }
    let names = header(&record)?;
    let mut builders: Vec<Interner> = names.iter().map(|_| Interner::default()).collect();
    let mut lines = Vec::new();
    while reader.next(&mut record)? {
        if record.len() != names.len() {
            return Err(IngestError::Ragged {
                line: record.line(),
                expected: names.len(),
                found: record.len(),
            });
        }
        if lines.len() as u64 >= u64::from(options.limits.rows) {
            return Err(IngestError::TooManyRows {
                line: record.line(),
                limit: options.limits.rows,
            });
        }
        for (builder, field) in builders.iter_mut().zip(record.fields()) {
            builder.push(field);
        }
        lines.push(u32::try_from(record.line()).unwrap_or(u32::MAX));
    }
    if lines.is_empty() {
        return Err(IngestError::NoRows);
    }
    let columns = names.into_iter().zip(builders).map(|(n, b)| b.finish(n)).collect();
    Ok(Ingested { table: Table { columns }, lines })
}

fn header(record: &Record) -> Result<Vec<String>, IngestError> {
    let line = record.line();
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for (i, name) in record.fields().enumerate() {
        if name.trim().is_empty() {
            return Err(IngestError::EmptyName { line, field: i + 1 });
        }
        if name.len() > MAX_NAME {
            return Err(IngestError::LongName { line, field: i + 1, limit: MAX_NAME });
        }
        if !seen.insert(name) {
            return Err(IngestError::DuplicateName { line, field: i + 1, name: name.to_owned() });
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Gives every distinct text of a column a code.
#[derive(Default)]
struct Interner {
    seen: HashMap<Box<str>, u32>,
    codes: Vec<u32>,
}

impl Interner {
    fn push(&mut self, text: &str) {
        let code = match self.seen.get(text) {
            Some(code) => *code,
            None => {
                // Codes are fewer than rows, and rows are limited to a u32.
                let code = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
                self.seen.insert(text.into(), code);
                code
            }
        };
        self.codes.push(code);
    }

    fn finish(self, name: String) -> Column {
        let mut texts = vec![String::new(); self.seen.len()];
        for (text, code) in self.seen {
            texts[code as usize] = text.into();
        }
        Column::new(name, texts, self.codes)
    }
}
