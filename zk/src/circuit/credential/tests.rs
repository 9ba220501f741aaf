#![allow(clippy::unwrap_used)]

use ark_ec::AffineRepr;
use ark_ff::UniformRand;
use ark_relations::gr1cs::ConstraintSystem;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::field::modulus_bytes;
use crate::hash::holder;
use crate::merkle::{EMPTY_LEAF, LeafTree, node};
use crate::proof::{self, ProofError};
use crate::setup;

/// Whether the circuit is satisfied; the plain check must agree.
fn satisfied(circuit: Credential, public: &CredentialPublic, witness: &CredentialWitness) -> bool {
    let cs = ConstraintSystem::<Fr>::new_ref();
    circuit.synthesize(cs.clone(), public, witness).unwrap();
    let satisfied = cs.is_satisfied().unwrap();
    let check = circuit.check(public, witness);
    assert_eq!(satisfied, check.is_ok(), "circuit and plain check disagree: {check:?}");
    satisfied
}

/// The plain check's words for a refusal that the circuit agrees with.
fn refusal(public: &CredentialPublic, witness: &CredentialWitness) -> String {
    let circuit = Credential::default();
    assert!(!satisfied(circuit, public, witness));
    circuit.check(public, witness).unwrap_err().0
}

/// An honest statement after a change of the request and of the credential, under a tree that holds
/// the changed credential.
fn changed(
    change: impl FnOnce(&mut CredentialRequest, &mut CredentialWitness),
) -> (CredentialPublic, CredentialWitness) {
    let (public, mut witness) = Credential::default().example();
    let mut request = public.request;
    change(&mut request, &mut witness);
    let leaf = leaf(holder(witness.secret.0), &witness.attributes);
    request.roots[ROOTS - 1] = Scalar(root_of(leaf, &witness.path));
    (CredentialPublic::answer(request, &witness).unwrap(), witness)
}

fn accepted(change: impl FnOnce(&mut CredentialRequest, &mut CredentialWitness)) -> bool {
    let (public, witness) = changed(change);
    satisfied(Credential::default(), &public, &witness)
}

fn refused(change: impl FnOnce(&mut CredentialRequest, &mut CredentialWitness)) -> String {
    let (public, witness) = changed(change);
    refusal(&public, &witness)
}

#[test]
fn the_example_holds_and_has_the_stated_size() {
    for circuit in [Credential::default(), Credential::small()] {
        let (public, witness) = circuit.example();
        assert!(satisfied(circuit, &public, &witness));
    }
    let circuit = Credential::default();
    let (public, witness) = circuit.example();
    let cs = ConstraintSystem::<Fr>::new_ref();
    circuit.synthesize(cs.clone(), &public, &witness).unwrap();
    assert_eq!(circuit.inputs(&public).len(), 74);
    assert_eq!(cs.num_constraints(), CONSTRAINTS);
    assert!(cs.num_constraints() + cs.num_instance_variables() <= 1 << 14);
}

/// Constraints of the full circuit.
const CONSTRAINTS: usize = 10_294;

#[test]
fn valid_statements_of_every_kind() {
    assert!(accepted(|_, _| {}));
    assert!(accepted(|request, _| request.countries = Countries::default()));
    assert!(accepted(|request, _| request.purposes = 0));
    assert!(accepted(|request, witness| {
        request.purposes = u32::MAX;
        witness.attributes.purposes = u32::MAX;
    }));
    assert!(accepted(|request, witness| {
        request.day = 0;
        witness.attributes.expiry = u32::MAX;
    }));
    assert!(accepted(|request, witness| {
        request.j_limit = u16::MAX;
        witness.j = u16::MAX - 1;
    }));
    assert!(accepted(|request, _| {
        let others = (b'A'..=b'Z').map(|c| Country::new(&format!("A{}", char::from(c))).unwrap());
        let mut list: Vec<_> = others.collect();
        list.extend(["NL", "BE", "DE", "FR", "PL", "SE"].map(|text| Country::new(text).unwrap()));
        request.countries = Countries::new(list).unwrap();
        assert_eq!(request.countries.list().len(), COUNTRIES);
    }));
    assert!(accepted(|request, witness| {
        let a = witness.attributes;
        request.disclosed = Disclosed {
            role: Some(a.role),
            institution: Some(a.institution),
            country: Some(a.country),
            purposes: Some(a.purposes),
            expiry: Some(a.expiry),
            spare: a.spare.map(Some),
        };
    }));
}

