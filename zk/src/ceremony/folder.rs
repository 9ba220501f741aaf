//! The folder of a finished ceremony: what a production network's nodes and provers load, and how it
//! is made from the files of the ceremony.
//!
//! It holds `index.json`, for each circuit a verifying key (`.vk`) and a proving key (`.key`), and the
//! powers of τ. The index is trusted no further than its hashes: verifying keys and `[τ]₂` are what a
//! genesis pins ([`Parameters::hash`]), the powers are checked against `[τ]₂`, and every circuit must be
//! the program's. Proving keys only have to be whole; [`verify`] makes them again from the sources.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ark_bn254::{Bn254, G1Affine};
use ark_serialize::CanonicalSerialize;
use rand::{CryptoRng, RngCore};

use super::phase1::PowersFile;
use super::r1cs::Constraints;
use super::sigma::{SigmaError, Transcript};
use super::{CeremonyError, zkey};
use crate::commitment::Srs;
use crate::field::hash_parts;
use crate::keys::{Entry, Frozen, Index, Origin, Parameters, SRS, registry};
use crate::point::{G1Point, G2Point};
use crate::proof::{KeyError, ProvingKey, Reduction};
use crate::setup::{Cache, POWERS, file_stem, fingerprint};
use crate::summary::SUMMARY_POWERS;

/// The list of everything else.
pub const INDEX_FILE: &str = "index.json";

/// Longest index or verifying key, in bytes.
const MAX_SMALL_FILE: u64 = 1 << 20;

/// A circuit as a ceremony sees it.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// Its id.
    pub name: String,
    /// Its constraints.
    pub constraints: Constraints,
    /// How many of its instance variables, the last ones, are committed.
    pub committed: usize,
}

impl Circuit {
    /// A registered circuit.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be written out, or is not in the program's index.
    pub fn registered(entry: &Entry) -> Result<Self, KeyError> {
        let name = entry.circuit().0;
        let committed = Index::embedded()?.circuit(name)?.committed;
        Ok(Self { name: name.to_owned(), constraints: entry.constraints()?, committed })
    }

    fn committed_bases<'a>(&self, key: &'a ark_groth16::ProvingKey<Bn254>) -> &'a [G1Affine] {
        let all = &key.vk.gamma_abc_g1;
        all.get(all.len().saturating_sub(self.committed)..).unwrap_or_default()
    }
}

/// Hash of a phase 2's verifying key with the bases of all inputs, committed ones too.
fn phase2_hash(key: &ark_groth16::ProvingKey<Bn254>) -> Result<[u8; 32], KeyError> {
    let mut bytes = Vec::new();
    key.vk.serialize_compressed(&mut bytes).map_err(|error| KeyError::Cache(error.to_string()))?;
    Ok(hash_parts("galen/phase-2/1", &[&bytes]))
}

/// Begins the σ chain of a circuit, from its phase 2.
///
/// # Errors
/// What [`zkey::import`] returns; [`SigmaError::NotNeeded`] for a circuit without committed inputs.
pub fn start_sigma<K: Read + Seek, P: Read + Seek, R: RngCore + CryptoRng>(
    circuit: &Circuit,
    key: K,
    powers: &mut PowersFile<P>,
    rng: &mut R,
) -> Result<Transcript, CeremonyError> {
    let (key, _) = zkey::import(key, powers, &circuit.constraints, rng)?;
    let hash = phase2_hash(&key)?;
    Ok(Transcript::start(&circuit.name, hash, circuit.committed_bases(&key))?)
}

