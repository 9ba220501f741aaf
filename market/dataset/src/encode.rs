//! From texts to cells and back.
//!
//! A cell is 0 if missing, else `value − offset + 1`. Bounds are *declared*: given by the
//! institution, or by [`declared_range`] rounded outward to a coarse grid, so that they do not tell
//! the observed extremes. Texts become positions in a dictionary, which is sorted bytewise and so
//! tells nothing of the order of rows. Depends on the Layout, `schema`, `roles` and `charts`.

use std::collections::BTreeMap;

use galen_market::layout::{self, BlockRows, Range, Role, Values, Width};
use galen_market::segment::SegmentError;

pub use crate::bounds::declared_range;
use crate::bounds::{bound, declared_days};
use crate::charts::{self, Limits, Plan, Unchartable};
use crate::csv_out;
use crate::deidentify::{Deidentified, block_partition};
use crate::durable::Hashing;
use crate::manifest::{Constraints, Deidentification, Field, FieldType, Resource, TableSchema};
use crate::roles::{self, RoleError, Roles, known_column};
use crate::schema::{Kind, Table};

/// What the institution says of a column besides its role.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnNote {
    /// Declared bounds in the column's own text form (`0`, `120`; `1990-01-01`); rounded outward
    /// from the data if not given.
    pub bounds: Option<(String, String)>,
    /// For a person.
    pub description: String,
    /// Ontology term (an IRI).
    pub ontology: Option<String>,
    /// Whether its chart is to be shown, and how few rows may stand in a bin.
    pub chart: Option<ChartWish>,
}

/// A chart that is wished for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChartWish {
    /// Every bin holds nothing or at least so many rows: the table's k.
    pub least: u64,
    /// The block size, which bounds what can be proven.
    pub size: BlockRows,
}

/// Why a table cannot be packed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// No rows or no columns.
    #[error("table {0} is empty")]
    Empty(String),
    /// A role or a note was given to a column that is not there.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// An identifying column is still there.
    #[error("column `{0}` is identifying and must be dropped before packing")]
    Identifying(String),
    /// The person column is still there.
    #[error("column `{0}` says which rows are of one person and must be dropped before packing")]
    Person(String),
    /// A column that was to be dropped is still there.
    #[error("column `{0}` was to be dropped and is still there")]
    NotDropped(String),
    /// Declared bounds are not values of the column, or in the wrong order.
    #[error("column `{column}`: `{low}` to `{high}` are no bounds for its values")]
    Bounds {
        /// Which column.
        column: String,
        /// Given lower bound.
        low: String,
        /// Given upper bound.
        high: String,
    },
    /// A value lies outside the declared bounds.
    #[error("column `{column}`: row {row} lies outside the declared bounds {low} to {high}")]
    OutOfBounds {
        /// Which column.
        column: String,
        /// Row, from one, the header not counted.
        row: u64,
        /// Declared lower bound.
        low: String,
        /// Declared upper bound.
        high: String,
    },
    /// A text is too long for a dictionary, or there are too many.
    #[error("column `{0}` holds a text of more than 65,535 bytes")]
    LongText(String),
    /// The rows cannot be cut into blocks that are each k-anonymous.
    #[error("{0}")]
    Partition(String),
    /// The rows were arranged for blocks of another size.
    #[error(
        "the rows were arranged for row blocks of {arranged}, so that each is diverse, and not for blocks of {wanted}; de-identify again for that size"
    )]
    Arranged {
        /// Rows of a block that they were arranged for.
        arranged: u64,
        /// Rows of a block that was asked for.
        wanted: u64,
    },
    /// The blocks do not hold exactly the table's rows.
    #[error("row blocks hold {found} rows and the table has {expected}")]
    Blocks {
        /// Rows of the table.
        expected: u64,
        /// Rows of the blocks.
        found: u64,
    },
}

/// One column as cells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedColumn {
    /// Its entry in the Layout; a code's `dictionary` is the position in
    /// [`EncodedTable::dictionaries`].
    pub spec: layout::Column,
    /// One cell a row.
    pub cells: Vec<u64>,
    /// Its chart, or why it has none, if one was wished for. The chart's edges are in `spec`.
    pub chart: Option<Result<Plan, Unchartable>>,
}

/// A table ready to be sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedTable {
    /// Columns in order.
    pub columns: Vec<EncodedColumn>,
    /// Rows of each block.
    pub active: Vec<u32>,
    /// Dictionaries of its text columns, each strictly ascending.
    pub dictionaries: Vec<Vec<String>>,
    /// Its entry in the manifest.
    pub resource: Resource,
}

