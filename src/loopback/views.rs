//! The frame of every page, the pages that all sites have, and how they write amounts and times.
//! Everything that comes from elsewhere is escaped by the templates. Depends on the session.

use askama::Template;
use galen_market::amount::{Amount, Currency, Money};

use super::{Brand, Site};
use crate::error::Failure;
use crate::session::Session;

/// What stands on every page.
pub(crate) struct Frame {
    pub brand: Brand,
    pub node: String,
    pub unlocked: bool,
    pub token: String,
    /// After how many seconds the page is loaded again; never if zero.
    pub again: u32,
}

impl Frame {
    pub fn new<S: Site>(site: &S, unlocked: bool) -> Self {
        let desk = site.desk();
        Self {
            brand: S::BRAND,
            node: desk.plan.node.clone(),
            unlocked,
            token: desk.form_token.clone(),
            again: 0,
        }
    }
}

#[derive(Template)]
#[template(path = "unlock.html")]
pub(super) struct Unlock {
    pub frame: Frame,
    pub next: String,
    pub wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct Refused {
    pub frame: Frame,
    pub message: String,
    pub remedy: String,
}

/// Money as people write it, by the decimals of the ledger's currency.
pub(crate) fn amount(
    session: &Session,
    units: Amount,
    currency: &Currency,
) -> Result<String, Failure> {
    let decimals = session.currency(currency)?.decimals;
    Ok(format!("{} {currency}", galen_api::words::amount(units.units(), decimals)))
}

pub(crate) fn money(session: &Session, money: &Money) -> Result<String, Failure> {
    amount(session, money.amount, &money.currency)
}

/// A stretch of time in its largest fitting unit.
pub(crate) fn span(ms: u64) -> String {
    let (seconds, minutes, hours, days) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if days >= 2 => format!("{days} days"),
        () if hours >= 2 => format!("{hours} hours"),
        () if minutes >= 2 => format!("{minutes} minutes"),
        () => format!("{seconds} seconds"),
    }
}
