//! Subscriptions of the reference: later versions of a package for some months, paid by the month.

use super::deals::{Claimed, Deal, Stage};
use super::reference::*;

/// Most terms that are paid for, and most claims of one version.
const MOST_TERMS: usize = 8;
const MOST_CLAIMS: usize = 8;

/// A paid term.
#[derive(Clone, Debug)]
pub struct Term {
    pub package: ListingName,
    pub version: usize,
    pub tier: usize,
    pub left: u64,
    pub months: u64,
}

/// A subscription, named by its first deal.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub listing: ListingName,
    pub refund: Name,
    pub buyer: Buyer,
    pub seats: u32,
    pub terms: Vec<Term>,
    pub month_ends: u64,
    /// Whether a claim found too little bond, and none was delivered since.
    pub denied: bool,
    pub ended: bool,
    /// The claims of each version, one after the other.
    pub claims: Vec<(ListingName, Name)>,
}

/// What a claim of a version says.
#[derive(Clone, Debug)]
pub struct Claim {
    pub subscription: Name,
    /// Of the institution of the subscription.
    pub package: Name,
    pub own_key: bool,
    pub allowance: u64,
    pub funder: Name,
    pub ready: bool,
}

/// What a renewal says.
#[derive(Clone, Debug)]
pub struct Renewal {
    pub subscription: Name,
    pub listing: ListingName,
    pub up_to_date: bool,
    pub tier: usize,
    pub own_key: bool,
    pub shown: Buyer,
    pub funder: Name,
}

impl Reference {
    /// The first deal is paid: what the term costs is kept, and gives how much that is.
    pub fn begin_subscription(&mut self, name: Name) -> u64 {
        let deal = self.deals[&name].clone();
        if deal.claim.is_some() {
            return 0;
        }
        let Some((months, price)) = self.offer_of(&deal).tiers[deal.tier].term else { return 0 };
        self.pay(Place::Price(name), Place::Subscription(name), price);
        let term = Term {
            package: deal.listing,
            version: deal.version,
            tier: deal.tier,
            left: price,
            months,
        };
        let subscription = Subscription {
            listing: deal.listing,
            refund: deal.refund,
            buyer: deal.buyer,
            seats: deal.seats,
            terms: vec![term],
            month_ends: self.now + self.rules.month,
            denied: false,
            ended: false,
            claims: Vec::new(),
        };
        self.subscriptions.insert(name, subscription);
        self.happens("a subscription begins");
        price
    }

    /// The rest goes back.
    fn end_subscription(&mut self, name: Name, why: &'static str) {
        let subscription = self.subscriptions.get_mut(&name).expect("it is there");
        (subscription.ended, subscription.terms) = (true, Vec::new());
        let refund = subscription.refund;
        let rest = self.held(Place::Subscription(name));
        self.pay(Place::Subscription(name), Place::Free(refund), rest);
        self.happens(why);
    }

    /// A month is over: it is paid if the newest version could be had, and no claim was left without bond.
    pub fn month_ends(&mut self, name: Name) {
        let subscription = self.subscriptions[&name].clone();
        if subscription.denied {
            return self.end_subscription(name, "a subscription ends, a claim denied");
        }
        let newest = self.newest(subscription.listing);
        if !self.takes_requests(newest).is_empty() {
            return self.end_subscription(name, "a subscription ends, not served");
        }
        let Term { package, version, left, months, .. } = subscription.terms[0];
        let part = left / months;
        let offer = self.listings[&package].offers[version].clone();
        self.share_out(Place::Subscription(name), package, &offer, part);
        self.happens("a month is paid");
        let month = self.rules.month;
        let subscription = self.subscriptions.get_mut(&name).expect("it is there");
        let term = &mut subscription.terms[0];
        (term.left, term.months) = (left - part, months - 1);
        if term.months == 0 {
            subscription.terms.remove(0);
        }
        subscription.month_ends += month;
        if subscription.terms.is_empty() {
            self.end_subscription(name, "a subscription ends, all months over");
        }
    }

    /// What stands against its holder's wish, whatever that is.
    fn subscribed(&self, name: Name, own_key: bool) -> Against {
        let Some(subscription) = self.subscriptions.get(&name) else {
            return vec!["unknown_subscription"];
        };
        let mut against = unless(own_key, "unauthorised");
        against.extend(unless(!subscription.ended, "subscription_ended"));
        against
    }

    /// How often a subscription claimed a version.
    pub fn claims_of(&self, subscription: Name, package: Name) -> usize {
        let claims = self.subscriptions.get(&subscription).map(|it| it.claims.iter());
        claims.map_or(0, |claims| claims.filter(|(of, _)| of.1 == package).count())
    }

