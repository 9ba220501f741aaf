//! The binary in a home directory of its own, and a ward's table: shared by the tests of the
//! command line.
#![allow(dead_code, clippy::unwrap_used)]

pub mod ledger;
pub mod mirror;
pub mod portal;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run of the binary came to.
pub struct Ran {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The refusal: its exit code and code, and that it says what to do.
    pub fn refused(&self) -> (i32, String) {
        let line = self.err.lines().rev().find(|line| line.starts_with('{'));
        let body: Value =
            serde_json::from_str(line.unwrap_or_else(|| panic!("no refusal in: {}", self.err)))
                .unwrap();
        let remedy = body["remedy"].as_str().unwrap_or_default();
        assert!(remedy.len() >= 8, "{body} says what to do");
        assert!(self.out.is_empty(), "a refusal prints no data: {}", self.out);
        (self.exit, body["code"].as_str().unwrap().to_owned())
    }

    pub fn message(&self) -> &str {
        &self.err
    }

    pub fn done(self) -> Value {
        assert_eq!(self.exit, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// A home directory with a wallet, and room for files.
pub struct Home {
    pub folder: TempDir,
}

impl Home {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "four random words do\n").unwrap();
        Self { folder }
    }

    pub fn new() -> Self {
        let home = Self::empty();
        home.run(&["key", "new"]).done();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &self.path("password"))
    }

    pub fn run_with(&self, arguments: &[&str], password: &Path) -> Ran {
        Self::finished(&mut self.command(arguments, password))
    }

    /// The binary with a folder of a ceremony's parameters.
    pub fn run_under(&self, ceremony: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments, &self.path("password"));
        Self::finished(command.env("GALEN_CEREMONY", ceremony))
    }

    /// The binary with its arguments, not started yet.
    pub fn command(&self, arguments: &[&str], password: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galen"));
        command
            .args(arguments)
            .args(["--json", "--home"])
            .arg(self.path("home"))
            .arg("--password-file")
            .arg(password)
            .env_remove("GALEN_NODE")
            .env_remove("GALEN_CEREMONY")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn finished(command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran {
            exit: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The first thing that a server prints: one value, after which it goes on.
pub fn said(child: &mut Child) -> Value {
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said.push_str(&line.unwrap());
        if said.ends_with('}') {
            break;
        }
    }
    serde_json::from_str(&said).unwrap()
}

/// A node that runs until it is dropped.
pub struct Node {
    child: Child,
    pub url: String,
}

impl Node {
    pub fn start(home: &Home) -> Self {
        Self::start_with(home, &[], None)
    }

    /// With more arguments, and the folder of a ceremony.
    pub fn start_with(home: &Home, more: &[&str], ceremony: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galen"));
        command
            .args(["node", "run", "--listen", "127.0.0.1:0", "--json", "--home"])
            .arg(home.path("home"))
            .args(more)
            .env("RUST_LOG", "warn,arc_malachitebft_network=off")
            .env_remove("GALEN_CEREMONY")
            .current_dir(home.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(folder) = ceremony {
            command.env("GALEN_CEREMONY", folder);
        }
        let mut child = command.spawn().unwrap();
        let said = said(&mut child);
        Self { child, url: said["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An account of a wallet.
pub fn account(home: &Home, role: &str) -> String {
    home.run(&["key", "show", "--role", role]).done()["account"].as_str().unwrap().to_owned()
}

/// 240 persons, some with two rows, in classes of at least 20 by sex alone.
pub fn ward() -> String {
    let mut text = String::from("patient,age,sex,glucose\n");
    for row in 0..240u32 {
        let sex = if row % 3 == 0 { "f" } else { "m" };
        text.push_str(&format!(
            "{},{},{sex},{}.{}\n",
            1000 + row,
            20 + row % 60,
            4 + row % 7,
            row % 10
        ));
    }
    text
}

pub const ROLES: &[&str] = &[
    "--role",
    "patient=person",
    "--role",
    "age=quasi",
    "--role",
    "sex=quasi",
    "--role",
    "glucose=sensitive",
];

pub fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(rest).copied().collect()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub const DESCRIPTION: &str = r#"{
  "name": "ward-7", "title": "Ward 7", "description": "Readings of ward 7.", "citation": "A ward.",
  "price": "250000 EUR", "clauses": ["HMB", "NPU"], "licence_months": 24,
  "licence_name": "A licence", "licence_file": "licence.txt"
}"#;
