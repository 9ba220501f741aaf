//! Blocks: proposing, executing, and the dry run of one transaction.

use std::collections::BTreeSet;

use super::{
    BlockContext, BlockError, CheckedTransaction, Executed, Ledger, Receipt, parameters, preverify,
};
use crate::amount::Money;
use crate::authority::Authority;
use crate::context::{Context, Frame};
use crate::error::TxError;
use crate::event::Event;
use crate::fee::FeePayer;
use crate::genesis::{Clock, Parameters};
use crate::identity::tree;
use crate::role::Requirement;
use crate::state::{Changes, Overlay, StateError, StateRead};
use crate::state_key;
use crate::transaction::{NO_EXPIRY, QUESTION};

/// Ids of expired transactions that one block forgets at most.
const FORGET_A_BLOCK: usize = 4096;
/// How many of them are looked at together.
const FORGET_AT_ONCE: usize = 32;
/// Rounds in which a proposer tries again what a missing nonce kept out.
const NONCE_ROUNDS: usize = 16;

/// The last block's clock.
fn clock(state: &dyn StateRead) -> Result<Clock, StateError> {
    state_key::read(state, &state_key::clock())?
        .ok_or_else(|| StateError("the state holds no genesis".to_owned()))
}

fn tick(clock: &Clock, block: &BlockContext, parameters: &Parameters) -> Clock {
    let passed = block.time_ms.saturating_sub(clock.time_ms).min(parameters.max_idle_ms);
    Clock {
        height: block.height,
        time_ms: block.time_ms,
        uptime_ms: clock.uptime_ms.saturating_add(passed),
    }
}

/// A failing state is no transaction's fault; anything else that fails here is a broken rule of
/// this software, which stops the node rather than the ledger's money.
fn internal(error: TxError) -> StateError {
    match error {
        TxError::State(error) => error,
        error => StateError(format!("what is due could not be done: {error}")),
    }
}

impl Ledger {
    fn frame<'a>(&'a self, clock: &Clock, parameters: &'a Parameters) -> Frame<'a> {
        Frame {
            chain: self.0.chain,
            network: self.0.network,
            verifier: &self.0.verifier,
            proofs: &self.0.proofs,
            parameters,
            height: clock.height,
            time_ms: clock.time_ms,
            uptime_ms: clock.uptime_ms,
        }
    }

