//! The check itself, which needs no subcommand.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::sync::Arc;
#[cfg(feature = "decode")]
use std::time::Duration;
use std::time::Instant;

use clap::Args;

use super::gate::GateArgs;
use super::output::{OutputArgs, Outputs};
use super::progress::{Display, end_on_interrupt};
use super::stores::StoreArgs;
use super::{Outcome, RunError, SelectionArgs, meant, print, request};
use lance_lint::Error;
use lance_lint::check::{FragmentRange, Progress, Report, Request, Sample, SampleSize, check_each};
use lance_lint::commands::list;
#[cfg(feature = "decode")]
use lance_lint::decode;
use lance_lint::model::reader_name::Reader;
use lance_lint::model::target::{Target, resolve};
use lance_lint::policy::Policy;
use lance_lint::printable::printable;
use lance_lint::storage::{Location, StopReason, Storage};

#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct CheckArgs {
    /// Datasets, files of datasets, or data files: paths, or URLs such as s3://bucket/images.lance
    #[arg(
        value_name = "PATH",
        required_unless_present = "files_from",
        help_heading = "Arguments"
    )]
    paths: Vec<OsString>,
    /// Take paths from a file or standard input (-), one a line; files of no dataset are skipped
    #[arg(long, value_name = "FILE")]
    files_from: Option<OsString>,
    /// Paths of --files-from end with a NUL byte, as git diff -z writes them
    #[arg(long, short = '0', requires = "files_from", hide_short_help = true)]
    null: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Check every version there is, and say in which each fault came up
    #[arg(long, conflicts_with_all = ["version", "tag", "branch", "fragment", "fragments", "sample", "decode"])]
    all_versions: bool,
    /// Only this column and what is below it, such as meta.caption (repeatable)
    #[arg(long, value_name = "PATH")]
    column: Vec<String>,
    /// Only this fragment (repeatable)
    #[arg(long, value_name = "ID", hide_short_help = true)]
    fragment: Vec<u64>,
    /// Only fragments with ids from A to before B; A.. and ..B too (repeatable)
    ///
    /// The JSON of such a run can be joined with that of others: lance-lint merge.
    #[arg(long, value_name = "A..B", hide_short_help = true)]
    fragments: Vec<FragmentRange>,
    /// Only so many fragments, such as 500 or 5%, spread over all that would be looked at
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    sample: Option<SampleSize>,
    /// What the choice of --sample depends on
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "sample",
        hide_short_help = true
    )]
    seed: u64,
    /// Say what a release of Lance, such as 0.32.1 or lancedb==0.30.2, cannot read (repeatable)
    #[arg(
        long,
        value_name = "RELEASE",
        value_delimiter = ',',
        env = "LANCE_LINT_READER"
    )]
    #[arg(hide_env_values = true, hide_env = true)]
    reader: Vec<Reader>,
    /// Print the files that would be read, and check nothing
    #[arg(long, hide_short_help = true)]
    list_files: bool,
    /// Also read every page through Lance's own decoder, in child processes
    #[arg(long)]
    decode: bool,
    /// Seconds that one page may take to decode
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        requires = "decode",
        hide_short_help = true
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    decode_timeout: u64,
    /// MiB of memory that each decoding process may take
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4096,
        requires = "decode",
        hide_short_help = true
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(256..))]
    decode_memory: u64,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl CheckArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let started = Instant::now();
        let storage = self.stores.storage();
        let mut paths = self.paths;
        if let Some(meant) = paths.first().and_then(|first| meant::path(first)) {
            return Err(RunError::Meant(meant));
        }
        let mut skipped = 0;
        if let Some(list) = &self.files_from {
            let listed = listed(list, self.null)?;
            let all = listed.len();
            let in_datasets = |path: &OsString| !is_foreign(storage.as_ref(), path);
            let before = paths.len();
            paths.extend(listed.into_iter().filter(in_datasets));
            skipped = all - (paths.len() - before);
        }
        let mut request = request(paths, self.selection, self.column, self.fragment);
        request.fragment_ranges = self.fragments;
        let seed = self.seed;
        request.sample = self.sample.map(|size| Sample { size, seed });
        request.all_versions = self.all_versions;
        request.readers = self.reader;
        request.decode = self.decode;
        #[cfg(not(feature = "decode"))]
        if self.decode {
            return Err(RunError::NoDecoder);
        }
        let remote = |path: &&OsString| {
            Location::parse(path).is_ok_and(|location| location.as_path().is_none())
        };
        if self.decode && request.paths.iter().any(|path| remote(&path)) {
            return Err(RunError::DecodeRemote);
        }
        if self.list_files {
            return list_files(storage.as_ref(), &request);
        }
        let mut policy = Policy::new(self.gate.options(self.stores.untrusted)?)?;
        for path in &request.paths {
            if let Ok(location) = Location::parse(path) {
                policy.prepare(&location)?;
            }
        }
        end_on_interrupt(storage.clone());
        let progress = Arc::new(Progress::default());
        request.progress = Some(progress.clone());
        let mut display = Display::start(progress, storage.clone());
        let mut outputs = self.output.open()?;
        outputs.begin()?;
        // What a decoder says of a part is not in what is kept of it.
        request.keep_parts = request.chooses_fragments() && outputs.has_json() && !self.decode;
        // What a decoder says belongs to findings that are judged and written only then.
        let at_once = !self.decode;
        let mut report = check_each(&storage, &request, |subject| {
            if at_once {
                policy.judge(subject)?;
                outputs.subject(subject)?;
            }
            Ok::<(), RunError>(())
        })?;
        display.end();
        let failures = std::mem::take(&mut report.failures);
        if let Some(nothing) = nothing(&report, &failures) {
            return nothing;
        }
        #[cfg(feature = "decode")]
        if self.decode {
            let limits = decode::Limits {
                timeout: Duration::from_secs(self.decode_timeout),
                memory: self.decode_memory,
            };
            decode::decode(storage.as_ref(), &mut report, limits).map_err(RunError::Worker)?;
            for subject in &mut report.subjects {
                policy.judge(subject)?;
                outputs.subject(subject)?;
            }
        }
        report.notes.extend(skipped_note(skipped));
        conclude(report, failures, &policy, outputs, &self.gate, started)
    }
}

