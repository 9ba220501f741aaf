//! The rules, as the list of ways to break them: one variant a rule, each saying what is wrong and
//! what to do, each with a stable code for programs.

use galen_zk::field::Scalar;

use crate::amount::{Amount, AmountError, Asset, Currency};
use crate::deal::Stage;
use crate::id::{AccountId, DealId, PackageId, StandingId};
use crate::layout::LayoutError;
use crate::listing::{ClaimError, ListingId};
use crate::payment::Purse;
use crate::role::Role;
use crate::state::StateError;
use crate::terms::Code;
use crate::wanted::Ending;

macro_rules! rules {
    ($( $(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? })? , $code:literal, $what:literal, $remedy:literal; )*) => {
        /// Why a transaction is refused. A refused transaction changes nothing.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum TxError {
            /// The state could not be read; not the transaction's fault.
            State(StateError),
            /// Arithmetic on amounts left its range.
            Amount(AmountError),
            $( $(#[$doc])* $name $({ $($(#[$fdoc])* $field: $type),* })? , )*
        }

        impl TxError {
            /// A stable name of the rule, for programs.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    Self::State(_) => "state_unavailable",
                    Self::Amount(_) => "amount_out_of_range",
                    $( Self::$name { .. } => $code, )*
                }
            }

            /// What is wrong.
            #[must_use]
            #[allow(unused_variables)]
            pub fn what(&self) -> String {
                match self {
                    Self::State(error) => error.to_string(),
                    Self::Amount(error) => error.to_string(),
                    $( Self::$name $({ $($field),* })? => format!($what), )*
                }
            }

            /// What to do.
            #[must_use]
            #[allow(unused_variables)]
            pub fn remedy(&self) -> String {
                match self {
                    Self::State(_) => "try again later, or use another node".to_owned(),
                    Self::Amount(_) => "use a smaller amount".to_owned(),
                    $( Self::$name $({ $($field),* })? => format!($remedy), )*
                }
            }

            /// The codes of all rules.
            pub const CODES: &'static [&'static str] = &["state_unavailable", "amount_out_of_range", $($code),*];
        }
    };
}

impl std::fmt::Display for TxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what(), self.remedy())
    }
}

impl std::error::Error for TxError {}

impl From<StateError> for TxError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<AmountError> for TxError {
    fn from(error: AmountError) -> Self {
        Self::Amount(error)
    }
}

