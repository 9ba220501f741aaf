//! Requests to a mirror, answered by anything: every length and every wait is bounded, and an answer
//! is taken only if it is the range that was asked for. Depends on reqwest and tokio.

use std::error::Error as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, RANGE,
    RETRY_AFTER,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

use super::Patience;
use super::address::{Mirror, PublicOnly, permitted};

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Longest wait that a mirror can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is wrong with a mirror.
pub(super) enum Fault {
    /// It does not have the part.
    Absent(String),
    /// It is of no use for this package.
    Leave(String),
    /// It may work later, perhaps after the time that it asked for.
    Again(String, Option<Duration>),
}

/// A client for mirrors that the user named and one for those of strangers.
pub(super) struct Clients {
    named: Client,
    listed: Client,
}

impl Clients {
    pub(super) fn new(patience: &Patience) -> Result<Self, String> {
        // Both processes' parts may have done it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |trusted: bool| {
            let builder = Client::builder()
                .connect_timeout(patience.connect)
                .read_timeout(patience.stall)
                .redirect(Policy::custom(move |attempt| redirected(attempt, trusted)))
                .referer(false)
                .user_agent(concat!("galen/", env!("CARGO_PKG_VERSION")));
            let builder =
                if trusted { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
            builder.build().map_err(|error| told(&error))
        };
        Ok(Self { named: client(true)?, listed: client(false)? })
    }

    pub(super) fn of(&self, mirror: &Mirror) -> &Client {
        if mirror.is_trusted() { &self.named } else { &self.listed }
    }
}

fn redirected(attempt: Attempt<'_>, trusted: bool) -> reqwest::redirect::Action {
    let to = attempt.url();
    let secure = attempt.previous().iter().all(|from| from.scheme() == "http");
    if attempt.previous().len() > REDIRECTS {
        attempt.error("redirects too often")
    } else if !matches!(to.scheme(), "http" | "https") || (to.scheme() == "http" && !secure) {
        attempt.error("redirects to an address that is not https")
    } else if !permitted(to, trusted) {
        attempt.error("redirects to an address of this machine or its network")
    } else {
        attempt.follow()
    }
}

