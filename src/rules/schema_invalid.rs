use super::fixes::py;
use crate::hash::HashMap;

use super::{Around, DatasetView, FileView, Rule, fixes};
use crate::finding::{Finding, Findings, Place, Remedy, RuleInfo};
use crate::format::SYSTEM_COLUMNS;
use crate::format::proto::lance::file::Field as WireField;
use crate::format::proto::lance::table::DataFragment;
use crate::model::logical_type::{LogicalType, decimal};
use crate::model::schema::{BLOB_V2_EXTENSION, Field, FieldTree};
use crate::model::snapshot::Snapshot;

rule! {
    /// The schema in the manifest is one that readers cannot turn into an Arrow schema, or one in
    /// which fields cannot be told apart. A data file's own schema with a child before its parent
    /// is named here, too.
    ///
    /// ## What readers do
    /// Readers build the schema before anything else. So most of these faults fail or panic for
    /// every column, sound ones too:
    ///
    /// - A type that no Lance knows: panics, `Unsupported logical type: …`.
    /// - A list without an item: panics, `index out of bounds: the len is 0 but the index is 0`.
    /// - Two siblings with one name: panics, `… would lead to duplicate field names`.
    /// - Two fields with one id: `The projection specified the column index … more than once`.
    /// - A child before its parent: `… references parent id …, which must appear earlier`.
    /// - A child of a plain field: `Non-leaf field … has column_index=…`, or other columns are
    ///   handed out.
    /// - No name: `No field named …`.
    /// - A negative id: `TakeExec requires the input plan to have a column named …`.
    /// - A dot in a top-level name: `Top level field … cannot contain …`.
    /// - A top-level column with the name of a system column, such as `_rowid`: panics,
    ///   `… would lead to duplicate field names`.
    /// - A decimal of more digits than Arrow has: `Decimal precision out of range …`.
    /// - No fields at all, beside data files that have some: filters and `take()` fail,
    ///   `No data files found for schema`, and scans give rows without columns.
    /// - Fixed-size lists of 0 items: `… contains a FixedSizeList with dimension …`.
    /// - A map without pairs, or whose key may be null: `Map entries struct must …`,
    ///   `Map key field … must be non-nullable`.
    ///
    /// ## How it comes about
    /// - A tool wrote a manifest of its own.
    /// - A newer Lance that knows more types wrote the dataset.
    /// - pylance up to 0.20 wrote columns called `_rowid` and `_rowaddr`, and up to 0.32 one
    ///   called `_rowoffset`. Newer releases refuse to write them, and cannot read them.
    /// - A bug of Lance's commit left a child without its parent (lance-format/lance#9424).
    ///
    /// ## How to fix it
    /// If a newer Lance wrote it, read it with that. Else go back to the last version that opens,
    /// without what was committed since. If the newest one does not open, `restore()` fails too.
    /// Move its manifest away then:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    ///
    /// Give a column with the name of a system column another name by `alter_columns()`.
    ///
    /// For a nullable map key, commit the schema with the key as it was written. A data file with
    /// a broken schema must be restored from a copy, or written again.
    static INFO = Error "schema-invalid", "the manifest's schema is one that readers cannot build";
}

/// See [`INFO`].
pub struct SchemaInvalid;

/// Ids of the hidden columns of row lineage (lance-core `lib.rs`).
const LINEAGE: std::ops::RangeInclusive<i32> = -5..=-3;

