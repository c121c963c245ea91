//! # blob-v1-key-on-v2-file
//!
//! The schema declares a blob by the v1 key `lance-encoding:blob`, and a 2.2 or later data file
//! holds v2 blobs. v1 readers expect two descriptor fields and find five. Lance's own writers
//! turn the key into the extension `lance.blob.v2` when they commit; other writers may not.

use super::blob::{pages_stored, with_page};
use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo, Severity};
use crate::model::schema::BlobDeclaration;
use crate::model::version::FileVersion;
use crate::typing::blob::{Storage, V1_DESCRIPTORS};

static INFO: RuleInfo = RuleInfo {
    id: "blob-v1-key-on-v2-file",
    severity: Severity::Error,
    summary: "a column is declared a blob by the v1 key, and the file holds v2 blobs",
};

/// See the module.
pub struct BlobV1KeyOnV2File;

impl Rule for BlobV1KeyOnV2File {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let field = view.field;
        if field.blob() != Some(BlobDeclaration::V1) || view.version < FileVersion::V2_2 {
            return;
        }
        let Some((page, _, _)) = pages_stored(view, |stored| *stored == Storage::V2) else {
            return;
        };
        let path = &field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is declared a blob by the v1 key lance-encoding:blob, but the {} \
                 file holds v2 blobs",
                view.version
            ))
            .column(path);
        let finding = with_page(finding, view, page, Vec::new(), V1_DESCRIPTORS);
        findings.add(
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
                .mend(
                    "commit the schema anew through Lance itself, which makes the field a v2 blob:\n\
                     ds = lance.dataset(uri)\n\
                     files = [f.metadata for f in ds.get_fragments()]\n\
                     op = lance.LanceOperation.Overwrite(ds.schema, files)\n\
                     lance.LanceDataset.commit(uri, op, read_version=ds.version)",
                ),
        );
    }
}
