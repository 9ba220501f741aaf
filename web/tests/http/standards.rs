//! Descriptions in the formats of the field, read by the clients of the field.

use std::path::{Path, PathBuf};
use std::process::Command;

use galen_api::Part;
use galen_market::segment::{OVERHEAD_BYTES, manifest_hash};
use galen_market::testing::{Simulation, TablePackage};
use serde_json::{Value, json};

use crate::place::{Listed, Place, error_code, get, place, replay, simulation, upload};

/// A package with charts and a manifest, proven and listed.
pub fn charted(simulation: &mut Simulation, title: &str) -> Listed {
    let institution = simulation.institution("Harbour Hospital", 1_000_000);
    let mut table = TablePackage::claiming(&institution, "wards", 700, &[60]);
    let dictionary = table.ciphertexts[usize::try_from(table.dictionary_segment()).unwrap()].len();
    let manifest = serde_jcs::to_vec(&json!({
        "title": title,
        "description": "Length of stay by ward, one row a person.",
        "version": "2",
        "diseases": ["MONDO:0005267"],
        "keywords": ["wards", "length of stay"],
        "countries": ["DE"],
        "period": { "from": "2020-01-01", "to": "2024-12-31" },
        "resources": [{
            "deidentification": { "persons": "one row a person" },
            "schema": { "fields": [{ "description": "Age in years" }] },
        }],
        "dictionaryBytes": [[dictionary - OVERHEAD_BYTES]],
        "citation": "Harbour Hospital (2025). Stays in three wards.",
    }))
    .unwrap();
    table.package.draft.manifest.0 = manifest_hash(&manifest);
    table.prove_all(simulation);
    table.list(simulation, &institution).unwrap();
    Listed {
        id: table.listing(),
        manifest,
        leaves: table.leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect(),
        segments: table.ciphertexts.concat(),
        layout: table.package.draft.layout.to_bytes(),
        package: table.package.clone(),
    }
}

