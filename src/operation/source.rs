//! What a person names on the command line to be packed: de-identified tables, files, whole folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use galen_dataset::deidentify::Deidentified;
use galen_dataset::pack::{FileHash, FileInput};
use galen_dataset::roles::Roles;
use galen_market::layout::MAX_FILES;

use super::prepare;
use crate::error::Failure;
use crate::wallet::file;

/// Deepest folder inside a folder.
const MAX_DEPTH: usize = 32;
/// Most bytes of a list of hashes.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// A table that was read, with its name in the package.
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows, and what was done to them.
    pub result: Deidentified,
    /// The roles of its columns.
    pub roles: Roles,
}

/// De-identified tables, each from `NAME=DIR` or a folder's path. The only one is called `alone`
/// unless it was given a name, several by their folders.
///
/// # Errors
/// A folder that is none, or one name for two tables.
pub fn tables(texts: &[String], alone: &str) -> Result<Vec<Table>, Failure> {
    let mut tables: Vec<Table> = Vec::with_capacity(texts.len());
    for text in texts {
        let (name, path) = named(text);
        let own = path.file_name().and_then(|name| name.to_str());
        let name = match (name, texts.len()) {
            (Some(name), _) => name.to_owned(),
            (None, 1) => alone.to_owned(),
            (None, _) => slug(own.ok_or_else(|| nameless(text, "--data NAME=DIR"))?),
        };
        if tables.iter().any(|table| table.name == name) {
            return Err(Failure::usage(format!("two tables are called `{name}`"))
                .remedy("give each a name of its own: --data NAME=DIR"));
        }
        let (result, roles) = prepare::read(&path)?;
        tables.push(Table { name, result, roles });
    }
    Ok(tables)
}

/// Files, each from `NAME=PATH` or a path; a folder stands for every file in it.
///
/// # Errors
/// A path that is not there, a link, or too many files.
pub fn files(texts: &[String]) -> Result<Vec<FileInput>, Failure> {
    let mut found = Vec::new();
    for text in texts {
        let (name, source) = named(text);
        let own = source.file_name().and_then(|name| name.to_str());
        let path = name.or(own).ok_or_else(|| nameless(text, "--file NAME=PATH"))?.to_owned();
        let about = fs::metadata(&source).map_err(|error| Failure::file(&source, &error))?;
        if about.is_dir() {
            walk(&source, &path, 0, &mut found)?;
        } else {
            found.push((path, source));
        }
    }
    if found.len() > MAX_FILES {
        return Err(Failure::usage(format!(
            "{} files, more than the {MAX_FILES} of a package",
            found.len()
        ))
        .remedy("put them into an archive, such as a tar file, and pack that"));
    }
    let mut names = BTreeSet::new();
    Ok(found.into_iter().map(|(path, source)| input(path, source, &mut names)).collect())
}

fn named(text: &str) -> (Option<&str>, PathBuf) {
    match text.split_once('=') {
        Some((name, path)) => (Some(name), PathBuf::from(path)),
        None => (None, PathBuf::from(text)),
    }
}

fn nameless(text: &str, form: &str) -> Failure {
    Failure::usage(format!("`{text}` has no name of its own")).remedy(format!("write {form}"))
}

/// Every file of a folder, in the order of their names.
fn walk(
    folder: &Path,
    path: &str,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let source = entry.path();
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            Failure::input(&source, "has a name that is not UTF-8").remedy("rename it")
        })?;
        let path = format!("{path}/{name}");
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&source, &path, depth + 1, found)?;
        } else if kind.is_file() {
            found.push((path, source));
        } else {
            // What it points at may lie outside the folder that somebody meant to sell.
            return Err(Failure::input(
                &source,
                "is neither a file nor a folder, or lies too deep",
            )
            .remedy("replace links by what they point at, or take it out of the folder"));
        }
        if found.len() > MAX_FILES {
            break;
        }
    }
    Ok(())
}