rules! {
    // ---- Bytes and authorisation ----

    /// The bytes are not a canonical transaction.
    Malformed {
        /// What does not fit.
        what: String,
    }, "malformed",
        "the bytes are not a transaction: {what}",
        "encode it with this version of the software";
    /// More bytes than a transaction may have.
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length.
        max: usize,
    }, "transaction_too_large",
        "the transaction has {bytes} bytes where at most {max} are allowed",
        "split its actions";
    /// It takes longer to verify than a transaction may.
    TooCostly {
        /// Its verification units.
        units: u64,
        /// The most.
        max: u64,
    }, "transaction_too_costly",
        "the transaction takes {units} verification units where at most {max} are allowed",
        "split its actions";
    /// It was made for another ledger.
    WrongChain, "wrong_chain",
        "the transaction was made for another ledger",
        "sign it again with this ledger's chain id";
    /// It holds no action.
    NoActions, "no_actions",
        "the transaction holds no action",
        "add one";
    /// Its expiry has passed.
    Expired {
        /// Expiry in milliseconds since 1970.
        expiry_ms: u64,
        /// Time of the block.
        now_ms: u64,
    }, "expired",
        "the transaction expired at {expiry_ms} and it is {now_ms}",
        "sign it again with a later expiry";
    /// Its expiry is further away than the ledger keeps ids.
    ExpiryTooFar {
        /// The latest expiry allowed now.
        latest_ms: u64,
    }, "expiry_too_far",
        "the transaction's expiry must be at most {latest_ms}",
        "sign it again with an earlier expiry";
    /// Only a lone delivery may go without an expiry.
    ExpiryRequired, "expiry_required",
        "only a transaction that holds one delivery and nothing else may have no expiry",
        "set one";
    /// It was executed already.
    Duplicate, "duplicate",
        "this transaction was executed already",
        "nothing is left to do";
    /// A signature does not verify.
    BadSignature {
        /// Whose signature.
        account: AccountId,
    }, "bad_signature",
        "the signature of {account} does not verify",
        "sign exactly this transaction";
    /// One account or key signs twice.
    SignedTwice {
        /// Which one.
        account: AccountId,
    }, "signed_twice",
        "{account} signs more than once",
        "keep one signature";
    /// A nonce that was used.
    NonceUsed {
        /// Whose nonce.
        account: AccountId,
        /// The next one.
        expected: u64,
        /// The one given.
        got: u64,
    }, "nonce_used",
        "nonce {got} of {account} was used already",
        "sign again with {expected}";
    /// A nonce further on than the next one.
    NonceGap {
        /// Whose nonce.
        account: AccountId,
        /// The next one.
        expected: u64,
        /// The one given.
        got: u64,
    }, "nonce_gap",
        "nonce {got} of {account} is too high",
        "send the transaction with nonce {expected} first";
    /// Nobody with the right to it authorised the action.
    Unauthorised {
        /// Who must sign.
        needs: String,
    }, "unauthorised",
        "the action is not authorised",
        "it needs {needs}";
    /// A party does not have the role, or is suspended in it.
    NotActive {
        /// Which role.
        role: Role,
        /// Whose.
        account: AccountId,
    }, "role_not_active",
        "{account} is not an active {role}",
        "ask the registrars to admit it";
    /// Fewer registrars signed than are needed.
    RegistrarsNeeded {
        /// How many must sign.
        needs: u32,
        /// How many did.
        signed: u32,
    }, "registrars_needed",
        "{needs} registrars must sign and {signed} did",
        "collect more signatures";

    // ---- Money and fees ----

    /// A purse holds less than is taken from it.
    InsufficientFunds {
        /// Which purse.
        purse: Box<Purse>,
        /// Of what.
        asset: Asset,
        /// What it holds.
        has: Amount,
        /// What is taken.
        needs: Amount,
    }, "insufficient_funds",
        "{purse} holds {has} {asset} where {needs} are needed",
        "add funds";
    /// An amount of zero where it says nothing.
    ZeroAmount, "zero_amount",
        "an amount of zero moves nothing",
        "give a positive amount";
    /// The currency is not one of this ledger.
    UnknownCurrency {
        /// Its name.
        currency: Currency,
    }, "unknown_currency",
        "there is no currency {currency} on this ledger",
        "use one that genesis names";
    /// The gateway is not the gateway of this currency.
    WrongGateway {
        /// The currency.
        currency: Currency,
    }, "wrong_gateway",
        "the gateway does not stand for {currency}",
        "only a gateway admitted for it makes or destroys it";
    /// The fee is above the limit that the transaction states.
    FeeAboveLimit {
        /// The fee in minor units.
        fee: Amount,
        /// The limit stated.
        limit: Amount,
    }, "fee_above_limit",
        "the fee is {fee} and the transaction allows {limit}",
        "sign it again with a higher limit";
    /// A deal pays fees for its own single action only.
    FeeNotOfDeal {
        /// The deal that would pay.
        deal: DealId,
    }, "fee_not_of_deal",
        "deal {deal} pays for a transaction that holds one action of that deal and nothing else",
        "let an account pay";
    /// The payer of the fee did not sign.
    PayerDidNotSign {
        /// The payer.
        account: AccountId,
    }, "payer_did_not_sign",
        "the fee's payer {account} did not sign",
        "add its signature";

    // ---- Parties ----

    /// The party has the role already.
    AlreadyAdmitted {
        /// Which role.
        role: Role,
    }, "already_admitted",
        "the account is an active {role} already",
        "nothing is left to do";
    /// The party is not registered in the role.
    UnknownParty {
        /// Which role.
        role: Role,
    }, "unknown_party",
        "the account is not registered as {role}",
        "admit it first";
    /// The party is suspended already.
    AlreadySuspended, "already_suspended",
        "the party is suspended already",
        "nothing is left to do";
    /// A name is empty.
    EmptyName, "empty_name",
        "a party needs a name",
        "give one";
    /// Stake below the least that a validator bonds.
    StakeTooLow {
        /// The least stake.
        min: Amount,
    }, "stake_too_low",
        "a validator bonds at least {min} stake",
        "bond more, or unbond everything";
    /// The consensus key belongs to another validator.
    ConsensusKeyTaken, "consensus_key_taken",
        "another validator votes with this consensus key",
        "make a new key";
    /// A new validator names no consensus key, or an old one another.
    ConsensusKeyRequired, "consensus_key_required",
        "a new validator names its consensus key once",
        "give it, and leave it as it is later";
    /// The account is no validator.
    NotValidator, "not_validator",
        "the account is not a validator",
        "bond stake first";
    /// The last validator cannot leave.
    LastValidator, "last_validator",
        "the last validator cannot leave",
        "let another one bond first";
    /// No unbonded stake is free yet.
    NothingUnbonded, "nothing_unbonded",
        "no stake is free yet",
        "wait until the unbonding time has passed";

    // ---- Credentials ----

    /// No leaf is given.
    NoLeaves, "no_leaves",
        "the list of leaves is empty",
        "name at least one";
    /// The leaf zero means an empty place.
    ZeroLeaf, "zero_leaf",
        "the leaf zero stands for an empty place",
        "compute the credential's leaf";
    /// The leaf is in the tree already.
    DuplicateLeaf {
        /// The leaf.
        leaf: Scalar,
    }, "duplicate_leaf",
        "leaf {leaf} is in the tree already",
        "a person has one live leaf";
    /// The tree has no free place.
    TreeFull, "tree_full",
        "the issuer's tree is full",
        "use another issuer account";
    /// There is no live leaf in this place.
    NoSuchLeaf {
        /// The place.
        index: u64,
    }, "no_such_leaf",
        "place {index} holds no live leaf",
        "look at the leaf list again";
    /// The leaf is marked for revocation already.
    AlreadyRevoked {
        /// The place.
        index: u64,
    }, "already_revoked",
        "the leaf in place {index} is marked for revocation already",
        "it goes at the next epoch";
    /// Too many leaves are marked in one epoch.
    TooManyRevocations {
        /// The most.
        max: u32,
    }, "too_many_revocations",
        "at most {max} leaves are marked in one epoch",
        "mark the rest in the next one";
    /// No credential was shown where one is needed.
    CredentialRequired, "credential_required",
        "the action needs a credential",
        "present one";
    /// A credential was shown where none is used.
    CredentialNotUsed, "credential_not_used",
        "no action of the transaction uses the credential",
        "leave it out";
    /// A transaction uses its credential for one action.
    CredentialUsedTwice, "credential_used_twice",
        "a credential authorises one action of a transaction",
        "split the transaction";
    /// The proof of a credential does not verify.
    BadCredentialProof, "bad_credential_proof",
        "the credential's proof does not verify for this transaction",
        "prove it again";
    /// A root is none that the issuer's tree had lately.
    UnknownRoot {
        /// The issuer.
        issuer: AccountId,
    }, "unknown_root",
        "the root is not a current one of issuer {issuer}",
        "download its leaf list and prove again";
    /// The proof speaks of another day.
    WrongDay {
        /// Today, in days since 1970.
        today: u32,
        /// The day of the proof.
        got: u32,
    }, "wrong_day",
        "the credential was proven for day {got} and it is day {today}",
        "prove it again";
    /// The nullifier was accepted before.
    NullifierUsed, "nullifier_used",
        "this use of the credential is spent",
        "use the next one, below the limit for this offer";
    /// The limit of uses is not the ledger's.
    WrongLimit {
        /// The ledger's limit.
        expected: u16,
    }, "wrong_limit",
        "the credential was proven for another limit of uses than {expected}",
        "prove it again";

    // ---- Listings and deals ----

    /// A clause that the ledger cannot decide.
    UnknownClause {
        /// Which.
        clause: Code,
    }, "unknown_clause",
        "the ledger does not know clause {clause}",
        "use the codes of the Data Use Ontology";
    /// A clause lacks its parameter, has one too many, or contradicts the rest of the terms.
    BadClause {
        /// Which.
        clause: Code,
        /// What is wrong with it.
        what: String,
    }, "bad_clause",
        "clause {clause} {what}",
        "correct the clause";
    /// Terms contradict themselves.
    BadTerms {
        /// How.
        what: String,
    }, "bad_terms",
        "the terms are not valid: {what}",
        "correct the terms";
    /// Shares do not add up to the price.
    BadShares, "bad_shares",
        "shares must be positive, of different accounts, and add up to 10000 basis points",
        "correct the shares";
    /// The offer has no such tier.
    UnknownTier {
        /// Its name.
        tier: String,
    }, "unknown_tier",
        "the offer has no tier {tier:?}",
        "choose one that it has";
    /// The tier is for other purposes.
    TierNotForPurpose {
        /// Its name.
        tier: String,
    }, "tier_not_for_purpose",
        "the tier {tier:?} is for other purposes",
        "choose a tier that names the purpose";
    /// Fewer seats than the tier includes, or more than it sells.
    BadSeats {
        /// The number asked for.
        got: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    }, "bad_seats",
        "{got} seats are asked for where the tier is for {least} to {most}",
        "ask for a number between these";
    /// A purpose contradicts itself.
    BadPurpose {
        /// How.
        what: String,
    }, "bad_purpose",
        "the purpose is not valid: {what}",
        "correct the purpose";
    /// Number of segments and layout contradict each other.
    SegmentCount {
        /// By the layout.
        layout: u64,
        /// Stated.
        stated: u64,
    }, "segment_count",
        "the layout has {layout} segments and {stated} are stated",
        "pack again";
    /// Small row blocks are for development networks.
    SmallBlocks, "small_blocks",
        "row blocks of 1016 rows are for development networks",
        "pack with full blocks";
    /// The layout does not fit the stated k.
    BadLayout {
        /// What does not fit.
        error: LayoutError,
    }, "bad_layout",
        "{error}",
        "pack again with another k or other blocks";
    /// Claims cannot be made of the layout, or show too few rows.
    BadClaims {
        /// What is wrong.
        error: ClaimError,
    }, "bad_claims",
        "{error}",
        "change the claims or the chart, and pack and prove again if need be";
    /// The totals of a chart are not the sum of what the blocks proved.
    TotalsDiffer {
        /// The table.
        table: u32,
        /// The column.
        column: u32,
    }, "totals_differ",
        "the totals of column {column} of table {table} are not the sum of the proven blocks",
        "withdraw the draft, and draft it with the totals of these proofs";
    /// The totals of a chart differ too little from published ones.
    TotalsTooClose {
        /// The other listing.
        listing: ListingId,
        /// The column's name.
        column: String,
        /// How.
        what: &'static str,
    }, "totals_too_close",
        "column {column:?}: {what}, compared with {listing}; together they could show single rows",
        "keep the totals, change them by k rows or more, or leave the chart out";
    /// A listing descends from too many lines.
    TooManyLines {
        /// How many.
        lines: usize,
    }, "too_many_lines",
        "the listing belongs to {lines} lines where at most 4 are allowed",
        "name fewer parents";
    /// Parents and the step between do not fit together.
    BadLineage {
        /// How.
        what: &'static str,
    }, "bad_lineage",
        "the lineage is not valid: {what}",
        "name every parent once, and say in words what was done to them";
    /// A listing would descend from itself.
    LineageCycle, "lineage_cycle",
        "the listing would descend from itself",
        "name what it was really made from";
    /// A listing descends from too many others.
    TooManyAncestors {
        /// The most.
        max: usize,
    }, "too_many_ancestors",
        "the listing descends from more than {max} others",
        "begin another line";
    /// A listing owes royalties to too many others.
    TooManyRoyalties {
        /// To how many.
        listings: usize,
    }, "too_many_royalties",
        "the listing owes royalties to {listings} others where at most 8 are allowed",
        "name fewer parents";
    /// The shares do not hold a royalty that is owed upstream.
    RoyaltyOwed {
        /// To which listing.
        listing: ListingId,
        /// In ten-thousandths.
        owed: u16,
        /// What the shares give.
        given: u16,
    }, "royalty_owed",
        "{given} basis points go to {listing}, to which {owed} are owed",
        "give that listing its share";
    /// A share goes to a listing to which nothing can be owed.
    NotUpstream {
        /// Which one.
        listing: ListingId,
    }, "not_upstream",
        "a share goes to {listing}, from which this listing does not derive",
        "pay an account instead, or name it as a parent in a new draft";
    /// A line has as many listings as are compared.
    LineFull {
        /// The line's first listing.
        line: ListingId,
    }, "line_full",
        "the line of {line} has 64 listings",
        "begin another line";
    /// The institution offers this package already.
    AlreadyListed, "already_listed",
        "the institution offers this package already",
        "revise or withdraw that listing";
    /// A dispute about the package was upheld.
    PackageRefunded, "package_refunded",
        "a dispute showed that the package is not what was listed",
        "pack and list it anew";
    /// There is no such listing.
    UnknownListing {
        /// Which one.
        listing: ListingId,
    }, "unknown_listing",
        "there is no listing of {listing}",
        "look at the list again";
    /// The registrars took the listing down.
    ListingTakenDown, "listing_taken_down",
        "the registrars took the listing down",
        "look at the reason that they gave";
    /// Closing a listing needs a reason.
    ReasonRequired, "reason_required",
        "no reason is given",
        "say in words why; it is recorded for everybody";
    /// All licences are sold.
    SoldOut {
        /// The most.
        max: u32,
    }, "sold_out",
        "all {max} licences of the package are sold or on the way",
        "wait for one to come back, or ask the institution";
    /// The listing is not live.
    ListingNotLive, "listing_not_live",
        "the listing takes no requests",
        "choose a live one";
    /// The listing is not a draft.
    NotDraft, "not_draft",
        "the listing is not a draft",
        "nothing is left to prove";
    /// The institution missed a delivery and has not signed since.
    ListingsStopped {
        /// The institution.
        institution: AccountId,
    }, "listings_stopped",
        "{institution} missed a delivery and takes no requests until it says that it is back",
        "wait";
    /// The institution's listings are not stopped.
    NotStopped, "not_stopped",
        "the institution's listings are not stopped",
        "nothing is left to do";
    /// The package has no such row block.
    UnknownBlock {
        /// The table.
        table: u32,
        /// The block.
        block: u32,
    }, "unknown_block",
        "the layout has no block {block} in table {table}",
        "prove the blocks that it has";
    /// The row block is proven already.
    BlockProven {
        /// The table.
        table: u32,
        /// The block.
        block: u32,
    }, "block_proven",
        "block {block} of table {table} is proven already",
        "prove the next one";
    /// The blinders of a row block bear no further opening.
    TooManyOpenings {
        /// The table.
        table: u32,
        /// The block.
        block: u32,
    }, "too_many_openings",
        "block {block} of table {table} was opened seven times, and an eighth could reveal cells",
        "pack again";
    /// There must be one leaf a column.
    LeafCount {
        /// Columns.
        expected: usize,
        /// Leaves.
        got: usize,
    }, "leaf_count",
        "{got} leaves for {expected} columns",
        "give one leaf a column, in order";
    /// A leaf contradicts the layout.
    LeafContradictsLayout {
        /// Which segment.
        segment: u64,
    }, "leaf_contradicts_layout",
        "the leaf of segment {segment} states another kind, width or number of rows than the layout",
        "pack again";
    /// Leaves do not stand where they should in the package's tree.
    LeavesNotInTree, "leaves_not_in_tree",
        "the leaves are not in the package's tree at their places",
        "use the package's own leaf list";
    /// A bundle does not prove the claims.
    BadBundle {
        /// Why.
        what: String,
    }, "bad_bundle",
        "the bundle does not prove the block's claims: {what}",
        "prove this block of this package again";
    /// The request speaks of another offer than the present one.
    OfferChanged {
        /// The present version.
        version: u32,
    }, "offer_changed",
        "version, price, tier or terms are not those of the present offer, version {version}",
        "look at it and request again";
    /// A newer version is live.
    Superseded {
        /// The newer package.
        by: PackageId,
    }, "superseded",
        "package {by} of the same institution is newer",
        "subscribe to the newest version, or renew under its offer";
    /// There is no such subscription.
    UnknownSubscription {
        /// Which one.
        subscription: DealId,
    }, "unknown_subscription",
        "deal {subscription} began no subscription",
        "check the id; a subscription begins when the dispute window of its first deal ends";
    /// The subscription has ended.
    SubscriptionEnded, "subscription_ended",
        "the subscription has ended",
        "buy the newest version";
    /// The package is no later version of what was subscribed to.
    NotInSubscription {
        /// Which one.
        listing: ListingId,
    }, "not_in_subscription",
        "{listing} does not supersede what was subscribed to",
        "claim a version of the same line, or buy it";
    /// The version was claimed already.
    AlreadyClaimed {
        /// By which deal.
        deal: DealId,
    }, "already_claimed",
        "the version was claimed by deal {deal}",
        "go on with that deal";
    /// The version was claimed too often.
    TooManyClaims {
        /// The most.
        max: u32,
    }, "too_many_claims",
        "the version was claimed {max} times",
        "claim another version, or buy this one";
    /// The subscription cannot be renewed.
    NotRenewable {
        /// Why.
        what: String,
    }, "not_renewable",
        "the subscription cannot be renewed: {what}",
        "look at the subscription and at the present offer";
    /// The allowance could not pay for the deal's own actions.
    AllowanceTooSmall {
        /// The least allowance.
        least: Amount,
        /// The one given.
        got: Amount,
    }, "allowance_too_small",
        "the fee allowance is {got} and must be at least {least}",
        "put that much aside; what is not used returns";
    /// There is no such deal.
    UnknownDeal {
        /// Which one.
        deal: DealId,
    }, "unknown_deal",
        "there is no deal {deal}",
        "check the id";
    /// The deal is at another stage.
    WrongStage {
        /// Which deal.
        deal: DealId,
        /// Its stage.
        is: Stage,
        /// The stage that the action needs.
        needs: Stage,
    }, "wrong_stage",
        "deal {deal} is {is}, and the action needs one that is {needs}",
        "look at the deal again";
    /// The deadline has passed.
    DeadlinePassed {
        /// Up-time of the deadline, in milliseconds.
        deadline_ms: u64,
    }, "deadline_passed",
        "the deadline at up-time {deadline_ms} ms has passed",
        "nothing can be done any more";
    /// The deal is another institution's.
    NotYourDeal {
        /// Which deal.
        deal: DealId,
    }, "not_your_deal",
        "deal {deal} is another institution's",
        "check the id";
    /// An envelope does not prove that it holds the key.
    BadEnvelope {
        /// Why.
        what: String,
    }, "bad_envelope",
        "the envelope does not prove that it holds the package's key for this deal: {what}",
        "prove it again";
    /// The package has no such segment.
    UnknownSegment {
        /// Which one.
        segment: u64,
    }, "unknown_segment",
        "the package has no segment {segment}",
        "check the number";
    /// The segment's key is not proven.
    BadSegmentKey {
        /// Why.
        what: String,
    }, "bad_segment_key",
        "the key is not proven to be that of the segment, for this deal: {what}",
        "prove it again";
    /// The bytes are not the ciphertext that the leaf speaks of.
    WrongCiphertext {
        /// Which segment.
        segment: u64,
    }, "wrong_ciphertext",
        "the bytes are not the ciphertext of segment {segment}",
        "fetch it again, from another place if need be";
    /// The segment is what was listed.
    DisputeUnfounded {
        /// Which segment.
        segment: u64,
    }, "dispute_unfounded",
        "segment {segment} is what was listed",
        "there is nothing to dispute";

    // ---- Standing requests ----

    /// There is no such standing request.
    UnknownStanding {
        /// Which one.
        standing: StandingId,
    }, "unknown_standing",
        "there is no standing request {standing}",
        "check the id";
    /// The standing request has ended.
    StandingEnded {
        /// Which one.
        standing: StandingId,
        /// Why.
        ending: Ending,
    }, "standing_ended",
        "standing request {standing} has ended: {ending}",
        "post another one";
    /// What is wanted is what no listing could have.
    BadWanted {
        /// Why.
        what: String,
    }, "bad_wanted",
        "no listing could have what is wanted: {what}",
        "ask for something else";
    /// The standing request lasts no time or too long.
    StandingTime {
        /// The longest, in milliseconds of up-time.
        max: u64,
    }, "standing_time",
        "a standing request lasts from 1 to {max} ms of up-time",
        "post it for a shorter time, and again later";
    /// Another period than the present one.
    WrongPeriod {
        /// The present one.
        period: u32,
        /// The one given.
        got: u32,
    }, "wrong_period",
        "the request is of period {got}, and this is period {period}",
        "post it again";
    /// The fee would come from a standing request that the transaction does not take back.
    FeeNotOfStanding {
        /// Which one.
        standing: StandingId,
    }, "fee_not_of_standing",
        "standing request {standing} pays for nothing but its own cancellation",
        "let an account pay";
    /// The credential that was shown with `ready` does not meet the deal's terms.
    NoLongerQualified {
        /// Which deal.
        deal: DealId,
    }, "no_longer_qualified",
        "the credential does not meet the terms of deal {deal}",
        "show one that does, or let the deal end";

    // ---- Genesis ----

    /// The genesis contradicts itself.
    BadGenesis {
        /// How.
        what: String,
    }, "bad_genesis",
        "the genesis is not valid: {what}",
        "correct the genesis";
}

#[cfg(test)]
mod tests {
    use super::TxError;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct() {
        let distinct: BTreeSet<_> = TxError::CODES.iter().collect();
        assert_eq!(distinct.len(), TxError::CODES.len());
    }

    #[test]
    fn what_is_wrong_and_what_to_do_are_two_things() {
        let what = "field `terms`: too long".to_owned();
        let error = TxError::Malformed { what };
        assert_eq!(error.what(), "the bytes are not a transaction: field `terms`: too long");
        assert_eq!(error.remedy(), "encode it with this version of the software");
        assert_eq!(error.to_string(), format!("{}: {}", error.what(), error.remedy()));
    }
}
