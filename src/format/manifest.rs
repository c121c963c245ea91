//! The container of a manifest: `… [u32 length][Manifest][i64 position][u16 0][u16 2]["LANC"]`
//! (lance-table `io/manifest.rs`).

use bytes::Bytes;
use prost::Message;
use rayon::prelude::*;

use super::index;
use super::limits::{MAX_MANIFEST_BYTES, MAX_SECTION_BYTES, TAIL_GUESS};
use super::proto::lance::file::Field;
use super::proto::lance::table::{
    DataFragment, IndexMetadata, IndexSection, Manifest, Operations, Transaction,
};
use super::sniff::{Looks, looks_like};
use super::window::Window;
use super::wire::{self, Salvaged, UnknownField};
use super::{Fault, MAGIC, Part, legacy};
use crate::redact::messages as redact;
use crate::storage::{Location, Storage, StorageError};

/// Bytes of a manifest's footer.
const FOOTER_BYTES: u64 = 16;
/// What is wrong with a manifest that lacks nothing but its last four letters.
pub const NO_MAGIC: &str = "does not end in LANC";
/// What is wrong with a manifest whose message ends before the footer (lance-table
/// `io/manifest.rs`, `read_manifest`).
pub const NOT_AT_END: &str = "has bytes between the manifest message and the footer";
/// Bytes of the head that are looked at when a file is not a manifest.
const SNIFF_BYTES: u64 = 512;

/// Bytes from which on a manifest's message is worth several threads: some thousand fragments.
const LARGE_MESSAGE: usize = 512 * 1024;
/// Fragments that a thread decodes at least.
const FRAGMENTS_AT_ONCE: usize = 512;
/// The number of `Manifest.fragments`.
const FRAGMENTS_FIELD: u32 = 2;

/// A manifest that was read, whole or in part.
#[derive(Debug)]
pub struct ManifestFile {
    /// Its size in bytes.
    pub size: u64,
    /// The message, or what could be salvaged of it.
    pub message: Manifest,
    /// Fields that `proto/` does not know.
    pub unknown: Vec<UnknownField>,
    /// Parts that could not be read.
    pub faults: Vec<Fault>,
    /// The indices of the version.
    pub indices: Section<IndexSection>,
    /// What the commit did; only looked at where it comes with the end of the file.
    pub transaction: Section<Transaction>,
    /// Dictionaries of 0.1 columns that are not where the schema says.
    pub dictionaries: Vec<DictionaryFault>,
}

/// What is said of a list of indices that is empty.
pub const NO_INDICES: &str = "is empty";

/// The dictionary of a column of 0.1, which stands in the manifest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DictionaryFault {
    /// The id of the field.
    pub field: i32,
    /// Where it should be, in bytes.
    pub position: u64,
    /// What is wrong: a clause without a subject.
    pub detail: String,
}

/// A message that stands before the manifest's own, in the same file.
#[derive(Debug, Clone, Default)]
pub enum Section<M> {
    /// The manifest names none.
    #[default]
    Absent,
    /// There is one, which was not read.
    Unread,
    /// What it holds.
    Read(M),
    /// It is not where the manifest says: the position, and a clause without a subject.
    Broken(u64, String),
}

impl<M> Section<M> {
    /// What it holds, when it was read.
    pub fn read(&self) -> Option<&M> {
        match self {
            Self::Read(message) => Some(message),
            _ => None,
        }
    }
}

/// Why nothing of a manifest can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadableManifest {
    /// The storage did not give it.
    Storage(StorageError),
    /// It is not a manifest, or its end is gone.
    NotManifest {
        /// Its size in bytes.
        size: u64,
        /// What it is instead, as far as its first and last bytes tell.
        looks: Looks,
        /// What is wrong, as a clause without a subject.
        detail: String,
        /// Whether it ends as a manifest does, and the place that it then names is wrong.
        ends_well: bool,
    },
}

