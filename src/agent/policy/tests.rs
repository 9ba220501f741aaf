#![allow(clippy::unwrap_used)]

use galen_market::amount::Amount;
use galen_market::codec::Bounded;
use galen_market::id::DealId;
use galen_market::listing::ListingId;
use galen_market::terms::{Decision, Finding, Purpose, Reason};

use super::*;
use crate::agent::tests::a_deal;

fn policy(json: &str) -> Policy {
    Policy::parse(format!(r#"{{"format": "{FORMAT}", {json}}}"#).as_bytes()).unwrap()
}

fn deal(purpose: Purpose, reviewed: &[&str]) -> Deal {
    let reasons = reviewed
        .iter()
        .map(|clause| Reason { clause: clause.parse().unwrap(), finding: Finding::ForReview });
    Deal {
        purpose,
        decision: Decision {
            outcome: Outcome::NeedsReview,
            reasons: Bounded::new(reasons.collect()).unwrap(),
        },
        ..a_deal()
    }
}

#[test]
fn the_example_is_a_policy_and_nothing_is_the_default() {
    let mut example = Policy::parse(EXAMPLE.as_bytes()).unwrap();
    let floor = Some(Floor(money("5 EUR").unwrap()));
    let single = ListingPolicy { deliver: true, floor, max_per_day: None };
    example.listings.insert(PackageId([7; 32]), single);
    assert_eq!((example.review.len(), example.concurrency), (2, 4));
    let written = serde_json::to_string(&example).unwrap();
    assert_eq!(Policy::parse(written.as_bytes()).unwrap(), example, "{written}");
    let plain = Policy::parse(format!(r#"{{"format": "{FORMAT}"}}"#).as_bytes()).unwrap();
    assert_eq!(plain, Policy::default());
    assert_eq!(plain.delivers(&a_deal()), Ok(()));
    assert_eq!(plain.reviews(&a_deal()), Err(Need::Review));
}

#[test]
fn a_file_that_is_no_policy_is_named_by_field_line_and_column() {
    for (json, parts) in [
        ("", &["line 1 column 0"][..]),
        ("{}", &["format", "line 1"]),
        (r#"{"format": "galen-agent-policy/2"}"#, &["`format`", "expected", "line 1 column 3"]),
        (
            "{\"format\": \"galen-agent-policy/1\",\n \"max_per_day\": -1}",
            &["`max_per_day`", "line 2"],
        ),
        ("{\"format\": \"galen-agent-policy/1\",\n\n \"pakages\": []}", &["pakages", "line 3"]),
        (r#"{"format": "galen-agent-policy/1", "packages": "some"}"#, &["`packages`", "\"all\""]),
        (r#"{"format": "galen-agent-policy/1", "packages": ["ab"]}"#, &["`packages", "64"]),
        (r#"{"format": "galen-agent-policy/1", "concurrency": 0}"#, &["`concurrency`", "1 to 64"]),
        (
            r#"{"format": "galen-agent-policy/1", "floors": ["1 eur"]}"#,
            &["`floors[0]`", "amount of money"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "review": [{"decide": "maybe"}]}"#,
            &["`review[0].decide`", "maybe"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "review": [{"decide": "refuse"}]}"#,
            &["`review[0].reason`"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "review": [{"decide": "accept", "clauses": ["DUO:0000099"]}]}"#,
            &["`review[0].clauses`", "DUO:0000099"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "webhook": {"url": "ftp://host/"}}"#,
            &["`webhook.url`", "https://"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "webhook": {"url": "https://a:b@host/"}}"#,
            &["`webhook.url`", "password"],
        ),
        (
            r#"{"format": "galen-agent-policy/1", "webhook": {"url": "http://host/", "attempts": 99}}"#,
            &["`webhook.attempts`", "1 to 10"],
        ),
        (r#"{"format": "galen-agent-policy/1"} {}"#, &["trailing"]),
    ] {
        let error = Policy::parse(json.as_bytes()).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{json}: {error}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    std::fs::write(&path, "{").unwrap();
    let failure = Policy::read(&path).unwrap_err();
    assert_eq!((failure.code(), failure.exit()), ("agent.policy", Exit::Input));
}

#[test]
fn a_key_file_is_found_beside_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    std::fs::write(&path, EXAMPLE).unwrap();
    let key = Policy::read(&path).unwrap().webhook.unwrap().key_file.unwrap();
    assert_eq!(key, folder.path().join("webhook.key"));
}

#[test]
fn what_the_policy_does_not_name_is_not_delivered() {
    let deal = a_deal();
    let (ours, other) = (deal.listing.package, PackageId([9; 32]));
    let said = |json: &str| policy(json).delivers(&deal);
    assert_eq!(said(&format!(r#""packages": ["{ours}"]"#)), Ok(()));
    assert_eq!(said(&format!(r#""packages": ["{other}"]"#)), Err(Need::Package));
    assert_eq!(said(r#""packages": []"#), Err(Need::Package));
    assert_eq!(said(r#""floors": ["100 EUR"]"#), Ok(()));
    assert_eq!(said(r#""floors": ["5 USD", "101 EUR"]"#), Err(Need::Price));
    assert_eq!(said(r#""floors": ["101 USD"]"#), Ok(()));
    let single = |json: &str| said(&format!(r#""listings": {{"{ours}": {{{json}}}}}"#));
    assert_eq!(single(""), Ok(()));
    assert_eq!(single(r#""deliver": false"#), Err(Need::Package));
    assert_eq!(single(r#""floor": "100 EUR""#), Ok(()));
    assert_eq!(single(r#""floor": "101 EUR""#), Err(Need::Price));
    assert_eq!(single(r#""floor": "1 USD""#), Err(Need::Price), "nobody said what a euro is worth");
}

/// A claim costs nothing by itself; were it held back for its price, the institution would pay for that.
#[test]
fn what_a_subscriber_claims_is_below_no_floor() {
    let sold = a_deal();
    let ListingId { package, .. } = sold.listing;
    let mut claimed = a_deal();
    claimed.origin = Origin::Claim { subscription: DealId([7; 32]), package, version: 1 };
    claimed.price.amount = Amount::ZERO;
    let mut given_away = sold.clone();
    given_away.price.amount = Amount::ZERO;
    let floors = policy(r#""floors": ["1 EUR"]"#);
    assert_eq!(floors.delivers(&claimed), Ok(()));
    assert_eq!(floors.delivers(&given_away), Err(Need::Price));
    assert_eq!(policy(r#""packages": []"#).delivers(&claimed), Err(Need::Package));
}

#[test]
fn a_request_is_reviewed_by_the_first_rule_that_fits() {
    let rules = policy(
        r#""review": [
            {"decide": "refuse", "commercial": true, "reason": "no"},
            {"decide": "accept", "purposes": ["health"], "clauses": ["PS"]},
            {"decide": "accept", "purposes": ["health"], "genetic": true, "clauses": ["PS", "RS"]}
        ]"#,
    );
    let health = || Purpose::new(PurposeKind::Health, None);
    let verdict =
        |purpose, clauses: &[&str]| rules.reviews(&deal(purpose, clauses)).map(|rule| rule.decide);
    assert_eq!(verdict(health(), &["PS:A"]), Ok(Verdict::Accept));
    assert_eq!(verdict(health(), &[]), Ok(Verdict::Accept));
    let commercial = Purpose { commercial: true, ..health() };
    assert_eq!(verdict(commercial, &["PS:A", "RS:b"]), Ok(Verdict::Refuse));
    // A clause that no rule may accept is left for a person.
    assert_eq!(verdict(health(), &["PS:A", "RS:b"]), Err(Need::Review));
    assert_eq!(verdict(health(), &["US:b"]), Err(Need::Review));
    let genetic = Purpose { genetic: true, ..health() };
    assert_eq!(verdict(genetic, &["PS:A", "RS:b"]), Ok(Verdict::Accept));
    assert_eq!(verdict(Purpose::new(PurposeKind::General, None), &["PS:A"]), Err(Need::Review));
}
