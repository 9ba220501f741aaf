//! Walks Thrift's compact encoding far enough to know that what it states is there.
//!
//! The Parquet library takes room for as many list entries as a file states before it has read the
//! first, and descends as deep as a schema does; both are looked at here before it sees a byte.
//! Depends on nothing.

/// Deepest nesting of structures; Parquet's own metadata have six.
const MAX_DEPTH: u8 = 16;

/// The type of a field: the low four bits of its head.
pub(super) type Kind = u8;
pub(super) const I32: Kind = 5;
pub(super) const BINARY: Kind = 8;
pub(super) const LIST: Kind = 9;
pub(super) const STRUCT: Kind = 12;
const TRUE: Kind = 1;
const FALSE: Kind = 2;

/// A place in encoded bytes. Every step is `None` where the bytes end or make no sense.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Hears of a field; says whether it has read its value, which is walked over otherwise.
pub(super) type OnField<'f, 'a> = &'f mut dyn FnMut(&mut Walk<'a>, i16, Kind) -> Option<bool>;

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes walked over so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A whole number of any width.
    pub(super) fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A text, or bytes.
    pub(super) fn binary(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    /// The head of a list: the type of its entries, and how many there are. No entry takes less than
    /// a byte, so there cannot be more than bytes.
    pub(super) fn list(&mut self) -> Option<(Kind, usize)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => usize::from(few),
        };
        (count <= self.left()).then_some((head & 0x0f, count))
    }

    /// A structure, each of whose fields `on_field` hears of.
    pub(super) fn structure(&mut self, on_field: OnField<'_, 'a>) -> Option<()> {
        self.fields(0, on_field)
    }

    fn fields(&mut self, depth: u8, on_field: OnField<'_, 'a>) -> Option<()> {
        let mut id = 0i16;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return (head == 0).then_some(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.number()?).ok()?,
                step => id.checked_add(i16::from(step))?,
            };
            // Truth values stand in the head itself.
            if !on_field(self, id, kind)? && kind != TRUE && kind != FALSE {
                self.value(kind, depth)?;
            }
        }
    }

    /// Walks over a value.
    fn value(&mut self, kind: Kind, depth: u8) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        match kind {
            TRUE | FALSE | 3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.take(8).map(drop),
            BINARY => self.binary().map(drop),
            LIST | 10 => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.value(kind, depth + 1))
            }
            11 => {
                let count = usize::try_from(self.varint()?).ok()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                if count > self.left() {
                    return None;
                }
                (0..count).try_for_each(|_| {
                    self.value(kinds >> 4, depth + 1)?;
                    self.value(kinds & 0x0f, depth + 1)
                })
            }
            STRUCT => self.fields(depth + 1, &mut |_, _, _| Some(false)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field 1 is the number 3, field 3 a list of two numbers, field 4 a structure with a text.
    const GOOD: &[u8] =
        &[0x15, 0x06, 0x29, 0x25, 0x02, 0x04, 0x1c, 0x18, 0x02, b'h', b'i', 0x00, 0x00, 0xff];

    #[test]
    fn a_structure_is_walked_to_its_end() {
        let mut first = None;
        let mut walk = Walk::new(GOOD);
        let done = walk.structure(&mut |walk, id, kind| {
            if (id, kind) != (1, I32) {
                return Some(false);
            }
            first = walk.number();
            Some(true)
        });
        assert_eq!((done, first, walk.at()), (Some(()), Some(3), GOOD.len() - 1));
    }

    #[test]
    fn lies_about_lengths_and_depth_are_seen() {
        for cut in 0..GOOD.len() - 1 {
            assert!(Walk::new(&GOOD[..cut]).structure(&mut |_, _, _| Some(false)).is_none());
        }
        // A list of 2^31 - 1 structures in ten bytes.
        let list = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x00, 0x00];
        assert!(Walk::new(&list).structure(&mut |_, _, _| Some(false)).is_none());
        let deep = vec![0x1c; 1 << 20];
        assert!(Walk::new(&deep).structure(&mut |_, _, _| Some(false)).is_none());
    }
}
