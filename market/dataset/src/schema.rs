//! Tables in memory: columns of texts with the kind of value each one holds.
//!
//! A column keeps every distinct cell once, sorted bytewise, and a code for each row, so that
//! millions of rows stay small. A kind says how a text reads as a number, and only ever claims a
//! column whose every cell it gives back letter for letter: what is packed can be opened again
//! byte for byte. May depend on nothing else in the crate.

use galen_market::date;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Numbers of larger magnitude are kept as text, so that an offset can be added without overflow.
pub const MAX_MAGNITUDE: i64 = 1 << 62;
/// The most digits after the point that a decimal column may have.
pub const MAX_SCALE: u8 = 18;

/// How the fraction of a decimal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalStyle {
    /// Always `scale` digits after the point: `3.50`.
    Fixed,
    /// No zeros at the end, a zero before the point: `3.5`, `0.5`, `3`.
    Trimmed,
    /// As trimmed, but nothing before the point when it would be a zero: `.5`, `-.5`, `0`.
    Bare,
    /// As trimmed, but one digit after the point at least, as Python writes floating-point numbers:
    /// `0.5`, `3.0`.
    Pointed,
}

impl DecimalStyle {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::Fixed, Self::Trimmed, Self::Bare, Self::Pointed];
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Kind {
    /// Whole numbers without leading zeros.
    Integer,
    /// Numbers as whole multiples of 10^-scale.
    Decimal {
        /// Digits after the point, 1..=18.
        scale: u8,
        /// How they are written.
        style: DecimalStyle,
    },
    /// ISO dates, `2024-02-29`; as a number, days since 1970-01-01.
    Date,
    /// Anything else: categories, codes, words, and numbers that no other kind gives back exactly
    /// (`NaN`, `-0`, `1e308`, `007`).
    Text,
}

impl Kind {
    /// The narrowest kind that gives back each of `texts` exactly. Empty texts are missing cells
    /// and fit every kind; with nothing else the kind is text.
    pub fn infer<'a, I>(texts: I) -> Kind
    where
        I: Iterator<Item = &'a str> + Clone,
    {
        let present = texts.filter(|t| !t.is_empty());
        if present.clone().next().is_none() {
            return Kind::Text;
        }
        for kind in [Kind::Integer, Kind::Date] {
            if present.clone().all(|t| kind.parse(t).is_some()) {
                return kind;
            }
        }
        let mut scale = 0usize;
        for text in present.clone() {
            match decimal_shape(text) {
                Some((_, _, fraction)) => scale = scale.max(fraction.len()),
                None => return Kind::Text,
            }
        }
        let Some(scale) = u8::try_from(scale).ok().filter(|s| (1..=MAX_SCALE).contains(s)) else {
            return Kind::Text;
        };
        for style in DecimalStyle::ALL {
            let kind = Kind::Decimal { scale, style };
            if present.clone().all(|t| kind.parse(t).is_some()) {
                return kind;
            }
        }
        Kind::Text
    }

    /// The number that a text stands for, if the kind has numbers and would write that very text.
    pub fn parse(&self, text: &str) -> Option<i64> {
        let value = match self {
            Kind::Integer => text.parse::<i64>().ok()?,
            Kind::Date => date::parse(text)?,
            Kind::Decimal { scale, .. } => scaled(text, *scale)?,
            Kind::Text => return None,
        };
        if value.unsigned_abs() >= MAX_MAGNITUDE.unsigned_abs() {
            return None;
        }
        (self.render(value)? == text).then_some(value)
    }

    /// The text of a number, as `parse` reads it; `None` for text columns, a date outside the
    /// years 1 to 9999, or a scale above 18.
    pub fn render(&self, value: i64) -> Option<String> {
        match self {
            Kind::Integer => Some(value.to_string()),
            Kind::Date => date::render(value),
            Kind::Decimal { scale, style } => render_decimal(i128::from(value), *scale, *style),
            Kind::Text => None,
        }
    }

    /// Whether cells have a place on the number line.
    pub fn is_number(&self) -> bool {
        matches!(self, Kind::Integer | Kind::Decimal { .. })
    }
}

/// Sign, digits before and digits after the point, of a plain decimal number.
pub(crate) fn decimal_shape(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    (whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction))
        .then_some((negative, whole, fraction))
}

