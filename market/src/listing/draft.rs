//! The life of a listing: drafted, withdrawn, revised, stopped and resumed.

use super::*;
use crate::action::trade::{DraftListing, ResumeListings, ReviseListing, WithdrawListing};
use crate::codec::encode;
use crate::deadline::{self, Due};
use crate::event::Event;
use crate::genesis::Network;
use crate::layout::BlockRows;
use crate::payment::Purse;
use crate::segment::PackageParts;

impl DraftListing {
    /// The package that the draft is of.
    #[must_use]
    pub fn package(&self) -> PackageId {
        PackageParts {
            root: self.root.0,
            segments: self.segments,
            key_commitment: self.key.to_bytes(),
            layout: &self.layout,
            manifest: self.manifest.0,
        }
        .id()
    }

    pub(crate) fn check(&self) -> Result<(), TxError> {
        if self.layout.segments() != self.segments {
            return Err(TxError::SegmentCount {
                layout: self.layout.segments(),
                stated: self.segments,
            });
        }
        self.offer.check()
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        if self.layout.block_rows() == BlockRows::Small && ctx.network() != Network::Development {
            return Err(TxError::SmallBlocks);
        }
        check_claims(&self.layout, &self.claims, ctx.parameters().k_min)?;
        self.offer.admissible(ctx)?;
        let id = ListingId { institution: self.institution, package: self.package() };
        match ctx.get(&state_key::listing(&id))?.map(|listing: Listing| listing.standing) {
            None => {}
            Some(Standing::Refunded { .. }) => return Err(TxError::PackageRefunded),
            Some(_) => return Err(TxError::AlreadyListed),
        }
        ctx.publish(&id, &self.lineage, &self.layout, &self.claims)?;
        let bytes = self.layout.to_bytes().len().saturating_add(encode(&self.claims).len());
        let deposit = Money {
            currency: self.offer.currency()?.clone(),
            amount: ctx
                .parameters()
                .draft_deposit_per_kib
                .checked_mul((bytes as u64).div_ceil(1024))?,
        };
        let (from, to) =
            (Purse::Account(id.institution), Purse::Deposit(id.institution, id.package));
        ctx.transfer(&from, &to, &deposit.asset(), deposit.amount)?;
        let expires_ms = ctx.uptime_ms().saturating_add(ctx.parameters().draft_ms);
        let blocks = u32::try_from(self.layout.blocks().count()).unwrap_or(u32::MAX);
        let mut listing = Listing {
            id,
            root: self.root,
            segments: self.segments,
            key: self.key,
            manifest: self.manifest,
            lineage: self.lineage.clone(),
            blocks,
            version: 1,
            standing: Standing::Draft { proven: 0, expires_ms },
            deposit,
            undelivered: 0,
            live_since_ms: None,
        };
        ctx.put(&state_key::listing_layout(&id), &self.layout);
        ctx.put(&state_key::listing_claims(&id), &self.claims.to_vec());
        self.begin_tables(ctx, &id)?;
        ctx.put(&state_key::offer(&id, 1), &self.offer);
        deadline::add(ctx, expires_ms, Due::Draft(id));
        ctx.emit(Event::ListingDrafted { listing: id, blocks });
        listing.settle_draft(ctx)?;
        ctx.put_listing(&listing);
        Ok(())
    }
}

impl Listing {
    /// Makes a draft live if every block is proven.
    pub(super) fn settle_draft(&mut self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Standing::Draft { proven, expires_ms } = self.standing else { return Ok(()) };
        if proven < self.blocks {
            return Ok(());
        }
        deadline::remove(ctx, expires_ms, &Due::Draft(self.id));
        self.return_deposit(ctx)?;
        self.forget_progress(ctx)?;
        self.standing = Standing::Live;
        self.live_since_ms = Some(ctx.time_ms());
        ctx.emit(Event::ListingLive { listing: self.id, version: self.version });
        Ok(())
    }

    fn return_deposit(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let ListingId { institution, package } = self.id;
        let (from, to) = (Purse::Deposit(institution, package), Purse::Account(institution));
        ctx.transfer(&from, &to, &self.deposit.asset(), self.deposit.amount)
    }

    /// What is left of totals matters to the draft alone.
    fn forget_progress(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        for (table, _) in (0u32..).zip(ctx.layout(&self.id)?.tables()) {
            ctx.delete(&state_key::table_progress(&self.id, table));
        }
        Ok(())
    }

    /// Where the blocks of a draft were proven; how often they were opened stays. The work is that of
    /// the blocks that were proven, not of those that a layout states.
    fn forget_blocks(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        for (rest, _) in ctx.scan(&state_key::proven_blocks(&self.id), None, usize::MAX)? {
            let (table, block) = (state_key::part(&rest, 0)?, state_key::part(&rest, 4)?);
            let (table, block) = (u32::from_be_bytes(table), u32::from_be_bytes(block));
            ctx.delete(&state_key::proven_block(&self.id, table, block));
        }
        Ok(())
    }

    fn forget_draft(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        self.return_deposit(ctx)?;
        self.forget_progress(ctx)?;
        self.forget_blocks(ctx)?;
        ctx.delete(&state_key::listing_layout(&self.id));
        ctx.delete(&state_key::listing_claims(&self.id));
        ctx.delete(&state_key::offer(&self.id, 1));
        ctx.delete(&state_key::listing(&self.id));
        Ok(())
    }
}

/// A draft's time is over.
pub(crate) fn expire_draft(ctx: &mut Context<'_>, id: &ListingId) -> Result<(), TxError> {
    let listing = ctx.listing(id)?;
    if let Standing::Draft { .. } = listing.standing {
        listing.forget_draft(ctx)?;
        ctx.emit(Event::DraftExpired { listing: *id });
    }
    Ok(())
}

impl WithdrawListing {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        match listing.standing {
            Standing::Draft { expires_ms, .. } => {
                deadline::remove(ctx, expires_ms, &Due::Draft(id));
                listing.forget_draft(ctx)?;
            }
            Standing::Live => {
                listing.standing = Standing::Withdrawn;
                ctx.put_listing(&listing);
            }
            Standing::Withdrawn => return Err(TxError::ListingNotLive),
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        }
        ctx.emit(Event::ListingWithdrawn { listing: id });
        Ok(())
    }
}

impl ReviseListing {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        self.offer.check()
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        self.offer.admissible(ctx)?;
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        match listing.standing {
            Standing::Live | Standing::Withdrawn => {}
            Standing::Draft { .. } => return Err(TxError::ListingNotLive),
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        }
        listing.version = listing.version.checked_add(1).ok_or(TxError::ListingNotLive)?;
        listing.standing = Standing::Live;
        ctx.put(&state_key::offer(&id, listing.version), &self.offer);
        ctx.put_listing(&listing);
        ctx.emit(Event::ListingLive { listing: id, version: listing.version });
        Ok(())
    }
}

impl ResumeListings {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let key = state_key::stop(&self.institution);
        if ctx.get(&key)?.is_none() {
            return Err(TxError::NotStopped);
        }
        ctx.delete(&key);
        ctx.emit(Event::ListingsResumed { institution: self.institution });
        Ok(())
    }
}
