//! A production network, by the binary itself: a ceremony as `docs/ceremony.md` walks through it, a
//! folder of parameters, a ledger that begins with it, and a node that runs and calls nothing forgeable.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::keys::Index;
use galen_zk::point::G2Point;
use galen_zk::proof::VerifyingKey;
use galen_zk::setup::file_stem;
use galen_zk::testing::powers_file;
use rand::rngs::OsRng;
use serde_json::Value;

use support::{Home, Node, with};

/// The words of a command as a shell splits them; its comment is left out.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '#' if !quoted => break,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Runs the commands of the first block of the documentation, as they stand there.
fn walk_through(home: &Home) {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ceremony.md");
    let text = fs::read_to_string(text).unwrap();
    let block = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let lines: Vec<&str> = block.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() >= 12, "{block}");
    for line in lines {
        let words = words(line);
        assert_eq!(words[0], "galen", "{line}");
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let ran = home.run(&arguments);
        assert_eq!(ran.exit, 0, "{line}\n{}", ran.err);
    }
}

/// Puts in the keys of the circuits that have none yet. A ceremony for the large ones takes hours, so their
/// verifying keys are those for development with another δ: keys of the same circuits, as far as a
/// node that starts can see, and no proof is made under them here.
fn fill(folder: &Path) -> usize {
    let factor = Fr::rand(&mut OsRng);
    let mut filled = 0;
    for known in Index::embedded().unwrap().circuits {
        let stem = folder.join(file_stem(&known.circuit));
        if stem.with_extension("json").exists() {
            continue;
        }
        filled += 1;
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("zk/vectors");
        let mut bytes =
            fs::read(vectors.join(format!("{}.vk", file_stem(&known.circuit)))).unwrap();
        let delta = G2Point::from_bytes(bytes[160..224].try_into().unwrap()).unwrap();
        let delta = G2Point::new(*delta.affine() * factor).unwrap();
        bytes[160..224].copy_from_slice(&delta.to_bytes());
        let name: &'static str = galen_zk::keys::registry()
            .iter()
            .map(|entry| entry.circuit().0)
            .find(|name| *name == known.circuit)
            .unwrap();
        let key = VerifyingKey::from_bytes(name, &bytes, known.inputs, known.committed > 0);
        let mut frozen = known;
        frozen.verifying_key = format!("0x{}", hex::encode(key.unwrap().hash()));
        fs::write(stem.with_extension("vk"), bytes).unwrap();
        fs::write(stem.with_extension("json"), serde_json::to_vec(&frozen).unwrap()).unwrap();
    }
    filled
}

fn page(node: &Node, path: &str) -> String {
    let host = node.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer
}

