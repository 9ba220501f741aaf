//! `galen demo`: the whole life of a dataset on a real table, told step by step, with every check done
//! for real. Depends on the same operations as the commands.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use galen_market::layout::BlockRows;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::{self, FORGEABLE_NOTICE, prepare};

pub mod dishonest;
pub mod story;
pub mod world;

/// The table of the story, in the public domain; see the notes beside it.
pub const TABLE: &[u8] = include_bytes!("../tests/data/randhie.csv.gz");
/// The k of the story: what health authorities commonly ask for.
pub const K: u64 = 11;
/// Up-time that the hospital has to deliver, and the buyer to dispute, in milliseconds.
const DELIVER_MS: u64 = 20_000;
const DISPUTE_MS: u64 = 20_000;

/// Tells the story.
///
/// # Errors
/// The first thing that did not go as it must.
pub fn run(context: &Context, once: bool, listen: SocketAddr) -> Result<(), Failure> {
    let kept = tempfile::Builder::new()
        .prefix("galen-demo-")
        .tempdir()
        .map_err(|error| Failure::new(Exit::Failure, "file.io", error.to_string()))?;
    let say = |text: String| line(context, &text);
    let world = tell(kept.path(), listen, &say)?;
    if !once {
        say(format!(
            "\nThe node and its page stay open: http://{}/\nLook at the datasets there. Stop with Ctrl-C; the folder of the demonstration is then removed.",
            world.address
        ));
        let stopped = crate::command::agent::interrupted()?;
        while !stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    world.stop();
    Ok(())
}

#[allow(clippy::print_stdout)]
fn line(context: &Context, text: &str) {
    if !context.output.quiet {
        println!("{text}");
    }
}

/// Tells the whole story in a directory, and leaves its world running.
///
/// # Errors
/// The first thing that did not go as it must.
pub fn tell(
    root: &Path,
    listen: SocketAddr,
    say: story::Tell<'_>,
) -> Result<world::World, Failure> {
    let source = root.join("randhie.csv.gz");
    std::fs::write(&source, TABLE).map_err(|error| Failure::file(&source, &error))?;
    say("Galen: from a hospital's table to a researcher's licence, on one machine.".to_owned());
    say(format!("{FORGEABLE_NOTICE}\n"));
    say("0. A ledger starts, with one validator. (Parameters are made once and kept: this takes a minute the first time.)".to_owned());
    let prover = operation::prover()?;
    let world =
        world::World::start(root, listen, world::short_windows(DELIVER_MS, DISPUTE_MS), prover)?;
    world.admit_parties()?;
    say(format!("   page: http://{}/  ledger: {}", world.address, world.session.chain()));
    say("   The registrar admitted a hospital and a university; the hospital put down a bond of 1,000.00 EUR.".to_owned());
    say("   Deadlines are seconds long here, days on a real ledger.\n".to_owned());

    say("1. What would identify somebody?".to_owned());
    let indented = |text: String| say(format!("   {text}"));
    let prepared = story::prepare(&world, &source, K, &indented)?;
    say("\n2. Packing, proving, listing".to_owned());
    let record = story::pack(&world, &prepared, BlockRows::Full, &indented)?;
    story::list(&world, &record, &indented)?;
    say(format!(
        "   On the page: {K} rows in every group, {} different values of {} in every group, and three charts: proven. One row a person: declared, not proven.",
        story::L,
        story::SENSITIVE
    ));

    say("\n3. A university vouches for a researcher".to_owned());
    let credential = world.vouch(&["general", "health"])?;
    say("   It checked her papers once and put one hash into its public tree. No proof shows which.".to_owned());

    say("\n4. The purchase".to_owned());
    let packed = prepared.folder.join(prepare::TABLE_FILE);
    story::honest(&world, &record, &credential, &packed, &indented)?;
    say("   Who sees what:".to_owned());
    say("     the hospital   that somebody whom an accepted issuer vouches for, for health research, bought it".to_owned());
    say("     the public     the same: dataset, price, terms, deadlines, one-time keys; no name"
        .to_owned());
    say("     the bank       which account it funded; whoever asked it for that money is known to it".to_owned());

    say("\n5. A second purchase: the hospital does not deliver".to_owned());
    story::late(&world, &record, &credential, &indented)?;

    say("\n6. A third purchase: the dataset is not what was listed".to_owned());
    story::disputed(&world, &record, &credential, &indented)?;

    let status = world.session.status()?;
    world.check_invariants()?;
    say(format!(
        "\n7. The ledger after {} blocks: state root {}. No cent was made or lost: balances, escrows, bonds and fees add up to what the bank issued.",
        status.height, status.state_root
    ));
    Ok(world)
}
