//! Differences, for people and for machines.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{SCHEMA_VERSION, Tool, tool};
use super::layout::{bytes, counted, number, prefixed, wrapped};
use crate::commands::diff::{Change, DATA_FILES, Diff, OfFragment, Sign};

/// Changes of a section that are listed; the fragments of a large dataset are many.
const MAX_LISTED: usize = 50;
/// Fragments that differ in one way and are listed one by one; more are one line.
const MAX_ALONE: usize = 3;
/// Ranges of fragments that are written out.
const MAX_RANGES: usize = 6;

/// Writes what differs.
///
/// # Errors
/// Whatever the writer says.
pub fn write(out: &mut dyn Write, diff: &Diff, width: usize) -> io::Result<()> {
    for line in wrapped(&format!("{} → {}", diff.left, diff.right), width, 2) {
        writeln!(out, "{line}")?;
    }
    let sections: Vec<&'static str> = diff.changes.iter().map(|change| change.section).collect();
    let mut shown: Vec<&str> = Vec::new();
    for section in sections {
        if shown.contains(&section) {
            continue;
        }
        shown.push(section);
        writeln!(out)?;
        writeln!(out, "{section}")?;
        let changes = diff.changes.iter();
        let lines = lines(changes.filter(|change| change.section == section));
        for (sign, text) in lines.iter().take(MAX_LISTED) {
            line(out, *sign, text, width)?;
        }
        let more = lines.len().saturating_sub(MAX_LISTED);
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

/// A line for each change, and one for many fragments that differ in one way.
fn lines<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<(Sign, String)> {
    let mut groups: Vec<(Sign, &str, Vec<&Change>)> = Vec::new();
    for change in changes {
        let how = change.fragment.as_ref().map(|of| of.how.as_str());
        let mut known = groups.iter_mut();
        match (
            how,
            known.find(|(sign, of, _)| *sign == change.sign && Some(*of) == how),
        ) {
            (Some(_), Some((_, _, changes))) => changes.push(change),
            (how, _) => groups.push((change.sign, how.unwrap_or_default(), vec![change])),
        }
    }
    let mut lines = Vec::new();
    for (sign, how, changes) in groups {
        let about: Vec<&OfFragment> = changes.iter().filter_map(|c| c.fragment.as_ref()).collect();
        if about.len() <= MAX_ALONE {
            lines.extend(changes.into_iter().map(|change| (sign, alone(change))));
            continue;
        }
        let ids: Vec<u64> = about.iter().map(|of| of.id).collect();
        let rows = about.iter().map(|of| of.rows);
        let rows = rows.fold(0, u64::saturating_add);
        let text = format!(
            "{} ({}): {}",
            counted(ids.len() as u64, "fragment"),
            ranges(&ids),
            how.replace("{}", &number(rows))
        );
        lines.push((sign, text));
    }
    lines
}

/// Ids in ascending order as ranges: `0 to 7, 9`.
fn ranges(ids: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*id) => *last = *id,
            _ => ranges.push((*id, *id)),
        }
    }
    let shown = ranges
        .iter()
        .take(MAX_RANGES)
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        });
    let shown: Vec<String> = shown.collect();
    let more = if ranges.len() > MAX_RANGES {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

/// A change by itself.
fn alone(change: &Change) -> String {
    let value = |text: &String| match text.parse::<u64>() {
        // The one number that is in bytes.
        Ok(count) if change.what == "bytes" => bytes(count),
        Ok(count) if change.section == "dataset" || change.section == "rows" => number(count),
        _ => text.clone(),
    };
    let what = &change.what;
    // The paths of data files say nothing that the fields in them do not.
    if let Some(of) = change.fragment.as_ref().filter(|of| !of.how.contains("{}"))
        && what.ends_with(DATA_FILES)
    {
        return format!("fragment {}: {}", of.id, of.how);
    }
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{what}: {} → {}", value(before), value(after)),
        (before, after) => {
            let either = before.as_ref().or(after.as_ref());
            format!("{what}: {}", either.map(value).unwrap_or_default())
        }
    }
}

fn line(out: &mut dyn Write, sign: Sign, text: &str, width: usize) -> io::Result<()> {
    let (sign, colour) = match sign {
        Sign::Added => ('+', AnsiColor::Green),
        Sign::Removed => ('-', AnsiColor::Red),
        Sign::Changed => ('~', AnsiColor::Yellow),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    for (at, line) in prefixed("    ", "      ", text, width).iter().enumerate() {
        match line.strip_prefix("    ").filter(|_| at == 0) {
            Some(text) => writeln!(out, "  {style}{sign}{style:#} {text}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
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
