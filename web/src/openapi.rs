//! The whole interface as a document for programs (OpenAPI 3.1) and as a page for people. One table
//! says which paths there are; a test compares it with what is answered, so that neither has a route
//! that the other lacks.

use serde_json::{Map, Value, json};

/// A question that is answered.
pub(crate) struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub group: &'static str,
    pub summary: &'static str,
    /// Parameters of the query: `name` or `name!` if it must be there.
    query: &'static [&'static str],
    /// Media type and schema of the answer.
    media: &'static str,
    schema: &'static str,
}

const JSON: &str = "application/json";
const LD: &str = "application/ld+json";
const BYTES: &str = "application/octet-stream";
const TURTLE: &str = "text/turtle";
const PAGES: &[&str] = &["after", "limit"];
const PAGED: &[&str] = &["after", "until", "limit"];
const FILTER: &[&str] = &[
    "institution",
    "text",
    "column",
    "disease",
    "k_min",
    "rows_min",
    "price_max",
    "all",
    "after",
    "limit",
];

const fn get(
    group: &'static str,
    path: &'static str,
    query: &'static [&'static str],
    schema: &'static str,
    summary: &'static str,
) -> Operation {
    Operation { method: "GET", path, group, summary, query, media: JSON, schema }
}

impl Operation {
    const fn of(self, media: &'static str) -> Self {
        Self { media, ..self }
    }

    const fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }
}

