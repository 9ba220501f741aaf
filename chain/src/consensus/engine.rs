//! The application's side of consensus: what to propose, whether to vote for what others propose,
//! and what to do when a block is decided. It runs on a thread of its own and may block there.
//!
//! No block is made without need: the answer that starts the next height waits until a transaction
//! is ready, another validator has begun, or time demands a block.

use super::codec::{Borsh, decode_certificate, encode_certificate, extended};
use super::parts::{Arrived, Assembly, announced_block, cut};
use super::signing::{Signing, Verifying};
use super::types::{Address, Announcement, GalenContext, Height, ValidatorSet, ValidatorSetError, Value};
use crate::admission::{Admission, clock_ms};
use crate::block::{Block, BlockId, Header, encoded, transactions_hash};
use crate::execute::{Application, BlockContext, BlockError, Checked, Executed, TransactionId};
use crate::store::{Decision, Snapshot, Store, StoreError, Tip, TreeUpdate, Undecided};
use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next, SyncedValueOutcome};
use arc_malachitebft_app_channel::app::types::codec::Codec as _;
use arc_malachitebft_app_channel::app::types::core::{CommitCertificate, LinearTimeouts, Round, Validity};
use arc_malachitebft_app_channel::app::types::{LocallyProposedValue, ProposedValue};
use arc_malachitebft_app_channel::{AppMsg, Channels, NetworkMsg, Reply};
use arc_malachitebft_sync::RawDecidedValue;
use galen_market::state::StateError;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{debug, info, warn};

/// How far a block's time may be ahead of a validator's own clock.
const MAX_AHEAD_MS: u64 = 1000;
/// Proposals of one height and round that are looked at; an honest proposer makes one.
const MAX_PROPOSALS: usize = 4;
/// Heights after the next one whose proposals are kept for later, and how many.
const EARLY_HEIGHTS: u64 = 4;
const MAX_EARLY: usize = 8;
/// Executed blocks of one height that are kept until one is decided.
const MAX_EXECUTED: usize = 4;
/// The most bytes of blocks in one answer to a node that is behind.
const MAX_SYNC_BYTES: usize = 8 << 20;
/// The word of others that they are ahead starts a height only after this long, as their proposals
/// are mostly here before.
const IDLE_BEFORE_HEARSAY: Duration = Duration::from_secs(1);
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
    #[error("block {id} of height {height} was decided but {why}: this program and the other validators disagree")]
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

/// Why a block gets no vote.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
enum Refusal<E> {
    #[error("it does not follow the last block")]
    Parent,
    #[error("it is of another ledger")]
    Chain,
    #[error("its time is not after its parent's")]
    Past,
    #[error("its time is {0} ms ahead")]
    Future(u64),
    #[error("a transaction stands in it twice, or in a block before")]
    Repeated,
    #[error("transaction {index}: {error}")]
    Transaction { index: usize, error: E },
    #[error("{0}")]
    Block(String),
    #[error("it leads to another state")]
    StateRoot,
}

/// Either a refusal, which is about the block, or a failure, which is about this node.
enum Unverified<E> {
    Refused(Refusal<E>),
    Failed(EngineError),
}

