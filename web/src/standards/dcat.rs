//! HealthDCAT-AP (release 8, datasets that are not public) as RDF: a dataset, or a page of the
//! catalogue, in Turtle or JSON-LD. What the ledger proved stands in the provenance; who would decide
//! as a health data access body are the ledger's registrars, and what they decide is on the ledger.

use galen_api::{ListingFilter, ListingView};
use galen_chain::store::Snapshot;
use galen_market::id::AccountId;
use oxrdf::vocab::{rdf, rdfs, xsd};
use oxrdf::{GraphNameRef, Literal, NamedNode, NamedNodeRef, Term, Triple};
use serde::Deserialize;

use super::JSON_LD;
use super::described::{Described, datatype, day_of, mondo};
use crate::reply::ApiError;
use crate::request::Request;
use crate::{App, read};

const DCAT: &str = "http://www.w3.org/ns/dcat#";
const DCT: &str = "http://purl.org/dc/terms/";
const DCATAP: &str = "http://data.europa.eu/r5r/";
const HEALTH: &str = "http://healthdataportal.eu/ns/health#";
const FOAF: &str = "http://xmlns.com/foaf/0.1/";
const VCARD: &str = "http://www.w3.org/2006/vcard/ns#";
const CSVW: &str = "http://www.w3.org/ns/csvw#";
const CV: &str = "http://data.europa.eu/m8g/";
const ODRL: &str = "http://www.w3.org/ns/odrl/2/";
const SPDX: &str = "http://spdx.org/rdf/terms#";
const ADMS: &str = "http://www.w3.org/ns/adms#";
const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";
const RDFS: &str = "http://www.w3.org/2000/01/rdf-schema#";

const PREFIXES: [(&str, &str); 14] = [
    ("dcat", DCAT),
    ("dct", DCT),
    ("dcatap", DCATAP),
    ("healthdcatap", HEALTH),
    ("foaf", FOAF),
    ("vcard", VCARD),
    ("csvw", CSVW),
    ("cv", CV),
    ("odrl", ODRL),
    ("spdx", SPDX),
    ("adms", ADMS),
    ("skos", SKOS),
    ("xsd", XSD),
    ("rdfs", RDFS),
];

/// The regulation on the European Health Data Space, and its list of categories of data.
const EHDS: &str = "http://data.europa.eu/eli/reg/2025/327/oj";
const EHDS_CATEGORIES: &str = "http://data.europa.eu/eli/reg/2025/327/art_51/par_1/oj";
const AUTHORITY: &str = "http://publications.europa.eu/resource/authority";

/// Datasets of a page of the catalogue.
const PAGE: usize = 25;

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Turtle,
    JsonLd,
}

/// Which of the two is asked for, if one is preferred to a page.
pub(crate) fn wanted(request: &Request) -> Option<Format> {
    let accepted = request.header("accept")?;
    let mut best: Option<(Option<Format>, u16)> = None;
    for range in accepted.split(',').take(32) {
        let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
        let format = match media.trim() {
            "text/turtle" => Some(Format::Turtle),
            "application/ld+json" => Some(Format::JsonLd),
            "text/html" | "application/xhtml+xml" | "*/*" | "text/*" => None,
            _ => continue,
        };
        let quality = parameters.split(';').find_map(|part| part.trim().strip_prefix("q="));
        let quality = quality.map_or(1000, thousandths);
        if quality > 0 && best.is_none_or(|(_, known)| quality > known) {
            best = Some((format, quality));
        }
    }
    best.and_then(|(format, _)| format)
}

/// A quality of HTTP, `0` to `1` with three digits at most.
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("0", Ok(part)) => part,
        ("1", _) => 1000,
        _ => 0,
    }
}

