//! The terms of a listing as a policy of the W3C's Open Digital Rights Language (ODRL 2.2), in JSON-LD
//! with a context of its own, so that it is read without fetching anything. Depends on the rules' types.
//!
//! A tier and a permission make an `odrl:Permission` with the tier's price as a duty. Restrictions that
//! ODRL has operands for (place, time, recipient, purpose) are constraints; what is forbidden is a
//! prohibition; what the buyer undertakes is a duty; every other restriction is a constraint on the Data
//! Use Ontology's own code. Every rule says from which clause it comes (`dct:source`).

use galen_market::id::ChainId;
use galen_market::listing::{ListingId, Offer, Tier};
use galen_market::terms::{Clause, Code, Parameter, duo};
use serde_json::{Value, json};

/// The media type.
pub const MEDIA_TYPE: &str = "application/ld+json";

/// Codes as the ontologies name them.
fn code_iri(code: Code) -> Value {
    let text = code.to_string();
    let iri = match text.strip_prefix("DUO:") {
        Some(number) => format!("obo:DUO_{number}"),
        None => format!("galen:{}", code.short()),
    };
    json!({ "@id": iri })
}

fn id(text: &str) -> Value {
    json!({ "@id": text })
}

fn constraint(operand: &str, operator: &str, right: Value) -> Value {
    json!({
        "@type": "odrl:Constraint",
        "odrl:leftOperand": id(operand),
        "odrl:operator": id(operator),
        "odrl:rightOperand": right,
    })
}

fn typed(value: &str, of: &str) -> Value {
    json!({ "@value": value, "@type": of })
}

/// `rule` with the clause that it comes from.
fn from(mut rule: Value, clause: &Clause) -> Value {
    if let Some(fields) = rule.as_object_mut() {
        fields.insert("dct:source".to_owned(), code_iri(clause.code));
        fields.insert("dct:description".to_owned(), Value::String(clause.words()));
    }
    rule
}

fn duration(months: u32) -> Value {
    typed(&format!("P{months}M"), "xsd:duration")
}

/// What a permission's purposes are.
fn purposes(clause: &Clause) -> Option<Value> {
    match (clause.code, &clause.parameter) {
        // No restriction at all.
        (duo::NRES, _) => None,
        (duo::DS, Some(Parameter::Diseases(named))) => {
            let diseases: Vec<Value> = named
                .iter()
                .map(|disease| id(&format!("obo:{}", disease.to_string().replace(':', "_"))))
                .collect();
            Some(from(constraint("odrl:purpose", "odrl:isAnyOf", json!(diseases)), clause))
        }
        (code, _) => Some(from(constraint("odrl:purpose", "odrl:isA", code_iri(code)), clause)),
    }
}

/// The restrictions of all clauses, by what ODRL calls them.
#[derive(Default)]
struct Restrictions {
    constraints: Vec<Value>,
    prohibitions: Vec<Value>,
    duties: Vec<Value>,
}

impl Restrictions {
    fn of(clauses: &[Clause]) -> Self {
        let mut all = Self::default();
        for clause in clauses {
            all.add(clause);
        }
        all
    }

    fn add(&mut self, clause: &Clause) {
        let prohibited = |action: &str, when: Option<Value>| {
            let mut rule = json!({ "@type": "odrl:Prohibition", "odrl:action": id(action) });
            if let (Some(when), Some(fields)) = (when, rule.as_object_mut()) {
                fields.insert("odrl:constraint".to_owned(), json!([when]));
            }
            from(rule, clause)
        };
        let duty =
            |action: Value| from(json!({ "@type": "odrl:Duty", "odrl:action": action }), clause);
        let purpose = || Some(constraint("odrl:purpose", "odrl:isA", code_iri(clause.code)));
        let text = |text: &str| Value::String(text.to_owned());
        match (clause.code, &clause.parameter) {
            (code, _) if code.is_permission() || code == duo::CC => {}
            (duo::NMDS | duo::NPOA, _) => {
                self.prohibitions.push(prohibited("odrl:use", purpose()));
            }
            (duo::NCU, _) => self.prohibitions.push(prohibited("cc:CommercialUse", None)),
            (duo::MOR, Some(Parameter::Day(day))) => {
                let before =
                    constraint("odrl:dateTime", "odrl:lt", typed(&day.to_string(), "xsd:date"));
                self.prohibitions.push(prohibited("odrl:distribute", Some(before)));
            }
            (duo::NRI, _) => self.prohibitions.push(prohibited("galen:reidentify", None)),
            (duo::PUB, _) => self.duties.push(duty(id("odrl:distribute"))),
            (duo::COL | duo::RTN, _) => self.duties.push(duty(code_iri(clause.code))),
            (duo::GS, Some(Parameter::Countries(named))) => {
                let named: Vec<Value> =
                    named.list().iter().map(|country| text(&country.to_string())).collect();
                let place = constraint("odrl:spatial", "odrl:isAnyOf", json!(named));
                self.constraints.push(from(place, clause));
            }
            (duo::TS, Some(Parameter::Months(months))) => {
                let time = constraint("odrl:elapsedTime", "odrl:lteq", duration(*months));
                self.constraints.push(from(time, clause));
            }
            (duo::IS, Some(Parameter::Institution(name))) => {
                let recipient = constraint("odrl:recipient", "odrl:eq", text(name.as_str()));
                self.constraints.push(from(recipient, clause));
            }
            (duo::US, Some(Parameter::Users(users))) => {
                let recipient = constraint("odrl:recipient", "odrl:isPartOf", text(users.as_str()));
                self.constraints.push(from(recipient, clause));
            }
            (duo::PS, Some(Parameter::Project(project))) => {
                let purpose = constraint("odrl:purpose", "odrl:eq", text(project.as_str()));
                self.constraints.push(from(purpose, clause));
            }
            (code, _) => {
                let modifier = constraint("obo:DUO_0000017", "odrl:eq", code_iri(code));
                self.constraints.push(from(modifier, clause));
            }
        }
    }
}

