//! One circuit and one `.zkey` for three provers: ours, arkworks' and snarkjs.
//!
//! The circuit is that of k-anonymity of a full block, with its committed inputs as public ones: the
//! public tools know no others. The key is for circom's reduction, made here in a moment, as snarkjs
//! would take hours: it is as good as anybody's for measuring, and forgeable.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal,
    R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode,
};
use galen_zk::ceremony::r1cs::{Constraints, write_witness};
use galen_zk::ceremony::zkey;
use galen_zk::circuit::k_anonymity::{BLOCK_ROWS, KAnonymity};
use galen_zk::proof::{ProvingKey, Reduction};
use galen_zk::statement::Statement;
use rand::rngs::OsRng;
use rayon::prelude::*;
use serde_json::Value;

use crate::report::{Report, median, ms, short};

/// Circom's reduction, for arkworks' generator and prover.
struct Circom;

impl R1CSToQAP for Circom {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        inputs: usize,
        constraints: usize,
        values: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let too_large = SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(constraints + inputs).ok_or(too_large)?;
        let root = D::new(2 * domain.size()).ok_or(too_large)?.element(1);
        let rows = |matrix: &Matrix<F>| -> Vec<F> {
            let mut rows: Vec<F> =
                matrix.par_iter().map(|terms| evaluate_constraint(terms, values)).collect();
            rows.resize(domain.size(), F::zero());
            rows
        };
        let (mut a, mut b) = (rows(&matrices[0]), rows(&matrices[1]));
        a[constraints..constraints + inputs].clone_from_slice(&values[..inputs]);
        let mut c: Vec<F> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            D::distribute_powers(values, root);
            domain.fft_in_place(values);
        }
        a.par_iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = *a * b - c);
        Ok(a)
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        highest: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let double = D::new(2 * (highest + 1)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let all = double.evaluate_all_lagrange_coefficients(t);
        Ok(all.into_iter().skip(1).step_by(2).map(|value| value * delta_inverse).collect())
    }
}

struct Example<'a, S: Statement>(&'a S);

impl<S: Statement> ConstraintSynthesizer<Fr> for Example<'_, S> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (public, witness) = self.0.example();
        self.0.synthesize(cs, &public, &witness)
    }
}

/// arkworks' own prover, the circuit written out as it does.
fn stock<S: Statement>(key: &ark_groth16::ProvingKey<Bn254>, statement: &S) {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: false });
    Example(statement).generate_constraints(cs.clone()).unwrap();
    cs.finalize();
    let mut values = cs.instance_assignment().unwrap().to_vec();
    values.extend(cs.witness_assignment().unwrap());
    Groth16::<Bn254, Circom>::create_proof_with_reduction_and_matrices(
        key,
        Fr::rand(&mut OsRng),
        Fr::rand(&mut OsRng),
        &cs.to_matrices().unwrap()[R1CS_PREDICATE_LABEL],
        cs.num_instance_variables(),
        cs.num_constraints(),
        &values,
    )
    .unwrap();
}

/// The command line of snarkjs, installed if it is missing.
fn snarkjs() -> PathBuf {
    let cache = std::env::var_os("GALEN_INTEROP")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/interop"), PathBuf::from);
    let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/setup.sh");
    let status = Command::new("bash").arg(setup).arg(&cache).status().unwrap();
    assert!(status.success(), "{setup} failed: it needs Node and npm");
    cache.join("snarkjs/node_modules/snarkjs/build/cli.cjs")
}

fn number<F: FromStr<Err: std::fmt::Debug>>(value: &Value) -> F {
    value.as_str().unwrap().parse().unwrap()
}

/// A proof as snarkjs writes it.
fn theirs(path: &Path) -> ark_groth16::Proof<Bn254> {
    let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let first = |point: &Value| G1Affine::new(number::<Fq>(&point[0]), number::<Fq>(&point[1]));
    let pair = |value: &Value| Fq2::new(number(&value[0]), number(&value[1]));
    let b = &json["pi_b"];
    let (a, c) = (first(&json["pi_a"]), first(&json["pi_c"]));
    ark_groth16::Proof { a, b: G2Affine::new(pair(&b[0]), pair(&b[1])), c }
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part("k-anonymity of a block: three provers with the same circuit and .zkey");
    let statement = KAnonymity { rows: BLOCK_ROWS };
    let constraints = Constraints::of(&statement).unwrap();
    let key = Groth16::<Bn254, Circom>::generate_random_parameters_with_reduction(
        Example(&statement),
        &mut OsRng,
    )
    .unwrap();
    let (public, witness) = statement.example();
    let ours = ProvingKey::new(key.clone(), Vec::new(), None).with_reduction(Reduction::Circom);
    let assigned = ours.assign(&statement, &public, &witness).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let [zkey, wtns, proof, inputs] =
        ["key.zkey", "w.wtns", "proof.json", "public.json"].map(|name| folder.path().join(name));
    let create = |path: &Path| BufWriter::new(File::create(path).unwrap());
    zkey::export(&key, &constraints, &mut create(&zkey)).unwrap();
    write_witness(assigned.values(), &mut create(&wtns)).unwrap();
    let cli = snarkjs();
    let snarkjs = median(3, || {
        let mut command = Command::new("node");
        command.arg(&cli).args(["groth16", "prove"]).args([&zkey, &wtns, &proof, &inputs]);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    });
    let arkworks = median(3, || stock(&key, &statement));
    let galen = median(3, || {
        let assignment = ours.assign(&statement, &public, &witness).unwrap();
        ours.prove(assignment, &mut OsRng).unwrap();
    });
    // What snarkjs made is a proof under this key.
    let values = &assigned.values()[1..constraints.instance()];
    let prepared = prepare_verifying_key(&key.vk);
    let accepted = Groth16::<Bn254>::verify_proof(&prepared, &theirs(&proof), values).unwrap();
    assert!(accepted, "snarkjs' proof is not accepted");

    let rate = |time: std::time::Duration| {
        let each = constraints.len() as f64 / time.as_secs_f64();
        format!("{} constraints/s", short(each))
    };
    for (name, time) in [("ours", galen), ("ark-groth16", arkworks), ("snarkjs", snarkjs)] {
        report.note(&format!("{name}: proof"), &ms(time));
        report.note("", &rate(time));
    }
    let times = |other: std::time::Duration| other.as_secs_f64() / galen.as_secs_f64();
    report.rate("times as fast as ark-groth16", 1.5, times(arkworks), "x");
    report.rate("times as fast as snarkjs", 8.0, times(snarkjs), "x");
}
