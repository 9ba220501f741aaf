#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;
use std::time::Instant;

use galen_market::id::PackageId;

use super::*;

/// A number that looks random, the same each time.
fn scattered(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 16
}

fn id(at: u64) -> ListingId {
    let bytes = |at: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&at.to_be_bytes());
        bytes
    };
    ListingId { institution: AccountId(bytes(at % 7)), package: PackageId(bytes(at)) }
}

const TOPICS: [&str; 6] = ["diabetes", "heart", "lung cancer", "asthma", "卒中", "sleep"];
const COLUMNS: [&str; 8] = ["age", "sex", "glucose", "bmi", "hba1c", "ward", "days", "score"];

fn example(at: u64) -> (Card, Vec<(u16, String)>) {
    let pick = |salt: u64, of: usize| usize::try_from(scattered(at * 31 + salt)).unwrap() % of;
    let topic = TOPICS[pick(1, TOPICS.len())];
    let mut columns: Vec<String> =
        (0..6).map(|salt| COLUMNS[pick(10 + salt, COLUMNS.len())].to_owned()).collect();
    columns.sort_unstable();
    columns.dedup();
    let mut facets: [Vec<String>; Facet::ALL.len()] = Default::default();
    facets[Facet::Column.at()] = columns;
    facets[Facet::Country.at()] = vec![["DE", "AT", "CN"][pick(2, 3)].to_owned()];
    facets[Facet::Terms.at()] = vec![["GRU", "HMB"][pick(3, 2)].to_owned()];
    facets[Facet::Kind.at()] = vec!["table".to_owned()];
    facets[Facet::Institution.at()] = vec![id(at).institution.to_string()];
    let units = scattered(at + 5) % 50_000;
    let card = Card {
        id: id(at),
        title: format!("{topic} cohort {at}"),
        about: String::new(),
        institution: format!("Hospital {}", at % 7),
        rows: scattered(at + 1) % 100_000,
        columns: 6,
        tables: 1,
        files: 0,
        k: (pick(4, 5) > 0).then(|| 3 + u32::try_from(pick(5, 30)).unwrap()),
        l: None,
        price: Some(Price { units, decimals: 2, currency: "EUR".to_owned() }),
        several: false,
        since_ms: 1_000_000 + at,
        open: true,
        superseded: false,
        facets,
    };
    let texts = vec![(8, card.title.clone()), (4, card.facets[Facet::Column.at()].join(" "))];
    (card, texts)
}

fn made(count: u64) -> Index {
    let mut index = Index::default();
    for at in 0..count {
        let (card, texts) = example(at);
        index.add(card, &texts);
    }
    index
}

/// The same question answered by looking at every card.
fn simple(index: &Index, query: &Query) -> BTreeSet<ListingId> {
    let wanted = |card: &Card| {
        let facets = Facet::ALL.into_iter().all(|facet| {
            let picked = &query.picked[facet.at()];
            let has = |value: &String| card.of(facet).contains(value);
            picked.is_empty()
                || if facet.all() { picked.iter().all(has) } else { picked.iter().any(has) }
        });
        let bounds = Bound::ALL.into_iter().all(|bound| {
            query.bounds[bound.at()].is_none_or(|value| card.meets(bound, value, 2_000_000))
        });
        let said = format!("{} {}", card.title, card.of(Facet::Column).join(" ")).to_lowercase();
        let said: Vec<&str> = said.split(' ').collect();
        let text =
            query.text.split(' ').all(|word| said.iter().any(|known| known.starts_with(word)));
        facets && bounds && text
    };
    let cards = index.documents.iter().flatten().map(|document| &document.card);
    cards.filter(|card| wanted(card)).map(|card| card.id).collect()
}

fn all_found(index: &Index, query: &Query) -> BTreeSet<ListingId> {
    let mut ids = BTreeSet::new();
    let mut query = query.clone();
    loop {
        let found = index.answer(&query, 2_000_000);
        let cards = index.page(&found, query.page);
        if cards.is_empty() {
            assert_eq!(ids.len(), found.total(), "every hit is on one page");
            return ids;
        }
        for card in &cards {
            assert!(ids.insert(card.id), "no hit is on two pages");
        }
        query.page += 1;
    }
}

const QUESTIONS: [&str; 9] = [
    "",
    "text=heart",
    "text=diab+cohort&country=DE",
    "text=cohort&column=age&column=sex",
    "country=DE&country=AT&k_min=10",
    "rows_min=50000&price_max=100&terms=HMB",
    "text=nothing",
    "country=XX",
    "text=asthma&institution=0000000000000003000000000000000000000000000000000000000000000000",
];

#[test]
fn the_index_finds_what_looking_at_everything_finds() {
    let index = made(300);
    let mut hits = 0;
    for asked in QUESTIONS {
        let query = Query::parse(asked).unwrap();
        let expected = simple(&index, &query);
        assert_eq!(all_found(&index, &query), expected, "{asked}");
        hits += expected.len();
    }
    assert!(hits > 350, "{hits}: the questions find something");
}

