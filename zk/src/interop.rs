//! Keys, proofs and public inputs in the JSON of the public tools, so that a verifier of other people
//! can check ours. Only for circuits without committed inputs: those tools know no other.
//!
//! Source of the format: <https://github.com/iden3/snarkjs>, `groth16_verify`.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use serde_json::{Value, json};

use crate::field::Scalar;
use crate::proof::{KeyError, Proof, VerifyingKey};

fn point_1(point: &G1Affine) -> Value {
    // Keys and proofs hold no neutral point.
    let (x, y) = point.xy().unwrap_or_default();
    json!([x.to_string(), y.to_string(), "1"])
}

fn point_2(point: &G2Affine) -> Value {
    let (x, y) = point.xy().unwrap_or_default();
    json!([[x.c0.to_string(), x.c1.to_string()], [y.c0.to_string(), y.c1.to_string()], ["1", "0"]])
}

/// A verifying key.
///
/// # Errors
/// [`KeyError::Malformed`] for a circuit with committed inputs.
pub fn verifying_key(circuit: &str, key: &VerifyingKey) -> Result<Value, KeyError> {
    if key.sigma().is_some() {
        return Err(KeyError::Malformed {
            circuit: circuit.to_owned(),
            reason: "it has committed inputs, which the public tools do not know".into(),
        });
    }
    let stock = key.stock();
    Ok(json!({
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": stock.gamma_abc_g1.len().saturating_sub(1),
        "vk_alpha_1": point_1(&stock.alpha_g1),
        "vk_beta_2": point_2(&stock.beta_g2),
        "vk_gamma_2": point_2(&stock.gamma_g2),
        "vk_delta_2": point_2(&stock.delta_g2),
        "IC": stock.gamma_abc_g1.iter().map(point_1).collect::<Vec<_>>(),
    }))
}

/// A proof.
#[must_use]
pub fn proof(proof: &Proof) -> Value {
    let stock = proof.stock();
    json!({
        "protocol": "groth16",
        "curve": "bn128",
        "pi_a": point_1(&stock.a),
        "pi_b": point_2(&stock.b),
        "pi_c": point_1(&stock.c),
    })
}

/// Public inputs, in the key's order.
#[must_use]
pub fn public_inputs(inputs: &[Scalar]) -> Value {
    inputs.iter().map(|input| input.0.to_string()).collect()
}
