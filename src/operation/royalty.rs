//! Royalties that a derived package owes: found on the ledger when it is published, and put into its
//! shares, so that a steward need not look them up.

use galen_api::ListingView;
use galen_market::codec::Bounded;
use galen_market::listing::{ListingId, Offer, Payee, Royalty, Share};

use super::store::PackageRecord;
use crate::error::{Exit, Failure};
use crate::session::Session;

/// What a package owes upstream: as the ledger wrote down when its listing was drafted, or as a draft of
/// it would owe now.
///
/// # Errors
/// When a parent is not listed, or the node cannot be reached.
pub fn owed(
    session: &Session,
    listed: Option<&ListingView>,
    record: &PackageRecord,
) -> Result<Vec<Royalty>, Failure> {
    if let Some(view) = listed {
        return Ok(view.summary.listing.royalties.to_vec());
    }
    let mut owed: Vec<Royalty> = Vec::new();
    for parent in &record.lineage.parents {
        let summary = session.client().listing(parent)?.summary;
        if summary.listing.live_since_ms.is_some() {
            add(&mut owed, Royalty { listing: *parent, basis_points: summary.offer.royalty });
        }
    }
    if let Some(package) = record.lineage.supersedes {
        let before = ListingId { package, ..record.listing() };
        let before = session.client().listing(&before)?.summary.listing;
        before.royalties.iter().for_each(|royalty| add(&mut owed, *royalty));
    }
    Ok(owed)
}

fn add(owed: &mut Vec<Royalty>, royalty: Royalty) {
    match owed.iter_mut().find(|known| known.listing == royalty.listing) {
        Some(known) => known.basis_points = known.basis_points.max(royalty.basis_points),
        None => owed.push(royalty),
    }
}

/// The offer with what is owed among its shares; what is missing is taken from the first account.
///
/// # Errors
/// When that account's share is too small.
pub fn with_royalties(offer: &Offer, owed: &[Royalty]) -> Result<Offer, Failure> {
    let refuse = |what: String| {
        Failure::new(Exit::Input, "description.shares", what)
            .remedy("leave more to the first account, or derive from packages that ask for less")
    };
    let mut shares = offer.shares.to_vec();
    for royalty in owed {
        let to = Payee::Listing(royalty.listing);
        let at = shares.iter().position(|share| share.payee == to);
        let given = at.and_then(|at| shares.get(at)).map_or(0, |share| share.basis_points);
        let missing = royalty.basis_points.saturating_sub(given);
        if missing == 0 {
            continue;
        }
        let payer = shares.iter_mut().find(|share| matches!(share.payee, Payee::Account(_)));
        let left = payer.and_then(|share| {
            share.basis_points =
                share.basis_points.checked_sub(missing).filter(|left| *left > 0)?;
            Some(())
        });
        left.ok_or_else(|| {
            refuse(format!(
                "{} basis points are owed to {}, and the first account's share does not hold them",
                royalty.basis_points, royalty.listing
            ))
        })?;
        match at.and_then(|at| shares.get_mut(at)) {
            Some(share) => share.basis_points = royalty.basis_points,
            None => shares.push(Share { payee: to, basis_points: royalty.basis_points }),
        }
    }
    let shares = Bounded::new(shares).map_err(|error| refuse(error.to_string()))?;
    Ok(Offer { shares, ..offer.clone() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_market::id::{AccountId, PackageId};

    use super::*;
    use crate::operation::tier::TierDescription;

    fn listing(at: u8) -> ListingId {
        ListingId { institution: AccountId([at; 32]), package: PackageId([at; 32]) }
    }

    #[test]
    fn what_is_owed_is_taken_from_the_first_account() {
        let offer = |shares: Vec<Share>| Offer {
            terms: galen_market::terms::Terms {
                clauses: Bounded::new(vec![galen_market::terms::Clause::plain(
                    galen_market::terms::duo::GRU,
                )])
                .unwrap(),
                licence_text: galen_market::id::Digest([1; 32]),
                review_ms: None,
                review_all: false,
            },
            tiers: Bounded::new(vec![
                TierDescription::simple("1 EUR".to_owned(), 1).tier().unwrap(),
            ])
            .unwrap(),
            shares: Bounded::new(shares).unwrap(),
            royalty: 0,
            max_licences: None,
            max_undelivered: 1,
            locations: Bounded::default(),
            declared: galen_market::listing::Declared::default(),
        };
        let (own, other) = (AccountId([1; 32]), AccountId([2; 32]));
        let two = offer(vec![Share::of_account(own, 7_000), Share::of_account(other, 3_000)]);
        let owed = [
            Royalty { listing: listing(8), basis_points: 500 },
            Royalty { listing: listing(9), basis_points: 0 },
        ];
        let with = with_royalties(&two, &owed).unwrap();
        let points: Vec<u16> = with.shares.iter().map(|share| share.basis_points).collect();
        assert_eq!(points, [6_500, 3_000, 500]);
        with.check().unwrap();
        assert_eq!(with_royalties(&with, &owed).unwrap(), with, "nothing is missing twice");
        let much = [Royalty { listing: listing(8), basis_points: 7_000 }];
        assert_eq!(with_royalties(&two, &much).unwrap_err().code(), "description.shares");
    }
}
