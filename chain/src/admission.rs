//! The way of a transaction into the mempool: checks that need no state, with their results kept,
//! then a dry run on the state, then the journal. What is acknowledged is on the disk.

use crate::execute::{Application, BlockContext, Checked, TransactionId};
use crate::mempool::{Fate, Limits, Mempool, MempoolError};
use crate::store::{Dropped, Pending, Snapshot, Store, StoreError};
use galen_market::state::StateError;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Results of checks that are kept, and the bytes of transactions among them.
const REMEMBERED_CHECKS: usize = 4096;
const REMEMBERED_BYTES: usize = 64 << 20;
/// After this long a promised transaction that cannot be executed is given up, whatever its expiry.
const GIVE_UP_MS: u64 = 24 * 3600 * 1000;
/// Transactions that a newcomer may depend on.
const DEPENDS_ON: usize = 256;

/// A transaction is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError<E> {
    /// It breaks a rule of the ledger.
    #[error(transparent)]
    Refused(E),
    /// The mempool has no place for it.
    #[error(transparent)]
    Mempool(#[from] MempoolError),
    /// It is part of a decided block.
    #[error("the transaction is final already, in block {0}")]
    Final(u64),
    /// The node could not write it down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// It could be read but perhaps not executed in time.
    #[error("the delivery may come too late, and a node shows no such delivery to others")]
    TooLate,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}

/// The present, milliseconds since 1970, by this node's clock.
pub fn clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The block that would follow a snapshot now.
pub fn next_block(snapshot: &Snapshot) -> BlockContext {
    BlockContext {
        height: snapshot.height().saturating_add(1),
        time_ms: clock_ms().max(snapshot.time_ms().saturating_add(1)),
    }
}

/// Results of checks by the hash of *all* bytes: two transactions of one name may differ in their
/// proofs, and a bad proof must not speak for a good one.
struct Checks<A: Application> {
    results: BTreeMap<[u8; 32], Result<A::Transaction, A::Error>>,
    order: VecDeque<[u8; 32]>,
    bytes: usize,
}

/// How far apart transactions are tried that are [costly](Application::costly) for the same reason,
/// and for how many reasons at a time.
const COSTLY_APART: Duration = Duration::from_secs(3);
const COSTLY_AT_A_TIME: usize = 1024;

/// When costly transactions were tried last.
#[derive(Default)]
struct Costly(BTreeMap<[u8; 32], Instant>);

impl Costly {
    /// Whether it may be tried now; if so it counts.
    fn may_try(&mut self, reason: [u8; 32], now: Instant) -> bool {
        self.0.retain(|_, at| now.saturating_duration_since(*at) < COSTLY_APART);
        if self.0.len() >= COSTLY_AT_A_TIME || self.0.contains_key(&reason) {
            return false;
        }
        self.0.insert(reason, now);
        true
    }
}

