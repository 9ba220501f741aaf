//! Real tables of research: de-identified to k and l, packed, proven in full, opened, and what is
//! delivered measured by pycanon, which shares no code with this crate.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use galen_dataset::attempts::AttemptLog;
use galen_dataset::charts;
use galen_dataset::csv_out;
use galen_dataset::deidentify::{Deidentified, PersonRule, Settings, deidentify};
use galen_dataset::encode::{ChartWish, ColumnNote, encode_deidentified};
use galen_dataset::hierarchy::Spec;
use galen_dataset::ingest::{Options, read_file};
use galen_dataset::inspect::{Category, inspect};
use galen_dataset::manifest::{Licence, Manifest, PROFILE};
use galen_dataset::open::open;
use galen_dataset::output::Output;
use galen_dataset::pack::{PackInput, pack};
use galen_dataset::package::PackageFolder;
use galen_dataset::property::diversity_claims;
use galen_dataset::prove::{Place, Work, complete, prove};
use galen_dataset::roles::{Role, Roles};
use galen_dataset::verify::{Claimed, verify};
use galen_market::codec::Bounded;
use galen_market::id::AccountId;
use galen_market::layout::BlockRows;
use galen_market::listing::TableClaims;
use galen_zk::keys::Prover;

/// A table and how a steward would set it up.
struct Case {
    table: &'static str,
    rows: usize,
    quasi: &'static [&'static str],
    sensitive: &'static [(&'static str, u64)],
    dropped: &'static [&'static str],
    person: Option<&'static str>,
    k: u64,
    /// Full blocks where the table fills one to a good part: their proofs cost the same, however many
    /// rows they hold.
    size: BlockRows,
    charts: Charts,
}

/// Which columns are charted. Each chart of a full block takes a second or four.
#[derive(Clone, Copy)]
enum Charts {
    All,
    Of(&'static [&'static str]),
}

const FLCHAIN: Case = Case {
    table: "survival/flchain",
    rows: 7_874,
    quasi: &["age", "sex", "sample.yr"],
    sensitive: &[("flc.grp", 4), ("creatinine", 3)],
    dropped: &["rownames"],
    person: None,
    k: 11,
    size: BlockRows::Small,
    charts: Charts::All,
};

const NASS: Case = Case {
    table: "DAAG/nassCDS",
    rows: 26_217,
    quasi: &["sex", "ageOFocc", "yearacc", "occRole"],
    sensitive: &[("injSeverity", 3)],
    dropped: &["rownames", "caseid"],
    person: None,
    k: 20,
    size: BlockRows::Full,
    charts: Charts::Of(&["injSeverity", "weight"]),
};

/// Missing weights and heights: a value of their own.
const NAFLD: Case = Case {
    table: "survival/nafld1",
    rows: 17_549,
    quasi: &["age", "male", "height", "weight"],
    sensitive: &[("status", 2)],
    dropped: &["rownames", "case.id", "bmi"],
    person: Some("id"),
    k: 5,
    size: BlockRows::Small,
    charts: Charts::All,
};

/// Invented names, ages above 89, several tests a person.
const COVID: Case = Case {
    table: "medicaldata/covid_testing",
    rows: 15_524,
    quasi: &["gender", "age", "demo_group", "patient_class"],
    sensitive: &[("payor_group", 2)],
    dropped: &["rownames", "fake_first_name", "fake_last_name", "clinic_name"],
    person: Some("subject_id"),
    k: 5,
    size: BlockRows::Full,
    charts: Charts::Of(&["result", "pan_day"]),
};

const RAND: Case = Case {
    table: "sampleSelection/RandHIE",
    rows: 20_190,
    quasi: &["site", "black", "xage", "female", "educdec"],
    sensitive: &[("mdvis", 4), ("plan", 3)],
    dropped: &[
        "rownames", "linc", "lnum", "lfam", "child", "fchild", "income", "num", "logc", "fmde",
        "lpi",
    ],
    person: Some("zper"),
    k: 11,
    size: BlockRows::Small,
    charts: Charts::Of(&["mdvis", "plan", "xage"]),
};

fn python() -> PathBuf {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    python
}

fn script(name: &str, arguments: &[&str]) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/python");
    let run = Command::new(python()).arg(folder.join(name)).args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{name} {arguments:?}: {out}{err}");
    out.into_owned()
}

