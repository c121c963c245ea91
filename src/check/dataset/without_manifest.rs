//! Datasets of which no manifest can be read: their data files, each by its own schema.

use crate::error::Error;

use super::finish::broken_bytes;
use crate::check::file::{self};
use crate::check::scan_result::Outside;
use crate::check::{Request, SubjectKind, SubjectReport};
use crate::finding::{Findings, Severity};
use crate::format::manifest::UnreadableManifest;
use crate::format::sniff::Looks;
use crate::model::snapshot::Opened;
use crate::model::target::DATA;
use crate::storage::Storage;

/// A dataset without a readable manifest: its data files, each by itself.
pub(super) fn lost(
    storage: &dyn Storage,
    opened: &Opened,
    findings: Findings,
    request: &Request,
) -> Result<Vec<SubjectReport>, Error> {
    let asked = !request.selection.is_latest();
    // In a checkout without Git LFS the data files are pointers too, and say nothing more.
    let without_lfs = opened.broken.iter().any(|broken| {
        matches!(
            broken.error,
            UnreadableManifest::NotManifest {
                looks: Looks::LfsPointer { .. },
                ..
            }
        )
    });
    let note = match (opened.versions.first(), opened.versions.last()) {
        (Some(first), Some(last)) if asked && first != last => format!(
            "the version asked for cannot be read; {} versions from {first} to {last} are there",
            opened.versions.len()
        ),
        _ if without_lfs => "no manifest can be read; the data files are not looked at".to_string(),
        _ => "no manifest can be read; the data files are compared with their own schemas"
            .to_string(),
    };
    let data = opened.root.join(DATA);
    let entries = storage.list(&data).unwrap_or_default();
    let mut subjects = vec![SubjectReport {
        path: opened.root.to_string(),
        kind: SubjectKind::UnreadableDataset,
        fragments: 0,
        data_files: 0,
        physical_rows: 0,
        deleted_rows: 0,
        bytes: broken_bytes(opened),
        outside: Outside::default(),
        file_versions: Vec::new(),
        fields: Vec::new(),
        findings: findings.into_sorted(),
        sampled: None,
        notes: vec![note],
        ignored: Vec::new(),
        whole: false,
        location: opened.root.clone(),
        fail_on: Severity::Error,
        decodable: None,
        part: None,
    }];
    let files = entries
        .iter()
        .filter(|e| !asked && !without_lfs && !e.is_dir && e.name.ends_with(".lance"));
    for entry in files {
        subjects.push(file::check(
            storage,
            &data.join(&entry.name),
            request,
            false,
        )?);
    }
    Ok(subjects)
}