    /// A claim, with the name of the deal that it would open.
    pub fn claim(&mut self, name: Name, claim: &Claim) -> Against {
        let Claim { package, funder, allowance, .. } = *claim;
        let mut against = self.subscribed(claim.subscription, claim.own_key);
        let Some(subscription) = self.subscriptions.get(&claim.subscription).cloned() else {
            return against;
        };
        let listing = (subscription.listing.0, package);
        against.extend(self.takes_requests(listing));
        against.extend(unless(allowance >= self.rules.least_allowance, "allowance_too_small"));
        against.extend(self.can_pay(Place::Free(funder), allowance));
        let covered = self.is_version_of(listing, subscription.listing);
        against.extend(unless(covered, "not_in_subscription"));
        let last = subscription.claims.iter().rfind(|(of, _)| *of == listing);
        let over = last.is_none_or(|(_, deal)| self.deals[deal].stage == Stage::Terminated);
        against.extend(unless(over, "already_claimed"));
        let few = self.claims_of(claim.subscription, package) < MOST_CLAIMS;
        against.extend(unless(few, "too_many_claims"));
        if !against.is_empty() {
            return against;
        }
        // The bond is that of a first deal under the running term.
        let Term { package, version, tier, .. } = subscription.terms[0];
        let agreed = &self.listings[&package].offers[version];
        let paid = agreed.price(tier, subscription.seats, &subscription.buyer);
        let claimed = Claimed {
            subscription: claim.subscription,
            paid: paid.expect("the term was sold for these seats"),
        };
        let deal = Deal {
            listing,
            version: self.listings[&listing].offers.len() - 1,
            tier,
            seats: subscription.seats,
            price: 0,
            stage: Stage::Requested,
            deadline: 0,
            refund: subscription.refund,
            buyer: subscription.buyer,
            ready: claim.ready,
            delivered: false,
            standing: None,
            claim: Some(claimed),
        };
        self.deals.insert(name, deal);
        let subscription = self.subscriptions.get_mut(&claim.subscription).expect("it is there");
        subscription.claims.push((listing, name));
        self.begin_deal(name, Place::Free(funder), allowance);
        against
    }

    pub fn renew(&mut self, nullifier: Name, renewal: &Renewal) -> Against {
        let Renewal { subscription: name, listing, tier, shown, funder, .. } = *renewal;
        let mut against = self.subscribed(name, renewal.own_key);
        against.extend(unless(self.is_active(Role::Issuer, shown.issuer), "role_not_active"));
        against.extend(unless(!self.spent.contains(&nullifier), "nullifier_used"));
        let Some(subscription) = self.subscriptions.get(&name).cloned() else { return against };
        let newest = self.newest(subscription.listing);
        against.extend(unless(newest == listing, "superseded"));
        against.extend(self.takes_requests(newest));
        against.extend(unless(!subscription.denied, "not_renewable"));
        against.extend(unless(renewal.up_to_date, "offer_changed"));
        against.extend(unless(subscription.terms.len() < MOST_TERMS, "not_renewable"));
        let version = self.listings[&newest].offers.len() - 1;
        let offer = self.listings[&newest].offers[version].clone();
        // Whether the purpose of the subscription is still allowed, the credential of today says.
        let buyer = Buyer { health: subscription.buyer.health, ..shown };
        against.extend(unless(offer.lets(&buyer), "not_renewable"));
        against.extend(offer.price(tier, subscription.seats, &buyer).err());
        let Some((months, price)) = offer.tiers.get(tier).and_then(|tier| tier.term) else {
            against.push("not_renewable");
            return against;
        };
        against.extend(self.can_pay(Place::Free(funder), price));
        if against.is_empty() {
            self.spent.insert(nullifier);
            self.pay(Place::Free(funder), Place::Subscription(name), price);
            let term = Term { package: newest, version, tier, left: price, months };
            let subscription = self.subscriptions.get_mut(&name).expect("it was just found");
            subscription.terms.push(term);
        }
        against
    }

    // ---- What claims come to ----

    /// The subscription of a claim, if it goes on.
    fn of_claim(&mut self, deal: Name) -> Option<(Name, &mut Subscription)> {
        let name = self.deals[&deal].claim.as_ref()?.subscription;
        let subscription = self.subscriptions.get_mut(&name).filter(|it| !it.ended)?;
        Some((name, subscription))
    }

    pub fn claim_denied(&mut self, deal: Name) {
        if let Some((_, subscription)) = self.of_claim(deal) {
            subscription.denied = true;
        }
    }

    pub fn claim_served(&mut self, deal: Name) {
        if let Some((_, subscription)) = self.of_claim(deal) {
            subscription.denied = false;
            self.happens("a claim is delivered");
        }
    }

    pub fn claim_failed(&mut self, deal: Name) {
        if let Some((name, _)) = self.of_claim(deal) {
            self.end_subscription(name, "a subscription ends, a claim failed");
        }
    }
}
