//! `galen console` by the binary, against a real ledger: who is let in, and a table from the file to the
//! live listing and back, by plain HTTP as a browser without scripts would send it. What goes to the node
//! is recorded: no raw value is in it. In [`tables`] other ways in, and a run that is cut off; in
//! [`signing`] that nothing is signed but what was shown; in [`reviews`] what a steward decides of deals.

mod recorder;
mod reviews;
mod signing;
mod tables;

use std::path::Path;
use std::time::{Duration, Instant};

use galen::console;
use galen::demo::world::World;
use galen::operation;
use galen::wallet::{Cost, Keystore, Password};
use galen_market::listing::{ListingId, Standing};

use super::languages::chinese;
use super::support::Home;
use super::{Got, NO_NODE, PASSWORD, Served, ok, plan, started, until};
use recorder::{Recorder, holds, stored};

const ROWS: u32 = 240;
/// Where a column ends in a form with a file.
const BOUNDARY: &str = "----boundary7f3a";

/// Persons with a number and a note that stand in no other place.
fn ward() -> String {
    let mut text = String::from("patient,age,sex,glucose,note\n");
    for row in 0..ROWS {
        let sex = if row % 3 == 0 { "f" } else { "m" };
        let glucose = format!("{}.{}", 4 + row % 7, row % 10);
        text.push_str(&format!(
            "RAWPATIENT{row:04},{},{sex},{glucose},met at the RAWNOTE{row:04} entrance\n",
            20 + row % 60
        ));
    }
    text
}

/// A form with a file, its parts in this order.
fn multipart(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in parts {
        let file =
            if *name == "file" { "; filename=\"ward.csv\"\r\ncontent-type: text/csv" } else { "" };
        body.push_str(&format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        ));
    }
    body + &format!("--{BOUNDARY}--\r\n")
}

impl Served {
    fn upload(&self, parts: &[(&str, &str)]) -> Got {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.post_as(&kind, "/offer", &multipart(parts))
    }

    /// The field with which a page says what was shown.
    fn shown(&self, path: &str) -> String {
        format!("shown={}", self.get(path).field("shown"))
    }
}

