//! `diagnose`: what a panic means, and which column, page and writer did it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::Args;

use super::stores::StoreArgs;
use super::{
    Format, Outcome, RunError, SelectionArgs, print, print_json, request, to_the_end, width,
};
use lance_lint::Error;
use lance_lint::check::{Report, check};
use lance_lint::diagnose::{self, Search};
use lance_lint::format::sniff::{Looks, looks_like};
use lance_lint::report::diagnose as report;

/// Bytes of a file that tell whether it is text.
const HEAD: u64 = 512;

const AFTER_HELP: &str = "\
Exit status:
  0  the message is recognised; with PATH: and this dataset does not have its cause
  1  the message is recognised, and its cause is in PATH
  2  no message is recognised, or the job could not be done

Examples:
  lance-lint diagnose < panic.txt
  lance-lint diagnose images.lance < panic.txt
  lance-lint diagnose images.lance --log worker.log --format json | jq '.located[]'
  python read.py 2>&1 | lance-lint diagnose images.lance
  journalctl -u reader --since today | lance-lint diagnose images.lance --version 12";

/// Say what a panic or error of a Lance reader means; with a dataset, which column, page and writer
/// did it.
///
/// Reads a pasted panic, Python traceback or whole log from standard input. Colours, escaped quotes
/// and what loggers put before each line do not matter.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct DiagnoseArgs {
    /// The dataset that was read, a file of it, or a data file
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Read the message from this file in place of standard input
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    stores: StoreArgs,
}

/// Whether a path is a file of text on this machine, as a log is.
fn is_text(path: &OsStr) -> bool {
    let mut head = Vec::new();
    // A pipe is never opened: it would be waited for.
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let file = is_file.then(|| File::open(path).ok()).flatten();
    let read = file.map(|file| file.take(HEAD).read_to_end(&mut head));
    matches!(read, Some(Ok(_))) && looks_like(&head, &head) == Looks::Text
}

impl DiagnoseArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        if self.path.is_none() && self.selection.is_given() {
            let what =
                "--version, --tag and --branch choose among the versions of PATH: name it too";
            return Err(Error::other(what.to_string()).into());
        }
        if let Some(path) = self.path.as_ref().filter(|path| is_text(path)) {
            return Err(RunError::Meant(format!(
                "{0} is text, not a dataset; a log is read with --log {0}",
                path.display()
            )));
        }
        let log = self.read()?;
        let diagnosis = diagnose::diagnose(&log);
        let path = self
            .path
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        let checked = match (&self.path, diagnosis.cause()) {
            (Some(path), Some(_)) => Some(self.look(path, false)?),
            _ => None,
        };
        let mut search: Option<Search<'_>> = checked
            .as_ref()
            .map(|checked| diagnose::locate(&diagnosis, checked));
        if let (Some(search), Some(path)) = (&mut search, &self.path)
            && !search.located.is_empty()
            && !self.selection.is_given()
            && let Ok(history) = self.look(path, true)
        {
            search.date(&history);
        }
        let told = report::Told {
            diagnosis: &diagnosis,
            path: path.as_deref(),
            search: search.as_ref(),
        };
        match self.format {
            Format::Text => print(|out| report::write(out, &told, width()))?,
            Format::Json => print_json(&report::document(&told))?,
        }
        match (diagnosis.cause(), search) {
            (None, _) => Ok(Outcome::Unrecognised),
            (Some(_), Some(search)) if search.found() => Ok(Outcome::Findings),
            (Some(_), _) => Ok(Outcome::Clean),
        }
    }

    fn read(&self) -> Result<Vec<u8>, RunError> {
        let mut log = Vec::new();
        match &self.log {
            Some(path) => {
                let read = File::open(path).and_then(|mut file| file.read_to_end(&mut log));
                read.map_err(|error| {
                    Error::other(format!("cannot read the log {}: {error}", path.display()))
                })?;
            }
            None => {
                let mut input = io::stdin().lock();
                if input.is_terminal() {
                    eprintln!(
                        "lance-lint: paste the panic, traceback or log here, then press Ctrl-D on a line of \
                         its own (or use --log FILE)"
                    );
                }
                let read = input.read_to_end(&mut log);
                read.map_err(|error| Error::other(format!("cannot read standard input: {error}")))?;
            }
        }
        Ok(log)
    }

    /// Checks what was read: as it is, or in all versions.
    fn look(&self, path: &OsStr, all_versions: bool) -> Result<Report, RunError> {
        let storage = self.stores.storage();
        let paths = vec![path.to_os_string()];
        let mut request = request(paths, self.selection.clone(), Vec::new(), Vec::new());
        request.all_versions = all_versions;
        let mut report = check(&storage, &request);
        let failures = std::mem::take(&mut report.failures);
        if !failures.is_empty() {
            return Err(RunError::Check(failures));
        }
        to_the_end(storage.as_ref(), Ok(report))
    }
}
