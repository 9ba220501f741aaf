//! How an institution describes a package and what it offers: a JSON file, every field of which a
//! person can write by hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use galen_dataset::encode::ColumnNote;
use galen_dataset::manifest::{Licence, Manifest, PROFILE, Period, Term};
use galen_market::amount::{Amount, Currency, Money};
use galen_market::codec::{Bounded, Text};
use galen_market::id::{AccountId, Digest};
use galen_market::listing::{BASIS_POINTS, Offer, Share, Tier};
use galen_market::terms::duo::{DS, GRU, HMB, NPU};
use galen_market::terms::{Clause, Mondo, Terms};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::tier::TierDescription;
use crate::error::{Exit, Failure};
use crate::wallet::file;

const MAX_BYTES: u64 = 1 << 20;
const MAX_LICENCE_BYTES: u64 = 4 << 20;

/// A description to start from.
pub const EXAMPLE: &str = r#"{
  "name": "ward-7-glucose",
  "title": "Glucose readings of ward 7",
  "description": "One row a person, 2020 to 2024.",
  "countries": ["DE"],
  "diseases": ["MONDO:0005148"],
  "citation": "Example Hospital, 2025.",
  "price": "250000 EUR",
  "clauses": ["HMB", "NPU"],
  "licence_months": 24,
  "licence_name": "Example research licence",
  "licence_file": "licence.txt"
}"#;

/// A description.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Short name: lower-case letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// One line.
    pub title: String,
    /// What the data are.
    pub description: String,
    /// Version of the data.
    #[serde(default = "first_version")]
    pub version: String,
    /// Words to find it by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Diseases, as MONDO ids.
    #[serde(default)]
    pub diseases: Vec<String>,
    /// Countries of origin, two capital letters each.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Days covered.
    #[serde(default)]
    pub period: Option<Period>,
    /// How to cite.
    pub citation: String,
    /// Price in minor units and currency: `250000 EUR` is 2,500.00 euros. With `licence_months`, the
    /// one tier of the offer; else there are `tiers`.
    #[serde(default)]
    pub price: Option<String>,
    /// Terms of use: `GRU`, `HMB`, `DS:MONDO:0005148`, `NPU`.
    pub clauses: Vec<String>,
    /// How long a licence lasts.
    #[serde(default)]
    pub licence_months: Option<u32>,
    /// The ways in which it is sold, if there is more to say than price and licence.
    #[serde(default)]
    pub tiers: Vec<TierDescription>,
    /// Name of the licence.
    pub licence_name: String,
    /// File of the licence's text, beside the description.
    pub licence_file: PathBuf,
    /// If given, requests are reviewed within so many hours.
    #[serde(default)]
    pub review_hours: Option<u64>,
    /// Who shares the price, in ten-thousandths; the institution alone if not given.
    #[serde(default)]
    pub shares: BTreeMap<AccountId, u16>,
    /// Most deals at a time that are ready and wait for their key.
    #[serde(default = "a_few")]
    pub max_undelivered: u32,
    /// Addresses at which the package is served; the listing's own node if none.
    #[serde(default)]
    pub locations: Vec<String>,
    /// Notes on columns of the only table.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnDescription>,
    /// Notes on tables by their names, where there are several.
    #[serde(default)]
    pub tables: BTreeMap<String, TableDescription>,
}

/// Notes on a table.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableDescription {
    /// What is in it.
    pub description: String,
    /// Notes on its columns.
    pub columns: BTreeMap<String, ColumnDescription>,
}

/// Notes on a table's columns as packing takes them, and what is in it.
pub type TableNotes = (BTreeMap<String, ColumnNote>, String);

/// Notes on a column.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnDescription {
    /// What it is.
    pub description: String,
    /// Ontology term, an IRI.
    pub ontology: Option<String>,
    /// Declared least value.
    pub minimum: Option<String>,
    /// Declared greatest value.
    pub maximum: Option<String>,
}

fn first_version() -> String {
    "1".to_owned()
}

fn a_few() -> u32 {
    16
}

/// Reads `250000 EUR`.
///
/// # Errors
/// Any other text.
pub fn money(text: &str) -> Result<Money, Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, "money", format!("`{text}` is not an amount of money"))
            .remedy("give minor units and a currency: 2500 EUR is 25.00 euros")
    };
    let (amount, currency) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let amount: Amount = amount.parse().map_err(|_| wrong())?;
    let currency: Currency = currency.trim().parse().map_err(|_| wrong())?;
    Ok(Money { currency, amount })
}

