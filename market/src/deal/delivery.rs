//! Handing over the key. A delivery needs no account, nonce or balance: the deal is its replay
//! protection and pays its fee, and the proof of the right key is its authorisation. Once a deal is
//! ready, nothing but its deadline or an upheld dispute refuses a true delivery.

use galen_zk::circuit::key_envelope::{KeyEnvelope, KeyEnvelopePublic};
use galen_zk::proof::Proof;

use super::*;
use crate::action::trade::Deliver;
use crate::codec::decode_exact;
use crate::event::Event;
use crate::id::{Digest, Hasher};
use crate::ledger::Check;

/// The master key, encrypted to the buyer's one-time key: `E = e·G`, `S = e·B`,
/// `ct = k + Poseidon(S.x, S.y, deal)`.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Envelope {
    /// `E`.
    pub ephemeral: JubPoint,
    /// `ct`.
    pub ciphertext: Scalar,
    /// That the plaintext opens the listing's key commitment; kept so that anyone can check it again.
    pub proof: ProofBytes,
    /// Time of the block, in milliseconds since 1970.
    pub delivered_ms: u64,
}

/// The statement that an envelope proves.
#[must_use]
pub fn envelope_statement(
    deal: &Deal,
    key_commitment: Scalar,
    ephemeral: JubPoint,
    ciphertext: Scalar,
) -> KeyEnvelopePublic {
    KeyEnvelopePublic {
        key_commitment,
        buyer: deal.delivery_key,
        ephemeral,
        ciphertext,
        deal: Deal::scalar(&deal.id),
    }
}

impl Deliver {
    /// The deal, what the envelope must prove, and the hash of that and of the proof.
    fn prepare(&self, ctx: &Context<'_>) -> Result<(Deal, KeyEnvelopePublic, Digest), TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Ready)?;
        let key = ctx.listing(&deal.listing)?.key;
        let public = envelope_statement(&deal, key, self.ephemeral, self.ciphertext);
        let statement =
            Hasher::new("galen/envelope-checked").value(&public).part(&self.proof).digest();
        Ok((deal, public, statement))
    }

    fn decode(&self) -> Result<Proof, TxError> {
        decode_exact(&self.proof).map_err(|error| TxError::BadEnvelope { what: error.0 })
    }

    /// What is to be verified of the envelope, if the deal waits for one.
    pub(crate) fn batched<'k>(
        &self,
        ctx: &Context<'k>,
        known: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Check<'k>>, TxError> {
        let (_, public, key) = self.prepare(ctx)?;
        if known(&key) {
            return Ok(None);
        }
        let item = ctx.verifier().item(&KeyEnvelope::default(), &public, &self.decode()?);
        let item = item.map_err(|error| TxError::BadEnvelope { what: error.to_string() })?;
        Ok(Some(Check { key, items: vec![item], commitments: Vec::new() }))
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let (mut deal, public, statement) = self.prepare(ctx)?;
        ctx.verify_once(statement, || {
            let proof = self.decode()?;
            ctx.verifier()
                .verify(&KeyEnvelope::default(), &public, &proof)
                .map_err(|error| TxError::BadEnvelope { what: error.to_string() })?;
            Ok(Vec::new())
        })?;
        escrow::free_seat(ctx, &deal)?;
        deal.envelope = Some(Envelope {
            ephemeral: self.ephemeral,
            ciphertext: self.ciphertext,
            proof: self.proof.clone(),
            delivered_ms: ctx.time_ms(),
        });
        let deadline_ms = ctx.uptime_ms().saturating_add(ctx.parameters().dispute_ms);
        deal.enter(ctx, Stage::Verified, Some(deadline_ms));
        ctx.emit(Event::DealDelivered { deal: deal.id, dispute_by_ms: deadline_ms });
        subscription::claim_served(ctx, &deal)?;
        licence::issue(ctx, &deal)?;
        crate::wanted::delivered(ctx, &deal)
    }
}
