//! Headers, proofs, and what happened: histories, receipts, lineage. Synchronous; every list is read
//! in bounded pages, and a question for proofs is about one state.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use galen_api::{
    DealReceipt, EventProofView, Happened, HistoryEntry, LineageEdge, LineageGraph, LineageKind,
    LineageNode, MAX_LINEAGE, MAX_PAGE, MAX_PROOFS, Page, Proofs, RECEIPT_FORMAT,
};
use galen_chain::store::{Place, Snapshot};
use galen_light::{LightBlock, MAX_KEY_BYTES};
use galen_market::codec::encode;
use galen_market::event::Event;
use galen_market::id::DealId;
use galen_market::listing::{Listing, ListingId};
use galen_market::role::Role;
use galen_market::state::StateError;
use galen_market::state_key;
use galen_market::subject::Subject;

use crate::App;
use crate::read::find_listing;
use crate::reply::ApiError;
use crate::request::parsed;

/// Most bytes of all values that are proven in one answer.
const MAX_PROVEN_BYTES: usize = 4 << 20;
/// Most entries of a dataset's history that one question looks at.
const MAX_LOOKED_AT: usize = 2_000;
/// Entries of a history on a page.
const SHOWN: usize = 50;

type Answer<T> = Result<T, ApiError>;

pub(crate) fn header(app: &App, height: u64) -> Answer<LightBlock> {
    app.node.light_block(height)?.ok_or_else(|| ApiError::not_found("such block"))
}

/// Which keys.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    key: String,
}

pub(crate) fn proofs(app: &App, state: &Snapshot, wanted: &Wanted) -> Answer<Proofs> {
    let keys: Vec<&str> = wanted.key.split(',').collect();
    if keys.len() > MAX_PROOFS {
        return Err(ApiError::bad(format!("key: at most {MAX_PROOFS} keys, with commas between")));
    }
    if state.height() == 0 {
        let text = "state before the first block, which no validator signed: proofs need a block";
        return Err(ApiError::not_found(text).remedy("ask again after the first block"));
    }
    let mut proofs = Vec::with_capacity(keys.len());
    let mut bytes = 0usize;
    for key in keys {
        let key = hex::decode(key)
            .ok()
            .filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()))
            .ok_or_else(|| ApiError::bad("key: hexadecimal digits of a key of the state"))?;
        let proof = state.prove(&key)?;
        bytes = bytes.saturating_add(proof.value.as_ref().map_or(0, |value| value.len()));
        if bytes > MAX_PROVEN_BYTES {
            let text = format!("the values are longer than {MAX_PROVEN_BYTES} bytes together");
            return Err(ApiError::bad(text).remedy("ask for fewer keys at a time"));
        }
        proofs.push(proof);
    }
    Ok(Proofs { block: header(app, state.height())?, proofs })
}

pub(crate) fn event(app: &App, (height, index): Place) -> Answer<EventProofView> {
    let block = header(app, height)?;
    let proof = app.node.prove_event((height, index))?;
    let proof = proof.ok_or_else(|| ApiError::not_found("such event in this block"))?;
    Ok(EventProofView { block, proof })
}

/// Where a page of what happened begins and ends.
#[derive(serde::Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paging {
    after: Option<String>,
    until: Option<u64>,
    limit: Option<usize>,
}

impl Paging {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, MAX_PAGE)
    }

    fn after(&self) -> Answer<Option<Place>> {
        let Some(after) = &self.after else { return Ok(None) };
        let (height, index) = after
            .split_once('-')
            .ok_or_else(|| ApiError::bad("after: this is not where a page ended"))?;
        Ok(Some((parsed(height, "after")?, parsed(index, "after")?)))
    }
}

/// Gives each event the time of its block.
pub(crate) fn timed(app: &App, events: Vec<(Place, Event)>) -> Answer<Vec<Happened>> {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    events
        .into_iter()
        .map(|((height, index), event)| {
            let time_ms = match times.get(&height) {
                Some(time_ms) => *time_ms,
                None => {
                    let missing = || StateError("an event of a block that is not there".into());
                    let time_ms = app.node.header(height)?.ok_or_else(missing)?.time_ms;
                    times.insert(height, time_ms);
                    time_ms
                }
            };
            Ok(Happened { height, index, time_ms, event })
        })
        .collect()
}

/// A page of events about a subject, and where the next one begins.
fn about(app: &App, subject: &Subject, paging: &Paging) -> Answer<(Vec<Happened>, Option<String>)> {
    let (after, limit) = (paging.after()?, paging.limit());
    let until = paging.until.unwrap_or(u64::MAX);
    let found = app.node.events_about(&encode(subject), after, until, limit)?;
    let items = timed(app, found)?;
    let next = if items.len() < limit { None } else { items.last().map(Happened::cursor) };
    Ok((items, next))
}

pub(crate) fn movements(app: &App, subject: &Subject, paging: &Paging) -> Answer<Page<Happened>> {
    let (items, next) = about(app, subject, paging)?;
    Ok(Page { items, next })
}

pub(crate) fn deal_events(
    app: &App,
    state: &Snapshot,
    id: DealId,
    paging: &Paging,
) -> Answer<Page<Happened>> {
    crate::read::deal(state, id)?;
    let (items, next) = about(app, &Subject::Deal(id), paging)?;
    Ok(Page { items, next })
}

