//! Which path is answered by what. Depends on the guard, the views and the works.

use std::sync::Arc;

use askama::Template;
use futures_util::StreamExt as _;
use galen_api::printable::printable_lines;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::reply::Response;
use warp::{Buf, Stream};
use zeroize::Zeroizing;

use super::guard::{self, Denied};
use super::views::{self, Frame, OrderPage, Refused, Unlock, Wish};
use super::work::{self, Name, State};
use super::{BODY_TIME, Signer, lock};
use crate::error::{Exit, Failure};
use crate::wallet::{Password, Wallet};

const MAX_QUERY_BYTES: usize = 4096;
const MAX_BODY_BYTES: usize = 8192;
/// The query with which a page loads itself again.
const AGAIN: &str = "again";
const STYLE: &str = include_str!("pages/style.css");

/// A request without its body.
pub(super) struct Asked {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
}

/// What a page came to.
enum Answer {
    Page(StatusCode, String),
    /// See there.
    Go(String),
    Style,
}

fn page(template: &impl Template) -> Result<Answer, Failure> {
    let text = template.render().map_err(|error| {
        Failure::new(Exit::Failure, "wallet.page", format!("the page could not be made: {error}"))
    })?;
    Ok(Answer::Page(StatusCode::OK, printable_lines(&text)))
}

