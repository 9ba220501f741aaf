//! Standing requests of the reference.

use super::deals::{Deal, Stage};
use super::reference::*;

#[derive(Clone, Debug)]
pub struct Standing {
    pub asked: Wanted,
    pub since: u64,
    pub until: u64,
    pub ended: bool,
    /// Listings that it met, and the deals of that.
    pub met: Vec<(ListingName, Name)>,
}

/// What a standing request says.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub buyer: Buyer,
    pub institutions: Vec<Name>,
    pub rows: u64,
    pub seats: u32,
    pub max_price: u64,
    pub allowance: u64,
    pub lasts: u64,
    pub funder: Name,
}

/// What is to be looked at, with how far it was looked at.
#[derive(Clone, Debug)]
pub struct Task {
    pub queued: u64,
    pub what: What,
    /// Requests by age, or listings by age, up to here were looked at.
    pub after: Option<(u64, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    Institution(Name),
    Listing(ListingName),
    Request(Name),
}

/// The most listings that a standing request meets.
const MOST_MATCHES: usize = 16;

impl Reference {
    fn queue(&mut self, what: What, after: Option<(u64, Vec<u8>)>) {
        self.tasks.retain(|task| task.what != what);
        self.tasks.push(Task { queued: self.now, what, after });
        self.tasks.sort_by_key(|task| (task.queued, task.what));
    }

    pub fn institution_returns(&mut self, institution: Name) {
        self.queue(What::Institution(institution), None);
    }

    pub fn listing_offers(&mut self, listing: ListingName) {
        self.queue(What::Listing(listing), None);
    }

    pub fn post(&mut self, name: Name, nullifier: Name, asked: &Wanted) -> Against {
        let mut against =
            unless(self.is_active(Role::Issuer, asked.buyer.issuer), "role_not_active");
        against.extend(unless(!self.spent.contains(&nullifier), "nullifier_used"));
        let time = asked.lasts > 0 && asked.lasts <= self.rules.standing_most;
        against.extend(unless(time, "standing_time"));
        let enough = asked.allowance >= self.rules.least_standing_allowance;
        against.extend(unless(enough, "allowance_too_small"));
        let amount = asked.max_price + asked.allowance;
        against.extend(self.can_pay(Place::Free(asked.funder), amount));
        if against.is_empty() {
            self.spent.insert(nullifier);
            self.pay(Place::Free(asked.funder), Place::Wanted(name), amount);
            let until = self.now + asked.lasts;
            let (asked, since, met) = (asked.clone(), self.now, Vec::new());
            self.standings.insert(name, Standing { asked, since, until, ended: false, met });
            self.queue(What::Request(name), None);
        }
        against
    }

    /// Takes a standing request back; the fee comes out of its purse.
    pub fn cancel(&mut self, name: Name, own_key: bool, fee: u64) -> Against {
        let Some(standing) = self.standings.get(&name) else {
            // Nor is there a purse that could pay for it.
            return vec!["unknown_standing", "insufficient_funds"];
        };
        let mut against = unless(!standing.ended, "standing_ended");
        against.extend(unless(standing.until > self.now, "deadline_passed"));
        against.extend(unless(own_key, "unauthorised"));
        if !standing.ended {
            against.extend(self.can_pay(Place::Wanted(name), fee));
        }
        if against.is_empty() {
            self.pay(Place::Wanted(name), Place::Fees, fee);
            self.standing_ends(name);
        }
        against
    }

    fn standing_ends(&mut self, name: Name) {
        let standing = self.standings.get_mut(&name).expect("it is there");
        standing.ended = true;
        let funder = standing.asked.funder;
        let left = self.held(Place::Wanted(name));
        self.pay(Place::Wanted(name), Place::Free(funder), left);
    }

    pub fn standing_expires(&mut self, name: Name) {
        self.standing_ends(name);
    }

    /// Its deal, if one is under way without a key.
    fn waits_for(&self, name: Name) -> Option<Name> {
        let (_, deal) = self.standings[&name].met.last()?;
        let state = &self.deals[deal];
        (state.stage < Stage::Verified).then_some(*deal)
    }

    /// Where the money of an unpaid deal goes.
    pub fn returns_to(&self, deal: Name) -> Place {
        let state = &self.deals[&deal];
        match state.standing {
            Some(name) if !self.standings[&name].ended && !state.delivered => Place::Wanted(name),
            _ => Place::Free(state.refund),
        }
    }

    /// A deal ended unpaid: its standing request goes on if it can.
    pub fn standing_goes_on(&mut self, deal: Name) {
        let state = &self.deals[&deal];
        let Some(name) = state.standing.filter(|_| !state.delivered) else { return };
        let standing = self.standings[&name].clone();
        if standing.ended {
            return;
        }
        let poor = self.held(Place::Wanted(name)) < self.rules.least_standing_allowance;
        if standing.until <= self.now || poor || standing.met.len() >= MOST_MATCHES {
            self.standing_ends(name);
        } else {
            self.queue(What::Request(name), None);
        }
    }

