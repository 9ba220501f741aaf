//! Royalties: owed, paid upstream to the last unit, and not dodged by a later action.

use galen_market::action::trade::WithdrawListing;
use galen_market::action::{Action, Suspend};
use galen_market::amount::Amount;
use galen_market::deal::MAX_UPSTREAM_STEPS;
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::id::{AccountId, Digest};
use galen_market::listing::{ListingId, Royalty, Share};
use galen_market::role::Role;
use galen_market::testing::{Buyer, FilePackage, TablePackage, Wallet, text};

use crate::market::{PRICE, derived, draft, hospital, market, superseding, upstream, with_shares};

fn asking(mut package: FilePackage, royalty: u16) -> FilePackage {
    package.draft.offer.royalty = royalty;
    package
}

fn paid(events: &[Event], to: &AccountId) -> u64 {
    let paid = events.iter().filter_map(|event| match event {
        Event::SharePaid { account, money, .. } if account == to => Some(money.amount.units()),
        _ => None,
    });
    paid.sum()
}

#[test]
fn adversary_33_royalties_that_are_left_out() {
    let mut m = market();
    let parent = asking(m.package("parent"), 500);
    let stranger = m.package("stranger");
    m.list(&parent).unwrap();
    m.list(&stranger).unwrap();
    let own = m.hospital.id();
    let made = derived(m.package("derived"), &[&parent]);
    let owed = |given| TxError::RoyaltyOwed { listing: parent.listing(), owed: 500, given };
    assert_eq!(m.list(&made), Err(owed(0)));
    let short = vec![Share::of_account(own, 9_501), upstream(&parent, 499)];
    assert_eq!(m.list(&with_shares(made.clone(), short)), Err(owed(499)));
    // A share of a listing that is no parent would make the price go round.
    let foreign =
        vec![Share::of_account(own, 9_000), upstream(&parent, 500), upstream(&stranger, 500)];
    let refused = TxError::NotUpstream { listing: stranger.listing() };
    assert_eq!(m.list(&with_shares(made.clone(), foreign)), Err(refused));
    let good = vec![Share::of_account(own, 9_500), upstream(&parent, 500)];
    let good = with_shares(made, good);
    m.list(&good).unwrap();
    // Nor does it go away when the offer is revised.
    let alone = with_shares(good.clone(), vec![Share::of_account(own, 10_000)]);
    assert_eq!(m.revise(&good, alone.draft.offer.clone()), Err(owed(0)));
    // Nor by a version that names no parent.
    let next = superseding(m.package("next version"), &good);
    assert_eq!(m.list(&next), Err(owed(0)));
    let shares = good.draft.offer.shares.to_vec();
    m.list(&with_shares(next, shares.clone())).unwrap();
    // A parent that asks for more binds who derives from now on, and nobody else.
    m.revise(&parent, asking(parent.clone(), 900).draft.offer).unwrap();
    m.revise(&good, good.draft.offer.clone()).unwrap();
    let late = with_shares(derived(m.package("late"), &[&parent]), shares);
    let more = TxError::RoyaltyOwed { listing: parent.listing(), owed: 900, given: 500 };
    assert_eq!(m.list(&late), Err(more));
    let owed = Royalty { listing: parent.listing(), basis_points: 500 };
    assert_eq!(m.listing(&good).royalties[..], [owed]);
}

