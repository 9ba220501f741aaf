//! What a forger of bundles tries with several statements about one block: on the small block size,
//! under the frozen development parameters.

#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use ark_bn254::{Fr, G1Affine};
use ark_ff::{Field, UniformRand};
use galen_zk::bundle::{
    BlockClaims, Bundle, BundleContext, Chart, ColumnClaim, DiversityClaim, Form, Order,
    ProvenBundle, verify_bundle,
};
use galen_zk::circuit::k_anonymity::SMALL_BLOCK_ROWS;
use galen_zk::commitment::{BLINDERS, Column, batching_factor, evaluate, opens};
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::keys::{Prover, registry};
use galen_zk::point::G1Point;
use galen_zk::proof::{ProofError, ProveError};
use galen_zk::summary::Summary;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const N: usize = SMALL_BLOCK_ROWS;
const K: u32 = 5;
const ROWS: usize = 1_000;

// Columns of the block.
const AGE: u32 = 0;
const CODE: u32 = 1;
const COST: u32 = 2;
const WARD: u32 = 3;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| {
        let directory = std::env::var_os("GALEN_PARAMS").map_or_else(
            || std::env::temp_dir().join("galen-zk-test-params"),
            std::path::PathBuf::from,
        );
        Prover::development(directory).unwrap()
    })
}

#[derive(Clone)]
struct Block {
    columns: Vec<Vec<u64>>,
    blinders: Vec<[Fr; BLINDERS]>,
    context: BundleContext,
    claims: BlockClaims,
}

fn column(column: u32, form: Form, step: u64, edges: &[u64]) -> ColumnClaim {
    ColumnClaim { column, form, chart: Chart::new(step, edges.to_vec()).unwrap() }
}

impl Block {
    /// Classes of ten rows by age and ward; codes fall from ten to one in each, costs are spread.
    fn new(seed: u64, change: impl FnOnce(&mut Vec<Vec<u64>>)) -> Self {
        let mut rng = rng(seed);
        let class = |row: u64| row / 10;
        let mut columns: Vec<Vec<u64>> = vec![Vec::new(); 4];
        for row in 0..ROWS as u64 {
            columns[AGE as usize].push(class(row) % 60 + 1);
            columns[CODE as usize].push(10 - row % 10);
            let cost = (row % 10).pow(2) * 100 + class(row) + 1;
            columns[COST as usize].push(if row % 11 == 0 { 0 } else { cost });
            columns[WARD as usize].push(class(row) / 60 + 1);
        }
        change(&mut columns);
        let blinders: Vec<[Fr; BLINDERS]> =
            columns.iter().map(|_| std::array::from_fn(|_| Fr::rand(&mut rng))).collect();
        let powers = prover().powers().unwrap();
        let commitments = columns
            .iter()
            .zip(&blinders)
            .map(|(cells, blinders)| {
                powers.commit(N, &Column { cells, blinders: *blinders }).unwrap()
            })
            .collect();
        Self {
            columns,
            blinders,
            context: BundleContext { package: [1; 32], institution: [2; 32], table: 0, block: 0 },
            claims: BlockClaims {
                commitments,
                block_rows: N as u32,
                rows: ROWS as u32,
                quasi_identifiers: vec![AGE, WARD],
                k: K,
                diversity: vec![
                    DiversityClaim { column: CODE, l: 4, order: Order::Tail },
                    DiversityClaim { column: COST, l: 3, order: Order::Any },
                ],
                columns: vec![
                    column(AGE, Form::Small, 1, &[1, 20, 61]),
                    column(CODE, Form::Small, 1, &[1, 6, 11]),
                    column(COST, Form::Wide, 100, &[1, 1_001, 9_001]),
                    column(WARD, Form::Small, 1, &[1, 2, 3]),
                ],
            },
        }
    }

    fn prove(&self, seed: u64) -> Result<ProvenBundle, ProveError> {
        let opened = self.claims.opened();
        let columns: Vec<Column<'_>> = opened
            .iter()
            .map(|at| *at as usize)
            .map(|at| Column { cells: &self.columns[at], blinders: self.blinders[at] })
            .collect();
        prover().prove_bundle(&self.context, &self.claims, &columns, &mut rng(seed), &|_| {})
    }

    fn verify(&self, bundle: &Bundle) -> Result<Vec<G1Point>, ProofError> {
        verify_bundle(prover().verifier(), &self.context, &self.claims, bundle)
    }

    fn refused(&self, change: impl FnOnce(&mut Bundle), bundle: &Bundle) -> ProofError {
        let mut other = bundle.clone();
        change(&mut other);
        self.verify(&other).unwrap_err()
    }
}

