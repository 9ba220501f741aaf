//! What a dataset's page says of its past and its relations.

use std::collections::BTreeMap;

use galen_api::story::instant;
use galen_api::{LineageEdge, LineageKind};
use galen_chain::store::Snapshot;
use galen_market::event::Event;
use galen_market::listing::ListingId;

use super::chart::Drawing;
use super::money;
use crate::lang::{Lang, fill, sentences};
use crate::reply::ApiError;
use crate::{App, records};

/// An entry of the history.
pub(super) struct HistoryRow {
    pub height: u64,
    pub time: String,
    pub what: String,
    /// Whether the sentence is in the page's language.
    pub translated: bool,
    pub price: String,
    pub proof: String,
}

/// The last entries of a dataset's history, the latest first.
pub(super) struct History {
    pub rows: Vec<HistoryRow>,
    /// Whether there are earlier ones.
    pub earlier: bool,
    /// Licences by month; nothing without any, or if some are among what is not shown.
    pub licences: Option<Drawing>,
}

/// The history of a dataset.
pub(super) fn history(
    app: &App,
    state: &Snapshot,
    lang: Lang,
    id: &ListingId,
) -> Result<History, ApiError> {
    let (entries, earlier) = records::latest(app, state, id)?;
    let mut rows = Vec::with_capacity(entries.len());
    let mut months: BTreeMap<String, u64> = BTreeMap::new();
    for entry in entries {
        let happened = entry.happened;
        let tiers = entry.offer.iter().flat_map(|offer| offer.tiers.iter());
        let prices = tiers.map(|tier| money(state, &tier.price)).collect::<Result<Vec<_>, _>>()?;
        let (what, translated) = match &happened.event {
            Event::ListingLive { listing, .. } if listing != id => {
                (lang.words().derived_listed.to_owned(), true)
            }
            event => sentences::event(lang, event),
        };
        let time = instant(happened.time_ms);
        if let Event::LicenceIssued { .. } = happened.event {
            let month: String = time.chars().take(7).collect();
            *months.entry(month).or_default() += 1;
        }
        rows.push(HistoryRow {
            height: happened.height,
            time,
            what,
            translated,
            price: prices.join(", "),
            proof: format!("/api/v1/events/{}/{}", happened.height, happened.index),
        });
    }
    let counts: Vec<(String, u64)> = months.into_iter().collect();
    let licences = (!earlier && !counts.is_empty())
        .then(|| Drawing::new(lang, "", lang.words().licences_alt, &counts));
    Ok(History { rows, earlier, licences })
}

/// A dataset that this one comes from, or that comes from it.
pub(super) struct RelativeRow {
    pub relation: &'static str,
    pub link: String,
    pub name: String,
    pub institution: String,
    pub step: String,
}

/// The nearest relatives: what a dataset directly comes from and what directly comes from it.
pub(super) fn relatives(
    app: &App,
    state: &Snapshot,
    lang: Lang,
    id: &ListingId,
) -> Result<Vec<RelativeRow>, ApiError> {
    let t = lang.words();
    let graph = records::lineage(app, state, id)?;
    let row = |edge: &LineageEdge| {
        let (other, relation) = match (edge.child == *id, edge.parent == *id, edge.kind) {
            (true, _, LineageKind::Supersedes) => (edge.parent, t.newer_of),
            (true, _, LineageKind::DerivedFrom) => (edge.parent, t.derived_from),
            (_, true, LineageKind::Supersedes) => (edge.child, t.superseded_by),
            (_, true, LineageKind::DerivedFrom) => (edge.child, t.source_of),
            _ => return None,
        };
        let node = graph.nodes.iter().find(|node| node.listing == other)?;
        let short = other.package.to_string();
        let name = node.title.clone().filter(|title| !title.is_empty());
        Some(RelativeRow {
            relation,
            link: super::link(&other),
            name: name.unwrap_or_else(|| fill(t.package_n, &[&&short[..12]])),
            institution: node.institution_name.clone(),
            step: edge.step.clone().unwrap_or_default(),
        })
    };
    Ok(graph.edges.iter().filter_map(row).collect())
}
