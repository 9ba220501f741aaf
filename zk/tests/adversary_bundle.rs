//! What a forger of bundles tries, on the small block size, under the frozen development parameters.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::sync::OnceLock;

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use galen_zk::bundle::{
    BlockClaims, Bundle, BundleContext, MAX_BUNDLE_BYTES, MAX_COLUMNS, MAX_PROOFS, verify_bundle,
};
use galen_zk::circuit::k_anonymity::{
    K_ANONYMITY_SMALL, KAnonymity, KAnonymityPublic, KAnonymityWitness, SMALL_BLOCK_ROWS,
};
use galen_zk::commitment::{BLINDERS, Column, batching_factor, evaluate};
use galen_zk::committed;
use galen_zk::field::Scalar;
use galen_zk::keys::{Network, Parameters, Prover, Step, Verifier};
use galen_zk::point::{G1OrZero, G1Point};
use galen_zk::proof::{KeyError, ProofError, ProveError};
use galen_zk::statement::Statement;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const N: usize = SMALL_BLOCK_ROWS;
const K: u32 = 5;

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

fn verifier() -> &'static Verifier {
    prover().verifier()
}

/// A block of three columns, the first and third of them quasi-identifiers.
struct Block {
    columns: Vec<Vec<u64>>,
    blinders: Vec<[Fr; BLINDERS]>,
    context: BundleContext,
    claims: BlockClaims,
}

impl Block {
    fn new(seed: u64, rows: usize, classes: impl Fn(usize) -> u64) -> Self {
        let mut rng = rng(seed);
        let first: Vec<u64> = (0..rows).map(|row| classes(row) % 90 + 1).collect();
        let second: Vec<u64> = (0..rows).map(|row| row as u64 * 7 + 1).collect();
        let third: Vec<u64> = (0..rows).map(|row| classes(row) * 70_000 + 1).collect();
        let columns = vec![first, second, third];
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
                rows: rows as u32,
                quasi_identifiers: vec![0, 2],
                k: K,
                diversity: Vec::new(),
                columns: Vec::new(),
            },
        }
    }

    /// Full classes of exactly `K` rows.
    fn honest(seed: u64) -> Self {
        Self::new(seed, 1_010, |row| row as u64 / u64::from(K))
    }

    fn column(&self, index: usize) -> Column<'_> {
        Column { cells: &self.columns[index], blinders: self.blinders[index] }
    }

    fn witness(&self) -> Vec<Column<'_>> {
        self.claims.quasi_identifiers.iter().map(|c| self.column(*c as usize)).collect()
    }

    fn prove(&self, seed: u64) -> Result<Bundle, ProveError> {
        let (context, claims) = (&self.context, &self.claims);
        let proven =
            prover().prove_bundle(context, claims, &self.witness(), &mut rng(seed), &|_| {});
        proven.map(|proven| proven.bundle)
    }

    fn verify(&self, bundle: &Bundle) -> Result<(), ProofError> {
        verify_bundle(verifier(), &self.context, &self.claims, bundle).map(drop)
    }
}

/// One honest block and its bundle, shared by the tests that only tamper with it.
fn sample() -> &'static (Block, Bundle) {
    static SAMPLE: OnceLock<(Block, Bundle)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let block = Block::honest(1);
        let bundle = block.prove(2).unwrap();
        (block, bundle)
    })
}

/// A point that nobody knows a relation for.
fn stranger(seed: u64) -> G1Point {
    G1Point::new(G1Projective::rand(&mut rng(seed)).into_affine()).unwrap()
}

#[test]
fn honest_bundle_verifies_and_round_trips() {
    let (block, bundle) = sample();
    assert_eq!(block.verify(bundle), Ok(()));
    let bytes = borsh::to_vec(bundle).unwrap();
    assert!(bytes.len() < 500, "{}", bytes.len());
    assert_eq!(&Bundle::decode(&bytes).unwrap(), bundle);
}

#[test]
fn every_step_is_heard_in_order() {
    let (block, _) = sample();
    let heard = RefCell::new(Vec::new());
    prover()
        .prove_bundle(&block.context, &block.claims, &block.witness(), &mut rng(3), &|step| {
            heard.borrow_mut().push(step);
        })
        .unwrap();
    let all = [Step::Key, Step::Commitment, Step::Proof, Step::Openings, Step::Check];
    assert_eq!(heard.into_inner(), all);
}

