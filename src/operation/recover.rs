//! Deals and standing requests from the seed alone. Every key of one derives from the seed and its
//! number, so the ledger's public lists say which are this wallet's. The whole lists are fetched and
//! compared here: the node does not learn which are looked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use galen_market::deal::{Deal, Origin};
use galen_market::id::AccountId;
use galen_market::wanted::StandingRequest;
use serde::Serialize;

use super::purchase::{DealRecord, DealStore};
use super::standing::StandingRecord;
use crate::error::{Exit, Failure};
use crate::session::{Session, account_of};
use crate::wallet::{Wallet, file};

/// Numbers that are looked at beyond the last one that was used.
pub const DEFAULT_GAP: u32 = 100;
/// The most.
pub const MAX_GAP: u32 = 100_000;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Recovered {
    /// Deals whose records were written anew.
    pub found: Vec<DealRecord>,
    /// Standing requests that wait for a listing, whose records were written anew.
    pub standing: Vec<StandingRecord>,
    /// Deals whose records were here.
    pub kept: Vec<DealRecord>,
    /// Deals of this wallet that share their number, and so their keys, with another one that has the
    /// record: they were bought by a wallet that was restored and had not recovered its deals.
    pub shadowed: Vec<Deal>,
    /// Deals of the ledger that were looked at.
    pub looked_at: u64,
}

/// Finds the deals of a wallet and writes the records that are missing. What is here is left as it is.
///
/// # Errors
/// When the node cannot be reached, or a record here speaks of a deal that the number is not of.
pub fn recover(
    session: &Session,
    wallet: &Wallet,
    store: &DealStore,
    gap: u32,
    write: bool,
) -> Result<Recovered, Failure> {
    let deals = session.client().deals()?;
    let waiting = session.client().standings()?;
    let (known, known_standing) = (store.all()?, store.standings()?);
    let looked_at = deals.len() as u64;
    let mut by_key: BTreeMap<AccountId, Vec<Deal>> = BTreeMap::new();
    for deal in deals {
        by_key.entry(deal.auth_key).or_default().push(deal);
    }
    let mut requests: BTreeMap<AccountId, StandingRequest> =
        waiting.into_iter().map(|view| (view.standing.auth_key, view.standing)).collect();
    let indexes = known.iter().map(|record| record.index);
    let indexes = indexes.chain(known_standing.iter().map(|record| record.index));
    let last = indexes.max().map_or(0, |index| index.saturating_add(1));
    let mut recovered = Recovered {
        found: Vec::new(),
        standing: Vec::new(),
        kept: Vec::new(),
        shadowed: Vec::new(),
        looked_at,
    };
    let (mut index, mut end) = (0u32, last.saturating_add(gap));
    while index < end {
        let key = account_of(&wallet.deal(index).authorisation);
        let mut theirs = by_key.remove(&key).unwrap_or_default();
        let request = requests.remove(&key);
        if !theirs.is_empty() || request.is_some() {
            end = end.max(index.saturating_add(1).saturating_add(gap));
        }
        if let Some(request) = request
            && !known_standing.iter().any(|record| record.index == index)
        {
            let record = StandingRecord {
                index,
                standing: request.id,
                wanted: request.wanted,
                max_price: request.max_price,
                purpose: request.purpose,
            };
            if write {
                store.update_standing(&record)?;
            }
            recovered.standing.push(record);
        }
        // The latest is the one that can still be open.
        theirs.sort_by_key(|deal| std::cmp::Reverse(deal.requested_ms));
        let here = known.iter().find(|record| record.index == index);
        match here {
            Some(record) => {
                theirs.retain(|deal| deal.id != record.deal);
                recovered.kept.push(record.clone());
            }
            None if theirs.is_empty() => {}
            None => {
                let deal = theirs.remove(0);
                let record = DealRecord {
                    index,
                    deal: deal.id,
                    listing: deal.listing,
                    price: deal.price,
                    purpose: deal.purpose,
                    folder: None,
                };
                if write {
                    store.update(&record)?;
                }
                recovered.found.push(record);
            }
        }
        // The matches of one standing request share its keys, and only the latest can be open.
        theirs.retain(|deal| !matches!(deal.origin, Origin::Standing { .. }));
        recovered.shadowed.extend(theirs);
        index = index.saturating_add(1);
    }
    if write {
        store.recovered()?;
    }
    Ok(recovered)
}

impl DealStore {
    fn mark(&self) -> PathBuf {
        self.root().join("recover")
    }

    /// Notes that the wallet came from words: it may have deals that are not known here, and their keys
    /// must not be used again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn restored(&self) -> Result<(), Failure> {
        let folder = self.root();
        file::private_directory(folder).map_err(|error| Failure::file(folder, &error))?;
        let path = self.mark();
        file::replace(&path, b"").map_err(|error| Failure::file(&path, &error))
    }

    fn recovered(&self) -> Result<(), Failure> {
        let path = self.mark();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::file(&path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to number a new deal while earlier ones may be missing.
    ///
    /// # Errors
    /// `deal.recover_first`.
    pub fn require_recovered(&self) -> Result<(), Failure> {
        if !is_there(&self.mark())? {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Key,
            "deal.recover_first",
            "this wallet was restored from words, and its earlier deals are not known here: a new one could use the keys of an old one",
        )
        .remedy("run `galen deal recover` first"))
    }
}

fn is_there(path: &Path) -> Result<bool, Failure> {
    path.try_exists().map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_restored_wallet_numbers_no_deal_before_it_recovered() {
        let home = tempfile::tempdir().unwrap();
        let store = DealStore::of(home.path());
        store.require_recovered().unwrap();
        store.restored().unwrap();
        assert_eq!(store.require_recovered().unwrap_err().code(), "deal.recover_first");
        assert_eq!(store.all().unwrap(), [], "the note is no record");
        store.recovered().unwrap();
        store.require_recovered().unwrap();
        store.recovered().unwrap();
    }
}
