//! The public description of a package: what a visitor reads before buying, fixed by its hash.
//!
//! A manifest is a Frictionless Data Package (v2) with a few fields of our own. It is hashed into
//! the package id as canonical JSON (RFC 8785), so there is exactly one byte string for one
//! manifest, and bytes that are not that string are refused. There is no floating-point number in
//! it: quantities are integers, shares are parts per million, bounds are decimal strings. Depends
//! on serde, the Layout, the kinds of `schema` and what `ingest` takes for invisible; [`deidentification`] on
//! the report of `deidentify`.

mod deidentification;

use std::collections::{BTreeMap, BTreeSet};

use galen_market::layout::{Column, Dictionary, Layout, Role, Values};
pub use galen_market::segment::MAX_MANIFEST_BYTES;
use galen_market::segment::manifest_hash;
use serde::{Deserialize, Serialize};

pub use self::deidentification::{Deidentification, RowCounts};
use crate::ingest::invisible;
use crate::schema::{DecimalStyle, Kind};

/// Longest accepted single text in a manifest, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// Most resources (tables and files together).
pub const MAX_RESOURCES: usize = galen_market::layout::MAX_TABLES + galen_market::layout::MAX_FILES;
/// Most columns of one table.
pub const MAX_FIELDS: usize = 4_096;
/// Largest integer that every JSON reader keeps exactly (2^53 − 1).
const MAX_JSON_INTEGER: u64 = (1 << 53) - 1;

/// Profile that the document claims to follow.
pub const PROFILE: &str = "https://datapackage.org/profiles/2.0/datapackage.json";

/// Why a manifest is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestError {
    /// More bytes than a manifest may have.
    #[error("the manifest has {0} bytes, more than the {MAX_MANIFEST_BYTES} allowed")]
    TooLong(usize),
    /// Not JSON, or not of this shape.
    #[error("the manifest is not valid: {0}")]
    Malformed(String),
    /// JSON of the right shape, but not its canonical form.
    #[error("the manifest is not in canonical form (RFC 8785): it was edited or re-formatted")]
    NotCanonical,
    /// A field has a value that is not allowed.
    #[error("manifest field `{field}`: {reason}")]
    Field {
        /// Where in the document.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The document itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`PROFILE`].
    #[serde(rename = "$schema")]
    pub profile: String,
    /// Short name: lower-case letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// One line for a person.
    pub title: String,
    /// What the data are, for a person.
    pub description: String,
    /// Version of the data, as the institution counts it.
    pub version: String,
    /// Words to find it by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Diseases, as MONDO ids (`MONDO:0005148`).
    #[serde(default)]
    pub diseases: Vec<String>,
    /// Countries that the data come from, ISO 3166-1 alpha-2.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Days that the data cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Tables and files, in the order of the layout: tables first.
    pub resources: Vec<Resource>,
    /// Plaintext bytes of every segment of every private dictionary, in the order of the layout:
    /// what the layout does not say of where a segment stands.
    #[serde(rename = "dictionaryBytes", default)]
    pub dictionary_bytes: Vec<Vec<u32>>,
    /// Terms of use.
    #[serde(default)]
    pub terms: Vec<Term>,
    /// The licence text by its hash.
    pub licence: Licence,
    /// Packages that this one was made from.
    #[serde(default)]
    pub lineage: Vec<Lineage>,
    /// How to cite the data.
    pub citation: String,
}

/// First and last day covered, `YYYY-MM-DD`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First day.
    pub from: String,
    /// Last day, not before the first.
    pub to: String,
}

/// One table or file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Unique in the package, same rule as the package's name.
    pub name: String,
    /// File that opening writes, relative, with `/` between parts. For a file, its name in the
    /// layout.
    pub path: String,
    /// What is in it, for a person.
    #[serde(default)]
    pub description: String,
    /// Media type of the opened file.
    pub mediatype: String,
    /// Length of the opened file in bytes.
    pub bytes: u64,
    /// `sha256:` and 64 hexadecimal digits, of the opened file. A file need not have it: the leaves
    /// and `K` fix every byte, and whoever guesses a file could confirm the guess by its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Columns; only for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<TableSchema>,
    /// What was done so that nobody is recognised in this table. Declared by the institution. What
    /// was done to a file is said in its description, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deidentification: Option<Deidentification>,
}