impl<E, F: Into<EngineError>> From<F> for Unverified<E> {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

/// A block with everything that committing it needs.
struct Prepared<A: Application> {
    block: Block,
    executed: Executed<A::Receipt, A::Event>,
    tree: TreeUpdate,
    transactions: Vec<TransactionId>,
}

/// An answer that waits for a reason to make the next block.
struct Held {
    reply: Reply<Next<GalenContext>>,
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
    signals: Signals,
    network: mpsc::Sender<NetworkMsg<GalenContext>>,
    validators: ValidatorSet,
    parts: Assembly,
    early: BTreeMap<(u64, u32, BlockId), Arrived>,
    prepared: BTreeMap<BlockId, Arc<Prepared<A>>>,
    held: Option<Held>,
    started: u64,
    streams: u64,
}

type Outcome<T> = Result<T, EngineError>;

impl<A: Application> Engine<A> {
    /// An engine that continues after the store's last block.
    ///
    /// # Errors
    /// When the state names no validators.
    pub fn new(
        admission: Arc<Admission<A>>,
        store: Arc<Store>,
        signing: Signing,
        timeouts: LinearTimeouts,
        signals: Signals,
        network: mpsc::Sender<NetworkMsg<GalenContext>>,
    ) -> Outcome<Self> {
        let verifying = Verifying::new(admission.application().chain_id());
        let validators = ValidatorSet::new(&admission.application().validators(&*store.snapshot())?)?;
        Ok(Self {
            admission,
            store,
            signing,
            verifying,
            timeouts,
            signals,
            network,
            validators,
            parts: Assembly::default(),
            early: BTreeMap::new(),
            prepared: BTreeMap::new(),
            held: None,
            started: 0,
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
                let next = self.tip().height.saturating_add(1);
                self.started = next;
                let _ = reply.send((Height(next), self.parameters()));
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
                let arrived = {
                    let Self { parts, verifying, validators, store, .. } = self;
                    let tip = store.tip();
                    parts.insert(publisher, part, |a| wanted(a, tip, validators, verifying))
                };
                let value = match arrived {
                    Some(arrived) => self.arrived(arrived)?,
                    None => None,
                };
                let _ = reply.send(value);
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
                let due_ms = self.due_ms()?;
                self.held = Some(Held { reply, since: Instant::now(), due_ms });
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
                let _ = reply.send(extensions.into_iter().map(|(address, _)| (address, Ok(()))).collect());
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

    fn patience(&self) -> Duration {
        match &self.held {
            Some(held) => Duration::from_millis(held.due_ms.saturating_sub(clock_ms())).min(RECONSIDER),
            None => RECONSIDER,
        }
    }

    /// Starts the next height if there is a reason to.
    fn release(&mut self) -> Outcome<()> {
        let Some(held) = &self.held else { return Ok(()) };
        let tip = self.tip();
        let idle = held.since.elapsed();
        let behind = idle >= IDLE_BEFORE_HEARSAY && self.signals.believed(&self.validators) > tip.height;
        if idle >= RECONSIDER {
            self.admission.revise()?;
        }
        let next = tip.height.saturating_add(1);
        let begun = self.early.keys().any(|(height, ..)| *height > tip.height) || !self.store.undecided(next)?.is_empty();
        if !(clock_ms() >= held.due_ms || begun || behind || self.admission.has_ready()) {
            return Ok(());
        }
        if let Some(held) = self.held.take() {
            self.started = next;
            let _ = held.reply.send(Next::Start(Height(next), self.parameters()));
        }
        Ok(())
    }

    // Proposing.

    /// The block that this validator proposes: the same one however often it is asked.
    fn propose(&mut self, height: u64, round: Round) -> Outcome<Option<Undecided>> {
        let (tip, snapshot) = (self.tip(), self.store.snapshot());
        let Some(number) = round.as_u32().filter(|_| height == tip.height.saturating_add(1)) else { return Ok(None) };
        let own = self.signing.public();
        let known = self.store.undecided(height)?;
        if let Some(before) = known.into_iter().find(|p| p.round == number && p.proposer == own) {
            return Ok(Some(before));
        }
        let now = BlockContext { height, time_ms: clock_ms().max(tip.time_ms.saturating_add(1)) };
        let chosen = self.admission.propose(&snapshot, now)?;
        let prepared = match self.build(&snapshot, now, &chosen) {
            // What the rules chose must execute; if it does not, an empty block keeps the ledger going.
            Err(Unverified::Refused(refusal)) => {
                warn!(%refusal, "the chosen transactions do not make up a block");
                self.build(&snapshot, now, &[])
            }
            built => built,
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Unverified::Failed(failure)) => return Err(failure),
            Err(Unverified::Refused(refusal)) => {
                warn!(%refusal, "no block can be made");
                return Ok(None);
            }
        };
        let id = prepared.block.id();
        let proposal = Undecided {
            height,
            round: number,
            id,
            proposer: own,
            signature: Some(self.signing.announce(height, number, id)),
            block: prepared.block.encode(),
        };
        self.store.remember_undecided(&proposal)?;
        self.keep(prepared);
        Ok(Some(proposal))
    }

    fn build(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        chosen: &[A::Transaction],
    ) -> Result<Prepared<A>, Unverified<A::Error>> {
        let (executed, tree) = self.execute(snapshot, now, chosen)?;
        let transactions: Vec<_> = chosen.iter().map(|transaction| transaction.bytes().to_vec()).collect();
        let header = Header {
            chain_id: self.admission.application().chain_id(),
            height: now.height,
            time_ms: now.time_ms,
            parent: snapshot.tip().id,
            proposer: self.signing.public(),
            transactions: transactions_hash(&transactions),
            state_root: tree.root,
        };
        let ids = chosen.iter().map(Checked::id).collect();
        Ok(Prepared { block: Block { header, transactions }, executed, tree, transactions: ids })
    }

    #[allow(clippy::type_complexity)]
    fn execute(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        transactions: &[A::Transaction],
    ) -> Result<(Executed<A::Receipt, A::Event>, TreeUpdate), Unverified<A::Error>> {
        let executed = match self.admission.application().execute_block(snapshot, now, transactions) {
            Ok(executed) => executed,
            Err(BlockError::Transaction { index, error }) => {
                return Err(Unverified::Refused(Refusal::Transaction { index, error }));
            }
            Err(BlockError::Block(why)) => return Err(Unverified::Refused(Refusal::Block(why))),
            Err(BlockError::State(error)) => return Err(error.into()),
        };
        let tree = self.store.tree_after(snapshot, &executed.changes)?;
        Ok((executed, tree))
    }

    async fn publish(&mut self, proposal: &Undecided) {
        let Some(signature) = proposal.signature else { return };
        self.streams += 1;
        for message in cut(proposal, signature, self.streams.to_be_bytes().to_vec()) {
            // The channel closes only when consensus ends, which the loop notices.
            let _ = self.network.send(NetworkMsg::PublishProposalPart(message)).await;
        }
    }

    // Looking at what others propose.

    fn arrived(&mut self, arrived: Arrived) -> Outcome<Option<ProposedValue<GalenContext>>> {
        let a = arrived.announcement;
        let tip = self.tip();
        if a.height > tip.height.saturating_add(1) {
            self.early.insert((a.height, a.round, a.id), arrived);
            while self.early.len() > MAX_EARLY {
                self.early.pop_last();
            }
            return Ok(None);
        }
        if a.height <= tip.height {
            return Ok(None);
        }
        let known = self.store.undecided(a.height)?;
        if let Some(before) = known.iter().find(|proposal| proposal.id == a.id) {
            return self.judge(before);
        }
        let expected = Address(a.proposer.0) == *self.proposer(a.height, a.round);
        let others = known.iter().filter(|proposal| proposal.round == a.round).count();
        if !expected || others >= MAX_PROPOSALS || announced_block(&arrived).is_none() {
            debug!(height = a.height, round = a.round, proposer = %a.proposer, "a proposal is dropped");
            return Ok(None);
        }
        let proposal = Undecided {
            height: a.height,
            round: a.round,
            id: a.id,
            proposer: a.proposer.0,
            signature: Some(a.signature),
            block: arrived.bytes,
        };
        self.store.remember_undecided(&proposal)?;
        // A height that has not started yet asks for its proposals when it does.
        if a.height > self.started { Ok(None) } else { self.judge(&proposal) }
    }

    fn proposer(&self, height: u64, round: u32) -> &Address {
        use arc_malachitebft_app_channel::app::types::core::Validator as _;
        self.validators.proposer(height, round).address()
    }

    /// Proposals that came before their height began.
    fn take_early(&mut self) -> Outcome<()> {
        let tip = self.tip();
        let later = self.early.split_off(&(tip.height.saturating_add(2), 0, BlockId([0; 32])));
        for arrived in std::mem::replace(&mut self.early, later).into_values() {
            if wanted(&arrived.announcement, tip, &self.validators, &self.verifying) {
                self.arrived(arrived)?;
            }
        }
        Ok(())
    }

    /// The proposals of a round that this node has already seen, with its judgement.
    fn undecided(&mut self, height: u64, round: Round) -> Outcome<Vec<ProposedValue<GalenContext>>> {
        let mut values = Vec::new();
        for proposal in self.store.undecided(height)? {
            if Some(proposal.round) == round.as_u32() {
                values.extend(self.judge(&proposal)?);
            }
        }
        Ok(values)
    }

    fn judge(&mut self, proposal: &Undecided) -> Outcome<Option<ProposedValue<GalenContext>>> {
        let Ok(block) = Block::decode(&proposal.block) else { return Ok(None) };
        let validity = match self.prepare(block, false) {
            Ok(_) => Validity::Valid,
            Err(Unverified::Refused(refusal)) => {
                warn!(height = proposal.height, round = proposal.round, %refusal, "no vote for the proposed block");
                Validity::Invalid
            }
            Err(Unverified::Failed(failure)) => return Err(failure),
        };
        Ok(Some(ProposedValue {
            height: Height(proposal.height),
            round: Round::new(proposal.round),
            valid_round: Round::Nil,
            proposer: Address(proposal.proposer),
            value: Value(proposal.id),
            validity,
        }))
    }

    /// Verifies a block against the last one and executes it. A block that is decided already has
    /// been seen in time by more than two thirds, so that this node's clock no longer matters.
    fn prepare(&mut self, block: Block, decided: bool) -> Result<Arc<Prepared<A>>, Unverified<A::Error>> {
        let id = block.id();
        let (tip, snapshot) = (self.tip(), self.store.snapshot());
        let header = &block.header;
        if header.chain_id != self.admission.application().chain_id() {
            return Err(Unverified::Refused(Refusal::Chain));
        }
        if Some(header.height) != tip.height.checked_add(1) || header.parent != tip.id {
            return Err(Unverified::Refused(Refusal::Parent));
        }
        if header.time_ms <= tip.time_ms {
            return Err(Unverified::Refused(Refusal::Past));
        }
        let ahead = header.time_ms.saturating_sub(clock_ms());
        if !decided && ahead > MAX_AHEAD_MS {
            return Err(Unverified::Refused(Refusal::Future(ahead)));
        }
        if let Some(prepared) = self.prepared.get(&id) {
            return Ok(prepared.clone());
        }
        let mut transactions = Vec::with_capacity(block.transactions.len());
        let mut seen = BTreeSet::new();
        for (index, bytes) in block.transactions.iter().enumerate() {
            let transaction = self
                .admission
                .check(bytes)
                .map_err(|error| Unverified::Refused(Refusal::Transaction { index, error }))?;
            if !seen.insert(transaction.id()) || self.store.transaction(&transaction.id())?.is_some() {
                return Err(Unverified::Refused(Refusal::Repeated));
            }
            transactions.push(transaction);
        }
        let now = BlockContext { height: header.height, time_ms: header.time_ms };
        let (executed, tree) = self.execute(&snapshot, now, &transactions)?;
        if tree.root != header.state_root {
            return Err(Unverified::Refused(Refusal::StateRoot));
        }
        let ids = transactions.iter().map(Checked::id).collect();
        Ok(self.keep(Prepared { block, executed, tree, transactions: ids }))
    }

    fn keep(&mut self, prepared: Prepared<A>) -> Arc<Prepared<A>> {
        let prepared = Arc::new(prepared);
        while self.prepared.len() >= MAX_EXECUTED {
            self.prepared.pop_first();
        }
        self.prepared.insert(prepared.block.id(), prepared.clone());
        prepared
    }

    // Decisions.

    fn decided(&mut self, certificate: &CommitCertificate<GalenContext>) -> Outcome<()> {
        let (height, id) = (certificate.height.0, certificate.value_id);
        if height <= self.tip().height {
            return Ok(());
        }
        let disagreement = |why: String| EngineError::Decided { height, id, why };
        let prepared = match self.prepared.get(&id) {
            Some(prepared) => prepared.clone(),
            None => {
                let known = self.store.undecided(height)?.into_iter().find(|proposal| proposal.id == id);
                let block = known.and_then(|proposal| Block::decode(&proposal.block).ok());
                let block = block.ok_or_else(|| disagreement("is not here".into()))?;
                match self.prepare(block, true) {
                    Ok(prepared) => prepared,
                    Err(Unverified::Refused(refusal)) => return Err(disagreement(refusal.to_string())),
                    Err(Unverified::Failed(failure)) => return Err(failure),
                }
            }
        };
        let snapshot = self.store.commit(&Decision {
            block: &prepared.block,
            certificate: encode_certificate(certificate),
            changes: &prepared.executed.changes,
            tree: &prepared.tree,
            transactions: prepared.transactions.clone(),
            receipts: prepared.executed.receipts.iter().map(encoded).collect(),
            events: encoded(&prepared.executed.events),
        })?;
        info!(height, transactions = prepared.transactions.len(), round = %certificate.round, "block");
        self.prepared.clear();
        self.parts.forget(height);
        self.validators = ValidatorSet::new(&self.admission.application().validators(&*snapshot)?)?;
        self.admission.revise()?;
        self.signals.height.send_replace(height);
        Ok(())
    }

    // Nodes that are behind.

    fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        bytes: &[u8],
    ) -> Outcome<SyncedValueOutcome<GalenContext>> {
        let Some(block) = Block::decode(bytes).ok().filter(|block| block.header.height == height.0) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        let id = block.id();
        match self.prepare(block, true) {
            Ok(_) => {}
            Err(Unverified::Refused(refusal)) => {
                warn!(%height, %refusal, "a peer sent a block that breaks a rule");
                return Ok(SyncedValueOutcome::PeerFault);
            }
            Err(Unverified::Failed(failure)) => return Err(failure),
        }
        let number = round.as_u32().unwrap_or(0);
        if !self.store.undecided(height.0)?.iter().any(|proposal| proposal.id == id) {
            let proposal = Undecided {
                height: height.0,
                round: number,
                id,
                proposer: proposer.0,
                signature: None,
                block: bytes.to_vec(),
            };
            self.store.remember_undecided(&proposal)?;
        }
        Ok(SyncedValueOutcome::Verdict(ProposedValue {
            height,
            round,
            valid_round: Round::Nil,
            proposer,
            value: Value(id),
            validity: Validity::Valid,
        }))
    }

    fn decided_values(&self, range: RangeInclusive<Height>) -> Outcome<Vec<RawDecidedValue<GalenContext>>> {
        let mut values = Vec::new();
        let mut bytes = 0;
        for height in range.start().0..=range.end().0.min(self.tip().height) {
            let Some(stored) = self.store.block(height)? else { break };
            let block = stored.block.encode();
            bytes += block.len();
            if bytes > MAX_SYNC_BYTES && !values.is_empty() {
                break;
            }
            let Ok(certificate) = decode_certificate(&stored.certificate) else {
                return Err(StoreError::Corrupt(format!("the certificate of block {height}")).into());
            };
            values.push(RawDecidedValue::new(block.into(), extended(certificate)));
        }
        Ok(values)
    }
}

/// Whether a proposal is worth collecting: it is about a block to come, and signed by who may make
/// it. Of heights whose validators are not known yet, any present validator may.
fn wanted(a: &Announcement, tip: Tip, validators: &ValidatorSet, verifying: &Verifying) -> bool {
    use arc_malachitebft_app_channel::app::types::core::Validator as _;
    let next = tip.height.saturating_add(1);
    let by_whom = if a.height == next {
        validators.proposer(a.height, a.round).address() == &a.proposer
    } else {
        a.height > next && a.height - next <= EARLY_HEIGHTS && validators.contains(&a.proposer)
    };
    by_whom && verifying.announced(a)
}
