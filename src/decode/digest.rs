//! A digest of what a column says, whichever way its arrays say it.

use std::hash::Hasher;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use siphasher::sip128::{Hasher128, SipHasher13};

/// The digest of one column, fed batch by batch.
///
/// It covers the type without names and metadata, which values are null, and the others. What lies
/// under a null, how the rows are split into batches and how dictionaries are laid out do not count.
#[derive(Default)]
pub struct Digest {
    state: SipHasher13,
    begun: bool,
}

impl Digest {
    /// Adds the values of an array.
    ///
    /// # Errors
    /// A type that Lance does not yield and that this does not know, in words.
    pub fn add(&mut self, array: &ArrayRef) -> Result<(), String> {
        if array.is_empty() {
            return Ok(());
        }
        if !self.begun {
            self.begun = true;
            self.state.write(type_text(array.data_type()).as_bytes());
        }
        let values = Values::of(array)?;
        for row in 0..array.len() {
            values.write(row, &mut self.state);
        }
        Ok(())
    }

    /// The digest, as 32 hexadecimal digits.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.state.finish128().as_u128())
    }
}

/// An array taken apart once, to be walked row by row.
struct Values {
    array: ArrayRef,
    shape: StoredType,
}

enum StoredType {
    Null,
    Boolean(BooleanArray),
    Fixed(Buffer, usize, usize),
    Variable(Offsets, Buffer),
    Lists(Offsets, Box<Values>),
    FixedLists(usize, Box<Values>),
    Struct(Vec<Values>),
    Dictionary(Vec<Option<usize>>, Box<Values>),
}

enum Offsets {
    Small(OffsetBuffer<i32>),
    Large(OffsetBuffer<i64>),
}

impl Offsets {
    fn range(&self, row: usize) -> (usize, usize) {
        let at = |row: usize| match self {
            Self::Small(offsets) => offsets.get(row).and_then(|at| usize::try_from(*at).ok()),
            Self::Large(offsets) => offsets.get(row).and_then(|at| usize::try_from(*at).ok()),
        };
        (at(row).unwrap_or(0), at(row + 1).unwrap_or(0))
    }
}

impl Values {
    fn of(array: &ArrayRef) -> Result<Self, String> {
        let shape = Self::shape(array)
            .ok_or_else(|| format!("no digest of values of type {}", array.data_type()))??;
        Ok(Self {
            array: array.clone(),
            shape,
        })
    }

    /// `None` for a type that is not known.
    fn shape(array: &ArrayRef) -> Option<Result<StoredType, String>> {
        let boxed = |values: &ArrayRef| Self::of(values).map(Box::new);
        let shape = match array.data_type() {
            DataType::Null => StoredType::Null,
            DataType::Boolean => StoredType::Boolean(array.as_boolean_opt()?.clone()),
            DataType::Utf8 => {
                let array = array.as_string_opt::<i32>()?;
                StoredType::Variable(
                    Offsets::Small(array.offsets().clone()),
                    array.values().clone(),
                )
            }
            DataType::Binary => {
                let array = array.as_binary_opt::<i32>()?;
                StoredType::Variable(
                    Offsets::Small(array.offsets().clone()),
                    array.values().clone(),
                )
            }
            DataType::LargeUtf8 => {
                let array = array.as_string_opt::<i64>()?;
                StoredType::Variable(
                    Offsets::Large(array.offsets().clone()),
                    array.values().clone(),
                )
            }
            DataType::LargeBinary => {
                let array = array.as_binary_opt::<i64>()?;
                StoredType::Variable(
                    Offsets::Large(array.offsets().clone()),
                    array.values().clone(),
                )
            }
            DataType::List(_) => {
                let array = array.as_list_opt::<i32>()?;
                let offsets = Offsets::Small(array.offsets().clone());
                return Some(
                    boxed(array.values()).map(|values| StoredType::Lists(offsets, values)),
                );
            }
            DataType::LargeList(_) => {
                let array = array.as_list_opt::<i64>()?;
                let offsets = Offsets::Large(array.offsets().clone());
                return Some(
                    boxed(array.values()).map(|values| StoredType::Lists(offsets, values)),
                );
            }
            DataType::Map(_, _) => {
                let array = array.as_map_opt()?;
                let offsets = Offsets::Small(array.offsets().clone());
                let entries: ArrayRef = std::sync::Arc::new(array.entries().clone());
                return Some(boxed(&entries).map(|values| StoredType::Lists(offsets, values)));
            }
            DataType::FixedSizeList(_, size) => {
                let values = array.as_fixed_size_list_opt()?.values();
                let size = usize::try_from(*size).ok()?;
                return Some(boxed(values).map(|values| StoredType::FixedLists(size, values)));
            }
            DataType::Struct(_) => {
                let columns = array.as_struct_opt()?.columns();
                let columns: Result<Vec<Self>, String> = columns.iter().map(Self::of).collect();
                return Some(columns.map(StoredType::Struct));
            }
            DataType::Dictionary(keys, _) => {
                let keys = keys_of(array, keys)?;
                let values = array.as_any_dictionary_opt()?.values();
                return Some(boxed(values).map(|values| StoredType::Dictionary(keys, values)));
            }
            other => {
                let width = match other {
                    DataType::FixedSizeBinary(width) => usize::try_from(*width).ok()?,
                    _ => other.primitive_width()?,
                };
                let data = array.to_data();
                StoredType::Fixed(data.buffers().first()?.clone(), data.offset(), width)
            }
        };
        Some(Ok(shape))
    }

