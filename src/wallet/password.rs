//! A password, from a prompt or from a file; never from an argument or an environment variable,
//! where other users of the machine can read it.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::Path;

use zeroize::Zeroizing;

use super::file::read_bounded;

/// Shortest password that a new keystore takes, in characters.
pub const MIN_CHARACTERS: usize = 8;
/// Longest password, in bytes.
pub const MAX_BYTES: usize = 1024;

/// A password; wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why no password could be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password file could not be read.
    #[error("the password file {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// What the file system said.
        source: io::Error,
    },
    /// The password file holds something else than one line of text.
    #[error("the password file {0} does not hold one line of text")]
    NotOneLine(String),
    /// Standard input is not a terminal, so nobody can be asked.
    #[error("no terminal to ask for the password")]
    NoTerminal,
    /// The terminal failed.
    #[error("the password could not be read: {0}")]
    Prompt(io::Error),
    /// The second entry differs from the first.
    #[error("the two passwords differ")]
    Differ,
    /// Too short for a new keystore.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    Short,
    /// Longer than any password.
    #[error("a password has at most {MAX_BYTES} bytes")]
    Long,
}

impl Password {
    /// A password from a text.
    ///
    /// # Errors
    /// [`PasswordError::Long`].
    pub fn new(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        if text.len() > MAX_BYTES { Err(PasswordError::Long) } else { Ok(Self(text)) }
    }

    /// The one line that a file holds, its line end left out.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, PasswordError> {
        let shown = path.display().to_string();
        let bytes = read_bounded(path, MAX_BYTES as u64 + 2)
            .map_err(|source| PasswordError::File { path: shown.clone(), source })?;
        let bytes = Zeroizing::new(bytes);
        let text =
            std::str::from_utf8(&bytes).map_err(|_| PasswordError::NotOneLine(shown.clone()))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.contains(['\n', '\r', '\0']) {
            return Err(PasswordError::NotOneLine(shown));
        }
        Self::new(line.to_owned())
    }

    /// Asks on the terminal, without echo.
    ///
    /// # Errors
    /// When there is no terminal or it fails.
    pub fn ask(prompt: &str) -> Result<Self, PasswordError> {
        if !io::stdin().is_terminal() {
            return Err(PasswordError::NoTerminal);
        }
        Self::new(rpassword::prompt_password(prompt).map_err(PasswordError::Prompt)?)
    }

    /// Asks twice for a new password.
    ///
    /// # Errors
    /// As [`Self::ask`], and when the two differ.
    pub fn ask_new() -> Result<Self, PasswordError> {
        let first = Self::ask("New password: ")?.long_enough()?;
        let second = Self::ask("The same again: ")?;
        if first.0 == second.0 { Ok(first) } else { Err(PasswordError::Differ) }
    }

    /// The password, if it may protect a new keystore.
    ///
    /// # Errors
    /// [`PasswordError::Short`].
    pub fn long_enough(self) -> Result<Self, PasswordError> {
        if self.0.chars().count() < MIN_CHARACTERS { Err(PasswordError::Short) } else { Ok(self) }
    }

    /// The text itself, for a file of another program that it protects.
    pub(crate) fn text(&self) -> Option<Zeroizing<String>> {
        std::str::from_utf8(self.bytes()).ok().map(|text| Zeroizing::new(text.to_owned()))
    }

    /// The text's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_holds_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        for text in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Password::from_file(&path).unwrap().bytes(), b"correct horse");
        }
        for bad in [&b""[..], b"\n", b"two\nlines\n", b"nul\0", b"\xff\xfe"] {
            std::fs::write(&path, bad).unwrap();
            assert!(
                matches!(Password::from_file(&path), Err(PasswordError::NotOneLine(_))),
                "{bad:?}"
            );
        }
        std::fs::write(&path, vec![b'a'; MAX_BYTES + 1]).unwrap();
        assert!(matches!(Password::from_file(&path), Err(PasswordError::Long)));
        let missing = directory.path().join("missing");
        assert!(matches!(Password::from_file(&missing), Err(PasswordError::File { .. })));
    }

    #[test]
    fn adversary_62_a_password_is_never_printed() {
        let password = Password::new("hunter22hunter22".into()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert!(matches!(
            Password::new("short".into()).unwrap().long_enough(),
            Err(PasswordError::Short)
        ));
    }
}
