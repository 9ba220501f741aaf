//! What parties do: chosen at random, but mostly such that something comes of it.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;

use super::deals::{Asked, Stage};
use super::reference::{Buyer, Name, Offer, Role, State, Tier};
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
    Draft { good: usize, offer: Offer },
    Prove { good: usize, block: u32 },
    Withdraw { good: usize },
    Revise { good: usize, offer: Offer },
    Resume { institution: Name },
    Request(Asked),
    Review { institution: Name, deal: Name, accept: bool },
    Ready { deal: Name, own_key: bool, shown: Option<Buyer> },
    Deliver { deal: Name },
    Dispute { deal: Name, own_key: bool },
    Post(Wanted),
    Cancel { standing: Name, own_key: bool },
}

/// The names of all acts.
pub const NAMES: [&str; 20] = [
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
    "revise",
    "resume",
    "request",
    "review",
    "ready",
    "deliver",
    "dispute",
    "post",
    "cancel",
];

impl Act {
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
            Self::Revise { .. } => "revise",
            Self::Resume { .. } => "resume",
            Self::Request(_) => "request",
            Self::Review { .. } => "review",
            Self::Ready { .. } => "ready",
            Self::Deliver { .. } => "deliver",
            Self::Dispute { .. } => "dispute",
            Self::Post(_) => "post",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// An act and how long after the last block it comes, in milliseconds.
#[derive(Clone, Debug)]
pub struct Step {
    pub passed: u64,
    pub act: Act,
}

/// A name that nothing has.
const NOBODY: Name = [0x55; 32];

/// Chances out of a hundred.
fn in_hundred(rng: &mut ChaCha20Rng, chances: u32) -> bool {
    rng.gen_range(0..100) < chances
}

fn pick(rng: &mut ChaCha20Rng, names: &[Name]) -> Name {
    names.choose(rng).copied().unwrap_or(NOBODY)
}

fn offer(world: &World<'_>, rng: &mut ChaCha20Rng, institution: Name) -> Offer {
    let tiers = rng.gen_range(1..=2);
    let tier = |rng: &mut ChaCha20Rng| Tier {
        health_only: in_hundred(rng, 25),
        price: if in_hundred(rng, 5) { 0 } else { rng.gen_range(1..15_000) },
        included: rng.gen_range(1..=2),
        extra: rng.gen_range(0..100),
        most: rng.gen_range(2..=4),
    };
    let shares = if in_hundred(rng, 60) {
        vec![(institution, 10_000)]
    } else {
        let part = rng.gen_range(1..10_000);
        vec![(institution, part), (pick(rng, &world.funders), 10_000 - part)]
    };
    Offer {
        tiers: (0..tiers).map(|_| tier(rng)).collect(),
        strict: in_hundred(rng, 25),
        review: in_hundred(rng, 25).then(|| rng.gen_range(1..=30) * MINUTE),
        most_undelivered: rng.gen_range(1..=3),
        shares,
    }
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

fn asked(world: &World<'_>, rng: &mut ChaCha20Rng) -> Asked {
    let good = good(world, rng, |state| state == Some(&State::Live));
    let least = world.model.rules.least_allowance;
    Asked {
        listing: world.goods.0[good].listing(),
        up_to_date: in_hundred(rng, 96),
        tier: usize::from(in_hundred(rng, 20)),
        seats: rng.gen_range(1..=3),
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
    let institution = pick(rng, &world.institutions);
    let amount = if in_hundred(rng, 5) { 0 } else { rng.gen_range(1..60_000) };
    let parties: Vec<Name> = [&world.funders[..], &world.institutions].concat();
    let role = if in_hundred(rng, 60) { Role::Institution } else { Role::Issuer };
    let party = match role {
        Role::Institution => institution,
        Role::Issuer => pick(rng, &world.issuers),
    };
    let draft = |state: Option<&State>| matches!(state, Some(State::Draft { .. }));
    let listed = |state: Option<&State>| matches!(state, Some(State::Live | State::Withdrawn));
    let own_key = in_hundred(rng, 96);
    let act = match rng.gen_range(0..100) {
        0..=2 => Act::Mint { to: pick(rng, &parties), amount },
        3 => Act::Burn { amount },
        4..=5 => Act::Transfer { from: pick(rng, &parties), to: pick(rng, &parties), amount },
        6..=8 => Act::DepositBond { institution, amount },
        9 => Act::WithdrawBond { institution, amount },
        10..=11 => Act::Admit { role, party },
        12 => Act::Suspend { role, party },
        13..=18 => {
            let good = good(world, rng, |state| state.is_none());
            Act::Draft { good, offer: offer(world, rng, world.goods.0[good].institution) }
        }
        19..=22 => Act::Prove { good: good(world, rng, draft), block: rng.gen_range(0..3) },
        23 => Act::Withdraw { good: good(world, rng, |state| draft(state) || listed(state)) },
        24..=27 => {
            let good = good(world, rng, listed);
            Act::Revise { good, offer: offer(world, rng, world.goods.0[good].institution) }
        }
        28..=31 => Act::Resume {
            institution: match world.model.stopped.iter().next() {
                Some(stopped) if in_hundred(rng, 90) => *stopped,
                _ => institution,
            },
        },
        32..=46 => Act::Request(asked(world, rng)),
        47..=51 => {
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
        74..=77 => Act::Dispute { deal: deal(world, rng, Stage::Verified), own_key },
        78..=87 => Act::Post(wanted(world, rng)),
        88..=89 => {
            let open = world.model.standings.iter().filter(|(_, standing)| !standing.ended);
            let open: Vec<Name> = open.map(|(name, _)| *name).collect();
            let all: Vec<Name> = world.model.standings.keys().copied().collect();
            let names = if in_hundred(rng, 80) { &open } else { &all };
            Act::Cancel { standing: pick(rng, names), own_key }
        }
        _ => Act::Nothing,
    };
    Step { passed, act }
}
