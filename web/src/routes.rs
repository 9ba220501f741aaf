//! Which path is answered by what.

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use galen_api::{
    ListingFilter, MAX_LICENCE_BYTES, MAX_WAIT_MS, Part, Stored, StoredText, Submitted,
    TransactionState, codes, odrl, stage_from_name,
};
use galen_chain::TransactionStatus;
use galen_chain::store::Snapshot;
use galen_market::id::{AccountId, DealId, Digest, PackageId, StandingId, TransactionId};
use galen_market::layout::Layout;
use galen_market::ledger::{BlockContext, parameters};
use galen_market::listing::{Listing, ListingId, Standing};
use galen_market::role::Role;
use galen_market::state_key;
use galen_market::subject::Subject;
use galen_market::transaction::MAX_TRANSACTION_BYTES;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::packages::{Checked, Length, Upload};
use crate::read;
use crate::reply::{self, ApiError};
use crate::request::{Request, parsed};
use crate::store::Body;
use crate::{App, limits, openapi, pages, records, standards, stream};

const CHUNK_BYTES: usize = 64 << 10;

type Answer = Result<Response, ApiError>;

/// Answers a request.
pub(crate) async fn answer(app: Arc<App>, mut request: Request) -> Response {
    let started = Instant::now();
    let method = request.method.clone();
    let parts = request.parts();
    let route = parts.as_ref().map_or("other", |parts| {
        openapi::route(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let cost = limits::units(&method, request.path());
    let standing = app.limiter.as_ref().map(|limiter| limiter.take(&request.client, cost));
    let page = !is_data(&request);
    let ga4gh = request.path().starts_with("/ga4gh/");
    let allowed = standing.as_ref().map_or(Ok(()), limits::Standing::check);
    let answered = match allowed.and(parts) {
        Ok(parts) => {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            match parts.as_slice() {
                ["api", "v1", rest @ ..] => interface(&app, &mut request, rest).await,
                rest if standards::is_machine(rest, &request) => {
                    standards::answer(&app, &mut request, rest).await
                }
                rest => pages::answer(&app, &mut request, rest).await,
            }
        }
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| {
        tracing::debug!(status = %error.status(), message = error.message(), "refused");
        match (page, ga4gh) {
            (true, _) => pages::error(&app, &request, &error),
            (_, true) => error.for_ga4gh(),
            _ => error.response(),
        }
    });
    reply::harden(&mut response);
    if let (Some(limiter), Some(standing)) = (&app.limiter, &standing) {
        limiter.mark(standing, &mut response);
    }
    app.metrics.answered(route, method.as_str(), response.status(), started.elapsed());
    if !page && matches!(request.method, Method::GET | Method::HEAD) {
        reply::share(&mut response);
    }
    // The body of an answer to HEAD is left out by the layer below.
    response
}

/// Whether errors about a path are JSON, and not a page.
fn is_data(request: &Request) -> bool {
    let path = request.path();
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    parts.first() == Some(&"api") || standards::is_machine(&parts, request)
}

/// Runs a read apart from the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    read: impl FnOnce(&App, &Snapshot) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || read(&app, &app.node.snapshot()))
        .await
        .unwrap_or_else(|_| Err(ApiError::unavailable("the answer could not be made")))
}

async fn json<T: Serialize + Send + 'static>(
    app: &Arc<App>,
    read: impl FnOnce(&App, &Snapshot) -> Result<T, ApiError> + Send + 'static,
) -> Answer {
    blocking(app, read).await.map(|value| reply::json(&value))
}

async fn interface(app: &Arc<App>, request: &mut Request, path: &[&str]) -> Answer {
    let method = if request.method == Method::HEAD { Method::GET } else { request.method.clone() };
    match (method.as_str(), path) {
        ("GET", ["status"]) => json(app, |app, _| read::status(app)).await,
        ("GET", ["genesis"]) => Ok(reply::json(app.genesis())),
        ("GET", ["parameters"]) => json(app, |_, state| Ok(parameters(state)?)).await,
        ("GET", ["verifying-keys"]) => json(app, |app, _| Ok(read::verifying_keys(app))).await,
        ("POST", ["transactions"]) => submit(app, request).await,
        ("POST", ["transactions", "dry-run"]) => dry_run(app, request).await,
        ("GET", ["transactions", id]) => {
            transaction(app, request, parsed(id, "transaction")?).await
        }
        ("GET", ["blocks", height]) => {
            let height: u64 = parsed(height, "height")?;
            json(app, move |app, _| read::block(app, height)).await
        }
        ("GET", ["headers", height]) => {
            let height: u64 = parsed(height, "height")?;
            json(app, move |app, _| records::header(app, height)).await
        }
        ("GET", ["proofs"]) => {
            let wanted: records::Wanted = request.query()?;
            json(app, move |app, state| records::proofs(app, state, &wanted)).await
        }
        ("GET", ["openapi.json"]) => Ok(reply::json(&openapi::document(&app.public))),
        ("GET", ["events", "stream"]) => stream::follow(app, request).await,
        ("GET", ["events", height, index]) => {
            let place = (parsed(height, "height")?, parsed(index, "index")?);
            json(app, move |app, _| records::event(app, place)).await
        }
        ("GET", ["accounts", account, "movements"]) => {
            let subject = Subject::Account(parsed(account, "account")?);
            let paging: records::Paging = request.query()?;
            json(app, move |app, _| records::movements(app, &subject, &paging)).await
        }
        ("GET", ["deals", id, "events"]) => {
            let id: DealId = parsed(id, "deal")?;
            let paging: records::Paging = request.query()?;
            json(app, move |app, state| records::deal_events(app, state, id, &paging)).await
        }
        ("GET", ["deals", id, "receipt"]) => {
            let id: DealId = parsed(id, "deal")?;
            json(app, move |app, state| records::receipt(app, state, id)).await
        }
        ("GET", ["listings", institution, package, "history"]) => {
            let id = read::listing_id(institution, package)?;
            let paging: records::Paging = request.query()?;
            json(app, move |app, state| records::history(app, state, &id, &paging)).await
        }
        ("GET", ["listings", institution, package, "lineage"]) => {
            let id = read::listing_id(institution, package)?;
            json(app, move |app, state| records::lineage(app, state, &id)).await
        }
        ("GET", ["accounts", account]) => {
            let account: AccountId = parsed(account, "account")?;
            json(app, move |_, state| read::account(state, account)).await
        }
        ("GET", ["parties", role]) => {
            let role = role_of(role)?;
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| read::parties(state, role, &paging)).await
        }
        ("GET", ["issuers"]) => {
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| read::issuers(state, &paging)).await
        }
        ("GET", ["issuers", issuer, "leaves"]) => {
            let issuer: AccountId = parsed(issuer, "issuer")?;
            let paging: read::LeafPaging = request.query()?;
            json(app, move |_, state| read::leaves(state, issuer, &paging)).await
        }
        ("GET", ["listings"]) => {
            let filter: ListingFilter = request.query()?;
            json(app, move |app, state| read::listings(app, state, &filter)).await
        }
        ("GET", ["listings", institution, package]) => {
            let id = read::listing_id(institution, package)?;
            json(app, move |app, state| read::listing(app, state, &id)).await
        }
        ("GET", ["listings", institution, package, "terms.odrl"]) => {
            let id = read::listing_id(institution, package)?;
            let policy = blocking(app, move |app, state| {
                let listing = read::find_listing(state, &id)?;
                let offer = read::offer(state, &listing)?;
                Ok(odrl::policy(app.genesis().chain(), &id, listing.version, &offer))
            })
            .await?;
            let bytes = serde_json::to_vec_pretty(&policy).unwrap_or_default();
            Ok(reply::bytes(StatusCode::OK, odrl::MEDIA_TYPE, bytes))
        }
        ("GET", ["listings", institution, package, "proofs", table, block]) => {
            let id = read::listing_id(institution, package)?;
            let at = (parsed(table, "table")?, parsed(block, "block")?);
            json(app, move |app, state| read::block_proof(app, state, &id, at)).await
        }
        ("GET", ["listings", institution, package, "deals"]) => {
            let id = read::listing_id(institution, package)?;
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| read::deals_of_listing(state, &id, &paging)).await
        }
        ("GET", ["institutions", institution, "deals", stage]) => {
            let institution: AccountId = parsed(institution, "institution")?;
            let stage =
                stage_from_name(stage).ok_or_else(|| ApiError::bad("there is no such stage"))?;
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| {
                read::deals_of_institution(state, &institution, stage, &paging)
            })
            .await
        }
        ("GET", ["deals"]) => {
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| read::deals(state, &paging)).await
        }
        ("GET", ["deals", id]) => {
            let id: DealId = parsed(id, "deal")?;
            json(app, move |_, state| read::deal(state, id)).await
        }
        ("GET", ["subscriptions", deal]) => {
            let deal: DealId = parsed(deal, "deal")?;
            json(app, move |_, state| read::subscription(state, deal)).await
        }
        ("GET", ["standing"]) => {
            let paging: read::Paging = request.query()?;
            json(app, move |_, state| read::standings(state, &paging)).await
        }
        ("GET", ["standing", id]) => {
            let id: StandingId = parsed(id, "standing request")?;
            json(app, move |_, state| read::standing(state, id)).await
        }
        ("GET", ["licences", deal]) => {
            let deal: DealId = parsed(deal, "deal")?;
            json(app, move |app, state| read::licence(app, state, deal)).await
        }
        ("GET", ["texts", hash]) => {
            let hash: Digest = parsed(hash, "text")?;
            let text = blocking(app, move |app, _| Ok(app.texts.get(&hash)?)).await?;
            let text = text.ok_or_else(|| ApiError::not_found("such text at this node"))?;
            Ok(reply::bytes(StatusCode::OK, "text/plain; charset=utf-8", text))
        }
        ("PUT", ["texts", hash]) => store_text(app, request, parsed(hash, "text")?).await,
        ("GET", ["packages", package, part]) => {
            serve(app, request, parsed(package, "package")?, part_of(part)?).await
        }
        ("PUT", ["packages", package, part]) => {
            store(app, request, parsed(package, "package")?, part_of(part)?).await
        }
        _ => {
            let whole: Vec<&str> = ["api", "v1"].into_iter().chain(path.iter().copied()).collect();
            Err(ApiError::no_route(&openapi::methods(&whole)))
        }
    }
}

