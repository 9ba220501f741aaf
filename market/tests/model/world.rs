//! The real ledger beside the reference: an action is made into a transaction for the one and into a
//! question for the other, and both must say the same.

use std::collections::{BTreeMap, BTreeSet};

use galen_market::action::{Action, Admission, Mint};
use galen_market::amount::{Amount, Asset};
use galen_market::codec::decode_exact;
use galen_market::deadline::{self, Due};
use galen_market::genesis::Parameters;
use galen_market::id::{AccountId, DealId, Hasher, StandingId};
use galen_market::ledger::{BlockContext, BlockError, CheckedTransaction, Executed};
use galen_market::payment::{DealPurse, Purse};
use galen_market::state_key;
use galen_market::testing::{Researcher, Simulation, Wallet, euros};
use galen_market::transaction::Transaction;
use galen_zk::field::Scalar;

use super::acts::Step;
use super::deals::Stage;
use super::goods::Goods;
use super::reference::{self as model, Name, Place, Reference, Rules};

/// What both ledgers, and those who act on them, are.
pub struct World<'g> {
    pub real: Simulation,
    pub model: Reference,
    pub goods: &'g Goods,
    pub institutions: Vec<Name>,
    pub issuers: Vec<Name>,
    pub funders: Vec<Name>,
    pub roots: BTreeMap<Name, Scalar>,
    /// How many nullifiers were used.
    pub nullifiers: u64,
}

/// The deal that comes of a standing request's so many-th match.
pub fn match_name(standing: Name, number: u64) -> Name {
    Hasher::new("galen/standing-deal").value(&StandingId(standing)).value(&number).digest().0
}

impl<'g> World<'g> {
    /// A ledger with parties, money and bonds, and nothing else.
    pub fn new(goods: &'g Goods) -> Self {
        let mut real = Simulation::with(|genesis| {
            let fees = &mut genesis.currencies[0].fees;
            (fees.per_kib, fees.per_unit) = (Amount::new(3), Amount::new(1));
            genesis.parameters = parameters();
        });
        // The gateway pays its fee out of what it makes.
        let gateway = real.gateway.clone();
        let mint = |to| Action::Mint(Mint { gateway: gateway.id(), to, money: euros(1_000_000) });
        let rich = [gateway.id(), real.registrars[0].id(), real.registrars[1].id()];
        real.act(rich.map(mint).to_vec(), &[&gateway]).expect("a gateway makes money");
        let mut named = |names: &[&str], units| {
            names.iter().map(|name| real.funded(name, units)).collect::<Vec<Wallet>>()
        };
        let institutions = named(&super::goods::INSTITUTIONS, 2_000_000);
        let issuers = named(&["university", "ministry"], 100_000);
        let funders = named(&["ann", "bob", "cy", "dee"], 300_000);
        for institution in &institutions {
            real.admit(institution, Admission::Institution).expect("an institution is admitted");
        }
        let mut roots = BTreeMap::new();
        for issuer in &issuers {
            real.admit(issuer, Admission::Issuer).expect("an issuer is admitted");
            let mut person = Researcher::new(issuer.name());
            real.enrol(issuer, &mut person);
            roots.insert(issuer.id().0, person.path(&real).0);
        }
        let names = |wallets: &[Wallet]| wallets.iter().map(|w| w.id().0).collect::<Vec<Name>>();
        let (institutions, issuers) = (names(&institutions), names(&issuers));
        let fees = real.genesis.currencies[0].fees;
        let (own, least) = (fees.deal_allowance(), fees.standing_allowance());
        let model = Reference {
            rules: rules(
                &real.genesis.parameters,
                own.expect("small fees").units(),
                least.expect("small fees").units(),
            ),
            purses: purses(&real),
            now: real.uptime_ms(),
            time: real.head.time_ms,
            admitted: institutions
                .iter()
                .map(|name| ((model::Role::Institution, *name), true))
                .chain(issuers.iter().map(|name| ((model::Role::Issuer, *name), true)))
                .collect(),
            ..Reference::default()
        };
        Self {
            model,
            real,
            goods,
            institutions,
            issuers,
            funders: names(&funders),
            roots,
            nullifiers: 0,
        }
    }

