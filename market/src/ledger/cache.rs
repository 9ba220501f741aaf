//! Bounded memories of costly checks that succeeded. Keys are hashes of the whole statement and of
//! every byte of the proof, so that a bad proof never answers for a good one; failures are not
//! remembered. What is remembered never changes a result, only how soon it is known.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use galen_zk::point::G1Point;

use super::CheckedTransaction;
use crate::error::TxError;
use crate::id::Digest;

/// The most proofs, and commitments of theirs, that are remembered.
const MAX_PROOFS: usize = 16_384;
/// The most bytes of checked transactions that are remembered.
const MAX_CHECKED_BYTES: usize = 64 * 1024 * 1024;

/// Values by hash, oldest out first, bounded by their weight.
struct Fifo<V> {
    values: BTreeMap<Digest, (V, usize)>,
    order: VecDeque<Digest>,
    weight: usize,
    max: usize,
}

impl<V: Clone> Fifo<V> {
    const fn new(max: usize) -> Self {
        Self { values: BTreeMap::new(), order: VecDeque::new(), weight: 0, max }
    }

    fn insert(&mut self, key: Digest, value: V, weight: usize) {
        if self.values.insert(key, (value, weight)).is_some() {
            return;
        }
        self.order.push_back(key);
        self.weight = self.weight.saturating_add(weight);
        while self.weight > self.max {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((_, weight)) = self.values.remove(&oldest) {
                self.weight = self.weight.saturating_sub(weight);
            }
        }
    }
}

fn lock<V>(fifo: &Mutex<Fifo<V>>) -> MutexGuard<'_, Fifo<V>> {
    // A panic while the lock was held leaves at worst a wrong weight.
    fifo.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Proofs that verified, each with the commitments that it speaks of and its user goes on with.
pub struct ProofCache(Mutex<Fifo<Arc<[G1Point]>>>);

impl Default for ProofCache {
    fn default() -> Self {
        Self(Mutex::new(Fifo::new(MAX_PROOFS)))
    }
}

impl ProofCache {
    /// Runs a verification unless it succeeded before under the same key.
    ///
    /// # Errors
    /// What the verification returns.
    pub fn verify_once(
        &self,
        key: Digest,
        verify: impl FnOnce() -> Result<Vec<G1Point>, TxError>,
    ) -> Result<Arc<[G1Point]>, TxError> {
        if let Some((known, _)) = lock(&self.0).values.get(&key) {
            return Ok(Arc::clone(known));
        }
        let verified: Arc<[G1Point]> = verify()?.into();
        self.remember(key, Arc::clone(&verified));
        Ok(verified)
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).values.len()
    }

    /// Whether a verification succeeded under a key.
    pub(super) fn knows(&self, key: &Digest) -> bool {
        lock(&self.0).values.contains_key(key)
    }

    pub(super) fn remember(&self, key: Digest, verified: Arc<[G1Point]>) {
        let weight = verified.len().saturating_add(1);
        lock(&self.0).insert(key, verified, weight);
    }
}

/// Transactions that were checked.
pub(super) struct CheckedCache(Mutex<Fifo<CheckedTransaction>>);

impl Default for CheckedCache {
    fn default() -> Self {
        Self(Mutex::new(Fifo::new(MAX_CHECKED_BYTES)))
    }
}

impl CheckedCache {
    pub(super) fn find(&self, hash: &Digest) -> Option<CheckedTransaction> {
        lock(&self.0).values.get(hash).map(|(checked, _)| checked.clone())
    }

    pub(super) fn remember(&self, checked: CheckedTransaction) {
        let weight = checked.bytes().len().saturating_mul(2).saturating_add(512);
        lock(&self.0).insert(checked.bytes_hash(), checked, weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Digest {
        Digest([n; 32])
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut fifo = Fifo::new(2);
        for n in 0..3 {
            fifo.insert(key(n), n, 1);
        }
        assert!(!fifo.values.contains_key(&key(0)));
        assert!(fifo.values.contains_key(&key(2)));
        assert_eq!((fifo.weight, fifo.order.len()), (2, 2));
    }

    #[test]
    fn failures_are_not_remembered() {
        let cache = ProofCache::default();
        let bad = cache.verify_once(key(1), || Err(TxError::BadCredentialProof));
        assert_eq!(bad, Err(TxError::BadCredentialProof));
        assert!(cache.verify_once(key(1), || Ok(Vec::new())).is_ok());
        assert!(cache.verify_once(key(1), || Err(TxError::BadCredentialProof)).is_ok());
    }
}