fn sample() -> &'static (Block, ProvenBundle) {
    static SAMPLE: OnceLock<(Block, ProvenBundle)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let block = Block::new(1, |_| {});
        let proven = block.prove(2).unwrap();
        (block, proven)
    })
}

/// Places of statements in the bundle.
const TAIL: usize = 1;
const ANY: usize = 2;
const FIRST_COLUMN: usize = 3;

#[test]
fn every_statement_verifies_and_shares_are_committed_to() {
    let (block, proven) = sample();
    let shares = block.verify(&proven.bundle).unwrap();
    assert_eq!((proven.bundle.proofs.len(), shares.len(), proven.shares.len()), (7, 4, 4));
    assert_eq!(proven.bundle.evaluations.len(), 4);
    let powers = prover().verifier().summary_powers();
    for ((commitment, share), claim) in shares.iter().zip(&proven.shares).zip(&block.claims.columns)
    {
        let cells = &block.columns[claim.column as usize];
        assert_eq!(share.summary, claim.chart.summary(cells).unwrap());
        let blinders = share.blinders.map(|blinder| blinder.0);
        assert_eq!(powers.commit_summary(&share.summary, &blinders).unwrap(), *commitment);
    }
    let bytes = borsh::to_vec(&proven.bundle).unwrap();
    assert_eq!(Bundle::decode_for(&block.claims, &bytes).unwrap(), proven.bundle);
    // Blinders are new in every bundle.
    let again = block.prove(3).unwrap();
    for (one, other) in proven.shares.iter().zip(&again.shares) {
        assert_eq!(one.summary, other.summary);
        assert!(one.blinders.iter().zip(&other.blinders).all(|(a, b)| a != b));
    }
}

#[test]
fn claims_without_a_chart_or_diversity_verify_too() {
    let mut block = Block::new(1, |_| {});
    block.claims.columns.clear();
    let bundle = block.prove(4).unwrap().bundle;
    assert_eq!(block.verify(&bundle), Ok(vec![]));
    block.claims.diversity.clear();
    assert_eq!(block.verify(&bundle), Err(ProofError::Proofs));
}

#[test]
fn adversary_18_false_claims_are_not_proven() {
    let refused = |block: &Block| match block.prove(5) {
        Err(ProveError::Unsatisfied(reason)) => reason.0,
        other => panic!("{other:?}"),
    };
    let contains = |block: &Block, part: &str| {
        let reason = refused(block);
        assert!(reason.contains(part), "{reason}");
    };
    // A cell out of range, in each form; a class of three values; a tail that does not fall.
    contains(&Block::new(6, |c| c[CODE as usize][7] = 11), "column 1");
    contains(&Block::new(6, |c| c[COST as usize][8] = 9_001), "column 2");
    contains(&Block::new(6, |c| c[CODE as usize][..10].fill(3)), "column 1");
    contains(&Block::new(6, |c| c[CODE as usize].swap(8, 9)), "column 1");
    contains(&Block::new(6, |c| c[COST as usize][20..28].fill(1)), "column 2");
    // The twin: the same cells in an order that is not claimed.
    let mut any = Block::new(6, |c| c[CODE as usize].swap(8, 9));
    any.claims.diversity[0].order = Order::Any;
    any.claims.columns.clear();
    any.verify(&any.prove(7).unwrap().bundle).unwrap();
}

#[test]
fn adversary_16_claims_out_of_bounds_or_changed_are_refused() {
    let (block, proven) = sample();
    let verify = |change: &dyn Fn(&mut BlockClaims)| {
        let mut other = block.clone();
        change(&mut other.claims);
        other.verify(&proven.bundle).unwrap_err()
    };
    let claim = |what| ProofError::Claim(what);
    assert_eq!(verify(&|c| c.diversity.swap(0, 1)), claim("columns out of order"));
    assert_eq!(verify(&|c| c.diversity[1].column = CODE), claim("columns out of order"));
    assert_eq!(verify(&|c| c.columns.swap(0, 3)), claim("columns out of order"));
    assert_eq!(verify(&|c| c.columns[3].column = 4), claim("no such column"));
    assert_eq!(verify(&|c| c.diversity[0].l = 0), claim("l must be between 1 and 65,535"));
    assert_eq!(verify(&|c| c.diversity[0].l = 17), claim("padding shorter than l"));
    assert_eq!(
        verify(&|c| c.diversity[1].column = WARD),
        claim("a quasi-identifier is not diverse")
    );
    assert!(matches!(
        verify(&|c| c.columns[0] = column(AGE, Form::Small, 1, &[1, 2_000])),
        ProofError::Claim(_)
    ));
    // What is claimed enters the challenge: l, chart, form, column, order.
    assert_eq!(verify(&|c| c.diversity[0].l = 3), ProofError::Inputs);
    assert_eq!(verify(&|c| c.diversity[1].order = Order::Tail), ProofError::Proofs);
    let chart = |edges: &'static [u64]| {
        move |c: &mut BlockClaims| {
            c.columns[0] = column(AGE, Form::Small, 1, edges);
        }
    };
    assert_eq!(verify(&chart(&[1, 21, 61])), ProofError::Inputs);
    assert_eq!(verify(&chart(&[1, 20, 60])), ProofError::Inputs);
    assert_eq!(verify(&chart(&[1, 61])), ProofError::Inputs);
    assert_eq!(
        verify(&|c| c.columns[2] = column(COST, Form::Small, 1, &[1, 900])),
        ProofError::Proofs
    );
    assert_eq!(verify(&|c| drop(c.columns.pop())), ProofError::Proofs);
    assert_eq!(verify(&|c| c.rows -= 10), ProofError::Opening);
    block.verify(&proven.bundle).unwrap();
    // With the proof's own inputs changed to those of the claim, the challenge is another.
    let mut other = block.clone();
    other.claims.diversity[0].l = 3;
    let mut bundle = proven.bundle.clone();
    bundle.proofs[TAIL].inputs[1].0 -= Fr::ONE;
    assert_eq!(other.verify(&bundle), Err(ProofError::Opening));
}

