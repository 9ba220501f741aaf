//! Generalisation hierarchies: how a value becomes coarser, level by level.
//!
//! Level 0 is the value itself; each level joins groups of the one below and never splits one, so
//! that a class only grows from level to level. Loss is the normalised certainty penalty (Xu et
//! al., "Utility-based anonymization using local recoding", KDD 2006): for numbers and dates the
//! share of the column's range that a group covers, for categories (leaves − 1) / (all leaves − 1);
//! 0 for the value itself, 1 for `*`. A missing cell is a value of its own until `*`.
//! May depend on `schema` and `ingest`.

use crate::ingest::{CsvReader, IngestError, Options, Record};
use crate::schema::{Column, DecimalStyle, Kind, decimal_shape, render_decimal, scaled_wide};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use thiserror::Error;

/// What every value becomes at the top.
pub const ANY: &str = "*";
const MAX_LEVELS: usize = 64;

/// How to build the hierarchy of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Intervals `[a, b)` of a width that doubles from level to level. Numbers are written as
    /// decimals in the column's own unit.
    Intervals {
        /// Width at level 1.
        width: String,
        /// Where one interval begins; 0 if not given.
        #[serde(default)]
        origin: Option<String>,
        /// Values below this become `<bottom`, at every level, 0 included.
        #[serde(default)]
        bottom: Option<String>,
        /// Values from this on become `top+`, at every level, 0 included (ages: 90).
        #[serde(default)]
        top: Option<String>,
    },
    /// Day, month, year, decade, `*`.
    Dates,
    /// The value itself, then `*`.
    Suppress,
    /// Rows `value;level1;…;*` as ARX writes them; see [`read_rows`].
    Rows(Vec<Vec<String>>),
}

/// Why a hierarchy could not be built.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum HierarchyError {
    #[error(
        "column `{column}`: `{value}` is not a plain decimal number, so intervals cannot be made; use a hierarchy file or suppression"
    )]
    NotANumber { column: String, value: String },
    #[error(
        "column `{column}` does not hold ISO dates (2024-02-29), so months and years cannot be made"
    )]
    NotADate { column: String },
    #[error(
        "column `{column}`: `{value}` cannot be the {what} of intervals; give a plain decimal number, above zero for a width, bottom below top"
    )]
    Bound { column: String, what: &'static str, value: String },
    #[error("column `{column}`: the numbers are too large or too fine for intervals")]
    TooLarge { column: String },
    #[error(
        "column `{column}`: the hierarchy has no row for {count} values of the data, such as {examples}"
    )]
    Uncovered { column: String, count: usize, examples: String },
    #[error("hierarchy file: {0}")]
    File(#[from] IngestError),
    #[error(
        "hierarchy file, line {line}: {found} fields, but the first line has {expected}; every value needs the same number of levels"
    )]
    Depth { line: usize, expected: usize, found: usize },
    #[error("hierarchy file, line {line}: the value `{value}` has a line already")]
    Twice { line: usize, value: String },
    #[error(
        "hierarchy file, line {line}: `{label}` at level {level} belongs to `{one}` on an earlier line and to `{other}` here; a group must stay together"
    )]
    Nesting { line: usize, level: usize, label: String, one: String, other: String },
    #[error("a hierarchy needs at least one row, and at most 64 levels")]
    Shape,
}

/// One level: which group each dictionary entry falls in.
#[derive(Clone, Debug)]
pub struct Level {
    /// The text of each group.
    pub labels: Vec<String>,
    /// The group of each dictionary entry of the column.
    pub group: Vec<u32>,
    /// Loss of a cell in each group, 0..=1.
    pub loss: Vec<f64>,
}

/// The levels of one column, finest first. Never empty.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    /// The levels.
    pub levels: Vec<Level>,
}

impl Hierarchy {
    /// Builds the hierarchy of a column.
    ///
    /// # Errors
    /// The specification does not fit the column.
    pub fn build(column: &Column, spec: &Spec) -> Result<Hierarchy, HierarchyError> {
        let drafts = match spec {
            Spec::Suppress => vec![values(column, None)?],
            Spec::Dates => dates(column)?,
            Spec::Intervals { width, origin, bottom, top } => {
                let text = |o: &Option<String>| o.clone();
                intervals(column, width, text(origin), text(bottom), text(top))?
            }
            Spec::Rows(rows) => from_rows(column, rows)?,
        };
        let closed = matches!(spec, Spec::Rows(_));
        let mut levels: Vec<Level> = drafts.into_iter().map(level).collect();
        if !closed {
            levels.push(Level {
                labels: vec![ANY.to_owned()],
                group: vec![0; column.dictionary.len()],
                loss: vec![1.0],
            });
        }
        Ok(Hierarchy { levels })
    }

