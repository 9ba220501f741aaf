//! The pages, from what was asked of the node and of the home directory. Everything that comes from
//! elsewhere is escaped by the templates. Depends on the operations; signs nothing.

use askama::Template;
use galen_api::ListingSummary;
use galen_market::amount::{Amount, Asset, Currency, Money};
use galen_market::deal::Stage;
use galen_market::listing::ListingId;
use galen_market::terms::{Outcome, Purpose, PurposeKind, Reason};

use super::orders::Order;
use super::work::{Name, State, opened_folder};
use super::{Signer, lock};
use crate::command::deal::ended;
use crate::config::DEFAULT_NODE;
use crate::error::Failure;
use crate::operation::credential::{self, Credential, day_text};
use crate::operation::eligibility::{asked_for, guesses, judge};
use crate::operation::presentation::today;
use crate::operation::purchase::{DealStore, allowance};
use crate::operation::tier::{self, Chosen};
use crate::operation::{licence, listing};
use crate::session::{Session, account_of};
use crate::wallet::{Role, Wallet};

/// Datasets that the list of those for which one qualifies looks at.
const MOST: usize = 1000;

/// What stands on every page.
pub(super) struct Frame {
    pub node: String,
    pub unlocked: bool,
    pub token: String,
    /// After how many seconds the page is loaded again; never if zero.
    pub again: u32,
}