#[test]
fn a_price_goes_upstream_to_the_last_unit() {
    let mut m = market();
    let (clinic, fund) = (hospital(&mut m.sim, "clinic"), Wallet::new("patients' fund"));
    let root = asking(FilePackage::new(&clinic, "root", PRICE), 3_333);
    let root = with_shares(
        root,
        vec![Share::of_account(clinic.id(), 6_667), Share::of_account(fund.id(), 3_333)],
    );
    m.sim.list(&clinic, &root).unwrap();
    let own = m.hospital.id();
    let middle = asking(derived(m.package("middle"), &[&root]), 3_333);
    let middle = with_shares(middle, vec![Share::of_account(own, 6_667), upstream(&root, 3_333)]);
    m.list(&middle).unwrap();
    let registry = hospital(&mut m.sim, "registry");
    let top = FilePackage::new(&registry, "top", 9_999);
    let top = with_shares(
        derived(top, &[&middle]),
        vec![Share::of_account(registry.id(), 6_667), upstream(&middle, 3_333)],
    );
    m.sim.list(&registry, &top).unwrap();
    // Who is withdrawn, and who is suspended, is still paid.
    m.withdraw(&middle, "no longer sold").unwrap();
    let suspend =
        Suspend { account: clinic.id(), role: Role::Institution, evidence: Digest([2; 32]) };
    let (a, b) = (m.sim.registrars[0].clone(), m.sim.registrars[1].clone());
    m.sim.act(vec![Action::Suspend(suspend)], &[&a, &b]).unwrap();
    let (deal, events) = m.bought(&top, &Buyer::new("ada"));
    // 9,999 is 6,667 and 3,332; that is 2,222 and 1,110; that is 741 and 369.
    let accounts = [registry.id(), own, clinic.id(), fund.id()];
    assert_eq!(accounts.map(|account| paid(&events, &account)), [6_667, 2_222, 741, 369]);
    assert_eq!(m.sim.deal(deal).price.amount, Amount::new(9_999));
    m.sim.replay();
}

#[test]
fn what_is_too_far_upstream_goes_to_the_institution_that_it_has_come_to() {
    let mut m = market();
    let parties: Vec<Wallet> = (0..=usize::from(MAX_UPSTREAM_STEPS) + 1)
        .map(|at| Wallet::new(&format!("party {at}")))
        .collect();
    let mut last: Option<FilePackage> = None;
    for party in &parties {
        let package = asking(FilePackage::new(&m.hospital, party.name(), 1_024), 5_000);
        let package = match &last {
            None => with_shares(package, vec![Share::of_account(party.id(), 10_000)]),
            Some(before) => with_shares(
                derived(package, &[before]),
                vec![Share::of_account(party.id(), 5_000), upstream(before, 5_000)],
            ),
        };
        m.list(&package).unwrap();
        last = Some(package);
    }
    let (_, events) = m.bought(&last.unwrap(), &Buyer::new("ada"));
    let received: Vec<u64> = parties.iter().rev().map(|party| paid(&events, &party.id())).collect();
    // Four steps are split in halves; what comes to the fifth listing, its institution keeps.
    assert_eq!(received, [512, 256, 128, 64, 32, 0]);
    assert_eq!(paid(&events, &m.hospital.id()), 32);
}

