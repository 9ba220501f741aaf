//! Who is paid: shares of a price, and the royalties that a derived package owes to the listings that it
//! was made from.
//!
//! What is owed is fixed when a listing is drafted and never changes: a parent that asks for more later
//! binds later listings alone. A share goes to an account or, for what is owed, to a listing, whose own
//! offer then says who is paid.

use super::*;

/// Parts of a price; shares add up to it.
pub const BASIS_POINTS: u16 = 10_000;
/// Most listings to which one owes royalties.
pub const MAX_ROYALTIES: usize = 8;

/// Who receives a share.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Payee {
    /// An account.
    Account(AccountId),
    /// A listing upstream: its part is split by its own present offer.
    Listing(ListingId),
}

/// A share of the price.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Share {
    /// Who receives it.
    pub payee: Payee,
    /// Ten-thousandths of the price, at least one.
    pub basis_points: u16,
}

/// What a listing owes to one upstream.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Royalty {
    /// To which listing.
    pub listing: ListingId,
    /// The least share of every price, in ten-thousandths; may be nothing.
    pub basis_points: u16,
}

impl Share {
    /// A share of an account.
    #[must_use]
    pub const fn of_account(account: AccountId, basis_points: u16) -> Self {
        Self { payee: Payee::Account(account), basis_points }
    }
}

/// That shares add up to the whole, and none is empty or stands there twice.
///
/// # Errors
/// [`TxError::BadShares`].
pub(super) fn check(shares: &[Share]) -> Result<(), TxError> {
    let sum: u32 = shares.iter().map(|share| u32::from(share.basis_points)).sum();
    let positive = shares.iter().all(|share| share.basis_points > 0);
    let repeated = (0usize..)
        .zip(shares)
        .any(|(at, share)| shares.iter().take(at).any(|earlier| earlier.payee == share.payee));
    if sum == u32::from(BASIS_POINTS) && positive && !repeated {
        Ok(())
    } else {
        Err(TxError::BadShares)
    }
}

/// That the shares of a listing's offer hold what the listing owes, and pay no other listing.
///
/// # Errors
/// [`TxError::RoyaltyOwed`] or [`TxError::NotUpstream`].
pub(super) fn check_royalties(shares: &[Share], owed: &[Royalty]) -> Result<(), TxError> {
    for Royalty { listing, basis_points } in owed {
        let to = Payee::Listing(*listing);
        let given =
            shares.iter().find(|share| share.payee == to).map_or(0, |share| share.basis_points);
        if given < *basis_points {
            return Err(TxError::RoyaltyOwed { listing: *listing, owed: *basis_points, given });
        }
    }
    for share in shares {
        if let Payee::Listing(listing) = share.payee
            && !owed.iter().any(|royalty| royalty.listing == listing)
        {
            return Err(TxError::NotUpstream { listing });
        }
    }
    Ok(())
}

impl Context<'_> {
    /// What a listing with a lineage owes upstream: to every parent that was ever live what its present
    /// offer asks for, and whatever the version that it supersedes owes.
    ///
    /// # Errors
    /// [`TxError::TooManyRoyalties`].
    pub(super) fn royalties(
        &self,
        id: &ListingId,
        lineage: &Lineage,
    ) -> Result<Bounded<Royalty, MAX_ROYALTIES>, TxError> {
        let mut owed: Vec<Royalty> = Vec::new();
        let mut add =
            |royalty: Royalty| match owed.iter_mut().find(|known| known.listing == royalty.listing)
            {
                Some(known) => known.basis_points = known.basis_points.max(royalty.basis_points),
                None => owed.push(royalty),
            };
        for parent in &lineage.parents {
            let Some(listing) = self.get(&state_key::listing(parent))? else { continue };
            if listing.live_since_ms.is_some() {
                let basis_points = self.offer(parent, listing.version)?.royalty;
                add(Royalty { listing: *parent, basis_points });
            }
        }
        if let Some(package) = lineage.supersedes {
            let before = ListingId { institution: id.institution, package };
            let before: Option<Listing> = self.get(&state_key::listing(&before))?;
            before.iter().flat_map(|before| &before.royalties).copied().for_each(add);
        }
        let listings = owed.len();
        Bounded::new(owed).map_err(|_| TxError::TooManyRoyalties { listings })
    }
}
