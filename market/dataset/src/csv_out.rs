//! The one way a table is written as CSV.
//!
//! RFC 4180 with a header, commas, a line feed after every line, and quotes only around fields
//! that hold a comma, a quote or a line end. A missing cell is an empty field; where it is alone
//! on its line it is written `""`, for a blank line would be no row. Two equal tables have equal
//! bytes, and `ingest::read` gives the table back.
//!
//! A spreadsheet computes a cell that begins like a formula, and what it computes may fetch or run
//! something. [`disarmed`] is for copies that are meant for spreadsheets. May depend on `schema`.

use crate::schema::{Table, decimal_shape};
use std::io::{self, BufWriter, Write};
use std::path::Path;

fn field(out: &mut impl Write, text: &str) -> io::Result<()> {
    if !text.bytes().any(|b| matches!(b, b',' | b'"' | b'\r' | b'\n')) {
        return out.write_all(text.as_bytes());
    }
    out.write_all(b"\"")?;
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"\"")
}

/// Whether a spreadsheet would compute this text. Full-width forms count: some programs read them
/// as the signs they look like. A plain number is no formula.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+'
                | '-'
                | '@'
                | '\t'
                | '\r'
                | '\n'
                | '\u{ff1d}'
                | '\u{ff0b}'
                | '\u{ff0d}'
                | '\u{ff20}'
        )
    };
    text.starts_with(begins) && decimal_shape(text).is_none()
}

/// The text, with an apostrophe before it if a spreadsheet would compute it.
#[must_use]
pub fn disarmed(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// Writes one line of fields.
///
/// # Errors
/// Those of `out`.
pub fn write_record<'a>(
    out: &mut impl Write,
    fields: impl ExactSizeIterator<Item = &'a str>,
) -> io::Result<()> {
    let alone = fields.len() == 1;
    for (i, text) in fields.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        if alone && text.is_empty() {
            out.write_all(b"\"\"")?;
        }
        field(out, text)?;
    }
    out.write_all(b"\n")
}

/// Writes a table.
///
/// # Errors
/// Those of `out`.
pub fn write(table: &Table, out: &mut impl Write) -> io::Result<()> {
    write_record(out, table.columns.iter().map(|c| c.name.as_str()))?;
    for row in 0..table.rows() {
        write_record(out, table.columns.iter().map(|c| c.cell(row)))?;
    }
    Ok(())
}

/// The bytes of a table.
pub fn to_bytes(table: &Table) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(table, &mut bytes).expect("a vector takes every byte");
    bytes
}

/// Writes a table to a file, which appears whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn write_file(table: &Table, path: &Path) -> io::Result<()> {
    write_whole(path, false, |out| write(table, out))
}

/// Writes a file through a temporary one beside it, synced before it takes the name. A private file
/// can be read by its owner only.
pub(crate) fn write_whole(
    path: &Path,
    private: bool,
    content: impl FnOnce(&mut BufWriter<&mut std::fs::File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if private { 0o600 } else { 0o644 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = builder.tempfile_in(folder)?;
    {
        let mut out = BufWriter::new(file.as_file_mut());
        content(&mut out)?;
        out.flush()?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
