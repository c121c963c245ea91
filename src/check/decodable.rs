//! The data files of a subject, kept for a decoder when one is to read them too.

use std::borrow::Cow;

use super::column_stats::Wanted;
use super::dataset::file_place;
use super::file::place;
use crate::format::data_file::read;
use crate::format::proto::lance::file::Field as WireField;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment};
use crate::model::data_file::{Caches, DataFile};
use crate::model::join::{Placement, join};
use crate::model::schema::FieldTree;
use crate::model::snapshot::Snapshot;
use crate::model::version::FileVersion;
use crate::storage::{Location, Storage};

/// The data files that were checked. They are not held in memory, but opened again one at a time.
#[derive(Debug)]
pub struct Decodable {
    source: Source,
    wanted: Wanted,
}

#[derive(Debug)]
enum Source {
    /// Files of a snapshot: which fragment of the manifest, and which file of the fragment.
    Dataset {
        snapshot: Box<Snapshot>,
        files: Vec<(usize, usize)>,
    },
    File(Location),
}

/// One of them, opened.
#[derive(Debug)]
pub struct DecodableFile<'a> {
    /// How it is shown, as in [`crate::rules::FileView::name`].
    pub name: String,
    /// Its fragment; `None` for a file by itself.
    pub fragment: Option<u64>,
    /// Where it is.
    pub location: Location,
    /// Bytes that the manifest states; 0 when it states none.
    pub stated_size: u64,
    /// Rows that the manifest states.
    pub stated_rows: Option<u64>,
    /// Field ids that the file is said to hold.
    pub ids: Cow<'a, [i32]>,
    /// The column of each; negative for none. Empty for 0.1 files.
    pub column_indices: Cow<'a, [i32]>,
    /// The schema that it is read by, as stored.
    pub fields: Cow<'a, [WireField]>,
    /// That schema.
    pub schema: Cow<'a, FieldTree>,
    /// What is in it.
    pub data: DataFile,
    /// Its version.
    pub version: FileVersion,
    /// Where each field of the schema is in it.
    pub placed: Vec<Placement>,
}

impl Decodable {
    pub(super) fn dataset(snapshot: Snapshot, files: Vec<(usize, usize)>, wanted: Wanted) -> Self {
        Self {
            source: Source::Dataset {
                snapshot: Box::new(snapshot),
                files,
            },
            wanted,
        }
    }

    pub(super) fn file(location: Location, wanted: Wanted) -> Self {
        Self {
            source: Source::File(location),
            wanted,
        }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Dataset { files, .. } => files.len(),
            Source::File(_) => 1,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the field at this index of the schema was asked for.
    pub fn wants(&self, at: usize) -> bool {
        self.wanted.has(at)
    }

    /// Opens one, from 0; `None` when it cannot be read as far as its columns, of which the rules
    /// have told.
    pub fn open(&self, storage: &dyn Storage, at: usize) -> Option<DecodableFile<'_>> {
        match &self.source {
            Source::Dataset { snapshot, files } => {
                let (fragment, entry) = files.get(at)?;
                let fragment = snapshot.message().fragments.get(*fragment)?;
                let entry = fragment.files.get(*entry)?;
                of_dataset(storage, snapshot, fragment, entry)
            }
            Source::File(location) => by_itself(storage, location),
        }
    }
}

fn of_dataset<'a>(
    storage: &dyn Storage,
    snapshot: &'a Snapshot,
    fragment: &'a DataFragment,
    entry: &'a DataFileEntry,
) -> Option<DecodableFile<'a>> {
    let (location, name) = file_place(snapshot, entry);
    let location = location.ok()?;
    let raw = read(storage, &location, entry.file_size_bytes).ok()?;
    let mut data = DataFile::new(raw, &Caches::default());
    data.load_legacy_pages(storage, &location, &entry.fields);
    let version = data.version?;
    let placed = join(
        &snapshot.schema,
        &entry.fields,
        &entry.column_indices,
        version,
        data.num_columns(),
    );
    Some(DecodableFile {
        name,
        fragment: Some(fragment.id),
        location,
        stated_size: entry.file_size_bytes,
        stated_rows: Some(fragment.physical_rows).filter(|rows| *rows > 0),
        ids: Cow::Borrowed(&entry.fields),
        column_indices: Cow::Borrowed(&entry.column_indices),
        fields: Cow::Borrowed(&snapshot.message().fields),
        schema: Cow::Borrowed(&snapshot.schema),
        data,
        version,
        placed,
    })
}

fn by_itself(storage: &dyn Storage, location: &Location) -> Option<DecodableFile<'static>> {
    let (data, _) = super::file::open(storage, location);
    let data = data.ok()?;
    let version = data.version?;
    let schema = data.schema.as_deref()?.clone();
    let placed = place(&data, version, &schema, &Caches::default());
    let mut ids = Vec::new();
    let mut column_indices = Vec::new();
    for (field, placement) in schema.fields.iter().zip(&placed) {
        let index = match placement {
            Placement::Column(index) => i32::try_from(*index).unwrap_or(i32::MAX),
            Placement::Structure => -1,
            Placement::Inside | Placement::Absent | Placement::Lost { .. } => continue,
        };
        ids.push(field.id);
        column_indices.push(index);
    }
    if version == FileVersion::V0_1 {
        column_indices.clear();
    }
    // Writers give the children of a v2 blob no ids; a reader makes its own.
    let mut fields = data.schema_fields()?;
    fields.retain(|field| field.id >= 0);
    Some(DecodableFile {
        name: location.to_string(),
        fragment: None,
        location: location.clone(),
        stated_size: 0,
        stated_rows: None,
        ids: Cow::Owned(ids),
        column_indices: Cow::Owned(column_indices),
        fields: Cow::Owned(fields),
        schema: Cow::Owned(schema),
        data,
        version,
        placed,
    })
}
