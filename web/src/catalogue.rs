//! What never changes about a listing, kept so that a question about many listings decodes no layout
//! and no manifest twice; and the end of what is kept of drafts that are gone.
//!
//! A package's id fixes its layout and its manifest, so what was read once holds as long as the listing
//! is there. Everything else about a listing is read from the state each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use galen_api::{Description, MAX_PAGE, TableSummary};
use galen_chain::store::Snapshot;
use galen_market::event::Event;
use galen_market::id::PackageId;
use galen_market::listing::{Listing, ListingId};
use galen_market::state::{StateError, StateRead};
use galen_market::state_key;
use tokio::sync::watch;

use crate::App;
use crate::reply::ApiError;

/// Bytes of text that are kept; beyond it everything is read anew.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// What an entry takes beside its texts, about.
const ENTRY_BYTES: usize = 512;

/// What never changes about a listing.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The tables; what is claimed and what is proven of them is the listing's.
    pub tables: Vec<TableSummary>,
    /// Number of files.
    pub files: u64,
    /// What the manifest says, if it is stored here.
    pub declared: Option<Description>,
}

impl Entry {
    fn read(app: &App, state: &dyn StateRead, listing: &Listing) -> Result<Self, ApiError> {
        let layout = state_key::read(state, &state_key::listing_layout(&listing.id))?
            .ok_or_else(|| StateError("a listing has no layout".to_owned()))?;
        let tables = layout.tables().iter().map(|table| TableSummary {
            name: table.name.clone(),
            rows: table.rows(),
            k: 0,
            diversity: Vec::new(),
            proven: false,
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
            quasi_identifiers: table
                .quasi_identifiers()
                .into_iter()
                .filter_map(|at| table.columns.get(at as usize))
                .map(|column| column.name.clone())
                .collect(),
        });
        Ok(Self {
            tables: tables.collect(),
            files: layout.files().len() as u64,
            declared: app.packages.declared(listing)?,
        })
    }

    fn bytes(&self) -> usize {
        let list = |texts: &[String]| texts.iter().map(|text| text.len() + 32).sum::<usize>();
        let tables = self.tables.iter().map(|table| {
            table.name.len() + list(&table.columns) + list(&table.quasi_identifiers) + 128
        });
        let declared = self.declared.as_ref().map_or(0, |said| {
            [&said.title, &said.description, &said.citation, &said.licence]
                .map(String::len)
                .into_iter()
                .chain(
                    [&said.keywords, &said.diseases, &said.countries, &said.persons]
                        .map(|texts| list(texts)),
                )
                .sum()
        });
        tables.sum::<usize>().saturating_add(declared).saturating_add(ENTRY_BYTES)
    }
}

#[derive(Default)]
struct Kept {
    entries: BTreeMap<ListingId, Arc<Entry>>,
    bytes: usize,
}

impl Kept {
    fn remove(&mut self, id: &ListingId) {
        if let Some(entry) = self.entries.remove(id) {
            self.bytes = self.bytes.saturating_sub(entry.bytes());
        }
    }

    fn insert(&mut self, id: ListingId, entry: Arc<Entry>) {
        self.remove(&id);
        let bytes = entry.bytes();
        if self.bytes.saturating_add(bytes) > MAX_KEPT_BYTES {
            *self = Self::default();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.insert(id, entry);
    }
}

/// The listings that were asked for, by id.
#[derive(Default)]
pub(crate) struct Catalogue(Mutex<Kept>);

impl Catalogue {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What never changes about a listing of the state. What the manifest says is looked for until it
    /// is stored here.
    ///
    /// # Errors
    /// When state or folder cannot be read.
    pub fn entry(
        &self,
        app: &App,
        state: &dyn StateRead,
        listing: &Listing,
    ) -> Result<Arc<Entry>, ApiError> {
        let known = self.kept().entries.get(&listing.id).cloned();
        let entry = match known {
            Some(entry) if entry.declared.is_some() => return Ok(entry),
            Some(entry) => match app.packages.declared(listing)? {
                None => return Ok(entry),
                declared => Arc::new(Entry { declared, ..(*entry).clone() }),
            },
            None => Arc::new(Entry::read(app, state, listing)?),
        };
        self.kept().insert(listing.id, entry.clone());
        Ok(entry)
    }
}

/// Follows the ledger for as long as the server runs, and removes what is kept of drafts that are gone.
pub(crate) async fn tidy(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut heights = app.node.subscribe();
    let mut seen = *heights.borrow_and_update();
    let mut gone = BTreeSet::new();
    loop {
        tokio::select! {
            changed = heights.changed() => if changed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let height = *heights.borrow_and_update();
        let (from, app, waiting) = (seen.saturating_add(1), app.clone(), std::mem::take(&mut gone));
        let look = move || {
            let mut waiting = waiting;
            for height in from..=height {
                waiting.extend(ended(&app, height));
                app.metrics.block(&app, height);
            }
            waiting.retain(|id| match forget(&app, id) {
                Ok(done) => !done,
                Err(error) => {
                    tracing::warn!(listing = %id, reason = error.message(), "files of a draft stay for now");
                    true
                }
            });
            waiting
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(waiting) => (seen, gone) = (height, waiting),
            Err(_) => return,
        }
    }
}

/// The listings that a block may have removed.
fn ended(app: &App, height: u64) -> Vec<ListingId> {
    let events = match app.node.events(height) {
        Ok(events) => events.unwrap_or_default(),
        Err(error) => {
            tracing::error!(%error, height, "the events of a block cannot be read");
            Vec::new()
        }
    };
    let gone = |event| match event {
        Event::DraftExpired { listing }
        | Event::ListingWithdrawn { listing, .. }
        | Event::ListingTakenDown { listing, .. } => Some(listing),
        _ => None,
    };
    events.into_iter().filter_map(gone).collect()
}

/// Forgets a listing that is gone, and its package if nobody else lists it. True when nothing is left
/// to do.
fn forget(app: &App, id: &ListingId) -> Result<bool, ApiError> {
    if state_key::read(&*app.node.snapshot(), &state_key::listing(id))?.is_some() {
        return Ok(true);
    }
    app.catalogue.kept().remove(id);
    // The state is looked at when no upload can begin any more.
    app.packages.forget(id.package, || Ok(is_listed(&app.node.snapshot(), &id.package)?))
}

/// Whether some institution lists a package, as a draft or otherwise.
fn is_listed(state: &Snapshot, package: &PackageId) -> Result<bool, StateError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let found = state_key::scan(state, &state_key::listings(), after.as_deref(), MAX_PAGE)?;
        if found.iter().any(|(_, listing)| listing.id.package == *package) {
            return Ok(true);
        }
        match found.into_iter().next_back() {
            Some((rest, _)) => after = Some(rest),
            None => return Ok(false),
        }
    }
}
