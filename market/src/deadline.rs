//! The queue of deadlines, in the state, ordered by up-time and then by what is due. Up-time is the
//! sum of the times between blocks, each counted up to a limit, so that a stalled ledger eats
//! nobody's time. Depends on what can be due: drafts, deals,
//! subscriptions and standing requests.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec::{decode_exact, encode};
use crate::context::Context;
use crate::deal;
use crate::error::TxError;
use crate::id::{DealId, StandingId};
use crate::listing::{self, ListingId};
use crate::state::{StateError, StateRead};
use crate::state_key;
use crate::wanted;

/// Bytes of the time in front of a queue key.
const TIME_BYTES: usize = 8;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Due {
    /// The present deadline of a deal.
    Deal(DealId),
    /// A draft expires.
    Draft(ListingId),
    /// The next unfinished deal of a refunded package is refunded.
    Refunds(ListingId),
    /// The next unfinished deal of a listing that was taken down is looked at, after this one.
    Takedown(ListingId, Option<DealId>),
    /// A month of a subscription ends; it is named by its first deal.
    Month(DealId),
    /// A standing request ends.
    Standing(StandingId),
}

/// Puts something into the queue.
pub(crate) fn add(ctx: &mut Context<'_>, at_ms: u64, due: Due) {
    ctx.put(&state_key::due(at_ms, &encode(&due)), &());
}

/// Takes something out of the queue.
pub(crate) fn remove(ctx: &mut Context<'_>, at_ms: u64, due: &Due) {
    ctx.delete(&state_key::due(at_ms, &encode(due)));
}

/// Runs what is due at the up-time of this block, at most `max` of it; says how much was run. What is
/// left over runs in the next block; an action that touches it meanwhile finds it overdue.
///
/// # Errors
/// When the state fails, or holds what it must not hold: no deadline fails by itself.
pub fn run_due(ctx: &mut Context<'_>, max: usize) -> Result<usize, TxError> {
    let mut run = 0;
    while run < max {
        let Some((at_ms, due)) = first(ctx.state())? else { break };
        if at_ms > ctx.uptime_ms() {
            break;
        }
        ctx.atomically(|ctx| {
            remove(ctx, at_ms, &due);
            match &due {
                Due::Deal(id) => deal::settle_due(ctx, id, at_ms),
                Due::Draft(id) => listing::expire_draft(ctx, id),
                Due::Refunds(id) => deal::refund_next(ctx, id),
                Due::Takedown(id, after) => deal::take_down_next(ctx, id, *after),
                Due::Month(subscription) => deal::month_ends(ctx, subscription, at_ms),
                Due::Standing(id) => wanted::expire(ctx, id),
            }
        })?;
        run += 1;
    }
    Ok(run)
}

/// The up-time of the first deadline, in milliseconds; it may have passed.
///
/// # Errors
/// When the state fails.
pub fn next(state: &dyn StateRead) -> Result<Option<u64>, StateError> {
    Ok(first(state)?.map(|(at_ms, _)| at_ms))
}

/// Everything in the queue, in order, for audits.
///
/// # Errors
/// When the state fails.
pub fn all(state: &dyn StateRead) -> Result<Vec<(u64, Due)>, StateError> {
    let entries = state_key::scan_all(state, &state_key::dues())?;
    entries.iter().map(|(rest, ())| parse(rest)).collect()
}

fn first(state: &dyn StateRead) -> Result<Option<(u64, Due)>, StateError> {
    let entries = state_key::scan(state, &state_key::dues(), None, 1)?;
    entries.first().map(|(rest, ())| parse(rest)).transpose()
}

fn parse(rest: &[u8]) -> Result<(u64, Due), StateError> {
    let at_ms = u64::from_be_bytes(state_key::part(rest, 0)?);
    let due = decode_exact(rest.get(TIME_BYTES..).unwrap_or_default());
    due.map(|due| (at_ms, due)).map_err(|error| StateError(format!("deadline queue: {error}")))
}
