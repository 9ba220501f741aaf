//! `galen console`: an institution's work as pages of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::wallet;
use crate::config::Context;
use crate::console::{self, Plan};
use crate::error::Failure;

/// Help of `console`.
pub const HELP: &str = "\
Open the address that it prints, and type the code as the password that the browser asks for. The wallet is
unlocked with its own password and locks itself when it was left alone. Tables are read into memory, on this
machine only; the node is sent what `galen dataset publish` would send it. Packages are kept below HOME/console.

Examples:
  galen console --home hospital
  galen console --node http://127.0.0.1:4850 --listen 127.0.0.1:4862 --idle 60";

/// Arguments of `console`.
#[derive(Args, Debug)]
pub struct Console {
    /// Where to listen: this machine only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4861")]
    listen: SocketAddr,
    /// Lock after so many minutes without use
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1440))]
    idle: u64,
    /// Which of the wallet's institutions
    #[arg(long, default_value_t = 0)]
    index: u32,
}

/// Serves the console until it is stopped.
///
/// # Errors
/// When there is no keystore, the address cannot be used, or a console of the same home directory runs.
pub fn run(context: &Context, command: &Console) -> Result<(), Failure> {
    let plan = Plan {
        home: context.home.clone(),
        node: context.node.clone(),
        listen: command.listen,
        idle: Duration::from_secs(command.idle.saturating_mul(60)),
    };
    wallet::until_stopped(context, console::start(plan, command.index))
}
