//! The check itself, which needs no subcommand.

use std::ffi::OsString;
#[cfg(feature = "decode")]
use std::time::Duration;
use std::time::Instant;

use clap::Args;

use super::{
    Format, Level, Outcome, RunError, SelectionArgs, print, request, storage, terminal_width,
};
use lance_lint::check::check;
use lance_lint::finding::Severity;
use lance_lint::model::readers::Release;
use lance_lint::report::{json, text};
#[cfg(feature = "decode")]
use lance_lint::witness;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Datasets, files of datasets, or data files; file:// URLs too
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Check every version that still has a manifest, and say in which each fault came up
    #[arg(long, conflicts_with_all = ["version", "tag", "branch", "fragment", "decode"])]
    all_versions: bool,
    /// Only this column and what is below it, such as meta.caption (repeatable)
    #[arg(long, value_name = "PATH")]
    column: Vec<String>,
    /// Only this fragment (repeatable)
    #[arg(long, value_name = "ID")]
    fragment: Vec<u64>,
    /// Say what a release of Lance cannot read, such as 0.32.1 or pylance==0.32.1 (repeatable)
    #[arg(long, value_name = "RELEASE")]
    reader: Vec<Release>,
    /// Also read every page through Lance's own decoder, in child processes
    #[arg(long)]
    decode: bool,
    /// Seconds that one page may take to decode
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        requires = "decode"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    decode_timeout: u64,
    /// MiB of memory that each decoding process may take
    #[arg(long, value_name = "MIB", default_value_t = 4096, requires = "decode")]
    #[arg(value_parser = clap::value_parser!(u64).range(256..))]
    decode_memory: u64,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "error")]
    fail_on: Level,
    /// Print findings only
    #[arg(long, short)]
    quiet: bool,
    /// Leave the column table out
    #[arg(long)]
    no_table: bool,
    /// Print the column table and no findings
    #[arg(long, conflicts_with_all = ["quiet", "no_table"])]
    columns_only: bool,
}

impl CheckArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let started = Instant::now();
        let (storage, meter) = storage();
        let mut request = request(self.paths, self.selection, self.column, self.fragment);
        request.all_versions = self.all_versions;
        request.readers = self.reader;
        request.decode = self.decode;
        #[cfg(not(feature = "decode"))]
        if self.decode {
            return Err(RunError::NoDecoder);
        }
        let mut report = check(&storage, &meter, &request);
        let failures = std::mem::take(&mut report.failures);
        if report.subjects.is_empty() && !failures.is_empty() {
            return Err(RunError::Check(failures));
        }
        #[cfg(feature = "decode")]
        if self.decode {
            let limits = witness::Limits {
                timeout: Duration::from_secs(self.decode_timeout),
                memory: self.decode_memory,
            };
            witness::decode(storage.as_ref(), &mut report, limits).map_err(RunError::Worker)?;
        }
        match self.format {
            Format::Json => print(|out| {
                serde_json::to_writer_pretty(&mut *out, &json::document(&report))?;
                writeln!(out)
            })?,
            Format::Text => {
                let options = text::Options {
                    quiet: self.quiet,
                    table: !self.no_table,
                    findings: !self.columns_only,
                    width: terminal_width(),
                    elapsed: started.elapsed(),
                };
                print(|out| text::write(out, &report, options))?;
            }
        }
        if !failures.is_empty() {
            return Err(RunError::Check(failures));
        }
        let least = self.fail_on.severity();
        let failing = |severity: &Severity| *severity >= least && report.count(*severity) > 0;
        Ok(match Severity::ALL.iter().any(failing) {
            true => Outcome::Findings,
            false => Outcome::Clean,
        })
    }
}
