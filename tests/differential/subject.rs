//! A data file taken apart, with the manifest that names it, and put together again.

use bytes::Bytes;

use crate::wire::{Message, Value, types};

pub const FOOTER: usize = 40;
/// The data file's path below `data/`.
pub const FILE_NAME: &str = "a.lance";

/// A number of the container that is written otherwise than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    ColumnMetadataStart,
    ColumnTable,
    GlobalBufferTable,
    NumGlobalBuffers,
    NumColumns,
    Major,
    Minor,
    /// Position of a column's metadata.
    ColumnPosition(usize),
    /// Length of a column's metadata.
    ColumnLength(usize),
    GlobalPosition(usize),
    GlobalLength(usize),
}

impl Slot {
    pub fn name(self) -> String {
        match self {
            Self::ColumnMetadataStart => "footer column_metadata_start".to_string(),
            Self::ColumnTable => "footer column_table".to_string(),
            Self::GlobalBufferTable => "footer global_buffer_table".to_string(),
            Self::NumGlobalBuffers => "footer num_global_buffers".to_string(),
            Self::NumColumns => "footer num_columns".to_string(),
            Self::Major => "footer major".to_string(),
            Self::Minor => "footer minor".to_string(),
            Self::ColumnPosition(column) => format!("column table[{column}].position"),
            Self::ColumnLength(column) => format!("column table[{column}].length"),
            Self::GlobalPosition(buffer) => format!("global buffer table[{buffer}].position"),
            Self::GlobalLength(buffer) => format!("global buffer table[{buffer}].length"),
        }
    }

    /// The name without numbers, for grouping.
    pub fn group(self) -> String {
        self.name().replace(|c: char| c.is_ascii_digit(), "")
    }
}

/// How to change a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Set(u64),
    Add(i64),
    Double,
    Halve,
}

