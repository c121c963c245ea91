//! The schema of a manifest or of a data file, as a tree of fields.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::hash::HashMap;

use super::logical_type::LogicalType;
use crate::format::limits::{MAX_FIELD_PATH_BYTES, MAX_SCHEMA_DEPTH};
use crate::format::proto::lance::file::Field as WireField;
/// Whether a path of a field is `outer` or that of a field below it.
pub fn is_within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The key by which a field says itself which rules are to be ignored for it.
pub const IGNORE_KEY: &str = "lance-lint:ignore";

/// The field metadata key that declares a v1 blob. Its mere presence counts, whatever its
/// value (lance-core `field.rs`, `is_blob`).
pub const BLOB_KEY: &str = "lance-encoding:blob";
/// The field metadata key of Arrow extension names.
pub const EXTENSION_KEY: &str = "ARROW:extension:name";
/// The extension name that declares a v2 blob.
pub const BLOB_V2_EXTENSION: &str = "lance.blob.v2";
/// The two field metadata keys that ask for a packed struct.
pub const PACKED_KEYS: [&str; 2] = ["packed", "lance-encoding:packed"];

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its id; data files name it by this.
    pub id: i32,
    /// Its own name.
    pub name: String,
    /// Its name with those of its parents, joined by dots; a name that holds a dot or a
    /// backtick is quoted in backticks, as in Lance's field paths.
    pub path: String,
    /// Its type as spelt.
    pub type_text: String,
    /// Its type.
    pub logical_type: LogicalType,
    /// Whether nulls are allowed.
    pub nullable: bool,
    /// Its metadata; values that are not UTF-8 have their bad bytes replaced.
    pub metadata: BTreeMap<String, String>,
    /// The extension name, from its own wire field or from the metadata.
    pub extension: Option<String>,
    /// The encoding number, meaningful in 0.1 files only.
    pub legacy_encoding: i32,
    /// Entries of the field's dictionary, which 0.1 keeps for all rows of a file at once.
    pub legacy_dictionary: Option<i64>,
    /// Index of the parent in [`FieldTree::fields`].
    pub parent: Option<usize>,
    /// Indices of the children, in order.
    pub children: Vec<usize>,
    /// 0 for top-level fields.
    pub depth: u32,
    /// Whether it is the struct of descriptors of a v2 blob, as a data file's own schema has it:
    /// the v1 key, and the five children of a descriptor (lance-core `field.rs`,
    /// `is_blob_v2_descriptor`).
    pub blob_descriptor: bool,
}

/// The children of a v2 blob's descriptor, by name and type (lance-core `datatypes.rs`,
/// `BLOB_V2_DESC_FIELDS`).
const BLOB_V2_DESCRIPTOR: [(&str, &str); 5] = [
    ("kind", "uint8"),
    ("position", "uint64"),
    ("size", "uint64"),
    ("blob_id", "uint32"),
    ("blob_uri", "string"),
];

/// Which generation of blob a field declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobDeclaration {
    /// The metadata key `lance-encoding:blob`.
    V1,
    /// The extension `lance.blob.v2`.
    V2,
}

impl Field {
    /// How the field declares itself a blob, if it does.
    pub fn blob(&self) -> Option<BlobDeclaration> {
        if self.extension.as_deref() == Some(BLOB_V2_EXTENSION) || self.blob_descriptor {
            Some(BlobDeclaration::V2)
        } else if self.metadata.contains_key(BLOB_KEY) {
            Some(BlobDeclaration::V1)
        } else {
            None
        }
    }

    /// Whether the field asks to be stored as one packed column, by the test that writers use
    /// (lance-core `field.rs`, `is_packed_struct`).
    pub fn packed(&self) -> bool {
        PACKED_KEYS.iter().any(|key| {
            self.metadata.get(*key).is_some_and(|value| {
                let value = value.to_ascii_lowercase();
                matches!(value.as_str(), "1" | "true" | "on" | "yes" | "y")
            })
        })
    }
}

/// The fields of a schema, depth first.
#[derive(Debug, Clone, Default)]
pub struct FieldTree {
    /// Every field; a parent stands before its children.
    pub fields: Vec<Field>,
    /// Indices of the top-level fields.
    pub roots: Vec<usize>,
    /// The first field whose parent does not stand before it: its id and that of the parent.
    pub orphan: Option<(i32, i32)>,
    by_id: HashMap<i32, usize>,
}

