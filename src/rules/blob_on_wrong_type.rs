use super::blob::{declaration, fix_plain, pages_stored, type_in_file, with_page};
use super::{ColumnView, ColumnsView, Rule};
use crate::finding::{Finding, Findings, RuleInfo};
use crate::model::encoding::Kind;
use crate::model::join::Placement;
use crate::model::logical_type::LogicalType;
use crate::model::schema::{BlobDeclaration, Field};
use crate::model::version::FileVersion;
use crate::typecheck::blob::Storage;

rule! {
    /// A field carries the blob key `lance-encoding:blob`, and its type cannot be a blob. Only
    /// `large_binary` can be a v1 blob.
    ///
    /// ## What readers do
    /// Readers look for blob descriptors and fail.
    ///
    /// - In 2.0 `take_blobs("column", …)` panics: `Expected a struct encoding because we have a
    ///   struct field in the schema but got the encoding Legacy(ArrayEncoding { …`. `to_table()`
    ///   fails: `Lance reader producer terminated before end of stream`.
    /// - From 2.1 on both fail:
    ///   `there were more fields in the schema than provided column indices / infos`.
    /// - `scanner(blob_handling="all_binary")` of numbers fails:
    ///   `Expected 2 buffers in array of type LargeBinary, got 1`. Of strings from 2.1 on:
    ///   `expected 64-bit offsets but got 32-bit offsets`.
    ///
    /// If the key stands on a struct or list whose children have columns of their own (2.1 and
    /// later), `to_table()` returns the whole column as **nulls silently**.
    ///
    /// If it stands on a child of a packed struct, `to_table()` fails with
    /// `Expected 0 buffers in array of type Struct(…`, or panics.
    ///
    /// ## How it comes about
    /// Writers refuse such a field: `Blob encoding is not available for field …`. So the key was
    /// added to the schema after the data was written, by a commit or by a metadata update.
    ///
    /// ## How to fix it
    /// Take the key away. No data is rewritten, and the column reads as it was written. Before
    /// pylance 14 it is `ds.replace_field_metadata("column", {})`:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {}}, replace=True)
    /// ```
    ///
    /// `replace=True` drops all other metadata of the field, so list what is to stay in the
    /// braces.
    ///
    /// That does not take the extension `lance.blob.v2` away. Commit the schema with the plain
    /// type for such a field. The finding prints the commit for the dataset at hand. It keeps all
    /// field ids, so that no other column, deleted row or index is touched; no data is rewritten.
    ///
    /// ## When it is silent
    /// In files of 0.1 it is `blob-in-legacy-file` that speaks.
    static INFO = Error "blob-on-wrong-type", "a column carries the blob key, and its type cannot be a blob";
}

/// See [`INFO`].
pub struct BlobOnWrongType;

/// Whether a field declares itself a v1 blob and cannot be one. A struct can: it is the
/// descriptor form, in which readers hand blob columns out.
pub fn is_wrong_type(field: &Field) -> bool {
    if field.blob() == Some(BlobDeclaration::V2) {
        return matches!(
            field.logical_type,
            LogicalType::Null | LogicalType::FixedSizeList { .. }
        );
    }
    field.blob() == Some(BlobDeclaration::V1)
        && field.type_text != "large_binary"
        && field.type_text != "blob"
        && !matches!(field.logical_type, LogicalType::Struct)
}

