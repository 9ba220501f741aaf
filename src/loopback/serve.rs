//! Requests as they come: guard, body, token and lock. What is asked of an unlocked wallet goes to the site.
//! Depends on the guard, the answers and the shared pages.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use futures_util::StreamExt as _;
use galen_api::printable::printable_lines;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, Method, StatusCode};
use warp::reply::Response;
use warp::{Buf, Stream};
use zeroize::Zeroizing;

use super::guard;
use super::reader::Reader;
use super::refusals::{self, Wrong};
use super::reply::{Answer, plain, refused, reply};
use super::upload::{self, Upload};
use super::views::{Frame, Refused, Unlock};
use super::words::Words;
use super::{Desk, Site};
use crate::error::{Exit, Failure};
use crate::wallet::Password;

const MAX_QUERY_BYTES: usize = 4096;
/// How long a form without files may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The query with which a page loads itself again.
pub(super) const AGAIN: &str = "again";

/// A request without its body.
pub(crate) struct Asked {
    pub method: Method,
    pub path: String,
    /// Without the language.
    pub query: String,
    pub headers: HeaderMap,
    pub reader: Reader,
}

impl Asked {
    pub(super) fn new(method: Method, path: &str, mut query: String, headers: HeaderMap) -> Self {
        if guard::is_foreign(&headers) {
            query = of_a_link(&query);
        }
        let reader = Reader::take(&method, path, &mut query, &headers);
        Self { method, path: path.to_owned(), query, headers, reader }
    }

    /// The frame of a page for an unlocked wallet.
    pub fn frame<S: Site>(&self, site: &S) -> Frame {
        Frame::of(site, true, &self.reader)
    }
}

/// The body of a request.
#[derive(Default)]
pub(crate) struct Sent {
    /// The fields of its form, as they stand in an address.
    pub form: Zeroizing<Vec<u8>>,
    /// The file of its form.
    pub file: Option<Upload>,
}

/// A page, made.
pub(crate) fn page(template: &impl Template) -> Result<Answer, Failure> {
    let text = template.render().map_err(|error| {
        Failure::new(Exit::Failure, "wallet.page", format!("the page could not be made: {error}"))
    })?;
    Ok(Answer::Page(StatusCode::OK, printable_lines(text)))
}

/// A page that may run scripts of this server, made.
pub(crate) fn scripted(template: &impl Template) -> Result<Answer, Failure> {
    page(template).map(|made| match made {
        Answer::Page(_, text) => Answer::Scripted(text),
        other => other,
    })
}

/// The fields of a form or an address.
pub(crate) fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, Failure> {
    serde_urlencoded::from_bytes(text).map_err(|error| {
        Failure::usage(format!("the address or the form is not one of these pages: {error}"))
            .remedy("begin again from the first page")
    })
}

/// There is no such page.
pub(crate) fn absent() -> Failure {
    Failure::new(Exit::Failure, "not_found", "there is no such page")
        .remedy("begin again from the first page")
}

/// Answers a request.
pub(super) async fn answer<S, T, B>(site: Arc<S>, asked: Asked, body: T) -> Response
where
    S: Site,
    T: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send + 'static,
{
    if let Err(denied) = site.desk().guard.check(&asked.method, &asked.path, &asked.headers) {
        return refused(&S::BRAND, denied, asked.reader.lang);
    }
    let reader = asked.reader.clone();
    let mut response = answer_guarded(site, asked, body).await;
    reader.remember(&mut response);
    response
}

/// Answers what the guard let in.
async fn answer_guarded<S, T, B>(site: Arc<S>, asked: Asked, body: T) -> Response
where
    S: Site,
    T: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf + Send + 'static,
{
    let desk = site.desk();
    let reader = asked.reader.clone();
    let t = Words::of(reader.lang);
    let sent = match (&asked.method, upload::boundary(&asked.headers), site.uploads()) {
        (&Method::GET, ..) => Ok(Sent::default()),
        (_, Some(boundary), Some(folder)) => {
            if desk.wallet(true).is_none() {
                upload::discard(body).await;
                return plain(StatusCode::FORBIDDEN, t.locked_itself);
            }
            let pieces = body.map(|piece| piece.map(|mut piece| whole(&mut piece)));
            upload::read(pieces, boundary, &desk.form_token, folder).await
        }
        _ => read(body, S::BRAND.form_bytes).await,
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(status) => return plain(status, t.not_whole),
    };
    let for_script = S::is_for_script(&asked.path);
    let answer = match at_once(desk, &asked, &sent.form) {
        Some(answer) => answer,
        None => {
            let Ok(_turn) = desk.pages.acquire().await else {
                return plain(StatusCode::SERVICE_UNAVAILABLE, t.stopping);
            };
            let served = site.clone();
            let made = tokio::task::spawn_blocking(move || respond(&served, &asked, sent)).await;
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
                "wallet.form" | "wallet.locked" => StatusCode::FORBIDDEN,
                _ => StatusCode::BAD_REQUEST,
            };
            if for_script {
                // What is wrong on the first line, and what to do on the next.
                let Wrong { code, message, remedy } = Wrong::from(&failure);
                let short = refusals::in_short(reader.lang, &code);
                return plain(status, &format!("{short}{message}\n{remedy}"));
            }
            let unlocked = desk.wallet(false).is_some();
            let refused = Refused {
                frame: Frame::of(&*site, unlocked, &reader),
                wrong: Wrong::from(&failure),
            };
            match refused.render() {
                Ok(text) => reply(Answer::Page(status, printable_lines(text))),
                Err(_) => plain(status, t.not_done),
            }
        }
    }
}

