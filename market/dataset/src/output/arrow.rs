//! Cells as Arrow's typed columns.
//!
//! | kind | type |
//! |---|---|
//! | integer | 64-bit integer |
//! | decimal within ±10^15 units of its last digit | 64-bit floating point: the number nearest to the decimal, which written with the fewest digits is that decimal again |
//! | other decimal | 128-bit decimal of the column's scale |
//! | date | days |
//! | text | UTF-8 |
//!
//! A missing cell is null. The declared bounds decide, so that all blocks of a column agree.

use std::ops::Range as Rows;
use std::sync::Arc;

use arrow_array::builder::{
    Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use galen_market::layout::{Range, Values};
use rayon::prelude::*;

use super::rows::Meaning;
use crate::commit::OpenedColumn;
use crate::schema::Kind;

/// Units up to which a double has every decimal digit: 15 digits.
const EXACT: u64 = 1_000_000_000_000_000;
/// Digits of a 64-bit number.
const DIGITS: u8 = 19;

fn kind(meaning: &Meaning<'_>) -> DataType {
    match (&meaning.kind, &meaning.spec.values) {
        (Kind::Integer, _) => DataType::Int64,
        (Kind::Date, _) => DataType::Date32,
        (Kind::Decimal { scale, .. }, Values::Number { range, .. }) => {
            let widest = range.low.unsigned_abs().max(range.high.unsigned_abs());
            match widest <= EXACT {
                true => DataType::Float64,
                // A scale is at most 18.
                false => DataType::Decimal128(DIGITS, i8::try_from(*scale).unwrap_or(i8::MAX)),
            }
        }
        _ => DataType::Utf8,
    }
}

/// The schema of a table.
pub(super) fn schema(columns: &[Meaning<'_>], table: &str, package: &str) -> SchemaRef {
    let fields: Vec<Field> =
        columns.iter().map(|meaning| Field::new(&meaning.spec.name, kind(meaning), true)).collect();
    let about = [("galen:table", table), ("galen:package", package)];
    let about = about.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Arc::new(Schema::new_with_metadata(fields, about))
}

/// These rows of a block. A cell without a meaning is null; whoever writes it does not release it.
pub(super) fn batch(
    schema: &SchemaRef,
    columns: &[Meaning<'_>],
    opened: &[OpenedColumn],
    rows: &Rows<usize>,
) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.par_iter().zip(opened).map(|(meaning, opened)| {
        let cells = opened.cells.get(rows.clone()).unwrap_or_default();
        column(meaning, cells)
    });
    RecordBatch::try_new(Arc::clone(schema), arrays.collect::<Result<_, _>>()?)
}

fn column(meaning: &Meaning<'_>, cells: &[u64]) -> Result<ArrayRef, ArrowError> {
    let none = Range { offset: 0, low: 1, high: 0 };
    let range = match &meaning.spec.values {
        Values::Number { range, .. } | Values::Date { range } => range,
        Values::Code { .. } => &none,
    };
    let numbers = cells.iter().map(|cell| range.value(*cell).flatten());
    let mut days = Date32Builder::with_capacity(0);
    Ok(match kind(meaning) {
        DataType::Int64 => {
            let mut builder = Int64Builder::with_capacity(cells.len());
            numbers.for_each(|value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        DataType::Date32 => {
            numbers.for_each(|value| days.append_option(value.and_then(|v| i32::try_from(v).ok())));
            Arc::new(days.finish())
        }
        DataType::Float64 => {
            let scale = match meaning.kind {
                Kind::Decimal { scale, .. } => scale,
                _ => 0,
            };
            // Powers of ten up to 10^22 are doubles, and so is every number below 2^53: one rounding.
            let unit = 10f64.powi(i32::from(scale));
            let mut builder = Float64Builder::with_capacity(cells.len());
            numbers.for_each(|value| builder.append_option(value.map(|v| v as f64 / unit)));
            Arc::new(builder.finish())
        }
        DataType::Decimal128(digits, scale) => {
            let mut builder = Decimal128Builder::with_capacity(cells.len())
                .with_precision_and_scale(digits, scale)?;
            numbers.for_each(|value| builder.append_option(value.map(i128::from)));
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = StringBuilder::with_capacity(cells.len(), 0);
            cells.iter().for_each(|cell| builder.append_option(meaning.word(*cell)));
            Arc::new(builder.finish())
        }
    })
}
