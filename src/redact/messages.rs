//! Messages with the names that a [`Redactor`] shows in place of their own.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::{Named, Redactor};
use crate::format::proto::lance::file::{Field, FileDescriptor};
use crate::format::proto::lance::table::data_fragment::{
    CreatedAtVersionSequence, LastUpdatedAtVersionSequence, RowIdSequence,
};
use crate::format::proto::lance::table::{DataFragment, IndexSection, Manifest, Transaction};
use crate::hash::HashMap;

/// The extension name of v2 blobs, whose fields in a file have names of Lance's.
const BLOB_V2: &str = "lance.blob.v2";
/// The key by which a field says what is to be ignored of it.
const IGNORE_KEY: &str = "lance-lint:ignore";
/// How the names of indices begin that Lance keeps for itself.
const INTERNAL: &str = "__lance_";
/// Fields of the descriptors of v2 blobs.
const BLOB_FIELDS: &[&str] = &[
    "kind",
    "data",
    "uri",
    "position",
    "size",
    "blob_id",
    "blob_uri",
    "blob_size",
];
/// Names that Arrow and Lance give to the fields below lists and maps.
const NESTED_FIELDS: &[&str] = &[
    "item",
    "element",
    "entries",
    "key_value",
    "key",
    "keys",
    "value",
    "values",
];

/// Whether a metadata key is Lance's or Arrow's, or was meant to be: rules look at these.
pub fn is_format_key(key: &str) -> bool {
    let bare: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    key == "packed" || key.starts_with("ARROW:") || bare.starts_with("lance")
}

/// Whether the value of a metadata key says how data is stored, and is no matter of the user's.
pub fn is_format_value(key: &str, value: &str) -> bool {
    match key {
        "ARROW:extension:name" => is_format_extension(value),
        "packed" => true,
        key => key.starts_with("lance-encoding:") || key.starts_with("lance-schema:"),
    }
}

/// Whether an extension name is one of Lance's, Arrow's or the like.
fn is_format_extension(name: &str) -> bool {
    let known = ["lance.", "arrow.", "geoarrow."];
    known.iter().any(|prefix| name.starts_with(prefix))
}

/// Redacts a manifest.
pub fn manifest(redactor: &Redactor, message: &mut Manifest) {
    fields(redactor, &mut message.fields);
    for base in &mut message.base_paths {
        base.path = redactor.base(&base.path);
        base.name = base.name.as_ref().map(|name| redactor.value(name));
    }
    bytes_map(redactor, &mut message.schema_metadata);
    text_map(redactor, &mut message.table_metadata);
    text_map(redactor, &mut message.config);
    message.tag = redactor.tag(&message.tag);
    message.branch = message
        .branch
        .as_ref()
        .map(|branch| redactor.branch(branch));
    for each in &mut message.fragments {
        fragment(redactor, each);
    }
    message.transaction_file = redactor.relative(&message.transaction_file);
}

fn fragment(redactor: &Redactor, fragment: &mut DataFragment) {
    let overlays = fragment.overlays.iter_mut();
    let overlays = overlays.filter_map(|overlay| overlay.data_file.as_mut());
    for file in fragment.files.iter_mut().chain(overlays) {
        file.path = redactor.relative(&file.path);
    }
    if let Some(RowIdSequence::ExternalRowIds(file)) = &mut fragment.row_id_sequence {
        file.path = redactor.relative(&file.path);
    }
    if let Some(LastUpdatedAtVersionSequence::ExternalLastUpdatedAtVersions(file)) =
        &mut fragment.last_updated_at_version_sequence
    {
        file.path = redactor.relative(&file.path);
    }
    if let Some(CreatedAtVersionSequence::ExternalCreatedAtVersions(file)) =
        &mut fragment.created_at_version_sequence
    {
        file.path = redactor.relative(&file.path);
    }
    text_map(redactor, &mut fragment.metadata);
}

/// Redacts the indices of a manifest.
pub fn indices(redactor: &Redactor, section: &mut IndexSection) {
    for index in &mut section.indices {
        if !index.name.starts_with(INTERNAL) {
            index.name = redactor.name(Named::Index, &index.name);
        }
        if let Some(uuid) = &mut index.uuid {
            uuid.uuid = redactor.uuid(&uuid.uuid);
        }
        for file in &mut index.files {
            file.path = redactor.relative(&file.path);
        }
        text_map(redactor, &mut index.metadata);
    }
}

