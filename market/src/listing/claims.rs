//! What a listing claims of its tables, and the rules that claims keep before any is proven. All other
//! numbers of a claim (rows, ranges, edges, dictionary entries) come from the layout.
//!
//! The totals of a chart are published with the draft; when every block is proven, they are the sum
//! of the blocks' shares, or the last block is refused.

use galen_zk::bundle::{BlockClaims, Chart as CellChart, ColumnClaim, DiversityClaim, Form, Order};
use galen_zk::point::G1Point;
use galen_zk::proof::ProofError;
use galen_zk::summary::{SUMMARY_BLINDERS, Summary};

use super::*;
use crate::layout::{Column, LayoutError, MAX_COLUMNS, MAX_K, Role, Table, Values};

/// Most sensitive columns of a table whose diversity is claimed.
pub const MAX_DIVERSITY: usize = 32;
/// Most charts of a package.
pub const MAX_CHARTS: usize = 256;

/// What is claimed of one table.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TableClaims {
    /// Every class has at least so many rows.
    pub k: u32,
    /// Sensitive columns with several values in every class; strictly ascending.
    pub diversity: Bounded<Diversity, MAX_DIVERSITY>,
    /// Columns with a proven range and chart; strictly ascending.
    pub charts: Bounded<Chart, MAX_COLUMNS>,
}

/// In every class a sensitive column takes at least `l` different values, missing not counted.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Diversity {
    /// Position of the column in the table.
    pub column: u32,
    /// The least number of values.
    pub l: u32,
    /// How the rows of a class are ordered.
    pub order: Order,
}

/// A chart of a column: every cell is missing or within the column's bounds, and the totals are those
/// of all its rows.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Chart {
    /// Position of the column in the table.
    pub column: u32,
    /// The form of its proofs.
    pub form: ChartForm,
    /// Count, missing, sums and bins over all blocks, in cells.
    pub totals: Summary,
    /// Sums of the blinders of all blocks' shares.
    pub blinders: [Scalar; SUMMARY_BLINDERS],
}

/// The form of the proofs about a column.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ChartForm {
    /// For columns of few different cells.
    Small,
    /// For numbers and dates of many: bounds and edges lie on a grid that begins at the least value.
    Wide {
        /// Values of one step of the grid.
        step: u64,
    },
}

/// Why claims are refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClaimError {
    /// The k does not fit the layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// More charts than a package may have.
    #[error("{charts} charts where a package has at most {MAX_CHARTS}")]
    TooManyCharts {
        /// How many.
        charts: usize,
    },
    /// A claim about a column that cannot be made.
    #[error("column {column} of table {table}: {what}")]
    Column {
        /// Position of the table.
        table: u32,
        /// Position of the column.
        column: u32,
        /// Why not.
        what: &'static str,
    },
    /// The totals of a chart contradict the table or themselves.
    #[error("totals of column {column} of table {table}: {what}")]
    Totals {
        /// Position of the table.
        table: u32,
        /// Position of the column.
        column: u32,
        /// How.
        what: &'static str,
    },
    /// A bin of a chart shows fewer rows than k.
    #[error(
        "totals of column {column} of table {table}: {rows} rows in {bin}, which must be none or at least k = {k}"
    )]
    SmallBin {
        /// Position of the table.
        table: u32,
        /// Position of the column.
        column: u32,
        /// Which bin.
        bin: Bin,
        /// What it shows.
        rows: u64,
        /// The table's k.
        k: u32,
    },
}

/// A bin of a chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bin {
    /// The bin of missing cells.
    Missing,
    /// One of the others, from 1.
    Number(usize),
}

impl std::fmt::Display for Bin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("the bin of missing cells"),
            Self::Number(number) => write!(f, "bin {number}"),
        }
    }
}

impl From<ClaimError> for TxError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Layout(error) => Self::BadLayout { error },
            error => Self::BadClaims { error },
        }
    }
}

/// Checks what is claimed of every table of a layout, without proofs.
///
/// # Errors
/// The first rule that is broken.
pub fn check_claims(layout: &Layout, claims: &[TableClaims], k_min: u32) -> Result<(), ClaimError> {
    let k: Vec<u32> = claims.iter().map(|table| table.k).collect();
    layout.check_k(&k, k_min)?;
    let charts = claims.iter().fold(0usize, |sum, table| sum.saturating_add(table.charts.len()));
    if charts > MAX_CHARTS {
        return Err(ClaimError::TooManyCharts { charts });
    }
    for ((t, table), claims) in (0u32..).zip(layout.tables()).zip(claims) {
        let refused = |column, what| ClaimError::Column { table: t, column, what };
        let ascends = |columns: &[u32], what| {
            let mut pairs = columns.iter().zip(columns.iter().skip(1));
            match pairs.find(|(a, b)| a >= b) {
                Some((_, column)) => Err(refused(*column, what)),
                None => Ok(()),
            }
        };
        let diverse: Vec<u32> = claims.diversity.iter().map(|claim| claim.column).collect();
        ascends(&diverse, "claims of diversity are not in ascending order")?;
        for diversity in &claims.diversity {
            diversity.check(layout, table).map_err(|what| refused(diversity.column, what))?;
        }
        let charted: Vec<u32> = claims.charts.iter().map(|chart| chart.column).collect();
        ascends(&charted, "charts are not in ascending order")?;
        for chart in &claims.charts {
            chart.claim(layout, table).map_err(|what| refused(chart.column, what))?;
            chart.check_totals(t, table, claims.k)?;
        }
    }
    Ok(())
}

