//! The output of `bundle`: what a maintainer of Lance needs to understand a dataset, and no value
//! of it.
//!
//! Its structures are its own, so that the inside can change while [`SCHEMA_VERSION`] stands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use bytes::Bytes;
use prost::Message;
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{
    self, ByteRange, EncodingJson, FindingJson, NodeJson, Subject, Summary, Tool, Value,
    byte_range, encoding_json,
};
use super::layout::{bytes, counted};
use crate::commands::bundle::{Bundle, Contents, FileDump, Folder, OpenColumn, PageDump};
use crate::finding::Place;
use crate::format::encoding::Envelope;
use crate::format::proto::lance::file::Field as WireField;
use crate::format::proto::lance::table::data_fragment::RowIdSequence;
use crate::format::proto::lance::table::{
    DataFile, DataFragment, IndexMetadata, Manifest, Timestamp, Transaction,
};
use crate::format::{deletion, wire};
use crate::hash::HashMap;
use crate::model::encoding::EncodingResult;
use crate::model::flags::{Flag, flags};
use crate::model::history;
use crate::model::index::Index;
use crate::model::snapshot::{ManifestEntry, Snapshot};
use crate::redact::messages::is_format_value;
use crate::redact::values::COUNTED_FROM;

/// Raised when a field is removed or changes its meaning; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// Fragments that are written out when none is asked for.
const MAX_FRAGMENTS: usize = 20;
/// Columns up to which each is written out with the tree of its encoding.
const MAX_TREES: usize = 500;
/// Manifests that are written out.
const MAX_MANIFESTS: usize = 100;
/// Tags, and branches, that are written out.
const MAX_REFERENCES: usize = 1_000;
/// Ways in which fragments are made up that are told apart.
const MAX_SHAPES: usize = 100;

/// What is in no bundle.
const WITHHELD: &[&str] = &[
    "the bytes of pages, blobs, dictionaries, indices and deletion files",
    "values within encodings (constants, symbol tables, starts of sequences): their lengths are here",
    "statistics and details of indices",
    "values of schema metadata, table metadata, configuration, index metadata and transaction \
     properties, and of field metadata but for the keys of Lance and Arrow",
    "what a transaction changed, and its predicates",
    "users, passwords and queries of URLs",
];

/// What `--redact` takes out besides.
const REDACTED: &[&str] = &[
    "names of columns, indices, tags, branches, files and folders, and metadata keys that are not \
     Lance's or Arrow's: each is a placeholder, the same one wherever it stands",
];

/// A dataset or data file as its metadata tells of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "lance-lint bundle")]
pub struct Document {
    /// The version of this document's shape.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// Whether names are placeholders.
    pub redacted: bool,
    /// What is not in here, on purpose.
    pub withheld: Vec<String>,
    /// What was left out to keep this short, and how to get it.
    pub left_out: Vec<String>,
    /// Counts and costs of the check.
    pub summary: Summary,
    /// Everything found, as in the report of a check.
    pub findings: Vec<FindingJson>,
    /// What was checked, with the columns and how they are stored, as in the report of a check.
    pub subjects: Vec<Subject>,
    /// What the manifest says; null without one that can be read.
    pub manifest: Option<ManifestJson>,
    /// Newer manifests than that which cannot be read.
    pub unreadable_manifests: Vec<UnreadableManifestJson>,
    /// The manifests there are, the newest first.
    pub manifests: Vec<ManifestEntryJson>,
    /// The tags there are.
    pub tags: Vec<TagJson>,
    /// The branches there are.
    pub branches: Vec<String>,
    /// Data files with their footers, columns and pages.
    pub data_files: Vec<DataFileJson>,
    /// The schemas that these data files hold themselves, each distinct one once.
    pub file_schemas: Vec<Vec<FieldJson>>,
    /// The encodings of these data files, each distinct one once.
    pub encodings: Vec<EncodingEntry>,
    /// The files there are.
    pub folders: Vec<FolderJson>,
}

