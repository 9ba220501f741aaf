//! The verifier of `web/portal/verifier`, which shares no code with this crate, accepts what this
//! crate accepts and refuses what it refuses, for the same reason.

#![allow(clippy::unwrap_used)]

#[path = "support/node.rs"]
mod node;

use std::path::PathBuf;
use std::process::Command;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use galen_zk::bundle::{
    BlockClaims, Bundle, BundleContext, ColumnClaim, DiversityClaim, Form, Share, verify_bundle,
};
use galen_zk::circuit::column::Chart;
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::k_anonymity::SMALL_BLOCK_ROWS;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::l_diversity::Order;
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::commitment::{BLINDERS, Column, batching_factor, evaluate};
use galen_zk::field::{Scalar, hash_to_scalar, modulus_bytes, scalar_bytes};
use galen_zk::keys::{Index, Prover, registry};
use galen_zk::point::G1Point;
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

/// A block of four columns: quasi-identifiers, a bystander, and a code that is diverse in every class.
/// The last one's chart is small, the bystander's wide.
#[derive(Clone)]
struct Block {
    context: BundleContext,
    claims: BlockClaims,
    bundle: Vec<u8>,
    cells: Vec<Vec<u64>>,
    blinders: Vec<[Fr; BLINDERS]>,
    shares: Vec<Share>,
}

fn chart(step: u64, edges: &[u64]) -> Chart {
    Chart::new(step, edges.to_vec()).unwrap()
}

impl Block {
    /// k-anonymity alone.
    fn plain(prover: &Prover, rows: usize, k: u32) -> Self {
        Self::new(prover, rows, k, Vec::new(), Vec::new())
    }

    /// Every kind of statement.
    fn full(prover: &Prover, rows: usize, order: Order) -> Self {
        let diversity = vec![DiversityClaim { column: 3, l: 3, order }];
        let columns = vec![
            ColumnClaim { column: 1, form: Form::Wide, chart: chart(10, &[1, 301, 801, 8_001]) },
            ColumnClaim { column: 3, form: Form::Small, chart: chart(1, &[1, 3, 4, 6]) },
        ];
        Self::new(prover, rows, 5, diversity, columns)
    }

    fn new(
        prover: &Prover,
        rows: usize,
        k: u32,
        diversity: Vec<DiversityClaim>,
        columns: Vec<ColumnClaim>,
    ) -> Self {
        let mut rng = rng(rows as u64);
        let last = rows / k as usize - 1;
        let class = |row: usize| (row / k as usize).min(last) as u64;
        // Falls to one at the end of every class.
        let code = |row: usize| {
            let end =
                if class(row) == last as u64 { rows } else { (row / k as usize + 1) * k as usize };
            ((end - 1 - row) as u64).min(4) + 1
        };
        let cells: Vec<Vec<u64>> = vec![
            (0..rows).map(|row| class(row) % 90 + 1).collect(),
            (0..rows).map(|row| if row % 9 == 0 { 0 } else { row as u64 * 7 + 1 }).collect(),
            (0..rows).map(|row| class(row) * 70_000 + 1).collect(),
            (0..rows).map(code).collect(),
        ];
        let blinders: Vec<[Fr; BLINDERS]> =
            cells.iter().map(|_| std::array::from_fn(|_| Fr::rand(&mut rng))).collect();
        let mut block = Self {
            context: BundleContext { package: [7; 32], institution: [8; 32], table: 1, block: 300 },
            claims: BlockClaims {
                commitments: Vec::new(),
                block_rows: SMALL_BLOCK_ROWS as u32,
                rows: rows as u32,
                quasi_identifiers: vec![0, 2],
                k,
                diversity,
                columns,
            },
            bundle: Vec::new(),
            cells,
            blinders,
            shares: Vec::new(),
        };
        let powers = prover.powers().unwrap();
        block.claims.commitments = (0..4)
            .map(|column| powers.commit(SMALL_BLOCK_ROWS, &block.column(column)).unwrap())
            .collect();
        let opened: Vec<Column<'_>> =
            block.claims.opened().into_iter().map(|column| block.column(column as usize)).collect();
        let (context, claims) = (&block.context, &block.claims);
        let proven = prover.prove_bundle(context, claims, &opened, &mut rng, &|_| {}).unwrap();
        block.bundle = borsh::to_vec(&proven.bundle).unwrap();
        block.shares = proven.shares;
        block
    }

