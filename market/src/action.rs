//! Everything that a transaction can do: one enum. Payloads of money and identity are here; those of
//! listings and deals in [`trade`]. An action has a check without state, and an execution that
//! checks against the state and changes it in one step.

pub mod trade;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Asset, Currency, Money};
use crate::authority::Authority;
use crate::codec::{Bounded, Text};
use crate::context::Context;
use crate::error::TxError;
use crate::id::{AccountId, ChainId, ConsensusKey, DealId, Digest};
use crate::identity::presentation::{ready_scope, request_scope, standing_scope};
use crate::role::Role;

/// The most leaves that one action inserts or revokes.
pub const MAX_LEAVES: usize = 64;

/// An action on the ledger.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Moves money or stake between accounts.
    Transfer(Transfer),
    /// Makes money against money in a bank.
    Mint(Mint),
    /// Destroys money that is paid out by a bank.
    Burn(Burn),
    /// Turns free stake into voting power.
    Bond(Bond),
    /// Takes voting power back; the stake is free after the unbonding time.
    Unbond(Unbond),
    /// Moves stake whose unbonding time has passed to the account.
    ReleaseStake(ReleaseStake),
    /// Admits a party to a role, or readmits a suspended one.
    Admit(Admit),
    /// Suspends a party in a role.
    Suspend(Suspend),
    /// Inserts credentials.
    InsertCredentials(InsertCredentials),
    /// Marks credentials for revocation.
    RevokeCredentials(RevokeCredentials),
    /// Puts money into an institution's bond.
    DepositBond(DepositBond),
    /// Takes money out of the free part of an institution's bond.
    WithdrawBond(WithdrawBond),
    /// Starts a listing as a draft.
    DraftListing(trade::DraftListing),
    /// Proves the claims of one row block of a draft.
    ProveBlock(trade::ProveBlock),
    /// Takes a draft or listing back.
    WithdrawListing(trade::WithdrawListing),
    /// Lets an institution's listings take requests again after a missed delivery.
    ResumeListings(trade::ResumeListings),
    /// Asks to buy.
    RequestDeal(trade::RequestDeal),
    /// Accepts or refuses a request that waits for review.
    ReviewDeal(trade::ReviewDeal),
    /// The buyer holds every ciphertext and waits for the key.
    Ready(trade::Ready),
    /// Hands over the key.
    Deliver(trade::Deliver),
    /// Shows that a segment is not what was listed.
    Dispute(trade::Dispute),
    /// Makes a new version of what a listing offers.
    ReviseListing(trade::ReviseListing),
    /// Takes a listing down for good.
    TakeDownListing(trade::TakeDownListing),
    /// Claims a later version for a subscriber.
    ClaimVersion(trade::ClaimVersion),
    /// Pays for a further term of a subscription.
    RenewSubscription(trade::RenewSubscription),
    /// Asks for a dataset that may not be listed yet, with the money in escrow.
    PostStanding(trade::PostStanding),
    /// Takes a standing request back.
    CancelStanding(trade::CancelStanding),
}

/// Moves money or stake between accounts.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Transfer {
    /// Who pays.
    pub from: AccountId,
    /// Who receives.
    pub to: AccountId,
    /// What is moved.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
}

/// Makes money of the gateway's currency.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Mint {
    /// The gateway.
    pub gateway: AccountId,
    /// Who receives.
    pub to: AccountId,
    /// How much of which currency.
    pub money: Money,
}

/// Destroys money of the gateway's currency out of the gateway's own account.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Burn {
    /// The gateway.
    pub gateway: AccountId,
    /// How much of which currency.
    pub money: Money,
}

/// Turns free stake of an account into voting power.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Bond {
    /// The account, which becomes a validator with its first bond.
    pub validator: AccountId,
    /// The key of its votes; given with the first bond, and then left as it is.
    pub consensus_key: ConsensusKey,
    /// How much stake.
    pub amount: Amount,
}

/// Takes voting power back.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Unbond {
    /// The validator.
    pub validator: AccountId,
    /// How much stake.
    pub amount: Amount,
}

/// Moves all stake whose unbonding time has passed to the account.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ReleaseStake {
    /// The account.
    pub validator: AccountId,
}

/// What a party is admitted as.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// An institution that lists datasets.
    Institution,
    /// An issuer of credentials.
    Issuer,
    /// A gateway of one currency.
    Gateway(Currency),
}

impl Admission {
    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Institution => Role::Institution,
            Self::Issuer => Role::Issuer,
            Self::Gateway(_) => Role::Gateway,
        }
    }
}

/// Admits a party.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Admit {
    /// Its account.
    pub account: AccountId,
    /// What it is admitted as.
    pub admission: Admission,
    /// Its name, for people.
    pub name: Text<200>,
    /// Where people find it: a web address, or nothing.
    pub url: Text<200>,
    /// Hash of the evidence that the registrars looked at.
    pub evidence: Digest,
}

/// Suspends a party.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Suspend {
    /// Its account.
    pub account: AccountId,
    /// In which role.
    pub role: Role,
    /// Hash of the evidence that the registrars looked at.
    pub evidence: Digest,
}

/// Inserts leaves into the issuer's tree, in order, at its next free places.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct InsertCredentials {
    /// The issuer.
    pub issuer: AccountId,
    /// The leaves.
    pub leaves: Bounded<Scalar, MAX_LEAVES>,
}