fn permission(clause: &Clause, tier: &Tier, restrictions: &Restrictions) -> Value {
    let mut constraints: Vec<Value> = purposes(clause).into_iter().collect();
    constraints.extend(restrictions.constraints.iter().cloned());
    if !tier.purposes.is_empty() {
        let kinds: Vec<Value> = tier
            .purposes
            .iter()
            .map(|kind| id(&format!("galen:purpose/{}", kind.name())))
            .collect();
        constraints.push(constraint("odrl:purpose", "odrl:isAnyOf", json!(kinds)));
    }
    constraints.push(constraint("odrl:elapsedTime", "odrl:lteq", duration(tier.licence_months)));
    let mut price = constraint(
        "odrl:payAmount",
        "odrl:eq",
        typed(&tier.price.amount.to_string(), "xsd:decimal"),
    );
    if let Some(fields) = price.as_object_mut() {
        fields.insert("odrl:unit".to_owned(), Value::String(tier.price.currency.to_string()));
    }
    let pay = json!({
        "@type": "odrl:Duty",
        "odrl:action": {
            "rdf:value": id("odrl:compensate"),
            "odrl:refinement": [price],
        },
    });
    let duties: Vec<Value> =
        std::iter::once(pay).chain(restrictions.duties.iter().cloned()).collect();
    json!({
        "@type": "odrl:Permission",
        "dct:title": tier.name.as_str(),
        "odrl:action": id("odrl:use"),
        "odrl:constraint": constraints,
        "odrl:duty": duties,
    })
}

/// The offer of a listing as an `odrl:Offer`. Amounts are in minor units, as on the ledger.
#[must_use]
pub fn policy(chain: ChainId, listing: &ListingId, version: u32, offer: &Offer) -> Value {
    let restrictions = Restrictions::of(&offer.terms.clauses);
    let permissions: Vec<Value> = offer
        .terms
        .clauses
        .iter()
        .filter(|clause| clause.code.is_permission() || clause.code == duo::CC)
        .flat_map(|clause| {
            let restrictions = &restrictions;
            offer.tiers.iter().map(move |tier| permission(clause, tier, restrictions))
        })
        .collect();
    let target = format!("urn:galen:{chain}:{}:{}", listing.institution, listing.package);
    let mut policy = json!({
        "@context": {
            "odrl": "http://www.w3.org/ns/odrl/2/",
            "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "dct": "http://purl.org/dc/terms/",
            "cc": "http://creativecommons.org/ns#",
            "obo": "http://purl.obolibrary.org/obo/",
            "galen": "urn:galen:vocabulary:",
        },
        "@id": format!("{target}:offer:{version}"),
        "@type": "odrl:Offer",
        "odrl:uid": id(&format!("{target}:offer:{version}")),
        "odrl:profile": id("urn:galen:vocabulary:profile"),
        "odrl:target": { "@id": target, "@type": "odrl:Asset" },
        "odrl:assigner": {
            "@id": format!("urn:galen:{chain}:{}", listing.institution),
            "@type": "odrl:Party",
        },
        "dct:license": id(&format!("urn:sha256:{}", offer.terms.licence_text)),
        "odrl:permission": permissions,
    });
    if let (false, Some(fields)) = (restrictions.prohibitions.is_empty(), policy.as_object_mut()) {
        fields.insert("odrl:prohibition".to_owned(), Value::Array(restrictions.prohibitions));
    }
    policy
}
