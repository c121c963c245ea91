//! Arrow arrays of any type, the same for the same seed.

use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray,
    FixedSizeListArray, LargeBinaryArray, LargeListArray, LargeStringArray, ListArray, MapArray,
    NullArray, PrimitiveArray, StringArray, StructArray, UInt64Array, make_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};

/// What the values of a column are like. It decides which encodings a writer picks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Every how many values there is a null; 0 for none, 1 for nothing but nulls.
    pub null_every: usize,
    /// How many values differ; 0 for all.
    pub distinct: u64,
    /// How many times a value stands in a row.
    pub run: usize,
    /// Bits that numbers use.
    pub bits: u32,
    /// Bytes of a string.
    pub length: usize,
    /// Whether some lists are empty.
    pub empty: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            null_every: 7,
            distinct: 0,
            run: 1,
            bits: 64,
            length: 6,
            empty: true,
        }
    }
}

/// The number at a place of a stream of random numbers.
pub fn scatter(seed: u64, at: u64) -> u64 {
    let mut x = seed
        .wrapping_mul(0xd134_2543_de82_ef95)
        .wrapping_add(at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn keys(seed: u64, rows: usize, style: &Style) -> Vec<u64> {
    let mask = match style.bits {
        64.. => u64::MAX,
        bits => (1 << bits) - 1,
    };
    (0..rows)
        .map(|row| {
            let at = (row / style.run.max(1)) as u64;
            let at = if style.distinct > 0 {
                scatter(seed ^ 5, at) % style.distinct
            } else {
                at
            };
            scatter(seed, at) & mask
        })
        .collect()
}

fn nulls(seed: u64, rows: usize, nullable: bool, style: &Style) -> Option<NullBuffer> {
    if !nullable || style.null_every == 0 || rows == 0 {
        return None;
    }
    let every = style.null_every as u64;
    let valid =
        (0..rows as u64).map(|row| every != 1 && !scatter(seed ^ 77, row).is_multiple_of(every));
    Some(NullBuffer::from(valid.collect::<Vec<bool>>()))
}

fn primitive<T: ArrowPrimitiveType>(
    keys: &[u64],
    nulls: Option<NullBuffer>,
    data_type: &DataType,
    convert: impl Fn(u64) -> T::Native,
) -> ArrayRef {
    let values: Vec<T::Native> = keys.iter().map(|key| convert(*key)).collect();
    let array = PrimitiveArray::<T>::new(values.into(), nulls);
    Arc::new(array.with_data_type(data_type.clone()))
}

fn text(key: u64, length: usize) -> String {
    // Half of the lengths differ, so that offsets are not regular.
    let length = if length == 0 {
        0
    } else {
        length - (key as usize % length) / 2
    };
    let mut text = String::with_capacity(length + 16);
    let mut at = 0;
    while text.len() < length {
        text.push_str(
            ["ab", "c-", "de", "fgh", "i", "jk ", "lm", "n"][(scatter(key, at) % 8) as usize],
        );
        at += 1;
    }
    text.truncate(length);
    text
}

/// Whether a field is marked as the given extension.
pub fn has_extension(field: &Field, name: &str) -> bool {
    field
        .metadata()
        .get("ARROW:extension:name")
        .is_some_and(|found| found == name)
}

/// An array of `rows` values for a field.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
#[allow(
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    clippy::cast_sign_loss
)]
pub fn array(field: &Field, rows: usize, seed: u64, style: &Style) -> ArrayRef {
    if has_extension(field, "lance.blob.v2") {
        return blob(field, rows, seed, style);
    }
    let data_type = field.data_type();
    let nulls = nulls(seed, rows, field.is_nullable(), style);
    let keys = keys(seed, rows, style);
    macro_rules! number {
        ($type:ty, $convert:expr) => {
            primitive::<$type>(&keys, nulls, data_type, $convert)
        };
    }
    type F16 = <Float16Type as ArrowPrimitiveType>::Native;
    type I256 = <Decimal256Type as ArrowPrimitiveType>::Native;
    match data_type {
        DataType::Null => Arc::new(NullArray::new(rows)),
        DataType::Boolean => {
            let values: Vec<bool> = keys.iter().map(|key| key & 1 == 1).collect();
            Arc::new(BooleanArray::new(values.into(), nulls))
        }
        DataType::Int8 => number!(Int8Type, |key| key as i8),
        DataType::Int16 => number!(Int16Type, |key| key as i16),
        DataType::Int32 => number!(Int32Type, |key| key as i32),
        DataType::Int64 => number!(Int64Type, |key| key as i64),
        DataType::UInt8 => number!(UInt8Type, |key| key as u8),
        DataType::UInt16 => number!(UInt16Type, |key| key as u16),
        DataType::UInt32 => number!(UInt32Type, |key| key as u32),
        DataType::UInt64 => number!(UInt64Type, |key| key),
        DataType::Float16 => number!(Float16Type, |key| F16::from_f32((key % 2048) as f32)),
        DataType::Float32 => number!(Float32Type, |key| (key as u32 as f32) / 7.0),
        DataType::Float64 => number!(Float64Type, |key| (key as f64) / 7.0),
        DataType::Date32 => number!(Date32Type, |key| (key % 40_000) as i32),
        DataType::Date64 => number!(Date64Type, |key| (key % 40_000) as i64 * 86_400_000),
        DataType::Time32(TimeUnit::Second) => {
            number!(Time32SecondType, |key| (key % 86_400) as i32)
        }
        DataType::Time32(_) => number!(Time32MillisecondType, |key| (key % 86_400_000) as i32),
        DataType::Time64(TimeUnit::Microsecond) => {
            number!(Time64MicrosecondType, |key| (key % 86_400_000_000) as i64)
        }
        DataType::Time64(_) => {
            number!(Time64NanosecondType, |key| (key % 86_400_000_000_000)
                as i64)
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            number!(TimestampSecondType, |key| (key % 4_000_000_000) as i64)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            number!(TimestampMillisecondType, |key| (key >> 20) as i64)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            number!(TimestampMicrosecondType, |key| (key >> 10) as i64)
        }
        DataType::Timestamp(_, _) => number!(TimestampNanosecondType, |key| (key >> 2) as i64),
        DataType::Duration(TimeUnit::Second) => {
            number!(DurationSecondType, |key| (key >> 30) as i64)
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            number!(DurationMillisecondType, |key| (key >> 20) as i64)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            number!(DurationMicrosecondType, |key| (key >> 10) as i64)
        }
        DataType::Duration(_) => number!(DurationNanosecondType, |key| (key >> 2) as i64),
        DataType::Decimal128(_, _) => number!(Decimal128Type, |key| i128::from(key) << 16),
        DataType::Decimal256(_, _) => {
            number!(Decimal256Type, |key| I256::from_i128(i128::from(key) << 30))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            number!(IntervalYearMonthType, |key| key as i32)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => {
            let texts = keys.iter().enumerate().map(|(row, key)| {
                let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                valid.then(|| text(*key, style.length))
            });
            match data_type {
                DataType::Utf8 => Arc::new(texts.collect::<StringArray>()),
                DataType::LargeUtf8 => Arc::new(texts.collect::<LargeStringArray>()),
                DataType::Binary => Arc::new(texts.collect::<BinaryArray>()),
                _ => Arc::new(texts.collect::<LargeBinaryArray>()),
            }
        }
        DataType::FixedSizeBinary(width) => {
            let mut bytes = Vec::new();
            for key in &keys {
                bytes.extend((0..*width as u64).map(|at| scatter(*key, at) as u8));
            }
            Arc::new(FixedSizeBinaryArray::new(*width, bytes.into(), nulls))
        }
        DataType::FixedSizeList(item, size) => {
            let items = array(item, rows * *size as usize, scatter(seed, 1), style);
            Arc::new(FixedSizeListArray::new(item.clone(), *size, items, nulls))
        }
        DataType::Struct(children) => {
            let arrays = columns(children, rows, seed, style);
            Arc::new(StructArray::new(children.clone(), arrays, nulls))
        }
        DataType::List(item) => {
            let lengths = lengths(seed, rows, nulls.as_ref(), style);
            let items = array(item, lengths.iter().sum(), scatter(seed, 2), style);
            let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
            Arc::new(ListArray::new(item.clone(), offsets, items, nulls))
        }
        DataType::LargeList(item) => {
            let lengths = lengths(seed, rows, nulls.as_ref(), style);
            let items = array(item, lengths.iter().sum(), scatter(seed, 3), style);
            let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
            Arc::new(LargeListArray::new(item.clone(), offsets, items, nulls))
        }
        DataType::Map(entries, sorted) => {
            let lengths = lengths(seed, rows, nulls.as_ref(), style);
            let DataType::Struct(children) = entries.data_type() else {
                panic!("a map has entries");
            };
            let arrays = columns(children, lengths.iter().sum(), scatter(seed, 4), style);
            let inner = StructArray::new(children.clone(), arrays, None);
            let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
            Arc::new(MapArray::new(
                entries.clone(),
                offsets,
                inner,
                nulls,
                *sorted,
            ))
        }
        DataType::Dictionary(key, value) => dictionary(key, value, rows, seed, nulls),
        other => panic!("no values for {other}"),
    }
}

fn dictionary(
    key: &DataType,
    value: &DataType,
    rows: usize,
    seed: u64,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let style = Style {
        null_every: 0,
        ..Style::default()
    };
    let items = 11usize;
    let values = array(&Field::new("v", value.clone(), false), items, seed, &style);
    let small = Style {
        distinct: 0,
        bits: 3,
        ..style
    };
    let keys = array(&Field::new("k", key.clone(), false), rows, seed ^ 9, &small);
    let data = keys
        .to_data()
        .into_builder()
        .nulls(nulls)
        .data_type(DataType::Dictionary(
            Box::new(key.clone()),
            Box::new(value.clone()),
        ));
    make_array(
        data.add_child_data(values.to_data())
            .build()
            .expect("keys are in range"),
    )
}

fn columns(children: &Fields, rows: usize, seed: u64, style: &Style) -> Vec<ArrayRef> {
    let numbered = children.iter().enumerate();
    numbered
        .map(|(at, child)| array(child, rows, scatter(seed, 100 + at as u64), style))
        .collect()
}

fn lengths(seed: u64, rows: usize, nulls: Option<&NullBuffer>, style: &Style) -> Vec<usize> {
    (0..rows)
        .map(|row| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return 0;
            }
            let least = u64::from(!style.empty);
            usize::try_from(least + scatter(seed ^ 31, row as u64) % 4).unwrap()
        })
        .collect()
}

/// A blob as the writer of 2.2 and later takes it: every value inline.
fn blob(field: &Field, rows: usize, seed: u64, style: &Style) -> ArrayRef {
    let DataType::Struct(children) = field.data_type() else {
        panic!("a blob is a struct");
    };
    let nulls = nulls(seed, rows, field.is_nullable(), style);
    let arrays: Vec<ArrayRef> = children
        .iter()
        .map(|child| match child.name().as_str() {
            "kind" => Arc::new(arrow_array::UInt8Array::from(vec![0u8; rows])) as ArrayRef,
            "data" => {
                let plain = Field::new("data", DataType::LargeBinary, false);
                let style = Style {
                    null_every: 0,
                    length: 40,
                    ..*style
                };
                array(&plain, rows, seed, &style)
            }
            "uri" => Arc::new(StringArray::from(vec![None::<&str>; rows])),
            "blob_id" => Arc::new(arrow_array::UInt32Array::from(vec![None; rows])),
            _ => Arc::new(UInt64Array::from(vec![None; rows])),
        })
        .collect();
    Arc::new(StructArray::new(children.clone(), arrays, nulls))
}
