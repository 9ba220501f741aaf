//! What a listing is sold for: tiers, each for some purposes, with a price, seats, a licence and, if it
//! is one, a subscription to later versions. The ledger computes every price from the tier; a request
//! only repeats it. Depends on amounts and purposes; pure.

use super::*;
use crate::amount::Amount;
use crate::id::Hasher;
use crate::terms::{MAX_LICENCE_MONTHS, Purpose, PurposeKind};

/// Most tiers of an offer.
pub const MAX_TIERS: usize = 8;
/// Most kinds of purposes that a tier names.
pub const MAX_TIER_PURPOSES: usize = 16;
/// Most named users of a licence.
pub const MAX_SEATS: u32 = 100_000;
/// Longest term of a subscription.
pub const MAX_SUBSCRIPTION_MONTHS: u32 = 120;

/// The name of a tier within its offer.
pub type TierName = Text<40>;

/// One way in which a listing is sold.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Tier {
    /// Its name, which no other tier of the offer has.
    pub name: TierName,
    /// Kinds of purposes that it is for; none named means all that the clauses permit.
    #[serde(default)]
    pub purposes: Bounded<PurposeKind, MAX_TIER_PURPOSES>,
    /// The price of a licence with the included seats.
    pub price: Money,
    /// How long a licence lasts, counted from delivery.
    pub licence_months: u32,
    /// Named users.
    #[serde(default)]
    pub seats: Seats,
    /// Later versions, if the tier includes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionTerms>,
}

/// How many named users a licence is for.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Seats {
    /// Named users that the price includes, and the fewest that can be asked for.
    pub included: u32,
    /// The price of each further one, in the currency of the tier.
    pub extra: Amount,
    /// The most of one licence.
    pub most: u32,
}

impl Default for Seats {
    fn default() -> Self {
        Self { included: 1, extra: Amount::ZERO, most: 1 }
    }
}

/// A right to the versions that supersede a package, for some time.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct SubscriptionTerms {
    /// How many months one term lasts.
    pub months: u32,
    /// What one term costs besides the tier's price, in the currency of the tier.
    pub price: Amount,
}

impl Tier {
    /// The rules that need neither the other tiers nor the state.
    ///
    /// # Errors
    /// [`TxError::BadTerms`].
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| {
            Err(TxError::BadTerms { what: format!("tier {:?}: {what}", self.name.as_str()) })
        };
        if self.name.as_str().trim().is_empty() || self.name.as_str().trim() != self.name.as_str() {
            return bad("a tier needs a name without blanks around it");
        }
        let repeated = (0usize..)
            .zip(&self.purposes)
            .any(|(at, kind)| self.purposes.iter().take(at).any(|earlier| earlier == kind));
        if repeated {
            return bad("a purpose is repeated");
        }
        if !(1..=MAX_LICENCE_MONTHS).contains(&self.licence_months) {
            return bad("the licence must last 1 to 1200 months");
        }
        let Seats { included, most, .. } = self.seats;
        if included == 0 || most < included || most > MAX_SEATS {
            return bad("seats are 1 to 100000, and no fewer at most than included");
        }
        let months = self.subscription.map(|subscription| subscription.months);
        if months.is_some_and(|months| !(1..=MAX_SUBSCRIPTION_MONTHS).contains(&months)) {
            return bad("a subscription lasts 1 to 120 months");
        }
        // Every price that can be asked for fits.
        match self.total(most) {
            Ok(_) => Ok(()),
            Err(error) => bad(&error.to_string()),
        }
    }

    /// Whether it is for a purpose.
    #[must_use]
    pub fn is_for(&self, purpose: &Purpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose.kind)
    }

    /// The price with so many seats, the first term of a subscription included.
    ///
    /// # Errors
    /// [`TxError::BadSeats`] for fewer seats than are included or more than are sold;
    /// [`TxError::Amount`] on overflow.
    pub fn total(&self, seats: u32) -> Result<Money, TxError> {
        let mut amount = self.licence_price(seats)?;
        if let Some(subscription) = self.subscription {
            amount = amount.checked_add(subscription.price)?;
        }
        Ok(Money { currency: self.price.currency.clone(), amount })
    }

    /// The price with so many seats, without a subscription.
    ///
    /// # Errors
    /// As [`Self::total`].
    pub fn licence_price(&self, seats: u32) -> Result<Amount, TxError> {
        let Seats { included, extra, most } = self.seats;
        if !(included..=most).contains(&seats) {
            return Err(TxError::BadSeats { got: seats, least: included, most });
        }
        let further = u64::from(seats.saturating_sub(included));
        Ok(self.price.amount.checked_add(extra.checked_mul(further)?)?)
    }

    /// The hash that a buyer agrees to: clauses, licence text and everything of this tier.
    #[must_use]
    pub fn agreement(&self, terms: &Terms) -> Digest {
        Hasher::new("galen/agreement").value(terms).value(self).digest()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::amount::AmountError;

    fn tier() -> Tier {
        Tier {
            name: Text::new("academic").unwrap(),
            purposes: Bounded::default(),
            price: Money { currency: "EUR".parse().unwrap(), amount: Amount::new(100) },
            licence_months: 12,
            seats: Seats { included: 2, extra: Amount::new(10), most: 5 },
            subscription: Some(SubscriptionTerms { months: 12, price: Amount::new(60) }),
        }
    }

    #[test]
    fn prices_count_seats_and_the_first_term() {
        let tier = tier();
        tier.check().unwrap();
        assert_eq!(tier.total(2).unwrap().amount, Amount::new(160));
        assert_eq!(tier.total(5).unwrap().amount, Amount::new(190));
        assert_eq!(tier.licence_price(3).unwrap(), Amount::new(110));
        for seats in [0, 1, 6, u32::MAX] {
            let refused = TxError::BadSeats { got: seats, least: 2, most: 5 };
            assert_eq!(tier.total(seats), Err(refused));
        }
    }

    #[test]
    fn tiers_that_contradict_themselves_are_refused() {
        let refused = |change: &dyn Fn(&mut Tier)| {
            let mut tier = tier();
            change(&mut tier);
            tier.check().unwrap_err().code()
        };
        type Change = fn(&mut Tier);
        let cases: [Change; 9] = [
            |tier| tier.name = Text::default(),
            |tier| tier.name = Text::new(" academic").unwrap(),
            |tier| tier.licence_months = 0,
            |tier| tier.licence_months = MAX_LICENCE_MONTHS + 1,
            |tier| tier.seats.included = 0,
            |tier| tier.seats.most = 1,
            |tier| tier.seats.most = MAX_SEATS + 1,
            |tier| tier.subscription = Some(SubscriptionTerms { months: 0, price: Amount::ZERO }),
            // The price of the fifth seat does not fit.
            |tier| tier.seats.extra = Amount::new(u64::MAX / 3),
        ];
        for change in cases {
            assert_eq!(refused(&change), "bad_terms");
        }
        let repeated = [PurposeKind::Health, PurposeKind::Health].to_vec();
        let repeated = Bounded::new(repeated).unwrap();
        assert_eq!(refused(&|tier| tier.purposes = repeated.clone()), "bad_terms");
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let mut tier = tier();
        tier.price.amount = Amount::new(u64::MAX);
        assert_eq!(tier.total(2), Err(AmountError::Overflow.into()));
        tier.subscription = None;
        assert_eq!(tier.total(2).unwrap().amount, Amount::new(u64::MAX));
        assert_eq!(tier.total(3), Err(AmountError::Overflow.into()));
    }
}