    /// Whether a transaction would execute on this state in a block that stands at `now`. Nothing is
    /// changed.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn admit(
        &self,
        state: &dyn StateRead,
        now: &BlockContext,
        transaction: &CheckedTransaction,
    ) -> Result<(), TxError> {
        self.try_out(state, now, transaction, Expiry::Counts).map(|_| ())
    }

    /// What a transaction would do on this state in a block that stands at `now`. One that expired in
    /// 1970 ([`QUESTION`]) is tried as if it could still be executed; no other that has expired is.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn dry_run(
        &self,
        state: &dyn StateRead,
        now: &BlockContext,
        transaction: &CheckedTransaction,
    ) -> Result<Receipt, TxError> {
        let expiry = match transaction.expiry_ms() {
            QUESTION => Expiry::Ignored,
            _ => Expiry::Counts,
        };
        self.try_out(state, now, transaction, expiry)
    }

    fn try_out(
        &self,
        state: &dyn StateRead,
        now: &BlockContext,
        transaction: &CheckedTransaction,
        expiry: Expiry,
    ) -> Result<Receipt, TxError> {
        let parameters = parameters(state)?;
        let clock = tick(&clock(state)?, now, &parameters);
        let frame = self.frame(&clock, &parameters);
        let mut overlay = Overlay::new(state);
        // What waits to be matched is work that every question would repeat, and changes few answers.
        let (changes, _) = begin(&frame, &overlay, &clock, 0)?;
        overlay.apply(changes);
        preverify::verify_together(&frame, &overlay, std::slice::from_ref(transaction));
        run(&frame, &overlay, transaction, expiry).map(|(_, receipt)| receipt)
    }

    /// Executes a block: what is due, then every transaction in order.
    ///
    /// # Errors
    /// When the block does not follow the last one, is too large, or holds a transaction that does
    /// not execute; and when the state fails.
    pub fn execute_block(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[CheckedTransaction],
    ) -> Result<Executed, BlockError> {
        self.execute(state, block, transactions, true)
    }

    /// The same; proofs are verified together first, or each when it is needed.
    pub(super) fn execute(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[CheckedTransaction],
        together: bool,
    ) -> Result<Executed, BlockError> {
        let parameters = parameters(state)?;
        let last = clock(state)?;
        let expected = last.height.saturating_add(1);
        if block.height != expected {
            return Err(BlockError::Height { expected, got: block.height });
        }
        if block.time_ms <= last.time_ms {
            return Err(BlockError::Time { parent: last.time_ms, got: block.time_ms });
        }
        let bytes = transactions.iter().fold(0u64, |sum, tx| sum.saturating_add(size(tx)));
        if bytes > parameters.max_block_bytes {
            return Err(BlockError::TooLarge { bytes, max: parameters.max_block_bytes });
        }
        let units = transactions.iter().fold(0u64, |sum, tx| sum.saturating_add(units(tx)));
        if units > parameters.max_block_units {
            return Err(BlockError::TooCostly { units, max: parameters.max_block_units });
        }

        let clock = tick(&last, block, &parameters);
        let frame = self.frame(&clock, &parameters);
        let mut overlay = Overlay::new(state);
        let (changes, mut events) = begin(&frame, &overlay, &clock, parameters.match_max)?;
        overlay.apply(changes);
        if together {
            preverify::verify_together(&frame, &overlay, transactions);
        }
        let mut receipts = Vec::with_capacity(transactions.len());
        for (index, transaction) in transactions.iter().enumerate() {
            let (changes, receipt) = run(&frame, &overlay, transaction, Expiry::Counts).map_err(
                |error| match error {
                    TxError::State(error) => BlockError::State(error),
                    error => BlockError::Transaction { index, error },
                },
            )?;
            overlay.apply(changes);
            events.extend(receipt.events.iter().cloned());
            receipts.push(receipt);
        }
        Ok(Executed { changes: overlay.into_changes(), receipts, events })
    }

    /// Chooses from candidates, in their order, what executes one after the other and fits into
    /// `max_bytes`. Deliveries and disputes come first, and other transactions leave room for them.
    ///
    /// # Errors
    /// When the state fails.
    pub fn propose(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        candidates: &[CheckedTransaction],
        max_bytes: u64,
    ) -> Result<Vec<CheckedTransaction>, StateError> {
        let parameters = parameters(state)?;
        let clock = tick(&clock(state)?, block, &parameters);
        let frame = self.frame(&clock, &parameters);
        let mut overlay = Overlay::new(state);
        let (changes, _) = begin(&frame, &overlay, &clock, parameters.match_max)?;
        overlay.apply(changes);

        let mut room = Room::new(&parameters, max_bytes);
        let mut chosen = Vec::new();
        let mut ids = BTreeSet::new();
        let (reserved, others): (Vec<_>, Vec<_>) =
            candidates.iter().partition(|tx| tx.is_delivery_or_dispute());
        let mut waiting: Vec<&CheckedTransaction> = reserved.into_iter().chain(others).collect();
        for _ in 0..NONCE_ROUNDS {
            let mut early = Vec::new();
            let before = chosen.len();
            for transaction in waiting {
                if !room.fits(transaction) || ids.contains(&transaction.id()) {
                    continue;
                }
                match run(&frame, &overlay, transaction, Expiry::Counts) {
                    Ok((changes, _)) => {
                        overlay.apply(changes);
                        room.take(transaction);
                        ids.insert(transaction.id());
                        chosen.push(transaction.clone());
                    }
                    Err(TxError::State(error)) => return Err(error),
                    Err(TxError::NonceGap { .. }) => early.push(transaction),
                    Err(_) => {}
                }
            }
            if early.is_empty() || chosen.len() == before {
                break;
            }
            waiting = early;
        }
        Ok(chosen)
    }
}

fn size(transaction: &CheckedTransaction) -> u64 {
    transaction.bytes().len() as u64
}

fn units(transaction: &CheckedTransaction) -> u64 {
    transaction.transaction().units()
}

/// Room that is left in a block, in bytes and verification units: for deliveries and disputes all of
/// it, for other transactions what is not kept for these.
struct Room {
    all: [u64; 2],
    others: [u64; 2],
}

