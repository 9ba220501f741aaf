//! A package with a table of several row blocks, a private dictionary and a file, honest or tampered
//! with at any step; its bundles; and disputes about it.

use std::collections::BTreeSet;

use galen_zk::bundle::{BlockClaims, BundleContext};
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::commitment::{BLINDERS, Column as Cells};
use galen_zk::field::{Fr, Scalar, hash_to_scalar};
use galen_zk::hash::{blinder, key_commitment, segment_key};
use galen_zk::point::G1Point;

use super::{Buyer, FilePackage, Signing, Simulation, Wallet, prover};
use crate::action::Action;
use crate::action::trade::{Dispute, DraftListing, ProveBlock};
use crate::authority::Authority;
use crate::codec::{Bounded, Bytes, encode};
use crate::context::Context;
use crate::deal::Deal;
use crate::error::TxError;
use crate::fee::FeePayer;
use crate::id::{DealId, Digest, TransactionId};
use crate::layout::{
    BlockRows, Column, Dictionary, File, Layout, Place, Range, Role, Table, Values, Width,
};
use crate::listing::ListingId;
use crate::segment::{
    self, Leaf, LeafTree, MAX_CIPHERTEXT_BYTES, NONCE_BYTES, encode_cells, encode_dictionary,
};
use crate::transaction::Transaction;

/// The k of every test table.
pub const K: u32 = 5;
const COLUMNS: usize = 3;
const WARDS: [&str; 3] = ["east", "north", "west"];
const FILE: &[u8] = b"What the columns mean.";

/// What a dishonest institution changes on the way from cells to leaves.
pub struct Tamper<'a> {
    /// The cells of a column's segment, before they are committed to.
    pub cells: &'a dyn Fn(u64, &mut Vec<u64>),
    /// The plaintext of a segment, after it was committed to.
    pub plaintext: &'a dyn Fn(u64, &mut Vec<u8>),
    /// Its ciphertext, before its leaf is made.
    pub ciphertext: &'a dyn Fn(u64, &mut Vec<u8>),
    /// Its leaf, before the tree is made.
    pub leaf: &'a dyn Fn(u64, &mut Leaf),
}

impl Default for Tamper<'_> {
    fn default() -> Self {
        Self { cells: &|_, _| {}, plaintext: &|_, _| {}, ciphertext: &|_, _| {}, leaf: &|_, _| {} }
    }
}

/// A package with everything that its institution keeps.
#[derive(Clone)]
pub struct TablePackage {
    /// Key, tree and the action that lists it. The ciphertext is that of the first segment.
    pub package: FilePackage,
    /// The ciphertexts of all segments.
    pub ciphertexts: Vec<Vec<u8>>,
    /// Their leaves.
    pub leaves: Vec<Leaf>,
    cells: Vec<Vec<u64>>,
}

fn layout(blocks: &[u32]) -> Layout {
    let column = |name: &str, role, width, values| Column {
        name: name.to_owned(),
        width,
        role,
        values,
        edges: Vec::new(),
    };
    let number = |high| Values::Number { scale: 0, range: Range { offset: 0, low: 0, high } };
    let columns = vec![
        column("age", Role::QuasiIdentifier, Width::W1, number(120)),
        column("ward", Role::QuasiIdentifier, Width::W1, Values::Code { dictionary: 0 }),
        column("score", Role::Sensitive, Width::W2, number(60_000)),
    ];
    let after = (blocks.len() * COLUMNS) as u64;
    let table = Table { name: "visits".to_owned(), first: 0, columns, active: blocks.to_vec() };
    let tables = if blocks.is_empty() { vec![] } else { vec![table] };
    let wards = u32::try_from(WARDS.len()).expect("three");
    let dictionaries = vec![Dictionary::Private { first: after, segments: vec![wards] }];
    let bytes = FILE.len() as u64;
    let files = vec![File { name: "readme.txt".to_owned(), first: after + 1, bytes }];
    Layout::new(BlockRows::Small, tables, dictionaries, files).expect("a layout for tests")
}

/// Classes of ten rows or more; every eleventh score is missing.
fn cell(column: u32, block: u32, row: u32) -> u64 {
    let class = u64::from(row / 10);
    match column {
        0 => 21 + class % 60,
        1 => 1 + class / 60 % 3,
        _ if row.is_multiple_of(11) => 0,
        _ => 1 + u64::from(row) * 7 + u64::from(block),
    }
}

