//! Parts of packages: fetched by range, downloaded, stored.

use std::io::{Read, Write};
use std::ops::Range;

use galen_market::id::{Digest, PackageId};
use galen_market::listing::ListingId;

use super::{Client, ClientError, Response};
use crate::MAX_LICENCE_BYTES;
use crate::types::{Part, Stored, StoredText};

/// Most bytes of one range.
const MAX_RANGE_BYTES: u64 = 64 << 20;

impl Client {
    /// A whole part of a package that is at most `limit` bytes long. Nothing of it is checked yet.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn part(
        &self,
        package: &PackageId,
        part: Part,
        limit: u64,
    ) -> Result<Vec<u8>, ClientError> {
        let path = format!("packages/{package}/{}", part.name());
        let mut response = self.call(self.agent.get(self.url(&path)).call())?;
        let bytes = response.body_mut().with_config().limit(limit).read_to_vec();
        bytes.map_err(|error| self.failed(&error))
    }

    /// A range of the segments of a package, at most 64 MiB.
    ///
    /// # Errors
    /// See [`ClientError`]; an answer of another length than asked for is refused.
    pub fn segments(&self, package: &PackageId, range: Range<u64>) -> Result<Vec<u8>, ClientError> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 || length > MAX_RANGE_BYTES {
            return Err(ClientError::Local(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                format!("a range of {length} bytes where 1 to {MAX_RANGE_BYTES} are allowed"),
            )));
        }
        let mut response =
            self.ranged(package, &format!("bytes={}-{}", range.start, range.end - 1))?;
        let bytes = response
            .body_mut()
            .with_config()
            .limit(length)
            .read_to_vec()
            .map_err(|error| self.failed(&error))?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(self.strange("a range of another length"))
        }
    }

    /// Downloads the segments of a package from an offset on into `out`, which may hash and check
    /// while it is written to. Returns the bytes written; at most `limit` are taken.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::Local`] is what `out` said.
    pub fn download(
        &self,
        package: &PackageId,
        from: u64,
        limit: u64,
        out: &mut dyn Write,
    ) -> Result<u64, ClientError> {
        let mut response = self.ranged(package, &format!("bytes={from}-"))?;
        let mut reader = response.body_mut().with_config().limit(limit).reader();
        let mut buffer = vec![0; 1 << 16];
        let mut total = 0u64;
        loop {
            let count = reader.read(&mut buffer).map_err(|error| ClientError::Unreachable {
                node: self.node.clone(),
                reason: format!("the download stopped after {total} bytes: {error}"),
            })?;
            if count == 0 {
                return Ok(total);
            }
            out.write_all(&buffer[..count]).map_err(ClientError::Local)?;
            total = total.saturating_add(count as u64);
        }
    }

    /// Stores a part of a listed or drafted package at the node, which checks it: manifest and
    /// leaves first, then segments. `body` gives exactly `length` bytes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn store(
        &self,
        listing: &ListingId,
        part: Part,
        length: u64,
        body: &mut dyn Read,
    ) -> Result<Stored, ClientError> {
        let ListingId { institution, package } = listing;
        let url =
            self.url(&format!("packages/{package}/{}?institution={institution}", part.name()));
        let request = self.agent.put(url).header("content-length", length.to_string());
        let mut body = body.take(length);
        let response = self.call(request.send(ureq::SendBody::from_reader(&mut body)))?;
        self.json(response)
    }

    /// A licence's text by its SHA-256. That it is the one of the hash is for the caller to check.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn text(&self, hash: &Digest) -> Result<Vec<u8>, ClientError> {
        let mut response = self.call(self.agent.get(self.url(&format!("texts/{hash}"))).call())?;
        let bytes = response.body_mut().with_config().limit(MAX_LICENCE_BYTES).read_to_vec();
        bytes.map_err(|error| self.failed(&error))
    }

    /// Has the node keep the text that a listing offers under.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn store_text(
        &self,
        listing: &ListingId,
        hash: &Digest,
        text: &[u8],
    ) -> Result<StoredText, ClientError> {
        let ListingId { institution, package } = listing;
        let path = format!("texts/{hash}?institution={institution}&package={package}");
        let response = self.call(self.agent.put(self.url(&path)).send(text))?;
        self.json(response)
    }

    /// The offer of a listing as an ODRL policy.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn odrl(&self, listing: &ListingId) -> Result<serde_json::Value, ClientError> {
        self.get(&format!("listings/{}/{}/terms.odrl", listing.institution, listing.package))
    }

    fn ranged(&self, package: &PackageId, range: &str) -> Result<Response, ClientError> {
        let url = self.url(&format!("packages/{package}/segments"));
        let response = self.call(self.agent.get(url).header("range", range).call())?;
        if response.status().as_u16() == 206 {
            Ok(response)
        } else {
            Err(self.strange("an answer that is no range"))
        }
    }
}
