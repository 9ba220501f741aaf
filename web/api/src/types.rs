//! Requests and responses. Identifiers are lower-case hexadecimal, amounts are decimal strings or
//! integers as the ledger's types write them, times are milliseconds since 1970 unless a name says
//! up-time.

use galen_market::action::trade::ProveBlock;
use galen_market::amount::{Amount, Asset, Money};
use galen_market::deal::{Claim, Deal, Licence, Stage, Subscription};
use galen_market::event::Event;
use galen_market::genesis::Network;
use galen_market::id::{AccountId, ChainId, ConsensusKey, Digest, PackageId, TransactionId};
use galen_market::identity::Party;
use galen_market::identity::tree::IssuerTree;
use galen_market::layout::Layout;
use galen_market::ledger::Receipt;
use galen_market::listing::{Listing, ListingId, Offer, TableClaims};
use galen_market::role::Role;
use galen_market::wanted::StandingRequest;
use galen_zk::field::Scalar;
use galen_zk::keys::PublicKeys;
use serde::{Deserialize, Serialize};

/// Why a request was not granted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A stable name: the ledger's rule, or one of [`codes`].
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Codes of the interface itself; the ledger's rules have codes of their own.
pub mod codes {
    /// The request does not have the form that its path asks for.
    pub const BAD_REQUEST: &str = "bad_request";
    /// The body is longer than this path takes.
    pub const BODY_TOO_LARGE: &str = "body_too_large";
    /// The length of the body was not stated.
    pub const LENGTH_REQUIRED: &str = "length_required";
    /// There is nothing here.
    pub const NOT_FOUND: &str = "not_found";
    /// The path does not take this method.
    pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";
    /// The range lies outside the file.
    pub const RANGE: &str = "range_not_satisfiable";
    /// The node has no room for more pending transactions.
    pub const MEMPOOL_FULL: &str = "mempool_full";
    /// A delivery so close to its deadline is shown to nobody.
    pub const TOO_LATE: &str = "deadline_too_close";
    /// The node is stopping or cannot write.
    pub const UNAVAILABLE: &str = "unavailable";
    /// The bytes are not those of the package.
    pub const NOT_THE_PACKAGE: &str = "not_the_package";
    /// A part that must come first is missing.
    pub const PART_MISSING: &str = "part_missing";
    /// The client asked for too much in too short a time.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// As many clients follow events as may.
    pub const TOO_MANY_STREAMS: &str = "too_many_streams";
    /// Another upload of the same part is under way.
    pub const UPLOAD_BUSY: &str = "upload_busy";
}

/// How a node is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Version of the software.
    pub version: String,
    /// Name of the ledger.
    pub name: String,
    /// The ledger.
    pub chain_id: ChainId,
    /// Development or production.
    pub network: Network,
    /// Whether anybody can forge proofs with the parameters in use.
    pub forgeable_parameters: bool,
    /// Height of the last block.
    pub height: u64,
    /// Its time.
    pub time_ms: u64,
    /// Up-time so far, the clock of deadlines.
    pub uptime_ms: u64,
    /// The node's own clock.
    pub clock_ms: u64,
    /// Root of the state after the last block.
    pub state_root: Digest,
    /// The node's consensus key.
    pub consensus_key: ConsensusKey,
    /// Whether it votes.
    pub validator: bool,
    /// Whether it has the last block that it knows of, and runs. An agent delivers through a fresh
    /// node only.
    pub fresh: bool,
    /// Height that other validators say they have.
    pub network_height: u64,
    /// Connected peers.
    pub peers: u64,
    /// Transactions that wait.
    pub pending: u64,
    /// Why it has stopped, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// A transaction was taken in: it is on the node's disk and will be offered until it expires.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Submitted {
    /// Its name.
    pub id: TransactionId,
    /// What became of it so far.
    pub state: TransactionState,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TransactionState {
    /// The node offers it.
    Pending,
    /// It is part of a decided block.
    Final {
        /// Height of the block.
        height: u64,
        /// Its place in the block.
        index: u32,
        /// What it did.
        receipt: Option<Receipt>,
    },
    /// The node has given it up.
    Dropped {
        /// Why.
        reason: String,
    },
    /// The node does not know it.
    Unknown,
}

