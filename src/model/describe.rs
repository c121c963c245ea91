//! The name and parameters of each kind of encoding node, for people and for JSON.

use super::encoding::{Addressing, BufferRef, Compression, Kind, Layer, Nulls, PackedWidth};

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A number.
    Number(u64),
    /// A signed number.
    Signed(i64),
    /// A yes or no.
    Flag(bool),
    /// A word.
    Text(String),
    /// Several words.
    List(Vec<String>),
}

type Parameters = Vec<(&'static str, Parameter)>;

impl Kind {
    /// What it is called: the wire name where there is one.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flat { .. } => "flat",
            Self::FixedSizeList { .. } => "fixed_size_list",
            Self::Fsst { .. } => "fsst",
            Self::Dictionary { .. } => "dictionary",
            Self::PackedStruct { .. } => "packed_struct",
            Self::Constant { .. } => "constant",
            Self::InlineBitpacking { .. } => "inline_bitpacking",
            Self::OutOfLineBitpacking { .. } => "out_of_line_bitpacking",
            Self::Variable { .. } => "variable",
            Self::Rle { .. } => "rle",
            Self::ByteStreamSplit { .. } => "byte_stream_split",
            Self::General { .. } => "general",
            Self::Nullable(_) => "nullable",
            Self::List { .. } => "list",
            Self::StructHeader => "struct",
            Self::Binary { .. } => "binary",
            Self::FixedSizeBinary { .. } => "fixed_size_binary",
            Self::Bitpacked { .. } => "bitpacked",
            Self::BitpackedForNonNeg { .. } => "bitpacked_for_non_neg",
            Self::Block { .. } => "block",
            Self::VariablePackedStruct { .. } => "variable_packed_struct",
            Self::Range { .. } => "range",
            Self::Delta { .. } => "delta",
            Self::MiniBlock { .. } => "mini_block_layout",
            Self::FullZip { .. } => "full_zip_layout",
            Self::ConstantLayout { .. } => "constant_layout",
            Self::BlobLayout { .. } => "blob_layout",
            Self::SparseLayout { .. } => "sparse_layout",
            Self::Planar => "planar_layout",
            Self::DenseStructure { .. } => "dense_structure",
            Self::SparseStructure => "sparse_structure",
            Self::SparseValidity { .. } => "validity",
            Self::SparseList { .. } => "list_layer",
            Self::SparseFixedSizeList { .. } => "fixed_size_list_layer",
            Self::Chunked { .. } => "chunked",
            Self::ChunkLevels { .. } => "levels",
            Self::Zipped { .. } => "zipped",
            Self::ConstantValue { .. } => "constant",
            Self::NoValues => "none",
            Self::Indexed => "indexed",
            Self::Legacy { number, .. } => match number {
                1 => "plain",
                2 => "var_binary",
                3 => "dictionary",
                4 => "rle",
                _ => "unknown 0.1 encoding",
            },
            Self::ColumnValues => "values",
            Self::ColumnBlob => "blob",
            Self::ColumnZoneIndex { .. } => "zone_index",
            Self::Unset => "unset",
            Self::Absent => "missing",
        }
    }

    /// Its own parameters, in a fixed order.
    pub fn parameters(&self) -> Parameters {
        use Parameter::{Flag, List, Number, Signed, Text};
        let mut all: Parameters = Vec::new();
        match self {
            Self::Flat {
                bits,
                buffer,
                compression,
            } => {
                all.push(("bits_per_value", Number(*bits)));
                push_buffer(&mut all, buffer.as_ref());
                push_compression(&mut all, compression.as_ref());
            }
            Self::FixedSizeList {
                dimension,
                has_validity,
            } => {
                all.push(("dimension", Number(*dimension)));
                all.push(("has_validity", Flag(*has_validity)));
            }
            Self::Fsst { symbol_table_bytes } => {
                all.push(("symbol_table_bytes", Number(*symbol_table_bytes)));
            }
            Self::Dictionary { num_items } => {
                all.push(("num_dictionary_items", Number(*num_items)));
            }
            Self::PackedStruct { widths, buffer } => {
                if !widths.is_empty() {
                    let widths = widths.iter().map(u64::to_string).collect();
                    all.push(("bits_per_value", List(widths)));
                }
                push_buffer(&mut all, buffer.as_ref());
            }
            Self::Constant { value_bytes } => {
                all.extend(value_bytes.map(|bytes| ("value_bytes", Number(bytes))));
            }
            Self::InlineBitpacking {
                uncompressed_bits,
                compression,
            } => {
                all.push(("uncompressed_bits_per_value", Number(*uncompressed_bits)));
                push_compression(&mut all, compression.as_ref());
            }
            Self::OutOfLineBitpacking {
                uncompressed_bits,
                compressed_bits,
            } => {
                all.push(("uncompressed_bits_per_value", Number(*uncompressed_bits)));
                let compressed = compressed_bits.map(Number);
                all.extend(compressed.map(|bits| ("compressed_bits_per_value", bits)));
            }
            Self::Variable {
                offset_bits,
                compression,
            } => {
                let bits = offset_bits.map(u64::from).map(Number);
                all.extend(bits.map(|bits| ("bits_per_offset", bits)));
                push_compression(&mut all, compression.as_ref());
            }
            Self::Rle { bits } | Self::ByteStreamSplit { bits } => {
                all.extend(bits.map(|bits| ("bits_per_value", Number(bits))));
            }
            Self::General { compression } => match compression {
                Some(_) => push_compression(&mut all, compression.as_ref()),
                None => all.push(("compression", Text("unset".to_string()))),
            },
            Self::Nullable(nulls) => {
                let nulls = match nulls {
                    Nulls::No => "no_nulls",
                    Nulls::Some => "some_nulls",
                    Nulls::All => "all_nulls",
                };
                all.push(("nullability", Text(nulls.to_string())));
            }
            Self::List {
                null_offset_adjustment,
                num_items,
            } => {
                all.push(("null_offset_adjustment", Number(*null_offset_adjustment)));
                all.push(("num_items", Number(*num_items)));
            }
            Self::Binary { null_adjustment } => {
                all.push(("null_adjustment", Number(*null_adjustment)));
            }
            Self::FixedSizeBinary { byte_width } => {
                all.push(("byte_width", Number(*byte_width)));
            }
            Self::Bitpacked {
                compressed_bits,
                uncompressed_bits,
                signed,
                buffer,
            } => {
                all.push(("compressed_bits_per_value", Number(*compressed_bits)));
                all.push(("uncompressed_bits_per_value", Number(*uncompressed_bits)));
                all.push(("signed", Flag(*signed)));
                push_buffer(&mut all, buffer.as_ref());
            }
            Self::BitpackedForNonNeg {
                compressed_bits,
                uncompressed_bits,
                buffer,
            } => {
                all.push(("compressed_bits_per_value", Number(*compressed_bits)));
                all.push(("uncompressed_bits_per_value", Number(*uncompressed_bits)));
                push_buffer(&mut all, buffer.as_ref());
            }
            Self::Block { scheme } => all.push(("scheme", Text(scheme.clone()))),
            Self::VariablePackedStruct { widths } => {
                let width = |width: &PackedWidth| match width {
                    PackedWidth::Fixed(bits) => format!("{bits} bits"),
                    PackedWidth::Prefixed(bits) => format!("{bits}-bit length"),
                    PackedWidth::Unset => "unset".to_string(),
                };
                all.push(("fields", List(widths.iter().map(width).collect())));
            }
            Self::Range { bits, start, step } => {
                all.push(("uncompressed_bits_per_value", Number(*bits)));
                all.push(("start", Number(*start)));
                all.push(("step", Number(*step)));
            }
            Self::Delta { bits, base } => {
                all.push(("uncompressed_bits_per_value", Number(*bits)));
                all.push(("base", Number(*base)));
            }
            Self::MiniBlock {
                layers,
                num_buffers,
                repetition_index_depth,
                num_items,
                num_dictionary_items,
                has_large_chunk,
            } => {
                push_layers(&mut all, layers);
                all.push(("num_buffers", Number(*num_buffers)));
                all.push(("repetition_index_depth", Number(*repetition_index_depth)));
                all.push(("num_items", Number(*num_items)));
                all.push(("num_dictionary_items", Number(*num_dictionary_items)));
                all.push(("has_large_chunk", Flag(*has_large_chunk)));
            }
            Self::FullZip {
                layers,
                bits_rep,
                bits_def,
                addressing,
                num_items,
                num_visible_items,
            } => {
                push_layers(&mut all, layers);
                all.push(("bits_rep", Number(u64::from(*bits_rep))));
                all.push(("bits_def", Number(u64::from(*bits_def))));
                push_addressing(&mut all, *addressing);
                all.push(("num_items", Number(*num_items)));
                all.push(("num_visible_items", Number(*num_visible_items)));
            }
            Self::ConstantLayout {
                layers,
                inline_bytes,
                num_rep_values,
                num_def_values,
            } => {
                push_layers(&mut all, layers);
                all.extend(inline_bytes.map(|bytes| ("inline_value_bytes", Number(bytes))));
                all.push(("num_rep_values", Number(*num_rep_values)));
                all.push(("num_def_values", Number(*num_def_values)));
            }
            Self::BlobLayout { layers } | Self::DenseStructure { layers } => {
                push_layers(&mut all, layers);
            }
            Self::SparseLayout {
                num_buffers,
                num_items,
                num_layers,
            } => {
                all.push(("num_buffers", Number(*num_buffers)));
                all.push(("num_items", Number(*num_items)));
                all.push(("structural_layers", Number(*num_layers)));
            }
            Self::SparseValidity {
                meaning,
                num_positions,
            } => {
                let meaning = match meaning {
                    1 => Text("null positions".to_string()),
                    2 => Text("valid positions".to_string()),
                    other => Signed(i64::from(*other)),
                };
                all.push(("meaning", meaning));
                all.push(("num_positions", Number(*num_positions)));
            }
            Self::SparseList {
                num_child_slots,
                num_non_empty,
            } => {
                all.push(("num_child_slots", Number(*num_child_slots)));
                all.push(("num_non_empty_positions", Number(*num_non_empty)));
            }
            Self::SparseFixedSizeList { dimension } => {
                all.push(("dimension", Number(*dimension)));
            }
            Self::Chunked {
                num_buffers,
                num_items,
                num_dictionary_items,
            } => {
                all.push(("num_buffers", Number(*num_buffers)));
                all.push(("num_items", Number(*num_items)));
                all.push(("num_dictionary_items", Number(*num_dictionary_items)));
            }
            Self::ChunkLevels {
                repetition_index_depth,
            } => {
                let depth = u64::from(*repetition_index_depth);
                all.push(("repetition_index_depth", Number(depth)));
            }
            Self::Zipped {
                addressing,
                num_items,
                num_visible_items,
                level_bits,
            } => {
                push_addressing(&mut all, *addressing);
                all.push(("num_items", Number(*num_items)));
                all.push(("num_visible_items", Number(*num_visible_items)));
                if let Some((repetition, definition)) = level_bits {
                    all.push(("bits_repetition", Number(u64::from(*repetition))));
                    all.push(("bits_definition", Number(u64::from(*definition))));
                }
            }
            Self::ConstantValue { scalar_bytes } => {
                all.push(("scalar_bytes", Number(*scalar_bytes)));
            }
            Self::Legacy { number, bits } => {
                all.push(("number", Signed(i64::from(*number))));
                all.extend(bits.map(|bits| ("bits_per_value", Number(bits))));
            }
            Self::ColumnZoneIndex { rows_per_zone } => {
                all.push(("rows_per_zone", Number(u64::from(*rows_per_zone))));
            }
            Self::StructHeader
            | Self::Planar
            | Self::SparseStructure
            | Self::NoValues
            | Self::Indexed
            | Self::ColumnValues
            | Self::ColumnBlob
            | Self::Unset
            | Self::Absent => {}
        }
        all
    }
}

