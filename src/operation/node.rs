//! A running node with its page: what `galen node run` and the demonstration start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use galen_chain::{
    NetworkConfig, Node, NodeConfig, NodeError, NodeHandle, NodeKey, NodeSettings, Peer, Timeouts,
};
use galen_market::genesis::Genesis;
use galen_web::store::{Store, StoreError};
use galen_web::{RateLimits, Server, ServerConfig, ServerError};

use super::genesis::verifier;
use crate::error::{Exit, Failure};

/// Where a node keeps the packages that it serves, in its folder.
pub const PACKAGES: &str = "packages";

/// How to run a node.
pub struct NodePlan {
    /// Its folder.
    pub data: PathBuf,
    /// What the ledger starts from.
    pub genesis: Genesis,
    /// Votes if it belongs to a validator.
    pub key: NodeKey,
    /// Other nodes; none for a node by itself.
    pub network: Option<NetworkConfig>,
    /// How long to wait for other validators.
    pub timeouts: Timeouts,
    /// Where the interface and the page listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where packages lie: a folder or `s3://BUCKET/PREFIX`; [`PACKAGES`] in the node's folder if not
    /// given.
    pub packages: Option<String>,
    /// How the interface is offered.
    pub offered: Offered,
}

/// How a node's interface is offered.
#[derive(Clone, Default)]
pub struct Offered {
    /// Where the world finds it.
    pub public: Option<String>,
    /// How much each client may ask for; anything if not given.
    pub limits: Option<RateLimits>,
    /// Where the operator reads metrics.
    pub metrics: Option<SocketAddr>,
}

impl NodePlan {
    /// A node by itself that listens on a loopback port.
    pub fn alone(data: &Path, genesis: Genesis, key: NodeKey, port: u16) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            data: data.to_owned(),
            genesis,
            key,
            network: None,
            timeouts: Timeouts::default(),
            listen,
            packages: None,
            offered: Offered::default(),
        }
    }
}

/// A node that runs, with its server.
pub struct RunningNode {
    /// The node.
    pub node: NodeHandle,
    server: Server,
}

impl RunningNode {
    /// Starts both. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the folder, the address or the network cannot be used.
    pub async fn start(plan: NodePlan) -> Result<Self, Failure> {
        let NodePlan { data, genesis, key, network, timeouts, listen, packages, offered } = plan;
        let store = match packages {
            Some(address) => Store::open(&address)?,
            None => Store::folder(&data.join(PACKAGES))?,
        };
        let verifier = verifier(genesis.network)?;
        let settings = NodeSettings { network, timeouts, ..NodeSettings::alone(data.clone(), key) };
        let node = Node::start(NodeConfig { settings, genesis, verifier }).await?;
        let Offered { public, limits, metrics } = offered;
        let texts = data.join(PACKAGES).join("texts");
        let server =
            ServerConfig { public, limits, metrics, ..ServerConfig::new(listen, store, texts) };
        match galen_web::start(server, node.clone()).await {
            Ok(server) => Ok(Self { node, server }),
            Err(error) => {
                node.shutdown().await;
                Err(error.into())
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The address to give to a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Stops both, and frees the folder.
    pub async fn stop(self) {
        self.server.stop().await;
        self.node.shutdown().await;
    }
}

/// A node that runs beside a program that is not asynchronous.
pub struct Background {
    running: Option<RunningNode>,
    runtime: tokio::runtime::Runtime,
}

impl Background {
    /// Starts a node on threads of its own. Must not be called on a tokio runtime.
    ///
    /// # Errors
    /// As [`RunningNode::start`].
    pub fn start(plan: NodePlan) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let running = Some(runtime.block_on(RunningNode::start(plan))?);
        Ok(Self { running, runtime })
    }

    /// The node, until it is stopped.
    pub fn node(&self) -> Option<&NodeHandle> {
        self.running.as_ref().map(|running| &running.node)
    }

    /// The address to give to a client.
    pub fn url(&self) -> String {
        self.running.as_ref().map(RunningNode::url).unwrap_or_default()
    }

    /// Stops the node and frees the folder.
    pub fn stop(mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// A runtime for a node.
///
/// # Errors
/// When threads cannot be started.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failure, "node.threads", error.to_string()))
}

/// Another node, from `CONSENSUS,PENDING`: its two addresses.
///
/// # Errors
/// A text that is not two addresses such as `/ip4/10.0.0.2/tcp/4851`.
pub fn peer(text: &str) -> Result<Peer, Failure> {
    let wrong = || {
        Failure::usage(format!("`{text}` does not name a node"))
            .remedy("give its two addresses as /ip4/10.0.0.2/tcp/4851,/ip4/10.0.0.2/tcp/4852")
    };
    let (consensus, pending) = text.split_once(',').ok_or_else(wrong)?;
    Ok(Peer {
        consensus: consensus.parse().map_err(|_| wrong())?,
        pending: pending.parse().map_err(|_| wrong())?,
    })
}

/// Where a node of a consortium listens, and whom it knows.
///
/// # Errors
/// A text that is not an address.
pub fn network(consensus: &str, pending: &str, peers: &[String]) -> Result<NetworkConfig, Failure> {
    let wrong = |text: &str| {
        Failure::usage(format!("`{text}` is not an address"))
            .remedy("write it as /ip4/0.0.0.0/tcp/4851")
    };
    Ok(NetworkConfig {
        consensus: consensus.parse().map_err(|_| wrong(consensus))?,
        pending: pending.parse().map_err(|_| wrong(pending))?,
        peers: peers.iter().map(|text| peer(text)).collect::<Result<_, _>>()?,
    })
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let (exit, code, remedy) = match &error {
            NodeError::Genesis(_) => {
                (Exit::Input, "node.genesis", "use the genesis of the ledger, as it was made")
            }
            NodeError::ForgeableParameters => (
                Exit::Failure,
                "parameters.forgeable",
                "name the folder of a ceremony in GALEN_CEREMONY",
            ),
            NodeError::Store(_) => (
                Exit::Failure,
                "node.store",
                "check that no other node uses the folder, that it belongs to this genesis, and that there is space",
            ),
            NodeError::Wal(_) => (
                Exit::Failure,
                "node.log",
                "do not delete it blindly: a validator that forgets its votes may vote twice",
            ),
            NodeError::Io { .. } => {
                (Exit::Failure, "file.io", "check the folder's owner, permissions and free space")
            }
            NodeError::Gossip(_) | NodeError::Start(_) => (
                Exit::Failure,
                "node.network",
                "check that the addresses are this machine's and free",
            ),
            NodeError::Engine(_) | NodeError::Stopped(_) => {
                (Exit::Failure, "node.stopped", "start it again; it goes on where it stopped")
            }
        };
        Self::new(exit, code, error.to_string()).remedy(remedy)
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        let remedy = match &error {
            ServerError::Listen { .. } => {
                "stop what listens there, or choose another address with --listen"
            }
            ServerError::Texts { .. } => "check the folder's owner and permissions",
        };
        Self::new(Exit::Failure, "node.server", error.to_string()).remedy(remedy)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let remedy = match &error {
            StoreError::Address(_) => "give the path of a folder, or s3://BUCKET/PREFIX",
            StoreError::Store(_) => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, and that the bucket exists"
            }
            _ => "check the folder's owner and permissions",
        };
        Self::new(Exit::Failure, "store", error.to_string()).remedy(remedy)
    }
}
