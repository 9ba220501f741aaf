//! What is packed can be opened, byte for byte.

use std::collections::BTreeMap;
use std::time::Instant;

use galen_market::layout::{BlockRows, Range, Role as LayoutRole, Values, Width};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::encode::{self, EncodeError, declared_range, decode_cell, encode};
use crate::ingest::{Options, read_file};
use crate::inspect::inspect;
use crate::manifest::ManifestError;
use crate::open::open;
use crate::opener::OpenError;
use crate::pack::{FileHash, FileInput, PackError};
use crate::schema::{DecimalStyle, Kind};

#[test]
fn three_blocks_with_a_class_over_a_border_come_back() {
    // The last class has rows from before row 1,016 to the end: it spans two borders.
    let packed = Packed::ward(2_500, 900);
    let folder = packed.read();
    let table = &folder.layout().tables()[0];
    assert_eq!(table.rows(), 2_500);
    assert_eq!(table.active.len(), 3);
    assert!(table.active[2] < 1_016, "the last block is partly filled");
    assert_eq!(folder.id(), packed.listing.id);
    let paths = open(&folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet)
        .unwrap()
        .files;
    assert_eq!(std::fs::read(&paths[0]).unwrap(), packed.csv);
    // Declared, not observed: glucose 0 to 60, ages to the next 1, 2, 5 or 10.
    let column = |name: &str| table.columns.iter().find(|c| c.name == name).unwrap();
    let range = Range { offset: 0, low: 0, high: 600 };
    assert_eq!(column("glucose").values, Values::Number { scale: 1, range });
    assert_eq!(column("glucose").width, Width::W2);
    let range = Range { offset: 0, low: 0, high: 100 };
    assert_eq!(column("age").values, Values::Number { scale: 0, range });
    assert_eq!(column("age").role, LayoutRole::QuasiIdentifier);
    let range = Range { offset: -500, low: -500, high: 500 };
    assert_eq!(column("delta").values, Values::Number { scale: 0, range });
    assert!(!packed.file("secret").exists());
    assert!(
        open(&folder, packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet).is_err(),
        "exists"
    );
}

#[test]
fn tables_and_files_come_back_together() {
    let home = tempfile::tempdir().unwrap();
    let big: Vec<u8> =
        (0..700_001u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(home.path().join("big"), &big).unwrap();
    std::fs::write(home.path().join("small"), b"x").unwrap();
    let file = |name: &str, path: &str| FileInput {
        name: name.to_owned(),
        path: path.to_owned(),
        source: home.path().join(name),
        mediatype: "application/octet-stream".to_owned(),
        description: String::new(),
        sha256: FileHash::Computed,
    };
    let (first, second) = (ward(300, 200), ward(100, 80));
    let mut tables = vec![encoded(&first), encoded(&second)];
    tables[1].resource.name = "ward-b".to_owned();
    tables[1].resource.path = "ward-b.csv".to_owned();
    let mut input = input(tables);
    input.files = vec![file("big", "scans/Big.bin"), file("small", "small")];
    let target = home.path().join("package");
    let (_, secret) = pack(input, &SRS, &target, &quiet).unwrap();
    let folder = PackageFolder::read(&target).unwrap();
    let out = home.path().join("out");
    let paths = open(&folder, secret.key, &SRS, &out, &Output::default(), &quiet).unwrap().files;
    let csv = |result: &Deidentified| crate::csv_out::to_bytes(&result.table);
    for (path, expected) in paths.iter().zip([csv(&first), csv(&second), big, b"x".to_vec()]) {
        assert_eq!(std::fs::read(path).unwrap(), expected, "{}", path.display());
    }
    assert_eq!(paths[2], out.join("scans/Big.bin"));
    // Other users of the machine bought nothing.
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&out), mode(&paths[0]), mode(&paths[2])), (0o700, 0o600, 0o600));
    // A package is for everybody to mirror.
    let plain = home.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    assert_eq!(mode(&target), mode(&plain));
}