/// A Frictionless Table Schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    /// Columns in file order.
    pub fields: Vec<Field>,
    /// Texts that stand for a missing value; the first is the one written.
    #[serde(rename = "missingValues")]
    pub missing_values: Vec<String>,
}

/// Frictionless types that a column can have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Whole numbers.
    Integer,
    /// Decimals of a fixed scale.
    Number,
    /// Days.
    Date,
    /// Texts and categories.
    String,
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// Kind of value.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// For a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Ontology term of the column (an IRI).
    #[serde(rename = "rdfType", default, skip_serializing_if = "Option::is_none")]
    pub ontology: Option<String>,
    /// Declared bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Constraints>,
    /// How a number with a fraction is written.
    #[serde(rename = "decimalStyle", default, skip_serializing_if = "Option::is_none")]
    pub decimal_style: Option<DecimalStyle>,
    /// How the column was treated.
    pub role: Role,
}

/// Declared bounds of a column, in its own text form.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraints {
    /// Smallest allowed value.
    pub minimum: String,
    /// Largest allowed value.
    pub maximum: String,
}

/// One clause of the terms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// DUO code (`DUO:0000042`) or one of our own extensions.
    pub code: String,
    /// Its parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// Licence by hash, so that the text cannot change after the sale.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Name for a person, or an SPDX id.
    pub name: String,
    /// SHA-256 of the text, 64 hexadecimal digits.
    pub sha256: String,
}

/// A parent package and the step from it to this one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// Package id of the parent, 64 hexadecimal digits.
    pub package: String,
    /// What was done.
    pub step: String,
}