impl Rule for BlobOnWrongType {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let field = view.field;
        if view.version == FileVersion::V0_1 || !is_wrong_type(field) {
            return;
        }
        let plain = |stored: &Storage| matches!(stored, Storage::Plain | Storage::Nulls);
        let Some((page, _, _)) = pages_stored(view, plain) else {
            return;
        };
        let Some(declared) = field.blob() else { return };
        let path = &field.path;
        let type_text = &field.type_text;
        let finding = INFO
            .finding(format!(
                "column `{path}` carries {}, but its type is {type_text}: only large_binary can be a blob",
                declaration(field, declared)
            ))
            .column(path);
        let finding = with_page(
            finding,
            view,
            page,
            Vec::new(),
            "large_binary stored as blobs",
        );
        let take = format!("take_blobs({path:?}, …)");
        let fixed = matches!(field.logical_type, LogicalType::Fixed { .. });
        let root = view
            .column
            .pages
            .get(page)
            .and_then(|page| page.encoding.as_ref().ok());
        let finding = match view.version {
            FileVersion::V2_0 => {
                let got = match root.map(|encoding| &encoding.root.kind) {
                    Some(Kind::Nullable(_)) => "Nullable",
                    Some(Kind::Dictionary { .. }) => "Dictionary",
                    Some(Kind::Fsst { .. }) => "Fsst",
                    Some(Kind::FixedSizeList { .. }) => "FixedSizeList",
                    _ => "Binary",
                };
                finding
                    .reader(
                        take,
                        format!(
                            "panics: Expected a struct encoding because we have a struct field in \
                             the schema but got the encoding Legacy(ArrayEncoding {{ \
                             array_encoding: Some({got}(…"
                        ),
                    )
                    .reader(
                        "to_table()",
                        "fails: Lance reader producer terminated before end of stream",
                    )
            }
            _ => finding.reader(
                format!("to_table() and {take}"),
                "fail: there were more fields in the schema than provided column indices / infos",
            ),
        };
        let finding = match (view.version, fixed) {
            (_, true) => finding.reader(
                "scanner(blob_handling=\"all_binary\")",
                "fails: Expected 2 buffers in array of type LargeBinary, got 1",
            ),
            (FileVersion::V2_0, false) => finding,
            (_, false) => finding.reader(
                "scanner(blob_handling=\"all_binary\")",
                "fails: invalid variable-width layout for LargeBinary: expected 64-bit offsets but \
                 got 32-bit offsets",
            ),
        };
        findings.add(
            finding
                .cause(
                    "writers refuse the key on this type, so the schema got it after the data was \
                     written",
                )
                .help_all(fix_plain(
                    view.file.snapshot,
                    field,
                    declared,
                    type_in_file(view),
                )),
        );
    }

    fn columns(&self, view: &ColumnsView<'_>, findings: &mut Findings) {
        for (at, field) in view.schema.fields.iter().enumerate() {
            if let Some(finding) = in_packed_struct(view, at, field) {
                findings.add(finding);
            }
            let Some(declared) = field.blob().filter(|_| field.logical_type.is_nested()) else {
                continue;
            };
            let placed = |at: usize| view.file.placed.get(at).copied();
            let is_column = |at: usize| matches!(placed(at), Some(Placement::Column(_)));
            let below = view.schema.subtree(at).skip(1).find(|at| is_column(*at));
            let Some(below) = below.filter(|_| view.version.is_structural() && !is_column(at))
            else {
                continue;
            };
            let path = &field.path;
            let column = view.laid.iter().find(|laid| laid.at == below);
            findings.add(
                INFO.finding(format!(
                    "column `{path}` carries {}, but its children have columns of their own",
                    declaration(field, declared)
                ))
                .column(path)
                .at(column.map_or_else(|| view.file.place(), |laid| view.place(laid.index)))
                .instead("one column of blob descriptors", "a column for each child")
                .reader("to_table()", "returns the whole column as nulls silently")
                .cause(
                    "writers refuse this on such a type, so the schema got it after the data was written",
                )
                .help_all(fix_plain(view.file.snapshot, field, declared, &field.type_text)),
            );
        }
    }
}

/// A child of a packed struct that carries the key: its values stand within the struct's rows.
fn in_packed_struct(view: &ColumnsView<'_>, at: usize, field: &Field) -> Option<Finding> {
    let declared = field.blob()?;
    let inside = view.file.placed.get(at) == Some(&Placement::Inside);
    let mut above = view
        .schema
        .ancestors(at)
        .filter_map(|at| view.schema.fields.get(at));
    if !inside || above.any(|above| above.blob().is_some()) {
        return None;
    }
    let path = &field.path;
    let laid = view.holder(at)?;
    Some(
        INFO.finding(format!(
            "column `{path}` carries {}, but it is stored within a packed struct, which holds no blobs",
            declaration(field, declared)
        ))
        .column(path)
        .at(view.place(laid.index))
        .instead("a child that is no blob", "one that is declared a blob")
        .reader("to_table()", "fails: Expected 0 buffers in array of type Struct(…, or panics")
        .cause("writers refuse this, so the schema got it after the data was written")
        .help_all(fix_plain(view.file.snapshot, field, declared, &field.type_text)),
    )
}
