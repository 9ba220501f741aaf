//! `galen subscription`: later versions of what was bought in a tier that includes them.

use std::path::PathBuf;

use clap::Subcommand;
use galen_api::SubscriptionView;
use serde_json::json;

use super::deal::held;
use crate::config::Context;
use crate::error::Failure;
use crate::operation::purchase::DealStore;
use crate::operation::{self, purchase, subscription};
use crate::output::{printable, table};
use crate::session::Session;
use crate::wallet::Role;

/// Verbs of `galen subscription`.
#[derive(Subcommand, Debug)]
pub enum Subscription {
    /// List your deals that began a subscription
    #[command(after_help = "Example:\n  galen subscription list")]
    List,
    /// Show what is paid for, what is left, and which versions can be claimed
    #[command(
        after_help = "Examples:\n  galen subscription show 0\n  galen subscription show 0 --json"
    )]
    Show {
        /// The deal that began it: its index or id
        deal: String,
    },
    /// Claim a later version: a deal at no price, to be fetched and opened like any other
    #[command(
        after_help = "Examples:\n  galen subscription claim 0\n  galen subscription claim 0 --package 3f9a12 --account 2\n  galen subscription claim 0 --dry-run"
    )]
    Claim {
        /// The deal that began it: its index or id
        deal: String,
        /// The version: its package id, or the first digits of it [default: the newest]
        #[arg(long)]
        package: Option<String>,
        /// Which of the wallet's researcher accounts pays fee and fee allowance
        #[arg(long, default_value_t = 0)]
        account: u32,
    },
    /// Pay for a further term, which begins where the last one ends
    #[command(
        after_help = "Examples:\n  galen subscription renew 0\n  galen subscription renew 0 --tier academic --dry-run"
    )]
    Renew {
        /// The deal that began it: its index or id
        deal: String,
        /// The name of the tier in the newest version's offer [default: the tier of the last term]
        #[arg(long)]
        tier: Option<String>,
        /// The credential's file [default: the only one in the home directory]
        #[arg(long, value_name = "FILE")]
        credential: Option<PathBuf>,
        /// Which of the wallet's researcher accounts pays
        #[arg(long, default_value_t = 0)]
        account: u32,
    },
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wallet, the credential or the ledger's answer.
pub fn run(context: &Context, command: Subscription) -> Result<(), Failure> {
    let store = DealStore::of(&context.home);
    match command {
        Subscription::List => {
            let session = Session::open(context)?;
            let found = subscription::all(&session, &store)?;
            let shown: Vec<_> = found.iter().map(|(_, view)| view).collect();
            context.output.data(&shown, || {
                if found.is_empty() {
                    return "No deal of yours began a subscription.\n".to_owned();
                }
                table(
                    ["index", "dataset", "state", "months left", "in escrow"],
                    found.iter().map(|(record, view)| {
                        [
                            record.index.to_string(),
                            record.listing.package.to_string(),
                            state(view),
                            months(view).to_string(),
                            view.left.to_string(),
                        ]
                    }),
                )
            })
        }
        Subscription::Show { deal } => {
            let record = store.find(&deal)?;
            let view = Session::open(context)?.client().subscription(&record.deal)?;
            context.output.data(&view, || described(&view, record.index))
        }
        Subscription::Claim { deal, package, account } => {
            let record = store.find(&deal)?;
            let session = Session::open(context)?;
            let wallet = context.wallet()?;
            let package = match package {
                Some(named) => Some(operation::listing::named(&session, &named)?.package),
                None => None,
            };
            let payer = wallet.account(Role::Researcher, account);
            let (claim, done) =
                subscription::claim(&session, &wallet, &store, &record, package, &payer)?;
            context.output.data(
                &json!({ "deal": claim.deal, "index": claim.index, "done": done }),
                || {
                    let next = if done.is_dry_run() {
                        String::new()
                    } else {
                        let (deal, index) = (claim.deal, claim.index);
                        format!("\ndeal {deal} (index {index}). Next: galen deal fetch {index}")
                    };
                    done.sentence(&format!("version {} claimed", claim.listing.package)) + &next
                },
            )
        }
        Subscription::Renew { deal, tier, credential, account } => {
            let record = store.find(&deal)?;
            let session = Session::open(context)?;
            let wallet = context.wallet()?;
            let held = held(context, &session, credential.as_deref())?;
            let prover = operation::prover()?;
            let payer = wallet.account(Role::Researcher, account);
            let spinner =
                context.output.spinner("proving that your credential is good, not whose it is");
            let buyer = purchase::Buyer {
                session: &session,
                wallet: &wallet,
                prover: &prover,
                credential: &held,
                payer: &payer,
            };
            let (price, done) = subscription::renew(&buyer, &record, tier.as_deref())?;
            spinner.finish_and_clear();
            if session.is_forgeable() {
                context.output.note(operation::FORGEABLE_NOTICE);
            }
            context.output.data(&json!({ "price": price, "done": done }), || {
                done.sentence(&format!("renewed for {price}"))
            })
        }
    }
}

fn months(view: &SubscriptionView) -> u32 {
    view.subscription.terms.iter().fold(0u32, |sum, term| sum.saturating_add(term.months))
}

fn state(view: &SubscriptionView) -> String {
    use galen_market::deal::Ending;
    match view.subscription.ended {
        None => "running".to_owned(),
        Some(Ending::Expired) => "ended: all months are over".to_owned(),
        Some(Ending::NotServed) => {
            "ended: the institution took no requests; the rest was paid back".to_owned()
        }
        Some(Ending::Denied { deal }) => {
            format!("ended: claim {deal} found no bond and was not served; the rest was paid back")
        }
        Some(Ending::Failed { deal }) => {
            format!("ended: claim {deal} was not delivered as listed; the rest was paid back")
        }
    }
}

fn described(view: &SubscriptionView, index: u32) -> String {
    let subscription = &view.subscription;
    let mut lines = vec![
        format!("subscription  {} (index {index})", subscription.id),
        format!("dataset       {}", subscription.listing.package),
        format!("state         {}", state(view)),
        format!("in escrow     {}", view.left),
    ];
    if let Some(left) = view.month_left_ms {
        lines.push(format!("month ends    in {} s of the ledger's up-time", left / 1000));
    }
    if let Some(deal) = subscription.denied {
        lines.push(format!(
            "denied        claim {deal}: claim again, or the rest returns when the month ends"
        ));
    }
    for term in &subscription.terms {
        lines.push(format!(
            "term          {} months left, {} of {} not paid out, tier {}",
            term.months,
            term.left,
            term.price,
            printable(term.tier.as_str())
        ));
    }
    for claimed in &view.claims {
        let (package, deal) = (claimed.package, claimed.claim.deal);
        lines.push(format!("claimed       {package} by deal {deal} ({})", claimed.stage));
    }
    if view.newest.package != subscription.listing.package {
        lines.push(format!("newest        {}", view.newest.package));
    }
    lines.join("\n")
}
