//! What is proven of a dataset, in sentences that a steward and a lawyer can read, and nothing more.
//!
//! Every sentence follows from the claims and the layout, which the ledger holds; no word of it comes
//! from the institution but the names of tables, columns and nothing else. Values of coded columns are
//! in a dictionary that may be private, so their bins are told by the positions of the codes.

use galen_market::layout::{Column, Layout, Table, Values};
use galen_market::listing::{Chart, TableClaims};
use galen_market::terms::Purpose;
use galen_market::wanted::{ColumnWanted, Wanted, Within};

/// Everything that the claims say of a table: k, diversity, ranges and charts.
#[must_use]
pub fn proven(layout: &Layout, table: &Table, claims: &TableClaims) -> Vec<String> {
    let mut all = vec![k_anonymity(table, claims)];
    all.extend(diversity(table, claims));
    all.extend(charts(layout, table, claims).into_iter().map(|chart| chart.sentence));
    all
}

/// The names of the quasi-identifiers.
fn group(table: &Table) -> String {
    let names: Vec<&str> = table
        .quasi_identifiers()
        .into_iter()
        .filter_map(|at| table.columns.get(at as usize))
        .map(|column| column.name.as_str())
        .collect();
    names.join(", ")
}

/// What k says.
#[must_use]
pub fn k_anonymity(table: &Table, claims: &TableClaims) -> String {
    format!(
        "In table {}, every group of rows that agree on {} has at least {} rows. A missing value counts as a value of its own.",
        table.name,
        group(table),
        claims.k
    )
}

/// What each l says.
#[must_use]
pub fn diversity(table: &Table, claims: &TableClaims) -> Vec<String> {
    let each = claims.diversity.iter().filter_map(|claim| {
        let column = table.columns.get(claim.column as usize)?;
        Some(format!(
            "In every group of rows that agree on {} there are at least {} different values of {}; missing values are not counted among them.",
            group(table),
            claim.l,
            column.name
        ))
    });
    each.collect()
}

/// What a standing request wants, each with how a listing shows it: `proven` or `declared`.
#[must_use]
pub fn wanted(wanted: &Wanted) -> Vec<(&'static str, String)> {
    const PROVEN: &str = "proven";
    const DECLARED: &str = "declared";
    let mut all: Vec<_> =
        wanted.diseases.iter().map(|disease| (DECLARED, format!("about {disease}"))).collect();
    let Some(table) = &wanted.table else { return all };
    if table.rows > 0 {
        all.push((PROVEN, format!("a table of at least {} rows", table.rows)));
    }
    if table.k > 0 {
        all.push((PROVEN, format!("k of at least {}", table.k)));
    }
    for ColumnWanted { column, l, within, values } in &table.columns {
        all.push((DECLARED, format!("a {column}")));
        if let Some(l) = l {
            all.push((PROVEN, format!("{column}: at least {l} different values in every group")));
        }
        if let Some(values) = values {
            all.push((PROVEN, format!("{column}: at least {values} values")));
        }
        match *within {
            Some(Within::Numbers { scale, low, high }) => {
                let [low, high] = [low, high].map(|value| decimal(value, scale.into()));
                all.push((PROVEN, format!("{column}: all values from {low} to {high}")));
            }
            Some(Within::Days { low, high }) => {
                let [low, high] = [low, high]
                    .map(|day| galen_market::date::render(day).unwrap_or_else(|| day.to_string()));
                all.push((PROVEN, format!("{column}: all days from {low} to {high}")));
            }
            None => {}
        }
    }
    all
}

/// A purpose with everything that is declared and undertaken.
#[must_use]
pub fn purpose(purpose: &Purpose) -> String {
    let mut words = vec![purpose.kind.to_string()];
    words.extend(purpose.diseases.iter().map(ToString::to_string));
    let facts = [
        (purpose.commercial, "commercial"),
        (purpose.methods, "development of methods"),
        (purpose.genetic, "genetic"),
    ];
    words.extend(facts.iter().filter(|fact| fact.0).map(|fact| fact.1.to_owned()));
    if !purpose.project.as_str().is_empty() {
        words.push(format!("project “{}”", purpose.project));
    }
    let promised = &purpose.undertakings;
    let promises = [
        (promised.publication, "to publish results"),
        (promised.collaboration, "to collaborate"),
        (promised.return_of_results, "to return derived data"),
        (promised.no_reidentification, "to identify nobody"),
    ];
    words.extend(promises.iter().filter(|one| one.0).map(|one| format!("undertakes {}", one.1)));
    if let Some(day) = promised.moratorium {
        words.push(format!("undertakes to publish nothing before {day}"));
    }
    words.join(", ")
}

