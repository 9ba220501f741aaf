//! What happens with a decision, this node's own or one that it missed.

use super::verify::Unverified;
use super::{Engine, EngineError, Outcome};
use crate::block::{Block, encoded};
use crate::consensus::codec::{decode_certificate, encode_certificate, extended};
use crate::consensus::types::{Address, GalenContext, Height, Value};
use crate::consensus::validators::ValidatorSet;
use crate::execute::Application;
use crate::store::{Decision, StoreError, Undecided};
use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::{CommitCertificate, Round, Validity};
use arc_malachitebft_sync::RawDecidedValue;
use std::ops::RangeInclusive;
use tracing::{info, warn};

/// The most bytes of blocks in one answer to a node that is behind.
const MAX_SYNC_BYTES: usize = 8 << 20;

impl<A: Application> Engine<A> {
    pub(super) fn decided(&mut self, certificate: &CommitCertificate<GalenContext>) -> Outcome<()> {
        let (height, id) = (certificate.height.0, certificate.value_id);
        if height <= self.tip().height {
            return Ok(());
        }
        let disagreement = |why: String| EngineError::Decided { height, id, why };
        let prepared = match self.prepared.get(&id) {
            Some(prepared) => prepared.clone(),
            None => {
                let known =
                    self.store.undecided(height)?.into_iter().find(|proposal| proposal.id == id);
                let block = known.and_then(|proposal| Block::decode(&proposal.block).ok());
                let block = block.ok_or_else(|| disagreement("is not here".into()))?;
                match self.prepare(block, true) {
                    Ok(prepared) => prepared,
                    Err(Unverified::Refused(refusal)) => {
                        return Err(disagreement(refusal.to_string()));
                    }
                    Err(Unverified::Failed(failure)) => return Err(failure),
                }
            }
        };
        let snapshot = self.store.commit(&Decision {
            block: &prepared.block,
            certificate: encode_certificate(certificate),
            changes: &prepared.executed.changes,
            tree: &prepared.effects.tree,
            transactions: prepared.transactions.clone(),
            receipts: prepared.executed.receipts.iter().map(encoded).collect(),
            events: &prepared.effects.events,
            validators: encoded(self.validators.known()),
        })?;
        info!(height, transactions = prepared.transactions.len(), round = %certificate.round, "block");
        self.prepared.clear();
        self.parts.forget(height);
        self.validators = ValidatorSet::new(&self.admission.application().validators(&*snapshot)?)?;
        self.admission.revise()?;
        let fruitless = prepared.transactions.is_empty() && self.admission.has_ready();
        self.fruitless = if fruitless { self.fruitless.saturating_add(1) } else { 0 };
        self.signals.height.send_replace(height);
        Ok(())
    }

    pub(super) fn synced(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
        bytes: &[u8],
    ) -> Outcome<SyncedValueOutcome<GalenContext>> {
        let Some(block) = Block::decode(bytes).ok().filter(|block| block.header.height == height.0)
        else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        let id = block.id();
        match self.prepare(block, true) {
            Ok(_) => {}
            Err(Unverified::Refused(refusal)) => {
                warn!(%height, %refusal, "a peer sent a block that breaks a rule");
                return Ok(SyncedValueOutcome::PeerFault);
            }
            Err(Unverified::Failed(failure)) => return Err(failure),
        }
        let number = round.as_u32().unwrap_or(0);
        if !self.store.undecided(height.0)?.iter().any(|proposal| proposal.id == id) {
            let proposal = Undecided {
                height: height.0,
                round: number,
                id,
                proposer: proposer.0,
                signature: None,
                block: bytes.to_vec(),
            };
            self.store.remember_undecided(&proposal)?;
        }
        Ok(SyncedValueOutcome::Verdict(ProposedValue {
            height,
            round,
            valid_round: Round::Nil,
            proposer,
            value: Value(id),
            validity: Validity::Valid,
        }))
    }

    pub(super) fn decided_values(
        &self,
        range: RangeInclusive<Height>,
    ) -> Outcome<Vec<RawDecidedValue<GalenContext>>> {
        let mut values = Vec::new();
        let mut bytes = 0;
        for height in range.start().0..=range.end().0.min(self.tip().height) {
            let Some(stored) = self.store.block(height)? else { break };
            let block = stored.block.encode();
            bytes += block.len();
            if bytes > MAX_SYNC_BYTES && !values.is_empty() {
                break;
            }
            let Ok(certificate) = decode_certificate(&stored.certificate) else {
                return Err(
                    StoreError::Corrupt(format!("the certificate of block {height}")).into()
                );
            };
            values.push(RawDecidedValue::new(block.into(), extended(certificate)));
        }
        Ok(values)
    }
}
