//! A ledger of a few plain maps, written from docs/protocol.md and not from the ledger's code: no
//! overlays, no indexes, no queues; every question is answered by looking at everything.
//!
//! Asked for an action it says every rule that stands against it; with none it does the action. Names are
//! those of the ledger, so that both order things that fall together in the same way.

use std::collections::{BTreeMap, BTreeSet};

/// An account, a package, a deal or a standing request.
pub type Name = [u8; 32];
/// A listing: institution and package.
pub type ListingName = (Name, Name);
/// Every rule that stands against an action, by its code.
pub type Against = Vec<&'static str>;

/// Where money lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Free(Name),
    Bond(Name),
    Price(Name),
    Allowance(Name),
    Held(Name),
    Deposit(ListingName),
    Wanted(Name),
    Fees,
}

/// The numbers of the protocol.
#[derive(Clone, Default, Debug)]
pub struct Rules {
    pub max_idle: u64,
    pub draft: u64,
    pub ready: u64,
    pub ready_segment: u64,
    pub ready_most: u64,
    pub deliver: u64,
    pub dispute: u64,
    /// Ten-thousandths of the price, and the most.
    pub compensation: (u64, u64),
    pub standing_most: u64,
    pub least_allowance: u64,
    pub least_standing_allowance: u64,
    pub pairs_a_block: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    Institution,
    Issuer,
}

/// One way in which a listing is sold.
#[derive(Clone, Debug)]
pub struct Tier {
    pub health_only: bool,
    pub price: u64,
    pub included: u32,
    pub extra: u64,
    pub most: u32,
}

#[derive(Clone, Debug)]
pub struct Offer {
    pub tiers: Vec<Tier>,
    /// Health research by those who work not for profit; else research of any kind.
    pub strict: bool,
    pub review: Option<u64>,
    pub most_undelivered: u32,
    /// Who shares the price, in ten-thousandths.
    pub shares: Vec<(Name, u64)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    Draft { proven: BTreeSet<u32>, expires: u64 },
    Live,
    Withdrawn,
    Refunded,
}

#[derive(Clone, Debug)]
pub struct Listing {
    pub offers: Vec<Offer>,
    pub state: State,
    pub blocks: u32,
    pub segments: u64,
    pub rows: u64,
    pub deposit: u64,
    /// When it first went live, as time of the block.
    pub since: u64,
}

/// What a buyer is and wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buyer {
    pub health: bool,
    /// What its credential proves: general, health, not for profit.
    pub proven: [bool; 3],
    pub issuer: Name,
}

#[derive(Clone, Default, Debug)]
pub struct Reference {
    pub rules: Rules,
    pub purses: BTreeMap<Place, u64>,
    /// Up-time, and time of the block.
    pub now: u64,
    pub time: u64,
    pub admitted: BTreeMap<(Role, Name), bool>,
    pub stopped: BTreeSet<Name>,
    pub listings: BTreeMap<ListingName, Listing>,
    pub openings: BTreeMap<(ListingName, u32), u32>,
    pub deals: BTreeMap<Name, super::deals::Deal>,
    pub standings: BTreeMap<Name, super::wanted::Standing>,
    pub tasks: Vec<super::wanted::Task>,
    pub spent: BTreeSet<Name>,
}

/// The code of the rule, unless it holds.
pub fn unless(holds: bool, code: &'static str) -> Against {
    if holds { Vec::new() } else { vec![code] }
}

impl Reference {
    // ---- Money ----

    pub fn held(&self, place: Place) -> u64 {
        self.purses.get(&place).copied().unwrap_or(0)
    }

    /// Moves money that is known to be there.
    pub fn pay(&mut self, from: Place, to: Place, amount: u64) {
        let left = self.held(from).checked_sub(amount).expect("nobody spends what is not there");
        self.purses.insert(from, left);
        let sum = self.held(to).checked_add(amount).expect("the sum of all money fits");
        self.purses.insert(to, sum);
        self.purses.retain(|_, amount| *amount != 0);
    }

