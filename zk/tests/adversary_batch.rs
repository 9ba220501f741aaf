//! Batches of proofs, proofs of knowledge and openings with false ones among them.

#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use ark_bn254::{Fr, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{Field, UniformRand};
use galen_zk::batch::{Batch, Item};
use galen_zk::circuit::k_anonymity::{K_ANONYMITY_SMALL, KAnonymity, SMALL_BLOCK_ROWS};
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::segment_key::{SegmentKey, SegmentKeyPublic, SegmentKeyWitness};
use galen_zk::commitment::{BLINDERS, Column, batching_factor, evaluate, opens};
use galen_zk::committed::{self, Commitment};
use galen_zk::field::Scalar;
use galen_zk::keys::{Prover, Verifier};
use galen_zk::point::{G1OrZero, G1Point};
use galen_zk::proof::{Proof, ProofError};
use galen_zk::statement::Statement;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

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

fn point(seed: u64) -> G1Point {
    G1Point::new(G1Projective::rand(&mut rng(seed)).into_affine()).unwrap()
}

/// True statements of several circuits.
struct Sample {
    segments: Vec<(SegmentKeyPublic, Proof)>,
    envelope: (Vec<Fr>, Proof),
    block: (Vec<Fr>, Commitment, Proof),
    opening: (Fr, Vec<(G1Point, Fr)>, G1OrZero),
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let segments = (0..9)
            .map(|index| {
                let key = Scalar(Fr::rand(&mut rng(index)));
                let public = SegmentKeyPublic::of(key, 7, Scalar::from(index));
                let witness = SegmentKeyWitness { key };
                let proof =
                    prover().prove(&SegmentKey, &public, &witness, &mut rng(index)).unwrap();
                (public, proof)
            })
            .collect();
        let statement = KeyEnvelope::default();
        let (public, witness) = statement.example();
        let proof = prover().prove(&statement, &public, &witness, &mut rng(20)).unwrap();
        let envelope = (statement.inputs(&public), proof);

        let statement = KAnonymity { rows: SMALL_BLOCK_ROWS };
        let key = prover().key(K_ANONYMITY_SMALL).unwrap();
        let (public, witness) = statement.example();
        let commitment = committed::commit(&statement, &key, &witness).unwrap();
        let proof = committed::prove(&statement, &key, &public, &witness, &mut rng(21)).unwrap();
        let block = (statement.inputs(&public), commitment, proof);

        let powers = prover().powers().unwrap();
        let zeta = Fr::from(77u64);
        let (mut claims, mut polynomials) = (Vec::new(), Vec::new());
        for column in 0..3u64 {
            let cells: Vec<u64> = (0..100).map(|row| row * column + 5).collect();
            let blinders: [Fr; BLINDERS] = std::array::from_fn(|_| Fr::rand(&mut rng(column)));
            let column = Column { cells: &cells, blinders };
            let polynomial = column.coefficients(SMALL_BLOCK_ROWS);
            let commitment = powers.commit(SMALL_BLOCK_ROWS, &column).unwrap();
            claims.push((commitment, evaluate(&polynomial, zeta)));
            polynomials.push(polynomial);
        }
        let values: Vec<Fr> = claims.iter().map(|(_, value)| *value).collect();
        let witness = powers.open(zeta, &polynomials, batching_factor(&zeta, &values)).unwrap();
        Sample { segments, envelope, block, opening: (zeta, claims, witness) }
    })
}

fn segment(index: usize) -> Item<'static> {
    let (public, proof) = &sample().segments[index];
    let key = verifier().key(SegmentKey.circuit()).unwrap();
    Item::Plain { key, inputs: SegmentKey.inputs(public), proof: *proof }
}

fn envelope() -> Item<'static> {
    let key = verifier().key(KeyEnvelope::default().circuit()).unwrap();
    let (inputs, proof) = sample().envelope.clone();
    Item::Plain { key, inputs, proof }
}

fn block() -> Item<'static> {
    let (inputs, commitment, proof) = sample().block.clone();
    let key = verifier().key(K_ANONYMITY_SMALL).unwrap();
    Item::Committed { key, inputs, commitment, proof }
}

fn opening() -> Item<'static> {
    let (zeta, claims, witness) = sample().opening.clone();
    Item::Opening { zeta, claims, witness }
}

/// One of everything, and of some things several.
fn honest() -> Vec<Item<'static>> {
    let mut items: Vec<Item<'static>> = (0..9).map(segment).collect();
    items.extend([envelope(), opening(), block(), opening(), block(), segment(0)]);
    items
}

