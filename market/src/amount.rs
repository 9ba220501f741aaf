//! Amounts of money: whole minor units of a named currency, and stake. Arithmetic is checked and
//! returns a `Result`; nothing wraps and nothing is negative. Depends on nothing.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Arithmetic that left the range of an amount, or text that is not one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// The result is above 2^64 − 1 minor units.
    #[error("the amount is above 2^64 − 1 minor units")]
    Overflow,
    /// The result is below zero.
    #[error("the amount is below zero")]
    Negative,
    /// Not a whole number of minor units in decimal digits.
    #[error("expected a whole number of minor units in decimal digits")]
    Text,
}

/// A number of minor units.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many minor units.
    #[must_use]
    pub const fn new(units: u64) -> Self {
        Self(units)
    }

    /// The number of minor units.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Sum.
    ///
    /// # Errors
    /// [`AmountError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// Difference.
    ///
    /// # Errors
    /// [`AmountError::Negative`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Negative)
    }

    /// Product with a count.
    ///
    /// # Errors
    /// [`AmountError::Overflow`].
    pub fn checked_mul(self, factor: u64) -> Result<Self, AmountError> {
        self.0.checked_mul(factor).map(Self).ok_or(AmountError::Overflow)
    }

    /// `self · numerator / denominator`, rounded down, computed without overflow in between.
    ///
    /// # Errors
    /// [`AmountError::Overflow`] if the result does not fit or the denominator is zero.
    pub fn fraction(self, numerator: u64, denominator: u64) -> Result<Self, AmountError> {
        (u128::from(self.0) * u128::from(numerator))
            .checked_div(u128::from(denominator))
            .and_then(|value| u64::try_from(value).ok())
            .map(Self)
            .ok_or(AmountError::Overflow)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({})", self.0)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::Text);
        }
        text.parse().map(Self).map_err(|_| AmountError::Overflow)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Text that does not name a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a currency is named by 1 to 12 capital letters or digits")]
pub struct CurrencyError;

/// The name of a currency: 1 to 12 ASCII capital letters or digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Currency(String);

impl Currency {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if (1..=12).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CurrencyError)
        }
    }
}

impl BorshDeserialize for Currency {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        crate::codec::Text::<12>::deserialize_reader(reader)?
            .as_str()
            .parse()
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.0)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a balance counts. Gateways make currencies; nothing on the ledger makes stake.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// A currency.
    Currency(Currency),
    /// Voting power.
    Stake,
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Currency(currency) => currency.fmt(f),
            Self::Stake => f.write_str("stake"),
        }
    }
}

impl From<Currency> for Asset {
    fn from(currency: Currency) -> Self {
        Self::Currency(currency)
    }
}

/// An amount of one currency.
#[derive(
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Money {
    /// Which currency.
    pub currency: Currency,
    /// How many minor units.
    pub amount: Amount,
}

impl Money {
    /// The asset that the amount counts.
    #[must_use]
    pub fn asset(&self) -> Asset {
        Asset::Currency(self.currency.clone())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_checked() {
        let most = Amount::new(u64::MAX);
        assert_eq!(most.checked_add(Amount::new(1)), Err(AmountError::Overflow));
        assert_eq!(Amount::ZERO.checked_sub(Amount::new(1)), Err(AmountError::Negative));
        assert_eq!(most.checked_mul(2), Err(AmountError::Overflow));
        assert_eq!(most.fraction(1, 3), Ok(Amount::new(u64::MAX / 3)));
        assert_eq!(most.fraction(3, 1), Err(AmountError::Overflow));
        assert_eq!(most.fraction(1, 0), Err(AmountError::Overflow));
    }

    #[test]
    fn text_is_strict() {
        assert_eq!("18446744073709551615".parse(), Ok(Amount::new(u64::MAX)));
        assert_eq!("18446744073709551616".parse::<Amount>(), Err(AmountError::Overflow));
        for bad in ["", "+1", "-1", "1.0", " 1"] {
            assert_eq!(bad.parse::<Amount>(), Err(AmountError::Text), "{bad:?}");
        }
        for bad in ["", "eur", "EURO-AND-MORE", "E€"] {
            assert_eq!(bad.parse::<Currency>(), Err(CurrencyError), "{bad:?}");
        }
    }
}
