use super::blob::{pages_stored, with_page};
use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::version::FileVersion;
use crate::typecheck::blob::Storage;

rule! {
    /// A v1 blob stands below a list in a 2.1 file. The reader loses the repetition levels on the
    /// way to the descriptors.
    ///
    /// ## What readers do
    /// `to_table()`, with `blob_handling="all_binary"` too, and `take_blobs` panic:
    ///
    /// ```text
    /// Expected repetition level but data didn't contain repetition
    /// ```
    ///
    /// Or they fail with `Expected struct data block for descriptions`. Or, with some contents,
    /// they lose rows **silently**.
    ///
    /// The other columns of the dataset can be read.
    ///
    /// ## How it comes about
    /// Writers up to Lance 14.0.2 accept such a column in 2.1, and write what they cannot read
    /// back. `write_dataset` gives no warning. To take the key away afterwards does not help.
    ///
    /// ## How to fix it
    /// Read the other columns by name:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.to_table(columns=[n for n in ds.schema.names if n != "column"])
    /// ```
    ///
    /// Write this one again from its source, with `data_storage_version="2.2"` or without the blob
    /// key. The bytes are in the file, but no release of Lance is known to read them from there.
    ///
    /// ## When it is silent
    /// In 2.0, and in 2.2 and later, blobs below lists can be scanned. Blobs below structs are no
    /// fault.
    static INFO = Error "blob-in-list", "a blob below a list in a 2.1 file, which no reader can read";
}

/// See [`INFO`].
pub struct BlobInList;

impl Rule for BlobInList {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        if view.version != FileVersion::V2_1 || !view.schema.is_below_list(view.field) {
            return;
        }
        let Some((page, _, _)) = pages_stored(view, |stored| *stored == Storage::V1) else {
            return;
        };
        let path = &view.field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is a blob below a list in a 2.1 file, which the reader cannot read"
            ))
            .column(path);
        let expected = "no blob below a list (2.0, 2.2 and later files can hold one)";
        findings.add(
            with_page(finding, view, page, Vec::new(), expected)
                .reader(
                    "to_table(), with blob_handling=\"all_binary\" too, and take_blobs",
                    "panic: Expected repetition level but data didn't contain repetition; or fail: Expected \
                     struct data block for descriptions; or lose rows silently",
                )
                .cause(
                    "writers up to Lance 14.0.2 accept this and write what they cannot read back",
                )
                .help(
                    "read the other columns by name, and write this one again from its source, \
                     with data_storage_version=\"2.2\" or without the blob key",
                ),
        );
    }
}