#[test]
fn adversary_20_statements_do_not_stand_for_each_other() {
    let (block, proven) = sample();
    let bundle = &proven.bundle;
    let (age, code, ward) = (FIRST_COLUMN, FIRST_COLUMN + 1, FIRST_COLUMN + 3);
    // Two proofs of one circuit.
    assert_eq!(block.refused(|b| b.proofs.swap(age, code), bundle), ProofError::Inputs);
    let swap_all = |b: &mut Bundle| {
        b.proofs.swap(age, code);
        let inputs = b.proofs[age].inputs.clone();
        b.proofs[age].inputs = b.proofs[code].inputs.clone();
        b.proofs[code].inputs = inputs;
    };
    assert_eq!(block.refused(swap_all, bundle), ProofError::Opening);
    let swap_commitments = |b: &mut Bundle| {
        let commitment = b.proofs[age].commitment;
        b.proofs[age].commitment = b.proofs[ward].commitment;
        b.proofs[ward].commitment = commitment;
    };
    assert_eq!(block.refused(swap_commitments, bundle), ProofError::Opening);
    // What the challenge does not depend on: the proof itself.
    let swap_proofs = |b: &mut Bundle| {
        let proof = b.proofs[age].proof;
        b.proofs[age].proof = b.proofs[ward].proof;
        b.proofs[ward].proof = proof;
    };
    assert_eq!(block.refused(swap_proofs, bundle), ProofError::Invalid);
    assert_eq!(block.refused(|b| b.proofs.swap(TAIL, ANY), bundle), ProofError::Proofs);
    assert_eq!(block.refused(|b| drop(b.proofs.remove(ANY)), bundle), ProofError::Proofs);
    let twice = |b: &mut Bundle| b.proofs.push(b.proofs[ward].clone());
    assert_eq!(block.refused(twice, bundle), ProofError::Proofs);
    block.verify(bundle).unwrap();
}

#[test]
fn adversary_18a_shares_of_other_columns_blocks_and_points() {
    let (block, proven) = sample();
    let bundle = &proven.bundle;
    let (age, code) = (FIRST_COLUMN, FIRST_COLUMN + 1);
    let swapped = |b: &mut Bundle| {
        let share = b.proofs[age].auxiliary.clone();
        b.proofs[age].auxiliary = b.proofs[code].auxiliary.clone();
        b.proofs[code].auxiliary = share;
    };
    assert_eq!(block.refused(swapped, bundle), ProofError::Opening);
    assert_eq!(block.refused(|b| b.auxiliary.swap(0, 1), bundle), ProofError::Opening);
    let other = Block { context: BundleContext { block: 1, ..block.context }, ..block.clone() };
    let theirs = other.prove(8).unwrap().bundle;
    assert_eq!(
        block.refused(|b| b.proofs[age].auxiliary = theirs.proofs[age].auxiliary.clone(), bundle),
        ProofError::Opening
    );
    // A value too few or too many; a share where none belongs, or none where one does.
    assert_eq!(block.refused(|b| b.auxiliary.truncate(3), bundle), ProofError::Columns);
    let more = |b: &mut Bundle| b.auxiliary.push(b.auxiliary[0]);
    assert_eq!(block.refused(more, bundle), ProofError::Columns);
    let on_k = |b: &mut Bundle| b.proofs[0].auxiliary = b.proofs[age].auxiliary.clone();
    assert_eq!(block.refused(on_k, bundle), ProofError::Proofs);
    assert_eq!(block.refused(|b| b.proofs[age].auxiliary.clear(), bundle), ProofError::Proofs);
    block.verify(bundle).unwrap();
}

