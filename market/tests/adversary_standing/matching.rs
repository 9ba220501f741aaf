//! What a standing request meets, and what it does not.

use super::*;

#[test]
fn a_standing_request_is_matched_ready_delivered_and_paid() {
    let mut m = market();
    let standing = m.post_with(|post| post.max_price = euros(2 * PRICE)).unwrap();
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    assert_eq!(m.purse(standing), 2 * PRICE + m.least());
    // A listing above the highest price is not taken, one that costs less is, at its own price.
    m.list("dear", 2 * PRICE + 1);
    let package = m.list("cohort", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).origin, Origin::Standing { standing });
    assert_eq!(m.sim.deal(deal).stage, Stage::Agreed);
    assert_eq!(m.sim.deal(deal).listing, package.listing());
    assert_eq!(m.sim.deal(deal).price, euros(PRICE));
    assert_eq!(m.purse(standing), PRICE);
    m.ready(deal).unwrap();
    let before = m.sim.balance(&m.funder);
    m.deliver(deal, &package).unwrap();
    assert_eq!(m.ending(standing), Some(Ending::Fulfilled));
    assert_eq!(m.sim.balance(&m.funder), before + PRICE);
    assert_eq!(m.purse(standing), 0);
    let institution = m.sim.balance(&m.hospital);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).stage, Stage::Finalized);
    assert_eq!(m.sim.balance(&m.hospital), institution + PRICE);
    m.sim.replay();
}

#[test]
fn posting_finds_what_is_listed_already_the_oldest_first() {
    let mut m = market();
    let first = m.list("first", PRICE);
    m.list("second", PRICE / 2);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).listing, first.listing());
    // Nothing that is not paid for with it, and no time that is too long.
    let poor = m.post_with(|post| post.allowance = Amount::new(1)).unwrap_err();
    assert_eq!(poor.code(), "allowance_too_small");
    let long = m.sim.genesis.parameters.standing_max_ms;
    let forever = m.post_with(|post| post.for_ms = long + 1);
    assert_eq!(forever, Err(TxError::StandingTime { max: long }));
    assert_eq!(m.post_with(|post| post.for_ms = 0), Err(TxError::StandingTime { max: long }));
    let other = m.post_with(|post| post.period += 1).unwrap_err();
    assert_eq!(other.code(), "wrong_period");
    assert_eq!(
        m.post_with(|post| post.max_price = euros(FUNDS)).unwrap_err().code(),
        "insufficient_funds"
    );
}

/// What every request of the table wants, after a change, and whether the listing has it.
#[test]
fn a_listing_is_matched_by_what_is_proven_and_what_is_declared() {
    type Change = fn(&mut ColumnWanted, &mut TableWanted, &mut Wanted);
    let cases: &[(&str, bool, Change)] = &[
        ("everything", true, |_, _, _| {}),
        ("rows", false, |_, table, _| table.rows = 121),
        ("k", false, |_, table, _| table.k = K + 1),
        ("l", false, |column, _, _| column.l = Some(4)),
        ("l of a column without", false, |column, _, _| column.column = name("ward")),
        ("values", false, |column, _, _| column.values = Some(121)),
        ("a range that is too narrow", false, |column, _, _| {
            column.within = Some(Within::Numbers { scale: 0, low: 2, high: 10 });
        }),
        ("the range in other units", true, |column, _, _| {
            column.within = Some(Within::Numbers { scale: 2, low: 0, high: 1_000 });
        }),
        ("days", false, |column, _, _| {
            column.within = Some(Within::Days { low: -1_000_000, high: 1_000_000 });
        }),
        ("a column that is not there", false, |column, _, _| column.column = name("glucose")),
        ("a code that nobody declared", false, |column, _, _| column.column = code("LOINC:1")),
        ("another disease", false, |_, _, wanted| {
            wanted.diseases = Bounded::new(vec![Mondo(1), Mondo(5_148)]).unwrap();
        }),
    ];
    let mut m = market();
    let hospital = m.hospital.clone();
    let mut package = TablePackage::charted(&mut m.sim, &hospital, "cohort", PRICE, &[60, 60]);
    let outcome = package.package.draft.layout.tables()[0]
        .columns
        .iter()
        .position(|column| column.name == "outcome")
        .unwrap();
    let codes = vec![galen_market::listing::ColumnCode {
        table: 0,
        column: u32::try_from(outcome).unwrap(),
        code: text("LOINC:4548-4"),
    }];
    package.package.draft.offer.declared = Declared {
        diseases: Bounded::new(vec![Mondo(5_148)]).unwrap(),
        columns: Bounded::new(codes).unwrap(),
    };
    package.list(&mut m.sim, &hospital).unwrap();
    for (what, fits, change) in cases {
        for by in [name("outcome"), code("LOINC:4548-4")] {
            let mut column = ColumnWanted {
                column: by,
                l: Some(3),
                within: Some(Within::Numbers { scale: 0, low: 0, high: 10 }),
                values: Some(120),
            };
            let mut table = TableWanted { rows: 120, k: K, columns: Bounded::default() };
            let mut wanted =
                Wanted { diseases: Bounded::new(vec![Mondo(5_148)]).unwrap(), table: None };
            change(&mut column, &mut table, &mut wanted);
            table.columns = Bounded::new(vec![column]).unwrap();
            wanted.table = Some(table);
            let draft = &package.package.draft;
            let met = wanted.is_met(&draft.layout, &draft.claims, &draft.offer.declared);
            assert_eq!(met, *fits, "{what}");
            wanted.check().unwrap();
        }
    }
    // The same decision on the ledger, once with each answer.
    let wanting = |rows| Wanted {
        table: Some(TableWanted { rows, k: K, columns: Bounded::default() }),
        ..Wanted::default()
    };
    let more = m.post_with(|post| post.wanted = wanting(121)).unwrap();
    let enough = m.post_with(|post| post.wanted = wanting(120)).unwrap();
    m.tick();
    assert_eq!((m.matched(more), m.matched(enough).is_some()), (None, true));
    let never = m.post_with(|post| {
        let columns = Bounded::new(vec![ColumnWanted {
            column: name("ward"),
            l: Some(1),
            within: None,
            values: None,
        }]);
        let columns = columns.unwrap();
        post.wanted.table = Some(TableWanted { columns, ..TableWanted::default() });
    });
    assert_eq!(never.unwrap_err().code(), "bad_wanted");
}

fn name(name: &str) -> ColumnRef {
    ColumnRef::Name(text(name))
}

fn code(code: &str) -> ColumnRef {
    ColumnRef::Code(text(code))
}
