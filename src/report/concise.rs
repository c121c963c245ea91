//! One line for each finding.

use std::io::{self, Write};

use super::layout::{counted, place};
use crate::check::{Report, SubjectReport};
use crate::finding::Finding;
use crate::printable::printable;

/// Writes the findings of a report.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for subject in &report.subjects {
        for finding in &subject.findings {
            writeln!(out, "{}", printable(&line(subject, finding)))?;
        }
    }
    Ok(())
}

/// `path: severity[rule] message (first place; and others)`.
fn line(subject: &SubjectReport, finding: &Finding) -> String {
    let more = finding.count.saturating_sub(1);
    let places = match (finding.places.first(), more) {
        (None, _) => String::new(),
        (Some(first), 0) => format!(" ({})", place(first)),
        (Some(first), more) => format!(" ({}; {})", place(first), counted(more, "more place")),
    };
    format!(
        "{}: {}[{}] {}{places}",
        subject.path, finding.severity, finding.rule.id, finding.message
    )
}
