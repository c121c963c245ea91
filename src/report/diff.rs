//! Differences, for people and for machines.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{SCHEMA_VERSION, Tool, tool};
use super::layout::counted;
use crate::check::diff::{Change, Diff, Sign};

/// Changes of a section that are listed; the fragments of a large dataset are many.
const MOST_LISTED: usize = 50;

/// Writes what differs.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, diff: &Diff) -> io::Result<()> {
    writeln!(out, "{} → {}", diff.left, diff.right)?;
    let sections: Vec<&'static str> = diff.changes.iter().map(|change| change.section).collect();
    let mut shown: Vec<&str> = Vec::new();
    for section in sections {
        if shown.contains(&section) {
            continue;
        }
        shown.push(section);
        writeln!(out)?;
        writeln!(out, "{section}")?;
        let changes = || {
            diff.changes
                .iter()
                .filter(|change| change.section == section)
        };
        for change in changes().take(MOST_LISTED) {
            line(out, change)?;
        }
        let more = changes().count().saturating_sub(MOST_LISTED);
        if more > 0 {
            writeln!(out, "  … and {}", counted(more as u64, "more change"))?;
        }
    }
    if diff.changes.is_empty() {
        writeln!(out)?;
        writeln!(out, "no difference")?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, change: &Change) -> io::Result<()> {
    let (sign, colour) = match change.sign {
        Sign::Added => ('+', AnsiColor::Green),
        Sign::Removed => ('-', AnsiColor::Red),
        Sign::Changed => ('~', AnsiColor::Yellow),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let what = &change.what;
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            writeln!(out, "  {style}{sign}{style:#} {what}: {before} → {after}")
        }
        (before, after) => {
            let value = before.as_ref().or(after.as_ref());
            writeln!(
                out,
                "  {style}{sign}{style:#} {what}: {}",
                value.map_or("", String::as_str)
            )
        }
    }
}

/// What differs between two versions, datasets or data files.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint diff")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// The first.
    pub left: String,
    /// The second.
    pub right: String,
    /// The differences, by section.
    pub changes: Vec<ChangeJson>,
}

/// A difference.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeJson {
    /// What it belongs to.
    pub section: &'static str,
    /// added, removed or changed.
    pub kind: &'static str,
    /// What it is about.
    pub what: String,
    /// How the first has it; null when it has not.
    pub before: Option<String>,
    /// How the second has it; null when it has not.
    pub after: Option<String>,
}

/// The document of what differs.
pub fn document(diff: &Diff) -> Document {
    let changes = diff.changes.iter().map(|change| ChangeJson {
        section: change.section,
        kind: match change.sign {
            Sign::Added => "added",
            Sign::Removed => "removed",
            Sign::Changed => "changed",
        },
        what: change.what.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
    });
    Document {
        schema_version: SCHEMA_VERSION,
        tool: tool(),
        left: diff.left.clone(),
        right: diff.right.clone(),
        changes: changes.collect(),
    }
}
