//! A package of tables and files, opened in every form, and what pandas and the reference client of
//! Crypt4GH make of it.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use galen_dataset::crypt4gh::SecretKey;
use galen_dataset::csv_out;
use galen_dataset::encode::{EncodedTable, encode};
use galen_dataset::ingest::{Options, read, read_file};
use galen_dataset::manifest::{Licence, Manifest, PROFILE};
use galen_dataset::open::{Opened, check, open};
use galen_dataset::opener::OpenError;
use galen_dataset::output::{DESCRIPTION, Format, Output};
use galen_dataset::pack::{FileHash, FileInput, PackError, PackInput, pack};
use galen_dataset::package::{PackageError, PackageFolder};
use galen_dataset::roles::{Role, Roles};
use galen_dataset::seal::PackageSecret;
use galen_market::layout::BlockRows;
use galen_zk::commitment::Srs;

static SRS: LazyLock<Srs> = LazyLock::new(galen_zk::setup::generate_srs);

fn script(name: &str, arguments: &[&Path]) -> String {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/python");
    let run = Command::new(python).arg(folder.join(name)).args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{name}: {out}{err}");
    out.into_owned()
}

/// A table with every kind of column, missing cells, and texts that a spreadsheet would compute.
fn csv(rows: usize) -> String {
    let mut csv = "age,visits,day,weight,dose,odd,word,=name\n".to_owned();
    for r in 0..rows {
        let missing =
            |text: String, every: usize| if r % every == 0 { String::new() } else { text };
        let word = [
            "=1+1",
            "+49 30 1",
            "-cmd|calc",
            "@SUM(A1)",
            "plain",
            "NA",
            "null",
            "007",
            "-3.50",
            "\"quoted, \"\"twice\"\"\"",
            "\"two\nlines\"",
            "caf\u{e9}",
            "",
        ][r % 13];
        csv += &format!(
            "{},{},{},{},{},{},{word},x{}\n",
            20 + r / 300,
            missing((r * 7 % 40).to_string(), 6),
            missing(format!("{:04}-{:02}-{:02}", 1900 + r % 150, r % 12 + 1, r % 28 + 1), 5),
            missing(format!("{:?}", (r % 900) as f64 / 8.0 - 20.0), 4),
            missing(format!("{}.{:02}", r % 70, r % 100), 9),
            missing(format!("{}.{}", r as u64 * 10_000_000_000_001, r % 10), 7),
            r % 3,
        );
    }
    csv
}

fn table(name: &str, text: &str) -> EncodedTable {
    let table = read(text.as_bytes(), &Options::default()).unwrap().table;
    assert_eq!(csv_out::to_bytes(&table), text.as_bytes(), "the table is in its own form");
    let roles = Roles([("age".to_owned(), Role::QuasiIdentifier)].into());
    let rows = table.rows();
    let active: Vec<u32> =
        (0..rows).step_by(1_000).map(|from| (rows - from).min(1_000) as u32).collect();
    encode(name, "A table", &table, &roles, &BTreeMap::new(), &active).unwrap()
}

fn manifest() -> Manifest {
    Manifest {
        profile: PROFILE.to_owned(),
        name: "formats".to_owned(),
        title: "Formats".to_owned(),
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
    }
}

struct Packed {
    home: tempfile::TempDir,
    secret: PackageSecret,
    csv: [String; 2],
    scan: Vec<u8>,
}

impl Packed {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let csv = [csv(2_500), csv(900)];
        let scan: Vec<u8> =
            (0..600_001u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let source = |name: &str, content: &[u8]| {
            fs::write(home.path().join(name), content).unwrap();
            home.path().join(name)
        };
        let file = |name: &str, path: &str, source: PathBuf| FileInput {
            name: name.to_owned(),
            path: path.to_owned(),
            source,
            mediatype: "application/octet-stream".to_owned(),
            description: String::new(),
            sha256: FileHash::None,
        };
        let input = PackInput {
            block_rows: BlockRows::Small,
            tables: vec![table("persons", &csv[0]), table("visits", &csv[1])],
            files: vec![
                file("scan", "scans/Scan.bin", source("scan", &scan)),
                // Names that what is written beside would like to have.
                file("taken", "persons.parquet", source("taken", b"taken")),
                file("about", DESCRIPTION, source("about", b"also taken")),
            ],
            manifest: manifest(),
        };
        let (_, secret) = pack(input, &SRS, &home.path().join("package"), &|_| ()).unwrap();
        Self { home, secret, csv, scan }
    }

