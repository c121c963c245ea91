//! The outputs of a check: one on standard output, any number in files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{RunError, print_as, width};
use lance_lint::check::{Report, SubjectReport};
use lance_lint::did_you_mean;
use lance_lint::printable::{Escaping, write_escaped};
use lance_lint::report::{
    FIXED_WIDTH, concise, github, gitlab, json, json_lines, junit, sarif, statistics, text,
};

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The output: text, concise, json, json-lines, sarif, github, gitlab or junit
    #[arg(long, value_enum, default_value = "text", env = "LANCE_LINT_FORMAT")]
    #[arg(hide_env_values = true, hide_env = true, hide_possible_values = true)]
    #[arg(hide_default_value = true)]
    format: ReportFormat,
    /// Write to FILE; FORMAT=FILE writes that format beside the other (repeatable)
    #[arg(long, value_name = "FILE", env = "LANCE_LINT_OUTPUT_FILE")]
    #[arg(hide_env_values = true, hide_env = true)]
    output_file: Vec<OutputFile>,
    /// Print findings only
    #[arg(long, short)]
    quiet: bool,
    /// Leave the column table out
    #[arg(long, hide_short_help = true)]
    no_table: bool,
    /// Print the column table and no findings
    #[arg(long, hide_short_help = true, conflicts_with_all = ["quiet", "no_table"])]
    columns_only: bool,
    /// Print how many findings there are of each rule, and no findings
    #[arg(long, conflicts_with_all = ["quiet", "columns_only"])]
    statistics: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// One line for each finding
    Concise,
    /// One JSON document (docs/report.schema.json)
    Json,
    /// One JSON object a line, as soon as each dataset is done
    JsonLines,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A code quality report for GitLab
    Gitlab,
    /// JUnit XML
    Junit,
}

impl ReportFormat {
    /// How what acts on a terminal is shown.
    fn escaping(self) -> Escaping {
        match self {
            Self::Text | Self::Concise => Escaping::Text,
            Self::Json | Self::JsonLines | Self::Sarif | Self::Gitlab => Escaping::Json,
            Self::Github | Self::Junit => Escaping::Own,
        }
    }
}

/// A file to write to, and the format when it says one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OutputFile {
    format: Option<ReportFormat>,
    path: PathBuf,
}

impl std::str::FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |format: &str| {
            let mut chars = format.chars();
            !format.is_empty() && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let named = text.split_once('=');
        let Some((word, path)) = named.filter(|(format, _)| is_word(format)) else {
            return Ok(Self {
                format: None,
                path: PathBuf::from(text),
            });
        };
        match ReportFormat::from_str(word, true) {
            Ok(format) if !path.is_empty() => Ok(Self {
                format: Some(format),
                path: PathBuf::from(path),
            }),
            Ok(_) => Err(format!("the file is missing: {word}=FILE")),
            Err(_) => {
                let values = ReportFormat::value_variants().iter();
                let names: Vec<String> = values
                    .filter_map(|format| Some(format.to_possible_value()?.get_name().to_string()))
                    .collect();
                let hint = match super::meant::format(word) {
                    Some(format) => format!("; did you mean {format}={path}?"),
                    None => did_you_mean::hint(word, names.iter().map(String::as_str)),
                };
                let shown = if hint.is_empty() {
                    "of that name"
                } else {
                    word
                };
                Err(format!(
                    "there is no format {shown}{hint} (formats are {}; a file that has an = in \
                     its name is written ./NAME)",
                    names.join(", ")
                ))
            }
        }
    }
}

/// Where a report goes.
pub struct Outputs {
    sinks: Vec<Sink>,
    text: text::Options,
    statistics: bool,
    /// Where paths of machine formats start from.
    base: PathBuf,
}

struct Sink {
    format: ReportFormat,
    /// Standard output when absent.
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl OutputArgs {
    /// Opens the files, so that one that cannot be written shows before the work is done.
    pub fn open(self) -> Result<Outputs, RunError> {
        let replaces = self.output_file.iter().any(|file| file.format.is_none());
        let mut sinks = Vec::new();
        if !replaces {
            sinks.push(Sink {
                format: self.format,
                file: None,
            });
        }
        for output in self.output_file {
            let file =
                File::create(&output.path).map_err(|error| unwritable(&output.path, error))?;
            sinks.push(Sink {
                format: output.format.unwrap_or(self.format),
                file: Some((output.path, BufWriter::new(file))),
            });
        }
        Ok(Outputs {
            sinks,
            text: text::Options {
                quiet: self.quiet,
                table: !self.no_table && !self.statistics,
                findings: !self.columns_only,
                width: width(),
                elapsed: Duration::ZERO,
            },
            statistics: self.statistics,
            base: std::env::current_dir().unwrap_or_default(),
        })
    }
}

impl Outputs {
    /// Whether what is to be said of the run as a whole has a place in what goes to people.
    pub fn shows_notes(&self) -> bool {
        let mut sinks = self.sinks.iter();
        let quiet = self.text.quiet || !self.text.findings;
        sinks.any(|sink| {
            let whole = sink.format == ReportFormat::Json || sink.format == ReportFormat::Text;
            sink.file.is_none() && whole && !(quiet && sink.format == ReportFormat::Text)
        })
    }