impl Manifest {
    /// The canonical bytes (RFC 8785).
    ///
    /// # Errors
    /// When a field breaks a rule of [`Manifest::check`] or the document is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        let bytes = serde_jcs::to_vec(self).map_err(|e| ManifestError::Malformed(e.to_string()))?;
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLong(bytes.len()));
        }
        Ok(bytes)
    }

    /// Reads canonical bytes; anything else is refused.
    ///
    /// # Errors
    /// Too long, not JSON of this shape, a field out of its rule, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLong(bytes.len()));
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| ManifestError::Malformed(e.to_string()))?;
        if manifest.to_bytes()? != bytes {
            return Err(ManifestError::NotCanonical);
        }
        Ok(manifest)
    }

    /// SHA-256 of the canonical bytes: what the package id holds.
    ///
    /// # Errors
    /// As [`Manifest::to_bytes`].
    pub fn hash(&self) -> Result<[u8; 32], ManifestError> {
        Ok(manifest_hash(&self.to_bytes()?))
    }

    /// Whether tables, columns, roles, kinds and files are those of the Layout.
    ///
    /// # Errors
    /// What differs first, in words.
    pub fn agrees_with(&self, layout: &Layout) -> Result<(), String> {
        let (tables, files) = (layout.tables(), layout.files());
        if self.resources.len() != tables.len() + files.len() {
            return Err(format!(
                "{} resources for {} tables and {} files",
                self.resources.len(),
                tables.len(),
                files.len()
            ));
        }
        let (described, rest) = self.resources.split_at(tables.len());
        for (resource, table) in described.iter().zip(tables) {
            let name = &resource.name;
            let Some(schema) = resource.schema.as_ref().filter(|_| *name == table.name) else {
                return Err(format!("expected table {}, found {name}", table.name));
            };
            if schema.fields.len() != table.columns.len() {
                return Err(format!("table {name} has {} columns", table.columns.len()));
            }
            for (field, column) in schema.fields.iter().zip(&table.columns) {
                if field.name != column.name
                    || field.role != column.role
                    || field.kind(column).is_none()
                {
                    return Err(format!("column {} of table {name} differs", column.name));
                }
            }
        }
        for (resource, file) in rest.iter().zip(files) {
            if resource.schema.is_some()
                || resource.path != file.name
                || resource.bytes != file.bytes
            {
                return Err(format!("file {} differs", file.name));
            }
        }
        let private = |d: &&Dictionary| matches!(d, Dictionary::Private { .. });
        if layout.dictionaries().iter().filter(private).count() != self.dictionary_bytes.len() {
            return Err("dictionaryBytes has not one entry a private dictionary".into());
        }
        Ok(())
    }

    /// Checks every field's rule.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    pub fn check(&self) -> Result<(), ManifestError> {
        self.check_texts()?;
        self.check_resources()
    }

    /// Checks the rule of every field that a person writes, before there are resources.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    pub fn check_texts(&self) -> Result<(), ManifestError> {
        if self.profile != PROFILE {
            return refuse("$schema", format!("must be {PROFILE}"));
        }
        name("name", &self.name)?;
        for (field, value) in [
            ("title", &self.title),
            ("description", &self.description),
            ("version", &self.version),
            ("citation", &self.citation),
            ("licence.name", &self.licence.name),
        ] {
            words(field, value)?;
        }
        for keyword in &self.keywords {
            text("keywords", keyword)?;
        }
        for disease in &self.diseases {
            let digits = disease.strip_prefix("MONDO:").unwrap_or_default();
            if digits.len() != 7 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return refuse(
                    "diseases",
                    format!("`{disease}` is not a MONDO id (MONDO:0000000)"),
                );
            }
        }
        for country in &self.countries {
            if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
                return refuse(
                    "countries",
                    format!("`{country}` is not an ISO 3166-1 alpha-2 code"),
                );
            }
        }
        if let Some(period) = &self.period {
            day("period.from", &period.from)?;
            day("period.to", &period.to)?;
            if period.to < period.from {
                return refuse("period", "ends before it begins");
            }
        }
        for term in &self.terms {
            text("terms.code", &term.code)?;
            for (key, value) in &term.parameters {
                text("terms.parameters", key)?;
                text("terms.parameters", value)?;
            }
        }
        hex_hash("licence.sha256", &self.licence.sha256)?;
        for parent in &self.lineage {
            hex_hash("lineage.package", &parent.package)?;
            text("lineage.step", &parent.step)?;
        }
        Ok(())
    }

    fn check_resources(&self) -> Result<(), ManifestError> {
        if self.resources.is_empty() || self.resources.len() > MAX_RESOURCES {
            return refuse("resources", format!("needs 1 to {MAX_RESOURCES} entries"));
        }
        let mut names = BTreeSet::new();
        let mut paths = BTreeSet::new();
        let mut files_began = false;
        for resource in &self.resources {
            let at = format!("resources.{}", resource.name);
            name(&at, &resource.name)?;
            path(&format!("{at}.path"), &resource.path)?;
            text(&format!("{at}.description"), &resource.description)?;
            text(&format!("{at}.mediatype"), &resource.mediatype)?;
            integer(&format!("{at}.bytes"), resource.bytes)?;
            // Some file systems do not tell letters' cases apart.
            if !names.insert(&resource.name) || !paths.insert(resource.path.to_lowercase()) {
                return refuse(&at, "name or path is there twice");
            }
            if let Some(hash) = &resource.hash {
                let digits = hash.strip_prefix("sha256:").unwrap_or_default();
                hex_hash(&format!("{at}.hash"), digits)?;
            }
            if let Some(done) = &resource.deidentification {
                if resource.schema.is_none() {
                    return refuse(&at, "is a file, of which no de-identification is stated");
                }
                done.check(&format!("{at}.deidentification"))?;
            }
            match &resource.schema {
                None => files_began = true,
                Some(_) if files_began => {
                    return refuse(&at, "a table stands after a file: tables come first");
                }
                Some(schema) => schema.check(&at)?,
            }
        }
        // Next to `a/b` there can be no file `a`.
        let above = |path: &String| {
            let ends = path.match_indices('/').map(|(end, _)| end);
            ends.into_iter().any(|end| paths.contains(&path[..end]))
        };
        match paths.iter().find(|path| above(path)) {
            Some(path) => refuse("resources", format!("`{path}` lies inside another file")),
            None => Ok(()),
        }
    }
}

