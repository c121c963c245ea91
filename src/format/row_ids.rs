//! Stable row ids and row versions of a fragment (lance-table `rowids/serde.rs`,
//! `rowids/version.rs`).

use bytes::Bytes;
use prost::Message;

use super::proto::lance::table::{
    EncodedU64Array, RowDatasetVersionSequence, RowIdSequence, U64Segment, encoded_u64_array,
    u64_segment,
};
use super::wire;

/// Row ids of a fragment, in the order of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowIds {
    segments: Vec<Segment>,
}

/// A run of row ids.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// From the first to before the second, without those listed, which ascend.
    Range(u64, u64, Vec<u64>),
    /// One by one.
    Listed(Vec<u64>),
}

impl RowIds {
    /// Reads a sequence of row ids.
    ///
    /// # Errors
    /// A clause without a subject that says why readers refuse it.
    pub fn decode(bytes: &Bytes) -> Result<Self, String> {
        let message = RowIdSequence::decode(bytes.clone())
            .map_err(|error| format!("do not decode ({error})"))?;
        // Lance takes this message apart by itself, and refuses what it does not know.
        let unknown = wire::unknown_fields(".lance.table.RowIdSequence", bytes);
        if let Some(field) = unknown.iter().find(|field| field.parent.is_empty()) {
            return Err(format!(
                "have a field {} that is of no known kind",
                field.number
            ));
        }
        let segments = message.segments.into_iter().map(segment);
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
        })
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.segments
            .iter()
            .map(Segment::len)
            .fold(0, u64::saturating_add)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The greatest of them.
    pub fn greatest(&self) -> Option<u64> {
        let last = |segment: &Segment| match segment {
            // Slots count whether or not an id is in use, as they did for Lance.
            Segment::Range(start, end, _) => (start < end).then(|| end - 1),
            Segment::Listed(ids) => ids.iter().copied().max(),
        };
        self.segments.iter().filter_map(last).max()
    }

    /// The least and the greatest id of each run, in order.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Range(start, end, _) => (start < end).then(|| (*start, end - 1)),
            Segment::Listed(ids) => Some((*ids.iter().min()?, *ids.iter().max()?)),
        })
    }

    /// Every id, in the order of the rows.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.segments.iter().flat_map(|segment| {
            let (range, holes, listed) = match segment {
                Segment::Range(start, end, holes) => (*start..*end, holes.as_slice(), &[][..]),
                Segment::Listed(ids) => (0..0, &[][..], ids.as_slice()),
            };
            range
                .filter(|id| holes.binary_search(id).is_err())
                .chain(listed.iter().copied())
        })
    }
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Range(start, end, holes) => end
                .saturating_sub(*start)
                .saturating_sub(holes.len() as u64),
            Self::Listed(ids) => ids.len() as u64,
        }
    }
}

fn segment(message: U64Segment) -> Result<Segment, String> {
    use u64_segment::Segment as Wire;
    match message.segment {
        Some(Wire::Range(range)) => Ok(Segment::Range(
            range.start,
            ordered(range.start, range.end)?,
            Vec::new(),
        )),
        Some(Wire::RangeWithHoles(range)) => {
            let end = ordered(range.start, range.end)?;
            let holes = ascending(array(range.holes.ok_or("have a range without its holes")?)?)?;
            match holes.iter().find(|hole| !(range.start..end).contains(hole)) {
                Some(hole) => Err(format!(
                    "have a hole {hole} outside of the range {}..{end}",
                    range.start
                )),
                None => Ok(Segment::Range(range.start, end, holes)),
            }
        }
        Some(Wire::RangeWithBitmap(range)) => {
            let end = ordered(range.start, range.end)?;
            let length = end - range.start;
            let bytes = range.bitmap.len() as u64;
            if bytes != length.div_ceil(8) {
                return Err(format!(
                    "have a bitmap of {bytes} bytes for a range of {length} ids"
                ));
            }
            let has = |at: u64| {
                let byte = usize::try_from(at / 8)
                    .ok()
                    .and_then(|at| range.bitmap.get(at));
                byte.is_some_and(|byte| byte >> (at % 8) & 1 == 1)
            };
            if (length..bytes * 8).any(has) {
                return Err("have a bitmap that goes on behind its range".to_string());
            }
            let listed = (0..length).filter(|at| has(*at)).map(|at| range.start + at);
            Ok(Segment::Listed(listed.collect()))
        }
        Some(Wire::SortedArray(sorted)) => Ok(Segment::Listed(ascending(array(sorted)?)?)),
        Some(Wire::Array(listed)) => Ok(Segment::Listed(array(listed)?)),
        None => Err("have a segment of no known kind".to_string()),
    }
}

fn ordered(start: u64, end: u64) -> Result<u64, String> {
    match start <= end {
        true => Ok(end),
        false => Err(format!(
            "have a range that starts at {start} and ends at {end}"
        )),
    }
}

