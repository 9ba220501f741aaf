//! `galen deal`: the buyer's commands, from the request to the opened dataset or the dispute.

mod receipt;
mod recover;
mod review;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use galen_api::{DealView, ListingSummary};
use galen_dataset::output::{Format, Formulas, Output};
use galen_dataset::pack::Progress;
use galen_dataset::package::PackageFolder;

use galen_market::listing::ListingId;
use serde_json::json;

use super::fetch;
use super::purpose::{Declared, Kind};
use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::mirror::Fetched;
use crate::operation::credential::Credential;
use crate::operation::purchase::{self, DealRecord, DealStore, Purchase};
use crate::operation::tier::{self, Chosen};
use crate::operation::{self, credential, crypt4gh, licence, listing, receive};
use crate::output::{printable, table};
use crate::session::Session;
use crate::wallet::Role;

/// How tables are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Form {
    /// CSV, byte for byte as it was packed
    Original,
    /// CSV that is safe to open in a spreadsheet
    Csv,
    /// Parquet, with typed columns
    Parquet,
    /// Arrow IPC, with typed columns
    Arrow,
}

/// Verbs of `galen deal`.
#[derive(Subcommand, Debug)]
pub enum Deal {
    /// Ask to buy a dataset, showing a credential without showing who you are
    #[command(
        after_help = "Examples:\n  galen deal request 3f9a12 --purpose health\n  galen deal request 3f9a12 --purpose disease --disease MONDO:0005015 --account 2\n  galen deal request 3f9a12 --purpose health --project 'Sleep and glucose' --undertake all\n  galen deal request 3f9a12 --purpose health --tier academic --seats 5\n  galen deal request 3f9a12 --purpose health --dry-run"
    )]
    Request {
        /// The dataset: its package id, or the first digits of it
        dataset: String,
        /// What for
        #[arg(long)]
        purpose: Kind,
        /// What is declared and undertaken beside
        #[command(flatten)]
        declared: Declared,
        /// The name of the tier [default: the only one for the purpose]
        #[arg(long)]
        tier: Option<String>,
        /// For how many named users [default: as many as the tier includes]
        #[arg(long)]
        seats: Option<u32>,
        /// The credential's file [default: the only one in the home directory]
        #[arg(long, value_name = "FILE")]
        credential: Option<PathBuf>,
        /// Which of the wallet's researcher accounts pays; use a new one for each deal
        #[arg(long, default_value_t = 0)]
        account: u32,
    },
    /// Fetch the encrypted package of a deal and check every byte against the listing
    #[command(
        after_help = "Run it again after an interruption, whatever it was: what was fetched is kept. Fetching again costs\nnothing; a licence runs from the delivery of the key.\n\nExamples:\n  galen deal fetch 0\n  galen deal fetch 0 --out /data/randhie-package\n  galen deal fetch 0 --mirror https://mirror.example/packages"
    )]
    Fetch {
        /// The deal: its index or id
        deal: String,
        /// The new folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Where to fetch from
        #[command(flatten)]
        from: fetch::FetchFrom,
    },
    /// Say that the package is here and checked: from now on the institution has to deliver the key
    #[command(after_help = "Example:\n  galen deal ready 0")]
    Ready {
        /// The deal: its index or id
        deal: String,
    },
    /// As an institution: list the requests that wait for a review, show one, accept or refuse it
    #[command(
        after_help = "Examples:\n  galen deal review\n  galen deal review 5b0f3a\n  galen deal review 5b0f3a --accept\n  galen deal review 5b0f3a --refuse --reason 'the project is not approved'"
    )]
    Review(review::Review),
    /// Show where a deal stands and what happens next
    #[command(after_help = "Examples:\n  galen deal status 0\n  galen deal status 0 --json")]
    Status {
        /// The deal: its index or id
        deal: String,
    },
    /// Find the deals of a wallet that was restored from its words; the node does not learn which
    #[command(
        after_help = "Examples:\n  galen key restore --words-file words.txt && galen deal recover\n  galen deal recover --gap 1000"
    )]
    Recover(recover::Recover),
    /// Show everything that the ledger recorded of a deal: request, decision, payments, delivery, end
    #[command(
        after_help = "Examples:\n  galen deal receipt 0\n  galen deal receipt 0 --out receipt.json\n  galen deal receipt 3fa4…9b --json"
    )]
    Receipt {
        /// The deal: the index or id of one of yours, or the whole id of any
        deal: String,
        /// Write it as JSON into a new file too
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List your deals
    #[command(after_help = "Example:\n  galen deal list")]
    List,
    /// Open a delivered dataset; nothing is written unless all of it is what was listed
    #[command(
        after_help = "Examples:\n  galen deal decrypt 0 --out randhie\n  galen deal decrypt 0 --out randhie --format parquet\n  galen deal decrypt 0 --out randhie --recipient me.pub   (encrypted files for the holder of me.sec)\n\nWith `original` a table is the very file that was packed, and its hash is the manifest's. `csv` differs in one way: a text that a spreadsheet would compute gets an apostrophe before it."
    )]
    Decrypt {
        /// The deal: its index or id
        deal: String,
        /// The new folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How tables are written; files stay as they are
        #[arg(long, value_enum, default_value_t = Form::Original)]
        format: Form,
        /// Encrypt everything for the holder of this Crypt4GH public key; may be repeated. Nothing is
        /// written in the clear then
        #[arg(long = "recipient", value_name = "FILE")]
        recipients: Vec<PathBuf>,
        /// Open tables too that are far longer than the manifest declares: they may fill the disk
        #[arg(long)]
        any_length: bool,
        /// Where to fetch from
        #[command(flatten)]
        from: fetch::FetchFrom,
    },
    /// Get the price back for a dataset that is not what was listed
    #[command(
        after_help = "Examples:\n  galen deal dispute 0\n  galen deal dispute 0 --segment 12"
    )]
    Dispute {
        /// The deal: its index or id
        deal: String,
        /// The bad segment, if it is known; it is looked for if not
        #[arg(long)]
        segment: Option<u64>,
        /// Where to fetch from
        #[command(flatten)]
        from: fetch::FetchFrom,
    },
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wallet, the credential, the package or the ledger's answer.
pub fn run(context: &Context, command: Deal) -> Result<(), Failure> {
    let store = DealStore::of(&context.home);
    match command {
        Deal::List => list(context, &store),
        Deal::Request { dataset, purpose, declared, tier, seats, credential, account } => {
            let tier = (tier.as_deref(), seats);
            request(context, &store, &dataset, (purpose, declared), tier, credential, account)
        }
        Deal::Recover(command) => recover::run(context, &store, &command),
        Deal::Review(command) => review::run(context, &command),
        Deal::Status { deal } => {
            let record = store.find(&deal)?;
            let view = Session::open(context)?.client().deal(&record.deal)?;
            context
                .output
                .data(&json!({ "record": record, "ledger": view }), || described(&record, &view))
        }
        Deal::Receipt { deal, out } => receipt::receipt(context, &store, &deal, out.as_deref()),
        Deal::Fetch { deal, out, from } => {
            let mut record = store.find(&deal)?;
            let session = Session::open(context)?;
            let target =
                out.unwrap_or_else(|| store.downloads().join(record.listing.package.to_string()));
            let (folder, got) = fetched(context, &session, &store, &mut record, &from, target)?;
            let value = json!({
                "deal": record.deal,
                "folder": folder.path(),
                "segments": folder.layout().segments(),
                "fetch": got,
            });
            context.output.data(&value, || {
                let done = fetch::described(folder.path(), &got);
                format!("{done}\nNext: galen deal ready {}", record.index)
            })
        }
        Deal::Ready { deal } => {
            let record = store.find(&deal)?;
            let session = Session::open(context)?;
            if record.folder.is_none() && !context.yes {
                context.confirm(
                    "The package was not fetched for this deal. If it cannot be had later, the price is lost. Ready all the same?",
                )?;
            }
            let wallet = context.wallet()?;
            let done = if purchase::asks_again(&session, &record)? {
                // The ledger matched this deal: the licence is signed now, and not before.
                let held = held(context, &session, None)?;
                agreed(
                    context,
                    &session,
                    &session.client().listing(&record.listing)?.summary,
                    None,
                )?;
                let prover = operation::prover()?;
                purchase::ready(&session, &wallet, &record, Some((&prover, &held)))?
            } else {
                purchase::ready(&session, &wallet, &record, None)?
            };
            context.output.data(&done, || done.sentence("ready"))
        }
        Deal::Decrypt { deal, out, format, recipients, any_length, from } => {
            // What is wrong with a key is said before anything is fetched.
            let output = output(format, &recipients, any_length)?;
            let mut record = store.find(&deal)?;
            let session = Session::open(context)?;
            let wallet = context.wallet()?;
            let prover = operation::prover()?;
            let target = package_path(&store, &record);
            let (folder, _) = fetched(context, &session, &store, &mut record, &from, target)?;
            let bar = context.output.progress("opening", folder.layout().segments());
            let report = |at: Progress| bar.set_position(at.done);
            let opened = receive::decrypt(
                &session,
                &wallet,
                &record,
                &prover,
                &folder,
                (&out, &output),
                &report,
            )?;
            bar.finish_and_clear();
            for found in &opened.formulas {
                context.output.warn(formula_notice(found, format));
            }
            let warnings: Vec<_> = opened.warnings.iter().map(ToString::to_string).collect();
            for warning in &warnings {
                context.output.warn(format!(
                    "the institution's own statement is false, and no dispute answers it: {}",
                    printable(warning)
                ));
            }
            let shown: Vec<_> =
                opened.files.iter().map(|path| path.display().to_string()).collect();
            context
                .output
                .data(
                    &json!({
                        "deal": record.deal,
                        "files": shown,
                        "description": opened.description.display().to_string(),
                        "warnings": warnings,
                        "formulas": opened.formulas.iter().map(|found| json!({ "path": found.path, "column": found.column, "cells": found.cells })).collect::<Vec<_>>(),
                    }),
                    || shown.join("\n"),
                )
        }
        Deal::Dispute { deal, segment, from } => dispute(context, &store, &deal, segment, &from),
    }
}

