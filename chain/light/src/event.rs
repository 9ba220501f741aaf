//! Proofs that an event happened in a block: a place in the tree over the block's events, whose root
//! is in the header. The tree is the one of a package's leaves: RFC 6962's shape, with the number of
//! leaves in the root.

use galen_market::codec::{Bytes, decode_exact};
use galen_market::event::Event;
use galen_market::segment::{LeafTree, RangeProof, bytes_hash};
use serde::{Deserialize, Serialize};

use crate::header::Header;

/// The longest event, in bytes.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// Root of the tree over a block's events, each given by its canonical bytes; zeros without any.
#[must_use]
pub fn events_root<'a>(events: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let hashes = events.into_iter().map(bytes_hash).collect();
    LeafTree::over(hashes).map(|tree| tree.root()).unwrap_or_default()
}

/// That an event stands at a place in a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventProof {
    /// Its canonical bytes.
    pub event: Bytes<MAX_EVENT_BYTES>,
    /// Its place in the block, from 0.
    pub index: u64,
    /// How many events the block has.
    pub total: u64,
    /// The nodes beside it.
    pub path: RangeProof,
}

/// Why a proof is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventProofError {
    /// It leads elsewhere.
    #[error("the proof does not lead to the events of block {height}")]
    Root {
        /// The block's height.
        height: u64,
    },
    /// The bytes are no event of this version.
    #[error("the proven bytes are not an event: {0}")]
    Bytes(String),
}

impl EventProof {
    /// Proves the event at a place among all of a block; none if there is no such place.
    #[must_use]
    pub fn new(events: &[Vec<u8>], index: u64) -> Option<Self> {
        let event = Bytes::new(events.get(usize::try_from(index).ok()?)?.clone()).ok()?;
        let tree = LeafTree::over(events.iter().map(|event| bytes_hash(event)).collect())?;
        Some(Self { event, index, total: tree.leaves(), path: tree.prove(index, 1)? })
    }

    /// Checks the proof against a header and reads the event.
    ///
    /// # Errors
    /// When the header's block has no such event at this place.
    pub fn verify(&self, header: &Header) -> Result<Event, EventProofError> {
        let root = self.path.root_over(self.total, self.index, vec![bytes_hash(&self.event)]);
        if root != Some(header.events) {
            return Err(EventProofError::Root { height: header.height });
        }
        decode_exact(&self.event).map_err(|error| EventProofError::Bytes(error.0))
    }
}
