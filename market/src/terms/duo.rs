//! The codes of the GA4GH Data Use Ontology that the ledger decides, and the purposes that a
//! credential proves. Depends on nothing.
//!
//! Permissions widen: disease-specific research is health research, which is general research.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Clause, Finding};
use crate::error::TxError;

/// General research use.
pub const GRU: u32 = 42;
/// Health, medical or biomedical research.
pub const HMB: u32 = 6;
/// Disease-specific research; names the disease.
pub const DS: u32 = 7;
/// Not-for-profit organisations only: a condition.
pub const NPU: u32 = 45;

/// The purpose bit of a credential that says that its holder works for a not-for-profit organisation.
pub const NPU_BIT: u32 = 8;

/// Whether a code permits something by itself.
pub const fn is_permission(duo: u32) -> bool {
    matches!(duo, GRU | HMB | DS)
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
        let digits = text.strip_prefix("MONDO:").ok_or(MondoError)?;
        if digits.len() != 7 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MondoError);
        }
        digits.parse().map(Self).map_err(|_| MondoError)
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

/// What a buyer wants to do.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// Research of any kind.
    General,
    /// Health, medical or biomedical research.
    Health,
    /// Research into one disease.
    Disease,
}

impl PurposeKind {
    /// The bit of a credential's purposes that proves it.
    pub const fn bit(self) -> u32 {
        match self {
            Self::General => 1,
            Self::Health => 2,
            Self::Disease => 4,
        }
    }
}

/// The purpose of a request. The kind is proven by the credential; which disease it is, is declared
/// by the buyer and binds the licence.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Purpose {
    /// What kind of research.
    pub kind: PurposeKind,
    /// The disease; for [`PurposeKind::Disease`] and for no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disease: Option<Mondo>,
}

impl Purpose {
    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::BadPurpose`] if a disease is missing, or named where none belongs.
    pub fn check(&self) -> Result<(), TxError> {
        if (self.kind == PurposeKind::Disease) == self.disease.is_some() {
            Ok(())
        } else {
            Err(TxError::BadPurpose)
        }
    }
}

/// What a permission says to a purpose, the credential left aside.
pub fn permits(clause: &Clause, purpose: &Purpose) -> Finding {
    match (clause.duo, purpose.kind) {
        (GRU, _) | (HMB, PurposeKind::Health | PurposeKind::Disease) => Finding::Permits,
        (DS, PurposeKind::Disease) if clause.disease == purpose.disease => Finding::Permits,
        (DS, PurposeKind::Disease) => Finding::OtherDisease,
        _ => Finding::OtherPurpose,
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
    fn a_disease_belongs_to_disease_research_alone() {
        let purpose = |kind, disease| Purpose { kind, disease };
        assert_eq!(purpose(PurposeKind::Disease, Some(Mondo(1))).check(), Ok(()));
        assert_eq!(purpose(PurposeKind::Disease, None).check(), Err(TxError::BadPurpose));
        assert_eq!(purpose(PurposeKind::General, Some(Mondo(1))).check(), Err(TxError::BadPurpose));
    }
}
