//! Opening a package into files: the buyer's side.
//!
//! Every segment is authenticated, every dictionary is checked to be canonical, and all commitments
//! are checked against the cells, so that each property proven of the listing speaks of exactly the
//! rows written out, in whatever form. Memory is bounded by one row block's cells, the dictionaries, a
//! file segment a core, a row group of Parquet, and lines of some MiB: a word of a dictionary may stand in
//! every row, so that kilobytes could become gigabytes. A table is written as far as the manifest declares
//! its length, and little farther.
//! Files appear under their names only when everything has been checked. Depends on `opener`,
//! `commit` and `output`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use galen_market::layout::{self, SEGMENT_BYTES, Values};
use galen_zk::commitment::Srs;
use ring::digest::{Context, SHA256};

use crate::commit::{Combination, serves};
use crate::csv_out::{is_formula, write_record};
use crate::durable::{At, PendingFolder, parent, sync_folder, write_synced};
use crate::manifest::Resource;
use crate::opener::{OpenError, Opener};
use crate::output::{
    Fault, Format, Formulas, Meaning, Output, Packed, Sink, Target, Written, describe, pieces,
    places,
};
use crate::pack::{Progress, Report};
use crate::package::{PackageError, PackageFolder};
use crate::seal::MasterKey;
use crate::stream::InOrder;

/// What was opened.
#[derive(Debug)]
pub struct Opened {
    /// The files, in the order of the manifest.
    pub files: Vec<PathBuf>,
    /// The description beside them.
    pub description: PathBuf,
    /// What the institution said that is false, though every segment is authentic, every commitment
    /// holds and no dispute answers it: [`OpenError::DictionaryOrder`] and
    /// [`OpenError::HashDiffers`].
    pub warnings: Vec<OpenError>,
    /// Columns with texts that a spreadsheet would take for formulas. In [`Format::Csv`] they were
    /// disarmed.
    pub formulas: Vec<Formulas>,
}

/// Opens everything into a new folder at `target`, which must not exist: every table in the form
/// asked for, every file, and a description of them.
///
/// # Errors
/// See [`OpenError`]; `target` exists afterwards only on success.
pub fn open(
    folder: &PackageFolder,
    key: MasterKey,
    srs: &Srs,
    target: &Path,
    output: &Output,
    report: Report<'_>,
) -> Result<Opened, OpenError> {
    let (paths, description) = places(folder.manifest(), output);
    let pending = PendingFolder::private(target)?;
    let run = run(folder, key, srs, output, Some((&pending, paths.as_slice())), report)?;
    let package = folder.id().to_string();
    let about = describe(folder.manifest(), &package, output, &paths, &run.written);
    let about = about.map_err(std::io::Error::from);
    let path = pending.path().join(&description);
    write_synced(&path, &about.at(&path)?)?;
    pending.finish()?;
    Ok(Opened {
        files: paths.iter().map(|path| target.join(path)).collect(),
        description: target.join(description),
        warnings: run.warnings,
        formulas: run.formulas,
    })
}

/// Checks everything that [`open`] checks, and writes nothing.
///
/// # Errors
/// See [`OpenError`].
pub fn check(
    folder: &PackageFolder,
    key: MasterKey,
    srs: &Srs,
    report: Report<'_>,
) -> Result<Vec<OpenError>, OpenError> {
    Ok(run(folder, key, srs, &Output::default(), None, report)?.warnings)
}

/// What a run found.
struct Outcome {
    written: Vec<Written>,
    warnings: Vec<OpenError>,
    formulas: Vec<Formulas>,
}

fn run(
    folder: &PackageFolder,
    key: MasterKey,
    srs: &Srs,
    output: &Output,
    place: Option<(&PendingFolder, &[String])>,
    report: Report<'_>,
) -> Result<Outcome, OpenError> {
    let size = folder.layout().block_rows();
    if !serves(srs, size) {
        return Err(OpenError::Parameters);
    }
    let mut run = Run {
        package: folder.id().to_string(),
        opener: Opener::new(folder, key)?,
        output,
        place,
        sum: Combination::new(srs, size),
        bad_cell: None,
        done: 0,
        report,
        written: Vec::new(),
        formulas: Vec::new(),
    };
    let dictionaries = run.opener.dictionaries()?;
    let tables = folder.layout().tables().len();
    let tables = &folder.manifest().resources[..tables];
    // Length and hash of every resource as it was packed; none of a table that is too long.
    let mut packed = Vec::with_capacity(folder.manifest().resources.len());
    for ((t, table), resource) in (0u32..).zip(folder.layout().tables()).zip(tables) {
        packed.push(run.table(t, table, resource, &dictionaries)?);
    }
    // The claims come first: a cell speaks against the seller only if it was committed to.
    if !run.sum.holds() {
        return Err(OpenError::Claim { segment: run.opener.false_claim(srs)? });
    }
    let files = &folder.manifest().resources[tables.len()..];
    for (file, resource) in folder.layout().files().iter().zip(files) {
        packed.push(Some(run.file(file, resource)?));
    }
    if let Some((segment, row)) = run.bad_cell {
        return Err(OpenError::Cell { segment, row });
    }
    // What no dispute answers must not hide a segment that one would, and a buyer who cannot dispute
    // gets the data, told what is wrong with it.
    let mut warnings: Vec<OpenError> = run.opener.in_order().err().into_iter().collect();
    for (resource, packed) in folder.manifest().resources.iter().zip(packed) {
        let Some((bytes, hash)) = packed else {
            let (path, declared) = (resource.path.clone(), resource.bytes);
            return Err(OpenError::Longer { path, declared });
        };
        if resource.bytes != bytes || resource.hash.is_some() && resource.hash != hash {
            warnings.push(OpenError::HashDiffers { path: resource.path.clone() });
        }
    }
    Ok(Outcome { written: run.written, warnings, formulas: run.formulas })
}