pub(crate) fn receipt(app: &App, state: &Snapshot, id: DealId) -> Answer<DealReceipt> {
    let view = crate::read::deal(state, id)?;
    let deal = view.deal;
    let offer = state_key::read(state, &state_key::offer(&deal.listing, deal.version))?
        .ok_or_else(|| StateError("a deal has no offer".to_owned()))?;
    let paging = Paging { limit: Some(MAX_PAGE), until: Some(state.height()), after: None };
    let (events, next) = about(app, &Subject::Deal(id), &paging)?;
    Ok(DealReceipt {
        format: RECEIPT_FORMAT.to_owned(),
        chain_id: app.rules().chain_id(),
        height: state.height(),
        time_ms: state.time_ms(),
        institution_name: institution_name(state, &deal.listing)?,
        deal,
        offer,
        licence: view.licence,
        events,
        truncated: next.is_some(),
        forgeable_parameters: app.forgeable,
    })
}

fn institution_name(state: &Snapshot, id: &ListingId) -> Result<String, StateError> {
    let party = state_key::read(state, &state_key::party(Role::Institution, &id.institution))?;
    Ok(party.map(|party| party.name.to_string()).unwrap_or_default())
}

fn entry(state: &Snapshot, id: &ListingId, happened: Happened) -> Result<HistoryEntry, StateError> {
    let offer = match happened.event {
        Event::ListingLive { listing, version } if listing == *id => {
            state_key::read(state, &state_key::offer(id, version))?
        }
        _ => None,
    };
    Ok(HistoryEntry { happened, offer })
}

pub(crate) fn history(
    app: &App,
    state: &Snapshot,
    id: &ListingId,
    paging: &Paging,
) -> Answer<Page<HistoryEntry>> {
    let (items, next) = about(app, &Subject::Listing(*id), paging)?;
    let items = items.into_iter().map(|happened| entry(state, id, happened));
    let items = items.collect::<Result<Vec<_>, StateError>>()?;
    // A draft that was given up has a history too.
    if items.is_empty() && paging.after.is_none() {
        find_listing(state, id)?;
    }
    Ok(Page { items, next })
}

/// The last entries of a dataset's history, the latest first, and whether there are earlier ones.
pub(crate) fn latest(
    app: &App,
    state: &Snapshot,
    id: &ListingId,
) -> Answer<(Vec<HistoryEntry>, bool)> {
    let subject = encode(&Subject::Listing(*id));
    let mut found = app.node.latest_about(&subject, SHOWN + 1)?;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let entries = timed(app, found)?.into_iter().map(|happened| entry(state, id, happened));
    Ok((entries.collect::<Result<_, _>>()?, more))
}

/// The last of what happened in a deal, the latest first, and whether there is more.
pub(crate) fn latest_of_deal(app: &App, id: &DealId) -> Answer<(Vec<Happened>, bool)> {
    let mut found = app.node.latest_about(&encode(&Subject::Deal(*id)), SHOWN + 1)?;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    Ok((timed(app, found)?, more))
}

/// What a listing says that it comes from.
fn origins(listing: &Listing) -> Vec<(ListingId, LineageKind)> {
    let institution = listing.id.institution;
    let older = listing.lineage.supersedes.map(|package| ListingId { institution, package });
    let older = older.into_iter().map(|older| (older, LineageKind::Supersedes));
    let parents = listing.lineage.parents.iter();
    older.chain(parents.map(|parent| (*parent, LineageKind::DerivedFrom))).collect()
}

/// Listings that say that they come from this one.
fn descendants(app: &App, id: &ListingId) -> Answer<Vec<ListingId>> {
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..MAX_LOOKED_AT.div_ceil(MAX_PAGE) {
        let subject = encode(&Subject::Listing(*id));
        let page = app.node.events_about(&subject, after, u64::MAX, MAX_PAGE)?;
        let last = page.len() < MAX_PAGE;
        for (place, event) in page {
            after = Some(place);
            if let Event::ListingLive { listing, .. } = event
                && listing != *id
            {
                found.push(listing);
            }
        }
        if last {
            break;
        }
    }
    Ok(found)
}

pub(crate) fn lineage(app: &App, state: &Snapshot, of: &ListingId) -> Answer<LineageGraph> {
    find_listing(state, of)?;
    let mut waiting = VecDeque::from([*of]);
    let mut seen = BTreeSet::from([*of]);
    let mut found: BTreeMap<ListingId, Listing> = BTreeMap::new();
    let mut truncated = false;
    while let Some(id) = waiting.pop_front() {
        // What was a draft and is gone has no place in it.
        let Some(listing) = state_key::read(state, &state_key::listing(&id))? else { continue };
        let near = origins(&listing).into_iter().map(|(origin, _)| origin);
        for next in near.chain(descendants(app, &id)?) {
            if seen.len() >= MAX_LINEAGE {
                truncated |= !seen.contains(&next);
            } else if seen.insert(next) {
                waiting.push_back(next);
            }
        }
        found.insert(id, listing);
    }
    let mut nodes = Vec::with_capacity(found.len());
    let mut edges = Vec::new();
    for (id, listing) in &found {
        for (parent, kind) in origins(listing).into_iter().filter(|(id, _)| found.contains_key(id))
        {
            let step = app.packages.step(listing, &parent.package)?;
            edges.push(LineageEdge { parent, child: *id, kind, step });
        }
        let known = app.catalogue.entry(app, state, listing)?;
        nodes.push(LineageNode {
            listing: *id,
            title: known.declared.as_ref().map(|declared| declared.title.clone()),
            institution_name: institution_name(state, id)?,
            standing: listing.standing,
            live_since_ms: listing.live_since_ms,
        });
    }
    // Drafts come last.
    nodes.sort_by_key(|node| (node.live_since_ms.unwrap_or(u64::MAX), node.listing));
    Ok(LineageGraph { of: *of, nodes, edges, truncated })
}
