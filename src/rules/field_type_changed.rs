use super::blob::arrow_type;
use super::{ColumnsView, Rule, mends};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::version::FileVersion;
use crate::typing::Misfit;
use crate::typing::schemas::{Difference, Reading, reading};

rule! {
    /// The manifest says that a field is of one type, and the data file's own schema says that it was
    /// written as another. Readers take the manifest's word: where both types have values of one
    /// width, or the written ones are wider, they **return wrong values without a word**; where the
    /// written ones are narrower or of another kind, they fail.
    ///
    /// It comes about when a schema with other types is committed over existing files
    /// (`LanceOperation.Overwrite`), which Lance does not check. `alter_columns` does it right: it
    /// writes the column anew.
    static INFO = Error "field-type-changed", "a field has another type in the manifest than in the data file";
}

/// See [`INFO`].
pub struct FieldTypeChanged;

impl Rule for FieldTypeChanged {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        if view.version == FileVersion::V0_1 {
            return;
        }
        for difference in view.differences {
            let Difference::Type { at, in_file } = difference else {
                continue;
            };
            let file_schema = view.data.schema.as_deref();
            let Some(written) = file_schema.and_then(|schema| schema.fields.get(*in_file)) else {
                continue;
            };
            let (Some(read), Some(laid)) = (view.schema.fields.get(*at), view.holder(*at)) else {
                continue;
            };
            let path = &read.path;
            let (from, to) = (&written.type_text, &read.type_text);
            let message = format!("column `{path}` was written as {from} and is read as {to}");
            let finding = INFO
                .finding(message)
                .column(path)
                .at(view.place(laid.index))
                .instead(from.clone(), to.clone());
            let finding = match reading(view.version, written, read) {
                Reading::Same => continue,
                Reading::Alike => finding.severity(Severity::Warning).reader(
                    "to_table()",
                    "returns the bytes as written under the other type",
                ),
                Reading::Wrong(Misfit::Silent) => {
                    finding.reader("to_table()", "returns wrong values without a word")
                }
                Reading::Wrong(misfit) => finding.reader("to_table()", misfit.effect()),
            };
            let name = &read.name;
            let prepare = format!(
                "written = {}\n\
                 fields = [pa.field({name:?}, written) if f.name == {name:?} else f for f in ds.schema]",
                arrow_type(from)
            );
            findings.add(
                finding
                    .cause(
                        "the manifest's schema and the data file's own differ: a schema of other types \
                         was committed over the file",
                    )
                    .mend(format!(
                        "commit the type that was written, all names and their order as they are (no \
                         data is rewritten), and cast it with alter_columns then:\n{}",
                        mends::commit(&prepare, "pa.schema(fields)")
                    )),
            );
        }
    }
}
