//! A seller who cheats, for the demonstration and for tests: seals other cells than the package's
//! commitments speak of, in a column that no proof opens. Every proof holds all the same, the ledger
//! lists the package, and only who has the key can see it. That is what disputes are for.

use std::fs;
use std::path::Path;

use galen_dataset::package::{LEAVES_FILE, Listing, PackageFolder, SEGMENTS_FILE, SUMMARY_FILE};
use galen_dataset::seal::PackageSecret;
use galen_market::id::Digest;
use galen_market::layout::{Place, Role};
use galen_market::segment::{Leaf, LeafTree};

use crate::error::{Exit, Failure};
use crate::operation::store::{PackageRecord, PackageStore};
use crate::wallet::Wallet;

/// Changes one cell of the first column that is no quasi-identifier, and seals that segment again.
/// Returns the record of the new package and the changed segment.
///
/// # Errors
/// When the package has no such column, or a file cannot be written.
pub fn change_a_cell(
    wallet: &Wallet,
    store: &PackageStore,
    record: &PackageRecord,
    target: &Path,
) -> Result<(PackageRecord, u64), Failure> {
    let folder = PackageFolder::read(&record.folder)?;
    let secret = store.secret(wallet, &record.package)?;
    let layout = folder.layout();
    let unproven = |segment: &u64| {
        matches!(layout.place(*segment), Some(Place::Column { table, column, .. })
            if layout.tables()[table as usize].columns[column as usize].role != Role::QuasiIdentifier)
    };
    let wrong = |what: &str| Failure::new(Exit::Input, "demo.package", what);
    let segment = (0..layout.segments())
        .find(unproven)
        .ok_or_else(|| wrong("every column is a quasi-identifier"))?;
    let total = layout.segments();
    let key = secret.key.segment(segment);
    let segments = folder.segments()?;
    let mut plaintext = key
        .open(segment, total, &segments.read(segment)?)
        .map_err(|error| wrong(&error.to_string()))?;
    let first = plaintext.first_mut().ok_or_else(|| wrong("the segment is empty"))?;
    *first = if *first == 1 { 2 } else { 1 };
    let sealed = key.seal(segment, total, &plaintext).map_err(|error| wrong(&error.to_string()))?;

    let mut leaves: Vec<Leaf> = folder.leaves().to_vec();
    let mut all = Vec::new();
    for at in 0..total {
        let bytes = if at == segment { sealed.clone() } else { segments.read(at)? };
        all.extend_from_slice(&bytes);
    }
    let place = layout.place(segment).ok_or_else(|| wrong("the segment has no place"))?;
    let index = usize::try_from(segment).map_err(|_| wrong("too many segments"))?;
    let claim = leaves[index].claim;
    leaves[index] = Leaf::new(&place, &sealed, claim);
    let root = LeafTree::new(&leaves).ok_or_else(|| wrong("there are no leaves"))?.root();
    let old = folder.listing();
    let listing = Listing::new(Digest(root), old.key_commitment, old.manifest, old.layout.clone());
    fs::create_dir_all(target).map_err(|error| Failure::file(target, &error))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = target.join(name);
        fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))
    };
    for name in [galen_dataset::package::MANIFEST_FILE, galen_dataset::package::LAYOUT_FILE] {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
        write(name, &bytes)?;
    }
    write(SEGMENTS_FILE, &all)?;
    write(LEAVES_FILE, &leaves.iter().flat_map(Leaf::to_bytes).collect::<Vec<u8>>())?;
    write(SUMMARY_FILE, &listing.summary()?)?;
    let proofs = target.join(galen_dataset::package::PROOFS_FOLDER);
    fs::create_dir_all(&proofs).map_err(|error| Failure::file(&proofs, &error))?;
    let record = PackageRecord { package: listing.id, folder: target.to_owned(), ..record.clone() };
    store.add(wallet, &PackageSecret { package: listing.id, key: secret.key }, &record)?;
    Ok((record, segment))
}
