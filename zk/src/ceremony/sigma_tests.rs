#![allow(clippy::unwrap_used)]

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn bases(count: usize) -> Vec<G1Affine> {
    let mut rng = rng(1);
    (0..count).map(|_| (G1Affine::generator() * Fr::rand(&mut rng)).into_affine()).collect()
}

/// Two contributors and a final random value.
fn chain() -> Transcript {
    let mut chain = Transcript::start("k-anonymity/1/1016", [7; 32], &bases(20)).unwrap();
    chain.contribute("A hospital", &mut rng(2)).unwrap();
    chain.contribute("A university", &mut rng(3)).unwrap();
    chain.beacon("Public randomness", &[9; 32], 10, &mut rng(4)).unwrap();
    chain
}

fn refused(chain: &Transcript) -> SigmaError {
    chain.check(&mut rng(5)).unwrap_err()
}

#[test]
fn an_honest_chain_holds_and_round_trips() {
    let chain = chain();
    chain.check(&mut rng(5)).unwrap();
    assert_eq!(chain.steps().len(), 3);
    let bytes = chain.to_bytes();
    assert_eq!(Transcript::from_bytes(&bytes).unwrap(), chain);
    assert!(chain.is_for("k-anonymity/1/1016", &[7; 32], &bases(20)));
    // Every base is multiplied by the same σ, which is not one.
    assert_ne!(chain.sigma(), G2Affine::generator());
    assert_ne!(chain.knowledge(), bases(20));
}

#[test]
fn adversary_21_a_chain_that_nobody_contributed_to_is_refused() {
    let mut chain = Transcript::start("c", [7; 32], &bases(3)).unwrap();
    assert_eq!(refused(&chain), SigmaError::NoContribution);
    // A public random value alone is no contribution: everybody knows it.
    assert_eq!(
        chain.beacon("Public randomness", &[9; 32], 10, &mut rng(4)),
        Err(SigmaError::NoContribution)
    );
    chain.contribute("A hospital", &mut rng(2)).unwrap();
    chain.check(&mut rng(5)).unwrap();
}

#[test]
fn adversary_21_a_skipped_step_is_refused() {
    for (left_out, found) in [(0, SigmaError::Knowledge(1)), (1, SigmaError::Beacon(2))] {
        let mut chain = chain();
        chain.steps.remove(left_out);
        assert_eq!(refused(&chain), found);
    }
    // The last one without its factor in the bases.
    let mut cut = chain();
    cut.steps.pop();
    assert_eq!(refused(&cut), SigmaError::Bases);
}

#[test]
fn adversary_21_a_step_without_knowledge_is_refused() {
    let honest = chain();
    // Another response, another nonce, another name, another σ: each is what the proof speaks of.
    let mut other = honest.clone();
    if let Evidence::Knowledge { response, .. } = &mut other.steps[1].evidence {
        response.0 += Fr::ONE;
    }
    assert_eq!(refused(&other), SigmaError::Knowledge(2));
    let mut other = honest.clone();
    other.steps[1].name = "Another university".into();
    assert_eq!(refused(&other), SigmaError::Knowledge(2));
    let mut other = honest.clone();
    let known = Fr::from(77u64);
    other.steps[1].sigma = G2Point::new((G2Affine::generator() * known).into_affine()).unwrap();
    assert_eq!(refused(&other), SigmaError::Knowledge(2));
    // A proof made for another history: the same steps after another beginning.
    let mut other = honest.clone();
    other.key = [8; 32];
    assert_eq!(refused(&other), SigmaError::Knowledge(1));
    let mut other = honest;
    other.circuit = "k-anonymity/1/32760".into();
    assert_eq!(refused(&other), SigmaError::Knowledge(1));
}

