//! Numbered attacks on the interface and the pages.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use galen_api::{ListingFilter, TransactionState, codes};
use galen_market::action::{Action, Mint};
use galen_market::deal::Stage;
use galen_market::id::DealId;
use galen_market::identity::presentation::DAY_MS;
use galen_market::testing::{Buyer, Researcher, Wallet, deal_of, euros};

use crate::place::{
    WAIT, code, error_code, get, listed, now_ms, place, place_with, raw, replay, simulation, upload,
};

const TITLE: &str = "Hearts & <script>alert(1)</script>";

#[test]
fn adversary_49_large_deep_and_chunked_bodies() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let post = |headers: &str, body: &[u8]| {
        let head = format!(
            "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
        );
        raw(&place, &[head.as_bytes(), body].concat())
    };
    let started = Instant::now();
    let huge = post("content-length: 1073741824\r\n", b"");
    assert_eq!((huge.status, error_code(&huge)), (413, codes::BODY_TOO_LARGE.into()));
    assert!(started.elapsed() < Duration::from_secs(2), "nothing is waited for");
    let chunked = post("transfer-encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!((chunked.status, error_code(&chunked)), (411, codes::LENGTH_REQUIRED.into()));
    let endless = post("transfer-encoding: chunked\r\n", b"ffffffffffffffff\r\nx");
    assert!((400..500).contains(&endless.status), "{}", endless.status);
    let both =
        post("transfer-encoding: chunked\r\ncontent-length: 3\r\n", b"3\r\nabc\r\n0\r\n\r\n");
    assert!((400..500).contains(&both.status), "{}", both.status);
    let deep = "[".repeat(10_000);
    let deep = post(&format!("content-length: {}\r\n", deep.len()), deep.as_bytes());
    assert_eq!((deep.status, error_code(&deep)), (400, "malformed".into()));
    let path = get(&place, &format!("/{}", "a".repeat(5_000)), "");
    assert!((400..500).contains(&path.status), "{}", path.status);

    let gateway = simulation.gateway.clone();
    let mint = Mint { gateway: gateway.id(), to: gateway.id(), money: euros(10) };
    let good = simulation.sign(vec![Action::Mint(mint)], &[&gateway]).encode();
    let good = post(&format!("content-length: {}\r\n", good.len()), &good);
    assert_eq!(good.status, 202, "{}", good.body);
}

#[test]
fn adversary_49_a_body_that_stands_still() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place_with(&simulation, Duration::from_millis(300));
    replay(&place, &simulation);
    let head = format!(
        "PUT /api/v1/packages/{}/manifest?institution={} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        listed.id.package,
        listed.id.institution,
        listed.manifest.len()
    );
    let half = &listed.manifest[..listed.manifest.len() / 2];
    let started = Instant::now();
    let silent = raw(&place, &[head.as_bytes(), half].concat());
    assert_eq!((silent.status, error_code(&silent)), (408, codes::BAD_REQUEST.into()));
    assert!(started.elapsed() >= Duration::from_millis(300));
    // It no longer keeps others from uploading the same part.
    upload(&place, &listed);
    let post = "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhalf";
    assert_eq!(raw(&place, post.as_bytes()).status, 408);
}

#[test]
fn adversary_50_ranges_dots_and_links() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let package = listed.id.package;
    let path = format!("/api/v1/packages/{package}/segments");
    let length = listed.segments.len();
    let bad = [
        format!("bytes={length}-"),
        "bytes=18446744073709551615-".into(),
        "bytes=18446744073709551616-".into(),
        "bytes=5-4".into(),
        "bytes=-0".into(),
        "bytes=a-b".into(),
        "bytes=0-1,3-4".into(),
        "bytes=+1-2".into(),
        "lines=1-2".into(),
    ];
    for range in bad {
        let answer = get(&place, &path, &format!("range: {range}\r\n"));
        assert_eq!((answer.status, error_code(&answer)), (416, codes::RANGE.into()), "{range}");
    }
    let good = get(&place, &path, "range: bytes=2-18446744073709551615\r\n");
    assert_eq!(good.status, 206);
    assert!(good.head.contains(&format!("content-range: bytes 2-{}/{length}", length - 1)));
    assert!(get(&place, &path, "range: bytes=-3\r\n").head.contains("content-length: 3"));

    std::fs::write(place.folder.path().join("secret"), "secret of the machine").unwrap();
    let outside = [
        "/api/v1/packages/../secret",
        "/api/v1/packages/..%2f..%2fsecret/segments",
        "/api/v1/packages/%2e%2e/secret",
        &format!("/api/v1/packages/{package}/../../secret"),
        &format!("/api/v1/packages/{package}/..%2f..%2fsecret"),
        &format!("/api/v1/packages/{package}/segments.new"),
        &format!("/api/v1/packages/{}/segments", package.to_string().to_uppercase()),
        "/../secret",
        "//secret",
    ];
    for path in outside {
        let answer = get(&place, path, "");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.contains("secret of"), "{path}");
    }
    // Links are not followed, neither of a part nor of a whole folder.
    let folder = place.packages.join(package.to_string());
    std::fs::remove_file(folder.join("segments")).unwrap();
    std::os::unix::fs::symlink(place.folder.path().join("secret"), folder.join("segments"))
        .unwrap();
    let linked = get(&place, &path, "");
    assert_eq!((linked.status, error_code(&linked)), (404, codes::NOT_FOUND.into()));
    let elsewhere = place.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("segments"), "secret of the machine").unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.packages.join("0".repeat(64))).unwrap();
    assert_eq!(
        get(&place, &format!("/api/v1/packages/{}/segments", "0".repeat(64)), "").status,
        404
    );
}

