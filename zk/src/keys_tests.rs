#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ark_bn254::G2Affine;
use ark_ec::AffineRepr;

use super::*;
use crate::field::hash_parts;
use crate::point::{G1Point, G2Point};
use crate::proof::KeyError;
use crate::setup::{self, Cache, file_stem, fingerprint};

fn text(hash: &[u8; 32]) -> String {
    format!("0x{}", hex::encode(hash))
}

/// Where people keep their keys, so that large ones are made once a machine.
fn parameters() -> PathBuf {
    std::env::var_os("GALEN_PARAMS")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache/galen/params")))
        .unwrap()
}

/// Freezes a circuit, or keeps what is `known` of it if its constraints are those and its key is there.
fn freeze(entry: &Entry, known: Option<&Frozen>, directory: &Path) -> Frozen {
    let shape = entry.shape().unwrap();
    if let Some(known) = known
        && known.description == text(&shape.description)
        && !entry.verifying_key.is_empty()
    {
        return known.clone();
    }
    let key = entry.generate().unwrap();
    let name = entry.circuit.0;
    let verifying = key.verifying_key(name).unwrap();
    fs::write(directory.join(format!("{}.vk", file_stem(name))), verifying.bytes()).unwrap();
    let pinned = fingerprint(&key).unwrap();
    // A large key is not made a second time to be used.
    Cache::new(parameters()).load_or(name, &pinned, || Ok(key)).unwrap();
    Frozen {
        circuit: name.to_owned(),
        inputs: shape.inputs,
        committed: shape.committed,
        constraints: shape.constraints,
        domain: shape.domain,
        description: text(&shape.description),
        verifying_key: text(&verifying.hash()),
        proving_key: text(&pinned),
    }
}

/// Writes `zk/vectors` when asked to: `GALEN_FREEZE=1` freezes new and changed circuits, which takes
/// minutes for the largest; `GALEN_FREEZE=all` every circuit, for when the way keys are made changed.
/// Without the variable it checks every circuit's constraints against what is frozen.
#[test]
fn circuits_are_the_frozen_ones() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let freezing = std::env::var("GALEN_FREEZE").unwrap_or_default();
    if freezing == "1" || freezing == "all" {
        let known = Index::embedded().ok().filter(|_| freezing == "1");
        let index = Index {
            origin: Origin::Development,
            tau: G2Point::new(setup::tau_g2()).unwrap(),
            powers: text(&fingerprint(&setup::generate_srs()).unwrap()),
            summary_powers: setup::summary_powers(),
            circuits: registry()
                .iter()
                .map(|entry| {
                    let name = entry.circuit.0;
                    let known = known.as_ref().and_then(|index| index.circuit(name).ok());
                    freeze(entry, known, &directory)
                })
                .collect(),
        };
        let json = serde_json::to_string_pretty(&index).unwrap() + "\n";
        fs::write(directory.join("index.json"), json).unwrap();
        return;
    }
    let index = Index::embedded().unwrap();
    assert_eq!(index.circuits.len(), registry().len());
    for entry in registry() {
        let frozen = index.circuit(entry.circuit.0).unwrap();
        let shape = entry.shape().unwrap();
        assert_eq!(shape.inputs, frozen.inputs, "{}", frozen.circuit);
        assert_eq!(shape.committed, frozen.committed, "{}", frozen.circuit);
        assert_eq!(shape.constraints, frozen.constraints, "{}", frozen.circuit);
        assert_eq!(shape.domain, frozen.domain, "{}", frozen.circuit);
        assert_eq!(text(&shape.description), frozen.description, "{}", frozen.circuit);
    }
}

/// Fresh generation gives the frozen keys, for every circuit that takes seconds.
#[test]
fn generation_gives_the_frozen_keys() {
    let index = Index::embedded().unwrap();
    let mut checked = 0;
    for entry in registry() {
        let frozen = index.circuit(entry.circuit.0).unwrap();
        if frozen.domain > 1 << 13 {
            continue;
        }
        let key = entry.generate().unwrap();
        let verifying = key.verifying_key(entry.circuit.0).unwrap();
        assert_eq!(text(&verifying.hash()), frozen.verifying_key, "{}", frozen.circuit);
        assert_eq!(verifying.bytes(), entry.verifying_key, "{}", frozen.circuit);
        assert_eq!(text(&fingerprint(&key).unwrap()), frozen.proving_key, "{}", frozen.circuit);
        checked += 1;
    }
    assert!(checked > 0);
    assert_eq!(index.tau, G2Point::new(setup::tau_g2()).unwrap());
    assert_eq!(index.origin, Origin::Development);
}

/// The key of k-anonymity, through the cache that people use.
#[test]
fn the_key_of_k_anonymity_is_the_frozen_one() {
    let prover = Prover::development(parameters()).unwrap();
    let id = crate::circuit::k_anonymity::K_ANONYMITY;
    let start = std::time::Instant::now();
    let key = prover.key(id).unwrap();
    let taken = start.elapsed();
    let frozen = Index::embedded().unwrap();
    assert_eq!(
        text(&key.verifying_key(id.0).unwrap().hash()),
        frozen.circuit(id.0).unwrap().verifying_key
    );
    print_time("key", taken);
}

#[allow(clippy::print_stdout)]
fn print_time(what: &str, taken: std::time::Duration) {
    println!("{what}: {} ms", taken.as_millis());
}

#[test]
fn production_refuses_forgeable_parameters() {
    let parameters = Parameters::development().unwrap();
    let refused = Verifier::new(Network::Production, parameters.clone()).unwrap_err();
    assert_eq!(refused, KeyError::Forgeable);
    let verifier = Verifier::new(Network::Development, parameters).unwrap();
    assert!(verifier.is_forgeable());
}