/// Reads a manifest. Where the message is broken, the sound fields are kept.
///
/// # Errors
/// [`UnreadableManifest`] when there is no message to be found.
pub fn read(
    storage: &dyn Storage,
    location: &Location,
) -> Result<ManifestFile, UnreadableManifest> {
    let tail = storage
        .tail(location, TAIL_GUESS)
        .map_err(UnreadableManifest::Storage)?;
    let window = Window {
        size: tail.size,
        start: tail.size.saturating_sub(tail.bytes.len() as u64),
        bytes: tail.bytes,
    };
    let size = window.size;
    let refuse = |detail: String| {
        let head = window
            .slice(&(0..size.min(SNIFF_BYTES)))
            .unwrap_or_default();
        UnreadableManifest::NotManifest {
            size,
            looks: looks_like(&head, &window.bytes),
            detail,
            ends_well: window.bytes.ends_with(MAGIC),
        }
    };
    if size < FOOTER_BYTES {
        return Err(refuse(format!(
            "has {size} bytes, fewer than its footer alone"
        )));
    }
    let mut faults = Vec::new();
    if !window.bytes.ends_with(MAGIC) {
        // Some readers open such a manifest all the same, so go on where a message can be found.
        faults.push(fault(size.saturating_sub(4)..size, NO_MAGIC));
    }
    let position = window
        .u64(size.saturating_sub(FOOTER_BYTES))
        .unwrap_or(u64::MAX);
    let end = size.saturating_sub(FOOTER_BYTES);
    let bytes = match legacy::prefixed(storage, location, &window, position, MAX_MANIFEST_BYTES) {
        Ok(bytes) => bytes,
        Err(detail)
            if position.saturating_add(4) <= end
                && end - position <= MAX_MANIFEST_BYTES
                && faults.is_empty() =>
        {
            // The prefix is wrong; the message still ends where the footer begins.
            faults.push(fault(
                position..end,
                &format!("{detail} (its length prefix is wrong)"),
            ));
            read_to_footer(storage, location, &window, position.saturating_add(4), end)
                .map_err(|error| refuse(format!("could not be read: {error}")))?
        }
        Err(detail) if faults.is_empty() => {
            return Err(refuse(format!("should be at byte {position} but {detail}")));
        }
        Err(_) => return Err(refuse("does not end as a manifest does".to_string())),
    };
    let (salvaged, mut unknown) = match bytes.len() < LARGE_MESSAGE {
        true => (wire::salvage::<Manifest>(&bytes), unknown_fields(&bytes)),
        false => rayon::join(|| decode_large(&bytes), || unknown_fields(&bytes)),
    };
    if !faults.is_empty() && !salvaged.faults.is_empty() {
        return Err(refuse(match window.bytes.ends_with(MAGIC) {
            true => format!("holds no manifest at byte {position}, where its end says that one is"),
            false => "does not end as a manifest does".to_string(),
        }));
    }
    let behind = position.saturating_add(4 + bytes.len() as u64);
    if faults.is_empty() && salvaged.faults.is_empty() && behind < end {
        faults.push(fault(behind..end, NOT_AT_END));
    }
    faults.extend(
        salvaged
            .faults
            .iter()
            .map(|detail| fault(position..end, detail)),
    );
    let mut message = salvaged.message;
    // What is unknown in a message that does not decode is damage, not something newer.
    if !salvaged.faults.is_empty() {
        unknown.clear();
    }
    let section =
        |position| legacy::prefixed(storage, location, &window, position, MAX_SECTION_BYTES);
    let mut indices = match message.index_section {
        None => Section::Absent,
        Some(position) => section(position)
            .and_then(|bytes| {
                let section = IndexSection::decode(bytes.clone()).map_err(undecoded)?;
                unknown.extend(wire::unknown_fields(".lance.table.IndexSection", &bytes));
                match section.indices.is_empty() {
                    // Without indices, no release writes such a list.
                    true => Err(NO_INDICES.to_string()),
                    false => Ok(section),
                }
            })
            .map_or_else(|detail| Section::Broken(position, detail), Section::Read),
    };
    let stated = message.transaction_section;
    let transaction = match stated.or(message.transaction_section_deprecated) {
        None => Section::Absent,
        // Readers too look at it only where it comes with the rest.
        Some(position) if position < window.start => Section::Unread,
        Some(position) => section(position)
            .and_then(|bytes| {
                let transaction = transaction(bytes.clone())?;
                unknown.extend(wire::unknown_fields(".lance.table.Transaction", &bytes));
                Ok(transaction)
            })
            .map_or_else(|detail| Section::Broken(position, detail), Section::Read),
    };
    let format = message
        .data_format
        .as_ref()
        .map_or("", |format| &format.version);
    let with_dictionaries = match format.starts_with('2') {
        // Files of 2.x hold their dictionaries themselves.
        true => &[][..],
        false => message.fields.as_slice(),
    };
    let dictionaries = with_dictionaries.iter().filter_map(|field| {
        let (position, detail) = dictionary_fault(storage, location, &window, field)?;
        Some(DictionaryFault {
            field: field.id,
            position,
            detail,
        })
    });
    let dictionaries = dictionaries.collect();
    if let Some(redactor) = storage.redactor() {
        redact::manifest(redactor, &mut message);
        if let Section::Read(section) = &mut indices {
            redact::indices(redactor, section);
        }
    }
    Ok(ManifestFile {
        size,
        unknown,
        message,
        faults,
        indices,
        transaction,
        dictionaries,
    })
}

