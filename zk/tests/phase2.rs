//! Phase 2 run here and by snarkjs, in turns: the same first key, contributions that both accept, and
//! tampered ones that both refuse.

#![allow(clippy::unwrap_used)]

#[path = "support/node.rs"]
mod node;
#[path = "support/ceremony.rs"]
#[allow(dead_code)]
mod support;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use ark_relations::gr1cs::ConstraintSystem;
use galen_zk::ceremony::CeremonyError;
use galen_zk::ceremony::contribute::Phase2;
use galen_zk::ceremony::entropy::Entropy;
use galen_zk::ceremony::folder::{self, Circuit};
use galen_zk::ceremony::history::{History, HistoryError, Origin};
use galen_zk::ceremony::initial;
use galen_zk::ceremony::phase1::PowersFile;
use galen_zk::ceremony::r1cs::Constraints;
use galen_zk::ceremony::zkey;
use galen_zk::circuit::k_anonymity::KAnonymity;
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::circuit::wire::{Wire, enforce_equal};
use galen_zk::proof;
use galen_zk::statement::Statement;

use support::{
    circuit, done, export, montgomery_1, montgomery_2, powers, powers_path, rng, sections,
    snarkjs_accepts, text,
};

/// The first key, made here.
fn first(circuit: &Circuit) -> Vec<u8> {
    let mut bytes = Vec::new();
    initial::write(&circuit.constraints, &mut powers(), &mut rng(1), &mut bytes).unwrap();
    bytes
}

fn contribute(key: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut entropy = Entropy::new(b"typed").unwrap();
    let phase = Phase2::open(Cursor::new(key)).unwrap();
    phase.contribute(name, &mut entropy, &mut bytes).unwrap();
    bytes
}

fn check(circuit: &Circuit, key: &[u8]) -> Result<History, CeremonyError> {
    zkey::import(Cursor::new(key), &mut powers(), &circuit.constraints, &mut rng(2))
        .map(|(_, history)| history)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// `x³ + x + 5 = y` with `y` public.
fn small() -> Circuit {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let y = Wire::input(&cs, Fr::from(35)).unwrap();
    let x = Wire::witness(&cs, Fr::from(3)).unwrap();
    let cube = x.times(&cs, &x).unwrap().times(&cs, &x).unwrap();
    enforce_equal(&cs, &cube.plus(&x).plus_constant(Fr::from(5)), &y).unwrap();
    cs.finalize();
    let constraints = Constraints::from_system(&cs).unwrap();
    Circuit { name: "cube/1".into(), constraints, committed: 0 }
}

#[test]
fn the_first_key_is_that_of_the_public_tools_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let [r1cs, theirs] = ["c.r1cs", "0.zkey"].map(|name| folder.path().join(name));
    for circuit in [
        small(),
        circuit("segment-key/1", &SegmentKey),
        circuit("k-anonymity/1/60", &KAnonymity { rows: 60 }),
    ] {
        export(&circuit, &r1cs);
        done(["groth16", "setup", text(&r1cs), text(powers_path()), text(&theirs)]);
        assert!(first(&circuit) == fs::read(&theirs).unwrap(), "{}", circuit.name);
    }
    // The same from powers that nobody prepared for phase 2.
    let whole = fs::read(powers_path()).unwrap();
    let kept: Vec<_> = sections(&whole).into_iter().filter(|(kind, _)| *kind <= 7).collect();
    let mut bare = whole[..8].to_vec();
    bare.extend((kept.len() as u32).to_le_bytes());
    for (_, (start, length)) in kept {
        bare.extend(&whole[start - 12..start + length]);
    }
    let mut bytes = Vec::new();
    let mut file = PowersFile::open(Cursor::new(bare)).unwrap();
    initial::write(&small().constraints, &mut file, &mut rng(1), &mut bytes).unwrap();
    assert!(bytes == first(&small()));
}

#[test]
fn contributions_of_both_programs_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let circuit = circuit("segment-key/1", &SegmentKey);
    let r1cs = path("c.r1cs");
    export(&circuit, &r1cs);

    let ours = contribute(&first(&circuit), "A hospital");
    let one = write(folder.path(), "1.zkey", &ours);
    let said = done(["zkey", "contribute", text(&one), text(&path("2")), "-n=Other", "-e=chance"]);
    let third = contribute(&fs::read(path("2")).unwrap(), "A university");
    let mut last = Vec::new();
    let phase = Phase2::open(Cursor::new(third)).unwrap();
    phase.beacon("Randomness of 1 May", &[7; 32], 10, &mut last).unwrap();
    let key = write(folder.path(), "last.zkey", &last);
    assert!(snarkjs_accepts(&r1cs, &key));

    let history = check(&circuit, &last).unwrap();
    let names: Vec<_> = history.contributions().iter().map(|step| step.name()).collect();
    assert_eq!(names, ["A hospital", "Other", "A university", "Randomness of 1 May"]);
    let origin = history.contributions()[3].origin();
    assert_eq!(*origin, Origin::Beacon { value: vec![7; 32], iterations: 10 });
    // What the public tool told its contributor to publish.
    let hash = hex::encode(history.contributions()[1].hash());
    let shown: String = said.chars().filter(char::is_ascii_hexdigit).collect();
    assert!(shown.contains(&hash), "{hash} is not in {said}");

    let proving =
        folder::derive(&circuit, Cursor::new(&last), &mut powers(), None, &mut rng(1)).unwrap();
    let verifying = proving.verifying_key("segment-key/1").unwrap();
    let (public, witness) = SegmentKey.example();
    let proof = proof::prove(&SegmentKey, &proving, &public, &witness, &mut rng(2)).unwrap();
    proof::verify(&SegmentKey, &verifying, &public, &proof).unwrap();
}

