//! Bytes of certificates: many signatures of one statement.

use super::{
    CodecError, MAX_VALIDATORS, Mirrored, MirroredRound, block, bounded, kind, round, value,
};
use crate::block::BlockId;
use crate::consensus::signing::Signature;
use crate::consensus::types::{Address, GalenContext, Height};
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, CommitSignature, PolkaCertificate, PolkaSignature, RoundCertificate,
    RoundCertificateType, RoundSignature, VoteType,
};
use borsh::{BorshDeserialize, BorshSerialize};

/// A certificate of one kind of vote for one block.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct MirroredCertificate {
    height: Height,
    round: MirroredRound,
    block: BlockId,
    signatures: Vec<(Address, Signature)>,
}

impl Mirrored for PolkaCertificate<GalenContext> {
    type Mirror = MirroredCertificate;

    fn mirror(&self) -> MirroredCertificate {
        MirroredCertificate {
            height: self.height,
            round: self.round.as_u32(),
            block: self.value_id,
            signatures: self.polka_signatures.iter().map(|s| (s.address, s.signature)).collect(),
        }
    }

    fn restore(m: MirroredCertificate) -> Result<Self, CodecError> {
        let signatures = bounded(m.signatures, MAX_VALIDATORS, "too many signatures")?;
        Ok(Self {
            height: m.height,
            round: round(m.round),
            value_id: m.block,
            polka_signatures: signatures
                .into_iter()
                .map(|(address, signature)| PolkaSignature::new(address, signature))
                .collect(),
        })
    }
}

impl Mirrored for CommitCertificate<GalenContext> {
    type Mirror = MirroredCertificate;

    fn mirror(&self) -> MirroredCertificate {
        MirroredCertificate {
            height: self.height,
            round: self.round.as_u32(),
            block: self.value_id,
            signatures: self.commit_signatures.iter().map(|s| (s.address, s.signature)).collect(),
        }
    }

    fn restore(m: MirroredCertificate) -> Result<Self, CodecError> {
        let signatures = bounded(m.signatures, MAX_VALIDATORS, "too many signatures")?;
        Ok(Self {
            height: m.height,
            round: round(m.round),
            value_id: m.block,
            commit_signatures: signatures
                .into_iter()
                .map(|(address, signature)| CommitSignature::new(address, signature))
                .collect(),
        })
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct MirroredRoundSignature {
    precommit: bool,
    block: Option<BlockId>,
    address: Address,
    signature: Signature,
}

#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct MirroredRoundCertificate {
    height: Height,
    round: MirroredRound,
    skip: bool,
    signatures: Vec<MirroredRoundSignature>,
}

impl Mirrored for RoundCertificate<GalenContext> {
    type Mirror = MirroredRoundCertificate;

    fn mirror(&self) -> MirroredRoundCertificate {
        MirroredRoundCertificate {
            height: self.height,
            round: self.round.as_u32(),
            skip: self.cert_type == RoundCertificateType::Skip,
            signatures: self
                .round_signatures
                .iter()
                .map(|s| MirroredRoundSignature {
                    precommit: s.vote_type == VoteType::Precommit,
                    block: block(&s.value_id),
                    address: s.address,
                    signature: s.signature,
                })
                .collect(),
        }
    }

    fn restore(m: MirroredRoundCertificate) -> Result<Self, CodecError> {
        // A validator may stand in it with a prevote and a precommit.
        let signatures = bounded(m.signatures, 2 * MAX_VALIDATORS, "too many signatures")?;
        Ok(Self {
            height: m.height,
            round: round(m.round),
            cert_type: if m.skip {
                RoundCertificateType::Skip
            } else {
                RoundCertificateType::Precommit
            },
            round_signatures: signatures
                .into_iter()
                .map(|s| {
                    RoundSignature::new(kind(s.precommit), value(s.block), s.address, s.signature)
                })
                .collect(),
        })
    }
}
