//! What the blob rules share: how a column is stored, and the ways to fix it.

use super::ColumnView;
use super::fixes::{self, Change};
use crate::finding::{EncodingLabel, Finding, Remedy};
use crate::model::schema::{BLOB_KEY, BlobDeclaration, Field, FieldTree};
use crate::model::snapshot::Snapshot;
use crate::model::version::FileVersion;
use crate::printable::printable;
use crate::typecheck::blob::{Storage, V1_DESCRIPTORS, V2_DESCRIPTORS};

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
        .tree(EncodingLabel {
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

/// Takes the blob key away from a field and leaves its other metadata.
pub fn fix_drop_key(field: &Field) -> Remedy {
    let rest = field.metadata.iter().filter(|(key, _)| *key != BLOB_KEY);
    fixes::replace_metadata(
        "to keep it a plain column, take the key away",
        field,
        rest.map(|(key, value)| (key.as_str(), value.as_str())),
    )
}

/// Makes a field plain that cannot be a blob. Only a commit of another schema takes the extension of
/// v2 blobs away: a change of the field's metadata leaves it.
pub fn fix_plain(
    snapshot: Option<&Snapshot>,
    field: &Field,
    declared: BlobDeclaration,
    logical_type: &str,
) -> Vec<Remedy> {
    match (declared, snapshot) {
        (BlobDeclaration::V1, _) => vec![fix_drop_key(field)],
        (BlobDeclaration::V2, Some(snapshot)) => {
            vec![fix_commit_plain(snapshot, field, logical_type)]
        }
        (BlobDeclaration::V2, None) => Vec::new(),
    }
}

/// Commits the schema with a plain field.
pub fn fix_commit_plain(snapshot: &Snapshot, field: &Field, logical_type: &str) -> Remedy {
    let committed = fixes::commit_fields(
        &format!(
            "commit the schema with `{}` as plain {logical_type}",
            field.path
        ),
        snapshot,
        &[(field, Change::Plain(logical_type))],
    );
    committed.unwrap_or_else(|| {
        "no safe way by public calls: write the column again from its source, as what it is stored as"
            .into()
    })
}

/// Reads the values and writes them to a new dataset as blobs of the kind that a version has. `plain`
/// is the commit that makes them readable, where they are not.
pub fn fix_rewrite(
    schema: &FieldTree,
    field: &Field,
    version: FileVersion,
    plain: Option<&Remedy>,
) -> Option<Remedy> {
    let code = fixes::copy_code(schema, &[field], Some(version))?;
    let lacks = fixes::COPY_LACKS;
    let path = printable(&field.path);
    let Some(plain) = plain else {
        return Some(Remedy::with_code(format!(
            "to make `{path}` real blobs, read the values and write them to a new dataset ({lacks}; \
             pylance 14):\n{code}"
        )));
    };
    let (_, commit) = plain.text.split_once('\n')?;
    Some(Remedy {
        text: format!(
            "to make `{path}` real blobs, commit the schema with it as plain bytes, then read the values \
             and write them to a new dataset ({lacks}; pylance 14):\n{commit}\n{code}"
        ),
        scope: plain.scope.clone(),
    })
}

/// The logical type of the field as the file's writer knew it.
pub fn type_in_file<'a>(view: &'a ColumnView<'_>) -> &'a str {
    let known = view.field_in_file().filter(|field| field.blob().is_none());
    known.map_or("large_binary", |field| &field.type_text)
}
