//! The codes of the GA4GH Data Use Ontology, all current ones, and the extension: what each is called,
//! whether it permits or restricts, and what it asks for beside itself. Depends on nothing. Words and
//! definitions follow the ontology (<https://github.com/EBISPOT/DUO>).

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Numbers from here on are extensions; the ontology's have seven digits.
const EXTENSIONS: u32 = 10_000_000;

/// A code: the number after `DUO:`, or after `GALEN:` for an extension. It may be one that nobody
/// knows: [`Code::entry`] says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Code(u32);

/// No restriction.
pub const NRES: Code = Code(4);
/// Health, medical or biomedical research.
pub const HMB: Code = Code(6);
/// Disease-specific research.
pub const DS: Code = Code(7);
/// Research on population origins or ancestry only.
pub const POA: Code = Code(11);
/// Research-specific restrictions.
pub const RS: Code = Code(12);
/// No development of methods.
pub const NMDS: Code = Code(15);
/// Genetic studies only.
pub const GSO: Code = Code(16);
/// Not-for-profit organisations and non-commercial use only.
pub const NPUNCU: Code = Code(18);
/// Results are published.
pub const PUB: Code = Code(19);
/// Collaboration with the investigators.
pub const COL: Code = Code(20);
/// An ethics approval.
pub const IRB: Code = Code(21);
/// Countries.
pub const GS: Code = Code(22);
/// No publication before a day.
pub const MOR: Code = Code(24);
/// A number of months.
pub const TS: Code = Code(25);
/// Approved users.
pub const US: Code = Code(26);
/// An approved project.
pub const PS: Code = Code(27);
/// An approved institution.
pub const IS: Code = Code(28);
/// Results return to the institution.
pub const RTN: Code = Code(29);
/// General research use.
pub const GRU: Code = Code(42);
/// Clinical care too.
pub const CC: Code = Code(43);
/// No research on population origins or ancestry.
pub const NPOA: Code = Code(44);
/// Not-for-profit organisations only.
pub const NPU: Code = Code(45);
/// Non-commercial use only.
pub const NCU: Code = Code(46);
/// No re-identification: an extension, as the ontology has no such code.
pub const NRI: Code = Code(EXTENSIONS + 1);

/// What a code does in a list of clauses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It permits by itself; one permission suffices.
    Permits,
    /// It permits something beside what a permission does.
    Adds,
    /// It must be met.
    Restricts,
}

/// What a code asks for beside itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Diseases.
    Diseases,
    /// Countries.
    Countries,
    /// A number of months.
    Months,
    /// A day.
    Day,
    /// An institution's name.
    Institution,
    /// A project.
    Project,
    /// Users.
    Users,
    /// The restriction itself.
    Research,
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Diseases => "diseases",
            Self::Countries => "countries",
            Self::Months => "a number of months",
            Self::Day => "a day",
            Self::Institution => "an institution's name",
            Self::Project => "a project",
            Self::Users => "users",
            Self::Research => "the restriction in words",
        })
    }
}

/// A known code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// What people call it.
    pub short: &'static str,
    /// What it says.
    pub name: &'static str,
    /// Whether it permits or restricts.
    pub effect: Effect,
    /// What it asks for.
    pub takes: Takes,
}

const fn entry(
    code: Code,
    short: &'static str,
    effect: Effect,
    takes: Takes,
    name: &'static str,
) -> Entry {
    Entry { code, short, name, effect, takes }
}

/// Every code that the ledger decides.
pub const CODES: [Entry; 24] = {
    use Effect::{Adds, Permits, Restricts};
    use Takes::{Countries, Day, Diseases, Institution, Months, Nothing, Project, Research, Users};
    [
        entry(NRES, "NRES", Permits, Nothing, "no restriction on use"),
        entry(GRU, "GRU", Permits, Nothing, "general research use"),
        entry(HMB, "HMB", Permits, Nothing, "health, medical or biomedical research"),
        entry(DS, "DS", Permits, Diseases, "disease-specific research"),
        entry(POA, "POA", Permits, Nothing, "research on population origins or ancestry only"),
        entry(CC, "CC", Adds, Nothing, "clinical care too"),
        entry(RS, "RS", Restricts, Research, "research-specific restriction"),
        entry(NMDS, "NMDS", Restricts, Nothing, "no development of methods"),
        entry(GSO, "GSO", Restricts, Nothing, "genetic studies only"),
        entry(
            NPUNCU,
            "NPUNCU",
            Restricts,
            Nothing,
            "not-for-profit organisations and non-commercial use only",
        ),
        entry(PUB, "PUB", Restricts, Nothing, "results are published"),
        entry(COL, "COL", Restricts, Nothing, "collaboration with the investigators"),
        entry(IRB, "IRB", Restricts, Nothing, "ethics approval required"),
        entry(GS, "GS", Restricts, Countries, "use in these countries only"),
        entry(MOR, "MOR", Restricts, Day, "no publication before this day"),
        entry(TS, "TS", Restricts, Months, "use for so many months at most"),
        entry(US, "US", Restricts, Users, "approved users only"),
        entry(PS, "PS", Restricts, Project, "approved project only"),
        entry(IS, "IS", Restricts, Institution, "approved institution only"),
        entry(RTN, "RTN", Restricts, Nothing, "derived data return to the institution"),
        entry(NPOA, "NPOA", Restricts, Nothing, "no research on population origins or ancestry"),
        entry(NPU, "NPU", Restricts, Nothing, "not-for-profit organisations only"),
        entry(NCU, "NCU", Restricts, Nothing, "non-commercial use only"),
        entry(NRI, "NRI", Restricts, Nothing, "no re-identification"),
    ]
};