impl Rule for SchemaInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn file(&self, view: &FileView<'_>, findings: &mut Findings) {
        let Ok(data) = view.state else { return };
        let Some((id, parent)) = data.schema.as_ref().and_then(|schema| schema.orphan) else {
            return;
        };
        if data.metadata_start().is_none() {
            return;
        }
        findings.add(
            INFO.finding("a data file's own schema has a child whose parent does not stand before it")
                .at(view.place())
                .instead("a parent that stands before it", format!("field {id} in field {parent}"))
                .reader(
                    "to_table()",
                    format!(
                        "fails: Field … (id={id}) references parent id {parent}, which must appear earlier"
                    ),
                )
                .help("restore the file from a copy, or write it again from its source"),
        );
    }

    fn dataset(&self, view: &DatasetView<'_>, findings: &mut Findings) {
        let Some(snapshot) = view.snapshot else {
            return;
        };
        let fields = &snapshot.message().fields;
        let place = Place {
            file: Some(snapshot.entry.path.clone()),
            ..Place::default()
        };
        let has_columns =
            |fragment: &DataFragment| fragment.files.iter().any(|file| !file.fields.is_empty());
        if fields.is_empty() && snapshot.message().fragments.iter().any(has_columns) {
            findings.add(
                INFO.finding("the schema has no fields, and the data files have columns")
                    .at(place.clone())
                    .instead("the fields that the data files hold", "none")
                    .reader("take()", "fails: No data files found for schema")
                    .help(back(snapshot, &view.around(snapshot), false)),
            );
        }
        let mut names: HashMap<(i32, &str), ()> = HashMap::default();
        let mut ids: HashMap<i32, &WireField> = HashMap::default();
        let mut children: HashMap<i32, usize> = HashMap::default();
        for field in fields.iter().filter(|field| field.parent_id >= 0) {
            *children.entry(field.parent_id).or_default() += 1;
        }
        for field in fields {
            let fault = fault(field, &ids, &children).or_else(|| {
                let twice = names.insert((field.parent_id, &field.name), ()).is_some();
                twice.then(|| Fault {
                    what: "has the name of a field beside it".to_string(),
                    expected: "names that differ",
                    call: "to_table()",
                    effect: "panics: Attempt to add fields … would lead to duplicate field names",
                })
            });
            ids.entry(field.id).or_insert(field);
            if let Some(fault) = fault {
                findings.add(
                    fault
                        .finding(field, snapshot, &view.around(snapshot))
                        .at(place.clone()),
                );
            }
        }
        let tree = &snapshot.schema;
        for map in tree
            .fields
            .iter()
            .filter(|field| field.logical_type == LogicalType::Map)
        {
            let child = |field: &Field| field.children.first().and_then(|at| tree.fields.get(*at));
            let key = child(map).and_then(child);
            if let Some(key) = key.filter(|key| key.nullable) {
                findings.add(
                    INFO.finding(format!(
                        "the key `{}` of map `{}` may be null",
                        key.path, map.path
                    ))
                    .column(&map.path)
                    .at(place.clone())
                    .instead("a key that may hold no nulls", "one that may")
                    .reader(
                        "to_table()",
                        format!(
                            "fails: Map key field '{}' must be non-nullable according to Arrow Map \
                                 specification",
                            key.name
                        ),
                    )
                    .help("commit the schema with the key as it was written"),
                );
            }
        }
        for blob in &tree.fields {
            let Some((found, expected)) = not_of_blob(tree, blob) else {
                continue;
            };
            findings.add(
                INFO.finding(format!(
                    "the children of blob `{}` are not those of a blob",
                    blob.path
                ))
                .column(&blob.path)
                .at(place.clone())
                .instead(expected, found)
                .reader("lance.dataset(uri).schema", "fails: BlobType storage …")
                .help(fixes::GO_BACK),
            );
        }
    }
}

/// The children of a v2 blob in a schema (pylance `blob.py`, `BlobType`): the first two, or all.
const BLOB_V2_CHILDREN: [(&str, &str); 4] = [
    ("data", "large_binary"),
    ("uri", "string"),
    ("position", "uint64"),
    ("size", "uint64"),
];