/// Where the dictionary of a field should be and why it is not there (lance-table
/// `io/manifest.rs`): texts one behind the other, and behind them the byte at which each begins,
/// and at which the last ends. Dictionaries of other values tell nothing of where they are.
fn dictionary_fault(
    storage: &dyn Storage,
    location: &Location,
    window: &Window,
    field: &Field,
) -> Option<(u64, String)> {
    let dictionary = field.dictionary.as_ref()?;
    let values = field
        .logical_type
        .strip_prefix("dict:")?
        .split(':')
        .next()?;
    if !matches!(
        values,
        "string" | "large_string" | "binary" | "large_binary"
    ) {
        return None;
    }
    let position = u64::try_from(dictionary.offset).ok()?;
    let length = u64::try_from(dictionary.length)
        .ok()
        .filter(|length| *length > 0)?;
    let end = length
        .checked_add(1)
        .and_then(|offsets| offsets.checked_mul(8))
        .filter(|bytes| *bytes <= MAX_SECTION_BYTES)
        .and_then(|bytes| position.checked_add(bytes))
        .filter(|end| *end <= window.size);
    let Some(end) = end else {
        return Some((
            position,
            format!("would be of {length} entries, for which the file is too short"),
        ));
    };
    let bytes = read_to_footer(storage, location, window, position, end).ok()?;
    let offsets: Vec<u64> = bytes
        .chunks_exact(8)
        .filter_map(|offset| offset.try_into().ok().map(u64::from_le_bytes))
        .collect();
    let fits = offsets.is_sorted() && offsets.last() == Some(&position);
    (!fits).then(|| (position, "is something else".to_string()))
}

fn unknown_fields(bytes: &Bytes) -> Vec<UnknownField> {
    wire::unknown_fields(".lance.table.Manifest", bytes)
}

/// Decodes a manifest that is mostly fragments, these side by side.
fn decode_large(bytes: &Bytes) -> Salvaged<Manifest> {
    let decoded = || {
        let (fragments, rest) = wire::split_repeated_field(bytes, FRAGMENTS_FIELD)?;
        let mut message = Manifest::decode(rest).ok()?;
        let fragments = fragments
            .into_par_iter()
            .with_min_len(FRAGMENTS_AT_ONCE)
            .map(DataFragment::decode);
        message.fragments = fragments.collect::<Result<_, _>>().ok()?;
        Some(message)
    };
    match decoded() {
        Some(message) => Salvaged {
            message,
            faults: Vec::new(),
        },
        None => wire::salvage(bytes),
    }
}

