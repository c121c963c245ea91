//! Annotations by workflow commands of GitHub Actions.

use std::io::{self, Write};
use std::path::Path;

use super::annotation::annotations;
use crate::check::Report;
use crate::finding::Severity;
use crate::printable::printable;

/// Writes a command for each finding. Paths start from `base`, which GitHub wants to be
/// the root of the repository.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, report: &Report, base: &Path) -> io::Result<()> {
    for annotation in annotations(report, base) {
        let finding = annotation.finding;
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut lines = vec![annotation.message()];
        lines.extend(annotation.details());
        writeln!(
            out,
            "::{command} file={},title={}::{}",
            property(&printable(&annotation.path)),
            property(&format!("lance-lint {}", finding.rule.id)),
            data(&lines.join("\n"))
        )?;
    }
    Ok(())
}

/// Escapes what ends a command or begins an escape.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// The same for a property, which more can end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
