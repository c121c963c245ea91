//! Arguments. Their doc comments are the help.

mod bundle;
mod check;
#[cfg(feature = "decode")]
mod decode;
mod diagnose;
mod diff;
mod gate;
mod inspect;
pub mod meant;
mod merge;
mod orphans;
mod output;
mod progress;
mod rule_names;
mod rules;
mod shell;
mod split;
mod stores;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use lance_lint::Error;
use lance_lint::check::Request;
use lance_lint::finding::Severity;
use lance_lint::model::snapshot::Selection;
use lance_lint::policy::PolicyError;
use lance_lint::printable::{Escaping, write_escaped};
use lance_lint::report::json::pretty;
use lance_lint::report::{FIXED_WIDTH, LEAST_WIDTH};
use lance_lint::rules::UnknownRule;
use lance_lint::storage::{StopReason, Storage};

/// What shells give for a process that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// Examples first.
const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  lance-lint images.lance                        its encodings and its faults
  lance-lint -q --fail-on warning *.lance        findings only; warnings fail too
  lance-lint images.lance --format sarif         for machines
  lance-lint s3://bucket/images.lance            in an object store; also gs://, az://, https://
  lance-lint explain blob-stored-plain           what a rule means, how to fix the fault
  lance-lint inspect images.lance --column blob  every page of a column
  lance-lint images.lance --all-versions         the version in which each fault began
  git diff --name-only -z | lance-lint --files-from - -0";

const SHORT_HELP_END: &str = "\
Exit status: 0 clean, 1 findings at or above --fail-on, 2 the job could not be done.
For more information, run: lance-lint help, or lance-lint help COMMAND";

const LONG_HELP_END: &str = "\
Exit status:
  0  clean, or nothing at or above --fail-on
  1  findings at or above --fail-on; a damaged dataset is one
  2  the job could not be done: bad usage, no such path, not a Lance dataset, no permission, a
     store that does not answer
  130  Ctrl-C: what was found so far is printed

Environment variables, each for the option of its name:
  LANCE_LINT_FORMAT, LANCE_LINT_OUTPUT_FILE, LANCE_LINT_FAIL_ON, LANCE_LINT_IGNORE,
  LANCE_LINT_READER, LANCE_LINT_CONFIG, LANCE_LINT_BASELINE, LANCE_LINT_STORAGE_OPTION (one a
  line)
  NO_COLOR and CLICOLOR_FORCE are honoured. COLUMNS sets the width of the text, which is that of
  the terminal, or 132 in pipes and files.

