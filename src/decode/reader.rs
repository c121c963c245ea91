//! A data file as Lance's fragment reader reads it, as far as `lance-file` goes.
//!
//! What the crate `lance` does above it is repeated here (its `dataset/fragment.rs`,
//! `dataset/versions/mod.rs` and lance-table's `format/fragment.rs`): which fields a file has, the map
//! from field ids to columns, how blobs are read, and the checks on opening. What is not: values of
//! v2 blobs, v1 descriptors made into v2 ones, and nulls for fields that are in no file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::DataType;
use futures::StreamExt;
use lance_core::cache::LanceCache;
use lance_core::datatypes::{
    BLOB_DESC_LANCE_FIELD, BlobHandling, Field, OnMissing, OnTypeMismatch, Projection, Schema,
};
use lance_core::{Error, Result};
use lance_encoding::decoder::{DecoderPlugins, FilterExpression};
use lance_file::LanceEncodingsIo;
use lance_file::datatypes::Fields;
use lance_file::format::pb;
use lance_file::reader::{
    CachedFileMetadata, FileMetadataIndex, FileReader, FileReaderOptions, ProjectedFileReader,
    ReaderProjection,
};
use lance_file::version::ConcreteFileVersion;
use lance_file::versions::{reader_projection_from_field_ids, v1};
use lance_io::ReadBatchParams;
use lance_io::object_store::ObjectStore;
use lance_io::scheduler::{FileScheduler, ScanScheduler, SchedulerConfig};
use lance_io::utils::CachedFileSize;
use object_store::path::Path;
use prost::Message;

use super::protocol::{Blobs, Open, Read, Rows, from_hex};

/// The keys that mark a field as a blob, of either generation.
const BLOB_KEY: &str = "lance-encoding:blob";
const EXTENSION_KEY: &str = "ARROW:extension:name";

/// Rows of a batch, as many as a scan takes of narrow columns by default.
const BATCH_ROWS: u32 = 8192;

/// Bytes that decoded page tables of one file may take, so that a page is not initialised again for
/// each other page of its column.
const CACHE_BYTES: usize = 256 << 20;

/// An open data file.
pub struct DataFile {
    version: ConcreteFileVersion,
    /// The part of the schema that is in the file.
    schema: Arc<Schema>,
    opened: Opened,
}

enum Opened {
    Legacy(v1::reader::FileReader),
    Current(Box<Current>),
}

struct Current {
    path: Path,
    scheduler: FileScheduler,
    io: Arc<LanceEncodingsIo>,
    cache: LanceCache,
    columns: BTreeMap<u32, u32>,
    rows: Option<u64>,
    /// Read when first needed.
    metadata: Option<Arc<CachedFileMetadata>>,
    index: Option<Arc<FileMetadataIndex>>,
}

/// The schema in which an encoded message's field 1 repeats `lance.file.Field`.
#[derive(Clone, PartialEq, Message)]
struct Message1 {
    #[prost(message, repeated, tag = "1")]
    fields: Vec<pb::Field>,
}

impl DataFile {
    /// Opens a file and makes the checks that opening a dataset makes of it.
    pub async fn open(open: &Open) -> Result<Self> {
        let bytes = from_hex(&open.schema)
            .ok_or_else(|| Error::invalid_input("the schema is not hexadecimal"))?;
        let message = Message1::decode(bytes.as_slice())
            .map_err(|error| Error::invalid_input(format!("the schema cannot be read: {error}")))?;
        let schema = Schema::try_from(&Fields(message.fields))?;
        let store = Arc::new(ObjectStore::local());
        let path = Path::from_absolute_path(&open.path)
            .map_err(|error| Error::invalid_input(error.to_string()))?;
        let size = usize::try_from(open.size).ok().filter(|size| *size > 0);
        let version = match lance_file::determine_file_version(&store, &path, size).await {
            Ok(version) => version,
            // The stated size is not used for 0.1 files, whose writers stated it wrongly.
            Err(error) => match lance_file::determine_file_version(&store, &path, None).await {
                Ok(ConcreteFileVersion::V1) => ConcreteFileVersion::V1,
                _ => return Err(error),
            },
        };
        check_columns(&schema, open, version)?;
        if version == ConcreteFileVersion::V1 {
            return Self::open_legacy(&store, &path, schema, open).await;
        }
        let scheduler = ScanScheduler::new(store.clone(), SchedulerConfig::max_bandwidth(&store));
        let scheduler = scheduler
            .open_file_with_priority(&path, 0, &CachedFileSize::new(open.size))
            .await?;
        let io = LanceEncodingsIo::new(scheduler.clone())
            .with_read_chunk_size(FileReaderOptions::default().read_chunk_size);
        let stored = open.ids.iter().zip(&open.column_indices);
        let columns: BTreeMap<i32, i32> = stored
            .filter(|(_, column)| **column >= 0)
            .map(|(id, column)| (*id, *column))
            .collect();
        Ok(Self {
            version,
            schema: Arc::new(schema_in_file(&schema, &columns, version)),
            opened: Opened::Current(Box::new(Current {
                path,
                scheduler,
                io: Arc::new(io),
                cache: LanceCache::with_capacity(CACHE_BYTES),
                // As the fragment reader casts them, tombstones included.
                columns: columns
                    .into_iter()
                    .map(|(id, column)| (id.cast_unsigned(), column.cast_unsigned()))
                    .collect(),
                rows: open.rows,
                metadata: None,
                index: None,
            })),
        })
    }

