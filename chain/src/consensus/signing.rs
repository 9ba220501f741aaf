//! Signatures of validators: Ed25519 by the rules of ZIP-215, over messages that name their purpose
//! and the ledger, so that no signature can be used for anything else.

use super::types::{Announcement, GalenContext, Proposal, Vote};
use crate::block::{BlockId, encoded};
use crate::gossip::Head;
use arc_malachitebft_app_channel::app::types::core::{
    NilOrVal, Round, SignedMessage, SigningScheme, ValidatorProof, VoteExtensionScope, VoteType,
};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ed25519_consensus::{SigningKey, VerificationKey};

/// The signature scheme of consensus messages.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Ed25519;

/// 64 bytes; whether they are a signature shows when they are verified.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

/// 32 bytes; bytes that are no key verify nothing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether the key signed the message.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        VerificationKey::try_from(self.0).is_ok_and(|key| {
            key.verify(&ed25519_consensus::Signature::from(signature.0), message).is_ok()
        })
    }
}

/// Bytes of the wrong length.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a key has 32 bytes and a signature 64")]
pub struct LengthError;

impl SigningScheme for Ed25519 {
    type DecodingError = LengthError;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, LengthError> {
        bytes.try_into().map(Signature).map_err(|_| LengthError)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, LengthError> {
        bytes.try_into().map(PublicKey).map_err(|_| LengthError)
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.0.to_vec()
    }
}

/// What is signed, after the domain and the chain id.
#[derive(BorshSerialize)]
enum Signed<'a> {
    Prevote {
        height: u64,
        round: Option<u32>,
        block: Option<BlockId>,
        voter: [u8; 32],
    },
    Precommit {
        height: u64,
        round: Option<u32>,
        block: Option<BlockId>,
        voter: [u8; 32],
    },
    Proposal {
        height: u64,
        round: Option<u32>,
        block: BlockId,
        pol_round: Option<u32>,
        proposer: [u8; 32],
    },
    Announcement {
        height: u64,
        round: u32,
        block: BlockId,
        proposer: [u8; 32],
    },
    Extension {
        height: u64,
        round: Option<u32>,
        block: BlockId,
        voter: [u8; 32],
        extension: &'a [u8],
    },
    Head {
        height: u64,
        validator: [u8; 32],
    },
}

/// Signs for one ledger, and verifies.
#[derive(Clone)]
pub struct Signing {
    chain_id: [u8; 32],
    key: SigningKey,
}

/// Verifies what was signed for one ledger.
#[derive(Copy, Clone, Debug)]
pub struct Verifying {
    chain_id: [u8; 32],
}

fn verdict(valid: bool) -> Result<VerificationResult, Error> {
    Ok(VerificationResult::from_bool(valid))
}

impl Verifying {
    /// For the ledger with this chain id.
    pub fn new(chain_id: [u8; 32]) -> Self {
        Self { chain_id }
    }

    fn message(&self, signed: &Signed<'_>) -> Vec<u8> {
        [&b"galen consensus 1"[..], &self.chain_id, &encoded(signed)].concat()
    }

