//! The indices of a dataset version, as its manifest file lists them (lance-table
//! `format/index.rs`).

use bytes::Bytes;
use prost::Message;
use roaring::RoaringBitmap;

use crate::format::index;
use crate::format::proto::lance::table::{IndexMetadata, InvertedIndexDetails};

/// The folder of indices; each segment has one of its own in it, named by its uuid.
pub const INDICES: &str = "_indices";

/// A segment of an index. Segments of one name make one index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its uuid as text, or a clause without a subject that says why readers refuse it.
    pub uuid: Result<String, String>,
    /// Ids of the fields that it is keyed on; without the flag for independent covering fields,
    /// those that it carries stand behind.
    pub fields: Vec<i32>,
    /// Ids of the fields that it carries.
    pub covering: Vec<i32>,
    /// The fragments that it covers; `None` when it does not tell.
    pub fragments: Result<Option<RoaringBitmap>, String>,
    /// The type URL of its details, when there are details.
    pub type_url: Option<String>,
    /// Why readers refuse its details: a clause without a subject.
    pub bad_details: Option<String>,
    /// The version of its own format.
    pub version: Option<i32>,
    /// When it was built, in milliseconds since 1970.
    pub created_at: Option<u64>,
    /// The version of the dataset that it was built on.
    pub dataset_version: u64,
    /// The base path that it is behind.
    pub base_id: Option<u32>,
    /// Its files below its folder with their bytes; empty when it does not tell.
    pub files: Vec<(String, u64)>,
}

/// A kind of index that Lance 14.0.2 reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexKind {
    /// The last part of its type URL.
    pub message: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// The newest version of its format that is read; newer ones are logged and passed over.
    pub newest: i32,
}

const fn kind(message: &'static str, name: &'static str, newest: i32) -> IndexKind {
    IndexKind {
        message,
        name,
        newest,
    }
}

/// Kinds and the newest version of each (lance-index `lib.rs`, `scalar/*.rs`; lance `index.rs`).
const KINDS: &[IndexKind] = &[
    kind("VectorIndexDetails", "vector", 2),
    kind("BTreeIndexDetails", "BTREE", 1),
    kind("BitmapIndexDetails", "BITMAP", 0),
    kind("LabelListIndexDetails", "LABEL_LIST", 1),
    kind("InvertedIndexDetails", "INVERTED", 3),
    kind("NGramIndexDetails", "NGRAM", 0),
    kind("ZoneMapIndexDetails", "ZONEMAP", 0),
    kind("BloomFilterIndexDetails", "BLOOMFILTER", 0),
    kind("JsonIndexDetails", "JSON", 0),
    kind("RTreeIndexDetails", "RTREE", 0),
    kind("FMIndexDetails", "FM", 10),
    kind("MinHashLshIndexDetails", "MINHASH_LSH", 0),
    kind("FragmentReuseIndexDetails", "fragment reuse", 1),
    kind("MemWalIndexDetails", "MemWAL", i32::MAX),
];

impl Index {
    /// Takes a segment as the manifest file lists it.
    pub fn new(message: &IndexMetadata) -> Self {
        let files = message.files.iter();
        Self {
            name: message.name.clone(),
            uuid: index::uuid(message).map(uuid_text),
            fields: message.fields.clone(),
            covering: message.covering_fields.clone(),
            fragments: index::fragments(message),
            type_url: message.index_details.as_ref().map(|d| d.type_url.clone()),
            bad_details: message
                .index_details
                .as_ref()
                .and_then(|details| bad_details(&details.type_url, &details.value)),
            version: message.index_version,
            created_at: message.created_at,
            dataset_version: message.dataset_version,
            base_id: message.base_id,
            files: files.map(|f| (f.path.clone(), f.size_bytes)).collect(),
        }
    }

    /// What kind it is; `None` for one that this build does not know, or that does not tell.
    pub fn kind(&self) -> Option<IndexKind> {
        let url = self.type_url.as_deref()?;
        let message = url.rsplit(['.', '/']).next()?;
        let mut kinds = KINDS.iter();
        kinds.find(|kind| kind.message == message).copied()
    }

    /// Whether readers look into its files to learn its kind, and pass over it where they cannot read
    /// them: vector indices up to Lance 6 are such.
    pub fn is_looked_into(&self) -> bool {
        let url = self.type_url.as_deref();
        url.is_some_and(|url| url.ends_with("lance.table.VectorIndexDetails"))
    }

    /// Whether Lance keeps it for itself: such have no field, and need no files.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with("__lance_")
    }

    /// Fragments that it covers, as far as it tells.
    pub fn covered(&self) -> Option<&RoaringBitmap> {
        self.fragments.as_ref().ok()?.as_ref()
    }
}

/// Why readers refuse the details of an index of a kind (lance `index/scalar.rs`, lance-index
/// `scalar/inverted/tokenizer.rs`).
fn bad_details(type_url: &str, value: &Bytes) -> Option<String> {
    if !type_url.ends_with("InvertedIndexDetails") {
        return None;
    }
    let details = match InvertedIndexDetails::decode(value.clone()) {
        Ok(details) => details,
        Err(error) => return Some(format!("has details that do not decode ({error})")),
    };
    let language = details.language.as_str();
    // It is kept as JSON.
    let named = language
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    if !language.is_empty() && !named.is_some_and(|named| LANGUAGES.contains(&named)) {
        return Some(format!("has the language {language:?}, which is not known"));
    }
    if let Some(size) = details.block_size.filter(|size| ![128, 256].contains(size)) {
        return Some(format!("has blocks of {size} documents"));
    }
    let format = details.posting_format_version;
    if let Some(format) = format.filter(|format| !(1..=3).contains(format)) {
        return Some(format!("has posting lists of format {format}"));
    }
    if !(0..=1).contains(&details.document_granularity) {
        let granularity = details.document_granularity;
        return Some(format!("has documents of granularity {granularity}"));
    }
    let is_code = details.base_tokenizer.as_deref() == Some("code");
    (details.code_config.is_some() && !is_code)
        .then(|| "has options of a tokenizer of code, and another tokenizer".to_string())
}

/// The languages of full-text indices (the enum of the crate `tantivy`).
const LANGUAGES: &[&str] = &[
    "Arabic",
    "Danish",
    "Dutch",
    "English",
    "Finnish",
    "French",
    "German",
    "Greek",
    "Hungarian",
    "Italian",
    "Norwegian",
    "Portuguese",
    "Romanian",
    "Russian",
    "Spanish",
    "Swedish",
    "Tamil",
    "Turkish",
];

/// The usual form of a uuid.
fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
