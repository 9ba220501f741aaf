//! Development parameters: generated from a fixed public seed, the same on every machine, and cached
//! on disk.
//!
//! **Anybody can forge proofs under them**, because anybody can derive their trapdoors as this file
//! does. They exist so that development needs no ceremony; a production network refuses them
//! ([`crate::keys`]). Everything random comes from ChaCha20 under a seed of its own for each purpose
//! and circuit, is drawn in one thread before any parallel work, and ends as affine points, so neither
//! thread count nor platform changes a byte. This is the crate's only module that touches files.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, scalar_mul::ScalarMul};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_groth16::Groth16;
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, OptimizationGoal,
    R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode,
};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::circuit::k_anonymity::BLOCK_ROWS;
use crate::commitment::{BLINDERS, Srs};
use crate::field::{hash_parts, scalar_bytes};
use crate::point::G1Point;
use crate::proof::{KeyError, ProvingKey, Reduction};
use crate::statement::Statement;
use crate::summary::SUMMARY_POWERS;

/// The public seed. Whoever reads this line can forge.
const SEED: &[u8] = b"Galen development parameters: public seed, forgeable, never for production";

/// Powers of τ in the reference string: cells and blinders of the largest block.
pub const POWERS: usize = BLOCK_ROWS + BLINDERS;

/// First bytes of a cached file; the last of them is the format's version.
const MAGIC: &[u8; 8] = b"GALENKY\x01";

/// The generator for one purpose, independent of every other purpose.
fn seeded(purpose: &str, name: &str) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(hash_parts(
        "galen/development-seed/1",
        &[SEED, purpose.as_bytes(), name.as_bytes()],
    ))
}

/// Lets arkworks' generator write a statement's constraints.
struct Example<'a, S>(&'a S);

impl<S: Statement> ConstraintSynthesizer<Fr> for Example<'_, S> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (public, witness) = self.0.example();
        self.0.synthesize(cs, &public, &witness)
    }
}

/// The size of a circuit and the hash of its constraints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Public inputs, the constant and committed inputs left out.
    pub inputs: usize,
    /// Committed inputs.
    pub committed: usize,
    /// Witness variables.
    pub witness: usize,
    /// Constraints.
    pub constraints: usize,
    /// Size of the evaluation domain: the power of two that holds constraints and one row for each
    /// instance variable.
    pub domain: usize,
    /// Hash of the three matrices.
    pub description: [u8; 32],
}

impl Shape {
    /// Rows of the domain that are used.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.constraints + self.committed + self.inputs + 1
    }
}

/// Writes a circuit out and measures it.
///
/// # Errors
/// [`KeyError::Generation`] when the circuit cannot be written out.
pub fn shape<S: Statement>(statement: &S) -> Result<Shape, KeyError> {
    let failed = |error: SynthesisError| KeyError::Generation(error.to_string());
    let (public, witness) = statement.example();
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Setup);
    statement.synthesize(cs.clone(), &public, &witness).map_err(failed)?;
    cs.finalize();
    let matrices = cs
        .to_matrices()
        .map_err(failed)?
        .remove(R1CS_PREDICATE_LABEL)
        .ok_or_else(|| KeyError::Generation("no rank-1 constraints".into()))?;
    let mut hasher = Sha256::new();
    let number = |value: usize| (value as u64).to_le_bytes();
    hasher.update(b"galen/constraints/1");
    for size in [cs.num_instance_variables(), cs.num_witness_variables(), cs.num_constraints()] {
        hasher.update(number(size));
    }
    for row in matrices.iter().flatten() {
        hasher.update(number(row.len()));
        for (factor, index) in row {
            hasher.update(number(*index));
            hasher.update(scalar_bytes(factor));
        }
    }
    let inputs = statement.inputs(&public).len();
    let instance = cs.num_instance_variables();
    let constraints = cs.num_constraints();
    let domain = GeneralEvaluationDomain::<Fr>::new(constraints + instance)
        .ok_or_else(|| KeyError::Generation("no domain is large enough".into()))?
        .size();
    Ok(Shape {
        inputs,
        committed: instance.saturating_sub(inputs).saturating_sub(1),
        witness: cs.num_witness_variables(),
        constraints,
        domain,
        description: hasher.finalize().into(),
    })
}