/// What the children of a v2 blob are and should be, where they are not what readers take.
fn not_of_blob(tree: &FieldTree, blob: &Field) -> Option<(String, &'static str)> {
    let is_v2 = blob.extension.as_deref() == Some(BLOB_V2_EXTENSION);
    if !is_v2 || blob.logical_type != LogicalType::Struct {
        return None;
    }
    let children = blob.children.iter().filter_map(|at| tree.fields.get(*at));
    let children: Vec<(&str, &str)> = children
        .map(|child| (child.name.as_str(), child.type_text.as_str()))
        .collect();
    // So are blobs on their way into a file, which only Lance's own writers see.
    let as_stored = children.iter().any(|(name, _)| *name == "blob_id");
    let fits = children.is_empty()
        || as_stored
        || matches!(children.len(), 2 | 4) && BLOB_V2_CHILDREN.starts_with(&children);
    (!fits).then(|| {
        let found: Vec<String> = children
            .iter()
            .map(|(name, type_text)| format!("{name} {type_text}"))
            .collect();
        (
            found.join(", "),
            "data large_binary, uri string, and either no more or position uint64, size uint64",
        )
    })
}

struct Fault {
    what: String,
    expected: &'static str,
    call: &'static str,
    effect: &'static str,
}

/// The call that a fault breaks when the dataset does not even open.
const OPEN: &str = "lance.dataset(uri)";

/// What is expected of a column with the name of a system column.
const OTHER_NAME: &str = "a name that no system column has";

/// What a reader says of fixed-size lists of 0 items.
const NO_ITEMS: &str = "fails: … contains a FixedSizeList with dimension …";

impl Fault {
    fn finding(self, field: &WireField, snapshot: &Snapshot, around: &Around) -> Finding {
        let name = &field.name;
        let finding = INFO
            .finding(format!(
                "field `{name}` (id {}) of the schema {}",
                field.id, self.what
            ))
            .column(name)
            .instead(self.expected, format!("a field that {}", self.what))
            .reader(self.call, self.effect);
        if self.effect == NO_ITEMS && field.parent_id < 0 {
            return finding.help(Remedy::with_code(format!(
                "drop the column: lists of 0 items hold no value, and the other columns, their rows and \
                 their indices stay as they are:\n\
                 lance.dataset(uri).drop_columns([{}])",
                py(name)
            )));
        }
        if SYSTEM_COLUMNS.contains(&name.as_str()) && self.expected == OTHER_NAME {
            return finding.help(fixes::rename(name, &format!("{name}_column")));
        }
        finding
            .help("if a newer Lance wrote it, read it with that")
            .help(back(snapshot, around, self.call == OPEN))
    }
}

/// How to return to the version before; `restore()` needs a newest version that opens.
fn back(snapshot: &Snapshot, around: &Around, is_unopened: bool) -> Remedy {
    if is_unopened || around.older.is_none() {
        fixes::move_away(snapshot, around)
    } else {
        fixes::GO_BACK.into()
    }
}