fn verify(items: Vec<Item<'static>>) -> Vec<Result<(), ProofError>> {
    let mut batch = verifier().batch();
    for item in items {
        batch.push(item);
    }
    batch.verify()
}

/// Exactly the items at these places are refused, with these errors.
fn refused(items: Vec<Item<'static>>, expected: &[(usize, ProofError)]) {
    let mut results = vec![Ok(()); items.len()];
    for (index, error) in expected {
        results[*index] = Err(error.clone());
    }
    assert_eq!(verify(items), results);
}

/// Every way to falsify an item by one value.
fn falsified(item: &Item<'static>) -> Vec<(Item<'static>, ProofError)> {
    let mut all = Vec::new();
    match item {
        Item::Plain { key, inputs, proof } => {
            for index in 0..inputs.len() {
                let mut inputs = inputs.clone();
                inputs[index] += Fr::ONE;
                all.push((Item::Plain { key, inputs, proof: *proof }, ProofError::Invalid));
            }
            let fresh = proof.rerandomised(key, &mut rng(50)).to_bytes();
            // A of one proof with B and C of another one of the same statement.
            let mut mixed = proof.to_bytes();
            mixed[..32].copy_from_slice(&fresh[..32]);
            let proof: Proof = borsh::from_slice(&mixed).unwrap();
            all.push((Item::Plain { key, inputs: inputs.clone(), proof }, ProofError::Invalid));
            let (mut short, mut long) = (inputs.clone(), inputs.clone());
            short.pop();
            long.push(Fr::ONE);
            for inputs in [short, long] {
                all.push((Item::Plain { key, inputs, proof }, ProofError::Inputs));
            }
        }
        Item::Committed { key, inputs, commitment, proof } => {
            let item = |inputs: &[Fr], commitment, key| Item::Committed {
                key,
                inputs: inputs.to_vec(),
                commitment,
                proof: *proof,
            };
            for index in 0..inputs.len() {
                let mut inputs = inputs.clone();
                inputs[index] += Fr::ONE;
                all.push((item(&inputs, *commitment, key), ProofError::Invalid));
            }
            let mut other = *commitment;
            other.values = point(60);
            all.push((item(inputs, other, key), ProofError::Knowledge));
            let mut other = *commitment;
            other.knowledge = point(61);
            all.push((item(inputs, other, key), ProofError::Knowledge));
            // Known, but another value.
            let twice = |point: G1Point| {
                G1Point::new((*point.affine() + point.affine()).into_affine()).unwrap()
            };
            let other = Commitment {
                values: twice(commitment.values),
                knowledge: twice(commitment.knowledge),
            };
            all.push((item(inputs, other, key), ProofError::Invalid));
            let plain = Item::Plain { key, inputs: inputs.clone(), proof: *proof };
            all.push((plain, ProofError::Inputs));
        }
        Item::Opening { zeta, claims, witness } => {
            for index in 0..claims.len() {
                let mut claims = claims.clone();
                claims[index].1 += Fr::ONE;
                let item = Item::Opening { zeta: *zeta, claims, witness: *witness };
                all.push((item, ProofError::Opening));
            }
            let mut swapped = claims.clone();
            swapped[0].0 = claims[1].0;
            swapped[1].0 = claims[0].0;
            for (zeta, claims, witness) in [
                (*zeta, swapped, *witness),
                (*zeta + Fr::ONE, claims.clone(), *witness),
                (*zeta, claims.clone(), point(62).into()),
            ] {
                all.push((Item::Opening { zeta, claims, witness }, ProofError::Opening));
            }
        }
    }
    all
}

#[test]
fn a_true_batch_is_accepted() {
    assert_eq!(verify(Vec::new()), []);
    refused(honest(), &[]);
    for item in [segment(0), envelope(), block(), opening()] {
        refused(vec![item], &[]);
    }
    let mut batch = verifier().batch();
    assert!(batch.is_empty());
    honest().into_iter().for_each(|item| batch.push(item));
    assert_eq!(batch.len(), honest().len());
    assert_eq!(batch.verify_all(), Ok(()));
}

#[test]
fn adversary_22_exactly_the_false_item_of_a_batch_is_refused() {
    // Every false item, alone and at the place of its true twin.
    for place in [0, 9, 10, 11] {
        for (item, error) in falsified(&honest()[place]) {
            refused(vec![item.clone()], &[(0, error.clone())]);
            let mut items = honest();
            items[place] = item;
            refused(items, &[(place, error)]);
        }
    }
    refused(honest(), &[]);
}

