//! Random sequences of everything that hospital, buyer and registrars can do. The simulation checks the
//! invariants after every block; here, that everything ends.

use galen_market::action::trade::{ClaimVersion, RenewSubscription, ResumeListings};
use galen_market::action::{Action, DepositBond, WithdrawBond};
use galen_market::amount::Amount;
use galen_market::deal::Stage;
use galen_market::error::TxError;
use galen_market::id::DealId;
use galen_market::listing::{Seats, SubscriptionTerms};
use galen_market::payment::{Funding, Purse};
use galen_market::state_key::{self, scan_all};
use galen_market::testing::{Buyer, FilePackage, Signing, euros};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::market::{
    MINUTE, MONTH, Market, market_with, superseding, upstream, with_shares, with_tier,
};

const STEPS: usize = 70;

struct World {
    m: Market,
    rng: ChaCha20Rng,
    /// Every version that was listed, the newest last.
    versions: Vec<FilePackage>,
    /// Deals with what they are about and the keys.
    deals: Vec<(DealId, FilePackage, Buyer)>,
    names: u32,
}

impl World {
    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what} {}", self.names)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.rng.gen_range(0..from.len())].clone())
    }

    fn version(&mut self) -> Result<(), TxError> {
        let name = self.name("version");
        let (price, months) = (self.rng.gen_range(0..900), self.rng.gen_range(1..4));
        let mut next = with_tier(self.m.package(&name), |tier| {
            tier.seats = Seats { included: 1, extra: Amount::new(7), most: 3 };
            tier.subscription = Some(SubscriptionTerms { months, price: Amount::new(price) });
        });
        next.draft.offer.royalty = self.rng.gen_range(0..2_000);
        next.draft.offer.max_licences = self.rng.gen_bool(0.3).then_some(2);
        if let Some(before) = self.versions.last() {
            next = superseding(next, before);
            let owed = self.m.listing(before).royalties.to_vec();
            assert!(owed.is_empty(), "nothing is derived in this line");
        }
        self.m.list(&next)?;
        self.versions.push(next);
        Ok(())
    }

    fn derived(&mut self) -> Result<(), TxError> {
        let Some(parent) = self.pick(&self.versions.clone()) else { return Ok(()) };
        let name = self.name("derived");
        let owed = self.rng.gen_range(0..2_500);
        let own = galen_market::listing::Share::of_account(self.m.hospital.id(), 10_000 - owed);
        let mut shares = vec![own];
        shares.extend((owed > 0).then(|| upstream(&parent, owed)));
        let package = crate::market::derived(self.m.package(&name), &[&parent]);
        let package = with_shares(package, shares);
        self.m.list(&package)?;
        let buyer = Buyer::new(&name);
        let request = package.request(&self.m.funder, &buyer, true);
        let deal = self.m.ask(request)?;
        self.deals.push((deal, package, buyer));
        Ok(())
    }

    fn request(&mut self) -> Result<(), TxError> {
        let Some(package) = self.pick(&self.versions.clone()) else { return Ok(()) };
        let buyer = Buyer::new(&self.name("buyer"));
        let ready = self.rng.gen_bool(0.7);
        let deal = self.m.ask(package.request(&self.m.funder, &buyer, ready))?;
        self.deals.push((deal, package, buyer));
        Ok(())
    }

    fn claim(&mut self) -> Result<(), TxError> {
        let (Some((first, _, keys)), Some(package)) =
            (self.pick(&self.deals.clone()), self.pick(&self.versions.clone()))
        else {
            return Ok(());
        };
        let buyer = Buyer::new(&self.name("claimant"));
        let claim = ClaimVersion {
            subscription: first,
            package: package.listing().package,
            allowance: Amount::new(self.rng.gen_range(0..100)),
            funding: Funding::Account(self.m.funder.id()),
            delivery_key: buyer.delivery_key,
            auth_key: buyer.auth.id(),
            ready: self.rng.gen_bool(0.8),
        };
        self.m.signed(Action::ClaimVersion(claim), &keys.auth)?;
        let key = state_key::claim(&first, &package.listing().package);
        let deal = self.m.sim.read(&key).unwrap().deal;
        self.deals.push((deal, package, buyer));
        Ok(())
    }

    fn renew(&mut self) -> Result<(), TxError> {
        let (Some((first, _, keys)), Some(newest)) =
            (self.pick(&self.deals.clone()), self.versions.last().cloned())
        else {
            return Ok(());
        };
        let (listing, offer) = (newest.listing(), &newest.draft.offer);
        let tier = &offer.tiers[0];
        let renewal = RenewSubscription {
            subscription: first,
            institution: listing.institution,
            package: listing.package,
            version: self.m.listing(&newest).version,
            tier: tier.name.clone(),
            terms: tier.agreement(&offer.terms),
            price: euros(tier.subscription.unwrap().price.units()),
            funding: Funding::Account(self.m.funder.id()),
        };
        let j = self.m.fresh();
        let (funder, researcher) = (self.m.funder.clone(), self.m.researcher.clone());
        let signing = Signing {
            accounts: vec![&funder],
            deal_key: Some(&keys.auth),
            credential: Some((&researcher, j)),
            ..Signing::default()
        };
        let action = Action::RenewSubscription(renewal);
        let transaction = self.m.sim.sign_with(vec![action], &signing);
        self.m.sim.submit(&transaction).map(drop)
    }

    fn proceed(&mut self) -> Result<(), TxError> {
        let Some((deal, package, buyer)) = self.pick(&self.deals.clone()) else { return Ok(()) };
        if self.m.stage(deal) == Stage::Agreed {
            return self.m.sim.ready(deal, &buyer).map(drop);
        }
        let delivery = self.m.sim.delivery(deal, &package);
        self.m.sim.submit(&delivery).map(drop)
    }

    fn close(&mut self) -> Result<(), TxError> {
        let Some(package) = self.pick(&self.versions.clone()) else { return Ok(()) };
        match self.rng.gen_range(0..8) {
            0 => self.m.take_down(&package, 2).map(drop),
            1..=3 => self.m.withdraw(&package, "at random"),
            _ => self.m.revise(&package, package.draft.offer.clone()),
        }
    }

    fn bond(&mut self) -> Result<(), TxError> {
        let institution = self.m.hospital.id();
        let money = euros(self.rng.gen_range(1..600_000));
        if self.rng.gen_bool(0.4) {
            self.m.act(Action::WithdrawBond(WithdrawBond { institution, money }))
        } else {
            self.m.act(Action::DepositBond(DepositBond { institution, money }))
        }
    }

    fn step(&mut self) -> Result<(), TxError> {
        match self.rng.gen_range(0..20) {
            0..=1 => self.version(),
            2 => self.derived(),
            3..=6 => self.request(),
            7..=9 => self.claim(),
            10 => self.renew(),
            11..=15 => self.proceed(),
            16 => self.close(),
            17 => self.bond(),
            18 => {
                let institution = self.m.hospital.id();
                self.m.act(Action::ResumeListings(ResumeListings { institution }))
            }
            _ => {
                let most = if self.rng.gen_bool(0.2) { 150 } else { 6 };
                let minutes = self.rng.gen_range(1..most);
                self.m.sim.advance(minutes * MINUTE);
                Ok(())
            }
        }
    }
}

