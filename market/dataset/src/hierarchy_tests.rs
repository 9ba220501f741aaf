//! Tests of the hierarchies.
#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn column(cells: &[&str]) -> Column {
    Column::from_cells("x", cells.iter().copied())
}

fn labels(column: &Column, hierarchy: &Hierarchy, level: usize) -> Vec<String> {
    let level = &hierarchy.levels[level];
    column.codes.iter().map(|c| level.labels[level.group[*c as usize] as usize].clone()).collect()
}

fn intervals_of(width: &str, top: Option<&str>) -> Spec {
    Spec::Intervals { width: width.into(), origin: None, bottom: None, top: top.map(Into::into) }
}

#[test]
fn ages_become_intervals_and_90_plus() {
    let c = column(&["42", "4", "91", "", "89", "104"]);
    let h = Hierarchy::build(&c, &intervals_of("5", Some("90"))).unwrap();
    assert_eq!(labels(&c, &h, 0), ["42", "4", "90+", "", "89", "90+"]);
    assert_eq!(labels(&c, &h, 1), ["[40, 45)", "[0, 5)", "90+", "", "[85, 90)", "90+"]);
    assert_eq!(labels(&c, &h, 2), ["[40, 50)", "[0, 10)", "90+", "", "[80, 90)", "90+"]);
    let last = h.levels.len() - 1;
    assert_eq!(labels(&c, &h, last), ["*"; 6]);
    assert_eq!(h.levels[last].loss, [1.0]);
    assert!(h.levels[1].loss.iter().all(|l| (0.0..0.2).contains(l)));
}

#[test]
fn bare_decimals_and_negative_numbers_fall_in_the_right_interval() {
    let c = column(&["-.5", "0", ".3", "1.25"]);
    let h = Hierarchy::build(&c, &intervals_of("0.1", None)).unwrap();
    assert_eq!(labels(&c, &h, 1), ["[-0.5, -0.4)", "[0, 0.1)", "[0.3, 0.4)", "[1.2, 1.3)"]);
}

#[test]
fn dates_become_months_years_and_decades() {
    let c = column(&["1999-12-31", "2001-02-03", "", "2001-07-01"]);
    let h = Hierarchy::build(&c, &Spec::Dates).unwrap();
    assert_eq!(labels(&c, &h, 2), ["1999", "2001", "", "2001"]);
    assert_eq!(labels(&c, &h, 3), ["1990s", "2000s", "", "2000s"]);
    assert_eq!(labels(&c, &h, 4), ["*"; 4]);
    let wrong = Hierarchy::build(&column(&["31.12.1999"]), &Spec::Dates);
    assert!(matches!(wrong, Err(HierarchyError::NotADate { .. })));
}

#[test]
fn what_is_no_number_or_no_width_is_refused() {
    let nan = Hierarchy::build(&column(&["1", "NaN"]), &intervals_of("5", None));
    assert!(matches!(nan, Err(HierarchyError::NotANumber { value, .. }) if value == "NaN"));
    for width in ["0", "-1", "", "wide", "99999999999999999999999999999999999999"] {
        let error = Hierarchy::build(&column(&["1", "2"]), &intervals_of(width, None));
        assert!(matches!(error, Err(HierarchyError::Bound { what: "width", .. })), "{width}");
    }
    let huge = "9".repeat(60);
    let error = Hierarchy::build(&column(&["1", &huge]), &intervals_of("5", None));
    assert!(matches!(error, Err(HierarchyError::TooLarge { .. })));
    assert!(Hierarchy::build(&column(&["1", "2"]), &intervals_of("5", None)).is_ok());
}

const FILE: &str = "flu;lung;*\ncold;lung;*\nbroken leg;bone;*\n";

#[test]
fn a_file_of_rows_is_a_hierarchy() {
    let rows = read_rows(FILE.as_bytes()).unwrap();
    let c = column(&["cold", "flu", "", "broken leg"]);
    let h = Hierarchy::build(&c, &Spec::Rows(rows)).unwrap();
    assert_eq!(labels(&c, &h, 1), ["lung", "lung", "", "bone"]);
    assert_eq!(labels(&c, &h, 2), ["*"; 4]);
    assert!(h.levels[1].loss.contains(&0.5));
}

#[test]
fn a_file_with_a_fault_is_refused() {
    let build = |cells: &[&str], file: &str| {
        Hierarchy::build(&column(cells), &Spec::Rows(read_rows(file.as_bytes()).unwrap()))
    };
    let error = build(&["cold", "gout"], FILE).unwrap_err();
    assert!(error.to_string().contains("no row for 1 values of the data, such as `gout`"));
    assert!(matches!(build(&["a"], "a;b;*\nc;*\n"), Err(HierarchyError::Depth { line: 2, .. })));
    assert!(matches!(build(&["a"], "a;b;*\na;c;*\n"), Err(HierarchyError::Twice { line: 2, .. })));
    let split = build(&["a", "b"], "a;x;y;*\nb;x;z;*\n");
    assert!(matches!(split, Err(HierarchyError::Nesting { line: 2, level: 1, .. })));
    assert!(matches!(build(&["a"], ""), Err(HierarchyError::Shape)));
}

proptest! {
    /// Whatever the numbers, a level only joins groups of the one below, and loss only grows.
    #[test]
    fn levels_nest(cells in prop::collection::vec(-2000i64..2000, 1..40), scale in 0u32..3,
                   width in 1u32..50, top in prop::option::of(0i64..500)) {
        let texts: Vec<String> =
            cells.iter().map(|c| format!("{}", *c as f64 / f64::from(10u32.pow(scale)))).collect();
        let c = Column::from_cells("x", texts.iter().map(String::as_str));
        let spec = Spec::Intervals {
            width: width.to_string(), origin: Some("3".into()),
            bottom: None, top: top.map(|t| t.to_string()),
        };
        let h = Hierarchy::build(&c, &spec).unwrap();
        for pair in h.levels.windows(2) {
            let mut parent: HashMap<u32, u32> = HashMap::new();
            for (low, high) in pair[0].group.iter().zip(&pair[1].group) {
                prop_assert_eq!(parent.entry(*low).or_insert(*high), high);
                prop_assert!(pair[0].loss[*low as usize] <= pair[1].loss[*high as usize] + 1e-12);
            }
        }
        prop_assert_eq!(h.levels.last().unwrap().labels.len(), 1);
    }
}
