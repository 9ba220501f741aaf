//! Wrong input of every kind, given to the binary itself: each has its own code, says what to do,
//! ends with its exit code and leaves nothing half done.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use support::{DESCRIPTION, Home, ROLES, copy, ward, with};

/// A hospital that de-identified, packed and proved a table. Made once: proving takes a while.
fn hospital() -> &'static (Home, String) {
    static HOSPITAL: OnceLock<(Home, String)> = OnceLock::new();
    HOSPITAL.get_or_init(|| {
        let home = Home::new();
        let csv = home.write("ward.csv", ward());
        home.write("licence.txt", "Use it well.");
        home.write("description.json", DESCRIPTION);
        let report = home
            .run(&with(&["dataset", "deidentify", &csv, "--k", "5", "--out", "data"], ROLES))
            .done();
        assert!(report["report"]["k_reached"].as_u64().unwrap() >= 5);
        let pack = [
            "dataset",
            "pack",
            "--data",
            "data",
            "--description",
            "description.json",
            "--out",
            "package",
        ];
        let packed = home.run(&with(&pack, &["--small-blocks"])).done();
        let proven = home.run(&["dataset", "prove", "package"]).done();
        assert_eq!(proven["forgeable_parameters"], true);
        let checked = home.run(&["dataset", "verify", "package", "--offline"]).done();
        assert_eq!(checked["blocks"], packed["blocks"]);
        (home, packed["package"].as_str().unwrap().to_owned())
    })
}

#[test]
fn tables_that_are_none_are_refused_with_their_own_codes() {
    let home = Home::empty();
    let huge = format!("a,b\n{},1\n", "x".repeat((1 << 20) + 1));
    let cases: &[(&str, Vec<u8>, &str, &str)] = &[
        ("good.csv", b"age,sex\n1,f\n".to_vec(), "", ""),
        ("ragged.csv", b"age,sex\n1,f\n2\n".to_vec(), "csv.ragged", "line 3"),
        ("empty.csv", Vec::new(), "csv.empty", ""),
        ("header.csv", b"age,sex\n".to_vec(), "csv.no_rows", ""),
        ("binary.csv", b"age,sex\n1,\x00\n".to_vec(), "csv.binary", "line 2, column 3"),
        ("huge.csv", huge.into_bytes(), "csv.long_field", "line 2, column 1"),
        ("latin.csv", b"age,sex\n1,\xe9\n".to_vec(), "csv.not_utf8", "line 2"),
        ("quote.csv", b"age,sex\n1,\"f\n".to_vec(), "csv.open_quote", "line 2"),
        ("twice.csv", b"age,age\n1,2\n".to_vec(), "csv.duplicate_name", "age"),
        ("unnamed.csv", b"age,\n1,2\n".to_vec(), "csv.empty_name", "column 2"),
    ];
    for (name, bytes, code, place) in cases {
        let file = home.write(name, bytes);
        let ran = home.run(&["dataset", "inspect", &file]);
        if code.is_empty() {
            assert_eq!(ran.done()["rows"], 1, "the twin without a fault is read");
        } else {
            assert_eq!(ran.refused(), (8, (*code).to_owned()), "{name}");
            assert!(
                ran.message().contains(place) && ran.message().contains(name),
                "{}",
                ran.message()
            );
        }
    }
    assert_eq!(
        home.run(&["dataset", "inspect", "nowhere.csv"]).refused(),
        (8, "csv.open".to_owned())
    );
}

