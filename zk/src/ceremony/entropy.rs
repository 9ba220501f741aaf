//! Where a contributor's secrets come from: the system's randomness, together with whatever the
//! contributor types, so that neither has to be trusted alone.
//!
//! A stream of BLAKE2b digests of both and a counter. What it holds is erased when it is dropped.

use blake2::{Blake2b512, Digest};
use rand::rngs::OsRng;
use rand::{CryptoRng, Error, RngCore};
use zeroize::{Zeroize, Zeroizing};

const TAG: &[u8] = b"galen/ceremony/entropy/1";

/// A generator for one contribution.
pub struct Entropy {
    key: Zeroizing<[u8; 64]>,
    counter: u64,
}

impl Entropy {
    /// Takes 64 bytes from the system and mixes `typed` in, which may be empty.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(typed: &[u8]) -> Result<Self, Error> {
        let mut system = Zeroizing::new([0u8; 64]);
        OsRng.try_fill_bytes(system.as_mut_slice())?;
        Ok(Self::mixed(&system, typed))
    }

    fn mixed(system: &[u8; 64], typed: &[u8]) -> Self {
        let digest = Blake2b512::new().chain_update(TAG).chain_update(system).chain_update(typed);
        Self { key: Zeroizing::new(digest.finalize().into()), counter: 0 }
    }
}

impl RngCore for Entropy {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(64) {
            let mut block: [u8; 64] = Blake2b512::new()
                .chain_update(self.key.as_slice())
                .chain_update(self.counter.to_le_bytes())
                .finalize()
                .into();
            // 2^64 blocks are more than any contribution draws.
            self.counter = self.counter.wrapping_add(1);
            chunk.copy_from_slice(block.get(..chunk.len()).unwrap_or_default());
            block.zeroize();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Entropy {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_system_gives_and_what_is_typed_both_count() {
        let draw = |mut entropy: Entropy| {
            let mut bytes = [0; 100];
            entropy.fill_bytes(&mut bytes);
            bytes
        };
        let first = draw(Entropy::mixed(&[1; 64], b"dice: 4 2 6"));
        assert_eq!(first, draw(Entropy::mixed(&[1; 64], b"dice: 4 2 6")));
        assert_ne!(first, draw(Entropy::mixed(&[2; 64], b"dice: 4 2 6")));
        assert_ne!(first, draw(Entropy::mixed(&[1; 64], b"dice: 4 2 5")));
        assert_ne!(first[..36], first[64..]);
        assert_ne!(draw(Entropy::new(b"").unwrap()), draw(Entropy::new(b"").unwrap()));
    }
}
