//! The metadata keys by which a field asks for an encoding: which there are, on what each works,
//! and what each can be set to.
//!
//! From the sources of Lance 0.20 to 14.0.2 (`constants.rs`, `compression.rs`, `strategy.rs`,
//! `structural_encoder.rs`, `blob/write.rs`) and from writing each key, value, type and version
//! with its releases. Keys are case sensitive, and a key that Lance does not know is ignored.

use std::sync::LazyLock;

use crate::model::logical_type::LogicalType;
use crate::model::schema::{BLOB_KEY, BlobDeclaration, Field, FieldTree, PACKED_KEYS};
use crate::model::version::FileVersion;

/// What a field may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To be a v1 blob; its presence counts.
    Blob,
    /// v2 blobs: largest value that stays in the data file.
    BlobInlineSize,
    /// v2 blobs: smallest value that gets a file of its own.
    BlobDedicatedSize,
    /// v2 blobs: largest file of several values.
    BlobPackFileSize,
    /// Structs: to be stored row by row.
    Packed,
    /// A general compression, or FSST.
    Compression,
    /// The level of zstd.
    CompressionLevel,
    /// The share of runs below which run lengths are stored.
    RleThreshold,
    /// Byte stream split.
    Bss,
    /// Bytes of a chunk of a mini-block page.
    MinichunkSize,
    /// Mini-block or full-zip.
    StructuralEncoding,
    /// Values per distinct value from which on a dictionary is tried.
    DictDivisor,
    /// Largest size of a dictionary page, as a share of the plain one.
    DictSizeRatio,
    /// Largest dictionary, in bytes.
    DictMaxSize,
    /// The compression of dictionaries.
    DictValuesCompression,
    /// The level of that.
    DictValuesCompressionLevel,
}

/// What is fixed about a key.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key.
    pub key: Key,
    /// Its name in field metadata.
    pub name: &'static str,
    /// The first Lance release that reads it, as far as known.
    pub since: &'static str,
}

const fn row(key: Key, name: &'static str, since: &'static str) -> KeyInfo {
    KeyInfo { key, name, since }
}

/// Every encoding key of Lance up to 14.0.2.
pub const KEYS: &[KeyInfo] = &[
    row(Key::Blob, BLOB_KEY, "0.20"),
    row(
        Key::BlobInlineSize,
        "lance-encoding:blob-inline-size-threshold",
        "9.0",
    ),
    row(
        Key::BlobDedicatedSize,
        "lance-encoding:blob-dedicated-size-threshold",
        "4.0",
    ),
    row(
        Key::BlobPackFileSize,
        "lance-encoding:blob-pack-file-size-threshold",
        "9.0",
    ),
    row(Key::Packed, "lance-encoding:packed", "0.20"),
    row(Key::Compression, "lance-encoding:compression", "0.20"),
    row(
        Key::CompressionLevel,
        "lance-encoding:compression-level",
        "0.20",
    ),
    row(Key::RleThreshold, "lance-encoding:rle-threshold", "0.32"),
    row(Key::Bss, "lance-encoding:bss", "0.33"),
    row(Key::MinichunkSize, "lance-encoding:minichunk-size", "2.0"),
    row(
        Key::StructuralEncoding,
        "lance-encoding:structural-encoding",
        "0.27",
    ),
    row(Key::DictDivisor, "lance-encoding:dict-divisor", "0.32"),
    row(Key::DictSizeRatio, "lance-encoding:dict-size-ratio", "0.39"),
    row(Key::DictMaxSize, "lance-encoding:dict-max-size", "14.0"),
    row(
        Key::DictValuesCompression,
        "lance-encoding:dict-values-compression",
        "3.0",
    ),
    row(
        Key::DictValuesCompressionLevel,
        "lance-encoding:dict-values-compression-level",
        "3.0",
    ),
];

/// Other keys of field metadata that Lance up to 14.0.2 reads.
pub const SCHEMA_KEYS: &[&str] = &[
    "lance-schema:storage-class",
    "lance-schema:unenforced-primary-key",
    "lance-schema:unenforced-primary-key:position",
    "lance-schema:unenforced-clustering-key:position",
];

/// How every encoding key begins.
const ENCODING: &str = "lance-encoding:";
/// How every other key of Lance's begins.
const SCHEMA: &str = "lance-schema:";

