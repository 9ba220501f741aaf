#![allow(clippy::unwrap_used)]

use super::*;

fn number(name: &str, role: Role) -> Column {
    Column {
        name: name.into(),
        width: Width::W1,
        role,
        values: Values::Number { scale: 0, range: Range { offset: 0, low: 0, high: 120 } },
        edges: vec![18, 65],
    }
}

fn parts() -> (Vec<Table>, Vec<Dictionary>, Vec<File>) {
    let coded = Column {
        name: "site".into(),
        width: Width::W1,
        role: Role::Sensitive,
        values: Values::Code { dictionary: 0 },
        edges: vec![],
    };
    let columns = vec![number("age", Role::QuasiIdentifier), coded];
    let tables = vec![
        Table { name: "a".into(), first: 0, columns: columns.clone(), active: vec![1_016, 500] },
        Table { name: "b".into(), first: 4, columns, active: vec![30] },
    ];
    let dictionaries = vec![
        Dictionary::Private { first: 6, segments: vec![3, 2] },
        Dictionary::Public { entries: vec!["no".into(), "yes".into()] },
    ];
    let files = vec![File { name: "scan/1.bin".into(), first: 8, bytes: 300_000 }];
    (tables, dictionaries, files)
}

fn build(
    change: impl FnOnce(&mut (Vec<Table>, Vec<Dictionary>, Vec<File>)),
) -> Result<Layout, LayoutError> {
    let mut parts = parts();
    change(&mut parts);
    Layout::new(BlockRows::Small, parts.0, parts.1, parts.2)
}

#[test]
fn every_segment_has_one_place() {
    let layout = build(|_| {}).unwrap();
    assert_eq!(layout.segments(), 10);
    let width = Width::W1;
    let column = |table, block, column, rows| Place::Column { table, block, column, width, rows };
    let places: Vec<_> = (0..11).map(|i| layout.place(i)).collect();
    let expected = [
        Some(column(0, 0, 0, 1_016)),
        Some(column(0, 0, 1, 1_016)),
        Some(column(0, 1, 0, 500)),
        Some(column(0, 1, 1, 500)),
        Some(column(1, 0, 0, 30)),
        Some(column(1, 0, 1, 30)),
        Some(Place::Dictionary { dictionary: 0, part: 0, entries: 3 }),
        Some(Place::Dictionary { dictionary: 0, part: 1, entries: 2 }),
        Some(Place::File { file: 0, part: 0, bytes: 262_144 }),
        Some(Place::File { file: 0, part: 1, bytes: 37_856 }),
        None,
    ];
    assert_eq!(places, expected);
    assert_eq!(layout.place(u64::MAX), None);
    assert_eq!(layout.tables()[0].segment(1, 1), Some(3));
    assert_eq!(layout.tables()[0].segment(2, 0), None);
    assert_eq!(layout.blocks().collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0)]);
}