impl Frame {
    pub fn new(signer: &Signer, unlocked: bool) -> Self {
        Self {
            node: signer.plan.node.clone(),
            unlocked,
            token: signer.form_token.clone(),
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

#[derive(Template)]
#[template(path = "home.html")]
pub(super) struct Home {
    frame: Frame,
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

pub(super) fn home(signer: &Signer, wallet: &Wallet) -> Result<Home, Failure> {
    let session = signer.session()?;
    let now = today(&session)?;
    let credentials = credential::kept(&signer.plan.home, session.chain())?;
    let credentials = credentials.iter().map(|held| CredentialWords {
        issuer: held.issuer.to_string(),
        approves: credential::purpose_words(held.attributes.purposes),
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
                holds: if held.is_empty() { "nothing".to_owned() } else { held.join(", ") },
            });
        }
    }
    let mut deals = Vec::new();
    for record in DealStore::of(&signer.plan.home).all()?.iter().rev() {
        let stage = match session.client().deal(&record.deal) {
            Ok(view) => view.deal.stage.to_string(),
            Err(error) if error.is_not_found() => "not on this ledger".to_owned(),
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
        frame: Frame::new(signer, true),
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

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "you qualify",
        Outcome::NeedsReview => "the institution reviews your request",
        Outcome::Refused => "you do not qualify",
    }
}

/// Every dataset of the public catalogue, judged on this machine with each credential and each purpose that
/// it approves. The node is asked for the whole catalogue, so it learns nothing.
pub(super) fn qualify(signer: &Signer) -> Result<Qualify, Failure> {
    let session = signer.session()?;
    let now = today(&session)?;
    let held = credential::kept(&signer.plan.home, session.chain())?;
    let all = listing::all(&session, &Default::default(), MOST)?;
    let mut rows: Vec<(u8, QualifyRow)> = all.iter().map(|one| judged(one, &held, now)).collect();
    rows.sort_by_key(|(order, _)| *order);
    Ok(Qualify {
        frame: Frame::new(signer, true),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    })
}

fn judged(summary: &ListingSummary, held: &[Credential], now: u32) -> (u8, QualifyRow) {
    let terms = &summary.offer.terms;
    let mut found: Vec<_> = held
        .iter()
        .flat_map(|one| {
            let wished = guesses(terms, &one.attributes);
            wished.into_iter().map(move |purpose| judge(summary, &purpose, Some(one), now))
        })
        .collect();
    if found.is_empty() {
        let purpose = Purpose::new(PurposeKind::Health, None);
        found.push(judge(summary, &purpose, held.first(), now));
    }
    let rank = |outcome| match outcome {
        Outcome::Allowed => 0u8,
        Outcome::NeedsReview => 1,
        Outcome::Refused => 2,
    };
    found.sort_by_key(|one| rank(one.outcome));
    let best = found.first().map_or(Outcome::Refused, |one| one.outcome);
    let mut kinds: Vec<_> =
        found.iter().filter(|one| one.outcome == best).map(|one| one.purpose.kind.name()).collect();
    kinds.dedup();
    let why = found.first().filter(|_| best != Outcome::Allowed).map_or_else(Vec::new, |one| {
        let clauses = one
            .decision
            .reasons
            .iter()
            .filter(|reason| reason.finding.outcome() != Outcome::Allowed);
        one.obstacles.iter().cloned().chain(clauses.map(reason)).collect()
    });
    let row = QualifyRow {
        link: link(&summary.listing.id),
        title: title(summary),
        institution: summary.institution_name.clone(),
        best: outcome_words(best),
        purposes: if best == Outcome::Refused { String::new() } else { kinds.join(", ") },
        why,
    };
    (rank(best), row)
}

fn title(summary: &ListingSummary) -> String {
    match &summary.declared {
        Some(said) if !said.title.is_empty() => said.title.clone(),
        _ => format!("Package {}", summary.listing.id.package),
    }
}

fn link(id: &ListingId) -> String {
    format!("/buy?listing={}%2F{}", id.institution, id.package)
}

/// What the form of a purchase asks.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    pub listing: String,
    pub purpose: String,
    /// MONDO ids, apart by blanks or commas.
    pub disease: String,
    pub tier: String,
    pub seats: String,
    pub project: String,
    pub commercial: String,
    pub undertake: String,
    pub account: String,
    pub credential: String,
}

#[derive(Template)]
#[template(path = "buy.html")]
pub(super) struct Buy {
    frame: Frame,
    wish: Wish,
    title: String,
    institution: String,
    id: ListingId,
    clauses: Vec<String>,
    promises: bool,
    kinds: Vec<(&'static str, bool)>,
    tiers: Vec<(String, String, bool)>,
    credentials: Vec<(usize, String, bool)>,
    judged: Option<Judged>,
    summary: Option<Summary>,
}

/// Whether one qualifies, and why.
struct Judged {
    outcome: &'static str,
    good: bool,
    reasons: Vec<String>,
    obstacles: Vec<String>,
}

/// What would be signed.
struct Summary {
    order: String,
    price: String,
    allowance: String,
    balance: String,
    enough: bool,
    tier: String,
    purpose: String,
    licence: String,
    licence_hash: String,
    agreement: String,
    deadlines: Vec<(&'static str, String)>,
    reveals: Vec<String>,
    account: String,
    forgeable: bool,
}

/// Money as people write it, by the decimals of the ledger's currency.
fn amount(session: &Session, units: Amount, currency: &Currency) -> Result<String, Failure> {
    let scale = u32::from(session.currency(currency)?.decimals);
    let units = units.units();
    let text = match 10u64.checked_pow(scale) {
        Some(unit) if scale > 0 => {
            let (whole, part) = (units / unit, units % unit);
            format!("{whole}.{part:0>width$}", width = scale as usize)
        }
        _ => units.to_string(),
    };
    Ok(format!("{text} {currency}"))
}

fn money(session: &Session, money: &Money) -> Result<String, Failure> {
    amount(session, money.amount, &money.currency)
}

/// A clause in words, and what it said.
fn reason(reason: &Reason) -> String {
    format!("{}: {}", reason.clause.words(), reason.finding)
}

fn span(ms: u64) -> String {
    let (seconds, minutes, hours, days) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if days >= 2 => format!("{days} days"),
        () if hours >= 2 => format!("{hours} hours"),
        () if minutes >= 2 => format!("{minutes} minutes"),
        () => format!("{seconds} seconds"),
    }
}

fn purpose_of(wish: &Wish, terms: &galen_market::terms::Terms) -> Result<Purpose, Failure> {
    let kind = PurposeKind::ALL.into_iter().find(|kind| kind.name() == wish.purpose);
    let kind = kind.ok_or_else(|| {
        Failure::usage(format!("`{}` is not a purpose", wish.purpose))
            .remedy("choose one of the list")
    })?;
    let usage = |what: String| Failure::usage(what).remedy("correct it and look again");
    let mut diseases = Vec::new();
    for word in wish.disease.split([' ', ',', ';']).filter(|word| !word.is_empty()) {
        diseases.push(word.parse().map_err(|error| usage(format!("disease `{word}`: {error}")))?);
    }
    diseases.sort_unstable();
    diseases.dedup();
    if (kind == PurposeKind::Disease) == diseases.is_empty() {
        return Err(usage(
            "research into diseases names a disease, and no other purpose does".to_owned(),
        ));
    }
    let mut purpose = Purpose::new(kind, None);
    purpose.diseases = galen_market::codec::Bounded::new(diseases)
        .map_err(|error| usage(format!("diseases: {error}")))?;
    purpose.commercial = !wish.commercial.is_empty();
    purpose.project = galen_market::codec::Text::new(wish.project.trim())
        .map_err(|error| usage(format!("the project's title: {error}")))?;
    if !wish.undertake.is_empty() {
        purpose.undertakings = asked_for(&terms.clauses);
    }
    Ok(purpose)
}

fn number(text: &str, what: &str) -> Result<Option<u32>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        Failure::usage(format!("{what}: `{text}` is not a number"))
            .remedy("correct it and look again")
    })
}