/// Encodes a table whose rows are already in packing order. `active` are the rows of each block;
/// `name` becomes the table's name and, with `.csv`, its path.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(
    name: &str,
    description: &str,
    table: &Table,
    roles: &Roles,
    notes: &BTreeMap<String, ColumnNote>,
    active: &[u32],
) -> Result<EncodedTable, EncodeError> {
    if table.rows() == 0 {
        return Err(EncodeError::Empty(name.to_owned()));
    }
    let rows = active.iter().map(|n| u64::from(*n)).sum();
    if rows != table.rows() as u64 {
        return Err(EncodeError::Blocks { expected: table.rows() as u64, found: rows });
    }
    for column in notes.keys() {
        known_column(table, column)?;
    }
    let silent = ColumnNote::default();
    let mut columns = Vec::with_capacity(table.columns.len());
    let mut dictionaries = Vec::new();
    let mut fields = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let name = &column.name;
        let note = notes.get(name).unwrap_or(&silent);
        let role = match roles.of(name) {
            roles::Role::QuasiIdentifier => Role::QuasiIdentifier,
            roles::Role::Sensitive => Role::Sensitive,
            roles::Role::Insensitive => Role::Insensitive,
            roles::Role::Identifier => return Err(EncodeError::Identifying(name.clone())),
            roles::Role::Person => return Err(EncodeError::Person(name.clone())),
            roles::Role::Drop => return Err(EncodeError::NotDropped(name.clone())),
        };
        // One cell for each distinct text, then one look-up a row.
        let (mut values, mut width, cell_of) = match column.numbers() {
            Some(numbers) => encode_numbers(column, note, &numbers)?,
            None => {
                let skip = usize::from(column.missing_code().is_some());
                let entries = column.dictionary[skip..].to_vec();
                if entries.iter().any(|e| e.len() > usize::from(u16::MAX)) {
                    return Err(EncodeError::LongText(name.clone()));
                }
                let dictionary = u32::try_from(dictionaries.len()).unwrap_or(u32::MAX);
                let width = Width::for_cell(entries.len() as u64);
                // Code 0 is the missing cell if there is one; else the first entry, as cell 1.
                let shift = 1 - skip as u64;
                let cells = (0u64..).take(column.dictionary.len()).map(|c| c + shift).collect();
                dictionaries.push(entries);
                (Values::Code { dictionary }, width, cells)
            }
        };
        let cells: Vec<u64> = column.codes.iter().map(|code| cell_of[*code as usize]).collect();
        let mut edges = Vec::new();
        let chart = note.chart.map(|wish| {
            let plan = plan(&column.kind, &values, &cells, column.distinct() as u64, wish)?;
            if let Values::Number { range, .. } | Values::Date { range } = &mut values {
                // Rounded up to the grid of a wide chart: a declared bound may be.
                range.high = value_of(range.offset, plan.high);
            }
            width = Width::for_cell(plan.high);
            let offset = match &values {
                Values::Number { range, .. } | Values::Date { range } => range.offset,
                Values::Code { .. } => 0,
            };
            edges = plan.edges.iter().map(|cell| value_of(offset, *cell)).collect();
            Ok(plan)
        });
        fields.push(field(column, note, role, &values));
        let spec = layout::Column { name: name.clone(), width, role, values, edges };
        columns.push(EncodedColumn { spec, cells, chart });
    }
    let mut csv = Hashing::new(std::io::sink());
    csv_out::write(table, &mut csv).expect("a sink takes every byte");
    let (bytes, hash) = csv.finish();
    let resource = Resource {
        name: name.to_owned(),
        path: format!("{name}.csv"),
        description: description.to_owned(),
        mediatype: "text/csv".to_owned(),
        bytes,
        hash: Some(hash),
        schema: Some(TableSchema { fields, missing_values: vec![String::new()] }),
        deidentification: None,
    };
    Ok(EncodedTable { columns, active: active.to_vec(), dictionaries, resource })
}

/// The value that a cell stands for; the first is 1. Bounds stay within ±2^62.
fn value_of(offset: i64, cell: u64) -> i64 {
    i64::try_from(i128::from(offset) + i128::from(cell) - 1).unwrap_or(i64::MAX)
}

fn plan(
    kind: &Kind,
    values: &Values,
    cells: &[u64],
    entries: u64,
    wish: ChartWish,
) -> Result<Plan, Unchartable> {
    let cells = charts::histogram(cells);
    let limits = Limits::of(wish.size);
    match values {
        Values::Code { .. } => charts::of_codes(&cells, entries, wish.least, limits),
        Values::Number { range, .. } | Values::Date { range } => {
            charts::of_numbers(&cells, range, kind, wish.least, limits)
        }
    }
}

type EncodedValues = (Values, Width, Vec<u64>);

