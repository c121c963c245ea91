//! What comes out of an encoding when a decoder runs it, and whether a field can take it.

use std::fmt;

use super::want::Want;

/// The type of an encoding's output, as far as the tree alone tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Values of so many bits.
    Fixed(u64),
    /// Values of varying length behind offsets of so many bits; 0 where the reader chooses them.
    Variable(u64),
    /// Lists of a fixed number of items.
    FixedSizeList(u64, Box<Shape>),
    /// Structs, row by row.
    PackedStruct(Vec<Shape>),
    /// Indices into a dictionary.
    Dictionary {
        /// What the indices are stored as.
        indices: Box<Shape>,
        /// What the dictionary holds.
        items: Box<Shape>,
    },
    /// Nothing but nulls.
    Nulls,
    /// One value for all rows, of so many bytes where the tree holds it.
    OneValue(Option<u64>),
    /// The header of a struct, without data.
    StructHeader,
    /// List offsets.
    Offsets(Box<Shape>),
    /// Not told by the tree.
    Unknown,
}

impl Shape {
    /// Values that are indices where there is a dictionary, and themselves where there is none.
    pub fn coded(self, dictionary: Option<Self>) -> Self {
        match dictionary {
            Some(items) => Self::Dictionary {
                indices: Box::new(self),
                items: Box::new(items),
            },
            None => self,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(1) => f.write_str("values of 1 bit"),
            Self::Fixed(bits) => write!(f, "values of {bits} bits"),
            Self::Variable(0) => f.write_str("values of varying length"),
            Self::Variable(bits) => {
                write!(f, "values of varying length with {bits}-bit offsets")
            }
            Self::FixedSizeList(dimension, item) => write!(f, "lists of {dimension} × {item}"),
            Self::PackedStruct(children) => {
                write!(f, "packed structs of {} children", children.len())
            }
            Self::Dictionary { indices, items } => {
                write!(f, "indices ({indices}) into a dictionary of {items}")
            }
            Self::Nulls => f.write_str("nulls only"),
            Self::OneValue(Some(bytes)) => write!(f, "one value of {bytes} bytes for all rows"),
            Self::OneValue(None) => f.write_str("one value for all rows"),
            Self::StructHeader => f.write_str("a struct header"),
            Self::Offsets(_) => f.write_str("list offsets"),
            Self::Unknown => f.write_str("values of an unknown kind"),
        }
    }
}

/// How a shape fails a want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// Readers take the bytes for what they are not and say nothing.
    Silent,
    /// Readers fail.
    Fails(&'static str),
}

impl Misfit {
    /// What a reader does, as a clause without a subject.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Silent => "returns wrong values without a word",
            Self::Fails(message) => message,
        }
    }
}

/// Bits of the largest value that a constant layout holds itself (lance-encoding `constant.rs`).
const MOST_INLINE_BITS: u64 = 256;

const NARROW: Misfit =
    Misfit::Fails("fails: Need at least … bytes in buffers[0] in array of type …, but got …");
const VARIABLE_ON_FIXED: Misfit = Misfit::Fails(
    "fails: invalid variable-width layout for …: Invalid argument error: Expected … buffers in array of type …",
);
const FIXED_ON_VARIABLE: Misfit =
    Misfit::Fails("fails: Expected 2 buffers in array of type …, got 1");
const OFFSETS: Misfit = Misfit::Fails(
    "fails: invalid variable-width layout for …: expected …-bit offsets but got …-bit offsets",
);
const LIST: Misfit = Misfit::Fails(
    "fails: Expected 0 buffers in array of type FixedSizeList(…, or panics: Expected FixedSizeList data type and got …",
);
const STRUCT: Misfit = Misfit::Fails("fails: Expected Struct, got …");
const NO_DICTIONARY: Misfit = Misfit::Fails("fails: … should contain 1 child data array(s), had 0");
const KEYS: Misfit =
    Misfit::Fails("fails: dictionary indices use … bits but the declared … key type uses … bits");
const LIST_SHORT: Misfit = Misfit::Fails(
    "fails: Values length … is less than the length (…) multiplied by the value size (…)",
);

/// Whether values of a shape can be handed out as a want (lance-encoding `data.rs`); `None` if so.
/// `zipped` pages hold one byte for a boolean.
pub fn misfit(want: &Want, shape: &Shape, zipped: bool) -> Option<Misfit> {
    match (want, shape) {
        (Want::Unknown, _) | (_, Shape::Unknown | Shape::Nulls) => None,
        (_, Shape::StructHeader | Shape::Offsets(_)) => Some(STRUCT),
        (Want::Null, _) => Some(Misfit::Silent),
        (Want::Fixed(1), Shape::Fixed(8)) if zipped => None,
        (Want::Fixed(want), Shape::Fixed(got)) => match want.cmp(got) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(Misfit::Silent),
            std::cmp::Ordering::Greater => Some(NARROW),
        },
        // So small a value stands in the layout itself.
        (Want::Fixed(bits), Shape::OneValue(None)) if *bits <= MOST_INLINE_BITS => {
            Some(VARIABLE_ON_FIXED)
        }
        (_, Shape::OneValue(None)) => None,
        (Want::Fixed(bits), Shape::OneValue(Some(bytes))) => {
            (bits.div_ceil(8) != *bytes).then_some(NARROW)
        }
        (_, Shape::OneValue(Some(_))) => Some(FIXED_ON_VARIABLE),
        (Want::Variable { .. }, Shape::Variable(0)) => None,
        (Want::Variable { large, .. }, Shape::Variable(bits)) => {
            (*bits != if *large { 64 } else { 32 }).then_some(OFFSETS)
        }
        (Want::Dictionary { key_bits, value }, Shape::Dictionary { indices, items }) => {
            match **indices {
                Shape::Fixed(bits) if bits != *key_bits => Some(KEYS),
                Shape::Variable(_) | Shape::FixedSizeList(..) | Shape::PackedStruct(_) => {
                    Some(KEYS)
                }
                _ => misfit(value, items, false),
            }
        }
        (Want::Dictionary { .. }, _) => Some(NO_DICTIONARY),
        (want, Shape::Dictionary { items, .. }) => misfit(want, items, false),
        (Want::FixedSizeList(want, item), Shape::FixedSizeList(got, inner)) => {
            match want.cmp(got) {
                std::cmp::Ordering::Equal => misfit(item, inner, zipped),
                std::cmp::Ordering::Less => Some(Misfit::Silent),
                std::cmp::Ordering::Greater => Some(LIST_SHORT),
            }
        }
        (Want::FixedSizeList(..), _) | (_, Shape::FixedSizeList(..)) => Some(LIST),
        (Want::Struct(children), Shape::PackedStruct(shapes)) => {
            if children.len() != shapes.len() {
                return Some(STRUCT);
            }
            let pairs = children.iter().zip(shapes);
            pairs
                .filter_map(|(want, shape)| misfit(want, shape, false))
                .next()
        }
        (Want::Struct(_), _) | (_, Shape::PackedStruct(_)) => Some(STRUCT),
        (Want::Fixed(_), Shape::Variable(_)) => Some(VARIABLE_ON_FIXED),
        (Want::Variable { .. }, Shape::Fixed(_)) => Some(FIXED_ON_VARIABLE),
    }
}
