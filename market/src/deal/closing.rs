//! What the end of a listing does to its unfinished deals: piece by piece through the queue of
//! deadlines, however many there are. An action that comes to a deal before the queue does finds it
//! ended already.

use super::*;
use crate::event::Event;
use crate::listing::{Listing, Standing};

impl Deal {
    /// How the end of its listing ends the deal, if it does: an upheld dispute ends every unfinished
    /// one, registrars only those in which nobody waits for a key or has it.
    pub(crate) fn closed_by(&self, standing: Standing) -> Option<Termination> {
        let open = matches!(self.stage, Stage::Requested | Stage::Agreed);
        match standing {
            Standing::Refunded { .. } if !self.stage.is_final() => {
                Some(Termination::PackageRefunded)
            }
            Standing::TakenDown if open => Some(Termination::TakenDown),
            _ => None,
        }
    }
}

/// Marks a package as not what was listed, and queues the refunds of its unfinished deals.
pub(super) fn refund_package(
    ctx: &mut Context<'_>,
    mut listing: Listing,
    deal: DealId,
    segment: u64,
) -> Result<(), TxError> {
    listing.standing = Standing::Refunded { deal, segment };
    ctx.put_listing(&listing);
    ctx.emit(Event::PackageRefunded { listing: listing.id, deal, segment });
    queue_refunds(ctx, &listing.id)
}

fn queue_refunds(ctx: &mut Context<'_>, id: &ListingId) -> Result<(), TxError> {
    if !ctx.scan(&state_key::open_deals(id), None, 1)?.is_empty() {
        let now = ctx.uptime_ms();
        crate::deadline::add(ctx, now, crate::deadline::Due::Refunds(*id));
    }
    Ok(())
}

/// Refunds one unfinished deal of a refunded package, and queues the next.
pub(crate) fn refund_next(ctx: &mut Context<'_>, id: &ListingId) -> Result<(), TxError> {
    if let Some((rest, ())) = ctx.scan(&state_key::open_deals(id), None, 1)?.pop() {
        let deal = ctx.deal(&DealId(state_key::part(&rest, 0)?))?;
        escrow::terminate(ctx, deal, Termination::PackageRefunded)?;
    }
    queue_refunds(ctx, id)
}

/// Queues the end of what a taken down listing has open, from the deal after one on.
pub(crate) fn queue_takedown(
    ctx: &mut Context<'_>,
    id: &ListingId,
    after: Option<DealId>,
) -> Result<(), TxError> {
    let from = after.as_ref().map(|deal| deal.0.as_slice());
    if !ctx.scan(&state_key::open_deals(id), from, 1)?.is_empty() {
        let now = ctx.uptime_ms();
        crate::deadline::add(ctx, now, crate::deadline::Due::Takedown(*id, after));
    }
    Ok(())
}

/// Looks at one unfinished deal of a taken down listing, ends it if nobody waits for its key, and
/// queues the next.
pub(crate) fn take_down_next(
    ctx: &mut Context<'_>,
    id: &ListingId,
    after: Option<DealId>,
) -> Result<(), TxError> {
    let from = after.as_ref().map(|deal| deal.0.as_slice());
    let Some((rest, ())) = ctx.scan(&state_key::open_deals(id), from, 1)?.pop() else {
        return Ok(());
    };
    let deal = ctx.deal(&DealId(state_key::part(&rest, 0)?))?;
    let (next, standing) = (Some(deal.id), ctx.listing(id)?.standing);
    if let Some(closed) = deal.closed_by(standing) {
        escrow::terminate(ctx, deal, closed)?;
    }
    queue_takedown(ctx, id, next)
}
