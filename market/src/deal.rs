//! A deal: from a request to the end of the dispute window. Depends on listings, terms, money, the
//! deadline queue, and the proofs of the key envelope and of a segment's key.
//!
//! ```text
//! REQUESTED ──review──▶ AGREED ──ready──▶ AGREED, ready ──deliver──▶ VERIFIED ──window ends──▶ FINALIZED
//!     │                   │                    │                        │
//!     └── refused, late   └── ready_by         └── deliver_by           └── dispute upheld ──▶ TERMINATED
//! ```
//!
//! Every state but the last two has exactly one deadline in the queue, so every escrow ends. A deal
//! ends either paid or refunded, once.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Money};
use crate::codec::{Bytes, Text};
use crate::context::Context;
use crate::error::TxError;
use crate::id::{AccountId, DealId, Digest};
use crate::listing::{ListingId, Offer, Tier, TierName};
use crate::payment::Refund;
use crate::state_key;
use crate::terms::{Decision, Purpose};

mod closing;
mod delivery;
mod dispute;
mod escrow;
pub mod invariant;
mod licence;
pub(crate) mod open;
mod pay;
mod query;
mod request;
mod subscription;

pub(crate) use closing::{queue_takedown, refund_next, take_down_next};
pub use delivery::{Envelope, envelope_statement};
pub(crate) use escrow::settle_due;
pub use invariant::audit;
pub use licence::{Licence, licence_days};
pub use open::{Origin, ready_time_ms};
pub use pay::{MAX_PAYMENTS, MAX_UPSTREAM_STEPS, split};
pub use query::{all_deals, deals_of_institution, deals_of_listing, ready_deals};
pub(crate) use subscription::month_ends;
pub use subscription::{Claim, Ending, MAX_CLAIMS, MAX_TERMS, Subscription, Term, claim_id};

/// The states of a deal.
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
pub enum Stage {
    /// REQUESTED: the institution reviews it.
    Requested = 1,
    /// AGREED: the price is in escrow; the buyer fetches and checks the ciphertext.
    Agreed = 2,
    /// AGREED, and the buyer waits for the key.
    Ready = 3,
    /// VERIFIED: the key was delivered; the dispute window runs.
    Verified = 4,
    /// FINALIZED: paid.
    Finalized = 5,
    /// TERMINATED: refunded.
    Terminated = 6,
}

impl Stage {
    /// Whether the deal has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finalized | Self::Terminated)
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Agreed => "agreed",
            Self::Ready => "agreed and ready",
            Self::Verified => "verified",
            Self::Finalized => "finalized",
            Self::Terminated => "terminated",
        })
    }
}

/// Why a deal was refunded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "termination", rename_all = "snake_case")]
pub enum Termination {
    /// The institution refused the request.
    Refused {
        /// Why.
        reason: Text<500>,
    },
    /// The institution did not review it in time.
    NotReviewed,
    /// The buyer was not ready in time.
    NotReady,
    /// No bond or no place was free when the buyer was ready.
    NoSeat,
    /// The key was not delivered in time: the buyer is compensated.
    NotDelivered,
    /// A dispute of this deal was upheld: the buyer is compensated.
    Disputed {
        /// The segment that is not what was listed.
        segment: u64,
        /// What is wrong with it.
        defect: Defect,
    },
    /// A dispute of another deal of the same package was upheld.
    PackageRefunded,
    /// The registrars took the listing down before the buyer was ready.
    TakenDown,
    /// The terms refuse the request: the deal's decision says which clause. Nothing was taken but the
    /// fee.
    TermsRefuse,
}

/// What is wrong with a disputed segment.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// The leaf states another tag, width or number of rows than the layout.
    Leaf,
    /// It does not decrypt under its key.
    Cipher,
    /// The plaintext has another length than the layout says.
    Length,
    /// The cells are not those that the claim commits to.
    Claim,
    /// The dictionary is not canonical.
    Dictionary,
    /// A cell is outside its column's bounds or dictionary.
    Cell,
}

/// A deal. Who buys is not in it: the keys are made for this deal alone.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Deal {
    /// Its name.
    pub id: DealId,
    /// What led to it.
    pub origin: Origin,
    /// What is bought from whom.
    pub listing: ListingId,
    /// The version of the offer that both sides agreed to.
    pub version: u32,
    /// The name of its tier.
    pub tier: TierName,
    /// Named users.
    pub seats: u32,
    /// Hash of terms and tier: what the buyer agreed to.
    pub terms: Digest,
    /// The price.
    pub price: Money,
    /// What the buyer wants to do.
    pub purpose: Purpose,
    /// What each clause of the terms said to that.
    pub decision: Decision,
    /// Where money goes back to.
    pub refund: Refund,
    /// The one-time key to which the master key is encrypted.
    pub delivery_key: JubPoint,
    /// The one-time key that signs `ready` and disputes.
    pub auth_key: AccountId,
    /// Whether the buyer was ready with the request; matters while it is reviewed.
    pub ready: bool,
    /// Where it stands.
    pub stage: Stage,
    /// Up-time at which the present stage ends, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// Time of the block of the request, in milliseconds since 1970.
    pub requested_ms: u64,
    /// What of the institution's bond answers for this deal.
    pub bond: Amount,
    /// The encrypted key, once delivered.
    pub envelope: Option<Envelope>,
    /// Why it was refunded.
    pub termination: Option<Termination>,
}

