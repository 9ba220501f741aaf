//! How a buyer says on the command line what data are wanted for.

use clap::{Args, ValueEnum};
use galen_market::codec::{Bounded, Text};
use galen_market::date::Day;
use galen_market::terms::{Mondo, Purpose, PurposeKind, Terms, Undertakings};

use crate::error::Failure;
use crate::operation::eligibility::asked_for;

/// What the data are wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Research of any kind
    General,
    /// Health, medical or biomedical research
    Health,
    /// Research into diseases; needs --disease
    Disease,
    /// Research on population origins or ancestry
    Ancestry,
    /// Clinical care
    ClinicalCare,
}

impl From<Kind> for PurposeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::General => Self::General,
            Kind::Health => Self::Health,
            Kind::Disease => Self::Disease,
            Kind::Ancestry => Self::Ancestry,
            Kind::ClinicalCare => Self::ClinicalCare,
        }
    }
}

/// What a buyer promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Promise {
    /// To publish results
    Publication,
    /// To work together with the investigators
    Collaboration,
    /// To give derived data back to the institution
    Return,
    /// To identify nobody
    NoReidentification,
    /// All that the terms ask for, the day before which nothing is published included
    All,
}

/// What is declared and undertaken beside the kind of the purpose.
#[derive(Args, Clone, Debug, Default)]
pub struct Declared {
    /// The disease, as a MONDO id; may be repeated
    #[arg(long = "disease", value_name = "MONDO")]
    diseases: Vec<Mondo>,
    /// The use is commercial
    #[arg(long)]
    commercial: bool,
    /// Methods are developed, such as software or algorithms
    #[arg(long)]
    methods: bool,
    /// Genotypes are studied
    #[arg(long)]
    genetic: bool,
    /// The project's title, which everybody can read
    #[arg(long, value_name = "TITLE")]
    project: Option<String>,
    /// What you promise; binds your licence
    #[arg(long, value_delimiter = ',')]
    undertake: Vec<Promise>,
    /// Nothing is published before this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    moratorium: Option<Day>,
}

impl Declared {
    /// The purpose of a kind, as it is declared to these terms.
    ///
    /// # Errors
    /// A disease that is missing or too much, or a title that is too long.
    pub fn purpose(&self, kind: Kind, terms: &Terms) -> Result<Purpose, Failure> {
        let kind = PurposeKind::from(kind);
        if (kind == PurposeKind::Disease) == self.diseases.is_empty() {
            return Err(Failure::usage("--purpose disease and --disease belong together")
                .remedy("for example --purpose disease --disease MONDO:0005015"));
        }
        let mut diseases = self.diseases.clone();
        diseases.sort_unstable();
        diseases.dedup();
        let usage = |what: &str, error: &dyn std::fmt::Display| {
            Failure::usage(format!("{what}: {error}")).remedy("shorten it")
        };
        let project = self.project.as_deref().unwrap_or_default().trim();
        Ok(Purpose {
            kind,
            diseases: Bounded::new(diseases).map_err(|error| usage("--disease", &error))?,
            commercial: self.commercial,
            methods: self.methods,
            genetic: self.genetic,
            project: Text::new(project).map_err(|error| usage("--project", &error))?,
            undertakings: self.undertakings(terms),
        })
    }

    fn undertakings(&self, terms: &Terms) -> Undertakings {
        let all = self.undertake.contains(&Promise::All);
        let asked = if all { asked_for(&terms.clauses) } else { Undertakings::default() };
        let says = |promise| self.undertake.contains(&promise);
        Undertakings {
            publication: asked.publication || says(Promise::Publication),
            collaboration: asked.collaboration || says(Promise::Collaboration),
            return_of_results: asked.return_of_results || says(Promise::Return),
            no_reidentification: asked.no_reidentification || says(Promise::NoReidentification),
            moratorium: asked.moratorium.max(self.moratorium),
        }
    }
}