Configuration (lance-lint.toml, the nearest above the dataset, else above the working directory):
  fail-on = \"warning\"
  baseline = \"lance-lint-baseline.json\"

  [rules]
  dataset-health = \"ignore\"                 # or error, warning, info

  [[override]]
  paths = [\"archive/**\"]                    # datasets, from this file on
  columns = [\"meta.*\"]                      # and what is below them
  rules = [\"blob-stored-plain\"]
  level = \"warning\"
  reason = \"is being rewritten\"

  A field can say itself what to ignore, in its metadata:
  \"lance-lint:ignore\": \"blob-stored-plain: is being rewritten\"";

/// A linter for Lance datasets: finds data that readers crash on or silently misread.
///
/// Reads manifests, footers and page encodings directly, not through Lance's own reader, and
/// reads no values unless --decode asks for them. PATH is a dataset directory, a file of one (a data file, manifest or
/// deletion file: then only that part is checked), or a data file by itself.
#[derive(Debug, Parser)]
#[command(
    name = "lance-lint",
    version,
    disable_version_flag = true,
    disable_help_flag = true,
    arg_required_else_help = true
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(before_help = EXAMPLES, after_help = SHORT_HELP_END, after_long_help = LONG_HELP_END)]
#[command(help_template = TEMPLATE)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: check::CheckArgs,
    #[command(flatten)]
    common: Common,
    /// Print the version of lance-lint
    #[arg(short = 'V', hide_short_help = true, action = clap::ArgAction::Version)]
    print_version: Option<bool>,
    /// Print help; `lance-lint help` prints more
    #[arg(short = 'h', long = "help", global = true, action = clap::ArgAction::HelpShort)]
    print_help: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every page of a column: the full encoding tree, all parameters, all buffers
    Inspect(inspect::InspectArgs),
    /// Explain a panic: what it means, and which column, page and writer caused it
    Diagnose(diagnose::DiagnoseArgs),
    /// Split a dataset into ranges of fragments, to check them in parallel
    Split(split::SplitArgs),
    /// Join the JSON reports of parts of a dataset into that of one check
    Merge(merge::MergeArgs),
    /// Show what differs between two versions, datasets or data files
    Diff(diff::DiffArgs),
    /// Write what a maintainer of Lance needs into one file, without any value of the data
    Bundle(bundle::BundleArgs),
    /// List the files that no manifest of any version, tag or branch names
    Orphans(orphans::OrphansArgs),
    /// List the rules
    Rules(rules::RulesArgs),
    /// Explain a rule or a known bug: what readers do, causes, fixes
    Explain(rules::ExplainArgs),
    /// Print what a shell needs to complete arguments
    Completions(shell::CompletionsArgs),
    /// Print the manual page
    Man(shell::ManArgs),
    /// Read through Lance's own decoder what standard input asks for
    #[cfg(feature = "decode")]
    #[command(hide = true)]
    DecodeWorker(decode::WorkerArgs),
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = clap::builder::Resettable::<clap::builder::Str>::Reset)]
struct Common {
    /// When to colour
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        hide_short_help = true
    )]
    color: ColorWhen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set; CLICOLOR_FORCE colours pipes too
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which snapshot to look at.
#[derive(Debug, Clone, Args)]
struct SelectionArgs {
    /// The version to check; the latest by default
    #[arg(long, value_name = "N", conflicts_with = "tag")]
    version: Option<u64>,
    /// The version that a tag names
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "branch",
        hide_short_help = true
    )]
    tag: Option<String>,
    /// A branch, at its latest version or at --version
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    branch: Option<String>,
}

impl SelectionArgs {
    /// Whether any of them was given.
    fn is_given(&self) -> bool {
        self.version.is_some() || self.tag.is_some() || self.branch.is_some()
    }
}

impl From<SelectionArgs> for Selection {
    fn from(given: SelectionArgs) -> Self {
        Self {
            version: given.version,
            tag: given.tag,
            branch: given.branch,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Errors
    Error,
    /// Warnings and errors
    Warning,
    /// Anything
    Info,
}

impl Level {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Info => Severity::Info,
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing at or above the level that fails.
    Clean,
    /// Something.
    Findings,
    /// Nothing could be made of what was to be diagnosed.
    Unrecognised,
    /// Ctrl-C ended it; what was found so far is printed.
    Interrupted,
}

/// Why a run came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Parts of the check could not be made: one sentence each.
    #[error("{}", lines(.0))]
    Check(Vec<Error>),
    /// This build has no decoder.
    #[cfg(not(feature = "decode"))]
    #[error(
        "--decode needs a build with Lance's own decoder: \
         cargo install lance-lint --features decode (needs protoc)"
    )]
    NoDecoder,
    /// The decoder reads files of this machine.
    #[error("--decode reads local files only; copy what it is to read to this machine first")]
    DecodeRemote,
    /// A worker process could not be started, or could not go on.
    #[cfg(feature = "decode")]
    #[error("decode worker: {0}")]
    Worker(io::Error),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Write(io::Error),
    /// A file for the output could not be written.
    #[error("cannot write {}: {error}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A list of paths could not be read.
    #[error("cannot read the list of paths {}: {error}", list.display())]
    List {
        /// The list.
        list: OsString,
        /// Why.
        error: io::Error,
    },
    /// A report could not be read.
    #[error("cannot read the report {}: {error}", report.display())]
    Report {
        /// The report.
        report: OsString,
        /// Why.
        error: io::Error,
    },
    /// A configuration or a baseline cannot be followed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A name that no rule has.
    #[error(transparent)]
    Rule(#[from] UnknownRule),
    /// An argument that is taken for something else than it was meant to be.
    #[error("{0}")]
    Meant(String),
    /// A name that no command has.
    #[error("there is no command {0:?}; `lance-lint --help` lists them")]
    Command(String),
}

