//! Questions in the shape of a dataset viewer: `is-valid`, `splits`, `first-rows`, `rows`,
//! `statistics`. A table is a config with two splits: `listed` has the proven statistics of all rows,
//! which are sold and not shown; `synthetic` has rows, drawn from those statistics and marked so.

use std::sync::Arc;

use galen_api::ListingView;
use galen_market::layout::{Table, Values};
use galen_market::listing::TableClaims;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::{statistics, synthetic};
use crate::reply::{self, ApiError};
use crate::request::Request;
use crate::routes::blocking;
use crate::{App, read};

/// The split of which statistics are proven.
const LISTED: &str = "listed";
/// The split of drawn rows.
const SYNTHETIC: &str = "synthetic";
/// Most rows of an answer.
const MAX_LENGTH: u64 = 100;
const NOTE: &str = "Synthetic: every value is drawn for itself from the proven chart of its column. No row is a person's, and no relation between columns is in it. Columns without a chart are left out.";

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    IsValid,
    Splits,
    FirstRows,
    Rows,
    Statistics,
}

/// About what: `institution/package`, a table, and which split.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    dataset: String,
    #[serde(default)]
    config: Option<String>,
    #[serde(default)]
    split: Option<String>,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    length: Option<u64>,
}

/// Answers a question.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: &mut Request,
    question: Question,
) -> Result<Response, ApiError> {
    let about: About = request.query()?;
    let (institution, package) = about.dataset.split_once('/').ok_or_else(|| {
        ApiError::bad("dataset: the institution's account and the package, with / between")
    })?;
    let id = read::listing_id(institution, package)?;
    let found = blocking(app, move |app, state| {
        let view = read::listing(app, state, &id)?;
        match question {
            Question::IsValid => Ok(is_valid(&view)),
            Question::Splits => Ok(splits(&view, &about)),
            Question::Statistics => table_statistics(&view, &about),
            Question::FirstRows => {
                rows(&view, &About { offset: 0, length: Some(MAX_LENGTH), ..about }, true)
            }
            Question::Rows => rows(&view, &about, false),
        }
    })
    .await?;
    Ok(reply::json(&found))
}

fn has_statistics(view: &ListingView) -> bool {
    let mut tables = view.summary.tables.iter().zip(&view.claims);
    tables.any(|(table, claims)| table.proven && !claims.charts.is_empty())
}

fn is_valid(view: &ListingView) -> Value {
    let has = has_statistics(view);
    json!({ "preview": has, "viewer": has, "search": false, "filter": false, "statistics": has })
}

fn splits(view: &ListingView, about: &About) -> Value {
    let tables = view.layout.tables().iter().flat_map(|table| {
        [LISTED, SYNTHETIC]
            .map(|split| json!({ "dataset": about.dataset, "config": table.name, "split": split }))
    });
    json!({ "splits": tables.collect::<Vec<_>>(), "pending": [], "failed": [] })
}

/// The table that is asked for, once its statistics are proven.
fn table<'a>(
    view: &'a ListingView,
    about: &About,
    split: &str,
) -> Result<(u32, &'a Table, &'a TableClaims), ApiError> {
    if about.split.as_deref().is_some_and(|asked| asked != split) {
        return Err(ApiError::not_found("split of this name with an answer to this question")
            .remedy(format!("ask for split={split}")));
    }
    let tables = view.layout.tables().iter().zip(&view.claims).zip(&view.summary.tables);
    let named = |name: &str| about.config.as_deref().is_none_or(|asked| asked == name);
    let found = (0u32..).zip(tables).find(|(_, ((table, _), _))| named(&table.name));
    let (at, ((table, claims), summary)) =
        found.ok_or_else(|| ApiError::not_found("table of this name"))?;
    if !summary.proven {
        return Err(ApiError::not_found("statistics of this table: nothing of it is proven"));
    }
    Ok((at, table, claims))
}

fn table_statistics(view: &ListingView, about: &About) -> Result<Value, ApiError> {
    let (_, table, claims) = table(view, about, LISTED)?;
    Ok(json!({
        "num_examples": table.rows(),
        "statistics": statistics::of(&view.layout, table, claims),
        "partial": claims.charts.len() < table.columns.len(),
        "proven": true,
    }))
}

fn rows(view: &ListingView, about: &About, first: bool) -> Result<Value, ApiError> {
    let (at, table, claims) = table(view, about, SYNTHETIC)?;
    let length = about.length.unwrap_or(MAX_LENGTH);
    if length > MAX_LENGTH {
        return Err(ApiError::bad(format!("length: at most {MAX_LENGTH} rows at a time")));
    }
    let total = synthetic::rows(table);
    let sources = synthetic::sources(&view.layout, table, claims);
    let features: Vec<Value> = (0u32..)
        .zip(&sources)
        .map(|(index, source)| {
            let dtype = match source.column.values {
                Values::Number { scale: 0, .. } => "int64",
                Values::Number { .. } => "float64",
                Values::Date { .. } => "date32",
                Values::Code { .. } => "string",
            };
            json!({
                "feature_idx": index,
                "name": source.column.name,
                "type": { "dtype": dtype, "_type": "Value" },
            })
        })
        .collect();
    let end = about.offset.saturating_add(length).min(total);
    let package = &view.summary.listing.id.package;
    let drawn: Vec<Value> = (about.offset..end)
        .map(|row| {
            let cells: Map<String, Value> = sources
                .iter()
                .map(|source| {
                    let value = source.draw(&view.layout, package, at, row);
                    (source.column.name.clone(), value)
                })
                .collect();
            json!({ "row_idx": row, "row": cells, "truncated_cells": [] })
        })
        .collect();
    let mut found = json!({
        "features": features,
        "rows": drawn,
        "synthetic": true,
        "note": NOTE,
    });
    if let Some(fields) = found.as_object_mut() {
        if first {
            fields.insert("dataset".to_owned(), json!(about.dataset));
            fields.insert("config".to_owned(), json!(table.name));
            fields.insert("split".to_owned(), json!(SYNTHETIC));
            fields.insert("truncated".to_owned(), json!(end < total));
        } else {
            fields.insert("num_rows_total".to_owned(), json!(total));
            fields.insert("num_rows_per_page".to_owned(), json!(MAX_LENGTH));
            fields.insert("partial".to_owned(), json!(false));
        }
    }
    Ok(found)
}
