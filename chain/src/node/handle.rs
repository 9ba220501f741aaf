//! The handle of a running node.

use super::status::{Acknowledged, NodeStatus, TransactionStatus};
use super::{NodeError, NodeHandle, Running, lock};
use crate::admission::SubmitError;
use crate::block::Header;
use crate::consensus::codec::light_certificate;
use crate::consensus::types::Address;
use crate::execute::{Application, TransactionId};
use crate::gossip::{Gossip, Message};
use crate::store::{Place, Snapshot, StoreError, StoredBlock};
use borsh::BorshDeserialize;
use galen_light::{EventProof, LightBlock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

fn decoded<T: BorshDeserialize>(bytes: &[u8], height: u64) -> Result<T, StoreError> {
    borsh::from_slice(bytes).map_err(|_| StoreError::Corrupt(format!("an event of block {height}")))
}

impl<A: Application> NodeHandle<A> {
    /// Hands a transaction in. When this returns `Ok`, the transaction is checked, could be executed
    /// now, and is on this node's disk: it is offered until it is final or expires, whatever happens
    /// to the process. Handing in the same transaction again has no further effect.
    ///
    /// # Errors
    /// When it breaks a rule, is final already, or the node has no room or cannot write.
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<Acknowledged, SubmitError<A::Error>> {
        if self.0.stopped.borrow().is_some() {
            return Err(SubmitError::Stopping);
        }
        let node = self.0.clone();
        let submitted = tokio::task::spawn_blocking(move || {
            let id = node.admission.submit(&bytes, true)?;
            node.signals.wake.notify_one();
            if node.admission.may_publish(&bytes) {
                node.publish(Message::Transaction { bytes, offer: 0 });
            }
            Ok(Acknowledged { id })
        });
        submitted.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Whether a transaction may be tried on the state now, without being handed in: what is costly to
    /// try may be tried every few seconds only.
    ///
    /// # Errors
    /// When its like was tried a moment ago, or the state cannot be read.
    pub fn may_try(&self, transaction: &A::Transaction) -> Result<(), SubmitError<A::Error>> {
        self.0.admission.afford(&self.0.store.snapshot(), transaction)
    }

    /// The state after the last block.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.store.snapshot()
    }

    /// The rules of the ledger.
    pub fn application(&self) -> &A {
        self.0.admission.application()
    }

    /// A decided block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, StoreError> {
        self.0.store.block(height)
    }

    /// The header of a decided block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn header(&self, height: u64) -> Result<Option<Header>, StoreError> {
        self.0.store.header(height)
    }

    /// What happened in a block, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events(&self, height: u64) -> Result<Option<Vec<A::Event>>, StoreError> {
        let Some(events) = self.0.store.events(height)? else { return Ok(None) };
        events.iter().map(|bytes| decoded(bytes, height)).collect::<Result<_, _>>().map(Some)
    }

    /// Up to `limit` events about a subject, in order, after a place and in blocks up to a height.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events_about(
        &self,
        subject: &[u8],
        after: Option<Place>,
        until: u64,
        limit: usize,
    ) -> Result<Vec<(Place, A::Event)>, StoreError> {
        let found = self.0.store.events_about(subject, after, until, limit)?;
        found.into_iter().map(|(place, bytes)| Ok((place, decoded(&bytes, place.0)?))).collect()
    }

    /// The last `limit` events about a subject, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn latest_about(
        &self,
        subject: &[u8],
        limit: usize,
    ) -> Result<Vec<(Place, A::Event)>, StoreError> {
        let found = self.0.store.latest_about(subject, limit)?;
        found.into_iter().map(|(place, bytes)| Ok((place, decoded(&bytes, place.0)?))).collect()
    }

    /// Proves that an event happened; none if nothing stands at that place.
    ///
    /// # Errors
    /// When the store fails.
    pub fn prove_event(&self, (height, index): Place) -> Result<Option<EventProof>, StoreError> {
        let events = self.0.store.events(height)?.unwrap_or_default();
        Ok(EventProof::new(&events, u64::from(index)))
    }

    /// A decided block as light clients see it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn light_block(&self, height: u64) -> Result<Option<LightBlock>, StoreError> {
        let store = &self.0.store;
        let Some(header) = store.header(height)? else { return Ok(None) };
        let damaged = |what: &str| StoreError::Corrupt(format!("{what} of block {height}"));
        let certificate = store.certificate(height)?.unwrap_or_default();
        let certificate =
            light_certificate(&certificate).map_err(|_| damaged("the certificate"))?;
        let validators = store.validators(&header.validators)?;
        let validators = validators.and_then(|bytes| borsh::from_slice(&bytes).ok());
        let validators = validators.ok_or_else(|| damaged("the validators"))?;
        Ok(Some(LightBlock { header, certificate, validators }))
    }

    /// What a decided transaction did.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receipt(&self, id: &TransactionId) -> Result<Option<A::Receipt>, StoreError> {
        let Some((height, index)) = self.0.store.transaction(id)? else { return Ok(None) };
        let Some(bytes) = self.0.store.receipt(height, index)? else { return Ok(None) };
        borsh::from_slice(&bytes)
            .map(Some)
            .map_err(|_| StoreError::Corrupt(format!("a receipt of block {height}")))
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn transaction(&self, id: &TransactionId) -> Result<TransactionStatus, StoreError> {
        let store = &self.0.store;
        if let Some((height, index)) = store.transaction(id)? {
            return Ok(TransactionStatus::Final { height, index });
        }
        if self.0.admission.contains(id) || store.is_pending(id)? {
            return Ok(TransactionStatus::Pending);
        }
        Ok(match store.dropped(id)? {
            Some(dropped) => TransactionStatus::Dropped { reason: dropped.reason },
            // It may have become final between the two looks.
            None => store.transaction(id)?.map_or(TransactionStatus::Unknown, |(height, index)| {
                TransactionStatus::Final { height, index }
            }),
        })
    }

    /// Waits until a transaction is final or given up, at most so long, and says what became of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait_for(
        &self,
        id: &TransactionId,
        timeout: Duration,
    ) -> Result<TransactionStatus, StoreError> {
        let mut heights = self.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            heights.mark_unchanged();
            let status = self.transaction(id)?;
            if matches!(status, TransactionStatus::Final { .. } | TransactionStatus::Dropped { .. })
            {
                return Ok(status);
            }
            if tokio::time::Instant::now() >= deadline || self.0.stopped.borrow().is_some() {
                return Ok(status);
            }
            // What is given up is not told by a block.
            let look_again = deadline.min(tokio::time::Instant::now() + Duration::from_secs(1));
            let _ = tokio::time::timeout_at(look_again, heights.changed()).await;
        }
    }

    /// The height of the last block, whenever it changes. Heights in between may be skipped.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.heights.clone()
    }

    /// How the node is.
    pub fn status(&self) -> NodeStatus {
        let node = &self.0;
        let tip = node.store.tip();
        let validators = node.validators();
        let (pending, pending_bytes) = node.admission.size();
        NodeStatus {
            chain_id: node.admission.application().chain_id(),
            consensus_key: node.key,
            validator: validators.as_ref().is_some_and(|set| set.contains(&Address(node.key))),
            height: tip.height,
            time_ms: tip.time_ms,
            state_root: tip.state_root,
            network_height: validators.map_or(0, |set| node.signals.believed(&set)),
            peers: lock(&node.gossip).as_ref().map_or(0, Gossip::peers),
            pending,
            pending_bytes,
            stopped: node.stopped.borrow().clone(),
        }
    }

    /// Waits until the node stops, and says why.
    pub async fn stopped(&self) -> NodeError {
        let mut stopped = self.0.stopped.subscribe();
        let reason = match stopped.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "its handle is gone".into(),
        };
        NodeError::Stopped(reason)
    }

    /// Stops the node. The folder is free when this has returned and all clones and snapshots are
    /// dropped.
    pub async fn shutdown(&self) {
        self.0.stopped.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                *reason = Some("it was shut down".into());
            }
            first
        });
        let gossip = lock(&self.0.gossip).take();
        if let Some(gossip) = gossip {
            gossip.leave().await;
        }
        let running = lock(&self.0.engine).take();
        if let Some(Running { consensus, application }) = running {
            if let Err(error) = consensus.actor.kill_and_wait(None).await {
                tracing::debug!(%error, "consensus had ended already");
            }
            let _ = consensus.handle.await;
            let _ = tokio::task::spawn_blocking(move || application.join()).await;
        }
    }
}