    async fn open_legacy(
        store: &ObjectStore,
        path: &Path,
        schema: Schema,
        open: &Open,
    ) -> Result<Self> {
        let first = open.ids.first().copied().unwrap_or(0);
        let last = open.ids.iter().max().copied().ok_or_else(|| {
            Error::invalid_input("a 0.1 file without fields has nothing to be read")
        })?;
        let stored = schema.project_by_ids(&open.ids, false);
        let reader = v1::reader::FileReader::try_new_with_fragment_id(
            store, path, schema, 0, first, last, None,
        )
        .await?;
        Ok(Self {
            version: ConcreteFileVersion::V1,
            schema: Arc::new(stored),
            opened: Opened::Legacy(reader),
        })
    }

    /// The version of the file, such as `2.1`.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// Reads rows, and hands each batch over with the schema whose fields are its columns.
    pub async fn read(
        &mut self,
        read: &Read,
        mut take: impl FnMut(&Schema, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let projected = self.project(read)?;
        match &mut self.opened {
            Opened::Legacy(reader) => {
                if projected.has_dictionary_types() {
                    return Err(Error::not_supported(
                        "unsupported: the dictionaries of 0.1 files stand in manifests",
                    ));
                }
                let projected = reader.schema().project_by_schema(
                    &projected,
                    OnMissing::Error,
                    OnTypeMismatch::Error,
                )?;
                let batch = match &read.rows {
                    Rows::Range([start, end]) => {
                        let rows = in_memory(*start)?..in_memory(*end)?;
                        reader.read_range(rows, &projected).await?
                    }
                    Rows::Indices(rows) => reader.take(rows, &projected).await?,
                };
                take(&projected, &batch)
            }
            Opened::Current(current) => {
                current
                    .read(&projected, self.version, &read.rows, take)
                    .await
            }
        }
    }

    /// The fields to read, in the form in which they are read.
    fn project(&self, read: &Read) -> Result<Schema> {
        let blobs = match read.blobs {
            Blobs::Descriptors => BlobHandling::BlobsDescriptions,
            Blobs::Binary => {
                let blobs = self.schema.fields_pre_order().filter(|f| !f.is_blob_v2());
                BlobHandling::SomeBlobsBinary(blobs.map(|f| f.id.cast_unsigned()).collect())
            }
        };
        let mut wanted = HashSet::new();
        for field in &self.schema.fields {
            select(field, read.columns.as_deref(), false, &mut wanted);
        }
        let mut projection = Projection::empty(self.schema.clone()).with_blob_handling(blobs);
        projection.field_ids = wanted;
        let projected = projection.to_bare_schema();
        if projected.fields.is_empty() {
            return Err(Error::invalid_input(
                "none of the columns asked for is in the file",
            ));
        }
        Ok(projected)
    }
}

impl Current {
    async fn read(
        &mut self,
        projected: &Schema,
        version: ConcreteFileVersion,
        rows: &Rows,
        mut take: impl FnMut(&Schema, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut physical = projected.clone();
        if matches!(
            version,
            ConcreteFileVersion::V2_0 | ConcreteFileVersion::V2_1
        ) {
            physical.fields.iter_mut().for_each(as_first_generation);
        }
        let projection = reader_projection_from_field_ids(version, &physical, &self.columns)?;
        let reader = self.reader(&projection, version).await?;
        let rows = match rows {
            Rows::Range([start, end]) => {
                ReadBatchParams::Range(in_memory(*start)?..in_memory(*end)?)
            }
            Rows::Indices(rows) => ReadBatchParams::Indices(UInt32Array::from(rows.clone())),
        };
        let mut tasks = reader
            .read_tasks(
                rows,
                BATCH_ROWS,
                Some(projection),
                FilterExpression::no_filter(),
            )
            .await?;
        while let Some(task) = tasks.next().await {
            take(&physical, &task.task.await?)?;
        }
        Ok(())
    }

    /// A reader with the metadata of all columns, or of those projected when they are few.
    async fn reader(
        &mut self,
        projection: &ReaderProjection,
        version: ConcreteFileVersion,
    ) -> Result<ProjectedFileReader> {
        let few = projection.prefers_indexed_metadata(self.columns.len());
        if version != ConcreteFileVersion::V2_0 && few {
            let index = self.index(projection).await?;
            if projection.prefers_indexed_metadata(index.num_columns() as usize) {
                return ProjectedFileReader::try_open_with_metadata_index(
                    self.io.clone(),
                    self.path.clone(),
                    Some(projection.clone()),
                    Arc::<DecoderPlugins>::default(),
                    index,
                    &self.cache,
                    FileReaderOptions::default(),
                )
                .await;
            }
        }
        let metadata = match &self.metadata {
            Some(metadata) => metadata.clone(),
            None => {
                let metadata = Arc::new(FileReader::read_all_metadata(&self.scheduler).await?);
                self.metadata.insert(metadata).clone()
            }
        };
        ProjectedFileReader::try_open_with_file_metadata(
            self.io.clone(),
            self.path.clone(),
            None,
            Arc::<DecoderPlugins>::default(),
            metadata,
            &self.cache,
            FileReaderOptions::default(),
        )
        .await
    }

    async fn index(&mut self, projection: &ReaderProjection) -> Result<Arc<FileMetadataIndex>> {
        if let Some(index) = &self.index {
            return Ok(index.clone());
        }
        let index = match self.rows {
            Some(rows) => {
                let schema = projection.schema.clone();
                FileReader::read_metadata_index_with_schema(&self.scheduler, schema, rows).await?
            }
            None => FileReader::read_metadata_index(&self.scheduler).await?,
        };
        Ok(self.index.insert(Arc::new(index)).clone())
    }
}

fn in_memory(row: u64) -> Result<usize> {
    usize::try_from(row).map_err(|_| Error::invalid_input("the row is beyond this machine"))
}

/// Whether a field is stored as one column whatever is below it.
fn is_one_column(field: &Field) -> bool {
    field.is_blob() || field.is_packed_struct()
}

/// The checks of opening a dataset on the map from fields to columns.
fn check_columns(schema: &Schema, open: &Open, version: ConcreteFileVersion) -> Result<()> {
    if version == ConcreteFileVersion::V1 || open.column_indices.is_empty() {
        return Ok(());
    }
    let (ids, columns) = (open.ids.len(), open.column_indices.len());
    if ids != columns {
        return Err(Error::invalid_input(format!(
            "{ids} field ids, and {columns} column indices"
        )));
    }
    if version == ConcreteFileVersion::V2_0 {
        return Ok(());
    }
    // Of fields that share an id the first counts.
    let mut fields: HashMap<i32, &Field> = HashMap::new();
    for field in schema.fields_pre_order() {
        fields.entry(field.id).or_insert(field);
    }
    for (id, column) in open.ids.iter().zip(&open.column_indices) {
        let Some(field) = fields.get(id) else {
            continue;
        };
        let needs_one = field.is_leaf() || is_one_column(field);
        let wrong = match (needs_one, *column == -1) {
            (true, true) => "has no column, and needs one",
            (false, false) => "has a column, and is stored in those of its children",
            _ => continue,
        };
        return Err(Error::invalid_input(format!(
            "field {} (id {id}) {wrong} in a {version} file: column index {column}",
            field.name
        )));
    }
    Ok(())
}

/// The part of a schema that has columns in a file.
fn schema_in_file(
    schema: &Schema,
    columns: &BTreeMap<i32, i32>,
    version: ConcreteFileVersion,
) -> Schema {
    fn keep(field: &Field, columns: &BTreeMap<i32, i32>, headers: bool) -> Option<Field> {
        let mapped = columns.contains_key(&field.id);
        if is_one_column(field) {
            return mapped.then(|| field.clone());
        }
        let children = field.children.iter();
        let children: Vec<Field> = children
            .filter_map(|child| keep(child, columns, headers))
            .collect();
        // A header column of 2.0 says which rows are null, without any child.
        let alone = mapped && (field.children.is_empty() || headers);
        (alone || !children.is_empty()).then(|| Field {
            children,
            ..field.clone()
        })
    }
    let headers = version == ConcreteFileVersion::V2_0;
    let fields = schema.fields.iter();
    Schema {
        fields: fields
            .filter_map(|field| keep(field, columns, headers))
            .collect(),
        metadata: schema.metadata.clone(),
    }
}

/// Collects the ids of wanted fields, with all below them and all above them. Maps and blobs come
/// whole. Returns whether any is wanted.
fn select(field: &Field, ids: Option<&[i32]>, above: bool, wanted: &mut HashSet<i32>) -> bool {
    let chosen = above || ids.is_none_or(|ids| ids.contains(&field.id));
    let mut any = chosen;
    for child in &field.children {
        any |= select(child, ids, chosen, wanted);
    }
    let whole = || matches!(field.data_type(), DataType::Map(..)) || is_one_column(field);
    if any && !chosen && whole() {
        select(field, ids, true, wanted);
    }
    if any {
        wanted.insert(field.id);
    }
    any
}

/// Files of 2.0 and 2.1 hold descriptors of the first generation, whatever the schema says.
fn as_first_generation(field: &mut Field) {
    if field.is_blob_v2() {
        field.metadata.remove(EXTENSION_KEY);
        field
            .metadata
            .insert(BLOB_KEY.to_string(), "true".to_string());
        field.logical_type = BLOB_DESC_LANCE_FIELD.logical_type.clone();
        field.children = BLOB_DESC_LANCE_FIELD.children.clone();
    } else {
        field.children.iter_mut().for_each(as_first_generation);
    }
}
