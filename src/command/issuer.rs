//! `galen issuer`: vouching for researchers. `apply` and `accept` are the researcher's side.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use galen_market::id::{AccountId, Digest};
use galen_zk::circuit::credential::Country;
use galen_zk::field::Scalar;
use serde_json::json;
use sha2::Digest as _;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::credential::{self, Position, Register, Wish};
use crate::output::table;
use crate::session::{Session, account_of};
use crate::wallet::{Role, file};

const MAX_EVIDENCE_BYTES: u64 = 256 << 20;

/// Verbs of `galen issuer`.
#[derive(Subcommand, Debug)]
pub enum Issuer {
    /// As a researcher: write an application to an issuer
    #[command(
        after_help = "Example:\n  galen issuer apply --issuer 9a…01 --institution 'Example University' --country DE --purpose general,health,nonprofit --approval EK-2025-17 --evidence approval.pdf --expiry 2027-12-31 --out application.json"
    )]
    Apply(Apply),
    /// Approve an application: put its leaf into the tree and write the credential
    #[command(
        after_help = "Example:\n  galen issuer approve application.json --out credential.json"
    )]
    Approve {
        /// The application
        application: PathBuf,
        /// New file for the credential, to be given to the researcher
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Which of the wallet's issuers
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Refuse an application; it is noted in the issuer's register
    #[command(
        after_help = "Example:\n  galen issuer refuse application.json --reason 'the ethics approval has expired'"
    )]
    Refuse {
        /// The application
        application: PathBuf,
        /// Why
        #[arg(long)]
        reason: String,
        /// Which of the wallet's issuers
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Mark credentials for revocation at the ledger's next epoch
    #[command(after_help = "Example:\n  galen issuer revoke --place 3 --place 8")]
    Revoke {
        /// Places in the tree, as `list` shows them
        #[arg(long = "place", required = true)]
        places: Vec<u64>,
        /// Which of the wallet's issuers
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// List issuers, or with --register the decisions of this one
    #[command(after_help = "Examples:\n  galen issuer list\n  galen issuer list --register --json")]
    List {
        /// The private register of the wallet's issuer
        #[arg(long)]
        register: bool,
        /// Which of the wallet's issuers
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// As a researcher: make a lost credential again from an application that says the same as the first
    #[command(
        after_help = "Example:\n  galen issuer recover application.json\n\nWrite the application with `galen issuer apply`, every field but the evidence as it was. The issuer can also give the file again: galen issuer approve application.json --out credential.json"
    )]
    Recover {
        /// The application
        application: PathBuf,
    },
    /// As a researcher: check a credential and keep it
    #[command(after_help = "Example:\n  galen issuer accept credential.json")]
    Accept {
        /// The credential that the issuer wrote
        credential: PathBuf,
    },
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub struct Apply {
    /// The issuer's account
    #[arg(long)]
    issuer: AccountId,
    /// Position
    #[arg(long, default_value = "researcher")]
    position: Position,
    /// Where you work
    #[arg(long)]
    institution: String,
    /// Country of work, two capital letters
    #[arg(long, value_parser = country)]
    country: Country,
    /// general, health, disease, ancestry, clinical_care, nonprofit; apart by commas
    #[arg(long = "purpose", value_delimiter = ',', required = true)]
    purposes: Vec<String>,
    /// Number of the ethics approval, if you have one: some terms ask for it
    #[arg(long)]
    approval: Option<String>,
    /// Evidence that goes with the application; its SHA-256 stands in it
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// First day on which the credential is no longer good
    #[arg(long, value_name = "YYYY-MM-DD")]
    expiry: String,
    /// New file for the application
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn country(text: &str) -> Result<Country, String> {
    Country::new(text).ok_or_else(|| "use two capital letters, as in DE".to_owned())
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with a file, the wallet, the node or the transaction.
pub fn run(context: &Context, command: Issuer) -> Result<(), Failure> {
    match command {
        Issuer::Apply(command) => apply(context, command),
        Issuer::Approve { application, out, index } => {
            let application = credential::application_file(&application)?;
            crate::operation::prepare::refuse_existing(&out)?;
            let key = context.wallet()?.account(Role::Issuer, index);
            let session = Session::open(context)?;
            let mut register = Register::open(&context.home, &account_of(&key))?;
            let (done, made) = credential::approve(&session, &key, &application, &mut register)?;
            if let Some(made) = &made {
                credential::write_json(&out, made, false)?;
            }
            let value = json!({ "done": done, "credential": made, "file": made.is_some().then(|| out.display().to_string()) });
            context.output.data(&value, || match (&made, &done) {
                (Some(made), _) => format!(
                    "Approved for {}: place {}. Give {} to the researcher; it is worthless without the researcher's wallet.",
                    credential::purpose_words(made.attributes.purposes),
                    made.place,
                    out.display()
                ),
                (None, Some(done)) => done.sentence("Credential"),
                (None, None) => "The credential is in the tree already. Nothing was written.".to_owned(),
            })
        }
        Issuer::Refuse { application, reason, index } => {
            let application = credential::application_file(&application)?;
            let key = context.wallet()?.account(Role::Issuer, index);
            let mut register = Register::open(&context.home, &account_of(&key))?;
            if !context.dry_run {
                credential::refuse(&mut register, &application, &reason)?;
            }
            let value = json!({ "holder": application.holder, "refused": reason, "written": !context.dry_run });
            context.output.data(&value, || format!("Refused: {reason}"))
        }
        Issuer::Revoke { places, index } => {
            let key = context.wallet()?.account(Role::Issuer, index);
            let session = Session::open(context)?;
            let action = credential::revoke(account_of(&key), places.clone())?;
            if !context.dry_run {
                context.confirm("Revoked credentials cannot be brought back. Revoke them?")?;
            }
            let done = session.transact(vec![action], &[&key])?;
            context
                .output
                .data(&done, || done.sentence(&format!("{} marked for revocation", places.len())))
        }
        Issuer::List { register: false, .. } => {
            let issuers = Session::open(context)?.client().issuers()?;
            context.output.data(&issuers, || {
                let rows = issuers.iter().map(|view| {
                    [
                        view.party.name.as_str().to_owned(),
                        format!("{:?}", view.party.standing).to_lowercase(),
                        view.tree.live.to_string(),
                        view.account.to_string(),
                    ]
                });
                table(["issuer", "standing", "live credentials", "account"], rows)
            })
        }
        Issuer::List { register: true, index } => list_register(context, index),
        Issuer::Recover { application } => {
            let application = credential::application_file(&application)?;
            let wallet = context.wallet()?;
            let session = Session::open(context)?;
            let found = credential::recover(&session, &wallet, &application)?;
            kept(context, &found)
        }
        Issuer::Accept { credential: path } => {
            let found = credential::credential_file(&path)?;
            let wallet = context.wallet()?;
            let session = Session::open(context)?;
            credential::check(&session, &wallet, &found)?;
            kept(context, &found)
        }
    }
}

/// Keeps a credential that was checked.
fn kept(context: &Context, found: &credential::Credential) -> Result<(), Failure> {
    let kept = if context.dry_run { None } else { Some(credential::keep(&context.home, found)?) };
    let value = json!({ "credential": found, "file": kept });
    context.output.data(&value, || {
        format!(
            "Good until {}, for {}.",
            credential::day_text(found.attributes.expiry),
            credential::purpose_words(found.attributes.purposes)
        )
    })
}

fn apply(context: &Context, command: Apply) -> Result<(), Failure> {
    let Apply { issuer, position, institution, country, purposes, approval, evidence, expiry, out } =
        command;
    let bytes = file::read_bounded(&evidence, MAX_EVIDENCE_BYTES)
        .map_err(|error| Failure::file(&evidence, &error))?;
    if bytes.is_empty() {
        return Err(Failure::input(&evidence, "the evidence is empty"));
    }
    let evidence = Digest(sha2::Sha256::digest(&bytes).into());
    let wallet = context.wallet()?;
    let session = Session::open(context)?;
    let wish = Wish { position, institution, country, purposes, approval, expiry, evidence };
    let application = credential::apply(&wallet, session.chain(), issuer, wish)?;
    if !context.dry_run {
        credential::write_json(&out, &application, false)?;
    }
    context.output.data(&application, || {
        format!(
            "{}\nSend it to the issuer together with the evidence, over a channel that both of you trust.",
            out.display()
        )
    })
}

fn list_register(context: &Context, index: u32) -> Result<(), Failure> {
    let key = context.wallet()?.account(Role::Issuer, index);
    let session = Session::open(context)?;
    let issuer = account_of(&key);
    let register = Register::open(&context.home, &issuer)?;
    let (_, leaves) = session.client().leaves(&issuer)?;
    let standing = |leaf: &Option<Scalar>, refused: &Option<String>| match (leaf, refused) {
        (_, Some(reason)) => format!("refused: {reason}"),
        (Some(leaf), None) if leaves.contains(leaf) => "live".to_owned(),
        (Some(_), None) => "revoked".to_owned(),
        (None, None) => "open".to_owned(),
    };
    let rows: Vec<[String; 4]> = register
        .entries
        .iter()
        .map(|entry| {
            [
                entry.place.map(|place| place.to_string()).unwrap_or_default(),
                standing(&entry.leaf, &entry.refused),
                entry.application.institution.clone(),
                entry.application.approval.clone().unwrap_or_default(),
            ]
        })
        .collect();
    context
        .output
        .data(&register.entries, || table(["place", "standing", "institution", "approval"], rows))
}
