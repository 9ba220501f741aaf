//! Requests that wait for the institution: reviewed in the console, and a key delivered by hand.

use galen::agent::Agent;
use galen::agent::policy::Policy;
use galen::operation::credential::Credential;
use galen::operation::purchase::{self, DealRecord, DealStore, Purchase};
use galen::operation::store::PackageRecord;
use galen::session::account_of;
use galen::wallet::Role;
use galen_market::codec::{Bounded, Text};
use galen_market::deal::{Stage, Termination};
use galen_market::terms::{Purpose, PurposeKind};

use super::super::{published, sealed};
use super::*;

/// A file that is listed for one project, of which the institution decides request by request.
fn reviewed(world: &World, root: &Path) -> PackageRecord {
    let mut record = published(world, root);
    let mut clauses = record.offer.terms.clauses.clone().into_vec();
    clauses.push("PS:Sleep study".parse().unwrap());
    record.offer.terms.clauses = Bounded::new(clauses).unwrap();
    record.offer.terms.review_ms = Some(24 * 3_600_000);
    ok(world.hospital_does(operation::listing::revise(&record.listing(), record.offer.clone())));
    record
}

/// A request by somebody who holds the package already.
fn requested(
    world: &World,
    record: &PackageRecord,
    credential: &Credential,
    project: &str,
) -> DealRecord {
    let mut purpose = Purpose::new(PurposeKind::Health, None);
    purpose.project = Text::new(project).unwrap();
    purpose.undertakings.no_reidentification = true;
    let wallet = &world.researcher.wallet;
    let payer = wallet.account(Role::Researcher, 0);
    let purchase = Purchase {
        listing: record.listing(),
        purpose,
        tier: None,
        seats: None,
        agreement: record.offer.tiers[0].agreement(&record.offer.terms),
        payer: &payer,
        credential,
        ready: true,
    };
    let store = DealStore::of(&world.researcher.home);
    ok(purchase::request(&world.session, wallet, &store, &world.prover, &purchase)).0
}

fn stage(world: &World, deal: &DealRecord) -> Stage {
    world.session.client().deal(&deal.deal).unwrap().deal.stage
}

/// Refused, for a reason that stands on the page with what to do.
fn refused(got: &Got, why: &str, remedy: &str) {
    assert_eq!(got.status, 400, "{}", got.body);
    assert!(got.body.contains(why) && got.body.contains(remedy), "{why}; {remedy}: {}", got.body);
}