fn encode_numbers(
    column: &crate::schema::Column,
    note: &ColumnNote,
    numbers: &[Option<i64>],
) -> Result<EncodedValues, EncodeError> {
    let range = match &note.bounds {
        Some((low, high)) => {
            let parse = |text: &str| bound(&column.kind, text);
            match (parse(low), parse(high)) {
                (Some(l), Some(h)) if l <= h => Range { offset: l, low: l, high: h },
                _ => {
                    return Err(EncodeError::Bounds {
                        column: column.name.clone(),
                        low: low.clone(),
                        high: high.clone(),
                    });
                }
            }
        }
        None if note.chart.is_some() && column.kind == Kind::Date => {
            // A chart tells more of the days than bounds do, and centuries would coarsen it.
            declared_days(numbers.iter().flatten().copied(), 3)
        }
        None => declared_range(&column.kind, numbers.iter().flatten().copied()),
    };
    let cells = numbers.iter().map(|n| n.map_or(Some(0), |n| range.cell(n)));
    let cells: Vec<Option<u64>> = cells.collect();
    let outside = column.codes.iter().position(|c| cells[*c as usize].is_none());
    if let Some(row) = outside {
        let render = |v: i64| column.kind.render(v).unwrap_or_else(|| v.to_string());
        return Err(EncodeError::OutOfBounds {
            column: column.name.clone(),
            row: row as u64 + 1,
            low: render(range.low),
            high: render(range.high),
        });
    }
    let cells = cells.into_iter().map(Option::unwrap_or_default).collect();
    // Bounds stay within ±2^62, so the greatest cell is below 2^64.
    let width = Width::for_cell(range.cell(range.high).unwrap_or(u64::MAX));
    let values = match column.kind {
        Kind::Date => Values::Date { range },
        Kind::Decimal { scale, .. } => Values::Number { scale, range },
        Kind::Integer | Kind::Text => Values::Number { scale: 0, range },
    };
    Ok((values, width, cells))
}

fn field(column: &crate::schema::Column, note: &ColumnNote, role: Role, values: &Values) -> Field {
    let (kind, decimal_style) = match column.kind {
        Kind::Integer => (FieldType::Integer, None),
        Kind::Decimal { style, .. } => (FieldType::Number, Some(style)),
        Kind::Date => (FieldType::Date, None),
        Kind::Text => (FieldType::String, None),
    };
    let constraints = match values {
        Values::Number { range, .. } | Values::Date { range } => {
            let render = |v: i64| column.kind.render(v).unwrap_or_else(|| v.to_string());
            Some(Constraints { minimum: render(range.low), maximum: render(range.high) })
        }
        Values::Code { .. } => None,
    };
    Field {
        name: column.name.clone(),
        kind,
        description: note.description.clone(),
        ontology: note.ontology.clone(),
        constraints,
        decimal_style,
        role,
    }
}

/// The text of a cell, empty if missing.
///
/// # Errors
/// [`SegmentError::Cell`] if it names no value within the column's bounds or dictionary.
pub fn decode_cell(
    spec: &layout::Column,
    kind: &Kind,
    dictionary: &[String],
    cell: u64,
) -> Result<String, SegmentError> {
    if cell == 0 {
        return Ok(String::new());
    }
    let text = match &spec.values {
        Values::Number { range, .. } | Values::Date { range } => {
            range.value(cell).flatten().and_then(|v| kind.render(v))
        }
        Values::Code { .. } => {
            usize::try_from(cell - 1).ok().and_then(|code| dictionary.get(code)).cloned()
        }
    };
    text.ok_or(SegmentError::Cell)
}

/// Encodes the outcome of a de-identification, cut into row blocks so that each by itself is
/// k-anonymous and as diverse as the report says.
///
/// # Errors
/// As [`encode`], or no legal cut into blocks.
pub fn encode_deidentified(
    name: &str,
    description: &str,
    result: &Deidentified,
    roles: &Roles,
    notes: &BTreeMap<String, ColumnNote>,
    size: BlockRows,
) -> Result<EncodedTable, EncodeError> {
    let rows = u64::from(size.rows());
    let report = &result.report;
    let blocks = if report.block_rows == rows {
        report.blocks.clone()
    } else if report.diversity.is_empty() {
        block_partition(&result.class_sizes, rows, report.k)
            .map_err(|e| EncodeError::Partition(e.to_string()))?
    } else {
        return Err(EncodeError::Arranged { arranged: report.block_rows, wanted: rows });
    };
    // A block has at most `size.rows()` rows.
    let active: Vec<u32> =
        blocks.into_iter().map(|n| u32::try_from(n).unwrap_or(u32::MAX)).collect();
    let mut table = encode(name, description, &result.table, roles, notes, &active)?;
    table.resource.deidentification = Some(Deidentification::from(report));
    Ok(table)
}