/// A chart as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartWords {
    /// The column's name.
    pub column: String,
    /// What is proven of it.
    pub sentence: String,
    /// Each bin in words, with its rows.
    pub bins: Vec<(String, u64)>,
    /// Rows without a value.
    pub missing: u64,
    /// The mean in the column's unit; nothing for codes, or without any value.
    pub mean: Option<String>,
}

/// The charts of a table.
#[must_use]
pub fn charts(layout: &Layout, table: &Table, claims: &TableClaims) -> Vec<ChartWords> {
    let each = claims.charts.iter().filter_map(|chart| {
        let column = table.columns.get(chart.column as usize)?;
        Some(words_of(layout, column, chart))
    });
    each.collect()
}

fn words_of(layout: &Layout, column: &Column, chart: &Chart) -> ChartWords {
    let (low, high) = match &column.values {
        Values::Number { range, .. } | Values::Date { range } => (range.low, range.high),
        Values::Code { dictionary } => {
            let entries =
                layout.dictionaries().get(*dictionary as usize).map_or(0, |d| d.entries());
            (0, i64::try_from(entries).unwrap_or(i64::MAX).saturating_sub(1))
        }
    };
    let bounds = match &column.values {
        Values::Code { .. } => "one of the codes of its list".to_owned(),
        _ => format!("from {} to {}", value(column, low), value(column, high)),
    };
    let starts = [low].into_iter().chain(column.edges.iter().copied());
    let ends = column.edges.iter().map(|edge| edge.saturating_sub(1)).chain([high]);
    let bins = starts.zip(ends).zip(chart.totals.bins).map(|((from, to), rows)| {
        let text = match &column.values {
            Values::Code { .. } if from == to => format!("code {}", from.saturating_add(1)),
            Values::Code { .. } => {
                format!("codes {} to {}", from.saturating_add(1), to.saturating_add(1))
            }
            _ if from == to => value(column, from),
            _ => format!("{} to {}", value(column, from), value(column, to)),
        };
        (text, rows)
    });
    ChartWords {
        column: column.name.clone(),
        sentence: format!(
            "Every value of {} is missing or {bounds}; {} are present and {} missing, and the counts shown for it are those of all rows.",
            column.name, chart.totals.count, chart.totals.missing
        ),
        bins: bins.collect(),
        missing: chart.totals.missing,
        mean: mean(column, chart),
    }
}

/// The mean of the values that are present, to one more digit than they have.
fn mean(column: &Column, chart: &Chart) -> Option<String> {
    let count = i128::from(chart.totals.count);
    let (scale, offset) = match &column.values {
        Values::Number { scale, range } => (u32::from(*scale), range.offset),
        Values::Date { range } => (0, range.offset),
        Values::Code { .. } => return None,
    };
    // A cell is the value less the offset, plus one.
    let shift = i128::from(offset).checked_sub(1)?.checked_mul(count)?;
    let sum = i128::try_from(chart.totals.sum).ok()?.checked_add(shift)?;
    if let Values::Date { .. } = column.values {
        return day(i64::try_from(sum.checked_div(count)?).ok()?);
    }
    let tenfold = sum.checked_mul(10)?.checked_div(count)?;
    Some(decimal(i64::try_from(tenfold).ok()?, scale.saturating_add(1)))
}

/// A value of a column of numbers or days.
#[must_use]
pub fn value(column: &Column, value: i64) -> String {
    match &column.values {
        Values::Number { scale, .. } => decimal(value, u32::from(*scale)),
        Values::Date { .. } => day(value).unwrap_or_else(|| value.to_string()),
        Values::Code { .. } => value.to_string(),
    }
}

