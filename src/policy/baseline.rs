//! Findings that were there when the check was introduced, and are let pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Identity, PolicyError};
use crate::rules::named;
use crate::storage::{Location, read_text};

/// The baseline that is written when none is named.
pub const DEFAULT_BASELINE: &str = "lance-lint-baseline.json";

/// Longest baseline that is read.
const MAX_BYTES: u64 = 64 << 20;

/// The version of the file's shape.
const VERSION: u32 = 1;

/// A baseline file.
#[derive(Debug)]
pub struct Baseline {
    path: PathBuf,
    /// Where the names of its datasets start from.
    directory: PathBuf,
    known: BTreeSet<Identity>,
    /// What was seen of each dataset in this run, and whether that is all there is.
    seen: BTreeMap<String, (BTreeSet<Identity>, bool)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    lance_lint_baseline: u32,
    findings: Vec<Entry>,
}

/// A finding, with only those parts that tell it from others.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dataset: String,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pages: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    fault: Option<String>,
}

impl Baseline {
    /// Reads a file. One that is about to be written may be missing.
    pub fn read(path: PathBuf, may_be_new: bool) -> Result<Self, PolicyError> {
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let directory = absolute.parent().unwrap_or(&absolute);
        let directory = directory.canonicalize();
        let mut baseline = Self {
            directory: directory.unwrap_or_else(|_| PathBuf::from("/")),
            path,
            known: BTreeSet::new(),
            seen: BTreeMap::new(),
        };
        let text = match read_text(&baseline.path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return match may_be_new {
                    true => Ok(baseline),
                    false => Err(baseline.fault(
                        "does not exist; `--write-baseline` makes it from what is found now",
                    )),
                };
            }
            Err(error) => return Err(baseline.fault(&format!("cannot be read: {error}"))),
        };
        // The error's own words repeat what the file says.
        let document: Document = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            baseline.fault(&format!(
                "is no baseline of lance-lint: line {line}, column {column} is not what one has there"
            ))
        })?;
        if document.lance_lint_baseline != VERSION {
            return Err(baseline.fault(&format!(
                "is of version {}, and this build reads version {VERSION}; \
                 `--write-baseline` writes it again",
                document.lance_lint_baseline
            )));
        }
        for entry in document.findings {
            let rule =
                named(&entry.rule).map_err(|unknown| baseline.fault(&unknown.in_a_file()))?;
            baseline.known.insert(Identity {
                subject: entry.dataset,
                rule: rule.id,
                column: entry.column,
                pages: entry.pages,
                fault: entry.fault,
            });
        }
        Ok(baseline)
    }

    fn fault(&self, text: &str) -> PolicyError {
        PolicyError(format!("baseline {}: {text}", self.path.display()))
    }

    /// Whether it is the file of this path.
    pub fn is(&self, path: &Path) -> bool {
        self.path == path
    }

    /// How it is called where it ignores something.
    pub fn label(&self) -> String {
        format!("baseline {}", self.path.display())
    }

    /// How a dataset is named in it: from where it lies, so that both can be moved together.
    pub fn name_of(&self, location: &Location) -> String {
        let place = location.normalised();
        let Some(place) = place.as_path() else {
            return location.to_string();
        };
        let relative = pathdiff::diff_paths(place, &self.directory);
        let path = relative.unwrap_or_else(|| place.to_path_buf());
        let parts: Vec<_> = path
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        match path.is_absolute() {
            true => path.to_string_lossy().into_owned(),
            false => parts.join("/"),
        }
    }

    /// Whether a finding is in it.
    pub fn knows(&self, identity: &Identity) -> bool {
        self.known.contains(identity)
    }

    /// Takes in what was found of a dataset.
    pub fn saw(&mut self, name: String, found: BTreeSet<Identity>, whole: bool) {
        let (known, all) = self.seen.entry(name).or_insert((BTreeSet::new(), true));
        known.extend(found);
        *all &= whole;
    }

    /// Findings of the datasets that were looked at which are there no more, one sentence each.
    pub fn unmatched(&self) -> impl Iterator<Item = String> {
        let gone = self.known.iter().filter(|identity| {
            let seen = self.seen.get(&identity.subject);
            seen.is_some_and(|(found, whole)| *whole && !found.contains(identity))
        });
        gone.map(|identity| {
            let column = identity.column.as_ref();
            let column = column.map(|column| format!(", column `{column}`"));
            format!(
                "{}: {} in {}{}",
                self.label(),
                identity.rule,
                identity.subject,
                column.unwrap_or_default()
            )
        })
    }

    /// Writes what was found. Of datasets that were not looked at, or only in part, what is known
    /// stays.
    pub fn write(&self) -> Result<String, PolicyError> {
        let kept = self.known.iter().filter(|identity| {
            let seen = self.seen.get(&identity.subject);
            seen.is_none_or(|(_, whole)| !whole)
        });
        let found = self.seen.values().flat_map(|(found, _)| found);
        let all: BTreeSet<&Identity> = kept.chain(found).collect();
        let entry = |identity: &&Identity| Entry {
            dataset: identity.subject.clone(),
            rule: identity.rule.to_string(),
            column: identity.column.clone(),
            pages: identity.pages.clone(),
            fault: identity.fault.clone(),
        };
        let document = Document {
            lance_lint_baseline: VERSION,
            findings: all.iter().map(entry).collect(),
        };
        let text = serde_json::to_string_pretty(&document)
            .map_err(|error| self.fault(&error.to_string()))?;
        std::fs::write(&self.path, text + "\n")
            .map_err(|error| self.fault(&format!("cannot be written: {error}")))?;
        let findings = match all.len() {
            1 => "1 finding".to_string(),
            many => format!("{many} findings"),
        };
        Ok(format!("wrote {findings} to {}", self.path.display()))
    }
}
