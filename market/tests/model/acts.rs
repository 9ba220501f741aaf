//! What parties do: chosen at random, but mostly such that something comes of it.

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;

use super::deals::{Asked, Deal, Stage};
use super::offers;
use super::reference::{Buyer, Lineage, ListingName, Name, Offer, Place, Role, State};
use super::subscriptions::{Claim, Renewal, Subscription};
use super::wanted::Wanted;
use super::world::World;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    Nothing,
    Mint { to: Name, amount: u64 },
    Burn { amount: u64 },
    Transfer { from: Name, to: Name, amount: u64 },
    DepositBond { institution: Name, amount: u64 },
    WithdrawBond { institution: Name, amount: u64 },
    Admit { role: Role, party: Name },
    Suspend { role: Role, party: Name },
    Draft { good: usize, offer: Offer, lineage: Lineage },
    Prove { good: usize, block: u32 },
    Withdraw { good: usize, with_reason: bool },
    TakeDown { good: usize, signed: usize, with_reason: bool },
    Revise { good: usize, offer: Offer },
    Resume { institution: Name },
    Request(Asked),
    Review { institution: Name, deal: Name, accept: bool },
    Ready { deal: Name, own_key: bool, shown: Option<Buyer> },
    Deliver { deal: Name },
    Dispute { deal: Name, own_key: bool },
    Post(Wanted),
    Cancel { standing: Name, own_key: bool },
    Claim(Claim),
    Renew(Renewal),
}

/// The names of all acts.
pub const NAMES: [&str; 23] = [
    "nothing",
    "mint",
    "burn",
    "transfer",
    "deposit bond",
    "withdraw bond",
    "admit",
    "suspend",
    "draft",
    "prove",
    "withdraw",
    "take down",
    "revise",
    "resume",
    "request",
    "review",
    "ready",
    "deliver",
    "dispute",
    "post",
    "cancel",
    "claim",
    "renew",
];

impl Act {
    /// Whether it is about nothing that there is.
    fn is_idle(&self) -> bool {
        match self {
            Self::Review { deal: name, .. }
            | Self::Ready { deal: name, .. }
            | Self::Deliver { deal: name }
            | Self::Dispute { deal: name, .. }
            | Self::Cancel { standing: name, .. } => *name == NOBODY,
            Self::Claim(claim) => claim.subscription == NOBODY || claim.package == NOBODY,
            Self::Renew(renewal) => renewal.subscription == NOBODY,
            _ => false,
        }
    }

    /// Whether a credential is shown for it.
    pub fn shows_credential(&self) -> bool {
        match self {
            Self::Request(_) | Self::Post(_) | Self::Renew(_) => true,
            Self::Ready { shown, .. } => shown.is_some(),
            _ => false,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Mint { .. } => "mint",
            Self::Burn { .. } => "burn",
            Self::Transfer { .. } => "transfer",
            Self::DepositBond { .. } => "deposit bond",
            Self::WithdrawBond { .. } => "withdraw bond",
            Self::Admit { .. } => "admit",
            Self::Suspend { .. } => "suspend",
            Self::Draft { .. } => "draft",
            Self::Prove { .. } => "prove",
            Self::Withdraw { .. } => "withdraw",
            Self::TakeDown { .. } => "take down",
            Self::Revise { .. } => "revise",
            Self::Resume { .. } => "resume",
            Self::Request(_) => "request",
            Self::Review { .. } => "review",
            Self::Ready { .. } => "ready",
            Self::Deliver { .. } => "deliver",
            Self::Dispute { .. } => "dispute",
            Self::Post(_) => "post",
            Self::Cancel { .. } => "cancel",
            Self::Claim(_) => "claim",
            Self::Renew(_) => "renew",
        }
    }
}

/// An act and how long after the last block it comes, in milliseconds.
#[derive(Clone, Debug)]
pub struct Step {
    pub passed: u64,
    pub act: Act,
    /// The number of the nullifier, if a credential is shown: a fresh one, or an old one again.
    pub nullifier: u64,
}

/// A name that nothing has.
const NOBODY: Name = [0x55; 32];

/// Chances out of a hundred.
pub fn in_hundred(rng: &mut ChaCha20Rng, chances: u32) -> bool {
    rng.gen_range(0..100) < chances
}

