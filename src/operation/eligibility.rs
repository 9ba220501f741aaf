//! Whether a credential qualifies for a listing: the ledger's own decision, made on this machine before
//! anything is sent. Depends on the listing as the catalogue shows it and on the credential's file; asks
//! nobody.

use std::fmt;

use galen_api::ListingSummary;
use galen_market::listing::{ListingId, Standing};
use galen_market::terms::{
    Clause, Decision, Finding, Outcome, Parameter, Proven, Purpose, PurposeKind, Required, Terms,
    Undertakings, duo,
};
use galen_zk::circuit::credential::Attributes;
use galen_zk::field::Scalar;
use serde::Serialize;

use super::credential::{Credential, day_text, purpose_words};
use crate::error::{Exit, Failure};

/// What came of looking at one listing with one purpose and one credential.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Eligibility {
    /// The listing.
    pub listing: ListingId,
    /// Its title, declared by the institution.
    pub title: String,
    /// What it was judged for.
    pub purpose: Purpose,
    /// What it comes to.
    pub outcome: Outcome,
    /// Each clause with what it said.
    pub decision: Decision,
    /// What stands in the way beside the clauses.
    pub obstacles: Vec<String>,
    /// The leaf of the credential that was judged; none if there is none.
    pub credential: Option<Scalar>,
    /// What a request would tell everybody.
    pub reveals: Vec<String>,
}

/// What stands in the way beside the clauses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Obstacle {
    /// There is no credential.
    NoCredential,
    /// It has expired, on this day since 1970.
    Expired(u32),
    /// The institution has missed a delivery.
    Stopped,
    /// The listing takes no requests.
    Closed,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredential => f.write_str("there is no credential here for this ledger"),
            Self::Expired(day) => write!(f, "the credential is good until {}", day_text(*day)),
            Self::Stopped => f.write_str(
                "the institution takes no requests until it answers for a missed delivery",
            ),
            Self::Closed => f.write_str("the listing takes no requests"),
        }
    }
}

/// What stands in the way beside the clauses, on a day.
pub(crate) fn obstacles(
    listing: &ListingSummary,
    credential: Option<&Credential>,
    today: u32,
) -> Vec<Obstacle> {
    let mut all = Vec::new();
    match credential.map(|held| held.attributes.expiry) {
        None => all.push(Obstacle::NoCredential),
        Some(expiry) if expiry <= today => all.push(Obstacle::Expired(expiry)),
        Some(_) => {}
    }
    match listing.listing.standing {
        Standing::Live if listing.open => {}
        Standing::Live => all.push(Obstacle::Stopped),
        _ => all.push(Obstacle::Closed),
    }
    all
}

/// Judges a listing on a day, in days since 1970.
pub fn judge(
    listing: &ListingSummary,
    purpose: &Purpose,
    credential: Option<&Credential>,
    today: u32,
) -> Eligibility {
    let terms = &listing.offer.terms;
    let proven = credential.map(|held| Proven::at_most(&held.attributes)).unwrap_or_default();
    let decision = terms.decide(purpose, &proven);
    let obstacles: Vec<String> =
        obstacles(listing, credential, today).iter().map(ToString::to_string).collect();
    Eligibility {
        listing: listing.listing.id,
        title: listing.declared.as_ref().map(|said| said.title.clone()).unwrap_or_default(),
        purpose: purpose.clone(),
        outcome: if obstacles.is_empty() { decision.outcome } else { Outcome::Refused },
        decision,
        obstacles,
        credential: credential.map(Credential::leaf),
        reveals: reveals(&terms.required(purpose), purpose)
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

/// Something that a request tells everybody who reads the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reveal {
    /// That one of some issuers approves its holder for these purposes.
    Approval(u32),
    /// The purpose and what is undertaken.
    Purpose,
    /// That the holder works in one of these countries.
    Countries(Vec<String>),
    /// The holder's institution.
    Institution,
    /// The project's title.
    Project,
}

impl fmt::Display for Reveal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approval(bits) => write!(
                f,
                "that one of up to 16 issuers approves its holder for: {}",
                purpose_words(*bits)
            ),
            Self::Purpose => f.write_str("the purpose as it is declared, and what is undertaken"),
            Self::Countries(named) => match named.as_slice() {
                [one] => write!(f, "that the holder works in {one}"),
                many => write!(f, "that the holder works in one of {}", many.join(", ")),
            },
            Self::Institution => f.write_str("the institution at which the holder works"),
            Self::Project => f.write_str("the project's title"),
        }
    }
}

