//! Packages packed, tampered with, proven and opened. Shared pieces of these tests.
#![allow(clippy::unwrap_used)]

mod files;
mod proofs;
mod round_trip;
mod seller;
mod statements;
mod tampered;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use galen_market::layout::BlockRows;
use galen_zk::commitment::Srs;

use crate::deidentify::{Deidentified, Settings, deidentify};
use crate::encode::{ColumnNote, EncodedTable, encode_deidentified};
use crate::manifest::{Licence, Manifest, PROFILE, Period};
use crate::output::Output;
use crate::pack::{PackInput, Progress, pack};
use crate::package::{Listing, PackageFolder};
use crate::roles::{Role, Roles};
use crate::schema::{Column, Table};
use crate::seal::PackageSecret;

/// The reference string of development.
pub(super) static SRS: LazyLock<Srs> = LazyLock::new(galen_zk::setup::generate_srs);

pub(super) const K: u64 = 5;

pub(super) fn quiet(_: Progress) {}

pub(super) fn manifest() -> Manifest {
    Manifest {
        profile: PROFILE.to_owned(),
        name: "glucose-2020".to_owned(),
        title: "Glucose in 2020".to_owned(),
        description: "Readings of one ward.".to_owned(),
        version: "1".to_owned(),
        keywords: vec!["glucose".to_owned()],
        diseases: vec!["MONDO:0005148".to_owned()],
        countries: vec!["DE".to_owned()],
        period: Some(Period { from: "2020-01-01".to_owned(), to: "2020-12-31".to_owned() }),
        resources: Vec::new(),
        dictionary_bytes: Vec::new(),
        terms: Vec::new(),
        licence: Licence { name: "Test licence".to_owned(), sha256: "ab".repeat(32) },
        lineage: Vec::new(),
        citation: "A ward, 2020.".to_owned(),
    }
}

pub(super) fn roles() -> Roles {
    let mut roles = Roles::default();
    for (name, role) in [
        ("age", Role::QuasiIdentifier),
        ("sex", Role::QuasiIdentifier),
        ("glucose", Role::Sensitive),
    ] {
        roles.0.insert(name.to_owned(), role);
    }
    roles
}

/// A de-identified table of `rows` rows with every kind of column and missing cells. All rows from
/// `wide` on are one class.
pub(super) fn ward(rows: usize, wide: usize) -> Deidentified {
    let column = |name: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..rows).map(cell).collect();
        Column::from_cells(name, cells.iter().map(String::as_str))
    };
    let table = Table {
        columns: vec![
            column("age", &|r| if r >= wide { "80".into() } else { (20 + r % 4 * 10).to_string() }),
            column("sex", &|r| ["f", "m"][usize::from(r < wide && r % 3 == 0)].to_owned()),
            column("glucose", &|r| match r % 7 {
                0 => String::new(),
                x => format!("{}.{}", 3 + x, r % 10),
            }),
            column("day", &|r| format!("2020-{:02}-{:02}", r % 12 + 1, r % 28 + 1)),
            column("note", &|r| format!("note \"{}\", line\n{}", r % 50, r % 3)),
            column("delta", &|r| (r as i64 * 37 % 1_001 - 500).to_string()),
        ],
    };
    let settings = Settings {
        k: K,
        roles: roles(),
        // Only the order and the classes are wanted: nothing is generalised.
        levels: [("age".to_owned(), (0, 0)), ("sex".to_owned(), (0, 0))].into(),
        ..Settings::default()
    };
    deidentify(&table, &settings).unwrap()
}

pub(super) fn encoded(result: &Deidentified) -> EncodedTable {
    let notes: BTreeMap<String, ColumnNote> = [(
        "glucose".to_owned(),
        ColumnNote { bounds: Some(("0".to_owned(), "60".to_owned())), ..ColumnNote::default() },
    )]
    .into();
    encode_deidentified("ward", "Readings", result, &roles(), &notes, BlockRows::Small).unwrap()
}

pub(super) fn input(tables: Vec<EncodedTable>) -> PackInput {
    PackInput { block_rows: BlockRows::Small, tables, files: Vec::new(), manifest: manifest() }
}

/// A packed ward in a folder of its own.
pub(super) struct Packed {
    pub(super) home: tempfile::TempDir,
    pub(super) listing: Listing,
    pub(super) secret: PackageSecret,
    pub(super) csv: Vec<u8>,
}

impl Packed {
    pub(super) fn ward(rows: usize, wide: usize) -> Self {
        let result = ward(rows, wide);
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("package");
        let (listing, secret) = pack(input(vec![encoded(&result)]), &SRS, &target, &quiet).unwrap();
        Self { home, listing, secret, csv: crate::csv_out::to_bytes(&result.table) }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.home.path().join("package")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn read(&self) -> PackageFolder {
        PackageFolder::read(&self.path()).unwrap()
    }

    pub(super) fn out(&self) -> PathBuf {
        self.home.path().join("out")
    }
}

/// Changes one byte of a file.
pub(super) fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