fn role_of(name: &str) -> Result<Role, ApiError> {
    [Role::Institution, Role::Issuer, Role::Gateway]
        .into_iter()
        .find(|role| role.to_string() == name)
        .ok_or_else(|| ApiError::bad("there is no such role"))
}

fn part_of(name: &str) -> Result<Part, ApiError> {
    Part::from_name(name).ok_or_else(|| ApiError::not_found("such part of a package"))
}

// ---- Transactions ----

async fn submit(app: &Arc<App>, request: &mut Request) -> Answer {
    let bytes = request.body(MAX_TRANSACTION_BYTES as u64).await?;
    let started = Instant::now();
    let answer = take_in(app, bytes).await;
    app.metrics.checked("submit", started.elapsed(), answer.as_ref().err().map(ApiError::code));
    answer
}

async fn take_in(app: &Arc<App>, bytes: Vec<u8>) -> Answer {
    // Whoever did not hear the answer sends again: one effect, and the same answer.
    let (bytes, id) = blocking(app, move |app, _| {
        let id = app.rules().check(&bytes)?.id();
        Ok((bytes, id))
    })
    .await?;
    let submitted = app.node.submit(bytes).await;
    let state = blocking(app, move |app, _| state_of(app, &id)).await?;
    match (submitted, &state) {
        (Ok(_), _) | (Err(_), TransactionState::Pending | TransactionState::Final { .. }) => {
            Ok(reply::json_with(StatusCode::ACCEPTED, &Submitted { id, state }))
        }
        (Err(error), _) => Err(error.into()),
    }
}

