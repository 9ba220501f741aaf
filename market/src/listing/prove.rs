//! One bundle proves the claims of one row block of a draft.

use galen_zk::bundle::{BlockClaims, Bundle, BundleContext, verify_bundle};
use galen_zk::point::G1Point;

use super::*;
use crate::action::trade::ProveBlock;
use crate::codec::decode_exact;
use crate::event::Event;
use crate::id::Hasher;

impl ProveBlock {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        let Standing::Draft { proven, expires_ms } = listing.standing else {
            return Err(TxError::NotDraft);
        };
        if expires_ms <= ctx.uptime_ms() {
            return Err(TxError::DeadlinePassed { deadline_ms: expires_ms });
        }
        let layout = ctx.layout(&id)?;
        let unknown = TxError::UnknownBlock { table: self.table, block: self.block };
        let claims = self.claims(&listing, &layout)?.ok_or(unknown)?;
        let flag = state_key::proven_block(&id, self.table, self.block);
        if ctx.get(&flag)?.is_some() {
            return Err(TxError::BlockProven { table: self.table, block: self.block });
        }
        let counter = state_key::openings(&id, self.table, self.block);
        let openings = ctx.get(&counter)?.unwrap_or(0);
        if openings >= MAX_OPENINGS {
            return Err(TxError::TooManyOpenings { table: self.table, block: self.block });
        }
        self.verify(ctx, &claims)?;
        ctx.put(&counter, &openings.saturating_add(1));
        ctx.put(&flag, &());
        listing.standing = Standing::Draft { proven: proven.saturating_add(1), expires_ms };
        let Self { table, block, .. } = *self;
        ctx.emit(Event::BlockProven { listing: id, table, block });
        listing.settle_draft(ctx)?;
        ctx.put_listing(&listing);
        Ok(())
    }

    /// What the bundle must prove: rows, columns and roles from the layout, commitments from the
    /// leaves, which stand at their places in the package's tree. `None` if there is no such block.
    fn claims(&self, listing: &Listing, layout: &Layout) -> Result<Option<BlockClaims>, TxError> {
        let Some(table) = layout.tables().get(self.table as usize) else { return Ok(None) };
        let (Some(first), Some(rows), Some(k)) = (
            table.segment(self.block, 0),
            table.active.get(self.block as usize),
            listing.k.get(self.table as usize),
        ) else {
            return Ok(None);
        };
        if self.leaves.len() != table.columns.len() {
            return Err(TxError::LeafCount {
                expected: table.columns.len(),
                got: self.leaves.len(),
            });
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
        Ok(Some(BlockClaims {
            commitments,
            block_rows: layout.block_rows().rows(),
            rows: *rows,
            quasi_identifiers: table.quasi_identifiers(),
            k: *k,
        }))
    }

    fn verify(&self, ctx: &Context<'_>, claims: &BlockClaims) -> Result<(), TxError> {
        // The package id fixes layout and leaves; k is fixed by the draft.
        let statement = Hasher::new("galen/bundle-checked")
            .value(&self.institution)
            .value(&self.package)
            .value(&(self.table, self.block, claims.k))
            .value(&self.leaves)
            .part(&self.bundle)
            .digest();
        ctx.verify_once(statement, || {
            let bad = |what: String| TxError::BadBundle { what };
            let bundle: Bundle = decode_exact(&self.bundle).map_err(|error| bad(error.0))?;
            let context = BundleContext {
                package: self.package.0,
                institution: self.institution.0,
                table: self.table,
                block: self.block,
            };
            verify_bundle(ctx.verifier(), &context, claims, &bundle)
                .map_err(|error| bad(error.to_string()))
        })
    }
}
