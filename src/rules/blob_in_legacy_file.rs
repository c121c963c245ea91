use super::blob::{mend_drop_key, mend_rewrite};
use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::version::FileVersion;

rule! {
    /// A field is declared a blob, and its data is in a 0.1 file. That format has no blobs.
    ///
    /// ## What readers do
    /// The reader goes by the key and not by the file:
    ///
    /// - `to_table()` fails: `Lance reader producer terminated before end of stream`.
    /// - `take_blobs("column", …)` panics: `struct array`.
    /// - `scanner(blob_handling="all_binary")` still reads it (pylance 14).
    ///
    /// ## How it comes about
    /// The 0.1 writer ignores the key `lance-encoding:blob`, and stores plain values. It comes
    /// about by `write_dataset` in 0.1 with the key, and by a commit of a schema with the key over
    /// 0.1 files.
    ///
    /// ## How to mend it
    /// To keep a plain column, take the key away. No data is rewritten. Before pylance 14 it is
    /// `ds.replace_field_metadata("column", {})`:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {}}, replace=True)
    /// ```
    ///
    /// `replace=True` drops all other metadata of the field, so list what is to stay in the braces.
    ///
    /// To get real blobs, read the values and write them anew (pylance 14):
    ///
    /// ```python
    /// table = lance.dataset(uri).scanner(blob_handling="all_binary").to_table()
    /// blob = pa.field("column", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
    /// fields = [blob if f.name == "column" else f for f in table.schema]
    /// table = table.cast(pa.schema(fields))
    /// lance.write_dataset(table, new_uri, data_storage_version="2.1")
    /// ```
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
            .mend_all(mend_rewrite(
                view.schema,
                view.field,
                FileVersion::V2_1,
                None,
            )),
        );
    }
}
