//! The whole story over HTTP with real proofs and full blocks, and what checkers that share no code with
//! Galen find in the delivered file.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use galen::demo;

/// The interpreter with the checkers: `make test` installs it and names it.
fn python() -> PathBuf {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    python
}

fn check(script: &str, arguments: &[&Path], names: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let run = Command::new(python()).arg(script).args(arguments).args(names).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{err}");
    out.into_owned()
}

#[test]
fn adversary_26_a_dataset_is_listed_bought_delivered_refunded_and_disputed() {
    let root = tempfile::tempdir().unwrap();
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let told = std::cell::RefCell::new(Vec::new());
    let say = |text: String| {
        println!("{text}");
        told.borrow_mut().push(text);
    };
    let world =
        demo::tell(root.path(), any_port, &say).unwrap_or_else(|failure| panic!("{failure:?}"));
    let told = told.into_inner().join("\n");
    for landmark in [
        "different values of mdvis",
        "the listing is live",
        "The licence is active",
        "byte for byte",
        "the ledger itself paid the hospital",
        "the deadline passed",
        "The dispute was upheld",
        "state root",
    ] {
        assert!(told.contains(landmark), "the story does not tell: {landmark}");
    }
    world.stop();

    let delivered = root.path().join("researcher/opened").join(opened_name(root.path()));
    let quasi = "site,black,income,xage,female,educdec,num";
    let k = demo::K.to_string();
    let l = format!("{}={}", demo::story::SENSITIVE, demo::story::L);
    let measured = ["--qi", quasi, "--k", &k, "--l", &l];
    let found = check("check_anonymity.py", &[&delivered], &measured);
    println!("{found}");
    let origins = root.path().join("hospital/deidentified/origins.csv");
    let source = root.path().join("randhie.csv.gz");
    let (origins, source) = (origins.to_str().unwrap(), source.to_str().unwrap());
    let arguments = [
        "--source",
        source,
        "--origins",
        origins,
        "--person",
        "zper",
        "--qi",
        quasi,
        "--k",
        &k,
        "--one-row",
    ];
    let found = check("check_persons.py", &[&delivered], &arguments);
    println!("{found}");
}

/// The only CSV file that the researcher opened; the description lies beside it.
fn opened_name(root: &Path) -> PathBuf {
    let folder = root.join("researcher/opened");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.filter(|name| name != "datapackage.json").collect();
    assert_eq!(names.len(), 1, "{names:?}");
    PathBuf::from(names.remove(0))
}
