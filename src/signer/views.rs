//! The pages, from what was asked of the node and of the home directory. Everything that comes from
//! elsewhere is escaped by the templates. Depends on the operations; signs nothing.

mod buy;
mod deal;

use askama::Template;
use galen_api::ListingSummary;
use galen_market::amount::Asset;
use galen_market::listing::ListingId;
use galen_market::terms::{Outcome, Purpose, PurposeKind};
use galen_web::lang::{Lang, sentences};

pub(super) use buy::{Wish, buy};
pub(super) use deal::{deal, opening};

use super::Signer;
use super::words::{self, Words};
use crate::error::Failure;
use crate::loopback::words::one;
use crate::loopback::{Frame, State, amount, money};
use crate::operation::credential::{self, Credential, day_text};
use crate::operation::eligibility::{self, guesses, judge};
use crate::operation::listing;
use crate::operation::presentation::today;
use crate::operation::purchase::DealStore;
use crate::session::account_of;
use crate::wallet::{Role, Wallet};

/// Datasets that the list of those for which one qualifies looks at.
const MOST: usize = 1000;

#[derive(Template)]
#[template(path = "home.html")]
pub(super) struct Home {
    frame: Frame,
    t: &'static Words,
    ledger: String,
    forgeable: bool,
    credentials: Vec<CredentialWords>,
    accounts: Vec<AccountWords>,
    deals: Vec<DealWords>,
}

struct CredentialWords {
    issuer: String,
    approves: String,
    country: String,
    until: String,
    good: bool,
}

struct AccountWords {
    index: u32,
    account: String,
    holds: String,
}

struct DealWords {
    index: u32,
    package: String,
    price: String,
    stage: String,
}

/// How many of the wallet's accounts are shown.
const ACCOUNTS: u32 = 4;

pub(super) fn home(signer: &Signer, frame: Frame, wallet: &Wallet) -> Result<Home, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = signer.session()?;
    let now = today(&session)?;
    let credentials = credential::kept(&signer.desk.plan.home, session.chain())?;
    let credentials = credentials.iter().map(|held| CredentialWords {
        issuer: held.issuer.to_string(),
        approves: words::approved(lang, held.attributes.purposes),
        country: held.attributes.country.to_string(),
        until: day_text(held.attributes.expiry),
        good: held.attributes.expiry > now,
    });
    let mut accounts = Vec::new();
    for index in 0..ACCOUNTS {
        let account = account_of(&wallet.account(Role::Researcher, index));
        let view = session.client().account(&account)?;
        let mut held = Vec::new();
        for one in &view.balances {
            if let Asset::Currency(currency) = &one.asset {
                held.push(amount(&session, one.amount, currency)?);
            }
        }
        if index == 0 || !held.is_empty() {
            accounts.push(AccountWords {
                index,
                account: account.to_string(),
                holds: if held.is_empty() { t.nothing.to_owned() } else { held.join(", ") },
            });
        }
    }
    let mut deals = Vec::new();
    for record in DealStore::of(&signer.desk.plan.home).all()?.iter().rev() {
        let stage = match session.client().deal(&record.deal) {
            Ok(view) if lang == Lang::English => view.deal.stage.to_string(),
            Ok(view) => sentences::stage(lang, view.deal.stage).to_owned(),
            Err(error) if error.is_not_found() => t.not_on_ledger.to_owned(),
            Err(error) => return Err(error.into()),
        };
        deals.push(DealWords {
            index: record.index,
            package: record.listing.package.to_string(),
            price: money(&session, &record.price)?,
            stage,
        });
    }
    Ok(Home {
        frame,
        t,
        ledger: session.genesis().name.to_string(),
        forgeable: session.is_forgeable(),
        credentials: credentials.collect(),
        accounts,
        deals,
    })
}

#[derive(Template)]
#[template(path = "qualify.html")]
pub(super) struct Qualify {
    frame: Frame,
    t: &'static Words,
    rows: Vec<QualifyRow>,
}

struct QualifyRow {
    link: String,
    title: String,
    institution: String,
    best: &'static str,
    purposes: String,
    why: Vec<String>,
}

/// Every dataset of the public catalogue, judged on this machine with each credential and each purpose that
/// it approves. The node is asked for the whole catalogue, so it learns nothing.
pub(super) fn qualify(signer: &Signer, frame: Frame) -> Result<Qualify, Failure> {
    let lang = frame.lang;
    let session = signer.session()?;
    let now = today(&session)?;
    let held = credential::kept(&signer.desk.plan.home, session.chain())?;
    let all = listing::all(&session, &Default::default(), MOST)?;
    let mut rows: Vec<(u8, QualifyRow)> =
        all.iter().map(|one| judged(lang, one, &held, now)).collect();
    rows.sort_by_key(|(order, _)| *order);
    Ok(Qualify { frame, t: Words::of(lang), rows: rows.into_iter().map(|(_, row)| row).collect() })
}

fn judged(lang: Lang, summary: &ListingSummary, held: &[Credential], now: u32) -> (u8, QualifyRow) {
    let terms = &summary.offer.terms;
    let mut found: Vec<_> = held
        .iter()
        .flat_map(|one| {
            let wished = guesses(terms, &one.attributes);
            wished
                .into_iter()
                .map(move |purpose| (judge(summary, &purpose, Some(one), now), Some(one)))
        })
        .collect();
    if found.is_empty() {
        let purpose = Purpose::new(PurposeKind::Health, None);
        found.push((judge(summary, &purpose, held.first(), now), held.first()));
    }
    let rank = |outcome| match outcome {
        Outcome::Allowed => 0u8,
        Outcome::NeedsReview => 1,
        Outcome::Refused => 2,
    };
    found.sort_by_key(|(one, _)| rank(one.outcome));
    let best = found.first().map_or(Outcome::Refused, |(one, _)| one.outcome);
    let mut kinds: Vec<_> = found
        .iter()
        .filter(|(one, _)| one.outcome == best)
        .map(|(one, _)| words::kind(lang, one.purpose.kind))
        .collect();
    kinds.dedup();
    let why = found.first().filter(|_| best != Outcome::Allowed).map_or_else(
        Vec::new,
        |(one, credential)| {
            let clauses = one.decision.reasons.iter();
            let clauses = clauses.filter(|reason| reason.finding.outcome() != Outcome::Allowed);
            let obstacles = eligibility::obstacles(summary, *credential, now);
            let obstacles = obstacles.iter().map(|it| words::obstacle(lang, it));
            obstacles.chain(clauses.map(|reason| words::reason(lang, reason))).collect()
        },
    );
    let row = QualifyRow {
        link: link(&summary.listing.id),
        title: title(lang, summary),
        institution: summary.institution_name.clone(),
        best: words::outcome(Words::of(lang), best),
        purposes: match best {
            Outcome::Refused => String::new(),
            _ => kinds.join(if lang == Lang::English { ", " } else { "、" }),
        },
        why,
    };
    (rank(best), row)
}

fn title(lang: Lang, summary: &ListingSummary) -> String {
    match &summary.declared {
        Some(said) if !said.title.is_empty() => said.title.clone(),
        _ => one(Words::of(lang).package_n, summary.listing.id.package),
    }
}

fn link(id: &ListingId) -> String {
    format!("/buy?listing={}%2F{}", id.institution, id.package)
}

#[derive(Template)]
#[template(path = "order.html")]
pub(super) struct OrderPage {
    pub frame: Frame,
    pub t: &'static Words,
    pub state: State,
}
