use super::blob::{
    declaration, expected_storage, fix_commit_plain, fix_drop_key, fix_rewrite, pages_stored,
    type_in_file, with_page,
};
use super::{ColumnView, Rule};
use crate::finding::{Finding, Findings, Remedy, RuleInfo};
use crate::model::encoding::Kind;
use crate::model::schema::{BLOB_KEY, BlobDeclaration, Field};
use crate::model::version::FileVersion;
use crate::rules::blob_key_false::says_no;
use crate::rules::blob_on_wrong_type::is_wrong_type;
use crate::typecheck::blob::Storage;

rule! {
    /// The schema declares a column as a blob, and the pages of a data file hold plain values.
    /// Readers go by the schema, look for blob descriptors and do not find any.
    ///
    /// ## What readers do
    /// In 2.0 `take_blobs("column", …)` panics:
    ///
    /// ```text
    /// Expected a struct encoding because we have a struct field in the schema but got the
    /// encoding Legacy(ArrayEncoding { array_encoding: Some(Binary(Binary { …
    /// ```
    ///
    /// `to_table()` fails: `Lance reader producer terminated before end of stream` (pylance 14),
    /// `Task was aborted` (0.32).
    ///
    /// From 2.1 on both fail:
    /// `there were more fields in the schema than provided column indices / infos`. For v2 blobs
    /// they fail with `invalid variable-width layout for Struct(…`.
    ///
    /// For v1 blobs `scanner(blob_handling="all_binary")` still reads the values (pylance 14).
    /// `Dataset.validate()` passes.
    ///
    /// ## How it comes about
    /// - A writer loses field metadata on the way to the file, and the commit keeps it: Daft up to
    ///   0.5.11 (Eventual-Inc/Daft#4939), Ray's `map` (lance-format/lance#5180).
    /// - Data written without the key was committed under a schema with it.
    /// - A plain fragment was put beside blob fragments.
    ///
    /// If other pages of the same column in the same file hold blobs, the file is damaged. Restore
    /// it then.
    ///
    /// ## How to fix it
    /// To keep a plain column, take the key away (2.0 and 2.1). No data is rewritten. Other
    /// metadata of the field goes too, so list what is to stay. Before pylance 14 it is
    /// `ds.replace_field_metadata("column", {})`:
    ///
    /// ```python
    /// ds = lance.dataset(uri)
    /// ds.update_field_metadata({"column": {}}, replace=True)
    /// ```
    ///
    /// From 2.2 on, and for v2 blobs, commit the schema with a plain field. The finding prints
    /// the commit for the dataset at hand. It keeps all field ids, so that no other column,
    /// deleted row or index is touched; no data is rewritten.
    ///
    /// To get real blobs, read the values and write them to a new dataset (2.0 and 2.1, pylance
    /// 14). It has no indices, tags and older versions:
    ///
    /// ```python
    /// table = lance.dataset(uri).scanner(blob_handling="all_binary").to_table()
    /// blob = pa.field("column", pa.large_binary(), metadata={"lance-encoding:blob": "true"})
    /// values = table["column"].cast(pa.large_binary())
    /// table = table.set_column(table.schema.get_field_index("column"), blob, values)
    /// lance.write_dataset(table, new_uri, data_storage_version="2.0")
    /// ```
    ///
    /// From 2.2 on, commit the plain field first, and put `lance.blob_array(…)` under
    /// `lance.blob_field("column")`.
    ///
    /// Where other fragments hold real blobs, a change of the schema would make those unreadable.
    /// Then there is no safe way but to write the rows of the wrong files again from their
    /// source.
    ///
    /// ## When it is silent
    /// A column of another type is `blob-on-wrong-type`, and one in a 0.1 file is
    /// `blob-in-legacy-file`. From 2.2 on, pages of nothing but nulls are just nulls.
    static INFO = Error "blob-stored-plain", "a column is declared a blob, and its pages hold plain values";
}

/// See [`INFO`].
pub struct BlobStoredPlain;

impl Rule for BlobStoredPlain {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn column(&self, view: &ColumnView<'_>, findings: &mut Findings) {
        let Some(declared) = view.field.blob() else {
            return;
        };
        // A type that cannot be a blob is the root of the matter, and 0.1 files have no blobs.
        if view.version == FileVersion::V0_1 || is_wrong_type(view.field) {
            return;
        }
        let blobs = |stored: &Storage| matches!(stored, Storage::V1 | Storage::V2);
        let has_blobs = pages_stored(view, blobs).is_some();
        // In 2.1 the reader takes a column for v1 blobs by its blob layouts, so nulls without any
        // are plain too. v2 descriptors have no layout of their own, and nulls are just nulls.
        let layouts = view.version == FileVersion::V2_1 && declared == BlobDeclaration::V1;
        let plain = |stored: &Storage| {
            *stored == Storage::Plain || *stored == Storage::Nulls && layouts && !has_blobs
        };
        let Some((page, _, _)) = pages_stored(view, plain) else {
            return;
        };
        let path = &view.field.path;
        let finding = INFO
            .finding(format!(
                "column `{path}` is declared a blob, but its pages hold plain {}values",
                match declared {
                    BlobDeclaration::V1 => "binary ",
                    BlobDeclaration::V2 => "",
                }
            ))
            .column(path);
        let finding = with_page(finding, view, page, Vec::new(), expected_storage(view));
        if has_blobs {
            // No writer mixes both within one column of one file, so no key is to blame.
            findings.add(
                finding
                    .reader(
                        "to_table() and blob_handling=\"all_binary\"",
                        "fail, or return descriptors made of the plain bytes",
                    )
                    .cause("other pages of the same column of the same file hold blobs: the file is damaged")
                    .help("restore the file from a copy or write the column again from its source"),
            );
            return;
        }
        let finding = readers(finding, view, page, declared);
        let mut cause = cause(view, declared);
        if let Some(value) = view
            .field
            .metadata
            .get(BLOB_KEY)
            .filter(|value| says_no(value))
        {
            cause.push_str(&format!(
                "; the value {value:?} does not help: Lance looks at the presence of the key"
            ));
        }
        let finding = finding.cause(cause);
        findings.add(help(finding, view, declared));
    }
}

