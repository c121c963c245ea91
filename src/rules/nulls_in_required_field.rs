use super::{ColumnView, Rule, mends, page};
use crate::finding::{Findings, RuleInfo};
use crate::typing::About;

rule! {
    /// The schema says that a field has no nulls, and its pages hold some. Arrow refuses an array of
    /// such a field, so reads fail with "Found unmasked nulls for non-nullable StructArray field".
    ///
    /// It comes about when a schema with `nullable=False` is committed over data that has nulls.
    static INFO = Error "nulls-in-required-field", "a field that allows no nulls has pages that hold some";
}

/// See [`INFO`].
pub struct NullsInRequiredField;

impl Rule for NullsInRequiredField {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        for fault in page::about(view, About::Nulls) {
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
            let name = &field.name;
            findings.add(finding.mend(format!(
                "commit the schema with the field nullable again, all names and their order as they \
                 are (no data is rewritten):\n{}",
                mends::commit_field(name, "f.with_nullable(True)")
            )));
        }
    }
}
