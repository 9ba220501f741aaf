//! Ceremonies with the public tools, on small powers of tau that are made once and kept in their cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ark_bn254::{Fq, G1Affine, G2Affine};
use ark_ff::BigInteger;
use galen_zk::ceremony::folder::Circuit;
use galen_zk::ceremony::phase1::PowersFile;
use galen_zk::ceremony::r1cs::Constraints;
use galen_zk::statement::Statement;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::node;

/// Logarithm of the largest domain of the tests.
pub const POWER: u32 = 10;

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn snarkjs<I: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = I>,
) -> (bool, String) {
    let cli = node::tools().join("snarkjs/node_modules/snarkjs/build/cli.cjs");
    node::run(Command::new("node").arg(cli).args(arguments))
}

pub fn done<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> String {
    let (ok, text) = snarkjs(arguments);
    assert!(ok, "{text}");
    text
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Powers of tau: a contribution and a final random value, prepared for phase 2. Kept in the cache.
pub fn powers_path() -> &'static Path {
    static POWERS: OnceLock<PathBuf> = OnceLock::new();
    POWERS.get_or_init(|| {
        let kept = node::tools().join(format!("powers-{POWER}.ptau"));
        if kept.exists() {
            return kept;
        }
        let folder = tempfile::tempdir_in(node::tools()).unwrap();
        let [new, one, last, ready] =
            ["new", "one", "last", "ready"].map(|name| folder.path().join(name));
        done(["powersoftau", "new", "bn128", &POWER.to_string(), text(&new)]);
        done(["powersoftau", "contribute", text(&new), text(&one), "--name=one", "-e=chance"]);
        let value = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
        done(["powersoftau", "beacon", text(&one), text(&last), value, "10", "-n=last"]);
        done(["powersoftau", "prepare", "phase2", text(&last), text(&ready)]);
        fs::rename(ready, &kept).unwrap();
        kept
    })
}

pub fn powers() -> PowersFile<File> {
    PowersFile::open(File::open(powers_path()).unwrap()).unwrap()
}

pub fn circuit<S: Statement>(name: &str, statement: &S) -> Circuit {
    let committed = statement.committed(&statement.example().1).len();
    Circuit { name: name.to_owned(), constraints: Constraints::of(statement).unwrap(), committed }
}

pub fn export(circuit: &Circuit, path: &Path) {
    circuit.constraints.write(&mut File::create(path).unwrap()).unwrap();
}

/// A phase 2: constraints exported, one contribution and a final random value. Returns the exported
/// constraints, the key before any contribution, and the last one.
pub fn phase_2(circuit: &Circuit, folder: &Path) -> [PathBuf; 3] {
    let [r1cs, first, one, last] =
        ["c.r1cs", "0.zkey", "1.zkey", "2.zkey"].map(|name| folder.join(name));
    export(circuit, &r1cs);
    done(["groth16", "setup", text(&r1cs), text(powers_path()), text(&first)]);
    done(["zkey", "contribute", text(&first), text(&one), "--name=one", "-e=chance"]);
    done(["zkey", "beacon", text(&one), text(&last), "0a0b0c0d0e0f", "10", "-n=last"]);
    [r1cs, first, last]
}

pub fn snarkjs_accepts(r1cs: &Path, key: &Path) -> bool {
    let (ok, said) = snarkjs(["zkey", "verify", text(r1cs), text(powers_path()), text(key)]);
    ok && said.contains("ZKey Ok!")
}

/// Where the sections of a file of the public tools begin, by number, with their lengths.
pub fn sections(bytes: &[u8]) -> std::collections::BTreeMap<u32, (usize, usize)> {
    let mut at = 12;
    let mut found = std::collections::BTreeMap::new();
    while at < bytes.len() {
        let kind = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let size = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        found.insert(kind, (at + 12, size));
        at += 12 + size;
    }
    found
}

/// Two different points of a section trade places: valid points, of the wrong variables.
pub fn swapped(bytes: &[u8], section: u32, size: usize) -> Vec<u8> {
    let (start, length) = sections(bytes)[&section];
    let mut other = bytes.to_vec();
    let points: Vec<&[u8]> = bytes[start..start + length].chunks(size).collect();
    let zero = vec![0; size];
    let first = points.iter().position(|point| *point != zero).unwrap();
    let second = points.iter().rposition(|p| *p != zero && *p != points[first]).unwrap();
    other[start + first * size..][..size].copy_from_slice(points[second]);
    other[start + second * size..][..size].copy_from_slice(points[first]);
    other
}

/// A number as the public tools' files hold it.
pub fn montgomery(value: &Fq) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&value.0.to_bytes_le());
    bytes
}

pub fn montgomery_1(point: &G1Affine) -> Vec<u8> {
    [montgomery(&point.x), montgomery(&point.y)].concat()
}

pub fn montgomery_2(point: &G2Affine) -> Vec<u8> {
    [point.x.c0, point.x.c1, point.y.c0, point.y.c1].iter().flat_map(montgomery).collect()
}