/// A decided block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockView {
    /// Its height.
    pub height: u64,
    /// Its name.
    pub id: Digest,
    /// The block before.
    pub parent: Digest,
    /// Its time.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: Digest,
    /// Consensus key of the validator who made it.
    pub proposer: ConsensusKey,
    /// Its transactions in order.
    pub transactions: Vec<TransactionId>,
    /// What happened, in order; deadlines first.
    pub events: Vec<Event>,
}

/// What a purse holds of an asset.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Balance {
    /// Of what.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountView {
    /// Its name.
    pub account: AccountId,
    /// Its next nonce.
    pub nonce: u64,
    /// What it holds freely.
    pub balances: Vec<Balance>,
    /// The free part of its bond, if it is an institution.
    pub bond: Vec<Balance>,
    /// What it is registered as.
    pub parties: Vec<PartyView>,
}

/// A registered party.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartyView {
    /// Its account.
    pub account: AccountId,
    /// In which role.
    pub role: Role,
    /// What the ledger knows of it.
    pub party: Party,
}

/// An issuer and its tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IssuerView {
    /// Its account.
    pub account: AccountId,
    /// What the ledger knows of it.
    pub party: Party,
    /// Its tree.
    pub tree: IssuerTree,
}

/// A part of an issuer's leaf list. Whoever needs a path downloads the whole list, so that nobody
/// learns which leaf matters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leaves {
    /// Whose list.
    pub issuer: AccountId,
    /// Height of the state that it is of. Parts of one list must agree.
    pub height: u64,
    /// The root of the whole list.
    pub root: Scalar,
    /// The place of the first leaf of this part.
    pub first: u64,
    /// Leaves of the whole list, revoked ones included.
    pub total: u64,
    /// The leaves; a revoked one is zero.
    pub leaves: Vec<Scalar>,
}

/// Part of a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to give as `after` for the next part; none if this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which listings are wanted. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListingFilter {
    /// Of this institution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution: Option<AccountId>,
    /// With this text in title, description, keywords, diseases, tables or columns; case does not
    /// matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// With a column of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// About this disease (a MONDO id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disease: Option<String>,
    /// Every table with at least this k.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k_min: Option<u32>,
    /// With at least so many rows in all tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_min: Option<u64>,
    /// For at most so many minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_max: Option<u64>,
    /// Drafts, withdrawn and refunded listings too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Where the part before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many, at most [`crate::MAX_PAGE`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A table of a listing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableSummary {
    /// Its name.
    pub name: String,
    /// Rows; the ledger takes them from the layout.
    pub rows: u64,
    /// Every combination of quasi-identifiers occurs in at least so many rows.
    pub k: u32,
    /// Sensitive columns with several values in every such combination.
    pub diversity: Vec<DiversitySummary>,
    /// Whether k, diversity and charts are proven: every row block has proofs that the ledger
    /// accepted, and no dispute showed that the package is another.
    pub proven: bool,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Names of its quasi-identifiers.
    pub quasi_identifiers: Vec<String>,
}

/// The diversity of a sensitive column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiversitySummary {
    /// The column's name.
    pub column: String,
    /// The rows of every combination of quasi-identifiers hold at least so many different values of
    /// it, missing not counted.
    pub l: u32,
}

/// What a manifest says in words: declared by the institution, not proven.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Description {
    /// One line.
    pub title: String,
    /// What the data are.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Diseases, as MONDO ids.
    pub diseases: Vec<String>,
    /// Countries.
    pub countries: Vec<String>,
    /// What is declared of persons in each table, such as `one row a person`; empty where nothing is.
    pub persons: Vec<String>,
    /// How to cite.
    pub citation: String,
    /// Name of the licence.
    pub licence: String,
}

/// A listing in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListingSummary {
    /// What the ledger knows.
    pub listing: Listing,
    /// The present offer.
    pub offer: Offer,
    /// What a request for each of its tiers states as terms, in their order: the hash of terms and tier.
    pub agreements: Vec<Digest>,
    /// Name of the institution.
    pub institution_name: String,
    /// Whether it takes requests now.
    pub open: bool,
    /// Tables.
    pub tables: Vec<TableSummary>,
    /// Files beside the tables.
    pub files: u64,
    /// Declared, not proven; none if this node does not hold the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Description>,
    /// Whether anybody could have forged its proofs.
    pub forgeable_parameters: bool,
}

