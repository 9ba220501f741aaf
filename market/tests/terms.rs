//! Every code against every purpose and everything that a credential can prove, beside a table that was
//! written without looking at the ledger's rule; and what must hold of any terms.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::codec::{Bounded, Text, decode_exact, encode};
use galen_market::id::Digest;
use galen_market::terms::{
    Clause, ETHICS_BIT, Mondo, NONPROFIT_BIT, Outcome, Proven, Purpose, PurposeKind, Terms,
    Undertakings, duo, institution_attribute,
};
use galen_zk::circuit::credential::{Countries, Country};
use proptest::prelude::*;
use proptest::sample::subsequence;

fn terms(clauses: Vec<Clause>) -> Terms {
    let reviewed = clauses.iter().any(Clause::needs_review);
    Terms {
        clauses: Bounded::new(clauses).unwrap(),
        licence_text: Digest([1; 32]),
        review_ms: reviewed.then_some(1_000),
        review_all: false,
    }
}

fn clauses(texts: &[&str]) -> Vec<Clause> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn countries(names: &[&str]) -> Countries {
    Countries::new(names.iter().map(|name| Country::new(name).unwrap()).collect()).unwrap()
}

/// One clause a code.
const EVERY: [&str; 24] = [
    "NRES",
    "GRU",
    "HMB",
    "DS:MONDO:0000001,MONDO:0000002",
    "POA",
    "CC",
    "RS:adults",
    "NMDS",
    "GSO",
    "NPUNCU",
    "PUB",
    "COL",
    "IRB",
    "GS:AT,DE",
    "MOR:2027-01-01",
    "TS:24",
    "US:members",
    "PS:Project A",
    "IS:A clinic",
    "RTN",
    "NPOA",
    "NPU",
    "NCU",
    "NRI",
];

