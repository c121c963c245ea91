//! The join of a schema with the physical columns of a data file.
//!
//! It differs by version (lance-file `versions/v2_0/mod.rs`, `reader/structural.rs`): in 2.0
//! structs and lists have a column of their own, from 2.1 on only leaves have; packed structs and
//! blobs are one column; 0.1 has a page table by field id instead.

use foldhash::fast::RandomState;

use crate::hash::{HashMap, HashSet};

use super::encoding::{Kind, Node};
use super::logical_type::LogicalType;
use super::schema::{BlobDeclaration, Field, FieldTree, PACKED_KEYS};
use super::version::FileVersion;

/// Where a field of a schema is in a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In this physical column (for 0.1 files: in the page table).
    Column(u32),
    /// It has children and needs no column of its own (2.1 and later).
    Structure,
    /// It is stored within the column of a field above it (packed structs and blobs).
    Inside,
    /// It is not in this file.
    Absent,
    /// The file should have it, and the column index given leads nowhere.
    Lost {
        /// The index given; negative for none.
        index: i32,
    },
}

/// Joins a schema with a data file as the manifest maps it: field ids and column indices side
/// by side. The result has one placement per field of the schema.
pub fn join(
    schema: &FieldTree,
    ids: &[i32],
    indices: &[i32],
    version: FileVersion,
    num_columns: u32,
) -> Vec<Placement> {
    let legacy = version == FileVersion::V0_1;
    let mut placed = vec![Placement::Absent; schema.fields.len()];
    let mut taken = HashSet::with_capacity_and_hasher(ids.len(), RandomState::default());
    for (position, id) in ids.iter().enumerate() {
        let Some(at) = (*id >= 0).then(|| schema.index_of(*id)).flatten() else {
            continue;
        };
        let index = match indices.get(position) {
            Some(index) => *index,
            // 0.1 has no column indices: the page table goes by field id.
            None if legacy => i32::try_from(position).unwrap_or(i32::MAX),
            None => -1,
        };
        let column = u32::try_from(index).ok();
        // A v2 blob is a struct, and has a column.
        let nested = schema.fields.get(at).is_some_and(|field| {
            field.logical_type.is_nested() && field.blob() != Some(BlobDeclaration::V2)
        });
        let placement = match column {
            // No two fields share a column.
            Some(column) if legacy || column < num_columns && taken.insert(column) => {
                Placement::Column(column)
            }
            None if nested && version.is_structural() => Placement::Structure,
            _ => Placement::Lost { index },
        };
        if let Some(slot) = placed.get_mut(at) {
            *slot = placement;
        }
    }
    // Whether a field with a column keeps its children in it.
    let mut keeps: HashMap<usize, bool> = HashMap::default();
    // Parents stand before their children, so one pass downwards and one upwards do.
    for at in 0..schema.fields.len() {
        let parent = schema.fields.get(at).and_then(|field| field.parent);
        let parent_place = parent.and_then(|parent| placed.get(parent).copied());
        let within = matches!(parent_place, Some(Placement::Inside))
            || matches!(parent_place, Some(Placement::Column(_)))
                && parent.is_some_and(|parent| {
                    let keeps = keeps.entry(parent);
                    *keeps.or_insert_with(|| holds_children(schema, parent, version, &placed))
                });
        if let Some(slot) = placed
            .get_mut(at)
            .filter(|slot| **slot == Placement::Absent && within)
        {
            *slot = Placement::Inside;
        }
    }
    if version.is_structural() {
        for at in (0..schema.fields.len()).rev() {
            let here = placed.get(at).copied().unwrap_or(Placement::Absent);
            let Some(parent) = schema.fields.get(at).and_then(|field| field.parent) else {
                continue;
            };
            let found = matches!(here, Placement::Column(_) | Placement::Structure);
            let open = |slot: &&mut Placement| found && **slot == Placement::Absent;
            if let Some(slot) = placed.get_mut(parent).filter(open) {
                *slot = Placement::Structure;
            }
        }
    }
    placed
}

/// Whether a field with a column keeps its children in that column: none of them has one.
fn holds_children(
    schema: &FieldTree,
    at: usize,
    version: FileVersion,
    placed: &[Placement],
) -> bool {
    let Some(field) = schema.fields.get(at) else {
        return false;
    };
    let blob_v2 = field.blob() == Some(BlobDeclaration::V2);
    // In 2.0 a struct that is not packed has a header column of its own, whatever its children do.
    let asked = || {
        PACKED_KEYS
            .iter()
            .any(|key| field.metadata.contains_key(*key))
    };
    let packed = matches!(field.logical_type, LogicalType::Struct)
        && (version != FileVersion::V2_0 || asked());
    (blob_v2 || packed)
        && field
            .children
            .iter()
            .all(|child| !matches!(placed.get(*child), Some(Placement::Column(_))))
}

/// Joins a data file with the schema in itself, where no manifest maps ids to columns:
/// writers number columns in depth-first order. `packed` says whether a column is a packed
/// struct, which decides whether the children of a 2.0 struct have columns.
pub fn join_self(
    schema: &FieldTree,
    version: FileVersion,
    num_columns: u32,
    mut is_packed_column: impl FnMut(u32) -> bool,
) -> Vec<Placement> {
    let mut placed = vec![Placement::Absent; schema.fields.len()];
    let mut next = 0u32;
    for at in 0..schema.fields.len() {
        let Some(field) = schema.fields.get(at) else {
            continue;
        };
        let parent = field.parent.and_then(|parent| placed.get(parent).copied());
        let parent_field = field.parent.and_then(|parent| schema.fields.get(parent));
        let inside = matches!(parent, Some(Placement::Inside))
            || parent_field.is_some_and(|parent_field| {
                stored_as_one(parent_field, version)
                    || matches!(parent, Some(Placement::Column(column))
                        if matches!(parent_field.logical_type, LogicalType::Struct)
                            && version == FileVersion::V2_0
                            && is_packed_column(column))
            });
        let placement = if inside {
            Placement::Inside
        } else if version == FileVersion::V0_1 {
            Placement::Column(u32::try_from(at).unwrap_or(u32::MAX))
        } else if version.is_structural()
            && field.logical_type.is_nested()
            && !stored_as_one(field, version)
            && !field.children.is_empty()
        {
            Placement::Structure
        } else {
            let column = next;
            next = next.saturating_add(1);
            if column < num_columns {
                Placement::Column(column)
            } else {
                Placement::Lost {
                    index: i32::try_from(column).unwrap_or(i32::MAX),
                }
            }
        };
        if let Some(slot) = placed.get_mut(at) {
            *slot = placement;
        }
    }
    placed
}

fn stored_as_one(field: &Field, version: FileVersion) -> bool {
    if field.blob() == Some(BlobDeclaration::V2) {
        return true;
    }
    version.is_structural() && field.packed() && matches!(field.logical_type, LogicalType::Struct)
}

/// Whether a page is a packed struct, at its root or right below a layout.
pub fn is_packed_struct(node: &Node) -> bool {
    let packed = |node: &Node| {
        matches!(
            node.kind,
            Kind::PackedStruct { .. } | Kind::VariablePackedStruct { .. }
        )
    };
    packed(node) || node.children.iter().any(|child| packed(&child.node))
}