impl FieldTree {
    /// Builds the tree. A field whose parent does not stand before it becomes a top-level
    /// one. The schema of a data file lists the children of a blob's descriptor with ids and
    /// parents of -1, behind the blob; they become its children.
    pub fn new(wire: &[WireField]) -> Self {
        let mut tree = Self::default();
        let mut last_blob: Option<usize> = None;
        for field in wire {
            let mut parent = None;
            if field.parent_id >= 0 {
                parent = tree.by_id.get(&field.parent_id).copied();
                if parent.is_none() {
                    tree.orphan.get_or_insert((field.id, field.parent_id));
                }
            } else if field.parent_id < -1 {
                tree.orphan.get_or_insert((field.id, field.parent_id));
            } else if field.id < 0 {
                parent = last_blob;
            }
            // Readers recurse per level; deeper schemas do not occur, so cut them off here.
            parent = parent.filter(|parent| {
                tree.fields
                    .get(*parent)
                    .is_some_and(|parent| parent.depth < MAX_SCHEMA_DEPTH)
            });
            let index = tree.push(field, parent);
            if parent.is_none() || field.id >= 0 {
                // A v2 blob has its extension in a manifest, and the v1 key in a data file.
                let is_blob = tree.fields.get(index).is_some_and(|field| {
                    let by_key = field.logical_type == LogicalType::Struct;
                    field.blob() == Some(BlobDeclaration::V2)
                        || by_key && field.metadata.contains_key(BLOB_KEY)
                });
                last_blob = is_blob.then_some(index);
            }
        }
        tree.sort_depth_first();
        tree.find_descriptors();
        tree
    }

    fn find_descriptors(&mut self) {
        let is_descriptor = |field: &Field| {
            let mut children = field.children.iter().map(|at| self.fields.get(*at));
            let mut expected = BLOB_V2_DESCRIPTOR.iter();
            field.metadata.contains_key(BLOB_KEY)
                && field.logical_type == LogicalType::Struct
                && field.children.len() == BLOB_V2_DESCRIPTOR.len()
                && children.all(|child| {
                    let child = child.map(|child| (child.name.as_str(), child.type_text.as_str()));
                    child == expected.next().copied()
                })
        };
        let found: Vec<bool> = self.fields.iter().map(is_descriptor).collect();
        for (field, found) in self.fields.iter_mut().zip(found) {
            field.blob_descriptor = found;
        }
    }

    fn push(&mut self, wire: &WireField, parent: Option<usize>) -> usize {
        let index = self.fields.len();
        let metadata: BTreeMap<String, String> = wire
            .metadata
            .iter()
            .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value).into_owned()))
            .collect();
        let extension = Some(wire.extension_name.clone())
            .filter(|name| !name.is_empty())
            .or_else(|| metadata.get(EXTENSION_KEY).cloned());
        let (prefix, depth) = match parent.and_then(|parent| self.fields.get(parent)) {
            Some(parent) if parent.path.len() > MAX_FIELD_PATH_BYTES => {
                ("….".to_string(), parent.depth + 1)
            }
            Some(parent) => (format!("{}.", parent.path), parent.depth + 1),
            None => (String::new(), 0),
        };
        self.fields.push(Field {
            id: wire.id,
            path: format!("{prefix}{}", quoted(&wire.name)),
            name: wire.name.clone(),
            type_text: wire.logical_type.clone(),
            logical_type: LogicalType::parse(&wire.logical_type),
            nullable: wire.nullable,
            metadata,
            extension,
            legacy_encoding: wire.encoding,
            legacy_dictionary: wire.dictionary.as_ref().map(|dictionary| dictionary.length),
            parent,
            children: Vec::new(),
            depth,
            blob_descriptor: false,
        });
        match parent.and_then(|parent| self.fields.get_mut(parent)) {
            Some(parent) => parent.children.push(index),
            None => self.roots.push(index),
        }
        // A second field of the same id does not replace the first.
        self.by_id.entry(wire.id).or_insert(index);
        index
    }

    /// Schemas that grew have new children behind other fields; put each field behind its parent.
    fn sort_depth_first(&mut self) {
        let mut order = Vec::with_capacity(self.fields.len());
        let mut stack: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(index) = stack.pop() {
            order.push(index);
            if let Some(field) = self.fields.get(index) {
                stack.extend(field.children.iter().rev());
            }
        }
        let mut moved = vec![0; self.fields.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(slot) = moved.get_mut(*old) {
                *slot = new;
            }
        }
        let to_new = |old: usize| moved.get(old).copied().unwrap_or(old);
        let mut old_fields: Vec<Option<Field>> = self.fields.drain(..).map(Some).collect();
        let mut fields = Vec::with_capacity(old_fields.len());
        for old in &order {
            if let Some(mut field) = old_fields.get_mut(*old).and_then(Option::take) {
                field.parent = field.parent.map(to_new);
                field.children.iter_mut().for_each(|c| *c = to_new(*c));
                fields.push(field);
            }
        }
        self.roots.iter_mut().for_each(|root| *root = to_new(*root));
        self.by_id.values_mut().for_each(|at| *at = to_new(*at));
        self.fields = fields;
    }

    /// The field of an id.
    pub fn by_id(&self, id: i32) -> Option<&Field> {
        self.fields.get(self.index_of(id)?)
    }

    /// Where the field of an id stands in [`FieldTree::fields`].
    pub fn index_of(&self, id: i32) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Where the field of a path stands. Quoting is optional where it changes nothing.
    pub fn index_of_path(&self, path: &str) -> Option<usize> {
        let exact = self.fields.iter().position(|field| field.path == path);
        exact.or_else(|| {
            self.fields
                .iter()
                .position(|f| f.path.replace('`', "") == path)
        })
    }

    /// A field and all below it, as indices: they stand together, depth first.
    pub fn subtree(&self, at: usize) -> Range<usize> {
        let Some(field) = self.fields.get(at) else {
            return at..at;
        };
        let below = self.fields.iter().skip(at + 1);
        let count = below.take_while(|other| other.depth > field.depth).count();
        at..at + 1 + count
    }

    /// The fields above a field, as indices, the nearest first.
    pub fn ancestors(&self, at: usize) -> impl Iterator<Item = usize> {
        let parent = |at: usize| self.fields.get(at).and_then(|field| field.parent);
        std::iter::successors(parent(at), move |above| parent(*above))
    }

    /// Whether a field stands anywhere below a list, map or fixed-size list.
    pub fn is_below_list(&self, field: &Field) -> bool {
        let parent = field.parent.into_iter();
        let mut above = parent.flat_map(|at| std::iter::once(at).chain(self.ancestors(at)));
        above.any(|at| {
            matches!(
                self.fields.get(at).map(|field| &field.logical_type),
                Some(LogicalType::List | LogicalType::Map | LogicalType::FixedSizeListStruct)
            )
        })
    }
}