    /// The key of a deal came: its standing request has what it wanted.
    pub fn standing_fulfilled(&mut self, deal: Name) {
        match self.deals[&deal].standing {
            Some(name) if !self.standings[&name].ended => self.standing_ends(name),
            _ => {}
        }
    }

    // ---- Matching ----

    /// Looks at a number of pairs.
    pub fn match_standings(&mut self) {
        let mut left = self.rules.pairs_a_block;
        while left > 0 && !self.tasks.is_empty() {
            let task = self.tasks.remove(0);
            let looked_at = self.look(&task, left);
            left = left.saturating_sub(looked_at.max(1));
        }
    }

    fn look(&mut self, task: &Task, left: usize) -> usize {
        match task.what {
            What::Institution(institution) => {
                let listings = self.listings.iter().filter(|(name, _)| name.0 == institution);
                let all: Vec<_> = listings
                    .map(|(name, listing)| ((0, name.1.to_vec()), *name, listing.state.clone()))
                    .filter(|(place, _, _)| task.after.as_ref().is_none_or(|after| place > after))
                    .take(left)
                    .collect();
                for (_, name, state) in &all {
                    if *state == State::Live {
                        self.listing_offers(*name);
                    }
                }
                self.go_on(task, left, all.iter().map(|(place, _, _)| place.clone()).collect())
            }
            What::Listing(listing) => {
                if !self.takes_requests(listing).is_empty() || self.sold_out(listing) {
                    return 1;
                }
                let mut waiting: Vec<_> = self
                    .standings
                    .iter()
                    .filter(|(name, standing)| !standing.ended && self.waits_for(**name).is_none())
                    .map(|(name, standing)| ((standing.since, name.to_vec()), *name))
                    .collect();
                waiting.sort();
                waiting.retain(|(place, _)| task.after.as_ref().is_none_or(|after| place > after));
                waiting.truncate(left);
                for (_, name) in &waiting {
                    self.meet(*name, listing);
                }
                self.go_on(task, left, waiting.into_iter().map(|(place, _)| place).collect())
            }
            What::Request(name) => {
                if self.standings[&name].ended || self.waits_for(name).is_some() {
                    return 1;
                }
                let live = self.listings.iter().filter(|(_, listing)| listing.state == State::Live);
                let mut live: Vec<_> = live
                    .map(|(name, listing)| {
                        ((listing.since.unwrap_or(0), [name.0, name.1].concat()), *name)
                    })
                    .collect();
                live.sort();
                live.retain(|(place, _)| task.after.as_ref().is_none_or(|after| place > after));
                live.truncate(left);
                for (at, (_, listing)) in live.iter().enumerate() {
                    let offered =
                        self.takes_requests(*listing).is_empty() && !self.sold_out(*listing);
                    if offered && self.meet(name, *listing) {
                        return at + 1;
                    }
                }
                self.go_on(task, left, live.into_iter().map(|(place, _)| place).collect())
            }
        }
    }

    /// A task that looked at as much as it could goes to the end of the queue.
    fn go_on(&mut self, task: &Task, left: usize, seen: Vec<(u64, Vec<u8>)>) -> usize {
        if seen.len() >= left {
            self.queue(task.what, seen.last().cloned());
        }
        seen.len()
    }

    /// Makes a deal if a listing has what a request wants.
    fn meet(&mut self, name: Name, listing: ListingName) -> bool {
        let standing = self.standings[&name].clone();
        let asked = &standing.asked;
        let found = &self.listings[&listing];
        let offer = found.offers.last().expect("a listing has an offer");
        // The cheapest tier that is no subscription.
        let prices = (0..offer.tiers.len())
            .filter(|tier| offer.tiers[*tier].term.is_none())
            .filter_map(|tier| Some((offer.price(tier, asked.seats, &asked.buyer).ok()?, tier)));
        let Some((price, tier)) = prices.min() else { return false };
        let accepted = asked.institutions.is_empty() || asked.institutions.contains(&listing.0);
        let new = standing.met.iter().all(|(met, _)| *met != listing);
        let held = self.held(Place::Wanted(name));
        let left = held.saturating_sub(price);
        let fits = accepted
            && new
            && standing.until > self.now
            && price <= asked.max_price
            && held >= price
            && left >= self.rules.least_standing_allowance
            && found.rows >= asked.rows
            && offer.lets(&asked.buyer)
            && self.is_active(Role::Issuer, asked.buyer.issuer);
        if !fits {
            return false;
        }
        let deal_name = super::world::match_name(name, standing.met.len() as u64);
        let deal = Deal {
            listing,
            version: found.offers.len() - 1,
            tier,
            seats: asked.seats,
            price,
            stage: Stage::Requested,
            deadline: 0,
            refund: asked.funder,
            buyer: asked.buyer,
            ready: false,
            delivered: false,
            standing: Some(name),
            claim: None,
        };
        self.deals.insert(deal_name, deal);
        self.standings.get_mut(&name).expect("it is there").met.push((listing, deal_name));
        self.begin_deal(deal_name, Place::Wanted(name), left.min(asked.allowance));
        true
    }
}
