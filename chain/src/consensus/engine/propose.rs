//! What this validator proposes, and what others propose to it.

use super::verify::{Prepared, Unverified};
use super::{Engine, Outcome};
use crate::admission::clock_ms;
use crate::block::{Block, BlockId, Header, transactions_hash};
use crate::consensus::parts::{Arrived, announced_block, cut};
use crate::consensus::signing::Verifying;
use crate::consensus::types::{Address, Announcement, GalenContext, Height, ProposalPart, Value};
use crate::consensus::validators::ValidatorSet;
use crate::execute::{Application, BlockContext, Checked};
use crate::store::{Snapshot, Tip, Undecided};
use arc_malachitebft_app_channel::NetworkMsg;
use arc_malachitebft_app_channel::app::types::core::{Round, Validator as _, Validity};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use tracing::{debug, warn};

/// Proposals of one height and round that are looked at; an honest proposer makes one.
const MAX_PROPOSALS: usize = 4;
/// Heights after the next one whose proposals are kept for later, and how many.
const EARLY_HEIGHTS: u64 = 4;
const MAX_EARLY: usize = 8;

impl<A: Application> Engine<A> {
    /// The block that this validator proposes: the same one however often it is asked.
    pub(super) fn propose(&mut self, height: u64, round: Round) -> Outcome<Option<Undecided>> {
        let (tip, snapshot) = (self.tip(), self.store.snapshot());
        let Some(number) = round.as_u32().filter(|_| height == tip.height.saturating_add(1)) else {
            return Ok(None);
        };
        let own = self.signing.public();
        let known = self.store.undecided(height)?;
        if let Some(before) = known.into_iter().find(|p| p.round == number && p.proposer == own) {
            return Ok(Some(before));
        }
        let now = BlockContext { height, time_ms: clock_ms().max(tip.time_ms.saturating_add(1)) };
        let chosen = self.admission.propose(&snapshot, now)?;
        let prepared = match self.build(&snapshot, now, &chosen) {
            // What the rules chose must execute; if it does not, an empty block keeps the ledger going.
            Err(Unverified::Refused(refusal)) => {
                warn!(%refusal, "the chosen transactions do not make up a block");
                self.build(&snapshot, now, &[])
            }
            built => built,
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Unverified::Failed(failure)) => return Err(failure),
            Err(Unverified::Refused(refusal)) => {
                warn!(%refusal, "no block can be made");
                return Ok(None);
            }
        };
        let id = prepared.block.id();
        let proposal = Undecided {
            height,
            round: number,
            id,
            proposer: own,
            signature: Some(self.signing.announce(height, number, id)),
            block: prepared.block.encode(),
        };
        self.store.remember_undecided(&proposal)?;
        self.keep(prepared);
        Ok(Some(proposal))
    }

    pub(super) fn build(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        chosen: &[A::Transaction],
    ) -> Result<Prepared<A>, Unverified<A::Error>> {
        let (executed, effects) = self.execute(snapshot, now, chosen)?;
        let transactions: Vec<_> =
            chosen.iter().map(|transaction| transaction.bytes().to_vec()).collect();
        let header = Header {
            chain_id: self.admission.application().chain_id(),
            height: now.height,
            time_ms: now.time_ms,
            parent: snapshot.tip().id,
            proposer: self.signing.public(),
            transactions: transactions_hash(&transactions),
            events: effects.events_root(),
            state_root: effects.tree.root,
            validators: self.validators.known().hash(),
            next_validators: effects.next_validators,
        };
        let ids = chosen.iter().map(Checked::id).collect();
        Ok(Prepared { block: Block { header, transactions }, executed, effects, transactions: ids })
    }

    pub(super) async fn publish(&mut self, proposal: &Undecided) {
        let Some(signature) = proposal.signature else { return };
        self.streams += 1;
        for message in cut(proposal, signature, self.streams.to_be_bytes().to_vec()) {
            // The channel closes only when consensus ends, which the loop notices.
            let _ = self.network.send(NetworkMsg::PublishProposalPart(message)).await;
        }
    }

    /// Takes in a part; says what this node thinks of the proposal if it is complete now.
    pub(super) fn received(
        &mut self,
        publisher: PeerId,
        part: StreamMessage<ProposalPart>,
    ) -> Outcome<Option<ProposedValue<GalenContext>>> {
        let Self { parts, verifying, validators, store, .. } = self;
        let tip = store.tip();
        match parts.insert(publisher, part, |a| wanted(a, tip, validators, verifying)) {
            Some(arrived) => self.arrived(arrived),
            None => Ok(None),
        }
    }

    fn arrived(&mut self, arrived: Arrived) -> Outcome<Option<ProposedValue<GalenContext>>> {
        let a = arrived.announcement;
        let tip = self.tip();
        if a.height > tip.height.saturating_add(1) {
            self.early.insert((a.height, a.round, a.id), arrived);
            while self.early.len() > MAX_EARLY {
                self.early.pop_last();
            }
            return Ok(None);
        }
        if a.height <= tip.height {
            return Ok(None);
        }
        let known = self.store.undecided(a.height)?;
        if let Some(before) = known.iter().find(|proposal| proposal.id == a.id) {
            return self.judge(before);
        }
        let expected = Address(a.proposer.0) == *self.proposer(a.height, a.round);
        let others = known.iter().filter(|proposal| proposal.round == a.round).count();
        if !expected || others >= MAX_PROPOSALS || announced_block(&arrived).is_none() {
            debug!(height = a.height, round = a.round, proposer = %a.proposer, "a proposal is dropped");
            return Ok(None);
        }
        let proposal = Undecided {
            height: a.height,
            round: a.round,
            id: a.id,
            proposer: a.proposer.0,
            signature: Some(a.signature),
            block: arrived.bytes,
        };
        self.store.remember_undecided(&proposal)?;
        // A height that has not started yet asks for its proposals when it does.
        if a.height > self.started { Ok(None) } else { self.judge(&proposal) }
    }

    fn proposer(&self, height: u64, round: u32) -> &Address {
        self.validators.proposer(height, round).address()
    }

    /// Proposals that came before their height began.
    pub(super) fn take_early(&mut self) -> Outcome<()> {
        let tip = self.tip();
        let later = self.early.split_off(&(tip.height.saturating_add(2), 0, BlockId([0; 32])));
        for arrived in std::mem::replace(&mut self.early, later).into_values() {
            if wanted(&arrived.announcement, tip, &self.validators, &self.verifying) {
                self.arrived(arrived)?;
            }
        }
        Ok(())
    }

    /// The proposals of a round that this node has already seen, with its judgement.
    pub(super) fn undecided(
        &mut self,
        height: u64,
        round: Round,
    ) -> Outcome<Vec<ProposedValue<GalenContext>>> {
        let mut values = Vec::new();
        for proposal in self.store.undecided(height)? {
            if Some(proposal.round) == round.as_u32() {
                values.extend(self.judge(&proposal)?);
            }
        }
        Ok(values)
    }

    fn judge(&mut self, proposal: &Undecided) -> Outcome<Option<ProposedValue<GalenContext>>> {
        let Ok(block) = Block::decode(&proposal.block) else { return Ok(None) };
        let validity = match self.prepare(block, false) {
            Ok(_) => Validity::Valid,
            Err(Unverified::Refused(refusal)) => {
                warn!(height = proposal.height, round = proposal.round, %refusal, "no vote for the proposed block");
                Validity::Invalid
            }
            Err(Unverified::Failed(failure)) => return Err(failure),
        };
        Ok(Some(ProposedValue {
            height: Height(proposal.height),
            round: Round::new(proposal.round),
            valid_round: Round::Nil,
            proposer: Address(proposal.proposer),
            value: Value(proposal.id),
            validity,
        }))
    }
}

/// Whether a proposal is worth collecting: it is about a block to come, and signed by who may make
/// it. Of heights whose validators are not known yet, any present validator may.
fn wanted(a: &Announcement, tip: Tip, validators: &ValidatorSet, verifying: &Verifying) -> bool {
    let next = tip.height.saturating_add(1);
    let by_whom = if a.height == next {
        validators.proposer(a.height, a.round).address() == &a.proposer
    } else {
        a.height > next && a.height - next <= EARLY_HEIGHTS && validators.contains(&a.proposer)
    };
    by_whom && verifying.announced(a)
}
