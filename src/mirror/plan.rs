//! Which segments are missing and which connection fetches which. A connection that has nothing left
//! to do takes over half of what the busiest one still has to fetch, so that a slow mirror does not
//! hold up the end. Depends on tokio's notifications only.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What is to be fetched.
pub(super) struct Plan {
    work: Mutex<Work>,
    changed: Notify,
}

struct Work {
    /// Runs of segments that nobody fetches.
    free: VecDeque<Range<u64>>,
    /// What each connection fetches: from the segment that it is receiving on.
    held: BTreeMap<u64, Range<u64>>,
    missing: u64,
    connections: u64,
}

impl Plan {
    /// Everything that is not kept.
    pub(super) fn new(kept: &[bool]) -> Self {
        let mut free: VecDeque<Range<u64>> = VecDeque::new();
        let mut missing = 0u64;
        for (segment, _) in (0u64..).zip(kept).filter(|(_, kept)| !**kept) {
            missing += 1;
            match free.back_mut() {
                Some(last) if last.end == segment => last.end = segment + 1,
                _ => free.push_back(segment..segment + 1),
            }
        }
        let work = Work { free, held: BTreeMap::new(), missing, connections: 0 };
        Self { work: Mutex::new(work), changed: Notify::new() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many segments are not there yet.
    pub(super) fn missing(&self) -> u64 {
        self.work().missing
    }

    /// Waits until nothing is missing.
    pub(super) async fn finished(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.missing() == 0 {
                return;
            }
            changed.await;
        }
    }

    /// The part of a new connection.
    pub(super) fn hold(&self) -> Hold<'_> {
        let mut work = self.work();
        work.connections += 1;
        Hold { plan: self, of: work.connections }
    }
}

/// What one connection fetches. Dropped, it leaves the rest to others.
pub(super) struct Hold<'a> {
    plan: &'a Plan,
    of: u64,
}

impl Hold<'_> {
    /// Takes the next segments: as many as `fits` says of a run, at least one. Waits while others
    /// fetch all that is missing.
    pub(super) async fn take(&self, fits: impl Fn(Range<u64>) -> u64) -> Range<u64> {
        loop {
            let changed = self.plan.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(taken) = self.try_take(&fits) {
                return taken;
            }
            changed.await;
        }
    }

    fn try_take(&self, fits: &impl Fn(Range<u64>) -> u64) -> Option<Range<u64>> {
        let mut work = self.plan.work();
        let taken = match work.free.pop_front() {
            Some(run) => {
                let end = fits(run.clone()).clamp(run.start.saturating_add(1), run.end);
                if end < run.end {
                    work.free.push_front(end..run.end);
                }
                run.start..end
            }
            None => {
                let busiest = work.held.values_mut().max_by_key(|held| held.end - held.start)?;
                // The segment that is being received stays.
                let rest = busiest.end.saturating_sub(busiest.start).saturating_sub(1);
                if rest == 0 {
                    return None;
                }
                let middle = busiest.end.saturating_sub(rest.div_ceil(2));
                let taken = middle..busiest.end;
                busiest.end = middle;
                taken
            }
        };
        work.held.insert(self.of, taken.clone());
        Some(taken)
    }

    /// The segment that was received is there. False if no other is to be received.
    pub(super) fn advance(&self) -> bool {
        let mut work = self.plan.work();
        work.missing = work.missing.saturating_sub(1);
        let more = match work.held.get_mut(&self.of) {
            Some(held) => {
                held.start = held.start.saturating_add(1);
                held.start < held.end
            }
            None => false,
        };
        if !more {
            work.held.remove(&self.of);
        }
        let finished = work.missing == 0;
        drop(work);
        if finished {
            self.plan.changed.notify_waiters();
        }
        more
    }

    /// Leaves what was not received to others.
    pub(super) fn release(&self) {
        let mut work = self.plan.work();
        let rest = work.held.remove(&self.of);
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            work.free.push_front(rest);
            drop(work);
            self.plan.changed.notify_waiters();
        }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn runs_are_cut_released_and_taken_over() {
        let kept: Vec<bool> = (0..20u64).map(|segment| (5..8).contains(&segment)).collect();
        let plan = Plan::new(&kept);
        assert_eq!(plan.missing(), 17);
        let four = |run: Range<u64>| run.start + 4;
        let (a, b, c) = (plan.hold(), plan.hold(), plan.hold());
        assert_eq!(a.take(four).await, 0..4);
        assert_eq!(b.take(four).await, 4..5);
        assert!(!b.advance());
        assert_eq!(b.take(|run| run.end).await, 8..20);
        assert!(a.advance());
        // Half of what the busiest has, but for the segment that it is receiving.
        assert_eq!(c.take(four).await, 14..20);
        drop(b);
        assert_eq!(plan.missing(), 15);
        let d = plan.hold();
        assert_eq!(d.take(four).await, 8..12);
        assert!(a.advance() && a.advance() && !a.advance());
        assert_eq!(a.take(|run| run.end).await, 12..14);
        assert!(a.advance() && !a.advance());
        for _ in 0..4 {
            d.advance();
        }
        // Taken over while it is received: the first connection stops before what was taken.
        assert_eq!(a.take(four).await, 17..20);
        for more in [true, true, false] {
            assert_eq!((c.advance(), a.advance()), (more, more));
        }
        assert_eq!(plan.missing(), 0);
        plan.finished().await;
    }
}
