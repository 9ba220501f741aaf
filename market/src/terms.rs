//! Terms of a listing: a list of clauses and the licence's text, and the decision whether a purpose,
//! together with what a credential proves, meets them. Prices are in the tiers of an offer. Depends on
//! codecs; pure. How each code is decided stands in the private module `decision` and in
//! docs/protocol.md.

mod clause;
mod decision;
pub mod duo;
mod purpose;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec::Bounded;
use crate::error::TxError;
use crate::id::{Digest, Hasher};

pub use clause::{Clause, ClauseError, MAX_DISEASES, MAX_NAME_BYTES, MAX_TEXT_BYTES, Parameter};
pub use decision::{Decision, Finding, Outcome, Reason, Required};
pub use duo::{Code, Mondo};
pub use purpose::{
    ETHICS_BIT, NONPROFIT_BIT, Proven, Purpose, PurposeKind, Undertakings, institution_attribute,
};

/// Most clauses of the terms.
pub const MAX_CLAUSES: usize = 24;
/// Longest licence.
pub const MAX_LICENCE_MONTHS: u32 = 1_200;

/// The terms of a listing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Terms {
    /// Who may use the data for what: at least one permission, of which one suffices, and restrictions,
    /// all of which must be met. No code stands twice.
    pub clauses: Bounded<Clause, MAX_CLAUSES>,
    /// Hash of the licence's text.
    pub licence_text: Digest,
    /// Up-time that the institution has to review a request, in milliseconds; none if no request is
    /// reviewed.
    pub review_ms: Option<u64>,
    /// Whether every request is reviewed, and not only those that a clause leaves to review.
    pub review_all: bool,
}

impl Terms {
    /// The hash of the terms alone. A buyer agrees to [`crate::listing::Tier::agreement`].
    pub fn hash(&self) -> Digest {
        Hasher::new("galen/terms").value(self).digest()
    }

    /// The most months of a licence that a clause allows; none if no clause says.
    #[must_use]
    pub fn most_months(&self) -> Option<u32> {
        self.clauses.iter().find_map(|clause| match clause.parameter {
            Some(Parameter::Months(months)) => Some(months),
            _ => None,
        })
    }

    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::UnknownClause`], [`TxError::BadClause`] or [`TxError::BadTerms`].
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadTerms { what: what.to_owned() });
        for (at, clause) in (0usize..).zip(&self.clauses) {
            clause.check()?;
            if self.clauses.iter().take(at).any(|earlier| earlier.code == clause.code) {
                let what = "stands twice".to_owned();
                return Err(TxError::BadClause { clause: clause.code, what });
            }
        }
        if !self.clauses.iter().any(|clause| clause.code.is_permission()) {
            return bad("no clause permits anything");
        }
        if let Some(error) = clause::contradiction(&self.clauses) {
            return Err(error);
        }
        let reviewed = self.clauses.iter().find(|clause| clause.needs_review());
        match (self.review_ms, reviewed) {
            (None, Some(clause)) => {
                let what = "needs a review, and no time for reviews is stated".to_owned();
                return Err(TxError::BadClause { clause: clause.code, what });
            }
            (None, None) if self.review_all => return bad("reviews need time"),
            (Some(0), _) => return bad("a review needs time"),
            (Some(_), None) if !self.review_all => {
                return bad("a time for reviews is stated, and no request is reviewed");
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
