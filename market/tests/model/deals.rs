//! Deals of the reference.

use std::collections::BTreeSet;

use super::reference::*;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    Requested,
    Agreed,
    Ready,
    Verified,
    Finalized,
    Terminated,
}

#[derive(Clone, Debug)]
pub struct Deal {
    pub listing: ListingName,
    pub version: usize,
    pub tier: usize,
    pub seats: u32,
    pub price: u64,
    pub stage: Stage,
    /// Up-time at which the stage ends.
    pub deadline: u64,
    pub refund: Name,
    pub buyer: Buyer,
    pub ready: bool,
    pub delivered: bool,
    pub standing: Option<Name>,
    pub claim: Option<Claimed>,
}

/// A subscriber's deal at no price.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub subscription: Name,
    /// What was paid for the subscription, by which the bond is measured.
    pub paid: u64,
}

/// What a request says.
#[derive(Clone, Debug)]
pub struct Asked {
    pub listing: ListingName,
    /// As the buyer believes: version (from 1), terms and price are those of the present offer.
    pub up_to_date: bool,
    pub tier: usize,
    pub seats: u32,
    pub allowance: u64,
    pub buyer: Buyer,
    pub funder: Name,
    pub ready: bool,
}

impl Reference {
    fn set(&mut self, name: Name, stage: Stage, lasts: u64) {
        let deadline = self.now + lasts;
        let deal = self.deals.get_mut(&name).expect("the deal is there");
        (deal.stage, deal.deadline) = (stage, deadline);
    }

    pub fn offer_of(&self, deal: &Deal) -> &Offer {
        &self.listings[&deal.listing].offers[deal.version]
    }

    /// A request, with the name of the deal that it would open.
    pub fn request(&mut self, name: Name, nullifier: Name, asked: &Asked) -> Against {
        let mut against = self.takes_requests(asked.listing);
        against.extend(unless(self.is_active(Role::Issuer, asked.buyer.issuer), "role_not_active"));
        against.extend(unless(!self.spent.contains(&nullifier), "nullifier_used"));
        against
            .extend(unless(asked.allowance >= self.rules.least_allowance, "allowance_too_small"));
        let Some(listing) = self.listings.get(&asked.listing) else { return against };
        against.extend(unless(asked.up_to_date, "offer_changed"));
        let offer = listing.offers.last().expect("a listing has an offer").clone();
        let version = listing.offers.len() - 1;
        let allowed = offer.lets(&asked.buyer);
        let with_term = offer.tiers.get(asked.tier).is_some_and(|tier| tier.term.is_some());
        against.extend(unless(!with_term || listing.superseded_by.is_none(), "superseded"));
        against.extend(unless(!self.sold_out(asked.listing), "sold_out"));
        let price = match offer.price(asked.tier, asked.seats, &asked.buyer) {
            Ok(price) => price,
            Err(code) => {
                against.push(code);
                return against;
            }
        };
        if allowed {
            against.extend(self.can_pay(Place::Free(asked.funder), price + asked.allowance));
        }
        if !against.is_empty() {
            return against;
        }
        self.spent.insert(nullifier);
        let deal = Deal {
            listing: asked.listing,
            version,
            tier: asked.tier,
            seats: asked.seats,
            price,
            stage: Stage::Requested,
            deadline: 0,
            refund: asked.funder,
            buyer: asked.buyer,
            ready: asked.ready,
            delivered: false,
            standing: None,
            claim: None,
        };
        self.deals.insert(name, deal);
        if allowed {
            self.begin_deal(name, Place::Free(asked.funder), asked.allowance);
        } else {
            self.set(name, Stage::Terminated, 0);
        }
        against
    }

