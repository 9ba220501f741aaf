//! What an institution declares of a package on the ledger, so that standing requests can ask for it.
//! Nothing of it is proven.

use super::*;
use crate::terms::Mondo;

/// Most diseases that a listing declares.
pub const MAX_DECLARED_DISEASES: usize = 16;
/// Most codes of columns that a listing declares.
pub const MAX_COLUMN_CODES: usize = 128;
/// Most bytes of a code or of a name that is looked for.
pub const CODE_BYTES: usize = 128;

/// What is declared, not proven.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(default)]
pub struct Declared {
    /// The diseases that the data are about.
    pub diseases: Bounded<Mondo, MAX_DECLARED_DISEASES>,
    /// Ontology codes of columns.
    pub columns: Bounded<ColumnCode, MAX_COLUMN_CODES>,
}

/// The ontology code of a column.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ColumnCode {
    /// Position of the table in the layout.
    pub table: u32,
    /// Position of the column in the table.
    pub column: u32,
    /// The code: an IRI, or a short form such as `LOINC:4548-4`.
    pub code: Text<CODE_BYTES>,
}

impl Declared {
    /// Whether a column is declared to have a code.
    #[must_use]
    pub fn says(&self, table: u32, column: u32, code: &Text<CODE_BYTES>) -> bool {
        let says =
            |own: &ColumnCode| own.table == table && own.column == column && own.code == *code;
        self.columns.iter().any(says)
    }
}
