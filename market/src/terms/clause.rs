//! A clause: a code with what it asks for, as data and as a person writes it. Depends on the codes.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::circuit::credential::{Countries, Country};
use serde::{Deserialize, Serialize};

use super::MAX_LICENCE_MONTHS;
use super::duo::{self, Code, Mondo, Takes};
use crate::codec::{Bounded, Text};
use crate::date::Day;
use crate::error::TxError;

/// Most diseases of a clause or a purpose.
pub const MAX_DISEASES: usize = 16;
/// Longest name of an institution, in bytes.
pub const MAX_NAME_BYTES: usize = 200;
/// Longest text of a clause, in bytes.
pub const MAX_TEXT_BYTES: usize = 300;

/// What a clause names beside its code.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// Diseases, one at least, in ascending order.
    Diseases(Bounded<Mondo, MAX_DISEASES>),
    /// Countries, one at least, in ascending order.
    Countries(Countries),
    /// Months, from 1 to [`MAX_LICENCE_MONTHS`].
    Months(u32),
    /// A day.
    Day(Day),
    /// An institution's name, as its issuer writes it.
    Institution(Text<MAX_NAME_BYTES>),
    /// A project.
    Project(Text<MAX_TEXT_BYTES>),
    /// Users.
    Users(Text<MAX_TEXT_BYTES>),
    /// A restriction in words.
    Research(Text<MAX_TEXT_BYTES>),
}

impl Parameter {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Takes {
        match self {
            Self::Diseases(_) => Takes::Diseases,
            Self::Countries(_) => Takes::Countries,
            Self::Months(_) => Takes::Months,
            Self::Day(_) => Takes::Day,
            Self::Institution(_) => Takes::Institution,
            Self::Project(_) => Takes::Project,
            Self::Users(_) => Takes::Users,
            Self::Research(_) => Takes::Research,
        }
    }

    /// What is wrong with its value.
    fn fault(&self) -> Option<&'static str> {
        let text = |text: &str| {
            if text.is_empty() {
                Some("names nothing")
            } else if text.trim() != text {
                Some("begins or ends with a blank")
            } else {
                None
            }
        };
        match self {
            Self::Diseases(list) if list.is_empty() => Some("names no disease"),
            Self::Diseases(list) if !strictly_ascending(list) => {
                Some("names its diseases out of order or twice")
            }
            Self::Countries(list) if list.list().is_empty() => Some("names no country"),
            Self::Months(months) if !(1..=MAX_LICENCE_MONTHS).contains(months) => {
                Some("must be 1 to 1200 months")
            }
            Self::Diseases(_) | Self::Countries(_) | Self::Months(_) | Self::Day(_) => None,
            Self::Institution(name) => text(name.as_str()),
            Self::Project(words) | Self::Users(words) | Self::Research(words) => {
                text(words.as_str())
            }
        }
    }
}

/// Whether a list is in strictly ascending order.
pub(super) fn strictly_ascending<T: Ord>(list: &[T]) -> bool {
    list.windows(2).all(|pair| pair[0] < pair[1])
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(",");
        match self {
            Self::Diseases(all) => {
                f.write_str(&list(all.iter().map(ToString::to_string).collect()))
            }
            Self::Countries(all) => {
                f.write_str(&list(all.list().iter().map(ToString::to_string).collect()))
            }
            Self::Months(months) => write!(f, "{months}"),
            Self::Day(day) => day.fmt(f),
            Self::Institution(name) => name.fmt(f),
            Self::Project(words) | Self::Users(words) | Self::Research(words) => words.fmt(f),
        }
    }
}

/// A clause. [`Clause::check`] refuses a code that the ledger does not know, and a parameter that is
/// missing, superfluous or of another kind. A person writes `HMB`, `DS:MONDO:0005148,MONDO:0004979`,
/// `GS:AT,DE`, `MOR:2027-01-01`, `TS:24` or `IS:Example University`.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The code.
    pub code: Code,
    /// What it names, if the code asks for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Parameter>,
}

impl Clause {
    /// A clause that names nothing beside its code.
    #[must_use]
    pub const fn plain(code: Code) -> Self {
        Self { code, parameter: None }
    }

    /// A clause with a parameter.
    #[must_use]
    pub const fn with(code: Code, parameter: Parameter) -> Self {
        Self { code, parameter: Some(parameter) }
    }