    /// A specification that suits the column when none was given: dates by the calendar, ages
    /// (by name) in fives and 90+, other numbers in about 32 round steps, unless their name says
    /// that they only name things (`site`), and suppression for the rest.
    pub fn propose(column: &Column) -> Spec {
        match column.kind {
            Kind::Date => Spec::Dates,
            _ if crate::inspect::is_nominal(&column.name) => Spec::Suppress,
            Kind::Integer | Kind::Decimal { .. } if column.distinct() > 2 => {
                if crate::inspect::is_age(&column.name) {
                    return Spec::Intervals {
                        width: "5".into(),
                        origin: None,
                        bottom: None,
                        top: Some("90".into()),
                    };
                }
                let numbers: Vec<i64> =
                    column.numbers().unwrap_or_default().into_iter().flatten().collect();
                let (min, max) = (
                    numbers.iter().min().copied().unwrap_or(0),
                    numbers.iter().max().copied().unwrap_or(0),
                );
                let (scale, unit) = match column.kind {
                    Kind::Decimal { scale, .. } => (scale, 1i64),
                    _ => (0, 2),
                };
                let target = (max.saturating_sub(min) / 32).max(unit);
                let mut ten = 1i64;
                let step = loop {
                    let round = [1, 2, 5].map(|f| ten.saturating_mul(f));
                    if let Some(step) = round.into_iter().find(|s| *s >= target) {
                        break step;
                    }
                    ten = ten.saturating_mul(10);
                };
                let width = render_decimal(i128::from(step), scale, DecimalStyle::Trimmed);
                match width {
                    Some(width) => Spec::Intervals { width, origin: None, bottom: None, top: None },
                    None => Spec::Suppress,
                }
            }
            _ => Spec::Suppress,
        }
    }
}

/// One level in the making: label and loss of each dictionary entry.
type Draft = Vec<(String, f64)>;

fn level(draft: Draft) -> Level {
    let mut known: HashMap<String, u32> = HashMap::new();
    let (mut labels, mut loss, mut group) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0u32;
    for (label, cost) in draft {
        let id = *known.entry(label).or_insert_with_key(|label| {
            labels.push(label.clone());
            loss.push(cost);
            next += 1;
            next - 1
        });
        group.push(id);
    }
    Level { labels, group, loss }
}

/// Level 0, with ends coded if there are any.
fn values(column: &Column, ends: Option<&Ends>) -> Result<Draft, HierarchyError> {
    let coded = |text: &String, value: Option<i128>| {
        match (ends, value) {
            (Some(ends), Some(v)) => ends.code(v),
            _ => None,
        }
        .unwrap_or_else(|| (text.clone(), 0.0))
    };
    Ok(match ends {
        Some(ends) => {
            column.dictionary.iter().zip(&ends.numbers).map(|(t, v)| coded(t, *v)).collect()
        }
        None => column.dictionary.iter().map(|t| coded(t, None)).collect(),
    })
}

/// The numbers of a column at one scale, with its coded ends.
struct Ends {
    numbers: Vec<Option<i128>>,
    scale: u8,
    min: i128,
    max: i128,
    bottom: Option<i128>,
    top: Option<i128>,
}

impl Ends {
    fn text(&self, value: i128) -> String {
        render_decimal(value, self.scale, DecimalStyle::Trimmed).unwrap_or_default()
    }

    fn share(&self, from: i128, to: i128) -> f64 {
        let range = self.max.saturating_sub(self.min);
        let part = to.min(self.max).saturating_sub(from.max(self.min));
        if range <= 0 { 1.0 } else { (part as f64 / range as f64).clamp(0.0, 1.0) }
    }

    fn code(&self, value: i128) -> Option<(String, f64)> {
        if let Some(top) = self.top.filter(|t| value >= *t) {
            return Some((format!("{}+", self.text(top)), self.share(top, self.max)));
        }
        let bottom = self.bottom.filter(|b| value < *b)?;
        Some((format!("<{}", self.text(bottom)), self.share(self.min, bottom)))
    }
}

