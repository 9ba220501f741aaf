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
        let (mut gone, mut loss) = (0, 0.0);
        for row in 0..problem.rows {
            let small = (members[&tuple(row)].len() as u64) < problem.k;
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
