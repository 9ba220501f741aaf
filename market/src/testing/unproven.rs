//! Listings that are live though nobody proved them, in a state that no ledger comes to by its rules:
//! for measuring what a full catalogue costs those who read it. No test of a rule may begin with one.

use super::{Simulation, Wallet, eur, text};
use crate::action::trade::DraftListing;
use crate::action::{Admission, Admit};
use crate::amount::{Amount, Asset};
use crate::error::TxError;
use crate::id::Digest;
use crate::listing::{ListingId, Standing};
use crate::payment::Purse;
use crate::state::Changes;
use crate::state_key;

/// What each institution has, in minor units.
const FUNDS: u64 = 1_000_000_000;

impl Simulation {
    /// What the state has more if these institutions are admitted and these drafts are drafted and go
    /// live, by the rules but for the proofs, which are taken as given. Each was listed `apart_ms`
    /// before the one ahead of it.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn unproven(
        &self,
        institutions: &[Wallet],
        drafts: &[DraftListing],
        apart_ms: u64,
    ) -> Result<Changes, TxError> {
        let ((), changes) = self.probe(|ctx| {
            for wallet in institutions {
                let asset = Asset::Currency(eur());
                ctx.mint(&Purse::Account(wallet.id()), &asset, Amount::new(FUNDS))?;
                let admit = Admit {
                    account: wallet.id(),
                    admission: Admission::Institution,
                    name: text(wallet.name()),
                    url: text(""),
                    evidence: Digest([1; 32]),
                };
                admit.execute(ctx)?;
            }
            let mut since_ms = ctx.time_ms();
            for draft in drafts {
                draft.execute(ctx)?;
                let id = ListingId { institution: draft.institution, package: draft.package() };
                let mut listing = ctx.listing(&id)?;
                if let Standing::Draft { proven, .. } = &mut listing.standing {
                    *proven = listing.blocks;
                }
                listing.settle_draft(ctx)?;
                listing.live_since_ms = Some(since_ms);
                ctx.put_listing(&listing);
                since_ms = since_ms.saturating_sub(apart_ms);
            }
            // Nobody waits for any of them.
            for (rest, _) in ctx.scan(&state_key::match_tasks(), None, usize::MAX)? {
                let at_ms = u64::from_be_bytes(state_key::part(&rest, 0)?);
                let task = rest.get(8..).unwrap_or_default();
                ctx.delete(&state_key::match_task(at_ms, task));
                ctx.delete(&state_key::match_place(task));
            }
            Ok(())
        })?;
        Ok(changes)
    }
}