/// Generates the development key of a circuit.
///
/// # Errors
/// [`KeyError::Generation`] when the circuit cannot be written out.
pub fn generate<S: Statement>(statement: &S) -> Result<ProvingKey, KeyError> {
    let failed = |error: SynthesisError| KeyError::Generation(error.to_string());
    let name = statement.circuit().0;
    let stock = Groth16::<Bn254>::generate_random_parameters_with_reduction(
        Example(statement),
        &mut seeded("groth16", name),
    )
    .map_err(failed)?;
    let (_, witness) = statement.example();
    let committed = statement.committed(&witness).len();
    if committed == 0 {
        return Ok(ProvingKey::new(stock, Vec::new(), None));
    }
    // σ has a seed of its own for each circuit and size.
    let sigma = Fr::rand(&mut seeded("sigma", name));
    let all = &stock.vk.gamma_abc_g1;
    let bases = all.get(all.len().saturating_sub(committed)..).unwrap_or_default();
    let scaled: Vec<G1Projective> = bases.par_iter().map(|base| *base * sigma).collect();
    let knowledge = G1Projective::normalize_batch(&scaled);
    let sigma = (G2Affine::generator() * sigma).into_affine();
    Ok(ProvingKey::new(stock, knowledge, Some(sigma)))
}

fn tau() -> Fr {
    Fr::rand(&mut seeded("powers-of-tau", ""))
}

/// `[τ]₂` of the development reference string.
pub fn tau_g2() -> G2Affine {
    (G2Affine::generator() * tau()).into_affine()
}

/// Generates the development reference string: [`POWERS`] powers.
#[must_use]
pub fn generate_srs() -> Srs {
    let tau = tau();
    let mut power = Fr::ONE;
    let mut powers = vec![Fr::ZERO; POWERS];
    for slot in &mut powers {
        *slot = power;
        power *= tau;
    }
    Srs::new(G1Projective::from(G1Affine::generator()).batch_mul(&powers))
}

/// The first powers of the development reference string, as a verifier carries them.
///
/// # Panics
/// Never: no power of the development τ is zero.
#[must_use]
pub fn summary_powers() -> Vec<G1Point> {
    let tau = tau();
    let powers: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |power| Some(*power * tau))
        .take(SUMMARY_POWERS)
        .collect();
    G1Projective::from(G1Affine::generator())
        .batch_mul(&powers)
        .into_iter()
        .map(|point| G1Point::new(point).expect("a power of tau is not zero"))
        .collect()
}

/// What a cached file holds.
pub trait Cached: Sized {
    /// Uncompressed points, for speed.
    fn to_cache(&self) -> Result<Vec<u8>, KeyError>;

    /// Reads what [`Cached::to_cache`] wrote, *without* curve or subgroup checks: only for bytes
    /// whose hash is pinned in the program.
    fn from_cache(bytes: &[u8]) -> Result<Self, KeyError>;
}

fn unreadable(error: ark_serialize::SerializationError) -> KeyError {
    KeyError::Cache(error.to_string())
}

impl Cached for Srs {
    fn to_cache(&self) -> Result<Vec<u8>, KeyError> {
        let mut bytes = Vec::new();
        self.powers().serialize_uncompressed(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn from_cache(bytes: &[u8]) -> Result<Self, KeyError> {
        Vec::<G1Affine>::deserialize_with_mode(bytes, Compress::No, Validate::No)
            .map(Srs::new)
            .map_err(unreadable)
    }
}

/// Ends the cached form of a key for circom's reduction.
const CIRCOM: u8 = 1;

impl Cached for ProvingKey {
    fn to_cache(&self) -> Result<Vec<u8>, KeyError> {
        let mut bytes = Vec::new();
        self.stock().serialize_uncompressed(&mut bytes).map_err(unreadable)?;
        self.knowledge().serialize_uncompressed(&mut bytes).map_err(unreadable)?;
        self.sigma().copied().serialize_uncompressed(&mut bytes).map_err(unreadable)?;
        if self.reduction() == Reduction::Circom {
            bytes.push(CIRCOM);
        }
        Ok(bytes)
    }

    fn from_cache(mut bytes: &[u8]) -> Result<Self, KeyError> {
        let (how, check) = (Compress::No, Validate::No);
        let stock = CanonicalDeserialize::deserialize_with_mode(&mut bytes, how, check)
            .map_err(unreadable)?;
        let knowledge = CanonicalDeserialize::deserialize_with_mode(&mut bytes, how, check)
            .map_err(unreadable)?;
        let sigma = CanonicalDeserialize::deserialize_with_mode(&mut bytes, how, check)
            .map_err(unreadable)?;
        let reduction = match bytes {
            [] => Reduction::Libsnark,
            [CIRCOM] => Reduction::Circom,
            _ => return Err(KeyError::Cache("bytes after the end of a key".into())),
        };
        Ok(Self::new(stock, knowledge, sigma).with_reduction(reduction))
    }
}

/// SHA-256 of an object's cached form: what is pinned.
///
/// # Errors
/// [`KeyError::Cache`] when it cannot be written out.
pub fn fingerprint<T: Cached>(value: &T) -> Result<[u8; 32], KeyError> {
    Ok(Sha256::digest(value.to_cache()?).into())
}

/// A directory of generated keys. Losing it costs time only.
///
/// A file is used only if the hash of its contents is the one pinned in the program, which is why its
/// points need no further checks: a pinned file is one that [`generate`] made. Anything else, be it
/// truncated, damaged, of another version or planted, is replaced.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Uses a directory, which is created when first written to.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The file of an object.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.key", file_stem(name)))
    }

