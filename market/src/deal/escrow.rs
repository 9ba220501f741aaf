//! The ends of a deal: what happens to its money, its seat and its licence, exactly once.

use super::*;
use crate::event::Event;
use crate::listing::Stop;
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

/// Whether a deal was given what it needs to become ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seat {
    /// Bond and place are taken.
    Taken,
    /// Other buyers have every place or licence.
    Full,
    /// The institution may not act, is stopped, or has too little bond.
    Unserved,
}

/// Takes the bond, a place for an undelivered deal, and one of the licences; or nothing.
pub(super) fn take_seat(ctx: &mut Context<'_>, deal: &mut Deal) -> Result<Seat, TxError> {
    let institution = deal.listing.institution;
    let mut listing = ctx.listing(&deal.listing)?;
    let offer = ctx.offer(&deal.listing, deal.version)?;
    let acts = match ctx.institution(&institution) {
        Ok(_) => true,
        Err(TxError::State(error)) => return Err(error.into()),
        Err(_) => false,
    };
    let stopped = ctx.get(&state_key::stop(&institution))?.is_some();
    let bond = compensation(ctx, deal.compensated_price(ctx)?)?;
    let (from, to) = (Purse::Bond(institution), Purse::Deal(deal.id, DealPurse::Bond));
    let asset = deal.price.asset();
    let covered = ctx.balance(&from, &asset)? >= bond;
    if !acts || stopped || !covered {
        return Ok(Seat::Unserved);
    }
    // What subscribers claim is paid for already: were it to wait for a place, an institution could keep all
    // places for buyers of its own and be paid by the month for nothing.
    let full = listing.undelivered >= offer.max_undelivered;
    if deal.is_sold() && (full || offer.sold_out(&listing).is_some()) {
        return Ok(Seat::Full);
    }
    ctx.transfer(&from, &to, &asset, bond)?;
    deal.bond = bond;
    listing.undelivered = listing.undelivered.saturating_add(1);
    listing.licences = listing.licences.saturating_add(u32::from(deal.is_sold()));
    ctx.put_listing(&listing);
    Ok(Seat::Taken)
}

/// What a buyer receives besides the refund if the institution fails: a part of the price, capped.
fn compensation(ctx: &Context<'_>, price: Amount) -> Result<Amount, TxError> {
    let parameters = ctx.parameters();
    let part = price.fraction(u64::from(parameters.compensation_basis_points), 10_000)?;
    Ok(part.min(parameters.compensation_max))
}

/// A refunded deal gives its licence back to those that can be sold.
fn free_licence(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    if deal.is_sold() && matches!(deal.stage, Stage::Ready | Stage::Verified) {
        let mut listing = ctx.listing(&deal.listing)?;
        listing.licences = listing.licences.saturating_sub(1);
        ctx.put_listing(&listing);
    }
    Ok(())
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

/// Ends a deal unpaid: price and what is left of the allowance go back, if a standing request goes on
/// to its purse; the bond goes to the buyer if the institution failed this deal, else back to the
/// institution; a licence ends.
pub(super) fn terminate(
    ctx: &mut Context<'_>,
    mut deal: Deal,
    termination: Termination,
) -> Result<(), TxError> {
    let (buyer, back) = (deal.refund.purse(), ctx.returns_to(&deal)?);
    let failed = matches!(termination, Termination::NotDelivered | Termination::Disputed { .. });
    let institution = Purse::Bond(deal.listing.institution);
    move_all(ctx, &deal, DealPurse::Price, &back)?;
    move_all(ctx, &deal, DealPurse::Allowance, &back)?;
    let bond = move_all(ctx, &deal, DealPurse::Bond, if failed { &buyer } else { &institution })?;
    let compensation = if failed { bond } else { Amount::ZERO };
    free_seat(ctx, &deal)?;
    free_licence(ctx, &deal)?;
    licence::revoke(ctx, &deal)?;
    deal.termination = Some(termination.clone());
    deal.enter(ctx, Stage::Terminated, None);
    ctx.emit(Event::DealTerminated { deal: deal.id, termination, compensation });
    if failed {
        subscription::claim_failed(ctx, &deal)?;
    }
    crate::wanted::deal_ended(ctx, &deal)
}

/// Ends a deal paid: the price is split by the shares of the agreed offer but for what a subscription
/// keeps, what is left of the allowance goes back, and the bond returns.
fn finalize(ctx: &mut Context<'_>, mut deal: Deal) -> Result<(), TxError> {
    let offer = ctx.offer(&deal.listing, deal.version)?;
    let kept = subscription::begin(ctx, &deal, &offer)?;
    let Money { currency, amount } = deal.price.clone();
    let money = Money { currency, amount: amount.checked_sub(kept)? };
    let purse = Purse::Deal(deal.id, DealPurse::Price);
    pay::pay_out(ctx, &purse, deal.id, &deal.listing, &offer, &money)?;
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
    if let Some(closed) = deal.closed_by(ctx.listing(&deal.listing)?.standing) {
        return terminate(ctx, deal, closed);
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
