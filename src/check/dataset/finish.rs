//! The judgement of a dataset as a whole, and its report.

use std::sync::Arc;

use super::parts::Parts;
use crate::check::column_stats::{FieldReport, Wanted};
use crate::check::scan_result::ScanResult;
use crate::check::{DatasetFacts, Request, SubjectKind, SubjectReport};
use crate::finding::{Findings, Severity};
use crate::format::manifest::UnreadableManifest;
use crate::format::proto::lance::table::DataFragment;
use crate::model::flags::{Flag, flags};
use crate::model::readers::{OLD_LAYOUTS, Readers, readers};
use crate::model::snapshot::{Opened, Snapshot};
use crate::model::version::FileVersion;
use crate::rules::{
    ColumnTotal, FieldSource, FieldView, IndexState, RULES, RowIdsOf, WholeView, fixes, known_bug,
};

/// What is known of a dataset beside one snapshot's fragments.
pub(super) struct Known<'a> {
    pub(super) indices: &'a [IndexState],
    pub(super) versions: usize,
    pub(super) has_detached: bool,
}

/// Bytes of the manifests that could not be read.
pub(super) fn broken_bytes(opened: &Opened) -> u64 {
    let sizes = opened.broken.iter().map(|broken| match &broken.error {
        UnreadableManifest::NotManifest { size, .. } => *size,
        UnreadableManifest::Storage(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}

/// Judges a snapshot by its schema and by what its fragments came to.
pub(super) fn conclude(
    snapshot: &Snapshot,
    parts: &Parts,
    wanted: &Wanted,
    request: &Request,
    known: &Known<'_>,
    gathered: ScanResult,
    mut findings: Findings,
) -> SubjectReport {
    for (at, field) in snapshot.schema.fields.iter().enumerate() {
        // Whatever is said of a field by itself is said of its metadata.
        if field.metadata.is_empty() || !wanted.has(at) {
            continue;
        }
        let view = FieldView {
            source: FieldSource::Dataset(snapshot),
            version: snapshot.storage_version(),
            schema: &snapshot.schema,
            at,
            field,
        };
        for rule in RULES {
            rule.field(&view, &mut findings);
        }
    }
    let looked_at = gathered.fragments();
    let ScanResult {
        stretches,
        tally,
        versions,
        row_ids,
        totals,
        ..
    } = gathered;
    for stretch in stretches {
        findings.merge(stretch.findings);
    }
    let row_ids: Vec<Arc<RowIdsOf>> = row_ids.into_values().collect();
    let fields = tally.into_fields(&snapshot.schema, wanted);
    let known_versions: Vec<FileVersion> = versions
        .keys()
        .filter_map(|name| FileVersion::from_name(name))
        .collect();
    let encodings = fields.iter().flat_map(|field| &field.encodings);
    let readers = readers(
        snapshot,
        known.has_detached,
        &known_versions,
        encodings.filter_map(|stored| Some((stored.version, stored.encoding.as_deref()?))),
        OLD_LAYOUTS
            .iter()
            .copied()
            .filter(|layout| findings.has_cause(layout.cause)),
    );
    let columns: Vec<ColumnTotal> = fields.iter().map(column_total).collect();
    let whole = WholeView {
        snapshot,
        complete: parts.data_files.is_none()
            && request.columns.is_empty()
            && looked_at == snapshot.message().fragments.len() as u64,
        row_ids: &row_ids,
        physical_rows: totals.physical_rows,
        deleted_rows: totals.deleted_rows,
        stored: totals.stored,
        versions: known.versions,
        indices: known.indices,
        columns: &columns,
        readers: &readers,
        asked_readers: &request.readers,
    };
    for rule in RULES {
        rule.whole(&whole, &mut findings);
    }
    let complete = whole.complete;
    let mut report = SubjectReport {
        path: snapshot.root.to_string(),
        kind: SubjectKind::Dataset(Box::new(facts(snapshot, readers))),
        fragments: looked_at,
        data_files: totals.data_files,
        physical_rows: totals.physical_rows,
        deleted_rows: totals.deleted_rows,
        bytes: totals.bytes.saturating_add(snapshot.manifest.size),
        outside: totals.outside,
        file_versions: versions.into_iter().collect(),
        fields,
        findings: findings.into_sorted(),
        sampled: None,
        notes: Vec::new(),
        ignored: Vec::new(),
        whole: complete && request.selection.is_latest(),
        location: snapshot.root.clone(),
        fail_on: Severity::Error,
        decodable: None,
        part: None,
    };
    fixes::settle(&mut report.findings, snapshot, known.indices, complete);
    known_bug::annotate(&mut report.findings, snapshot);
    report.give_verdicts();
    report
}

pub(super) fn column_total(field: &FieldReport) -> ColumnTotal {
    let encodings = field.encodings.iter();
    let (pages, bytes) = encodings.fold((0, 0u64), |(pages, bytes), encoding| {
        (pages + encoding.pages, bytes.saturating_add(encoding.bytes))
    });
    ColumnTotal {
        path: field.path.clone(),
        pages,
        bytes,
    }
}

pub(super) fn facts(snapshot: &Snapshot, readers: Readers) -> DatasetFacts {
    let message = snapshot.message();
    let labels = |word| flags(word).iter().map(Flag::label).collect();
    let overlaid = |fragment: &&DataFragment| !fragment.overlays.is_empty();
    DatasetFacts {
        version: snapshot.version(),
        manifest: snapshot.entry.path.clone(),
        naming: snapshot.entry.naming,
        total_fragments: message.fragments.len() as u64,
        branch: message.branch.clone().filter(|branch| !branch.is_empty()),
        writer: snapshot.writer(),
        storage_version: message
            .data_format
            .as_ref()
            .map(|format| format.version.clone()),
        reader_flags: labels(message.reader_feature_flags),
        writer_flags: labels(message.writer_feature_flags),
        base_paths: message
            .base_paths
            .iter()
            .map(|b| (b.id, b.path.clone()))
            .collect(),
        readers,
        overlaid_fragments: message.fragments.iter().filter(overlaid).count() as u64,
    }
}
