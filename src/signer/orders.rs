//! What was shown to a person and may be signed. An order is signed as it was shown or not at all: it
//! carries the hash of terms and tier, and is used once. Depends on the market's types.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use galen_market::id::Digest;
use galen_market::listing::ListingId;
use galen_market::terms::Purpose;

use crate::operation::credential::Credential;

/// Orders that are kept; the oldest goes.
const MOST: usize = 64;
/// How long an order may be signed after it was shown.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// What would be requested.
#[derive(Clone)]
pub(super) struct Order {
    pub listing: ListingId,
    pub purpose: Purpose,
    pub tier: String,
    pub seats: u32,
    /// Hash of the terms and the tier that were shown.
    pub agreement: Digest,
    pub credential: Credential,
    /// Which of the wallet's researcher accounts pays.
    pub account: u32,
}

/// Orders by the random names that forms carry.
#[derive(Default)]
pub(super) struct Orders {
    kept: BTreeMap<String, (Instant, Order)>,
}

impl Orders {
    pub fn keep(&mut self, order: Order) -> String {
        if self.kept.len() >= MOST {
            let oldest = self.kept.iter().min_by_key(|(_, (made, _))| *made);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.kept.remove(&name);
            }
        }
        let name = crate::loopback::random_code(20);
        self.kept.insert(name.clone(), (Instant::now(), order));
        name
    }

    /// Takes an order, which cannot be taken again.
    pub fn take(&mut self, name: &str) -> Option<Order> {
        let (made, order) = self.kept.remove(name)?;
        (made.elapsed() < LIFE).then_some(order)
    }
}
