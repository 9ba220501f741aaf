//! Statistics of columns in the shape of a dataset viewer, from what was proven of all rows and from
//! nothing else. Least and greatest values are not proven, so they are not said.

use galen_market::layout::{Column, Layout, Table, Values};
use galen_market::listing::{Chart, TableClaims};
use serde_json::{Map, Value, json};

use super::synthetic;

/// Statistics of every column with a chart.
pub(crate) fn of(layout: &Layout, table: &Table, claims: &TableClaims) -> Vec<Value> {
    let charted = claims.charts.iter().filter_map(|chart| {
        let column = table.columns.get(chart.column as usize)?;
        let (kind, statistics) = match &column.values {
            Values::Number { scale: 0, .. } => ("int", number(layout, column, chart)),
            Values::Number { .. } => ("float", number(layout, column, chart)),
            Values::Date { .. } => ("datetime", date(layout, column, chart)),
            Values::Code { .. } => ("string_label", label(layout, column, chart)),
        };
        Some(json!({
            "column_name": column.name,
            "column_type": kind,
            "column_statistics": statistics,
        }))
    });
    charted.collect()
}

/// Share of a whole, to five digits.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1e5).round() / 1e5 }
}

fn missing(chart: &Chart) -> Map<String, Value> {
    let totals = &chart.totals;
    let all = totals.count.saturating_add(totals.missing);
    let mut found = Map::new();
    found.insert("nan_count".to_owned(), json!(totals.missing));
    found.insert("nan_proportion".to_owned(), json!(share(totals.missing, all)));
    found
}

/// Where each bin begins, and where the last one ends, in the column's unit.
fn edges(layout: &Layout, column: &Column, shown: impl Fn(i64) -> Value) -> Vec<Value> {
    let bins = synthetic::bins(layout, column);
    let last = bins.last().map(|(_, high)| *high);
    bins.iter().map(|(low, _)| *low).chain(last).map(shown).collect()
}

fn histogram(
    layout: &Layout,
    column: &Column,
    chart: &Chart,
    shown: impl Fn(i64) -> Value,
) -> Value {
    let bins = synthetic::bins(layout, column).len();
    json!({
        "hist": chart.totals.bins.iter().take(bins).collect::<Vec<_>>(),
        "bin_edges": edges(layout, column, shown),
    })
}

/// Mean and standard deviation of the values, in units of the last digit.
fn moments(chart: &Chart, offset: i64) -> Option<(f64, Option<f64>)> {
    let totals = &chart.totals;
    if totals.count == 0 {
        return None;
    }
    let count = totals.count as f64;
    // A cell is the value less the offset, plus one.
    let cells = totals.sum as f64 / count;
    let mean = cells + offset as f64 - 1.0;
    let deviation = spread(totals.count, totals.sum, totals.sum_squares);
    Some((mean, deviation))
}

/// Standard deviation of a sample out of exact sums.
fn spread(count: u64, sum: u128, squares: u128) -> Option<f64> {
    let less = count.checked_sub(1).filter(|less| *less > 0)?;
    let (count, less) = (u128::from(count), u128::from(less));
    // n·Σx² − (Σx)² is exact as long as it fits.
    let exact = count.checked_mul(squares)?.checked_sub(sum.checked_mul(sum)?)?;
    Some((exact as f64 / count as f64 / less as f64).sqrt())
}

fn number(layout: &Layout, column: &Column, chart: &Chart) -> Value {
    let Values::Number { scale, range } = &column.values else { return Value::Null };
    let unit = 10f64.powi(i32::from(*scale));
    let scaled = |value: i64| if *scale == 0 { json!(value) } else { json!(value as f64 / unit) };
    let mut found = missing(chart);
    let (mean, deviation) = moments(chart, range.offset).unzip();
    found.insert("min".to_owned(), Value::Null);
    found.insert("max".to_owned(), Value::Null);
    found.insert("mean".to_owned(), json!(mean.map(|mean| mean / unit)));
    found.insert("median".to_owned(), Value::Null);
    found.insert("std".to_owned(), json!(deviation.flatten().map(|std| std / unit)));
    found.insert("histogram".to_owned(), histogram(layout, column, chart, scaled));
    found.insert("bounds".to_owned(), json!([scaled(range.low), scaled(range.high)]));
    Value::Object(found)
}

fn date(layout: &Layout, column: &Column, chart: &Chart) -> Value {
    let Values::Date { range } = &column.values else { return Value::Null };
    let day = |value: i64| json!(galen_api::words::value(column, value));
    let mut found = missing(chart);
    let (mean, deviation) = moments(chart, range.offset).unzip();
    found.insert("min".to_owned(), Value::Null);
    found.insert("max".to_owned(), Value::Null);
    found.insert("mean".to_owned(), mean.map_or(Value::Null, |mean| day(mean.floor() as i64)));
    found.insert("median".to_owned(), Value::Null);
    let days = deviation.flatten().map(|std| format!("{std:.1} days"));
    found.insert("std".to_owned(), json!(days));
    found.insert("histogram".to_owned(), histogram(layout, column, chart, day));
    found.insert("bounds".to_owned(), json!([day(range.low), day(range.high)]));
    Value::Object(found)
}

fn label(layout: &Layout, column: &Column, chart: &Chart) -> Value {
    let entries = synthetic::entries(layout, column);
    let name = |(low, high): (i64, i64)| {
        let first = synthetic::code(entries, low);
        if low == high { first } else { format!("{first} … {}", synthetic::code(entries, high)) }
    };
    let bins = synthetic::bins(layout, column);
    let codes = bins.last().map_or(0, |(_, high)| high.saturating_add(1));
    let rows = bins.into_iter().map(name).zip(chart.totals.bins);
    let frequencies: Map<String, Value> = rows.map(|(name, rows)| (name, json!(rows))).collect();
    let mut found = missing(chart);
    found.insert("no_label_count".to_owned(), json!(0));
    found.insert("no_label_proportion".to_owned(), json!(0.0));
    found.insert("n_unique".to_owned(), json!(codes));
    found.insert("frequencies".to_owned(), Value::Object(frequencies));
    Value::Object(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // 2, 4, 4, 4, 5, 5, 7, 9
        let deviation = spread(8, 40, 232).unwrap_or_default();
        assert!((deviation - 2.138_089_935).abs() < 1e-6, "{deviation}");
        assert_eq!(spread(1, 4, 16), None);
        assert_eq!(spread(2, u128::MAX, u128::MAX), None, "too large to be exact");
        assert!((share(1, 3) - 0.333_33).abs() < 1e-9 && share(1, 0) == 0.0);
    }
}