/// A manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ManifestJson {
    /// Its path below the dataset's root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The version of the dataset.
    pub version: u64,
    /// How it is named: V1, V2, detached or `_latest.manifest`.
    pub naming: &'static str,
    /// When it was written, in seconds since 1970.
    pub timestamp: Option<i64>,
    /// The branch, when it is not main.
    pub branch: Option<String>,
    /// The tag in the manifest itself.
    pub tag: Option<String>,
    /// Who wrote it.
    pub writer: Option<WriterJson>,
    /// The file format for new files.
    pub data_format: Option<DataFormatJson>,
    /// What readers must know.
    pub reader_flags: FlagsJson,
    /// What writers must know.
    pub writer_flags: FlagsJson,
    /// The highest id that a fragment ever had.
    pub max_fragment_id: Option<u32>,
    /// The highest id that a field ever had.
    pub max_allocated_field_id: Option<i32>,
    /// The next stable row id.
    pub next_row_id: u64,
    /// Parts of it that cannot be read.
    pub faults: Vec<FaultJson>,
    /// Fields of its messages that this build does not know, as `path.number`.
    pub unknown_fields: Vec<String>,
    /// The fields of the schema in the order of the manifest.
    pub schema: Vec<FieldJson>,
    /// The metadata of the schema.
    pub schema_metadata: Vec<MetadataJson>,
    /// The metadata of the table.
    pub table_metadata: Vec<MetadataJson>,
    /// The configuration.
    pub config: Vec<MetadataJson>,
    /// Base paths.
    pub base_paths: Vec<BasePathJson>,
    /// Fragments of the snapshot.
    pub total_fragments: u64,
    /// Fragments, those with findings first of all.
    pub fragments: Vec<FragmentJson>,
    /// All fragments by how they are made up.
    pub fragment_shapes: Vec<ShapeJson>,
    /// Indices.
    pub indices: Vec<IndexJson>,
    /// The commit that made it; null where there is no record of it.
    pub transaction: Option<TransactionJson>,
}

/// The library that wrote a manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WriterJson {
    /// Its name.
    pub library: String,
    /// Its version.
    pub version: String,
    /// What marks it as a version before a release.
    pub prerelease: Option<String>,
    /// The build.
    pub build_metadata: Option<String>,
}

/// A file format.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DataFormatJson {
    /// Its name.
    pub file_format: String,
    /// Its version.
    pub version: String,
}

/// Feature flags.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FlagsJson {
    /// The word as it stands in the manifest.
    pub word: u64,
    /// What is set in it.
    pub names: Vec<String>,
}

/// A part that cannot be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FaultJson {
    /// Where it is.
    pub byte_range: Option<ByteRange>,
    /// What is wrong.
    pub detail: String,
}

/// A field of a schema.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Serialize, JsonSchema)]
pub struct FieldJson {
    /// Its id.
    pub id: i32,
    /// The id of the field above it; negative for none.
    pub parent_id: i32,
    /// Its name.
    pub name: String,
    /// Its type as spelt.
    pub logical_type: String,
    /// Whether nulls are allowed.
    pub nullable: bool,
    /// 0.1 only: the number of its encoding.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub encoding: i32,
    /// The extension name in a wire field of its own.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub extension_name: String,
    /// The storage class.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub storage_class: String,
    /// Its place in the primary key, from 1; 0 where the key is of one column.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub primary_key_position: Option<u32>,
    /// Its metadata.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub metadata: Vec<MetadataJson>,
}

/// A key of metadata.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Serialize, JsonSchema)]
pub struct MetadataJson {
    /// The key.
    pub key: String,
    /// The value, where it is Lance's or Arrow's; a placeholder in redacted bundles.
    pub value: Option<String>,
    /// Bytes of a value that is withheld.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub withheld_bytes: Option<u64>,
}

/// A base path.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BasePathJson {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: Option<String>,
    /// The path or URL, without credentials.
    pub path: String,
    /// Whether it is the root of a dataset, with a folder of data files of its own.
    pub is_dataset_root: bool,
}

/// A fragment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FragmentJson {
    /// Its id.
    pub id: u64,
    /// Its rows, deleted ones included.
    pub physical_rows: u64,
    /// Its data files.
    pub files: Vec<FileEntryJson>,
    /// Its deletion file.
    pub deletion_file: Option<DeletionFileJson>,
    /// Where its row ids are: inline, external or column; null for none.
    pub row_ids: Option<&'static str>,
    /// Its overlay files.
    pub overlays: Vec<FileEntryJson>,
}

/// A data file as a manifest lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileEntryJson {
    /// Its path below the folder of data files.
    pub path: String,
    /// Ids of the fields in it.
    pub fields: Vec<i32>,
    /// The physical column of each.
    pub column_indices: Vec<i32>,
    /// Its version.
    pub file_version: String,
    /// Its size in bytes; 0 when the writer did not say.
    pub file_size_bytes: u64,
    /// The base path that it is behind.
    pub base_id: Option<u32>,
}

/// A deletion file as a manifest lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeletionFileJson {
    /// Its kind: arrow or bin, or the number of another.
    pub kind: String,
    /// The version that it was made from.
    pub read_version: u64,
    /// Its id.
    pub id: u64,
    /// Rows that it deletes; 0 when the writer did not say.
    pub num_deleted_rows: u64,
    /// The base path that it is behind.
    pub base_id: Option<u32>,
}

/// Fragments that are made up alike.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShapeJson {
    /// How many.
    pub fragments: u64,
    /// The id of the first.
    pub first_id: u64,
    /// The id of the last.
    pub last_id: u64,
    /// Their rows.
    pub physical_rows: u64,
    /// The bytes of their data files, as far as the manifest says.
    pub file_size_bytes: u64,
    /// How many of them have deleted rows.
    pub with_deletions: u64,
    /// Where their row ids are.
    pub row_ids: Option<&'static str>,
    /// How many overlay files each has.
    pub overlays: u64,
    /// The data files of each.
    pub files: Vec<FileShapeJson>,
}

