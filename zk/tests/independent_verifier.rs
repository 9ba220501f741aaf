//! The verifier of `web/portal/verifier`, which shares no code with this crate, accepts what this
//! crate accepts and refuses what it refuses, for the same reason.

#![allow(clippy::unwrap_used)]

#[path = "support/node.rs"]
mod node;

use std::path::PathBuf;
use std::process::Command;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{BlockClaims, Bundle, BundleContext, verify_bundle};
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::k_anonymity::{K_ANONYMITY_SMALL, SMALL_BLOCK_ROWS};
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::commitment::{BLINDERS, Column};
use galen_zk::field::{Scalar, modulus_bytes};
use galen_zk::keys::Prover;
use galen_zk::proof::{Proof, ProofError, VerifyingKey};
use galen_zk::statement::Statement;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn prover() -> Prover {
    let directory = std::env::var_os("GALEN_PARAMS")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/params"), PathBuf::from);
    Prover::development(directory).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The name of a refusal in the other verifier.
fn reason(error: &ProofError) -> &'static str {
    match error {
        ProofError::UnknownCircuit(_) => "unknown-circuit",
        ProofError::Inputs => "inputs",
        ProofError::Claim(_) => "claim",
        ProofError::Proofs => "proofs",
        ProofError::Columns => "columns",
        ProofError::Knowledge => "knowledge",
        ProofError::Opening => "opening",
        ProofError::Invalid => "invalid",
    }
}

fn outcome(result: Result<(), ProofError>) -> &'static str {
    result.map_or_else(|error| reason(&error), |()| "accepted")
}

/// Cases for the other verifier, each with what this crate says.
#[derive(Default)]
struct Cases {
    given: Vec<Value>,
    ours: Vec<&'static str>,
}

impl Cases {
    /// Runs the other verifier and compares. Returns how often each outcome was found.
    fn compare(self) -> std::collections::BTreeMap<&'static str, usize> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.json");
        std::fs::write(&file, serde_json::to_vec(&self.given).unwrap()).unwrap();
        let cli = node::tools().join("verifier/dist/cli.js");
        let (ok, text) = node::run(Command::new("node").arg(cli).arg(&file));
        assert!(ok, "{text}");
        let theirs: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(theirs.len(), self.given.len());
        let mut found = std::collections::BTreeMap::new();
        for ((given, ours), theirs) in self.given.iter().zip(self.ours).zip(theirs) {
            assert_eq!(theirs["name"], given["name"]);
            assert_eq!(theirs["outcome"], ours, "{}", given["name"]);
            *found.entry(ours).or_default() += 1;
        }
        found
    }

    fn plain(&mut self, name: String, key: &[u8], inputs: &[[u8; 32]], proof: &[u8]) {
        let ours = || -> Result<(), &'static str> {
            // The count of bases is in the key; whether it fits the inputs is the verifier's to say.
            let count: [u8; 4] = key.get(224..228).ok_or("key")?.try_into().unwrap();
            let bases = u32::from_le_bytes(count) as usize;
            let key = VerifyingKey::from_bytes("test", key, bases.saturating_sub(1), false)
                .map_err(|_| "key")?;
            let inputs: Vec<Fr> = inputs
                .iter()
                .map(|bytes| Scalar::from_bytes(bytes).map(|value| value.0))
                .collect::<Result<_, _>>()
                .map_err(|_| "encoding")?;
            let proof: Proof = borsh::from_slice(proof).map_err(|_| "encoding")?;
            let prepared = key.prepare(&inputs).map_err(|error| reason(&error))?;
            key.verify_prepared(&proof, &prepared).map_err(|error| reason(&error))
        };
        self.ours.push(ours().map_or_else(|reason| reason, |()| "accepted"));
        self.given.push(json!({
            "name": name,
            "kind": "plain",
            "key": hex(key),
            "inputs": inputs.iter().map(|input| hex(input)).collect::<Vec<_>>(),
            "proof": hex(proof),
        }));
    }

    fn statement<S: Statement>(&mut self, prover: &Prover, statement: &S) {
        let (public, witness) = statement.example();
        let mut rng = rng(5);
        let proof = prover.prove(statement, &public, &witness, &mut rng).unwrap().to_bytes();
        let name = statement.circuit().0;
        let key = prover.verifier().key(statement.circuit()).unwrap().bytes().to_vec();
        let inputs: Vec<[u8; 32]> =
            statement.inputs(&public).iter().map(|input| Scalar(*input).to_bytes()).collect();

        self.plain(format!("{name}: honest"), &key, &inputs, &proof);
        for place in [0, inputs.len() - 1] {
            let mut other = inputs.clone();
            other[place] = Scalar(Fr::rand(&mut rng)).to_bytes();
            self.plain(format!("{name}: another input {place}"), &key, &other, &proof);
            other[place] = modulus_bytes();
            self.plain(format!("{name}: unreduced input {place}"), &key, &other, &proof);
        }
        self.plain(format!("{name}: input missing"), &key, &inputs[1..], &proof);
        self.plain(format!("{name}: cut"), &key, &inputs, &proof[..127]);
        self.plain(format!("{name}: longer"), &key, &inputs, &[&proof[..], &[0]].concat());
        for (what, at) in [("A", 31), ("B", 95), ("C", 127)] {
            let mut other = proof;
            other[at] ^= 0x80;
            self.plain(format!("{name}: {what} negated"), &key, &inputs, &other);
            other[at] ^= 0xc0;
            self.plain(format!("{name}: {what} half neutral"), &key, &inputs, &other);
            let start = if at == 95 { 32 } else { at - 31 };
            other[start..=at].fill(0);
            other[at] = 0x40;
            self.plain(format!("{name}: {what} neutral"), &key, &inputs, &other);
            other[start..=at].fill(0xff);
            self.plain(format!("{name}: {what} unreduced"), &key, &inputs, &other);
        }
        for round in 0..8 {
            let mut other = proof;
            let bit = rng.gen_range(0..other.len() * 8);
            other[bit / 8] ^= 1 << (bit % 8);
            self.plain(
                format!("{name}: bit {bit} of the proof, round {round}"),
                &key,
                &inputs,
                &other,
            );
            let mut other = key.clone();
            let bit = rng.gen_range(0..other.len() * 8);
            other[bit / 8] ^= 1 << (bit % 8);
            self.plain(
                format!("{name}: bit {bit} of the key, round {round}"),
                &other,
                &inputs,
                &proof,
            );
        }
        let mut equal = key.clone();
        equal.copy_within(96..160, 160);
        self.plain(format!("{name}: gamma is delta"), &equal, &inputs, &proof);
    }
}

