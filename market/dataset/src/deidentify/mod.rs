//! De-identification: columns dropped or generalised, small classes suppressed, so that at least k
//! rows, or persons, share every combination of quasi-identifiers, at the least loss.
//!
//! May depend on `schema`, `roles`, `hierarchy` and `risk`.

mod apply;
mod blocks;
mod error;
mod persons;
mod search;

pub use self::apply::{Deidentified, write_origins};
pub use self::blocks::block_partition;
pub use self::error::DeidentifyError;
pub use self::persons::PersonRule;

use self::search::{Attribute, Found, Problem};
use crate::hierarchy::{Hierarchy, Spec};
use crate::risk::Risk;
use crate::roles::{Role, Roles, known_column};
use crate::schema::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest k of a package.
pub const MAX_K: u64 = 65_535;

/// What is asked of a de-identification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows, or persons, that must share every combination of quasi-identifiers; 2..=65,535.
    pub k: u64,
    /// The largest share of rows that may be suppressed, 0 to 1.
    pub suppression: f64,
    /// What each column is; one that is not named is insensitive.
    pub roles: Roles,
    /// How k is made to count persons, when a column has the role person.
    pub persons: PersonRule,
    /// Hierarchies by column; one that suits the column where none is given.
    pub hierarchies: BTreeMap<String, Spec>,
    /// First and last level allowed, by column.
    pub levels: BTreeMap<String, (usize, usize)>,
    /// Weight of a column's loss, 1 where none is given.
    pub weights: BTreeMap<String, f64>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            k: 11,
            suppression: 0.02,
            roles: Roles::default(),
            persons: PersonRule::default(),
            hierarchies: BTreeMap::new(),
            levels: BTreeMap::new(),
            weights: BTreeMap::new(),
        }
    }
}

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
    /// Rows left out because their class was below k.
    pub suppressed: u64,
    /// Rows of the result.
    pub rows: u64,
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
    /// The risk that remains.
    pub risk: Risk,
}

/// Settings checked against a table, with hierarchies built and rows of persons chosen.
struct Prepared {
    quasi: Vec<usize>,
    person: Option<usize>,
    hierarchies: Vec<Hierarchy>,
    bounds: Vec<(usize, usize)>,
    weights: Vec<f64>,
    /// Source rows that take part.
    rows: Vec<usize>,
}

impl Prepared {
    fn new(table: &Table, settings: &Settings) -> Result<Prepared, DeidentifyError> {
        settings.roles.check(table)?;
        let keys = settings.hierarchies.keys().chain(settings.levels.keys());
        for name in keys.chain(settings.weights.keys()) {
            known_column(table, name)?;
            if settings.roles.of(name) != Role::QuasiIdentifier {
                return Err(DeidentifyError::NotQuasi { column: name.clone() });
            }
        }
        if !(0.0..=1.0).contains(&settings.suppression) {
            return Err(DeidentifyError::Suppression { value: settings.suppression });
        }
        let with = |role| -> Vec<usize> {
            (0..table.columns.len())
                .filter(|c| settings.roles.of(&table.columns[*c].name) == role)
                .collect()
        };
        let quasi = with(Role::QuasiIdentifier);
        if quasi.is_empty() {
            return Err(DeidentifyError::NoQuasi);
        }
        let person = with(Role::Person).first().copied();
        let rows = match (person, settings.persons) {
            (None, _) => (0..table.rows()).collect(),
            (Some(p), PersonRule::OneRow) => persons::first_rows(&table.columns[p]),
            (Some(p), PersonRule::DistinctInClass) => persons::known_rows(&table.columns[p]),
        };
        let (mut hierarchies, mut bounds, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for c in &quasi {
            let column = &table.columns[*c];
            let spec = match settings.hierarchies.get(&column.name) {
                Some(spec) => spec.clone(),
                None => Hierarchy::propose(column),
            };
            let hierarchy = Hierarchy::build(column, &spec)?;
            let top = hierarchy.levels.len() - 1;
            let (low, high) = settings.levels.get(&column.name).copied().unwrap_or((0, top));
            let high = high.min(top);
            if low > high {
                return Err(DeidentifyError::Levels { column: column.name.clone(), low, top });
            }
            let weight = settings.weights.get(&column.name).copied().unwrap_or(1.0);
            if !(weight.is_finite() && weight > 0.0) {
                return Err(DeidentifyError::Weight { column: column.name.clone(), weight });
            }
            hierarchies.push(hierarchy);
            bounds.push((low, high));
            weights.push(weight);
        }
        Ok(Prepared { quasi, person, hierarchies, bounds, weights, rows })
    }

    fn problem(&self, table: &Table, settings: &Settings, k: u64) -> Problem<'_> {
        let pick = |c: usize| -> Vec<u32> {
            self.rows.iter().map(|r| table.columns[c].codes[*r]).collect()
        };
        let attributes = (0..self.quasi.len())
            .map(|i| Attribute {
                codes: pick(self.quasi[i]),
                hierarchy: &self.hierarchies[i],
                weight: self.weights[i],
                levels: self.bounds[i],
            })
            .collect();
        let persons = match (self.person, settings.persons) {
            (Some(p), PersonRule::DistinctInClass) => Some(pick(p)),
            _ => None,
        };
        // Rounded down: the share is a limit.
        let limit = (self.rows.len() as f64 * settings.suppression + 1e-9) as usize;
        Problem { rows: self.rows.len(), attributes, persons, k, limit }
    }
}

fn solve(problem: &Problem<'_>, settings: &Settings) -> Result<Found, DeidentifyError> {
    let k = problem.k;
    if !(2..=MAX_K).contains(&k) {
        return Err(DeidentifyError::K { k, most: MAX_K });
    }
    problem.search().ok_or_else(|| DeidentifyError::Unreachable {
        k,
        largest: problem.largest_k(),
        counted: if problem.persons.is_some() { "persons" } else { "rows" },
        suppression: settings.suppression * 100.0,
    })
}

/// De-identifies a table.
///
/// # Errors
/// Settings that do not fit the table, or a k that cannot be reached, with the largest that can.
pub fn deidentify(table: &Table, settings: &Settings) -> Result<Deidentified, DeidentifyError> {
    let prepared = Prepared::new(table, settings)?;
    let problem = prepared.problem(table, settings, settings.k);
    let found = solve(&problem, settings)?;
    Ok(apply::apply(table, settings, &prepared, &problem, &found))
}

/// What several k would cost, without making the tables.
///
/// # Errors
/// Settings that do not fit the table. A k that cannot be reached is told in its own line.
pub fn compare(
    table: &Table,
    settings: &Settings,
    ks: &[u64],
) -> Result<Vec<Choice>, DeidentifyError> {
    let prepared = Prepared::new(table, settings)?;
    Ok(ks
        .iter()
        .map(|k| {
            let problem = prepared.problem(table, settings, *k);
            let outcome = solve(&problem, settings).map_err(|e| e.to_string()).map(|found| {
                let classes = problem.classes(&found.levels);
                let kept = classes.sizes.iter().zip(&classes.counted);
                let kept = kept.filter(|(_, c)| **c >= *k).map(|(s, _)| *s);
                let named = prepared.quasi.iter().map(|c| table.columns[*c].name.clone());
                Outcome {
                    loss: found.loss,
                    suppressed: found.suppressed as u64,
                    risk: Risk::of_classes(kept),
                    levels: named.zip(found.levels.iter().copied()).collect(),
                }
            });
            Choice { k: *k, outcome }
        })
        .collect())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