#[test]
fn purposes_and_countries_are_demanded() {
    let text = refused(|request, witness| {
        request.purposes = 0b1000;
        witness.attributes.purposes = 0b0111;
    });
    assert_eq!(text, "the credential does not cover the purpose");
    let text = refused(|request, _| {
        request.countries = Countries::new(vec![Country::new("FR").unwrap()]).unwrap();
    });
    assert_eq!(text, "the holder's country is not among those allowed");
    let text = refused(|request, witness| {
        request.disclosed.role = Some(witness.attributes.role + 1);
    });
    assert_eq!(text, "a disclosed value is not the credential's");
}

#[test]
fn a_value_shown_without_its_flag_is_refused() {
    let circuit = Credential::default();
    let (public, witness) = circuit.example();
    let mut inputs = circuit.inputs(&public);
    let meant = |inputs: &[Fr]| {
        let meant = Meant {
            secret: witness.secret.0,
            attributes: witness.attributes.values(),
            path: witness.path.clone(),
            j: Fr::from(witness.j),
            randomness: witness.randomness,
        };
        circuit.rules(inputs, &meant)
    };
    assert_eq!(meant(&inputs), Ok(()));
    // The institution: its flag is 0.
    let shown = ROOTS + 2 + 3 + COUNTRIES + 2;
    assert_eq!((inputs[shown], inputs[shown + 1]), (Fr::ZERO, Fr::ZERO));
    inputs[shown + 1] = witness.attributes.institution.0;
    assert_eq!(meant(&inputs).unwrap_err().0, "a disclosed value is not the credential's");
}

#[test]
fn adversary_17_a_short_decomposition_of_the_days_left() {
    // One day too long for five bits; the bits that there are would say otherwise.
    let circuit = Credential::small();
    let (public, mut witness) = circuit.example();
    let mut with_days = |days: u32| {
        witness.attributes.expiry = public.request.day + 1 + days;
        let leaf = leaf(holder(witness.secret.0), &witness.attributes);
        let mut request = public.request.clone();
        request.roots[2] = Scalar(root_of(leaf, &witness.path));
        let public = CredentialPublic::answer(request, &witness).unwrap();
        satisfied(circuit, &public, &witness)
    };
    assert!(with_days(31));
    assert!(!with_days(32));
    assert!(!with_days(33));
}

#[test]
fn adversary_34_negated_encryption_point_or_opener_key() {
    let (public, witness) = changed(|_, _| {});
    assert!(satisfied(Credential::default(), &public, &witness));

    let negated = |point: &JubPoint| JubPoint::new(-*point.affine()).unwrap();
    let mut forged = public.clone();
    forged.opening.ephemeral = negated(&public.opening.ephemeral);
    assert_eq!(refusal(&forged, &witness), "the holder's name is not encrypted to the opener");
    let mut forged = public.clone();
    forged.request.opener = negated(&public.request.opener);
    assert_eq!(refusal(&forged, &witness), "the holder's name is not encrypted to the opener");
    // −r gives another encryption and the same nullifier.
    let mut other = witness.clone();
    other.randomness = -witness.randomness;
    let again = CredentialPublic::answer(public.request.clone(), &other).unwrap();
    assert!(satisfied(Credential::default(), &again, &other));
    assert_ne!(again.opening, public.opening);
    assert_eq!(again.nullifier, public.nullifier);
}

