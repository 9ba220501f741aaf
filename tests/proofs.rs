//! Proofs of a listing on a real ledger: a prover that is killed goes on without proving anything twice,
//! and whoever asks a node for the proofs verifies all of them, with this program and with one that
//! shares no code with it.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use support::{Home, Node, account, portal, with};

/// k-anonymity, diversity of two columns, and charts of all five.
const STATEMENTS: usize = 8;

/// Rows of some small blocks: classes of 50 by age and sex, with an illness and a cost.
fn table() -> String {
    let mut text = String::from("age,sex,illness,cost,day\n");
    for row in 0..6_000 {
        let class = row / 25;
        text.push_str(&format!(
            "{},{},{},{},20{:02}-{:02}-{:02}\n",
            20 + class % 60,
            ["f", "m"][class / 60 % 2],
            ["a", "b", "c", "d", "e"][row % 5],
            row * row % 900,
            row % 17 + 1,
            row % 12 + 1,
            row % 28 + 1,
        ));
    }
    text
}

const DESCRIPTION: &str = r#"{
  "name": "ward-7", "title": "Ward 7", "description": "Costs of ward 7.", "citation": "A ward.",
  "price": "250000 EUR", "clauses": ["HMB"], "licence_months": 24,
  "licence_name": "A licence", "licence_file": "licence.txt"
}"#;

/// Bundles that have their names, with their bytes.
fn bundles(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.starts_with("block-"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

/// Openings that the log records: 16 bytes each, after 40.
fn openings(home: &Home, package: &str) -> usize {
    let log = home.path("home/packages").join(package).join("openings");
    fs::read(log).map_or(0, |bytes| bytes.len().saturating_sub(40) / 16)
}

/// A hospital with a packed table, of which nothing is proven; the package's id and number of blocks.
fn packed() -> (Home, String, usize) {
    let home = Home::new();
    let csv = home.write("ward.csv", table());
    home.write("licence.txt", "Use it well.");
    home.write("description.json", DESCRIPTION);
    let deidentify =
        ["dataset", "deidentify", &csv, "--k", "11", "--out", "data", "--small-blocks"];
    let roles =
        ["age=quasi", "sex=quasi", "illness=sensitive", "cost=sensitive", "day=insensitive"];
    let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
    let l = ["--l", "illness=4", "--l", "cost=5"];
    home.run(&with(&with(&deidentify, &roles), &l)).done();
    let pack = ["dataset", "pack", "--data", "data", "--description", "description.json"];
    let rest = ["--out", "package", "--chart", "all", "--small-blocks"];
    let made = home.run(&with(&pack, &rest)).done();
    assert_eq!(made["uncharted"], json!([]));
    let package = made["package"].as_str().unwrap().to_owned();
    let blocks = usize::try_from(made["blocks"].as_u64().unwrap()).unwrap();
    assert!(blocks > 4, "{blocks} blocks");
    (home, package, blocks)
}

/// Kills the prover once some blocks, and not all, are proven; then lets it end.
fn killed_and_resumed(home: &Home, package: &str, blocks: usize) {
    let folder = home.path("package/proofs");
    let password = home.path("password");
    let mut child = home
        .command(&["dataset", "prove", "package"], &password)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while bundles(&folder).len() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL: nothing of it runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    let (before, spent) = (bundles(&folder), openings(home, package));
    assert!((2..blocks).contains(&before.len()), "{} blocks were proven", before.len());
    assert!(spent >= before.len(), "every bundle with a name was counted first");
    assert!(spent <= before.len() + 1, "no more than the block in the making");

    let done = home.run(&["dataset", "prove", "package"]).done();
    assert_eq!(done["blocks"], blocks);
    let after = bundles(&folder);
    assert_eq!(after.len(), blocks);
    for (name, bytes) in &before {
        assert_eq!(&after[name], bytes, "{name} was proven again");
    }
    assert_eq!(openings(home, package), spent + blocks - before.len());
    // Once more: nothing is left to prove.
    home.run(&["dataset", "prove", "package"]).done();
    assert_eq!(bundles(&folder), after);
    assert_eq!(openings(home, package), spent + blocks - before.len());
}

/// A change of the answers to some question: whatever it returns has the same length.
type Change = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send>;

/// Stands between a node and whoever asks it, and changes its answers.
struct Between {
    url: String,
    change: Arc<Mutex<Change>>,
}

impl Between {
    fn start(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let node = node.strip_prefix("http://").unwrap().to_owned();
        let change: Arc<Mutex<Change>> = Arc::new(Mutex::new(Box::new(|_, bytes| bytes)));
        let theirs = change.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (node, change) = (node.clone(), theirs.clone());
                std::thread::spawn(move || Self::pass(&node, &change, stream.unwrap()));
            }
        });
        Self { url, change }
    }

    fn pass(node: &str, change: &Mutex<Change>, mut stream: TcpStream) -> Option<()> {
        let mut head = BufReader::new(stream.try_clone().ok()?).lines();
        let first = head.next()?.ok()?;
        let path = first.split(' ').nth(1)?.to_owned();
        let range = head
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .find(|line| line.to_ascii_lowercase().starts_with("range:"));
        let range = range.map_or_else(String::new, |line| format!("{line}\r\n"));
        let mut to = TcpStream::connect(node).ok()?;
        write!(to, "GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n{range}\r\n").ok()?;
        let mut answer = Vec::new();
        to.read_to_end(&mut answer).ok()?;
        let answer = (change.lock().unwrap())(&path, answer);
        stream.write_all(&answer).ok()
    }
}