#[test]
fn a_steward_accepts_and_refuses_requests_and_delivers_a_key() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 240_000);
    let record = reviewed(&world, root.path());
    let credential = ok(world.vouch(&["health"]));
    let payer = account_of(&world.researcher.wallet.account(Role::Researcher, 0));
    ok(world.fund(payer, 60_000));
    let [first, second, third] = ["Sleep <study>", "Something else", "Sleep again"]
        .map(|project| requested(&world, &record, &credential, project));
    sealed(&world.hospital);
    let node = world.session.client().node();
    let served = Served::command(&["console"], &world.hospital.home, node);
    let token = served.unlock();

    // What waits is said in words, with a way to it.
    let path = |deal: &DealRecord| format!("/deals/{}", deal.deal);
    let all = served.get("/deals").body;
    assert!(all.contains("3 requests wait") && !all.contains("galen deal review"), "{all}");
    for deal in [&first, &second, &third] {
        assert!(all.contains(&format!("href=\"{}\"", path(deal))), "{all}");
    }
    // One request, with everything that a decision needs and nothing of who asks.
    let shown = served.get(&path(&first)).body;
    for words in [
        "Findings &#38; &#60;more&#62;",
        "100.00 EUR",
        "project “Sleep &#60;study&#62;”, undertakes to identify nobody",
        "What the terms say to it: needs review",
        "<td>permits the purpose</td><td>allowed</td>",
        "<td>is undertaken by the buyer</td><td>allowed</td>",
        "Sleep study</th><td>is for the institution to review</td><td>needs review</td>",
        "Time left: 23 hours",
        "What becomes public",
        "everybody can read it",
        "within 4 minutes",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    chinese(
        &served,
        &path(&first),
        &[
            "签署：接受申请",
            "条款的判定：须审核",
            "在 4 分钟内交付密钥",
            "项目“Sleep &#60;study&#62;”",
        ],
    );
    let ledger = world.session.client().deal(&first.deal).unwrap().deal;
    for who in [payer, ledger.auth_key] {
        assert!(!shown.contains(&who.to_string()), "{who} is shown");
    }

    // What is not a decision decides nothing.
    let review = |deal: &DealRecord| format!("{}/review", path(deal));
    assert_eq!(served.post(&review(&first), "guessed", "accept=1").status, 403);
    let long = format!("reason={}&refuse=1", "a".repeat(501));
    for (form, why, remedy) in [
        ("reason=+%0D%0A&refuse=1", "a refusal needs a reason", "go back and say why"),
        (&long, "at most 500", "shorten it"),
        ("reason=yes", "neither to accept nor to refuse", "choose one"),
        ("reason=yes&accept=1&refuse=1", "neither to accept nor to refuse", "choose one"),
    ] {
        refused(&served.post(&review(&first), &token, form), why, remedy);
    }
    assert_eq!(stage(&world, &first), Stage::Requested);

    // One is accepted, and another refused with a reason, which the ledger takes as one line.
    assert_eq!(served.post(&review(&first), &token, "reason=&accept=1").location(), path(&first));
    until(&served, &path(&first), "Accepted: final in block");
    chinese(&served, &path(&first), &["已接受：已在区块", "条款的判定：", "由机构审核"]);
    let why = "reason=The+project%0D%0Ais+not+ours.&refuse=1";
    assert_eq!(served.post(&review(&second), &token, why).location(), path(&second));
    let ended = until(&served, &path(&second), "Refused: final in block").body;
    assert!(ended.contains("refused the request: The project is not ours."), "{ended}");
    let reason = Text::new("The project is not ours.").unwrap();
    let ledger = world.session.client().deal(&second.deal).unwrap().deal;
    assert_eq!(ledger.termination, Some(Termination::Refused { reason }));
    assert!(served.get("/deals").body.contains("One request waits"));

    // Decided is decided, and what others sell is none of this institution's business.
    sealed(&world.researcher);
    let other = Served::command(&["console"], &world.researcher.home, node);
    let others = other.unlock();
    let nonce = || world.session.client().account(&world.hospital.account()).unwrap().nonce;
    let before = nonce();
    for (deal, is) in [(&first, "agreed and ready"), (&second, "terminated")] {
        assert!(!served.get(&path(deal)).body.contains("name=\"reason\""));
        let again = served.post(&review(deal), &token, "reason=no&refuse=1");
        refused(&again, &format!("any more: it is {is}"), "look at the deal");
    }
    for got in [
        other.get(&path(&third)),
        other.post(&review(&third), &others, "reason=&accept=1"),
        other.post(&format!("{}/deliver", path(&first)), &others, ""),
    ] {
        refused(&got, "a deal of another institution", "use the wallet of the institution");
        assert!(!got.body.contains("Sleep"), "{}", got.body);
    }
    assert!(other.get("/deals").body.contains("None yet"));
    for nothing in [format!("/deals/{}", "ab".repeat(32)), "/deals/7".to_owned()] {
        assert_eq!(served.get(&nothing).status, 404, "{nothing}");
    }
    assert_eq!((stage(&world, &third), nonce()), (Stage::Requested, before), "nothing was signed");
    drop(other);

    // The key, not beside an agent that runs, and once.
    let deliver = format!("{}/deliver", path(&first));
    let envelopes = || std::fs::read_dir(world.hospital.home.join("agent/envelopes")).unwrap();
    assert!(served.get("/deals").body.contains("One buyer waits for a key"));
    assert!(served.get(&path(&first)).body.contains("Deliver the key now"));
    refused(
        &served.post(&format!("{}/deliver", path(&third)), &token, ""),
        "wait for a key",
        "once",
    );
    let hospital = &world.hospital;
    let (wallet, key) = (&hospital.wallet, &hospital.key);
    let policy = Policy::default();
    let agent = ok(Agent::new(&world.session, wallet, &world.prover, key, &hospital.home, policy));
    assert_eq!(served.post(&deliver, &token, "").location(), path(&first));
    until(&served, &path(&first), "another agent runs here");
    drop(agent);
    assert_eq!((stage(&world, &first), envelopes().count()), (Stage::Ready, 0));
    assert_eq!(served.post(&deliver, "guessed", "").status, 403);
    assert_eq!(served.post(&deliver, &token, "").location(), path(&first));
    assert_eq!(served.post(&deliver, &token, "").status, 400);
    let delivered = until(&served, &path(&first), "The key is delivered: the buyer can open").body;
    assert!(!delivered.contains("Deliver the key now"), "{delivered}");
    ok(world.wait_for(&first.deal, Stage::Verified));
    refused(&served.post(&deliver, &token, ""), "does not wait for a key", "once");
    assert_eq!(envelopes().count(), 1, "one envelope a deal");
    ok(world.check_invariants());
    drop(served);
    world.stop();
}
