//! Answers that were given lately: most readers ask what others just asked, or for the next page of it.
//! An answer is used again as long as the index did not change, and no longer than a minute, because how
//! fresh a dataset is depends on when it is asked. Depends on the index alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::index::{Answer, Index};
use super::query::Query;

/// Most documents of all answers together, and most answers: about 20 MB.
const MAX_PLACES: usize = 2_000_000;
const MAX_ANSWERS: usize = 2_000;
/// How long an answer is good, in milliseconds.
const GOOD_MS: u64 = 60_000;

/// The place of an answer, which the first who asks fills in while the others wait for it: a question
/// that many ask at once is counted through once.
struct Slot {
    made_ms: u64,
    answer: OnceLock<Arc<Answer>>,
}

#[derive(Default)]
struct Kept {
    version: u64,
    places: usize,
    slots: HashMap<Query, Arc<Slot>>,
}

impl Kept {
    /// The slot of a question that is good now, or a new one.
    fn slot(&mut self, version: u64, asked: Query, now_ms: u64) -> Arc<Slot> {
        let full = self.slots.len() >= MAX_ANSWERS || self.places > MAX_PLACES;
        if full || self.version != version {
            *self = Self { version, ..Self::default() };
        }
        if let Some(slot) = self.slots.get(&asked)
            && now_ms.saturating_sub(slot.made_ms) < GOOD_MS
        {
            return slot.clone();
        }
        let slot = Arc::new(Slot { made_ms: now_ms, answer: OnceLock::new() });
        if let Some(old) = self.slots.insert(asked, slot.clone()) {
            let places = old.answer.get().map_or(0, |answer| answer.total());
            self.places = self.places.saturating_sub(places);
        }
        slot
    }
}

/// The answers of an index.
#[derive(Default)]
pub(super) struct Answers(Mutex<Kept>);

impl Answers {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are, and of how many documents.
    #[cfg(test)]
    pub fn size(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.slots.len(), kept.places)
    }

    /// The answer of an index to a question, whichever page it asks for.
    pub fn of(&self, index: &Index, query: &Query, now_ms: u64) -> Arc<Answer> {
        let asked = Query { page: 0, ..query.clone() };
        let slot = self.kept().slot(index.version(), asked.clone(), now_ms);
        // Other questions are answered meanwhile.
        let fill = || {
            let answer = Arc::new(index.answer(&asked, now_ms));
            let mut kept = self.kept();
            if kept.slots.get(&asked).is_some_and(|now| Arc::ptr_eq(now, &slot)) {
                kept.places = kept.places.saturating_add(answer.total());
            }
            answer
        };
        slot.answer.get_or_init(fill).clone()
    }
}