#[test]
fn a_file_has_the_hash_that_is_asked_for_or_none() {
    let home = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..1_000_003u32).map(|i| (i % 251) as u8).collect();
    std::fs::write(home.path().join("scan"), &bytes).unwrap();
    let expected: [u8; 32] = Sha256::digest(&bytes).into();
    let packed = |name: &str, sha256: FileHash| {
        let mut input = input(Vec::new());
        input.files = vec![FileInput {
            name: "scan".to_owned(),
            path: "scan".to_owned(),
            source: home.path().join("scan"),
            mediatype: "application/octet-stream".to_owned(),
            description: String::new(),
            sha256,
        }];
        let target = home.path().join(name);
        let (_, secret) = pack(input, &SRS, &target, &quiet)?;
        let folder = PackageFolder::read(&target)?;
        let opened =
            open(&folder, secret.key, &SRS, &target.join("out"), &Output::default(), &quiet)
                .unwrap();
        assert!(opened.warnings.is_empty());
        assert!(std::fs::read(&opened.files[0]).unwrap() == bytes);
        Ok::<_, PackError>(folder.manifest().resources[0].hash.clone())
    };
    let stated = Some(format!("sha256:{}", hex::encode(expected)));
    assert_eq!(packed("none", FileHash::None).unwrap(), None);
    assert_eq!(packed("computed", FileHash::Computed).unwrap(), stated);
    assert_eq!(packed("known", FileHash::Known(expected)).unwrap(), stated);
    let refused = packed("other", FileHash::Known([7; 32])).unwrap_err();
    let PackError::OtherFile { path, found } = &refused else { panic!("{refused}") };
    assert_eq!((path, found), (&home.path().join("scan"), &hex::encode(expected)));
    assert!(!home.path().join("other").exists());
}

