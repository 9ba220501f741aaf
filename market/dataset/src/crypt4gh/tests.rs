//! Crypt4GH files and keys, by the specification and by its reference client.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// Reads what `Writer` wrote, by the specification.
fn read(sealed: &[u8], reader: &SecretKey) -> Option<Vec<u8>> {
    let number = |at: usize| u32::from_le_bytes(sealed[at..at + 4].try_into().unwrap());
    assert_eq!(&sealed[..8], b"crypt4gh");
    assert_eq!(number(8), 1);
    let packets = number(12) as usize;
    let open = |key: &[u8], part: &[u8]| {
        let (nonce, rest) = part.split_at(12);
        let mut rest = rest.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
        let plain = cipher(key).unwrap().open_in_place(nonce, Aad::empty(), &mut rest).ok()?;
        Some(plain.to_vec())
    };
    let data_key = (0..packets).find_map(|i| {
        let packet = &sealed[16 + i * 108..16 + (i + 1) * 108];
        assert_eq!(packet[..8], [108, 0, 0, 0, 0, 0, 0, 0]);
        let writer: [u8; 32] = packet[8..40].try_into().unwrap();
        let key = reader.shared(&writer);
        let payload = open(&key, &packet[40..])?;
        assert_eq!(payload[..8], [0; 8]);
        Some(payload[8..].to_vec())
    })?;
    let mut plain = Vec::new();
    for part in sealed[16 + packets * 108..].chunks(SEGMENT_BYTES + 28) {
        plain.extend(open(&data_key, part)?);
    }
    Some(plain)
}

#[test]
fn every_reader_reads_it_and_nobody_else() {
    let keys = [SecretKey::random(), SecretKey::random()];
    let readers = [keys[0].public(), keys[1].public()];
    let full = BATCH * SEGMENT_BYTES;
    for length in [0, 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, full - 1, full, 2 * full + 5] {
        let plain: Vec<u8> = (0..length).map(|i| ((i * 31) >> 3) as u8).collect();
        let mut writer = Writer::new(Vec::new(), &readers).unwrap();
        for part in plain.chunks(100_003) {
            writer.write_all(part).unwrap();
            writer.flush().unwrap();
        }
        let sealed = writer.finish().unwrap();
        assert_eq!(sealed.len() as u64, sealed_bytes(length as u64, 2));
        for key in &keys {
            assert!(read(&sealed, key).unwrap() == plain, "{length}");
        }
        assert!(read(&sealed, &SecretKey::random()).is_none());
    }
    assert!(Writer::new(Vec::new(), &[]).is_err());
}

fn client(arguments: &[&str]) -> String {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    let script = "../../tests/python/crypt4gh_files.py";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let run = Command::new(python).arg(script).args(arguments).output().unwrap();
    let err = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{arguments:?}: {err}");
    String::from_utf8(run.stdout).unwrap()
}

const PASSWORD: &str = "päss word";

fn password() -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(PASSWORD.to_owned()))
}

#[test]
fn the_reference_client_reads_what_is_written_and_the_reverse() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    client(&["keys", &path(""), PASSWORD]);
    let theirs = PublicKey::from_file(&std::fs::read(path("theirs.pub")).unwrap()).unwrap();
    let bare = PublicKey::from_file(&std::fs::read(path("bare.pub")).unwrap()).unwrap();
    let ours = SecretKey::random();
    std::fs::write(path("ours.sec"), ours.to_file(PASSWORD).unwrap().as_bytes()).unwrap();
    std::fs::write(path("ours.pub"), ours.public().to_file()).unwrap();
    for length in [0, 70_000, BATCH * SEGMENT_BYTES + 9] {
        let plain: Vec<u8> = (0..length).map(|i| ((i * 7) >> 2) as u8).collect();
        let mut writer = Writer::new(Vec::new(), &[ours.public(), theirs, bare]).unwrap();
        writer.write_all(&plain).unwrap();
        std::fs::write(path("sealed"), writer.finish().unwrap()).unwrap();
        for key in ["theirs.sec", "bare.sec", "ours.sec"] {
            client(&["decrypt", &path(key), PASSWORD, &path("sealed"), &path("opened")]);
            assert!(std::fs::read(path("opened")).unwrap() == plain, "{key} {length}");
        }
        std::fs::write(path("plain"), &plain).unwrap();
        client(&["encrypt", &path("ours.pub"), &path("plain"), &path("from-them")]);
        assert!(read(&std::fs::read(path("from-them")).unwrap(), &ours).unwrap() == plain);
    }
    // Keys: theirs read here, ours read there.
    for name in ["theirs", "bare"] {
        let file = std::fs::read(path(&format!("{name}.sec"))).unwrap();
        let key = SecretKey::from_file(&file, password).unwrap();
        assert_eq!(
            key.public(),
            PublicKey::from_file(&std::fs::read(path(&format!("{name}.pub"))).unwrap()).unwrap()
        );
    }
    let public = client(&["public", &path("ours.sec"), PASSWORD]);
    assert_eq!(public.trim(), hex::encode(ours.public().to_bytes()));
}

