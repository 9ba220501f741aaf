//! The files of a ceremony: what `galen params` does. Everything that comes from elsewhere is checked
//! before it is used; nothing that exists is overwritten, but for the folder that is being made.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use galen_zk::ceremony::contribute::Phase2;
use galen_zk::ceremony::entropy::Entropy;
use galen_zk::ceremony::folder::{self, Circuit};
use galen_zk::ceremony::history::History;
use galen_zk::ceremony::phase1::PowersFile;
use galen_zk::ceremony::sigma::Transcript;
use galen_zk::ceremony::{CeremonyError, initial, zkey};
use galen_zk::keys::{Entry, Parameters, registry};
use rand::rngs::OsRng;

use crate::error::{Exit, Failure};
use crate::wallet::file;

impl From<CeremonyError> for Failure {
    fn from(error: CeremonyError) -> Self {
        let (code, remedy) = match &error {
            CeremonyError::Format(_) => {
                ("params.format", "copy the file again from where it was made")
            }
            CeremonyError::Powers(_) => (
                "params.powers",
                "use a file of powers of tau whose history `snarkjs powersoftau verify` accepts",
            ),
            CeremonyError::TooFew { .. } => {
                ("params.powers_few", "use a file of powers of tau with a larger exponent")
            }
            CeremonyError::Key(_) => (
                "params.key",
                "do not use this key: make the first one with `galen params setup`, and contribute to that",
            ),
            CeremonyError::History(_) => (
                "params.history",
                "go back to the last key that `galen params verify` accepts, and ask for the contribution again",
            ),
            CeremonyError::Sigma(_) => (
                "params.sigma",
                "go back to the last transcript that `galen params verify` accepts, and ask for the contribution again",
            ),
            CeremonyError::Parameters(_) => {
                ("params.folder", "copy the folder again, or make it again from its sources")
            }
            CeremonyError::Incomplete(_) => {
                ("params.incomplete", "`galen params show` lists the circuits and what each needs")
            }
        };
        Self::new(Exit::Input, code, error.to_string()).remedy(remedy)
    }
}

/// A registered circuit.
///
/// # Errors
/// When there is none of that name.
pub fn entry(name: &str) -> Result<Entry, Failure> {
    registry().into_iter().find(|entry| entry.circuit().0 == name).ok_or_else(|| {
        let known: Vec<_> = registry().iter().map(|entry| entry.circuit().0).collect();
        Failure::usage(format!("there is no circuit {name}"))
            .remedy(format!("use one of {}", known.join(", ")))
    })
}

fn circuit(name: &str) -> Result<Circuit, Failure> {
    let circuit = Circuit::registered(&entry(name)?).map_err(CeremonyError::from)?;
    Ok(circuit)
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| Failure::file(path, &error))
}

fn powers(path: &Path) -> Result<PowersFile<BufReader<File>>, Failure> {
    PowersFile::open(open(path)?).map_err(|error| Failure::from(error).at(path.display()))
}

/// Writes a circuit's constraints for the public tools.
///
/// # Errors
/// When there is no such circuit, or the file exists or cannot be written.
pub fn export_r1cs(name: &str, out: &Path) -> Result<(), Failure> {
    let circuit = circuit(name)?;
    let failed = |error: std::io::Error| Failure::file(out, &error);
    let mut writer = BufWriter::new(File::create_new(out).map_err(failed)?);
    circuit.constraints.write(&mut writer).and_then(|()| writer.flush()).map_err(failed)
}

/// Reads a transcript and checks its chain.
fn transcript(path: &Path) -> Result<Transcript, Failure> {
    let at = |error: CeremonyError| Failure::from(error).at(path.display());
    let transcript = folder::read_transcript(path).map_err(at)?;
    transcript.check(&mut OsRng).map_err(|error| at(error.into()))?;
    Ok(transcript)
}

/// Refuses to overwrite a file.
fn write_transcript(path: &Path, transcript: &Transcript) -> Result<(), Failure> {
    file::create(path, &transcript.to_bytes()).map_err(|error| Failure::file(path, &error))
}

/// Begins the σ chain of a circuit with committed inputs.
///
/// # Errors
/// When the phase 2 is not that of the circuit, or the circuit needs no σ.
pub fn start(name: &str, zkey: &Path, ptau: &Path, out: &Path) -> Result<Transcript, Failure> {
    let circuit = circuit(name)?;
    let transcript = folder::start_sigma(&circuit, open(zkey)?, &mut powers(ptau)?, &mut OsRng)
        .map_err(|error| Failure::from(error).at(zkey.display()))?;
    write_transcript(out, &transcript)?;
    Ok(transcript)
}

/// What is multiplied: the σ of a circuit, or the δ of its phase 2. Which one is seen from the file.
pub enum Chain {
    /// A transcript of σ.
    Sigma(Transcript),
    /// The contributions to a key.
    Phase2(History),
}

/// Whether a file is a key of phase 2 by its first bytes; anything else is read as a transcript.
fn is_key(path: &Path) -> Result<bool, Failure> {
    let mut first = Vec::new();
    let mut file = open(path)?.take(zkey::MAGIC.len() as u64);
    file.read_to_end(&mut first).map_err(|error| Failure::file(path, &error))?;
    Ok(first == zkey::MAGIC)
}

/// Makes the key of a circuit before any contribution; returns its hash.
///
/// # Errors
/// When there is no such circuit, the powers do not hold or are too few, or the file exists.
pub fn setup(name: &str, ptau: &Path, out: &Path) -> Result<[u8; 64], Failure> {
    let circuit = circuit(name)?;
    let mut file = powers(ptau)?;
    file::create_with(out, |writer| {
        initial::write(&circuit.constraints, &mut file, &mut OsRng, writer)
    })
    .map_err(|error| Failure::from(error).at(ptau.display()))
}

