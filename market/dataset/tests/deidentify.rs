//! The RAND table through the whole of de-identification.
#![allow(missing_docs, clippy::unwrap_used)]

use galen_dataset::csv_out;
use galen_dataset::deidentify::{
    PersonRule, Settings, block_partition, compare, deidentify, write_origins,
};
use galen_dataset::ingest::{Ingested, Options, read_file};
use galen_dataset::inspect::{Category, inspect};
use galen_dataset::roles::{Role, Roles};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

fn randhie() -> Ingested {
    let folder = std::env::var("GALEN_TEST_DATA").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data"),
        PathBuf::from,
    );
    read_file(&folder.join("randhie.csv.gz"), &Options::default()).unwrap()
}

#[test]
fn the_rand_table_is_understood() {
    let source = randhie();
    assert_eq!((source.table.rows(), source.table.columns.len()), (20_190, 45));
    let found = inspect(&source, &Roles::default()).unwrap();
    let roles = found.roles();
    assert_eq!(roles.of("zper"), Role::Person);
    for name in ["xage", "female", "black", "educdec", "site", "income", "num"] {
        assert_eq!(roles.of(name), Role::QuasiIdentifier, "{name}");
    }
    for name in ["linc", "lnum", "lfam", "child", "fchild"] {
        assert_eq!(roles.of(name), Role::Drop, "{name}");
    }
    for name in ["meddol", "mdvis", "year", "outpdol", "plan"] {
        assert!(matches!(roles.of(name), Role::Insensitive | Role::Sensitive), "{name}");
    }
    let person = found.findings.iter().find(|f| f.column == "zper").unwrap();
    assert_eq!((person.category, person.cells), (Category::UniqueCode, 20_190));
}

#[test]
fn the_rand_table_is_written_as_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let table = randhie().table;
    csv_out::write_file(&table, &path).unwrap();
    let again = read_file(&path, &Options::default()).unwrap().table;
    assert_eq!(again, table);
    assert_eq!(csv_out::to_bytes(&again), std::fs::read(&path).unwrap());
}

#[test]
fn the_rand_table_is_deidentified() {
    let source = randhie();
    let roles = inspect(&source, &Roles::default()).unwrap().roles();
    let mut settings = Settings { roles, ..Settings::default() };
    let mut losses = Vec::new();
    for choice in compare(&source.table, &settings, &[3, 5, 11]).unwrap() {
        losses.push(choice.outcome.unwrap().loss);
    }
    assert!(losses.is_sorted());
    for rule in [PersonRule::OneRow, PersonRule::DistinctInClass] {
        settings.persons = rule;
        let begun = std::time::Instant::now();
        let result = deidentify(&source.table, &settings).unwrap();
        eprintln!("{:?} {:#?}", begun.elapsed(), result.report);
        let report = &result.report;
        assert!(report.least_loss && report.loss < 0.6);
        assert!(
            report.k_reached >= 11 && report.suppressed * 50 <= report.rows + report.suppressed
        );
        assert_eq!(result.table.position("zper"), None);
        let person = source.table.position("zper").unwrap();
        let mut classes: HashMap<Vec<&str>, HashSet<&str>> = HashMap::new();
        for (row, origin) in result.origins.iter().enumerate() {
            let key = result.quasi_identifiers.iter();
            let key = key.map(|c| result.table.columns[*c].cell(row)).collect();
            let who = source.table.columns[person].cell(*origin);
            classes.entry(key).or_default().insert(who);
        }
        assert!(classes.values().all(|persons| persons.len() >= 11));
        assert_eq!(classes.len() as u64, report.after.classes);
        let persons: HashSet<&&str> = classes.values().flatten().collect();
        assert_eq!(persons.len() as u64, report.distinct_persons.unwrap());
        if rule == PersonRule::OneRow {
            assert_eq!(persons.len() as u64, report.rows);
        }
        let blocks = block_partition(&result.class_sizes, 1_016, 11).unwrap();
        assert_eq!(blocks.iter().sum::<u64>(), report.rows);
        if let Ok(folder) = std::env::var("GALEN_KEEP") {
            let folder = PathBuf::from(folder).join(format!("{rule:?}"));
            std::fs::create_dir_all(&folder).unwrap();
            csv_out::write_file(&result.table, &folder.join("table.csv")).unwrap();
            write_origins(&result.origins, &folder.join("origins.csv")).unwrap();
        }
    }
}