/// The causes of an error, which hold what a person needs; the error itself repeats the address.
fn told(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = cause.map_or_else(|| error.to_string(), ToString::to_string);
    cause = cause.and_then(std::error::Error::source);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn failed(error: &reqwest::Error) -> Fault {
    match error {
        error if error.is_redirect() => Fault::Leave(told(error)),
        error if error.is_timeout() && error.is_connect() => {
            Fault::Again("does not answer".to_owned(), None)
        }
        error if error.is_timeout() => Fault::Again("stands still".to_owned(), None),
        error => Fault::Again(told(error), None),
    }
}

async fn get(
    client: &Client,
    url: Url,
    range: Option<&Range<u64>>,
    patience: &Patience,
) -> Result<Response, Fault> {
    // A transport encoding would change which bytes a range names.
    let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
    if let Some(range) = range {
        let last = range.end.saturating_sub(1);
        request = request.header(RANGE, format!("bytes={}-{last}", range.start));
    }
    let answer = tokio::time::timeout(patience.stall, request.send()).await;
    let answer = answer.map_err(|_| Fault::Again("does not answer".to_owned(), None))?;
    let answer = answer.map_err(|error| failed(&error))?;
    let (status, headers) = (answer.status(), answer.headers());
    let page = header(headers, &CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
    let with = if page { ", with a page for people" } else { "" };
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            return Err(Fault::Again(format!("answers {status}"), asked(headers)));
        }
        status if status.is_server_error() => {
            return Err(Fault::Again(format!("answers {status}"), asked(headers)));
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => {
            return Err(Fault::Absent(format!("answers {status}{with}")));
        }
        status => return Err(Fault::Leave(format!("answers {status}{with}"))),
    }
    match header(headers, &CONTENT_ENCODING) {
        None | Some("identity") => Ok(answer),
        Some(coding) => {
            let coding: String = coding.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            Err(Fault::Leave(format!("sends its bytes in the encoding {coding:.20}")))
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = header(headers, &RETRY_AFTER)?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// A whole file of at most `limit` bytes.
pub(super) async fn whole(
    client: &Client,
    url: Url,
    limit: u64,
    patience: &Patience,
) -> Result<Vec<u8>, Fault> {
    let mut answer = get(client, url, None, patience).await?;
    let too_long = || Fault::Leave(format!("sends more than the {limit} bytes that there can be"));
    if answer.status() != StatusCode::OK {
        return Err(Fault::Leave("answers with a range that was not asked for".to_owned()));
    }
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let begun = std::time::Instant::now();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
        // A trickle would keep everybody waiting before the other mirrors are asked at all.
        let windows = begun.elapsed().as_secs() / patience.window.as_secs().max(1);
        if (bytes.len() as u64) < windows.saturating_mul(patience.least) {
            return Err(Fault::Leave(format!(
                "sends {} bytes in {} s",
                bytes.len(),
                begun.elapsed().as_secs()
            )));
        }
    }
    Ok(bytes)
}

/// The bytes of a range, as they come.
pub(super) struct Ranged {
    answer: Response,
    /// Of the range, not yet received.
    left: u64,
    /// What came beyond what was wanted.
    over: bytes::Bytes,
}

impl Ranged {
    /// Asks for a range of a file of `total` bytes.
    pub(super) async fn ask(
        client: &Client,
        url: Url,
        range: Range<u64>,
        total: u64,
        patience: &Patience,
    ) -> Result<Self, Fault> {
        let left = range.end.saturating_sub(range.start);
        let answer = get(client, url, Some(&range), patience).await?;
        let whole = answer.status() == StatusCode::OK && range == (0..total);
        if answer.status() == StatusCode::OK && !whole {
            let page = header(answer.headers(), &CONTENT_TYPE)
                .is_some_and(|kind| kind.starts_with("text/html"));
            let what = if page { "answers with a page for people" } else { "serves no ranges" };
            return Err(Fault::Leave(what.to_owned()));
        }
        if !whole {
            let last = range.end.saturating_sub(1);
            let expected = format!("bytes {}-{last}/{total}", range.start);
            let found = header(answer.headers(), &CONTENT_RANGE).unwrap_or_default();
            if found != expected && found != format!("bytes {}-{last}/*", range.start) {
                let found: String =
                    found.chars().filter(|c| matches!(c, ' '..='~')).take(60).collect();
                return Err(Fault::Leave(format!(
                    "answers with the range `{found}` where `{expected}` was asked for"
                )));
            }
        }
        if answer.content_length().is_some_and(|length| length != left) {
            return Err(Fault::Leave("announces another length than that of the range".to_owned()));
        }
        Ok(Self { answer, left, over: bytes::Bytes::new() })
    }

    /// Appends what comes next, so that there are at most `length` bytes: how many came.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>, length: usize) -> Result<usize, Fault> {
        if self.over.is_empty() {
            let next = self.answer.chunk().await.map_err(|error| failed(&error))?;
            self.over = next.ok_or_else(|| {
                Fault::Again(format!("ends {} bytes before the end of the range", self.left), None)
            })?;
        }
        let wanted = length.saturating_sub(into.len()).min(self.over.len());
        let taken = self.over.split_to(wanted);
        self.left = self.left.saturating_sub(taken.len() as u64);
        into.extend_from_slice(&taken);
        Ok(taken.len())
    }

    /// Makes sure that nothing follows, so that the connection can be used again.
    pub(super) async fn end(mut self) -> Result<(), Fault> {
        let more = || Fault::Leave("sends more bytes than were asked for".to_owned());
        if !self.over.is_empty() {
            return Err(more());
        }
        match self.answer.chunk().await.map_err(|error| failed(&error))? {
            None => Ok(()),
            Some(chunk) if chunk.is_empty() => Ok(()),
            Some(_) => Err(more()),
        }
    }
}