    pub fn can_pay(&self, from: Place, amount: u64) -> Against {
        unless(self.held(from) >= amount, "insufficient_funds")
    }

    pub fn mint(&mut self, to: Name, amount: u64) -> Against {
        let against = unless(amount > 0, "zero_amount");
        if against.is_empty() {
            *self.purses.entry(Place::Free(to)).or_default() += amount;
        }
        against
    }

    pub fn burn(&mut self, gateway: Name, amount: u64) -> Against {
        let mut against = unless(amount > 0, "zero_amount");
        against.extend(self.can_pay(Place::Free(gateway), amount));
        if against.is_empty() {
            self.purses.insert(Place::Free(gateway), self.held(Place::Free(gateway)) - amount);
            self.purses.retain(|_, amount| *amount != 0);
        }
        against
    }

    /// A transfer, or a payment into or out of a bond.
    pub fn transfer(&mut self, from: Place, to: Place, amount: u64) -> Against {
        let mut against = unless(amount > 0, "zero_amount");
        against.extend(self.can_pay(from, amount));
        if against.is_empty() {
            self.pay(from, to, amount);
        }
        against
    }

    // ---- Parties ----

    pub fn is_active(&self, role: Role, party: Name) -> bool {
        self.admitted.get(&(role, party)) == Some(&true)
    }

    pub fn acts(&self, institution: Name) -> Against {
        unless(self.is_active(Role::Institution, institution), "role_not_active")
    }

    /// A payment into or out of a bond, which only an active institution may make.
    pub fn bond(&mut self, institution: Name, from: Place, to: Place, amount: u64) -> Against {
        let mut against = self.acts(institution);
        if against.is_empty() {
            return self.transfer(from, to, amount);
        }
        against.extend(unless(amount > 0, "zero_amount"));
        against
    }

    pub fn admit(&mut self, role: Role, party: Name) -> Against {
        let against = unless(!self.is_active(role, party), "already_admitted");
        if against.is_empty() {
            let before = self.admitted.insert((role, party), true);
            if before.is_some() && role == Role::Institution {
                self.institution_returns(party);
            }
        }
        against
    }

    pub fn suspend(&mut self, role: Role, party: Name) -> Against {
        let against = match self.admitted.get(&(role, party)) {
            None => vec!["unknown_party"],
            Some(active) => unless(*active, "already_suspended"),
        };
        if against.is_empty() {
            self.admitted.insert((role, party), false);
        }
        against
    }

    // ---- Listings ----

    pub fn draft(
        &mut self,
        name: ListingName,
        offer: Offer,
        (blocks, segments, rows): (u32, u64, u64),
        deposit: u64,
    ) -> Against {
        let mut against = self.acts(name.0);
        against.extend(match self.listings.get(&name).map(|listing| &listing.state) {
            None => None,
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => Some("already_listed"),
        });
        against.extend(self.can_pay(Place::Free(name.0), deposit));
        if !against.is_empty() {
            return against;
        }
        let expires = self.now + self.rules.draft;
        let state = State::Draft { proven: BTreeSet::new(), expires };
        let offers = vec![offer];
        let since = 0;
        self.listings
            .insert(name, Listing { offers, state, blocks, segments, rows, deposit, since });
        self.pay(Place::Free(name.0), Place::Deposit(name), deposit);
        self.settle_draft(name);
        against
    }

    /// A draft of which every block is proven is live.
    fn settle_draft(&mut self, name: ListingName) {
        let time = self.time;
        let listing = self.listings.get_mut(&name).expect("the draft is there");
        let State::Draft { proven, .. } = &listing.state else { return };
        if proven.len() == listing.blocks as usize {
            listing.state = State::Live;
            listing.since = time;
            let deposit = listing.deposit;
            self.pay(Place::Deposit(name), Place::Free(name.0), deposit);
            self.listing_offers(name);
        }
    }

