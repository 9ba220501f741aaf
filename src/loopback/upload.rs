//! Forms with files, read as they come: a file goes into a private folder that is cleared, and never
//! whole into memory. The token of the page comes before the file, or nothing is kept. Depends on
//! nothing else of this package.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use multer::Multipart;
use tempfile::NamedTempFile;
use warp::http::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use super::serve::Sent;

/// Most bytes of a file; a larger table is named by its path.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// How long a browser may send nothing.
const STALL: Duration = Duration::from_secs(30);
/// Most fields of a form with a file.
const MAX_FIELDS: usize = 16;
/// Most bytes of its texts together.
const MAX_TEXT_BYTES: usize = 16 << 10;

/// A file that was sent: gone from the disk when this is dropped.
pub(crate) struct Upload {
    /// As the browser calls it.
    pub name: String,
    pub file: NamedTempFile,
    pub bytes: u64,
}

/// The boundary of a form with files.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(kind).ok()
}

/// Reads a form with one file at most.
pub(super) async fn read(
    body: impl Stream<Item = Result<Bytes, warp::Error>> + Send + 'static,
    boundary: String,
    token: &str,
    folder: &Path,
) -> Result<Sent, StatusCode> {
    let mut parts = Multipart::new(body, boundary);
    let mut fields: Vec<(String, String)> = Vec::new();
    let (mut file, mut texts, mut refused) = (None, 0usize, None);
    while let Some(mut part) = patient(parts.next_field()).await? {
        let name = part.name().unwrap_or_default().to_owned();
        let Some(named) = part.file_name().map(str::to_owned) else {
            let mut text = Vec::new();
            while let Some(piece) = patient(part.chunk()).await? {
                texts = texts.saturating_add(piece.len());
                if texts > MAX_TEXT_BYTES {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                text.extend_from_slice(&piece);
            }
            fields.push((name, String::from_utf8(text).map_err(|_| StatusCode::BAD_REQUEST)?));
            if fields.len() > MAX_FIELDS {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            continue;
        };
        if !fields.iter().any(|(name, value)| name == "token" && value == token) {
            refused = refused.or(Some(StatusCode::FORBIDDEN));
        } else if file.is_some() {
            refused = refused.or(Some(StatusCode::BAD_REQUEST));
        }
        if refused.is_some() {
            // A browser that is cut off shows an error of the connection, and not the answer.
            while patient(part.chunk()).await?.is_some() {}
            continue;
        }
        let failed = |_| StatusCode::INSUFFICIENT_STORAGE;
        let mut kept = tempfile::Builder::new()
            .prefix("table-")
            .suffix(suffix(&named))
            .tempfile_in(folder)
            .map_err(failed)?;
        let mut bytes = 0u64;
        while let Some(piece) = patient(part.chunk()).await? {
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > MAX_FILE_BYTES {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            // Pieces are some kilobytes, which the page cache takes at once.
            kept.write_all(&piece).map_err(failed)?;
        }
        // A browser sends an empty part where nothing was chosen.
        if bytes > 0 {
            file = Some(Upload { name: named, file: kept, bytes });
        }
    }
    if let Some(status) = refused {
        return Err(status);
    }
    let form = serde_urlencoded::to_string(&fields).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Sent { form: Zeroizing::new(form.into_bytes()), file })
}

/// Lets a body come to its end and keeps nothing of it, so that its sender hears the answer.
pub(super) async fn discard<T>(body: impl Stream<Item = T>) {
    let mut body = std::pin::pin!(body);
    while let Ok(Some(_)) = tokio::time::timeout(STALL, body.next()).await {}
}

/// What comes next, unless it takes too long.
async fn patient<T>(next: impl Future<Output = multer::Result<T>>) -> Result<T, StatusCode> {
    match tokio::time::timeout(STALL, next).await {
        Ok(Ok(next)) => Ok(next),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The end of a name by which a table's form is known; nothing else of the name reaches the disk.
fn suffix(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref() {
        Some("gz") => ".gz",
        Some("parquet") => ".parquet",
        _ => ".csv",
    }
}
