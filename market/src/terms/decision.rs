//! The decision: what every clause says to a purpose and to what a credential proves of it, and what
//! that comes to. Depends on clauses and purposes; pure, and without a clock.
//!
//! How each code is decided:
//!
//! | codes | met by |
//! |---|---|
//! | NRES, GRU, HMB, DS, POA, CC | the kind of the purpose, which the credential proves; DS: every disease of the purpose is one of the clause's, which the buyer declares |
//! | NPU, IRB, GS, IS | the credential: a bit, a bit, a country within the clause's without saying which, the institution, which is shown |
//! | NPUNCU | the credential's bit, and a declaration |
//! | NCU, NMDS, GSO, NPOA | what the buyer declares, which binds the licence |
//! | PUB, COL, RTN, MOR, NRI | what the buyer undertakes by signing |
//! | TS | the licence, which no offer may make longer |
//! | PS, US, RS | the institution's review; PS needs a project to review |
//!
//! Allowed is a request that some permission covers if every restriction is met; it needs review if
//! one asks for it. Proving, promising or widening more never makes a decision worse, and the order of
//! clauses does not matter.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::circuit::credential::Countries;
use serde::{Deserialize, Serialize};

use super::clause::{Clause, Parameter};
use super::duo::{self, Effect};
use super::purpose::{
    ETHICS_BIT, NONPROFIT_BIT, Proven, Purpose, PurposeKind, institution_attribute,
};
use super::{MAX_CLAUSES, Terms};
use crate::codec::Bounded;

/// What a clause, or all of them, come to. The worse is the greater.
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
pub enum Outcome {
    /// Met.
    Allowed,
    /// Met if the institution says so.
    NeedsReview,
    /// Not met.
    Refused,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::NeedsReview => "needs review",
            Self::Refused => "refused",
        })
    }
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
    /// The permission does not cover every disease.
    OtherDisease,
    /// The credential does not prove that its holder may act for the purpose.
    PurposeNotProven,
    /// The credential proves it.
    Proven,
    /// The credential does not prove it.
    NotProven,
    /// The buyer declares it, which binds the licence.
    Declared,
    /// The buyer declares the opposite.
    DeclaredOtherwise,
    /// The buyer undertakes it by signing.
    Undertaken,
    /// The buyer does not undertake it.
    NotUndertaken,
    /// The licence ends in time.
    ByLicence,
    /// The institution has to look at it.
    ForReview,
    /// The request names no project.
    NoProject,
    /// The clause is not one that the ledger knows.
    Unknown,
}

impl Finding {
    /// What it comes to.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Permits | Self::Proven | Self::Declared | Self::Undertaken | Self::ByLicence => {
                Outcome::Allowed
            }
            Self::ForReview => Outcome::NeedsReview,
            Self::OtherPurpose
            | Self::OtherDisease
            | Self::PurposeNotProven
            | Self::NotProven
            | Self::DeclaredOtherwise
            | Self::NotUndertaken
            | Self::NoProject
            | Self::Unknown => Outcome::Refused,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permits => "permits the purpose",
            Self::OtherPurpose => "permits other purposes only",
            Self::OtherDisease => "permits other diseases only",
            Self::PurposeNotProven => "permits the purpose, but the credential does not prove it",
            Self::Proven => "is proven by the credential",
            Self::NotProven => "is not proven by the credential",
            Self::Declared => "is declared by the buyer, and binds the licence",
            Self::DeclaredOtherwise => "is contrary to what the buyer declares",
            Self::Undertaken => "is undertaken by the buyer",
            Self::NotUndertaken => "is not undertaken by the buyer",
            Self::ByLicence => "is kept by the licence, which ends in time",
            Self::ForReview => "is for the institution to review",
            Self::NoProject => "needs a project, and the request names none",
            Self::Unknown => "is not known to this ledger",
        })
    }
}

/// A clause with what it said.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
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
    /// What all clauses come to.
    pub outcome: Outcome,
    /// Each clause with what it said, in the order of the terms.
    pub reasons: Bounded<Reason, MAX_CLAUSES>,
}

impl Decision {
    /// Whether the request may go on, if need be after a review.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome != Outcome::Refused
    }

    /// The clause that decided: if open, the one that needs review or the permission; else the
    /// restriction that is not met, or the permission that came nearest.
    #[must_use]
    pub fn deciding(&self) -> Option<&Reason> {
        let find = |finding| self.reasons.iter().find(move |reason| reason.finding == finding);
        match self.outcome {
            Outcome::NeedsReview => find(Finding::ForReview),
            Outcome::Allowed => find(Finding::Permits),
            Outcome::Refused => self
                .reasons
                .iter()
                .find(|reason| {
                    !permits(&reason.clause) && reason.finding.outcome() == Outcome::Refused
                })
                .or_else(|| find(Finding::PurposeNotProven))
                .or_else(|| find(Finding::OtherDisease))
                .or_else(|| find(Finding::OtherPurpose)),
        }
    }
}

/// Whether a clause can cover a purpose; else it is a restriction, which must be met.
fn permits(clause: &Clause) -> bool {
    clause.code.entry().is_some_and(|entry| matches!(entry.effect, Effect::Permits | Effect::Adds))
}