    /// Whether code and parameter fit.
    ///
    /// # Errors
    /// [`TxError::UnknownClause`], or [`TxError::BadClause`] with what does not fit.
    pub fn check(&self) -> Result<(), TxError> {
        let code = self.code;
        let entry = code.entry().ok_or(TxError::UnknownClause { clause: code })?;
        let bad = |what: String| Err(TxError::BadClause { clause: code, what });
        match (&self.parameter, entry.takes) {
            (None, Takes::Nothing) => Ok(()),
            (Some(given), Takes::Nothing) => {
                bad(format!("takes no parameter and names {}", given.kind()))
            }
            (None, takes) => bad(format!("must name {takes}")),
            (Some(given), takes) if given.kind() != takes => {
                bad(format!("must name {takes} and names {}", given.kind()))
            }
            (Some(given), _) => given.fault().map_or(Ok(()), |fault| bad(fault.to_owned())),
        }
    }

    /// Whether a request under it is for the institution to review.
    #[must_use]
    pub fn needs_review(&self) -> bool {
        matches!(self.code, duo::PS | duo::US | duo::RS)
    }

    /// What the clause says, for a person.
    #[must_use]
    pub fn words(&self) -> String {
        let name = self.code.entry().map_or("unknown clause", |entry| entry.name);
        match &self.parameter {
            Some(parameter) => format!("{name}: {parameter}"),
            None => name.to_owned(),
        }
    }

    /// What a person writes for it.
    #[must_use]
    pub fn short(&self) -> String {
        match &self.parameter {
            Some(parameter) => format!("{}:{parameter}", self.code.short()),
            None => self.code.short(),
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        self.parameter.as_ref().map_or(Ok(()), |parameter| write!(f, " ({parameter})"))
    }
}

/// Why a text is not a clause.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("clause `{text}` {what}")]
pub struct ClauseError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub what: String,
}

impl FromStr for Clause {
    type Err = ClauseError;

    fn from_str(text: &str) -> Result<Self, ClauseError> {
        let wrong = |what: String| ClauseError { text: text.to_owned(), what };
        let (code, parameter) = split(text);
        let code: Code = code.parse().map_err(|_| wrong("is not one of the ontology".into()))?;
        let takes =
            code.entry().ok_or_else(|| wrong("is not one that the ledger knows".into()))?.takes;
        let parameter = match (parameter, takes) {
            (None, _) => None,
            (Some(_), Takes::Nothing) => return Err(wrong("takes no parameter".to_owned())),
            (Some(given), takes) => Some(
                read(takes, given)
                    .ok_or_else(|| wrong(format!("must name {takes}; `{given}` is none")))?,
            ),
        };
        let clause = Self { code, parameter };
        match clause.check() {
            Ok(()) => Ok(clause),
            Err(TxError::BadClause { what, .. }) => Err(wrong(what)),
            Err(error) => Err(wrong(error.what())),
        }
    }
}

/// `DS:…` or `DUO:0000007:…`.
fn split(text: &str) -> (&str, Option<&str>) {
    let numbered = ["DUO:", "GALEN:"].into_iter().find(|prefix| text.starts_with(prefix));
    let from = numbered.map_or(0, str::len);
    match text.get(from..).and_then(|rest| rest.find(':')) {
        Some(at) => (&text[..from + at], Some(&text[from + at + 1..])),
        None => (text, None),
    }
}

fn read(takes: Takes, text: &str) -> Option<Parameter> {
    Some(match takes {
        Takes::Nothing => return None,
        Takes::Diseases => {
            let mut all: Vec<Mondo> =
                text.split(',').map(|one| one.trim().parse().ok()).collect::<Option<_>>()?;
            all.sort_unstable();
            Parameter::Diseases(Bounded::new(all).ok()?)
        }
        Takes::Countries => {
            let all = text.split(',').map(|one| Country::new(one.trim())).collect::<Option<_>>()?;
            Parameter::Countries(Countries::new(all)?)
        }
        Takes::Months => Parameter::Months(text.parse().ok()?),
        Takes::Day => Parameter::Day(text.parse().ok()?),
        Takes::Institution => Parameter::Institution(Text::new(text).ok()?),
        Takes::Project => Parameter::Project(Text::new(text).ok()?),
        Takes::Users => Parameter::Users(Text::new(text).ok()?),
        Takes::Research => Parameter::Research(Text::new(text).ok()?),
    })
}