/// Multiplies δ or σ by a secret that is forgotten at once, made from the system's randomness and
/// from what was typed.
///
/// # Errors
/// When the chain does not hold, or the new file cannot be written.
pub fn contribute(path: &Path, name: &str, typed: &[u8], out: &Path) -> Result<Chain, Failure> {
    let mut entropy = Entropy::new(typed).map_err(|error| {
        Failure::new(Exit::Failure, "params.randomness", format!("no randomness: {error}"))
            .remedy("contribute on a machine whose system gives randomness")
    })?;
    if is_key(path)? {
        return extend_key(path, out, |key, writer| key.contribute(name, &mut entropy, writer));
    }
    extend(path, out, |transcript| transcript.contribute(name, &mut entropy))
}

/// Ends a chain with a public random value.
///
/// # Errors
/// As [`contribute`].
pub fn beacon(
    path: &Path,
    name: &str,
    value: &[u8],
    iterations: u8,
    out: &Path,
) -> Result<Chain, Failure> {
    if is_key(path)? {
        return extend_key(path, out, |key, writer| key.beacon(name, value, iterations, writer));
    }
    extend(path, out, |transcript| transcript.beacon(name, value, iterations, &mut OsRng))
}

fn extend_key(
    path: &Path,
    out: &Path,
    step: impl FnOnce(Phase2<BufReader<File>>, &mut BufWriter<File>) -> Result<History, CeremonyError>,
) -> Result<Chain, Failure> {
    let reader = open(path)?;
    file::create_with(out, |writer| step(Phase2::open(reader)?, writer))
        .map(Chain::Phase2)
        .map_err(|error| Failure::from(error).at(path.display()))
}

fn extend(
    path: &Path,
    out: &Path,
    step: impl FnOnce(&mut Transcript) -> Result<(), galen_zk::ceremony::sigma::SigmaError>,
) -> Result<Chain, Failure> {
    let at = |error: CeremonyError| Failure::from(error).at(path.display());
    let mut transcript = folder::read_transcript(path).map_err(at)?;
    step(&mut transcript).map_err(|error| at(error.into()))?;
    write_transcript(out, &transcript)?;
    Ok(Chain::Sigma(transcript))
}

/// Checks a transcript of σ; or a key of phase 2, with every point and contribution, against the
/// constraints of its circuit and the powers.
///
/// # Errors
/// When it does not hold, or a key comes without its circuit and powers.
pub fn check(path: &Path, circuit: Option<&str>, ptau: Option<&Path>) -> Result<Chain, Failure> {
    if !is_key(path)? {
        return transcript(path).map(Chain::Sigma);
    }
    let (Some(name), Some(ptau)) = (circuit, ptau) else {
        return Err(Failure::usage("a key of phase 2 is checked against constraints and powers")
            .remedy(
                "name its circuit with --circuit and the file of powers of tau with --powers",
            ));
    };
    let constraints = self::circuit(name)?.constraints;
    let (_, history) = zkey::import(open(path)?, &mut powers(ptau)?, &constraints, &mut OsRng)
        .map_err(|error| Failure::from(error).at(path.display()))?;
    Ok(Chain::Phase2(history))
}

/// What a circuit's key is made of.
pub struct Sources {
    /// Its phase 2.
    pub zkey: PathBuf,
    /// The powers of tau.
    pub powers: PathBuf,
    /// The transcript of its σ, if it has committed inputs.
    pub sigma: Option<PathBuf>,
}

/// Checks a circuit's phase 2 and σ, and puts its keys into a folder. Returns the circuits that the
/// folder still lacks.
///
/// # Errors
/// Naming the file that does not hold.
pub fn import(
    name: &str,
    sources: &Sources,
    directory: &Path,
) -> Result<Vec<&'static str>, Failure> {
    let circuit = circuit(name)?;
    let sigma = sources
        .sigma
        .as_deref()
        .map(|path| {
            folder::read_transcript(path).map_err(|error| Failure::from(error).at(path.display()))
        })
        .transpose()?;
    let key = folder::derive(
        &circuit,
        open(&sources.zkey)?,
        &mut powers(&sources.powers)?,
        sigma.as_ref(),
        &mut OsRng,
    )
    .map_err(|error| Failure::from(error).at(sources.zkey.display()))?;
    folder::install(directory, name, &key)
        .map_err(|error| Failure::from(error).at(directory.display()))?;
    Ok(folder::missing(directory))
}

/// Completes a folder.
///
/// # Errors
/// When circuits are missing, or the powers do not hold.
pub fn finish(directory: &Path, ptau: &Path) -> Result<Parameters, Failure> {
    folder::finish(directory, &mut powers(ptau)?, &mut OsRng)
        .map_err(|error| Failure::from(error).at(directory.display()))
}

/// Loads a finished folder as a node does.
///
/// # Errors
/// When something is missing or does not hold.
pub fn load(directory: &Path) -> Result<Parameters, Failure> {
    match folder::load(directory) {
        Ok((_, parameters)) => Ok(parameters),
        Err(error) => Err(Failure::from(CeremonyError::from(error)).at(directory.display())),
    }
}

/// Makes every key of a folder again from the ceremony's files.
///
/// # Errors
/// Naming what differs.
pub fn verify(
    directory: &Path,
    sources: &Path,
    ptau: &Path,
    progress: &dyn Fn(&str),
) -> Result<Parameters, Failure> {
    folder::verify(directory, sources, &mut powers(ptau)?, &mut OsRng, progress)
        .map_err(|error| Failure::from(error).at(directory.display()))
}