/// Takes `--version` alone for `-V`: elsewhere it chooses a version of the dataset.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = given.collect();
    if let [_, only] = all.as_mut_slice()
        && only == "--version"
    {
        *only = OsString::from("-V");
    }
    all
}

fn lines(failures: &[Error]) -> String {
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    lines.join("\nlance-lint: ")
}

impl From<Error> for RunError {
    fn from(failure: Error) -> Self {
        Self::Check(vec![failure])
    }
}

impl Cli {
    /// Does what the arguments say.
    ///
    /// # Errors
    /// [`RunError`]; a closed pipe is none.
    pub fn run(self) -> Result<Outcome, RunError> {
        self.common.apply();
        match self.command {
            Some(Command::Inspect(arguments)) => arguments.run(),
            Some(Command::Diagnose(arguments)) => arguments.run(),
            Some(Command::Split(arguments)) => arguments.run(),
            Some(Command::Merge(arguments)) => arguments.run(),
            Some(Command::Diff(arguments)) => arguments.run(),
            Some(Command::Bundle(arguments)) => arguments.run(),
            Some(Command::Orphans(arguments)) => arguments.run(),
            Some(Command::Rules(arguments)) => arguments.run(),
            Some(Command::Explain(arguments)) => arguments.run(),
            Some(Command::Completions(arguments)) => arguments.run(),
            Some(Command::Man(arguments)) => arguments.run(),
            #[cfg(feature = "decode")]
            Some(Command::DecodeWorker(arguments)) => arguments.run(),
            None => self.check.run(),
        }
    }
}

impl Common {
    fn apply(&self) {
        match self.color {
            ColorWhen::Auto => anstream::ColorChoice::Auto,
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

fn request(
    paths: Vec<OsString>,
    selection: SelectionArgs,
    columns: Vec<String>,
    fragments: Vec<u64>,
) -> Request {
    Request {
        paths,
        selection: selection.into(),
        columns,
        fragments,
        ..Request::default()
    }
}

/// Fails where a run came to its end before all was read: what is half known must not be shown
/// as a whole.
fn to_the_end<T>(storage: &dyn Storage, learnt: Result<T, Error>) -> Result<T, RunError> {
    match storage.meter().halted() {
        None => Ok(learnt?),
        Some(StopReason::Failed(why)) => Err(Error::other(why.clone()).into()),
        Some(halt) => Err(Error::other(format!("{halt} before all was read")).into()),
    }
}

/// How wide lines on standard output may be: what COLUMNS says, else as wide as the terminal, else a
/// fixed width.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.trim().parse().ok());
    let columns = columns.filter(|columns| *columns > 0);
    let of_terminal = || {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0)).filter(|width| *width > 0)
    };
    let width = columns.or_else(of_terminal).unwrap_or(FIXED_WIDTH);
    width.max(LEAST_WIDTH)
}

/// Prints a JSON document.
fn print_json(document: &impl serde::Serialize) -> Result<(), RunError> {
    print_as(Escaping::Json, |out| pretty(out, document))
}

/// Runs `write`, which writes text for people, on standard output.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), RunError> {
    print_as(Escaping::Text, write)
}

/// The same for what is escaped otherwise. A closed pipe is not an error.
fn print_as(
    escaping: Escaping,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), RunError> {
    // Only text for people has colours, which a pipe does not get.
    let out: Box<dyn Write> = match escaping {
        Escaping::Text => Box::new(anstream::stdout().lock()),
        Escaping::Json | Escaping::Own => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::with_capacity(1 << 16, out);
    match write_escaped(&mut out, escaping, write) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is still buffered must not be tried again when the buffer is dropped.
            let _ = out.into_parts();
            Ok(())
        }
        result => result.map_err(RunError::Write),
    }
}
