//! The languages of the pages: which one a reader gets, and every text in each. Depends on nothing of
//! this crate; the sentences about proofs follow from what the ledger holds. The pages of wallet and console
//! choose and say in the same way, with texts of their own that [`words!`](crate::words) makes.

#[macro_use]
mod both;
pub(crate) mod interface;
pub mod sentences;
mod words;

use std::fmt::Display;

pub(crate) use words::Words;

/// The cookie that remembers the choice.
pub const COOKIE: &str = "lang";

/// A language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Lang {
    /// Its name in addresses and cookies.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Its name in HTML.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// Its name in itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "简体中文",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// Every text in it.
    pub(crate) fn words(self) -> &'static Words {
        Words::of(self)
    }

    /// The language with a name; nothing for an unknown one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::English, Self::Chinese].into_iter().find(|lang| lang.code() == code)
    }

    /// What a reader gets who asked for one in the address, chose one before, or has a browser that
    /// says what it likes.
    #[must_use]
    pub fn choose(asked: Option<&str>, cookies: &str, accepts: &str) -> Self {
        let chosen = cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .and_then(|(_, value)| Self::from_code(value));
        asked.and_then(Self::from_code).or(chosen).unwrap_or_else(|| Self::accepted(accepts))
    }

    /// The best of an `Accept-Language` header; English if it names neither.
    fn accepted(header: &str) -> Self {
        let weighted = header.split(',').take(32).filter_map(|item| {
            let (range, rest) = item.split_once(';').unwrap_or((item, ""));
            let primary = range.trim().split('-').next()?.to_ascii_lowercase();
            let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok())?;
            let lang = if primary == "*" { Some(Self::English) } else { Self::from_code(&primary) };
            Some((lang?, weight)).filter(|(_, weight): &(_, f32)| *weight > 0.0)
        });
        let best = weighted.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::English, |(lang, _)| lang)
    }
}

/// A text with each `{}` replaced in order.
#[must_use]
pub fn fill(pattern: &str, values: &[&dyn Display]) -> String {
    let mut parts = pattern.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        if let Some(value) = values.next() {
            text.push_str(&value.to_string());
        }
        text.push_str(part);
    }
    text
}

/// A number with its digits in groups of three.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_beats_the_cookie_and_the_cookie_the_browser() {
        let choose = Lang::choose;
        assert_eq!(choose(Some("en"), "lang=zh", "zh"), Lang::English);
        assert_eq!(choose(None, "a=b; lang=zh", "en"), Lang::Chinese);
        assert_eq!(choose(Some("xx"), "lang=<script>", "zh-CN,zh;q=0.9,en;q=0.8"), Lang::Chinese);
        assert_eq!(choose(None, "", "de, zh;q=0.4, en;q=0.6"), Lang::English);
        assert_eq!(choose(None, "", "zh;q=0, fr"), Lang::English);
        assert_eq!(choose(None, ";;=;lang", ";q=,,*;q=x"), Lang::English);
    }

    #[test]
    fn patterns_are_filled_in_order() {
        assert_eq!(fill("{} of {}", &[&3, &"x"]), "3 of x");
        assert_eq!(fill("no place", &[&3]), "no place");
        assert_eq!(fill("{} and {}", &[&1]), "1 and ");
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
