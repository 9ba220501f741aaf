//! Opening a package into files: the buyer's side.
//!
//! Every segment is authenticated, every dictionary is checked to be canonical, and all commitments
//! are rebuilt and compared, so that each property proven of the listing speaks of exactly the rows
//! written out. Memory is bounded by one row block, the dictionaries and a batch of file segments.
//! Files appear under their names only when everything has been checked. Depends on `opener`,
//! `commit` and `encode`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use galen_market::layout::{self, Values};
use galen_market::segment::SegmentError;
use galen_zk::commitment::Srs;

use crate::commit::{Combination, serves};
use crate::csv_out::write_record;
use crate::durable::{At, Hashing, PendingFolder, parent, sync_folder};
use crate::encode::decode_cell;
use crate::manifest::Resource;
use crate::opener::{OpenError, Opener};
use crate::pack::{Progress, Report};
use crate::package::{PackageError, PackageFolder};
use crate::schema::Kind;
use crate::seal::MasterKey;

/// File segments read and decrypted at once.
const BATCH: u64 = 64;
/// Texts of one column kept while rows are written.
const KEPT_TEXTS: usize = 1 << 16;

/// Opens everything into a new folder at `target`, which must not exist: one CSV a table, byte for
/// byte the packed one, and every file.
///
/// # Errors
/// See [`OpenError`]; `target` exists afterwards only on success.
pub fn open(
    folder: &PackageFolder,
    key: MasterKey,
    srs: &Srs,
    target: &Path,
    report: Report<'_>,
) -> Result<Vec<PathBuf>, OpenError> {
    let size = folder.layout().block_rows();
    if !serves(srs, size) {
        return Err(OpenError::Parameters);
    }
    let mut run = Run {
        opener: Opener::new(folder, key)?,
        output: PendingFolder::new(target)?,
        sum: Combination::new(srs, size),
        bad_cell: None,
        done: 0,
        report,
    };
    let dictionaries = run.opener.dictionaries()?;
    let (tables, files) = folder.manifest().resources.split_at(folder.layout().tables().len());
    let mut written = Vec::with_capacity(tables.len());
    for ((t, table), resource) in (0u32..).zip(folder.layout().tables()).zip(tables) {
        written.push(run.table(t, table, resource, &dictionaries)?);
    }
    // The claims come first: a cell speaks against the seller only if it was committed to.
    if !run.sum.holds() {
        return Err(OpenError::Claim { segment: run.opener.false_claim(srs)? });
    }
    for (file, resource) in folder.layout().files().iter().zip(files) {
        written.push(run.file(file, resource)?);
    }
    if let Some((segment, row)) = run.bad_cell {
        return Err(OpenError::Cell { segment, row });
    }
    // No dispute answers these, so they must not hide a segment that one would.
    run.opener.in_order()?;
    for (resource, (bytes, hash)) in folder.manifest().resources.iter().zip(written) {
        if resource.bytes != bytes || resource.hash != hash {
            return Err(OpenError::HashDiffers { path: resource.path.clone() });
        }
    }
    let paths = folder.manifest().resources.iter().map(|r| target.join(&r.path)).collect();
    run.output.finish()?;
    Ok(paths)
}

struct Run<'a> {
    opener: Opener<'a>,
    output: PendingFolder,
    sum: Combination<'a>,
    /// The first cell without a meaning, kept until the claims are checked.
    bad_cell: Option<(u64, u64)>,
    done: u64,
    report: Report<'a>,
}

/// The length and the hash of a file that was written.
type Written = (u64, String);