/// Whether a path asks for the listing itself, for the proofs of its fourth block, or for keys.
fn asks(path: &str, what: &str) -> bool {
    match what {
        LISTING => path.contains("/listings/") && !path.contains("/proofs/"),
        part => path.ends_with(part),
    }
}

const LISTING: &str = "listing";
const PROOFS: &str = "/proofs/0/3";
const KEYS: &str = "/verifying-keys";

/// Puts other bytes of the same length wherever these stand.
fn replaced(what: &'static str, from: &'static str, to: &'static str) -> Change {
    assert_eq!(from.len(), to.len());
    Box::new(move |path, mut bytes| {
        if asks(path, what) {
            let all = 0..bytes.len() - from.len();
            let found: Vec<usize> =
                all.filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
            assert!(!found.is_empty(), "{from} in the answer to {path}");
            for at in found {
                bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
        bytes
    })
}

/// Changes the first digit of a text, or one so many places before its end.
fn digit(what: &'static str, text: &'static str, from_end: Option<usize>) -> Change {
    Box::new(move |path, mut bytes| {
        if asks(path, what) {
            let found = bytes.windows(text.len()).position(|window| window == text.as_bytes());
            let start =
                found.unwrap_or_else(|| panic!("{text} in the answer to {path}")) + text.len();
            let length = bytes[start..].iter().position(|byte| *byte == b'"').unwrap();
            let at = start + from_end.map_or(0, |back| length - back);
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        }
        bytes
    })
}

#[test]
fn a_killed_prover_goes_on_and_everybody_verifies_what_the_ledger_holds() {
    let (hospital, package, blocks) = packed();
    killed_and_resumed(&hospital, &package, blocks);

    let operator = Home::new();
    operator.run(&["node", "init"]).done();
    operator.write("evidence.pdf", "signed and sealed");
    let node = Node::start(&operator);
    let run = |home: &Home, arguments: &[&str]| {
        home.run(&with(arguments, &["--node", &node.url, "--yes"]))
    };
    let institution = account(&hospital, "institution");
    let admit = ["registrar", "admit", "--account", &institution, "--role", "institution"];
    let rest = ["--name", "Hospital", "--evidence", "evidence.pdf"];
    run(&operator, &with(&admit, &rest)).done();
    let mint = ["gateway", "mint", "--to", &institution, "--amount", "1000000 EUR"];
    run(&operator, &mint).done();
    let published = run(&hospital, &["dataset", "publish", "package"]).done();
    assert_eq!(published["blocks"], blocks);
    assert_eq!(published["standing"]["state"], "live");

    // Somebody with no wallet, no file and no account.
    let visitor = Home::empty();
    let verify = |url: &str| visitor.run(&["dataset", "verify", &package, "--node", url]);
    let checked = verify(&node.url).done();
    assert_eq!(checked["blocks"], blocks);
    assert_eq!(checked["proven"], true);
    let tools = portal::tools();
    let theirs = |url: &str| portal::independent(tools, &["listing", url, &institution, &package]);
    let said = theirs(&node.url);
    assert_eq!(said["outcome"], "accepted", "{said}");
    assert_eq!(said["blocks"], blocks);
    assert_eq!(said["statements"], blocks * STATEMENTS);
    let missing = format!("{}/api/v1/listings/{institution}/{package}/proofs/0/{blocks}", node.url);
    let script = format!("fetch('{missing}').then((answer) => console.log(answer.status))");
    let answer = Command::new("node").args(["-e", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "404", "there is no seventh block");

    // A node that lies is found out by both, each in its own words.
    let between = Between::start(&node.url);
    verify(&between.url).done();
    let lies: [(&str, Change, &str, &str); 6] = [
        ("the value of a share", digit(PROOFS, BUNDLE, Some(127)), "opening", "proof.refused"),
        ("the number of proofs", digit(PROOFS, BUNDLE, None), "encoding", "proof.malformed"),
        ("k", replaced(LISTING, "\"k\":11", "\"k\":12"), "state", "proof.claims"),
        ("a sum", digit(LISTING, "\"sum\":\"", Some(1)), "state", "proof.totals"),
        ("a leaf", digit(PROOFS, "\"leaves\":[\"", Some(1)), "leaves", ""),
        ("a key", digit(KEYS, "\"k-anonymity/1/1016\":\"", Some(1)), "key", ""),
    ];
    for (what, change, reason, code) in lies {
        *between.change.lock().unwrap() = change;
        let said = theirs(&between.url);
        assert_eq!(said["outcome"], reason, "{what}: {said}");
        let ran = verify(&between.url);
        if code.is_empty() {
            // It has leaves and keys of its own, and does not ask for these.
            ran.done();
        } else {
            assert_eq!(ran.refused(), (3, code.to_owned()), "{what}");
        }
    }
    a_visitor_checks(tools, &node.url, &institution, &package, blocks);
}

/// What must stand in the outcome of a lie: that it failed, and what did.
const LIES: [(&str, &str); 17] = [
    ("proof byte", "row block 2: a column does not open"),
    ("leaf", "row block 2: the leaves are not in the package's tree"),
    ("proof of another block", "row block 2: the path is too short"),
    ("root", "the listing that is shown is not the one in the signed state"),
    ("k", "what is claimed of the tables (k, l, charts) that is shown is not the one"),
    ("price", "the offer (price and terms) that is shown is not the one"),
    ("listing of another name", "the proof of listing is of something else"),
    ("absence", "the proof of listing does not lead to the state root"),
    ("state root", "does not lead to the state root that the validators signed"),
    ("header", "is not of this block"),
    ("chain of the header", "is of another ledger"),
    ("signature", "is not of this block"),
    ("no signatures", "stake signed, more than two thirds are needed"),
    ("other validators", "are not those that the header names"),
    ("verifying key", "the verifying keys are not those that the genesis pins"),
    ("genesis", "is of another ledger"),
    ("missing proofs", "row block 2: the answer has another form"),
];

/// "Check in my browser", on the page of an honest node and with answers changed on the way.
fn a_visitor_checks(tools: &Path, url: &str, institution: &str, package: &str, blocks: usize) {
    let folder = tempfile::tempdir().unwrap();
    let at = std::env::var("GALEN_SCREENSHOTS")
        .unwrap_or_else(|_| folder.path().to_str().unwrap().to_owned());
    let said = portal::browse(tools, "check.mjs", &[url, institution, package, &at]);
    let text = |name: &str| said[name]["text"].as_str().unwrap_or_else(|| panic!("{name}"));
    let passed = "Verified in this browser.";

    let honest = text("honest");
    assert!(honest.contains(passed) && honest.contains("k = 11"), "{honest}");
    assert!(honest.contains(&format!("{} statements about", blocks * STATEMENTS)), "{honest}");
    assert!(honest.contains("The code that checked came from this site"), "{honest}");
    assert!(honest.contains("forgeable"), "a development ledger is called one: {honest}");
    assert!(honest.contains(&format!("galen dataset verify {institution}/{package}")), "{honest}");
    let steps = said["honest"]["progress"].as_array().unwrap();
    let first = format!("0 of {blocks} row blocks verified");
    assert!(steps.len() >= 2 && steps[0] == first, "{steps:?}");
    assert_eq!(said["honest"]["broken"], json!([]), "the policy holds");
    assert_eq!(said["honest"]["asked"], json!([]), "nothing is asked elsewhere");
    let policy = &said["honest"]["policy"];
    assert!(policy["cache"].as_str().unwrap().contains("immutable"), "{policy}");
    assert!(policy["kept"].as_str().unwrap().starts_with("attachment"), "{policy}");

    assert!(text("chinese").contains("已在本浏览器中验证通过"), "{}", text("chinese"));
    assert!(text("no-script").contains("galen dataset verify"), "{}", text("no-script"));
    assert_eq!(text("cancelled"), "Cancelled. Nothing was concluded.");
    for (lie, why) in LIES {
        let text = text(&format!("lie: {lie}"));
        assert!(text.starts_with("The check failed.") && text.contains(why), "{lie}: {text}");
        assert!(!text.contains(passed), "{lie}: {text}");
    }

    for good in ["standalone: node", "standalone: saved"] {
        assert!(text(good).contains(passed), "{good}: {}", text(good));
        assert_eq!(said[good]["asked"], json!([]), "{good}");
    }
    let foreign = text("standalone: saved, of another ledger");
    assert!(foreign.contains("is of another ledger: its genesis hash is"), "{foreign}");
    let changed = text("standalone: saved, changed");
    assert!(changed.contains("row block 2: a column does not open"), "{changed}");
}

#[test]
fn the_committed_scripts_are_those_of_the_sources() {
    let built = portal::tools().join("portal/dist");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/portal/dist");
    let names = |folder: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&built), ["galen-check.html", "galen-check.js", "galen-open.js"]);
    assert_eq!(names(&committed), names(&built));
    for name in names(&built) {
        let same = fs::read(built.join(&name)).unwrap() == fs::read(committed.join(&name)).unwrap();
        assert!(same, "web/portal/dist/{} is stale: run make portal", name.display());
    }
}

const BUNDLE: &str = "\"bundle\":\"";