fn undecoded(error: prost::DecodeError) -> String {
    format!("does not decode ({error})")
}

/// Reads the transaction of a manifest file that [`read`] left out.
///
/// # Errors
/// A clause without a subject.
pub fn read_transaction(
    storage: &dyn Storage,
    location: &Location,
    manifest: &ManifestFile,
) -> Result<Option<Transaction>, String> {
    match &manifest.transaction {
        Section::Read(transaction) => return Ok(Some(transaction.clone())),
        Section::Absent => return Ok(None),
        Section::Broken(_, detail) => return Err(detail.clone()),
        Section::Unread => {}
    }
    let message = &manifest.message;
    let stated = message.transaction_section;
    let Some(position) = stated.or(message.transaction_section_deprecated) else {
        return Ok(None);
    };
    let window = Window {
        size: manifest.size,
        start: manifest.size,
        bytes: Bytes::new(),
    };
    let bytes = legacy::prefixed(storage, location, &window, position, MAX_SECTION_BYTES)?;
    transaction(bytes).map(Some)
}

/// The least field number of an operation (lance-table `transaction.proto`).
const FIRST_OPERATION: u32 = 100;

/// Decodes a transaction, and all that is in its operation, as readers do.
///
/// # Errors
/// A clause without a subject.
pub fn transaction(bytes: Bytes) -> Result<Transaction, String> {
    let operations = Operations::decode(bytes.clone()).map_err(undecoded)?;
    if let Some(create) = &operations.create_index {
        let mut indices = create.new_indices.iter().chain(&create.removed_indices);
        if let Some(fault) = indices.find_map(fault_of_index) {
            return Err(fault);
        }
    }
    let transaction = Transaction::decode(bytes.clone()).map_err(undecoded)?;
    // An operation that is not known stands in a field that is not known.
    let has_operation = wire::has_field_from(&bytes, FIRST_OPERATION);
    match has_operation {
        true => Ok(transaction),
        false => Err("names no operation".to_string()),
    }
}

/// Why readers refuse an index that a transaction lists: a clause without a subject.
fn fault_of_index(listed: &IndexMetadata) -> Option<String> {
    let uuid = index::uuid(listed).err();
    let fault = uuid.or_else(|| index::fragments(listed).err())?;
    Some(format!("lists index {:?}, which {fault}", listed.name))
}

fn read_to_footer(
    storage: &dyn Storage,
    location: &Location,
    window: &Window,
    start: u64,
    end: u64,
) -> Result<Bytes, StorageError> {
    match window.slice(&(start..end)) {
        Some(bytes) => Ok(bytes),
        None => storage.range(location, start..end),
    }
}

fn fault(range: std::ops::Range<u64>, detail: &str) -> Fault {
    Fault {
        part: Part::Manifest,
        column: None,
        range: Some(range),
        detail: detail.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::format::proto::lance::table::DataFile;

    fn manifest() -> Bytes {
        let fragment = |id| DataFragment {
            id,
            files: vec![DataFile {
                path: format!("{id}.lance"),
                fields: vec![0, 1],
                ..Default::default()
            }],
            physical_rows: id * 3,
            ..Default::default()
        };
        let message = Manifest {
            version: 7,
            fragments: (0..20).map(fragment).collect(),
            max_fragment_id: Some(19),
            ..Default::default()
        };
        Bytes::from(message.encode_to_vec())
    }

    #[test]
    fn fragments_decoded_side_by_side_are_those_decoded_in_turn() {
        let sound = manifest();
        assert_eq!(
            decode_large(&sound).message,
            Manifest::decode(sound.clone()).unwrap()
        );
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..5_000 {
            let mut bytes = sound.to_vec();
            let at = random.usize(..bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len() * 2));
            let bytes = Bytes::from(bytes);
            let (large, whole) = (decode_large(&bytes), wire::salvage::<Manifest>(&bytes));
            assert_eq!(large.message, whole.message);
            assert_eq!(large.faults, whole.faults);
        }
    }
}
