//! The ledger's state machine: bytes to checked transactions, and checked transactions to changes.
//!
//! [`Ledger::check`] needs no state and does all that is costly: signatures and the credential's
//! proof. Everything that needs the state is checked and executed in one step, so that nothing
//! changes between the two. A block runs what is due first, then its transactions; each of these
//! changes either everything it says or nothing.

mod block;
mod cache;
mod preverify;

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::keys::Verifier;
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

pub use cache::ProofCache;
pub(crate) use preverify::Check;

use crate::amount::Money;
use crate::error::TxError;
use crate::event::Event;
use crate::genesis::{Genesis, Network, Parameters};
use crate::id::{ChainId, Digest, Hasher, TransactionId};
use crate::identity::presentation::ProvenCredential;
use crate::identity::validator::ValidatorInfo;
use crate::identity::{tree, validator};
use crate::state::{Changes, StateError, StateRead};
use crate::state_key;
use crate::transaction::Transaction;

use cache::CheckedCache;

/// Where a block stands.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct BlockContext {
    /// Height: one more than its parent's.
    pub height: u64,
    /// Time that its proposer gave it, in milliseconds since 1970; greater than its parent's.
    pub time_ms: u64,
}

/// Why a block is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockError {
    /// The state could not be read; not the block's fault.
    #[error(transparent)]
    State(#[from] StateError),
    /// One of its transactions does not execute.
    #[error("transaction {index} of the block does not execute: {error}")]
    Transaction {
        /// Its place, from 0.
        index: usize,
        /// Why.
        error: TxError,
    },
    /// It does not follow the last block.
    #[error("the block has height {got} where {expected} follows")]
    Height {
        /// The next height.
        expected: u64,
        /// The block's.
        got: u64,
    },
    /// Its time is not after its parent's.
    #[error("the block's time {got} is not after its parent's {parent}")]
    Time {
        /// The parent's time.
        parent: u64,
        /// The block's.
        got: u64,
    },
    /// Its transactions are too large together.
    #[error("the block's transactions have {bytes} bytes where at most {max} are allowed")]
    TooLarge {
        /// Their bytes.
        bytes: u64,
        /// The most.
        max: u64,
    },
    /// Its transactions take too long to verify together.
    #[error(
        "the block's transactions take {units} verification units where at most {max} are allowed"
    )]
    TooCostly {
        /// Their verification units.
        units: u64,
        /// The most.
        max: u64,
    },
}

/// What a transaction did.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Receipt {
    /// The transaction.
    pub transaction: TransactionId,
    /// The fee that was taken.
    pub fee: Money,
    /// What happened.
    pub events: Vec<Event>,
}

/// What a block did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Executed {
    /// What it changes.
    pub changes: Changes,
    /// One receipt a transaction, in order.
    pub receipts: Vec<Receipt>,
    /// Everything that happened: what was due, then the transactions' events.
    pub events: Vec<Event>,
}

/// A transaction whose bytes, signatures and credential were checked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CheckedTransaction(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    transaction: Transaction,
    bytes: Vec<u8>,
    hash: Digest,
    id: TransactionId,
    credential: Option<ProvenCredential>,
}

impl CheckedTransaction {
    /// Its name, which no signature and no proof byte changes.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.0.id
    }

    /// Its bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// A hash of all its bytes, proofs and signatures too: the key for caches.
    #[must_use]
    pub fn bytes_hash(&self) -> Digest {
        self.0.hash
    }

    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.0.transaction
    }

    /// The last block time at which it may be executed, in milliseconds since 1970.
    #[must_use]
    pub fn expiry_ms(&self) -> u64 {
        self.0.transaction.expiry_ms
    }

    /// Whether blocks keep room for it.
    #[must_use]
    pub fn is_delivery_or_dispute(&self) -> bool {
        self.0.transaction.is_delivery_or_dispute()
    }
}

#[cfg(feature = "testing")]
impl CheckedTransaction {
    /// A transaction whose signatures and credential nobody verified, for tests.
    pub(crate) fn trusted(transaction: Transaction, credential: Option<ProvenCredential>) -> Self {
        let (id, bytes) = (transaction.id(), transaction.encode());
        let hash = Hasher::new("galen/transaction-bytes").part(&bytes).digest();
        Self(Arc::new(Checked { transaction, bytes, hash, id, credential }))
    }
}