impl Room {
    fn new(parameters: &Parameters, max_bytes: u64) -> Self {
        let bytes = max_bytes.min(parameters.max_block_bytes);
        let units = parameters.max_block_units;
        // Where the whole block is small, the lane takes no more than half of it.
        let kept = parameters.reserved_block_bytes.min(bytes / 2);
        Self { all: [bytes, units], others: [bytes - kept, units - units / 4] }
    }

    fn cost(transaction: &CheckedTransaction) -> [u64; 2] {
        [size(transaction), units(transaction)]
    }

    fn fits(&self, transaction: &CheckedTransaction) -> bool {
        let cost = Self::cost(transaction);
        let within = |room: &[u64; 2]| room.iter().zip(&cost).all(|(room, cost)| cost <= room);
        within(&self.all) && (transaction.is_delivery_or_dispute() || within(&self.others))
    }

    fn take(&mut self, transaction: &CheckedTransaction) {
        let cost = Self::cost(transaction);
        let less = |room: &mut [u64; 2]| {
            room.iter_mut().zip(cost).for_each(|(room, cost)| *room = room.saturating_sub(cost));
        };
        less(&mut self.all);
        if !transaction.is_delivery_or_dispute() {
            less(&mut self.others);
        }
    }
}

/// What a block does before its transactions, with a number of pairs to be matched at most.
fn begin(
    frame: &Frame<'_>,
    state: &dyn StateRead,
    clock: &Clock,
    match_max: u32,
) -> Result<(Changes, Vec<Event>), StateError> {
    let mut ctx = Context::new(frame, state);
    ctx.put(&state_key::clock(), clock);
    forget_seen(&mut ctx)?;
    tree::run_revocations(&mut ctx).map_err(internal)?;
    crate::deadline::run_due(&mut ctx, frame.parameters.due_max as usize).map_err(internal)?;
    crate::wanted::run(&mut ctx, match_max as usize).map_err(internal)?;
    Ok(ctx.finish())
}

