//! Days of the proleptic Gregorian calendar, written `2026-12-31` and counted from 1970-01-01.
//! Depends on nothing. After Hinnant, "chrono-Compatible Low-Level Date Algorithms".

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The days from 0001-01-01 to 9999-12-31.
const DAYS: Range<i64> = -719_162..2_932_897;

/// Days since 1970-01-01 of `YYYY-MM-DD`, year 1 to 9999. None for any other text, and for a day that
/// its month does not have.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: Range<usize>| -> Option<i64> {
        bytes[range]
            .iter()
            .try_fold(0i64, |acc, b| b.is_ascii_digit().then(|| acc * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if year < 1 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // A day that the month does not have is one of the next month.
    (render(days).as_deref() == Some(text)).then_some(days)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// `YYYY-MM-DD` of so many days since 1970-01-01. None outside the years 1 to 9999.
#[must_use]
pub fn render(days: i64) -> Option<String> {
    if !DAYS.contains(&days) {
        return None;
    }
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// A day from 1970-01-01 to 9999-12-31; `YYYY-MM-DD` in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize)]
pub struct Day(u32);

/// A text or number that is no [`Day`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a day from 1970-01-01 to 9999-12-31, as in 2026-12-31")]
pub struct DayError;

impl Day {
    /// So many days after 1970-01-01.
    ///
    /// # Errors
    /// After 9999-12-31.
    pub fn new(days: u32) -> Result<Self, DayError> {
        if DAYS.contains(&i64::from(days)) { Ok(Self(days)) } else { Err(DayError) }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(i64::from(self.0)).unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let days = parse(text).and_then(|days| u32::try_from(days).ok()).ok_or(DayError)?;
        Self::new(days)
    }
}

impl BorshDeserialize for Day {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        Self::new(u32::deserialize_reader(reader)?)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::codec::{decode_exact, encode};

    #[test]
    fn a_day_has_one_text_and_one_number() {
        for (text, days) in [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-12-31", 20_818)] {
            assert_eq!(text.parse::<Day>().unwrap().days(), days, "{text}");
            assert_eq!(Day::new(days).unwrap().to_string(), text);
        }
        for bad in ["", "2026-2-1", "2026-02-29", "2026-13-01", "1969-12-31", "2026-12-31 "] {
            assert_eq!(bad.parse::<Day>(), Err(DayError), "{bad}");
        }
        let last: Day = "9999-12-31".parse().unwrap();
        assert_eq!(decode_exact::<Day>(&encode(&last)).unwrap(), last);
        assert!(decode_exact::<Day>(&encode(&(last.days() + 1))).is_err());
    }
}
