//! A listing as every description of it needs it: addresses, words and dates, taken together once.

use galen_api::{ListingView, Part};
use galen_market::id::Digest;
use galen_market::layout::{Column, Values};
use galen_market::terms::Clause;

use super::checksum::Known;
use crate::App;
use crate::reply::ApiError;

/// A part of the package that is served here.
pub(crate) struct Served {
    pub part: Part,
    pub address: String,
    pub bytes: u64,
    /// Not there while a large part is still being read for the first time.
    pub sha256: Option<Digest>,
}

impl Served {
    /// The name of its file.
    pub fn file_name(&self) -> &'static str {
        match self.part {
            Part::Manifest => "manifest.json",
            Part::Layout => "layout.bin",
            Part::Leaves => "leaves.bin",
            Part::Segments => "segments.bin",
        }
    }

    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        match self.part {
            Part::Manifest => "application/json",
            _ => "application/octet-stream",
        }
    }

    /// What it is.
    pub fn description(&self) -> &'static str {
        match self.part {
            Part::Manifest => "What the institution declares, as a Frictionless Data Package.",
            Part::Layout => "Where each column lies, as canonical bytes.",
            Part::Leaves => "The hash and commitment of every encrypted segment.",
            Part::Segments => "Encrypted segments; the key comes with a purchase.",
        }
    }
}

/// A listing with everything that descriptions of it say.
pub(crate) struct Described<'a> {
    pub view: &'a ListingView,
    pub base: &'a str,
    /// The dataset's page: its name in every description.
    pub page: String,
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub publisher: String,
    /// Day on which it became live.
    pub issued: String,
    /// The institution's version as three numbers.
    pub version: String,
    pub period: Option<(String, String)>,
    pub served: Vec<Served>,
}

impl<'a> Described<'a> {
    /// # Errors
    /// When the store of packages fails.
    pub fn new(app: &'a App, view: &'a ListingView) -> Result<Self, ApiError> {
        let listing = &view.summary.listing;
        let (institution, package) = (listing.id.institution, listing.id.package);
        let base = app.public.as_str();
        let declared = view.summary.declared.as_ref();
        let said = |text: &str, otherwise: String| {
            if text.trim().is_empty() { otherwise } else { text.to_owned() }
        };
        let manifest = view.manifest.as_ref();
        let text = |pointer: &str| manifest.and_then(|all| all.pointer(pointer)?.as_str());
        let mut served = Vec::new();
        for part in view.served.iter().copied() {
            let Known { bytes, sha256 } = match app.checksums.of(&app.packages, package, part)? {
                Some(known) => known,
                None => continue,
            };
            let address = format!("{base}/api/v1/packages/{package}/{}", part.name());
            served.push(Served { part, address, bytes, sha256 });
        }
        Ok(Self {
            view,
            base,
            page: format!("{base}/datasets/{institution}/{package}"),
            title: said(
                declared.map_or("", |declared| &declared.title),
                format!("Package {}", &package.to_string()[..12]),
            ),
            description: said(
                declared.map_or("", |declared| &declared.description),
                "This node does not hold the description.".to_owned(),
            ),
            keywords: declared.map(|declared| declared.keywords.clone()).unwrap_or_default(),
            publisher: said(&view.summary.institution_name, institution.to_string()),
            issued: day_of(listing.live_since_ms.unwrap_or_default()),
            version: semantic(text("/version").unwrap_or_default()),
            period: text("/period/from")
                .zip(text("/period/to"))
                .map(|(from, to)| (from.to_owned(), to.to_owned())),
            served,
        })
    }

    /// The address of the licence's text.
    pub fn licence(&self) -> String {
        format!("{}/api/v1/texts/{}", self.base, self.view.summary.offer.terms.licence_text)
    }

    /// The interface's address of the listing.
    pub fn interface(&self) -> String {
        let id = &self.view.summary.listing.id;
        format!("{}/api/v1/listings/{}/{}", self.base, id.institution, id.package)
    }

