//! How to cite a dataset, for programs that keep references. Every text from elsewhere is made
//! harmless for the format.

use galen_api::ListingSummary;
use galen_api::printable::is_printable;
use galen_api::story::instant;

/// What a reference says.
pub(super) struct Citation {
    title: String,
    institution: String,
    year: String,
    package: String,
    version: u32,
}

impl Citation {
    pub fn of(summary: &ListingSummary) -> Self {
        let package = summary.listing.id.package.to_string();
        let said = summary.declared.as_ref().map(|said| said.title.clone());
        let title = said.filter(|title| !title.is_empty());
        let day = summary.listing.live_since_ms.map(instant).unwrap_or_default();
        Self {
            title: title.unwrap_or_else(|| format!("Package {}", &package[..12])),
            institution: summary.institution_name.clone(),
            year: day.split('-').next().unwrap_or_default().to_owned(),
            version: summary.listing.version,
            package,
        }
    }

    /// For BibTeX and what reads it.
    pub fn bibtex(&self) -> String {
        let title = escaped(&self.title);
        let author = escaped(&self.institution);
        let mut text = format!("@misc{{galen-{},\n", &self.package[..12]);
        text.push_str(&format!("  title        = {{{{{title}}}}},\n"));
        text.push_str(&format!("  author       = {{{{{author}}}}},\n"));
        if !self.year.is_empty() {
            text.push_str(&format!("  year         = {{{}}},\n", self.year));
        }
        text.push_str("  howpublished = {Dataset, Galen},\n");
        text.push_str(&format!(
            "  note         = {{Package {}, version {}}}\n}}\n",
            self.package, self.version
        ));
        text
    }

    /// For the programs that read RIS.
    pub fn ris(&self) -> String {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut text = format!(
            "TY  - DATA\r\nTI  - {}\r\nAU  - {}\r\n",
            line(&self.title),
            line(&self.institution)
        );
        if !self.year.is_empty() {
            text.push_str(&format!("PY  - {}\r\n", self.year));
        }
        text.push_str(&format!(
            "PB  - {}\r\nDP  - Galen\r\nAN  - {}\r\nET  - {}\r\nER  - \r\n",
            line(&self.institution),
            self.package,
            self.version
        ));
        text
    }
}

/// A text inside of braces: no letter of it means anything to TeX.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' | '}' | '%' | '&' | '$' | '#' | '_' => escaped.extend(['\\', letter]),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            letter if !is_printable(letter) => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_leave_its_field() {
        let citation = Citation {
            title: "Hearts} , note={x}\nER  - \\input{y} 50 %".to_owned(),
            institution: "A & B".to_owned(),
            year: "2026".to_owned(),
            package: "ab".repeat(32),
            version: 2,
        };
        let bibtex = citation.bibtex();
        assert!(
            bibtex.contains(
                "{{Hearts\\} , note=\\{x\\} ER  - \\textbackslash{}input\\{y\\} 50 \\%}}"
            ),
            "{bibtex}"
        );
        assert!(bibtex.contains("author       = {{A \\& B}}"), "{bibtex}");
        let ris = citation.ris();
        assert_eq!(ris.matches("\r\nER  - ").count(), 1, "{ris}");
        assert_eq!(ris.lines().count(), 9, "{ris}");
        assert!(ris.contains("TI  - Hearts} , note={x} ER - \\input{y} 50 %\r\n"), "{ris}");
    }
}
