//! A party's own statement: every movement of its purses, with running balances, reconciled with the
//! ledger's state.
//!
//! What the purses hold is added up from the movements since genesis, and compared, purse by purse,
//! with balances that the node proves against a signed header. A statement that differs by one minor
//! unit is not printed. So a node can neither invent a movement nor hide one; it could only hide several
//! that cancel each other out.

use std::collections::{BTreeMap, BTreeSet};

use galen_api::{Happened, MAX_PROOFS};
use galen_light::Anchor;
use galen_market::amount::{Amount, Asset};
use galen_market::codec::decode_exact;
use galen_market::event::Event;
use galen_market::genesis::Genesis;
use galen_market::id::{AccountId, ChainId, DealId};
use galen_market::payment::{DealPurse, Movement, Purse};
use galen_market::role::Role;
use galen_market::state_key;
use serde::Serialize;

use super::light;
use crate::error::{Exit, Failure};
use crate::session::Session;

mod as_csv;

/// Whose statement: public names, so that an auditor can ask for one too.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Party {
    /// Accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Deals as a buyer: their escrow and fee allowance count as the party's.
    pub deals: BTreeSet<DealId>,
}

/// Which blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// The first.
    pub from: u64,
    /// The last; the node's last one if not given.
    pub until: Option<u64>,
}

/// One side of a movement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// Height of the block; 0 for what the ledger began with.
    pub block: u64,
    /// Its place among the block's events.
    pub event: u32,
    /// Time of the block, in milliseconds since 1970.
    pub time_ms: u64,
    /// The party's purse.
    pub purse: Purse,
    /// Of what.
    pub asset: Asset,
    /// Into the purse.
    pub received: Amount,
    /// Out of the purse.
    pub paid: Amount,
    /// What the purse holds then.
    pub balance: Amount,
    /// The other purse; none where money was made or destroyed.
    pub counterparty: Option<Purse>,
    /// The registered name behind it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty_name: Option<String>,
    /// Why.
    pub reason: &'static str,
}

/// What a purse held at both ends of the period.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Balance {
    /// The purse.
    pub purse: Purse,
    /// Of what.
    pub asset: Asset,
    /// Before the first block.
    pub opening: Amount,
    /// All that was received.
    pub received: u128,
    /// All that was paid.
    pub paid: u128,
    /// After the last block.
    pub closing: Amount,
}

/// A statement that reconciles.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Statement {
    /// The form.
    pub format: &'static str,
    /// The ledger.
    pub chain_id: ChainId,
    /// Whose.
    pub party: Party,
    /// The first block.
    pub from: u64,
    /// The last block.
    pub until: u64,
    /// Purses with what they held.
    pub balances: Vec<Balance>,
    /// Movements in order.
    pub lines: Vec<Line>,
    /// How many balances were compared with the state, each difference being zero.
    pub reconciled: usize,
    /// Height of the block by whose state the last of them was proven.
    pub proven_at: u64,
}

fn difference(what: String) -> Failure {
    Failure::new(Exit::RefusedProof, "statement.difference", what)
        .remedy("do not rely on this node's record of movements: ask another one, or run your own")
}

/// Movements in their order, each once.
#[derive(Default)]
struct Journal(BTreeMap<(u64, u32), (u64, Movement)>);

impl Journal {
    fn enter(&mut self, events: Vec<Happened>) {
        for Happened { height, index, time_ms, event } in events {
            if let Event::Moved(movement) = event {
                self.0.insert((height, index), (time_ms, movement));
            }
        }
    }
}

/// What is the party's, as far as the movements so far tell.
struct Books<'a> {
    party: &'a Party,
    /// Deals for which a bond of the party answers.
    bonded: BTreeSet<DealId>,
    held: BTreeMap<(Purse, Asset), Amount>,
}

