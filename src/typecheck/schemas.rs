//! The schema of a manifest beside the schema of a data file: the best evidence of what a writer
//! really wrote, since readers take types and names from the manifest alone.

use super::want::ExpectedType;
use super::{Mismatch, StoredType, misfit};
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};
use crate::model::version::FileVersion;

/// A field that the two schemas do not agree on. Numbers are indices into the fields of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The same field id has another type.
    Type {
        /// In the manifest.
        at: usize,
        /// In the file.
        in_file: usize,
    },
    /// The field id is that of another field, while the field of this name is there beside it, or
    /// is that of a field within another parent.
    Swapped {
        /// In the manifest.
        at: usize,
        /// The field of the same id in the file.
        in_file: usize,
    },
    /// The children of a packed struct stand in another order.
    Order {
        /// The struct, in the manifest.
        at: usize,
    },
}

impl Difference {
    /// The field that it is about, in the manifest's schema.
    pub fn at(&self) -> usize {
        match self {
            Self::Type { at, .. } | Self::Swapped { at, .. } | Self::Order { at } => *at,
        }
    }
}

/// Compares the two, field id by field id, as the reader of a version takes them. What follows from
/// another type of a field above is left out, and types that no reader can build.
pub fn differences(
    version: FileVersion,
    manifest: &FieldTree,
    file: &FieldTree,
) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    for (at, field) in manifest.fields.iter().enumerate() {
        let Some(in_file) = (field.id >= 0).then(|| file.index_of(field.id)).flatten() else {
            continue;
        };
        let Some(other) = file.fields.get(in_file) else {
            continue;
        };
        let elsewhere = match field.name == other.name {
            true => is_moved(manifest, file, field, other),
            false => is_swapped(manifest, file, field, other),
        };
        if elsewhere {
            found.push(Difference::Swapped { at, in_file });
        } else if field.blob().is_some() || other.blob().is_some() {
            continue;
        } else if field.type_text != other.type_text {
            let above = |difference: &Difference| match difference {
                Difference::Type { at: above, .. } => manifest.ancestors(at).any(|at| at == *above),
                _ => false,
            };
            let reads = reading(version, other, field);
            if reads != Reading::Same && is_sound(field) && !found.iter().any(above) {
                found.push(Difference::Type { at, in_file });
            }
        } else if field.packed() && is_reordered(manifest, file, field, other) {
            found.push(Difference::Order { at });
        }
    }
    found
}

/// Whether readers can build the type of a field at all; if not, a rule of its own is about it.
fn is_sound(field: &Field) -> bool {
    match &field.logical_type {
        LogicalType::Unknown => false,
        LogicalType::FixedSizeList { dimension, .. } => *dimension > 0,
        LogicalType::List | LogicalType::Map | LogicalType::FixedSizeListStruct => {
            !field.children.is_empty()
        }
        _ => true,
    }
}

/// Whether children of a struct were written that are not read, or in another order.
fn is_reordered(manifest: &FieldTree, file: &FieldTree, field: &Field, other: &Field) -> bool {
    let ids = |schema: &FieldTree, field: &Field| -> Vec<i32> {
        let children = field.children.iter();
        children
            .filter_map(|child| Some(schema.fields.get(*child)?.id))
            .collect()
    };
    let (read, written) = (ids(manifest, field), ids(file, other));
    let common = |ids: &[i32], others: &[i32]| -> Vec<i32> {
        let ids = ids.iter().copied();
        ids.filter(|id| others.contains(id)).collect()
    };
    let lacks = written.iter().any(|id| !read.contains(id));
    lacks || common(&read, &written) != common(&written, &read)
}

