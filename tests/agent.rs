//! The institution's agent against a real ledger: killed between making an envelope and sending it, it
//! sends the same bytes and no others.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use galen::agent::policy::{Need, Packages, Policy};
use galen::agent::{Agent, Deed};
use galen::demo::{story, world};
use galen::error::Failure;
use galen::operation;
use galen_market::deal::Stage;
use galen_market::event::Event;
use galen_market::id::DealId;
use galen_market::layout::BlockRows;

/// Forty classes of twelve rows, with a person number and two quasi-identifiers.
fn table(path: &Path) {
    let rows = (0..480).map(|row| {
        format!(
            "{},{},{},{},{}\n",
            1000 + row,
            30 + (row / 12) % 8,
            ["f", "m"][(row / 96) % 2],
            row % 50,
            row % 4
        )
    });
    let text: String =
        std::iter::once("patient_id,xage,sex,mdvis,plan\n".to_owned()).chain(rows).collect();
    std::fs::write(path, text).unwrap();
}

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[test]
fn adversary_28a_an_agent_that_restarts_makes_no_second_envelope() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("ward.csv");
    table(&source);
    let windows = world::short_windows(600_000, 600_000);
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let quiet = |_: String| ();
    let prepared = ok(story::prepare(&world, &source, 5, &quiet));
    let record = ok(story::pack(&world, &prepared, BlockRows::Full, &quiet));
    ok(story::list(&world, &record, &quiet));
    let credential = ok(world.vouch(&["general", "health"]));
    let deals: Vec<DealId> = (0..3)
        .map(|account| ok(story::buy(&world, &record, &credential, account, &quiet)).0.deal)
        .collect();

    let hospital = &world.hospital;
    let start = |policy: Policy| {
        Agent::new(
            &world.session,
            &hospital.wallet,
            &world.prover,
            &hospital.key,
            &hospital.home,
            policy,
        )
    };
    let nothing = || Policy { packages: Packages::These(BTreeSet::new()), ..Policy::default() };
    let ready = ok(world.session.client().deal(&deals[0]).map_err(Failure::from)).deal;
    let careful = ok(start(nothing()));
    assert_eq!(start(Policy::default()).map(|_| ()).unwrap_err().code(), "agent.running");
    assert_eq!(ok(careful.envelope(&ready)).map(drop), Err(Need::Package));
    drop(careful);
    let first = ok(start(Policy::default()));
    let (made, again) = ok(first.envelope(&ready)).unwrap();
    assert!(!again, "the policy that allows nothing made nothing");
    // Killed here: the envelope is on the disk and was sent to nobody.
    drop(first);

    // What was made is sent, whatever the policy says by now, and nothing else is.
    let second = ok(start(nothing()));
    let (kept, again) = ok(second.envelope(&ready)).unwrap();
    assert!(again);
    assert_eq!(kept.encode(), made.encode());
    let deeds = ok(second.step());
    for deal in &deals {
        let expected = if *deal == deals[0] {
            Deed::Delivered { deal: *deal, again: true }
        } else {
            Deed::Waits { deal: *deal, need: Need::Package }
        };
        assert!(deeds.contains(&expected), "{deeds:?}");
    }
    drop(second);
    // The others at a time.
    let third = ok(start(Policy { concurrency: 2, ..Policy::default() }));
    let deeds = ok(third.step());
    for deal in &deals[1..] {
        assert!(deeds.contains(&Deed::Delivered { deal: *deal, again: false }), "{deeds:?}");
    }
    for deal in &deals {
        assert!(ok(world.wait_for(deal, Stage::Verified)).licence.is_some());
    }
    assert_eq!(ok(third.step()), [], "nothing is left to deliver");
    let state = ok(world.session.client().transaction(&made.id()).map_err(Failure::from));
    assert!(matches!(state, galen_api::TransactionState::Final { .. }), "{state:?}");
    let height = ok(world.check_invariants());
    let blocks =
        (1..=height).map(|height| ok(world.session.client().block(height).map_err(Failure::from)));
    let mut transactions = 0;
    let mut delivered = Vec::new();
    for block in blocks {
        transactions += block.transactions.iter().filter(|id| **id == made.id()).count();
        delivered.extend(block.events.iter().filter_map(|event| match event {
            Event::DealDelivered { deal, .. } => Some(*deal),
            _ => None,
        }));
    }
    delivered.sort_unstable();
    let mut once = deals;
    once.sort_unstable();
    assert_eq!((transactions, delivered), (1, once), "every deal once");
    drop(third);
    world.stop();
}
