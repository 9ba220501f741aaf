//! Standing requests: datasets that are wanted, with the money in escrow. The ledger itself matches a
//! request to the first listing that has what it wants; a match is a deal as any other, made by the
//! function that requests use. Depends on deals, listings, terms, credentials and money.
//!
//! ```text
//! OPEN ──first listing that fits──▶ MATCHED ──key delivered──▶ ENDED (fulfilled)
//!   ▲                                  │
//!   └── the deal ended without a key ──┘        from both: cancelled, or its time is over ──▶ ENDED
//! ```
//!
//! A request meets each listing at most once, and at most [`MAX_MATCHES`] of them. All its money lies
//! in one purse, which is empty once it has ended; what a deal of an ended request returns goes to the
//! refund account. The credential is proven when the request is posted, and again when a matched buyer
//! says `ready`: nothing is delivered on the strength of an old proof.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::circuit::credential::{Countries, ROOTS};
use galen_zk::field::Scalar;
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Money};
use crate::codec::{Bounded, Text};
use crate::context::Context;
use crate::error::TxError;
use crate::id::{AccountId, DealId, StandingId};
use crate::identity::presentation::ProvenCredential;
use crate::listing::ListingId;
use crate::payment::Refund;
use crate::state_key;
use crate::terms::{Decision, Proven, Purpose, Terms};

mod end;
mod invariant;
mod matching;
mod post;
mod query;
mod requirement;

pub(crate) use end::{deal_ended, delivered, expire};
pub use invariant::audit;
pub(crate) use matching::{institution_returns, listing_offers, next, run};
pub use post::period;
pub use query::{open_standings, standing};
pub use requirement::{ColumnRef, ColumnWanted, MAX_COLUMNS_WANTED, TableWanted, Wanted, Within};

/// Most institutions that a request names.
pub const MAX_INSTITUTIONS: usize = 16;
/// Most listings that a request is matched to, one after the other.
pub const MAX_MATCHES: usize = 16;

/// A standing request. Who wants is not in it: the keys are made for this request alone.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StandingRequest {
    /// Its name.
    pub id: StandingId,
    /// What is wanted.
    pub wanted: Wanted,
    /// Whose listings are accepted; of any active institution if none is named.
    pub institutions: Bounded<AccountId, MAX_INSTITUTIONS>,
    /// What the buyer wants to do.
    pub purpose: Purpose,
    /// For how many named users.
    pub seats: u32,
    /// What its credential proved when it was posted.
    pub shown: Shown,
    /// The highest price.
    pub max_price: Money,
    /// What each deal's own actions may spend on fees.
    pub allowance: Amount,
    /// Where money goes back to.
    pub refund: Refund,
    /// The key to which master keys are encrypted.
    pub delivery_key: JubPoint,
    /// The key that signs `ready`, disputes and the cancellation.
    pub auth_key: AccountId,
    /// Time of the block in which it was posted, in milliseconds since 1970.
    pub posted_ms: u64,
    /// Up-time then, in milliseconds: older requests are matched first.
    pub since_ms: u64,
    /// Up-time at which it ends by itself, in milliseconds.
    pub until_ms: u64,
    /// The listings that it was matched to, in order.
    pub matches: Bounded<Match, MAX_MATCHES>,
    /// Where it stands.
    pub status: Status,
}

/// What the credential of a standing request proved.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Shown {
    /// Purposes of use that it approves, a bit each.
    pub purposes: u32,
    /// Countries of which the holder's is one; none named means that nothing is proven.
    pub countries: Countries,
    /// The holder's institution, if it was shown.
    pub institution: Option<Scalar>,
    /// Issuers of whom one vouches for the buyer; all of them must be active for a match.
    pub issuers: Bounded<AccountId, ROOTS>,
}

impl Shown {
    /// What a credential proved.
    pub(crate) fn of(credential: &ProvenCredential) -> Result<Self, TxError> {
        let issuers = credential.roots.iter().map(|root| root.issuer).collect();
        let issuers = Bounded::new(issuers).map_err(|_| TxError::BadCredentialProof)?;
        let Proven { purposes, countries, institution } = credential.proven();
        Ok(Self { purposes, countries, institution, issuers })
    }

    /// What terms say to a purpose with that.
    pub(crate) fn decide(&self, terms: &Terms, purpose: &Purpose) -> Decision {
        let Self { purposes, countries, institution, .. } = self.clone();
        terms.decide(purpose, &Proven { purposes, countries, institution })
    }
}

/// A deal that came of a standing request.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Match {
    /// What it was matched to.
    pub listing: ListingId,
    /// The deal.
    pub deal: DealId,
}

/// Where a standing request stands.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It waits for a listing.
    Open,
    /// A deal is under way.
    Matched {
        /// Which one.
        deal: DealId,
    },
    /// It has ended, and its purse is empty.
    Ended {
        /// Why.
        ending: Ending,
    },
}

/// Why a standing request has ended.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The key of a matched deal was delivered.
    Fulfilled,
    /// Its key took it back.
    Cancelled,
    /// Its time is over.
    Expired,
    /// It was matched as often as it may be, or fees left too little for another deal.
    Exhausted,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Exhausted => "out of matches or of money for fees",
        })
    }
}

impl StandingRequest {
    /// Whether it has ended.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.status, Status::Ended { .. })
    }

    /// Whether it was matched to a listing before.
    #[must_use]
    pub fn has_met(&self, listing: &ListingId) -> bool {
        self.matches.iter().any(|met| met.listing == *listing)
    }

    /// Moves to a status, in the index of those that wait too.
    fn enter(&mut self, ctx: &mut Context<'_>, status: Status) {
        self.status = status;
        let open = state_key::open_standing(self.since_ms, &self.id);
        if status == Status::Open {
            ctx.put(&open, &());
        } else {
            ctx.delete(&open);
        }
        ctx.put(&state_key::standing(&self.id), self);
    }
}

impl Context<'_> {
    /// A standing request.
    ///
    /// # Errors
    /// [`TxError::UnknownStanding`].
    pub fn standing(&self, id: &StandingId) -> Result<StandingRequest, TxError> {
        self.get(&state_key::standing(id))?.ok_or(TxError::UnknownStanding { standing: *id })
    }

    /// A standing request that has not ended.
    ///
    /// # Errors
    /// [`TxError::UnknownStanding`], [`TxError::StandingEnded`] or [`TxError::DeadlinePassed`].
    fn unended(&self, id: &StandingId) -> Result<StandingRequest, TxError> {
        let standing = self.standing(id)?;
        match standing.status {
            Status::Ended { ending } => Err(TxError::StandingEnded { standing: *id, ending }),
            _ if standing.until_ms <= self.uptime_ms() => {
                Err(TxError::DeadlinePassed { deadline_ms: standing.until_ms })
            }
            _ => Ok(standing),
        }
    }
}
