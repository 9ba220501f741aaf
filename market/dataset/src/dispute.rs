//! The evidence of a dispute: what a buyer shows the ledger about one bad segment.
//!
//! It reveals the key of that one segment and no other: segment keys are hashes of the master key.
//! The proof that the segment key derives from the sold master key is made from
//! [`Evidence::segment_key`] and the master key by whoever sends the dispute. Depends on `opener`.

use galen_market::layout::Place;
use galen_market::segment::{Leaf, LeafTree, RangeProof, decode_cells, decode_dictionary};
use galen_zk::commitment::Srs;
use galen_zk::field::Scalar;

use crate::commit::claim_holds;
use crate::package::{Listing, PackageError, PackageFolder};
use crate::seal::MasterKey;

/// Why a segment is bad, as the ledger would find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// Its leaf states another kind, width or number of rows than the Layout.
    Leaf,
    /// It does not authenticate under its key, position and number.
    Cipher,
    /// Its length is not that of its rows and width.
    Length,
    /// Its cells are not those that the leaf commits to.
    Claim,
    /// A dictionary segment is not canonical.
    Dictionary,
    /// A cell is outside its column's bounds or dictionary.
    Cell,
}

/// Everything about one bad segment that the ledger does not have.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Which segment.
    pub segment: u64,
    /// Why it is bad.
    pub ground: Ground,
    /// Its leaf.
    pub leaf: Leaf,
    /// The proof that the leaf stands in the tree.
    pub path: RangeProof,
    /// `k_i`.
    pub segment_key: Scalar,
    /// The encrypted segment; empty if the leaf alone is the ground.
    pub ciphertext: Vec<u8>,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The segment is not the one that was listed: the download is at fault, not the seller.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The key does not open `K`.
    #[error("the key is not the one that the listing commits to")]
    WrongKey,
    /// The segment is good; a dispute about it would be refused and would publish its key.
    #[error("segment {0} is what was listed; a dispute about it would be refused")]
    Good(u64),
}

/// Examines one segment as the ledger would, and gathers the evidence if it is bad.
///
/// # Errors
/// See [`EvidenceError`].
pub fn evidence(
    folder: &PackageFolder,
    key: MasterKey,
    srs: &Srs,
    segment: u64,
) -> Result<Evidence, EvidenceError> {
    if key.commitment() != folder.listing().key_commitment {
        return Err(EvidenceError::WrongKey);
    }
    let total = folder.layout().segments();
    let none = || PackageError::NoSegment { segment, total };
    let place = folder.layout().place(segment).ok_or_else(none)?;
    let (leaf, path) = folder.leaf(segment).ok_or_else(none)?;
    let ciphertext = folder.segments()?.read(segment)?;
    let segment_key = key.segment(segment);
    let size = folder.layout().block_rows();
    let ground = match segment_key.open(segment, total, &ciphertext) {
        Err(_) => Ground::Cipher,
        Ok(bytes) => match place {
            Place::Column { table, column, width, rows, .. } => {
                match decode_cells(width, rows, &bytes) {
                    Err(_) => Ground::Length,
                    Ok(cells) if !claim_holds(srs, size, &leaf, &cells, segment_key.blinders()) => {
                        Ground::Claim
                    }
                    Ok(cells) if folder.layout().stray_cell(table, column, &cells).is_some() => {
                        Ground::Cell
                    }
                    Ok(_) => return Err(EvidenceError::Good(segment)),
                }
            }
            Place::Dictionary { entries, .. } => match decode_dictionary(entries, &bytes) {
                Err(_) => Ground::Dictionary,
                Ok(_) => return Err(EvidenceError::Good(segment)),
            },
            Place::File { bytes: expected, .. } if bytes.len() as u64 != u64::from(expected) => {
                Ground::Length
            }
            Place::File { .. } => return Err(EvidenceError::Good(segment)),
        },
    };
    Ok(Evidence { segment, ground, leaf, path, segment_key: segment_key.scalar(), ciphertext })
}

/// The evidence about a leaf that contradicts the Layout. Such a package is refused as a folder, so
/// this takes the listing and the published leaves.
///
/// # Errors
/// See [`EvidenceError`].
pub fn leaf_evidence(
    listing: &Listing,
    leaves: &[Leaf],
    key: MasterKey,
    segment: u64,
) -> Result<Evidence, EvidenceError> {
    if key.commitment() != listing.key_commitment {
        return Err(EvidenceError::WrongKey);
    }
    let total = listing.layout.segments();
    let none = || PackageError::NoSegment { segment, total };
    let tree = LeafTree::new(leaves).filter(|tree| tree.root() == listing.root.0);
    let tree = tree.ok_or(PackageError::Root)?;
    let place = listing.layout.place(segment).ok_or_else(none)?;
    let leaf = usize::try_from(segment).ok().and_then(|s| leaves.get(s)).ok_or_else(none)?;
    if leaf.fits(&place) {
        return Err(EvidenceError::Good(segment));
    }
    Ok(Evidence {
        segment,
        ground: Ground::Leaf,
        leaf: *leaf,
        path: tree.prove(segment, 1).ok_or_else(none)?,
        segment_key: key.segment(segment).scalar(),
        ciphertext: Vec::new(),
    })
}
