//! Delivering a package: sealing and opening whole files beside what others use, traffic, the work and
//! the bytes of a sale, and what a dispute costs a validator.
//!
//! `BENCH_MEMORY` is a folder in memory (`/dev/shm`), `BENCH_DISK` one on a disk (the system's
//! temporary one), `BENCH_DISK_GIB` the size there (10).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use galen_dataset::open::open;
use galen_dataset::output::Output;
use galen_dataset::pack::{FileHash, FileInput, PackInput, pack};
use galen_dataset::package::PackageFolder;
use galen_dataset::seal::PackageSecret;
use galen_market::layout::BlockRows;
use galen_zk::commitment::Srs;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::files::python_program;
use crate::proofs::prover;
use crate::report::{Report, short};
use crate::sale;
use crate::tables::manifest;

const GIB: u64 = 1 << 30;
const RUNS: usize = 3;
/// Of the best of the peers.
const AIM: f64 = 2.0;
/// Traffic over plaintext.
const TRAFFIC: f64 = 1.005;

fn folder(variable: &str, usual: PathBuf) -> PathBuf {
    std::env::var_os(variable).map_or(usual, PathBuf::from)
}

/// Bytes that are free in a folder, by `df`.
fn free(folder: &Path) -> Option<u64> {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().nth(1)?.trim().parse().ok()
}

/// A file that no compression makes smaller, on the disk before anything is measured.
fn source(folder: &Path, bytes: u64) -> PathBuf {
    let path = folder.join("source");
    let mut part = vec![0u8; 1 << 20];
    ChaCha20Rng::seed_from_u64(1).fill_bytes(&mut part);
    let mut file = File::create_new(&path).unwrap();
    for n in 0..bytes / part.len() as u64 {
        part[..8].copy_from_slice(&n.to_le_bytes());
        file.write_all(&part).unwrap();
    }
    file.sync_all().unwrap();
    path
}

/// Whether the kernel forgot what it keeps of files, so that the next run reads the disk.
fn forget() -> bool {
    let _ = Command::new("sync").status();
    fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}

/// Seconds by the clock, the median of some runs; what a run leaves is removed between them.
fn seconds(runs: usize, cold: bool, leaves: &[&Path], mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            for path in leaves {
                let _ = fs::remove_file(path);
                let _ = fs::remove_dir_all(path);
            }
            if cold {
                forget();
            }
            let begun = Instant::now();
            run();
            begun.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn input(source: &Path) -> PackInput {
    PackInput {
        block_rows: BlockRows::Full,
        tables: Vec::new(),
        files: vec![FileInput {
            name: "source".into(),
            path: "source".into(),
            source: source.to_owned(),
            mediatype: "application/octet-stream".into(),
            description: String::new(),
            sha256: FileHash::None,
        }],
        manifest: manifest(),
    }
}

/// A program with arguments, given input and output.
type Program = Box<dyn Fn(&Path, &Path)>;

/// A program that encrypts and decrypts files.
struct Peer {
    name: &'static str,
    seal: Program,
    open: Program,
}

fn run(command: &mut Command) {
    let status = command.stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?} fails");
}

fn synced(path: &Path) {
    File::open(path).and_then(|file| file.sync_all()).unwrap();
}

fn age(home: &Path) -> Option<Peer> {
    let key = home.join("age.key");
    let made = Command::new("age-keygen").arg("-o").arg(&key).stderr(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        return None;
    }
    let public = Command::new("age-keygen").arg("-y").arg(&key).output().unwrap().stdout;
    let public = String::from_utf8(public).unwrap().trim().to_owned();
    Some(Peer {
        name: "age",
        seal: Box::new(move |from, to| {
            run(Command::new("age").args(["-r", &public, "-o"]).arg(to).arg(from));
            synced(to);
        }),
        open: Box::new(move |from, to| {
            run(Command::new("age").arg("-d").arg("-i").arg(&key).arg("-o").arg(to).arg(from));
            synced(to);
        }),
    })
}

fn crypt4gh(home: &Path) -> Option<Peer> {
    let (program, keygen) = (python_program("crypt4gh")?, python_program("crypt4gh-keygen")?);
    let (secret, public) = (home.join("reader.sec"), home.join("reader.pub"));
    let mut made = Command::new(keygen);
    made.args(["--nocrypt", "-f", "--sk"]).arg(&secret).arg("--pk").arg(&public);
    run(made.stdout(Stdio::null()));
    let call = move |action: &str, from: &Path, to: &Path| {
        let mut command = Command::new(&program);
        command.arg(action).arg("--sk").arg(&secret);
        if action == "encrypt" {
            command.arg("--recipient_pk").arg(&public);
        }
        let output = File::create(to).unwrap();
        run(command.stdin(File::open(from).unwrap()).stdout(output.try_clone().unwrap()));
        output.sync_all().unwrap();
    };
    let open = call.clone();
    Some(Peer {
        name: "crypt4gh",
        seal: Box::new(move |from, to| call("encrypt", from, to)),
        open: Box::new(move |from, to| open("decrypt", from, to)),
    })
}

