//! A listing of many rows and eight columns by the program itself, from a table to live on a real node:
//! five quasi-identifiers, two sensitive columns, charts of all. Time, processor and peak memory of every
//! step, bytes on the ledger, and what verifying takes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use galen::operation::listing::{draft, prove_block};
use galen::operation::store::{PackageRecord, PackageStore};
use galen_dataset::package::PackageFolder;
use galen_dataset::verify::{Claimed, block_claims};
use galen_market::codec::encode;
use galen_zk::bundle::{Bundle, bundle_items};
use galen_zk::keys::Verifier;
use serde_json::Value;

use crate::report::{Report, ms, short, spend};

/// Rows of a class.
const CLASS: usize = 15;
const K: &str = "11";
/// Bundles verified together: what one transaction holds.
const TOGETHER: usize = 16;

/// Writes the table: classes of fifteen rows by age, sex, area, year and ward; a score and a level that
/// are different in each row of a class; a day.
fn write_table(rows: usize, path: &Path) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(out, "age,sex,area,year,ward,score,level,cost").unwrap();
    for row in 0..rows {
        let class = row / CLASS;
        let mixed = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        writeln!(
            out,
            "{},{},{},{},{},{},{}.{},{}",
            20 + class % 60,
            ["f", "m"][class / 60 % 2],
            class / 120 % 90,
            2015 + class / 10_800 % 7,
            1 + class % 5,
            class % 4_000 + row % CLASS * 3,
            mixed % 2_500,
            mixed % 10,
            mixed / 16 % 20_000,
        )
        .unwrap();
    }
    out.flush().unwrap();
}

/// What a process has taken so far: seconds of the processor, and megabytes at most at a time.
#[derive(Clone, Copy, Default)]
struct Taken {
    processor: f64,
    memory: f64,
}

fn taken(process: u32) -> Option<Taken> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    let [user, kernel] = ticks[..] else { return None };
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let memory = peak.split_whitespace().next()?.parse::<f64>().ok()? / 1e3;
    Some(Taken { processor: (user + kernel) / 100.0, memory })
}

/// A step: by the clock, and as the process was seen last.
struct Step {
    elapsed: Duration,
    taken: Taken,
    said: Value,
}

/// The homes of an operator and a hospital, and the program.
struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Place {
    fn command(&self, home: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .args(["--json", "--yes", "--home", home, "--password-file", "password"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command, and looks at its process now and then.
    fn run(&self, home: &str, arguments: &[&str]) -> Step {
        let begun = Instant::now();
        let child = self
            .command(home, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (process, ended) = (child.id(), AtomicBool::new(false));
        let (output, last) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut last = Taken::default();
                while !ended.load(Ordering::Relaxed) {
                    last = taken(process).unwrap_or(last);
                    std::thread::sleep(Duration::from_millis(20));
                }
                last
            });
            let output = child.wait_with_output().unwrap();
            ended.store(true, Ordering::Relaxed);
            (output, watch.join().unwrap())
        });
        let elapsed = begun.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Step { elapsed, taken: last, said }
    }

    fn account(&self, home: &str, role: &str) -> String {
        let said = self.run(home, &["key", "show", "--role", role]).said;
        said["account"].as_str().unwrap().to_owned()
    }

    fn node(&self) -> Node {
        let run = ["node", "run", "--listen", "127.0.0.1:0"];
        let mut child = self
            .command("operator", &run)
            .env("RUST_LOG", "error,arc_malachitebft_network=off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            said.push_str(&line.unwrap());
            if said.ends_with('}') {
                break;
            }
        }
        let said: Value = serde_json::from_str(&said).unwrap();
        Node { child, url: said["url"].as_str().unwrap().to_owned() }
    }
}

