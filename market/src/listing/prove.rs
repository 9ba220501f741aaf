//! One bundle proves the claims of one row block of a draft.

use galen_zk::bundle::{BlockClaims, Bundle, BundleContext, bundle_items, verify_bundle};
use galen_zk::field::Fr;
use galen_zk::point::{G1OrZero, G1Point};
use galen_zk::proof::ProofError;

use super::*;
use crate::action::trade::{DraftListing, ProveBlock};
use crate::event::Event;
use crate::id::Hasher;
use crate::ledger::Check;

/// How far the proofs of a draft's table are.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct TableProgress {
    /// Blocks that are proven.
    proven: u32,
    /// For every chart the commitment to its totals less those to the shares of proven blocks: after
    /// the last block nothing is left.
    outstanding: Vec<G1OrZero>,
}

impl DraftListing {
    /// Nothing of the tables is proven yet.
    pub(super) fn begin_tables(
        &self,
        ctx: &mut Context<'_>,
        id: &ListingId,
    ) -> Result<(), TxError> {
        for (table, claims) in (0u32..).zip(&self.claims) {
            let mut outstanding = Vec::with_capacity(claims.charts.len());
            for Chart { column, totals, blinders, .. } in &claims.charts {
                let blinders: [Fr; 3] = blinders.each_ref().map(|blinder| blinder.0);
                let powers = ctx.verifier().summary_powers();
                let what = "numbers and blinders add up to nothing";
                let column = *column;
                let total = powers
                    .commit_summary(totals, &blinders)
                    .map_err(|_| ClaimError::Totals { table, column, what })?;
                outstanding.push(total.into());
            }
            let progress = TableProgress { proven: 0, outstanding };
            ctx.put(&state_key::table_progress(id, table), &progress);
        }
        Ok(())
    }
}

