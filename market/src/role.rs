//! Who may do what.
//!
//! | who | may |
//! |---|---|
//! | any account | transfer its money and stake, bond stake as a validator, unbond and release it |
//! | registrars, m of n together | admit and suspend institutions, issuers and gateways, and take listings down, with the hash of the evidence |
//! | active issuer | insert leaves into its own credential tree, mark leaves of it for revocation |
//! | active gateway | make its own currency, destroy its own currency out of its own account |
//! | active institution | deposit and withdraw its bond, draft, prove, revise, withdraw and resume its listings, review requests |
//! | holder of the key of a subscription's first deal, with the account that pays | claim a later version; with a credential: renew |
//! | holder of a credential, with the account that pays | request a deal, post a standing request |
//! | holder of a deal's one-time key | say `ready` (of a standing request's deal with a credential), dispute |
//! | holder of a standing request's key | take it back |
//! | anyone | deliver: the proof of the right key is the authorisation |
//!
//! [`Action::requires`] is this table; the ledger enforces it before any action is executed.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::id::{AccountId, DealId, StandingId};
use crate::payment::Funding;

/// What a registered party is. The numbers are part of the state's keys.
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
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Lists datasets and delivers.
    Institution = 1,
    /// Vouches for researchers.
    Issuer = 2,
    /// Turns bank money into a currency and back.
    Gateway = 3,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Institution => "institution",
            Self::Issuer => "issuer",
            Self::Gateway => "gateway",
        })
    }
}

/// What must authorise an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// The signature of an account.
    Holder(AccountId),
    /// The signature of an account that is active in a role.
    Active(Role, AccountId),
    /// The signatures of enough registrars.
    Registrars,
    /// A credential, and the signature of the account that pays.
    Buyer(Funding),
    /// The signatures of the one-time key of a subscription's first deal, which the subscription itself
    /// knows, and of the account that pays; perhaps with a credential.
    Subscriber {
        /// The subscription.
        subscription: DealId,
        /// Who pays.
        funding: Funding,
        /// Whether a credential is needed.
        credential: bool,
    },
    /// The signature of the deal's one-time key, which the deal itself knows.
    DealKey(DealId),
    /// The signature of the key of a standing request, which the request itself knows.
    StandingKey(StandingId),
    /// Nothing: what the action proves is enough.
    Anyone,
}

impl Action {
    /// What must authorise this action: the table above.
    #[must_use]
    pub fn requires(&self) -> Requirement {
        use Requirement::{
            Active, Anyone, Buyer, DealKey, Holder, Registrars, StandingKey, Subscriber,
        };
        match self {
            Self::Transfer(action) => Holder(action.from),
            Self::Bond(action) => Holder(action.validator),
            Self::Unbond(action) => Holder(action.validator),
            Self::ReleaseStake(action) => Holder(action.validator),
            Self::Admit(_) | Self::Suspend(_) | Self::TakeDownListing(_) => Registrars,
            Self::InsertCredentials(action) => Active(Role::Issuer, action.issuer),
            Self::RevokeCredentials(action) => Active(Role::Issuer, action.issuer),
            Self::Mint(action) => Active(Role::Gateway, action.gateway),
            Self::Burn(action) => Active(Role::Gateway, action.gateway),
            Self::DepositBond(action) => Active(Role::Institution, action.institution),
            Self::WithdrawBond(action) => Active(Role::Institution, action.institution),
            Self::DraftListing(action) => Active(Role::Institution, action.institution),
            Self::ProveBlock(action) => Active(Role::Institution, action.institution),
            Self::WithdrawListing(action) => Active(Role::Institution, action.institution),
            Self::ResumeListings(action) => Active(Role::Institution, action.institution),
            Self::ReviseListing(action) => Active(Role::Institution, action.institution),
            Self::ReviewDeal(action) => Active(Role::Institution, action.institution),
            Self::RequestDeal(action) => Buyer(action.funding.clone()),
            Self::ClaimVersion(action) => Subscriber {
                subscription: action.subscription,
                funding: action.funding.clone(),
                credential: false,
            },
            Self::RenewSubscription(action) => Subscriber {
                subscription: action.subscription,
                funding: action.funding.clone(),
                credential: true,
            },
            Self::Ready(action) => DealKey(action.deal),
            Self::Dispute(action) => DealKey(action.deal),
            Self::PostStanding(action) => Buyer(action.funding.clone()),
            Self::CancelStanding(action) => StandingKey(action.standing),
            Self::Deliver(_) => Anyone,
        }
    }
}
