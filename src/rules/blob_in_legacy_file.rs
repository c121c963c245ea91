use super::blob::{mend_drop_key, mend_rewrite_v1};
use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::version::FileVersion;

rule! {
    /// A field is declared a blob, and its data is in a 0.1 file. That format has no blobs: the
    /// writer ignores the key and stores plain values, and the reader, which goes by the key,
    /// panics.
    static INFO = Error "blob-in-legacy-file", "a column is declared a blob, and its data is in a 0.1 file, which has no blobs";
}

/// See [`INFO`].
pub struct BlobInLegacyFile;

impl Rule for BlobInLegacyFile {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        if view.version != FileVersion::V0_1
            || view.field.blob().is_none()
            || view.column.pages.is_empty()
        {
            return;
        }
        let path = &view.field.path;
        let found = view.column.encoding.as_ref().ok();
        findings.add(
            INFO.finding(format!(
                "column `{path}` is declared a blob, but its data is in a 0.1 file, which stores \
                 plain values only"
            ))
            .column(path)
            .at(view.page_place(0))
            .instead(
                "a 2.0 or 2.1 file",
                found.map_or("plain values".to_string(), |e| e.notation.to_string()),
            )
            .reader(
                "to_table()",
                "fails: Lance reader producer terminated before end of stream",
            )
            .reader(format!("take_blobs({path:?}, …)"), "panics: struct array")
            .reader(
                "scanner(blob_handling=\"all_binary\")",
                "still reads it (pylance 14)",
            )
            .cause("the 0.1 writer ignores lance-encoding:blob")
            .mend(mend_drop_key(view.field))
            .mend(mend_rewrite_v1(view.field, "2.1")),
        );
    }
}