    fn vote(&self, vote: &Vote) -> Vec<u8> {
        let (height, round, voter) = (vote.height.0, vote.round.as_u32(), vote.address.0);
        let block = match vote.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(id) => Some(id),
        };
        self.message(&match vote.kind {
            VoteType::Prevote => Signed::Prevote { height, round, block, voter },
            VoteType::Precommit => Signed::Precommit { height, round, block, voter },
        })
    }

    fn proposal(&self, proposal: &Proposal) -> Vec<u8> {
        self.message(&Signed::Proposal {
            height: proposal.height.0,
            round: proposal.round.as_u32(),
            block: proposal.value.0,
            pol_round: proposal.pol_round.as_u32(),
            proposer: proposal.address.0,
        })
    }

    fn announcement(&self, height: u64, round: u32, block: BlockId, proposer: [u8; 32]) -> Vec<u8> {
        self.message(&Signed::Announcement { height, round, block, proposer })
    }

    fn extension(&self, scope: &VoteExtensionScope<GalenContext>, extension: &Bytes) -> Vec<u8> {
        self.message(&Signed::Extension {
            height: scope.height.0,
            round: scope.round.as_u32(),
            block: scope.value_id,
            voter: scope.validator_address.0,
            extension,
        })
    }

    /// Whether the announced proposer signed the announcement.
    pub fn announced(&self, a: &Announcement) -> bool {
        let message = self.announcement(a.height, a.round, a.id, a.proposer.0);
        PublicKey(a.proposer.0).verify(&message, &Signature(a.signature))
    }

    /// Whether a validator said how far it is.
    pub fn said(&self, head: &Head) -> bool {
        let signed = Signed::Head { height: head.height, validator: head.validator };
        PublicKey(head.validator).verify(&self.message(&signed), &Signature(head.signature))
    }

    /// Whether `voter` signed a precommit for a block.
    pub fn precommitted(
        &self,
        height: u64,
        round: Round,
        block: BlockId,
        voter: PublicKey,
        signature: &Signature,
    ) -> bool {
        let signed =
            Signed::Precommit { height, round: round.as_u32(), block: Some(block), voter: voter.0 };
        voter.verify(&self.message(&signed), signature)
    }
}

impl Signing {
    /// Signs with `key` for the ledger with this chain id.
    pub fn new(chain_id: [u8; 32], key: SigningKey) -> Self {
        Self { chain_id, key }
    }

    fn format(&self) -> Verifying {
        Verifying::new(self.chain_id)
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.key.sign(message).to_bytes())
    }

    /// The key's public half.
    pub fn public(&self) -> [u8; 32] {
        self.key.verification_key().to_bytes()
    }

    /// Signs how far this validator is.
    pub fn head(&self, height: u64) -> Head {
        let validator = self.public();
        let signature = self.sign(&self.format().message(&Signed::Head { height, validator })).0;
        Head { height, validator, signature }
    }

    /// Signs that this validator proposes a block.
    pub fn announce(&self, height: u64, round: u32, block: BlockId) -> [u8; 64] {
        self.sign(&self.format().announcement(height, round, block, self.public())).0
    }
}

#[async_trait]
impl Verifier<GalenContext> for Verifying {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        verdict(key.verify(&self.vote(vote), signature))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        verdict(key.verify(&self.proposal(proposal), signature))
    }

    async fn verify_signed_vote_extension(
        &self,
        scope: &VoteExtensionScope<GalenContext>,
        extension: &Bytes,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        verdict(key.verify(&self.extension(scope, extension), signature))
    }

    async fn verify_validator_proof(
        &self,
        proof: &ValidatorProof<GalenContext>,
    ) -> Result<VerificationResult, Error> {
        verdict(
            proof
                .decoded_public_key()
                .is_ok_and(|key| key.verify(&proof.preimage(), &proof.signature)),
        )
    }
}

#[async_trait]
impl Signer<GalenContext> for Signing {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedMessage<GalenContext, Vote>, Error> {
        let signature = self.sign(&self.format().vote(&vote));
        Ok(SignedMessage::new(vote, signature))
    }

    async fn sign_proposal(
        &self,
        proposal: Proposal,
    ) -> Result<SignedMessage<GalenContext, Proposal>, Error> {
        let signature = self.sign(&self.format().proposal(&proposal));
        Ok(SignedMessage::new(proposal, signature))
    }

    async fn sign_vote_extension(
        &self,
        scope: VoteExtensionScope<GalenContext>,
        extension: Bytes,
    ) -> Result<SignedMessage<GalenContext, Bytes>, Error> {
        let signature = self.sign(&self.format().extension(&scope, &extension));
        Ok(SignedMessage::new(extension, signature))
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<GalenContext>, Error> {
        let preimage = ValidatorProof::<GalenContext>::signing_bytes(&public_key, &peer_id);
        let signature = self.sign(&preimage);
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