#[test]
fn adversary_13_seeded_parameters_under_another_name_are_refused() {
    let entries = registry();
    let all: BTreeMap<&str, &[u8]> =
        entries.iter().map(|e| (e.circuit.0, e.verifying_key)).collect();
    let index = Index::embedded().unwrap();
    assert_eq!(Parameters::new(&index, &all).unwrap().origin(), Origin::Development);
    // Everything as it is, called a ceremony's.
    let renamed = Index { origin: Origin::Ceremony, ..index.clone() };
    assert_eq!(Parameters::new(&renamed, &all).unwrap_err(), KeyError::Forgeable);
    // Nor does another τ help, as long as one key is left.
    let tau = G2Point::new(-*index.tau.affine()).unwrap();
    let mut one = Index { origin: Origin::Ceremony, tau, ..index };
    one.circuits.truncate(1);
    assert_eq!(Parameters::new(&one, &all).unwrap_err(), KeyError::Forgeable);
    // Without any of them it is another fault that is found.
    one.circuits.clear();
    assert!(matches!(Parameters::new(&one, &all), Err(KeyError::Unknown(_))));
}

/// The embedded parameters with one circuit's verifying key replaced, pinned as replaced: what a
/// badly made index could hold.
fn with_key(circuit: &str, bytes: &[u8]) -> Result<Parameters, KeyError> {
    let mut index = Index::embedded().unwrap();
    for frozen in &mut index.circuits {
        if frozen.circuit == circuit {
            frozen.verifying_key = text(&hash_parts("galen/verifying-key/1", &[bytes]));
        }
    }
    let entries = registry();
    let mut all: BTreeMap<&str, &[u8]> =
        entries.iter().map(|e| (e.circuit.0, e.verifying_key)).collect();
    all.insert(circuit, bytes);
    Parameters::new(&index, &all)
}

#[test]
fn adversary_13_degenerate_verifying_keys_are_refused() {
    let circuit = crate::circuit::k_anonymity::K_ANONYMITY_SMALL.0;
    let good = registry().into_iter().find(|e| e.circuit.0 == circuit).unwrap().verifying_key;
    with_key(circuit, good).unwrap();
    let reason = |bytes: &[u8]| match with_key(circuit, bytes).unwrap_err() {
        KeyError::Malformed { reason, .. } => reason,
        other => panic!("{other}"),
    };
    // alpha 32, beta 64, gamma 64, delta 64, count 4, bases 32 each, option 1, sigma 64.
    let (gamma, delta, count) = (96, 160, 224);
    let mut equal = good.to_vec();
    equal.copy_within(gamma..delta, delta);
    assert_eq!(reason(&equal), "gamma equals delta");

    let infinity = {
        let zero = crate::point::G1OrZero::new(ark_bn254::G1Affine::identity()).unwrap();
        zero.to_bytes()
    };
    let mut alpha = good.to_vec();
    alpha[..32].copy_from_slice(&infinity);
    assert!(reason(&alpha).contains("neutral element"));
    let mut base = good.to_vec();
    base[count + 4..count + 36].copy_from_slice(&infinity);
    assert!(reason(&base).contains("neutral element"));

    let bases = u32::from_le_bytes(good[count..count + 4].try_into().unwrap());
    let end = count + 4 + 32 * bases as usize;
    let mut short = good[..end - 32].to_vec();
    short.extend(&good[end..]);
    short[count..count + 4].copy_from_slice(&(bases - 1).to_le_bytes());
    assert!(reason(&short).contains("bases for 3 inputs"));
    let mut long = good[..end].to_vec();
    long.extend(G1Point::new(ark_bn254::G1Affine::generator()).unwrap().to_bytes());
    long.extend(&good[end..]);
    long[count..count + 4].copy_from_slice(&(bases + 1).to_le_bytes());
    assert!(reason(&long).contains("bases for 3 inputs"));

    let mut bare = good[..end].to_vec();
    bare.push(0);
    assert!(reason(&bare).contains("missing"));
    let mut trivial = good[..end + 1].to_vec();
    trivial.extend(G2Point::new(G2Affine::generator()).unwrap().to_bytes());
    assert!(reason(&trivial).contains("trivial"));
    assert!(!reason(&[good, &[0]].concat()).is_empty());
    assert!(!reason(&good[..good.len() - 1]).is_empty());
    assert!(!reason(&[]).is_empty());
}

#[test]
fn a_key_that_is_not_pinned_is_refused() {
    let circuit = crate::circuit::k_anonymity::K_ANONYMITY_SMALL.0;
    let good = registry().into_iter().find(|e| e.circuit.0 == circuit).unwrap().verifying_key;
    let mut swapped = good.to_vec();
    // Gamma and delta trade places: a well-formed key, of nothing that was frozen.
    let gamma: Vec<u8> = swapped[96..160].to_vec();
    swapped.copy_within(160..224, 96);
    swapped[160..224].copy_from_slice(&gamma);
    let entries = registry();
    let mut all: BTreeMap<&str, &[u8]> =
        entries.iter().map(|e| (e.circuit.0, e.verifying_key)).collect();
    all.insert(circuit, &swapped);
    let refused = Parameters::new(&Index::embedded().unwrap(), &all).unwrap_err();
    assert_eq!(refused, KeyError::NotPinned(circuit.into()));
    all.remove(circuit);
    let refused = Parameters::new(&Index::embedded().unwrap(), &all).unwrap_err();
    assert_eq!(refused, KeyError::Unknown(circuit.into()));
}
