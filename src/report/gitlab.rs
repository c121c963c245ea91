//! A code quality report for GitLab: an array of what its merge requests show.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::annotation::{Annotation, annotations};
use super::json::pretty;
use crate::check::Report;
use crate::finding::Severity;

#[derive(Serialize)]
struct Violation<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

/// Lance files have no lines, and GitLab wants one.
#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes a report. Paths start from `base`, which GitLab wants to be the root of the repository.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report, base: &Path) -> io::Result<()> {
    let annotations = annotations(report, base);
    let violations: Vec<Violation<'_>> = annotations.iter().map(violation).collect();
    pretty(out, &violations)
}

fn violation<'a>(annotation: &'a Annotation<'_>) -> Violation<'a> {
    let finding = annotation.finding;
    let details: Vec<String> = annotation.details();
    Violation {
        description: [vec![annotation.message()], details].concat().join("\n"),
        check_name: finding.rule.id,
        fingerprint: &annotation.fingerprint,
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Info => "info",
        },
        location: Location {
            path: &annotation.path,
            lines: Lines { begin: 1 },
        },
    }
}