    fn write(&self, row: usize, state: &mut SipHasher13) {
        if self.is_null(row) {
            return state.write(&[0]);
        }
        match &self.shape {
            StoredType::Null => {}
            StoredType::Boolean(values) => state.write(&[1, u8::from(values.value(row))]),
            StoredType::Fixed(bytes, offset, width) => {
                let start = (offset + row) * width;
                state.write(&[1]);
                state.write(bytes.get(start..start + width).unwrap_or_default());
            }
            StoredType::Variable(offsets, bytes) => {
                let (start, end) = offsets.range(row);
                write_length(start, end, state);
                state.write(bytes.get(start..end).unwrap_or_default());
            }
            StoredType::Lists(offsets, values) => {
                let (start, end) = offsets.range(row);
                write_length(start, end, state);
                (start..end).for_each(|item| values.write(item, state));
            }
            StoredType::FixedLists(size, values) => {
                state.write(&[1]);
                (row * size..(row + 1) * size).for_each(|item| values.write(item, state));
            }
            StoredType::Struct(columns) => {
                state.write(&[1]);
                columns.iter().for_each(|column| column.write(row, state));
            }
            StoredType::Dictionary(keys, values) => {
                if let Some(Some(key)) = keys.get(row) {
                    values.write(*key, state);
                }
            }
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match &self.shape {
            StoredType::Null => true,
            StoredType::Dictionary(keys, _) => !matches!(keys.get(row), Some(Some(_))),
            _ => self.array.is_null(row),
        }
    }
}

fn write_length(start: usize, end: usize, state: &mut SipHasher13) {
    let length = end.saturating_sub(start) as u64;
    state.write(&[1]);
    state.write(&length.to_le_bytes());
}

fn keys_of(array: &ArrayRef, keys: &DataType) -> Option<Vec<Option<usize>>> {
    fn of<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Option<Vec<Option<usize>>> {
        let array = array.as_dictionary_opt::<K>()?;
        Some((0..array.len()).map(|row| array.key(row)).collect())
    }
    match keys {
        DataType::Int8 => of::<Int8Type>(array),
        DataType::Int16 => of::<Int16Type>(array),
        DataType::Int32 => of::<Int32Type>(array),
        DataType::Int64 => of::<Int64Type>(array),
        DataType::UInt8 => of::<UInt8Type>(array),
        DataType::UInt16 => of::<UInt16Type>(array),
        DataType::UInt32 => of::<UInt32Type>(array),
        DataType::UInt64 => of::<UInt64Type>(array),
        _ => None,
    }
}

/// A type without names, metadata and nullability.
fn type_text(data_type: &DataType) -> String {
    let item = |field: &Field| type_text(field.data_type());
    match data_type {
        DataType::List(field) => format!("list({})", item(field)),
        DataType::LargeList(field) => format!("large_list({})", item(field)),
        DataType::FixedSizeList(field, size) => format!("fixed_list({size},{})", item(field)),
        DataType::Map(field, _) => format!("map({})", item(field)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| item(field)).collect();
            format!("struct({})", fields.join(","))
        }
        DataType::Dictionary(keys, values) => {
            format!("dictionary({},{})", type_text(keys), type_text(values))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{DictionaryArray, Int32Array, ListArray, StringArray, StructArray};
    use arrow_buffer::NullBuffer;

    use super::*;

    fn digest(arrays: &[ArrayRef]) -> String {
        let mut digest = Digest::default();
        for array in arrays {
            assert_eq!(digest.add(array), Ok(()));
        }
        digest.finish()
    }

    #[test]
    fn batches_and_slices_do_not_count() {
        let lists = |lists: Vec<Option<Vec<Option<i32>>>>| -> ArrayRef {
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
        };
        let whole = lists(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
        ]);
        let parts = [whole.slice(0, 1), whole.slice(1, 3)];
        assert_eq!(digest(std::slice::from_ref(&whole)), digest(&parts));
        assert_ne!(digest(&[whole.slice(0, 3)]), digest(&parts));
        let empty_for_null = lists(vec![Some(vec![]), Some(vec![])]);
        assert_ne!(digest(&[whole.slice(1, 2)]), digest(&[empty_for_null]));
    }

    #[test]
    fn what_lies_under_a_null_does_not_count() {
        let of = |under: i32| -> ArrayRef {
            let values: ArrayRef = Arc::new(Int32Array::from(vec![1, under]));
            let nulls = NullBuffer::from(vec![true, false]);
            let field = Arc::new(Field::new("a", DataType::Int32, true));
            Arc::new(StructArray::new(
                vec![field].into(),
                vec![values],
                Some(nulls),
            ))
        };
        assert_eq!(digest(&[of(7)]), digest(&[of(8)]));
    }

    #[test]
    fn dictionaries_count_by_value_and_by_type() {
        let plain: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a"]));
        let of = |keys: Vec<i32>, values: Vec<&str>| -> ArrayRef {
            let values = Arc::new(StringArray::from(values));
            Arc::new(DictionaryArray::<Int32Type>::new(keys.into(), values))
        };
        let one = digest(&[of(vec![0, 1, 0], vec!["a", "b"])]);
        let other = digest(&[of(vec![1, 0, 2], vec!["b", "a", "a"])]);
        assert_eq!(one, other);
        assert_ne!(one, digest(&[plain]));
    }
}
