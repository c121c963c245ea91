//! The type of an encoding, and whether a field can take it.
//!
//! An encoding is an expression; its [`StoredType`] is its type. A field demands a [`ExpectedType`]. Typing
//! infers the one, derives the other and compares, and notes on the way what no decoder could run.

mod array;
pub mod blob;
mod checker;
pub mod choices;
mod codec;
pub mod keys;
pub mod legacy;
pub mod pages;
mod planar;
pub mod schemas;
mod shape;
mod structural;
pub mod want;

pub use checker::{TypeError, TypeErrorKind};
pub use shape::{Mismatch, StoredType, misfit};

use checker::Checker;
use want::{ExpectedType, LayerWant};

use crate::model::encoding::{Encoding, EncodingFamily};
use crate::model::version::FileVersion;

/// The shape of a page's encoding by itself, for a page of so many buffers.
pub fn shape(encoding: &Encoding, page_buffers: usize) -> StoredType {
    let version = match encoding.vocabulary {
        EncodingFamily::Array => FileVersion::V2_0,
        EncodingFamily::Planar => FileVersion::V2_3,
        EncodingFamily::Structural => FileVersion::V2_2,
        EncodingFamily::PreStable | EncodingFamily::Legacy | EncodingFamily::Column => {
            return StoredType::Unknown;
        }
    };
    let mut judge = Checker::new(version, page_buffers, usize::MAX);
    judge.quiet = true;
    judged(&mut judge, encoding, &ExpectedType::Unknown, &[])
}

fn judged(
    judge: &mut Checker,
    encoding: &Encoding,
    want: &ExpectedType,
    layers: &[LayerWant],
) -> StoredType {
    let root = &encoding.root;
    match encoding.vocabulary {
        EncodingFamily::Array => array::page(judge, root, want),
        EncodingFamily::Structural => structural::page(judge, root, layers),
        EncodingFamily::Planar => planar::page(judge, root, layers),
        EncodingFamily::PreStable | EncodingFamily::Legacy | EncodingFamily::Column => {
            StoredType::Unknown
        }
    }
}