#[test]
fn pipes_and_devices_are_refused_before_they_are_read() {
    let home = Home::empty();
    let pipe = home.path("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let folder = home.path("folder.csv");
    fs::create_dir(&folder).unwrap();
    for path in [pipe.as_path(), folder.as_path(), Path::new("/dev/zero")] {
        let shown = path.display().to_string();
        let ran = home.run(&["dataset", "inspect", &shown]);
        assert_eq!(ran.refused(), (8, "csv.no_file".to_owned()), "{shown}");
        assert!(ran.message().contains(&shown), "{}", ran.message());
    }
    // A link to a file is one.
    let file = home.write("good.csv", "age,sex\n1,f\n");
    let link = home.path("link.csv");
    std::os::unix::fs::symlink(file, &link).unwrap();
    home.run(&["dataset", "inspect", &link.display().to_string()]).done();
}

#[test]
fn adversary_56_a_column_whose_name_is_a_formula_is_not_packed() {
    let home = Home::new();
    home.write("licence.txt", "Use it well.");
    let description = home.write("description.json", DESCRIPTION);
    let roles = &ROLES[..ROLES.len() - 2];
    for (data, name) in [("a", "=1+1"), ("b", "\u{ff20}day"), ("c", "glucose")] {
        let csv = home.write("ward.csv", ward().replacen("glucose", name, 1));
        home.run(&with(&["dataset", "deidentify", &csv, "--k", "5", "--out", data], roles)).done();
        let pack = ["dataset", "pack", "--data", data, "--description", &description];
        let ran = home.run(&with(&pack, &["--out", "package", "--small-blocks", "--dry-run"]));
        if name != "glucose" {
            assert_eq!(ran.refused(), (8, "pack.formula".to_owned()), "{name}");
            assert!(ran.message().contains(name), "{}", ran.message());
        } else {
            ran.done();
        }
    }
}

#[test]
fn roles_and_k_that_do_not_fit_leave_no_folder() {
    let home = Home::empty();
    let csv = home.write("ward.csv", ward());
    let before = home.names();
    let deidentify =
        |more: &[&str]| home.run(&with(&["dataset", "deidentify", &csv, "--out", "data"], more));
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&["--role", "aeg=quasi"], 8, "role.unknown_column", "age"),
        (&["--role", "age=secret"], 8, "role.unknown", "quasi-identifier"),
        (&["--role", "age"], 8, "role.form", "column=role"),
        (&["--role", "age=person", "--role", "sex=person"], 8, "role.two_persons", "age"),
        (&["--role", "age=quasi", "--k", "241"], 8, "deidentify.k_unreachable", "largest k is 240"),
        (&["--role", "age=quasi", "--k", "1"], 8, "deidentify.k_range", "2"),
        (&["--role", "age=quasi", "--suppression", "1.5"], 8, "deidentify.suppression", "0 to 1"),
        (
            &["--role", "glucose=sensitive", "--weight", "glucose=2"],
            8,
            "deidentify.not_quasi",
            "glucose",
        ),
        (&["--role", "sex=quasi", "--hierarchy", "sex=intervals:5"], 8, "hierarchy", "sex"),
    ];
    for (more, exit, code, word) in cases {
        let ran = deidentify(more);
        assert_eq!(ran.refused(), (*exit, (*code).to_owned()), "{more:?}");
        assert!(ran.message().contains(word), "{}", ran.message());
        assert_eq!(home.names(), before, "{more:?} left something");
    }
    let roles = home.write("roles.json", "{\"age\": \"quasi\"");
    assert_eq!(deidentify(&["--roles", &roles]).refused(), (8, "role.file".to_owned()));
    deidentify(&with(&["--dry-run"], ROLES)).done();
    assert!(!home.path("data").exists(), "a dry run writes nothing");
    deidentify(ROLES).done();
    assert_eq!(deidentify(ROLES).refused(), (8, "file.exists".to_owned()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(home.path("data/origins.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "who is who stays private");
    }
}

#[test]
fn descriptions_and_tables_that_do_not_fit_are_not_packed() {
    let home = Home::new();
    let csv = home.write("ward.csv", ward());
    home.write("licence.txt", "Use it well.");
    home.run(&with(&["dataset", "deidentify", &csv, "--k", "5", "--out", "data"], ROLES)).done();
    let pack = |name: &str, text: String| {
        let description = home.write(name, text);
        home.run(&[
            "dataset",
            "pack",
            "--data",
            "data",
            "--description",
            &description,
            "--out",
            "package",
            "--small-blocks",
            "--dry-run",
        ])
    };
    pack("good.json", DESCRIPTION.to_owned()).done();
    let change = |from: &str, to: &str| {
        assert!(DESCRIPTION.contains(from));
        DESCRIPTION.replace(from, to)
    };
    let cases = [
        (change("title", "titel"), 8, "description"),
        (change("250000 EUR", "2500.00 EUR"), 2, "money"),
        (change("HMB", "DUO:0000099"), 8, "terms.clause"),
        (change("[\"HMB\", \"NPU\"]", "[\"NPU\"]"), 8, "description.terms"),
        (change("\"licence_months\": 24", "\"licence_months\": 0"), 8, "description.terms"),
        (change("licence.txt", "nowhere.txt"), 1, "file.io"),
        (change("\"ward-7\"", "\"Ward 7\""), 8, "package.manifest"),
        (
            change("\"citation\"", "\"columns\": {\"aeg\": {}}, \"citation\""),
            8,
            "role.unknown_column",
        ),
    ];
    for (text, exit, code) in cases {
        assert_eq!(pack("bad.json", text.clone()).refused(), (exit, code.to_owned()), "{text}");
    }
    let table = home.path("data/table.csv");
    let text = fs::read_to_string(&table).unwrap();
    let first = text.lines().nth(1).unwrap().to_owned();
    fs::write(&table, text.replacen(&format!("{first}\n"), "", 1)).unwrap();
    assert_eq!(
        pack("good.json", DESCRIPTION.to_owned()).refused(),
        (8, "deidentify.changed".to_owned())
    );
    assert!(
        !home.path("package").exists() && !home.path("home/packages").exists(),
        "nothing is half done"
    );
}

#[test]
fn tampered_packages_and_proofs_are_named_by_what_was_changed() {
    let (hospital, _) = hospital();
    let cases: &[(&str, &str, i32, &str)] = &[
        ("nothing", "", 0, ""),
        ("segments", "flip", 8, "package.segment"),
        ("segments", "cut", 8, "package.segments_length"),
        ("leaves", "flip", 8, "package.leaves"),
        ("leaves", "cut", 8, "package.leaves_length"),
        ("manifest.json", "flip", 8, "package.manifest"),
        ("manifest.json", "word", 8, "package.id"),
        ("layout", "cut", 8, "package.layout"),
        ("package.json", "cut", 8, "package.summary"),
        ("package.json", "remove", 8, "package.file"),
        ("proofs/block-0-0", "flip", 3, "proof.refused"),
        ("proofs/block-0-0", "cut", 3, "proof.malformed"),
        ("proofs/block-0-0", "remove", 3, "proof.missing"),
    ];
    let work = tempfile::tempdir().unwrap();
    for (index, (name, how, exit, code)) in cases.iter().enumerate() {
        let folder = work.path().join(index.to_string());
        copy(&hospital.path("package"), &folder);
        let path = folder.join(name);
        let mut bytes = fs::read(&path).unwrap_or_default();
        match *how {
            "flip" if *name == "proofs/block-0-0" => {
                // Inside an evaluation, a field element: another canonical one.
                let at = bytes.len() - 200;
                bytes[at] ^= 1;
                fs::write(&path, &bytes).unwrap();
            }
            "flip" => {
                let at = bytes.len() / 2;
                bytes[at] ^= if *name == "manifest.json" { 0x80 } else { 1 };
                fs::write(&path, &bytes).unwrap();
            }
            "word" => {
                let text = String::from_utf8(bytes).unwrap();
                assert!(text.contains("Ward 7"));
                fs::write(&path, text.replace("Ward 7", "Ward 8")).unwrap();
            }
            "cut" => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
            "remove" => fs::remove_file(&path).unwrap(),
            _ => {}
        }
        let shown = folder.display().to_string();
        let ran = hospital.run(&["dataset", "verify", &shown, "--offline"]);
        if code.is_empty() {
            ran.done();
        } else {
            let (got, found) = ran.refused();
            let malformed = found == "proof.malformed" && *code == "proof.refused";
            assert!(
                got == *exit && (found == *code || malformed),
                "{name} {how}: {found} ({got}): {}",
                ran.message()
            );
        }
    }
}

#[test]
fn keys_of_others_and_damaged_keys_open_nothing() {
    let (hospital, package) = hospital();
    let wrong = hospital.write("wrong-password", "another four random words\n");
    let ran = hospital.run_with(&["key", "show", "--role", "institution"], Path::new(&wrong));
    assert_eq!(ran.refused(), (7, "key.wrong_password".to_owned()));
    hospital.run(&["key", "show", "--role", "institution"]).done();

    let empty = Home::empty();
    assert_eq!(empty.run(&["key", "list"]).refused(), (7, "key.missing".to_owned()));
    let thief = Home::new();
    copy(&hospital.path("home/packages"), &thief.path("home/packages"));
    fs::remove_dir_all(thief.path(&format!("home/packages/{package}"))).unwrap();
    assert_eq!(
        thief.run(&["dataset", "prove", package]).refused(),
        (7, "package.not_ours".to_owned())
    );
    copy(&hospital.path("home/packages"), &thief.path("home/packages"));
    assert_eq!(thief.run(&["dataset", "prove", package]).refused(), (7, "key.package".to_owned()));

    let keeper = Home::empty();
    copy(&hospital.path("home"), &keeper.path("home"));
    let key = keeper.path(&format!("home/packages/{package}/key"));
    let good = fs::read(&key).unwrap();
    let mut bytes = good.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&key, &bytes).unwrap();
    assert_eq!(keeper.run(&["dataset", "prove", package]).refused(), (7, "key.package".to_owned()));
    fs::write(&key, &good).unwrap();
    // Proofs that are there are kept, so that the twin opens no block again.
    keeper.run(&["dataset", "prove", package]).done();

    let store = keeper.path("home/keystore");
    let bytes = fs::read(&store).unwrap();
    fs::write(&store, &bytes[..bytes.len() - 1]).unwrap();
    let (exit, code) = keeper.run(&["key", "list"]).refused();
    assert!(exit == 7 && matches!(code.as_str(), "key.damaged" | "key.foreign"), "{code}");
    assert_eq!(keeper.run(&["key", "new"]).refused(), (7, "key.exists".to_owned()));
}

#[test]
fn nobody_there_and_wrong_addresses_have_their_exit_codes() {
    let (hospital, package) = hospital();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    let account = "11".repeat(32);
    let commands: &[&[&str]] = &[
        &["node", "status"],
        &["account", "show", &account],
        &["dataset", "list"],
        &["dataset", "show", package],
        &["dataset", "publish", package],
        &["dataset", "withdraw", package, "--reason", "a test"],
        &["gateway", "mint", "--to", &account, "--amount", "1 EUR"],
        &["registrar", "list"],
        &["issuer", "list"],
    ];
    for command in commands {
        let ran = hospital.run(&with(command, &["--node", &nobody]));
        assert_eq!(ran.refused(), (5, "node.unreachable".to_owned()), "{command:?}");
        assert!(ran.message().contains(&nobody));
    }
    let ran = hospital.run(&["node", "status", "--node", "127.0.0.1:4850"]);
    assert_eq!(ran.refused(), (2, "node.address".to_owned()));
}

#[test]
fn wrong_command_lines_change_nothing() {
    let home = Home::new();
    let account = "11".repeat(32);
    for amount in ["5", "1.50 EUR", "-1 EUR", "5 eur", "99999999999999999999 EUR"] {
        let ran = home.run(&["gateway", "mint", "--to", &account, &format!("--amount={amount}")]);
        assert_eq!(ran.refused(), (2, "money".to_owned()), "{amount}");
    }
    assert_eq!(home.run(&["account", "show", "xyz"]).exit, 2);
    assert_eq!(home.run(&["dataset"]).exit, 2);
    let contract = home.write("contract.pdf", "signed");
    let gateway = [
        "registrar",
        "admit",
        "--account",
        &account,
        "--role",
        "gateway",
        "--name",
        "A bank",
        "--evidence",
        &contract,
    ];
    assert_eq!(home.run(&gateway).exit, 2);
    let ran = home.run(&["key", "backup", "--out", "words"]);
    assert_eq!(ran.refused(), (9, "not_confirmed".to_owned()));
    assert!(!home.path("words").exists());
}

#[test]
fn a_ledger_begins_once_and_only_with_a_genesis_that_holds_together() {
    let home = Home::new();
    home.run(&["node", "init", "--dry-run"]).done();
    assert!(!home.path("home/node").exists(), "a dry run writes nothing");
    let made = home.run(&["node", "init"]).done();
    assert_eq!(made["validator"], true);
    let genesis = fs::read(home.path("home/node/genesis.json")).unwrap();
    assert_eq!(home.run(&["node", "init"]).refused(), (8, "genesis.exists".to_owned()));
    assert_eq!(fs::read(home.path("home/node/genesis.json")).unwrap(), genesis);

    // Another member takes the same beginning, and does not vote.
    let copied = home.write("genesis.json", &genesis);
    let member = home.run(&["node", "init", "--data", "member", "--genesis", &copied]).done();
    assert_eq!(
        (member["chain_id"].clone(), member["validator"].clone()),
        (made["chain_id"].clone(), false.into())
    );

    let mut document: Value = serde_json::from_slice(&genesis).unwrap();
    let fields = document.as_object_mut().unwrap();
    fields.remove("proving_parameters");
    let consortium = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        let path = home.write("consortium.json", serde_json::to_vec(&document).unwrap());
        home.run(&["node", "init", "--data", "other", "--consortium", &path])
    };
    type Case<'a> = (&'a dyn Fn(&mut Value), i32, &'a str);
    let cases: &[Case<'_>] = &[
        (&|d| d["registrars"]["threshold"] = 2.into(), 8, "genesis.check"),
        (&|d| d["validators"] = Value::Array(Vec::new()), 8, "genesis.check"),
        (&|d| d["network"] = "production".into(), 1, "parameters.forgeable"),
        (&|d| d["opener"] = "00".into(), 8, "genesis.description"),
        (&|d| d["colour"] = "blue".into(), 8, "genesis.description"),
    ];
    for (change, exit, code) in cases {
        let ran = consortium(change);
        assert_eq!(ran.exit, *exit, "{code}: {}", ran.message());
        assert!(ran.message().contains(code), "{code}: {}", ran.message());
        assert!(!home.path("other").exists(), "{code} left a folder");
    }
    consortium(&|_| {}).done();
    let ran = home.run(&["node", "run", "--data", "nowhere"]);
    assert_eq!(ran.exit, 8);
    assert!(ran.message().contains("genesis.missing"), "{}", ran.message());
    assert!(ran.message().contains("galen node init"), "{}", ran.message());
}

