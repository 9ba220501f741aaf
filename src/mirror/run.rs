//! The connections of one fetch: each asks its mirror for some missing segments, checks and keeps each
//! as it comes, and asks again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use galen_api::Part;
use galen_dataset::package::PackageError;
use galen_dataset::partial::Partial;

use super::plan::{Hold, Plan};
use super::request::{Fault, Ranged};
use super::{Mirrors, Source, Watch};
use crate::error::Failure;

/// Connections to one mirror.
const CONNECTIONS: usize = 4;
/// Bytes asked for by one request, about.
const REQUEST_BYTES: u64 = 8 << 20;

/// One fetch of segments.
pub(super) struct Run<'a> {
    pub mirrors: &'a Mirrors,
    pub partial: &'a Partial,
    pub plan: &'a Plan,
    pub watch: &'a dyn Watch,
    /// Segments of the package.
    pub total: u64,
    /// Bytes of segments that came.
    pub received: &'a AtomicU64,
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
    pub async fn all(&self) -> Result<(), Failure> {
        let sources =
            self.mirrors.sources.iter().filter(|source| {
                source.mirror.may_have_segments() && source.state().left.is_none()
            });
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
        for segment in segments.clone() {
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
            if !go_on && segment.saturating_add(1) < segments.end {
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
        let others = self.mirrors.sources.iter().any(|other| {
            !std::ptr::eq(other, source)
                && other.mirror.may_have_segments()
                && other.state().left.is_none()
        });
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