/// What a request with such a proof tells everybody who reads the ledger.
pub(crate) fn reveals(required: &Required, purpose: &Purpose) -> Vec<Reveal> {
    let mut said = vec![Reveal::Approval(required.purposes), Reveal::Purpose];
    let countries = required.countries.list();
    if !countries.is_empty() {
        said.push(Reveal::Countries(countries.iter().map(ToString::to_string).collect()));
    }
    if required.institution {
        said.push(Reveal::Institution);
    }
    if !purpose.project.as_str().is_empty() {
        said.push(Reveal::Project);
    }
    said
}

/// The purposes for which a credential could qualify, as far as they can be guessed: every kind that it
/// approves, with the diseases that the terms name and all that they ask to be undertaken.
pub fn guesses(terms: &Terms, attributes: &Attributes) -> Vec<Purpose> {
    let approved =
        PurposeKind::ALL.into_iter().filter(|kind| attributes.purposes & kind.bit() != 0);
    let purposes = approved.filter_map(|kind| {
        let mut purpose = Purpose::new(kind, None);
        if kind == PurposeKind::Disease {
            purpose.diseases = terms.clauses.iter().find_map(|clause| match &clause.parameter {
                Some(Parameter::Diseases(named)) => Some(named.clone()),
                _ => None,
            })?;
        }
        purpose.undertakings = asked_for(&terms.clauses);
        purpose.genetic = terms.clauses.iter().any(|clause| clause.code == duo::GSO);
        Some(purpose)
    });
    purposes.collect()
}

/// What clauses ask to be undertaken.
pub fn asked_for(clauses: &[Clause]) -> Undertakings {
    let has = |code| clauses.iter().any(|clause| clause.code == code);
    Undertakings {
        publication: has(duo::PUB),
        collaboration: has(duo::COL),
        return_of_results: has(duo::RTN),
        no_reidentification: has(duo::NRI),
        moratorium: clauses.iter().find_map(|clause| match clause.parameter {
            Some(Parameter::Day(day)) => Some(day),
            _ => None,
        }),
    }
}

