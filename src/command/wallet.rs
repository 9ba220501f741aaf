//! `galen wallet`: the wallet as a page of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use crate::config::Context;
use crate::error::Failure;
use crate::operation;
use crate::output::Output;
use crate::signer::{self, Plan, Serving};

/// Verbs of `galen wallet`.
#[derive(Subcommand, Debug)]
pub enum Wallet {
    /// Serve your wallet to the browser of this machine: it shows what it signs, and asks
    #[command(
        after_help = "Open the address that it prints, and type the code as the password that the browser asks for.\nLinks of dataset pages to your wallet end there. The wallet is unlocked with its own password and locks\nitself when it was left alone.\n\nExamples:\n  galen wallet serve\n  galen wallet serve --node http://127.0.0.1:4850 --idle 5"
    )]
    Serve {
        /// Where to listen: this machine only; dataset pages link to the default
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4860")]
        listen: SocketAddr,
        /// Lock after so many minutes without use
        #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=1440))]
        idle: u64,
    },
}

/// Runs a verb.
///
/// # Errors
/// When there is no keystore, or the address cannot be used.
pub fn run(context: &Context, command: Wallet) -> Result<(), Failure> {
    let Wallet::Serve { listen, idle } = command;
    let plan = Plan {
        home: context.home.clone(),
        node: context.node.clone(),
        listen,
        idle: Duration::from_secs(idle.saturating_mul(60)),
    };
    until_stopped(context, signer::start(plan))
}

/// Serves pages of this machine until somebody stops them.
pub(super) fn until_stopped(
    context: &Context,
    start: impl Future<Output = Result<Serving, Failure>>,
) -> Result<(), Failure> {
    let output = context.output;
    operation::node::runtime()?.block_on(async {
        let serving = start.await?;
        say(output, serving.address(), serving.code())?;
        let _ = tokio::signal::ctrl_c().await;
        // Whoever does not want to wait for the work under way asks again: what was fetched is kept.
        tokio::select! {
            () = serving.stop() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(())
    })
}

fn say(output: Output, address: SocketAddr, code: &str) -> Result<(), Failure> {
    let url = format!("http://{address}/");
    let shown: Vec<&str> = [0, 4, 8].iter().filter_map(|at| code.get(*at..at + 4)).collect();
    let shown = shown.join("-");
    output.data(&json!({ "url": url, "code": code }), || {
        format!("Open {url} and type the code {shown} as password.\nCtrl-C stops it and forgets the keys.")
    })
}
