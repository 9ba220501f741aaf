//! Files into tables. Every reader here is bounded in bytes, rows, columns and length of a field,
//! and says line and column of what it refuses. May depend on `schema`.

mod alike;
mod csv;
mod error;
mod gzip;
mod parquet;
mod text;

pub use self::csv::{CsvReader, Record};
pub use self::error::IngestError;
pub(crate) use self::text::invisible;

use crate::schema::{Column, Kind, Table};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek};
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
    /// Bytes of text a byte of a compressed or Parquet file may become, once past the first 64 MiB.
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
    /// The place of each row, counted from 1.
    pub lines: Vec<u32>,
    /// What the places count.
    pub places: Places,
}

/// What is counted to find a row in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// Lines of text, on which rows start.
    Lines,
    /// Rows.
    Rows,
}

impl std::fmt::Display for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lines => "line",
            Self::Rows => "row",
        })
    }
}

/// The longest name of a column, in bytes.
pub const MAX_NAME: usize = 256;

/// Reads a CSV file, a gzip of one if its name ends in `.gz`, or a Parquet file, which is known by
/// its first bytes.
///
/// # Errors
/// Whatever is wrong with the file or its text, with line and column.
pub fn read_file(path: &Path, options: &Options) -> Result<Ingested, IngestError> {
    let named = |source| IngestError::Open { path: path.display().to_string(), source };
    // A pipe or device may never end, and to open a pipe waits for who writes into it.
    if !std::fs::metadata(path).map_err(named)?.is_file() {
        return Err(IngestError::NoFile { path: path.display().to_string() });
    }
    let mut file = File::open(path).map_err(named)?;
    let before = state(&file).map_err(named)?;
    let mut start = Vec::new();
    (&mut file).take(parquet::MAGIC.len() as u64).read_to_end(&mut start).map_err(named)?;
    let ends = |end: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(end));
    let ingested = if start == *parquet::MAGIC || ends("parquet") {
        file.rewind().map_err(named)?;
        let ingested = parquet::read(&file, options)?;
        refuse_alike(&ingested)?;
        ingested
    } else {
        let whole = io::Cursor::new(start).chain(&file);
        match ends("gz") {
            true => read(gzip::Bounded::new(whole, options.limits), options)?,
            false => read(whole, options)?,
        }
    };
    // Columns of a Parquet file are read one after the other: they would not be of one table.
    if state(&file).map_err(named)? != before {
        return Err(IngestError::Changed { path: path.display().to_string() });
    }
    Ok(ingested)
}

/// What changes when a file is written to.
fn state(file: &File) -> io::Result<(u64, Option<std::time::SystemTime>)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified().ok()))
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
            // The reader has looked at every byte.
            let _ = builder.push(field);
        }
        lines.push(u32::try_from(record.line()).unwrap_or(u32::MAX));
    }
    if lines.is_empty() {
        return Err(IngestError::NoRows);
    }
    let columns = names.into_iter().zip(builders).map(|(name, builder)| {
        let (texts, codes) = builder.into_parts();
        Column::new(name, texts, codes)
    });
    let table = Table { columns: columns.collect() };
    let ingested = Ingested { table, lines, places: Places::Lines };
    refuse_alike(&ingested)?;
    Ok(ingested)
}

fn header(record: &Record) -> Result<Vec<String>, IngestError> {
    let names: Vec<String> = record.fields().map(str::to_owned).collect();
    check_names(&names)?;
    Ok(names)
}

/// Checks the names of columns.
fn check_names(names: &[String]) -> Result<(), IngestError> {
    let mut seen = HashSet::new();
    for (name, field) in names.iter().zip(1..) {
        if name.trim().is_empty() {
            return Err(IngestError::EmptyName { field });
        }
        if name.len() > MAX_NAME {
            return Err(IngestError::LongName { field, limit: MAX_NAME });
        }
        if let Some(what) = text::unfit(name) {
            return Err(IngestError::Name { field, what });
        }
        if !seen.insert(name) {
            return Err(IngestError::DuplicateName { field, name: name.clone() });
        }
    }
    match alike::alike(names.iter().map(String::as_str)) {
        None => Ok(()),
        Some((first, second)) => {
            let code = alike::difference(&names[first], &names[second]);
            let what =
                format!("it looks like that of column {} but differs in U+{code:04X}", first + 1);
            Err(IngestError::Name { field: second + 1, what })
        }
    }
}

/// Refuses a column in which two texts look alike. No cell is repeated in the error, only its place.
fn refuse_alike(ingested: &Ingested) -> Result<(), IngestError> {
    for column in ingested.table.columns.iter().filter(|c| c.kind == Kind::Text) {
        let texts = &column.dictionary;
        let Some((first, second)) = alike::alike(texts.iter().map(String::as_str)) else {
            continue;
        };
        let place = |entry: usize| {
            let row = column.codes.iter().position(|code| *code as usize == entry);
            row.and_then(|row| ingested.lines.get(row)).copied().unwrap_or(0)
        };
        return Err(IngestError::LookAlike {
            column: column.name.clone(),
            places: ingested.places,
            first: place(first).min(place(second)),
            second: place(first).max(place(second)),
            code: alike::difference(&texts[first], &texts[second]),
        });
    }
    Ok(())
}

/// Gives every distinct text of a column a code.
#[derive(Default)]
struct Interner {
    seen: HashMap<Box<str>, u32>,
    codes: Vec<u32>,
}

impl Interner {
    /// The code of a text, which no row has to hold.
    fn code(&mut self, text: &str) -> u32 {
        match self.seen.get(text) {
            Some(code) => *code,
            None => {
                // Codes are fewer than rows, and rows are limited to a u32.
                let code = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
                self.seen.insert(text.into(), code);
                code
            }
        }
    }

    /// The next row holds this text. Whether it is the first to hold it.
    #[must_use]
    fn push(&mut self, text: &str) -> bool {
        let before = self.seen.len();
        let code = self.code(text);
        self.codes.push(code);
        self.seen.len() > before
    }

    /// The next row holds the text of this code.
    fn repeat(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// The texts in the order of their codes, and the code of every row.
    fn into_parts(self) -> (Vec<String>, Vec<u32>) {
        let mut texts = vec![String::new(); self.seen.len()];
        for (text, code) in self.seen {
            texts[code as usize] = text.into();
        }
        (texts, self.codes)
    }
}
