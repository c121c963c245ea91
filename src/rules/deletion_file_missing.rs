use super::{DeletionFault, FragmentView, Rule, fixes};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::snapshot::BaseError;

rule! {
    /// The manifest names a deletion file that is not there or that cannot be read. Without it,
    /// nothing tells which rows of the fragment were deleted.
    ///
    /// ## What readers do
    /// Current readers fail in `to_table()`:
    ///
    /// - The file is not there: `Not found: …/_deletions/…`.
    /// - It is damaged: `Parser error: Arrow file does not contain correct footer`,
    ///   `Expected exactly one batch in deletion file`, or an I/O error.
    /// - It holds other columns than a required `row_id` of type uint32:
    ///   `Expected schema Schema … in deletion file`.
    /// - It is said to be behind a base path that the manifest does not have:
    ///   `base_path id … not found`.
    /// - The manifest gives it a type that no one knows: `Unknown deletion file type`. The dataset
    ///   does not open then.
    ///
    /// Some releases of the past took a missing file for no deletions, and gave deleted rows back
    /// (lance-format/lance#8248).
    ///
    /// ## How it comes about
    /// - A fragment of another dataset was registered, and only its data file was copied. Deletion
    ///   files are named after the fragment's id, which changes by that.
    /// - The file was removed, cut off or overwritten.
    ///
    /// ## How to fix it
    /// Restore the file from a copy. Or go back to a version that does not name it. The rows that
    /// were deleted since are then there again:
    ///
    /// ```python
    /// lance.dataset(uri, version=N).restore()
    /// ```
    ///
    /// If the dataset does not open, that fails. Move the newest manifest away then.
    ///
    /// ## When it is silent
    /// Deletion files behind a base path where lance-lint cannot look are passed over.
    static INFO = Error "deletion-file-missing", "the manifest names a deletion file that is not there or cannot be read";
}

/// See [`INFO`].
pub struct DeletionFileMissing;

impl Rule for DeletionFileMissing {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        let Some(state) = view.deletion else { return };
        let Err(fault) = &state.rows else { return };
        let (message, effect, detail) = match fault {
            DeletionFault::Missing => (
                "a deletion file that the manifest names is not there".to_string(),
                "fails: Not found: …/_deletions/…",
                None,
            ),
            DeletionFault::UnknownType(number) => (
                format!("a deletion file has the type {number}, which lance-lint does not know"),
                "fails: Unknown deletion file type",
                None,
            ),
            DeletionFault::Base(BaseError::Unknown(id)) => (
                format!(
                    "a deletion file is said to be behind base path {id}, which the manifest does not have"
                ),
                "fails: base_path id … not found",
                None,
            ),
            DeletionFault::Base(BaseError::NotFollowed) => return,
            DeletionFault::Unreadable(detail) => (
                "a deletion file cannot be read".to_string(),
                "fails: Parser error: Arrow file does not contain correct footer, Expected exactly one \
                 batch in deletion file, Expected schema Schema … in deletion file, or an I/O error",
                Some(format!("it {detail}")),
            ),
        };
        let unopened = matches!(fault, DeletionFault::UnknownType(_));
        findings.add(
            INFO.finding(message)
                .at(Place {
                    fragment: Some(view.fragment.id),
                    file: Some(state.path.clone()),
                    detail,
                    ..Place::default()
                })
                .reader(
                    match unopened {
                        true => "lance.dataset(uri)",
                        false => "to_table()",
                    },
                    effect,
                )
                .help(match unopened {
                    true => fixes::move_away_if_older(view.snapshot),
                    false => format!("restore the file from a copy, or {}", fixes::GO_BACK).into(),
                }),
        );
    }
}
