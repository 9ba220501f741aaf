//! Arrow's values as the texts of cells.
//!
//! | Parquet | text |
//! |---|---|
//! | whole numbers | digits |
//! | decimals | as many digits after the point as the column has |
//! | floating-point numbers | the fewest digits that give the number back, one after the point at least (`5.0`, as Python writes it); `-0.0` is `0.0` |
//! | truth values | `true`, `false` |
//! | dates | `2024-02-29` |
//! | moments | `2024-02-29T13:45:00`, with `Z` if they are in UTC; dates if the whole column is at midnight and in no time zone |
//! | times of day | `13:45:00` |
//! | texts, categories | as they are; an empty one is a missing cell, as in CSV |
//! | null | a missing cell |
//!
//! Not-a-number and infinities are refused. Depends on Arrow and `schema`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, TimeUnit};

use super::super::text::unfit;
use super::super::{IngestError, Interner};
use crate::schema::{Column, Kind, render_wide};

const MIDNIGHT: &str = "T00:00:00";
const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Refuses a column whose values are no cells.
///
/// # Errors
/// `Unsupported`, with what to do.
pub(super) fn supported(field: &Field) -> Result<(), IngestError> {
    use DataType as D;
    let (kind, remedy) = match field.data_type() {
        D::Null | D::Boolean | D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Date32 => return Ok(()),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 => return Ok(()),
        D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => return Ok(()),
        D::Float16 | D::Float32 | D::Float64 => return Ok(()),
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) => return Ok(()),
        D::Timestamp(..) | D::Time32(_) | D::Time64(_) => return Ok(()),
        D::Decimal256(..) => ("a decimal of more than 38 digits", "round it, or write it as text"),
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => (
            "raw bytes",
            "write it as text (a UUID as its digits), mark it as text if it is one, or leave it out",
        ),
        _ => (
            "of a type that no table here can hold",
            "write it as numbers, texts or dates, or leave it out",
        ),
    };
    Err(IngestError::Unsupported { column: field.name().clone(), kind: kind.to_owned(), remedy })
}

/// The cells of one column, as they are read.
pub(super) struct Cells {
    name: String,
    interner: Interner,
    /// The code of every number met so far, and the length of its text.
    known: HashMap<i128, (u32, u32)>,
    longest: usize,
    bytes: u64,
    rows: u64,
    /// Whether moments at midnight may be written as dates.
    days: bool,
}

impl Cells {
    pub(super) fn new(field: &Field, longest: usize) -> Self {
        Self {
            name: field.name().clone(),
            interner: Interner::default(),
            known: HashMap::new(),
            longest,
            bytes: 0,
            rows: 0,
            days: matches!(field.data_type(), DataType::Timestamp(_, None)),
        }
    }

