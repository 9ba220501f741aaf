//! What the page that opens a dataset in the browser asks for: the deal's data key, which was bought, and
//! the public parts of the package as they were fetched. No other key leaves this process. The page trusts
//! nothing but the key and the package's id: it checks every part itself. Depends on the deal's operations.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use galen_dataset::manifest::{MAX_MANIFEST_BYTES, Manifest};
use galen_dataset::package::{
    LAYOUT_FILE, LEAVES_FILE, MANIFEST_FILE, SEGMENTS_FILE, SUMMARY_FILE,
};
use serde_json::json;
use warp::http::{HeaderMap, header};

use super::Signer;
use crate::error::{Exit, Failure};
use crate::loopback::{Answer, absent};
use crate::operation::purchase::{DealRecord, DealStore};
use crate::operation::{light, receive};
use crate::wallet::{Wallet, file};

/// Most bytes of a dataset that a browser's tab opens: all of it is in memory there.
const MOST_BYTES: u64 = 64 << 20;
/// Most bytes of a part that is given whole.
const MOST_PART_BYTES: u64 = 16 << 20;
/// Most bytes of encrypted segments that are given at once.
const MOST_RANGE_BYTES: u64 = 4 << 20;
const JSON: &str = "application/json";

/// The page, below that of its deal; what its script asks for is below this.
pub(super) const PAGE: &str = "browser";
/// The script; built from `web/portal`.
pub(super) const SCRIPT: &str = include_str!("../../web/portal/dist/galen-open.js");

/// Whether the script asks for this.
pub(super) fn is_for_script(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/').skip(2);
    parts.next() == Some(PAGE) && parts.next().is_some()
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::new(Exit::Failure, "wallet.page", format!("no JSON could be made: {error}"))
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Where the package of a deal is, or will be.
pub(super) fn folder(store: &DealStore, record: &DealRecord) -> PathBuf {
    let folder = record.folder.clone();
    folder.unwrap_or_else(|| store.downloads().join(record.listing.package.to_string()))
}

/// How many bytes a dataset has once it is opened; none if it was not fetched, or cannot be read.
pub(super) fn opened_bytes(store: &DealStore, record: &DealRecord) -> Option<u64> {
    let path = folder(store, record).join(MANIFEST_FILE);
    let bytes = file::read_bounded(&path, MAX_MANIFEST_BYTES as u64).ok()?;
    let manifest = Manifest::from_bytes(&bytes).ok()?;
    Some(manifest.resources.iter().fold(0, |sum, one| one.bytes.saturating_add(sum)))
}

/// Whether a dataset of so many bytes is opened in a browser.
pub(super) fn is_small(bytes: u64) -> bool {
    bytes <= MOST_BYTES
}

fn found(signer: &Signer, index: u32) -> Result<(DealStore, DealRecord), Failure> {
    let store = DealStore::of(&signer.desk.plan.home);
    let record = store.find(&index.to_string())?;
    Ok((store, record))
}

/// The key of a deal's dataset, and whose it is.
pub(super) fn key(signer: &Signer, index: u32, wallet: &Wallet) -> Result<Answer, Failure> {
    let (store, record) = found(signer, index)?;
    if !opened_bytes(&store, &record).is_some_and(is_small) {
        return Err(Failure::new(
            Exit::Failure,
            "wallet.large",
            format!(
                "the dataset is larger than {} MiB, or is not on this machine",
                MOST_BYTES >> 20
            ),
        )
        .remedy(format!("use `galen deal decrypt {index}`")));
    }
    let session = signer.session()?;
    let view = session.client().deal(&record.deal)?;
    // The folder is the page's to check; the envelope opens under no other commitment.
    let commitment = session.client().listing(&record.listing)?.summary.listing.key;
    let key = receive::master_key(wallet, &record, &view, commitment)?;
    let bytes = json(&json!({ "package": record.listing.package, "key": key.scalar() }))?;
    Ok(Answer::Given { kind: JSON, bytes, range: None })
}

/// A part of a deal's package.
pub(super) fn part(
    signer: &Signer,
    index: u32,
    name: &str,
    headers: &HeaderMap,
) -> Result<Answer, Failure> {
    let name = match name {
        "summary" => SUMMARY_FILE,
        "manifest" => MANIFEST_FILE,
        "layout" => LAYOUT_FILE,
        "leaves" => LEAVES_FILE,
        "segments" => SEGMENTS_FILE,
        _ => return Err(absent()),
    };
    let (store, record) = found(signer, index)?;
    let path = folder(&store, &record).join(name);
    let kind = "application/octet-stream";
    let failed = |error: std::io::Error| Failure::file(&path, &error);
    if name != SEGMENTS_FILE {
        let bytes = file::read_bounded(&path, MOST_PART_BYTES).map_err(failed)?;
        return Ok(Answer::Given { kind, bytes, range: None });
    }
    let asked = headers.get(header::RANGE).and_then(|text| range(text.to_str().ok()?));
    let asked = asked.ok_or_else(|| {
        Failure::usage(format!(
            "encrypted segments are given in ranges of at most {} MiB",
            MOST_RANGE_BYTES >> 20
        ))
        .remedy("send a header such as `Range: bytes=0-1023`")
    })?;
    let mut segments = File::open(&path).map_err(failed)?;
    let total = segments.metadata().map_err(failed)?.len();
    segments.seek(SeekFrom::Start(asked.start)).map_err(failed)?;
    let mut bytes = Vec::new();
    let most = asked.end.saturating_sub(asked.start);
    segments.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(Failure::input(&path, format!("has {total} bytes, and others were asked for"))
            .remedy("fetch the package again: it was cut off"));
    }
    let last = asked.start.saturating_add(bytes.len() as u64).saturating_sub(1);
    let range = Some(format!("bytes {}-{last}/{total}", asked.start));
    Ok(Answer::Given { kind, bytes, range })
}

/// `bytes=FIRST-LAST`, and not too many.
fn range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let end = last.checked_add(1)?;
    (first < end && end - first <= MOST_RANGE_BYTES).then_some(first..end)
}

/// The receipt of a deal, as a file.
pub(super) fn receipt(signer: &Signer, index: u32) -> Result<Answer, Failure> {
    let (_, record) = found(signer, index)?;
    let receipt = signer.session()?.client().receipt(&record.deal)?;
    receipt.totals().map_err(|error| {
        Failure::new(Exit::RefusedProof, "receipt.difference", error.to_string())
            .remedy("ask another node")
    })?;
    Ok(Answer::File { name: "receipt.json", kind: JSON, bytes: json(&receipt)? })
}

/// The licence of a deal, as a file that anybody can check without a node.
pub(super) fn licence(signer: &Signer, index: u32) -> Result<Answer, Failure> {
    let (_, record) = found(signer, index)?;
    let certificate = light::certificate(&signer.session()?, &record.deal)?;
    Ok(Answer::File { name: "licence.json", kind: JSON, bytes: json(&certificate)? })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_are_whole_and_short() {
        assert_eq!(range("bytes=0-0"), Some(0..1));
        assert_eq!(range("bytes=5-1004"), Some(5..1005));
        let most = MOST_RANGE_BYTES;
        assert_eq!(range(&format!("bytes=7-{}", most + 6)), Some(7..most + 7));
        for text in [
            format!("bytes=7-{}", most + 7).as_str(),
            "bytes=2-1",
            "bytes=-5",
            "bytes=5-",
            "bytes=0-1,3-4",
            "bytes=0-18446744073709551615",
            "0-1",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
