//! The page of money: what there is, how it moved, and a form to move some in or out of the bond.

use std::collections::BTreeMap;

use askama::Template;
use galen_market::amount::{Amount, Asset, Currency};
use galen_market::id::AccountId;
use galen_market::payment::{Purse, Reason};

use crate::console::Console;
use crate::console::words::{Words, said};
use crate::error::Failure;
use crate::loopback::{Frame, State, amount, lock};
use crate::operation::statement::{Party, Period, Statement, statement};
use crate::session::Session;
use crate::wallet::Wallet;

#[derive(Template)]
#[template(path = "money.html")]
pub(in crate::console) struct MoneyPage {
    frame: Frame,
    t: &'static Words,
    account: String,
    name: Option<String>,
    free: Vec<String>,
    bond: Vec<String>,
    earned: Vec<String>,
    currencies: Vec<String>,
    lines: Vec<LineRow>,
    movements: usize,
    reconciled: usize,
    /// The name of the form, which is sent once.
    once: String,
    /// How what was sent from here is.
    state: Option<State>,
}

struct LineRow {
    time: String,
    why: &'static str,
    amount: String,
    other: String,
}

/// The movements that are shown; all of them are in the file.
const LINES: usize = 30;

fn party(institution: AccountId) -> Party {
    Party { accounts: [institution].into(), ..Party::default() }
}

/// Every movement of the institution's money, reconciled with the ledger's state.
pub(in crate::console) fn statement_of(
    console: &Console,
    wallet: &Wallet,
) -> Result<Statement, Failure> {
    let session = console.session()?;
    books(&session, console.institution(wallet))
}

fn books(session: &Session, institution: AccountId) -> Result<Statement, Failure> {
    let all = Period { from: 0, until: None };
    statement(session, session.genesis(), party(institution), all)
}

fn written(session: &Session, asset: &Asset, units: Amount) -> Result<String, Failure> {
    match asset {
        Asset::Currency(currency) => amount(session, units, currency),
        other => Ok(format!("{units} {other}")),
    }
}

pub(in crate::console) fn money_page(
    console: &Console,
    mut frame: Frame,
    wallet: &Wallet,
    state: Option<State>,
) -> Result<MoneyPage, Failure> {
    let lang = frame.lang;
    let going = state.as_ref().is_some_and(State::is_going);
    frame.again = u32::from(going);
    let session = console.session()?;
    let institution = console.institution(wallet);
    let view = session.client().account(&institution)?;
    let books = books(&session, institution)?;
    let held = |balances: &[galen_api::Balance]| {
        let each = balances.iter().map(|held| written(&session, &held.asset, held.amount));
        each.collect::<Result<Vec<_>, Failure>>()
    };
    let mut earned: BTreeMap<Currency, u64> = BTreeMap::new();
    for line in &books.lines {
        if let (true, Purse::Account(_), Asset::Currency(currency)) =
            (line.reason == Reason::Share.words(), line.purse, &line.asset)
        {
            let sum = earned.entry(currency.clone()).or_default();
            *sum = sum.saturating_add(line.received.units());
        }
    }
    let lines = books.lines.iter().rev().take(LINES).map(|line| {
        let (sign, units) = match line.paid.is_zero() {
            true => ("+", line.received),
            false => ("−", line.paid),
        };
        let purse = match line.purse {
            Purse::Account(_) => String::new(),
            purse => format!(" ({purse})"),
        };
        Ok(LineRow {
            time: galen_api::story::instant(line.time_ms),
            why: said::moved(lang, line.reason),
            amount: format!("{sign}{}{purse}", written(&session, &line.asset, units)?),
            other: line.counterparty_name.clone().unwrap_or_default(),
        })
    });
    Ok(MoneyPage {
        frame,
        t: Words::of(lang),
        account: institution.to_string(),
        name: view
            .parties
            .iter()
            .find(|party| party.role == galen_market::role::Role::Institution)
            .map(|party| party.party.name.as_str().to_owned()),
        free: held(&view.balances)?,
        bond: held(&view.bond)?,
        earned: earned
            .into_iter()
            .map(|(currency, units)| amount(&session, Amount::new(units), &currency))
            .collect::<Result<_, Failure>>()?,
        currencies: session
            .genesis()
            .currencies
            .iter()
            .map(|info| info.currency.to_string())
            .collect(),
        lines: lines.collect::<Result<_, Failure>>()?,
        movements: books.lines.len(),
        reconciled: books.reconciled,
        // None is spent on pages that load themselves again.
        once: if going { String::new() } else { lock(&console.once).keep(()) },
        state,
    })
}