/// Runs a script of tests/python.
pub fn script(name: &str, arguments: &[&str]) -> String {
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let python = chosen
        .unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/venv/bin/python"));
    assert!(python.exists(), "{} is missing: run `make python`", python.display());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python");
    let run = Command::new(python).arg(folder.join(name)).args(arguments).output().unwrap();
    let [out, err] = [&run.stdout, &run.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(run.status.success(), "{name}: {out}{err}");
    out.into_owned()
}

fn json_of(place: &Place, path: &str) -> Value {
    let answer = get(place, path, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn the_clients_of_the_field_accept_what_is_described() {
    let mut simulation = simulation();
    let title = "Stays \"in\" <three> wards\n& more";
    let listed = charted(&mut simulation, title);
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let base = format!("http://{}", place.address);
    let id = format!("{}/{}", listed.id.institution, listed.id.package);
    let page = format!("/datasets/{id}");

    // What mlcroissant lets pass when it is missing.
    let croissant = json_of(&place, &format!("{page}/croissant.json"));
    let required = [
        "@context",
        "@type",
        "conformsTo",
        "name",
        "description",
        "license",
        "url",
        "creator",
        "datePublished",
        "distribution",
        "usageInfo",
        "citeAs",
        "version",
    ];
    for field in required {
        assert!(!croissant[field].is_null(), "{field}: {croissant}");
    }
    assert_eq!(croissant["name"], title);
    assert_eq!(croissant["url"], format!("{base}{page}"));
    assert_eq!(croissant["version"], "2.0.0");
    let files = croissant["distribution"].as_array().unwrap();
    assert_eq!(files.len(), Part::ALL.len());
    for file in files {
        for field in ["contentUrl", "encodingFormat", "sha256", "contentSize"] {
            assert!(file[field].is_string(), "{field}: {file}");
        }
    }
    let columns: Vec<&str> = croissant["variableMeasured"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["propertyID"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["age", "ward", "score", "outcome"]);

    let said = script("check_standards.py", &[&base, &id]);
    for client in ["mlcroissant", "rdflib", "pyshacl", "datacite", "drs-cli"] {
        assert!(said.contains(&format!("{client}: accepted")), "{said}");
    }

    // The page is for people unless something else is preferred.
    let html = get(&place, &page, "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
    assert!(html.head.contains("content-type: text/html"), "{}", html.head);
    let both = get(&place, &page, "accept: text/html;q=0.5, text/turtle;q=0.9\r\n");
    assert!(both.head.contains("content-type: text/turtle"), "{}", both.head);
    assert!(both.head.contains("vary: accept"), "{}", both.head);
    let linked = get(&place, &page, "accept: application/ld+json\r\n");
    assert!(linked.head.contains("content-type: application/ld+json"), "{}", linked.head);
    let unknown = format!("/datasets/{}/{}", listed.id.institution, "00".repeat(32));
    let refused = get(&place, &unknown, "accept: text/turtle\r\n");
    assert_eq!((refused.status, error_code(&refused).as_str()), (404, "unknown_listing"));

    let map = get(&place, "/sitemap.xml", "");
    assert!(map.body.contains(&format!("<loc>{base}{page}</loc><lastmod>")), "{}", map.body);
    let robots = get(&place, "/robots.txt", "");
    assert!(robots.body.contains(&format!("Sitemap: {base}/sitemap.xml")), "{}", robots.body);
}

#[test]
fn statistics_are_the_proven_ones_and_rows_are_drawn_from_them() {
    let mut simulation = simulation();
    let listed = charted(&mut simulation, "Wards");
    let place = place(&simulation);
    let transactions: Vec<_> = simulation.blocks.iter().flat_map(|(_, all)| all).collect();
    let (proof, earlier) = transactions.split_last().unwrap();
    earlier.iter().for_each(|transaction| crate::place::finish(&place, transaction));
    upload(&place, &listed);
    let dataset = format!("dataset={}/{}", listed.id.institution, listed.id.package);
    let ask = |what: &str| {
        json_of(&place, &format!("/{what}{}{dataset}", if what.contains('?') { "&" } else { "?" }))
    };

    // As long as a row block is unproven there is nothing to say.
    assert_eq!(ask("is-valid")["viewer"], false);
    let draft = get(&place, &format!("/statistics?{dataset}"), "");
    assert_eq!((draft.status, error_code(&draft).as_str()), (404, "not_found"));
    let page = format!("/datasets/{}/{}", listed.id.institution, listed.id.package);
    assert_eq!(get(&place, &format!("{page}/croissant.json"), "").status, 404);
    crate::place::finish(&place, proof);

    assert_eq!(ask("is-valid")["viewer"], true);
    assert_eq!(ask("splits")["splits"][1]["split"], "synthetic");
    let statistics = ask("statistics?config=visits&split=listed");
    assert_eq!((&statistics["num_examples"], &statistics["proven"]), (&json!(60), &json!(true)));
    let columns = statistics["statistics"].as_array().unwrap();
    let claims = &listed.package.draft.claims[0];
    assert_eq!(columns.len(), claims.charts.len());
    // Every eleventh score of the table is missing, the others are 7 times their row.
    let score = columns.iter().find(|column| column["column_name"] == "score").unwrap();
    let told = &score["column_statistics"];
    assert_eq!(told["nan_count"], 6);
    let values: Vec<f64> =
        (0..60u32).filter(|row| !row.is_multiple_of(11)).map(|row| f64::from(row * 7)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let deviation = (spread / (values.len() as f64 - 1.0)).sqrt();
    assert!((told["mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{told}");
    assert!((told["std"].as_f64().unwrap() - deviation).abs() < 1e-9, "{told}");
    assert!(told["min"].is_null(), "the least value is not proven");
    let bins: u64 =
        told["histogram"]["hist"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(bins, 54);
    assert_eq!(told["histogram"]["bin_edges"], json!([0, 200, 300, 59_999]));

    let first = ask("first-rows?config=visits");
    assert_eq!((&first["synthetic"], &first["split"]), (&json!(true), &json!("synthetic")));
    assert!(first["note"].as_str().unwrap().contains("drawn"));
    assert_eq!(first, ask("first-rows?config=visits"), "the same for everybody");
    let rows = ask("rows?config=visits&offset=10&length=5");
    assert_eq!(rows["rows"].as_array().unwrap().len(), 5);
    assert_eq!(rows["rows"][0], first["rows"][10]);
    assert_eq!(rows["num_rows_total"], 60);
    let past = ask("rows?offset=18446744073709551615&length=100");
    assert_eq!(past["rows"], json!([]));

    let strange = [
        (format!("/rows?{dataset}&length=101"), 400),
        (format!("/rows?{dataset}&split=listed"), 404),
        (format!("/statistics?{dataset}&split=synthetic"), 404),
        (format!("/rows?{dataset}&config=nothing"), 404),
        ("/rows".to_owned(), 400),
        ("/rows?dataset=x".to_owned(), 400),
    ];
    for (path, status) in strange {
        let answer = get(&place, &path, "");
        assert_eq!(answer.status, status, "{path}");
        error_code(&answer);
    }
}

#[test]
fn adversary_50_objects_outside_of_packages() {
    let mut simulation = simulation();
    let listed = charted(&mut simulation, "Wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let package = listed.id.package;
    let objects = "/ga4gh/drs/v1/objects";
    let good = json_of(&place, &format!("{objects}/{package}.segments"));
    assert_eq!(good["size"], listed.segments.len() as u64);
    let bad = [
        (format!("{objects}/..%2fsecret"), 400),
        (format!("{objects}/{package}.secret"), 400),
        (format!("{objects}/{package}.segments/access/file"), 404),
        (format!("{objects}/{package}/access/https"), 404),
        (format!("{objects}/{}", "00".repeat(32)), 404),
        (format!("{objects}/{package}.segments/../../secret"), 404),
    ];
    for (path, status) in bad {
        let answer = get(&place, &path, "");
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        error_code(&answer);
    }
}
