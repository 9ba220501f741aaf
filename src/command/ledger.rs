//! `galen ledger`: a party's own statement, and headers to trust later.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use galen_market::id::AccountId;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::purchase::DealStore;
use crate::operation::statement::{Party, Period, Statement, statement};
use crate::operation::{genesis, light};
use crate::output::table;
use crate::session::{Session, account_of};
use crate::wallet::{Role, file};

/// How a statement is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Comma-separated values, for spreadsheets
    Csv,
    /// JSON
    Json,
}

/// Verbs of `galen ledger`.
#[derive(Subcommand, Debug)]
pub enum Ledger {
    /// Write every movement of a party's money, reconciled with the ledger's state
    ///
    /// A statement of a researcher joins the deals of this home directory: what they hold counts as
    /// yours. The node then sees that these accounts and deals belong together; ask a node of your own
    /// if that matters.
    #[command(
        after_help = "Examples:\n  galen ledger export --role institution --out october.csv --from-block 1200 --until-block 4100\n  galen ledger export --role researcher --index 0 --index 1 --format json\n  galen ledger export --account 5f…c2 --genesis genesis.json"
    )]
    Export(Export),
    /// Write a header to trust later, for checking licences and proofs offline
    #[command(
        after_help = "Examples:\n  galen ledger header --out trusted.json\n  galen ledger header --height 1200 --out trusted.json"
    )]
    Header {
        /// Which block [default: the node's last]
        #[arg(long)]
        height: Option<u64>,
        /// The new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Arguments of `export`.
#[derive(clap::Args, Debug)]
pub struct Export {
    /// Which of the wallet's roles
    #[arg(long, default_value = "researcher")]
    role: Role,
    /// Which of the role's accounts; may be given several times
    #[arg(long, default_values_t = [0])]
    index: Vec<u32>,
    /// An account by its name, instead of the wallet's; may be given several times
    #[arg(long, conflicts_with_all = ["role", "index"])]
    account: Vec<AccountId>,
    /// The first block
    #[arg(long, value_name = "HEIGHT", default_value_t = 0)]
    from_block: u64,
    /// The last block [default: the node's last]
    #[arg(long, value_name = "HEIGHT")]
    until_block: Option<u64>,
    /// How it is written
    #[arg(long, default_value = "csv")]
    format: Format,
    /// A genesis of your own, from which the node's proofs are checked [default: the node's]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// The new file [default: a summary on the screen]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs a verb.
///
/// # Errors
/// When the statement does not reconcile, or what is wrong with the wallet, the node or a file.
pub fn run(context: &Context, command: Ledger) -> Result<(), Failure> {
    match command {
        Ledger::Export(command) => export(context, &command),
        Ledger::Header { height, out } => {
            let trusted = light::trusted_header(&Session::open(context)?, height)?;
            let (height, id) = (trusted.block.header.height, trusted.block.header.id());
            write_json(context, &out, &trusted)?;
            let value = serde_json::json!({ "height": height, "block": id, "file": out });
            context.output.data(&value, || {
                format!(
                    "{}: block {height}, {id}. Compare the name with another node before you rely on it.",
                    out.display()
                )
            })
        }
    }
}

/// Writes a value into a new file, unless nothing is to be written.
pub(super) fn write_json<T: serde::Serialize>(
    context: &Context,
    path: &Path,
    value: &T,
) -> Result<(), Failure> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::new(crate::error::Exit::Failure, "output.json", error.to_string())
    })?;
    bytes.push(b'\n');
    write(context, path, &bytes)
}

fn write(context: &Context, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if context.dry_run {
        return Ok(());
    }
    file::create(path, bytes).map_err(|error| Failure::file(path, &error))
}

fn party(context: &Context, command: &Export) -> Result<Party, Failure> {
    if !command.account.is_empty() {
        let accounts = command.account.iter().copied().collect();
        return Ok(Party { accounts, ..Party::default() });
    }
    let wallet = context.wallet()?;
    let mut party = Party::default();
    for index in &command.index {
        party.accounts.insert(account_of(&wallet.account(command.role, *index)));
    }
    if command.role == Role::Researcher {
        for record in DealStore::of(&context.home).all()? {
            party.accounts.insert(account_of(&wallet.deal(record.index).refund));
            party.deals.insert(record.deal);
        }
    }
    Ok(party)
}

fn export(context: &Context, command: &Export) -> Result<(), Failure> {
    let party = party(context, command)?;
    let session = Session::open(context)?;
    let own = command.genesis.as_deref().map(genesis::read_file).transpose()?;
    let genesis = own.as_ref().unwrap_or_else(|| session.genesis());
    let period = Period { from: command.from_block, until: command.until_block };
    let statement = statement(&session, genesis, party, period)?;
    match (&command.out, command.format) {
        (None, _) => context.output.data(&statement, || shown(&statement)),
        (Some(path), format) => {
            match format {
                Format::Csv => write(context, path, &statement.csv()?)?,
                Format::Json => write_json(context, path, &statement)?,
            }
            let value = serde_json::json!({
                "file": path, "lines": statement.lines.len(), "reconciled": statement.reconciled,
                "from": statement.from, "until": statement.until, "written": !context.dry_run,
            });
            context
                .output
                .data(&value, || format!("{}: {}", path.display(), reconciled(&statement)))
        }
    }
}

fn reconciled(statement: &Statement) -> String {
    format!(
        "{} movements in blocks {} to {}. {} balances compared with the state up to block {}: every difference is 0.",
        statement.lines.len(),
        statement.from,
        statement.until,
        statement.reconciled,
        statement.proven_at
    )
}

fn shown(statement: &Statement) -> String {
    let lines = statement.lines.iter().map(|line| {
        let signed = if line.paid.is_zero() {
            format!("+{}", line.received)
        } else {
            format!("-{}", line.paid)
        };
        [
            line.block.to_string(),
            galen_api::story::instant(line.time_ms),
            line.reason.to_owned(),
            signed,
            line.balance.to_string(),
            line.asset.to_string(),
            line.purse.to_string(),
            line.counterparty_name.clone().unwrap_or_default(),
        ]
    });
    let balances = statement.balances.iter().map(|balance| {
        [
            balance.purse.to_string(),
            balance.asset.to_string(),
            balance.opening.to_string(),
            balance.received.to_string(),
            balance.paid.to_string(),
            balance.closing.to_string(),
        ]
    });
    format!(
        "{}\n\n{}\n\n{}\n",
        table(["block", "time", "why", "amount", "balance", "of", "purse", "other party"], lines),
        table(["purse", "of", "opening", "received", "paid", "closing"], balances),
        reconciled(statement)
    )
}
