//! `galen standing`: ask for a dataset that may not be listed yet, with the money in escrow.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use galen_api::{StandingView, words};
use galen_market::codec::{Bounded, Text};
use galen_market::id::AccountId;
use galen_market::terms::{
    Clause, ETHICS_BIT, Mondo, NONPROFIT_BIT, PurposeKind, Required, Terms, duo,
};
use galen_market::wanted::{ColumnRef, ColumnWanted, Status, TableWanted, Wanted, Within};
use galen_zk::circuit::credential::Countries;
use serde_json::json;

use super::purpose::{Declared, Kind};
use crate::config::Context;
use crate::error::Failure;
use crate::operation;
use crate::operation::credential::Credential;
use crate::operation::description::money;
use crate::operation::purchase::DealStore;
use crate::operation::standing::{self, StandingRecord, Wish};
use crate::output::table;
use crate::session::Session;
use crate::wallet::Role;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Verbs of `galen standing`.
#[derive(Subcommand, Debug)]
pub enum Standing {
    /// Put money aside for the first dataset that has what you want; the ledger matches by itself
    #[command(
        after_help = "Examples:\n  galen standing post --max-price '250000 EUR' --purpose health --rows 10000 --k 10\n  galen standing post --max-price '250000 EUR' --purpose disease --disease MONDO:0005148 --about MONDO:0005148 --column 'code:LOINC:4548-4,values=5000,from=3.0,to=20.0'\n  galen standing post --max-price '90000 EUR' --purpose general --rows 1000 --column 'diagnosis,l=3' --days 60 --dry-run\n\nEverybody can read what you want, for what, and up to which price, for as long as the request waits;\nnobody can read who you are."
    )]
    Post(Box<Post>),
    /// Show where your standing requests stand; matches become deals
    #[command(after_help = "Examples:\n  galen standing list\n  galen standing list --json")]
    List,
    /// Show one of them, or any of the ledger by its whole id
    #[command(after_help = "Example:\n  galen standing show 0")]
    Show {
        /// The standing request: its index or id
        standing: String,
    },
    /// Take one back; what its purse holds returns to you
    #[command(
        after_help = "Examples:\n  galen standing cancel 0\n  galen standing cancel 0 --dry-run"
    )]
    Cancel {
        /// The standing request: its index or id
        standing: String,
    },
}

