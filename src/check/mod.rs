//! Runs the rules over datasets and files, and gathers what the column table shows.

mod all_versions;
pub(crate) mod column_stats;
mod columns;
pub(crate) mod dataset;
mod decodable;
pub(crate) mod file;
mod merge;
mod part;
mod scan_result;
mod select;
mod split;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind};
use crate::hash::HashMap;

use crate::finding::{Finding, Severity};
use crate::model::reader_name::Reader;
use crate::model::readers::Readers;
use crate::model::snapshot::{Naming, Selection};
use crate::model::target::{Target, resolve};
use crate::storage::{Location, StopReason, Storage};

pub use column_stats::{EncodingReport, FieldReport, StorageSite};
pub use decodable::{Decodable, DecodableFile};
pub use merge::Merge;
pub use part::Part;
pub use scan_result::Outside;
pub use select::{FragmentRange, Sample, SampleSize, Sampled};
pub use split::{Split, Unit, split};

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Paths as given by the user.
    pub paths: Vec<OsString>,
    /// Which snapshot of each dataset.
    pub selection: Selection,
    /// Only these fields and what is below them; all when empty.
    pub columns: Vec<String>,
    /// Only these fragments; all when empty.
    pub fragments: Vec<u64>,
    /// And those in these ranges of ids, which may hold none.
    pub fragment_ranges: Vec<FragmentRange>,
    /// Of those, only a spread choice.
    pub sample: Option<Sample>,
    /// Look at every version that still has a manifest, those of branches too.
    pub all_versions: bool,
    /// Releases of Lance that must be able to read each dataset.
    pub readers: Vec<Reader>,
    /// Keep what a decoder needs to read the files too: [`SubjectReport::decodable`].
    pub decode: bool,
    /// Keep what was learnt of the fragments apart from what was made of it:
    /// [`SubjectReport::part`].
    pub keep_parts: bool,
    /// Where to say how far the run is.
    pub progress: Option<Arc<Progress>>,
}

impl Request {
    /// Whether fragments were chosen, be it by single ids or by ranges.
    pub fn chooses_fragments(&self) -> bool {
        !self.fragments.is_empty() || !self.fragment_ranges.is_empty()
    }
}

/// What is said where a run ended before its time.
fn ended(halt: &StopReason, when: &str) -> Error {
    match halt {
        StopReason::Failed(why) => Error::new(ErrorKind::Store, why.clone()),
        halt => Error::new(ErrorKind::Stopped, format!("{halt} {when}")),
    }
}

/// How much of something was looked at.
fn seen_of(seen: u64, all: u64) -> String {
    format!("looked at: {seen} of {all} fragments")
}

/// How far a run is. Others read it while the run goes on.
#[derive(Debug, Default)]
pub struct Progress {
    fragments: AtomicU64,
    all_fragments: AtomicU64,
    findings: AtomicU64,
}

impl Progress {
    /// Fragments that were looked at, and those that are to be so far.
    pub fn fragments(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.fragments), read(&self.all_fragments))
    }

    /// Findings so far.
    pub fn findings(&self) -> u64 {
        self.findings.load(Ordering::Relaxed)
    }

    fn begin(&self, fragments: usize) {
        self.all_fragments
            .fetch_add(fragments as u64, Ordering::Relaxed);
    }

    fn step(&self) {
        self.fragments.fetch_add(1, Ordering::Relaxed);
    }

    fn found(&self, findings: usize) {
        self.findings.fetch_add(findings as u64, Ordering::Relaxed);
    }
}

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// One per dataset or standalone file, in the order given.
    pub subjects: Vec<SubjectReport>,
    /// What of the request could not be done; the rest was.
    pub failures: Vec<Error>,
    /// Requests made to the storage.
    pub requests: u64,
    /// Bytes that they returned.
    pub bytes_read: u64,
    /// What is to be said of the run as a whole, in sentences.
    pub notes: Vec<String>,
    /// Why it ended before its time, when it did.
    pub halt: Option<StopReason>,
    /// What a decoder read, when one did.
    pub decoded: Option<Decoded>,
}

/// What a decoder read, and how often it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Data files.
    pub files: u64,
    /// Columns of those files.
    pub columns: u64,
    /// Pages of those columns.
    pub pages: u64,
    /// Pages, and files as a whole, that did not decode.
    pub failures: u64,
}

