//! A standing request against a real ledger: posted before there is anything to buy, found by an
//! institution on the page of wanted datasets, matched by the ledger when it lists, delivered and opened.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use galen::demo::{story, world};
use galen::error::Failure;
use galen::mirror::Unwatched;
use galen::operation::purchase::{self, DealStore};
use galen::operation::standing::{self, Wish};
use galen::operation::{self, receive};
use galen::session::account_of;
use galen::wallet::Role;
use galen_dataset::output::Output;
use galen_market::amount::{Amount, Money};
use galen_market::codec::{Bounded, Text};
use galen_market::deal::Stage;
use galen_market::layout::BlockRows;
use galen_market::terms::{Purpose, PurposeKind, Required};
use galen_market::wanted::{ColumnRef, ColumnWanted, Ending, Status, TableWanted, Wanted};

const FUNDS: u64 = 2_000_000;

/// Forty classes of twelve rows, with a person number and two quasi-identifiers.
fn table(path: &Path) {
    let rows = (0..480).map(|row| {
        let (age, sex) = (30 + (row / 12) % 8, ["f", "m"][(row / 96) % 2]);
        format!("{},{age},{sex},{},{}\n", 1000 + row, row % 50, row % 4)
    });
    let header = "patient_id,xage,sex,mdvis,plan\n".to_owned();
    std::fs::write(path, std::iter::once(header).chain(rows).collect::<String>()).unwrap();
}

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// A page as a browser gets it.
fn page(node: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(node.trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn wanted(rows: u64) -> Wanted {
    let column = ColumnWanted {
        column: ColumnRef::Name(Text::new("mdvis").unwrap()),
        l: None,
        within: None,
        values: None,
    };
    let columns = Bounded::new(vec![column]).unwrap();
    Wanted { table: Some(TableWanted { rows, k: 5, columns }), ..Wanted::default() }
}

#[test]
fn what_is_wanted_is_found_bought_and_opened_when_somebody_lists_it() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("ward.csv");
    table(&source);
    let windows = world::short_windows(120_000, 120_000);
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let credential = ok(world.vouch(&["general", "health"]));
    let wallet = &world.researcher.wallet;
    let payer = wallet.account(Role::Researcher, 0);
    ok(world.fund(account_of(&payer), FUNDS));
    let store = DealStore::of(&world.researcher.home);
    let client = world.session.client();
    let wish = |rows| Wish {
        wanted: wanted(rows),
        institutions: Vec::new(),
        purpose: Purpose::new(PurposeKind::Health, None),
        seats: 1,
        max_price: Money { currency: ok(world::currency()), amount: Amount::new(FUNDS / 4) },
        for_ms: 24 * 60 * 60 * 1000,
        required: Required { purposes: PurposeKind::Health.bit(), ..Required::default() },
        payer: &payer,
        credential: &credential,
    };
    let post =
        |rows| ok(standing::post(&world.session, wallet, &store, &world.prover, &wish(rows))).0;
    let (request, too_much) = (post(300), post(1_000_000));
    assert_eq!((request.index, too_much.index), (0, 1));
    let waiting = ok(client.standings().map_err(Failure::from));
    let ids: Vec<_> = waiting.iter().map(|view| view.standing.id).collect();
    assert_eq!(ids, [request.standing, too_much.standing]);

    // What institutions read.
    let page = page(client.node(), "/wanted");
    for part in ["a table of at least 300 rows", "column mdvis", "health", &ids[0].to_string()] {
        assert!(page.contains(part), "{part} is not in {page}");
    }

    let quiet = |_: String| ();
    let prepared = ok(story::prepare(&world, &source, 5, &quiet));
    let record = ok(story::pack(&world, &prepared, BlockRows::Full, &quiet));
    ok(story::list(&world, &record, &quiet));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let deal = loop {
        let view = ok(standing::follow(&world.session, &store, &request));
        if let Status::Matched { deal } = view.standing.status {
            break deal;
        }
        assert!(std::time::Instant::now() < deadline, "{view:?}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let mut bought = ok(store.find("0"));
    assert_eq!((bought.deal, bought.listing), (deal, record.listing()));

    // From here on it is a deal as any other, but that `ready` shows the credential again.
    let target = store.downloads().join("package");
    std::fs::create_dir_all(store.downloads()).unwrap();
    let sources = receive::Sources::default();
    let (folder, _) =
        ok(receive::fetch(&world.session, &bought.listing, &target, &sources, &Unwatched));
    bought.folder = Some(target);
    ok(store.update(&bought));
    assert!(ok(purchase::asks_again(&world.session, &bought)));
    let refused = purchase::ready(&world.session, wallet, &bought, None).unwrap_err();
    assert_eq!(refused.code(), "ledger.credential_required");
    let shown = Some((&*world.prover, &credential));
    ok(purchase::ready(&world.session, wallet, &bought, shown));
    ok(world.with_agent(|| world.wait_for(&deal, Stage::Verified)));
    let out = world.researcher.home.join("opened");
    let opened = ok(receive::decrypt(
        &world.session,
        wallet,
        &bought,
        &world.prover,
        &folder,
        (out.as_path(), &Output::default()),
        &|_| (),
    ));
    assert_eq!(opened.files.len(), 1);
    let view = ok(standing::follow(&world.session, &store, &request));
    assert_eq!(view.standing.status, Status::Ended { ending: Ending::Fulfilled });
    assert!(view.held.is_zero());

    // The other one still waits, and is taken back.
    ok(standing::cancel(&world.session, wallet, &too_much));
    let refund = account_of(&wallet.deal(too_much.index).refund);
    assert!(ok(world.balance(&refund)) > FUNDS / 4);
    assert!(ok(client.standings().map_err(Failure::from)).is_empty());
    ok(world.check_invariants());
    world.stop();
}