/// The page of a purchase: a form; and once a purpose is chosen, whether one qualifies, and what would be
/// signed.
pub(super) fn buy(signer: &Signer, wallet: &Wallet, wish: Wish) -> Result<Buy, Failure> {
    let session = signer.session()?;
    let id = listing::named(&session, &wish.listing)?;
    let view = session.client().listing(&id)?;
    let summary = &view.summary;
    let offer = &summary.offer;
    let now = today(&session)?;
    let held = credential::kept(&signer.plan.home, session.chain())?;
    let chosen = number(&wish.credential, "credential")?.unwrap_or(0) as usize;
    let credential = held.get(chosen);
    let mut page = Buy {
        frame: Frame::new(signer, true),
        title: title(summary),
        institution: summary.institution_name.clone(),
        id,
        clauses: offer.terms.clauses.iter().map(|clause| clause.words()).collect(),
        promises: asked_for(&offer.terms.clauses) != Default::default(),
        kinds: PurposeKind::ALL
            .iter()
            .map(|kind| (kind.name(), kind.name() == wish.purpose))
            .collect(),
        tiers: offer
            .tiers
            .iter()
            .map(|one| {
                let name = one.name.to_string();
                let is = name == wish.tier;
                Ok((name, format!("{}: {}", one.name, money(&session, &one.price)?), is))
            })
            .collect::<Result<_, Failure>>()?,
        credentials: held
            .iter()
            .enumerate()
            .map(|(n, one)| {
                let approves = credential::purpose_words(one.attributes.purposes);
                (n, format!("{approves}, until {}", day_text(one.attributes.expiry)), n == chosen)
            })
            .collect(),
        judged: None,
        summary: None,
        wish,
    };
    if page.wish.purpose.is_empty() {
        return Ok(page);
    }
    let purpose = purpose_of(&page.wish, &offer.terms)?;
    let judged = judge(summary, &purpose, credential, now);
    let open = judged.outcome != Outcome::Refused;
    page.judged = Some(Judged {
        outcome: outcome_words(judged.outcome),
        good: open,
        reasons: judged.decision.reasons.iter().map(reason).collect(),
        obstacles: judged.obstacles.clone(),
    });
    let Some(credential) = credential.filter(|_| open) else { return Ok(page) };
    let named = Some(page.wish.tier.as_str()).filter(|name| !name.is_empty());
    let seats = number(&page.wish.seats, "named users")?;
    let Chosen { tier, seats, price } = tier::choose(offer, &purpose, named, seats)?;
    let account = number(&page.wish.account, "account")?.unwrap_or(0);
    let payer = account_of(&wallet.account(Role::Researcher, account));
    let balance = session.balance(&payer, &price.currency)?;
    let allowed = allowance(&session, &price)?;
    let needed = price.amount.checked_add(allowed).ok();
    let parameters = session.parameters();
    let mut deadlines = Vec::new();
    if let Some(review) = offer.terms.review_ms.filter(|_| judged.outcome == Outcome::NeedsReview) {
        deadlines.push(("The institution reviews your request within", span(review)));
    }
    deadlines.extend([
        ("You fetch the package and say so within, at least", span(parameters.ready_ms)),
        ("The institution then delivers the key within", span(parameters.deliver_ms)),
        ("What is not as listed can be disputed for", span(parameters.dispute_ms)),
    ]);
    let hash = offer.terms.licence_text;
    let agreement = tier.agreement(&offer.terms);
    let order = Order {
        listing: id,
        purpose: purpose.clone(),
        tier: tier.name.to_string(),
        seats,
        agreement,
        credential: credential.clone(),
        account,
    };
    let order = lock(&signer.orders).keep(order);
    page.summary = Some(Summary {
        order,
        price: money(&session, &price)?,
        allowance: amount(&session, allowed, &price.currency)?,
        balance: amount(&session, balance, &price.currency)?,
        enough: needed.is_some_and(|needed| balance >= needed),
        tier: format!(
            "{}; for {seats} named user{}",
            tier::sentence(&tier),
            if seats == 1 { "" } else { "s" }
        ),
        purpose: galen_api::words::purpose(&purpose),
        licence: licence::fetch(&session, &hash)?,
        licence_hash: hash.to_string(),
        agreement: agreement.to_string(),
        deadlines,
        reveals: judged.reveals,
        account: payer.to_string(),
        forgeable: session.is_forgeable(),
    });
    Ok(page)
}

