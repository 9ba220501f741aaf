//! A table on its way to a listing: what was read, what a person chose. It is held in memory and nowhere
//! else. Depends on preparation and the fields of forms.

use std::sync::Arc;

use galen_dataset::deidentify::{Choice, PersonRule, Settings};
use galen_dataset::hierarchy::{Hierarchy, Spec, read_rows};
use galen_dataset::ingest::Ingested;
use galen_dataset::inspect::Inspection;
use galen_dataset::roles::{Role, Roles};
use galen_dataset::schema::Column;
use galen_market::id::{Digest, Hasher, PackageId};
use galen_market::layout::BlockRows;

use super::fields::Fields;
use super::places;
use crate::error::{Exit, Failure};
use crate::operation::prepare;

/// The k that a person begins with, and is compared with.
pub(super) const KS: [u64; 6] = [2, 3, 5, 11, 20, 50];

/// A table on its way.
pub(super) struct Offering {
    /// The file's name, as the person knows it.
    pub file: String,
    pub table: Arc<Ingested>,
    pub inspection: Inspection,
    pub settings: Settings,
    /// What several k would cost under these settings.
    pub compared: Option<Vec<Choice>>,
    /// Whether a k was chosen under these settings.
    pub chosen: bool,
    /// How it is described, as far as it was written.
    pub words: Fields,
    /// The columns that are to be charted, by their names.
    pub charted: Vec<String>,
    /// The package that was made of it under these settings and words.
    pub packed: Option<PackageId>,
    /// Roles that differ from the proposals.
    set: Roles,
}

impl Offering {
    /// A table as it was read, with everything proposed.
    pub fn new(file: String, table: Ingested) -> Result<Self, Failure> {
        let set = Roles::default();
        let inspection = prepare::inspect(&table, &set)?;
        let settings = Settings { roles: inspection.roles(), ..Settings::default() };
        Ok(Self {
            file,
            table: Arc::new(table),
            inspection,
            settings,
            compared: None,
            chosen: false,
            words: Fields::default(),
            charted: Vec::new(),
            packed: None,
            set,
        })
    }

    fn columns(&self) -> &[Column] {
        &self.table.table.columns
    }

    /// The quasi-identifiers, by their places.
    pub fn quasi(&self) -> Vec<usize> {
        let is =
            |c: &usize| self.settings.roles.of(&self.columns()[*c].name) == Role::QuasiIdentifier;
        (0..self.columns().len()).filter(is).collect()
    }

    /// How a column is generalised.
    pub fn spec(&self, column: &Column) -> Spec {
        let given = self.settings.hierarchies.get(&column.name);
        given.cloned().unwrap_or_else(|| Hierarchy::propose(column))
    }

    /// Takes the words of its description, and the columns that are to be charted.
    pub fn describe(&mut self, form: Fields) {
        let named = (0usize..).zip(&self.inspection.columns);
        let charted = named.filter(|(at, _)| form.has(&format!("chart_{at}")));
        self.charted = charted.map(|(_, column)| column.name.clone()).collect();
        if form != self.words {
            self.packed = None;
        }
        self.words = form;
    }

    /// Names the settings under which several k are compared: all of them but k.
    pub fn compared_under(&self) -> Result<Digest, Failure> {
        let settings = Settings { k: 0, ..self.settings.clone() };
        let bytes = serde_json::to_vec(&settings)
            .map_err(|error| Failure::new(Exit::Failure, "console.settings", error.to_string()))?;
        Ok(Hasher::new("galen/console/settings").part(&bytes).digest())
    }

    /// Chooses a k of which the outcome was shown, under the settings of that page.
    pub fn choose_k(&mut self, k: u64, shown: &str) -> Result<(), Failure> {
        let compared = self
            .compared
            .as_deref()
            .filter(|_| self.compared_under().is_ok_and(|settings| settings.to_string() == shown));
        let compared = compared.ok_or_else(|| {
            Failure::new(
                Exit::Failure,
                "console.changed",
                "the settings of the columns are not those under which this k was shown",
            )
            .remedy("compare risk and loss again, and choose from what is shown then")
        })?;
        if !compared.iter().any(|one| one.k == k && one.outcome.is_ok()) {
            return Err(Failure::usage(format!("k = {k} is none of those that can be reached"))
                .remedy("go back and choose one of the table"));
        }
        if k != self.settings.k {
            self.packed = None;
        }
        (self.settings.k, self.chosen) = (k, true);
        Ok(())
    }

