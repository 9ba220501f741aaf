//! The page of a transaction: what it asks for, field by field, who wants it and who pays, what it did,
//! and its bytes.

use std::sync::Arc;

use askama::Template;
use galen_api::story::instant;
use galen_chain::TransactionStatus;
use galen_chain::store::Snapshot;
use galen_market::action::Action;
use galen_market::fee::FeePayer;
use galen_market::id::TransactionId;
use galen_market::transaction::{NO_EXPIRY, Transaction};
use serde_json::Value;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::EventRow;
use crate::App;
use crate::lang::fill;
use crate::pages::frame::{Frame, Reader};
use crate::pages::money;
use crate::reply::{self, ApiError};
use crate::routes::blocking;

/// Names of the files that the page leads to.
pub(super) const JSON_FILE: &str = "transaction.json";
/// The same for its canonical bytes.
pub(super) const RAW_FILE: &str = "transaction.bin";

/// Longest text of a field, and most fields of an action.
const MAX_FIELD: usize = 160;
const MAX_FIELDS: usize = 120;
/// Longest JSON and most bytes on a page; the files have all.
const MAX_JSON: usize = 40_000;
const MAX_RAW: usize = 4_000;
/// Transactions of a block among which the place of an event is looked for.
const MAX_LOOKED_AT: usize = 500;

#[derive(Template)]
#[template(path = "transaction.html")]
pub(super) struct TransactionPage {
    f: Frame,
    id: String,
    height: u64,
    bytes: String,
    expiry: String,
    payer: (String, String),
    fee: String,
    /// Accounts with their nonces.
    signers: Vec<(String, u64)>,
    deal_key: Option<String>,
    nullifier: Option<String>,
    actions: Vec<ActionRow>,
    events: Vec<EventRow>,
    json: String,
    raw: String,
}

struct ActionRow {
    name: String,
    fields: Vec<(String, String)>,
    more: bool,
}

fn split(action: &Action) -> (String, Value) {
    match serde_json::to_value(action) {
        Ok(Value::Object(fields)) => match fields.into_iter().next() {
            Some((name, value)) => (name.replace('_', " "), value),
            None => (String::new(), Value::Null),
        },
        Ok(Value::String(name)) => (name.replace('_', " "), Value::Null),
        _ => (String::new(), Value::Null),
    }
}

