//! How a command fails: what is wrong, where, and what to do about it, with an exit code that
//! scripts can rely on.

use std::borrow::Cow;
use std::fmt;

use miette::Diagnostic;
use serde::Serialize;

use crate::wallet::password::PasswordError;
use crate::wallet::{KeystoreError, PackageSecretError, SeedError};

/// Exit codes; part of the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// Anything without a code of its own.
    Failure = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A proof was refused, or could not be made because the statement is false.
    RefusedProof = 3,
    /// A purchase was refused: terms, credential, money, or the listing's state.
    RefusedPurchase = 4,
    /// The node could not be reached or did not answer in time.
    Unreachable = 5,
    /// The ledger refused a transaction for any other rule.
    RefusedByLedger = 6,
    /// A keystore, password, seed or key file.
    Key = 7,
    /// A file that was given is not what it should be.
    Input = 8,
    /// Asked for confirmation and not given.
    NotConfirmed = 9,
    /// A licence is genuine, and not in force: expired, revoked, or not begun.
    NotInForce = 10,
}

/// Shown under `galen --help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failure without a code of its own
  2  wrong command line
  3  a proof was refused, or cannot be made because what it would say is false
  4  a purchase was refused: terms, credential, money or the listing's state
  5  the node cannot be reached or did not answer in time
  6  the ledger refused the transaction for another rule
  7  keystore, password, seed or key file
  8  a given file is not what it should be
  9  not confirmed
  10 a licence is genuine, and not in force";

/// A failed command.
#[derive(Debug, Serialize)]
pub struct Failure {
    exit: Exit,
    code: Cow<'static, str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Failure {
    /// A failure with a stable code such as `key.wrong_password` and a message that says what is
    /// wrong and where.
    pub fn new(exit: Exit, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { exit, code: code.into(), message: message.into(), remedy: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Puts where it happened in front of the message, unless it says so itself.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        let place = place.to_string();
        if !self.message.split([' ', ':']).any(|word| word == place) {
            self.message = format!("{place}: {}", self.message);
        }
        self
    }

    /// The process's exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What to do, if it is known.
    pub fn advice(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Failure, "file.io", format!("{}: {error}", path.display()))
            .remedy("check that the path exists and that you may read and write it")
    }

    /// A file whose contents are not what they should be.
    pub fn input(path: &std::path::Path, what: impl fmt::Display) -> Self {
        Self::new(Exit::Input, "file.contents", format!("{}: {what}", path.display()))
    }

    /// A wrong argument that the parser could not see.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", what)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.remedy.as_ref().map(|remedy| Box::new(remedy) as Box<dyn fmt::Display>)
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        let (code, remedy) = match &error {
            KeystoreError::Missing(_) => (
                "key.missing",
                "make one with `galen key new`, bring one back with `galen key restore`, or point --home at the right directory",
            ),
            KeystoreError::Exists(_) => {
                ("key.exists", "it is left alone; use another --home, or move the file away first")
            }
            KeystoreError::Io { .. } => ("key.io", "check the directory's owner and permissions"),
            KeystoreError::Foreign => {
                ("key.foreign", "point --home at the directory of a Galen keystore")
            }
            KeystoreError::Version(_) => {
                ("key.version", "use the version of galen that wrote it, or a newer one")
            }
            KeystoreError::Damaged => (
                "key.damaged",
                "copy the file again from a backup, or bring the keys back from their words with `galen key restore`",
            ),
            KeystoreError::Cost(_) => (
                "key.cost",
                "this file was not written by galen; restore the keys from their words",
            ),
            KeystoreError::WrongPassword => (
                "key.wrong_password",
                "try again; without the password, only the words bring the keys back: `galen key restore`",
            ),
        };
        Self::new(Exit::Key, code, error.to_string()).remedy(remedy)
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        let remedy = match &error {
            PasswordError::File { .. } | PasswordError::NotOneLine(_) => {
                "give --password-file a readable file with the password as its only line"
            }
            PasswordError::NoTerminal => "give --password-file, or run on a terminal",
            PasswordError::Prompt(_) | PasswordError::Differ => "try again",
            PasswordError::Short | PasswordError::Long => {
                "choose another password; four random words do well"
            }
        };
        Self::new(Exit::Key, "key.password", error.to_string()).remedy(remedy)
    }
}

impl From<SeedError> for Failure {
    fn from(error: SeedError) -> Self {
        Self::new(Exit::Key, "key.words", error.to_string())
            .remedy("compare the words with what was written down, one by one and in order")
    }
}

impl From<PackageSecretError> for Failure {
    fn from(error: PackageSecretError) -> Self {
        Self::new(Exit::Key, "key.package", error.to_string())
            .remedy("use the wallet that packed the dataset and the key file as it was written")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_failure_says_what_where_and_what_to_do() {
        let failure = Failure::from(KeystoreError::WrongPassword).at("/somewhere/keystore");
        assert_eq!(failure.exit() as u8, 7);
        assert_eq!(failure.to_string(), "/somewhere/keystore: wrong password");
        assert!(failure.advice().unwrap().contains("galen key restore"));
        let json = serde_json::to_value(&failure).unwrap();
        assert_eq!(json["code"], "key.wrong_password");
        assert_eq!(json["exit"], "key");
    }

    #[test]
    fn every_exit_code_is_documented() {
        let codes = [
            Exit::Failure,
            Exit::Usage,
            Exit::RefusedProof,
            Exit::RefusedPurchase,
            Exit::Unreachable,
            Exit::RefusedByLedger,
            Exit::Key,
            Exit::Input,
            Exit::NotConfirmed,
            Exit::NotInForce,
        ];
        for (place, exit) in codes.into_iter().enumerate() {
            assert_eq!(exit as usize, place + 1);
            assert!(EXIT_CODES.contains(&format!("\n  {:<2} ", exit as u8)));
        }
    }
}
