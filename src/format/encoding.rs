//! The envelope around every encoding: `Encoding` → `Any` → message.

use bytes::Bytes;
use prost::Message;

use super::proto::lance::file::v2::{Any, Encoding, encoding::Location};

/// An encoding message with the type URL that says which it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// Such as `/lance.encodings21.PageLayout`, with the leading slash.
    pub type_url: String,
    /// The encoding message.
    pub value: Bytes,
}

/// Why there is no encoding message. The reader's texts for these are in
/// lance-file `reader/structural.rs` and `versions/v2_0/reader.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EnvelopeFault {
    /// The page or column has no `encoding` field.
    Missing,
    /// The `encoding` field has no location.
    NoLocation,
    /// The location is `none`.
    None,
    /// The location points into the file, which no reader supports.
    Indirect,
    /// The direct bytes are not an `Any`.
    NotAny(String),
}

/// The bytes of the `Any`, unopened: the key under which an encoding is remembered.
///
/// # Errors
/// [`EnvelopeFault`] when the location is not `direct`.
pub fn direct(encoding: Option<&Encoding>) -> Result<Bytes, EnvelopeFault> {
    let location = encoding
        .ok_or(EnvelopeFault::Missing)?
        .location
        .as_ref()
        .ok_or(EnvelopeFault::NoLocation)?;
    match location {
        Location::Direct(direct) => Ok(direct.encoding.clone()),
        Location::Indirect(_) => Err(EnvelopeFault::Indirect),
        Location::None(_) => Err(EnvelopeFault::None),
    }
}

/// Opens the `Any`.
///
/// # Errors
/// [`EnvelopeFault::NotAny`] when it does not decode.
pub fn open(direct: &Bytes) -> Result<Envelope, EnvelopeFault> {
    let any =
        Any::decode(direct.clone()).map_err(|error| EnvelopeFault::NotAny(error.to_string()))?;
    Ok(Envelope {
        type_url: any.type_url,
        value: any.value,
    })
}
