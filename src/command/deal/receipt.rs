//! `galen deal receipt`.

use std::path::Path;

use galen_api::DealReceipt;
use galen_api::story::{instant, sentence};
use galen_market::id::DealId;

use crate::command::ledger::write_json;
use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::FORGEABLE_NOTICE;
use crate::operation::purchase::DealStore;
use crate::output::{printable, table};
use crate::session::Session;

pub(super) fn receipt(
    context: &Context,
    store: &DealStore,
    deal: &str,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let deal = match deal.parse::<DealId>() {
        Ok(deal) => deal,
        Err(_) => store.find(deal)?.deal,
    };
    let receipt = Session::open(context)?.client().receipt(&deal)?;
    let text = shown(&receipt)?;
    if let Some(path) = out {
        write_json(context, path, &receipt)?;
    }
    context.output.data(&receipt, || text)
}

fn shown(receipt: &DealReceipt) -> Result<String, Failure> {
    let totals = receipt.totals().map_err(|error| {
        Failure::new(Exit::RefusedProof, "receipt.difference", error.to_string())
            .remedy("ask another node")
    })?;
    let deal = &receipt.deal;
    let said: Vec<String> = deal.decision.reasons.iter().map(ToString::to_string).collect();
    let events = receipt.events.iter().map(|happened| {
        [happened.height.to_string(), instant(happened.time_ms), sentence(&happened.event)]
    });
    let currency = &deal.price.currency;
    let money = |amount: galen_market::amount::Amount| format!("{amount} {currency}");
    let mut lines = vec![
        format!("Receipt of deal {}", deal.id),
        String::new(),
        format!("dataset      {}", deal.listing.package),
        format!(
            "institution  {} ({})",
            printable(&receipt.institution_name),
            deal.listing.institution
        ),
        format!("purpose      {}", galen_api::words::purpose(&deal.purpose)),
        format!("decision     {}", said.join("; ")),
        format!("stands       {}", deal.stage),
    ];
    if let Some(licence) = &receipt.licence {
        let (from, until) = (instant(licence.from_ms), instant(licence.until_ms));
        let revoked = licence.revoked_ms.map(|at| format!(", revoked {}", instant(at)));
        lines.push(format!("licence      {from} until {until}{}", revoked.unwrap_or_default()));
    }
    lines.push(String::new());
    lines.push(table(["block", "time", "what"], events));
    lines.push(String::new());
    let payments = [
        ("price into escrow", totals.escrowed),
        ("fee allowance", totals.allowance),
        ("fees", totals.fees),
        ("shared out", totals.shared),
        ("refunded", totals.refunded),
        ("rest of the allowance returned", totals.allowance_returned),
        ("compensation", totals.compensation),
        ("still with the deal", totals.held),
    ];
    lines.push(table(
        ["", "amount"],
        payments.map(|(what, amount)| [what.to_owned(), money(amount)]),
    ));
    if receipt.truncated {
        lines.push(
            "More happened than this receipt has room for; see the deal's events.".to_owned(),
        );
    }
    lines.push(format!("\nAs of block {}, {}.", receipt.height, instant(receipt.time_ms)));
    if receipt.forgeable_parameters {
        lines.push(FORGEABLE_NOTICE.to_owned());
    }
    Ok(lines.join("\n"))
}
