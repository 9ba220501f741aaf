//! How a price is paid out: by the shares of the agreed offer, and what goes upstream by the split of the
//! listing that it goes to.

use std::collections::VecDeque;

use super::*;
use crate::amount::AmountError;
use crate::event::Event;
use crate::listing::{BASIS_POINTS, Offer, Payee, Share};
use crate::payment::Purse;

/// Steps upstream that a part of a price is split again; what is left after them goes to the
/// institution of the listing that it has come to.
pub const MAX_UPSTREAM_STEPS: u8 = 4;
/// Most shares into which one price is split; beyond it the same holds.
pub const MAX_PAYMENTS: usize = 128;

/// Splits a price by shares that add up to 10,000 basis points. Every share is rounded down; what
/// rounding leaves over goes to the first.
///
/// # Errors
/// [`AmountError`] if the shares add up to more than the whole.
pub fn split(price: Amount, shares: &[Share]) -> Result<Vec<(Payee, Amount)>, AmountError> {
    let mut parts = Vec::with_capacity(shares.len());
    let mut left = price;
    for share in shares {
        let part = price.fraction(u64::from(share.basis_points), u64::from(BASIS_POINTS))?;
        left = left.checked_sub(part)?;
        parts.push((share.payee, part));
    }
    if let Some((_, first)) = parts.first_mut() {
        *first = first.checked_add(left)?;
    }
    Ok(parts)
}

/// Pays money out of a purse for a deal, by the shares of what was agreed for a listing. Parts of other
/// listings are split by their own present offers, also when these take no requests any more.
pub(super) fn pay_out(
    ctx: &mut Context<'_>,
    from: &Purse,
    deal: DealId,
    listing: &ListingId,
    offer: &Offer,
    money: &Money,
) -> Result<(), TxError> {
    let mut upstream = VecDeque::new();
    let mut left = MAX_PAYMENTS;
    let pay = |ctx: &mut Context<'_>,
               upstream: &mut VecDeque<(ListingId, Amount, u8)>,
               by: ListingId,
               parts: Vec<(Payee, Amount)>,
               steps: u8|
     -> Result<(), TxError> {
        for (payee, amount) in parts {
            if amount.is_zero() {
                continue;
            }
            match payee {
                Payee::Listing(listing) => upstream.push_back((listing, amount, steps)),
                Payee::Account(account) => {
                    ctx.transfer(from, &Purse::Account(account), &money.asset(), amount)?;
                    let money = Money { currency: money.currency.clone(), amount };
                    ctx.emit(Event::SharePaid { deal, listing: by, account, money });
                }
            }
        }
        Ok(())
    };
    left = left.saturating_sub(offer.shares.len());
    let parts = split(money.amount, &offer.shares)?;
    pay(ctx, &mut upstream, *listing, parts, 1)?;
    while let Some((listing, amount, steps)) = upstream.pop_front() {
        let whole = vec![(Payee::Account(listing.institution), amount)];
        let offer = match ctx.get(&state_key::listing(&listing))? {
            Some(found) if steps <= MAX_UPSTREAM_STEPS => {
                ctx.get(&state_key::offer(&listing, found.version))?
            }
            _ => None,
        };
        let parts = match offer {
            Some(Offer { shares, .. }) if shares.len() <= left => {
                left = left.saturating_sub(shares.len());
                split(amount, &shares)?
            }
            _ => whole,
        };
        pay(ctx, &mut upstream, listing, parts, steps.saturating_add(1))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(points: &[u16]) -> Vec<Share> {
        let share = |(at, points): (u8, &u16)| Share::of_account(AccountId([at; 32]), *points);
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
