//! What an action sees while it is executed: the state with the changes so far, the block, the
//! parameters, the verifier; and where it reports what happened.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::keys::Verifier;
use galen_zk::point::G1Point;

use crate::error::TxError;
use crate::event::Event;
use crate::genesis::{Network, Parameters};
use crate::id::{ChainId, Digest};
use crate::ledger::ProofCache;
use crate::state::{Changes, Overlay, StateError, StateRead};
use crate::state_key::{self, Key, Prefix};

/// What stays the same for a whole block.
#[derive(Clone)]
pub(crate) struct Frame<'a> {
    pub chain: ChainId,
    pub network: Network,
    pub verifier: &'a Verifier,
    pub proofs: &'a ProofCache,
    pub parameters: &'a Parameters,
    pub height: u64,
    pub time_ms: u64,
    pub uptime_ms: u64,
}

/// The state in the middle of a transaction or of a deadline.
pub struct Context<'a> {
    frame: Frame<'a>,
    state: Overlay<'a>,
    events: Vec<Event>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(frame: &Frame<'a>, base: &'a dyn StateRead) -> Self {
        Self { frame: frame.clone(), state: Overlay::new(base), events: Vec::new() }
    }

    pub(crate) fn finish(self) -> (Changes, Vec<Event>) {
        (self.state.into_changes(), self.events)
    }

    /// The ledger.
    #[must_use]
    pub const fn chain_id(&self) -> ChainId {
        self.frame.chain
    }

    /// Development or production.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.frame.network
    }

    /// Height of the block.
    #[must_use]
    pub const fn height(&self) -> u64 {
        self.frame.height
    }

    /// Time of the block, in milliseconds since 1970.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.frame.time_ms
    }

    /// The clock of deadlines: milliseconds during which the ledger ran, this block included.
    #[must_use]
    pub const fn uptime_ms(&self) -> u64 {
        self.frame.uptime_ms
    }

    /// Parameters in force.
    #[must_use]
    pub const fn parameters(&self) -> &'a Parameters {
        self.frame.parameters
    }

    /// Verifies proofs.
    #[must_use]
    pub const fn verifier(&self) -> &'a Verifier {
        self.frame.verifier
    }

    /// Reads a value.
    ///
    /// # Errors
    /// When the state fails.
    pub fn get<T: BorshDeserialize>(&self, key: &Key<T>) -> Result<Option<T>, StateError> {
        state_key::read(&self.state, key)
    }

    /// Stores a value.
    pub fn put<T: BorshSerialize>(&mut self, key: &Key<T>, value: &T) {
        state_key::write(&mut self.state, key, value);
    }

    /// Removes a value.
    pub fn delete<T>(&mut self, key: &Key<T>) {
        self.state.delete(key.as_bytes().to_vec());
    }

    /// Up to `limit` values under a prefix, each with the rest of its key, which is greater than
    /// `after`.
    ///
    /// # Errors
    /// When the state fails.
    pub fn scan<T: BorshDeserialize>(
        &self,
        prefix: &Prefix<T>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StateError> {
        state_key::scan(&self.state, prefix, after, limit)
    }

    /// The state as it is now.
    #[must_use]
    pub fn state(&self) -> &dyn StateRead {
        &self.state
    }

    /// Reports that something happened.
    pub fn emit(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// Runs a costly verification unless it succeeded before; returns the commitments that what was
    /// verified speaks of. The key must be a hash of the whole statement and of every byte of the
    /// proof.
    ///
    /// # Errors
    /// What the verification returns; failures are not remembered.
    pub fn verify_once(
        &self,
        key: Digest,
        verify: impl FnOnce() -> Result<Vec<G1Point>, TxError>,
    ) -> Result<Arc<[G1Point]>, TxError> {
        self.frame.proofs.verify_once(key, verify)
    }

    /// Runs a step that either succeeds as a whole or leaves the state and the events as they were.
    ///
    /// # Errors
    /// What the step returns.
    pub fn atomically<T>(
        &mut self,
        step: impl FnOnce(&mut Context<'_>) -> Result<T, TxError>,
    ) -> Result<T, TxError> {
        let mut inner = Context::new(&self.frame, &self.state);
        let value = step(&mut inner)?;
        let (changes, events) = inner.finish();
        self.state.apply(changes);
        self.events.extend(events);
        Ok(value)
    }
}
