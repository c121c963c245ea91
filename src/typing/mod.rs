//! The type of an encoding, and whether a field can take it.
//!
//! An encoding is an expression; its [`Shape`] is its type. A field demands a [`Want`]. Typing
//! infers the one, derives the other and compares, and notes on the way what no decoder could run.

mod array;
pub mod blob;
pub mod choices;
mod codec;
mod judge;
pub mod keys;
pub mod legacy;
pub mod pages;
mod planar;
pub mod schemas;
mod shape;
mod structural;
pub mod want;

pub use judge::{About, Complaint};
pub use shape::{Misfit, Shape, misfit};

use crate::model::encoding::{Encoding, Vocabulary};
use crate::model::version::FileVersion;
use judge::Judge;
use want::{LayerWant, Want};

/// The shape of a page's encoding by itself, for a page of so many buffers.
pub fn shape(encoding: &Encoding, page_buffers: usize) -> Shape {
    let version = match encoding.vocabulary {
        Vocabulary::Array => FileVersion::V2_0,
        Vocabulary::Planar => FileVersion::V2_3,
        Vocabulary::Structural => FileVersion::V2_2,
        Vocabulary::PreStable | Vocabulary::Legacy | Vocabulary::Column => return Shape::Unknown,
    };
    let mut judge = Judge::new(version, page_buffers, usize::MAX);
    judge.quiet = true;
    judged(&mut judge, encoding, &Want::Unknown, &[])
}

fn judged(judge: &mut Judge, encoding: &Encoding, want: &Want, layers: &[LayerWant]) -> Shape {
    let root = &encoding.root;
    match encoding.vocabulary {
        Vocabulary::Array => array::page(judge, root, want),
        Vocabulary::Structural => structural::page(judge, root, layers),
        Vocabulary::Planar => planar::page(judge, root, layers),
        Vocabulary::PreStable | Vocabulary::Legacy | Vocabulary::Column => Shape::Unknown,
    }
}