#[test]
fn a_price_is_split_into_so_many_shares_and_no_more() {
    let mut m = market();
    let clinic = hospital(&mut m.sim, "clinic");
    let fund = |at: usize| Share::of_account(Wallet::new(&format!("fund {at}")).id(), 625);
    // Versions of each other, as a listing belongs to four lines at most.
    let after = |package: FilePackage, line: &[FilePackage]| match line.last() {
        Some(before) => superseding(package, before),
        None => package,
    };
    let mut roots = Vec::new();
    for at in 0..3 {
        let root = asking(FilePackage::new(&clinic, &format!("root {at}"), PRICE), 1_000);
        let root = after(with_shares(root, (0..16).map(fund).collect()), &roots);
        m.sim.list(&clinic, &root).unwrap();
        roots.push(root);
    }
    // Three that come of all three, with sixteen shares as well; and one that comes of these.
    let up = |packages: &[FilePackage]| -> Vec<Share> {
        packages.iter().map(|package| upstream(package, 1_000)).collect()
    };
    let of = |package: FilePackage, parents: &[FilePackage]| {
        derived(package, &parents.iter().collect::<Vec<_>>())
    };
    let mut middle = Vec::new();
    for at in 0..3 {
        let helper = |at: usize| Share::of_account(Wallet::new(&format!("helper {at}")).id(), 500);
        let mut shares: Vec<Share> = (0..12).map(helper).collect();
        shares.push(Share::of_account(m.hospital.id(), 1_000));
        shares.extend(up(&roots));
        let package = of(asking(m.package(&format!("middle {at}")), 1_000), &roots);
        let package = after(with_shares(package, shares), &middle);
        m.list(&package).unwrap();
        middle.push(package);
    }
    let registry = hospital(&mut m.sim, "registry");
    let mut shares = vec![Share::of_account(registry.id(), 7_000)];
    shares.extend(up(&middle));
    let top = of(FilePackage::new(&registry, "top", 160_000), &middle);
    let top = with_shares(top, shares);
    m.sim.list(&registry, &top).unwrap();
    let (_, events) = m.bought(&top, &Buyer::new("ada"));
    // Of 128 shares 4 and three times 16 are taken when nine parts of 1,600 come to the roots. Four more
    // splits fit; five parts stay whole, with the institution of the roots.
    assert_eq!(paid(&events, &clinic.id()), 5 * 1_600);
    let funds = (0..16).map(|at| paid(&events, &Wallet::new(&format!("fund {at}")).id()));
    assert!(funds.into_iter().all(|part| part == 4 * 100));
    assert_eq!(paid(&events, &m.hospital.id()), 3 * 1_600);
    assert_eq!(paid(&events, &registry.id()), 112_000);
    m.sim.replay();
}

#[test]
fn adversary_33b_what_would_descend_from_itself() {
    let mut m = market();
    // The id of a package is known before it is listed.
    let own = m.package("own parent");
    assert_eq!(m.list(&derived(own.clone(), &[&own])), Err(TxError::LineageCycle));
    m.list(&own).unwrap();
    // A draft that was named as a parent, was given up, and now names its child.
    let first = TablePackage::new(&m.hospital, "first", PRICE, &[20]).package;
    let second = derived(m.package("second"), &[&first]);
    m.list(&first).unwrap();
    m.list(&second).unwrap();
    assert!(m.listing(&second).royalties.is_empty(), "nothing is owed to what was never live");
    let ListingId { institution, package } = first.listing();
    let reason = text("to be drafted anew");
    let give_up = Action::WithdrawListing(WithdrawListing { institution, package, reason });
    m.act(give_up).unwrap();
    let round = derived(first.clone(), &[&second]);
    let round = with_shares(round, first.draft.offer.shares.to_vec());
    assert_eq!(m.act(draft(&round)), Err(TxError::LineageCycle));
    // The same by way of versions.
    let round = superseding(first.clone(), &second);
    assert_eq!(m.act(draft(&round)), Err(TxError::LineageCycle));
    m.act(draft(&first)).unwrap();
}

#[test]
fn a_lineage_names_its_parents_once_and_the_step() {
    let mut m = market();
    let parent = m.package("parent");
    m.list(&parent).unwrap();
    let mut silent = derived(m.package("derived"), &[&parent]);
    silent.draft.lineage.step = text(" ");
    assert_eq!(m.list(&silent).unwrap_err().code(), "bad_lineage");
    let twice = derived(m.package("derived"), &[&parent, &parent]);
    assert_eq!(m.list(&twice).unwrap_err().code(), "bad_lineage");
    let mut alone = m.package("derived");
    alone.draft.lineage.step = text("made of nothing");
    assert_eq!(m.list(&alone).unwrap_err().code(), "bad_lineage");
    m.list(&derived(m.package("derived"), &[&parent])).unwrap();
    // A royalty above the whole is no offer.
    let greedy = asking(m.package("greedy"), 10_001);
    assert_eq!(m.list(&greedy).unwrap_err().code(), "bad_terms");
    let whole = asking(m.package("whole"), 10_000);
    m.list(&whole).unwrap();
    let worthless =
        with_shares(derived(m.package("worthless"), &[&whole]), vec![upstream(&whole, 10_000)]);
    m.list(&worthless).unwrap();
}