fn rate(report: &Report, what: &str, bytes: u64, seconds: f64) -> f64 {
    let rate = bytes as f64 / 1e9 / seconds;
    report.note(what, &format!("{} GB/s", short(rate)));
    rate
}

/// Seals and opens a file, and has the peers do the same.
fn whole_file(report: &mut Report, home: &Path, bytes: u64, runs: usize, cold: bool) {
    let srs: Srs = prover().powers().unwrap().as_ref().clone();
    let source = source(home, bytes);
    let (sealed, opened) = (home.join("sealed"), home.join("opened"));
    let mut best = [0f64; 2];
    for peer in [age(home), crypt4gh(home)].into_iter().flatten() {
        let took = seconds(runs, cold, &[&sealed], || (peer.seal)(&source, &sealed));
        let found = rate(report, &format!("peer: {} encrypts", peer.name), bytes, took);
        best[0] = best[0].max(found);
        let took = seconds(runs, cold, &[&opened], || (peer.open)(&sealed, &opened));
        let found = rate(report, &format!("peer: {} decrypts", peer.name), bytes, took);
        best[1] = best[1].max(found);
        assert_eq!(fs::metadata(&opened).unwrap().len(), bytes, "{} gives another file", peer.name);
        fs::remove_file(&sealed).unwrap();
        fs::remove_file(&opened).unwrap();
    }
    if cold {
        let took = seconds(1, true, &[&opened], || {
            fs::copy(&source, &opened).unwrap();
            synced(&opened);
        });
        rate(report, "a copy on this disk", bytes, took);
        fs::remove_file(&opened).unwrap();
    }
    let mut secret: Option<PackageSecret> = None;
    let took = seconds(runs, cold, &[&sealed], || {
        secret = Some(pack(input(&source), &srs, &sealed, &|_| {}).unwrap().1);
    });
    let found = bytes as f64 / 1e9 / took;
    let aim = |best: f64| AIM * best;
    report.rate("sealed, a package with its leaves and root", aim(best[0]), found, "GB/s");
    let key = secret.unwrap().key;
    let took = seconds(runs, cold, &[&opened], || {
        let folder = PackageFolder::read(&sealed).unwrap();
        let out = open(&folder, key, &srs, &opened, &Output::default(), &|_| {}).unwrap();
        assert!(out.warnings.is_empty());
    });
    let found = bytes as f64 / 1e9 / took;
    report.rate("verified and opened", aim(best[1]), found, "GB/s");
    assert!(same(&source, &opened.join("source")), "another file comes back");
    traffic(report, &sealed, bytes);
    fs::remove_dir_all(&sealed).unwrap();
    fs::remove_dir_all(&opened).unwrap();
    fs::remove_file(&source).unwrap();
}

fn same(one: &Path, other: &Path) -> bool {
    Command::new("cmp").arg("-s").arg(one).arg(other).status().unwrap().success()
}

/// Everything that a buyer fetches.
fn traffic(report: &mut Report, package: &Path, plaintext: u64) {
    let fetched: u64 = fs::read_dir(package)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(fs::Metadata::is_file)
        .map(|found| found.len())
        .sum();
    let ratio = fetched as f64 / plaintext as f64;
    report.at_most("traffic over plaintext, all files of the package", TRAFFIC, ratio, "times");
}

/// OpenSSL's cipher by itself, on one core and in its own memory.
fn openssl(report: &Report) {
    let speed = Command::new("openssl")
        .args(["speed", "-elapsed", "-seconds", "2", "-bytes", "262144", "-evp"])
        .arg("chacha20-poly1305")
        .output();
    let rate = speed.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        let last = text.lines().last()?.split_whitespace().last()?.strip_suffix('k')?.to_owned();
        last.parse::<f64>().ok()
    });
    match rate {
        Some(rate) => report.note(
            "OpenSSL's ChaCha20-Poly1305 in memory, a core",
            &format!("{} GB/s", short(rate / 1e6)),
        ),
        None => report.note("peer: openssl speed", "not installed"),
    }
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    let memory = folder("BENCH_MEMORY", PathBuf::from("/dev/shm"));
    let disk = folder("BENCH_DISK", std::env::temp_dir());
    let gib: u64 = std::env::var("BENCH_DISK_GIB").map_or(10, |text| text.parse().unwrap());
    for (place, size, runs, cold) in [(&memory, GIB, RUNS, false), (&disk, gib * GIB, 1, true)] {
        let text = format!("{} GiB in one file, in {}", size / GIB, place.display());
        let home = tempfile::Builder::new().prefix("galen-bench-").tempdir_in(place).unwrap();
        // The source, what is sealed and what is opened.
        if free(home.path()).is_some_and(|free| free < size / 10 * 31) {
            report.part(&format!("{text}: left out, there is no room for it three times"));
            continue;
        }
        let from = match (cold, cold && forget()) {
            (false, _) => "",
            (true, true) => ", read from the disk, until it is on the disk",
            (true, false) => ", until it is on the disk; the kernel may know the file",
        };
        report.part(&format!("{text}{from}"));
        openssl(report);
        whole_file(report, home.path(), size, runs, cold);
    }
    sale::measure(report);
}
