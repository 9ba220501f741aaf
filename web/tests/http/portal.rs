//! The portal: finding, both languages, the page of a dataset, references, and the explorer.

use galen_api::Part;
use galen_market::action::Action;
use galen_market::action::trade::WithdrawListing;
use galen_market::segment::{OVERHEAD_BYTES, manifest_hash};
use galen_market::testing::{K, Simulation, TablePackage, Wallet, text};

use crate::place::{Listed, Place, finish, get, listed, place, replay, simulation, upload};

const PROVEN_ZH: &str = "<span class=\"tag proven\">已证明</span> 在数据表";

/// A live table with charts, and what describes it.
fn charted(simulation: &mut Simulation, institution: &Wallet) -> Listed {
    let mut table = TablePackage::claiming(institution, "wards", 700, &[60, 40]);
    let dictionary = table.ciphertexts[usize::try_from(table.dictionary_segment()).unwrap()].len();
    let manifest = serde_jcs::to_vec(&serde_json::json!({
        "title": "Diabetes in three wards (50 % sample)",
        "description": "Length of stay by ward, one row a person.",
        "diseases": ["MONDO:0005148"],
        "keywords": ["wards", "住院时间"],
        "countries": ["DE", "AT"],
        "resources": [{ "deidentification": {
            "persons": "one row a person",
            "rows": { "source": 120, "suppressed": 20 },
        } }],
        "dictionaryBytes": [[dictionary - OVERHEAD_BYTES]],
    }))
    .unwrap();
    table.package.draft.manifest.0 = manifest_hash(&manifest);
    // The proofs are bound to the package, and so to what describes it.
    table.prove_all(simulation);
    table.list(simulation, institution).unwrap();
    Listed {
        id: table.listing(),
        manifest,
        leaves: table.leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect(),
        segments: table.ciphertexts.concat(),
        layout: table.package.draft.layout.to_bytes(),
        package: table.package.clone(),
    }
}

/// A node that lists a table with charts and a file.
pub struct Portal {
    pub place: Place,
    pub simulation: Simulation,
    pub hospital: Wallet,
    pub table: Listed,
    pub page: String,
}

pub fn portal() -> Portal {
    let mut simulation = simulation();
    let (hospital, file) = listed(&mut simulation, "Hearts");
    let table = charted(&mut simulation, &hospital);
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &file);
    upload(&place, &table);
    let page = format!("/datasets/{}/{}", table.id.institution, table.id.package);
    Portal { place, simulation, hospital, table, page }
}