/// De-identifies a table and checks the result with pycanon and by the report.
fn prepared(case: &Case, folder: &Path) -> (Deidentified, Roles) {
    let source = folder.join("source.csv");
    script("write_table.py", &[case.table, source.to_str().unwrap()]);
    let table = read_file(&source, &Options::default()).unwrap();
    assert_eq!(table.table.rows(), case.rows);
    let mut roles = Roles::default();
    for name in case.quasi {
        roles.0.insert((*name).to_owned(), Role::QuasiIdentifier);
    }
    for (name, _) in case.sensitive {
        roles.0.insert((*name).to_owned(), Role::Sensitive);
    }
    for name in case.dropped {
        roles.0.insert((*name).to_owned(), Role::Drop);
    }
    if let Some(person) = case.person {
        roles.0.insert(person.to_owned(), Role::Person);
    }
    let begun = std::time::Instant::now();
    let mut settings = Settings { k: case.k, roles: roles.clone(), ..Settings::default() };
    settings.suppression = 0.05;
    settings.block_rows = u64::from(case.size.rows());
    settings.blank = true;
    settings.persons = PersonRule::OneRow;
    settings.diversity = case.sensitive.iter().map(|(n, l)| ((*n).to_owned(), *l)).collect();
    for name in ["age", "ageOFocc", "xage"] {
        if case.quasi.contains(&name) {
            let top = Some("90".to_owned());
            let spec = Spec::Intervals { width: "5".into(), origin: None, bottom: None, top };
            settings.hierarchies.insert(name.to_owned(), spec);
        }
    }
    let result = deidentify(&table.table, &settings).unwrap();
    let report = &result.report;
    println!(
        "{}: k = {} reached {}, {:?}, {} of {} rows, loss {:.2}, {} classes, {:?}, {:?}",
        case.table,
        report.k,
        report.k_reached,
        report.diversity,
        report.rows,
        report.source_rows,
        report.loss,
        report.after.classes,
        begun.elapsed(),
        report.disclosure,
    );
    let delivered = folder.join("table.csv");
    csv_out::write_file(&result.table, &delivered).unwrap();
    measure(case, &delivered);
    (result, settings.roles)
}

/// What pycanon finds is at least what was asked for.
fn measure(case: &Case, table: &Path) {
    let (quasi, k) = (case.quasi.join(","), case.k.to_string());
    let mut arguments = vec![table.to_str().unwrap(), "--qi", &quasi, "--k", &k];
    let wishes: Vec<String> = case.sensitive.iter().map(|(n, l)| format!("{n}={l}")).collect();
    for wish in &wishes {
        arguments.extend(["--l", wish.as_str()]);
    }
    println!("{}", script("check_anonymity.py", &arguments).trim());
}

/// A table that went the whole way.
struct Sold {
    home: tempfile::TempDir,
    /// As it was prepared.
    result: Deidentified,
}