fn intervals(
    column: &Column,
    width: &str,
    origin: Option<String>,
    bottom: Option<String>,
    top: Option<String>,
) -> Result<Vec<Draft>, HierarchyError> {
    let name = || column.name.clone();
    let not_number = |v: &str| HierarchyError::NotANumber { column: name(), value: v.to_owned() };
    let mut scale = 0usize;
    for text in column.dictionary.iter().filter(|t| !t.is_empty()) {
        scale = scale.max(decimal_shape(text).ok_or_else(|| not_number(text))?.2.len());
    }
    let settings = [Some(width), origin.as_deref(), bottom.as_deref(), top.as_deref()];
    for text in settings.into_iter().flatten() {
        scale = scale.max(decimal_shape(text).map_or(0, |(_, _, f)| f.len()));
    }
    let too_large = || HierarchyError::TooLarge { column: name() };
    let scale = u8::try_from(scale).ok().filter(|s| *s <= 18).ok_or_else(too_large)?;
    // Far from the ends of i128, so that sums and doublings below cannot overflow unseen.
    let small = |v: i128| v.abs() < 1 << 120;
    let bound = |what: &'static str, text: Option<&str>| -> Result<Option<i128>, HierarchyError> {
        let Some(text) = text else { return Ok(None) };
        match scaled_wide(text, scale).filter(|v| small(*v)) {
            Some(v) => Ok(Some(v)),
            None => Err(HierarchyError::Bound { column: name(), what, value: text.to_owned() }),
        }
    };
    let wrong =
        |what, value: &str| HierarchyError::Bound { column: name(), what, value: value.to_owned() };
    let step =
        bound("width", Some(width))?.filter(|w| *w > 0).ok_or_else(|| wrong("width", width))?;
    let origin = bound("origin", origin.as_deref())?.unwrap_or(0);
    let (low, high) = (bound("bottom", bottom.as_deref())?, bound("top", top.as_deref())?);
    if let (Some(b), Some(t)) = (low, high)
        && b >= t
    {
        return Err(wrong("bottom", bottom.as_deref().unwrap_or_default()));
    }
    let mut numbers = Vec::with_capacity(column.dictionary.len());
    for text in &column.dictionary {
        let number = if text.is_empty() {
            None
        } else {
            Some(scaled_wide(text, scale).filter(|v| small(*v)).ok_or_else(too_large)?)
        };
        numbers.push(number);
    }
    let present = || numbers.iter().flatten().copied();
    let (min, max) = (present().min().unwrap_or(0), present().max().unwrap_or(0));
    let ends = Ends { scale, min, max, bottom: low, top: high, numbers };
    let mut drafts = vec![values(column, Some(&ends))?];
    let mut width = step;
    for _ in 1..MAX_LEVELS {
        let mut groups = std::collections::BTreeSet::new();
        let mut draft = Draft::with_capacity(ends.numbers.len());
        for value in &ends.numbers {
            let Some(v) = *value else {
                draft.push((String::new(), 0.0));
                continue;
            };
            if let Some(coded) = ends.code(v) {
                draft.push(coded);
                continue;
            }
            let index = (v - origin).div_euclid(width);
            groups.insert(index);
            let from = index.checked_mul(width).and_then(|x| x.checked_add(origin));
            let to = from.and_then(|f| f.checked_add(width));
            let (Some(from), Some(to)) = (from, to) else { return Err(too_large()) };
            let from = ends.bottom.map_or(from, |b| from.max(b));
            let to = ends.top.map_or(to, |t| to.min(t));
            let label = format!("[{}, {})", ends.text(from), ends.text(to));
            draft.push((label, ends.share(from, to)));
        }
        // One interval for all is what `*` says.
        if groups.len() <= 1 && level(draft.clone()).labels.len() <= 1 {
            break;
        }
        drafts.push(draft);
        if groups.len() <= 1 {
            break;
        }
        width = width.checked_mul(2).ok_or_else(too_large)?;
    }
    Ok(drafts)
}

