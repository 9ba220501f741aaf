//! Statements about tables, credentials and deliveries: what single rows imply, and whole circuits step
//! by step.
//!
//! That equal sums of fractions mean equal multisets, and equal evaluations equal vectors, is about a
//! random challenge and not decided here.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use galen_zk::circuit::column_small::ColumnSmall;
use galen_zk::circuit::column_wide::ColumnWide;
use galen_zk::circuit::credential::Credential;
use galen_zk::circuit::k_anonymity::KAnonymity;
use galen_zk::circuit::key_envelope::KeyEnvelope;
use galen_zk::circuit::l_diversity::{LDiversity, Order};
use galen_zk::circuit::logup::{fractions, horner, partial_sums, quotients, single};

use super::gadget::{Combination, Gadget};

/// Blinders after the rows of a column.
const BLINDERS: usize = 8;
/// Rows of the blocks whose rows are looked at.
const ROWS: usize = 5;
/// The row in question.
const ROW: usize = 2;

/// K1 and K2 of one row: where the column changes, the counter was k − 1 and is zero, for every k but
/// zero.
fn counters() -> Gadget {
    let statement = KAnonymity { rows: ROWS };
    // Variables: the constant, k, ζ, Y, the differences and eight blinders, the mask, the counters.
    let (k, difference) = (1, |row: usize| 4 + row);
    let counter = |row: usize| 4 + ROWS + BLINDERS + 1 + row - 1;
    let one = Fr::ONE;
    Gadget::implied(
        "k-anonymity-counter",
        &statement,
        // Two rows for each row of the table, from the second on.
        &[2 * (ROW - 1), 2 * (ROW - 1) + 1],
        &[vec![(one, k)], vec![(one, difference(ROW))]],
        &[vec![(one, counter(ROW))], vec![(one, counter(ROW - 1)), (-one, k), (one, 0)]],
    )
}

/// L1 to L4 of one row of a block in one order.
fn diversity(name: &str, order: Order) -> [Gadget; 3] {
    let statement = LDiversity { rows: ROWS, order };
    let any = order == Order::Any;
    // Variables: the constant, l, ζ, Y_q, Y_s; classes and cells with eight blinders each; in any order
    // the view; slacks, multiplicities, the mask; the counters.
    let (l, classes) = (1, 5);
    let cells = classes + ROWS + BLINDERS;
    let view = cells + ROWS + BLINDERS;
    let slacks = if any { view + ROWS } else { view };
    let ordered = if any { view } else { cells };
    let counters = slacks + ROWS - 1 + statement.largest_code() as usize + 1;
    let counter = |row: usize| counters + row - 1;
    let one = Fr::ONE;
    let change: Combination = if any {
        vec![(one, classes + ROW), (-one, classes + ROW - 1)]
    } else {
        vec![(one, classes + ROW)]
    };
    let slack = slacks + ROW - 1;
    let above = ordered + ROW - 1;
    // Four rows for each row of the table, from the second on.
    let first = 4 * (ROW - 1);
    [
        // Where the class changes, the counter was l − 1 and is zero.
        Gadget::implied(
            &format!("{name}-counter"),
            &statement,
            &[first, first + 1],
            &[vec![(one, l)], change.clone()],
            &[vec![(one, counter(ROW))], vec![(one, counter(ROW - 1)), (-one, l), (one, 0)]],
        ),
        // Where the counter is not zero, the cell above is greater by one and the slack.
        Gadget::implied(
            &format!("{name}-step"),
            &statement,
            &[first + 2],
            &[vec![(one, counter(ROW))]],
            &[vec![(one, above), (-one, ordered + ROW), (-one, 0), (-one, slack)]],
        ),
        // Where the class changes, the cell above is one and the slack.
        Gadget::implied(
            &format!("{name}-last"),
            &statement,
            &[first + 3],
            &[change],
            &[vec![(one, above), (-one, 0), (-one, slack)]],
        ),
    ]
}

