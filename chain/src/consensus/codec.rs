//! Bytes of consensus messages, on the wire and in the write-ahead log: borsh of the mirrors below.
//! Decoding refuses trailing bytes and lists longer than any set of validators.

mod certificate;

use super::signing::Signature;
use super::types::{Address, GalenContext, Height, Proposal, ProposalPart, Value, Vote};
use crate::block::{BlockId, MAX_BLOCK_BYTES};
use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, ExtendedCommitCertificate, NilOrVal, PolkaCertificate, Round,
    RoundCertificate, SignedMessage, ValidatorProof, Validity, VoteExtensions, VoteType,
};
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue, SignedConsensusMsg};
use arc_malachitebft_sync::{
    RawDecidedValue, Request, Response, Status, ValueRequest, ValueResponse,
};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use certificate::{MirroredCertificate, MirroredRoundCertificate};
use galen_light::{CommitSignature, MAX_VALIDATORS};
use galen_market::codec::Bounded;
use galen_market::id::ConsensusKey;

/// The most blocks in an answer to a node that is behind.
const MAX_VALUES: usize = 256;
/// The longest name of a stream of parts.
const MAX_STREAM_ID: usize = 64;

/// Bytes are not the message that they should be.
#[derive(Debug, thiserror::Error)]
#[error("not a consensus message: {0}")]
pub struct CodecError(String);

fn refuse(why: &str) -> CodecError {
    CodecError(why.into())
}

/// The codec of every message.
#[derive(Copy, Clone, Debug)]
pub struct Borsh;

/// A type as it is written: `Self::Mirror` derives the bytes.
trait Mirrored: Sized {
    type Mirror: BorshSerialize + BorshDeserialize;
    fn mirror(&self) -> Self::Mirror;
    fn restore(mirror: Self::Mirror) -> Result<Self, CodecError>;
}

macro_rules! codec {
    ($($message:ty),* $(,)?) => {$(
        impl Codec<$message> for Borsh {
            type Error = CodecError;

            fn decode(&self, bytes: Bytes) -> Result<$message, CodecError> {
                <$message>::restore(borsh::from_slice(&bytes).map_err(|error| CodecError(error.to_string()))?)
            }

            fn encode(&self, message: &$message) -> Result<Bytes, CodecError> {
                borsh::to_vec(&message.mirror()).map(Bytes::from).map_err(|error| CodecError(error.to_string()))
            }
        }
    )*};
}

codec!(
    ProposalPart,
    SignedConsensusMsg<GalenContext>,
    LivenessMsg<GalenContext>,
    StreamMessage<ProposalPart>,
    ValidatorProof<GalenContext>,
    ProposedValue<GalenContext>,
    PolkaCertificate<GalenContext>,
    CommitCertificate<GalenContext>,
    Status<GalenContext>,
    Request<GalenContext>,
    Response<GalenContext>,
);

impl HasEncodedLen<Response<GalenContext>> for Borsh {
    fn encoded_len(&self, message: &Response<GalenContext>) -> Result<usize, CodecError> {
        borsh::object_length(&message.mirror()).map_err(|error| CodecError(error.to_string()))
    }
}

/// Bytes of a certificate, as they are stored with its block.
pub fn encode_certificate(certificate: &CommitCertificate<GalenContext>) -> Vec<u8> {
    crate::block::encoded(&certificate.mirror())
}

/// Reads a certificate.
///
/// # Errors
/// When the bytes are not exactly one certificate.
pub fn decode_certificate(bytes: &[u8]) -> Result<CommitCertificate<GalenContext>, CodecError> {
    Borsh.decode(Bytes::copy_from_slice(bytes))
}

/// A stored certificate as light clients know it, which does not repeat what the header says.
///
/// # Errors
/// When the bytes are not a certificate of a block in a round.
pub fn light_certificate(bytes: &[u8]) -> Result<galen_light::Certificate, CodecError> {
    let certificate = decode_certificate(bytes)?;
    let round = certificate.round.as_u32().ok_or_else(|| refuse("it has no round"))?;
    let signatures = certificate.commit_signatures.iter().map(|signed| CommitSignature {
        validator: ConsensusKey(signed.address.0),
        signature: galen_market::id::Signature(signed.signature.0),
    });
    let signatures =
        Bounded::new(signatures.collect()).map_err(|error| CodecError(error.to_string()))?;
    Ok(galen_light::Certificate { round, signatures })
}

type MirroredRound = Option<u32>;

fn round(round: Option<u32>) -> Round {
    round.map_or(Round::Nil, Round::new)
}

