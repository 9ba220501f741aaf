//! The page of datasets that are wanted: the standing requests that wait for a listing, for institutions
//! that have what is asked for. Everything on it is public; who asks is not known.

use askama::Template;
use galen_api::{Page, StandingView};
use galen_chain::store::Snapshot;
use galen_market::role::Role;
use galen_market::state_key;

use super::frame::{Frame, Reader};
use super::money;
use crate::lang::{Lang, fill, sentences};
use crate::reply::ApiError;
use crate::{App, read};

#[derive(Template)]
#[template(path = "wanted.html")]
pub(super) struct WantedPage {
    f: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    wanted: Vec<(bool, String)>,
    max_price: String,
    purpose: String,
    seats: u32,
    institutions: String,
    left: String,
}

/// A part of the list.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    paging: &read::Paging,
) -> Result<WantedPage, ApiError> {
    let Page { items, next } = read::standings(state, paging)?;
    let rows =
        items.iter().map(|view| row(state, reader.lang, view)).collect::<Result<_, ApiError>>()?;
    Ok(WantedPage { f: Frame::new(app, state, reader, "wanted"), rows, next })
}

fn row(state: &Snapshot, lang: Lang, view: &StandingView) -> Result<Row, ApiError> {
    let standing = &view.standing;
    let mut names = Vec::with_capacity(standing.institutions.len());
    for account in &standing.institutions {
        let party = state_key::read(state, &state_key::party(Role::Institution, account))?;
        names.push(party.map_or_else(|| account.to_string(), |party| party.name.to_string()));
    }
    let minutes = view.remaining_ms.unwrap_or(0) / 60_000;
    Ok(Row {
        id: standing.id.to_string(),
        wanted: sentences::wanted(lang, &standing.wanted),
        max_price: money(state, &standing.max_price)?,
        purpose: sentences::purpose(lang, &standing.purpose),
        seats: standing.seats,
        institutions: if names.is_empty() { lang.words().any.to_owned() } else { names.join(", ") },
        left: fill(lang.words().left_days, &[&(minutes / 1_440), &(minutes / 60 % 24)]),
    })
}