/// What a request has to prove, so that the terms can be met and nothing more is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Required {
    /// Bits of purposes.
    pub purposes: u32,
    /// Countries of which the holder's must be one; none named means any.
    pub countries: Countries,
    /// Whether the institution is shown.
    pub institution: bool,
}

impl Terms {
    /// What a credential must prove for a request with this purpose.
    #[must_use]
    pub fn required(&self, purpose: &Purpose) -> Required {
        let mut required = Required { purposes: purpose.kind.bit(), ..Required::default() };
        for clause in &self.clauses {
            match (clause.code, &clause.parameter) {
                (duo::NPU | duo::NPUNCU, _) => required.purposes |= NONPROFIT_BIT,
                (duo::IRB, _) => required.purposes |= ETHICS_BIT,
                (duo::GS, Some(Parameter::Countries(named))) => required.countries = named.clone(),
                (duo::IS, _) => required.institution = true,
                _ => {}
            }
        }
        required
    }

    /// Decides from the purpose of a request and what its credential proves.
    #[must_use]
    pub fn decide(&self, purpose: &Purpose, proven: &Proven) -> Decision {
        let reasons: Vec<Reason> = self
            .clauses
            .iter()
            .map(|clause| Reason { clause: clause.clone(), finding: find(clause, purpose, proven) })
            .collect();
        let covered = reasons.iter().any(|reason| reason.finding == Finding::Permits);
        let restricted = reasons
            .iter()
            .filter(|reason| !permits(&reason.clause))
            .map(|reason| reason.finding.outcome())
            .max()
            .unwrap_or(Outcome::Allowed);
        Decision {
            outcome: if covered { restricted } else { Outcome::Refused },
            reasons: Bounded::new(reasons).expect("there is one reason for each clause"),
        }
    }
}

fn find(clause: &Clause, purpose: &Purpose, proven: &Proven) -> Finding {
    use PurposeKind::{Ancestry, ClinicalCare, Disease, General, Health};
    let covers = |covered: bool| match covered {
        false => Finding::OtherPurpose,
        true if proven.purposes & purpose.kind.bit() == 0 => Finding::PurposeNotProven,
        true => Finding::Permits,
    };
    let proves = |holds: bool| if holds { Finding::Proven } else { Finding::NotProven };
    let bit = |bit: u32| proven.purposes & bit != 0;
    let declares = |holds: bool| match holds {
        true => Finding::Declared,
        false => Finding::DeclaredOtherwise,
    };
    let promises = |holds: bool| match holds {
        true => Finding::Undertaken,
        false => Finding::NotUndertaken,
    };
    let promised = &purpose.undertakings;
    match (clause.code, &clause.parameter) {
        (duo::NRES, None) => covers(true),
        (duo::GRU, None) => covers(matches!(purpose.kind, General | Health | Disease | Ancestry)),
        (duo::HMB, None) => covers(matches!(purpose.kind, Health | Disease)),
        (duo::POA, None) => covers(purpose.kind == Ancestry),
        (duo::CC, None) => covers(purpose.kind == ClinicalCare),
        (duo::DS, Some(Parameter::Diseases(named))) => {
            let all = purpose.diseases.iter().all(|disease| named.contains(disease));
            match purpose.kind {
                Disease if !all || purpose.diseases.is_empty() => Finding::OtherDisease,
                kind => covers(kind == Disease),
            }
        }
        (duo::NPU, None) => proves(bit(NONPROFIT_BIT)),
        (duo::IRB, None) => proves(bit(ETHICS_BIT)),
        (duo::GS, Some(Parameter::Countries(named))) => {
            let shown = proven.countries.list();
            proves(!shown.is_empty() && shown.iter().all(|one| named.list().contains(one)))
        }
        (duo::IS, Some(Parameter::Institution(name))) => {
            proves(proven.institution == Some(institution_attribute(name.as_str())))
        }
        (duo::NPUNCU, None) if !bit(NONPROFIT_BIT) => Finding::NotProven,
        (duo::NPUNCU | duo::NCU, None) => declares(!purpose.commercial),
        (duo::NMDS, None) => declares(!purpose.methods),
        (duo::GSO, None) => declares(purpose.genetic),
        (duo::NPOA, None) => declares(purpose.kind != Ancestry),
        (duo::PUB, None) => promises(promised.publication),
        (duo::COL, None) => promises(promised.collaboration),
        (duo::RTN, None) => promises(promised.return_of_results),
        (duo::NRI, None) => promises(promised.no_reidentification),
        (duo::MOR, Some(Parameter::Day(day))) => {
            promises(promised.moratorium.is_some_and(|until| until >= *day))
        }
        (duo::TS, Some(Parameter::Months(_))) => Finding::ByLicence,
        (duo::PS, Some(Parameter::Project(_))) if purpose.project.as_str().trim().is_empty() => {
            Finding::NoProject
        }
        (duo::PS, Some(Parameter::Project(_)))
        | (duo::US, Some(Parameter::Users(_)))
        | (duo::RS, Some(Parameter::Research(_))) => Finding::ForReview,
        _ => Finding::Unknown,
    }
}
