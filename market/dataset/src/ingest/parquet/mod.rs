//! Parquet files into tables, a column at a time and a batch of rows at a time.
//!
//! What a file states is checked first (`stated`); then a column is decoded in batches and written as
//! the texts that a CSV of the same table holds (`values`), so that both give the same roles, cells
//! and package. Memory holds a page, a batch, and the table as it becomes.
//!
//! The Parquet library is not ours and may panic on a file made for it. A panic is caught and becomes
//! an error: nothing of the half-decoded column is kept. Depends on the Parquet library, `stated` and
//! `values`.

mod stated;
mod thrift;
mod values;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetStatisticsPolicy};

use self::stated::damaged;
use self::values::Cells;
use super::gzip::FREE;
use super::{IngestError, Ingested, Options, Places, check_names};
use crate::schema::Table;

/// The first bytes of a Parquet file.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// Rows that are decoded at once.
const BATCH: usize = 8_192;

/// Reads a Parquet file.
///
/// # Errors
/// What is wrong with the file, or the column and row that cannot be a cell.
pub(super) fn read(file: &File, options: &Options) -> Result<Ingested, IngestError> {
    let length = file.metadata().map_err(|e| damaged(e.to_string()))?.len();
    stated::footer(file, length)?;
    let metadata = contained(|| plan(file))?;
    let limits = &options.limits;
    let rows = metadata.metadata().row_groups().iter().map(|group| group.num_rows());
    let rows = rows.fold(0u64, |sum, n| sum.saturating_add(u64::try_from(n).unwrap_or(u64::MAX)));
    if rows == 0 {
        return Err(IngestError::NoRows);
    }
    if rows > u64::from(limits.rows) {
        return Err(IngestError::Rows { found: rows, limit: limits.rows });
    }
    let fields = metadata.schema().fields();
    if fields.len() > limits.columns {
        return Err(IngestError::Columns { found: fields.len(), limit: limits.columns });
    }
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    check_names(&names)?;
    // A cell takes a byte at least: what stands after it.
    let least = rows.saturating_mul(fields.len() as u64);
    let allowed = length.saturating_mul(limits.inflation).max(FREE).min(limits.bytes);
    let bomb = |reached| IngestError::Bomb { ratio: limits.inflation, reached };
    if least > allowed {
        return Err(bomb(least));
    }
    stated::pages(file, metadata.metadata(), length, limits)?;
    let mut text = 0u64;
    let mut columns = Vec::with_capacity(fields.len());
    for (c, field) in fields.iter().enumerate() {
        let mut cells = Cells::new(field, limits.field);
        contained(|| {
            let mask = ProjectionMask::leaves(metadata.parquet_schema(), [c]);
            let handle = file.try_clone().map_err(|e| damaged(e.to_string()))?;
            let reader =
                ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
                    .with_projection(mask)
                    .with_batch_size(BATCH)
                    .build()
                    .map_err(unread)?;
            for batch in reader {
                let batch =
                    batch.map_err(|e| damaged(format!("column `{}`: {e}", field.name())))?;
                let column =
                    batch.columns().first().ok_or_else(|| damaged("a column is missing"))?;
                cells.push(column)?;
                if text.saturating_add(cells.bytes()) > allowed {
                    return Err(bomb(text.saturating_add(cells.bytes())));
                }
            }
            Ok(())
        })?;
        text = text.saturating_add(cells.bytes());
        if cells.rows() != rows {
            return Err(damaged(format!(
                "column `{}` has {} cells for {rows} rows",
                field.name(),
                cells.rows()
            )));
        }
        columns.push(cells.finish());
    }
    // Limited to a u32 above.
    let lines = (1..=u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    Ok(Ingested { table: Table { columns }, lines, places: Places::Rows })
}

/// The file's schema, with every type one that `values` knows, and texts left where they lie: a
/// dictionary's entry that is named a million times is not copied a million times.
fn plan(file: &File) -> Result<ArrowReaderMetadata, IngestError> {
    // What other programs noted of the schema for themselves is not trusted.
    let options = ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_page_index_policy(PageIndexPolicy::Skip)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let found = ArrowReaderMetadata::load(file, options.clone()).map_err(unread)?;
    let mut fields = Vec::with_capacity(found.schema().fields().len());
    for field in found.schema().fields() {
        values::supported(field)?;
        let kind = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        };
        fields.push(Field::new(field.name(), kind, field.is_nullable()));
    }
    let options = options.with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(unread)
}

fn unread(error: ParquetError) -> IngestError {
    damaged(error.to_string())
}

/// Runs the library's code; a panic of its becomes an error.
fn contained<T>(run: impl FnOnce() -> Result<T, IngestError>) -> Result<T, IngestError> {
    // What the closure leaves behind half done is dropped by every caller.
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(damaged("the decoder gave up on it; it may be made to harm")))
}
