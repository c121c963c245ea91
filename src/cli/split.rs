//! `split`: ranges of fragments to check beside each other.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use clap::Args;

use super::stores::StoreArgs;
use super::{Format, Outcome, RunError, SelectionArgs, print, print_json, to_the_end};
use lance_lint::check::split;
use lance_lint::report::split as report;

const AFTER_HELP: &str = "\
Example:
  lance-lint split images.lance --into 8 |
    xargs -P 4 -I UNIT sh -c 'lance-lint images.lance UNIT -q --output-file json=$$.part.json'
  lance-lint merge *.part.json";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct SplitArgs {
    /// A dataset
    #[arg(value_name = "PATH", help_heading = "Arguments")]
    path: OsString,
    /// How many ranges of about as many fragments each
    #[arg(long, value_name = "N")]
    into: NonZeroUsize,
    #[command(flatten)]
    selection: SelectionArgs,
    /// The output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    stores: StoreArgs,
}

impl SplitArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let storage = self.stores.storage();
        let split = split(
            storage.as_ref(),
            self.path,
            &self.selection.into(),
            self.into,
        );
        let split = to_the_end(storage.as_ref(), split)?;
        match self.format {
            Format::Text => print(|out| report::write(out, &split))?,
            Format::Json => print_json(&report::document(&split))?,
        }
        Ok(Outcome::Clean)
    }
}
