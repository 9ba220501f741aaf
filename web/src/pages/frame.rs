//! What every page has around it: header, language, style sheet.

use std::fmt::Display;
use std::sync::LazyLock;

use galen_chain::store::Snapshot;
use galen_market::segment::sha256;

use crate::App;
use crate::lang::{Lang, Words, fill, grouped};
use crate::request::Request;

/// The style sheet of all pages.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// Its path names its content, so that it can be kept for ever.
pub(super) static STYLE_PATH: LazyLock<String> =
    LazyLock::new(|| format!("/style-{}.css", hex::encode(&sha256(STYLE.as_bytes())[..8])));

/// Who reads: in which language, and where the other one is.
#[derive(Clone)]
pub(crate) struct Reader {
    pub lang: Lang,
    /// Whether the address asks for the language.
    pub asked: bool,
    /// The same page in the other language.
    pub other: String,
}

impl Reader {
    /// Takes the language out of a request's query.
    pub fn new(request: &mut Request) -> Self {
        request.language = request.take("lang");
        Self::of(request)
    }

    /// Who sent a request whose language was taken out of its query.
    pub fn of(request: &Request) -> Self {
        let asked = request.language.as_deref();
        let cookies = request.header("cookie").unwrap_or_default();
        let accepts = request.header("accept-language").unwrap_or_default();
        let lang = Lang::choose(asked, cookies, accepts);
        let other = request.address_with("lang", lang.other().code());
        Self { lang, asked: asked.and_then(Lang::from_code).is_some(), other }
    }
}

/// What the frame of a page shows.
pub(super) struct Frame {
    pub lang: Lang,
    /// Every text in the language.
    pub t: &'static Words,
    pub other: String,
    pub style: &'static str,
    pub ledger: String,
    pub forgeable: bool,
    pub height: u64,
    /// Which part of the site this is.
    pub at: &'static str,
    /// What the search box holds.
    pub text: String,
}

impl Frame {
    pub fn new(app: &App, state: &Snapshot, reader: &Reader, at: &'static str) -> Self {
        Self {
            lang: reader.lang,
            t: reader.lang.words(),
            other: reader.other.clone(),
            style: &STYLE_PATH,
            ledger: app.genesis().name.to_string(),
            forgeable: app.forgeable,
            height: state.height(),
            at,
            text: String::new(),
        }
    }

    /// A text with one value in it.
    pub fn one(&self, pattern: &str, value: impl Display) -> String {
        fill(pattern, &[&value])
    }

    /// A number for people.
    pub fn number(&self, number: impl Display) -> String {
        let digits = number.to_string();
        digits.parse().map_or(digits, grouped)
    }
}
