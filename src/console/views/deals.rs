//! The pages of deals: all of them, and one as its institution sees it. Who buys is in none: the ledger does
//! not know it. Depends on the operations, and on the agent's judgement of time.

use askama::Template;
use galen_api::DealView;
use galen_market::deal::{Deal, Stage};
use galen_market::id::DealId;
use galen_market::terms::Reason;
use galen_web::lang::{Lang, sentences};

use crate::console::Console;
use crate::console::trade;
use crate::console::words::{Words, said};
use crate::console::work::Name;
use crate::error::Failure;
use crate::loopback::{Frame, State, Wrong, ended, money, span};
use crate::operation::{listing, review};
use crate::session::Session;
use crate::wallet::Wallet;

/// The order in which deals are shown: those that wait for somebody first.
const STAGES: [Stage; 6] = [
    Stage::Requested,
    Stage::Ready,
    Stage::Agreed,
    Stage::Verified,
    Stage::Finalized,
    Stage::Terminated,
];

#[derive(Template)]
#[template(path = "deals.html")]
pub(in crate::console) struct Deals {
    frame: Frame,
    t: &'static Words,
    rows: Vec<DealRow>,
    /// How many requests wait for a review, and the one that has the least time left.
    waiting: Option<(usize, String)>,
    keys: Option<(usize, String)>,
}

struct DealRow {
    id: String,
    package: String,
    price: String,
    purpose: String,
    stage: String,
    day: String,
    left: String,
}

/// How many there are, and the most urgent one.
fn urgent(deals: &[Deal]) -> Option<(usize, String)> {
    let first = deals.iter().min_by_key(|deal| deal.deadline_ms.unwrap_or(u64::MAX))?;
    Some((deals.len(), first.id.to_string()))
}

pub(in crate::console) fn deals(
    console: &Console,
    frame: Frame,
    wallet: &Wallet,
) -> Result<Deals, Failure> {
    let lang = frame.lang;
    let session = console.session()?;
    let institution = console.institution(wallet);
    let uptime = session.status()?.uptime_ms;
    let mut rows = Vec::new();
    let (mut waiting, mut keys) = (None, None);
    for stage in STAGES {
        let deals = session.client().deals_of_institution(&institution, stage)?;
        match stage {
            Stage::Requested => waiting = urgent(&deals),
            Stage::Ready => keys = urgent(&deals),
            _ => {}
        }
        for deal in deals {
            let left = deal.deadline_ms.filter(|_| !stage.is_final());
            rows.push(DealRow {
                id: deal.id.to_string(),
                package: deal.listing.package.to_string(),
                price: money(&session, &deal.price)?,
                purpose: sentences::purpose(lang, &deal.purpose),
                stage: match &deal.termination {
                    Some(why) => ended(lang, why),
                    None => said::stage(lang, stage),
                },
                day: galen_api::story::instant(deal.requested_ms),
                left: left.map(|at| span(lang, at.saturating_sub(uptime))).unwrap_or_default(),
            });
        }
    }
    Ok(Deals { frame, t: Words::of(lang), rows, waiting, keys })
}

#[derive(Template)]
#[template(path = "console_deal.html")]
pub(in crate::console) struct DealPage {
    frame: Frame,
    t: &'static Words,
    id: String,
    title: String,
    /// The dataset's page: here, or at the node if the package is not kept here.
    dataset: String,
    stage: String,
    next: &'static str,
    left: Option<String>,
    ended: Option<String>,
    facts: Vec<(&'static str, String)>,
    outcome: &'static str,
    clauses: Vec<ClauseRow>,
    /// How long the key may take once the buyer waits for it.
    deliver: String,
    may_review: bool,
    may_deliver: bool,
    /// Why the key is not delivered from here now, and what to do.
    held: Option<Wrong>,
    state: Option<State>,
}

/// What one clause said to the request.
struct ClauseRow {
    clause: String,
    finding: String,
    outcome: &'static str,
}

impl ClauseRow {
    fn of(lang: Lang, reason: &Reason) -> Self {
        Self {
            clause: sentences::clause(lang, &reason.clause),
            finding: sentences::finding(lang, reason.finding),
            outcome: said::outcome(Words::of(lang), reason.finding.outcome()),
        }
    }
}

/// What comes next at a stage.
fn next(t: &Words, stage: Stage) -> &'static str {
    match stage {
        Stage::Requested => t.next_review,
        Stage::Agreed => t.next_fetch,
        Stage::Ready => t.next_key,
        Stage::Verified => t.next_dispute,
        Stage::Finalized => t.next_paid,
        Stage::Terminated => t.next_ended,
    }
}

/// One deal of the institution, with what can be done about it.
pub(in crate::console) fn deal(
    console: &Console,
    mut frame: Frame,
    id: DealId,
    wallet: &Wallet,
) -> Result<DealPage, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = console.session()?;
    let view = review::own(&session, &console.institution(wallet), &id)?;
    let deal = &view.deal;
    let state = console.works.state(&Name::Deal(id));
    let going = state.as_ref().is_some_and(State::is_going);
    let declared = listing::find(&session, &deal.listing)?.and_then(|view| view.summary.declared);
    let held = match deal.stage == Stage::Ready && !going {
        true => {
            trade::may_deliver(&session, &view)?.err().map(|why| Wrong::from(&trade::held(why)))
        }
        false => None,
    };
    // Whoever writes a reason is not interrupted: only a page without a form loads itself again.
    frame.again = u32::from(going);
    Ok(DealPage {
        frame,
        t,
        id: id.to_string(),
        title: declared.map_or_else(|| deal.listing.package.to_string(), |about| about.title),
        dataset: dataset_of(console, deal),
        stage: said::stage(lang, deal.stage),
        next: next(t, deal.stage),
        left: view.remaining_ms.filter(|_| !deal.stage.is_final()).map(|ms| span(lang, ms)),
        ended: deal.termination.as_ref().map(|why| ended(lang, why)),
        facts: facts(lang, &session, &view)?,
        outcome: said::outcome(t, deal.decision.outcome),
        clauses: deal.decision.reasons.iter().map(|reason| ClauseRow::of(lang, reason)).collect(),
        deliver: span(lang, session.parameters().deliver_ms),
        may_review: deal.stage == Stage::Requested && !going,
        may_deliver: deal.stage == Stage::Ready && !going && held.is_none(),
        held,
        state,
    })
}

fn dataset_of(console: &Console, deal: &Deal) -> String {
    let package = deal.listing.package;
    if console.store().record(&package).is_ok() {
        return format!("/datasets/{package}");
    }
    let node = console.desk.plan.node.trim_end_matches('/');
    format!("{node}/datasets/{}/{package}", deal.listing.institution)
}

/// What was asked for, and for how much.
fn facts(
    lang: Lang,
    session: &Session,
    view: &DealView,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let t = Words::of(lang);
    let deal = &view.deal;
    Ok(vec![
        (t.purpose, sentences::purpose(lang, &deal.purpose)),
        (t.price, money(session, &deal.price)?),
        (t.tier, deal.tier.to_string()),
        (t.named_users, deal.seats.to_string()),
        (t.requested, galen_api::story::instant(deal.requested_ms)),
    ])
}
