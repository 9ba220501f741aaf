//! Decompression that stops a bomb: a small file may not become an endless text.

use super::{IngestError, Limits};
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// Below this many bytes of text the ratio is not looked at: an honest small file of one repeated
/// value compresses a thousandfold.
pub(super) const FREE: u64 = 64 << 20;

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

/// A gzip stream, its members joined, that fails once it has grown out of proportion.
pub(super) struct Bounded<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    limits: Limits,
    out: u64,
}

impl<R: Read> Bounded<R> {
    pub(super) fn new(inner: R, limits: Limits) -> Bounded<R> {
        let decoder = MultiGzDecoder::new(Counted { inner, bytes: 0 });
        Bounded { decoder, limits, out: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buf)?;
        self.out = self.out.saturating_add(n as u64);
        let allowed = self.decoder.get_ref().bytes.saturating_mul(self.limits.inflation);
        if self.out > FREE && self.out > allowed {
            let bomb = IngestError::Bomb { ratio: self.limits.inflation, reached: self.out };
            return Err(io::Error::other(bomb));
        }
        Ok(n)
    }
}
