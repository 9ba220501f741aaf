//! What an event is about, so that a node can find the events of an account, a deal or a dataset
//! without reading every block. An index of a node's own: nothing here is part of the state.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::deal::Deal;
use crate::event::Event;
use crate::id::{AccountId, DealId};
use crate::listing::ListingId;
use crate::payment::{DealPurse, Purse};
use crate::state::{StateError, StateRead};
use crate::state_key;

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub enum Subject {
    /// The money of an account: its own purses, and what of its bond answers for a deal.
    Account(AccountId),
    /// A deal, and the money that it holds.
    Deal(DealId),
    /// A dataset as its auditors see it: its listing, its licences, its disputes, and what was
    /// derived from it.
    Listing(ListingId),
}

fn deal(state: &dyn StateRead, id: &DealId) -> Result<Option<Deal>, StateError> {
    state_key::read(state, &state_key::deal(id))
}

impl Event {
    /// What the event is about, by the state after its block.
    ///
    /// # Errors
    /// When the state fails.
    pub fn subjects(&self, state: &dyn StateRead) -> Result<BTreeSet<Subject>, StateError> {
        let mut subjects = BTreeSet::new();
        match self {
            Self::Moved(movement) => {
                for purse in movement.purses() {
                    purse_subjects(state, purse, &mut subjects)?;
                }
            }
            Self::ListingDrafted { listing, .. }
            | Self::ListingWithdrawn { listing, .. }
            | Self::ListingTakenDown { listing, .. }
            | Self::ListingSuperseded { listing, .. }
            | Self::DraftExpired { listing } => {
                subjects.insert(Subject::Listing(*listing));
            }
            Self::ListingLive { listing, version } => {
                subjects.insert(Subject::Listing(*listing));
                // That it is there at all is news for what it descends from; a new price is not.
                if *version == 1 {
                    let found = state_key::read(state, &state_key::listing(listing))?;
                    let lineage = found.map(|found| found.lineage).unwrap_or_default();
                    let institution = listing.institution;
                    let older =
                        lineage.supersedes.map(|package| ListingId { institution, package });
                    let links = older.iter().chain(&lineage.parents);
                    subjects.extend(links.map(|link| Subject::Listing(*link)));
                }
            }
            Self::PackageRefunded { listing, deal, .. }
            | Self::DealRequested { deal, listing, .. } => {
                subjects.insert(Subject::Deal(*deal));
                if matches!(self, Self::PackageRefunded { .. }) {
                    subjects.insert(Subject::Listing(*listing));
                }
            }
            Self::LicenceIssued { deal: id, .. }
            | Self::LicenceRevoked { deal: id }
            | Self::DisputeUpheld { deal: id, .. } => {
                subjects.insert(Subject::Deal(*id));
                subjects.extend(deal(state, id)?.map(|deal| Subject::Listing(deal.listing)));
            }
            Self::DealAgreed { deal }
            | Self::DealReady { deal, .. }
            | Self::DealDelivered { deal, .. }
            | Self::SharePaid { deal, .. }
            | Self::DealFinalized { deal }
            | Self::DealTerminated { deal, .. }
            | Self::ListingsStopped { deal, .. }
            | Self::SubscriptionBegan { subscription: deal, .. }
            | Self::SubscriptionRenewed { subscription: deal, .. }
            | Self::SubscriptionEnded { subscription: deal, .. }
            | Self::StandingMatched { deal, .. }
            | Self::StandingReopened { deal, .. } => {
                subjects.insert(Subject::Deal(*deal));
            }
            // Found by the party's record, the block or the listing itself.
            Self::BlockProven { .. }
            | Self::ListingsResumed { .. }
            | Self::Bonded { .. }
            | Self::Unbonded { .. }
            | Self::StakeReleased { .. }
            | Self::Admitted { .. }
            | Self::Suspended { .. }
            | Self::CredentialsInserted { .. }
            | Self::RevocationMarked { .. }
            | Self::CredentialsRevoked { .. }
            | Self::StandingPosted { .. }
            | Self::StandingEnded { .. } => {}
        }
        Ok(subjects)
    }
}

fn purse_subjects(
    state: &dyn StateRead,
    purse: &Purse,
    subjects: &mut BTreeSet<Subject>,
) -> Result<(), StateError> {
    match purse {
        Purse::Account(account)
        | Purse::Bond(account)
        | Purse::Deposit(account, _)
        | Purse::Stake(account)
        | Purse::Unbonding(account) => {
            subjects.insert(Subject::Account(*account));
        }
        Purse::Deal(id, part) => {
            subjects.insert(Subject::Deal(*id));
            if *part == DealPurse::Bond {
                let institution = deal(state, id)?.map(|deal| deal.listing.institution);
                subjects.extend(institution.map(Subject::Account));
            }
        }
        Purse::Subscription(deal) => {
            subjects.insert(Subject::Deal(*deal));
        }
        // What moves between it and accounts or deals is found by those.
        Purse::Standing(_) | Purse::Fees => {}
    }
    Ok(())
}
