//! Sealing and opening files.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use galen_dataset::open::open;
use galen_dataset::output::Output;
use galen_dataset::pack::{FileHash, FileInput, PackInput, pack};
use galen_dataset::package::PackageFolder;
use galen_market::layout::BlockRows;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::proofs::prover;
use crate::report::{Report, Spent, short, spend};
use crate::tables::manifest;

const FILES: u64 = 4;
const FILE_BYTES: u64 = 256 << 20;
const BYTES: f64 = (FILES * FILE_BYTES) as f64;
/// Gigabytes a second and core.
const AIM: f64 = 0.7;
const RUNS: usize = 3;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut part = vec![0u8; 1 << 20];
    ChaCha20Rng::seed_from_u64(1).fill_bytes(&mut part);
    let file = |number: u64| {
        let path = folder.join(format!("file-{number}"));
        let mut file = File::create_new(&path).unwrap();
        for n in 0..FILE_BYTES / part.len() as u64 {
            part[..8].copy_from_slice(&n.to_le_bytes());
            file.write_all(&part).unwrap();
        }
        // What is still to be written would be counted as ours.
        file.sync_all().unwrap();
        path
    };
    (0..FILES).map(file).collect()
}

/// Gigabytes a second.
struct Rates {
    a_core: f64,
    program: f64,
    all: f64,
}

fn rates(runs: &[Spent]) -> Rates {
    let rate = |of: fn(&Spent) -> f64| {
        let mut seconds: Vec<f64> = runs.iter().map(of).collect();
        seconds.sort_by(f64::total_cmp);
        BYTES / 1e9 / seconds[seconds.len() / 2]
    };
    Rates {
        a_core: rate(|run| run.processor),
        program: rate(|run| run.program),
        all: rate(|run| run.elapsed),
    }
}

impl Rates {
    fn rest(&self, report: &Report) {
        report.note("a core, reading and writing by the kernel left out", &gigabytes(self.program));
        report.note("by the clock, until it is on the disk", &gigabytes(self.all));
    }
}

fn gigabytes(rate: f64) -> String {
    format!("{} GB/s", short(rate))
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    let home = tempfile::tempdir().unwrap();
    report.part(&format!("1 GiB in four files, from and to {}", std::env::temp_dir().display()));
    let sources = sources(home.path());
    let powers = prover().powers().unwrap();
    let target = |name: &str, run: usize| home.path().join(format!("{name}-{run}"));

    let mut runs = Vec::new();
    let mut secret = None;
    for run in 0..RUNS {
        let files = sources
            .iter()
            .map(|source| {
                let name = source.file_name().unwrap().to_string_lossy().into_owned();
                FileInput {
                    path: name.clone(),
                    name,
                    source: source.clone(),
                    mediatype: "application/octet-stream".into(),
                    description: String::new(),
                    sha256: FileHash::None,
                }
            })
            .collect();
        let input = PackInput {
            block_rows: BlockRows::Full,
            tables: Vec::new(),
            files,
            manifest: manifest(),
        };
        let (packed, spent) = spend(|| pack(input, &powers, &target("package", run), &|_| {}));
        secret = Some(packed.unwrap().1);
        runs.push(spent);
        if run + 1 < RUNS {
            fs::remove_dir_all(target("package", run)).unwrap();
        }
    }
    let found = rates(&runs);
    report.rate("sealed, keys and hashes included, a core", AIM, found.a_core, "GB/s");
    found.rest(report);

    let package = target("package", RUNS - 1);
    let folder = PackageFolder::read(&package).unwrap();
    let key = secret.unwrap().key;
    let mut runs = Vec::new();
    for run in 0..RUNS {
        let (opened, spent) = spend(|| {
            open(&folder, key, &powers, &target("opened", run), &Output::default(), &|_| {})
        });
        opened.unwrap();
        runs.push(spent);
        fs::remove_dir_all(target("opened", run)).unwrap();
    }
    let found = rates(&runs);
    report.rate("opened, keys and hashes included, a core", AIM, found.a_core, "GB/s");
    found.rest(report);
    fs::remove_dir_all(package).unwrap();
    crypt4gh(report, home.path(), &sources);
}

/// A program that is installed beside the Python of the checkers.
pub fn python_program(name: &str) -> Option<PathBuf> {
    let python = std::env::var_os("PYTHON").map(PathBuf::from);
    let bin = python.as_deref().and_then(Path::parent).unwrap_or(Path::new("/usr/bin"));
    Some(bin.join(name)).filter(|program| program.exists())
}

/// The reference client of the format that genome archives use, if it is installed beside Python.
fn crypt4gh(report: &Report, home: &Path, sources: &[PathBuf]) {
    let (Some(program), Some(keygen)) =
        (python_program("crypt4gh"), python_program("crypt4gh-keygen"))
    else {
        return report.note("peer: crypt4gh", "not installed");
    };
    let (secret, public) = (home.join("reader.sec"), home.join("reader.pub"));
    let made = Command::new(keygen)
        .args(["--nocrypt", "-f", "--sk"])
        .arg(&secret)
        .arg("--pk")
        .arg(&public)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success(), "crypt4gh-keygen fails");
    let run = |action: &str, from: &Path, to: &Path| {
        let mut command = Command::new(&program);
        command.arg(action).arg("--sk").arg(&secret);
        if action == "encrypt" {
            command.arg("--recipient_pk").arg(&public);
        }
        let output = File::create_new(to).unwrap();
        let status = command
            .stdin(File::open(from).unwrap())
            .stdout(output.try_clone().unwrap())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "crypt4gh {action} fails");
        output.sync_all().unwrap();
    };
    let sealed: Vec<PathBuf> = sources.iter().map(|path| path.with_extension("c4gh")).collect();
    let ((), spent) = spend(|| {
        sources.iter().zip(&sealed).for_each(|(from, to)| run("encrypt", from, to));
    });
    let found = rates(&[spent]);
    report.note("peer: crypt4gh encrypt, no hashes, a core", &gigabytes(found.a_core));
    found.rest(report);
    let ((), spent) = spend(|| {
        sealed.iter().for_each(|from| run("decrypt", from, &from.with_extension("out")));
    });
    let found = rates(&[spent]);
    report.note("peer: crypt4gh decrypt, no hashes, a core", &gigabytes(found.a_core));
    found.rest(report);
    let (first, last) = (&sources[0], sealed[0].with_extension("out"));
    assert!(fs::read(first).unwrap() == fs::read(last).unwrap(), "crypt4gh gives another file");
}
