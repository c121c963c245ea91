//! The value codecs that 2.1 to 2.3 share. Their messages have the same names and numbers
//! in two protobuf packages, hence a macro.

/// Defines `codec`, which turns the `CompressiveEncoding` of a package into a node; the
/// second argument holds the arms of codecs that only that package has.
macro_rules! codecs {
    ($package:ident, { $($extra:tt)* }) => {
        fn buffer_compression(
            message: &$package::BufferCompression,
        ) -> $crate::model::encoding::Compression {
            super::numbered(message.scheme, message.level)
        }

        /// A value codec.
        fn codec(message: &$package::CompressiveEncoding) -> Node {
            use $package::compressive_encoding::Compression as E;
            use $crate::model::encoding::PackedWidth;
            let sub = |part: &Option<Box<$package::CompressiveEncoding>>| {
                required(part.as_deref(), codec)
            };
            let Some(compression) = &message.compression else {
                return Node::leaf(Kind::Unset);
            };
            match compression {
                E::Flat(m) => Node::leaf(Kind::Flat {
                    bits: m.bits_per_value,
                    buffer: None,
                    compression: m.data.as_ref().map(buffer_compression),
                }),
                E::Variable(m) => Node::leaf(Kind::Variable {
                    offset_bits: None,
                    compression: m.values.as_ref().map(buffer_compression),
                })
                .with("offsets", sub(&m.offsets)),
                E::Constant(m) => Node::leaf(Kind::Constant {
                    value_bytes: m.value.as_ref().map(length),
                }),
                E::OutOfLineBitpacking(m) => Node::leaf(Kind::OutOfLineBitpacking {
                    uncompressed_bits: m.uncompressed_bits_per_value,
                    compressed_bits: None,
                })
                .with("values", sub(&m.values)),
                E::InlineBitpacking(m) => Node::leaf(Kind::InlineBitpacking {
                    uncompressed_bits: m.uncompressed_bits_per_value,
                    compression: m.values.as_ref().map(buffer_compression),
                }),
                E::Fsst(m) => Node::leaf(Kind::Fsst {
                    symbol_table_bytes: length(&m.symbol_table),
                })
                .with("values", sub(&m.values)),
                E::Dictionary(m) => Node::leaf(Kind::Dictionary {
                    num_items: u64::from(m.num_dictionary_items),
                })
                .with("indices", sub(&m.indices))
                .with("items", sub(&m.items)),
                E::Rle(m) => Node::leaf(Kind::Rle { bits: None })
                    .with("values", sub(&m.values))
                    .with("run_lengths", sub(&m.run_lengths)),
                E::ByteStreamSplit(m) => Node::leaf(Kind::ByteStreamSplit { bits: None })
                    .with("values", sub(&m.values)),
                E::General(m) => Node::leaf(Kind::General {
                    compression: m.compression.as_ref().map(buffer_compression),
                })
                .with("values", sub(&m.values)),
                E::FixedSizeList(m) => Node::leaf(Kind::FixedSizeList {
                    dimension: m.items_per_value,
                    has_validity: m.has_validity,
                })
                .with("values", sub(&m.values)),
                E::PackedStruct(m) => Node::leaf(Kind::PackedStruct {
                    widths: m.bits_per_value.clone(),
                    buffer: None,
                })
                .with("values", sub(&m.values)),
                E::VariablePackedStruct(m) => {
                    use $package::variable_packed_struct::field_encoding::Layout;
                    let widths = m.fields.iter().map(|field| match field.layout {
                        Some(Layout::BitsPerValue(bits)) => PackedWidth::Fixed(bits),
                        Some(Layout::BitsPerLength(bits)) => PackedWidth::Prefixed(bits),
                        None => PackedWidth::Unset,
                    });
                    let root = Node::leaf(Kind::VariablePackedStruct {
                        widths: widths.collect(),
                    });
                    m.fields.iter().fold(root, |node, field| {
                        node.with("field", required(field.value.as_ref(), codec))
                    })
                }
                $($extra)*
            }
        }
    };
}

pub(super) use codecs;