#[test]
fn a_count_is_what_choosing_the_value_finds() {
    let index = made(300);
    let mut compared = 0;
    for asked in QUESTIONS {
        let query = Query::parse(asked).unwrap();
        let found = index.answer(&query, 2_000_000);
        for facet in Facet::ALL {
            for counted in &found.facets[facet.at()].0 {
                let mut alone = query.clone();
                if !facet.all() {
                    alone.picked[facet.at()].clear();
                }
                if !alone.picked[facet.at()].contains(&counted.value) {
                    alone.picked[facet.at()].push(counted.value.clone());
                }
                let expected = simple(&index, &alone).len();
                assert_eq!(counted.count, expected, "{asked}: {facet:?} {}", counted.value);
                compared += 1;
            }
        }
        for bound in Bound::ALL {
            for (count, step) in found.steps[bound.at()].iter().zip(bound.steps()) {
                let expected = simple(&index, &query.bounded(bound, Some(*step))).len();
                assert_eq!(*count, expected, "{asked}: {bound:?} {step}");
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn order_is_what_is_asked_for() {
    let index = made(100);
    let cards =
        |asked: &str| index.page(&index.answer(&Query::parse(asked).unwrap(), 2_000_000), 0);
    let ascending = |values: Vec<u64>| values.is_sorted();
    assert!(ascending(
        cards("sort=price").iter().map(|card| card.price.as_ref().unwrap().whole()).collect()
    ));
    assert!(ascending(cards("sort=rows").iter().rev().map(|card| card.rows).collect()));
    assert!(ascending(
        cards("sort=k").iter().rev().map(|card| card.k.map_or(0, u64::from)).collect()
    ));
    assert!(ascending(cards("sort=newest").iter().rev().map(|card| card.since_ms).collect()));
    // A word in the title counts more than one among the columns, and rare words more than frequent ones.
    let first = &cards("text=heart")[0];
    assert!(first.title.starts_with("heart"), "{}", first.title);
    assert!(cards("text=%E5%8D%92%E4%B8%AD")[0].title.starts_with("卒中"));
}

#[test]
fn what_is_taken_out_is_found_no_more() {
    let mut index = made(200);
    let query = Query::parse("text=cohort").unwrap();
    for round in 0..3 {
        for at in 0..150 {
            index.remove(&id(at));
        }
        assert_eq!(index.answer(&query, 0).total(), 50, "round {round}");
        for at in 0..150 {
            let (card, texts) = example(at);
            index.add(card, &texts);
        }
        assert_eq!(index.answer(&query, 0).total(), 200, "round {round}");
        index.close_gaps();
        assert_eq!((index.documents.len(), index.answer(&query, 0).total()), (200, 200));
        assert_eq!(all_found(&index, &query), simple(&index, &query));
    }
    assert_eq!(index.totals().listed, 200);
    assert_eq!(index.totals().institutions, 7);
    assert_eq!(index.listed_by(&id(1).institution), 29);
}

#[test]
fn no_text_makes_it_fail() {
    let index = made(20);
    for text in ["%00", "%F0%9F%98%80", "%E2%80%AE", "((", "*", "-", "a%2Fb%5C", "%C3%9F", "'\"<>"]
    {
        let query = Query::parse(&format!("text={text}")).unwrap();
        index.answer(&query, 0);
    }
    let empty = Index::default();
    assert_eq!(empty.answer(&Query::parse("text=a&page=9999&country=DE").unwrap(), 0).total(), 0);
    let all = index.answer(&Query::default(), 0);
    assert_eq!(index.page(&all, usize::MAX).len(), 0);
    assert_eq!(
        index.answer(&Query::parse("text=%21%21").unwrap(), 0).total(),
        0,
        "signs fit nothing"
    );
}

#[test]
fn ten_thousand_datasets_are_searched_in_milliseconds() {
    let index = made(10_000);
    let queries: Vec<Query> = QUESTIONS.iter().map(|asked| Query::parse(asked).unwrap()).collect();
    let mut slowest = 0.0f64;
    for query in &queries {
        // The quickest of a few runs: a busy machine is not what is measured.
        let times = (0..5).map(|_| {
            let start = Instant::now();
            assert!(index.answer(query, 0).total() <= 10_000);
            start.elapsed().as_secs_f64() * 1e3
        });
        slowest = slowest.max(times.fold(f64::MAX, f64::min));
    }
    // The aim is 20 ms at 500 requests a second, with every optimisation; tests have but some.
    assert!(slowest < 20.0, "{slowest} ms");
}

#[test]
fn an_answer_is_used_again_until_something_changes() {
    use crate::find::answers::Answers;
    let mut index = made(50);
    let answers = Answers::default();
    let query = Query::parse("text=cohort").unwrap();
    let first = answers.of(&index, &query, 1_000_000);
    let later = answers.of(&index, &Query { page: 2, ..query.clone() }, 1_059_000);
    assert!(Arc::ptr_eq(&first, &later), "another page of the same answer");
    let sorted = answers.of(&index, &Query::parse("text=cohort&sort=rows").unwrap(), 1_000_000);
    assert!(!Arc::ptr_eq(&first, &sorted), "another order is another answer");
    assert!(!Arc::ptr_eq(&first, &answers.of(&index, &query, 1_060_000)), "a minute later");

    let totals = index.totals();
    index.remove(&id(7));
    assert_eq!(answers.of(&index, &query, 1_060_000).total(), 49);
    assert_eq!(index.totals().listed, totals.listed - 1);
    // However many ask for different things, what is kept is bounded.
    for n in 0..5_000 {
        let other = Query::parse(&format!("rows_min={n}")).unwrap();
        answers.of(&index, &other, 1_060_000);
        assert!(answers.size().0 <= 2_000, "{n}");
    }
}

#[test]
fn a_question_that_many_ask_at_once_is_answered_once() {
    use crate::find::answers::Answers;
    let index = made(50);
    let answers = Answers::default();
    let query = Query::parse("text=cohort").unwrap();
    let given: Vec<_> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| answers.of(&index, &query, 1_000_000));
        let asked: Vec<_> = (0..16).map(|_| ask()).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(given.iter().all(|answer| Arc::ptr_eq(answer, &given[0])));
    assert_eq!(answers.size(), (1, given[0].total()));
    // One that is too old is replaced, and counted once.
    answers.of(&index, &query, 1_060_000);
    assert_eq!(answers.size(), (1, given[0].total()));
}
