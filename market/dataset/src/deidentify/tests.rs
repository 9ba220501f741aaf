//! The search against a search of every node, and the result against a naive count.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::schema::Column;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

fn table(columns: &[(&str, Vec<String>)]) -> Table {
    let make =
        |(n, cells): &(&str, Vec<String>)| Column::from_cells(n, cells.iter().map(String::as_str));
    Table { columns: columns.iter().map(make).collect() }
}

fn settings(k: u64, suppression: f64, quasi: &[&str]) -> Settings {
    let mut settings = Settings { k, suppression, ..Settings::default() };
    for name in quasi {
        settings.roles.0.insert((*name).to_owned(), Role::QuasiIdentifier);
    }
    settings
}

fn texts(values: impl Iterator<Item = u32>) -> Vec<String> {
    values.map(|v| v.to_string()).collect()
}

/// The least loss over every node, by the definition alone.
fn brute(problem: &Problem<'_>) -> Option<f64> {
    let mut nodes: Vec<Vec<usize>> = vec![vec![]];
    for a in &problem.attributes {
        nodes = nodes
            .into_iter()
            .flat_map(|n| {
                (a.levels.0..=a.levels.1).map(move |l| {
                    let mut n = n.clone();
                    n.push(l);
                    n
                })
            })
            .collect();
    }
    let mut best: Option<f64> = None;
    for node in nodes {
        let tuple = |row: usize| -> Vec<String> {
            problem
                .attributes
                .iter()
                .zip(&node)
                .map(|(a, l)| {
                    let level = &a.hierarchy.levels[*l];
                    level.labels[level.group[a.codes[row] as usize] as usize].clone()
                })
                .collect()
        };
        let mut members: HashMap<Vec<String>, HashSet<u32>> = HashMap::new();
        for row in 0..problem.rows {
            let who = problem.persons.as_ref().map_or(u32::try_from(row).unwrap(), |p| p[row]);
            members.entry(tuple(row)).or_default().insert(who);
        }
        let mut values: HashMap<(Vec<String>, usize), HashSet<u32>> = HashMap::new();
        for row in 0..problem.rows {
            for (d, column) in problem.diverse.iter().enumerate() {
                let seen = values.entry((tuple(row), d)).or_default();
                seen.extend(Some(column.values[row]).filter(|value| *value != 0));
            }
        }
        let (mut gone, mut loss) = (0, 0.0);
        for row in 0..problem.rows {
            let alike = problem
                .diverse
                .iter()
                .enumerate()
                .any(|(d, column)| (values[&(tuple(row), d)].len() as u64) < column.l);
            let small = alike || (members[&tuple(row)].len() as u64) < problem.k;
            gone += usize::from(small);
            for (a, l) in problem.attributes.iter().zip(&node) {
                let level = &a.hierarchy.levels[*l];
                let own = level.loss[level.group[a.codes[row] as usize] as usize];
                loss += a.weight * if small { 1.0 } else { own };
            }
        }
        if gone <= problem.limit && gone < problem.rows {
            let whole: f64 = problem.attributes.iter().map(|a| a.weight).sum();
            let loss = loss / (whole * problem.rows as f64);
            best = Some(best.map_or(loss, |b: f64| b.min(loss)));
        }
    }
    best
}