#[test]
fn plain_proofs_are_judged_alike() {
    let prover = prover();
    let mut cases = Cases::default();
    cases.statement(&prover, &SegmentKey);
    cases.statement(&prover, &KeyEnvelope::default());
    cases.statement(&prover, &Credential::default());
    let found = cases.compare();
    // A changed base of an input that is zero changes nothing.
    assert!(found["accepted"] >= 3, "{found:?}");
    for reason in ["encoding", "inputs", "invalid", "key"] {
        assert!(found[reason] >= 3, "{found:?}");
    }
}

/// A block of three columns, the first and third of them quasi-identifiers, and its bundle.
struct Block {
    context: BundleContext,
    claims: BlockClaims,
    bundle: Vec<u8>,
}

impl Block {
    fn new(prover: &Prover, rows: usize, k: u32) -> Self {
        let mut rng = rng(rows as u64);
        let class = |row: usize| (row / k as usize).min(rows / k as usize - 1) as u64;
        let cells: [Vec<u64>; 3] = [
            (0..rows).map(|row| class(row) % 90 + 1).collect(),
            (0..rows).map(|row| row as u64 * 7 + 1).collect(),
            (0..rows).map(|row| class(row) * 70_000 + 1).collect(),
        ];
        let columns: Vec<Column<'_>> = cells
            .iter()
            .map(|cells| Column {
                cells,
                blinders: std::array::from_fn::<_, BLINDERS, _>(|_| Fr::rand(&mut rng)),
            })
            .collect();
        let powers = prover.powers().unwrap();
        let claims = BlockClaims {
            commitments: columns
                .iter()
                .map(|column| powers.commit(SMALL_BLOCK_ROWS, column).unwrap())
                .collect(),
            block_rows: SMALL_BLOCK_ROWS as u32,
            rows: rows as u32,
            quasi_identifiers: vec![0, 2],
            k,
            diversity: Vec::new(),
            columns: Vec::new(),
        };
        let context =
            BundleContext { package: [7; 32], institution: [8; 32], table: 1, block: 300 };
        let opened = [columns[0].clone(), columns[2].clone()];
        let proven = prover.prove_bundle(&context, &claims, &opened, &mut rng, &|_| {}).unwrap();
        let bundle = proven.bundle;
        Self { context, claims, bundle: borsh::to_vec(&bundle).unwrap() }
    }
}

impl Cases {
    fn bundle(&mut self, prover: &Prover, name: &str, block: &Block) {
        let Block { context, claims, bundle } = block;
        self.ours.push(match Bundle::decode(bundle) {
            Ok(bundle) => {
                outcome(verify_bundle(prover.verifier(), context, claims, &bundle).map(drop))
            }
            Err(_) => "encoding",
        });
        let key = prover.verifier().key(K_ANONYMITY_SMALL).unwrap();
        let commitments: Vec<String> = claims.commitments.iter().map(ToString::to_string).collect();
        self.given.push(json!({
            "name": name,
            "kind": "bundle",
            "tau": prover.verifier().tau().to_string(),
            "keys": { K_ANONYMITY_SMALL.0: hex(key.bytes()) },
            "context": {
                "package": hex(&context.package),
                "institution": hex(&context.institution),
                "table": context.table,
                "block": context.block,
            },
            "claims": {
                "commitments": commitments,
                "block_rows": claims.block_rows,
                "rows": claims.rows,
                "quasi_identifiers": claims.quasi_identifiers,
                "k": claims.k,
            },
            "bundle": hex(bundle),
        }));
    }
}