#[test]
fn adversary_22_false_items_do_not_cancel_in_a_batch() {
    // The same error with both signs: a sum without factors would be zero. W and the values of two
    // openings are moved against each other.
    let Item::Opening { zeta, claims, witness } = opening() else { unreachable!() };
    let moved = |by: Fr| {
        let mut claims = claims.clone();
        // The first claim's factor is one in either opening.
        claims[0].1 += by;
        Item::Opening { zeta, claims, witness }
    };
    refused(
        vec![moved(Fr::ONE), moved(-Fr::ONE)],
        &[(0, ProofError::Opening), (1, ProofError::Opening)],
    );
    // The same for D and P of two proofs of knowledge: the sums of all D and of all P are unchanged.
    let Item::Committed { key, inputs, commitment, proof } = block() else { unreachable!() };
    let stranger = *point(70).affine();
    let shifted = |by: G1Projective| {
        let values = G1Point::new((by + commitment.values.affine()).into_affine()).unwrap();
        let commitment = Commitment { values, ..commitment };
        Item::Committed { key, inputs: inputs.clone(), commitment, proof }
    };
    refused(
        vec![shifted(stranger.into()), segment(1), shifted(-G1Projective::from(stranger))],
        &[(0, ProofError::Knowledge), (2, ProofError::Knowledge)],
    );
    // Two proofs that traded statements.
    let (mut first, mut second) = (segment(2), segment(3));
    let (Item::Plain { proof: a, .. }, Item::Plain { proof: b, .. }) = (&mut first, &mut second)
    else {
        unreachable!()
    };
    std::mem::swap(a, b);
    refused(vec![first, second], &[(0, ProofError::Invalid), (1, ProofError::Invalid)]);
    refused(vec![opening(), block(), segment(2), segment(3)], &[]);
}

#[test]
fn adversary_22_many_false_items_of_a_batch_are_all_refused() {
    let mut items = honest();
    let mut expected = Vec::new();
    for place in [0, 3, 4, 10, 11, 14] {
        let (item, error) = falsified(&items[place]).remove(0);
        items[place] = item;
        expected.push((place, error));
    }
    refused(items, &expected);
    let all: Vec<(Item<'static>, ProofError)> =
        honest().iter().map(|item| falsified(item).remove(0)).collect();
    let expected: Vec<(usize, ProofError)> =
        all.iter().map(|(_, error)| error.clone()).enumerate().collect();
    refused(all.into_iter().map(|(item, _)| item).collect(), &expected);
}

#[test]
fn adversary_22_keys_of_circuits_are_not_mixed_up_in_a_batch() {
    // Inputs and proof of one circuit under another's key with as many inputs.
    let (public, proof) = &sample().segments[0];
    let envelope = verifier().key(KeyEnvelope::default().circuit()).unwrap();
    let mut inputs = SegmentKey.inputs(public);
    inputs.resize(envelope.inputs(), Fr::ONE);
    let foreign = Item::Plain { key: envelope, inputs, proof: *proof };
    refused(vec![segment(0), foreign, segment(1)], &[(1, ProofError::Invalid)]);
    // A commitment where the circuit has none.
    let (_, commitment, _) = &sample().block;
    let Item::Plain { key, inputs, proof } = segment(0) else { unreachable!() };
    let item = Item::Committed { key, inputs, commitment: *commitment, proof };
    refused(vec![item, segment(1)], &[(0, ProofError::Inputs)]);
    refused(vec![segment(0), segment(1)], &[]);
}

#[test]
fn a_batch_says_what_single_verification_says() {
    let (zeta, claims, witness) = &sample().opening;
    let points: Vec<_> = claims.iter().map(|(point, value)| (*point.affine(), *value)).collect();
    assert!(opens(verifier().tau().affine(), *zeta, &points, witness));
    for (public, proof) in &sample().segments {
        assert_eq!(verifier().verify(&SegmentKey, public, proof), Ok(()));
    }
    // Another τ is another batch: openings fail, proofs do not.
    let other = galen_zk::batch::PreparedPoint::new(
        *verifier().key(K_ANONYMITY_SMALL).unwrap().sigma().unwrap(),
    );
    let mut batch = Batch::new(&other);
    batch.push(opening());
    batch.push(block());
    assert_eq!(batch.verify(), [Err(ProofError::Opening), Ok(())]);
    assert_eq!(batch.verify_all(), Err(ProofError::Opening));
}