impl Code {
    /// A code of a number, known or not.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// What is known of it; nothing if it is unknown.
    #[must_use]
    pub fn entry(self) -> Option<&'static Entry> {
        CODES.iter().find(|entry| entry.code == self)
    }

    /// What people call it; its number if it is unknown.
    #[must_use]
    pub fn short(self) -> String {
        self.entry().map_or_else(|| self.to_string(), |entry| entry.short.to_owned())
    }

    /// Whether it permits something by itself.
    #[must_use]
    pub fn is_permission(self) -> bool {
        self.entry().is_some_and(|entry| entry.effect == Effect::Permits)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.checked_sub(EXTENSIONS) {
            Some(extension) => write!(f, "GALEN:{extension:07}"),
            None => write!(f, "DUO:{:07}", self.0),
        }
    }
}

/// A text that is no code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a code such as HMB or DUO:0000006")]
pub struct CodeError;

/// The number in seven digits.
fn seven_digits(digits: &str) -> Option<u32> {
    let all = digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        if let Some(entry) = CODES.iter().find(|entry| entry.short == text) {
            return Ok(entry.code);
        }
        let duo = text.strip_prefix("DUO:").and_then(seven_digits);
        let extension = text.strip_prefix("GALEN:").and_then(seven_digits);
        duo.or_else(|| extension?.checked_add(EXTENSIONS)).map(Self).ok_or(CodeError)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A disease of the Mondo Disease Ontology: the number after `MONDO:`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Mondo(pub u32);

impl fmt::Display for Mondo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MONDO:{:07}", self.0)
    }
}

/// Text that does not name a disease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected MONDO: and seven digits")]
pub struct MondoError;

impl FromStr for Mondo {
    type Err = MondoError;

    fn from_str(text: &str) -> Result<Self, MondoError> {
        text.strip_prefix("MONDO:").and_then(seven_digits).map(Self).ok_or(MondoError)
    }
}

impl Serialize for Mondo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mondo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn diseases_are_written_in_full() {
        assert_eq!("MONDO:0005148".parse(), Ok(Mondo(5_148)));
        assert_eq!(Mondo(5_148).to_string(), "MONDO:0005148");
        for bad in ["5148", "MONDO:5148", "mondo:0005148", "MONDO:+005148"] {
            assert_eq!(bad.parse::<Mondo>(), Err(MondoError));
        }
    }

    #[test]
    fn codes_are_read_by_number_and_by_name() {
        for entry in &CODES {
            assert_eq!(entry.short.parse(), Ok(entry.code));
            assert_eq!(entry.code.to_string().parse(), Ok(entry.code));
        }
        assert_eq!(NRI.to_string(), "GALEN:0000001");
        let unknown: Code = "DUO:0000099".parse().unwrap();
        assert_eq!((unknown.entry(), unknown.short()), (None, "DUO:0000099".to_owned()));
        for bad in ["gru", "DUO:42", "DUO:00000042", "GALEN:1", ""] {
            assert_eq!(bad.parse::<Code>(), Err(CodeError), "{bad}");
        }
    }

    #[test]
    fn the_list_is_the_ontology_s() {
        let mut numbers: Vec<u32> = CODES.iter().map(|entry| entry.code.0).collect();
        numbers.sort_unstable();
        let duo = [4, 6, 7, 11, 12, 15, 16, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29];
        let later = [42, 43, 44, 45, 46, EXTENSIONS + 1];
        assert_eq!(numbers, [&duo[..], &later].concat());
        let permissions = CODES.iter().filter(|entry| entry.code.is_permission()).count();
        assert_eq!(permissions, 5);
    }
}
