//! What happened, for those who watch: typed, in the order in which it happened. Events are part of
//! a block's receipts and decide nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Money};
use crate::codec::Text;
use crate::deal::{Defect, Ending, Termination};
use crate::id::{AccountId, DealId, Digest, PackageId, StandingId};
use crate::listing::ListingId;
use crate::payment::Movement;
use crate::role::Role;
use crate::terms::Decision;
use crate::wanted;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Money or stake moved, was made or destroyed.
    Moved(Movement),
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
    /// An institution started a draft.
    ListingDrafted {
        /// Which listing.
        listing: ListingId,
        /// Row blocks to be proven.
        blocks: u32,
    },
    /// The claims of a row block are proven.
    BlockProven {
        /// Which draft.
        listing: ListingId,
        /// The table.
        table: u32,
        /// The block.
        block: u32,
    },
    /// A listing takes requests, or has a new version of its offer.
    ListingLive {
        /// Which listing.
        listing: ListingId,
        /// The version of its offer.
        version: u32,
    },
    /// A draft or listing was withdrawn.
    ListingWithdrawn {
        /// Which listing.
        listing: ListingId,
        /// Why.
        reason: Text<500>,
    },
    /// The registrars took a listing down.
    ListingTakenDown {
        /// Which listing.
        listing: ListingId,
        /// Why.
        reason: Text<500>,
        /// Hash of the evidence.
        evidence: Digest,
    },
    /// A listing has a newer version.
    ListingSuperseded {
        /// Which listing.
        listing: ListingId,
        /// The newer package of the same institution.
        by: PackageId,
    },
    /// A draft was not proven in time.
    DraftExpired {
        /// Which draft.
        listing: ListingId,
    },
    /// An institution missed a delivery; its listings take no requests until it signs again.
    ListingsStopped {
        /// The institution.
        institution: AccountId,
        /// The deal.
        deal: DealId,
    },
    /// An institution's listings take requests again.
    ListingsResumed {
        /// The institution.
        institution: AccountId,
    },
    /// A package was shown not to be what was listed.
    PackageRefunded {
        /// Which listing.
        listing: ListingId,
        /// The deal of the dispute.
        deal: DealId,
        /// The segment that was shown.
        segment: u64,
    },
    /// Somebody asks to buy.
    DealRequested {
        /// The deal.
        deal: DealId,
        /// What is bought.
        listing: ListingId,
        /// What each clause of the terms said.
        decision: Decision,
    },
    /// Both sides agree; the price is in escrow.
    DealAgreed {
        /// The deal.
        deal: DealId,
    },
    /// The buyer waits for the key.
    DealReady {
        /// The deal.
        deal: DealId,
        /// Up-time before which the key must come, in milliseconds.
        deliver_by_ms: u64,
    },
    /// The key was delivered.
    DealDelivered {
        /// The deal.
        deal: DealId,
        /// Up-time before which the buyer may dispute, in milliseconds.
        dispute_by_ms: u64,
    },
    /// A licence was issued.
    LicenceIssued {
        /// The deal, which names the licence.
        deal: DealId,
        /// Until when it lasts, in milliseconds since 1970.
        until_ms: u64,
    },
    /// A licence ended with a refund.
    LicenceRevoked {
        /// The deal, which names the licence.
        deal: DealId,
    },
    /// A segment is not what was listed.
    DisputeUpheld {
        /// The deal.
        deal: DealId,
        /// The segment.
        segment: u64,
        /// What is wrong with it.
        defect: Defect,
    },
    /// A share of a price was paid.
    SharePaid {
        /// The deal.
        deal: DealId,
        /// By the split of which listing: what was bought, or one upstream of it.
        listing: ListingId,
        /// To whom.
        account: AccountId,
        /// How much.
        money: Money,
    },
    /// A deal ended paid.
    DealFinalized {
        /// The deal.
        deal: DealId,
    },
    /// The rest of the price of a deal pays for later versions, month by month.
    SubscriptionBegan {
        /// The subscription, by its first deal.
        subscription: DealId,
        /// How many months are paid for.
        months: u32,
    },
    /// A further term of a subscription was paid for.
    SubscriptionRenewed {
        /// The subscription, by its first deal.
        subscription: DealId,
        /// How many months more.
        months: u32,
        /// What they cost.
        money: Money,
    },
    /// A subscription ended.
    SubscriptionEnded {
        /// The subscription, by its first deal.
        subscription: DealId,
        /// How.
        ending: Ending,
        /// What returned to the subscriber.
        refunded: Money,
    },
    /// A deal ended refunded.
    DealTerminated {
        /// The deal.
        deal: DealId,
        /// Why.
        termination: Termination,
        /// What the buyer received beside the refund, in minor units of the price's currency.
        compensation: Amount,
    },
    /// Somebody asks for a dataset, with the money in escrow.
    StandingPosted {
        /// The standing request.
        standing: StandingId,
        /// Up-time at which it ends, in milliseconds.
        until_ms: u64,
    },
    /// A listing has what a standing request wants.
    StandingMatched {
        /// The standing request.
        standing: StandingId,
        /// The deal that was made of it.
        deal: DealId,
        /// What it was matched to.
        listing: ListingId,
    },
    /// A deal ended without a key, and its standing request waits for another listing.
    StandingReopened {
        /// The standing request.
        standing: StandingId,
        /// The deal.
        deal: DealId,
    },
    /// A standing request has ended.
    StandingEnded {
        /// The standing request.
        standing: StandingId,
        /// Why.
        ending: wanted::Ending,
        /// What was left in its purse and went back.
        returned: Money,
    },
}