/// A name as manifests allow it.
fn slug(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let lower = text.to_ascii_lowercase();
    let name: String = lower.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let name = name.trim_start_matches('.');
    // The end of a path tells more than its beginning; every character is one byte.
    name[name.len().saturating_sub(120)..].trim_start_matches('.').to_owned()
}

fn input(path: String, source: PathBuf, names: &mut BTreeSet<String>) -> FileInput {
    let own = slug(&path);
    let mut name = own.clone();
    let mut number = 1u32;
    while name.is_empty() || !names.insert(name.clone()) {
        number = number.saturating_add(1);
        name = format!("{own}-{number}");
    }
    let mediatype = media_type(&path).to_owned();
    FileInput { name, path, source, mediatype, description: String::new(), sha256: FileHash::None }
}

/// The media type that the end of a name stands for.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("txt" | "md") => "text/plain",
        Some("html") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("pdf") => "application/pdf",
        Some("gz") => "application/gzip",
        Some("tar") => "application/x-tar",
        Some("zip") => "application/zip",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("arrow" | "feather") => "application/vnd.apache.arrow.file",
        Some("dcm") => "application/dicom",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("tif" | "tiff") => "image/tiff",
        _ => "application/octet-stream",
    }
}

/// Gives files the hashes that a list of `sha256sum` states: 64 hexadecimal digits, two characters, and
/// the path as it was given, or the file's name alone.
///
/// # Errors
/// When the list cannot be read, holds another line, or names none of the files.
pub fn checksums(list: &Path, files: &mut [FileInput]) -> Result<(), Failure> {
    let bytes =
        file::read_bounded(list, MAX_LIST_BYTES).map_err(|error| Failure::file(list, &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::input(list, "is not UTF-8"))?;
    let mut named = 0;
    for (number, line) in (1u32..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let parsed = line.split_at_checked(64).and_then(|(digits, rest)| {
            let path = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash).ok()?;
            Some((hash, Path::new(path)))
        });
        let (hash, path) = parsed.ok_or_else(|| {
            Failure::input(list, format!("line {number} is not one of sha256sum"))
                .remedy("make the list with `sha256sum FILE... > LIST`")
        })?;
        for file in files.iter_mut() {
            if file.source == path || file.source.file_name() == Some(path.as_os_str()) {
                file.sha256 = FileHash::Known(hash);
                named += 1;
            }
        }
    }
    if named == 0 {
        return Err(Failure::input(list, "names none of the files")
            .remedy("make the list with `sha256sum FILE... > LIST`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_stands_for_every_file_in_it() {
        let home = tempfile::tempdir().unwrap();
        let scans = home.path().join("Scans");
        fs::create_dir_all(scans.join("b/deep")).unwrap();
        for path in ["z.DCM", "b/1.png", "b/deep/1.png", "a b.txt"] {
            fs::write(scans.join(path), "x").unwrap();
        }
        let shown = scans.display().to_string();
        let found = files(std::slice::from_ref(&shown)).unwrap();
        let seen: Vec<_> = found
            .iter()
            .map(|f| (f.path.as_str(), f.name.as_str(), f.mediatype.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("Scans/a b.txt", "scans-a-b.txt", "text/plain"),
                ("Scans/b/1.png", "scans-b-1.png", "image/png"),
                ("Scans/b/deep/1.png", "scans-b-deep-1.png", "image/png"),
                ("Scans/z.DCM", "scans-z.dcm", "application/dicom"),
            ]
        );
        let renamed = files(&[format!("x={shown}"), format!("x/a-b.txt={shown}/a b.txt")]).unwrap();
        assert_eq!(renamed[0].path, "x/a b.txt");
        assert_eq!(renamed[4].name, "x-a-b.txt-2", "names are told apart");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/passwd", scans.join("b/link")).unwrap();
            let refused = files(&[shown]).unwrap_err();
            assert!(refused.to_string().contains("neither a file nor a folder"), "{refused}");
        }
        assert!(files(&["/nowhere/x".to_owned()]).is_err());
    }
}