#[test]
fn bundles_are_judged_alike() {
    let prover = prover();
    let mut cases = Cases::default();
    let full = Block::new(&prover, SMALL_BLOCK_ROWS, 4);
    cases.bundle(&prover, "full block", &full);
    let honest = Block::new(&prover, 1_000, 5);
    cases.bundle(&prover, "padded block", &honest);
    let mut changed = |name: &str, change: &dyn Fn(&mut Block)| {
        let mut block = Block {
            context: honest.context,
            claims: honest.claims.clone(),
            bundle: honest.bundle.clone(),
        };
        change(&mut block);
        cases.bundle(&prover, name, &block);
    };
    // What it is for, and what is claimed.
    changed("another package", &|block| block.context.package[3] ^= 1);
    changed("another institution", &|block| block.context.institution[0] ^= 1);
    changed("another table", &|block| block.context.table += 1);
    changed("another block", &|block| block.context.block = u32::MAX);
    changed("another k", &|block| block.claims.k = 4);
    changed("no k", &|block| block.claims.k = 0);
    changed("k too large", &|block| block.claims.k = 1 << 16);
    changed("more rows", &|block| block.claims.rows += 1);
    changed("short padding", &|block| block.claims.rows = SMALL_BLOCK_ROWS as u32 - 1);
    changed("too many rows", &|block| block.claims.rows = 1_017);
    changed("another block size", &|block| block.claims.block_rows = 1_024);
    changed("the large block size", &|block| block.claims.block_rows = 32_760);
    changed("one column less", &|block| block.claims.quasi_identifiers = vec![0]);
    changed("another column", &|block| block.claims.quasi_identifiers = vec![0, 1]);
    changed("columns out of order", &|block| block.claims.quasi_identifiers = vec![2, 0]);
    changed("no such column", &|block| block.claims.quasi_identifiers = vec![0, 3]);
    changed("no column", &|block| block.claims.quasi_identifiers.clear());
    changed("commitments swapped", &|block| block.claims.commitments.swap(0, 2));
    changed("bystander changed", &|block| {
        block.claims.commitments[1] = block.claims.commitments[0];
    });
    // The bundle itself.
    let decoded = Bundle::decode(&honest.bundle).unwrap();
    let edit = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = decoded.clone();
        change(&mut bundle);
        let bytes = borsh::to_vec(&bundle).unwrap();
        move |block: &mut Block| block.bundle = bytes.clone()
    };
    changed("value", &edit(&|bundle| bundle.evaluations[0].value = Scalar::from(1)));
    changed(
        "values swapped",
        &edit(&|bundle| {
            let [a, b] = [bundle.evaluations[0].value, bundle.evaluations[1].value];
            bundle.evaluations[0].value = b;
            bundle.evaluations[1].value = a;
        }),
    );
    changed("witness", &edit(&|bundle| bundle.opening = bundle.proofs[0].commitment.values.into()));
    changed(
        "knowledge",
        &edit(&|bundle| {
            bundle.proofs[0].commitment.knowledge = bundle.proofs[0].commitment.values;
        }),
    );
    changed("inputs", &edit(&|bundle| bundle.proofs[0].inputs = vec![Scalar::from(6)]));
    changed("circuit", &edit(&|bundle| bundle.proofs[0].circuit = "k-anonymity/1/32760".into()));
    changed("no circuit", &edit(&|bundle| bundle.proofs[0].circuit = "segment-key/1".into()));
    changed(
        "auxiliary",
        &edit(&|bundle| {
            bundle.proofs[0].auxiliary = vec![bundle.proofs[0].commitment.values];
        }),
    );
    changed("no proof", &edit(&|bundle| bundle.proofs.clear()));
    changed("columns twice", &edit(&|bundle| bundle.evaluations[1].column = 0));
    changed("proof of another", &|block| {
        let other = Bundle::decode(&full.bundle).unwrap();
        let mut bundle = Bundle::decode(&block.bundle).unwrap();
        bundle.proofs[0].proof = other.proofs[0].proof;
        block.bundle = borsh::to_vec(&bundle).unwrap();
    });
    changed("longer", &|block| block.bundle.push(0));
    changed("cut", &|block| block.bundle.truncate(300));
    changed("too long", &|block| block.bundle.resize(300_000, 0));
    let mut rng = rng(9);
    for round in 0..30 {
        let bit = rng.gen_range(0..honest.bundle.len() * 8);
        changed(&format!("bit {bit}, round {round}"), &|block| {
            block.bundle[bit / 8] ^= 1 << (bit % 8);
        });
    }
    let found = cases.compare();
    assert_eq!(found["accepted"], 2, "{found:?}");
    let reasons =
        ["encoding", "unknown-circuit", "claim", "proofs", "inputs", "columns", "opening"];
    for reason in reasons {
        assert!(found.contains_key(reason), "{reason}: {found:?}");
    }
}
