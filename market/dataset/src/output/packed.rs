//! The text that was packed, made again while a table is opened: its length and hash, up to a bound.

use std::io::{self, Write};

use crate::durable::Hashing;

/// What a table's text may be longer than the manifest declares, in bytes: it is opened all the same. What
/// goes on beyond would fill a disk of which nobody was told.
pub(crate) const SLACK_BYTES: u64 = 64 << 20;

/// Counts and hashes a text; what comes after its bound is dropped.
pub(crate) struct Packed {
    hash: Hashing<io::Sink>,
    /// How many more bytes it may have; none once it had too many.
    left: Option<u64>,
}

impl Packed {
    /// Of a text that is declared to have so many bytes.
    pub fn new(declared: u64) -> Self {
        let left = Some(declared.saturating_add(SLACK_BYTES));
        Self { hash: Hashing::new(io::sink()), left }
    }

    /// Whether it is too long.
    pub fn is_over(&self) -> bool {
        self.left.is_none()
    }

    /// Its length, and its hash as manifests write it; none if it is too long.
    pub fn finish(self) -> Option<(u64, String)> {
        self.left.map(|_| self.hash.finish())
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.and_then(|left| left.checked_sub(bytes.len() as u64));
        if self.left.is_some() { self.hash.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
