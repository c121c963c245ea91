use super::blob::pages_stored;
use super::{ColumnView, Rule};
use crate::finding::{Findings, RuleInfo};
use crate::model::schema::BlobDeclaration;
use crate::typecheck::blob::Storage;

rule! {
    /// A v1 blob column is in a data file behind a base path, as after `shallow_clone`. Scans find
    /// the file, and `take_blobs` does not.
    ///
    /// ## What readers do
    /// `take_blobs("column", …)` looks for the file below the clone's own directory, and fails:
    ///
    /// ```text
    /// Not found: <this dataset>/data/<file of the base>.lance
    /// ```
    ///
    /// `to_table()` works.
    ///
    /// ## How it comes about
    /// `take_blobs` of v1 blobs ignores the base path of a data file (up to Lance 14.0.2). Any
    /// shallow clone of a dataset with v1 blobs is so, and nobody did anything wrong. The data is
    /// sound.
    ///
    /// ## How to fix it
    /// Take the blobs from the dataset that was cloned.
    ///
    /// Or clone deeply. This copies the files, so that it takes their space again:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// lance.dataset(uri).deep_clone(new_uri)
    /// ```
    ///
    /// ## When it is silent
    /// v2 blobs behind a base path are found.
    static INFO = Error "blob-behind-base-path", "a v1 blob column behind a base path, where take_blobs does not find it";
}

/// See [`INFO`].
pub struct BlobBehindBasePath;

impl Rule for BlobBehindBasePath {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let behind = view.file.entry.and_then(|entry| entry.base_id);
        if behind.is_none() || view.field.blob() != Some(BlobDeclaration::V1) {
            return;
        }
        if pages_stored(view, |stored| *stored == Storage::V1).is_none() {
            return;
        }
        let path = &view.field.path;
        findings.add(
            INFO.finding(format!(
                "column `{path}` is a v1 blob in a data file behind a base path, where take_blobs \
                 does not look"
            ))
            .column(path)
            .at(view.place())
            .instead(
                "v1 blobs in the dataset's own data folder",
                "v1 blobs in a file of another dataset (shallow clone)",
            )
            .reader(
                format!("take_blobs({path:?}, …)"),
                "fails: Not found: <this dataset>/data/<file of the base>.lance; to_table() works",
            )
            .cause("take_blobs of v1 blobs ignores the base path of a data file (up to Lance 14.0.2)")
            .help("take the blobs from the dataset that was cloned, or clone it deeply (the clone has no older versions):\nds = lance.dataset(uri)\nds.deep_clone(new_uri, ds.version)"),
        );
    }
}
