//! `bundle`: what a maintainer of Lance needs to understand a dataset, in one file.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::Args;

use super::stores::StoreArgs;
use super::{Outcome, RunError, SelectionArgs, print_as, to_the_end};
use lance_lint::commands::bundle::{Asked, bundle};
use lance_lint::printable::Escaping;
use lance_lint::report::bundle as report;

const AFTER_HELP: &str = "\
The file holds the findings, what the manifest says, the footers of data files, the pages of their \
columns with all encodings, and the names and sizes of all files. It holds no values: no bytes of \
pages, no constants or dictionaries of encodings, no statistics, no blobs; nor credentials of URLs.

Exit status:
  0  the file was written, whatever is wrong with the dataset
  2  it could not be written, or there is no such path, version, tag, branch, column or fragment

Examples:
  lance-lint bundle images.lance -o report.json
  lance-lint bundle images.lance --redact -o report.json
  lance-lint bundle images.lance --column blob --fragment 12 -o report.json
  lance-lint bundle images.lance -o - | jq '.encodings[].encoding.notation'";

/// Data files beyond which the file is not indented.
const MAX_INDENTED: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct BundleArgs {
    /// A dataset, a file of one, or a data file
    #[arg(value_name = "PATH")]
    path: OsString,
    /// The file to write; - for standard output
    #[arg(long, short, value_name = "FILE")]
    output: OsString,
    /// Show names, paths and values of metadata as placeholders, such as column-1
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Only this column and what is below it, with all its pages (repeatable)
    #[arg(long, value_name = "PATH")]
    column: Vec<String>,
    /// Only this fragment, with all its data files (repeatable)
    #[arg(long, value_name = "ID")]
    fragment: Vec<u64>,
    /// Write out all data files and fragments, and list all files (some KiB for each data file)
    #[arg(long)]
    all_files: bool,
    #[command(flatten)]
    stores: StoreArgs,
}

impl BundleArgs {
    pub fn run(self) -> Result<Outcome, RunError> {
        let storage = self.stores.storage();
        let gathered = bundle(
            &storage,
            Asked {
                path: self.path,
                selection: self.selection.into(),
                columns: self.column,
                fragments: self.fragment,
                redact: self.redact,
                all_files: self.all_files,
            },
        );
        let gathered = to_the_end(storage.as_ref(), gathered)?;
        let document = report::document(&gathered);
        let written = match document.data_files.len() > MAX_INDENTED {
            true => serde_json::to_vec(&document),
            false => serde_json::to_vec_pretty(&document),
        };
        let mut text = written.map_err(|error| RunError::Write(io::Error::other(error)))?;
        text.push(b'\n');
        let place = match self.output == "-" {
            true => {
                print_as(Escaping::Json, |out| out.write_all(&text))?;
                "standard output".to_string()
            }
            false => {
                std::fs::write(&self.output, &text).map_err(RunError::Write)?;
                self.output.to_string_lossy().into_owned()
            }
        };
        let said = report::summary(&document, &place, text.len() as u64);
        // That nobody reads it takes nothing from the file.
        let _ = io::stderr().write_all(said.as_bytes());
        Ok(Outcome::Clean)
    }
}
