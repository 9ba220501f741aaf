//! `galen licence`: what a buyer signs.

use clap::Subcommand;
use galen_market::id::{DealId, Digest};
use serde_json::json;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::purchase::DealStore;
use crate::operation::{licence, listing};
use crate::output::printable;
use crate::session::Session;

/// Verbs of `galen licence`.
#[derive(Subcommand, Debug)]
pub enum Licence {
    /// Print a licence's text, checked against the hash that the terms name
    #[command(
        after_help = "Examples:\n  galen licence text 3f9a12\n  galen licence text 0\n  galen licence text 3f9a12 > licence.txt"
    )]
    Text {
        /// A dataset (its package id, or the first digits of it), one of your deals, or the text's SHA-256
        of: String,
    },
}

/// Runs a verb.
///
/// # Errors
/// When nothing fits, or the node does not have the text.
pub fn run(context: &Context, command: Licence) -> Result<(), Failure> {
    let Licence::Text { of } = command;
    let session = Session::open(context)?;
    let hash = named(context, &session, &of)?;
    let text = licence::fetch(&session, &hash)?;
    context.output.data(&json!({ "sha256": hash, "text": text }), || shown(&text))
}

/// The text of what a person named. A deal of this home is meant before a dataset, and a dataset before
/// a hash.
fn named(context: &Context, session: &Session, of: &str) -> Result<Digest, Failure> {
    let deal: Option<DealId> = match DealStore::of(&context.home).find(of) {
        Ok(record) => Some(record.deal),
        Err(_) => None,
    };
    if let Some(deal) = deal {
        let deal = session.client().deal(&deal)?.deal;
        // The offer may have changed since; the licence keeps what was agreed to, once there is one.
        if let Ok(licence) = session.client().licence(&deal.id) {
            return Ok(licence.licence.text);
        }
        return Ok(session.client().listing(&deal.listing)?.summary.offer.terms.licence_text);
    }
    match listing::named(session, of) {
        Ok(id) => Ok(session.client().listing(&id)?.summary.offer.terms.licence_text),
        Err(failure) => of.parse::<Digest>().map_err(|_| failure),
    }
}

/// A foreign text, line by line, without what could move the cursor.
pub(crate) fn shown(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| printable(&line.replace('\t', "    "))).collect();
    lines.join("\n") + "\n"
}