/// Every path that is for programs.
pub(crate) const OPERATIONS: &[Operation] = &[
    get("Node", "/api/v1/status", &[], "Status", "How the node is"),
    get("Node", "/api/v1/genesis", &[], "Object", "What the ledger started from"),
    get("Node", "/api/v1/parameters", &[], "Object", "The numbers of the protocol"),
    get("Node", "/api/v1/verifying-keys", &[], "Object", "With what proofs are verified"),
    get("Node", "/api/v1/openapi.json", &[], "Object", "This document"),
    get("Transactions", "/api/v1/transactions", &[], "Submitted", "Hand in canonical bytes")
        .by("POST"),
    get(
        "Transactions",
        "/api/v1/transactions/dry-run",
        &[],
        "Object",
        "What would canonical bytes do now?",
    )
    .by("POST"),
    get(
        "Transactions",
        "/api/v1/transactions/{transaction}",
        &["wait_ms"],
        "Object",
        "What became of it?",
    ),
    get("Ledger", "/api/v1/blocks/{height}", &[], "Block", "A decided block"),
    get(
        "Ledger",
        "/api/v1/headers/{height}",
        &[],
        "Object",
        "Header, certificate and validators of a block",
    ),
    get(
        "Ledger",
        "/api/v1/proofs",
        &["key!"],
        "Object",
        "Proofs of at most 16 keys of the present state, in hexadecimal with commas",
    ),
    get(
        "Ledger",
        "/api/v1/events/stream",
        &["account", "deal", "listing", "after"],
        "Text",
        "Events as they happen; goes on after Last-Event-ID",
    )
    .of("text/event-stream"),
    get(
        "Ledger",
        "/api/v1/events/{height}/{index}",
        &[],
        "Object",
        "Proof that something happened",
    ),
    get("Parties", "/api/v1/accounts/{account}", &[], "Object", "An account"),
    get("Parties", "/api/v1/accounts/{account}/movements", PAGED, "Page", "Movements of its money"),
    get("Parties", "/api/v1/parties/{role}", PAGES, "Page", "Registered parties of a role"),
    get("Parties", "/api/v1/issuers", PAGES, "Page", "Issuers with their roots"),
    get(
        "Parties",
        "/api/v1/issuers/{issuer}/leaves",
        &["first", "limit"],
        "Object",
        "Part of an issuer's leaf list",
    ),
    get(
        "Parties",
        "/api/v1/institutions/{institution}/deals/{stage}",
        PAGES,
        "Page",
        "An institution's deals at a stage",
    ),
    get("Listings", "/api/v1/listings", FILTER, "Page", "Listings that meet all conditions"),
    get("Listings", "/api/v1/listings/{institution}/{package}", &[], "Object", "One listing"),
    get(
        "Listings",
        "/api/v1/listings/{institution}/{package}/proofs/{table}/{block}",
        &[],
        "Object",
        "The proofs of a row block",
    ),
    get("Listings", "/api/v1/listings/{institution}/{package}/deals", PAGES, "Page", "Its deals"),
    get(
        "Listings",
        "/api/v1/listings/{institution}/{package}/history",
        PAGED,
        "Page",
        "What happened to it",
    ),
    get(
        "Listings",
        "/api/v1/listings/{institution}/{package}/lineage",
        &[],
        "Object",
        "What it comes from and what comes from it",
    ),
    get(
        "Listings",
        "/api/v1/listings/{institution}/{package}/terms.odrl",
        &[],
        "Object",
        "The offer as an ODRL policy",
    )
    .of(LD),
    get("Deals", "/api/v1/deals", PAGES, "Page", "All deals"),
    get("Deals", "/api/v1/deals/{deal}", &[], "Object", "A deal"),
    get("Deals", "/api/v1/deals/{deal}/events", PAGED, "Page", "What happened in it"),
    get("Deals", "/api/v1/deals/{deal}/receipt", &[], "Object", "Its receipt"),
    get(
        "Deals",
        "/api/v1/subscriptions/{deal}",
        &[],
        "Object",
        "The subscription that a deal began",
    ),
    get("Deals", "/api/v1/licences/{deal}", &[], "Object", "A licence"),
    get("Deals", "/api/v1/standing", PAGES, "Page", "Standing requests that wait"),
    get("Deals", "/api/v1/standing/{standing}", &[], "Object", "A standing request"),
    get(
        "Packages",
        "/api/v1/packages/{package}/{part}",
        &[],
        "Bytes",
        "A part of a package, ranges allowed",
    )
    .of(BYTES),
    get(
        "Packages",
        "/api/v1/packages/{package}/{part}",
        &["institution!"],
        "Object",
        "Store a part of a listed package",
    )
    .by("PUT"),
    get("Packages", "/api/v1/texts/{text}", &[], "Text", "A licence's text by its SHA-256")
        .of("text/plain"),
    get(
        "Packages",
        "/api/v1/texts/{text}",
        &["institution!", "package!"],
        "Object",
        "Keep the text that a listing offers under",
    )
    .by("PUT"),
    get(
        "Descriptions",
        "/datasets/{institution}/{package}/croissant.json",
        &[],
        "Object",
        "Croissant 1.1",
    )
    .of(LD),
    get(
        "Descriptions",
        "/datasets/{institution}/{package}/dcat.ttl",
        &[],
        "Text",
        "HealthDCAT-AP as Turtle; the dataset's page gives the same for Accept: text/turtle",
    )
    .of(TURTLE),
    get(
        "Descriptions",
        "/datasets/{institution}/{package}/dcat.jsonld",
        &[],
        "Any",
        "HealthDCAT-AP as JSON-LD",
    )
    .of(LD),
    get(
        "Descriptions",
        "/datasets/{institution}/{package}/datacite.json",
        &[],
        "Object",
        "DataCite 4.5",
    ),
    get(
        "Descriptions",
        "/catalogue",
        &["after"],
        "Text",
        "A page of the catalogue as HealthDCAT-AP; JSON-LD for Accept: application/ld+json",
    )
    .of(TURTLE),
    get("Descriptions", "/catalogue/dcat.ttl", &["after"], "Text", "The same as Turtle").of(TURTLE),
    get("Descriptions", "/catalogue/dcat.jsonld", &["after"], "Any", "The same as JSON-LD").of(LD),
    get("Descriptions", "/sitemap.xml", &["after"], "Text", "A map of the pages")
        .of("application/xml"),
    get("Descriptions", "/robots.txt", &[], "Text", "What robots may do").of("text/plain"),
    get("Objects", "/ga4gh/drs/v1/service-info", &[], "Object", "GA4GH DRS: what this service is"),
    get(
        "Objects",
        "/ga4gh/drs/v1/objects/{object}",
        &[],
        "DrsObject",
        "GA4GH DRS: a package, or a part of one",
    ),
    get(
        "Objects",
        "/ga4gh/drs/v1/objects/{object}/access/{access}",
        &[],
        "DrsAccess",
        "GA4GH DRS: where an object is fetched",
    ),
    get(
        "Viewer",
        "/is-valid",
        &["dataset!"],
        "Object",
        "Which of the viewer's questions have answers",
    ),
    get(
        "Viewer",
        "/splits",
        &["dataset!"],
        "Object",
        "Tables, each with its proven statistics and its synthetic sample",
    ),
    get(
        "Viewer",
        "/first-rows",
        &["dataset!", "config", "split"],
        "Object",
        "The first rows of a table's synthetic sample",
    ),
    get(
        "Viewer",
        "/rows",
        &["dataset!", "config", "split", "offset", "length"],
        "Object",
        "Rows of a table's synthetic sample",
    ),
    get(
        "Viewer",
        "/statistics",
        &["dataset!", "config", "split"],
        "Object",
        "Proven statistics of a table's columns",
    ),
];

