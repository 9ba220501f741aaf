//! What a de-identification did, in numbers.

use super::PersonRule;
use crate::risk::{Disclosure, Risk};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was done to one quasi-identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generalised {
    /// The column.
    pub column: String,
    /// The level chosen; 0 is the value itself.
    pub level: usize,
    /// The highest level there is.
    pub top: usize,
    /// Average loss of the rows kept, 0 to 1.
    pub loss: f64,
    /// A value as it is now written.
    pub example: String,
}

/// What a de-identification did and what is left of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The k asked for.
    pub k: u64,
    /// The k reached: rows of the smallest class, or its distinct persons.
    pub k_reached: u64,
    /// What k counts here: with a person column, how; without one, rows and not persons.
    pub persons: Option<PersonRule>,
    /// Distinct persons kept, if a column numbers them.
    pub distinct_persons: Option<u64>,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows left out because their person has another row, or no number.
    pub person_rows_dropped: u64,
    /// Rows left out because their class was below k, or below l in a column.
    pub suppressed: u64,
    /// Rows of the result.
    pub rows: u64,
    /// Rows of a full row block that the rows were arranged for.
    pub block_rows: u64,
    /// Rows of each row block, in order.
    pub blocks: Vec<u64>,
    /// Columns in which classes are diverse, the one that proofs take in tail order first.
    pub diversity: Vec<Diversity>,
    /// Cells blanked so that a chart does not point at the few that were missing.
    pub blanked: Vec<Blanked>,
    /// Columns left out.
    pub dropped_columns: Vec<String>,
    /// The quasi-identifiers, in the order of the table.
    pub quasi_identifiers: Vec<Generalised>,
    /// Loss over all quasi-identifiers and rows, 0 to 1; a suppressed row counts 1.
    pub loss: f64,
    /// Whether no other choice of levels loses less.
    pub least_loss: bool,
    /// Choices of levels that were measured.
    pub evaluated: u64,
    /// Risk of the source by the same columns.
    pub before: Risk,
    /// Risk of the result.
    pub after: Risk,
    /// What of each sensitive column could be learnt without tracing a row, in the result.
    pub disclosure: Vec<Disclosure>,
}

/// A sensitive column of which every class has l different values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversity {
    /// The column.
    pub column: String,
    /// The l asked for.
    pub l: u64,
    /// The l reached: the fewest different present values of a class.
    pub reached: u64,
}

/// A column of which further cells were left empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blanked {
    /// The column.
    pub column: String,
    /// Cells that were missing before, fewer than k.
    pub missing: u64,
    /// Cells that were emptied.
    pub cells: u64,
}

/// One line of a comparison over several k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The k asked for.
    pub k: u64,
    /// The outcome, or the reason why there is none.
    pub outcome: Result<Outcome, String>,
}

/// What one k would cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Loss, 0 to 1.
    pub loss: f64,
    /// Rows suppressed.
    pub suppressed: u64,
    /// Level of each quasi-identifier by name.
    pub levels: BTreeMap<String, usize>,
    /// Fewest different present values that a class would have, by sensitive column that l is asked of.
    pub diversity: BTreeMap<String, u64>,
    /// The risk that remains.
    pub risk: Risk,
}