/// The form of the output, with the keys it is for.
fn output(format: Form, recipients: &[PathBuf], any_length: bool) -> Result<Output, Failure> {
    let recipients = recipients.iter().map(|path| crypt4gh::recipient(path));
    Ok(Output {
        format: match format {
            Form::Original => Format::Original,
            Form::Csv => Format::Csv,
            Form::Parquet => Format::Parquet,
            Form::Arrow => Format::Arrow,
        },
        recipients: recipients.collect::<Result<_, _>>()?,
        any_length,
    })
}

fn formula_notice(found: &Formulas, format: Form) -> String {
    let (cells, column) = (found.cells, crate::output::printable(&found.column));
    let path = crate::output::printable(&found.path);
    match format {
        Form::Csv => format!(
            "{cells} cells of column {column} of {path} begin like formulas; each got an apostrophe before it"
        ),
        _ => format!(
            "{cells} cells of column {column} of {path} begin like formulas, which a spreadsheet would compute: open it in no spreadsheet, or use --format csv"
        ),
    }
}

fn package_path(store: &DealStore, record: &DealRecord) -> PathBuf {
    record
        .folder
        .clone()
        .unwrap_or_else(|| store.downloads().join(record.listing.package.to_string()))
}

/// The package of a deal in a folder, which the deal then remembers.
fn fetched(
    context: &Context,
    session: &Session,
    store: &DealStore,
    record: &mut DealRecord,
    from: &fetch::FetchFrom,
    target: PathBuf,
) -> Result<(PackageFolder, Fetched), Failure> {
    let (folder, fetched) = fetch::fetch(context, session, &record.listing, from, &target)?;
    let path = std::fs::canonicalize(&target).map_err(|error| Failure::file(&target, &error))?;
    if record.folder.as_ref() != Some(&path) {
        record.folder = Some(path);
        store.update(record)?;
    }
    Ok((folder, fetched))
}

