//! Keys of Crypt4GH and the files in which its programs keep them.
//!
//! A public key is 32 bytes in a PEM frame. A private key is `c4gh-v1` and fields of a big-endian
//! two-byte length each: derivation, its options, cipher, key, and perhaps a comment. Of derivations
//! only scrypt at its fixed cost is taken, and none for keys in the clear; what states another cost is
//! refused before any work is done.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use rand::rngs::OsRng;
use ring::aead::{Aad, Nonce};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::{MAC_BYTES, NONCE_BYTES, cipher, seal};

/// Most bytes of a key file.
pub(crate) const MAX_FILE_BYTES: usize = 16 << 10;
const MAGIC: &[u8] = b"c4gh-v1";
const SCRYPT: &[u8] = b"scrypt";
const CIPHER: &[u8] = b"chacha20_poly1305";
const NONE: &[u8] = b"none";
const SALT_BYTES: usize = 16;
/// Longest accepted salt, in bytes.
const MAX_SALT_BYTES: usize = 64;

/// Why a key file is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Longer than any key file.
    #[error("longer than the {MAX_FILE_BYTES} bytes of the longest key file")]
    TooLong,
    /// No PEM frame of Crypt4GH.
    #[error("not a Crypt4GH key: it does not stand between the lines of one")]
    NotAKey,
    /// A private key where a public one is wanted, or the reverse.
    #[error("a {found} key, where the {wanted} key is wanted")]
    OtherHalf {
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// Bytes are missing, changed, or too many.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// A derivation that is not taken.
    #[error("its password is stretched by {0}, which is not taken; only scrypt is")]
    Derivation(String),
    /// A cipher that is not taken.
    #[error("it is encrypted with {0}; only chacha20_poly1305 is taken")]
    Cipher(String),
    /// A password is needed and none was given.
    #[error("it is encrypted and needs its password")]
    Locked,
    /// The password is wrong, or the file was changed.
    #[error("the password is wrong, or the file was changed")]
    Password,
    /// A point that makes every shared secret zero.
    #[error("of low order: whatever is encrypted for it, everybody can read")]
    LowOrder,
}

/// A reader's public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes a key, unless it is of low order.
    ///
    /// # Errors
    /// [`KeyFileError::LowOrder`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyFileError> {
        // Every scalar is a multiple of the cofactor, so any shows a point of low order.
        let probe = StaticSecret::from([1; 32]);
        let shared = probe.diffie_hellman(&x25519_dalek::PublicKey::from(bytes));
        if shared.was_contributory() { Ok(Self(bytes)) } else { Err(KeyFileError::LowOrder) }
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Reads a public-key file.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn from_file(file: &[u8]) -> Result<Self, KeyFileError> {
        let bytes = unframe(file, "public")?;
        let bytes: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| KeyFileError::Damaged("a public key has 32 bytes"))?;
        Self::from_bytes(bytes)
    }

    /// The public-key file.
    #[must_use]
    pub fn to_file(&self) -> String {
        frame(&self.0, "PUBLIC").to_string()
    }
}

/// A reader's private key. Shown by no `Debug`, and wiped when dropped.
pub struct SecretKey(StaticSecret);

impl SecretKey {
    /// Draws a key from the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(StaticSecret::random_from_rng(OsRng))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The key of packets that `writer` wrote for this reader.
    #[cfg(test)]
    pub(super) fn shared(&self, writer: &[u8; 32]) -> [u8; 32] {
        use blake2::Digest;
        let shared = self.0.diffie_hellman(&x25519_dalek::PublicKey::from(*writer));
        let hash = blake2::Blake2b512::new()
            .chain_update(shared.as_bytes())
            .chain_update(self.public().0)
            .chain_update(writer)
            .finalize();
        let mut key = [0; 32];
        key.copy_from_slice(&hash[..32]);
        key
    }

