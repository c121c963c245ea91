//! Decodes every page with Lance's own decoder, in child processes that may crash.
//!
//! Only with the feature `decode`. The worker (`worker`) is this program again, and the only place
//! in which Lance's decoder runs; here its parent says what is to be read and lays what became of
//! it beside what the rules found.

mod digest;
mod message;
mod plan;
mod pool;
pub mod protocol;
mod reader;
pub mod worker;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use prost::Message;

use crate::check::{Decodable, DecodableFile, Decoded, Report, SubjectReport};
use crate::finding::{DecodeFailure, FailureKind, Finding, Findings, MAX_PLACES, Place, Severity};
use crate::format::proto::lance::file::Schema;
use crate::model::schema::is_within;
use crate::model::version::FileVersion;
use crate::rules::decode_failed;
use crate::storage::Storage;

use plan::{Job, plan};
pub use pool::Limits;
use pool::{Trouble, Worker};
use protocol::{Blobs, Open, Read, Rows, to_hex};

/// Between two writings of the progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Has the decoder read every page of every data file of a report made with
/// [`crate::check::Request::decode`], and adds to the report what it did. Progress goes to
/// standard error when that is a terminal.
///
/// # Errors
/// No worker process can be started.
pub fn decode(storage: &dyn Storage, report: &mut Report, limits: Limits) -> io::Result<()> {
    let mut kept: Vec<(usize, Decodable)> = Vec::new();
    for (at, subject) in report.subjects.iter_mut().enumerate() {
        kept.extend(subject.decodable.take().map(|decodable| (at, decodable)));
    }
    let run = Run {
        storage,
        limits,
        tasks: kept
            .iter()
            .flat_map(|(subject, decodable)| {
                (0..decodable.len()).map(move |file| (*subject, decodable, file))
            })
            .collect(),
        next: AtomicUsize::new(0),
        counts: Counts::default(),
        failures: Mutex::default(),
    };
    run.all()?;
    report.decoded = Some(run.counts.sum());
    let failures = run.failures.into_inner();
    for ((subject, _), failures) in failures.unwrap_or_else(PoisonError::into_inner) {
        if let Some(subject) = report.subjects.get_mut(subject) {
            lay_beside(subject, failures);
        }
    }
    Ok(())
}

/// Failures of a file.
type Failures = Vec<Failure>;

/// A reading that failed.
struct Failure {
    decode_failures: DecodeFailure,
    place: Place,
    /// How many readings this stands for.
    times: u64,
}

#[derive(Default)]
struct Counts {
    files_done: AtomicU64,
    files: AtomicU64,
    columns: AtomicU64,
    pages: AtomicU64,
    failures: AtomicU64,
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    fn sum(&self) -> Decoded {
        Decoded {
            files: self.files.load(Ordering::Relaxed),
            columns: self.columns.load(Ordering::Relaxed),
            pages: self.pages.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

struct Run<'a> {
    storage: &'a dyn Storage,
    limits: Limits,
    /// The subject's number, its files, and which of them.
    tasks: Vec<(usize, &'a Decodable, usize)>,
    next: AtomicUsize,
    counts: Counts,
    /// By the numbers of subject and file, so that scheduling does not show.
    failures: Mutex<BTreeMap<(usize, usize), Failures>>,
}

impl Run<'_> {
    fn all(&self) -> io::Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores.min(self.tasks.len()))
                .map(|_| scope.spawn(|| self.work()))
                .collect();
            let progress = io::stderr().is_terminal();
            let progress = progress.then(|| scope.spawn(|| self.show_progress(&done)));
            let mut outcome = Ok(());
            for worker in workers {
                let gone = |_| Err(io::Error::other("a thread panicked"));
                outcome = outcome.and(worker.join().unwrap_or_else(gone));
            }
            done.store(true, Ordering::Relaxed);
            if let Some(progress) = progress {
                progress.thread().unpark();
            }
            outcome
        })
    }

    fn show_progress(&self, done: &AtomicBool) {
        let mut error = io::stderr();
        while !done.load(Ordering::Relaxed) {
            thread::park_timeout(PROGRESS_EVERY);
            let counts = self.counts.sum();
            let _ = write!(
                error,
                "\r\x1b[Kdecoding: {} of {} files, {} pages, {} failures",
                self.counts.files_done.load(Ordering::Relaxed),
                self.tasks.len(),
                counts.pages,
                counts.failures
            );
            let _ = error.flush();
        }
        let _ = write!(error, "\r\x1b[K");
    }

    /// What one thread does, with a worker of its own.
    fn work(&self) -> io::Result<()> {
        let mut worker = Worker::new(self.limits);
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((subject, decodable, file)) = self.tasks.get(at) else {
                return Ok(());
            };
            let failures = self.file(&mut worker, decodable, *file)?;
            add_one(&self.counts.files_done);
            if !failures.is_empty() {
                let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert((*subject, *file), failures);
            }
        }
    }

    fn file(&self, worker: &mut Worker, decodable: &Decodable, at: usize) -> io::Result<Failures> {
        let Some(file) = decodable.open(self.storage, at) else {
            return Ok(Vec::new());
        };
        let Some(open) = open(&file) else {
            return Ok(Vec::new());
        };
        let jobs = plan(decodable, &file);
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        add_one(&self.counts.files);
        let reading = Reading {
            counts: &self.counts,
            file: &file,
            path: open.path.clone(),
        };
        if let Err(trouble) = worker.open(open)? {
            return Ok(vec![reading.whole(trouble, None)]);
        }
        // Columns that can be read one by one may still not go together.
        let one_row = 0..file.data.rows.or(file.stated_rows).unwrap_or(0).min(1);
        let all = file.version != FileVersion::V0_1
            && (0..file.schema.fields.len()).all(|at| decodable.wants(at));
        let fields = (!all).then(|| jobs.iter().map(|job| job.field).collect());
        let together = match one_row.is_empty() {
            true => Ok(()),
            false => worker.read(read(fields, one_row.clone()))?,
        };
        let mut failures = Vec::new();
        let mut failed = 0;
        for job in &jobs {
            let before = failures.len();
            reading.column(worker, job, &mut failures)?;
            failed += usize::from(failures.len() > before);
        }
        if let Err(trouble) = together {
            let whole = reading.whole(trouble, Some(one_row));
            let alike = failures.iter().all(|failure| {
                failure.decode_failures.failing == whole.decode_failures.failing
                    && failure.decode_failures.message == whole.decode_failures.message
            });
            // What all columns say alike is said of the file. One whose metadata is damaged has no
            // pages that could be read.
            let readable = jobs.iter().filter(|job| !job.pages.is_empty()).count();
            let of_file = jobs.len() > 1 && failed == readable && alike;
            if failures.is_empty() || of_file {
                failures = vec![whole];
            }
        }
        let count = failures.iter().map(|failure| failure.times);
        let count = count.fold(0, u64::saturating_add);
        self.counts.failures.fetch_add(count, Ordering::Relaxed);
        Ok(failures)
    }
}

