//! A ceremony from end to end, on small circuits: constraints exported, phase 2 run by snarkjs, its key
//! taken over, σ multiplied, proofs made; and what happens when a contribution is tampered with.
//!
//! snarkjs and the powers of tau are made once and kept in the cache of the public tools.

#![allow(clippy::unwrap_used)]

#[path = "support/node.rs"]
mod node;
#[path = "support/ceremony.rs"]
mod support;

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use ark_relations::gr1cs::ConstraintSystem;
use galen_zk::ceremony::CeremonyError;
use galen_zk::ceremony::folder::{self, Circuit};
use galen_zk::ceremony::phase1::PowersFile;
use galen_zk::ceremony::r1cs::write_witness;
use galen_zk::ceremony::sigma::{SigmaError, Transcript};
use galen_zk::ceremony::zkey;
use galen_zk::circuit::k_anonymity::{KAnonymity, KAnonymityPublic, KAnonymityWitness};
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic};
use galen_zk::committed;
use galen_zk::field::Scalar;
use galen_zk::interop;
use galen_zk::keys::{Index, Network, Prover, Verifier, registry};
use galen_zk::point::{G1Point, G2Point};
use galen_zk::proof::{self, KeyError, Proof, ProofError, ProvingKey, VerifyingKey};
use galen_zk::setup::file_stem;
use galen_zk::statement::Statement;
use galen_zk::testing::powers_file;

use support::{
    POWER, circuit, done, export, montgomery_1, montgomery_2, phase_2, powers, powers_path, rng,
    sections, snarkjs, snarkjs_accepts, swapped, text,
};

/// The segment key's ceremony, run once.
fn segment_key() -> &'static (tempfile::TempDir, [PathBuf; 3]) {
    static CEREMONY: OnceLock<(tempfile::TempDir, [PathBuf; 3])> = OnceLock::new();
    CEREMONY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let paths = phase_2(&circuit("segment-key/1", &SegmentKey), folder.path());
        (folder, paths)
    })
}

fn derive(circuit: &Circuit, key: &[u8]) -> Result<ProvingKey, CeremonyError> {
    folder::derive(circuit, Cursor::new(key), &mut powers(), None, &mut rng(1))
}