#[derive(Template)]
#[template(path = "order.html")]
pub(super) struct OrderPage {
    pub frame: Frame,
    pub state: State,
}

#[derive(Template)]
#[template(path = "deal.html")]
pub(super) struct DealPage {
    frame: Frame,
    index: u32,
    deal: String,
    package: String,
    price: String,
    stage: &'static str,
    steps: Vec<(&'static str, bool, bool)>,
    next: &'static str,
    left: Option<String>,
    ended: Option<String>,
    licence: Option<&'static str>,
    state: Option<State>,
    may_proceed: bool,
    may_open: bool,
    opened: Option<String>,
    command: String,
}

/// Where a deal stands.
pub(super) fn deal(signer: &Signer, index: u32) -> Result<DealPage, Failure> {
    let session = signer.session()?;
    let store = DealStore::of(&signer.plan.home);
    let record = store.find(&index.to_string())?;
    let view = session.client().deal(&record.deal)?;
    let stage = view.deal.stage;
    let state = lock(&signer.works).state(&Name::Deal(index));
    let going = matches!(state, Some(State::Going { .. }));
    let reached = |at: Stage| match stage {
        Stage::Terminated => false,
        stage => stage >= at,
    };
    let steps = [
        ("requested", Stage::Requested),
        ("agreed", Stage::Agreed),
        ("package here", Stage::Ready),
        ("key delivered", Stage::Verified),
        ("paid", Stage::Finalized),
    ];
    let (name, next) = match stage {
        Stage::Requested => (
            "under review",
            "The institution reviews the request; if it is late, the price comes back.",
        ),
        Stage::Agreed => (
            "agreed",
            "The package is fetched and checked; then the institution has to deliver the key.",
        ),
        Stage::Ready => (
            "waiting for the key",
            "If the institution is late, the price comes back with a compensation.",
        ),
        Stage::Verified => (
            "key delivered",
            "Open the dataset. What is not as listed can be disputed until the time is over.",
        ),
        Stage::Finalized => ("finished", "The institution was paid, and the licence is yours."),
        Stage::Terminated => ("ended", "The price was paid back."),
    };
    let folder = opened_folder(signer, index);
    let opened = folder.exists().then(|| folder.display().to_string());
    let node = match signer.plan.node.as_str() {
        DEFAULT_NODE => String::new(),
        node => format!(" --node {node}"),
    };
    let mut frame = Frame::new(signer, true);
    let settled = matches!(stage, Stage::Finalized | Stage::Terminated);
    frame.again = if going {
        2
    } else if settled {
        0
    } else {
        5
    };
    Ok(DealPage {
        frame,
        index,
        deal: record.deal.to_string(),
        package: record.listing.package.to_string(),
        price: money(&session, &record.price)?,
        stage: name,
        steps: steps.map(|(name, at)| (name, reached(at), stage == at)).to_vec(),
        next,
        left: view.remaining_ms.map(span),
        ended: view.deal.termination.as_ref().map(ended),
        licence: view.licence.as_ref().map(|licence| {
            if licence.revoked_ms.is_some() { "revoked: the price was paid back" } else { "yours" }
        }),
        may_proceed: stage == Stage::Agreed && !going,
        may_open: matches!(stage, Stage::Verified | Stage::Finalized) && !going && opened.is_none(),
        opened,
        state,
        command: format!("galen deal decrypt {index} --out dataset{node}"),
    })
}
