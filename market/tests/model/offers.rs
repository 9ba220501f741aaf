//! What institutions offer, at random: terms, tiers, shares that hold what is owed upstream, and where a
//! package comes from.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;

use super::acts::{in_hundred, pick};
use super::reference::{Lineage, ListingName, Name, Offer, Payee, Tier};
use super::world::World;

const MINUTE: u64 = 60_000;

/// A draft's offer, and what it says of where the package comes from.
pub fn drafted(world: &World<'_>, rng: &mut ChaCha20Rng, good: usize) -> (Offer, Lineage) {
    let institution = world.goods.0[good].institution;
    let lineage = lineage(world, rng, institution);
    let owed = world.model.owed(institution, &lineage);
    (offer(world, rng, institution, &owed), lineage)
}

/// A new offer of a package.
pub fn revised(world: &World<'_>, rng: &mut ChaCha20Rng, good: usize) -> Offer {
    let good = &world.goods.0[good];
    let owed = world.model.listings.get(&good.listing()).map(|listing| listing.owed.clone());
    offer(world, rng, good.institution, &owed.unwrap_or_default())
}

fn lineage(world: &World<'_>, rng: &mut ChaCha20Rng, institution: Name) -> Lineage {
    let any: Vec<ListingName> = world.goods.0.iter().map(|good| good.listing()).collect();
    let known: Vec<ListingName> = world.model.listings.keys().copied().collect();
    let own: Vec<ListingName> =
        known.iter().filter(|listing| listing.0 == institution).copied().collect();
    // Mostly the newest of a line: so that lines grow.
    let newest = own.choose(rng).map(|listing| world.model.newest(*listing));
    // Or of one that subscribers wait for.
    let subscriptions = world.model.subscriptions.values();
    let waited: Vec<ListingName> = subscriptions
        .filter(|it| !it.ended && it.listing.0 == institution)
        .map(|it| world.model.newest(it.listing))
        .collect();
    let before = match rng.gen_range(0..100) {
        0..=64 => waited.choose(rng).copied().filter(|_| in_hundred(rng, 70)).or(newest),
        65..=69 => own.choose(rng).copied(),
        70 => any.iter().find(|listing| listing.0 == institution).copied(),
        _ => None,
    };
    let parents: Vec<ListingName> = match rng.gen_range(0..100) {
        // Chains of derived packages grow where they are long.
        0..=11 => known
            .iter()
            .max_by_key(|name| world.model.upstream(**name))
            .copied()
            .into_iter()
            .collect(),
        12..=29 => known.choose_multiple(rng, 1).copied().collect(),
        30..=39 => known.choose_multiple(rng, 2).copied().collect(),
        40..=41 => known.choose_multiple(rng, 3).copied().collect(),
        42 => known.choose(rng).map(|twice| vec![*twice; 2]).unwrap_or_default(),
        43 => any.choose_multiple(rng, 1).copied().collect(),
        _ => Vec::new(),
    };
    Lineage { supersedes: before.map(|(_, package)| package), parents }
}

fn tier(rng: &mut ChaCha20Rng) -> Tier {
    Tier {
        health_only: in_hundred(rng, 25),
        price: if in_hundred(rng, 5) { 0 } else { rng.gen_range(1..15_000) },
        included: rng.gen_range(1..=2),
        extra: rng.gen_range(0..100),
        most: rng.gen_range(2..=4),
        term: in_hundred(rng, 45).then(|| (rng.gen_range(1..=6), rng.gen_range(0..5_000))),
    }
}

fn offer(
    world: &World<'_>,
    rng: &mut ChaCha20Rng,
    institution: Name,
    owed: &[(ListingName, u64)],
) -> Offer {
    let tiers = (0..rng.gen_range(1..=2)).map(|_| tier(rng)).collect();
    let royalty = match rng.gen_range(0..20) {
        0 => 10_000,
        1..=4 => 0,
        _ => rng.gen_range(1..4_000),
    };
    Offer {
        tiers,
        strict: in_hundred(rng, 25),
        review: in_hundred(rng, 25).then(|| rng.gen_range(1..=30) * MINUTE),
        most_undelivered: rng.gen_range(1..=3),
        shares: shares(world, rng, institution, owed),
        royalty,
        most_licences: match rng.gen_range(0..100) {
            0 => Some(0),
            1..=20 => Some(rng.gen_range(1..=3)),
            _ => None,
        },
    }
}

/// What is owed goes upstream, the rest to the institution, or to it and somebody else. Now and then
/// that is not so.
fn shares(
    world: &World<'_>,
    rng: &mut ChaCha20Rng,
    institution: Name,
    owed: &[(ListingName, u64)],
) -> Vec<(Payee, u64)> {
    let mut left: u64 = 10_000;
    let mut shares = Vec::new();
    for (listing, points) in owed {
        let points = match rng.gen_range(0..20) {
            0 => points.saturating_sub(1),
            1..=4 => points + rng.gen_range(0..500),
            _ => *points,
        };
        let points = points.min(left);
        left -= points;
        shares.extend((points > 0).then_some((Payee::Listing(*listing), points)));
    }
    if in_hundred(rng, 2) && left > 1 {
        let listed: Vec<ListingName> = world.model.listings.keys().copied().collect();
        let stranger = listed.choose(rng).map(|listing| (Payee::Listing(*listing), 1));
        left -= u64::from(stranger.is_some());
        shares.extend(stranger);
    }
    if left > 1 && in_hundred(rng, 40) {
        let part = rng.gen_range(1..left);
        left -= part;
        shares.push((Payee::Account(pick(rng, &world.funders)), part));
    }
    let rest = (left > 0).then_some((Payee::Account(institution), left));
    if in_hundred(rng, 50) {
        shares.extend(rest);
    } else {
        shares.splice(0..0, rest);
    }
    match rng.gen_range(0..100) {
        0 => shares[0].1 += 1,
        1 => shares.push((Payee::Account(institution), 0)),
        _ => {}
    }
    shares
}