#[test]
fn full_blocks_and_single_classes_verify() {
    // No padding at all; and one class of all active rows, with padding of exactly k rows.
    for block in
        [Block::new(11, N, |row| (row as u64 / 8).min(126)), Block::new(12, N - K as usize, |_| 3)]
    {
        let bundle = block.prove(13).unwrap();
        assert_eq!(block.verify(&bundle), Ok(()));
    }
}

#[test]
fn two_bundles_of_one_block_differ() {
    let (block, bundle) = sample();
    let other = block.prove(99).unwrap();
    assert_ne!(other.proofs[0].commitment, bundle.proofs[0].commitment);
    assert_ne!(other.evaluations, bundle.evaluations);
    assert_eq!(block.verify(&other), Ok(()));
}

#[test]
fn adversary_10_rerandomised_proof_is_the_same_statement() {
    // It verifies: that is why effects are keyed on statements, never on proof bytes.
    let (block, bundle) = sample();
    let mut other = bundle.clone();
    let key = verifier().key(K_ANONYMITY_SMALL).unwrap();
    other.proofs[0].proof = bundle.proofs[0].proof.rerandomised(key, &mut rng(4));
    assert_ne!(other, *bundle);
    assert_eq!(block.verify(&other), Ok(()));
    // What the challenge is drawn from cannot be re-randomised with it.
    let twice = |point: &G1Point| {
        G1Point::new((point.affine().into_group() + point.affine()).into_affine()).unwrap()
    };
    other.proofs[0].commitment.values = twice(&other.proofs[0].commitment.values);
    other.proofs[0].commitment.knowledge = twice(&other.proofs[0].commitment.knowledge);
    assert_eq!(block.verify(&other), Err(ProofError::Opening));
}

