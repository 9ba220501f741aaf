//! `galen deal review`: the institution's side of a request that waits for it.

use clap::Args;
use galen_api::{DealView, words};
use galen_market::deal::Deal;
use serde_json::json;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::review::{self, Verdict};
use crate::output::{printable, table};
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Arguments of `review`.
#[derive(Args, Debug)]
pub struct Review {
    /// The deal: its id, or at least six of its first digits; without one, those that wait are listed
    deal: Option<String>,
    /// Accept it
    #[arg(long, requires = "deal", conflicts_with = "refuse")]
    accept: bool,
    /// Refuse it: the buyer gets everything back
    #[arg(long, requires = "deal", requires = "reason")]
    refuse: bool,
    /// Why, for the buyer; everybody can read it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Which of the wallet's institution accounts
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Lists what waits, shows one request, or decides it.
///
/// # Errors
/// When there is no such request, or the ledger refuses the review.
pub fn run(context: &Context, command: &Review) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let key = context.wallet()?.account(Role::Institution, command.index);
    let waiting = review::waiting(&session, &account_of(&key))?;
    let Some(named) = &command.deal else { return list(context, &session, &waiting) };
    let deal = review::named(&waiting, named)?;
    if !command.accept && !command.refuse {
        let view = session.client().deal(&deal.id)?;
        return context.output.data(&view, || described(&view));
    }
    let reason = command.reason.as_deref().unwrap_or_default();
    let verdict = Verdict::new(command.accept, reason, "say why with --reason")?;
    let done = review::decide(&session, &key, deal.id, &verdict)?;
    let value = json!({ "deal": deal.id, "accepted": command.accept, "done": done });
    context
        .output
        .data(&value, || done.sentence(if command.accept { "accepted" } else { "refused" }))
}

fn list(context: &Context, session: &Session, waiting: &[Deal]) -> Result<(), Failure> {
    let views = waiting
        .iter()
        .map(|deal| Ok(session.client().deal(&deal.id)?))
        .collect::<Result<Vec<DealView>, Failure>>()?;
    context.output.data(&views, || {
        if views.is_empty() {
            return "No request waits for a review.\n".to_owned();
        }
        table(
            ["deal", "dataset", "purpose", "price", "time left"],
            views.iter().map(|view| {
                [
                    view.deal.id.to_string(),
                    view.deal.listing.package.to_string(),
                    view.deal.purpose.kind.to_string(),
                    view.deal.price.to_string(),
                    view.remaining_ms.map_or_else(String::new, time),
                ]
            }),
        )
    })
}

fn time(ms: u64) -> String {
    let minutes = ms / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A request for whoever reviews it.
fn described(view: &DealView) -> String {
    let deal = &view.deal;
    let mut lines = vec![
        format!("deal       {}", deal.id),
        format!("dataset    {}", deal.listing.package),
        format!("price      {}", deal.price),
        format!("state      {}", deal.stage),
        format!("purpose    {}", printable(&words::purpose(&deal.purpose))),
    ];
    if let Some(left) = view.remaining_ms {
        lines.push(format!("time left  {} of the ledger's up-time", time(left)));
    }
    lines.push(format!("decision   {}", deal.decision.outcome));
    for reason in &deal.decision.reasons {
        lines.push(format!(
            "  {:12}  {} {}",
            reason.finding.outcome().to_string(),
            printable(&reason.clause.words()),
            reason.finding
        ));
    }
    lines.push(format!(
        "next       galen deal review {} --accept, or --refuse --reason '…'",
        deal.id
    ));
    lines.join("\n")
}
