//! Croissant 1.1 (MLCommons): a dataset as JSON-LD of schema.org. What is described here are the files
//! that anybody may fetch, and those are encrypted: columns are named as what was measured, and nothing
//! claims that rows could be loaded.

use galen_market::layout::Values;
use serde_json::{Map, Value, json};

use super::described::{Described, datatype, duo, mondo};

/// The context of the specification.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "arrayShape": "cr:arrayShape",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "containedIn": "cr:containedIn",
        "cr": "http://mlcommons.org/croissant/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileObject": "cr:fileObject",
        "fileProperty": "cr:fileProperty",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isArray": "cr:isArray",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}

/// The document.
pub(crate) fn document(dataset: &Described<'_>) -> Value {
    let summary = &dataset.view.summary;
    let organisation = json!({
        "@type": "sc:Organization",
        "name": dataset.publisher,
        "identifier": summary.listing.id.institution,
    });
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    put("@context", context());
    put("@type", json!("sc:Dataset"));
    put("conformsTo", json!("http://mlcommons.org/croissant/1.1"));
    put("name", json!(dataset.title));
    put("description", json!(dataset.description));
    put("identifier", json!(dataset.identifier()));
    put("license", json!(dataset.licence()));
    put("url", json!(dataset.page));
    put("creator", organisation.clone());
    put("publisher", organisation);
    put("datePublished", json!(dataset.issued));
    put("version", json!(dataset.version));
    put("isAccessibleForFree", json!(false));
    put("usageInfo", usage(dataset));
    put("distribution", distribution(dataset));
    put("variableMeasured", variables(dataset));
    if !dataset.keywords.is_empty() {
        put("keywords", json!(dataset.keywords));
    }
    if let Some((from, to)) = &dataset.period {
        put("temporalCoverage", json!(format!("{from}/{to}")));
    }
    if let Some(declared) = &summary.declared {
        if !declared.citation.is_empty() {
            put("citeAs", json!(declared.citation));
        }
        if !declared.countries.is_empty() {
            put("spatialCoverage", json!(declared.countries));
        }
        let about: Vec<Value> = declared.diseases.iter().filter_map(|id| disease(id)).collect();
        if !about.is_empty() {
            put("about", json!(about));
        }
    }
    Value::Object(all)
}

fn disease(id: &str) -> Option<Value> {
    Some(json!({ "@type": "sc:MedicalCondition", "identifier": id, "url": mondo(id)? }))
}

/// The terms, by the codes of the Data Use Ontology; and all of them as a policy.
fn usage(dataset: &Described<'_>) -> Value {
    let clauses = dataset.view.summary.offer.terms.clauses.iter().map(|clause| {
        let mut term = json!({
            "@type": "sc:DefinedTerm",
            "termCode": clause.code.to_string().replace(':', "_"),
            "name": clause.words(),
        });
        if let (Some(url), Some(fields)) = (duo(clause), term.as_object_mut()) {
            fields.insert("url".to_owned(), json!(url));
        }
        term
    });
    let policy = json!({
        "@type": "sc:CreativeWork",
        "name": "All terms, as an ODRL policy",
        "url": format!("{}/terms.odrl", dataset.interface()),
    });
    clauses.chain([policy]).collect()
}

fn distribution(dataset: &Described<'_>) -> Value {
    // A file needs a hash: a large one is described as soon as it was read once.
    let files = dataset.served.iter().filter_map(|file| {
        Some(json!({
            "@type": "cr:FileObject",
            "@id": file.part.name(),
            "name": file.file_name(),
            "description": file.description(),
            "contentUrl": file.address,
            "contentSize": format!("{} B", file.bytes),
            "encodingFormat": file.media_type(),
            "sha256": file.sha256?,
        }))
    });
    files.collect()
}

fn variables(dataset: &Described<'_>) -> Value {
    let layout = &dataset.view.layout;
    let columns = layout.tables().iter().enumerate().flat_map(|(at, table)| {
        table.columns.iter().enumerate().map(move |(index, column)| {
            let mut variable = json!({
                "@type": "sc:PropertyValue",
                "name": format!("{}/{}", table.name, column.name),
                "propertyID": column.name,
                "measurementTechnique": datatype(column),
            });
            let words = dataset.column_words(at, index);
            if let Some(fields) = variable.as_object_mut() {
                if !words.is_empty() {
                    fields.insert("description".to_owned(), json!(words));
                }
                if let Values::Number { range, .. } = &column.values {
                    for (name, bound) in [("minValue", range.low), ("maxValue", range.high)] {
                        let text = galen_api::words::value(column, bound);
                        fields.insert(name.to_owned(), json!(text));
                    }
                }
            }
            variable
        })
    });
    columns.collect()
}
