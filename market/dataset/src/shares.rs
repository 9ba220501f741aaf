//! The private side of bundles: each block's share of the charts, and the blinders of its commitments.
//!
//! Of all blocks' shares only the sums are published. A share is kept beside its bundle until then, in
//! a file of its own: its borsh encoding, sealed as a segment is, under a key that the package's key
//! gives for this package, table and block. Depends on `seal`, `durable`, the segments' cipher and
//! `galen_zk`.

use std::io::Write;
use std::path::Path;

use galen_market::id::PackageId;
use galen_market::segment::{self, MAX_CIPHERTEXT_BYTES, NONCE_BYTES};
use galen_zk::bundle::Share;
use galen_zk::point::G1Point;
use galen_zk::summary::SummaryPowers;
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

use crate::durable::{At, FileError, Pending, read_bounded};
use crate::seal::MasterKey;

/// Why the shares of a block cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// The file is missing or cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not authenticate under the package's key for this block.
    #[error("{path}: is not the share of this block under this package's key")]
    Cipher {
        /// Which file.
        path: String,
    },
    /// It is not what the bundle commits to.
    #[error("{path}: is the share of another bundle of this block")]
    OtherBundle {
        /// Which file.
        path: String,
    },
}

/// The key of one block's shares. It seals nothing else, so the segment's number is fixed.
fn share_key(key: &MasterKey, package: &PackageId, (table, block): (u32, u32)) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"galen/chart-shares/1")
        .chain_update(key.scalar().to_bytes())
        .chain_update(package.0)
        .chain_update(table.to_le_bytes())
        .chain_update(block.to_le_bytes())
        .finalize()
        .into()
}

/// Writes the shares of a block, synced, in place of older ones.
///
/// # Errors
/// [`ShareError::File`].
pub fn write(
    path: &Path,
    key: &MasterKey,
    package: &PackageId,
    (table, block): (u32, u32),
    shares: &[Share],
) -> Result<(), ShareError> {
    let plaintext = borsh::to_vec(&shares.to_vec()).expect("writing to memory does not fail");
    let mut nonce = [0u8; NONCE_BYTES];
    OsRng.fill_bytes(&mut nonce);
    let secret = share_key(key, package, (table, block));
    let sealed = segment::seal(&secret, 0, 1, nonce, &plaintext)
        .expect("the shares of all charts of a package are shorter than a segment");
    let mut pending = Pending::new(path)?;
    pending.file().write_all(&sealed).at(path)?;
    Ok(pending.finish()?)
}

/// Reads the shares of a block and checks them against the commitments that its bundle proves.
///
/// # Errors
/// See [`ShareError`].
pub fn read(
    path: &Path,
    key: &MasterKey,
    package: &PackageId,
    (table, block): (u32, u32),
    powers: &SummaryPowers,
    commitments: &[G1Point],
) -> Result<Vec<Share>, ShareError> {
    let bytes = read_bounded(path, MAX_CIPHERTEXT_BYTES as u64)?;
    let wrong = || ShareError::Cipher { path: path.display().to_string() };
    let secret = share_key(key, package, (table, block));
    let plaintext = segment::open(&secret, 0, 1, &bytes).map_err(|_| wrong())?;
    let shares: Vec<Share> = borsh::from_slice(&plaintext).map_err(|_| wrong())?;
    let rebuilt = shares.iter().map(|share| {
        powers.commit_summary(&share.summary, &share.blinders.map(|blinder| blinder.0)).ok()
    });
    if !rebuilt.eq(commitments.iter().map(|point| Some(*point))) {
        return Err(ShareError::OtherBundle { path: path.display().to_string() });
    }
    Ok(shares)
}