fn quoted(name: &str) -> String {
    if name.contains(['.', '`']) {
        format!("`{}`", name.replace('`', "``"))
    } else {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: i32, parent_id: i32, name: &str, logical_type: &str) -> WireField {
        WireField {
            id,
            parent_id,
            name: name.into(),
            logical_type: logical_type.into(),
            ..Default::default()
        }
    }

    #[test]
    fn children_that_were_added_later_stand_behind_their_parent() {
        let tree = FieldTree::new(&[
            field(0, -1, "s", "struct"),
            field(1, 0, "x", "int32"),
            field(2, -1, "a.b", "int32"),
            field(3, 0, "y", "int32"),
        ]);
        let paths: Vec<&str> = tree.fields.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["s", "s.x", "s.y", "`a.b`"]);
        assert_eq!(tree.by_id(3).map(|f| f.name.as_str()), Some("y"));
        assert_eq!(tree.index_of_path("a.b"), Some(3));
    }

    #[test]
    fn flattened_children_of_a_v2_blob_are_given_back() {
        let mut blob = field(0, -1, "b", "struct");
        blob.extension_name = BLOB_V2_EXTENSION.into();
        let tree = FieldTree::new(&[
            blob,
            field(-1, -1, "kind", "uint8"),
            field(-1, -1, "size", "uint64"),
            field(1, -1, "x", "int32"),
        ]);
        assert_eq!(tree.roots.len(), 2);
        let names: Vec<&str> = tree.fields.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(names, ["b", "b.kind", "b.size", "x"]);
    }

    #[test]
    fn the_descriptor_of_a_data_file_is_a_v2_blob() {
        let mut blob = field(1, 0, "b", "struct");
        blob.metadata
            .insert(BLOB_KEY.into(), b"true".as_slice().into());
        let mut wire = vec![field(0, -1, "s", "struct"), blob];
        wire.extend(BLOB_V2_DESCRIPTOR.map(|(name, logical)| field(-1, -1, name, logical)));
        wire.push(field(4, 0, "x", "int32"));
        let tree = FieldTree::new(&wire);
        let blob = tree.by_id(1).map(|blob| (blob.blob(), blob.children.len()));
        assert_eq!(blob, Some((Some(BlobDeclaration::V2), 5)));
        assert_eq!(tree.roots.len(), 1);

        // Another child more, or another type, is no descriptor.
        wire.insert(3, field(-1, -1, "more", "uint8"));
        let tree = FieldTree::new(&wire);
        let blob = tree.by_id(1).and_then(Field::blob);
        assert_eq!(blob, Some(BlobDeclaration::V1));
    }
}
