//! SARIF 2.1.0, with what GitHub's code scanning needs of it: the help of rules, a region in
//! each location, fingerprints that outlive a rewrite of the data.

use std::io::{self, Write};
use std::path::Path;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::annotation::{self, Annotation, annotations};
use super::json::{LazySerialize, pretty};
use crate::check::Report;
use crate::finding::{Finding, Place, RuleInfo, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The name of the directory that paths start from.
const ROOT: &str = "%SRCROOT%";

/// What a path must not hold as such in a URI.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<R>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<R> {
    tool: Tool,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<R>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    information_uri: Option<&'static str>,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
    default_configuration: Configuration,
    properties: DescriptorProperties,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct DescriptorProperties {
    tags: [&'static str; 1],
    /// How sure the rule is, in GitHub's words.
    precision: &'static str,
    #[serde(rename = "problem.severity")]
    severity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints<'a>,
    occurrence_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints<'a> {
    /// The name that GitHub looks for; there are no lines to hash.
    primary_location_line_hash: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// GitHub wants lines and columns, which no Lance file has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_length: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// Writes a report. Paths start from `base`, which GitHub wants to be the root of the repository.
/// `failures` are what could not be checked.
///
/// # Errors
/// Whatever the writer says.
pub fn write(
    out: &mut dyn Write,
    report: &Report,
    base: &Path,
    failures: &[String],
) -> io::Result<()> {
    let annotations = annotations(report, base);
    let mut rules: Vec<&'static RuleInfo> = Vec::new();
    for annotation in &annotations {
        if !rules.contains(&annotation.finding.rule) {
            rules.push(annotation.finding.rule);
        }
    }
    let position = |rule: &RuleInfo| rules.iter().position(|known| *known == rule);
    let results = annotations.iter().map(|annotation| {
        LazySerialize(move || result(annotation, position(annotation.finding.rule), base))
    });
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: Some(env!("CARGO_PKG_REPOSITORY"))
                        .filter(|address| !address.is_empty()),
                    rules: rules.iter().map(|rule| descriptor(rule)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: failures.is_empty(),
                tool_execution_notifications: failures
                    .iter()
                    .map(|failure| Notification {
                        level: "error",
                        message: message(failure.clone()),
                    })
                    .collect(),
            }],
            column_kind: "unicodeCodePoints",
            results: results.collect(),
        }],
    };
    pretty(out, &log)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor(rule: &RuleInfo) -> Descriptor {
    let first = rule.explanation.split("\n\n").next().unwrap_or_default();
    Descriptor {
        id: rule.id,
        short_description: Text {
            text: rule.summary.to_string(),
        },
        full_description: Text {
            text: first.split_whitespace().collect::<Vec<_>>().join(" "),
        },
        help: Help {
            text: rule.explanation.to_string(),
            markdown: rule.explanation,
        },
        default_configuration: Configuration {
            level: level(rule.severity),
        },
        properties: DescriptorProperties {
            tags: ["lance"],
            precision: "very-high",
            severity: match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "recommendation",
            },
        },
    }
}

fn result<'a>(annotation: &'a Annotation<'_>, rule: Option<usize>, base: &Path) -> SarifResult<'a> {
    let finding = annotation.finding;
    let at = |id: Option<usize>, place: Option<&Place>| Location {
        id,
        physical_location: PhysicalLocation {
            artifact_location: artifact(&annotation::path(annotation.subject, place, base)),
            region: region(place),
        },
        logical_locations: logical(finding, place),
        message: place.and_then(|place| {
            let detail = place.detail.clone()?;
            Some(message(detail))
        }),
    };
    let mut lines = vec![finding.message.clone()];
    lines.extend(annotation.details());
    let others = finding.places.iter().enumerate().skip(1);
    SarifResult {
        rule_id: finding.rule.id,
        rule_index: rule.unwrap_or_default(),
        level: level(finding.severity),
        message: message(lines.join("\n")),
        locations: vec![at(None, finding.places.first())],
        related_locations: others
            .map(|(id, place)| at(Some(id), Some(place)))
            .collect(),
        partial_fingerprints: Fingerprints {
            primary_location_line_hash: &annotation.fingerprint,
        },
        occurrence_count: finding.count.max(1),
    }
}

fn artifact(path: &str) -> ArtifactLocation {
    let escaped = utf8_percent_encode(path, ESCAPED).to_string();
    if path.contains("://") {
        return ArtifactLocation {
            uri: path.to_string(),
            uri_base_id: None,
        };
    }
    let slash = match path.starts_with('/') {
        true => "",
        false => "/",
    };
    match Path::new(path).is_absolute() {
        true => ArtifactLocation {
            uri: format!("file://{slash}{escaped}"),
            uri_base_id: None,
        },
        // A first part with a colon would be taken for a scheme.
        false => ArtifactLocation {
            uri: match escaped.split('/').next() {
                Some(first) if first.contains(':') => format!("./{escaped}"),
                _ => escaped,
            },
            uri_base_id: Some(ROOT),
        },
    }
}

fn region(place: Option<&Place>) -> Region {
    let bytes = place.and_then(|place| place.bytes.as_ref());
    // The schema takes numbers that every JSON reader can hold.
    let bytes = bytes.filter(|bytes| bytes.end <= i32::MAX as u64 && bytes.start <= bytes.end);
    Region {
        start_line: 1,
        start_column: 1,
        end_line: 1,
        end_column: 1,
        byte_offset: bytes.map(|bytes| bytes.start),
        byte_length: bytes.map(|bytes| bytes.end - bytes.start),
    }
}

fn logical(finding: &Finding, place: Option<&Place>) -> Vec<LogicalLocation> {
    let column = finding.column.as_ref();
    let column = column.map(|column| LogicalLocation {
        fully_qualified_name: column.clone(),
        kind: "member",
    });
    let page = place.and_then(|place| {
        let (fragment, page) = (place.fragment, place.page?);
        let fragment = fragment.map(|fragment| format!("fragment {fragment}/"));
        Some(LogicalLocation {
            fully_qualified_name: format!(
                "{}{}page {page}",
                fragment.unwrap_or_default(),
                finding
                    .column
                    .as_ref()
                    .map_or_else(String::new, |c| format!("column {c}/"))
            ),
            kind: "object",
        })
    });
    column.into_iter().chain(page).collect()
}

/// A message in which nothing is taken for a link (SARIF 2.1.0, section 3.11.6).
fn message(text: String) -> Text {
    Text {
        text: match text.contains("](") {
            true => text.replace('[', "\\[").replace(']', "\\]"),
            false => text,
        },
    }
}
