//! Multiplying the δ of a `.zkey` file: by a secret that is forgotten at once, or by what a public random
//! value gives. The points that δ divides are divided, everything else is copied, and the history grows
//! by one ([`super::history`]). Only a few points at a time are in memory.
//!
//! Whether the file is the right circuit's cannot be seen without constraints and powers; a
//! contributor checks it before ([`super::zkey::import`]). The chain of contributions is checked here.

use std::io::{Read, Seek, Write};

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::Field;
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use zeroize::Zeroize;

use super::CeremonyError;
use super::container::{self, Container, POINT_1, begin_section, bytes_1, malformed};
use super::history::{History, HistoryError};
use super::zkey::{
    A, B_1, B_2, BASES, COEFFICIENTS, HEADER, HISTORY, Header, MAGIC, PRIVATE, PROTOCOL, QUOTIENT,
    VERSION,
};

/// Points in memory at a time.
const PART: usize = 1 << 15;

/// A key and its history, to be multiplied.
#[derive(Debug)]
pub struct Phase2<R> {
    file: Container<R>,
    header: Header,
    history: History,
}

impl<R: Read + Seek> Phase2<R> {
    /// Reads the header and the history.
    ///
    /// # Errors
    /// [`CeremonyError::Format`] for another kind of file or a damaged one.
    pub fn open(reader: R) -> Result<Self, CeremonyError> {
        let mut file = Container::open(reader, MAGIC, VERSION)?;
        let header = Header::read(&mut file)?;
        let [variables, public, domain] = header.sizes;
        let private = u64::from(variables)
            .checked_sub(u64::from(public).saturating_add(1))
            .ok_or(malformed("more inputs than variables"))?;
        file.expect(PRIVATE, private, POINT_1)?;
        file.expect(QUOTIENT, domain.into(), POINT_1)?;
        let history = History::read(&mut file)?;
        Ok(Self { file, header, history })
    }

    /// Multiplies δ by a fresh secret of `rng`, and writes the new key. Returns its history.
    ///
    /// # Errors
    /// [`CeremonyError::History`] if the contributions so far do not hold, have ended, or the name
    /// cannot be shown; [`CeremonyError::Format`] for points that are none, and when the writer fails.
    pub fn contribute<G: RngCore + CryptoRng>(
        mut self,
        name: &str,
        rng: &mut G,
        writer: &mut impl Write,
    ) -> Result<History, CeremonyError> {
        let mut factor = self.history.contribute(name, &self.header.delta_1, rng)?;
        let result = self.multiply(factor, writer);
        factor.zeroize();
        result.map(|()| self.history)
    }

    /// Multiplies δ by what a public random value gives, which ends the history.
    ///
    /// # Errors
    /// As [`Phase2::contribute`]; [`HistoryError::NoContribution`] if nobody contributed before.
    pub fn beacon(
        mut self,
        name: &str,
        value: &[u8],
        iterations: u8,
        writer: &mut impl Write,
    ) -> Result<History, CeremonyError> {
        let factor = self.history.beacon(name, value, iterations, &self.header.delta_1)?;
        self.multiply(factor, writer)?;
        Ok(self.history)
    }

    fn multiply(&mut self, factor: Fr, writer: &mut impl Write) -> Result<(), CeremonyError> {
        let mut inverse = factor.inverse().ok_or(HistoryError::Value)?;
        self.header.delta_1 = (self.header.delta_1 * factor).into_affine();
        self.header.delta_2 = (self.header.delta_2 * factor).into_affine();
        let [variables, public, domain] = self.header.sizes;
        let private = variables.saturating_sub(public).saturating_sub(1);

        container::begin(writer, MAGIC, VERSION, HISTORY)?;
        self.file.copy(PROTOCOL, writer)?;
        let header = self.header.bytes();
        begin_section(writer, HEADER, header.len() as u64)?;
        writer.write_all(&header)?;
        for section in [BASES, COEFFICIENTS, A, B_1, B_2] {
            self.file.copy(section, writer)?;
        }
        let divided = self
            .divide(PRIVATE, private as usize, &inverse, writer)
            .and_then(|()| self.divide(QUOTIENT, domain as usize, &inverse, writer));
        inverse.zeroize();
        divided?;
        let history = self.history.bytes();
        begin_section(writer, HISTORY, history.len() as u64)?;
        writer.write_all(&history)?;
        Ok(())
    }

    fn divide(
        &mut self,
        section: u32,
        count: usize,
        inverse: &Fr,
        writer: &mut impl Write,
    ) -> Result<(), CeremonyError> {
        begin_section(writer, section, count as u64 * POINT_1 as u64)?;
        for first in (0..count).step_by(PART) {
            let points: Vec<G1Affine> =
                self.file.some_points_1(section, first, PART.min(count - first))?;
            let divided: Vec<G1Projective> =
                points.par_iter().map(|point| *point * inverse).collect();
            for point in G1Projective::normalize_batch(&divided) {
                writer.write_all(&bytes_1(&point))?;
            }
        }
        Ok(())
    }
}
