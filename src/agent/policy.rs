//! What an agent may sign by itself: a JSON file that its institution writes. What the file does not
//! allow is left for a person. Depends on the rules' types; reads one file and asks nobody.
//!
//! | field | meaning | if it is left out |
//! |---|---|---|
//! | `packages` | packages that are delivered | all whose keys are in the home directory |
//! | `floors` | least prices of a delivered deal, one a currency; not for what subscribers claim | none |
//! | `max_per_day` | deals that are delivered on one day (UTC) | no limit |
//! | `listings` | for single packages: `deliver`, `floor`, `max_per_day` | as for all |
//! | `review` | rules by which requests are accepted or refused, the first that fits; see [`Rule`] | a person reviews |
//! | `concurrency` | deals that are served at a time, 1 to 64 | 4 |
//! | `webhook` | who is called when a person is needed; see [`Hook`] | nobody |
//!
//! Without a file the agent delivers every deal that the ledger says is ready, and reviews nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use galen_market::amount::Money;
use galen_market::codec::Text;
use galen_market::deal::{Deal, Origin};
use galen_market::id::PackageId;
use galen_market::terms::{Code, Outcome, PurposeKind};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Exit, Failure};
use crate::operation::description::money;
use crate::wallet::file;

const FORMAT: &str = "galen-agent-policy/1";
const MAX_BYTES: u64 = 1 << 20;
const MAX_CONCURRENCY: usize = 64;
const MAX_ATTEMPTS: u32 = 10;

/// A policy to start from.
pub const EXAMPLE: &str = r#"{
  "format": "galen-agent-policy/1",
  "packages": "all",
  "floors": ["100000 EUR"],
  "max_per_day": 50,
  "listings": {},
  "review": [
    { "decide": "refuse", "commercial": true, "reason": "commercial use needs a contract of its own" },
    { "decide": "accept", "purposes": ["health", "disease"], "commercial": false, "clauses": ["PS"] }
  ],
  "concurrency": 4,
  "webhook": { "url": "https://hooks.example/galen", "key_file": "webhook.key", "attempts": 5 }
}"#;

/// A policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What the file is.
    #[serde(deserialize_with = "format")]
    pub format: String,
    /// Packages that are delivered.
    #[serde(default)]
    pub packages: Packages,
    /// Least prices of a delivered deal, one a currency.
    #[serde(default)]
    pub floors: Vec<Floor>,
    /// Deals that are delivered on one day.
    #[serde(default)]
    pub max_per_day: Option<u32>,
    /// Single packages.
    #[serde(default)]
    pub listings: BTreeMap<PackageId, ListingPolicy>,
    /// How requests are reviewed.
    #[serde(default)]
    pub review: Vec<Rule>,
    /// Deals that are served at a time.
    #[serde(default = "four", deserialize_with = "concurrency")]
    pub concurrency: usize,
    /// Who is called when a person is needed.
    #[serde(default)]
    pub webhook: Option<Hook>,
}

/// Which packages are delivered: `"all"` or a list of ids.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Packages {
    /// All whose keys are here.
    #[default]
    All,
    /// These.
    These(BTreeSet<PackageId>),
}

impl Serialize for Packages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::These(these) => these.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Packages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Packages;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"all\" or a list of package ids")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Packages, E> {
                if text == "all" {
                    Ok(Packages::All)
                } else {
                    Err(E::invalid_value(Unexpected::Str(text), &self))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Packages, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Packages::These)
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// What holds for one package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingPolicy {
    /// Whether it is delivered.
    #[serde(default = "yes")]
    pub deliver: bool,
    /// Least price of a delivered deal.
    #[serde(default)]
    pub floor: Option<Floor>,
    /// Deals of it that are delivered on one day.
    #[serde(default)]
    pub max_per_day: Option<u32>,
}

/// A least price, in minor units: `100000 EUR`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Floor(pub Money);

