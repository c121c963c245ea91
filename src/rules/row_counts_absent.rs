use super::{DatasetView, Rule, fixes, manifest_place};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::version::FileVersion;

rule! {
    /// The manifest does not say how many rows a fragment has, or how many of them are deleted.
    ///
    /// ## What readers do
    /// `to_table()` without a filter, `take()` and `count_rows()` look into the files and are
    /// right. `validate()` finds nothing. Whatever plans a filter or a limit fails (pylance
    /// 14.0.2):
    ///
    /// ```text
    /// Internal error: Fragments are missing row count stats.
    /// This issue was likely caused by a bug in DataFusion's code.
    /// ```
    ///
    /// So do `delete()`, `update()` and `merge_insert()` with a condition, and the creation of an
    /// index. With one fragment that lacks a count, they fail for the whole dataset.
    ///
    /// ## How it comes about
    /// - A program made the dataset by its first commit (`LanceOperation.Overwrite`), of fragments
    ///   whose metadata have `physical_rows=None`.
    /// - A tool that is not Lance wrote the manifest, or moved deletion files into it, without the
    ///   counts.
    ///
    /// ## How to fix it
    /// Any commit of a current release adds the counts. This one changes no rows and keeps the
    /// indices:
    ///
    /// ```python
    /// lance.dataset(uri).delete("false")
    /// ```
    ///
    /// ## When it is silent
    /// Datasets of file version 0.1 are read without these counts: releases before 0.8 wrote none.
    static INFO = Error "row-counts-absent", "the manifest does not say how many rows a fragment has, or how many are deleted";
}

/// See [`INFO`].
pub struct RowCountsAbsent;

impl Rule for RowCountsAbsent {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let version = snapshot.storage_version();
        if version.is_none_or(|version| version == FileVersion::V0_1) {
            return;
        }
        for fragment in &snapshot.message().fragments {
            let deletions = fragment.deletion_file.as_ref();
            let rows = fragment.physical_rows > 0;
            let deleted = deletions.is_none_or(|file| file.num_deleted_rows > 0);
            // A fragment without data files fails in another way.
            if (rows && deleted) || fragment.files.is_empty() {
                continue;
            }
            let lacks = match (rows, deleted) {
                (false, true) => "the number of rows",
                (true, _) => "the number of deleted rows",
                (false, false) => "the number of rows and that of deleted rows",
            };
            findings.add(
                INFO.finding("the manifest lacks row counts that filters need")
                    .at(Place {
                        fragment: Some(fragment.id),
                        detail: Some(format!("{lacks} is not stated")),
                        ..manifest_place(snapshot)
                    })
                    .instead(
                        "physical_rows, and num_deleted_rows beside a deletion file",
                        format!("{lacks} is not stated"),
                    )
                    .reader(
                        "to_table(filter=…), to_table(limit=…), delete() or update()",
                        "fails: Fragments are missing row count stats",
                    )
                    .help(fixes::COMMIT_NOTHING),
            );
        }
    }
}