/// W1 and W2 of one row of a wide column: a cell that is not missing is `1 + w + W`, and one that is
/// not present is zero, without a value.
fn wide(name: &str, present: Fr) -> Gadget {
    const ROWS: usize = 3;
    let statement = ColumnWide { rows: ROWS, steps: 4, grid: 4 };
    // Variables: the constant, seven inputs, the values and eight blinders, w, W.
    let (value, low) = (8, 8 + ROWS + BLINDERS);
    let high = low + ROWS;
    let one = Fr::ONE;
    let sum = vec![(one, low), (one, high)];
    // p = v − w − W, and what it must not be.
    let other = vec![(one, value), (-one, low), (-one, high), (present - one, 0)];
    if present == one {
        let claim = vec![(one, value), (-one, low), (-one, high), (-one, 0)];
        return Gadget::implied(name, &statement, &[0], &[other], &[claim]);
    }
    Gadget::implied(name, &statement, &[0, 1], &[other], &[sum, vec![(one, value)]])
}

/// Whole circuits. Quotients are the fractions of lookups (items and entries), the partial sums of
/// evaluations (two less than coefficients), and those of points; checks are the rows on counters, bits
/// and cells, one row a lookup and an evaluation, and comparisons with public inputs.
fn whole() -> Vec<Gadget> {
    let rows = ROWS;
    // Partial sums of a column's evaluation, and what the differences of one have besides.
    let sums = rows + BLINDERS - 2;
    // Slacks, the last cell and the table of largest codes.
    let lookup = rows - 1 + 1 + 3;
    // 251 bits in windows of three for the generator, and of two for a point with its double and triple.
    let points = 2 * 83 + (2 + 2 + 125 * 6);
    let diversity = |order| LDiversity { rows, order };
    let ordered = 4 * (rows - 1) - 1;
    vec![
        Gadget::steps("k-anonymity", &KAnonymity { rows }, 2 * (rows - 1) + 1, sums + 1),
        Gadget::steps(
            "l-diversity-tail",
            &diversity(Order::Tail),
            ordered + 3,
            lookup + sums + 1 + sums,
        ),
        Gadget::steps(
            "l-diversity-any",
            &diversity(Order::Any),
            ordered + 4,
            lookup + 2 * rows + 2 * sums,
        ),
        Gadget::steps("column-small", &ColumnSmall { rows, codes: 9 }, 5, 109),
        Gadget::steps("column-wide", &ColumnWide { rows, steps: 5, grid: 6 }, 2 * rows + 6, 117),
        Gadget::steps("credential", &Credential::default(), 446, points),
        Gadget::steps("key-envelope", &KeyEnvelope::default(), 255, points),
    ]
}

pub fn gadgets() -> Vec<Gadget> {
    let mut gadgets = vec![
        // The challenge is drawn later, and meets no item but with negligible probability.
        Gadget::unique("lookup-fraction", &[0], |cs| {
            let [zeta, item, count] =
                [9u64, 4, 2].map(|value| cs.new_input_variable(|| Ok(Fr::from(value))).unwrap());
            let values = quotients(Fr::from(9u64), [(Fr::from(2u64), Fr::from(4u64))]);
            fractions(cs, zeta, [(single(count), single(item))], &values).unwrap();
        }),
        Gadget::unique("horner", &[0], |cs| {
            let zeta = cs.new_input_variable(|| Ok(Fr::from(9u64))).unwrap();
            let terms: Vec<Fr> = [3u64, 1, 4, 1].map(Fr::from).to_vec();
            let wires: Vec<_> = terms
                .iter()
                .map(|term| single(cs.new_input_variable(|| Ok(*term)).unwrap()))
                .collect();
            let (value, partial) = partial_sums(Fr::from(9u64), &terms);
            let value = cs.new_witness_variable(|| Ok(value)).unwrap();
            horner(cs, zeta, value, &wires, &partial).unwrap();
        }),
        counters(),
        wide("wide-present", Fr::ONE),
        wide("wide-missing", Fr::ZERO),
    ];
    gadgets.extend(diversity("l-diversity-tail", Order::Tail));
    gadgets.extend(diversity("l-diversity-any", Order::Any));
    gadgets.extend(whole());
    gadgets
}