#[test]
fn adversary_21_replaced_bases_are_refused() {
    for place in [0, 7, 19] {
        let mut chain = chain();
        let other = *chain.knowledge[place].affine() + G1Affine::generator();
        chain.knowledge[place] = G1Point::new(other.into_affine()).unwrap();
        assert_eq!(refused(&chain), SigmaError::Bases);
        // Nor may the next contributor build on it.
        chain.steps.pop();
        assert_eq!(chain.contribute("Next", &mut rng(6)), Err(SigmaError::Bases));
    }
    let mut swapped = chain();
    swapped.knowledge.swap(3, 4);
    assert_eq!(refused(&swapped), SigmaError::Bases);
}

#[test]
fn adversary_21_sigma_of_one_is_refused() {
    // Somebody who knows the only secret takes it back, with a valid proof of knowledge.
    let mut chain = Transcript::start("c", [7; 32], &bases(3)).unwrap();
    chain.contribute("One", &mut rng(2)).unwrap();
    let secret = nontrivial(&mut rng(2));
    assert_eq!((G2Affine::generator() * secret).into_affine(), chain.sigma());
    let back = secret.inverse().unwrap();
    let (hash, old) = (chain.hash(), chain.sigma());
    let nonce_secret = nontrivial(&mut rng(3));
    let sigma = point((old * back).into_affine()).unwrap();
    let nonce = point((old * nonce_secret).into_affine()).unwrap();
    let challenge = challenge(&hash, "Two", &old, &sigma, &nonce).unwrap();
    let response = Scalar(nonce_secret + challenge * back);
    chain.multiply(back).unwrap();
    let evidence = Evidence::Knowledge { nonce, response };
    chain.steps.push(Step { name: "Two".into(), sigma, evidence });
    assert_eq!(refused(&chain), SigmaError::One);
    // A step that repeats σ.
    let mut idle = self::chain();
    let first = idle.steps[0].clone();
    idle.steps.insert(1, first);
    assert_eq!(refused(&idle), SigmaError::Trivial(2));
}

#[test]
fn adversary_21_a_final_value_that_is_not_final_is_refused() {
    let mut ended = chain();
    assert_eq!(ended.contribute("Late", &mut rng(6)), Err(SigmaError::Beacon(3)));
    // Another value, or fewer hashes, than the one it was made with.
    for change in [0, 1] {
        let mut other = chain();
        if let Evidence::Beacon { value, iterations } = &mut other.steps[2].evidence {
            if change == 0 { value[0] ^= 1 } else { *iterations = 11 }
        }
        assert_eq!(refused(&other), SigmaError::Beacon(3));
    }
    let mut moved = chain();
    moved.steps.swap(1, 2);
    assert_eq!(refused(&moved), SigmaError::Beacon(2));
    let mut open = Transcript::start("c", [7; 32], &bases(3)).unwrap();
    open.contribute("One", &mut rng(2)).unwrap();
    assert_eq!(open.beacon("b", &[1; 32], 25, &mut rng(3)), Err(SigmaError::Beacon(2)));
    assert_eq!(open.beacon("b", &[], 10, &mut rng(3)), Err(SigmaError::Beacon(2)));
    assert_eq!(open.beacon("b", &[1; 32], 10, &mut rng(3)), Ok(()));
}

#[test]
fn adversary_21_changed_bytes_are_refused() {
    let bytes = chain().to_bytes();
    for place in (0..bytes.len()).step_by(23) {
        let mut other = bytes.clone();
        other[place] ^= 0x10;
        let held = Transcript::from_bytes(&other).and_then(|chain| chain.check(&mut rng(5)));
        assert!(held.is_err(), "byte {place}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(Transcript::from_bytes(&longer), Err(SigmaError::Encoding(_))));
    let shorter = &bytes[..bytes.len() - 1];
    assert!(matches!(Transcript::from_bytes(shorter), Err(SigmaError::Encoding(_))));
    // A count that no file of this length holds is refused before anything is allocated.
    let mut many = bytes[..8].to_vec();
    many.extend(1u32.to_le_bytes());
    many.push(b'c');
    many.extend([0; 32]);
    many.extend((1u32 << 20).to_le_bytes());
    assert!(matches!(Transcript::from_bytes(&many), Err(SigmaError::Encoding(_))));
}