/// What is wanted.
#[derive(Args, Debug)]
pub struct Post {
    /// The highest price, in minor units and currency: '250000 EUR' is 2,500.00 euros
    #[arg(long, value_name = "MONEY")]
    max_price: String,
    /// What for
    #[arg(long)]
    purpose: Kind,
    #[command(flatten)]
    declared: Declared,
    /// Proven: a table with at least so many rows
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Proven: every group of its quasi-identifiers has at least so many rows
    #[arg(long, default_value_t = 0)]
    k: u32,
    /// A column of that table: NAME or code:CODE, then l=, values=, from= and to=; may be repeated
    #[arg(long = "column", value_name = "COLUMN")]
    columns: Vec<String>,
    /// Declared: a disease that the data are about, as a MONDO id; may be repeated
    #[arg(long = "about", value_name = "MONDO")]
    about: Vec<Mondo>,
    /// Accept listings of this institution only; may be repeated
    #[arg(long = "institution", value_name = "ACCOUNT")]
    institutions: Vec<AccountId>,
    /// For how many named users
    #[arg(long, default_value_t = 1)]
    seats: u32,
    /// For how many days of the ledger's up-time
    #[arg(long, default_value_t = 90)]
    days: u64,
    /// Prove the country in which you work too, for terms that name countries
    #[arg(long)]
    show_country: bool,
    /// Show the institution at which you work too, for terms that name institutions
    #[arg(long)]
    show_institution: bool,
    /// The credential's file [default: the only one in the home directory]
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
    /// Which of the wallet's researcher accounts pays; use a new one for each request
    #[arg(long, default_value_t = 0)]
    account: u32,
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wish, the wallet, the credential or the ledger's answer.
pub fn run(context: &Context, command: Standing) -> Result<(), Failure> {
    let store = DealStore::of(&context.home);
    match command {
        Standing::Post(post) => self::post(context, &store, &post),
        Standing::List => list(context, &store),
        Standing::Show { standing } => {
            let session = Session::open(context)?;
            let (index, view) = match standing.parse() {
                Ok(id) => (None, session.client().standing(&id)?),
                Err(_) => {
                    let record = standing::find(&store, &standing)?;
                    (Some(record.index), standing::follow(&session, &store, &record)?)
                }
            };
            context
                .output
                .data(&json!({ "index": index, "ledger": view }), || described(index, &view))
        }
        Standing::Cancel { standing } => {
            let record = standing::find(&store, &standing)?;
            let session = Session::open(context)?;
            let done = standing::cancel(&session, &context.wallet()?, &record)?;
            context.output.data(&done, || done.sentence("taken back"))
        }
    }
}

fn post(context: &Context, store: &DealStore, post: &Post) -> Result<(), Failure> {
    let max_price = money(&post.max_price)?;
    let wanted = wanted(post)?;
    let purpose = post.declared.purpose(post.purpose, &everything_asked()?)?;
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let held = super::deal::held(context, &session, post.credential.as_deref())?;
    let prover = operation::prover()?;
    let payer = wallet.account(Role::Researcher, post.account);
    let wish = Wish {
        wanted,
        institutions: post.institutions.clone(),
        purpose,
        seats: post.seats,
        max_price,
        for_ms: post.days.saturating_mul(DAY_MS),
        required: required(post, &held)?,
        payer: &payer,
        credential: &held,
    };
    let spinner = context.output.spinner("proving that your credential is good, not whose it is");
    let (record, done) = standing::post(&session, &wallet, store, &prover, &wish)?;
    spinner.finish_and_clear();
    if session.is_forgeable() {
        context.output.note(operation::FORGEABLE_NOTICE);
    }
    context.output.data(
        &json!({ "standing": record.standing, "index": record.index, "done": done }),
        || {
            let next = if done.is_dry_run() {
                String::new()
            } else {
                let StandingRecord { standing, index, .. } = &record;
                format!("\nstanding request {standing} (index {index}). Look again: galen standing show {index}")
            };
            done.sentence("posted") + &next
        },
    )
}

/// Terms that ask for every undertaking: what `--undertake all` means when no terms are known yet.
fn everything_asked() -> Result<Terms, Failure> {
    let clauses = [duo::PUB, duo::COL, duo::RTN, duo::NRI].map(Clause::plain).to_vec();
    Ok(Terms {
        clauses: Bounded::new(clauses).map_err(|error| Failure::usage(error.to_string()))?,
        licence_text: galen_market::id::Digest([0; 32]),
        review_ms: None,
        review_all: false,
    })
}

/// What the proof shows: the kind of the purpose, what most terms ask for if the credential has it, and
/// no more unless it is wanted.
fn required(post: &Post, held: &Credential) -> Result<Required, Failure> {
    let often = held.attributes.purposes & (NONPROFIT_BIT | ETHICS_BIT);
    let countries = if post.show_country { vec![held.attributes.country] } else { Vec::new() };
    Ok(Required {
        purposes: PurposeKind::from(post.purpose).bit() | often,
        countries: Countries::new(countries).unwrap_or_default(),
        institution: post.show_institution,
    })
}

fn wanted(post: &Post) -> Result<Wanted, Failure> {
    let many =
        |what: &str, error: &dyn std::fmt::Display| Failure::usage(format!("{what}: {error}"));
    let columns = post.columns.iter().map(|text| column(text)).collect::<Result<Vec<_>, _>>()?;
    let any = post.rows > 0 || post.k > 0 || !columns.is_empty();
    let table = TableWanted {
        rows: post.rows,
        k: post.k,
        columns: Bounded::new(columns).map_err(|error| many("--column", &error))?,
    };
    let wanted = Wanted {
        diseases: Bounded::new(post.about.clone()).map_err(|error| many("--about", &error))?,
        table: any.then_some(table),
    };
    wanted.check().map_err(|error| {
        Failure::usage(error.what()).remedy("correct --k, or what is wanted of a --column")
    })?;
    Ok(wanted)
}

/// Reads `glucose,l=3,values=1000,from=3.0,to=20.0` or `code:LOINC:4548-4,...`.
fn column(text: &str) -> Result<ColumnWanted, Failure> {
    let wrong = |what: &str| {
        Failure::usage(format!("--column `{text}`: {what}")).remedy(
            "write NAME or code:CODE, then what is wanted of it: 'glucose,l=3,values=1000,from=3.0,to=20.0'; days are written 2020-01-31",
        )
    };
    let mut parts = text.split(',').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let named = |name: &str| match Text::new(name) {
        Ok(name) if !name.as_str().is_empty() => Ok(name),
        _ => Err(wrong("there is no usable name in front")),
    };
    let column = match first.strip_prefix("code:") {
        Some(code) => ColumnRef::Code(named(code)?),
        None => ColumnRef::Name(named(first)?),
    };
    let (mut l, mut values, mut from, mut to) = (None, None, None, None);
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| wrong("a part has no `=`"))?;
        let number = || value.parse().map_err(|_| wrong("that is not a number"));
        match key {
            "l" => l = Some(u32::try_from(number()?).map_err(|_| wrong("l is too large"))?),
            "values" => values = Some(number()?),
            "from" => from = Some(value),
            "to" => to = Some(value),
            _ => return Err(wrong("only l, values, from and to are known")),
        }
    }
    let within = match (from, to) {
        (Some(from), Some(to)) => Some(within(from, to).ok_or_else(|| {
            wrong("from and to are two numbers or two days, with the same digits after the point")
        })?),
        (None, None) => None,
        _ => return Err(wrong("from and to belong together")),
    };
    Ok(ColumnWanted { column, l, within, values })
}