fn blinders(key: Scalar, segment: u64) -> [Fr; BLINDERS] {
    let key = segment_key(key.0, segment);
    std::array::from_fn(|j| blinder(key, j as u64))
}

impl TablePackage {
    /// An honest package with a table of so many rows in every block, each a multiple of ten; without
    /// blocks it has no table. The offer is that of [`FilePackage::new`].
    ///
    /// # Panics
    /// When the rows do not fit a small block.
    #[must_use]
    pub fn new(institution: &Wallet, name: &str, price: u64, blocks: &[u32]) -> Self {
        Self::tampered(institution, name, price, blocks, &Tamper::default())
    }

    /// The same with some segments changed.
    ///
    /// # Panics
    /// When the rows do not fit a small block.
    #[must_use]
    pub fn tampered(
        institution: &Wallet,
        name: &str,
        price: u64,
        blocks: &[u32],
        tamper: &Tamper<'_>,
    ) -> Self {
        let key = Scalar(hash_to_scalar("galen/test/master-key", &[name.as_bytes()]));
        let layout = layout(blocks);
        let (mut ciphertexts, mut leaves, mut all_cells) = (Vec::new(), Vec::new(), Vec::new());
        for segment in 0..layout.segments() {
            let place = layout.place(segment).expect("within the layout");
            let (mut plaintext, claim, cells) = committed(key, segment, &place, tamper.cells);
            (tamper.plaintext)(segment, &mut plaintext);
            let cipher_key = Scalar(segment_key(key.0, segment)).to_bytes();
            let nonce = [7; NONCE_BYTES];
            let sealed = segment::seal(&cipher_key, segment, layout.segments(), nonce, &plaintext);
            let mut ciphertext = sealed.expect("a short segment");
            (tamper.ciphertext)(segment, &mut ciphertext);
            let mut leaf = Leaf::new(&place, &ciphertext, claim);
            (tamper.leaf)(segment, &mut leaf);
            ciphertexts.push(ciphertext);
            leaves.push(leaf);
            all_cells.push(cells);
        }
        let tree = LeafTree::new(&leaves).expect("there are segments");
        let plain = FilePackage::new(institution, name, price);
        let k = if blocks.is_empty() { vec![] } else { vec![K] };
        let draft = DraftListing {
            root: Digest(tree.root()),
            segments: layout.segments(),
            key: Scalar(key_commitment(key.0)),
            layout,
            k: Bounded::new(k).expect("one table"),
            ..plain.draft
        };
        let ciphertext = ciphertexts[0].clone();
        let package = FilePackage { key, ciphertext, leaves: tree, draft };
        Self { package, ciphertexts, leaves, cells: all_cells }
    }

    /// The listing.
    #[must_use]
    pub fn listing(&self) -> ListingId {
        self.package.listing()
    }

    /// The segment of the dictionary; that of the file comes after it.
    #[must_use]
    pub fn dictionary_segment(&self) -> u64 {
        self.leaves.len() as u64 - 2
    }

    /// The action that proves a block.
    ///
    /// # Panics
    /// When the block is not there or its claims are false.
    #[must_use]
    pub fn prove(&self, simulation: &mut Simulation, block: u32) -> ProveBlock {
        let ListingId { institution, package } = self.listing();
        let table = &self.package.draft.layout.tables()[0];
        let first = table.segment(block, 0).expect("a block of the table");
        let from = usize::try_from(first).expect("few segments");
        let range = from..from + COLUMNS;
        let leaves = self.leaves[range.clone()].to_vec();
        let claims = BlockClaims {
            commitments: leaves
                .iter()
                .map(|leaf| G1Point::from_bytes(&leaf.claim).expect("a commitment"))
                .collect(),
            block_rows: BlockRows::Small.rows(),
            rows: table.active[block as usize],
            quasi_identifiers: table.quasi_identifiers(),
            k: K,
        };
        let context =
            BundleContext { package: package.0, institution: institution.0, table: 0, block };
        let columns: Vec<Cells<'_>> = range
            .filter(|at| claims.quasi_identifiers.contains(&((at - from) as u32)))
            .map(|at| Cells {
                cells: &self.cells[at],
                blinders: blinders(self.package.key, at as u64),
            })
            .collect();
        let bundle = prover()
            .prove_bundle(&context, &claims, &columns, &mut simulation.rng, &|_| {})
            .expect("the claims are true");
        let tree = &self.package.leaves;
        ProveBlock {
            institution,
            package,
            table: 0,
            block,
            leaves: Bounded::new(leaves).expect("few columns"),
            path: tree.prove(first, COLUMNS as u64).expect("leaves of the tree"),
            bundle: Bytes::new(encode(&bundle)).expect("a bundle is bounded"),
        }
    }

