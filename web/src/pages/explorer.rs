//! The explorer: blocks and who voted for them, transactions, accounts, deals and the money of the
//! ledger; what happened in words; a proof of what is shown, to keep; and every page's JSON one click
//! away. One search box leads to whatever has the name.

mod account;
mod block;
mod deal;
mod supply;
mod transaction;
mod votes;

use std::sync::Arc;

use askama::Template;
use galen_api::MAX_PROOFS;
use galen_api::story::instant;
use galen_chain::TransactionStatus;
use galen_chain::store::Snapshot;
use galen_market::id::{AccountId, DealId, StandingId, TransactionId};
use galen_market::role::Role;
use galen_market::state_key;
use serde::Deserialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

pub(crate) use supply::Purses;

use super::frame::{Frame, Reader};
use super::{html, link};
use crate::find::query::Query;
use crate::lang::{Lang, sentences};
use crate::reply::{self, ApiError};
use crate::request::parsed;
use crate::routes::blocking;
use crate::{App, read};

/// Blocks on the first page.
const SHOWN: u64 = 25;
/// Events of a block that are shown in words.
const MAX_EVENTS: usize = 500;
/// Listings that are looked through for a package, and parties of each role for a name.
const MAX_LOOKED_AT: usize = 20_000;
/// Letters from which on a name is looked for among texts and beginnings of ids.
const MIN_TEXT: usize = 3;

/// What the search box and the links to older blocks ask for.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    q: String,
    before: Option<u64>,
}