impl KeyInfo {
    /// The key of a name.
    pub fn of(name: &str) -> Option<&'static Self> {
        // Most metadata is not for Lance.
        if !name.starts_with(ENCODING) {
            return None;
        }
        KEYS.iter().find(|info| info.name == name)
    }
}

impl Key {
    /// Its name in field metadata.
    pub fn name(self) -> &'static str {
        let info = KEYS.iter().find(|info| info.key == self);
        info.map_or("", |info| info.name)
    }

    /// The first Lance release that reads it.
    pub fn since(self) -> &'static str {
        let info = KEYS.iter().find(|info| info.key == self);
        info.map_or("", |info| info.since)
    }

    /// What a field sets it to.
    pub fn of(self, field: &Field) -> Option<&str> {
        field.metadata.get(self.name()).map(String::as_str)
    }
}

/// A key that is meant for Lance and that no Lance knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Typo {
    /// The known key that is nearest to it, when one is near.
    pub meant: Option<&'static str>,
}

/// Letters and digits only, in lower case: what remains when a separator was mistaken.
fn letters(name: &str) -> impl Iterator<Item = char> {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase())
}

/// Longest key, in bytes, for which a known one is looked for that it may be meant for.
const LONGEST_KEY: usize = 128;

/// All known keys, as they are and by their [`letters`].
static KNOWN_KEYS: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    let encoding = KEYS.iter().map(|info| info.name);
    let known = encoding.chain(SCHEMA_KEYS.iter().copied());
    known
        .map(|known| (known, letters(known).collect()))
        .collect()
});

/// Whether a key is meant for Lance, and unknown to it.
pub fn misspelt(name: &str) -> Option<Typo> {
    if KeyInfo::of(name).is_some() || SCHEMA_KEYS.contains(&name) || name == PACKED_KEYS[0] {
        return None;
    }
    let begins = |prefix: &str| {
        let stem = prefix.trim_end_matches(':');
        let start = letters(name).take(letters(prefix).count());
        start.eq(letters(prefix)) || name.starts_with(stem)
    };
    let ours = begins(ENCODING) || begins(SCHEMA);
    let wanted = match name.len() > LONGEST_KEY {
        // No slip makes a key that long, and distances take time by the product of lengths.
        true => String::new(),
        false => letters(name).collect(),
    };
    if !ours && !wanted.starts_with("lance") {
        return None;
    }
    let scored = KNOWN_KEYS.iter().map(|(known, bare)| {
        let distance = strsim::osa_distance(&wanted, bare);
        (distance, *known)
    });
    let nearest = scored.min_by_key(|(distance, _)| *distance);
    // A slip or two in a word, a few more in a long one.
    let near = nearest.filter(|(distance, known)| {
        let tail = known.split_once(':').map_or(*known, |(_, tail)| tail);
        *distance <= (tail.len() / 3).max(1)
    });
    // A key that begins otherwise is someone else's, unless it is one of ours but for its
    // separators, its case or a letter of the prefix.
    let almost = nearest.is_some_and(|(distance, _)| wanted.starts_with("lance") && distance <= 2);
    let meant = near.map(|(_, known)| known);
    (ours || almost).then_some(Typo { meant })
}

/// A general compression, or FSST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// No compression.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
    /// FSST, for strings.
    Fsst,
}

impl Scheme {
    /// Reads a value as writers do: exactly.
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            "none" => Some(Self::None),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            "fsst" => Some(Self::Fsst),
            _ => None,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Fsst => "fsst",
        }
    }

    /// What a field asks for.
    pub fn of(field: &Field) -> Option<Self> {
        Self::parse(Key::Compression.of(field)?)
    }
}

/// A way to lay out pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// Values in chunks.
    MiniBlock,
    /// Values one by one.
    FullZip,
    /// Positions of what is not usual, 2.3 only.
    Sparse,
}

impl Structure {
    /// Reads a value as writers do: in any case.
    pub fn parse(value: &str) -> Option<Self> {
        match value.to_lowercase().as_str() {
            "miniblock" => Some(Self::MiniBlock),
            "fullzip" => Some(Self::FullZip),
            "sparse" => Some(Self::Sparse),
            _ => None,
        }
    }

