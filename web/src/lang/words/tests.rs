//! Every text is there in both languages, and templates have none of their own.

mod checks;

use super::*;

#[test]
fn every_text_is_there_in_both_languages() {
    checks::both_languages(ALL);
}

#[test]
fn templates_have_no_words_of_their_own() {
    checks::no_words_of_their_own("templates", 6);
}
