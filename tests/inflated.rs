//! Packages of kilobytes whose tables become gigabytes, since a word of a dictionary stands in every row.
//! They take no more of a buyer's memory and disk than packages that say what they hold, on the command
//! line and in a browser.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use galen_dataset::encode::{EncodedTable, encode};
use galen_dataset::ingest::{Options, read};
use galen_dataset::manifest::{Licence, Manifest, PROFILE};
use galen_dataset::open::{Opened, check, open};
use galen_dataset::opener::OpenError;
use galen_dataset::output::{Format, Output};
use galen_dataset::pack::{PackInput, pack};
use galen_dataset::package::PackageFolder;
use galen_dataset::roles::{Role, Roles};
use galen_dataset::seal::PackageSecret;
use galen_market::layout::BlockRows;
use galen_zk::commitment::Srs;
use serde_json::Value;

static SRS: LazyLock<Srs> = LazyLock::new(galen_zk::setup::generate_srs);

/// The longest word of a dictionary.
const WORD: usize = 65_535;
/// Rows of a full block.
const ROWS: u32 = 32_760;
const MIB: u64 = 1 << 20;

/// A table with one long word in every cell.
fn words(columns: &[String], rows: u32) -> EncodedTable {
    let csv = format!("{}\n{}\n", columns.join(","), vec!["w"; columns.len()].join(","));
    let table = read(csv.as_bytes(), &Options::default()).unwrap().table;
    let roles = Roles([(columns[0].clone(), Role::QuasiIdentifier)].into());
    let mut made = encode("words", "", &table, &roles, &BTreeMap::new(), &[1]).unwrap();
    for (column, dictionary) in made.columns.iter_mut().zip(&mut made.dictionaries) {
        column.cells = vec![1; rows as usize];
        *dictionary = vec!["w".repeat(WORD)];
    }
    made.active = vec![rows];
    made.resource.bytes = (columns.join(",").len() + 1) as u64
        + u64::from(rows) * (columns.len() * (WORD + 1)) as u64;
    made.resource.hash = None;
    made
}

struct Packed {
    home: tempfile::TempDir,
    secret: PackageSecret,
}

impl Packed {
    fn new(table: EncodedTable) -> Self {
        let manifest = Manifest {
            profile: PROFILE.to_owned(),
            name: "words".to_owned(),
            title: "Words".to_owned(),
            description: "Made for a test.".to_owned(),
            version: "1".to_owned(),
            keywords: Vec::new(),
            diseases: Vec::new(),
            countries: Vec::new(),
            period: None,
            resources: Vec::new(),
            dictionary_bytes: Vec::new(),
            terms: Vec::new(),
            licence: Licence { name: "Test".to_owned(), sha256: "ab".repeat(32) },
            lineage: Vec::new(),
            citation: "Nobody.".to_owned(),
        };
        let (block_rows, tables, files) = (BlockRows::Full, vec![table], Vec::new());
        let input = PackInput { block_rows, tables, files, manifest };
        let home = tempfile::tempdir().unwrap();
        let (_, secret) = pack(input, &SRS, &home.path().join("package"), &|_| ()).unwrap();
        Self { home, secret }
    }

    /// As it is, but for what the manifest declares of its length.
    fn declared(columns: &[&str], rows: u32, bytes: u64) -> Self {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let mut table = words(&columns, rows);
        table.resource.bytes = bytes;
        Self::new(table)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn folder(&self) -> PackageFolder {
        let segments = fs::metadata(self.path("package/segments")).unwrap();
        assert!(segments.len() < 20 * MIB, "the package is small");
        PackageFolder::read(&self.path("package")).unwrap()
    }

    fn open(&self, format: Format) -> Result<Opened, OpenError> {
        let (out, output) = (self.path("out"), Output { format, ..Output::default() });
        let opened = open(&self.folder(), self.secret.key, &SRS, &out, &output, &|_| ());
        assert_eq!(opened.is_ok(), out.exists(), "all or nothing");
        opened
    }

    fn check(&self) -> Result<Vec<OpenError>, OpenError> {
        check(&self.folder(), self.secret.key, &SRS, &|_| ())
    }

    /// What the script of the wallet's pages says of it.
    fn in_browser(&self) -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let key = serde_json::to_value(self.secret.key.scalar()).unwrap();
        let ran = Command::new("node")
            .arg(root.join("tests/browser/worker.mjs"))
            .arg(root.join("web/portal/dist/galen-open.js"))
            .arg(self.path("package"))
            .args([self.secret.package.to_string().as_str(), key.as_str().unwrap()])
            .output()
            .unwrap();
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    }
}

/// The memory of the process is measured: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    LazyLock::force(&SRS);
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|at| at.strip_prefix(line)).unwrap();
    found.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// By how many bytes the memory grew at most while something was done.
fn growth<T>(what: impl FnOnce() -> T) -> (T, u64) {
    // Measures the peak anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let done = what();
    (done, memory("VmHWM:").saturating_sub(before))
}

