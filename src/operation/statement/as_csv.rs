//! A statement as CSV. Depends on the statement, and on what a spreadsheet takes for a formula.

use galen_dataset::csv_out::disarmed;
use galen_market::amount::Amount;

use super::{Balance, Statement};
use crate::error::{Exit, Failure};

const COLUMNS: [&str; 12] = [
    "block",
    "event",
    "time",
    "purse",
    "asset",
    "received",
    "paid",
    "balance",
    "reason",
    "counterparty",
    "counterparty_name",
    "kind",
];

impl Statement {
    /// As CSV (RFC 4180): opening balances, movements, closing balances. Amounts are minor units;
    /// texts that a spreadsheet would take for formulas begin with an apostrophe.
    ///
    /// # Errors
    /// When a field cannot be written.
    pub fn csv(&self) -> Result<Vec<u8>, Failure> {
        let failed =
            |error: csv::Error| Failure::new(Exit::Failure, "output.csv", error.to_string());
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |row: [String; COLUMNS.len()]| {
            writer.write_record(row.iter().map(|field| disarmed(field))).map_err(failed)
        };
        write(COLUMNS.map(str::to_owned))?;
        let edge = |balance: &Balance, block: u64, amount: Amount, kind: &str| {
            let none = String::new;
            [
                block.to_string(),
                none(),
                none(),
                balance.purse.to_string(),
                balance.asset.to_string(),
                none(),
                none(),
                amount.to_string(),
                none(),
                none(),
                none(),
                kind.to_owned(),
            ]
        };
        for balance in &self.balances {
            write(edge(balance, self.from, balance.opening, "opening"))?;
        }
        for line in &self.lines {
            write([
                line.block.to_string(),
                line.event.to_string(),
                galen_api::story::instant(line.time_ms),
                line.purse.to_string(),
                line.asset.to_string(),
                line.received.to_string(),
                line.paid.to_string(),
                line.balance.to_string(),
                line.reason.to_owned(),
                line.counterparty.map(|purse| purse.to_string()).unwrap_or_default(),
                line.counterparty_name.clone().unwrap_or_default(),
                "movement".to_owned(),
            ])?;
        }
        for balance in &self.balances {
            write(edge(balance, self.until, balance.closing, "closing"))?;
        }
        writer
            .into_inner()
            .map_err(|error| Failure::new(Exit::Failure, "output.csv", error.to_string()))
    }
}