/// Data files that hold the same fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct FileShapeJson {
    /// Ids of the fields in it.
    pub fields: Vec<i32>,
    /// The physical column of each.
    pub column_indices: Vec<i32>,
    /// Its version.
    pub file_version: String,
    /// The base path that it is behind.
    pub base_id: Option<u32>,
}

/// A segment of an index.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IndexJson {
    /// Its name.
    pub name: String,
    /// Its uuid, or what is wrong with it.
    pub uuid: String,
    /// Ids of the fields that it is keyed on.
    pub fields: Vec<i32>,
    /// Ids of the fields that it carries.
    pub covering_fields: Vec<i32>,
    /// The type of its details.
    pub details_type: Option<String>,
    /// Bytes of the details, which are withheld.
    pub details_bytes: u64,
    /// The version of its own format.
    pub index_version: Option<i32>,
    /// The version of the dataset that it was built on.
    pub dataset_version: u64,
    /// Fragments that it covers; null when it does not tell.
    pub covered_fragments: Option<u64>,
    /// The base path that it is behind.
    pub base_id: Option<u32>,
    /// Its files below its folder with their sizes.
    pub files: Vec<FileSizeJson>,
    /// Its metadata.
    pub metadata: Vec<MetadataJson>,
}

/// A file and its size.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileSizeJson {
    /// Its name, or its path below a folder.
    pub name: String,
    /// Its bytes.
    pub size: u64,
}

/// A commit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransactionJson {
    /// What it did.
    pub operation: Option<&'static str>,
    /// The version that it was made from.
    pub read_version: u64,
    /// Its id.
    pub uuid: String,
    /// Its tag.
    pub tag: Option<String>,
    /// Its properties.
    pub properties: Vec<MetadataJson>,
}

/// A manifest that cannot be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnreadableManifestJson {
    /// Its path below the dataset's root.
    pub path: String,
    /// The version that its name says.
    pub version: u64,
}

/// A manifest in the folder of manifests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ManifestEntryJson {
    /// Its path below the dataset's root.
    pub path: String,
    /// The version that its name says.
    pub version: u64,
    /// How it is named.
    pub naming: &'static str,
}

/// A tag.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TagJson {
    /// Its name.
    pub name: String,
    /// The branch, when it is not main.
    pub branch: Option<String>,
    /// The version.
    pub version: u64,
}

/// A data file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DataFileJson {
    /// Its path below the dataset's root, or its full path where it is elsewhere.
    pub path: String,
    /// Its fragment.
    pub fragment: Option<u64>,
    /// Why nothing of it can be read.
    pub unreadable: Option<String>,
    /// What is in it.
    pub contents: Option<ContentsJson>,
}

/// The metadata of a data file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ContentsJson {
    /// Its size in bytes.
    pub size: u64,
    /// Bytes behind the end that the manifest states.
    pub trailing_bytes: u64,
    /// The version numbers of the footer.
    pub footer_version: [u16; 2],
    /// Rows that the file counts itself.
    pub rows: Option<u64>,
    /// The footer; null for 0.1.
    pub footer: Option<FooterJson>,
    /// Where the global buffers stand.
    pub global_buffers: Vec<ByteRange>,
    /// Its own schema, as an index into `file_schemas`.
    pub schema: Option<usize>,
    /// Parts that cannot be read.
    pub faults: Vec<FaultJson>,
    /// Physical columns that it has.
    pub total_columns: u32,
    /// Those that are written out.
    pub columns: Vec<ColumnJson>,
}

/// The fixed end of a data file of 2.0 or later.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FooterJson {
    /// Where the metadata of columns begins.
    pub column_metadata_start: u64,
    /// Where the table of column metadata begins.
    pub column_metadata_table: u64,
    /// Where the table of global buffers begins.
    pub global_buffer_table: u64,
    /// Entries of the table of global buffers.
    pub num_global_buffers: u32,
    /// Entries of the table of column metadata.
    pub num_columns: u32,
}

/// A physical column.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ColumnJson {
    /// Its index in the file.
    pub column_index: u32,
    /// The path of the field that is read from it.
    pub field: Option<String>,
    /// The id of that field.
    pub field_id: Option<i32>,
    /// Where its metadata stands.
    pub metadata: Option<ByteRange>,
    /// The column encoding, as an index into `encodings`.
    pub encoding: usize,
    /// Column-level buffers.
    pub buffers: Vec<ByteRange>,
    /// Parts of its metadata that cannot be read.
    pub faults: Vec<String>,
    /// All its pages by how they are stored.
    pub page_groups: Vec<PageGroupJson>,
    /// The pages that are written out.
    pub pages: Vec<PageJson>,
}

