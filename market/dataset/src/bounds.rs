//! Declared bounds of columns: given in the column's own text form, or rounded outward so that they do
//! not tell the observed extremes. Depends on `schema` and the Layout.

use galen_market::layout::{FIRST_DAY, LAST_DAY, Range};

use crate::schema::Kind;

/// Largest distance from zero of a bound, in units of the scale.
const MAX_BOUND: i64 = crate::schema::MAX_MAGNITUDE;
/// First and last day that a date can be, 0001-01-01 and 9999-12-31, since 1970-01-01.
const DAYS: (i64, i64) = (FIRST_DAY, LAST_DAY);

/// A declared bound in the column's units; its text need not be in the column's exact style
/// (`120` is a bound of a column with two decimals).
pub(crate) fn bound(kind: &Kind, text: &str) -> Option<i64> {
    let value = match kind {
        Kind::Decimal { scale, .. } => {
            i64::try_from(crate::schema::scaled_wide(text, *scale)?).ok()?
        }
        Kind::Integer | Kind::Date | Kind::Text => kind.parse(text)?,
    };
    (-MAX_BOUND..=MAX_BOUND).contains(&value).then_some(value)
}

/// Bounds for a column whose institution declares none, coarse enough to say only an order of
/// magnitude: numbers go from 0, or from the next −1, −2 or −5 times a power of ten if some are
/// negative, up to the next 1, 2 or 5 times a power of ten; days cover whole centuries. A column
/// without any value gets 0 to 1.
pub fn declared_range(kind: &Kind, values: impl Iterator<Item = i64>) -> Range {
    if matches!(kind, Kind::Date) {
        return declared_days(values, 2);
    }
    let (low, high) = extremes(values).unwrap_or((0, 1));
    let low = if low < 0 { -round_up(low.unsigned_abs()) } else { 0 };
    Range { offset: low, low, high: if high > 0 { round_up(high.unsigned_abs()) } else { 0 } }
}

fn extremes(values: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    values.fold(None, |found: Option<(i64, i64)>, v| {
        Some(found.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
    })
}

/// Whole centuries around days, or decades: years that share so many leading digits.
pub(crate) fn declared_days(values: impl Iterator<Item = i64>, digits: usize) -> Range {
    let (low, high) = extremes(values).unwrap_or((0, 1));
    let low = year_edge(low, digits, false).max(DAYS.0);
    Range { offset: low, low, high: year_edge(high, digits, true).min(DAYS.1) }
}

/// The least of 1, 2, 5, 10, 20, 50, … that is not below `value`, at most 2^62.
fn round_up(value: u64) -> i64 {
    let mut unit = 1i64;
    loop {
        for step in [1, 2, 5] {
            match unit.checked_mul(step) {
                Some(bound) if bound.unsigned_abs() >= value => return bound.min(MAX_BOUND),
                Some(_) => {}
                None => return MAX_BOUND,
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return MAX_BOUND,
        }
    }
}

/// The first or last day of the years (1900 to 1999 for two digits, 1990 to 1999 for three) that a day
/// lies in.
fn year_edge(day: i64, digits: usize, last: bool) -> i64 {
    let text = Kind::Date.render(day).unwrap_or_default();
    let digits = text.get(..digits).unwrap_or("00");
    let edge = if last { format!("{digits:9<4}-12-31") } else { format!("{digits:0<4}-01-01") };
    // There is no year 0.
    Kind::Date.parse(&edge.replace("0000", "0001")).unwrap_or(day)
}
