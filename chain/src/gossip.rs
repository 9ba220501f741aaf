//! Pending transactions on their way between nodes, and what height each validator has reached:
//! gossipsub over a libp2p network of its own, as consensus carries nothing but its own messages.
//!
//! A message is looked at before it is passed on: what breaks a rule that needs no state is dropped
//! and counts against the peer that sent it. Work that waits is bounded.

use borsh::{BorshDeserialize, BorshSerialize};
use libp2p::futures::StreamExt;
use libp2p::gossipsub::{
    self, IdentTopic, MessageAcceptance, MessageAuthenticity, MessageId, ValidationMode,
};
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, connection_limits, noise, tcp, yamux};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, warn};

/// The longest message: the largest transaction and what surrounds it.
const MAX_MESSAGE_BYTES: usize = 512 << 10;
/// Messages that may wait to be looked at, and to be sent.
const MAX_QUEUE: usize = 256;
/// How often peers that are missing are dialled, and pending transactions offered again.
const TICK: Duration = Duration::from_secs(2);
/// Bytes of transactions that are offered again at a tick.
pub const OFFER_BYTES: usize = 1 << 20;

/// What travels.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// A pending transaction. The number only makes an offer differ from the one before, which the
    /// network would not carry twice.
    Transaction {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Which offer this is.
        offer: u64,
    },
    /// How far a validator is.
    Head(Head),
}

/// A validator's signed word on the height of its last block.
#[derive(Copy, Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// The height.
    pub height: u64,
    /// The validator's consensus key.
    pub validator: [u8; 32],
    /// Its signature.
    pub signature: [u8; 64],
}

/// What is to be done with a message.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Pass it on.
    Pass,
    /// Drop it; nobody is to blame.
    Drop,
    /// Drop it; an honest peer would not have sent it.
    Blame,
}

/// What the network is for.
pub trait Inbox: Send + Sync + 'static {
    /// A message came in. May block.
    fn receive(&self, message: Message) -> Verdict;
    /// What to tell peers now and then.
    fn offers(&self) -> Vec<Message>;
}

/// Where to listen and whom to dial.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// Own address.
    pub listen: Multiaddr,
    /// Addresses of others.
    pub peers: Vec<Multiaddr>,
    /// The network's identity of this node.
    pub identity: Keypair,
    /// Messages of other ledgers are not heard.
    pub chain_id: [u8; 32],
}

/// The network could not be joined.
#[derive(Debug, thiserror::Error)]
#[error("the network for pending transactions cannot be joined: {0}")]
pub struct GossipError(String);

/// A running network.
pub struct Gossip {
    outbox: mpsc::Sender<Message>,
    peers: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossip: gossipsub::Behaviour,
    limits: connection_limits::Behaviour,
}

impl Gossip {
    /// Joins the network.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn join(config: GossipConfig, inbox: Arc<dyn Inbox>) -> Result<Self, GossipError> {
        let topic = IdentTopic::new(format!("galen/pending/1/{}", hex::encode(config.chain_id)));
        let mut swarm = swarm(&config, &topic).map_err(GossipError)?;
        swarm
            .listen_on(config.listen.clone())
            .map_err(|error| GossipError(format!("{}: {error}", config.listen)))?;
        let (outbox, sent) = mpsc::channel(MAX_QUEUE);
        let peers = Arc::new(AtomicUsize::new(0));
        let run = Run {
            swarm,
            topic,
            inbox,
            dial: config.peers,
            reached: BTreeMap::new(),
            refused: BTreeSet::new(),
            peers: peers.clone(),
        };
        Ok(Self { outbox, peers, task: tokio::spawn(run.run(sent)) })
    }

    /// Tells peers. A full queue drops the message: it is offered again later.
    pub fn publish(&self, message: Message) {
        let _ = self.outbox.try_send(message);
    }

    /// Number of connected peers.
    pub fn peers(&self) -> usize {
        self.peers.load(Ordering::Relaxed)
    }

    /// Leaves the network.
    pub async fn leave(self) {
        drop(self.outbox);
        let _ = self.task.await;
    }
}