    /// Lets the step happen on both ledgers and compares them. Says what the step came to.
    pub fn play(&mut self, step: &Step) -> Result<&'static str, String> {
        self.model.begin_block(step.passed);
        let block = self.real.next(step.passed);
        let mut transactions = Vec::new();
        let mut refused = None;
        let mut against = Vec::new();
        if let Some(sent) = self.transaction(&step.act, block.time_ms) {
            let fee = self.fee(&sent.transaction);
            let mut after = self.model.clone();
            against = self.ask(&mut after, step, &sent, fee);
            if against.is_empty() {
                self.model = after;
            }
            self.real.vouch(&sent.transaction.actions[0]);
            match self.real.trust(sent.transaction, sent.credential) {
                Ok(checked) => transactions.push(checked),
                Err(error) => refused = Some(error),
            }
        }
        let executed = match self.execute(&block, &transactions) {
            Err(BlockError::Transaction { error, .. }) => {
                refused = Some(error);
                self.execute(&block, &[])
            }
            executed => executed,
        };
        let executed = executed.map_err(|error| format!("the block is refused: {error}"))?;
        self.real.state.commit(executed.changes);
        self.real.head = block;
        self.nullifiers += 1;
        match &refused {
            None if against.is_empty() => {}
            Some(error) if against.contains(&error.code()) => {}
            None => return Err(format!("the ledger accepts what breaks {against:?}")),
            Some(error) => {
                return Err(format!(
                    "the ledger refuses ({}): {error}; expected {against:?}",
                    error.code()
                ));
            }
        }
        self.compare()?;
        Ok(refused.map_or("accepted", |error| error.code()))
    }

    fn execute(
        &self,
        block: &BlockContext,
        transactions: &[CheckedTransaction],
    ) -> Result<Executed, BlockError> {
        self.real.ledger.execute_block(&self.real.state, block, transactions)
    }

    fn fee(&self, transaction: &Transaction) -> u64 {
        let rates = self.real.genesis.currencies[0].fees;
        let fee = rates.fee(transaction.encode().len(), transaction.units());
        fee.expect("a small fee").units()
    }

    /// All balances, all deadlines, and which standing requests wait.
    fn compare(&self) -> Result<(), String> {
        let (real, model) = (purses(&self.real), &self.model.purses);
        if real != *model {
            let other = |a: &BTreeMap<Place, u64>, b: &BTreeMap<Place, u64>| {
                let differs = |(place, amount): &(&Place, &u64)| b.get(place) != Some(amount);
                format!("{:?}", a.iter().filter(differs).collect::<Vec<_>>())
            };
            let (ledger, reference) = (other(&real, model), other(model, &real));
            return Err(format!("purses differ: ledger {ledger}, reference {reference}"));
        }
        let (real, model) = (self.deadlines(), self.model.deadlines());
        if real != model {
            let ledger: Vec<_> = real.difference(&model).collect();
            let reference: Vec<_> = model.difference(&real).collect();
            return Err(format!("deadlines differ: ledger {ledger:?}, reference {reference:?}"));
        }
        for (name, deal) in
            self.model.deals.iter().filter(|(_, deal)| deal.stage < Stage::Finalized)
        {
            let stage = match deal.stage {
                Stage::Requested => galen_market::deal::Stage::Requested,
                Stage::Agreed => galen_market::deal::Stage::Agreed,
                Stage::Ready => galen_market::deal::Stage::Ready,
                Stage::Verified => galen_market::deal::Stage::Verified,
                Stage::Finalized | Stage::Terminated => continue,
            };
            let key = state_key::deal_by_stage(&AccountId(deal.listing.0), stage, &DealId(*name));
            if self.real.read(&key).is_none() {
                return Err(format!("deal {} is not {:?}", hex(name), deal.stage));
            }
        }
        Ok(())
    }

    fn deadlines(&self) -> BTreeSet<(u64, Name)> {
        let all = deadline::all(&self.real.state).expect("memory does not fail");
        all.into_iter()
            .filter_map(|(at, due)| match due {
                Due::Deal(id) => Some((at, id.0)),
                Due::Draft(id) => Some((at, id.package.0)),
                Due::Standing(id) => Some((at, id.0)),
                // The model knows neither takedowns nor subscriptions.
                Due::Refunds(_) | Due::Takedown(..) | Due::Month(_) => None,
            })
            .collect()
    }
}

fn hex(name: &Name) -> String {
    DealId(*name).to_string()
}

/// Every balance of the currency of tests.
fn purses(real: &Simulation) -> BTreeMap<Place, u64> {
    let all = state_key::scan_all(&real.state, &state_key::balances());
    let mut purses = BTreeMap::new();
    for (rest, amount) in all.expect("memory does not fail") {
        let (purse, asset): (Purse, Asset) = decode_exact(&rest).expect("a balance's key");
        let place = match purse {
            _ if asset == Asset::Stake => continue,
            Purse::Account(account) => Place::Free(account.0),
            Purse::Bond(account) => Place::Bond(account.0),
            Purse::Deal(deal, DealPurse::Price) => Place::Price(deal.0),
            Purse::Deal(deal, DealPurse::Allowance) => Place::Allowance(deal.0),
            Purse::Deal(deal, DealPurse::Bond) => Place::Held(deal.0),
            Purse::Deposit(account, package) => Place::Deposit((account.0, package.0)),
            Purse::Standing(standing) => Place::Wanted(standing.0),
            Purse::Fees => Place::Fees,
            Purse::Subscription(_) | Purse::Stake(_) | Purse::Unbonding(_) => continue,
        };
        purses.insert(place, amount.units());
    }
    purses
}

fn rules(parameters: &Parameters, least: u64, standing: u64) -> Rules {
    Rules {
        max_idle: parameters.max_idle_ms,
        draft: parameters.draft_ms,
        ready: parameters.ready_ms,
        ready_segment: parameters.ready_per_segment_ms,
        ready_most: parameters.ready_max_ms,
        deliver: parameters.deliver_ms,
        dispute: parameters.dispute_ms,
        compensation: (
            parameters.compensation_basis_points.into(),
            parameters.compensation_max.units(),
        ),
        standing_most: parameters.standing_max_ms,
        least_allowance: least,
        least_standing_allowance: standing,
        pairs_a_block: parameters.match_max as usize,
    }
}

fn parameters() -> Parameters {
    const MINUTE: u64 = 60_000;
    Parameters {
        max_idle_ms: 10 * MINUTE,
        draft_ms: 120 * MINUTE,
        ready_ms: 20 * MINUTE,
        ready_per_segment_ms: MINUTE / 2,
        ready_max_ms: 22 * MINUTE,
        deliver_ms: 15 * MINUTE,
        dispute_ms: 40 * MINUTE,
        max_review_ms: 60 * MINUTE,
        standing_max_ms: 300 * MINUTE,
        requests_per_credential: u16::MAX,
        compensation_max: Amount::new(1_200),
        due_max: 100_000,
        match_max: 3,
        ..Parameters::default()
    }
}
