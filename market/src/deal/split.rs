//! How a price is shared.

use crate::amount::{Amount, AmountError};
use crate::id::AccountId;
use crate::listing::{BASIS_POINTS, Share};

/// Splits a price by shares that add up to 10,000 basis points. Every share is rounded down; what
/// rounding leaves over goes to the first.
///
/// # Errors
/// [`AmountError`] if the shares add up to more than the whole.
pub fn split(price: Amount, shares: &[Share]) -> Result<Vec<(AccountId, Amount)>, AmountError> {
    let mut parts = Vec::with_capacity(shares.len());
    let mut left = price;
    for share in shares {
        let part = price.fraction(u64::from(share.basis_points), u64::from(BASIS_POINTS))?;
        left = left.checked_sub(part)?;
        parts.push((share.account, part));
    }
    if let Some((_, first)) = parts.first_mut() {
        *first = first.checked_add(left)?;
    }
    Ok(parts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(points: &[u16]) -> Vec<Share> {
        let share = |(at, basis_points): (u8, &u16)| Share {
            account: AccountId([at; 32]),
            basis_points: *basis_points,
        };
        (0u8..).zip(points).map(share).collect()
    }

    #[test]
    fn the_remainder_goes_to_the_first() {
        let parts = split(Amount::new(10), &shares(&[3_334, 3_333, 3_333])).unwrap();
        let amounts: Vec<_> = parts.iter().map(|(_, amount)| amount.units()).collect();
        assert_eq!(amounts, [4, 3, 3]);
    }

    #[test]
    fn more_than_the_whole_is_refused() {
        let refused = split(Amount::new(10), &shares(&[9_000, 9_000]));
        assert_eq!(refused, Err(AmountError::Negative));
    }

    proptest! {
        #[test]
        fn parts_add_up(price in any::<u64>(), cut in 1u16..9_999) {
            let parts = split(Amount::new(price), &shares(&[cut, BASIS_POINTS - cut])).unwrap();
            prop_assert_eq!(parts[0].1.units() + parts[1].1.units(), price);
        }
    }
}
