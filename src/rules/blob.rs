//! What the blob rules share: how a column is stored, and the ways to mend it.

use super::{ColumnView, mends};
use crate::finding::{Finding, Marked};
use crate::model::schema::{BLOB_KEY, BlobDeclaration, Field};
use crate::typing::blob::{Storage, V1_DESCRIPTORS, V2_DESCRIPTORS};

/// How a blob field says that it is one, as a user would look it up.
pub fn declaration(field: &Field, declared: BlobDeclaration) -> String {
    match declared {
        BlobDeclaration::V1 => {
            let value = field.metadata.get(BLOB_KEY).map_or("", String::as_str);
            format!("{BLOB_KEY} = {value}")
        }
        BlobDeclaration::V2 => "extension lance.blob.v2".to_string(),
    }
}

/// The first page stored in a way that `wanted` accepts, and how many there are.
pub fn pages_stored(
    view: &ColumnView<'_>,
    wanted: impl Fn(&Storage) -> bool,
) -> Option<(usize, Storage, u64)> {
    let mut first = None;
    let mut count = 0;
    let mut at = 0;
    for (end, stored) in view.stored {
        if wanted(stored) {
            count += u64::try_from(end.saturating_sub(at)).unwrap_or(u64::MAX);
            first.get_or_insert((at, stored));
        }
        at = *end;
    }
    first.map(|(at, stored)| (at, stored.clone(), count))
}

/// What the pages of a blob field should hold in this file.
pub fn expected_storage(view: &ColumnView<'_>) -> &'static str {
    use crate::model::version::FileVersion;
    match view.version {
        FileVersion::V0_1 => "no blob: 0.1 files cannot hold any",
        FileVersion::V2_0 => "packed_struct(position u64, size u64) under a blob column encoding",
        FileVersion::V2_1 => "a blob layout around packed_struct(position u64, size u64)",
        FileVersion::V2_2 | FileVersion::V2_3 => V2_DESCRIPTORS,
    }
}

/// Adds the page's encoding with one of its nodes marked, and what was expected and found.
pub fn with_page(
    finding: Finding,
    view: &ColumnView<'_>,
    page: usize,
    node: Vec<usize>,
    expected: &str,
) -> Finding {
    let place = view.page_place(page);
    let Some(Ok(encoding)) = view.column.pages.get(page).map(|page| &page.encoding) else {
        return finding.at(place);
    };
    finding
        .at(place)
        .instead(expected, encoding.notation.as_ref())
        .tree(Marked {
            encoding: encoding.clone(),
            node,
            note: format!("expected {expected}"),
        })
}

/// The descriptors that a version of blob is stored as.
pub fn descriptors(declared: BlobDeclaration) -> &'static str {
    match declared {
        BlobDeclaration::V1 => V1_DESCRIPTORS,
        BlobDeclaration::V2 => V2_DESCRIPTORS,
    }
}

/// Python that takes the blob key away from a field and leaves its other metadata.
pub fn mend_drop_key(field: &Field) -> String {
    let rest: Vec<String> = field
        .metadata
        .iter()
        .filter(|(key, _)| *key != BLOB_KEY)
        .map(|(key, value)| format!("{key:?}: {value:?}"))
        .collect();
    let rest = rest.join(", ");
    let path = &field.path;
    format!(
        "to keep it a plain column, take the key away (no data is rewritten; before pylance 14: \
         ds.replace_field_metadata({path:?}, {{{rest}}})):\n\
         ds = lance.dataset(uri)\n\
         ds.update_field_metadata({{{path:?}: {{{rest}}}}}, replace=True)"
    )
}

/// Python that makes a field plain that cannot be a blob. Only a commit of another schema takes the
/// extension of v2 blobs away: a change of the field's metadata leaves it.
pub fn mend_plain(field: &Field, declared: BlobDeclaration, arrow_type: &str) -> String {
    match declared {
        BlobDeclaration::V1 => mend_drop_key(field),
        BlobDeclaration::V2 => mend_commit_plain(field, arrow_type),
    }
}

/// Python that commits the schema anew with a plain field.
pub fn mend_commit_plain(field: &Field, arrow_type: &str) -> String {
    let name = &field.name;
    if field.parent.is_some() {
        return format!(
            "commit the schema with `{}` as plain {arrow_type} in it, all names, order and nesting \
             as they are:\n{}",
            field.path,
            mends::commit("", "plain_schema")
        );
    }
    let plain = format!("pa.field({name:?}, {arrow_type})");
    format!(
        "commit the schema with a plain field, all names and their order as they are (no data \
         is rewritten):\n{}",
        mends::commit_field(name, &plain)
    )
}

/// Python that reads the values and writes them as v1 blobs.
pub fn mend_rewrite_v1(field: &Field, version: &str) -> String {
    let name = &field.name;
    format!(
        "to make it real blobs, read the values and write them anew (pylance 14):\n\
         table = lance.dataset(uri).scanner(blob_handling=\"all_binary\").to_table()\n\
         blob = pa.field({name:?}, pa.large_binary(), metadata={{\"{BLOB_KEY}\": \"true\"}})\n\
         fields = [blob if f.name == {name:?} else f for f in table.schema]\n\
         table = table.cast(pa.schema(fields))\n\
         lance.write_dataset(table, new_uri, data_storage_version=\"{version}\")"
    )
}

/// Python that reads a column that was made plain and writes it as v2 blobs.
pub fn mend_rewrite_v2(field: &Field) -> String {
    let name = &field.name;
    format!(
        "to make it real blobs then, read the plain column and write it anew:\n\
         table = lance.dataset(uri).to_table()\n\
         blobs = lance.blob_array(table[{name:?}].to_pylist())\n\
         at = table.schema.get_field_index({name:?})\n\
         table = table.set_column(at, lance.blob_field({name:?}), blobs)\n\
         lance.write_dataset(table, new_uri, data_storage_version=\"2.2\")"
    )
}

/// The pyarrow constructor of a logical type of plain columns.
pub fn arrow_type(type_text: &str) -> String {
    match type_text {
        "string" | "large_string" | "binary" | "large_binary" | "int8" | "int16" | "int32"
        | "int64" | "uint8" | "uint16" | "uint32" | "uint64" => format!("pa.{type_text}()"),
        "bool" => "pa.bool_()".to_string(),
        "float" => "pa.float32()".to_string(),
        "double" => "pa.float64()".to_string(),
        other => format!("the type that the data file has ({other})"),
    }
}

/// The type of the field as the file's writer knew it.
pub fn type_in_file(view: &ColumnView<'_>) -> String {
    let known = view.field_in_file().filter(|field| field.blob().is_none());
    arrow_type(known.map_or("large_binary", |field| &field.type_text))
}
