//! Attacks on the keystore file, each beside the case without the attack.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use super::*;
use crate::wallet::file::{Step, replace_with};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

fn sealed() -> (Seed, Keystore) {
    let seed = Seed::generate();
    let store = Keystore::seal(&seed, &password("correct horse"), CHEAP).unwrap();
    (seed, store)
}

/// Recomputes the checksum, as a forger would.
fn forge(store: &Keystore, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = store.bytes()[..store.bytes().len() - CHECKSUM_BYTES].to_vec();
    change(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

#[test]
fn what_was_sealed_opens_with_its_password_alone() {
    let (seed, store) = sealed();
    let read = Keystore::decode(store.bytes().to_vec()).unwrap();
    assert_eq!(read.open(&password("correct horse")).unwrap(), seed);
    assert!(matches!(read.open(&password("correct horsf")), Err(KeystoreError::WrongPassword)));
    assert!(matches!(read.open(&password("")), Err(KeystoreError::WrongPassword)));
    let again = Keystore::seal(&seed, &password("correct horse"), CHEAP).unwrap();
    assert_ne!(again, store, "salt and nonce are fresh");
    let short = Seed::from_entropy(&[7; 16]).unwrap();
    let store = Keystore::seal(&short, &password("correct horse"), CHEAP).unwrap();
    assert_eq!(
        Keystore::decode(store.bytes().to_vec()).unwrap().open(&password("correct horse")).unwrap(),
        short
    );
}

#[test]
fn the_standard_cost_works() {
    let seed = Seed::generate();
    let store = Keystore::seal(&seed, &password("correct horse"), Cost::STANDARD).unwrap();
    assert_eq!(store.cost(), Cost::STANDARD);
    assert_eq!(store.open(&password("correct horse")).unwrap(), seed);
}

#[test]
fn adversary_60_truncated_at_every_byte() {
    let (_, store) = sealed();
    for length in 0..store.bytes().len() {
        match Keystore::decode(store.bytes()[..length].to_vec()) {
            Err(KeystoreError::Damaged) if length > 0 => {}
            Err(KeystoreError::Foreign) if length == 0 => {}
            other => panic!("{length} bytes gave {other:?}"),
        }
    }
    let mut longer = store.bytes().to_vec();
    longer.push(0);
    assert!(matches!(Keystore::decode(longer), Err(KeystoreError::Damaged)));
    assert!(Keystore::decode(store.bytes().to_vec()).is_ok());
}

#[test]
fn adversary_60_flipped_at_every_bit() {
    let (seed, store) = sealed();
    for bit in 0..store.bytes().len() * 8 {
        let mut bytes = store.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Keystore::decode(bytes) {
            Err(KeystoreError::Foreign) if bit < 64 => {}
            Err(KeystoreError::Damaged) if bit >= 64 => {}
            other => panic!("bit {bit} gave {other:?}"),
        }
    }
    assert_eq!(store.open(&password("correct horse")).unwrap(), seed);
}

#[test]
fn adversary_60_forged_fields_behind_a_right_checksum() {
    let (seed, store) = sealed();
    assert!(matches!(
        Keystore::decode(forge(&store, |b| b[8] = 2)),
        Err(KeystoreError::Version(2))
    ));
    assert!(matches!(Keystore::decode(forge(&store, |b| b[9] = 0)), Err(KeystoreError::Damaged)));
    assert!(matches!(Keystore::decode(forge(&store, |b| b[50] ^= 1)), Err(KeystoreError::Damaged)));
    assert!(matches!(Keystore::decode(forge(&store, |b| b.push(0))), Err(KeystoreError::Damaged)));
    // Everything in the head is authenticated, so a forged salt, nonce or cost opens nothing.
    for at in [14, 22, 38, HEAD_BYTES] {
        let forged = Keystore::decode(forge(&store, |b| b[at] ^= 2)).unwrap();
        assert!(
            matches!(forged.open(&password("correct horse")), Err(KeystoreError::WrongPassword)),
            "{at}"
        );
    }
    let same = Keystore::decode(forge(&store, |_| {})).unwrap();
    assert_eq!(same.open(&password("correct horse")).unwrap(), seed);
}

#[test]
fn adversary_60_absurd_cost_is_refused_before_any_work() {
    let (seed, store) = sealed();
    let absurd = [
        Cost { memory_kib: u32::MAX, passes: 1, lanes: 1 },
        Cost { memory_kib: 8, passes: u32::MAX, lanes: 1 },
        Cost { memory_kib: Cost::MAX_MEMORY_KIB, passes: 5, lanes: 1 },
        Cost { memory_kib: 1 << 20, passes: 1, lanes: 1 << 24 },
        Cost { memory_kib: 8, passes: 0, lanes: 1 },
        Cost { memory_kib: 0, passes: 1, lanes: 1 },
        Cost { memory_kib: 8, passes: 1, lanes: 0 },
    ];
    for cost in absurd {
        let bytes = forge(&store, |b| {
            b[10..14].copy_from_slice(&cost.memory_kib.to_le_bytes());
            b[14..18].copy_from_slice(&cost.passes.to_le_bytes());
            b[18..22].copy_from_slice(&cost.lanes.to_le_bytes());
        });
        let started = Instant::now();
        match Keystore::decode(bytes) {
            Err(KeystoreError::Cost(named)) => assert_eq!(named, cost),
            other => panic!("{cost:?} gave {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_millis(100));
        assert!(matches!(
            Keystore::seal(&seed, &password("correct horse"), cost),
            Err(KeystoreError::Cost(_))
        ));
    }
    assert!(Keystore::decode(store.bytes().to_vec()).is_ok());
}

#[test]
fn adversary_60_another_file_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys").join("keystore");
    assert!(matches!(Keystore::read(&path), Err(KeystoreError::Missing(_))));
    let (seed, store) = sealed();
    store.create(&path).unwrap();
    assert!(matches!(store.create(&path), Err(KeystoreError::Exists(_))));
    assert_eq!(Keystore::unlock(&path, &password("correct horse")).unwrap().seed(), &seed);
    std::fs::write(&path, vec![b'x'; 10_000_000]).unwrap();
    assert!(matches!(Keystore::read(&path), Err(KeystoreError::Foreign)));
    assert!(matches!(Keystore::read(directory.path()), Err(KeystoreError::Io { .. })));
}

#[test]
fn adversary_61_cut_short_at_every_step_leaves_old_or_new() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keystore");
    let (seed, old) = sealed();
    let new = Keystore::seal(&seed, &password("another password"), CHEAP).unwrap();
    for cut in [Step::Created, Step::Written, Step::Synced, Step::Named] {
        std::fs::write(&path, old.bytes()).unwrap();
        let stopped = replace_with(&path, new.bytes(), &mut |step| {
            if step == cut { Err(io::Error::other("killed")) } else { Ok(()) }
        });
        assert_eq!(stopped.unwrap_err().to_string(), "killed");
        let found = Keystore::read(&path).unwrap();
        assert_eq!(found, if cut == Step::Named { new.clone() } else { old.clone() }, "{cut:?}");
    }
    std::fs::write(&path, old.bytes()).unwrap();
    new.replace(&path).unwrap();
    assert_eq!(Keystore::unlock(&path, &password("another password")).unwrap().seed(), &seed);
}

/// Does nothing unless the test below starts it as a process of its own.
#[test]
fn adversary_61_victim() {
    let Some(path) = std::env::var_os("GALEN_TEST_REWRITE") else { return };
    let seed = Seed::from_entropy(&[9; 32]).unwrap();
    loop {
        for text in ["correct horse", "another password"] {
            Keystore::seal(&seed, &password(text), CHEAP)
                .unwrap()
                .replace(Path::new(&path))
                .unwrap();
        }
    }
}

#[test]
fn adversary_61_kill_during_re_encryption() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keystore");
    let seed = Seed::from_entropy(&[9; 32]).unwrap();
    let first = Keystore::seal(&seed, &password("correct horse"), CHEAP).unwrap();
    first.create(&path).unwrap();
    let mut rewritten = 0;
    for round in 0..12 {
        let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "wallet::keystore::tests::adversary_61_victim", "--nocapture"])
            .env("GALEN_TEST_REWRITE", &path)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(40 + round * 7));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let found = Keystore::read(&path).unwrap();
        let opened = ["correct horse", "another password"]
            .iter()
            .filter_map(|text| found.open(&password(text)).ok());
        assert_eq!(opened.collect::<Vec<_>>(), std::slice::from_ref(&seed));
        rewritten += usize::from(found != first);
    }
    assert!(rewritten > 0, "no kill fell into a rewrite");
}
