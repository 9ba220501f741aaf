//! Packages are fetched by the binary from real servers that fail in every way: what arrives is what
//! was listed, what is wrong is named, and nothing good is fetched twice.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use galen::agent::policy::Policy;
use galen::agent::{Agent, Deed};
use galen::demo::{story, world};
use galen::error::Failure;
use galen::mirror::Unwatched;
use galen::operation;
use galen::operation::receive::{self, Sources};
use galen_dataset::package::{PackageFolder, check_segment};
use galen_market::deal::Stage;
use galen_market::event::Event;
use galen_market::layout::BlockRows;
use serde_json::{Value, json};
use support::mirror::{Manner, Mirror};
use support::{DESCRIPTION, Home, Ran, with};

/// Bytes of the file that is sold: 40 full segments and a short one.
const FILE_BYTES: usize = 40 * (256 << 10) + 1_000;

/// A node that runs until it is dropped.
struct Node {
    child: Child,
    url: String,
}

impl Node {
    fn start(home: &Home, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_galen"))
            .args(["node", "run", "--listen", "127.0.0.1:0", "--json", "--home"])
            .arg(home.path("home"))
            .args(more)
            .envs(environment.iter().copied())
            .env("RUST_LOG", "warn,arc_malachitebft_network=off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = support::said(&mut child);
        Self { child, url: said["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The genesis of a ledger on which a draft costs nothing.
fn init(home: &Home) {
    let parameters = json!({ "draft_deposit_per_kib": "0" });
    let parameters = home.write("parameters.json", parameters.to_string());
    home.run(&["node", "init", "--parameters", &parameters]).done();
}

/// A ledger on which a hospital has listed a package whose segments are in a folder of mirrors.
struct World {
    node: Node,
    home: Home,
    package: String,
    /// What mirrors serve.
    served: PathBuf,
    segments: Vec<u8>,
}

impl World {
    /// `store` is where the segments go, `locations` where the listing says that they are.
    fn new(store: Option<&str>, locations: &[&str], environment: &[(&str, &str)]) -> Self {
        let home = Home::new();
        init(&home);
        let node = Node::start(&home, &[], &[]);
        let served = home.path("served");
        let store = store.map_or_else(|| served.display().to_string(), str::to_owned);
        Self::on(home, node, Some((store.as_str(), environment)), locations)
    }

    /// The same at a node that runs, with the segments in a store or at the node.
    fn on(
        home: Home,
        node: Node,
        store: Option<(&str, &[(&str, &str)])>,
        locations: &[&str],
    ) -> Self {
        let served = home.path("served");
        let institution = home.run(&["key", "show", "--role", "institution"]).done();
        let institution = institution["account"].as_str().unwrap();
        home.write("evidence.pdf", "signed and sealed");
        home.write("licence.txt", "Use it well.");
        let bytes: Vec<u8> = (0..FILE_BYTES as u64)
            .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8)
            .collect();
        home.write("scan.bin", bytes);
        let mut description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        description["locations"] = json!(locations);
        home.write("ward.json", description.to_string());
        let at = ["--node", &node.url, "--yes"];
        let admit = ["registrar", "admit", "--account", institution, "--role", "institution"];
        let with_evidence = ["--name", "Hospital", "--evidence", "evidence.pdf"];
        home.run(&with(&with(&admit, &with_evidence), &at)).done();
        let pack = ["dataset", "pack", "--file", "scan.bin", "--description", "ward.json"];
        let packed = home.run(&with(&pack, &["--out", "packed"])).done();
        let package = packed["package"].as_str().unwrap().to_owned();
        let publish = with(&["dataset", "publish", "packed"], &at);
        let published = match store {
            Some((store, environment)) => {
                run_in(&home, &with(&publish, &["--store", store]), environment).done()
            }
            None => home.run(&publish).done(),
        };
        assert_eq!(published["standing"]["state"], "live", "{published}");
        let segments = fs::read(home.path("packed/segments")).unwrap();
        Self { node, home, package, served, segments }
    }

    /// Served by the mirrors that a test names, and not by the node; the listing names a place where
    /// nothing is.
    fn mirrored() -> Self {
        Self::new(None, &["https://packages.invalid/galen"], &[])
    }

    fn arguments<'a>(&'a self, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let fetch = ["dataset", "fetch", &self.package, "--out", out, "--node", &self.node.url];
        with(&fetch, more)
    }

    fn fetch(&self, out: &str, mirrors: &[&Mirror], more: &[&str]) -> Ran {
        Home::finished(&mut self.command(out, mirrors, more))
    }

    fn command(&self, out: &str, mirrors: &[&Mirror], more: &[&str]) -> Command {
        let urls: Vec<String> = mirrors.iter().map(|mirror| mirror.url()).collect();
        let mut named: Vec<&str> = more.to_vec();
        urls.iter().for_each(|url| named.extend(["--mirror", url]));
        self.home.command(&self.arguments(out, &named), &self.home.path("password"))
    }

    /// The fetched folder holds what was listed, byte for byte.
    fn is_whole(&self, out: &str) {
        let folder = PackageFolder::read(&self.home.path(out)).unwrap();
        assert_eq!(folder.id().to_string(), self.package);
        assert!(fs::read(self.home.path(out).join("segments")).unwrap() == self.segments);
    }
}

/// Runs the binary with more in its environment.
fn run_in(home: &Home, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_galen"))
        .args(arguments)
        .args(["--json", "--home"])
        .arg(home.path("home"))
        .arg("--password-file")
        .arg(home.path("password"))
        .envs(environment.iter().copied())
        .current_dir(home.folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Why a mirror was left, by what the binary printed.
fn left(printed: &Value, mirror: &Mirror) -> Option<String> {
    let all = printed["fetch"]["mirrors"].as_array().unwrap();
    let of = all.iter().find(|given| given["mirror"] == mirror.url()).unwrap();
    of["left"].as_str().map(str::to_owned)
}

#[test]
fn adversary_31_a_mirror_that_lies_stalls_or_dies_is_left_for_another() {
    let world = World::mirrored();
    let bad = [
        (Manner::Lies, "is not the one that was listed"),
        (Manner::Stalls, "stands still"),
        (Manner::Dies(700_000), "error"),
        (Manner::Truncates, "range"),
        (Manner::Whole, "serves no ranges"),
        (Manner::Page, "a page for people"),
        (Manner::OtherRange, "answers with the range `bytes 0-"),
        (Manner::Encoded, "in the encoding gzip"),
        (Manner::Endless, "more bytes than were asked for"),
        (Manner::Busy, "answers 503"),
        (Manner::Absent, "answers 404"),
        (Manner::Slow(300), "bytes in"),
        (Manner::Redirects("file:///etc/passwd".to_owned()), "answers 302"),
    ];
    for (n, (manner, why)) in bad.into_iter().enumerate() {
        // It sends as little as a mirror may, until the other one was left: so there is work for both.
        let good = Mirror::new(&world.served, Manner::Slow(32 << 10));
        let other = Mirror::new(&world.served, manner.clone());
        let out = format!("fetched-{n}");
        let named = format!("left {}: ", other.url());
        let mut fetch = world
            .command(&out, &[&other, &good], &["--stall", "2"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(fetch.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.contains(&named) {
                good.becomes(Manner::Honest);
            }
            said.push_str(&line);
            said.push('\n');
        }
        let output = fetch.wait_with_output().unwrap();
        assert!(said.contains(&named), "{manner:?} is named: {said}");
        assert!(output.status.success(), "{manner:?}: {said}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        world.is_whole(&out);
        let reason = left(&printed, &other).unwrap();
        assert!(reason.contains(why), "{manner:?}: {printed}");
        assert_eq!(left(&printed, &good), None);
        assert_eq!(printed["fetch"]["kept"], 0);
        assert_eq!(printed["fetch"]["fetched"], 41);
    }
    // The twin: two good mirrors share the work, a redirect to one of them included.
    let good = Mirror::new(&world.served, Manner::Slow(4_000_000));
    let sends = format!("{}/{}/segments", good.url(), world.package);
    let other = Mirror::new(&world.served, Manner::Redirects(sends));
    let printed = world.fetch("twin", &[&other, &good], &[]).done();
    world.is_whole("twin");
    assert_eq!((left(&printed, &good), left(&printed, &other)), (None, None));
    let of = |n: usize| printed["fetch"]["mirrors"][n]["segments"].as_u64().unwrap();
    assert!(of(0) > 0 && of(1) > 0, "{printed}");
}

#[test]
fn adversary_31_no_mirror_left_says_why_and_keeps_what_came() {
    let world = World::mirrored();
    let dies = Mirror::new(&world.served, Manner::Dies(3_000_000));
    let refused = world.fetch("fetched", &[&dies], &["--stall", "1"]);
    assert!(refused.err.contains(&dies.url()), "{}", refused.err);
    assert_eq!(refused.refused(), (5, "mirror.none".to_owned()));
    assert!(!world.home.path("fetched").exists());
    let good = Mirror::new(&world.served, Manner::Honest);
    let printed = world.fetch("fetched", &[&good], &[]).done();
    world.is_whole("fetched");
    assert!(printed["fetch"]["kept"].as_u64().unwrap() > 0, "{printed}");
}

/// Which segments of an unfinished fetch are good, by the package as it was packed.
fn good_segments(world: &World, partial: &Path) -> Vec<bool> {
    let packed = PackageFolder::read(&world.home.path("packed")).unwrap();
    let found = fs::read(partial.join("segments")).unwrap_or_default();
    (0..packed.offsets().segments())
        .map(|segment| {
            let place = packed.offsets().range(segment).unwrap();
            let bytes = found.get(place.start as usize..place.end as usize);
            bytes.is_some_and(|bytes| check_segment(packed.leaves(), segment, bytes).is_ok())
        })
        .collect()
}

#[test]
fn a_fetch_that_is_killed_goes_on_without_fetching_a_good_segment_again() {
    let world = World::mirrored();
    let packed = PackageFolder::read(&world.home.path("packed")).unwrap();
    let partial = world.home.path("fetched.partial");
    let slow = Mirror::new(&world.served, Manner::Slow(400_000));
    let url = slow.url();
    let mut kills = 0;
    loop {
        let before = good_segments(&world, &partial).iter().filter(|good| **good).count();
        if before > 30 {
            break;
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_galen"))
            .args(world.arguments("fetched", &["--mirror", &url, "--json", "--home"]))
            .arg(world.home.path("home"))
            .current_dir(world.home.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let asked = slow.asked().len();
        let begun = Instant::now();
        // Some more segments, so that the kill falls in the middle of others.
        while good_segments(&world, &partial).iter().filter(|good| **good).count() < before + 6 {
            assert!(begun.elapsed() < Duration::from_secs(120), "no segment came");
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(slow.asked().len() > asked);
    }
    assert!(kills >= 3, "killed {kills} times");
    // One good segment is damaged on the disk: it alone is fetched again.
    let mut good = good_segments(&world, &partial);
    let damaged = good.iter().position(|good| *good).unwrap();
    let at = packed.offsets().range(damaged as u64).unwrap().start as usize + 77;
    let mut bytes = fs::read(partial.join("segments")).unwrap();
    bytes[at] ^= 1;
    fs::write(partial.join("segments"), bytes).unwrap();
    good[damaged] = false;
    let honest = Mirror::new(&world.served, Manner::Honest);
    let printed = world.fetch("fetched", &[&honest], &[]).done();
    world.is_whole("fetched");
    let kept = good.iter().filter(|good| **good).count();
    assert_eq!(printed["fetch"]["kept"], kept);
    assert_eq!(printed["fetch"]["fetched"], good.len() - kept);
    let mut missing = 0;
    for (segment, good) in (0u64..).zip(&good) {
        let place = packed.offsets().range(segment).unwrap();
        let overlaps =
            |range: &&std::ops::Range<u64>| range.start < place.end && place.start < range.end;
        let times = honest.asked().iter().filter(overlaps).count();
        if *good {
            assert_eq!(times, 0, "segment {segment} was good and is fetched again");
        } else {
            missing += place.end - place.start;
            assert!(times > 0);
        }
    }
    assert_eq!(printed["fetch"]["received"], missing, "nothing is fetched twice");
    assert!(!partial.exists());
    // What is whole is not fetched at all.
    let asked = honest.asked().len();
    let printed = world.fetch("fetched", &[&honest], &[]).done();
    assert_eq!((printed["fetch"]["fetched"].as_u64(), honest.asked().len()), (Some(0), asked));
    // What was whole is read before it counts: what was damaged since is fetched again, and no more.
    let segments = world.home.path("fetched/segments");
    let mut bytes = fs::read(&segments).unwrap();
    bytes[at] ^= 1;
    fs::write(&segments, bytes).unwrap();
    let printed = world.fetch("fetched", &[&honest], &[]).done();
    assert_eq!(printed["fetch"]["fetched"], 1);
    world.is_whole("fetched");
    let file = fs::OpenOptions::new().write(true).open(&segments).unwrap();
    file.set_len(1_000).unwrap();
    world.fetch("fetched", &[&honest], &[]).done();
    world.is_whole("fetched");
}

#[test]
fn adversary_50_a_listing_sends_nobody_to_addresses_inside() {
    let home = Home::new();
    let inside = Mirror::new(home.folder.path(), Manner::Honest);
    let url = inside.url();
    let locations =
        [url.as_str(), "file:///etc", &format!("http://localhost:{}/x", inside.address.port())];
    let world = World::new(None, &locations, &[]);
    let refused = world.fetch("fetched", &[], &["--stall", "1"]);
    let said = refused.err.clone();
    assert!(said.contains(&format!("left {url}: is an address of this machine")), "{said}");
    assert!(said.contains("left file:///etc: is no http or https address"), "{said}");
    assert!(said.contains("has no public address"), "{said}");
    assert_eq!(refused.refused(), (5, "mirror.none".to_owned()));
    assert_eq!(inside.sent(), 0);
    // The twin: the user permits it, or names the mirror.
    let served = Mirror::new(&world.served, Manner::Honest);
    world.fetch("named", &[&served], &["--stall", "1"]).done();
    world.is_whole("named");
}

/// An S3-compatible server that we did not write, with a bucket that everybody may read.
struct Bucket {
    child: Child,
    endpoint: String,
}

impl Bucket {
    fn start() -> Self {
        let python = std::env::var_os("PYTHON")
            .map(PathBuf::from)
            .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
        let program = python.with_file_name("moto_server");
        assert!(program.exists(), "{} is missing: run `make python`", program.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bucket = Self { child, endpoint: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        loop {
            let made = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
                let request = "PUT /hospital HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
                    x-amz-acl: public-read\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(request.as_bytes())?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).map(|_| answer)
            });
            match made {
                Ok(answer) => {
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    return bucket;
                }
                Err(error) => {
                    assert!(begun.elapsed() < Duration::from_secs(120), "{error}");
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    fn environment(&self) -> [(&str, &str); 5] {
        [
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ]
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_package_is_published_to_and_fetched_from_an_s3_compatible_store() {
    let bucket = Bucket::start();
    let read_from = format!("{}/hospital/packages", bucket.endpoint);
    let store = "s3://hospital/packages";
    let world = World::new(Some(store), &[&read_from], &bucket.environment());
    assert!(!world.served.exists(), "the segments are in the bucket alone");
    let printed = world.fetch("fetched", &[], &["--private-mirrors"]).done();
    world.is_whole("fetched");
    let mirrors = &printed["fetch"]["mirrors"];
    let of = |address: &str| {
        let all = mirrors.as_array().unwrap();
        all.iter().find(|given| given["mirror"] == address).unwrap()["segments"].clone()
    };
    assert_eq!((of(&read_from), of(&world.node.url)), (json!(41), json!(0)), "{printed}");

    // A node that keeps its packages in the bucket takes them in, and serves ranges of them.
    let other = Home::new();
    init(&other);
    let more = ["--packages", "s3://hospital/of-the-node"];
    let node = Node::start(&other, &more, &bucket.environment());
    let second = World::on(other, node, None, &[]);
    let printed = second.fetch("fetched", &[], &[]).done();
    second.is_whole("fetched");
    assert_eq!(printed["fetch"]["mirrors"][0]["mirror"], second.node.url);
    assert_eq!(printed["fetch"]["mirrors"][0]["segments"], 41);
    // Texts of licences stay with the node; nothing else does.
    let here = fs::read_dir(second.home.path("home/node/packages")).unwrap();
    let here: Vec<_> = here.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(here, ["texts"]);

    let nowhere = Home::new();
    init(&nowhere);
    let refused = nowhere.run(&["node", "run", "--packages", "ftp://hospital/packages"]);
    assert_eq!(refused.refused(), (1, "store".to_owned()));
}

/// Forty classes of twelve rows, with a person number and two quasi-identifiers.
fn table(path: &Path) {
    let rows = (0..480).map(|row| {
        let (age, sex) = (30 + (row / 12) % 8, ["f", "m"][(row / 96) % 2]);
        format!("{},{age},{sex},{},{}\n", 1000 + row, row % 50, row % 4)
    });
    let header = std::iter::once("patient_id,xage,sex,mdvis,plan\n".to_owned());
    fs::write(path, header.chain(rows).collect::<String>()).unwrap();
}

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[test]
fn a_licence_runs_from_delivery_and_fetching_again_is_free() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("ward.csv");
    table(&source);
    let windows = world::short_windows(120_000, 120_000);
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let quiet = |_: String| ();
    let prepared = ok(story::prepare(&world, &source, 5, &quiet));
    let record = ok(story::pack(&world, &prepared, BlockRows::Full, &quiet));
    ok(story::list(&world, &record, &quiet));
    let credential = ok(world.vouch(&["general", "health"]));
    let (deal, folder) = ok(story::buy(&world, &record, &credential, 0, &quiet));
    let client = world.session.client();
    let before = client.deal(&deal.deal).unwrap();
    assert!(before.licence.is_none(), "fetched and checked, and no licence runs yet");

    let hospital = &world.hospital;
    let agent = Agent::new(
        &world.session,
        &hospital.wallet,
        &world.prover,
        &hospital.key,
        &hospital.home,
        Policy::default(),
    );
    assert_eq!(ok(ok(agent).step()), [Deed::Delivered { deal: deal.deal, again: false }]);
    let view = ok(world.wait_for(&deal.deal, Stage::Verified));
    let licence = view.licence.unwrap();
    let mut height = client.status().unwrap().height;
    let delivered = (1..=height).map(|height| client.block(height).unwrap()).find(|block| {
        block.events.iter().any(|event| matches!(event, Event::DealDelivered { .. }))
    });
    assert_eq!(licence.from_ms, delivered.unwrap().time_ms);

    let segments = folder.layout().segments();
    for copy in ["second", "third"] {
        let target = root.path().join(copy);
        let sources = Sources::default();
        let (again, got) =
            ok(receive::fetch(&world.session, &deal.listing, &target, &sources, &Unwatched));
        assert_eq!((again.id(), got.fetched), (folder.id(), segments));
    }
    let last = client.status().unwrap().height;
    while height < last {
        height += 1;
        assert_eq!(client.block(height).unwrap().transactions, [], "fetching sends nothing");
    }
    let after = client.deal(&deal.deal).unwrap();
    assert_eq!((after.licence.as_ref(), after.allowance), (Some(&licence), view.allowance));
    ok(world.check_invariants());
    world.stop();
}
