//! What a dataset's page says of its past and its relations.

use galen_api::story::{instant, sentence};
use galen_api::{LineageEdge, LineageKind};
use galen_chain::store::Snapshot;
use galen_market::event::Event;
use galen_market::listing::ListingId;

use super::money;
use crate::reply::ApiError;
use crate::{App, records};

/// An entry of the history.
pub(super) struct HistoryRow {
    pub height: u64,
    pub time: String,
    pub what: String,
    pub price: String,
    pub proof: String,
}

/// The last entries of a dataset's history, the latest first, and whether there are earlier ones.
pub(super) fn history(
    app: &App,
    state: &Snapshot,
    id: &ListingId,
) -> Result<(Vec<HistoryRow>, bool), ApiError> {
    let (entries, more) = records::latest(app, state, id)?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let happened = entry.happened;
        let tiers = entry.offer.iter().flat_map(|offer| offer.tiers.iter());
        let prices = tiers.map(|tier| money(state, &tier.price)).collect::<Result<Vec<_>, _>>()?;
        let what = match &happened.event {
            Event::ListingLive { listing, .. } if listing != id => {
                "a dataset that comes from this one was listed".to_owned()
            }
            event => sentence(event),
        };
        rows.push(HistoryRow {
            height: happened.height,
            time: instant(happened.time_ms),
            what,
            price: prices.join(", "),
            proof: format!("/api/v1/events/{}/{}", happened.height, happened.index),
        });
    }
    Ok((rows, more))
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
    id: &ListingId,
) -> Result<Vec<RelativeRow>, ApiError> {
    let graph = records::lineage(app, state, id)?;
    let row = |edge: &LineageEdge| {
        let (other, relation) = match (edge.child == *id, edge.parent == *id, edge.kind) {
            (true, _, LineageKind::Supersedes) => (edge.parent, "Newer version of"),
            (true, _, LineageKind::DerivedFrom) => (edge.parent, "Derived from"),
            (_, true, LineageKind::Supersedes) => (edge.child, "Superseded by"),
            (_, true, LineageKind::DerivedFrom) => (edge.child, "Source of"),
            _ => return None,
        };
        let node = graph.nodes.iter().find(|node| node.listing == other)?;
        let short = other.package.to_string();
        let name = node.title.clone().filter(|title| !title.is_empty());
        Some(RelativeRow {
            relation,
            link: format!("/datasets/{}/{}", other.institution, other.package),
            name: name.unwrap_or_else(|| format!("Package {}", &short[..12])),
            institution: node.institution_name.clone(),
            step: edge.step.clone().unwrap_or_default(),
        })
    };
    Ok(graph.edges.iter().filter_map(row).collect())
}
