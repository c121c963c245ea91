//! What is judged: the list of rules, and the explanation of one.

use std::io::{self, Write};

use anstyle::Style;
use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use super::layout::{prose, wrapped};
use super::text::style;
use crate::rules::{Explanation, explanations};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// All rules.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint rules")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: json::Tool,
    /// The rules, in the order in which they are listed everywhere.
    pub rules: Vec<RuleJson>,
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RuleJson {
    /// Its name.
    pub id: String,
    /// How bad its findings are, unless they say otherwise.
    pub severity: json::SeverityJson,
    /// What is wrong when it fires, in one line.
    pub summary: String,
    /// What it means, what readers do, how it comes about and how to fix it, in Markdown.
    pub explanation: String,
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

/// Makes the document of all rules.
pub fn document() -> Document {
    Document {
        schema_version: json::SCHEMA_VERSION,
        tool: json::tool(),
        rules: explanations().map(|rule| rule_json(&rule)).collect(),
    }
}

/// A rule as documents write it.
pub fn rule_json(rule: &Explanation) -> RuleJson {
    RuleJson {
        id: rule.id.to_string(),
        severity: json::severity(rule.severity),
        summary: rule.summary.to_string(),
        explanation: rule.text.to_string(),
    }
}

/// Writes a line for each rule.
///
/// # Errors
/// Whatever the writer says.
pub fn list(out: &mut dyn Write, width: usize) -> io::Result<()> {
    let longest = explanations().map(|rule| rule.id.len()).max().unwrap_or(0);
    let indent = longest + 11;
    for rule in explanations() {
        let style = style(rule.severity);
        let word = rule.severity.word();
        let line = format!("{:<longest$}  {word:<7}  {}", rule.id, rule.summary);
        let lines = wrapped(&line, width, indent);
        for (at, line) in lines.iter().enumerate() {
            match line.split_once(word).filter(|_| at == 0) {
                Some((id, rest)) => {
                    writeln!(out, "{BOLD}{id}{BOLD:#}{style}{word}{style:#}{rest}")?
                }
                None => writeln!(out, "{line}")?,
            }
        }
    }
    writeln!(out)?;
    writeln!(out, "{DIM}lance-lint explain RULE tells more{DIM:#}")
}

/// Writes an explanation. It is Markdown: headings become bold, paragraphs are wrapped, code
/// is indented.
///
/// # Errors
/// Whatever the writer says.
pub fn explain(out: &mut dyn Write, rule: &Explanation, width: usize) -> io::Result<()> {
    let width = prose(width);
    let style = style(rule.severity);
    let head = format!("{}[{}]", rule.severity, rule.id);
    let lines = wrapped(&format!("{head}: {}", rule.summary), width, 2);
    for (at, line) in lines.iter().enumerate() {
        match line.strip_prefix(&head).filter(|_| at == 0) {
            Some(rest) => writeln!(out, "{style}{head}{style:#}{BOLD}{rest}{BOLD:#}")?,
            None => writeln!(out, "{BOLD}{line}{BOLD:#}")?,
        }
    }
    writeln!(out)?;
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in rule.text.lines() {
        // The explanation comes from doc comments: one blank stands before each line.
        let line = line.strip_prefix(' ').unwrap_or(line);
        let is_fence = line.starts_with("```");
        let is_item = line.starts_with("* ") || line.starts_with("- ");
        let ends = is_fence || in_code || line.is_empty() || line.starts_with("## ") || is_item;
        if ends && !paragraph.is_empty() {
            flow(out, &std::mem::take(&mut paragraph), width)?;
        }
        match line.strip_prefix("## ") {
            _ if is_fence => in_code = !in_code,
            _ if in_code => writeln!(out, "{}", format!("    {line}").trim_end())?,
            Some(heading) => writeln!(out, "{BOLD}{heading}{BOLD:#}")?,
            None if line.is_empty() => writeln!(out)?,
            None => {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(line.trim());
            }
        }
    }
    if !paragraph.is_empty() {
        flow(out, &paragraph, width)?;
    }
    Ok(())
}

fn flow(out: &mut dyn Write, paragraph: &str, width: usize) -> io::Result<()> {
    let is_item = paragraph.starts_with("* ") || paragraph.starts_with("- ");
    let indent = if is_item { 2 } else { 0 };
    for line in wrapped(paragraph, width, indent) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
