#![allow(clippy::unwrap_used)]

use super::*;

fn terms(clauses: &[&str]) -> Terms {
    let clauses: Vec<Clause> = clauses.iter().map(|text| text.parse().unwrap()).collect();
    let reviewed = clauses.iter().any(Clause::needs_review);
    Terms {
        clauses: Bounded::new(clauses).unwrap(),
        licence_text: Digest([1; 32]),
        review_ms: reviewed.then_some(60_000),
        review_all: false,
    }
}

fn proven(purposes: u32) -> Proven {
    Proven { purposes, ..Proven::default() }
}

#[test]
fn the_clause_that_decided_is_named() {
    let health = Purpose::new(PurposeKind::Health, None);
    let asthma = Purpose::new(PurposeKind::Disease, Some(Mondo(4_979)));
    for (clauses, purpose, bits, said) in [
        (&["GRU", "NPU"][..], &health, 2, "DUO:0000045 is not proven by the credential"),
        (&["HMB", "POA"], &health, 2, "DUO:0000006 permits the purpose"),
        (
            &["POA", "HMB"],
            &health,
            8,
            "DUO:0000006 permits the purpose, but the credential does not prove it",
        ),
        (
            &["DS:MONDO:0005148"],
            &asthma,
            4,
            "DUO:0000007 (MONDO:0005148) permits other diseases only",
        ),
        (&["POA"], &asthma, 4, "DUO:0000011 permits other purposes only"),
        (
            &["GRU", "RS:adults"],
            &health,
            2,
            "DUO:0000012 (adults) is for the institution to review",
        ),
        (
            &["GRU", "PS:A"],
            &health,
            2,
            "DUO:0000027 (A) needs a project, and the request names none",
        ),
    ] {
        let decision = terms(clauses).decide(purpose, &proven(bits));
        assert_eq!(decision.deciding().unwrap().to_string(), said);
        assert_eq!(decision.reasons.len(), clauses.len());
    }
}

#[test]
fn no_more_is_proven_than_the_terms_ask_for() {
    let health = Purpose::new(PurposeKind::Health, None);
    let plain = terms(&["HMB", "PUB", "NCU"]).required(&health);
    assert_eq!(plain, Required { purposes: 2, ..Required::default() });
    let all = terms(&["HMB", "NPUNCU", "IRB", "GS:AT,DE", "IS:A clinic"]).required(&health);
    assert_eq!((all.purposes, all.institution), (2 | NONPROFIT_BIT | ETHICS_BIT, true));
    assert_eq!(all.countries.list().len(), 2);
}

#[test]
fn terms_that_contradict_themselves_are_refused() {
    let code = |terms: &Terms| terms.check().map_err(|error| error.to_string());
    assert_eq!(code(&terms(&["GRU"])), Ok(()));
    assert_eq!(code(&terms(&["GRU", "POA", "NPOA", "TS:12", "RS:adults", "NRI"])), Ok(()));
    for (clauses, what) in [
        (&[][..], "no clause permits anything"),
        (&["NPU"], "no clause permits anything"),
        (&["CC"], "no clause permits anything"),
        (&["GRU", "GRU"], "DUO:0000042 stands twice"),
        (&["DS:MONDO:0000001", "DS:MONDO:0000002"], "DUO:0000007 stands twice"),
        (&["NRES", "NPU"], "DUO:0000004 says that nothing is restricted"),
        (&["POA", "NPOA"], "DUO:0000044 forbids the only research"),
    ] {
        let error = code(&terms(clauses)).unwrap_err();
        assert!(error.contains(what), "{clauses:?}: {error}");
    }
    let mut bad = terms(&["GRU"]);
    bad.clauses =
        Bounded::new(vec![Clause::plain(duo::GRU), Clause::plain(Code::new(10))]).unwrap();
    assert_eq!(bad.check(), Err(TxError::UnknownClause { clause: Code::new(10) }));
    bad.clauses = Bounded::new(vec![Clause::plain(duo::DS)]).unwrap();
    assert!(code(&bad).unwrap_err().contains("DUO:0000007 must name diseases"));
}

#[test]
fn a_review_has_a_time_exactly_if_there_is_one() {
    for (clauses, ms, all, good) in [
        (&["GRU"][..], None, false, true),
        (&["GRU"], Some(5), true, true),
        (&["GRU", "RS:adults"], Some(5), false, true),
        (&["GRU", "RS:adults"], Some(5), true, true),
        (&["GRU", "RS:adults"], None, false, false),
        (&["GRU"], None, true, false),
        (&["GRU"], Some(5), false, false),
        (&["GRU"], Some(0), true, false),
    ] {
        let mut terms = terms(clauses);
        (terms.review_ms, terms.review_all) = (ms, all);
        assert_eq!(terms.check().is_ok(), good, "{terms:?}");
    }
}

#[test]
fn any_change_changes_the_hash() {
    let one = terms(&["GRU", "GS:DE"]);
    let mut other = one.clone();
    other.licence_text = Digest([2; 32]);
    assert_ne!(one.hash(), other.hash());
    assert_ne!(one.hash(), terms(&["GRU", "GS:AT"]).hash());
}
