//! What happens on the ledger, told as server-sent events as blocks are decided: all of it, or what is
//! about an account, a deal or a listing. The name of an event is its place, so that who lost the
//! connection goes on after the last one heard. A client is told no faster than it reads, nothing is
//! kept for it, and there are only so many at a time.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::{BoxStream, unfold};
use galen_api::{Happened, codes};
use galen_market::codec::encode;
use galen_market::id::{AccountId, DealId};
use galen_market::subject::Subject;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};
use warp::sse::Event;

use crate::limits::Client;
use crate::reply::ApiError;
use crate::request::{Request, parsed};
use crate::routes::blocking;
use crate::{App, read};

/// Most clients at a time, and most of one address.
const MAX_STREAMS: usize = 512;
const MAX_PER_CLIENT: usize = 32;
/// Events that are read at a time.
const BATCH: usize = 100;
/// Silence after which a line is sent, so that a connection that is gone is noticed.
const SILENCE: Duration = Duration::from_secs(15);
/// After this long a client has to come again.
const LONGEST: Duration = Duration::from_secs(3600);

/// Who follows events now.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Mutex<BTreeMap<Client, usize>>>);

/// A place among those who follow.
struct Permit {
    streams: Streams,
    client: Client,
}

impl Streams {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn open(&self) -> usize {
        self.all().values().sum()
    }

    fn enter(&self, client: Client) -> Result<Permit, ApiError> {
        let mut all = self.all();
        let total: usize = all.values().sum();
        let own = all.get(&client).copied().unwrap_or_default();
        if total >= MAX_STREAMS || own >= MAX_PER_CLIENT {
            let text = format!(
                "{MAX_STREAMS} streams of events at a time, {MAX_PER_CLIENT} of one address"
            );
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                codes::TOO_MANY_STREAMS,
                text,
            )
            .remedy("close a stream, or ask for /api/v1/blocks by height"));
        }
        all.insert(client, own.saturating_add(1));
        Ok(Permit { streams: self.clone(), client })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut all = self.streams.all();
        match all.get(&self.client).copied().unwrap_or_default() {
            0 | 1 => all.remove(&self.client),
            more => all.insert(self.client, more.saturating_sub(1)),
        };
    }
}

/// Which events, and after which.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    account: Option<AccountId>,
    deal: Option<DealId>,
    /// `institution/package`.
    listing: Option<String>,
    after: Option<String>,
}

impl Asked {
    fn subject(&self) -> Result<Option<Subject>, ApiError> {
        let listing = match &self.listing {
            None => None,
            Some(text) => {
                let (institution, package) = text.split_once('/').ok_or_else(|| {
                    ApiError::bad("listing: institution and package, with / between")
                })?;
                Some(Subject::Listing(read::listing_id(institution, package)?))
            }
        };
        let given = [self.account.map(Subject::Account), self.deal.map(Subject::Deal), listing];
        let mut given = given.into_iter().flatten();
        let first = given.next();
        if given.next().is_some() {
            return Err(ApiError::bad("events are about one account, deal or listing"));
        }
        Ok(first)
    }
}

/// An event's place.
type Place = (u64, u32);

fn place(text: &str) -> Result<Place, ApiError> {
    // A height alone stands for everything in that block.
    let (height, index) = text.split_once('-').unwrap_or((text, "4294967295"));
    Ok((parsed(height, "after")?, parsed(index, "after")?))
}

struct Following {
    app: Arc<App>,
    subject: Option<Vec<u8>>,
    after: Place,
    waiting: VecDeque<Happened>,
    heights: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    until: Instant,
    _permit: Permit,
}

