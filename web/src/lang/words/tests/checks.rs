//! What tables of texts and templates must be. The tests of the wallet's and the console's pages read this
//! file, too. Depends on nothing.

use std::collections::BTreeSet;
use std::path::Path;

/// Names of programs and formats, symbols of the proofs, forms of ids, countries and clauses: the same in
/// every language.
const NAMES: [&str; 24] = [
    "",
    "Galen",
    "k",
    "l",
    "MONDO",
    "x",
    "nbsp",
    "rsquo",
    "BibTeX",
    "RIS",
    "Python",
    "R",
    "galen",
    "JSON",
    "API",
    "HealthDCAT",
    "AP",
    "Croissant",
    "DataCite",
    "SHA",
    "DE",
    "AT",
    "GS",
    "MOR",
];

fn is_han(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

/// Whether every text of a table, with its name, is there in English and in Chinese.
pub(crate) fn both_languages(all: &[(&str, &str, &str)]) {
    let mut names = BTreeSet::new();
    for (name, english, chinese) in all {
        assert!(names.insert(name), "{name} is there twice");
        assert!(!english.is_empty() && !english.chars().any(is_han), "{name}: {english}");
        assert!(chinese.chars().any(is_han), "{name} is not translated: {chinese}");
        let places = |text: &str| text.matches("{}").count();
        assert_eq!(places(english), places(chinese), "{name}: other values");
    }
}

/// Whether the templates of a folder of the package under test, at least so many, have no words of their own.
pub(crate) fn no_words_of_their_own(folder: &str, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut looked_at = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of templates") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|kind| kind != "html") {
            continue;
        }
        let template = std::fs::read_to_string(&path).expect("a template");
        assert_eq!(own_words(&template), Vec::<String>::new(), "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at >= least, "{looked_at}");
    // The check finds what it looks for.
    assert_eq!(own_words("<p title=\"Oh no\">{{ f.t.rows }} rows</p>"), ["Oh", "no", "rows"]);
}

/// Words of a template that no language table gives: everything between tags, and the attributes
/// that are read out.
fn own_words(template: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        text.push_str(&rest[..start]);
        let end = if rest[start..].starts_with("{%") { "%}" } else { "}}" };
        let length = rest[start..].find(end).expect("a tag of a template ends") + end.len();
        rest = &rest[start + length..];
    }
    text.push_str(rest);
    // What is for a machine is the same in every language.
    for (open, close) in [("<pre", "</pre>"), ("<code", "</code>"), ("<!", ">"), ("<?", "?>")] {
        while let Some(start) = text.find(open) {
            let end = text[start..].find(close).expect("it is closed") + close.len();
            text.replace_range(start..start + end, " ");
        }
    }
    let mut found = Vec::new();
    let mut shown = String::new();
    for part in text.split('<') {
        let (tag, after) = part.split_once('>').unwrap_or(("", part));
        for name in ["aria-label=\"", "placeholder=\"", "title=\"", "alt=\""] {
            if let Some(value) = tag.split(name).nth(1).and_then(|value| value.split('"').next()) {
                shown.push_str(value);
                shown.push('\n');
            }
        }
        shown.push_str(after);
        shown.push('\n');
    }
    for word in shown.split(|letter: char| !letter.is_ascii_alphabetic()) {
        if !NAMES.contains(&word) {
            found.push(word.to_owned());
        }
    }
    found
}
