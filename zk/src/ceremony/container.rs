//! iden3's binary container, in which powers of tau, constraints, witnesses and keys travel: a magic
//! word, a version, and numbered sections with their lengths; and its encoding of numbers and points.
//!
//! Readers are bounded: a section is read only as far as its length was checked, in parts that the
//! caller chose; every section stands once and nothing follows the last. Depends on arkworks' types.
//! Source: <https://github.com/iden3/binfileutils>, and the format description in
//! <https://github.com/iden3/r1csfile>.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, BigInteger, PrimeField, Zero};
use rayon::prelude::*;

use crate::field::scalar_bytes;

/// Why a file is not what its name says.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not of this format, or damaged.
    #[error("{0}")]
    Malformed(&'static str),
}

pub(super) const fn malformed(reason: &'static str) -> FormatError {
    FormatError::Malformed(reason)
}

/// Bytes of a number.
pub const NUMBER: usize = 32;
/// Bytes of a point of the first group.
pub const POINT_1: usize = 64;
/// Bytes of a point of the second group.
pub const POINT_2: usize = 128;

/// Most sections of a file.
const MAX_SECTIONS: u32 = 64;

/// A file with its table of sections.
#[derive(Debug)]
pub struct Container<R> {
    reader: R,
    sections: BTreeMap<u32, (u64, u64)>,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the table.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for another magic word or version, a section that stands twice or
    /// reaches beyond the end, and bytes after the last.
    pub fn open(mut reader: R, magic: &[u8; 4], version: u32) -> Result<Self, FormatError> {
        let length = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        if take::<4>(&mut reader)? != *magic {
            return Err(malformed("another kind of file"));
        }
        if u32::from_le_bytes(take(&mut reader)?) != version {
            return Err(malformed("another version of the format"));
        }
        let count = u32::from_le_bytes(take(&mut reader)?);
        if count > MAX_SECTIONS {
            return Err(malformed("too many sections"));
        }
        let mut sections = BTreeMap::new();
        let mut at = 12u64;
        for _ in 0..count {
            reader.seek(SeekFrom::Start(at))?;
            let kind = u32::from_le_bytes(take(&mut reader)?);
            let size = u64::from_le_bytes(take(&mut reader)?);
            let start = at.saturating_add(12);
            at = start.saturating_add(size);
            if at > length {
                return Err(malformed("a section reaches beyond the end of the file"));
            }
            if sections.insert(kind, (start, size)).is_some() {
                return Err(malformed("a section stands twice"));
            }
        }
        if at != length {
            return Err(malformed("bytes after the last section"));
        }
        Ok(Self { reader, sections })
    }

    /// Length of a section in bytes.
    ///
    /// # Errors
    /// If there is no such section.
    pub fn size(&self, section: u32) -> Result<u64, FormatError> {
        self.sections.get(&section).map(|(_, size)| *size).ok_or(malformed("a section is missing"))
    }

    /// Refuses a section of another length than `items` of `size` bytes.
    ///
    /// # Errors
    /// If it is of another length, or missing.
    pub fn expect(&self, section: u32, items: u64, size: usize) -> Result<(), FormatError> {
        if items.checked_mul(size as u64) != Some(self.size(section)?) {
            return Err(malformed("a section is of another length than the header says"));
        }
        Ok(())
    }

    /// The first bytes of a section.
    ///
    /// # Errors
    /// If it is shorter.
    pub fn read(&mut self, section: u32, length: usize) -> Result<Vec<u8>, FormatError> {
        self.part(section, 0, length, 1)
    }

    /// The whole of a small section.
    ///
    /// # Errors
    /// If it is longer than `most`.
    pub fn whole(&mut self, section: u32, most: usize) -> Result<Vec<u8>, FormatError> {
        let size = self.size(section)?;
        match usize::try_from(size) {
            Ok(size) if size <= most => self.read(section, size),
            _ => Err(malformed("a section is too long")),
        }
    }

