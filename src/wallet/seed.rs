//! The seed of a wallet and the words that stand for it (BIP39, English list).

use std::fmt;

use bip39::{Language, Mnemonic};
use rand::RngCore;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

/// Bytes of entropy in a new seed: 24 words.
pub const ENTROPY_BYTES: usize = 32;

/// BIP39 entropy, 16 to 32 bytes in steps of four.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<Vec<u8>>);

/// Why words or entropy are not a seed. Never repeats a word that was given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SeedError {
    /// BIP39 has 12, 15, 18, 21 or 24 words.
    #[error("a seed has 12, 15, 18, 21 or 24 words; {0} were given")]
    Words(usize),
    /// A word outside the list, by its place counted from one.
    #[error("word {0} is not in the BIP39 English list")]
    Unknown(usize),
    /// All words exist, but one is wrong or two are swapped.
    #[error("the words do not belong together: their checksum is wrong")]
    Checksum,
    /// Entropy of another length than BIP39 knows.
    #[error("a seed has 16, 20, 24, 28 or 32 bytes; {0} were given")]
    Entropy(usize),
}

impl Seed {
    /// A new seed from the operating system's randomness.
    pub fn generate() -> Self {
        let mut entropy = Zeroizing::new(vec![0; ENTROPY_BYTES]);
        OsRng.fill_bytes(&mut entropy);
        Self(entropy)
    }

    /// The seed that words stand for; case and spacing do not matter.
    ///
    /// # Errors
    /// When the words are not a BIP39 sentence.
    pub fn from_words(words: &str) -> Result<Self, SeedError> {
        let mut tidy = Zeroizing::new(String::with_capacity(words.len()));
        for word in words.split_whitespace() {
            if !tidy.is_empty() {
                tidy.push(' ');
            }
            tidy.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &tidy).map_err(
            |error| match error {
                bip39::Error::UnknownWord(index) => SeedError::Unknown(index.saturating_add(1)),
                bip39::Error::BadWordCount(count) => SeedError::Words(count),
                _ => SeedError::Checksum,
            },
        )?;
        Ok(Self(Zeroizing::new(mnemonic.to_entropy())))
    }

    /// The seed with this entropy.
    ///
    /// # Errors
    /// When BIP39 has no sentence of that length.
    pub fn from_entropy(entropy: &[u8]) -> Result<Self, SeedError> {
        Mnemonic::from_entropy(entropy).map_err(|_| SeedError::Entropy(entropy.len()))?;
        Ok(Self(Zeroizing::new(entropy.to_vec())))
    }

    /// The entropy itself.
    pub fn entropy(&self) -> &[u8] {
        &self.0
    }

    /// The words to write down.
    pub fn words(&self) -> Zeroizing<String> {
        Zeroizing::new(self.mnemonic().to_string())
    }

    /// The 64 bytes that BIP39 derives from the words with an empty passphrase.
    pub(crate) fn stretched(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.mnemonic().to_seed_normalized(""))
    }

    fn mnemonic(&self) -> Mnemonic {
        Mnemonic::from_entropy(&self.0).expect("every constructor has checked the length")
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // Published BIP39 vectors.
    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    const LEGAL: &str =
        "legal winner thank year wave sausage worth useful legal winner thank yellow";

    #[test]
    fn words_and_entropy_are_two_forms_of_one_seed() {
        assert_eq!(Seed::from_words(WORDS).unwrap().entropy(), [0; 16]);
        assert_eq!(Seed::from_words(LEGAL).unwrap().entropy(), [0x7f; 16]);
        assert_eq!(Seed::from_entropy(&[0x7f; 16]).unwrap().words().as_str(), LEGAL);
        let fresh = Seed::generate();
        assert_eq!(fresh.words().split(' ').count(), 24);
        assert_eq!(Seed::from_words(&fresh.words()).unwrap(), fresh);
        assert_ne!(Seed::generate(), fresh);
        assert_eq!(
            Seed::from_words(&format!("  {}\n", LEGAL.to_uppercase().replace(' ', "  ")))
                .unwrap()
                .entropy(),
            [0x7f; 16]
        );
    }

    #[test]
    fn wrong_words_are_named_by_place_only() {
        assert_eq!(Seed::from_words("legal winner").unwrap_err(), SeedError::Words(2));
        assert_eq!(Seed::from_words("").unwrap_err(), SeedError::Words(0));
        assert_eq!(
            Seed::from_words(&LEGAL.replace("wave", "weve")).unwrap_err(),
            SeedError::Unknown(5)
        );
        let swapped = LEGAL.replacen("legal winner", "winner legal", 1);
        assert_eq!(Seed::from_words(&swapped).unwrap_err(), SeedError::Checksum);
        assert_eq!(Seed::from_entropy(&[0; 17]).unwrap_err(), SeedError::Entropy(17));
    }
}