#[test]
fn adversary_57_a_table_far_longer_than_declared_is_refused_with_little_memory() {
    let _alone = alone();
    let packed = Packed::declared(&["note"], ROWS, 10);
    for format in [Format::Original, Format::Csv, Format::Parquet, Format::Arrow] {
        let (opened, grown) = growth(|| packed.open(format));
        let refused = opened.unwrap_err();
        let OpenError::Longer { path, declared: 10 } = &refused else { panic!("{refused}") };
        assert_eq!((path.as_str(), refused.disputable()), ("words.csv", None));
        assert!(grown < 160 * MIB, "{format:?}: {} MiB", grown / MIB);
    }
    let (checked, grown) = growth(|| packed.check());
    assert!(matches!(checked, Err(OpenError::Longer { .. })), "{checked:?}");
    assert!(grown < 160 * MIB, "{} MiB", grown / MIB);
}

#[test]
fn whoever_asks_for_it_opens_a_table_however_long_it_is() {
    let _alone = alone();
    // 75 MiB, which is beyond what is opened unasked.
    let packed = Packed::declared(&["note"], 1_200, 10);
    assert!(matches!(packed.open(Format::Original), Err(OpenError::Longer { .. })));
    let (out, output) = (packed.path("out"), Output { any_length: true, ..Output::default() });
    let (opened, grown) =
        growth(|| open(&packed.folder(), packed.secret.key, &SRS, &out, &output, &|_| ()));
    let warnings = opened.unwrap().warnings;
    assert!(matches!(&warnings[..], [OpenError::HashDiffers { .. }]), "{warnings:?}");
    assert!(fs::metadata(out.join("words.csv")).unwrap().len() > 70 * MIB);
    assert!(grown < 160 * MIB, "{} MiB", grown / MIB);
}

#[test]
fn a_cell_that_can_be_disputed_is_named_though_the_table_is_too_long() {
    let _alone = alone();
    let mut table = words(&["note".to_owned()], ROWS);
    table.resource.bytes = 10;
    table.columns[0].cells[32_000] = 2;
    let refused = Packed::new(table).check().unwrap_err();
    assert!(matches!(refused, OpenError::Cell { segment: 0, row: 32_000 }), "{refused}");
}

#[test]
fn adversary_57_a_table_that_says_how_long_it_is_opens_with_little_memory() {
    let _alone = alone();
    let rows = 4_000;
    let packed = Packed::new(words(&["note".to_owned()], rows));
    let (checked, grown) = growth(|| packed.check());
    assert!(checked.unwrap().is_empty());
    assert!(grown < 160 * MIB, "{} MiB", grown / MIB);
    for format in [Format::Csv, Format::Parquet, Format::Arrow] {
        let (opened, grown) = growth(|| packed.open(format));
        assert!(opened.unwrap().warnings.is_empty());
        assert!(grown < 200 * MIB, "{format:?}: {} MiB", grown / MIB);
        fs::remove_dir_all(packed.path("out")).unwrap();
    }
}

#[test]
fn a_table_a_little_longer_than_declared_is_released_with_a_warning() {
    let _alone = alone();
    let packed = Packed::declared(&["note"], 16, 10);
    let opened = packed.open(Format::Original).unwrap();
    assert!(matches!(&opened.warnings[..], [OpenError::HashDiffers { .. }]), "{opened:?}");
    let text = fs::read_to_string(&opened.files[0]).unwrap();
    assert!(text == format!("note\n{}", format!("{}\n", "w".repeat(WORD)).repeat(16)));
}

#[test]
fn a_row_longer_than_what_is_held_is_written_word_by_word() {
    let _alone = alone();
    let columns: Vec<String> = (0..150).map(|n| format!("note{n}")).collect();
    let packed = Packed::new(words(&columns, 6));
    let (opened, grown) = growth(|| packed.open(Format::Original));
    let opened = opened.unwrap();
    assert!(opened.warnings.is_empty(), "{opened:?}");
    let declared = packed.folder().manifest().resources[0].bytes;
    assert_eq!(fs::metadata(&opened.files[0]).unwrap().len(), declared);
    assert!(grown < 160 * MIB, "{} MiB", grown / MIB);
    fs::remove_dir_all(packed.path("out")).unwrap();
    let refused = packed.open(Format::Parquet).unwrap_err().to_string();
    assert!(refused.contains("--format original"), "{refused}");
}

#[test]
fn adversary_57_a_browser_stops_at_the_first_byte_beyond_what_is_declared() {
    let _alone = alone();
    let said = Packed::declared(&["note"], ROWS, 10).in_browser();
    assert_eq!((&said["kind"], &said["reason"]), (&"fault".into(), &"file".into()), "{said}");
    assert_eq!(said["values"]["path"], "words.csv");
    assert!(said["peak"].as_u64().unwrap() < 300 * MIB, "{said}");
    // The first byte of a row, of the line of names, and none.
    let whole = words(&["note".to_owned()], 16).resource.bytes;
    for (bytes, kind) in [(whole - 1, "fault"), (4, "fault"), (whole, "opened")] {
        let said = Packed::declared(&["note"], 16, bytes).in_browser();
        assert_eq!(said["kind"], kind, "{bytes}: {said}");
    }
}

#[test]
fn adversary_56_a_browser_warns_of_names_that_are_formulas() {
    let _alone = alone();
    let names = ["=note", "word", "\u{ff1d}x"].map(str::to_owned);
    let said = Packed::new(words(&names, 2)).in_browser();
    assert_eq!(said["files"][0]["formulas"], serde_json::json!(["=note", "\u{ff1d}x"]), "{said}");
}

#[test]
fn a_browser_shows_names_without_letters_that_are_not_seen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new("node")
        .arg(root.join("tests/browser/names.mjs"))
        .arg(root.join("web/portal/dist/galen-open.js"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
