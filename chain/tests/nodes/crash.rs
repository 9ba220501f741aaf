//! A node that is killed: nothing acknowledged is lost, and nothing is acknowledged before it is on
//! the disk.

use crate::common::{Plan, Remote};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn acknowledged_transactions_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = Plan::alone(folder.path());
    let rules = plan.rules();
    let mut rng = StdRng::seed_from_u64(9);
    let mut acknowledged = Vec::new();
    let mut nonce = 0;
    for round in 0..8 {
        let mut node = Remote::start(&plan, &[]);
        for _ in 0..rng.gen_range(1..12) {
            acknowledged.push(node.submit(&rules.count(1, nonce)));
            nonce += 1;
        }
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(rng.gen_range(0..40)));
        }
        plan = node.kill();
    }
    let mut node = Remote::start(&plan, &[]);
    let places: Vec<_> = acknowledged.iter().map(|id| node.wait_final(id)).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "each once, and in order: {places:?}");
    // Whatever was acknowledged is all there is.
    let next = node.submit(&rules.count(1, nonce));
    node.wait_final(&next);
}

/// A system call of a traced process: the lines of the trace at which it began and returned, and what
/// stands there.
struct Call {
    began: usize,
    returned: usize,
    text: String,
}

fn calls(trace: &str) -> Vec<Call> {
    let mut unfinished = BTreeMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((process, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(beginning) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(process, (number, beginning.to_owned()));
        } else if text.starts_with("<... ")
            && let Some((began, beginning)) = unfinished.remove(process)
        {
            calls.push(Call { began, returned: number, text: beginning + text });
        } else {
            calls.push(Call { began: number, returned: number, text: text.to_owned() });
        }
    }
    calls
}

fn of<'a>(calls: &'a [Call], name: &str, what: &str) -> Vec<&'a Call> {
    calls
        .iter()
        .filter(move |call| call.text.starts_with(name) && call.text.contains(what))
        .collect()
}

fn syncs<'a>(calls: &'a [Call], file: &str) -> Vec<&'a Call> {
    of(calls, "f", file).into_iter().filter(|call| call.text.contains("sync(")).collect()
}

#[test]
fn a_transaction_is_on_the_disk_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::alone(&folder.path().join("node"));
    let trace = folder.path().join("trace");
    let path = trace.to_str().unwrap();
    let wrapper =
        ["strace", "-f", "-y", "-s", "200", "-e", "trace=read,write,fsync,fdatasync", "-o", path];
    let mut node = Remote::start(&plan, &wrapper);
    let count = plan.rules().count(1, 0);
    let id = node.submit(&count);
    node.wait_final(&id);
    // The trace is complete when the node has ended by itself.
    node.end();

    let calls = calls(&std::fs::read_to_string(&trace).unwrap());
    let order = format!("submit {}", &hex::encode(count.bytes())[..32]);
    let asked = of(&calls, "read(", &order)[0].returned;
    let answered = of(&calls, "write(", "@ok ")[0].began;
    assert!(asked < answered);
    let journal =
        syncs(&calls, "/ledger/").iter().any(|c| asked < c.began && c.returned < answered);
    assert!(journal, "no sync of the journal between the order and the answer");
    // This validator's votes are on the disk before the block that they decide.
    let told = of(&calls, "write(", "@final ")[0].began;
    let block = syncs(&calls, "/ledger/")
        .into_iter()
        .rfind(|c| asked < c.began && c.returned < told)
        .unwrap();
    let log =
        syncs(&calls, "consensus.wal").iter().any(|c| asked < c.began && c.returned < block.began);
    assert!(log, "the block was written before the votes");
}