/// Pages that are stored alike.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PageGroupJson {
    /// The encoding in one line, or why it cannot be read.
    pub notation: String,
    /// Pages.
    pub pages: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PageJson {
    /// Its number, from 0.
    pub page: u64,
    /// Its rows.
    pub rows: u64,
    /// The top-level row it starts at.
    pub priority: u64,
    /// Its encoding, as an index into `encodings`.
    pub encoding: usize,
    /// Where its buffers stand, as offset and size.
    pub buffers: Vec<[u64; 2]>,
    /// Offsets and sizes that the metadata lists, where their numbers differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buffer_counts: Option<[usize; 2]>,
}

/// An encoding of pages or columns.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EncodingEntry {
    /// The encoding; null when it is not understood.
    pub encoding: Option<EncodingJson>,
    /// Why it is not understood.
    pub fault: Option<String>,
    /// Fields of the message that this build does not know, as `path.number`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown_fields: Vec<String>,
    /// The encoding message in hexadecimal digits, where it holds no values.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_hex: Option<String>,
    /// Bytes of an encoding message that is withheld, since it holds values or may.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub withheld_message_bytes: Option<u64>,
}

/// The files of a folder.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FolderJson {
    /// Its path below the dataset's root; empty for the root itself.
    pub path: String,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first of them.
    pub entries: Vec<FileSizeJson>,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

/// Makes the document of a bundle.
pub fn document(bundle: &Bundle) -> Document {
    let redacted = bundle.asked.redact;
    let json::Document {
        tool,
        summary,
        mut findings,
        mut subjects,
        ..
    } = json::document(&bundle.report);
    let in_findings = findings.iter_mut().filter_map(|f| f.encoding.as_mut());
    in_findings.for_each(|marked| withhold(&mut marked.encoding.tree));
    let columns = subjects.iter().map(|subject| subject.columns.len());
    let wide = columns.sum::<usize>() > MAX_TREES;
    let mut without_trees = 0;
    for column in subjects.iter_mut().flat_map(|subject| &mut subject.columns) {
        let kept = !wide || !column.rules.is_empty();
        without_trees += u64::from(!kept);
        for stored in &mut column.encodings {
            stored.encoding = stored.encoding.take().filter(|_| kept);
            if let Some(encoding) = &mut stored.encoding {
                withhold(&mut encoding.tree);
            }
        }
    }
    let mut tables = Tables {
        redacted,
        ..Tables::default()
    };
    let data_files = bundle.files.iter().map(|file| tables.file(file)).collect();
    let withheld = WITHHELD.iter().chain(REDACTED.iter().filter(|_| redacted));
    let opened = bundle.opened.as_ref();
    let broken = opened.map_or(&[][..], |opened| &opened.broken);
    let mut manifests: Vec<&ManifestEntry> = opened.iter().flat_map(|o| &o.manifests).collect();
    manifests.sort_by(|a, b| b.version.cmp(&a.version).then(a.path.cmp(&b.path)));
    Document {
        schema_version: SCHEMA_VERSION,
        tool,
        redacted,
        withheld: withheld.map(ToString::to_string).collect(),
        left_out: left_out(bundle, manifests.len(), without_trees),
        summary,
        findings,
        subjects,
        manifest: bundle.snapshot().map(|snapshot| manifest(bundle, snapshot)),
        unreadable_manifests: broken
            .iter()
            .map(|broken| UnreadableManifestJson {
                path: broken.entry.path.clone(),
                version: broken.entry.version,
            })
            .collect(),
        manifests: manifests
            .iter()
            .take(MAX_MANIFESTS)
            .map(|entry| ManifestEntryJson {
                path: entry.path.clone(),
                version: entry.version,
                naming: entry.naming.name(),
            })
            .collect(),
        tags: bundle
            .tags
            .iter()
            .take(MAX_REFERENCES)
            .map(|tag| TagJson {
                name: tag.name.clone(),
                branch: tag.branch.clone(),
                version: tag.version,
            })
            .collect(),
        branches: bundle
            .branches
            .iter()
            .take(MAX_REFERENCES)
            .cloned()
            .collect(),
        data_files,
        file_schemas: tables.schemas,
        encodings: tables.encodings,
        folders: bundle.folders.iter().map(folder).collect(),
    }
}