    fn column(&self, column: usize) -> Column<'_> {
        Column { cells: &self.cells[column], blinders: self.blinders[column] }
    }

    /// Opens the columns anew at the challenge of a changed bundle: what a forger who knows the
    /// columns does. Only for blocks without charts.
    fn reopened(&self, prover: &Prover, mut bundle: Bundle) -> Vec<u8> {
        let place = [
            self.context.package.to_vec(),
            self.context.institution.to_vec(),
            self.context.table.to_le_bytes().to_vec(),
            self.context.block.to_le_bytes().to_vec(),
        ];
        let hash = |tag: &str, parts: &[Vec<u8>]| {
            let all: Vec<&[u8]> = place.iter().chain(parts).map(Vec::as_slice).collect();
            hash_to_scalar(tag, &all)
        };
        let mut parts = vec![
            self.claims.block_rows.to_le_bytes().to_vec(),
            self.claims.rows.to_le_bytes().to_vec(),
        ];
        parts.extend(self.claims.commitments.iter().map(|point| point.to_bytes().to_vec()));
        let rho = hash("galen/columns/1", &parts);
        let mut parts = vec![scalar_bytes(&rho).to_vec()];
        for proof in &bundle.proofs {
            let id = registry().iter().map(|e| e.circuit()).find(|c| c.0 == proof.circuit).unwrap();
            parts.extend([
                proof.circuit.as_bytes().to_vec(),
                prover.verifier().key(id).unwrap().hash().to_vec(),
                proof.inputs.iter().flat_map(Scalar::to_bytes).collect(),
                proof.commitment.values.to_bytes().to_vec(),
                proof.commitment.knowledge.to_bytes().to_vec(),
                Vec::new(),
            ]);
        }
        let zeta = hash("galen/challenge/1", &parts);
        let polynomials: Vec<Vec<Fr>> = self
            .claims
            .opened()
            .into_iter()
            .map(|column| self.column(column as usize).coefficients(SMALL_BLOCK_ROWS))
            .collect();
        let values: Vec<Fr> = polynomials.iter().map(|p| evaluate(p, zeta)).collect();
        for (evaluation, value) in bundle.evaluations.iter_mut().zip(&values) {
            evaluation.value = Scalar(*value);
        }
        let powers = prover.powers().unwrap();
        bundle.opening = powers.open(zeta, &polynomials, batching_factor(&zeta, &values)).unwrap();
        borsh::to_vec(&bundle).unwrap()
    }
}

impl Cases {
    fn bundle(&mut self, prover: &Prover, name: &str, block: &Block) {
        let Block { context, claims, bundle, .. } = block;
        self.ours.push(match Bundle::decode(bundle) {
            Ok(bundle) => {
                outcome(verify_bundle(prover.verifier(), context, claims, &bundle).map(drop))
            }
            Err(_) => "encoding",
        });
        let keys: serde_json::Map<String, Value> = registry()
            .iter()
            .map(|entry| {
                let key = prover.verifier().key(entry.circuit()).unwrap();
                (entry.circuit().0.to_owned(), hex(key.bytes()).into())
            })
            .collect();
        let commitments: Vec<String> = claims.commitments.iter().map(ToString::to_string).collect();
        let diversity: Vec<Value> = claims
            .diversity
            .iter()
            .map(|claim| {
                let order = if claim.order == Order::Tail { "tail" } else { "any" };
                json!({ "column": claim.column, "l": claim.l, "order": order })
            })
            .collect();
        let columns: Vec<Value> = claims
            .columns
            .iter()
            .map(|claim| {
                let form = if claim.form == Form::Small { "small" } else { "wide" };
                let edges: Vec<String> =
                    claim.chart.edges().iter().map(ToString::to_string).collect();
                let step = claim.chart.step().to_string();
                json!({ "column": claim.column, "form": form, "step": step, "edges": edges })
            })
            .collect();
        self.given.push(json!({
            "name": name,
            "kind": "bundle",
            "tau": prover.verifier().tau().to_string(),
            "keys": keys,
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
                "diversity": diversity,
                "columns": columns,
            },
            "bundle": hex(bundle),
        }));
    }

    /// A changed copy of a block.
    fn changed(
        &mut self,
        prover: &Prover,
        of: &Block,
        name: &str,
        change: impl FnOnce(&mut Block),
    ) {
        let mut block = of.clone();
        change(&mut block);
        self.bundle(prover, name, &block);
    }

    /// A block with a changed bundle.
    fn edited(
        &mut self,
        prover: &Prover,
        of: &Block,
        name: &str,
        change: impl FnOnce(&mut Bundle),
    ) {
        let mut bundle = Bundle::decode(&of.bundle).unwrap();
        change(&mut bundle);
        self.changed(prover, of, name, |block| block.bundle = borsh::to_vec(&bundle).unwrap());
    }

    fn flipped(&mut self, prover: &Prover, of: &Block, rounds: usize) {
        let mut rng = rng(9);
        for round in 0..rounds {
            let bit = rng.gen_range(0..of.bundle.len() * 8);
            self.changed(prover, of, &format!("bit {bit}, round {round}"), |block| {
                block.bundle[bit / 8] ^= 1 << (bit % 8);
            });
        }
    }
}