/// Whether a field of another name goes by the id of this one, while the file has one of this
/// name beside it that the manifest gives another id: a rename alone leaves no such field behind.
fn is_swapped(manifest: &FieldTree, file: &FieldTree, field: &Field, other: &Field) -> bool {
    // The field of this path is there, under an id that the manifest gives to another.
    let mut fields = file.fields.iter();
    let twin = fields.find(|twin| twin.path == field.path && twin.id != field.id);
    let twin = twin.and_then(|twin| manifest.by_id(twin.id));
    if twin.is_some_and(|twin| twin.path == other.path) {
        return true;
    }
    let siblings = match other.parent.and_then(|parent| file.fields.get(parent)) {
        Some(parent) => &parent.children,
        None => &file.roots,
    };
    let mut siblings = siblings.iter().filter_map(|at| file.fields.get(*at));
    let Some(namesake) = siblings.find(|sibling| sibling.name == field.name) else {
        return false;
    };
    let taken = manifest.by_id(namesake.id);
    taken.is_some_and(|taken| taken.name != field.name && taken.parent == field.parent)
}

/// Whether a field was written within another struct, or in none. Of other parents readers take
/// the first child, whatever its id.
fn is_moved(manifest: &FieldTree, file: &FieldTree, field: &Field, other: &Field) -> bool {
    let parent = |at: Option<usize>, schema: &FieldTree| match schema.fields.get(at?) {
        Some(parent) if parent.logical_type == LogicalType::Struct => Some(Some(parent.id)),
        _ => Some(None),
    };
    match (parent(field.parent, manifest), parent(other.parent, file)) {
        // Without a parent that stands before it, a field is nowhere.
        _ if manifest.orphan.is_some() => false,
        (Some(None), _) | (_, Some(None)) => false,
        (read, written) => read != written,
    }
}

/// What readers make of values written as one type and read as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As written.
    Same,
    /// The same bytes, under another name for what they mean.
    Alike,
    /// Something else, or nothing.
    Wrong(Mismatch),
}

/// Compares what was written with what is read, for two types of one field id.
pub fn reading(version: FileVersion, written: &Field, read: &Field) -> Reading {
    let (from, to) = (&written.logical_type, &read.logical_type);
    if let (
        LogicalType::Variable { utf8, large },
        LogicalType::Variable {
            utf8: other_utf8,
            large: other_large,
        },
    ) = (from, to)
    {
        // 2.0 stores offsets in one way for both.
        if large == other_large || version == FileVersion::V2_0 {
            // Strings are bytes too; bytes may be no strings.
            return match *utf8 || utf8 == other_utf8 {
                true => Reading::Same,
                false => Reading::Alike,
            };
        }
    }
    if from.is_nested() || to.is_nested() {
        return match family(&written.type_text) == family(&read.type_text) {
            true => Reading::Same,
            false => Reading::Wrong(Mismatch::Fails("fails, or panics")),
        };
    }
    // From 2.1 on a dictionary reads as its values.
    if matches!(from, LogicalType::Dictionary { .. })
        && is_value_of(&read.type_text, &written.type_text)
        && version.is_structural()
    {
        return Reading::Same;
    }
    let unknown = |logical_type: &LogicalType| *logical_type == LogicalType::Unknown;
    if unknown(from) || unknown(to) {
        return Reading::Same;
    }
    match misfit(
        &ExpectedType::of_type(to),
        &shape(&ExpectedType::of_type(from)),
        false,
    ) {
        Some(misfit) => Reading::Wrong(misfit),
        None => match (stem(&written.type_text), stem(&read.type_text)) {
            (from, to) if from == to && from.starts_with("dict") => Reading::Same,
            (from, to) if from == to => Reading::Alike,
            _ => Reading::Wrong(Mismatch::Silent),
        },
    }
}

/// Whether a type is that of the values of a dictionary, by their spelling: `dict:VALUE:KEY:…`.
fn is_value_of(text: &str, dictionary: &str) -> bool {
    let rest = dictionary.strip_prefix("dict:");
    let rest = rest.and_then(|rest| rest.strip_prefix(text));
    rest.is_some_and(|rest| rest.starts_with(':'))
}