/// A request in the words of the reference: facts, each by a name.
#[derive(Clone, Debug)]
struct Facts(Vec<&'static str>);

impl Facts {
    fn has(&self, fact: &str) -> bool {
        self.0.contains(&fact)
    }

    fn purpose(&self) -> Purpose {
        let kind = PurposeKind::ALL.into_iter().find(|kind| self.has(kind.name())).unwrap();
        let diseases = match (kind, self.has("foreign disease")) {
            (PurposeKind::Disease, false) => vec![Mondo(1), Mondo(2)],
            (PurposeKind::Disease, true) => vec![Mondo(2), Mondo(3)],
            _ => vec![],
        };
        Purpose {
            kind,
            diseases: Bounded::new(diseases).unwrap(),
            commercial: self.has("commercial"),
            methods: self.has("methods"),
            genetic: self.has("genetic"),
            project: Text::new(if self.has("project") { "A study" } else { "" }).unwrap(),
            undertakings: Undertakings {
                publication: self.has("publication"),
                collaboration: self.has("collaboration"),
                return_of_results: self.has("return"),
                no_reidentification: self.has("no re-identification"),
                moratorium: self.has("moratorium").then(|| "2027-01-01".parse().unwrap()),
            },
        }
    }

    fn proven(&self) -> Proven {
        let bit = |fact: &str, bit: u32| if self.has(fact) { bit } else { 0 };
        Proven {
            purposes: bit("approved", self.purpose().kind.bit())
                | bit("nonprofit", NONPROFIT_BIT)
                | bit("ethics", ETHICS_BIT),
            countries: if self.has("country") { countries(&["DE"]) } else { countries(&[]) },
            institution: self.has("institution").then(|| institution_attribute("A clinic")),
        }
    }
}

/// What each code needs, as alternatives (`|`) of facts that must all be there (`&`) or absent (`!`).
/// An empty condition is always met. The last column says whether the institution looks at it.
const REFERENCE: &[(&str, &str, bool)] = &[
    ("NRES", "approved", false),
    (
        "GRU",
        "approved & general | approved & health | approved & disease | approved & ancestry",
        false,
    ),
    ("HMB", "approved & health | approved & disease", false),
    ("DS", "approved & disease & !foreign disease", false),
    ("POA", "approved & ancestry", false),
    ("CC", "approved & clinical_care", false),
    ("RS", "", true),
    ("NMDS", "!methods", false),
    ("GSO", "genetic", false),
    ("NPUNCU", "nonprofit & !commercial", false),
    ("PUB", "publication", false),
    ("COL", "collaboration", false),
    ("IRB", "ethics", false),
    ("GS", "country", false),
    ("MOR", "moratorium", false),
    ("TS", "", false),
    ("US", "", true),
    ("PS", "project", true),
    ("IS", "institution", false),
    ("RTN", "return", false),
    ("NPOA", "!ancestry", false),
    ("NPU", "nonprofit", false),
    ("NCU", "!commercial", false),
    ("NRI", "no re-identification", false),
];

fn met(condition: &str, facts: &Facts) -> bool {
    condition.split('|').any(|all| {
        all.split('&').map(str::trim).filter(|fact| !fact.is_empty()).all(|fact| {
            match fact.strip_prefix('!') {
                Some(fact) => !facts.has(fact),
                None => facts.has(fact),
            }
        })
    })
}

fn reference(code: &str, facts: &Facts) -> Outcome {
    let (_, condition, review) = REFERENCE.iter().find(|row| row.0 == code).unwrap();
    match (met(condition, facts), review) {
        (false, _) => Outcome::Refused,
        (true, true) => Outcome::NeedsReview,
        (true, false) => Outcome::Allowed,
    }
}

const SWITCHES: [&str; 14] = [
    "approved",
    "nonprofit",
    "ethics",
    "country",
    "institution",
    "commercial",
    "methods",
    "genetic",
    "project",
    "publication",
    "collaboration",
    "return",
    "no re-identification",
    "moratorium",
];

/// Every kind of purpose with every combination of the switches.
fn all_facts() -> impl Iterator<Item = Facts> {
    let kinds =
        ["general", "health", "disease", "ancestry", "clinical_care"].map(|kind| vec![kind]);
    let foreign = vec!["disease", "foreign disease"];
    kinds.into_iter().chain([foreign]).flat_map(|kind| {
        (0u32..1 << SWITCHES.len()).map(move |mask| {
            let on = (0usize..).zip(SWITCHES).filter(|(i, _)| mask >> i & 1 == 1);
            Facts(kind.iter().copied().chain(on.map(|(_, fact)| fact)).collect())
        })
    })
}

#[test]
fn every_code_decides_as_the_reference_says() {
    assert_eq!(REFERENCE.len(), duo::CODES.len());
    let singles: Vec<(String, Terms)> = clauses(&EVERY)
        .into_iter()
        .map(|clause| (clause.code.short(), terms(vec![clause])))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for facts in all_facts() {
        let (purpose, proven) = (facts.purpose(), facts.proven());
        assert_eq!(purpose.check(), Ok(()));
        for (code, terms) in &singles {
            let said = terms.decide(&purpose, &proven).reasons[0].finding.outcome();
            assert_eq!(said, reference(code, &facts), "{code} to {:?}", facts.0);
            seen.insert((code.clone(), said));
        }
    }
    // Each code was seen to refuse and to let pass, but those that always do one thing.
    for (code, condition, review) in REFERENCE {
        let good = if *review { Outcome::NeedsReview } else { Outcome::Allowed };
        assert!(seen.contains(&((*code).to_owned(), good)), "{code}");
        assert_eq!(seen.contains(&((*code).to_owned(), Outcome::Refused)), !condition.is_empty());
    }
}

fn any_clauses() -> impl Strategy<Value = Vec<Clause>> {
    subsequence(EVERY.to_vec(), 1..EVERY.len()).prop_map(|texts| clauses(&texts)).prop_shuffle()
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let kind = prop::sample::select(vec![
        vec!["general"],
        vec!["health"],
        vec!["disease"],
        vec!["disease", "foreign disease"],
        vec!["ancestry"],
        vec!["clinical_care"],
    ]);
    (kind, subsequence(SWITCHES.to_vec(), 0..=SWITCHES.len()))
        .prop_map(|(kind, on)| Facts(kind.into_iter().chain(on).collect()))
}

/// The outcome of a whole list by the reference.
fn expected(clauses: &[Clause], facts: &Facts) -> Outcome {
    let permits = ["NRES", "GRU", "HMB", "DS", "POA", "CC"];
    let (permissions, restrictions): (Vec<String>, Vec<String>) = clauses
        .iter()
        .map(|clause| clause.code.short())
        .partition(|code| permits.contains(&code.as_str()));
    if !permissions.iter().any(|code| reference(code, facts) == Outcome::Allowed) {
        return Outcome::Refused;
    }
    let outcomes: Vec<_> = restrictions.iter().map(|code| reference(code, facts)).collect();
    let any = |outcome| outcomes.contains(&outcome);
    match (any(Outcome::Refused), any(Outcome::NeedsReview)) {
        (true, _) => Outcome::Refused,
        (false, true) => Outcome::NeedsReview,
        (false, false) => Outcome::Allowed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn lists_of_clauses_decide_as_the_reference_says(
        (list, shuffled) in any_clauses().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        facts in any_facts(),
    ) {
        let (purpose, proven) = (facts.purpose(), facts.proven());
        let decision = terms(list.clone()).decide(&purpose, &proven);
        prop_assert_eq!(decision.outcome, expected(&list, &facts));
        // Every clause has its reason, in its place, and one of them decided.
        let named: Vec<_> = decision.reasons.iter().map(|reason| reason.clause.clone()).collect();
        prop_assert_eq!(&named, &list);
        let permission = list.iter().any(|clause| {
            clause.code.is_permission() || clause.code == duo::CC
        });
        prop_assert!(decision.deciding().is_some() || !permission);
        // The order of clauses changes the order of the reasons alone.
        let other = terms(shuffled).decide(&purpose, &proven);
        prop_assert_eq!(other.outcome, decision.outcome);
        for reason in &decision.reasons {
            prop_assert!(other.reasons.contains(reason));
        }
        prop_assert_eq!(decode_exact(&encode(&decision)), Ok(decision));
    }

    /// Proving or promising more, a wider permission, or one restriction less: never worse.
    #[test]
    fn more_never_decides_worse(
        list in any_clauses(),
        facts in any_facts(),
        more in prop::sample::select(vec![
            "approved", "nonprofit", "ethics", "country", "institution", "genetic", "project",
            "publication", "collaboration", "return", "no re-identification", "moratorium",
        ]),
        extra in prop::sample::select(EVERY.to_vec()),
    ) {
        let outcome = |list: &[Clause], facts: &Facts| {
            terms(list.to_vec()).decide(&facts.purpose(), &facts.proven()).outcome
        };
        let before = outcome(&list, &facts);
        let mut richer = facts.clone();
        richer.0.push(more);
        prop_assert!(outcome(&list, &richer) <= before, "{more}");
        let extra: Clause = extra.parse().unwrap();
        if !list.iter().any(|clause| clause.code == extra.code) {
            let longer = [list.clone(), vec![extra.clone()]].concat();
            let after = outcome(&longer, &facts);
            let permits = extra.code.is_permission() || extra.code == duo::CC;
            let good = if permits { after <= before } else { after >= before };
            prop_assert!(good, "{extra}: {before} became {after}");
        }
        // Countries: naming fewer proves more; diseases: asking for fewer is covered by more.
        let proven = Proven { countries: countries(&["AT", "DE"]), ..facts.proven() };
        let wide = terms(list.clone()).decide(&facts.purpose(), &proven).outcome;
        let proven = Proven { countries: countries(&["AT"]), ..proven };
        prop_assert!(terms(list).decide(&facts.purpose(), &proven).outcome <= wide);
    }
}

#[test]
fn a_country_or_an_institution_that_is_not_the_clause_s_proves_nothing() {
    let facts = Facts(vec!["health", "approved"]);
    let outcome = |clause: &str, proven: Proven| {
        terms(clauses(&["HMB", clause])).decide(&facts.purpose(), &proven).outcome
    };
    let with = |names: &[&str]| Proven { countries: countries(names), ..facts.proven() };
    assert_eq!(outcome("GS:AT,DE", with(&["AT", "DE"])), Outcome::Allowed);
    assert_eq!(outcome("GS:AT,DE", with(&["CH"])), Outcome::Refused);
    assert_eq!(outcome("GS:AT,DE", with(&["AT", "CH"])), Outcome::Refused);
    let named =
        |name: &str| Proven { institution: Some(institution_attribute(name)), ..facts.proven() };
    assert_eq!(outcome("IS:A clinic", named("A clinic")), Outcome::Allowed);
    assert_eq!(outcome("IS:A clinic", named("Another clinic")), Outcome::Refused);
}
