//! Fetching a package from the places that serve it, several at a time.
//!
//! A mirror is trusted with nothing: every segment is compared with its leaf before it is kept, and
//! one that lies, stalls, dies or speaks otherwise than HTTP ranges is left for another, by name.
//! Its address may come from a listing by a stranger, so [`address`] says where a request may go.
//! Memory is one segment a connection. Depends on `galen_dataset`'s partial folder, on reqwest and
//! tokio; prints nothing.

pub mod address;
mod plan;
mod request;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use galen_api::Part;
use galen_dataset::package::PackageError;
use galen_dataset::partial::Partial;
use galen_market::id::PackageId;
use rand::Rng;
use tokio::sync::watch;

use address::Mirror;
use plan::{Hold, Plan};
use request::{Clients, Fault, Ranged};

use crate::error::{Exit, Failure};

/// Connections to one mirror.
const CONNECTIONS: usize = 4;
/// Bytes asked for by one request, about.
const REQUEST_BYTES: u64 = 8 << 20;

/// How long a mirror is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// To connect.
    pub connect: Duration,
    /// Without a byte, before the request is given up.
    pub stall: Duration,
    /// In which at least [`Patience::least`] bytes must come while another mirror is left.
    pub window: Duration,
    /// Bytes a window.
    pub least: u64,
    /// Failures in a row before the mirror is left.
    pub tries: u32,
    /// After the first failure; it doubles with each.
    pub back_off: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(20),
            window: Duration::from_secs(15),
            least: 64 << 10,
            tries: 5,
            back_off: Duration::from_millis(500),
        }
    }
}

impl Patience {
    /// Gives a silent mirror so long, and asks of a slow one that it sends 4 KiB in each second.
    #[must_use]
    pub fn of(stall: Duration) -> Self {
        let usual = Self::default();
        Self {
            connect: usual.connect.min(stall),
            stall,
            window: usual.window.min(stall),
            least: stall.min(usual.window).as_secs().max(1).saturating_mul(4 << 10),
            ..usual
        }
    }
}

/// What a fetch came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Fetched {
    /// Segments that an earlier fetch had left.
    pub kept: u64,
    /// Segments that were fetched.
    pub fetched: u64,
    /// Bytes of segments that were received, those that were thrown away included.
    pub received: u64,
    /// What each mirror gave.
    pub mirrors: Vec<Given>,
}

/// What a mirror gave.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Given {
    /// Its address.
    pub mirror: String,
    /// Segments kept.
    pub segments: u64,
    /// Why it was left, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

/// Hears what goes on.
pub trait Watch: Sync {
    /// So many segments of so many are there.
    fn progress(&self, done: u64, total: u64);
    /// A mirror was left, and why.
    fn left(&self, mirror: &str, why: &str);
}

/// Hears nothing.
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _: u64, _: u64) {}
    fn left(&self, _: &str, _: &str) {}
}

/// A mirror in a fetch.
struct Source {
    mirror: Mirror,
    state: Mutex<State>,
    gone: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    segments: u64,
    failures: u32,
    /// Connections that fail before this moment failed together.
    rests_until: Option<Instant>,
    left: Option<String>,
}

