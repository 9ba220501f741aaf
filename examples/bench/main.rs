//! Measures what Galen does in bulk, as `make bench` prints it: an aim, the median of several runs,
//! and whether it was met; and beside it, in the same run, what others use for the same work.
//!
//! `bench` measures everything but `delivery`, `statements`, `million` and `web`, which take many
//! minutes; `bench NAME…` some parts: `proofs`, `files`, `tables`, `ledger`, `delivery`, `statements`,
//! `million`, `web`.
//! Depends on all packages; nothing depends on it.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod delivery;
mod files;
mod hashed;
mod ledger;
mod listing;
mod proofs;
mod report;
mod sale;
mod snarkjs;
mod statements;
mod tables;
mod web;

use report::Report;

/// A part of the measurements.
type Part = fn(&mut Report);

const PARTS: [(&str, Part); 8] = [
    ("proofs", proofs::measure),
    ("files", files::measure),
    ("tables", tables::measure),
    ("ledger", ledger::measure),
    ("delivery", delivery::measure),
    ("statements", statements::measure),
    ("million", statements::table),
    ("web", web::measure),
];

/// Parts that are measured only when they are asked for.
const LONG: [&str; 4] = ["delivery", "statements", "million", "web"];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    // Peak memory is told of a whole process, so that each is measured in one of its own.
    match wanted.first().map(String::as_str) {
        Some(proofs::BLOCK) => return proofs::block(),
        Some(proofs::HASHED_BLOCK) => return proofs::hashed_block(),
        Some(statements::LISTING) => return statements::listing(),
        Some(web::SERVER) => return web::serve(),
        _ => {}
    }
    let unknown = |name: &&String| PARTS.iter().all(|(part, _)| part != name);
    if let Some(name) = wanted.iter().find(unknown) {
        println!(
            "no part is called {name}; the parts are {}",
            PARTS.map(|(name, _)| name).join(", ")
        );
        std::process::exit(2);
    }
    let mut report = Report::new();
    for (name, part) in PARTS {
        if wanted.is_empty() && !LONG.contains(&name) || wanted.iter().any(|w| w == name) {
            part(&mut report);
        }
    }
    report.end();
}
