//! A package with a table of several row blocks, a private dictionary and a file, honest or tampered
//! with at any step; its bundles; and disputes about it.

use std::collections::BTreeSet;

use galen_zk::bundle::{BundleContext, Order, Share as BlockShare};
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::commitment::{BLINDERS, Column as Cells};
use galen_zk::field::{Fr, Scalar, hash_to_scalar};
use galen_zk::hash::{blinder, key_commitment, segment_key};
use galen_zk::point::G1Point;
use galen_zk::proof::ProveError;
use galen_zk::summary::Summary;

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
use crate::listing::{Chart, ChartForm, Diversity, ListingId, TableClaims};
use crate::segment::{
    self, Leaf, LeafTree, MAX_CIPHERTEXT_BYTES, NONCE_BYTES, encode_cells, encode_dictionary,
};
use crate::transaction::Transaction;

/// The k of every test table.
pub const K: u32 = 5;
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
    /// The proofs of all blocks and what their maker keeps, if they were made before the draft, as the
    /// totals of charts need.
    pub proven: Vec<(ProveBlock, Vec<BlockShare>)>,
    /// The ciphertexts of all segments.
    pub ciphertexts: Vec<Vec<u8>>,
    /// Their leaves.
    pub leaves: Vec<Leaf>,
    cells: Vec<Vec<u64>>,
}

/// What is known of a patient in the tests' table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Age,
    Ward,
    Score,
    /// In a table that is charted: falls from ten to one in every ten rows.
    Outcome,
}

const PLAIN: &[Kind] = &[Kind::Age, Kind::Ward, Kind::Score];
const CHARTED: &[Kind] = &[Kind::Age, Kind::Ward, Kind::Score, Kind::Outcome];

/// Steps of the grid of the score's chart.
const SCORE_STEP: u64 = 100;

fn layout(blocks: &[u32], kinds: &[Kind]) -> Layout {
    let number = |high| Values::Number { scale: 0, range: Range { offset: 0, low: 0, high } };
    let column = |kind: &Kind| {
        let (name, role, width, values, edges) = match kind {
            Kind::Age => ("age", Role::QuasiIdentifier, Width::W1, number(120), vec![23]),
            Kind::Ward => {
                let ward = Values::Code { dictionary: 0 };
                ("ward", Role::QuasiIdentifier, Width::W1, ward, vec![1, 2])
            }
            Kind::Score => ("score", Role::Sensitive, Width::W2, number(59_999), vec![200, 300]),
            Kind::Outcome => ("outcome", Role::Sensitive, Width::W1, number(9), vec![5]),
        };
        // Only charts have bins.
        let edges = if kinds == PLAIN { Vec::new() } else { edges };
        Column { name: name.to_owned(), width, role, values, edges }
    };
    let columns: Vec<Column> = kinds.iter().map(column).collect();
    let after = (blocks.len() * columns.len()) as u64;
    let table = Table { name: "visits".to_owned(), first: 0, columns, active: blocks.to_vec() };
    let tables = if blocks.is_empty() { vec![] } else { vec![table] };
    let wards = u32::try_from(WARDS.len()).expect("three");
    let dictionaries = vec![Dictionary::Private { first: after, segments: vec![wards] }];
    let bytes = FILE.len() as u64;
    let files = vec![File { name: "readme.txt".to_owned(), first: after + 1, bytes }];
    Layout::new(BlockRows::Small, tables, dictionaries, files).expect("a layout for tests")
}

