//! Raw protobuf: walking messages without their types, to salvage the sound
//! fields of a broken one and to find fields that this build does not know.

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::{Deserialize, Serialize};

use super::limits::{MAX_UNKNOWN_FIELDS, MAX_WIRE_DEPTH};
use crate::redact::values::{COUNTED_FROM, STRUCTURE};

/// A field's number, its name, and where its message type stands in [`KNOWN`], if it has one.
type KnownField = (u32, &'static str, usize);
/// Every message of `proto/` with its fields, sorted by name.
static KNOWN: &[(&str, &[KnownField])] = include!(concat!(env!("OUT_DIR"), "/known_fields.rs"));

/// A field that stands in a message and not in `proto/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownField {
    /// Names of the fields above it, joined by dots; empty at the top.
    pub parent: String,
    /// Its number.
    pub number: u32,
}

/// One field of a message, still encoded.
struct RawField {
    number: u32,
    /// The field with its key, within the message.
    span: std::ops::Range<usize>,
    /// The payload of a length-delimited field, within the message.
    payload: Option<std::ops::Range<usize>>,
}

/// Reads the field that starts at `at`; `None` at a malformed one.
fn field_at(bytes: &[u8], at: usize) -> Option<RawField> {
    let mut rest = bytes.get(at..)?;
    let before = rest.len();
    let (number, wire) = decode_key(&mut rest).ok()?;
    let mut payload = None;
    let skip = match wire {
        WireType::Varint => {
            decode_varint(&mut rest).ok()?;
            0
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let start = at.checked_add(before.checked_sub(rest.len())?)?;
            payload = Some(start..start.checked_add(length)?);
            length
        }
        // Groups are not used by any Lance message.
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    let end = at
        .checked_add(before.checked_sub(rest.len())?)?
        .checked_add(skip)?;
    (end <= bytes.len()).then_some(RawField {
        number,
        span: at..end,
        payload,
    })
}

/// A message read field by field.
#[derive(Debug)]
pub struct Salvaged<M> {
    /// What could be read.
    pub message: M,
    /// What could not: a sentence per fault, in order of place. Empty for a sound message.
    pub faults: Vec<String>,
}

/// Decodes a message; where it is broken, keeps every top-level field that decodes by itself.
pub fn salvage<M: Message + Default>(bytes: &Bytes) -> Salvaged<M> {
    let whole_error = match M::decode(bytes.clone()) {
        Ok(message) => {
            return Salvaged {
                message,
                faults: Vec::new(),
            };
        }
        Err(error) => error,
    };
    let mut message = M::default();
    let mut faults = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some(field) = field_at(bytes, at) else {
            faults.push(format!(
                "not protobuf from byte {at} of {} on ({whole_error})",
                bytes.len()
            ));
            break;
        };
        // A failed merge may leave half a field behind, so try it on a message of its own first.
        let part = bytes.slice(field.span.clone());
        match M::decode(part.clone()).and_then(|_| message.merge(part)) {
            Ok(()) => {}
            Err(error) if faults.len() < MAX_UNKNOWN_FIELDS => faults.push(format!(
                "field {} at bytes {}..{} does not decode ({error})",
                field.number, field.span.start, field.span.end
            )),
            Err(_) => {}
        }
        at = field.span.end;
    }
    Salvaged { message, faults }
}

/// How many fields of `number` a message has, as far as it is protobuf.
pub fn count_field(bytes: &Bytes, number: u32) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(field) = field_at(bytes, at).filter(|_| at < bytes.len()) {
        count += usize::from(field.number == number);
        at = field.span.end;
    }
    count
}

/// Splits the first field of `number` from the rest of a message: its payload, and the message
/// without it. `None` when it is absent, not a message, or stands more than once.
pub fn split_message_field(bytes: &Bytes, number: u32) -> Option<(Bytes, Bytes)> {
    let mut found = None;
    let mut rest = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let field = field_at(bytes, at)?;
        at = field.span.end;
        if field.number != number {
            rest.extend_from_slice(bytes.get(field.span)?);
            continue;
        }
        if found.replace(bytes.slice(field.payload?)).is_some() {
            return None;
        }
    }
    Some((found?, Bytes::from(rest)))
}

/// Splits every field of `number` from the rest of a message: their payloads in order, and the
/// message without them. `None` when one of them is no message, or a field is malformed.
pub fn split_repeated_field(bytes: &Bytes, number: u32) -> Option<(Vec<Bytes>, Bytes)> {
    let mut found = Vec::new();
    let mut rest = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let field = field_at(bytes, at)?;
        at = field.span.end;
        match field.number == number {
            true => found.push(bytes.slice(field.payload?)),
            false => rest.extend_from_slice(bytes.get(field.span)?),
        }
    }
    Some((found, Bytes::from(rest)))
}