/// What a run comes to that has nothing to show.
pub(super) fn nothing(report: &Report, failures: &[Error]) -> Option<Result<Outcome, RunError>> {
    if !report.subjects.is_empty() {
        return None;
    }
    if report.halt == Some(StopReason::Interrupted) {
        eprintln!("lance-lint: interrupted before anything was looked at");
        return Some(Ok(Outcome::Interrupted));
    }
    (!failures.is_empty()).then(|| Err(RunError::Check(failures.to_vec())))
}

/// Writes a report whose subjects were judged, and says what it comes to.
pub(super) fn conclude(
    mut report: Report,
    failures: Vec<Error>,
    policy: &Policy,
    outputs: Outputs,
    gate: &GateArgs,
    started: Instant,
) -> Result<Outcome, RunError> {
    report.notes.extend(policy.said_by_data().iter().cloned());
    report.notes.extend(unmatched_note(policy));
    report.notes.extend(policy.write_baselines()?);
    let mut err = anstream::stderr();
    if !outputs.shows_notes() {
        for note in &report.notes {
            let _ = writeln!(err, "lance-lint: {}", printable(note));
        }
    }
    let sentences: Vec<String> = failures
        .iter()
        .map(|failure| failure.message().to_string())
        .collect();
    outputs.finish(&report, &sentences, started.elapsed())?;
    if report.halt == Some(StopReason::Interrupted) {
        for failure in &failures {
            let _ = writeln!(err, "lance-lint: {failure}");
        }
        return Ok(Outcome::Interrupted);
    }
    if !failures.is_empty() {
        return Err(RunError::Check(failures));
    }
    let fails = report.subjects.iter().any(|subject| subject.fails());
    Ok(match fails && !gate.exit_zero && !policy.writes() {
        true => Outcome::Findings,
        false => Outcome::Clean,
    })
}

fn skipped_note(skipped: usize) -> Option<String> {
    match skipped {
        0 => None,
        1 => Some("skipped 1 path that is in no Lance dataset".to_string()),
        many => Some(format!("skipped {many} paths that are in no Lance dataset")),
    }
}

fn unmatched_note(policy: &Policy) -> Option<String> {
    let unmatched = policy.unmatched();
    (!unmatched.is_empty()).then(|| format!("matched nothing: {}", unmatched.join("; ")))
}

/// The paths in a list.
fn listed(list: &OsStr, null: bool) -> Result<Vec<OsString>, RunError> {
    let mut bytes = Vec::new();
    let read = match list == "-" {
        true => io::stdin().read_to_end(&mut bytes),
        false => std::fs::File::open(list).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| RunError::List {
        list: list.to_os_string(),
        error,
    })?;
    let end = if null { 0 } else { b'\n' };
    let paths = bytes.split(|byte| *byte == end);
    let paths = paths.map(|path| match null {
        true => path,
        false => path.strip_suffix(b"\r").unwrap_or(path),
    });
    Ok(paths
        .filter(|path| !path.is_empty())
        .map(os_string)
        .collect())
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes).to_os_string()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    OsString::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Whether a path is a file that is in no dataset, and does not look like a data file.
fn is_foreign(storage: &dyn Storage, path: &OsString) -> bool {
    let (targets, _) = resolve(storage, std::slice::from_ref(path));
    let is_data_file = |location: &Location| location.file_name().ends_with(".lance");
    matches!(targets.as_slice(), [Target::File(location)] if !is_data_file(location))
}

fn list_files(storage: &dyn Storage, request: &Request) -> Result<Outcome, RunError> {
    let (files, failures) = list(storage, request);
    print(|out| {
        let mut files = files.iter();
        files.try_for_each(|file| writeln!(out, "{}", printable(&file.to_string())))
    })?;
    match failures.is_empty() {
        true => Ok(Outcome::Clean),
        false => Err(RunError::Check(failures)),
    }
}
