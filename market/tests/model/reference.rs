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
    Subscription(Name),
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
    pub month: u64,
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
    /// Months and price of a term, if later versions are included.
    pub term: Option<(u64, u64)>,
}

/// Who receives a share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Payee {
    Account(Name),
    Listing(ListingName),
}

#[derive(Clone, Debug)]
pub struct Offer {
    pub tiers: Vec<Tier>,
    /// Health research by those who work not for profit; else research of any kind.
    pub strict: bool,
    pub review: Option<u64>,
    pub most_undelivered: u32,
    /// Who shares the price, in ten-thousandths.
    pub shares: Vec<(Payee, u64)>,
    /// What derived packages owe.
    pub royalty: u64,
    pub most_licences: Option<u32>,
}

/// Where a package comes from.
#[derive(Clone, Default, Debug)]
pub struct Lineage {
    /// The package of the same institution of which it is a later version.
    pub supersedes: Option<Name>,
    pub parents: Vec<ListingName>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    Draft { proven: BTreeSet<u32>, expires: u64 },
    Live,
    Withdrawn,
    TakenDown,
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
    pub since: Option<u64>,
    pub lineage: Lineage,
    /// What it owes upstream.
    pub owed: Vec<(ListingName, u64)>,
    pub superseded_by: Option<Name>,
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
    /// The lines of every package that was ever drafted.
    pub lines: BTreeMap<ListingName, BTreeSet<ListingName>>,
    pub deals: BTreeMap<Name, super::deals::Deal>,
    pub standings: BTreeMap<Name, super::wanted::Standing>,
    pub tasks: Vec<super::wanted::Task>,
    pub subscriptions: BTreeMap<Name, super::subscriptions::Subscription>,
    pub spent: BTreeSet<Name>,
    /// How often what came of it: a run in which something never comes shows little.
    pub happened: BTreeMap<&'static str, u64>,
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

    pub fn happens(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
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
        let term = tier.term.map_or(0, |(_, price)| price);
        Ok(tier.price + tier.extra * u64::from(seats - tier.included) + term)
    }
}