impl Field {
    /// How cells of the column are written; `None` if field and column speak of different kinds.
    #[must_use]
    pub fn kind(&self, column: &Column) -> Option<Kind> {
        match (self.kind, &column.values, self.decimal_style) {
            (FieldType::Integer, Values::Number { scale: 0, .. }, None) => Some(Kind::Integer),
            (FieldType::Number, Values::Number { scale, .. }, Some(style)) if *scale > 0 => {
                Some(Kind::Decimal { scale: *scale, style })
            }
            (FieldType::Date, Values::Date { .. }, None) => Some(Kind::Date),
            (FieldType::String, Values::Code { .. }, None) => Some(Kind::Text),
            _ => None,
        }
    }
}

impl TableSchema {
    fn check(&self, at: &str) -> Result<(), ManifestError> {
        if self.fields.is_empty() || self.fields.len() > MAX_FIELDS {
            return refuse(&format!("{at}.schema.fields"), format!("needs 1 to {MAX_FIELDS}"));
        }
        if self.missing_values.is_empty() {
            return refuse(&format!("{at}.schema.missingValues"), "must not be empty");
        }
        for value in &self.missing_values {
            text(&format!("{at}.schema.missingValues"), value)?;
        }
        let mut names = BTreeSet::new();
        for field in &self.fields {
            let at = format!("{at}.schema.{}", field.name);
            text(&at, &field.name)?;
            if !names.insert(&field.name) {
                return refuse(&at, "two columns have this name");
            }
            text(&at, &field.description)?;
            if let Some(iri) = &field.ontology {
                text(&at, iri)?;
            }
            if let Some(bounds) = &field.constraints {
                text(&at, &bounds.minimum)?;
                text(&at, &bounds.maximum)?;
            }
        }
        Ok(())
    }
}

fn refuse<T>(field: &str, reason: impl Into<String>) -> Result<T, ManifestError> {
    Err(ManifestError::Field { field: field.to_owned(), reason: reason.into() })
}

fn text(field: &str, value: &str) -> Result<(), ManifestError> {
    if value.len() > MAX_TEXT_BYTES {
        return refuse(field, format!("is longer than {MAX_TEXT_BYTES} bytes"));
    }
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return refuse(field, "holds a control character");
    }
    Ok(())
}

/// A text that says something.
fn words(field: &str, value: &str) -> Result<(), ManifestError> {
    text(field, value)?;
    if value.trim().is_empty() { refuse(field, "must not be empty") } else { Ok(()) }
}

/// A name is also a file name: no separators, no leading dot, nothing a shell or a URL would read
/// as something else.
fn name(field: &str, value: &str) -> Result<(), ManifestError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if value.is_empty()
        || value.len() > 128
        || value.starts_with('.')
        || !value.bytes().all(allowed)
    {
        return refuse(
            field,
            "must be 1 to 128 lower-case letters, digits, `-`, `_` or `.`, not beginning with `.`",
        );
    }
    Ok(())
}

/// A path that stays inside the folder that it is opened in, on every system.
fn path(field: &str, value: &str) -> Result<(), ManifestError> {
    text(field, value)?;
    let stays = !value.contains(['\\', ':', '\n', '\t'])
        && value.len() <= 256
        && value.split('/').all(|part| !matches!(part, "" | "." | ".."));
    // Letters turned round make a program's name look like that of a picture.
    if value.chars().any(invisible) {
        return refuse(field, "holds a character that is not seen or turns others: rename it");
    }
    if stays { Ok(()) } else { refuse(field, "must be a relative path without `..`, `\\` and `:`") }
}

fn hex_hash(field: &str, value: &str) -> Result<(), ManifestError> {
    let allowed = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if value.len() != 64 || !value.bytes().all(allowed) {
        return refuse(field, "must be 64 lower-case hexadecimal digits");
    }
    Ok(())
}

fn integer(field: &str, value: u64) -> Result<(), ManifestError> {
    if value > MAX_JSON_INTEGER {
        return refuse(field, "is larger than JSON keeps exactly");
    }
    Ok(())
}

fn day(field: &str, value: &str) -> Result<(), ManifestError> {
    let bytes = value.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    let in_range =
        shaped && ("01"..="12").contains(&&value[5..7]) && ("01"..="31").contains(&&value[8..10]);
    if !in_range {
        return refuse(field, format!("`{value}` is not a day (YYYY-MM-DD)"));
    }
    Ok(())
}