    /// The permanent name of the package, in any ledger.
    pub fn identifier(&self) -> String {
        format!("galen:{}", self.view.summary.listing.id.package)
    }

    /// What the manifest says of a column.
    pub fn column_words(&self, table: usize, column: usize) -> &str {
        let pointer = format!("/resources/{table}/schema/fields/{column}/description");
        let manifest = self.view.manifest.as_ref();
        manifest.and_then(|all| all.pointer(&pointer)?.as_str()).unwrap_or_default()
    }

    /// What of the de-identification is proven, in sentences; nothing as long as nothing is.
    pub fn proven(&self) -> Vec<String> {
        let tables = self.view.layout.tables().iter().zip(&self.view.claims);
        let summaries = &self.view.summary.tables;
        let proven = tables.zip(summaries).filter(|(_, summary)| summary.proven);
        proven
            .flat_map(|((table, claims), _)| {
                let k = galen_api::words::k_anonymity(table, claims);
                std::iter::once(k).chain(galen_api::words::diversity(table, claims))
            })
            .collect()
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        let rows = self.view.summary.tables.iter().map(|table| table.rows);
        rows.fold(0u64, u64::saturating_add)
    }
}

/// The address of a clause's code in the Data Use Ontology; none for the ledger's own codes.
pub(crate) fn duo(clause: &Clause) -> Option<String> {
    let code = clause.code.to_string();
    let number = code.strip_prefix("DUO:")?;
    Some(format!("http://purl.obolibrary.org/obo/DUO_{number}"))
}

/// The address of a MONDO id, if it is one.
pub(crate) fn mondo(id: &str) -> Option<String> {
    let number = id.strip_prefix("MONDO:")?;
    let digits = number.len() == 7 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| format!("http://purl.obolibrary.org/obo/MONDO_{number}"))
}

/// The type of a column's values in the words of XML Schema.
pub(crate) fn datatype(column: &Column) -> &'static str {
    match column.values {
        Values::Number { scale: 0, .. } => "integer",
        Values::Number { .. } => "decimal",
        Values::Date { .. } => "date",
        Values::Code { .. } => "string",
    }
}

/// The day of a moment.
pub(crate) fn day_of(time_ms: u64) -> String {
    galen_api::story::instant(time_ms).chars().take(10).collect()
}

/// A moment as RFC 3339 writes it.
pub(crate) fn moment(time_ms: u64) -> String {
    let text = galen_api::story::instant(time_ms);
    let (day, time) = text.split_once(' ').unwrap_or((&text, "00:00:00 UTC"));
    format!("{day}T{}Z", time.trim_end_matches(" UTC"))
}

/// A version as three numbers: missing ones are zero, and what is none at all is the first.
fn semantic(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let number = |part: &&str| {
        !part.is_empty()
            && part.len() < 9
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    if parts.len() > 3 || !parts.iter().all(number) {
        return "1.0.0".to_owned();
    }
    let at = |at: usize| parts.get(at).copied().unwrap_or("0");
    format!("{}.{}.{}", at(0), at(1), at(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_moments_are_written_as_others_read_them() {
        assert_eq!(semantic("1"), "1.0.0");
        assert_eq!(semantic("2.10.3"), "2.10.3");
        for strange in ["", "v1", "1.2.3.4", "01.2", "1..2"] {
            assert_eq!(semantic(strange), "1.0.0", "{strange}");
        }
        assert_eq!(moment(1_760_000_000_123), "2025-10-09T08:53:20Z");
        assert_eq!(day_of(1_760_000_000_123), "2025-10-09");
        assert_eq!(
            mondo("MONDO:0005148").as_deref(),
            Some("http://purl.obolibrary.org/obo/MONDO_0005148")
        );
        assert_eq!(mondo("MONDO:5148> ."), None);
    }
}
