//! A table that is being written, some rows at a time.

use std::io::{self, Write};
use std::path::Path;

use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::packed::Packed;
use super::rows::{HELD_BYTES, Lines, Meaning, Piece, Seen, fields, lines, look};
use super::target::{Target, Written};
use super::{Format, arrow};
use crate::commit::OpenedColumn;
use crate::csv_out::{disarmed, write_record};
use crate::durable::{At, FileError};

/// Most rows of a row group of Parquet, and most bytes of one in memory.
const GROUP_ROWS: usize = 1 << 20;
const GROUP_BYTES: usize = 64 << 20;

/// The table.
pub(crate) enum Sink {
    Original(Target),
    Csv(Target),
    Parquet(SchemaRef, Box<ArrowWriter<Target>>),
    Arrow(SchemaRef, Box<FileWriter<Target>>),
}

fn parquet_failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(own) => *own,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

fn arrow_failed(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, own) => own,
        other => io::Error::other(other),
    }
}

impl Sink {
    /// Begins a table with its column names.
    pub fn new(
        format: Format,
        mut target: Target,
        columns: &[Meaning<'_>],
        table: &str,
        package: &str,
    ) -> Result<Self, FileError> {
        let path = target.path().to_owned();
        let names = columns.iter().map(|column| column.spec.name.as_str());
        let schema = || arrow::schema(columns, table, package);
        Ok(match format {
            Format::Original => {
                write_record(&mut target, names).at(&path)?;
                Self::Original(target)
            }
            Format::Csv => {
                let names: Vec<String> = names.map(disarmed).collect();
                write_record(&mut target, names.iter().map(String::as_str)).at(&path)?;
                Self::Csv(target)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_created_by(concat!("galen version ", env!("CARGO_PKG_VERSION")).to_owned())
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_max_row_group_bytes(Some(GROUP_BYTES))
                    .build();
                let schema = schema();
                let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties));
                Self::Parquet(schema, Box::new(writer.map_err(parquet_failed).at(&path)?))
            }
            Format::Arrow => {
                let schema = schema();
                let writer = FileWriter::try_new(target, &schema);
                Self::Arrow(schema, Box::new(writer.map_err(arrow_failed).at(&path)?))
            }
        })
    }

    /// Writes some rows of a block, and what was packed of them into `packed`. Once that is too long,
    /// nothing is written any more, and cells are looked at only.
    pub fn rows(
        &mut self,
        columns: &[Meaning<'_>],
        opened: &[OpenedColumn],
        piece: &Piece,
        packed: &mut Packed,
        path: &Path,
    ) -> Result<Seen, FileError> {
        if packed.is_over() {
            return Ok(look(columns, opened, piece.rows.clone()));
        }
        if piece.bytes > HELD_BYTES {
            return self.long_row(columns, opened, piece, packed).at(path);
        }
        let disarm = matches!(self, Self::Csv(_));
        let lines = lines(columns, opened, piece.rows.clone(), disarm);
        lines.iter().try_for_each(|l| packed.write_all(&l.original)).at(path)?;
        let mut seen = Seen { fault: None, formulas: vec![0; columns.len()] };
        if !packed.is_over() {
            self.made(columns, opened, piece, &lines).at(path)?;
        }
        for lines in lines {
            seen.fault = seen.fault.or(lines.seen.fault);
            for (sum, cells) in seen.formulas.iter_mut().zip(lines.seen.formulas) {
                *sum = sum.saturating_add(cells);
            }
        }
        Ok(seen)
    }

    /// Writes a row that is too long to be held, word by word.
    fn long_row(
        &mut self,
        columns: &[Meaning<'_>],
        opened: &[OpenedColumn],
        piece: &Piece,
        packed: &mut Packed,
    ) -> io::Result<Seen> {
        let (fields, seen) = fields(columns, opened, piece.rows.start);
        write_record(packed, fields.iter().map(AsRef::as_ref))?;
        match self {
            _ if packed.is_over() => {}
            Self::Original(target) => write_record(target, fields.iter().map(AsRef::as_ref))?,
            Self::Csv(_) | Self::Parquet(..) | Self::Arrow(..) => {
                return Err(io::Error::other(format!(
                    "a row may have {} bytes, more than the {HELD_BYTES} that this form holds; take the form in which it was packed (`--format original`)",
                    piece.bytes
                )));
            }
        }
        Ok(seen)
    }

    /// Writes rows that have been made into lines already.
    fn made(
        &mut self,
        columns: &[Meaning<'_>],
        opened: &[OpenedColumn],
        piece: &Piece,
        lines: &[Lines],
    ) -> io::Result<()> {
        let batch =
            |schema| arrow::batch(schema, columns, opened, &piece.rows).map_err(arrow_failed);
        match self {
            Self::Original(target) => lines.iter().try_for_each(|l| target.write_all(&l.original)),
            Self::Csv(target) => lines.iter().try_for_each(|l| target.write_all(&l.disarmed)),
            Self::Parquet(schema, writer) => {
                batch(schema).and_then(|batch| writer.write(&batch).map_err(parquet_failed))
            }
            Self::Arrow(schema, writer) => {
                batch(schema).and_then(|batch| writer.write(&batch).map_err(arrow_failed))
            }
        }
    }

    /// Writes what is left.
    pub fn finish(self, path: &Path) -> Result<Written, FileError> {
        match self {
            Self::Original(target) | Self::Csv(target) => target.finish(),
            Self::Parquet(_, writer) => {
                writer.into_inner().map_err(parquet_failed).at(path)?.finish()
            }
            Self::Arrow(_, mut writer) => {
                writer.finish().map_err(arrow_failed).at(path)?;
                writer.into_inner().map_err(arrow_failed).at(path)?.finish()
            }
        }
    }
}
