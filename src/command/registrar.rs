//! `galen registrar`: admits and suspends parties, takes listings down. Where several registrars must
//! sign, `admit`, `suspend` and `takedown` write a file, `sign` adds a signature to it, and `send` sends it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use galen_market::action::{Action, Admission};
use galen_market::amount::Currency;
use galen_market::id::{AccountId, Digest};
use galen_market::role::Role as PartyRole;
use serde_json::json;
use sha2::Digest as _;

use super::account::party_role;
use crate::config::Context;
use crate::error::Failure;
use crate::operation::{authority, listing};
use crate::output::table;
use crate::session::Session;
use crate::wallet::Role;
use crate::wallet::file;

const MAX_EVIDENCE_BYTES: u64 = 256 << 20;

/// Verbs of `galen registrar`.
#[derive(Subcommand, Debug)]
pub enum Registrar {
    /// Admit an institution, an issuer or a gateway
    #[command(
        after_help = "Examples:\n  galen registrar admit --account 5f…c2 --role institution --name 'Example Hospital' --evidence contract.pdf\n  galen registrar admit --account 9a…01 --role gateway --currency EUR --name 'A Bank' --evidence bank.pdf --out admit.json"
    )]
    Admit {
        /// The party's account
        #[arg(long)]
        account: AccountId,
        /// What it is admitted as: institution, issuer or gateway
        #[arg(long, value_parser = party_role)]
        role: PartyRole,
        /// Its name, for people
        #[arg(long)]
        name: String,
        /// Where people find it
        #[arg(long, default_value = "")]
        url: String,
        /// A gateway's currency
        #[arg(long)]
        currency: Option<Currency>,
        /// How it is authorised
        #[command(flatten)]
        together: Together,
    },
    /// Suspend a party in a role
    #[command(
        after_help = "Example:\n  galen registrar suspend --account 5f…c2 --role institution --evidence report.pdf"
    )]
    Suspend {
        /// The party's account
        #[arg(long)]
        account: AccountId,
        /// In which role
        #[arg(long, value_parser = party_role)]
        role: PartyRole,
        /// How it is authorised
        #[command(flatten)]
        together: Together,
    },
    /// Take a listing down for good: requests and deals that are not ready end with a refund, deals that
    /// are ready go on
    #[command(
        after_help = "Example:\n  galen registrar takedown 3f9a12 --reason 'Consent was withdrawn' --evidence order.pdf"
    )]
    Takedown {
        /// The dataset: its package id, or the first digits of it
        dataset: String,
        /// Why, for everybody
        #[arg(long)]
        reason: String,
        /// How it is authorised
        #[command(flatten)]
        together: Together,
    },
    /// Add a registrar's signature to a transaction file
    #[command(after_help = "Example:\n  galen registrar sign admit.json")]
    Sign {
        /// The file
        file: PathBuf,
        /// Which of the wallet's registrars
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Send a transaction file that has all its signatures
    #[command(
        after_help = "Examples:\n  galen registrar send admit.json\n  galen registrar send admit.json --dry-run"
    )]
    Send {
        /// The file
        file: PathBuf,
    },
    /// List the registrars and the parties that they admitted
    #[command(after_help = "Examples:\n  galen registrar list\n  galen registrar list --json")]
    List,
}

