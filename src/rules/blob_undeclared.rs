use super::blob::{fix_commit_plain, pages_stored};
use super::fixes::{self, Change};
use super::keys::change_metadata;
use super::{ColumnView, Rule};
use crate::finding::{EncodingLabel, Findings, Remedy, RuleInfo, Severity};
use crate::model::logical_type::LogicalType;
use crate::model::schema::BLOB_KEY;
use crate::model::version::FileVersion;
use crate::typecheck::blob::Storage;

rule! {
    /// A column's pages hold blobs, and the schema does not declare the column a blob.
    ///
    /// ## What readers do
    /// In 2.0 and 2.1 files under a `large_binary` field (a warning) everything can still be read,
    /// as plain values. Each scan loads all the payloads. `take_blobs` fails:
    /// `the column '…' is not a blob column`.
    ///
    /// Under any other type, and in 2.2 and later files, reads fail (an error). `to_table()` says,
    /// for example:
    ///
    /// - `Incorrect datatype for StructArray field, expected … got LargeBinary` (2.0, string)
    /// - `… has column encoding Blob(…) and no decoder is registered to handle it` (2.0, number)
    /// - `expected 32-bit offsets but got 64-bit offsets` (2.1, string)
    /// - `Expected Struct, got LargeBinary` (2.2 and later)
    ///
    /// Under a plain struct the dataset does not open from 2.1 on:
    /// `Non-leaf field … has column_index=…`.
    ///
    /// ## How it comes about
    /// - A commit or a metadata update took the blob key away.
    /// - Blob fragments were committed under a schema without it.
    ///
    /// If the data file's own schema still declares the blob, the finding says that a later commit
    /// dropped it.
    ///
    /// ## How to fix it
    /// Under `large_binary` in 2.0 and 2.1, declare it again. No data is rewritten:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {"lance-encoding:blob": "true"}})
    /// ```
    ///
    /// Under another type, and in 2.2 and later, commit the schema with the field as the blob
    /// that it is. The finding prints the commit for the dataset at hand.
    ///
    /// If the dataset does not open, that fails. Move the newest manifest away then.
    ///
    /// If plain values are what you want in 2.0 and 2.1, it may be left alone.
    ///
    /// ## When it is silent
    /// A packed struct of your own may look just like v2 descriptors.
    static INFO = Warning "blob-undeclared", "a column's pages hold blobs, and the schema does not declare it a blob";
}

/// See [`INFO`].
pub struct BlobUndeclared;

impl Rule for BlobUndeclared {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let field = view.field;
        if field.blob().is_some() {
            return;
        }
        // A packed struct of the user's own may look just like v2 descriptors.
        let own_struct = matches!(field.logical_type, LogicalType::Struct) && field.packed();
        let blobs = |stored: &Storage| match stored {
            Storage::V1 => true,
            Storage::V2 => !own_struct,
            _ => false,
        };
        let Some((page, stored, _)) = pages_stored(view, blobs) else {
            return;
        };
        let path = &field.path;
        let type_text = &field.type_text;
        let readable = stored == Storage::V1 && type_text == "large_binary";
        let place = view.page_place(page);
        let mut finding = INFO
            .finding(format!(
                "column `{path}` ({type_text}) holds blobs, but the schema does not declare it a blob"
            ))
            .column(path)
            .at(place);
        if let Some(Ok(encoding)) = view.column.pages.get(page).map(|page| &page.encoding) {
            finding = finding
                .instead(format!("{type_text} values"), encoding.notation.as_ref())
                .tree(EncodingLabel {
                    encoding: encoding.clone(),
                    node: Vec::new(),
                    note: format!("blobs, where the schema says {type_text}"),
                });
        }
        let take = format!("take_blobs({path:?}, …)");
        let refused = format!("fails: the column '{path}' is not a blob column");
        let finding = if readable {
            finding
                .reader("to_table()", "reads it, loading the payload of every blob")
                .reader(take, refused)
        } else {
            let effect = match (view.version, &field.logical_type) {
                (FileVersion::V2_0, LogicalType::Struct) => {
                    "fails: Attempt to merge two RecordBatch with different sizes: 0 != N"
                }
                (_, LogicalType::Struct) => {
                    "the dataset does not open: Non-leaf field … has column_index=N, but non-leaf \
                     fields should have column_index=-1"
                }
                (FileVersion::V2_0, LogicalType::Variable { .. }) => {
                    "fails: Incorrect datatype for StructArray field, expected … got LargeBinary"
                }
                (FileVersion::V2_0, _) => {
                    "fails: … has column encoding Blob(…) and no decoder is registered to handle it"
                }
                (FileVersion::V2_1, LogicalType::Variable { .. }) => {
                    "fails: invalid variable-width layout: expected 32-bit offsets but got 64-bit \
                     offsets"
                }
                (FileVersion::V2_1, _) => {
                    "fails: invalid variable-width layout for …: Expected 1 buffers in array"
                }
                _ => "fails: Expected Struct, got LargeBinary",
            };
            finding
                .severity(Severity::Error)
                .reader("to_table()", effect)
                .reader(take, refused)
        };
        let cause = match view.field_in_file() {
            Some(in_file) if in_file.blob().is_some() => {
                "the data file's own schema declares the blob, the manifest's does not: a later \
                 commit or metadata update dropped it"
            }
            _ => "the schema was committed without the declaration that the writer had",
        };
        let finding = finding.cause(cause);
        // From 2.1 on a struct must not have a column of its own, so nothing can be committed.
        let unopened =
            view.version.is_structural() && matches!(field.logical_type, LogicalType::Struct);
        findings.add(if readable {
            finding.help(Remedy::of_column(
                format!(
                    "declare it again (pylance 14):\n{}",
                    change_metadata(&[(field, vec![(BLOB_KEY, Some("true"))])])
                ),
                field.id,
            ))
        } else if let Some(snapshot) = view.file.snapshot.filter(|_| unopened) {
            finding.help(fixes::move_away_if_older(snapshot))
        } else {
            let snapshot = view.file.snapshot;
            let restored = |snapshot| match stored {
                Storage::V1 if view.version < FileVersion::V2_2 => fixes::commit_fields(
                    &format!("commit the schema with `{path}` as a v1 blob"),
                    snapshot,
                    &[(field, Change::BlobV1)],
                ),
                Storage::V1 => Some(fix_commit_plain(snapshot, field, "large_binary")),
                _ => fixes::commit_fields(
                    &format!("commit the schema with `{path}` as a v2 blob"),
                    snapshot,
                    &[(field, Change::BlobV2)],
                ),
            };
            finding.help_all(snapshot.and_then(restored))
        });
    }
}
