//! The contracts beyond a single purchase: tiers and seats, royalties, the closing of listings, and
//! subscriptions. Attacks name the error that they expect and have a twin without the attack.

#![allow(clippy::unwrap_used, missing_docs)]

mod closing;
mod market;
mod random;
mod royalty;
mod subscription;
mod tiers;
