//! Subscriptions: what is paid when, what is claimed, and every way in which one ends.

use galen_market::action::trade::{ClaimVersion, RenewSubscription};
use galen_market::action::{Action, Suspend, WithdrawBond};
use galen_market::amount::Amount;
use galen_market::deal::{Ending, MAX_CLAIMS, MAX_TERMS, Stage, Subscription, Termination};
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::id::{DealId, Digest};
use galen_market::listing::{Share, SubscriptionTerms};
use galen_market::payment::{Funding, Purse};
use galen_market::role::Role;
use galen_market::state_key;
use galen_market::testing::{
    Buyer, FilePackage, Signing, TablePackage, Tamper, Wallet, euros, text,
};

use crate::market::{
    BOND, MINUTE, MONTH, Market, PRICE, derived, hospital, market, superseding, upstream,
    with_shares, with_tier,
};

const MONTHS: u32 = 3;
const TERM: u64 = 1_000;
/// A tenth of price and first term.
const COMPENSATION: u64 = (PRICE + TERM) / 10;

fn subscribed(package: FilePackage) -> FilePackage {
    with_tier(package, |tier| {
        tier.subscription = Some(SubscriptionTerms { months: MONTHS, price: Amount::new(TERM) });
    })
}

struct Subscriber {
    buyer: Buyer,
    id: DealId,
    first: FilePackage,
}

impl Market {
    /// A hospital's line of which the first version was bought with a subscription.
    fn subscriber(&mut self) -> Subscriber {
        let first = subscribed(self.package("first"));
        self.list(&first).unwrap();
        let buyer = Buyer::new("subscriber");
        let (id, _) = self.bought(&first, &buyer);
        Subscriber { buyer, id, first }
    }

    fn subscription(&self, subscriber: &Subscriber) -> Subscription {
        self.sim.read(&state_key::subscription(&subscriber.id)).unwrap()
    }

    fn escrow(&self, subscriber: &Subscriber) -> u64 {
        self.sim.purse(&Purse::Subscription(subscriber.id))
    }

    fn version(&mut self, name: &str, before: &FilePackage) -> FilePackage {
        let next = superseding(subscribed(self.package(name)), before);
        self.list(&next).unwrap();
        next
    }

    fn claim_as(
        &mut self,
        subscriber: &Subscriber,
        package: &FilePackage,
        buyer: &Buyer,
        key: &Wallet,
    ) -> Result<DealId, TxError> {
        let claim = ClaimVersion {
            subscription: subscriber.id,
            package: package.listing().package,
            allowance: Amount::new(100),
            funding: Funding::Account(self.funder.id()),
            delivery_key: buyer.delivery_key,
            auth_key: buyer.auth.id(),
            ready: true,
        };
        let receipt = self.signed(Action::ClaimVersion(claim), key)?;
        let deal = receipt.events.iter().find_map(|event| match event {
            Event::DealRequested { deal, .. } => Some(*deal),
            _ => None,
        });
        Ok(deal.expect("a claim opens a deal"))
    }

    fn claim(
        &mut self,
        subscriber: &Subscriber,
        package: &FilePackage,
        name: &str,
    ) -> Result<DealId, TxError> {
        let key = subscriber.buyer.auth.clone();
        self.claim_as(subscriber, package, &Buyer::new(name), &key)
    }

    fn renewal(&self, subscriber: &Subscriber, newest: &FilePackage) -> RenewSubscription {
        let (listing, offer) = (newest.listing(), &newest.draft.offer);
        let tier = &offer.tiers[0];
        RenewSubscription {
            subscription: subscriber.id,
            institution: listing.institution,
            package: listing.package,
            version: 1,
            tier: tier.name.clone(),
            terms: tier.agreement(&offer.terms),
            price: euros(tier.subscription.map_or(0, |terms| terms.price.units())),
            funding: Funding::Account(self.funder.id()),
        }
    }

    fn renew(&mut self, action: RenewSubscription, key: &Wallet) -> Result<(), TxError> {
        let j = self.fresh();
        let (funder, researcher) = (self.funder.clone(), self.researcher.clone());
        let signing = Signing {
            accounts: vec![&funder],
            deal_key: Some(key),
            credential: Some((&researcher, j)),
            ..Signing::default()
        };
        let action = Action::RenewSubscription(action);
        let transaction = self.sim.sign_with(vec![action], &signing);
        self.sim.submit(&transaction).map(drop)
    }

    /// Lets the running month end.
    fn month(&mut self, subscriber: &Subscriber) -> Vec<Event> {
        let ends = self.subscription(subscriber).month_ends_ms.expect("it goes on");
        self.sim.advance(ends - self.sim.uptime_ms()).events
    }
}