impl TableClaims {
    /// Of k-anonymity alone.
    #[must_use]
    pub fn of_k(k: u32) -> Self {
        Self { k, diversity: Bounded::default(), charts: Bounded::default() }
    }

    /// What the bundle of a row block must prove; nothing if there is no such block, or the claims
    /// do not pass [`check_claims`]. `commitments` are those of all columns of the block.
    #[must_use]
    pub fn of_block(
        &self,
        layout: &Layout,
        table: u32,
        block: u32,
        commitments: Vec<G1Point>,
    ) -> Option<BlockClaims> {
        let table = layout.tables().get(table as usize)?;
        let columns = self.charts.iter().map(|chart| chart.claim(layout, table).ok());
        Some(BlockClaims {
            commitments,
            block_rows: layout.block_rows().rows(),
            rows: *table.active.get(block as usize)?,
            quasi_identifiers: table.quasi_identifiers(),
            k: self.k,
            diversity: self
                .diversity
                .iter()
                .map(|Diversity { column, l, order }| DiversityClaim {
                    column: *column,
                    l: *l,
                    order: *order,
                })
                .collect(),
            columns: columns.collect::<Option<_>>()?,
        })
    }

    /// The claims without the totals: what the bundles of a table depend on.
    pub(crate) fn statement(&self) -> (u32, &[Diversity], Vec<(u32, ChartForm)>) {
        let charts = self.charts.iter().map(|chart| (chart.column, chart.form)).collect();
        (self.k, &self.diversity, charts)
    }
}

impl Diversity {
    fn check(&self, layout: &Layout, table: &Table) -> Result<(), &'static str> {
        let column = table.columns.get(self.column as usize).ok_or("there is no such column")?;
        if column.role != Role::Sensitive {
            return Err("diversity is claimed of sensitive columns alone");
        }
        if !(2..=MAX_K).contains(&self.l) {
            return Err("l must be between 2 and 65,535");
        }
        let full = layout.block_rows().rows();
        let fits = |rows: &u32| {
            let padding = full.saturating_sub(*rows);
            *rows >= self.l && (padding == 0 || padding >= self.l)
        };
        if !table.active.iter().all(fits) {
            return Err("a block, or what is left of it, has fewer than l rows");
        }
        Ok(())
    }
}

impl Chart {
    /// What the proofs of a block must show of the column, in cells.
    fn claim(&self, layout: &Layout, table: &Table) -> Result<ColumnClaim, &'static str> {
        let column = table.columns.get(self.column as usize).ok_or("there is no such column")?;
        let (form, step) = match self.form {
            ChartForm::Small => (Form::Small, 1),
            ChartForm::Wide { step } => (Form::Wide, step),
        };
        let reason = |error| match error {
            ProofError::Claim(what) => what,
            _ => "no proof speaks of such a chart",
        };
        let chart = CellChart::new(step, edges(layout, column)?).map_err(reason)?;
        let claim = ColumnClaim { column: self.column, form, chart };
        claim.check(layout.block_rows().rows()).map_err(reason)?;
        Ok(claim)
    }

    /// That the totals can be those of the table, and that no bin shows fewer than k rows.
    fn check_totals(&self, t: u32, table: &Table, k: u32) -> Result<(), ClaimError> {
        let column = self.column;
        let refuse = |what| Err(ClaimError::Totals { table: t, column, what });
        let Summary { count, missing, bins, .. } = &self.totals;
        if count.checked_add(*missing) != Some(table.rows()) {
            return refuse("count and missing do not add up to the rows of the table");
        }
        if !self.totals.is_consistent() {
            return refuse("the bins do not add up to the count");
        }
        let all = (1usize..).zip(bins).map(|(number, rows)| (Bin::Number(number), *rows));
        for (bin, rows) in all.chain([(Bin::Missing, *missing)]) {
            if rows != 0 && rows < u64::from(k) {
                return Err(ClaimError::SmallBin { table: t, column, bin, rows, k });
            }
        }
        Ok(())
    }
}

/// The first cell of every bin of a column, and the first beyond the greatest.
fn edges(layout: &Layout, column: &Column) -> Result<Vec<u64>, &'static str> {
    const WRONG: &str = "its bounds are impossible";
    let cells = |first: u64, later: &dyn Fn(i64) -> Option<u64>, last: u64| {
        let later = column.edges.iter().map(|edge| later(*edge));
        let all = std::iter::once(Some(first)).chain(later).chain([last.checked_add(1)]);
        all.collect::<Option<Vec<u64>>>().ok_or(WRONG)
    };
    match &column.values {
        Values::Number { range, .. } | Values::Date { range } => {
            let cell = |value: i64| range.cell(value);
            let (low, high) = (cell(range.low).ok_or(WRONG)?, cell(range.high).ok_or(WRONG)?);
            cells(low, &cell, high)
        }
        Values::Code { dictionary } => {
            let dictionary = layout.dictionaries().get(*dictionary as usize).ok_or(WRONG)?;
            let entries = dictionary.entries();
            if entries == 0 {
                return Err("its dictionary has no entry");
            }
            cells(1, &|code| u64::try_from(code).ok()?.checked_add(1), entries)
        }
    }
}
