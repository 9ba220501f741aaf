//! Commands against a node over HTTP: what the ledger refuses has its own code and changes nothing,
//! dry runs change nothing, and what was cut short is repeated.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::ledger::{World, account};
use support::{DESCRIPTION, Home, ROLES, ward, with};

#[test]
fn two_of_three_registrars_admit_together_and_one_alone_does_not() {
    let world = World::new();
    let hospital = account(&world.hospital, "institution");
    let admit = [
        "registrar",
        "admit",
        "--account",
        &hospital,
        "--role",
        "institution",
        "--name",
        "Hospital",
        "--evidence",
        "evidence.pdf",
    ];
    assert_eq!(
        world.run(&world.one, &admit).refused(),
        (2, "usage".to_owned()),
        "one signature is not enough"
    );
    let stranger = world.run(&world.bank, &with(&admit, &["--out", "admit.json"]));
    assert_eq!(stranger.refused(), (7, "registrar.unknown".to_owned()));

    let dry = world.run(&world.one, &with(&admit, &["--out", "admit.json", "--dry-run"])).done();
    assert_eq!(dry["complete"], false);
    assert!(!world.one.path("admit.json").exists());
    world.run(&world.one, &with(&admit, &["--out", "admit.json"])).done();
    let half = world.run(&world.one, &["registrar", "send", "admit.json"]);
    assert_eq!(half.refused(), (6, "ledger.bad_signature".to_owned()));

    let text = fs::read_to_string(world.one.path("admit.json")).unwrap();
    let changed = world.two.write("changed.json", text.replace("\"Hospital\"", "\"Somebody\""));
    assert_eq!(
        world.run(&world.two, &["registrar", "sign", &changed]).refused(),
        (8, "file.contents".to_owned())
    );
    let passed = world.two.write("admit.json", &text);
    assert_eq!(
        world.run(&world.bank, &["registrar", "sign", &passed]).refused(),
        (7, "registrar.no_place".to_owned())
    );
    assert_eq!(world.run(&world.two, &["registrar", "sign", &passed]).done()["complete"], true);
    world.run(&world.two, &["registrar", "send", &passed]).done();
    assert_eq!(
        world.run(&world.two, &["registrar", "send", &passed]).exit,
        0,
        "sent twice, it has one effect"
    );
    world.admit(&account(&world.university, "issuer"), "issuer");
    let listed = world.run(&world.one, &["registrar", "list"]).done();
    let parties = listed["parties"].as_array().unwrap();
    assert_eq!(parties.len(), 3, "a hospital, a university and the gateway of genesis");
    assert_eq!(parties.iter().filter(|p| p["account"] == hospital.as_str()).count(), 1);
}

#[test]
fn money_that_is_not_there_moves_nowhere() {
    let world = World::new();
    let (hospital, researcher) =
        (account(&world.hospital, "institution"), account(&world.researcher, "researcher"));
    let transfer = ["account", "transfer", "--to", &hospital, "--amount", "5 EUR"];
    assert_eq!(
        world.run(&world.researcher, &transfer).refused(),
        (4, "ledger.insufficient_funds".to_owned())
    );
    let mint = |to: &str| {
        world.run(&world.bank, &["gateway", "mint", "--to", to, "--amount", "100 EUR", "--dry-run"])
    };
    assert_eq!(mint(&researcher).done()["height"], Value::Null);
    let unknown = ["gateway", "mint", "--to", &researcher, "--amount", "100 XXX"];
    assert_eq!(world.run(&world.bank, &unknown).refused(), (2, "currency.unknown".to_owned()));
    let thief = ["gateway", "mint", "--to", &researcher, "--amount", "100 EUR"];
    assert_eq!(
        world.run(&world.researcher, &thief).refused(),
        (6, "ledger.role_not_active".to_owned())
    );
    let deposit = ["account", "bond", "deposit", "--amount", "5 EUR"];
    assert_eq!(
        world.run(&world.hospital, &deposit).refused(),
        (6, "ledger.role_not_active".to_owned())
    );
    world.admit(&hospital, "institution");
    assert_eq!(
        world.run(&world.hospital, &deposit).refused(),
        (4, "ledger.insufficient_funds".to_owned())
    );
    let shown = world.run(&world.researcher, &["account", "show", &researcher]).done();
    assert_eq!(shown["balances"], json!([]), "dry runs and refusals made no money");

    world.run(&world.bank, &["gateway", "mint", "--to", &hospital, "--amount", "100 EUR"]).done();
    world.run(&world.hospital, &deposit).done();
    let withdraw =
        |amount| world.run(&world.hospital, &["account", "bond", "withdraw", "--amount", amount]);
    assert_eq!(withdraw("6 EUR").refused(), (4, "ledger.insufficient_funds".to_owned()));
    withdraw("5 EUR").done();
    let shown = world.run(&world.hospital, &["account", "show", &hospital]).done();
    assert_eq!(shown["balances"][0]["amount"], "100");
}

