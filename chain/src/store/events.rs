//! What happened, one entry an event, and an index of what events are about. Neither ever changes.

use super::{COLUMN_EVENTS, COLUMN_HEADERS, COLUMN_SUBJECTS, Store, StoreError, column};
use crate::execute::StoredEvent;
use rocksdb::{DB, Direction, IteratorMode, WriteBatch};

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

pub(super) fn write(
    database: &DB,
    batch: &mut WriteBatch,
    height: u64,
    events: &[StoredEvent],
) -> Result<(), StoreError> {
    let (all, subjects) = (column(database, COLUMN_EVENTS)?, column(database, COLUMN_SUBJECTS)?);
    for (index, event) in (0u32..).zip(events) {
        let place = place_key((height, index));
        batch.put_cf(all, place, &event.bytes);
        for subject in &event.subjects {
            batch.put_cf(subjects, [&subject[..], &place[..]].concat(), b"");
        }
    }
    Ok(())
}

impl Store {
    /// What happened in a block, each event encoded; none if there is no such block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn events(&self, height: u64) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let headers = column(&self.database, COLUMN_HEADERS)?;
        if self.database.get_pinned_cf(headers, height.to_be_bytes())?.is_none() {
            return Ok(None);
        }
        let prefix = height.to_be_bytes();
        let mode = IteratorMode::From(&prefix, Direction::Forward);
        let mut events = Vec::new();
        for entry in self.database.iterator_cf(column(&self.database, COLUMN_EVENTS)?, mode) {
            let (key, bytes) = entry?;
            if !key.starts_with(&prefix) {
                break;
            }
            events.push(bytes.into_vec());
        }
        Ok(Some(events))
    }

    /// One event, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn event(&self, place: Place) -> Result<Option<Vec<u8>>, StoreError> {
        let column = column(&self.database, COLUMN_EVENTS)?;
        Ok(self.database.get_cf(column, place_key(place))?)
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
        for place in self.places(subject, &start, Direction::Forward)? {
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
        let places = self.places(subject, &start, Direction::Reverse)?;
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
    fn places<'a>(
        &'a self,
        subject: &'a [u8],
        start: &[u8],
        direction: Direction,
    ) -> Result<impl Iterator<Item = Result<Place, StoreError>> + 'a, StoreError> {
        let column = column(&self.database, COLUMN_SUBJECTS)?;
        let entries = self.database.iterator_cf(column, IteratorMode::From(start, direction));
        Ok(entries.map_while(move |entry| match entry {
            Ok((key, _)) => key.strip_prefix(subject).and_then(place_of).map(Ok),
            Err(error) => Some(Err(error.into())),
        }))
    }
}
