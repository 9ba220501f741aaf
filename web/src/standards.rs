//! What machines of the field ask for: descriptions of datasets as Croissant, HealthDCAT-AP and
//! DataCite, objects by GA4GH DRS, statistics and a synthetic sample in the shape of a dataset viewer, a
//! map of the site. All are written from one [`Described`] listing, which says nothing that the ledger
//! or the institution's manifest does not say. Depends on the interface's types and on what the rest of
//! this crate reads.

mod checksum;
mod croissant;
mod datacite;
mod dcat;
mod described;
mod drs;
mod sitemap;
mod statistics;
pub(crate) mod synthetic;
mod viewer;

use std::sync::Arc;

use galen_market::listing::ListingId;
use serde_json::Value;
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

pub(crate) use checksum::Checksums;
pub(crate) use described::Described;

use crate::reply::{self, ApiError};
use crate::request::Request;
use crate::routes::blocking;
use crate::{App, read};

const JSON_LD: &str = "application/ld+json";
const TURTLE: &str = "text/turtle; charset=utf-8";

type Answer = Result<Response, ApiError>;

/// Whether a path outside of the interface is asked for by machines: its errors are JSON.
pub(crate) fn is_machine(path: &[&str], request: &Request) -> bool {
    match path {
        ["ga4gh" | "catalogue" | "robots.txt" | "sitemap.xml", ..]
        | ["is-valid" | "splits" | "first-rows" | "rows" | "statistics"] => true,
        // References are for people's own programs, and come from the pages.
        ["datasets", _, _, file] if !file.starts_with("citation.") => true,
        ["datasets", _, _] => dcat::wanted(request).is_some(),
        _ => false,
    }
}

/// Answers what [`is_machine`] says is asked for here.
pub(crate) async fn answer(app: &Arc<App>, request: &mut Request, path: &[&str]) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(ApiError::no_route(&["GET"]));
    }
    match path {
        ["robots.txt"] => Ok(sitemap::robots(app)),
        ["sitemap.xml"] => {
            let query: sitemap::Part = request.query()?;
            let map = blocking(app, move |app, state| sitemap::map(app, state, &query)).await?;
            Ok(reply::bytes(StatusCode::OK, "application/xml; charset=utf-8", map.into_bytes()))
        }
        ["catalogue"] => {
            let format = dcat::wanted(request).unwrap_or(dcat::Format::Turtle);
            catalogue(app, request, format).await
        }
        ["catalogue", "dcat.ttl"] => catalogue(app, request, dcat::Format::Turtle).await,
        ["catalogue", "dcat.jsonld"] => catalogue(app, request, dcat::Format::JsonLd).await,
        ["datasets", institution, package] => {
            let id = read::listing_id(institution, package)?;
            let format = dcat::wanted(request).unwrap_or(dcat::Format::Turtle);
            dataset(app, id, format).await.map(varying)
        }
        ["datasets", institution, package, "dcat.ttl"] => {
            let id = read::listing_id(institution, package)?;
            dataset(app, id, dcat::Format::Turtle).await
        }
        ["datasets", institution, package, "dcat.jsonld"] => {
            let id = read::listing_id(institution, package)?;
            dataset(app, id, dcat::Format::JsonLd).await
        }
        ["datasets", institution, package, "croissant.json"] => {
            let id = read::listing_id(institution, package)?;
            let made = described(app, id, |_, dataset| Ok(croissant::document(dataset))).await?;
            Ok(reply::bytes(StatusCode::OK, JSON_LD, pretty(&made)))
        }
        ["datasets", institution, package, "datacite.json"] => {
            let id = read::listing_id(institution, package)?;
            let made = described(app, id, |_, dataset| Ok(datacite::document(dataset))).await?;
            Ok(reply::bytes(StatusCode::OK, "application/json", pretty(&made)))
        }
        ["ga4gh", "drs", "v1", "service-info"] => Ok(reply::json(&drs::service_info(app))),
        ["ga4gh", "drs", "v1", "objects", object] => {
            let object: drs::ObjectId = crate::request::parsed(object, "object")?;
            blocking(app, move |app, state| drs::object(app, state, object))
                .await
                .map(|object| reply::json(&object))
        }
        ["ga4gh", "drs", "v1", "objects", object, "access", access] => {
            let object: drs::ObjectId = crate::request::parsed(object, "object")?;
            let access = (*access).to_owned();
            blocking(app, move |app, _| drs::access(app, object, &access))
                .await
                .map(|found| reply::json(&found))
        }
        ["is-valid"] => viewer::answer(app, request, viewer::Question::IsValid).await,
        ["splits"] => viewer::answer(app, request, viewer::Question::Splits).await,
        ["first-rows"] => viewer::answer(app, request, viewer::Question::FirstRows).await,
        ["rows"] => viewer::answer(app, request, viewer::Question::Rows).await,
        ["statistics"] => viewer::answer(app, request, viewer::Question::Statistics).await,
        _ => Err(ApiError::not_found("such path")),
    }
}

/// What the page of a dataset embeds: Croissant, as text that may stand between script tags.
pub(crate) fn embedded(
    app: &App,
    view: &galen_api::ListingView,
) -> Result<Option<String>, ApiError> {
    if view.summary.listing.live_since_ms.is_none() {
        return Ok(None);
    }
    let dataset = Described::new(app, view)?;
    Ok(Some(inside_script(&croissant::document(&dataset))))
}

/// JSON in which no text can end a script element, open another, or begin a comment.
fn inside_script(value: &Value) -> String {
    let text = value.to_string();
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let (fit, from) = rest.split_at(at);
        safe.push_str(fit);
        let mut letters = from.chars();
        safe.extend(letters.next().map(|letter| format!("\\u{:04x}", u32::from(letter))));
        rest = letters.as_str();
    }
    safe.push_str(rest);
    safe
}

fn pretty(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}

/// The answer depends on what was asked to be accepted.
fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn described<T: Send + 'static>(
    app: &Arc<App>,
    id: ListingId,
    make: impl FnOnce(&App, &Described<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    blocking(app, move |app, state| {
        let view = read::listing(app, state, &id)?;
        if view.summary.listing.live_since_ms.is_none() {
            let text = "description of a draft: it is made once the listing is live";
            return Err(ApiError::not_found(text));
        }
        make(app, &Described::new(app, &view)?)
    })
    .await
}

async fn dataset(app: &Arc<App>, id: ListingId, format: dcat::Format) -> Answer {
    let bytes =
        described(app, id, move |app, dataset| format.write(&dcat::dataset(app, dataset))).await?;
    Ok(reply::bytes(StatusCode::OK, format.media_type(), bytes))
}

async fn catalogue(app: &Arc<App>, request: &mut Request, format: dcat::Format) -> Answer {
    let query: dcat::Part = request.query()?;
    let (bytes, next) = blocking(app, move |app, state| {
        let (triples, next) = dcat::catalogue(app, state, &query)?;
        Ok((format.write(&triples)?, next))
    })
    .await?;
    let mut response = varying(reply::bytes(StatusCode::OK, format.media_type(), bytes));
    if let Some(next) = next
        && let Ok(link) = HeaderValue::from_str(&format!("<{next}>; rel=\"next\""))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adversary_51_no_text_leaves_its_script_element() {
        let evil = serde_json::json!({ "name": "</script><script>alert(1)</script><!--\u{2028}&" });
        let text = inside_script(&evil);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(evil));
        let plain = serde_json::json!({ "name": "Hearts" });
        assert_eq!(inside_script(&plain), r#"{"name":"Hearts"}"#);
    }
}