    /// Takes roles, hierarchies and limits from the form of the columns; all or nothing.
    pub fn choose(&mut self, form: &Fields) -> Result<(), Failure> {
        let mut set = self.set.clone();
        for (at, shown) in self.inspection.columns.iter().enumerate() {
            let role: Role = match form.get(&format!("role_{at}")) {
                "" => continue,
                text => text.parse()?,
            };
            if role != shown.role {
                set.0.insert(shown.name.clone(), role);
            }
        }
        let inspection = prepare::inspect(&self.table, &set)?;
        let mut settings = Settings {
            roles: inspection.roles(),
            k: self.settings.k,
            default_diversity: form.number("l", "different values")?,
            blank: form.has("blank"),
            ..Settings::default()
        };
        if let Some(percent) = form.number::<f64>("suppression", "rows that may be left out")? {
            settings.suppression = percent / 100.0;
        }
        if form.has("all_rows") {
            settings.persons = PersonRule::DistinctInClass;
        }
        if form.get("block_rows") == "small" {
            settings.block_rows = u64::from(BlockRows::Small.rows());
        }
        for (at, column) in self.table.table.columns.iter().enumerate() {
            if settings.roles.of(&column.name) != Role::QuasiIdentifier {
                continue;
            }
            if let Some(spec) = spec(form, at)? {
                places::hierarchy(&self.table, column, &spec)?;
                settings.hierarchies.insert(column.name.clone(), spec);
            }
            let words = format!("least level of {}", column.name);
            let low: Option<usize> = form.number(&format!("low_{at}"), &words)?;
            if let Some(low) = low.filter(|low| *low > 0) {
                settings.levels.insert(column.name.clone(), (low, usize::MAX));
            }
        }
        (self.set, self.inspection) = (set, inspection);
        if settings != self.settings {
            (self.compared, self.chosen, self.packed) = (None, false, None);
        }
        self.settings = settings;
        Ok(())
    }
}

/// The hierarchy that a form asks for; nothing if the column was not in it as a quasi-identifier.
fn spec(form: &Fields, at: usize) -> Result<Option<Spec>, Failure> {
    let text = |what: &str| form.get(&format!("{what}_{at}")).to_owned();
    let some = |what: &str| Some(text(what)).filter(|text| !text.is_empty());
    Ok(Some(match text("how").as_str() {
        "dates" => Spec::Dates,
        "suppress" => Spec::Suppress,
        "intervals" => Spec::Intervals {
            width: text("width"),
            origin: None,
            bottom: some("bottom"),
            top: some("top"),
        },
        "levels" => Spec::Rows(read_rows(text("levels").as_bytes())?),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_dataset::ingest::{Options, read};

    use super::*;

    /// A table of which two columns differ by a blank, with a package made of it.
    fn packed() -> Offering {
        let table =
            read(&b" age,age,sex\n1,2,f\n1,2,f\n3,4,m\n3,4,m\n"[..], &Options::default()).unwrap();
        let mut it = Offering::new("ward.csv".to_owned(), table).unwrap();
        it.describe(form("title=Ward&price=10"));
        again(&mut it);
        it
    }

    fn again(it: &mut Offering) {
        it.packed = Some(PackageId([7; 32]));
    }

    fn form(text: &str) -> Fields {
        Fields::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_package_is_gone_on_with_only_under_the_same_settings_k_and_words() {
        let mut it = packed();
        it.describe(form("title=Ward&price=10"));
        assert!(it.packed.is_some(), "nothing was changed");
        it.describe(form("title=Ward&price=12"));
        assert!(it.packed.is_none(), "another price");
        again(&mut it);
        it.describe(form("title=Ward&price=12&chart_0=on"));
        assert!(it.packed.is_none(), "another chart");
        again(&mut it);
        let settings = "role_0=quasi-identifier&role_1=drop&role_2=insensitive&how_0=levels\
                        &levels_0=1%3B1%0A3%3B3&low_0=1";
        it.choose(&form(&format!("{settings}&suppression=0"))).unwrap();
        assert!(it.packed.is_none(), "other roles");
        again(&mut it);
        it.choose(&form(&format!("{settings}&suppression=0"))).unwrap();
        assert!(it.packed.is_some(), "nothing was changed");
        it.choose(&form(&format!("{settings}&suppression=1"))).unwrap();
        assert!(it.packed.is_none(), "other settings");
        again(&mut it);
        it.compared = Some(prepare::compare(&it.table, &it.settings, &[2, 3]).unwrap());
        let shown = it.compared_under().unwrap().to_string();
        assert_eq!(it.choose_k(2, "").unwrap_err().code(), "console.changed");
        assert_eq!(it.choose_k(3, &shown).unwrap_err().code(), "usage", "it cannot be reached");
        assert_eq!(it.choose_k(4, &shown).unwrap_err().code(), "usage", "nobody saw what it costs");
        assert!(it.packed.is_some() && !it.chosen);
        it.choose_k(2, &shown).unwrap();
        assert!(it.packed.is_none() && it.chosen, "another k");
        assert_eq!(it.compared_under().unwrap().to_string(), shown, "k is none of the settings");
    }

    #[test]
    fn charts_are_of_the_columns_that_were_ticked() {
        let mut it = packed();
        it.describe(form("chart_0=on&chart_2=on"));
        assert_eq!(it.charted, [" age", "sex"]);
    }
}
