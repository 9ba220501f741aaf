//! Headers, proofs, histories and receipts. What they say is for the caller to check, with
//! `galen-light`.

use galen_light::LightBlock;
use galen_market::id::{AccountId, DealId};
use galen_market::listing::ListingId;

use super::{Client, ClientError, escape};
use crate::records::{
    DealReceipt, EventProofView, Happened, HistoryEntry, LineageGraph, MAX_PROOFS, Proofs,
};
use crate::{MAX_PAGE, Page};

impl Client {
    /// A block as light clients see it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn header(&self, height: u64) -> Result<LightBlock, ClientError> {
        self.get(&format!("headers/{height}"))
    }

    /// Proofs of at most [`MAX_PROOFS`] keys of the state after the last block.
    ///
    /// # Errors
    /// See [`ClientError`]; an answer about other keys is refused.
    pub fn proofs(&self, keys: &[Vec<u8>]) -> Result<Proofs, ClientError> {
        let list: Vec<String> = keys.iter().map(hex::encode).collect();
        let found: Proofs = self.get(&format!("proofs?key={}", list.join(",")))?;
        let same = found.proofs.len() == keys.len() && keys.len() <= MAX_PROOFS;
        if !same || !found.proofs.iter().zip(keys).all(|(proof, key)| *proof.key == **key) {
            return Err(self.strange("proofs of other keys than were asked for"));
        }
        Ok(found)
    }

    /// The proof that something happened.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn event(&self, height: u64, index: u32) -> Result<EventProofView, ClientError> {
        self.get(&format!("events/{height}/{index}"))
    }

    /// Every movement of an account's money in blocks up to a height, in order.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn movements_of(
        &self,
        account: &AccountId,
        until: u64,
    ) -> Result<Vec<Happened>, ClientError> {
        self.happened(&format!("accounts/{account}/movements"), until)
    }

    /// Everything that happened in a deal in blocks up to a height, in order.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn events_of_deal(&self, deal: &DealId, until: u64) -> Result<Vec<Happened>, ClientError> {
        self.happened(&format!("deals/{deal}/events"), until)
    }

    fn happened(&self, path: &str, until: u64) -> Result<Vec<Happened>, ClientError> {
        let mut all: Vec<Happened> = Vec::new();
        loop {
            let from = all.last().map(|last| format!("&after={}", escape(&last.cursor())));
            let page: Page<Happened> = self.get(&format!(
                "{path}?until={until}&limit={MAX_PAGE}{}",
                from.unwrap_or_default()
            ))?;
            if page.items.len() > MAX_PAGE {
                return Err(self.strange("a page that is too long"));
            }
            // Strictly ascending, so that the list ends and nothing stands in it twice.
            for happened in page.items {
                let at = (happened.height, happened.index);
                if all.last().is_some_and(|last| (last.height, last.index) >= at) || at.0 > until {
                    return Err(self.strange("a list out of order"));
                }
                all.push(happened);
            }
            match page.next {
                None => return Ok(all),
                Some(next) if all.last().is_some_and(|last| last.cursor() == next) => {}
                Some(_) => return Err(self.strange("a list without end")),
            }
        }
    }

    /// The receipt of a deal.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn receipt(&self, deal: &DealId) -> Result<DealReceipt, ClientError> {
        self.get(&format!("deals/{deal}/receipt"))
    }

    /// The history of a dataset.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn history(&self, id: &ListingId) -> Result<Vec<HistoryEntry>, ClientError> {
        self.pages(&format!("listings/{}/{}/history", id.institution, id.package))
    }

    /// What a dataset comes from, and what comes from it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn lineage(&self, id: &ListingId) -> Result<LineageGraph, ClientError> {
        self.get(&format!("listings/{}/{}/lineage", id.institution, id.package))
    }
}