/// De-identifies, packs, proves what the report states and the charts, verifies every bundle, opens.
/// What comes out is measured like what went in.
fn sold(case: &Case) -> Sold {
    let home = tempfile::tempdir().unwrap();
    let (result, roles) = prepared(case, home.path());
    let (least, size) = (result.report.k, case.size);
    let chart = Some(ChartWish { least, size });
    let charted = |name: &&str| match case.charts {
        Charts::All => true,
        Charts::Of(names) => names.contains(name),
    };
    let notes: BTreeMap<String, ColumnNote> = result
        .table
        .names()
        .filter(charted)
        .map(|name| (name.to_owned(), ColumnNote { chart, ..ColumnNote::default() }))
        .collect();
    let encoded = encode_deidentified("table", "Real", &result, &roles, &notes, size).unwrap();
    for column in &encoded.columns {
        if let Some(Err(why)) = &column.chart {
            println!("no chart of {}: {why}", column.spec.name);
        }
    }
    let specs: Vec<_> = encoded.columns.iter().map(|column| column.spec.clone()).collect();
    let claims = TableClaims {
        k: u32::try_from(least).unwrap(),
        diversity: Bounded::new(diversity_claims(&specs, &result.report.diversity)).unwrap(),
        charts: Bounded::new(charts::claims(&encoded.columns)).unwrap(),
    };
    assert_eq!(claims.diversity.len(), case.sensitive.len());
    match case.charts {
        Charts::All => {
            assert!(claims.charts.len() * 2 >= encoded.columns.len(), "most are charted")
        }
        Charts::Of(names) => assert_eq!(claims.charts.len(), names.len()),
    }
    assert!(claims.diversity.iter().zip(case.sensitive).all(|(claim, _)| claim.l >= 2));
    let manifest = Manifest {
        profile: PROFILE.to_owned(),
        name: "real".to_owned(),
        title: "Real".to_owned(),
        description: "A real table.".to_owned(),
        version: "1".to_owned(),
        keywords: Vec::new(),
        diseases: Vec::new(),
        countries: Vec::new(),
        period: None,
        resources: Vec::new(),
        dictionary_bytes: Vec::new(),
        terms: Vec::new(),
        licence: Licence { name: "Test".to_owned(), sha256: "ab".repeat(32) },
        lineage: Vec::new(),
        citation: "See its source.".to_owned(),
    };
    let prover = &*PROVER;
    let input = PackInput { block_rows: size, tables: vec![encoded], files: Vec::new(), manifest };
    let target = home.path().join("package");
    let srs = prover.powers().unwrap();
    let (listing, secret) = pack(input, &srs, &target, &|_| ()).unwrap();
    let folder = PackageFolder::read(&target).unwrap();
    let (package, institution) = (listing.id, AccountId([7; 32]));
    let claimed = Claimed { package, institution, claims: vec![claims] };
    let work = Work { folder: &folder, secret: &secret, claimed: &claimed, prover };
    let place = Place::of_package(&folder, &home.path().join("shares"));
    let mut log = AttemptLog::open(&home.path().join("openings"), package.0).unwrap();
    let blocks = folder.layout().blocks().count() as u64;
    let begun = std::time::Instant::now();
    prove(&work, 0..blocks, &place, &mut log, 1, &|_| ()).unwrap();
    println!("{blocks} blocks of {} proven in {:?}", case.table, begun.elapsed());
    let claims = complete(&work, &place).unwrap();
    verify(&folder, &Claimed { claims, ..claimed.clone() }, prover.verifier(), &|_| ()).unwrap();
    let out = home.path().join("out");
    let files = open(&folder, secret.key, &srs, &out, &Output::default(), &|_| ()).unwrap();
    measure(case, &files.files[0]);
    let (sealed, opened) = (home.path().join("table.csv"), &files.files[0]);
    assert_eq!(std::fs::read(sealed).unwrap(), std::fs::read(opened).unwrap());
    Sold { home, result }
}

/// One for all tests, as each circuit's key is read once.
static PROVER: LazyLock<Prover> = LazyLock::new(|| {
    let home = std::env::var_os("GALEN_PARAMS").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/galen/params")
    });
    Prover::development(home).unwrap()
});

#[test]
fn light_chains_are_proven_and_measured() {
    sold(&FLCHAIN);
}

#[test]
fn road_accidents_are_proven_and_measured() {
    sold(&NASS);
}

#[test]
fn missing_weights_are_a_value_of_their_own_when_proven_and_when_measured() {
    let Sold { result, .. } = sold(&NAFLD);
    let missing = |name: &str| {
        let column = result.table.position(name).map(|c| &result.table.columns[c]);
        column.map_or(0, galen_dataset::schema::Column::missing)
    };
    // Unless the column had to be given up altogether, what was missing stays so and forms classes.
    assert!(missing("weight") > 0 || missing("height") > 0 || result.report.loss > 0.5);
}

#[test]
fn invented_names_are_found_and_covid_tests_are_proven() {
    let Sold { home, result } = sold(&COVID);
    assert_eq!(result.report.distinct_persons, Some(result.report.rows));
    let source = read_file(&home.path().join("source.csv"), &Options::default()).unwrap();
    let found = inspect(&source, &Roles::default()).unwrap();
    let about = |category| {
        let of = found.findings.iter().filter(|f| f.category == category);
        of.map(|f| f.column.as_str()).collect::<Vec<_>>()
    };
    assert!(about(Category::Names).contains(&"fake_last_name"), "{:?}", about(Category::Names));
    assert!(about(Category::AgesOver89).contains(&"age"));
}

#[test]
fn health_insurance_is_proven_and_measured() {
    sold(&RAND);
}