#[test]
fn a_subscription_is_paid_by_the_month_and_ends() {
    let mut m = market();
    let (before, hospital) = (m.funds(), m.sim.balance(&m.hospital.clone()));
    let s = m.subscriber();
    assert_eq!(m.escrow(&s), TERM);
    assert_eq!(m.sim.balance(&m.hospital), hospital + PRICE);
    assert_eq!(m.funds(), before - PRICE - TERM);
    // A version is claimed at no price, with a licence for the same use.
    let second = m.version("second", &s.first);
    let deal = m.claim(&s, &second, "claimant").unwrap();
    let bond = m.sim.deal(deal).bond;
    assert_eq!(bond, Amount::new(COMPENSATION));
    m.deliver(deal, &second);
    let claimed = m.sim.deal(deal);
    assert_eq!((claimed.price.amount, claimed.tier.as_str()), (Amount::ZERO, "standard"));
    let licence = m.sim.read(&state_key::licence(&deal)).unwrap();
    assert_eq!((licence.listing, licence.seats), (second.listing(), 1));
    assert_eq!(m.listing(&second).licences, 0, "a claim takes no licence that is sold");
    // 333, 333 and what is left.
    for (month, left) in [(1, 667), (2, 334)] {
        m.month(&s);
        assert_eq!(m.escrow(&s), left, "month {month}");
        assert_eq!(m.sim.balance(&m.hospital), hospital + PRICE + TERM - left);
    }
    let third = m.version("third", &second);
    let events = m.month(&s);
    assert_eq!(m.escrow(&s), 0);
    assert_eq!(m.subscription(&s).ended, Some(Ending::Expired));
    let refunded = euros(0);
    let ended = Event::SubscriptionEnded { subscription: s.id, ending: Ending::Expired, refunded };
    assert!(events.contains(&ended));
    assert_eq!(m.sim.balance(&m.hospital), hospital + PRICE + TERM);
    assert_eq!(m.claim(&s, &third, "too late"), Err(TxError::SubscriptionEnded));
    m.sim.replay();
}

#[test]
fn adversary_33_claims_of_what_was_not_subscribed() {
    let mut m = market();
    let other = m.package("another line");
    m.list(&other).unwrap();
    let old = subscribed(m.package("old"));
    m.list(&old).unwrap();
    let first = superseding(subscribed(m.package("first")), &old);
    m.list(&first).unwrap();
    // Only the newest version begins a subscription.
    let request = old.request(&m.funder, &Buyer::new("late"), true);
    assert_eq!(m.ask(request), Err(TxError::Superseded { by: first.listing().package }));
    let buyer = Buyer::new("subscriber");
    let deal = m.waiting(&first, &buyer);
    let s = Subscriber { buyer, id: deal, first };
    let second = m.version("second", &s.first);
    // Not before the first deal is paid for.
    let early = TxError::UnknownSubscription { subscription: deal };
    assert_eq!(m.claim(&s, &second, "early"), Err(early));
    m.deliver(deal, &s.first);
    for wrong in [&other, &old, &s.first] {
        let refused = TxError::NotInSubscription { listing: wrong.listing() };
        assert_eq!(m.claim(&s, wrong, "wrong"), Err(refused));
    }
    let thief = Wallet::new("thief");
    let error = m.claim_as(&s, &second, &Buyer::new("thief"), &thief).unwrap_err();
    assert_eq!(error.code(), "unauthorised", "{error}");
    let claimed = m.claim(&s, &second, "claimant").unwrap();
    let again = TxError::AlreadyClaimed { deal: claimed };
    assert_eq!(m.claim(&s, &second, "again"), Err(again.clone()));
    m.deliver(claimed, &second);
    assert_eq!(m.claim(&s, &second, "again"), Err(again));
    // The next version is another claim.
    let third = m.version("third", &second);
    m.claim(&s, &third, "claimant of the third").unwrap();
}