/// Answers a request.
pub(super) async fn answer<S, B>(signer: Arc<Signer>, mut asked: Asked, body: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send,
{
    if let Err(denied) = signer.guard.check(&asked.method, &asked.path, &asked.headers) {
        return refused(denied);
    }
    if guard::is_foreign(&asked.headers) {
        asked.query = of_a_link(&asked.query);
    }
    let form = match asked.method {
        Method::GET => Ok(Zeroizing::new(Vec::new())),
        _ => read(body).await,
    };
    let form = match form {
        Ok(form) => form,
        Err(status) => {
            return plain(status, "The form did not come whole. Go back and send it again.");
        }
    };
    let answer = match at_once(&signer, &asked, &form) {
        Some(answer) => answer,
        None => {
            let Ok(_turn) = signer.pages.acquire().await else {
                return plain(StatusCode::SERVICE_UNAVAILABLE, "The wallet is stopping.");
            };
            let served = signer.clone();
            let made = tokio::task::spawn_blocking(move || respond(&served, &asked, &form)).await;
            made.unwrap_or_else(|_| {
                Err(Failure::new(Exit::Failure, "wallet.failed", "the page could not be made"))
            })
        }
    };
    match answer {
        Ok(answer) => reply(answer),
        Err(failure) => {
            let status = match failure.code() {
                "not_found" => StatusCode::NOT_FOUND,
                "wallet.form" => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            let unlocked = signer.wallet(false).is_some();
            let refused = Refused {
                frame: Frame::new(&signer, unlocked),
                message: failure.to_string(),
                remedy: failure.advice().unwrap_or_default().to_owned(),
            };
            match refused.render() {
                Ok(text) => reply(Answer::Page(status, printable_lines(&text))),
                Err(_) => plain(status, "Not done."),
            }
        }
    }
}

/// The whole body of a form.
async fn read<S, B>(body: S) -> Result<Zeroizing<Vec<u8>>, StatusCode>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let mut body = std::pin::pin!(body);
    let mut form = Zeroizing::new(Vec::with_capacity(MAX_BODY_BYTES));
    let whole = async {
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            if form.len().saturating_add(chunk.remaining()) > MAX_BODY_BYTES {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            while chunk.has_remaining() {
                let piece = chunk.chunk();
                form.extend_from_slice(piece);
                let length = piece.len();
                chunk.advance(length);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(BODY_TIME, whole).await {
        Ok(Ok(())) => Ok(form),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, Failure> {
    serde_urlencoded::from_bytes(text).map_err(|error| {
        Failure::usage(format!("the address or the form is not one of these pages: {error}"))
            .remedy("begin again from your wallet's first page")
    })
}

fn absent() -> Failure {
    Failure::new(Exit::Failure, "not_found", "there is no such page")
        .remedy("begin again from your wallet's first page")
}

/// What every form of these pages carries.
#[derive(Deserialize)]
struct Signed {
    token: String,
}

#[derive(Deserialize)]
struct Unlocking {
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Ordering {
    order: String,
}

/// The query of a link on another site: it says which dataset, and a person says all the rest. What is
/// bought, what for, what is promised and who pays would else come filled in, with the button to sign.
fn of_a_link(query: &str) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let listing = pairs.into_iter().find(|(name, _)| name == "listing");
    serde_urlencoded::to_string(listing.as_slice()).unwrap_or_default()
}

fn of_these_pages(signer: &Signer, form: &[u8]) -> Result<(), Failure> {
    let Signed { token } = parsed(form)?;
    if token == signer.form_token {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "wallet.form", "the form is not of this server")
        .remedy("load the page again; the server may have been started again"))
}

/// What needs no node: it is answered while pages wait for one that is silent.
fn at_once(signer: &Signer, asked: &Asked, form: &[u8]) -> Option<Result<Answer, Failure>> {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/style.css") => Some(Ok(Answer::Style)),
        ("POST", "/lock") => Some(of_these_pages(signer, form).map(|()| {
            signer.lock();
            Answer::Go("/".to_owned())
        })),
        _ => None,
    }
}

fn respond(signer: &Arc<Signer>, asked: &Asked, form: &[u8]) -> Result<Answer, Failure> {
    if asked.query.len() > MAX_QUERY_BYTES {
        return Err(Failure::usage("the address is too long"));
    }
    let path: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    if asked.method != Method::GET {
        of_these_pages(signer, form)?;
    }
    if asked.method == Method::POST && path == ["unlock"] {
        return unlock(signer, parsed(form)?);
    }
    let Some(wallet) = signer.wallet(asked.query != AGAIN) else {
        let here = if asked.query.is_empty() {
            asked.path.clone()
        } else {
            format!("{}?{}", asked.path, asked.query)
        };
        // A form that came too late is not sent again by unlocking.
        let next = if asked.method == Method::GET { here } else { "/".to_owned() };
        return page(&Unlock { frame: Frame::new(signer, false), next, wrong: None });
    };
    match (asked.method.as_str(), path.as_slice()) {
        ("GET", [""]) => page(&views::home(signer, &wallet)?),
        ("GET", ["qualify"]) => page(&views::qualify(signer)?),
        ("GET", ["buy"]) => {
            let wish: Wish = parsed(asked.query.as_bytes())?;
            page(&views::buy(signer, &wallet, wish)?)
        }
        ("POST", ["buy"]) => order(signer, wallet, parsed(form)?),
        ("GET", ["orders", name]) => ordered(signer, name),
        ("GET", ["deals", index]) => page(&views::deal(signer, number(index)?)?),
        ("POST", ["deals", index, "proceed"]) => {
            let index = number(index)?;
            work::proceed(signer, index, wallet)?;
            Ok(Answer::Go(format!("/deals/{index}")))
        }
        ("POST", ["deals", index, "open"]) => {
            let index = number(index)?;
            work::open(signer, index, wallet)?;
            Ok(Answer::Go(format!("/deals/{index}")))
        }
        _ => Err(absent()),
    }
}

fn number(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| absent())
}

/// Whether this is a page of this server: two strokes begin the name of another, and browsers read over
/// tabs and line ends between them.
fn is_local(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|letter: char| letter == '\\' || letter.is_control())
}

fn unlock(signer: &Signer, form: Unlocking) -> Result<Answer, Failure> {
    let next = if is_local(&form.next) { form.next } else { "/".to_owned() };
    match Password::new(form.password)
        .map_err(Failure::from)
        .and_then(|password| signer.unlock(password))
    {
        Ok(()) => Ok(Answer::Go(next)),
        Err(failure) => page(&Unlock {
            frame: Frame::new(signer, false),
            next,
            wrong: Some(failure.to_string()),
        }),
    }
}

fn order(signer: &Arc<Signer>, wallet: Arc<Wallet>, form: Ordering) -> Result<Answer, Failure> {
    let order = lock(&signer.orders).take(&form.order).ok_or_else(|| {
        Failure::new(
            Exit::RefusedPurchase,
            "wallet.order",
            "this was sent already, or was shown too long ago",
        )
        .remedy("look at your deals; if it is not there, look at the offer again")
    })?;
    let going = format!("/orders/{}", form.order);
    work::request(signer, form.order, order, wallet)?;
    Ok(Answer::Go(going))
}

fn ordered(signer: &Signer, name: &str) -> Result<Answer, Failure> {
    let state = lock(&signer.works).state(&Name::Order(name.to_owned())).ok_or_else(absent)?;
    if let State::Done { deal: Some(index), .. } = state {
        return Ok(Answer::Go(format!("/deals/{index}")));
    }
    let mut frame = Frame::new(signer, true);
    if matches!(state, State::Going { .. }) {
        frame.again = 1;
    }
    page(&OrderPage { frame, state })
}

fn refused(denied: Denied) -> Response {
    match denied {
        Denied::Host => plain(StatusCode::FORBIDDEN, "This wallet is served as 127.0.0.1 only."),
        Denied::Origin => plain(StatusCode::FORBIDDEN, "Other sites may only link to this wallet."),
        Denied::Code => {
            let mut response = plain(
                StatusCode::UNAUTHORIZED,
                "Type the code that `galen wallet serve` printed as the password; any name will do.",
            );
            let asks = HeaderValue::from_static(
                "Basic realm=\"Galen wallet: type the printed code as password\", charset=\"UTF-8\"",
            );
            response.headers_mut().insert(header::WWW_AUTHENTICATE, asks);
            response
        }
        Denied::Tries => {
            plain(StatusCode::TOO_MANY_REQUESTS, "Too many wrong codes. Wait ten seconds.")
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    harden(&mut response, "text/plain; charset=utf-8");
    response
}

fn reply(answer: Answer) -> Response {
    match answer {
        Answer::Page(status, text) => {
            let mut response = Response::new(text.into());
            *response.status_mut() = status;
            harden(&mut response, "text/html; charset=utf-8");
            response
        }
        Answer::Style => {
            let mut response = Response::new(STYLE.into());
            harden(&mut response, "text/css; charset=utf-8");
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

/// What every answer carries: no script, no frame, no cache, no other site. The referrer policy is not
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adversary_52_a_link_says_which_dataset_and_nothing_else() {
        let all = "again&listing=ab%2Fcd&undertake=all&purpose=health&account=1&listing=ef%2F01";
        assert_eq!(of_a_link(all), "listing=ab%2Fcd");
        for none in ["", "undertake=all", "again", "%ff=%ff"] {
            assert_eq!(of_a_link(none), "", "{none}");
        }
    }

    #[test]
    fn adversary_52_after_unlocking_comes_a_page_of_this_server() {
        for local in ["/", "/buy?listing=ab%2Fcd", "/deals/0"] {
            assert!(is_local(local), "{local}");
        }
        let others =
            ["", "deals", "//h", "/\\h", "/\t/h", "/\n/h", "/\r\n/h", "\t//h", "https://h/", "/\0"];
        for other in others {
            assert!(!is_local(other), "{other:?}");
        }
    }
}