#[test]
fn a_node_of_a_production_network_starts_from_a_ceremony_and_calls_nothing_forgeable() {
    let home = Home::new();
    home.write("powers.ptau", powers_file(15, &mut OsRng));
    walk_through(&home);
    let folder = home.path("ceremony");
    let finish = ["params", "finish", "--dir", "ceremony", "--powers", "powers.ptau"];
    let (exit, code) = home.run(&finish).refused();
    assert_eq!((exit, code.as_str()), (8, "params.incomplete"));
    assert_eq!(fill(&folder), galen_zk::keys::registry().len() - 2);
    let hash = home.run(&finish).done()["hash"].clone();
    let shown = home.run(&["params", "show", "--dir", "ceremony"]).done();
    assert_eq!((&shown["forgeable"], &shown["hash"]), (&false.into(), &hash));

    // The description of a consortium of one, from what a ledger to try out has.
    home.run(&["node", "init", "--data", "trial"]).done();
    let trial = fs::read(home.path("trial/genesis.json")).unwrap();
    let mut consortium: Value = serde_json::from_slice(&trial).unwrap();
    let key = home.run(&["node", "key", "--data", "ledger"]).done()["consensus_key"].clone();
    assert!(key.is_string());
    consortium["validators"][0]["consensus_key"] = key;
    consortium["network"] = "production".into();
    consortium.as_object_mut().unwrap().remove("proving_parameters");
    home.write("consortium.json", consortium.to_string());
    let init = ["node", "init", "--data", "ledger", "--consortium", "consortium.json"];
    // Development parameters are refused; the ceremony's are taken.
    let (exit, code) = home.run(&init).refused();
    assert_eq!((exit, code.as_str()), (1, "parameters.forgeable"));
    let made = home.run_under(&folder, &init).done();
    assert_eq!(made["validator"], true, "{made}");
    let genesis: Value =
        serde_json::from_slice(&fs::read(home.path("ledger/genesis.json")).unwrap()).unwrap();
    assert_eq!(genesis["network"], "production");
    let pinned = genesis["proving_parameters"].as_str().unwrap();
    assert!(hash.as_str().unwrap().ends_with(pinned.trim_start_matches("0x")), "{pinned}");

    // A node without the folder does not start on it, nor one whose folder is another's.
    let run = ["node", "run", "--data", "ledger", "--listen", "127.0.0.1:0"];
    let (_, code) = home.run(&run).refused();
    assert_eq!(code, "parameters.forgeable");
    let other = home.path("other");
    support::copy(&folder, &other);
    for name in ["key-envelope-1", "credential-1"] {
        for extension in ["vk", "json"] {
            fs::remove_file(other.join(name).with_extension(extension)).unwrap();
        }
    }
    assert_eq!(fill(&other), 2);
    let again = with(&["params", "finish", "--dir", "other"], &["--powers", "powers.ptau"]);
    assert_ne!(home.run(&again).done()["hash"], hash);
    let ran = home.run_under(&other, &run);
    assert_ne!(ran.exit, 0);
    assert!(ran.message().contains("parameters"), "{}", ran.message());

    let node = Node::start_with(&home, &["--data", "ledger"], Some(&folder));
    let status = home.run(&["node", "status", "--node", &node.url]).done();
    assert_eq!(status["forgeable_parameters"], false, "{status}");
    for path in ["/", "/api/v1/status"] {
        let page = page(&node, path);
        assert!(!page.contains("anybody can make false proofs"), "{path}: {page}");
        assert!(!page.contains("Development ledger"), "{path}: {page}");
        assert!(!page.contains("\"forgeable_parameters\":true"), "{path}: {page}");
    }
    // The ledger decides blocks: a quiet one makes one a minute.
    let decided = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_secs(1));
        home.run(&["node", "block", "1", "--node", &node.url]).exit == 0
    });
    assert!(decided, "no block was decided");
}

#[test]
fn what_a_contributor_types_is_read_from_standard_input() {
    let home = Home::empty();
    home.write("powers.ptau", powers_file(10, &mut OsRng));
    let setup = ["params", "setup", "segment-key/1", "--powers", "powers.ptau", "--out", "0.zkey"];
    let first = home.run(&setup).done();
    assert_eq!(home.run(&setup).refused().1, "params.exists");
    // Nothing typed is no contribution; nothing is left behind.
    let contribute =
        ["params", "contribute", "0.zkey", "--name", "A hospital", "--typed", "--out", "1.zkey"];
    assert_eq!(home.run(&contribute).refused().0, 2);
    assert!(!home.path("1.zkey").exists());
    let mut child = Command::new(env!("CARGO_BIN_EXE_galen"))
        .args(contribute)
        .args(["--json"])
        .current_dir(home.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"4 2 6 1 1 3\n").unwrap();
    let made = child.wait_with_output().unwrap();
    assert!(made.status.success());
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["circuit_hash"], first["circuit_hash"]);
    assert_eq!(made["steps"][0]["name"], "A hospital");

    // A key is checked against its circuit: without one, or with another, it is refused.
    let verify = ["params", "verify", "1.zkey"];
    assert_eq!(home.run(&verify).refused().0, 2);
    let against = ["--circuit", "segment-key/1", "--powers", "powers.ptau"];
    let checked = home.run(&with(&verify, &against)).done();
    assert_eq!(checked["hash"], made["hash"]);
    let other = ["--circuit", "key-envelope/1", "--powers", "powers.ptau"];
    let (exit, code) = home.run(&with(&verify, &other)).refused();
    assert_eq!((exit, code.as_str()), (8, "params.key"));
    // A contribution damaged on its way.
    let mut bytes = fs::read(home.path("1.zkey")).unwrap();
    let history = bytes.len() - 20;
    bytes[history] ^= 1;
    let damaged = home.write("damaged.zkey", bytes);
    let next = ["params", "contribute", &damaged, "--name", "Two", "--out", "2.zkey"];
    let (exit, _) = home.run(&next).refused();
    assert_eq!(exit, 8);
    assert!(!home.path("2.zkey").exists());
    // The same value as a beacon: nobody contributed to a first key.
    let beacon = ["params", "beacon", "0.zkey", "--value", "9f86", "--iterations", "10"];
    let (exit, code) =
        home.run(&with(&beacon, &["--name", "Randomness", "--out", "3.zkey"])).refused();
    assert_eq!((exit, code.as_str()), (8, "params.history"));
}