fn push_buffer(all: &mut Parameters, buffer: Option<&BufferRef>) {
    let Some(buffer) = buffer else { return };
    let collection = match buffer.collection {
        0 => "page".to_string(),
        1 => "column".to_string(),
        2 => "file".to_string(),
        other => format!("unknown collection {other},"),
    };
    let text = format!("{collection} buffer {}", buffer.index);
    all.push(("buffer", Parameter::Text(text)));
}

fn push_compression(all: &mut Parameters, compression: Option<&Compression>) {
    let Some(compression) = compression else {
        return;
    };
    all.push(("compression", Parameter::Text(compression.scheme.clone())));
    let level = compression.level.map(i64::from).map(Parameter::Signed);
    all.extend(level.map(|level| ("compression_level", level)));
}

fn push_layers(all: &mut Parameters, layers: &[Layer]) {
    let layers = layers.iter().map(Layer::to_string).collect();
    all.push(("layers", Parameter::List(layers)));
}

fn push_addressing(all: &mut Parameters, addressing: Addressing) {
    match addressing {
        Addressing::PerValue(bits) => {
            all.push(("bits_per_value", Parameter::Number(u64::from(bits))));
        }
        Addressing::PerOffset(bits) => {
            all.push(("bits_per_offset", Parameter::Number(u64::from(bits))));
        }
        Addressing::Unset => all.push(("addressing", Parameter::Text("unset".to_string()))),
    }
}
