//! The real ledger beside the reference: an action is made into a transaction for the one and into a
//! question for the other, and both must say the same.

use std::collections::{BTreeMap, BTreeSet};

use galen_market::action::{Action, Admission, Mint};
use galen_market::amount::{Amount, Asset};
use galen_market::codec::decode_exact;
use galen_market::deadline::{self, Due};
use galen_market::deal::{Deal, Subscription};
use galen_market::genesis::Parameters;
use galen_market::id::{AccountId, DealId, Hasher, StandingId};
use galen_market::invariant::violations;
use galen_market::ledger::{BlockContext, BlockError, CheckedTransaction, Executed};
use galen_market::listing::{Listing, Standing};
use galen_market::payment::{DealPurse, Purse};
use galen_market::state::MemoryState;
use galen_market::state_key;
use galen_market::testing::{Researcher, Simulation, Wallet, euros};
use galen_market::transaction::Transaction;
use galen_zk::field::Scalar;

use super::acts::Step;
use super::deals::Stage;
use super::goods::Goods;
use super::invariants::Watch;
use super::reference::{self as model, ListingName, Name, Place, Reference, Rules, State};
use super::subscriptions as model_subscription;

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
    watch: Watch,
}

/// What a listing shows of itself, besides its money.
#[derive(PartialEq, Debug)]
struct Shown {
    state: String,
    /// Of the offer, from 1.
    version: usize,
    superseded_by: Option<Name>,
    owed: Vec<(ListingName, u64)>,
    waiting: usize,
    licences: usize,
}