    fn folder(&self) -> PackageFolder {
        PackageFolder::read(&self.home.path().join("package")).unwrap()
    }

    fn open(&self, name: &str, output: &Output) -> Result<Opened, OpenError> {
        let out = self.home.path().join(name);
        let opened = open(&self.folder(), self.secret.key, &SRS, &out, output, &|_| ());
        assert_eq!(opened.is_ok(), out.exists(), "all or nothing");
        opened
    }
}

fn form(format: Format) -> Output {
    Output { format, ..Output::default() }
}

#[test]
fn adversary_56_every_form_holds_the_same_table_and_csv_for_spreadsheets_holds_no_formula() {
    let packed = Packed::new();
    let opened = packed.open("original", &form(Format::Original)).unwrap();
    assert!(opened.warnings.is_empty());
    for (path, csv) in opened.files.iter().zip(&packed.csv) {
        assert!(fs::read(path).unwrap() == csv.as_bytes(), "byte for byte");
    }
    assert!(fs::read(&opened.files[2]).unwrap() == packed.scan);
    // Whoever gets the bytes as they are is told what is in them.
    let formulas: u64 =
        opened.formulas.iter().filter(|f| f.column == "word").map(|f| f.cells).sum();
    let of = |rows: usize| (0..rows).filter(|r| r % 13 < 4).count() as u64;
    assert_eq!(formulas, of(2_500) + of(900));
    for format in [Format::Csv, Format::Parquet, Format::Arrow] {
        let opened = packed.open(format.extension(), &form(format)).unwrap();
        assert!(fs::read(&opened.files[2]).unwrap() == packed.scan, "files stay as they are");
        assert_eq!(fs::read(&opened.files[3]).unwrap(), b"taken");
        let names: Vec<_> = opened
            .files
            .iter()
            .map(|f| f.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        if format == Format::Parquet {
            assert_eq!(
                names,
                ["persons.parquet", "visits.parquet", "Scan.bin", "persons-2.parquet", DESCRIPTION]
            );
            assert_eq!(opened.description.file_name().unwrap(), "datapackage-2.json");
        }
        // The test's own file has taken the name by which the script finds the description.
        fs::rename(&opened.description, opened.files[4].with_file_name(DESCRIPTION)).unwrap();
    }
    fs::rename(&opened.description, opened.files[4].with_file_name(DESCRIPTION)).unwrap();
    let disarmed = fs::read_to_string(packed.home.path().join("csv/persons.csv")).unwrap();
    assert!(disarmed.starts_with("age,visits,day,weight,dose,odd,word,'=name\n"));
    for cell in [",'=1+1,", ",'+49 30 1,", ",'-cmd|calc,", ",'@SUM(A1),", ",plain,", ",-3.50,"] {
        assert!(disarmed.contains(cell), "{cell}");
    }
    let path = |name: &str| packed.home.path().join(name);
    let told = script(
        "check_formats.py",
        &[&path("original"), &path("csv"), &path("parquet"), &path("arrow")],
    );
    println!("{told}");
    assert_eq!(told.lines().count(), 2);
    // What was written as Parquet is read as the table that was packed, but for how fractions and
    // missing texts are written.
    let again = read_file(&path("parquet/visits.parquet"), &Options::default()).unwrap().table;
    let first = read(packed.csv[1].as_bytes(), &Options::default()).unwrap().table;
    for (a, b) in again.columns.iter().zip(&first.columns) {
        assert_eq!((&a.name, a.missing(), a.distinct()), (&b.name, b.missing(), b.distinct()));
        if !matches!(b.name.as_str(), "dose" | "odd") {
            assert_eq!(a, b);
        }
    }
}

#[test]
fn what_is_written_for_a_recipient_only_the_recipient_reads() {
    let packed = Packed::new();
    let key = SecretKey::random();
    let secret = packed.home.path().join("key.sec");
    fs::write(&secret, key.to_file("a password").unwrap().as_bytes()).unwrap();
    let clear = packed.open("clear", &form(Format::Parquet)).unwrap();
    for format in [Format::Original, Format::Parquet] {
        let output = Output { format, recipients: vec![key.public()], ..Output::default() };
        let sealed = packed.open(&format!("sealed-{}", format.extension()), &output).unwrap();
        for (i, path) in sealed.files.iter().enumerate() {
            assert!(path.to_str().unwrap().ends_with(".c4gh"));
            let bytes = fs::read(path).unwrap();
            assert!(bytes.starts_with(b"crypt4gh") && !bytes.windows(8).any(|w| w == b"-cmd|cal"));
            let out = packed.home.path().join("opened");
            let password = Path::new("a password");
            script("crypt4gh_files.py", &[Path::new("decrypt"), &secret, password, path, &out]);
            let found = fs::read(&out).unwrap();
            match (i, format) {
                (0 | 1, Format::Original) => assert!(found == packed.csv[i].as_bytes()),
                // The same file as in the clear, made from the same cells by the same writer.
                _ => assert!(found == fs::read(&clear.files[i]).unwrap(), "{i}"),
            }
        }
    }
}

/// Nothing is released in any form before all of it has been checked.
#[test]
fn adversary_31_a_changed_segment_releases_nothing_in_any_form() {
    let packed = Packed::new();
    let path = packed.home.path().join("package/segments");
    let good = fs::read(&path).unwrap();
    let last = packed.folder().offsets().range(packed.folder().layout().segments() - 1).unwrap();
    let mut bad = good.clone();
    bad[usize::try_from(last.start).unwrap() + 20] ^= 1;
    fs::write(&path, bad).unwrap();
    let recipients = vec![SecretKey::random().public()];
    for format in [Format::Original, Format::Csv, Format::Parquet, Format::Arrow] {
        for recipients in [Vec::new(), recipients.clone()] {
            let refused = packed
                .open("out", &Output { format, recipients, ..Output::default() })
                .unwrap_err();
            assert!(
                matches!(refused, OpenError::Package(PackageError::Ciphertext { .. })),
                "{refused}"
            );
        }
    }
    assert!(check(&packed.folder(), packed.secret.key, &SRS, &|_| ()).is_err());
    fs::write(&path, good).unwrap();
    assert!(check(&packed.folder(), packed.secret.key, &SRS, &|_| ()).unwrap().is_empty());
    assert!(packed.open("out", &form(Format::Arrow)).is_ok(), "the twin");
}

#[test]
fn adversary_59_a_file_that_grows_or_is_empty_is_not_packed() {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("source");
    let input = |bytes: &[u8]| {
        fs::write(&source, bytes).unwrap();
        PackInput {
            block_rows: BlockRows::Small,
            tables: vec![table("persons", &csv(600))],
            files: vec![FileInput {
                name: "file".to_owned(),
                path: "file".to_owned(),
                source: source.clone(),
                mediatype: "application/octet-stream".to_owned(),
                description: String::new(),
                sha256: FileHash::None,
            }],
            manifest: manifest(),
        }
    };
    let target = home.path().join("package");
    let refused = pack(input(b""), &SRS, &target, &|_| ()).unwrap_err();
    assert!(matches!(refused, PackError::EmptyFile(_)), "{refused}");
    // Where a file would lie is looked at before the first segment is sealed.
    for path in ["../file", "/file", "a//b", "persons.csv", "persons.csv/file"] {
        let mut wrong = input(&[7; 1000]);
        path.clone_into(&mut wrong.files[0].path);
        assert!(wrong.check().is_err(), "{path}");
        let sealed = |_| panic!("{path} is sealed");
        assert!(pack(wrong, &SRS, &target, &sealed).is_err(), "{path}");
        assert!(!target.exists(), "{path}");
    }
    input(&[7; 1000]).check().unwrap();
    // Somebody appends when the table is sealed and the file is next.
    let given = input(&[7; 1000]);
    let append = |_| fs::write(&source, [7; 1001]).unwrap();
    let refused = pack(given, &SRS, &target, &append).unwrap_err();
    assert!(matches!(refused, PackError::Changed(_)), "{refused}");
    assert!(!target.exists());
    pack(input(&[7; 1000]), &SRS, &target, &|_| ()).unwrap();
}
