//! What happened, one entry an event, and an index of what events are about. Neither ever changes.

use super::database::{Batch, Order};
use super::{EVENTS, HEADERS, SUBJECTS, Store, StoreError};
use crate::execute::StoredEvent;
use std::ops::Bound;

/// Bytes of a place: height and index, big-endian.
const PLACE_BYTES: usize = 12;

/// Where an event stands: height of its block, and its place in it.
pub type Place = (u64, u32);

fn place_key((height, index): Place) -> [u8; PLACE_BYTES] {
    let mut key = [0; PLACE_BYTES];
    key[..8].copy_from_slice(&height.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

fn place_of(key: &[u8]) -> Option<Place> {
    let (height, index) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*height), u32::from_be_bytes(index.try_into().ok()?)))
}

pub(super) fn write(batch: &mut Batch, height: u64, events: &[StoredEvent]) {
    for (index, event) in (0u32..).zip(events) {
        batch.put(EVENTS, place_key((height, index)), event.bytes.as_slice());
    }
    for (index, event) in (0u32..).zip(events) {
        for subject in &event.subjects {
            batch.put(SUBJECTS, [&subject[..], &place_key((height, index))[..]].concat(), []);
        }
    }
}

impl Store {
    /// What happened in a block, each event encoded; none if there is no such block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events(&self, height: u64) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let (view, key) = (self.database.view()?, height.to_be_bytes());
        if !view.contains(HEADERS, &key)? {
            return Ok(None);
        }
        let events = view.prefixed(EVENTS, &key, Bound::Unbounded, Order::Ascending)?;
        events.map(|entry| Ok(entry?.1)).collect::<Result<_, _>>().map(Some)
    }

    /// One event, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn event(&self, place: Place) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.view()?.get(EVENTS, &place_key(place))
    }

    /// Up to `limit` events about a subject, in order, after a place and in blocks up to a height.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events_about(
        &self,
        subject: &[u8],
        after: Option<Place>,
        until: u64,
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        let start = [subject, &after.map_or([0; PLACE_BYTES], place_key)[..]].concat();
        let mut events = Vec::new();
        for place in self.places(subject, &start, Order::Ascending)? {
            let place = place?;
            if events.len() == limit || place.0 > until {
                break;
            }
            if after != Some(place) {
                events.push((place, self.told(place)?));
            }
        }
        Ok(events)
    }

    /// The last `limit` events about a subject, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn latest_about(
        &self,
        subject: &[u8],
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        let start = [subject, &[u8::MAX; PLACE_BYTES][..]].concat();
        let places = self.places(subject, &start, Order::Descending)?;
        places
            .take(limit)
            .map(|place| {
                let place = place?;
                Ok((place, self.told(place)?))
            })
            .collect()
    }

    fn told(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Corrupt(format!("event {place:?} is missing"));
        self.event(place)?.ok_or_else(missing)
    }

    /// Places of events about a subject, from a key of the index on.
    fn places(
        &self,
        subject: &[u8],
        start: &[u8],
        order: Order,
    ) -> Result<impl Iterator<Item = Result<Place, StoreError>>, StoreError> {
        let entries =
            self.database.view()?.prefixed(SUBJECTS, subject, Bound::Included(start), order)?;
        let length = subject.len();
        Ok(entries.map(move |entry| {
            let damaged = || StoreError::Corrupt("the index of events".into());
            entry?.0.get(length..).and_then(place_of).ok_or_else(damaged)
        }))
    }
}
