//! Logical types as manifests spell them (lance-core `datatypes.rs`).

/// The type of a field, as far as its physical shape depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogicalType {
    /// `null`.
    Null,
    /// Values of a fixed number of bits; `bool` has 1.
    Fixed {
        /// Bits of one value.
        bits: u64,
    },
    /// `string`, `binary`, their large forms, `json` and `blob`.
    Variable {
        /// Whether Arrow offsets have 64 bits.
        large: bool,
        /// Whether the values are UTF-8 strings.
        utf8: bool,
    },
    /// `fixed_size_list:…:N` of a type without children of its own.
    FixedSizeList {
        /// The item type.
        item: Box<LogicalType>,
        /// Items of one list.
        dimension: i32,
    },
    /// `fixed_size_list:struct:N`, whose item is a child field.
    FixedSizeListStruct,
    /// `list`, `large_list` and their `.struct` forms.
    List,
    /// `struct`.
    Struct,
    /// `map`.
    Map,
    /// `dict:VALUE:KEY:ORDERED`.
    Dictionary {
        /// The values' type.
        value: Box<LogicalType>,
        /// The indices' type.
        key: Box<LogicalType>,
    },
    /// A spelling that this build cannot read.
    Unknown,
}

impl LogicalType {
    /// Parses the spelling of a manifest. What cannot be parsed is [`LogicalType::Unknown`].
    pub fn parse(text: &str) -> Self {
        Self::parse_nested(text, 0)
    }

    fn parse_nested(text: &str, depth: u32) -> Self {
        // Each level takes 18 bytes of text, so the depth is bounded; this bounds the stack too.
        if depth > 64 {
            return Self::Unknown;
        }
        let fixed = |bits| Self::Fixed { bits };
        let variable = |large, utf8| Self::Variable { large, utf8 };
        match text {
            "null" => Self::Null,
            "bool" => fixed(1),
            "int8" | "uint8" => fixed(8),
            "int16" | "uint16" | "halffloat" => fixed(16),
            "int32" | "uint32" | "float" | "date32:day" | "time32:s" | "time32:ms" => fixed(32),
            "int64" | "uint64" | "double" | "date64:ms" | "time64:us" | "time64:ns"
            | "duration:s" | "duration:ms" | "duration:us" | "duration:ns" => fixed(64),
            "string" => variable(false, true),
            "binary" => variable(false, false),
            "large_string" => variable(true, true),
            "large_binary" | "json" | "blob" => variable(true, false),
            "struct" => Self::Struct,
            "map" => Self::Map,
            "list" | "list.struct" | "large_list" | "large_list.struct" => Self::List,
            _ => Self::parse_parameters(text, depth),
        }
    }

    fn parse_parameters(text: &str, depth: u32) -> Self {
        let fixed = |bits| Self::Fixed { bits };
        let (head, rest) = text.split_once(':').unwrap_or((text, ""));
        let parts: Vec<&str> = rest.split(':').collect();
        match (head, parts.as_slice()) {
            ("timestamp", ["s" | "ms" | "us" | "ns", _, ..]) => Self::Fixed { bits: 64 },
            ("decimal", [_, _, _]) => match decimal(text) {
                Some((bits, _)) => fixed(bits),
                None => Self::Unknown,
            },
            ("fixed_size_binary", [bytes]) => match bytes.parse::<i32>().map(u64::try_from) {
                Ok(Ok(bytes)) => fixed(bytes.saturating_mul(8)),
                _ => Self::Unknown,
            },
            ("dict", [value, key, _]) => {
                let value = Self::parse_nested(value, depth + 1);
                let key = Self::parse_nested(key, depth + 1);
                match value == Self::Unknown || key == Self::Unknown {
                    true => Self::Unknown,
                    false => Self::Dictionary {
                        value: Box::new(value),
                        key: Box::new(key),
                    },
                }
            }
            ("fixed_size_list", [_, ..]) => {
                let Some((item, dimension)) = rest.rsplit_once(':') else {
                    return Self::Unknown;
                };
                let Ok(dimension) = dimension.parse() else {
                    return Self::Unknown;
                };
                match item {
                    "struct" => Self::FixedSizeListStruct,
                    // The item is fixed_size_binary(2) with an extension name.
                    "lance.bfloat16" => Self::FixedSizeList {
                        item: Box::new(Self::Fixed { bits: 16 }),
                        dimension,
                    },
                    _ => match Self::parse_nested(item, depth + 1) {
                        Self::Unknown => Self::Unknown,
                        item => Self::FixedSizeList {
                            item: Box::new(item),
                            dimension,
                        },
                    },
                }
            }
            _ => Self::Unknown,
        }
    }

    /// Whether fields of this type have child fields.
    pub fn is_nested(&self) -> bool {
        matches!(
            self,
            Self::Struct | Self::List | Self::Map | Self::FixedSizeListStruct
        )
    }
}

/// The width of a decimal in bits, and its precision in digits: `decimal:BITS:PRECISION:SCALE`, each
/// as Rust reads a number (lance-core `datatypes.rs`). The precision may be out of the range that
/// Arrow allows.
pub fn decimal(text: &str) -> Option<(u64, u8)> {
    let mut parts = text.strip_prefix("decimal:")?.split(':');
    let bits = parts.next()?.parse::<i16>().ok()?;
    let precision = parts.next()?.parse::<u8>().ok()?;
    parts.next()?.parse::<i8>().ok()?;
    let bits = u64::try_from(bits).ok()?;
    (matches!(bits, 128 | 256) && parts.next().is_none()).then_some((bits, precision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_every_family() {
        let fixed = |bits| LogicalType::Fixed { bits };
        assert_eq!(LogicalType::parse("timestamp:us:+08:00"), fixed(64));
        assert_eq!(LogicalType::parse("decimal:256:40:2"), fixed(256));
        assert_eq!(LogicalType::parse("fixed_size_binary:3"), fixed(24));
        let nested = LogicalType::FixedSizeList {
            item: Box::new(LogicalType::FixedSizeList {
                item: Box::new(fixed(32)),
                dimension: 2,
            }),
            dimension: 3,
        };
        assert_eq!(
            LogicalType::parse("fixed_size_list:fixed_size_list:float:2:3"),
            nested
        );
        for wrong in [
            "timestamp:us",
            "dict:string:int8",
            "decimal:64:1:1",
            "decimal:128:12:x",
            "decimal:128:300:2",
            "decimal:128:12: 2",
            "fixed_size_binary:-1",
            "dict:strin:int8:false",
            "dict:string:int:false",
            "list:int",
            "",
        ] {
            assert_eq!(LogicalType::parse(wrong), LogicalType::Unknown, "{wrong}");
        }
    }
}
