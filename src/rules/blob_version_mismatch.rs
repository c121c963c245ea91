use super::blob::{fix_commit_plain, fix_rewrite, pages_stored, with_page};
use super::fixes::{self, Change};
use super::{ColumnView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::schema::BlobDeclaration;
use crate::model::version::FileVersion;
use crate::typecheck::blob::{Storage, V1_DESCRIPTORS, V2_DESCRIPTORS};

rule! {
    /// The schema declares one generation of blob, and a data file of 2.2 or later holds the
    /// other. Descriptors of v1 have two fields, those of v2 five.
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
    /// ## How to fix it
    /// Declared v1, holds v2: commit the schema with the field as a v2 blob. The finding prints
    /// the commit for the dataset at hand. It keeps all field ids, so that no other column,
    /// deleted row or index is touched; no data is rewritten.
    ///
    /// Declared v2, holds v1: commit the schema with the field as plain bytes, which makes the
    /// values readable, and write them to a new dataset as v2 blobs. The finding prints the
    /// calls.
    ///
    /// ## When it is silent
    /// In 2.0 and 2.1 files v1 blobs under a v2 field are fine: readers adapt them.
    static INFO = Error "blob-version-mismatch", "a column is declared a v1 blob and holds v2 blobs, or the other way round";
}

/// See [`INFO`].
pub struct BlobVersionMismatch;

impl Rule for BlobVersionMismatch {
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
            BlobDeclaration::V1 => v1_over_v2(finding, view),
            BlobDeclaration::V2 => v2_over_v1(finding, view),
        });
    }
}

fn v1_over_v2(finding: Finding, view: &ColumnView<'_>) -> Finding {
    let path = &view.field.path;
    let committed = view.file.snapshot.and_then(|snapshot| {
        fixes::commit_fields(
            &format!("commit the schema with `{path}` as a v2 blob"),
            snapshot,
            &[(view.field, Change::BlobV2)],
        )
    });
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
        .help_all(committed)
}

fn v2_over_v1(finding: Finding, view: &ColumnView<'_>) -> Finding {
    let (field, path) = (view.field, &view.field.path);
    let snapshot = view.file.snapshot;
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
        .help_all(snapshot.and_then(|snapshot| {
            let plain = fix_commit_plain(snapshot, field, "large_binary");
            fix_rewrite(view.schema, field, view.version, Some(&plain))
        }))
}