#[test]
fn adversary_35_nullifier_plus_the_field_order() {
    let (public, _) = changed(|_, _| {});
    let bytes = public.nullifier.to_bytes();
    assert_eq!(Scalar::from_bytes(&bytes), Ok(public.nullifier));
    // Little-endian sum.
    let mut carry = 0u16;
    let sum: Vec<u8> = bytes
        .iter()
        .zip(modulus_bytes())
        .map(|(a, b)| {
            carry = (carry >> 8) + u16::from(*a) + u16::from(b);
            carry.to_le_bytes()[0]
        })
        .collect();
    let sum: [u8; 32] = sum.try_into().unwrap();
    assert_eq!(Scalar::from_bytes(&sum), Err(crate::field::DecodeError::NotReduced));
}

#[test]
fn adversary_36_two_credentials_of_one_person() {
    let (public, first) = changed(|_, _| {});
    // The same person with another issuer: another leaf, the same secret.
    let (second_public, _) = changed(|_, witness| witness.attributes.institution = 5u64.into());
    assert_ne!(public.request.roots, second_public.request.roots);
    assert_eq!(public.nullifier, second_public.nullifier, "caught in one scope");
    // In two scopes nothing is the same: not the nullifier, and the encryption is drawn anew.
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let (other, _) = changed(|request, witness| {
        request.scope = 100u64.into();
        witness.randomness = JubScalar::rand(rng);
    });
    assert_ne!(public.nullifier, other.nullifier);
    assert_ne!(public.opening, other.opening);
    // A limited number of uses, and each looks different.
    let (next, _) = changed(|_, witness| witness.j = 2);
    assert_ne!(public.nullifier, next.nullifier);
    let text = refused(|request, witness| witness.j = request.j_limit);
    assert_eq!(text, "all uses of the credential in this scope are spent");
    let text = refused(|request, witness| {
        request.j_limit = 0;
        witness.j = 0;
    });
    assert_eq!(text, "all uses of the credential in this scope are spent");
    // A use that belongs to somebody else's secret.
    let mut forged = public.clone();
    forged.nullifier = Scalar(crate::hash::nullifier(Fr::from(1), public.request.scope.0, 1));
    assert_eq!(refusal(&forged, &first), "the nullifier is not the secret's in this scope");
}

#[test]
fn adversary_38_duplicate_leaf_wrong_depth_node_as_leaf() {
    let (public, witness) = changed(|_, _| {});
    let stale = "the credential is not under an accepted root: revoked or out of date";

    // The same leaf in two places gives one nullifier.
    let leaf = leaf(holder(witness.secret.0), &witness.attributes);
    let tree = LeafTree::from_leaves(&[leaf, Fr::from(9), leaf]).unwrap();
    let nullifiers = [0, 2].map(|index| {
        let mut request = public.request.clone();
        request.roots[0] = Scalar(tree.root());
        let mut witness = witness.clone();
        witness.path = tree.path(index).unwrap();
        let public = CredentialPublic::answer(request, &witness).unwrap();
        assert!(satisfied(Credential::default(), &public, &witness));
        public.nullifier
    });
    assert_eq!(nullifiers[0], nullifiers[1]);

    // A path of another length is no path, in the circuit or outside.
    let mut short = witness.clone();
    short.path.siblings.pop();
    let cs = ConstraintSystem::<Fr>::new_ref();
    assert!(Credential::default().synthesize(cs, &public, &short).is_err());
    let refusal_of = |witness| Credential::default().check(&public, witness).unwrap_err().0;
    assert_eq!(refusal_of(&short), "the path is not one of this tree's depth");

    // A node's children, taken for the secret's name and the attributes, give another hash.
    let children = [Fr::from(21), Fr::from(22)];
    let mut fake = witness.clone();
    fake.secret = Scalar(children[0]);
    fake.attributes.institution = Scalar(children[1]);
    let parent = node(children[0], children[1]);
    let tree = LeafTree::from_leaves(&[parent]).unwrap();
    fake.path = tree.path(0).unwrap();
    let mut request = public.request.clone();
    request.roots[0] = Scalar(tree.root());
    let claim = CredentialPublic::answer(request.clone(), &fake).unwrap();
    assert_eq!(refusal(&claim, &fake), stale);

    // An empty leaf is nobody's.
    let tree = LeafTree::from_leaves(&[EMPTY_LEAF]).unwrap();
    request.roots[0] = Scalar(tree.root());
    let claim = CredentialPublic::answer(request, &fake).unwrap();
    assert_eq!(refusal(&claim, &fake), stale);
}

