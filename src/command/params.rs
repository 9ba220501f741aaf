//! `galen params`: the ceremony that makes the parameters of a production network.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use galen_zk::ceremony::sigma::{Evidence, Transcript};
use galen_zk::interop;
use galen_zk::keys::{Index, Parameters, Verifier};
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::params::{self, Sources};
use crate::output::{printable, table};

/// How the parts follow one another.
const HELP: &str = "\
A ceremony, in order:
  1. Choose a public file of powers of tau, prepared for phase 2, and check it:
     snarkjs powersoftau verify powers.ptau
  2. For each circuit of `galen params show`: write its constraints, run phase 2 on them, check it:
     galen params export-r1cs segment-key/1 --out segment-key-1.r1cs
     snarkjs groth16 setup segment-key-1.r1cs powers.ptau 0.zkey
     snarkjs zkey contribute 0.zkey 1.zkey        (each contributor; then `snarkjs zkey beacon`)
     snarkjs zkey verify segment-key-1.r1cs powers.ptau segment-key-1.zkey
  3. For each circuit with committed inputs: multiply its σ (start, contribute, beacon).
  4. Put the keys together (import-zkey for each circuit, then finish) and check them (verify).
  5. Start nodes and provers with GALEN_CEREMONY=FOLDER.
Phase 2 needs the public tools, which run on Node; σ does not.";

/// Verbs of `galen params`.
#[derive(Subcommand, Debug)]
#[command(after_help = HELP)]
pub enum Params {
    /// List the circuits and what a ceremony needs for each, or show one verifying key
    #[command(
        after_help = "Examples:\n  galen params show\n  galen params show --dir ceremony --json\n  galen params show segment-key/1 --json > verification_key.json"
    )]
    Show {
        /// Show this circuit's verifying key in the JSON of the public tools
        circuit: Option<String>,
        /// Folder of a finished ceremony [default: the parameters for development]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Write a circuit's constraints for phase 2
    #[command(
        name = "export-r1cs",
        after_help = "Example:\n  galen params export-r1cs segment-key/1 --out segment-key-1.r1cs"
    )]
    ExportR1cs {
        /// The circuit
        circuit: String,
        /// New file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Begin the σ chain of a circuit with committed inputs
    #[command(
        after_help = "Example:\n  galen params start k-anonymity/1/32760 --zkey k-anonymity-1-32760.zkey --powers powers.ptau --out 0.sigma"
    )]
    Start {
        /// The circuit
        circuit: String,
        /// Its key after phase 2
        #[arg(long, value_name = "FILE")]
        zkey: PathBuf,
        /// The powers of tau
        #[arg(long, value_name = "FILE")]
        powers: PathBuf,
        /// New file for the transcript
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Multiply σ by a secret that is forgotten at once
    #[command(
        after_help = "Example:\n  galen params contribute 0.sigma --name 'A hospital' --out 1.sigma"
    )]
    Contribute {
        /// The transcript so far
        transcript: PathBuf,
        /// Who contributes
        #[arg(long)]
        name: String,
        /// New file for the longer transcript
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// End a σ chain with a public random value that was announced beforehand
    #[command(
        after_help = "Example:\n  galen params beacon 3.sigma --value 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --name 'Randomness of 1 May' --out k-anonymity-1-32760.sigma"
    )]
    Beacon {
        /// The transcript so far
        transcript: PathBuf,
        /// The value, in hexadecimal digits
        #[arg(long, value_name = "HEX", value_parser = digits)]
        value: Digits,
        /// Logarithm of the number of hashes over it, 10 to 24
        #[arg(long, default_value_t = 20)]
        iterations: u8,
        /// Where the value comes from
        #[arg(long)]
        name: String,
        /// New file for the whole transcript
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check a circuit's phase 2 and σ, and put its keys into a folder
    #[command(
        name = "import-zkey",
        after_help = "Examples:\n  galen params import-zkey segment-key/1 --zkey segment-key-1.zkey --powers powers.ptau --dir ceremony\n  galen params import-zkey k-anonymity/1/32760 --zkey k-anonymity-1-32760.zkey --powers powers.ptau --sigma k-anonymity-1-32760.sigma --dir ceremony"
    )]
    ImportZkey(Import),
    /// Complete a folder that holds the keys of all circuits
    #[command(after_help = "Example:\n  galen params finish --dir ceremony --powers powers.ptau")]
    Finish {
        /// The folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The powers of tau
        #[arg(long, value_name = "FILE")]
        powers: PathBuf,
    },
    /// Check a transcript, or a finished folder, wholly if its sources are given
    #[command(
        after_help = "Examples:\n  galen params verify 3.sigma\n  galen params verify --dir ceremony\n  galen params verify --dir ceremony --sources files --powers powers.ptau\n\nSources are NAME.zkey and NAME.sigma, as in segment-key-1.zkey. Who contributed to a phase 2 is\nchecked by `snarkjs zkey verify`."
    )]
    Verify(Check),
}