/// Answers a request for a page of the explorer.
pub(super) async fn answer(
    app: &Arc<App>,
    asked: Asked,
    reader: Reader,
    path: &[&str],
) -> Result<Response, ApiError> {
    match path {
        [] => {
            let Asked { q, before } = asked;
            let name = q.trim().to_owned();
            if name.is_empty() {
                let page = move |app: &App, state: &Snapshot| overview(app, state, &reader, before);
                return html(StatusCode::OK, &blocking(app, page).await?);
            }
            let found = blocking(app, {
                let name = name.clone();
                move |app, state| find(app, state, &name)
            });
            match found.await? {
                Some(address) => Ok(lead_to(&address)),
                None => {
                    let page = move |app: &App, state: &Snapshot| {
                        let mut page = overview(app, state, &reader, None)?;
                        page.missing = Some(name);
                        Ok(page)
                    };
                    html(StatusCode::NOT_FOUND, &blocking(app, page).await?)
                }
            }
        }
        ["blocks", height] => {
            let height: u64 = parsed(height, "height")?;
            let page = move |app: &App, state: &Snapshot| block::page(app, state, &reader, height);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["transactions", id] => {
            let id: TransactionId = parsed(id, "transaction")?;
            let page =
                move |app: &App, state: &Snapshot| transaction::page(app, state, &reader, id);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["transactions", id, file @ (transaction::JSON_FILE | transaction::RAW_FILE)] => {
            let id: TransactionId = parsed(id, "transaction")?;
            transaction::file(app, id, file == &transaction::RAW_FILE).await
        }
        ["accounts", account] => {
            let id: AccountId = parsed(account, "account")?;
            let page = move |app: &App, state: &Snapshot| account::page(app, state, &reader, id);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["deals", deal] => {
            let id: DealId = parsed(deal, "deal")?;
            let page = move |app: &App, state: &Snapshot| deal::page(app, state, &reader, id);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["validators"] => {
            let page = move |app: &App, state: &Snapshot| votes::page(app, state, &reader);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["supply"] => {
            let page = move |app: &App, state: &Snapshot| supply::page(app, state, &reader);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        _ => Err(ApiError::not_found("such page")),
    }
}

fn lead_to(address: &str) -> Response {
    let mut response = reply::bytes(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Vec::new());
    if let Ok(value) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Where something with a name is shown.
fn find(app: &App, state: &Snapshot, name: &str) -> Result<Option<String>, ApiError> {
    if let Ok(height) = name.parse::<u64>() {
        return Ok(app.node.block(height)?.map(|_| format!("/explorer/blocks/{height}")));
    }
    if let Ok(id) = name.parse::<TransactionId>()
        && let TransactionStatus::Final { .. } = app.node.transaction(&id.0)?
    {
        return Ok(Some(format!("/explorer/transactions/{id}")));
    }
    if let Ok(id) = name.parse::<DealId>()
        && state_key::read(state, &state_key::deal(&id))?.is_some()
    {
        return Ok(Some(format!("/explorer/deals/{id}")));
    }
    if let Ok(id) = name.parse::<StandingId>()
        && state_key::read(state, &state_key::standing(&id))?.is_some()
    {
        return Ok(Some(format!("/api/v1/standing/{id}")));
    }
    if let Ok(id) = name.parse::<AccountId>() {
        let view = read::account(state, id)?;
        if view.nonce > 0 || !view.parties.is_empty() || !view.balances.is_empty() {
            return Ok(Some(format!("/explorer/accounts/{id}")));
        }
    }
    if name.chars().count() < MIN_TEXT {
        return Ok(None);
    }
    if let Some(found) = package(state, name)? {
        return Ok(Some(found));
    }
    if let Some(account) = party(state, name)? {
        return Ok(Some(format!("/explorer/accounts/{account}")));
    }
    let query = Query { text: name.to_owned(), ..Query::default() };
    let found = app.finder.find(app, state, &query)?.total() > 0;
    Ok(found.then(|| query.address("/")))
}

/// The page of a package whose id begins so.
fn package(state: &Snapshot, name: &str) -> Result<Option<String>, ApiError> {
    let mut after: Option<Vec<u8>> = None;
    let mut looked = 0;
    while name.len() >= 6 && looked < MAX_LOOKED_AT {
        let listings = state_key::listings();
        let page = state_key::scan(state, &listings, after.as_deref(), galen_api::MAX_PAGE)?;
        let found =
            page.iter().find(|(_, listing)| listing.id.package.to_string().starts_with(name));
        if let Some((_, listing)) = found {
            return Ok(Some(link(&listing.id)));
        }
        looked += page.len();
        match page.into_iter().next_back() {
            Some((rest, _)) => after = Some(rest),
            None => break,
        }
    }
    Ok(None)
}

/// The account of a party in whose name the text stands.
fn party(state: &Snapshot, text: &str) -> Result<Option<AccountId>, ApiError> {
    let text = text.to_lowercase();
    for role in [Role::Institution, Role::Issuer, Role::Gateway] {
        for (rest, party) in state_key::scan(state, &state_key::parties(role), None, MAX_LOOKED_AT)?
        {
            if party.name.as_str().to_lowercase().contains(&text) {
                return Ok(Some(AccountId(state_key::part(&rest, 0)?)));
            }
        }
    }
    Ok(None)
}

/// The address of the proof of what stands under some keys of the state, or that nothing does; nothing
/// before the first block, which nobody signed. At most as many keys as an answer has room for.
pub(super) fn proof<'a>(
    state: &Snapshot,
    keys: impl IntoIterator<Item = &'a [u8]>,
) -> Option<String> {
    let keys: Vec<String> = keys.into_iter().take(MAX_PROOFS).map(hex::encode).collect();
    (state.height() > 0).then(|| format!("/api/v1/proofs?key={}", keys.join(",")))
}

#[derive(Template)]
#[template(path = "explorer.html")]
struct Overview {
    f: Frame,
    missing: Option<String>,
    blocks: Vec<BlockRow>,
    earlier: Option<u64>,
    /// Whether these are the latest.
    live: bool,
    script: String,
    validators: Vec<votes::Voter>,
    supplies: Vec<(String, String)>,
    issuers: Vec<IssuerRow>,
}

struct BlockRow {
    height: u64,
    time: String,
    transactions: usize,
    events: usize,
}

struct IssuerRow {
    account: String,
    name: String,
    live: u64,
}

fn overview(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    before: Option<u64>,
) -> Result<Overview, ApiError> {
    let last = before.map_or(state.height(), |before| before.saturating_sub(1)).min(state.height());
    let first = last.saturating_sub(SHOWN - 1).max(1);
    let mut blocks = Vec::new();
    for height in (first..=last).rev() {
        let Some(stored) = app.node.block(height)? else { continue };
        blocks.push(BlockRow {
            height,
            time: instant(stored.block.header.time_ms),
            transactions: stored.block.transactions.len(),
            events: app.node.events(height)?.map_or(0, |events| events.len()),
        });
    }
    let issuers = read::issuers(state, &read::Paging::default())?.items.into_iter();
    let issuers = issuers.map(|view| IssuerRow {
        account: view.account.to_string(),
        name: view.party.name.to_string(),
        live: view.tree.live,
    });
    Ok(Overview {
        f: Frame::new(app, state, reader, "explorer"),
        missing: None,
        blocks,
        earlier: (first > 1).then_some(first),
        live: before.is_none(),
        script: crate::assets::live(),
        validators: votes::voters(app, state)?,
        supplies: supply::outstanding(state)?,
        issuers: issuers.collect(),
    })
}

/// What happened, for a page.
struct EventRow {
    what: String,
    translated: bool,
    proof: String,
}

impl EventRow {
    fn new(lang: Lang, event: &galen_market::event::Event, (height, index): (u64, u32)) -> Self {
        let (what, translated) = sentences::event(lang, event);
        Self { what, translated, proof: format!("/api/v1/events/{height}/{index}") }
    }
}