#[test]
fn a_version_is_claimed_again_only_after_a_refund_and_not_for_ever() {
    let mut m = market();
    let s = m.subscriber();
    let second = m.version("second", &s.first);
    for n in 0..MAX_CLAIMS {
        let claim = ClaimVersion {
            subscription: s.id,
            package: second.listing().package,
            allowance: Amount::new(100),
            funding: Funding::Account(m.funder.id()),
            delivery_key: Buyer::new(&format!("claimant {n}")).delivery_key,
            auth_key: Wallet::new(&format!("claimant {n}")).id(),
            ready: false,
        };
        m.signed(Action::ClaimVersion(claim), &s.buyer.auth).unwrap();
        let claim = m.sim.read(&state_key::claim(&s.id, &second.listing().package)).unwrap();
        m.sim.advance(m.sim.genesis.parameters.ready_ms + 1_000);
        assert_eq!(m.ended(claim.deal), Termination::NotReady);
    }
    let refused = m.claim(&s, &second, "once more");
    assert_eq!(refused, Err(TxError::TooManyClaims { max: MAX_CLAIMS }));
    assert_eq!(m.subscription(&s).ended, None);
}

#[test]
fn adversary_29_a_claim_that_is_not_delivered() {
    let mut m = market();
    let s = m.subscriber();
    m.month(&s);
    let second = m.version("second", &s.first);
    let before = m.funds();
    let deal = m.claim(&s, &second, "claimant").unwrap();
    m.sim.advance(m.sim.genesis.parameters.deliver_ms);
    assert_eq!(m.ended(deal), Termination::NotDelivered);
    // The rest of the term and one compensation, and no more of either.
    assert_eq!(m.subscription(&s).ended, Some(Ending::Failed { deal }));
    assert_eq!((m.funds(), m.escrow(&s)), (before + 667 + COMPENSATION, 0));
    assert_eq!(m.claim(&s, &second, "again"), Err(TxError::SubscriptionEnded));
    let renewal = m.renewal(&s, &second);
    assert_eq!(m.renew(renewal, &s.buyer.auth), Err(TxError::SubscriptionEnded));
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND - COMPENSATION);
    m.sim.advance(3 * MONTH);
    assert_eq!(m.funds(), before + 667 + COMPENSATION);
    // The twin is delivered on the last millisecond but one, and the term goes on.
    let mut m = market();
    let s = m.subscriber();
    let second = m.version("second", &s.first);
    let deal = m.claim(&s, &second, "claimant").unwrap();
    m.sim.advance(m.sim.genesis.parameters.deliver_ms - 1_001);
    m.deliver(deal, &second);
    assert_eq!(m.subscription(&s).ended, None);
}

#[test]
fn adversary_25_a_claimed_version_that_is_not_what_was_listed() {
    let mut m = market();
    let s = m.subscriber();
    let tamper = Tamper { leaf: &|at, leaf| leaf.rows += u32::from(at == 1), ..Tamper::default() };
    let mut bad = TablePackage::tampered(&m.hospital, "second", PRICE, &[], &tamper);
    bad.package = superseding(bad.package, &s.first);
    bad.list(&mut m.sim, &m.hospital.clone()).unwrap();
    let before = m.funds();
    let claimant = Buyer::new("claimant");
    let deal = m.claim_as(&s, &bad.package, &claimant, &s.buyer.auth).unwrap();
    let delivery = m.sim.delivery(deal, &bad.package);
    m.sim.submit(&delivery).unwrap();
    let mut evidence = bad.evidence(&mut m.sim, deal, 1);
    evidence.ciphertext = galen_market::codec::Bytes::default();
    // The key of the subscription is not the key of the claim.
    let forged = m.sim.dispute(evidence.clone(), &s.buyer);
    assert_eq!(m.sim.submit(&forged).unwrap_err().code(), "unauthorised");
    let dispute = m.sim.dispute(evidence, &claimant);
    m.sim.submit(&dispute).unwrap();
    assert!(matches!(m.ended(deal), Termination::Disputed { segment: 1, .. }));
    assert_eq!(m.subscription(&s).ended, Some(Ending::Failed { deal }));
    assert_eq!(m.funds(), before + TERM + COMPENSATION);
}

#[test]
fn adversary_28b_claims_without_bond() {
    let mut m = market();
    let s = m.subscriber();
    let second = m.version("second", &s.first);
    let institution = m.hospital.id();
    let money = euros(BOND - COMPENSATION + 1);
    m.act(Action::WithdrawBond(WithdrawBond { institution, money })).unwrap();
    let before = m.funds();
    let deal = m.claim(&s, &second, "claimant").unwrap();
    assert_eq!(m.ended(deal), Termination::NoSeat);
    assert_eq!(m.subscription(&s).denied, Some(deal));
    // Nobody pays for another term meanwhile, and the institution is not paid for this one.
    let renewal = m.renewal(&s, &second);
    assert_eq!(m.renew(renewal, &s.buyer.auth).unwrap_err().code(), "not_renewable");
    m.month(&s);
    assert_eq!(m.subscription(&s).ended, Some(Ending::Denied { deal }));
    assert_eq!((m.funds(), m.escrow(&s)), (before + TERM, 0));
    // The twin is served before the month ends.
    let mut m = market();
    let s = m.subscriber();
    let second = m.version("second", &s.first);
    let all = euros(BOND);
    let (institution, money) = (m.hospital.id(), all.clone());
    m.act(Action::WithdrawBond(WithdrawBond { institution, money })).unwrap();
    m.claim(&s, &second, "claimant").unwrap();
    let bond = galen_market::action::DepositBond { institution, money: all };
    m.act(Action::DepositBond(bond)).unwrap();
    let deal = m.claim(&s, &second, "claimant again").unwrap();
    m.deliver(deal, &second);
    m.month(&s);
    assert_eq!((m.subscription(&s).ended, m.escrow(&s)), (None, 667));
}

