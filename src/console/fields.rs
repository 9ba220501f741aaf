//! The fields of a form: texts by name, as a person typed them. Depends on nothing else of the console.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::error::Failure;
use crate::loopback::parsed;

/// Texts by the names of their fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Of a form. Lines end as they do on this machine, and not as browsers send them.
    pub fn read(form: &[u8]) -> Result<Self, Failure> {
        let pairs: Vec<(String, String)> = parsed(form)?;
        let unix = |(name, text): (String, String)| (name, text.replace("\r\n", "\n"));
        Ok(Self(pairs.into_iter().map(unix).collect()))
    }

    /// Whether the form had it: of a box, whether it is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Its text without blanks around it; empty if it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// Its text, or another if it is not there.
    pub fn given_or<'a>(&'a self, name: &str, other: &'a str) -> &'a str {
        self.0.get(name).map_or(other, String::as_str)
    }

    /// A number, or nothing if the field is empty.
    pub fn number<T: FromStr>(&self, name: &str, words: &str) -> Result<Option<T>, Failure> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Failure::usage(format!("{words}: `{text}` is not a number that fits"))
                    .remedy("go back and write a plain number")
            }),
        }
    }

    /// Words that stand apart by commas, semicolons or line ends.
    pub fn list(&self, name: &str, apart: &[char]) -> Vec<String> {
        let words = self.get(name).split(apart).map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}