    /// Price and allowance go into escrow; then review, or both sides agree.
    pub fn begin_deal(&mut self, name: Name, payer: Place, allowance: u64) {
        let deal = self.deals[&name].clone();
        self.pay(payer, Place::Price(name), deal.price);
        self.pay(payer, Place::Allowance(name), allowance);
        // A subscriber was reviewed when it subscribed.
        match self.offer_of(&deal).review.filter(|_| deal.claim.is_none()) {
            Some(time) => self.set(name, Stage::Requested, time),
            None => self.agree(name),
        }
    }

    fn agree(&mut self, name: Name) {
        let deal = self.deals[&name].clone();
        let segments = self.listings[&deal.listing].segments;
        let time = self.rules.ready + self.rules.ready_segment * segments;
        self.set(name, Stage::Agreed, time.min(self.rules.ready_most));
        if deal.ready {
            self.be_ready(name);
        }
    }

    /// Licences of a listing that are sold or on the way; subscribers' claims are not sold.
    pub fn licences(&self, listing: ListingName) -> usize {
        let sold = |deal: &&Deal| {
            let stages = [Stage::Ready, Stage::Verified, Stage::Finalized];
            deal.listing == listing && deal.claim.is_none() && stages.contains(&deal.stage)
        };
        self.deals.values().filter(sold).count()
    }

    /// Deals of a listing that wait for their key.
    pub fn waiting(&self, listing: ListingName) -> usize {
        let waits = |deal: &&Deal| deal.listing == listing && deal.stage == Stage::Ready;
        self.deals.values().filter(waits).count()
    }

    /// Whether as many licences are sold as the present offer allows.
    pub fn sold_out(&self, listing: ListingName) -> bool {
        let offer = self.listings[&listing].offers.last().expect("a listing has an offer");
        offer.most_licences.is_some_and(|most| self.licences(listing) >= most as usize)
    }

    fn be_ready(&mut self, name: Name) {
        let deal = self.deals[&name].clone();
        let institution = deal.listing.0;
        let (part, most) = self.rules.compensation;
        let paid = deal.claim.as_ref().map_or(deal.price, |claim| claim.paid);
        let bond = (paid * part / 10_000).min(most);
        let covered = self.held(Place::Bond(institution)) >= bond;
        let acts = self.acts(institution).is_empty() && !self.stopped.contains(&institution);
        let offer = self.offer_of(&deal);
        let place = self.waiting(deal.listing) < offer.most_undelivered as usize;
        let licence =
            offer.most_licences.is_none_or(|most| self.licences(deal.listing) < most as usize);
        if !acts || !covered {
            self.claim_denied(name);
            self.terminate(name, false);
        } else if deal.claim.is_none() && !(place && licence) {
            self.happens(if place { "no licence is left" } else { "no place is left" });
            self.terminate(name, false);
        } else {
            self.pay(Place::Bond(institution), Place::Held(name), bond);
            let time = self.rules.deliver;
            self.set(name, Stage::Ready, time);
        }
    }

    /// A deal at the stage that an action needs.
    fn at(&self, name: Name, stage: Stage) -> Against {
        let Some(deal) = self.deals.get(&name) else { return vec!["unknown_deal"] };
        if deal.stage != stage {
            return vec!["wrong_stage"];
        }
        let mut against = unless(deal.deadline > self.now, "deadline_passed");
        against.extend(match self.closes(deal) {
            false => None,
            true if self.listings[&deal.listing].state == State::TakenDown => {
                Some("listing_taken_down")
            }
            true => Some("package_refunded"),
        });
        against
    }

    /// Whether the end of its listing ends a deal: a dispute ends every unfinished one, registrars those
    /// for whose key nobody waits yet.
    fn closes(&self, deal: &Deal) -> bool {
        match self.listings[&deal.listing].state {
            State::Refunded => deal.stage < Stage::Finalized,
            State::TakenDown => deal.stage < Stage::Ready,
            _ => false,
        }
    }