    /// The first `count` points of a section, each on the curve. The first group is the whole curve.
    ///
    /// # Errors
    /// If there are fewer, or one is no point.
    pub fn points_1(&mut self, section: u32, count: usize) -> Result<Vec<G1Affine>, FormatError> {
        self.some_points_1(section, 0, count)
    }

    /// `count` points of a section from number `first` on, each on the curve.
    ///
    /// # Errors
    /// If there are fewer, or one is no point.
    pub fn some_points_1(
        &mut self,
        section: u32,
        first: usize,
        count: usize,
    ) -> Result<Vec<G1Affine>, FormatError> {
        let bytes = self.part(section, first, count, POINT_1)?;
        bytes.par_chunks_exact(POINT_1).map(point_1).collect()
    }

    /// `count` points of a section from number `first` on, each in the second group.
    ///
    /// # Errors
    /// If there are fewer, or one is no point of the group.
    pub fn some_points_2(
        &mut self,
        section: u32,
        first: usize,
        count: usize,
    ) -> Result<Vec<G2Affine>, FormatError> {
        let bytes = self.part(section, first, count, POINT_2)?;
        bytes.par_chunks_exact(POINT_2).map(point_2).collect()
    }

    fn part(
        &mut self,
        section: u32,
        first: usize,
        count: usize,
        size: usize,
    ) -> Result<Vec<u8>, FormatError> {
        let short = malformed("a section is too short");
        let (start, whole) =
            *self.sections.get(&section).ok_or(malformed("a section is missing"))?;
        let (Some(from), Some(length)) = (first.checked_mul(size), count.checked_mul(size)) else {
            return Err(short);
        };
        if (from as u64).saturating_add(length as u64) > whole {
            return Err(short);
        }
        self.reader.seek(SeekFrom::Start(start.saturating_add(from as u64)))?;
        let mut bytes = vec![0u8; length];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a section into another file as it is, with its number and length.
    ///
    /// # Errors
    /// If it is missing, or a file cannot be read or written.
    pub fn copy(&mut self, section: u32, writer: &mut impl Write) -> Result<(), FormatError> {
        let (start, size) =
            *self.sections.get(&section).ok_or(malformed("a section is missing"))?;
        self.reader.seek(SeekFrom::Start(start))?;
        begin_section(writer, section, size)?;
        if io::copy(&mut (&mut self.reader).take(size), writer)? != size {
            return Err(malformed("a section is too short"));
        }
        Ok(())
    }

    /// The first `count` points of a section, each in the second group.
    ///
    /// # Errors
    /// If there are fewer, or one is no point of the group.
    pub fn points_2(&mut self, section: u32, count: usize) -> Result<Vec<G2Affine>, FormatError> {
        self.some_points_2(section, 0, count)
    }
}

fn take<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], FormatError> {
    let mut bytes = [0u8; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn integer(bytes: &[u8]) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_le_bytes(word);
    }
    BigInt::new(limbs)
}

/// A coordinate: Montgomery form, little-endian, below the modulus.
fn coordinate(bytes: &[u8]) -> Result<Fq, FormatError> {
    let value = integer(bytes);
    if value >= Fq::MODULUS {
        return Err(malformed("a coordinate is not below the modulus"));
    }
    Ok(Fq::new_unchecked(value))
}

/// A coefficient as keys hold it: multiplied by the square of the Montgomery radix.
///
/// # Errors
/// If it is not below the modulus.
pub fn coefficient(bytes: &[u8]) -> Result<Fr, FormatError> {
    let value = integer(bytes);
    if value >= Fr::MODULUS {
        return Err(malformed("a coefficient is not below the modulus"));
    }
    Ok(Fr::new_unchecked(Fr::new_unchecked(value).into_bigint()))
}

