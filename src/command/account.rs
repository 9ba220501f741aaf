//! `galen account`: what an account holds, and moving money.

use clap::Subcommand;
use galen_market::id::AccountId;
use galen_market::role::Role as PartyRole;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::{description::money, money as actions};
use crate::output::{printable, table};
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Verbs of `galen account`.
#[derive(Subcommand, Debug)]
pub enum Account {
    /// Show what an account holds, and what it is registered as
    #[command(
        after_help = "Examples:\n  galen account show --role institution\n  galen account show 5f…c2 --json"
    )]
    Show {
        /// The account; one of the wallet's if not given
        account: Option<AccountId>,
        /// Which of the wallet's roles
        #[arg(long, default_value = "researcher", conflicts_with = "account")]
        role: Role,
        /// Which of the role's accounts
        #[arg(long, default_value_t = 0, conflicts_with = "account")]
        index: u32,
    },
    /// Move money to another account
    #[command(after_help = "Example:\n  galen account transfer --to 5f…c2 --amount '2500 EUR'")]
    Transfer {
        /// Who receives
        #[arg(long)]
        to: AccountId,
        /// Minor units and currency: `2500 EUR` is 25.00 euros
        #[arg(long, value_name = "MONEY")]
        amount: String,
        /// Which of the wallet's roles pays
        #[arg(long, default_value = "researcher")]
        role: Role,
        /// Which of the role's accounts
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Put money into an institution's bond, or take it out
    #[command(subcommand)]
    Bond(Bond),
}

/// Verbs of `galen account bond`.
#[derive(Subcommand, Debug)]
pub enum Bond {
    /// Put money into the bond out of which buyers are compensated
    #[command(after_help = "Example:\n  galen account bond deposit --amount '100000 EUR'")]
    Deposit(BondArguments),
    /// Take money out of the free part of the bond
    #[command(
        after_help = "Example:\n  galen account bond withdraw --amount '100000 EUR' --dry-run"
    )]
    Withdraw(BondArguments),
}

/// How much, and whose.
#[derive(clap::Args, Debug)]
pub struct BondArguments {
    /// Minor units and currency
    #[arg(long, value_name = "MONEY")]
    amount: String,
    /// Which of the wallet's institutions
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wallet, the node or the transaction.
pub fn run(context: &Context, command: Account) -> Result<(), Failure> {
    match command {
        Account::Show { account, role, index } => {
            let account = match account {
                Some(account) => account,
                None => account_of(&context.wallet()?.account(role, index)),
            };
            let view = Session::open(context)?.client().account(&account)?;
            context.output.data(&view, || {
                let mut rows: Vec<[String; 3]> = Vec::new();
                let held = |kind: &str, balance: &galen_api::Balance| {
                    [kind.to_owned(), balance.amount.to_string(), balance.asset.to_string()]
                };
                rows.extend(view.balances.iter().map(|balance| held("free", balance)));
                rows.extend(view.bond.iter().map(|balance| held("bond", balance)));
                let roles: Vec<String> = view
                    .parties
                    .iter()
                    .map(|party| {
                        format!(
                            "{} ({}, {})",
                            party.role,
                            printable(party.party.name.as_str()),
                            format!("{:?}", party.party.standing).to_lowercase()
                        )
                    })
                    .collect();
                let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
                format!(
                    "{}: {roles}, next nonce {}\n{}",
                    view.account,
                    view.nonce,
                    table(["", "minor units", "of"], rows)
                )
            })
        }
        Account::Transfer { to, amount, role, index } => {
            let money = money(&amount)?;
            let key = context.wallet()?.account(role, index);
            let session = Session::open(context)?;
            session.currency(&money.currency)?;
            let done =
                session.transact(vec![actions::transfer(account_of(&key), to, &money)], &[&key])?;
            context.output.data(&done, || done.sentence(&format!("{money} to {to}")))
        }
        Account::Bond(command) => {
            let (arguments, deposit) = match command {
                Bond::Deposit(arguments) => (arguments, true),
                Bond::Withdraw(arguments) => (arguments, false),
            };
            let money = money(&arguments.amount)?;
            let key = context.wallet()?.account(Role::Institution, arguments.index);
            let session = Session::open(context)?;
            session.currency(&money.currency)?;
            let account = account_of(&key);
            let (action, what) = if deposit {
                (actions::deposit(account, money.clone()), format!("{money} into the bond"))
            } else {
                (actions::withdraw(account, money.clone()), format!("{money} out of the bond"))
            };
            let done = session.transact(vec![action], &[&key])?;
            context.output.data(&done, || done.sentence(&what))
        }
    }
}

/// The party's role by its name on the command line.
pub(crate) fn party_role(text: &str) -> Result<PartyRole, String> {
    match text {
        "institution" => Ok(PartyRole::Institution),
        "issuer" => Ok(PartyRole::Issuer),
        "gateway" => Ok(PartyRole::Gateway),
        _ => Err("use institution, issuer or gateway".to_owned()),
    }
}
