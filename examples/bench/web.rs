//! The pages of a node with ten thousand listings on one core, beside a load generator on another; what
//! a real browser loads and when it paints; and a listing of 100,000 rows that is checked in it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::listing;
use crate::report::{Report, ms, short};

mod full;
mod load;
#[path = "../../tests/support/portal.rs"]
#[allow(dead_code)] // A part of it is used.
mod portal;

/// The argument that makes this program the node that is measured, and nothing else.
pub const SERVER: &str = "full-node";

pub use full::serve;

/// Requests a second, and seconds of each kind.
const RATE: f64 = 500.0;
const SECONDS: usize = 10;
/// Different questions.
const QUESTIONS: usize = 2_000;
/// Rows of the listing that a browser checks.
const ROWS: usize = 100_000;

/// The node as a process of its own.
struct Server {
    child: Child,
    url: String,
    datasets: Vec<String>,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(SERVER)
            .env("RUST_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let datasets = said["datasets"].as_array().unwrap().iter();
        let datasets = datasets.map(|path| path.as_str().unwrap().to_owned()).collect();
        Self { child, url: said["url"].as_str().unwrap().to_owned(), datasets }
    }

    fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts every thread of a process, and those that it will start, on some cores.
fn pin(process: u32, cores: &str) {
    let mut taskset = Command::new("taskset");
    taskset.args(["-a", "-c", "-p", cores, &process.to_string()]).stdout(Stdio::null());
    assert!(taskset.status().is_ok_and(|status| status.success()), "taskset of util-linux");
}

/// Pages of each kind, none the same as the one before.
fn questions(datasets: &[String]) -> [(&'static str, Vec<String>); 3] {
    let pages = full::LISTINGS / 25;
    let sorts = ["newest", "price", "rows", "k"];
    let list = (0..QUESTIONS).map(|n| {
        // Half of all readers look at the first pages.
        let page = if n % 2 == 0 { 1 + n / 2 % 3 } else { 1 + n * 7 % pages };
        format!("/?sort={}&page={page}", sorts[n % sorts.len()])
    });
    let search = (0..QUESTIONS).map(|n| match n % 4 {
        0 => format!("/?text={}", full::word(n)),
        1 => format!("/?text=diabetes+{}", full::word(n / 2)),
        2 => format!("/?text={}&k_min=10&country=DE", full::word(n / 3)),
        _ => format!("/?disease=MONDO:0005148&terms=GRU&rows_min=1000&text={}", full::word(n / 9)),
    });
    let dataset = datasets.iter().step_by(datasets.len() / QUESTIONS).cloned();
    [("list", list.collect()), ("search", search.collect()), ("dataset page", dataset.collect())]
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part(
        "Pages of a node with 10,000 live listings, made up and not proven, a block each second",
    );
    let server = Server::start();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores >= 2 {
        pin(server.child.id(), "0");
        pin(std::process::id(), "1");
        report.note("the node on one core, requests from another", "");
    } else {
        report.note("one core for the node and the requests", "");
    }
    let first = load::bytes(server.address(), "/");
    assert!(first > 10_000, "the list of a full catalogue: {first} bytes");
    for (name, paths) in questions(&server.datasets) {
        let paths = Arc::new(paths);
        let times = load::at_rate(server.address(), &paths, RATE, RATE as usize * SECONDS);
        let name = |what: &str| format!("{name}: {what}");
        let aim = Duration::from_millis(20);
        report.time(&name("p99 at 500 requests a second"), aim, percentile(&times, 0.99));
        report.note(
            "median, and the slowest",
            &format!("{}, {}", ms(percentile(&times, 0.5)), ms(percentile(&times, 1.0))),
        );
        let rate = load::greedy(server.address(), &paths, Duration::from_secs(5));
        report.note(&name("pages a second, 8 clients"), &format!("{} /s", short(rate)));
    }
    if cores >= 2 {
        pin(std::process::id(), &format!("0-{}", cores - 1));
    }
    report.part("A browser (Debian's chromium), with an empty cache, the same node on one core");
    let tools = portal::tools();
    let paths = ["/", "/?text=diabetes&k_min=10", &server.datasets[0]];
    let said =
        portal::browse(tools, "speed.mjs", &[&[server.url.as_str(), "5"][..], &paths[..]].concat());
    for (path, name) in paths.iter().zip(["list", "search", "dataset page"]) {
        painted(report, name, &said[*path]);
    }
    drop(server);

    report.part("A listing of 100,000 rows, eight columns and every claim, by the program itself");
    let live = listing::live(report, ROWS);
    let path = format!("/datasets/{}/{}", live.institution, live.package);
    let arguments = [live.url(), "3", path.as_str(), "--check", path.as_str()];
    let said = portal::browse(tools, "speed.mjs", &arguments);
    painted(report, "its page", &said[&path]);
    let check = &said["check"];
    let text = check["text"].as_str().unwrap();
    assert!(text.contains("Verified in this browser."), "{text}");
    let steps = check["progress"].as_u64().unwrap();
    assert!(steps >= 2, "progress is shown while it verifies: {check}");
    let seconds = check["milliseconds"].as_f64().unwrap() / 1e3;
    let aim = Duration::from_secs(5);
    report.time("checked in the browser, with progress", aim, Duration::from_secs_f64(seconds));
}

fn painted(report: &mut Report, name: &str, said: &Value) {
    let kb = |field: &str| said[field].as_f64().unwrap() / 1e3;
    report.most(&format!("{name}: all but scripts"), 100.0, kb("page"), "kB");
    if kb("script") > 0.0 {
        report.note("scripts", &format!("{:.0} kB", kb("script")));
    }
    let paint = Duration::from_secs_f64(said["paint"].as_f64().unwrap() / 1e3);
    report.note("first contentful paint", &ms(paint));
}