#[test]
fn a_credential_is_one_persons_for_one_time() {
    let world = World::new();
    let issuer = account(&world.university, "issuer");
    world.admit(&issuer, "issuer");
    world.researcher.write("approval.pdf", "approved");
    let apply = |expiry: &str, out: &str| {
        let wish = [
            "issuer",
            "apply",
            "--issuer",
            &issuer,
            "--institution",
            "Example University",
            "--country",
            "DE",
        ];
        let rest = [
            "--purpose",
            "health,nonprofit",
            "--approval",
            "EK-17",
            "--evidence",
            "approval.pdf",
            "--expiry",
            expiry,
            "--out",
            out,
        ];
        world.run(&world.researcher, &with(&wish, &rest)).done();
        world.university.write(out, fs::read(world.researcher.path(out)).unwrap())
    };
    let late = apply("2020-01-01", "late.json");
    let approve = |file: &str, out: &str| {
        world.run(&world.university, &["issuer", "approve", file, "--out", out])
    };
    assert_eq!(
        approve(&late, "late-credential.json").refused(),
        (8, "issuer.application".to_owned())
    );
    let good = apply("2028-01-01", "application.json");
    let other = world.run(&world.bank, &["issuer", "approve", &good, "--out", "x.json"]);
    assert_eq!(other.refused(), (8, "issuer.other".to_owned()));
    assert!(!world.university.path("late-credential.json").exists());
    let made = approve(&good, "credential.json").done();
    assert_eq!(made["credential"]["place"], 0);
    // The same application once more gives the same credential, and no second leaf.
    let again = approve(&good, "again.json").done();
    assert_eq!(
        (again["credential"].clone(), again["done"].clone()),
        (made["credential"].clone(), Value::Null)
    );
    let second = apply("2028-02-01", "second.json");
    assert_eq!(
        approve(&second, "second-credential.json").refused(),
        (8, "issuer.has_one".to_owned())
    );

    let given = fs::read(world.university.path("credential.json")).unwrap();
    let file = world.researcher.write("credential.json", &given);
    let stolen = world.bank.write("credential.json", &given);
    let accept = |home: &Home, file: &str| world.run(home, &["issuer", "accept", file]);
    assert_eq!(accept(&world.bank, &stolen).refused(), (8, "credential.other_holder".to_owned()));
    let text = String::from_utf8(given).unwrap();
    let better =
        world.researcher.write("better.json", text.replace("\"purposes\": 74", "\"purposes\": 75"));
    assert_eq!(
        accept(&world.researcher, &better).refused(),
        (8, "credential.not_listed".to_owned())
    );
    accept(&world.researcher, &file).done();

    world.run(&world.university, &["issuer", "revoke", "--place", "0"]).done();
    let nobody = world.run(&world.university, &["issuer", "revoke", "--place", "7"]);
    assert_eq!(nobody.refused(), (6, "ledger.no_such_leaf".to_owned()));
    let revoked = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        accept(&world.researcher, &file).exit != 0
    });
    assert!(revoked, "the epoch passes with the ledger's own heartbeats");
    assert_eq!(accept(&world.researcher, &file).refused(), (8, "credential.not_listed".to_owned()));
}

