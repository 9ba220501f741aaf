//! Lists of deals, for agents and pages.

use super::*;
use crate::state::{StateError, StateRead};

/// Up to `limit` deals of an institution at a stage, by id, after `after`.
///
/// # Errors
/// When the state fails.
pub fn deals_of_institution(
    state: &dyn StateRead,
    institution: &AccountId,
    stage: Stage,
    after: Option<&DealId>,
    limit: usize,
) -> Result<Vec<Deal>, StateError> {
    let prefix = state_key::deals_by_stage(institution, stage);
    load(state, &state_key::scan(state, &prefix, after.map(|id| id.0.as_slice()), limit)?)
}

/// Up to `limit` deals that wait for their key, by id, after `after`: what an agent serves.
///
/// # Errors
/// When the state fails.
pub fn ready_deals(
    state: &dyn StateRead,
    institution: &AccountId,
    after: Option<&DealId>,
    limit: usize,
) -> Result<Vec<Deal>, StateError> {
    deals_of_institution(state, institution, Stage::Ready, after, limit)
}

/// Up to `limit` deals of a listing, ended ones too, by id, after `after`.
///
/// # Errors
/// When the state fails.
pub fn deals_of_listing(
    state: &dyn StateRead,
    listing: &ListingId,
    after: Option<&DealId>,
    limit: usize,
) -> Result<Vec<Deal>, StateError> {
    let prefix = state_key::deals_of_listing(listing);
    load(state, &state_key::scan(state, &prefix, after.map(|id| id.0.as_slice()), limit)?)
}

/// Up to `limit` deals of the ledger, by id, after `after`.
///
/// # Errors
/// When the state fails.
pub fn all_deals(
    state: &dyn StateRead,
    after: Option<&DealId>,
    limit: usize,
) -> Result<Vec<Deal>, StateError> {
    let found =
        state_key::scan(state, &state_key::deals(), after.map(|id| id.0.as_slice()), limit)?;
    Ok(found.into_iter().map(|(_, deal)| deal).collect())
}

fn load(state: &dyn StateRead, entries: &[(Vec<u8>, ())]) -> Result<Vec<Deal>, StateError> {
    let missing = || StateError("an index names a deal that is not there".to_owned());
    entries
        .iter()
        .map(|(rest, ())| {
            let id = DealId(state_key::part(rest, 0)?);
            state_key::read(state, &state_key::deal(&id))?.ok_or_else(missing)
        })
        .collect()
}
