//! `galen agent`: delivers an institution's keys while its people sleep.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use zeroize::Zeroizing;

use crate::agent::policy::{EXAMPLE, Policy};
use crate::agent::webhook::HookKey;
use crate::agent::{Agent as Worker, Deed, Hold};
use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation;
use crate::session::{Session, account_of};
use crate::wallet::Role;

/// Verbs of `galen agent`.
#[derive(Subcommand, Debug)]
pub enum Agent {
    /// Watch the institution's deals and deliver keys until interrupted
    #[command(
        after_help = "Examples:\n  galen agent run\n  galen agent run --once --json\n  galen agent run --policy policy.json\n  galen agent run --password-file /run/secrets/galen --every 2"
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
        /// What may be signed [default: agent/policy.json in the home directory; without it every ready
        /// deal is delivered and no request reviewed]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Print a policy to start from, or check one and print what it comes to
    #[command(
        after_help = "Examples:\n  galen agent policy > policy.json\n  galen agent policy policy.json"
    )]
    Policy {
        /// The file to check
        file: Option<PathBuf>,
    },
    /// Print the key with which the agent signs what it tells a webhook, for the receiver; a secret
    #[command(after_help = "Example:\n  galen agent webhook-key > receiver/galen.key")]
    WebhookKey,
}

/// Runs a verb.
///
/// # Errors
/// When there is no key, no node, or another agent runs in the same home directory.
pub fn run(context: &Context, command: Agent) -> Result<(), Failure> {
    let (index, every, once, policy) = match command {
        Agent::Run { index, every, once, policy } => (index, every, once, policy),
        Agent::Policy { file } => return policy_of(context, file.as_deref()),
        Agent::WebhookKey => {
            let key = Zeroizing::new(hex::encode(*context.wallet()?.webhook()));
            return context.output.data(&json!({ "key": *key }), || (*key).clone());
        }
    };
    let policy = match policy {
        Some(path) => Policy::read(&path)?,
        None => {
            let path = context.home.join("agent/policy.json");
            let there = path.try_exists().map_err(|error| Failure::file(&path, &error))?;
            if there { Policy::read(&path)? } else { Policy::default() }
        }
    };
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let prover = operation::prover()?;
    if session.is_forgeable() {
        context.output.note(operation::FORGEABLE_NOTICE);
    }
    let key = wallet.account(Role::Institution, index);
    let institution = account_of(&key);
    let agent = Worker::new(&session, &wallet, &prover, &key, &context.home, policy)?;
    if once {
        let deeds = agent.step()?;
        agent.wait(&deeds)?;
        agent.tidy()?;
        for failure in agent.finish()? {
            context.output.warn(failure.to_string());
        }
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
    agent.tidy()?;
    for failure in agent.finish()? {
        context.output.warn(failure.to_string());
    }
    Ok(())
}

fn policy_of(context: &Context, file: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = file else {
        let example: serde_json::Value = serde_json::from_str(EXAMPLE)
            .map_err(|error| Failure::new(Exit::Failure, "agent.example", error.to_string()))?;
        return context.output.data(&example, || EXAMPLE.to_owned());
    };
    let policy = Policy::read(path)?;
    if let Some(key) = policy.webhook.as_ref().and_then(|hook| hook.key_file.as_ref()) {
        HookKey::read(key)?;
    }
    context.output.data(&policy, || serde_json::to_string_pretty(&policy).unwrap_or_default())
}

/// A flag that Ctrl-C and a service manager's stop set.
pub(crate) fn interrupted() -> Result<&'static AtomicBool, Failure> {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failure, "signals", error.to_string()))?;
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
        Deed::Reviewed { deal, accepted: true } => format!("deal {deal}: accepted by the policy"),
        Deed::Reviewed { deal, accepted: false } => format!("deal {deal}: refused by the policy"),
        Deed::Waits { deal, need } => format!("deal {deal}: a person is needed, {}", need.words()),
        Deed::Failed { deal, error } => {
            format!("deal {deal}: not delivered, {error}; trying again")
        }
    }
}