    /// Whether one of them is a JSON document.
    pub fn has_json(&self) -> bool {
        let mut sinks = self.sinks.iter();
        sinks.any(|sink| sink.format == ReportFormat::Json)
    }

    /// Begins those that are written as the run goes on.
    pub fn begin(&mut self) -> Result<(), RunError> {
        self.stream(|out| json_lines::begin(out))
    }

    /// Writes what was found of a subject where it can be written at once.
    pub fn subject(&mut self, subject: &SubjectReport) -> Result<(), RunError> {
        self.stream(|out| json_lines::subject(out, subject))
    }

    fn stream(&mut self, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), RunError> {
        let lines = self.sinks.iter_mut();
        for sink in lines.filter(|sink| sink.format == ReportFormat::JsonLines) {
            sink.write(|out| write(out))?;
        }
        Ok(())
    }

    /// Writes the rest.
    pub fn finish(
        mut self,
        report: &Report,
        failures: &[String],
        elapsed: Duration,
    ) -> Result<(), RunError> {
        self.text.elapsed = elapsed;
        let (text, statistics, base) = (self.text, self.statistics, self.base.as_path());
        for sink in &mut self.sinks {
            let format = sink.format;
            let in_file = sink.file.is_some();
            sink.write(|out| match format {
                ReportFormat::Text => {
                    let mut text = text;
                    if in_file {
                        text.width = FIXED_WIDTH;
                    }
                    match statistics {
                        true => statistics::write(out, report, text),
                        false => text::write(out, report, text),
                    }
                }
                ReportFormat::Concise => concise::write(out, report),
                ReportFormat::Json => json::write(out, report),
                ReportFormat::JsonLines => json_lines::end(out, report),
                ReportFormat::Sarif => sarif::write(out, report, base, failures),
                ReportFormat::Github => github::write(out, report, base),
                ReportFormat::Gitlab => gitlab::write(out, report, base),
                ReportFormat::Junit => junit::write(out, report, base),
            })?;
            if let Some((path, file)) = &mut sink.file {
                let flushed = file.flush();
                flushed.map_err(|error| unwritable(path, error))?;
            }
        }
        Ok(())
    }
}

fn unwritable(path: &Path, error: io::Error) -> RunError {
    RunError::Output {
        path: path.to_path_buf(),
        error,
    }
}

impl Sink {
    fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), RunError> {
        match &mut self.file {
            None => print_as(self.format.escaping(), write),
            Some((path, file)) => {
                // No colour in files, whatever the terminal is.
                let file: &mut dyn Write = file;
                let mut plain = anstream::StripStream::new(file);
                let written = write_escaped(&mut plain, self.format.escaping(), write);
                written.map_err(|error| unwritable(path, error))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Option<ReportFormat>, String) {
        let file = text.parse::<OutputFile>().expect(text);
        (file.format, file.path.display().to_string())
    }

    #[test]
    fn a_word_before_an_equals_sign_is_a_format() {
        assert_eq!(
            parsed("sarif=a=b.sarif"),
            (Some(ReportFormat::Sarif), "a=b.sarif".to_string())
        );
        assert_eq!(
            parsed("JSON=x.json"),
            (Some(ReportFormat::Json), "x.json".to_string())
        );
        assert_eq!(parsed("./x=y.txt"), (None, "./x=y.txt".to_string()));
        assert_eq!(parsed("a.b=y.txt"), (None, "a.b=y.txt".to_string()));
        for (text, said) in [
            ("foo=out.txt", "there is no format of that name ("),
            (
                "sarf=out.txt",
                "there is no format sarf; did you mean sarif?",
            ),
            ("jsonl=out.txt", "did you mean json-lines=out.txt?"),
            ("json=", "the file is missing"),
        ] {
            let refused = text.parse::<OutputFile>().expect_err(text);
            assert!(refused.contains(said), "{refused}");
        }
    }
}