/// Marks leaves of the issuer's tree for revocation at the next epoch.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RevokeCredentials {
    /// The issuer.
    pub issuer: AccountId,
    /// The places of the leaves.
    pub places: Bounded<u64, MAX_LEAVES>,
}

/// Puts money from the institution's account into its bond.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DepositBond {
    /// The institution.
    pub institution: AccountId,
    /// How much.
    pub money: Money,
}

/// Takes money out of the free part of the institution's bond.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct WithdrawBond {
    /// The institution.
    pub institution: AccountId,
    /// How much.
    pub money: Money,
}

impl Action {
    /// Removes proof bytes. What is left is what signatures, proofs and the transaction's id speak of.
    pub fn strip_proofs(&mut self) {
        match self {
            Self::ProveBlock(action) => action.bundle.clear(),
            Self::Deliver(action) => action.proof.clear(),
            Self::Dispute(action) => action.proof.clear(),
            _ => {}
        }
    }

    /// The deal that the action belongs to and whose allowance may pay for it.
    #[must_use]
    pub const fn deal(&self) -> Option<DealId> {
        match self {
            Self::Ready(action) => Some(action.deal),
            Self::Deliver(action) => Some(action.deal),
            Self::Dispute(action) => Some(action.deal),
            _ => None,
        }
    }

    /// The scope in which a credential is shown for the action, if the action takes one.
    #[must_use]
    pub fn credential_scope(&self, chain: ChainId) -> Option<Scalar> {
        match self {
            Self::RequestDeal(action) => {
                Some(request_scope(chain, &action.institution, &action.package))
            }
            Self::RenewSubscription(action) => {
                Some(request_scope(chain, &action.institution, &action.package))
            }
            Self::PostStanding(action) => Some(standing_scope(chain, action.period)),
            Self::Ready(action) => Some(ready_scope(chain, &action.deal)),
            _ => None,
        }
    }

    /// Whether the action is nothing without a credential. One of those that take one and need none is
    /// `ready`: whether its deal asks for a credential, the deal knows.
    #[must_use]
    pub const fn needs_credential(&self) -> bool {
        matches!(self, Self::RequestDeal(_) | Self::PostStanding(_))
    }

    /// Whether blocks keep room for the action.
    #[must_use]
    pub const fn is_reserved(&self) -> bool {
        matches!(self, Self::Deliver(_) | Self::Dispute(_))
    }

    /// The rules that need no state.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), TxError> {
        match self {
            Self::Transfer(action) => action.check(),
            Self::Mint(action) => action.check(),
            Self::Burn(action) => action.check(),
            Self::Bond(action) => action.check(),
            Self::Unbond(action) => action.check(),
            Self::ReleaseStake(_)
            | Self::Suspend(_)
            | Self::ProveBlock(_)
            | Self::ResumeListings(_)
            | Self::ReviewDeal(_)
            | Self::Ready(_)
            | Self::ClaimVersion(_)
            | Self::RenewSubscription(_)
            | Self::Deliver(_)
            | Self::Dispute(_)
            | Self::CancelStanding(_) => Ok(()),
            Self::Admit(action) => action.check(),
            Self::InsertCredentials(action) => action.check(),
            Self::RevokeCredentials(action) => action.check(),
            Self::DepositBond(action) => action.check(),
            Self::WithdrawBond(action) => action.check(),
            Self::DraftListing(action) => action.check(),
            Self::ReviseListing(action) => action.check(),
            Self::WithdrawListing(action) => action.check(),
            Self::TakeDownListing(action) => action.check(),
            Self::RequestDeal(action) => action.check(),
            Self::PostStanding(action) => action.check(),
        }
    }

    /// Checks against the state and changes it. What must authorise the action was verified before.
    ///
    /// # Errors
    /// The first rule that is broken; the caller then drops every change of the transaction.
    pub fn execute(&self, ctx: &mut Context<'_>, authority: &Authority) -> Result<(), TxError> {
        match self {
            Self::Transfer(action) => action.execute(ctx),
            Self::Mint(action) => action.execute(ctx),
            Self::Burn(action) => action.execute(ctx),
            Self::Bond(action) => action.execute(ctx),
            Self::Unbond(action) => action.execute(ctx),
            Self::ReleaseStake(action) => action.execute(ctx),
            Self::Admit(action) => action.execute(ctx),
            Self::Suspend(action) => action.execute(ctx),
            Self::InsertCredentials(action) => action.execute(ctx),
            Self::RevokeCredentials(action) => action.execute(ctx),
            Self::DepositBond(action) => action.execute(ctx),
            Self::WithdrawBond(action) => action.execute(ctx),
            Self::DraftListing(action) => action.execute(ctx),
            Self::ProveBlock(action) => action.execute(ctx),
            Self::WithdrawListing(action) => action.execute(ctx),
            Self::ResumeListings(action) => action.execute(ctx),
            Self::RequestDeal(action) => action.execute(ctx, authority),
            Self::ReviewDeal(action) => action.execute(ctx),
            Self::Ready(action) => action.execute(ctx, authority),
            Self::Deliver(action) => action.execute(ctx),
            Self::Dispute(action) => action.execute(ctx, authority),
            Self::ReviseListing(action) => action.execute(ctx),
            Self::TakeDownListing(action) => action.execute(ctx),
            Self::ClaimVersion(action) => action.execute(ctx, authority),
            Self::RenewSubscription(action) => action.execute(ctx, authority),
            Self::PostStanding(action) => action.execute(ctx, authority),
            Self::CancelStanding(action) => action.execute(ctx, authority),
        }
    }
}
