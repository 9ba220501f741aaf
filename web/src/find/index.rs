//! The index itself: documents, the words that lead to them, and the values of their facets. Pure; no
//! question can make it fail, and what a question may cost is bounded.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Included, Unbounded};
use std::sync::{Arc, OnceLock};

use galen_api::ListingSummary;
use galen_market::id::AccountId;
use galen_market::layout::Layout;
use galen_market::listing::ListingId;

use super::card::{Card, Price, card, texts};
use super::query::{Bound, Facet, Query, Sort};
use super::text;

/// Datasets on a page.
pub(crate) const PAGE: usize = 20;
/// Values of a facet that are shown.
const MAX_SHOWN: usize = 12;
/// Most words of a question.
const MAX_QUERY_WORDS: usize = 12;
/// Most words that begin with a word of a question.
const MAX_PREFIXED: usize = 256;
/// Most entries of word lists that a question reads.
const MAX_READ: usize = 400_000;
/// Most words of one text of a document.
const MAX_WORDS: usize = 1_000;
/// Most documents; more are not found, and the log says so.
const MAX_DOCUMENTS: usize = 200_000;

struct Document {
    card: Arc<Card>,
    /// Numbers of the values of each facet.
    facets: [Vec<u32>; Facet::ALL.len()],
}

/// The values of a facet, numbered.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// A value of a facet and how many datasets have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Counted {
    pub value: String,
    pub count: usize,
}

/// All that answers a question, whichever page is looked at. It holds for the index that gave it and no
/// later one.
pub(crate) struct Answer {
    /// The documents that fit, in the order that is asked for.
    places: Vec<u32>,
    /// The most frequent values of each facet, the chosen ones first; and how many others there are.
    pub facets: [(Vec<Counted>, usize); Facet::ALL.len()],
    /// For each step of each bound, how many meet it.
    pub steps: [Vec<usize>; Bound::ALL.len()],
}

impl Answer {
    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.places.len()
    }
}

/// What there is in all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Totals {
    pub listed: u64,
    pub institutions: u64,
    /// Rows of tables with proofs.
    pub rows: u64,
}

/// Documents are never changed: a new one takes the place of an old one, which stays as a gap until
/// there are more gaps than documents.
#[derive(Default)]
pub(super) struct Index {
    documents: Vec<Option<Document>>,
    places: BTreeMap<ListingId, u32>,
    /// Documents with a word, and how much it matters in them.
    words: BTreeMap<String, Vec<(u32, u16)>>,
    names: [Names; Facet::ALL.len()],
    /// Counted when somebody asks.
    totals: OnceLock<Totals>,
    /// How often it was changed.
    changes: u64,
}

impl Index {
    /// A number that is another one after every change.
    pub fn version(&self) -> u64 {
        self.changes
    }

    /// Goes on counting versions after those of an index that this one replaces, which other answers had.
    pub fn succeed(&mut self, version: u64) {
        self.changes = version.wrapping_add(1);
    }

    pub fn ids(&self) -> impl Iterator<Item = &ListingId> {
        self.places.keys()
    }

    pub fn listed_by(&self, institution: &AccountId) -> usize {
        self.places.keys().filter(|id| id.institution == *institution).count()
    }

    pub fn totals(&self) -> Totals {
        *self.totals.get_or_init(|| self.count())
    }

    fn count(&self) -> Totals {
        let mut last = None;
        let mut totals = Totals::default();
        for document in self.places.values().filter_map(|at| self.document(*at)) {
            let institution = document.card.id.institution;
            totals.institutions += u64::from(last != Some(institution));
            last = Some(institution);
            totals.listed += 1;
            if document.card.k.is_some() {
                totals.rows = totals.rows.saturating_add(document.card.rows);
            }
        }
        totals
    }

    fn document(&self, at: u32) -> Option<&Document> {
        self.documents.get(at as usize)?.as_ref()
    }

    fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
        self.totals = OnceLock::new();
    }

    pub fn remove(&mut self, id: &ListingId) {
        self.changed();
        if let Some(at) = self.places.remove(id)
            && let Some(document) = self.documents.get_mut(at as usize)
        {
            *document = None;
        }
    }

    /// Takes a live listing in, in place of what was known of it.
    pub fn put(&mut self, summary: ListingSummary, layout: Option<&Layout>, price: Option<Price>) {
        self.remove(&summary.listing.id);
        if self.places.len() >= MAX_DOCUMENTS {
            tracing::warn!(listing = %summary.listing.id, "the index of datasets is full");
            return;
        }
        if self.documents.len() > 64 && self.documents.len() > 2 * (self.places.len() + 1) {
            self.close_gaps();
        }
        let texts = texts(&summary);
        self.add(card(&summary, layout, price), &texts);
    }

    fn add(&mut self, card: Card, texts: &[(u16, String)]) {
        self.changed();
        let at = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        let mut weights: HashMap<String, u16> = HashMap::new();
        for (weight, text) in texts {
            for word in text::words(text, MAX_WORDS) {
                let sum = weights.entry(word).or_default();
                *sum = sum.saturating_add(*weight).min(40);
            }
        }
        for (word, weight) in weights {
            self.words.entry(word).or_default().push((at, weight));
        }
        let facets = std::array::from_fn(|facet| {
            let names = &mut self.names[facet];
            card.facets[facet].iter().map(|value| names.number(value)).collect()
        });
        self.places.insert(card.id, at);
        self.documents.push(Some(Document { card: Arc::new(card), facets }));
    }

    fn close_gaps(&mut self) {
        self.changed();
        let mut moved = HashMap::new();
        let mut kept = Vec::with_capacity(self.places.len());
        for (at, document) in (0u32..).zip(std::mem::take(&mut self.documents)) {
            if let Some(document) = document {
                let to = u32::try_from(kept.len()).unwrap_or(u32::MAX);
                moved.insert(at, to);
                self.places.insert(document.card.id, to);
                kept.push(Some(document));
            }
        }
        self.documents = kept;
        self.words.retain(|_, list| {
            list.retain_mut(|(at, _)| match moved.get(at) {
                Some(to) => {
                    *at = *to;
                    true
                }
                None => false,
            });
            !list.is_empty()
        });
    }

    /// How well each document fits the text; nothing where it does not. None if no text is looked for.
    fn scores(&self, query: &str) -> Option<Vec<f32>> {
        let words = text::words(query, MAX_QUERY_WORDS);
        if words.is_empty() {
            // A text of signs alone fits nothing.
            return (!query.trim().is_empty()).then(|| vec![0.0; self.documents.len()]);
        }
        let mut left = MAX_READ;
        let mut scores: Vec<f32> = vec![1.0; self.documents.len()];
        for word in &words {
            let mut of_word = vec![0.0f32; self.documents.len()];
            let from_here = self.words.range::<str, _>((Included(word.as_str()), Unbounded));
            for (known, list) in from_here
                .take(MAX_PREFIXED)
                .take_while(|(known, _)| known.starts_with(word.as_str()))
            {
                // One letter is no beginning of a word, and a whole word counts more than its beginning.
                let whole = known == word;
                if !whole && word.len() < 2 {
                    break;
                }
                let rare = (1.0 + self.places.len() as f32 / list.len() as f32).ln();
                let factor = if whole { 1.0 } else { 0.5 } * rare;
                let read = list.len().min(left);
                left -= read;
                for (at, weight) in &list[..read] {
                    if let Some(score) = of_word.get_mut(*at as usize) {
                        *score += f32::from(*weight) * factor;
                    }
                }
            }
            for (score, of_word) in scores.iter_mut().zip(of_word) {
                *score = if of_word > 0.0 && *score > 0.0 { *score + of_word } else { 0.0 };
            }
        }
        Some(scores)
    }

    /// The cards of a page of an answer.
    pub fn page(&self, answer: &Answer, page: usize) -> Vec<Arc<Card>> {
        let shown = answer.places.iter().skip(page.saturating_mul(PAGE)).take(PAGE);
        shown.filter_map(|at| Some(self.document(*at)?.card.clone())).collect()
    }

    /// Answers a question. A facet's counts are of what would be found if the value were chosen too:
    /// for a facet of which one value suffices, as if none of it were chosen yet.
    pub fn answer(&self, query: &Query, now_ms: u64) -> Answer {
        let scores = self.scores(&query.text);
        let picked: [Vec<Option<u32>>; Facet::ALL.len()] = std::array::from_fn(|facet| {
            let known = &self.names[facet].numbers;
            query.picked[facet].iter().map(|value| known.get(value).copied()).collect()
        });
        let mut counts: [Vec<u32>; Facet::ALL.len()] =
            std::array::from_fn(|facet| vec![0; self.names[facet].names.len()]);
        let mut steps: [Vec<usize>; Bound::ALL.len()] =
            Bound::ALL.map(|bound| vec![0; bound.steps().len()]);
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for (at, document) in (0u32..).zip(&self.documents) {
            let Some(document) = document else { continue };
            let score = scores
                .as_ref()
                .map_or(1.0, |scores| scores.get(at as usize).copied().unwrap_or(0.0));
            if score <= 0.0 {
                continue;
            }
            // Which conditions fail: none, one alone, or several.
            let mut failed = 0u32;
            for facet in Facet::ALL {
                let (has, picked) = (&document.facets[facet.at()], &picked[facet.at()]);
                let has = |value: &Option<u32>| value.is_some_and(|value| has.contains(&value));
                let fits = picked.is_empty()
                    || if facet.all() { picked.iter().all(has) } else { picked.iter().any(has) };
                failed |= u32::from(!fits) << facet.at();
            }
            for bound in Bound::ALL {
                let value = query.bounds[bound.at()];
                let fits = value.is_none_or(|value| document.card.meets(bound, value, now_ms));
                failed |= u32::from(!fits) << (Facet::ALL.len() + bound.at());
            }
            if failed == 0 {
                hits.push(Hit { at, score, card: &document.card });
            }
            if failed.count_ones() > 1 {
                continue;
            }
            for facet in Facet::ALL {
                let own = failed == 1 << facet.at() && !facet.all();
                if failed == 0 || own {
                    for value in &document.facets[facet.at()] {
                        if let Some(count) = counts[facet.at()].get_mut(*value as usize) {
                            *count += 1;
                        }
                    }
                }
            }
            for bound in Bound::ALL {
                if failed == 0 || failed == 1 << (Facet::ALL.len() + bound.at()) {
                    for (count, step) in steps[bound.at()].iter_mut().zip(bound.steps()) {
                        *count += usize::from(document.card.meets(bound, *step, now_ms));
                    }
                }
            }
        }
        order(&mut hits, query.sort);
        let facets = std::array::from_fn(|facet| {
            shown(&self.names[facet].names, &counts[facet], &query.picked[facet])
        });
        Answer { places: hits.into_iter().map(|hit| hit.at).collect(), facets, steps }
    }
}

