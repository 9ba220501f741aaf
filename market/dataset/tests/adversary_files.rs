//! Files made to break a reader: each is refused with the place of the fault, or read as a
//! reference reader reads it.
#![allow(missing_docs, clippy::unwrap_used)]

use galen_dataset::csv_out;
use galen_dataset::ingest::{IngestError, Ingested, Limits, Options, read, read_file};
use galen_dataset::schema::{DecimalStyle, Kind};
use proptest::prelude::*;
use std::io::{Read, Write};

fn take(bytes: &[u8]) -> Result<Ingested, IngestError> {
    read(bytes, &Options::default())
}

fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let table = take(bytes).unwrap().table;
    let mut all = vec![table.names().map(str::to_owned).collect::<Vec<_>>()];
    for row in 0..table.rows() {
        all.push(table.columns.iter().map(|c| c.cell(row).to_owned()).collect());
    }
    all
}

fn reference(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Endless bytes of one kind, and how many were asked for.
struct Endless<'a>(&'a mut u64);

impl Read for Endless<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(b'a');
        *self.0 += buf.len() as u64;
        Ok(buf.len())
    }
}

#[test]
fn adversary_55_byte_order_mark() {
    let plain = rows(b"a,b\n1,2\n");
    assert_eq!(rows(b"\xef\xbb\xbfa,b\n1,2\n"), plain);
    assert_eq!(reference(b"\xef\xbb\xbfa,b\n1,2\n"), plain);
    assert!(matches!(take(b"\xff\xfea\0,\0"), Err(IngestError::Utf16)));
    let inside = take("a,b\n1,x\u{feff}\n".as_bytes());
    assert!(matches!(inside, Err(IngestError::Invisible { line: 2, column: 4, code: 0xfeff })));
}

#[test]
fn adversary_55_nul_and_binary() {
    let nul = take(b"a,b\n1,2\n3,x\0y\n");
    assert!(matches!(nul, Err(IngestError::Binary { line: 3, column: 4, byte: 0 })));
    let quoted = take(b"a,b\n\"x\ny\x01\",2\n");
    assert!(matches!(quoted, Err(IngestError::Binary { line: 3, column: 2, byte: 1 })));
    assert!(matches!(
        take(b"\x7fELF\x02\x01"),
        Err(IngestError::Binary { line: 1, column: 1, .. })
    ));
    let latin1 = take(b"a,b\n1,caf\xe9\n");
    assert!(matches!(latin1, Err(IngestError::NotUtf8 { line: 2, column: 6 })), "{latin1:?}");
    assert_eq!(rows("a,b\n1,café\n".as_bytes())[1], ["1", "café"]);
    let text = take(b"a,b\n1,2\n3,x\0y\n").unwrap_err().to_string();
    assert_eq!(
        text,
        "line 3, column 4: byte 0x00 does not belong in a text file; is this a binary file?"
    );
}

#[test]
fn adversary_55_ragged_rows() {
    let short = take(b"a,b,c\n1,2,3\n1,2\n");
    assert!(matches!(short, Err(IngestError::Ragged { line: 3, expected: 3, found: 2 })));
    let long = take(b"a,b,c\n\"1\n1\",2,3\n1,2,3,4\n");
    assert!(matches!(long, Err(IngestError::Ragged { line: 4, expected: 3, found: 4 })));
    assert!(take(b"a,b,c\n1,2,3\n1,2,\n").is_ok());
}

#[test]
fn adversary_55_lone_quotes() {
    let lone = take(b"a,b\n1,x\"y\n");
    assert!(matches!(lone, Err(IngestError::LoneQuote { line: 2, column: 4 })));
    let after = take(b"a,b\n1,\"x\"y\n");
    assert!(matches!(after, Err(IngestError::AfterQuote { line: 2, column: 6 })));
    let open = take(b"a,b\n1,\"x\n2,3\n");
    assert!(matches!(open, Err(IngestError::OpenQuote { line: 2, column: 3 })));
    assert_eq!(rows(b"a,b\n1,\"x\"\"y\"\n")[1], ["1", "x\"y"]);
}

#[test]
fn adversary_55_huge_field() {
    let mut given = 0;
    let endless = "a,b\n1,".as_bytes().chain(Endless(&mut given).take(100 << 20));
    let error = read(endless, &Options::default()).unwrap_err();
    assert!(matches!(error, IngestError::LongField { line: 2, column: 3, limit: 1_048_576 }));
    assert!(given < 2 << 20, "read on for {given} bytes");
    let mut given = 0;
    let quoted = "a,b\n1,\"".as_bytes().chain(Endless(&mut given).take(100 << 20));
    let error = read(quoted, &Options::default()).unwrap_err();
    assert!(matches!(error, IngestError::LongField { line: 2, column: 4, .. }));
    let mut fits = b"a,b\n1,".to_vec();
    fits.resize(fits.len() + (1 << 20), b'x');
    assert!(take(&fits).is_ok());
}

#[test]
fn adversary_55_mixed_line_ends() {
    let mixed = b"a,b\r\n1,\"x\r\ny\"\n\n3,4\r5,6\r\n\r\n7,8";
    assert_eq!(rows(mixed), reference(mixed));
    assert_eq!(rows(mixed).len(), 5);
    let lines = take(mixed).unwrap().lines;
    assert_eq!(lines, [2, 5, 6, 8]);
}

