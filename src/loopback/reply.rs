//! Answers as they leave, with the headers that every answer carries. Depends on what the guard denies.

use galen_web::lang::Lang;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::Brand;
use super::guard::Denied;
use super::words::{Words, one};

const STYLE: &str = include_str!("pages/style.css");

/// What a page came to.
pub(crate) enum Answer {
    Page(StatusCode, String),
    /// A page with a script of this server's.
    Scripted(String),
    /// See there.
    Go(String),
    /// A file to be kept, with its name.
    File {
        name: &'static str,
        kind: &'static str,
        bytes: Vec<u8>,
    },
    /// What a script asked for; with a range, a part of it: `bytes 0-9/20`.
    Given {
        kind: &'static str,
        bytes: Vec<u8>,
        range: Option<String>,
    },
    Script(&'static str),
    Style,
}

pub(super) fn refused(brand: &Brand, denied: Denied, lang: Lang) -> Response {
    let t = Words::of(lang);
    match denied {
        Denied::Host => plain(StatusCode::FORBIDDEN, t.only_here),
        Denied::Origin => plain(StatusCode::FORBIDDEN, t.only_links),
        Denied::Code => {
            let mut response = plain(StatusCode::UNAUTHORIZED, &one(t.type_code, brand.command));
            // Browsers agree on letters of ASCII here, and on no others.
            let asks = format!(
                "Basic realm=\"{}: type the printed code as password\", charset=\"UTF-8\"",
                brand.name
            );
            if let Ok(asks) = HeaderValue::from_str(&asks) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, asks);
            }
            response
        }
        Denied::Tries => plain(StatusCode::TOO_MANY_REQUESTS, t.too_many),
    }
}

pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    harden(&mut response, "text/plain; charset=utf-8");
    response
}

pub(super) fn reply(answer: Answer) -> Response {
    match answer {
        Answer::Page(status, text) => {
            let mut response = Response::new(text.into());
            *response.status_mut() = status;
            harden(&mut response, "text/html; charset=utf-8");
            response
        }
        Answer::Scripted(text) => allowing_scripts(reply(Answer::Page(StatusCode::OK, text))),
        Answer::Style => fixed(STYLE, "text/css; charset=utf-8"),
        // A worker is bound by the policy of its own script.
        Answer::Script(text) => allowing_scripts(fixed(text, "text/javascript; charset=utf-8")),
        Answer::Given { kind, bytes, range } => {
            let mut response = Response::new(bytes.into());
            harden(&mut response, kind);
            if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
                response.headers_mut().insert(header::CONTENT_RANGE, range);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
            response
        }
        Answer::File { name, kind, bytes } => {
            let mut response = Response::new(bytes.into());
            harden(&mut response, kind);
            let kept = format!("attachment; filename=\"{name}\"");
            if let Ok(kept) = HeaderValue::from_str(&kept) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
            }
            response
        }
        Answer::Go(to) => {
            let mut response = plain(StatusCode::SEE_OTHER, "See there.");
            let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/"));
            response.headers_mut().insert(header::LOCATION, to);
            response
        }
    }
}

fn fixed(text: &'static str, kind: &'static str) -> Response {
    let mut response = Response::new(text.into());
    harden(&mut response, kind);
    response
}

fn allowing_scripts(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(SCRIPT_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// What a page with a script may do: run scripts of this server, and ask it.
const SCRIPT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every other answer carries: no script, no frame, no cache, no other site. The referrer policy is not
/// `no-referrer`, under which browsers hide from these pages that a form is their own (Fetch, "append a
/// request Origin header").
fn harden(response: &mut Response, kind: &'static str) {
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(name, HeaderValue::from_static("same-origin"));
    }
}
