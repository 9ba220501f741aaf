//! Bundles of a package: made, resumed, counted, verified, refused.

use std::sync::atomic::{AtomicU32, Ordering};

use galen_market::id::AccountId;
use galen_market::listing::{ClaimError, TableClaims};
use galen_zk::keys::{Prover, Step};

use super::*;
use crate::attempts::{AttemptError, AttemptLog, MAX_OPENINGS};
use crate::opener::OpenError;
use crate::pack::{FileHash, FileInput, PackError};
use crate::package::PackageError;
use crate::property::Lack;
use crate::prove::{Place, ProofStep, ProvingError, Work, prove};
use crate::verify::{Claimed, VerifyError, verify};

pub(super) fn prover() -> Prover {
    // The cache that people use: keys come from a public seed, and are checked against their
    // pinned hash when they are read.
    let home = std::env::var_os("GALEN_PARAMS").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/galen/params")
    });
    Prover::development(home).unwrap()
}

fn claimed(packed: &Packed, k: u32) -> Claimed {
    Claimed {
        package: packed.listing.id,
        institution: AccountId([9; 32]),
        claims: vec![TableClaims::of_k(k)],
    }
}

/// Where a package's bundles and their private sides are.
fn place(packed: &Packed) -> Place {
    Place::of_package(&packed.read(), &packed.home.path().join("shares"))
}

fn work<'a>(
    packed: &'a Packed,
    folder: &'a PackageFolder,
    claimed: &'a Claimed,
    prover: &'a Prover,
) -> Work<'a> {
    Work { folder, secret: &packed.secret, claimed, prover }
}

/// Proves all blocks, two at a time, and counts how many it had to.
fn run(packed: &Packed, claimed: &Claimed, prover: &Prover) -> Result<u32, ProvingError> {
    let log = packed.home.path().join("openings");
    let mut attempts = AttemptLog::open(&log, packed.listing.id.0).unwrap();
    let folder = packed.read();
    let blocks = 0..folder.layout().blocks().count() as u64;
    let proven = AtomicU32::new(0);
    let count = |step: ProofStep| {
        if step.step == Step::Openings {
            proven.fetch_add(1, Ordering::Relaxed);
        }
    };
    let work = work(packed, &folder, claimed, prover);
    prove(&work, blocks, &place(packed), &mut attempts, 2, &count)?;
    Ok(proven.into_inner())
}

#[test]
fn three_blocks_are_proven_resumed_and_verified() {
    let prover = prover();
    let packed = Packed::ward(2_500, 900);
    let claimed = claimed(&packed, 5);
    let check = || verify(&packed.read(), &claimed, prover.verifier(), &quiet);
    assert!(matches!(check(), Err(VerifyError::NoProof { table: 0, block: 0, .. })));
    assert_eq!(run(&packed, &claimed, &prover).unwrap(), 3);
    check().unwrap();
    // A run that was killed before the last bundle got its name goes on with that one alone.
    std::fs::remove_file(packed.read().proof_path(0, 2)).unwrap();
    assert!(matches!(check(), Err(VerifyError::NoProof { block: 2, .. })));
    assert_eq!(run(&packed, &claimed, &prover).unwrap(), 1);
    check().unwrap();
    assert_eq!(run(&packed, &claimed, &prover).unwrap(), 0);
    let log = packed.home.path().join("openings");
    let attempts = AttemptLog::open(&log, packed.listing.id.0).unwrap();
    assert_eq!([0, 1, 2].map(|block| attempts.spent(0, block)), [1, 1, 2]);
    drop(attempts);

    // Tampered proofs, each with its own error.
    let path = packed.read().proof_path(0, 1);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(matches!(check(), Err(VerifyError::Malformed { table: 0, block: 1, .. })));
    std::fs::copy(packed.read().proof_path(0, 0), &path).unwrap();
    assert!(matches!(check(), Err(VerifyError::Proof { table: 0, block: 1, .. })));
    std::fs::write(&path, &good).unwrap();
    check().unwrap();
    let other = Claimed { institution: AccountId([8; 32]), ..claimed.clone() };
    let refused = verify(&packed.read(), &other, prover.verifier(), &quiet);
    assert!(matches!(refused, Err(VerifyError::Proof { table: 0, block: 0, .. })));
    let more = Claimed { claims: vec![TableClaims::of_k(6)], ..claimed.clone() };
    let refused = verify(&packed.read(), &more, prover.verifier(), &quiet);
    assert!(matches!(refused, Err(VerifyError::Proof { table: 0, block: 0, .. })));
}

