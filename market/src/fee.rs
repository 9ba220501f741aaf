//! Fees: they count bytes and verification units, cost what the currency says, and go to one purse.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::bundle::{Bundle, MAX_PROOFS};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::amount::{Amount, Asset, Currency, Money};
use crate::context::Context;
use crate::error::TxError;
use crate::genesis::CurrencyInfo;
use crate::id::{AccountId, DealId, StandingId};
use crate::listing::Lineage;
use crate::payment::{DealPurse, Purse};
use crate::state_key;
use crate::transaction::{MAX_TRANSACTION_BYTES, Transaction};

/// What fees cost, in minor units of one currency.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct FeeRates {
    /// For 1024 bytes; the sum is rounded up.
    pub per_kib: Amount,
    /// For one verification unit, about a tenth of a millisecond.
    pub per_unit: Amount,
}

/// Who pays the fee of a transaction, and how much at most.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Fee {
    /// Who pays.
    pub payer: FeePayer,
    /// In which currency.
    pub currency: Currency,
    /// The most that may be taken.
    pub limit: Amount,
}

/// Who pays a fee.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum FeePayer {
    /// An account that signs the transaction: one of its parties, or a sponsor.
    Account(AccountId),
    /// The fee allowance of the deal whose single action the transaction is.
    Deal(DealId),
    /// The purse of the standing request that the transaction takes back and does nothing else.
    Standing(StandingId),
}

impl FeePayer {
    /// The purse that pays.
    #[must_use]
    pub const fn purse(&self) -> Purse {
        match self {
            Self::Account(account) => Purse::Account(*account),
            Self::Deal(deal) => Purse::Deal(*deal, DealPurse::Allowance),
            Self::Standing(standing) => Purse::Standing(*standing),
        }
    }
}

/// Units of one signature.
const SIGNATURE_UNITS: u64 = 1;
/// Units of one Groth16 proof.
const PROOF_UNITS: u64 = 20;
/// Units of a bundle: its openings ...
const BUNDLE_UNITS: u64 = 20;
/// ... for every leaf of its block, which is decoded and hashed ...
const BUNDLE_LEAF_UNITS: u64 = 1;
/// ... and for every proof in it.
const BUNDLE_PROOF_UNITS: u64 = 25;
/// Units of a chart in a draft: the commitment to its totals.
const CHART_UNITS: u64 = 10;
/// Units of a draft with charts or a lineage: its ancestors and its lines are looked through, 64 listings in each of four at most,
/// those that it was in before included.
const LINES_UNITS: u64 = 400;
/// Units of a chart that is compared with those of other listings.
const COMPARED_CHART_UNITS: u64 = 15;
/// Units of one change of a credential tree.
const LEAF_UNITS: u64 = 5;
/// Units of a standing request: so many times at most the live listings are looked through for it.
const STANDING_UNITS: u64 = 100;
/// Units of an action that verifies nothing.
const ACTION_UNITS: u64 = 1;
/// The most units of a transaction: about a second on one core, more than the largest bundle and the
/// largest draft take.
pub const MAX_TRANSACTION_UNITS: u64 = 9_000;

impl Action {
    /// Verification units of the action.
    #[must_use]
    pub fn units(&self) -> u64 {
        match self {
            Self::ProveBlock(action) => {
                // What announces too many proofs is refused before any is decoded.
                let proofs = Bundle::announced(&action.bundle).unwrap_or(MAX_PROOFS) as u64;
                let leaves = action.leaves.len() as u64;
                BUNDLE_UNITS
                    .saturating_add(leaves.saturating_mul(BUNDLE_LEAF_UNITS))
                    .saturating_add(proofs.saturating_mul(BUNDLE_PROOF_UNITS))
            }
            Self::DraftListing(action) => {
                let charts = action.claims.iter().map(|table| table.charts.len() as u64);
                let charts = charts.fold(0, u64::saturating_add);
                let alone = action.lineage == Lineage::default();
                let each = CHART_UNITS + if alone { 0 } else { COMPARED_CHART_UNITS };
                let lines = if charts == 0 && alone { 0 } else { LINES_UNITS };
                ACTION_UNITS.saturating_add(lines).saturating_add(charts.saturating_mul(each))
            }
            Self::PostStanding(_) => STANDING_UNITS,
            Self::Deliver(_) => PROOF_UNITS,
            // The proof, and hashing and opening a whole segment.
            Self::Dispute(_) => 2 * PROOF_UNITS,
            Self::InsertCredentials(action) => {
                LEAF_UNITS.saturating_mul(action.leaves.len() as u64)
            }
            Self::RevokeCredentials(action) => {
                LEAF_UNITS.saturating_mul(action.places.len() as u64)
            }
            _ => ACTION_UNITS,
        }
    }
}

