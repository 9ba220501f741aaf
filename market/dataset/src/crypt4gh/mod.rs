//! Crypt4GH 1.0 (GA4GH): files that only the holders of given keys can read, as archives of genomes
//! keep them.
//!
//! | part | content |
//! |---|---|
//! | header | `crypt4gh`, version 1, number of packets, a packet a recipient |
//! | packet | length, method 0, writer's public key, nonce, encrypted data key, MAC |
//! | segment | nonce, at most 65,536 bytes of ciphertext, MAC |
//!
//! Numbers are little-endian. A packet's key is the first half of BLAKE2b-512 over the X25519 secret,
//! the reader's and the writer's public key; the writer's key is drawn anew for every file. The format
//! does not show that segments were dropped, swapped or cut off at the end; what is written here is
//! checked before it gets its name, and whoever keeps it should keep its hash. Depends on `ring`,
//! `x25519-dalek` and the operating system's randomness.

mod key;

use std::io::{self, Write};

use blake2::{Blake2b512, Digest};
use rand::RngCore;
use rand::rngs::OsRng;
use rayon::prelude::*;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

pub use self::key::{KeyFileError, PublicKey, SecretKey};

const MAGIC: &[u8; 8] = b"crypt4gh";
const VERSION: u32 = 1;
const NONCE_BYTES: usize = 12;
const MAC_BYTES: usize = 16;
/// Plaintext bytes of every segment but the last.
pub const SEGMENT_BYTES: usize = 65_536;
/// Length of a data-key packet, with the length itself.
const PACKET_BYTES: u32 = 108;
/// Segments that are sealed at once: 4 MiB.
const BATCH: usize = 64;

fn failed(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("ChaCha20-Poly1305 failed")
}

fn cipher(key: &[u8]) -> io::Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(failed)
}

fn nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    nonce
}

/// Appends a nonce, the ciphertext and its MAC.
fn seal(key: &LessSafeKey, plaintext: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let nonce = nonce();
    out.extend_from_slice(&nonce);
    let from = out.len();
    out.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let mac =
        key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut out[from..]).map_err(failed)?;
    out.extend_from_slice(mac.as_ref());
    Ok(())
}

/// A header that gives the data key to each reader.
fn header(data_key: &[u8; 32], readers: &[PublicKey]) -> io::Result<Vec<u8>> {
    let count = u32::try_from(readers.len()).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    let writer = StaticSecret::random_from_rng(OsRng);
    let writer_public = x25519_dalek::PublicKey::from(&writer);
    // Packet type and encryption method are both zero.
    let mut payload = Zeroizing::new([0u8; 40]);
    payload[8..].copy_from_slice(data_key);
    for reader in readers {
        let reader_public = x25519_dalek::PublicKey::from(reader.to_bytes());
        let shared = writer.diffie_hellman(&reader_public);
        if !shared.was_contributory() {
            return Err(io::Error::other("the recipient's key is of low order"));
        }
        let hash = Blake2b512::new()
            .chain_update(shared.as_bytes())
            .chain_update(reader_public.as_bytes())
            .chain_update(writer_public.as_bytes())
            .finalize();
        out.extend_from_slice(&PACKET_BYTES.to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        out.extend_from_slice(writer_public.as_bytes());
        seal(&cipher(&hash[..32])?, payload.as_slice(), &mut out)?;
    }
    Ok(out)
}

/// Encrypts what is written to it. Nothing is whole before [`Writer::finish`].
pub struct Writer<W> {
    inner: W,
    key: LessSafeKey,
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
}

impl<W: Write> Writer<W> {
    /// Writes a header for these readers.
    ///
    /// # Errors
    /// Those of `inner`, or no reader.
    pub fn new(mut inner: W, readers: &[PublicKey]) -> io::Result<Self> {
        if readers.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody could read it"));
        }
        let mut data_key = Zeroizing::new([0u8; 32]);
        OsRng.fill_bytes(data_key.as_mut_slice());
        inner.write_all(&header(&data_key, readers)?)?;
        let plain = Zeroizing::new(Vec::with_capacity(BATCH * SEGMENT_BYTES));
        Ok(Self {
            inner,
            key: cipher(data_key.as_slice())?,
            plain,
            sealed: vec![Vec::new(); BATCH],
        })
    }

    /// Seals and writes what is there.
    fn drain(&mut self) -> io::Result<()> {
        let parts = self.plain.chunks(SEGMENT_BYTES);
        let count = parts.len();
        let key = &self.key;
        self.plain.par_chunks(SEGMENT_BYTES).zip(&mut self.sealed).try_for_each(
            |(part, out)| {
                out.clear();
                seal(key, part, out)
            },
        )?;
        self.sealed[..count].iter().try_for_each(|part| self.inner.write_all(part))?;
        self.plain.clear();
        Ok(())
    }

    /// Writes what is left, and gives back where it was written to.
    ///
    /// # Errors
    /// Those of `inner`.
    pub fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == BATCH * SEGMENT_BYTES {
            self.drain()?;
        }
        let taken = bytes.len().min(BATCH * SEGMENT_BYTES - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// A segment that is not full can only be the last: nothing is sealed before its time.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The length that a file of so many bytes has, encrypted for so many readers.
#[must_use]
pub fn sealed_bytes(plaintext: u64, readers: u64) -> u64 {
    let segments = plaintext.div_ceil(SEGMENT_BYTES as u64);
    let packets = readers.saturating_mul(u64::from(PACKET_BYTES));
    let overhead = segments.saturating_mul((NONCE_BYTES + MAC_BYTES) as u64);
    packets.saturating_add(16).saturating_add(plaintext).saturating_add(overhead)
}

#[cfg(test)]
mod tests;
