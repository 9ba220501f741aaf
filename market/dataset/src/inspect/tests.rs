//! Tests of the inspection.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::ingest::{Options, read};

fn look(csv: &str) -> Inspection {
    inspect(&read(csv.as_bytes(), &Options::default()).unwrap(), &Roles::default()).unwrap()
}

fn has(found: &Inspection, column: &str, category: Category) -> Option<(u64, Option<u32>)> {
    let finding = found.findings.iter().find(|f| f.column == column && f.category == category)?;
    Some((finding.cells, finding.line))
}

#[test]
fn identifiers_are_found_by_name_and_by_look() {
    let found = look(concat!(
        "patient_name,note,contact,born,age,zip,ward\n",
        "A,ok,x,1950-02-03,91,02139,1\n",
        "B,mail b@example.org,x,1960-02-03,17,02139,2\n",
        "C,ssn 123-45-6789,y,1970-02-03,20,02140,1\n",
    ));
    assert_eq!(has(&found, "patient_name", Category::Names), Some((3, Some(2))));
    assert_eq!(has(&found, "note", Category::Email), Some((1, Some(3))));
    assert_eq!(has(&found, "note", Category::SocialSecurity), Some((1, Some(4))));
    assert_eq!(has(&found, "born", Category::Dates), Some((3, Some(2))));
    assert_eq!(has(&found, "age", Category::AgesOver89), Some((1, Some(2))));
    assert_eq!(has(&found, "zip", Category::Geography), Some((3, Some(2))));
    assert!(found.findings.iter().all(|f| f.column != "ward"));
    let roles = found.roles();
    assert_eq!(roles.of("patient_name"), Role::Identifier);
    assert_eq!(roles.of("note"), Role::Identifier);
    assert_eq!(roles.of("born"), Role::QuasiIdentifier);
    assert_eq!(roles.of("age"), Role::QuasiIdentifier);
    assert_eq!(roles.of("ward"), Role::Insensitive);
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("123-45-6789") && !text.contains("example.org"));
}

#[test]
fn a_person_number_a_copy_and_a_unique_code_are_found_by_structure() {
    let mut csv = String::from("code,visit,sex,weight_at_start,smoker,income,log,sample\n");
    for person in 0..40 {
        for visit in 0..3 {
            let income = 10 + person % 5;
            csv.push_str(&format!(
                "{},{visit},{},{},{},{income},{}.5,{}\n",
                70_000 + person * 7,
                person % 2,
                60 + person % 9,
                person % 3,
                income * 3,
                1_000 + (person * 3 + visit) * 13 % 997,
            ));
        }
    }
    let found = look(&csv);
    assert_eq!(found.roles().of("code"), Role::Person);
    assert!(has(&found, "code", Category::UniqueCode).is_some());
    assert_eq!(found.roles().of("log"), Role::Drop);
    assert!(has(&found, "log", Category::Derived).is_some());
    assert_eq!(found.roles().of("sample"), Role::Identifier);
    assert_eq!(found.roles().of("visit"), Role::Insensitive);
}

#[test]
fn a_role_set_by_hand_stands() {
    let table = read("age,x\n1,2\n".as_bytes(), &Options::default()).unwrap();
    let mut roles = Roles::default();
    roles.add("age=sensitive").unwrap();
    let found = inspect(&table, &roles).unwrap();
    assert_eq!((found.columns[0].role, found.columns[0].set), (Role::Sensitive, true));
    roles.add("agee=sensitive").unwrap();
    assert!(matches!(inspect(&table, &roles), Err(RoleError::UnknownColumn { .. })));
}
