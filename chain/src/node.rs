//! A node: store, mempool, consensus and network put together, and the handle through which
//! everything else speaks to it.

use crate::admission::{Admission, SubmitError, clock_ms};
use crate::consensus::codec::Borsh;
use crate::consensus::signing::{Signing, Verifying};
use crate::consensus::types::{Address, GalenContext, ValidatorSet};
use crate::consensus::{Engine, EngineError, Signals, WalError, inspect};
use crate::execute::{Application, TransactionId};
use crate::gossip::{Gossip, GossipConfig, GossipError, Inbox, Message, OFFER_BYTES, Verdict};
use crate::key::NodeKey;
use crate::ledger::GalenLedger;
use crate::mempool::Limits;
use crate::store::{Snapshot, Store, StoreError, StoredBlock};
use arc_malachitebft_app_channel::app::config::{ConsensusConfig, NodeConfig as EngineConfig, ValueSyncConfig};
use arc_malachitebft_app_channel::app::types::codec::Codec as _;
use arc_malachitebft_app_channel::app::types::core::LinearTimeouts;
use arc_malachitebft_app_channel::{
    ConsensusContext, EngineBuilder, EngineHandle, NetworkContext, NetworkIdentity, RequestContext, Signer as _,
    SyncContext, WalContext,
};
use galen_market::error::TxError;
use galen_market::genesis::{Genesis, Network};
use galen_market::ledger::Ledger;
use galen_zk::keys::Verifier;
use libp2p::Multiaddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A node that listens nowhere but to itself.
const LOOPBACK: &str = "/ip4/127.0.0.1/tcp/0";

/// How to reach another node.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Peer {
    /// Its address for consensus.
    pub consensus: Multiaddr,
    /// Its address for pending transactions.
    pub pending: Multiaddr,
}

/// Where a node of a consortium listens and whom it knows.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct NetworkConfig {
    /// Own address for consensus.
    pub consensus: Multiaddr,
    /// Own address for pending transactions.
    pub pending: Multiaddr,
    /// Other nodes.
    pub peers: Vec<Peer>,
}

/// How long validators wait for each other.
#[derive(Copy, Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Timeouts {
    /// For a proposal, in milliseconds; half as much longer in every further round.
    pub propose_ms: u64,
    /// For votes, in milliseconds; half as much longer in every further round.
    pub vote_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { propose_ms: 1000, vote_ms: 300 }
    }
}

impl Timeouts {
    fn linear(self) -> LinearTimeouts {
        let [propose, vote] = [self.propose_ms, self.vote_ms].map(Duration::from_millis);
        LinearTimeouts {
            propose,
            propose_delta: propose / 2,
            prevote: vote,
            prevote_delta: vote / 2,
            precommit: vote,
            precommit_delta: vote / 2,
            rebroadcast: propose.saturating_add(vote),
            ..LinearTimeouts::default()
        }
    }
}

/// What every node needs, whatever its ledger.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// The folder for store and log. One node at a time uses it.
    pub data: PathBuf,
    /// Votes if it belongs to a validator.
    pub key: NodeKey,
    /// The other nodes; a node without them listens on loopback only.
    pub network: Option<NetworkConfig>,
    /// How long to wait for others.
    pub timeouts: Timeouts,
    /// How much the mempool holds.
    pub limits: Limits,
}

impl NodeSettings {
    /// A node by itself.
    pub fn alone(data: PathBuf, key: NodeKey) -> Self {
        Self { data, key, network: None, timeouts: Timeouts::default(), limits: Limits::default() }
    }
}

/// A node of a Galen ledger.
pub struct NodeConfig {
    /// What is not about the ledger.
    pub settings: NodeSettings,
    /// The ledger's beginning.
    pub genesis: Genesis,
    /// Verifies proofs with the parameters of the ledger's network.
    pub verifier: Verifier,
}