/// Makes the proving key of a circuit from its phase 2 and, if it has committed inputs, its σ chain;
/// everything is checked.
///
/// # Errors
/// What [`zkey::import`] and [`Transcript::check`] return; [`SigmaError::Circuit`] for a chain of another
/// circuit or phase 2; [`CeremonyError::Incomplete`] for a chain that is missing.
pub fn derive<K: Read + Seek, P: Read + Seek, R: RngCore + CryptoRng>(
    circuit: &Circuit,
    key: K,
    powers: &mut PowersFile<P>,
    sigma: Option<&Transcript>,
    rng: &mut R,
) -> Result<ProvingKey, CeremonyError> {
    let (key, _) = zkey::import(key, powers, &circuit.constraints, rng)?;
    if circuit.committed == 0 {
        return match sigma {
            Some(_) => Err(SigmaError::NotNeeded.into()),
            None => Ok(ProvingKey::new(key, Vec::new(), None).with_reduction(Reduction::Circom)),
        };
    }
    let sigma = sigma.ok_or_else(|| {
        CeremonyError::Incomplete(format!("{} needs the transcript of its σ", circuit.name))
    })?;
    if !sigma.is_for(&circuit.name, &phase2_hash(&key)?, circuit.committed_bases(&key)) {
        return Err(SigmaError::Circuit.into());
    }
    sigma.check(rng)?;
    let (knowledge, sigma) = (sigma.knowledge(), sigma.sigma());
    Ok(ProvingKey::new(key, knowledge, Some(sigma)).with_reduction(Reduction::Circom))
}

fn text(hash: &[u8; 32]) -> String {
    format!("0x{}", hex::encode(hash))
}

fn stored(name: &str, key: &ProvingKey) -> Result<Frozen, KeyError> {
    Ok(Frozen {
        verifying_key: text(&key.verifying_key(name)?.hash()),
        proving_key: text(&fingerprint(key)?),
        ..Index::embedded()?.circuit(name)?.clone()
    })
}

fn file(directory: &Path, name: &str, extension: &str) -> PathBuf {
    directory.join(format!("{}.{extension}", file_stem(name)))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let result = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// At most `most` bytes of a file.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, KeyError> {
    let failed = |what: String| KeyError::Cache(format!("{}: {what}", path.display()));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(failed("too long".into()));
    }
    Ok(bytes)
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec_pretty(value).map_err(|error| KeyError::Cache(error.to_string()))
}

/// Puts the key of a registered circuit into a folder.
///
/// # Errors
/// When it cannot be written.
pub fn install(directory: &Path, name: &str, key: &ProvingKey) -> Result<(), CeremonyError> {
    fs::create_dir_all(directory)?;
    let frozen = stored(name, key)?;
    Cache::new(directory).store(name, key)?;
    write(&file(directory, name, "vk"), key.verifying_key(name)?.bytes())?;
    // Last: it says that the others are there.
    write(&file(directory, name, "json"), &json(&frozen)?)?;
    Ok(())
}

/// Registered circuits whose keys a folder does not hold yet.
#[must_use]
pub fn missing(directory: &Path) -> Vec<&'static str> {
    let names = registry().into_iter().map(|entry| entry.circuit().0);
    names.filter(|name| !file(directory, name, "json").is_file()).collect()
}

/// Completes a folder: takes the reference string from the powers, writes the index, and loads it all
/// as a node would.
///
/// # Errors
/// [`CeremonyError::Incomplete`] naming the circuits that are missing; what
/// [`PowersFile::reference_string`] and [`load`] return.
pub fn finish<P: Read + Seek, R: RngCore + CryptoRng>(
    directory: &Path,
    powers: &mut PowersFile<P>,
    rng: &mut R,
) -> Result<Parameters, CeremonyError> {
    let missing = missing(directory);
    if !missing.is_empty() {
        return Err(CeremonyError::Incomplete(format!("no keys of {}", missing.join(", "))));
    }
    let circuits = registry()
        .iter()
        .map(|entry| {
            let path = file(directory, entry.circuit().0, "json");
            parse::<Frozen>(&path)
        })
        .collect::<Result<_, _>>()?;
    let (powers, tau) = powers.reference_string(POWERS, rng)?;
    write_index(directory, circuits, &powers, tau)?;
    Ok(load(directory)?.1)
}