#[test]
fn packing_leaves_nothing_half_done() {
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("package");
    let mut bad = input(vec![encoded(&ward(100, 80))]);
    bad.manifest.title = String::new();
    assert!(matches!(
        pack(bad, &SRS, &target, &quiet),
        Err(PackError::Package(crate::package::PackageError::Manifest(
            ManifestError::Field { .. }
        )))
    ));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    std::fs::create_dir(&target).unwrap();
    let again = pack(input(vec![encoded(&ward(100, 80))]), &SRS, &target, &quiet);
    assert!(again.unwrap_err().to_string().contains("exists already"));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn identifying_and_person_columns_cannot_be_packed() {
    let result = ward(100, 80);
    let encode_as = |role| {
        let mut roles = roles();
        roles.0.insert("note".to_owned(), role);
        encode("t", "", &result.table, &roles, &BTreeMap::new(), &[100]).unwrap_err()
    };
    assert_eq!(encode_as(Role::Identifier), EncodeError::Identifying("note".to_owned()));
    assert_eq!(encode_as(Role::Person), EncodeError::Person("note".to_owned()));
    assert_eq!(encode_as(Role::Drop), EncodeError::NotDropped("note".to_owned()));
    let bounds = |low: &str, high: &str| {
        let bounds = Some((low.to_owned(), high.to_owned()));
        let notes = [("delta".to_owned(), ColumnNote { bounds, ..ColumnNote::default() })].into();
        encode("t", "", &result.table, &roles(), &notes, &[100])
    };
    assert!(matches!(bounds("-10", "10"), Err(EncodeError::OutOfBounds { .. })));
    assert!(matches!(bounds("10", "-10"), Err(EncodeError::Bounds { .. })));
    assert!(bounds("-500", "1000").is_ok());
    let notes = [("delt".to_owned(), ColumnNote::default())].into();
    let unknown = encode("t", "", &result.table, &roles(), &notes, &[100]).unwrap_err();
    assert!(unknown.to_string().contains("`delta`"), "{unknown}");
    let blocks = encode("t", "", &result.table, &roles(), &BTreeMap::new(), &[99]);
    assert!(matches!(blocks, Err(EncodeError::Blocks { expected: 100, found: 99 })));
}

/// The public randhie table at full block size.
#[test]
fn the_rand_table_comes_back_byte_for_byte() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let source = read_file(&data.join("randhie.csv.gz"), &Options::default()).unwrap();
    let roles = inspect(&source, &Roles::default()).unwrap().roles();
    let settings = Settings { roles: roles.clone(), ..Settings::default() };
    let result = deidentify(&source.table, &settings).unwrap();
    let table =
        encode_deidentified("randhie", "", &result, &roles, &BTreeMap::new(), BlockRows::Full)
            .unwrap();
    let home = tempfile::tempdir().unwrap();
    let input = PackInput {
        block_rows: BlockRows::Full,
        tables: vec![table],
        files: Vec::new(),
        manifest: manifest(),
    };
    LazyLock::force(&SRS);
    let begun = Instant::now();
    let target = home.path().join("package");
    let (listing, secret) = pack(input, &SRS, &target, &quiet).unwrap();
    eprintln!("packed in {:?}", begun.elapsed());
    let begun = Instant::now();
    let folder = PackageFolder::read(&target).unwrap();
    let paths =
        open(&folder, secret.key, &SRS, &home.path().join("out"), &Output::default(), &quiet)
            .unwrap()
            .files;
    eprintln!("opened in {:?}", begun.elapsed());
    let csv = crate::csv_out::to_bytes(&result.table);
    assert_eq!(std::fs::read(&paths[0]).unwrap(), csv);
    assert_eq!(folder.id(), listing.id);
    let done = folder.manifest().resources[0].deidentification.as_ref().unwrap();
    assert_eq!(done.persons, "one row a person");
    // Names of dropped columns may be cells of a table without names: only their number is public.
    let dropped = &result.report.dropped_columns;
    assert_eq!((done.dropped_columns as usize, dropped.is_empty()), (dropped.len(), false));
    let text = String::from_utf8(folder.manifest().to_bytes().unwrap()).unwrap();
    for name in dropped {
        assert!(!text.contains(&format!("\"{name}\"")), "{name}: {text}");
    }
}

