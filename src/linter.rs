//! The way to use lance-lint from other programs: [`check`], [`Linter`], [`Report`], [`Finding`].

use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{self, FragmentRange, Request};
use crate::error::Error;
use crate::finding;
use crate::policy::{Level, Options as Levels, Policy};
use crate::printable::printable;
use crate::report::json;
use crate::rules::RULES;
use crate::storage::{self, Location, StopReason, Storage};

pub use crate::finding::Severity;

/// Checks a dataset, or a file of one, with default settings. The path may be a URL: `s3://…`, `gs://…`,
/// `az://…`, `https://…`.
///
/// # Errors
/// An [`Error`] if the check could not be done. A damaged dataset is not an error: its faults are in the
/// report.
///
/// # Examples
/// ```
/// let report = lance_lint::check("testdata/daft-blob.lance")?;
/// for finding in report.findings() {
///     println!("{finding}");
/// }
/// assert_eq!(report.findings().next().map(|finding| finding.rule()), Some("blob-stored-plain"));
/// # Ok::<(), lance_lint::Error>(())
/// ```
pub fn check(path: impl Into<OsString>) -> Result<Report, Error> {
    Linter::new().check(path)
}

/// A check with settings.
///
/// # Examples
/// ```
/// use lance_lint::{Level, Linter, Severity};
///
/// let report = Linter::new()
///     .columns(["blob"])
///     .level("blob-stored-plain", Level::Warning)
///     .max_requests(1_000)
///     .check("testdata/daft-blob.lance")?;
/// assert_eq!(report.worst(), Some(Severity::Warning));
/// # Ok::<(), lance_lint::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Linter {
    request: Request,
    storage: Option<Arc<dyn Storage>>,
    options: storage::Options,
    timeout: Option<Duration>,
    levels: Vec<(String, Level)>,
}

impl Linter {
    /// A check with default settings: the latest version as a whole, without configuration files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks these columns and what is below them; a path such as `meta.caption`.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.request.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Checks the fragments whose ids are in a range. Several calls add up.
    #[must_use]
    pub fn fragments(mut self, ids: Range<u64>) -> Self {
        let Range { start, end } = ids;
        self.request.fragment_ranges.push(FragmentRange {
            start: Some(start),
            end: Some(end),
        });
        self
    }

    /// Checks this version and not the latest.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.request.selection.version = Some(version);
        self
    }

    /// Checks the version that a tag names.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.request.selection.tag = Some(tag.into());
        self
    }

    /// Checks the latest version of a branch.
    #[must_use]
    pub fn branch(mut self, branch: impl Into<String>) -> Self {
        self.request.selection.branch = Some(branch.into());
        self
    }

    /// Checks every version that still has a manifest, those of branches too.
    #[must_use]
    pub fn all_versions(mut self, yes: bool) -> Self {
        self.request.all_versions = yes;
        self
    }

    /// Gives a rule another level than its own.
    #[must_use]
    pub fn level(mut self, rule: impl Into<String>, level: Level) -> Self {
        self.levels.push((rule.into(), level));
        self
    }

    /// Stops after so many requests; the report is then of what was learnt until there.
    #[must_use]
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.options.max_requests = Some(requests);
        self
    }

    /// Stops after so many bytes.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.options.max_bytes = Some(bytes);
        self
    }

    /// Stops after so much time: no more is read then.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Takes the dataset for that of a stranger: see `SECURITY.md`.
    #[must_use]
    pub fn untrusted(mut self, yes: bool) -> Self {
        self.options.bases.untrusted = yes;
        self
    }

    /// Follows base paths of manifests to this place, too, and below.
    ///
    /// # Errors
    /// An [`Error`] if the place is not a path and not a URL of a store.
    pub fn allow_base(mut self, place: impl Into<OsString>) -> Result<Self, Error> {
        let place = Location::parse(&place.into());
        let place = place.map_err(|error| Error::other(format!("no place: {error}")))?;
        self.options.bases.allowed.push(place);
        Ok(self)
    }

    /// Sets an option of object stores, by the key that Lance takes, such as `aws_region`.
    #[cfg(feature = "object-stores")]
    #[must_use]
    pub fn storage_option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.store.push((key.into(), value.into()));
        self
    }

    /// Reads what is in `store`, such as `s3://bucket`, by a client of the caller's. Needs a version of
    /// `object_store` that is the same as that of lance-lint, which [`object_store`] is.
    #[cfg(feature = "object-stores")]
    #[must_use]
    pub fn object_store(
        mut self,
        store: impl Into<String>,
        client: Arc<dyn object_store::ObjectStore>,
    ) -> Self {
        self.options.clients.push((store.into(), client));
        self
    }

    /// Reads all by a storage of the caller's. Options of stores, limits and [`Self::untrusted`] are then
    /// the storage's own matter.
    #[doc(hidden)]
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Checks a dataset, or a file of one.
    ///
    /// # Errors
    /// An [`Error`] if the check could not be done.
    pub fn check(&self, path: impl Into<OsString>) -> Result<Report, Error> {
        let mut report = self.check_all([path.into()])?;
        match report.inner.failures.is_empty() {
            true => Ok(report),
            false => Err(report.inner.failures.swap_remove(0)),
        }
    }

    /// Checks several datasets or files. What could not be checked is in [`Report::errors`].
    ///
    /// # Errors
    /// An [`Error`] for settings that nobody can follow, such as a rule that does not exist.
    pub fn check_all(&self, paths: impl IntoIterator<Item = OsString>) -> Result<Report, Error> {
        let mut levels = Vec::new();
        for (id, level) in &self.levels {
            let rule = RULES.iter().find(|rule| rule.info().id == id);
            let rule = rule.ok_or_else(|| Error::other(format!("there is no rule {id:?}")))?;
            levels.push((rule.info(), *level));
        }
        let policy = Policy::new(Levels {
            levels,
            no_config: true,
            untrusted: self.options.bases.untrusted,
            ..Levels::default()
        });
        let mut policy = policy.map_err(|error| Error::other(error.to_string()))?;
        let storage = match &self.storage {
            Some(storage) => storage.clone(),
            None => storage::open(self.options.clone()),
        };
        let request = Request {
            paths: paths.into_iter().collect(),
            ..self.request.clone()
        };
        let (done, time_is_over) = std::sync::mpsc::channel::<()>();
        if let Some(time) = self.timeout {
            let storage = storage.clone();
            std::thread::spawn(move || {
                if time_is_over
                    .recv_timeout(time)
                    .is_err_and(|why| why == std::sync::mpsc::RecvTimeoutError::Timeout)
                {
                    storage.meter().halt(StopReason::Timeout(time));
                }
            });
        }
        let mut inner = check::check(&storage, &request);
        drop(done);
        for subject in &mut inner.subjects {
            let judged = policy.judge(subject);
            judged.map_err(|error| Error::other(error.to_string()))?;
        }
        Ok(Report { inner })
    }
}

