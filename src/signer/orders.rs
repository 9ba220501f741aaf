//! What was shown to a person and may be signed. An order is signed as it was shown or not at all: it
//! carries the hash of terms and tier, and is used once. Depends on the market's types.

use galen_market::id::Digest;
use galen_market::listing::ListingId;
use galen_market::terms::Purpose;

use crate::operation::credential::Credential;

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