/// The bytes of a coefficient as keys hold it.
pub(super) fn coefficient_bytes(value: &Fr) -> [u8; NUMBER] {
    // A value in memory is an integer below the modulus.
    words(&Fr::from_bigint(value.0).unwrap_or_default().0)
}

fn words(value: &BigInt<4>) -> [u8; NUMBER] {
    let mut bytes = [0u8; NUMBER];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

/// The bytes of a point of the first group.
pub(crate) fn bytes_1(point: &G1Affine) -> [u8; POINT_1] {
    let mut bytes = [0u8; POINT_1];
    if let Some((x, y)) = point.xy() {
        for (chunk, number) in bytes.chunks_exact_mut(NUMBER).zip([x, y]) {
            chunk.copy_from_slice(&words(&number.0));
        }
    }
    bytes
}

/// The bytes of a point of the second group.
pub(crate) fn bytes_2(point: &G2Affine) -> [u8; POINT_2] {
    let mut bytes = [0u8; POINT_2];
    if let Some((x, y)) = point.xy() {
        for (chunk, number) in bytes.chunks_exact_mut(NUMBER).zip([x.c0, x.c1, y.c0, y.c1]) {
            chunk.copy_from_slice(&words(&number.0));
        }
    }
    bytes
}

/// A point of the first group; zero bytes are the neutral one.
///
/// # Errors
/// If it is not on the curve.
pub fn point_1(bytes: &[u8]) -> Result<G1Affine, FormatError> {
    let (x, y) = bytes.split_at_checked(NUMBER).ok_or(malformed("a point is cut short"))?;
    let (x, y) = (coordinate(x)?, coordinate(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(malformed("a point is not on the curve"));
    }
    Ok(point)
}

/// A point of the second group; zero bytes are the neutral one.
///
/// # Errors
/// If it is not on the curve, or outside the prime-order subgroup.
pub fn point_2(bytes: &[u8]) -> Result<G2Affine, FormatError> {
    let mut numbers = bytes.chunks_exact(NUMBER).map(coordinate);
    let mut next = || numbers.next().unwrap_or(Err(malformed("a point is cut short")));
    let (x, y) = (Fq2::new(next()?, next()?), Fq2::new(next()?, next()?));
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(malformed("a point is not on the curve"));
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(malformed("a point is outside the prime-order subgroup"));
    }
    Ok(point)
}

/// A modulus as headers state it: its length and its plain little-endian bytes.
pub(crate) fn modulus<F: PrimeField>() -> Vec<u8> {
    let mut bytes = (NUMBER as u32).to_le_bytes().to_vec();
    let mut number = F::MODULUS.to_bytes_le();
    number.resize(NUMBER, 0);
    bytes.extend(number);
    bytes
}

/// Writes a file from its sections, in order.
///
/// # Errors
/// When the writer fails.
pub fn write(
    writer: &mut impl Write,
    magic: &[u8; 4],
    version: u32,
    sections: &[(u32, Vec<u8>)],
) -> io::Result<()> {
    begin(writer, magic, version, sections.len() as u32)?;
    for (kind, payload) in sections {
        begin_section(writer, *kind, payload.len() as u64)?;
        writer.write_all(payload)?;
    }
    Ok(())
}

/// Writes the beginning of a file whose sections follow one by one.
pub(super) fn begin(
    writer: &mut impl Write,
    magic: &[u8; 4],
    version: u32,
    sections: u32,
) -> io::Result<()> {
    writer.write_all(magic)?;
    writer.write_all(&version.to_le_bytes())?;
    writer.write_all(&sections.to_le_bytes())
}

/// Writes the number and length of a section whose payload follows.
pub(super) fn begin_section(writer: &mut impl Write, kind: u32, length: u64) -> io::Result<()> {
    writer.write_all(&kind.to_le_bytes())?;
    writer.write_all(&length.to_le_bytes())
}

/// A number in plain form.
pub(super) fn plain(value: &Fr) -> [u8; NUMBER] {
    scalar_bytes(value)
}