    /// The fee of a deal's own action comes out of its allowance, before anything else.
    fn allowance_pays(&self, name: Name, fee: u64) -> Against {
        match self.deals.get(&name) {
            // A deal that has ended holds nothing, and says itself why it is refused.
            Some(deal) if deal.stage >= Stage::Finalized => Vec::new(),
            _ => self.can_pay(Place::Allowance(name), fee),
        }
    }

    pub fn review(&mut self, institution: Name, name: Name, accept: bool) -> Against {
        let mut against = self.acts(institution);
        against.extend(self.at(name, Stage::Requested));
        if let Some(deal) = self.deals.get(&name) {
            against.extend(unless(deal.listing.0 == institution, "not_your_deal"));
        }
        if against.is_empty() && accept {
            self.agree(name);
        } else if against.is_empty() {
            self.terminate(name, false);
        }
        against
    }

    /// `shown` is what a credential proves that was shown with it.
    pub fn ready(
        &mut self,
        name: Name,
        own_key: bool,
        shown: Option<&Buyer>,
        nullifier: Name,
        fee: u64,
    ) -> Against {
        let mut against = self.allowance_pays(name, fee);
        against.extend(self.at(name, Stage::Agreed));
        against.extend(unless(own_key, "unauthorised"));
        if let Some(shown) = shown {
            against.extend(unless(self.is_active(Role::Issuer, shown.issuer), "role_not_active"));
            against.extend(unless(!self.spent.contains(&nullifier), "nullifier_used"));
        }
        if let Some(deal) = self.deals.get(&name) {
            match (deal.standing, shown) {
                (None, None) => {}
                (None, Some(_)) => against.push("credential_not_used"),
                (Some(_), None) => against.push("credential_required"),
                (Some(_), Some(shown)) => {
                    // The purpose is the deal's, whoever shows a credential for it.
                    let shown = Buyer { health: deal.buyer.health, ..*shown };
                    against.extend(unless(self.offer_of(deal).lets(&shown), "no_longer_qualified"));
                }
            }
        }
        if against.is_empty() {
            if shown.is_some() {
                self.spent.insert(nullifier);
            }
            self.pay(Place::Allowance(name), Place::Fees, fee);
            self.be_ready(name);
        }
        against
    }

    pub fn deliver(&mut self, name: Name, fee: u64) -> Against {
        let mut against = self.allowance_pays(name, fee);
        against.extend(self.at(name, Stage::Ready));
        if against.is_empty() {
            self.pay(Place::Allowance(name), Place::Fees, fee);
            let time = self.rules.dispute;
            self.set(name, Stage::Verified, time);
            self.deals.get_mut(&name).expect("it was just found").delivered = true;
            self.claim_served(name);
            self.standing_fulfilled(name);
        }
        against
    }

    /// A dispute; whether the segment that it shows is what was listed is for the caller to say.
    pub fn dispute(&mut self, name: Name, own_key: bool, sound: bool, fee: u64) -> Against {
        let mut against = self.allowance_pays(name, fee);
        against.extend(self.at(name, Stage::Verified));
        against.extend(unless(own_key, "unauthorised"));
        against.extend(unless(!sound, "dispute_unfounded"));
        if against.is_empty() {
            self.pay(Place::Allowance(name), Place::Fees, fee);
            let listing = self.deals[&name].listing;
            self.terminate(name, true);
            self.listings.get_mut(&listing).expect("it is listed").state = State::Refunded;
        }
        against
    }

    /// Ends a deal unpaid. The bond goes to the buyer if the institution failed it.
    pub fn terminate(&mut self, name: Name, failed: bool) {
        let deal = self.deals[&name].clone();
        let back = self.returns_to(name);
        let (price, left) = (self.held(Place::Price(name)), self.held(Place::Allowance(name)));
        self.pay(Place::Price(name), back, price);
        self.pay(Place::Allowance(name), back, left);
        let bond = self.held(Place::Held(name));
        let to = if failed { Place::Free(deal.refund) } else { Place::Bond(deal.listing.0) };
        self.pay(Place::Held(name), to, bond);
        self.set(name, Stage::Terminated, 0);
        if failed {
            self.claim_failed(name);
        }
        self.standing_goes_on(name);
    }