    /// Bytes that the cells would take as CSV, without quotes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn finish(self) -> Column {
        let (mut texts, codes) = self.interner.into_parts();
        if self.days && texts.iter().all(|t| t.is_empty() || t.ends_with(MIDNIGHT)) {
            for text in &mut texts {
                text.truncate(text.len().saturating_sub(MIDNIGHT.len()));
            }
        }
        Column::new(self.name, texts, codes)
    }

    /// Takes the next rows.
    ///
    /// # Errors
    /// The row of a value that is no cell.
    pub(super) fn push(&mut self, array: &ArrayRef) -> Result<(), IngestError> {
        use DataType as D;
        use TimeUnit as U;
        match array.data_type() {
            D::Null => (0..array.len()).try_for_each(|_| self.text("")),
            D::Boolean => {
                let array = array.as_boolean();
                array.iter().try_for_each(|value| {
                    self.text(value.map_or("", |v| if v { "true" } else { "false" }))
                })
            }
            D::Utf8View => {
                array.as_string_view().iter().try_for_each(|v| self.text(v.unwrap_or("")))
            }
            D::Int8 => self.whole::<Int8Type>(array),
            D::Int16 => self.whole::<Int16Type>(array),
            D::Int32 => self.whole::<Int32Type>(array),
            D::Int64 => self.whole::<Int64Type>(array),
            D::UInt8 => self.whole::<UInt8Type>(array),
            D::UInt16 => self.whole::<UInt16Type>(array),
            D::UInt32 => self.whole::<UInt32Type>(array),
            D::UInt64 => self.whole::<UInt64Type>(array),
            D::Float16 => {
                self.float::<Float16Type>(array, |v| (v.to_f64(), v.to_f32().to_string()))
            }
            D::Float32 => self.float::<Float32Type>(array, |v| (f64::from(v), v.to_string())),
            D::Float64 => self.float::<Float64Type>(array, |v| (v, v.to_string())),
            D::Decimal32(_, scale) => self.decimal::<Decimal32Type>(array, *scale),
            D::Decimal64(_, scale) => self.decimal::<Decimal64Type>(array, *scale),
            D::Decimal128(_, scale) => self.decimal::<Decimal128Type>(array, *scale),
            D::Date32 => self.numbers::<Date32Type>(array, |days| date(i64::from(days))),
            D::Timestamp(unit, zone) => {
                let zone = if zone.is_some() { "Z" } else { "" };
                match unit {
                    U::Second => self.moments::<TimestampSecondType>(array, 1, zone),
                    U::Millisecond => self.moments::<TimestampMillisecondType>(array, 1_000, zone),
                    U::Microsecond => {
                        self.moments::<TimestampMicrosecondType>(array, 1_000_000, zone)
                    }
                    U::Nanosecond => self.moments::<TimestampNanosecondType>(array, NANOS, zone),
                }
            }
            D::Time32(U::Second) => {
                self.numbers::<Time32SecondType>(array, |v| time(i64::from(v), 1))
            }
            D::Time32(_) => {
                self.numbers::<Time32MillisecondType>(array, |v| time(i64::from(v), 1_000))
            }
            D::Time64(U::Microsecond) => {
                self.numbers::<Time64MicrosecondType>(array, |v| time(v, 1_000_000))
            }
            D::Time64(_) => self.numbers::<Time64NanosecondType>(array, |v| time(v, NANOS)),
            // `supported` let no other type through.
            other => Err(self.refuse(format!("a value of type {other}"))),
        }
    }

    fn refuse(&self, what: impl Into<String>) -> IngestError {
        IngestError::Cell { column: self.name.clone(), row: self.rows + 1, what: what.into() }
    }

    fn text(&mut self, text: &str) -> Result<(), IngestError> {
        if text.len() > self.longest {
            return Err(self.refuse(format!("a text longer than {} bytes", self.longest)));
        }
        if self.interner.push(text)
            && let Some(what) = unfit(text)
        {
            return Err(self.refuse(what));
        }
        self.bytes = self.bytes.saturating_add(text.len() as u64 + 1);
        self.rows += 1;
        Ok(())
    }

    /// Takes values of which every one is told by a number; `text` is asked once for each.
    fn told<T: Copy>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        key: impl Fn(T) -> i128,
        text: impl Fn(T) -> Result<String, &'static str>,
    ) -> Result<(), IngestError> {
        for value in values {
            let Some(value) = value else {
                self.text("")?;
                continue;
            };
            match self.known.entry(key(value)) {
                Entry::Occupied(known) => {
                    let (code, length) = *known.get();
                    self.interner.repeat(code);
                    self.bytes = self.bytes.saturating_add(u64::from(length) + 1);
                    self.rows += 1;
                }
                Entry::Vacant(place) => {
                    let written = match text(value) {
                        Ok(written) => written,
                        Err(what) => return Err(self.refuse(what)),
                    };
                    // The code is known once the text is in.
                    let code = self.interner.code(&written);
                    place.insert((code, u32::try_from(written.len()).unwrap_or(u32::MAX)));
                    self.text(&written)?;
                }
            }
        }
        Ok(())
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        text: impl Fn(T::Native) -> Result<String, &'static str>,
    ) -> Result<(), IngestError>
    where
        T::Native: Into<i128>,
    {
        self.told(array.as_primitive::<T>().iter(), Into::into, text)
    }

    fn whole<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef) -> Result<(), IngestError>
    where
        T::Native: Into<i128>,
    {
        self.numbers::<T>(array, |value| Ok(Into::<i128>::into(value).to_string()))
    }

    fn decimal<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        scale: i8,
    ) -> Result<(), IngestError>
    where
        T::Native: Into<i128>,
    {
        self.numbers::<T>(array, |value| {
            render_wide(value.into(), scale).ok_or("a decimal with an impossible scale")
        })
    }

    fn moments<T: ArrowPrimitiveType<Native = i64>>(
        &mut self,
        array: &ArrayRef,
        unit: i64,
        zone: &str,
    ) -> Result<(), IngestError> {
        self.numbers::<T>(array, |value| {
            let (seconds, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
            let day = date(seconds.div_euclid(DAY))?;
            Ok(format!("{day}T{}{zone}", clock(seconds.rem_euclid(DAY), rest, unit)))
        })
    }

    fn float<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        parts: impl Fn(T::Native) -> (f64, String),
    ) -> Result<(), IngestError> {
        let key = |value| i128::from(parts(value).0.to_bits());
        self.told(array.as_primitive::<T>().iter(), key, |value| {
            let (wide, plain) = parts(value);
            float(wide, plain)
        })
    }
}

/// `plain` holds the digits without an exponent.
fn float(value: f64, mut plain: String) -> Result<String, &'static str> {
    if value.is_nan() {
        return Err("not a number (NaN); write it as null if it is missing");
    }
    if value.is_infinite() {
        return Err("an infinite number; write it as null, or as a text in a column of its own");
    }
    if value == 0.0 {
        return Ok("0.0".to_owned());
    }
    match plain.split_once('.') {
        // No cell holds so small or so great a number as a number: it stays short.
        Some((_, fraction)) if fraction.len() > usize::from(crate::schema::MAX_SCALE) => {
            return Ok(format!("{value:e}"));
        }
        None if plain.len() > 19 => return Ok(format!("{value:e}")),
        None => plain.push_str(".0"),
        Some(_) => {}
    }
    Ok(plain)
}

fn date(days: i64) -> Result<String, &'static str> {
    Kind::Date.render(days).ok_or("a date outside the years 1 to 9999")
}

fn time(value: i64, unit: i64) -> Result<String, &'static str> {
    let (seconds, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    if !(0..DAY).contains(&seconds) {
        return Err("a time of day outside 00:00:00 to 23:59:59");
    }
    Ok(clock(seconds, rest, unit))
}

/// Hours, minutes and seconds, and what is left of a second in 1/`unit` without zeros at its end.
fn clock(seconds: i64, rest: i64, unit: i64) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if rest > 0 {
        let digits = format!("{:09}", rest.saturating_mul(NANOS / unit));
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}