impl Format {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Turtle => super::TURTLE,
            Self::JsonLd => JSON_LD,
        }
    }

    /// # Errors
    /// When it cannot be written, which no triple of ours makes happen.
    pub fn write(self, graph: &Graph) -> Result<Vec<u8>, ApiError> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a description cannot be written");
            ApiError::unavailable("the description cannot be written")
        };
        match self {
            Self::Turtle => {
                let mut turtle = oxttl::TurtleSerializer::new();
                for (name, iri) in PREFIXES {
                    turtle = turtle.with_prefix(name, iri).map_err(|error| failed(&error))?;
                }
                let mut turtle = turtle.for_writer(Vec::new());
                for triple in &graph.0 {
                    turtle.serialize_triple(triple).map_err(|error| failed(&error))?;
                }
                turtle.finish().map_err(|error| failed(&error))
            }
            Self::JsonLd => {
                let mut json = oxjsonld::JsonLdSerializer::new();
                for (name, iri) in PREFIXES {
                    json = json.with_prefix(name, iri).map_err(|error| failed(&error))?;
                }
                let mut json = json.for_writer(Vec::new());
                for triple in &graph.0 {
                    json.serialize_quad(triple.as_ref().in_graph(GraphNameRef::DefaultGraph))
                        .map_err(|error| failed(&error))?;
                }
                json.finish().map_err(|error| failed(&error))
            }
        }
    }
}

/// Triples, those of a subject together.
#[derive(Default)]
pub(crate) struct Graph(Vec<Triple>);

/// A node that is being described. Addresses that are none are left out.
struct Node<'a> {
    graph: &'a mut Graph,
    name: NamedNode,
}

fn iri(text: &str) -> Option<NamedNode> {
    NamedNode::new(text).ok()
}

impl Graph {
    fn node(&mut self, name: &str, class: (&str, &str)) -> Option<Node<'_>> {
        let name = iri(name)?;
        let mut node = Node { graph: self, name };
        node.push(rdf::TYPE, iri(&[class.0, class.1].concat())?.into());
        Some(node)
    }
}

impl Node<'_> {
    fn push(&mut self, predicate: NamedNodeRef<'_>, object: Term) {
        self.graph.0.push(Triple::new(self.name.clone(), predicate, object));
    }

    fn add(&mut self, (space, name): (&str, &str), object: impl Into<Term>) {
        if let Some(predicate) = iri(&[space, name].concat()) {
            self.push(predicate.as_ref(), object.into());
        }
    }

    fn link(&mut self, predicate: (&str, &str), to: &str) {
        if let Some(to) = iri(to) {
            self.add(predicate, to);
        }
    }

    fn text(&mut self, predicate: (&str, &str), text: &str) {
        self.add(predicate, Literal::new_simple_literal(text));
    }

    fn english(&mut self, predicate: (&str, &str), text: &str) {
        if let Ok(literal) = Literal::new_language_tagged_literal(text, "en") {
            self.add(predicate, literal);
        }
    }

    fn typed(&mut self, predicate: (&str, &str), text: &str, of: NamedNodeRef<'_>) {
        self.add(predicate, Literal::new_typed_literal(text, of));
    }
}

/// A dataset and everything that it points to here.
pub(crate) fn dataset(app: &App, dataset: &Described<'_>) -> Graph {
    let mut graph = Graph::default();
    describe(app, &mut graph, dataset);
    graph
}

