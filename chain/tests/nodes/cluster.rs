//! Four validators in processes of their own, on loopback.

use crate::common::{self, PATIENCE, Plan, Remote};
use galen_chain::{NetworkConfig, NodeKey, Peer};
use libp2p::Multiaddr;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

fn plans(folder: &Path, nodes: u8) -> Vec<Plan> {
    // All ports are taken at once, so that they differ.
    let sockets: Vec<_> =
        (0..2 * nodes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<Multiaddr> = sockets
        .iter()
        .map(|socket| {
            format!("/ip4/127.0.0.1/tcp/{}", socket.local_addr().unwrap().port()).parse().unwrap()
        })
        .collect();
    let peers: Vec<_> = addresses
        .chunks(2)
        .map(|pair| Peer { consensus: pair[0].clone(), pending: pair[1].clone() })
        .collect();
    let secrets: Vec<_> = (0..nodes).map(|n| [n + 1; 32]).collect();
    let validators: Vec<_> =
        secrets.iter().map(|secret| NodeKey::from_secret(*secret).public()).collect();
    let genesis_ms = common::now_ms();
    (0..usize::from(nodes))
        .map(|n| Plan {
            data: folder.join(n.to_string()),
            secret: secrets[n],
            validators: validators.clone(),
            max_idle_ms: 60_000,
            genesis_ms,
            network: Some(NetworkConfig {
                consensus: peers[n].consensus.clone(),
                pending: peers[n].pending.clone(),
                peers: (0..peers.len()).filter(|m| *m != n).map(|m| peers[m].clone()).collect(),
            }),
        })
        .collect()
}

fn wait_connected(nodes: &mut [Remote], peers: u64) {
    let until = Instant::now() + PATIENCE;
    for node in nodes {
        loop {
            let connected: u64 = node.ask("status").split(' ').nth(2).unwrap().parse().unwrap();
            if connected >= peers {
                break;
            }
            assert!(Instant::now() < until, "a node has {connected} peers");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Every node has the same block at every height up to the lowest of them all.
fn assert_agreement(nodes: &mut [Remote]) -> u64 {
    let lowest = nodes.iter_mut().map(Remote::height).min().unwrap();
    for height in 1..=lowest {
        let roots: Vec<_> =
            nodes.iter_mut().map(|node| node.ask(&format!("root {height}"))).collect();
        assert!(
            roots.iter().all(|root| root.starts_with("root ") && *root == roots[0]),
            "height {height}: {roots:?}"
        );
    }
    lowest
}

#[test]
fn four_validators_agree_while_one_is_killed_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let plans = plans(folder.path(), 4);
    let rules = plans[0].rules();
    let mut nodes: Vec<_> = plans.iter().map(|plan| Remote::start(plan, &[])).collect();
    wait_connected(&mut nodes, 3);

    // A transaction handed to any node is final on all.
    for n in 0..4u8 {
        let id = nodes[usize::from(n)].submit(&rules.count(n, 0));
        for node in &mut nodes {
            node.wait_final(&id);
        }
    }
    assert!(assert_agreement(&mut nodes) >= 1);

    // One is killed; the others go on.
    let killed = nodes.pop().unwrap().kill();
    for nonce in 1..6 {
        let id = nodes[0].submit(&rules.count(0, nonce));
        nodes[2].wait_final(&id);
    }
    let height = assert_agreement(&mut nodes);

    // It comes back, catches up, and takes part.
    nodes.push(Remote::start(&killed, &[]));
    nodes[3].wait_height(height);
    let id = nodes[3].submit(&rules.count(9, 0));
    for node in &mut nodes {
        node.wait_final(&id);
    }
    assert!(assert_agreement(&mut nodes) > height);

    // All are killed at once, with a transaction that only one of them has acknowledged.
    let id = nodes[1].submit(&rules.count(0, 6));
    let plans: Vec<_> = nodes.into_iter().map(Remote::kill).collect();
    let mut nodes: Vec<_> = plans.iter().map(|plan| Remote::start(plan, &[])).collect();
    for node in &mut nodes {
        node.wait_final(&id);
    }
    assert!(assert_agreement(&mut nodes) > height);
}

#[test]
fn without_more_than_two_thirds_nothing_is_decided_and_with_them_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let plans = plans(folder.path(), 4);
    let rules = plans[0].rules();
    let mut nodes: Vec<_> = plans[..2].iter().map(|plan| Remote::start(plan, &[])).collect();
    wait_connected(&mut nodes, 1);
    let id = nodes[0].submit(&rules.count(1, 0));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((nodes[0].height(), nodes[1].height()), (0, 0));
    nodes.push(Remote::start(&plans[2], &[]));
    for node in &mut nodes {
        node.wait_final(&id);
    }
    assert!(assert_agreement(&mut nodes) >= 1);
}
