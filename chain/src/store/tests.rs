#![allow(clippy::unwrap_used)]

use super::*;
use crate::block::{Header, transactions_hash};
use galen_light::{StateProof, StateProofError};
use galen_market::codec::Bytes;
use galen_market::state::{MemoryState, StateRead};
use rand::{Rng, SeedableRng, rngs::StdRng};

const CHAIN: [u8; 32] = [1; 32];

fn begin(path: &Path) -> Result<Store, StoreError> {
    Store::open(path, CHAIN, || Ok((Changes::from([(b"a".to_vec(), Some(b"1".to_vec()))]), 5)))
}

fn extend(store: &Store, changes: &Changes, transactions: Vec<Vec<u8>>) -> Tip {
    let tip = store.tip();
    let tree = store.tree_after(&store.snapshot(), changes).unwrap();
    let header = Header {
        chain_id: CHAIN,
        height: tip.height + 1,
        time_ms: tip.time_ms + 1,
        parent: tip.id,
        proposer: [0; 32],
        transactions: transactions_hash(&transactions),
        events: [0; 32],
        state_root: tree.root,
        validators: [8; 32],
        next_validators: [8; 32],
    };
    let ids: Vec<_> = transactions.iter().map(|t| [t[0]; 32]).collect();
    let events =
        ids.iter().map(|id| StoredEvent { bytes: vec![id[0]], subjects: vec![vec![id[0] % 2]] });
    let events: Vec<_> = events.collect();
    let block = Block { header, transactions };
    let decision = Decision {
        block: &block,
        certificate: vec![7],
        changes,
        tree: &tree,
        receipts: ids.iter().map(|id| vec![id[0]]).collect(),
        transactions: ids,
        events: &events,
        validators: vec![6],
    };
    store.commit(&decision).unwrap().tip()
}

