//! How an institution describes a package and what it offers: a JSON file, every field of which a
//! person can write by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use galen_api::MAX_LICENCE_BYTES;
use galen_dataset::encode::ColumnNote;
use galen_dataset::manifest::{Licence, Lineage as Made, Manifest, PROFILE, Period, Term};
use galen_market::amount::{Amount, Currency, Money};
use galen_market::codec::{Bounded, Text};
use galen_market::id::{AccountId, PackageId};
use galen_market::listing::{
    BASIS_POINTS, ColumnCode, Declared, Lineage, ListingId, MAX_DECLARED_DISEASES, Offer, Share,
    Tier,
};
use galen_market::terms::duo::CODES;
use galen_market::terms::{Clause, ClauseError, Mondo, Parameter, Terms};
use serde::{Deserialize, Serialize};

use super::licence;
use super::tier::TierDescription;
use crate::error::{Exit, Failure};
use crate::wallet::file;

const MAX_BYTES: u64 = 1 << 20;

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
    /// Terms of use: codes of the Data Use Ontology and `NRI`, each with what it asks for, as in `HMB`,
    /// `DS:MONDO:0005148,MONDO:0004979`, `GS:AT,DE`, `MOR:2027-01-01`, `TS:24`, `IS:Example University`.
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
    /// Whether every request is reviewed. If not given, only those that a clause leaves to review (PS,
    /// US, RS), and all if there is no such clause.
    #[serde(default)]
    pub review_all: Option<bool>,
    /// Who shares the price, in ten-thousandths; the institution alone if not given.
    #[serde(default)]
    pub shares: BTreeMap<AccountId, u16>,
    /// What packages that are derived from this one owe of their prices, in ten-thousandths.
    #[serde(default)]
    pub royalty: u16,
    /// The most licences that are ever sold; any number if not given.
    #[serde(default)]
    pub max_licences: Option<u32>,
    /// The package of the same institution of which this is a later version.
    #[serde(default)]
    pub supersedes: Option<PackageId>,
    /// Listings that this package was derived from, each as institution/package.
    #[serde(default)]
    pub parents: Vec<String>,
    /// What was done to the parents.
    #[serde(default)]
    pub step: String,
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

/// Reads a clause as [`Clause`] says: `HMB`, `DS:MONDO:0005148`, `GS:AT,DE`.
///
/// # Errors
/// What is wrong with it.
pub fn clause(text: &str) -> Result<Clause, Failure> {
    text.parse().map_err(|error: ClauseError| {
        let codes: Vec<_> = CODES.iter().map(|entry| entry.short).collect();
        Failure::new(Exit::Input, "terms.clause", error.to_string()).remedy(format!(
            "use {}, with what the code asks for after a colon, as in DS:MONDO:0005148, GS:AT,DE, MOR:2027-01-01 or TS:24",
            codes.join(", ")
        ))
    })
}

