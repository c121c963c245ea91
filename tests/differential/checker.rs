//! The checker under test, run on a dataset in memory.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use lance_lint::check::{Request, check};
use lance_lint::finding::Severity;
use lance_lint::storage::{Entry, Location, Meter, NotFollowed, Storage, StorageError, Tail};

use crate::subject::{Assembled, FILE_NAME};

const ROOT: &str = "/case";
const MANIFEST: &str = "1.manifest";

/// What the checker has to say of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub findings: Vec<Said>,
    /// It could not do its work, or panicked.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub severity: Severity,
    pub rule: &'static str,
    pub message: String,
    pub column: Option<String>,
}

impl Verdict {
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|said| said.severity).max()
    }

    pub fn rejects(&self) -> bool {
        self.worst() == Some(Severity::Error)
    }

    pub fn warns(&self) -> bool {
        self.worst() == Some(Severity::Warning)
    }

    /// Rules that gave errors or warnings.
    pub fn rules(&self) -> Vec<&'static str> {
        let loud = self
            .findings
            .iter()
            .filter(|said| said.severity > Severity::Info);
        let mut rules: Vec<&'static str> = loud.map(|said| said.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// A dataset of one manifest and one data file.
#[derive(Debug)]
struct Dataset {
    manifest: Bytes,
    file: Bytes,
    meter: Meter,
}

impl Dataset {
    fn get(&self, location: &Location) -> Result<&Bytes, StorageError> {
        let path = location
            .as_path()
            .ok_or(StorageError::NotFound)?
            .strip_prefix(ROOT)
            .map_err(|_| StorageError::NotFound)?;
        let path = path.to_string_lossy();
        match path.split_once('/') {
            Some(("_versions", MANIFEST)) => Ok(&self.manifest),
            Some(("data", FILE_NAME)) => Ok(&self.file),
            _ => Err(StorageError::NotFound),
        }
    }
}

impl Storage for Dataset {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        let bytes = self.get(location)?;
        let want = usize::try_from(want).unwrap_or(usize::MAX);
        Ok(Tail {
            size: bytes.len() as u64,
            bytes: bytes.slice(bytes.len().saturating_sub(want)..),
        })
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        let bytes = self.get(location)?;
        let size = bytes.len() as u64;
        if range.end > size || range.start > range.end {
            return Err(StorageError::OutOfRange { range, size });
        }
        Ok(bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()))
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let entry = |name: &str, size: Option<usize>| Entry {
            name: name.to_string(),
            is_dir: size.is_none(),
            size: size.unwrap_or(0) as u64,
            modified: None,
        };
        let path = location
            .as_path()
            .ok_or(StorageError::NotFound)?
            .strip_prefix(ROOT)
            .map_err(|_| StorageError::NotFound)?;
        match path.to_str() {
            Some("") => Ok(vec![entry("_versions", None), entry("data", None)]),
            Some("_versions") => Ok(vec![entry(MANIFEST, Some(self.manifest.len()))]),
            Some("data") => Ok(vec![entry(FILE_NAME, Some(self.file.len()))]),
            _ => Err(StorageError::NotFound),
        }
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        if self.get(location).is_ok() {
            return Ok(Some(false));
        }
        Ok(self.list(location).is_ok().then_some(true))
    }

    fn follows(&self, _root: &Location, _base: &Location) -> Result<(), NotFollowed> {
        Ok(())
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Checks a case.
pub fn run(case: &Assembled) -> Verdict {
    let storage: Arc<dyn Storage> = Arc::new(Dataset {
        manifest: case.manifest_file(),
        file: case.file.clone(),
        meter: Meter::default(),
    });
    let request = Request {
        paths: vec![ROOT.into()],
        ..Request::default()
    };
    let checked = catch_unwind(AssertUnwindSafe(|| check(&storage, &request)));
    let Ok(report) = checked else {
        return Verdict {
            failure: Some("the checker panicked".to_string()),
            ..Verdict::default()
        };
    };
    let findings = report.subjects.iter().flat_map(|subject| &subject.findings);
    // What pylance 14.0.2 does wrong with sound packed structs is said of them.
    let findings = findings.filter(|finding| finding.rule.id != "known-bug");
    Verdict {
        findings: findings
            .map(|finding| Said {
                severity: finding.severity,
                rule: finding.rule.id,
                message: finding.message.clone(),
                column: finding.column.clone(),
            })
            .collect(),
        failure: report
            .failures
            .first()
            .map(|failure| failure.message().to_string()),
    }
}