pub fn pick(rng: &mut ChaCha20Rng, names: &[Name]) -> Name {
    names.choose(rng).copied().unwrap_or(NOBODY)
}

fn buyer(world: &World<'_>, rng: &mut ChaCha20Rng) -> Buyer {
    Buyer {
        health: in_hundred(rng, 50),
        proven: [80, 80, 60].map(|chances| in_hundred(rng, chances)),
        issuer: pick(rng, &world.issuers),
    }
}

/// A deal at a stage; seldom any other, or none.
fn deal(world: &World<'_>, rng: &mut ChaCha20Rng, stage: Stage) -> Name {
    let deals = &world.model.deals;
    let at: Vec<Name> = match rng.gen_range(0..100) {
        0..=93 => {
            deals.iter().filter(|(_, deal)| deal.stage == stage).map(|(name, _)| *name).collect()
        }
        94..=98 => deals.keys().copied().collect(),
        _ => Vec::new(),
    };
    pick(rng, &at)
}

/// A subscription, mostly one that goes on, and some version that it includes.
fn subscription(world: &World<'_>, rng: &mut ChaCha20Rng) -> (Name, Option<Subscription>) {
    let all = &world.model.subscriptions;
    let any = in_hundred(rng, 5);
    let names: Vec<Name> =
        all.iter().filter(|(_, it)| any || !it.ended).map(|(name, _)| *name).collect();
    let name = pick(rng, &names);
    (name, all.get(&name).cloned())
}

fn claim(world: &World<'_>, rng: &mut ChaCha20Rng) -> Claim {
    let (name, found) = subscription(world, rng);
    let model = &world.model;
    let known = found.map(|found| found.listing);
    let again = in_hundred(rng, 15);
    let covered = |at: &usize| {
        let listing = world.goods.0[*at].listing();
        let claimed = model.claims_of(name, listing.1);
        known.is_some_and(|first| model.is_version_of(listing, first))
            // Rather what was not claimed yet.
            && (claimed == 0 || again)
    };
    let covered: Vec<usize> = (0..world.goods.0.len()).filter(covered).collect();
    let any = world.goods.0[rng.gen_range(0..world.goods.0.len())].package;
    let package = match covered.choose(rng) {
        _ if in_hundred(rng, 5) => any,
        Some(good) => world.goods.0[*good].package,
        None => NOBODY,
    };
    let least = model.rules.least_allowance;
    Claim {
        subscription: name,
        package,
        own_key: in_hundred(rng, 96),
        allowance: if in_hundred(rng, 97) { least + rng.gen_range(0..50) } else { least - 1 },
        funder: pick(rng, &world.funders),
        ready: in_hundred(rng, 70),
    }
}

fn renewal(world: &World<'_>, rng: &mut ChaCha20Rng) -> Renewal {
    let (name, found) = subscription(world, rng);
    let any = world.goods.0[rng.gen_range(0..world.goods.0.len())].listing();
    let newest = found.map(|found| world.model.newest(found.listing));
    let listing = newest.filter(|_| in_hundred(rng, 92)).unwrap_or(any);
    let offer = world.model.listings.get(&listing).and_then(|listing| listing.offers.last());
    let with_term = offer.and_then(|offer| offer.tiers.iter().position(|tier| tier.term.is_some()));
    Renewal {
        subscription: name,
        listing,
        up_to_date: in_hundred(rng, 96),
        tier: with_term.filter(|_| in_hundred(rng, 90)).unwrap_or(0),
        own_key: in_hundred(rng, 96),
        shown: buyer(world, rng),
        funder: pick(rng, &world.funders),
    }
}

fn good(world: &World<'_>, rng: &mut ChaCha20Rng, want: impl Fn(Option<&State>) -> bool) -> usize {
    let goods = &world.goods.0;
    let any = in_hundred(rng, 10);
    let fits = |at: &usize| {
        let listing = world.model.listings.get(&goods[*at].listing());
        any || want(listing.map(|listing| &listing.state))
    };
    let all: Vec<usize> = (0..goods.len()).filter(fits).collect();
    all.choose(rng).copied().unwrap_or(0)
}