fn describe(app: &App, graph: &mut Graph, dataset: &Described<'_>) {
    let page = dataset.page.as_str();
    let at = |name: &str| format!("{page}#{name}");
    let summary = &dataset.view.summary;
    let publisher = publisher(graph, dataset);
    let registrars = registrars(app, graph);
    let distributions = distributions(graph, dataset);
    let variables = variables(graph, dataset);
    if let Some(mut contact) = graph.node(&at("contact"), (VCARD, "Organization")) {
        contact.text((VCARD, "fn"), &dataset.publisher);
        contact.link((VCARD, "hasURL"), page);
    }
    if let Some(mut provenance) = graph.node(&at("provenance"), (DCT, "ProvenanceStatement")) {
        provenance.english((RDFS, "label"), &provenance_words(dataset));
    }
    if let Some(mut rights) = graph.node(&dataset.licence(), (DCT, "LicenseDocument")) {
        rights.english((RDFS, "label"), "The licence under which copies are sold");
    }
    if let Some((from, to)) = &dataset.period
        && let Some(mut period) = graph.node(&at("period"), (DCT, "PeriodOfTime"))
    {
        period.typed((DCAT, "startDate"), from, xsd::DATE);
        period.typed((DCAT, "endDate"), to, xsd::DATE);
    }
    let Some(mut node) = graph.node(page, (DCAT, "Dataset")) else { return };
    node.english((DCT, "title"), &dataset.title);
    node.english((DCT, "description"), &dataset.description);
    node.text((DCT, "identifier"), &dataset.identifier());
    node.typed((DCT, "issued"), &dataset.issued, xsd::DATE);
    node.text((DCAT, "version"), &dataset.version);
    node.link((DCT, "accessRights"), &format!("{AUTHORITY}/access-right/NON_PUBLIC"));
    node.link((DCT, "type"), &format!("{AUTHORITY}/dataset-type/PERSONAL_DATA"));
    node.link((DCT, "publisher"), &publisher);
    node.link((DCT, "creator"), &publisher);
    node.link((DCT, "provenance"), &at("provenance"));
    node.link((DCT, "license"), &dataset.licence());
    node.link((DCATAP, "applicableLegislation"), EHDS);
    node.link((DCAT, "theme"), &format!("{AUTHORITY}/data-theme/HEAL"));
    node.link((DCAT, "landingPage"), page);
    node.link((DCAT, "contactPoint"), &at("contact"));
    node.link((ODRL, "hasPolicy"), &format!("{}/terms.odrl", dataset.interface()));
    node.link((HEALTH, "healthCategory"), EHDS_CATEGORIES);
    node.link((HEALTH, "hdab"), &registrars);
    let structured = !dataset.view.layout.tables().is_empty();
    node.typed((HEALTH, "hasStructuredData"), &structured.to_string(), xsd::BOOLEAN);
    if structured {
        node.link((HEALTH, "hasVariables"), &variables);
        let rows = dataset.rows().to_string();
        node.typed((HEALTH, "numberOfRecords"), &rows, xsd::NON_NEGATIVE_INTEGER);
    }
    for distribution in &distributions {
        node.link((DCAT, "distribution"), distribution);
    }
    if dataset.period.is_some() {
        node.link((DCT, "temporal"), &at("period"));
    }
    // A dataset needs a keyword; that of an institution that gave none is what it is sold as.
    let fallback = ["research data".to_owned()];
    let keywords = if dataset.keywords.is_empty() { &fallback[..] } else { &dataset.keywords };
    for keyword in keywords {
        node.english((DCAT, "keyword"), keyword);
    }
    if let Some(declared) = &summary.declared {
        for disease in declared.diseases.iter().filter_map(|id| mondo(id)) {
            node.link((HEALTH, "healthTheme"), &disease);
        }
        for country in declared.countries.iter().filter(|code| is_country(code)) {
            // The authority's list goes by three letters; the two of ISO 3166 have addresses too.
            node.link(
                (DCT, "spatial"),
                &format!("http://id.loc.gov/vocabulary/iso3166-1/{country}"),
            );
        }
    }
    let listing = &summary.listing;
    let institution = listing.id.institution;
    let other = |package: galen_market::id::PackageId| {
        format!("{}/datasets/{institution}/{package}", dataset.base)
    };
    if let Some(older) = listing.lineage.supersedes {
        node.link((DCAT, "previousVersion"), &other(older));
    }
    for parent in listing.lineage.parents.iter() {
        let parent = format!("{}/datasets/{}/{}", dataset.base, parent.institution, parent.package);
        node.link((DCT, "source"), &parent);
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn provenance_words(dataset: &Described<'_>) -> String {
    let mut words = dataset.proven();
    let proofs = if words.is_empty() { "No table is proven." } else { "Proven to the ledger." };
    words.insert(0, format!("De-identified and listed by {}. {proofs}", dataset.publisher));
    words.push("That the records are true rests on the institution's name.".to_owned());
    words.join(" ")
}

fn party(base: &str, account: &AccountId) -> String {
    format!("{base}/api/v1/accounts/{account}")
}

fn publisher(graph: &mut Graph, dataset: &Described<'_>) -> String {
    let name = party(dataset.base, &dataset.view.summary.listing.id.institution);
    if let Some(mut node) = graph.node(&name, (FOAF, "Agent")) {
        node.text((FOAF, "name"), &dataset.publisher);
    }
    name
}

fn registrars(app: &App, graph: &mut Graph) -> String {
    let name = format!("{}/api/v1/genesis#registrars", app.public);
    let contact = format!("{}/api/v1/genesis#contact", app.public);
    if let Some(mut node) = graph.node(&name, (FOAF, "Agent")) {
        node.text((FOAF, "name"), &format!("Registrars of the ledger {}", app.genesis().name));
        node.link((CV, "contactPoint"), &contact);
    }
    if let Some(mut node) = graph.node(&contact, (CV, "ContactPoint")) {
        node.link((CV, "contactPage"), app.public.as_str());
    }
    name
}

fn distributions(graph: &mut Graph, dataset: &Described<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let offered = format!("{}#offer", dataset.page);
    if let Some(mut node) = graph.node(&offered, (DCAT, "Distribution")) {
        node.english((DCT, "title"), "Purchase on the ledger");
        let words = "Whoever has a credential that meets the terms buys the key; the encrypted package may be fetched by anybody.";
        node.english((DCT, "description"), words);
        node.link((DCAT, "accessURL"), &dataset.page);
        node.link((DCATAP, "applicableLegislation"), EHDS);
        node.link((DCT, "license"), &dataset.licence());
        names.push(offered);
    }
    for file in &dataset.served {
        let name = format!("{}#{}", dataset.page, file.part.name());
        let checksum = format!("{name}-checksum");
        if let Some(sha256) = file.sha256
            && let Some(mut node) = graph.node(&checksum, (SPDX, "Checksum"))
        {
            node.link((SPDX, "algorithm"), &format!("{SPDX}checksumAlgorithm_sha256"));
            node.typed((SPDX, "checksumValue"), &sha256.to_string(), xsd::HEX_BINARY);
        }
        let Some(mut node) = graph.node(&name, (DCAT, "Distribution")) else { continue };
        node.text((DCT, "title"), file.file_name());
        node.english((DCT, "description"), file.description());
        node.link((DCAT, "accessURL"), &dataset.page);
        node.link((DCAT, "downloadURL"), &file.address);
        node.link((DCATAP, "applicableLegislation"), EHDS);
        node.link((DCT, "license"), &dataset.licence());
        let media = format!("https://www.iana.org/assignments/media-types/{}", file.media_type());
        node.link((DCAT, "mediaType"), &media);
        node.typed((DCAT, "byteSize"), &file.bytes.to_string(), xsd::NON_NEGATIVE_INTEGER);
        if file.sha256.is_some() {
            node.link((SPDX, "checksum"), &checksum);
        }
        names.push(name);
    }
    names
}

/// The data dictionary in the words of CSV on the Web.
fn variables(graph: &mut Graph, dataset: &Described<'_>) -> String {
    let group = format!("{}#tables", dataset.page);
    let mut tables = Vec::new();
    for (at, table) in dataset.view.layout.tables().iter().enumerate() {
        let name = format!("{}#table-{at}", dataset.page);
        let schema = format!("{name}-schema");
        let mut columns = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            let column_name = format!("{name}-column-{index}");
            if let Some(mut node) = graph.node(&column_name, (CSVW, "Column")) {
                node.text((CSVW, "name"), &column.name);
                node.text((CSVW, "title"), &column.name);
                node.text((CSVW, "datatype"), datatype(column));
                let words = dataset.column_words(at, index);
                node.english(
                    (DCT, "description"),
                    if words.is_empty() { &column.name } else { words },
                );
                columns.push(column_name);
            }
        }
        if let Some(mut node) = graph.node(&schema, (CSVW, "Schema")) {
            for column in &columns {
                node.link((CSVW, "column"), column);
            }
        }
        if let Some(mut node) = graph.node(&name, (CSVW, "Table")) {
            node.text((DCT, "title"), &table.name);
            node.link((CSVW, "tableSchema"), &schema);
            tables.push(name);
        }
    }
    if !tables.is_empty()
        && let Some(mut node) = graph.node(&group, (CSVW, "TableGroup"))
    {
        for table in &tables {
            node.link((CSVW, "table"), table);
        }
    }
    group
}

/// Which page of the catalogue.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Part {
    after: Option<String>,
}