impl PartialEq for CheckedTransaction {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for CheckedTransaction {}

/// The rules of one ledger. Immutable and cheap to clone; the state is always given.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    chain: ChainId,
    network: Network,
    opener: JubPoint,
    verifier: Verifier,
    proofs: ProofCache,
    checked: CheckedCache,
}

impl Ledger {
    /// The rules of the ledger that starts from a genesis.
    ///
    /// # Errors
    /// [`TxError::BadGenesis`].
    pub fn new(genesis: &Genesis, verifier: Verifier) -> Result<Self, TxError> {
        genesis.check()?;
        let bad = |what: &str| Err(TxError::BadGenesis { what: what.to_owned() });
        if genesis.network == Network::Production && verifier.is_forgeable() {
            return bad("a production network does not take parameters from a public seed");
        }
        if genesis.proving_parameters.0 != verifier.parameters_hash() {
            return bad("it names other proving parameters than this software has");
        }
        Ok(Self(Arc::new(Inner {
            chain: genesis.chain(),
            network: genesis.network,
            opener: genesis.opener,
            verifier,
            proofs: ProofCache::default(),
            checked: CheckedCache::default(),
        })))
    }

    /// The ledger's name.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.0.chain
    }

    /// Development or production.
    #[must_use]
    pub fn network(&self) -> Network {
        self.0.network
    }

    /// The key to which holders of credentials are encrypted.
    #[must_use]
    pub fn opener(&self) -> &JubPoint {
        &self.0.opener
    }

    /// Verifies proofs of this ledger.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Decodes a transaction and checks all that needs no state: bounds, signatures, and the
    /// credential's proof. Successes are remembered under a hash of all bytes.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, bytes: &[u8]) -> Result<CheckedTransaction, TxError> {
        let max = crate::transaction::MAX_TRANSACTION_BYTES;
        if bytes.len() > max {
            return Err(TxError::TooLarge { bytes: bytes.len(), max });
        }
        let hash = Hasher::new("galen/transaction-bytes").part(bytes).digest();
        if let Some(checked) = self.0.checked.find(&hash) {
            return Ok(checked);
        }
        let transaction = Transaction::decode(bytes)?;
        transaction.check(self.0.chain)?;
        let credential = self.check_credential(&transaction)?;
        let id = transaction.id();
        let bytes = bytes.to_vec();
        let checked =
            CheckedTransaction(Arc::new(Checked { transaction, bytes, hash, id, credential }));
        self.0.checked.remember(checked.clone());
        Ok(checked)
    }

    /// Takes what a proof says for verified, for tests.
    #[cfg(feature = "testing")]
    pub(crate) fn remember(&self, statement: Digest) {
        self.0.proofs.remember(statement, Arc::from([]));
    }

    fn check_credential(
        &self,
        transaction: &Transaction,
    ) -> Result<Option<ProvenCredential>, TxError> {
        let Some(presentation) = &transaction.authorization.credential else { return Ok(None) };
        let scope =
            transaction.actions.iter().find_map(|action| action.credential_scope(self.0.chain));
        let scope = scope.ok_or(TxError::CredentialNotUsed)?;
        let message = transaction.message();
        presentation.verify(&self.0.verifier, &self.0.opener, scope, &message).map(Some)
    }

    /// When the next block is due although no transaction waits: up-time in milliseconds of the next
    /// deadline or batch of revocations, or of the first thing to be matched. (A quiet ledger makes a block every `max_idle_ms` anyway.)
    ///
    /// # Errors
    /// When the state fails.
    pub fn next_deadline(&self, state: &dyn StateRead) -> Result<Option<u64>, StateError> {
        let epoch_ms = parameters(state)?.revoke_epoch_ms;
        let revocation = tree::next_revocation(state, epoch_ms)?;
        let deadline = crate::deadline::next(state)?;
        let matching = crate::wanted::next(state)?;
        Ok([revocation, deadline, matching].into_iter().flatten().min())
    }

    /// The validators of the next block.
    ///
    /// # Errors
    /// When the state fails.
    pub fn validators(&self, state: &dyn StateRead) -> Result<Vec<ValidatorInfo>, StateError> {
        validator::validators(state)
    }
}

/// The parameters in force.
///
/// # Errors
/// When the state fails or holds no genesis.
pub fn parameters(state: &dyn StateRead) -> Result<Parameters, StateError> {
    state_key::read(state, &state_key::parameters())?
        .ok_or_else(|| StateError("the state holds no genesis".to_owned()))
}
