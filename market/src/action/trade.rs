//! Payloads of the actions of listings and deals. What they do is in [`crate::listing`] and
//! [`crate::deal`].

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Money};
use crate::codec::{Bounded, Bytes, Text};
use crate::id::{AccountId, DealId, Digest, PackageId, StandingId};
use crate::layout::{Layout, MAX_COLUMNS, MAX_TABLES};
use crate::listing::{Lineage, Offer, TableClaims, TierName};
use crate::payment::{Funding, Refund};
use crate::segment::{Leaf, MAX_CIPHERTEXT_BYTES, RangeProof};
use crate::terms::Purpose;
use crate::wanted::{MAX_INSTITUTIONS, Wanted};

/// Most bytes of a bundle.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// Bytes of a Groth16 proof.
pub const PROOF_BYTES: usize = 128;

/// Starts a listing as a draft.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct DraftListing {
    /// The institution.
    pub institution: AccountId,
    /// Root of the tree of leaves.
    pub root: Digest,
    /// Number of segments.
    pub segments: u64,
    /// Commitment to the master key.
    pub key: Scalar,
    /// The layout.
    pub layout: Layout,
    /// Hash of the manifest.
    pub manifest: Digest,
    /// What is claimed of every table, in order.
    pub claims: Bounded<TableClaims, MAX_TABLES>,
    /// What it supersedes and was derived from.
    pub lineage: Lineage,
    /// What is offered: terms, price, shares, locations.
    pub offer: Offer,
}

/// Proves the claims of one row block of a draft.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ProveBlock {
    /// The institution.
    pub institution: AccountId,
    /// The package.
    pub package: PackageId,
    /// Which table.
    pub table: u32,
    /// Which row block of it.
    pub block: u32,
    /// The leaves of the block's columns, in order.
    pub leaves: Bounded<Leaf, MAX_COLUMNS>,
    /// That they are in the package's tree.
    pub path: RangeProof,
    /// The bundle.
    pub bundle: Bytes<MAX_BUNDLE_BYTES>,
}

/// Takes a draft or listing back. Deals that were requested before go on.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct WithdrawListing {
    /// The institution.
    pub institution: AccountId,
    /// The package.
    pub package: PackageId,
    /// Why, for everybody.
    pub reason: Text<500>,
}

/// Takes a listing down for good. Requests and deals that are not ready end with a refund; deals that
/// are ready go on.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TakeDownListing {
    /// The institution.
    pub institution: AccountId,
    /// The package.
    pub package: PackageId,
    /// Why, for everybody.
    pub reason: Text<500>,
    /// Hash of the evidence that the registrars looked at.
    pub evidence: Digest,
}

/// Makes a new version of a live or withdrawn listing, with another offer of the same package.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ReviseListing {
    /// The institution.
    pub institution: AccountId,
    /// The package.
    pub package: PackageId,
    /// What is offered from now on.
    pub offer: Offer,
}

/// Lets the institution's listings take requests again after a missed delivery.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ResumeListings {
    /// The institution.
    pub institution: AccountId,
}

/// Asks to buy.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RequestDeal {
    /// The institution.
    pub institution: AccountId,
    /// The package.
    pub package: PackageId,
    /// The listing's version.
    pub version: u32,
    /// The name of the tier.
    pub tier: TierName,
    /// For how many named users.
    pub seats: u32,
    /// What the buyer accepts: the hash of terms and tier.
    pub terms: Digest,
    /// The price that the buyer accepts: what the tier costs with these seats.
    pub price: Money,
    /// What the buyer wants to do.
    pub purpose: Purpose,
    /// What the deal's own actions may spend on fees, in the currency of the price.
    pub allowance: Amount,
    /// Where the money comes from.
    pub funding: Funding,
    /// Where it goes back to.
    pub refund: Refund,
    /// The one-time key to which the master key is encrypted.
    pub delivery_key: JubPoint,
    /// The one-time key that signs `ready` and disputes.
    pub auth_key: AccountId,
    /// Whether the buyer holds every ciphertext already.
    pub ready: bool,
}

