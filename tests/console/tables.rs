//! Tables that come into the console as Parquet or by a path, a k that cannot be reached, and a run that is
//! cut off between packing and the last proof.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use galen::operation::pack;
use galen::operation::store::{PackageRecord, PackageStore};
use galen_dataset::package::PackageFolder;
use galen_market::id::PackageId;

use super::super::{quiet, sealed};
use super::*;

/// Enough rows for twelve small blocks.
const VISITS: u32 = 12_000;

/// Visits with a sex that three of them share with nobody.
fn visits() -> String {
    let mut text = String::from("age;sex;days\n");
    for row in 0..VISITS {
        let sex = if row < 3 { "x" } else { ["f", "m"][row as usize % 2] };
        text.push_str(&format!("{};{sex};{}\n", 20 + row % 60, row % 9));
    }
    text
}

/// The same table as Parquet, written by a program that is not ours.
fn parquet(csv: &Path, out: &Path) -> Vec<u8> {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/to_parquet.py");
    let ran = Command::new(python).arg(script).args([csv, out]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    std::fs::read(out).unwrap()
}

impl Served {
    /// Sends a file of any bytes.
    fn upload_file(&self, token: &str, name: &str, bytes: &[u8]) -> Got {
        let part = |about: &str| {
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name={about}\r\n\r\n")
        };
        let file = format!("\"file\"; filename=\"{name}\"");
        let mut body = format!("{}{token}\r\n{}", part("\"token\""), part(&file)).into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let head = format!(
            "POST /offer HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nauthorization: {}\r\n\
             connection: close\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\n\
             content-length: {}\r\n\r\n",
            self.code_header(),
            body.len(),
            host = self.host,
        );
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }
}

/// Which blocks of a package have a bundle, and the bundles.
fn bundles(folder: &PackageFolder) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = folder.layout().blocks().map(|(table, block)| folder.proof_path(table, block));
    paths.filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?))).collect()
}