/// What is left of each term with its months, and whether a claim was denied.
type Paid = (Vec<(u64, u64)>, bool);

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
            watch: Watch::default(),
        }
    }

    /// Lets the step happen on both ledgers and compares them. Says what the step came to.
    pub fn play(&mut self, step: &Step) -> Result<&'static str, String> {
        self.model.begin_block(step.passed);
        let block = self.real.next(step.passed);
        let mut transactions = Vec::new();
        let mut refused = None;
        let mut against = Vec::new();
        if let Some(sent) = self.transaction(step, block.time_ms) {
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
                transactions.clear();
                self.execute(&block, &[])
            }
            executed => executed,
        };
        let executed = executed.map_err(|error| format!("the block is refused: {error}"))?;
        self.real.state.commit(executed.changes);
        self.real.head = block;
        self.real.blocks.push((block, transactions));
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
        if refused.is_none() && step.act.shows_credential() {
            self.watch
                .spends(step.nullifier.to_be_bytes().repeat(4).try_into().expect("32 bytes"))?;
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

    /// All balances, all deadlines, and the stages of unfinished deals.
    fn compare(&mut self) -> Result<(), String> {
        let (real, model) = (purses(&self.real), &self.model.purses);
        if real != *model {
            let other = |a: &BTreeMap<Place, u64>, b: &BTreeMap<Place, u64>| {
                let differs = |(place, amount): &(&Place, &u64)| b.get(place) != Some(amount);
                format!("{:?}", a.iter().filter(differs).collect::<Vec<_>>())
            };
            let (ledger, reference) = (other(&real, model), other(model, &real));
            return Err(format!("purses differ: ledger {ledger}, reference {reference}"));
        }
        let held = real.values().map(|amount| u128::from(*amount)).sum();
        let unfinished = self.model.deals.iter().filter(|(_, deal)| deal.stage < Stage::Finalized);
        self.watch.look(&self.real, held, unfinished.map(|(name, _)| *name))?;
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

    /// The ledger's own audit, and everything that purses and deadlines do not show: how deals ended,
    /// where listings stand, what they owe and have sold, and what subscriptions still hold for which
    /// terms.
    pub fn audit(&self) -> Result<(), String> {
        let found = violations(&self.real.state).expect("memory does not fail");
        if !found.is_empty() {
            return Err(format!("{found:#?}"));
        }
        let (real, model) = (self.finished(), self.model_finished());
        if real != model {
            return Err(format!("deals differ: ledger {real:?}, reference {model:?}"));
        }
        let (real, model) = (self.listings(), self.model_listings());
        if real != model {
            return Err(format!("listings differ: ledger {real:#?}, reference {model:#?}"));
        }
        let (real, model) = (self.subscriptions(), self.model_subscriptions());
        if real != model {
            return Err(format!("subscriptions differ: ledger {real:#?}, reference {model:#?}"));
        }
        Ok(())
    }

    /// I4: every block since genesis, executed once more, gives the same state.
    pub fn replay(&self) -> Result<(), String> {
        let mut state = MemoryState::default();
        state.commit(self.real.genesis.changes().expect("a valid genesis"));
        for (block, transactions) in &self.real.blocks {
            let executed = self.real.ledger.execute_block(&state, block, transactions);
            let executed = executed.map_err(|error| format!("refused in the replay: {error}"))?;
            state.commit(executed.changes);
        }
        if state == self.real.state { Ok(()) } else { Err("I4: replay differs".to_owned()) }
    }

    fn finished(&self) -> BTreeMap<Name, bool> {
        let deals = state_key::scan_all(&self.real.state, &state_key::deals());
        let deals = deals.expect("memory does not fail").into_iter().map(|(_, deal)| deal);
        let paid = |deal: &Deal| deal.stage == galen_market::deal::Stage::Finalized;
        deals.filter(|deal| deal.stage.is_final()).map(|deal| (deal.id.0, paid(&deal))).collect()
    }

    fn model_finished(&self) -> BTreeMap<Name, bool> {
        let deals = self.model.deals.iter().filter(|(_, deal)| deal.stage >= Stage::Finalized);
        deals.map(|(name, deal)| (*name, deal.stage == Stage::Finalized)).collect()
    }

    fn listings(&self) -> BTreeMap<ListingName, Shown> {
        let listings = state_key::scan_all(&self.real.state, &state_key::listings());
        let shown = |listing: Listing| Shown {
            state: match listing.standing {
                Standing::Draft { proven, .. } => format!("{proven} proven"),
                Standing::Live => "live".to_owned(),
                Standing::Withdrawn => "withdrawn".to_owned(),
                Standing::TakenDown => "taken down".to_owned(),
                Standing::Refunded { .. } => "refunded".to_owned(),
            },
            version: listing.version as usize,
            superseded_by: listing.superseded_by.map(|package| package.0),
            owed: listing
                .royalties
                .iter()
                .map(|owed| {
                    ((owed.listing.institution.0, owed.listing.package.0), owed.basis_points.into())
                })
                .collect(),
            waiting: listing.undelivered as usize,
            licences: listing.licences as usize,
        };
        let named =
            |listing: Listing| ((listing.id.institution.0, listing.id.package.0), shown(listing));
        let listings = listings.expect("memory does not fail").into_iter();
        listings.map(|(_, listing)| named(listing)).collect()
    }

    fn model_listings(&self) -> BTreeMap<ListingName, Shown> {
        let shown = |name: &ListingName, listing: &model::Listing| Shown {
            state: match &listing.state {
                State::Draft { proven, .. } => format!("{} proven", proven.len()),
                State::Live => "live".to_owned(),
                State::Withdrawn => "withdrawn".to_owned(),
                State::TakenDown => "taken down".to_owned(),
                State::Refunded => "refunded".to_owned(),
            },
            version: listing.offers.len(),
            superseded_by: listing.superseded_by,
            owed: listing.owed.clone(),
            waiting: self.model.waiting(*name),
            licences: self.model.licences(*name),
        };
        let listings = self.model.listings.iter();
        listings.map(|(name, listing)| (*name, shown(name, listing))).collect()
    }

    fn subscriptions(&self) -> BTreeMap<Name, Paid> {
        let all = state_key::scan_all(&self.real.state, &state_key::subscriptions());
        let paid = |it: Subscription| {
            let terms = it.terms.iter().map(|term| (term.left.units(), term.months.into()));
            (it.id.0, (terms.collect(), it.denied.is_some() && it.ended.is_none()))
        };
        all.expect("memory does not fail").into_iter().map(|(_, it)| paid(it)).collect()
    }

    fn model_subscriptions(&self) -> BTreeMap<Name, Paid> {
        let paid = |it: &model_subscription::Subscription| {
            let terms = it.terms.iter().map(|term| (term.left, term.months));
            (terms.collect(), it.denied && !it.ended)
        };
        self.model.subscriptions.iter().map(|(name, it)| (*name, paid(it))).collect()
    }

    fn deadlines(&self) -> BTreeSet<(u64, Name)> {
        let all = deadline::all(&self.real.state).expect("memory does not fail");
        all.into_iter()
            .filter_map(|(at, due)| match due {
                Due::Deal(id) => Some((at, id.0)),
                Due::Draft(id) => Some((at, id.package.0)),
                Due::Standing(id) => Some((at, id.0)),
                Due::Month(id) => Some((at, id.0)),
                // What a listing ends is ended in the next block, whatever its name in the queue.
                Due::Refunds(_) | Due::Takedown(..) => None,
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
            Purse::Subscription(deal) => Place::Subscription(deal.0),
            Purse::Stake(_) | Purse::Unbonding(_) => continue,
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
        month: parameters.month_ms,
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
        dispute_ms: 25 * MINUTE,
        month_ms: 30 * MINUTE,
        max_review_ms: 60 * MINUTE,
        standing_max_ms: 300 * MINUTE,
        requests_per_credential: u16::MAX,
        compensation_max: Amount::new(1_200),
        due_max: 100_000,
        match_max: 3,
        ..Parameters::default()
    }
}