fn refused(result: Result<ProvingKey, CeremonyError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn exported_constraints_are_those_of_the_circuit() {
    let folder = tempfile::tempdir().unwrap();
    let [r1cs, witness, wrong] =
        ["c.r1cs", "w.wtns", "x.wtns"].map(|name| folder.path().join(name));
    let circuit = circuit("segment-key/1", &SegmentKey);
    export(&circuit, &r1cs);
    let said = done(["r1cs", "info", text(&r1cs)]);
    for line in
        ["Curve: bn-128", "# of Constraints: 512", "# of Public Inputs: 4", "# of Outputs: 0"]
    {
        assert!(said.contains(line), "{said}");
    }

    let (public, private) = SegmentKey.example();
    let cs = ConstraintSystem::<Fr>::new_ref();
    SegmentKey.synthesize(cs.clone(), &public, &private).unwrap();
    cs.finalize();
    let mut values = cs.instance_assignment().unwrap();
    values.extend(cs.witness_assignment().unwrap());
    write_witness(&values, &mut File::create(&witness).unwrap()).unwrap();
    done(["wtns", "check", text(&r1cs), text(&witness)]);
    values[7] += Fr::ONE;
    write_witness(&values, &mut File::create(&wrong).unwrap()).unwrap();
    let (ok, said) = snarkjs(["wtns", "check", text(&r1cs), text(&wrong)]);
    assert!(!ok || said.contains("not valid") || said.contains("NOT"), "{said}");
}

#[test]
fn a_ceremony_makes_a_key_whose_proofs_everybody_accepts() {
    let (folder, [r1cs, _, key]) = segment_key();
    assert!(snarkjs_accepts(r1cs, key));
    let circuit = circuit("segment-key/1", &SegmentKey);
    let proving = derive(&circuit, &fs::read(key).unwrap()).unwrap();
    let verifying = proving.verifying_key("segment-key/1").unwrap();

    let (public, witness) = SegmentKey.example();
    let proof = proof::prove(&SegmentKey, &proving, &public, &witness, &mut rng(2)).unwrap();
    proof::verify(&SegmentKey, &verifying, &public, &proof).unwrap();
    let other = SegmentKeyPublic { deal: Scalar::from(18), ..public };
    let refused = proof::verify(&SegmentKey, &verifying, &other, &proof);
    assert_eq!(refused, Err(ProofError::Invalid));

    // The same by snarkjs, under our export of the key and under its own.
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, value: &serde_json::Value| {
        fs::write(path(name), value.to_string()).unwrap();
        path(name)
    };
    let inputs = |public: &SegmentKeyPublic| {
        let inputs: Vec<Scalar> = SegmentKey.inputs(public).into_iter().map(Scalar).collect();
        interop::public_inputs(&inputs)
    };
    let ours = write("ours.json", &interop::verifying_key("segment-key/1", &verifying).unwrap());
    let theirs = path("theirs.json");
    done(["zkey", "export", "verificationkey", text(key), text(&theirs)]);
    let proof = write("proof.json", &interop::proof(&proof));
    let (right, wrong) =
        (write("right.json", &inputs(&public)), write("wrong.json", &inputs(&other)));
    for key in [&ours, &theirs] {
        let verify =
            |inputs: &Path| snarkjs(["groth16", "verify", text(key), text(inputs), text(&proof)]);
        let (ok, said) = verify(&right);
        assert!(ok && said.contains("OK!"), "{said}");
        let (ok, said) = verify(&wrong);
        assert!(!ok || said.contains("Invalid proof"), "{said}");
    }
}

/// A key that was written out is the one that was read, and the public tool proves with it.
#[test]
fn the_public_tool_proves_with_a_key_that_was_written_out() {
    let (folder, [_, _, key]) = segment_key();
    let circuit = circuit("segment-key/1", &SegmentKey);
    let proving = derive(&circuit, &fs::read(key).unwrap()).unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut bytes = Vec::new();
    zkey::export(proving.stock(), &circuit.constraints, &mut bytes).unwrap();
    // It says nothing of its origin, so nobody takes it over.
    assert!(matches!(derive(&circuit, &bytes), Err(CeremonyError::History(_))));
    fs::write(path("written.zkey"), &bytes).unwrap();

    let (public, witness) = SegmentKey.example();
    let assigned = proving.assign(&SegmentKey, &public, &witness).unwrap();
    write_witness(assigned.values(), &mut File::create(path("w.wtns")).unwrap()).unwrap();
    let [written, wtns, proof, inputs] =
        ["written.zkey", "w.wtns", "theirs-proof.json", "theirs-public.json"].map(path);
    done(["groth16", "prove", text(&written), text(&wtns), text(&proof), text(&inputs)]);
    let verifying = proving.verifying_key("segment-key/1").unwrap();
    let key = interop::verifying_key("segment-key/1", &verifying).unwrap();
    fs::write(path("written-key.json"), key.to_string()).unwrap();
    let said =
        done(["groth16", "verify", text(&path("written-key.json")), text(&inputs), text(&proof)]);
    assert!(said.contains("OK!"), "{said}");

    // A key for arkworks' reduction has another quotient.
    let other = galen_zk::setup::generate(&SegmentKey).unwrap();
    assert!(zkey::export(other.stock(), &circuit.constraints, &mut Vec::new()).is_err());
}

/// The development proofs, too, are accepted by a verifier of other people.
#[test]
fn development_proofs_are_accepted_by_the_public_tool() {
    let home = std::env::var_os("GALEN_PARAMS")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/params"), PathBuf::from);
    let prover = Prover::development(home).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: serde_json::Value| {
        let path = folder.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    };
    let (public, witness) = SegmentKey.example();
    let proof = prover.prove(&SegmentKey, &public, &witness, &mut rng(2)).unwrap();
    let key = prover.verifier().key(SegmentKey.circuit()).unwrap();
    let inputs: Vec<Scalar> = SegmentKey.inputs(&public).into_iter().map(Scalar).collect();
    let key = write("key.json", interop::verifying_key("segment-key/1", key).unwrap());
    let proof = write("proof.json", interop::proof(&proof));
    let public = write("public.json", interop::public_inputs(&inputs));
    let said = done(["groth16", "verify", text(&key), text(&public), text(&proof)]);
    assert!(said.contains("OK!"), "{said}");
    // A key of committed inputs means nothing to it, and is not written.
    let committed = galen_zk::circuit::k_anonymity::K_ANONYMITY_SMALL;
    let refused = interop::verifying_key(committed.0, prover.verifier().key(committed).unwrap());
    assert!(matches!(refused, Err(KeyError::Malformed { .. })));
}

#[test]
fn adversary_21_a_tampered_phase_2_is_refused_here_and_by_the_public_tool() {
    let (folder, [r1cs, first, key]) = segment_key();
    let circuit = circuit("segment-key/1", &SegmentKey);
    let honest = fs::read(key).unwrap();
    derive(&circuit, &honest).unwrap();

    for (section, size, reason) in [
        (3, 64, "a base of the inputs is wrong"),
        (5, 64, "a point of A is wrong"),
        (6, 64, "a point of B in the first group is wrong"),
        (7, 128, "a point of B in the second group is wrong"),
        (8, 64, "a point of the private variables is wrong"),
        (9, 64, "a point of the quotient is wrong"),
    ] {
        let other = swapped(&honest, section, size);
        assert!(refused(derive(&circuit, &other)).contains(reason), "section {section}");
        if [3, 9].contains(&section) {
            let path = folder.path().join(format!("tampered-{section}.zkey"));
            fs::write(&path, other).unwrap();
            assert!(!snarkjs_accepts(r1cs, &path), "section {section}");
        }
    }
    // A key that nobody contributed to: δ is one, as γ is, and everybody can forge.
    let none = refused(derive(&circuit, &fs::read(first).unwrap()));
    assert!(none.contains("nobody contributed"), "{none}");

    // A δ of somebody's choosing in the header alone.
    let (header, length) = sections(&honest)[&2];
    let mut other = honest.clone();
    let delta = header + length - 64 - 128;
    other[delta..delta + 64].copy_from_slice(&montgomery_1(&G1Affine::generator()));
    assert!(refused(derive(&circuit, &other)).contains("delta differs"));
    // γ other than one; α of other powers.
    let mut other = honest.clone();
    let gamma = delta - 128;
    other[gamma..gamma + 128].copy_from_slice(&honest[delta + 64..delta + 192]);
    assert!(refused(derive(&circuit, &other)).contains("gamma is not one"));
    let mut other = honest.clone();
    let alpha = header + 84;
    other[alpha..alpha + 64].copy_from_slice(&montgomery_1(&G1Affine::generator()));
    assert!(refused(derive(&circuit, &other)).contains("other powers of tau"));
    // Another coefficient.
    let (coefficients, _) = sections(&honest)[&4];
    let mut other = honest.clone();
    other[coefficients + 4 + 12] ^= 1;
    assert!(refused(derive(&circuit, &other)).contains("other constraints"));
    // Bytes.
    let mut other = honest.clone();
    other[sections(&honest)[&5].0] ^= 1;
    assert!(refused(derive(&circuit, &other)).contains("not on the curve"));
    let longer = [honest.as_slice(), &[0]].concat();
    assert!(refused(derive(&circuit, &longer)).contains("bytes after"));
    assert!(derive(&circuit, &honest[..honest.len() - 1]).is_err());
    assert!(derive(&circuit, &honest[..40]).is_err());
}

#[test]
fn adversary_21_a_phase_2_of_another_circuit_is_refused() {
    let (folder, [_, _, key]) = segment_key();
    let own = circuit("segment-key/1", &SegmentKey);
    // The same circuit without one constraint, as a dishonest exporter would hand it to contributors.
    let weak = Circuit { constraints: own.constraints.retain(|row| row != 200), ..own.clone() };
    let place = folder.path().join("weak");
    fs::create_dir(&place).unwrap();
    let [r1cs, _, weak_key] = phase_2(&weak, &place);
    let found = refused(derive(&own, &fs::read(&weak_key).unwrap()));
    assert!(found.contains("other constraints"), "{found}");
    assert!(!snarkjs_accepts(&r1cs, key));
    derive(&weak, &fs::read(weak_key).unwrap()).unwrap();
}

#[test]
fn adversary_21_tampered_powers_are_refused() {
    let honest = fs::read(powers_path()).unwrap();
    let open = |bytes: &[u8]| {
        let mut file = PowersFile::open(Cursor::new(bytes.to_vec()))?;
        file.powers(1 << POWER, &mut rng(3))
    };
    open(&honest).unwrap();
    for (section, size) in [(2, 64), (3, 128), (4, 64), (5, 64)] {
        let other = swapped(&honest, section, size);
        assert!(matches!(open(&other), Err(CeremonyError::Powers(_))), "section {section}");
    }
    let (beta, _) = sections(&honest)[&6];
    let mut other = honest.clone();
    other[beta..beta + 128].copy_from_slice(&montgomery_2(&G2Affine::generator()));
    assert!(matches!(open(&other), Err(CeremonyError::Powers("beta differs between the groups"))));
    let few = powers().powers(1 << (POWER + 1), &mut rng(3));
    assert!(matches!(few, Err(CeremonyError::TooFew { .. })));
    assert!(open(&honest[..honest.len() - 1]).is_err());
}

/// k-anonymity of a block of 60 rows: committed inputs, through the public tools and our σ chain.
#[test]
fn committed_inputs_go_through_a_ceremony() {
    const ROWS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let statement = KAnonymity { rows: ROWS };
    let circuit = circuit("k-anonymity/1/60", &statement);
    let [r1cs, _, key] = phase_2(&circuit, folder.path());
    assert!(snarkjs_accepts(&r1cs, &key));
    let key = fs::read(key).unwrap();
    let with = |sigma: Option<&Transcript>| {
        folder::derive(&circuit, Cursor::new(&key), &mut powers(), sigma, &mut rng(1))
    };
    assert!(matches!(with(None), Err(CeremonyError::Incomplete(_))));

    let start =
        || folder::start_sigma(&circuit, Cursor::new(&key), &mut powers(), &mut rng(1)).unwrap();
    let mut chain = start();
    let idle = with(Some(&chain));
    assert!(matches!(idle, Err(CeremonyError::Sigma(SigmaError::NoContribution))));
    chain.contribute("A hospital", &mut rng(2)).unwrap();
    chain.contribute("A university", &mut rng(3)).unwrap();
    chain.beacon("Public randomness", &[5; 32], 10, &mut rng(4)).unwrap();
    let proving = with(Some(&chain)).unwrap();
    let verifying = proving.verifying_key(&circuit.name).unwrap();

    let values: Vec<Fr> = (0..ROWS as u64).map(|row| Fr::from(row / 5)).collect();
    let mut random = rng(6);
    let blinders = std::array::from_fn(|_| Fr::rand(&mut random));
    let witness = KAnonymityWitness::new(&values, &blinders, Fr::rand(&mut random), 5);
    let commitment = committed::commit(&statement, &proving, &witness).unwrap();
    let zeta = Fr::rand(&mut random);
    let public = KAnonymityPublic { k: 5, zeta, y: witness.evaluation(zeta) };
    let proof =
        committed::prove(&statement, &proving, &public, &witness.at(zeta), &mut random).unwrap();
    committed::verify(&statement, &verifying, &public, &commitment, &proof).unwrap();
    let other = KAnonymityPublic { k: 6, ..public };
    let refused = committed::verify(&statement, &verifying, &other, &commitment, &proof);
    assert_eq!(refused, Err(ProofError::Invalid));
    // A D shifted by the base of a public input, as if k were another.
    let mut shifted = commitment;
    let base = proving.stock().vk.gamma_abc_g1[1];
    shifted.values = G1Point::new((*commitment.values.affine() - base).into_affine()).unwrap();
    let refused = committed::verify(&statement, &verifying, &other, &shifted, &proof);
    assert_eq!(refused, Err(ProofError::Knowledge));

    // A chain of another circuit, or of another phase 2 of the same one.
    let bases: Vec<G1Affine> = proving.committed_bases().to_vec();
    let stranger = |name: &str, key: [u8; 32]| {
        let mut chain = Transcript::start(name, key, &bases).unwrap();
        chain.contribute("Stranger", &mut rng(7)).unwrap();
        matches!(with(Some(&chain)), Err(CeremonyError::Sigma(SigmaError::Circuit)))
    };
    assert!(stranger("k-anonymity/1/1016", chain.key()));
    assert!(stranger("k-anonymity/1/60", [1; 32]));
    assert!(!stranger("k-anonymity/1/60", chain.key()));
}

/// A folder with every registered circuit: the segment key from its ceremony, the others (whose
/// ceremonies take hours) by their development verifying keys with another δ, which makes them other
/// keys of the same circuits.
fn production(directory: &Path) -> PowersFile<Cursor<Vec<u8>>> {
    let known = Index::embedded().unwrap();
    let factor = Fr::from(0xdecafu64);
    for entry in registry() {
        let name = entry.circuit().0;
        if name == SegmentKey.circuit().0 {
            let circuit = Circuit::registered(&entry).unwrap();
            let key = fs::read(&segment_key().1[2]).unwrap();
            folder::install(directory, name, &derive(&circuit, &key).unwrap()).unwrap();
            continue;
        }
        let mut frozen = known.circuit(name).unwrap().clone();
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
        let mut bytes = fs::read(vectors.join(format!("{}.vk", file_stem(name)))).unwrap();
        let delta = G2Point::from_bytes(bytes[160..224].try_into().unwrap()).unwrap();
        let delta = G2Point::new((*delta.affine() * factor).into_affine()).unwrap();
        bytes[160..224].copy_from_slice(&delta.to_bytes());
        let key = VerifyingKey::from_bytes(name, &bytes, frozen.inputs, frozen.committed > 0);
        frozen.verifying_key = format!("0x{}", hex::encode(key.unwrap().hash()));
        let stem = directory.join(file_stem(name));
        fs::write(stem.with_extension("vk"), bytes).unwrap();
        fs::write(stem.with_extension("json"), serde_json::to_vec(&frozen).unwrap()).unwrap();
    }
    PowersFile::open(Cursor::new(powers_file(15, &mut rng(11)))).unwrap()
}

#[test]
fn a_production_network_takes_the_parameters_of_a_ceremony() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    assert_eq!(folder::missing(directory).len(), registry().len());
    let early = folder::finish(directory, &mut powers(), &mut rng(1));
    assert!(matches!(early, Err(CeremonyError::Incomplete(_))));
    let mut powers_of_tau = production(directory);
    // Too few powers for a block's columns.
    let few = folder::finish(directory, &mut powers(), &mut rng(1));
    assert!(matches!(few, Err(CeremonyError::TooFew { .. })));
    let parameters = folder::finish(directory, &mut powers_of_tau, &mut rng(1)).unwrap();
    let verifier = Verifier::new(Network::Production, parameters).unwrap();
    assert!(!verifier.is_forgeable());
    assert_ne!(verifier.parameters_hash(), Verifier::development().unwrap().parameters_hash());
    // What a dispute about a claim needs.
    assert_eq!(verifier.powers().unwrap().powers().len(), galen_zk::setup::POWERS);

    let prover = Prover::ceremony(directory).unwrap();
    let (public, witness) = SegmentKey.example();
    let proof = prover.prove(&SegmentKey, &public, &witness, &mut rng(2)).unwrap();
    verifier.verify(&SegmentKey, &public, &proof).unwrap();
    let development = Verifier::development().unwrap();
    assert_eq!(development.verify(&SegmentKey, &public, &proof), Err(ProofError::Invalid));

    // A proof under the public seed proves nothing here.
    let other: Proof = development_proof();
    assert_eq!(verifier.verify(&SegmentKey, &public, &other), Err(ProofError::Invalid));
    assert_eq!(development.verify(&SegmentKey, &public, &other), Ok(()));
}

