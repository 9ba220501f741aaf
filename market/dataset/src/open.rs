//! Opening a package into files: the buyer's side.
//!
//! Every segment is authenticated, every dictionary is checked to be canonical, and all commitments
//! are checked against the cells, so that each property proven of the listing speaks of exactly the
//! rows written out. Memory is bounded by one row block, the dictionaries and a file segment a core.
//! Files appear under their names only when everything has been checked. Depends on `opener`,
//! `commit` and `encode`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use galen_market::layout::{self, SEGMENT_BYTES, Values};
use galen_market::segment::SegmentError;
use galen_zk::commitment::Srs;
use rayon::prelude::*;
use ring::digest::{Context, SHA256};

use crate::commit::{Combination, OpenedColumn, serves};
use crate::csv_out::write_record;
use crate::durable::{At, Hashing, PendingFolder, parent, sync_folder};
use crate::encode::decode_cell;
use crate::manifest::Resource;
use crate::opener::{OpenError, Opener};
use crate::pack::{Progress, Report};
use crate::package::{PackageError, PackageFolder};
use crate::schema::Kind;
use crate::seal::MasterKey;
use crate::stream::InOrder;

/// Rows that one task writes out.
const ROWS_A_TASK: usize = 4_096;

/// What was opened.
#[derive(Debug)]
pub struct Opened {
    /// The files, in the order of the manifest.
    pub files: Vec<PathBuf>,
    /// What the institution said that is false, though every segment is authentic, every commitment
    /// holds and no dispute answers it: [`OpenError::DictionaryOrder`] and
    /// [`OpenError::HashDiffers`].
    pub warnings: Vec<OpenError>,
}

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
) -> Result<Opened, OpenError> {
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
    // What no dispute answers must not hide a segment that one would, and a buyer who cannot dispute
    // gets the data, told what is wrong with it.
    let mut warnings: Vec<OpenError> = run.opener.in_order().err().into_iter().collect();
    for (resource, (bytes, hash)) in folder.manifest().resources.iter().zip(written) {
        if resource.bytes != bytes || resource.hash.is_some() && resource.hash != hash {
            warnings.push(OpenError::HashDiffers { path: resource.path.clone() });
        }
    }
    let files = folder.manifest().resources.iter().map(|r| target.join(&r.path)).collect();
    run.output.finish()?;
    Ok(Opened { files, warnings })
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

/// The length of a file that was written, and its hash if the manifest states one.
type Written = (u64, Option<String>);

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
            columns.push(Meaning { spec, kind, dictionary });
        }
        if columns.len() != table.columns.len() {
            return Err(disagrees().into());
        }
        let path = self.create(&resource.path)?;
        let file = File::create_new(&path).at(&path)?;
        let mut out = Hashing::new(&file);
        write_record(&mut out, table.columns.iter().map(|c| c.name.as_str())).at(&path)?;
        for (block, rows) in (0u32..).zip(&table.active) {
            let opened = self.opener.block(t, block)?;
            self.sum.add(&opened);
            let rows = *rows as usize;
            let parts: Vec<(Vec<u8>, Option<Fault>)> = (0..rows.div_ceil(ROWS_A_TASK))
                .into_par_iter()
                .map(|task| {
                    let from = task * ROWS_A_TASK;
                    lines(&columns, &opened, from..rows.min(from + ROWS_A_TASK))
                })
                .collect();
            for (text, fault) in parts {
                if let Some(Fault { row, column }) = fault {
                    let first = table.segment(block, 0).unwrap_or(0);
                    self.bad_cell.get_or_insert((first + column as u64, row as u64));
                }
                out.write_all(&text).at(&path)?;
            }
            self.step(opened.len() as u64);
        }
        file.sync_all().at(&path)?;
        let (bytes, hash) = out.finish();
        Ok((bytes, Some(hash)))
    }

    fn file(&mut self, file: &layout::File, resource: &Resource) -> Result<Written, OpenError> {
        let path = self.create(&resource.path)?;
        let target = File::create_new(&path).at(&path)?;
        let hash = resource.hash.is_some().then(|| InOrder::new(Context::new(&SHA256)));
        let done = AtomicU64::new(self.done);
        let total = self.opener.segments_total();
        self.opener.each(file.first, file.segments(), hash.as_ref(), |number, text| {
            if let Some(hash) = &hash {
                hash.take(number, |hash| hash.update(text));
            }
            let at = number.saturating_mul(SEGMENT_BYTES as u64);
            target.write_all_at(text, at).at(&path)?;
            let done = done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            (self.report)(Progress { done: done.min(total), total });
            Ok(())
        })?;
        self.done = done.into_inner();
        target.sync_data().at(&path)?;
        let bytes = target.metadata().at(&path)?.len();
        let hash = hash.map(|hash| format!("sha256:{}", hex::encode(hash.finish().finish())));
        Ok((bytes, hash))
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

/// How the cells of a column are read.
struct Meaning<'a> {
    spec: &'a layout::Column,
    kind: Kind,
    dictionary: &'a [String],
}

/// The first cell without a meaning.
struct Fault {
    row: usize,
    column: usize,
}

/// Texts of a column's cells, each made once.
struct Texts<'a> {
    meaning: &'a Meaning<'a>,
    kept: HashMap<u64, String>,
}

impl Texts<'_> {
    fn text(&mut self, cell: u64) -> Result<&str, SegmentError> {
        let Meaning { spec, kind, dictionary } = self.meaning;
        match self.kept.entry(cell) {
            Entry::Occupied(text) => Ok(text.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(decode_cell(spec, kind, dictionary, cell)?)),
        }
    }
}

/// The lines of some rows of a block.
fn lines(
    columns: &[Meaning<'_>],
    opened: &[OpenedColumn],
    rows: Range<usize>,
) -> (Vec<u8>, Option<Fault>) {
    let mut texts: Vec<Texts<'_>> =
        columns.iter().map(|meaning| Texts { meaning, kept: HashMap::new() }).collect();
    let mut out = Vec::new();
    let mut fault = None;
    for row in rows {
        let fields = texts.iter_mut().zip(opened).enumerate().map(|(column, (texts, opened))| {
            let cell = opened.cells.get(row).copied().unwrap_or(0);
            texts.text(cell).unwrap_or_else(|_| {
                fault.get_or_insert(Fault { row, column });
                ""
            })
        });
        write_record(&mut out, fields).expect("a vector takes every byte");
    }
    (out, fault)
}