/// Arguments of `import-zkey`.
#[derive(Args, Debug)]
pub struct Import {
    /// The circuit
    circuit: String,
    /// Its key after phase 2
    #[arg(long, value_name = "FILE")]
    zkey: PathBuf,
    /// The powers of tau
    #[arg(long, value_name = "FILE")]
    powers: PathBuf,
    /// The transcript of its σ, if it has committed inputs
    #[arg(long, value_name = "FILE")]
    sigma: Option<PathBuf>,
    /// The folder; made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["transcript", "dir"])))]
pub struct Check {
    /// A transcript of σ
    transcript: Option<PathBuf>,
    /// A finished folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Folder of the ceremony's own files
    #[arg(long, value_name = "DIR", requires = "dir", requires = "powers")]
    sources: Option<PathBuf>,
    /// The powers of tau
    #[arg(long, value_name = "FILE", requires = "sources")]
    powers: Option<PathBuf>,
}

/// Bytes given as hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Digits(Vec<u8>);

fn digits(text: &str) -> Result<Digits, String> {
    hex::decode(text.trim_start_matches("0x"))
        .map(Digits)
        .map_err(|_| "use an even number of hexadecimal digits".to_owned())
}

/// Runs a verb.
///
/// # Errors
/// What went wrong, and what to do.
pub fn run(context: &Context, command: Params) -> Result<(), Failure> {
    match command {
        Params::Show { circuit: Some(circuit), dir } => show_key(context, &circuit, dir),
        Params::Show { circuit: None, dir } => show(context, dir),
        Params::ExportR1cs { circuit, out } => {
            params::entry(&circuit)?;
            if !context.dry_run {
                params::export_r1cs(&circuit, &out)?;
            }
            let value = json!({ "circuit": circuit, "file": out, "written": !context.dry_run });
            context.output.data(&value, || format!("Constraints of {circuit}: {}", out.display()))
        }
        Params::Start { circuit, zkey, powers, out } => {
            let transcript = params::start(&circuit, &zkey, &powers, &target(context, &out)?)?;
            report(
                context,
                &transcript,
                "The chain begins. Pass the file to the first contributor.",
            )
        }
        Params::Contribute { transcript, name, out } => {
            let made = params::contribute(&transcript, &name, &target(context, &out)?)?;
            report(context, &made, "Publish the hash, and pass the file on.")
        }
        Params::Beacon { transcript, value, iterations, name, out } => {
            let out = target(context, &out)?;
            let made = params::beacon(&transcript, &name, &value.0, iterations, &out)?;
            report(context, &made, "The chain is complete.")
        }
        Params::ImportZkey(command) => import(context, command),
        Params::Finish { dir, powers } => {
            confirm_real(context)?;
            let parameters = params::finish(&dir, &powers)?;
            parameters_report(context, &parameters, "The folder is complete.")
        }
        Params::Verify(command) => check(context, command),
    }
}

/// Commands that only make new files have nothing to try out.
fn confirm_real(context: &Context) -> Result<(), Failure> {
    if context.dry_run {
        return Err(Failure::usage(
            "--dry-run means nothing here: only the named files are written",
        ));
    }
    Ok(())
}

fn target(context: &Context, out: &std::path::Path) -> Result<PathBuf, Failure> {
    confirm_real(context)?;
    if out.exists() {
        return Err(Failure::new(
            Exit::Input,
            "params.exists",
            format!("{} exists and is left alone", out.display()),
        )
        .remedy("name a new file with --out"));
    }
    Ok(out.to_owned())
}

fn hash(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn report(context: &Context, transcript: &Transcript, message: &str) -> Result<(), Failure> {
    let steps: Vec<_> = transcript
        .steps()
        .iter()
        .map(|step| {
            let kind = match step.evidence {
                Evidence::Knowledge { .. } => "contribution",
                Evidence::Beacon { .. } => "public random value",
            };
            json!({ "name": step.name, "kind": kind })
        })
        .collect();
    let value = json!({
        "circuit": transcript.circuit(),
        "hash": hash(&transcript.hash()),
        "steps": steps,
    });
    context.output.data(&value, || {
        let mut text = format!("Circuit  {}\n", printable(transcript.circuit()));
        for step in transcript.steps() {
            text.push_str(&format!("Step     {}\n", printable(&step.name)));
        }
        text.push_str(&format!("Hash     {}\n", hash(&transcript.hash())));
        text
    })?;
    context.output.note(message);
    Ok(())
}

fn parameters_report(
    context: &Context,
    parameters: &Parameters,
    message: &str,
) -> Result<(), Failure> {
    let value = json!({ "hash": hash(&parameters.hash()) });
    context.output.data(&value, || format!("Parameters {}\n", hash(&parameters.hash())))?;
    context.output.note(message);
    Ok(())
}

fn import(context: &Context, command: Import) -> Result<(), Failure> {
    confirm_real(context)?;
    let Import { circuit, zkey, powers, sigma, dir } = command;
    let bar = context.output.spinner(format!("checking {circuit}"));
    let sources = Sources { zkey, powers, sigma };
    let missing = params::import(&circuit, &sources, &dir);
    bar.finish_and_clear();
    let missing = missing?;
    let value = json!({ "circuit": circuit, "dir": dir, "missing": missing });
    context.output.data(&value, || {
        let mut text = format!("{circuit}: keys in {}\n", dir.display());
        for name in &missing {
            text.push_str(&format!("missing: {name}\n"));
        }
        text
    })?;
    if missing.is_empty() {
        context
            .output
            .note("All circuits are there: complete the folder with `galen params finish`.");
    }
    Ok(())
}

fn check(context: &Context, command: Check) -> Result<(), Failure> {
    if let Some(path) = &command.transcript {
        return report(context, &params::transcript(path)?, "The chain holds.");
    }
    let dir = command.dir.unwrap_or_default();
    match (command.sources, command.powers) {
        (Some(sources), Some(powers)) => {
            let note = |name: &str| context.output.note(format!("checking {name}"));
            let parameters = params::verify(&dir, &sources, &powers, &note)?;
            parameters_report(context, &parameters, "Every key is that of its sources.")
        }
        _ => {
            let parameters = params::load(&dir)?;
            parameters_report(
                context,
                &parameters,
                "The folder is whole. With --sources and --powers its keys are made again and compared.",
            )
        }
    }
}

fn parameters(dir: Option<PathBuf>) -> Result<Parameters, Failure> {
    match dir {
        Some(dir) => params::load(&dir),
        None => Ok(Parameters::development()?),
    }
}

fn show_key(context: &Context, circuit: &str, dir: Option<PathBuf>) -> Result<(), Failure> {
    let entry = params::entry(circuit)?;
    let parameters = parameters(dir)?;
    let network = if parameters.origin().is_forgeable() {
        galen_zk::keys::Network::Development
    } else {
        galen_zk::keys::Network::Production
    };
    let verifier = Verifier::new(network, parameters)?;
    let key = verifier
        .key(entry.circuit())
        .map_err(|error| Failure::new(Exit::Failure, "params.circuit", error.to_string()))?;
    let value = interop::verifying_key(circuit, key).map_err(|error| {
        Failure::new(Exit::Input, "params.committed", error.to_string()).remedy(
            "check its proofs with the verifier of the portal, which knows committed inputs",
        )
    })?;
    context.output.data(&value, || value.to_string())
}

fn show(context: &Context, dir: Option<PathBuf>) -> Result<(), Failure> {
    let parameters = parameters(dir)?;
    let index = Index::embedded()?;
    let forgeable = parameters.origin().is_forgeable();
    let value = json!({
        "hash": hash(&parameters.hash()),
        "forgeable": forgeable,
        "circuits": index.circuits.iter().map(|circuit| json!({
            "circuit": circuit.circuit,
            "inputs": circuit.inputs,
            "committed": circuit.committed,
            "constraints": circuit.constraints,
            "domain": circuit.domain,
            "powers": circuit.domain.trailing_zeros(),
            "sigma": circuit.committed > 0,
            "description": circuit.description,
        })).collect::<Vec<_>>(),
    });
    context.output.data(&value, || {
        let rows = index.circuits.iter().map(|circuit| {
            [
                circuit.circuit.clone(),
                circuit.constraints.to_string(),
                circuit.committed.to_string(),
                format!("2^{}", circuit.domain.trailing_zeros()),
                if circuit.committed > 0 { "phase 2, σ" } else { "phase 2" }.to_owned(),
            ]
        });
        let list = table(["circuit", "constraints", "committed", "powers", "needs"], rows);
        let origin = if forgeable {
            "for development: forgeable, for trying out only"
        } else {
            "of a ceremony"
        };
        format!("{list}\n\nParameters {} ({origin})\n", hash(&parameters.hash()))
    })
}
