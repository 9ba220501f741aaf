//! Licences: what a buyer may show. One is issued with the key and ends by time or by a refund.

use super::*;
use crate::event::Event;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A licence. Its name is that of its deal; its holder is whoever has the deal's one-time key.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Licence {
    /// The deal.
    pub deal: DealId,
    /// What may be used.
    pub listing: ListingId,
    /// Under which version of the offer.
    pub version: u32,
    /// The name of the tier.
    pub tier: TierName,
    /// For how many named users.
    pub seats: u32,
    /// Hash of terms and tier.
    pub terms: Digest,
    /// Hash of the licence's text.
    pub text: Digest,
    /// For what.
    pub purpose: Purpose,
    /// The one-time key that shows it.
    pub holder: AccountId,
    /// From when, in milliseconds since 1970.
    pub from_ms: u64,
    /// Until when, in milliseconds since 1970, exclusive.
    pub until_ms: u64,
    /// When it was revoked because the price was refunded, in milliseconds since 1970.
    pub revoked_ms: Option<u64>,
}

impl Licence {
    /// Whether it may be used at a time, in milliseconds since 1970.
    #[must_use]
    pub fn is_active(&self, now_ms: u64) -> bool {
        self.revoked_ms.is_none() && (self.from_ms..self.until_ms).contains(&now_ms)
    }
}

/// Days of so many months: twelve months are 365 days, and a broken day counts whole.
#[must_use]
pub fn licence_days(months: u32) -> u64 {
    (u64::from(months) * 365).div_ceil(12)
}

/// The licence of a deal whose key was just delivered.
pub(super) fn issue(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    let (offer, tier) = deal.agreed(ctx)?;
    let days = licence_days(tier.licence_months);
    let from_ms = ctx.time_ms();
    let licence = Licence {
        deal: deal.id,
        listing: deal.listing,
        version: deal.version,
        tier: deal.tier.clone(),
        seats: deal.seats,
        terms: deal.terms,
        text: offer.terms.licence_text,
        purpose: deal.purpose.clone(),
        holder: deal.auth_key,
        from_ms,
        until_ms: from_ms.saturating_add(days.saturating_mul(DAY_MS)),
        revoked_ms: None,
    };
    ctx.put(&state_key::licence(&deal.id), &licence);
    ctx.emit(Event::LicenceIssued { deal: deal.id, until_ms: licence.until_ms });
    Ok(())
}

/// Ends the licence of a refunded deal, if it has one.
pub(super) fn revoke(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    let key = state_key::licence(&deal.id);
    if let Some(mut licence) = ctx.get(&key)? {
        licence.revoked_ms = Some(ctx.time_ms());
        ctx.put(&key, &licence);
        ctx.emit(Event::LicenceRevoked { deal: deal.id });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::licence_days;

    #[test]
    fn a_year_is_a_year() {
        assert_eq!(licence_days(12), 365);
        assert_eq!(licence_days(1), 31);
        assert_eq!(licence_days(1_200), 36_500);
        assert_eq!(licence_days(u32::MAX), (u64::from(u32::MAX) * 365).div_ceil(12));
    }
}
