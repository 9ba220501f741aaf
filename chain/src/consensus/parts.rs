//! Blocks in pieces: cutting a proposal into parts and putting the parts of others together again,
//! within bounds that no peer can widen.

use super::types::Address;
use super::types::{Announcement, ProposalPart};
use crate::block::{Block, MAX_BLOCK_BYTES};
use crate::store::Undecided;
use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use std::collections::BTreeMap;

/// Bytes of a block in one part.
pub const CHUNK_BYTES: usize = 128 << 10;
/// Parts of the largest block, without the announcement.
const MAX_CHUNKS: usize = MAX_BLOCK_BYTES.div_ceil(CHUNK_BYTES);
/// Proposals that may be in pieces at once, of one publisher and of all.
const MAX_STREAMS_OF_ONE: usize = 4;
const MAX_STREAMS: usize = 16;

/// The messages that carry a proposal.
pub fn cut(
    proposal: &Undecided,
    signature: [u8; 64],
    stream: Vec<u8>,
) -> Vec<StreamMessage<ProposalPart>> {
    let chunks: Vec<_> = proposal.block.chunks(CHUNK_BYTES).collect();
    let announcement = Announcement {
        height: proposal.height,
        round: proposal.round,
        id: proposal.id,
        proposer: Address(proposal.proposer),
        chunks: u16::try_from(chunks.len()).expect("a block has fewer than 2^16 chunks"),
        signature,
    };
    let last = chunks.len().saturating_sub(1);
    let parts = chunks.into_iter().enumerate().map(|(index, bytes)| ProposalPart::Chunk {
        index: u16::try_from(index).expect("a block has fewer than 2^16 chunks"),
        bytes: bytes.to_vec(),
        last: index == last,
    });
    let stream = StreamId::new(stream.into());
    (0..)
        .zip(std::iter::once(ProposalPart::Announcement(announcement)).chain(parts))
        .map(|(sequence, part)| {
            StreamMessage::new(stream.clone(), sequence, StreamContent::Data(part))
        })
        .collect()
}

/// A proposal that is still in pieces.
#[derive(Default)]
struct Pieces {
    announcement: Option<Announcement>,
    chunks: BTreeMap<u16, Vec<u8>>,
    age: u64,
}

/// Puts parts together. Parts of one proposal share their publisher and the name of their stream;
/// they may arrive in any order and through any neighbour.
#[derive(Default)]
pub struct Assembly {
    streams: BTreeMap<(PeerId, Vec<u8>), Pieces>,
    clock: u64,
}

/// A proposal that arrived completely, named and signed as announced.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What was announced.
    pub announcement: Announcement,
    /// The encoded block.
    pub bytes: Vec<u8>,
}

impl Assembly {
    /// Takes one part in. `wanted` says whether an announced proposal is worth collecting, which
    /// includes its signature.
    pub fn insert(
        &mut self,
        publisher: PeerId,
        message: StreamMessage<ProposalPart>,
        wanted: impl FnOnce(&Announcement) -> bool,
    ) -> Option<Arrived> {
        let key = (publisher, message.stream_id.to_bytes().to_vec());
        let part = message.content.into_data()?;
        if !self.streams.contains_key(&key) {
            self.make_room(&key.0);
        }
        self.clock += 1;
        let pieces = self
            .streams
            .entry(key.clone())
            .or_insert_with(|| Pieces { age: self.clock, ..Pieces::default() });
        match part {
            ProposalPart::Announcement(announcement) => {
                let possible = (1..=MAX_CHUNKS).contains(&usize::from(announcement.chunks));
                if pieces.announcement.is_some() || !possible || !wanted(&announcement) {
                    self.streams.remove(&key);
                    return None;
                }
                pieces.chunks.retain(|index, _| *index < announcement.chunks);
                pieces.announcement = Some(announcement);
            }
            ProposalPart::Chunk { index, bytes, last: _ } => {
                let end = pieces
                    .announcement
                    .map_or(MAX_CHUNKS, |announcement| usize::from(announcement.chunks));
                if usize::from(index) >= end || bytes.len() > CHUNK_BYTES {
                    self.streams.remove(&key);
                    return None;
                }
                pieces.chunks.insert(index, bytes);
            }
        }
        let announcement = pieces.announcement?;
        if pieces.chunks.len() < usize::from(announcement.chunks) {
            return None;
        }
        let pieces = self.streams.remove(&key)?;
        Some(Arrived { announcement, bytes: pieces.chunks.into_values().flatten().collect() })
    }

    /// Forgets proposals of heights that are decided.
    pub fn forget(&mut self, height: u64) {
        self.streams.retain(|_, pieces| {
            pieces.announcement.is_none_or(|announcement| announcement.height > height)
        });
    }

    /// The oldest stream makes way: a publisher's own if it has too many, else anyone's.
    fn make_room(&mut self, publisher: &PeerId) {
        let oldest = |of: Option<&PeerId>| {
            self.streams
                .iter()
                .filter(|((peer, _), _)| of.is_none_or(|of| of == peer))
                .min_by_key(|(_, pieces)| pieces.age)
                .map(|(key, _)| key.clone())
        };
        let own = self.streams.keys().filter(|(peer, _)| peer == publisher).count();
        let evicted = if own >= MAX_STREAMS_OF_ONE {
            oldest(Some(publisher))
        } else if self.streams.len() >= MAX_STREAMS {
            oldest(None)
        } else {
            None
        };
        if let Some(key) = evicted {
            self.streams.remove(&key);
        }
    }
}