#[test]
fn adversary_11_unreduced_numbers_are_refused() {
    let (_, bundle) = sample();
    let bytes = borsh::to_vec(bundle).unwrap();
    let value = bundle.evaluations[1].value.to_bytes();
    let at = bytes.windows(32).position(|window| window == value).unwrap();
    // Adds the modulus, which fits 256 bits for every element.
    let mut carry = 0u16;
    let mut larger = bytes.clone();
    for (byte, modulus) in larger[at..at + 32].iter_mut().zip(galen_zk::field::modulus_bytes()) {
        carry += u16::from(*byte) + u16::from(modulus);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    let refused = Bundle::decode(&larger).unwrap_err();
    assert!(refused.to_string().contains("modulus"), "{refused}");
    assert!(Bundle::decode(&bytes).is_ok());
}

#[test]
fn adversary_12_malformed_bundles_are_refused_without_panic() {
    let (block, bundle) = sample();
    let bytes = borsh::to_vec(bundle).unwrap();
    // Every truncation, a trailing byte, and every single bit flipped: refused, or another bundle
    // that does not verify. Verification of each would take long, so every 29th flip is verified.
    for end in 0..bytes.len() {
        assert!(Bundle::decode(&bytes[..end]).is_err());
    }
    assert!(Bundle::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    let mut verified = 0;
    for bit in (0..bytes.len() * 8).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Bundle::decode(&flipped) {
            assert_ne!(other, *bundle, "two encodings of one bundle, bit {bit}");
            if bit % 29 == 0 {
                assert!(block.verify(&other).is_err(), "bit {bit}");
                verified += 1;
            }
        }
    }
    assert!(verified > 0);
    // Lists longer than anything honest are refused before they are read.
    let mut many = bundle.clone();
    many.proofs = vec![bundle.proofs[0].clone(); MAX_PROOFS + 1];
    assert!(Bundle::decode(&borsh::to_vec(&many).unwrap()).is_err());
    let mut wide = bundle.clone();
    wide.evaluations = (0..=MAX_COLUMNS as u32)
        .map(|column| galen_zk::bundle::Evaluation { column, value: Scalar::default() })
        .collect();
    assert!(Bundle::decode(&borsh::to_vec(&wide).unwrap()).is_err());
    assert!(Bundle::decode(&vec![0; MAX_BUNDLE_BYTES + 1]).is_err());
    // Another number of proofs, or another length, than the claims need: not even a point is decoded.
    let refused = |bytes: &[u8]| Bundle::decode_for(&block.claims, bytes).unwrap_err().to_string();
    let mut repeated = bundle.clone();
    repeated.proofs.push(bundle.proofs[0].clone());
    let repeated = borsh::to_vec(&repeated).unwrap();
    assert_eq!(Bundle::announced(&repeated), Some(2));
    assert_eq!(refused(&repeated), "another number of proofs than the claims need");
    assert_eq!(Bundle::announced(&[0xff; 4]), None);
    assert_eq!(refused(&bytes[..bytes.len() - 1]), "another length than the claims need");
    assert_eq!(&Bundle::decode_for(&block.claims, &bytes).unwrap(), bundle);
    // Lists out of order, or with repeats.
    let mut swapped = bundle.clone();
    swapped.evaluations.swap(0, 1);
    assert!(Bundle::decode(&borsh::to_vec(&swapped).unwrap()).is_err());
}

#[test]
fn adversary_14_bundle_for_another_place_is_refused() {
    let (block, bundle) = sample();
    let elsewhere = |change: fn(&mut BundleContext)| {
        let mut context = block.context;
        change(&mut context);
        verify_bundle(verifier(), &context, &block.claims, bundle).map(drop)
    };
    assert_eq!(elsewhere(|_| {}), Ok(()));
    assert_eq!(elsewhere(|c| c.package[0] ^= 1), Err(ProofError::Opening));
    assert_eq!(elsewhere(|c| c.institution[31] ^= 1), Err(ProofError::Opening));
    assert_eq!(elsewhere(|c| c.table += 1), Err(ProofError::Opening));
    assert_eq!(elsewhere(|c| c.block += 1), Err(ProofError::Opening));
    // Another dataset of equal shape.
    let other = Block::honest(500);
    assert_eq!(other.verify(bundle), Err(ProofError::Opening));
    assert_eq!(other.verify(&other.prove(501).unwrap()), Ok(()));
}

#[test]
fn adversary_14_proof_of_another_circuit_or_version_is_refused() {
    let (block, bundle) = sample();
    let named = |name: &str| {
        let mut other = bundle.clone();
        other.proofs[0].circuit = name.into();
        block.verify(&other)
    };
    assert_eq!(named("k-anonymity/1/1016"), Ok(()));
    assert_eq!(named("k-anonymity/1/32760"), Err(ProofError::Proofs));
    let unknown = |name: &str| Err(ProofError::UnknownCircuit(name.into()));
    assert_eq!(named("k-anonymity/2/1016"), unknown("k-anonymity/2/1016"));
    assert_eq!(named("credential/1"), unknown("credential/1"));
    assert_eq!(named(""), unknown(""));
    // No proof, and two.
    let mut none = bundle.clone();
    none.proofs.clear();
    assert_eq!(block.verify(&none), Err(ProofError::Proofs));
    let mut two = bundle.clone();
    two.proofs.push(bundle.proofs[0].clone());
    assert_eq!(block.verify(&two), Err(ProofError::Proofs));
    // Something beside the one statement.
    let mut auxiliary = bundle.clone();
    auxiliary.proofs[0].auxiliary.push(stranger(1));
    assert_eq!(block.verify(&auxiliary), Err(ProofError::Proofs));
}

#[test]
fn adversary_16_changed_inputs_are_refused() {
    let (block, bundle) = sample();
    // The claim's k against the proof's.
    let mut claims = block.claims.clone();
    claims.k = K - 1;
    assert_eq!(verify_bundle(verifier(), &block.context, &claims, bundle), Err(ProofError::Inputs));
    let mut other = bundle.clone();
    other.proofs[0].inputs = vec![Scalar::from(u64::from(K - 1))];
    assert_eq!(block.verify(&other), Err(ProofError::Inputs));
    // Both: another challenge.
    assert_eq!(
        verify_bundle(verifier(), &block.context, &claims, &other),
        Err(ProofError::Opening)
    );
    other.proofs[0].inputs.push(Scalar::default());
    assert_eq!(block.verify(&other), Err(ProofError::Inputs));
    // Number of active rows: not an input of the circuit, yet part of what ζ and Y come from.
    claims.k = K;
    claims.rows -= K;
    assert_eq!(
        verify_bundle(verifier(), &block.context, &claims, bundle),
        Err(ProofError::Opening)
    );
    assert_eq!(block.verify(bundle), Ok(()));
}

#[test]
fn adversary_16_claims_out_of_bounds_are_refused() {
    let (block, bundle) = sample();
    let claim = |change: fn(&mut BlockClaims)| {
        let mut claims = block.claims.clone();
        change(&mut claims);
        match verify_bundle(verifier(), &block.context, &claims, bundle) {
            Err(ProofError::Claim(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(claim(|c| c.k = 0), "k must be between 1 and 65,535");
    assert_eq!(claim(|c| c.k = 1 << 16), "k must be between 1 and 65,535");
    assert_eq!(claim(|c| c.rows = c.block_rows + 1), "more rows than the block holds");
    assert_eq!(claim(|c| c.rows = u32::MAX), "more rows than the block holds");
    assert_eq!(claim(|c| c.rows = c.k - 1), "fewer rows than k");
    assert_eq!(claim(|c| c.rows = c.block_rows - c.k + 1), "padding shorter than k");
    assert_eq!(claim(|c| c.rows = c.block_rows - 1), "padding shorter than k");
    assert_eq!(claim(|c| c.block_rows = 1_000), "no such block size");
    assert_eq!(claim(|c| c.quasi_identifiers.clear()), "no quasi-identifier");
    assert_eq!(claim(|c| c.quasi_identifiers = vec![2, 0]), "quasi-identifiers out of order");
    assert_eq!(claim(|c| c.quasi_identifiers = vec![0, 0]), "quasi-identifiers out of order");
    assert_eq!(claim(|c| c.quasi_identifiers = vec![0, 3]), "no such column");
    assert_eq!(
        claim(|c| c.commitments = vec![c.commitments[0]; MAX_COLUMNS + 1]),
        "too many columns"
    );
    assert_eq!(block.verify(bundle), Ok(()));
}

#[test]
fn adversary_16_left_out_quasi_identifier_is_refused() {
    let (block, bundle) = sample();
    let mut claims = block.claims.clone();
    claims.quasi_identifiers = vec![0, 1, 2];
    let verify = |claims: &BlockClaims, bundle: &Bundle| {
        verify_bundle(verifier(), &block.context, claims, bundle).map(drop)
    };
    assert_eq!(verify(&claims, bundle), Err(ProofError::Columns));
    claims.quasi_identifiers = vec![0];
    assert_eq!(verify(&claims, bundle), Err(ProofError::Columns));
    // A value less, a value more.
    let mut fewer = bundle.clone();
    fewer.evaluations.pop();
    assert_eq!(verify(&block.claims, &fewer), Err(ProofError::Columns));
    // The remaining column alone, and the claim with it: the batch opens one column less.
    claims.quasi_identifiers = vec![0];
    assert_eq!(verify(&claims, &fewer), Err(ProofError::Opening));
    assert_eq!(verify(&block.claims, bundle), Ok(()));
}

#[test]
fn adversary_18_small_classes_are_not_proven() {
    let refused = |block: &Block| match block.prove(7) {
        Err(ProveError::Unsatisfied(reason)) => reason.0,
        other => panic!("{other:?}"),
    };
    let k = K as usize;
    // One row short, in the first, a middle and the last class.
    for short in [0, 100, 201] {
        let start = short * k + k - 1;
        let block = Block::new(20, 1_009, |row| {
            let row = if row >= start { row + 1 } else { row };
            (row / k) as u64
        });
        let end = start.max(1);
        assert_eq!(
            refused(&block),
            format!("a class that ends before row {end} has 4 rows, not 5")
        );
    }
    // A class whose rest would be padding: missing cells are a value of their own.
    let split = Block::new(21, 1_008, |row| (row / k) as u64);
    assert_eq!(refused(&split), "a class that ends before row 1008 has 3 rows, not 5");
    // The twin.
    assert!(Block::honest(22).prove(23).is_ok());
}

#[test]
fn adversary_18_hidden_rows_and_changed_cells_are_refused() {
    let (block, _) = sample();
    // Rows left out of the witness.
    let mut short = block.witness();
    short[0].cells = &short[0].cells[..1_005];
    let attempt = |claims: &BlockClaims, columns: &[Column<'_>]| {
        prover().prove_bundle(&block.context, claims, columns, &mut rng(31), &|_| {})
    };
    assert!(matches!(attempt(&block.claims, &short), Err(ProveError::Unsatisfied(_))));
    // Rows left out of the witness and of the claim: the commitments still hold them.
    let mut claims = block.claims.clone();
    claims.rows = 1_005;
    let columns: Vec<Column<'_>> = block
        .witness()
        .into_iter()
        .map(|column| Column { cells: &column.cells[..1_005], ..column })
        .collect();
    assert_eq!(attempt(&claims, &columns).unwrap_err(), ProveError::Refused(ProofError::Opening));
    // A cell that changed after the commitment.
    let mut cells = block.columns[0].clone();
    for cell in &mut cells[..5] {
        *cell += 1;
    }
    let mut changed = block.witness();
    changed[0].cells = &cells;
    assert_eq!(
        attempt(&block.claims, &changed).unwrap_err(),
        ProveError::Refused(ProofError::Opening)
    );
    // A column too few.
    assert_eq!(
        attempt(&block.claims, &block.witness()[..1]).unwrap_err(),
        ProveError::Refused(ProofError::Columns)
    );
    assert!(attempt(&block.claims, &block.witness()).is_ok());
}

#[test]
fn adversary_20_commitment_without_knowledge_is_refused() {
    // Whatever is done to D or P changes ζ too, so an opening at the old ζ is refused first; the
    // forger below opens the columns anew at the new ζ and is left with the proof of knowledge.
    let (block, bundle) = sample();
    let key = verifier().key(K_ANONYMITY_SMALL).unwrap();
    let statement = KAnonymity { rows: N };
    let public = KAnonymityPublic { k: K, zeta: Fr::from(3u64), y: Fr::from(4u64) };
    let entry = &bundle.proofs[0];
    let check = |commitment: &committed::Commitment| {
        committed::verify(&statement, key, &public, commitment, &entry.proof)
    };
    // With an honest D the proof of knowledge passes, and the proof is refused for its ζ.
    assert_eq!(check(&entry.commitment), Err(ProofError::Invalid));
    // D outside the span of the committed bases: moved by the base of a public input, which nobody
    // has times σ.
    let mut outside = entry.commitment;
    outside.values = stranger(40);
    assert_eq!(check(&outside), Err(ProofError::Knowledge));
    let mut unknown = entry.commitment;
    unknown.knowledge = stranger(41);
    assert_eq!(check(&unknown), Err(ProofError::Knowledge));
    // P under another circuit's σ: the large block's.
    let large = verifier().key(galen_zk::circuit::k_anonymity::K_ANONYMITY).unwrap();
    assert!(entry.commitment.is_known(key.sigma().unwrap()));
    assert!(!entry.commitment.is_known(large.sigma().unwrap()));
    assert_eq!(block.verify(bundle), Ok(()));
}

/// What a forger controls: everything that `prove_bundle` does, done by hand.
struct Forger<'a> {
    block: &'a Block,
    statement: KAnonymity,
}

impl Forger<'_> {
    /// A proof for any differences, with `D` made from `committed` instead, at a `ζ` of choice.
    fn prove(
        &self,
        witness: KAnonymityWitness,
        committed_as: &KAnonymityWitness,
        zeta: Fr,
    ) -> (committed::Commitment, KAnonymityPublic, galen_zk::proof::Proof) {
        let key = prover().key(K_ANONYMITY_SMALL).unwrap();
        let commitment = committed::commit(&self.statement, &key, committed_as).unwrap();
        let witness = witness.at(zeta);
        let public = KAnonymityPublic { k: self.block.claims.k, zeta, y: witness.evaluation(zeta) };
        let proof =
            committed::prove(&self.statement, &key, &public, &witness, &mut rng(60)).unwrap();
        (commitment, public, proof)
    }
}

#[test]
fn adversary_20_values_other_than_the_committed_ones_are_refused() {
    let block = &sample().0;
    let forger = Forger { block, statement: KAnonymity { rows: N } };
    let key = verifier().key(K_ANONYMITY_SMALL).unwrap();
    let column = |shift: u64| -> Vec<Fr> {
        (0..N).map(|row| Fr::from((row as u64 / 8).min(126) + shift)).collect()
    };
    let blinders = std::array::from_fn(|j| Fr::from(70 + j as u64));
    let witness = |shift, blinders: &[Fr; BLINDERS]| {
        KAnonymityWitness::new(&column(shift), blinders, Fr::from(1u64), K)
    };
    let honest = witness(1, &blinders);
    let zeta = Fr::from(0xabcdu64);
    let verify = |(commitment, public, proof): (
        committed::Commitment,
        KAnonymityPublic,
        galen_zk::proof::Proof,
    )| committed::verify(&forger.statement, key, &public, &commitment, &proof);
    // The twin: the same values committed and proven.
    assert_eq!(verify(forger.prove(honest.clone(), &honest, zeta)), Ok(()));
    // Other cells, blinders left out, another mask.
    assert_eq!(
        verify(forger.prove(honest.clone(), &witness(2, &blinders), zeta)),
        Err(ProofError::Invalid)
    );
    assert_eq!(
        verify(forger.prove(honest.clone(), &witness(1, &[Fr::ZERO; BLINDERS]), zeta)),
        Err(ProofError::Invalid)
    );
    let mut masked = honest.clone();
    masked.mask += Fr::ONE;
    assert_eq!(verify(forger.prove(honest.clone(), &masked, zeta)), Err(ProofError::Invalid));
    // A proof at one ζ shown for another.
    let (commitment, mut public, proof) = forger.prove(honest.clone(), &honest, zeta);
    public.zeta += Fr::ONE;
    assert_eq!(verify((commitment, public, proof)), Err(ProofError::Invalid));
}

#[test]
fn adversary_20_challenge_chosen_before_the_commitment_is_refused() {
    // Knowing ζ beforehand, a forger proves any column: it shifts one difference so that the value at
    // ζ comes out right. The proof holds at that ζ; the bundle draws another.
    let block = Block::new(70, 1_010, |row| row as u64 / 2);
    let (_, bundle) = sample();
    let zeta = Fr::from(0x1337u64);
    let polynomials: Vec<Vec<Fr>> = block.witness().iter().map(|c| c.coefficients(N)).collect();
    let values: Vec<Fr> = polynomials.iter().map(|p| evaluate(p, zeta)).collect();
    let statement = KAnonymity { rows: N };
    let key = prover().key(K_ANONYMITY_SMALL).unwrap();
    // A false column of one class, whose last blinder makes up the difference at ζ.
    let target = Fr::from(0x4242u64);
    let mut fake =
        KAnonymityWitness::new(&[Fr::from(9u64); N], &[Fr::ZERO; BLINDERS], Fr::from(8u64), K);
    let last = fake.differences.len() - 1;
    let gap = target - fake.evaluation(zeta);
    let weight = zeta.pow([last as u64]) - zeta.pow([last as u64 + 1]);
    fake.differences[last] += gap * weight.inverse().unwrap();
    assert_eq!(fake.evaluation(zeta), target);
    let commitment = committed::commit(&statement, &key, &fake).unwrap();
    let public = KAnonymityPublic { k: K, zeta, y: target };
    let proof =
        committed::prove(&statement, &key, &public, &fake.clone().at(zeta), &mut rng(71)).unwrap();
    let verifying = verifier().key(K_ANONYMITY_SMALL).unwrap();
    assert_eq!(committed::verify(&statement, verifying, &public, &commitment, &proof), Ok(()));
    // In a bundle, with honest openings at the chosen point.
    let mut forged = bundle.clone();
    forged.proofs[0].commitment = commitment;
    forged.proofs[0].proof = proof;
    for (evaluation, value) in forged.evaluations.iter_mut().zip(&values) {
        evaluation.value = Scalar(*value);
    }
    forged.opening = prover()
        .powers()
        .unwrap()
        .open(zeta, &polynomials, batching_factor(&zeta, &values))
        .unwrap();
    assert_eq!(block.verify(&forged), Err(ProofError::Opening));
}

#[test]
fn adversary_20_other_columns_and_evaluations_are_refused() {
    let (block, bundle) = sample();
    // Commitments of other columns, in claims that keep the honest bundle.
    let claims = |change: fn(&mut BlockClaims)| {
        let mut claims = block.claims.clone();
        change(&mut claims);
        verify_bundle(verifier(), &block.context, &claims, bundle).map(drop)
    };
    assert_eq!(claims(|_| {}), Ok(()));
    assert_eq!(claims(|c| c.commitments.swap(0, 2)), Err(ProofError::Opening));
    // A column that is not even opened: every commitment of the block counts.
    assert_eq!(claims(|c| c.commitments[1] = stranger(80)), Err(ProofError::Opening));
    assert_eq!(claims(|c| c.commitments.push(stranger(81))), Err(ProofError::Opening));
    assert_eq!(claims(|c| c.quasi_identifiers = vec![0, 1]), Err(ProofError::Columns));
    // Evaluations: of another ζ, exchanged, shifted against each other.
    let values = |change: fn(&mut Bundle)| {
        let mut other = bundle.clone();
        change(&mut other);
        block.verify(&other)
    };
    assert_eq!(values(|b| b.evaluations[0].value.0 += Fr::ONE), Err(ProofError::Opening));
    assert_eq!(
        values(|b| {
            let first = b.evaluations[0].value;
            b.evaluations[0].value = b.evaluations[1].value;
            b.evaluations[1].value = first;
        }),
        Err(ProofError::Opening)
    );
    assert_eq!(
        values(|b| {
            b.evaluations[0].value.0 += Fr::ONE;
            b.evaluations[1].value.0 -= Fr::ONE;
        }),
        Err(ProofError::Opening)
    );
    assert_eq!(
        values(|b| b.opening = G1OrZero::new(G1Affine::identity()).unwrap()),
        Err(ProofError::Opening)
    );
    let other = block.prove(90).unwrap();
    let mut mixed = bundle.clone();
    mixed.evaluations = other.evaluations.clone();
    mixed.opening = other.opening;
    assert_eq!(block.verify(&mixed), Err(ProofError::Opening));
    // The proof of another bundle of the same block.
    let mut proof = bundle.clone();
    proof.proofs[0].proof = other.proofs[0].proof;
    assert_eq!(block.verify(&proof), Err(ProofError::Invalid));
}

#[test]
fn commitments_add_up_like_their_columns() {
    let powers = prover().powers().unwrap();
    let mut rng = rng(100);
    let blinders: [[Fr; BLINDERS]; 2] =
        std::array::from_fn(|_| std::array::from_fn(|_| Fr::rand(&mut rng)));
    let commit = |cells: &[u64], blinders| powers.commit(N, &Column { cells, blinders }).unwrap();
    let sum: [Fr; BLINDERS] = std::array::from_fn(|j| blinders[0][j] + blinders[1][j]);
    for width in [8, 16, 32, 63] {
        let top = 1u64 << (width - 1);
        let first: Vec<u64> = (0..N as u64).map(|row| row % top).collect();
        let second: Vec<u64> = (0..N as u64).map(|row| top - 1 - row % top).collect();
        let both: Vec<u64> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
        let added = (commit(&first, blinders[0]).affine().into_group()
            + commit(&second, blinders[1]).affine())
        .into_affine();
        assert_eq!(commit(&both, sum).affine(), &added);
        // Fast paths against the plain sum.
        let column = Column { cells: &first, blinders: blinders[0] };
        let plain = powers.commit_coefficients(&column.coefficients(N)).unwrap();
        assert_eq!(plain, commit(&first, blinders[0]).into());
    }
    let long = vec![1; N + 1];
    assert!(powers.commit(N, &Column { cells: &long, blinders: blinders[0] }).is_err());
    let none = Column { cells: &[], blinders: [Fr::ZERO; BLINDERS] };
    assert!(powers.commit(N, &none).is_err());
    assert!(powers.commit(usize::MAX, &none).is_err());
}

#[test]
fn forgeable_parameters_are_marked_and_kept_out_of_production() {
    assert!(prover().is_forgeable());
    let parameters = Parameters::development().unwrap();
    assert_eq!(Verifier::new(Network::Production, parameters).unwrap_err(), KeyError::Forgeable);
}

#[test]
fn the_example_is_true() {
    let statement = KAnonymity { rows: N };
    let (public, witness) = statement.example();
    statement.check(&public, &witness).unwrap();
}
