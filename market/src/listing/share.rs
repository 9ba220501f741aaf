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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payee: u8, basis_points: u16) -> Share {
        Share::of_account(AccountId([payee; 32]), basis_points)
    }

    fn upstream(package: u8) -> ListingId {
        ListingId { institution: AccountId([9; 32]), package: PackageId([package; 32]) }
    }

    #[test]
    fn shares_are_the_whole_price_of_different_payees_and_none_is_empty() {
        for good in [vec![of(1, 10_000)], vec![of(1, 1), of(2, 9_999)]] {
            assert_eq!(check(&good), Ok(()), "{good:?}");
        }
        for bad in [
            vec![],
            vec![of(1, 9_999)],
            vec![of(1, 10_001)],
            vec![of(1, 10_000), of(2, 0)],
            vec![of(1, 5_000), of(2, 4_000), of(1, 1_000)],
            // As a number of 16 bits, the sum would be right.
            vec![of(1, 10_000), of(2, 32_768), of(3, 32_768)],
        ] {
            assert_eq!(check(&bad), Err(TxError::BadShares), "{bad:?}");
        }
    }

    #[test]
    fn shares_hold_at_least_what_is_owed_and_pay_no_other_listing() {
        let share = |package, basis_points| Share {
            payee: Payee::Listing(upstream(package)),
            basis_points,
        };
        let owed = [(1, 500), (2, 0)]
            .map(|(package, basis_points)| Royalty { listing: upstream(package), basis_points });
        for good in [
            vec![of(1, 9_500), share(1, 500)],
            vec![share(1, 501), of(1, 9_499)],
            vec![share(2, 1), of(1, 9_499), share(1, 500)],
        ] {
            assert_eq!(check_royalties(&good, &owed), Ok(()), "{good:?}");
        }
        let short = |given| TxError::RoyaltyOwed { listing: upstream(1), owed: 500, given };
        assert_eq!(check_royalties(&[of(1, 10_000)], &owed), Err(short(0)));
        assert_eq!(check_royalties(&[of(1, 9_501), share(1, 499)], &owed), Err(short(499)));
        let other = [of(1, 9_000), share(1, 500), share(3, 500)];
        let refused = TxError::NotUpstream { listing: upstream(3) };
        assert_eq!(check_royalties(&other, &owed), Err(refused));
    }
}
