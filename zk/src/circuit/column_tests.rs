#![allow(clippy::unwrap_used)]

use super::*;

fn claim(error: ProofError) -> &'static str {
    match error {
        ProofError::Claim(reason) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn charts_that_say_nothing_definite_are_refused() {
    let refused = |step, edges: &[u64]| claim(Chart::new(step, edges.to_vec()).unwrap_err());
    assert!(refused(0, &[1, 2]).contains("step"));
    assert!(refused(1, &[]).contains("between 1 and 32 bins"));
    assert!(refused(1, &[1]).contains("between 1 and 32 bins"));
    assert!(refused(1, &(1..=34).collect::<Vec<u64>>()).contains("between 1 and 32 bins"));
    assert!(refused(1, &[0, 1]).contains("missing"));
    assert!(refused(1, &[1, 1]).contains("increase"));
    assert!(refused(1, &[1, 5, 3]).contains("increase"));
    assert!(refused(3, &[1, 5]).contains("grid"));
    assert!(refused(3, &[2, 5]).contains("grid"));
    assert!(refused(u64::MAX, &[1, u64::MAX]).contains("grid"));
    Chart::new(3, vec![1, 4, 10]).unwrap();
    Chart::new(3, vec![4, 10]).unwrap();
    Chart::new(1, (1..=33).collect()).unwrap();
}

#[test]
fn a_cell_has_the_bin_between_whose_edges_it_lies() {
    let chart = Chart::new(1, vec![2, 3, 7]).unwrap();
    let bins: Vec<Option<usize>> = (0..9).map(|cell| chart.bin(cell)).collect();
    let expected = [None, None, Some(1), Some(2), Some(2), Some(2), Some(2), None, None];
    assert_eq!(bins, expected);
    assert_eq!((chart.lowest(), chart.highest()), (2, 6));
    assert_eq!(chart.bin(u64::MAX), None);
}

#[test]
fn adversary_17_a_cell_that_the_chart_does_not_allow_is_named() {
    let chart = Chart::new(1, vec![2, 3, 7]).unwrap();
    let summary = chart.summary(&[0, 2, 6, 6]).unwrap();
    assert_eq!((summary.count, summary.missing, summary.sum, summary.sum_squares), (3, 1, 14, 76));
    assert_eq!(summary.bins[..3], [1, 2, 0]);
    for cell in [1, 7, u64::MAX] {
        let refused = chart.summary(&[0, 2, cell, 6]).unwrap_err().0;
        assert_eq!(refused, format!("row 2: cell {cell} is neither missing nor in 2..=6"));
    }
}

#[test]
fn a_verifier_finds_the_value_of_the_labels_from_the_edges() {
    for edges in [vec![1, 2], vec![0, 3, 4, 9], vec![5, 9], vec![1, 2, 3, 20], vec![0, 20]] {
        let labels = Labels::new(edges.clone(), 20).unwrap();
        let scalars = labels.scalars();
        assert_eq!(scalars.len(), 19);
        for (entry, scalar) in (1..).zip(&scalars) {
            let inside = (edges[0]..edges[edges.len() - 1]).contains(&entry);
            let bin = edges.iter().filter(|edge| **edge <= entry).count() as u64;
            assert_eq!(*scalar, Fr::from(if inside { bin } else { 33 }), "{edges:?} {entry}");
        }
        for zeta in [Fr::ZERO, Fr::ONE, Fr::from(2u64), Fr::from(0x1234_5678_9abc_def1u64)] {
            assert_eq!(labels.evaluate(zeta), evaluate(&scalars, zeta), "{edges:?} {zeta}");
        }
    }
    let reason = claim(Labels::new(vec![1, 21], 20).unwrap_err());
    assert!(reason.contains("beyond the values"));
    assert!(Labels::new(vec![1, u64::MAX], 20).is_err());
}

#[test]
fn only_small_field_elements_are_integers() {
    assert_eq!(integer(Fr::from(u64::MAX)), Some(u64::MAX));
    assert_eq!(integer(Fr::from(u64::MAX) + Fr::ONE), None);
    assert_eq!(integer(-Fr::ONE), None);
}
