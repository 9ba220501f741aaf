//! The programs of `web/portal` at their pinned versions, and a real browser that is driven by a script
//! of `tests/browser`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[path = "../../zk/tests/support/node.rs"]
mod node;

#[allow(unused_imports)] // Each test uses a part of this.
pub use node::tools;

fn texts(ran: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&ran.stdout), text(&ran.stderr))
}

/// What the program that shares no code with this one says of a listing or a licence.
pub fn independent(tools: &Path, arguments: &[&str]) -> Value {
    let cli = tools.join("verifier/dist/check-cli.js");
    let (out, err) = texts(&Command::new("node").arg(cli).args(arguments).output().unwrap());
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"))
}

/// What a script said of each of its cases, by their names.
pub fn browse(tools: &Path, script: &str, arguments: &[&str]) -> BTreeMap<String, Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
    let mut command = Command::new("node");
    command.arg(&script).arg(tools.join("portal")).args(arguments);
    let ran = command.output().unwrap();
    let (out, err) = texts(&ran);
    assert!(ran.status.success(), "{} needs Debian's chromium: {out}{err}", script.display());
    out.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|case| (case["name"].as_str().unwrap().to_owned(), case))
        .collect()
}
