//! Somebody new to Galen, in a real browser: lists a table, finds a dataset, checks its proofs, buys it
//! and opens it, on the pages of console, portal and wallet, by what can be read on them. Prints how many clicks that takes.
#![allow(clippy::print_stdout)]

use galen::demo::story;
use galen::demo::world::World;
use galen::operation::pack::TableInput;
use galen::operation::prepare;
use galen_dataset::deidentify::Settings;
use galen_dataset::roles::{Role as ColumnRole, Roles};

use super::support::portal::{browse, tools};
use super::*;

/// A clinic's patients, 25 of each class, with every kind of column and texts that need quotes.
fn clinic() -> String {
    let mut text = String::from("age,sex,hba1c,visits,since,remark\n");
    let remarks = ["", "none", "\"diet, exercise\"", "\"says \"\"fine\"\"\"", "Ödeme", "控制良好"];
    for row in 0..700 {
        let class = row / 25;
        text.push_str(&format!(
            "{},{},{}.{}{},{},20{:02}-{:02}-{:02},{}\n",
            30 + class % 14,
            ["f", "m"][class / 14 % 2],
            5 + row % 7,
            row % 10,
            row % 3 * 4,
            if row % 9 == 0 { String::new() } else { (row * 37 % 1300).to_string() },
            row % 17 + 1,
            row % 12 + 1,
            row % 28 + 1,
            remarks[row * 7 % 6],
        ));
    }
    text
}

/// The clinic's table and a file, proven and live; the table as it was packed.
fn listed(world: &World, root: &Path) -> (PackageRecord, Vec<u8>) {
    let csv = root.join("clinic.csv");
    std::fs::write(&csv, clinic()).unwrap();
    let table = ok(prepare::read_table(&csv, b','));
    let quasi = |name: &str| (name.to_owned(), ColumnRole::QuasiIdentifier);
    let roles = Roles([quasi("age"), quasi("sex")].into());
    let settings = Settings { roles: roles.clone(), ..Settings::default() };
    let result = ok(prepare::deidentify(&table, &settings));
    let folder = root.join("deidentified");
    ok(prepare::write(&result, &roles, &folder));
    let codebook = root.join("codebook.txt");
    std::fs::write(&codebook, "hba1c: per cent\n".repeat(40_000)).unwrap();
    std::fs::write(root.join("licence.txt"), "For research on diabetes. Tell us what you find.")
        .unwrap();
    let description = json!({
        "name": "clinic", "title": "Diabetes care in one clinic", "citation": "A clinic, 2026.",
        "description": "HbA1c and visits, one row a patient.", "diseases": ["MONDO:0005148"],
        "countries": ["DE"], "keywords": ["HbA1c"], "clauses": ["HMB"], "price": "10000 EUR",
        "licence_months": 12, "licence_name": "A licence", "licence_file": "licence.txt",
    });
    let path = root.join("description.json");
    std::fs::write(&path, description.to_string()).unwrap();
    let description = ok(Description::read(&path));
    let store = PackageStore::of(&world.hospital.home);
    let out = root.join("clinic.galen");
    let request = PackRequest {
        institution: world.hospital.account(),
        tables: vec![TableInput { name: "clinic".to_owned(), result: &result, roles: &roles }],
        files: vec![FileInput {
            name: "codebook".to_owned(),
            path: "about/codebook.txt".to_owned(),
            source: codebook,
            mediatype: "text/plain".to_owned(),
            description: "What the columns are.".to_owned(),
            sha256: FileHash::None,
        }],
        description: &description,
        charts: &Charts::All,
        block_rows: BlockRows::Small,
        out: &out,
    };
    let packed = ok(pack::pack(&world.hospital.wallet, &store, &request, &world.prover, &quiet));
    ok(story::list(world, &packed.record, &|_| ()));
    (packed.record, std::fs::read(folder.join(prepare::TABLE_FILE)).unwrap())
}

#[test]
fn a_newcomer_lists_checks_buys_and_opens_datasets_in_a_browser() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 2_000);
    let (record, table) = listed(&world, root.path());
    let served = buyer(&world, &["health"]);
    let node = world.session.client().node().to_owned();
    let fetched = DealStore::of(&world.researcher.home).downloads();
    let fetched = fetched.join(record.package.to_string());
    let saved = root.path().join("saved");
    std::fs::create_dir(&saved).unwrap();
    std::fs::write(saved.join("practice.csv"), clinic()).unwrap();
    sealed(&world.hospital);
    let console = Served::command(&["console"], &world.hospital.home, &node);
    let [wallet, steward] = [&served, &console].map(|one| format!("http://{}", one.host));
    let [fetched, saved_in] = [&fetched, &saved].map(|path| path.to_str().unwrap());
    let (code, steward_code) = (served.code.as_str(), console.code.as_str());
    let arguments =
        [&node, wallet.as_str(), code, &steward, steward_code, PASSWORD, fetched, saved_in];
    // A panic would leave the agent at work for ever.
    let visit = || browse(tools(), "newcomer.mjs", &arguments);
    let (told, _) = ok(world.with_agent(|| Ok(std::panic::catch_unwind(visit))));
    let told = told.unwrap_or_else(|failed| std::panic::resume_unwind(failed));
    for (task, most) in [("list", 10), ("check", 2), ("buy", 8), ("keyboard", 9)] {
        println!("newcomer, {task}: {} clicks", told[task]["clicks"]);
        assert!(told[task]["clicks"].as_u64().unwrap() <= most, "{}", told[task]);
    }
    // What was saved is what was packed, byte for byte.
    assert!(std::fs::read(saved.join("clinic.csv")).unwrap() == table, "the table differs");
    let codebook = std::fs::read(saved.join("codebook.txt")).unwrap();
    assert!(codebook == std::fs::read(root.path().join("codebook.txt")).unwrap());
    let bought = std::fs::read_to_string(saved.join("practice-bought.csv")).unwrap();
    assert!(bought.starts_with("age,sex,hba1c,visits") && bought.lines().count() > 500);
    // A changed byte is refused by the name of its segment, and nothing is offered.
    let flipped = &told["flipped byte"];
    let segment = &flipped["segment"];
    let said = flipped["text"].as_str().unwrap();
    assert!(said.contains(&format!("Segment {segment} is not the one that was listed")), "{said}");
    assert_eq!(flipped["offered"], 0, "{said}");
    for (case, what) in [
        ("changed leaf", "The list of segments is not the one of your licence"),
        ("changed layout", "The package is not the one of your licence"),
        ("cut off", "was cut off"),
        ("locked", "the wallet is locked"),
    ] {
        let said = told[case]["text"].as_str().unwrap();
        assert!(said.contains(what), "{case}: {said}");
        assert_eq!(told[case]["offered"], 0, "{said}");
    }
    let bare = told["no-script"]["text"].as_str().unwrap();
    assert!(bare.contains("galen deal decrypt 0"), "{bare}");
    // Both files hold what they say.
    let deal = DealStore::of(&world.researcher.home).find("0").unwrap().deal;
    let receipt = std::fs::read(saved.join("receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
    assert_eq!(receipt["deal"]["id"], json!(deal));
    let certificate = ok(operation::light::read_certificate(&saved.join("licence.json")));
    let genesis = world.session.genesis().clone();
    let anchor = galen_light::Anchor::genesis(&genesis).unwrap();
    let verified = certificate.verify(&anchor, operation::light::now_ms()).unwrap();
    assert_eq!(verified.licensed.licence.deal, deal);
    drop((served, console));
    world.stop();
}