/// List and large list read alike.
fn family(type_text: &str) -> &str {
    let text = type_text.strip_prefix("large_").unwrap_or(type_text);
    text.strip_suffix(".struct").unwrap_or(text)
}

/// What a type is without the parameters that change how its values are shown and not what they
/// are: the time zone of a timestamp, the precision of a decimal.
fn stem(type_text: &str) -> String {
    let parts: Vec<&str> = type_text.split(':').collect();
    match parts.as_slice() {
        ["timestamp", unit, ..] => format!("timestamp:{unit}"),
        ["decimal", bits, _, scale] => format!("decimal:{bits}:{scale}"),
        ["dict", value, key, ..] => format!("dict:{value}:{key}"),
        _ => type_text.to_string(),
    }
}

/// What a column of a type yields.
fn shape(want: &ExpectedType) -> StoredType {
    match want {
        ExpectedType::Null => StoredType::Nulls,
        ExpectedType::Fixed(bits) => StoredType::Fixed(*bits),
        ExpectedType::Variable { large, .. } => StoredType::Variable(if *large { 64 } else { 32 }),
        ExpectedType::FixedSizeList(dimension, item) => {
            StoredType::FixedSizeList(*dimension, Box::new(shape(item)))
        }
        ExpectedType::Dictionary { key_bits, value } => StoredType::Dictionary {
            indices: Box::new(StoredType::Fixed(*key_bits)),
            items: Box::new(shape(value)),
        },
        ExpectedType::Struct(children) => {
            StoredType::PackedStruct(children.iter().map(shape).collect())
        }
        ExpectedType::Unknown => StoredType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::proto::lance::file::Field as WireField;

    fn tree(fields: &[(i32, &str, &str)]) -> FieldTree {
        let fields: Vec<WireField> = fields
            .iter()
            .map(|(id, name, logical_type)| WireField {
                id: *id,
                parent_id: -1,
                name: (*name).to_string(),
                logical_type: (*logical_type).to_string(),
                ..WireField::default()
            })
            .collect();
        FieldTree::new(&fields)
    }

    #[test]
    fn a_rename_is_no_swap() {
        let file = tree(&[(0, "a", "int32"), (1, "b", "int32")]);
        let renamed = tree(&[(0, "c", "int32"), (1, "b", "int32")]);
        assert_eq!(differences(FileVersion::V2_1, &renamed, &file), []);
        let dropped_and_renamed = tree(&[(0, "b", "int32")]);
        assert_eq!(
            differences(FileVersion::V2_1, &dropped_and_renamed, &file),
            []
        );
        let swapped = tree(&[(0, "b", "int32"), (1, "a", "int32")]);
        assert_eq!(differences(FileVersion::V2_1, &swapped, &file).len(), 2);
    }

    #[test]
    fn types_that_read_alike_and_types_that_do_not() {
        let read = |version, from: &str, to: &str| {
            let (from, to) = (tree(&[(0, "a", from)]), tree(&[(0, "a", to)]));
            match (from.by_id(0), to.by_id(0)) {
                (Some(from), Some(to)) => reading(version, from, to),
                _ => unreachable!("both trees have the field"),
            }
        };
        use FileVersion::{V2_0, V2_1};
        assert_eq!(read(V2_0, "string", "large_string"), Reading::Same);
        assert!(matches!(
            read(V2_1, "string", "large_string"),
            Reading::Wrong(_)
        ));
        assert_eq!(
            read(V2_1, "timestamp:us:-", "timestamp:us:UTC"),
            Reading::Alike
        );
        assert_eq!(
            read(V2_1, "int32", "float"),
            Reading::Wrong(Mismatch::Silent)
        );
        assert_eq!(
            read(V2_1, "decimal:128:10:2", "decimal:128:10:3"),
            Reading::Wrong(Mismatch::Silent)
        );
    }
}
