//! `merge`: the reports of parts, made one.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::time::Instant;

use clap::Args;

use super::check::{conclude, nothing};
use super::gate::GateArgs;
use super::output::OutputArgs;
use super::progress::end_on_interrupt;
use super::stores::StoreArgs;
use super::{Outcome, RunError};
use lance_lint::Error;
use lance_lint::check::Merge;
use lance_lint::policy::Policy;
use lance_lint::report::parts;
use lance_lint::storage::Location;

const AFTER_HELP: &str = "\
Examples:
  lance-lint images.lance --version 7 --fragments ..500 --format json > 1.json
  lance-lint images.lance --version 7 --fragments 500.. --format json > 2.json
  lance-lint merge 1.json 2.json

What comes out is what `lance-lint images.lance --version 7` prints, in any format and under the same
configuration. The manifest is read again, and no data file.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct MergeArgs {
    /// JSON reports of runs with --fragments or --fragment; - for standard input
    #[arg(value_name = "REPORT", required = true, help_heading = "Arguments")]
    reports: Vec<OsString>,
    /// Merge what there is, also where fragments are in none of the reports
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl MergeArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let started = Instant::now();
        let storage = self.stores.storage();
        end_on_interrupt(storage.clone());
        let mut policy = Policy::new(self.gate.options(self.stores.untrusted)?)?;
        let mut merge = Merge::default();
        for report in &self.reports {
            let name = report.to_string_lossy();
            let documents = parts::read(&contents(report)?);
            let documents = documents.map_err(|why| Error::other(format!("{name} {why}")))?;
            let several = documents.len() > 1;
            for (number, parts) in (1..).zip(documents) {
                let name = match several {
                    true => format!("{name} (report {number})"),
                    false => name.to_string(),
                };
                merge.add(&name, parts)?;
            }
        }
        for dataset in merge.datasets() {
            if let Ok(location) = Location::parse(OsStr::new(dataset)) {
                self.stores.allow(&location)?;
                policy.prepare(&location)?;
            }
        }
        let mut outputs = self.output.open()?;
        outputs.begin()?;
        let mut report = merge.finish(&storage, self.partial, |subject| {
            policy.judge(subject)?;
            outputs.subject(subject)
        })?;
        let failures = std::mem::take(&mut report.failures);
        if let Some(nothing) = nothing(&report, &failures) {
            return nothing;
        }
        conclude(report, failures, &policy, outputs, &self.gate, started)
    }
}

fn contents(report: &OsStr) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    let read = match report == "-" {
        true => io::stdin().read_to_end(&mut bytes).map(|_| ()),
        false => std::fs::read(report).map(|read| bytes = read),
    };
    read.map_err(|error| RunError::Report {
        report: report.to_os_string(),
        error,
    })?;
    Ok(bytes)
}
