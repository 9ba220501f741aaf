//! `datapackage.json`: the manifest, but with the files that are there.

use serde_json::{Value, json};

use super::{Format, Output, Written};
use crate::csv_out::disarmed;
use crate::manifest::{Manifest, Resource};

/// The description of what was written at `paths`.
pub(crate) fn describe(
    manifest: &Manifest,
    package: &str,
    output: &Output,
    paths: &[String],
    written: &[Written],
) -> serde_json::Result<Vec<u8>> {
    let mut whole = serde_json::to_value(manifest)?;
    let resources = manifest.resources.iter().zip(paths).zip(written);
    let resources = resources.map(|((about, path), file)| resource(about, output, path, file));
    whole["resources"] = Value::Array(resources.collect::<serde_json::Result<_>>()?);
    whole["galen:package"] = json!(package);
    if let Some(fields) = whole.as_object_mut() {
        // It says where encrypted segments stand, which are not here.
        fields.remove("dictionaryBytes");
    }
    serde_json::to_vec_pretty(&whole)
}

fn resource(
    about: &Resource,
    output: &Output,
    path: &str,
    file: &Written,
) -> serde_json::Result<Value> {
    let mut resource = serde_json::to_value(about)?;
    let table = about.schema.is_some();
    resource["path"] = json!(path);
    if let Some((bytes, hash)) = file {
        resource["bytes"] = json!(bytes);
        resource["hash"] = json!(hash);
    }
    if table && output.format == Format::Csv {
        // As the file's first line has them.
        for field in resource["schema"]["fields"].as_array_mut().into_iter().flatten() {
            let name = field["name"].as_str().map(disarmed);
            field["name"] = json!(name);
        }
    }
    if table {
        resource["mediatype"] = json!(output.format.mediatype());
    }
    if !output.recipients.is_empty() {
        // What is inside can be read by nothing that reads this description.
        resource["mediatype"] = json!("application/octet-stream");
        resource["format"] = json!("c4gh");
    } else if table {
        resource["type"] = json!("table");
        resource["format"] = json!(output.format.extension());
        if matches!(output.format, Format::Original | Format::Csv) {
            resource["encoding"] = json!("utf-8");
        }
    }
    Ok(resource)
}
