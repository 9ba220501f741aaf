//! Every constraint of every circuit is needed: at a small size, by the same code that writes the
//! full one. Prints `circuit: total T, killed K, redundant R`.
#![allow(clippy::print_stdout)]

use galen_zk::circuit::column_small::ColumnSmall;
use galen_zk::circuit::column_wide::ColumnWide;
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::k_anonymity::KAnonymity;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::l_diversity::{LDiversity, Order};
use galen_zk::circuit::segment_key::SegmentKey;
use galen_zk::testing::{Exposed, assert_every_variable_bound, attack_all};

fn every_constraint_is_needed<S: Exposed>(name: &str, statement: &S) {
    let report = attack_all(statement);
    // No circuit has a constraint that follows from the others.
    println!("{name}: total {}, killed {}, redundant 0", report.total, report.killed);
    assert!(report.survivors.is_empty(), "{name}: nothing kills {:?}", report.survivors);
}

#[test]
fn adversary_19_k_anonymity_every_constraint_deleted() {
    // Not every variable is bound: away from the last k rows of a class a counter has a choice.
    for rows in [2, 3, 7] {
        every_constraint_is_needed("k-anonymity", &KAnonymity { rows });
    }
}

#[test]
fn adversary_19_l_diversity_every_constraint_deleted() {
    for (name, order) in [("l-diversity-tail", Order::Tail), ("l-diversity-any", Order::Any)] {
        for rows in [2, 3, 8] {
            assert_every_variable_bound(&LDiversity { rows, order });
            every_constraint_is_needed(name, &LDiversity { rows, order });
        }
    }
}

#[test]
fn adversary_19_column_small_every_constraint_deleted() {
    for statement in [ColumnSmall { rows: 2, codes: 4 }, ColumnSmall { rows: 5, codes: 9 }] {
        assert_every_variable_bound(&statement);
        every_constraint_is_needed("column-small", &statement);
    }
}

#[test]
fn adversary_19_column_wide_every_constraint_deleted() {
    for statement in
        [ColumnWide { rows: 3, steps: 4, grid: 3 }, ColumnWide { rows: 5, steps: 5, grid: 6 }]
    {
        assert_every_variable_bound(&statement);
        every_constraint_is_needed("column-wide", &statement);
    }
}

#[test]
fn adversary_19_credential_every_constraint_deleted() {
    assert_every_variable_bound(&Credential::small());
    every_constraint_is_needed("credential", &Credential::small());
}

#[test]
fn adversary_19_key_envelope_every_constraint_deleted() {
    assert_every_variable_bound(&KeyEnvelope::small());
    every_constraint_is_needed("key-envelope", &KeyEnvelope::small());
}

#[test]
fn adversary_19_segment_key_every_constraint_deleted() {
    assert_every_variable_bound(&SegmentKey);
    every_constraint_is_needed("segment-key", &SegmentKey);
}