/// The package of a home directory beside others, once there is one and a bundle in it.
fn begun(store: &PackageStore, others: &[PackageId]) -> (PackageRecord, PackageFolder) {
    let begun = Instant::now();
    loop {
        // Between its key and its record a package is not one yet.
        let mut all = store.all().unwrap_or_default().into_iter();
        if let Some(record) = all.find(|record| !others.contains(&record.package))
            && let Ok(folder) = PackageFolder::read(&record.folder)
            && !bundles(&folder).is_empty()
        {
            return (record, folder);
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "nothing is proven");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn tables_come_as_parquet_and_by_a_path_and_an_interrupted_run_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 2_000);
    sealed(&world.hospital);
    let (home, node) = (&world.hospital.home, world.session.client().node());
    let served = Served::command(&["console"], home, node);
    let token = served.unlock();

    // As Parquet, and as a file that says so and is not.
    let csv = root.path().join("ward.csv");
    std::fs::write(&csv, ward()).unwrap();
    let bytes = parquet(&csv, &root.path().join("ward.parquet"));
    assert!(bytes.starts_with(b"PAR1"));
    let offer = served.upload_file(&token, "ward.parquet", &bytes).location();
    let columns = until(&served, &offer, "What could name a person").body;
    for words in
        ["ward.parquet: 240 rows, 5 columns", "First row<", "Role of glucose", "whole number"]
    {
        assert!(columns.contains(words), "{words}: {columns}");
    }
    assert!(!columns.contains("RAWPATIENT0"), "{columns}");
    let offer = served.upload_file(&token, "text.parquet", b"a,b\n1,2\n").location();
    let said = until(&served, &offer, "(parquet.damaged)").body;
    assert!(said.contains("text.parquet") && said.contains("give it as CSV"), "{said}");
    assert_eq!(left_of_uploads(home), 0);

    // By its path, which is read where it is and left there.
    let file = root.path().join("visits.txt");
    let path = file.to_str().unwrap();
    let named = |path: &str| {
        let parts = [("token", token.as_str()), ("file", ""), ("path", path)];
        served.upload(&[&parts[..], &[("separator", "semicolon")]].concat()).location()
    };
    let absent = until(&served, &named(path), "role=\"alert\"").body;
    assert!(absent.contains(path) && absent.contains("check the path"), "{absent}");
    std::fs::write(&file, visits()).unwrap();
    let offer = named(path);
    let columns = until(&served, &offer, "What could name a person").body;
    assert!(columns.contains(&format!("{path}: {VISITS} rows, 3 columns")), "{columns}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), visits());

    // Three rows are alone with their sex, which may neither become coarser nor be left out.
    let roles = "role_0=quasi-identifier&role_1=quasi-identifier&role_2=sensitive\
                 &how_0=suppress&block_rows=small&compare=1";
    let closed = format!("{roles}&suppression=0&how_1=levels&levels_1=f%3Bf%0Am%3Bm%0Ax%3Bx");
    let risk = served.post(&offer, &token, &closed).location();
    let compared = until(&served, &risk, "<svg class=\"chart\"").body;
    let why = "k = 5 cannot be reached: with these hierarchies and at most 0 % of rows suppressed \
               the largest k is 3 rows";
    assert!(compared.contains(why), "{compared}");
    assert!(compared.contains("value=\"3\"") && !compared.contains("value=\"5\""), "{compared}");
    let words = "name=visits&title=Visits&description=Days.&citation=A+ward.&use=HMB&currency=EUR\
                 &months=12&licence_name=A+licence&licence_text=Use+it+well.&price=10";
    let choose = |k: &str| served.post(&risk, &token, &format!("k={k}&{}", served.shown(&risk)));
    let refused = choose("5");
    assert!(refused.status == 400 && refused.body.contains("k = 5"), "{}", refused.body);
    let store = PackageStore::of(home);

    // With the three left out it goes on; the console dies when some blocks are proven and others not.
    let open = format!("{roles}&suppression=1&how_1=suppress");
    assert_eq!(served.post(&offer, &token, &open).location(), risk);
    until(&served, &risk, "<svg class=\"chart\"");
    let described = choose("5").location();
    let prepared = served.post(&described, &token, words).location();
    assert_eq!(served.post(&prepared, &token, "").location(), prepared);
    // Its proofs find no place: the page names the package that would be gone on with, until the words of
    // the next attempt are others, which is then a package of its own.
    let (first, folder) = begun(&store, &[]);
    let proofs = folder.path().join("proofs");
    std::fs::rename(&proofs, folder.path().join("away")).unwrap();
    std::fs::write(&proofs, "").unwrap();
    let named = format!("encrypted already, as package {}", first.package);
    assert!(until(&served, &prepared, &named).body.contains("role=\"alert\""));
    let dearer = words.replace("price=10", "price=11");
    assert_eq!(served.post(&described, &token, &dearer).location(), prepared);
    assert!(!served.get(&prepared).body.contains("encrypted already"));
    assert_eq!(served.post(&prepared, &token, "").location(), prepared);
    let (record, folder) = begun(&store, &[first.package]);
    drop(served);
    let price = |record: &PackageRecord| record.offer.tiers[0].price.to_string();
    assert_eq!((price(&first), price(&record)), ("1000 EUR".to_owned(), "1100 EUR".to_owned()));
    let kept = bundles(&folder);
    let all = folder.layout().blocks().count();
    assert!((1..all).contains(&kept.len()), "{} of {all} were proven when it died", kept.len());
    let served = Served::command(&["console"], home, node);
    let token = served.unlock();
    let first = served.get("/").body;
    assert!(first.contains("not proven yet") && !first.contains("On their way"), "{first}");
    assert_eq!(served.get(&offer).status, 404, "the rows are gone");
    let page = format!("/datasets/{}", record.package);
    let shown = served.get(&page).body;
    let left = format!("{} of {all} row blocks are not proven yet", all - kept.len());
    assert!(shown.contains(&left) && shown.contains("Go on proving"), "{left}: {shown}");
    assert!(!shown.contains("Sign and publish"), "{shown}");
    assert_eq!(served.post(&format!("{page}/prove"), &token, "").location(), page);
    let proven = until(&served, &page, &format!("{all} row blocks are proven.")).body;
    assert!(proven.contains("The ledger would accept the draft now"), "{proven}");
    assert!(
        kept.iter().all(|(path, bytes)| std::fs::read(path).unwrap() == *bytes),
        "proven twice"
    );
    let record = ok(store.record(&record.package));
    ok(pack::verify(&folder, &pack::claimed(&record), world.prover.verifier(), &quiet));
    drop(served);
    world.stop();
}

#[test]
fn four_tables_at_most_are_in_memory_or_being_read_and_a_first_line_of_cells_is_seen() {
    let home = Home::new();
    // Nothing of this asks a node.
    let plan = plan(&home, NO_NODE, Duration::from_secs(120));
    let runtime = ok(operation::node::runtime());
    let serving = ok(runtime.block_on(console::start(plan, 0)));
    let served = Served::of(&serving);
    let token = served.unlock();
    // Large enough to be read while the next ones come.
    let mut text = "age,sex,days\n".to_owned();
    (0..400_000).for_each(|row| text.push_str(&format!("{},f,{}\n", 20 + row % 60, row % 9)));
    let large = home.write("large.csv", text);
    let offer = |path: &str| served.upload(&[("token", &token), ("file", ""), ("path", path)]);
    // What was not read holds no place.
    let absent = offer(&format!("{large}.absent")).location();
    until(&served, &absent, "role=\"alert\"");
    let read: Vec<String> = (0..4).map(|_| offer(&large).location()).collect();
    for _ in 0..2 {
        let fifth = offer(&large);
        assert!(
            fifth.status == 400 && fifth.body.contains("4 tables are in memory"),
            "{}",
            fifth.body
        );
    }
    for path in &read {
        until(&served, path, "What could name a person");
    }
    assert_eq!(offer(&large).status, 400);
    assert_eq!(served.post(&format!("{}/discard", read[0]), &token, "").location(), "/");

    let bare = home.write("bare.csv", "Ann Smith,1972-03-01,f\nBo Jones,1980-01-02,f\n");
    let columns = until(&served, &offer(&bare).location(), "What could name").body;
    assert!(columns.contains("Those of columns 2, 3 look like cells"), "{columns}");
    drop(served);
    runtime.block_on(serving.stop());
}
