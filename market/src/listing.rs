//! Listings: a package offered by an institution. A listing is a draft until the ledger has verified
//! the claims of every row block, and live from then on. Depends on the layout, the segments' tree,
//! the terms and the bundles of proofs.
//!
//! Everything is kept by (institution, package): another institution that copies a package id gets
//! a draft of its own, which its lack of proofs keeps from going live. What is offered (price, terms,
//! shares) has versions; deals refer to the version that they were requested under.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};

use crate::amount::Money;
use crate::codec::{Bounded, Text};
use crate::context::Context;
use crate::error::TxError;
use crate::id::{AccountId, DealId, Digest, PackageId};
use crate::layout::Layout;
use crate::state_key;
use crate::terms::Terms;

mod claims;
mod close;
mod declared;
mod draft;
mod lineage;
mod offer;
mod prove;
mod share;
mod tier;

pub use claims::{
    Bin, Chart, ChartForm, ClaimError, Diversity, MAX_CHARTS, MAX_DIVERSITY, TableClaims,
    check_claims,
};
pub use declared::{CODE_BYTES, ColumnCode, Declared, MAX_COLUMN_CODES, MAX_DECLARED_DISEASES};
pub(crate) use draft::expire_draft;
pub use lineage::{Lineage, MAX_ANCESTORS, MAX_LINE_LISTINGS, MAX_LINES, MAX_PARENTS, Published};
pub use offer::Offer;
pub use prove::TableProgress;
pub use share::{BASIS_POINTS, MAX_ROYALTIES, Payee, Royalty, Share};
pub use tier::{
    MAX_SEATS, MAX_SUBSCRIPTION_MONTHS, MAX_TIER_PURPOSES, MAX_TIERS, Seats, SubscriptionTerms,
    Tier, TierName,
};

/// Most parties that share a price.
pub const MAX_SHARES: usize = 16;
/// Most places where a package is served.
pub const MAX_LOCATIONS: usize = 4;
/// Bundles that the ledger accepts for one row block of a package, ever. The columns' blinders bear
/// as many openings.
pub const MAX_OPENINGS: u8 = 7;

/// Names a listing: one institution offers one package once.
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
pub struct ListingId {
    /// Who offers.
    pub institution: AccountId,
    /// What is offered.
    pub package: PackageId,
}

/// Where a listing stands.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Row blocks are still to be proven.
    Draft {
        /// Blocks that are proven.
        proven: u32,
        /// Up-time at which the draft is forgotten, in milliseconds.
        expires_ms: u64,
    },
    /// Every block is proven; it takes requests.
    Live,
    /// It takes no new requests; a new version of the offer makes it live again.
    Withdrawn,
    /// The registrars took it down: no deal begins or becomes ready any more. Final.
    TakenDown,
    /// A dispute was upheld: the package is not what was listed. Final.
    Refunded {
        /// The deal of the dispute.
        deal: DealId,
        /// The segment that was shown.
        segment: u64,
    },
}

/// A listing, without its layout, claims and offers, which have keys of their own.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Listing {
    /// Its name.
    pub id: ListingId,
    /// Root of the tree of leaves.
    pub root: Digest,
    /// Number of segments.
    pub segments: u64,
    /// Commitment to the master key.
    pub key: Scalar,
    /// Hash of the manifest.
    pub manifest: Digest,
    /// What it supersedes and was derived from.
    pub lineage: Lineage,
    /// The package of the same institution that supersedes it, since that is live.
    pub superseded_by: Option<PackageId>,
    /// What it owes upstream, fixed when it was drafted.
    pub royalties: Bounded<Royalty, MAX_ROYALTIES>,
    /// Row blocks of all tables.
    pub blocks: u32,
    /// The current version of the offer, from 1.
    pub version: u32,
    /// Where it stands.
    pub standing: Standing,
    /// Why it was withdrawn or taken down.
    pub closing: Option<Closing>,
    /// What the institution locked while it is a draft.
    pub deposit: Money,
    /// Deals that are ready and wait for their key.
    pub undelivered: u32,
    /// Licences that are sold or on the way: deals that are ready, verified or finalized, without what
    /// subscribers claim.
    pub licences: u32,
    /// Time of the block that made it live, in milliseconds since 1970.
    pub live_since_ms: Option<u64>,
}