impl Change {
    pub fn apply(self, value: u64) -> u64 {
        match self {
            Self::Set(value) => value,
            Self::Add(by) => value.wrapping_add_signed(by),
            Self::Double => value.wrapping_mul(2),
            Self::Halve => value / 2,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Subject {
    pub version: (u16, u16),
    /// Everything before the file schema, verbatim.
    pub data: Bytes,
    /// Global buffer 0, when it is there and a message.
    pub descriptor: Option<Message>,
    /// Global buffers from 1 on: where they stand in `data`.
    pub global_buffers: Vec<(u64, u64)>,
    pub columns: Vec<Message>,
    pub manifest: Message,
    /// Bytes put between the data and the file schema.
    pub padding: usize,
    /// Numbers of the container to be written otherwise.
    pub patches: Vec<(Slot, Change)>,
    /// The manifest names this size instead of the file's own, when it says other than `true`.
    pub size: Size,
}

/// What the manifest says of the file's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Right,
    Unsaid,
    Off(i64),
}

/// What a case is run on.
#[derive(Debug, Clone)]
pub struct Assembled {
    pub file: Bytes,
    /// The encoded manifest message.
    pub manifest: Vec<u8>,
    pub message: Message,
}

impl Subject {
    /// Takes a data file apart. `manifest` is the message that names it.
    pub fn parse(file: &Bytes, manifest: Message) -> Self {
        let types = types();
        let end = file.len() - FOOTER;
        let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let u16_at = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
        let index = |value: u64| usize::try_from(value).unwrap();
        let table = |at: u64, entries: u32| -> Vec<(u64, u64)> {
            (0..entries as usize)
                .map(|entry| {
                    let at = index(at) + entry * 16;
                    (u64_at(at), u64_at(at + 8))
                })
                .collect()
        };
        let slice = |(position, length): &(u64, u64)| {
            file.slice(index(*position)..index(*position + *length))
        };
        let globals = table(u64_at(end + 16), u32_at(end + 24));
        let columns = table(u64_at(end + 8), u32_at(end + 28));
        let descriptor = Message::parse(
            types.named("lance.file.FileDescriptor"),
            &slice(&globals[0]),
        )
        .expect("the file schema is a message");
        Self {
            version: (u16_at(end + 32), u16_at(end + 34)),
            data: file.slice(..index(globals[0].0)),
            descriptor: Some(descriptor),
            global_buffers: globals[1..].to_vec(),
            columns: columns
                .iter()
                .map(|entry| {
                    Message::parse(types.named("lance.file.v2.ColumnMetadata"), &slice(entry))
                        .expect("column metadata is a message")
                })
                .collect(),
            manifest,
            padding: 0,
            patches: Vec::new(),
            size: Size::Right,
        }
    }

    fn patched(&self, slot: Slot, value: u64) -> u64 {
        let patches = self.patches.iter().filter(|(which, _)| *which == slot);
        patches.fold(value, |value, (_, change)| change.apply(value))
    }

    pub fn assemble(&self) -> Assembled {
        let mut file = self.data.to_vec();
        file.resize(file.len() + self.padding, 0);
        let mut globals = Vec::new();
        if let Some(descriptor) = &self.descriptor {
            let bytes = descriptor.encode();
            globals.push((file.len() as u64, bytes.len() as u64));
            file.extend_from_slice(&bytes);
        }
        globals.extend_from_slice(&self.global_buffers);
        let metadata_start = file.len() as u64;
        let mut columns = Vec::new();
        for column in &self.columns {
            let bytes = column.encode();
            columns.push((file.len() as u64, bytes.len() as u64));
            file.extend_from_slice(&bytes);
        }
        let column_table = file.len() as u64;
        for (at, (position, length)) in columns.iter().enumerate() {
            let position = self.patched(Slot::ColumnPosition(at), *position);
            let length = self.patched(Slot::ColumnLength(at), *length);
            file.extend_from_slice(&position.to_le_bytes());
            file.extend_from_slice(&length.to_le_bytes());
        }
        let global_table = file.len() as u64;
        for (at, (position, length)) in globals.iter().enumerate() {
            let position = self.patched(Slot::GlobalPosition(at), *position);
            let length = self.patched(Slot::GlobalLength(at), *length);
            file.extend_from_slice(&position.to_le_bytes());
            file.extend_from_slice(&length.to_le_bytes());
        }
        let long = |slot, value: u64| self.patched(slot, value).to_le_bytes();
        #[allow(clippy::cast_possible_truncation)]
        let word = |slot, value: usize| (self.patched(slot, value as u64) as u32).to_le_bytes();
        #[allow(clippy::cast_possible_truncation)]
        let half = |slot, value: u16| (self.patched(slot, u64::from(value)) as u16).to_le_bytes();
        file.extend_from_slice(&long(Slot::ColumnMetadataStart, metadata_start));
        file.extend_from_slice(&long(Slot::ColumnTable, column_table));
        file.extend_from_slice(&long(Slot::GlobalBufferTable, global_table));
        file.extend_from_slice(&word(Slot::NumGlobalBuffers, globals.len()));
        file.extend_from_slice(&word(Slot::NumColumns, self.columns.len()));
        file.extend_from_slice(&half(Slot::Major, self.version.0));
        file.extend_from_slice(&half(Slot::Minor, self.version.1));
        file.extend_from_slice(b"LANC");

        let mut message = self.manifest.clone();
        let size = match self.size {
            Size::Right => file.len() as u64,
            Size::Unsaid => 0,
            Size::Off(by) => (file.len() as u64).saturating_add_signed(by),
        };
        if let Some(entry) = data_file_mut(&mut message) {
            entry.set("file_size_bytes", size);
        }
        Assembled {
            file: Bytes::from(file),
            manifest: message.encode(),
            message,
        }
    }
}

impl Assembled {
    /// The manifest as a file: length, message, position, version, magic.
    pub fn manifest_file(&self) -> Bytes {
        let mut file = Vec::with_capacity(self.manifest.len() + 20);
        let length = u32::try_from(self.manifest.len()).unwrap();
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&self.manifest);
        file.extend_from_slice(&0u64.to_le_bytes());
        file.extend_from_slice(&0u16.to_le_bytes());
        file.extend_from_slice(&2u16.to_le_bytes());
        file.extend_from_slice(b"LANC");
        Bytes::from(file)
    }

    /// The schema that the manifest states, as `lance.file.Schema`.
    pub fn schema(&self) -> Vec<u8> {
        let mut schema = Message::empty(types().named("lance.file.Schema"));
        let fields = self.message.children("fields").into_iter().cloned();
        schema.put("fields", fields.map(Value::Message).collect());
        schema.encode()
    }

    pub fn fragment(&self) -> Option<&Message> {
        self.message.children("fragments").first().copied()
    }

    pub fn data_file(&self) -> Option<&Message> {
        self.fragment()?.children("files").first().copied()
    }

    pub fn physical_rows(&self) -> u64 {
        self.fragment()
            .map_or(0, |fragment| fragment.get("physical_rows"))
    }
}

pub fn data_file_mut(manifest: &mut Message) -> Option<&mut Message> {
    manifest.child_mut("fragments", 0)?.child_mut("files", 0)
}

/// A field id or column index: prost writes negative ones as 64-bit numbers.
pub fn signed(value: u64) -> i64 {
    value.cast_signed()
}

/// The fields at the top of a schema: id and name.
pub fn top_level(fields: &[&Message]) -> Vec<(i64, String)> {
    let top = fields
        .iter()
        .filter(|field| signed(field.get("parent_id")) == -1);
    top.map(|field| (signed(field.get("id")), field.text("name")))
        .collect()
}

/// The manifest of a dataset with one fragment of one data file.
pub fn manifest(
    fields: Vec<Message>,
    ids: &[i32],
    columns: &[i32],
    version: (u32, u32),
    rows: u64,
) -> Message {
    let types = types();
    #[allow(clippy::cast_sign_loss)]
    let numbers = |values: &[i32]| -> Vec<u64> {
        values
            .iter()
            .map(|value| i64::from(*value) as u64)
            .collect()
    };
    let mut file = Message::empty(types.named("lance.table.DataFile"));
    file.set_text("path", FILE_NAME);
    file.set_numbers("fields", &numbers(ids));
    file.set_numbers("column_indices", &numbers(columns));
    file.set("file_major_version", u64::from(version.0));
    file.set("file_minor_version", u64::from(version.1));
    file.set("file_size_bytes", 0);
    let mut fragment = Message::empty(types.named("lance.table.DataFragment"));
    fragment.set("id", 0);
    fragment.put("files", vec![Value::Message(file)]);
    fragment.set("physical_rows", rows);
    let mut format = Message::empty(types.named("lance.table.Manifest.DataStorageFormat"));
    format.set_text("file_format", "lance");
    format.set_text("version", &format!("{}.{}", version.0, version.1));
    // Readers do not trust the counts of manifests that do not name their writer.
    let mut writer = Message::empty(types.named("lance.table.Manifest.WriterVersion"));
    writer.set_text("library", "lance");
    writer.set_text("version", lance_lint::KNOWS_LANCE);
    let mut manifest = Message::empty(types.named("lance.table.Manifest"));
    manifest.put("fields", fields.into_iter().map(Value::Message).collect());
    manifest.put("fragments", vec![Value::Message(fragment)]);
    manifest.set("version", 1);
    manifest.set("max_fragment_id", 0);
    manifest.put("writer_version", vec![Value::Message(writer)]);
    manifest.put("data_format", vec![Value::Message(format)]);
    manifest
}