fn request(
    context: &Context,
    store: &DealStore,
    dataset: &str,
    (kind, declared): (Kind, Declared),
    (tier, seats): (Option<&str>, Option<u32>),
    credential: Option<PathBuf>,
    account: u32,
) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let named: ListingId = listing::named(&session, dataset)?;
    let listed = session.client().listing(&named)?;
    let purpose = declared.purpose(kind, &listed.summary.offer.terms)?;
    let held = held(context, &session, credential.as_deref())?;
    let offer = &listed.summary.offer;
    let chosen = tier::choose(offer, &purpose, tier, seats)?;
    agreed(context, &session, &listed.summary, Some(&chosen))?;
    let agreement = chosen.tier.agreement(&offer.terms);
    let prover = operation::prover()?;
    let payer = wallet.account(Role::Researcher, account);
    let purchase = Purchase {
        listing: named,
        purpose,
        tier,
        seats,
        agreement,
        payer: &payer,
        credential: &held,
        ready: false,
    };
    let spinner = context.output.spinner("proving that your credential is good, not whose it is");
    let (record, done) = purchase::request(&session, &wallet, store, &prover, &purchase)?;
    spinner.finish_and_clear();
    if session.is_forgeable() {
        context.output.note(operation::FORGEABLE_NOTICE);
    }
    context.output.data(
        &json!({ "deal": record.deal, "index": record.index, "done": done }),
        || {
            let next = if done.is_dry_run() {
                String::new()
            } else {
                format!(
                    "\ndeal {} (index {}). Next: galen deal fetch {}",
                    record.deal, record.index, record.index
                )
            };
            done.sentence("requested") + &next
        },
    )
}

