//! Answers that were given lately: most readers ask what others just asked, or for the next page of it.
//! An answer is used again as long as the index did not change, and no longer than a minute, because how
//! fresh a dataset is depends on when it is asked. Depends on the index alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::index::{Answer, Index};
use super::query::Query;

/// Most documents of all answers together, and most answers: about 20 MB.
const MAX_PLACES: usize = 2_000_000;
const MAX_ANSWERS: usize = 2_000;
/// How long an answer is good, in milliseconds.
const GOOD_MS: u64 = 60_000;

#[derive(Default)]
struct Kept {
    version: u64,
    since_ms: u64,
    places: usize,
    answers: HashMap<Query, Arc<Answer>>,
}

/// The answers of an index.
#[derive(Default)]
pub(super) struct Answers(Mutex<Kept>);

impl Answers {
    /// How many there are.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answers.len()
    }

    /// The answer of an index to a question, whichever page it asks for.
    pub fn of(&self, index: &Index, query: &Query, now_ms: u64) -> Arc<Answer> {
        let asked = Query { page: 0, ..query.clone() };
        let good = |kept: &Kept| {
            kept.version == index.version() && now_ms.saturating_sub(kept.since_ms) < GOOD_MS
        };
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = kept.answers.get(&asked)
                && good(&kept)
            {
                return answer.clone();
            }
        }
        // Others are answered meanwhile.
        let answer = Arc::new(index.answer(&asked, now_ms));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = kept.answers.len() >= MAX_ANSWERS
            || kept.places.saturating_add(answer.total()) > MAX_PLACES;
        if full || !good(&kept) {
            *kept = Kept { version: index.version(), since_ms: now_ms, ..Kept::default() };
        }
        kept.places = kept.places.saturating_add(answer.total());
        kept.answers.insert(asked, answer.clone());
        answer
    }
}