/// What is not written out, in sentences.
fn left_out(bundle: &Bundle, manifests: usize, without_trees: u64) -> Vec<String> {
    let mut said = Vec::new();
    if without_trees > 0 {
        said.push(format!(
            "in `subjects`, the encoding trees of {} without findings: `encodings` has those of \
             columns that are laid open; --column PATH lays one open",
            counted(without_trees, "column")
        ));
    }
    if bundle.files_left_out > 0 {
        said.push(format!(
            "{}: `subjects` counts how their columns are stored; --fragment ID lays those of a \
             fragment open, --all-files lays all open",
            counted(bundle.files_left_out, "data file")
        ));
    }
    let fragments = bundle.snapshot().map_or(0, |snapshot| {
        let all = snapshot.message().fragments.len();
        all.saturating_sub(chosen_fragments(bundle, &snapshot.message().fragments).len())
    });
    if fragments > 0 {
        said.push(format!(
            "{}: `fragment_shapes` counts how they are made up; --fragment ID writes one out, \
             --all-files writes all out",
            counted(fragments as u64, "fragment")
        ));
    }
    let contents = || {
        bundle
            .files
            .iter()
            .filter_map(|file| file.contents.as_ref().ok())
    };
    let columns: u64 = contents()
        .map(|file| u64::from(file.total_columns).saturating_sub(file.columns.len() as u64))
        .fold(0, u64::saturating_add);
    if columns > 0 {
        said.push(format!(
            "{} of these data files; --column PATH lays one open",
            counted(columns, "column")
        ));
    }
    let pages: u64 = contents()
        .flat_map(|file| &file.columns)
        .map(|column| {
            let all: u64 = column.groups.iter().map(|group| group.pages).sum();
            all.saturating_sub(column.pages.len() as u64)
        })
        .fold(0, u64::saturating_add);
    if pages > 0 {
        said.push(format!(
            "{} of these columns: `page_groups` counts how they are stored; --column PATH writes \
             those of a column out",
            counted(pages, "page")
        ));
    }
    let files: u64 = bundle
        .folders
        .iter()
        .map(|folder| folder.files.saturating_sub(folder.entries.len() as u64))
        .fold(0, u64::saturating_add);
    if files > 0 {
        said.push(format!(
            "the names of {}; --all-files lists them",
            counted(files, "file")
        ));
    }
    if bundle.folders_cut {
        said.push("further folders, for there are too many".to_string());
    }
    if manifests > MAX_MANIFESTS {
        let older = manifests - MAX_MANIFESTS;
        said.push(counted(older as u64, "older manifest"));
    }
    for (count, noun) in [
        (bundle.tags.len(), "tags"),
        (bundle.branches.len(), "branches"),
    ] {
        if count > MAX_REFERENCES {
            said.push(format!("{} {noun}", count - MAX_REFERENCES));
        }
    }
    said
}

fn places(bundle: &Bundle) -> impl Iterator<Item = &Place> {
    let findings = bundle.report.subjects.iter().flat_map(|s| &s.findings);
    findings.flat_map(|finding| &finding.places)
}

/// Those that are asked for; else those in which something was found, and the first.
fn chosen_fragments<'a>(bundle: &Bundle, all: &'a [DataFragment]) -> Vec<&'a DataFragment> {
    let asked = &bundle.asked;
    if !asked.fragments.is_empty() {
        let wanted = all.iter().filter(|f| asked.fragments.contains(&f.id));
        return wanted.collect();
    }
    if asked.all_files || all.len() <= MAX_FRAGMENTS {
        return all.iter().collect();
    }
    let named: Vec<u64> = places(bundle).filter_map(|place| place.fragment).collect();
    let open = bundle.files.iter().filter_map(|file| file.fragment);
    let open: Vec<u64> = open.collect();
    let wanted = all.iter().enumerate().filter(|(at, fragment)| {
        let id = &fragment.id;
        *at < MAX_FRAGMENTS / 2 || named.contains(id) || open.contains(id)
    });
    wanted
        .map(|(_, fragment)| fragment)
        .take(4 * MAX_FRAGMENTS)
        .collect()
}

