//! Transactions that wait for a block. A synchronous state machine: bounded in number and bytes,
//! each transaction once, no sender more than a share, and a part kept free for deliveries and
//! disputes.

use crate::execute::{BlockContext, Checked, TransactionId};
use std::collections::BTreeMap;

/// How much a mempool holds.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Transactions in all.
    pub transactions: usize,
    /// Their bytes in all.
    pub bytes: usize,
    /// Transactions of one sender.
    pub of_one_sender: usize,
    /// The share, in percent of both totals, that only deliveries and disputes may use.
    pub reserved_percent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { transactions: 5_000, bytes: 32 << 20, of_one_sender: 64, reserved_percent: 20 }
    }
}

/// Why a transaction is not taken in.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MempoolError {
    /// It is waiting already.
    #[error("the transaction is pending already")]
    Duplicate,
    /// Another proof of what is waiting already.
    #[error("the transaction is pending already, with other proof bytes")]
    OtherProof,
    /// It can no longer be part of a block.
    #[error("the transaction has expired")]
    Expired,
    /// Its like was tried a moment ago.
    #[error("evidence for this deal was looked at a moment ago")]
    TooSoon,
    /// Its sender has too many waiting.
    #[error("this sender has too many pending transactions")]
    SenderFull,
    /// There is no room.
    #[error("the node has too many pending transactions")]
    Full,
}

impl MempoolError {
    /// What to do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Duplicate | Self::OtherProof => "wait until it is final",
            Self::Expired => "sign it again with a later expiry",
            Self::TooSoon => "try again in a few seconds",
            Self::SenderFull => "wait until some are final",
            Self::Full => "try again later, or use another node",
        }
    }
}

struct Waiting<T> {
    transaction: T,
    /// Since when this node has promised to offer it, if it has: milliseconds since 1970.
    promised: Option<u64>,
    /// Whether it could be executed when it was last tried.
    ready: bool,
}

/// The waiting transactions, in the order of their arrival.
pub struct Mempool<T> {
    limits: Limits,
    waiting: BTreeMap<u64, Waiting<T>>,
    by_id: BTreeMap<TransactionId, u64>,
    of_sender: BTreeMap<[u8; 32], usize>,
    bytes: usize,
    next: u64,
}

