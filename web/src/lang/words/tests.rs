//! Every text is there in both languages, and templates have none of their own.

mod checks;

use super::*;
use checks::own_words;

#[test]
fn every_text_is_there_in_both_languages() {
    checks::both_languages(ALL);
}

#[test]
fn templates_have_no_words_of_their_own() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
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
    assert!(looked_at >= 6, "{looked_at}");
    // The check finds what it looks for.
    assert_eq!(own_words("<p title=\"Oh no\">{{ f.t.rows }} rows</p>"), ["Oh", "no", "rows"]);
}