    /// Drafts it and proves every block.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn list(&self, simulation: &mut Simulation, institution: &Wallet) -> Result<(), TxError> {
        simulation.list(institution, &self.package)?;
        let blocks = self.package.draft.layout.blocks().map(|(_, block)| block);
        for block in blocks.collect::<Vec<_>>() {
            let proof = self.prove(simulation, block);
            simulation.act(vec![Action::ProveBlock(proof)], &[institution])?;
        }
        Ok(())
    }

    /// The payload that disputes a segment of a deal, with the ciphertext as served.
    ///
    /// # Panics
    /// When the segment is not there.
    #[must_use]
    pub fn evidence(&self, simulation: &mut Simulation, deal: DealId, segment: u64) -> Dispute {
        let key = self.package.key;
        let public = SegmentKeyPublic::of(key, segment, Deal::scalar(&deal));
        let proof = prover()
            .prove(&SegmentKey, &public, &SegmentKeyWitness { key }, &mut simulation.rng)
            .expect("the key of the segment");
        let at = usize::try_from(segment).expect("few segments");
        Dispute {
            deal,
            segment,
            leaf: self.leaves[at],
            path: self.package.leaves.prove(segment, 1).expect("a leaf of the tree"),
            ciphertext: Bytes::<MAX_CIPHERTEXT_BYTES>::new(self.ciphertexts[at].clone())
                .expect("a short segment"),
            segment_key: public.segment_key,
            proof: Bytes::new(encode(&proof)).expect("a proof has 128 bytes"),
        }
    }
}

/// Plaintext, claim and cells of a segment, which agree with each other.
fn committed(
    key: Scalar,
    segment: u64,
    place: &Place,
    change: &dyn Fn(u64, &mut Vec<u64>),
) -> (Vec<u8>, [u8; 32], Vec<u64>) {
    match *place {
        Place::Column { block, column, width, rows, .. } => {
            let mut cells: Vec<u64> = (0..rows).map(|row| cell(column, block, row)).collect();
            change(segment, &mut cells);
            let column = Cells { cells: &cells, blinders: blinders(key, segment) };
            let powers = prover().powers().expect("development powers");
            let rows = BlockRows::Small.rows() as usize;
            let claim = powers.commit(rows, &column).expect("the cells fit").to_bytes();
            (encode_cells(width, &cells).expect("the cells fit"), claim, cells)
        }
        Place::Dictionary { .. } => {
            (encode_dictionary(&WARDS).expect("ascending"), [0; 32], Vec::new())
        }
        Place::File { .. } => (FILE.to_vec(), [0; 32], Vec::new()),
    }
}

impl Simulation {
    /// Signs a dispute with the buyer's one-time key, at the deal's expense.
    #[must_use]
    pub fn dispute(&mut self, dispute: Dispute, buyer: &Buyer) -> Transaction {
        let signing = Signing {
            payer: Some(FeePayer::Deal(dispute.deal)),
            deal_key: Some(&buyer.auth),
            ..Signing::default()
        };
        self.sign_with(vec![Action::Dispute(dispute)], &signing)
    }
}

/// Executes an action as if the holder of a deal's one-time key, or nobody, had signed it; for
/// [`Simulation::probe`].
///
/// # Errors
/// What the action's rules return.
pub fn execute_as(
    action: &Action,
    ctx: &mut Context<'_>,
    deal_key: Option<&Wallet>,
) -> Result<(), TxError> {
    let authority = Authority {
        transaction: TransactionId([0; 32]),
        accounts: BTreeSet::new(),
        deal_key: deal_key.map(Wallet::id),
        credential: None,
    };
    action.execute(ctx, &authority)
}