/// Goods with deals that wait for a review or for the buyer.
fn waited_for(world: &World<'_>) -> Vec<usize> {
    let waits = |deal: &Deal| matches!(deal.stage, Stage::Requested | Stage::Agreed);
    let names: BTreeSet<ListingName> =
        world.model.deals.values().filter(|deal| waits(deal)).map(|deal| deal.listing).collect();
    let goods = (0usize..).zip(&world.goods.0);
    goods.filter(|(_, good)| names.contains(&good.listing())).map(|(at, _)| at).collect()
}

/// Deals whose package is not what was listed, and whose key is there to show it.
fn disputable(world: &World<'_>) -> Vec<Name> {
    let goods = world.goods.0.iter().filter(|good| !good.sound);
    let unsound: BTreeSet<ListingName> = goods.map(|good| good.listing()).collect();
    let deals = world
        .model
        .deals
        .iter()
        .filter(|(_, deal)| deal.stage == Stage::Verified && unsound.contains(&deal.listing));
    deals.map(|(name, _)| *name).collect()
}

fn asked(world: &World<'_>, rng: &mut ChaCha20Rng) -> Asked {
    let good = good(world, rng, |state| state == Some(&State::Live));
    let least = world.model.rules.least_allowance;
    let listing = world.model.listings.get(&world.goods.0[good].listing());
    let tiers = listing.and_then(|listing| listing.offers.last()).map(|offer| &offer.tiers);
    let most = if in_hundred(rng, 5) { 3 } else { tiers.map_or(1, Vec::len) };
    let tier = rng.gen_range(0..most);
    let included = tiers.and_then(|tiers| tiers.get(tier)).map(|tier| tier.included);
    let seats = included.filter(|_| in_hundred(rng, 60)).unwrap_or(rng.gen_range(1..=3));
    Asked {
        listing: world.goods.0[good].listing(),
        up_to_date: in_hundred(rng, 96),
        tier,
        seats,
        allowance: if in_hundred(rng, 97) { least + rng.gen_range(0..50) } else { least - 1 },
        buyer: buyer(world, rng),
        funder: pick(rng, &world.funders),
        ready: in_hundred(rng, 40),
    }
}

fn wanted(world: &World<'_>, rng: &mut ChaCha20Rng) -> Wanted {
    let least = world.model.rules.least_standing_allowance;
    let named = rng.gen_range(0..=2);
    Wanted {
        buyer: buyer(world, rng),
        institutions: match named {
            0 => Vec::new(),
            _ => world.institutions.choose_multiple(rng, named).copied().collect(),
        },
        rows: [0, 0, 0, 40, 80, 81][rng.gen_range(0..6)],
        seats: rng.gen_range(1..=3),
        max_price: rng.gen_range(0..20_000),
        allowance: match rng.gen_range(0..20) {
            0 => least - 1,
            _ => least + rng.gen_range(0..4) * 100,
        },
        lasts: match rng.gen_range(0..20) {
            0 => 0,
            1 => world.model.rules.standing_most + 1,
            _ => rng.gen_range(1..=300) * MINUTE,
        },
        funder: pick(rng, &world.funders),
    }
}

/// What happens next.
pub fn choose(world: &World<'_>, rng: &mut ChaCha20Rng) -> Step {
    let passed = match rng.gen_range(0..100) {
        0..=79 => rng.gen_range(1..=5 * SECOND),
        80..=93 => rng.gen_range(1..=6) * MINUTE,
        94..=98 => rng.gen_range(5..=12) * MINUTE,
        _ => 24 * 60 * MINUTE,
    };
    let nullifier = match in_hundred(rng, 2) {
        true => rng.gen_range(0..=world.nullifiers),
        false => world.nullifiers,
    };
    let mut act = any(world, rng);
    // Seldom about what is not there.
    for _ in 0..4 {
        if !act.is_idle() || in_hundred(rng, 5) {
            break;
        }
        act = any(world, rng);
    }
    Step { passed, act, nullifier }
}

