//! One node by itself, in this process.

use crate::common::testing::{CountError, Counters};
use crate::common::{PATIENCE, Plan};
use galen_chain::store::{Decision, Store, StoreError};
use galen_chain::{
    Application, BlockContext, Checked, NodeError, StoredEvent, SubmitError, TransactionStatus,
};
use galen_market::state::Overlay;
use std::time::Duration;

const RUNTIME: &str = "the runtime starts";

fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect(RUNTIME).block_on(test);
}

#[test]
fn a_transaction_becomes_final_and_stays_so_over_a_restart() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::alone(folder.path());
        let node = plan.start().await.unwrap();
        assert_eq!(node.status().height, 0);
        let first = plan.rules().count(1, 0);
        let id = node.submit(first.bytes()).await.unwrap().id;
        let status = node.wait_for(&id, PATIENCE).await.unwrap();
        assert_eq!(status, TransactionStatus::Final { height: 1, index: 0 });
        assert_eq!(node.receipt(&id).unwrap(), Some(1));
        assert_eq!(node.events(1).unwrap(), Some(vec![(1, 1)]));
        assert_eq!(Counters::counter(&*node.snapshot(), 1), 1);
        assert!(matches!(node.submit(first.bytes()).await, Err(SubmitError::Final(1))));
        let proof = node.snapshot().prove(b"count/\x01").unwrap();
        proof.verify(&node.block(1).unwrap().unwrap().block.header.state_root).unwrap();
        let before = node.status();
        node.shutdown().await;
        assert!(matches!(
            node.submit(plan.rules().count(1, 1).bytes()).await,
            Err(SubmitError::Stopping)
        ));
        drop(node);

        let node = plan.start().await.unwrap();
        let after = node.status();
        assert_eq!((after.height, after.state_root), (before.height, before.state_root));
        assert_eq!(node.transaction(&id).unwrap(), status);
        let id = node.submit(plan.rules().count(1, 1).bytes()).await.unwrap().id;
        let status = node.wait_for(&id, PATIENCE).await.unwrap();
        assert_eq!(status, TransactionStatus::Final { height: 2, index: 0 });
        node.shutdown().await;
    });
}

#[test]
fn a_quiet_ledger_makes_no_blocks_until_one_is_due() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan { max_idle_ms: 2_500, ..Plan::alone(folder.path()) };
        let node = plan.start().await.unwrap();
        let id = node.submit(plan.rules().count(1, 0).bytes()).await.unwrap().id;
        node.wait_for(&id, PATIENCE).await.unwrap();
        let height = node.status().height;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(node.status().height, height, "an empty block before its time");
        let mut heights = node.subscribe();
        tokio::time::timeout(PATIENCE, heights.wait_for(|h| *h > height)).await.unwrap().unwrap();
        let [last, heartbeat] = [height, height + 1].map(|h| node.block(h).unwrap().unwrap().block);
        assert!(heartbeat.transactions.is_empty());
        let pause = heartbeat.header.time_ms - last.header.time_ms;
        assert!((2_500..15_000).contains(&pause), "{pause} ms");
        node.shutdown().await;
    });
}

#[test]
fn a_deadline_makes_a_block_when_it_is_due() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::alone(folder.path());
        let node = plan.start().await.unwrap();
        let mut timer = plan.rules().count(1, 0);
        timer.timer_ms = Some(900);
        let id = node.submit(timer.bytes()).await.unwrap().id;
        node.wait_for(&id, PATIENCE).await.unwrap();
        let set = node.status();
        assert_eq!(Counters::fired(&*node.snapshot()), 0);
        let mut heights = node.subscribe();
        tokio::time::timeout(PATIENCE, heights.wait_for(|h| *h > set.height))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(Counters::fired(&*node.snapshot()), 1);
        let after = node.status().time_ms - set.time_ms;
        assert!((900..15_000).contains(&after), "{after} ms");
        node.shutdown().await;
    });
}

#[test]
fn refusals_name_the_rule() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::alone(folder.path());
        let node = plan.start().await.unwrap();
        let rules = plan.rules();
        let refused = |error| matches!(error, Err(SubmitError::<CountError>::Refused(_)));
        assert!(matches!(
            node.submit(vec![1, 2, 3]).await,
            Err(SubmitError::Refused(CountError::Malformed))
        ));
        let mut longer = rules.count(1, 0).bytes();
        longer.push(0);
        assert!(matches!(
            node.submit(longer).await,
            Err(SubmitError::Refused(CountError::Malformed))
        ));
        let mut foreign = rules.count(1, 0);
        foreign.chain = [9; 32];
        assert!(matches!(
            node.submit(foreign.bytes()).await,
            Err(SubmitError::Refused(CountError::Chain))
        ));
        let mut late = rules.count(1, 0);
        late.expiry_ms = 1;
        assert!(matches!(
            node.submit(late.bytes()).await,
            Err(SubmitError::Refused(CountError::Expired))
        ));
        assert!(refused(node.submit(rules.count(1, 5).bytes()).await));
        // The twins without a fault, the second of which depends on the first.
        let first = node.submit(rules.count(1, 0).bytes()).await.unwrap();
        let second = node.submit(rules.count(1, 1).bytes()).await.unwrap();
        for id in [first.id, second.id] {
            assert!(matches!(
                node.wait_for(&id, PATIENCE).await.unwrap(),
                TransactionStatus::Final { .. }
            ));
        }
        assert_eq!(node.transaction(&[9; 32]).unwrap(), TransactionStatus::Unknown);
        node.shutdown().await;
    });
}