/// Classes of ten rows or more; every eleventh score is missing.
fn cell(kind: Kind, block: u32, row: u32) -> u64 {
    let class = u64::from(row / 10);
    match kind {
        Kind::Age => 21 + class % 60,
        Kind::Ward => 1 + class / 60 % 3,
        Kind::Score if row.is_multiple_of(11) => 0,
        Kind::Score => 1 + u64::from(row) * 7 + u64::from(block),
        Kind::Outcome => u64::from(10 - row % 10),
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
        Self::of(institution, name, price, blocks, tamper, PLAIN)
    }

    /// A package whose table has another sensitive column, diversity in both orders, and charts of
    /// all its columns. Its blocks are proven, and its draft states the totals.
    ///
    /// # Panics
    /// When the rows do not fit a small block, or a claim is false.
    #[must_use]
    pub fn charted(
        simulation: &mut Simulation,
        institution: &Wallet,
        name: &str,
        price: u64,
        blocks: &[u32],
    ) -> Self {
        let mut package = Self::claiming(institution, name, price, blocks);
        package.prove_all(simulation);
        package
    }

    /// The same, with nothing proven yet and no totals.
    ///
    /// # Panics
    /// When the rows do not fit a small block.
    #[must_use]
    pub fn claiming(institution: &Wallet, name: &str, price: u64, blocks: &[u32]) -> Self {
        Self::claiming_of(institution, name, price, blocks, &Tamper::default())
    }

    /// The same with some segments changed.
    ///
    /// # Panics
    /// When the rows do not fit a small block.
    #[must_use]
    pub fn claiming_of(
        institution: &Wallet,
        name: &str,
        price: u64,
        blocks: &[u32],
        tamper: &Tamper<'_>,
    ) -> Self {
        Self::of(institution, name, price, blocks, tamper, CHARTED)
    }

    /// Puts the totals of the cells into the draft, under blinders that no proof has.
    ///
    /// # Panics
    /// When a cell is out of range.
    pub fn state_totals(&mut self) {
        let draft = &self.package.draft;
        let columns = draft.layout.tables()[0].columns.len();
        let blocks = draft.layout.tables()[0].active.len();
        let claims = draft.claims[0].of_block(&draft.layout, 0, 0, Vec::new()).expect("a block");
        let totals = claims.columns.iter().map(|claim| {
            (0..blocks).fold(Summary::default(), |sum, block| {
                let cells = &self.cells[block * columns + claim.column as usize];
                let share = claim.chart.summary(cells).expect("cells within range");
                sum.checked_add(&share).expect("small numbers")
            })
        });
        let totals: Vec<Summary> = totals.collect();
        self.change_claims(|claims, _| {
            let mut charts = claims.charts.to_vec();
            for (chart, totals) in charts.iter_mut().zip(totals) {
                chart.totals = totals;
                chart.blinders = [1u64, 2, 3].map(Scalar::from);
            }
            claims.charts = Bounded::new(charts).expect("few charts");
        });
    }

    /// Changes what the layout says of the table, and nothing else.
    ///
    /// # Panics
    /// When that is no layout.
    pub fn change_layout(&mut self, change: impl FnOnce(&mut Table)) {
        let layout = &self.package.draft.layout;
        let mut table = layout.tables()[0].clone();
        change(&mut table);
        let (dictionaries, files) = (layout.dictionaries().to_vec(), layout.files().to_vec());
        let layout = Layout::new(layout.block_rows(), vec![table], dictionaries, files);
        self.package.draft.layout = layout.expect("a layout for tests");
    }

    /// Proves every block anew, and puts the totals into the draft.
    ///
    /// # Panics
    /// When a claim is false.
    pub fn prove_all(&mut self, simulation: &mut Simulation) {
        let blocks = self.package.draft.layout.blocks().map(|(_, block)| block);
        self.proven = blocks
            .collect::<Vec<_>>()
            .into_iter()
            .map(|block| self.attempt(simulation, block).expect("the claims are true"))
            .collect();
        self.change_claims(|claims, shares| {
            let mut charts = claims.charts.to_vec();
            for (at, chart) in charts.iter_mut().enumerate() {
                chart.totals = Summary::default();
                chart.blinders = [Scalar::default(); 3];
                for share in shares.iter().map(|block| &block[at]) {
                    let sum = chart.totals.checked_add(&share.summary);
                    chart.totals = sum.expect("small numbers");
                    for (sum, blinder) in chart.blinders.iter_mut().zip(&share.blinders) {
                        sum.0 += blinder.0;
                    }
                }
            }
            claims.charts = Bounded::new(charts).expect("few charts");
        });
    }

    /// Changes what the draft claims of its table; the shares of all blocks are those that were proven.
    ///
    /// # Panics
    /// When there is no table.
    pub fn change_claims(&mut self, change: impl FnOnce(&mut TableClaims, &[Vec<BlockShare>])) {
        let shares: Vec<_> = self.proven.iter().map(|(_, shares)| shares.clone()).collect();
        let mut claims = self.package.draft.claims[0].clone();
        change(&mut claims, &shares);
        self.package.draft.claims = Bounded::new(vec![claims]).expect("one table");
    }

    fn of(
        institution: &Wallet,
        name: &str,
        price: u64,
        blocks: &[u32],
        tamper: &Tamper<'_>,
        kinds: &[Kind],
    ) -> Self {
        let key = Scalar(hash_to_scalar("galen/test/master-key", &[name.as_bytes()]));
        let layout = layout(blocks, kinds);
        let (mut ciphertexts, mut leaves, mut all_cells) = (Vec::new(), Vec::new(), Vec::new());
        for segment in 0..layout.segments() {
            let place = layout.place(segment).expect("within the layout");
            let (mut plaintext, claim, cells) =
                committed(key, segment, &place, kinds, tamper.cells);
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
        let claims = match blocks {
            [] => vec![],
            _ if kinds == CHARTED => vec![charted_claims()],
            _ => vec![TableClaims::of_k(K)],
        };
        let draft = DraftListing {
            root: Digest(tree.root()),
            segments: layout.segments(),
            key: Scalar(key_commitment(key.0)),
            layout,
            claims: Bounded::new(claims).expect("one table"),
            ..plain.draft
        };
        let ciphertext = ciphertexts[0].clone();
        let package = FilePackage { key, ciphertext, leaves: tree, draft };
        Self { package, proven: Vec::new(), ciphertexts, leaves, cells: all_cells }
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
        self.attempt(simulation, block).expect("the claims are true").0
    }

    /// The action that proves a block, and the block's shares of charts.
    ///
    /// # Errors
    /// When a claim is false.
    ///
    /// # Panics
    /// When the block is not there.
    pub fn attempt(
        &self,
        simulation: &mut Simulation,
        block: u32,
    ) -> Result<(ProveBlock, Vec<BlockShare>), ProveError> {
        let ListingId { institution, package } = self.listing();
        let table = &self.package.draft.layout.tables()[0];
        let first = table.segment(block, 0).expect("a block of the table");
        let from = usize::try_from(first).expect("few segments");
        let columns = table.columns.len();
        let range = from..from + columns;
        let leaves = self.leaves[range].to_vec();
        let commitments = leaves
            .iter()
            .map(|leaf| G1Point::from_bytes(&leaf.claim).expect("a commitment"))
            .collect();
        let draft = &self.package.draft;
        let claims = draft.claims[0].of_block(&draft.layout, 0, block, commitments);
        let claims = claims.expect("a block of the table");
        let context =
            BundleContext { package: package.0, institution: institution.0, table: 0, block };
        let opened: Vec<Cells<'_>> = claims
            .opened()
            .into_iter()
            .map(|column| {
                let at = from + column as usize;
                let blinders = blinders(self.package.key, at as u64);
                Cells { cells: &self.cells[at], blinders }
            })
            .collect();
        let proven =
            prover().prove_bundle(&context, &claims, &opened, &mut simulation.rng, &|_| {})?;
        let tree = &self.package.leaves;
        let action = ProveBlock {
            institution,
            package,
            table: 0,
            block,
            leaves: Bounded::new(leaves).expect("few columns"),
            path: tree.prove(first, columns as u64).expect("leaves of the tree"),
            bundle: Bytes::new(encode(&proven.bundle)).expect("a bundle is bounded"),
        };
        Ok((action, proven.shares))
    }

    /// Drafts it and proves every block.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn list(&self, simulation: &mut Simulation, institution: &Wallet) -> Result<(), TxError> {
        simulation.list(institution, &self.package)?;
        let blocks = self.package.draft.layout.blocks().map(|(_, block)| block);
        for block in blocks.collect::<Vec<_>>() {
            let made = self.proven.get(block as usize).map(|(proof, _)| proof.clone());
            let proof = made.unwrap_or_else(|| self.prove(simulation, block));
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

/// Diversity of both sensitive columns, and charts of every column, without totals.
fn charted_claims() -> TableClaims {
    let column = |kind| {
        let at = CHARTED.iter().position(|other| *other == kind).expect("a column of the table");
        u32::try_from(at).expect("few columns")
    };
    let diversity = vec![
        Diversity { column: column(Kind::Score), l: 2, order: Order::Any },
        Diversity { column: column(Kind::Outcome), l: 3, order: Order::Tail },
    ];
    let charts = CHARTED.iter().map(|kind| Chart {
        column: column(*kind),
        form: match kind {
            Kind::Score => ChartForm::Wide { step: SCORE_STEP },
            _ => ChartForm::Small,
        },
        totals: Summary::default(),
        blinders: [Scalar::default(); 3],
    });
    TableClaims {
        diversity: Bounded::new(diversity).expect("two columns"),
        charts: Bounded::new(charts.collect()).expect("few charts"),
        ..TableClaims::of_k(K)
    }
}

/// Plaintext, claim and cells of a segment, which agree with each other.
fn committed(
    key: Scalar,
    segment: u64,
    place: &Place,
    kinds: &[Kind],
    change: &dyn Fn(u64, &mut Vec<u64>),
) -> (Vec<u8>, [u8; 32], Vec<u64>) {
    match *place {
        Place::Column { block, column, width, rows, .. } => {
            let mut cells: Vec<u64> =
                (0..rows).map(|row| cell(kinds[column as usize], block, row)).collect();
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
