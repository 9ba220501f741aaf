//! From texts to the words that are looked for: lower case, without a plural's s; runs of Chinese,
//! Japanese or Korean letters become pairs of neighbours. Depends on nothing.

/// Longest word that is kept, in letters.
const MAX_WORD: usize = 40;

fn is_cjk(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// The words of a text, at most `most` of them.
pub(super) fn words(text: &str, most: usize) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split(|letter: char| !letter.is_alphanumeric()) {
        let mut rest = run;
        while !rest.is_empty() && words.len() < most {
            let cjk = rest.starts_with(is_cjk);
            let end = rest.find(|letter| is_cjk(letter) != cjk).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            rest = after;
            if cjk {
                let letters: Vec<char> = part.chars().collect();
                if let [alone] = letters.as_slice() {
                    words.push(alone.to_string());
                }
                words.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
            } else {
                words.push(stem(part));
            }
        }
    }
    words.truncate(most);
    words
}

fn stem(word: &str) -> String {
    let mut word: String = word.chars().take(MAX_WORD).flat_map(char::to_lowercase).collect();
    if word.len() > 3 && word.is_ascii() && word.ends_with('s') && !word.ends_with("ss") {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_script() {
        assert_eq!(words("Stays in 3 Wards", 9), ["stay", "in", "3", "ward"]);
        assert_eq!(words("MONDO:0005148", 9), ["mondo", "0005148"]);
        assert_eq!(words("2型糖尿病 HbA1c", 9), ["2", "型糖", "糖尿", "尿病", "hba1c"]);
        assert_eq!(words("病", 9), ["病"]);
        assert_eq!(words("a b c d", 2), ["a", "b"]);
        assert_eq!(words("Straße İ ﬁ \u{0}\u{202e}", 9).len(), 3);
        assert_eq!(words(&"x".repeat(10_000), 9)[0].len(), MAX_WORD);
    }
}
