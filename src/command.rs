//! The command line: noun, then verb. One file a noun.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Context, Global};
use crate::error::{EXIT_CODES, Exit, Failure};
use crate::output::Output;

pub mod account;
pub mod agent;
pub mod console;
pub mod dataset;
pub mod deal;
pub mod demo;
pub mod fetch;
pub mod gateway;
pub mod issuer;
pub mod key;
pub mod ledger;
pub mod licence;
pub mod node;
pub mod params;
pub mod purpose;
pub mod registrar;
pub mod standing;
pub mod subscription;
pub mod wallet;

/// A marketplace for research data.
#[derive(Parser, Debug)]
#[command(
    name = "galen",
    version,
    about = "A marketplace for research data: proven de-identification, anonymous accredited buyers",
    after_help = EXIT_CODES,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options that every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The nouns.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Keys: make, show, back up, restore
    #[command(subcommand)]
    Key(key::Key),
    /// A ledger's beginning, and a node of it
    #[command(subcommand)]
    Node(node::Node),
    /// The ceremony that makes the parameters of a production network
    #[command(subcommand)]
    Params(params::Params),
    /// Admit and suspend institutions, issuers and gateways
    #[command(subcommand)]
    Registrar(registrar::Registrar),
    /// Vouch for researchers; apply for a credential
    #[command(subcommand)]
    Issuer(issuer::Issuer),
    /// Turn bank money into currency on the ledger and back
    #[command(subcommand)]
    Gateway(gateway::Gateway),
    /// What an account holds; moving money; an institution's bond
    #[command(subcommand)]
    Account(account::Account),
    /// From a raw table to a listing
    #[command(subcommand)]
    Dataset(dataset::Dataset),
    /// Buy a dataset, open it, dispute it
    #[command(subcommand)]
    Deal(deal::Deal),
    /// Your wallet in the browser of this machine: see for what you qualify, buy, open
    #[command(subcommand)]
    Wallet(wallet::Wallet),
    /// An institution's work in the browser of this machine: from a raw table to a listing, deals, money
    #[command(after_help = console::HELP)]
    Console(console::Console),
    /// A licence as a file: export it, check it without a node
    #[command(subcommand)]
    Licence(licence::Licence),
    /// Later versions of what was bought: claim them, renew
    #[command(subcommand)]
    Subscription(subscription::Subscription),
    /// Ask for a dataset that may not be listed yet
    #[command(subcommand)]
    Standing(standing::Standing),
    /// A party's own statement; headers to trust later
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Deliver an institution's keys while its people sleep
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Show the whole story on a real table: a node, a hospital, a researcher, three purchases
    #[command(after_help = "Examples:\n  galen demo\n  galen demo --once")]
    Demo(demo::Demo),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  galen completions bash > ~/.local/share/bash-completion/completions/galen"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs a command line and reports how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    let output = Output { json: cli.global.json, quiet: cli.global.quiet };
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let exit = failure.exit();
            output.failure(failure);
            ExitCode::from(exit as u8)
        }
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Key(command) => key::run(&context, command),
        Command::Node(command) => node::run(&context, command),
        Command::Params(command) => params::run(&context, command),
        Command::Registrar(command) => registrar::run(&context, command),
        Command::Issuer(command) => issuer::run(&context, command),
        Command::Gateway(command) => gateway::run(&context, command),
        Command::Account(command) => account::run(&context, command),
        Command::Dataset(command) => dataset::run(&context, command),
        Command::Deal(command) => deal::run(&context, command),
        Command::Wallet(command) => wallet::run(&context, command),
        Command::Console(command) => console::run(&context, &command),
        Command::Licence(command) => licence::run(&context, command),
        Command::Subscription(command) => subscription::run(&context, command),
        Command::Standing(command) => standing::run(&context, command),
        Command::Ledger(command) => ledger::run(&context, command),
        Command::Agent(command) => agent::run(&context, command),
        Command::Demo(command) => demo::run(&context, &command),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "galen", &mut text);
            let text = String::from_utf8_lossy(&text).into_owned();
            Output::default().data(&text, || text.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_help_with_an_example() {
        fn visit(command: &clap::Command, path: &str) {
            let verbs: Vec<_> =
                command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
            for verb in &verbs {
                visit(verb, &format!("{path} {}", verb.get_name()));
            }
            if verbs.is_empty() {
                assert!(command.get_about().is_some(), "{path} has no help");
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains("Example") && help.contains("galen "),
                    "{path} has no example"
                );
            }
        }
        visit(&Cli::command(), "galen");
    }
}
