//! Every key of the state, in one place. A key is a one-byte namespace followed by its parts;
//! numbers that are scanned in order are big-endian. Keys carry the type of their value, so that
//! nothing is ever read as something else.

use std::marker::PhantomData;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::Scalar;

use crate::amount::{Amount, Asset, Currency};
use crate::codec::{decode_exact, encode};
use crate::deal::{Claim, Deal, Licence, Stage, Subscription};
use crate::genesis::{Clock, CurrencyInfo, Parameters, Registrars};
use crate::id::{AccountId, ConsensusKey, DealId, PackageId, StandingId, TransactionId};
use crate::identity::Party;
use crate::identity::tree::{IssuerTree, RootRecord};
use crate::identity::validator::{Unbonding, ValidatorRecord};
use crate::layout::Layout;
use crate::listing::{Listing, ListingId, Offer, Published, Stop, TableClaims, TableProgress};
use crate::payment::{Purse, Supply};
use crate::role::Role;
use crate::state::{Overlay, StateError, StateRead};
use crate::wanted::StandingRequest;

/// A key and the type of what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key<T>(Vec<u8>, PhantomData<fn() -> T>);

impl<T> Key<T> {
    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What several keys of one type start with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix<T>(Vec<u8>, PhantomData<fn() -> T>);

impl<T> Prefix<T> {
    /// The bytes of the prefix.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Namespaces: the first byte of every key. Never reuse a number.
mod space {
    pub const PARAMETERS: u8 = 1;
    pub const CLOCK: u8 = 2;
    pub const REGISTRARS: u8 = 3;
    pub const CURRENCY: u8 = 4;
    pub const SUPPLY: u8 = 5;
    pub const BALANCE: u8 = 6;
    pub const NONCE: u8 = 7;
    pub const SEEN: u8 = 8;
    pub const NULLIFIER: u8 = 9;
    pub const PARTY: u8 = 10;
    pub const ISSUER_TREE: u8 = 11;
    pub const TREE_NODE: u8 = 12;
    pub const LEAF_INDEX: u8 = 13;
    pub const ROOT: u8 = 14;
    pub const ROOT_ORDER: u8 = 15;
    pub const REVOCATION: u8 = 16;
    pub const VALIDATOR: u8 = 17;
    pub const CONSENSUS_KEY: u8 = 18;
    pub const UNBONDING: u8 = 19;
    pub const REVOCATION_MARK: u8 = 20;
    // Listings and deals: 32 and up.
    pub const LISTING: u8 = 32;
    pub const LISTING_LAYOUT: u8 = 33;
    pub const OFFER: u8 = 34;
    pub const PROVEN_BLOCK: u8 = 35;
    pub const OPENINGS: u8 = 36;
    pub const STOP: u8 = 37;
    pub const LISTING_CLAIMS: u8 = 38;
    pub const TABLE_PROGRESS: u8 = 39;
    pub const DEAL: u8 = 40;
    pub const DEAL_BY_STAGE: u8 = 41;
    pub const DEAL_OF_LISTING: u8 = 42;
    pub const OPEN_DEAL: u8 = 43;
    pub const LICENCE: u8 = 44;
    pub const DUE: u8 = 45;
    pub const PUBLISHED: u8 = 46;
    pub const LINE_LISTING: u8 = 47;
    pub const SUBSCRIPTION: u8 = 48;
    pub const CLAIM: u8 = 49;
    // Standing requests: 64 and up.
    pub const STANDING: u8 = 64;
    pub const OPEN_STANDING: u8 = 65;
    pub const LIVE_LISTING: u8 = 66;
    pub const MATCH_TASK: u8 = 67;
    pub const MATCH_PLACE: u8 = 68;
}

fn key<T>(space: u8, parts: &[&[u8]]) -> Key<T> {
    Key(bytes(space, parts), PhantomData)
}

fn prefix<T>(space: u8, parts: &[&[u8]]) -> Prefix<T> {
    Prefix(bytes(space, parts), PhantomData)
}

fn bytes(space: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![space];
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Parameters in force.
#[must_use]
pub fn parameters() -> Key<Parameters> {
    key(space::PARAMETERS, &[])
}

/// The time of the last block and the up-time so far.
#[must_use]
pub fn clock() -> Key<Clock> {
    key(space::CLOCK, &[])
}

/// The registrars and how many of them must sign.
#[must_use]
pub fn registrars() -> Key<Registrars> {
    key(space::REGISTRARS, &[])
}

/// A currency.
#[must_use]
pub fn currency(currency: &Currency) -> Key<CurrencyInfo> {
    key(space::CURRENCY, &[currency.as_str().as_bytes()])
}

/// All currencies; the rest of a key is the currency's name.
#[must_use]
pub fn currencies() -> Prefix<CurrencyInfo> {
    prefix(space::CURRENCY, &[])
}

/// How much of an asset was made and destroyed.
#[must_use]
pub fn supply(asset: &Asset) -> Key<Supply> {
    key(space::SUPPLY, &[&encode(asset)])
}

/// All supplies; the rest of a key is the asset's canonical bytes.
#[must_use]
pub fn supplies() -> Prefix<Supply> {
    prefix(space::SUPPLY, &[])
}

/// What a purse holds of an asset.
#[must_use]
pub fn balance(purse: &Purse, asset: &Asset) -> Key<Amount> {
    key(space::BALANCE, &[&encode(purse), &encode(asset)])
}

/// All balances; the rest of a key is the canonical bytes of purse and asset.
#[must_use]
pub fn balances() -> Prefix<Amount> {
    prefix(space::BALANCE, &[])
}

/// All balances of one purse; the rest of a key is the asset's canonical bytes.
#[must_use]
pub fn balances_of(purse: &Purse) -> Prefix<Amount> {
    prefix(space::BALANCE, &[&encode(purse)])
}

/// The next nonce of an account.
#[must_use]
pub fn nonce(account: &AccountId) -> Key<u64> {
    key(space::NONCE, &[&account.0])
}

/// A transaction that was executed and has not expired.
#[must_use]
pub fn seen(expiry_ms: u64, id: &TransactionId) -> Key<()> {
    key(space::SEEN, &[&expiry_ms.to_be_bytes(), &id.0])
}

/// All executed transactions in the order of their expiry (8 bytes, big-endian, then the id).
#[must_use]
pub fn all_seen() -> Prefix<()> {
    prefix(space::SEEN, &[])
}

/// A nullifier that was accepted, and by which transaction.
#[must_use]
pub fn nullifier(nullifier: &Scalar) -> Key<TransactionId> {
    key(space::NULLIFIER, &[&nullifier.to_bytes()])
}

/// All nullifiers.
#[must_use]
pub fn nullifiers() -> Prefix<TransactionId> {
    prefix(space::NULLIFIER, &[])
}

/// A registered party in a role.
#[must_use]
pub fn party(role: Role, account: &AccountId) -> Key<Party> {
    key(space::PARTY, &[&[role as u8], &account.0])
}

/// All parties of a role; the rest of a key is the account.
#[must_use]
pub fn parties(role: Role) -> Prefix<Party> {
    prefix(space::PARTY, &[&[role as u8]])
}

/// An issuer's credential tree.
#[must_use]
pub fn issuer_tree(issuer: &AccountId) -> Key<IssuerTree> {
    key(space::ISSUER_TREE, &[&issuer.0])
}

/// A node of an issuer's tree; level 0 holds the leaves.
#[must_use]
pub fn tree_node(issuer: &AccountId, level: u8, index: u64) -> Key<Scalar> {
    key(space::TREE_NODE, &[&issuer.0, &[level], &index.to_be_bytes()])
}

/// All leaves of an issuer in order; the rest of a key is the index (8 bytes, big-endian).
#[must_use]
pub fn leaves(issuer: &AccountId) -> Prefix<Scalar> {
    prefix(space::TREE_NODE, &[&issuer.0, &[0]])
}

/// Where a live leaf stands in an issuer's tree.
#[must_use]
pub fn leaf_index(issuer: &AccountId, leaf: &Scalar) -> Key<u64> {
    key(space::LEAF_INDEX, &[&issuer.0, &leaf.to_bytes()])
}

/// What is known of a root of an issuer's tree.
#[must_use]
pub fn root(issuer: &AccountId, root: &Scalar) -> Key<RootRecord> {
    key(space::ROOT, &[&issuer.0, &root.to_bytes()])
}

/// The roots of an issuer in the order in which they came.
#[must_use]
pub fn root_order(issuer: &AccountId, sequence: u64) -> Key<Scalar> {
    key(space::ROOT_ORDER, &[&issuer.0, &sequence.to_be_bytes()])
}

/// All roots of an issuer in order; the rest of a key is the sequence number (8 bytes, big-endian).
#[must_use]
pub fn roots(issuer: &AccountId) -> Prefix<Scalar> {
    prefix(space::ROOT_ORDER, &[&issuer.0])
}

/// A leaf that was marked for revocation in an epoch.
#[must_use]
pub fn revocation(epoch: u64, issuer: &AccountId, index: u64) -> Key<()> {
    key(space::REVOCATION, &[&epoch.to_be_bytes(), &issuer.0, &index.to_be_bytes()])
}

/// All marked leaves in the order of their epochs; the rest of a key is the epoch (8 bytes,
/// big-endian), the issuer and the index (8 bytes, big-endian).
#[must_use]
pub fn revocations() -> Prefix<()> {
    prefix(space::REVOCATION, &[])
}

/// The leaves that an issuer marked in an epoch; the rest of a key is the index (8 bytes,
/// big-endian).
#[must_use]
pub fn revocations_of(epoch: u64, issuer: &AccountId) -> Prefix<()> {
    prefix(space::REVOCATION, &[&epoch.to_be_bytes(), &issuer.0])
}

/// The epoch in which a leaf was marked for revocation.
#[must_use]
pub fn revocation_mark(issuer: &AccountId, index: u64) -> Key<u64> {
    key(space::REVOCATION_MARK, &[&issuer.0, &index.to_be_bytes()])
}

/// A validator.
#[must_use]
pub fn validator(account: &AccountId) -> Key<ValidatorRecord> {
    key(space::VALIDATOR, &[&account.0])
}

/// All validators; the rest of a key is the account.
#[must_use]
pub fn validators() -> Prefix<ValidatorRecord> {
    prefix(space::VALIDATOR, &[])
}

/// Which validator votes with a key.
#[must_use]
pub fn consensus_key(consensus: &ConsensusKey) -> Key<AccountId> {
    key(space::CONSENSUS_KEY, &[&consensus.0])
}

/// Stake on its way back, by the account and the time from which it is free.
#[must_use]
pub fn unbonding(account: &AccountId, free_at_ms: u64) -> Key<Unbonding> {
    key(space::UNBONDING, &[&account.0, &free_at_ms.to_be_bytes()])
}

/// All stake of an account on its way back; the rest of a key is the time (8 bytes, big-endian).
#[must_use]
pub fn unbondings(account: &AccountId) -> Prefix<Unbonding> {
    prefix(space::UNBONDING, &[&account.0])
}

// ---- Listings and deals ----

/// A listing or draft.
#[must_use]
pub fn listing(id: &ListingId) -> Key<Listing> {
    key(space::LISTING, &[&id.institution.0, &id.package.0])
}

/// All listings and drafts; the rest of a key is the institution and the package.
#[must_use]
pub fn listings() -> Prefix<Listing> {
    prefix(space::LISTING, &[])
}

/// All listings and drafts of an institution; the rest of a key is the package.
#[must_use]
pub fn listings_of(institution: &AccountId) -> Prefix<Listing> {
    prefix(space::LISTING, &[&institution.0])
}

/// The layout of a listing or draft.
#[must_use]
pub fn listing_layout(id: &ListingId) -> Key<Layout> {
    key(space::LISTING_LAYOUT, &[&id.institution.0, &id.package.0])
}

/// What a listing or draft claims of its tables.
#[must_use]
pub fn listing_claims(id: &ListingId) -> Key<Vec<TableClaims>> {
    key(space::LISTING_CLAIMS, &[&id.institution.0, &id.package.0])
}

/// How far the proofs of a draft's table are.
#[must_use]
pub fn table_progress(id: &ListingId, table: u32) -> Key<TableProgress> {
    key(space::TABLE_PROGRESS, &[&id.institution.0, &id.package.0, &table.to_be_bytes()])
}

/// What a draft published, once and for all.
#[must_use]
pub fn published(id: &ListingId) -> Key<Published> {
    key(space::PUBLISHED, &[&id.institution.0, &id.package.0])
}

/// That a package of the same institution belongs to a line, which is named by its first listing.
#[must_use]
pub fn line_listing(line: &ListingId, package: &PackageId) -> Key<()> {
    key(space::LINE_LISTING, &[&line.institution.0, &line.package.0, &package.0])
}

/// All packages of a line; the rest of a key is the package.
#[must_use]
pub fn line_listings(line: &ListingId) -> Prefix<()> {
    prefix(space::LINE_LISTING, &[&line.institution.0, &line.package.0])
}

/// A version of what is offered.
#[must_use]
pub fn offer(id: &ListingId, version: u32) -> Key<Offer> {
    key(space::OFFER, &[&id.institution.0, &id.package.0, &version.to_be_bytes()])
}

/// All versions of what is offered, in order; the rest of a key is the version (4 bytes, big-endian).
#[must_use]
pub fn offers(id: &ListingId) -> Prefix<Offer> {
    prefix(space::OFFER, &[&id.institution.0, &id.package.0])
}

/// The height at which a row block was proven: where its bundle is to be found.
#[must_use]
pub fn proven_block(id: &ListingId, table: u32, block: u32) -> Key<u64> {
    let parts = [table.to_be_bytes(), block.to_be_bytes()].concat();
    key(space::PROVEN_BLOCK, &[&id.institution.0, &id.package.0, &parts])
}

/// The proven row blocks of a listing; the rest of a key is table and block, big-endian.
#[must_use]
pub fn proven_blocks(id: &ListingId) -> Prefix<u64> {
    prefix(space::PROVEN_BLOCK, &[&id.institution.0, &id.package.0])
}

/// How many bundles were ever accepted for a row block.
#[must_use]
pub fn openings(id: &ListingId, table: u32, block: u32) -> Key<u8> {
    let parts = [table.to_be_bytes(), block.to_be_bytes()].concat();
    key(space::OPENINGS, &[&id.institution.0, &id.package.0, &parts])
}

/// That an institution's listings take no requests.
#[must_use]
pub fn stop(institution: &AccountId) -> Key<Stop> {
    key(space::STOP, &[&institution.0])
}

/// A deal.
#[must_use]
pub fn deal(id: &DealId) -> Key<Deal> {
    key(space::DEAL, &[&id.0])
}

/// All deals; the rest of a key is the deal's id.
#[must_use]
pub fn deals() -> Prefix<Deal> {
    prefix(space::DEAL, &[])
}

/// That a deal of an institution is at a stage.
#[must_use]
pub fn deal_by_stage(institution: &AccountId, stage: Stage, id: &DealId) -> Key<()> {
    key(space::DEAL_BY_STAGE, &[&institution.0, &[stage as u8], &id.0])
}

/// All deals of an institution at a stage; the rest of a key is the deal's id.
#[must_use]
pub fn deals_by_stage(institution: &AccountId, stage: Stage) -> Prefix<()> {
    prefix(space::DEAL_BY_STAGE, &[&institution.0, &[stage as u8]])
}

/// That a deal is of a listing.
#[must_use]
pub fn deal_of_listing(listing: &ListingId, id: &DealId) -> Key<()> {
    key(space::DEAL_OF_LISTING, &[&listing.institution.0, &listing.package.0, &id.0])
}

/// All deals of a listing; the rest of a key is the deal's id.
#[must_use]
pub fn deals_of_listing(listing: &ListingId) -> Prefix<()> {
    prefix(space::DEAL_OF_LISTING, &[&listing.institution.0, &listing.package.0])
}

/// That a deal of a listing has not ended.
#[must_use]
pub fn open_deal(listing: &ListingId, id: &DealId) -> Key<()> {
    key(space::OPEN_DEAL, &[&listing.institution.0, &listing.package.0, &id.0])
}

/// All deals of a listing that have not ended; the rest of a key is the deal's id.
#[must_use]
pub fn open_deals(listing: &ListingId) -> Prefix<()> {
    prefix(space::OPEN_DEAL, &[&listing.institution.0, &listing.package.0])
}

/// The licence of a deal.
#[must_use]
pub fn licence(deal: &DealId) -> Key<Licence> {
    key(space::LICENCE, &[&deal.0])
}

/// All licences; the rest of a key is the deal's id.
#[must_use]
pub fn licences() -> Prefix<Licence> {
    prefix(space::LICENCE, &[])
}

/// A subscription, by its first deal.
#[must_use]
pub fn subscription(id: &DealId) -> Key<Subscription> {
    key(space::SUBSCRIPTION, &[&id.0])
}

/// All subscriptions; the rest of a key is the first deal's id.
#[must_use]
pub fn subscriptions() -> Prefix<Subscription> {
    prefix(space::SUBSCRIPTION, &[])
}

/// The last claim of a version by a subscriber.
#[must_use]
pub fn claim(subscription: &DealId, package: &PackageId) -> Key<Claim> {
    key(space::CLAIM, &[&subscription.0, &package.0])
}

/// All claims of a subscription; the rest of a key is the package.
#[must_use]
pub fn claims(subscription: &DealId) -> Prefix<Claim> {
    prefix(space::CLAIM, &[&subscription.0])
}

/// An entry of the deadline queue: the up-time in milliseconds and the canonical bytes of what is due.
#[must_use]
pub fn due(at_ms: u64, due: &[u8]) -> Key<()> {
    key(space::DUE, &[&at_ms.to_be_bytes(), due])
}

/// The deadline queue in order; the rest of a key is the up-time (8 bytes, big-endian) and the
/// canonical bytes of what is due.
#[must_use]
pub fn dues() -> Prefix<()> {
    prefix(space::DUE, &[])
}

// ---- Standing requests ----

/// A standing request.
#[must_use]
pub fn standing(id: &StandingId) -> Key<StandingRequest> {
    key(space::STANDING, &[&id.0])
}

/// All standing requests; the rest of a key is the id.
#[must_use]
pub fn standings() -> Prefix<StandingRequest> {
    prefix(space::STANDING, &[])
}

/// That a standing request waits for a listing, by the up-time at which it was posted.
#[must_use]
pub fn open_standing(since_ms: u64, id: &StandingId) -> Key<()> {
    key(space::OPEN_STANDING, &[&since_ms.to_be_bytes(), &id.0])
}

/// All standing requests that wait, the oldest first; the rest of a key is the up-time (8 bytes,
/// big-endian) and the id.
#[must_use]
pub fn open_standings() -> Prefix<()> {
    prefix(space::OPEN_STANDING, &[])
}

/// That a listing is live, by the time of the block in which it first went live.
#[must_use]
pub fn live_listing(since_ms: u64, id: &ListingId) -> Key<()> {
    key(space::LIVE_LISTING, &[&since_ms.to_be_bytes(), &id.institution.0, &id.package.0])
}

/// All live listings, the oldest first; the rest of a key is the time (8 bytes, big-endian), the
/// institution and the package.
#[must_use]
pub fn live_listings() -> Prefix<()> {
    prefix(space::LIVE_LISTING, &[])
}

/// Something to be matched: the up-time at which it was queued and its canonical bytes. Holds how far
/// its list was looked through.
#[must_use]
pub fn match_task(at_ms: u64, task: &[u8]) -> Key<Option<Vec<u8>>> {
    key(space::MATCH_TASK, &[&at_ms.to_be_bytes(), task])
}

/// Everything to be matched, in order; the rest of a key is the up-time (8 bytes, big-endian) and the
/// canonical bytes.
#[must_use]
pub fn match_tasks() -> Prefix<Option<Vec<u8>>> {
    prefix(space::MATCH_TASK, &[])
}

/// When something to be matched was queued.
#[must_use]
pub fn match_place(task: &[u8]) -> Key<u64> {
    key(space::MATCH_PLACE, &[task])
}

// ---- Reading and writing ----

/// Reads the value of a key.
///
/// # Errors
/// When the store fails or holds other bytes than a value of this type.
pub fn read<T: BorshDeserialize>(
    state: &dyn StateRead,
    key: &Key<T>,
) -> Result<Option<T>, StateError> {
    state.get(&key.0)?.map(|bytes| decode(&key.0, &bytes)).transpose()
}

/// Up to `limit` values under a prefix whose key is greater than `after`, each with the rest of its
/// key after the prefix.
///
/// # Errors
/// When the store fails or holds other bytes than values of this type.
pub fn scan<T: BorshDeserialize>(
    state: &dyn StateRead,
    prefix: &Prefix<T>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, T)>, StateError> {
    let after = after.map(|rest| [prefix.0.as_slice(), rest].concat());
    state
        .scan(&prefix.0, after.as_deref(), limit)?
        .into_iter()
        .map(|(key, bytes)| {
            let value = decode(&key, &bytes)?;
            let rest = key.get(prefix.0.len()..).unwrap_or_default().to_vec();
            Ok((rest, value))
        })
        .collect()
}

/// Every value under a prefix, each with the rest of its key. For audits and whole lists; reads
/// page by page.
///
/// # Errors
/// As [`scan`].
pub fn scan_all<T: BorshDeserialize>(
    state: &dyn StateRead,
    prefix: &Prefix<T>,
) -> Result<Vec<(Vec<u8>, T)>, StateError> {
    const PAGE: usize = 1024;
    let mut all: Vec<(Vec<u8>, T)> = Vec::new();
    loop {
        let page = scan(state, prefix, all.last().map(|(rest, _)| rest.as_slice()), PAGE)?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// Writes the value of a key.
pub fn write<T: BorshSerialize>(state: &mut Overlay<'_>, key: &Key<T>, value: &T) {
    state.put(key.0.clone(), encode(value));
}

fn decode<T: BorshDeserialize>(key: &[u8], bytes: &[u8]) -> Result<T, StateError> {
    decode_exact(bytes).map_err(|error| StateError(format!("key {}: {error}", hex::encode(key))))
}

/// `N` bytes of a scanned rest of a key at an offset.
///
/// # Errors
/// When the rest is shorter.
pub fn part<const N: usize>(rest: &[u8], offset: usize) -> Result<[u8; N], StateError> {
    rest.get(offset..offset.saturating_add(N))
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| StateError("a key is shorter than its parts".to_owned()))
}