/// Fields of a contribution, as they follow one another in a file: where they begin and end.
const DELTA: std::ops::Range<usize> = 0..64;
const BASE: std::ops::Range<usize> = 64..128;
const PRODUCT: std::ops::Range<usize> = 128..192;
const KNOWLEDGE: std::ops::Range<usize> = 192..320;
const TRANSCRIPT: std::ops::Range<usize> = 320..384;

/// The history of a key in parts: the circuit's hash, and each contribution.
fn parts(key: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (start, length) = sections(key)[&10];
    let history = &key[start..start + length];
    let mut rest = &history[68..];
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let said = u32::from_le_bytes(rest[388..392].try_into().unwrap()) as usize;
        steps.push(rest[..392 + said].to_vec());
        rest = &rest[392 + said..];
    }
    (history[..64].to_vec(), steps)
}

/// The same key with another history; the history is the last section.
fn with_history(key: &[u8], circuit: &[u8], steps: &[Vec<u8>]) -> Vec<u8> {
    let (start, _) = sections(key)[&10];
    let history = [circuit, &(steps.len() as u32).to_le_bytes(), &steps.concat()].concat();
    let mut bytes = key[..start - 8].to_vec();
    bytes.extend((history.len() as u64).to_le_bytes());
    bytes.extend(history);
    bytes
}

#[test]
fn adversary_21_a_tampered_contribution_is_refused_here_and_by_the_public_tool() {
    let folder = tempfile::tempdir().unwrap();
    let circuit = small();
    let r1cs = folder.path().join("c.r1cs");
    export(&circuit, &r1cs);
    let one = contribute(&first(&circuit), "One");
    let two = contribute(&one, "Two");
    let mut honest = Vec::new();
    let phase = Phase2::open(Cursor::new(&two)).unwrap();
    phase.beacon("Last", &[9; 32], 10, &mut honest).unwrap();

    let accepted = |key: &[u8]| snarkjs_accepts(&r1cs, &write(folder.path(), "key", key));
    let refused = |key: &[u8], wanted: HistoryError| {
        match check(&circuit, key) {
            Err(CeremonyError::History(found)) => assert_eq!(found, wanted),
            other => panic!("{other:?} instead of {wanted}"),
        }
        assert!(!accepted(key), "{wanted}");
    };
    check(&circuit, &honest).unwrap();
    assert!(accepted(&honest));
    assert!(accepted(&one));
    check(&circuit, &one).unwrap();

    let (hash, steps) = parts(&honest);
    let changed = |step: usize, range: std::ops::Range<usize>, bytes: &[u8]| {
        let mut steps = steps.clone();
        steps[step][range].copy_from_slice(bytes);
        with_history(&honest, &hash, &steps)
    };
    assert!(changed(0, DELTA, &steps[0][DELTA]) == honest);
    let other_1 = montgomery_1(&(G1Affine::generator() * Fr::from(5)).into_affine());
    let other_2 = montgomery_2(&(G2Affine::generator() * Fr::from(5)).into_affine());
    refused(&changed(0, DELTA, &other_1), HistoryError::Delta(1));
    refused(&changed(1, BASE, &other_1), HistoryError::Transcript(2));
    refused(&changed(1, PRODUCT, &other_1), HistoryError::Transcript(2));
    refused(&changed(1, KNOWLEDGE, &other_2), HistoryError::Knowledge(2));
    refused(&changed(1, TRANSCRIPT, &steps[0][TRANSCRIPT]), HistoryError::Transcript(2));
    // Left out, exchanged, cut off at the end, repeated.
    let of = |steps: &[&Vec<u8>]| {
        let steps: Vec<Vec<u8>> = steps.iter().map(|step| (*step).clone()).collect();
        with_history(&honest, &hash, &steps)
    };
    refused(&of(&[&steps[1], &steps[2]]), HistoryError::Transcript(1));
    refused(&of(&[&steps[1], &steps[0], &steps[2]]), HistoryError::Transcript(1));
    refused(&of(&[&steps[0], &steps[1]]), HistoryError::Last);
    refused(&of(&[&steps[0], &steps[1], &steps[1]]), HistoryError::Transcript(3));
    // Another random value than the one that was announced.
    let mut value = steps.clone();
    *value[2].last_mut().unwrap() ^= 1;
    refused(&with_history(&honest, &hash, &value), HistoryError::Beacon(3));
    // A history that starts elsewhere.
    let mut start = hash.clone();
    start[0] ^= 1;
    refused(&with_history(&honest, &start, &steps), HistoryError::Circuit);

    // δ of the history, but points divided by something else.
    for section in [8, 9] {
        let (at, _) = sections(&honest)[&section];
        let (from, length) = sections(&one)[&section];
        let mut other = honest.clone();
        other[at..at + length].copy_from_slice(&one[from..from + length]);
        let found = check(&circuit, &other).unwrap_err();
        assert!(matches!(found, CeremonyError::Key(_)), "{found}");
        assert!(!accepted(&other), "section {section}");
    }
}