/// A rule for reviews: it fits a request for which everything holds that it names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What to do.
    pub decide: Verdict,
    /// Packages; all if none are named.
    #[serde(default)]
    pub packages: BTreeSet<PackageId>,
    /// Kinds of purposes; all if none are named.
    #[serde(default)]
    pub purposes: BTreeSet<PurposeKind>,
    /// Whether the use is commercial.
    #[serde(default)]
    pub commercial: Option<bool>,
    /// Whether methods are developed.
    #[serde(default)]
    pub methods: Option<bool>,
    /// Whether genotypes are studied.
    #[serde(default)]
    pub genetic: Option<bool>,
    /// Clauses that need a review and that this rule may accept; it accepts no request with another one.
    #[serde(default)]
    pub clauses: BTreeSet<Code>,
    /// Why, for the buyer; a refusal needs one.
    #[serde(default)]
    pub reason: Text<500>,
}

/// What a rule decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Accept.
    Accept,
    /// Refuse.
    Refuse,
}

/// Who is called when a person is needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where to: `https://…` or `http://…`, without a password in it.
    #[serde(deserialize_with = "address")]
    pub url: String,
    /// File of the key that signs the calls, beside the policy; the wallet's own key if none is named.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// How often one call is tried, 1 to 10.
    #[serde(default = "five", deserialize_with = "attempts")]
    pub attempts: u32,
}

/// Why a person is needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// No rule decides the request.
    Review,
    /// The policy does not deliver the package.
    Package,
    /// The price is below the floor.
    Price,
    /// The day's limit is reached.
    Limit,
    /// The envelope cannot be made or sent.
    Failed,
    /// Too little time is left.
    TooLate,
}

impl Need {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Review => "a request waits for a review, and no rule of the policy decides it",
            Self::Package => "the policy does not deliver this package",
            Self::Price => "the price is below the policy's floor",
            Self::Limit => "the policy's limit of deliveries for today is reached",
            Self::Failed => "the key could not be delivered",
            Self::TooLate => "too little time is left; the buyer gets the price back",
        }
    }
}

const fn yes() -> bool {
    true
}

const fn four() -> usize {
    4
}

const fn five() -> u32 {
    5
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = <String as Deserialize>::deserialize(deserializer)?;
    if text == FORMAT {
        Ok(text)
    } else {
        Err(serde::de::Error::custom(format!("expected \"{FORMAT}\"")))
    }
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let number = usize::deserialize(deserializer)?;
    if (1..=MAX_CONCURRENCY).contains(&number) {
        Ok(number)
    } else {
        Err(serde::de::Error::custom(format!("expected 1 to {MAX_CONCURRENCY}")))
    }
}

fn attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if (1..=MAX_ATTEMPTS).contains(&number) {
        Ok(number)
    } else {
        Err(serde::de::Error::custom(format!("expected 1 to {MAX_ATTEMPTS}")))
    }
}

impl Serialize for Floor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Floor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        money(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = <String as Deserialize>::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom("expected http://host/… or https://host/…");
    let uri: ureq::http::Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().ok_or_else(wrong)?;
    if !known || authority.host().is_empty() {
        return Err(wrong());
    }
    if authority.as_str().contains('@') {
        return Err(serde::de::Error::custom("an address with a password in it"));
    }
    Ok(text)
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            format: FORMAT.to_owned(),
            packages: Packages::All,
            floors: Vec::new(),
            max_per_day: None,
            listings: BTreeMap::new(),
            review: Vec::new(),
            concurrency: four(),
            webhook: None,
        }
    }
}