/// Shows the licence, and what is paid if that is not settled yet, and asks whether both are accepted:
/// what is signed includes their hash.
fn agreed(
    context: &Context,
    session: &Session,
    listed: &ListingSummary,
    chosen: Option<&Chosen>,
) -> Result<(), Failure> {
    let hash = listed.offer.terms.licence_text;
    let text = licence::fetch(session, &hash)?;
    context
        .output
        .note(format!("The licence, SHA-256 {hash}:\n\n{}", super::licence::lines(&text)));
    if !context.dry_run {
        let pays = chosen.map(|Chosen { tier, seats, price }| {
            let users = if *seats == 1 {
                "one named user".to_owned()
            } else {
                format!("{seats} named users")
            };
            format!(" and puts aside {price} for tier `{}`, {users}", printable(tier.name.as_str()))
        });
        let pays = pays.unwrap_or_default();
        context.confirm(&format!("Your request signs this licence{pays}. Accept it?"))?;
    }
    Ok(())
}

/// The credential of a file, or the only one that is kept for the ledger.
pub(crate) fn held(
    context: &Context,
    session: &Session,
    path: Option<&Path>,
) -> Result<Credential, Failure> {
    if let Some(path) = path {
        return credential::credential_file(path);
    }
    let mut kept = credential::kept(&context.home, session.chain())?;
    let folder = credential::folder(&context.home).display().to_string();
    match (kept.pop(), kept.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::usage(format!("{folder} holds more than one credential"))
            .remedy("name one with --credential")),
        (None, _) => Err(Failure::new(
            Exit::RefusedPurchase,
            "credential.missing",
            format!("{folder} holds no credential for this ledger"),
        )
        .remedy("apply for one with `galen issuer apply`, and keep what the issuer sends back")),
    }
}

fn dispute(
    context: &Context,
    store: &DealStore,
    deal: &str,
    segment: Option<u64>,
    from: &fetch::FetchFrom,
) -> Result<(), Failure> {
    let mut record = store.find(deal)?;
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let prover = operation::prover()?;
    let target = package_path(store, &record);
    let (folder, _) = fetched(context, &session, store, &mut record, from, target)?;
    let segment = match segment {
        Some(segment) => segment,
        None => {
            let bar = context.output.progress("looking for the fault", folder.layout().segments());
            let report = |at: Progress| bar.set_position(at.done);
            let found = receive::find_fault(&session, &wallet, &record, &prover, &folder, &report)?;
            bar.finish_and_clear();
            found.ok_or_else(|| {
                Failure::new(
                    Exit::RefusedByLedger,
                    "dispute.unfounded",
                    "every segment is what was listed; there is nothing to dispute",
                )
                .remedy("open the dataset with `galen deal decrypt`")
            })?
        }
    };
    let done = receive::dispute(&session, &wallet, &record, &prover, &folder, segment)?;
    context.output.data(&json!({ "segment": segment, "done": done }), || {
        done.sentence(&format!("dispute about segment {segment}"))
    })
}

fn list(context: &Context, store: &DealStore) -> Result<(), Failure> {
    let records = store.all()?;
    context.output.data(&records, || {
        table(
            ["index", "deal", "dataset", "price", "fetched"],
            records.iter().map(|record| {
                [
                    record.index.to_string(),
                    record.deal.to_string(),
                    record.listing.package.to_string(),
                    record.price.to_string(),
                    if record.folder.is_some() { "yes" } else { "no" }.to_owned(),
                ]
            }),
        )
    })
}

/// Where a deal stands, in words.
pub(crate) fn described(record: &DealRecord, view: &DealView) -> String {
    use galen_market::deal::Stage;
    let deal = &view.deal;
    let mut lines = vec![
        format!("deal       {} (index {})", deal.id, record.index),
        format!("dataset    {}", deal.listing.package),
        format!(
            "price      {} (tier {}, {} seats)",
            deal.price,
            printable(deal.tier.as_str()),
            deal.seats
        ),
        format!("state      {}", deal.stage),
    ];
    if let Some(left) = view.remaining_ms {
        lines.push(format!("time left  {} s of the ledger's up-time", left / 1000));
    }
    if let Some(why) = &deal.termination {
        lines.push(format!("why        {}", purchase::ended(why)));
    }
    if let Some(licence) = &view.licence {
        lines.push(format!(
            "licence    {}",
            if licence.revoked_ms.is_some() {
                "revoked: the price was paid back"
            } else {
                "active"
            }
        ));
    }
    lines.push(format!(
        "next       {}",
        match deal.stage {
            Stage::Requested => "the institution reviews the request; if it is late, the price comes back",
            Stage::Agreed => "fetch the package, then say that you are ready",
            Stage::Ready => "the institution delivers the key; if it is late, the price comes back with a compensation",
            Stage::Verified => "open the dataset; what is not as listed can be disputed until the time is over",
            Stage::Finalized => "nothing: the institution was paid, and the licence is yours",
            Stage::Terminated => "nothing: the price was paid back",
        }
    ));
    lines.join("\n")
}
