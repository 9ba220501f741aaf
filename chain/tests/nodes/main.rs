//! Whole nodes: alone, killed, four together, and with the rules of Galen. One executable, because
//! every one contains an engine.

#![allow(clippy::unwrap_used)]

mod cluster;
mod common;
mod crash;
mod galen;
mod single;

#[test]
#[ignore = "runs in a process of its own, started by the other tests"]
fn child() {
    common::obey();
}
