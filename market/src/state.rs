//! The seam between the rules and whatever keeps the state: keys to bytes, with snapshots to read
//! and one batch of changes to write. Depends on nothing; deterministic.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What a block changes: a value to store, or `None` to remove the key.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The store could not be read, or holds bytes that it must not hold. Never caused by a transaction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("state: {0}")]
pub struct StateError(pub String);

/// A consistent snapshot of the state.
pub trait StateRead: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store fails.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// Up to `limit` entries whose key starts with `prefix` and is greater than `after`, in order
    /// of their keys.
    ///
    /// # Errors
    /// When the store fails.
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError>;
}

/// Keys with their values, in order.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Changes on top of a snapshot. Reads see the changes; nothing below is touched.
pub struct Overlay<'a> {
    base: &'a dyn StateRead,
    changes: Changes,
}

impl<'a> Overlay<'a> {
    /// No changes yet.
    pub fn new(base: &'a dyn StateRead) -> Self {
        Self { base, changes: Changes::new() }
    }

    /// Stores a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// What was changed.
    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// Takes over the changes of an overlay that was built on this one.
    pub fn apply(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }
}

impl StateRead for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        let changed: Vec<_> = self
            .changes
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .collect();
        // Every removed key may hide one entry of the base, so that many more are asked for.
        let removed = changed.iter().filter(|(_, value)| value.is_none()).count();
        let base = self.base.scan(prefix, after, limit.saturating_add(removed))?;
        // A base page that came back full says nothing of keys beyond its last one.
        let complete_to = (base.len() == limit.saturating_add(removed))
            .then(|| base.last().map(|(key, _)| key.clone()))
            .flatten();
        let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            base.into_iter().map(|(key, value)| (key, Some(value))).collect();
        for (key, value) in changed {
            if complete_to.as_ref().is_none_or(|last| key <= last) {
                merged.insert(key.clone(), value.clone());
            }
        }
        Ok(merged.into_iter().filter_map(|(key, value)| Some((key, value?))).take(limit).collect())
    }
}

/// State held in memory: for tests, simulation and genesis.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct MemoryState(BTreeMap<Vec<u8>, Vec<u8>>);

impl MemoryState {
    /// Writes one batch.
    pub fn commit(&mut self, changes: Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }

    /// All entries in order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        self.0.iter()
    }
}

impl StateRead for MemoryState {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_vec()),
            _ => Bound::Included(prefix.to_vec()),
        };
        Ok(self
            .0
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    /// Two overlays on top of each other read like the state that has all their changes.
    #[test]
    fn an_overlay_reads_like_the_state_after_it() {
        for seed in 0..200 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let mut base = MemoryState::default();
            let mut change = || {
                let key = vec![rng.gen_range(0..3u8), rng.gen_range(0..6u8)];
                (key, rng.gen_bool(0.6).then(|| vec![rng.r#gen::<u8>()]))
            };
            base.commit((0..12).map(|_| change()).collect());
            let (first, second): (Changes, Changes) =
                ((0..6).map(|_| change()).collect(), (0..6).map(|_| change()).collect());
            let mut lower = Overlay::new(&base);
            lower.apply(first.clone());
            let mut upper = Overlay::new(&lower);
            upper.apply(second.clone());
            let mut flat = base.clone();
            flat.commit(first);
            flat.commit(second);
            for prefix in [vec![], vec![0], vec![1], vec![2], vec![7]] {
                for after in [None, Some(vec![0]), Some(vec![1, 2]), Some(vec![2, 5])] {
                    for limit in [0, 1, 2, 5, 100] {
                        let got = upper.scan(&prefix, after.as_deref(), limit).unwrap();
                        let expected = flat.scan(&prefix, after.as_deref(), limit).unwrap();
                        assert_eq!(got, expected, "seed {seed} {prefix:?} {after:?} {limit}");
                    }
                }
            }
        }
    }
}