/// The node cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The genesis is not valid.
    #[error("the genesis is not valid: {0}")]
    Genesis(TxError),
    /// Anybody can forge proofs with these parameters.
    #[error(
        "the genesis is that of a production network, but the proving parameters are those for development, with which \
         anybody can forge proofs: give the parameters of the ceremony"
    )]
    ForgeableParameters,
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The write-ahead log cannot be used.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// Consensus cannot go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network cannot be joined.
    #[error(transparent)]
    Gossip(#[from] GossipError),
    /// Consensus could not start.
    #[error("consensus cannot start: {0}")]
    Start(String),
    /// A file or folder cannot be used.
    #[error("{path}: {error}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It has stopped.
    #[error("the node has stopped: {0}")]
    Stopped(String),
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionStatus {
    /// This node offers it.
    Pending,
    /// It is part of a decided block.
    Final {
        /// Height of the block.
        height: u64,
        /// Its place in the block.
        index: u32,
    },
    /// This node has given it up.
    Dropped {
        /// Why.
        reason: String,
    },
    /// This node does not know it.
    Unknown,
}

/// A transaction that is on this node's disk and will be offered until it is final or expires.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// Its name.
    pub id: TransactionId,
}

/// How a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeStatus {
    /// The ledger.
    pub chain_id: [u8; 32],
    /// This node's consensus key.
    pub consensus_key: [u8; 32],
    /// Whether it belongs to a validator of the next block.
    pub validator: bool,
    /// Height of the last block.
    pub height: u64,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: [u8; 32],
    /// Height that other validators say they have.
    pub network_height: u64,
    /// Connected peers.
    pub peers: usize,
    /// Transactions in the mempool.
    pub pending: usize,
    /// Their bytes.
    pub pending_bytes: usize,
    /// Why the node has stopped, if it has.
    pub stopped: Option<String>,
}

impl NodeStatus {
    /// Whether the node has the last block that it knows of, and runs.
    pub fn is_fresh(&self) -> bool {
        self.stopped.is_none() && self.height >= self.network_height
    }
}

/// Starts nodes.
pub struct Node;

struct Shared<A: Application> {
    admission: Arc<Admission<A>>,
    store: Arc<Store>,
    key: [u8; 32],
    signing: Signing,
    verifying: Verifying,
    signals: Signals,
    heights: watch::Receiver<u64>,
    stopped: watch::Sender<Option<String>>,
    gossip: Mutex<Option<Gossip>>,
    engine: Mutex<Option<Running>>,
}

struct Running {
    consensus: EngineHandle,
    application: std::thread::JoinHandle<()>,
}

/// A running node. Clones are the same node.
pub struct NodeHandle<A: Application = GalenLedger>(Arc<Shared<A>>);

impl<A: Application> Clone for NodeHandle<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Clone)]
struct Consensus {
    moniker: String,
    consensus: ConsensusConfig,
    sync: ValueSyncConfig,
}

impl EngineConfig for Consensus {
    fn moniker(&self) -> &str {
        &self.moniker
    }

    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}

impl Consensus {
    fn new(settings: &NodeSettings) -> Self {
        let mut consensus = ConsensusConfig::default();
        let alone = || LOOPBACK.parse().expect("the address is well-formed");
        consensus.p2p.listen_addr = settings.network.as_ref().map_or_else(alone, |network| network.consensus.clone());
        consensus.p2p.persistent_peers =
            settings.network.iter().flat_map(|network| &network.peers).map(|peer| peer.consensus.clone()).collect();
        let sync = ValueSyncConfig {
            status_update_interval: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
            batch_size: 50,
            ..ValueSyncConfig::default()
        };
        Self { moniker: hex::encode(&settings.key.public()[..4]), consensus, sync }
    }
}

impl Node {
    /// Starts a node of a Galen ledger. Needs a tokio runtime.
    ///
    /// # Errors
    /// When genesis, parameters, folder or network do not fit; every error says what to do.
    pub async fn start(config: NodeConfig) -> Result<NodeHandle, NodeError> {
        if config.genesis.network == Network::Production && config.verifier.is_forgeable() {
            return Err(NodeError::ForgeableParameters);
        }
        let rules = Ledger::new(&config.genesis, config.verifier).map_err(NodeError::Genesis)?;
        Self::start_with(GalenLedger::new(rules, config.genesis), config.settings).await
    }