/// What readers do, as seen with pylance 0.32.1 and 14.0.2.
fn readers(
    finding: Finding,
    view: &ColumnView<'_>,
    page: usize,
    declared: BlobDeclaration,
) -> Finding {
    let name = &view.field.path;
    let take = format!("take_blobs({name:?}, …)");
    let kind = view
        .column
        .pages
        .get(page)
        .and_then(|page| page.encoding.as_ref().ok())
        .map(|encoding| &encoding.root.kind);
    match (view.version, declared) {
        (FileVersion::V2_0, _) => {
            let got = match kind {
                Some(Kind::Fsst { .. }) => "Fsst(Fsst",
                Some(Kind::Dictionary { .. }) => "Dictionary(Dictionary",
                Some(Kind::Nullable(_)) => "Nullable(Nullable",
                _ => "Binary(Binary",
            };
            let finding = finding
                .reader(
                    take,
                    format!(
                        "panics: Expected a struct encoding because we have a struct field in the \
                         schema but got the encoding Legacy(ArrayEncoding {{ array_encoding: \
                         Some({got} {{ …"
                    ),
                )
                .reader(
                    "to_table()",
                    "fails: Lance reader producer terminated before end of stream (pylance 14), \
                     Task was aborted (0.32)",
                );
            match declared {
                BlobDeclaration::V1 => finding.reader(
                    "scanner(blob_handling=\"all_binary\")",
                    "still reads it (pylance 14)",
                ),
                BlobDeclaration::V2 => finding,
            }
        }
        (FileVersion::V2_1, BlobDeclaration::V2) => finding.reader(
            format!("to_table() and {take}"),
            "fail: invalid variable-width layout for Struct(\"position\": UInt64, \"size\": \
             UInt64): Invalid argument error: Expected 0 buffers in array of type Struct(…",
        ),
        (_, BlobDeclaration::V1) => finding
            .reader(
                format!("to_table() and {take}"),
                "fail: there were more fields in the schema than provided column indices / infos",
            )
            .reader(
                "scanner(blob_handling=\"all_binary\")",
                "still reads it (pylance 14)",
            ),
        (_, BlobDeclaration::V2) => {
            let effect = match kind {
                Some(Kind::ConstantLayout { .. } | Kind::Planar) => {
                    "fail: Scalar value buffer does not support nested data type Struct([Field { \
                     name: \"kind\", …, or: invalid variable-width layout for Struct(\"kind\": …"
                }
                _ => {
                    "fail: invalid variable-width layout for Struct(\"kind\": non-null UInt8, …): \
                     Invalid argument error: Expected 0 buffers in array of type Struct(…"
                }
            };
            finding.reader(
                format!("to_table(), with blob_handling=\"all_binary\" too, and {take}"),
                effect,
            )
        }
    }
}

fn cause(view: &ColumnView<'_>, declared: BlobDeclaration) -> String {
    let what = match declared {
        BlobDeclaration::V1 => "`lance-encoding:blob`",
        BlobDeclaration::V2 => "the extension lance.blob.v2",
    };
    let Some(in_file) = view.field_in_file() else {
        return match view.file.snapshot {
            Some(_) => format!(
                "the manifest's field has {what}; the data file's own schema does not know the field"
            ),
            None => format!(
                "the file's schema has {what}, so its writer knew of it and wrote plain values all the same"
            ),
        };
    };
    if in_file.blob().is_some() {
        return format!(
            "the data file's own schema has {} too, so its writer knew of it and wrote plain \
             values all the same",
            declaration(in_file, in_file.blob().unwrap_or(declared))
        );
    }
    let daft = match (declared, view.version) {
        (BlobDeclaration::V1, FileVersion::V2_0) => {
            " (Daft up to 0.5.11 did: Eventual-Inc/Daft issue 4939)"
        }
        _ => "",
    };
    format!(
        "the manifest's field has {what}, the data file's own schema has not: the writer dropped \
         field metadata{daft}, or data that was written plain was committed under this schema"
    )
}

fn help(finding: Finding, view: &ColumnView<'_>, declared: BlobDeclaration) -> Finding {
    let field: &Field = view.field;
    let Some(snapshot) = view.file.snapshot else {
        return finding;
    };
    let plain = fix_commit_plain(snapshot, field, type_in_file(view));
    let bytes = view
        .field_in_file()
        .is_none_or(|field| matches!(&*field.type_text, "binary" | "large_binary" | "struct"));
    let real = |plain: Option<&Remedy>| match bytes && field.parent.is_none() {
        true => fix_rewrite(view.schema, field, view.version, plain),
        false => None,
    };
    match declared {
        // A metadata update of a 2.2 dataset turns what is left of a v1 key into v2 first, and is then
        // refused.
        BlobDeclaration::V1 if view.version < FileVersion::V2_2 => {
            finding.help(fix_drop_key(field)).help_all(real(None))
        }
        _ => {
            let real = real(Some(&plain));
            finding.help(plain).help_all(real)
        }
    }
}
