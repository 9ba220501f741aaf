//! A dispute shows one segment and its key. It is upheld if the segment is not what was listed; if it
//! is, the transaction is refused and never enters a block, where it would publish a good segment.
//!
//! What a buyer can see without the key (hash and length of a ciphertext) it checks before it says
//! `ready`, so a segment too long for an action never comes this far.

use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic};
use galen_zk::commitment::Column;
use galen_zk::hash::blinder;
use galen_zk::proof::{Proof, ProofError};

use super::*;
use crate::action::trade::Dispute;
use crate::authority::Authority;
use crate::codec::decode_exact;
use crate::event::Event;
use crate::id::{Digest, Hasher};
use crate::layout::{BlockRows, Layout, Place};
use crate::ledger::Check;
use crate::listing::Listing;
use crate::segment::{SegmentError, decode_cells, decode_dictionary, open};
use crate::state::StateError;

impl Dispute {
    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Verified)?;
        authority.require_deal_key(&deal.auth_key)?;
        let listing = ctx.listing(&deal.listing)?;
        let layout = ctx.layout(&deal.listing)?;
        let place =
            layout.place(self.segment).ok_or(TxError::UnknownSegment { segment: self.segment })?;
        if !self.path.holds(&listing.root.0, listing.segments, self.segment, &[self.leaf]) {
            return Err(TxError::LeavesNotInTree);
        }
        self.check_segment_key(ctx, &listing)?;
        let defect = self
            .defect(ctx, &listing, &layout, &place)?
            .ok_or(TxError::DisputeUnfounded { segment: self.segment })?;
        ctx.emit(Event::DisputeUpheld { deal: deal.id, segment: self.segment, defect });
        escrow::terminate(ctx, deal, Termination::Disputed { segment: self.segment, defect })?;
        let listing = ctx.listing(&listing.id)?;
        closing::refund_package(ctx, listing, self.deal, self.segment)
    }

    /// What the proof of the segment's key must show, and the hash of that and of the proof.
    fn prepare(&self, listing: &Listing) -> (SegmentKeyPublic, Digest) {
        let public = SegmentKeyPublic {
            key_commitment: listing.key,
            index: self.segment,
            segment_key: self.segment_key,
            deal: Deal::scalar(&self.deal),
        };
        let statement =
            Hasher::new("galen/segment-key-checked").value(&public).part(&self.proof).digest();
        (public, statement)
    }

    fn decode(&self) -> Result<Proof, TxError> {
        decode_exact(&self.proof).map_err(|error| TxError::BadSegmentKey { what: error.0 })
    }

    /// What is to be verified of the segment's key, if the deal can be disputed.
    pub(crate) fn batched<'k>(
        &self,
        ctx: &Context<'k>,
        known: impl Fn(&Digest) -> bool,
    ) -> Result<Option<Check<'k>>, TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Verified)?;
        let (public, key) = self.prepare(&ctx.listing(&deal.listing)?);
        if known(&key) {
            return Ok(None);
        }
        let item = ctx.verifier().item(&SegmentKey, &public, &self.decode()?);
        let item = item.map_err(|error| TxError::BadSegmentKey { what: error.to_string() })?;
        Ok(Some(Check { key, items: vec![item], commitments: Vec::new() }))
    }

    /// The key belongs to this segment of the package with this master key.
    fn check_segment_key(&self, ctx: &Context<'_>, listing: &Listing) -> Result<(), TxError> {
        let (public, statement) = self.prepare(listing);
        ctx.verify_once(statement, || {
            let bad = |error: ProofError| TxError::BadSegmentKey { what: error.to_string() };
            ctx.verifier().verify(&SegmentKey, &public, &self.decode()?).map_err(bad)?;
            Ok(Vec::new())
        })
        .map(drop)
    }

    /// What is wrong with the segment, if anything is.
    fn defect(
        &self,
        ctx: &Context<'_>,
        listing: &Listing,
        layout: &Layout,
        place: &Place,
    ) -> Result<Option<Defect>, TxError> {
        if !self.leaf.fits(place) {
            return Ok(Some(Defect::Leaf));
        }
        if !self.leaf.holds(&self.ciphertext) {
            return Err(TxError::WrongCiphertext { segment: self.segment });
        }
        let key = self.segment_key.to_bytes();
        let plaintext = match open(&key, self.segment, listing.segments, &self.ciphertext) {
            Ok(plaintext) => plaintext,
            Err(SegmentError::Length) => return Ok(Some(Defect::Length)),
            Err(_) => return Ok(Some(Defect::Cipher)),
        };
        match *place {
            Place::Column { table, column, width, rows, .. } => {
                let Ok(cells) = decode_cells(width, rows, &plaintext) else {
                    return Ok(Some(Defect::Length));
                };
                if let Some(defect) = self.claim_defect(ctx, layout.block_rows(), &cells)? {
                    return Ok(Some(defect));
                }
                // Committed to and proven, and yet no data: nothing can be read from such a cell.
                Ok(layout.stray_cell(table, column, &cells).map(|_| Defect::Cell))
            }
            Place::Dictionary { entries, .. } => {
                Ok(decode_dictionary(entries, &plaintext).err().map(|_| Defect::Dictionary))
            }
            Place::File { bytes, .. } => {
                Ok((plaintext.len() != bytes as usize).then_some(Defect::Length))
            }
        }
    }

    /// Whether the claim commits to other cells than these.
    fn claim_defect(
        &self,
        ctx: &Context<'_>,
        block_rows: BlockRows,
        cells: &[u64],
    ) -> Result<Option<Defect>, TxError> {
        let powers = ctx
            .verifier()
            .powers()
            .map_err(|error| StateError(format!("bases of commitments: {error}")))?;
        let blinders = std::array::from_fn(|j| blinder(self.segment_key.0, j as u64));
        let claim = powers.commit(block_rows.rows() as usize, &Column { cells, blinders });
        // A commitment that cannot be written down is not the one that was claimed.
        let holds = claim.is_ok_and(|claim| claim.to_bytes() == self.leaf.claim);
        Ok((!holds).then_some(Defect::Claim))
    }
}
