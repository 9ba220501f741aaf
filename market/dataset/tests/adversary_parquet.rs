//! Parquet files: read as a CSV of the same table is read, and those made to break a reader refused.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, UInt8Builder};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use galen_dataset::ingest::{IngestError, Ingested, Limits, Options, Places, read_file};
use galen_dataset::schema::{Column, DecimalStyle, Kind, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn zstd() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build()
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("t.parquet")
    }

    fn read(&self) -> Result<Ingested, IngestError> {
        read_file(&self.path(), &Options::default())
    }

    fn take(&self, columns: Vec<(&str, ArrayRef)>) -> Result<Ingested, IngestError> {
        write(&self.path(), columns, zstd());
        self.read()
    }
}

fn array(array: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn one(array: ArrayRef) -> Result<Column, IngestError> {
    Home::new().take(vec![("x", array)]).map(|found| found.table.columns[0].clone())
}

fn cells(array: ArrayRef) -> Vec<String> {
    let column = one(array).unwrap();
    (0..column.codes.len()).map(|row| column.cell(row).to_owned()).collect()
}

#[test]
fn every_type_becomes_the_text_that_csv_has() {
    assert_eq!(
        cells(array(Int64Array::from(vec![Some(-5), None, Some(i64::MAX)]))),
        ["-5", "", "9223372036854775807"]
    );
    assert_eq!(cells(array(UInt64Array::from(vec![u64::MAX]))), ["18446744073709551615"]);
    assert_eq!(cells(array(Int8Array::from(vec![-128]))), ["-128"]);
    assert_eq!(
        cells(array(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ["true", "false", ""]
    );
    assert_eq!(cells(array(Float64Array::from(vec![5.0, 1.25, 0.1]))), ["5.0", "1.25", "0.1"]);
    assert_eq!(cells(array(Float32Array::from(vec![0.1, 3.0]))), ["0.1", "3.0"]);
    let decimal = Decimal128Array::from(vec![Some(1_050), Some(-5), None]);
    assert_eq!(
        cells(array(decimal.with_precision_and_scale(10, 2).unwrap())),
        ["10.50", "-0.05", ""]
    );
    assert_eq!(cells(array(Date32Array::from(vec![0, 19_782]))), ["1970-01-01", "2024-02-29"]);
    let moments = vec![1_709_164_800_000_000, 1_709_210_700_500_000];
    assert_eq!(
        cells(array(TimestampMicrosecondArray::from(moments.clone()))),
        ["2024-02-29T00:00:00", "2024-02-29T12:45:00.5"]
    );
    assert_eq!(
        cells(array(TimestampMicrosecondArray::from(moments).with_timezone("Europe/Berlin"))),
        ["2024-02-29T00:00:00Z", "2024-02-29T12:45:00.5Z"]
    );
    // A column of days that a program without a type for days wrote.
    let days = TimestampNanosecondArray::from(vec![Some(1_709_164_800_000_000_000), None]);
    let column = one(array(days)).unwrap();
    assert_eq!((column.kind, column.cell(0)), (Kind::Date, "2024-02-29"));
    assert_eq!(
        cells(array(Time64MicrosecondArray::from(vec![45_900_000_001]))),
        ["12:45:00.000001"]
    );
    assert_eq!(cells(array(StringArray::from(vec![Some("a"), Some(""), None]))), ["a", "", ""]);
    assert_eq!(cells(array(Int64Array::from(vec![None, None]))), ["", ""]);
}

/// The same table as CSV and as Parquet, however it is compressed and encoded.
#[test]
fn csv_and_parquet_of_one_table_are_one_table() {
    let home = Home::new();
    let rows = 20_000i64;
    let columns = || {
        vec![
            ("age", array(Int64Array::from_iter((0..rows).map(|r| (r % 7 > 0).then_some(r % 90))))),
            (
                "bmi",
                array(Float64Array::from_iter(
                    (0..rows).map(|r| (r % 5 > 0).then_some(r as f64 / 8.0)),
                )),
            ),
            ("day", array(Date32Array::from_iter((0..rows).map(|r| Some(r as i32 % 3_000))))),
            (
                "site",
                array(StringArray::from_iter(
                    (0..rows).map(|r| (r % 3 > 0).then(|| format!("site {}", r % 12))),
                )),
            ),
            (
                "note",
                array(StringArray::from_iter((0..rows).map(|r| Some(format!("\"{r}\", é\n"))))),
            ),
        ]
    };
    let mut csv = "age,bmi,day,site,note\n".to_owned();
    for r in 0..rows {
        let age = if r % 7 > 0 { (r % 90).to_string() } else { String::new() };
        let bmi = if r % 5 > 0 { format!("{:?}", r as f64 / 8.0) } else { String::new() };
        let day = Kind::Date.render(r % 3_000).unwrap();
        let site = if r % 3 > 0 { format!("site {}", r % 12) } else { String::new() };
        csv += &format!("{age},{bmi},{day},{site},\"\"\"{r}\"\", é\n\"\n");
    }
    let path = home.0.path().join("t.csv");
    fs::write(&path, csv).unwrap();
    let expected = read_file(&path, &Options::default()).unwrap();
    assert_eq!(expected.places, Places::Lines);
    let style = DecimalStyle::Pointed;
    assert_eq!(expected.table.columns[1].kind, Kind::Decimal { scale: 3, style });
    let plain = || WriterProperties::builder();
    let gzip = Compression::GZIP(GzipLevel::default());
    for properties in [
        plain().build(),
        plain()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(3_000))
            .build(),
        plain().set_compression(gzip).set_dictionary_enabled(false).build(),
        plain()
            .set_compression(gzip)
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_encoding(Encoding::PLAIN)
            .set_dictionary_enabled(false)
            .build(),
        zstd(),
        plain()
            .set_column_encoding("age".into(), Encoding::DELTA_BINARY_PACKED)
            .set_dictionary_enabled(false)
            .build(),
        plain()
            .set_column_encoding("bmi".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_dictionary_enabled(false)
            .build(),
    ] {
        write(&home.path(), columns(), properties);
        let found = home.read().unwrap();
        assert!(found.table == expected.table);
        assert_eq!((found.places, found.lines[0]), (Places::Rows, 1));
    }
}

#[test]
fn columns_that_no_table_can_hold_are_named() {
    let home = Home::new();
    let unsupported = |array: ArrayRef| match one(array) {
        Err(IngestError::Unsupported { column, kind, remedy }) => {
            assert!(column == "x" && !remedy.is_empty(), "{column}");
            kind
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(unsupported(array(BinaryArray::from(vec![&b"\x00"[..]]))), "raw bytes");
    let mut list = ListBuilder::new(UInt8Builder::new());
    list.append_value([Some(1)]);
    let nested = home.take(vec![("x", array(list.finish()))]);
    assert!(matches!(nested, Err(IngestError::Unsupported { .. })), "{nested:?}");
    let texts = || vec![("x", array(StringArray::from(vec!["a", "b"])))];
    let delta = WriterProperties::builder()
        .set_encoding(Encoding::DELTA_BYTE_ARRAY)
        .set_dictionary_enabled(false)
        .build();
    write(&home.path(), texts(), delta);
    assert!(matches!(home.read(), Err(IngestError::Unsupported { .. })));
    write(&home.path(), texts(), zstd());
    assert_eq!(home.read().unwrap().table.rows(), 2, "the twin");
    fs::write(home.path(), b"a,b\n1,2\n").unwrap();
    assert!(matches!(home.read(), Err(IngestError::Parquet { .. })), "by its name");
}

#[test]
fn adversary_57_a_parquet_bomb_is_limited() {
    let home = Home::new();
    // One page of one value: a few kilobytes that are rows without end.
    let rows = 40_000_000usize;
    let bomb = || vec![("x", array(Int64Array::from(vec![7; rows])))];
    write(&home.path(), bomb(), zstd());
    assert!(fs::metadata(home.path()).unwrap().len() < 200 << 10);
    let found = home.read().map(|_| ()).unwrap_err();
    assert!(matches!(found, IngestError::Bomb { ratio: 200, .. }), "{found}");
    let limits = Limits { rows: 1_000, ..Limits::default() };
    let found = read_file(&home.path(), &Options { limits, ..Options::default() }).unwrap_err();
    assert!(matches!(found, IngestError::Rows { found: 40_000_000, limit: 1_000 }), "{found}");
    // A long text in the dictionary that every row names.
    let text = "x".repeat(1 << 20);
    let named = StringArray::from(vec![text.as_str(); 300]);
    let found = home.take(vec![("x", array(named))]).unwrap_err();
    assert!(matches!(found, IngestError::Bomb { .. }), "{found}");
    let found = one(array(StringArray::from(vec!["x".repeat((1 << 20) + 1)]))).unwrap_err();
    assert!(matches!(found, IngestError::Cell { row: 1, .. }), "{found}");
    // The twins: fewer rows, and the same text a few times.
    assert_eq!(
        home.take(vec![("x", array(Int64Array::from(vec![7; 100_000])))]).unwrap().table.rows(),
        100_000
    );
    assert_eq!(cells(array(StringArray::from(vec![text.as_str(); 3]))).len(), 3);
}

/// A page that gzip unpacks to more than it states: the library would follow it to the end.
#[test]
fn adversary_57_a_gzip_page_that_states_too_little_is_refused() {
    let home = Home::new();
    let gzip = || {
        WriterProperties::builder()
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .set_dictionary_enabled(false)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
            .build()
    };
    write(&home.path(), vec![("x", array(Int64Array::from(vec![3; 1_000])))], gzip());
    assert_eq!(home.read().unwrap().table.rows(), 1_000, "the twin");
    let mut bytes = fs::read(home.path()).unwrap();
    // The head of the first page: its type (field 1), then its length unpacked (field 2), doubled.
    assert_eq!(bytes[4..9], [0x15, 0x00, 0x15, 0x80, 0x7d], "8,000 bytes");
    bytes[7..9].copy_from_slice(&[0xfe, 0x7c]);
    fs::write(home.path(), bytes).unwrap();
    let found = home.read().unwrap_err();
    assert!(found.to_string().contains("decompresses to more than"), "{found}");
}

#[test]
fn adversary_58_numbers_without_a_place_on_the_line_are_refused_or_canonical() {
    for (odd, what) in
        [(f64::NAN, "NaN"), (f64::INFINITY, "infinite"), (f64::NEG_INFINITY, "infinite")]
    {
        let found = one(array(Float64Array::from(vec![1.0, odd]))).unwrap_err();
        let text = found.to_string();
        assert!(matches!(found, IngestError::Cell { row: 2, .. }) && text.contains(what), "{text}");
    }
    // Minus zero is zero, so that a class is not split by what nobody sees.
    let zeros = one(array(Float64Array::from(vec![0.0, -0.0]))).unwrap();
    assert_eq!(zeros.dictionary, ["0.0"]);
    let great = one(array(Float64Array::from(vec![1e308, 5e-324]))).unwrap();
    assert_eq!(
        (great.kind, great.dictionary),
        (Kind::Text, vec!["1e308".to_owned(), "5e-324".to_owned()])
    );
    let late = one(array(Date32Array::from(vec![2_932_897]))).unwrap_err();
    assert!(late.to_string().contains("years 1 to 9999"), "{late}");
    assert!(one(array(Float64Array::from(vec![1.0, 2.5]))).is_ok(), "the twin");
}

#[test]
fn adversary_58_categories_that_look_alike_are_refused() {
    let texts = |texts: &[&str]| one(array(StringArray::from(texts.to_vec())));
    let found = texts(&["male", "m\u{430}le", "male"]).unwrap_err();
    assert!(
        matches!(
            &found,
            IngestError::LookAlike { places: Places::Rows, first: 1, second: 2, code: 0x430, .. }
        ),
        "{found}"
    );
    let found = texts(&["x", "ma\u{200b}le"]).unwrap_err();
    assert!(matches!(&found, IngestError::Cell { row: 2, .. }), "{found}");
    let found = texts(&["x", "a\0b"]).unwrap_err();
    assert!(found.to_string().contains("byte 0x00"), "{found}");
    assert_eq!(texts(&["male", "female", "diverse", "m\u{e4}nnlich"]).unwrap().distinct(), 4);
    // CSV is read by the same rule, and so are names of columns.
    let home = Home::new();
    let csv = home.0.path().join("t.csv");
    fs::write(&csv, "sex\nmale\nfemale\nm\u{430}le\n").unwrap();
    let found = read_file(&csv, &Options::default()).unwrap_err();
    assert!(
        matches!(&found, IngestError::LookAlike { places: Places::Lines, first: 2, second: 4, .. }),
        "{found}"
    );
    fs::write(&csv, "sex,s\u{435}x\n1,2\n").unwrap();
    let found = read_file(&csv, &Options::default()).unwrap_err();
    assert!(matches!(&found, IngestError::Name { field: 2, .. }), "{found}");
    fs::write(&csv, "sex,age\nmale,O1\nfemale,01\n").unwrap();
    assert_eq!(read_file(&csv, &Options::default()).unwrap().table.rows(), 2);
}

#[test]
fn a_cut_or_lying_file_is_an_error() {
    let home = Home::new();
    let columns = || {
        vec![
            ("n", array(Int64Array::from_iter_values(0..500))),
            (
                "t",
                array(StringArray::from_iter_values((0..500).map(|r| format!("text {}", r % 40)))),
            ),
        ]
    };
    write(&home.path(), columns(), zstd());
    let whole = fs::read(home.path()).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        fs::write(home.path(), &whole[..cut]).unwrap();
        assert!(home.read().is_err(), "{cut}");
    }
    // A footer that states two thousand million row groups.
    let mut lie = b"PAR1".to_vec();
    let footer = [0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    lie.extend_from_slice(&footer);
    lie.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    lie.extend_from_slice(b"PAR1");
    fs::write(home.path(), lie).unwrap();
    assert!(matches!(home.read(), Err(IngestError::Parquet { .. })));
    fs::write(home.path(), whole).unwrap();
    assert_eq!(home.read().unwrap().table.rows(), 500, "the twin");
}

fn small() -> Vec<u8> {
    let home = Home::new();
    let columns = vec![
        ("n", array(Int64Array::from_iter((0..60).map(|r| (r % 5 > 0).then_some(r * 1_000))))),
        ("f", array(Float64Array::from_iter_values((0..60).map(|r| f64::from(r) / 4.0)))),
        ("t", array(StringArray::from_iter_values((0..60).map(|r| format!("text {}", r % 9))))),
        ("b", array(BooleanArray::from_iter((0..60).map(|r| Some(r % 2 > 0))))),
    ];
    write(
        &home.path(),
        columns,
        WriterProperties::builder().set_max_row_group_row_count(Some(25)).build(),
    );
    fs::read(home.path()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever is changed, the reader ends with a table or an error.
    #[test]
    fn changed_bytes_never_end_the_program(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let home = Home::new();
        let mut bytes = small();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(home.path(), bytes).unwrap();
        if let Ok(found) = home.read() {
            let rows = found.table.rows();
            prop_assert!(found.table.columns.iter().all(|c| c.codes.len() == rows));
        }
    }
}

/// What is read from Parquet can be written as CSV and read again.
#[test]
fn a_table_from_parquet_is_written_as_csv() {
    let home = Home::new();
    let column = |name: &'static str, values: Vec<&str>| (name, array(StringArray::from(values)));
    let found =
        home.take(vec![column("a", vec!["x,y", "\"", ""]), column("b", vec!["1", "2", "3"])]);
    let table: Table = found.unwrap().table;
    let bytes = galen_dataset::csv_out::to_bytes(&table);
    let again = galen_dataset::ingest::read(&bytes[..], &Options::default()).unwrap().table;
    assert_eq!(again, table);
}