/// Redacts the record of a commit.
pub fn transaction(redactor: &Redactor, message: &mut Transaction) {
    message.tag = redactor.tag(&message.tag);
    message.uuid = redactor.name(Named::File, &message.uuid);
    text_map(redactor, &mut message.transaction_properties);
}

/// Redacts the schema in a data file; what does not decode stays as it is.
pub fn descriptor(redactor: &Redactor, bytes: Bytes) -> Bytes {
    let Ok(mut message) = FileDescriptor::decode(bytes.clone()) else {
        return bytes;
    };
    let Some(schema) = &mut message.schema else {
        return bytes;
    };
    fields(redactor, &mut schema.fields);
    bytes_map(redactor, &mut schema.metadata);
    Bytes::from(message.encode_to_vec())
}

/// What a field is to the names below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Above {
    Struct,
    List,
    Map,
    Blob,
}

/// Redacts the fields of a schema.
pub fn fields(redactor: &Redactor, fields: &mut [Field]) {
    let mut known: HashMap<i32, (i32, Above)> = HashMap::default();
    // The fields of a v2 blob in a data file have no ids and stand behind it.
    let mut behind_blob = false;
    for field in fields {
        let extension = field.metadata.get("ARROW:extension:name");
        let is_blob =
            field.extension_name == BLOB_V2 || extension.is_some_and(|name| name == BLOB_V2);
        let kind = match field.logical_type.as_str() {
            _ if is_blob => Above::Blob,
            "struct" => Above::Struct,
            "map" => Above::Map,
            _ => Above::List,
        };
        let is_part = field.id < 0 && field.parent_id < 0;
        let of = |id: i32| known.get(&id).filter(|_| id >= 0).copied();
        let parent = of(field.parent_id);
        let grandparent = parent.and_then(|(above, _)| of(above));
        let own: &[&str] = match (parent, grandparent) {
            (Some((_, Above::List | Above::Map)), _) | (_, Some((_, Above::Map))) => NESTED_FIELDS,
            (Some((_, Above::Blob)), _) => BLOB_FIELDS,
            (None, _) if is_part && behind_blob => BLOB_FIELDS,
            _ => &[],
        };
        if !is_part {
            known.entry(field.id).or_insert((field.parent_id, kind));
            behind_blob = is_blob;
        }
        if !own.contains(&field.name.as_str()) {
            field.name = redactor.column(&field.name);
        }
        if !field.extension_name.is_empty() && !is_format_extension(&field.extension_name) {
            field.extension_name = redactor.value(&field.extension_name);
        }
        bytes_map(redactor, &mut field.metadata);
    }
}

fn key(redactor: &Redactor, key: &str) -> String {
    match is_format_key(key) {
        true => key.to_string(),
        false => redactor.name(Named::Key, key),
    }
}

fn value(redactor: &Redactor, key: &str, value: &str) -> String {
    if key == IGNORE_KEY && redactor.redacting() {
        return ignored(redactor, value);
    }
    match is_format_value(key, value) {
        true => value.to_string(),
        false => redactor.value(value),
    }
}

/// The rules that a field asks to be ignored stay; why they are is the user's.
fn ignored(redactor: &Redactor, value: &str) -> String {
    let (rules, reason) = value.split_once(':').unwrap_or((value, ""));
    let named = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | ',' | ' ');
    match (rules.chars().all(named), reason.trim()) {
        (false, _) => redactor.value(value),
        (true, "") => value.to_string(),
        (true, reason) => format!("{rules}: {}", redactor.value(reason)),
    }
}

fn text_map(redactor: &Redactor, map: &mut BTreeMap<String, String>) {
    let redacted = std::mem::take(map).into_iter();
    let redacted =
        redacted.map(|(name, text)| (key(redactor, &name), value(redactor, &name, &text)));
    *map = redacted.collect();
}

fn bytes_map(redactor: &Redactor, map: &mut BTreeMap<String, Bytes>) {
    let redacted = std::mem::take(map).into_iter().map(|(name, bytes)| {
        let shown = match std::str::from_utf8(&bytes) {
            Ok(text) => Bytes::from(value(redactor, &name, text)),
            // Bytes that are no text stay so, and their like stays alike.
            Err(_) if redactor.redacting() => {
                let text = redactor.value(&format!("{bytes:?}"));
                Bytes::from([b"\xff", text.as_bytes()].concat())
            }
            Err(_) => bytes,
        };
        (key(redactor, &name), shown)
    });
    *map = redacted.collect();
}
