//! Bits, choices, comparisons, the hash and a step of a tree.

use ark_bn254::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::ConstraintSystemRef;
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::circuit::wire::{
    Wire, allocate_bits, enforce_equal, enforce_one_of, enforce_product,
};
use galen_zk::hash::poseidon_wire;
use galen_zk::merkle::root_of_wire;

use super::gadget::{Gadget, Wanted};

fn input(cs: &ConstraintSystemRef<Fr>, value: u64) -> Wire {
    Wire::input(cs, Fr::from(value)).unwrap()
}

fn inputs<const N: usize>(cs: &ConstraintSystemRef<Fr>, values: [u64; N]) -> [Wire; N] {
    values.map(|value| input(cs, value))
}

/// Which side of a node is which, for a bit: the value moved from one side to the other.
fn sides(name: &str, bit: bool) -> Gadget {
    Gadget::shown(name, |cs| {
        let [current, sibling] = inputs(cs, [5, 9]);
        // That a bit other than zero is one takes its own constraint; that zero moves nothing does not.
        let right = if bit { Wire::bit(cs, bit).unwrap() } else { input(cs, 0) };
        let moved = right.times(cs, &sibling.minus(&current)).unwrap();
        let (left_side, right_side) = (current.plus(&moved), sibling.minus(&moved));
        let (zero, nonzero) = if bit { (vec![], vec![right]) } else { (vec![right], vec![]) };
        let (first, second) = if bit { (sibling, current) } else { (current, sibling) };
        let claims = vec![left_side.minus(&first), right_side.minus(&second)];
        Wanted { zero, nonzero, claims, ..Wanted::default() }
    })
}

pub fn gadgets() -> Vec<Gadget> {
    vec![
        Gadget::unique("bits", &[], |cs| {
            let number = input(cs, 0b1010);
            let bits = allocate_bits(cs, 0b1010, 4).unwrap();
            enforce_equal(cs, &Wire::from_bits(&bits), &number).unwrap();
        }),
        Gadget::unique("quotient", &[0], |cs| {
            let [a, b] = inputs(cs, [6, 3]);
            let _ = a.over(cs, &b).unwrap();
        }),
        sides("tree-left", false),
        sides("tree-right", true),
        // `j` and `limit − 1 − j` are both sums of bits, so `j` is one of the numbers below the limit.
        Gadget::shown("below-a-limit", |cs| {
            let j = Wire::from_bits(&allocate_bits(cs, 2, 2).unwrap());
            let left = Wire::from_bits(&allocate_bits(cs, 0, 2).unwrap());
            let limit = Wire::constant(Fr::from(3));
            enforce_equal(cs, &j.plus(&left).plus_constant(Fr::ONE), &limit).unwrap();
            let one_of = (0u64..3).map(|n| j.plus_constant(-Fr::from(n))).collect();
            Wanted { one_of, ..Wanted::default() }
        }),
        Gadget::shown("one-of-a-list", |cs| {
            let value = input(cs, 5);
            let list = inputs(cs, [4, 5, 6]);
            enforce_one_of(cs, &value, &list, None).unwrap();
            let one_of = list.iter().map(|item| value.minus(item)).collect();
            Wanted { one_of, ..Wanted::default() }
        }),
        Gadget::shown("one-of-a-list-if-asked", |cs| {
            let [value, asked] = inputs(cs, [5, 1]);
            let list = inputs(cs, [4, 5]);
            enforce_one_of(cs, &value, &list, Some(&asked)).unwrap();
            let one_of = list.iter().map(|item| value.minus(item)).collect();
            Wanted { nonzero: vec![asked], one_of, ..Wanted::default() }
        }),
        // A purpose that is asked for is approved.
        Gadget::shown("approved-if-required", |cs| {
            let [approved, required] = inputs(cs, [1, 1]);
            enforce_product(cs, &approved, &required, &required).unwrap();
            let claims = vec![approved.plus_constant(-Fr::ONE)];
            Wanted { nonzero: vec![required], claims, ..Wanted::default() }
        }),
        // The S-box is one to one: (x/y)^5 = 1 has the solution one only, and 0^5 = 0.
        Gadget::shown("fifth-power", |cs| {
            let x = input(cs, 1);
            let square = x.times(cs, &x).unwrap();
            let fourth = square.times(cs, &square).unwrap();
            enforce_product(cs, &fourth, &x, &Wire::constant(Fr::ONE)).unwrap();
            Wanted { claims: vec![x.plus_constant(-Fr::ONE)], ..Wanted::default() }
        }),
        Gadget::steps_of("poseidon-2", 0, |cs| {
            let _ = poseidon_wire(cs, &inputs(cs, [1, 2])).unwrap();
        }),
        Gadget::steps_of("poseidon-12", 0, |cs| {
            let all = inputs(cs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
            let _ = poseidon_wire(cs, &all).unwrap();
        }),
        Gadget::steps_of("tree-step", 0, |cs| {
            let [leaf, right, sibling] = inputs(cs, [11, 1, 12]);
            let _ = root_of_wire(cs, &leaf, &[right], &[sibling]).unwrap();
        }),
        // The whole circuit of a dispute: two hashes, compared with the public ones.
        Gadget::steps("segment-key", &SegmentKey, 2, 0),
    ]
}
