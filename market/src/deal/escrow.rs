//! The ends of a deal: what happens to its money, its seat and its licence, exactly once.

use super::*;
use crate::event::Event;
use crate::listing::{Listing, Standing, Stop};
use crate::payment::{DealPurse, Purse, Reason};

/// Moves everything that a part of a deal's money holds.
fn move_all(
    ctx: &mut Context<'_>,
    deal: &Deal,
    part: DealPurse,
    to: &Purse,
) -> Result<Amount, TxError> {
    let (from, asset) = (Purse::Deal(deal.id, part), deal.price.asset());
    let amount = ctx.balance(&from, &asset)?;
    // A price that is paid is shared; one that moves as a whole goes back.
    let reason = match part {
        DealPurse::Price => Reason::Refund,
        DealPurse::Allowance | DealPurse::Bond => Reason::between(&from, to),
    };
    ctx.transfer_as(reason, &from, to, &asset, amount)?;
    Ok(amount)
}

/// Takes the bond and a place for an undelivered deal. False, and nothing changed, if the institution
/// may not act, is stopped, or has no bond or no place free.
pub(super) fn take_seat(ctx: &mut Context<'_>, deal: &mut Deal) -> Result<bool, TxError> {
    let institution = deal.listing.institution;
    let mut listing = ctx.listing(&deal.listing)?;
    let most = ctx.offer(&deal.listing, deal.version)?.max_undelivered;
    let acts = match ctx.institution(&institution) {
        Ok(_) => true,
        Err(TxError::State(error)) => return Err(error.into()),
        Err(_) => false,
    };
    let stopped = ctx.get(&state_key::stop(&institution))?.is_some();
    let bond = compensation(ctx, deal.price.amount)?;
    let (from, to) = (Purse::Bond(institution), Purse::Deal(deal.id, DealPurse::Bond));
    let asset = deal.price.asset();
    let covered = ctx.balance(&from, &asset)? >= bond;
    if !acts || stopped || !covered || listing.undelivered >= most {
        return Ok(false);
    }
    ctx.transfer(&from, &to, &asset, bond)?;
    deal.bond = bond;
    listing.undelivered = listing.undelivered.saturating_add(1);
    ctx.put_listing(&listing);
    Ok(true)
}

/// What a buyer receives besides the refund if the institution fails: a part of the price, capped.
fn compensation(ctx: &Context<'_>, price: Amount) -> Result<Amount, TxError> {
    let parameters = ctx.parameters();
    let part = price.fraction(u64::from(parameters.compensation_basis_points), 10_000)?;
    Ok(part.min(parameters.compensation_max))
}

/// A deal no longer waits for its key.
pub(super) fn free_seat(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    if deal.stage == Stage::Ready {
        let mut listing = ctx.listing(&deal.listing)?;
        listing.undelivered = listing.undelivered.saturating_sub(1);
        ctx.put_listing(&listing);
    }
    Ok(())
}

/// Ends a deal unpaid: price and what is left of the allowance go back; the bond goes to the buyer if
/// the institution failed this deal, else back to the institution; a licence ends.
pub(super) fn terminate(
    ctx: &mut Context<'_>,
    mut deal: Deal,
    termination: Termination,
) -> Result<(), TxError> {
    let buyer = deal.refund.purse();
    let failed = matches!(termination, Termination::NotDelivered | Termination::Disputed { .. });
    let institution = Purse::Bond(deal.listing.institution);
    move_all(ctx, &deal, DealPurse::Price, &buyer)?;
    move_all(ctx, &deal, DealPurse::Allowance, &buyer)?;
    let bond = move_all(ctx, &deal, DealPurse::Bond, if failed { &buyer } else { &institution })?;
    let compensation = if failed { bond } else { Amount::ZERO };
    free_seat(ctx, &deal)?;
    licence::revoke(ctx, &deal)?;
    deal.termination = Some(termination.clone());
    deal.enter(ctx, Stage::Terminated, None);
    ctx.emit(Event::DealTerminated { deal: deal.id, termination, compensation });
    Ok(())
}

/// Ends a deal paid: the price is split by the shares of the agreed offer, what is left of the
/// allowance goes back, and the bond returns.
fn finalize(ctx: &mut Context<'_>, mut deal: Deal) -> Result<(), TxError> {
    let offer = ctx.offer(&deal.listing, deal.version)?;
    let (purse, asset) = (Purse::Deal(deal.id, DealPurse::Price), deal.price.asset());
    for (account, amount) in split(deal.price.amount, &offer.shares)? {
        ctx.transfer(&purse, &Purse::Account(account), &asset, amount)?;
        let money = Money { currency: deal.price.currency.clone(), amount };
        ctx.emit(Event::SharePaid { deal: deal.id, account, money });
    }
    let buyer = deal.refund.purse();
    move_all(ctx, &deal, DealPurse::Allowance, &buyer)?;
    move_all(ctx, &deal, DealPurse::Bond, &Purse::Bond(deal.listing.institution))?;
    deal.enter(ctx, Stage::Finalized, None);
    ctx.emit(Event::DealFinalized { deal: deal.id });
    Ok(())
}

/// The deadline of a deal has come.
pub(crate) fn settle_due(ctx: &mut Context<'_>, id: &DealId, at_ms: u64) -> Result<(), TxError> {
    let deal = ctx.deal(id)?;
    if deal.deadline_ms != Some(at_ms) {
        return Ok(());
    }
    if matches!(ctx.listing(&deal.listing)?.standing, Standing::Refunded { .. }) {
        return terminate(ctx, deal, Termination::PackageRefunded);
    }
    match deal.stage {
        Stage::Requested => terminate(ctx, deal, Termination::NotReviewed),
        Stage::Agreed => terminate(ctx, deal, Termination::NotReady),
        Stage::Ready => {
            stop(ctx, &deal);
            terminate(ctx, deal, Termination::NotDelivered)
        }
        Stage::Verified => finalize(ctx, deal),
        Stage::Finalized | Stage::Terminated => Ok(()),
    }
}

/// The institution takes no requests until it signs again: it may be down, and compensation for
/// further deals could be farmed.
fn stop(ctx: &mut Context<'_>, deal: &Deal) {
    let institution = deal.listing.institution;
    let stop = Stop { deal: deal.id, since_ms: ctx.time_ms() };
    ctx.put(&state_key::stop(&institution), &stop);
    ctx.emit(Event::ListingsStopped { institution, deal: deal.id });
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
        terminate(ctx, deal, Termination::PackageRefunded)?;
    }
    queue_refunds(ctx, id)
}