fn block(value: &NilOrVal<BlockId>) -> Option<BlockId> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(*id),
    }
}

fn value(block: Option<BlockId>) -> NilOrVal<BlockId> {
    block.map_or(NilOrVal::Nil, NilOrVal::Val)
}

fn kind(precommit: bool) -> VoteType {
    if precommit { VoteType::Precommit } else { VoteType::Prevote }
}

fn bounded<T>(list: Vec<T>, most: usize, what: &str) -> Result<Vec<T>, CodecError> {
    if list.len() > most { Err(refuse(what)) } else { Ok(list) }
}

impl Mirrored for ProposalPart {
    type Mirror = ProposalPart;

    fn mirror(&self) -> Self {
        self.clone()
    }

    fn restore(part: Self) -> Result<Self, CodecError> {
        match &part {
            Self::Chunk { bytes, .. } if bytes.len() > super::parts::CHUNK_BYTES => {
                Err(refuse("a chunk is too long"))
            }
            _ => Ok(part),
        }
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct MirroredVote {
    precommit: bool,
    height: Height,
    round: MirroredRound,
    block: Option<BlockId>,
    address: Address,
    signature: Signature,
}

impl Mirrored for SignedMessage<GalenContext, Vote> {
    type Mirror = MirroredVote;

    fn mirror(&self) -> MirroredVote {
        MirroredVote {
            precommit: self.message.kind == VoteType::Precommit,
            height: self.message.height,
            round: self.message.round.as_u32(),
            block: block(&self.message.value),
            address: self.message.address,
            signature: self.signature,
        }
    }

    fn restore(m: MirroredVote) -> Result<Self, CodecError> {
        let vote = Vote {
            kind: kind(m.precommit),
            height: m.height,
            round: round(m.round),
            value: value(m.block),
            address: m.address,
        };
        Ok(Self::new(vote, m.signature))
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct MirroredProposal {
    height: Height,
    round: MirroredRound,
    block: BlockId,
    pol_round: MirroredRound,
    address: Address,
    signature: Signature,
}

#[derive(BorshSerialize, BorshDeserialize)]
enum MirroredConsensus {
    Vote(MirroredVote),
    Proposal(MirroredProposal),
}

impl Mirrored for SignedConsensusMsg<GalenContext> {
    type Mirror = MirroredConsensus;

    fn mirror(&self) -> MirroredConsensus {
        match self {
            Self::Vote(vote) => MirroredConsensus::Vote(vote.mirror()),
            Self::Proposal(signed) => MirroredConsensus::Proposal(MirroredProposal {
                height: signed.message.height,
                round: signed.message.round.as_u32(),
                block: signed.message.value.0,
                pol_round: signed.message.pol_round.as_u32(),
                address: signed.message.address,
                signature: signed.signature,
            }),
        }
    }

    fn restore(mirror: MirroredConsensus) -> Result<Self, CodecError> {
        Ok(match mirror {
            MirroredConsensus::Vote(vote) => Self::Vote(SignedMessage::restore(vote)?),
            MirroredConsensus::Proposal(m) => {
                let proposal = Proposal {
                    height: m.height,
                    round: round(m.round),
                    value: Value(m.block),
                    pol_round: round(m.pol_round),
                    address: m.address,
                };
                Self::Proposal(SignedMessage::new(proposal, m.signature))
            }
        })
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
enum MirroredLiveness {
    Vote(MirroredVote),
    Polka(MirroredCertificate),
    Round(MirroredRoundCertificate),
}

impl Mirrored for LivenessMsg<GalenContext> {
    type Mirror = MirroredLiveness;

    fn mirror(&self) -> MirroredLiveness {
        match self {
            Self::Vote(vote) => MirroredLiveness::Vote(vote.mirror()),
            Self::PolkaCertificate(certificate) => MirroredLiveness::Polka(certificate.mirror()),
            Self::SkipRoundCertificate(certificate) => {
                MirroredLiveness::Round(certificate.mirror())
            }
        }
    }

    fn restore(mirror: MirroredLiveness) -> Result<Self, CodecError> {
        Ok(match mirror {
            MirroredLiveness::Vote(vote) => Self::Vote(SignedMessage::restore(vote)?),
            MirroredLiveness::Polka(certificate) => {
                Self::PolkaCertificate(PolkaCertificate::restore(certificate)?)
            }
            MirroredLiveness::Round(certificate) => {
                Self::SkipRoundCertificate(RoundCertificate::restore(certificate)?)
            }
        })
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct MirroredStream {
    stream: Vec<u8>,
    sequence: u64,
    part: Option<ProposalPart>,
}

impl Mirrored for StreamMessage<ProposalPart> {
    type Mirror = MirroredStream;

    fn mirror(&self) -> MirroredStream {
        MirroredStream {
            stream: self.stream_id.to_bytes().to_vec(),
            sequence: self.sequence,
            part: self.content.as_data().cloned(),
        }
    }

    fn restore(m: MirroredStream) -> Result<Self, CodecError> {
        let stream = bounded(m.stream, MAX_STREAM_ID, "the stream's name is too long")?;
        let content = match m.part {
            Some(part) => StreamContent::Data(ProposalPart::restore(part)?),
            None => StreamContent::Fin,
        };
        Ok(Self::new(StreamId::new(stream.into()), m.sequence, content))
    }
}

impl Mirrored for ValidatorProof<GalenContext> {
    type Mirror = (Vec<u8>, Vec<u8>, Signature);

    fn mirror(&self) -> Self::Mirror {
        (self.public_key.clone(), self.peer_id.clone(), self.signature)
    }

    fn restore((key, peer, signature): Self::Mirror) -> Result<Self, CodecError> {
        Ok(Self::new(
            bounded(key, 32, "the key is too long")?,
            bounded(peer, 128, "the peer id is too long")?,
            signature,
        ))
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct MirroredValue {
    height: Height,
    round: MirroredRound,
    valid_round: MirroredRound,
    proposer: Address,
    block: BlockId,
    valid: bool,
}

impl Mirrored for ProposedValue<GalenContext> {
    type Mirror = MirroredValue;

    fn mirror(&self) -> MirroredValue {
        MirroredValue {
            height: self.height,
            round: self.round.as_u32(),
            valid_round: self.valid_round.as_u32(),
            proposer: self.proposer,
            block: self.value.0,
            valid: self.validity.is_valid(),
        }
    }

    fn restore(m: MirroredValue) -> Result<Self, CodecError> {
        Ok(Self {
            height: m.height,
            round: round(m.round),
            valid_round: round(m.valid_round),
            proposer: m.proposer,
            value: Value(m.block),
            validity: if m.valid { Validity::Valid } else { Validity::Invalid },
        })
    }
}

impl Mirrored for Status<GalenContext> {
    type Mirror = (Vec<u8>, Height, Height);

    fn mirror(&self) -> Self::Mirror {
        (self.peer_id.to_bytes(), self.tip_height, self.history_min_height)
    }

    fn restore((peer, tip_height, history_min_height): Self::Mirror) -> Result<Self, CodecError> {
        let peer_id = PeerId::from_bytes(&peer).map_err(|_| refuse("not a peer id"))?;
        Ok(Self { peer_id, tip_height, history_min_height })
    }
}

impl Mirrored for Request<GalenContext> {
    type Mirror = (Height, Height);

    fn mirror(&self) -> Self::Mirror {
        let Self::ValueRequest(request) = self;
        (*request.range.start(), *request.range.end())
    }

    fn restore((start, end): Self::Mirror) -> Result<Self, CodecError> {
        Ok(Self::ValueRequest(ValueRequest::new(start..=end)))
    }
}

impl Mirrored for Response<GalenContext> {
    type Mirror = (Height, Vec<(Vec<u8>, MirroredCertificate)>);

    fn mirror(&self) -> Self::Mirror {
        let Self::ValueResponse(response) = self;
        let values = response.values.iter().map(|value| {
            (value.value_bytes.to_vec(), value.certificate.trim_vote_extensions().mirror())
        });
        (response.start_height, values.collect())
    }

    fn restore((start, values): Self::Mirror) -> Result<Self, CodecError> {
        let values = bounded(values, MAX_VALUES, "too many blocks")?
            .into_iter()
            .map(|(bytes, certificate)| {
                let bytes = bounded(bytes, MAX_BLOCK_BYTES, "the block is too large")?;
                Ok(RawDecidedValue::new(
                    bytes.into(),
                    extended(CommitCertificate::restore(certificate)?),
                ))
            })
            .collect::<Result<_, CodecError>>()?;
        Ok(Self::ValueResponse(ValueResponse::new(start, values)))
    }
}

/// A certificate in the form in which nodes that are behind receive it: the ledger has no vote
/// extensions.
pub fn extended(
    certificate: CommitCertificate<GalenContext>,
) -> ExtendedCommitCertificate<GalenContext> {
    ExtendedCommitCertificate::from_commit_certificate_and_extensions(
        certificate,
        VoteExtensions::new(Vec::new()),
    )
}

#[cfg(test)]
mod tests;
