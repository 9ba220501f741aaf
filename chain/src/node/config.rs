//! What a node is told: folder, key, network and patience.

use crate::key::NodeKey;
use crate::mempool::Limits;
use arc_malachitebft_app_channel::app::config::{
    ConsensusConfig, NodeConfig as EngineConfig, ValueSyncConfig,
};
use arc_malachitebft_app_channel::app::types::core::LinearTimeouts;
use libp2p::Multiaddr;
use std::path::PathBuf;
use std::time::Duration;

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
    pub(super) fn linear(self) -> LinearTimeouts {
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

/// The same for Malachite.
#[derive(Clone)]
pub(super) struct Consensus {
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
    pub(super) fn new(settings: &NodeSettings) -> Self {
        let mut consensus = ConsensusConfig::default();
        let alone = || LOOPBACK.parse().expect("the address is well-formed");
        consensus.p2p.listen_addr =
            settings.network.as_ref().map_or_else(alone, |network| network.consensus.clone());
        consensus.p2p.persistent_peers = settings
            .network
            .iter()
            .flat_map(|network| &network.peers)
            .map(|peer| peer.consensus.clone())
            .collect();
        let sync = ValueSyncConfig {
            status_update_interval: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
            batch_size: 50,
            ..ValueSyncConfig::default()
        };
        Self { moniker: hex::encode(&settings.key.public()[..4]), consensus, sync }
    }
}
