use super::index_list_invalid::drop_index;
use super::{DatasetView, Rule, manifest_place};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::index::INDICES;
use crate::model::snapshot::BaseError;

rule! {
    /// The manifest names an index whose files are not there, or are not of the size that was
    /// committed. The data itself may be sound.
    ///
    /// ## What readers do
    /// The dataset opens and scans. Every query that uses the index fails: `to_table(filter=…)` on
    /// the indexed column, or `nearest=…` for a vector index.
    ///
    /// ```text
    /// Not found: …/_indices/…
    /// file does not appear to be a Lance file
    /// ```
    ///
    /// With some releases every query with a filter fails, whatever column it is on. An index that
    /// is said to be behind a base path that the manifest does not have gives
    /// `base_path id … not found for index …`.
    ///
    /// ## How it comes about
    /// - A dataset was copied without `_indices`.
    /// - A copy was cut short.
    /// - Files were cleaned up by their age or by hand.
    ///
    /// A lookup file that was not found is also the matter of lance-format/lance#5454.
    ///
    /// ## How to mend it
    /// Restore the files from a copy.
    ///
    /// Or drop the index and build it anew. No data is rewritten, and queries without the index
    /// work at once:
    ///
    /// ```python
    /// lance.dataset(uri).drop_index("index")
    /// ```
    ///
    /// ## When it is silent
    /// Sizes are compared where the manifest states them. Where it lists no files, lance-lint asks
    /// for the one that a BTREE, bitmap or vector index cannot be without.
    static INFO = Error "index-files-missing", "the manifest names an index whose files are missing or of another size";
}

/// See [`INFO`].
pub struct IndexFilesMissing;

impl Rule for IndexFilesMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        for state in view.indices {
            let index = &state.index;
            if let Some(id) = index.base_id
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
                .mend("restore the files from a copy")
                .mend(drop_index(&index.name))
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