impl<T: Checked> Mempool<T> {
    /// An empty mempool.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: BTreeMap::new(),
            by_id: BTreeMap::new(),
            of_sender: BTreeMap::new(),
            bytes: 0,
            next: 0,
        }
    }

    /// Number of waiting transactions.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Their bytes together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a transaction waits.
    pub fn contains(&self, id: &TransactionId) -> bool {
        self.by_id.contains_key(id)
    }

    /// The waiting transaction of a name.
    pub fn get(&self, id: &TransactionId) -> Option<&T> {
        self.by_id
            .get(id)
            .and_then(|order| self.waiting.get(order))
            .map(|waiting| &waiting.transaction)
    }

    /// Takes a transaction in that could be executed now. Those that were `promised` at a time stay
    /// until they are final or expire, others only as long as they could be executed.
    ///
    /// # Errors
    /// When it waits already, has expired or there is no room for it.
    pub fn insert(
        &mut self,
        transaction: T,
        promised: Option<u64>,
        now: BlockContext,
    ) -> Result<(), MempoolError> {
        let id = transaction.id();
        if let Some(order) = self.by_id.get(&id) {
            if let Some(waiting) = self.waiting.get_mut(order) {
                waiting.promised = waiting.promised.or(promised);
            }
            return Err(MempoolError::Duplicate);
        }
        if transaction.expired(now) {
            return Err(MempoolError::Expired);
        }
        if let Some(sender) = transaction.sender()
            && self.of_sender.get(&sender).is_some_and(|count| *count >= self.limits.of_one_sender)
        {
            return Err(MempoolError::SenderFull);
        }
        let size = transaction.bytes().len();
        if !self.fits(size, transaction.reserved_lane()) {
            self.evict(|waiting| !waiting.ready && waiting.promised.is_none());
            if !self.fits(size, transaction.reserved_lane()) {
                return Err(MempoolError::Full);
            }
        }
        if let Some(sender) = transaction.sender() {
            *self.of_sender.entry(sender).or_default() += 1;
        }
        self.bytes += size;
        self.by_id.insert(id, self.next);
        self.waiting.insert(self.next, Waiting { transaction, promised, ready: true });
        self.next += 1;
        Ok(())
    }

    fn fits(&self, size: usize, reserved: bool) -> bool {
        let open = if reserved { 100 } else { 100 - self.limits.reserved_percent.min(100) };
        self.waiting.len() < self.limits.transactions * open / 100
            && self.bytes.saturating_add(size) <= self.limits.bytes * open / 100
    }

    /// Transactions to offer for a block, those for the reserved lane first, at most so many bytes
    /// of each kind.
    pub fn candidates(&self, bytes: usize) -> Vec<T> {
        let mut candidates = Vec::new();
        for reserved in [true, false] {
            let mut left = bytes;
            for waiting in
                self.waiting.values().filter(|w| w.transaction.reserved_lane() == reserved)
            {
                let size = waiting.transaction.bytes().len();
                if size <= left {
                    left -= size;
                    candidates.push(waiting.transaction.clone());
                }
            }
        }
        candidates
    }

    /// Whether some transaction could be executed when it was last tried.
    pub fn has_ready(&self) -> bool {
        self.waiting.values().any(|waiting| waiting.ready)
    }

    /// Goes over all transactions after a block: `fate` tries each of them, knowing since when it is
    /// promised. Returns the promised ones that are given up now.
    pub fn revise(
        &mut self,
        mut fate: impl FnMut(&T, Option<u64>) -> Fate,
    ) -> Vec<(TransactionId, String)> {
        let mut dropped = Vec::new();
        let mut gone = Vec::new();
        for (order, waiting) in &mut self.waiting {
            match fate(&waiting.transaction, waiting.promised) {
                Fate::Ready => waiting.ready = true,
                Fate::Final => gone.push(*order),
                Fate::Hopeless(reason) => {
                    gone.push(*order);
                    if waiting.promised.is_some() {
                        dropped.push((waiting.transaction.id(), reason));
                    }
                }
                Fate::NotNow if waiting.promised.is_some() => waiting.ready = false,
                Fate::NotNow => gone.push(*order),
            }
        }
        gone.into_iter().for_each(|order| self.remove(order));
        dropped
    }

    /// Removes one transaction.
    pub fn forget(&mut self, id: &TransactionId) {
        if let Some(order) = self.by_id.get(id).copied() {
            self.remove(order);
        }
    }

    fn evict(&mut self, which: impl Fn(&Waiting<T>) -> bool) {
        let gone: Vec<_> =
            self.waiting.iter().filter(|(_, w)| which(w)).map(|(order, _)| *order).collect();
        gone.into_iter().for_each(|order| self.remove(order));
    }

    fn remove(&mut self, order: u64) {
        let Some(waiting) = self.waiting.remove(&order) else { return };
        self.by_id.remove(&waiting.transaction.id());
        self.bytes = self.bytes.saturating_sub(waiting.transaction.bytes().len());
        if let Some(sender) = waiting.transaction.sender()
            && let Some(count) = self.of_sender.get_mut(&sender)
        {
            *count -= 1;
            if *count == 0 {
                self.of_sender.remove(&sender);
            }
        }
    }
}