impl Source {
    fn new(mirror: Mirror) -> Self {
        Self { mirror, state: Mutex::default(), gone: watch::Sender::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves it; true if it had not been.
    fn leave(&self, why: String) -> bool {
        let mut state = self.state();
        let first = state.left.is_none();
        state.left.get_or_insert(why);
        drop(state);
        self.gone.send_replace(true);
        first
    }
}

/// Fetches what is asked of mirrors.
pub struct Mirrors {
    sources: Vec<Source>,
    package: PackageId,
    clients: Clients,
    patience: Patience,
}

impl Mirrors {
    /// The mirrors of a package, in the order in which they are asked for its small parts.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        package: PackageId,
        mirrors: Vec<Mirror>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let clients = Clients::new(&patience)
            .map_err(|error| Failure::new(Exit::Failure, "mirror.tls", error))?;
        let sources = mirrors.into_iter().map(Source::new).collect();
        Ok(Self { sources, package, clients, patience })
    }

    /// A whole small part that passes `check`, from the first mirror that has it. A mirror with
    /// another one is left.
    ///
    /// # Errors
    /// When none has it.
    pub async fn part<T>(
        &self,
        part: Part,
        limit: u64,
        watch: &dyn Watch,
        check: impl Fn(Vec<u8>) -> Result<T, String>,
    ) -> Result<T, Failure> {
        for source in &self.sources {
            while source.state().left.is_none() {
                let url = source.mirror.part(&self.package, part);
                let client = self.clients.of(&source.mirror);
                let fault = match request::whole(client, url, limit, &self.patience).await {
                    Ok(bytes) => match check(bytes) {
                        Ok(value) => return Ok(value),
                        Err(what) => Fault::Leave(what),
                    },
                    Err(fault) => fault,
                };
                self.after(source, fault, watch).await;
            }
        }
        Err(self.none_left(part))
    }

    /// Counts a failure: the mirror is left, or waited for.
    async fn after(&self, source: &Source, fault: Fault, watch: &dyn Watch) {
        let (why, wait) = match fault {
            Fault::Leave(why) => (why, None),
            Fault::Again(why, asked) => {
                let mut state = source.state();
                let now = Instant::now();
                match state.rests_until.filter(|until| now < *until) {
                    Some(until) => (why, Some(until.saturating_duration_since(now))),
                    None => {
                        let doubled =
                            self.patience.back_off.saturating_mul(1 << state.failures.min(6));
                        state.failures = state.failures.saturating_add(1);
                        // Clients that failed together must not come back together.
                        let jitter = rand::thread_rng().gen_range(0.5..1.0);
                        let wait = asked.unwrap_or_else(|| doubled.mul_f64(jitter));
                        state.rests_until = now.checked_add(wait);
                        (why, (state.failures < self.patience.tries).then_some(wait))
                    }
                }
            }
        };
        match wait {
            Some(wait) => tokio::time::sleep(wait).await,
            None => {
                if source.leave(why.clone()) {
                    watch.left(source.mirror.name(), &why);
                }
            }
        }
    }

    fn none_left(&self, part: Part) -> Failure {
        let why: Vec<String> = self
            .sources
            .iter()
            .map(|source| {
                let left = source.state().left.clone();
                format!("{}: {}", source.mirror.name(), left.unwrap_or_default())
            })
            .collect();
        let text = match why.is_empty() {
            true => format!("nobody is known who serves the {} of the package", part.name()),
            false => format!("no mirror is left for the {}: {}", part.name(), why.join("; ")),
        };
        Failure::new(Exit::Unreachable, "mirror.none", text).remedy(
            "name another mirror with --mirror, or run the same command again later: what was fetched is kept",
        )
    }

    /// Fetches every segment that is not kept yet. What is there stays there, however it ends.
    ///
    /// # Errors
    /// When no mirror is left, or the folder cannot be written.
    pub async fn segments(
        &self,
        partial: &Partial,
        kept: Vec<bool>,
        watch: &dyn Watch,
    ) -> Result<Fetched, Failure> {
        let total = kept.len() as u64;
        let plan = Plan::new(&kept);
        let before = total.saturating_sub(plan.missing());
        watch.progress(before, total);
        let received = AtomicU64::new(0);
        let run = Run { mirrors: self, partial, plan: &plan, watch, total, received: &received };
        run.all().await?;
        if plan.missing() > 0 {
            return Err(self.none_left(Part::Segments));
        }
        let mirrors = self.sources.iter().map(|source| {
            let state = source.state();
            let mirror = source.mirror.name().to_owned();
            Given { mirror, segments: state.segments, left: state.left.clone() }
        });
        Ok(Fetched {
            kept: before,
            fetched: total.saturating_sub(before),
            received: received.into_inner(),
            mirrors: mirrors.collect(),
        })
    }
}

/// One fetch of segments.
struct Run<'a> {
    mirrors: &'a Mirrors,
    partial: &'a Partial,
    plan: &'a Plan,
    watch: &'a dyn Watch,
    total: u64,
    received: &'a AtomicU64,
}

/// Why a connection stops.
enum Stop {
    Mirror(Fault),
    Here(Failure),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Mirror(fault)
    }
}

