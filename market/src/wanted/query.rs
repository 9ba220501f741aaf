//! Lists of standing requests, for institutions and pages.

use super::*;
use crate::state::{StateError, StateRead};

/// A standing request, ended ones too.
///
/// # Errors
/// When the state fails.
pub fn standing(
    state: &dyn StateRead,
    id: &StandingId,
) -> Result<Option<StandingRequest>, StateError> {
    state_key::read(state, &state_key::standing(id))
}

/// Up to `limit` standing requests that wait for a listing, the oldest first, after the one with this
/// up-time and id.
///
/// # Errors
/// When the state fails.
pub fn open_standings(
    state: &dyn StateRead,
    after: Option<(u64, StandingId)>,
    limit: usize,
) -> Result<Vec<StandingRequest>, StateError> {
    let missing = || StateError("an index names a standing request that is not there".to_owned());
    let after = after.map(|(since_ms, id)| [&since_ms.to_be_bytes()[..], &id.0].concat());
    state_key::scan(state, &state_key::open_standings(), after.as_deref(), limit)?
        .iter()
        .map(|(rest, ())| {
            standing(state, &StandingId(state_key::part(rest, 8)?))?.ok_or_else(missing)
        })
        .collect()
}