#[test]
fn a_property_that_does_not_hold_is_refused_before_proving() {
    let prover = prover();
    let packed = Packed::ward(300, 200);
    let error = run(&packed, &claimed(&packed, 60), &prover).unwrap_err();
    let ProvingError::Property { offence, sentence, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(offence.what, Lack::Rows { k: 60 });
    assert!(offence.rows < 60 && sentence.contains("age = ") && sentence.contains("sex = "));
    // The rows named are those of the packed table.
    let text = String::from_utf8(packed.csv.clone()).unwrap();
    let mut records = csv_rows(&text);
    let named: Vec<_> = records.drain(offence.from..offence.from + offence.rows).collect();
    let age = sentence.split("age = ").nth(1).unwrap().split(',').next().unwrap();
    assert!(named.iter().all(|row| row.split(',').next() == Some(age)), "{error}");
    let rows = format!("rows {} to {}", offence.from + 1, offence.from + offence.rows);
    assert!(sentence.contains(&rows), "{error}");
    let log = packed.home.path().join("openings");
    assert_eq!(AttemptLog::open(&log, packed.listing.id.0).unwrap().spent(0, 0), 0);
    assert!(matches!(
        run(&packed, &claimed(&packed, 1_000), &prover),
        Err(ProvingError::Claims(ClaimError::Layout(_)))
    ));
}

/// Records of the ward's CSV without the header; its notes hold quoted line ends.
fn csv_rows(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut quoted = false;
    let mut row = String::new();
    for c in text.chars() {
        quoted ^= c == '"';
        if c == '\n' && !quoted {
            rows.push(std::mem::take(&mut row));
        } else {
            row.push(c);
        }
    }
    rows.remove(0);
    rows
}

#[test]
fn adversary_59_a_package_changed_between_commitment_and_proof_is_refused() {
    let prover = prover();
    let packed = Packed::ward(300, 200);
    let claimed = claimed(&packed, 5);
    let at = usize::try_from(packed.read().offsets().range(1).unwrap().start).unwrap() + 40;
    flip(&packed.file("segments"), at);
    assert!(matches!(
        run(&packed, &claimed, &prover),
        Err(ProvingError::Open(OpenError::Package(PackageError::Ciphertext { segment: 1 })))
    ));
    assert_eq!(std::fs::read_dir(packed.file("proofs")).unwrap().count(), 0);
    flip(&packed.file("segments"), at);
    assert_eq!(run(&packed, &claimed, &prover).unwrap(), 1);
}

#[test]
fn adversary_59_a_file_changed_while_it_is_packed_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("scan");
    // One segment more than is read at once, so that the change falls between two reads.
    let length = (64 * 256 * 1024) + 10;
    let target = home.path().join("package");
    let pack_with = |meanwhile: &(dyn Fn() + Sync)| {
        std::fs::write(&source, vec![7u8; length]).unwrap();
        let mut input = input(Vec::new());
        input.files = vec![FileInput {
            name: "scan".to_owned(),
            path: "scan".to_owned(),
            source: source.clone(),
            mediatype: "application/octet-stream".to_owned(),
            description: String::new(),
            sha256: FileHash::None,
        }];
        pack(input, &SRS, &target, &|progress| {
            if progress.done == 1 {
                meanwhile();
            }
        })
    };
    let resize = |to: u64| {
        std::fs::OpenOptions::new().write(true).open(&source).unwrap().set_len(to).unwrap();
    };
    for to in [length as u64 - 1, length as u64 + 1] {
        let refused = pack_with(&|| resize(to)).unwrap_err();
        assert!(matches!(&refused, PackError::Changed(path) if *path == source), "{refused}");
        assert!(!target.exists());
    }
    pack_with(&|| {}).unwrap();
}

#[test]
fn an_eighth_opening_is_refused() {
    let prover = prover();
    let packed = Packed::ward(300, 200);
    let claimed = claimed(&packed, 5);
    let log = packed.home.path().join("openings");
    let mut attempts = AttemptLog::open(&log, packed.listing.id.0).unwrap();
    for _ in 1..MAX_OPENINGS {
        attempts.spend(0, 0).unwrap();
    }
    drop(attempts);
    assert_eq!(run(&packed, &claimed, &prover).unwrap(), 1);
    std::fs::remove_file(packed.read().proof_path(0, 0)).unwrap();
    assert!(matches!(
        run(&packed, &claimed, &prover),
        Err(ProvingError::Attempts(AttemptError::Exhausted { table: 0, block: 0 }))
    ));
}

#[test]
fn a_secret_of_another_package_is_refused() {
    let prover = prover();
    let (packed, other) = (Packed::ward(100, 80), Packed::ward(100, 80));
    let log = packed.home.path().join("openings");
    let mut attempts = AttemptLog::open(&log, packed.listing.id.0).unwrap();
    let claimed = claimed(&packed, 5);
    let folder = packed.read();
    let mut refused = |secret: &PackageSecret| {
        let work = Work { secret, ..work(&packed, &folder, &claimed, &prover) };
        prove(&work, 0..1, &place(&packed), &mut attempts, 1, &|_| {}).unwrap_err()
    };
    assert!(matches!(refused(&other.secret), ProvingError::OtherSecret));
    let wrong = PackageSecret { key: other.secret.key, ..packed.secret };
    assert!(matches!(refused(&wrong), ProvingError::Open(OpenError::WrongKey)));
}