/// Reads `GRU`, `HMB`, `NPU`, `DS:MONDO:0005148`, or the same as `DUO:0000042`.
///
/// # Errors
/// A code that the ledger cannot decide.
pub fn clause(text: &str) -> Result<Clause, Failure> {
    let wrong = || {
        Failure::new(
            Exit::Input,
            "terms.clause",
            format!("`{text}` is not a clause that the ledger can decide"),
        )
        .remedy("use GRU, HMB, NPU, or DS: with a disease, as in DS:MONDO:0005148")
    };
    let plain = |duo| Ok(Clause { duo, disease: None });
    match text {
        "GRU" | "DUO:0000042" => plain(GRU),
        "HMB" | "DUO:0000006" => plain(HMB),
        "NPU" | "DUO:0000045" => plain(NPU),
        _ => {
            let disease = text
                .strip_prefix("DS:")
                .or_else(|| text.strip_prefix("DUO:0000007:"))
                .ok_or_else(wrong)?;
            let disease: Mondo = disease.parse().map_err(|_| wrong())?;
            Ok(Clause { duo: DS, disease: Some(disease) })
        }
    }
}

impl Description {
    /// Reads a description. The licence's file is found beside it.
    ///
    /// # Errors
    /// When it is not one; the message says which field.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes =
            file::read_bounded(path, MAX_BYTES).map_err(|error| Failure::file(path, &error))?;
        let mut description: Self = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(Exit::Input, "description", format!("{}: {error}", path.display()))
                .remedy("see `galen dataset pack --help` for a whole description")
        })?;
        if description.licence_file.is_relative() {
            description.licence_file = super::prepare::above(path).join(&description.licence_file);
        }
        Ok(description)
    }

    /// What is offered.
    ///
    /// # Errors
    /// Terms or shares that contradict themselves, or a licence that cannot be read.
    pub fn offer(&self, institution: AccountId) -> Result<Offer, Failure> {
        let bad = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new(Exit::Input, "description.terms", format!("{what}: {error}"))
                .remedy("correct the description and pack again")
        };
        let clauses =
            self.clauses.iter().map(|text| clause(text)).collect::<Result<Vec<_>, _>>()?;
        let shares = if self.shares.is_empty() {
            vec![Share { account: institution, basis_points: BASIS_POINTS }]
        } else {
            self.shares
                .iter()
                .map(|(account, points)| Share { account: *account, basis_points: *points })
                .collect()
        };
        let locations = self
            .locations
            .iter()
            .map(|text| Text::new(text.as_str()))
            .collect::<Result<Vec<_>, _>>();
        let offer = Offer {
            terms: Terms {
                clauses: Bounded::new(clauses).map_err(|error| bad("clauses", &error))?,
                licence_text: self.licence_hash()?,
                review_ms: self.review_hours.map(|hours| hours.saturating_mul(3_600_000)),
            },
            tiers: Bounded::new(self.tiers()?).map_err(|error| bad("tiers", &error))?,
            shares: Bounded::new(shares).map_err(|error| bad("shares", &error))?,
            max_undelivered: self.max_undelivered,
            locations: Bounded::new(locations.map_err(|error| bad("locations", &error))?)
                .map_err(|error| bad("locations", &error))?,
        };
        offer.check().map_err(|error| bad("terms", &error))?;
        Ok(offer)
    }

    /// The tiers: those that are described, or the one of price and licence.
    fn tiers(&self) -> Result<Vec<Tier>, Failure> {
        let described = match (&self.price, self.licence_months) {
            (Some(price), Some(months)) if self.tiers.is_empty() => {
                vec![TierDescription::simple(price.clone(), months)]
            }
            (None, None) if !self.tiers.is_empty() => self.tiers.clone(),
            _ => {
                let what = "it needs `price` and `licence_months`, or else `tiers`";
                return Err(Failure::new(Exit::Input, "description.terms", what)
                    .remedy("see `galen dataset pack --help` for both forms"));
            }
        };
        described.iter().map(TierDescription::tier).collect()
    }

    fn licence_hash(&self) -> Result<Digest, Failure> {
        let path = &self.licence_file;
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_LICENCE_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| {
                Failure::file(path, &error).remedy("give the licence's text in `licence_file`")
            })?;
        if bytes.is_empty() || bytes.len() as u64 > MAX_LICENCE_BYTES {
            return Err(Failure::input(
                path,
                format!("a licence has 1 to {MAX_LICENCE_BYTES} bytes"),
            ));
        }
        Ok(Digest(sha2::Sha256::digest(&bytes).into()))
    }

    /// The manifest, without its resources.
    pub fn manifest(&self, offer: &Offer) -> Manifest {
        let terms = offer.terms.clauses.iter().map(|clause| Term {
            code: format!("DUO:{:07}", clause.duo),
            parameters: clause
                .disease
                .iter()
                .map(|d| ("disease".to_owned(), d.to_string()))
                .collect(),
        });
        Manifest {
            profile: PROFILE.to_owned(),
            name: self.name.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            version: self.version.clone(),
            keywords: self.keywords.clone(),
            diseases: self.diseases.clone(),
            countries: self.countries.clone(),
            period: self.period.clone(),
            resources: Vec::new(),
            dictionary_bytes: Vec::new(),
            terms: terms.collect(),
            licence: Licence {
                name: self.licence_name.clone(),
                sha256: offer.terms.licence_text.to_string(),
            },
            lineage: Vec::new(),
            citation: self.citation.clone(),
        }
    }

    /// Notes on the tables of these names.
    ///
    /// # Errors
    /// A note on a table that is not there, or one bound of a column without the other.
    pub fn notes(&self, names: &[&str]) -> Result<BTreeMap<String, TableNotes>, Failure> {
        let wrong = |what: String, remedy: &str| {
            Failure::new(Exit::Input, "description.tables", what).remedy(remedy)
        };
        if let Some(name) = self.tables.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(wrong(
                format!("`tables` speaks of `{name}`, and no table is called so"),
                "name the tables with --data NAME=DIR",
            ));
        }
        if !self.columns.is_empty() && names.len() != 1 {
            return Err(wrong(
                format!("`columns` speaks of one table, and there are {}", names.len()),
                "write the notes below `tables`, under the name of their table",
            ));
        }
        let table = |name: &&str| {
            let about = self.tables.get(*name);
            let own = about.map(|about| &about.columns).into_iter().flatten();
            // What is said of the only table may stand at the top.
            let columns = self.columns.iter().chain(own).map(column_note);
            let said = match about.map(|about| about.description.clone()) {
                Some(said) if !said.is_empty() => said,
                _ if names.len() == 1 => self.description.clone(),
                _ => String::new(),
            };
            Ok(((*name).to_owned(), (columns.collect::<Result<_, Failure>>()?, said)))
        };
        names.iter().map(table).collect()
    }
}

