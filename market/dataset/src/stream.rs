//! Work on the many segments of a file, on all cores: each takes the next segment, reads it, works
//! on it in a buffer of its own and writes it to its place, so that memory is bounded by the number
//! of cores and no byte waits for another. Depends on the standard library and rayon.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Does some work for every number below `count`, on all cores, each with a buffer that it keeps.
/// Numbers are taken in ascending order.
///
/// # Errors
/// The one of the least number that failed: every number below it was worked on.
pub(crate) fn each<E: Send>(
    count: u64,
    work: impl Fn(u64, &mut Vec<u8>) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let first: Mutex<Option<(u64, E)>> = Mutex::new(None);
    rayon::broadcast(|_| {
        let mut buffer = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            if let Err(error) = work(number, &mut buffer) {
                stop.store(true, Ordering::Relaxed);
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    *first = Some((number, error));
                }
            }
        }
    });
    let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
    first.map_or(Ok(()), |(_, error)| Err(error))
}

/// As [`each`], where `order` takes every number that does not fail: nobody waits for one that does.
///
/// # Errors
/// As [`each`].
pub(crate) fn each_in_order<T: Send, E: Send>(
    count: u64,
    order: Option<&InOrder<T>>,
    work: impl Fn(u64, &mut Vec<u8>) -> Result<(), E> + Sync,
) -> Result<(), E> {
    each(count, |number, buffer| {
        work(number, buffer).inspect_err(|_| order.into_iter().for_each(InOrder::give_up))
    })
}

/// Something that takes the segments in order, such as a hash of the whole file, while [`each`]
/// works on them out of order.
pub(crate) struct InOrder<T> {
    turn: Mutex<Turn<T>>,
    passed: Condvar,
}

struct Turn<T> {
    next: u64,
    over: bool,
    value: T,
}

impl<T> InOrder<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { turn: Mutex::new(Turn { next: 0, over: false, value }), passed: Condvar::new() }
    }

    /// Waits until all numbers below this one had their turn; once one has failed, neither waits nor
    /// does anything.
    pub(crate) fn take(&self, number: u64, turn: impl FnOnce(&mut T)) {
        let guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |turn: &mut Turn<T>| turn.next != number && !turn.over;
        let mut guard =
            self.passed.wait_while(guard, waiting).unwrap_or_else(PoisonError::into_inner);
        if !guard.over {
            turn(&mut guard.value);
            guard.next = guard.next.saturating_add(1);
        }
        drop(guard);
        self.passed.notify_all();
    }

    /// Frees who waits for a number that failed.
    fn give_up(&self) {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.passed.notify_all();
    }

    /// The value after the last turn.
    pub(crate) fn finish(self) -> T {
        self.turn.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_number_is_worked_on_once_and_turns_are_in_order() {
        let order = InOrder::new(Vec::new());
        let sum = AtomicU64::new(0);
        each(1_000, |number, _| {
            order.take(number, |seen| seen.push(number));
            sum.fetch_add(number, Ordering::Relaxed);
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(order.finish(), (0..1_000).collect::<Vec<_>>());
        assert_eq!(sum.into_inner(), 999 * 1_000 / 2);
    }

    #[test]
    fn the_least_failing_number_is_told_and_nobody_waits_for_it() {
        for _ in 0..50 {
            let order = InOrder::new(0u64);
            let failed = each_in_order(1_000, Some(&order), |number, _| {
                if number >= 37 && number % 2 == 1 {
                    return Err(number);
                }
                order.take(number, |count| *count += 1);
                Ok(())
            });
            assert_eq!(failed, Err(37));
        }
    }
}