/// A document that fits.
struct Hit<'a> {
    at: u32,
    score: f32,
    card: &'a Card,
}

/// Puts what was found into the order that is asked for; the newest first among equals.
fn order(hits: &mut [Hit<'_>], sort: Sort) {
    use std::cmp::Reverse;
    let newest = |card: &Card| (Reverse(card.since_ms), card.id);
    let price = |card: &Card| card.price.as_ref().map_or(u64::MAX, Price::whole);
    hits.sort_unstable_by(|one, other| {
        let (a, b) = (one.card, other.card);
        let first = match sort {
            Sort::Relevance => other.score.total_cmp(&one.score),
            Sort::Newest => std::cmp::Ordering::Equal,
            Sort::Price => price(a).cmp(&price(b)),
            Sort::Rows => b.rows.cmp(&a.rows),
            Sort::K => b.k.cmp(&a.k),
        };
        first.then_with(|| newest(a).cmp(&newest(b)))
    });
}

fn shown(names: &[String], counts: &[u32], picked: &[String]) -> (Vec<Counted>, usize) {
    let mut all: Vec<Counted> = picked
        .iter()
        .map(|value| {
            let at = names.iter().position(|name| name == value);
            let count = at.and_then(|at| counts.get(at)).copied().unwrap_or(0);
            Counted { value: value.clone(), count: count as usize }
        })
        .collect();
    let mut others: Vec<(&String, u32)> = names
        .iter()
        .zip(counts.iter().copied())
        .filter(|(name, count)| *count > 0 && !picked.contains(name))
        .collect();
    let most = MAX_SHOWN.saturating_sub(all.len());
    let order = |one: &(&String, u32), other: &(&String, u32)| {
        other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0))
    };
    let more = others.len().saturating_sub(most);
    if more > 0 {
        others.select_nth_unstable_by(most, order);
        others.truncate(most);
    }
    others.sort_unstable_by(order);
    all.extend(
        others
            .into_iter()
            .map(|(name, count)| Counted { value: name.clone(), count: count as usize }),
    );
    (all, more)
}

#[cfg(test)]
mod tests;
