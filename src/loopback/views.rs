//! The frame of every page, the pages that all sites have, and how they write amounts and times.
//! Everything that comes from elsewhere is escaped by the templates. Depends on the session.

use std::fmt::Display;

use askama::Template;
use galen_market::amount::{Amount, Currency, Money};
use galen_web::lang::{Lang, fill};

use super::Site;
use super::reader::Reader;
use super::refusals::{self, Wrong};
use super::words::{Words, one};
use crate::error::Failure;
use crate::session::Session;

/// What stands on every page.
pub(crate) struct Frame {
    pub lang: Lang,
    /// The texts of the frame.
    pub t: &'static Words,
    /// The same page in the other language.
    pub other: String,
    pub name: &'static str,
    pub links: Vec<(&'static str, &'static str)>,
    pub node: String,
    pub unlocked: bool,
    pub token: String,
    /// After how many seconds the page is loaded again; never if zero.
    pub again: u32,
}

impl Frame {
    /// A page in the language of whoever reads it.
    pub fn of<S: Site>(site: &S, unlocked: bool, reader: &Reader) -> Self {
        let lang = reader.lang;
        let desk = site.desk();
        Self {
            lang,
            t: Words::of(lang),
            other: reader.other.clone(),
            name: S::name(lang),
            links: S::links(lang),
            node: desk.plan.node.clone(),
            unlocked,
            token: desk.form_token.clone(),
            again: 0,
        }
    }

    /// What stands before what a word comes to.
    pub fn colon(&self) -> &'static str {
        match self.lang {
            Lang::English => ": ",
            Lang::Chinese => "：",
        }
    }

    /// What a failure with this code comes to, for who does not read its own words.
    pub fn short(&self, code: &str) -> &'static str {
        refusals::in_short(self.lang, code)
    }

    /// A text with one value in it.
    pub fn one(&self, pattern: &str, value: impl Display) -> String {
        one(pattern, value)
    }

    /// A text with two values in it.
    pub fn two(&self, pattern: &str, first: impl Display, second: impl Display) -> String {
        fill(pattern, &[&first, &second])
    }

    /// A text with three values in it.
    pub fn three(
        &self,
        pattern: &str,
        first: impl Display,
        second: impl Display,
        third: impl Display,
    ) -> String {
        fill(pattern, &[&first, &second, &third])
    }
}

#[derive(Template)]
#[template(path = "unlock.html")]
pub(super) struct Unlock {
    pub frame: Frame,
    pub next: String,
    pub wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct Refused {
    pub frame: Frame,
    pub wrong: Wrong,
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
pub(crate) fn span(lang: Lang, ms: u64) -> String {
    let t = Words::of(lang);
    let (seconds, minutes, hours, days) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if days >= 2 => one(t.days, days),
        () if hours >= 2 => one(t.hours, hours),
        () if minutes >= 2 => one(t.minutes, minutes),
        () => one(t.seconds, seconds),
    }
}