impl Transaction {
    /// Verification units of the transaction.
    #[must_use]
    pub fn units(&self) -> u64 {
        let signatures = self.authorization.accounts.len() as u64
            + u64::from(self.authorization.deal_key.is_some());
        let credential = if self.authorization.credential.is_some() { PROOF_UNITS } else { 0 };
        self.actions.iter().fold(
            signatures.saturating_mul(SIGNATURE_UNITS).saturating_add(credential),
            |sum, action| sum.saturating_add(action.units()),
        )
    }
}

impl FeeRates {
    /// The fee of so many bytes and units.
    ///
    /// # Errors
    /// [`TxError::Amount`] on overflow.
    pub fn fee(&self, bytes: usize, units: u64) -> Result<Amount, TxError> {
        let size = (u128::from(self.per_kib.units()) * bytes as u128).div_ceil(1024);
        let size = u64::try_from(size).map_err(|_| crate::amount::AmountError::Overflow)?;
        Ok(Amount::new(size).checked_add(self.per_unit.checked_mul(units)?)?)
    }

    /// The least fee allowance of a deal: enough for a `ready`, a delivery and the largest dispute.
    ///
    /// # Errors
    /// [`TxError::Amount`] on overflow.
    pub fn deal_allowance(&self) -> Result<Amount, TxError> {
        const SMALL_BYTES: usize = 2048;
        let ready = self.fee(SMALL_BYTES, SIGNATURE_UNITS + ACTION_UNITS)?;
        let delivery = self.fee(SMALL_BYTES, PROOF_UNITS)?;
        let dispute = self.fee(MAX_TRANSACTION_BYTES, SIGNATURE_UNITS + 2 * PROOF_UNITS)?;
        Ok(ready.checked_add(delivery)?.checked_add(dispute)?)
    }

    /// The least fee allowance of a deal that comes of a standing request: its `ready` shows a
    /// credential too.
    ///
    /// # Errors
    /// [`TxError::Amount`] on overflow.
    pub fn standing_allowance(&self) -> Result<Amount, TxError> {
        const CREDENTIAL_BYTES: usize = 4096;
        Ok(self.deal_allowance()?.checked_add(self.fee(CREDENTIAL_BYTES, PROOF_UNITS)?)?)
    }
}

impl Context<'_> {
    /// A currency of this ledger.
    ///
    /// # Errors
    /// [`TxError::UnknownCurrency`].
    pub fn currency(&self, currency: &Currency) -> Result<CurrencyInfo, TxError> {
        self.get(&state_key::currency(currency))?
            .ok_or_else(|| TxError::UnknownCurrency { currency: currency.clone() })
    }

    /// Takes the fee of a transaction of so many bytes.
    ///
    /// # Errors
    /// When the fee is above the limit, or the payer's purse holds too little.
    pub(crate) fn pay_fee(
        &mut self,
        transaction: &Transaction,
        bytes: usize,
    ) -> Result<Money, TxError> {
        let Fee { payer, currency, limit } = &transaction.fee;
        let fee = self.currency(currency)?.fees.fee(bytes, transaction.units())?;
        if fee > *limit {
            return Err(TxError::FeeAboveLimit { fee, limit: *limit });
        }
        let money = Money { currency: currency.clone(), amount: fee };
        if !fee.is_zero() {
            self.transfer(&payer.purse(), &Purse::Fees, &Asset::Currency(currency.clone()), fee)?;
        }
        Ok(money)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::amount::AmountError;

    #[test]
    fn fees_round_up_and_do_not_overflow() {
        let rates = FeeRates { per_kib: Amount::new(3), per_unit: Amount::new(2) };
        assert_eq!(rates.fee(1, 0).unwrap(), Amount::new(1));
        assert_eq!(rates.fee(1024, 5).unwrap(), Amount::new(13));
        let dear = FeeRates { per_kib: Amount::new(u64::MAX), per_unit: Amount::new(u64::MAX) };
        assert_eq!(dear.fee(1025, 0), Err(AmountError::Overflow.into()));
        assert_eq!(dear.fee(1024, 1), Err(AmountError::Overflow.into()));
    }
}