fn any(world: &World<'_>, rng: &mut ChaCha20Rng) -> Act {
    let institution = pick(rng, &world.institutions);
    let amount = if in_hundred(rng, 5) { 0 } else { rng.gen_range(1..60_000) };
    let parties: Vec<Name> = [&world.funders[..], &world.institutions].concat();
    let role = if in_hundred(rng, 60) { Role::Institution } else { Role::Issuer };
    let party = match role {
        Role::Institution => institution,
        Role::Issuer => pick(rng, &world.issuers),
    };
    let suspended = world.model.admitted.iter().find(|(_, active)| !**active);
    let draft = |state: Option<&State>| matches!(state, Some(State::Draft { .. }));
    let listed = |state: Option<&State>| matches!(state, Some(State::Live | State::Withdrawn));
    let with_reason = in_hundred(rng, 95);
    let own_key = in_hundred(rng, 96);
    match rng.gen_range(0..100) {
        0..=2 => Act::Mint { to: pick(rng, &parties), amount },
        3 => Act::Burn { amount },
        4..=5 => Act::Transfer { from: pick(rng, &parties), to: pick(rng, &parties), amount },
        6..=8 => Act::DepositBond { institution, amount },
        9 => {
            // Now and then all of it: so that claims find none.
            let all = world.model.held(Place::Bond(institution));
            let amount = if in_hundred(rng, 40) { all } else { amount };
            Act::WithdrawBond { institution, amount }
        }
        10..=11 => match suspended {
            Some(((role, party), _)) if in_hundred(rng, 90) => {
                Act::Admit { role: *role, party: *party }
            }
            _ => Act::Admit { role, party },
        },
        12 if in_hundred(rng, 60) => Act::Suspend { role, party },
        12 => Act::TakeDown {
            // Rather where somebody waits, or little comes of it.
            good: match waited_for(world).choose(rng) {
                Some(good) if in_hundred(rng, 80) => *good,
                _ => good(world, rng, |state| draft(state) || listed(state)),
            },
            signed: if in_hundred(rng, 85) { 2 } else { 1 },
            with_reason,
        },
        13..=16 => {
            let good = good(world, rng, |state| state.is_none());
            let (offer, lineage) = offers::drafted(world, rng, good);
            Act::Draft { good, offer, lineage }
        }
        17..=18 => Act::Claim(claim(world, rng)),
        19..=21 => Act::Prove { good: good(world, rng, draft), block: rng.gen_range(0..3) },
        22 => Act::Withdraw { good: good(world, rng, |s| draft(s) || listed(s)), with_reason },
        23..=25 => {
            let good = good(world, rng, listed);
            Act::Revise { good, offer: offers::revised(world, rng, good) }
        }
        26..=27 => Act::Renew(renewal(world, rng)),
        28..=29 => Act::Resume {
            institution: match world.model.stopped.iter().next() {
                Some(stopped) if in_hundred(rng, 90) => *stopped,
                _ => institution,
            },
        },
        30..=34 => Act::Claim(claim(world, rng)),
        35..=48 => Act::Request(asked(world, rng)),
        49..=51 => {
            let deal = deal(world, rng, Stage::Requested);
            let own = world.model.deals.get(&deal).map(|deal| deal.listing.0);
            let institution = own.filter(|_| in_hundred(rng, 95)).unwrap_or(institution);
            Act::Review { institution, deal, accept: in_hundred(rng, 75) }
        }
        52..=62 => {
            let deal = deal(world, rng, Stage::Agreed);
            let found = world.model.deals.get(&deal);
            let standing = found.is_some_and(|deal| deal.standing.is_some());
            // Mostly what the deal asks for, and mostly what its terms let.
            let shown = (standing == in_hundred(rng, 96)).then(|| match found {
                Some(found) if in_hundred(rng, 85) => found.buyer,
                _ => buyer(world, rng),
            });
            Act::Ready { deal, own_key, shown }
        }
        63..=73 => Act::Deliver { deal: deal(world, rng, Stage::Ready) },
        74..=77 => {
            let deal = match disputable(world).choose(rng) {
                Some(deal) if in_hundred(rng, 50) => *deal,
                _ => deal(world, rng, Stage::Verified),
            };
            Act::Dispute { deal, own_key }
        }
        78..=83 => Act::Post(wanted(world, rng)),
        84..=85 => {
            let open = world.model.standings.iter().filter(|(_, standing)| !standing.ended);
            let open: Vec<Name> = open.map(|(name, _)| *name).collect();
            let all: Vec<Name> = world.model.standings.keys().copied().collect();
            let names = if in_hundred(rng, 80) { &open } else { &all };
            Act::Cancel { standing: pick(rng, names), own_key }
        }
        _ => Act::Nothing,
    }
}
