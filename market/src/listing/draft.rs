//! How a listing begins: as a draft, which goes live when every block is proven, or is forgotten.

use super::*;
use crate::action::trade::DraftListing;
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
        self.lineage.check()?;
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
            Some(Standing::TakenDown) => return Err(TxError::ListingTakenDown),
            Some(_) => return Err(TxError::AlreadyListed),
        }
        ctx.publish(&id, &self.lineage, &self.layout, &self.claims)?;
        let royalties = ctx.royalties(&id, &self.lineage)?;
        share::check_royalties(&self.offer.shares, &royalties)?;
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
            superseded_by: None,
            royalties,
            blocks,
            version: 1,
            standing: Standing::Draft { proven: 0, expires_ms },
            closing: None,
            deposit,
            undelivered: 0,
            licences: 0,
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
    pub(crate) fn settle_draft(&mut self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Standing::Draft { proven, expires_ms } = self.standing else { return Ok(()) };
        if proven < self.blocks {
            return Ok(());
        }
        deadline::remove(ctx, expires_ms, &Due::Draft(self.id));
        self.return_deposit(ctx)?;
        self.forget_progress(ctx)?;
        self.standing = Standing::Live;
        self.live_since_ms = Some(ctx.time_ms());
        self.supersede(ctx)?;
        ctx.emit(Event::ListingLive { listing: self.id, version: self.version });
        crate::wanted::listing_offers(ctx, &self.id)
    }

    /// The version before points to this one from now on.
    fn supersede(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Some(package) = self.lineage.supersedes else { return Ok(()) };
        let before = ListingId { package, ..self.id };
        if let Some(mut before) = ctx.get(&state_key::listing(&before))? {
            before.superseded_by = Some(self.id.package);
            ctx.put_listing(&before);
            ctx.emit(Event::ListingSuperseded { listing: before.id, by: self.id.package });
        }
        Ok(())
    }

    pub(super) fn return_deposit(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let ListingId { institution, package } = self.id;
        let (from, to) = (Purse::Deposit(institution, package), Purse::Account(institution));
        ctx.transfer(&from, &to, &self.deposit.asset(), self.deposit.amount)
    }

    /// What is left of totals matters to the draft alone.
    pub(super) fn forget_progress(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        for (table, _) in (0u32..).zip(ctx.layout(&self.id)?.tables()) {
            ctx.delete(&state_key::table_progress(&self.id, table));
        }
        Ok(())
    }

    /// Where the blocks of a draft were proven; how often they were opened stays. The work is that of
    /// the blocks that were proven, not of those that a layout states.
    pub(super) fn forget_blocks(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        for (rest, _) in ctx.scan(&state_key::proven_blocks(&self.id), None, usize::MAX)? {
            let (table, block) = (state_key::part(&rest, 0)?, state_key::part(&rest, 4)?);
            let (table, block) = (u32::from_be_bytes(table), u32::from_be_bytes(block));
            ctx.delete(&state_key::proven_block(&self.id, table, block));
        }
        Ok(())
    }

    pub(super) fn forget_draft(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
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