fn manifest(bundle: &Bundle, snapshot: &Snapshot) -> ManifestJson {
    let redacted = bundle.asked.redact;
    let message: &Manifest = snapshot.message();
    let indices = snapshot.manifest.indices.read();
    let indices = indices.map_or(&[][..], |section| &section.indices);
    let unknown = snapshot.manifest.unknown.iter();
    ManifestJson {
        path: snapshot.entry.path.clone(),
        size: snapshot.manifest.size,
        version: snapshot.version(),
        naming: snapshot.entry.naming.name(),
        timestamp: Timestamp::decode(message.timestamp.clone())
            .ok()
            .filter(|_| !message.timestamp.is_empty())
            .map(|time| time.seconds),
        branch: filled(message.branch.as_deref()),
        tag: filled(Some(&message.tag)),
        writer: message.writer_version.as_ref().map(|writer| WriterJson {
            library: writer.library.clone(),
            version: writer.version.clone(),
            prerelease: writer.prerelease.clone(),
            build_metadata: writer.build_metadata.clone(),
        }),
        data_format: message.data_format.as_ref().map(|format| DataFormatJson {
            file_format: format.file_format.clone(),
            version: format.version.clone(),
        }),
        reader_flags: flags_json(message.reader_feature_flags),
        writer_flags: flags_json(message.writer_feature_flags),
        max_fragment_id: message.max_fragment_id,
        max_allocated_field_id: message.max_allocated_field_id,
        next_row_id: message.next_row_id,
        faults: snapshot
            .manifest
            .faults
            .iter()
            .map(|fault| FaultJson {
                byte_range: fault.range.as_ref().map(byte_range),
                detail: fault.detail.clone(),
            })
            .collect(),
        unknown_fields: unknown.map(unknown_field).collect(),
        schema: message.fields.iter().map(|f| field(f, redacted)).collect(),
        schema_metadata: bytes_metadata(&message.schema_metadata, redacted),
        table_metadata: text_metadata(&message.table_metadata, redacted),
        config: text_metadata(&message.config, redacted),
        base_paths: message
            .base_paths
            .iter()
            .map(|base| BasePathJson {
                id: base.id,
                name: base.name.clone(),
                path: base.path.clone(),
                is_dataset_root: base.is_dataset_root,
            })
            .collect(),
        total_fragments: message.fragments.len() as u64,
        fragments: chosen_fragments(bundle, &message.fragments)
            .into_iter()
            .map(fragment)
            .collect(),
        fragment_shapes: shapes(&message.fragments),
        indices: indices.iter().map(|i| index(i, redacted)).collect(),
        transaction: bundle
            .transaction
            .as_ref()
            .map(|message| transaction(message, redacted)),
    }
}

fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_string)
}

fn unknown_field(field: &wire::UnknownField) -> String {
    match field.parent.as_str() {
        "" => field.number.to_string(),
        parent => format!("{parent}.{}", field.number),
    }
}

fn flags_json(word: u64) -> FlagsJson {
    FlagsJson {
        word,
        names: flags(word).iter().map(Flag::label).collect(),
    }
}

fn field(field: &WireField, redacted: bool) -> FieldJson {
    let position = field.unenforced_primary_key_position;
    FieldJson {
        id: field.id,
        parent_id: field.parent_id,
        name: field.name.clone(),
        logical_type: field.logical_type.clone(),
        nullable: field.nullable,
        encoding: field.encoding,
        extension_name: field.extension_name.clone(),
        storage_class: String::from_utf8_lossy(&field.storage_class).into_owned(),
        primary_key_position: (field.unenforced_primary_key || position > 0).then_some(position),
        metadata: bytes_metadata(&field.metadata, redacted),
    }
}

/// Values that are Lance's or Arrow's stay. With a redactor, the others are
/// placeholders already.
fn metadata(key: &str, value: &str, bytes: usize, redacted: bool) -> MetadataJson {
    let shown = redacted || is_format_value(key, value);
    MetadataJson {
        key: key.to_string(),
        value: shown.then(|| value.to_string()),
        withheld_bytes: (!shown).then_some(bytes as u64),
    }
}

fn text_metadata(map: &BTreeMap<String, String>, redacted: bool) -> Vec<MetadataJson> {
    let entries = map.iter();
    entries
        .map(|(key, value)| metadata(key, value, value.len(), redacted))
        .collect()
}

fn bytes_metadata(map: &BTreeMap<String, Bytes>, redacted: bool) -> Vec<MetadataJson> {
    let entries = map.iter().map(|(key, value)| {
        let text = String::from_utf8_lossy(value);
        metadata(key, &text, value.len(), redacted)
    });
    entries.collect()
}

fn file_version(file: &DataFile) -> String {
    format!("{}.{}", file.file_major_version, file.file_minor_version)
}

fn file_entry(file: &DataFile) -> FileEntryJson {
    FileEntryJson {
        path: file.path.clone(),
        fields: file.fields.clone(),
        column_indices: file.column_indices.clone(),
        file_version: file_version(file),
        file_size_bytes: file.file_size_bytes,
        base_id: file.base_id,
    }
}

fn row_ids(fragment: &DataFragment) -> Option<&'static str> {
    Some(match fragment.row_id_sequence.as_ref()? {
        RowIdSequence::InlineRowIds(_) => "inline",
        RowIdSequence::ExternalRowIds(_) => "external",
        RowIdSequence::ColumnRowIds(_) => "column",
    })
}

fn fragment(fragment: &DataFragment) -> FragmentJson {
    let deletion_file = fragment.deletion_file.as_ref();
    let overlays = fragment.overlays.iter();
    FragmentJson {
        id: fragment.id,
        physical_rows: fragment.physical_rows,
        files: fragment.files.iter().map(file_entry).collect(),
        deletion_file: deletion_file.map(|file| DeletionFileJson {
            kind: deletion::Kind::from_number(file.file_type).map_or_else(
                || file.file_type.to_string(),
                |kind| kind.extension().to_string(),
            ),
            read_version: file.read_version,
            id: file.id,
            num_deleted_rows: file.num_deleted_rows,
            base_id: file.base_id,
        }),
        row_ids: row_ids(fragment),
        overlays: overlays
            .filter_map(|overlay| overlay.data_file.as_ref())
            .map(file_entry)
            .collect(),
    }
}

