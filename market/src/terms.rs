//! Terms of a listing: a list of clauses and the licence's text, and the decision whether a purpose,
//! together with what a credential proves, meets them. Prices are in the tiers of an offer. Depends on
//! codecs; pure.

pub mod duo;

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec::Bounded;
use crate::error::TxError;
use crate::id::{Digest, Hasher};

pub use duo::{Mondo, Purpose, PurposeKind};

/// Most clauses of the terms.
pub const MAX_CLAUSES: usize = 16;
/// Longest licence.
pub const MAX_LICENCE_MONTHS: u32 = 1_200;

/// A clause: the number of a code of the GA4GH Data Use Ontology, and the disease where the code asks
/// for one. [`Terms::check`] refuses a code that the ledger cannot decide.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Clause {
    /// The number after `DUO:`.
    pub duo: u32,
    /// The disease, for [`duo::DS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disease: Option<Mondo>,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DUO:{:07}", self.duo)?;
        self.disease.map_or(Ok(()), |disease| write!(f, " ({disease})"))
    }
}

/// The terms of a listing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Terms {
    /// Who may use the data for what: at least one permission (GRU, HMB, DS), of which one suffices,
    /// and conditions (NPU), all of which must be met.
    pub clauses: Bounded<Clause, MAX_CLAUSES>,
    /// Hash of the licence's text.
    pub licence_text: Digest,
    /// If set, the institution reviews each request within so many milliseconds of up-time.
    pub review_ms: Option<u64>,
}

/// What one clause said to a request.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The permission covers the purpose.
    Permits,
    /// The permission covers other purposes.
    OtherPurpose,
    /// The permission covers another disease.
    OtherDisease,
    /// The condition is proven.
    ConditionProven,
    /// The condition is not proven.
    ConditionNotProven,
    /// The credential does not prove that its holder may act for the purpose.
    PurposeNotProven,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permits => "permits the purpose",
            Self::OtherPurpose => "permits other purposes only",
            Self::OtherDisease => "permits another disease only",
            Self::ConditionProven => "is proven by the credential",
            Self::ConditionNotProven => "is not proven by the credential",
            Self::PurposeNotProven => "permits the purpose, but the credential does not prove it",
        })
    }
}

/// A clause with what it said.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Reason {
    /// The clause.
    pub clause: Clause,
    /// What it said.
    pub finding: Finding,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.clause, self.finding)
    }
}

/// Whether a request meets the terms, and what every clause said.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Decision {
    /// Whether a permission covers the purpose and every condition is met.
    pub allowed: bool,
    /// Each clause with what it said, in the order of the terms.
    pub reasons: Bounded<Reason, MAX_CLAUSES>,
}

impl Decision {
    /// The clause that decided: the first permission if allowed; else the failed condition, or the
    /// permission that came nearest.
    pub fn deciding(&self) -> Option<&Reason> {
        let find = |finding| self.reasons.iter().find(move |reason| reason.finding == finding);
        if self.allowed {
            return find(Finding::Permits);
        }
        find(Finding::ConditionNotProven)
            .or_else(|| find(Finding::PurposeNotProven))
            .or_else(|| find(Finding::OtherDisease))
            .or_else(|| find(Finding::OtherPurpose))
    }
}

