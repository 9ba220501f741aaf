//! How a standing request goes on when its deal ends, and how it ends itself.

use super::*;
use crate::deadline::{self, Due};
use crate::deal::{Deal, Origin};
use crate::event::Event;
use crate::payment::Purse;

impl StandingRequest {
    /// Ends it: everything that its purse holds goes back.
    pub(super) fn end(mut self, ctx: &mut Context<'_>, ending: Ending) -> Result<(), TxError> {
        let (purse, asset) = (Purse::Standing(self.id), self.max_price.asset());
        let amount = ctx.balance(&purse, &asset)?;
        ctx.transfer(&purse, &self.refund.purse(), &asset, amount)?;
        deadline::remove(ctx, self.until_ms, &Due::Standing(self.id));
        self.enter(ctx, Status::Ended { ending });
        let returned = Money { currency: self.max_price.currency.clone(), amount };
        ctx.emit(Event::StandingEnded { standing: self.id, ending, returned });
        Ok(())
    }

    /// Lets it wait for another listing, if it may have another match.
    fn reopen(mut self, ctx: &mut Context<'_>, deal: DealId) -> Result<(), TxError> {
        if self.until_ms <= ctx.uptime_ms() {
            return self.end(ctx, Ending::Expired);
        }
        let held = ctx.balance(&Purse::Standing(self.id), &self.max_price.asset())?;
        let least = ctx.currency(&self.max_price.currency)?.fees.standing_allowance()?;
        if self.matches.len() >= MAX_MATCHES || held < least {
            return self.end(ctx, Ending::Exhausted);
        }
        self.enter(ctx, Status::Open);
        ctx.emit(Event::StandingReopened { standing: self.id, deal });
        matching::request_waits(ctx, &self.id)
    }
}

impl Context<'_> {
    /// The standing request that a deal came of and that still waits for the deal's end.
    fn waiting_for(&self, deal: &Deal) -> Result<Option<StandingRequest>, TxError> {
        let Origin::Standing { standing: id } = deal.origin else { return Ok(None) };
        let standing = self.standing(&id)?;
        Ok((standing.status == Status::Matched { deal: deal.id }).then_some(standing))
    }

    /// Where the price and what is left of the allowance of an unpaid deal go: to the purse of the
    /// standing request that goes on, or else where the buyer said.
    pub(crate) fn returns_to(&self, deal: &Deal) -> Result<Purse, TxError> {
        let waiting = self.waiting_for(deal)?;
        Ok(waiting.map_or(deal.refund.purse(), |standing| Purse::Standing(standing.id)))
    }
}

/// A deal ended unpaid, and its money was moved: its standing request waits for another listing.
pub(crate) fn deal_ended(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    match ctx.waiting_for(deal)? {
        Some(standing) => standing.reopen(ctx, deal.id),
        None => Ok(()),
    }
}

/// The key of a deal was delivered: its standing request has what it wanted.
pub(crate) fn delivered(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    match ctx.waiting_for(deal)? {
        Some(standing) => standing.end(ctx, Ending::Fulfilled),
        None => Ok(()),
    }
}

/// The time of a standing request is over. A deal that is under way goes on.
pub(crate) fn expire(ctx: &mut Context<'_>, id: &StandingId) -> Result<(), TxError> {
    let standing = ctx.standing(id)?;
    if standing.is_ended() { Ok(()) } else { standing.end(ctx, Ending::Expired) }
}