/// The reading of one file.
struct Reading<'a> {
    counts: &'a Counts,
    file: &'a DecodableFile<'a>,
    path: String,
}

impl Reading<'_> {
    fn column(&self, worker: &mut Worker, job: &Job, failures: &mut Failures) -> io::Result<()> {
        add_one(&self.counts.columns);
        let mut listed = 0;
        for page in &job.pages {
            add_one(&self.counts.pages);
            let Err(trouble) = worker.read(read(Some(vec![job.field]), page.rows.clone()))? else {
                continue;
            };
            let failing = trouble.failing;
            match failures.last_mut().filter(|_| listed == MAX_PLACES) {
                Some(last) => last.times += 1,
                None => {
                    listed += 1;
                    let mut failure = self.whole(trouble, Some(page.rows.clone()));
                    failure.decode_failures.column = Some(job.path.clone());
                    failure.decode_failures.page = page.page;
                    failure.place.column = job.column;
                    failure.place.page = page.page;
                    failure.place.bytes = page.bytes.clone();
                    failures.push(failure);
                }
            }
            // More of the same is not worth another death.
            if failing != FailureKind::Error {
                break;
            }
        }
        Ok(())
    }

    /// A failure of the file as a whole.
    fn whole(&self, trouble: Trouble, rows: Option<std::ops::Range<u64>>) -> Failure {
        let name = &self.file.name;
        Failure {
            decode_failures: DecodeFailure {
                failing: trouble.failing,
                message: message::told(&trouble.message, &self.path, name),
                fragment: self.file.fragment,
                file: name.clone(),
                column: None,
                page: None,
                rows,
            },
            place: Place {
                fragment: self.file.fragment,
                file: Some(name.clone()),
                ..Place::default()
            },
            times: 1,
        }
    }
}

fn read(columns: Option<Vec<i32>>, rows: std::ops::Range<u64>) -> Read {
    Read {
        columns,
        rows: Rows::from(rows),
        digest: false,
        blobs: Blobs::Descriptors,
    }
}

/// The request that opens a file; `None` when its path is not UTF-8, which the decoder's paths are.
fn open(file: &DecodableFile<'_>) -> Option<Open> {
    let path = file.location.normalised();
    let schema = Schema {
        fields: file.fields.to_vec(),
        ..Schema::default()
    };
    Some(Open {
        path: path.as_path()?.to_str()?.to_string(),
        schema: to_hex(&schema.encode_to_vec()),
        ids: file.ids.to_vec(),
        column_indices: file.column_indices.to_vec(),
        size: file.stated_size,
        rows: file.stated_rows,
    })
}

/// Gives each failure to the finding that explains it, or makes one of it.
fn lay_beside(subject: &mut SubjectReport, failures: Failures) {
    let mut new = Findings::default();
    for failure in failures {
        match explaining(&mut subject.findings, &failure.decode_failures) {
            Some(finding) => finding.decode_failure(failure.decode_failures, failure.times),
            None => new.add(decode_failed::finding(
                failure.decode_failures,
                failure.place,
                failure.times,
            )),
        }
    }
    subject.findings.extend(new.into_sorted());
    subject
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    subject.give_verdicts();
}

/// The error that was found without decoding and that a failure bears out: one about the same
/// column, else one about a column above or below it, else one about the file. For the failure
/// of a whole file, any in that file.
fn explaining<'a>(findings: &'a mut [Finding], seen: &DecodeFailure) -> Option<&'a mut Finding> {
    let rank = |finding: &Finding| {
        if finding.severity != Severity::Error || !finding.may_be_in(&seen.file) {
            return None;
        }
        match (&finding.column, &seen.column) {
            (None, None) => Some(0),
            (Some(_), None) => Some(1),
            (Some(known), Some(path)) if known == path => Some(0),
            (Some(known), Some(path)) if is_within(known, path) || is_within(path, known) => {
                Some(1)
            }
            (Some(_), Some(_)) => None,
            (None, Some(_)) => Some(2),
        }
    };
    let ranked = findings.iter().enumerate();
    let best = ranked.filter_map(|(at, finding)| Some((rank(finding)?, at)));
    let (_, at) = best.min()?;
    findings.get_mut(at)
}
