//! A map of the pages, for those who index them.

use std::fmt::Write;

use galen_api::{ListingFilter, MAX_PAGE};
use galen_chain::store::Snapshot;
use serde::Deserialize;
use warp::http::StatusCode;
use warp::reply::Response;

use super::described::day_of;
use crate::reply::{self, ApiError};
use crate::{App, read};

/// Which part of the map: it begins after a listing.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Part {
    after: Option<String>,
}

/// What robots may do.
pub(crate) fn robots(app: &App) -> Response {
    let text =
        format!("User-agent: *\nAllow: /\nDisallow: /api/\nSitemap: {}/sitemap.xml\n", app.public);
    reply::bytes(StatusCode::OK, "text/plain; charset=utf-8", text.into_bytes())
}

/// Up to [`MAX_PAGE`] live datasets a part; the last address of a part is that of the next.
pub(crate) fn map(app: &App, state: &Snapshot, part: &Part) -> Result<String, ApiError> {
    let filter = ListingFilter {
        after: part.after.clone(),
        limit: Some(MAX_PAGE),
        ..ListingFilter::default()
    };
    let page = read::listings(app, state, &filter)?;
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    let base = &app.public;
    let mut add = |path: &str, day: Option<String>| {
        let day = day.map(|day| format!("<lastmod>{day}</lastmod>")).unwrap_or_default();
        let _ = writeln!(text, "<url><loc>{base}{path}</loc>{day}</url>");
    };
    if part.after.is_none() {
        add("/", None);
        add("/wanted", None);
        add("/docs/api", None);
    }
    for summary in page.items {
        let id = summary.listing.id;
        add(
            &format!("/datasets/{}/{}", id.institution, id.package),
            summary.listing.live_since_ms.map(day_of),
        );
    }
    if let Some(next) = page.next {
        add(&format!("/sitemap.xml?after={next}"), None);
    }
    text.push_str("</urlset>\n");
    Ok(text)
}