struct Run<'a> {
    package: String,
    opener: Opener<'a>,
    output: &'a Output,
    /// The folder that is being written, and the path of every resource in it.
    place: Option<(&'a PendingFolder, &'a [String])>,
    sum: Combination<'a>,
    /// The first cell without a meaning, kept until the claims are checked.
    bad_cell: Option<(u64, u64)>,
    done: u64,
    report: Report<'a>,
    written: Vec<Written>,
    formulas: Vec<Formulas>,
}

/// The length of a resource as it was packed, and its hash if the manifest states one.
type Length = (u64, Option<String>);

impl Run<'_> {
    fn table(
        &mut self,
        t: u32,
        table: &layout::Table,
        resource: &Resource,
        dictionaries: &[Vec<String>],
    ) -> Result<Option<Length>, OpenError> {
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
            columns.push(Meaning { spec, kind, dictionary });
        }
        if columns.len() != table.columns.len() {
            return Err(disagrees().into());
        }
        let format = self.output.format;
        let target = self.target(format == Format::Original)?;
        let path = target.path().to_owned();
        let mut sink = Sink::new(format, target, &columns, &table.name, &self.package)?;
        let expected = if self.output.any_length { u64::MAX } else { resource.bytes };
        let mut packed = Packed::new(expected);
        write_record(&mut packed, table.columns.iter().map(|c| c.name.as_str())).at(&path)?;
        // The names stand in a line too.
        let mut formulas: Vec<u64> =
            columns.iter().map(|column| u64::from(is_formula(&column.spec.name))).collect();
        for (block, rows) in (0u32..).zip(&table.active) {
            let opened = self.opener.block(t, block)?;
            self.sum.add(&opened);
            for piece in pieces(&columns, &opened, *rows as usize) {
                let seen = sink.rows(&columns, &opened, &piece, &mut packed, &path)?;
                if let Some(Fault { row, column }) = seen.fault {
                    let first = table.segment(block, 0).unwrap_or(0);
                    self.bad_cell.get_or_insert((first + column as u64, row as u64));
                }
                for (sum, cells) in formulas.iter_mut().zip(&seen.formulas) {
                    *sum = sum.saturating_add(*cells);
                }
            }
            self.step(opened.len() as u64);
        }
        self.written.push(sink.finish(&path)?);
        let found = columns.iter().zip(formulas).filter(|(_, cells)| *cells > 0);
        self.formulas.extend(found.map(|(column, cells)| Formulas {
            path: resource.path.clone(),
            column: column.spec.name.clone(),
            cells,
        }));
        Ok(packed.finish().map(|(bytes, hash)| (bytes, Some(hash))))
    }

    /// Writes a file: every segment to its place, or in order where the form of the output asks for it.
    fn file(&mut self, file: &layout::File, resource: &Resource) -> Result<Length, OpenError> {
        let target = self.target(true)?;
        let path = target.path().to_owned();
        let placed = target.placed().at(&path)?;
        let hash = resource.hash.is_some().then(|| Context::new(&SHA256));
        let ordered = hash.is_some() || target.is_ordered();
        let order = InOrder::new((target, hash));
        let (done, bytes) = (AtomicU64::new(self.done), AtomicU64::new(0));
        let total = self.opener.segments_total();
        self.opener.each(file.first, file.segments(), Some(&order), |number, text| {
            if let Some(placed) = &placed {
                let at = number.saturating_mul(SEGMENT_BYTES as u64);
                placed.write_all_at(text, at).at(&path)?;
            }
            if ordered {
                let mut written = Ok(());
                order.take(number, |(target, hash)| {
                    hash.iter_mut().for_each(|hash| hash.update(text));
                    if placed.is_none() {
                        written = target.write_all(text);
                    }
                });
                written.at(&path)?;
            }
            bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
            let done = done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            (self.report)(Progress { done: done.min(total), total });
            Ok(())
        })?;
        let (target, hash) = order.finish();
        self.done = done.into_inner();
        self.written.push(target.finish()?);
        let hash = hash.map(|hash| format!("sha256:{}", hex::encode(hash.finish())));
        Ok((bytes.into_inner(), hash))
    }

    /// The next output file, with the folders above it. Paths of a manifest stay inside.
    fn target(&self, known: bool) -> Result<Target, OpenError> {
        let Some((pending, paths)) = self.place else { return Ok(Target::new(None, known, &[])?) };
        let path = paths.get(self.written.len()).map(String::as_str).unwrap_or_default();
        let path = pending.path().join(path);
        let above = parent(&path);
        fs::create_dir_all(above).at(above)?;
        sync_folder(above)?;
        Ok(Target::new(Some(path), known, &self.output.recipients)?)
    }

    fn step(&mut self, segments: u64) {
        self.done = self.done.saturating_add(segments);
        let total = self.opener.segments_total();
        (self.report)(Progress { done: self.done.min(total), total });
    }
}
