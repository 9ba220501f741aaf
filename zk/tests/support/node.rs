//! Node, with the checkers that share no code with ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of installed checkers: `GALEN_INTEROP`, or `galen/interop` in the user's cache. They
/// are installed and compiled when they are missing or out of date.
pub fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let cache = std::env::var_os("GALEN_INTEROP").map_or_else(
            || std::env::home_dir().unwrap().join(".cache/galen/interop"),
            PathBuf::from,
        );
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut found = above.map(|folder| folder.join("tests/interop/setup.sh"));
        let setup = found.find(|path| path.exists()).unwrap();
        let status = Command::new("bash").arg(&setup).arg(&cache).status().unwrap();
        assert!(status.success(), "{} failed: it needs Node and npm", setup.display());
        cache
    })
}

/// Runs a command and returns its exit and everything it printed.
pub fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}