/// All of a buffer that may come in pieces.
fn whole(buffer: &mut impl Buf) -> Bytes {
    buffer.copy_to_bytes(buffer.remaining())
}

/// The whole body of a form.
async fn read<S, B>(body: S, most: usize) -> Result<Sent, StatusCode>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let mut body = std::pin::pin!(body);
    let mut form = Zeroizing::new(Vec::with_capacity(most.min(8192)));
    let all = async {
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            if form.len().saturating_add(chunk.remaining()) > most {
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
    match tokio::time::timeout(BODY_TIME, all).await {
        Ok(Ok(())) => Ok(Sent { form, file: None }),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
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

/// The query of a link on another site: it says which dataset, and a person says all the rest. What is
/// bought, what for, what is promised and who pays would else come filled in, with the button to sign.
fn of_a_link(query: &str) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let listing = pairs.into_iter().find(|(name, _)| name == "listing");
    serde_urlencoded::to_string(listing.as_slice()).unwrap_or_default()
}

fn of_these_pages(desk: &Desk, form: &[u8]) -> Result<(), Failure> {
    let Signed { token } = parsed(form)?;
    if token == desk.form_token {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "wallet.form", "the form is not of this server")
        .remedy("load the page again; the server may have been started again"))
}

/// What needs no node: it is answered while pages wait for one that is silent.
fn at_once(desk: &Desk, asked: &Asked, form: &[u8]) -> Option<Result<Answer, Failure>> {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/style.css") => Some(Ok(Answer::Style)),
        ("POST", "/lock") => Some(of_these_pages(desk, form).map(|()| {
            desk.lock();
            Answer::Go("/".to_owned())
        })),
        _ => None,
    }
}

/// Whether a person asks, who keeps the wallet unlocked by it: not what loads by itself, nor what another
/// site leads to, which can do so again and again.
fn is_by_person(asked: &Asked, for_script: bool) -> bool {
    let reads = asked.method == Method::GET;
    asked.query != AGAIN && !(reads && for_script) && !guard::is_foreign(&asked.headers)
}

fn respond<S: Site>(site: &Arc<S>, asked: &Asked, sent: Sent) -> Result<Answer, Failure> {
    let desk = site.desk();
    if asked.query.len() > MAX_QUERY_BYTES {
        return Err(Failure::usage("the address is too long"));
    }
    let reads = asked.method == Method::GET;
    if !reads {
        of_these_pages(desk, &sent.form)?;
    }
    if asked.method == Method::POST && asked.path == "/unlock" {
        return unlock(&**site, &asked.reader, parsed(&sent.form)?);
    }
    let for_script = S::is_for_script(&asked.path);
    if let Some(text) = S::script(&asked.path).filter(|_| reads) {
        return Ok(Answer::Script(text));
    }
    let Some(wallet) = desk.wallet(is_by_person(asked, for_script)) else {
        if for_script {
            return Err(Failure::new(Exit::Failure, "wallet.locked", "the wallet is locked")
                .remedy("unlock it, and begin again"));
        }
        let here = if asked.query.is_empty() {
            asked.path.clone()
        } else {
            format!("{}?{}", asked.path, asked.query)
        };
        // A form that came too late is not sent again by unlocking.
        let next = if reads { here } else { "/".to_owned() };
        let frame = Frame::of(&**site, false, &asked.reader);
        return page(&Unlock { frame, next, wrong: None });
    };
    site.respond(asked, sent, wallet)
}

/// Whether this is a page of this server: two strokes begin the name of another, and browsers read over
/// tabs and line ends between them.
pub(super) fn is_local(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|letter: char| letter == '\\' || letter.is_control())
}

fn unlock<S: Site>(site: &S, reader: &Reader, form: Unlocking) -> Result<Answer, Failure> {
    let next = if is_local(&form.next) { form.next } else { "/".to_owned() };
    let desk = site.desk();
    let opened = Password::new(form.password).map_err(Failure::from);
    match opened.and_then(|password| desk.unlock(password)) {
        Ok(()) => Ok(Answer::Go(next)),
        Err(failure) => {
            let frame = Frame::of(site, false, reader);
            page(&Unlock { frame, next, wrong: Some(Wrong::from(&failure)) })
        }
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
    fn adversary_52_another_site_does_not_keep_the_wallet_unlocked() {
        let asked = |query: &str, site: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().expect("a word"));
            }
            Asked::new(Method::GET, "/", query.to_owned(), headers)
        };
        for own in [None, Some("none"), Some("same-origin")] {
            assert!(is_by_person(&asked("", own), false), "{own:?}");
        }
        for other in [Some("same-site"), Some("cross-site")] {
            assert!(!is_by_person(&asked("listing=ab%2Fcd", other), false), "{other:?}");
        }
        assert!(!is_by_person(&asked(AGAIN, None), false));
        assert!(!is_by_person(&asked("", None), true));
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