impl Run<'_> {
    fn table(
        &mut self,
        t: u32,
        table: &layout::Table,
        resource: &Resource,
        dictionaries: &[Vec<String>],
    ) -> Result<Written, OpenError> {
        let disagrees = || PackageError::ManifestDisagrees(format!("table {}", table.name));
        let fields = resource.schema.as_ref().map(|s| s.fields.as_slice()).unwrap_or_default();
        let mut columns = Vec::with_capacity(table.columns.len());
        for (spec, field) in table.columns.iter().zip(fields) {
            let kind = field.kind(spec).ok_or_else(disagrees)?;
            let dictionary = match &spec.values {
                Values::Code { dictionary } => {
                    dictionaries.get(*dictionary as usize).map(Vec::as_slice).unwrap_or_default()
                }
                Values::Number { .. } | Values::Date { .. } => &[],
            };
            columns.push(Texts { spec, kind, dictionary, kept: HashMap::new() });
        }
        if columns.len() != table.columns.len() {
            return Err(disagrees().into());
        }
        let path = self.create(&resource.path)?;
        let file = File::create_new(&path).at(&path)?;
        let mut out = BufWriter::new(Hashing::new(&file));
        write_record(&mut out, table.columns.iter().map(|c| c.name.as_str())).at(&path)?;
        for (block, rows) in (0u32..).zip(&table.active) {
            let opened = self.opener.block(t, block)?;
            self.sum.add(&opened);
            for row in 0..*rows as usize {
                for (c, (texts, column)) in columns.iter_mut().zip(&opened).enumerate() {
                    let cell = column.cells.get(row).copied().unwrap_or(0);
                    if texts.keep(cell).is_err() && self.bad_cell.is_none() {
                        let first = table.segment(block, 0).unwrap_or(0);
                        self.bad_cell = Some((first + c as u64, row as u64));
                    }
                }
                let record = columns.iter().zip(&opened).map(|(texts, column)| {
                    let cell = column.cells.get(row).copied().unwrap_or(0);
                    texts.kept.get(&cell).map_or("", String::as_str)
                });
                write_record(&mut out, record).at(&path)?;
            }
            self.step(opened.len() as u64);
        }
        let written = out.into_inner().map_err(|e| e.into_error()).at(&path)?;
        file.sync_all().at(&path)?;
        Ok(written.finish())
    }

    fn file(&mut self, file: &layout::File, resource: &Resource) -> Result<Written, OpenError> {
        let path = self.create(&resource.path)?;
        let target = File::create_new(&path).at(&path)?;
        let mut out = Hashing::new(&target);
        let end = file.first.saturating_add(file.segments());
        let mut next = file.first;
        let mut left = file.bytes;
        while next < end {
            let to = end.min(next.saturating_add(BATCH));
            for (segment, part) in (next..).zip(self.opener.plaintexts(next, to)?) {
                let expected = left.min(layout::SEGMENT_BYTES as u64);
                if part.len() as u64 != expected {
                    return Err(OpenError::Segment { segment, source: SegmentError::Length });
                }
                left -= expected;
                out.write_all(&part).at(&path)?;
            }
            self.step(to - next);
            next = to;
        }
        target.sync_all().at(&path)?;
        Ok(out.finish())
    }

    /// The place of an output file, with the folders above it. Paths of a manifest stay inside.
    fn create(&self, relative: &str) -> Result<PathBuf, OpenError> {
        let path = self.output.path().join(relative);
        let above = parent(&path);
        fs::create_dir_all(above).at(above)?;
        sync_folder(above)?;
        Ok(path)
    }

    fn step(&mut self, segments: u64) {
        self.done = self.done.saturating_add(segments);
        let total = self.opener.segments_total();
        (self.report)(Progress { done: self.done.min(total), total });
    }
}

/// Texts of a column's cells, each made once.
struct Texts<'a> {
    spec: &'a layout::Column,
    kind: Kind,
    dictionary: &'a [String],
    kept: HashMap<u64, String>,
}

impl Texts<'_> {
    fn keep(&mut self, cell: u64) -> Result<(), SegmentError> {
        if self.kept.contains_key(&cell) {
            return Ok(());
        }
        if self.kept.len() >= KEPT_TEXTS {
            self.kept.clear();
        }
        let text = decode_cell(self.spec, &self.kind, self.dictionary, cell)?;
        self.kept.insert(cell, text);
        Ok(())
    }
}