#[test]
fn adversary_37_a_revoked_leaf() {
    let (public, witness) = changed(|_, _| {});
    assert!(satisfied(Credential::default(), &public, &witness));
    let mut revoked = public.clone();
    revoked.request.roots[ROOTS - 1] = Scalar(root_of(EMPTY_LEAF, &witness.path));
    assert_eq!(
        refusal(&revoked, &witness),
        "the credential is not under an accepted root: revoked or out of date"
    );
}

#[test]
fn adversary_39_expired_today() {
    assert!(accepted(|request, witness| witness.attributes.expiry = request.day + 1));
    for past in [0, 1, 20_000] {
        let text = refused(|request, witness| witness.attributes.expiry = request.day - past);
        assert_eq!(text, "the credential has expired");
    }
}

#[test]
fn the_opener_finds_the_holder_and_nobody_else_does() {
    let (mut public, witness) = changed(|_, _| {});
    let secret = JubScalar::from(777_777u64);
    assert_eq!(public.open(&secret), Scalar(holder(witness.secret.0)));
    assert_ne!(public.open(&JubScalar::from(777_778u64)), Scalar(holder(witness.secret.0)));
    // Moved under another message the ciphertext opens to nothing.
    public.request.message = 1u64.into();
    assert_ne!(public.open(&secret), Scalar(holder(witness.secret.0)));
}

#[test]
fn public_values_decode_canonically_and_bounded() {
    let (public, _) = changed(|_, _| {});
    let bytes = borsh::to_vec(&public).unwrap();
    assert_eq!(borsh::from_slice::<CredentialPublic>(&bytes).unwrap(), public);
    let json = serde_json::to_string(&public).unwrap();
    assert_eq!(serde_json::from_str::<CredentialPublic>(&json).unwrap(), public);

    let countries = |letters: &[&str]| {
        let mut bytes = u32::try_from(letters.len()).unwrap().to_le_bytes().to_vec();
        letters.iter().for_each(|text| bytes.extend(text.as_bytes()));
        borsh::from_slice::<Countries>(&bytes).map_err(|error| error.to_string())
    };
    assert!(countries(&["BE", "NL"]).is_ok());
    let order = "countries are not in strictly ascending order";
    assert_eq!(countries(&["NL", "BE"]).unwrap_err(), order);
    assert_eq!(countries(&["BE", "BE"]).unwrap_err(), order);
    assert_eq!(countries(&["be"]).unwrap_err(), "not a country code");
    assert_eq!(countries(&["BE"; 33]).unwrap_err(), "more than 32 countries");
    let huge = u32::MAX.to_le_bytes();
    assert_eq!(
        borsh::from_slice::<Countries>(&huge).unwrap_err().to_string(),
        "more than 32 countries"
    );
}

#[test]
fn a_proof_verifies_and_speaks_of_its_public_values_only() {
    let circuit = Credential::small();
    let (public, witness) = circuit.example();
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let key = setup::generate(&circuit).unwrap();
    let verifying = key.verifying_key(circuit.circuit().0).unwrap();
    let made = proof::prove(&circuit, &key, &public, &witness, rng).unwrap();
    assert_eq!(proof::verify(&circuit, &verifying, &public, &made), Ok(()));

    // Every input, those that no constraint of the small circuit mentions included.
    let inputs = circuit.inputs(&public);
    let honest = verifying.prepare(&inputs).unwrap();
    assert_eq!(verifying.verify_prepared(&made, &honest), Ok(()));
    for i in 0..inputs.len() {
        let mut changed = inputs.clone();
        changed[i] += Fr::ONE;
        let prepared = verifying.prepare(&changed).unwrap();
        assert_eq!(
            verifying.verify_prepared(&made, &prepared),
            Err(ProofError::Invalid),
            "input {i} is not bound"
        );
    }
    assert!(!JubPoint::generator().affine().is_zero());
}