#[test]
fn a_dataset_is_published_step_by_step_and_goes_on_where_it_stopped() {
    let world = World::new();
    let hospital = account(&world.hospital, "institution");
    let csv = world.hospital.write("ward.csv", ward());
    world.hospital.write("licence.txt", "Use it well.");
    world.hospital.write("description.json", DESCRIPTION);
    let home = &world.hospital;
    home.run(&with(&["dataset", "deidentify", &csv, "--k", "5", "--out", "data"], ROLES)).done();
    let pack = [
        "dataset",
        "pack",
        "--data",
        "data",
        "--description",
        "description.json",
        "--out",
        "package",
    ];
    home.run(&with(&pack, &["--small-blocks"])).done();
    let publish = |more: &[&str]| world.run(home, &with(&["dataset", "publish", "package"], more));
    assert_eq!(publish(&[]).refused(), (3, "proof.missing".to_owned()));
    home.run(&["dataset", "prove", "package"]).done();
    assert_eq!(publish(&[]).refused(), (6, "ledger.role_not_active".to_owned()));
    world.admit(&hospital, "institution");
    assert_eq!(publish(&[]).refused(), (4, "ledger.insufficient_funds".to_owned()));
    world
        .run(&world.bank, &["gateway", "mint", "--to", &hospital, "--amount", "100000 EUR"])
        .done();

    assert_eq!(publish(&["--dry-run"]).done()["dry_run"], true);
    let all = ["dataset", "list", "--all"];
    assert_eq!(world.run(home, &all).done(), json!([]), "a dry run lists nothing");
    // A run that ends after the draft, as if it had been killed: the node refuses the changed segments.
    let segments = home.path("package/segments");
    let good = fs::read(&segments).unwrap();
    let mut bad = good.clone();
    bad[100] ^= 1;
    fs::write(&segments, &bad).unwrap();
    assert_eq!(publish(&[]).refused(), (8, "package.refused".to_owned()));
    fs::write(&segments, &good).unwrap();
    let draft = world.run(home, &all).done();
    assert_eq!(draft[0]["listing"]["standing"]["state"], "draft");
    let published = publish(&[]).done();
    assert_eq!(
        (published["blocks"].clone(), published["standing"]["state"].clone()),
        (1.into(), "live".into())
    );
    assert_eq!(publish(&[]).done()["blocks"], 0, "nothing is left to do");

    let package = published["listing"]["package"].as_str().unwrap();
    let checked = world.run(home, &["dataset", "verify", package]).done();
    assert_eq!(
        (checked["proven"].clone(), checked["forgeable_parameters"].clone()),
        (true.into(), true.into())
    );
    world.run(home, &["dataset", "verify", "package"]).done();
    assert_eq!(
        world.run(home, &["dataset", "list", "--text", "ward 7"]).done().as_array().unwrap().len(),
        1
    );
    assert_eq!(world.run(home, &["dataset", "list", "--k-min", "500"]).done(), json!([]));
    world.run(home, &["dataset", "withdraw", "package", "--reason", "a pause"]).done();
    let listed = world.run(home, &all).done();
    assert_eq!(listed[0]["listing"]["closing"]["reason"], "a pause");
    assert_eq!(world.run(home, &["dataset", "list"]).done(), json!([]));
    assert_eq!(
        world.run(home, &["dataset", "show", "00ff00ff"]).refused(),
        (1, "not_found".to_owned())
    );
    assert_eq!(publish(&[]).done()["standing"]["state"], "live", "a new version of the offer");
}