fn body(place: &Place, path: &str) -> String {
    let answer = get(place, path, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

#[test]
fn datasets_are_found_by_words_and_facets() {
    let Portal { place, mut simulation, hospital, table, .. } = portal();
    let found = |query: &str| {
        let page = body(&place, &format!("/?{query}"));
        ["Diabetes in three wards", "Hearts"].map(|title| {
            page.contains(&format!("{title}</a>"))
                || page.contains(&format!("{title} (50 % sample)</a>"))
        })
    };
    assert_eq!(found(""), [true, true]);
    // Words, beginnings of words, either language, names of diseases, columns.
    for text in [
        "ward",
        "DIABETES",
        "diab+ward",
        "score",
        "%E4%BD%8F%E9%99%A2",
        "%E7%B3%96%E5%B0%BF%E7%97%85",
    ] {
        assert_eq!(found(&format!("text={text}")), [true, false], "{text}");
    }
    assert_eq!(found("text=heart"), [false, true]);
    assert_eq!(found("text=heart+ward"), [false, false]);
    assert_eq!(found("disease=MONDO:0005148"), [true, false]);
    assert_eq!(found("disease=MONDO:0005148&disease=MONDO:0005267"), [true, true]);
    assert_eq!(found("kind=file&kind=table"), [true, false], "the table has a file too");
    assert_eq!(found("kind=chart"), [true, false]);
    assert_eq!(found("column=age&column=score"), [true, false]);
    assert_eq!(found("column=age&column=nothing"), [false, false]);
    assert_eq!(found("country=AT"), [true, false]);
    assert_eq!(found(&format!("k_min={K}&rows_min=100&l_min=2")), [true, false]);
    assert_eq!(found(&format!("k_min={}", K + 1)), [false, false]);
    assert_eq!(found("price_max=7&terms=GRU"), [true, true]);
    assert_eq!(found("price_max=5"), [false, true]);
    assert_eq!(found("days=7"), [true, true]);
    assert_eq!(found(&format!("institution={}", hospital.id())), [true, true]);
    assert_eq!(found("page=2"), [false, false]);

    // Counts stand beside the values; a chosen one can be taken away again.
    let page = body(&place, "/?disease=MONDO:0005148&k_min=5");
    let chosen = "<span class=\"what\"><span aria-hidden=\"true\">✓</span> type 2 diabetes mellitus (MONDO:0005148)";
    assert!(page.contains(chosen), "{page}");
    assert!(page.contains("href=\"/?k_min=5\" rel=\"nofollow\">type 2 diabetes"), "{page}");
    assert!(page.contains("<p class=\"total\" role=\"status\">1 dataset</p>"), "{page}");
    assert!(page.contains("href=\"/feed.atom?disease=MONDO%3A0005148&#38;k_min=5\""), "{page}");
    let everything = body(&place, "/");
    assert!(
        everything.contains("GRU · general research use</span> <span class=\"count\">2</span>"),
        "{everything}"
    );

    for query in ["nothing=1", "k_min=x", "page=0", "sort=up", "price_max=-1"] {
        let refused = get(&place, &format!("/?{query}"), "");
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.body.contains("does not ask for anything"), "{query}");
    }

    // What is withdrawn is found no more.
    let withdraw = WithdrawListing {
        institution: table.id.institution,
        package: table.id.package,
        reason: text("a mistake in the wards"),
    };
    let withdraw = simulation.sign(vec![Action::WithdrawListing(withdraw)], &[&hospital]);
    finish(&place, &simulation.check(&withdraw).unwrap());
    assert_eq!(found(""), [false, true]);
    assert_eq!(found("text=ward"), [false, false]);
}

#[test]
fn a_description_that_comes_later_is_found_later() {
    let mut simulation = simulation();
    let (_, file) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    replay(&place, &simulation);
    assert!(!body(&place, "/?text=hearts").contains("Hearts</a>"));
    let bytes = &file.manifest;
    place
        .client
        .store(&file.id, Part::Manifest, bytes.len() as u64, &mut bytes.as_slice())
        .unwrap();
    assert!(body(&place, "/?text=hearts").contains("Hearts</a>"));
}

#[test]
fn a_search_is_a_feed_too() {
    let Portal { place, table, .. } = portal();
    let answer = get(&place, "/feed.atom?disease=MONDO:0005148", "");
    assert!(answer.head.contains("content-type: application/atom+xml"), "{}", answer.head);
    assert_eq!(answer.body.matches("<entry>").count(), 1, "{}", answer.body);
    let id = format!("<id>urn:galen:{}:{}</id>", table.id.institution, table.id.package);
    assert!(answer.body.contains(&id), "{}", answer.body);
    assert!(
        answer.body.contains("<title>Diabetes in three wards (50 % sample)</title>"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("k ≥ 5 proven"), "{}", answer.body);
    // A reader of feeds has no page around it: addresses are whole, and the language is in them.
    let own = format!("<link rel=\"self\" href=\"http://{}/feed.atom?disease=", place.address);
    let of_dataset = format!("href=\"http://{}/datasets/{}", place.address, table.id.institution);
    assert!(answer.body.contains(&own) && answer.body.contains(&of_dataset), "{}", answer.body);
    let chinese = body(&place, "/?disease=MONDO:0005148&lang=zh");
    assert!(
        chinese.contains("href=\"/feed.atom?disease=MONDO%3A0005148&#38;lang=zh\""),
        "{chinese}"
    );
    let chinese = get(&place, "/feed.atom?disease=MONDO:0005148&lang=zh", "").body;
    assert!(chinese.contains("xml:lang=\"zh-Hans\"") && chinese.contains("已证明"), "{chinese}");
    assert_eq!(get(&place, "/feed.atom", "").body.matches("<entry>").count(), 2);
    assert_eq!(get(&place, "/feed.atom?nothing=1", "").status, 400);
}

#[test]
fn pages_speak_english_and_chinese() {
    let Portal { place, page, hospital, simulation, .. } = portal();
    let requests = format!("/institutions/{}/requests", hospital.id());
    let account = format!("/explorer/accounts/{}", hospital.id());
    let first = simulation.blocks.iter().flat_map(|(_, all)| all).next().unwrap().id();
    let transaction = format!("/explorer/transactions/{first}");
    let paths = [
        "/",
        "/?text=ward&k_min=5&sort=rows",
        &page,
        "/wanted",
        "/institutions",
        &requests,
        "/explorer",
        "/explorer/blocks/1",
        "/explorer/validators",
        "/explorer/supply",
        &transaction,
        &account,
    ];
    let english = [
        "Datasets",
        "Search",
        "proven",
        "Institutions",
        "Wanted",
        "Skip to",
        "Price",
        "Terms",
        "Rows",
        "Columns",
    ];
    for path in paths {
        let mark = if path.contains('?') { '&' } else { '?' };
        let asked = get(&place, &format!("{path}{mark}lang=zh"), "accept-language: en\r\n");
        assert_eq!(asked.status, 200, "{path}: {}", asked.body);
        assert!(asked.body.contains("<html lang=\"zh-Hans\">"), "{path}");
        assert!(asked.head.contains("set-cookie: lang=zh; path=/"), "{path}: {}", asked.head);
        assert!(asked.head.contains("vary: accept-language, cookie"), "{path}: {}", asked.head);
        assert!(asked.body.contains("lang=en\""), "{path}: the way back");
        // Tags and what is marked as English are not text; nothing else is English.
        let shown = shown(&asked.body);
        for word in english {
            assert!(!shown.contains(word), "{path}: {word} in {shown}");
        }
        // The cookie alone and the browser alone do the same; the address wins.
        for headers in ["cookie: a=b; lang=zh\r\n", "accept-language: zh-CN,zh;q=0.9,en;q=0.5\r\n"]
        {
            assert!(get(&place, path, headers).body.contains("<html lang=\"zh-Hans\">"), "{path}");
        }
        let back = get(&place, &format!("{path}{mark}lang=en"), "cookie: lang=zh\r\n");
        assert!(
            back.body.contains("<html lang=\"en\">") && back.body.contains("Datasets"),
            "{path}"
        );
        assert!(!get(&place, path, "").head.contains("set-cookie"), "{path}");
    }
    let live = body(&place, &format!("{page}?lang=zh"));
    assert!(live.contains(PROVEN_ZH), "{live}");
    assert!(live.contains(&format!("每组至少有 {K} 行")), "{live}");
    assert!(live.contains("每人一行：由机构声明，未经证明。"), "{live}");
    let missing = get(&place, "/nothing?lang=zh", "");
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("这里什么也没有"), "{}", missing.body);
}

/// What a reader of a page sees, without commands and what is marked as English.
fn shown(page: &str) -> String {
    let mut text = page.to_owned();
    for (open, close) in
        [("<pre", "</pre>"), ("<code", "</code>"), ("<title", "</title>"), ("lang=\"en\"", "</")]
    {
        while let Some(start) = text.find(open) {
            let end = text[start..].find(close).map_or(text.len(), |at| start + at + close.len());
            text.replace_range(start..end, " ");
        }
    }
    text.split('<').filter_map(|part| part.split_once('>')).map(|(_, shown)| shown).collect()
}

#[test]
fn the_page_of_a_dataset_shows_what_it_is_and_how_to_use_it() {
    let Portal { place, page, table, .. } = portal();
    let shown = body(&place, &page);
    // Charts are drawn and said; every column that has one says how much is missing.
    assert_eq!(shown.matches("role=\"img\"").count(), 4, "{shown}");
    assert!(shown.contains("aria-label=\"Bar chart of score: 0 to 199: "), "{shown}");
    assert!(shown.contains("<td class=\"n\">10.0 %</td>"), "{shown}");
    assert!(
        !shown.contains("style=\"") && !shown.contains("<style"),
        "the policy allows no style in the page"
    );
    // Some rows of the sample, which is drawn from the charts and says so; all of it is a click away.
    assert!(shown.contains("Sample <span class=\"tag declared\">synthetic</span>"), "{shown}");
    let sample = shown.split("No row is a person’s").nth(1).unwrap();
    let sample = sample.split("</table>").next().unwrap();
    assert_eq!(sample.matches("<tr>").count(), 9, "a head and eight rows: {sample}");
    let rows = shown.split("<a href=\"/rows?").nth(1).unwrap().split('"').next().unwrap();
    let rows = get(&place, &format!("/rows?{}", rows.replace("&#38;", "&")), "");
    let rows: serde_json::Value = serde_json::from_str(&rows.body).unwrap();
    let first = &rows["rows"][0]["row"];
    for (column, text) in [("age", first["age"].to_string()), ("score", first["score"].to_string())]
    {
        let cell = if text == "null" { "–" } else { &text };
        assert!(sample.contains(&format!("<td>{cell}</td>")), "{column} {cell}: {sample}");
    }
    // What follows from k is called computed.
    assert!(
        shown.contains("<span class=\"tag computed\">computed</span></dt><dd>20.0 %</dd>"),
        "{shown}"
    );
    assert!(shown.contains("<dd>120</dd>"), "{shown}");
    for part in [
        "pd.read_csv(\"opened/visits.csv\")".to_owned(),
        "read.csv(\"opened/visits.csv\")".to_owned(),
        format!("galen deal request {}", table.id.package),
        format!("galen dataset verify {}/{}", table.id.institution, table.id.package),
        "title=\"general research use\">GRU</a>".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part} is not in {shown}");
    }
    let bibtex = get(&place, &format!("{page}/citation.bib"), "");
    assert!(bibtex.head.contains("content-disposition: attachment; filename=\"citation.bib\""));
    assert!(bibtex.body.contains("{{Diabetes in three wards (50 \\% sample)}}"), "{}", bibtex.body);
    let ris = get(&place, &format!("{page}/citation.ris"), "");
    assert!(
        ris.body.starts_with("TY  - DATA\r\nTI  - Diabetes in three wards (50 % sample)\r\n"),
        "{}",
        ris.body
    );
    assert_eq!(get(&place, &format!("{page}/citation.doc"), "").status, 404);
}

