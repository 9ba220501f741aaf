use std::collections::BTreeMap;

use galen_light::{
    EventProof, EventProofError, OtherLeaf, StateProof, StateProofError, events_root,
};
use galen_market::codec::{Bounded, Bytes, encode};
use galen_market::event::Event;
use galen_market::id::{DealId, Digest};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::chain::Chain;
use crate::reference;

type Hash = [u8; 32];
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A state of random entries, its hashed form and its root.
fn state(entries: usize, seed: u64) -> (Entries, Vec<(Hash, Hash)>, Hash) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bytes = || (0..rng.gen_range(1..9)).map(|_| rng.r#gen()).collect::<Vec<u8>>();
    let state: Entries = (0..entries).map(|_| (bytes(), bytes())).collect();
    let hashed: Vec<_> = reference::hashed(&state).into_iter().collect();
    let root = reference::root(&hashed, 0);
    (state, hashed, root)
}

/// What an honest node says of a key, by the reference.
fn honest(state: &BTreeMap<Vec<u8>, Vec<u8>>, hashed: &[(Hash, Hash)], key: &[u8]) -> StateProof {
    let of_key = *reference::hashed([(&key.to_vec(), &vec![])]).first_key_value().unwrap().0;
    let (siblings, alone) = reference::path(hashed, &of_key);
    let value = state.get(key);
    let other = alone.filter(|_| value.is_none());
    StateProof {
        key: Bytes::new(key.to_vec()).unwrap(),
        value: value.map(|value| Bytes::new(value.clone()).unwrap()),
        other: other.map(|(key_hash, value_hash)| OtherLeaf { key_hash, value_hash }),
        siblings: Bounded::new(siblings.into_iter().map(Digest).collect()).unwrap(),
    }
}

fn with_siblings(proof: &StateProof, change: impl FnOnce(&mut Vec<Digest>)) -> StateProof {
    let mut siblings = proof.siblings.to_vec();
    change(&mut siblings);
    StateProof { siblings: Bounded::new(siblings).unwrap(), ..proof.clone() }
}

/// Proofs and lies of several kinds, with the roots that they should lead to.
pub fn some() -> Vec<(String, StateProof, Hash)> {
    let mut all = Vec::new();
    for entries in [0, 1, 2, 17, 300] {
        let (state, hashed, root) = state(entries, entries as u64);
        for absent in 0..10u8 {
            let proof = honest(&state, &hashed, &[b"absent".as_slice(), &[absent]].concat());
            all.push((format!("absent {absent} of {entries}"), proof, root));
        }
        for (at, key) in state.keys().take(12).enumerate() {
            let good = honest(&state, &hashed, key);
            let mut add =
                |what: &str, proof| all.push((format!("{what} {at} of {entries}"), proof, root));
            add("present", good.clone());
            add("denied", StateProof { value: None, ..good.clone() });
            let of_key = reference::hashed([(key, &state[key])]);
            let (key_hash, value_hash) = of_key.first_key_value().unwrap();
            let leaf = OtherLeaf { key_hash: *key_hash, value_hash: *value_hash };
            add("denied by itself", StateProof { value: None, other: Some(leaf), ..good.clone() });
            let near = OtherLeaf { key_hash: [1; 32], value_hash: [2; 32] };
            add("two leaves", StateProof { other: Some(near), ..good.clone() });
            add("another place", StateProof { value: None, other: Some(near), ..good.clone() });
            let value = Some(Bytes::new([state[key].as_slice(), &[0]].concat()).unwrap());
            add("another value", StateProof { value, ..good.clone() });
            add("longer", with_siblings(&good, |nodes| nodes.push(Digest([0; 32]))));
            add("backwards", with_siblings(&good, |nodes| nodes.reverse()));
        }
    }
    all
}

#[test]
fn what_the_reference_proves_is_accepted() {
    for entries in [0, 1, 2, 3, 17, 400] {
        let (state, hashed, root) = state(entries, entries as u64);
        for key in state.keys() {
            assert_eq!(honest(&state, &hashed, key).verify(&root), Ok(()));
        }
        for absent in 0..50u8 {
            let key = [b"absent".as_slice(), &[absent]].concat();
            assert_eq!(honest(&state, &hashed, &key).verify(&root), Ok(()), "{entries}");
        }
    }
}

#[test]
fn adversary_45b_a_false_proof_of_a_value_is_refused() {
    let (state, hashed, root) = state(300, 9);
    for (key, value) in state.iter().take(40) {
        let good = honest(&state, &hashed, key);
        assert_eq!(good.verify(&root), Ok(()));
        let refused = |lie: StateProof| assert_eq!(lie.verify(&root), Err(StateProofError::Root));
        let mut another = value.clone();
        another[0] ^= 1;
        refused(StateProof { value: Some(Bytes::new(another).unwrap()), ..good.clone() });
        refused(StateProof {
            key: Bytes::new([key.as_slice(), &[0]].concat()).unwrap(),
            ..good.clone()
        });
        // Shorter, longer, turned around, one node changed.
        refused(with_siblings(&good, |nodes| {
            nodes.pop();
        }));
        refused(with_siblings(&good, |nodes| {
            nodes.remove(0);
        }));
        refused(with_siblings(&good, |nodes| nodes.push(Digest([0; 32]))));
        refused(with_siblings(&good, |nodes| nodes.insert(0, Digest(galen_light::EMPTY_SUBTREE))));
        refused(with_siblings(&good, |nodes| nodes.reverse()));
        refused(with_siblings(&good, |nodes| nodes[1].0[5] ^= 1));
        let mut other = root;
        other[0] ^= 1;
        assert_eq!(good.verify(&other), Err(StateProofError::Root));
        let leaf = OtherLeaf { key_hash: [1; 32], value_hash: [2; 32] };
        let two = StateProof { other: Some(leaf), ..good.clone() };
        assert_eq!(two.verify(&root), Err(StateProofError::TwoLeaves));
    }
}

