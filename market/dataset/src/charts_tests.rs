//! Bins of made-up columns, against what a chart may show.
#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const FULL: Limits = Limits { small: 6_528, step: 32_768, steps: 26_176 };

fn numbers(values: &[i64], range: Range, kind: Kind, k: u64) -> Result<Plan, Unchartable> {
    let cells: Vec<u64> = values.iter().map(|v| range.cell(*v).unwrap()).collect();
    of_numbers(&histogram(&cells), &range, &kind, k, FULL)
}

fn range(low: i64, high: i64) -> Range {
    Range { offset: low, low, high }
}

/// Every bin by a plain count.
fn check_plan(plan: &Plan, cells: &[u64], k: u64) -> Result<(), TestCaseError> {
    prop_assert!(plan.edges.len() < MAX_BINS && plan.counts.len() == plan.edges.len() + 1);
    prop_assert!(plan.edges.windows(2).all(|w| w[0] < w[1]));
    prop_assert!(plan.edges.iter().all(|e| *e > 1 && *e <= plan.high));
    let starts: Vec<u64> = [1].into_iter().chain(plan.edges.iter().copied()).collect();
    let ends = plan.edges.iter().copied().chain([plan.high + 1]);
    for ((from, to), count) in starts.into_iter().zip(ends).zip(&plan.counts) {
        let found = cells.iter().filter(|c| (from..to).contains(c)).count() as u64;
        prop_assert_eq!(found, *count);
        prop_assert!(found == 0 || found >= k);
    }
    let missing = cells.iter().filter(|c| **c == 0).count() as u64;
    prop_assert_eq!(missing, plan.missing);
    prop_assert!(missing == 0 || missing >= k);
    prop_assert_eq!(plan.counts.iter().sum::<u64>() + missing, cells.len() as u64);
    let summary = summary(cells, &plan.edges).unwrap();
    prop_assert!(summary.is_consistent());
    prop_assert_eq!(summary.missing, missing);
    prop_assert_eq!(&summary.bins[..plan.counts.len()], &plan.counts[..]);
    prop_assert_eq!(summary.sum, cells.iter().map(|c| u128::from(*c)).sum::<u128>());
    if let ChartForm::Wide { step } = plan.form {
        prop_assert!(
            step <= FULL.step && plan.high / step <= FULL.steps && plan.high.is_multiple_of(step)
        );
        prop_assert!(plan.edges.iter().all(|e| (e - 1).is_multiple_of(step)));
    } else {
        prop_assert!(plan.high < FULL.small);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_bin_holds_nothing_or_k(
        cells in prop::collection::vec(0u64..400, 1..300), stretch in 1u64..2_000_000, k in 1u64..20,
        spread in 1u32..4,
    ) {
        // Skewed: most cells near the lower bound.
        let cells: Vec<u64> = cells.iter()
            .map(|c| if *c == 0 { 0 } else { (c.pow(spread) / 400u64.pow(spread - 1)).max(1) * stretch })
            .collect();
        let high = 400 * stretch;
        let last = i64::try_from(high).unwrap() - 1;
        match of_numbers(&histogram(&cells), &range(0, last), &Kind::Integer, k, FULL) {
            Ok(plan) => check_plan(&plan, &cells, k)?,
            Err(Unchartable::FewMissing { missing, .. }) => prop_assert!(missing > 0 && missing < k),
            Err(Unchartable::FewPresent { present, .. }) => prop_assert!(present < k),
            Err(Unchartable::TooWide { values, most }) => prop_assert!(values > most),
            Err(Unchartable::Bound) => prop_assert!(false),
        }
        let codes: Vec<u64> = cells.iter().map(|c| c % 60).collect();
        if let Ok(plan) = of_codes(&histogram(&codes), 59, k, FULL) {
            check_plan(&plan, &codes, k)?;
        }
    }
}

#[test]
fn ages_are_in_round_bins_and_rare_ones_together() {
    let ages: Vec<i64> = (0..4_000i64).map(|i| 18 + i * i % 61).chain([97, 97, 98]).collect();
    let plan = numbers(&ages, range(0, 120), Kind::Integer, 11).unwrap();
    assert_eq!(plan.form, ChartForm::Small);
    // Cell 1 is age 0: an edge at age 20 is cell 21.
    assert!(plan.edges.iter().all(|e| (e - 1).is_multiple_of(5)), "{:?}", plan.edges);
    assert!(plan.counts.iter().all(|c| *c == 0 || *c >= 11) && plan.counts.len() > 8);
}

#[test]
fn amounts_with_a_long_tail_follow_the_quantiles() {
    let amounts: Vec<i64> = (1..3_000i64).map(|i| i * i * i / 10_000).collect();
    let plan = numbers(&amounts, range(0, 5_000_000), Kind::Integer, 11).unwrap();
    assert!(matches!(plan.form, ChartForm::Wide { step: 200 }), "{plan:?}");
    assert_eq!(plan.high, 5_000_200);
    let most = plan.counts.iter().max().copied().unwrap();
    assert!(most < 1_500 && plan.counts.len() > 8, "{plan:?}");
}

#[test]
fn days_are_binned_by_the_calendar() {
    let low = Kind::Date.parse("1990-01-01").unwrap();
    let high = Kind::Date.parse("2029-12-31").unwrap();
    let from = Kind::Date.parse("2003-02-11").unwrap();
    let days: Vec<i64> = (0..6_000).map(|i| from + i).collect();
    let plan = numbers(&days, range(low, high), Kind::Date, 11).unwrap();
    assert_eq!(plan.form, ChartForm::Wide { step: 1 });
    assert_eq!(plan.high, u64::try_from(high - low).unwrap() + 1);
    for edge in &plan.edges {
        let text = Kind::Date.render(low + i64::try_from(*edge).unwrap() - 1).unwrap();
        assert!(text.ends_with("-01-01"), "{text}");
    }
    // Rounded up to its grid of five days, the bound would lie beyond the last day there is.
    let last = Kind::Date.parse("9999-12-31").unwrap();
    let days: Vec<i64> = (0..6_000).map(|i| last - i).collect();
    let refused = numbers(&days, range(last - 100_000, last), Kind::Date, 11);
    assert_eq!(refused, Err(Unchartable::Bound));
}

#[test]
fn codes_have_a_bin_each_where_counts_allow() {
    let codes =
        |counts: &[u64]| -> BTreeMap<u64, u64> { (1..).zip(counts.iter().copied()).collect() };
    let plan = of_codes(&codes(&[20, 30, 11]), 3, 11, FULL).unwrap();
    assert_eq!((plan.edges, plan.counts), (vec![2, 3], vec![20, 30, 11]));
    let plan = of_codes(&codes(&[20, 3, 30, 4, 50]), 5, 11, FULL).unwrap();
    assert_eq!(plan.counts, [23, 34, 50]);
    let plan = of_codes(&codes(&[15; 200]), 200, 11, FULL).unwrap();
    assert_eq!(plan.counts.len(), MAX_BINS);
    assert!(plan.counts.iter().all(|c| (60..=120).contains(c)), "{:?}", plan.counts);
    let mut few = codes(&[20, 30]);
    few.insert(0, 4);
    let refused = of_codes(&few, 2, 11, FULL).unwrap_err();
    assert_eq!(refused, Unchartable::FewMissing { missing: 4, k: 11 });
    assert!(refused.to_string().contains("--blank"));
    assert!(matches!(of_codes(&codes(&[3]), 1, 11, FULL), Err(Unchartable::FewPresent { .. })));
    let wide = of_codes(&codes(&[20]), 2 << 32, 11, FULL);
    assert!(matches!(wide, Err(Unchartable::TooWide { .. })));
}