/// Claims a version that supersedes a subscribed package: a deal at no price.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ClaimVersion {
    /// The subscription, by its first deal, whose key signs.
    pub subscription: DealId,
    /// The later package of the same institution.
    pub package: PackageId,
    /// What the deal's own actions may spend on fees, in the currency of the subscription.
    pub allowance: Amount,
    /// Where the allowance comes from.
    pub funding: Funding,
    /// The one-time key to which the master key is encrypted.
    pub delivery_key: JubPoint,
    /// The one-time key that signs `ready` and disputes of this claim.
    pub auth_key: AccountId,
    /// Whether the subscriber holds every ciphertext already.
    pub ready: bool,
}

/// Pays for a further term of a subscription, under the present offer of the newest version.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct RenewSubscription {
    /// The subscription, by its first deal, whose key signs.
    pub subscription: DealId,
    /// The institution.
    pub institution: AccountId,
    /// The newest package of the line.
    pub package: PackageId,
    /// The version of its offer.
    pub version: u32,
    /// The name of the tier.
    pub tier: TierName,
    /// What the subscriber accepts: the hash of terms and tier.
    pub terms: Digest,
    /// The price of the tier's subscription, which the subscriber accepts.
    pub price: Money,
    /// Where the money comes from.
    pub funding: Funding,
}

/// Accepts or refuses a request that waits for review.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct ReviewDeal {
    /// The institution.
    pub institution: AccountId,
    /// The deal.
    pub deal: DealId,
    /// Whether it is accepted.
    pub accept: bool,
    /// Why, for the buyer.
    pub reason: Text<500>,
}

/// The buyer holds every ciphertext and waits for the key.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Ready {
    /// The deal.
    pub deal: DealId,
}

/// Hands over the key.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Deliver {
    /// The deal.
    pub deal: DealId,
    /// The ephemeral key.
    pub ephemeral: JubPoint,
    /// The encrypted master key.
    pub ciphertext: Scalar,
    /// Proof that the plaintext opens the listing's key commitment.
    pub proof: Bytes<PROOF_BYTES>,
}

/// Shows that a segment is not what was listed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Dispute {
    /// The deal.
    pub deal: DealId,
    /// Which segment.
    pub segment: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// That the leaf is in the package's tree.
    pub path: RangeProof,
    /// Its ciphertext as served; may be left empty if the leaf itself contradicts the layout.
    pub ciphertext: Bytes<MAX_CIPHERTEXT_BYTES>,
    /// The segment's key.
    pub segment_key: Scalar,
    /// Proof that the segment's key derives from the master key, for this deal.
    pub proof: Bytes<PROOF_BYTES>,
}

/// Asks for a dataset that may not be listed yet. The ledger matches it to the first listing that has
/// what it wants.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct PostStanding {
    /// The period in which it is posted: days since 1970, by thirty. Requests of a credential are
    /// counted by period.
    pub period: u32,
    /// What is wanted.
    pub wanted: Wanted,
    /// Whose listings are accepted; of any active institution if none is named.
    pub institutions: Bounded<AccountId, MAX_INSTITUTIONS>,
    /// What the buyer wants to do.
    pub purpose: Purpose,
    /// For how many named users.
    pub seats: u32,
    /// The highest price.
    pub max_price: Money,
    /// What each deal's own actions may spend on fees, in the currency of the price.
    pub allowance: Amount,
    /// Up-time after which it ends, in milliseconds.
    pub for_ms: u64,
    /// Where the money comes from.
    pub funding: Funding,
    /// Where it goes back to.
    pub refund: Refund,
    /// The key to which master keys are encrypted, made for this request.
    pub delivery_key: JubPoint,
    /// The key that signs `ready`, disputes and the cancellation, made for this request.
    pub auth_key: AccountId,
}

/// Takes a standing request back. A deal that it was matched to goes on.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CancelStanding {
    /// Which one.
    pub standing: StandingId,
}
