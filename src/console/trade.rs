//! What is done in a deal: the review of its request, and the delivery of its key. Depends on the
//! operations, and on the agent for everything about keys: one envelope a deal, and none too late. Signs
//! only what a person asked for on the page of a deal.

use std::sync::Arc;

use galen_api::DealView;
use galen_market::id::DealId;

use super::Console;
use super::fields::Fields;
use super::words;
use super::words::said::said;
use super::work::{Name, done};
use crate::agent::policy::Policy;
use crate::agent::{self, Agent, Deed, Hold};
use crate::error::{Exit, Failure};
use crate::loopback::lock;
use crate::operation;
use crate::operation::review::{self, Verdict};
use crate::session::Session;
use crate::wallet::Wallet;

fn page(id: DealId) -> String {
    format!("/deals/{id}")
}

/// Accepts or refuses a request that waits.
pub(super) fn review(
    console: &Arc<Console>,
    id: DealId,
    form: &Fields,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let view = review::own(&console.session()?, &console.institution(&wallet), &id)?;
    review::require_waiting(&view.deal)?;
    let accept = match (form.has("accept"), form.has("refuse")) {
        (true, false) => true,
        (false, true) => false,
        _ => {
            return Err(Failure::usage("the form says neither to accept nor to refuse")
                .remedy("go back and choose one of both"));
        }
    };
    // A field of several lines breaks them where it likes; the ledger takes one line.
    let words: Vec<&str> = form.get("reason").split_whitespace().collect();
    let verdict = Verdict::new(accept, &words.join(" "), "go back and say why")?;
    let kept = console.clone();
    console.works.start(Name::Deal(id), move |work| {
        work.at(said(|t| t.signing, &[]), 0, 0);
        let sent = review::decide(&kept.session()?, &kept.key(&wallet), id, &verdict)?;
        let what = match verdict.accepts() {
            true => words::said::sent(|t| t.accepted, &sent),
            false => words::said::sent(|t| t.has_refused, &sent),
        };
        Ok(done(what, page(id)))
    })
}

/// Whether the agent would deliver a deal's key now.
pub(super) fn may_deliver(session: &Session, view: &DealView) -> Result<Result<(), Hold>, Failure> {
    let parameters = session.parameters();
    Ok(agent::decide(view, &session.status()?, parameters.max_idle_ms, parameters.deliver_ms))
}

/// Proves that an envelope holds the package's key for the buyer, and sends it.
pub(super) fn deliver(
    console: &Arc<Console>,
    id: DealId,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let session = console.session()?;
    let view = review::own(&session, &console.institution(&wallet), &id)?;
    may_deliver(&session, &view)?.map_err(held)?;
    let kept = console.clone();
    console.works.start(Name::Deal(id), move |work| {
        work.at(said(|t| t.waiting_turn, &[]), 0, 0);
        let _turn = lock(&kept.delivering);
        work.at(said(|t| t.proving_envelope, &[]), 0, 0);
        let (session, prover, key) = (kept.session()?, operation::prover()?, kept.key(&wallet));
        // Whom a policy would call is here and has decided; the count of the day goes on.
        let (home, policy) = (&kept.desk.plan.home, Policy::default());
        let agent = Agent::new(&session, &wallet, &prover, &key, home, policy)?;
        let deed = agent.serve(&view.deal)?;
        match &deed {
            Deed::Delivered { .. } => {
                work.at(said(|t| t.sent_waiting, &[]), 0, 0);
                agent.wait(std::slice::from_ref(&deed))?;
                Ok(done(said(|t| t.key_delivered, &[]), page(id)))
            }
            Deed::Held { why, .. } => Err(held(*why)),
            Deed::Waits { need, .. } => Err(undelivered(need.words().to_owned())),
            Deed::Failed { error, .. } => Err(undelivered(error.clone())),
            Deed::Reviewed { .. } => {
                Err(undelivered("the request was reviewed instead".to_owned()))
            }
        }
    })
}

fn undelivered(why: String) -> Failure {
    Failure::new(Exit::Failure, "deal.undelivered", format!("the key was not delivered: {why}"))
        .remedy("try again; the same envelope is sent again")
}

/// Why a key is not delivered now.
pub(super) fn held(why: Hold) -> Failure {
    let (code, what, remedy) = match why {
        Hold::NotReady => (
            "deal.not_ready",
            "the deal does not wait for a key",
            "look at the deal as it stands now; a key is delivered once, when the buyer is ready",
        ),
        Hold::TooLate => (
            "deal.too_late",
            "too little time is left for the key: sent now, it could be read by the buyer and come too \
             late for the price",
            "nothing: the price goes back with a compensation; then sign that the institution is back, \
             with `galen dataset resume`",
        ),
        Hold::NodeBehind => (
            "node.behind",
            "the node is behind, or its ledger stands still, so that a key could come too late",
            "try again in a moment, or start the console with another --node",
        ),
    };
    Failure::new(Exit::Failure, code, what).remedy(remedy)
}