async fn dry_run(app: &Arc<App>, request: &mut Request) -> Answer {
    let bytes = request.body(MAX_TRANSACTION_BYTES as u64).await?;
    let started = Instant::now();
    let answer = json(app, move |app, state| {
        let checked = app.rules().check(&bytes)?;
        app.node.may_try(&checked)?;
        let now = BlockContext {
            height: state.height().saturating_add(1),
            time_ms: read::now_ms().max(state.time_ms().saturating_add(1)),
        };
        Ok(app.rules().dry_run(state, &now, &checked)?)
    })
    .await;
    app.metrics.checked("dry_run", started.elapsed(), answer.as_ref().err().map(ApiError::code));
    answer
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Waiting {
    wait_ms: u64,
}

async fn transaction(app: &Arc<App>, request: &mut Request, id: TransactionId) -> Answer {
    let Waiting { wait_ms } = request.query()?;
    if wait_ms > 0 {
        let wait = Duration::from_millis(wait_ms.min(MAX_WAIT_MS));
        app.node.wait_for(&id.0, wait).await?;
    }
    json(app, move |app, _| state_of(app, &id)).await
}

fn state_of(app: &App, id: &TransactionId) -> Result<TransactionState, ApiError> {
    Ok(match app.node.transaction(&id.0)? {
        TransactionStatus::Pending => TransactionState::Pending,
        TransactionStatus::Final { height, index } => {
            TransactionState::Final { height, index, receipt: app.node.receipt(&id.0)? }
        }
        TransactionStatus::Dropped { reason } => TransactionState::Dropped { reason },
        TransactionStatus::Unknown => TransactionState::Unknown,
    })
}

// ---- Packages ----

async fn serve(app: &Arc<App>, request: &mut Request, package: PackageId, part: Part) -> Answer {
    let length = app.packages.length(&package, part).await?;
    let length = length.ok_or_else(|| ApiError::not_found("such part at this node"))?;
    let range = request.range(length)?;
    let (first, last) =
        range.clone().map_or((0, length.saturating_sub(1)), RangeInclusive::into_inner);
    let left = if length == 0 { 0 } else { last.saturating_sub(first).saturating_add(1) };
    let mut response = if left == 0 || request.method == Method::HEAD {
        warp::reply::Response::default()
    } else {
        match app.packages.body(&package, part, first..last.saturating_add(1)).await? {
            Body::File(file) => {
                let mut file = tokio::fs::File::from_std(file);
                file.seek(std::io::SeekFrom::Start(first)).await?;
                warp::reply::stream(FileChunks { file, left }).into_response()
            }
            Body::Stream(stream) => {
                warp::reply::stream(StoreChunks(Mutex::new(stream))).into_response()
            }
        }
    };
    let headers = response.headers_mut();
    let media =
        if part == Part::Manifest { "application/json" } else { "application/octet-stream" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(left));
    // The bytes of a package never change.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {first}-{last}/{length}")) {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
    }
    Ok(response)
}

