//! The page of the requests that wait for an institution's review: everything on it is public, and
//! whoever reviews signs with the institution's own key, never here.

use askama::Template;
use galen_chain::store::Snapshot;
use galen_market::deal::{Deal, Stage, deals_of_institution};
use galen_market::id::AccountId;
use galen_market::role::Role;
use galen_market::state_key;

use super::frame::{Frame, Reader};
use super::money;
use crate::lang::{Lang, fill, sentences};
use crate::reply::ApiError;
use crate::{App, read};

/// Most requests of the page.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "requests.html")]
pub(super) struct Requests {
    f: Frame,
    institution_name: String,
    rows: Vec<Row>,
}

struct Row {
    deal: String,
    dataset: String,
    package: String,
    price: String,
    purpose: String,
    reasons: Vec<Reason>,
    left: String,
}

struct Reason {
    outcome: String,
    clause: String,
    finding: String,
}

/// The page of an institution.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    institution: AccountId,
) -> Result<Requests, ApiError> {
    let party = state_key::read(state, &state_key::party(Role::Institution, &institution))?
        .ok_or_else(|| ApiError::not_found("such institution"))?;
    let waiting = deals_of_institution(state, &institution, Stage::Requested, None, MOST)?;
    let rows = waiting
        .iter()
        .map(|deal| row(state, reader.lang, deal))
        .collect::<Result<_, ApiError>>()?;
    Ok(Requests {
        f: Frame::new(app, state, reader, "institutions"),
        institution_name: party.name.to_string(),
        rows,
    })
}

fn row(state: &Snapshot, lang: Lang, deal: &Deal) -> Result<Row, ApiError> {
    let left = read::deal(state, deal.id)?.remaining_ms.unwrap_or(0) / 60_000;
    Ok(Row {
        deal: deal.id.to_string(),
        dataset: format!("/datasets/{}/{}", deal.listing.institution, deal.listing.package),
        package: deal.listing.package.to_string(),
        price: money(state, &deal.price)?,
        purpose: sentences::purpose(lang, &deal.purpose),
        reasons: deal
            .decision
            .reasons
            .iter()
            .map(|reason| Reason {
                outcome: reason.finding.outcome().to_string(),
                clause: sentences::clause(lang, &reason.clause),
                finding: reason.finding.to_string(),
            })
            .collect(),
        left: fill(lang.words().left_then_returns, &[&(left / 60), &(left % 60)]),
    })
}