/// A plain decimal as a whole number of 10^-scale, however it is written.
pub(crate) fn scaled_wide(text: &str, scale: u8) -> Option<i128> {
    let (negative, whole, fraction) = decimal_shape(text)?;
    let padding = usize::from(scale).checked_sub(fraction.len())?;
    let mut value = 0i128;
    let zeros = std::iter::repeat_n(b'0', padding);
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

fn scaled(text: &str, scale: u8) -> Option<i64> {
    i64::try_from(scaled_wide(text, scale)?).ok()
}

pub(crate) fn render_decimal(value: i128, scale: u8, style: DecimalStyle) -> Option<String> {
    if scale > MAX_SCALE {
        return None;
    }
    let unit = 10u128.pow(u32::from(scale));
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let mut digits =
        if scale == 0 { String::new() } else { format!("{fraction:0w$}", w = usize::from(scale)) };
    if style != DecimalStyle::Fixed {
        digits.truncate(digits.trim_end_matches('0').len());
        if digits.is_empty() && style == DecimalStyle::Pointed {
            digits.push('0');
        }
    }
    let sign = if value < 0 { "-" } else { "" };
    Some(match (digits.is_empty(), whole == 0 && style == DecimalStyle::Bare) {
        (true, _) => format!("{sign}{whole}"),
        (false, true) => format!("{sign}.{digits}"),
        (false, false) => format!("{sign}{whole}.{digits}"),
    })
}

/// A decimal of any scale, with all its digits after the point.
pub(crate) fn render_wide(value: i128, scale: i8) -> Option<String> {
    let unit = 10u128.checked_pow(u32::from(scale.unsigned_abs()))?;
    if scale <= 0 {
        return Some(value.checked_mul(i128::try_from(unit).ok()?)?.to_string());
    }
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    Some(format!("{sign}{whole}.{fraction:0w$}", w = usize::from(scale.unsigned_abs())))
}

/// One column: `dictionary[codes[row]]` is the cell's text; the empty text is a missing cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the header.
    pub name: String,
    /// What the cells are.
    pub kind: Kind,
    /// Every distinct cell, strictly ascending bytewise, each in use by some row. A missing cell
    /// is the empty text and so comes first.
    pub dictionary: Vec<String>,
    /// One index into the dictionary a row.
    pub codes: Vec<u32>,
}

impl Column {
    /// A column of these texts. `texts` may repeat and be in any order, and may hold entries that
    /// no row uses. Every code must be below `texts.len()`.
    pub fn new(name: String, texts: Vec<String>, mut codes: Vec<u32>) -> Column {
        let mut used = vec![false; texts.len()];
        for code in &codes {
            used[*code as usize] = true;
        }
        let mut order: Vec<u32> =
            (0u32..).take(texts.len()).filter(|i| used[*i as usize]).collect();
        order.sort_unstable_by(|a, b| texts[*a as usize].cmp(&texts[*b as usize]));
        let mut rank = vec![0u32; texts.len()];
        let mut texts: Vec<Option<String>> = texts.into_iter().map(Some).collect();
        let mut dictionary: Vec<String> = Vec::with_capacity(order.len());
        let mut next = 0u32;
        for old in order {
            let text = texts[old as usize].take().unwrap_or_default();
            if dictionary.last() != Some(&text) {
                dictionary.push(text);
                next += 1;
            }
            rank[old as usize] = next - 1;
        }
        for code in &mut codes {
            *code = rank[*code as usize];
        }
        let kind = Kind::infer(dictionary.iter().map(String::as_str));
        Column { name, kind, dictionary, codes }
    }