fn fault(
    field: &WireField,
    ids: &HashMap<i32, &WireField>,
    children: &HashMap<i32, usize>,
) -> Option<Fault> {
    let fault = |what: String, expected, effect| {
        Some(Fault {
            what,
            expected,
            call: "to_table()",
            effect,
        })
    };
    let unopened = |what: String, expected, effect| {
        Some(Fault {
            what,
            expected,
            call: OPEN,
            effect,
        })
    };
    if field.id < 0 && !LINEAGE.contains(&field.id) {
        return fault(
            "has a negative id".to_string(),
            "an id of 0 or more",
            "fails: TakeExec requires the input plan to have a column named '_rowaddr' or '_rowid'",
        );
    }
    if field.name.contains('\0') {
        return fault(
            "has a name with a zero byte in it".to_string(),
            "a name without one",
            "aborts the process",
        );
    }
    if let Some(other) = ids.get(&field.id) {
        return fault(
            format!("has the id of field `{}`", other.name),
            "an id of its own",
            "fails: The projection specified the column index … more than once",
        );
    }
    if field.parent_id != -1 && !ids.contains_key(&field.parent_id) {
        return unopened(
            format!(
                "is said to be in field {}, which does not stand before it",
                field.parent_id
            ),
            "a parent that stands before it",
            "fails: … references parent id …, which must appear earlier",
        );
    }
    if let Some(parent) = ids.get(&field.parent_id).filter(|_| field.parent_id >= 0) {
        let takes_children = LogicalType::parse(&parent.logical_type).is_nested()
            || parent.extension_name == BLOB_V2_EXTENSION;
        if !takes_children {
            return unopened(
                format!(
                    "is said to be in field `{}`, which is {}",
                    parent.name, parent.logical_type
                ),
                "a parent that is a struct, list or map",
                "fails: Non-leaf field … has column_index=…, or (2.0) to_table() hands out other columns",
            );
        }
    }
    if field.name.is_empty() {
        return fault(
            "has no name".to_string(),
            "a name",
            "fails: No field named …",
        );
    }
    if field.parent_id < 0 && field.name.contains('.') {
        return fault(
            "has a dot in its name".to_string(),
            "a name without dots at the top level",
            "fails: Top level field … cannot contain `.`",
        );
    }
    let is_reserved = SYSTEM_COLUMNS.contains(&field.name.as_str());
    if field.parent_id < 0 && field.id >= 0 && is_reserved {
        return fault(
            "has the name of a system column".to_string(),
            OTHER_NAME,
            match field.name.as_str() {
                "_rowoffset" => "fails: Attempt to merge incompatible fields: …",
                _ => "panics: Attempt to add fields … would lead to duplicate field names",
            },
        );
    }
    if let Some((bits, precision)) = decimal(&field.logical_type) {
        let most = if bits == 128 { 38 } else { 76 };
        if !(1..=most).contains(&precision) {
            return fault(
                format!("is a decimal with a precision of {precision}"),
                "a precision that Arrow allows",
                "fails: Decimal precision out of range …",
            );
        }
    }
    let parsed = LogicalType::parse(&field.logical_type);
    if parsed == LogicalType::Unknown {
        return fault(
            format!(
                "is of the type {:?}, which Lance up to 14.0.2 does not know",
                field.logical_type
            ),
            "a type that Lance knows",
            match field.logical_type.starts_with("decimal:") {
                true => {
                    "panics: invalid digit found in string, or Only Decimal128 and Decimal256 …"
                }
                false => "panics: Unsupported logical type: …",
            },
        );
    }
    let text = &field.logical_type;
    let dimension = match parsed {
        LogicalType::FixedSizeList { dimension, .. } => Some(i64::from(dimension)),
        LogicalType::FixedSizeListStruct => text.rsplit(':').next().and_then(|n| n.parse().ok()),
        _ => None,
    };
    if let Some(dimension) = dimension.filter(|dimension| *dimension <= 0) {
        return fault(
            format!("is a fixed-size list of {dimension} items"),
            "lists of 1 item or more",
            NO_ITEMS,
        );
    }
    let needs_child = matches!(
        parsed,
        LogicalType::List | LogicalType::Map | LogicalType::FixedSizeListStruct
    );
    let is_blob = field.extension_name == BLOB_V2_EXTENSION;
    let entries = ids
        .get(&field.parent_id)
        .filter(|parent| parent.logical_type == "map" && field.parent_id >= 0);
    if entries.is_some() && children.get(&field.id) != Some(&2) {
        return fault(
            "holds the entries of a map that are no pairs of a key and a value".to_string(),
            "a struct of a key and a value",
            "fails: Map entries struct must contain both key and value fields",
        );
    }
    if needs_child && !is_blob && !children.contains_key(&field.id) {
        return fault(
            format!("is a {} without an item", field.logical_type),
            "a child field",
            "panics: index out of bounds: the len is 0 but the index is 0 (lance-core field.rs)",
        );
    }
    None
}
