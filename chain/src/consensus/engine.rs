//! The application's side of consensus: what to propose, whether to vote for what others propose,
//! and what to do when a block is decided. It runs on a thread of its own and may block there.
//!
//! No block is made without need: the answer that starts the next height waits until a transaction
//! is ready, another validator has begun, or time demands a block.

mod decide;
mod propose;
mod verify;

use super::parts::{Arrived, Assembly};
use super::signing::{Signing, Verifying};
use super::types::{GalenContext, Height, Value};
use super::validators::ValidatorSet;
use crate::admission::{Admission, clock_ms};
use crate::block::BlockId;
use crate::execute::Application;
use crate::store::{Store, StoreError, Tip};
use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next};
use arc_malachitebft_app_channel::app::types::LocallyProposedValue;
use arc_malachitebft_app_channel::app::types::core::LinearTimeouts;
use arc_malachitebft_app_channel::{AppMsg, Channels, NetworkMsg, Reply};
use galen_light::ValidatorSetError;
use galen_market::state::StateError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{debug, warn};
use verify::Prepared;

/// After so many blocks in a row without a transaction that seemed ready, it no longer counts as a
/// reason for a block at once.
const FRUITLESS: u32 = 3;
/// How often a waiting node looks at its mempool again.
const RECONSIDER: Duration = Duration::from_secs(5);

/// The engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The ledger names no usable validators.
    #[error("the ledger cannot go on: {0}")]
    Validators(#[from] ValidatorSetError),
    /// Consensus decided a block that this node does not have, or that breaks a rule.
    #[error(
        "block {id} of height {height} was decided but {why}: this program and the other validators disagree"
    )]
    Decided {
        /// The height.
        height: u64,
        /// The block.
        id: BlockId,
        /// What is wrong.
        why: String,
    },
    /// The consensus engine stopped by itself.
    #[error("the consensus engine stopped: see the log above for its reason")]
    Stopped,
}

/// Where the word to start a height goes.
enum Answer {
    /// Consensus has just begun to run.
    First(Reply<(Height, HeightParams<GalenContext>)>),
    /// A block has been decided.
    Next(Reply<Next<GalenContext>>),
}

/// An answer that waits for a reason to make the next block.
struct Held {
    answer: Answer,
    since: Instant,
    due_ms: u64,
}

/// What the engine shares with the rest of the node.
#[derive(Clone)]
pub struct Signals {
    /// A transaction came in, or a peer is ahead.
    pub wake: Arc<Notify>,
    /// The heights that other validators say they have reached.
    pub heads: Arc<Mutex<BTreeMap<[u8; 32], u64>>>,
    /// The height of the last block.
    pub height: watch::Sender<u64>,
}

impl Signals {
    /// The height that validators with more than a third of the power say they have reached, so that
    /// an honest one is among them.
    pub fn believed(&self, validators: &ValidatorSet) -> u64 {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        validators.beyond_a_third(|address| heads.get(&address.0).copied().unwrap_or(0))
    }
}

/// See the module.
pub struct Engine<A: Application> {
    admission: Arc<Admission<A>>,
    store: Arc<Store>,
    signing: Signing,
    verifying: Verifying,
    timeouts: LinearTimeouts,
    alone: bool,
    signals: Signals,
    network: mpsc::Sender<NetworkMsg<GalenContext>>,
    validators: ValidatorSet,
    parts: Assembly,
    early: BTreeMap<(u64, u32, BlockId), Arrived>,
    prepared: BTreeMap<BlockId, Arc<Prepared<A>>>,
    held: Option<Held>,
    started: u64,
    /// Empty blocks in a row although a transaction seemed ready.
    fruitless: u32,
    streams: u64,
}

type Outcome<T> = Result<T, EngineError>;

impl<A: Application> Engine<A> {
    /// An engine that continues after the store's last block. A node that is `alone` has no peers
    /// that wait for it, and makes no block just because it starts.
    ///
    /// # Errors
    /// When the state names no validators.
    pub fn new(
        admission: Arc<Admission<A>>,
        store: Arc<Store>,
        signing: Signing,
        timeouts: LinearTimeouts,
        alone: bool,
        signals: Signals,
        network: mpsc::Sender<NetworkMsg<GalenContext>>,
    ) -> Outcome<Self> {
        let verifying = Verifying::new(admission.application().chain_id());
        let validators =
            ValidatorSet::new(&admission.application().validators(&*store.snapshot())?)?;
        Ok(Self {
            admission,
            store,
            signing,
            verifying,
            timeouts,
            alone,
            signals,
            network,
            validators,
            parts: Assembly::default(),
            early: BTreeMap::new(),
            prepared: BTreeMap::new(),
            held: None,
            started: 0,
            fruitless: 0,
            // Streams of an earlier run of this node must not be continued.
            streams: clock_ms() << 16,
        })
    }

