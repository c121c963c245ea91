//! What the formats for code review and CI show of a finding: a file to hang it on, a text of
//! one piece, and a fingerprint.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::layout;
use crate::check::{Report, SubjectKind, SubjectReport};
use crate::finding::{Finding, Place};
use crate::policy::Identity;
use crate::printable::{printable, printable_lines};

/// A finding as other programs show it.
pub struct Annotation<'a> {
    /// The dataset or file that it is about.
    pub subject: &'a SubjectReport,
    /// The finding.
    pub finding: &'a Finding,
    /// The file of its first place, or the subject, from the base directory on.
    pub path: String,
    /// Stands for the finding from run to run, when data has been written again, too; no two
    /// findings of a report have the same.
    pub fingerprint: String,
}

/// All findings of a report. Paths start from `base` where they are below it.
pub fn annotations<'a>(report: &'a Report, base: &Path) -> Vec<Annotation<'a>> {
    let mut taken = HashSet::new();
    let mut alike: HashMap<String, u64> = HashMap::new();
    let mut all = Vec::new();
    for subject in &report.subjects {
        let name = from(base, &subject.path);
        for finding in &subject.findings {
            let mut identity = Identity::new(name.clone(), finding);
            let mut fingerprint = identity.fingerprint();
            // Alike in all that lasts: told apart by their order.
            let count = alike.entry(fingerprint.clone()).or_default();
            let fault = identity.fault.clone().unwrap_or_default();
            while !taken.insert(fingerprint.clone()) {
                *count += 1;
                identity.fault = Some(format!("{fault}+{count}"));
                fingerprint = identity.fingerprint();
            }
            all.push(Annotation {
                subject,
                finding,
                path: path(subject, finding.places.first(), base),
                fingerprint,
            });
        }
    }
    all
}

/// The file of a place, or the subject where it has none.
pub fn path(subject: &SubjectReport, place: Option<&Place>, base: &Path) -> String {
    let file = place.and_then(|place| place.file.as_deref());
    match (&subject.kind, file) {
        (SubjectKind::File, _) | (_, None) => from(base, &subject.path),
        // A file behind a base path is elsewhere.
        (_, Some(file)) if Path::new(file).is_absolute() || file.contains("://") => {
            from(base, file)
        }
        (_, Some(file)) => format!("{}/{file}", from(base, &subject.path)),
    }
}

/// A path from a directory on, with slashes.
fn from(base: &Path, path: &str) -> String {
    let below = Path::new(path).strip_prefix(base);
    let shown = below.map_or_else(|_| path.to_string(), |below| below.display().to_string());
    let shown = shown.trim_start_matches("./").trim_end_matches('/');
    match std::path::MAIN_SEPARATOR {
        '\\' => shown.replace('\\', "/"),
        _ => shown.to_string(),
    }
}

impl Annotation<'_> {
    /// What is found, in one line.
    pub fn message(&self) -> String {
        printable(&self.finding.message).into_owned()
    }

    /// Where it is, what a reader does, why, and how to fix it: a line or more for each.
    pub fn details(&self) -> Vec<String> {
        let finding = self.finding;
        let mut lines = Vec::new();
        if let Some(place) = finding.places.first() {
            let more = finding.count.saturating_sub(1);
            let more = match more {
                0 => String::new(),
                more => format!(", and {}", layout::counted(more, "more place")),
            };
            lines.push(format!("at {}{more}", layout::place(place)));
        }
        if let (Some(expected), Some(found)) = (&finding.expected, &finding.found) {
            let (expected, found) = (printable(expected), printable(found));
            lines.push(format!("expected {expected}; found {found}"));
        }
        for reader in &finding.readers {
            let effect = printable(&reader.effect);
            lines.push(format!("reader: {} {effect}", printable(&reader.call)));
        }
        let cause = finding.cause.iter();
        lines.extend(cause.map(|cause| format!("cause: {}", printable(cause))));
        lines.extend(
            finding
                .help
                .iter()
                .map(|help| format!("help: {}", help.text)),
        );
        let shown = lines.iter().map(|line| printable_lines(line).into_owned());
        shown.collect()
    }
}
