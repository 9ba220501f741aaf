//! What a buyer wants to do and what it undertakes, and what a credential proves of it. Depends on the
//! codes.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::circuit::credential::{Attributes, Countries};
use galen_zk::field::{Scalar, hash_to_scalar};
use serde::{Deserialize, Serialize};

use super::clause::{MAX_DISEASES, MAX_TEXT_BYTES, strictly_ascending};
use super::duo::Mondo;
use crate::codec::{Bounded, Text};
use crate::date::Day;
use crate::error::TxError;

/// The purpose bit of a credential whose holder works for a not-for-profit organisation.
pub const NONPROFIT_BIT: u32 = 8;
/// The purpose bit of a credential whose holder showed its issuer an ethics approval.
pub const ETHICS_BIT: u32 = 64;

/// What kind of use.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PurposeKind {
    /// Research of any kind.
    General,
    /// Health, medical or biomedical research.
    Health,
    /// Research into diseases.
    Disease,
    /// Research on population origins or ancestry.
    Ancestry,
    /// Clinical care.
    ClinicalCare,
}

impl PurposeKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::General, Self::Health, Self::Disease, Self::Ancestry, Self::ClinicalCare];

    /// The bit of a credential's purposes that proves it.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::General => 1,
            Self::Health => 2,
            Self::Disease => 4,
            Self::Ancestry => 16,
            Self::ClinicalCare => 32,
        }
    }

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Health => "health",
            Self::Disease => "disease",
            Self::Ancestry => "ancestry",
            Self::ClinicalCare => "clinical_care",
        }
    }
}

impl std::fmt::Display for PurposeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a buyer promises by signing its request.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(default, deny_unknown_fields)]
pub struct Undertakings {
    /// To publish results.
    pub publication: bool,
    /// To work together with the investigators.
    pub collaboration: bool,
    /// To give derived data back to the institution.
    pub return_of_results: bool,
    /// To identify nobody.
    pub no_reidentification: bool,
    /// To publish nothing before this day.
    pub moratorium: Option<Day>,
}

/// The purpose of a request. The credential proves that its kind is approved for the holder; all else
/// is declared by the buyer, or undertaken, and binds the licence.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// What kind of use.
    pub kind: PurposeKind,
    /// The diseases, in ascending order; for [`PurposeKind::Disease`] and for no other.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub diseases: Bounded<Mondo, MAX_DISEASES>,
    /// Whether it is commercial.
    #[serde(default)]
    pub commercial: bool,
    /// Whether methods are developed, such as software or algorithms.
    #[serde(default)]
    pub methods: bool,
    /// Whether genotypes are studied.
    #[serde(default)]
    pub genetic: bool,
    /// The project's title; empty if it has none.
    #[serde(default)]
    pub project: Text<MAX_TEXT_BYTES>,
    /// What the buyer promises.
    #[serde(default)]
    pub undertakings: Undertakings,
}

fn is_empty(diseases: &Bounded<Mondo, MAX_DISEASES>) -> bool {
    diseases.is_empty()
}

impl Purpose {
    /// A purpose of a kind that names a disease or none: not commercial, without development of methods,
    /// without genotypes, without a project, promising nothing.
    #[must_use]
    pub fn new(kind: PurposeKind, disease: Option<Mondo>) -> Self {
        let diseases = disease.into_iter().collect();
        Self {
            kind,
            diseases: Bounded::new(diseases).expect("one disease at most"),
            commercial: false,
            methods: false,
            genetic: false,
            project: Text::default(),
            undertakings: Undertakings::default(),
        }
    }

    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::BadPurpose`] if a disease is missing, out of order, or named where none belongs.
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadPurpose { what: what.to_owned() });
        match (self.kind == PurposeKind::Disease, self.diseases.is_empty()) {
            (true, true) => return bad("research into a disease names the disease"),
            (false, false) => return bad("a disease belongs to research into diseases only"),
            _ => {}
        }
        if !strictly_ascending(&self.diseases) {
            return bad("diseases are named in ascending order, each once");
        }
        Ok(())
    }
}

/// The attribute of a credential that stands for an institution's name.
#[must_use]
pub fn institution_attribute(name: &str) -> Scalar {
    Scalar(hash_to_scalar("galen/institution", &[name.trim().as_bytes()]))
}

/// What a credential proves, as far as terms ask for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proven {
    /// Bits of purposes, and [`NONPROFIT_BIT`] and [`ETHICS_BIT`].
    pub purposes: u32,
    /// Countries of which the holder's is one; none named means that nothing is proven.
    pub countries: Countries,
    /// The holder's institution, if it is shown.
    pub institution: Option<Scalar>,
}

impl Proven {
    /// All that a credential with these attributes can prove.
    #[must_use]
    pub fn at_most(attributes: &Attributes) -> Self {
        Self {
            purposes: attributes.purposes,
            countries: Countries::new(vec![attributes.country]).unwrap_or_default(),
            institution: Some(attributes.institution),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn diseases_belong_to_disease_research_alone() {
        let code = |purpose: &Purpose| purpose.check().map_err(|error| error.code());
        for kind in PurposeKind::ALL {
            let disease = kind == PurposeKind::Disease;
            let expected = |good: bool| if good { Ok(()) } else { Err("bad_purpose") };
            assert_eq!(code(&Purpose::new(kind, Some(Mondo(1)))), expected(disease));
            assert_eq!(code(&Purpose::new(kind, None)), expected(!disease));
        }
        let mut two = Purpose::new(PurposeKind::Disease, None);
        for (list, good) in [(vec![1, 2], true), (vec![2, 1], false), (vec![1, 1], false)] {
            two.diseases = Bounded::new(list.into_iter().map(Mondo).collect()).unwrap();
            assert_eq!(two.check().is_ok(), good);
        }
    }

    #[test]
    fn no_two_facts_share_a_bit() {
        let bits = PurposeKind::ALL.map(PurposeKind::bit).into_iter();
        let all: Vec<u32> = bits.chain([NONPROFIT_BIT, ETHICS_BIT]).collect();
        let sum = all.iter().fold(0, |sum, bit| sum | bit);
        assert!(all.iter().all(|bit| bit.count_ones() == 1));
        assert_eq!(sum.count_ones() as usize, all.len());
    }
}