impl Terms {
    /// The hash of the terms alone. A buyer agrees to [`crate::listing::Tier::agreement`].
    pub fn hash(&self) -> Digest {
        Hasher::new("galen/terms").value(self).digest()
    }

    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::UnknownClause`] or [`TxError::BadTerms`].
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadTerms { what: what.to_owned() });
        for clause in &self.clauses {
            match (clause.duo, clause.disease) {
                (duo::GRU | duo::HMB | duo::NPU, None) | (duo::DS, Some(_)) => {}
                (duo::GRU | duo::HMB | duo::NPU, Some(_)) => {
                    return bad("a disease is named where the clause takes none");
                }
                (duo::DS, None) => return bad("disease-specific research names no disease"),
                _ => return Err(TxError::UnknownClause { duo: clause.duo }),
            }
        }
        if !self.clauses.iter().any(|clause| duo::is_permission(clause.duo)) {
            return bad("no clause permits anything");
        }
        let repeated = (0usize..)
            .zip(&self.clauses)
            .any(|(at, clause)| self.clauses.iter().take(at).any(|earlier| earlier == clause));
        if repeated {
            return bad("a clause is repeated");
        }
        if self.review_ms == Some(0) {
            return bad("a review needs time");
        }
        Ok(())
    }

    /// The purpose bits that a credential must prove for a request with this purpose.
    pub fn required_purposes(&self, purpose: &Purpose) -> u32 {
        let condition = |clause: &Clause| if clause.duo == duo::NPU { duo::NPU_BIT } else { 0 };
        self.clauses.iter().fold(purpose.kind.bit(), |bits, clause| bits | condition(clause))
    }

    /// Decides from the purpose of a request and the purpose bits that its credential proved.
    pub fn decide(&self, purpose: &Purpose, proven: u32) -> Decision {
        let purpose_proven = proven & purpose.kind.bit() != 0;
        let finding = |clause: &Clause| match clause.duo {
            duo::NPU if proven & duo::NPU_BIT != 0 => Finding::ConditionProven,
            duo::NPU => Finding::ConditionNotProven,
            _ => match duo::permits(clause, purpose) {
                Finding::Permits if !purpose_proven => Finding::PurposeNotProven,
                finding => finding,
            },
        };
        let reasons: Vec<Reason> = self
            .clauses
            .iter()
            .map(|clause| Reason { clause: *clause, finding: finding(clause) })
            .collect();
        let allowed = reasons.iter().any(|reason| reason.finding == Finding::Permits)
            && !reasons.iter().any(|reason| reason.finding == Finding::ConditionNotProven);
        let reasons = Bounded::new(reasons).expect("there is one reason for each clause");
        Decision { allowed, reasons }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ASTHMA: Mondo = Mondo(4_979);
    const DIABETES: Mondo = Mondo(5_148);

    fn terms(clauses: &[(u32, Option<Mondo>)]) -> Terms {
        let clauses = clauses.iter().map(|(duo, disease)| Clause { duo: *duo, disease: *disease });
        Terms {
            clauses: Bounded::new(clauses.collect()).unwrap(),
            licence_text: Digest([1; 32]),
            review_ms: None,
        }
    }

    fn purpose(kind: PurposeKind, disease: Option<Mondo>) -> Purpose {
        Purpose { kind, disease }
    }

    #[test]
    fn permissions_widen_from_disease_to_general() {
        use PurposeKind::{Disease, General, Health};
        let general = purpose(General, None);
        let health = purpose(Health, None);
        let asthma = purpose(Disease, Some(ASTHMA));
        let gru = terms(&[(duo::GRU, None)]);
        let hmb = terms(&[(duo::HMB, None)]);
        let ds = terms(&[(duo::DS, Some(ASTHMA))]);
        let both = terms(&[(duo::DS, Some(DIABETES)), (duo::DS, Some(ASTHMA))]);
        let table = [
            (&gru, [true, true, true]),
            (&hmb, [false, true, true]),
            (&ds, [false, false, true]),
            (&both, [false, false, true]),
        ];
        for (terms, allowed) in table {
            for (purpose, allowed) in [general, health, asthma].iter().zip(allowed) {
                let decision = terms.decide(purpose, purpose.kind.bit());
                assert_eq!(decision.allowed, allowed, "{purpose:?} {decision:?}");
                assert!(decision.deciding().is_some());
                assert!(!terms.decide(purpose, 0).allowed, "nothing proven");
            }
        }
        let other = ds.decide(&purpose(Disease, Some(DIABETES)), 4);
        assert_eq!(other.deciding().unwrap().finding, Finding::OtherDisease);
        let unproven = ds.decide(&asthma, duo::NPU_BIT);
        assert_eq!(unproven.deciding().unwrap().finding, Finding::PurposeNotProven);
    }

    #[test]
    fn conditions_must_be_proven() {
        let terms = terms(&[(duo::GRU, None), (duo::NPU, None)]);
        let purpose = purpose(PurposeKind::Health, None);
        assert_eq!(terms.required_purposes(&purpose), 2 | 8);
        assert!(terms.decide(&purpose, 2 | 8).allowed);
        let refused = terms.decide(&purpose, 2);
        assert!(!refused.allowed);
        let reason = refused.deciding().unwrap();
        assert_eq!(reason.to_string(), "DUO:0000045 is not proven by the credential");
    }

    #[test]
    fn unknown_and_senseless_clauses_are_refused() {
        assert_eq!(terms(&[(duo::GRU, None)]).check(), Ok(()));
        assert_eq!(
            terms(&[(duo::GRU, None), (11, None)]).check(),
            Err(TxError::UnknownClause { duo: 11 })
        );
        for bad in [
            &[][..],
            &[(duo::NPU, None)],
            &[(duo::DS, None)],
            &[(duo::GRU, Some(ASTHMA))],
            &[(duo::GRU, None), (duo::GRU, None)],
        ] {
            let error = terms(bad).check().unwrap_err();
            assert_eq!(error.code(), "bad_terms", "{bad:?}");
        }
    }

    #[test]
    fn any_change_changes_the_hash() {
        let one = terms(&[(duo::GRU, None)]);
        let mut other = one.clone();
        other.review_ms = Some(1);
        assert_ne!(one.hash(), other.hash());
    }
}