    /// Reads an object whose contents have the pinned hash, or generates and stores it. A cache that
    /// cannot be written is no error: the object is there, and is generated again next time.
    ///
    /// # Errors
    /// [`KeyError::NotPinned`] when the generated object is not the pinned one; whatever `generate`
    /// returns.
    pub fn load_or<T: Cached>(
        &self,
        name: &str,
        pinned: &[u8; 32],
        generate: impl FnOnce() -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let path = self.path(name);
        if let Some(payload) = read(&path, name, pinned)
            && let Ok(value) = T::from_cache(&payload)
        {
            return Ok(value);
        }
        let value = generate()?;
        let payload = value.to_cache()?;
        if Sha256::digest(&payload).as_slice() != pinned {
            return Err(KeyError::NotPinned(name.to_owned()));
        }
        // Losing the file costs time, not correctness.
        let _ = write(&path, name, pinned, &payload);
        Ok(value)
    }
}

/// Where nothing can be generated.
impl Cache {
    /// Stores an object that cannot be generated again.
    ///
    /// # Errors
    /// [`KeyError::Cache`] when it cannot be written.
    pub fn store<T: Cached>(&self, name: &str, value: &T) -> Result<(), KeyError> {
        let payload = value.to_cache()?;
        let path = self.path(name);
        write(&path, name, &Sha256::digest(&payload).into(), &payload)
            .map_err(|error| KeyError::Cache(format!("{}: {error}", path.display())))
    }

    /// Reads an object with the pinned hash.
    ///
    /// # Errors
    /// [`KeyError::Cache`] when it is missing, damaged, or another.
    pub fn load<T: Cached>(&self, name: &str, pinned: &str) -> Result<T, KeyError> {
        let path = self.path(name);
        let payload = read(&path, name, &crate::keys::pinned(pinned)?).ok_or_else(|| {
            KeyError::Cache(format!(
                "{} is missing, damaged, or not the one of the index; copy it again",
                path.display()
            ))
        })?;
        T::from_cache(&payload)
    }
}

/// A circuit's id as a file name.
#[must_use]
pub fn file_stem(name: &str) -> String {
    name.replace('/', "-")
}

fn header(name: &str, pinned: &[u8; 32], length: usize) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend((name.len() as u64).to_le_bytes());
    header.extend(name.as_bytes());
    header.extend(pinned);
    header.extend((length as u64).to_le_bytes());
    header
}

/// The payload of a cached file, if header, length and hash are those expected.
fn read(path: &Path, name: &str, pinned: &[u8; 32]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
    let length = bytes.len().checked_sub(header(name, pinned, 0).len())?;
    let payload = bytes.strip_prefix(header(name, pinned, length).as_slice())?;
    (Sha256::digest(payload).as_slice() == pinned).then(|| payload.to_vec())
}

/// Writes a file so that it is there wholly or not at all: other name, sync, rename.
fn write(path: &Path, name: &str, pinned: &[u8; 32], payload: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    // Processes that generate the same key at once do not write into one file.
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let result = File::create(&temporary).and_then(|mut file| {
        file.write_all(&header(name, pinned, payload.len()))?;
        file.write_all(payload)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    });
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
