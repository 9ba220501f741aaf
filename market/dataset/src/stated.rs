//! Which bundles a table's totals were stated of.
//!
//! Totals are published with the sums of the blocks' blinders. Two sums that have some blocks' blinders
//! in common, and others not, subtract to a relation between the blinders of the others; with the
//! openings and commitments, which are public too, that tells something of a single block. So the
//! bundles of a table are either all the old ones or all new ones: this file remembers, synced before
//! any sum is told, of which bundles sums were made. Depends on `durable`, `prove` and SHA-256.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::bundle::MAX_BUNDLE_BYTES;
use sha2::{Digest, Sha256};

use crate::durable::{At, FileError, Pending, read_bounded, sync_folder};
use crate::prove::{Place, ProvingError, Work};
use crate::shard::is_whole;

/// SHA-256 of a bundle.
type Hash = [u8; 32];

const FILE: &str = "stated";
/// Longest accepted file: seven statings of every block of the largest package.
const MAX_BYTES: u64 = 512 << 20;

/// The bundles of a table whose sums were told, in the order of its blocks.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Stated {
    table: u32,
    bundles: Vec<Hash>,
}

fn path(place: &Place) -> PathBuf {
    place.shares.join(FILE)
}

fn read(place: &Place) -> Result<Vec<Stated>, FileError> {
    let path = path(place);
    let bytes = match read_bounded(&path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    borsh::from_slice(&bytes).at(&path)
}

fn hash(place: &Place, table: u32, block: u32) -> Result<Option<Hash>, FileError> {
    match read_bounded(&place.bundle(table, block), MAX_BUNDLE_BYTES as u64) {
        Ok(bytes) => Ok(Some(Sha256::digest(bytes).into())),
        Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn blocks(work: &Work<'_>, table: u32) -> Vec<u32> {
    work.folder.layout().blocks().filter(|(t, _)| *t == table).map(|(_, block)| block).collect()
}

/// Remembers that the sums of a table's blocks are about to be told.
///
/// # Errors
/// [`ProvingError::Mixed`] if sums were told before of some of these bundles, but not of all of them;
/// I/O.
pub(crate) fn state(work: &Work<'_>, place: &Place, table: u32) -> Result<(), ProvingError> {
    let mut bundles = Vec::new();
    for block in blocks(work, table) {
        bundles.extend(hash(place, table, block)?);
    }
    let mut all = read(place)?;
    for before in all.iter().filter(|one| one.table == table) {
        if before.bundles == bundles {
            return Ok(());
        }
        if before.bundles.iter().zip(&bundles).any(|(old, new)| old == new) {
            return Err(ProvingError::Mixed { table });
        }
    }
    all.push(Stated { table, bundles });
    let path = path(place);
    let mut pending = Pending::new(&path)?;
    let bytes = borsh::to_vec(&all).expect("writing to memory does not fail");
    pending.file().write_all(&bytes).at(&path)?;
    Ok(pending.finish()?)
}

/// If sums of a table were told and one of its blocks has to be proven again, drops the bundles that
/// the sums were of, so that all of them are.
///
/// # Errors
/// I/O.
pub(crate) fn renew(work: &Work<'_>, place: &Place, table: u32) -> Result<(), ProvingError> {
    let stated = read(place)?;
    let stated: Vec<&Stated> = stated.iter().filter(|one| one.table == table).collect();
    let verifier = work.prover.verifier();
    let blocks = blocks(work, table);
    let mut hashes = Vec::with_capacity(blocks.len());
    for block in &blocks {
        hashes.push(hash(place, table, *block)?);
    }
    let whole = || blocks.iter().all(|block| is_whole(work, verifier, place, (table, *block)));
    let same = |one: &&Stated| {
        one.bundles.len() == hashes.len()
            && one.bundles.iter().zip(&hashes).all(|(old, now)| Some(*old) == *now)
    };
    if stated.is_empty() || stated.iter().any(same) && whole() {
        return Ok(());
    }
    for (at, (block, found)) in blocks.iter().zip(&hashes).enumerate() {
        if found.is_some() && stated.iter().any(|one| one.bundles.get(at).copied() == *found) {
            let bundle = place.bundle(table, *block);
            fs::remove_file(&bundle).at(&bundle)?;
        }
    }
    Ok(sync_folder(&place.bundles)?)
}
