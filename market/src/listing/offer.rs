//! What is offered: terms with a price, who shares it, and where the package is served.

use super::*;

/// Parts of a price; shares add up to it.
pub const BASIS_POINTS: u16 = 10_000;

/// A share of the price.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Share {
    /// Who receives it.
    pub account: AccountId,
    /// Ten-thousandths of the price, at least one.
    pub basis_points: u16,
}

/// One version of what an institution offers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Offer {
    /// The terms, price included.
    pub terms: Terms,
    /// Who is paid; what rounding leaves over goes to the first.
    pub shares: Bounded<Share, MAX_SHARES>,
    /// Most deals at a time that are ready and wait for their key.
    pub max_undelivered: u32,
    /// Addresses at which leaves, manifest and segments are served; may be empty.
    pub locations: Bounded<Text<200>, MAX_LOCATIONS>,
}

impl Offer {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Of the terms; [`TxError::BadShares`]; [`TxError::BadTerms`] if no deal could ever be ready.
    pub fn check(&self) -> Result<(), TxError> {
        self.terms.check()?;
        let sum: u32 = self.shares.iter().map(|share| u32::from(share.basis_points)).sum();
        let positive = self.shares.iter().all(|share| share.basis_points > 0);
        let repeated = (0usize..).zip(&self.shares).any(|(at, share)| {
            self.shares.iter().take(at).any(|earlier| earlier.account == share.account)
        });
        if sum != u32::from(BASIS_POINTS) || !positive || repeated {
            return Err(TxError::BadShares);
        }
        if self.max_undelivered == 0 {
            return Err(TxError::BadTerms { what: "max_undelivered must be positive".to_owned() });
        }
        Ok(())
    }

    /// The rules that need the parameters.
    pub(super) fn admissible(&self, ctx: &Context<'_>) -> Result<(), TxError> {
        ctx.currency(&self.terms.price.currency)?;
        let max = ctx.parameters().max_review_ms;
        if self.terms.review_ms.is_some_and(|review| review > max) {
            let what = format!("a review may take at most {max} ms of up-time");
            return Err(TxError::BadTerms { what });
        }
        Ok(())
    }
}