fn shapes(fragments: &[DataFragment]) -> Vec<ShapeJson> {
    type StoredType = (Vec<FileShapeJson>, Option<&'static str>, u64);
    let mut known: HashMap<StoredType, usize> = HashMap::default();
    let mut shapes: Vec<ShapeJson> = Vec::new();
    for fragment in fragments {
        let files = fragment.files.iter().map(|file| FileShapeJson {
            fields: file.fields.clone(),
            column_indices: file.column_indices.clone(),
            file_version: file_version(file),
            base_id: file.base_id,
        });
        let files: Vec<FileShapeJson> = files.collect();
        let overlays = fragment.overlays.len() as u64;
        let key = (files.clone(), row_ids(fragment), overlays);
        let at = match known.get(&key) {
            Some(at) => *at,
            None if shapes.len() >= MAX_SHAPES => continue,
            None => {
                known.insert(key, shapes.len());
                shapes.push(ShapeJson {
                    fragments: 0,
                    first_id: fragment.id,
                    last_id: fragment.id,
                    physical_rows: 0,
                    file_size_bytes: 0,
                    with_deletions: 0,
                    row_ids: row_ids(fragment),
                    overlays,
                    files,
                });
                shapes.len() - 1
            }
        };
        let Some(shape) = shapes.get_mut(at) else {
            continue;
        };
        let sizes = fragment.files.iter().map(|file| file.file_size_bytes);
        shape.fragments += 1;
        shape.last_id = fragment.id;
        shape.physical_rows = shape.physical_rows.saturating_add(fragment.physical_rows);
        shape.file_size_bytes = sizes.fold(shape.file_size_bytes, u64::saturating_add);
        shape.with_deletions += u64::from(fragment.deletion_file.is_some());
    }
    shapes
}

fn index(message: &IndexMetadata, redacted: bool) -> IndexJson {
    let index = Index::new(message);
    let details = message.index_details.as_ref();
    IndexJson {
        covered_fragments: index.covered().map(roaring::RoaringBitmap::len),
        name: index.name,
        uuid: index.uuid.unwrap_or_else(|fault| fault),
        fields: index.fields,
        covering_fields: index.covering,
        details_type: index.type_url,
        details_bytes: details.map_or(0, |details| details.value.len() as u64),
        index_version: index.version,
        dataset_version: index.dataset_version,
        base_id: index.base_id,
        files: index.files.into_iter().map(file_size).collect(),
        metadata: text_metadata(&message.metadata, redacted),
    }
}

fn file_size((name, size): (String, u64)) -> FileSizeJson {
    FileSizeJson { name, size }
}

fn transaction(message: &Transaction, redacted: bool) -> TransactionJson {
    TransactionJson {
        operation: history::operation_of(message),
        read_version: message.read_version,
        uuid: message.uuid.clone(),
        tag: filled(Some(&message.tag)),
        properties: text_metadata(&message.transaction_properties, redacted),
    }
}

fn folder(folder: &Folder) -> FolderJson {
    FolderJson {
        path: folder.path.clone(),
        files: folder.files,
        bytes: folder.bytes,
        entries: folder.entries.iter().cloned().map(file_size).collect(),
    }
}

/// What data files have in common, each distinct thing once.
#[derive(Default)]
struct Tables {
    redacted: bool,
    schemas: Vec<Vec<FieldJson>>,
    known_schemas: HashMap<Vec<FieldJson>, usize>,
    encodings: Vec<EncodingEntry>,
    known_encodings: HashMap<String, usize>,
}

impl Tables {
    fn file(&mut self, file: &FileDump) -> DataFileJson {
        let contents = file.contents.as_ref();
        DataFileJson {
            path: file.name.clone(),
            fragment: file.fragment,
            unreadable: contents.err().cloned(),
            contents: contents.ok().map(|contents| self.contents(contents)),
        }
    }

    fn contents(&mut self, contents: &Contents) -> ContentsJson {
        let (major, minor) = contents.version;
        let faults = contents.faults.iter();
        ContentsJson {
            size: contents.size,
            trailing_bytes: contents.trailing,
            footer_version: [major, minor],
            rows: contents.rows,
            footer: contents.footer.as_ref().map(|footer| FooterJson {
                column_metadata_start: footer.column_metadata_start,
                column_metadata_table: footer.column_table,
                global_buffer_table: footer.global_buffer_table,
                num_global_buffers: footer.num_global_buffers,
                num_columns: footer.num_columns,
            }),
            global_buffers: contents.global_buffers.iter().map(byte_range).collect(),
            schema: contents.schema.as_ref().map(|fields| self.schema(fields)),
            faults: faults
                .map(|(range, detail)| FaultJson {
                    byte_range: range.as_ref().map(byte_range),
                    detail: detail.clone(),
                })
                .collect(),
            total_columns: contents.total_columns,
            columns: contents.columns.iter().map(|c| self.column(c)).collect(),
        }
    }

    fn schema(&mut self, fields: &[WireField]) -> usize {
        let fields = fields.iter().map(|each| field(each, self.redacted));
        let fields: Vec<FieldJson> = fields.collect();
        if let Some(at) = self.known_schemas.get(&fields) {
            return *at;
        }
        self.known_schemas
            .insert(fields.clone(), self.schemas.len());
        self.schemas.push(fields);
        self.schemas.len() - 1
    }

    fn column(&mut self, column: &OpenColumn) -> ColumnJson {
        ColumnJson {
            column_index: column.index,
            field: column.field.as_ref().map(|(path, _)| path.clone()),
            field_id: column.field.as_ref().map(|(_, id)| *id),
            metadata: column.metadata.as_ref().map(byte_range),
            encoding: self.encoding(&column.encoding, None),
            buffers: column.buffers.iter().map(byte_range).collect(),
            faults: column.faults.clone(),
            page_groups: column
                .groups
                .iter()
                .map(|group| PageGroupJson {
                    notation: group.notation.clone(),
                    pages: group.pages,
                    rows: group.rows,
                    bytes: group.bytes,
                })
                .collect(),
            pages: column.pages.iter().map(|page| self.page(page)).collect(),
        }
    }

    fn page(&mut self, page: &PageDump) -> PageJson {
        let span = |buffer: &Range<u64>| [buffer.start, buffer.end.saturating_sub(buffer.start)];
        let (offsets, sizes) = page.buffer_counts;
        PageJson {
            page: page.index,
            rows: page.rows,
            priority: page.priority,
            encoding: self.encoding(&page.encoding, page.message.as_ref()),
            buffers: page.buffers.iter().map(span).collect(),
            buffer_counts: (offsets != sizes).then_some([offsets, sizes]),
        }
    }

    fn encoding(&mut self, encoding: &EncodingResult, message: Option<&Envelope>) -> usize {
        let entry = encoding_entry(encoding, message);
        // Equal entries are written alike.
        let key = serde_json::to_string(&entry).unwrap_or_default();
        if let Some(at) = self.known_encodings.get(&key) {
            return *at;
        }
        self.known_encodings.insert(key, self.encodings.len());
        self.encodings.push(entry);
        self.encodings.len() - 1
    }
}

fn encoding_entry(encoding: &EncodingResult, message: Option<&Envelope>) -> EncodingEntry {
    let shown = message.filter(|message| {
        let name = format!(".{}", message.type_url.trim_start_matches('/'));
        encoding.is_ok() && wire::is_structure_only(&name, &message.value)
    });
    let hex = |bytes: &Bytes| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let unknown = encoding.as_ref().map_or(&[][..], |e| &e.unknown);
    EncodingEntry {
        encoding: encoding.as_ref().ok().map(|encoding| {
            let mut json = encoding_json(encoding);
            withhold(&mut json.tree);
            json
        }),
        fault: encoding.as_ref().err().map(ToString::to_string),
        unknown_fields: unknown.iter().map(unknown_field).collect(),
        message_hex: shown.map(|message| hex(&message.value)),
        withheld_message_bytes: message
            .filter(|_| shown.is_none())
            .map(|message| message.value.len() as u64),
    }
}

/// Takes out of a tree the numbers from which values are counted.
fn withhold(node: &mut NodeJson) {
    for name in COUNTED_FROM {
        if let Some(value) = node.parameters.get_mut(name) {
            *value = Value::Text("withheld".to_string());
        }
    }
    for child in &mut node.children {
        withhold(&mut child.node);
    }
}

/// Says in a few lines what a bundle of so many bytes holds, and what it does not.
pub fn summary(document: &Document, place: &str, size: u64) -> String {
    let findings = document.findings.len() as u64;
    let mut text = format!(
        "wrote {place} ({}): {}, {} laid open, {}\n",
        bytes(size),
        counted(findings, "finding"),
        counted(document.data_files.len() as u64, "data file"),
        counted(document.encodings.len() as u64, "distinct encoding"),
    );
    for line in &document.left_out {
        let _ = writeln!(text, "  left out: {line}");
    }
    text.push_str(match document.redacted {
        true => {
            "  it holds no values, and no names, paths or metadata of yours: they are placeholders\n"
        }
        false => {
            "  it holds no values; it does hold names of columns, files, tags and branches, and \
             paths\n  (--redact puts placeholders in their place)\n"
        }
    });
    text.push_str("  it can be attached to an issue; read it before you do\n");
    text
}
