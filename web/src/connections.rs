//! Connections, before anybody has asked for anything: how many there are at a time, how many of one
//! client, and how long one may take to say what it wants. Without bounds, some thousand connections
//! that say nothing use up the descriptors of the process, which the ledger needs too.
//!
//! Depends on hyper for HTTP/1; what is answered is the caller's. The wallet's page serves with it too.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
pub use hyper_util::service::TowerToHyperService as Answering;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use warp::reply::Response;

use crate::limits::Client;

/// Open files that are asked for: far more than are used, and no more than a table of them costs little.
const OPEN_FILES: u64 = 1 << 16;
/// How long to wait when the process may open no more files.
const BREATH: Duration = Duration::from_millis(250);

/// How many connections there may be, and how long one may say nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Connections in all.
    pub most: usize,
    /// Connections of one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub each: usize,
    /// Connections of one address of this machine, where a proxy may stand for many clients.
    pub local: usize,
    /// How long a client may take to send the head of a request, the first and each one after.
    pub head: Duration,
}

impl Default for Bounds {
    /// A browser keeps six connections. Clients of the interface look for a closed connection before
    /// they use it again, and give up their own after 15 s.
    fn default() -> Self {
        Self { most: 2048, each: 128, local: 1024, head: Duration::from_secs(20) }
    }
}

impl Bounds {
    /// The same, with half of the process's descriptors left for everything else.
    #[must_use]
    pub fn within(self, open_files: Option<u64>) -> Self {
        let half = open_files
            .map_or(usize::MAX, |files| usize::try_from(files / 2).unwrap_or(usize::MAX).max(1));
        Self { most: self.most.min(half), ..self }
    }

    /// The same, where every connection is a proxy's and none says whose it is.
    #[must_use]
    pub fn of_a_proxy(self) -> Self {
        Self { each: self.most, local: self.most, ..self }
    }
}

/// Raises how many files the process may open towards what it may ask for, as usual limits are those
/// of an age of small servers; and says how many it may open now, if there is a limit.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current?;
    let wanted = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if wanted <= now {
        return Some(now);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => Some(wanted),
        Err(error) => {
            tracing::warn!(%error, open_files = now, "the limit of open files stays");
            Some(now)
        }
    }
}

/// Who is connected.
#[derive(Default)]
struct Seats {
    all: usize,
    by: HashMap<Client, usize>,
}

/// One connection's place among them; free again when dropped.
struct Seat {
    seats: Arc<Mutex<Seats>>,
    client: Client,
}

fn lock(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    fn take(seats: &Arc<Mutex<Seats>>, peer: SocketAddr, bounds: &Bounds) -> Option<Self> {
        let client = Client::new(Some(peer), None, None);
        let most = if peer.ip().to_canonical().is_loopback() { bounds.local } else { bounds.each };
        let mut taken = lock(seats);
        let own = taken.by.get(&client).copied().unwrap_or(0);
        if taken.all >= bounds.most || own >= most {
            return None;
        }
        taken.all += 1;
        taken.by.insert(client, own + 1);
        drop(taken);
        Some(Self { seats: seats.clone(), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats);
        taken.all = taken.all.saturating_sub(1);
        match taken.by.get(&self.client).copied() {
            Some(own) if own > 1 => {
                taken.by.insert(self.client, own - 1);
            }
            _ => {
                taken.by.remove(&self.client);
            }
        }
    }
}

/// Answers the connections of a listener until told to stop; then lets requests under way finish.
pub async fn serve<A, S>(
    listener: TcpListener,
    bounds: Bounds,
    answering: A,
    stop: impl Future<Output = ()>,
) where
    A: Fn(SocketAddr) -> S,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head);
    let seats = Arc::new(Mutex::new(Seats::default()));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Who has too many is told so by the end of the connection: an answer would cost what is saved.
        let Some(seat) = Seat::take(&seats, peer, &bounds) else {
            tracing::debug!(%peer, "too many connections");
            continue;
        };
        let connection = http.serve_connection(TokioIo::new(stream), answering(peer));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _seat = seat;
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_seats_and_no_more() {
        let seats = Arc::new(Mutex::new(Seats::default()));
        let bounds = Bounds { most: 5, each: 2, local: 3, ..Bounds::default() };
        let take =
            |text: &str| Seat::take(&seats, SocketAddr::new(text.parse().unwrap(), 1), &bounds);
        let first = take("192.0.2.1").unwrap();
        let _second = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        // A network is one client; an address of this machine has more.
        let _network = take("2001:db8::1").unwrap();
        let _same = take("2001:db8::2").unwrap();
        assert!(take("2001:db8::3").is_none());
        let local = take("127.0.0.1").unwrap();
        assert!(take("127.0.0.1").is_none(), "there are five in all");
        drop((first, local));
        let _again = take("192.0.2.1").unwrap();
        let _local = take("127.0.0.1").unwrap();
        let taken = lock(&seats);
        assert_eq!((taken.all, taken.by.len()), (5, 3));
        drop(taken);
    }

    #[test]
    fn half_of_the_descriptors_are_left() {
        let bounds = Bounds::default();
        assert_eq!(bounds.within(Some(1024)).most, 512);
        assert_eq!(bounds.within(Some(1 << 20)), bounds);
        assert_eq!(bounds.within(None), bounds);
        assert_eq!(bounds.of_a_proxy().each, bounds.most);
        let now = raise_open_files();
        assert_eq!(raise_open_files(), now);
        assert_eq!(getrlimit(Resource::Nofile).current, now);
    }
}