fn classes_of(result: &Deidentified) -> HashMap<Vec<String>, Vec<usize>> {
    let mut classes: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    for row in 0..result.table.rows() {
        let cells = result.quasi_identifiers.iter();
        let key = cells.map(|c| result.table.columns[*c].cell(row).to_owned()).collect();
        classes.entry(key).or_default().push(row);
    }
    classes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_result_is_anonymous_and_no_choice_loses_less(
        rows in prop::collection::vec((0u32..60, 0u32..4, 0u32..9, 0u32..12), 1..60),
        k in 2u64..6, percent in 0u32..40, distinct in any::<bool>(), person in any::<bool>(),
    ) {
        let mut t = table(&[
            ("xage", texts(rows.iter().map(|r| r.0))),
            ("sex", texts(rows.iter().map(|r| r.1))),
            ("num", texts(rows.iter().map(|r| r.2))),
            ("who", texts(rows.iter().map(|r| r.3))),
            ("kept", texts(0..u32::try_from(rows.len()).unwrap())),
        ]);
        // Some cells are missing.
        t.columns[2] = Column::from_cells("num", rows.iter()
            .map(|r| ["", "1", "2", "3", "4", "5", "6", "7", "8"][r.2 as usize]));
        let mut s = settings(k, f64::from(percent) / 100.0, &["xage", "sex", "num"]);
        s.weights.insert("num".into(), 0.5);
        if person {
            s.roles.0.insert("who".into(), Role::Person);
            if distinct {
                s.persons = PersonRule::DistinctInClass;
            }
        }
        let prepared = Prepared::new(&t, &s).unwrap();
        let problem = prepared.problem(&t, &s, k);
        let least = brute(&problem);
        match deidentify(&t, &s) {
            Err(DeidentifyError::Unreachable { largest, .. }) => {
                prop_assert_eq!(least, None);
                prop_assert!(largest < k);
                let beyond = brute(&prepared.problem(&t, &s, largest + 1));
                prop_assert_eq!(beyond, None);
                if largest > 0 {
                    let k = largest;
                    prop_assert!(brute(&prepared.problem(&t, &s, k)).is_some());
                }
            }
            Err(other) => prop_assert!(false, "{other}"),
            Ok(result) => {
                prop_assert!((result.report.loss - least.unwrap()).abs() < 1e-9);
                let again = prepared.problem(&t, &s, k).greedy();
                prop_assert!(again.is_none_or(|g| g.loss >= result.report.loss - 1e-9));
                let classes = classes_of(&result);
                let mut smallest = u64::MAX;
                for rows in classes.values() {
                    let count = if person {
                        let who = rows.iter().map(|r| t.columns[3].cell(result.origins[*r]));
                        who.collect::<HashSet<_>>().len() as u64
                    } else {
                        rows.len() as u64
                    };
                    smallest = smallest.min(count);
                    prop_assert!(count >= k);
                    // Adjacent.
                    prop_assert!(rows.windows(2).all(|w| w[1] == w[0] + 1));
                }
                prop_assert_eq!(result.report.k_reached, smallest);
                prop_assert_eq!(result.class_sizes.len(), classes.len());
                prop_assert_eq!(result.class_sizes.iter().sum::<u64>(), result.report.rows);
                let report = &result.report;
                prop_assert_eq!(report.rows + report.suppressed + report.person_rows_dropped, report.source_rows);
                // Each row still carries the cells of the row it came from.
                let kept = result.table.position("kept").unwrap();
                for (row, origin) in result.origins.iter().enumerate() {
                    prop_assert_eq!(result.table.columns[kept].cell(row), origin.to_string());
                }
                prop_assert_eq!(result.table.position("who").is_none(), person);
                // Written and read, it is the same table, and writes the same bytes.
                let bytes = crate::csv_out::to_bytes(&result.table);
                let back = crate::ingest::read(&bytes[..], &Default::default()).unwrap().table;
                prop_assert_eq!(&back, &result.table);
                prop_assert_eq!(crate::csv_out::to_bytes(&back), bytes);
            }
        }
    }
}

