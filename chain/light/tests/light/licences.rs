use galen_light::licence::{
    FORMAT, InForce, LicenceCertificate, LicenceError, LicenceProofs, Licensed,
};
use galen_light::{Anchor, LightError, OtherLeaf, StateProof, StateProofError};
use galen_market::action::{Action, DepositBond};
use galen_market::codec::{Bounded, Bytes, Text};
use galen_market::deal::Licence;
use galen_market::genesis::Network;
use galen_market::id::{DealId, Digest};
use galen_market::role::Role;
use galen_market::state_key::{self, Key};
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Simulation, change_tier, deal_of, euros,
};

use crate::chain::{Chain, DAY_MS};
use crate::reference;

/// A ledger with two licences, and a chain whose last header has its state.
struct World {
    sim: Simulation,
    chain: Chain,
    deals: [DealId; 2],
}

fn world() -> World {
    world_of(12)
}

/// A world whose licences last for so many months.
fn world_of(months: u32) -> World {
    let mut sim = Simulation::default();
    let hospital = sim.institution("hospital", 1_000_000);
    let bond = DepositBond { institution: hospital.id(), money: euros(100_000) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", 100_000);
    let mut package = FilePackage::new(&hospital, "hearts", 10_000);
    change_tier(&mut package.draft.offer, |tier| tier.licence_months = months);
    sim.list(&hospital, &package).unwrap();
    let deals = [(0, "first"), (1, "second")].map(|(j, name)| {
        let request = package.request(&funder, &Buyer::new(name), true);
        let request = sim.request(request, &funder, &researcher, j);
        sim.submit(&request).unwrap();
        let deal = deal_of(&request);
        let delivery = sim.delivery(deal, &package);
        sim.submit(&delivery).unwrap();
        deal
    });
    let mut chain = Chain::new(&[(1, vec![(1, 10), (2, 10), (3, 10)])], 3);
    chain.extend(reference::root(&entries(&sim), 0));
    World { sim, chain, deals }
}

fn entries(sim: &Simulation) -> Vec<([u8; 32], [u8; 32])> {
    reference::hashed(sim.state.entries()).into_iter().collect()
}

impl World {
    fn proof<T>(&self, key: &Key<T>) -> StateProof {
        let bytes = key.as_bytes().to_vec();
        let of_key = *reference::hashed([(&bytes, &vec![])]).first_key_value().unwrap().0;
        let (siblings, alone) = reference::path(&entries(&self.sim), &of_key);
        let value =
            self.sim.state.entries().find(|(key, _)| **key == bytes).map(|(_, value)| value);
        let other = alone.filter(|_| value.is_none());
        StateProof {
            key: Bytes::new(bytes).unwrap(),
            value: value.map(|value| Bytes::new(value.clone()).unwrap()),
            other: other.map(|(key_hash, value_hash)| OtherLeaf { key_hash, value_hash }),
            siblings: Bounded::new(siblings.into_iter().map(Digest).collect()).unwrap(),
        }
    }

    fn licence(&self, deal: &DealId) -> Licence {
        self.sim.read(&state_key::licence(deal)).unwrap()
    }

    fn certificate(&self, deal: &DealId) -> LicenceCertificate {
        let licence = self.licence(deal);
        let listing = licence.listing;
        let offer = state_key::offer(&listing, licence.version);
        let party = state_key::party(Role::Institution, &listing.institution);
        LicenceCertificate {
            format: FORMAT.to_owned(),
            genesis: self.chain.genesis.clone(),
            path: Bounded::new(vec![self.chain.block(4)]).unwrap(),
            proofs: LicenceProofs {
                licence: self.proof(&state_key::licence(deal)),
                deal: self.proof(&state_key::deal(deal)),
                listing: self.proof(&state_key::listing(&listing)),
                offer: self.proof(&offer),
                institution: self.proof(&party),
            },
            says: Licensed {
                deal: self.sim.deal(*deal),
                listing: self.sim.read(&state_key::listing(&listing)).unwrap(),
                offer: self.sim.read(&offer).unwrap(),
                institution: self.sim.read(&party).unwrap(),
                licence,
            },
        }
    }
}

/// A certificate of a licence of so many months, of a ledger that began in October 2025.
pub fn of_months(months: u32) -> LicenceCertificate {
    let world = world_of(months);
    world.certificate(&world.deals[0])
}

/// Certificates and forged ones, with the anchor and the time to check them by.
pub fn some() -> Vec<(&'static str, LicenceCertificate, Anchor, u64)> {
    let world = world();
    let [good, other] = world.deals.map(|deal| world.certificate(&deal));
    let mut all = vec![("good", good.clone()), ("other", other.clone())];
    let mut lie = |name, change: &dyn Fn(&mut LicenceCertificate)| {
        let mut lie = good.clone();
        change(&mut lie);
        all.push((name, lie));
    };
    lie("another price", &|lie| lie.says.deal.price = euros(1));
    lie("another name", &|lie| lie.says.institution.name = Text::new("clinic").unwrap());
    lie("more seats", &|lie| lie.says.licence.seats += 1);
    lie("the proof of another", &|lie| lie.proofs.licence = other.proofs.licence.clone());
    lie("no value", &|lie| lie.proofs.licence.value = None);
    lie("another state", &|lie| {
        lie.path = Bounded::new(vec![world.chain.block(3)]).unwrap();
    });
    lie("no header", &|lie| lie.path = Bounded::default());
    lie("a changed header", &|lie| {
        let mut block = world.chain.block(4);
        block.header.state_root = [7; 32];
        lie.path = Bounded::new(vec![block]).unwrap();
    });
    lie("another ledger", &|lie| lie.genesis.network = Network::Production);
    lie("another form", &|lie| lie.format = "galen-licence-9".into());
    let anchor = Anchor::genesis(&world.chain.genesis).unwrap();
    let begun = [&good, &other].map(|file| file.says.licence.from_ms);
    let now_ms = begun.into_iter().fold(world.chain.now_ms(), u64::max);
    let mut all: Vec<_> =
        all.into_iter().map(|(name, file)| (name, file, anchor.clone(), now_ms)).collect();
    let Licence { from_ms, until_ms, .. } = good.says.licence;
    let late = world.chain.genesis.time_ms + 22 * DAY_MS;
    for (name, now_ms) in [("early", from_ms - 1), ("late", late), ("over", until_ms)] {
        all.push((name, good.clone(), anchor.clone(), now_ms));
    }
    all
}

#[test]
fn a_certificate_says_what_is_proven_and_what_is_not() {
    let world = world();
    let good = world.certificate(&world.deals[0]);
    let anchor = Anchor::genesis(&world.chain.genesis).unwrap();
    let now_ms = world.chain.now_ms().max(good.says.licence.from_ms);
    let verified = good.verify(&anchor, now_ms).unwrap();
    assert_eq!(verified.licensed, good.says);
    assert_eq!((verified.height, verified.in_force), (4, InForce::Yes));
    assert!(verified.forgeable && !verified.trust.former_validators_could_forge);
    assert!(verified.limits().iter().any(|limit| limit.contains("forgeable")));
    assert!(verified.limits().iter().any(|limit| limit.contains("revoked after block 4")));

    let text = serde_json::to_string_pretty(&good).unwrap();
    assert_eq!(serde_json::from_str::<LicenceCertificate>(&text).unwrap(), good);

    let licence = &good.says.licence;
    let (from_ms, until_ms) = (licence.from_ms, licence.until_ms);
    assert_eq!(InForce::of(licence, from_ms - 1), InForce::NotYet { from_ms });
    assert_eq!(InForce::of(licence, until_ms - 1), InForce::Yes);
    assert_eq!(good.verify(&anchor, until_ms).unwrap().in_force, InForce::Expired { until_ms });
    let revoked = Licence { revoked_ms: Some(7), ..licence.clone() };
    assert_eq!(InForce::of(&revoked, from_ms), InForce::Revoked { at_ms: 7 });
    // A header that is trusted and young is better than an old genesis.
    let late = world.chain.genesis.time_ms + 22 * DAY_MS;
    let old = good.verify(&anchor, late).unwrap();
    assert!(old.trust.former_validators_could_forge);
    assert!(old.limits().iter().any(|limit| limit.contains("Validators who have left")));
}

#[test]
fn adversary_45d_a_forged_certificate_of_a_licence_is_refused() {
    let world = world();
    let good = world.certificate(&world.deals[0]);
    let anchor = Anchor::genesis(&world.chain.genesis).unwrap();
    let now_ms = world.chain.now_ms();
    assert!(good.verify(&anchor, now_ms).is_ok());
    let refused = |change: &dyn Fn(&mut LicenceCertificate)| {
        let mut lie = good.clone();
        change(&mut lie);
        lie.verify(&anchor, now_ms).unwrap_err()
    };

    // Words that the proofs do not bear.
    assert_eq!(refused(&|lie| lie.says.licence.until_ms += DAY_MS), LicenceError::Says);
    assert_eq!(refused(&|lie| lie.says.deal.price = euros(1)), LicenceError::Says);
    assert_eq!(refused(&|lie| lie.says.licence.seats += 1), LicenceError::Says);
    // The proof of another licence, of another key, of a changed value, of nothing.
    let other = world.certificate(&world.deals[1]);
    assert!(other.verify(&anchor, now_ms).is_ok());
    assert_eq!(
        refused(&|lie| lie.proofs.licence = other.proofs.licence.clone()),
        LicenceError::OtherKey { what: "licence" }
    );
    assert_eq!(
        refused(&|lie| lie.proofs.deal = other.proofs.deal.clone()),
        LicenceError::OtherKey { what: "deal" }
    );
    assert_eq!(
        refused(&|lie| lie.proofs.offer = lie.proofs.listing.clone()),
        LicenceError::OtherKey { what: "offer" }
    );
    let what = "licence";
    assert_eq!(
        refused(&|lie| {
            let mut longer = lie.says.licence.clone();
            longer.until_ms += DAY_MS;
            lie.says.licence = longer.clone();
            let bytes = galen_market::codec::encode(&longer);
            lie.proofs.licence.value = Some(Bytes::new(bytes).unwrap());
        }),
        LicenceError::Proof { what, error: StateProofError::Root }
    );
    assert_eq!(refused(&|lie| lie.proofs.licence.value = None), LicenceError::OtherKey { what });
    // A licence that there is not, with the true proof that there is none.
    let nothing = DealId([9; 32]);
    assert_eq!(
        refused(&|lie| {
            lie.says.licence.deal = nothing;
            lie.proofs.licence = world.proof(&state_key::licence(&nothing));
        }),
        LicenceError::OtherKey { what }
    );
    // Another header, another ledger, no header, another form.
    assert_eq!(
        refused(&|lie| lie.path = Bounded::new(vec![world.chain.block(3)]).unwrap()),
        LicenceError::Proof { what, error: StateProofError::Root }
    );
    assert_eq!(
        refused(&|lie| lie.path = Bounded::default()),
        LicenceError::Light(LightError::NoBlock)
    );
    // Calling the ledger a production one makes it another ledger.
    assert_eq!(
        refused(&|lie| lie.genesis.network = Network::Production),
        LicenceError::OtherLedger
    );
    assert_eq!(
        refused(&|lie| lie.format = "galen-licence-9".into()),
        LicenceError::Format("galen-licence-9".into())
    );
    let mut path = vec![world.chain.block(4)];
    path[0].header.state_root = [7; 32];
    assert!(matches!(
        refused(&|lie| lie.path = Bounded::new(path.clone()).unwrap()),
        LicenceError::Light(LightError::Certificate(_))
    ));
}
