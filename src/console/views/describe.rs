//! The page on which a dataset is described and priced, and the description that comes of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use askama::Template;
use galen_dataset::deidentify::{Choice, Outcome};
use galen_dataset::roles::Role;
use galen_market::id::AccountId;
use galen_market::terms::duo::{CODES, Effect, Takes};
use galen_web::lang::{fill, sentences};
use tempfile::NamedTempFile;

use crate::console::Console;
use crate::console::fields::Fields;
use crate::console::words::Words;
use crate::error::{Exit, Failure};
use crate::loopback::Frame;
use crate::operation::description::Description;
use crate::operation::pack::Charts;
use crate::session::Session;
use crate::wallet::Wallet;

/// Ticked until a person unticks it: nobody wants to be found again.
const USUAL_CONDITION: &str = "NRI";
/// Permitted first.
const USUAL_USE: &str = "HMB";
/// What stands between the entries of a list.
const APART: [char; 3] = [',', ';', '\n'];

#[derive(Template)]
#[template(path = "describe.html")]
pub(in crate::console) struct Describe {
    frame: Frame,
    t: &'static Words,
    code: String,
    file: String,
    words: Fields,
    k: u64,
    outcome: Option<String>,
    uses: Vec<(&'static str, String, bool)>,
    conditions: Vec<(&'static str, String, bool)>,
    currencies: Vec<(String, bool)>,
    columns: Vec<(usize, String, bool)>,
    name: String,
}

pub(in crate::console) fn page(
    console: &Console,
    frame: Frame,
    code: &str,
) -> Result<Describe, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = console.session()?;
    console.with(code, |it| {
        let words = it.words.clone();
        let first = !words.has("title");
        let picked = |short: &str| match first {
            true => short == USUAL_USE,
            false => words.get("use") == short,
        };
        let plain = CODES.iter().filter(|entry| entry.takes == Takes::Nothing);
        let mut uses: Vec<_> = plain
            .clone()
            .filter(|entry| entry.effect == Effect::Permits)
            .map(|entry| (entry.short, sentences::code(lang, entry.code), picked(entry.short)))
            .collect();
        uses.push(("DS", t.disease_use.to_owned(), picked("DS")));
        let conditions = plain
            .filter(|entry| entry.effect == Effect::Restricts)
            .map(|entry| {
                let ticked = match first {
                    true => entry.short == USUAL_CONDITION,
                    false => words.has(&format!("condition_{}", entry.short)),
                };
                (entry.short, sentences::code(lang, entry.code), ticked)
            })
            .collect();
        let currencies = session.genesis().currencies.iter().map(|info| {
            let name = info.currency.to_string();
            let is = words.get("currency") == name;
            (name, is)
        });
        let kept = (0..).zip(&it.inspection.columns).filter(|(_, column)| {
            matches!(column.role, Role::QuasiIdentifier | Role::Sensitive | Role::Insensitive)
        });
        let columns = kept
            .map(|(at, column)| (at, column.name.clone(), words.has(&format!("chart_{at}"))))
            .collect();
        let outcome = it.compared.iter().flatten().find(|one| one.k == it.settings.k);
        Ok(Describe {
            frame,
            t,
            code: code.to_owned(),
            file: it.file.clone(),
            k: it.settings.k,
            outcome: outcome
                .and_then(|Choice { outcome, .. }| Some(said(t, outcome.as_ref().ok()?))),
            uses,
            conditions,
            currencies: currencies.collect(),
            columns,
            name: words.given_or("name", &slug(&it.file)).to_owned(),
            words,
        })
    })
}

fn said(t: &Words, outcome: &Outcome) -> String {
    fill(t.remain, &[&outcome.risk.rows, &outcome.suppressed])
}

/// A short name from that of a file.
fn slug(file: &str) -> String {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    name.chars().map(allowed).take(60).collect()
}

/// A description with what it needs beside itself.
pub(in crate::console) struct Described {
    pub description: Description,
    pub charts: Charts,
    /// The licence's text, until it is packed.
    _licence: NamedTempFile,
}

/// Refuses words of which no offer can be made.
pub(in crate::console) fn check(
    console: &Console,
    code: &str,
    wallet: &Wallet,
) -> Result<(), Failure> {
    let (words, charted) = console.with(code, |it| Ok((it.words.clone(), it.charted.clone())))?;
    let described = description(&console.session()?, &words, &charted, &console.uploads)?;
    let account: AccountId = console.institution(wallet);
    let offer = described.description.offer(account)?;
    // What a package's public description must be is checked when there is one; its texts are, here.
    described.description.manifest(&offer).check_texts()?;
    Ok(())
}

/// The description that a form's words come to, with charts of these columns. The licence is put into a file
/// of the private folder.
pub(in crate::console) fn description(
    session: &Session,
    words: &Fields,
    charted: &[String],
    folder: &Path,
) -> Result<Described, Failure> {
    let needed = |name: &str, what: &str| match words.get(name) {
        "" => Err(Failure::usage(format!("{what} is missing")).remedy("go back and write it")),
        text => Ok(text.to_owned()),
    };
    let text = needed("licence_text", "the text of the licence")?;
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    let mut licence =
        tempfile::Builder::new().prefix("licence-").tempfile_in(folder).map_err(failed)?;
    licence.write_all(format!("{text}\n").as_bytes()).map_err(failed)?;
    let diseases = words.list("diseases", &APART);
    let currency = needed("currency", "the currency")?;
    let decimals = session.currency(&currency.parse().map_err(|_| {
        Failure::usage(format!("`{currency}` is not a currency")).remedy("choose one of the list")
    })?)?;
    let price = minor_units(&needed("price", "the price")?, decimals.decimals)?;
    let description = Description {
        name: needed("name", "the short name")?,
        title: needed("title", "the title")?,
        description: needed("description", "the description")?,
        version: "1".to_owned(),
        keywords: words.list("keywords", &APART),
        clauses: clauses(words, &diseases)?,
        diseases,
        countries: words.list("countries", &APART),
        period: None,
        citation: needed("citation", "how to cite")?,
        price: Some(format!("{price} {currency}")),
        licence_months: Some(words.number("months", "licence in months")?.unwrap_or(24)),
        tiers: Vec::new(),
        licence_name: needed("licence_name", "the name of the licence")?,
        licence_file: licence.path().to_owned(),
        review_hours: words.number("review_hours", "hours for a review")?,
        review_all: None,
        shares: BTreeMap::new(),
        royalty: 0,
        max_licences: words.number("max_licences", "most licences")?,
        supersedes: None,
        parents: Vec::new(),
        step: String::new(),
        max_undelivered: 16,
        locations: Vec::new(),
        columns: BTreeMap::new(),
        tables: BTreeMap::new(),
    };
    let charts = match charted {
        [] => Charts::None,
        names => Charts::Named(names.to_vec()),
    };
    Ok(Described { description, charts, _licence: licence })
}

/// The clauses: what is permitted, the ticked conditions, and those that were written out.
fn clauses(words: &Fields, diseases: &[String]) -> Result<Vec<String>, Failure> {
    let mut clauses = vec![match words.get("use") {
        "" => USUAL_USE.to_owned(),
        "DS" if diseases.is_empty() => {
            return Err(Failure::usage(
                "the permitted use is research on diseases, and none is named",
            )
            .remedy("go back and name them, as MONDO:0005148, or permit another use"));
        }
        "DS" => {
            let mut sorted = diseases.to_vec();
            sorted.sort();
            sorted.dedup();
            format!("DS:{}", sorted.join(","))
        }
        other => other.to_owned(),
    }];
    let ticked = CODES.iter().filter(|entry| words.has(&format!("condition_{}", entry.short)));
    clauses.extend(ticked.map(|entry| entry.short.to_owned()));
    // A clause may hold commas and blanks itself.
    clauses.extend(words.list("clauses", &[';', '\n']));
    Ok(clauses)
}

/// An amount as people write it, in minor units.
pub(in crate::console) fn minor_units(text: &str, decimals: u8) -> Result<u64, Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, "money", format!("`{text}` is not an amount of money")).remedy(
            format!("write a number with at most {decimals} digits after the point, as in 250.00"),
        )
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > usize::from(decimals) || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    format!("{whole}{part:0<width$}", width = usize::from(decimals)).parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, decimals, units) in
            [("250", 2, 25_000), ("0.5", 2, 50), ("7.05", 2, 705), ("3", 0, 3)]
        {
            assert_eq!(minor_units(text, decimals).unwrap(), units, "{text}");
        }
        for text in ["", ".5", "1.234", "-1", "1,000", "1e3", "99999999999999999999"] {
            assert_eq!(minor_units(text, 2).unwrap_err().code(), "money", "{text}");
        }
    }

    #[test]
    fn clauses_come_of_boxes_and_lines() {
        let form = b"use=DS&condition_NPU=on&condition_NRI=on&clauses=GS:DE,AT;TS:24";
        let words = Fields::read(form).unwrap();
        let named = ["MONDO:0005148".to_owned(), "MONDO:0004979".to_owned()];
        assert_eq!(
            clauses(&words, &named).unwrap(),
            ["DS:MONDO:0004979,MONDO:0005148", "NPU", "NRI", "GS:DE,AT", "TS:24"]
        );
        assert!(clauses(&words, &[]).is_err());
    }
}
