//! A request taken apart: path, query, range and body, each bounded.

use std::future::poll_fn;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::str::FromStr;
use std::time::{Duration, Instant};

use galen_api::codes;
use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, Method, StatusCode, header};
use warp::path::FullPath;
use warp::{Buf, Stream};

use crate::limits::Client;
use crate::reply::ApiError;

/// Longest path and longest query, in bytes.
const MAX_PATH_BYTES: usize = 512;
const MAX_QUERY_BYTES: usize = 4096;
/// Bytes a second of a body, taken as a whole, below which it is not waited for any longer.
const LEAST_RATE: u64 = 4 << 10;

type Chunks = Pin<Box<dyn Stream<Item = Result<Vec<u8>, warp::Error>> + Send>>;

/// A request.
pub(crate) struct Request {
    pub method: Method,
    path: FullPath,
    query: String,
    headers: HeaderMap,
    /// The language that the query asked for, once it was taken out of it.
    pub language: Option<String>,
    body: Chunks,
    /// How long the body may stand still.
    silence: Duration,
    /// When it was first waited for.
    begun: Option<Instant>,
    /// Who asks.
    pub client: Client,
}

struct Copied<S>(Pin<Box<S>>);

impl<S, B> Stream for Copied<S>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    type Item = Result<Vec<u8>, warp::Error>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|chunk| {
            chunk.map(|chunk| {
                chunk.map(|mut chunk| {
                    let mut bytes = vec![0; chunk.remaining()];
                    chunk.copy_to_slice(&mut bytes);
                    bytes
                })
            })
        })
    }
}

impl Request {
    pub fn new<S, B>(
        method: Method,
        path: FullPath,
        query: String,
        headers: HeaderMap,
        body: S,
        silence: Duration,
        client: Client,
    ) -> Self
    where
        S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
        B: Buf,
    {
        let body = Box::pin(Copied(Box::pin(body)));
        Self { method, path, query, headers, language: None, body, silence, begun: None, client }
    }

    /// The path as it was sent.
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// The parts of the path. Nothing is decoded: no name of this interface needs an escape.
    ///
    /// # Errors
    /// When path or query are longer than any of this interface.
    pub fn parts(&self) -> Result<Vec<String>, ApiError> {
        let path = self.path.as_str();
        if path.len() > MAX_PATH_BYTES || self.query.len() > MAX_QUERY_BYTES {
            return Err(ApiError::new(
                StatusCode::URI_TOO_LONG,
                codes::BAD_REQUEST,
                "the address is too long",
            ));
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        Ok(path.split('/').map(str::to_owned).collect())
    }

    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The query as it was sent.
    pub fn query_text(&self) -> &str {
        &self.query
    }

    /// Takes a field out of the query; what does not parse stays as it is.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.query).ok()?;
        let (taken, kept): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| pair.0 == name);
        let (_, value) = taken.into_iter().next()?;
        self.query = serde_urlencoded::to_string(kept).ok()?;
        Some(value)
    }

    /// Path and query, with one field set.
    pub fn address_with(&self, name: &str, value: &str) -> String {
        let mut pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(&self.query).unwrap_or_default();
        pairs.retain(|pair| pair.0 != name);
        pairs.push((name.to_owned(), value.to_owned()));
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("/{}?{query}", self.path.as_str().trim_start_matches('/'))
    }

    /// The query as a value.
    ///
    /// # Errors
    /// When a name is unknown or a value does not parse.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_urlencoded::from_str(&self.query)
            .map_err(|error| ApiError::bad(format!("query: {error}")))
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// When its length is not stated, is above the limit, or is not what was stated.
    pub async fn body(&mut self, limit: u64) -> Result<Vec<u8>, ApiError> {
        let length = self.length(limit)?;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > length {
                return Err(ApiError::too_large(limit));
            }
        }
        if (body.len() as u64) < length {
            Err(ApiError::bad("the body ends early"))
        } else {
            Ok(body)
        }
    }

    /// The stated length of the body.
    ///
    /// # Errors
    /// When it is not stated or above the limit.
    pub fn length(&self, limit: u64) -> Result<u64, ApiError> {
        let stated = self.headers.get(header::CONTENT_LENGTH).ok_or_else(|| {
            ApiError::new(
                StatusCode::LENGTH_REQUIRED,
                codes::LENGTH_REQUIRED,
                "the body's length is not stated",
            )
            .remedy("send a Content-Length header, and no chunked body")
        })?;
        let length: u64 = parsed(stated.to_str().unwrap_or_default(), "content-length")?;
        if length > limit { Err(ApiError::too_large(limit)) } else { Ok(length) }
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// When the connection fails, nothing comes for too long, or all of it is late: a byte now and then
    /// would hold a connection and its memory for days.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let length = self.length(u64::MAX).unwrap_or(0);
        let whole = self.silence.saturating_add(Duration::from_secs(length / LEAST_RATE));
        let left = whole.saturating_sub(begun.elapsed());
        let next = poll_fn(|cx| self.body.as_mut().poll_next(cx));
        let chunk = tokio::time::timeout(self.silence.min(left), next).await.map_err(|_| {
            let text = "the body stands still or comes too slowly";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, codes::BAD_REQUEST, text)
                .remedy("send it again")
        })?;
        chunk.transpose().map_err(|_| ApiError::bad("the body ends early"))
    }

    /// The one range of bytes that is asked for, out of `length`; `None` if all are.
    ///
    /// # Errors
    /// When it is not one range of bytes, or lies outside.
    pub fn range(&self, length: u64) -> Result<Option<RangeInclusive<u64>>, ApiError> {
        let Some(value) = self.headers.get(header::RANGE) else { return Ok(None) };
        let outside = || {
            ApiError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                codes::RANGE,
                format!("the range is not one range of bytes inside the {length} that there are"),
            )
        };
        let text = value.to_str().map_err(|_| outside())?;
        let (first, last) = text
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
            .ok_or_else(outside)?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten().ok_or_else(outside)
        };
        let end = length.checked_sub(1).ok_or_else(outside)?;
        let (first, last) = match (first, last) {
            ("", suffix) => (length.saturating_sub(number(suffix)?), end),
            (first, "") => (number(first)?, end),
            (first, last) => (number(first)?, number(last)?.min(end)),
        };
        if first > last { Err(outside()) } else { Ok(Some(first..=last)) }
    }
}

/// A part of a path or a header as a value.
///
/// # Errors
/// When it is not one.
pub(crate) fn parsed<T: FromStr>(text: &str, what: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| ApiError::bad(format!("{what}: {error}")))
}
