use super::{DeletionFault, FragmentView, Rule};
use crate::finding::{Findings, Place, RuleInfo};
use crate::model::snapshot::BaseError;

rule! {
    /// The manifest names a deletion file that is not there, or that cannot be read. Current readers
    /// fail; some of the past took it for no deletions and gave deleted rows back.
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
            DeletionFault::Base(BaseError::Unsupported { .. }) => return,
            DeletionFault::Unreadable(detail) => (
                "a deletion file cannot be read".to_string(),
                "fails: Parser error: Arrow file does not contain correct footer, Expected exactly one \
                 batch in deletion file, or an I/O error",
                Some(format!("it {detail}")),
            ),
        };
        findings.add(
            INFO.finding(message)
                .at(Place {
                    fragment: Some(view.fragment.id),
                    file: Some(state.path.clone()),
                    detail,
                    ..Place::default()
                })
                .reader("to_table()", effect)
                .mend(
                    "restore the file from a copy, or go back to a version that does not name it",
                ),
        );
    }
}
