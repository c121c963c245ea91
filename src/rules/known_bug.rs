//! # known-bug
//!
//! A release of Lance with a known bug wrote this version, in a file version, with a schema and by an
//! operation that the bug is about. Whether the data was hurt is not in the metadata: the
//! finding says how to find out. What was hurt stays so after an upgrade.
//!
//! Without `--all-versions` only the latest version is looked at; with it, every version that
//! still has a manifest. Each bug is a file in `advisories/`, with the releases under which it
//! was seen.

use std::collections::BTreeSet;

use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::readers::Release;
use crate::model::schema::{BlobDeclaration, Field, FieldTree};
use crate::model::snapshot::{Snapshot, stated_version};

static INFO: RuleInfo = RuleInfo {
    id: "known-bug",
    severity: Severity::Warning,
    summary: "a release with a known bug wrote what the bug is about",
};

/// See the module.
pub struct KnownBug;

/// A known bug.
struct Advisory {
    id: &'static str,
    title: &'static str,
    threads: &'static [&'static str],
    /// The writer's library, as manifests have it.
    library: &'static str,
    /// The first release that has it.
    from: &'static str,
    /// The first that has it no more; empty when 14.0.2 still has.
    before: &'static str,
    /// File versions that it is about; all when empty.
    file_versions: &'static [&'static str],
    /// Operations that do it; all when empty.
    operations: &'static [&'static str],
    /// What the schema must have, all of it.
    schema: &'static [&'static str],
    effect: &'static str,
    confirm: &'static str,
    remedy: &'static str,
    fixed_in: &'static str,
}

/// The bugs of `advisories/`.
static ADVISORIES: &[Advisory] = include!(concat!(env!("OUT_DIR"), "/advisories.rs"));

impl Rule for KnownBug {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let Some(writer) = &snapshot.message().writer_version else {
            return;
        };
        let Ok(release) = writer.version.parse::<Release>() else {
            return;
        };
        let mut versions: Option<BTreeSet<String>> = None;
        for advisory in ADVISORIES {
            if advisory.library != writer.library || !advisory.has(release) {
                continue;
            }
            if !advisory
                .schema
                .iter()
                .all(|shape| has(&snapshot.schema, shape))
            {
                continue;
            }
            let versions = versions.get_or_insert_with(|| file_versions(snapshot));
            if !advisory.file_versions.is_empty()
                && !advisory
                    .file_versions
                    .iter()
                    .any(|known| versions.contains(*known))
            {
                continue;
            }
            if !advisory.operations.is_empty()
                && !(view.operation)().is_some_and(|done| advisory.operations.contains(&done))
            {
                continue;
            }
            findings.add(advisory.finding(&snapshot.writer().unwrap_or_default(), snapshot));
        }
    }
}

impl Advisory {
    fn has(&self, release: Release) -> bool {
        let parsed = |text: &str| text.parse::<Release>().ok();
        parsed(self.from).is_some_and(|from| from <= release)
            && parsed(self.before).is_none_or(|before| release < before)
    }

    fn finding(&self, writer: &str, snapshot: &Snapshot) -> crate::finding::Finding {
        let (until, fix) = match (self.before, self.fixed_in) {
            ("", _) => (String::new(), "Lance 14.0.2 still has it".to_string()),
            (before, "") => (
                format!(" to before {before}"),
                format!("{before} has it no more"),
            ),
            (before, fixed) => (format!(" to before {before}"), format!("mended in {fixed}")),
        };
        INFO.finding(format!("{}: {}", self.id, self.title))
            .at(manifest_place(snapshot))
            .instead(
                format!("another release than {} {}{until}", self.library, self.from),
                format!("a commit by {writer}"),
            )
            .reader("reads", self.effect)
            .cause(format!("{fix}; see {}", self.threads.join(" ")))
            .mend(format!("to find out: {}", self.confirm))
            .mend(self.remedy)
    }
}

fn file_versions(snapshot: &Snapshot) -> BTreeSet<String> {
    let fragments = snapshot.message().fragments.iter();
    let files = fragments.flat_map(|fragment| &fragment.files);
    let versions: BTreeSet<_> = files.filter_map(stated_version).collect();
    versions.iter().map(ToString::to_string).collect()
}

/// Whether a schema has something that advisories name.
fn has(schema: &FieldTree, shape: &str) -> bool {
    let mut fields = schema.fields.iter();
    match shape {
        "blob-v1" => fields.any(|field| field.blob() == Some(BlobDeclaration::V1)),
        "blob-v2" => fields.any(|field| field.blob() == Some(BlobDeclaration::V2)),
        "nested-blob-v1" => fields.any(|f| f.blob() == Some(BlobDeclaration::V1) && f.depth > 0),
        "nested-blob-v2" => fields.any(|f| f.blob() == Some(BlobDeclaration::V2) && f.depth > 0),
        "json" => fields.any(is_json),
        "json-in-list-of-structs" => {
            let in_list = |at: usize| {
                schema.ancestors(at).any(|above| {
                    let above = schema.fields.get(above);
                    above.is_some_and(|above| above.logical_type == LogicalType::List)
                })
            };
            schema
                .fields
                .iter()
                .enumerate()
                .any(|(at, field)| is_json(field) && in_list(at))
        }
        "variable-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Variable { .. }))
        }
        "fixed-width" => {
            fields.any(|field| matches!(field.logical_type, LogicalType::Fixed { .. }))
        }
        // A shape that no one knows is no one's; the tests hold the files against this list.
        _ => false,
    }
}

fn is_json(field: &Field) -> bool {
    matches!(
        field.extension.as_deref(),
        Some("arrow.json" | "lance.json")
    )
}