/// Everything between a submitter and the next block.
pub struct Admission<A: Application> {
    application: Arc<A>,
    store: Arc<Store>,
    mempool: Mutex<Mempool<A::Transaction>>,
    checks: Mutex<Checks<A>>,
    costly: Mutex<Costly>,
    last_promise_ms: Mutex<u64>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Application> Admission<A> {
    /// Takes up what the journal holds from before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(application: Arc<A>, store: Arc<Store>, limits: Limits) -> Result<Self, StoreError> {
        let checks = Checks { results: BTreeMap::new(), order: VecDeque::new(), bytes: 0 };
        let admission = Self {
            application,
            store,
            mempool: Mutex::new(Mempool::new(limits)),
            checks: Mutex::new(checks),
            costly: Mutex::default(),
            last_promise_ms: Mutex::new(0),
        };
        admission.store.forget_dropped(clock_ms())?;
        let now = next_block(&admission.store.snapshot());
        let mut dropped = Vec::new();
        let mut journal = admission.store.pending()?;
        // In the order in which they came, as one may depend on another.
        journal.sort_by_key(|(_, pending)| pending.since_ms);
        for (id, pending) in journal {
            let result = match admission.check(&pending.bytes) {
                Ok(transaction) => locked(&admission.mempool)
                    .insert(transaction, Some(pending.since_ms), now)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = result {
                dropped.push((id, Dropped { reason, at_ms: clock_ms() }));
            }
        }
        admission.store.drop_pending(&dropped)?;
        admission.revise()?;
        Ok(admission)
    }

    /// All checks that need no state; those done before are not done again.
    ///
    /// # Errors
    /// The rule that the transaction breaks.
    pub fn check(&self, bytes: &[u8]) -> Result<A::Transaction, A::Error> {
        let key: [u8; 32] = Sha256::digest(bytes).into();
        if let Some(result) = locked(&self.checks).results.get(&key) {
            return result.clone();
        }
        let result = self.application.check(bytes);
        let size = |result: &Result<A::Transaction, A::Error>| {
            result.as_ref().map_or(0, |t| t.bytes().len())
        };
        let mut checks = locked(&self.checks);
        if checks.results.insert(key, result.clone()).is_none() {
            checks.order.push_back(key);
            checks.bytes += size(&result);
        }
        while checks.order.len() > REMEMBERED_CHECKS || checks.bytes > REMEMBERED_BYTES {
            let Some(oldest) = checks.order.pop_front() else { break };
            if let Some(result) = checks.results.remove(&oldest) {
                checks.bytes = checks.bytes.saturating_sub(size(&result));
            }
        }
        result
    }

    /// Checks, tries and takes in a transaction; `promised` ones are on the disk when this returns.
    ///
    /// # Errors
    /// When it breaks a rule, there is no place for it or it cannot be written down.
    pub fn submit(
        &self,
        bytes: &[u8],
        promised: bool,
    ) -> Result<TransactionId, SubmitError<A::Error>> {
        let transaction = self.check(bytes).map_err(SubmitError::Refused)?;
        let id = transaction.id();
        if let Some((height, _)) = self.store.transaction(&id)? {
            return Err(SubmitError::Final(height));
        }
        let snapshot = self.store.snapshot();
        let now = next_block(&snapshot);
        // A name leaves proofs out: what waits was tried on the state, other bytes of its name were not.
        let known = locked(&self.mempool).get(&id).cloned();
        let transaction = match known {
            Some(known) if promised => known,
            Some(known) if known.bytes() != transaction.bytes() => {
                return Err(MempoolError::OtherProof.into());
            }
            Some(known) if !self.application.may_offer(&*snapshot, now, &known)? => {
                return Err(SubmitError::TooLate);
            }
            Some(known) => known,
            None => {
                self.afford(&snapshot, &transaction)?;
                self.admit(&snapshot, now, &transaction)?;
                if !self.application.may_offer(&*snapshot, now, &transaction)? {
                    return Err(SubmitError::TooLate);
                }
                transaction
            }
        };
        let since_ms = promised.then(|| self.next_promise_ms());
        let remember = || match since_ms {
            Some(since_ms) if !self.store.is_pending(&id)? => self
                .store
                .remember_pending(&id, &Pending { since_ms, bytes: transaction.bytes().to_vec() }),
            _ => Ok(()),
        };
        let inserted = locked(&self.mempool).insert(transaction.clone(), since_ms, now);
        match inserted {
            // Whoever sends the same once more gets the same promise.
            Err(MempoolError::Duplicate) if promised => remember()?,
            Err(error) => return Err(error.into()),
            Ok(()) => {
                if let Err(error) = remember() {
                    locked(&self.mempool).forget(&id);
                    return Err(error.into());
                }
            }
        }
        // A block may have been decided in between, with this transaction in it: even better.
        if self.store.transaction(&id)?.is_some() {
            locked(&self.mempool).forget(&id);
            self.store.forget_final(&id)?;
        }
        Ok(id)
    }

    /// Whether it is time to try a transaction on the state; if so it counts as tried.
    ///
    /// # Errors
    /// [`MempoolError::TooSoon`], or when the state cannot be read.
    pub fn afford(
        &self,
        snapshot: &Snapshot,
        transaction: &A::Transaction,
    ) -> Result<(), SubmitError<A::Error>> {
        match self.application.costly(snapshot, transaction)? {
            Some(reason) if !locked(&self.costly).may_try(reason, Instant::now()) => {
                Err(MempoolError::TooSoon.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether these bytes wait, and may be shown to other nodes now.
    pub fn may_publish(&self, bytes: &[u8]) -> bool {
        let Ok(transaction) = self.check(bytes) else { return false };
        let same = |known: &A::Transaction| known.bytes() == bytes;
        if !locked(&self.mempool).get(&transaction.id()).is_some_and(same) {
            return false;
        }
        let snapshot = self.store.snapshot();
        let now = next_block(&snapshot);
        self.application.may_offer(&*snapshot, now, &transaction).unwrap_or(false)
    }

    /// The present, but later than any promise before, so that the journal keeps their order.
    fn next_promise_ms(&self) -> u64 {
        let mut last = locked(&self.last_promise_ms);
        *last = clock_ms().max(last.saturating_add(1));
        *last
    }

    /// Whether the transaction could be executed on the state, or on it after those that wait. A
    /// block that is decided meanwhile takes away what it may depend on, so that only a refusal by
    /// the last state counts; evidence alone is not looked at twice.
    fn admit(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        transaction: &A::Transaction,
    ) -> Result<(), SubmitError<A::Error>> {
        let Err(refused) = self.admit_on(snapshot, now, transaction) else { return Ok(()) };
        let last = self.store.snapshot();
        let costly = self.application.costly(&*last, transaction)?.is_some();
        if costly || last.height() == snapshot.height() {
            return Err(refused);
        }
        self.admit(&last, next_block(&last), transaction)
    }

    /// Whether the transaction could be executed on this state, or on it after those that wait.
    fn admit_on(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        transaction: &A::Transaction,
    ) -> Result<(), SubmitError<A::Error>> {
        let Err(error) = self.application.admit(snapshot, now, transaction) else { return Ok(()) };
        // Refused evidence is not looked at twice; it speaks of what was decided before.
        if self.application.is_hopeless(&error)
            || self.application.costly(snapshot, transaction)?.is_some()
        {
            return Err(SubmitError::Refused(error));
        }
        let mut candidates = locked(&self.mempool).candidates(crate::block::MAX_TRANSACTION_BYTES);
        if candidates.is_empty() || candidates.len() > DEPENDS_ON {
            return Err(SubmitError::Refused(error));
        }
        candidates.push(transaction.clone());
        let chosen = self.application.propose(snapshot, now, &candidates, usize::MAX)?;
        if chosen.iter().any(|chosen| chosen.id() == transaction.id()) {
            Ok(())
        } else {
            Err(SubmitError::Refused(error))
        }
    }

    /// Those waiting transactions that can make up the next block.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn propose(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
    ) -> Result<Vec<A::Transaction>, StateError> {
        let candidates = locked(&self.mempool).candidates(crate::block::MAX_TRANSACTION_BYTES);
        let mut chosen = self.application.propose(
            snapshot,
            now,
            &candidates,
            crate::block::MAX_TRANSACTION_BYTES,
        )?;
        chosen.truncate(crate::block::MAX_TRANSACTIONS);
        Ok(chosen)
    }

    /// Goes over the mempool after a block, or when time has passed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revise(&self) -> Result<(), StoreError> {
        let snapshot = self.store.snapshot();
        let now = next_block(&snapshot);
        let mut failure = None;
        let dropped = locked(&self.mempool).revise(|transaction, promised| {
            match self.store.transaction(&transaction.id()) {
                Ok(Some(_)) => return Fate::Final,
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
            match self.application.admit(&*snapshot, now, transaction) {
                _ if transaction.expired(now) => Fate::Hopeless(MempoolError::Expired.to_string()),
                Ok(()) => Fate::Ready,
                Err(error) => {
                    let given_up = promised
                        .is_some_and(|since| since.saturating_add(GIVE_UP_MS) < now.time_ms);
                    if given_up || self.application.is_hopeless(&error) {
                        Fate::Hopeless(error.to_string())
                    } else {
                        Fate::NotNow
                    }
                }
            }
        });
        if let Some(error) = failure {
            return Err(error);
        }
        let at_ms = clock_ms();
        let dropped: Vec<_> =
            dropped.into_iter().map(|(id, reason)| (id, Dropped { reason, at_ms })).collect();
        if dropped.is_empty() { Ok(()) } else { self.store.drop_pending(&dropped) }
    }

    /// Whether a block made now would have transactions.
    pub fn has_ready(&self) -> bool {
        locked(&self.mempool).has_ready()
    }

    /// Number and bytes of the waiting transactions.
    pub fn size(&self) -> (usize, usize) {
        let mempool = locked(&self.mempool);
        (mempool.len(), mempool.bytes())
    }

    /// Whether a transaction waits.
    pub fn contains(&self, id: &TransactionId) -> bool {
        locked(&self.mempool).contains(id)
    }

    /// Bytes of waiting transactions to offer to peers.
    pub fn offers(&self, bytes: usize) -> Vec<Vec<u8>> {
        let snapshot = self.store.snapshot();
        let now = next_block(&snapshot);
        let candidates = locked(&self.mempool).candidates(bytes);
        let may =
            |t: &A::Transaction| self.application.may_offer(&*snapshot, now, t).unwrap_or(false);
        candidates.into_iter().filter(may).map(|transaction| transaction.bytes().to_vec()).collect()
    }

    /// The rules.
    pub fn application(&self) -> &A {
        &self.application
    }
}

#[cfg(test)]
mod tests;