/// What was checked as one.
#[derive(Debug)]
pub struct SubjectReport {
    /// Its path as the user would write it.
    pub path: String,
    /// Dataset or file.
    pub kind: SubjectKind,
    /// Fragments that were looked at.
    pub fragments: u64,
    /// Data files that were looked at.
    pub data_files: u64,
    /// Rows of those fragments, deleted ones included.
    pub physical_rows: u64,
    /// Deleted rows among them.
    pub deleted_rows: u64,
    /// Bytes of everything looked at: data files, deletion files and the manifest.
    pub bytes: u64,
    /// Bytes of data files that are neither metadata nor in the pages of a column, where all columns
    /// were looked at.
    pub outside: Outside,
    /// File versions and how many data files are of each, in ascending order.
    pub file_versions: Vec<(String, u64)>,
    /// The fields of the schema.
    pub fields: Vec<FieldReport>,
    /// What is wrong, the most severe first.
    pub findings: Vec<Finding>,
    /// What share of the fragments was looked at, when that is a sample.
    pub sampled: Option<Sampled>,
    /// What was left out or done otherwise than asked, in sentences.
    pub notes: Vec<String>,
    /// Findings that someone said are to be ignored.
    pub ignored: Vec<Ignored>,
    /// Whether all of it was looked at: no part was chosen.
    pub whole: bool,
    /// Where it is.
    pub location: Location,
    /// The least severity of a finding that makes a run fail.
    pub fail_on: Severity,
    /// Its data files, when the request says that a decoder is to read them.
    pub decodable: Option<Decodable>,
    /// What was learnt of some of its fragments, when the request says that this is kept.
    pub part: Option<Part>,
}

/// A finding that someone said is to be ignored.
#[derive(Debug)]
pub struct Ignored {
    /// What was found.
    pub finding: Finding,
    /// Who said so: a line of a configuration, a key of the column's metadata, a baseline.
    pub by: String,
    /// Why, when they said.
    pub reason: Option<String>,
}

/// What a subject is.
#[derive(Debug)]
pub enum SubjectKind {
    /// A snapshot of a dataset.
    Dataset(Box<DatasetFacts>),
    /// A dataset whose manifests cannot be read; its data files are listed by their own schema.
    UnreadableDataset,
    /// A data file by itself.
    File,
}

/// What the manifest says of a snapshot as a whole.
#[derive(Debug)]
pub struct DatasetFacts {
    /// The version.
    pub version: u64,
    /// The manifest's path below the root.
    pub manifest: String,
    /// How it is named.
    pub naming: Naming,
    /// Fragments of the whole snapshot.
    pub total_fragments: u64,
    /// The branch, when it is not main.
    pub branch: Option<String>,
    /// Who wrote the manifest.
    pub writer: Option<String>,
    /// The storage version for new files.
    pub storage_version: Option<String>,
    /// Feature flags that readers must know.
    pub reader_flags: Vec<String>,
    /// Feature flags that writers must know.
    pub writer_flags: Vec<String>,
    /// Base paths by id.
    pub base_paths: Vec<(u32, String)>,
    /// Who can read it.
    pub readers: Readers,
    /// Fragments that have overlay files, whose values replace others when read.
    pub overlaid_fragments: u64,
}

impl SubjectReport {
    /// Whether what was found makes a run fail.
    pub fn fails(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.severity >= self.fail_on)
    }

    /// Writes beside each field which rules found something about it.
    pub(crate) fn give_verdicts(&mut self) {
        // Fields of a damaged schema may have one path, and each all of its findings.
        let mut by_path: HashMap<&str, Vec<(Severity, &'static str)>> = HashMap::default();
        for finding in &self.findings {
            let Some(column) = &finding.column else {
                continue;
            };
            let verdicts = by_path.entry(column).or_default();
            match verdicts.iter_mut().find(|(_, id)| *id == finding.rule.id) {
                Some((severity, _)) => *severity = (*severity).max(finding.severity),
                None => verdicts.push((finding.severity, finding.rule.id)),
            }
        }
        for field in &mut self.fields {
            let verdicts = by_path.get(field.path.as_str());
            field.verdicts = verdicts.cloned().unwrap_or_default();
        }
    }
}

impl Report {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.subjects.iter().flat_map(|subject| &subject.findings);
        findings
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// How many findings are ignored.
    pub fn ignored(&self) -> usize {
        self.subjects
            .iter()
            .map(|subject| subject.ignored.len())
            .sum()
    }

    /// How many findings there are of each rule.
    pub fn by_rule(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in self.subjects.iter().flat_map(|subject| &subject.findings) {
            *counts.entry(finding.rule.id).or_default() += 1;
        }
        counts
    }

