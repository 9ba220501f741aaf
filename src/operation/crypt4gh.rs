//! Crypt4GH keys: read, made from the wallet's seed, and kept in the files that its programs use.

use std::path::{Path, PathBuf};

use galen_dataset::crypt4gh::{KeyFileError, PublicKey, SecretKey};
use zeroize::Zeroizing;

use crate::error::{Exit, Failure};
use crate::wallet::{Password, file};

/// Longest key file that is read. The reader's own limit is below it.
const MAX_BYTES: u64 = 64 << 10;

fn refused(path: &Path, error: &KeyFileError) -> Failure {
    let remedy = match error {
        KeyFileError::OtherHalf { found: "private", .. } => {
            "give the file of the public key, and show the private one to nobody"
        }
        KeyFileError::OtherHalf { .. } => "give the file of the private key",
        KeyFileError::Locked | KeyFileError::Password => {
            "give the password that the key was made with"
        }
        KeyFileError::LowOrder => "somebody made this key so that it protects nothing; use another",
        KeyFileError::Derivation(_) | KeyFileError::Cipher(_) => {
            "write the key again with `crypt4gh-keygen`, or make one with `galen key crypt4gh new`"
        }
        _ => "check the path; `galen key crypt4gh new` or `crypt4gh-keygen` makes such keys",
    };
    let exit = match error {
        KeyFileError::Locked | KeyFileError::Password => Exit::Key,
        _ => Exit::Input,
    };
    Failure::new(exit, "crypt4gh.key", error.to_string()).at(path.display()).remedy(remedy)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = file::read_bounded(path, MAX_BYTES);
    bytes.map(Zeroizing::new).map_err(|error| Failure::file(path, &error))
}

/// The public key of a file.
///
/// # Errors
/// A file that holds none, or one that protects nothing.
pub fn recipient(path: &Path) -> Result<PublicKey, Failure> {
    PublicKey::from_file(&read(path)?).map_err(|error| refused(path, &error))
}

/// The public half of a private-key file. The password is asked for only if the key is encrypted.
///
/// # Errors
/// A file that holds no private key, or a wrong password.
pub fn public_half(
    path: &Path,
    password: impl FnOnce() -> Result<Password, Failure>,
) -> Result<PublicKey, Failure> {
    let mut failed = None;
    let text = || match password() {
        Ok(password) => password.text(),
        Err(failure) => {
            failed = Some(failure);
            None
        }
    };
    let key = SecretKey::from_file(&read(path)?, text);
    match (key, failed) {
        (_, Some(failure)) => Err(failure),
        (Ok(key), None) => Ok(key.public()),
        (Err(error), None) => Err(refused(path, &error)),
    }
}

/// Writes a key as `OUT.sec`, encrypted and readable by its owner only, and `OUT.pub`. A file that is
/// there is left alone.
///
/// # Errors
/// When a file is there, or cannot be written.
pub fn write(key: &SecretKey, password: &Password, out: &Path) -> Result<[PathBuf; 2], Failure> {
    let with = |end: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let (secret, public) = (with(".sec"), with(".pub"));
    for path in [&secret, &public] {
        super::prepare::refuse_existing(path)?;
    }
    let text = password.text().unwrap_or_default();
    let sealed = key.to_file(&text).map_err(|error| refused(&secret, &error))?;
    file::create(&secret, sealed.as_bytes()).map_err(|error| Failure::file(&secret, &error))?;
    file::create(&public, key.public().to_file().as_bytes())
        .map_err(|error| Failure::file(&public, &error))?;
    Ok([secret, public])
}