/// What a store sends. The lock is never waited for: it makes the stream one that threads may share.
struct StoreChunks(Mutex<BoxStream<'static, object_store::Result<Bytes>>>);

impl warp::Stream for StoreChunks {
    type Item = object_store::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}

struct FileChunks {
    file: tokio::fs::File,
    left: u64,
}

impl warp::Stream for FileChunks {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut bytes = vec![0; usize::try_from(self.left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES)];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = ready!(Pin::new(&mut self.file).poll_read(cx, &mut buffer));
        let count = buffer.filled().len();
        bytes.truncate(count);
        self.left = self.left.saturating_sub(count as u64);
        Poll::Ready(Some(match read {
            Err(error) => Err(error),
            Ok(()) if count == 0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(()) => Ok(bytes),
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offering {
    institution: AccountId,
    package: PackageId,
}

/// Keeps a licence's text, if the listing that is named offers under it.
async fn store_text(app: &Arc<App>, request: &mut Request, hash: Digest) -> Answer {
    let Offering { institution, package } = request.query()?;
    let id = ListingId { institution, package };
    let offered = blocking(app, move |_, state| {
        let listing = read::find_listing(state, &id)?;
        Ok(read::offer(state, &listing)?.terms.licence_text)
    })
    .await?;
    if offered != hash {
        let text = "the listing offers under another licence";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, codes::NOT_THE_PACKAGE, text)
            .remedy("send the text whose hash is in the listing's terms"));
    }
    let body = request.body(MAX_LICENCE_BYTES).await?;
    let bytes = body.len() as u64;
    blocking(app, move |app, _| app.texts.put(&hash, &body)).await?;
    Ok(reply::json(&StoredText { text: hash, bytes }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    institution: AccountId,
}

async fn store(app: &Arc<App>, request: &mut Request, package: PackageId, part: Part) -> Answer {
    let Owner { institution } = request.query()?;
    let id = ListingId { institution, package };
    let (listing, layout) = blocking(app, move |_, state| {
        let listing = read::find_listing(state, &id)?;
        if matches!(listing.standing, Standing::Refunded { .. }) {
            return Err(galen_market::error::TxError::PackageRefunded.into());
        }
        let layout = state_key::read(state, &state_key::listing_layout(&id))?;
        Ok((listing, layout.ok_or_else(|| ApiError::not_found("layout of this listing"))?))
    })
    .await?;
    let length = {
        let (listing, layout) = (listing.clone(), layout.clone());
        blocking(app, move |app, _| app.packages.bounds(part, &listing, &layout)).await?
    };
    let limit = match length {
        Length::UpTo(limit) => limit,
        Length::Exactly(exact) => {
            if request.length(exact)? < exact {
                let text = format!("the part has {exact} bytes, and fewer are sent");
                return Err(ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    codes::NOT_THE_PACKAGE,
                    text,
                ));
            }
            exact
        }
    };
    let bytes = if part == Part::Segments {
        store_segments(app, request, listing, layout).await?
    } else {
        let body = request.body(limit).await?;
        let bytes = blocking(app, move |app, _| {
            let checked = Checked::new(part, &listing, &layout, body)?;
            begin(app, &id, part)?.store(checked)
        })
        .await?;
        if part == Part::Manifest {
            app.finder.described(package);
        }
        bytes
    };
    Ok(reply::json(&Stored { package, part, bytes }))
}

/// Begins to store a part of which bytes were shown.
fn begin(app: &App, id: &ListingId, part: Part) -> Result<Upload, ApiError> {
    let upload = app.packages.begin(id.package, part)?;
    // What nobody lists any more is removed, and not while somebody stores: so look again.
    read::find_listing(&*app.node.snapshot(), id)?;
    Ok(upload)
}

/// Stores segments as they come. The part is held from the first whole segment on: who has one has the
/// package.
async fn store_segments(
    app: &Arc<App>,
    request: &mut Request,
    listing: Listing,
    layout: Layout,
) -> Result<u64, ApiError> {
    let id = listing.id;
    let mut segments =
        blocking(app, move |app, _| app.packages.segments(&listing, &layout)).await?;
    let total = segments.total();
    let begun = move |app: &App, _: &Snapshot| begin(app, &id, Part::Segments)?.segments(total);
    let mut storing = None;
    while let Some(chunk) = request.chunk().await? {
        let mut bytes = chunk.as_slice();
        while !bytes.is_empty() {
            let Some(segment) = segments.next(&mut bytes)? else { continue };
            let storing = match &mut storing {
                Some(storing) => storing,
                None => storing.insert(blocking(app, begun).await?),
            };
            storing.write(&segment).await?;
        }
    }
    segments.finish()?;
    if let Some(storing) = storing {
        storing.finish().await?;
    }
    Ok(total)
}
