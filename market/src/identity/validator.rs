//! Validators: accounts with bonded stake, which is their voting power. Stake leaves in two steps: it
//! stops voting at once and is free after the unbonding time.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::action::{Bond, ReleaseStake, Unbond};
use crate::amount::{Amount, Asset};
use crate::context::Context;
use crate::error::TxError;
use crate::event::Event;
use crate::id::{AccountId, ConsensusKey};
use crate::payment::Purse;
use crate::payment::account::positive;
use crate::state::{StateError, StateRead};
use crate::state_key;

/// What the state keeps of a validator beside its stake.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct ValidatorRecord {
    /// The key of its votes.
    pub consensus_key: ConsensusKey,
}

/// Stake that stopped voting at one block time.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Unbonding {
    /// How much.
    pub amount: Amount,
}

/// A validator as the engine sees it.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct ValidatorInfo {
    /// Its account.
    pub account: AccountId,
    /// The key of its votes.
    pub consensus_key: [u8; 32],
    /// Its voting power: bonded stake.
    pub power: u64,
}

/// The validators, in the order of their accounts.
///
/// # Errors
/// When the state fails.
pub fn validators(state: &dyn StateRead) -> Result<Vec<ValidatorInfo>, StateError> {
    state_key::scan_all(state, &state_key::validators())?
        .into_iter()
        .map(|(rest, record)| {
            let account = AccountId(state_key::part(&rest, 0)?);
            let key = state_key::balance(&Purse::Stake(account), &Asset::Stake);
            let power = state_key::read(state, &key)?.unwrap_or_default().units();
            Ok(ValidatorInfo { account, consensus_key: record.consensus_key.0, power })
        })
        .collect()
}

impl Bond {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { validator, consensus_key, amount } = *self;
        let purse = Purse::Stake(validator);
        ctx.transfer(&Purse::Account(validator), &purse, &Asset::Stake, amount)?;
        require_min_stake(ctx, ctx.balance(&purse, &Asset::Stake)?)?;
        match ctx.get(&state_key::validator(&validator))? {
            Some(record) if record.consensus_key != consensus_key => {
                return Err(TxError::ConsensusKeyRequired);
            }
            Some(_) => {}
            None => {
                let taken = state_key::consensus_key(&consensus_key);
                if ctx.get(&taken)?.is_some_and(|owner| owner != validator) {
                    return Err(TxError::ConsensusKeyTaken);
                }
                if ed25519_consensus::VerificationKey::try_from(consensus_key.0).is_err() {
                    return Err(TxError::ConsensusKeyRequired);
                }
                ctx.put(&taken, &validator);
                ctx.put(&state_key::validator(&validator), &ValidatorRecord { consensus_key });
            }
        }
        ctx.emit(Event::Bonded { validator, amount });
        Ok(())
    }
}

impl Unbond {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { validator, amount } = *self;
        let key = state_key::validator(&validator);
        if ctx.get(&key)?.is_none() {
            return Err(TxError::NotValidator);
        }
        let purse = Purse::Stake(validator);
        ctx.transfer(&purse, &Purse::Unbonding(validator), &Asset::Stake, amount)?;
        let left = ctx.balance(&purse, &Asset::Stake)?;
        if left.is_zero() {
            // The consensus key stays taken: votes under it may still be evidence.
            ctx.delete(&key);
            if ctx.scan(&state_key::validators(), None, 1)?.is_empty() {
                return Err(TxError::LastValidator);
            }
        } else {
            require_min_stake(ctx, left)?;
        }
        let free_at_ms = ctx.time_ms().saturating_add(ctx.parameters().unbonding_ms);
        let entry = state_key::unbonding(&validator, free_at_ms);
        let sum = ctx.get(&entry)?.map_or(Ok(amount), |old| old.amount.checked_add(amount))?;
        ctx.put(&entry, &Unbonding { amount: sum });
        ctx.emit(Event::Unbonded { validator, amount, free_at_ms });
        Ok(())
    }
}

impl ReleaseStake {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        // More entries than this are released by the next transaction.
        const MOST: usize = 64;
        let validator = self.validator;
        let mut released = Amount::ZERO;
        for (rest, entry) in ctx.scan(&state_key::unbondings(&validator), None, MOST)? {
            let free_at_ms = u64::from_be_bytes(state_key::part(&rest, 0)?);
            if free_at_ms > ctx.time_ms() {
                break;
            }
            released = released.checked_add(entry.amount)?;
            ctx.delete(&state_key::unbonding(&validator, free_at_ms));
        }
        if released.is_zero() {
            return Err(TxError::NothingUnbonded);
        }
        let (from, to) = (Purse::Unbonding(validator), Purse::Account(validator));
        ctx.transfer(&from, &to, &Asset::Stake, released)?;
        ctx.emit(Event::StakeReleased { validator, amount: released });
        Ok(())
    }
}

fn require_min_stake(ctx: &Context<'_>, stake: Amount) -> Result<(), TxError> {
    let min = ctx.parameters().min_stake;
    if stake < min { Err(TxError::StakeTooLow { min }) } else { Ok(()) }
}