fn swarm(config: &GossipConfig, topic: &IdentTopic) -> Result<Swarm<Behaviour>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let gossip = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .max_transmit_size(MAX_MESSAGE_BYTES)
        .message_id_fn(|message| MessageId::from(Sha256::digest(&message.data).to_vec()))
        .heartbeat_interval(Duration::from_millis(700))
        .duplicate_cache_time(Duration::from_secs(30))
        .flood_publish(true)
        .max_messages_per_rpc(Some(64))
        .build()
        .map_err(|error| text(&error))?;
    let mut gossip =
        gossipsub::Behaviour::new(MessageAuthenticity::Signed(config.identity.clone()), gossip)
            .map_err(|error| text(&error))?;
    let mut score =
        gossipsub::PeerScoreParams { ip_colocation_factor_weight: 0.0, ..Default::default() };
    let of_topic = gossipsub::TopicScoreParams {
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: 0.9,
        // What a peer did well before outweighs one mistake, not four.
        time_in_mesh_weight: 0.1,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 100.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_cap: 100.0,
        // A quiet ledger is no sign of a bad peer.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        ..Default::default()
    };
    score.topics.insert(topic.hash(), of_topic);
    gossip.with_peer_score(score, gossipsub::PeerScoreThresholds::default())?;
    gossip.subscribe(topic).map_err(|error| text(&error))?;
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(32))
        .with_max_pending_outgoing(Some(64))
        .with_max_established_incoming(Some(128))
        .with_max_established_outgoing(Some(128))
        .with_max_established_per_peer(Some(4));
    let behaviour = Behaviour { gossip, limits: connection_limits::Behaviour::new(limits) };
    Ok(libp2p::SwarmBuilder::with_existing_identity(config.identity.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| text(&error))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| text(&error))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build())
}

/// A message and where the verdict goes.
type Received = (MessageId, PeerId, Message);

struct Run {
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    inbox: Arc<dyn Inbox>,
    dial: Vec<Multiaddr>,
    reached: BTreeMap<PeerId, BTreeSet<Multiaddr>>,
    refused: BTreeSet<Multiaddr>,
    peers: Arc<AtomicUsize>,
}

impl Run {
    async fn run(mut self, mut sent: mpsc::Receiver<Message>) {
        let (queue, waiting) = mpsc::channel(MAX_QUEUE);
        let (verdicts, mut judged) = mpsc::channel(MAX_QUEUE);
        let worker = tokio::task::spawn_blocking({
            let inbox = self.inbox.clone();
            move || judge(&*inbox, waiting, &verdicts)
        });
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                message = sent.recv() => match message {
                    Some(message) => self.publish(&message),
                    None => break,
                },
                Some((id, peer, verdict)) = judged.recv() => self.report(&id, &peer, verdict),
                event = self.swarm.select_next_some() => self.event(event, &queue),
                _ = tick.tick() => self.tick().await,
            }
        }
        drop(queue);
        drop(judged);
        let _ = worker.await;
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>, queue: &mpsc::Sender<Received>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            })) => match borsh::from_slice(&message.data) {
                Ok(message) => {
                    if queue.try_send((message_id.clone(), propagation_source, message)).is_err() {
                        self.report(&message_id, &propagation_source, Verdict::Drop);
                    }
                }
                Err(_) => self.report(&message_id, &propagation_source, Verdict::Blame),
            },
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
                let addresses = self.reached.entry(peer_id).or_default();
                if endpoint.is_dialer() {
                    addresses.insert(endpoint.get_remote_address().clone());
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.reached.remove(&peer_id);
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                debug!(%error, "a peer cannot be reached")
            }
            SwarmEvent::ListenerError { error, .. } => {
                warn!(%error, "the network for pending transactions")
            }
            _ => {}
        }
        self.peers.store(self.reached.len(), Ordering::Relaxed);
    }

    fn report(&mut self, id: &MessageId, peer: &PeerId, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Pass => MessageAcceptance::Accept,
            Verdict::Drop => MessageAcceptance::Ignore,
            Verdict::Blame => {
                debug!(%peer, "a peer sent what breaks a rule");
                MessageAcceptance::Reject
            }
        };
        self.swarm.behaviour_mut().gossip.report_message_validation_result(id, peer, acceptance);
    }

    fn publish(&mut self, message: &Message) {
        let bytes = crate::block::encoded(message);
        if let Err(error) = self.swarm.behaviour_mut().gossip.publish(self.topic.clone(), bytes) {
            debug!(%error, "nobody hears of a message");
        }
    }

    async fn tick(&mut self) {
        let reached: BTreeSet<_> = self.reached.values().flatten().cloned().collect();
        let missing: Vec<_> =
            self.dial.iter().filter(|address| !reached.contains(address)).cloned().collect();
        for address in missing {
            let options = DialOpts::unknown_peer_id().address(address.clone()).build();
            if let Err(error) = self.swarm.dial(options)
                && self.refused.insert(address.clone())
            {
                warn!(%address, %error, "a peer's address cannot be dialled");
            }
        }
        let inbox = self.inbox.clone();
        let (reply, offers) = oneshot::channel();
        tokio::task::spawn_blocking(move || reply.send(inbox.offers()));
        for message in offers.await.unwrap_or_default() {
            self.publish(&message);
        }
    }
}

/// Looks at messages one after another, on a thread that may block.
fn judge(
    inbox: &dyn Inbox,
    mut waiting: mpsc::Receiver<Received>,
    verdicts: &mpsc::Sender<(MessageId, PeerId, Verdict)>,
) {
    while let Some((id, peer, message)) = waiting.blocking_recv() {
        if verdicts.blocking_send((id, peer, inbox.receive(message))).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
