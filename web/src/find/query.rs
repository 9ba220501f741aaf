//! What is looked for, as an address says it. Every part is bounded; the same question has one address.
//! Depends on nothing of the index.

use serde_urlencoded::from_str;

use crate::reply::ApiError;

/// Longest text, in letters.
const MAX_TEXT: usize = 200;
/// Most values of one facet.
const MAX_VALUES: usize = 16;
/// The last page that is shown.
const MAX_PAGE_NUMBER: usize = 10_000;

/// Something that datasets have one or more of, to choose among.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Facet {
    Disease,
    Kind,
    Column,
    Country,
    Terms,
    Institution,
    Currency,
}

impl Facet {
    pub const ALL: [Self; 7] = [
        Self::Disease,
        Self::Kind,
        Self::Terms,
        Self::Country,
        Self::Column,
        Self::Institution,
        Self::Currency,
    ];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disease => "disease",
            Self::Kind => "kind",
            Self::Column => "column",
            Self::Country => "country",
            Self::Terms => "terms",
            Self::Institution => "institution",
            Self::Currency => "currency",
        }
    }

    /// Whether a dataset must have all of the chosen values, and not just one.
    pub const fn all(self) -> bool {
        matches!(self, Self::Kind | Self::Column | Self::Terms)
    }

    /// Its place in lists of all.
    pub const fn at(self) -> usize {
        self as usize
    }
}

/// A bound on something that datasets have one of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Bound {
    /// At least so many rows in all tables.
    Rows,
    /// At least this k in every table.
    K,
    /// At least this l for some column.
    L,
    /// At most this price, in whole units of its currency.
    Price,
    /// Listed within so many days.
    Days,
}

impl Bound {
    pub const ALL: [Self; 5] = [Self::Rows, Self::K, Self::L, Self::Price, Self::Days];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows_min",
            Self::K => "k_min",
            Self::L => "l_min",
            Self::Price => "price_max",
            Self::Days => "days",
        }
    }

    /// Values to choose among.
    pub const fn steps(self) -> &'static [u64] {
        match self {
            Self::Rows => &[1_000, 10_000, 100_000, 1_000_000],
            Self::K => &[5, 11, 20, 50],
            Self::L => &[2, 3, 5],
            Self::Price => &[0, 100, 1_000, 10_000],
            Self::Days => &[7, 30, 90, 365],
        }
    }

    /// Its place in lists of all.
    pub const fn at(self) -> usize {
        self as usize
    }
}

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Sort {
    #[default]
    Relevance,
    Newest,
    Price,
    Rows,
    K,
}

impl Sort {
    pub const ALL: [Self; 5] = [Self::Relevance, Self::Newest, Self::Price, Self::Rows, Self::K];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Newest => "newest",
            Self::Price => "price",
            Self::Rows => "rows",
            Self::K => "k",
        }
    }
}

/// A question.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Query {
    pub text: String,
    /// The chosen values of each facet.
    pub picked: [Vec<String>; Facet::ALL.len()],
    pub bounds: [Option<u64>; Bound::ALL.len()],
    pub sort: Sort,
    /// From 0.
    pub page: usize,
}

