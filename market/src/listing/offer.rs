//! What is offered: terms, tiers with their prices, who shares them, and where the package is served.

use super::*;
use crate::amount::Currency;
use crate::terms::duo;

/// One version of what an institution offers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Offer {
    /// The terms.
    pub terms: Terms,
    /// The ways in which it is sold: at least one, all in one currency.
    pub tiers: Bounded<Tier, MAX_TIERS>,
    /// Who is paid; what rounding leaves over goes to the first.
    pub shares: Bounded<Share, MAX_SHARES>,
    /// What derived packages owe of their prices, in ten-thousandths. Binds those that are drafted while
    /// this is the present offer.
    #[serde(default)]
    pub royalty: u16,
    /// The most licences of this package that are ever sold, all versions of the offer together; those
    /// of refunded deals do not count, nor what subscribers claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_licences: Option<u32>,
    /// Most deals at a time that are ready and wait for their key.
    pub max_undelivered: u32,
    /// Addresses at which leaves, manifest and segments are served; may be empty.
    pub locations: Bounded<Text<200>, MAX_LOCATIONS>,
    /// What is declared of the package, not proven, for those who look for one.
    #[serde(default)]
    pub declared: Declared,
}

impl Offer {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Of the terms and tiers; [`TxError::BadShares`]; [`TxError::BadTerms`] if no deal could ever be
    /// ready.
    pub fn check(&self) -> Result<(), TxError> {
        self.terms.check()?;
        self.check_tiers()?;
        share::check(&self.shares)?;
        if self.royalty > BASIS_POINTS {
            let what = "a royalty is at most 10000 basis points".to_owned();
            return Err(TxError::BadTerms { what });
        }
        if self.max_licences == Some(0) {
            return Err(TxError::BadTerms { what: "max_licences must be positive".to_owned() });
        }
        if self.max_undelivered == 0 {
            return Err(TxError::BadTerms { what: "max_undelivered must be positive".to_owned() });
        }
        Ok(())
    }

    fn check_tiers(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadTerms { what: what.to_owned() });
        let Some(first) = self.tiers.first() else { return bad("there is no tier") };
        for (at, tier) in (0usize..).zip(&self.tiers) {
            tier.check()?;
            if let Some(most) = self.terms.most_months().filter(|most| tier.licence_months > *most)
            {
                let what = format!(
                    "allows {most} months, and the licence of tier {:?} lasts longer",
                    tier.name.as_str()
                );
                return Err(TxError::BadClause { clause: duo::TS, what });
            }
            if tier.price.currency != first.price.currency {
                return bad("all tiers have their price in one currency");
            }
            if self.tiers.iter().take(at).any(|earlier| earlier.name == tier.name) {
                return bad("two tiers have one name");
            }
        }
        Ok(())
    }

    /// The tier of a name.
    ///
    /// # Errors
    /// [`TxError::UnknownTier`].
    pub fn tier(&self, name: &TierName) -> Result<&Tier, TxError> {
        let named = self.tiers.iter().find(|tier| tier.name == *name);
        named.ok_or_else(|| TxError::UnknownTier { tier: name.to_string() })
    }

    /// How many licences are sold at most, if a listing has sold them.
    #[must_use]
    pub fn sold_out(&self, listing: &Listing) -> Option<u32> {
        self.max_licences.filter(|most| listing.licences >= *most)
    }

    /// The currency of all prices.
    ///
    /// # Errors
    /// [`TxError::BadTerms`] if there is no tier, which no offer on the ledger is without.
    pub fn currency(&self) -> Result<&Currency, TxError> {
        let bad = || TxError::BadTerms { what: "there is no tier".to_owned() };
        Ok(&self.tiers.first().ok_or_else(bad)?.price.currency)
    }

    /// The least price for which something can be had.
    #[must_use]
    pub fn least_price(&self) -> Option<Money> {
        let prices = self.tiers.iter().filter_map(|tier| tier.total(tier.seats.included).ok());
        prices.min_by_key(|price| price.amount)
    }

    /// The rules that need the parameters.
    pub(super) fn admissible(&self, ctx: &Context<'_>) -> Result<(), TxError> {
        ctx.currency(self.currency()?)?;
        let max = ctx.parameters().max_review_ms;
        if self.terms.review_ms.is_some_and(|review| review > max) {
            let what = format!("a review may take at most {max} ms of up-time");
            return Err(TxError::BadTerms { what });
        }
        Ok(())
    }
}
