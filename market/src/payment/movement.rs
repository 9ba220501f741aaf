//! Movements of money: one for every time that an amount leaves one purse for another, is made or is
//! destroyed. They are recorded where purses change and nowhere else, so that the movements of a purse
//! always add up to what it holds. Depends on purses only.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{DealPurse, Purse};
use crate::amount::{Amount, Asset};

/// Money that moved. What a ledger starts with was not moved.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Movement {
    /// Out of which purse; none if it was made.
    pub from: Option<Purse>,
    /// Into which purse; none if it was destroyed.
    pub to: Option<Purse>,
    /// What.
    pub asset: Asset,
    /// How much; never nothing.
    pub amount: Amount,
    /// Why.
    pub reason: Reason,
}

/// Why money moved.
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
pub enum Reason {
    /// A gateway made it.
    Minted,
    /// A gateway destroyed it.
    Burned,
    /// One account paid another.
    Transfer,
    /// The fee of a transaction.
    Fee,
    /// An institution put it into its bond.
    BondDeposit,
    /// An institution took it out of its bond.
    BondWithdrawal,
    /// The part of a bond that answers for a deal.
    BondHeld,
    /// That part is free again.
    BondReleased,
    /// That part went to the buyer whom the institution failed.
    Compensation,
    /// The price of a deal, put into escrow.
    Escrow,
    /// What a deal's own actions may spend on fees.
    Allowance,
    /// What is left of that.
    AllowanceReturned,
    /// The price of a deal that ended unpaid.
    Refund,
    /// A share of the price of a deal that ended paid.
    Share,
    /// Of a price, what pays for later versions, put into the escrow of their subscription.
    TermHeld,
    /// What a draft locks.
    Deposit,
    /// What a draft locked is free again.
    DepositReturned,
    /// Stake that votes from now on.
    Bonded,
    /// Stake that votes no longer.
    Unbonded,
    /// Stake that is free again.
    StakeReleased,
    /// Any other way between two purses.
    Other,
}

impl Reason {
    /// Why money moves between two purses, as far as they say so. Whether the price of a deal is
    /// shared or refunded they do not say: a share is assumed.
    #[must_use]
    pub const fn between(from: &Purse, to: &Purse) -> Self {
        match (from, to) {
            (_, Purse::Fees) => Self::Fee,
            (Purse::Account(_), Purse::Account(_)) => Self::Transfer,
            (Purse::Account(_), Purse::Bond(_)) => Self::BondDeposit,
            (Purse::Bond(_), Purse::Account(_)) => Self::BondWithdrawal,
            (Purse::Bond(_), Purse::Deal(_, DealPurse::Bond)) => Self::BondHeld,
            (Purse::Deal(_, DealPurse::Bond), Purse::Bond(_)) => Self::BondReleased,
            (Purse::Deal(_, DealPurse::Bond), Purse::Account(_)) => Self::Compensation,
            (Purse::Deal(_, DealPurse::Price) | Purse::Subscription(_), Purse::Account(_)) => {
                Self::Share
            }
            (Purse::Account(_), Purse::Deal(_, DealPurse::Allowance)) => Self::Allowance,
            (Purse::Deal(_, DealPurse::Allowance), Purse::Account(_)) => Self::AllowanceReturned,
            (Purse::Account(_) | Purse::Standing(_), Purse::Deal(_, DealPurse::Price))
            | (Purse::Account(_), Purse::Subscription(_) | Purse::Standing(_)) => Self::Escrow,
            (Purse::Deal(_, DealPurse::Price), Purse::Subscription(_)) => Self::TermHeld,
            (Purse::Standing(_), Purse::Deal(_, DealPurse::Allowance)) => Self::Allowance,
            (Purse::Deal(_, DealPurse::Allowance), Purse::Standing(_)) => Self::AllowanceReturned,
            (Purse::Standing(_), Purse::Account(_)) => Self::Refund,
            (Purse::Account(_), Purse::Deposit(..)) => Self::Deposit,
            (Purse::Deposit(..), Purse::Account(_)) => Self::DepositReturned,
            (Purse::Account(_), Purse::Stake(_)) => Self::Bonded,
            (Purse::Stake(_), Purse::Unbonding(_)) => Self::Unbonded,
            (Purse::Unbonding(_), Purse::Account(_)) => Self::StakeReleased,
            _ => Self::Other,
        }
    }

    /// In words, for a statement.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Minted => "made by a gateway",
            Self::Burned => "destroyed by a gateway",
            Self::Transfer => "transfer",
            Self::Fee => "fee",
            Self::BondDeposit => "into the bond",
            Self::BondWithdrawal => "out of the bond",
            Self::BondHeld => "bond held for a deal",
            Self::BondReleased => "bond of a deal released",
            Self::Compensation => "compensation",
            Self::Escrow => "price into escrow",
            Self::Allowance => "fee allowance of a deal",
            Self::AllowanceReturned => "rest of a fee allowance",
            Self::Refund => "refund",
            Self::Share => "share of a price",
            Self::TermHeld => "held for later versions",
            Self::Deposit => "deposit of a draft",
            Self::DepositReturned => "deposit of a draft returned",
            Self::Bonded => "stake bonded",
            Self::Unbonded => "stake unbonded",
            Self::StakeReleased => "stake released",
            Self::Other => "moved",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Movement {
    /// The purses that it changes.
    pub fn purses(&self) -> impl Iterator<Item = &Purse> {
        self.from.iter().chain(&self.to)
    }
}
