//! Packing, checking and opening a table.

use std::collections::BTreeMap;

use galen_dataset::commit::Combination;
use galen_dataset::encode::{EncodedTable, encode};
use galen_dataset::manifest::{Licence, Manifest, PROFILE};
use galen_dataset::open::open;
use galen_dataset::opener::Opener;
use galen_dataset::output::Output;
use galen_dataset::pack::{PackInput, pack};
use galen_dataset::package::PackageFolder;
use galen_dataset::roles::{Role, Roles};
use galen_dataset::schema::{Column, Table};
use galen_market::layout::BlockRows;

use crate::proofs::prover;
use crate::report::{Report, short, spend};

const COLUMNS: usize = 16;
const BLOCKS: usize = 24;
const ROWS: usize = BLOCKS * 32_760;
const CELLS: f64 = (ROWS * COLUMNS) as f64;
/// Cells a second and core.
const AIM: f64 = 20e6;

/// A manifest that says as little as is allowed.
pub fn manifest() -> Manifest {
    Manifest {
        profile: PROFILE.to_owned(),
        name: "bench".to_owned(),
        title: "Bench".to_owned(),
        description: "Made for a measurement.".to_owned(),
        version: "1".to_owned(),
        keywords: Vec::new(),
        diseases: Vec::new(),
        countries: Vec::new(),
        period: None,
        resources: Vec::new(),
        dictionary_bytes: Vec::new(),
        terms: Vec::new(),
        licence: Licence { name: "None".to_owned(), sha256: "ab".repeat(32) },
        lineage: Vec::new(),
        citation: "Nobody.".to_owned(),
    }
}

/// Codes, small numbers and readings, as in a hospital's table.
fn table() -> EncodedTable {
    let column = |c: usize| {
        let (values, text): (usize, fn(usize) -> String) = match c % 4 {
            0 => (12, |v| format!("class {v}")),
            1 => (90, |v| v.to_string()),
            2 => (1_500, |v| format!("{}.{}", v / 10, v % 10)),
            _ => (40_000, |v| v.to_string()),
        };
        let codes = (0..ROWS).map(|row| {
            let mixed = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            u32::try_from(mixed.wrapping_add(c as u64 * 7) % values as u64).unwrap()
        });
        Column::new(format!("column {c}"), (0..values).map(text).collect(), codes.collect())
    };
    let table = Table { columns: (0..COLUMNS).map(column).collect() };
    let mut roles = Roles::default();
    for column in &table.columns {
        roles.0.insert(column.name.clone(), Role::Insensitive);
    }
    roles.0.insert("column 0".to_owned(), Role::QuasiIdentifier);
    let active = vec![32_760; BLOCKS];
    encode("bench", "Made for a measurement", &table, &roles, &BTreeMap::new(), &active).unwrap()
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part(&format!("A table of {COLUMNS} columns and {ROWS} rows: {} cells", short(CELLS)));
    let home = tempfile::tempdir().unwrap();
    let powers = prover().powers().unwrap();
    let input = PackInput {
        block_rows: BlockRows::Full,
        tables: vec![table()],
        files: Vec::new(),
        manifest: manifest(),
    };
    let target = home.path().join("package");
    let (packed, spent) = spend(|| pack(input, &powers, &target, &|_| {}).unwrap());
    let cells = |seconds: f64| format!("{} cells/s", short(CELLS / seconds));
    report.note("encoded, committed and sealed, a core", &cells(spent.processor));
    report.note("all cores", &cells(spent.elapsed));

    let folder = PackageFolder::read(&target).unwrap();
    let key = packed.1.key;
    // Everything from the sealed folder to the verdict: read, decrypted, blinders derived, combined.
    let check = || {
        let opener = Opener::new(&folder, key).unwrap();
        let mut sum = Combination::new(&powers, BlockRows::Full);
        for (table, block) in folder.layout().blocks() {
            sum.add(&opener.block(table, block).unwrap());
        }
        assert!(sum.holds(), "an honest table");
    };
    let mut times: Vec<f64> = (0..3).map(|_| spend(check).1.processor).collect();
    times.sort_by(f64::total_cmp);
    report.rate("decrypted, all commitments checked, a core", AIM, CELLS / times[1], "cells/s");

    let out = home.path().join("opened");
    let ((), spent) =
        spend(|| drop(open(&folder, key, &powers, &out, &Output::default(), &|_| {}).unwrap()));
    report.note("checked and written as CSV, a core", &cells(spent.processor));
    report.note("all cores", &cells(spent.elapsed));
}