/// An institution whose places are all taken, by buyers of its own, still serves who paid for months.
#[test]
fn adversary_28b_places_kept_from_subscribers() {
    let mut m = market();
    let s = m.subscriber();
    let mut second = superseding(subscribed(m.package("second")), &s.first);
    second.draft.offer.max_undelivered = 1;
    m.list(&second).unwrap();
    m.waiting(&second, &Buyer::new("friend of the hospital"));
    // A request finds no place; a claim needs none.
    let request = second.request(&m.funder, &Buyer::new("other"), true);
    let other = m.ask(request).unwrap();
    assert_eq!(m.ended(other), Termination::NoSeat);
    let claim = m.claim(&s, &second, "claimant").unwrap();
    assert_eq!(m.stage(claim), Stage::Ready);
    m.deliver(claim, &second);
    assert_eq!(m.subscription(&s).ended, None);
}

#[test]
fn what_is_not_served_is_not_paid_for() {
    // How a line ends, and whether subscribers get the rest back when the month ends.
    type End = fn(&mut Market, &FilePackage);
    let ends: [(&str, End, bool); 5] = [
        ("nothing", |_, _| {}, false),
        ("withdrawn", |m, newest| m.withdraw(newest, "enough").unwrap(), true),
        ("taken down", |m, newest| m.take_down(newest, 2).map(drop).unwrap(), true),
        (
            "suspended",
            |m, _| {
                let evidence = Digest([2; 32]);
                let account = m.hospital.id();
                let suspend = Suspend { account, role: Role::Institution, evidence };
                let (a, b) = (m.sim.registrars[0].clone(), m.sim.registrars[1].clone());
                m.sim.act(vec![Action::Suspend(suspend)], &[&a, &b]).unwrap();
            },
            true,
        ),
        (
            "stopped",
            |m, newest| {
                let late = m.waiting(newest, &Buyer::new("not served"));
                m.sim.advance(m.sim.genesis.parameters.deliver_ms);
                assert_eq!(m.stage(late), Stage::Terminated);
            },
            true,
        ),
    ];
    for (what, end, refunded) in ends {
        let mut m = market();
        let s = m.subscriber();
        let second = m.version("second", &s.first);
        // An old version may go without harm.
        m.withdraw(&s.first, "superseded").unwrap();
        end(&mut m, &second);
        let before = m.funds();
        if refunded {
            let claim = m.claim(&s, &second, "claimant").unwrap_err();
            let codes =
                ["listing_not_live", "listing_taken_down", "role_not_active", "listings_stopped"];
            assert!(codes.contains(&claim.code()), "{what}: {claim}");
            let renewal = m.renewal(&s, &second);
            let renewed = m.renew(renewal, &s.buyer.auth).unwrap_err();
            assert_eq!(renewed.code(), claim.code(), "{what}");
        }
        m.month(&s);
        let ended = m.subscription(&s).ended;
        assert_eq!(ended, refunded.then_some(Ending::NotServed), "{what}");
        let back = if refunded { TERM } else { 0 };
        assert_eq!(m.funds(), before + back, "{what}");
        m.sim.replay();
    }
}

