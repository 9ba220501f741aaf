//! A node: store, mempool, consensus and network put together, and the handle through which
//! everything else speaks to it.

mod config;
mod handle;
mod incoming;
mod status;

pub use config::{NetworkConfig, NodeSettings, Peer, Timeouts};
pub use status::{Acknowledged, NodeStatus, TransactionStatus};

use crate::admission::Admission;
use crate::consensus::codec::Borsh;
use crate::consensus::signing::{Signing, Verifying};
use crate::consensus::types::{Address, GalenContext};
use crate::consensus::validators::ValidatorSet;
use crate::consensus::{Engine, EngineError, Signals, WalError, inspect};
use crate::execute::Application;
use crate::gossip::{Gossip, GossipConfig, GossipError, Message};
use crate::ledger::GalenLedger;
use crate::store::{Store, StoreError};
use arc_malachitebft_app_channel::app::types::codec::Codec as _;
use arc_malachitebft_app_channel::{
    ConsensusContext, EngineBuilder, EngineHandle, NetworkContext, NetworkIdentity, RequestContext,
    Signer as _, SyncContext, WalContext,
};
use config::Consensus;
use galen_market::error::TxError;
use galen_market::genesis::{Genesis, Network};
use galen_market::ledger::Ledger;
use galen_zk::keys::Verifier;
use incoming::Incoming;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

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
        let validators =
            admission.application().validators(&*store.snapshot()).map_err(EngineError::State)?;
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
            settings.network.is_none(),
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

async fn identity(
    settings: &NodeSettings,
    signing: &Signing,
) -> Result<NetworkIdentity, NodeError> {
    let keypair = settings.key.network();
    let peer = keypair.public().to_peer_id().to_bytes();
    let proof = signing
        .sign_validator_proof(signing.public().to_vec(), peer)
        .await
        .map_err(|error| NodeError::Start(error.to_string()))?;
    let proof = Borsh.encode(&proof).map_err(|error| NodeError::Start(error.to_string()))?;
    let moniker = hex::encode(&settings.key.public()[..4]);
    Ok(NetworkIdentity::new_validator(
        moniker,
        keypair,
        Address(signing.public()).to_string(),
        proof,
    ))
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
