//! Pages for people: rendered here, readable without a script, in English and Chinese; every text from
//! elsewhere is escaped. What a page says is proven, the ledger has verified; everything else is called
//! declared or computed.

mod chart;
mod cite;
mod dataset;
mod docs;
mod explorer;
mod frame;
mod institutions;
mod list;
mod records;
mod requests;
mod sample;
mod wanted;

use std::sync::Arc;

use askama::Template;
use galen_api::printable::printable_lines;
use galen_chain::store::Snapshot;
use galen_market::amount::Money;
use galen_market::id::AccountId;
use galen_market::listing::ListingId;
use galen_market::state_key;
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

use crate::find::query::Query;
use crate::lang::COOKIE;
use crate::reply::{self, ApiError};
use crate::request::{Request, parsed};
use crate::routes::blocking;
use crate::{App, read};

pub(crate) use explorer::Purses;
use frame::{Frame, Reader, STYLE, STYLE_PATH};

const ICON: &str = include_str!("../templates/icon.svg");
const ATOM: &str = "application/atom+xml; charset=utf-8";

/// Answers a request for a page.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: &mut Request,
    path: &[&str],
) -> Result<Response, ApiError> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let text = "pages are for reading";
        return Err(ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            galen_api::codes::METHOD_NOT_ALLOWED,
            text,
        ));
    }
    let reader = Reader::new(request);
    let mut response = page(app, request, &reader, path).await?;
    let headers = response.headers_mut();
    if reader.asked {
        let code = reader.lang.code();
        let cookie = format!("{COOKIE}={code}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.insert(header::SET_COOKIE, value);
        }
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    Ok(response)
}

async fn page(
    app: &Arc<App>,
    request: &mut Request,
    reader: &Reader,
    path: &[&str],
) -> Result<Response, ApiError> {
    let reader = reader.clone();
    match path {
        [""] => {
            let query = Query::parse(request.query_text())?;
            let page = move |app: &App, state: &Snapshot| list::page(app, state, &reader, &query);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["feed.atom"] => {
            let query = Query::parse(request.query_text())?;
            let feed =
                move |app: &App, state: &Snapshot| list::feed(app, state, reader.lang, &query);
            written(StatusCode::OK, ATOM, &blocking(app, feed).await?)
        }
        ["datasets", institution, package] => {
            let id = read::listing_id(institution, package)?;
            let page = move |app: &App, state: &Snapshot| {
                dataset::page(app, state, &reader, &read::listing(app, state, &id)?)
            };
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["datasets", institution, package, file @ ("citation.bib" | "citation.ris")] => {
            let id = read::listing_id(institution, package)?;
            let bibtex = file.ends_with("bib");
            let text = blocking(app, move |app, state| {
                let listing = read::find_listing(state, &id)?;
                let citation = cite::Citation::of(&read::summary(app, state, listing)?);
                Ok(if bibtex { citation.bibtex() } else { citation.ris() })
            });
            let media = if bibtex {
                "application/x-bibtex; charset=utf-8"
            } else {
                "application/x-research-info-systems; charset=utf-8"
            };
            let mut response = reply::bytes(StatusCode::OK, media, text.await?.into_bytes());
            let name = if bibtex { "citation.bib" } else { "citation.ris" };
            if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
            }
            Ok(response)
        }
        ["institutions"] => {
            let paging: read::Paging = request.query()?;
            let page =
                move |app: &App, state: &Snapshot| institutions::page(app, state, &reader, &paging);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["institutions", institution, "requests"] => {
            let institution: AccountId = parsed(institution, "institution")?;
            let page =
                move |app: &App, state: &Snapshot| requests::page(app, state, &reader, institution);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["docs", "api"] => {
            let page = move |app: &App, state: &Snapshot| Ok(docs::page(app, state, &reader));
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["wanted"] => {
            let paging: read::Paging = request.query()?;
            let page =
                move |app: &App, state: &Snapshot| wanted::page(app, state, &reader, &paging);
            html(StatusCode::OK, &blocking(app, page).await?)
        }
        ["explorer", rest @ ..] => {
            let asked = request.query()?;
            explorer::answer(app, asked, reader, rest).await
        }
        [name] if name.starts_with("style") && name.ends_with(".css") => style(name),
        ["assets", name] => crate::assets::answer(name),
        ["icon.svg"] => {
            let mut response = reply::bytes(StatusCode::OK, "image/svg+xml", ICON.into());
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
            Ok(response)
        }
        _ => Err(ApiError::not_found("such page")),
    }
}

/// The style sheet: for ever under the name of its content, for a while under its plain name.
fn style(name: &str) -> Result<Response, ApiError> {
    let kept = match name {
        "style.css" => "public, max-age=300",
        name if STYLE_PATH.ends_with(name) => "public, max-age=31536000, immutable",
        _ => return Err(ApiError::not_found("such page")),
    };
    let mut response = reply::bytes(StatusCode::OK, "text/css; charset=utf-8", STYLE.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    Ok(response)
}

/// The page of an error.
pub(crate) fn error(app: &App, request: &Request, error: &ApiError) -> Response {
    let f = Frame::new(app, &app.node.snapshot(), &Reader::of(request), "");
    let heading = match error.status() {
        StatusCode::NOT_FOUND => f.t.error_not_found,
        status if status.is_client_error() => f.t.error_bad,
        _ => f.t.error_other,
    };
    let status = error.status().to_string();
    let page = Failed { f, heading, status, message: error.message().to_owned() };
    html(error.status(), &page).unwrap_or_else(|error| error.response())
}

fn html(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    written(status, "text/html; charset=utf-8", page)
}

fn written(
    status: StatusCode,
    media: &'static str,
    page: &impl Template,
) -> Result<Response, ApiError> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        ApiError::unavailable("the page cannot be written")
    })?;
    // Nothing of these pages and feeds is invisible but what somebody put into a title.
    let text = printable_lines(text);
    Ok(reply::bytes(status, media, text.into_bytes()))
}

#[derive(Template)]
#[template(path = "error.html")]
struct Failed {
    f: Frame,
    heading: &'static str,
    status: String,
    message: String,
}

/// The address of a dataset's page.
fn link(id: &ListingId) -> String {
    format!("/datasets/{}/{}", id.institution, id.package)
}

/// An amount with the decimal digits of its currency.
fn money(state: &Snapshot, money: &Money) -> Result<String, ApiError> {
    let info = state_key::read(state, &state_key::currency(&money.currency))?;
    let decimals = info.map_or(0, |info| info.decimals);
    let amount = galen_api::words::amount(money.amount.units(), decimals);
    Ok(format!("{amount} {}", money.currency))
}