#[test]
fn bundles_are_judged_alike() {
    let prover = &prover();
    let mut cases = Cases::default();
    let whole = Block::plain(prover, SMALL_BLOCK_ROWS, 4);
    cases.bundle(prover, "block without padding", &whole);
    let honest = &Block::plain(prover, 1_000, 5);
    cases.bundle(prover, "padded block", honest);
    let mut changed =
        |name: &str, change: &dyn Fn(&mut Block)| cases.changed(prover, honest, name, change);
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
    changed("no such column", &|block| block.claims.quasi_identifiers = vec![0, 4]);
    changed("no column", &|block| block.claims.quasi_identifiers.clear());
    changed("commitments swapped", &|block| block.claims.commitments.swap(0, 2));
    changed("bystander changed", &|block| {
        block.claims.commitments[1] = block.claims.commitments[0];
    });
    changed("another claim", &|block| {
        block.claims.diversity = vec![DiversityClaim { column: 3, l: 3, order: Order::Tail }];
    });
    changed("longer", &|block| block.bundle.push(0));
    changed("cut", &|block| block.bundle.truncate(300));
    changed("too long", &|block| block.bundle.resize(300_000, 0));
    // The bundle itself.
    let mut edited =
        |name: &str, change: &dyn Fn(&mut Bundle)| cases.edited(prover, honest, name, change);
    edited("value", &|bundle| bundle.evaluations[0].value = Scalar::from(1));
    edited("values swapped", &|bundle| {
        let [a, b] = [bundle.evaluations[0].value, bundle.evaluations[1].value];
        bundle.evaluations[0].value = b;
        bundle.evaluations[1].value = a;
    });
    edited("witness", &|bundle| bundle.opening = bundle.proofs[0].commitment.values.into());
    edited("inputs", &|bundle| bundle.proofs[0].inputs = vec![Scalar::from(6)]);
    edited("circuit", &|bundle| bundle.proofs[0].circuit = "k-anonymity/1/32760".into());
    edited("no circuit", &|bundle| bundle.proofs[0].circuit = "segment-key/1".into());
    edited("auxiliary", &|bundle| {
        bundle.proofs[0].auxiliary = vec![bundle.proofs[0].commitment.values];
    });
    edited("auxiliary value", &|bundle| bundle.auxiliary = vec![Scalar::from(1)]);
    edited("no proof", &|bundle| bundle.proofs.clear());
    edited("columns twice", &|bundle| bundle.evaluations[1].column = 0);
    let other = Bundle::decode(&whole.bundle).unwrap();
    edited("proof of another", &|bundle| bundle.proofs[0].proof = other.proofs[0].proof);
    // A commitment outside the span of its bases, with openings that fit the new challenge.
    let mut forged = Bundle::decode(&honest.bundle).unwrap();
    forged.proofs[0].commitment.knowledge = other.proofs[0].commitment.knowledge;
    let bytes = honest.reopened(prover, forged.clone());
    cases.changed(prover, honest, "knowledge", |block| block.bundle = bytes);
    // One inside it, to other values than the proof's.
    forged.proofs[0].commitment = other.proofs[0].commitment;
    let bytes = honest.reopened(prover, forged);
    cases.changed(prover, honest, "commitment of another", |block| block.bundle = bytes);
    cases.flipped(prover, honest, 20);
    let found = cases.compare();
    assert_eq!(found["accepted"], 2, "{found:?}");
    for reason in [
        "encoding",
        "unknown-circuit",
        "claim",
        "proofs",
        "inputs",
        "columns",
        "opening",
        "knowledge",
        "invalid",
    ] {
        assert!(found.contains_key(reason), "{reason}: {found:?}");
    }
}

