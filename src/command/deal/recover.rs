//! `galen deal recover`: the deals of a wallet that was restored from its words.

use clap::Args;

use crate::config::Context;
use crate::error::Failure;
use crate::operation::purchase::DealStore;
use crate::operation::recover::{self, DEFAULT_GAP, MAX_GAP, Recovered};
use crate::session::Session;

/// Arguments of `recover`.
#[derive(Args, Debug)]
pub struct Recover {
    /// Numbers of deals to look at beyond the last one that was used
    #[arg(long, default_value_t = DEFAULT_GAP, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_GAP)))]
    gap: u32,
}

/// Finds deals and writes their records.
///
/// # Errors
/// When the wallet cannot be opened, or the node cannot be reached.
pub fn run(context: &Context, store: &DealStore, command: &Recover) -> Result<(), Failure> {
    let session = Session::open(context)?;
    let wallet = context.wallet()?;
    let found = recover::recover(&session, &wallet, store, command.gap, !context.dry_run)?;
    if !found.shadowed.is_empty() {
        context.output.warn(format!(
            "{} more deals of this wallet use the keys of another one, and have no record: they were requested after the wallet was restored and before its deals were recovered",
            found.shadowed.len()
        ));
    }
    context.output.data(&found, || described(&found))
}

fn described(found: &Recovered) -> String {
    let mut lines = vec![format!(
        "{} deals found, {} known already; {} deals of the ledger were looked at on this machine.",
        found.found.len(),
        found.kept.len(),
        found.looked_at
    )];
    lines.extend(
        found
            .standing
            .iter()
            .map(|record| format!("  {:4}  standing request {}", record.index, record.standing)),
    );
    lines.extend(found.found.iter().map(|record| {
        format!("  {:4}  deal {}  dataset {}", record.index, record.deal, record.listing.package)
    }));
    if !found.found.is_empty() {
        lines.push("Next: galen deal status, fetch and decrypt work as before. Credentials are not on the ledger: ask your issuer for the file, or see `galen issuer recover --help`.".to_owned());
    }
    lines.join("\n")
}
