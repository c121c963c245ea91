//! Encoding messages into [`Node`] trees: one file per vocabulary.

mod array;
mod codecs;
mod planar;
mod structural;

use codecs::codecs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use prost::Message;

use super::encoding::{
    Compression, Encoding, EncodingFamily, EncodingFault, EncodingResult, Kind, Node,
};
use super::notation::notation;
use crate::format::encoding::{direct, open};
use crate::format::limits::{MAX_CACHED_ENCODING_BYTES, MAX_CACHED_ENCODINGS};
use crate::format::proto::lance::file::v2::Encoding as WireEncoding;
use crate::format::wire::unknown_fields;
use crate::hash::HashMap;

/// Parses encodings, each distinct one once.
#[derive(Debug, Default)]
pub struct EncodingCache {
    known: RwLock<HashMap<Bytes, EncodingResult>>,
    numbers: AtomicU32,
}

impl EncodingCache {
    /// The encoding of a page or column.
    pub fn of(&self, wire: Option<&WireEncoding>) -> EncodingResult {
        match direct(wire) {
            Ok(bytes) => self.get(&bytes),
            Err(fault) => Err(Arc::new(EncodingFault::Envelope(fault))),
        }
    }

    /// The encoding in an envelope.
    pub fn get(&self, envelope: &[u8]) -> EncodingResult {
        if envelope.len() <= MAX_CACHED_ENCODING_BYTES {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(envelope) {
                return known.clone();
            }
            if known.len() < MAX_CACHED_ENCODINGS {
                drop(known);
                return self.learn(envelope);
            }
        }
        parse(&Bytes::copy_from_slice(envelope), None)
    }

    fn learn(&self, envelope: &[u8]) -> EncodingResult {
        // A copy, or the key would keep the whole file's metadata in memory.
        let key = Bytes::copy_from_slice(envelope);
        let parsed = parse(&key, Some(self.numbers.fetch_add(1, Ordering::Relaxed)));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert(parsed).clone()
    }
}

fn parse(direct: &Bytes, number: Option<u32>) -> EncodingResult {
    let envelope = open(direct).map_err(|fault| Arc::new(EncodingFault::Envelope(fault)))?;
    let vocabularies = [
        EncodingFamily::Structural,
        EncodingFamily::Array,
        EncodingFamily::Column,
        EncodingFamily::Planar,
        EncodingFamily::PreStable,
    ];
    let Some(vocabulary) = vocabularies
        .into_iter()
        .find(|vocabulary| vocabulary.type_url() == envelope.type_url)
    else {
        return Err(Arc::new(EncodingFault::UnknownType(envelope.type_url)));
    };
    let bytes = envelope.value.clone();
    let root = match vocabulary {
        EncodingFamily::Array => Message::decode(bytes).map(|m| array::array(&m)),
        EncodingFamily::PreStable => Message::decode(bytes).map(|m| array::pre_stable_page(&m)),
        EncodingFamily::Column => Message::decode(bytes).map(|m| array::column(&m)),
        EncodingFamily::Structural => Message::decode(bytes).map(|m| structural::page(&m)),
        EncodingFamily::Planar => Message::decode(bytes).map(|m| planar::page(&m)),
        // No file holds a message of 0.1.
        EncodingFamily::Legacy => Ok(Node::leaf(Kind::Unset)),
    };
    let root = root.map_err(|error| {
        Arc::new(EncodingFault::Undecodable {
            type_url: envelope.type_url.clone(),
            detail: error.to_string(),
        })
    })?;
    let message = format!(".{}", vocabulary.type_url().trim_start_matches('/'));
    Ok(Arc::new(Encoding {
        number,
        vocabulary,
        notation: notation(&root).into(),
        unknown: unknown_fields(&message, &envelope.value),
        root,
    }))
}

/// The encoding of a 0.1 column, which stands in the schema alone.
pub fn legacy(number: i32, bits: Option<u64>) -> EncodingResult {
    let root = Node::leaf(Kind::Legacy { number, bits });
    Ok(Arc::new(Encoding {
        number: None,
        vocabulary: EncodingFamily::Legacy,
        notation: notation(&root).into(),
        unknown: Vec::new(),
        root,
    }))
}

/// The node of a part that must be there.
fn required<T>(part: Option<&T>, node: impl FnOnce(&T) -> Node) -> Node {
    part.map_or_else(|| Node::leaf(Kind::Absent), node)
}

/// The compression numbers that 2.1 and later share.
fn numbered(scheme: i32, level: Option<i32>) -> Compression {
    Compression {
        scheme: match scheme {
            0 => "unspecified".to_string(),
            1 => "lz4".to_string(),
            2 => "zstd".to_string(),
            other => format!("unknown compression {other}"),
        },
        level,
    }
}

/// Bytes of a message field, as a number.
fn length(bytes: &Bytes) -> u64 {
    bytes.len() as u64
}