    pub fn prove(&mut self, name: ListingName, block: u32) -> Against {
        let mut against = self.acts(name.0);
        let Some(listing) = self.listings.get(&name) else {
            against.push("unknown_listing");
            return against;
        };
        match &listing.state {
            State::Draft { proven, expires } => {
                against.extend(unless(*expires > self.now, "deadline_passed"));
                against.extend(unless(!proven.contains(&block), "block_proven"));
            }
            _ => against.push("not_draft"),
        }
        let openings = self.openings.get(&(name, block)).copied().unwrap_or(0);
        against.extend(unless(openings < 7, "too_many_openings"));
        against.extend(unless(block < listing.blocks, "unknown_block"));
        if against.is_empty() {
            self.openings.insert((name, block), openings + 1);
            let listing = self.listings.get_mut(&name).expect("it was just found");
            if let State::Draft { proven, .. } = &mut listing.state {
                proven.insert(block);
            }
            self.settle_draft(name);
        }
        against
    }

    pub fn forget_draft(&mut self, name: ListingName) {
        let listing = self.listings.remove(&name).expect("the draft is there");
        self.pay(Place::Deposit(name), Place::Free(name.0), listing.deposit);
    }

    pub fn withdraw(&mut self, name: ListingName) -> Against {
        let mut against = self.acts(name.0);
        let state = self.listings.get(&name).map(|listing| listing.state.clone());
        against.extend(match state {
            None => Some("unknown_listing"),
            Some(State::Withdrawn) => Some("listing_not_live"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => None,
        });
        if against.is_empty() {
            match self.listings.get_mut(&name) {
                Some(listing) if listing.state == State::Live => listing.state = State::Withdrawn,
                _ => self.forget_draft(name),
            }
        }
        against
    }

    pub fn revise(&mut self, name: ListingName, offer: Offer) -> Against {
        let mut against = self.acts(name.0);
        against.extend(match self.listings.get(&name).map(|listing| &listing.state) {
            None => Some("unknown_listing"),
            Some(State::Draft { .. }) => Some("listing_not_live"),
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => None,
        });
        if against.is_empty() {
            let listing = self.listings.get_mut(&name).expect("it was just found");
            listing.offers.push(offer);
            listing.state = State::Live;
            self.listing_offers(name);
        }
        against
    }

    pub fn resume(&mut self, institution: Name) -> Against {
        let mut against = self.acts(institution);
        against.extend(unless(self.stopped.contains(&institution), "not_stopped"));
        if against.is_empty() {
            self.stopped.remove(&institution);
            self.institution_returns(institution);
        }
        against
    }

    /// Whether a listing takes requests now.
    pub fn takes_requests(&self, name: ListingName) -> Against {
        let mut against = self.acts(name.0);
        against.extend(match self.listings.get(&name).map(|listing| &listing.state) {
            None => Some("unknown_listing"),
            Some(State::Live) => None,
            Some(State::Refunded) => Some("package_refunded"),
            Some(_) => Some("listing_not_live"),
        });
        against.extend(unless(!self.stopped.contains(&name.0), "listings_stopped"));
        against
    }
}

impl Offer {
    /// Whether the terms let a buyer.
    pub fn lets(&self, buyer: &Buyer) -> bool {
        let [general, health, nonprofit] = buyer.proven;
        let purpose_proven = if buyer.health { health } else { general };
        if self.strict { buyer.health && purpose_proven && nonprofit } else { purpose_proven }
    }

    /// What a tier costs with so many seats, if it is sold to such a buyer.
    pub fn price(&self, tier: usize, seats: u32, buyer: &Buyer) -> Result<u64, &'static str> {
        let tier = self.tiers.get(tier).ok_or("unknown_tier")?;
        if tier.health_only && !buyer.health {
            return Err("tier_not_for_purpose");
        }
        if seats < tier.included || seats > tier.most {
            return Err("bad_seats");
        }
        Ok(tier.price + tier.extra * u64::from(seats - tier.included))
    }
}