#[test]
fn adversary_33_renewals_of_the_subscribers_own() {
    let mut m = market();
    let s = m.subscriber();
    let second = superseding(subscribed(m.package("second")), &s.first);
    let second = with_tier(second, |tier| {
        tier.subscription = Some(SubscriptionTerms { months: 2, price: Amount::new(2_000) });
    });
    m.list(&second).unwrap();
    let honest = m.renewal(&s, &second);
    let old = m.renewal(&s, &s.first);
    let by = second.listing().package;
    let key = s.buyer.auth.clone();
    // Prices change between versions: the present one counts.
    assert_eq!(m.renew(old, &key), Err(TxError::Superseded { by }));
    let cheap = RenewSubscription { price: euros(TERM), ..honest.clone() };
    assert_eq!(m.renew(cheap, &key), Err(TxError::OfferChanged { version: 1 }));
    let other = RenewSubscription { terms: Digest([0; 32]), ..honest.clone() };
    assert_eq!(m.renew(other, &key), Err(TxError::OfferChanged { version: 1 }));
    let gold = RenewSubscription { tier: text("gold"), ..honest.clone() };
    assert_eq!(m.renew(gold, &key).unwrap_err().code(), "unknown_tier");
    let thief = Wallet::new("thief");
    assert_eq!(m.renew(honest.clone(), &thief).unwrap_err().code(), "unauthorised");
    // Without a credential, nobody renews.
    let bare = m.signed(Action::RenewSubscription(honest.clone()), &key).map(drop);
    assert_eq!(bare, Err(TxError::CredentialRequired));
    let before = m.funds();
    m.renew(honest.clone(), &key).unwrap();
    assert_eq!((m.funds(), m.escrow(&s)), (before - 2_000, TERM + 2_000));
    // It begins where the last one ends.
    let months: Vec<u32> = m.subscription(&s).terms.iter().map(|term| term.months).collect();
    assert_eq!(months, [3, 2]);
    for left in [2_667, 2_334, 2_000, 1_000, 0] {
        assert_eq!(m.subscription(&s).ended, None);
        m.month(&s);
        assert_eq!(m.escrow(&s), left);
    }
    assert_eq!(m.subscription(&s).ended, Some(Ending::Expired));
    assert_eq!(m.renew(honest, &key), Err(TxError::SubscriptionEnded));
}

#[test]
fn terms_that_are_paid_for_are_bounded() {
    let mut m = market();
    let s = m.subscriber();
    let key = s.buyer.auth.clone();
    let renewal = m.renewal(&s, &s.first);
    for _ in 1..MAX_TERMS {
        m.renew(renewal.clone(), &key).unwrap();
    }
    assert_eq!(m.renew(renewal, &key).unwrap_err().code(), "not_renewable");
    assert_eq!(m.escrow(&s), TERM * MAX_TERMS as u64);
}

#[test]
fn months_pay_upstream_too() {
    let mut m = market();
    let clinic = hospital(&mut m.sim, "clinic");
    let mut parent = FilePackage::new(&clinic, "parent", PRICE);
    parent.draft.offer.royalty = 1_000;
    m.sim.list(&clinic, &parent).unwrap();
    let shares = vec![Share::of_account(m.hospital.id(), 9_000), upstream(&parent, 1_000)];
    let first = derived(with_shares(subscribed(m.package("first")), shares), &[&parent]);
    m.list(&first).unwrap();
    let before = m.sim.balance(&clinic);
    let buyer = Buyer::new("subscriber");
    let (id, _) = m.bought(&first, &buyer);
    let s = Subscriber { buyer, id, first };
    assert_eq!(m.sim.balance(&clinic), before + PRICE / 10);
    m.month(&s);
    assert_eq!(m.sim.balance(&clinic), before + PRICE / 10 + 33);
}

#[test]
fn months_of_a_renewal_are_shared_as_the_version_says_that_it_was_bought_of() {
    let mut m = market();
    let s = m.subscriber();
    let clinic = hospital(&mut m.sim, "clinic");
    let shares =
        vec![Share::of_account(m.hospital.id(), 9_000), Share::of_account(clinic.id(), 1_000)];
    let second = superseding(subscribed(m.package("second")), &s.first);
    let second = with_shares(second, shares);
    m.list(&second).unwrap();
    let renewal = m.renewal(&s, &second);
    m.renew(renewal, &s.buyer.auth).unwrap();
    let before = m.sim.balance(&clinic);
    for _ in 0..3 {
        m.month(&s);
        assert_eq!(m.sim.balance(&clinic), before, "the first term is of the first version");
    }
    m.month(&s);
    assert_eq!(m.sim.balance(&clinic), before + 33);
}

#[test]
fn a_first_deal_that_is_refunded_begins_no_subscription() {
    let mut m = market();
    let first = subscribed(m.package("first"));
    m.list(&first).unwrap();
    let before = m.funds();
    let deal = m.waiting(&first, &Buyer::new("subscriber"));
    m.sim.advance(m.sim.genesis.parameters.deliver_ms + MINUTE);
    assert_eq!(m.ended(deal), Termination::NotDelivered);
    assert_eq!(m.funds(), before + COMPENSATION);
    assert_eq!(m.sim.read(&state_key::subscription(&deal)), None);
}