#[test]
fn a_shard_is_proven_elsewhere_and_joined() {
    let home = Home::new();
    let csv = home.write("ward.csv", ward());
    home.write("licence.txt", "Use it well.");
    home.write("description.json", DESCRIPTION);
    let deidentify =
        ["dataset", "deidentify", &csv, "--k", "5", "--l", "glucose=4", "--small-blocks"];
    let wrong = home.run(&with(&deidentify[..5], &["--l", "glucose=many"]));
    assert_eq!(wrong.refused(), (2, "usage".to_owned()));
    let wrong = home.run(&with(&with(&deidentify[..5], &["--l", "sex=2"]), ROLES));
    assert_eq!(wrong.refused(), (8, "deidentify.not_sensitive".to_owned()));
    let out = with(&["--role", "glucose=sensitive", "--out", "data"], ROLES);
    let done = home.run(&with(&deidentify, &out)).done();
    assert!(done["report"]["diversity"][0]["reached"].as_u64().unwrap() >= 4, "{done}");
    let pack = ["dataset", "pack", "--data", "data", "--description", "description.json"];
    let large = home.run(&with(&pack, &["--out", "package"]));
    assert_eq!(large.refused().1, "pack.table", "arranged for small blocks");
    let small = ["--out", "package", "--small-blocks", "--chart", "all"];
    let packed = home.run(&with(&pack, &small)).done();
    let charts = packed["claims"][0]["charts"].as_array().unwrap().len();
    assert!(charts >= 2, "{packed}");

    let prove = ["dataset", "prove", "package"];
    let beyond = home.run(&with(&prove, &["--blocks", "0..9", "--out", "shard"]));
    assert_eq!(beyond.refused(), (8, "proof.shard".to_owned()));
    let lone = home.run(&with(&prove, &["--blocks", "0..1"]));
    assert_eq!(lone.exit, 2, "a shard needs a folder");
    home.run(&with(&prove, &["--blocks", "0..1", "--out", "shard"])).done();
    let verify = ["dataset", "verify", "package", "--offline"];
    assert_eq!(home.run(&verify).refused(), (3, "proof.missing".to_owned()));
    let joined = home.run(&with(&prove, &["--combine", "shard"])).done();
    assert_eq!((&joined["taken"], &joined["complete"]), (&1.into(), &true.into()));
    assert_eq!(home.run(&verify).done()["blocks"], 1);
    let again = home.run(&with(&prove, &["--combine", "shard"])).done();
    assert_eq!((&again["taken"], &again["kept"]), (&0.into(), &1.into()));
    fs::remove_file(home.path("shard/shard.json")).unwrap();
    assert_ne!(home.run(&with(&prove, &["--combine", "shard"])).exit, 0);
}