/// How the registrars act together.
#[derive(Args, Debug)]
pub struct Together {
    /// The evidence that the registrars looked at; its SHA-256 goes on the ledger
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Other registrars who will sign; may be repeated
    #[arg(long = "signer", value_name = "ACCOUNT")]
    signers: Vec<AccountId>,
    /// Write a file for the others to sign, where more than one must
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which of the wallet's registrars
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wallet, the node, a file or the transaction.
pub fn run(context: &Context, command: Registrar) -> Result<(), Failure> {
    match command {
        Registrar::Admit { account, role, name, url, currency, together } => {
            let admission = match (role, currency) {
                (PartyRole::Gateway, Some(currency)) => Admission::Gateway(currency),
                (PartyRole::Gateway, None) => {
                    return Err(Failure::usage("a gateway stands for a currency")
                        .remedy("name it with --currency"));
                }
                (_, Some(_)) => {
                    return Err(Failure::usage("only a gateway has a currency")
                        .remedy("leave --currency out"));
                }
                (PartyRole::Institution, None) => Admission::Institution,
                (PartyRole::Issuer, None) => Admission::Issuer,
            };
            let action =
                authority::admit(account, admission, &name, &url, evidence(&together.evidence)?)?;
            act(context, &together, action, &format!("{account} admitted as {role}"))
        }
        Registrar::Suspend { account, role, together } => {
            let action = authority::suspend(account, role, evidence(&together.evidence)?);
            act(context, &together, action, &format!("{account} suspended as {role}"))
        }
        Registrar::Takedown { dataset, reason, together } => {
            let id = listing::named(&Session::open(context)?, &dataset)?;
            let action = authority::take_down(&id, &reason, evidence(&together.evidence)?)?;
            act(context, &together, action, &format!("{id} taken down"))
        }
        Registrar::Sign { file, index } => {
            let session = Session::open(context)?;
            let mut transaction = authority::read(&file, &session)?;
            let key = context.wallet()?.account(Role::Registrar, index);
            let actions = serde_json::to_string_pretty(&transaction.actions).unwrap_or_default();
            context.output.note(format!("This is what would be signed:\n{actions}"));
            context.confirm("Sign it?")?;
            authority::add_signature(&mut transaction, &key)?;
            if !context.dry_run {
                authority::write(&file, &transaction, true)?;
            }
            report(context, &file, &transaction)
        }
        Registrar::Send { file } => {
            let session = Session::open(context)?;
            let transaction = authority::read(&file, &session)?;
            let done = session.finish(&transaction)?;
            context.output.data(&done, || done.sentence(&file.display().to_string()))
        }
        Registrar::List => {
            let session = Session::open(context)?;
            let registrars = session.genesis().registrars.clone();
            let mut parties = Vec::new();
            for role in [PartyRole::Institution, PartyRole::Issuer, PartyRole::Gateway] {
                parties.extend(session.client().parties(role)?);
            }
            context.output.data(&json!({ "registrars": registrars, "parties": parties }), || {
                let own: Vec<String> =
                    registrars.accounts.iter().map(ToString::to_string).collect();
                let rows = parties.iter().map(|view| {
                    [
                        view.role.to_string(),
                        view.party.name.as_str().to_owned(),
                        format!("{:?}", view.party.standing).to_lowercase(),
                        view.account.to_string(),
                    ]
                });
                format!(
                    "{} of {} registrars must sign:\n  {}\n\n{}",
                    registrars.threshold,
                    own.len(),
                    own.join("\n  "),
                    table(["role", "name", "standing", "account"], rows)
                )
            })
        }
    }
}

/// SHA-256 of the evidence.
fn evidence(path: &Path) -> Result<Digest, Failure> {
    let bytes = file::read_bounded(path, MAX_EVIDENCE_BYTES)
        .map_err(|error| Failure::file(path, &error))?;
    if bytes.is_empty() {
        return Err(Failure::input(path, "the evidence is empty"));
    }
    Ok(Digest(sha2::Sha256::digest(&bytes).into()))
}

fn act(context: &Context, together: &Together, action: Action, what: &str) -> Result<(), Failure> {
    let key = context.wallet()?.account(Role::Registrar, together.index);
    let session = Session::open(context)?;
    let signers = authority::signers(&session, &key, &together.signers)?;
    let transaction = authority::propose(&session, &key, &signers, action)?;
    if authority::is_complete(&transaction) && together.out.is_none() {
        let done = session.finish(&transaction)?;
        return context.output.data(&done, || done.sentence(what));
    }
    let Some(out) = &together.out else {
        return Err(Failure::usage(format!("{} registrars must sign this together", signers.len()))
            .remedy("write it to a file with --out, and have the others add theirs with `galen registrar sign`"));
    };
    if !context.dry_run {
        authority::write(out, &transaction, false)?;
    }
    report(context, out, &transaction)
}

fn report(
    context: &Context,
    file: &Path,
    transaction: &galen_market::transaction::Transaction,
) -> Result<(), Failure> {
    let states = authority::signatures(transaction);
    let complete = authority::is_complete(transaction);
    let value = json!({
        "file": file.display().to_string(),
        "written": !context.dry_run,
        "signatures": states,
        "complete": complete,
        "expiry_ms": transaction.expiry_ms,
    });
    context.output.data(&value, || {
        let rows = states.iter().map(|state| {
            [state.account.to_string(), if state.signed { "signed" } else { "to sign" }.to_owned()]
        });
        let next = if complete {
            "Send it with `galen registrar send`."
        } else {
            "Pass it to those who are still to sign."
        };
        format!("{}\n{}\n{next}", file.display(), table(["registrar", ""], rows))
    })
}
