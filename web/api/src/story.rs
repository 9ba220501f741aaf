//! What happened, in a sentence each, for histories and receipts. Every word follows from the event;
//! reasons that people gave are quoted.

use galen_market::deal::{Ending as SubscriptionEnding, Termination};
use galen_market::event::Event;
use galen_market::payment::Movement;
use galen_market::terms::Outcome;

/// A moment, in UTC.
#[must_use]
pub fn instant(time_ms: u64) -> String {
    let (seconds, day) = (time_ms / 1000, time_ms / 86_400_000);
    let date = i64::try_from(day).ok().and_then(crate::words::day);
    let date = date.unwrap_or_else(|| format!("day {day} since 1970"));
    let [hour, minute, second] = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
    format!("{date} {hour:02}:{minute:02}:{second:02} UTC")
}

fn movement(moved: &Movement) -> String {
    let Movement { from, to, asset, amount, reason } = moved;
    match (from, to) {
        (Some(from), Some(to)) => format!("{reason}: {amount} {asset} from {from} to {to}"),
        (None, Some(to)) => format!("{reason}: {amount} {asset} for {to}"),
        (Some(from), None) => format!("{reason}: {amount} {asset} of {from}"),
        (None, None) => format!("{reason}: {amount} {asset}"),
    }
}

fn ended(termination: &Termination) -> String {
    match termination {
        Termination::Refused { reason } => {
            format!("the institution refused it: \u{201c}{reason}\u{201d}")
        }
        Termination::NotReviewed => "the institution did not review it in time".to_owned(),
        Termination::NotReady => "the buyer was not ready in time".to_owned(),
        Termination::NoSeat => "no bond or no place was free".to_owned(),
        Termination::NotDelivered => "the key was not delivered in time".to_owned(),
        Termination::Disputed { segment, defect } => {
            format!("segment {segment} is not what was listed ({defect:?})")
        }
        Termination::PackageRefunded => {
            "another buyer showed that the package is not what was listed".to_owned()
        }
        Termination::TakenDown => "the registrars took the listing down".to_owned(),
        Termination::TermsRefuse => "the terms do not cover it; no price was taken".to_owned(),
    }
}

/// What happened.
#[must_use]
pub fn sentence(event: &Event) -> String {
    match event {
        Event::Moved(moved) => movement(moved),
        Event::Bonded { validator, amount } => format!("{amount} stake of {validator} votes"),
        Event::Unbonded { validator, amount, .. } => {
            format!("{amount} stake of {validator} votes no longer")
        }
        Event::StakeReleased { validator, amount } => {
            format!("{amount} stake of {validator} is free")
        }
        Event::Admitted { account, role, .. } => format!("{account} admitted as {role}"),
        Event::Suspended { account, role, .. } => format!("{account} suspended as {role}"),
        Event::CredentialsInserted { issuer, count, .. } => {
            format!("{count} credentials inserted by {issuer}")
        }
        Event::RevocationMarked { issuer, places } => {
            format!("{} credentials marked for revocation by {issuer}", places.len())
        }
        Event::CredentialsRevoked { issuer, count, .. } => {
            format!("{count} credentials of {issuer} revoked")
        }
        Event::ListingDrafted { blocks, .. } => {
            format!("drafted, with {blocks} row blocks to prove")
        }
        Event::BlockProven { table, block, .. } => format!("block {block} of table {table} proven"),
        Event::ListingLive { version: 1, .. } => "listed: everything claimed is proven".to_owned(),
        Event::ListingLive { version, .. } => format!("offered anew, version {version}"),
        Event::ListingWithdrawn { reason, .. } => {
            format!("withdrawn by the institution: \u{201c}{reason}\u{201d}")
        }
        Event::ListingTakenDown { reason, evidence, .. } => {
            format!("taken down by the registrars: \u{201c}{reason}\u{201d} (evidence {evidence})")
        }
        Event::ListingSuperseded { by, .. } => format!("superseded by the newer version {by}"),
        Event::DraftExpired { .. } => "the draft was not proven in time and is gone".to_owned(),
        Event::ListingsStopped { deal, .. } => {
            format!("deal {deal} was not delivered: the institution takes no requests")
        }
        Event::ListingsResumed { institution } => format!("{institution} takes requests again"),
        Event::PackageRefunded { deal, segment, .. } => {
            format!(
                "closed for good: deal {deal} showed that segment {segment} is not what was listed"
            )
        }
        Event::DealRequested { deal, decision, .. } => {
            let said: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
            let verdict = match decision.outcome {
                Outcome::Allowed => "the terms allow it",
                Outcome::NeedsReview => "the institution decides",
                Outcome::Refused => "the terms refuse it",
            };
            format!("deal {deal} requested; {verdict}: {}", said.join("; "))
        }
        Event::DealAgreed { .. } => "agreed: the price is in escrow".to_owned(),
        Event::DealReady { .. } => "the buyer holds the package and waits for the key".to_owned(),
        Event::DealDelivered { .. } => "the key was delivered".to_owned(),
        Event::LicenceIssued { deal, until_ms } => {
            format!("licence of deal {deal} issued, until {}", instant(*until_ms))
        }
        Event::LicenceRevoked { deal } => format!("licence of deal {deal} revoked"),
        Event::DisputeUpheld { deal, segment, defect } => {
            format!("dispute of deal {deal} upheld: segment {segment} ({defect:?})")
        }
        Event::SharePaid { account, money, .. } => format!("share paid: {money} to {account}"),
        Event::DealFinalized { .. } => "ended paid".to_owned(),
        Event::SubscriptionBegan { months, .. } => {
            format!("subscription to later versions began, {months} months are paid for")
        }
        Event::SubscriptionRenewed { months, money, .. } => {
            format!("subscription renewed for {months} months, {money} in escrow")
        }
        Event::SubscriptionEnded { ending, refunded, .. } => {
            let why = match ending {
                SubscriptionEnding::Expired => "its months are over".to_owned(),
                SubscriptionEnding::NotServed => {
                    "the newest version or its institution took no requests".to_owned()
                }
                SubscriptionEnding::Denied { deal } => {
                    format!("too little bond for the claim of deal {deal}")
                }
                SubscriptionEnding::Failed { deal } => {
                    format!("the claim of deal {deal} was not served as listed")
                }
            };
            format!("subscription ended: {why}; {refunded} returned")
        }
        Event::StandingPosted { standing, .. } => format!("standing request {standing} posted"),
        Event::StandingMatched { standing, deal, listing } => {
            format!("standing request {standing} matched with {listing}: deal {deal}")
        }
        Event::StandingReopened { standing, deal } => {
            format!("deal {deal} ended without a key; standing request {standing} waits again")
        }
        Event::StandingEnded { standing, ending, returned } => {
            format!("standing request {standing} ended: {ending}; {returned} returned")
        }
        Event::DealTerminated { termination, compensation, .. } => {
            let beside = if compensation.is_zero() {
                String::new()
            } else {
                format!(", with {compensation} minor units of compensation")
            };
            format!("ended refunded{beside}: {}", ended(termination))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(instant(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(instant(1_760_000_000_123), "2025-10-09 08:53:20 UTC");
        assert!(instant(u64::MAX).contains("UTC"));
    }
}
