//! What comes out of an encoding when a decoder runs it, and whether a field can take it.

use std::fmt;

use super::want::ExpectedType;

/// The type of an encoding's output, as far as the tree alone tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredType {
    /// Values of so many bits.
    Fixed(u64),
    /// Values of varying length behind offsets of so many bits; 0 where the reader chooses them.
    Variable(u64),
    /// Lists of a fixed number of items.
    FixedSizeList(u64, Box<StoredType>),
    /// Structs, row by row.
    PackedStruct(Vec<StoredType>),
    /// Indices into a dictionary.
    Dictionary {
        /// What the indices are stored as.
        indices: Box<StoredType>,
        /// What the dictionary holds.
        items: Box<StoredType>,
    },
    /// Nothing but nulls.
    Nulls,
    /// One value for all rows, of so many bytes where the tree holds it.
    OneValue(Option<u64>),
    /// The header of a struct, without data.
    StructHeader,
    /// List offsets.
    Offsets(Box<StoredType>),
    /// Not told by the tree.
    Unknown,
}

impl StoredType {
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

impl fmt::Display for StoredType {
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
pub enum Mismatch {
    /// Readers take the bytes for what they are not and say nothing.
    Silent,
    /// Readers fail.
    Fails(&'static str),
}

impl Mismatch {
    /// What a reader does, as a clause without a subject.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Silent => "returns wrong values silently",
            Self::Fails(message) => message,
        }
    }
}

/// Bits of the largest value that a constant layout holds itself (lance-encoding `constant.rs`).
const MAX_INLINE_BITS: u64 = 256;

const NARROW: Mismatch =
    Mismatch::Fails("fails: Need at least … bytes in buffers[0] in array of type …, but got …");
const VARIABLE_ON_FIXED: Mismatch = Mismatch::Fails(
    "fails: invalid variable-width layout for …: Invalid argument error: Expected … buffers in array of type …",
);
const FIXED_ON_VARIABLE: Mismatch =
    Mismatch::Fails("fails: Expected 2 buffers in array of type …, got 1");
const OFFSETS: Mismatch = Mismatch::Fails(
    "fails: invalid variable-width layout for …: expected …-bit offsets but got …-bit offsets",
);
const LIST: Mismatch = Mismatch::Fails(
    "fails: Expected 0 buffers in array of type FixedSizeList(…, or panics: Expected FixedSizeList data type and got …",
);
const STRUCT: Mismatch = Mismatch::Fails("fails: Expected Struct, got …");
const NO_DICTIONARY: Mismatch =
    Mismatch::Fails("fails: … should contain 1 child data array(s), had 0");
const KEYS: Mismatch =
    Mismatch::Fails("fails: dictionary indices use … bits but the declared … key type uses … bits");
const LIST_SHORT: Mismatch = Mismatch::Fails(
    "fails: Values length … is less than the length (…) multiplied by the value size (…)",
);

/// Whether values of a shape can be handed out as a want (lance-encoding `data.rs`); `None` if so.
/// `zipped` pages hold one byte for a boolean.
pub fn misfit(want: &ExpectedType, shape: &StoredType, zipped: bool) -> Option<Mismatch> {
    match (want, shape) {
        (ExpectedType::Unknown, _) | (_, StoredType::Unknown | StoredType::Nulls) => None,
        (_, StoredType::StructHeader | StoredType::Offsets(_)) => Some(STRUCT),
        (ExpectedType::Null, _) => Some(Mismatch::Silent),
        (ExpectedType::Fixed(1), StoredType::Fixed(8)) if zipped => None,
        (ExpectedType::Fixed(want), StoredType::Fixed(got)) => match want.cmp(got) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(Mismatch::Silent),
            std::cmp::Ordering::Greater => Some(NARROW),
        },
        // So small a value stands in the layout itself.
        (ExpectedType::Fixed(bits), StoredType::OneValue(None)) if *bits <= MAX_INLINE_BITS => {
            Some(VARIABLE_ON_FIXED)
        }
        (_, StoredType::OneValue(None)) => None,
        (ExpectedType::Fixed(bits), StoredType::OneValue(Some(bytes))) => {
            (bits.div_ceil(8) != *bytes).then_some(NARROW)
        }
        (_, StoredType::OneValue(Some(_))) => Some(FIXED_ON_VARIABLE),
        (ExpectedType::Variable { .. }, StoredType::Variable(0)) => None,
        (ExpectedType::Variable { large, .. }, StoredType::Variable(bits)) => {
            (*bits != if *large { 64 } else { 32 }).then_some(OFFSETS)
        }
        (
            ExpectedType::Dictionary { key_bits, value },
            StoredType::Dictionary { indices, items },
        ) => match **indices {
            StoredType::Fixed(bits) if bits != *key_bits => Some(KEYS),
            StoredType::Variable(_)
            | StoredType::FixedSizeList(..)
            | StoredType::PackedStruct(_) => Some(KEYS),
            _ => misfit(value, items, false),
        },
        (ExpectedType::Dictionary { .. }, _) => Some(NO_DICTIONARY),
        (want, StoredType::Dictionary { items, .. }) => misfit(want, items, false),
        (ExpectedType::FixedSizeList(want, item), StoredType::FixedSizeList(got, inner)) => {
            match want.cmp(got) {
                std::cmp::Ordering::Equal => misfit(item, inner, zipped),
                std::cmp::Ordering::Less => Some(Mismatch::Silent),
                std::cmp::Ordering::Greater => Some(LIST_SHORT),
            }
        }
        (ExpectedType::FixedSizeList(..), _) | (_, StoredType::FixedSizeList(..)) => Some(LIST),
        (ExpectedType::Struct(children), StoredType::PackedStruct(shapes)) => {
            if children.len() != shapes.len() {
                return Some(STRUCT);
            }
            let pairs = children.iter().zip(shapes);
            pairs
                .filter_map(|(want, shape)| misfit(want, shape, false))
                .next()
        }
        (ExpectedType::Struct(_), _) | (_, StoredType::PackedStruct(_)) => Some(STRUCT),
        (ExpectedType::Fixed(_), StoredType::Variable(_)) => Some(VARIABLE_ON_FIXED),
        (ExpectedType::Variable { .. }, StoredType::Fixed(_)) => Some(FIXED_ON_VARIABLE),
    }
}
