//! Money on the ledger: purses, transparent accounts, and the types of a deal's funding and refund.

pub mod account;
pub mod movement;
pub mod purse;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

pub use movement::{Movement, Reason};
pub use purse::{DealPurse, Purse, Supply};

use crate::id::AccountId;

/// Where the money of a request comes from.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// A transparent account, which signs the request too.
    Account(AccountId),
}

/// Where the money of a request goes back to.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refund {
    /// A transparent account.
    Account(AccountId),
}

impl Funding {
    /// The purse that pays.
    #[must_use]
    pub const fn purse(&self) -> Purse {
        match self {
            Self::Account(account) => Purse::Account(*account),
        }
    }
}

impl Refund {
    /// The purse that receives.
    #[must_use]
    pub const fn purse(&self) -> Purse {
        match self {
            Self::Account(account) => Purse::Account(*account),
        }
    }
}
