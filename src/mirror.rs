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
mod run;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use galen_api::Part;
use galen_dataset::partial::Partial;
use galen_market::id::PackageId;
use rand::Rng;
use tokio::sync::watch;

use address::Mirror;
use plan::Plan;
use request::{Clients, Fault};
use run::Run;

use crate::error::{Exit, Failure};

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
        let mut absent = Vec::new();
        for source in &self.sources {
            while source.state().left.is_none() {
                let url = source.mirror.part(&self.package, part);
                let client = self.clients.of(&source.mirror);
                let fault = match request::whole(client, url, limit, &self.patience).await {
                    Ok(bytes) => match check(bytes) {
                        Ok(value) => return Ok(value),
                        Err(what) => Fault::Leave(what),
                    },
                    Err(Fault::Absent(why)) => {
                        // It may have the others: a mirror of segments need not have anything else.
                        absent.push(format!("{}: {why}", source.mirror.name()));
                        break;
                    }
                    Err(fault) => fault,
                };
                self.after(source, fault, watch).await;
            }
        }
        Err(self.none_left(part, absent))
    }

    /// Counts a failure: the mirror is left, or waited for.
    async fn after(&self, source: &Source, fault: Fault, watch: &dyn Watch) {
        let (why, wait) = match fault {
            Fault::Leave(why) | Fault::Absent(why) => (why, None),
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

    fn none_left(&self, part: Part, mut why: Vec<String>) -> Failure {
        why.extend(self.sources.iter().filter_map(|source| {
            let left = source.state().left.clone()?;
            Some(format!("{}: {left}", source.mirror.name()))
        }));
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
            return Err(self.none_left(Part::Segments, Vec::new()));
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