fn column_note(
    (name, about): (&String, &ColumnDescription),
) -> Result<(String, ColumnNote), Failure> {
    let bounds = match (&about.minimum, &about.maximum) {
        (Some(low), Some(high)) => Some((low.clone(), high.clone())),
        (None, None) => None,
        _ => {
            return Err(Failure::new(
                Exit::Input,
                "description.bounds",
                format!("column `{name}` has a minimum without a maximum, or the reverse"),
            )
            .remedy("give both bounds or neither"));
        }
    };
    let note = ColumnNote {
        bounds,
        description: about.description.clone(),
        ontology: about.ontology.clone(),
        chart: None,
    };
    Ok((name.clone(), note))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_example_is_a_description() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("description.json");
        std::fs::write(&path, EXAMPLE).unwrap();
        std::fs::write(folder.path().join("licence.txt"), "Use it well.").unwrap();
        let description = Description::read(&path).unwrap();
        let institution = AccountId([7; 32]);
        let offer = description.offer(institution).unwrap();
        assert_eq!(offer.tiers[0].price.to_string(), "250000 EUR");
        assert_eq!((offer.tiers.len(), offer.tiers[0].name.as_str()), (1, "standard"));
        let academic = TierDescription {
            name: "academic".to_owned(),
            ..TierDescription::simple("10 EUR".to_owned(), 12)
        };
        let mut tiered = Description { tiers: vec![academic], ..description.clone() };
        assert_eq!(tiered.offer(institution).unwrap_err().code(), "description.terms");
        (tiered.price, tiered.licence_months) = (None, None);
        assert_eq!(tiered.offer(institution).unwrap().tiers[0].name.as_str(), "academic");
        tiered.tiers.clear();
        assert_eq!(tiered.offer(institution).unwrap_err().code(), "description.terms");
        assert_eq!(offer.shares[0].account, institution);
        std::fs::remove_file(folder.path().join("licence.txt")).unwrap();
        assert_eq!(description.offer(institution).unwrap_err().code(), "file.io");
        std::fs::write(&path, EXAMPLE.replace("title", "titel")).unwrap();
        let refused = Description::read(&path).unwrap_err();
        assert_eq!(refused.code(), "description");
        assert!(refused.to_string().contains("titel"), "{refused}");
    }

    #[test]
    fn money_and_clauses_are_strict() {
        assert_eq!(money("2500 EUR").unwrap().to_string(), "2500 EUR");
        for bad in ["", "2500", "25.00 EUR", "-1 EUR", "2500 eur", "EUR 2500"] {
            assert_eq!(money(bad).unwrap_err().code(), "money", "{bad}");
        }
        assert_eq!(clause("DS:MONDO:0005148").unwrap().to_string(), "DUO:0000007 (MONDO:0005148)");
        for bad in ["", "DS", "DS:5148", "DUO:0000043", "gru"] {
            assert_eq!(clause(bad).unwrap_err().code(), "terms.clause", "{bad}");
        }
    }
}
