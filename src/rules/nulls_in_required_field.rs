use super::{ColumnView, Rule, fixes, page};
use crate::finding::{Findings, RuleInfo};
use crate::typecheck::TypeErrorKind;

rule! {
    /// The schema says that a field has no nulls, and its pages hold some.
    ///
    /// ## What readers do
    /// Arrow refuses an array of such a field, so every read that meets a null fails:
    ///
    /// ```text
    /// Found unmasked nulls for non-nullable StructArray field "…"
    /// ```
    ///
    /// `take()` of rows without a null may still work. The same is said of a required struct that
    /// is null in some row.
    ///
    /// ## How it comes about
    /// A schema with `nullable=False` was committed over data that has nulls
    /// (`LanceOperation.Overwrite`). Lance does not look into the files when it commits. If the
    /// data file's own schema allows nulls, the finding says that this is what happened.
    ///
    /// ## How to fix it
    /// Let the column have nulls. No data is rewritten and nothing is lost:
    ///
    /// ```python
    /// lance.dataset(uri).alter_columns({"path": "column", "nullable": True})
    /// ```
    static INFO = Error "nulls-in-required-field", "a field that allows no nulls has pages that hold some";
}

/// See [`INFO`].
pub struct NullsInRequiredField;

impl Rule for NullsInRequiredField {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, TypeErrorKind::Nulls) {
            let mut field = view.field;
            for _ in 0..fault.complaint.level {
                let above = field.parent.and_then(|above| view.schema.fields.get(above));
                field = above.unwrap_or(field);
            }
            let path = &field.path;
            let message = format!("column `{path}` may hold no nulls, and its pages hold some");
            let mut finding = page::finding(&INFO, view, fault, message).column(path);
            let in_file = view.file.snapshot.and(view.data.schema.as_ref());
            let in_file = in_file.and_then(|schema| schema.by_id(field.id));
            if in_file.is_some_and(|in_file| in_file.nullable) {
                finding = finding.cause(
                    "the data file's own schema allows nulls: the manifest's schema was committed over it",
                );
            }
            let snapshot = view.file.snapshot;
            findings.add(finding.help_all(snapshot.map(|_| fixes::make_nullable(field))));
        }
    }
}