/// A market that passes months in few blocks, and whose buyers have little time to dispute.
fn quick() -> Market {
    market_with(|genesis| {
        genesis.parameters.max_idle_ms = 15 * MINUTE;
        genesis.parameters.dispute_ms = 2 * MINUTE;
    })
}

#[test]
fn whatever_is_done_everything_ends() {
    let (mut done, mut refused, mut subscriptions) = (0, 0, 0);
    for seed in 0..3 {
        let rng = ChaCha20Rng::seed_from_u64(seed);
        let mut world =
            World { m: quick(), rng, versions: Vec::new(), deals: Vec::new(), names: 0 };
        world.version().unwrap();
        for _ in 0..STEPS {
            match world.step() {
                Ok(()) => done += 1,
                Err(_) => refused += 1,
            }
        }
        let sim = &mut world.m.sim;
        // Eight terms of three months, and the last deals.
        sim.advance(26 * MONTH);
        for (_, deal) in scan_all(&sim.state, &state_key::deals()).unwrap() {
            assert!(deal.stage.is_final(), "seed {seed}: {deal:?}");
        }
        for (_, subscription) in scan_all(&sim.state, &state_key::subscriptions()).unwrap() {
            subscriptions += 1;
            assert!(subscription.ended.is_some(), "seed {seed}: {subscription:?}");
            assert_eq!(sim.purse(&Purse::Subscription(subscription.id)), 0);
        }
        sim.replay();
    }
    assert!(done > 60 && refused > 10 && subscriptions > 0, "{done} {refused} {subscriptions}");
}
