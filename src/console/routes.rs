//! Which path is answered by what. Depends on the views and the works.

use std::path::PathBuf;
use std::sync::Arc;

use galen_market::id::{DealId, PackageId};

use super::Console;
use super::fields::Fields;
use super::trade;
use super::views::{self, Working};
use super::words::Words;
use super::work::{self, Name, Source};
use crate::error::Failure;
use crate::loopback::{Answer, Asked, Frame, Sent, State, absent, page};
use crate::wallet::Wallet;

pub(super) fn respond(
    console: &Arc<Console>,
    asked: &Asked,
    sent: Sent,
    wallet: Arc<Wallet>,
) -> Result<Answer, Failure> {
    let path: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let form = Fields::read(&sent.form)?;
    let frame = asked.frame(&**console);
    match (asked.method.as_str(), path.as_slice()) {
        ("GET", [""]) => page(&views::home(console, frame)?),
        ("GET", ["offer"]) => page(&views::offer(frame)),
        ("POST", ["offer"]) => offer(console, &form, sent),
        ("GET" | "POST", ["offers", code, rest @ ..]) => {
            on_its_way(console, frame, asked.method.as_str(), (code, rest), form, wallet)
        }
        ("GET", ["datasets", id]) => page(&views::dataset(console, frame, package(id)?, &wallet)?),
        ("POST", ["datasets", id, "prove"]) => {
            work::prove(console, package(id)?, wallet)?;
            Ok(Answer::Go(format!("/datasets/{id}")))
        }
        ("POST", ["datasets", id, "publish"]) => {
            work::publish(console, package(id)?, form.get("shown"), wallet)?;
            Ok(Answer::Go(format!("/datasets/{id}")))
        }
        ("POST", ["datasets", id, "withdraw"]) => {
            let reason = form.get("reason");
            if reason.is_empty() {
                return Err(Failure::usage(
                    "a withdrawal needs a reason, which everybody can read",
                )
                .remedy("go back and say why"));
            }
            work::withdraw(console, package(id)?, reason, wallet)?;
            Ok(Answer::Go(format!("/datasets/{id}")))
        }
        ("GET", ["deals"]) => page(&views::deals(console, frame, &wallet)?),
        ("GET", ["deals", id]) => page(&views::deal(console, frame, deal(id)?, &wallet)?),
        ("POST", ["deals", id, "review"]) => {
            trade::review(console, deal(id)?, &form, wallet)?;
            Ok(Answer::Go(format!("/deals/{id}")))
        }
        ("POST", ["deals", id, "deliver"]) => {
            trade::deliver(console, deal(id)?, wallet)?;
            Ok(Answer::Go(format!("/deals/{id}")))
        }
        ("GET", ["money"]) => page(&views::money_page(console, frame, &wallet, None)?),
        ("GET", ["money", "statement.csv"]) => Ok(Answer::File {
            name: "statement.csv",
            kind: "text/csv; charset=utf-8",
            bytes: views::statement_of(console, &wallet)?.csv()?,
        }),
        ("GET", ["money", "bond", once]) => {
            let state = console.works.state(&Name::Bond((*once).to_owned())).ok_or_else(absent)?;
            page(&views::money_page(console, frame, &wallet, Some(state))?)
        }
        ("POST", ["money", "bond"]) => {
            let once = work::bond(console, &form, wallet)?;
            Ok(Answer::Go(format!("/money/bond/{once}")))
        }
        _ => Err(absent()),
    }
}

fn package(text: &str) -> Result<PackageId, Failure> {
    text.parse().map_err(|_| absent())
}

fn deal(text: &str) -> Result<DealId, Failure> {
    text.parse().map_err(|_| absent())
}

/// Begins with a table.
fn offer(console: &Arc<Console>, form: &Fields, sent: Sent) -> Result<Answer, Failure> {
    let delimiter = match form.get("separator") {
        "semicolon" => b';',
        "bar" => b'|',
        "tab" => b'\t',
        _ => b',',
    };
    let source = match (sent.file, form.get("path")) {
        (Some(upload), _) => Source::Sent(upload),
        (None, "") => {
            return Err(Failure::usage("no file was chosen")
                .remedy("go back, choose a file or name the path of one"));
        }
        (None, path) => Source::Path(PathBuf::from(path)),
    };
    let code = work::read(console, source, delimiter)?;
    Ok(Answer::Go(format!("/offers/{code}")))
}

/// The pages of a table on its way.
fn on_its_way(
    console: &Arc<Console>,
    frame: Frame,
    method: &str,
    (code, rest): (&str, &[&str]),
    form: Fields,
    wallet: Arc<Wallet>,
) -> Result<Answer, Failure> {
    let name = Name::Offer(code.to_owned());
    let state = console.works.state(&name);
    if state.as_ref().is_some_and(State::is_going) {
        return working(console, frame, code, state);
    }
    let go = |to: &str| Ok(Answer::Go(format!("/offers/{code}{to}")));
    if (method, rest) == ("POST", &["discard"][..]) {
        console.forget(code);
        return Ok(Answer::Go("/".to_owned()));
    }
    if console.with(code, |_| Ok(())).is_err() {
        // It was never read, or is a package now.
        return match state {
            Some(State::Done { page: Some(page), .. }) if page.starts_with("/datasets/") => {
                Ok(Answer::Go(page))
            }
            Some(State::Failed(_)) => working(console, frame, code, state),
            _ => Err(absent().remedy("the table is not in memory any more: begin with the file")),
        };
    }
    match (method, rest) {
        ("GET", []) => page(&views::columns(console, frame, code)?),
        ("POST", []) => {
            console.with(code, |it| it.choose(&form))?;
            if form.has("compare") {
                work::compare(console, code)?;
                return go("/risk");
            }
            go("#groups")
        }
        ("GET", ["risk"]) => {
            let failed = matches!(state, Some(State::Failed(_)));
            match (console.with(code, |it| Ok(it.compared.is_some()))?, failed) {
                (true, _) => page(&views::risk(console, frame, code)?),
                (false, true) => working(console, frame, code, state),
                (false, false) => go(""),
            }
        }
        ("POST", ["risk"]) => {
            let k = form.number("k", "k")?.ok_or_else(|| {
                Failure::usage("no k was chosen").remedy("go back and choose one")
            })?;
            console.with(code, |it| it.choose_k(k, form.get("shown")))?;
            go("/describe")
        }
        ("GET", ["describe"]) => page(&views::describe::page(console, frame, code)?),
        ("POST", ["describe"]) => {
            // Kept before it is judged, so that nothing that was typed is lost.
            console.with(code, |it| {
                it.describe(form);
                Ok(())
            })?;
            views::describe::check(console, code, &wallet)?;
            // What failed under other words is of no interest any more.
            console.works.forget(|other| *other == name);
            go("/prepare")
        }
        ("GET", ["prepare"]) => page(&views::prepare(console, frame, code, state)?),
        ("POST", ["prepare"]) => {
            if !console.with(code, |it| Ok(it.chosen))? {
                return go("/risk");
            }
            work::prepare(console, code, wallet)?;
            go("/prepare")
        }
        _ => Err(absent()),
    }
}

/// What is being done, or why it failed.
fn working(
    console: &Console,
    mut frame: Frame,
    code: &str,
    state: Option<State>,
) -> Result<Answer, Failure> {
    let Some(state) = state else { return Err(absent()) };
    frame.again = u32::from(state.is_going());
    let kept = console.with(code, |it| Ok(it.file.clone())).ok();
    page(&Working { t: Words::of(frame.lang), frame, code: code.to_owned(), kept, state })
}