/// A page of the catalogue, and the address of the next.
pub(crate) fn catalogue(
    app: &App,
    state: &Snapshot,
    part: &Part,
) -> Result<(Graph, Option<String>), ApiError> {
    let filter =
        ListingFilter { after: part.after.clone(), limit: Some(PAGE), ..ListingFilter::default() };
    let page = read::listings(app, state, &filter)?;
    let base = app.public.as_str();
    let mut graph = Graph::default();
    let mut pages = Vec::new();
    let mut newest = 0;
    for summary in page.items {
        let id = summary.listing.id;
        newest = newest.max(summary.listing.live_since_ms.unwrap_or_default());
        let view: ListingView = read::listing(app, state, &id)?;
        let described = Described::new(app, &view)?;
        describe(app, &mut graph, &described);
        pages.push(described.page);
    }
    let operator = format!("{base}/#node");
    if let Some(mut node) = graph.node(&operator, (FOAF, "Agent")) {
        node.text((FOAF, "name"), &format!("A node of the ledger {}", app.genesis().name));
    }
    if let Some(mut node) = graph.node(&format!("{base}/catalogue"), (DCAT, "Catalog")) {
        node.english((DCT, "title"), &format!("Datasets on the ledger {}", app.genesis().name));
        let words = "De-identified research data; what is said to be proven, the ledger verified.";
        node.english((DCT, "description"), words);
        node.link((DCT, "publisher"), &operator);
        node.link((DCATAP, "applicableLegislation"), EHDS);
        node.link((FOAF, "homepage"), &format!("{base}/"));
        if newest > 0 {
            node.typed((DCT, "modified"), &day_of(newest), xsd::DATE);
        }
        for page in &pages {
            node.link((DCAT, "dataset"), page);
        }
    }
    let next = page.next.map(|after| format!("{base}/catalogue?after={after}"));
    if let Some(next) = &next
        && let Some(mut node) = graph.node(next, (DCAT, "Catalog"))
    {
        node.push(rdfs::LABEL, Literal::new_simple_literal("The next page").into());
    }
    Ok((graph, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_are_numbers_or_nothing() {
        let all = [("1", 1000), ("1.0", 1000), ("0.5", 500), ("0.123", 123), ("0", 0), ("x", 0)];
        for (text, expected) in all {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        let mut graph = Graph::default();
        assert!(graph.node("no address <>", (DCAT, "Dataset")).is_none());
        let mut node = graph.node("http://x/", (DCAT, "Dataset")).expect("an address");
        node.link((DCT, "spatial"), "two words");
        node.link((DCT, "spatial"), "http://y/");
        assert_eq!(graph.0.len(), 2);
    }
}
