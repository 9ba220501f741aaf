//! `galen wallet serve` by the binary, against a real ledger: who is let in, and a purchase from a
//! portal's link to the opened dataset, by plain HTTP as a browser without scripts would send it. In
//! [`console`] the same of `galen console`.
#![allow(clippy::unwrap_used)]

#[path = "console/mod.rs"]
mod console;
mod support;

#[path = "wallet_page/languages.rs"]
mod languages;
#[path = "wallet_page/newcomer.rs"]
mod newcomer;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use galen::demo::world::{Party, World, short_windows};
use galen::error::Failure;
use galen::operation::description::Description;
use galen::operation::pack::{self, Charts, PackRequest};
use galen::operation::purchase::DealStore;
use galen::operation::store::{PackageRecord, PackageStore};
use galen::operation::{self, listing};
use galen::session::account_of;
use galen::signer::{self, Plan, Serving};
use galen::wallet::{Cost, Keystore, Password, Role};
use galen_dataset::pack::{FileHash, FileInput, Progress};
use galen_market::amount::Amount;
use galen_market::deal::Stage;
use galen_market::layout::BlockRows;
use languages::chinese;
use serde_json::json;
use support::Home;

const PASSWORD: &str = "four random words do";

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn quiet(_: Progress) {}

/// A wallet that is served, by the binary until this is dropped.
struct Served {
    /// None if it runs in this process.
    child: Option<Child>,
    host: String,
    code: String,
}

/// Nobody is there.
const NO_NODE: &str = "http://127.0.0.1:1";

fn plan(home: &Home, node: &str, idle: Duration) -> Plan {
    let listen = "127.0.0.1:0".parse().unwrap();
    Plan { home: home.path("home"), node: node.to_owned(), listen, idle }
}

struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    fn location(&self) -> String {
        let line = self.head.lines().find_map(|line| line.strip_prefix("location: "));
        line.unwrap_or_else(|| panic!("{} {}", self.head, self.body)).trim().to_owned()
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let after = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let after = after.unwrap_or_else(|| panic!("no {name} in {}", self.body));
        after.split('"').next().unwrap().to_owned()
    }
}

impl Served {
    /// One of this process.
    fn of(serving: &Serving) -> Self {
        let (host, code) = (serving.address().to_string(), serving.code().to_owned());
        Self { child: None, host, code }
    }

    fn start(home: &Path, node: &str) -> Self {
        Self::command(&["wallet", "serve"], home, node)
    }

    fn command(command: &[&str], home: &Path, node: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_galen"))
            .args(command)
            .args(["--listen", "127.0.0.1:0", "--json", "--node", node, "--home"])
            .arg(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = support::said(&mut child);
        let url = said["url"].as_str().unwrap();
        let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child: Some(child), host, code: said["code"].as_str().unwrap().to_owned() }
    }

