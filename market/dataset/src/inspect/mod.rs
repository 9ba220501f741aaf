//! What a table holds and what in it could name a person.
//!
//! Findings follow the eighteen identifiers of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)), found by
//! the names of columns and by the look of their cells, and add two that Safe Harbor does not know:
//! columns that give a generalised one away, and free text. Findings are proposals: a column
//! without one may still identify. No cell's value is repeated in a finding, only its line. May
//! depend on `schema`, `roles` and `ingest`.

mod names;
mod structure;
mod values;

pub(crate) use self::names::{is_age, is_nominal};

use crate::ingest::{Ingested, Places};
use crate::roles::{Role, RoleError, Roles};
use crate::schema::{Column, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// (A) Names.
    Names,
    /// (B) Geography below a state.
    Geography,
    /// (C) Dates finer than a year.
    Dates,
    /// (C) Ages over 89.
    AgesOver89,
    /// (D) Telephone numbers.
    Phone,
    /// (E) Fax numbers.
    Fax,
    /// (F) Electronic mail addresses.
    Email,
    /// (G) Social security numbers.
    SocialSecurity,
    /// (H) Medical record numbers.
    MedicalRecord,
    /// (I) Health plan beneficiary numbers.
    HealthPlan,
    /// (J) Account numbers.
    Account,
    /// (K) Certificate and licence numbers.
    Licence,
    /// (L) Vehicle identifiers and plates.
    Vehicle,
    /// (M) Device identifiers and serial numbers.
    Device,
    /// (N) Web addresses.
    Url,
    /// (O) Internet addresses.
    IpAddress,
    /// (P) Biometric identifiers.
    Biometric,
    /// (Q) Photographs of faces.
    Photograph,
    /// (R) Any other number, characteristic or code of one person.
    UniqueCode,
    /// A column whose cells tell those of a quasi-identifier.
    Derived,
    /// Sentences, in which anything may stand.
    FreeText,
}

impl Category {
    /// What the category is called.
    pub fn title(self) -> &'static str {
        match self {
            Category::Names => "names",
            Category::Geography => "geography below a state",
            Category::Dates => "dates finer than a year",
            Category::AgesOver89 => "ages over 89",
            Category::Phone => "telephone numbers",
            Category::Fax => "fax numbers",
            Category::Email => "e-mail addresses",
            Category::SocialSecurity => "social security numbers",
            Category::MedicalRecord => "medical record numbers",
            Category::HealthPlan => "health plan numbers",
            Category::Account => "account numbers",
            Category::Licence => "licence numbers",
            Category::Vehicle => "vehicle identifiers",
            Category::Device => "device identifiers",
            Category::Url => "web addresses",
            Category::IpAddress => "internet addresses",
            Category::Biometric => "biometric identifiers",
            Category::Photograph => "photographs",
            Category::UniqueCode => "a unique code of a person",
            Category::Derived => "gives another column away",
            Category::FreeText => "free text",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Category::Geography => {
                "generalise to the state, or to three digits of the ZIP where more than 20,000 people live, else 000"
            }
            Category::Dates => {
                "generalise to the year: role quasi-identifier with the dates hierarchy from level 2"
            }
            Category::AgesOver89 => "code as 90+: role quasi-identifier with intervals and top 90",
            Category::UniqueCode => "drop it, or give it the role person so that k counts persons",
            Category::Derived => "drop it, or generalise it as well",
            Category::FreeText => "drop it, or have it read by a person before it leaves",
            _ => "drop it: role identifier",
        }
    }

    fn role(self) -> Role {
        match self {
            Category::Geography | Category::Dates | Category::AgesOver89 => Role::QuasiIdentifier,
            Category::Derived | Category::FreeText => Role::Drop,
            _ => Role::Identifier,
        }
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The column.
    pub column: String,
    /// What it is.
    pub category: Category,
    /// Cells concerned.
    pub cells: u64,
    /// The place of the first of them in the file: its line, in a Parquet file its row.
    pub line: Option<u32>,
    /// Why it is thought so.
    pub evidence: String,
    /// What to do.
    pub advice: String,
}

/// A column in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// The role proposed, or set by hand.
    pub role: Role,
    /// Whether the role was set by hand.
    pub set: bool,
    /// Why this role.
    pub reason: String,
    /// Missing cells.
    pub missing: u64,
    /// Distinct values.
    pub distinct: u64,
    /// The least number or date, as written.
    pub min: Option<String>,
    /// The greatest number or date, as written.
    pub max: Option<String>,
}

/// What was seen in a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Rows.
    pub rows: u64,
    /// What the places of findings count.
    pub places: Places,
    /// Columns in order.
    pub columns: Vec<Summary>,
    /// Findings, by column.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// The roles of all columns, proposed or set.
    pub fn roles(&self) -> Roles {
        Roles(self.columns.iter().map(|c| (c.name.clone(), c.role)).collect())
    }
}