/// Refuses a request that the ledger would refuse, by its own rule, before anything is proven: the ledger
/// would record the refusal, and keep fee and nullifier.
///
/// # Errors
/// `credential.expired`, `credential.purpose` if the credential does not prove enough, `purchase.terms`
/// if the terms do not cover the purpose.
pub fn require(
    terms: &Terms,
    purpose: &Purpose,
    attributes: &Attributes,
    today: u32,
) -> Result<(), Failure> {
    if attributes.expiry <= today {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "credential.expired",
            format!(
                "the credential is good until {}, and today is {}",
                day_text(attributes.expiry),
                day_text(today)
            ),
        )
        .remedy("ask your issuer to renew it"));
    }
    let decision = terms.decide(purpose, &Proven::at_most(attributes));
    if decision.is_open() {
        return Ok(());
    }
    let reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
    let reasons = reasons.join("; ");
    let finding = decision.deciding().map(|reason| reason.finding);
    Err(match finding {
        Some(Finding::PurposeNotProven | Finding::NotProven) => Failure::new(
            Exit::RefusedPurchase,
            "credential.purpose",
            format!("the credential does not prove what the terms ask for: {reasons}"),
        )
        .remedy(
            "ask for another purpose, or ask your issuer to approve this one; nothing was sent",
        ),
        Some(Finding::NotUndertaken) => Failure::new(
            Exit::RefusedPurchase,
            "purchase.terms",
            format!("the terms ask for more than is undertaken: {reasons}"),
        )
        .remedy("if you mean to keep it, add --undertake all; nothing was sent"),
        _ => Failure::new(
            Exit::RefusedPurchase,
            "purchase.terms",
            format!("the terms do not cover this purpose: {reasons}"),
        )
        .remedy("choose a purpose that a clause permits, or another dataset; nothing was sent"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_market::codec::Bounded;
    use galen_market::id::Digest;
    use galen_market::terms::{ETHICS_BIT, NONPROFIT_BIT, institution_attribute};
    use galen_zk::circuit::credential::Country;

    use super::*;

    fn attributes(expiry: u32, purposes: u32) -> Attributes {
        Attributes {
            role: 1,
            institution: institution_attribute("A clinic"),
            country: Country::new("DE").unwrap(),
            purposes,
            approval: Scalar::from(8),
            expiry,
            spare: [Scalar::from(0); 2],
        }
    }

    fn terms(clauses: &[&str]) -> Terms {
        Terms {
            clauses: Bounded::new(clauses.iter().map(|text| text.parse().unwrap()).collect())
                .unwrap(),
            licence_text: Digest([1; 32]),
            review_ms: None,
            review_all: false,
        }
    }

    #[test]
    fn what_the_ledger_would_refuse_is_refused_before_proving() {
        let health = Purpose::new(PurposeKind::Health, None);
        let refusal = |terms: &Terms, purpose: &Purpose, expiry, bits| {
            require(terms, purpose, &attributes(expiry, bits), 100)
                .map_err(|failure| (failure.code().to_owned(), failure.to_string()))
        };
        let plain = terms(&["HMB", "NPU"]);
        assert_eq!(refusal(&plain, &health, 101, 2 | NONPROFIT_BIT), Ok(()));
        let code = |result: Result<(), (String, String)>| result.unwrap_err().0;
        assert_eq!(code(refusal(&plain, &health, 100, 255)), "credential.expired");
        assert_eq!(code(refusal(&plain, &health, 101, 2)), "credential.purpose");
        assert_eq!(code(refusal(&plain, &health, 101, NONPROFIT_BIT)), "credential.purpose");
        let general = Purpose::new(PurposeKind::General, None);
        let (code_, text) = refusal(&plain, &general, 101, 255).unwrap_err();
        assert_eq!(code_, "purchase.terms");
        assert!(text.contains("DUO:0000006 permits other purposes only"), "{text}");
        assert!(text.contains("DUO:0000045 is proven"), "every clause is named: {text}");
        for (clause, good) in
            [("GS:AT,DE", true), ("GS:FR", false), ("IS:A clinic", true), ("IS:B", false)]
        {
            let result = refusal(&terms(&["HMB", clause]), &health, 101, 2);
            assert_eq!(result.is_ok(), good, "{clause}: {result:?}");
        }
        let promised = terms(&["HMB", "NRI", "MOR:2027-01-01"]);
        assert_eq!(code(refusal(&promised, &health, 101, 2)), "purchase.terms");
        let mut willing = health;
        willing.undertakings = asked_for(&promised.clauses);
        assert_eq!(refusal(&promised, &willing, 101, 2), Ok(()));
    }

    #[test]
    fn guesses_are_what_the_credential_approves() {
        let listed = terms(&["DS:MONDO:0005148", "NRI", "IRB"]);
        let bits = PurposeKind::General.bit() | PurposeKind::Disease.bit() | ETHICS_BIT;
        let found = guesses(&listed, &attributes(200, bits));
        assert_eq!(
            found.iter().map(|purpose| purpose.kind).collect::<Vec<_>>(),
            [PurposeKind::General, PurposeKind::Disease]
        );
        let outcomes: Vec<_> = found
            .iter()
            .map(|purpose| listed.decide(purpose, &Proven::at_most(&attributes(200, bits))).outcome)
            .collect();
        assert_eq!(outcomes, [Outcome::Refused, Outcome::Allowed]);
        let said = reveals(&listed.required(&found[1]), &found[1]);
        assert!(said[0].to_string().contains("disease, ethics"), "{said:?}");
    }
}
