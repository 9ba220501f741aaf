//! How many deals an agent has delivered today, on the disk before each is: a restart forgets none of
//! them. Depends on nothing but files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use galen_market::id::{DealId, PackageId};
use serde::{Deserialize, Serialize};

use super::policy::{Need, Policy};
use crate::error::{Exit, Failure};
use crate::wallet::file;

const MAX_BYTES: u64 = 64 << 20;

/// The deals of one day, by the clock of the node, UTC.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    /// Days since 1970.
    day: u64,
    /// The deals, each with its package.
    deals: BTreeMap<DealId, PackageId>,
}

/// The file of the day.
pub struct Today {
    path: PathBuf,
    day: Mutex<Day>,
}

impl Today {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is damaged: limits that were reached must not be forgotten.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let path = root.join("today.json");
        let day = match file::read_bounded(&path, MAX_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::input(&path, error)
                    .remedy("remove the file; then the limits of the day begin anew")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Day::default(),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        Ok(Self { path, day: Mutex::new(day) })
    }

    /// Counts a deal of a day, unless the policy has no room for it. A deal that was counted stays
    /// counted, and is not counted twice.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing may be sent.
    pub fn take(
        &self,
        policy: &Policy,
        day: u64,
        deal: DealId,
        package: PackageId,
    ) -> Result<Result<(), Need>, Failure> {
        let mut today = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        // A node whose clock goes back does not make room.
        if day > today.day {
            *today = Day { day, deals: BTreeMap::new() };
        }
        if today.deals.contains_key(&deal) {
            return Ok(Ok(()));
        }
        let count = |of: &dyn Fn(&PackageId) -> bool| {
            u32::try_from(today.deals.values().filter(|one| of(one)).count()).unwrap_or(u32::MAX)
        };
        if let Err(need) =
            policy.has_room(&package, count(&|_| true), count(&|one| *one == package))
        {
            return Ok(Err(need));
        }
        let mut next = today.clone();
        next.deals.insert(deal, package);
        let bytes = serde_json::to_vec(&next)
            .map_err(|error| Failure::new(Exit::Failure, "agent.today", error.to_string()))?;
        file::replace(&self.path, &bytes).map_err(|error| Failure::file(&self.path, &error))?;
        *today = next;
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_restart_does_not_make_room() {
        let root = tempfile::tempdir().unwrap();
        let mut policy = Policy { max_per_day: Some(3), ..Policy::default() };
        let single = super::super::policy::ListingPolicy {
            deliver: true,
            floor: None,
            max_per_day: Some(2),
        };
        let (one, other) = (PackageId([1; 32]), PackageId([2; 32]));
        policy.listings.insert(one, single);
        let take = |day, deal: u8, package| {
            // Opened anew each time, as after a restart.
            let today = Today::open(root.path()).unwrap();
            today.take(&policy, day, DealId([deal; 32]), package).unwrap()
        };
        assert_eq!(take(10, 1, one), Ok(()));
        assert_eq!(take(10, 1, one), Ok(()), "counted once");
        assert_eq!(take(10, 2, one), Ok(()));
        assert_eq!(take(10, 3, one), Err(Need::Limit), "the package's own limit");
        assert_eq!(take(10, 4, other), Ok(()));
        assert_eq!(take(10, 5, other), Err(Need::Limit), "the limit of all");
        assert_eq!(take(9, 5, other), Err(Need::Limit), "a clock that goes back");
        assert_eq!(take(11, 5, other), Ok(()));
        std::fs::write(root.path().join("today.json"), "{").unwrap();
        assert_eq!(Today::open(root.path()).map(drop).unwrap_err().exit(), Exit::Input);
    }
}