/// Writes the reference string and the index.
///
/// # Errors
/// When they cannot be written, or `[τ]₂` is neutral.
pub fn write_index(
    directory: &Path,
    circuits: Vec<Frozen>,
    powers: &Srs,
    tau: ark_bn254::G2Affine,
) -> Result<(), CeremonyError> {
    let neutral = |_| CeremonyError::Powers("a power is the neutral point");
    let first = powers.powers().iter().take(SUMMARY_POWERS);
    let index = Index {
        origin: Origin::Ceremony,
        tau: G2Point::new(tau).map_err(neutral)?,
        powers: text(&fingerprint(powers)?),
        summary_powers: first
            .map(|p| G1Point::new(*p))
            .collect::<Result<_, _>>()
            .map_err(neutral)?,
        circuits,
    };
    Cache::new(directory).store(SRS, powers)?;
    write(&directory.join(INDEX_FILE), &json(&index)?)?;
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, KeyError> {
    serde_json::from_slice(&read(path, MAX_SMALL_FILE)?)
        .map_err(|error| KeyError::Cache(format!("{}: {error}", path.display())))
}

/// Loads what a verifier needs: the index, every verifying key, and the powers of τ. All of it is
/// checked, the powers against `[τ]₂`.
///
/// # Errors
/// [`KeyError::Forgeable`] for development parameters; [`KeyError::Cache`] for a file that is missing
/// or damaged; what [`Parameters::new`] and [`Parameters::with_powers`] return.
pub fn load(directory: &Path) -> Result<(Index, Parameters), KeyError> {
    let index: Index = parse(&directory.join(INDEX_FILE))?;
    if index.origin.is_forgeable() {
        return Err(KeyError::Forgeable);
    }
    let keys = registry()
        .iter()
        .map(|entry| {
            let name = entry.circuit().0;
            Ok((name, read(&file(directory, name, "vk"), MAX_SMALL_FILE)?))
        })
        .collect::<Result<BTreeMap<_, _>, KeyError>>()?;
    let keys = keys.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let parameters = Parameters::new(&index, &keys)?;
    let powers: Srs = Cache::new(directory).load(SRS, &index.powers)?;
    let parameters = parameters.with_powers(Arc::new(powers))?;
    Ok((index, parameters))
}

/// Makes every key of a folder again from the ceremony's own files, `NAME.zkey` and `NAME.sigma` in
/// `sources`, and the powers; `progress` hears each circuit as it begins.
///
/// # Errors
/// [`CeremonyError::Key`] for a key that differs from its sources; whatever [`derive`] and [`load`]
/// return.
pub fn verify<P: Read + Seek, R: RngCore + CryptoRng>(
    directory: &Path,
    sources: &Path,
    powers: &mut PowersFile<P>,
    rng: &mut R,
    progress: &dyn Fn(&str),
) -> Result<Parameters, CeremonyError> {
    let (index, parameters) = load(directory)?;
    let (srs, tau) = powers.reference_string(POWERS, rng)?;
    if text(&fingerprint(&srs)?) != index.powers || tau != *index.tau.affine() {
        return Err(CeremonyError::Powers("the folder's are not those of this file"));
    }
    for entry in registry() {
        let name = entry.circuit().0;
        progress(name);
        let circuit = Circuit::registered(&entry)?;
        let sigma = match circuit.committed {
            0 => None,
            _ => Some(read_transcript(&file(sources, name, "sigma"))?),
        };
        let source = BufReader::new(File::open(file(sources, name, "zkey"))?);
        let key = derive(&circuit, source, powers, sigma.as_ref(), rng)?;
        if stored(name, &key)? != *index.circuit(name)? {
            return Err(CeremonyError::Key("the folder's key is not that of its sources"));
        }
        Cache::new(directory).load::<ProvingKey>(name, &text(&fingerprint(&key)?))?;
    }
    Ok(parameters)
}

/// Longest transcript, in bytes.
const MAX_TRANSCRIPT: u64 = 256 << 20;

/// Reads a transcript; it is not checked yet.
///
/// # Errors
/// [`KeyError::Cache`] when the file cannot be read, [`SigmaError::Encoding`] when it is none.
pub fn read_transcript(path: &Path) -> Result<Transcript, CeremonyError> {
    Ok(Transcript::from_bytes(&read(path, MAX_TRANSCRIPT)?)?)
}

/// Writes a transcript, wholly or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_transcript(path: &Path, transcript: &Transcript) -> Result<(), CeremonyError> {
    Ok(write(path, &transcript.to_bytes())?)
}
