//! One JSON object a line, as soon as a dataset or file is done.
//!
//! The first line is of type `run`; then, for each subject, a line of type `finding` for each
//! finding and one of type `subject`; the last is of type `summary`. A stream without that line
//! was cut off.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::json::{self, FindingJson, IgnoredJson, Subject, Summary, Tool};
use crate::check::{Report, SubjectReport};

/// A line.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint report line")]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line<S = Subject> {
    /// What follows, and who made it.
    Run(Run),
    /// A finding.
    Finding(Box<FindingJson>),
    /// A finding that someone said is to be ignored.
    Ignored(Box<IgnoredJson>),
    /// What was checked, behind all of its findings.
    Subject(Box<S>),
    /// The end.
    Summary(Closing),
}

/// The head of a stream.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Run {
    /// The version of the lines' shape, which is that of the JSON document.
    pub schema_version: u32,
    /// What makes them.
    pub tool: Tool,
}

/// The end of a stream.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Closing {
    /// Counts and costs of the run.
    #[serde(flatten)]
    pub summary: Summary,
    /// What is to be said of the run as a whole.
    pub notes: Vec<String>,
}

/// Writes the head of a stream.
///
/// # Errors
/// Whatever the writer says.
pub fn begin(out: &mut dyn Write) -> io::Result<()> {
    let run: Line = Line::Run(Run {
        schema_version: json::SCHEMA_VERSION,
        tool: json::tool(),
    });
    line(out, &run)
}

/// Writes what was found of a subject.
///
/// # Errors
/// Whatever the writer says.
pub fn subject(out: &mut dyn Write, subject: &SubjectReport) -> io::Result<()> {
    for finding in &subject.findings {
        let finding = json::finding_json(subject, finding);
        line::<Subject>(out, &Line::Finding(Box::new(finding)))?;
    }
    for ignored in &subject.ignored {
        let ignored = json::ignored_json(subject, ignored);
        line::<Subject>(out, &Line::Ignored(Box::new(ignored)))?;
    }
    line(out, &Line::Subject(Box::new(json::subject_json(subject))))
}

/// Writes the end of a stream.
///
/// # Errors
/// Whatever the writer says.
pub fn end(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let closing: Line = Line::Summary(Closing {
        summary: json::summary(report),
        notes: report.notes.clone(),
    });
    line(out, &closing)
}

/// The JSON Schema of a line.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Line)
}

fn line<S: Serialize>(out: &mut dyn Write, line: &Line<S>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}
