//! What a page's encoding says of the choices that metadata keys are about.

use crate::model::data_file::Page;
use crate::model::encoding::{Addressing, Compression, Encoding, EncodingFamily, Kind, Node};

/// How a page holds its values, as far as keys have a say in it.
#[derive(Debug, Clone, Copy)]
pub enum Stored<'a> {
    /// A page of 2.0.
    Array(&'a Node),
    /// A page of 2.1 and later that holds values.
    Values {
        /// Whether values are in chunks; else they are one by one.
        chunked: bool,
        /// The layout.
        layout: &'a Node,
        /// The codec of the values, or of the indices into the dictionary.
        values: &'a Node,
        /// The codec of the dictionary.
        dictionary: Option<&'a Node>,
    },
    /// A page that holds no values to choose an encoding for, or that says too little.
    Other,
}

/// Looks at an encoding.
pub fn stored(encoding: &Encoding) -> Stored<'_> {
    let root = &encoding.root;
    match encoding.vocabulary {
        EncodingFamily::Array => Stored::Array(root),
        EncodingFamily::Structural => layout(root, "value_compression"),
        EncodingFamily::Planar => match root.child("values") {
            Some(values) => layout(values, "compression"),
            None => Stored::Other,
        },
        EncodingFamily::PreStable | EncodingFamily::Legacy | EncodingFamily::Column => {
            Stored::Other
        }
    }
}

fn layout<'a>(node: &'a Node, role: &str) -> Stored<'a> {
    let chunked = match node.kind {
        Kind::MiniBlock { .. } | Kind::Chunked { .. } => true,
        Kind::FullZip { .. } | Kind::Zipped { .. } => false,
        _ => return Stored::Other,
    };
    match node.child(role) {
        Some(values) => Stored::Values {
            chunked,
            layout: node,
            values,
            dictionary: node.child("dictionary"),
        },
        None => Stored::Other,
    }
}

/// The first node of a tree that a test accepts, from the root down.
pub fn find<'a>(node: &'a Node, test: &dyn Fn(&Kind) -> bool) -> Option<&'a Node> {
    if test(&node.kind) {
        return Some(node);
    }
    let mut children = node.children.iter();
    children.find_map(|child| find(&child.node, test))
}

/// The first general compression in a tree.
pub fn general(node: &Node) -> Option<&Compression> {
    let own = match &node.kind {
        Kind::General { compression }
        | Kind::Flat { compression, .. }
        | Kind::Variable { compression, .. }
        | Kind::InlineBitpacking { compression, .. } => compression.as_ref(),
        _ => None,
    };
    own.or_else(|| node.children.iter().find_map(|child| general(&child.node)))
}

/// About how many bytes of values a page of 2.1 or later holds as its codec left them, from below;
/// `None` when that cannot be told.
pub fn value_bytes(page: &Page, layout: &Node, values: &Node) -> Option<u64> {
    let buffer = |at: usize| page.buffers.get(at).map(|b| b.end.saturating_sub(b.start));
    match &layout.kind {
        Kind::MiniBlock { num_items, .. } | Kind::Chunked { num_items, .. } => match values.kind {
            Kind::Flat { bits, .. } => num_items.checked_mul(bits).map(|bits| bits / 8),
            // Levels stand beside the values; two of them take four bytes an item at most.
            _ => Some(buffer(1)?.saturating_sub(num_items.saturating_mul(4))),
        },
        Kind::FullZip {
            addressing,
            num_items,
            num_visible_items,
            ..
        }
        | Kind::Zipped {
            addressing,
            num_items,
            num_visible_items,
            ..
        } => match addressing {
            Addressing::PerValue(bits) => {
                num_items.checked_mul(u64::from(*bits)).map(|bits| bits / 8)
            }
            Addressing::PerOffset(bits) => {
                let lengths = num_visible_items.saturating_mul(u64::from(*bits) / 8);
                let levels = num_items.saturating_mul(4);
                Some(buffer(0)?.saturating_sub(lengths).saturating_sub(levels))
            }
            Addressing::Unset => None,
        },
        _ => None,
    }
}

/// Bytes of the dictionary of a page of 2.1 or later.
pub fn dictionary_bytes(page: &Page) -> Option<u64> {
    let buffer = page.buffers.get(2)?;
    Some(buffer.end.saturating_sub(buffer.start))
}
