//! Every key from one seed.
//!
//! HKDF-SHA256 (RFC 5869) with salt `galen/wallet/v1`, the 64 bytes of the BIP39 seed as input and
//! one label a key as info:
//!
//! | label | key |
//! |---|---|
//! | `account/{role}/{index}` | Ed25519 seed, 32 bytes |
//! | `consensus/{index}` | Ed25519 seed with which a validator signs votes |
//! | `credential/{index}` | holder's secret: 64 bytes, little-endian, modulo the order of BN254 |
//! | `deal/{index}/delivery` | 64 bytes, little-endian, modulo the order of BabyJubJub's prime subgroup |
//! | `deal/{index}/authorisation` | Ed25519 seed with which the buyer acts in this one deal |
//! | `deal/{index}/refund` | Ed25519 seed of the account that takes this deal's refund |
//! | `agent/webhook` | HMAC key of an agent's calls, 32 bytes |
//! | `crypt4gh/{index}` | X25519 scalar with which Crypt4GH files are read |
//! | `package-file` | ChaCha20-Poly1305 key of the files that keep packages' master keys |
//!
//! Sixty-four bytes modulo a 254-bit order leave a bias below 2^-250. Labels never change: a
//! changed label would lose keys. Keys of two labels cannot be linked without the seed.

use std::fmt;

use ark_ff::{PrimeField, Zero};
use ed25519_consensus::{SigningKey, VerificationKey};
use galen_dataset::crypt4gh::SecretKey;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::seed::Seed;

const SALT: &[u8] = b"galen/wallet/v1";

/// What an account is used for. Each role has keys of its own, so that what one does is not linked
/// to another by its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Role {
    /// Admits and suspends other parties.
    Registrar,
    /// Lists and delivers datasets.
    Institution,
    /// Vouches for researchers.
    Issuer,
    /// Turns bank money into currency on the ledger and back.
    Gateway,
    /// Holds stake.
    Validator,
    /// Pays for purchases. Known to the gateway that funded it.
    Researcher,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Registrar,
        Self::Institution,
        Self::Issuer,
        Self::Gateway,
        Self::Validator,
        Self::Researcher,
    ];

    /// The role's name, as in labels and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::Institution => "institution",
            Self::Issuer => "issuer",
            Self::Gateway => "gateway",
            Self::Validator => "validator",
            Self::Researcher => "researcher",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wallet that is unlocked.
pub struct Wallet {
    seed: Seed,
    root: Zeroizing<[u8; 64]>,
}

/// An Ed25519 key that is wiped when dropped.
#[derive(Clone)]
pub struct AccountKey(SigningKey);

impl AccountKey {
    /// The key itself, to sign with.
    pub fn signing(&self) -> &SigningKey {
        &self.0
    }

    /// Public half: the account's id.
    pub fn public(&self) -> [u8; 32] {
        VerificationKey::from(&self.0).to_bytes()
    }
}

impl Drop for AccountKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({}, secret ..)", hex::encode(self.public()))
    }
}

/// The keys of one deal. Used once: two deals of one buyer share nothing.
pub struct DealKeys {
    /// Secret `b` of the delivery key `B = b·G` on BabyJubJub; never zero.
    pub delivery: Zeroizing<ark_ed_on_bn254::Fr>,
    /// Signs what the buyer does in the deal.
    pub authorisation: AccountKey,
    /// Takes what the deal pays back.
    pub refund: AccountKey,
}

impl fmt::Debug for DealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DealKeys(..)")
    }
}

impl Wallet {
    /// The wallet of a seed.
    pub fn new(seed: Seed) -> Self {
        let root = seed.stretched();
        Self { seed, root }
    }

    /// The seed, for a backup.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Key of an account.
    pub fn account(&self, role: Role, index: u32) -> AccountKey {
        self.ed25519(&format!("account/{}/{index}", role.name()))
    }

    /// Key with which a validator signs votes.
    pub fn consensus(&self, index: u32) -> AccountKey {
        self.ed25519(&format!("consensus/{index}"))
    }

    /// A credential holder's secret; never zero. One person uses one index for all issuers.
    pub fn credential(&self, index: u32) -> Zeroizing<ark_bn254::Fr> {
        Zeroizing::new(self.scalar(&format!("credential/{index}")))
    }

