use super::blob::{mend_commit_plain, mend_rewrite_v2, pages_stored, with_page};
use super::{ColumnView, Rule, mends};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::schema::{BlobDeclaration, Field};
use crate::model::version::FileVersion;
use crate::typing::blob::{Storage, V1_DESCRIPTORS, V2_DESCRIPTORS};

rule! {
    /// The schema declares one generation of blob, and a data file of 2.2 or later holds the other.
    /// Descriptors of v1 have two fields, those of v2 five.
    ///
    /// ## What readers do
    /// - Declared v1, holds v2: `to_table()` and `take_blobs` fail,
    ///   `there were more fields in the schema than provided column indices / infos`.
    ///   `scanner(blob_handling="all_binary")` fails, `Expected Struct, got LargeBinary`.
    /// - Declared v2, holds v1: all three fail, `Value data for Struct("kind": non-null UInt8, …)
    ///   should contain 5 child data array(s), had 2`.
    ///
    /// ## How it comes about
    /// - `add_columns` of Lance 14.0.2 with a reader whose field has the key `lance-encoding:blob`
    ///   writes v1 blobs into a 2.2 file, under a v2 field.
    /// - The reverse is a schema committed by something that does not know blob v2. Lance's own
    ///   writers turn the v1 key into the extension when they commit.
    ///
    /// ## How to mend it
    /// Declared v1, holds v2: commit the schema anew through Lance itself, which makes the field a
    /// v2 blob. No data is rewritten:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// files = [f.metadata for f in ds.get_fragments()]
    /// op = lance.LanceOperation.Overwrite(ds.schema, files)
    /// lance.LanceDataset.commit(uri, op, read_version=ds.version)
    /// ```
    ///
    /// Declared v2, holds v1: commit the schema with a plain field. No data is rewritten, and the
    /// values then read as binary:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// plain = pa.field("column", pa.large_binary())
    /// fields = [plain if f.name == "column" else f for f in ds.schema]
    /// files = [f.metadata for f in ds.get_fragments()]
    /// op = lance.LanceOperation.Overwrite(pa.schema(fields), files)
    /// lance.LanceDataset.commit(uri, op, read_version=ds.version)
    /// ```
    ///
    /// To make them v2 blobs then, write them anew:
    ///
    /// ```python
    /// table = lance.dataset(uri).to_table()
    /// blobs = lance.blob_array(table["column"].to_pylist())
    /// at = table.schema.get_field_index("column")
    /// table = table.set_column(at, lance.blob_field("column"), blobs)
    /// lance.write_dataset(table, new_uri, data_storage_version="2.2")
    /// ```
    ///
    /// ## When it is silent
    /// In 2.0 and 2.1 files v1 blobs under a v2 field are fine: readers adapt them.
    static INFO = Error "blob-generation-mismatch", "a column is declared a v1 blob and holds v2 blobs, or the other way round";
}

/// See [`INFO`].
pub struct BlobGenerationMismatch;

impl Rule for BlobGenerationMismatch {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let Some(declared) = view
            .field
            .blob()
            .filter(|_| view.version >= FileVersion::V2_2)
        else {
            return;
        };
        let (held, expected) = match declared {
            BlobDeclaration::V1 => (Storage::V2, V1_DESCRIPTORS),
            BlobDeclaration::V2 => (Storage::V1, V2_DESCRIPTORS),
        };
        let Some((page, _, _)) = pages_stored(view, |stored| *stored == held) else {
            return;
        };
        let path = &view.field.path;
        let version = view.version;
        let message = match declared {
            BlobDeclaration::V1 => format!(
                "column `{path}` is declared a blob by the v1 key lance-encoding:blob, but the \
                 {version} file holds v2 blobs"
            ),
            BlobDeclaration::V2 => format!(
                "column `{path}` is declared a v2 blob, but the {version} file holds v1 blobs"
            ),
        };
        let finding = INFO.finding(message).column(path);
        let finding = with_page(finding, view, page, Vec::new(), expected);
        findings.add(match declared {
            BlobDeclaration::V1 => v1_over_v2(finding, path),
            BlobDeclaration::V2 => v2_over_v1(finding, view.field),
        });
    }
}

fn v1_over_v2(finding: Finding, path: &str) -> Finding {
    finding
        .reader(
            format!("to_table() and take_blobs({path:?}, …)"),
            "fail: there were more fields in the schema than provided column indices / infos",
        )
        .reader(
            "scanner(blob_handling=\"all_binary\")",
            "fails: Expected Struct, got LargeBinary",
        )
        .cause("the schema was committed by something that does not know blob v2")
        .mend(format!(
            "commit the schema anew through Lance itself, which makes the field a v2 blob:\n{}",
            mends::commit("", "ds.schema")
        ))
}

fn v2_over_v1(finding: Finding, field: &Field) -> Finding {
    let path = &field.path;
    finding
        .reader(
            format!("to_table(), with blob_handling=\"all_binary\" too, and take_blobs({path:?}, …)"),
            "fail: Value data for Struct(\"kind\": non-null UInt8, …) should contain 5 child data \
             array(s), had 2",
        )
        .cause(
            "add_columns with a reader whose field has lance-encoding:blob does this (Lance 14.0.2): \
             the schema gets a v2 blob, the file v1 blobs",
        )
        .mend(mend_commit_plain(field, "pa.large_binary()"))
        .mend(mend_rewrite_v2(field))
}