    /// Sends a request with these headers and nothing else.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn code_header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("galen:{}", self.code)))
    }

    /// As the browser that was paired.
    fn get(&self, path: &str) -> Got {
        let code = self.code_header();
        self.send("GET", path, &[("host", &self.host), ("authorization", &code)], "")
    }

    fn post(&self, path: &str, token: &str, fields: &str) -> Got {
        self.post_as("application/x-www-form-urlencoded", path, &format!("token={token}&{fields}"))
    }

    fn post_as(&self, kind: &str, path: &str, body: &str) -> Got {
        let (code, origin) = (self.code_header(), format!("http://{}", self.host));
        let headers = [
            ("host", self.host.as_str()),
            ("authorization", &code),
            ("origin", &origin),
            ("content-type", kind),
        ];
        self.send("POST", path, &headers, body)
    }

    /// Unlocks, and returns the token of its forms.
    fn unlock(&self) -> String {
        let token = self.get("/").field("token");
        let password = PASSWORD.replace(' ', "+");
        let got = self.post("/unlock", &token, &format!("password={password}&next=%2F"));
        assert_eq!((got.status, got.location().as_str()), (303, "/"), "{}", got.body);
        token
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn adversary_52_only_its_own_pages_and_links_reach_a_wallet() {
    let home = Home::new();
    home.run(&["node", "init"]).done();
    let node = support::Node::start(&home);
    let served = Served::start(&home.path("home"), &node.url);
    let (host, code) = (served.host.as_str(), served.code_header());
    let port = host.rsplit_once(':').unwrap().1;
    let own = format!("http://{host}");
    let rebound = format!("wallet.attacker.example:{port}");
    let foreign = "https://attacker.example";
    let door = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let cross = ("sec-fetch-site", "cross-site");
    let same_site = ("sec-fetch-site", "same-site");
    type Headers<'a> = Vec<(&'a str, &'a str)>;
    let refused: Vec<(&str, &str, &str, Headers<'_>)> = vec![
        ("a name that was pointed here", "GET", "/", vec![("host", &rebound)]),
        ("the name with its origin", "GET", "/", vec![("host", &rebound), ("origin", foreign)]),
        ("another port", "GET", "/", vec![("host", "127.0.0.1:1")]),
        ("no host", "GET", "/", vec![]),
        ("a script of another site", "GET", "/", vec![("host", host), ("origin", foreign)]),
        ("an opaque origin", "GET", "/", vec![("host", host), ("origin", "null")]),
        (
            "https, which this is not",
            "GET",
            "/",
            vec![("host", host), ("origin", "https://127.0.0.1")],
        ),
        ("a form of nowhere", "POST", "/lock", vec![("host", host)]),
        ("a form of another site", "POST", "/lock", vec![("host", host), ("origin", foreign)]),
        ("a form without a referrer", "POST", "/lock", vec![("host", host), ("origin", "null")]),
        ("a preflight", "OPTIONS", "/", vec![("host", host), ("origin", foreign)]),
        (
            "an image elsewhere",
            "GET",
            "/",
            vec![("host", host), cross, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        ),
        (
            "a frame elsewhere",
            "GET",
            "/buy",
            vec![("host", host), cross, door[0], ("sec-fetch-dest", "iframe")],
        ),
        (
            "a neighbour's script",
            "GET",
            "/",
            vec![
                ("host", host),
                same_site,
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
            ],
        ),
        (
            "a link into the middle",
            "GET",
            "/deals/0",
            vec![("host", host), cross, door[0], door[1]],
        ),
    ];
    for (what, method, path, mut headers) in refused {
        headers.push(("authorization", &code));
        let got = served.send(method, path, &headers, "");
        assert_eq!(got.status, 403, "{what}: {}", got.head);
        assert!(!got.head.to_lowercase().contains("access-control"), "{what}");
        assert!(!got.body.contains("token"), "{what}");
    }
    // The twins: the pages themselves, and links from elsewhere to where something begins.
    let localhost = format!("localhost:{port}");
    for headers in [
        vec![("host", host)],
        vec![("host", localhost.as_str())],
        vec![("host", host), ("origin", own.as_str())],
        vec![("host", host), ("sec-fetch-site", "none"), door[0], door[1]],
        vec![("host", host), cross, door[0], door[1]],
    ] {
        let with = [headers.clone(), vec![("authorization", &code)]].concat();
        let got = served.send("GET", "/buy", &with, "");
        assert_eq!(got.status, 200, "{headers:?}: {}", got.body);
        assert!(got.head.contains("frame-ancestors 'none'"), "{}", got.head);
        assert!(got.body.contains("Unlock your wallet"));
        // Without the code nothing is shown.
        let got = served.send("GET", "/buy", &headers, "");
        assert_eq!(got.status, 401);
        assert!(got.head.contains("www-authenticate: Basic"), "{}", got.head);
    }
    // A form needs the token of these pages too.
    let token = served.get("/").field("token");
    assert_eq!(served.post("/lock", "guessed", "").status, 403);
    assert_eq!(served.post("/unlock", &token, "password=wrong+password&next=%2F").status, 200);
    let got =
        served.post("/unlock", &token, "password=four+random+words+do&next=%2F%2Fattacker.example");
    assert_eq!((got.status, got.location().as_str()), (303, "/"));
    let tab = "password=four+random+words+do&next=%2F%09%2Fattacker.example";
    let got = served.post("/unlock", &token, tab);
    assert_eq!((got.status, got.location().as_str()), (303, "/"));
    assert!(served.get("/").body.contains("Your wallet on"));
    assert_eq!(served.post("/lock", &token, "").status, 303);
    assert!(served.get("/").body.contains("Unlock your wallet"));
    assert_eq!(served.post("/unlock", &token, &"a".repeat(20_000)).status, 413);
    // Codes cannot be tried one after the other.
    let guess = format!("Basic {}", STANDARD.encode("galen:aaaabbbbcccc"));
    let statuses: Vec<u16> = (0..7)
        .map(|_| served.send("GET", "/", &[("host", host), ("authorization", &guess)], "").status)
        .collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    // Who has the right one is not kept out by others who have not.
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn a_page_that_loads_itself_again_does_not_keep_the_wallet_unlocked() {
    let home = Home::new();
    // A page of an unlocked wallet says that nobody is there.
    let plan = plan(&home, NO_NODE, Duration::from_secs(3));
    let runtime = ok(operation::node::runtime());
    let serving = ok(runtime.block_on(signer::start(plan)));
    let served = Served::of(&serving);
    served.unlock();
    let locked = |path: &str| served.get(path).body.contains("Unlock your wallet");
    let many = |path: &str| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(6) && !locked(path) {
            std::thread::sleep(Duration::from_millis(300));
        }
        locked(path)
    };
    assert!(!many("/"), "a person who uses it keeps it unlocked");
    assert!(many("/?again"));
    assert!(locked("/"));
    drop(served);
    runtime.block_on(serving.stop());
}

#[test]
fn adversary_52_a_silent_node_does_not_keep_a_wallet_from_locking() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let node = format!("http://{}", silent.local_addr().unwrap());
    let plan = plan(&home, &node, Duration::from_secs(300));
    let runtime = ok(operation::node::runtime());
    let serving = ok(runtime.block_on(signer::start(plan)));
    let served = Served::of(&serving);
    let token = served.unlock();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| served.get("/"));
        }
        // All turns are taken by pages that wait for the node.
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        assert_eq!(served.get("/style.css").status, 200);
        assert_eq!(served.post("/lock", "guessed", "").status, 403);
        assert_eq!(served.post("/lock", &token, "").status, 303);
        assert!(begun.elapsed() < Duration::from_secs(3), "locking waits for the node");
        // Whoever waits is told now that nobody is there.
        drop(silent);
    });
    assert!(served.get("/").body.contains("Unlock your wallet"));
    drop(served);
    runtime.block_on(serving.stop());
}

