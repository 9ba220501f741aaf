//! What a command works with: where the keys are, which node to ask, how to speak.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Exit, Failure};
use crate::output::Output;
use crate::wallet::{Keystore, Password, Wallet};

/// Node that is asked when none is named.
pub const DEFAULT_NODE: &str = "http://127.0.0.1:4850";

/// Options that every command understands.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Data and errors as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Check a write against a snapshot of the ledger, and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// No messages besides errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Address of the node
    #[arg(long, global = true, value_name = "URL", env = "GALEN_NODE", default_value = DEFAULT_NODE)]
    pub node: String,
    /// Directory of keys and records [default: ~/.galen]
    #[arg(long, global = true, value_name = "DIR", env = "GALEN_HOME")]
    pub home: Option<PathBuf>,
    /// File that holds the keystore's password as its only line, instead of a prompt
    #[arg(long, global = true, value_name = "FILE", env = "GALEN_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
}

/// What a command works with.
#[derive(Clone, Debug)]
pub struct Context {
    /// Directory of keys and records.
    pub home: PathBuf,
    /// Address of the node.
    pub node: String,
    /// How to speak.
    pub output: Output,
    /// Change nothing.
    pub dry_run: bool,
    /// Ask nothing.
    pub yes: bool,
    password_file: Option<PathBuf>,
}

impl Context {
    /// From the command line's options.
    ///
    /// # Errors
    /// When no home directory is named or known.
    pub fn new(global: Global) -> Result<Self, Failure> {
        let home = match global.home {
            Some(home) => home,
            None => std::env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .map(|home| home.join(".galen"))
                .ok_or_else(|| {
                    Failure::new(Exit::Usage, "home.unknown", "the home directory is not known")
                        .remedy("name a directory with --home or GALEN_HOME")
                })?,
        };
        Ok(Self {
            home,
            node: global.node,
            output: Output { json: global.json, quiet: global.quiet },
            dry_run: global.dry_run,
            yes: global.yes,
            password_file: global.password_file,
        })
    }

    /// The keystore's file.
    pub fn keystore(&self) -> PathBuf {
        self.home.join("keystore")
    }

    /// The password of the keystore that exists.
    ///
    /// # Errors
    /// When it cannot be read or asked for.
    pub fn password(&self) -> Result<Password, Failure> {
        Ok(match &self.password_file {
            Some(path) => Password::from_file(path)?,
            None => Password::ask("Password: ")?,
        })
    }

    /// A password for a new keystore, asked twice or taken from a file.
    ///
    /// # Errors
    /// When it cannot be had or is too short.
    pub fn new_password(&self) -> Result<Password, Failure> {
        Ok(match &self.password_file {
            Some(path) => Password::from_file(path)?.long_enough()?,
            None => Password::ask_new()?,
        })
    }

    /// The wallet, unlocked.
    ///
    /// # Errors
    /// When there is no keystore, it is damaged, or the password is wrong.
    pub fn wallet(&self) -> Result<Wallet, Failure> {
        let path = self.keystore();
        // What needs no password is checked before anybody is asked for one.
        let store =
            Keystore::read(&path).map_err(|error| Failure::from(error).at(path.display()))?;
        let seed = store
            .open(&self.password()?)
            .map_err(|error| Failure::from(error).at(path.display()))?;
        Ok(Wallet::new(seed))
    }

    /// Asks before something that cannot be undone, unless `--yes` was given.
    ///
    /// # Errors
    /// When it is not confirmed.
    pub fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes { Ok(()) } else { self.output.confirm(question) }
    }
}