/// Follows a page until it leads to another.
fn until_gone(served: &Served, path: &str) -> String {
    let begun = Instant::now();
    loop {
        let got = served.get(path);
        if got.status == 303 {
            return got.location();
        }
        assert!(got.status == 200 && !got.body.contains("role=\"alert\""), "{}", got.body);
        assert!(begun.elapsed() < Duration::from_secs(240), "{}", got.body);
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn left_of_uploads(home: &Path) -> usize {
    std::fs::read_dir(home.join("console/uploads")).unwrap().count()
}

#[test]
fn adversary_52_only_its_own_pages_reach_a_console_and_no_file_comes_without_its_token() {
    let home = Home::new();
    // Nothing of this asks a node.
    let plan = plan(&home, NO_NODE, Duration::from_secs(60));
    let runtime = ok(operation::node::runtime());
    let serving = ok(runtime.block_on(console::start(plan.clone(), 0)));
    let served = Served::of(&serving);
    // One console a home directory: two would clear each other's uploads.
    let Err(second) = runtime.block_on(console::start(plan, 0)) else { panic!("a second one") };
    assert_eq!(second.code(), "console.running");

    let (host, code) = (served.host.as_str(), served.code_header());
    let port = host.rsplit_once(':').unwrap().1;
    let rebound = format!("console.attacker.example:{port}");
    let cross = ("sec-fetch-site", "cross-site");
    let door = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let foreign = ("origin", "https://attacker.example");
    for (what, method, path, headers) in [
        ("a name that was pointed here", "GET", "/", vec![("host", rebound.as_str())]),
        ("a script of another site", "GET", "/", vec![("host", host), foreign]),
        ("a form of another site", "POST", "/offer", vec![("host", host), foreign]),
        ("a form of nowhere", "POST", "/offer", vec![("host", host)]),
        ("a link into the middle", "GET", "/money", vec![("host", host), cross, door[0], door[1]]),
    ] {
        let with = [headers, vec![("authorization", code.as_str())]].concat();
        let got = served.send(method, path, &with, "");
        assert_eq!(got.status, 403, "{what}: {}", got.head);
        assert!(!got.body.contains("token"), "{what}");
    }
    assert_eq!(served.send("GET", "/offer", &[("host", host)], "").status, 401);
    // The twins: the page itself, and a link from elsewhere to the first page.
    let linked = [("host", host), cross, door[0], door[1], ("authorization", code.as_str())];
    assert!(served.send("GET", "/", &linked, "").body.contains("Unlock your wallet"));
    // A locked console takes no file, and an unlocked one none without its token before it.
    let token = served.get("/offer").field("token");
    let table = ward();
    let (kept, file) = (("token", token.as_str()), ("file", table.as_str()));
    assert_eq!(served.upload(&[kept, file]).status, 403);
    served.unlock();
    assert!(served.get("/offer").body.contains("Table file (CSV or Parquet)"));
    for parts in [&[("token", "guessed"), file][..], &[file, kept], &[file]] {
        assert_eq!(served.upload(parts).status, 403);
    }
    assert_eq!(served.upload(&[kept, file, file]).status, 400);
    assert_eq!(left_of_uploads(&home.path("home")), 0);
    let got = served.upload(&[kept]);
    assert_eq!(got.status, 400);
    assert!(got.body.contains("no file was chosen"), "{}", got.body);
    let got = served.upload(&[kept, ("file", "a,b\n1\n")]).location();
    let read = until(&served, &got, "role=\"alert\"");
    assert!(read.body.contains("line 2"), "{}", read.body);
    assert_eq!(left_of_uploads(&home.path("home")), 0);
    let script = served.get("/offer");
    assert!(script.head.contains("default-src 'none'; style-src 'self'"), "{}", script.head);
    assert!(!script.body.contains("<script"));
    drop(served);
    runtime.block_on(serving.stop());
}

#[test]
fn a_table_becomes_a_listing_in_the_console_and_no_raw_value_leaves_it() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 2_000);
    let home = &world.hospital.home;
    let password = Password::new(PASSWORD.to_owned()).unwrap();
    let sealed = Keystore::seal(world.hospital.wallet.seed(), &password, Cost::STANDARD).unwrap();
    sealed.create(&home.join("keystore")).unwrap();
    let recorder = Recorder::start(world.address);
    let served = Served::command(&["console"], home, &recorder.url());
    let token = served.unlock();
    assert!(served.get("/").body.contains("Your datasets"));

    // The file, its columns and what could name a person.
    let table = ward();
    let begun = [("token", token.as_str()), ("separator", "comma"), ("file", &table)];
    let offer = served.upload(&begun).location();
    let columns = until(&served, &offer, "What could name a person");
    for words in ["Role of patient", "Role of note", "Groups of age", "Least level of age"] {
        assert!(columns.body.contains(words), "{words}: {}", columns.body);
    }
    for raw in ["RAWPATIENT0", "RAWNOTE0"] {
        assert!(!columns.body.contains(raw), "{raw} is shown");
    }
    assert!(!columns.body.contains("look like cells"), "{}", columns.body);
    assert_eq!(left_of_uploads(home), 0, "the rows are in memory only");
    let roles = "role_0=person&role_1=quasi-identifier&role_2=quasi-identifier&role_3=sensitive\
                 &role_4=drop&suppression=2&l=2&block_rows=small&how_2=suppress&how_1=intervals&top_1=70";
    let refused = served.post(&offer, &token, &format!("{roles}&width_1=-3&preview=1"));
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("cannot be the width"), "{}", refused.body);
    // What does not fit is said by its place.
    for how in ["how_0=intervals&width_0=5", "how_0=levels&levels_0=x%3B*"] {
        let wrong =
            served.post(&offer, &token, &format!("role_0=quasi-identifier&suppression=2&{how}"));
        assert_eq!(wrong.status, 400);
        assert!(
            wrong.body.contains("line 2") && !wrong.body.contains("RAWPATIENT"),
            "{}",
            wrong.body
        );
    }
    let chosen = format!("{roles}&width_1=10");
    served.post(&offer, &token, &format!("{chosen}&preview=1")).location();
    let shown = served.get(&offer).body;
    assert!(shown.contains("[20, 30): 40 rows") && shown.contains("70+: 40 rows"), "{shown}");

    chinese(&served, "/offer", &["上架数据集", "数据表文件（CSV 或 Parquet）", "读取数据表"]);
    chinese(
        &served,
        &offer,
        &["可能指认个人的内容", "glucose 的角色", "准标识符：泛化", "手动设定", "70+：40 行"],
    );

    // Risk against loss, over k.
    let compared = served.post(&offer, &token, &format!("{chosen}&compare=1")).location();
    assert_eq!(compared, format!("{offer}/risk"));
    let risk = until(&served, &compared, "<svg class=\"chart\"").body;
    for words in ["k = 11", "rows left out", "greatest risk (prosecutor), k = 2:", "k = 50"] {
        assert!(risk.contains(words), "{words}: {risk}");
    }
    chinese(&served, &compared, &["风险与损失", "最高风险（检察官模型），当 k = 2 时："]);
    // A k is chosen from what was shown, under the settings of that page, and no other.
    let shown = served.shown(&compared);
    let refused = |form: &str, why: &str| {
        let got = served.post(&compared, &token, form);
        assert!(got.status == 400 && got.body.contains(why), "{form}: {}", got.body);
    };
    refused("k=5", "settings of the columns are not those");
    refused(&format!("k=7&{shown}"), "none of those that can be reached");
    served.post(&offer, &token, &format!("{chosen}&low_1=1&preview=1")).location();
    refused(&format!("k=5&{shown}"), "settings of the columns are not those");
    served.post(&offer, &token, &format!("{chosen}&low_1=1&compare=1")).location();
    until(&served, &compared, "<svg class=\"chart\"");
    refused(&format!("k=5&{shown}"), "settings of the columns are not those");
    served.post(&offer, &token, &format!("{chosen}&compare=1")).location();
    until(&served, &compared, "<svg class=\"chart\"");
    assert_eq!(served.shown(&compared), shown);
    let described = served.post(&compared, &token, &format!("k=5&{shown}")).location();
    assert!(served.get(&described).body.contains("Text of the licence"));
    let words = "name=ward&title=Ward+%3C7%3E&description=Readings.&citation=A+ward.&use=HMB\
                 &condition_NPU=on&currency=EUR&months=12&licence_name=A+licence\
                 &licence_text=Use+it+well.&chart_3=on";
    let wrong = served.post(&described, &token, &format!("{words}&price=1%2C50"));
    assert!(wrong.body.contains("`1,50` is not an amount of money"), "{}", wrong.body);
    // What was typed is still there.
    assert!(served.get(&described).body.contains("Ward &#60;7&#62;"));
    chinese(
        &served,
        &described,
        &[
            "填写数据集说明",
            "健康、医学或生物医学研究",
            "仅限非营利组织",
            "展示 glucose 的图表并附证明",
        ],
    );
    let prepared = served.post(&described, &token, &format!("{words}&price=125.50")).location();
    chinese(
        &served,
        &prepared,
        &["准备与证明", "泛化至 k = 5、l = 2，以只有您的钱包持有的密钥加密"],
    );

    // Everything up to here, and all proofs, before anything is sent.
    assert_eq!(served.post(&prepared, &token, "").location(), prepared);
    let page = until_gone(&served, &prepared);
    let package = served.get(&page).body;
    let (posted, tried) = recorder.posted();
    assert!(
        posted.is_empty() && tried > 0,
        "something was sent before a person signed: {posted:?}"
    );
    for words in [
        "What becomes public",
        "every group of rows that agree on age, sex has at least 5 rows",
        "at least 2 different values of glucose",
        "125.50 EUR",
        "Use it well.",
        "age (quasi-identifier; ",
        "glucose (sensitive; number, 1 places, ",
        "240 rows read",
        "2 columns dropped, without their names",
        "100.00\u{a0}% to",
        "droppedColumns",
        "The ledger would accept the draft now",
        "Sign and publish",
    ] {
        assert!(package.contains(words), "{words}: {package}");
    }
    chinese(
        &served,
        &page,
        &[
            "将公开的内容",
            "凡 age、sex 取值相同的各行构成一组，每组至少有 5 行",
            "仅限非营利组织",
            "125.50 EUR，许可期 12 个月",
            "账本现在会接受此草稿",
            "签署并发布",
        ],
    );
    assert_eq!(served.post(&format!("{page}/publish"), "guessed", "").status, 403);
    let shown = served.shown(&page);
    assert_eq!(served.post(&format!("{page}/publish"), &token, &shown).location(), page);
    let live = until(&served, &page, "The dataset is live.").body;
    assert!(live.contains("Withdraw the listing"), "{live}");
    let id = ListingId {
        institution: world.hospital.account(),
        package: page.trim_start_matches("/datasets/").parse().unwrap(),
    };
    let view = world.session.client().listing(&id).unwrap();
    assert_eq!(view.summary.listing.standing, Standing::Live);
    assert_eq!(view.summary.declared.unwrap().title, "Ward <7>");
    assert_eq!((view.summary.tables[0].k, view.summary.tables[0].proven), (5, true));
    assert_eq!(view.summary.offer.tiers[0].price.to_string(), "12550 EUR");
    assert!(served.get("/").body.contains("Ward &#60;7&#62;"));

    // Neither on the way to the node nor in its folders is a raw value; what is public is in both.
    let (sent, kept) = (recorder.sent(), stored(&root.path().join("node")));
    for where_ in [&sent, &kept] {
        assert!(
            holds(where_, b"glucose") && holds(where_, b"Readings."),
            "the search is not blind"
        );
        // Names of dropped columns are cells where a table has no names.
        for raw in [&b"RAWPATIENT"[..], b"RAWNOTE", b"entrance", b"\"patient\"", b"\"note\""] {
            assert!(!holds(where_, raw), "{} left the console", String::from_utf8_lossy(raw));
        }
    }
    assert!(
        !holds(&stored(&home.join("console")), b"RAWPATIENT"),
        "no raw row is left on the disk"
    );

    // Deals, money, and the way back.
    assert!(served.get("/deals").body.contains("None yet"));
    let money = served.get("/money").body;
    assert!(money.contains("Hospital of the demonstration"), "{money}");
    assert!(money.contains("1000.00 EUR") && money.contains("into the bond"), "{money}");
    // A form is sent once, however often it is clicked.
    let once = served.get("/money").field("once");
    let form = format!("amount=2.50&currency=EUR&deposit=1&once={once}");
    let going = served.post("/money/bond", &token, &form).location();
    for _ in 0..2 {
        let again = served.post("/money/bond", &token, &form);
        assert!(again.status == 400 && again.body.contains("sent already"), "{}", again.body);
    }
    assert_eq!(served.post("/money/bond", &token, "amount=1&currency=EUR&deposit=1").status, 400);
    let put = until(&served, &going, "Put into the bond: final in block").body;
    assert!(put.contains("1002.50 EUR"), "{put}");
    assert!(served.get("/money").body.contains("1002.50 EUR"));
    chinese(&served, "/money", &["资金往来", "存入保证金", "1002.50 EUR"]);
    let statement = served.get("/money/statement.csv");
    assert!(
        statement.head.contains("attachment; filename=\"statement.csv\""),
        "{}",
        statement.head
    );
    assert!(statement.body.contains("into the bond"), "{}", statement.body);
    assert_eq!(served.post(&format!("{page}/withdraw"), &token, "reason=+").status, 400);
    served.post(&format!("{page}/withdraw"), &token, "reason=A+new+version+follows").location();
    until(&served, &page, "<strong>withdrawn</strong>: A new version follows");
    let view = world.session.client().listing(&id).unwrap();
    assert_eq!(view.summary.listing.standing, Standing::Withdrawn);
    ok(world.check_invariants());
    drop(served);
    world.stop();
}