/// One file, packed into a folder of this name to be listed for a price.
fn packed(world: &World, root: &Path, name: &str) -> PackageRecord {
    let file = root.join("findings.txt");
    std::fs::write(&file, "The findings.\n").unwrap();
    std::fs::write(root.join("licence.txt"), "Use it <well>.").unwrap();
    let description = json!({
        "name": "findings", "title": "Findings & <more>", "description": "One file.",
        "citation": "A ward.", "clauses": ["HMB", "NRI"], "price": "10000 EUR",
        "licence_months": 12, "licence_name": "A licence", "licence_file": "licence.txt",
    });
    let path = root.join("description.json");
    std::fs::write(&path, description.to_string()).unwrap();
    let description = ok(Description::read(&path));
    let store = PackageStore::of(&world.hospital.home);
    let out = root.join(name);
    let request = PackRequest {
        institution: world.hospital.account(),
        tables: Vec::new(),
        files: vec![FileInput {
            name: "findings".to_owned(),
            path: "findings.txt".to_owned(),
            source: file,
            mediatype: "text/plain".to_owned(),
            description: String::new(),
            sha256: FileHash::None,
        }],
        description: &description,
        charts: &Charts::None,
        block_rows: BlockRows::Small,
        out: &out,
    };
    ok(pack::pack(&world.hospital.wallet, &store, &request, &world.prover, &quiet)).record
}