impl Query {
    /// Reads the query of an address. Empty fields are no condition.
    ///
    /// # Errors
    /// When a name is unknown or a value does not parse.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> =
            from_str(query).map_err(|error| ApiError::bad(format!("query: {error}")))?;
        let mut found = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if value.chars().count() > MAX_TEXT {
                return Err(ApiError::bad(format!("{name}: at most {MAX_TEXT} letters")));
            }
            found.set(&name, value)?;
        }
        Ok(found)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        let number = || crate::request::parsed::<u64>(value, name);
        if let Some(facet) = Facet::ALL.into_iter().find(|facet| facet.name() == name) {
            let picked = &mut self.picked[facet.at()];
            if !picked.iter().any(|known| known == value) {
                picked.push(value.to_owned());
            }
            if picked.len() > MAX_VALUES {
                return Err(ApiError::bad(format!("{name}: at most {MAX_VALUES} values")));
            }
            picked.sort_unstable();
        } else if let Some(bound) = Bound::ALL.into_iter().find(|bound| bound.name() == name) {
            self.bounds[bound.at()] = Some(number()?);
        } else {
            match name {
                "text" => self.text = value.to_owned(),
                "sort" => {
                    let sort = Sort::ALL.into_iter().find(|sort| sort.name() == value);
                    self.sort =
                        sort.ok_or_else(|| ApiError::bad("sort: there is no such order"))?;
                }
                "page" => {
                    let page = usize::try_from(number()?).unwrap_or(usize::MAX);
                    if !(1..=MAX_PAGE_NUMBER).contains(&page) {
                        return Err(ApiError::bad(format!("page: from 1 to {MAX_PAGE_NUMBER}")));
                    }
                    self.page = page - 1;
                }
                _ => return Err(ApiError::bad(format!("query: there is no field {name:?}"))),
            }
        }
        Ok(())
    }

    /// Its names and values, in a fixed order, without the page.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if !self.text.is_empty() {
            pairs.push(("text", self.text.clone()));
        }
        for facet in Facet::ALL {
            let values = self.picked[facet.at()].iter();
            pairs.extend(values.map(|value| (facet.name(), value.clone())));
        }
        for bound in Bound::ALL {
            pairs.extend(self.bounds[bound.at()].map(|value| (bound.name(), value.to_string())));
        }
        if self.sort != Sort::default() {
            pairs.push(("sort", self.sort.name().to_owned()));
        }
        pairs
    }

    /// The address below a path.
    pub fn address(&self, path: &str) -> String {
        let mut pairs = self.pairs();
        if self.page > 0 {
            pairs.push(("page", (self.page + 1).to_string()));
        }
        match serde_urlencoded::to_string(pairs) {
            Ok(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path.to_owned(),
        }
    }

    /// The same with a value of a facet chosen, or not any more.
    pub fn toggled(&self, facet: Facet, value: &str) -> Self {
        let mut other = self.first();
        let picked = &mut other.picked[facet.at()];
        match picked.iter().position(|known| known == value) {
            Some(at) => drop(picked.remove(at)),
            None => {
                picked.push(value.to_owned());
                picked.sort_unstable();
            }
        }
        other
    }

    /// The same with another bound, or none.
    pub fn bounded(&self, bound: Bound, value: Option<u64>) -> Self {
        let mut other = self.first();
        other.bounds[bound.at()] = value;
        other
    }

    /// The same, from its first page on.
    pub fn first(&self) -> Self {
        Self { page: 0, ..self.clone() }
    }

    /// Whether nothing is asked for: everything, in the usual order.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_question_has_one_address() {
        for facet in Facet::ALL {
            assert_eq!(Facet::ALL.iter().filter(|other| other.at() == facet.at()).count(), 1);
        }
        let asked = "country=DE&text=heart+%26+lung&country=AT&k_min=5&country=DE&page=3&rows_min=";
        let query = Query::parse(asked).unwrap();
        assert_eq!(query.picked[Facet::Country.at()], ["AT", "DE"]);
        let address = query.address("/");
        assert_eq!(address, "/?text=heart+%26+lung&country=AT&country=DE&k_min=5&page=3");
        assert_eq!(Query::parse(address.strip_prefix("/?").unwrap()).unwrap(), query);
        let other = query.toggled(Facet::Country, "AT").bounded(Bound::K, None);
        assert_eq!(other.address("/feed.atom"), "/feed.atom?text=heart+%26+lung&country=DE");
        assert!(Query::parse("text=+&k_min=").unwrap().is_plain());
    }

    #[test]
    fn what_is_not_a_question_is_refused_by_name() {
        let many: Vec<String> = (0..=MAX_VALUES).map(|at| format!("column=c{at}")).collect();
        let cases = [
            ("nothing=1".to_owned(), "no field"),
            ("k_min=x".to_owned(), "k_min"),
            ("k_min=-1".to_owned(), "k_min"),
            ("rows_min=99999999999999999999".to_owned(), "rows_min"),
            ("sort=up".to_owned(), "sort"),
            ("page=0".to_owned(), "page"),
            ("page=10001".to_owned(), "page"),
            (format!("text={}", "x".repeat(MAX_TEXT + 1)), "text"),
            (many.join("&"), "column"),
        ];
        for (query, what) in cases {
            let error = Query::parse(&query).unwrap_err();
            assert!(error.message().contains(what), "{query}: {}", error.message());
        }
        assert!(Query::parse(&many[1..].join("&")).is_ok());
        assert!(Query::parse(&format!("text={}", "x".repeat(MAX_TEXT))).is_ok());
    }
}
