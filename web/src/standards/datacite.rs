//! DataCite 4.5: what is cited. It has an address, as a package has no DOI.

use serde_json::{Value, json};

use super::described::{Described, duo};

/// The document.
pub(crate) fn document(dataset: &Described<'_>) -> Value {
    let year: String = dataset.issued.chars().take(4).collect();
    let rights = dataset.view.summary.offer.terms.clauses.iter().filter_map(|clause| {
        Some(json!({
            "rights": clause.words(),
            "rightsUri": duo(clause)?,
            "rightsIdentifier": clause.code.to_string(),
            "rightsIdentifierScheme": "DUO",
        }))
    });
    let licence = json!({ "rights": "Licence", "rightsUri": dataset.licence() });
    let sizes =
        dataset.served.iter().map(|file| format!("{}: {} bytes", file.file_name(), file.bytes));
    json!({
        "types": { "resourceTypeGeneral": "Dataset", "resourceType": "Encrypted research data" },
        "url": dataset.page,
        "alternateIdentifiers": [{
            "alternateIdentifier": dataset.identifier(),
            "alternateIdentifierType": "Galen package",
        }],
        "creators": [{ "name": dataset.publisher, "nameType": "Organizational" }],
        "titles": [{ "title": dataset.title }],
        "publisher": { "name": dataset.publisher },
        "publicationYear": year,
        "dates": [{ "date": dataset.issued, "dateType": "Issued" }],
        "subjects": dataset.keywords.iter().map(|word| json!({ "subject": word })).collect::<Vec<_>>(),
        "descriptions": [{ "description": dataset.description, "descriptionType": "Abstract" }],
        "version": dataset.version,
        "rightsList": std::iter::once(licence).chain(rights).collect::<Vec<_>>(),
        "sizes": sizes.collect::<Vec<_>>(),
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    })
}
