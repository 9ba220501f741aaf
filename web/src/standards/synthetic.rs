//! A sample that nobody is in: every value is drawn for itself from the proven chart of its column, so
//! that nothing about a row, or about two columns together, is in it. The same for everybody: what is
//! drawn follows from the package, the table, the column and the row alone.

use galen_market::id::PackageId;
use galen_market::layout::{Column, Dictionary, Layout, Table, Values};
use galen_market::listing::{Chart, TableClaims};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Most rows of a sample.
pub(crate) const MAX_ROWS: u64 = 1_000;

/// A column that can be drawn from.
pub(crate) struct Source<'a> {
    pub at: u32,
    pub column: &'a Column,
    chart: &'a Chart,
    entries: Option<&'a [String]>,
}

/// The columns with a chart, in order.
pub(crate) fn sources<'a>(
    layout: &'a Layout,
    table: &'a Table,
    claims: &'a TableClaims,
) -> Vec<Source<'a>> {
    let charted = claims.charts.iter().filter_map(|chart| {
        let column = table.columns.get(chart.column as usize)?;
        Some(Source { at: chart.column, column, chart, entries: entries(layout, column) })
    });
    charted.collect()
}

/// The words of a coded column, if everybody may read them.
pub(crate) fn entries<'a>(layout: &'a Layout, column: &Column) -> Option<&'a [String]> {
    let Values::Code { dictionary } = column.values else { return None };
    match layout.dictionaries().get(dictionary as usize)? {
        Dictionary::Public { entries } => Some(entries),
        Dictionary::Private { .. } => None,
    }
}

/// First and last value of every bin of a column's chart.
pub(crate) fn bins(layout: &Layout, column: &Column) -> Vec<(i64, i64)> {
    let (low, high) = match &column.values {
        Values::Number { range, .. } | Values::Date { range } => (range.low, range.high),
        Values::Code { dictionary } => {
            let entries =
                layout.dictionaries().get(*dictionary as usize).map_or(0, Dictionary::entries);
            (0, i64::try_from(entries).unwrap_or(i64::MAX).saturating_sub(1))
        }
    };
    let starts = std::iter::once(low).chain(column.edges.iter().copied());
    let ends = column.edges.iter().map(|edge| edge.saturating_sub(1)).chain([high]);
    starts.zip(ends).collect()
}

/// What a code is called.
pub(crate) fn code(entries: Option<&[String]>, value: i64) -> String {
    let known = usize::try_from(value).ok().and_then(|at| entries?.get(at).cloned());
    known.unwrap_or_else(|| format!("code {}", value.saturating_add(1)))
}

/// A number below `end`, evenly: of 128 hashed bits, so that no remainder shows.
fn below(bits: u128, end: u64) -> u64 {
    u64::try_from(bits % u128::from(end.max(1))).unwrap_or_default()
}

impl Source<'_> {
    /// The value of a row; nothing where it is missing.
    pub fn draw(&self, layout: &Layout, package: &PackageId, table: u32, row: u64) -> Value {
        let mut hash = Sha256::new();
        hash.update(b"galen/synthetic-sample/1");
        hash.update(package.0);
        for number in [u64::from(table), u64::from(self.at), row] {
            hash.update(number.to_be_bytes());
        }
        let [first, second] = halves(hash.finalize().into());
        let totals = &self.chart.totals;
        let all = totals.count.saturating_add(totals.missing);
        let mut place = below(first, all);
        let bins = bins(layout, self.column);
        for ((low, high), rows) in bins.into_iter().zip(totals.bins) {
            if place < rows {
                let width = i128::from(high) - i128::from(low) + 1;
                let width = u64::try_from(width).unwrap_or(1);
                let step = i64::try_from(below(second, width)).unwrap_or_default();
                return self.shown(low.saturating_add(step));
            }
            place = place.saturating_sub(rows);
        }
        Value::Null
    }

    fn shown(&self, value: i64) -> Value {
        match &self.column.values {
            Values::Number { scale: 0, .. } => json!(value),
            Values::Number { .. } => {
                let text = galen_api::words::value(self.column, value);
                text.parse::<f64>().map_or(Value::String(text), |number| json!(number))
            }
            Values::Date { .. } => Value::String(galen_api::words::value(self.column, value)),
            Values::Code { .. } => Value::String(code(self.entries, value)),
        }
    }
}

fn halves(hash: [u8; 32]) -> [u128; 2] {
    let mut halves = [0u128; 2];
    for (half, bytes) in halves.iter_mut().zip(hash.chunks_exact(16)) {
        *half = bytes.iter().fold(0, |number, byte| (number << 8) | u128::from(*byte));
    }
    halves
}

/// Rows of a table's sample.
pub(crate) fn rows(table: &Table) -> u64 {
    table.rows().min(MAX_ROWS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use galen_market::codec::Bounded;
    use galen_market::layout::{BlockRows, Range, Role, Width};
    use galen_market::listing::ChartForm;
    use galen_zk::field::Scalar;
    use galen_zk::summary::Summary;

    use super::*;

    #[test]
    fn a_sample_follows_its_charts_and_nothing_else() {
        let range = Range { offset: 0, low: 0, high: 99 };
        let column = |name: &str, values, edges| Column {
            name: name.to_owned(),
            width: Width::W1,
            role: Role::QuasiIdentifier,
            values,
            edges,
        };
        let table = Table {
            name: "ward".to_owned(),
            first: 0,
            columns: vec![
                column("age", Values::Number { scale: 1, range }, vec![10]),
                column("sex", Values::Code { dictionary: 0 }, vec![1]),
            ],
            active: vec![200],
        };
        let dictionary = Dictionary::Public { entries: ["f", "m"].map(String::from).to_vec() };
        let layout =
            Layout::new(BlockRows::Small, vec![table.clone()], vec![dictionary], vec![]).unwrap();
        let chart = |column, missing, bins: [u64; 2]| {
            let mut totals = Summary { count: bins[0] + bins[1], missing, ..Summary::default() };
            totals.bins[..2].copy_from_slice(&bins);
            let blinders = [Scalar::from(0u64); 3];
            Chart { column, form: ChartForm::Small, totals, blinders }
        };
        let claims = TableClaims {
            charts: Bounded::new(vec![chart(0, 20, [180, 0]), chart(1, 0, [50, 150])]).unwrap(),
            ..TableClaims::of_k(5)
        };
        let sources = sources(&layout, &table, &claims);
        let draw = |source: &Source<'_>, id: u8| -> Vec<Value> {
            (0..1000).map(|row| source.draw(&layout, &PackageId([id; 32]), 0, row)).collect()
        };
        let ages = draw(&sources[0], 1);
        assert_eq!(ages, draw(&sources[0], 1), "the same for everybody");
        assert_ne!(ages, draw(&sources[0], 2));
        let missing = ages.iter().filter(|age| age.is_null()).count();
        assert!((60..150).contains(&missing), "a tenth is missing: {missing}");
        assert!(ages.iter().filter_map(Value::as_f64).all(|age| (0.0..1.0).contains(&age)));
        let men = draw(&sources[1], 1).iter().filter(|sex| **sex == json!("m")).count();
        assert!((680..820).contains(&men), "three quarters: {men}");
    }
}