/// Forgets ids of expired transactions. Looks a few ahead at a time, as this is also done for every
/// dry run, and the ids that are kept are many.
fn forget_seen(ctx: &mut Context<'_>) -> Result<(), StateError> {
    let mut after: Option<Vec<u8>> = None;
    for _ in 0..FORGET_A_BLOCK / FORGET_AT_ONCE {
        let found = ctx.scan(&state_key::all_seen(), after.as_deref(), FORGET_AT_ONCE)?;
        let ended = found.len() < FORGET_AT_ONCE;
        for (rest, ()) in found {
            let expiry_ms = u64::from_be_bytes(state_key::part(&rest, 0)?);
            if expiry_ms >= ctx.time_ms() {
                return Ok(());
            }
            let id = crate::id::TransactionId(state_key::part(&rest, 8)?);
            ctx.delete(&state_key::seen(expiry_ms, &id));
            after = Some(rest);
        }
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a transaction has to be in time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Counts,
    /// For what is tried and never executed.
    Ignored,
}

/// Checks a transaction against the state and executes it.
fn run(
    frame: &Frame<'_>,
    state: &dyn StateRead,
    checked: &CheckedTransaction,
    expiry: Expiry,
) -> Result<(Changes, Receipt), TxError> {
    let mut ctx = Context::new(frame, state);
    let transaction = checked.transaction();
    if expiry == Expiry::Counts {
        require_fresh(&ctx, checked)?;
    }
    for signer in &transaction.authorization.accounts {
        let key = state_key::nonce(&signer.account);
        let expected = ctx.get(&key)?.unwrap_or(0);
        let (account, got) = (signer.account, signer.nonce);
        if got < expected {
            return Err(TxError::NonceUsed { account, expected, got });
        }
        if got > expected {
            return Err(TxError::NonceGap { account, expected, got });
        }
        let next = expected.checked_add(1).ok_or(TxError::NonceUsed { account, expected, got })?;
        ctx.put(&key, &next);
    }
    if let Some(credential) = &checked.0.credential {
        credential.accept(&mut ctx, checked.id())?;
    }
    let authority = Authority {
        transaction: checked.id(),
        accounts: transaction.authorization.accounts.iter().map(|signer| signer.account).collect(),
        deal_key: transaction.authorization.deal_key.as_ref().map(|signer| signer.key),
        credential: checked.0.credential.clone(),
    };

    // A deal pays before its action, which may end it; an account pays after its actions, so that a
    // gateway can pay out of what it makes. Either way all is undone if anything fails. A deal that
    // has ended holds nothing: its action says better why it is refused.
    let pays_first = match &transaction.fee.payer {
        FeePayer::Deal(id) => {
            !ctx.get(&state_key::deal(id))?.is_some_and(|deal| deal.stage.is_final())
        }
        FeePayer::Standing(id) => {
            !ctx.get(&state_key::standing(id))?.is_some_and(|standing| standing.is_ended())
        }
        FeePayer::Account(_) => false,
    };
    let mut fee: Option<Money> = None;
    if pays_first {
        fee = Some(ctx.pay_fee(transaction, checked.bytes().len())?);
    }
    for action in &transaction.actions {
        authorize(&ctx, &authority, &action.requires())?;
        action.execute(&mut ctx, &authority)?;
    }
    let fee = match fee {
        Some(fee) => fee,
        None => ctx.pay_fee(transaction, checked.bytes().len())?,
    };
    if transaction.expiry_ms != NO_EXPIRY {
        ctx.put(&state_key::seen(transaction.expiry_ms, &checked.id()), &());
    }
    let (changes, events) = ctx.finish();
    Ok((changes, Receipt { transaction: checked.id(), fee, events }))
}

/// Not executed before, not expired, and not good for longer than ids are kept.
fn require_fresh(ctx: &Context<'_>, checked: &CheckedTransaction) -> Result<(), TxError> {
    let expiry_ms = checked.expiry_ms();
    if expiry_ms == NO_EXPIRY {
        return Ok(());
    }
    if ctx.get(&state_key::seen(expiry_ms, &checked.id()))?.is_some() {
        return Err(TxError::Duplicate);
    }
    let now_ms = ctx.time_ms();
    if expiry_ms < now_ms {
        return Err(TxError::Expired { expiry_ms, now_ms });
    }
    let latest_ms = now_ms.saturating_add(ctx.parameters().max_expiry_ms);
    if expiry_ms > latest_ms {
        return Err(TxError::ExpiryTooFar { latest_ms });
    }
    Ok(())
}

/// That what an action requires is there.
fn authorize(
    ctx: &Context<'_>,
    authority: &Authority,
    requirement: &Requirement,
) -> Result<(), TxError> {
    match requirement {
        Requirement::Anyone => Ok(()),
        Requirement::Holder(account) => authority.require_account(account),
        Requirement::Active(role, account) => {
            authority.require_account(account)?;
            ctx.active(*role, account).map(|_| ())
        }
        Requirement::Registrars => {
            let registrars = ctx
                .get(&state_key::registrars())?
                .ok_or_else(|| StateError("the state names no registrars".to_owned()))?;
            let signed =
                registrars.accounts.iter().filter(|account| authority.accounts().contains(account));
            let signed = u32::try_from(signed.count()).unwrap_or(u32::MAX);
            let needs = registrars.threshold;
            if signed < needs { Err(TxError::RegistrarsNeeded { needs, signed }) } else { Ok(()) }
        }
        Requirement::Buyer(funding) => {
            authority.credential()?;
            let crate::payment::Funding::Account(account) = funding;
            authority.require_account(account)
        }
        Requirement::Subscriber { subscription, funding, credential } => {
            if *credential {
                authority.credential()?;
            }
            let crate::payment::Funding::Account(account) = funding;
            authority.require_account(account)?;
            authorize(ctx, authority, &Requirement::DealKey(*subscription))
        }
        // The standing request knows its key too.
        Requirement::StandingKey(_) if authority.deal_key.is_some() => Ok(()),
        Requirement::StandingKey(standing) => Err(TxError::Unauthorised {
            needs: format!("the signature of the key of standing request {standing}"),
        }),
        // The deal knows its key; executing the action compares it.
        Requirement::DealKey(_) if authority.deal_key.is_some() => Ok(()),
        Requirement::DealKey(deal) => Err(TxError::Unauthorised {
            needs: format!("the signature of the one-time key of deal {deal}"),
        }),
    }
}
