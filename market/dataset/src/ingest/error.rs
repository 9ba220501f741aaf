//! What can be wrong with a file of rows, said so that a person can go and mend it.

use thiserror::Error;

use super::Places;

/// Why a file was not read. Lines and columns count from 1; columns count characters.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum IngestError {
    #[error("cannot open {path}: {source}")]
    Open { path: String, source: std::io::Error },
    #[error("{path} is no file but a folder, pipe or device, of which no end is known")]
    NoFile { path: String },
    #[error("reading failed at line {line}: {source}")]
    Read { line: u64, source: std::io::Error },
    #[error("the file is empty: it needs a line of column names and at least one row")]
    Empty,
    #[error("the file has column names but no rows below them")]
    NoRows,
    #[error(
        "the file is UTF-16, as some spreadsheets save \"Unicode text\"; save it as CSV in UTF-8"
    )]
    Utf16,
    #[error(
        "line {line}, column {column}: byte 0x{byte:02x} does not belong in a text file; is this a binary file?"
    )]
    Binary { line: u64, column: u64, byte: u8 },
    #[error("line {line}, column {column}: not UTF-8; save the file with encoding UTF-8")]
    NotUtf8 { line: u64, column: u64 },
    #[error(
        "line {line}, column {column}: invisible character U+{code:04X}, which makes different texts look alike; remove it"
    )]
    Invisible { line: u64, column: u64, code: u32 },
    #[error("line {line}: {found} fields, but the header has {expected} columns")]
    Ragged { line: u64, expected: usize, found: usize },
    #[error(
        "line {line}, column {column}: a quote inside a field that does not begin with one; put the field in quotes and double the quotes in it"
    )]
    LoneQuote { line: u64, column: u64 },
    #[error(
        "line {line}, column {column}: text after a closing quote; double the quotes that belong to the field"
    )]
    AfterQuote { line: u64, column: u64 },
    #[error("line {line}, column {column}: the quote that opens here is never closed")]
    OpenQuote { line: u64, column: u64 },
    #[error(
        "line {line}, column {column}: the field that begins here is longer than {limit} bytes"
    )]
    LongField { line: u64, column: u64, limit: usize },
    #[error("line {line}: more than {limit} columns")]
    TooManyColumns { line: u64, limit: usize },
    #[error("line {line}: more than {limit} rows")]
    TooManyRows { line: u64, limit: u32 },
    #[error("line {line}: the file is longer than {limit} bytes")]
    TooLong { line: u64, limit: u64 },
    #[error(
        "the compressed file grew more than {ratio}-fold, to over {reached} bytes: refused as a decompression bomb; give it as CSV without compression if you trust it"
    )]
    Bomb { ratio: u64, reached: u64 },
    #[error("column {field} has no name")]
    EmptyName { field: usize },
    #[error("the name of column {field} is longer than {limit} bytes")]
    LongName { field: usize, limit: usize },
    #[error("the name of column {field}: {what}")]
    Name { field: usize, what: String },
    #[error("column {field} has the name `{name}` of an earlier column")]
    DuplicateName { field: usize, name: String },
    #[error(
        "{places}s {first} and {second}, column `{column}`: texts that look alike but differ in U+{code:04X}; spell them the same"
    )]
    LookAlike { column: String, places: Places, first: u32, second: u32, code: u32 },
    #[error("{path} changed while it was being read")]
    Changed { path: String },
    #[error("not a Parquet file that can be read: {what}")]
    Parquet { what: String },
    #[error("column `{column}` is {kind}; {remedy}")]
    Unsupported { column: String, kind: String, remedy: &'static str },
    #[error("row {row}, column `{column}`: {what}")]
    Cell { column: String, row: u64, what: String },
    #[error("the file has {found} rows, more than {limit}")]
    Rows { found: u64, limit: u32 },
    #[error("the file has {found} columns, more than {limit}")]
    Columns { found: usize, limit: usize },
    #[error(
        "the delimiter must be one ASCII character other than a quote, a letter, a digit or a line end"
    )]
    Delimiter,
}
