//! GA4GH Data Repository Service 1.4: the files of a package as objects, and a package as a bundle of
//! them. All are what anybody may fetch, and the segments are encrypted.

use std::fmt;
use std::str::FromStr;

use galen_api::{MAX_PAGE, Part};
use galen_chain::store::Snapshot;
use galen_market::id::{Digest, PackageId};
use galen_market::listing::Listing;
use galen_market::state_key;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::checksum::Known;
use super::described::moment;
use crate::App;
use crate::reply::ApiError;

/// The one way to get an object.
const ACCESS: &str = "https";
/// Most pages of listings that are looked through for a package.
const MAX_PAGES: usize = 40;

/// A package, or a part of one: `<package>` or `<package>.<part>`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ObjectId {
    package: PackageId,
    part: Option<Part>,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Some(part) => write!(f, "{}.{}", self.package, part.name()),
            None => self.package.fmt(f),
        }
    }
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (package, part) = match text.split_once('.') {
            Some((package, part)) => {
                let part = Part::from_name(part).ok_or("a package has no such part")?;
                (package, Some(part))
            }
            None => (text, None),
        };
        let package = package.parse::<PackageId>().map_err(|error| error.to_string())?;
        Ok(Self { package, part })
    }
}

/// What this service is.
pub(crate) fn service_info(app: &App) -> Value {
    let name = app.genesis().name.to_string();
    json!({
        "id": format!("galen.{}", app.rules().chain_id()),
        "name": format!("Packages on the ledger {name}"),
        "type": { "group": "org.ga4gh", "artifact": "drs", "version": "1.4.0" },
        "description": "Encrypted packages of research data. Whoever buys one gets its key over the ledger.",
        "organization": { "name": format!("A node of {name}"), "url": app.public },
        "contactUrl": format!("{}/docs/api", app.public),
        "documentationUrl": format!("{}/docs/api", app.public),
        "version": env!("CARGO_PKG_VERSION"),
        "maxBulkRequestLength": 1,
    })
}

/// A listing of a package, whose time is that of the object.
fn listing(state: &Snapshot, package: &PackageId) -> Result<Listing, ApiError> {
    let mut after: Option<Vec<u8>> = None;
    for _ in 0..MAX_PAGES {
        let found = state_key::scan(state, &state_key::listings(), after.as_deref(), MAX_PAGE)?;
        let full = found.len() == MAX_PAGE;
        for (rest, listing) in found {
            if listing.id.package == *package && listing.live_since_ms.is_some() {
                return Ok(listing);
            }
            after = Some(rest);
        }
        if !full {
            break;
        }
    }
    Err(ApiError::not_found("listed package of this name"))
}

fn missing() -> ApiError {
    ApiError::not_found("such object at this node")
}

/// An object.
pub(crate) fn object(app: &App, state: &Snapshot, id: ObjectId) -> Result<Value, ApiError> {
    let listing = listing(state, &id.package)?;
    let Some(part) = id.part else { return bundle(app, &listing, id) };
    let known = app.checksums.of(&app.packages, id.package, part)?.ok_or_else(missing)?;
    let mut object = head(app, &listing, id, known.bytes);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("name".to_owned(), json!(format!("{}-{}", short(&id.package), part.name())));
        let media =
            if part == Part::Manifest { "application/json" } else { "application/octet-stream" };
        fields.insert("mime_type".to_owned(), json!(media));
        fields.insert("checksums".to_owned(), json!([checksum(&known)?]));
        let method = json!({
            "type": "https",
            "access_id": ACCESS,
            "access_url": { "url": address(app, id.package, part), "headers": [] },
        });
        fields.insert("access_methods".to_owned(), json!([method]));
    }
    Ok(object)
}

fn short(package: &PackageId) -> String {
    package.to_string().chars().take(12).collect()
}

fn address(app: &App, package: PackageId, part: Part) -> String {
    format!("{}/api/v1/packages/{package}/{}", app.public, part.name())
}

fn uri(app: &App, id: ObjectId) -> String {
    let host = app.public.split_once("://").map_or(app.public.as_str(), |(_, host)| host);
    format!("drs://{host}/{id}")
}

fn head(app: &App, listing: &Listing, id: ObjectId, bytes: u64) -> Value {
    let time = moment(listing.live_since_ms.unwrap_or_default());
    json!({
        "id": id.to_string(),
        "self_uri": uri(app, id),
        "size": bytes,
        "created_time": time,
        "updated_time": time,
        "version": listing.root,
        "description": "Part of an encrypted package of research data.",
        "aliases": [format!("galen:{}", id.package)],
    })
}

fn checksum(known: &Known) -> Result<Value, ApiError> {
    let sha256 = known.sha256.ok_or_else(|| {
        ApiError::unavailable("the object is being read for its checksum")
            .remedy("ask again in a minute")
    })?;
    Ok(json!({ "type": "sha-256", "checksum": sha256 }))
}

fn bundle(app: &App, listing: &Listing, id: ObjectId) -> Result<Value, ApiError> {
    let mut contents = Vec::new();
    let mut sums: Vec<String> = Vec::new();
    let mut bytes = 0u64;
    for part in Part::ALL {
        let Some(known) = app.checksums.of(&app.packages, id.package, part)? else { continue };
        checksum(&known)?;
        let of = ObjectId { part: Some(part), ..id };
        contents
            .push(json!({ "name": part.name(), "id": of.to_string(), "drs_uri": [uri(app, of)] }));
        sums.extend(known.sha256.map(|sum| sum.to_string()));
        bytes = bytes.saturating_add(known.bytes);
    }
    if contents.is_empty() {
        return Err(missing());
    }
    sums.sort();
    let sum = Digest(Sha256::digest(sums.concat()).into());
    let mut object = head(app, listing, id, bytes);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("name".to_owned(), json!(short(&id.package)));
        fields.insert("checksums".to_owned(), json!([{ "type": "sha-256", "checksum": sum }]));
        fields.insert("contents".to_owned(), json!(contents));
    }
    Ok(object)
}

/// Where an object is fetched, ranges allowed.
pub(crate) fn access(app: &App, id: ObjectId, access: &str) -> Result<Value, ApiError> {
    let part = id.part.filter(|_| access == ACCESS);
    let part = part.ok_or_else(|| ApiError::not_found("such way to get this object"))?;
    app.packages.stored(&id.package, part)?.ok_or_else(missing)?;
    Ok(json!({ "url": address(app, id.package, part), "headers": [] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_packages_or_parts() {
        let package = "ab".repeat(32);
        for text in [package.clone(), format!("{package}.segments")] {
            assert_eq!(text.parse::<ObjectId>().map(|id| id.to_string()), Ok(text));
        }
        for text in ["", "ab", &format!("{package}.secret"), &format!("{package}.segments.x")] {
            assert!(text.parse::<ObjectId>().is_err(), "{text}");
        }
    }
}
