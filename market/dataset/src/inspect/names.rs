//! What the name of a column gives away.

use super::{Category, Hint};
use crate::roles::Role;
use crate::schema::{Column, Kind};

/// Words in the name of a column, by what they announce. A word of five letters or more also
/// counts inside a longer one.
const IDENTIFYING: &[(Category, &[&str])] = &[
    (Category::Email, &["email", "mail", "e-mail"]),
    (Category::Fax, &["fax"]),
    (Category::Phone, &["phone", "tel", "telephone", "mobile", "cell"]),
    (Category::SocialSecurity, &["ssn", "socialsecurity", "nino", "nhs", "insurancenumber"]),
    (
        Category::MedicalRecord,
        &["mrn", "medicalrecord", "recordnumber", "chartnumber", "hospitalnumber"],
    ),
    (
        Category::HealthPlan,
        &["beneficiary", "memberid", "policynumber", "healthplanid", "medicareid"],
    ),
    (Category::Account, &["account", "iban", "creditcard", "cardnumber"]),
    (Category::Licence, &["license", "licence", "passport", "certificatenumber"]),
    (Category::Vehicle, &["vin", "plate", "vehicleid", "registrationplate"]),
    (Category::Device, &["deviceid", "serial", "imei", "macaddress", "udi"]),
    (Category::Url, &["url", "website", "homepage"]),
    (Category::IpAddress, &["ip", "ipaddress", "ipaddr"]),
    (Category::Biometric, &["fingerprint", "biometric", "retina", "voiceprint", "iris_scan"]),
    (Category::Photograph, &["photo", "photograph", "portrait", "faceimage"]),
    (
        Category::Names,
        &[
            "surname",
            "firstname",
            "lastname",
            "fullname",
            "forename",
            "maidenname",
            "givenname",
            "familyname",
            "patientname",
            "initials",
        ],
    ),
    (
        Category::Geography,
        &[
            "zip",
            "zipcode",
            "postcode",
            "postal",
            "address",
            "street",
            "city",
            "town",
            "county",
            "latitude",
            "longitude",
            "lat",
            "lon",
            "tract",
            "district",
        ],
    ),
];

/// Names that are only words on their own: `name` names a person, `drug_name` does not.
const WHOLE: &[(Category, &[&str])] =
    &[(Category::Names, &["name", "first", "last", "nom", "vorname", "nachname"])];

const QUASI: &[&str] = &[
    "sex",
    "gender",
    "female",
    "male",
    "race",
    "ethnicity",
    "ethnic",
    "black",
    "white",
    "hispanic",
    "latino",
    "asian",
    "marital",
    "married",
    "education",
    "educ",
    "educdec",
    "school",
    "schooling",
    "degree",
    "occupation",
    "job",
    "profession",
    "income",
    "salary",
    "wage",
    "religion",
    "nationality",
    "country",
    "citizenship",
    "language",
    "region",
    "state",
    "site",
    "household",
    "famsize",
    "familysize",
    "hhsize",
    "children",
    "num",
    "birthplace",
    "birthyear",
    "yob",
];

const SENSITIVE: &[&str] = &[
    "diagnosis",
    "disease",
    "disea",
    "icd",
    "hiv",
    "status",
    "mental",
    "mhi",
    "health",
    "drug",
    "drugs",
    "medication",
    "dose",
    "result",
    "test",
    "genotype",
    "mutation",
    "cancer",
    "tumor",
    "tumour",
    "death",
    "died",
    "outcome",
    "visits",
    "admission",
    "cost",
    "charge",
    "blood",
];

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

fn holds(words: &[String], pattern: &str) -> bool {
    let joined = words.concat();
    let pattern: String = pattern.chars().filter(|c| c.is_alphanumeric()).collect();
    joined == pattern
        || words.contains(&pattern)
        || (pattern.len() >= 5 && joined.contains(&pattern))
}

/// Whether a column of this name holds ages.
pub(crate) fn is_age(name: &str) -> bool {
    const OTHER: [&str; 7] = ["wage", "page", "cage", "rage", "sage", "gage", "mage"];
    words(name).iter().any(|w| {
        matches!(w.as_str(), "age" | "ages" | "ageyrs" | "ageyears" | "agegroup" | "alter")
            || (w.len() == 4 && w.ends_with("age") && !OTHER.contains(&w.as_str()))
    })
}

/// Whether numbers under this name are only names of things: between regions 3 and 4 lies nothing.
pub(crate) fn is_nominal(name: &str) -> bool {
    const CODES: [&str; 13] = [
        "site",
        "region",
        "state",
        "county",
        "race",
        "ethnicity",
        "sex",
        "gender",
        "country",
        "marital",
        "religion",
        "language",
        "zip",
    ];
    words(name).iter().any(|w| CODES.contains(&w.as_str()))
}

/// Whether the name speaks of a number that persons have.
pub(super) fn is_person_number(name: &str) -> bool {
    let words = words(name);
    [
        "patient",
        "person",
        "subject",
        "participant",
        "patientid",
        "personid",
        "subjectid",
        "pid",
        "enrolid",
    ]
    .iter()
    .any(|p| words.iter().any(|w| w == p))
}

pub(super) fn hints(column: &Column) -> Vec<Hint> {
    let words = words(&column.name);
    let cells = (column.codes.len() - column.missing()) as u64;
    let row = (0..column.codes.len()).find(|r| !column.cell(*r).is_empty());
    let mut found: Vec<Hint> = Vec::new();
    let mut add = |category| {
        let evidence = format!("the name `{}`", column.name);
        found.push(Hint { category, cells, row, evidence });
    };
    for (category, patterns) in IDENTIFYING {
        if patterns.iter().any(|p| holds(&words, p)) {
            add(*category);
        }
    }
    for (category, patterns) in WHOLE {
        if patterns.iter().any(|p| words.concat() == *p) {
            add(*category);
        }
    }
    // Yes or no about a thing is not the thing: `phone_contact` of 0 and 1.
    const ANSWERS: [&str; 9] = ["", "0", "1", "y", "n", "yes", "no", "true", "false"];
    if column.dictionary.iter().all(|t| ANSWERS.contains(&t.to_ascii_lowercase().as_str())) {
        found.clear();
    }
    found
}

/// The role that a name suggests, with the reason.
pub(super) fn role(column: &Column) -> (Role, String) {
    let words = words(&column.name);
    if is_age(&column.name) || QUASI.iter().any(|p| words.iter().any(|w| w == p)) {
        return (Role::QuasiIdentifier, "others may know it of a person".to_owned());
    }
    if is_person_number(&column.name) && matches!(column.kind, Kind::Integer | Kind::Text) {
        return (Role::Identifier, "its name says that it numbers persons".to_owned());
    }
    if SENSITIVE.iter().any(|p| holds(&words, p)) {
        return (Role::Sensitive, "a finding about the person".to_owned());
    }
    (Role::Insensitive, "nothing in it points to a person".to_owned())
}
