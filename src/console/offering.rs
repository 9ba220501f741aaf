//! A table on its way to a listing: what was read, what a person chose. It is held in memory and nowhere
//! else. Depends on preparation and the fields of forms.

use std::sync::Arc;

use galen_dataset::deidentify::{Choice, PersonRule, Settings};
use galen_dataset::hierarchy::{Hierarchy, Spec, read_rows};
use galen_dataset::ingest::Ingested;
use galen_dataset::inspect::Inspection;
use galen_dataset::roles::{Role, Roles};
use galen_dataset::schema::Column;
use galen_market::id::PackageId;
use galen_market::layout::BlockRows;

use super::fields::Fields;
use crate::error::Failure;
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
    /// The package that was made of it.
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

    /// Takes the words of its description, with the names of the columns that are to be charted.
    pub fn describe(&mut self, mut form: Fields) {
        let named = (0usize..).zip(&self.inspection.columns);
        let charted = named.filter(|(at, _)| form.has(&format!("chart_{at}")));
        let names: Vec<&str> = charted.map(|(_, column)| column.name.as_str()).collect();
        form.set("charted", names.join("\n"));
        self.words = form;
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
                Hierarchy::build(column, &spec)?;
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
            (self.compared, self.chosen) = (None, false);
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