#[test]
fn adversary_60_a_key_file_that_was_cut_or_changed_is_refused_before_any_work() {
    use base64::Engine;
    let standard = base64::engine::general_purpose::STANDARD;
    let key = SecretKey::random();
    let file = key.to_file(PASSWORD).unwrap();
    let good = SecretKey::from_file(file.as_bytes(), password).unwrap();
    assert_eq!(good.public(), key.public(), "the twin");
    assert_eq!(SecretKey::from_file(file.as_bytes(), || None).unwrap_err(), KeyFileError::Locked);
    let wrong = || Some(Zeroizing::new("another".to_owned()));
    assert_eq!(SecretKey::from_file(file.as_bytes(), wrong).unwrap_err(), KeyFileError::Password);
    let body = standard.decode(file.lines().nth(1).unwrap()).unwrap();
    let framed = |body: &[u8]| {
        let text = standard.encode(body);
        format!(
            "-----BEGIN CRYPT4GH PRIVATE KEY-----\n{text}\n-----END CRYPT4GH PRIVATE KEY-----\n"
        )
    };
    // Cut anywhere, it is refused without a password being asked for.
    for cut in 0..body.len() {
        let refused = SecretKey::from_file(framed(&body[..cut]).as_bytes(), || panic!("asked"));
        assert!(refused.is_err(), "{cut}");
    }
    // One bit changed in the nonce, the key or its MAC.
    for at in body.len() - 60..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        if at % 12 == 0 {
            let refused = SecretKey::from_file(framed(&changed).as_bytes(), password);
            assert_eq!(refused.unwrap_err(), KeyFileError::Password, "{at}");
        }
    }
    // A derivation that would take as many rounds as the file states.
    let mut absurd = b"c4gh-v1\0\x06bcrypt\0\x14\xff\xff\xff\xff".to_vec();
    absurd.extend_from_slice(&[7; 16]);
    absurd.extend_from_slice(&body[body.len() - 62 - 19..]);
    let refused = SecretKey::from_file(framed(&absurd).as_bytes(), || panic!("asked"));
    assert_eq!(refused.unwrap_err(), KeyFileError::Derivation("bcrypt".to_owned()));
    let long = vec![b'x'; 20 << 10];
    assert_eq!(SecretKey::from_file(&long, || None).unwrap_err(), KeyFileError::TooLong);
    let public = key.public().to_file();
    assert!(matches!(
        SecretKey::from_file(public.as_bytes(), || None),
        Err(KeyFileError::OtherHalf { found: "public", .. })
    ));
    assert!(matches!(
        PublicKey::from_file(file.as_bytes()),
        Err(KeyFileError::OtherHalf { found: "private", .. })
    ));
    for bad in
        [&b""[..], b"ssh-ed25519 AAAA x", b"-----BEGIN CRYPT4GH PUBLIC KEY-----\nAAAA", b"\xff"]
    {
        assert!(PublicKey::from_file(bad).is_err());
    }
    assert!(!format!("{key:?}").contains(&hex::encode(key.public().to_bytes())));
}

/// With such a key every shared secret is zero, and everybody could read the file.
#[test]
fn adversary_24_a_recipient_of_low_order_is_refused() {
    let order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    for point in ["00".repeat(32), format!("01{}", "00".repeat(31)), order_8.to_owned()] {
        let bytes: [u8; 32] = hex::decode(point).unwrap().try_into().unwrap();
        assert_eq!(PublicKey::from_bytes(bytes), Err(KeyFileError::LowOrder));
    }
    assert!(PublicKey::from_bytes(SecretKey::random().public().to_bytes()).is_ok(), "the twin");
}