/// Why a listing takes no requests any more.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Closing {
    /// In words.
    pub reason: Text<500>,
    /// Hash of the evidence that the registrars looked at, if they took it down.
    pub evidence: Option<Digest>,
    /// Time of the block, in milliseconds since 1970.
    pub since_ms: u64,
}

/// Why an institution's listings take no requests: it missed a delivery.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Stop {
    /// The deal that was not delivered.
    pub deal: DealId,
    /// Time of the block, in milliseconds since 1970.
    pub since_ms: u64,
}

impl Context<'_> {
    /// A listing or draft.
    ///
    /// # Errors
    /// [`TxError::UnknownListing`].
    pub fn listing(&self, id: &ListingId) -> Result<Listing, TxError> {
        self.get(&state_key::listing(id))?.ok_or(TxError::UnknownListing { listing: *id })
    }

    /// Stores a listing, and its place among the live ones if it is one.
    pub(crate) fn put_listing(&mut self, listing: &Listing) {
        if let Some(since_ms) = listing.live_since_ms {
            let live = state_key::live_listing(since_ms, &listing.id);
            match listing.standing {
                Standing::Live => self.put(&live, &()),
                _ => self.delete(&live),
            }
        }
        self.put(&state_key::listing(&listing.id), listing);
    }

    /// The newest version of a listing's line, as far as versions supersede each other in order.
    ///
    /// # Errors
    /// [`TxError::UnknownListing`].
    pub fn newest(&self, id: &ListingId) -> Result<Listing, TxError> {
        let mut listing = self.listing(id)?;
        for _ in 0..MAX_LINE_LISTINGS {
            let Some(package) = listing.superseded_by else { break };
            listing = self.listing(&ListingId { package, ..listing.id })?;
        }
        Ok(listing)
    }

    /// Whether a package descends from another of the same institution by superseding.
    ///
    /// # Errors
    /// When the state fails.
    pub(crate) fn supersedes(&self, later: &Listing, earlier: &PackageId) -> Result<bool, TxError> {
        let mut before = later.lineage.supersedes;
        for _ in 0..MAX_LINE_LISTINGS {
            let Some(package) = before else { return Ok(false) };
            if package == *earlier {
                return Ok(true);
            }
            let id = ListingId { package, ..later.id };
            before = self
                .get(&state_key::listing(&id))?
                .and_then(|listing: Listing| listing.lineage.supersedes);
        }
        Ok(false)
    }

    /// The layout of a listing or draft.
    ///
    /// # Errors
    /// [`TxError::UnknownListing`].
    pub fn layout(&self, id: &ListingId) -> Result<Layout, TxError> {
        self.get(&state_key::listing_layout(id))?.ok_or(TxError::UnknownListing { listing: *id })
    }

    /// What a listing or draft claims of its tables.
    ///
    /// # Errors
    /// [`TxError::UnknownListing`].
    pub fn claims(&self, id: &ListingId) -> Result<Vec<TableClaims>, TxError> {
        self.get(&state_key::listing_claims(id))?.ok_or(TxError::UnknownListing { listing: *id })
    }

    /// A version of what is offered.
    ///
    /// # Errors
    /// [`TxError::UnknownListing`].
    pub fn offer(&self, id: &ListingId, version: u32) -> Result<Offer, TxError> {
        self.get(&state_key::offer(id, version))?.ok_or(TxError::UnknownListing { listing: *id })
    }
}

impl std::fmt::Display for ListingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "package {} of {}", self.package, self.institution)
    }
}