    /// A column from one text a row.
    pub fn from_cells<'a>(name: &str, cells: impl Iterator<Item = &'a str>) -> Column {
        let mut seen: HashMap<&str, u32> = HashMap::new();
        let mut texts = Vec::new();
        let mut next = 0u32;
        let codes = cells
            .map(|cell| {
                *seen.entry(cell).or_insert_with(|| {
                    texts.push(cell.to_owned());
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Column::new(name.to_owned(), texts, codes)
    }

    /// The cell of a row. Panics if there is no such row.
    pub fn cell(&self, row: usize) -> &str {
        &self.dictionary[self.codes[row] as usize]
    }

    /// The code of the missing cell, if the column has one.
    pub fn missing_code(&self) -> Option<u32> {
        self.dictionary.first().filter(|t| t.is_empty()).map(|_| 0)
    }

    /// How many cells are missing.
    pub fn missing(&self) -> usize {
        match self.missing_code() {
            Some(code) => self.codes.iter().filter(|c| **c == code).count(),
            None => 0,
        }
    }

    /// Distinct values, missing not counted.
    pub fn distinct(&self) -> usize {
        self.dictionary.len() - usize::from(self.missing_code().is_some())
    }

    /// The number of each dictionary entry (`None` for the missing one), or nothing for a text
    /// column. `kind.render` gives the entry back.
    pub fn numbers(&self) -> Option<Vec<Option<i64>>> {
        if self.kind == Kind::Text {
            return None;
        }
        Some(self.dictionary.iter().map(|t| self.kind.parse(t)).collect())
    }

    /// The column with only these rows, in this order.
    pub fn select(&self, rows: &[usize]) -> Column {
        let codes = rows.iter().map(|r| self.codes[*r]).collect();
        Column::new(self.name.clone(), self.dictionary.clone(), codes)
    }
}

/// A table: columns of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The columns, in the order of the header.
    pub columns: Vec<Column>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.codes.len())
    }

    /// The position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.columns.iter().map(|c| c.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn kind(texts: &[&str]) -> Kind {
        Kind::infer(texts.iter().copied())
    }

    #[test]
    fn kinds_are_only_claimed_when_every_text_comes_back() {
        use DecimalStyle::*;
        assert_eq!(kind(&["1", "-20", ""]), Kind::Integer);
        assert_eq!(kind(&["1.50", "-0.25"]), Kind::Decimal { scale: 2, style: Fixed });
        assert_eq!(kind(&["1.5", "2", "0.25"]), Kind::Decimal { scale: 2, style: Trimmed });
        assert_eq!(kind(&["13.25", "0", ".5", "-.125"]), Kind::Decimal { scale: 3, style: Bare });
        assert_eq!(kind(&["5.0", "-0.25", "0.0"]), Kind::Decimal { scale: 2, style: Pointed });
        assert_eq!(kind(&["2024-02-29", ""]), Kind::Date);
        for text in ["007", "-0", "NaN", "1e308", "+1", "1.", "0.0.1", "2023-02-29", "٣", "inf"] {
            assert_eq!(kind(&["1", text]), Kind::Text, "{text}");
            assert_eq!(kind(&[text]), Kind::Text, "{text}");
        }
        assert_eq!(kind(&["-0.0", "1.5"]), Kind::Text);
        assert_eq!(kind(&["9223372036854775807"]), Kind::Text);
        assert_eq!(kind(&["0.50", "2"]), Kind::Text);
        assert_eq!(kind(&["", ""]), Kind::Text);
        assert_eq!(kind(&[]), Kind::Text);
        assert_eq!(kind(&["0.0000000000000000001"]), Kind::Text);
    }

    #[test]
    fn dates_count_days() {
        assert_eq!(Kind::Date.parse("1970-01-01"), Some(0));
        assert_eq!(Kind::Date.parse("2000-03-01"), Some(11_017));
        assert_eq!(Kind::Date.parse("1969-12-31"), Some(-1));
        assert_eq!(Kind::Date.parse("0001-01-01"), Some(-719_162));
        assert_eq!(Kind::Date.parse("9999-12-31"), Some(2_932_896));
        assert_eq!(Kind::Date.parse("0000-12-31"), None);
        assert_eq!(Kind::Date.render(2_932_897), None);
    }

    proptest! {
        #[test]
        fn a_number_is_rendered_and_read_back(v in -(1i64 << 61)..(1i64 << 61), scale in 1u8..=18) {
            for style in DecimalStyle::ALL {
                let kind = Kind::Decimal { scale, style };
                prop_assert_eq!(kind.parse(&kind.render(v).unwrap()), Some(v));
            }
            prop_assert_eq!(Kind::Integer.parse(&Kind::Integer.render(v).unwrap()), Some(v));
            let day = v % 700_000;
            prop_assert_eq!(Kind::Date.parse(&Kind::Date.render(day).unwrap()), Some(day));
        }

        #[test]
        fn columns_keep_every_cell(cells in prop::collection::vec("[a-c0-9.]{0,3}", 0..40)) {
            let column = Column::from_cells("x", cells.iter().map(String::as_str));
            for (row, cell) in cells.iter().enumerate() {
                prop_assert_eq!(column.cell(row), cell);
            }
            prop_assert!(column.dictionary.windows(2).all(|w| w[0] < w[1]));
            if let Some(numbers) = column.numbers() {
                for (text, number) in column.dictionary.iter().zip(numbers) {
                    prop_assert_eq!(number.and_then(|n| column.kind.render(n)).unwrap_or_default(), text.clone());
                }
            }
        }
    }
}