/// What became of a waiting transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It could be executed in the next block.
    Ready,
    /// It cannot be executed on this state, but perhaps on a later one.
    NotNow,
    /// It is part of a decided block.
    Final,
    /// It can no longer be part of any block.
    Hopeless(String),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Clone)]
    struct Note {
        id: u8,
        sender: u8,
        bytes: Vec<u8>,
        reserved: bool,
        until: u64,
    }

    fn note(id: u8, sender: u8, size: usize) -> Note {
        Note { id, sender, bytes: vec![id; size], reserved: false, until: 100 }
    }

    impl Checked for Note {
        fn id(&self) -> TransactionId {
            [self.id; 32]
        }
        fn bytes(&self) -> &[u8] {
            &self.bytes
        }
        fn reserved_lane(&self) -> bool {
            self.reserved
        }
        fn sender(&self) -> Option<[u8; 32]> {
            Some([self.sender; 32])
        }
        fn expired(&self, now: BlockContext) -> bool {
            now.time_ms > self.until
        }
    }

    const NOW: BlockContext = BlockContext { height: 1, time_ms: 50 };
    const LIMITS: Limits =
        Limits { transactions: 10, bytes: 1000, of_one_sender: 3, reserved_percent: 20 };

    fn ids(candidates: Vec<Note>) -> Vec<u8> {
        candidates.into_iter().map(|note| note.id).collect()
    }

    #[test]
    fn each_transaction_waits_once_and_in_order() {
        let mut pool = Mempool::new(LIMITS);
        pool.insert(note(3, 0, 10), Some(0), NOW).unwrap();
        pool.insert(note(1, 1, 10), Some(0), NOW).unwrap();
        assert_eq!(pool.insert(note(3, 0, 10), Some(0), NOW), Err(MempoolError::Duplicate));
        assert_eq!(ids(pool.candidates(1000)), [3, 1]);
        assert_eq!(pool.bytes(), 20);
        pool.forget(&[3; 32]);
        assert_eq!((pool.len(), pool.bytes()), (1, 10));
        pool.insert(note(3, 0, 10), Some(0), NOW).unwrap();
        assert_eq!(ids(pool.candidates(1000)), [1, 3]);
    }

    #[test]
    fn an_expired_transaction_is_refused_and_one_in_time_is_not() {
        let mut pool = Mempool::new(LIMITS);
        let mut late = note(1, 0, 10);
        late.until = 49;
        assert_eq!(pool.insert(late.clone(), Some(0), NOW), Err(MempoolError::Expired));
        late.until = 50;
        assert_eq!(pool.insert(late, Some(0), NOW), Ok(()));
    }

    #[test]
    fn a_sender_cannot_take_the_room_of_others() {
        let mut pool = Mempool::new(LIMITS);
        for id in 0..3 {
            pool.insert(note(id, 7, 10), Some(0), NOW).unwrap();
        }
        assert_eq!(pool.insert(note(3, 7, 10), Some(0), NOW), Err(MempoolError::SenderFull));
        assert_eq!(pool.insert(note(3, 8, 10), Some(0), NOW), Ok(()));
        pool.forget(&[0; 32]);
        assert_eq!(pool.insert(note(4, 7, 10), Some(0), NOW), Ok(()));
    }

    #[test]
    fn a_full_mempool_still_takes_a_delivery() {
        let mut pool = Mempool::new(LIMITS);
        for id in 0..8 {
            pool.insert(note(id, id, 10), Some(0), NOW).unwrap();
        }
        assert_eq!(pool.insert(note(8, 8, 10), Some(0), NOW), Err(MempoolError::Full));
        let delivery = Note { reserved: true, ..note(8, 8, 10) };
        pool.insert(delivery, Some(0), NOW).unwrap();
        assert_eq!(ids(pool.candidates(1000))[0], 8);
        let dispute = Note { reserved: true, ..note(9, 9, 10) };
        pool.insert(dispute, Some(0), NOW).unwrap();
        let more = Note { reserved: true, ..note(10, 10, 10) };
        assert_eq!(pool.insert(more, Some(0), NOW), Err(MempoolError::Full));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut pool = Mempool::new(LIMITS);
        pool.insert(note(0, 0, 700), Some(0), NOW).unwrap();
        assert_eq!(pool.insert(note(1, 1, 101), Some(0), NOW), Err(MempoolError::Full));
        assert_eq!(pool.insert(note(1, 1, 100), Some(0), NOW), Ok(()));
        assert_eq!(ids(pool.candidates(300)), [1]);
    }

    #[test]
    fn a_flood_is_bounded_and_an_honest_transaction_still_lands() {
        let mut pool = Mempool::new(LIMITS);
        for n in 0..100_000u32 {
            let flood = Note { id: (n % 251) as u8, ..note(0, 9, 1) };
            let _ = pool.insert(flood, None, NOW);
            assert!(pool.len() <= LIMITS.transactions && pool.bytes() <= LIMITS.bytes);
        }
        assert_eq!(pool.insert(note(252, 1, 10), Some(0), NOW), Ok(()));
    }

    #[test]
    fn promised_transactions_stay_until_they_expire_and_others_only_while_they_could_be_executed() {
        let mut pool = Mempool::new(LIMITS);
        for id in 0..6 {
            pool.insert(note(id, id, 10), (id % 2 == 0).then_some(0), NOW).unwrap();
        }
        let dropped = pool.revise(|note, _| match note.id {
            0 => Fate::Final,
            1 | 2 => Fate::NotNow,
            3 | 4 => Fate::Hopeless("late".into()),
            _ => Fate::Ready,
        });
        assert_eq!(dropped, [([4; 32], "late".to_string())]);
        assert_eq!(ids(pool.candidates(1000)), [2, 5]);
        assert!(pool.has_ready());
        pool.forget(&[5; 32]);
        assert!(!pool.has_ready());
        pool.revise(|_, _| Fate::Ready);
        assert!(pool.has_ready());
    }
}
