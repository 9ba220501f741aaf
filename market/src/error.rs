//! The rules, as the list of ways to break them: one variant a rule, each saying what is wrong and
//! what to do, each with a stable code for programs.

use galen_zk::field::Scalar;

use crate::amount::{Amount, AmountError, Asset, Currency};
use crate::id::{AccountId, DealId};
use crate::payment::Purse;
use crate::role::Role;
use crate::state::StateError;

macro_rules! rules {
    ($( $(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident : $type:ty),* $(,)? })? , $code:literal, $message:literal; )*) => {
        /// Why a transaction is refused. A refused transaction changes nothing.
        #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
        pub enum TxError {
            /// The state could not be read; not the transaction's fault.
            #[error(transparent)]
            State(#[from] StateError),
            /// Arithmetic on amounts left its range.
            #[error("{0}: use a smaller amount")]
            Amount(#[from] AmountError),
            $( $(#[$doc])* #[error($message)] $name $({ $($(#[$fdoc])* $field: $type),* })? , )*
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

            /// The codes of all rules.
            pub const CODES: &'static [&'static str] = &["state_unavailable", "amount_out_of_range", $($code),*];
        }
    };
}

rules! {
    // ---- Bytes and authorisation ----

    /// The bytes are not a canonical transaction.
    Malformed {
        /// What does not fit.
        what: String,
    }, "malformed", "the bytes are not a transaction: {what}; encode it with this version of the software";
    /// More bytes than a transaction may have.
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length.
        max: usize,
    }, "transaction_too_large", "the transaction has {bytes} bytes where at most {max} are allowed: split its actions";
    /// It was made for another ledger.
    WrongChain, "wrong_chain", "the transaction was made for another ledger: sign it again with this ledger's chain id";
    /// It holds no action.
    NoActions, "no_actions", "the transaction holds no action: add one";
    /// Its expiry has passed.
    Expired {
        /// Expiry in milliseconds since 1970.
        expiry_ms: u64,
        /// Time of the block.
        now_ms: u64,
    }, "expired", "the transaction expired at {expiry_ms} and it is {now_ms}: sign it again with a later expiry";
    /// Its expiry is further away than the ledger keeps ids.
    ExpiryTooFar {
        /// The latest expiry allowed now.
        latest_ms: u64,
    }, "expiry_too_far", "the transaction's expiry must be at most {latest_ms}: sign it again with an earlier expiry";
    /// Only a lone delivery may go without an expiry.
    ExpiryRequired, "expiry_required", "only a transaction that holds one delivery and nothing else may have no expiry: set one";
    /// It was executed already.
    Duplicate, "duplicate", "this transaction was executed already: nothing is left to do";
    /// A signature does not verify.
    BadSignature {
        /// Whose signature.
        account: AccountId,
    }, "bad_signature", "the signature of {account} does not verify: sign exactly this transaction";
    /// One account or key signs twice.
    SignedTwice {
        /// Which one.
        account: AccountId,
    }, "signed_twice", "{account} signs more than once: keep one signature";
    /// A nonce that was used.
    NonceUsed {
        /// Whose nonce.
        account: AccountId,
        /// The next one.
        expected: u64,
        /// The one given.
        got: u64,
    }, "nonce_used", "nonce {got} of {account} was used already: sign again with {expected}";
    /// A nonce further on than the next one.
    NonceGap {
        /// Whose nonce.
        account: AccountId,
        /// The next one.
        expected: u64,
        /// The one given.
        got: u64,
    }, "nonce_gap", "nonce {got} of {account} is too high: send the transaction with nonce {expected} first";
    /// Nobody with the right to it authorised the action.
    Unauthorised {
        /// Who must sign.
        needs: String,
    }, "unauthorised", "the action is not authorised: it needs {needs}";
    /// A party does not have the role, or is suspended in it.
    NotActive {
        /// Which role.
        role: Role,
        /// Whose.
        account: AccountId,
    }, "role_not_active", "{account} is not an active {role}: ask the registrars to admit it";
    /// Fewer registrars signed than are needed.
    RegistrarsNeeded {
        /// How many must sign.
        needs: u32,
        /// How many did.
        signed: u32,
    }, "registrars_needed", "{needs} registrars must sign and {signed} did: collect more signatures";

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
    }, "insufficient_funds", "{purse} holds {has} {asset} where {needs} are needed: add funds";
    /// An amount of zero where it says nothing.
    ZeroAmount, "zero_amount", "an amount of zero moves nothing: give a positive amount";
    /// The currency is not one of this ledger.
    UnknownCurrency {
        /// Its name.
        currency: Currency,
    }, "unknown_currency", "there is no currency {currency} on this ledger: use one that genesis names";
    /// The gateway is not the gateway of this currency.
    WrongGateway {
        /// The currency.
        currency: Currency,
    }, "wrong_gateway", "the gateway does not stand for {currency}: only a gateway admitted for it makes or destroys it";
    /// The fee is above the limit that the transaction states.
    FeeAboveLimit {
        /// The fee in minor units.
        fee: Amount,
        /// The limit stated.
        limit: Amount,
    }, "fee_above_limit", "the fee is {fee} and the transaction allows {limit}: sign it again with a higher limit";
    /// A deal pays fees for its own single action only.
    FeeNotOfDeal {
        /// The deal that would pay.
        deal: DealId,
    }, "fee_not_of_deal", "deal {deal} pays for a transaction that holds one action of that deal and nothing else: let an account pay";
    /// The payer of the fee did not sign.
    PayerDidNotSign {
        /// The payer.
        account: AccountId,
    }, "payer_did_not_sign", "the fee's payer {account} did not sign: add its signature";

    // ---- Parties ----

    /// The party has the role already.
    AlreadyAdmitted {
        /// Which role.
        role: Role,
    }, "already_admitted", "the account is an active {role} already: nothing is left to do";
    /// The party is not registered in the role.
    UnknownParty {
        /// Which role.
        role: Role,
    }, "unknown_party", "the account is not registered as {role}: admit it first";
    /// The party is suspended already.
    AlreadySuspended, "already_suspended", "the party is suspended already: nothing is left to do";
    /// A name is empty.
    EmptyName, "empty_name", "a party needs a name: give one";
    /// Stake below the least that a validator bonds.
    StakeTooLow {
        /// The least stake.
        min: Amount,
    }, "stake_too_low", "a validator bonds at least {min} stake: bond more, or unbond everything";
    /// The consensus key belongs to another validator.
    ConsensusKeyTaken, "consensus_key_taken", "another validator votes with this consensus key: make a new key";
    /// A new validator names no consensus key, or an old one another.
    ConsensusKeyRequired, "consensus_key_required", "a new validator names its consensus key once: give it, and leave it as it is later";
    /// The account is no validator.
    NotValidator, "not_validator", "the account is not a validator: bond stake first";
    /// The last validator cannot leave.
    LastValidator, "last_validator", "the last validator cannot leave: let another one bond first";
    /// No unbonded stake is free yet.
    NothingUnbonded, "nothing_unbonded", "no stake is free yet: wait until the unbonding time has passed";

    // ---- Credentials ----

    /// No leaf is given.
    NoLeaves, "no_leaves", "the list of leaves is empty: name at least one";
    /// The leaf zero means an empty place.
    ZeroLeaf, "zero_leaf", "the leaf zero stands for an empty place: compute the credential's leaf";
    /// The leaf is in the tree already.
    DuplicateLeaf {
        /// The leaf.
        leaf: Scalar,
    }, "duplicate_leaf", "leaf {leaf} is in the tree already: a person has one live leaf";
    /// The tree has no free place.
    TreeFull, "tree_full", "the issuer's tree is full: use another issuer account";
    /// There is no live leaf in this place.
    NoSuchLeaf {
        /// The place.
        index: u64,
    }, "no_such_leaf", "place {index} holds no live leaf: look at the leaf list again";
    /// The leaf is marked for revocation already.
    AlreadyRevoked {
        /// The place.
        index: u64,
    }, "already_revoked", "the leaf in place {index} is marked for revocation already: it goes at the next epoch";
    /// Too many leaves are marked in one epoch.
    TooManyRevocations {
        /// The most.
        max: u32,
    }, "too_many_revocations", "at most {max} leaves are marked in one epoch: mark the rest in the next one";
    /// No credential was shown where one is needed.
    CredentialRequired, "credential_required", "the action needs a credential: present one";
    /// A credential was shown where none is used.
    CredentialNotUsed, "credential_not_used", "no action of the transaction uses the credential: leave it out";
    /// A transaction uses its credential for one action.
    CredentialUsedTwice, "credential_used_twice", "a credential authorises one action of a transaction: split the transaction";
    /// The proof of a credential does not verify.
    BadCredentialProof, "bad_credential_proof", "the credential's proof does not verify for this transaction: prove it again";
    /// A root is none that the issuer's tree had lately.
    UnknownRoot {
        /// The issuer.
        issuer: AccountId,
    }, "unknown_root", "the root is not a current one of issuer {issuer}: download its leaf list and prove again";
    /// The proof speaks of another day.
    WrongDay {
        /// Today, in days since 1970.
        today: u32,
        /// The day of the proof.
        got: u32,
    }, "wrong_day", "the credential was proven for day {got} and it is day {today}: prove it again";
    /// The nullifier was accepted before.
    NullifierUsed, "nullifier_used", "this use of the credential is spent: use the next one, below the limit for this offer";
    /// The limit of uses is not the ledger's.
    WrongLimit {
        /// The ledger's limit.
        expected: u64,
    }, "wrong_limit", "the credential was proven for another limit of uses than {expected}: prove it again";

    // ---- Listings and deals ----

    // ---- Genesis ----

    /// The genesis contradicts itself.
    BadGenesis {
        /// How.
        what: String,
    }, "bad_genesis", "the genesis is not valid: {what}";
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
}
