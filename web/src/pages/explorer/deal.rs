//! The page of a deal: what both sides agreed to, how it stands, its licence, and everything that
//! happened. Who buys is not on the ledger.

use askama::Template;
use galen_api::story::instant;
use galen_chain::store::Snapshot;
use galen_market::id::DealId;
use galen_market::state_key;

use super::EventRow;
use crate::App;
use crate::lang::{fill, sentences};
use crate::pages::frame::{Frame, Reader};
use crate::pages::{link, money};
use crate::reply::ApiError;
use crate::{read, records};

#[derive(Template)]
#[template(path = "deal.html")]
pub(super) struct DealPage {
    f: Frame,
    id: String,
    dataset: String,
    package: String,
    stage: &'static str,
    price: String,
    tier: String,
    seats: u32,
    requested: String,
    left: Option<String>,
    purpose: String,
    /// The time of the licence, and whether it is in force.
    licence: Option<(String, bool)>,
    events: Vec<(String, EventRow)>,
    earlier: bool,
    proof: Option<String>,
    script: String,
}

pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    id: DealId,
) -> Result<DealPage, ApiError> {
    let view = read::deal(state, id)?;
    let (happened, earlier) = records::latest_of_deal(app, &id)?;
    let f = Frame::new(app, state, reader, "explorer");
    let deal = view.deal;
    let events = happened.iter().map(|one| {
        (instant(one.time_ms), EventRow::new(reader.lang, &one.event, (one.height, one.index)))
    });
    let left = view.remaining_ms.map(|left| left / 60_000);
    let licence = view.licence.as_ref().map(|licence| {
        let until = fill(f.t.from_until, &[&instant(licence.from_ms), &instant(licence.until_ms)]);
        (until, licence.is_active(state.time_ms()))
    });
    let keys =
        [state_key::deal(&id).as_bytes().to_vec(), state_key::licence(&id).as_bytes().to_vec()];
    Ok(DealPage {
        id: id.to_string(),
        dataset: link(&deal.listing),
        package: deal.listing.package.to_string(),
        stage: sentences::stage(reader.lang, deal.stage),
        price: money(state, &deal.price)?,
        tier: deal.tier.to_string(),
        seats: deal.seats,
        requested: instant(deal.requested_ms),
        left: left.map(|left| fill(f.t.left_uptime, &[&(left / 60), &(left % 60)])),
        purpose: sentences::purpose(reader.lang, &deal.purpose),
        licence,
        events: events.collect(),
        earlier,
        proof: super::proof(state, keys.iter().map(Vec::as_slice)),
        script: crate::assets::live(),
        f,
    })
}