#[test]
fn every_statement_is_judged_alike() {
    let prover = &prover();
    let mut cases = Cases::default();
    let any = Block::full(prover, SMALL_BLOCK_ROWS, Order::Any);
    cases.bundle(prover, "all statements, any order", &any);
    let honest = &Block::full(prover, 1_000, Order::Tail);
    cases.bundle(prover, "all statements, tail order", honest);
    let mut changed =
        |name: &str, change: &dyn Fn(&mut Block)| cases.changed(prover, honest, name, change);
    changed("another l", &|block| block.claims.diversity[0].l = 4);
    changed("l too large", &|block| block.claims.diversity[0].l = 17);
    changed("no l", &|block| block.claims.diversity[0].l = 0);
    changed("another order", &|block| block.claims.diversity[0].order = Order::Any);
    changed("a diverse quasi-identifier", &|block| block.claims.diversity[0].column = 2);
    changed("no diversity", &|block| block.claims.diversity.clear());
    changed("another form", &|block| block.claims.columns[1].form = Form::Wide);
    changed("a small form that does not fit", &|block| block.claims.columns[0].form = Form::Small);
    let charts = [
        ("an edge moved", 1, chart(1, &[1, 4, 5, 6])),
        ("a narrower range", 1, chart(1, &[1, 3, 4, 5])),
        ("a chart beyond the codes", 1, chart(1, &[1, 1_004])),
        ("a chart that begins later", 1, chart(1, &[2, 3, 4, 6])),
        ("another step", 0, chart(5, &[1, 301, 801, 8_001])),
        ("a wide chart that begins later", 0, chart(10, &[11, 301, 801, 8_001])),
        ("a chart beyond the grid", 0, chart(10, &[1, 301, 801, 8_101])),
        ("a step that is too large", 0, chart(1_025, &[1, 1_026])),
    ];
    for (name, place, chart) in charts {
        changed(name, &|block| block.claims.columns[place].chart = chart.clone());
    }
    changed("charts out of order", &|block| block.claims.columns.reverse());
    changed("commitments swapped", &|block| block.claims.commitments.swap(1, 3));
    changed("more rows", &|block| block.claims.rows += 1);
    let mut edited =
        |name: &str, change: &dyn Fn(&mut Bundle)| cases.edited(prover, honest, name, change);
    edited("proofs swapped", &|bundle| bundle.proofs.swap(2, 3));
    edited("proof left out", &|bundle| drop(bundle.proofs.pop()));
    edited("shares swapped", &|bundle| {
        let first = bundle.proofs[2].auxiliary.clone();
        bundle.proofs[2].auxiliary = bundle.proofs[3].auxiliary.clone();
        bundle.proofs[3].auxiliary = first;
    });
    edited("share's value", &|bundle| bundle.auxiliary[0] = Scalar::from(5));
    edited("share left out", &|bundle| bundle.auxiliary.truncate(1));
    let other = Bundle::decode(&any.bundle).unwrap();
    for place in 0..4 {
        edited(&format!("proof {place} of another"), &|bundle| {
            bundle.proofs[place].proof = other.proofs[place].proof;
        });
    }
    cases.flipped(prover, honest, 8);
    let found = cases.compare();
    assert_eq!(found["accepted"], 2, "{found:?}");
    for reason in ["claim", "proofs", "inputs", "columns", "opening", "invalid"] {
        assert!(found.contains_key(reason), "{reason}: {found:?}");
    }
}

/// Totals are the sums of the blocks' shares.
#[test]
fn totals_are_judged_alike() {
    let prover = &prover();
    let blocks = [Block::full(prover, 1_000, Order::Tail), Block::full(prover, 900, Order::Tail)];
    let verifier = prover.verifier();
    let powers = Index::embedded().unwrap().summary_powers;
    let mut cases = Cases::default();
    for chart in 0..2 {
        let shares: Vec<G1Point> = blocks
            .iter()
            .map(|block| {
                let bundle = Bundle::decode(&block.bundle).unwrap();
                verify_bundle(verifier, &block.context, &block.claims, &bundle).unwrap()[chart]
            })
            .collect();
        let [a, b] = blocks.each_ref().map(|block| &block.shares[chart]);
        let totals = a.summary.checked_add(&b.summary).unwrap();
        let blinders = std::array::from_fn(|j| a.blinders[j].0 + b.blinders[j].0);
        let mut moved = totals.clone();
        moved.bins.swap(0, 1);
        let mut fewer = totals.clone();
        fewer.count -= 1;
        let others = [Fr::from(1u64), blinders[1], blinders[2]];
        let twice = [shares.clone(), vec![shares[0]]].concat();
        for (name, shares, totals, blinders) in [
            ("honest", &shares, &totals, blinders),
            ("a block left out", &shares[1..].to_vec(), &totals, blinders),
            ("a block twice", &twice, &totals, blinders),
            ("bins moved", &shares, &moved, blinders),
            ("a cell fewer", &shares, &fewer, blinders),
            ("other blinders", &shares, &totals, others),
        ] {
            let holds = verifier.summary_powers().opens_to(shares, totals, &blinders)
                && totals.is_consistent();
            cases.ours.push(if holds { "accepted" } else { "totals" });
            let numbers: Vec<String> = [u128::from(totals.count), u128::from(totals.missing)]
                .into_iter()
                .chain([totals.sum, totals.sum_squares])
                .chain(totals.bins.map(u128::from))
                .map(|number| number.to_string())
                .collect();
            cases.given.push(json!({
                "name": format!("chart {chart}: {name}"),
                "kind": "totals",
                "tau": verifier.tau().to_string(),
                "powers": powers.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "shares": shares.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "totals": numbers,
                "blinders": blinders.map(|blinder| Scalar(blinder).to_string()),
            }));
        }
    }
    let found = cases.compare();
    assert_eq!((found["accepted"], found["totals"]), (2, 10));
}
