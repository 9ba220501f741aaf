//! De-identification: columns dropped or generalised, small classes suppressed, so that at least k
//! rows, or persons, share every combination of quasi-identifiers and show at least l different
//! values of the sensitive columns named, at the least loss.
//!
//! May depend on `schema`, `roles`, `hierarchy` and `risk`.

mod apply;
mod arrange;
mod blank;
mod blocks;
mod error;
mod persons;
mod report;
mod search;
mod unreachable;

pub use self::apply::{Deidentified, write_origins};
pub use self::blocks::block_partition;
pub use self::error::DeidentifyError;
pub use self::persons::PersonRule;
pub use self::report::{Blanked, Choice, Diversity, Generalised, Outcome, Report};

use self::search::{Attribute, Found, Problem, Sensitive};
use crate::hierarchy::{Hierarchy, Spec};
use crate::risk::Risk;
use crate::roles::{Role, Roles, known_column};
use crate::schema::Table;
use galen_market::layout::BlockRows;
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
    /// Different present values that every class must have of a sensitive column, by column;
    /// 2..=65,535.
    pub diversity: BTreeMap<String, u64>,
    /// The same for every sensitive column that `diversity` does not name.
    pub default_diversity: Option<u64>,
    /// Rows of a full row block of the package: rows are arranged so that each block by itself has
    /// what is asked.
    pub block_rows: u64,
    /// Whether to empty further cells of a column of which fewer than k are missing, so that it can
    /// be charted.
    pub blank: bool,
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
            diversity: BTreeMap::new(),
            default_diversity: None,
            block_rows: u64::from(BlockRows::Full.rows()),
            blank: false,
        }
    }
}

/// Settings checked against a table, with hierarchies built and rows of persons chosen.
struct Prepared {
    quasi: Vec<usize>,
    person: Option<usize>,
    hierarchies: Vec<Hierarchy>,
    bounds: Vec<(usize, usize)>,
    weights: Vec<f64>,
    /// Sensitive columns that must be diverse, each with its l. The first is proven in tail order.
    diverse: Vec<(usize, u64)>,
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
        let diverse = diverse(table, settings)?;
        Ok(Prepared { quasi, person, hierarchies, bounds, weights, diverse, rows })
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
        let sensitive = self.diverse.iter().map(|(c, l)| {
            let column = &table.columns[*c];
            // 0 is a missing cell.
            let shift = u32::from(column.missing_code().is_none());
            let values = pick(*c).into_iter().map(|code| code + shift).collect();
            Sensitive { values, distinct: column.distinct(), l: *l, name: column.name.clone() }
        });
        let diverse = sensitive.collect();
        // Rounded down: the share is a limit.
        let limit = (self.rows.len() as f64 * settings.suppression + 1e-9) as usize;
        let rows = self.rows.len();
        Problem { rows, attributes, persons, diverse, block_rows: settings.block_rows, k, limit }
    }
}

/// The most values that a column may span to be proven diverse otherwise than in tail order.
const MOST_IN_ANY_ORDER: u64 = 32_768;

/// The sensitive columns that must be diverse. The first comes first, unless another has a range
/// that only the form for tail order may hold.
fn diverse(table: &Table, settings: &Settings) -> Result<Vec<(usize, u64)>, DeidentifyError> {
    for name in settings.diversity.keys() {
        known_column(table, name)?;
        if settings.roles.of(name) != Role::Sensitive {
            return Err(DeidentifyError::NotSensitive { column: name.clone() });
        }
    }
    let mut found = Vec::new();
    for (c, column) in table.columns.iter().enumerate() {
        if settings.roles.of(&column.name) != Role::Sensitive {
            continue;
        }
        let l = settings.diversity.get(&column.name).copied().or(settings.default_diversity);
        let Some(l) = l else { continue };
        if !(2..=MAX_K).contains(&l) {
            return Err(DeidentifyError::L { column: column.name.clone(), l, most: MAX_K });
        }
        found.push((c, l));
    }
    if found.is_empty() && settings.default_diversity.is_some() {
        return Err(DeidentifyError::NothingSensitive);
    }
    let wide = |(c, _): &(usize, u64)| {
        let column = &table.columns[*c];
        let numbers = column.numbers().unwrap_or_default();
        let present = || numbers.iter().flatten();
        match (present().min(), present().max()) {
            (Some(min), Some(max)) => max.abs_diff(*min) >= MOST_IN_ANY_ORDER,
            _ => column.distinct() as u64 > MOST_IN_ANY_ORDER,
        }
    };
    if let Some(at) = found.iter().position(wide) {
        found[..=at].rotate_right(1);
    }
    Ok(found)
}

fn solve(problem: &Problem<'_>, settings: &Settings) -> Result<Found, DeidentifyError> {
    let k = problem.k;
    if !(2..=MAX_K).contains(&k) {
        return Err(DeidentifyError::K { k, most: MAX_K });
    }
    problem.search().ok_or_else(|| problem.why_unreachable(settings.suppression * 100.0))
}

/// De-identifies a table.
///
/// # Errors
/// Settings that do not fit the table, or a k that cannot be reached, with the largest that can.
pub fn deidentify(table: &Table, settings: &Settings) -> Result<Deidentified, DeidentifyError> {
    let prepared = Prepared::new(table, settings)?;
    let problem = prepared.problem(table, settings, settings.k);
    let found = solve(&problem, settings)?;
    apply::apply(table, settings, &prepared, &problem, &found)
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
                let stands = problem.standing(&classes);
                let kept = || classes.sizes.iter().zip(&stands).filter(|(_, s)| **s);
                let diversity = problem.diverse.iter().map(|column| {
                    let distinct = problem.distinct(&classes, column);
                    let kept = distinct.into_iter().zip(&stands).filter(|(_, s)| **s);
                    (column.name.clone(), kept.map(|(d, _)| d).min().unwrap_or(0))
                });
                let named = prepared.quasi.iter().map(|c| table.columns[*c].name.clone());
                Outcome {
                    loss: found.loss,
                    suppressed: found.suppressed as u64,
                    risk: Risk::of_classes(kept().map(|(size, _)| *size)),
                    diversity: diversity.collect(),
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