    /// What a field asks for.
    pub fn of(field: &Field) -> Option<Self> {
        Self::parse(Key::StructuralEncoding.of(field)?)
    }
}

/// What a field is to a writer, which decides what of its metadata is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A struct, list or map: its values are in fields below it.
    Above,
    /// A blob of either generation.
    Blob(BlobDeclaration),
    /// A packed struct.
    Packed,
    /// Below a packed struct; whether any field below it varies in length.
    InPacked {
        /// Whether it does, which makes values be compressed one by one from 2.2 on.
        variable: bool,
    },
    /// Below a blob.
    InBlob,
    /// A field with values of its own.
    Leaf,
}

impl Role {
    /// What the field at this place of a schema is.
    pub fn of(schema: &FieldTree, at: usize) -> Option<Self> {
        let field = schema.fields.get(at)?;
        for above in schema.ancestors(at) {
            let parent = schema.fields.get(above)?;
            if parent.blob().is_some() {
                return Some(Self::InBlob);
            }
            if is_packed(parent) {
                let below = schema.subtree(above).filter_map(|at| schema.fields.get(at));
                let varies = |f: &Field| matches!(f.logical_type, LogicalType::Variable { .. });
                return Some(Self::InPacked {
                    variable: below.into_iter().any(varies),
                });
            }
        }
        Some(match field.blob() {
            Some(declared) => Self::Blob(declared),
            None if is_packed(field) => Self::Packed,
            None if field.logical_type.is_nested() => Self::Above,
            None => Self::Leaf,
        })
    }
}

fn is_packed(field: &Field) -> bool {
    matches!(field.logical_type, LogicalType::Struct) && field.packed()
}

/// A field with what writers look at beside its metadata.
#[derive(Debug, Clone, Copy)]
pub struct HintContext<'a> {
    /// The field.
    pub field: &'a Field,
    /// The top-level field that it is or stands below.
    pub root: &'a Field,
    /// What it is.
    pub role: Role,
    /// The version of the file.
    pub version: FileVersion,
}

impl<'a> HintContext<'a> {
    /// Looks at the field at this place of a schema.
    pub fn new(schema: &'a FieldTree, at: usize, version: FileVersion) -> Option<Self> {
        let root = schema.ancestors(at).last().unwrap_or(at);
        Some(Self {
            field: schema.fields.get(at)?,
            root: schema.fields.get(root)?,
            role: Role::of(schema, at)?,
            version,
        })
    }

    fn is_root(&self) -> bool {
        self.field.parent.is_none()
    }

    fn bits(&self) -> Option<u64> {
        match self.field.logical_type {
            LogicalType::Fixed { bits } => Some(bits),
            _ => None,
        }
    }

    fn is_variable(&self) -> bool {
        matches!(self.field.logical_type, LogicalType::Variable { .. })
    }

    /// Whether a page of the field can get a dictionary: strings, 128 bits, and from 2.2 on 64.
    fn can_have_dictionary(&self) -> bool {
        match &self.field.logical_type {
            LogicalType::Variable { .. } | LogicalType::Dictionary { .. } => true,
            LogicalType::Fixed { bits: 128 } => true,
            LogicalType::Fixed { bits: 64 } => self.version >= FileVersion::V2_2,
            LogicalType::FixedSizeList { .. } => self.version >= FileVersion::V2_3,
            _ => false,
        }
    }
}

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub struct BadValue {
    /// What it can be.
    pub allowed: String,
    /// What the next write does with it.
    pub effect: String,
    /// What was meant, when that can be told.
    pub meant: Option<&'static str>,
}

const SCHEMES: &[&str] = &["none", "lz4", "zstd", "fsst"];
const STRUCTURES: &[&str] = &["miniblock", "fullzip"];

