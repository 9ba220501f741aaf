//! A ledger of counters, with every kind of thing that the engine cares about and no proofs: nonces,
//! expiry, a reserved lane, deadlines on up-time. For tests of the chain only.

#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use borsh::{BorshDeserialize, BorshSerialize};
use galen_chain::{
    Application, BlockContext, BlockError, Checked, Executed, TransactionId, ValidatorInfo,
};
use galen_market::state::{Changes, Overlay, StateError, StateRead};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Adds to a counter, and perhaps sets a timer.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Count {
    pub chain: [u8; 32],
    pub account: u8,
    pub nonce: u64,
    pub payload: Vec<u8>,
    pub expiry_ms: u64,
    pub reserved: bool,
    /// A deadline in so much up-time.
    pub timer_ms: Option<u64>,
}

impl Count {
    pub fn bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap()
    }

    pub fn id(&self) -> TransactionId {
        Sha256::digest(self.bytes()).into()
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CountError {
    #[error("not a transaction")]
    Malformed,
    #[error("of another ledger")]
    Chain,
    #[error("expired")]
    Expired,
    #[error("nonce {got} where {expected} follows")]
    Nonce { expected: u64, got: u64 },
    #[error("{0}")]
    State(String),
}

#[derive(Clone, Debug)]
pub struct CheckedCount(pub Arc<(Count, Vec<u8>)>);

impl Checked for CheckedCount {
    fn id(&self) -> TransactionId {
        self.0.0.id()
    }
    fn bytes(&self) -> &[u8] {
        &self.0.1
    }
    fn reserved_lane(&self) -> bool {
        self.0.0.reserved
    }
    fn sender(&self) -> Option<[u8; 32]> {
        Some([self.0.0.account; 32])
    }
    fn expired(&self, now: BlockContext) -> bool {
        self.0.0.expiry_ms < now.time_ms
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    pub height: u64,
    pub time_ms: u64,
    pub uptime_ms: u64,
}

/// The rules.
#[derive(Clone)]
pub struct Counters {
    pub name: String,
    pub validators: Vec<ValidatorInfo>,
    pub max_idle_ms: u64,
    pub genesis_ms: u64,
}

impl Counters {
    pub fn alone(key: [u8; 32], max_idle_ms: u64) -> Self {
        let validators = vec![ValidatorInfo { consensus_key: key, power: 10 }];
        Self { name: "counters".into(), validators, max_idle_ms, genesis_ms: 1 }
    }

    pub fn count(&self, account: u8, nonce: u64) -> Count {
        Count {
            chain: self.chain_id(),
            account,
            nonce,
            payload: Vec::new(),
            expiry_ms: u64::MAX,
            reserved: false,
            timer_ms: None,
        }
    }

    pub fn clock(state: &dyn StateRead) -> Clock {
        borsh::from_slice(&state.get(b"clock").unwrap().unwrap()).unwrap()
    }

    pub fn fired(state: &dyn StateRead) -> u64 {
        read(state, b"fired").unwrap()
    }

    pub fn counter(state: &dyn StateRead, account: u8) -> u64 {
        read(state, &key(account)).unwrap()
    }

    fn begin(&self, overlay: &mut Overlay<'_>, now: BlockContext) -> Result<Clock, StateError> {
        let last = Self::clock(overlay);
        let passed = (now.time_ms - last.time_ms).min(self.max_idle_ms);
        let clock =
            Clock { height: now.height, time_ms: now.time_ms, uptime_ms: last.uptime_ms + passed };
        overlay.put(b"clock".to_vec(), borsh::to_vec(&clock).unwrap());
        for (due, _) in overlay.scan(b"due/", None, 100)? {
            if u64::from_be_bytes(due[4..12].try_into().unwrap()) > clock.uptime_ms {
                break;
            }
            overlay.delete(due);
            let fired = read(overlay, b"fired")? + 1;
            overlay.put(b"fired".to_vec(), borsh::to_vec(&fired).unwrap());
        }
        Ok(clock)
    }
}

fn key(account: u8) -> Vec<u8> {
    [b"count/", &[account][..]].concat()
}

fn read(state: &dyn StateRead, key: &[u8]) -> Result<u64, StateError> {
    Ok(state.get(key)?.map_or(0, |bytes| borsh::from_slice(&bytes).unwrap()))
}

fn run(overlay: &mut Overlay<'_>, clock: Clock, checked: &CheckedCount) -> Result<u64, CountError> {
    let count = &checked.0.0;
    if count.expiry_ms < clock.time_ms {
        return Err(CountError::Expired);
    }
    let expected =
        read(overlay, &key(count.account)).map_err(|error| CountError::State(error.0))?;
    if count.nonce != expected {
        return Err(CountError::Nonce { expected, got: count.nonce });
    }
    overlay.put(key(count.account), borsh::to_vec(&(expected + 1)).unwrap());
    if let Some(timer) = count.timer_ms {
        let at = clock.uptime_ms + timer;
        overlay.put([b"due/", &at.to_be_bytes()[..], &[count.account]].concat(), Vec::new());
    }
    Ok(expected + 1)
}

impl Application for Counters {
    type Transaction = CheckedCount;
    type Error = CountError;
    type Receipt = u64;
    type Event = (u8, u64);
    type GenesisError = String;

    fn chain_id(&self) -> [u8; 32] {
        Sha256::digest(self.name.as_bytes()).into()
    }

    fn genesis(&self) -> Result<(Changes, u64), String> {
        if self.name.is_empty() {
            return Err("the ledger has no name".into());
        }
        let clock = Clock { time_ms: self.genesis_ms, ..Clock::default() };
        Ok((
            Changes::from([(b"clock".to_vec(), Some(borsh::to_vec(&clock).unwrap()))]),
            self.genesis_ms,
        ))
    }

    fn check(&self, bytes: &[u8]) -> Result<CheckedCount, CountError> {
        let count: Count = borsh::from_slice(bytes).map_err(|_| CountError::Malformed)?;
        if count.chain != self.chain_id() {
            return Err(CountError::Chain);
        }
        Ok(CheckedCount(Arc::new((count, bytes.to_vec()))))
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        checked: &CheckedCount,
    ) -> Result<(), CountError> {
        let mut overlay = Overlay::new(state);
        let clock = self.begin(&mut overlay, now).map_err(|error| CountError::State(error.0))?;
        run(&mut overlay, clock, checked).map(|_| ())
    }

    fn is_hopeless(&self, error: &CountError) -> bool {
        matches!(error, CountError::Nonce { expected, got } if got < expected)
    }

    fn may_offer(
        &self,
        _: &dyn StateRead,
        _: BlockContext,
        _: &CheckedCount,
    ) -> Result<bool, StateError> {
        Ok(true)
    }

    fn propose(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        candidates: &[CheckedCount],
        max_bytes: usize,
    ) -> Result<Vec<CheckedCount>, StateError> {
        let mut overlay = Overlay::new(state);
        let clock = self.begin(&mut overlay, now)?;
        let mut left = max_bytes;
        let mut chosen = Vec::new();
        for candidate in candidates {
            if candidate.bytes().len() <= left && run(&mut overlay, clock, candidate).is_ok() {
                left -= candidate.bytes().len();
                chosen.push(candidate.clone());
            }
        }
        Ok(chosen)
    }

    fn execute_block(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transactions: &[CheckedCount],
    ) -> Result<Executed<u64, (u8, u64)>, BlockError<CountError>> {
        let mut overlay = Overlay::new(state);
        let clock = self.begin(&mut overlay, now)?;
        let mut receipts = Vec::new();
        let mut events = Vec::new();
        for (index, transaction) in transactions.iter().enumerate() {
            let count = run(&mut overlay, clock, transaction)
                .map_err(|error| BlockError::Transaction { index, error })?;
            events.push((transaction.0.0.account, count));
            receipts.push(count);
        }
        Ok(Executed { changes: overlay.into_changes(), receipts, events })
    }

    fn subjects(
        &self,
        _: &dyn StateRead,
        (account, _): &(u8, u64),
    ) -> Result<Vec<Vec<u8>>, StateError> {
        Ok(vec![vec![*account]])
    }

    fn next_block_due(&self, state: &dyn StateRead) -> Result<u64, StateError> {
        let clock = Self::clock(state);
        let due = state.scan(b"due/", None, 1)?.first().map(|(due, _)| {
            u64::from_be_bytes(due[4..12].try_into().unwrap()).saturating_sub(clock.uptime_ms)
        });
        Ok(due.map_or(self.max_idle_ms, |due| due.min(self.max_idle_ms)))
    }

    fn validators(&self, _: &dyn StateRead) -> Result<Vec<ValidatorInfo>, StateError> {
        Ok(self.validators.clone())
    }
}