    /// Keys of a deal.
    pub fn deal(&self, index: u32) -> DealKeys {
        DealKeys {
            delivery: Zeroizing::new(self.scalar(&format!("deal/{index}/delivery"))),
            authorisation: self.ed25519(&format!("deal/{index}/authorisation")),
            refund: self.ed25519(&format!("deal/{index}/refund")),
        }
    }

    /// Key with which an agent signs what it tells a webhook.
    pub fn webhook(&self) -> Zeroizing<[u8; 32]> {
        self.bytes("agent/webhook")
    }

    /// Key with which files are read that were encrypted for it, after Crypt4GH.
    pub fn crypt4gh(&self, index: u32) -> SecretKey {
        SecretKey::from(*self.bytes::<32>(&format!("crypt4gh/{index}")))
    }

    /// Key of the files that keep packages' master keys.
    pub(crate) fn package_file(&self) -> Zeroizing<[u8; 32]> {
        self.bytes("package-file")
    }

    fn ed25519(&self, label: &str) -> AccountKey {
        AccountKey(SigningKey::from(*self.bytes::<32>(label)))
    }

    fn scalar<F: PrimeField + Zeroize>(&self, label: &str) -> F {
        let scalar = F::from_le_bytes_mod_order(&*self.bytes::<64>(label));
        // One in 2^250: unreachable, and a zero key must never be used all the same.
        if Zero::is_zero(&scalar) { F::one() } else { scalar }
    }

    fn bytes<const N: usize>(&self, label: &str) -> Zeroizing<[u8; N]> {
        let mut key = Zeroizing::new([0; N]);
        Hkdf::<Sha256>::new(Some(SALT), &*self.root)
            .expand(label.as_bytes(), &mut *key)
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        key
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wallet() -> Wallet {
        let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        Wallet::new(Seed::from_words(words).unwrap())
    }

    /// Computed apart from this code, by Python's hmac and hashlib.
    #[test]
    fn vectors_of_a_known_seed() {
        let wallet = wallet();
        // The seed itself is a published vector of BIP39 with an empty passphrase.
        assert_eq!(hex::encode(&wallet.root[..16]), "5eb00bbddcf069084889a8ab91555681");
        assert_eq!(
            hex::encode(*wallet.bytes::<32>("account/institution/0")),
            "03d2016c2bdda5b35c2f0d05a61076dec71ebefa441392ebedd6bb0a04c7f087"
        );
        assert_eq!(
            hex::encode(*wallet.package_file()),
            "1048a6629cbd08508178af44f9a44d3b4d7ab24118078b98e53f830f3cf90490"
        );
        assert_eq!(
            wallet.credential(0).to_string(),
            "16499627495129529019081869975569386856077013461366977757982956016957667198433"
        );
        assert_eq!(
            wallet.deal(7).delivery.to_string(),
            "1594542961882083810258365417641549089571914976907372355022766270070642998950"
        );
    }

    #[test]
    fn labels_are_separate_and_repeatable() {
        let wallet = wallet();
        let mut seen = std::collections::BTreeSet::new();
        for role in Role::ALL {
            for index in 0..3 {
                let key = wallet.account(role, index);
                assert_eq!(key.public(), wallet.account(role, index).public());
                assert!(seen.insert(key.public()), "{role} {index} repeats");
            }
        }
        for index in 0..3 {
            let deal = wallet.deal(index);
            assert!(seen.insert(deal.authorisation.public()) && seen.insert(deal.refund.public()));
            assert!(seen.insert(wallet.consensus(index).public()));
        }
        assert_ne!(*wallet.deal(0).delivery, *wallet.deal(1).delivery);
    }

    #[test]
    fn adversary_62_debug_output_has_no_secret() {
        let wallet = wallet();
        let deal = wallet.deal(0);
        let text = format!(
            "{wallet:?} {:?} {:?} {deal:?} {:?}",
            wallet.seed(),
            wallet.account(Role::Institution, 0),
            deal.authorisation
        );
        assert!(!text.contains("abandon"));
        let seeds =
            ["account/institution/0", "deal/0/authorisation", "deal/0/refund", "package-file"];
        for label in seeds {
            assert!(!text.contains(&hex::encode(*wallet.bytes::<32>(label))), "{label} is printed");
        }
        // The public half is what one wants to see.
        assert!(text.contains(&hex::encode(wallet.account(Role::Institution, 0).public())));
    }
}
