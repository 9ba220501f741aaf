//! Packages of several tables and files: from CSV or Parquet to a sealed folder by the command line, and
//! over a node to a buyer who takes them home in another form.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use galen::demo::{story, world};
use galen::error::Failure;
use galen::operation::description::Description;
use galen::operation::pack::{self, Charts, PackRequest, TableInput};
use galen::operation::store::PackageStore;
use galen::operation::{self, crypt4gh, listing, prepare, receive, source};
use galen_dataset::deidentify::{Deidentified, Settings};
use galen_dataset::output::{Format, Output};
use galen_dataset::roles::{Role, Roles};
use galen_market::deal::Stage;
use galen_market::layout::BlockRows;
use serde_json::{Value, json};
use support::{DESCRIPTION, Home, ROLES, ward, with};

fn script(name: &str, arguments: &[&Path]) {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let run = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
}

/// Visits of a ward: fewer columns, more rows.
fn visits() -> String {
    let rows = (0..600u32).map(|row| {
        format!("2020-{:02}-01,{},{}\n", 1 + row % 3, ["f", "m"][(row % 2) as usize], row % 9)
    });
    std::iter::once("month,sex,days\n".to_owned()).chain(rows).collect()
}

const VISIT_ROLES: &[&str] =
    &["--role", "month=quasi", "--role", "sex=quasi", "--role", "days=sensitive"];

#[test]
fn a_table_is_the_same_from_csv_and_from_parquet() {
    let home = Home::empty();
    let csv = home.write("ward.csv", ward());
    let parquet = home.path("ward.parquet");
    script("to_parquet.py", &[Path::new(&csv), &parquet]);
    let parquet = parquet.display().to_string();
    let mut seen = [&csv, &parquet].map(|file| home.run(&["dataset", "inspect", file]).done());
    assert_eq!((&seen[0]["places"], &seen[1]["places"]), (&json!("lines"), &json!("rows")));
    for found in &mut seen {
        found["places"] = Value::Null;
        for finding in found["findings"].as_array_mut().unwrap() {
            finding["line"] = Value::Null;
        }
    }
    assert_eq!(seen[0], seen[1], "kinds, roles and findings");
    for (file, out) in [(&csv, "from-csv"), (&parquet, "from-parquet")] {
        home.run(&with(&["dataset", "deidentify", file, "--k", "5", "--out", out], ROLES)).done();
    }
    for name in [prepare::TABLE_FILE, prepare::REPORT_FILE, prepare::ORIGINS_FILE] {
        let read = |folder: &str| fs::read(home.path(folder).join(name)).unwrap();
        assert!(read("from-csv") == read("from-parquet"), "{name}");
    }
    // What is wrong is said with its place and what to do.
    let text = home.write("text.parquet", "a,b\n1,2\n");
    let refused = home.run(&["dataset", "inspect", &text]);
    assert_eq!(refused.refused(), (8, "parquet.damaged".to_owned()));
    let whole = fs::read(&parquet).unwrap();
    let cut = home.write("cut.parquet", &whole[..whole.len() / 2]);
    assert_eq!(
        home.run(&["dataset", "inspect", &cut]).refused(),
        (8, "parquet.damaged".to_owned())
    );
    let alike = home.write("alike.csv", "sex\nmale\nm\u{430}le\n");
    let refused = home.run(&["dataset", "inspect", &alike]);
    assert_eq!(refused.refused(), (8, "csv.look_alike".to_owned()));
    assert!(refused.message().contains("lines 2 and 3"), "{}", refused.message());
}

#[test]
fn adversary_59_what_changes_after_it_was_looked_at_is_not_sold() {
    let home = Home::new();
    let csv = home.write("ward.csv", ward());
    let parquet = home.path("ward.parquet");
    script("to_parquet.py", &[Path::new(&csv), &parquet]);
    home.write("licence.txt", "Use it well.");
    home.write("description.json", DESCRIPTION);
    let parquet = parquet.display().to_string();
    let deidentify = ["dataset", "deidentify", &parquet, "--k", "5", "--out", "data"];
    home.run(&with(&deidentify, ROLES)).done();
    let pack = |out: &str| {
        let pack = ["dataset", "pack", "--small-blocks", "--data", "data", "--out", out];
        home.run(&with(&pack, &["--description", "description.json"]))
    };
    // Between the report and the commitment.
    let table = home.path("data/table.csv");
    let good = fs::read_to_string(&table).unwrap();
    let (before, digit) = good.trim_end().split_at(good.trim_end().len() - 1);
    let other = if digit == "1" { "2" } else { "1" };
    fs::write(&table, format!("{before}{other}\n")).unwrap();
    assert_eq!(pack("changed").refused(), (8, "deidentify.changed".to_owned()));
    assert!(!home.path("changed").exists());
    fs::write(&table, &good).unwrap();
    pack("package").done();
    // Between the commitment and the proof.
    let segments = home.path("package/segments");
    let good = fs::read(&segments).unwrap();
    let mut bad = good.clone();
    bad[40] ^= 1;
    fs::write(&segments, bad).unwrap();
    let refused = home.run(&["dataset", "prove", "package"]);
    assert_ne!(refused.exit, 0, "{}", refused.out);
    assert!(refused.message().contains("segment 0"), "{}", refused.message());
    fs::write(&segments, good).unwrap();
    home.run(&["dataset", "prove", "package"]).done();
    home.run(&["dataset", "verify", "package", "--offline"]).done();
}