/// An amount in minor units, with the decimal digits of its currency.
#[must_use]
pub fn amount(units: u64, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    if decimals == 0 {
        return units.to_string();
    }
    let digits = format!("{units:0>width$}", width = decimals.saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(decimals));
    format!("{whole}.{part}")
}

/// A number scaled by a power of ten.
#[must_use]
pub fn decimal(value: i64, scale: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let width = (scale as usize).saturating_add(1);
    let digits = format!("{digits:0>width$}");
    let (whole, part) = digits.split_at(digits.len().saturating_sub(scale as usize));
    format!("{sign}{whole}.{part}")
}

/// A day since 1970-01-01 as a date of the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms").
pub(crate) fn day(days: i64) -> Option<String> {
    let z = days.checked_add(719_468)?;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe.checked_add(era.checked_mul(400)?)?.checked_add(i64::from(month <= 2))?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_market::codec::Bounded;
    use galen_market::layout::{BlockRows, Dictionary, Range, Role, Width};
    use galen_market::listing::{ChartForm, Diversity};
    use galen_zk::bundle::Order;
    use galen_zk::field::Scalar;
    use galen_zk::summary::Summary;

    use super::*;

    fn column(name: &str, role: Role, values: Values, edges: Vec<i64>) -> Column {
        Column { name: name.to_owned(), width: Width::W2, role, values, edges }
    }

    #[test]
    fn amounts_have_their_decimals() {
        assert_eq!(amount(12_345, 2), "123.45");
        assert_eq!(amount(5, 2), "0.05");
        assert_eq!(amount(7, 0), "7");
        assert_eq!(amount(u64::MAX, 2), "184467440737095516.15");
        assert_eq!(decimal(-5, 1), "-0.5");
    }

    #[test]
    fn sentences_say_what_the_claims_say() {
        let range = Range { offset: 0, low: 0, high: 600 };
        let table = Table {
            name: "ward".to_owned(),
            first: 0,
            columns: vec![
                column("age", Role::QuasiIdentifier, Values::Code { dictionary: 0 }, vec![1]),
                column(
                    "glucose",
                    Role::Sensitive,
                    Values::Number { scale: 1, range },
                    vec![50, 51],
                ),
            ],
            active: vec![300],
        };
        let dictionary = Dictionary::Public { entries: ["a", "b", "c"].map(String::from).to_vec() };
        let layout =
            Layout::new(BlockRows::Small, vec![table.clone()], vec![dictionary], vec![]).unwrap();
        let mut bins = [0; 32];
        bins[..3].copy_from_slice(&[100, 150, 40]);
        let totals = Summary { count: 290, missing: 10, sum: 290 * 56, bins, ..Summary::default() };
        let blinders = [Scalar::from(0u64); 3];
        let chart = |column, totals| Chart { column, form: ChartForm::Small, totals, blinders };
        let mut codes = Summary { count: 300, ..Summary::default() };
        codes.bins[..2].copy_from_slice(&[120, 180]);
        let claims = TableClaims {
            k: 11,
            diversity: Bounded::new(vec![Diversity { column: 1, l: 3, order: Order::Tail }])
                .unwrap(),
            charts: Bounded::new(vec![chart(0, codes), chart(1, totals)]).unwrap(),
        };
        let said = proven(&layout, &table, &claims);
        assert_eq!(said.len(), 4);
        assert!(said[0].contains("agree on age has at least 11 rows"), "{}", said[0]);
        assert!(said[1].contains("at least 3 different values of glucose"), "{}", said[1]);
        assert!(
            said[3].contains("missing or from 0.0 to 60.0; 290 are present and 10"),
            "{}",
            said[3]
        );
        let charts = charts(&layout, &table, &claims);
        assert_eq!(charts[0].bins, [("code 1".to_owned(), 120), ("codes 2 to 3".to_owned(), 180)]);
        assert_eq!(charts[0].mean, None);
        let bins: Vec<&str> = charts[1].bins.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(bins, ["0.0 to 4.9", "5.0", "5.1 to 60.0"]);
        assert_eq!(charts[1].mean.as_deref(), Some("5.50"));
        assert_eq!(day(19_782).as_deref(), Some("2024-02-29"));
    }
}
