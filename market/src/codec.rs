//! Canonical bytes: borsh with a bound on every length, nothing left over, and one encoding a
//! value. Depends on borsh and serde.

use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Deref;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are not the canonical encoding of the expected value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub String);

/// The canonical bytes of a value.
#[must_use]
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut bytes)
        .expect("writing to memory does not fail, and no length exceeds u32");
    bytes
}

/// Reads a value that takes up all the bytes.
///
/// # Errors
/// When the bytes are short, left over, out of bounds or not canonical.
pub fn decode_exact<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut rest = bytes;
    let value = T::deserialize(&mut rest).map_err(|error| CodecError(error.to_string()))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CodecError(format!("{} bytes are left over at the end", rest.len())))
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn read_length<R: Read>(reader: &mut R, max: usize) -> io::Result<usize> {
    let length = u32::deserialize_reader(reader)? as usize;
    if length > max {
        return Err(invalid(format!("{length} items where at most {max} are allowed")));
    }
    Ok(length)
}

/// A list of at most `MAX` items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Takes a list.
    ///
    /// # Errors
    /// When it has more than `MAX` items.
    pub fn new(items: Vec<T>) -> Result<Self, CodecError> {
        if items.len() > MAX {
            return Err(CodecError(format!(
                "{} items where at most {MAX} are allowed",
                items.len()
            )));
        }
        Ok(Self(items))
    }

    /// Gives the list back.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Bounded<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for Bounded<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: BorshSerialize, const MAX: usize> BorshSerialize for Bounded<T, MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&self.0, writer)
    }
}

impl<T: BorshDeserialize, const MAX: usize> BorshDeserialize for Bounded<T, MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let length = read_length(reader, MAX)?;
        // Grows with the bytes that are really there, not with the number that was announced.
        let mut items = Vec::with_capacity(length.min(64));
        for _ in 0..length {
            items.push(T::deserialize_reader(reader)?);
        }
        Ok(Self(items))
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(<Vec<T> as Deserialize>::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

/// At most `MAX` bytes; hexadecimal digits in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Bytes<MAX> {
    /// Takes bytes.
    ///
    /// # Errors
    /// When there are more than `MAX`.
    pub fn new(bytes: Vec<u8>) -> Result<Self, CodecError> {
        if bytes.len() > MAX {
            return Err(CodecError(format!(
                "{} bytes where at most {MAX} are allowed",
                bytes.len()
            )));
        }
        Ok(Self(bytes))
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<const MAX: usize> Deref for Bytes<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<const MAX: usize> BorshSerialize for Bytes<MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&self.0, writer)
    }
}

impl<const MAX: usize> BorshDeserialize for Bytes<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let length = read_length(reader, MAX)?;
        let mut bytes = Vec::new();
        reader.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(invalid("the bytes end early".to_owned()));
        }
        Ok(Self(bytes))
    }
}

impl<const MAX: usize> Serialize for Bytes<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        let bytes = hex::decode(text).map_err(serde::de::Error::custom)?;
        Self::new(bytes).map_err(serde::de::Error::custom)
    }
}

/// At most `MAX` bytes of UTF-8 without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Takes a text.
    ///
    /// # Errors
    /// When it is longer than `MAX` bytes or holds a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, CodecError> {
        let text = text.into();
        if text.len() > MAX {
            return Err(CodecError(format!(
                "a text of {} bytes where at most {MAX} are allowed",
                text.len()
            )));
        }
        if text.chars().any(char::is_control) {
            return Err(CodecError("a text holds a control character".to_owned()));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MAX: usize> BorshSerialize for Text<MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&self.0, writer)
    }
}

impl<const MAX: usize> BorshDeserialize for Text<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = Bytes::<MAX>::deserialize_reader(reader)?;
        let text =
            String::from_utf8(bytes.0).map_err(|_| invalid("a text is not UTF-8".to_owned()))?;
        Self::new(text).map_err(|error| invalid(error.0))
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(<String as Deserialize>::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded_before_anything_is_read() {
        let huge = u32::MAX.to_le_bytes();
        assert!(decode_exact::<Bounded<u64, 4>>(&huge).unwrap_err().0.contains("at most 4"));
        assert!(decode_exact::<Bytes<4>>(&huge).unwrap_err().0.contains("at most 4"));
        assert!(decode_exact::<Bytes<8>>(&[4, 0, 0, 0, 1]).unwrap_err().0.contains("end early"));
    }

    #[test]
    fn nothing_is_left_over_and_text_is_clean() {
        let text = Text::<8>::new("abc").unwrap();
        let mut bytes = encode(&text);
        assert_eq!(decode_exact::<Text<8>>(&bytes).unwrap(), text);
        bytes.push(0);
        assert!(decode_exact::<Text<8>>(&bytes).unwrap_err().0.contains("left over"));
        assert!(decode_exact::<Text<8>>(&[1, 0, 0, 0, 0x1b]).unwrap_err().0.contains("control"));
        assert!(decode_exact::<Text<8>>(&[1, 0, 0, 0, 0xff]).unwrap_err().0.contains("UTF-8"));
    }
}