impl Run<'_> {
    /// Keeps all connections busy until nothing is missing or no mirror is left.
    async fn all(&self) -> Result<(), Failure> {
        let sources = self.mirrors.sources.iter().filter(|source| source.state().left.is_none());
        let connections =
            sources.flat_map(|source| (0..CONNECTIONS).map(move |_| self.connection(source)));
        let mut numbered: FuturesUnordered<_> = connections.collect();
        while let Some(ended) = numbered.next().await {
            ended?;
        }
        Ok(())
    }

    async fn connection(&self, source: &Source) -> Result<(), Failure> {
        let hold = self.plan.hold();
        let mut gone = source.gone.subscribe();
        loop {
            let ended = tokio::select! {
                _ = gone.wait_for(|gone| *gone) => return Ok(()),
                () = self.plan.finished() => return Ok(()),
                ended = self.request(source, &hold) => ended,
            };
            // What was not received is for others, at once.
            hold.release();
            match ended {
                Ok(()) => {}
                Err(Stop::Here(failure)) => return Err(failure),
                Err(Stop::Mirror(fault)) => {
                    tokio::select! {
                        () = self.plan.finished() => return Ok(()),
                        () = self.mirrors.after(source, fault, self.watch) => {}
                    }
                }
            }
        }
    }

    /// One request: takes some missing segments, fetches, checks and keeps them.
    async fn request(&self, source: &Source, hold: &Hold<'_>) -> Result<(), Stop> {
        let offsets = self.partial.offsets();
        let segments = hold.take(|range| offsets.within(range, REQUEST_BYTES)).await;
        let missing = || {
            Stop::Here(Failure::from(PackageError::NoSegment {
                segment: segments.start,
                total: self.total,
            }))
        };
        let first = offsets.range(segments.start).ok_or_else(missing)?;
        let last = offsets.range(segments.end.saturating_sub(1)).ok_or_else(missing)?;
        let url = source.mirror.part(&self.mirrors.package, Part::Segments);
        let client = self.mirrors.clients.of(&source.mirror);
        let patience = &self.mirrors.patience;
        let range = first.start..last.end;
        let mut body = Ranged::ask(client, url, range, offsets.total(), patience).await?;
        let mut bytes = Vec::new();
        let mut pace = Pace { begun: Instant::now(), bytes: 0 };
        for segment in segments {
            let place = offsets.range(segment).ok_or_else(missing)?;
            let length = usize::try_from(place.end - place.start).map_err(|_| missing())?;
            bytes.clear();
            while bytes.len() < length {
                let came = body.read(&mut bytes, length).await?;
                self.received.fetch_add(came as u64, Ordering::Relaxed);
                self.pace(&mut pace, came as u64, source)?;
            }
            match self.partial.put(segment, &bytes) {
                Ok(()) => {}
                Err(PackageError::Ciphertext { segment }) => {
                    let what = format!("segment {segment} is not the one that was listed");
                    return Err(Fault::Leave(what).into());
                }
                Err(error) => return Err(Stop::Here(error.into())),
            }
            {
                let mut state = source.state();
                state.segments = state.segments.saturating_add(1);
                state.failures = 0;
            }
            let go_on = hold.advance();
            self.watch.progress(self.total.saturating_sub(self.plan.missing()), self.total);
            if !go_on {
                // The rest was taken over by a faster connection.
                return Ok(());
            }
        }
        Ok(body.end().await?)
    }

    /// Whether a mirror is fast enough to be kept while there is another.
    fn pace(&self, pace: &mut Pace, came: u64, source: &Source) -> Result<(), Fault> {
        let patience = &self.mirrors.patience;
        pace.bytes = pace.bytes.saturating_add(came);
        let elapsed = pace.begun.elapsed();
        if elapsed < patience.window {
            return Ok(());
        }
        let others = self
            .mirrors
            .sources
            .iter()
            .any(|other| !std::ptr::eq(other, source) && other.state().left.is_none());
        if pace.bytes < patience.least && others {
            let what = format!("sends {} bytes in {} s", pace.bytes, elapsed.as_secs());
            return Err(Fault::Leave(what));
        }
        *pace = Pace { begun: Instant::now(), bytes: 0 };
        Ok(())
    }
}

/// What came since when.
struct Pace {
    begun: Instant,
    bytes: u64,
}