/// The result of a check.
#[derive(Debug)]
pub struct Report {
    inner: check::Report,
}

impl Report {
    /// The findings of all datasets and files, in the order of the text report.
    pub fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        let subjects = self.inner.subjects.iter();
        subjects.flat_map(|subject| {
            let findings = subject.findings.iter();
            findings.map(|inner| Finding {
                dataset: &subject.path,
                inner,
            })
        })
    }

    /// The highest severity of a finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings().map(|finding| finding.severity()).max()
    }

    /// Whether no finding is of this severity or a higher one.
    pub fn is_ok(&self, fail_on: Severity) -> bool {
        self.worst().is_none_or(|worst| worst < fail_on)
    }

    /// What could not be checked.
    pub fn errors(&self) -> &[Error] {
        &self.inner.failures
    }

    /// Whether a limit ended the check before all was looked at.
    pub fn is_partial(&self) -> bool {
        self.inner.halt.is_some()
    }

    /// Requests made to the storage.
    pub fn requests(&self) -> u64 {
        self.inner.requests
    }

    /// Bytes read from the storage.
    pub fn bytes_read(&self) -> u64 {
        self.inner.bytes_read
    }

    /// The report as the program prints it with `--format json`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&json::document(&self.inner)).unwrap_or_default()
    }
}

/// A fault in a dataset.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    dataset: &'a str,
    inner: &'a finding::Finding,
}

impl<'a> Finding<'a> {
    /// The id of the rule, such as `blob-stored-plain`.
    pub fn rule(&self) -> &'static str {
        self.inner.rule.id
    }

    /// The severity, as levels have it.
    pub fn severity(&self) -> Severity {
        self.inner.severity
    }

    /// A sentence that says what is wrong.
    pub fn message(&self) -> &'a str {
        &self.inner.message
    }

    /// The dataset, or the file if it belongs to none.
    pub fn dataset(&self) -> &'a str {
        self.dataset
    }

    /// The path of the column, if the finding is about one.
    pub fn column(&self) -> Option<&'a str> {
        self.inner.column.as_deref()
    }

    /// The first file, relative to the dataset.
    pub fn file(&self) -> Option<&'a str> {
        self.inner.places.first()?.file.as_deref()
    }

    /// The id of the first fragment.
    pub fn fragment(&self) -> Option<u64> {
        self.inner.places.first()?.fragment
    }

    /// The number of places that have the fault.
    pub fn count(&self) -> u64 {
        self.inner.count
    }

    /// What should be there.
    pub fn expected(&self) -> Option<&'a str> {
        self.inner.expected.as_deref()
    }

    /// What is there.
    pub fn found(&self) -> Option<&'a str> {
        self.inner.found.as_deref()
    }

    /// Why it came about, if the evidence shows it.
    pub fn cause(&self) -> Option<&'a str> {
        self.inner.cause.as_deref()
    }

    /// Ways to fix it; lines after the first are code.
    pub fn help(&self) -> impl Iterator<Item = &'a str> {
        self.inner.help.iter().map(|help| help.text.as_str())
    }
}

impl fmt::Display for Finding<'_> {
    /// One line: `error[blob-stored-plain]: images.lance: column …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}[{}]: {}: {}",
            self.severity().word(),
            self.rule(),
            printable(self.dataset),
            printable(self.message())
        )
    }
}
