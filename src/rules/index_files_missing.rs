use std::borrow::Cow;

use super::index_list_invalid::drop_index;
use super::{DatasetView, IndexEnd, IndexFile, Rule, index_folder, manifest_place};
use crate::finding::{Findings, Place, RuleInfo, Severity};
use crate::format::sniff::Looks;
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
    /// Vector indices that were built by a release up to 6.0.0 are passed over instead (a
    /// warning): `nearest=…` compares all rows, and is right and slow. Other indices are not.
    ///
    /// If the folder holds another file for each that is missing, only the list is wrong (a
    /// warning): readers open the files by the names that their kind has.
    ///
    /// With some releases every query with a filter fails, whatever column it is on. An index that
    /// is said to be behind a base path that the manifest does not have gives
    /// `base_path id … not found for index …`.
    ///
    /// ## How it comes about
    /// - A dataset was copied without `_indices`.
    /// - A copy was cut short.
    /// - Files were cleaned up by their age or by hand.
    /// - The repository was checked out without Git LFS.
    /// - The dataset is a shallow clone, and what it was cloned from was cleaned up.
    ///
    /// A lookup file that was not found is also the matter of lance-format/lance#5454.
    ///
    /// ## How to fix it
    /// Restore the files from a copy. For Git LFS pointers, run `git lfs pull`.
    ///
    /// Or drop the index and build it again. No data is rewritten, and queries without the index
    /// work at once:
    ///
    /// ```python
    /// lance.dataset(uri).drop_index("index")
    /// ```
    ///
    /// ## When it is silent
    /// Sizes are compared where the manifest states them. Where it lists no files, lance-lint asks
    /// for those that a BTREE, bitmap or vector index cannot be without. Of each file the last
    /// bytes are looked at, of 64 files of an index at most.
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
                    .help(drop_index(&index.name)),
                );
                continue;
            }
            let (Ok(uuid), Some(files)) = (&index.uuid, &state.files) else {
                continue;
            };
            let folder = index_folder(snapshot, index, uuid);
            let passed_over = index.is_looked_into() && !state.has_texts();
            let lfs = files
                .iter()
                .any(|file| matches!(file.end, IndexEnd::Other(Looks::LfsPointer { .. })));
            let fault = |path: String, found: String| {
                let finding = INFO.finding(format!(
                    "files of index {:?} are not there as committed",
                    index.name
                ));
                let finding = match passed_over {
                    true => finding.severity(Severity::Warning).reader(
                        "nearest=…",
                        "passes over the index and compares all rows: right, and slow",
                    ),
                    false => finding.reader(
                        "to_table(filter=…) or nearest=…",
                        "fails: Not found: …/_indices/…, or: file does not appear to be a Lance file",
                    ),
                };
                let finding = finding
                    .at(Place {
                        file: Some(path),
                        detail: Some(found.clone()),
                        ..Place::default()
                    })
                    .instead("the files that were committed", found);
                match lfs {
                    true => finding
                        .cause("the repository was checked out without Git LFS")
                        .help("run `git lfs pull`"),
                    false => finding
                        .help("restore the files from a copy")
                        .help(drop_index(&index.name)),
                }
            };
            // An index that is not trained yet is for no fragment, and has no files.
            let untrained = matches!(&index.fragments, Ok(Some(fragments)) if fragments.is_empty());
            if files.is_empty() && untrained {
                continue;
            }
            if files.is_empty() {
                findings.add(fault(folder, "it has no files".to_string()));
                continue;
            }
            let kind = index.kind().map_or("", |kind| kind.message);
            let mut all = files.iter();
            let is_old =
                all.any(|file| file.name == "index.idx" && file.end == IndexEnd::Lance(0, 1));
            let find = |wanted: &str| files.iter().find(|file| file.name == wanted);
            let told = |wanted: &str| index.files.iter().any(|(name, _)| name == wanted);
            let missing = needed(kind, is_old).iter();
            for needed in missing.filter(|name| find(name).is_none() && !told(name)) {
                let path = format!("{folder}/{needed}");
                findings.add(fault(path, "it is not there".to_string()));
            }
            // Readers open files by the names that its kind has, not by those that are listed.
            let absent = index.files.iter().filter(|(name, _)| find(name).is_none());
            let unlisted = files.iter().filter(|file| !told(&file.name));
            let is_renamed = unlisted.count() >= absent.count()
                && needed(kind, is_old).iter().all(|name| find(name).is_some());
            for (name, size) in &index.files {
                let path = format!("{folder}/{name}");
                match find(name) {
                    None if is_renamed => findings.add(
                        INFO.finding(format!(
                            "the manifest lists a file of index {:?} by a name that it does not have",
                            index.name
                        ))
                        .severity(Severity::Warning)
                        .at(manifest_place(snapshot))
                        .instead("the names of the files that are there", name.clone())
                        .reader(
                            "to_table(filter=…) or nearest=…",
                            "opens the files by the names that its kind has, so readers get by today",
                        )
                        .help(drop_index(&index.name)),
                    ),
                    None => findings.add(fault(path, "it is not there".to_string())),
                    // What it is says more than its size.
                    Some(IndexFile {
                        end: IndexEnd::Other(looks),
                        ..
                    }) if !matches!(looks, Looks::Unknown | Looks::Text) => {}
                    Some(file) if file.size != *size && *size > 0 => {
                        let found = format!("it has {} bytes, {size} were committed", file.size);
                        findings.add(fault(path, found));
                    }
                    Some(_) => {}
                }
            }
            for file in files {
                let IndexEnd::Other(looks) = &file.end else {
                    continue;
                };
                let stated = index.files.iter().find(|(name, _)| *name == file.name);
                let of_other_size = stated.is_some_and(|(_, size)| *size > 0 && *size != file.size);
                let found: Cow<'_, str> = match looks {
                    Looks::LfsPointer { .. } => {
                        "it is a Git LFS pointer, not the file that it stands for".into()
                    }
                    Looks::Zeros => "it ends in zeros: a copy was interrupted".into(),
                    Looks::Empty => "it is empty".into(),
                    Looks::Other(what) | Looks::Begins(what) if !of_other_size => {
                        format!("it is {what}").into()
                    }
                    // Its size was compared already.
                    _ if of_other_size => continue,
                    _ => "it does not end as a Lance file does".into(),
                };
                findings.add(fault(format!("{folder}/{}", file.name), found.into_owned()));
            }
        }
    }
}

/// The files that indices of a kind cannot be without (lance-index `scalar/*.rs`, `vector/`). The
/// first format of vector indices has one file.
fn needed(message: &str, is_old: bool) -> &'static [&'static str] {
    match message {
        "BTreeIndexDetails" => &["page_lookup.lance"],
        "BitmapIndexDetails" => &["bitmap_page_lookup.lance"],
        "VectorIndexDetails" if is_old => &["index.idx"],
        "VectorIndexDetails" => &["index.idx", "auxiliary.idx"],
        _ => &[],
    }
}
