//! What there is to sell: packages of files and of tables, true ones and one that is not what its leaves
//! say. Made once for all runs.

use galen_market::action::trade::{DraftListing, ProveBlock};
use galen_market::codec::{Bounded, Bytes};
use galen_market::id::Digest;
use galen_market::listing::ListingId;
use galen_market::segment::{self, Leaf, LeafTree, NONCE_BYTES};
use galen_market::testing::{FilePackage, TablePackage, Wallet};
use galen_zk::field::Scalar;
use galen_zk::hash::segment_key;

use super::reference::{ListingName, Name};

/// The institutions.
pub const INSTITUTIONS: [&str; 3] = ["hospital", "clinic", "biobank"];
/// Files of each institution; the last one is not what its leaf says.
const FILES: usize = 14;

/// A package.
pub struct Good {
    pub institution: Name,
    pub package: Name,
    pub draft: DraftListing,
    /// Rows of its table, if it has one.
    pub rows: u64,
    /// What proves its blocks.
    pub blocks: Vec<ProveBlock>,
    /// The first segment, for disputes.
    pub ciphertext: Vec<u8>,
    pub leaf: Leaf,
    pub leaves: LeafTree,
    pub key: Scalar,
    /// Whether it is what its leaves say.
    pub sound: bool,
}

impl Good {
    pub fn listing(&self) -> ListingName {
        (self.institution, self.package)
    }
}

/// All packages.
pub struct Goods(pub Vec<Good>);

impl Goods {
    pub fn new() -> Self {
        let mut goods = Vec::new();
        for name in INSTITUTIONS {
            let institution = Wallet::new(name);
            for number in 0..FILES {
                let sound = number + 1 < FILES;
                goods.push(file(&institution, &format!("{name} {number}"), sound));
            }
            for rows in [20, 40] {
                goods.push(table(&institution, &format!("{name} table {rows}"), &[rows, rows]));
            }
        }
        Self(goods)
    }
}

fn file(institution: &Wallet, name: &str, sound: bool) -> Good {
    let mut package = FilePackage::new(institution, name, 1);
    let place = package.draft.layout.place(0).expect("one segment");
    if !sound {
        let cipher_key = Scalar(segment_key(package.key.0, 1)).to_bytes();
        let content = format!("The records of {name}.");
        let sealed = segment::seal(&cipher_key, 0, 1, [9; NONCE_BYTES], content.as_bytes());
        package.ciphertext = sealed.expect("a short file");
    }
    let leaf = Leaf::new(&place, &package.ciphertext, [0; 32]);
    package.leaves = LeafTree::new(&[leaf]).expect("one leaf is a tree");
    package.draft.root = Digest(package.leaves.root());
    let (rows, blocks) = (0, Vec::new());
    good(package, leaf, rows, blocks, sound)
}

fn table(institution: &Wallet, name: &str, rows: &[u32]) -> Good {
    let TablePackage { package, leaves, .. } = TablePackage::new(institution, name, 1, rows);
    let ListingId { institution, package: id } = package.listing();
    let layout = &package.draft.layout;
    let columns = layout.tables()[0].columns.len();
    let blocks = (0u32..).zip(rows).map(|(block, _)| {
        let first = layout.tables()[0].segment(block, 0).expect("a block of the table");
        let from = usize::try_from(first).expect("few segments");
        let leaves = leaves[from..from + columns].to_vec();
        ProveBlock {
            institution,
            package: id,
            table: 0,
            block,
            leaves: Bounded::new(leaves).expect("few columns"),
            path: package.leaves.prove(first, columns as u64).expect("leaves of the tree"),
            // Announces no proof: whoever trusts it decodes none.
            bundle: Bytes::new(vec![0; 4]).expect("four bytes"),
        }
    });
    let blocks = blocks.collect();
    let rows = rows.iter().map(|rows| u64::from(*rows)).sum();
    good(package, leaves[0], rows, blocks, true)
}

fn good(package: FilePackage, leaf: Leaf, rows: u64, blocks: Vec<ProveBlock>, sound: bool) -> Good {
    let listing = package.listing();
    let FilePackage { key, ciphertext, leaves, draft } = package;
    Good {
        institution: listing.institution.0,
        package: listing.package.0,
        draft,
        rows,
        blocks,
        ciphertext,
        leaf,
        leaves,
        key,
        sound,
    }
}