#[test]
fn several_tables_and_a_folder_of_files_are_packed_and_proven() {
    let home = Home::new();
    let (csv, other) = (home.write("ward.csv", ward()), home.write("visits.csv", visits()));
    home.write("licence.txt", "Use it well.");
    let described = DESCRIPTION.replacen(
        '{',
        r#"{ "tables": { "visits": { "description": "Stays.", "columns": { "days": { "description": "Days" } } } },"#,
        1,
    );
    home.write("description.json", &described);
    home.write("lost.json", described.replace("\"visits\"", "\"visit\""));
    fs::create_dir_all(home.path("scans/one")).unwrap();
    home.write("scans/one/a.dcm", vec![7; 700_000]);
    home.write("scans/b.txt", "b");
    let deidentify = |file: &str, out: &str, roles: &[&str]| {
        home.run(&with(&["dataset", "deidentify", file, "--k", "5", "--out", out], roles)).done()
    };
    deidentify(&csv, "persons", ROLES);
    deidentify(&other, "stays", VISIT_ROLES);
    let pack = |more: &[&str]| {
        let pack = [
            "dataset",
            "pack",
            "--small-blocks",
            "--data",
            "persons",
            "--data",
            "visits=stays",
            "--file",
            "scans",
        ];
        home.run(&with(&with(&pack, &["--out", "package"]), more))
    };
    let description = ["--description", "description.json"];
    let refused = pack(&with(&description, &["--chart", "sex"]));
    assert_eq!(refused.refused(), (2, "usage".to_owned()), "of which table?");
    assert_eq!(
        pack(&["--description", "lost.json"]).refused(),
        (8, "description.tables".to_owned())
    );
    let packed = pack(&with(&description, &["--chart", "visits:sex"])).done();
    assert_eq!(packed["tables"], json!(["persons", "visits"]));
    assert_eq!(packed["files"], json!(["scans/b.txt", "scans/one/a.dcm"]));
    assert_eq!(packed["k"], json!([5, 5]));
    let manifest: Value =
        serde_json::from_slice(&fs::read(home.path("package/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["resources"][1]["description"], "Stays.");
    assert_eq!(manifest["resources"][1]["deidentification"]["k"], 5);
    assert_eq!(manifest["resources"][3]["mediatype"], "application/dicom");
    assert_eq!(home.run(&["dataset", "prove", "package"]).done()["blocks"], 2);
    let checked = home.run(&["dataset", "verify", "package", "--offline"]).done();
    assert_eq!((&checked["blocks"], &checked["k"]), (&json!(2), &json!([5, 5])));
}

#[test]
fn adversary_60_keys_of_crypt4gh_are_made_again_from_the_words_and_bad_ones_refused() {
    let home = Home::new();
    home.write("secret.txt", "a password of its own\n");
    let new = |out: &str, more: &[&str]| {
        let new = ["key", "crypt4gh", "new", "--key-password-file", "secret.txt", "--out", out];
        home.run(&with(&new, more))
    };
    let made = new("me", &[]).done();
    assert_eq!(new("me", &[]).refused(), (8, "file.exists".to_owned()));
    let public = fs::read_to_string(home.path("me.pub")).unwrap();
    assert_eq!(made["public"], public.as_str());
    assert_eq!(new("again", &["--dry-run"]).done()["public"], public.as_str());
    assert_ne!(new("other", &["--index", "1"]).done()["public"], public.as_str());
    let half = |file: &str, password: &str| {
        home.run(&["key", "crypt4gh", "public", file, "--key-password-file", password])
    };
    assert_eq!(half("me.sec", "secret.txt").done()["public"], public.as_str());
    assert_eq!(half("me.sec", "password").refused(), (7, "crypt4gh.key".to_owned()));
    let secret = fs::read_to_string(home.path("me.sec")).unwrap();
    let cut = home.write("cut.sec", &secret[..secret.len() / 2]);
    assert_eq!(half(&cut, "secret.txt").refused(), (8, "crypt4gh.key".to_owned()));
    // The private key in the place of the public one is refused before a node is asked.
    let decrypt = ["deal", "decrypt", "0", "--out", "opened", "--recipient", "me.sec"];
    let refused = home.run(&decrypt);
    assert_eq!(refused.refused(), (8, "crypt4gh.key".to_owned()));
    assert!(refused.message().contains("private key"), "{}", refused.message());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(home.path("me.sec")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let theirs = home.path("from-client");
    fs::create_dir(&theirs).unwrap();
    let password = Path::new("a password of its own");
    script("crypt4gh_files.py", &[Path::new("keys"), &theirs, password]);
    let shown = half("from-client/theirs.sec", "secret.txt").done();
    assert_eq!(shown["public"], fs::read_to_string(theirs.join("theirs.pub")).unwrap().as_str());
    crypt4gh::recipient(&theirs.join("bare.pub")).unwrap();
}

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn prepared(path: &Path, roles: &[(&str, Role)]) -> (Deidentified, Roles) {
    let roles = Roles(roles.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect());
    let settings = Settings { k: 5, roles: roles.clone(), ..Settings::default() };
    let table = ok(prepare::read_table(path, b','));
    (ok(prepare::deidentify(&table, &settings)), roles)
}

#[test]
fn a_package_of_tables_and_files_is_bought_and_taken_home_in_other_forms() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    let persons = write("persons.csv", ward().as_bytes());
    let visits = write("visits.csv", visits().as_bytes());
    let scan: Vec<u8> = (0..900_001u32).map(|i| (i.wrapping_mul(40_503) >> 7) as u8).collect();
    write("scans/one/a.bin", &scan);
    write("scans/readme.txt", b"Read me.");
    write("licence.txt", b"Use it well.");
    let described = write(
        "offer.json",
        DESCRIPTION
            .replace("[\"HMB\", \"NPU\"]", "[\"HMB\"]")
            .replace("250000", "25000")
            .as_bytes(),
    );
    let (q, s) = (Role::QuasiIdentifier, Role::Sensitive);
    let persons =
        prepared(&persons, &[("patient", Role::Person), ("age", q), ("sex", q), ("glucose", s)]);
    let visits = prepared(&visits, &[("month", q), ("sex", q), ("days", s)]);

    let windows = world::short_windows(120_000, 120_000);
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let out = world.hospital.home.join("package");
    let request = PackRequest {
        institution: world.hospital.account(),
        tables: vec![
            TableInput { name: "persons".to_owned(), result: &persons.0, roles: &persons.1 },
            TableInput { name: "visits".to_owned(), result: &visits.0, roles: &visits.1 },
        ],
        files: ok(source::files(&[root.path().join("scans").display().to_string()])),
        description: &ok(Description::read(&described)),
        charts: &Charts::None,
        block_rows: BlockRows::Small,
        out: &out,
    };
    let store = PackageStore::of(&world.hospital.home);
    let packed = ok(pack::pack(&world.hospital.wallet, &store, &request, &world.prover, &|_| ()));
    let quiet = |_: String| ();
    ok(story::list(&world, &packed.record, &quiet));
    let view = ok(world.session.client().listing(&packed.record.listing()).map_err(Failure::from));
    let names: Vec<_> = view.layout.files().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        (view.summary.tables.len(), names),
        (2, vec!["scans/one/a.bin", "scans/readme.txt"])
    );
    assert_eq!(
        view.summary.declared.unwrap().persons[..2],
        ["one row a person", "rows, not persons"]
    );
    let credential = ok(world.vouch(&["general", "health"]));
    let (deal, folder) = ok(story::buy(&world, &packed.record, &credential, 0, &quiet));
    ok(world.with_agent(|| world.wait_for(&deal.deal, Stage::Verified)));
    let checked = ok(listing::check_remote(
        &world.session,
        &ok(world.session.client().listing(&packed.record.listing()).map_err(Failure::from)),
        world.prover.verifier(),
        &|_, _| (),
    ));
    assert!(checked.proven);

    let password =
        galen::wallet::Password::from_file(&write("pw", b"a password of its own\n")).unwrap();
    let key = world.researcher.wallet.crypt4gh(0);
    let [secret, public] = ok(crypt4gh::write(&key, &password, &root.path().join("me")));
    let open = |name: &str, format: Format, recipients: Vec<_>| {
        let output = Output { format, recipients, ..Output::default() };
        let target = root.path().join(name);
        let (session, wallet) = (&world.session, &world.researcher.wallet);
        let opened = ok(receive::decrypt(
            session,
            wallet,
            &deal,
            &world.prover,
            &folder,
            (&target, &output),
            &|_| (),
        ));
        assert!(opened.warnings.is_empty());
        opened.files
    };
    let original = open("original", Format::Original, Vec::new());
    assert!(fs::read(&original[2]).unwrap() == scan);
    for (file, made) in original.iter().zip([&persons, &visits]) {
        assert!(fs::read(file).unwrap() == galen_dataset::csv_out::to_bytes(&made.0.table));
    }
    open("csv", Format::Csv, Vec::new());
    open("arrow", Format::Arrow, Vec::new());
    let parquet = open("parquet", Format::Parquet, Vec::new());
    let folder = |name: &str| root.path().join(name);
    script(
        "check_formats.py",
        &[&folder("original"), &folder("csv"), &folder("parquet"), &folder("arrow")],
    );
    let sealed = open("sealed", Format::Parquet, vec![ok(crypt4gh::recipient(&public))]);
    for (sealed, clear) in sealed.iter().zip(&parquet) {
        let out = folder("unsealed");
        let password = Path::new("a password of its own");
        script("crypt4gh_files.py", &[Path::new("decrypt"), &secret, password, sealed, &out]);
        assert!(fs::read(out).unwrap() == fs::read(clear).unwrap());
    }
    world.stop();
}