#[test]
fn bytes_are_canonical_and_checked() {
    let layout = build(|_| {}).unwrap();
    let bytes = layout.to_bytes();
    assert_eq!(Layout::from_bytes(&bytes).unwrap(), layout);
    let mut long = bytes.clone();
    long.push(0);
    assert!(Layout::from_bytes(&long).is_err());
    assert!(Layout::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    // A decoded Layout has passed the same checks as a built one.
    let mut bad = layout;
    bad.tables[0].first = 1;
    let error = Layout::from_bytes(&bad.to_bytes()).unwrap_err();
    assert!(error.to_string().contains("expected first segment 0, found 1"), "{error}");
}

#[test]
fn contradictions_are_refused() {
    type Parts = (Vec<Table>, Vec<Dictionary>, Vec<File>);
    let refused = |change: fn(&mut Parts)| build(change).unwrap_err();
    let name = |name: &str| LayoutError::Name(name.into());
    assert_eq!(refused(|p| p.0[1].first = 3), LayoutError::NotContiguous { expected: 4, found: 3 });
    assert_eq!(
        refused(|p| p.2[0].first = u64::MAX),
        LayoutError::NotContiguous { expected: 8, found: u64::MAX }
    );
    assert_eq!(
        refused(|p| p.0[0].active[1] = 0),
        LayoutError::Rows { table: 0, block: 1, rows: 0 }
    );
    assert_eq!(
        refused(|p| p.0[0].active[0] = 1_017),
        LayoutError::Rows { table: 0, block: 0, rows: 1_017 }
    );
    assert_eq!(refused(|p| p.0[1].name = "a".into()), name("a"));
    assert_eq!(refused(|p| p.0[0].name = "a\nb".into()), name("a\nb"));
    for path in ["../x", "/x", "a//b", "a/./b", "c:x", "a\\b"] {
        assert_eq!(build(|p| p.2[0].name = path.into()).unwrap_err(), name(path));
    }
    assert_eq!(
        refused(|p| p.0[0].columns[0].role = Role::Insensitive),
        LayoutError::NoQuasiIdentifier(0)
    );
    assert_eq!(
        refused(|p| p.1[0] = Dictionary::Private { first: 6, segments: vec![5, 0] }),
        LayoutError::Dictionary(0)
    );
    assert_eq!(
        refused(|p| p.1[1] = Dictionary::Public { entries: vec!["b".into(), "a".into()] }),
        LayoutError::Dictionary(1)
    );
    assert_eq!(refused(|p| p.2[0].bytes = u64::MAX), LayoutError::Bounds("number of segments"));
    assert_eq!(refused(|p| p.2[0].bytes = 0), LayoutError::Bounds("length of a file"));
    assert_eq!(
        refused(|p| {
            p.0.clear();
            p.1.clear();
            p.2.clear();
        }),
        LayoutError::Bounds("number of segments")
    );
}

#[test]
fn adversary_09_an_oversized_layout_is_refused_before_its_parts_are_looked_at() {
    // Ten thousand columns of such a dictionary would each count its parts.
    let oversized = |p: &mut (Vec<Table>, Vec<Dictionary>, Vec<File>), parts| {
        p.0[0].first = 1;
        p.1[0] = Dictionary::Private { first: 6, segments: vec![1; parts] };
    };
    let refused = build(|p| oversized(p, MAX_LAYOUT_BYTES / 4)).unwrap_err();
    assert_eq!(refused, LayoutError::Bounds("layout bytes"));
    let small = build(|p| oversized(p, 2)).unwrap_err();
    assert_eq!(small, LayoutError::NotContiguous { expected: 0, found: 1 });
    assert!(build(|_| {}).is_ok());
}

#[test]
fn columns_fit_their_bounds() {
    let refused = |change: fn(&mut Column)| {
        let error = build(|p| change(&mut p.0[0].columns[0])).unwrap_err();
        assert!(matches!(error, LayoutError::Column(_)), "{error}");
    };
    let with = |column: &mut Column, offset, low, high| {
        column.values = Values::Number { scale: 0, range: Range { offset, low, high } };
        column.edges.clear();
    };
    // 255 is the last value whose cell, 255, fits one byte.
    assert!(build(|p| with(&mut p.0[0].columns[0], 1, 1, 255)).is_ok());
    refused(|c| c.values = Values::Date { range: Range { offset: 0, low: 0, high: 255 } });
    refused(|c| c.values = Values::Date { range: Range { offset: 20, low: 0, high: 120 } });
    refused(|c| c.values = Values::Date { range: Range { offset: 0, low: 121, high: 120 } });
    refused(|c| {
        c.width = Width::W8;
        c.values =
            Values::Date { range: Range { offset: i64::MIN, low: i64::MIN, high: i64::MAX } };
    });
    let days = |column: &mut Column, low: i64, high: i64| {
        column.width = Width::W4;
        column.edges.clear();
        column.values = Values::Date { range: Range { offset: low, low, high } };
    };
    assert!(build(|p| days(&mut p.0[0].columns[0], FIRST_DAY, LAST_DAY)).is_ok());
    for (low, high) in [(FIRST_DAY - 1, 0), (0, LAST_DAY + 1)] {
        let error = build(|p| days(&mut p.0[0].columns[0], low, high)).unwrap_err();
        assert!(matches!(error, LayoutError::Column(_)), "days {low} to {high}: {error}");
    }
    refused(|c| c.values = Values::Code { dictionary: 2 });
    refused(|c| c.edges = vec![65, 65]);
    refused(|c| c.edges = vec![0]);
    refused(|c| c.edges = vec![121]);
}

#[test]
fn cells_of_values() {
    let range = Range { offset: -5, low: -3, high: 10 };
    assert_eq!(range.cell(-3), Some(3));
    assert_eq!(range.cell(10), Some(16));
    assert_eq!(range.cell(-4), None);
    assert_eq!(range.cell(11), None);
    assert_eq!(range.value(0), None);
    assert_eq!(range.value(3), Some(Some(-3)));
    assert_eq!(range.value(2), Some(None));
    assert_eq!(range.value(u64::MAX), Some(None));
}

#[test]
fn k_fits_every_block() {
    let layout = build(|_| {}).unwrap();
    assert_eq!(layout.check_k(&[5, 5], 5), Ok(()));
    assert_eq!(layout.check_k(&[500, 30], 5), Ok(()));
    let k = |k, table, block, rows| Err(LayoutError::K { k, table, block, rows });
    assert_eq!(layout.check_k(&[4, 5], 5), k(4, 0, 0, 1_016));
    assert_eq!(layout.check_k(&[0, 5], 0), k(0, 0, 0, 1_016));
    assert_eq!(layout.check_k(&[501, 30], 5), k(501, 0, 1, 500));
    assert_eq!(layout.check_k(&[5, 31], 5), k(31, 1, 0, 30));
    assert_eq!(layout.check_k(&[5], 5), Err(LayoutError::KCount { tables: 2, stated: 1 }));
    // Padding of four rows would be a class of four.
    let tight = build(|p| p.0[0].active[1] = 1_012).unwrap();
    assert_eq!(tight.check_k(&[5, 5], 5), k(5, 0, 1, 1_012));
    assert_eq!(tight.check_k(&[4, 5], 4), Ok(()));
}

#[test]
fn altered_bytes_decode_to_what_they_say_or_not_at_all() {
    let bytes = build(|_| {}).unwrap().to_bytes();
    let mut read = 0;
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut altered = bytes.clone();
            altered[at] = value;
            if let Ok(layout) = Layout::from_bytes(&altered) {
                assert_eq!(layout.to_bytes(), altered);
                read += 1;
            }
        }
    }
    assert!(read > 0, "some changes, as of a letter in a name, leave a valid layout");
}