/// What the public tool lets pass and everybody could forge under: a public value alone.
#[test]
fn adversary_21_a_key_without_a_secret_is_refused() {
    let circuit = small();
    let one = contribute(&first(&circuit), "One");
    let beacon = |key: &[u8]| {
        let mut bytes = Vec::new();
        let phase = Phase2::open(Cursor::new(key)).unwrap();
        phase.beacon("Last", &[9; 32], 10, &mut bytes).map(|_| bytes)
    };
    let refused = |found: CeremonyError, wanted: HistoryError| match found {
        CeremonyError::History(found) => assert_eq!(found, wanted),
        other => panic!("{other} instead of {wanted}"),
    };
    // Not made here; made by the public tool, not accepted.
    refused(beacon(&first(&circuit)).unwrap_err(), HistoryError::NoContribution);
    let folder = tempfile::tempdir().unwrap();
    let [zero, last] = ["0.zkey", "1.zkey"].map(|name| folder.path().join(name));
    fs::write(&zero, first(&circuit)).unwrap();
    done(["zkey", "beacon", text(&zero), text(&last), "0a0b0c0d0e0f", "10", "-n=last"]);
    refused(check(&circuit, &fs::read(&last).unwrap()).unwrap_err(), HistoryError::NoContribution);
    // Nothing follows the final value; a name must be one.
    let ended = beacon(&one).unwrap();
    check(&circuit, &ended).unwrap();
    refused(beacon(&ended).unwrap_err(), HistoryError::Ended);
    let phase = |key: &[u8]| Phase2::open(Cursor::new(key.to_vec())).unwrap();
    let late = phase(&ended).contribute("Late", &mut rng(3), &mut Vec::new());
    refused(late.unwrap_err(), HistoryError::Ended);
    let nameless = phase(&one).contribute("", &mut rng(3), &mut Vec::new());
    refused(nameless.unwrap_err(), HistoryError::Name);
    let value = phase(&one).beacon("Last", &[], 10, &mut Vec::new());
    refused(value.unwrap_err(), HistoryError::Value);
    // A chain that does not hold is not built on.
    let (hash, steps) = parts(&one);
    let mut broken = steps.clone();
    broken[0][KNOWLEDGE].copy_from_slice(&montgomery_2(&G2Affine::generator()));
    let broken = with_history(&one, &hash, &broken);
    let built = phase(&broken).contribute("Two", &mut rng(3), &mut Vec::new());
    refused(built.unwrap_err(), HistoryError::Knowledge(1));
}

#[test]
fn damaged_keys_are_refused_without_a_panic() {
    let circuit = small();
    let honest = contribute(&first(&circuit), "One");
    let (hash, steps) = parts(&honest);
    let open = |bytes: Vec<u8>| Phase2::open(Cursor::new(bytes)).map(|_| ());
    open(honest.clone()).unwrap();
    for length in (0..honest.len()).step_by(7) {
        assert!(open(honest[..length].to_vec()).is_err(), "{length} bytes");
    }
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut steps = steps.clone();
        change(&mut steps[0]);
        open(with_history(&honest, &hash, &steps)).unwrap_err().to_string()
    };
    // A kind that is none; something unknown said; a length beyond the end; text that is none.
    assert!(with(&|step| step[384] = 2).contains("unknown kind"));
    assert!(with(&|step| step[392] = 9).contains("unknown"));
    assert!(with(&|step| step[393] = 200).contains("cut short"));
    assert!(with(&|step| step[394] = 0xff).contains("UTF-8"));
    assert!(with(&|step| step[388] = 0xff).contains("cut short"));
    assert!(with(&|step| step[DELTA].fill(0)).contains("neutral"));
    assert!(with(&|step| step[BASE.start] ^= 1).contains("not on the curve"));
    // A point outside the subgroup: checked, although the curve equation holds.
    let mut x = ark_bn254::Fq2::ONE;
    let outside = loop {
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, false)
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            break point;
        }
        x += ark_bn254::Fq2::ONE;
    };
    let outside = montgomery_2(&outside);
    assert!(with(&|step| step[KNOWLEDGE].copy_from_slice(&outside)).contains("subgroup"));
    let many = [hash.as_slice(), &u32::MAX.to_le_bytes()].concat();
    let (start, _) = sections(&honest)[&10];
    let mut bytes = honest[..start - 8].to_vec();
    bytes.extend((many.len() as u64).to_le_bytes());
    bytes.extend(many);
    assert!(open(bytes).unwrap_err().to_string().contains("too many"));
}
