//! What a field demands of the pages that hold it.

use std::fmt;

use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};
use crate::model::version::FileVersion;

/// The type of values that a column must yield for its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedType {
    /// Nulls only.
    Null,
    /// Values of so many bits.
    Fixed(u64),
    /// Values of varying length; `large` ones have 64-bit offsets in Arrow.
    Variable {
        /// Whether Arrow offsets have 64 bits.
        large: bool,
        /// Whether the values are strings.
        utf8: bool,
    },
    /// Lists of a fixed number of items.
    FixedSizeList(u64, Box<ExpectedType>),
    /// Indices of so many bits into values.
    Dictionary {
        /// Bits of an index; 0 when its type is none that has bits.
        key_bits: u64,
        /// What the indices point to.
        value: Box<ExpectedType>,
    },
    /// Structs, row by row, in one column.
    Struct(Vec<ExpectedType>),
    /// Not told: blobs, which have rules of their own, and types this build does not know.
    Unknown,
}

impl fmt::Display for ExpectedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nulls only"),
            Self::Fixed(bits) => write!(
                f,
                "values of {bits} bit{}",
                if *bits == 1 { "" } else { "s" }
            ),
            Self::Variable { large: false, .. } => {
                f.write_str("values of varying length with 32-bit offsets")
            }
            Self::Variable { large: true, .. } => {
                f.write_str("values of varying length with 64-bit offsets")
            }
            Self::FixedSizeList(dimension, item) => write!(f, "lists of {dimension} × {item}"),
            Self::Dictionary { key_bits, value } => {
                write!(f, "{key_bits}-bit indices into a dictionary of {value}")
            }
            Self::Struct(children) => write!(f, "packed structs of {} children", children.len()),
            Self::Unknown => f.write_str("values of an unknown kind"),
        }
    }
}

impl ExpectedType {
    /// What a logical type without child fields demands.
    pub fn of_type(logical_type: &LogicalType) -> Self {
        match logical_type {
            LogicalType::Null => Self::Null,
            LogicalType::Fixed { bits } => Self::Fixed(*bits),
            LogicalType::Variable { large, utf8 } => Self::Variable {
                large: *large,
                utf8: *utf8,
            },
            LogicalType::FixedSizeList { item, dimension } => match u64::try_from(*dimension) {
                Ok(dimension) if dimension > 0 => {
                    Self::FixedSizeList(dimension, Box::new(Self::of_type(item)))
                }
                _ => Self::Unknown,
            },
            LogicalType::Dictionary { value, key } => Self::Dictionary {
                key_bits: match **key {
                    LogicalType::Fixed { bits } => bits,
                    _ => 0,
                },
                value: Box::new(Self::of_type(value)),
            },
            LogicalType::FixedSizeListStruct
            | LogicalType::List
            | LogicalType::Struct
            | LogicalType::Map
            | LogicalType::Unknown => Self::Unknown,
        }
    }

    /// The same without what does not show in how values are stored.
    #[must_use]
    pub fn as_stored(self, version: FileVersion) -> Self {
        match self {
            Self::Variable { large, .. } => Self::Variable {
                large: large && version.is_structural(),
                utf8: false,
            },
            other => other,
        }
    }

    /// What a field demands of the column that holds it as a whole, its children included.
    pub fn of_field(schema: &FieldTree, field: &Field) -> Self {
        if field.blob().is_some() {
            return Self::Unknown;
        }
        match field.logical_type {
            LogicalType::Struct => {
                let children = field.children.iter();
                let children = children.filter_map(|child| schema.fields.get(*child));
                Self::Struct(
                    children
                        .map(|child| Self::of_field(schema, child))
                        .collect(),
                )
            }
            ref plain => Self::of_type(plain),
        }
    }
}

/// What a structural layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Of values or structs.
    Item,
    /// Of lists.
    List,
    /// Of fixed-size lists of structs, of so many items; an item layer where structure is dense.
    FixedSizeList(u64),
}

/// A structural layer that the nesting of a field demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerWant {
    /// What it is.
    pub kind: LayerKind,
    /// Whether nulls are allowed at it.
    pub nullable: bool,
}

impl LayerWant {
    /// Whether it is a list layer where structure is dense.
    pub fn is_list(self) -> bool {
        self.kind == LayerKind::List
    }
}

/// The layers of a leaf, inner to outer: its own, and one for each field above it (lance-encoding
/// `repdef.rs`).
pub fn layers(schema: &FieldTree, at: usize) -> Vec<LayerWant> {
    let layer = |field: &Field| LayerWant {
        kind: match field.logical_type {
            LogicalType::List | LogicalType::Map => LayerKind::List,
            LogicalType::FixedSizeListStruct => LayerKind::FixedSizeList(dimension(field)),
            _ => LayerKind::Item,
        },
        nullable: field.nullable,
    };
    let own = schema.fields.get(at).map(|field| LayerWant {
        kind: LayerKind::Item,
        ..layer(field)
    });
    let above = schema.ancestors(at);
    own.into_iter()
        .chain(above.filter_map(|at| schema.fields.get(at)).map(layer))
        .collect()
}

/// Items of a fixed-size list of structs, by the spelling of its type.
fn dimension(field: &Field) -> u64 {
    let last = field.type_text.rsplit(':').next();
    last.and_then(|last| last.parse().ok()).unwrap_or(0)
}