/// Rows of each dictionary entry, and the first row of each.
pub(crate) fn tally(column: &Column) -> (Vec<u64>, Vec<usize>) {
    let mut counts = vec![0u64; column.dictionary.len()];
    let mut first = vec![usize::MAX; column.dictionary.len()];
    for (row, code) in column.codes.iter().enumerate() {
        let code = *code as usize;
        counts[code] += 1;
        first[code] = first[code].min(row);
    }
    (counts, first)
}

/// Something found, before it knows its column.
pub(crate) struct Hint {
    pub category: Category,
    pub cells: u64,
    pub row: Option<usize>,
    pub evidence: String,
}

/// Looks at a table. `set` holds roles that a person chose; the rest are proposed.
///
/// # Errors
/// A role for a column that is not there.
pub fn inspect(ingested: &Ingested, set: &Roles) -> Result<Inspection, RoleError> {
    let table = &ingested.table;
    set.check(table)?;
    let mut proposals: Vec<(Role, String)> = Vec::new();
    let mut hints: BTreeMap<usize, Vec<Hint>> = BTreeMap::new();
    let person = structure::person_column(table);
    for (c, column) in table.columns.iter().enumerate() {
        let mut found = names::hints(column);
        found.extend(values::hints(column));
        let mut seen = Vec::new();
        found.retain(|h| {
            !seen.contains(&h.category) && {
                seen.push(h.category);
                true
            }
        });
        let mut proposal = names::role(column);
        if let Some(hint) = found.iter().min_by_key(|h| (h.category.role(), h.category)) {
            proposal = (hint.category.role(), hint.category.title().to_owned());
        }
        if let Some((p, evidence)) = &person
            && *p == c
            && !found.iter().any(|h| h.category.role() == Role::QuasiIdentifier)
        {
            proposal = (Role::Person, evidence.clone());
            if !found.iter().any(|h| h.category == Category::MedicalRecord) {
                found.retain(|h| h.category != Category::UniqueCode);
                found.push(Hint {
                    category: Category::UniqueCode,
                    cells: (column.codes.len() - column.missing()) as u64,
                    row: Some(0),
                    evidence: evidence.clone(),
                });
            }
        }
        proposals.push(proposal);
        if !found.is_empty() {
            hints.insert(c, found);
        }
    }
    if let Some((name, _)) = set.0.iter().find(|(_, r)| **r == Role::Person) {
        // A person column set by hand takes the place of a proposed one.
        for (column, proposal) in table.columns.iter().zip(&mut proposals) {
            if proposal.0 == Role::Person && column.name != *name {
                proposal.0 = Role::Identifier;
            }
        }
    }
    let role = |c: usize, proposals: &[(Role, String)]| {
        set.0.get(&table.columns[c].name).copied().unwrap_or(proposals[c].0)
    };
    let quasi: Vec<usize> = (0..table.columns.len())
        .filter(|c| role(*c, &proposals) == Role::QuasiIdentifier)
        .collect();
    for c in 0..table.columns.len() {
        if !matches!(role(c, &proposals), Role::Insensitive | Role::Sensitive | Role::Drop) {
            continue;
        }
        let Some((evidence, cells)) = structure::gives_away(table, c, &quasi) else { continue };
        proposals[c] = (Role::Drop, evidence.clone());
        let hint = Hint { category: Category::Derived, cells, row: None, evidence };
        hints.entry(c).or_default().push(hint);
    }
    let findings = hints
        .into_iter()
        .flat_map(|(c, hints)| hints.into_iter().map(move |h| (c, h)))
        .map(|(c, h)| Finding {
            column: table.columns[c].name.clone(),
            category: h.category,
            cells: h.cells,
            line: h.row.and_then(|r| ingested.lines.get(r)).copied(),
            evidence: h.evidence,
            advice: h.category.advice().to_owned(),
        })
        .collect();
    let columns = table
        .columns
        .iter()
        .zip(proposals)
        .map(|(column, (proposed, reason))| summary(column, set, proposed, reason))
        .collect();
    let rows = table.rows() as u64;
    Ok(Inspection { rows, places: ingested.places, columns, findings })
}

fn summary(column: &Column, set: &Roles, proposed: Role, reason: String) -> Summary {
    let by_hand = set.0.get(&column.name).copied();
    let numbers: Vec<i64> = column.numbers().unwrap_or_default().into_iter().flatten().collect();
    let text = |v: Option<&i64>| v.and_then(|v| column.kind.render(*v));
    Summary {
        name: column.name.clone(),
        kind: column.kind,
        role: by_hand.unwrap_or(proposed),
        set: by_hand.is_some(),
        reason: if by_hand.is_some() { "set by hand".to_owned() } else { reason },
        missing: column.missing() as u64,
        distinct: column.distinct() as u64,
        min: text(numbers.iter().min()),
        max: text(numbers.iter().max()),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