/// Whether a template is that of a path.
fn fits(template: &str, path: &[&str]) -> bool {
    let mut parts = template.trim_start_matches('/').split('/');
    let all = path
        .iter()
        .all(|given| parts.next().is_some_and(|part| part == *given || part.starts_with('{')));
    all && parts.next().is_none()
}

/// The methods that a path takes; none if there is no such path.
pub(crate) fn methods(path: &[&str]) -> Vec<&'static str> {
    let known = OPERATIONS.iter().filter(|operation| fits(operation.path, path));
    known.map(|operation| operation.method).collect()
}

/// The name of a path among few: its template, `page`, or `other`.
pub(crate) fn route(path: &[&str]) -> &'static str {
    let known = OPERATIONS.iter().find(|operation| fits(operation.path, path));
    match known {
        Some(operation) => operation.path,
        None if matches!(path.first(), Some(&("api" | "ga4gh"))) => "other",
        None => "page",
    }
}

fn hash() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

/// The schema of a parameter.
fn parameter(name: &str) -> Value {
    match name {
        "role" => json!({ "enum": ["institution", "issuer", "gateway"] }),
        "stage" => json!({
            "enum": ["requested", "agreed", "ready", "verified", "finalized", "terminated"],
        }),
        "part" => json!({ "enum": ["layout", "manifest", "leaves", "segments"] }),
        "height" | "until" | "first" | "offset" | "rows_min" | "price_max" => {
            json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
        }
        "index" | "table" | "block" | "k_min" => {
            json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
        }
        "limit" | "length" => json!({ "type": "integer", "minimum": 0, "maximum": 500 }),
        "wait_ms" => json!({ "type": "integer", "minimum": 0, "maximum": 20_000 }),
        "all" => json!({ "type": "boolean" }),
        "object" => json!({
            "type": "string",
            "pattern": "^[0-9a-f]{64}(\\.(layout|manifest|leaves|segments))?$",
        }),
        "access" => json!({ "enum": ["https"] }),
        "dataset" | "listing" => {
            json!({ "type": "string", "pattern": "^[0-9a-f]{64}/[0-9a-f]{64}$" })
        }
        "key" | "after" | "text" | "column" | "disease" | "config" | "split" => {
            json!({ "type": "string", "maxLength": 1_000 })
        }
        _ => hash(),
    }
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let inside =
        operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let inside = inside.map(|name| {
        // A text in a path is named by its hash.
        let schema = if name == "text" { hash() } else { parameter(name) };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let asked = operation.query.iter().map(|name| {
        let required = name.ends_with('!');
        let name = name.trim_end_matches('!');
        json!({ "name": name, "in": "query", "required": required, "schema": parameter(name) })
    });
    inside.chain(asked).collect()
}

fn schemas() -> Value {
    let whole = json!({ "type": "integer", "minimum": 0 });
    json!({
        "Any": {},
        "Object": { "type": "object" },
        "Text": { "type": "string" },
        "Bytes": { "type": "string", "format": "binary" },
        "Error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string" },
                "message": { "type": "string" },
                "remedy": { "type": ["string", "null"] },
            },
        },
        "Page": {
            "type": "object",
            "required": ["items"],
            "properties": { "items": { "type": "array" }, "next": { "type": "string" } },
        },
        "Status": {
            "type": "object",
            "required": [
                "version", "name", "chain_id", "network", "forgeable_parameters", "height", "time_ms",
                "uptime_ms", "clock_ms", "state_root", "consensus_key", "validator", "fresh", "peers", "pending",
            ],
            "properties": {
                "chain_id": hash(), "height": whole, "state_root": hash(), "fresh": { "type": "boolean" },
            },
        },
        "Submitted": {
            "type": "object",
            "required": ["id", "state"],
            "properties": { "id": hash(), "state": { "type": "object", "required": ["status"] } },
        },
        "Block": {
            "type": "object",
            "required": ["height", "id", "parent", "time_ms", "state_root", "transactions", "events"],
            "properties": { "height": whole, "id": hash(), "parent": hash(), "state_root": hash() },
        },
        "DrsAccess": { "type": "object", "required": ["url"] },
        "DrsObject": {
            "type": "object",
            "required": ["id", "self_uri", "size", "created_time", "checksums"],
            "properties": {
                "size": whole,
                "self_uri": { "type": "string", "pattern": "^drs://" },
                "checksums": { "type": "array", "minItems": 1 },
            },
        },
    })
}

