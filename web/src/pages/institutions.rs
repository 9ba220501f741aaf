//! The page of the admitted institutions.

use askama::Template;
use galen_chain::store::Snapshot;
use galen_market::identity::Standing;
use galen_market::role::Role;

use super::frame::{Frame, Reader};
use crate::reply::ApiError;
use crate::{App, read};

#[derive(Template)]
#[template(path = "institutions.html")]
pub(super) struct Institutions {
    f: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    account: String,
    name: String,
    url: String,
    active: bool,
    listed: usize,
}

/// A part of the list.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    paging: &read::Paging,
) -> Result<Institutions, ApiError> {
    let found = read::parties(state, Role::Institution, paging)?;
    app.finder.totals(app, state)?;
    let rows = found.items.into_iter().map(|view| Row {
        account: view.account.to_string(),
        listed: app.finder.listed_by(&view.account),
        active: view.party.standing == Standing::Active,
        name: view.party.name.to_string(),
        // An address that a browser may follow, and nothing else.
        url: Some(view.party.url.to_string())
            .filter(|url| url.starts_with("https://"))
            .unwrap_or_default(),
    });
    Ok(Institutions {
        rows: rows.collect(),
        next: found.next,
        f: Frame::new(app, state, reader, "institutions"),
    })
}