impl Policy {
    /// Reads a policy. The webhook's key is found beside it.
    ///
    /// # Errors
    /// When it is not one: field, line and column are named.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes =
            file::read_bounded(path, MAX_BYTES).map_err(|error| Failure::file(path, &error))?;
        let mut policy = Self::parse(&bytes).map_err(|what| {
            Failure::new(Exit::Input, "agent.policy", format!("{}: {what}", path.display()))
                .remedy("`galen agent policy` prints a whole policy to start from; check a file with `galen agent policy FILE`")
        })?;
        if let Some(key) = policy.webhook.as_mut().and_then(|hook| hook.key_file.as_mut())
            && key.is_relative()
        {
            *key = crate::operation::prepare::above(path).join(&*key);
        }
        Ok(policy)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let policy: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            let error = error.into_inner();
            if field == "." { error.to_string() } else { format!("field `{field}`: {error}") }
        })?;
        reader.end().map_err(|error| error.to_string())?;
        for (at, rule) in (0usize..).zip(&policy.review) {
            let refuses = rule.decide == Verdict::Refuse;
            if refuses && rule.reason.as_str().trim().is_empty() {
                return Err(format!("field `review[{at}].reason`: a refusal needs a reason"));
            }
            let codes = || rule.clauses.iter();
            if let Some(code) = codes().find(|code| code.entry().is_none()) {
                return Err(format!("field `review[{at}].clauses`: {code} is not a known code"));
            }
        }
        Ok(policy)
    }

    /// Whether a ready deal is delivered, as far as it does not depend on the day.
    ///
    /// # Errors
    /// Why a person is needed.
    pub fn delivers(&self, deal: &Deal) -> Result<(), Need> {
        let package = &deal.listing.package;
        let single = self.listings.get(package);
        let named = match &self.packages {
            Packages::All => true,
            Packages::These(these) => these.contains(package),
        };
        if !named || single.is_some_and(|single| !single.deliver) {
            return Err(Need::Package);
        }
        let below = |Floor(floor): &Floor| {
            floor.currency == deal.price.currency && deal.price.amount < floor.amount
        };
        // Nobody said what a price in another currency is worth.
        let other = |Floor(floor): &Floor| floor.currency != deal.price.currency;
        let own = single.and_then(|single| single.floor.as_ref());
        let cheap =
            self.floors.iter().any(below) || own.is_some_and(|floor| below(floor) || other(floor));
        // What a subscriber claims has no price of its own: it is paid by the month, and not to deliver it
        // would cost the compensation and the rest of the term.
        if cheap && !matches!(deal.origin, Origin::Claim { .. }) {
            return Err(Need::Price);
        }
        Ok(())
    }

    /// Whether one more deal of a package may be delivered on a day on which so many were.
    ///
    /// # Errors
    /// [`Need::Limit`].
    pub fn has_room(&self, package: &PackageId, of_all: u32, of_it: u32) -> Result<(), Need> {
        let full = |limit: Option<u32>, count| limit.is_some_and(|limit| count >= limit);
        let single = self.listings.get(package).and_then(|single| single.max_per_day);
        if full(self.max_per_day, of_all) || full(single, of_it) {
            Err(Need::Limit)
        } else {
            Ok(())
        }
    }

    /// How a request is reviewed: by the first rule that fits.
    ///
    /// # Errors
    /// [`Need::Review`] if none does.
    pub fn reviews(&self, deal: &Deal) -> Result<&Rule, Need> {
        self.review.iter().find(|rule| rule.fits(deal)).ok_or(Need::Review)
    }
}

impl Rule {
    fn fits(&self, deal: &Deal) -> bool {
        let purpose = &deal.purpose;
        let says = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let reviewed = || {
            deal.decision
                .reasons
                .iter()
                .filter(|reason| reason.finding.outcome() == Outcome::NeedsReview)
                .all(|reason| self.clauses.contains(&reason.clause.code))
        };
        (self.packages.is_empty() || self.packages.contains(&deal.listing.package))
            && (self.purposes.is_empty() || self.purposes.contains(&purpose.kind))
            && says(self.commercial, purpose.commercial)
            && says(self.methods, purpose.methods)
            && says(self.genetic, purpose.genetic)
            && (self.decide == Verdict::Refuse || reviewed())
    }
}

#[cfg(test)]
mod tests;