fn within(from: &str, to: &str) -> Option<Within> {
    use galen_market::date::parse;
    if let (Some(low), Some(high)) = (parse(from), parse(to)) {
        return Some(Within::Days { low, high });
    }
    let digits = |text: &str| text.split_once('.').map_or(0, |(_, part)| part.len());
    let scale = digits(from).max(digits(to));
    let scaled = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{part:0<scale$}").parse::<i64>().ok()
    };
    let scale_byte = u8::try_from(scale).ok()?;
    Some(Within::Numbers { scale: scale_byte, low: scaled(from)?, high: scaled(to)? })
}

fn list(context: &Context, store: &DealStore) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let records = store.standings()?;
    let views = records
        .iter()
        .map(|record| Ok((record.index, standing::follow(&session, store, record)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let data: Vec<_> =
        views.iter().map(|(index, view)| json!({ "index": index, "ledger": view })).collect();
    context.output.data(&data, || {
        table(
            ["index", "standing request", "highest price", "state", "days left"],
            views.iter().map(|(index, view)| {
                let left =
                    view.remaining_ms.map_or_else(String::new, |ms| (ms / DAY_MS).to_string());
                let standing = &view.standing;
                let state = state(&standing.status);
                [
                    index.to_string(),
                    standing.id.to_string(),
                    standing.max_price.to_string(),
                    state,
                    left,
                ]
            }),
        )
    })
}

fn state(status: &Status) -> String {
    match status {
        Status::Open => "waits for a listing".to_owned(),
        Status::Matched { deal } => format!("matched: deal {deal}"),
        Status::Ended { ending } => format!("ended: {ending}"),
    }
}

fn described(index: Option<u32>, view: &StandingView) -> String {
    let standing = &view.standing;
    let own = index.map(|index| format!(" (index {index})")).unwrap_or_default();
    let mut lines = vec![
        format!("request    {}{own}", standing.id),
        format!("state      {}", state(&standing.status)),
        format!("price      at most {} for {} named users", standing.max_price, standing.seats),
        format!("purse      {} {}", view.held, standing.max_price.currency),
        format!("purpose    {}", words::purpose(&standing.purpose)),
    ];
    for (how, what) in words::wanted(&standing.wanted) {
        lines.push(format!("wanted     {what} ({how})"));
    }
    if let Some(left) = view.remaining_ms {
        lines.push(format!("time left  {} s of the ledger's up-time", left / 1000));
    }
    for (number, met) in (1..).zip(&standing.matches) {
        lines.push(format!("match {number}    {}, deal {}", met.listing.package, met.deal));
    }
    let next = match (standing.status, index) {
        (Status::Matched { .. }, Some(index)) => {
            format!("galen deal fetch {index}, then galen deal ready {index}")
        }
        (Status::Matched { .. }, None) => "its buyer fetches the package".to_owned(),
        (Status::Open, _) => {
            "the ledger matches it to the first listing that has all of it".to_owned()
        }
        (Status::Ended { .. }, _) => "nothing: its purse is empty".to_owned(),
    };
    lines.push(format!("next       {next}"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_are_read_as_they_are_written() {
        let read = column("code:LOINC:4548-4, l=3,values=1000,from=3.05,to=20").unwrap();
        assert_eq!(read.column, ColumnRef::Code(Text::new("LOINC:4548-4").unwrap()));
        assert_eq!((read.l, read.values), (Some(3), Some(1000)));
        assert_eq!(read.within, Some(Within::Numbers { scale: 2, low: 305, high: 2_000 }));
        let days = column("born,from=1970-01-01,to=1970-01-31").unwrap();
        assert_eq!(days.within, Some(Within::Days { low: 0, high: 30 }));
        let negative = column("change,from=-1.5,to=1.5").unwrap();
        assert_eq!(negative.within, Some(Within::Numbers { scale: 1, low: -15, high: 15 }));
        assert_eq!(column("plain").unwrap().within, None);
        for bad in ["", "code:", "x,l", "x,l=a", "x,m=3", "x,from=1", "x,from=1,to=2020-01-31"] {
            assert_eq!(column(bad).unwrap_err().exit(), crate::error::Exit::Usage, "{bad}");
        }
    }
}
