use super::blob::{fix_drop_key, fix_plain, fix_rewrite};
use super::{ColumnView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::logical_type::LogicalType;
use crate::model::schema::BlobDeclaration;
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
    /// - A struct that carries the key: `to_table()` fails,
    ///   `field position does not exist in the RecordBatch`.
    ///
    /// ## How it comes about
    /// The 0.1 writer ignores the key `lance-encoding:blob`, and stores plain values. It comes
    /// about by `write_dataset` in 0.1 with the key, and by a commit of a schema with the key over
    /// 0.1 files.
    ///
    /// ## How to fix it
    /// To keep a plain column, take the key away. No data is rewritten. Before pylance 14 it is
    /// `ds.replace_field_metadata("column", {})`:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {}}, replace=True)
    /// ```
    ///
    /// `replace=True` drops all other metadata of the field, so list what is to stay in the
    /// braces.
    ///
    /// To get real blobs, read the values and write them again (pylance 14):
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
        let Some(declared) = view.field.blob() else {
            return;
        };
        // Structs have no pages of their own in 0.1.
        let is_struct = view.field.logical_type == LogicalType::Struct;
        if view.version != FileVersion::V0_1 || view.column.pages.is_empty() && !is_struct {
            return;
        }
        let path = &view.field.path;
        if is_struct {
            findings.add(of_struct(view, declared));
            return;
        }
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
            .help(fix_drop_key(view.field))
            .help_all(fix_rewrite(
                view.schema,
                view.field,
                FileVersion::V2_1,
                None,
            )),
        );
    }
}

/// A struct that is declared a blob. Readers look for the children of a blob's descriptor in it.
fn of_struct(view: &ColumnView<'_>, declared: BlobDeclaration) -> Finding {
    let path = &view.field.path;
    let child = match declared {
        BlobDeclaration::V1 => "position",
        BlobDeclaration::V2 => "kind",
    };
    INFO.finding(format!(
        "column `{path}` is a struct that is declared a blob, and its data is in a 0.1 file, which \
         stores plain values only"
    ))
    .column(path)
    .at(view.place())
    .instead("a struct that is no blob", "one that is declared a blob")
    .reader(
        "to_table()",
        format!("fails: field {child} does not exist in the RecordBatch"),
    )
    .help_all(fix_plain(
        view.file.snapshot,
        view.field,
        declared,
        &view.field.type_text,
    ))
}