/// Whether a class's part has l values, ends in tail order, and how many rows it has, told from texts.
fn check_blocks(result: &Deidentified, s: &Settings) -> Result<(), TestCaseError> {
    let report = &result.report;
    prop_assert_eq!(report.blocks.iter().sum::<u64>(), report.rows);
    let most = report.diversity.iter().map(|d| d.l).chain([s.k]).max().unwrap_or(0);
    let cell = |name: &str, row: usize| -> &str {
        result.table.columns[result.table.position(name).unwrap()].cell(row)
    };
    let mut from = 0usize;
    for block in &report.blocks {
        prop_assert!(*block == s.block_rows || block + most <= s.block_rows);
        let to = from + usize::try_from(*block).unwrap();
        let key = |row: usize| -> Vec<&str> {
            let quasi = result.quasi_identifiers.iter();
            quasi.map(|c| result.table.columns[*c].cell(row)).collect()
        };
        let rows: Vec<usize> = (from..to).collect();
        for part in rows.chunk_by(|a, b| key(*a) == key(*b)) {
            prop_assert!(part.len() as u64 >= s.k);
            for (d, diverse) in report.diversity.iter().enumerate() {
                let present =
                    part.iter().map(|r| cell(&diverse.column, *r)).filter(|c| !c.is_empty());
                let distinct: HashSet<&str> = present.collect();
                prop_assert!(distinct.len() as u64 >= diverse.l);
                if d == 0 {
                    let l = usize::try_from(diverse.l).unwrap();
                    let tail: Vec<i64> = part[part.len() - l..]
                        .iter()
                        .map(|r| cell(&diverse.column, *r).parse().unwrap())
                        .collect();
                    prop_assert!(tail.windows(2).all(|w| w[0] > w[1]), "{:?}", tail);
                }
            }
        }
        from = to;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn every_block_is_anonymous_and_diverse(
        rows in prop::collection::vec((0u32..12, 0u32..3, 0u32..7, 0u32..14), 6..120),
        k in 2u64..5, l in 2u64..4, second in any::<bool>(), slack in 0u64..20, blank in any::<bool>(),
    ) {
        let shown = |v: u32| if v == 0 { String::new() } else { (v * 7).to_string() };
        let mut t = table(&[
            ("xage", texts(rows.iter().map(|r| r.0))),
            ("sex", texts(rows.iter().map(|r| r.1))),
            ("who", texts(0..u32::try_from(rows.len()).unwrap())),
        ]);
        let cells: Vec<String> = rows.iter().map(|r| shown(r.2)).collect();
        t.columns.push(Column::from_cells("illness", cells.iter().map(String::as_str)));
        let cells: Vec<String> = rows.iter().map(|r| shown(r.3)).collect();
        t.columns.push(Column::from_cells("income", cells.iter().map(String::as_str)));
        let mut s = settings(k, 0.3, &["xage", "sex"]);
        s.roles.0.insert("illness".into(), Role::Sensitive);
        s.roles.0.insert("income".into(), Role::Sensitive);
        s.diversity.insert("illness".into(), l);
        if second {
            s.default_diversity = Some(3);
        }
        s.block_rows = 3 * k.max(l).max(3) + slack;
        s.blank = blank;
        let prepared = Prepared::new(&t, &s).unwrap();
        let least = brute(&prepared.problem(&t, &s, k));
        match deidentify(&t, &s) {
            Ok(result) => {
                check_blocks(&result, &s)?;
                prop_assert_eq!(result.report.diversity.len(), 1 + usize::from(second));
                for (d, disclosure) in result.report.diversity.iter().zip(&result.report.disclosure) {
                    prop_assert!(d.reached >= d.l);
                    prop_assert_eq!(d.reached, disclosure.least);
                }
                // A class larger than a block may have to go although it has l values in all.
                prop_assert!(result.report.loss >= least.unwrap() - 1e-9);
                if result.report.after.largest <= s.block_rows {
                    let again = prepared.problem(&t, &s, k).greedy();
                    prop_assert!(again.is_none_or(|g| g.loss >= result.report.loss - 1e-9));
                }
                let who = result.table.position("who").unwrap();
                let changed: u64 = result.report.blanked.iter().map(|b| b.cells).sum();
                let mut differing = 0;
                for (row, origin) in result.origins.iter().enumerate() {
                    prop_assert_eq!(result.table.columns[who].cell(row), origin.to_string());
                    for name in ["illness", "income"] {
                        let column = t.position(name).unwrap();
                        let now = result.table.columns[result.table.position(name).unwrap()].cell(row);
                        let then = t.columns[column].cell(*origin);
                        prop_assert!(now == then || now.is_empty());
                        differing += u64::from(now != then);
                    }
                }
                prop_assert_eq!(differing, changed);
                for blanked in &result.report.blanked {
                    let column = result.table.position(&blanked.column).unwrap();
                    prop_assert!(result.table.columns[column].missing() as u64 == k);
                }
            }
            Err(DeidentifyError::Unreachable { .. } | DeidentifyError::Diversity { .. }
                | DeidentifyError::Together { .. }) => {
                // Only a class larger than a block is refused more than the definition asks.
                prop_assert!(least.is_none() || rows.len() as u64 > s.block_rows);
            }
            Err(DeidentifyError::Uncuttable { rows, block_rows, .. }) => {
                let most = if second { k.max(l).max(3) } else { k.max(l) };
                prop_assert!(rows + most > block_rows);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn l_beyond_reach_names_what_limits_it() {
    let t = table(&[
        ("sex", texts((0..20).map(|i| i % 2))),
        ("illness", texts((0..20).map(|i| i / 2 % 3))),
        ("income", texts((0..20).map(|i| i / 2))),
    ]);
    let mut s = settings(4, 0.0, &["sex"]);
    for (name, l) in [("illness", 3), ("income", 5)] {
        s.roles.0.insert(name.into(), Role::Sensitive);
        s.diversity.insert(name.into(), l);
    }
    let result = deidentify(&t, &s).unwrap();
    assert_eq!(result.report.diversity[0].reached, 3);
    assert_eq!(result.report.diversity[1].reached, 10);
    s.diversity.insert("illness".into(), 4);
    let refused = deidentify(&t, &s).unwrap_err();
    assert!(
        matches!(&refused, DeidentifyError::Diversity { l: 4, largest: 3, column, .. } if column == "illness")
    );
    let text = refused.to_string();
    assert!(text.contains("l = 4 of `illness`") && text.contains("largest l is 3"), "{text}");
    let choices = compare(&t, &s, &[4]).unwrap();
    assert!(choices[0].outcome.as_ref().unwrap_err().contains("illness"));
    s.diversity.insert("illness".into(), 1);
    assert!(matches!(deidentify(&t, &s).unwrap_err(), DeidentifyError::L { l: 1, .. }));
    s.diversity.remove("illness");
    s.diversity.insert("sex".into(), 2);
    assert!(matches!(deidentify(&t, &s).unwrap_err(), DeidentifyError::NotSensitive { .. }));
    // A class of 70 rows of which one has the second value cannot be cut in two.
    let t = table(&[
        ("sex", texts((0..70).map(|_| 1))),
        ("illness", texts((0..70).map(|i| u32::from(i == 3)))),
    ]);
    let mut s = settings(4, 0.0, &["sex"]);
    s.roles.0.insert("illness".into(), Role::Sensitive);
    s.default_diversity = Some(2);
    s.block_rows = 40;
    assert!(deidentify(&t, &s).unwrap_err().to_string().contains("`illness`"));
    s.block_rows = 80;
    assert_eq!(deidentify(&t, &s).unwrap().report.blocks, [70]);
}

#[test]
fn k_beyond_reach_names_the_largest() {
    let mut t = table(&[("sex", texts((0..20).map(|i| u32::from(i >= 7))))]);
    t.columns.push(Column::from_cells("x", (0..20).map(|_| "1")));
    let mut s = settings(8, 0.0, &["sex"]);
    s.levels.insert("sex".into(), (0, 0));
    let text = deidentify(&t, &s).unwrap_err().to_string();
    assert!(
        text.contains("k = 8 cannot be reached") && text.contains("largest k is 7 rows"),
        "{text}"
    );
    s.k = 7;
    assert_eq!(deidentify(&t, &s).unwrap().report.k_reached, 7);
    let choices = compare(&t, &s, &[2, 7, 8]).unwrap();
    assert!(choices[1].outcome.is_ok() && choices[2].outcome.is_err());
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let t = table(&[("sex", texts(0..4)), ("x", texts(0..4))]);
    let refused = |s: &Settings| deidentify(&t, s).unwrap_err();
    assert!(matches!(refused(&settings(2, 0.0, &[])), DeidentifyError::NoQuasi));
    assert!(matches!(refused(&settings(1, 0.0, &["sex"])), DeidentifyError::K { .. }));
    assert!(matches!(refused(&settings(70_000, 0.0, &["sex"])), DeidentifyError::K { .. }));
    assert!(matches!(
        refused(&settings(2, f64::NAN, &["sex"])),
        DeidentifyError::Suppression { .. }
    ));
    assert!(matches!(refused(&settings(2, 0.0, &["sexx"])), DeidentifyError::Role(_)));
    let mut s = settings(2, 0.0, &["sex"]);
    s.hierarchies.insert("x".into(), Spec::Suppress);
    assert!(matches!(refused(&s), DeidentifyError::NotQuasi { .. }));
    let mut s = settings(2, 0.0, &["sex"]);
    s.weights.insert("sex".into(), f64::NAN);
    assert!(matches!(refused(&s), DeidentifyError::Weight { .. }));
    let mut s = settings(2, 0.0, &["sex"]);
    s.levels.insert("sex".into(), (9, 9));
    assert!(matches!(refused(&s), DeidentifyError::Levels { .. }));
    assert!(deidentify(&t, &settings(2, 0.0, &["sex"])).is_ok());
    let json = serde_json::to_string(&settings(2, 0.0, &["sex"])).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings(2, 0.0, &["sex"]));
}
