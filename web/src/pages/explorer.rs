//! The explorer: blocks, transactions and accounts of the ledger, what happened in words, and every
//! page's JSON one click away. One search box leads to whatever has the name.

use std::sync::Arc;

use askama::Template;
use galen_api::story::instant;
use galen_chain::TransactionStatus;
use galen_chain::store::Snapshot;
use galen_market::id::{AccountId, DealId, TransactionId};
use galen_market::state_key;
use galen_market::transaction::Transaction;
use serde::Deserialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::frame::{Frame, Reader};
use super::{html, link};
use crate::lang::{Lang, fill, sentences};
use crate::reply::{self, ApiError};
use crate::request::parsed;
use crate::routes::blocking;
use crate::{App, read};

/// Blocks on the first page.
const SHOWN: u64 = 25;
/// Events of a block that are shown in words.
const MAX_EVENTS: usize = 500;
/// Listings that are looked through for a package.
const MAX_LOOKED_AT: usize = 20_000;

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
            let page = move |app: &App, state: &Snapshot| block(app, state, &reader, height);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["transactions", id] => {
            let id: TransactionId = parsed(id, "transaction")?;
            let page = move |app: &App, state: &Snapshot| transaction(app, state, &reader, id);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["accounts", account] => {
            let id: AccountId = parsed(account, "account")?;
            let page = move |app: &App, state: &Snapshot| account_page(app, state, &reader, id);
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
        return Ok(Some(format!("/api/v1/deals/{id}")));
    }
    if let Ok(id) = name.parse::<AccountId>() {
        let view = read::account(state, id)?;
        if view.nonce > 0 || !view.parties.is_empty() || !view.balances.is_empty() {
            return Ok(Some(format!("/explorer/accounts/{id}")));
        }
    }
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

#[derive(Template)]
#[template(path = "explorer.html")]
struct Overview {
    f: Frame,
    missing: Option<String>,
    blocks: Vec<BlockRow>,
    earlier: Option<u64>,
    /// Their accounts.
    validators: Vec<String>,
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
    let validators = state_key::scan(state, &state_key::validators(), None, galen_api::MAX_PAGE)?;
    let validators = validators.into_iter().map(|(rest, _)| hex::encode(rest));
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
        validators: validators.collect(),
        issuers: issuers.collect(),
    })
}

/// What happened, for a page.
struct EventRow {
    what: String,
    translated: bool,
    proof: String,
}

fn event_rows(app: &App, lang: Lang, height: u64) -> Result<Vec<EventRow>, ApiError> {
    let events = app.node.events(height)?.unwrap_or_default();
    let rows = events.iter().take(MAX_EVENTS).enumerate().map(|(index, event)| {
        let (what, translated) = sentences::event(lang, event);
        EventRow { what, translated, proof: format!("/api/v1/events/{height}/{index}") }
    });
    Ok(rows.collect())
}

#[derive(Template)]
#[template(path = "block.html")]
struct BlockPage {
    f: Frame,
    height: u64,
    last: bool,
    id: String,
    time: String,
    state_root: String,
    proposer: String,
    transactions: Vec<TransactionRow>,
    events: Vec<EventRow>,
}

struct TransactionRow {
    id: String,
    actions: String,
}

/// The names of the actions of a transaction.
fn actions(transaction: &Transaction) -> Vec<String> {
    let name = |action: &galen_market::action::Action| match serde_json::to_value(action) {
        Ok(serde_json::Value::Object(fields)) => {
            fields.keys().next().cloned().unwrap_or_default().replace('_', " ")
        }
        Ok(serde_json::Value::String(name)) => name.replace('_', " "),
        _ => String::new(),
    };
    transaction.actions.iter().map(name).collect()
}

fn block(app: &App, state: &Snapshot, reader: &Reader, height: u64) -> Result<BlockPage, ApiError> {
    let view = read::block(app, height)?;
    let stored = app.node.block(height)?.ok_or_else(|| ApiError::not_found("such block"))?;
    let mut transactions = Vec::with_capacity(stored.block.transactions.len());
    for bytes in &stored.block.transactions {
        let transaction = Transaction::decode(bytes)?;
        let actions = actions(&transaction).join(", ");
        transactions.push(TransactionRow { id: transaction.id().to_string(), actions });
    }
    Ok(BlockPage {
        last: height >= state.height(),
        height,
        id: view.id.to_string(),
        time: instant(view.time_ms),
        state_root: view.state_root.to_string(),
        proposer: view.proposer.to_string(),
        transactions,
        events: event_rows(app, reader.lang, height)?,
        f: Frame::new(app, state, reader, "explorer"),
    })
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct TransactionPage {
    f: Frame,
    id: String,
    height: u64,
    actions: Vec<String>,
    json: String,
}

/// Longest JSON of a transaction on a page, in letters.
const MAX_JSON: usize = 40_000;

fn transaction(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    id: TransactionId,
) -> Result<TransactionPage, ApiError> {
    let unknown = || ApiError::not_found("such transaction in a block");
    let TransactionStatus::Final { height, index } = app.node.transaction(&id.0)? else {
        return Err(unknown());
    };
    let stored = app.node.block(height)?.ok_or_else(unknown)?;
    let bytes = stored.block.transactions.get(index as usize).ok_or_else(unknown)?;
    let transaction = Transaction::decode(bytes)?;
    let json = serde_json::to_string_pretty(&transaction.actions).unwrap_or_default();
    let json = if json.chars().count() > MAX_JSON {
        json.chars().take(MAX_JSON).chain(['…']).collect()
    } else {
        json
    };
    Ok(TransactionPage {
        f: Frame::new(app, state, reader, "explorer"),
        id: id.to_string(),
        height,
        actions: actions(&transaction),
        json,
    })
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    f: Frame,
    account: String,
    nonce: u64,
    parties: Vec<(String, String, bool)>,
    balances: Vec<String>,
    bond: Vec<String>,
    listed: Option<String>,
}

fn account_page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    account: AccountId,
) -> Result<AccountPage, ApiError> {
    let view = read::account(state, account)?;
    let f = Frame::new(app, state, reader, "explorer");
    let amounts = |balances: &[galen_api::Balance]| -> Vec<String> {
        let each = balances.iter().map(|balance| format!("{} {}", balance.amount, balance.asset));
        each.collect()
    };
    let active = galen_market::identity::Standing::Active;
    let parties = view.parties.iter().map(|view| {
        (view.role.to_string(), view.party.name.to_string(), view.party.standing == active)
    });
    let institution =
        view.parties.iter().any(|view| view.role == galen_market::role::Role::Institution);
    let listed = institution.then(|| fill(f.t.found_many, &[&app.finder.listed_by(&account)]));
    Ok(AccountPage {
        account: account.to_string(),
        nonce: view.nonce,
        parties: parties.collect(),
        balances: amounts(&view.balances),
        bond: amounts(&view.bond),
        listed,
        f,
    })
}