struct Node {
    child: Child,
    url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn step(report: &Report, name: &str, step: &Step) {
    report.note(name, &ms(step.elapsed));
    let Taken { processor, memory } = step.taken;
    report.note("", &format!("{processor:.1} s of a core"));
    report.note("", &format!("{memory:.0} MB at most"));
}

/// Seconds of a core that verifying every bundle takes, and their bytes; in the pieces of transactions.
fn verified(folder: &PackageFolder, record: &PackageRecord) -> f64 {
    let verifier = Verifier::development().unwrap();
    let claimed = Claimed {
        package: record.package,
        institution: record.institution,
        claims: record.claims.clone(),
    };
    let blocks: Vec<(u32, u32)> = folder.layout().blocks().collect();
    let bundles: Vec<Vec<u8>> = blocks
        .iter()
        .map(|(table, block)| fs::read(folder.proof_path(*table, *block)).unwrap())
        .collect();
    // One core does it all: threads that wait for each other would be counted too.
    let core = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let verify = || {
        for (blocks, bundles) in blocks.chunks(TOGETHER).zip(bundles.chunks(TOGETHER)) {
            let mut batch = verifier.batch();
            for ((table, block), bytes) in blocks.iter().zip(bundles) {
                let claims = &claimed.claims[*table as usize];
                let (layout, leaves) = (folder.layout(), folder.leaves());
                let claims = block_claims(layout, leaves, *table, *block, claims).unwrap();
                let bundle = Bundle::decode_for(&claims, bytes).unwrap();
                let context = claimed.context(*table, *block);
                let (items, _) = bundle_items(&verifier, &context, &claims, &bundle).unwrap();
                items.into_iter().for_each(|item| batch.push(item));
            }
            assert!(batch.holds_all());
        }
    };
    let ((), spent) = spend(|| core.install(verify));
    spent.processor
}

/// A listing that is live on a node of its own.
pub struct Live {
    node: Node,
    place: Place,
    /// Who lists it.
    pub institution: String,
    /// The package's id.
    pub package: String,
    packed: Step,
    proven: Step,
    published: Step,
}

impl Live {
    /// Where the node answers.
    pub fn url(&self) -> &str {
        &self.node.url
    }
}

/// Makes a table of so many rows a listing, and prints what each step takes.
pub fn live(report: &Report, rows: usize) -> Live {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("galen");
    assert!(program.exists(), "{} is missing: cargo build --bin galen", program.display());
    let place = Place { folder: tempfile::tempdir().unwrap(), program };
    let path = |name: &str| place.folder.path().join(name);
    fs::write(path("password"), "four random words do\n").unwrap();
    fs::write(path("licence.txt"), "For research.\n").unwrap();
    fs::write(
        path("offer.json"),
        r#"{ "name": "stays", "title": "Stays", "description": "Generated.", "citation": "Nobody.",
             "price": "25000 EUR", "clauses": ["HMB"], "licence_months": 12,
             "licence_name": "A licence", "licence_file": "licence.txt" }"#,
    )
    .unwrap();
    for home in ["operator", "hospital", "visitor"] {
        place.run(home, &["key", "new"]);
    }
    write_table(rows, &path("table.csv"));

    let roles = ["age=quasi", "sex=quasi", "area=quasi", "year=quasi", "ward=quasi"];
    let others = ["score=sensitive", "level=sensitive", "cost=insensitive"];
    let mut arguments = vec!["dataset", "deidentify", "table.csv", "--k", K, "--out", "data"];
    arguments.extend(roles.iter().chain(&others).flat_map(|role| ["--role", role]));
    arguments.extend(["--l", "score=5", "--l", "level=5"]);
    step(report, "de-identified", &place.run("hospital", &arguments));
    let arguments = ["dataset", "pack", "--data", "data", "--description", "offer.json"];
    let arguments = [&arguments[..], &["--out", "package", "--chart", "all"]].concat();
    let packed = place.run("hospital", &arguments);
    step(report, "packed", &packed);
    assert_eq!(packed.said["uncharted"], serde_json::json!([]));
    let proven = place.run("hospital", &["dataset", "prove", "package"]);
    step(report, "proven", &proven);

    place.run("operator", &["node", "init"]);
    let node = place.node();
    let on = |home: &str, arguments: &[&str]| {
        place.run(home, &[arguments, &["--node", &node.url]].concat())
    };
    let institution = place.account("hospital", "institution");
    fs::write(path("contract.txt"), "contract").unwrap();
    let admit = ["registrar", "admit", "--account", &institution, "--role", "institution"];
    on("operator", &[&admit[..], &["--name", "H", "--evidence", "contract.txt"]].concat());
    on("operator", &["gateway", "mint", "--to", &institution, "--amount", "100000000 EUR"]);
    let before = taken(node.child.id()).unwrap();
    let published = on("hospital", &["dataset", "publish", "package"]);
    let after = taken(node.child.id()).unwrap();
    assert_eq!(published.said["standing"]["state"], "live");
    step(report, "published, to live", &published);
    let of_node = after.processor - before.processor;
    report.note("the node meanwhile", &format!("{of_node:.2} s of a core"));
    report.note("", &format!("{:.0} MB at most", after.memory));
    let package = packed.said["package"].as_str().unwrap().to_owned();
    Live { node, place, institution, package, packed, proven, published }
}

/// Prints the part.
pub fn measure(report: &mut Report, rows: usize) {
    let Live { place, node, package, packed, proven, published, .. } = live(report, rows);
    let verify = ["dataset", "verify", &package, "--node", &node.url];
    let seen = place.run("visitor", &verify);
    assert_eq!(seen.said["proven"], true);
    step(report, "verified from afar, ciphertext too", &seen);

    let home = place.folder.path().join("hospital");
    let record = PackageStore::of(&home).find(&package).unwrap();
    let folder = PackageFolder::read(&record.folder).unwrap();
    let blocks: Vec<(u32, u32)> = folder.layout().blocks().collect();
    let proofs = blocks.iter().map(|(table, block)| {
        encode(&prove_block(&folder, &record, *table, *block).unwrap()).len()
    });
    let bytes = encode(&draft(&folder, &record).unwrap()).len() + proofs.sum::<usize>();
    report.note("row blocks", &blocks.len().to_string());
    report.note("bytes on the ledger", &format!("{}B", short(bytes as f64)));

    // Aims are for a million rows.
    let share = rows as f64 / 1e6;
    let aim = |seconds: f64| Duration::from_secs_f64(seconds * share);
    let total = packed.elapsed + proven.elapsed + published.elapsed;
    report.time("from package to live", aim(900.0), total);
    report.most("peak memory of proving", 3_072.0, proven.taken.memory, "MB");
    let seconds = verified(&folder, &record);
    report.time("verified, a core", aim(0.6), Duration::from_secs_f64(seconds));
}