impl Books<'_> {
    fn owns(&self, purse: &Purse) -> bool {
        match purse {
            Purse::Account(account)
            | Purse::Bond(account)
            | Purse::Deposit(account, _)
            | Purse::Stake(account)
            | Purse::Unbonding(account) => self.party.accounts.contains(account),
            Purse::Deal(deal, DealPurse::Bond) => self.bonded.contains(deal),
            Purse::Deal(deal, DealPurse::Price | DealPurse::Allowance) => {
                self.party.deals.contains(deal)
            }
            Purse::Subscription(deal) => self.party.deals.contains(deal),
            // What a standing request holds is outside a statement: paid to it, and come back from it.
            Purse::Standing(_) | Purse::Fees => false,
        }
    }

    /// Enters a movement; gives the party's sides of it.
    fn enter(
        &mut self,
        at: (u64, u32),
        time_ms: u64,
        moved: &Movement,
        reason: &'static str,
    ) -> Result<Vec<Line>, Failure> {
        let Movement { from, to, asset, amount, .. } = moved;
        if let (Some(Purse::Bond(account)), Some(Purse::Deal(deal, DealPurse::Bond))) = (from, to)
            && self.party.accounts.contains(account)
        {
            self.bonded.insert(*deal);
        }
        let sides = [(from, to, false), (to, from, true)];
        let mut lines = Vec::new();
        for (own, other, received) in sides {
            let Some(purse) = own.filter(|purse| self.owns(purse)) else { continue };
            let held = self.held.entry((purse, asset.clone())).or_default();
            let sum = if received { held.checked_add(*amount) } else { held.checked_sub(*amount) };
            *held = sum.map_err(|error| {
                difference(format!(
                    "the movement {} of block {} cannot be: {purse} held {held} {asset} ({error})",
                    at.1, at.0
                ))
            })?;
            let none = Amount::ZERO;
            lines.push(Line {
                block: at.0,
                event: at.1,
                time_ms,
                purse,
                asset: asset.clone(),
                received: if received { *amount } else { none },
                paid: if received { none } else { *amount },
                balance: *held,
                counterparty: *other,
                counterparty_name: None,
                reason,
            });
        }
        Ok(lines)
    }
}

/// What the ledger began with, as movements from nowhere.
fn beginnings(genesis: &Genesis) -> Vec<Movement> {
    let stake = |to, amount| Movement {
        from: None,
        to: Some(to),
        asset: Asset::Stake,
        amount,
        reason: galen_market::payment::Reason::Other,
    };
    let validators = genesis.validators.iter();
    let bonded = validators.map(|info| stake(Purse::Stake(info.account), info.stake));
    let free = genesis.stake.iter().map(|info| stake(Purse::Account(info.account), info.amount));
    bonded.chain(free).filter(|moved| !moved.amount.is_zero()).collect()
}

/// Everything that was moved up to a height, line by line, and what is held then.
fn book<'a>(
    genesis: &Genesis,
    party: &'a Party,
    journal: &Journal,
    until: u64,
) -> Result<(Vec<Line>, Books<'a>), Failure> {
    let mut books = Books { party, bonded: BTreeSet::new(), held: BTreeMap::new() };
    let mut lines = Vec::new();
    for moved in beginnings(genesis) {
        lines.extend(books.enter((0, 0), genesis.time_ms, &moved, "genesis")?);
    }
    for (at, (time_ms, moved)) in journal.0.iter().take_while(|(at, _)| at.0 <= until) {
        lines.extend(books.enter(*at, *time_ms, moved, moved.reason.words())?);
    }
    Ok((lines, books))
}

fn journal(session: &Session, party: &Party, until: u64) -> Result<Journal, Failure> {
    let mut journal = Journal::default();
    for account in &party.accounts {
        journal.enter(session.client().movements_of(account, until)?);
    }
    for deal in &party.deals {
        journal.enter(session.client().events_of_deal(deal, until)?);
    }
    Ok(journal)
}

/// Every purse that the party has or had, and those that it could have.
fn purses(genesis: &Genesis, party: &Party, books: &Books<'_>) -> BTreeSet<(Purse, Asset)> {
    let mut all: BTreeSet<_> = books.held.keys().cloned().collect();
    let currencies: Vec<Asset> =
        genesis.currencies.iter().map(|info| Asset::Currency(info.currency.clone())).collect();
    for account in &party.accounts {
        for currency in &currencies {
            all.insert((Purse::Account(*account), currency.clone()));
            all.insert((Purse::Bond(*account), currency.clone()));
        }
        for purse in [Purse::Account(*account), Purse::Stake(*account), Purse::Unbonding(*account)]
        {
            all.insert((purse, Asset::Stake));
        }
    }
    for deal in &party.deals {
        for currency in &currencies {
            for part in [DealPurse::Price, DealPurse::Allowance] {
                all.insert((Purse::Deal(*deal, part), currency.clone()));
            }
            all.insert((Purse::Subscription(*deal), currency.clone()));
        }
    }
    all
}

