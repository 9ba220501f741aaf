//! The page of the requests that wait for an institution's review: everything on it is public, and
//! whoever reviews signs with the institution's own key, never here.

use askama::Template;
use galen_api::words;
use galen_chain::store::Snapshot;
use galen_market::deal::{Deal, Stage, deals_of_institution};
use galen_market::id::AccountId;
use galen_market::role::Role;
use galen_market::state_key;

use super::money;
use crate::reply::ApiError;
use crate::{App, read};

/// Most requests of the page.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "requests.html")]
pub(super) struct Requests {
    ledger: String,
    forgeable: bool,
    institution_name: String,
    rows: Vec<Row>,
    height: u64,
}

struct Row {
    deal: String,
    dataset: String,
    package: String,
    price: String,
    purpose: String,
    reasons: Vec<(String, String)>,
    left: String,
}

/// The page of an institution.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    institution: AccountId,
) -> Result<Requests, ApiError> {
    let party = state_key::read(state, &state_key::party(Role::Institution, &institution))?
        .ok_or_else(|| ApiError::not_found("such institution"))?;
    let waiting = deals_of_institution(state, &institution, Stage::Requested, None, MOST)?;
    let rows = waiting.iter().map(|deal| row(state, deal)).collect::<Result<_, ApiError>>()?;
    Ok(Requests {
        ledger: app.genesis().name.to_string(),
        forgeable: app.forgeable,
        institution_name: party.name.to_string(),
        rows,
        height: state.height(),
    })
}

fn row(state: &Snapshot, deal: &Deal) -> Result<Row, ApiError> {
    let left = read::deal(state, deal.id)?.remaining_ms.unwrap_or(0) / 60_000;
    Ok(Row {
        deal: deal.id.to_string(),
        dataset: format!("/datasets/{}/{}", deal.listing.institution, deal.listing.package),
        package: deal.listing.package.to_string(),
        price: money(state, &deal.price)?,
        purpose: words::purpose(&deal.purpose),
        reasons: deal
            .decision
            .reasons
            .iter()
            .map(|reason| {
                let outcome = reason.finding.outcome().to_string();
                (outcome, format!("{}: {}", reason.clause.words(), reason.finding))
            })
            .collect(),
        left: format!("{} h {} min", left / 60, left % 60),
    })
}
