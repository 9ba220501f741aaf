//! Tiers of an offer: as a steward writes them, and as a buyer chooses one.

use galen_market::amount::{Amount, Money};
use galen_market::codec::{Bounded, Text};
use galen_market::listing::{Offer, Seats, SubscriptionTerms, Tier};
use galen_market::terms::{Purpose, PurposeKind};
use serde::{Deserialize, Serialize};

use super::description::money;
use crate::error::{Exit, Failure};

/// The name of the tier of an offer that states a price and no tiers.
pub const ONLY_TIER: &str = "standard";

/// A tier in a description.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierDescription {
    /// Its name.
    pub name: String,
    /// Kinds of purposes that it is for, as `galen deal request --purpose` takes them; all if none.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// Price in minor units and currency.
    pub price: String,
    /// How long a licence lasts.
    pub licence_months: u32,
    /// Named users that the price includes.
    #[serde(default = "one")]
    pub seats: u32,
    /// Price of each further one, in minor units and currency; none are sold if it is not given.
    #[serde(default)]
    pub extra_seat: Option<String>,
    /// The most named users of one licence.
    #[serde(default)]
    pub most_seats: Option<u32>,
    /// Later versions, if the tier includes them.
    #[serde(default)]
    pub subscription: Option<SubscriptionDescription>,
}

/// A subscription in a description.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionDescription {
    /// How many months one term lasts.
    pub months: u32,
    /// What one term costs besides the tier's price, in minor units and currency.
    pub price: String,
}

const fn one() -> u32 {
    1
}

fn bad(tier: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Input, "description.terms", format!("tier `{tier}`: {error}"))
        .remedy("correct the description and pack again")
}

impl TierDescription {
    /// A tier of a price and a licence for one person, for every purpose.
    #[must_use]
    pub fn simple(price: String, licence_months: u32) -> Self {
        Self {
            name: ONLY_TIER.to_owned(),
            purposes: Vec::new(),
            price,
            licence_months,
            seats: 1,
            extra_seat: None,
            most_seats: None,
            subscription: None,
        }
    }

    /// The tier.
    ///
    /// # Errors
    /// Text that is no money or purpose, or numbers of seats that contradict themselves.
    pub fn tier(&self) -> Result<Tier, Failure> {
        let bad = |error: &dyn std::fmt::Display| bad(&self.name, error);
        let price = money(&self.price)?;
        let same = |text: &str| -> Result<Amount, Failure> {
            let Money { currency, amount } = money(text)?;
            if currency != price.currency {
                return Err(bad(&format!("{text} is not in {}", price.currency)));
            }
            Ok(amount)
        };
        let seats = match (&self.extra_seat, self.most_seats) {
            (Some(extra), Some(most)) => Seats { included: self.seats, extra: same(extra)?, most },
            (None, None) => Seats { included: self.seats, extra: Amount::ZERO, most: self.seats },
            _ => return Err(bad(&"extra_seat and most_seats belong together")),
        };
        let purposes =
            self.purposes.iter().map(|text| purpose(&self.name, text)).collect::<Result<_, _>>()?;
        let subscription = match &self.subscription {
            Some(SubscriptionDescription { months, price }) => {
                Some(SubscriptionTerms { months: *months, price: same(price)? })
            }
            None => None,
        };
        Ok(Tier {
            name: Text::new(self.name.as_str()).map_err(|error| bad(&error))?,
            purposes: Bounded::new(purposes).map_err(|error| bad(&error))?,
            licence_months: self.licence_months,
            seats,
            subscription,
            price,
        })
    }
}

/// A kind of purpose by the name that the ledger's JSON gives it.
fn purpose(tier: &str, text: &str) -> Result<PurposeKind, Failure> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| bad(tier, &format!("purpose `{text}`: {error}")))
}

/// A tier that was chosen, with what it comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// The tier.
    pub tier: Tier,
    /// Named users.
    pub seats: u32,
    /// The price, the first term of a subscription included.
    pub price: Money,
}

/// The tier that a buyer named, or the only one that is for the purpose; with the seats that it
/// includes, if no number is named.
///
/// # Errors
/// When there is no such tier or more than one, or the tier has not so many seats.
pub fn choose(
    offer: &Offer,
    purpose: &Purpose,
    named: Option<&str>,
    seats: Option<u32>,
) -> Result<Chosen, Failure> {
    let refuse = |what: String| {
        let tiers: Vec<String> = offer.tiers.iter().map(sentence).collect();
        Failure::new(Exit::RefusedPurchase, "purchase.tier", what)
            .remedy(format!("choose with --tier: {}", tiers.join("; ")))
    };
    let tier = match named {
        Some(name) => {
            let found = offer.tiers.iter().find(|tier| tier.name.as_str() == name);
            let tier = found.ok_or_else(|| refuse(format!("the offer has no tier `{name}`")))?;
            if !tier.is_for(purpose) {
                return Err(refuse(format!("the tier `{name}` is for other purposes")));
            }
            tier
        }
        None => {
            let mut fitting = offer.tiers.iter().filter(|tier| tier.is_for(purpose));
            match (fitting.next(), fitting.next()) {
                (Some(tier), None) => tier,
                (None, _) => return Err(refuse("no tier is for this purpose".to_owned())),
                (Some(_), Some(_)) => {
                    return Err(refuse("more than one tier is for this purpose".to_owned()));
                }
            }
        }
    };
    let seats = seats.unwrap_or(tier.seats.included);
    let price = tier.total(seats).map_err(|error| {
        Failure::new(Exit::RefusedPurchase, "purchase.seats", error.what()).remedy(error.remedy())
    })?;
    Ok(Chosen { tier: tier.clone(), seats, price })
}

