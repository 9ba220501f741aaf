//! `galen dataset eligible` and `terms`: who may buy, told before anything is sent.
//!
//! The whole public catalogue is fetched, whatever was asked about, and the credential is judged here:
//! the node learns neither who asks nor about which dataset.

use std::path::PathBuf;

use clap::Args;
use galen_api::{ListingFilter, ListingSummary, odrl, words};
use galen_market::identity::presentation::DAY_MS;
use galen_market::terms::{Outcome, Purpose};
use serde_json::json;

use crate::command::deal::held;
use crate::command::purpose::{Declared, Kind};
use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::credential::Credential;
use crate::operation::eligibility::{self, Eligibility};
use crate::operation::listing;
use crate::operation::tier::sentence;
use crate::output::{printable, table};
use crate::session::Session;

/// Arguments of `eligible`.
#[derive(Args, Debug)]
pub struct Eligible {
    /// The dataset: its package id, or the first digits of it
    #[arg(required_unless_present = "all")]
    dataset: Option<String>,
    /// Every dataset of the catalogue
    #[arg(long, conflicts_with = "dataset")]
    all: bool,
    /// What for [default: every purpose that the credential approves, with all that the terms ask to be
    /// undertaken]
    #[arg(long)]
    purpose: Option<Kind>,
    #[command(flatten)]
    declared: Declared,
    /// The credential's file [default: the only one in the home directory]
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
}

/// Arguments of `terms`.
#[derive(Args, Debug)]
pub struct ShowTerms {
    /// The dataset: its package id, or the first digits of it
    dataset: String,
    /// As an ODRL policy in JSON-LD
    #[arg(long)]
    odrl: bool,
}

/// Says whether one qualifies. The exit code is 4 if not.
///
/// # Errors
/// `eligible.no` after the answer, if no purpose qualifies for the dataset.
pub fn eligible(context: &Context, command: &Eligible) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let today = u32::try_from(session.status()?.clock_ms / DAY_MS).unwrap_or(u32::MAX);
    let credential = match held(context, &session, command.credential.as_deref()) {
        Ok(credential) => Some(credential),
        Err(failure) if failure.code() == "credential.missing" => None,
        Err(failure) => return Err(failure),
    };
    let catalogue = listing::all(&session, &ListingFilter::default(), usize::MAX)?;
    let credential = credential.as_ref();
    if command.all {
        let judged: Vec<Eligibility> = catalogue
            .iter()
            .map(|listed| best(judge(command, listed, credential, today)?))
            .collect::<Result<_, Failure>>()?;
        return context.output.data(&judged, || summary(&judged));
    }
    let named = command.dataset.as_deref().unwrap_or_default();
    let listed = find(&catalogue, named)?;
    let judged = judge(command, listed, credential, today)?;
    context
        .output
        .data(&judged, || judged.iter().map(described).collect::<Vec<_>>().join("\n\n"))?;
    if judged.iter().any(|one| one.outcome != Outcome::Refused) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::RefusedPurchase,
        "eligible.no",
        "a request would be refused; nothing was sent",
    )
    .remedy("look at the clauses above; another purpose, undertaking or credential may do"))
}

fn find<'a>(catalogue: &'a [ListingSummary], named: &str) -> Result<&'a ListingSummary, Failure> {
    let fits = |listed: &ListingSummary| {
        let id = listed.listing.id;
        let package = id.package.to_string();
        match named.split_once('/') {
            Some((institution, rest)) => {
                id.institution.to_string() == institution && package.starts_with(rest)
            }
            None => package.starts_with(named),
        }
    };
    let mut fitting = catalogue.iter().filter(|listed| named.len() >= 6 && fits(listed));
    match (fitting.next(), fitting.next()) {
        (Some(listed), None) => Ok(listed),
        (Some(_), Some(_)) => Err(Failure::usage(format!("`{named}` is listed more than once"))
            .remedy("give institution/package")),
        (None, _) => Err(Failure::new(
            Exit::Failure,
            "not_found",
            format!("`{named}` is not offered on this ledger"),
        )
        .remedy("look at `galen dataset list`; give at least six digits of the package's id")),
    }
}

