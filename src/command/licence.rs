//! `galen licence`: the text that a buyer signs, and the licence as a file that anybody can check
//! without a node.

use std::path::PathBuf;

use clap::Subcommand;
use galen_api::story::instant;
use galen_light::licence::{InForce, Verified};
use galen_market::deal::Licence as Granted;
use galen_market::id::{DealId, Digest};
use serde_json::json;

use super::ledger::write_json;
use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::light::{self, Fresh, now_ms};
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
    /// Write the licence of a deal into a file, with proofs that the ledger issued it
    #[command(
        after_help = "Examples:\n  galen licence export 0 --out licence.json\n  galen licence export 3fa4…9b --out licence.json"
    )]
    Export {
        /// The deal: the index or id of one of yours, or the whole id of any
        deal: String,
        /// The new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a licence file without a node, against a genesis or a trusted header
    ///
    /// Says what was verified, what the trust rests on, and what the file does not say. Exit code 10
    /// means: a genuine licence, and not in force.
    #[command(
        after_help = "Examples:\n  galen licence verify licence.json --genesis genesis.json\n  galen licence verify licence.json --header trusted.json\n  galen licence verify licence.json --genesis genesis.json --online"
    )]
    Verify {
        /// The licence file
        file: PathBuf,
        /// The ledger's genesis, from somebody whom you trust
        #[arg(long, value_name = "FILE", required_unless_present = "header")]
        genesis: Option<PathBuf>,
        /// A header that you trust, as `galen ledger header` writes it
        #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
        header: Option<PathBuf>,
        /// Ask the node too whether the licence was revoked since; its answer is proven
        #[arg(long)]
        online: bool,
    },
}

/// Runs a verb.
///
/// # Errors
/// When the certificate does not hold, the licence is not in force, or a file cannot be used.
pub fn run(context: &Context, command: Licence) -> Result<(), Failure> {
    match command {
        Licence::Text { of } => {
            let session = Session::open(context)?;
            let hash = named(context, &session, &of)?;
            let text = licence::fetch(&session, &hash)?;
            context.output.data(&json!({ "sha256": hash, "text": text }), || lines(&text))
        }
        Licence::Export { deal, out } => {
            let deal = match deal.parse::<DealId>() {
                Ok(deal) => deal,
                Err(_) => DealStore::of(&context.home).find(&deal)?.deal,
            };
            let certificate = light::certificate(&Session::open(context)?, &deal)?;
            write_json(context, &out, &certificate)?;
            let height = certificate.path.last().map_or(0, |block| block.header.height);
            let value =
                json!({ "deal": deal, "file": out, "height": height, "written": !context.dry_run });
            context.output.data(&value, || {
                format!(
                    "{}: the licence of deal {deal} as of block {height}. Check it with `galen licence verify`.",
                    out.display()
                )
            })
        }
        Licence::Verify { file, genesis, header, online } => {
            let anchor = match (&genesis, &header) {
                (_, Some(header)) => light::anchor_of_header(header)?,
                (Some(genesis), None) => light::anchor_of_genesis(genesis)?,
                (None, None) => return Err(Failure::usage("give --genesis or --header")),
            };
            let certificate = light::read_certificate(&file)?;
            let now_ms = now_ms();
            let verified = certificate.verify(&anchor, now_ms)?;
            let fresh = if online {
                Some(light::fresh(&Session::open(context)?, &certificate, &verified)?)
            } else {
                None
            };
            let licence = fresh.as_ref().map_or(&verified.licensed.licence, |fresh| &fresh.licence);
            let in_force = InForce::of(licence, now_ms);
            let value = json!({
                "verified": verified, "limits": verified.limits(), "online": fresh, "in_force": in_force,
            });
            context.output.data(&value, || shown(&verified, fresh.as_ref(), in_force))?;
            required(in_force, licence)
        }
    }
}

fn in_words(in_force: InForce) -> String {
    match in_force {
        InForce::Yes => "in force".to_owned(),
        InForce::NotYet { from_ms } => format!("not in force before {}", instant(from_ms)),
        InForce::Expired { until_ms } => format!("expired on {}", instant(until_ms)),
        InForce::Revoked { at_ms } => {
            format!("revoked on {}, with a refund of the price", instant(at_ms))
        }
    }
}

fn required(in_force: InForce, licence: &Granted) -> Result<(), Failure> {
    let text =
        format!("the licence of deal {} is genuine and {}", licence.deal, in_words(in_force));
    match in_force {
        InForce::Yes => Ok(()),
        InForce::NotYet { .. } => {
            Err(Failure::new(Exit::NotInForce, "licence.not_yet", text)
                .remedy("wait until it begins"))
        }
        InForce::Expired { .. } => Err(Failure::new(Exit::NotInForce, "licence.expired", text)
            .remedy("have the licensee renew it")),
        InForce::Revoked { .. } => Err(Failure::new(Exit::NotInForce, "licence.revoked", text)
            .remedy("do not let the data be used under it")),
    }
}

fn shown(verified: &Verified, fresh: Option<&Fresh>, in_force: InForce) -> String {
    let Verified { licensed, height, block, time_ms, trust, .. } = verified;
    let (licence, terms) = (&licensed.licence, &licensed.offer.terms);
    let clauses: Vec<String> = terms.clauses.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!("licence      {}", licence.deal),
        format!("status       {}", in_words(in_force)),
        format!("dataset      {}", licence.listing.package),
        format!(
            "institution  {} ({})",
            printable(licensed.institution.name.as_str()),
            licence.listing.institution
        ),
        format!("purpose      {}", galen_api::words::purpose(&licence.purpose)),
        format!("terms        {} (version {} of the offer)", clauses.join(", "), licence.version),
        format!("tier         {}, {} seats", printable(licence.tier.as_str()), licence.seats),
        format!("text         SHA-256 {}", licence.text),
        format!("valid        {} until {}", instant(licence.from_ms), instant(licence.until_ms)),
        format!("licensee     whoever signs with {}", licence.holder),
        String::new(),
        format!(
            "Verified: the ledger's state after block {height} ({block}) of {} holds this licence, its deal, listing, offer and institution.",
            instant(*time_ms)
        ),
        format!("Trust rests on {}.", trust.sentence()),
    ];
    match fresh {
        None => {}
        Some(Fresh { height, time_ms, .. }) => {
            lines.push(format!(
                "The node proved its state as of block {height}, {}.",
                instant(*time_ms)
            ));
        }
    }
    lines.push(String::new());
    lines.push("What it does not say:".to_owned());
    let limits = verified.limits().into_iter().skip(usize::from(fresh.is_some()));
    lines.extend(limits.map(|limit| format!("  {limit}")));
    lines.join("\n")
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
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| printable(&line.replace('\t', "    "))).collect();
    lines.join("\n") + "\n"
}
