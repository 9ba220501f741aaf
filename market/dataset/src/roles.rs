//! The role of a column in de-identification, and roles that a steward sets by hand.
//!
//! May depend on `schema`.

use crate::schema::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What a column is to de-identification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Role {
    /// Names one person by itself; dropped.
    Identifier,
    /// Numbers the persons: used so that k counts persons, then dropped. One column at most.
    Person,
    /// Known to others: generalised until k rows share it.
    QuasiIdentifier,
    /// What nobody should learn of a person; kept as it is.
    Sensitive,
    /// Neither known to others nor harmful; kept as it is.
    Insensitive,
    /// Left out, because it gives another column away or nobody needs it.
    Drop,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Identifier => "identifier",
            Role::Person => "person",
            Role::QuasiIdentifier => "quasi-identifier",
            Role::Sensitive => "sensitive",
            Role::Insensitive => "insensitive",
            Role::Drop => "drop",
        })
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Role, RoleError> {
        match text.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "identifier" | "identifying" | "direct" => Ok(Role::Identifier),
            "person" => Ok(Role::Person),
            "quasi" | "qi" | "quasi-identifier" | "quasi-identifying" => Ok(Role::QuasiIdentifier),
            "sensitive" => Ok(Role::Sensitive),
            "insensitive" | "measure" => Ok(Role::Insensitive),
            "drop" => Ok(Role::Drop),
            _ => Err(RoleError::UnknownRole { role: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Role {
    type Error = RoleError;

    fn try_from(text: String) -> Result<Role, RoleError> {
        text.parse()
    }
}

/// Why roles were refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum RoleError {
    #[error("no column is named `{name}`; {nearest}")]
    UnknownColumn { name: String, nearest: String },
    #[error(
        "`{role}` is not a role; the roles are identifier, person, quasi-identifier, sensitive, insensitive and drop"
    )]
    UnknownRole { role: String },
    #[error("`{text}` is not of the form column=role")]
    Form { text: String },
    #[error(
        "the roles file cannot be read: {reason}; it must be JSON such as {{\"age\": \"quasi-identifier\"}}"
    )]
    File { reason: String },
    #[error(
        "`{first}` and `{second}` both have the role person; only one column can number the persons"
    )]
    TwoPersons { first: String, second: String },
}

/// Roles by column name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub BTreeMap<String, Role>);

impl Roles {
    /// Roles from JSON: an object of column names and roles.
    ///
    /// # Errors
    /// `RoleError::File`.
    pub fn from_json(text: &str) -> Result<Roles, RoleError> {
        serde_json::from_str(text).map_err(|e| RoleError::File { reason: e.to_string() })
    }

    /// Adds one role written as `column=role`; a later one replaces an earlier.
    ///
    /// # Errors
    /// A text of another form, or an unknown role.
    pub fn add(&mut self, text: &str) -> Result<(), RoleError> {
        let (name, role) =
            text.rsplit_once('=').ok_or_else(|| RoleError::Form { text: text.to_owned() })?;
        self.0.insert(name.to_owned(), role.parse()?);
        Ok(())
    }

    /// Checks that every column named is there and that at most one numbers the persons.
    ///
    /// # Errors
    /// `UnknownColumn` with the nearest names, `TwoPersons`.
    pub fn check(&self, table: &Table) -> Result<(), RoleError> {
        for name in self.0.keys() {
            known_column(table, name)?;
        }
        let mut persons = self.0.iter().filter(|(_, r)| **r == Role::Person).map(|(n, _)| n);
        if let (Some(first), Some(second)) = (persons.next(), persons.next()) {
            return Err(RoleError::TwoPersons { first: first.clone(), second: second.clone() });
        }
        Ok(())
    }

    /// The role of a column; insensitive if none was given.
    pub fn of(&self, name: &str) -> Role {
        self.0.get(name).copied().unwrap_or(Role::Insensitive)
    }
}

/// The position of a column that a person named.
///
/// # Errors
/// `UnknownColumn` with the nearest names.
pub fn known_column(table: &Table, name: &str) -> Result<usize, RoleError> {
    table.position(name).ok_or_else(|| {
        let mut near: Vec<(usize, &str)> = table
            .names()
            .map(|n| (distance(&n.to_lowercase(), &name.to_lowercase()), n))
            .filter(|(d, n)| *d <= (n.chars().count() / 3).max(2))
            .collect();
        near.sort_unstable();
        let names: Vec<String> = near.iter().take(3).map(|(_, n)| format!("`{n}`")).collect();
        let nearest = if names.is_empty() {
            let all: Vec<String> = table.names().take(8).map(|n| format!("`{n}`")).collect();
            format!("the columns begin with {}", all.join(", "))
        } else {
            format!("did you mean {}?", names.join(" or "))
        };
        RoleError::UnknownColumn { name: name.to_owned(), nearest }
    })
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::schema::Column;

    fn table() -> Table {
        let column = |n: &str| Column::from_cells(n, ["1"].into_iter());
        Table { columns: ["xage", "income", "female"].map(column).into() }
    }

    #[test]
    fn an_unknown_column_names_the_nearest() {
        let mut roles = Roles::default();
        roles.add("xgae=quasi").unwrap();
        let text = roles.check(&table()).unwrap_err().to_string();
        assert_eq!(text, "no column is named `xgae`; did you mean `xage`?");
        let mut roles = Roles::default();
        roles.add("xage=quasi").unwrap();
        assert_eq!(roles.check(&table()), Ok(()));
        assert_eq!(roles.of("xage"), Role::QuasiIdentifier);
    }

    #[test]
    fn roles_are_read_from_json_and_flags() {
        let roles = Roles::from_json(r#"{"xage": "quasi", "income": "sensitive"}"#).unwrap();
        assert_eq!(roles.of("income"), Role::Sensitive);
        assert!(matches!(Roles::from_json(r#"{"xage": "secret"}"#), Err(RoleError::File { .. })));
        let mut roles = roles;
        assert!(matches!(roles.add("xage"), Err(RoleError::Form { .. })));
        assert!(matches!(roles.add("xage=secret"), Err(RoleError::UnknownRole { .. })));
        roles.add("xage=person").unwrap();
        roles.add("income=person").unwrap();
        assert!(matches!(roles.check(&table()), Err(RoleError::TwoPersons { .. })));
    }
}