    /// Reads a private-key file. `password` is asked only if the key is encrypted.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn from_file(
        file: &[u8],
        password: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyFileError> {
        let bytes = unframe(file, "private")?;
        let short = KeyFileError::Damaged("a field is cut short");
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(KeyFileError::NotAKey)?;
        let name =
            |bytes: &[u8]| -> String { String::from_utf8_lossy(bytes).chars().take(40).collect() };
        let derivation = field(&mut rest).ok_or(short.clone())?;
        let options = match derivation {
            NONE => None,
            SCRYPT => Some(field(&mut rest).ok_or(short.clone())?),
            other => return Err(KeyFileError::Derivation(name(other))),
        };
        let with = field(&mut rest).ok_or(short.clone())?;
        let blob = field(&mut rest).ok_or(short.clone())?;
        // A comment may follow, and nothing else.
        let comment = rest.is_empty() || field(&mut rest).is_some();
        if !comment || !rest.is_empty() {
            return Err(KeyFileError::Damaged("bytes follow the key"));
        }
        let key = match (options, with) {
            (None, NONE) => Zeroizing::new(blob.to_vec()),
            (Some(options), CIPHER) => {
                // The first four bytes are rounds, which scrypt does not have.
                let salt =
                    options.get(4..).filter(|salt| (1..=MAX_SALT_BYTES).contains(&salt.len()));
                let salt = salt.ok_or(KeyFileError::Damaged("it has no salt"))?;
                let (nonce, sealed) = blob
                    .split_first_chunk::<NONCE_BYTES>()
                    .filter(|(_, sealed)| sealed.len() == 32 + MAC_BYTES)
                    .ok_or(KeyFileError::Damaged("an encrypted key has 60 bytes"))?;
                let password = password().ok_or(KeyFileError::Locked)?;
                let stretched = stretch(&password, salt)?;
                let mut sealed = Zeroizing::new(sealed.to_vec());
                let opened = cipher(stretched.as_slice())
                    .map_err(|_| KeyFileError::Password)?
                    .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut sealed)
                    .map_err(|_| KeyFileError::Password)?
                    .len();
                sealed.truncate(opened);
                sealed
            }
            (_, other) => return Err(KeyFileError::Cipher(name(other))),
        };
        let key: [u8; 32] = key
            .as_slice()
            .try_into()
            .map_err(|_| KeyFileError::Damaged("a private key has 32 bytes"))?;
        Ok(Self::from(key))
    }

    /// The private-key file, encrypted.
    ///
    /// # Errors
    /// [`KeyFileError::Password`] if it is empty.
    pub fn to_file(&self, password: &str) -> Result<Zeroizing<String>, KeyFileError> {
        if password.is_empty() {
            return Err(KeyFileError::Password);
        }
        let mut options = [0u8; 4 + SALT_BYTES];
        OsRng.fill_bytes(&mut options[4..]);
        let stretched = stretch(password, &options[4..])?;
        let mut blob = Vec::new();
        cipher(stretched.as_slice())
            .and_then(|key| seal(&key, self.0.as_bytes(), &mut blob))
            .map_err(|_| KeyFileError::Password)?;
        let mut out = MAGIC.to_vec();
        for field in [SCRYPT, &options, CIPHER, &blob] {
            // All are shorter than a hundred bytes.
            out.extend_from_slice(&u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend_from_slice(field);
        }
        Ok(frame(&out, "PRIVATE"))
    }
}

impl From<[u8; 32]> for SecretKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

/// scrypt at the cost that the format fixes: N = 2^14, r = 8, p = 1; 16 MiB.
fn stretch(password: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let cost = scrypt::Params::new(14, 8, 1, 32).map_err(|_| KeyFileError::Password)?;
    let mut key = Zeroizing::new([0u8; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &cost, key.as_mut_slice())
        .map_err(|_| KeyFileError::Password)?;
    Ok(key)
}

/// The next field: two bytes of length, and as many bytes.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let field = after.get(..usize::from(u16::from_be_bytes(*length)))?;
    *rest = &after[field.len()..];
    Some(field)
}

fn frame(bytes: &[u8], half: &str) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(bytes));
    Zeroizing::new(format!(
        "-----BEGIN CRYPT4GH {half} KEY-----\n{}\n-----END CRYPT4GH {half} KEY-----\n",
        text.as_str()
    ))
}

/// The bytes between the lines of a key file.
fn unframe(file: &[u8], wanted: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    if file.len() > MAX_FILE_BYTES {
        return Err(KeyFileError::TooLong);
    }
    let text = std::str::from_utf8(file).map_err(|_| KeyFileError::NotAKey)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found = match lines.next() {
        Some("-----BEGIN CRYPT4GH PUBLIC KEY-----") => "public",
        // Some programs frame an encrypted one so.
        Some(
            "-----BEGIN CRYPT4GH PRIVATE KEY-----"
            | "-----BEGIN CRYPT4GH ENCRYPTED PRIVATE KEY-----",
        ) => "private",
        _ => return Err(KeyFileError::NotAKey),
    };
    if found != wanted {
        return Err(KeyFileError::OtherHalf { found, wanted });
    }
    let end = lines.next_back().ok_or(KeyFileError::Damaged("its last line is missing"))?;
    if !end.starts_with("-----END CRYPT4GH ") {
        return Err(KeyFileError::Damaged("its last line is missing"));
    }
    let body = Zeroizing::new(lines.collect::<String>());
    let bytes = STANDARD.decode(body.as_bytes());
    bytes.map(Zeroizing::new).map_err(|_| KeyFileError::Damaged("it is not base64"))
}
