//! What happened, and proofs of it: events with their places, receipts of deals, lineage.

use galen_light::{EventProof, LightBlock, StateProof};
use galen_market::amount::Amount;
use galen_market::deal::{Deal, Licence};
use galen_market::event::Event;
use galen_market::id::ChainId;
use galen_market::listing::{ListingId, Offer, Standing};
use galen_market::payment::{DealPurse, Purse, Reason};
use serde::{Deserialize, Serialize};

/// Most keys of one question for proofs.
pub const MAX_PROOFS: usize = 16;
/// Most datasets of a lineage.
pub const MAX_LINEAGE: usize = 64;

/// Proofs of values in the state after a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proofs {
    /// The block; the proofs lead to its state root.
    pub block: LightBlock,
    /// One for each key, in the order in which they were asked for.
    pub proofs: Vec<StateProof>,
}

/// The proof that something happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventProofView {
    /// The block; the proof leads to its root of events.
    pub block: LightBlock,
    /// The proof.
    pub proof: EventProof,
}

/// Something that happened, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// Height of the block.
    pub height: u64,
    /// Its place among the block's events.
    pub index: u32,
    /// Time of the block, in milliseconds since 1970.
    pub time_ms: u64,
    /// What.
    pub event: Event,
}

impl Happened {
    /// Where a page goes on after it.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}-{}", self.height, self.index)
    }
}

/// An entry of a dataset's history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
    /// What was offered from then on, where the listing went live or has a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
}

/// The form of a receipt.
pub const RECEIPT_FORMAT: &str = "galen-receipt-1";

/// Everything that the ledger recorded of a deal, from the request to the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DealReceipt {
    /// [`RECEIPT_FORMAT`].
    pub format: String,
    /// The ledger.
    pub chain_id: ChainId,
    /// Height of the block as of which it is written.
    pub height: u64,
    /// Time of that block, in milliseconds since 1970.
    pub time_ms: u64,
    /// The deal: request, decision, envelope, end.
    pub deal: Deal,
    /// Name of the institution.
    pub institution_name: String,
    /// What both sides agreed to.
    pub offer: Offer,
    /// The licence, if one was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Licence>,
    /// What happened, payments included, in order.
    pub events: Vec<Happened>,
    /// Whether there is more than a receipt has room for.
    pub truncated: bool,
    /// Whether anybody could have forged the proofs behind it.
    pub forgeable_parameters: bool,
}

/// What a deal's money came to, in minor units of its currency.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct DealTotals {
    /// Put into escrow for the price.
    pub escrowed: Amount,
    /// Put aside for fees.
    pub allowance: Amount,
    /// Fees that the deal paid.
    pub fees: Amount,
    /// Of the price, back to the buyer.
    pub refunded: Amount,
    /// Of what was put aside for fees, back to the buyer.
    pub allowance_returned: Amount,
    /// To the buyer out of the institution's bond.
    pub compensation: Amount,
    /// To those who share the price.
    pub shared: Amount,
    /// Still with the deal: price and allowance.
    pub held: Amount,
}

/// The payments of a receipt contradict each other.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the payments of deal {deal} leave {purse:?} with less than nothing")]
pub struct TotalsError {
    /// Which deal.
    pub deal: galen_market::id::DealId,
    /// Which part of its money.
    pub purse: DealPurse,
}

impl DealReceipt {
    /// Adds the payments up.
    ///
    /// # Errors
    /// When more left the deal than came in.
    pub fn totals(&self) -> Result<DealTotals, TotalsError> {
        let mut totals = DealTotals::default();
        let mut held = [0u128; 2];
        let error = |purse| TotalsError { deal: self.deal.id, purse };
        for happened in &self.events {
            let Event::Moved(movement) = &happened.event else { continue };
            let amount = movement.amount;
            let own = |purse: &Option<Purse>| match purse {
                Some(Purse::Deal(id, part)) if *id == self.deal.id => Some(*part),
                // What is left of the price for later versions is with the deal still.
                Some(Purse::Subscription(id)) if *id == self.deal.id => Some(DealPurse::Price),
                _ => None,
            };
            for (place, part) in [DealPurse::Price, DealPurse::Allowance].into_iter().enumerate() {
                let held = &mut held[place];
                if own(&movement.to) == Some(part) {
                    *held = held.saturating_add(u128::from(amount.units()));
                }
                if own(&movement.from) == Some(part) {
                    let left = held.checked_sub(u128::from(amount.units()));
                    *held = left.ok_or_else(|| error(part))?;
                }
            }
            let sum = match movement.reason {
                Reason::Escrow => &mut totals.escrowed,
                Reason::Allowance => &mut totals.allowance,
                Reason::Fee => &mut totals.fees,
                Reason::Refund => &mut totals.refunded,
                Reason::AllowanceReturned => &mut totals.allowance_returned,
                Reason::Compensation => &mut totals.compensation,
                Reason::Share => &mut totals.shared,
                _ => continue,
            };
            *sum = sum.checked_add(amount).map_err(|_| error(DealPurse::Price))?;
        }
        let all = held[0].saturating_add(held[1]);
        totals.held = Amount::new(u64::try_from(all).map_err(|_| error(DealPurse::Price))?);
        Ok(totals)
    }
}

/// How one dataset comes from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineageKind {
    /// A later version by the same institution.
    Supersedes,
    /// Derived from it.
    DerivedFrom,
}

/// A dataset of a lineage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineageNode {
    /// Which.
    pub listing: ListingId,
    /// Its title, declared and not proven; none if this node does not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Name of its institution.
    pub institution_name: String,
    /// Where it stands.
    pub standing: Standing,
    /// Time of the block that made it live, in milliseconds since 1970.
    pub live_since_ms: Option<u64>,
}

/// That a dataset comes from another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineageEdge {
    /// The older one.
    pub parent: ListingId,
    /// The one that comes from it.
    pub child: ListingId,
    /// How.
    pub kind: LineageKind,
    /// What was done in between, declared by the child's institution and not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// A dataset with all that it comes from and that comes from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineageGraph {
    /// The dataset that was asked for.
    pub of: ListingId,
    /// The datasets, this one included, older ones first.
    pub nodes: Vec<LineageNode>,
    /// How they come from each other.
    pub edges: Vec<LineageEdge>,
    /// Whether there are more than [`MAX_LINEAGE`].
    pub truncated: bool,
}
