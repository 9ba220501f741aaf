//! A part of a package's blocks, proven on a machine of its own, and brought together again.
//!
//! | file | content |
//! |---|---|
//! | `shard.json` | format, package, the shard's own random id, first block and the one after the last |
//! | `proofs/block-T-B` | bundles |
//! | `shares/block-T-B` | the private side of each bundle, encrypted under the package's key |
//! | `openings` | openings that this machine spent |
//!
//! Blocks are counted over all tables in the order of the Layout. A shard can be proven again and
//! again until it is whole, and joined as often as one likes: whatever is there already is kept.
//! Depends on `prove`, `attempts` and `shares`.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use galen_market::id::PackageId;
use galen_zk::keys::Verifier;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use crate::attempts::AttemptLog;
use crate::durable::{At, PendingFolder, read_bounded, write_synced};
use crate::package::PackageFolder;
use crate::prove::{Place, ProvingError, Work, block_at, place_bundle};
use crate::{shares, verify};

const FORMAT: &str = "galen-shard/1";
const ABOUT_FILE: &str = "shard.json";
const MAX_ABOUT_BYTES: u64 = 4_096;

/// What a shard says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    format: String,
    package: PackageId,
    id: String,
    from: u64,
    to: u64,
}

/// A shard's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shard {
    path: PathBuf,
    about: About,
}

impl Shard {
    /// Begins a shard for these blocks, or goes on with the one that is there for the same.
    ///
    /// # Errors
    /// [`ProvingError::Shard`] for blocks that are not there or a shard of others; I/O.
    pub fn begin(
        path: &Path,
        folder: &PackageFolder,
        blocks: Range<u64>,
    ) -> Result<Self, ProvingError> {
        let total = folder.layout().blocks().count() as u64;
        if blocks.is_empty() || blocks.end > total {
            return Err(ProvingError::Shard(format!(
                "blocks {}..{} are not blocks of the package, which has 0..{total}",
                blocks.start, blocks.end
            )));
        }
        if path.exists() {
            let shard = Self::read(path, folder)?;
            if shard.blocks() != blocks {
                return Err(ProvingError::Shard(format!(
                    "{} is the shard of blocks {}..{}; name another folder for {}..{}",
                    path.display(),
                    shard.about.from,
                    shard.about.to,
                    blocks.start,
                    blocks.end
                )));
            }
            return Ok(shard);
        }
        let mut id = [0u8; 16];
        OsRng.fill_bytes(&mut id);
        let about = About {
            format: FORMAT.to_owned(),
            package: folder.id(),
            id: hex::encode(id),
            from: blocks.start,
            to: blocks.end,
        };
        let pending = PendingFolder::new(path)?;
        let bytes = serde_json::to_vec_pretty(&about)
            .map_err(|error| ProvingError::Shard(error.to_string()))?;
        write_synced(&pending.path().join(ABOUT_FILE), &bytes)?;
        pending.finish()?;
        Ok(Self { path: path.to_owned(), about })
    }

    /// Reads a shard of this package.
    ///
    /// # Errors
    /// [`ProvingError::Shard`] for a folder that is none, or one of another package; I/O.
    pub fn read(path: &Path, folder: &PackageFolder) -> Result<Self, ProvingError> {
        let at = path.join(ABOUT_FILE);
        let wrong = |what: &str| ProvingError::Shard(format!("{}: {what}", at.display()));
        let bytes = read_bounded(&at, MAX_ABOUT_BYTES)?;
        let about: About =
            serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
        let total = folder.layout().blocks().count() as u64;
        let named = about.id.len() == 32 && about.id.bytes().all(|b| b.is_ascii_hexdigit());
        if about.format != FORMAT || !named || about.from >= about.to || about.to > total {
            return Err(wrong("is not a shard"));
        }
        if about.package != folder.id() {
            return Err(wrong("is a shard of another package"));
        }
        Ok(Self { path: path.to_owned(), about })
    }

    /// Its blocks.
    #[must_use]
    pub fn blocks(&self) -> Range<u64> {
        self.about.from..self.about.to
    }

    /// Where its bundles and shares are.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { bundles: self.path.join("proofs"), shares: self.path.join("shares") }
    }

    /// Its log of openings.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("openings")
    }
}

/// What joining came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Joined {
    /// Bundles that were taken over.
    pub taken: u64,
    /// Bundles of shards for blocks that had a good one already.
    pub kept: u64,
}

/// Takes over what shards prove. First every shard's openings are recorded, so that none is lost
/// whatever follows; then every bundle and share is checked and copied, the share first.
///
/// # Errors
/// The first shard that is not one of this package, log that is damaged, bundle that does not prove
/// its block, share of another bundle, or block that was opened more often than it bears.
pub fn join(
    work: &Work<'_>,
    shards: &[Shard],
    target: &Place,
    attempts: &mut AttemptLog,
) -> Result<Joined, ProvingError> {
    let (folder, verifier) = (work.folder, work.prover.verifier());
    for shard in shards {
        if shard.log().exists() {
            attempts.adopt(&shard.about.id, &shard.log())?;
        }
    }
    let mut joined = Joined::default();
    for shard in shards {
        for index in shard.blocks() {
            let (table, block) = block_at(folder, index)?;
            attempts.check_total(table, block)?;
            if is_whole(work, verifier, target, (table, block)) {
                joined.kept += 1;
                continue;
            }
            let from = shard.place();
            let path = from.bundle(table, block);
            let commitments =
                verify::verify_at(&path, folder, work.claimed, verifier, (table, block))?;
            if !commitments.is_empty() {
                let parts = shares::read(
                    &from.share(table, block),
                    &work.secret.key,
                    &folder.id(),
                    (table, block),
                    verifier.summary_powers(),
                    &commitments,
                )?;
                fs::create_dir_all(&target.shares).at(&target.shares)?;
                let to = target.share(table, block);
                shares::write(&to, &work.secret.key, &folder.id(), (table, block), &parts)?;
            }
            // It was opened, even if the shard's log was lost on the way.
            if attempts.spent(table, block) == 0 {
                attempts.spend(table, block)?;
            }
            let bytes = read_bounded(&path, galen_zk::bundle::MAX_BUNDLE_BYTES as u64)?;
            place_bundle(target, (table, block), &bytes)?.finish()?;
            joined.taken += 1;
        }
    }
    Ok(joined)
}

/// Whether a block has a bundle that proves its claims, with its own share.
pub(crate) fn is_whole(
    work: &Work<'_>,
    verifier: &Verifier,
    place: &Place,
    (table, block): (u32, u32),
) -> bool {
    let bundle = place.bundle(table, block);
    let at = (table, block);
    match verify::verify_at(&bundle, work.folder, work.claimed, verifier, at) {
        Err(_) => false,
        Ok(commitments) if commitments.is_empty() => true,
        Ok(commitments) => shares::read(
            &place.share(table, block),
            &work.secret.key,
            &work.folder.id(),
            at,
            verifier.summary_powers(),
            &commitments,
        )
        .is_ok(),
    }
}