    fn finalize(&mut self, name: Name) {
        let deal = self.deals[&name].clone();
        let offer = self.offer_of(&deal).clone();
        let kept = self.begin_subscription(name);
        self.share_out(Place::Price(name), deal.listing, &offer, deal.price - kept);
        let left = self.held(Place::Allowance(name));
        self.pay(Place::Allowance(name), Place::Free(deal.refund), left);
        let bond = self.held(Place::Held(name));
        self.pay(Place::Held(name), Place::Bond(deal.listing.0), bond);
        self.set(name, Stage::Finalized, 0);
    }

    // ---- Time ----

    /// Everything that ends by itself, with its up-time.
    pub fn deadlines(&self) -> BTreeSet<(u64, Name)> {
        let dues = self.dues().into_iter();
        let name = |due| match due {
            Due::Deal(name) | Due::Month(name) | Due::Standing(name) => Some(name),
            Due::Draft((_, package)) => Some(package),
            Due::Closed(_) => None,
        };
        dues.filter_map(|(at, due)| Some((at, name(due)?))).collect()
    }

    /// A block begins: time passes, and what is due ends, in the order of its times.
    pub fn begin_block(&mut self, passed: u64) {
        self.time += passed;
        self.now += passed.min(self.rules.max_idle);
        while let Some((_, due)) = self.first_due() {
            match due {
                Due::Deal(name) => self.deal_due(name),
                Due::Draft(name) => self.forget_draft(name),
                Due::Closed(name) => {
                    self.happens("a deal ends with its listing");
                    self.terminate(name, false);
                }
                Due::Month(name) => self.month_ends(name),
                Due::Standing(name) => self.standing_expires(name),
            }
        }
        self.match_standings();
    }

    /// The first thing that is due by now: by its time, then by its kind, then by its name.
    fn first_due(&self) -> Option<(u64, Due)> {
        self.dues().into_iter().filter(|(time, _)| *time <= self.now).min()
    }

    fn dues(&self) -> Vec<(u64, Due)> {
        let deals = self.deals.iter().filter(|(_, deal)| deal.stage < Stage::Finalized);
        let deals = deals.map(|(name, deal)| (deal.deadline, Due::Deal(*name)));
        let drafts = self.listings.iter().filter_map(|(name, listing)| match listing.state {
            State::Draft { expires, .. } => Some((expires, Due::Draft(*name))),
            _ => None,
        });
        let standings = self.standings.iter().filter(|(_, standing)| !standing.ended);
        let standings = standings.map(|(name, standing)| (standing.until, Due::Standing(*name)));
        let going_on = self.subscriptions.iter().filter(|(_, subscription)| !subscription.ended);
        let months = going_on.map(|(name, it)| (it.month_ends, Due::Month(*name)));
        // A dispute or a takedown ends deals of the package: the next block does it.
        let closed = self.deals.iter().filter(|(_, deal)| self.closes(deal));
        let closed = closed.map(|(name, _)| (self.now, Due::Closed(*name)));
        deals.chain(drafts).chain(months).chain(standings).chain(closed).collect()
    }

    fn deal_due(&mut self, name: Name) {
        let deal = self.deals[&name].clone();
        if self.closes(&deal) {
            return self.terminate(name, false);
        }
        match deal.stage {
            Stage::Requested | Stage::Agreed => self.terminate(name, false),
            Stage::Ready => {
                self.stopped.insert(deal.listing.0);
                self.terminate(name, true);
            }
            Stage::Verified => self.finalize(name),
            Stage::Finalized | Stage::Terminated => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Deal(Name),
    Draft(ListingName),
    Closed(Name),
    Month(Name),
    Standing(Name),
}