fn ascending(values: Vec<u64>) -> Result<Vec<u64>, String> {
    let mut pairs = values.iter().zip(values.iter().skip(1));
    match pairs.find(|(left, right)| left >= right) {
        Some((left, right)) => Err(format!("have {right} behind {left} where they must ascend")),
        None => Ok(values),
    }
}

fn array(message: EncodedU64Array) -> Result<Vec<u64>, String> {
    use encoded_u64_array::Array;
    let (base, bytes, width) = match message.array {
        Some(Array::U16Array(offsets)) => (offsets.base, offsets.offsets, 2),
        Some(Array::U32Array(offsets)) => (offsets.base, offsets.offsets, 4),
        Some(Array::U64Array(values)) => (0, values.values, 8),
        None => return Err("have an array of no known kind".to_string()),
    };
    if bytes.len() % width != 0 {
        return Err(format!(
            "have an array of {} bytes, {width} to a value",
            bytes.len()
        ));
    }
    let value = |chunk: &[u8]| {
        let value = chunk
            .iter()
            .rev()
            .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        base.checked_add(value)
            .ok_or_else(|| format!("have an offset {value} that overflows from {base}"))
    };
    bytes.chunks(width).map(value).collect()
}

/// The versions in which the rows of a fragment were made, or last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowVersions {
    /// Rows that they are for.
    pub rows: u64,
    /// The least of them; the greatest number where there are none.
    pub oldest: u64,
    /// The greatest of them; 0 where there are none.
    pub newest: u64,
}

impl RowVersions {
    /// Reads a sequence of row versions.
    ///
    /// # Errors
    /// As for [`RowIds::decode`].
    pub fn decode(bytes: &Bytes) -> Result<Self, String> {
        let message = RowDatasetVersionSequence::decode(bytes.clone())
            .map_err(|error| format!("do not decode ({error})"))?;
        let mut all = Self {
            rows: 0,
            oldest: u64::MAX,
            newest: 0,
        };
        for run in message.runs {
            let span = run.span.ok_or("have a run without its positions")?;
            all.rows = all.rows.saturating_add(segment(span)?.len());
            all.oldest = all.oldest.min(run.version);
            all.newest = all.newest.max(run.version);
        }
        Ok(all)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use u64_segment::{Range, RangeWithBitmap, RangeWithHoles, Segment as Wire};

    fn bytes(segments: Vec<Wire>) -> Bytes {
        let segments = segments.into_iter().map(|segment| U64Segment {
            segment: Some(segment),
        });
        RowIdSequence {
            segments: segments.collect(),
        }
        .encode_to_vec()
        .into()
    }

    fn offsets(base: u64, offsets: &[u16]) -> EncodedU64Array {
        let offsets: Vec<u8> = offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
        EncodedU64Array {
            array: Some(encoded_u64_array::Array::U16Array(
                encoded_u64_array::Offsets {
                    base,
                    offsets: offsets.into(),
                },
            )),
        }
    }

    #[test]
    fn every_kind_of_segment_lists_its_ids() {
        let all = RowIds::decode(&bytes(vec![
            Wire::Range(Range { start: 3, end: 5 }),
            Wire::RangeWithHoles(RangeWithHoles {
                start: 10,
                end: 14,
                holes: Some(offsets(10, &[1, 2])),
            }),
            Wire::RangeWithBitmap(RangeWithBitmap {
                start: 20,
                end: 29,
                bitmap: vec![0b0000_0101, 1].into(),
            }),
            Wire::SortedArray(offsets(40, &[0, 7])),
            Wire::Array(offsets(50, &[9, 1])),
        ]))
        .unwrap();
        let ids: Vec<u64> = all.iter().collect();
        assert_eq!(ids, [3, 4, 10, 13, 20, 22, 28, 40, 47, 59, 51]);
        assert_eq!((all.len(), all.greatest()), (11, Some(59)));
        let spans: Vec<_> = all.spans().collect();
        assert_eq!(spans, [(3, 4), (10, 13), (20, 28), (40, 47), (51, 59)]);
    }

    #[test]
    fn what_readers_refuse_is_refused() {
        for segment in [
            Wire::Range(Range { start: 5, end: 3 }),
            Wire::RangeWithHoles(RangeWithHoles {
                start: 0,
                end: 3,
                holes: Some(offsets(0, &[7])),
            }),
            Wire::RangeWithBitmap(RangeWithBitmap {
                start: 0,
                end: 3,
                bitmap: vec![0b1000].into(),
            }),
            Wire::SortedArray(offsets(0, &[2, 2])),
        ] {
            assert!(
                RowIds::decode(&bytes(vec![segment.clone()])).is_err(),
                "{segment:?}"
            );
        }
    }
}
