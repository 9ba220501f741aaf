//! Putting the public files of a package where mirrors serve them from.

use galen_api::Part;
use galen_dataset::package::{LEAVES_FILE, MANIFEST_FILE, PackageFolder};
use galen_web::store::Store;

use crate::error::Failure;

/// Puts manifest, layout, leaves and segments into a store, every segment compared with its leaf on the
/// way. The segments come last: where they are, everything is. `report` hears how many of how many are
/// given to the store.
///
/// # Errors
/// When the folder is not what was packed, or the store does not take it.
pub fn upload(
    folder: &PackageFolder,
    store: &Store,
    report: &dyn Fn(u64, u64),
) -> Result<(), Failure> {
    let package = folder.id();
    let total = folder.offsets().segments();
    let bytes = folder.offsets().total();
    super::node::runtime()?.block_on(async {
        for (part, name) in [(Part::Manifest, MANIFEST_FILE), (Part::Leaves, LEAVES_FILE)] {
            let path = folder.path().join(name);
            let content = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
            store.put(&package, part, content).await?;
        }
        store.put(&package, Part::Layout, folder.layout().to_bytes()).await?;
        if store.length(&package, Part::Segments).await? == Some(bytes) {
            report(total, total);
            return Ok(());
        }
        let segments = folder.segments()?;
        let mut upload = store.upload(&package, Part::Segments, bytes).await?;
        let mut buffer = Vec::new();
        for segment in 0..total {
            segments.fetch(segment, &mut buffer)?;
            upload.write(&buffer).await?;
            report(segment.saturating_add(1), total);
        }
        Ok(upload.finish().await?)
    })
}