#[test]
fn the_style_sheet_is_kept_under_the_name_of_its_content() {
    let place = place(&simulation());
    let page = body(&place, "/");
    let path = page.split("href=\"").find(|part| part.starts_with("/style-")).unwrap();
    let path = path.split('"').next().unwrap();
    let kept = get(&place, path, "");
    assert!(
        kept.head.contains("cache-control: public, max-age=31536000, immutable"),
        "{}",
        kept.head
    );
    assert!(kept.head.contains("content-type: text/css"), "{}", kept.head);
    assert_eq!(get(&place, "/style-0000000000000000.css", "").status, 404);
}

#[test]
fn one_search_box_leads_to_blocks_transactions_accounts_and_packages() {
    let Portal { place, simulation, hospital, table, page } = portal();
    let leads = |name: &str| {
        let answer = get(&place, &format!("/explorer?q={name}"), "");
        let to = answer.head.lines().find_map(|line| line.strip_prefix("location: "));
        (answer.status, to.unwrap_or_default().to_owned())
    };
    let first = simulation.blocks.iter().flat_map(|(_, all)| all).next().unwrap().id().to_string();
    let account = format!("/explorer/accounts/{}", hospital.id());
    assert_eq!(leads("1"), (303, "/explorer/blocks/1".to_owned()));
    assert_eq!(leads(&first), (303, format!("/explorer/transactions/{first}")));
    assert_eq!(leads(&hospital.id().to_string()), (303, account.clone()));
    assert_eq!(leads(&table.id.package.to_string()[..8]), (303, page));
    for unknown in ["99999999", &"f".repeat(64), "%3Cscript%3E", "abc"] {
        assert_eq!(leads(unknown), (404, String::new()), "{unknown}");
    }
    assert!(body(&place, &account).contains("hospital"));
    let shown = body(&place, &format!("/explorer/transactions/{first}"));
    assert!(shown.contains("/explorer/blocks/"), "{shown}");
    let height = place.node.status().height;
    assert!(body(&place, "/explorer").contains(&format!("/explorer/blocks/{height}\"")));
    assert_eq!(get(&place, "/explorer/blocks/99999999", "").status, 404);
    assert_eq!(get(&place, &format!("/explorer/transactions/{}", "f".repeat(64)), "").status, 404);
}