fn meant(value: &str, words: &[&'static str]) -> Option<&'static str> {
    let bare: String = letters(value).collect();
    let distance = |word: &&'static str| strsim::damerau_levenshtein(&bare, word);
    words
        .iter()
        .copied()
        .min_by_key(distance)
        .filter(|word| distance(word) <= 1)
}

/// Validates the value of a key. Returns `None` if it is valid.
pub fn bad_value(key: Key, value: &str, asking: &HintContext<'_>) -> Option<BadValue> {
    let version = asking.version;
    // 0.1 reads none of them, which has a rule of its own.
    if version == FileVersion::V0_1 {
        return None;
    }
    let bad = |allowed: &str, effect: String| {
        Some(BadValue {
            allowed: allowed.to_string(),
            effect,
            meant: None,
        })
    };
    let ignored = |default: &str| format!("ignores it, as if the key were not there: {default}");
    match key {
        Key::Blob | Key::Packed => None,
        Key::Compression => bad_scheme(value, asking),
        Key::CompressionLevel | Key::DictValuesCompressionLevel => match value.parse::<i32>() {
            Ok(_) => None,
            Err(_) => bad("an integer", ignored("zstd works at its default level")),
        },
        Key::RleThreshold => match value.parse::<f64>() {
            Ok(_) => None,
            Err(_) => bad("a number from 0 to 1", ignored("the default decides")),
        },
        Key::Bss => match value.to_lowercase().as_str() {
            "off" | "on" | "auto" => None,
            _ => Some(BadValue {
                meant: meant(value, &["off", "on", "auto"]),
                ..bad(
                    "off, on or auto",
                    ignored("auto is used, and a line is logged"),
                )?
            }),
        },
        Key::MinichunkSize => match value.parse::<i64>() {
            Err(_) => bad(
                "a number of bytes, without a unit",
                ignored("the default of 4096 is used, and a line is logged"),
            ),
            Ok(_) => None,
        },
        Key::StructuralEncoding => bad_structure(value, asking),
        Key::DictDivisor => match value.parse::<u64>() {
            Ok(_) => None,
            Err(_) => bad("an integer from 1 on", ignored("the default of 2 is used")),
        },
        Key::DictSizeRatio => match value.parse::<f64>() {
            Err(_) => bad(
                "a number above 0, up to 1",
                ignored("the default of 0.8 is used"),
            ),
            Ok(ratio) if ratio > 0.0 && ratio <= 1.0 || ratio.is_nan() => None,
            Ok(ratio) => bad(
                "a number above 0, up to 1",
                dictionary_panic(
                    asking,
                    &format!("dict-size-ratio is {ratio} which is not in the range (0, 1]."),
                ),
            ),
        },
        Key::DictMaxSize => match value.parse::<usize>() {
            Ok(_) => None,
            Err(_) => bad(
                "a number of bytes, without a unit",
                dictionary_panic(
                    asking,
                    &format!("dict-max-size is {value} which is not a byte count"),
                ),
            ),
        },
        Key::DictValuesCompression => bad_dictionary_scheme(value, asking),
        Key::BlobInlineSize | Key::BlobDedicatedSize | Key::BlobPackFileSize => {
            let least = usize::from(key != Key::BlobInlineSize);
            if value.parse::<usize>().is_ok_and(|bytes| bytes >= least) {
                return None;
            }
            let effect = match asking.role {
                Role::Blob(BlobDeclaration::V2) => {
                    format!(
                        "fails: Invalid blob threshold metadata {}={value:?}",
                        key.name()
                    )
                }
                _ => "ignores it: only v2 blobs have thresholds".to_string(),
            };
            bad("a number of bytes, without a unit", effect)
        }
    }
}

fn bad_scheme(value: &str, asking: &HintContext<'_>) -> Option<BadValue> {
    let large = matches!(
        asking.field.logical_type,
        LogicalType::Variable { large: true, .. }
    );
    let (version, leaf) = (asking.version, asking.role == Role::Leaf);
    if value == "fsst" && version == FileVersion::V2_0 && large && leaf {
        return Some(BadValue {
            allowed: format!(
                "none, lz4 or zstd: in 2.0 fsst does not take {}",
                asking.field.type_text
            ),
            effect: "fails: Encountered internal error … Encoding task failed or panicked"
                .to_string(),
            meant: None,
        });
    }
    if Scheme::parse(value).is_some() {
        return None;
    }
    let inert = matches!(
        asking.field.logical_type,
        LogicalType::FixedSizeList { .. } | LogicalType::Null
    );
    let effect = match (version, asking.role) {
        (FileVersion::V2_0, Role::Leaf) => "ignores it, as if the key were not there".to_string(),
        (_, Role::Leaf) if !inert => {
            let fails = format!("fails: Unknown compression scheme: {value}");
            match asking.is_variable() {
                true => format!(
                    "{fails}; pages that come out full-zip are compressed with zstd instead"
                ),
                false => fails,
            }
        }
        _ => "ignores it: the field has no pages to compress".to_string(),
    };
    Some(BadValue {
        allowed: "none, lz4, zstd or fsst, in lower case".to_string(),
        effect,
        meant: meant(value, SCHEMES),
    })
}

fn bad_dictionary_scheme(value: &str, asking: &HintContext<'_>) -> Option<BadValue> {
    let scheme = Scheme::parse(value);
    if scheme.is_some_and(|scheme| scheme != Scheme::Fsst) {
        return None;
    }
    let effect = if asking.version < FileVersion::V2_2 || !asking.can_have_dictionary() {
        "ignores it: it compresses no dictionaries here".to_string()
    } else {
        let message = match scheme {
            Some(_) => "fsst is not usable as a general buffer compressor".to_string(),
            None => format!("Unknown compression scheme: {value}"),
        };
        format!("fails as soon as a page gets a dictionary: {message}")
    };
    Some(BadValue {
        allowed: "none, lz4 or zstd, in lower case".to_string(),
        effect,
        meant: meant(value, &["none", "lz4", "zstd"]),
    })
}

fn bad_structure(value: &str, asking: &HintContext<'_>) -> Option<BadValue> {
    let allowed = match asking.version {
        FileVersion::V2_3 => "miniblock, fullzip or sparse",
        _ => "miniblock or fullzip",
    };
    let name = &asking.field.name;
    let effect = match Structure::parse(value) {
        Some(Structure::Sparse) if asking.version == FileVersion::V2_3 => return None,
        Some(Structure::MiniBlock | Structure::FullZip) => return None,
        _ if asking.version == FileVersion::V2_0 => {
            "ignores it: 2.0 has one layout only".to_string()
        }
        _ if !asking.is_root() => {
            "ignores it: the key is read on top-level fields only".to_string()
        }
        Some(Structure::Sparse) => format!(
            "fails: Field '{name}' requests sparse structural encoding, which is not enabled by \
             the selected file format"
        ),
        None => format!(
            "fails, but for pages with a dictionary: Cannot determine structural encoding for \
             field {name}"
        ),
    };
    Some(BadValue {
        allowed: allowed.to_string(),
        effect,
        meant: meant(value, STRUCTURES),
    })
}

/// Writers check these values where they consider a dictionary, and panic.
fn dictionary_panic(asking: &HintContext<'_>, message: &str) -> String {
    let considered = asking.version >= FileVersion::V2_1
        && asking.role == Role::Leaf
        && asking.can_have_dictionary()
        && !matches!(asking.field.logical_type, LogicalType::Dictionary { .. });
    match considered {
        true => format!("panics on pages of 100 values or more: Invalid parameter: {message}"),
        false => "ignores it: the field gets no dictionary".to_string(),
    }
}

/// Why a key with a fit value does nothing for a field; `None` when it may do something.
pub fn idle(key: Key, value: &str, asking: &HintContext<'_>) -> Option<String> {
    // What is there anyway is not requested in vain.
    let moot = match key {
        Key::Bss => !value.eq_ignore_ascii_case("on"),
        Key::DictValuesCompression => value == "none",
        _ => false,
    };
    if moot && asking.role != Role::Above {
        return None;
    }
    let since = |version: FileVersion| {
        let text = format!("files of version {} do not know it", asking.version);
        (asking.version < version).then_some(text)
    };
    match key {
        // The presence of these two makes the field what it is.
        Key::Blob | Key::Packed => None,
        Key::BlobInlineSize | Key::BlobDedicatedSize | Key::BlobPackFileSize => {
            let v2 = asking.role == Role::Blob(BlobDeclaration::V2);
            (!v2).then(|| "only v2 blobs have thresholds".to_string())
        }
        Key::StructuralEncoding => {
            since(FileVersion::V2_1).or_else(|| idle_structure(value, asking))
        }
        Key::Compression => since(FileVersion::V2_0).or_else(|| idle_compression(value, asking)),
        Key::CompressionLevel => since(FileVersion::V2_0).or_else(|| idle_level(asking)),
        _ => since(FileVersion::V2_1)
            .or_else(|| idle_role(asking))
            .or_else(|| match key {
                Key::RleThreshold => idle_rle(asking),
                Key::Bss => idle_bss(asking),
                Key::MinichunkSize => idle_minichunk(value, asking),
                _ => idle_dictionary(key, asking),
            }),
    }
}

/// Why nothing of the field's own metadata is read.
fn idle_role(asking: &HintContext<'_>) -> Option<String> {
    match asking.role {
        Role::Leaf => None,
        Role::Above => Some(format!(
            "Lance reads it on the fields that hold values, and they do not inherit it from a {}",
            match asking.field.logical_type {
                LogicalType::Struct => "struct",
                LogicalType::Map => "map",
                _ => "list",
            }
        )),
        Role::Blob(_) => Some("blobs are stored as they are".to_string()),
        Role::InBlob => Some("it is part of a blob, which is stored as it is".to_string()),
        Role::Packed => Some("packed structs are stored row by row, as they are".to_string()),
        Role::InPacked { .. } => {
            Some("it is part of a packed struct, stored row by row".to_string())
        }
    }
}

fn idle_compression(value: &str, asking: &HintContext<'_>) -> Option<String> {
    let scheme = Scheme::parse(value)?;
    // `none` is always honoured where nothing is compressed.
    let none = scheme == Scheme::None;
    if none && asking.role != Role::Above {
        return None;
    }
    if let Role::InPacked { variable: true } = asking.role
        && asking.version >= FileVersion::V2_2
        && asking.is_variable()
    {
        return None;
    }
    if let Some(reason) = idle_role(asking) {
        return Some(reason);
    }
    let text = &asking.field.type_text;
    if asking.version == FileVersion::V2_0 {
        let why = "2.0 compresses strings and binaries only";
        return (!asking.is_variable()).then(|| why.to_string());
    }
    match &asking.field.logical_type {
        LogicalType::FixedSizeList { .. } if !asking.can_have_dictionary() => {
            Some("Lance does not compress fixed-size lists of plain values".to_string())
        }
        LogicalType::Null => Some("nulls take no bytes".to_string()),
        // Writers take it for leave to split bytes, which is something, if not what was asked.
        LogicalType::Fixed { bits: 32 | 64 } if scheme == Scheme::Fsst => None,
        LogicalType::Fixed { .. } | LogicalType::Dictionary { .. } if scheme == Scheme::Fsst => {
            Some(format!("fsst compresses strings and binaries, not {text}"))
        }
        LogicalType::Fixed { bits } => {
            let asked = Structure::of(asking.root);
            let wide = *bits >= 2048 && asked != Some(Structure::MiniBlock);
            let zipped = asked == Some(Structure::FullZip) && !asking.can_have_dictionary();
            if zipped {
                Some("full-zip pages of values of one width are not compressed".to_string())
            } else if wide {
                Some(
                    "values of 256 bytes or more go into full-zip pages, which are not \
                     compressed when all values have one width"
                        .to_string(),
                )
            } else {
                None
            }
        }
        _ => None,
    }
}

fn idle_level(asking: &HintContext<'_>) -> Option<String> {
    match Key::Compression.of(asking.field) {
        None => Some(format!(
            "only zstd has levels, and {} is not set",
            Key::Compression.name()
        )),
        Some("zstd") => idle_compression("zstd", asking),
        Some(other) => Scheme::parse(other)
            .map(|scheme| format!("only zstd has levels, not {}", scheme.word())),
    }
}

fn idle_rle(asking: &HintContext<'_>) -> Option<String> {
    match &asking.field.logical_type {
        LogicalType::FixedSizeList { .. } if asking.can_have_dictionary() => None,
        LogicalType::FixedSizeList { .. } | LogicalType::Null => Some(format!(
            "{} is never stored as runs",
            asking.field.type_text
        )),
        LogicalType::Fixed { bits } if !matches!(bits, 8 | 16 | 32 | 64 | 128) => Some(format!(
            "runs are of values of 8, 16, 32 or 64 bits, and {} has {bits}",
            asking.field.type_text
        )),
        LogicalType::Fixed { .. } if Scheme::of(asking.field) == Some(Scheme::None) => {
            Some(format!("{} = none turns runs off", Key::Compression.name()))
        }
        _ => None,
    }
}

fn idle_bss(asking: &HintContext<'_>) -> Option<String> {
    match asking.bits() {
        Some(bits) if !matches!(bits, 32 | 64 | 128) => {
            return Some(format!(
                "byte stream split is for values of 32 or 64 bits, and {} has {bits}",
                asking.field.type_text
            ));
        }
        _ => {}
    }
    let inert = match &asking.field.logical_type {
        LogicalType::FixedSizeList { .. } => !asking.can_have_dictionary(),
        other => *other == LogicalType::Null,
    };
    match Key::Compression.of(asking.field) {
        _ if inert => Some(format!(
            "byte stream split is for values of 32 or 64 bits, not for {}",
            asking.field.type_text
        )),
        None | Some("none") => Some(format!(
            "byte stream split needs a compression, and {} is not set to one",
            Key::Compression.name()
        )),
        _ => None,
    }
}

fn idle_minichunk(value: &str, asking: &HintContext<'_>) -> Option<String> {
    let bytes = value.parse::<i64>().unwrap_or(0);
    if bytes >= 32_768 && asking.version == FileVersion::V2_1 {
        return Some("chunks of 2.1 files are below 32768 bytes, and more is ignored".to_string());
    }
    if !asking.is_variable() {
        return Some("only chunks of strings and binaries have a size to choose".to_string());
    }
    (Structure::of(asking.root) == Some(Structure::FullZip))
        .then(|| "full-zip pages have no chunks".to_string())
}

fn idle_dictionary(key: Key, asking: &HintContext<'_>) -> Option<String> {
    let text = &asking.field.type_text;
    let is_dictionary = matches!(asking.field.logical_type, LogicalType::Dictionary { .. });
    if !asking.can_have_dictionary() {
        return Some(format!("{text} gets no dictionary in {}", asking.version));
    }
    match key {
        Key::DictMaxSize if is_dictionary || !asking.is_variable() => {
            Some("it bounds dictionaries of strings and binaries".to_string())
        }
        Key::DictDivisor | Key::DictSizeRatio if is_dictionary => {
            Some("the field has a dictionary by its type".to_string())
        }
        Key::DictValuesCompression | Key::DictValuesCompressionLevel
            if asking.version < FileVersion::V2_2 =>
        {
            Some(format!(
                "dictionaries are not compressed in {}",
                asking.version
            ))
        }
        Key::DictValuesCompressionLevel
            if Key::DictValuesCompression.of(asking.field) != Some("zstd") =>
        {
            Some(format!(
                "only zstd has levels, and {} is not set to it",
                Key::DictValuesCompression.name()
            ))
        }
        _ => None,
    }
}

fn idle_structure(value: &str, asking: &HintContext<'_>) -> Option<String> {
    if !asking.is_root() {
        let same = Structure::of(asking.root) == Structure::parse(value);
        return (!same).then(|| "Lance reads it on top-level fields only".to_string());
    }
    match asking.field.logical_type {
        LogicalType::Dictionary { .. } => {
            Some("dictionaries go into mini-block pages whatever is asked".to_string())
        }
        LogicalType::Null => Some("nulls take no bytes".to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::proto::lance::file::Field as WireField;

    fn meant(name: &str) -> Option<Option<&'static str>> {
        misspelt(name).map(|misspelt| misspelt.meant)
    }

    #[test]
    fn slips_capitals_and_separators_are_told_from_keys_of_others() {
        let compression = Some(Some("lance-encoding:compression"));
        for name in [
            "lance-encoding:compresion",
            "lance-encoding:Compression",
            "Lance-Encoding:Compression",
            "LANCE_ENCODING:COMPRESSION",
            "lance-encoding.compression",
            "lance-encodings:compression",
            "lance-encodig:compression",
        ] {
            assert_eq!(meant(name), compression, "{name}");
        }
        assert_eq!(meant("lance-encoding:encryption"), Some(None));
        for name in [
            "compression",
            "encoding",
            "packed",
            "lance",
            "lancedb:x",
            "lance:field_id",
            "balance-encoding",
            "lance-schema:storage-class",
            "ARROW:extension:name",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
        for info in KEYS {
            assert_eq!(meant(info.name), None, "{}", info.name);
            assert_eq!(KeyInfo::of(info.name), Some(info));
        }
    }

    /// A field's parent, type and metadata.
    type Row<'a> = (i32, &'a str, &'a [(&'a str, &'a str)]);

    fn tree(rows: &[Row<'_>]) -> FieldTree {
        let mut wire = Vec::new();
        for (id, (parent, logical_type, metadata)) in (0..).zip(rows) {
            let pair = |(key, value): &(&str, &str)| {
                let value = bytes::Bytes::copy_from_slice(value.as_bytes());
                (key.to_string(), value)
            };
            wire.push(WireField {
                id,
                parent_id: *parent,
                name: format!("f{id}"),
                logical_type: logical_type.to_string(),
                metadata: metadata.iter().map(pair).collect(),
                ..Default::default()
            });
        }
        FieldTree::new(&wire)
    }

    fn is_idle(tree: &FieldTree, at: usize, key: Key, value: &str, version: FileVersion) -> bool {
        let asking = HintContext::new(tree, at, version);
        asking.is_some_and(|asking| idle(key, value, &asking).is_some())
    }

    #[test]
    fn keys_work_where_writers_read_them() {
        use FileVersion::{V0_1, V2_0, V2_1, V2_2};
        let packed: &[(&str, &str)] = &[("lance-encoding:packed", "true")];
        let tree = tree(&[
            (-1, "int64", &[]),
            (-1, "string", &[]),
            (-1, "fixed_size_list:float:8", &[]),
            (-1, "list", &[]),
            (3, "string", &[]),
            (-1, "struct", packed),
            (5, "int32", &[]),
            (5, "string", &[]),
            (-1, "large_binary", &[("lance-encoding:blob", "")]),
        ]);
        let zstd = |at, version| !is_idle(&tree, at, Key::Compression, "zstd", version);
        let works = |version| (0..9).filter(|at| zstd(*at, version)).collect::<Vec<_>>();
        assert_eq!(works(V0_1), [0; 0]);
        assert_eq!(works(V2_0), [1, 4]);
        assert_eq!(works(V2_1), [0, 1, 4]);
        assert_eq!(works(V2_2), [0, 1, 4, 7]);
        let layout = |at, version| !is_idle(&tree, at, Key::StructuralEncoding, "fullzip", version);
        assert!(layout(3, V2_1) && !layout(4, V2_1) && !layout(3, V2_0));
        let dictionary = |at, version| !is_idle(&tree, at, Key::DictDivisor, "4", version);
        assert!(dictionary(1, V2_1) && !dictionary(0, V2_1) && dictionary(0, V2_2));
    }

    #[test]
    fn values_are_judged_as_writers_do() {
        let tree = tree(&[(-1, "string", &[])]);
        let bad = |key, value, version| {
            let asking = HintContext::new(&tree, 0, version);
            asking.and_then(|asking| bad_value(key, value, &asking))
        };
        let v = FileVersion::V2_1;
        for (key, value) in [
            (Key::Compression, "zstd"),
            (Key::CompressionLevel, "-3"),
            (Key::Bss, "AUTO"),
            (Key::StructuralEncoding, "FullZip"),
            (Key::DictSizeRatio, "1"),
            (Key::DictDivisor, "0"),
            (Key::RleThreshold, "0"),
            (Key::BlobInlineSize, "0"),
            (Key::Blob, "anything"),
        ] {
            assert_eq!(bad(key, value, v), None, "{key:?} {value}");
        }
        for (key, value, meant) in [
            (Key::Compression, "ZSTD", Some("zstd")),
            (Key::Compression, "snappy", None),
            (Key::CompressionLevel, "3.5", None),
            (Key::StructuralEncoding, "full-zip", Some("fullzip")),
            (Key::StructuralEncoding, "sparse", None),
            (Key::DictSizeRatio, "0", None),
            (Key::DictMaxSize, "8MB", None),
            (Key::DictValuesCompression, "fsst", None),
            (Key::BlobDedicatedSize, "0", None),
        ] {
            let found = bad(key, value, v).map(|bad| bad.meant);
            assert_eq!(found, Some(meant), "{key:?} {value}");
        }
        assert_eq!(
            bad(Key::StructuralEncoding, "sparse", FileVersion::V2_3),
            None
        );
        assert_eq!(bad(Key::Compression, "ZSTD", FileVersion::V0_1), None);
    }
}