    /// Bytes of everything that was looked at.
    pub fn bytes(&self) -> u64 {
        let bytes = self.subjects.iter().map(|subject| subject.bytes);
        bytes.fold(0, u64::saturating_add)
    }
}

/// Checks what is asked for. A path, version, tag, branch, column or fragment that does not exist
/// and access that is denied are [`Report::failures`]; damage is a finding.
pub fn check(storage: &Arc<dyn Storage>, request: &Request) -> Report {
    let taken: Result<Report, std::convert::Infallible> = check_each(storage, request, |_| Ok(()));
    match taken {
        Ok(report) => report,
    }
}

/// The same, and hands each subject over as soon as it is done.
///
/// # Errors
/// Whatever `take` says first; what comes after is not checked.
pub fn check_each<E>(
    storage: &Arc<dyn Storage>,
    request: &Request,
    mut take: impl FnMut(&mut SubjectReport) -> Result<(), E>,
) -> Result<Report, E> {
    let (targets, errors) = resolve(storage.as_ref(), &request.paths);
    let mut subjects = Vec::new();
    let mut failures: Vec<Error> = errors.into_iter().collect();
    let meter = storage.meter();
    let all = targets.len();
    let pool = pool_for(storage.as_ref(), targets.iter().map(Target::location));
    for (done, target) in targets.into_iter().enumerate() {
        if let Some(halt) = meter.halted() {
            if !matches!(halt, StopReason::Failed(_)) || failures.is_empty() {
                let left = counted(all - done, "path");
                failures.push(ended(
                    halt,
                    &format!("before {left} of {all} were looked at"),
                ));
            }
            break;
        }
        let in_store = storage.concurrency(target.location()).is_some();
        let check = || match target {
            Target::Dataset { ref root, .. } if request.all_versions => {
                all_versions::check(storage.as_ref(), root, request)
            }
            Target::Dataset {
                ref root,
                ref scope,
            } => dataset::check(storage.as_ref(), root, scope.clone(), request),
            Target::File(ref location) => single_file(storage.as_ref(), location, request),
        };
        let checked = match &pool {
            Some(pool) if in_store => pool.install(check),
            _ => check(),
        };
        match checked {
            Ok(mut checked) => {
                for subject in &mut checked {
                    take(subject)?;
                }
                subjects.append(&mut checked);
                if let Some(StopReason::Failed(why)) = meter.halted() {
                    failures.push(Error::other(why.clone()));
                }
            }
            Err(failure) => failures.push(match meter.halted() {
                Some(halt) if !matches!(halt, StopReason::Failed(_)) => {
                    ended(halt, &format!("before {} was looked at", target.location()))
                }
                _ => failure,
            }),
        }
    }
    Ok(Report {
        subjects,
        failures,
        requests: meter.requests(),
        bytes_read: meter.bytes(),
        halt: meter.halted().cloned(),
        decoded: None,
        notes: Vec::new(),
    })
}

/// Runs with as many threads as reads pay at once where something is.
pub(crate) fn at_once<T: Send>(
    storage: &dyn Storage,
    place: &Location,
    run: impl FnOnce() -> T + Send,
) -> T {
    match pool_for(storage, std::iter::once(place)) {
        Some(pool) => pool.install(run),
        None => run(),
    }
}

/// Threads for as many reads as pay at once in some places; `None` where those that are there do.
fn pool_for<'a>(
    storage: &dyn Storage,
    places: impl Iterator<Item = &'a Location>,
) -> Option<rayon::ThreadPool> {
    let most = places
        .filter_map(|place| storage.concurrency(place))
        .max()?;
    if rayon::current_thread_index().is_some() && rayon::current_num_threads() >= most {
        return None;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(most).build();
    pool.ok()
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn single_file(
    storage: &dyn Storage,
    location: &Location,
    request: &Request,
) -> Result<Vec<SubjectReport>, Error> {
    refuse_dataset_options(location, request)?;
    let report = file::check(storage, location, request, true)?;
    match storage.meter().halted() {
        None => Ok(vec![report]),
        Some(halt) => Err(ended(halt, &format!("before {location} was read"))),
    }
}

/// Options that choose among what only a dataset has.
pub(crate) fn refuse_dataset_options(location: &Location, request: &Request) -> Result<(), Error> {
    let options = match () {
        () if !request.selection.is_latest() => "--version, --tag and --branch need",
        () if request.chooses_fragments() => "--fragment and --fragments need",
        () if request.sample.is_some() => "--sample needs",
        () if request.all_versions => "--all-versions needs",
        () => return Ok(()),
    };
    Err(Error::other(format!(
        "{location} is a single file; {options} a dataset"
    )))
}