/// The challenge of a bundle, as whoever sees the bundle computes it.
fn challenge(block: &Block, bundle: &Bundle) -> Fr {
    let BundleContext { package, institution, table, block: number } = block.context;
    let place = [
        package.to_vec(),
        institution.to_vec(),
        table.to_le_bytes().to_vec(),
        number.to_le_bytes().to_vec(),
    ];
    let hash = |tag, parts: &[Vec<u8>]| {
        hash_to_scalar(tag, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let claims = &block.claims;
    let sizes = [claims.block_rows.to_le_bytes().to_vec(), claims.rows.to_le_bytes().to_vec()];
    let commitments = claims.commitments.iter().map(|point| point.to_bytes().to_vec());
    let parts: Vec<_> = place.iter().cloned().chain(sizes).chain(commitments).collect();
    let rho = hash("galen/columns/1", &parts);
    let mut parts = place.to_vec();
    parts.push(Scalar(rho).to_bytes().to_vec());
    for proof in &bundle.proofs {
        let entry = registry().into_iter().find(|one| one.circuit().0 == proof.circuit).unwrap();
        parts.push(proof.circuit.clone().into_bytes());
        parts.push(prover().verifier().key(entry.circuit()).unwrap().hash().to_vec());
        parts.push(proof.inputs.iter().flat_map(Scalar::to_bytes).collect());
        parts.push(proof.commitment.values.to_bytes().to_vec());
        parts.push(proof.commitment.knowledge.to_bytes().to_vec());
        parts.push(proof.auxiliary.iter().flat_map(G1Point::to_bytes).collect());
    }
    hash("galen/challenge/1", &parts)
}

/// A forger who knows the challenge can make a share of other numbers that has the same value there,
/// with blinders that make up for it, and open it: only that the challenge depends on the share
/// stands in the way.
#[test]
fn adversary_18a_blinders_chosen_after_the_challenge_are_refused() {
    let (block, proven) = sample();
    let bundle = &proven.bundle;
    let zeta = challenge(block, bundle);
    let mut polynomials: Vec<Vec<Fr>> = block
        .claims
        .opened()
        .iter()
        .map(|at| *at as usize)
        .map(|at| {
            Column { cells: &block.columns[at], blinders: block.blinders[at] }.coefficients(N)
        })
        .collect();
    let share = |summary: &Summary, blinders: [Fr; 3]| summary.coefficients(&blinders);
    for one in &proven.shares {
        polynomials.push(share(&one.summary, one.blinders.map(|blinder| blinder.0)));
    }
    let first = block.claims.opened().len();
    assert_eq!(evaluate(&polynomials[first], zeta), bundle.auxiliary[0].0);
    // Ten more in the first bin: the first blinder takes 10·ζ^4 back.
    let mut blinders = proven.shares[0].blinders.map(|blinder| blinder.0);
    let mut summary = proven.shares[0].summary.clone();
    summary.bins[0] += 10;
    blinders[0] -= Fr::from(10u64) * zeta.pow([32]).inverse().unwrap();
    polynomials[first] = share(&summary, blinders);
    assert_eq!(evaluate(&polynomials[first], zeta), bundle.auxiliary[0].0);
    let mut forged = bundle.clone();
    let powers = prover().verifier().summary_powers();
    let commitment = powers.commit_summary(&summary, &blinders).unwrap();
    forged.proofs[FIRST_COLUMN].auxiliary = vec![commitment];
    let values: Vec<Fr> = polynomials.iter().map(|terms| evaluate(terms, zeta)).collect();
    let factor = batching_factor(&zeta, &values);
    forged.opening = prover().powers().unwrap().open(zeta, &polynomials, factor).unwrap();
    // At the old challenge every opening holds ...
    let commitments =
        block.claims.opened().into_iter().map(|at| block.claims.commitments[at as usize]);
    let shares = forged.proofs[FIRST_COLUMN..].iter().map(|proof| proof.auxiliary[0]);
    let points = commitments.chain(shares).map(|point| *point.affine());
    let claims: Vec<(G1Affine, Fr)> = points.zip(values).collect();
    assert!(opens(prover().verifier().tau().affine(), zeta, &claims, &forged.opening));
    // ... and the new one is another.
    assert_ne!(challenge(block, &forged), zeta);
    assert_eq!(block.verify(&forged), Err(ProofError::Opening));
    block.verify(bundle).unwrap();
}