#[test]
fn adversary_55_headers_and_limits() {
    assert!(matches!(take(b""), Err(IngestError::Empty)));
    assert!(matches!(take(b"\xef\xbb\xbf\n\n"), Err(IngestError::Empty)));
    assert!(matches!(take(b"a,b\n"), Err(IngestError::NoRows)));
    assert!(matches!(take(b"a,,c\n1,2,3\n"), Err(IngestError::EmptyName { field: 2 })));
    let twice = take(b"a,b,a\n1,2,3\n");
    assert!(matches!(twice, Err(IngestError::DuplicateName { field: 3, name, .. }) if name == "a"));
    let limits = Limits { bytes: 100, rows: 2, columns: 3, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    assert!(matches!(
        read(&b"a,b,c,d\n"[..], &options),
        Err(IngestError::TooManyColumns { line: 1, limit: 3 })
    ));
    assert!(matches!(
        read(&b"a\n1\n2\n3\n"[..], &options),
        Err(IngestError::TooManyRows { line: 4, limit: 2 })
    ));
    let long = [&b"a\n"[..], &[b'1'; 100]].concat();
    assert!(matches!(read(&long[..], &options), Err(IngestError::TooLong { limit: 100, .. })));
    assert!(read(&b"a\n1\n2\n"[..], &options).is_ok());
    let options = Options { delimiter: b'"', ..Options::default() };
    assert!(matches!(read(&b"a\n1\n"[..], &options), Err(IngestError::Delimiter)));
}

fn gz(folder: &tempfile::TempDir, size: u64) -> std::path::PathBuf {
    let path = folder.path().join("t.csv.gz");
    let file = std::fs::File::create(&path).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    out.write_all(b"a\n").unwrap();
    let line = b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(2_048);
    for _ in 0..size / line.len() as u64 {
        out.write_all(&line).unwrap();
    }
    out.finish().unwrap();
    path
}

#[test]
fn adversary_57_decompression_bomb() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = gz(&folder, 80 << 20);
    assert!(std::fs::metadata(&bomb).unwrap().len() < 200 << 10);
    let error = read_file(&bomb, &Options::default()).unwrap_err();
    assert!(matches!(error, IngestError::Bomb { ratio: 200, .. }), "{error}");
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let error = read_file(&bomb, &Options { limits, ..Options::default() }).unwrap_err();
    assert!(matches!(error, IngestError::TooLong { .. }), "{error}");
    let honest = gz(&folder, 1 << 20);
    assert_eq!(read_file(&honest, &Options::default()).unwrap().table.rows(), 32 << 10);
    let whole = std::fs::read(&honest).unwrap();
    std::fs::write(&honest, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(read_file(&honest, &Options::default()), Err(IngestError::Read { .. })));
    let gone = read_file(&folder.path().join("none.csv"), &Options::default());
    assert!(matches!(gone, Err(IngestError::Open { .. })));
}

#[test]
fn adversary_58_numbers_without_a_canonical_form_are_text() {
    for odd in ["NaN", "-0", "-0.0", "1e308", "inf", "+1", "01", "1.", " 1"] {
        let csv = format!("x\n1\n{odd}\n");
        let table = take(csv.as_bytes()).unwrap().table;
        assert_eq!(table.columns[0].kind, Kind::Text, "{odd}");
        assert_eq!(csv_out::to_bytes(&table), csv.as_bytes());
    }
    let table = take(b"x\n1.5\n-20\n").unwrap().table;
    let kind = Kind::Decimal { scale: 1, style: DecimalStyle::Trimmed };
    assert_eq!(table.columns[0].kind, kind);
    // Look-alikes made of invisible characters are refused; the plain word is not.
    let zero_width = take("x\nmale\nma\u{200b}le\n".as_bytes());
    assert!(matches!(zero_width, Err(IngestError::Invisible { line: 3, column: 3, code: 0x200b })));
    assert!(take(b"x\nmale\nmale\n").is_ok());
}

proptest! {
    /// What is read is what the reference reads.
    #[test]
    fn any_text_is_read_as_the_reference_reads_it(text in "[a\",;\r\n é]{0,40}") {
        let text = format!("h\u{e9}ad,b\n{text}");
        if let Ok(got) = take(text.as_bytes()) {
            let rows: Vec<Vec<String>> = (0..got.table.rows())
                .map(|r| got.table.columns.iter().map(|c| c.cell(r).to_owned()).collect())
                .collect();
            prop_assert_eq!(rows, reference(text.as_bytes())[1..].to_vec());
        }
    }

    /// What is written is read back, by the reference too.
    #[test]
    fn any_table_is_written_and_read_back(
        cells in prop::collection::vec(prop::collection::vec("[a-c0-9\",;\r\n é]{0,6}", 3), 1..12),
        width in 1usize..=3,
    ) {
        let mut columns = Vec::new();
        for c in 0..width {
            let texts = cells.iter().map(|row| row[c].as_str());
            columns.push(galen_dataset::schema::Column::from_cells(&format!("c,{c}"), texts));
        }
        let table = galen_dataset::schema::Table { columns };
        let bytes = csv_out::to_bytes(&table);
        prop_assert_eq!(&take(&bytes).unwrap().table, &table);
        prop_assert_eq!(rows(&bytes), reference(&bytes));
    }
}
