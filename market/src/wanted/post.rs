//! Posting a standing request, and taking it back.

use super::*;
use crate::action::trade::{CancelStanding, PostStanding};
use crate::authority::Authority;
use crate::deadline::{self, Due};
use crate::event::Event;
use crate::id::Hasher;
use crate::identity::presentation::DAY_MS;
use crate::payment::Purse;

/// Days of a period.
const PERIOD_DAYS: u64 = 30;

/// The period of a time in milliseconds since 1970.
#[must_use]
pub fn period(time_ms: u64) -> u32 {
    u32::try_from(time_ms / DAY_MS / PERIOD_DAYS).unwrap_or(u32::MAX)
}

fn period_of_day_before(time_ms: u64) -> u32 {
    period(time_ms.saturating_sub(DAY_MS))
}

impl PostStanding {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        self.purpose.check()?;
        self.wanted.check()
    }

    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let credential = authority.credential()?;
        let id = StandingId(Hasher::new("galen/standing").value(&credential.nullifier).digest().0);
        let period = period(ctx.time_ms());
        // A proof of the day before is accepted, and so is the period of that day.
        if self.period != period && self.period != period_of_day_before(ctx.time_ms()) {
            return Err(TxError::WrongPeriod { period, got: self.period });
        }
        let max = ctx.parameters().standing_max_ms;
        if self.for_ms == 0 || self.for_ms > max {
            return Err(TxError::StandingTime { max });
        }
        let least = ctx.currency(&self.max_price.currency)?.fees.standing_allowance()?;
        if self.allowance < least {
            return Err(TxError::AllowanceTooSmall { least, got: self.allowance });
        }
        let mut standing = StandingRequest {
            id,
            wanted: self.wanted.clone(),
            institutions: self.institutions.clone(),
            purpose: self.purpose.clone(),
            seats: self.seats,
            shown: Shown::of(credential)?,
            max_price: self.max_price.clone(),
            allowance: self.allowance,
            refund: self.refund.clone(),
            delivery_key: self.delivery_key,
            auth_key: self.auth_key,
            posted_ms: ctx.time_ms(),
            since_ms: ctx.uptime_ms(),
            until_ms: ctx.uptime_ms().saturating_add(self.for_ms),
            matches: Bounded::default(),
            status: Status::Open,
        };
        let (payer, asset) = (self.funding.purse(), self.max_price.asset());
        let amount = self.max_price.amount.checked_add(self.allowance)?;
        ctx.transfer(&payer, &Purse::Standing(id), &asset, amount)?;
        deadline::add(ctx, standing.until_ms, Due::Standing(id));
        standing.enter(ctx, Status::Open);
        ctx.emit(Event::StandingPosted { standing: id, until_ms: standing.until_ms });
        matching::request_waits(ctx, &id)
    }
}

impl CancelStanding {
    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let standing = ctx.unended(&self.standing)?;
        authority.require_deal_key(&standing.auth_key)?;
        standing.end(ctx, Ending::Cancelled)
    }
}