fn random_changes(rng: &mut StdRng) -> Changes {
    (0..rng.gen_range(0..20))
        .map(|_| {
            let key =
                format!("{}{}", ["a", "b/", "b/c", ""][rng.gen_range(0..4)], rng.gen_range(0..40))
                    .into_bytes();
            (key, rng.gen_bool(0.7).then(|| vec![rng.r#gen(); rng.gen_range(0..5)]))
        })
        .collect()
}

#[test]
fn state_and_proofs_follow_every_block() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    let mut model = MemoryState::default();
    model.commit(Changes::from([(b"a".to_vec(), Some(b"1".to_vec()))]));
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..60 {
        let changes = random_changes(&mut rng);
        let tip = extend(&store, &changes, vec![]);
        model.commit(changes.clone());
        let snapshot = store.snapshot();
        for prefix in [&b""[..], b"a", b"b/", b"b/c", b"zz"] {
            for after in [None, Some(&b"b/2"[..])] {
                for limit in [0, 1, 7, 1000] {
                    assert_eq!(
                        snapshot.scan(prefix, after, limit),
                        model.scan(prefix, after, limit)
                    );
                }
            }
        }
        for key in changes.keys().chain([&b"absent".to_vec()]) {
            let proof = snapshot.prove(key).unwrap();
            assert_eq!(proof.value.as_deref(), model.get(key).unwrap().as_deref());
            proof.verify(&tip.state_root).unwrap();
        }
    }
}

#[test]
fn a_proof_of_another_value_or_root_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    let old = store.tip().state_root;
    let changes = (0..50u8).map(|n| (vec![n], Some(vec![n; 3]))).collect();
    let root = extend(&store, &changes, vec![]).state_root;
    assert_ne!(old, root);
    let proof = store.snapshot().prove(&[7]).unwrap();
    assert_eq!(proof.verify(&root), Ok(()));
    assert_eq!(proof.verify(&old), Err(StateProofError::Root));
    let of = |value: Option<Vec<u8>>| StateProof {
        value: value.map(|value| Bytes::new(value).unwrap()),
        ..proof.clone()
    };
    assert_eq!(of(Some(vec![7; 3])).verify(&root), Ok(()));
    assert_eq!(of(Some(vec![8; 3])).verify(&root), Err(StateProofError::Root));
    assert_eq!(of(None).verify(&root), Err(StateProofError::Root));
    let elsewhere = StateProof { key: Bytes::new(vec![8]).unwrap(), ..proof.clone() };
    assert_eq!(elsewhere.verify(&root), Err(StateProofError::Root));
    let absence = store.snapshot().prove(b"absent").unwrap();
    assert_eq!(absence.verify(&root), Ok(()));
    let there = StateProof { value: Some(Bytes::new(vec![]).unwrap()), other: None, ..absence };
    assert_eq!(there.verify(&root), Err(StateProofError::Root));
}

#[test]
fn events_are_found_by_what_they_are_about() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    for height in 1..=6u8 {
        extend(&store, &Changes::new(), (0..height).map(|n| vec![10 * height + n]).collect());
    }
    let odd = |after, until, limit| -> Vec<u8> {
        let found = store.events_about(&[1], after, until, limit).unwrap();
        found.into_iter().map(|(_, bytes)| bytes[0]).collect()
    };
    let all: Vec<u8> = (1..=6u8).flat_map(|h| (0..h).map(move |n| 10 * h + n)).collect();
    let all: Vec<u8> = all.into_iter().filter(|event| event % 2 == 1).collect();
    assert_eq!(odd(None, u64::MAX, 100), all);
    let until: Vec<u8> = all.iter().copied().filter(|event| *event < 50).collect();
    assert_eq!(odd(None, 4, 100), until);
    let latest = store.latest_about(&[1], 3).unwrap();
    let latest: Vec<u8> = latest.into_iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(latest, [65, 63, 61]);
    assert_eq!(store.latest_about(&[1], 100).unwrap().len(), all.len());
    assert_eq!(store.latest_about(&[2], 9).unwrap(), []);
    // Page by page, whatever their length.
    for limit in 1..5 {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = store.events_about(&[1], after, u64::MAX, limit).unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            pages.extend(page.iter().map(|(_, bytes)| bytes[0]));
        }
        assert_eq!(pages, all);
    }
    assert_eq!(store.events_about(&[2], None, u64::MAX, 9).unwrap(), []);
}

#[test]
fn a_snapshot_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    let before = store.snapshot();
    for _ in 0..20 {
        extend(
            &store,
            &Changes::from([(b"a".to_vec(), Some(b"2".to_vec())), (b"b".to_vec(), Some(vec![]))]),
            vec![],
        );
    }
    extend(&store, &Changes::from([(b"a".to_vec(), None)]), vec![]);
    assert_eq!(before.get(b"a").unwrap(), Some(b"1".to_vec()));
    let proof = before.prove(b"a").unwrap();
    assert_eq!(
        (proof.value.as_deref(), proof.verify(&before.state_root())),
        (Some(&b"1"[..]), Ok(()))
    );
    let after = store.snapshot();
    assert_eq!(after.get(b"a").unwrap(), None);
    after.prove(b"a").unwrap().verify(&after.state_root()).unwrap();
}

