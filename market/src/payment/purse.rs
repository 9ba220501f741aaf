//! The places where money can lie. Every unit of every asset lies in exactly one purse, moves only
//! from purse to purse, and comes or goes only with the supply: so the purses of an asset always
//! add up to its supply.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Asset};
use crate::context::Context;
use crate::error::TxError;
use crate::event::Event;
use crate::id::{AccountId, DealId, PackageId, StandingId};
use crate::payment::{Movement, Reason};
use crate::state_key;

/// A place where money lies.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Purse {
    /// Free money of an account.
    Account(AccountId),
    /// The free part of an institution's bond.
    Bond(AccountId),
    /// Money that a deal holds.
    Deal(DealId, DealPurse),
    /// What a subscription, named by its first deal, keeps for the months to come.
    Subscription(DealId),
    /// An institution's deposit for the storage of a draft or listing.
    Deposit(AccountId, PackageId),
    /// Fees that were paid.
    Fees,
    /// Stake of a validator that votes.
    Stake(AccountId),
    /// Stake on its way back to a validator's account.
    Unbonding(AccountId),
    /// What a standing request holds: price and fee allowance of its next deal.
    Standing(StandingId),
}

/// The parts of a deal's money.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DealPurse {
    /// The price in escrow.
    Price,
    /// What the deal's own actions may spend on fees.
    Allowance,
    /// The part of the institution's bond that answers for this deal.
    Bond,
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Bond(account) => write!(f, "the bond of {account}"),
            Self::Deal(deal, DealPurse::Price) => write!(f, "the escrow of deal {deal}"),
            Self::Deal(deal, DealPurse::Allowance) => write!(f, "the fee allowance of deal {deal}"),
            Self::Deal(deal, DealPurse::Bond) => write!(f, "the bond held for deal {deal}"),
            Self::Subscription(deal) => write!(f, "the escrow of subscription {deal}"),
            Self::Deposit(account, package) => write!(f, "the deposit of {account} for {package}"),
            Self::Fees => f.write_str("the fees"),
            Self::Stake(account) => write!(f, "the stake of {account}"),
            Self::Unbonding(account) => write!(f, "the unbonding stake of {account}"),
            Self::Standing(standing) => write!(f, "the escrow of standing request {standing}"),
        }
    }
}

/// How much of an asset was ever made and destroyed.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Supply {
    /// Minor units ever made.
    pub minted: u128,
    /// Minor units ever destroyed.
    pub burned: u128,
}

impl Supply {
    /// What exists.
    #[must_use]
    pub const fn outstanding(&self) -> u128 {
        self.minted.saturating_sub(self.burned)
    }
}

impl Context<'_> {
    /// What a purse holds of an asset.
    ///
    /// # Errors
    /// When the state fails.
    pub fn balance(&self, purse: &Purse, asset: &Asset) -> Result<Amount, TxError> {
        Ok(self.get(&state_key::balance(purse, asset))?.unwrap_or_default())
    }

    fn set_balance(&mut self, purse: &Purse, asset: &Asset, amount: Amount) {
        let key = state_key::balance(purse, asset);
        if amount.is_zero() {
            self.delete(&key);
        } else {
            self.put(&key, &amount);
        }
    }

    fn take(&mut self, purse: &Purse, asset: &Asset, amount: Amount) -> Result<(), TxError> {
        let has = self.balance(purse, asset)?;
        let left = has.checked_sub(amount).map_err(|_| TxError::InsufficientFunds {
            purse: Box::new(*purse),
            asset: asset.clone(),
            has,
            needs: amount,
        })?;
        self.set_balance(purse, asset, left);
        Ok(())
    }

    fn give(&mut self, purse: &Purse, asset: &Asset, amount: Amount) -> Result<(), TxError> {
        let sum = self.balance(purse, asset)?.checked_add(amount)?;
        self.set_balance(purse, asset, sum);
        Ok(())
    }

    /// Moves money from one purse to another; nothing at all is moved for an amount of zero. Why, the
    /// purses say: see [`Reason::between`].
    ///
    /// # Errors
    /// [`TxError::InsufficientFunds`] if the first purse holds less.
    pub fn transfer(
        &mut self,
        from: &Purse,
        to: &Purse,
        asset: &Asset,
        amount: Amount,
    ) -> Result<(), TxError> {
        self.transfer_as(Reason::between(from, to), from, to, asset, amount)
    }

    /// Moves money from one purse to another for a reason that the purses do not say.
    ///
    /// # Errors
    /// [`TxError::InsufficientFunds`] if the first purse holds less.
    pub fn transfer_as(
        &mut self,
        reason: Reason,
        from: &Purse,
        to: &Purse,
        asset: &Asset,
        amount: Amount,
    ) -> Result<(), TxError> {
        self.take(from, asset, amount)?;
        self.give(to, asset, amount)?;
        self.moved(Some(*from), Some(*to), asset, amount, reason);
        Ok(())
    }

    fn moved(
        &mut self,
        from: Option<Purse>,
        to: Option<Purse>,
        asset: &Asset,
        amount: Amount,
        reason: Reason,
    ) {
        if !amount.is_zero() {
            self.emit(Event::Moved(Movement { from, to, asset: asset.clone(), amount, reason }));
        }
    }

    /// Makes money. For gateways and genesis only.
    ///
    /// # Errors
    /// [`TxError::Amount`] if more than 2^64 − 1 minor units would exist.
    pub(crate) fn mint(
        &mut self,
        to: &Purse,
        asset: &Asset,
        amount: Amount,
    ) -> Result<(), TxError> {
        let key = state_key::supply(asset);
        let mut supply: Supply = self.get(&key)?.unwrap_or_default();
        let units = u128::from(amount.units());
        supply.minted =
            supply.minted.checked_add(units).ok_or(crate::amount::AmountError::Overflow)?;
        if supply.outstanding() > u128::from(u64::MAX) {
            return Err(crate::amount::AmountError::Overflow.into());
        }
        self.put(&key, &supply);
        self.give(to, asset, amount)?;
        self.moved(None, Some(*to), asset, amount, Reason::Minted);
        Ok(())
    }

    /// Destroys money.
    ///
    /// # Errors
    /// [`TxError::InsufficientFunds`] if the purse holds less.
    pub(crate) fn burn(
        &mut self,
        from: &Purse,
        asset: &Asset,
        amount: Amount,
    ) -> Result<(), TxError> {
        self.take(from, asset, amount)?;
        let key = state_key::supply(asset);
        let mut supply: Supply = self.get(&key)?.unwrap_or_default();
        supply.burned = supply
            .burned
            .checked_add(u128::from(amount.units()))
            .ok_or(crate::amount::AmountError::Overflow)?;
        self.put(&key, &supply);
        self.moved(Some(*from), None, asset, amount, Reason::Burned);
        Ok(())
    }
}