fn development_proof() -> Proof {
    let home = std::env::var_os("GALEN_PARAMS")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/params"), PathBuf::from);
    let (public, witness) = SegmentKey.example();
    Prover::development(home).unwrap().prove(&SegmentKey, &public, &witness, &mut rng(3)).unwrap()
}

#[test]
fn adversary_13_broken_parameters_of_a_ceremony_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let mut powers_of_tau = production(directory);
    folder::finish(directory, &mut powers_of_tau, &mut rng(1)).unwrap();
    let (honest, _) = folder::load(directory).unwrap();
    let index_path = directory.join(folder::INDEX_FILE);
    let with_index = |index: &Index| {
        fs::write(&index_path, serde_json::to_vec(index).unwrap()).unwrap();
        let result = folder::load(directory).map(|(_, parameters)| parameters);
        fs::write(&index_path, serde_json::to_vec(&honest).unwrap()).unwrap();
        result
    };
    with_index(&honest).unwrap();

    // A key with γ = δ, pinned as it is.
    let path = directory.join("segment-key-1.vk");
    let good = fs::read(&path).unwrap();
    let mut equal = good.clone();
    equal.copy_within(96..160, 160);
    fs::write(&path, &equal).unwrap();
    let mut index = honest.clone();
    let hash = galen_zk::field::hash_parts("galen/verifying-key/1", &[&equal]);
    let entry = index.circuits.iter_mut().find(|c| c.circuit == "segment-key/1").unwrap();
    entry.verifying_key = format!("0x{}", hex::encode(hash));
    let refused = with_index(&index).unwrap_err();
    assert!(refused.to_string().contains("gamma equals delta"), "{refused}");
    // The same without the pin; then cut, then gone.
    assert!(matches!(folder::load(directory), Err(KeyError::Malformed { .. })));
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(matches!(folder::load(directory), Err(KeyError::Malformed { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(folder::load(directory), Err(KeyError::Cache(_))));
    fs::write(&path, &good).unwrap();

    // Another version of a circuit under its name.
    let mut index = honest.clone();
    index.circuits[0].description = index.circuits[1].description.clone();
    let refused = with_index(&index).unwrap_err();
    assert!(refused.to_string().contains("another version of this circuit"), "{refused}");
    // The powers of another τ; of development.
    let mut index = honest.clone();
    index.tau = G2Point::new(-*honest.tau.affine()).unwrap();
    assert!(matches!(with_index(&index), Err(KeyError::Malformed { .. })));
    let mut index = honest.clone();
    index.tau = Index::embedded().unwrap().tau;
    assert_eq!(with_index(&index).unwrap_err(), KeyError::Forgeable);
    let mut index = honest.clone();
    index.origin = galen_zk::keys::Origin::Development;
    assert_eq!(with_index(&index).unwrap_err(), KeyError::Forgeable);
    // Without powers no verifier starts, for no claim could be disputed.
    let names: Vec<(&str, Vec<u8>)> = registry()
        .iter()
        .map(|entry| {
            let name = entry.circuit().0;
            (name, fs::read(directory.join(file_stem(name)).with_extension("vk")).unwrap())
        })
        .collect();
    let bytes = names.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let bare = galen_zk::keys::Parameters::new(&honest, &bytes).unwrap();
    let refused = Verifier::new(Network::Production, bare).unwrap_err();
    assert_eq!(refused, KeyError::Unknown("powers-of-tau".into()));
    fs::remove_file(directory.join("powers-of-tau.key")).unwrap();
    assert!(matches!(folder::load(directory), Err(KeyError::Cache(_))));
}