/// A listing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListingView {
    /// In short.
    pub summary: ListingSummary,
    /// Tables, columns, dictionaries, files.
    pub layout: Layout,
    /// What is claimed of every table: k, diversity, and charts with their totals. Ranges and edges
    /// are those of the layout. Proven where the table's summary says so.
    pub claims: Vec<TableClaims>,
    /// Row blocks that are proven, as table and block; of a draft.
    pub proven_blocks: Vec<(u32, u32)>,
    /// Parts of the package that this node serves.
    pub served: Vec<Part>,
    /// The manifest, declared and not proven; none if this node does not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<serde_json::Value>,
}

/// What the ledger verified of one row block: enough to verify it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockProof {
    /// Height of the ledger's block that holds it.
    pub height: u64,
    /// The transaction.
    pub transaction: TransactionId,
    /// Leaves, their path in the package's tree, and the bundle, as the institution sent them.
    pub proof: ProveBlock,
}

/// With what the proofs of a ledger are verified. Whoever asks compares the hash with that of the
/// genesis, or with parameters of his own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VerifyingKeys {
    /// Hash of everything below: what the genesis pins.
    pub hash: Digest,
    /// The keys.
    #[serde(flatten)]
    pub keys: PublicKeys,
}

/// A deal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DealView {
    /// What the ledger knows.
    pub deal: Deal,
    /// Up-time now, the clock of its deadline.
    pub uptime_ms: u64,
    /// Up-time until its deadline, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// What is left of its fee allowance.
    pub allowance: Amount,
    /// Its licence, once the key was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
}

/// A standing request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingView {
    /// What the ledger knows.
    pub standing: StandingRequest,
    /// Up-time now, the clock of its deadline.
    pub uptime_ms: u64,
    /// Up-time until it ends by itself; none if it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// What its purse holds, in the currency of its highest price.
    pub held: Amount,
}

/// A licence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LicenceView {
    /// What the ledger knows.
    pub licence: Licence,
    /// Whether it may be used at the time of the last block.
    pub active: bool,
    /// Time of the last block.
    pub time_ms: u64,
    /// Whether anybody could have forged the proofs behind it.
    pub forgeable_parameters: bool,
}

/// A subscription.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubscriptionView {
    /// What the ledger knows.
    pub subscription: Subscription,
    /// What its escrow holds for the months to come.
    pub left: Money,
    /// Up-time until the running month ends; none if the subscription has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month_left_ms: Option<u64>,
    /// The newest version of what was bought.
    pub newest: ListingId,
    /// Versions that were claimed.
    pub claims: Vec<ClaimedVersion>,
}

/// A version that a subscriber claimed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClaimedVersion {
    /// Which one.
    pub package: PackageId,
    /// The last claim of it.
    pub claim: Claim,
    /// Where its deal stands.
    pub stage: Stage,
}

/// A part of a package that a node stores and serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The manifest: canonical JSON.
    Manifest,
    /// The layout: canonical bytes, served out of the ledger's state.
    Layout,
    /// The leaves, 70 bytes each, in order.
    Leaves,
    /// The encrypted segments, one after the other.
    Segments,
}

impl Part {
    /// All parts, in the order in which they can be stored.
    pub const ALL: [Self; 4] = [Self::Layout, Self::Manifest, Self::Leaves, Self::Segments];

    /// Its name in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Layout => "layout",
            Self::Leaves => "leaves",
            Self::Segments => "segments",
        }
    }

    /// The part with a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// A part of a package was checked and stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Of which package.
    pub package: PackageId,
    /// Which part.
    pub part: Part,
    /// Its length.
    pub bytes: u64,
}

/// A licence's text was checked and kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredText {
    /// Its SHA-256.
    pub text: Digest,
    /// Its length.
    pub bytes: u64,
}

/// The name of a stage in paths.
#[must_use]
pub const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Requested => "requested",
        Stage::Agreed => "agreed",
        Stage::Ready => "ready",
        Stage::Verified => "verified",
        Stage::Finalized => "finalized",
        Stage::Terminated => "terminated",
    }
}

/// The stage with a name.
#[must_use]
pub fn stage_from_name(name: &str) -> Option<Stage> {
    let all = [
        Stage::Requested,
        Stage::Agreed,
        Stage::Ready,
        Stage::Verified,
        Stage::Finalized,
        Stage::Terminated,
    ];
    all.into_iter().find(|stage| stage_name(*stage) == name)
}
