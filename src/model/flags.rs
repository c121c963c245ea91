//! Feature flags of a manifest (lance `feature_flags.rs` of 14.0.2).

/// One bit of the reader or writer feature word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// The bit, from 0.
    pub bit: u32,
    /// What Lance calls it; `None` for a bit that this build does not know.
    pub name: Option<&'static str>,
    /// What stands in a reader's way when the bit is in the reader word.
    pub obstacle: Option<&'static str>,
}

/// Deleted rows are listed in deletion files.
pub const DELETION_FILES: u64 = 1;
/// Rows keep their ids when they are moved.
pub const STABLE_ROW_IDS: u64 = 1 << 1;
/// Files may be elsewhere.
pub const BASE_PATHS: u64 = 1 << 4;
/// Data files may be of several versions.
pub const MIXED_VERSIONS: u64 = 1 << 8;
/// There is an index of fragments that compaction moved.
pub const FRAGMENT_REUSE: u64 = 1 << 10;
/// Blobs are managed by the dataset.
pub const MANAGED_BLOBS: u64 = 1 << 14;
/// Ids of dropped fields are not given again.
pub const NON_REUSABLE_FIELD_IDS: u64 = 1 << 15;
/// Writes start from zones.
pub const ZONE_WRITE_SEEDS: u64 = 1 << 16;

/// Bits from 0 on: name, and why Lance 14.0.2 as released does not read a dataset that sets it.
const KNOWN: [(&str, Option<&str>); 18] = [
    ("deletion files", None),
    ("stable row ids", None),
    ("v2 files", None),
    ("table config", None),
    ("base paths", None),
    ("no transaction files", None),
    (
        "data overlay files",
        Some("needs LANCE_ENABLE_UNSTABLE_DATA_OVERLAY_FILES=1 in the reader's environment"),
    ),
    ("covered index metadata", None),
    ("mixed file versions", None),
    (
        "fragment reuse with stable row ids",
        Some("is switched off in released builds"),
    ),
    ("fragment reuse index", None),
    ("spilled row lineage", None),
    ("fragment tree", Some("is switched off in released builds")),
    (
        "independent covering fields",
        Some("is switched off in released builds"),
    ),
    ("managed blobs", None),
    (
        "non-reusable field ids",
        Some("is a writer flag; readers refuse it"),
    ),
    (
        "zone write seeds",
        Some("is switched off in released builds"),
    ),
    ("object metadata", Some("is refused by released builds")),
];

/// The bits that are set in a feature word, lowest first.
pub fn flags(word: u64) -> Vec<Flag> {
    (0..u64::BITS)
        .filter(|bit| word >> bit & 1 == 1)
        .map(|bit| {
            let known = usize::try_from(bit).ok().and_then(|bit| KNOWN.get(bit));
            Flag {
                bit,
                name: known.map(|(name, _)| *name),
                obstacle: match known {
                    Some((_, obstacle)) => *obstacle,
                    None => Some("is newer than Lance 14.0.2"),
                },
            }
        })
        .collect()
}

impl Flag {
    /// The name, or the number of an unknown bit.
    pub fn label(&self) -> String {
        match self.name {
            Some(name) => name.to_string(),
            None => format!("unknown flag {} (bit {})", 1u64 << self.bit, self.bit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bits_are_named_as_such() {
        let labels: Vec<String> = flags(1 | 2 | 1 << 40).iter().map(Flag::label).collect();
        let unknown = "unknown flag 1099511627776 (bit 40)";
        assert_eq!(labels, ["deletion files", "stable row ids", unknown]);
    }
}
