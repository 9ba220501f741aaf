//! The page of a purchase: a form, whether one qualifies and why, and what would be signed.

use askama::Template;
use galen_market::amount::Amount;
use galen_market::codec::{Bounded, Text};
use galen_market::listing::ListingId;
use galen_market::terms::{Outcome, Purpose, PurposeKind, Terms};
use galen_web::lang::{fill, sentences};

use super::title;
use crate::error::{Exit, Failure};
use crate::loopback::words::one;
use crate::loopback::{Frame, amount, lock, money, span};
use crate::operation::credential::{self, day_text};
use crate::operation::eligibility::{self, asked_for, guesses, judge};
use crate::operation::presentation::today;
use crate::operation::purchase::allowance;
use crate::operation::tier::{self, Chosen};
use crate::operation::{licence, listing};
use crate::session::account_of;
use crate::signer::Signer;
use crate::signer::orders::Order;
use crate::signer::words::{self, Words};
use crate::wallet::{Role, Wallet};

/// What a request has at most: its fields, and a shown credential.
const REQUEST_BYTES: usize = 8 << 10;
/// Its signature, its action and the credential's proof.
const REQUEST_UNITS: u64 = 32;

/// What the form of a purchase asks.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::signer) struct Wish {
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
pub(in crate::signer) struct Buy {
    frame: Frame,
    t: &'static Words,
    wish: Wish,
    title: String,
    institution: String,
    id: ListingId,
    clauses: Vec<String>,
    promises: bool,
    kinds: Vec<(&'static str, &'static str, bool)>,
    tiers: Vec<(String, String, bool)>,
    credentials: Vec<(usize, String, bool)>,
    judged: Option<Judged>,
    summary: Option<Summary>,
}

/// Whether one qualifies, and why.
struct Judged {
    verdict: String,
    good: bool,
    reasons: Vec<String>,
}

/// What would be signed.
struct Summary {
    order: String,
    price: String,
    allowance: String,
    fee: String,
    balance: String,
    enough: bool,
    tier: String,
    about_tier: String,
    purpose: String,
    licence: String,
    licence_hash: String,
    agreement: String,
    deadlines: Vec<String>,
    reveals: Vec<String>,
    account: String,
    forgeable: bool,
}

fn purpose_of(wish: &Wish, terms: &Terms) -> Result<Purpose, Failure> {
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
    purpose.diseases =
        Bounded::new(diseases).map_err(|error| usage(format!("diseases: {error}")))?;
    purpose.commercial = !wish.commercial.is_empty();
    purpose.project = Text::new(wish.project.trim())
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
pub(in crate::signer) fn buy(
    signer: &Signer,
    frame: Frame,
    wallet: &Wallet,
    wish: Wish,
) -> Result<Buy, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = signer.session()?;
    let id = listing::named(&session, &wish.listing)?;
    let view = session.client().listing(&id)?;
    let summary = &view.summary;
    let offer = &summary.offer;
    let now = today(&session)?;
    let held = credential::kept(&signer.desk.plan.home, session.chain())?;
    let chosen = number(&wish.credential, "credential")?.unwrap_or(0) as usize;
    let credential = held.get(chosen);
    // What the credential is good for is proposed, until a purpose is chosen.
    let proposed = credential.filter(|_| wish.purpose.is_empty()).and_then(|one| {
        let mut kinds = guesses(&offer.terms, &one.attributes).into_iter();
        kinds.find(|purpose| judge(summary, purpose, credential, now).outcome != Outcome::Refused)
    });
    let picked = proposed.map_or(wish.purpose.clone(), |purpose| purpose.kind.name().to_owned());
    let mut page = Buy {
        frame,
        t,
        title: title(lang, summary),
        institution: summary.institution_name.clone(),
        id,
        clauses: offer.terms.clauses.iter().map(|it| sentences::clause(lang, it)).collect(),
        promises: asked_for(&offer.terms.clauses) != Default::default(),
        kinds: PurposeKind::ALL
            .iter()
            .map(|kind| (kind.name(), words::kind(lang, *kind), kind.name() == picked))
            .collect(),
        tiers: offer
            .tiers
            .iter()
            .map(|one| {
                let name = one.name.to_string();
                let is = name == wish.tier;
                // The price first: the name may be of a script that is written from right to left.
                Ok((name, format!("{}: {}", money(&session, &one.price)?, one.name), is))
            })
            .collect::<Result<_, Failure>>()?,
        credentials: held
            .iter()
            .enumerate()
            .map(|(n, one)| {
                let approves = words::approved(lang, one.attributes.purposes);
                let until = day_text(one.attributes.expiry);
                (n, fill(t.credential_until, &[&approves, &until]), n == chosen)
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
    let reasons = judged.decision.reasons.iter().map(|reason| words::reason(lang, reason));
    let obstacles = eligibility::obstacles(summary, credential, now);
    page.judged = Some(Judged {
        verdict: one(if open { t.yes } else { t.no }, words::outcome(t, judged.outcome)),
        good: open,
        reasons: reasons
            .chain(obstacles.iter().map(|obstacle| words::obstacle(lang, obstacle)))
            .collect(),
    });
    let Some(credential) = credential.filter(|_| open) else { return Ok(page) };
    let named = Some(page.wish.tier.as_str()).filter(|name| !name.is_empty());
    let seats = number(&page.wish.seats, "named users")?;
    let Chosen { tier, seats, price } = tier::choose(offer, &purpose, named, seats)?;
    let account = number(&page.wish.account, "account")?.unwrap_or(0);
    let payer = account_of(&wallet.account(Role::Researcher, account));
    let balance = session.balance(&payer, &price.currency)?;
    let allowed = allowance(&session, &price)?;
    let currency = session.currency(&price.currency)?;
    let decimals = currency.decimals;
    let fee = currency
        .fees
        .fee(REQUEST_BYTES, REQUEST_UNITS)
        .map_err(|error| Failure::new(Exit::RefusedByLedger, "ledger.fee", error.to_string()))?;
    let needed = price.amount.checked_add(allowed).and_then(|sum| sum.checked_add(fee)).ok();
    let parameters = session.parameters();
    let mut deadlines = Vec::new();
    if let Some(review) = offer.terms.review_ms.filter(|_| judged.outcome == Outcome::NeedsReview) {
        deadlines.push(one(t.review_within, span(lang, review)));
    }
    deadlines.extend([
        one(t.ready_within, span(lang, parameters.ready_ms)),
        one(t.deliver_within, span(lang, parameters.deliver_ms)),
        one(t.dispute_within, span(lang, parameters.dispute_ms)),
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
        fee: amount(&session, fee, &price.currency)?,
        balance: amount(&session, balance, &price.currency)?,
        enough: needed.is_some_and(|needed| balance >= needed),
        tier: tier.name.to_string(),
        about_tier: {
            let write = |amount: Amount| galen_api::words::amount(amount.units(), decimals);
            let about = words::tier(lang, &tier, &write);
            match seats {
                1 => one(t.seat, about),
                seats => fill(t.seats_n, &[&about, &seats]),
            }
        },
        purpose: sentences::purpose(lang, &purpose),
        licence: licence::fetch(&session, &hash)?,
        licence_hash: hash.to_string(),
        agreement: agreement.to_string(),
        deadlines,
        reveals: eligibility::reveals(&offer.terms.required(&purpose), &purpose)
            .iter()
            .map(|reveal| words::reveal(lang, reveal))
            .collect(),
        account: payer.to_string(),
        forgeable: session.is_forgeable(),
    });
    Ok(page)
}