    /// Answers consensus until it ends.
    ///
    /// # Errors
    /// When this node can no longer take part: its store failed, or it disagrees with a decision.
    pub async fn run(mut self, mut channels: Channels<GalenContext>) -> Outcome<()> {
        let wake = self.signals.wake.clone();
        loop {
            let patience = self.patience();
            tokio::select! {
                message = channels.consensus.recv() => match message {
                    Some(message) => self.handle(message).await?,
                    None => return Err(EngineError::Stopped),
                },
                () = wake.notified() => {}
                () = tokio::time::sleep(patience) => {}
            }
            self.release()?;
        }
    }

    async fn handle(&mut self, message: AppMsg<GalenContext>) -> Outcome<()> {
        match message {
            AppMsg::ConsensusReady { reply } => {
                self.hold(Answer::First(reply))?;
                // Peers get no answer before the first height begins.
                if !self.alone {
                    self.start();
                }
            }
            AppMsg::StartedRound { height, round, reply_value, .. } => {
                debug!(%height, %round, "round started");
                self.started = self.started.max(height.0);
                self.take_early()?;
                let _ = reply_value.send(self.undecided(height.0, round)?);
            }
            AppMsg::GetValue { height, round, reply, .. } => {
                if let Some(proposal) = self.propose(height.0, round)? {
                    let value = LocallyProposedValue::new(height, round, Value(proposal.id));
                    let _ = reply.send(value);
                    self.publish(&proposal).await;
                }
            }
            AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
                let publisher = published_by.unwrap_or(from);
                let _ = reply.send(self.received(publisher, part)?);
            }
            AppMsg::RestreamProposal { height, value_id, .. } => {
                let known = self.store.undecided(height.0)?;
                if let Some(proposal) = known.iter().find(|proposal| proposal.id == value_id) {
                    self.publish(proposal).await;
                }
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.decided(&certificate)?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { evidence, reply, .. } => {
                if !evidence.is_empty() {
                    warn!(?evidence, "a validator signed contradicting messages");
                }
                self.hold(Answer::Next(reply))?;
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let _ = reply.send(self.synced(height, round, proposer, &value_bytes)?);
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let _ = reply.send(self.decided_values(range)?);
            }
            AppMsg::GetHistoryMinHeight { reply } => {
                let _ = reply.send(Height(1));
            }
            AppMsg::ExtendVote { reply, .. } => {
                let _ = reply.send(None);
            }
            AppMsg::VerifyVoteExtensions { extensions, reply, .. } => {
                let _ = reply
                    .send(extensions.into_iter().map(|(address, _)| (address, Ok(()))).collect());
            }
        }
        Ok(())
    }

    fn tip(&self) -> Tip {
        self.store.tip()
    }

    fn parameters(&self) -> HeightParams<GalenContext> {
        HeightParams::new(self.validators.clone(), self.timeouts, None)
    }

    // Making blocks on demand.

    fn due_ms(&self) -> Outcome<u64> {
        let snapshot = self.store.snapshot();
        let after = self.admission.application().next_block_due(&*snapshot)?;
        Ok(snapshot.time_ms().saturating_add(after))
    }

    fn hold(&mut self, answer: Answer) -> Outcome<()> {
        let due_ms = self.due_ms()?;
        self.held = Some(Held { answer, since: Instant::now(), due_ms });
        Ok(())
    }

    fn start(&mut self) {
        let Some(held) = self.held.take() else { return };
        self.started = self.tip().height.saturating_add(1);
        let (height, parameters) = (Height(self.started), self.parameters());
        // Nobody listens only when consensus has ended, which the loop notices.
        let _ = match held.answer {
            Answer::First(reply) => reply.send((height, parameters)).is_ok(),
            Answer::Next(reply) => reply.send(Next::Start(height, parameters)).is_ok(),
        };
    }

    fn patience(&self) -> Duration {
        match &self.held {
            Some(held) => {
                Duration::from_millis(held.due_ms.saturating_sub(clock_ms())).min(RECONSIDER)
            }
            None => RECONSIDER,
        }
    }

    /// Starts the next height if there is a reason to.
    fn release(&mut self) -> Outcome<()> {
        let Some(held) = &self.held else { return Ok(()) };
        let tip = self.tip();
        let idle = held.since.elapsed();
        let behind = self.signals.believed(&self.validators) > tip.height;
        if idle >= RECONSIDER {
            self.admission.revise()?;
        }
        let next = tip.height.saturating_add(1);
        let begun = self.early.keys().any(|(height, ..)| *height > tip.height)
            || !self.store.undecided(next)?.is_empty();
        let hopeful = self.fruitless < FRUITLESS || idle >= RECONSIDER;
        let ready = hopeful && self.admission.has_ready();
        if !(clock_ms() >= held.due_ms || begun || behind || ready) {
            return Ok(());
        }
        self.start();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
