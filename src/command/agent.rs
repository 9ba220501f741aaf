//! `galen agent`: delivers an institution's keys while its people sleep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;

use crate::agent::{Agent as Worker, Deed, Hold};
use crate::config::Context;
use crate::error::Failure;
use crate::operation;
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Verbs of `galen agent`.
#[derive(Subcommand, Debug)]
pub enum Agent {
    /// Watch the institution's deals and deliver keys until interrupted
    #[command(
        after_help = "Examples:\n  galen agent run\n  galen agent run --once --json\n  galen agent run --password-file /run/secrets/galen --every 2"
    )]
    Run {
        /// Which of the wallet's institution accounts
        #[arg(long, default_value_t = 0)]
        index: u32,
        /// Seconds between two looks
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
        /// Look once, wait until what was sent is final, and stop
        #[arg(long)]
        once: bool,
    },
}

/// Runs a verb.
///
/// # Errors
/// When there is no key, no node, or another agent runs in the same home directory.
pub fn run(context: &Context, command: Agent) -> Result<(), Failure> {
    let Agent::Run { index, every, once } = command;
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let prover = operation::prover()?;
    if session.is_forgeable() {
        context.output.note(operation::FORGEABLE_NOTICE);
    }
    let institution = account_of(&wallet.account(Role::Institution, index));
    let agent = Worker::new(&session, &wallet, &prover, institution, &context.home)?;
    if once {
        let deeds = agent.step()?;
        agent.wait(&deeds)?;
        agent.tidy()?;
        return context
            .output
            .data(&deeds, || deeds.iter().map(|deed| sentence(deed) + "\n").collect::<String>());
    }
    context
        .output
        .note(format!("Watching the deals of {institution}. Stop with Ctrl-C: nothing is lost."));
    let stopped = interrupted()?;
    agent.run(
        Duration::from_secs(every),
        &|| stopped.load(Ordering::Relaxed),
        &|told| match told {
            Ok(deed) => context.output.note(sentence(deed)),
            Err(failure) => context.output.warn(format!("{failure}; trying again")),
        },
    )?;
    agent.tidy().map(|_| ())
}

/// A flag that Ctrl-C and a service manager's stop set.
pub(crate) fn interrupted() -> Result<&'static AtomicBool, Failure> {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(crate::error::Exit::Failure, "signals", error.to_string()))?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let mut terminate =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
            let terminated = async {
                match &mut terminate {
                    Some(signal) => {
                        signal.recv().await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = terminated => {}
            }
        });
        STOPPED.store(true, Ordering::Relaxed);
    });
    Ok(&STOPPED)
}

/// A deed in a sentence.
pub(crate) fn sentence(deed: &Deed) -> String {
    match deed {
        Deed::Delivered { deal, again: false } => format!("deal {deal}: key proven and sent"),
        Deed::Delivered { deal, again: true } => {
            format!("deal {deal}: the same envelope sent again")
        }
        Deed::Held { deal, why } => format!(
            "deal {deal}: not delivered, {}",
            match why {
                Hold::NotReady => "the buyer is not ready or the deal is over",
                Hold::TooLate => "too little time is left; the buyer gets the price back",
                Hold::NodeBehind => "the node is behind or its ledger stands still",
            }
        ),
        Deed::Failed { deal, error } => {
            format!("deal {deal}: not delivered, {error}; trying again")
        }
    }
}