    /// Starts a node of any ledger.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with<A: Application>(
        application: A,
        settings: NodeSettings,
    ) -> Result<NodeHandle<A>, NodeError> {
        let application = Arc::new(application);
        let chain_id = application.chain_id();
        let io = |path: &PathBuf| {
            let path = path.clone();
            move |error| NodeError::Io { path, error }
        };
        std::fs::create_dir_all(&settings.data).map_err(io(&settings.data))?;
        let genesis = || application.genesis().map_err(|error| error.to_string());
        let store = Arc::new(Store::open(&settings.data.join("ledger"), chain_id, genesis)?);
        let wal = settings.data.join("consensus.wal");
        inspect(&wal, store.tip().height.saturating_add(1))?;
        let admission = Arc::new(Admission::new(application, store.clone(), settings.limits)?);
        let validators = admission.application().validators(&*store.snapshot()).map_err(EngineError::State)?;
        ValidatorSet::new(&validators).map_err(EngineError::Validators)?;

        let signing = Signing::new(chain_id, settings.key.signing());
        let verifying = Verifying::new(chain_id);
        let (height, heights) = watch::channel(store.tip().height);
        let signals = Signals { wake: Arc::new(Notify::new()), heads: Arc::default(), height };
        let identity = identity(&settings, &signing).await?;
        let address = Address(settings.key.public());
        let (channels, consensus) = EngineBuilder::new(GalenContext, Consensus::new(&settings))
            .with_default_wal(WalContext::new(wal, Borsh))
            .with_default_network(NetworkContext::new(identity, Borsh))
            .with_default_sync(SyncContext::new(Borsh))
            .with_default_consensus(ConsensusContext::new_validator(
                address,
                Box::new(verifying),
                Box::new(signing.clone()),
            ))
            .with_default_request(RequestContext::new(100))
            .build()
            .await
            .map_err(|error| NodeError::Start(format!("{error:#}")))?;
        let engine = Engine::new(
            admission.clone(),
            store.clone(),
            signing.clone(),
            settings.timeouts.linear(),
            signals.clone(),
            channels.network.clone(),
        )?;
        let (stopped, _) = watch::channel(None);
        let application = {
            let (runtime, stopped) = (tokio::runtime::Handle::current(), stopped.clone());
            let run = move || {
                let ended = runtime.block_on(engine.run(channels));
                if let Err(error) = ended {
                    stopped.send_if_modified(|reason| {
                        let first = reason.is_none();
                        if first {
                            tracing::error!(%error, "the node stops");
                            *reason = Some(error.to_string());
                        }
                        first
                    });
                }
            };
            let thread = std::thread::Builder::new().name("galen-engine".into());
            thread.spawn(run).map_err(|error| NodeError::Start(error.to_string()))?
        };
        let node = NodeHandle(Arc::new(Shared {
            admission,
            store,
            key: settings.key.public(),
            signing,
            verifying,
            signals,
            heights,
            stopped,
            gossip: Mutex::new(None),
            engine: Mutex::new(Some(Running { consensus, application })),
        }));
        if let Some(network) = settings.network {
            let config = GossipConfig {
                listen: network.pending,
                peers: network.peers.into_iter().map(|peer| peer.pending).collect(),
                identity: settings.key.network(),
                chain_id,
            };
            match Gossip::join(config, Arc::new(Incoming(Arc::downgrade(&node.0)))) {
                Ok(gossip) => *lock(&node.0.gossip) = Some(gossip),
                Err(error) => {
                    node.shutdown().await;
                    return Err(error.into());
                }
            }
        }
        Ok(node)
    }
}