/// One file, listed for a price.
fn published(world: &World, root: &Path) -> PackageRecord {
    let record = packed(world, root, "findings.galen");
    let store = PackageStore::of(&world.hospital.home);
    let folder =
        ok(galen_dataset::package::PackageFolder::read(&record.folder).map_err(Failure::from));
    let (key, verifier) = (&world.hospital.key, world.prover.verifier());
    ok(listing::publish(&world.session, key, &folder, &record, (&store, None), verifier, &|_| ()));
    record
}

/// Loads a page again until it says something.
fn until(served: &Served, path: &str, said: &str) -> Got {
    let begun = Instant::now();
    loop {
        let got = served.get(path);
        if got.body.contains(said) {
            return got;
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "{said}: {}", got.body);
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Puts somebody's keys on the disk, as a command would find them.
fn sealed(party: &Party) {
    let password = Password::new(PASSWORD.to_owned()).unwrap();
    let keystore = Keystore::seal(party.wallet.seed(), &password, Cost::STANDARD).unwrap();
    keystore.create(&party.home.join("keystore")).unwrap();
}

/// The wallet of a researcher with a credential and money, served.
fn buyer(world: &World, purposes: &[&str]) -> Served {
    let credential = ok(world.vouch(purposes));
    ok(operation::credential::keep(&world.researcher.home, &credential));
    let payer = account_of(&world.researcher.wallet.account(Role::Researcher, 0));
    ok(world.fund(payer, 40_000));
    sealed(&world.researcher);
    Served::start(&world.researcher.home, world.session.client().node())
}

/// A ledger with its parties, on which a delivered deal is settled after so many milliseconds.
fn started(root: &Path, dispute_ms: u64) -> World {
    let listen = "127.0.0.1:0".parse().unwrap();
    let windows = short_windows(240_000, dispute_ms);
    let world = ok(World::start(root, listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    world
}

#[test]
fn a_purchase_from_the_link_of_a_portal_to_the_opened_dataset() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 2_000);
    let record = published(&world, root.path());
    let served = buyer(&world, &["general", "health"]);

    let listing = format!("{}%2F{}", record.institution, record.package);
    let link = format!("/buy?listing={listing}");
    assert!(served.get(&link).body.contains("Unlock your wallet"));
    let token = served.unlock();
    let got = served.get("/qualify");
    assert!(got.body.contains("Findings &#38; &#60;more&#62;"), "{}", got.body);
    assert!(got.body.contains("you qualify") && got.body.contains("health"), "{}", got.body);
    let got = served.get(&link);
    assert!(got.body.contains("What for?") && !got.body.contains("What you would sign"));
    // Not promised, then for another purpose: it says which clause stands in the way.
    let got = served.get(&format!("{link}&purpose=health"));
    assert!(got.body.contains("No: you do not qualify"), "{}", got.body);
    let got = served.get(&format!("{link}&purpose=ancestry&undertake=all"));
    assert!(got.body.contains("No: you do not qualify"), "{}", got.body);
    let got = served.get(&format!("{link}&purpose=fun"));
    assert_eq!(got.status, 400);
    assert!(got.body.contains("`fun` is not a purpose"), "{}", got.body);
    // What would be signed, in words.
    let wish = format!("{link}&purpose=health&undertake=all&project=Sleep");
    let shown = served.get(&wish);
    for words in [
        "Yes: you qualify",
        "100.00 EUR",
        "Use it &#60;well&#62;.",
        "What becomes public",
        "Fee of the request itself",
        "<bdi>standard</bdi>: 100.00 EUR, one named user",
        "4 minutes",
    ] {
        assert!(shown.body.contains(words), "{words}: {}", shown.body);
    }
    chinese(&served, "/qualify", &["您符合条件", "健康研究", "Findings &#38; &#60;more&#62;"]);
    chinese(
        &served,
        &wish,
        &[
            "可以：您符合条件",
            "您将签署的内容",
            "：100.00 EUR，1 名指名用户，许可期 12 个月；本次 1 名指名用户",
            "健康、医学或生物医学研究：允许该用途",
            "不得重新识别个人：买方已承诺",
            "健康研究，承诺不识别任何人，项目“Sleep”",
            "此后机构须在 4 分钟内交付密钥。",
            "何时退款",
            "至多 16 个签发方中有一个批准持有者用于：健康研究",
            "接受许可证并以 100.00 EUR 申请",
        ],
    );
    // The same from another site is a question, and not an answer that somebody else gave.
    let code = served.code_header();
    let headers = [
        ("host", served.host.as_str()),
        ("authorization", &code),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let led = served.send("GET", &wish, &headers, "");
    assert_eq!(led.status, 200, "{}", led.body);
    assert!(led.body.contains("What for?") && !led.body.contains("What you would sign"));
    assert!(!led.body.contains(" checked") && !led.body.contains("Sleep"), "{}", led.body);
    // The institution raises the price after it was shown: nothing is signed.
    let stale = shown.field("order");
    let mut offer = record.offer.clone();
    let mut tiers = offer.tiers.clone().into_vec();
    tiers[0].price.amount = Amount::new(12_000);
    offer.tiers = galen_market::codec::Bounded::new(tiers).unwrap();
    ok(world.hospital_does(listing::revise(&record.listing(), offer)));
    let got = served.post("/buy", &token, &format!("order={stale}"));
    let failed = until(&served, &got.location(), "purchase.changed");
    assert!(failed.body.contains("another price"), "{}", failed.body);
    assert!(DealStore::of(&world.researcher.home).all().unwrap().is_empty());
    let again = served.post("/buy", &token, &format!("order={stale}"));
    assert_eq!(again.status, 400);
    assert!(again.body.contains("sent already"), "{}", again.body);
    // Seen again and accepted.
    let shown = served.get(&wish);
    assert!(shown.body.contains("120.00 EUR"), "{}", shown.body);
    let order = shown.field("order");
    assert_eq!(served.post("/buy", "guessed", &format!("order={order}")).status, 403);
    let going = served.post("/buy", &token, &format!("order={order}")).location();
    let begun = Instant::now();
    while served.get(&going).status != 303 {
        assert!(begun.elapsed() < Duration::from_secs(240), "{}", served.get(&going).body);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(served.get(&going).location(), "/deals/0");
    until(&served, "/deals/0", "waiting for the key");
    chinese(
        &served,
        "/deals/0",
        &["交易 0：等待密钥", "若机构逾期，价款退回，另有补偿。", "剩余时间："],
    );
    let deal = DealStore::of(&world.researcher.home).find("0").unwrap();
    assert_eq!(deal.price.amount.units(), 12_000);
    ok(world.with_agent(|| world.wait_for(&deal.deal, Stage::Verified)));
    until(&served, "/deals/0", "Open the dataset on this machine");
    assert_eq!(served.post("/deals/0/open", &token, "").location(), "/deals/0");
    until(&served, "/deals/0", "The dataset is in");
    let opened = world.researcher.home.join("datasets/0/findings.txt");
    assert_eq!(std::fs::read_to_string(opened).unwrap(), "The findings.\n");
    ok(world.wait_for(&deal.deal, Stage::Finalized));
    let end = until(&served, "/deals/0", "The institution was paid");
    assert!(end.body.contains("finished"), "{}", end.body);
    assert!(served.get("/").body.contains("Deal 0"));
    chinese(&served, "/deals/0", &["交易 0：已完成", "归您所有"]);
    chinese(&served, "/", &["上的钱包", "交易 0", "已完成：已付款", "一般研究、健康研究"]);
    ok(world.check_invariants());
    drop(served);
    world.stop();
}