/// A party's statement. The genesis is what the proofs are checked from: the party's own copy if it has
/// one, else the node's.
///
/// # Errors
/// When movements and balances differ, the node proves something false, or cannot be asked.
pub fn statement(
    session: &Session,
    genesis: &Genesis,
    party: Party,
    period: Period,
) -> Result<Statement, Failure> {
    if genesis.chain() != session.chain() {
        return Err(Failure::new(
            Exit::Input,
            "genesis.other",
            "the genesis is that of another ledger",
        )
        .remedy("use the genesis of the ledger that the node serves"));
    }
    let last = session.status()?.height;
    let until = period.until.unwrap_or(last);
    if until > last || period.from > until {
        return Err(Failure::usage(format!(
            "blocks {} to {until} are not there: the last is {last}",
            period.from
        ))
        .remedy("choose blocks that there are"));
    }
    let first = journal(session, &party, last)?;
    let wanted: Vec<_> = {
        let (_, books) = book(genesis, &party, &first, last)?;
        purses(genesis, &party, &books).into_iter().collect()
    };
    // Before the first block nobody signed anything, and nothing has moved.
    let batches = if last == 0 { &[][..] } else { &wanted[..] };
    let (mut proven, mut proven_at) = (Vec::new(), 0);
    let anchor = Anchor::genesis(genesis)?;
    for batch in batches.chunks(MAX_PROOFS) {
        let keys: Vec<_> = batch
            .iter()
            .map(|(purse, asset)| state_key::balance(purse, asset).as_bytes().to_vec())
            .collect();
        let found = session.client().proofs(&keys)?;
        let header = found.block.header.clone();
        light::path(session, &anchor, found.block)?;
        for (of, proof) in batch.iter().zip(&found.proofs) {
            proof.verify(&header.state_root).map_err(|error| difference(error.to_string()))?;
            let amount = match &proof.value {
                None => Amount::ZERO,
                Some(bytes) => {
                    decode_exact(bytes).map_err(|error| difference(error.to_string()))?
                }
            };
            proven.push((of.clone(), header.height, amount));
        }
        proven_at = proven_at.max(header.height);
    }
    let all = if proven_at > last { journal(session, &party, proven_at)? } else { first };
    reconcile(genesis, &party, &all, &proven)?;

    let reconciled = proven.len();
    let (lines, balances) = period_of(genesis, &party, &all, (period.from, until))?;
    let names = names(session)?;
    let named = |mut line: Line| {
        line.counterparty_name = match line.counterparty {
            Some(Purse::Account(account) | Purse::Bond(account)) => names.get(&account).cloned(),
            _ => None,
        };
        line
    };
    Ok(Statement {
        format: "galen-statement-1",
        chain_id: session.chain(),
        from: period.from,
        until,
        balances,
        lines: lines.into_iter().map(named).collect(),
        reconciled,
        proven_at,
        party,
    })
}

/// Compares what movements add up to with what was proven, purse by purse.
fn reconcile(
    genesis: &Genesis,
    party: &Party,
    journal: &Journal,
    proven: &[((Purse, Asset), u64, Amount)],
) -> Result<(), Failure> {
    let heights: BTreeSet<u64> = proven.iter().map(|(_, height, _)| *height).collect();
    for height in heights {
        let (_, books) = book(genesis, party, journal, height)?;
        for (of, at, amount) in proven.iter().filter(|(_, at, _)| *at == height) {
            let sum = books.held.get(of).copied().unwrap_or_default();
            if sum != *amount {
                let (purse, asset) = of;
                let by = i128::from(sum.units()) - i128::from(amount.units());
                return Err(difference(format!(
                    "the movements of {purse} add up to {sum} {asset}, and by the state after block {at} it holds {amount}: a difference of {by}"
                )));
            }
        }
    }
    Ok(())
}

/// The lines of a period, and what every purse held before and after it.
fn period_of(
    genesis: &Genesis,
    party: &Party,
    journal: &Journal,
    (from, until): (u64, u64),
) -> Result<(Vec<Line>, Vec<Balance>), Failure> {
    let (lines, books) = book(genesis, party, journal, until)?;
    // What the ledger began with belongs to a period that begins with it.
    let first = if from <= 1 { 0 } else { from };
    let (before, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.block < first);
    let mut balances = Vec::new();
    for ((purse, asset), closing) in books.held {
        let own = |line: &&Line| line.purse == purse && line.asset == asset;
        let opening = before.iter().rev().find(own).map_or(Amount::ZERO, |line| line.balance);
        let sum = |of: fn(&Line) -> Amount| -> u128 {
            lines.iter().filter(own).map(|line| u128::from(of(line).units())).sum()
        };
        let (received, paid) = (sum(|line| line.received), sum(|line| line.paid));
        let left = (u128::from(opening.units()) + received).checked_sub(paid);
        if left != Some(u128::from(closing.units())) {
            return Err(difference(format!(
                "{purse}: {opening} {asset} and {received} received less {paid} paid are not {closing}"
            )));
        }
        balances.push(Balance { purse, asset, opening, received, paid, closing });
    }
    Ok((lines, balances))
}

/// Names of registered parties.
fn names(session: &Session) -> Result<BTreeMap<AccountId, String>, Failure> {
    let mut names = BTreeMap::new();
    for role in [Role::Gateway, Role::Issuer, Role::Institution] {
        for party in session.client().parties(role)? {
            names.insert(party.account, party.party.name.to_string());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