/// The block of a proposal, if the announcement tells the truth about it.
pub fn announced_block(arrived: &Arrived) -> Option<Block> {
    let block = Block::decode(&arrived.bytes).ok()?;
    let a = &arrived.announcement;
    let honest = block.id() == a.id
        && block.header.height == a.height
        && block.header.proposer == a.proposer.0;
    honest.then_some(block)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::block::{BlockId, Header, transactions_hash};

    fn proposal(bytes: usize) -> Undecided {
        let transactions = vec![vec![9; bytes]];
        let header = Header {
            chain_id: [1; 32],
            height: 4,
            time_ms: 1,
            parent: BlockId([0; 32]),
            proposer: [5; 32],
            transactions: transactions_hash(&transactions),
            events: [0; 32],
            state_root: [0; 32],
            validators: [0; 32],
            next_validators: [0; 32],
        };
        let block = Block { header, transactions };
        Undecided {
            height: 4,
            round: 0,
            id: block.id(),
            proposer: [5; 32],
            signature: None,
            block: block.encode(),
        }
    }

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes(&[&[0x12, 0x20][..], &[n; 32]].concat()).unwrap()
    }

    #[test]
    fn parts_in_any_order_make_the_block() {
        let proposal = proposal(CHUNK_BYTES * 5 / 2);
        let mut messages = cut(&proposal, [0; 64], vec![1]);
        assert_eq!(messages.len(), 4);
        for _ in 0..messages.len() {
            messages.rotate_left(1);
            let mut assembly = Assembly::default();
            let arrived: Vec<_> = messages
                .iter()
                .filter_map(|m| assembly.insert(peer(1), m.clone(), |_| true))
                .collect();
            assert_eq!(arrived.len(), 1);
            assert_eq!(arrived[0].bytes, proposal.block);
            assert_eq!(announced_block(&arrived[0]).unwrap().id(), proposal.id);
            assert!(assembly.streams.is_empty());
        }
    }

    #[test]
    fn parts_of_different_publishers_do_not_mix() {
        let messages = cut(&proposal(CHUNK_BYTES * 2), [0; 64], vec![1]);
        let mut assembly = Assembly::default();
        for (n, message) in (0u8..).zip(messages) {
            assert!(assembly.insert(peer(n % 2), message, |_| true).is_none());
        }
    }

    #[test]
    fn an_unwanted_or_impossible_announcement_is_dropped() {
        let messages = cut(&proposal(10), [0; 64], vec![1]);
        let mut assembly = Assembly::default();
        assert!(assembly.insert(peer(1), messages[0].clone(), |_| false).is_none());
        assert!(assembly.streams.is_empty());

        let mut endless = messages[0].clone();
        if let StreamContent::Data(ProposalPart::Announcement(announcement)) = &mut endless.content
        {
            announcement.chunks = u16::MAX;
        }
        assert!(assembly.insert(peer(1), endless, |_| true).is_none());
        assert!(assembly.streams.is_empty());
    }

    #[test]
    fn memory_is_bounded_whatever_is_sent() {
        let mut assembly = Assembly::default();
        for stream in 0..1000u32 {
            let chunk = ProposalPart::Chunk { index: 0, bytes: vec![0; 10], last: false };
            let id = StreamId::new(stream.to_be_bytes().to_vec().into());
            let message = StreamMessage::new(id, 0, StreamContent::Data(chunk));
            assembly.insert(peer((stream % 100) as u8), message, |_| true);
            assert!(assembly.streams.len() <= MAX_STREAMS);
        }
        let of_one =
            |assembly: &Assembly| assembly.streams.keys().filter(|(p, _)| *p == peer(200)).count();
        for stream in 0..100u32 {
            let chunk = ProposalPart::Chunk { index: 0, bytes: vec![0; 10], last: false };
            let id = StreamId::new(stream.to_be_bytes().to_vec().into());
            assembly.insert(
                peer(200),
                StreamMessage::new(id, 0, StreamContent::Data(chunk)),
                |_| true,
            );
            assert!(of_one(&assembly) <= MAX_STREAMS_OF_ONE);
        }
    }

    #[test]
    fn a_block_other_than_the_announced_is_refused() {
        let messages = cut(&proposal(10), [0; 64], vec![1]);
        let mut assembly = Assembly::default();
        let mut lie = messages.clone();
        if let StreamContent::Data(ProposalPart::Announcement(announcement)) = &mut lie[0].content {
            announcement.id = BlockId([8; 32]);
        }
        let arrived = lie.into_iter().find_map(|m| assembly.insert(peer(1), m, |_| true)).unwrap();
        assert!(announced_block(&arrived).is_none());
        let arrived =
            messages.into_iter().find_map(|m| assembly.insert(peer(1), m, |_| true)).unwrap();
        assert!(announced_block(&arrived).is_some());
    }
}
