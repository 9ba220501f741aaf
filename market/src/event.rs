//! What happened, for those who watch: typed, in the order in which it happened. Events are part of
//! a block's receipts and decide nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Asset, Money};
use crate::id::{AccountId, Digest};
use crate::payment::Purse;
use crate::role::Role;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Money or stake moved between accounts.
    Transferred {
        /// From.
        from: AccountId,
        /// To.
        to: AccountId,
        /// What.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
    /// A gateway made money.
    Minted {
        /// The gateway.
        gateway: AccountId,
        /// Who received it.
        to: AccountId,
        /// How much.
        money: Money,
    },
    /// A gateway destroyed money.
    Burned {
        /// The gateway.
        gateway: AccountId,
        /// How much.
        money: Money,
    },
    /// A fee was paid.
    FeePaid {
        /// Out of which purse.
        payer: Purse,
        /// How much.
        money: Money,
    },
    /// Stake became voting power.
    Bonded {
        /// The validator.
        validator: AccountId,
        /// How much.
        amount: Amount,
    },
    /// Voting power was taken back.
    Unbonded {
        /// The validator.
        validator: AccountId,
        /// How much.
        amount: Amount,
        /// When the stake is free, in milliseconds since 1970.
        free_at_ms: u64,
    },
    /// Stake returned to its account.
    StakeReleased {
        /// The account.
        validator: AccountId,
        /// How much.
        amount: Amount,
    },
    /// The registrars admitted a party.
    Admitted {
        /// Its account.
        account: AccountId,
        /// Its role.
        role: Role,
        /// Hash of the evidence.
        evidence: Digest,
    },
    /// The registrars suspended a party.
    Suspended {
        /// Its account.
        account: AccountId,
        /// Its role.
        role: Role,
        /// Hash of the evidence.
        evidence: Digest,
    },
    /// An issuer inserted credentials.
    CredentialsInserted {
        /// The issuer.
        issuer: AccountId,
        /// The place of the first one.
        first: u64,
        /// How many.
        count: u32,
        /// The new root.
        root: Scalar,
    },
    /// An issuer marked credentials for revocation.
    RevocationMarked {
        /// The issuer.
        issuer: AccountId,
        /// Their places.
        places: Vec<u64>,
    },
    /// Marked credentials were revoked, and older roots with them.
    CredentialsRevoked {
        /// The issuer.
        issuer: AccountId,
        /// How many.
        count: u32,
        /// The new root.
        root: Scalar,
    },
    /// An institution put money into its bond.
    BondDeposited {
        /// The institution.
        institution: AccountId,
        /// How much.
        money: Money,
    },
    /// An institution took money out of its bond.
    BondWithdrawn {
        /// The institution.
        institution: AccountId,
        /// How much.
        money: Money,
    },
}