impl Deal {
    /// The number by which proofs name a deal.
    #[must_use]
    pub fn scalar(id: &DealId) -> Scalar {
        Scalar(hash_to_scalar("galen/deal", &[&id.0]))
    }

    /// Whether it takes one of the licences that the listing sells: what subscribers claim does not.
    fn is_sold(&self) -> bool {
        !matches!(self.origin, Origin::Claim { .. })
    }

    /// The offer that both sides agreed to, and the tier: of the listing, or of the subscription of which
    /// this is a claim.
    pub(crate) fn agreed(&self, ctx: &Context<'_>) -> Result<(Offer, Tier), TxError> {
        let (listing, version) = match self.origin {
            Origin::Claim { package, version, .. } => {
                (ListingId { package, ..self.listing }, version)
            }
            _ => (self.listing, self.version),
        };
        let offer = ctx.offer(&listing, version)?;
        let tier = offer.tier(&self.tier)?.clone();
        Ok((offer, tier))
    }

    /// The price of which the buyer is compensated a part: what a subscriber paid, for a claim.
    fn compensated_price(&self, ctx: &Context<'_>) -> Result<Amount, TxError> {
        if self.is_sold() {
            return Ok(self.price.amount);
        }
        let (_, tier) = self.agreed(ctx)?;
        Ok(tier.total(self.seats)?.amount)
    }

    /// Moves on to a stage with the deadline that ends it, in queue and indexes.
    pub(crate) fn enter(&mut self, ctx: &mut Context<'_>, stage: Stage, deadline_ms: Option<u64>) {
        self.leave(ctx);
        self.stage = stage;
        self.deadline_ms = deadline_ms;
        let ListingId { institution, .. } = self.listing;
        ctx.put(&state_key::deal_by_stage(&institution, stage, &self.id), &());
        if let Some(at_ms) = deadline_ms {
            crate::deadline::add(ctx, at_ms, crate::deadline::Due::Deal(self.id));
        }
        if stage.is_final() {
            ctx.delete(&state_key::open_deal(&self.listing, &self.id));
        } else {
            ctx.put(&state_key::open_deal(&self.listing, &self.id), &());
        }
        ctx.put(&state_key::deal(&self.id), self);
    }

    fn leave(&self, ctx: &mut Context<'_>) {
        ctx.delete(&state_key::deal_by_stage(&self.listing.institution, self.stage, &self.id));
        if let Some(at_ms) = self.deadline_ms {
            crate::deadline::remove(ctx, at_ms, &crate::deadline::Due::Deal(self.id));
        }
    }
}

impl Context<'_> {
    /// A deal.
    ///
    /// # Errors
    /// [`TxError::UnknownDeal`].
    pub fn deal(&self, id: &DealId) -> Result<Deal, TxError> {
        self.get(&state_key::deal(id))?.ok_or(TxError::UnknownDeal { deal: *id })
    }

    /// A deal at the stage that an action needs. One whose deadline has passed, or whose listing has ended
    /// it, has ended already, though the queue may not have come to it.
    ///
    /// # Errors
    /// [`TxError::UnknownDeal`], [`TxError::WrongStage`], [`TxError::DeadlinePassed`],
    /// [`TxError::PackageRefunded`] or [`TxError::ListingTakenDown`].
    pub(crate) fn deal_at(&self, id: &DealId, stage: Stage) -> Result<Deal, TxError> {
        let deal = self.deal(id)?;
        if deal.stage != stage {
            return Err(TxError::WrongStage { deal: *id, is: deal.stage, needs: stage });
        }
        if let Some(deadline_ms) = deal.deadline_ms.filter(|at_ms| *at_ms <= self.uptime_ms()) {
            return Err(TxError::DeadlinePassed { deadline_ms });
        }
        match deal.closed_by(self.listing(&deal.listing)?.standing) {
            None => Ok(deal),
            Some(Termination::TakenDown) => Err(TxError::ListingTakenDown),
            Some(_) => Err(TxError::PackageRefunded),
        }
    }
}

/// Proof bytes of a Groth16 proof, as an action carries them.
pub(crate) type ProofBytes = Bytes<{ crate::action::trade::PROOF_BYTES }>;