/// The names of the actions of a transaction.
pub(super) fn names(transaction: &Transaction) -> Vec<String> {
    transaction.actions.iter().map(|action| split(action).0).collect()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() > most {
        text.chars().take(most).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// The fields below a value with their paths, as many as fit; false when some did not.
fn flatten(path: &str, value: &Value, into: &mut Vec<(String, String)>) -> bool {
    let below = |name: &str| match path {
        "" => name.replace('_', " "),
        path => format!("{path} · {}", name.replace('_', " ")),
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().all(|(name, value)| flatten(&below(name), value, into))
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            let mut items = (1..).zip(items);
            items.all(|(at, item): (usize, _)| flatten(&below(&at.to_string()), item, into))
        }
        _ if into.len() >= MAX_FIELDS => false,
        value => {
            let text = match value {
                Value::Null => "–".to_owned(),
                Value::String(text) => text.clone(),
                Value::Array(items) if items.is_empty() => "–".to_owned(),
                other => other.to_string(),
            };
            into.push((path.to_owned(), shortened(&text, MAX_FIELD)));
            true
        }
    }
}

fn action_row(action: &Action) -> ActionRow {
    let (name, value) = split(action);
    let mut fields = Vec::new();
    let whole = flatten("", &value, &mut fields);
    ActionRow { name, fields, more: !whole }
}

/// A decided transaction: where it stands, itself, and its bytes.
struct Decided {
    height: u64,
    index: usize,
    transaction: Transaction,
    bytes: Vec<u8>,
    /// All of the block.
    all: Vec<Vec<u8>>,
}

fn decided(app: &App, id: &TransactionId) -> Result<Decided, ApiError> {
    let unknown = || ApiError::not_found("such transaction in a block");
    let TransactionStatus::Final { height, index } = app.node.transaction(&id.0)? else {
        return Err(unknown());
    };
    let stored = app.node.block(height)?.ok_or_else(unknown)?;
    let (index, all) = (index as usize, stored.block.transactions);
    let bytes = all.get(index).ok_or_else(unknown)?.clone();
    Ok(Decided { height, index, transaction: Transaction::decode(&bytes)?, bytes, all })
}

/// The place of the first event of a transaction among those of its block: they are the last of the block but
/// for those of the transactions after it.
fn first_event(app: &App, decided: &Decided, own: usize) -> Result<Option<u32>, ApiError> {
    let after = decided.all.get(decided.index + 1..).unwrap_or_default();
    if after.len() > MAX_LOOKED_AT {
        return Ok(None);
    }
    let mut later = own;
    for bytes in after {
        let id = Transaction::decode(bytes)?.id();
        let Some(receipt) = app.node.receipt(&id.0)? else { return Ok(None) };
        later = later.saturating_add(receipt.events.len());
    }
    let total = app.node.events(decided.height)?.map_or(0, |events| events.len());
    Ok(total.checked_sub(later).and_then(|first| u32::try_from(first).ok()))
}

pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    id: TransactionId,
) -> Result<TransactionPage, ApiError> {
    let decided = decided(app, &id)?;
    let f = Frame::new(app, state, reader, "explorer");
    let receipt = app.node.receipt(&id.0)?;
    let mut events = Vec::new();
    if let Some(receipt) = &receipt
        && let Some(first) = first_event(app, &decided, receipt.events.len())?
    {
        let each = (first..).zip(receipt.events.iter().take(super::MAX_EVENTS));
        events.extend(
            each.map(|(at, event)| EventRow::new(reader.lang, event, (decided.height, at))),
        );
    }
    let Decided { height, transaction, bytes, .. } = decided;
    let authorization = &transaction.authorization;
    let payer = match &transaction.fee.payer {
        FeePayer::Account(id) => (id.to_string(), format!("/explorer/accounts/{id}")),
        FeePayer::Deal(id) => (fill(f.t.deal_n, &[id]), format!("/explorer/deals/{id}")),
        FeePayer::Standing(id) => (fill(f.t.request_n, &[id]), format!("/api/v1/standing/{id}")),
    };
    let json = serde_json::to_string_pretty(&transaction.actions).unwrap_or_default();
    Ok(TransactionPage {
        id: id.to_string(),
        height,
        bytes: f.number(bytes.len()),
        expiry: match transaction.expiry_ms {
            NO_EXPIRY => f.t.expiry_of_deal.to_owned(),
            at_ms => instant(at_ms),
        },
        payer,
        fee: receipt.map(|receipt| money(state, &receipt.fee)).transpose()?.unwrap_or_default(),
        signers: authorization
            .accounts
            .iter()
            .map(|signer| (signer.account.to_string(), signer.nonce))
            .collect(),
        deal_key: authorization.deal_key.as_ref().map(|signer| signer.key.to_string()),
        nullifier: authorization.credential.as_ref().map(|shown| shown.nullifier.to_string()),
        actions: transaction.actions.iter().map(action_row).collect(),
        events,
        json: shortened(&json, MAX_JSON),
        raw: shortened(&hex::encode(&bytes), MAX_RAW),
        f,
    })
}

/// The whole transaction as a file.
pub(super) async fn file(
    app: &Arc<App>,
    id: TransactionId,
    raw: bool,
) -> Result<Response, ApiError> {
    let decided = blocking(app, move |app, _| decided(app, &id)).await?;
    let (name, media, bytes) = if raw {
        (RAW_FILE, "application/octet-stream", decided.bytes)
    } else {
        let bytes = serde_json::to_vec_pretty(&decided.transaction).unwrap_or_default();
        (JSON_FILE, "application/json", bytes)
    };
    let mut response = reply::bytes(StatusCode::OK, media, bytes);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_by_their_paths_and_bounded() {
        let mut fields = Vec::new();
        let value = serde_json::json!({
            "to": "ab", "money": { "amount": "5", "currency": "EUR" }, "tags": [], "note": null,
            "parts": [{ "share": 1 }, { "share": 2 }], "words": ["a", "b"],
        });
        assert!(flatten("", &value, &mut fields));
        let has = |path: &str, text: &str| fields.contains(&(path.to_owned(), text.to_owned()));
        assert!(has("to", "ab") && has("money · amount", "5") && has("parts · 2 · share", "2"));
        assert!(
            has("tags", "–") && has("note", "–") && has("words", "[\"a\",\"b\"]"),
            "{fields:?}"
        );

        let many: Vec<Value> = (0..MAX_FIELDS + 9).map(|n| serde_json::json!({ "n": n })).collect();
        let mut fields = Vec::new();
        assert!(!flatten("", &Value::Array(many), &mut fields));
        assert_eq!(fields.len(), MAX_FIELDS);
        let mut fields = Vec::new();
        assert!(flatten("x", &Value::String("y".repeat(900)), &mut fields));
        assert_eq!(fields[0].1.chars().count(), MAX_FIELD + 1);
    }
}