/// A clause's parameter as the manifest writes it.
fn parameter(parameter: &Parameter) -> (String, String) {
    let name = match parameter {
        Parameter::Diseases(_) => "disease",
        Parameter::Countries(_) => "country",
        Parameter::Months(_) => "months",
        Parameter::Day(_) => "date",
        Parameter::Institution(_) => "institution",
        Parameter::Project(_) => "project",
        Parameter::Users(_) => "users",
        Parameter::Research(_) => "research",
    };
    (name.to_owned(), parameter.to_string())
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
            vec![Share::of_account(institution, BASIS_POINTS)]
        } else {
            self.shares
                .iter()
                .map(|(account, points)| Share::of_account(*account, *points))
                .collect()
        };
        let locations = self
            .locations
            .iter()
            .map(|text| Text::new(text.as_str()))
            .collect::<Result<Vec<_>, _>>();
        let reviewed = clauses.iter().any(Clause::needs_review);
        let offer = Offer {
            terms: Terms {
                clauses: Bounded::new(clauses).map_err(|error| bad("clauses", &error))?,
                licence_text: licence::hash(&self.licence()?),
                review_ms: self.review_hours.map(|hours| hours.saturating_mul(3_600_000)),
                review_all: self.review_all.unwrap_or(self.review_hours.is_some() && !reviewed),
            },
            tiers: Bounded::new(self.tiers()?).map_err(|error| bad("tiers", &error))?,
            shares: Bounded::new(shares).map_err(|error| bad("shares", &error))?,
            royalty: self.royalty,
            max_licences: self.max_licences,
            max_undelivered: self.max_undelivered,
            locations: Bounded::new(locations.map_err(|error| bad("locations", &error))?)
                .map_err(|error| bad("locations", &error))?,
            declared: Declared { diseases: self.mondo()?, columns: Bounded::default() },
        };
        offer.check().map_err(|error| bad("terms", &error))?;
        Ok(offer)
    }

    /// What it supersedes and was derived from.
    ///
    /// # Errors
    /// A parent that is not written as institution/package, too many of them, or a step that is missing
    /// or too long.
    pub fn lineage(&self) -> Result<Lineage, Failure> {
        let bad = |what: String| {
            Failure::new(Exit::Input, "description.lineage", what)
                .remedy("name each of at most three parents as institution/package, and the step between in words")
        };
        let parent = |text: &String| -> Result<ListingId, Failure> {
            let wrong = || bad(format!("parent `{text}` is not institution/package"));
            let (institution, package) = text.split_once('/').ok_or_else(wrong)?;
            Ok(ListingId {
                institution: institution.parse().map_err(|_| wrong())?,
                package: package.parse().map_err(|_| wrong())?,
            })
        };
        let parents = self.parents.iter().map(parent).collect::<Result<Vec<_>, Failure>>()?;
        let lineage = Lineage {
            supersedes: self.supersedes,
            parents: Bounded::new(parents).map_err(|error| bad(error.to_string()))?,
            step: Text::new(self.step.as_str()).map_err(|error| bad(error.to_string()))?,
        };
        lineage.check().map_err(|error| bad(error.what()))?;
        Ok(lineage)
    }

    /// The diseases as the ledger writes them.
    fn mondo(&self) -> Result<Bounded<Mondo, MAX_DECLARED_DISEASES>, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Input, "description.diseases", format!("diseases: {error}"))
                .remedy("write each as in MONDO:0005148, sixteen at most")
        };
        let each = self.diseases.iter().map(|text| text.parse().map_err(|error| wrong(&error)));
        Bounded::new(each.collect::<Result<_, _>>()?).map_err(|error| wrong(&error))
    }

    /// Puts the ontology terms of columns into an offer, for those who look for them. Tables come with
    /// their names and those of their columns, in the order of the layout.
    ///
    /// # Errors
    /// A term that is too long, or too many of them.
    pub fn declare_columns<'n>(
        &self,
        offer: &mut Offer,
        tables: impl Iterator<Item = (&'n str, Vec<&'n str>)>,
    ) -> Result<(), Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Input, "description.ontology", format!("ontology terms: {error}"))
                .remedy("leave out the terms that nobody will look for")
        };
        let mut codes = Vec::new();
        for (table, (title, names)) in (0u32..).zip(tables) {
            let own = self.tables.get(title);
            for (column, name) in (0u32..).zip(names) {
                let about = own.and_then(|own| own.columns.get(name)).or(self.columns.get(name));
                let Some(term) = about.and_then(|about| about.ontology.as_deref()) else {
                    continue;
                };
                let code = Text::new(term).map_err(|error| wrong(&error))?;
                codes.push(ColumnCode { table, column, code });
            }
        }
        offer.declared.columns = Bounded::new(codes).map_err(|error| wrong(&error))?;
        Ok(())
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

    /// The licence's text.
    ///
    /// # Errors
    /// When the file cannot be read, or is no text.
    pub fn licence(&self) -> Result<String, Failure> {
        let path = &self.licence_file;
        let bytes = file::read_bounded(path, MAX_LICENCE_BYTES).map_err(|error| {
            Failure::file(path, &error).remedy("give the licence's text in `licence_file`")
        })?;
        licence::text(bytes).map_err(|error| Failure::input(path, error))
    }

    /// The manifest, without its resources.
    pub fn manifest(&self, offer: &Offer) -> Manifest {
        let terms = offer.terms.clauses.iter().map(|clause| Term {
            code: clause.code.to_string(),
            parameters: clause.parameter.iter().map(parameter).collect(),
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
            lineage: self.made_from(),
            citation: self.citation.clone(),
        }
    }

    /// The parents and the step, as the manifest says them.
    fn made_from(&self) -> Vec<Made> {
        let packages = self.parents.iter().filter_map(|parent| parent.split_once('/'));
        packages
            .map(|(_, package)| Made { package: package.to_owned(), step: self.step.clone() })
            .collect()
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
    use galen_market::listing::Payee;

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
        let parent = format!("{}/{}", "11".repeat(32), "22".repeat(32));
        let mut derived = Description { parents: vec![parent], ..description.clone() };
        assert_eq!(derived.lineage().unwrap_err().code(), "description.lineage");
        derived.step = "joined with nothing".to_owned();
        assert_eq!(derived.lineage().unwrap().parents[0].package, PackageId([0x22; 32]));
        assert_eq!(derived.made_from()[0].step, "joined with nothing");
        derived.parents = vec!["22".repeat(32)];
        assert_eq!(derived.lineage().unwrap_err().code(), "description.lineage");
        tiered.tiers.clear();
        assert_eq!(tiered.offer(institution).unwrap_err().code(), "description.terms");
        assert_eq!(offer.shares[0].payee, Payee::Account(institution));
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
        for bad in ["", "DS", "DS:5148", "DUO:0000099", "gru", "GRU:DE"] {
            assert_eq!(clause(bad).unwrap_err().code(), "terms.clause", "{bad}");
        }
    }
}