#[test]
fn adversary_45b_a_key_that_is_there_is_not_proven_absent() {
    let (state, hashed, root) = state(300, 10);
    let absent = b"nobody".to_vec();
    assert_eq!(honest(&state, &hashed, &absent).verify(&root), Ok(()));
    for key in state.keys().take(40) {
        let good = honest(&state, &hashed, key);
        let nothing = StateProof { value: None, ..good.clone() };
        assert_eq!(nothing.verify(&root), Err(StateProofError::Root));
        // Its own leaf, shown as another's.
        let of_key = reference::hashed([(key, &state[key])]);
        let (own, value) = of_key.first_key_value().unwrap();
        let leaf = |key_hash, value_hash| Some(OtherLeaf { key_hash, value_hash });
        let own = StateProof { value: None, other: leaf(*own, *value), ..good.clone() };
        assert_eq!(own.verify(&root), Err(StateProofError::Present));
        // A true path to another leaf, which is not where this key would be.
        let far = state.keys().find(|far| {
            let proof = honest(&state, &hashed, far);
            let far = *reference::hashed([(*far, &vec![])]).first_key_value().unwrap().0;
            let near = *reference::hashed([(key, &vec![])]).first_key_value().unwrap().0;
            far[0] & 0x80 != near[0] & 0x80 && !proof.siblings.is_empty()
        });
        let far = far.unwrap();
        let far_hashed = reference::hashed([(far, &state[far])]);
        let (far_key, far_value) = far_hashed.first_key_value().unwrap();
        let path = honest(&state, &hashed, far).siblings;
        let lie = StateProof {
            key: good.key.clone(),
            value: None,
            other: leaf(*far_key, *far_value),
            siblings: path,
        };
        assert_eq!(lie.verify(&root), Err(StateProofError::OtherPlace));
    }
}

#[test]
fn adversary_45b_hostile_proofs_are_bounded() {
    let (state, hashed, root) = state(5, 11);
    let key = state.keys().next().unwrap();
    let good = honest(&state, &hashed, key);
    let text = serde_json::to_string(&good).unwrap();
    let read: StateProof = serde_json::from_str(&text).unwrap();
    assert_eq!((&read, read.verify(&root)), (&good, Ok(())));
    let long = |siblings: usize| {
        let siblings = vec![Digest([0; 32]); siblings];
        let mut value = serde_json::to_value(&good).unwrap();
        value["siblings"] = serde_json::to_value(siblings).unwrap();
        serde_json::from_value::<StateProof>(value)
    };
    assert_eq!(long(256).unwrap().verify(&root), Err(StateProofError::Root));
    assert!(long(257).unwrap_err().to_string().contains("257 items"));
    let unknown = text.replacen('{', "{\"more\":1,", 1);
    assert!(serde_json::from_str::<StateProof>(&unknown).is_err());
}

#[test]
fn adversary_45b_an_event_is_proven_at_its_place_only() {
    let deals: Vec<Event> =
        (0..9).map(|n| Event::DealFinalized { deal: DealId([n; 32]) }).collect();
    let bytes: Vec<_> = deals.iter().map(encode).collect();
    let mut header = Chain::new(&[(1, vec![(1, 1)])], 1).block(1).header;
    header.events = events_root(bytes.iter().map(Vec::as_slice));
    let refused = Err(EventProofError::Root { height: 1 });
    for (index, event) in (0u64..).zip(&deals) {
        let proof = EventProof::new(&bytes, index).unwrap();
        assert_eq!(proof.verify(&header).as_ref(), Ok(event));
        let text = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<EventProof>(&text).unwrap(), proof);
        let moved = EventProof { index: (index + 1) % 9, ..proof.clone() };
        assert_eq!(moved.verify(&header), refused);
        let fewer = EventProof { total: 8, ..proof.clone() };
        assert_eq!(fewer.verify(&header), refused);
        let other = Bytes::new(encode(&Event::DealAgreed { deal: DealId([0; 32]) })).unwrap();
        assert_eq!(EventProof { event: other, ..proof.clone() }.verify(&header), refused);
        assert_eq!(
            proof.verify(&galen_light::Header { events: [0; 32], ..header.clone() }),
            refused
        );
    }
    assert_eq!(EventProof::new(&bytes, 9), None);
    assert_eq!(EventProof::new(&[], 0), None);
    assert_eq!(events_root([]), [0; 32]);
}