impl Following {
    /// The next thing to tell; nothing when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(happened) = self.waiting.pop_front() {
                let event = Event::default().event("event").id(happened.cursor());
                return Some(event.json_data(&happened).unwrap_or_else(|_| Event::default()));
            }
            let tip = *self.heights.borrow_and_update();
            if self.after.0 < tip || (self.after.0 == tip && self.after.1 < u32::MAX) {
                if let Err(error) = self.read(tip).await {
                    tracing::warn!(reason = error.message(), "a stream of events ends");
                    return None;
                }
                if !self.waiting.is_empty() || self.after.0 < tip {
                    continue;
                }
            }
            let silence = Instant::now().checked_add(SILENCE).unwrap_or(self.until);
            tokio::select! {
                changed = self.heights.changed() => changed.ok()?,
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep_until(silence) => return Some(Event::default().comment("")),
            }
        }
    }

    /// Reads what comes next, in blocks up to a height.
    async fn read(&mut self, tip: u64) -> Result<(), ApiError> {
        let (subject, after) = (self.subject.clone(), self.after);
        let (found, now) = blocking(&self.app, move |app, _| match subject {
            Some(subject) => {
                let found = app.node.events_about(&subject, Some(after), tip, BATCH)?;
                let more = found.len() == BATCH;
                let now = found.last().filter(|_| more).map_or((tip, u32::MAX), |last| last.0);
                Ok((crate::records::timed(app, found)?, now))
            }
            None => {
                let height = if after.1 == u32::MAX { after.0.saturating_add(1) } else { after.0 };
                let first = if height == after.0 { after.1.saturating_add(1) } else { 0 };
                let all = app.node.events(height)?.unwrap_or_default();
                let found = (0u32..).zip(all).filter(|(index, _)| *index >= first);
                let found = found.map(|(index, event)| ((height, index), event)).collect();
                Ok((crate::records::timed(app, found)?, (height, u32::MAX)))
            }
        })
        .await?;
        self.waiting = found.into();
        self.after = now;
        Ok(())
    }
}

/// What may be shared among threads though it is only ever polled by one.
struct Shared(Mutex<BoxStream<'static, Result<Event, std::convert::Infallible>>>);

impl Stream for Shared {
    type Item = Result<Event, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}

/// Follows events.
pub(crate) async fn follow(app: &Arc<App>, request: &mut Request) -> Result<Response, ApiError> {
    let asked: Asked = request.query()?;
    let subject = asked.subject()?.map(|subject| encode(&subject));
    let heights = app.node.subscribe();
    let tip = *heights.borrow();
    // A browser that comes again says where it was.
    let after = match request.header("last-event-id").or(asked.after.as_deref()) {
        Some(text) => place(text)?,
        None => (tip, u32::MAX),
    };
    if after.0 > tip.saturating_add(1) {
        return Err(ApiError::bad(format!("after: the last block so far is {tip}")));
    }
    let until = Instant::now().checked_add(LONGEST).ok_or_else(|| ApiError::bad("no time"))?;
    let following = Following {
        app: app.clone(),
        subject,
        after,
        waiting: VecDeque::new(),
        heights,
        stop: app.stop.clone(),
        until,
        _permit: app.streams.enter(request.client)?,
    };
    let events = unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    // The first line goes out at once, so that who listens knows that it does.
    let hello = Event::default().comment("events").retry(Duration::from_secs(3));
    let events = futures_util::StreamExt::chain(futures_util::stream::iter([Ok(hello)]), events);
    let mut response = warp::sse::reply(Shared(Mutex::new(Box::pin(events)))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers answers would keep events back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let streams = Streams::default();
        let client = |n: u32| {
            let address = std::net::IpAddr::from(n.to_be_bytes());
            Client::new(Some(std::net::SocketAddr::new(address, 1)), None, None)
        };
        let mut own: Vec<_> =
            (0..MAX_PER_CLIENT).map(|_| streams.enter(client(1)).unwrap()).collect();
        let refused = streams.enter(client(1)).err().unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        own.pop();
        own.push(streams.enter(client(1)).unwrap());
        let others: Vec<_> = (2..).map(client).take(MAX_STREAMS - own.len()).collect();
        let others: Vec<_> = others.into_iter().map(|one| streams.enter(one).unwrap()).collect();
        assert_eq!(streams.open(), MAX_STREAMS);
        assert!(streams.enter(client(0)).is_err());
        drop((own, others));
        assert_eq!(streams.open(), 0);
        assert!(streams.all().is_empty());
    }

    #[test]
    fn places_are_read() {
        assert_eq!(place("7-3").unwrap(), (7, 3));
        assert_eq!(place("7").unwrap(), (7, u32::MAX));
        for strange in ["", "-", "7-", "x", "18446744073709551616"] {
            assert!(place(strange).is_err(), "{strange}");
        }
    }
}
