//! The script with which a visitor's browser checks a listing, and the same as one file to keep: built
//! from `web/portal` and committed, so that building a node needs no Node; and the script that keeps a
//! page up to date. An address names the hash of
//! what it serves, so that it may be kept for ever. Depends on nothing but SHA-256 and answers.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::reply::{self, ApiError};

struct Asset {
    name: String,
    media: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(stem: &str, ending: &str, media: &'static str, bytes: &'static [u8]) -> Self {
        let hash = hex::encode(Sha256::digest(bytes));
        Self { name: format!("{stem}-{}.{ending}", hash.get(..16).unwrap_or(&hash)), media, bytes }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../portal/dist/galen-check.js");
    Asset::new("galen-check", "js", "text/javascript; charset=utf-8", bytes)
});

static STANDALONE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../portal/dist/galen-check.html");
    Asset::new("galen-check", "html", "text/html; charset=utf-8", bytes)
});

/// What keeps pages of the explorer up to date: a file of a page's length, which nothing builds.
static LIVE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../portal/live.js");
    Asset::new("live", "js", "text/javascript; charset=utf-8", bytes)
});

/// The address of the script that keeps a page up to date.
pub(crate) fn live() -> String {
    LIVE.path()
}

/// The address of the script that defines `<galen-check>`.
pub(crate) fn script() -> String {
    SCRIPT.path()
}

/// The address of the same as one file.
pub(crate) fn standalone() -> String {
    STANDALONE.path()
}

/// Answers a request for one of them by its name.
pub(crate) fn answer(name: &str) -> Result<Response, ApiError> {
    let asset = [&*SCRIPT, &*STANDALONE, &*LIVE].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| ApiError::not_found("such file"))?;
    let mut response = reply::bytes(StatusCode::OK, asset.media, asset.bytes.to_vec());
    let headers = response.headers_mut();
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, forever);
    if asset.name == STANDALONE.name {
        // To be kept and opened from there: opened here, it would be this site's word again.
        let kept = HeaderValue::from_static("attachment; filename=\"galen-check.html\"");
        headers.insert(header::CONTENT_DISPOSITION, kept);
    }
    Ok(response)
}