fn judge(
    command: &Eligible,
    listed: &ListingSummary,
    credential: Option<&Credential>,
    today: u32,
) -> Result<Vec<Eligibility>, Failure> {
    let terms = &listed.offer.terms;
    let purposes: Vec<Purpose> = match (command.purpose, credential) {
        (Some(kind), _) => vec![command.declared.purpose(kind, terms)?],
        (None, Some(held)) => eligibility::guesses(terms, &held.attributes),
        (None, None) => vec![command.declared.purpose(Kind::Health, terms)?],
    };
    Ok(purposes
        .iter()
        .map(|purpose| eligibility::judge(listed, purpose, credential, today))
        .collect())
}

/// The best of what was judged for one dataset.
fn best(judged: Vec<Eligibility>) -> Result<Eligibility, Failure> {
    judged.into_iter().min_by_key(|one| one.outcome).ok_or_else(|| {
        Failure::new(
            Exit::RefusedPurchase,
            "credential.purpose",
            "the credential approves no kind of purpose",
        )
        .remedy("ask your issuer for another one")
    })
}

fn summary(judged: &[Eligibility]) -> String {
    let rows = judged.iter().map(|one| {
        let why = match one.obstacles.first() {
            Some(obstacle) => obstacle.clone(),
            None => one.decision.deciding().map(ToString::to_string).unwrap_or_default(),
        };
        [
            one.listing.package.to_string().chars().take(12).collect(),
            one.title.clone(),
            one.outcome.to_string(),
            one.purpose.kind.to_string(),
            why,
        ]
    });
    table(["package", "title", "outcome", "purpose", "why"], rows)
}

fn described(one: &Eligibility) -> String {
    let mut lines = vec![
        format!("dataset     {} {}", one.listing.package, printable(&one.title)),
        format!("purpose     {}", printable(&words::purpose(&one.purpose))),
        format!(
            "credential  {}",
            one.credential.map_or_else(|| "none".to_owned(), |leaf| leaf.to_string())
        ),
        format!(
            "outcome     {}",
            match one.outcome {
                Outcome::Allowed => "allowed: you qualify",
                Outcome::NeedsReview => "needs review: the institution decides within its time",
                Outcome::Refused => "refused: you do not qualify",
            }
        ),
    ];
    lines.extend(one.obstacles.iter().map(|obstacle| format!("  refused       {obstacle}")));
    lines.extend(one.decision.reasons.iter().map(|reason| {
        format!(
            "  {:12}  {} {}",
            reason.finding.outcome().to_string(),
            printable(&reason.clause.to_string()),
            reason.finding
        )
    }));
    lines.push("a request would tell everybody".to_owned());
    lines.extend(one.reveals.iter().map(|said| format!("  {said}")));
    lines.join("\n")
}

/// Shows the terms of a listing.
///
/// # Errors
/// When there is no such listing.
pub fn terms(context: &Context, command: &ShowTerms) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let id = listing::named(&session, &command.dataset)?;
    let listed = session.client().listing(&id)?.summary;
    let policy = odrl::policy(session.chain(), &id, listed.listing.version, &listed.offer);
    if command.odrl {
        return context
            .output
            .data(&policy, || serde_json::to_string_pretty(&policy).unwrap_or_default());
    }
    let offer = &listed.offer;
    context.output.data(&json!({ "terms": offer.terms, "tiers": offer.tiers }), || {
        let mut lines: Vec<String> = offer
            .terms
            .clauses
            .iter()
            .map(|clause| format!("{:12}  {}", clause.code.to_string(), printable(&clause.words())))
            .collect();
        lines.push(match (offer.terms.review_ms, offer.terms.review_all) {
            (None, _) => "requests are decided by the ledger at once".to_owned(),
            (Some(ms), true) => format!("every request is reviewed within {} h", ms / 3_600_000),
            (Some(ms), false) => {
                format!("requests are reviewed within {} h where a clause says so", ms / 3_600_000)
            }
        });
        lines.extend(offer.tiers.iter().map(|tier| printable(&sentence(tier))));
        lines.push(format!("licence text, SHA-256 {}", offer.terms.licence_text));
        lines.join("\n")
    })
}
