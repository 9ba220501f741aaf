//! Finding datasets: an index in memory over everything that is listed, kept up to date block by block.
//!
//! Why not a library: a search engine brings a hundred crates and minutes of build; here ten thousand
//! short documents are counted through per question, which a core does in some milliseconds, the
//! counts beside every facet value come of the same pass, and who asks the same gets the same answer. May depend on the reads of the interface.

mod answers;
mod card;
mod index;
pub(crate) mod mondo;
pub(crate) mod query;
mod text;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use galen_api::MAX_PAGE;
use galen_chain::store::Snapshot;
use galen_market::event::Event;
use galen_market::id::{AccountId, PackageId};
use galen_market::listing::{ListingId, Standing};
use galen_market::state_key;
use tokio::sync::watch;

use answers::Answers;
pub(crate) use card::Card;
use card::Price;
use index::Index;
pub(crate) use index::{Answer, PAGE, Totals};
use query::Query;

use crate::App;
use crate::read;
use crate::reply::ApiError;

/// Most blocks that are followed one by one; beyond it everything is read anew.
const MAX_FOLLOWED: u64 = 5_000;
/// Most listings without a description that are looked at again after a block.
const MAX_RETRIED: usize = 64;

#[derive(Default)]
struct Kept {
    /// Height of the last block that is in the index; none before it was first made.
    height: Option<u64>,
    index: Index,
    /// Listings whose description is not stored here yet.
    undescribed: BTreeSet<ListingId>,
}

/// A page of what was found.
pub(crate) struct Found {
    /// Those of the page.
    pub cards: Vec<Arc<Card>>,
    /// What holds for every page of it.
    pub answer: Arc<Answer>,
}

impl Found {
    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.answer.total()
    }
}

/// The index of a node.
#[derive(Default)]
pub(crate) struct Finder {
    kept: RwLock<Kept>,
    answers: Answers,
    /// Packages whose manifest was stored since.
    described: Mutex<BTreeSet<PackageId>>,
}

impl Finder {
    /// Says that the manifest of a package is stored now.
    pub fn described(&self, package: PackageId) {
        self.described.lock().unwrap_or_else(PoisonError::into_inner).insert(package);
    }

    /// Answers a question about the state, or a later one.
    ///
    /// # Errors
    /// When the state or the store of packages cannot be read.
    pub fn find(&self, app: &App, state: &Snapshot, query: &Query) -> Result<Found, ApiError> {
        self.follow(app, state)?;
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let answer = self.answers.of(&kept.index, query, read::now_ms());
        Ok(Found { cards: kept.index.page(&answer, query.page), answer })
    }

    /// What there is in all.
    ///
    /// # Errors
    /// As for [`Self::find`].
    pub fn totals(&self, app: &App, state: &Snapshot) -> Result<Totals, ApiError> {
        self.follow(app, state)?;
        Ok(self.kept.read().unwrap_or_else(PoisonError::into_inner).index.totals())
    }

    /// How many datasets an institution lists.
    pub fn listed_by(&self, institution: &AccountId) -> usize {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).index.listed_by(institution)
    }

    /// Brings the index to a state, if it is older.
    fn follow(&self, app: &App, state: &Snapshot) -> Result<(), ApiError> {
        let height = state.height();
        let idle = self.described.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let known = self.kept.read().unwrap_or_else(PoisonError::into_inner).height;
        if idle && known.is_some_and(|known| known >= height) {
            return Ok(());
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let described = {
            let mut described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *described)
        };
        let changed = match kept.height {
            Some(known) if known >= height => Some(Changed::default()),
            Some(known) if height - known <= MAX_FOLLOWED => changes(app, known + 1..=height)?,
            _ => None,
        };
        let Some(mut changed) = changed else {
            return match everything(app, state) {
                Ok(made) => {
                    kept.renew(made);
                    Ok(())
                }
                Err(error) => {
                    // So that the next question reads anew.
                    kept.height = None;
                    Err(error)
                }
            };
        };
        changed.listings.extend(kept.undescribed.iter().take(MAX_RETRIED).copied());
        changed.listings.extend(kept.index.ids().filter(|id| {
            described.contains(&id.package) || changed.institutions.contains(&id.institution)
        }));
        for id in changed.listings {
            if let Err(error) = kept.put(app, state, &id) {
                kept.height = None;
                return Err(error);
            }
        }
        kept.height = Some(kept.height.map_or(height, |known| known.max(height)));
        Ok(())
    }
}