#[test]
fn replay_from_genesis_gives_the_same_roots() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan { max_idle_ms: 1_000, ..Plan::alone(folder.path()) };
        let node = plan.start().await.unwrap();
        let rules = plan.rules();
        let mut last = [0; 32];
        for nonce in 0..12 {
            for account in 0..4 {
                let mut count = rules.count(account, nonce);
                count.timer_ms = (nonce % 3 == 0).then_some(nonce * 100);
                count.payload = vec![account; usize::from(account) * 1000];
                last = node.submit(count.bytes()).await.unwrap().id;
            }
        }
        node.wait_for(&last, PATIENCE).await.unwrap();
        let tip = node.status();

        let copy = tempfile::tempdir().unwrap();
        let store = Store::open(copy.path(), rules.chain_id(), || rules.genesis()).unwrap();
        for height in 1..=tip.height {
            let stored = node.block(height).unwrap().unwrap();
            let header = &stored.block.header;
            let transactions: Vec<_> =
                stored.block.transactions.iter().map(|b| rules.check(b).unwrap()).collect();
            let now = BlockContext { height, time_ms: header.time_ms };
            let snapshot = store.snapshot();
            let executed = rules.execute_block(&*snapshot, now, &transactions).unwrap();
            let tree = store.tree_after(&snapshot, &executed.changes).unwrap();
            assert_eq!(tree.root, header.state_root, "height {height}");
            let mut after = Overlay::new(&*snapshot);
            after.apply(executed.changes.clone());
            let events: Vec<_> = executed
                .events
                .iter()
                .map(|event| StoredEvent {
                    bytes: borsh::to_vec(event).unwrap(),
                    subjects: rules.subjects(&after, event).unwrap(),
                })
                .collect();
            let told = events.iter().map(|event| event.bytes.as_slice());
            assert_eq!(galen_light::events_root(told), header.events, "height {height}");
            let decision = Decision {
                block: &stored.block,
                certificate: stored.certificate,
                changes: &executed.changes,
                tree: &tree,
                transactions: transactions.iter().map(Checked::id).collect(),
                receipts: executed
                    .receipts
                    .iter()
                    .map(|receipt| borsh::to_vec(receipt).unwrap())
                    .collect(),
                events: &events,
                validators: Vec::new(),
            };
            store.commit(&decision).unwrap();
        }
        assert_eq!((store.tip().height, store.tip().state_root), (tip.height, tip.state_root));
        node.shutdown().await;
    });
}

#[test]
fn a_node_does_not_start_on_the_folder_of_another_ledger() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::alone(folder.path());
        plan.start().await.unwrap().shutdown().await;
        let settings = |plan: &Plan| {
            galen_chain::NodeSettings::alone(
                plan.data.clone(),
                galen_chain::NodeKey::from_secret(plan.secret),
            )
        };
        let other = Counters { name: "others".into(), ..plan.rules() };
        let error = galen_chain::Node::start_with(other, settings(&plan)).await.err().unwrap();
        assert!(matches!(error, NodeError::Store(StoreError::OtherChain { .. })), "{error}");
        let node = galen_chain::Node::start_with(plan.rules(), settings(&plan)).await.unwrap();
        node.shutdown().await;
    });
}

#[test]
fn a_damaged_write_ahead_log_stops_the_start_and_a_torn_one_does_not() {
    in_runtime(async {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::alone(folder.path());
        let node = plan.start().await.unwrap();
        let id = node.submit(plan.rules().count(1, 0).bytes()).await.unwrap().id;
        node.wait_for(&id, PATIENCE).await.unwrap();
        node.shutdown().await;
        drop(node);
        // A log for the next height with a torn entry, then with an entry that is not what was written.
        let wal = folder.path().join("consensus.wal");
        let header = [&1u32.to_be_bytes()[..], &2u64.to_be_bytes()].concat();
        let entry =
            |length: u64, data: &[u8]| [&[0][..], &length.to_be_bytes(), &[0; 4], data].concat();
        std::fs::write(&wal, [&header[..], &entry(100, &[1, 2, 3])].concat()).unwrap();
        let node = plan.start().await.unwrap();
        let id = node.submit(plan.rules().count(1, 1).bytes()).await.unwrap().id;
        assert!(matches!(
            node.wait_for(&id, PATIENCE).await.unwrap(),
            TransactionStatus::Final { .. }
        ));
        let next = node.status().height + 1;
        node.shutdown().await;
        drop(node);
        let header = [&1u32.to_be_bytes()[..], &next.to_be_bytes()].concat();
        std::fs::write(&wal, [&header[..], &entry(3, &[1, 2, 3])].concat()).unwrap();
        let error = plan.start().await.err().unwrap();
        assert!(matches!(error, NodeError::Wal(_)), "{error}");
        assert!(error.to_string().contains("damaged at byte 12"), "{error}");
    });
}
