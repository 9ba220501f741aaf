//! `galen params`: the ceremony that makes the parameters of a production network.

mod report;

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::params::{self, Chain, Sources};

use report::{hash, parameters_report, report, show, show_key, sigma};

/// Longest line that a contributor types, in bytes.
const MAX_TYPED: u64 = 1 << 16;

/// How the parts follow one another.
const HELP: &str = "\
A ceremony, in order:
  1. Choose a public file of powers of tau, prepared for phase 2, whose history has been checked
     (`snarkjs powersoftau verify` does it; the points are checked here whenever they are read).
  2. For each circuit of `galen params show`: make its first key, let everybody contribute, end with
     a public random value, check it:
     galen params setup segment-key/1 --powers powers.ptau --out 0.zkey
     galen params contribute 0.zkey --name 'A hospital' --out 1.zkey
     galen params beacon 1.zkey --value 9f86d0… --name 'Randomness of 1 May' --out segment-key-1.zkey
     galen params verify segment-key-1.zkey --circuit segment-key/1 --powers powers.ptau
     Contributors may use snarkjs on the same files instead: `snarkjs zkey contribute`.
  3. For each circuit with committed inputs: multiply its σ (start; then contribute and beacon).
  4. Put the keys together (import-zkey for each circuit, then finish) and check them (verify).
  5. Start nodes and provers with GALEN_CEREMONY=FOLDER.";

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
    /// Write a circuit's constraints, for phase 2 with other programs
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
    /// Make a circuit's key before any contribution: the beginning of its phase 2
    #[command(
        after_help = "Example:\n  galen params setup segment-key/1 --powers powers.ptau --out 0.zkey\n\nThe file is the one that `snarkjs groth16 setup` makes. Everybody can forge proofs under it until\nsomebody contributes."
    )]
    Setup {
        /// The circuit
        circuit: String,
        /// The powers of tau
        #[arg(long, value_name = "FILE")]
        powers: PathBuf,
        /// New file for the key
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
    /// Multiply a phase 2 or a σ by a secret that is forgotten at once
    #[command(
        after_help = "Examples:\n  galen params contribute 0.zkey --name 'A hospital' --out 1.zkey\n  galen params contribute 0.sigma --name 'A hospital' --out 1.sigma\n  galen params contribute 0.zkey --name 'A hospital' --typed --out 1.zkey\n\nThe secret comes from the system's randomness; with --typed also from a line that you type. Whether\nthe file is the circuit's is for `galen params verify` to say: run it first."
    )]
    Contribute {
        /// The key or transcript so far
        file: PathBuf,
        /// Who contributes
        #[arg(long)]
        name: String,
        /// Mix in a line that you type, of any length: rolled dice, or anything nobody can guess
        #[arg(long)]
        typed: bool,
        /// New file for the key or transcript with your contribution
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// End a phase 2 or a σ chain with a public random value that was announced beforehand
    #[command(
        after_help = "Examples:\n  galen params beacon 3.zkey --value 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --name 'Randomness of 1 May' --out segment-key-1.zkey\n  galen params beacon 3.sigma --value 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --name 'Randomness of 1 May' --out k-anonymity-1-32760.sigma"
    )]
    Beacon {
        /// The key or transcript so far
        file: PathBuf,
        /// The value, in hexadecimal digits
        #[arg(long, value_name = "HEX", value_parser = digits)]
        value: Digits,
        /// Logarithm of the number of hashes over it, 10 to 24
        #[arg(long, default_value_t = 20)]
        iterations: u8,
        /// Where the value comes from
        #[arg(long)]
        name: String,
        /// New file for the whole
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
    /// Check a key of phase 2, a transcript of σ, or a finished folder
    #[command(
        after_help = "Examples:\n  galen params verify 3.zkey --circuit segment-key/1 --powers powers.ptau\n  galen params verify 3.sigma\n  galen params verify --dir ceremony\n  galen params verify --dir ceremony --sources files --powers powers.ptau\n\nSources are NAME.zkey and NAME.sigma, as in segment-key-1.zkey: with them every key of the folder is\nmade again, and every contribution checked."
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
#[command(group(clap::ArgGroup::new("what").required(true).args(["file", "dir"])))]
pub struct Check {
    /// A key of phase 2 or a transcript of σ
    file: Option<PathBuf>,
    /// The circuit of the key
    #[arg(long, requires = "file", requires = "powers")]
    circuit: Option<String>,
    /// A finished folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Folder of the ceremony's own files
    #[arg(long, value_name = "DIR", requires = "dir", requires = "powers")]
    sources: Option<PathBuf>,
    /// The powers of tau
    #[arg(long, value_name = "FILE")]
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
            sigma(context, &transcript, "The chain begins. Pass the file to the first contributor.")
        }
        Params::Setup { circuit, powers, out } => {
            let out = target(context, &out)?;
            let bar = context.output.spinner(format!("making the first key of {circuit}"));
            let made = params::setup(&circuit, &powers, &out);
            bar.finish_and_clear();
            let made = hash(&made?);
            let value = json!({ "circuit": circuit, "file": out, "circuit_hash": made });
            context.output.data(&value, || format!("Circuit  {circuit}\nHash     {made}\n"))?;
            context.output.note("Pass the file to the first contributor.");
            Ok(())
        }
        Params::Contribute { file, name, typed, out } => {
            let out = target(context, &out)?;
            let typed = if typed { typed_line()? } else { Zeroizing::default() };
            let bar = context.output.spinner("contributing".to_owned());
            let made = params::contribute(&file, &name, typed.as_bytes(), &out);
            bar.finish_and_clear();
            report(context, &made?, "Publish the hash, and pass the file on.")
        }
        Params::Beacon { file, value, iterations, name, out } => {
            let out = target(context, &out)?;
            let bar = context.output.spinner("hashing the public value".to_owned());
            let made = params::beacon(&file, &name, &value.0, iterations, &out);
            bar.finish_and_clear();
            report(context, &made?, "The chain is complete.")
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

/// A line from the terminal, unseen, or from standard input.
fn typed_line() -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| {
        Failure::usage(format!("cannot read what you type: {error}"))
            .remedy("type a line, or leave --typed out")
    };
    let mut line = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        *line = rpassword::prompt_password("Type something nobody can guess: ").map_err(failed)?;
    } else {
        io::stdin().lock().take(MAX_TYPED).read_line(&mut line).map_err(failed)?;
    }
    if line.trim().is_empty() {
        return Err(Failure::usage("nothing was typed")
            .remedy("type a line that nobody can guess, or leave --typed out"));
    }
    Ok(line)
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
    if let Some(path) = &command.file {
        let bar = context.output.spinner(format!("checking {}", path.display()));
        let chain = params::check(path, command.circuit.as_deref(), command.powers.as_deref());
        bar.finish_and_clear();
        let chain = chain?;
        let message = match chain {
            Chain::Sigma(_) => "The chain holds.",
            Chain::Phase2(_) => {
                "Every point is that of circuit, powers and contributions, and every contribution holds."
            }
        };
        return report(context, &chain, message);
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