async fn identity(settings: &NodeSettings, signing: &Signing) -> Result<NetworkIdentity, NodeError> {
    let keypair = settings.key.network();
    let peer = keypair.public().to_peer_id().to_bytes();
    let proof = signing
        .sign_validator_proof(signing.public().to_vec(), peer)
        .await
        .map_err(|error| NodeError::Start(error.to_string()))?;
    let proof = Borsh.encode(&proof).map_err(|error| NodeError::Start(error.to_string()))?;
    let moniker = hex::encode(&settings.key.public()[..4]);
    Ok(NetworkIdentity::new_validator(moniker, keypair, Address(signing.public()).to_string(), proof))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Application> Shared<A> {
    fn publish(&self, message: Message) {
        if let Some(gossip) = &*lock(&self.gossip) {
            gossip.publish(message);
        }
    }

    fn validators(&self) -> Option<ValidatorSet> {
        let validators = self.admission.application().validators(&*self.store.snapshot()).ok()?;
        ValidatorSet::new(&validators).ok()
    }
}

/// What the network brings, for as long as the node lives.
struct Incoming<A: Application>(std::sync::Weak<Shared<A>>);

impl<A: Application> Inbox for Incoming<A> {
    fn receive(&self, message: Message) -> Verdict {
        let Some(node) = self.0.upgrade() else { return Verdict::Drop };
        match message {
            Message::Transaction { bytes, .. } => {
                // A failed check is the sender's fault; what the state says may differ between nodes.
                if node.admission.check(&bytes).is_err() {
                    return Verdict::Blame;
                }
                match node.admission.submit(&bytes, false) {
                    Ok(_) => {
                        node.signals.wake.notify_one();
                        Verdict::Pass
                    }
                    Err(SubmitError::Mempool(crate::mempool::MempoolError::Duplicate)) => Verdict::Pass,
                    Err(_) => Verdict::Drop,
                }
            }
            Message::Head(head) => {
                if !node.verifying.said(&head) {
                    return Verdict::Blame;
                }
                let Some(validators) = node.validators() else { return Verdict::Drop };
                if !validators.contains(&Address(head.validator)) {
                    return Verdict::Drop;
                }
                let mut heads = lock(&node.signals.heads);
                heads.retain(|validator, _| validators.contains(&Address(*validator)));
                let known = heads.entry(head.validator).or_default();
                let news = head.height > *known;
                *known = head.height.max(*known);
                drop(heads);
                if news {
                    node.signals.wake.notify_one();
                    Verdict::Pass
                } else {
                    Verdict::Drop
                }
            }
        }
    }

    fn offers(&self) -> Vec<Message> {
        let Some(node) = self.0.upgrade() else { return Vec::new() };
        let offer = clock_ms();
        let pending = node.admission.offers(OFFER_BYTES).into_iter();
        let head = Message::Head(node.signing.head(node.store.tip().height));
        pending.map(|bytes| Message::Transaction { bytes, offer }).chain([head]).collect()
    }
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
            node.publish(Message::Transaction { bytes, offer: 0 });
            Ok(Acknowledged { id })
        });
        submitted.await.unwrap_or(Err(SubmitError::Stopping))
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

    /// What happened in a block, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events(&self, height: u64) -> Result<Option<Vec<A::Event>>, StoreError> {
        let Some(bytes) = self.0.store.events(height)? else { return Ok(None) };
        borsh::from_slice(&bytes).map(Some).map_err(|_| StoreError::Corrupt(format!("the events of block {height}")))
    }

    /// What a decided transaction did.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receipt(&self, id: &TransactionId) -> Result<Option<A::Receipt>, StoreError> {
        let Some((height, index)) = self.0.store.transaction(id)? else { return Ok(None) };
        let Some(bytes) = self.0.store.receipt(height, index)? else { return Ok(None) };
        borsh::from_slice(&bytes).map(Some).map_err(|_| StoreError::Corrupt(format!("a receipt of block {height}")))
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
    pub async fn wait_for(&self, id: &TransactionId, timeout: Duration) -> Result<TransactionStatus, StoreError> {
        let mut heights = self.subscribe();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            heights.mark_unchanged();
            let status = self.transaction(id)?;
            if matches!(status, TransactionStatus::Final { .. } | TransactionStatus::Dropped { .. }) {
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