fn content(media: &str, schema: &str) -> Value {
    json!({ media: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn described(operation: &Operation) -> Value {
    let status = if operation.path == "/api/v1/transactions" { "202" } else { "200" };
    let mut answered = content(operation.media, operation.schema);
    // The manifest is JSON, and the catalogue is what was asked to be accepted.
    let beside = match operation.path {
        "/api/v1/packages/{package}/{part}" if operation.method == "GET" => Some((JSON, "Any")),
        "/catalogue" => Some((LD, "Any")),
        _ => None,
    };
    if let (Some((media, schema)), Some(fields)) = (beside, answered.as_object_mut())
        && let Some(found) = content(media, schema).get(media)
    {
        fields.insert(media.to_owned(), found.clone());
    }
    let mut all = json!({
        "tags": [operation.group],
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": {
            status: { "description": operation.summary, "content": answered },
            "4XX": { "$ref": "#/components/responses/Refused" },
            "5XX": { "$ref": "#/components/responses/Refused" },
        },
    });
    if operation.method != "GET"
        && let Some(fields) = all.as_object_mut()
    {
        let body = json!({ "required": true, "content": content(BYTES, "Bytes") });
        fields.insert("requestBody".to_owned(), body);
    }
    all
}

/// The document.
pub(crate) fn document(base: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.to_lowercase(), described(operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Galen",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What a node of the ledger answers",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": base }],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": {
                "Refused": {
                    "description": "Why not, by a code that stays the same; 429 says in Retry-After when to come back",
                    "content": content(JSON, "Error"),
                },
            },
        },
    })
}

/// An operation, for the page that lists them.
pub(crate) struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    pub query: String,
    pub media: &'static str,
}

/// All operations by group, for people. `needed` is said of a parameter that must be there.
pub(crate) fn groups(needed: &str) -> Vec<(&'static str, Vec<Row>)> {
    let mut groups: Vec<(&'static str, Vec<Row>)> = Vec::new();
    for operation in OPERATIONS {
        let names = operation.query.iter().map(|name| match name.strip_suffix('!') {
            Some(name) => format!("{name} ({needed})"),
            None => (*name).to_owned(),
        });
        let row = Row {
            method: operation.method,
            path: operation.path,
            summary: operation.summary,
            query: names.collect::<Vec<_>>().join(", "),
            media: operation.media,
        };
        match groups.last_mut() {
            Some((group, rows)) if *group == operation.group => rows.push(row),
            _ => groups.push((operation.group, vec![row])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Method and path of every arm `("GET", ["deals", id])` of a dispatcher, with `{}` for what varies.
    fn arms(source: &str, prefix: &str, method: Option<&str>) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for line in source.lines().map(str::trim_start) {
            let (said, rest) = match (method, line.strip_prefix("(\"")) {
                (None, Some(rest)) => rest.split_once("\", ").unwrap_or(("", "")),
                (Some(method), None) => (method, line),
                _ => continue,
            };
            let Some((inside, after)) =
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            else {
                continue;
            };
            if !after.trim_start_matches(')').starts_with(" =>") {
                continue;
            }
            let parts = inside.split(", ").map(|part| {
                part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).unwrap_or("{}")
            });
            let path: Vec<&str> = parts.collect();
            found.insert((said.to_owned(), format!("{prefix}/{}", path.join("/"))));
        }
        found
    }

    fn blank(path: &str) -> String {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn document_and_routes_are_of_one_mind() {
        let mut answered = arms(include_str!("routes.rs"), "/api/v1", None);
        answered.extend(arms(include_str!("standards.rs"), "", Some("GET")));
        // A page that is RDF for who asks so: it is told at its other names.
        answered.remove(&("GET".to_owned(), "/datasets/{}/{}".to_owned()));
        let written: BTreeSet<_> = OPERATIONS
            .iter()
            .map(|operation| (operation.method.to_owned(), blank(operation.path)))
            .collect();
        assert_eq!(written.len(), OPERATIONS.len(), "no operation stands twice");
        let unwritten: Vec<_> = answered.difference(&written).collect();
        let unanswered: Vec<_> = written.difference(&answered).collect();
        assert!(unwritten.is_empty(), "answered and not written down: {unwritten:?}");
        assert!(unanswered.is_empty(), "written down and not answered: {unanswered:?}");
        assert!(answered.len() > 50, "{answered:?}");
    }

    #[test]
    fn routes_are_few() {
        assert_eq!(route(&["api", "v1", "deals", "x"]), "/api/v1/deals/{deal}");
        assert_eq!(route(&["api", "v1", "x"]), "other");
        assert_eq!(route(&["datasets", "x", "y"]), "page");
        assert_eq!(methods(&["api", "v1", "texts", "x"]), ["GET", "PUT"]);
        assert!(methods(&["api", "v1", "texts"]).is_empty());
    }
}