#[test]
fn everything_of_a_block_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    let pending = |n: u8| Pending { since_ms: 1, bytes: vec![n] };
    store.remember_pending(&[3; 32], &pending(3)).unwrap();
    store.remember_pending(&[4; 32], &pending(4)).unwrap();
    let undecided = |height| Undecided {
        height,
        round: 2,
        id: BlockId([height as u8; 32]),
        proposer: [0; 32],
        signature: None,
        block: vec![1],
    };
    store.remember_undecided(&undecided(1)).unwrap();
    store.remember_undecided(&undecided(2)).unwrap();
    let tip = extend(
        &store,
        &Changes::from([(b"b".to_vec(), Some(b"2".to_vec()))]),
        vec![vec![3], vec![5]],
    );
    drop(store);

    let store = begin(folder.path()).unwrap();
    assert_eq!(store.tip(), tip);
    assert_eq!(store.snapshot().get(b"b").unwrap(), Some(b"2".to_vec()));
    let stored = store.block(1).unwrap().unwrap();
    assert_eq!((stored.block.id(), stored.certificate), (tip.id, vec![7]));
    assert_eq!(store.header(1).unwrap(), Some(stored.block.header));
    assert_eq!(store.header(2).unwrap(), None);
    assert_eq!(store.block(2).unwrap(), None);
    assert_eq!(store.transaction(&[5; 32]).unwrap(), Some((1, 1)));
    assert_eq!(store.receipt(1, 1).unwrap(), Some(vec![5]));
    assert_eq!(store.events(1).unwrap(), Some(vec![vec![3], vec![5]]));
    assert_eq!(store.events(2).unwrap(), None);
    assert_eq!(store.event((1, 1)).unwrap(), Some(vec![5]));
    assert_eq!(store.validators(&[8; 32]).unwrap(), Some(vec![6]));
    assert_eq!(store.validators(&[9; 32]).unwrap(), None);
    assert_eq!(store.pending().unwrap(), [([4; 32], pending(4))]);
    assert_eq!(store.undecided(1).unwrap(), []);
    assert_eq!(store.undecided(2).unwrap(), [undecided(2)]);
}

#[test]
fn dropped_transactions_are_remembered_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    store.remember_pending(&[3; 32], &Pending { since_ms: 1, bytes: vec![3] }).unwrap();
    let dropped = Dropped { reason: "late".into(), at_ms: 10 };
    store.drop_pending(&[([3; 32], dropped.clone())]).unwrap();
    assert_eq!(
        (store.pending().unwrap(), store.dropped(&[3; 32]).unwrap()),
        (vec![], Some(dropped.clone()))
    );
    store.forget_dropped(10 + 24 * 3600 * 1000).unwrap();
    assert_eq!(store.dropped(&[3; 32]).unwrap(), Some(dropped));
    store.forget_dropped(11 + 24 * 3600 * 1000).unwrap();
    assert_eq!(store.dropped(&[3; 32]).unwrap(), None);
}

#[test]
fn a_block_that_does_not_follow_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    let changes = Changes::new();
    let tree = store.tree_after(&store.snapshot(), &changes).unwrap();
    let header = Header {
        chain_id: CHAIN,
        height: 1,
        time_ms: 9,
        parent: BlockId([9; 32]),
        proposer: [0; 32],
        transactions: transactions_hash(&[]),
        events: [0; 32],
        state_root: tree.root,
        validators: [8; 32],
        next_validators: [8; 32],
    };
    let block = Block { header, transactions: vec![] };
    let decision = |block| Decision {
        block,
        certificate: vec![],
        changes: &changes,
        tree: &tree,
        transactions: vec![],
        receipts: vec![],
        events: &[],
        validators: vec![],
    };
    assert!(matches!(store.commit(&decision(&block)), Err(StoreError::Corrupt(_))));
    assert_eq!(store.tip().height, 0);
    let mut right = block.clone();
    right.header.parent = store.tip().id;
    assert_eq!(store.commit(&decision(&right)).unwrap().height(), 1);
}

#[test]
fn the_store_of_another_ledger_or_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(begin(folder.path()).unwrap());
    let other = Store::open(folder.path(), [2; 32], || Ok((Changes::new(), 0)));
    assert!(matches!(other, Err(StoreError::OtherChain { .. })));
    assert!(begin(folder.path()).is_ok());

    let database = Database::open(&folder.path().join(FILE)).unwrap();
    let mut batch = Batch::default();
    batch.put(META, KEY_FORMAT, (FORMAT + 1).to_le_bytes());
    database.write(batch, Sync::Now).unwrap();
    drop(database);
    assert!(matches!(begin(folder.path()), Err(StoreError::Format { .. })));
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = begin(folder.path()).unwrap();
    assert!(matches!(begin(folder.path()), Err(StoreError::InUse { .. })));
    drop(store);
    assert!(begin(folder.path()).is_ok());
}
