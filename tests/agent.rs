//! The institution's agent against a real ledger: killed between making an envelope and sending it, it
//! sends the same bytes and no others.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use galen::agent::{Agent, Deed};
use galen::demo::{story, world};
use galen::error::Failure;
use galen::operation;
use galen_market::deal::Stage;
use galen_market::event::Event;
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
    let windows = world::short_windows(120_000, 120_000);
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let quiet = |_: String| ();
    let prepared = ok(story::prepare(&world, &source, 5, &quiet));
    let record = ok(story::pack(&world, &prepared, BlockRows::Full, &quiet));
    ok(story::list(&world, &record, &quiet));
    let credential = ok(world.vouch(&["general", "health"]));
    let (deal, _) = ok(story::buy(&world, &record, &credential, 0, &quiet));

    let hospital = &world.hospital;
    let start = || {
        Agent::new(
            &world.session,
            &hospital.wallet,
            &world.prover,
            hospital.account(),
            &hospital.home,
        )
    };
    let ready = ok(world.session.client().deal(&deal.deal).map_err(Failure::from)).deal;
    let first = ok(start());
    assert_eq!(start().map(|_| ()).unwrap_err().code(), "agent.running");
    let (made, again) = ok(first.envelope(&ready));
    assert!(!again);
    // Killed here: the envelope is on the disk and was sent to nobody.
    drop(first);

    let second = ok(start());
    let (kept, again) = ok(second.envelope(&ready));
    assert!(again);
    assert_eq!(kept.encode(), made.encode());
    assert_eq!(ok(second.step()), [Deed::Delivered { deal: deal.deal, again: true }]);
    let view = ok(world.wait_for(&deal.deal, Stage::Verified));
    assert_eq!(ok(second.step()), [], "nothing is left to deliver");
    let state = ok(world.session.client().transaction(&made.id()).map_err(Failure::from));
    assert!(matches!(state, galen_api::TransactionState::Final { .. }), "{state:?}");
    assert!(view.licence.is_some());
    let height = ok(world.check_invariants());
    let blocks =
        (1..=height).map(|height| ok(world.session.client().block(height).map_err(Failure::from)));
    let delivered = |event: &Event| matches!(event, Event::DealDelivered { .. });
    let mut transactions = 0;
    let mut deliveries = 0;
    for block in blocks {
        transactions += block.transactions.iter().filter(|id| **id == made.id()).count();
        deliveries += block.events.iter().filter(|event| delivered(event)).count();
    }
    assert_eq!((transactions, deliveries), (1, 1));
    drop(second);
    world.stop();
}