/// Whether two clauses of one list contradict each other, or one of them the list.
pub(super) fn contradiction(clauses: &[Clause]) -> Option<TxError> {
    let has = |code: Code| clauses.iter().any(|clause| clause.code == code);
    let only_permission =
        |code: Code| has(code) && !clauses.iter().any(|c| c.code.is_permission() && c.code != code);
    let bad = |clause: Code, what: &str| Some(TxError::BadClause { clause, what: what.to_owned() });
    if has(duo::NRES) && clauses.len() > 1 {
        return bad(duo::NRES, "says that nothing is restricted, and stands beside other clauses");
    }
    if only_permission(duo::POA) && has(duo::NPOA) {
        return bad(duo::NPOA, "forbids the only research that is permitted");
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_writes_is_read_back() {
        for (text, shown) in [
            ("HMB", "DUO:0000006"),
            ("DS:MONDO:0004979,MONDO:0005148", "DUO:0000007 (MONDO:0004979,MONDO:0005148)"),
            ("GS:AT,DE", "DUO:0000022 (AT,DE)"),
            ("MOR:2027-01-01", "DUO:0000024 (2027-01-01)"),
            ("TS:24", "DUO:0000025 (24)"),
            ("US:members of the consortium", "DUO:0000026 (members of the consortium)"),
            ("PS:Project A: part 2", "DUO:0000027 (Project A: part 2)"),
            ("IS:Example University", "DUO:0000028 (Example University)"),
            ("RS:paediatric studies", "DUO:0000012 (paediatric studies)"),
            ("NRI", "GALEN:0000001"),
        ] {
            let clause: Clause = text.parse().unwrap();
            assert_eq!((clause.short().as_str(), clause.to_string().as_str()), (text, shown));
            let json = serde_json::to_string(&clause).unwrap();
            assert_eq!(serde_json::from_str::<Clause>(&json).unwrap(), clause, "{json}");
        }
        let sorted: Clause = "DUO:0000007:MONDO:0005148,MONDO:0004979".parse().unwrap();
        assert_eq!(sorted.short(), "DS:MONDO:0004979,MONDO:0005148");
    }

    #[test]
    fn a_text_that_is_no_clause_is_named() {
        for (text, what) in [
            ("XYZ", "is not one of the ontology"),
            ("DUO:0000099", "is not one that the ledger knows"),
            ("DS", "must name diseases"),
            ("DS:5148", "must name diseases; `5148` is none"),
            ("DS:MONDO:0005148,MONDO:0005148", "names its diseases out of order or twice"),
            ("GRU:DE", "takes no parameter"),
            ("GS:de", "must name countries; `de` is none"),
            ("TS:0", "must be 1 to 1200 months"),
            ("MOR:2027-02-29", "must name a day; `2027-02-29` is none"),
            ("IS:", "names nothing"),
            ("PS: x", "begins or ends with a blank"),
        ] {
            let error = text.parse::<Clause>().unwrap_err();
            assert_eq!((error.text.as_str(), error.what.as_str()), (text, what));
        }
    }

    /// Every code with every kind of parameter and with none: exactly the one that it takes is good.
    #[test]
    fn a_missing_or_superfluous_parameter_is_refused_with_the_clause() {
        let text = |text: &str| Text::new(text).unwrap();
        let country = Country::new("DE").unwrap();
        let mut all = vec![
            None,
            Some(Parameter::Diseases(Bounded::new(vec![Mondo(1)]).unwrap())),
            Some(Parameter::Countries(Countries::new(vec![country]).unwrap())),
            Some(Parameter::Months(24)),
            Some(Parameter::Day("2027-01-01".parse().unwrap())),
            Some(Parameter::Institution(text("a university"))),
        ];
        all.push(Some(Parameter::Project(Text::new("a project").unwrap())));
        all.push(Some(Parameter::Users(Text::new("users").unwrap())));
        all.push(Some(Parameter::Research(Text::new("a restriction").unwrap())));
        for entry in &duo::CODES {
            let good: Vec<_> = all
                .iter()
                .filter(|parameter| {
                    let clause = Clause { code: entry.code, parameter: (*parameter).clone() };
                    match clause.check() {
                        Ok(()) => true,
                        Err(TxError::BadClause { clause, .. }) => {
                            assert_eq!(clause, entry.code);
                            false
                        }
                        Err(other) => panic!("{other}"),
                    }
                })
                .map(|parameter| parameter.as_ref().map_or(Takes::Nothing, Parameter::kind))
                .collect();
            assert_eq!(good, [entry.takes], "{}", entry.short);
        }
        let unknown = Clause::plain(Code::new(99));
        assert_eq!(unknown.check(), Err(TxError::UnknownClause { clause: Code::new(99) }));
    }
}
