//! Files that no manifest names, for people and for machines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::json::{SCHEMA_VERSION, Tool, tool};
use super::layout::{bytes, counted, prose, wrapped};
use crate::commands::orphans::{Kind, Orphan, Orphans};
use crate::printable::printable;

/// Files of a kind that are listed by name, unless all are asked for.
const MAX_LISTED: usize = 10;

/// Writes what was found.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, found: &Orphans, all: bool, width: usize) -> io::Result<()> {
    let width = prose(width);
    let branches = match found.branches {
        0 => String::new(),
        branches => format!(" in the dataset and {}", branches_text(branches)),
    };
    let head = format!(
        "{} · {} read{branches} · {} named, {}",
        found.path,
        counted(found.versions, "manifest"),
        counted(found.named.0, "file"),
        bytes(found.named.1)
    );
    paragraph(out, &head, width, 2)?;
    for path in &found.unreadable {
        let note = format!(
            "note: {path} cannot be read; the files that only it names are listed as orphans"
        );
        paragraph(out, &note, width, 6)?;
    }
    let mut kinds: BTreeMap<Kind, Vec<&Orphan>> = BTreeMap::new();
    for file in &found.files {
        kinds.entry(file.kind).or_default().push(file);
    }
    for (kind, files) in &kinds {
        writeln!(out)?;
        let size = files.iter().map(|file| file.bytes);
        let young = files.iter().filter(|file| file.is_young()).count() as u64;
        writeln!(
            out,
            "{}, {}{}",
            counted(files.len() as u64, &format!("{} file", kind.word())),
            bytes(size.fold(0, u64::saturating_add)),
            match young {
                0 => String::new(),
                young if young == files.len() as u64 =>
                    ", younger than 7 days: may be a write in flight".to_string(),
                young => format!(", {young} of them younger than 7 days: may be a write in flight"),
            }
        )?;
        let most = if all { usize::MAX } else { MAX_LISTED };
        for file in files.iter().take(most) {
            writeln!(
                out,
                "  {}  {}  {}",
                printable(&file.path),
                bytes(file.bytes),
                file.age.map_or("of unknown age".to_string(), age)
            )?;
        }
        let more = files.len().saturating_sub(most);
        if more > 0 {
            writeln!(out, "  … and {more} more; --all lists them")?;
        }
    }
    writeln!(out)?;
    let size = found.files.iter().map(|file| file.bytes);
    let old = found.files.iter().filter(|file| !file.is_young());
    let old: Vec<u64> = old.map(|file| file.bytes).collect();
    if found.files.is_empty() {
        return writeln!(out, "no orphans");
    }
    writeln!(
        out,
        "{}, {} · {} older than 7 days, {}",
        counted(found.files.len() as u64, "orphan"),
        bytes(size.fold(0, u64::saturating_add)),
        old.len(),
        bytes(old.iter().copied().fold(0, u64::saturating_add))
    )?;
    if !found.unreadable.is_empty() {
        let text = "Nothing was changed, and nothing should be removed before the manifests above can \
                    be read.";
        return paragraph(out, text, width, 0);
    }
    let text = "Nothing was changed. A shallow clone elsewhere may name files of this dataset, which \
                cannot be seen from here. Lance removes what is older than 7 days:";
    paragraph(out, text, width, 0)?;
    writeln!(
        out,
        "  from datetime import timedelta\n  \
         lance.dataset(uri).cleanup_old_versions(timedelta(days=36500))  # keeps every version"
    )
}

fn paragraph(out: &mut dyn Write, text: &str, width: usize, indent: usize) -> io::Result<()> {
    for line in wrapped(text, width, indent) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn branches_text(branches: u64) -> String {
    match branches {
        1 => "1 branch".to_string(),
        branches => format!("{branches} branches"),
    }
}

fn age(age: Duration) -> String {
    let hours = age.as_secs() / 3600;
    match hours {
        0 => "under an hour old".to_string(),
        1..48 => format!("{hours} h old"),
        _ => format!("{} days old", hours / 24),
    }
}

/// Files that no manifest names.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint orphans")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// The dataset.
    pub path: String,
    /// Manifests that were read.
    pub versions: u64,
    /// Branches among their lines.
    pub branches: u64,
    /// Manifests that could not be read: what they name is not known.
    pub unreadable_manifests: Vec<String>,
    /// Files that are named.
    pub named_files: u64,
    /// Their bytes.
    pub named_bytes: u64,
    /// Files that are not, by path.
    pub orphans: Vec<OrphanJson>,
}

/// A file that no manifest names.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrphanJson {
    /// Its path below the dataset's root.
    pub path: String,
    /// What it is: data, blob sidecar, deletion, index, transaction or manifest.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// Seconds since it was written; null where the storage does not tell.
    pub age_seconds: Option<u64>,
    /// Whether it is younger than seven days, or may be: then it may be a write in flight.
    pub may_be_in_flight: bool,
}

/// The document of what was found.
pub fn document(found: &Orphans) -> Document {
    let orphans = found.files.iter().map(|file| OrphanJson {
        path: file.path.clone(),
        kind: file.kind.word(),
        bytes: file.bytes,
        age_seconds: file.age.map(|age| age.as_secs()),
        may_be_in_flight: file.is_young(),
    });
    Document {
        schema_version: SCHEMA_VERSION,
        tool: tool(),
        path: found.path.clone(),
        versions: found.versions,
        branches: found.branches,
        unreadable_manifests: found.unreadable.clone(),
        named_files: found.named.0,
        named_bytes: found.named.1,
        orphans: orphans.collect(),
    }
}