#[test]
fn a_manifest_has_one_form() {
    let packed = Packed::ward(100, 80);
    let bytes = std::fs::read(packed.file("manifest.json")).unwrap();
    let manifest = Manifest::from_bytes(&bytes).unwrap();
    assert_eq!(manifest.to_bytes().unwrap(), bytes);
    let pretty = serde_json::to_vec_pretty(&manifest).unwrap();
    assert_eq!(Manifest::from_bytes(&pretty), Err(ManifestError::NotCanonical));
    let text = String::from_utf8(bytes.clone()).unwrap();
    for (from, to, field) in [
        ("MONDO:0005148", "MONDO:5148", "diseases"),
        ("\"DE\"", "\"de\"", "countries"),
        ("2020-12-31", "2019-12-31", "period"),
        ("ward.csv", "../a.csv", "resources.ward.path"),
        ("ward.csv", "ward\u{202e}vsc.gnp", "resources.ward.path"),
        ("ward.csv", "ward\u{61c}.csv", "resources.ward.path"),
        ("sha256:", "sha512:", "resources.ward.hash"),
    ] {
        let changed = text.replace(from, to);
        match Manifest::from_bytes(changed.as_bytes()) {
            Err(ManifestError::Field { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let more = text.replacen('{', "{\"aaa\":1,", 1);
    assert!(matches!(Manifest::from_bytes(more.as_bytes()), Err(ManifestError::Malformed(_))));
    assert!(matches!(
        Manifest::from_bytes(&vec![b' '; crate::manifest::MAX_MANIFEST_BYTES + 1]),
        Err(ManifestError::TooLong(_))
    ));
}

#[test]
fn a_wrong_key_opens_nothing() {
    let packed = Packed::ward(100, 80);
    let other = crate::seal::MasterKey::random();
    let refused = open(&packed.read(), other, &SRS, &packed.out(), &Output::default(), &quiet);
    assert!(matches!(refused, Err(OpenError::WrongKey)));
    assert!(!packed.out().exists());
    assert!(
        open(&packed.read(), packed.secret.key, &SRS, &packed.out(), &Output::default(), &quiet)
            .is_ok()
    );
}

fn cell_text() -> impl Strategy<Value = Vec<String>> {
    let rows = |one: BoxedStrategy<String>| {
        prop::collection::vec(prop_oneof![1 => Just(String::new()), 4 => one], 1..60)
    };
    prop_oneof![
        rows((-1i64 << 61..1i64 << 61).prop_map(|v| v.to_string()).boxed()),
        rows((-300i64..300).prop_map(|v| v.to_string()).boxed()),
        rows((0i64..99_999).prop_map(|v| format!("{}.{:02}", v / 100, v % 100)).boxed()),
        rows((-719_162i64..2_932_897).prop_map(|d| Kind::Date.render(d).unwrap()).boxed()),
        rows("[ -~é\n]{0,12}".boxed()),
    ]
}

proptest! {
    /// Every cell of every kind comes back letter for letter, and fits its column's width.
    #[test]
    fn cells_come_back(texts in cell_text()) {
        let table = Table {
            columns: vec![
                Column::from_cells("q", texts.iter().map(|_| "a")),
                Column::from_cells("x", texts.iter().map(String::as_str)),
            ],
        };
        let mut roles = Roles::default();
        roles.0.insert("q".to_owned(), Role::QuasiIdentifier);
        let rows = u32::try_from(texts.len()).unwrap();
        let encoded = encode::encode("t", "", &table, &roles, &BTreeMap::new(), &[rows]).unwrap();
        let column = &encoded.columns[1];
        let dictionary = match column.spec.values {
            Values::Code { dictionary } => encoded.dictionaries[dictionary as usize].clone(),
            _ => Vec::new(),
        };
        for (text, cell) in texts.iter().zip(&column.cells) {
            prop_assert!(*cell <= column.spec.width.max_cell());
            prop_assert_eq!(*cell == 0, text.is_empty());
            let back = decode_cell(&column.spec, &table.columns[1].kind, &dictionary, *cell);
            prop_assert_eq!(&back.unwrap(), text);
        }
    }

    /// Bounds hold all values and depend on no more than an order of magnitude.
    #[test]
    fn declared_bounds_are_coarse(values in prop::collection::vec(-(10i64.pow(18))..10i64.pow(18), 1..20)) {
        let range = declared_range(&Kind::Integer, values.iter().copied());
        prop_assert!(values.iter().all(|v| range.cell(*v).is_some()));
        for bound in [range.low.unsigned_abs(), range.high.unsigned_abs()] {
            let digits = bound.to_string();
            let first = digits.trim_end_matches('0');
            prop_assert!(["", "1", "2", "5"].contains(&first), "{}", bound);
        }
    }
}

#[test]
fn declared_days_are_centuries() {
    let day = |text: &str| Kind::Date.parse(text).unwrap();
    let range = declared_range(&Kind::Date, [day("1987-05-03"), day("2013-01-01")].into_iter());
    assert_eq!((range.low, range.high), (day("1900-01-01"), day("2099-12-31")));
    let range = declared_range(&Kind::Date, [day("0001-01-01"), day("9999-12-31")].into_iter());
    assert_eq!((range.low, range.high), (day("0001-01-01"), day("9999-12-31")));
    let style = DecimalStyle::Fixed;
    let range = declared_range(&Kind::Decimal { scale: 2, style }, std::iter::empty());
    assert_eq!((range.low, range.high), (0, 1));
}