impl ProveBlock {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let id = self.listing();
        let mut listing = ctx.listing(&id)?;
        let Standing::Draft { proven, expires_ms } = listing.standing else {
            return Err(TxError::NotDraft);
        };
        if expires_ms <= ctx.uptime_ms() {
            return Err(TxError::DeadlinePassed { deadline_ms: expires_ms });
        }
        let flag = state_key::proven_block(&id, self.table, self.block);
        if ctx.get(&flag)?.is_some() {
            return Err(TxError::BlockProven { table: self.table, block: self.block });
        }
        let counter = state_key::openings(&id, self.table, self.block);
        let openings = ctx.get(&counter)?.unwrap_or(0);
        if openings >= MAX_OPENINGS {
            return Err(TxError::TooManyOpenings { table: self.table, block: self.block });
        }
        let prepared = self.prepare(ctx, &listing)?;
        let shares = ctx.verify_once(prepared.key, || {
            let bundle = self.decode(&prepared.claims)?;
            verify_bundle(ctx.verifier(), &prepared.context, &prepared.claims, &bundle)
                .map_err(|error| TxError::BadBundle { what: error.to_string() })
        })?;
        self.subtract(ctx, &id, &prepared, &shares)?;
        ctx.put(&counter, &openings.saturating_add(1));
        ctx.put(&flag, &ctx.height());
        listing.standing = Standing::Draft { proven: proven.saturating_add(1), expires_ms };
        let Self { table, block, .. } = *self;
        ctx.emit(Event::BlockProven { listing: id, table, block });
        listing.settle_draft(ctx)?;
        ctx.put_listing(&listing);
        Ok(())
    }

    /// What is to be verified of the bundle, if the draft is there and no other copy of this very
    /// action was.
    pub(crate) fn batched<'k>(
        &self,
        ctx: &Context<'k>,
        known: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Check<'k>>, TxError> {
        let listing = ctx.listing(&self.listing())?;
        let Standing::Draft { .. } = listing.standing else { return Ok(None) };
        let PreparedBlock { key, context, claims, .. } = &self.prepare(ctx, &listing)?;
        if known(key) {
            return Ok(None);
        }
        let bundle = self.decode(claims)?;
        let bad = |error: ProofError| TxError::BadBundle { what: error.to_string() };
        let (items, commitments) =
            bundle_items(ctx.verifier(), context, claims, &bundle).map_err(bad)?;
        Ok(Some(Check { key: *key, items, commitments }))
    }

    fn listing(&self) -> ListingId {
        ListingId { institution: self.institution, package: self.package }
    }

    /// Counts the block, and takes its shares of the charts from the totals. After the last block of
    /// the table nothing may be left.
    fn subtract(
        &self,
        ctx: &mut Context<'_>,
        id: &ListingId,
        prepared: &PreparedBlock,
        shares: &[G1Point],
    ) -> Result<(), TxError> {
        let key = state_key::table_progress(id, self.table);
        let unknown = TxError::UnknownBlock { table: self.table, block: self.block };
        let mut progress = ctx.get(&key)?.ok_or(unknown)?;
        progress.proven = progress.proven.saturating_add(1);
        for (outstanding, share) in progress.outstanding.iter_mut().zip(shares) {
            *outstanding = outstanding.minus(share);
        }
        if progress.proven == prepared.blocks {
            let charts = prepared.claims.columns.iter().zip(&progress.outstanding);
            for (claim, outstanding) in charts {
                if !outstanding.is_zero() {
                    let (table, column) = (self.table, claim.column);
                    return Err(TxError::TotalsDiffer { table, column });
                }
            }
        }
        ctx.put(&key, &progress);
        Ok(())
    }

    /// What must be verified of the bundle, before anything of it is decoded.
    fn prepare(&self, ctx: &Context<'_>, listing: &Listing) -> Result<PreparedBlock, TxError> {
        let layout = ctx.layout(&listing.id)?;
        let claims = ctx.claims(&listing.id)?;
        let unknown = || TxError::UnknownBlock { table: self.table, block: self.block };
        let table_claims = claims.get(self.table as usize).ok_or_else(unknown)?;
        let table = layout.tables().get(self.table as usize).ok_or_else(unknown)?;
        let first = table.segment(self.block, 0).ok_or_else(unknown)?;
        let commitments = self.commitments(listing, &layout, first, table.columns.len())?;
        // The package id fixes layout and leaves; the rest of the claims is fixed by the draft.
        let key = Hasher::new("galen/bundle-checked")
            .value(&self.institution)
            .value(&self.package)
            .value(&(self.table, self.block))
            .value(&table_claims.statement())
            .value(&self.leaves)
            .part(&self.bundle)
            .digest();
        let claims = table_claims
            .of_block(&layout, self.table, self.block, commitments)
            .ok_or_else(unknown)?;
        let context = BundleContext {
            package: self.package.0,
            institution: self.institution.0,
            table: self.table,
            block: self.block,
        };
        let blocks = u32::try_from(table.active.len()).unwrap_or(u32::MAX);
        Ok(PreparedBlock { key, context, claims, blocks })
    }

    /// The bundle. One of another shape than the claims need is refused before a point is decoded.
    fn decode(&self, claims: &BlockClaims) -> Result<Bundle, TxError> {
        Bundle::decode_for(claims, &self.bundle)
            .map_err(|error| TxError::BadBundle { what: error.to_string() })
    }

    /// The commitments of the block's columns: from the leaves, which stand at their places in the
    /// package's tree and say of rows and widths what the layout says.
    fn commitments(
        &self,
        listing: &Listing,
        layout: &Layout,
        first: u64,
        columns: usize,
    ) -> Result<Vec<G1Point>, TxError> {
        if self.leaves.len() != columns {
            return Err(TxError::LeafCount { expected: columns, got: self.leaves.len() });
        }
        let mut commitments = Vec::with_capacity(self.leaves.len());
        for (segment, leaf) in (first..).zip(&self.leaves) {
            let fits = layout.place(segment).is_some_and(|place| leaf.fits(&place));
            let claim = G1Point::from_bytes(&leaf.claim);
            match claim {
                Ok(claim) if fits => commitments.push(claim),
                _ => return Err(TxError::LeafContradictsLayout { segment }),
            }
        }
        if !self.path.holds(&listing.root.0, listing.segments, first, &self.leaves) {
            return Err(TxError::LeavesNotInTree);
        }
        Ok(commitments)
    }
}

/// A bundle that is to be verified, and what it must prove.
struct PreparedBlock {
    /// Hash of the whole statement and of every byte of the bundle.
    key: Digest,
    /// The place that it is for.
    context: BundleContext,
    /// What it must prove.
    claims: BlockClaims,
    /// Blocks of the table.
    blocks: u32,
}
