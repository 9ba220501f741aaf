//! What a sale takes besides its data: proofs, bytes on the ledger, and a dispute.

use std::hint::black_box;
use std::time::Duration;

use galen_market::action::trade::Dispute;
use galen_market::action::{Action, DepositBond};
use galen_market::codec::{Bytes, encode};
use galen_market::deal::Deal;
use galen_market::layout::{BlockRows, File, Layout, Place, SEGMENT_BYTES, Width};
use galen_market::segment::{
    self, Leaf, LeafTree, NONCE_BYTES, decode_cells, encode_cells, open, seal,
};
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Simulation, deal_of, euros, execute_as,
};
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::field::Scalar;
use galen_zk::hash::{blinder, segment_key};
use galen_zk::keys::Prover;
use galen_zk::statement::Statement;
use rand::rngs::OsRng;

use crate::proofs::prover;
use crate::report::{Report, median};

/// Longest time for a proof of a sale.
const PROOF: Duration = Duration::from_millis(300);
/// Longest time to verify it.
const VERIFICATION: Duration = Duration::from_millis(5);
/// Longest time of a validator for a dispute.
const DISPUTE: Duration = Duration::from_millis(50);

fn proven<S: Statement>(report: &mut Report, prover: &Prover, what: &str, statement: &S) {
    let (public, witness) = statement.example();
    let prove = || prover.prove(statement, &public, &witness, &mut OsRng).unwrap();
    let proof = prove();
    let time = median(5, || {
        prove();
    });
    report.time(&format!("{what}: proof"), PROOF, time);
    let verify = || prover.verifier().verify(statement, &public, &proof).unwrap();
    report.time(&format!("{what}: verification"), VERIFICATION, median(9, verify));
}

/// A package of one full segment of a file, which nobody can decrypt.
fn spoiled(package: FilePackage) -> FilePackage {
    let file = File { name: "records.bin".into(), first: 0, bytes: SEGMENT_BYTES as u64 };
    let layout = Layout::new(BlockRows::Full, vec![], vec![], vec![file]).unwrap();
    let content = vec![7; SEGMENT_BYTES];
    let ciphertext = seal(&[1; 32], 0, 1, [9; NONCE_BYTES], &content).unwrap();
    let place = layout.place(0).unwrap();
    let leaves = LeafTree::new(&[Leaf::new(&place, &ciphertext, [0; 32])]).unwrap();
    let mut draft = package.draft;
    draft.root.0 = leaves.root();
    draft.layout = layout;
    FilePackage { key: package.key, ciphertext, leaves, draft }
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part("A sale of any package: nothing in it grows with the package");
    let prover = prover();
    proven(report, &prover, "the buyer's credential", &Credential::default());
    proven(report, &prover, "the key's envelope", &KeyEnvelope::default());

    let mut simulation = Simulation::default();
    let hospital = simulation.institution("hospital", 100_000);
    let bond = DepositBond { institution: hospital.id(), money: euros(50_000) };
    simulation.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let package = spoiled(FilePackage::new(&hospital, "hearts", 500));
    simulation.list(&hospital, &package).unwrap();
    let issuer = simulation.issuer("university");
    let mut researcher = Researcher::new("researcher");
    simulation.enrol(&issuer, &mut researcher);
    let funder = simulation.funded("funder", 10_000);
    let buyer = Buyer::new("buyer");
    let request = package.request(&funder, &buyer, true);
    let request = simulation.request(request, &funder, &researcher, 0);
    simulation.submit(&request).unwrap();
    let deal = deal_of(&request);
    let delivery = simulation.delivery(deal, &package);
    simulation.submit(&delivery).unwrap();
    let (requested, delivered) = (request.encode().len(), delivery.encode().len());
    let bytes = |count: usize| format!("{count} bytes");
    report.note("on the ledger: the request", &bytes(requested));
    report.note("on the ledger: the delivery", &bytes(delivered));
    report.note("on the ledger: a sale", &bytes(requested + delivered));

    let public = SegmentKeyPublic::of(package.key, 0, Deal::scalar(&deal));
    let witness = SegmentKeyWitness { key: package.key };
    let proof = prover.prove(&SegmentKey, &public, &witness, &mut OsRng).unwrap();
    let dispute = Dispute {
        deal,
        segment: 0,
        leaf: Leaf::new(&package.draft.layout.place(0).unwrap(), &package.ciphertext, [0; 32]),
        path: package.leaves.prove(0, 1).unwrap(),
        ciphertext: Bytes::new(package.ciphertext.clone()).unwrap(),
        segment_key: public.segment_key,
        proof: Bytes::new(encode(&proof)).unwrap(),
    };
    report.note("on the ledger: a dispute of a full segment", &bytes(encode(&dispute).len()));
    let action = Action::Dispute(dispute);
    let time = median(9, || {
        simulation.probe(|ctx| execute_as(&action, ctx, Some(&buyer.auth))).unwrap();
    });
    report.time("a dispute of a file's segment, decided", DISPUTE, time);
    let time = column(&prover, &public, &proof);
    report.time("what decides one of a full column of 8-byte cells", DISPUTE, time);
}

/// Everything that decides a dispute about the largest column segment: its proof, hash and cipher, and
/// the commitment to its cells made again.
fn column(prover: &Prover, public: &SegmentKeyPublic, proof: &galen_zk::proof::Proof) -> Duration {
    let powers = prover.powers().unwrap();
    let rows = BlockRows::Full.rows();
    let cells: Vec<u64> =
        (0..u64::from(rows)).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let key = Scalar(segment_key(public.segment_key.0, 1));
    let blinders: [_; BLINDERS] = std::array::from_fn(|j| blinder(key.0, j as u64));
    let claim = powers.commit(rows as usize, &Column { cells: &cells, blinders }).unwrap();
    let plaintext = encode_cells(Width::W8, &cells).unwrap();
    let sealed = segment::seal(&key.to_bytes(), 1, 2, [9; NONCE_BYTES], &plaintext).unwrap();
    let place = Place::Column { table: 0, block: 0, column: 0, width: Width::W8, rows };
    let leaf = Leaf::new(&place, &sealed, claim.to_bytes());
    median(9, || {
        prover.verifier().verify(&SegmentKey, public, proof).unwrap();
        assert!(leaf.fits(&place) && leaf.holds(&sealed));
        let text = open(&key.to_bytes(), 1, 2, &sealed).unwrap();
        let cells = decode_cells(Width::W8, rows, &text).unwrap();
        let blinders = std::array::from_fn(|j| blinder(key.0, j as u64));
        let found = powers.commit(rows as usize, &Column { cells: &cells, blinders }).unwrap();
        assert_eq!(black_box(found.to_bytes()), leaf.claim);
    })
}
