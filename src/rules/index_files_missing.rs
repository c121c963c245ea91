use super::index_list_invalid::drop_index;
use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::index::INDICES;
use crate::model::snapshot::BaseError;

rule! {
    /// The manifest names an index whose files are not there, or not of the size that was committed.
    /// The dataset opens and scans; every query that uses the index fails, and with some releases so
    /// does every query with a filter.
    ///
    /// It comes about when a dataset is copied without `_indices`, when a copy was cut short, and when files are
    /// cleaned up by age or by hand.
    static INFO = Error "index-files-missing", "the manifest names an index whose files are missing or of another size";
}

/// See [`INFO`].
pub struct IndexFilesMissing;

impl Rule for IndexFilesMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        for state in view.indices {
            let index = &state.index;
            if let (Some(id), Some(snapshot)) = (index.base_id, view.snapshot)
                && let Err(BaseError::Unknown(_)) = snapshot.base_root(Some(id))
            {
                findings.add(
                    INFO.finding(format!(
                        "index {:?} is said to be behind base path {id}, which the manifest does not have",
                        index.name
                    ))
                    .at(manifest_place(snapshot))
                    .instead("a base path of the manifest", format!("base path {id}"))
                    .reader(
                        "to_table(filter=…) or nearest=…",
                        format!("fails: base_path id {id} not found for index …"),
                    )
                    .mend(drop_index(&index.name)),
                );
                continue;
            }
            let (Ok(uuid), Some(files)) = (&index.uuid, &state.files) else {
                continue;
            };
            let folder = format!("{INDICES}/{uuid}");
            let fault = |path: String, found: String| {
                INFO.finding(format!(
                    "files of index {:?} are not there as committed",
                    index.name
                ))
                .at(Place {
                    file: Some(path),
                    detail: Some(found.clone()),
                    ..Place::default()
                })
                .instead("the files that were committed", found)
                .reader(
                    "to_table(filter=…) or nearest=…",
                    "fails: Not found: …/_indices/…, or: file does not appear to be a Lance file",
                )
                .mend(format!(
                    "restore the files from a copy, or {}",
                    drop_index(&index.name)
                ))
            };
            if files.is_empty() {
                findings.add(fault(folder, "it has no files".to_string()));
                continue;
            }
            let needed = index.kind().and_then(|kind| needed(kind.message));
            let find = |wanted: &str| files.iter().find(|file| file.name == wanted);
            let told = |wanted: &str| index.files.iter().any(|(name, _)| name == wanted);
            if let Some(needed) = needed.filter(|needed| find(needed).is_none() && !told(needed)) {
                let path = format!("{folder}/{needed}");
                findings.add(fault(path, "it is not there".to_string()));
            }
            for (name, size) in &index.files {
                let path = format!("{folder}/{name}");
                match find(name) {
                    None => findings.add(fault(path, "it is not there".to_string())),
                    Some(file) if file.size != *size && *size > 0 => {
                        let found = format!("it has {} bytes, {size} were committed", file.size);
                        findings.add(fault(path, found));
                    }
                    Some(_) => {}
                }
            }
            for file in files.iter().filter(|file| file.cut) {
                let path = format!("{folder}/{}", file.name);
                findings.add(fault(
                    path,
                    "it does not end as a Lance file does".to_string(),
                ));
            }
        }
    }
}

/// A file that indices of a kind cannot be without (lance-index `scalar/*.rs`, `vector/`).
fn needed(message: &str) -> Option<&'static str> {
    match message {
        "BTreeIndexDetails" => Some("page_lookup.lance"),
        "BitmapIndexDetails" => Some("bitmap_page_lookup.lance"),
        "VectorIndexDetails" => Some("index.idx"),
        _ => None,
    }
}