#[test]
fn adversary_51_a_script_in_a_title_is_text() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, TITLE);
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let page = format!("/datasets/{}/{}", listed.id.institution, listed.id.package);
    for path in ["/", page.as_str(), "/?text=%3Cscript%3E"] {
        let answer = get(&place, path, "");
        assert_eq!(answer.status, 200, "{path}");
        // A block of data, which no browser runs, and this site's own checker by its address.
        let data = "<script type=\"application/ld+json\">";
        let own = "<script src=\"/assets/galen-check-";
        let expected = usize::from(path == page);
        assert_eq!(answer.body.matches(data).count(), expected, "{path}");
        assert_eq!(answer.body.matches(own).count(), expected, "{path}");
        assert_eq!(answer.body.matches("<script").count(), 2 * expected, "{path}");
        assert_eq!(answer.body.matches("</script").count(), 2 * expected, "{path}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{path}");
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{path}");
        assert!(answer.body.contains("forgeable"), "{path}");
    }
    let answer = get(&place, &page, "");
    assert!(
        answer.body.contains("Hearts &#38; &#60;script&#62;alert(1)&#60;/script&#62;"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("<b>hearts"));
    let missing = get(&place, "/datasets/x/<script>alert(1)</script>", "");
    assert!(
        (400..500).contains(&missing.status) && !missing.body.contains("<script>"),
        "{}",
        missing.body
    );
    // The same title, asked for as data, is not changed; nor is it in the page's own block of data.
    let (_, rest) = answer.body.split_once("<script type=\"application/ld+json\">").unwrap();
    let embedded: serde_json::Value =
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(embedded["name"], TITLE);
    let json = place.client.listings(&ListingFilter::default()).unwrap();
    assert_eq!(json.items[0].declared.as_ref().unwrap().title, TITLE);
}

#[test]
fn adversary_51_a_title_neither_breaks_a_feed_nor_turns_a_page_round() {
    let mut simulation = simulation();
    let title = "Bad \u{ffff}\u{1}\u{202e} title";
    let (_, listed) = listed(&mut simulation, title);
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let page = format!("/datasets/{}/{}", listed.id.institution, listed.id.package);
    for path in ["/", page.as_str(), "/feed.atom"] {
        let answer = get(&place, path, "");
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains("Bad \u{fffd}\u{fffd}\u{fffd} title"), "{path}");
        // Every character is one of XML 1.0, and none is without a place of its own.
        let other = answer.body.chars().find(|c| {
            c.is_control() && !"\n\r\t".contains(*c) || matches!(*c, '\u{ffff}' | '\u{202e}')
        });
        assert_eq!(other, None, "{path}");
    }
    let json = place.client.listings(&ListingFilter::default()).unwrap();
    assert_eq!(json.items[0].declared.as_ref().unwrap().title, title, "data are as they are");
}

#[test]
fn adversary_53_a_deal_shows_nothing_private() {
    let mut simulation = simulation();
    let issuer = simulation.issuer("university");
    let mut ada = Researcher::new("ada");
    ada.attributes.expiry = u32::try_from(now_ms() / DAY_MS).unwrap() + 365;
    simulation.enrol(&issuer, &mut ada);
    let (_, listed) = listed(&mut simulation, "Hearts");
    let funder = simulation.funded("funder", 10_000);
    let buyer = Buyer::new("ada");
    let place = place(&simulation);
    replay(&place, &simulation);
    let request = listed.package.request(&funder, &buyer, false);
    let request = simulation.request(request, &funder, &ada, 0);
    let submitted = place.client.submit(&request.encode()).unwrap();
    place.client.wait_final(&submitted.id, WAIT).unwrap();

    let id = deal_of(&request);
    let deal = place.client.deal(&id).unwrap();
    assert_eq!((deal.deal.id, deal.deal.stage), (id, Stage::Agreed));
    let answer = get(&place, &format!("/api/v1/deals/{id}"), "");
    assert_eq!(answer.status, 200);
    let private = [
        ada.secret.to_string(),
        ada.leaf().to_string(),
        issuer.id().to_string(),
        "university".to_owned(),
    ];
    for text in private {
        assert!(!answer.body.contains(&text), "the deal shows {text}");
    }
    assert_eq!(code(place.client.deal(&DealId([9; 32]))), (404, "unknown_deal".into()));
    let malformed = get(&place, "/api/v1/deals/1", "");
    assert_eq!((malformed.status, error_code(&malformed)), (400, codes::BAD_REQUEST.into()));
}

#[test]
fn adversary_54_gone_in_the_middle_then_again_is_one_effect() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
    let mint = Mint { gateway: gateway.id(), to: to.id(), money: euros(10) };
    let transaction = simulation.sign(vec![Action::Mint(mint)], &[&gateway]);
    let bytes = transaction.encode();
    let head = format!(
        "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    for sent in [0, bytes.len() / 2, bytes.len()] {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&bytes[..sent]).unwrap();
        drop(stream);
    }
    for _ in 0..3 {
        let submitted = place.client.submit(&bytes).unwrap();
        assert_eq!(submitted.id, transaction.id());
    }
    place.client.wait_final(&transaction.id(), WAIT).unwrap();
    let again = place.client.submit(&bytes).unwrap();
    assert!(matches!(again.state, TransactionState::Final { .. }), "{again:?}");
    let account = place.client.account(&to.id()).unwrap();
    assert_eq!(account.balances[0].amount.units(), 10, "money was made once");
    assert_eq!(place.client.account(&gateway.id()).unwrap().nonce, 1);
}