fn dates(column: &Column) -> Result<Vec<Draft>, HierarchyError> {
    if column.kind != Kind::Date {
        return Err(HierarchyError::NotADate { column: column.name.clone() });
    }
    let days: Vec<i64> = column.numbers().unwrap_or_default().into_iter().flatten().collect();
    let range = match (days.iter().min(), days.iter().max()) {
        (Some(min), Some(max)) if max > min => (max - min) as f64,
        _ => 1.0,
    };
    // Lengths of a day, a month, a year and a decade, less the day that is known anyway.
    let cuts: [(usize, &str, f64); 4] =
        [(10, "", 0.0), (7, "", 29.4), (4, "", 364.2), (3, "0s", 3_651.4)];
    Ok(cuts
        .into_iter()
        .map(|(length, end, span)| {
            let label = |t: &String| match t.get(..length) {
                Some(start) => (format!("{start}{end}"), (span / range).min(1.0)),
                None => (String::new(), 0.0),
            };
            column.dictionary.iter().map(label).collect()
        })
        .collect())
}

/// Reads the rows of a hierarchy file: fields apart by `;`, no header.
///
/// # Errors
/// What is wrong with the file.
pub fn read_rows(input: impl Read) -> Result<Vec<Vec<String>>, HierarchyError> {
    let options = Options { delimiter: b';', ..Options::default() };
    let mut reader = CsvReader::new(input, &options)?;
    let mut record = Record::default();
    let mut rows = Vec::new();
    while reader.next(&mut record)? {
        rows.push(record.fields().map(str::to_owned).collect());
    }
    Ok(rows)
}

fn from_rows(column: &Column, rows: &[Vec<String>]) -> Result<Vec<Draft>, HierarchyError> {
    let depth = rows.first().map_or(0, Vec::len);
    if depth == 0 || depth > MAX_LEVELS {
        return Err(HierarchyError::Shape);
    }
    let mut by_value: BTreeMap<&str, &Vec<String>> = BTreeMap::new();
    // Per level: the label above it and its leaves.
    let mut above: Vec<HashMap<&str, &str>> = vec![HashMap::new(); depth];
    let mut leaves: Vec<HashMap<&str, usize>> = vec![HashMap::new(); depth];
    for (i, row) in rows.iter().enumerate() {
        let line = i + 1;
        if row.len() != depth {
            return Err(HierarchyError::Depth { line, expected: depth, found: row.len() });
        }
        if by_value.insert(&row[0], row).is_some() {
            return Err(HierarchyError::Twice { line, value: row[0].clone() });
        }
        for level in 0..depth {
            *leaves[level].entry(&row[level]).or_insert(0) += 1;
            let Some(parent) = row.get(level + 1) else { continue };
            let one = *above[level].entry(&row[level]).or_insert(parent);
            if one != parent {
                return Err(HierarchyError::Nesting {
                    line,
                    level,
                    label: row[level].clone(),
                    one: one.to_owned(),
                    other: parent.clone(),
                });
            }
        }
    }
    let uncovered: Vec<&String> = column
        .dictionary
        .iter()
        .filter(|v| !v.is_empty() && !by_value.contains_key(v.as_str()))
        .collect();
    if !uncovered.is_empty() {
        let examples: Vec<String> = uncovered.iter().take(3).map(|v| format!("`{v}`")).collect();
        return Err(HierarchyError::Uncovered {
            column: column.name.clone(),
            count: uncovered.len(),
            examples: examples.join(", "),
        });
    }
    let all = rows.len();
    let mut drafts = Vec::with_capacity(depth);
    for (level, leaves) in leaves.iter().enumerate() {
        // A missing cell without a row of its own joins the rest where all else is one group.
        let top = (level > 0 && leaves.len() == 1).then(|| rows[0][level].as_str());
        drafts.push(
            column
                .dictionary
                .iter()
                .map(|value| {
                    let label = match by_value.get(value.as_str()) {
                        Some(row) => row[level].as_str(),
                        None => top.unwrap_or_default(),
                    };
                    let count = leaves.get(label).copied().unwrap_or(1);
                    let loss = if all <= 1 {
                        f64::from(u8::from(level > 0))
                    } else {
                        (count - 1) as f64 / (all - 1) as f64
                    };
                    (label.to_owned(), loss)
                })
                .collect(),
        );
    }
    Ok(drafts)
}

#[cfg(test)]
#[path = "hierarchy_tests.rs"]
mod tests;
