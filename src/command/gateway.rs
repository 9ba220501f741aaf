//! `galen gateway`: money of a bank in, currency on the ledger out, and back.

use clap::Subcommand;
use galen_market::id::AccountId;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::{description::money, money as actions};
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Verbs of `galen gateway`.
#[derive(Subcommand, Debug)]
pub enum Gateway {
    /// Make currency for an account, against money in the bank
    #[command(
        after_help = "Where fees are above zero, a gateway without money must mint to itself first: it pays the fee out of its own account.\n\nExample:\n  galen gateway mint --to 5f…c2 --amount '300000 EUR'"
    )]
    Mint {
        /// Who receives. The gateway learns whose account it is: it funded it
        #[arg(long)]
        to: AccountId,
        /// Minor units and currency: `300000 EUR` is 3,000.00 euros
        #[arg(long, value_name = "MONEY")]
        amount: String,
        /// Which of the wallet's gateways
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// Destroy currency out of the gateway's own account, after the bank paid it out
    #[command(after_help = "Example:\n  galen gateway burn --amount '300000 EUR'")]
    Burn {
        /// Minor units and currency
        #[arg(long, value_name = "MONEY")]
        amount: String,
        /// Which of the wallet's gateways
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the wallet, the node or the transaction.
pub fn run(context: &Context, command: Gateway) -> Result<(), Failure> {
    let (text, index) = match &command {
        Gateway::Mint { amount, index, .. } | Gateway::Burn { amount, index } => (amount, *index),
    };
    let money = money(text)?;
    let key = context.wallet()?.account(Role::Gateway, index);
    let session = Session::open(context)?;
    session.currency(&money.currency)?;
    let gateway = account_of(&key);
    let (action, what) = match command {
        Gateway::Mint { to, .. } => {
            (actions::mint(gateway, to, money.clone()), format!("{money} made for {to}"))
        }
        Gateway::Burn { .. } => {
            (actions::burn(gateway, money.clone()), format!("{money} destroyed"))
        }
    };
    let done = session.transact(vec![action], &[&key])?;
    context.output.data(&done, || done.sentence(&what))
}