/// A tier in one line: name, price in minor units, seats, licence, subscription, purposes.
#[must_use]
pub fn sentence(tier: &Tier) -> String {
    format!("{}: {}", tier.name, about(tier, &|amount| amount.to_string()))
}

/// The same without the name, with amounts as somebody writes them.
#[must_use]
pub fn about(tier: &Tier, write: &dyn Fn(Amount) -> String) -> String {
    let Seats { included, extra, most } = tier.seats;
    let currency = &tier.price.currency;
    let mut parts = vec![format!("{} {currency}", write(tier.price.amount))];
    parts.push(match (included, most) {
        (1, 1) => "one named user".to_owned(),
        (included, most) if included == most => format!("{included} named users"),
        (included, most) => {
            let extra = write(extra);
            format!("{included} named users, up to {most} for {extra} {currency} each")
        }
    });
    parts.push(format!("licence of {} months", tier.licence_months));
    if let Some(SubscriptionTerms { months, price }) = tier.subscription {
        let price = write(price);
        parts.push(format!("and {price} {currency} for new versions of {months} months"));
    }
    if !tier.purposes.is_empty() {
        let kinds: Vec<_> = tier.purposes.iter().map(|kind| kind.name()).collect();
        parts.push(format!("for {}", kinds.join(", ")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn described(json: &str) -> Result<Tier, Failure> {
        serde_json::from_str::<TierDescription>(json).unwrap().tier()
    }

    #[test]
    fn tiers_are_read_as_they_are_written() {
        let simple = TierDescription::simple("100 EUR".to_owned(), 12).tier().unwrap();
        assert_eq!(sentence(&simple), "standard: 100 EUR, one named user, licence of 12 months");
        let full = described(
            r#"{"name": "academic", "purposes": ["health", "disease"], "price": "100 EUR",
                "licence_months": 12, "seats": 2, "extra_seat": "10 EUR", "most_seats": 5,
                "subscription": {"months": 12, "price": "60 EUR"}}"#,
        )
        .unwrap();
        assert_eq!(
            sentence(&full),
            "academic: 100 EUR, 2 named users, up to 5 for 10 EUR each, licence of 12 months, \
             and 60 EUR for new versions of 12 months, for health, disease"
        );
        assert_eq!(
            about(&full, &|amount| galen_api::words::amount(amount.units(), 2)),
            "1.00 EUR, 2 named users, up to 5 for 0.10 EUR each, licence of 12 months, \
             and 0.60 EUR for new versions of 12 months, for health, disease"
        );
        for (json, code) in [
            (r#""price": "100""#, "money"),
            (r#""price": "100 EUR", "purposes": ["fun"]"#, "description.terms"),
            (r#""price": "100 EUR", "extra_seat": "10 EUR""#, "description.terms"),
            (r#""price": "100 EUR", "extra_seat": "10 USD", "most_seats": 3"#, "description.terms"),
        ] {
            let json = format!(r#"{{"name": "academic", "licence_months": 12, {json}}}"#);
            assert_eq!(described(&json).unwrap_err().code(), code, "{json}");
        }
    }

    #[test]
    fn a_buyer_chooses_one_tier() {
        let tier = |name: &str, purposes: &[PurposeKind]| Tier {
            name: Text::new(name).unwrap(),
            purposes: Bounded::new(purposes.to_vec()).unwrap(),
            seats: Seats { included: 1, extra: Amount::new(5), most: 3 },
            ..TierDescription::simple("100 EUR".to_owned(), 12).tier().unwrap()
        };
        let offer = |tiers: Vec<Tier>| Offer {
            terms: galen_market::terms::Terms {
                clauses: Bounded::default(),
                licence_text: galen_market::id::Digest([1; 32]),
                review_ms: None,
                review_all: false,
            },
            tiers: Bounded::new(tiers).unwrap(),
            shares: Bounded::default(),
            royalty: 0,
            max_licences: None,
            max_undelivered: 1,
            locations: Bounded::default(),
            declared: galen_market::listing::Declared::default(),
        };
        let health = Purpose::new(PurposeKind::Health, None);
        let (health_only, general_only) =
            (tier("health", &[PurposeKind::Health]), tier("general", &[PurposeKind::General]));
        let two = offer(vec![health_only.clone(), general_only]);
        let chosen = choose(&two, &health, None, Some(3)).unwrap();
        assert_eq!(
            (chosen.tier.name.as_str(), chosen.price.to_string().as_str()),
            ("health", "110 EUR")
        );
        let refused = |offer: &Offer, named, seats| {
            choose(offer, &health, named, seats).unwrap_err().code().to_owned()
        };
        assert_eq!(refused(&two, Some("general"), None), "purchase.tier");
        assert_eq!(refused(&two, Some("gold"), None), "purchase.tier");
        assert_eq!(refused(&two, None, Some(0)), "purchase.seats");
        assert_eq!(refused(&two, None, Some(4)), "purchase.seats");
        let both = offer(vec![health_only, tier("any", &[])]);
        assert_eq!(refused(&both, None, None), "purchase.tier");
        assert_eq!(choose(&both, &health, Some("any"), None).unwrap().seats, 1);
    }
}