/// Finds the fields of `bytes`, a message of type `name` (such as
/// `.lance.table.Manifest`), that `proto/` does not declare, at any depth.
/// Stops quietly where the bytes are not protobuf: decoding reports that.
pub fn unknown_fields(name: &str, bytes: &[u8]) -> Vec<UnknownField> {
    let mut found = Vec::new();
    if let Ok(at) = KNOWN.binary_search_by(|(known, _)| (*known).cmp(name)) {
        collect_unknown(at, bytes, &mut Vec::new(), &mut found);
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a message has a field of this number or a greater one.
pub fn has_field_from(bytes: &Bytes, least: u32) -> bool {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let Ok((number, wire_type)) = prost::encoding::decode_key(&mut rest) else {
            return false;
        };
        if number >= least {
            return true;
        }
        let context = prost::encoding::DecodeContext::default();
        if prost::encoding::skip_field(wire_type, number, &mut rest, context).is_err() {
            return false;
        }
    }
    false
}

/// Longest name of a compression.
const MAX_SCHEME_BYTES: usize = 16;

/// Whether an encoding message of type `name` says only how values are stored, and holds none
/// itself: no bytes, no numbers to count from, and nothing that `proto/` does not declare.
pub fn is_structure_only(name: &str, bytes: &[u8]) -> bool {
    match KNOWN.binary_search_by(|(known, _)| (*known).cmp(name)) {
        Ok(at) => only_structure(at, bytes, 0),
        Err(_) => false,
    }
}

fn only_structure(message: usize, bytes: &[u8], depth: usize) -> bool {
    let Some((_, known)) = KNOWN.get(message).filter(|_| depth < MAX_WIRE_DEPTH) else {
        return false;
    };
    let mut at = 0;
    while at < bytes.len() {
        let Some(field) = field_at(bytes, at) else {
            return false;
        };
        at = field.span.end;
        let declared = known.iter().find(|(number, _, _)| *number == field.number);
        let Some((_, name, child)) = declared else {
            return false;
        };
        let payload = field.payload.and_then(|payload| bytes.get(payload));
        let fine = match payload {
            Some(payload) if *child < KNOWN.len() => only_structure(*child, payload, depth + 1),
            Some(payload) => {
                let short = payload.len() <= MAX_SCHEME_BYTES && payload.is_ascii();
                STRUCTURE.contains(name) && (*name != "scheme" || short)
            }
            None => !COUNTED_FROM.contains(name),
        };
        if !fine {
            return false;
        }
    }
    true
}

fn collect_unknown(
    message: usize,
    bytes: &[u8],
    path: &mut Vec<&'static str>,
    found: &mut Vec<UnknownField>,
) {
    let Some((_, known)) = KNOWN.get(message) else {
        return;
    };
    let mut at = 0;
    while at < bytes.len() && found.len() < MAX_UNKNOWN_FIELDS {
        let Some(field) = field_at(bytes, at) else {
            return;
        };
        at = field.span.end;
        let declared = known.iter().find(|(number, _, _)| *number == field.number);
        let Some((_, name, child)) = declared else {
            let unknown = UnknownField {
                parent: path.join("."),
                number: field.number,
            };
            // One field repeated a thousand times is one unknown field.
            if !found.contains(&unknown) {
                found.push(unknown);
            }
            continue;
        };
        if *child < KNOWN.len()
            && path.len() < MAX_WIRE_DEPTH
            && let Some(payload) = field.payload.and_then(|payload| bytes.get(payload))
        {
            path.push(name);
            collect_unknown(*child, payload, path, found);
            path.pop();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::format::proto::lance::table::{DataFile, DataFragment, Manifest};

    fn manifest() -> Manifest {
        let fragment = |id| DataFragment {
            id,
            files: vec![DataFile {
                path: format!("{id}.lance"),
                ..Default::default()
            }],
            ..Default::default()
        };
        Manifest {
            version: 7,
            fragments: (0..3).map(fragment).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_broken_fragment_costs_that_fragment_only() {
        let mut bytes = manifest().encode_to_vec();
        let at = bytes.windows(7).position(|w| w == b"1.lance").unwrap();
        // A path that is not UTF-8 does not decode.
        bytes[at] = 0xff;
        let salvaged = salvage::<Manifest>(&Bytes::from(bytes));
        let ids: Vec<u64> = salvaged.message.fragments.iter().map(|f| f.id).collect();
        assert_eq!(ids, [0, 2]);
        assert_eq!(salvaged.message.version, 7);
        assert_eq!(salvaged.faults.len(), 1, "{:?}", salvaged.faults);
    }

    #[test]
    fn a_cut_message_keeps_what_came_before_the_cut() {
        let bytes = Bytes::from(manifest().encode_to_vec());
        for length in 0..bytes.len() {
            let salvaged = salvage::<Manifest>(&bytes.slice(..length));
            assert!(salvaged.message.fragments.len() <= 3);
        }
    }

    #[test]
    fn unknown_fields_are_named_by_where_they_stand() {
        let mut inner = DataFile::default().encode_to_vec();
        prost::encoding::uint64::encode(99, &5, &mut inner);
        let mut fragment = Vec::new();
        prost::encoding::bytes::encode(2, &inner, &mut fragment);
        let mut bytes = Vec::new();
        prost::encoding::bytes::encode(2, &fragment, &mut bytes);
        prost::encoding::uint64::encode(200, &1, &mut bytes);
        let found = unknown_fields(".lance.table.Manifest", &Bytes::from(bytes));
        let named: Vec<_> = found
            .iter()
            .map(|u| (u.parent.as_str(), u.number))
            .collect();
        assert_eq!(named, [("", 200), ("fragments.files", 99)]);
    }
}