impl Kept {
    /// Takes over what was made anew.
    fn renew(&mut self, made: Self) {
        let version = self.index.version();
        *self = made;
        self.index.succeed(version);
    }

    /// Reads a listing anew, or takes it out if it is not live any more.
    fn put(&mut self, app: &App, state: &Snapshot, id: &ListingId) -> Result<(), ApiError> {
        let listing = state_key::read(state, &state_key::listing(id))?;
        let live = listing.filter(|listing| listing.standing == Standing::Live);
        let Some(listing) = live else {
            self.index.remove(id);
            self.undescribed.remove(id);
            return Ok(());
        };
        let layout = state_key::read(state, &state_key::listing_layout(id))?;
        let summary = read::summary(app, state, listing)?;
        if summary.declared.is_some() {
            self.undescribed.remove(id);
        } else {
            self.undescribed.insert(*id);
        }
        let price = match summary.offer.least_price() {
            None => None,
            Some(least) => {
                let info = state_key::read(state, &state_key::currency(&least.currency))?;
                Some(Price {
                    units: least.amount.units(),
                    decimals: info.map_or(0, |info| info.decimals),
                    currency: least.currency.to_string(),
                })
            }
        };
        self.index.put(summary, layout.as_ref(), price);
        Ok(())
    }
}

#[derive(Default)]
struct Changed {
    listings: BTreeSet<ListingId>,
    institutions: BTreeSet<AccountId>,
}

/// What blocks may have changed; nothing if the events of one are not kept here.
fn changes(app: &App, heights: std::ops::RangeInclusive<u64>) -> Result<Option<Changed>, ApiError> {
    let mut changed = Changed::default();
    for height in heights {
        let Some(events) = app.node.events(height)? else { return Ok(None) };
        for event in events {
            match event {
                Event::ListingLive { listing, .. }
                | Event::ListingWithdrawn { listing, .. }
                | Event::ListingTakenDown { listing, .. }
                | Event::ListingSuperseded { listing, .. }
                | Event::PackageRefunded { listing, .. } => {
                    changed.listings.insert(listing);
                }
                Event::ListingsStopped { institution, .. }
                | Event::ListingsResumed { institution } => {
                    changed.institutions.insert(institution);
                }
                Event::Admitted { account, .. } | Event::Suspended { account, .. } => {
                    changed.institutions.insert(account);
                }
                _ => {}
            }
        }
    }
    Ok(Some(changed))
}

fn everything(app: &App, state: &Snapshot) -> Result<Kept, ApiError> {
    let mut kept = Kept { height: Some(state.height()), ..Kept::default() };
    let mut after: Option<Vec<u8>> = None;
    loop {
        let found = state_key::scan(state, &state_key::listings(), after.as_deref(), MAX_PAGE)?;
        for (_, listing) in &found {
            kept.put(app, state, &listing.id)?;
        }
        match found.into_iter().next_back() {
            Some((rest, _)) => after = Some(rest),
            None => return Ok(kept),
        }
    }
}

/// Follows the ledger for as long as the server runs, so that no reader waits for the index.
pub(crate) async fn keep(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut heights = app.node.subscribe();
    loop {
        heights.borrow_and_update();
        let following = app.clone();
        let follow = move || following.finder.follow(&following, &following.node.snapshot());
        match tokio::task::spawn_blocking(follow).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(reason = error.message(), "the index of datasets is behind");
            }
            Err(_) => return,
        }
        tokio::select! {
            changed = heights.changed() => if changed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(times: u8) -> Kept {
        let mut kept = Kept::default();
        for at in 0..times {
            let (institution, package) = (AccountId([at; 32]), PackageId([at; 32]));
            kept.index.remove(&ListingId { institution, package });
        }
        kept
    }

    #[test]
    fn no_answer_of_an_index_is_given_by_the_one_that_replaced_it() {
        let answers = Answers::default();
        let query = Query::default();
        for times in 0..10 {
            let mut kept = changed(5);
            let before = kept.index.version();
            let old = answers.of(&kept.index, &query, 1_000);
            kept.renew(changed(times));
            assert!(kept.index.version() > before, "{times}");
            let new = answers.of(&kept.index, &query, 1_000);
            assert!(!Arc::ptr_eq(&old, &new), "{times}");
            assert!(Arc::ptr_eq(&new, &answers.of(&kept.index, &query, 1_000)));
        }
    }
}
