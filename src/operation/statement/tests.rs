#![allow(clippy::unwrap_used)]
use galen_market::payment::Reason;

use super::*;

fn eur() -> Asset {
    Asset::Currency("EUR".parse().unwrap())
}

fn genesis() -> Genesis {
    galen_market::testing::Simulation::default().genesis
}

fn account(number: u8) -> Purse {
    Purse::Account(AccountId([number; 32]))
}

fn moved(from: Option<Purse>, to: Option<Purse>, amount: u64) -> Movement {
    let reason = Reason::Transfer;
    Movement { from, to, asset: eur(), amount: Amount::new(amount), reason }
}

fn journal(movements: &[Movement]) -> Journal {
    let entries = movements.iter().cloned().enumerate().map(|(place, movement)| {
        let height = place as u64 + 1;
        ((height, 0), (height * 1000, movement))
    });
    Journal(entries.collect())
}

fn party(number: u8) -> Party {
    Party { accounts: [AccountId([number; 32])].into(), deals: BTreeSet::new() }
}

#[test]
fn a_period_opens_with_what_was_there_and_closes_with_what_is_left() {
    let journal = journal(&[
        moved(None, Some(account(1)), 100),
        moved(Some(account(1)), Some(account(2)), 30),
        moved(Some(account(2)), Some(account(1)), 5),
    ]);
    let (lines, balances) = period_of(&genesis(), &party(1), &journal, (2, 3)).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines.iter().map(|line| line.balance.units()).collect::<Vec<_>>(), [70, 75]);
    let balance = &balances[0];
    assert_eq!((balance.opening.units(), balance.closing.units()), (100, 75));
    assert_eq!((balance.received, balance.paid), (5, 30));
    // An own bond is no other party: both sides are lines, and nothing is lost between.
    let bond = Purse::Bond(AccountId([1; 32]));
    let own = self::journal(&[
        moved(None, Some(account(1)), 100),
        moved(Some(account(1)), Some(bond), 40),
    ]);
    let (lines, balances) = period_of(&genesis(), &party(1), &own, (0, 9)).unwrap();
    assert_eq!(lines.len(), 3);
    let sum: u64 = balances.iter().map(|balance| balance.closing.units()).sum();
    assert_eq!(sum, 100);
}

#[test]
fn a_hidden_or_invented_movement_shows_as_a_difference() {
    let all = [moved(None, Some(account(1)), 100), moved(Some(account(1)), Some(account(2)), 30)];
    let check = |movements: &[Movement], holds: u64| {
        let proven = [((account(1), eur()), 2, Amount::new(holds))];
        reconcile(&genesis(), &party(1), &journal(movements), &proven)
    };
    assert!(check(&all, 70).is_ok());
    let hidden = check(&all[..1], 70).unwrap_err();
    assert_eq!((hidden.code(), hidden.exit()), ("statement.difference", Exit::RefusedProof));
    assert!(hidden.to_string().ends_with("a difference of 30"), "{hidden}");
    let invented = check(&all, 71).unwrap_err();
    assert!(invented.to_string().ends_with("a difference of -1"), "{invented}");
    // What never was there cannot be paid.
    let thin = check(&all[1..], 70).unwrap_err();
    assert!(thin.to_string().contains("cannot be"), "{thin}");
}

#[test]
fn adversary_56_no_cell_of_a_statement_is_a_formula() {
    let journal = journal(&[moved(Some(account(2)), Some(account(1)), 7)]);
    let (lines, balances) = period_of(&genesis(), &party(1), &journal, (1, 1)).unwrap();
    let mut statement = Statement {
        format: "galen-statement-1",
        chain_id: genesis().chain(),
        party: party(1),
        from: 1,
        until: 1,
        balances,
        lines,
        reconciled: 1,
        proven_at: 1,
    };
    for (name, written) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1+2", "'-1+2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
        ("=HYPERLINK(\"http://evil\",\"a, b\")", "'=HYPERLINK(\"http://evil\",\"a, b\")"),
        ("Hospital = good", "Hospital = good"),
        ("", ""),
    ] {
        statement.lines[0].counterparty_name = Some(name.to_owned());
        let text = statement.csv().unwrap();
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3, "opening, movement, closing");
        assert_eq!(&rows[1][10], written);
        assert_eq!((&rows[1][5], &rows[1][6], &rows[1][7]), ("7", "0", "7"));
        let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\n']);
        assert!(rows.iter().all(|row| !row.iter().any(formula)), "{name:?}");
    }
}
